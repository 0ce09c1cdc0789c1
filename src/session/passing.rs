//! How a thread goes on from where it stands, over our breakpoints.
//!
//! The instruction under a breakpoint is carried out by us where that can be done ([`super::emulate`]); otherwise it
//! is executed in place, with every other thread of the space stopped so that none slips through the gap.

use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::Session;
use super::emulate::{self, Stack};
use super::process::Tracing;
use super::tracer::Tracer;
use crate::addr::{Addr, Pid, Tid};
use crate::kernel::Errno;
use crate::kernel::affinity::Together;
use crate::kernel::mem::ProcMem;
use crate::kernel::ptrace::{self, Go};
use crate::kernel::signals::SIGTRAP;
use crate::kernel::wait::{self, Status};

impl Stack for ProcMem {
    fn load(&self, at: Addr, bytes: &mut [u8]) -> bool {
        ProcMem::load(self, at, bytes)
    }

    fn store(&self, at: Addr, bytes: &[u8]) -> bool {
        ProcMem::store(self, at, bytes)
    }
}

/// So many breakpoints and calls that nobody stopped for are a habit, if they came as quickly as that.
const SETTLED: u32 = 256;
const QUICKLY: Duration = Duration::from_millis(50);

/// What a target did without being stopped for it.
#[derive(Default)]
pub(super) struct Habit {
    times: u32,
    since: Option<Instant>,
}

impl Habit {
    /// Once more; whether it is a habit now. To be acted on at once or not at all.
    fn again(&mut self) -> bool {
        self.times += 1;
        if self.times < SETTLED {
            return false;
        }
        self.times = 0;
        let now = Instant::now();
        self.since.replace(now).is_some_and(|since| now.duration_since(since) <= QUICKLY)
    }
}

impl Session {
    /// A thread met something for which nobody stops it.
    ///
    /// Holds us and a target that does so all the time on one processor. Only one that dies with us: another would stay
    /// held if we were killed. And only one with a single thread, which would have to wait for the others.
    pub(super) fn passed_by(&mut self, pid: Pid, tid: Tid) {
        if !self.habit.again() {
            return;
        }
        let table = &self.tracer.table;
        let may = table
            .processes
            .get(&pid)
            .is_some_and(|process| process.launched && process.tracing == Tracing::Filter);
        if may && table.threads.len() == 1 && self.tracer.together.as_ref().is_none_or(Together::is_over) {
            // Where it cannot be done, it only takes longer.
            let aside = if self.settings.lossless { self.outbox.takers() } else { Vec::new() };
            self.tracer.together = Together::with(pid, tid, &aside).ok();
        }
    }
}

impl Tracer {
    /// Lets a thread go on from the site at `at`, whose breakpoint has been dealt with.
    pub(super) fn pass(&mut self, tid: Tid, at: Addr) {
        if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.passed = Some(at);
        }
        self.go(tid);
    }

    /// Lets a stopped thread go on, over the breakpoint it stands at if that one was dealt with.
    pub(super) fn go(&mut self, tid: Tid) {
        if let Some(at) = self.standing_on_site(tid)
            && !self.emulate(tid, at)
            && !self.step_over(tid, at)
        {
            return;
        }
        let how = self.table.way(tid);
        self.start(tid, how);
    }

    /// Lets a stopped thread execute one instruction; its end is a [`Happening::Stepped`].
    pub(super) fn single_step(&mut self, tid: Tid) {
        if let Some(at) = self.standing_on_site(tid) {
            if self.emulate(tid, at) || self.step_over(tid, at) {
                self.stepped.push(tid);
            } else if let Some((.., stepped)) = self.touched.iter_mut().find(|(other, ..)| *other == tid) {
                *stepped = true;
            }
            return;
        }
        if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.stepping = true;
        }
        self.start(tid, Go::Step);
    }

    pub(super) fn start(&mut self, tid: Tid, how: Go) {
        // A thread that cannot be watched is let run: what can be wrong with a slot was told when it was made.
        let _ = self.arm(tid);
        self.flush(tid);
        let Some(thread) = self.table.threads.get_mut(&tid) else { return };
        let signal = if how == Go::Listen { 0 } else { std::mem::take(&mut thread.signal) };
        thread.regs = None;
        // ESRCH: it was killed meanwhile; its end will be reported.
        let _ = ptrace::resume(tid, how, signal);
        if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.running = true;
        }
    }

    pub(super) fn standing_on_site(&mut self, tid: Tid) -> Option<Addr> {
        let at = self.table.threads.get_mut(&tid)?.passed.take()?;
        let here = self.regs(tid)?.rip() == at.0;
        if here {
            self.pass_slot(tid, at);
        }
        (here && self.table.space_of(tid)?.site(at).is_some()).then_some(at)
    }

    pub(super) fn emulate(&mut self, tid: Tid, at: Addr) -> bool {
        // What we write on its behalf would go past its debug registers.
        if self.is_watched(tid) {
            return false;
        }
        let Some(mut regs) = self.regs(tid) else { return false };
        let Some(space) = self.table.space_of(tid) else { return false };
        let Some((emulation, length)) =
            space.site(at).and_then(|site| Some((site.first.emulation?, site.first.length)))
        else {
            return false;
        };
        if emulate::apply(emulation, length, &mut regs, &space.memory).is_none() {
            return false;
        }
        self.set_regs(tid, regs);
        true
    }

    /// Executes the original instruction in place, with every other thread of the space stopped so that none
    /// slips through the gap. False when the thread did not come back from it.
    pub(super) fn step_over(&mut self, tid: Tid, at: Addr) -> bool {
        let Some(space) = self.table.process_of(tid).map(|process| process.space) else { return false };
        let others = self.stop_sharers(space, tid);
        let _ = self.arm(tid);
        self.flush(tid);
        if let Some(space) = self.table.spaces.get(&space) {
            space.lift(at);
        }
        let done = self.one_instruction(tid);
        if let Some(space) = self.table.spaces.get(&space) {
            space.lower(at);
        }
        let met = if done { self.take_met(tid) } else { 0 };
        if met != 0 {
            self.touched.push((tid, met, false));
        }
        for other in others {
            if self.table.threads.get(&other).is_some_and(|t| !t.running && t.pending.is_none()) {
                self.go(other);
            }
        }
        done && met == 0
    }

    pub(super) fn one_instruction(&mut self, tid: Tid) -> bool {
        let mut late: SmallVec<[i32; 4]> = SmallVec::new();
        let held = self.table.threads.get_mut(&tid).map_or(0, |thread| std::mem::take(&mut thread.signal));
        let outcome = loop {
            if ptrace::resume(tid, Go::Step, 0).is_err() {
                break false;
            }
            match wait::thread(tid, true) {
                Ok(Some((_, Status::Signal(SIGTRAP)))) => break true,
                // A signal that the instruction itself raised comes from the kernel; one that happened to
                // arrive waits until the instruction is done.
                Ok(Some((_, Status::Signal(signal)))) => {
                    if ptrace::signal_info(tid).is_ok_and(|info| info.code <= 0) {
                        late.push(signal);
                    } else {
                        self.hold(tid, Status::Signal(signal));
                        break false;
                    }
                }
                Ok(Some((_, Status::Event))) => {}
                Ok(Some((_, status))) => {
                    self.hold(tid, status);
                    break false;
                }
                Ok(None) | Err(Errno::EINTR) => {}
                Err(_) => break false,
            }
        };
        if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.regs = None;
            thread.running = false;
            thread.signal = held;
        }
        if let Some(pid) = self.table.threads.get(&tid).map(|thread| thread.pid) {
            // Sent again by us, because a signal can only be injected at its own delivery stop.
            for signal in late {
                let _ = ptrace::signal_thread(pid.0, tid, signal);
            }
        }
        outcome
    }
}

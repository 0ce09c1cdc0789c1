//! The loop: the target runs, things happen, and at some point everything stops for the user.

use std::time::Instant;

use super::hits::{Arrival, Crossing, Tested};
use super::inbox::Woken;
use super::live::{Live, Threads};
use super::protocol::{Note, Request};
use super::space::Owner;
use super::steps::{Next, Plan};
use super::tracer::Happening;
use super::{Locking, Selection, Session, SessionError};
use crate::addr::{Addr, Pid, Tid};
use crate::event::{Caught, EventKind, ExitStatus, StopReason};
use crate::kernel::procfs;
use crate::kernel::ptrace::SignalInfo;
use crate::kernel::signals::SIGINT;
use crate::scene::Scene;
use crate::scene::expr::{FastContext, SlowContext};

/// How the target goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Until something stops it.
    Continue,
    /// The same, delivering this signal to the selected thread instead of the one it stopped with; 0 for none.
    Signal(i32),
    /// By instructions; `over` runs called functions to their end.
    StepInstruction {
        /// Whether calls are run through.
        over: bool,
        /// How many.
        count: u64,
    },
    /// By source lines; `over` runs called functions to their end.
    StepLine {
        /// Whether calls are run through.
        over: bool,
        /// How many.
        count: u64,
    },
    /// By one source line, over calls, but never back to an earlier line of the same function (`until`).
    UntilLine,
    /// Until the frame at this level returns to its caller.
    Finish {
        /// The level; 0 is the innermost frame.
        level: u32,
    },
    /// Until one of these addresses is reached in this frame or an outer one, or the frame returns.
    Until(Vec<Addr>),
}

/// Where and why everything stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The process.
    pub pid: Pid,
    /// The thread.
    pub tid: Tid,
    /// Why.
    pub what: Halt,
}

/// Why everything stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The target is there and stopped.
    Reason(StopReason),
    /// The last debugged process ended.
    Exited(ExitStatus),
    /// It is gone and nobody saw how.
    Vanished,
}

impl Session {
    /// Lets the target go on and waits until it stops; [`Request::Interrupt`] ends the wait.
    ///
    /// # Errors
    /// [`SessionError::NotRunning`] without a target; whatever makes the step impossible;
    /// [`SessionError::FaceGone`] when nobody is there any more to see the stop.
    pub fn resume(&mut self, how: Resume) -> Result<Stop, SessionError> {
        self.decide_births();
        let selection = self.selection.ok_or(SessionError::NotRunning)?;
        let plan = self.plan(&how, selection)?;
        if let (Resume::Signal(signal), Some(thread)) =
            (&how, self.tracer.table.threads.get_mut(&selection.tid))
        {
            thread.signal = *signal;
        }
        self.sync_face();
        self.plan = plan;
        self.sync_sites();
        self.record(selection.pid, selection.tid, EventKind::Resumed);
        self.start(selection.tid);
        let stop = self.until_stop();
        self.plan = None;
        if let Ok(Stop { pid, tid, what: Halt::Reason(reason) }) = &stop {
            self.settle(*pid, *tid, reason.clone());
        }
        stop
    }

    /// A face that asks for more has shown what it was told before: it answers nothing and asks nothing until then.
    pub fn face_is_in_step(&mut self) {
        self.unsynced = false;
    }

    /// Waits until the face has shown everything, so that the target's output comes after ours.
    pub(super) fn sync_face(&mut self) {
        if !std::mem::take(&mut self.unsynced) {
            return;
        }
        self.synced += 1;
        self.outbox.send(Note::Sync(self.synced));
        while let Some(request) = self.inbox.next() {
            // Whatever else a face sends while it owes this answer, it will send again.
            if request == Request::Synced(self.synced) {
                break;
            }
        }
    }

    fn start(&mut self, selected: Tid) {
        if self.plan.as_ref().is_some_and(Plan::steps) {
            self.tracer.single_step(selected);
        }
        self.start_all(selected);
    }

    /// Lets everything go on that stands: the threads of this one's process and, with `schedule-multiple`, all others.
    pub(super) fn start_all(&mut self, selected: Tid) {
        let pid = self.pid_of(selected);
        let alone = match self.settings.scheduler_locking {
            Locking::On => true,
            Locking::Step => self.plan.as_ref().is_some_and(Plan::is_step),
            Locking::Off | Locking::Replay => false,
        };
        for tid in self.tracer.table.followed() {
            let Some(thread) = self.tracer.table.threads.get(&tid) else { continue };
            let may = tid == selected || !alone && (thread.pid == pid || self.settings.schedule_multiple);
            if may && !thread.running && thread.pending.is_none() && !self.tracer.owes(tid) {
                self.tracer.go(tid);
            }
        }
    }

    pub(super) fn until_stop(&mut self) -> Result<Stop, SessionError> {
        loop {
            let happening = self.tracer.next(&self.inbox);
            if let Some(stop) = self.decide(happening)? {
                return Ok(stop);
            }
        }
    }

    /// What follows from a happening: the thread goes on, or everything stops.
    fn decide(&mut self, happening: Happening) -> Result<Option<Stop>, SessionError> {
        match happening {
            Happening::Arrived { tid, at } => return Ok(self.arrived(tid, at)),
            Happening::Stepped { tid } => return Ok(self.stepped(tid)),
            Happening::Touched { tid, met, stepped } => return Ok(self.touched(tid, met, stepped)),
            Happening::Signal { tid, info } => return Ok(self.signalled(tid, info)),
            Happening::Entered { tid, nr } => return Ok(self.entered_call(tid, nr)),
            Happening::Returned { tid, nr, args, ret } => return Ok(self.left_call(tid, nr, args, ret)),
            Happening::Forked { tid, birth } => return Ok(self.forked(tid, birth)),
            Happening::Execed { tid } => return Ok(self.execed(tid)),
            Happening::ThreadStarted { tid, new } => {
                let pid = self.pid_of(tid);
                if let Some(pointer) = self.pointer_of_new(tid) {
                    self.pointers.insert(new, pointer);
                }
                self.record(pid, new, EventKind::ThreadStarted);
                self.tracer.go(tid);
            }
            Happening::ThreadEnded { tid, pid } => {
                self.breakpoints.iter_mut().for_each(|b| b.forget_thread(tid));
                self.record(pid, tid, EventKind::ThreadEnded);
                self.pointers.remove(&tid);
            }
            Happening::Exited { pid, status } => return Ok(self.exited(pid, status)),
            Happening::Woken(Woken::Interrupt) => return Ok(Some(self.pause())),
            Happening::Woken(Woken::Closed) => {
                self.tracer.stop_all();
                return Err(SessionError::FaceGone);
            }
            Happening::Nothing => {
                let gone = self.selection.take();
                let (pid, tid) = gone.map_or((Pid(0), Tid(0)), |s| (s.pid, s.tid));
                return Ok(Some(Stop { pid, tid, what: Halt::Vanished }));
            }
        }
        Ok(None)
    }

    pub(super) fn pid_of(&self, tid: Tid) -> Pid {
        self.tracer.table.threads.get(&tid).map_or(Pid(tid.0), |thread| thread.pid)
    }

    /// Lets a thread go on as its plan wants it.
    pub(super) fn go_on(&mut self, tid: Tid) -> Option<Stop> {
        let stepping =
            self.tracer.table.threads.get_mut(&tid).is_some_and(|t| std::mem::take(&mut t.stepping));
        if stepping {
            return self.stepped(tid);
        }
        self.tracer.go(tid);
        None
    }

    /// A stop of everything, with `tid` as its reason.
    pub(super) fn stop(&mut self, tid: Tid, reason: StopReason) -> Stop {
        self.tracer.flush(tid);
        self.tracer.stop_all();
        Stop { pid: self.pid_of(tid), tid, what: Halt::Reason(reason) }
    }

    /// What is done once everything stands: selection, records, patches of plans taken out.
    pub(super) fn settle(&mut self, pid: Pid, tid: Tid, reason: StopReason) {
        self.plan = None;
        self.selection = Some(Selection { pid, tid, level: 0 });
        self.last_hit = match reason {
            StopReason::Breakpoint { number, .. }
            | StopReason::Catchpoint { number, .. }
            | StopReason::Watchpoint { number, .. } => Some((tid, number)),
            _ => None,
        };
        self.tracer.regs(tid);
        self.record_usage(pid, tid, true);
        self.record(pid, tid, EventKind::Stopped(reason));
        self.sync_sites();
    }

    fn arrived(&mut self, tid: Tid, at: Addr) -> Option<Stop> {
        let since = Instant::now();
        let pid = self.pid_of(tid);
        let owners = self.tracer.table.space_of(tid).and_then(|s| s.site(at)).map(|s| s.owners.clone());
        let mut reason = None;
        let mut rearmed = false;
        let mut planned = false;
        for owner in owners.unwrap_or_default() {
            match owner {
                Owner::Loader => {
                    self.libraries_changed(pid);
                    reason = reason.or(self.caught_libraries(pid, tid));
                }
                Owner::Plan => planned = true,
                Owner::Call => reason = reason.or(self.call_ended(tid)),
                Owner::Scope(number) => reason = reason.or(self.scope_ended(number, tid)),
                Owner::User { number, stage, location } => {
                    let arrival = Arrival { pid, tid, stage, location };
                    match self.cross(number, arrival, since) {
                        Crossing::Go => {}
                        Crossing::Stop(why) => reason = reason.or(Some(why)),
                        Crossing::Rearmed => rearmed = true,
                        Crossing::Complain { number, error } => {
                            self.record(pid, tid, EventKind::ConditionError { number, error });
                        }
                    }
                }
            }
        }
        if rearmed {
            self.sync_sites();
        }
        if let Some(thread) = self.tracer.table.threads.get_mut(&tid) {
            // The end of a call has put it elsewhere.
            if thread.regs.is_none_or(|regs| regs.rip() == at.0) {
                thread.passed = Some(at);
            }
            thread.stepping = false;
        }
        if let Some(reason) = reason {
            return Some(self.stop(tid, reason));
        }
        if planned && let Some(next) = self.plan_arrived(tid) {
            return self.follow(tid, next);
        }
        self.on_with(tid)
    }

    /// Lets a thread go on by steps, when its plan steps, or running.
    pub(super) fn on_with(&mut self, tid: Tid) -> Option<Stop> {
        if self.plan.as_ref().is_some_and(|plan| plan.steps_thread(tid)) {
            self.tracer.single_step(tid);
        } else {
            self.tracer.go(tid);
        }
        None
    }

    /// Tests and counts one breakpoint that a thread arrived at.
    pub(super) fn cross(&mut self, number: u32, arrival: Arrival, since: Instant) -> Crossing {
        let Some(index) = self.breakpoints.iter().position(|b| b.number == number) else {
            return Crossing::Go;
        };
        if !self.breakpoints[index].listens(arrival) {
            return Crossing::Go;
        }
        let tested = self.test(index, arrival);
        let crossing = self.breakpoints[index].cross(arrival, tested, since);
        match (&crossing, self.breakpoints[index].print.clone()) {
            (Crossing::Stop(_), Some(print)) => {
                self.print_at(arrival, &print);
                Crossing::Go
            }
            _ => crossing,
        }
    }

    /// Prints what a breakpoint says instead of stopping.
    fn print_at(&mut self, at: Arrival, print: &str) {
        let selected = self.selection.replace(Selection { pid: at.pid, tid: at.tid, level: 0 });
        let text = (self.narrate)(self, print);
        self.selection = selected;
        self.say(Note::Output { text, error: false });
        // Whatever the target prints next comes behind it.
        self.sync_face();
    }

    fn test(&mut self, index: usize, arrival: Arrival) -> Tested {
        let Some(regs) = self.tracer.regs(arrival.tid) else { return Ok(false) };
        let breakpoint = &self.breakpoints[index];
        let Some((_, condition)) = breakpoint.stages.get(arrival.stage).and_then(|s| s.condition.as_ref())
        else {
            return Ok(true);
        };
        let Some(space) = self.tracer.table.space_of(arrival.tid) else { return Ok(false) };
        let memory = space.clean();
        // $hits is the count of arrivals, this one included: a condition on its own hits could never come true.
        let hits = breakpoint.stages[arrival.stage].tests + 1;
        let special = |name: &str| match name {
            "hits" => Some(i128::from(hits)),
            _ => self.specials().get(name),
        };
        let fast = FastContext { regs: &regs, memory: &memory, specials: &special };
        if let Some(tested) = condition.test_fast(&fast) {
            return tested;
        }
        let condition = condition.clone();
        let snapshot = self.specials().with("hits", hits);
        let special = |name: &str| snapshot.get(name);
        let tid = arrival.tid;
        self.refresh(arrival.pid);
        let Some(space) = self.tracer.table.space_of(tid) else { return Ok(false) };
        let memory = space.clean();
        let live = Live::new(arrival.pid, &memory, &space.auxv, Threads::One(tid, regs));
        let scene =
            Scene { source: &live, modules: &space.modules, unwinder: &space.unwinder, caches: &self.caches };
        condition.test(&mut SlowContext { scene: &scene, tid, specials: &special, vars: &mut self.vars })
    }

    pub(super) fn stepped(&mut self, tid: Tid) -> Option<Stop> {
        if !self.plan.as_ref().is_some_and(|plan| plan.is_for(tid)) {
            self.tracer.go(tid);
            return None;
        }
        let next = self.plan_stepped(tid);
        self.follow(tid, next)
    }

    /// Does what a plan wants next.
    fn follow(&mut self, tid: Tid, next: Next) -> Option<Stop> {
        match next {
            Next::Step => {
                self.tracer.single_step(tid);
                None
            }
            Next::Run => {
                self.sync_sites();
                self.tracer.go(tid);
                None
            }
            Next::Done(reason) => Some(self.end_of_step(tid, reason)),
        }
    }

    /// A step that ends at a breakpoint has hit it, as in gdb.
    fn end_of_step(&mut self, tid: Tid, reason: StopReason) -> Stop {
        let at = self.tracer.regs(tid).map(|regs| Addr(regs.rip()));
        let owners = at
            .and_then(|at| self.tracer.table.space_of(tid)?.site(at))
            .map(|site| site.owners.clone())
            .unwrap_or_default();
        let mut reason = reason;
        let pid = self.pid_of(tid);
        let passed = self.tracer.table.threads.get(&tid).and_then(|t| t.passed) == at;
        for owner in owners {
            if let Owner::User { number, stage, location } = owner
                && !passed
            {
                let arrival = Arrival { pid, tid, stage, location };
                if let Crossing::Stop(why) = self.cross(number, arrival, Instant::now()) {
                    reason = why;
                }
            }
        }
        if let Some(thread) = self.tracer.table.threads.get_mut(&tid) {
            thread.passed = at;
        }
        self.stop(tid, reason)
    }

    fn signalled(&mut self, tid: Tid, info: SignalInfo) -> Option<Stop> {
        let signal = info.signo;
        let disposal = self.settings.disposal(signal);
        if let Some(thread) = self.tracer.table.threads.get_mut(&tid)
            && !disposal.pass
        {
            thread.signal = 0;
        }
        if let Some(reason) = self.caught(tid, &Caught::Signal(signal)) {
            return Some(self.stop(tid, reason));
        }
        if disposal.stop {
            return Some(self.stop(tid, StopReason::Signal { signo: signal }));
        }
        if disposal.print {
            let pid = self.pid_of(tid);
            self.record(pid, tid, EventKind::Signalled { signo: signal });
        }
        // While stepping, a handler runs through: the step goes on where it was interrupted.
        if self.plan.as_ref().is_some_and(|plan| plan.steps_thread(tid)) {
            self.plan_return_here(tid);
            self.sync_sites();
        }
        self.tracer.go(tid);
        None
    }

    fn execed(&mut self, tid: Tid) -> Option<Stop> {
        let pid = self.pid_of(tid);
        let program = procfs::executable(pid).map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(process) = self.tracer.table.processes.get_mut(&pid) {
            process.program.clone_from(&program);
        }
        self.breakpoints.iter_mut().for_each(|b| b.armed.clear());
        self.record(pid, tid, EventKind::Execed { program: program.clone() });
        self.libraries_changed(pid);
        self.watch_anew(pid);
        if let Some(reason) = self.caught(tid, &Caught::Exec(program)) {
            return Some(self.stop(tid, reason));
        }
        self.tracer.go(tid);
        None
    }

    fn exited(&mut self, pid: Pid, status: ExitStatus) -> Option<Stop> {
        let tid = self.selection.filter(|s| s.pid == pid).map_or(Tid(pid.0), |s| s.tid);
        let runs = |tid: &&Tid| self.tracer.table.threads.get(tid).is_some_and(|thread| thread.running);
        let other = self.tracer.table.followed().iter().find(runs).copied();
        if let Some(other) = other
            && self.selection.is_none_or(|selection| selection.pid == pid)
        {
            // Another process goes on; the user is told by the event.
            self.selection = Some(Selection { pid: self.pid_of(other), tid: other, level: 0 });
        }
        self.record(pid, tid, EventKind::Exited(status));
        self.watch_no_more(pid);
        self.forget_calls(pid);
        self.last_exit = Some(status);
        for breakpoint in &mut self.breakpoints {
            breakpoint.armed.retain(|armed| armed.pid != pid);
        }
        if other.is_some() {
            return None;
        }
        self.selection = None;
        self.look_back();
        Some(Stop { pid, tid, what: Halt::Exited(status) })
    }

    fn pause(&mut self) -> Stop {
        self.tracer.stop_all();
        let selected =
            self.selection.map(|s| s.tid).filter(|tid| self.tracer.table.threads.contains_key(tid));
        let tid = selected.or_else(|| self.tracer.table.followed().first().copied()).unwrap_or(Tid(0));
        let pid = self.pid_of(tid);
        // A Ctrl-C on a shared terminal reaches the target, too. That one is the same wish: drop it.
        let mut twin = false;
        for thread in self.tracer.table.threads.values_mut().filter(|thread| thread.pid == pid) {
            if thread.pending == Some(crate::kernel::wait::Status::Signal(SIGINT)) {
                thread.pending = None;
                twin = true;
            }
        }
        let waiting = procfs::status_field(pid.0, "ShdPnd")
            .and_then(|mask| u64::from_str_radix(&mask, 16).ok())
            .is_some_and(|mask| mask & (1 << (SIGINT - 1)) != 0);
        if let Some(process) = self.tracer.table.processes.get_mut(&pid) {
            process.swallow_interrupt = waiting && !twin;
        }
        Stop { pid, tid, what: Halt::Reason(StopReason::Interrupted) }
    }
}

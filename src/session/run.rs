//! The loop: the target runs, things happen, and at some point everything stops for the user.

use std::time::Instant;

use super::hits::{Arrival, Crossing};
use super::inbox::Woken;
use super::passing::Habit;
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
        let selection = self.living()?;
        let how = match how {
            Resume::StepLine { over: false, count } if self.reveal_inline(selection.tid) => {
                if count <= 1 {
                    self.stayed = false;
                    self.selection = Some(Selection { level: 0, ..selection });
                    let what = Halt::Reason(StopReason::StepDone);
                    return Ok(Stop { pid: selection.pid, tid: selection.tid, what });
                }
                Resume::StepLine { over: false, count: count - 1 }
            }
            how => how,
        };
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
        if let Ok(Stop { pid, tid, what: Halt::Reason(reason) }) = &stop {
            self.settle(*pid, *tid, reason.clone());
        }
        self.plan = None;
        if let (Err(SessionError::FaceGone), Some(Selection { pid, tid, .. })) = (&stop, self.selection) {
            self.settle(pid, tid, StopReason::Interrupted);
        }
        stop
    }

    /// A face that asks for more has shown what it was told before: it answers nothing and asks nothing until then.
    pub fn face_is_in_step(&mut self) {
        self.unsynced = false;
    }

    /// Waits until the face has shown everything, so that the target's output comes after ours.
    pub fn sync_face(&mut self) {
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
            if request == Request::Quit {
                self.inbox.put_back(request);
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
            let Some(thread) = self.tracer.table.threads.get_mut(&tid) else { continue };
            let may = tid == selected || !alone && (thread.pid == pid || self.settings.schedule_multiple);
            thread.left_behind = !may;
            if may && !thread.running && thread.pending.is_none() && !self.tracer.owes(tid) {
                self.tracer.go(tid);
            }
        }
    }

    pub(super) fn until_stop(&mut self) -> Result<Stop, SessionError> {
        self.habit = Habit::default();
        let stop = self.happen_until_stop();
        self.tracer.together = None;
        stop
    }

    fn happen_until_stop(&mut self) -> Result<Stop, SessionError> {
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
                // Whoever announces the end tells of these, too.
                self.delete_of_gone_threads();
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
        let plan = self.plan.take();
        self.hide_inlines(tid, &reason, plan.as_ref());
        self.stayed = plan.as_ref().is_some_and(Plan::stayed);
        self.selection = Some(Selection { pid, tid, level: 0 });
        self.last_hit = match reason {
            StopReason::Breakpoint { number, .. }
            | StopReason::Catchpoint { number, .. }
            | StopReason::Watchpoint { number, .. } => Some((tid, number)),
            _ => None,
        };
        self.tracer.regs(tid);
        self.record_usage(pid, tid, true);
        let threads = self.threads_told(pid);
        let seq = self.recorder.next_seq();
        self.record(pid, tid, EventKind::Stopped(reason));
        self.sync_sites();
        if let Some(threads) = threads {
            self.tape_stop(pid, tid, seq, threads);
        }
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
    pub(super) fn follow(&mut self, tid: Tid, next: Next) -> Option<Stop> {
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
            if self.settings.follow_exec_new {
                self.tracer.table.last_process_number += 1;
                process.number = self.tracer.table.last_process_number;
                self.numbers.insert(pid, process.number);
            }
        }
        self.breakpoints.iter_mut().for_each(|b| b.armed.clear());
        self.announced.remove(&pid);
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

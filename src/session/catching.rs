//! Catchpoints: what the kernel tells of forks, programs, signals, libraries and system calls, and who waits for it.
//!
//! A catch is a stage of a breakpoint like any other: it may have a condition, be ignored for a while, or arm the next
//! stage of a chain. Where things happen is the loop's affair ([`super::run`]); here they meet the wishes.

use std::time::Instant;

use super::Session;
use super::hits::{Arrival, Crossing};
use super::run::Stop;
use super::trigger::Catch;
use crate::addr::{Pid, Tid};
use crate::event::{Caught, EventKind, StopReason};
use crate::pattern::Pattern;
use crate::scene::linkmap;

impl Session {
    /// Tells every stage that waits for `what`; the reason to stop, if one of them wants to.
    pub(super) fn caught(&mut self, tid: Tid, what: &Caught) -> Option<StopReason> {
        let waiting: Vec<(u32, usize)> = self
            .breakpoints
            .iter()
            .flat_map(|b| b.stages.iter().enumerate().map(move |(at, stage)| (b.number, at, stage)))
            .filter(|(.., stage)| stage.trigger.catch().is_some_and(|catch| fits(catch, what)))
            .map(|(number, at, _)| (number, at))
            .collect();
        let (since, pid) = (Instant::now(), self.pid_of(tid));
        let mut reason = None;
        for (number, stage) in waiting {
            if let Some(breakpoint) = self.breakpoint_mut(number) {
                breakpoint.caught = Some(what.clone());
            }
            match self.cross(number, Arrival { pid, tid, stage, location: 0 }, since) {
                Crossing::Go => {}
                Crossing::Stop(why) => reason = reason.or(Some(caught_reason(why, what))),
                Crossing::Rearmed => self.sync_sites(),
                Crossing::Complain { number, error } => {
                    self.record(pid, tid, EventKind::ConditionError { number, error });
                }
            }
        }
        reason
    }

    /// A system call that somebody waits for begins.
    pub(super) fn entered_call(&mut self, tid: Tid, nr: u64) -> Option<Stop> {
        self.pretend(tid, nr);
        self.log_entry(tid);
        match self.caught(tid, &Caught::SyscallEntry(nr)) {
            Some(reason) => Some(self.stop(tid, reason)),
            None => self.go_on(tid),
        }
    }

    /// A call returned, whose return was waited for: by us, by a catchpoint, or by both.
    pub(super) fn left_call(&mut self, tid: Tid, nr: u64, args: [u64; 6], ret: i64) -> Option<Stop> {
        let logged = self.log_return(tid, nr, ret);
        if self.settings.memory_calls {
            self.returned(tid, nr, args, ret);
        }
        if let Some(record) = logged {
            let pid = self.pid_of(tid);
            self.record(pid, tid, EventKind::Syscall(record));
        }
        let wanted = &self.tracer.table.wanted;
        let reason = match wanted.returns && wanted.has(nr) {
            true => self.caught(tid, &Caught::SyscallReturn(nr)),
            false => None,
        };
        match reason {
            Some(reason) => Some(self.stop(tid, reason)),
            None => self.go_on(tid),
        }
    }

    /// The loader says that its list has changed: what came and went since the last look.
    pub(super) fn caught_libraries(&mut self, pid: Pid, tid: Tid) -> Option<StopReason> {
        if !self.watches_libraries() {
            return None;
        }
        let before = self.note_libraries(pid)?;
        let space = self.tracer.table.space_of(tid)?;
        let now = space.libraries.as_deref().unwrap_or_default();
        let missing = |from: &[String], of: &[String]| -> Vec<String> {
            of.iter().filter(|name| !from.contains(name)).cloned().collect()
        };
        let (came, went) = (missing(&before, now), missing(now, &before));
        let loaded = if came.is_empty() { None } else { self.caught(tid, &Caught::Load(came)) };
        let unloaded = if went.is_empty() { None } else { self.caught(tid, &Caught::Unload(went)) };
        loaded.or(unloaded)
    }

    fn watches_libraries(&self) -> bool {
        let catches = self.breakpoints.iter().flat_map(|b| &b.stages).filter_map(|s| s.trigger.catch());
        catches.into_iter().any(|catch| matches!(catch, Catch::Load(_) | Catch::Unload(_)))
    }

    /// Notes which libraries a process has now; those that it had at the last look.
    fn note_libraries(&mut self, pid: Pid) -> Option<Vec<String>> {
        let table = &mut self.tracer.table;
        let space = table.processes.get(&pid)?.space;
        let space = table.spaces.get_mut(&space)?;
        let names = linkmap::read(&space.auxv, &space.clean()).into_iter().map(|loaded| loaded.name);
        let names: Vec<String> = names.filter(|name| name.contains('/')).collect();
        space.libraries.replace(names)
    }

    /// A new wish counts from now on: what is loaded already is no news.
    pub(super) fn libraries_are_known(&mut self) {
        if self.watches_libraries() {
            for (_, pid, _) in self.processes() {
                self.note_libraries(pid);
            }
        }
    }
}

/// A chain stops as a chain; a catchpoint alone says what it caught.
fn caught_reason(why: StopReason, what: &Caught) -> StopReason {
    match why {
        StopReason::Breakpoint { number, stage: 0, temporary } => {
            StopReason::Catchpoint { number, temporary, what: what.clone() }
        }
        other => other,
    }
}

fn fits(catch: &Catch, what: &Caught) -> bool {
    let named = |wanted: &Option<Pattern>, names: &[String]| {
        wanted.as_ref().is_none_or(|wanted| names.iter().any(|name| wanted.fits(name)))
    };
    match (catch, what) {
        (Catch::Fork, Caught::Fork(_))
        | (Catch::Vfork, Caught::Vfork(_))
        | (Catch::Exec, Caught::Exec(_)) => true,
        (Catch::Signal(signals), Caught::Signal(signo)) => signals.has(*signo),
        (Catch::Load(wanted), Caught::Load(names)) | (Catch::Unload(wanted), Caught::Unload(names)) => {
            named(wanted, names)
        }
        (Catch::Syscall { numbers, .. }, Caught::SyscallEntry(nr)) => {
            numbers.is_empty() || numbers.contains(nr)
        }
        (Catch::Syscall { numbers, returns }, Caught::SyscallReturn(nr)) => {
            *returns && (numbers.is_empty() || numbers.contains(nr))
        }
        _ => false,
    }
}

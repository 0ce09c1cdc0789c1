//! Who wants the debug registers: watchpoints and hardware breakpoints, four slots for each process.
//!
//! More than four are refused when they are set, with the names of those who have them. A watchpoint whose expression
//! comes to need more while it is in force is disabled, and its user told.

use super::breakpoint::Breakpoint;
use super::process::Role;
use super::slots::{self, Access, SLOTS, Slot};
use super::space::Owner;
use super::trigger::WatchKind;
use super::{Session, SessionError};
use crate::addr::{Pid, Span, Tid};
use crate::event::EventKind;

impl Session {
    /// Refuses what the debug registers cannot hold beside what they hold already.
    pub(super) fn must_fit(
        &self,
        pid: Pid,
        spans: &[Span],
        text: &str,
        number: u32,
    ) -> Result<(), SessionError> {
        let mut slots = self.wanted_slots(pid);
        let before = slots.len();
        let owner = Owner::User { number, stage: 0, location: 0 };
        for (at, len) in spans.iter().flat_map(|span| slots::pieces(*span).take(SLOTS + 1)) {
            slots::claim(&mut slots, at, len, Access::Write, None, owner);
        }
        if slots.len() <= SLOTS {
            return Ok(());
        }
        let mut owners: Vec<String> = Vec::new();
        for breakpoint in self.breakpoints.iter().filter(|b| b.enabled) {
            let held = slots[..before].iter().flat_map(|slot| &slot.owners);
            let held = held
                .filter(|owner| matches!(owner, Owner::User { number, .. } if *number == breakpoint.number));
            match held.count() {
                0 => {}
                count => {
                    let name = breakpoint.stages.first().map_or("", |stage| stage.text.as_str());
                    owners.push(format!("{} ({name}: {count})", breakpoint.number));
                }
            }
        }
        Err(SessionError::NoSlots { number, text: text.to_owned(), needs: slots.len() - before, owners })
    }

    /// What the debug registers of a process should watch.
    fn wanted_slots(&self, pid: Pid) -> Vec<Slot> {
        let mut wanted = Vec::new();
        for breakpoint in self.breakpoints.iter().filter(|b| b.enabled) {
            let number = breakpoint.number;
            for (index, stage) in
                breakpoint.stages.iter().enumerate().filter(|(at, _)| breakpoint.wants_sites(*at))
            {
                if let Some(watch) = stage.trigger.data() {
                    let access = if watch.kind == WatchKind::Write { Access::Write } else { Access::Any };
                    let owner = Owner::User { number, stage: index, location: 0 };
                    let seen = breakpoint.watched.seen.iter().filter(|seen| seen.pid == pid);
                    for (at, len) in seen.flat_map(|seen| &seen.spans).flat_map(|span| slots::pieces(*span)) {
                        slots::claim(&mut wanted, at, len, access, breakpoint.thread, owner);
                    }
                } else if breakpoint.hardware {
                    for (location, place) in
                        stage.locations.iter().enumerate().filter(|(_, place)| place.enabled)
                    {
                        if place.pid == Some(pid) {
                            let owner = Owner::User { number, stage: index, location };
                            slots::claim(
                                &mut wanted,
                                place.address,
                                1,
                                Access::Execute,
                                breakpoint.thread,
                                owner,
                            );
                        }
                    }
                }
            }
        }
        wanted
    }

    /// Brings the debug registers in step with the breakpoints.
    pub(super) fn sync_slots(&mut self) {
        let needs =
            |b: &Breakpoint| b.hardware || b.stages.iter().any(|stage| stage.trigger.data().is_some());
        let any = self.breakpoints.iter().any(needs);
        let pids: Vec<Pid> = self
            .tracer
            .table
            .processes
            .values()
            .filter(|process| process.role == Role::Followed && (any || !process.slots.is_empty()))
            .map(|process| process.pid)
            .collect();
        for pid in pids {
            let mut slots = self.wanted_slots(pid);
            while slots.len() > SLOTS {
                // The newest one is left out; its user is told, once, because it is disabled.
                let newest = slots.iter().flat_map(|slot| &slot.owners).filter_map(Owner::number).max();
                let Some(newest) = newest else { break };
                self.no_room(pid, newest);
                slots = self.wanted_slots(pid);
            }
            if self.tracer.set_slots(pid, slots.clone()).is_err()
                && let Some(newest) =
                    slots.iter().flat_map(|slot| &slot.owners).filter_map(Owner::number).max()
            {
                self.no_room(pid, newest);
                let _ = self.tracer.set_slots(pid, self.wanted_slots(pid));
            }
        }
    }

    fn no_room(&mut self, pid: Pid, number: u32) {
        let Some(breakpoint) = self.breakpoint_mut(number) else { return };
        breakpoint.enabled = false;
        let what = if breakpoint.is_watchpoint() { "hardware watchpoint" } else { "hardware breakpoint" };
        let error = format!(
            "Cannot insert {what} {number}.\nYou may have requested too many hardware breakpoints/watchpoints.\n  hint: it is disabled now; there are four debug registers"
        );
        self.record(pid, Tid(pid.0), EventKind::ConditionError { number, error });
    }
}

impl Owner {
    fn number(&self) -> Option<u32> {
        match self {
            Owner::User { number, .. } => Some(*number),
            _ => None,
        }
    }
}

//! What happens when a thread arrives at a breakpoint: conditions, counts, chains.
//!
//! The condition is tested on registers and memory alone where it can be; only one that names the program's
//! variables makes a scene. A condition that cannot be evaluated is an error state of its stage, not a hit.

use std::time::Instant;

use super::breakpoint::{Armed, Breakpoint, Disposition, Scope};
use crate::addr::{Pid, Tid};
use crate::event::StopReason;
use crate::scene::expr::ExprError;

/// What a stage's condition said.
pub(super) type Tested = Result<bool, ExprError>;

/// What crossing one stage amounts to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Crossing {
    /// Nothing for the user.
    Go,
    /// The target stops.
    Stop(StopReason),
    /// A later stage of the chain was armed or disarmed: other sites are wanted now.
    Rearmed,
    /// The condition could not be evaluated; nothing stops, but the user is told.
    Complain { number: u32, error: String },
}

/// Who arrived where.
#[derive(Copy, Clone, Debug)]
pub(super) struct Arrival {
    pub(super) pid: Pid,
    pub(super) tid: Tid,
    pub(super) stage: usize,
    pub(super) location: usize,
}

impl Breakpoint {
    /// Whether an arrival is for this breakpoint: it is in force, the thread is right, the stage is armed.
    pub(super) fn listens(&self, arrival: Arrival) -> bool {
        let right_thread = self.thread.is_none_or(|tid| tid == arrival.tid);
        self.enabled && right_thread && (arrival.stage == 0 || self.is_armed(arrival))
    }

    fn is_armed(&self, arrival: Arrival) -> bool {
        self.armed.iter().any(|armed| {
            armed.stage == arrival.stage
                && match self.scope {
                    Scope::Thread => armed.tid == arrival.tid,
                    Scope::Process => armed.pid == arrival.pid,
                    Scope::Any => true,
                }
        })
    }

    /// Whether any thread waits for this stage, so that its sites must be in.
    pub(super) fn wants_sites(&self, stage: usize) -> bool {
        self.enabled && (stage == 0 || self.armed.iter().any(|armed| armed.stage == stage))
    }

    /// Counts an arrival whose condition was tested, and says what follows from it.
    pub(super) fn cross(&mut self, arrival: Arrival, tested: Tested, since: Instant) -> Crossing {
        let Some(stage) = self.stages.get_mut(arrival.stage) else { return Crossing::Go };
        stage.tests += 1;
        stage.cost += since.elapsed();
        match tested {
            Ok(true) => stage.error = None,
            Ok(false) => {
                stage.error = None;
                return Crossing::Go;
            }
            Err(error) => {
                let error = error.to_string();
                // Told once; the same error again is only counted.
                let news = stage.error.as_ref() != Some(&error);
                stage.error = Some(error.clone());
                let number = self.number;
                return if news { Crossing::Complain { number, error } } else { Crossing::Go };
            }
        }
        stage.hits += 1;
        if let Some(location) = stage.locations.get_mut(arrival.location) {
            location.hits += 1;
        }
        if arrival.stage + 1 < self.stages.len() {
            return self.arm(arrival);
        }
        self.hits += 1;
        if self.ignore > 0 {
            self.ignore -= 1;
            return Crossing::Go;
        }
        let stage = if self.is_chain() { arrival.stage as u32 + 1 } else { 0 };
        if self.is_chain() {
            self.disarm(arrival);
        }
        self.enabled &= !self.once;
        if let Disposition::Disable { after } = &mut self.disposition {
            *after = after.saturating_sub(1);
            self.enabled &= *after > 0;
        }
        let temporary = self.disposition == Disposition::Delete;
        Crossing::Stop(StopReason::Breakpoint { number: self.number, stage, temporary })
    }

    fn arm(&mut self, arrival: Arrival) -> Crossing {
        let next = Armed { stage: arrival.stage + 1, tid: arrival.tid, pid: arrival.pid };
        // Crossing the first stage anew starts over; crossing any other moves the thread on.
        self.disarm(arrival);
        self.armed.push(next);
        Crossing::Rearmed
    }

    fn disarm(&mut self, arrival: Arrival) {
        let last = self.stages.len() - 1;
        let (scope, every) = (self.scope, self.every);
        let same = |armed: &Armed| match scope {
            Scope::Thread => armed.tid == arrival.tid,
            Scope::Process => armed.pid == arrival.pid,
            Scope::Any => true,
        };
        // `then every` keeps the last stage armed after a stop, until the first stage is crossed anew.
        let keep = every && arrival.stage == last;
        self.armed.retain(|armed| !same(armed) || keep);
    }

    /// Forgets a thread that is gone.
    pub(super) fn forget_thread(&mut self, tid: Tid) {
        if self.scope == Scope::Thread {
            self.armed.retain(|armed| armed.tid != tid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::breakpoint::Stage;
    use crate::symbols::Linespec;

    fn stage(text: &str) -> Stage {
        Stage {
            text: text.into(),
            trigger: Linespec::parse(text).unwrap().into(),
            condition: None,
            locations: Vec::new(),
            tests: 0,
            hits: 0,
            cost: std::time::Duration::ZERO,
            error: None,
        }
    }

    fn chain(stages: &[&str]) -> Breakpoint {
        Breakpoint {
            number: 1,
            stages: stages.iter().map(|text| stage(text)).collect(),
            enabled: true,
            disposition: Disposition::Keep,
            thread: None,
            thread_number: 0,
            scope: Scope::Thread,
            once: false,
            every: false,
            ignore: 0,
            hits: 0,
            commands: Vec::new(),
            caught: None,
            hardware: false,
            watched: Default::default(),
            print: None,
            armed: Vec::new(),
        }
    }

    fn at(stage: usize, tid: i32) -> Arrival {
        Arrival { pid: Pid(1), tid: Tid(tid), stage, location: 0 }
    }

    fn cross(breakpoint: &mut Breakpoint, arrival: Arrival) -> Option<Crossing> {
        breakpoint.listens(arrival).then(|| breakpoint.cross(arrival, Ok(true), Instant::now()))
    }

    fn stopped(stage: u32) -> Option<Crossing> {
        Some(Crossing::Stop(StopReason::Breakpoint { number: 1, stage, temporary: false }))
    }

    #[test]
    fn a_chain_stops_at_its_last_stage_and_starts_over() {
        let mut b = chain(&["open", "mmap"]);
        assert_eq!(cross(&mut b, at(1, 7)), None, "nobody has opened anything");
        assert_eq!(cross(&mut b, at(0, 7)), Some(Crossing::Rearmed));
        assert_eq!(cross(&mut b, at(1, 8)), None, "another thread");
        assert_eq!(cross(&mut b, at(1, 7)), stopped(2));
        assert_eq!(cross(&mut b, at(1, 7)), None, "it waits for its first stage again");
        assert_eq!((b.hits, b.stages[0].hits, b.stages[1].hits), (1, 1, 1));
    }

    #[test]
    fn then_every_keeps_the_last_stage_armed() {
        let mut b = chain(&["open", "mmap"]);
        b.every = true;
        cross(&mut b, at(0, 7));
        assert_eq!(cross(&mut b, at(1, 7)), stopped(2));
        assert_eq!(cross(&mut b, at(1, 7)), stopped(2));
        cross(&mut b, at(0, 7));
        assert_eq!(b.armed.len(), 1);
    }

    #[test]
    fn once_ends_a_chain_after_its_stop() {
        let mut b = chain(&["open", "mmap"]);
        b.once = true;
        cross(&mut b, at(0, 7));
        assert_eq!(cross(&mut b, at(1, 7)), stopped(2));
        assert_eq!(cross(&mut b, at(0, 7)), None);
    }

    #[test]
    fn a_wider_scope_lets_another_thread_stop() {
        let mut b = chain(&["open", "mmap"]);
        b.scope = Scope::Process;
        cross(&mut b, at(0, 7));
        assert_eq!(cross(&mut b, at(1, 8)), stopped(2));
    }

    #[test]
    fn an_error_is_told_once_and_is_no_hit() {
        let mut b = chain(&["f"]);
        let error = || Err(ExprError::from(crate::memory::Fault(crate::addr::Addr(8))));
        let first = b.cross(at(0, 7), error(), Instant::now());
        assert!(matches!(first, Crossing::Complain { number: 1, .. }), "{first:?}");
        assert_eq!(b.cross(at(0, 7), error(), Instant::now()), Crossing::Go);
        assert_eq!((b.hits, b.stages[0].tests), (0, 2));
    }

    #[test]
    fn ignored_crossings_are_hits_that_do_not_stop() {
        let mut b = chain(&["f"]);
        b.ignore = 2;
        for _ in 0..2 {
            assert_eq!(cross(&mut b, at(0, 7)), Some(Crossing::Go));
        }
        assert_eq!(cross(&mut b, at(0, 7)), stopped(0));
        assert_eq!(b.hits, 3);
    }
}

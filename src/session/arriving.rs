//! A thread has arrived at a site: who wanted it there, whether the condition holds, and what follows.
//!
//! This is the way that a false hit takes, as short as it can be: nothing is read of symbols and frames unless the
//! condition asks for them. What counts as a hit is [`super::hits`]'s affair.

use std::time::Instant;

use super::hits::{Arrival, Crossing, Tested};
use super::live::{Live, Threads};
use super::protocol::Note;
use super::run::Stop;
use super::space::Owner;
use super::{Selection, Session};
use crate::addr::{Addr, Tid};
use crate::event::EventKind;
use crate::scene::Scene;
use crate::scene::expr::{FastContext, SlowContext};

impl Session {
    pub(super) fn arrived(&mut self, tid: Tid, at: Addr) -> Option<Stop> {
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
        self.passed_by(pid, tid);
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
        let before = self.breakpoints[index].hits;
        let crossing = self.breakpoints[index].cross(arrival, tested, since);
        if self.breakpoints[index].hits > before {
            self.record_hit(arrival.pid, arrival.tid, number);
        }
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

    /// Tests a condition as the thread that arrived sees it: `$_thread` is its number, not the selected one's.
    fn test(&mut self, index: usize, arrival: Arrival) -> Tested {
        let selected = self.selection.replace(Selection { pid: arrival.pid, tid: arrival.tid, level: 0 });
        let tested = self.test_selected(index, arrival);
        self.selection = selected;
        tested
    }

    fn test_selected(&mut self, index: usize, arrival: Arrival) -> Tested {
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
        let live = Live::new(arrival.pid, &memory, &space.auxv, Threads::One(tid, &regs));
        let scene =
            Scene { source: &live, modules: &space.modules, unwinder: &space.unwinder, caches: &self.caches };
        condition.test(&mut SlowContext { scene: &scene, tid, specials: &special, vars: &mut self.vars })
    }
}

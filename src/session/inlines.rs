//! Inlined functions around a thread that stands: which of them gdb shows, and how line steps go in and out of them.
//!
//! A thread at the first instruction of an inlined body stands at its call as much as in it. gdb shows the call (13.1,
//! inline-frame.c, `skip_inline_frames`), and a `step` goes in without executing anything.

use super::breakpoint::Breakpoint;
use super::steps::Plan;
use super::{Session, Trigger};
use crate::addr::{Addr, FileAddr, Tid};
use crate::event::StopReason;
use crate::symbols::Linespec;
use crate::symbols::qualified;
use crate::symbols::scopes::FunctionScope;
use crate::symbols::types::DieRef;

/// An inlined copy around a pc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inlined {
    die: DieRef,
    name: String,
    /// File and line of the call.
    pub(super) call: (String, u32),
    /// The pc is where its code begins, coming from outside of it (gdb's `block_starting_point_at`).
    begins: bool,
}

/// The inlined copies around a pc, innermost first, and the function around all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inlines {
    function: Option<DieRef>,
    all: Vec<Inlined>,
}

/// What a line step makes of inlined code.
pub(super) enum Inward {
    /// It is done, with so many of the innermost copies not shown.
    Stop(usize),
    /// It goes on.
    Pass,
    /// Nothing was entered: lines decide.
    Lines,
}

impl Inlines {
    /// How many of the innermost begin at the pc.
    pub(super) fn beginning(&self) -> usize {
        self.all.iter().take_while(|copy| copy.begins).count()
    }

    /// Without the innermost `hidden`.
    pub(super) fn without(mut self, hidden: usize) -> Inlines {
        self.all.drain(..hidden.min(self.all.len()));
        self
    }

    fn same_function(&self, other: &Inlines) -> bool {
        self.function.is_some() && self.function == other.function
    }

    /// Whether both stand in the same inlined copy of the same function.
    pub(super) fn is(&self, other: &Inlines) -> bool {
        let dies = |of: &Inlines| of.all.iter().map(|copy| copy.die).collect::<Vec<_>>();
        self.same_function(other) && dies(self) == dies(other)
    }

    /// Whether it is deeper in inlined code than `outer`, inside of it.
    fn inside(&self, outer: &Inlines) -> bool {
        let more = self.all.len().checked_sub(outer.all.len());
        more.is_some_and(|more| more > 0 && self.clone().without(more).is(outer))
    }

    /// What a step from `before` that left the line at `line` makes of this place (gdb 13.1, infrun.c,
    /// process_event_stop_test: "calls" to inlined functions, parts one and two).
    pub(super) fn stepped_from(&self, before: &Inlines, line: (&str, u32), over: bool) -> Inward {
        let hidden = self.beginning();
        let shown = self.clone().without(hidden);
        if hidden > 0 && shown.is(before) {
            let call = &self.all[hidden - 1].call;
            let same_line = call.0 == line.0 && call.1 == line.1;
            return match (over, same_line) {
                (true, true) => Inward::Pass,
                (false, true) => Inward::Stop(hidden - 1),
                (_, false) => Inward::Stop(hidden),
            };
        }
        match shown.inside(before) {
            true if over => Inward::Pass,
            true => Inward::Stop(hidden),
            false => Inward::Lines,
        }
    }
}

impl Session {
    /// The inlined copies around a thread's pc.
    pub(super) fn inlines_at(&mut self, tid: Tid) -> Inlines {
        let pc = self.tracer.regs(tid).map(|regs| Addr(regs.rip()));
        pc.map(|pc| self.inlines_around(tid, pc)).unwrap_or_default()
    }

    /// The inlined copies around a pc in a thread's process.
    pub(super) fn inlines_around(&mut self, tid: Tid, Addr(pc): Addr) -> Inlines {
        let read = |session: &mut Session| {
            let space = session.tracer.table.space_of(tid)?;
            let module = space.modules.at(Addr(pc))?;
            let debug = session.caches.debug(module)?;
            let here = FileAddr(pc.wrapping_sub(module.bias));
            let scopes = debug.scopes.at(here);
            let (function, copies) = scopes.split_last()?;
            let outside = FileAddr(here.0.wrapping_sub(1));
            let copy = |scope: &FunctionScope| {
                let covered =
                    |at: FileAddr| scope.ranges.iter().any(|range| (range.0..range.1).contains(&at.0));
                let (file, line) = scope.call.unwrap_or_default();
                Inlined {
                    die: scope.die,
                    name: scope.name.as_deref().unwrap_or_default().to_owned(),
                    call: (debug.file(here, file).map(|file| file.0).unwrap_or_default(), line),
                    begins: scope.inlined && covered(here) && !covered(outside),
                }
            };
            Some(Inlines { function: Some(function.die), all: copies.iter().map(copy).collect() })
        };
        read(self).unwrap_or_default()
    }

    /// Those of them that are shown of a thread.
    pub(super) fn shown_inlines(&mut self, tid: Tid) -> Inlines {
        let hidden = self.tracer.table.threads.get(&tid).map_or(0, super::process::Thread::hidden_inlines);
        self.inlines_at(tid).without(hidden)
    }

    /// Whether the last line step ended in the frame and file that it was in last: gdb then shows the line alone.
    #[must_use]
    pub fn stayed(&self) -> bool {
        self.stayed
    }

    /// Shows one more of the inlined functions whose calls a thread stands at: a `step` that executes nothing (gdb 13.1,
    /// infcmd.c, `prepare_one_step`). `false` when all are shown.
    pub(super) fn reveal_inline(&mut self, tid: Tid) -> bool {
        let Some(thread) = self.tracer.table.threads.get_mut(&tid) else { return false };
        let more = thread.hidden_inlines() > 0;
        if let Some((_, hidden)) = thread.hidden.as_mut().filter(|_| more) {
            *hidden -= 1;
        }
        more
    }

    /// File and line of the call of the inlined function that a thread stands at the beginning of, if it is not shown.
    pub(super) fn call_stood_at(&mut self, tid: Tid) -> Option<(String, u32)> {
        let hidden = self.tracer.table.threads.get(&tid)?.hidden_inlines();
        let last = hidden.checked_sub(1)?;
        self.inlines_at(tid).all.get(last).map(|copy| copy.call.clone())
    }

    /// Decides how many of them are not shown, now that the thread stands for this reason.
    pub(super) fn hide_inlines(&mut self, tid: Tid, reason: &StopReason, plan: Option<&Plan>) {
        let hidden = match (reason, plan.and_then(Plan::hides)) {
            (StopReason::StepDone, Some(hidden)) => hidden,
            _ => {
                let here = self.inlines_at(tid);
                let own = match reason {
                    StopReason::Breakpoint { number, .. } => {
                        self.breakpoints.iter().find(|own| own.number == *number)
                    }
                    _ => None,
                };
                // A breakpoint that was put into an inlined copy is not outside of it.
                let meant = |copy: &&Inlined| own.is_none_or(|own| !is_meant(own, &copy.name));
                here.all.iter().take_while(|copy| copy.begins).take_while(meant).count()
            }
        };
        let pc = self.tracer.regs(tid).map(|regs| Addr(regs.rip()));
        if let Some(thread) = self.tracer.table.threads.get_mut(&tid) {
            thread.hidden = pc.map(|pc| (pc, hidden));
        }
    }
}

/// Whether a breakpoint was put at an inlined copy of the function called `name`: by its name, or by a place that lies
/// in it.
fn is_meant(breakpoint: &Breakpoint, name: &str) -> bool {
    let Some(stage) = breakpoint.stages.last() else { return false };
    match &stage.trigger {
        Trigger::Code(Linespec::Function { name: asked, .. }) => {
            let last = |name: &str| qualified::without_arguments(qualified::split(name).1).to_owned();
            last(asked.split('(').next().unwrap_or(asked)) == last(name)
        }
        _ => true,
    }
}

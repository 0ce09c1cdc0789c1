//! Steps: `step`, `next`, `stepi`, `nexti`, `finish`, `advance` as plans that the loop follows.
//!
//! A line step is gdb's: single-steps inside the line's range; a call that is not entered is run to its return
//! address; a return into the middle of a line goes on to the next place where a statement begins (gdb 13.1,
//! infrun.c, process_event_stop_test). Frames are told apart by the stack pointer: a return counts only when
//! the stack has come back to where the plan left it, so that recursion does not confuse it.

use super::ground::Row;
use super::inlines::{Inlines, Inward};
use super::run::Resume;
use super::{Selection, Session, SessionError};
use crate::addr::{Addr, Pid, Tid};
use crate::event::StopReason;
use crate::memory::Memory;

/// What a plan wants next.
#[derive(Debug)]
pub(super) enum Next {
    /// One more instruction.
    Step,
    /// Run until the plan's own breakpoint.
    Run,
    /// It is done.
    Done(StopReason),
}

/// A step under way.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pid: Pid,
    tid: Tid,
    kind: Kind,
    left: u64,
    /// For a step that ends among inlined functions: how many of the innermost are not shown then.
    hides: Option<usize>,
    /// For a line step: whether it ended in the frame and file that it was in last.
    stayed: Option<bool>,
    /// Run to this address; with a stack pointer, only when the stack is back at or above it.
    until: Until,
}

/// An address to run to, and how high the stack pointer has to be there.
type Until = Option<(Addr, Option<u64>)>;

#[derive(Clone, Debug)]
enum Kind {
    Instruction {
        over: bool,
    },
    Line {
        over: bool,
        row: Row,
        low: u64,
        /// The inlined functions that were shown where the step began.
        inlines: Inlines,
    },
    /// Into a function that a line step entered, up to behind its prologue; more line steps may be left.
    Enter {
        over: bool,
    },
    Finish,
    Until {
        places: Vec<Addr>,
        low: u64,
    },
}

/// A line step under way.
struct Line<'a> {
    over: bool,
    row: &'a Row,
    low: u64,
    inlines: &'a Inlines,
}

impl Plan {
    /// Up to a return to this address, with the stack pointer at least so high.
    pub(super) fn returning(pid: Pid, tid: Tid, back: Addr, low: u64) -> Plan {
        Plan {
            pid,
            tid,
            kind: Kind::Finish,
            left: 1,
            hides: None,
            stayed: None,
            until: Some((back, Some(low))),
        }
    }

    /// Whether it is a step by lines or instructions, whatever it runs through meanwhile.
    pub(super) fn is_step(&self) -> bool {
        matches!(self.kind, Kind::Instruction { .. } | Kind::Line { .. } | Kind::Enter { .. })
    }

    /// Whether the thread goes on by single instructions right now.
    pub(super) fn steps(&self) -> bool {
        self.until.is_none() && matches!(self.kind, Kind::Instruction { .. } | Kind::Line { .. })
    }

    /// How many inlined functions are not shown where the step ended; none after single instructions.
    pub(super) fn hides(&self) -> Option<usize> {
        match self.kind {
            Kind::Instruction { .. } => Some(0),
            _ => self.hides,
        }
    }

    /// Whether a line step ended in the frame and file that it was in last, which need not be where it began.
    pub(super) fn stayed(&self) -> bool {
        self.stayed == Some(true)
    }

    /// Whether this thread is the one, and steps.
    pub(super) fn steps_thread(&self, tid: Tid) -> bool {
        self.tid == tid && self.steps()
    }

    /// Whether this thread is the one.
    pub(super) fn is_for(&self, tid: Tid) -> bool {
        self.tid == tid
    }

    /// Where the plan wants breakpoints of its own.
    pub(super) fn sites(&self, pid: Pid) -> impl Iterator<Item = Addr> + '_ {
        let places: &[Addr] = match &self.kind {
            Kind::Until { places, .. } => places,
            _ => &[],
        };
        let mine = pid == self.pid;
        places.iter().copied().chain(self.until.map(|(at, _)| at)).filter(move |_| mine)
    }
}

impl Session {
    /// The plan for a way of going on; `None` when it needs none.
    pub(super) fn plan(&mut self, how: &Resume, selection: Selection) -> Result<Option<Plan>, SessionError> {
        if matches!(how, Resume::Continue | Resume::Signal(_)) {
            // Nothing is read of the thread: it may have died meanwhile, and its end is what comes next.
            return Ok(None);
        }
        let make = |kind, left, until| Plan {
            pid: selection.pid,
            tid: selection.tid,
            kind,
            left,
            hides: None,
            stayed: None,
            until,
        };
        let regs = self.tracer.regs(selection.tid).ok_or(SessionError::NotRunning)?;
        Ok(Some(match how {
            Resume::Continue | Resume::Signal(_) => return Ok(None),
            Resume::StepInstruction { over, count } => {
                let mut plan = make(Kind::Instruction { over: *over }, (*count).max(1), None);
                if *over {
                    plan.until = self.call_at(selection.tid).map(|call| (call.back, Some(regs.rsp())));
                }
                plan
            }
            Resume::StepLine { over, count } => {
                let mut row = self.row_at(selection.tid).ok_or(SessionError::NoBounds)?;
                // Its line is what is shown.
                if let Some(call) = self.call_stood_at(selection.tid) {
                    (row.file, row.line) = call;
                }
                let inlines = self.shown_inlines(selection.tid);
                let kind = Kind::Line { over: *over, row, low: regs.rsp(), inlines };
                let mut plan = make(kind, (*count).max(1), None);
                if *over {
                    plan.until = self.call_at(selection.tid).map(|call| (call.back, Some(regs.rsp())));
                }
                plan
            }
            Resume::UntilLine => {
                let mut row = self.row_at(selection.tid).ok_or(SessionError::NoBounds)?;
                let entry = self
                    .tracer
                    .table
                    .space_of(selection.tid)
                    .and_then(|space| space.modules.function_at(Addr(regs.rip())));
                // gdb 13.1, until_next_command: everything from the function's beginning to the line's end.
                row.start = entry.map_or(row.start, |span| span.start.0.min(row.start));
                let inlines = self.shown_inlines(selection.tid);
                let mut plan = make(Kind::Line { over: true, row, low: regs.rsp(), inlines }, 1, None);
                plan.until = self.call_at(selection.tid).map(|call| (call.back, Some(regs.rsp())));
                plan
            }
            Resume::Finish { level } => match self.around_inlined(selection.tid, *level) {
                Some((kind, until)) => make(kind, 1, until),
                None => {
                    let (back, low) = self.caller_of(selection.tid, *level)?;
                    make(Kind::Finish, 1, Some((back, Some(low))))
                }
            },
            Resume::Until(places) => {
                // Also out of main: who asks for a place that main never reaches wants to see where it went.
                let past_main = self.caches.past_main.replace(true);
                let caller = self.caller_of(selection.tid, selection.level).ok();
                self.caches.past_main.set(past_main);
                let until = caller.map(|(back, low)| (back, Some(low)));
                make(Kind::Until { places: places.clone(), low: regs.rsp() }, 1, until)
            }
        }))
    }

    /// The registers of the caller of the frame at `level`, as far as they are known.
    pub(super) fn caller_registers(
        &mut self,
        tid: Tid,
        level: u32,
    ) -> Result<crate::regs::FrameRegs, SessionError> {
        let past_main = self.caches.past_main.replace(true);
        let found = self.with_scene(|scene, _| {
            let frames = scene.frames(tid, level as usize + 64);
            let frame = frames.frames.get(level as usize).ok_or(SessionError::NoFrame(level))?;
            let outer = frames.frames[level as usize..].iter().find(|other| {
                !other.physical.tail_call && !std::rc::Rc::ptr_eq(&other.physical, &frame.physical)
            });
            outer.map(|outer| outer.physical.regs.clone()).ok_or(SessionError::Outermost)
        });
        self.caches.past_main.set(past_main);
        found
    }

    /// How to finish a function that was inlined: it does not return, so it is stepped over, from a line that is none, in
    /// the function around it (gdb 13.1, infcmd.c, finish_command). `None` for a frame that is not inlined.
    fn around_inlined(&mut self, tid: Tid, level: u32) -> Option<(Kind, Until)> {
        let (pc, low, deeper) = self.with_scene(|scene, _| {
            let frames = scene.frames(tid, level as usize + 1).frames;
            let frame = frames.get(level as usize).filter(|frame| frame.inlined())?;
            let own = |other: &&crate::scene::Frame| std::rc::Rc::ptr_eq(&other.physical, &frame.physical);
            let low = frame.physical.regs.get(crate::regs::RSP)?;
            Some((frame.pc(), low, frames.iter().filter(own).count()))
        })?;
        let innermost = self.tracer.regs(tid).is_some_and(|regs| regs.rip() == pc.0 && regs.rsp() == low);
        let hidden = if innermost { self.tracer.table.threads.get(&tid)?.hidden_inlines() } else { 0 };
        let inlines = self.inlines_around(tid, pc).without(hidden + deeper);
        let row = Row { start: pc.0, end: pc.0, ..Row::default() };
        let until = if innermost { self.run_over(tid) } else { Some((pc, Some(low))) };
        Some((Kind::Line { over: true, row, low, inlines }, until))
    }

    /// The return address of the frame at `level`, and the stack pointer that its caller will have at least.
    fn caller_of(&mut self, tid: Tid, level: u32) -> Result<(Addr, u64), SessionError> {
        self.with_scene(|scene, _| {
            let frames = scene.frames(tid, level as usize + 64);
            let frame = frames.frames.get(level as usize).ok_or(SessionError::NoFrame(level))?;
            // An inlined frame returns to nowhere of its own: its function's caller is meant.
            let outer = frames.frames[level as usize..]
                .iter()
                .find(|other| {
                    !other.physical.tail_call && !std::rc::Rc::ptr_eq(&other.physical, &frame.physical)
                })
                .ok_or(SessionError::Outermost)?;
            Ok((outer.pc(), outer.physical.regs.get(crate::regs::RSP).unwrap_or(0)))
        })
    }

    /// The thread reached a breakpoint of its plan; `None` when it is not meant: a deeper recursion.
    pub(super) fn plan_arrived(&mut self, tid: Tid) -> Option<Next> {
        let regs = self.tracer.regs(tid)?;
        let plan = self.plan.as_mut().filter(|plan| plan.tid == tid)?;
        let here = Addr(regs.rip());
        if let Kind::Until { places, low } = &plan.kind
            && places.contains(&here)
            && regs.rsp() >= *low
        {
            return Some(Next::Done(StopReason::StepDone));
        }
        let (at, low) = plan.until?;
        if at != here || low.is_some_and(|low| regs.rsp() < low) {
            return None;
        }
        plan.until = None;
        if let Kind::Enter { over } = plan.kind
            && plan.left > 1
        {
            let left = plan.left - 1;
            return Some(self.next_line(tid, over, left));
        }
        let finished = matches!(plan.kind, Kind::Enter { .. } | Kind::Finish | Kind::Until { .. });
        if finished {
            let reason =
                if matches!(plan.kind, Kind::Finish) { StopReason::Finished } else { StopReason::StepDone };
            return Some(Next::Done(reason));
        }
        // The plan's breakpoint is taken out; the step goes on from here.
        let next = self.plan_stepped(tid);
        self.sync_sites();
        Some(next)
    }

    /// A signal handler runs before the step goes on: wait for the thread to come back here.
    pub(super) fn plan_return_here(&mut self, tid: Tid) {
        let Some(regs) = self.tracer.regs(tid) else { return };
        if let Some(plan) = self.plan.as_mut().filter(|plan| plan.tid == tid) {
            plan.until = Some((Addr(regs.rip()), Some(regs.rsp())));
        }
    }

    /// One instruction, or one call, is behind the thread.
    pub(super) fn plan_stepped(&mut self, tid: Tid) -> Next {
        let Some(plan) = self.plan.clone() else { return Next::Done(StopReason::StepDone) };
        match plan.kind {
            Kind::Instruction { over } => {
                let left = plan.left - 1;
                if left == 0 {
                    return Next::Done(StopReason::StepDone);
                }
                let until = if over { self.run_over(tid) } else { None };
                self.update(|plan| {
                    plan.left = left;
                    plan.until = until;
                })
            }
            Kind::Line { over, ref row, low, ref inlines } => {
                let line = Line { over, row, low, inlines };
                self.line_stepped(tid, &line, plan.left)
            }
            Kind::Enter { .. } | Kind::Finish | Kind::Until { .. } => Next::Run,
        }
    }

    /// Begins the next line step of several, from where the thread stands.
    fn next_line(&mut self, tid: Tid, over: bool, left: u64) -> Next {
        let low = self.tracer.regs(tid).map_or(0, |regs| regs.rsp());
        let Some(row) = self.row_at(tid) else { return Next::Done(StopReason::StepDone) };
        let until = if over { self.run_over(tid) } else { None };
        let inlines = self.inlines_at(tid);
        let next = self.update(|plan| {
            plan.left = left;
            plan.until = until;
            plan.kind = Kind::Line { over, row, low, inlines };
        });
        self.sync_sites();
        next
    }

    fn update(&mut self, change: impl FnOnce(&mut Plan)) -> Next {
        let Some(plan) = self.plan.as_mut() else { return Next::Done(StopReason::StepDone) };
        change(plan);
        if plan.until.is_some() { Next::Run } else { Next::Step }
    }

    fn run_over(&mut self, tid: Tid) -> Option<(Addr, Option<u64>)> {
        let low = self.tracer.regs(tid)?.rsp();
        self.call_at(tid).map(|call| (call.back, Some(low)))
    }

    fn line_stepped(&mut self, tid: Tid, line: &Line<'_>, left: u64) -> Next {
        let Line { over, row, low, inlines } = *line;
        let Some(regs) = self.tracer.regs(tid) else { return Next::Done(StopReason::StepDone) };
        let (pc, rsp) = (regs.rip(), regs.rsp());
        if (row.start..row.end).contains(&pc) {
            let until = if over { self.run_over(tid) } else { None };
            return self.update(|plan| plan.until = until);
        }
        // A function was entered: the return address on top of the stack leads back into the line's function.
        if !over && let Some(next) = self.entered(tid, row, rsp) {
            return next;
        }
        let Some(here) = self.row_at(tid).filter(|here| !here.whole) else {
            return self.without_lines(tid, row, rsp);
        };
        let returned = rsp > low && !self.same_function(row.start, pc, tid);
        let now = self.inlines_at(tid);
        match now.stepped_from(inlines, (&row.file, row.line), over) {
            _ if returned => {}
            Inward::Stop(hidden) => return self.line_done(tid, line, here, hidden, left),
            Inward::Pass => {
                let until = if over { self.run_over(tid) } else { None };
                return self.update(|plan| plan.until = until);
            }
            Inward::Lines => {}
        }
        let other = here.line != row.line || here.file != row.file;
        let hidden = now.beginning();
        if here.start == pc && here.is_stmt && (other || returned) {
            return self.line_done(tid, line, here, hidden, left);
        }
        // In the middle of a line. In the same frame the old range stays; in a caller's the step goes on
        // with the line that was returned into, and where an inlined function was left with the line around it.
        let until = if over { self.run_over(tid) } else { None };
        let shown = now.without(hidden);
        let refreshed = returned || !other || !shown.is(inlines);
        let (row, inlines) = if refreshed { (here, shown) } else { (row.clone(), inlines.clone()) };
        let low = if returned { rsp } else { low };
        self.update(|plan| {
            plan.until = until;
            plan.kind = Kind::Line { over, row, low, inlines };
        })
    }

    /// A line's end was reached, with so many inlined functions not shown: the next line begins, if there is one left.
    fn line_done(&mut self, tid: Tid, line: &Line<'_>, row: Row, hidden: usize, left: u64) -> Next {
        let inlines = self.inlines_at(tid).without(hidden);
        if left <= 1 {
            let named = line.row.line > 0;
            let stayed = named && inlines.is(line.inlines) && (hidden > 0 || row.file == line.row.file);
            self.update(|plan| (plan.hides, plan.stayed) = (Some(hidden), Some(stayed)));
            return Next::Done(StopReason::StepDone);
        }
        let over = line.over;
        let until = if over { self.run_over(tid) } else { None };
        let low = self.tracer.regs(tid).map_or(0, |regs| regs.rsp());
        self.update(|plan| {
            plan.left -= 1;
            plan.until = until;
            plan.kind = Kind::Line { over, row, low, inlines };
        })
    }

    /// The thread stands at the first instruction of a function that was called from the line.
    fn entered(&mut self, tid: Tid, row: &Row, rsp: u64) -> Option<Next> {
        let memory_top = {
            let space = self.tracer.table.space_of(tid)?;
            space.clean().u64(Addr(rsp)).ok()?
        };
        let called_from = |from: &Row| (from.start..=from.end).contains(&memory_top);
        if !called_from(row) {
            return None;
        }
        let pc = self.tracer.regs(tid)?.rip();
        let target = self.through_stub(tid, Addr(pc)).unwrap_or(Addr(pc));
        let body = self.body_of(tid, target).filter(|_| !self.is_skipped(tid, target));
        match body {
            // Without line information it is run through.
            None => Some(self.update(|plan| plan.until = Some((Addr(memory_top), Some(rsp + 8))))),
            Some(body) if body.0 == pc => Some(Next::Done(StopReason::StepDone)),
            Some(body) => Some(self.update(|plan| {
                plan.until = Some((body, None));
                plan.kind = Kind::Enter { over: false };
            }))
            .map(|next| match next {
                Next::Step | Next::Run => Next::Run,
                done => done,
            }),
        }
    }

    /// Code without lines: back to whoever called it, as gdb does with functions without debug info.
    fn without_lines(&mut self, tid: Tid, row: &Row, rsp: u64) -> Next {
        let back = self.caller_of(tid, 0).ok();
        match back {
            Some((at, low)) if low > rsp => self.update(|plan| plan.until = Some((at, Some(low)))),
            _ if row.whole => Next::Step,
            _ => Next::Done(StopReason::StepDone),
        }
    }
}

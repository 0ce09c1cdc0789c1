//! What memory did, as the panes need it: the story's layout of the selected process, kept ready for drawing,
//! and two lists that only a screen needs, calls in order and marks to step through.
//!
//! All meaning is [`crate::heap::story`]'s; nothing is concluded here.

use std::collections::VecDeque;
use std::time::Duration;

use super::words;
use crate::addr::{Pid, Seq};
use crate::event::{Call, CallRecord, Event, EventKind, Label, StackFrame, StopReason};
use crate::heap::story::{Layout, Stories, Story};

/// The most calls that the list keeps; how many went is counted.
const CALLS: usize = 20_000;
/// The most marks that one can step through.
const MARKS: usize = 20_000;
/// The glyph of a moment that the user gave a name.
pub const NAMED: char = 'M';

/// A row of the list of calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The event.
    pub seq: Seq,
    /// When, in seconds.
    pub t: f64,
    /// The process.
    pub pid: Pid,
    /// What was called.
    pub call: Call,
    /// What it was.
    pub label: Label,
    /// Who called.
    pub site: Option<StackFrame>,
}

/// A moment worth going to.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The event.
    pub seq: Seq,
    /// When, in seconds.
    pub t: f64,
    /// One character for it.
    pub glyph: char,
    /// In words.
    pub text: String,
}

/// Everything that memory did.
#[derive(Debug, Default)]
pub struct Growth {
    stories: Stories,
    /// The process that panes show.
    pub shown: Option<Pid>,
    /// Its address space, as of the last [`Growth::refresh`].
    pub layout: Layout,
    /// Marks, oldest first.
    pub marks: VecDeque<Mark>,
    /// Calls, oldest first.
    pub calls: VecDeque<Row>,
    /// Calls that had to go.
    pub calls_gone: u64,
    /// The newest moment, in seconds.
    pub now: f64,
    stale: bool,
    refreshed: Duration,
}

impl Growth {
    /// The story of the process that panes show.
    #[must_use]
    pub fn story(&self) -> Option<&Story> {
        self.stories.of(self.shown?)
    }

    /// Shows another process.
    pub fn show(&mut self, pid: Pid) {
        if self.shown != Some(pid) {
            self.shown = Some(pid);
            self.stale = true;
        }
    }

    /// Folds one event.
    pub fn apply(&mut self, event: &Event) {
        self.now = self.now.max(event.t);
        self.stories.apply(event);
        self.stale |= self.shown == Some(event.pid);
        match &event.kind {
            EventKind::Started { .. } => self.show(event.pid),
            EventKind::Execed { program } => self.mark(event, 'x', format!("exec {program}")),
            EventKind::Forked { child, followed, .. } => {
                let fate = if *followed { "followed" } else { "let go" };
                self.mark(event, 'F', format!("fork of {child}, {fate}"));
            }
            EventKind::Exited(status) => {
                self.mark(event, 'E', format!("{} {}", event.pid, words::ending(*status)));
            }
            EventKind::Stopped(StopReason::StepDone | StopReason::Finished) => {}
            EventKind::Stopped(reason) => self.mark(event, 'B', words::reason(reason)),
            EventKind::Call(record) => self.call(event, record),
            EventKind::ConditionError { number, error } => {
                self.mark(event, '!', format!("condition of breakpoint {number}: {error}"));
            }
            EventKind::Marked { name, .. } => self.mark(event, NAMED, format!("mark {name}")),
            EventKind::Usage { .. }
            | EventKind::Detached
            | EventKind::Resumed
            | EventKind::Signalled { .. }
            | EventKind::ThreadStarted
            | EventKind::ThreadEnded
            | EventKind::SyscallBegun(_)
            | EventKind::Syscall(_)
            | EventKind::Halted { .. }
            | EventKind::Superseded { .. }
            | EventKind::Ended { .. }
            | EventKind::Named { .. }
            | EventKind::Hit { .. } => {}
        }
    }

    /// Makes the layout anew if events changed it, seldom enough that a large one costs little.
    pub fn refresh(&mut self, now: Duration) {
        let regions = u32::try_from(self.layout.regions.len()).unwrap_or(u32::MAX);
        let pause = Duration::from_micros(20).saturating_mul(regions);
        if !self.stale || (now.saturating_sub(self.refreshed) < pause && now >= self.refreshed) {
            return;
        }
        self.layout = self.story().map(|story| story.layout(None)).unwrap_or_default();
        self.stale = false;
        self.refreshed = now;
    }

    fn call(&mut self, event: &Event, record: &CallRecord) {
        match (record.label, &record.call) {
            (Label::Blocker, _) => {
                let who = record.site.as_ref().map(words::frame).unwrap_or_else(|| "?".to_owned());
                self.mark(event, '◆', format!("blocker planted by {who}"));
            }
            (Label::BrkRefused, Call::Brk { wanted, .. }) => {
                self.mark(event, '✗', format!("brk({wanted}) refused"));
            }
            _ => {}
        }
        if self.calls.len() >= CALLS {
            self.calls.pop_front();
            self.calls_gone += 1;
        }
        self.calls.push_back(Row {
            seq: event.seq,
            t: event.t,
            pid: event.pid,
            call: record.call,
            label: record.label,
            site: record.site.clone(),
        });
    }

    fn mark(&mut self, event: &Event, glyph: char, text: String) {
        if self.marks.len() >= MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark { seq: event.seq, t: event.t, glyph, text });
    }
}

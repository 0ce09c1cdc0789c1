//! The first event at which two runs part, and the first request that got its memory elsewhere, told with what each side
//! did there.

use serde::{Deserialize, Serialize};

use super::order::{Hunk, Run, Step};
use crate::addr::{Pid, Seq, Tid};
use crate::event::{Cause, Event, EventKind, ExitStatus, Label, StackFrame};
use crate::heap::story::{Evidence, Stories};
use crate::report::{calls, refused};

/// An event of one side, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its number.
    pub seq: Seq,
    /// When, in seconds.
    pub t: f64,
    /// Its process.
    pub pid: Pid,
    /// Its thread.
    pub tid: Tid,
    /// What happened: `brk(0x26d3000) = 0x26b2000`, `exited with code 0`.
    pub what: String,
    /// Whether it is the process's end.
    #[serde(default)]
    pub ends: bool,
    /// What the call meant.
    pub label: Option<Label>,
    /// Who called: `plant (t.c:7)`.
    pub site: Option<String>,
    /// The stack, innermost first; addresses alone where no names were recorded.
    pub stack: Vec<StackFrame>,
}

/// What is different where two runs part.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The same was asked, and answered differently.
    OtherAnswer,
    /// Only the first run did something there.
    OnlyA,
    /// Only the second did.
    OnlyB,
    /// Each did something else.
    Different,
}

/// The first event at which two runs part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parting {
    /// What is different.
    pub how: How,
    /// The process, by the order in which they appeared, from 0.
    pub process: usize,
    /// Its thread, likewise.
    pub thread: usize,
    /// How many events of this thread are the same in both before it.
    pub alike: u64,
    /// How many of the first run follow that have no counterpart.
    pub only_a: u64,
    /// How many of the second.
    pub only_b: u64,
    /// What the first run did there; nothing when it had come to its end.
    pub a: Option<Told>,
    /// What the second did.
    pub b: Option<Told>,
}

/// The first request whose memory came from the break in one run and, because brk was refused, not in the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Whether it is the first run that was refused.
    pub refused_is_a: bool,
    /// The brk that moved the break.
    pub moved: Told,
    /// The brk that was refused.
    pub refused: Told,
    /// Why, as recorded.
    pub cause: Option<Cause>,
    /// The same in a clause.
    pub because: String,
    /// The call that planted the blocker, and how its caller is known.
    pub planted: Option<(Told, Evidence)>,
    /// The mmap that followed in its place, and its length in bytes.
    pub instead: Option<(Told, u64)>,
}

/// Two runs, and the stories of all their processes.
pub(super) struct Both<'a> {
    pub(super) runs: [&'a Run<'a>; 2],
    pub(super) stories: [&'a Stories; 2],
}

impl Both<'_> {
    /// The first parting.
    pub(super) fn parting(&self, hunks: &[Hunk]) -> Option<Parting> {
        let hunk = hunks.first()?;
        let how = match hunk.len {
            (0, 0) => How::OtherAnswer,
            (0, _) => How::OnlyB,
            (_, 0) => How::OnlyA,
            _ => How::Different,
        };
        let told = |side: usize, at: usize| self.step(side, hunk, at).map(|step| self.tell(side, step.event));
        Some(Parting {
            how,
            process: hunk.line.0,
            thread: hunk.line.1,
            alike: hunk.at.0 as u64,
            only_a: hunk.len.0 as u64,
            only_b: hunk.len.1 as u64,
            a: told(0, hunk.at.0),
            b: told(1, hunk.at.1),
        })
    }

    /// The first brk that only one of the runs was granted.
    pub(super) fn placement(&self, hunks: &[Hunk]) -> Option<Placement> {
        hunks.iter().find_map(|hunk| {
            // Behind what has no counterpart stand two events that ask for the same.
            let at = (hunk.at.0 + hunk.len.0, hunk.at.1 + hunk.len.1);
            let (a, b) = (self.step(0, hunk, at.0)?, self.step(1, hunk, at.1)?);
            let label = |step: &Step<'_>| step.record().map(|record| record.label);
            let refused_is_a = match (label(a)?, label(b)?) {
                (Label::BrkGrow, Label::BrkRefused) => false,
                (Label::BrkRefused, Label::BrkGrow) => true,
                _ => return None,
            };
            let (moved, refused) = if refused_is_a { (b, a) } else { (a, b) };
            let (side, next) = if refused_is_a { (0, at.0 + 1) } else { (1, at.1 + 1) };
            let cause = refused.record().and_then(|record| record.cause.clone());
            let instead = self.step(side, hunk, next).and_then(|step| {
                let fallback = label(step)? == Label::Fallback;
                let Some(crate::event::Call::Mmap { len, ret: Ok(_), .. }) =
                    step.record().map(|record| record.call)
                else {
                    return None;
                };
                fallback.then(|| (self.tell(side, step.event), len))
            });
            Some(Placement {
                refused_is_a,
                moved: self.tell(1 - side, moved.event),
                refused: self.tell(side, refused.event),
                planted: cause.as_ref().and_then(|cause| self.planted(side, refused.event, cause)),
                because: because(cause.as_ref()),
                cause,
                instead,
            })
        })
    }

    fn step(&self, side: usize, hunk: &Hunk, at: usize) -> Option<&Step<'_>> {
        self.runs[side].steps(hunk.line).get(at)
    }

    fn planted(&self, side: usize, refused: &Event, cause: &Cause) -> Option<(Told, Evidence)> {
        let Cause::Occupied { planted_by: Some(seq), .. } = cause else { return None };
        let event = self.runs[side].event(*seq)?;
        let story = self.stories[side].of(refused.pid)?;
        let is_it = |asked: &std::sync::Arc<crate::heap::story::Asked>| asked.seq == *seq;
        let blocker = story.blockers().iter().find(|blocker| blocker.planted.as_ref().is_some_and(is_it));
        let evidence = blocker.map_or(Evidence::Recorded, |blocker| match blocker.planter().evidence {
            Evidence::Inferred => Evidence::Inferred,
            _ => Evidence::Recorded,
        });
        Some((self.tell(side, event), evidence))
    }

    fn tell(&self, side: usize, event: &Event) -> Told {
        let run = self.runs[side];
        let told = |what: String, label| Told {
            seq: event.seq,
            t: event.t,
            pid: event.pid,
            tid: event.tid,
            what,
            ends: matches!(event.kind, EventKind::Exited(_)),
            label,
            site: None,
            stack: Vec::new(),
        };
        match &event.kind {
            EventKind::Call(record) => {
                let names = run.names(event);
                let named = |at| {
                    let bare = || vec![StackFrame { address: at, ..StackFrame::default() }];
                    names.get(&at).filter(|frames| !frames.is_empty()).cloned().unwrap_or_else(bare)
                };
                let site =
                    self.stories[side].of(event.pid).and_then(|story| calls::site(story, event, record));
                Told {
                    site,
                    stack: record.stack.iter().copied().flat_map(named).collect(),
                    ..told(crate::syscalls::text(&record.call), Some(record.label))
                }
            }
            EventKind::Forked { .. } => told("a fork".to_owned(), None),
            EventKind::Execed { program } => {
                told(format!("exec of {}", crate::report::escape::plain(program)), None)
            }
            EventKind::Exited(ExitStatus::Code(code)) => told(format!("exited with code {code}"), None),
            EventKind::Exited(ExitStatus::Signal(signal)) => told(format!("killed by signal {signal}"), None),
            _ => told(String::new(), None),
        }
    }
}

fn because(cause: Option<&Cause>) -> String {
    match cause {
        Some(Cause::Occupied { blocker, .. }) => format!("a mapping stands at {}", blocker.start),
        Some(cause) => refused::short(cause),
        None => "no cause was recorded".to_owned(),
    }
}

//! What differs: between two moments of one run, or between two runs.
//!
//! ```text
//! Same amount, other place, from event 9 of A and 10 of B on: A moves the break, B maps 1 MiB instead, because a mapping
//! stands at 0x4c7000 (planted by plant_the_page (blocker.c:33) at event 9).
//! ```
//!
//! A moment's side is the story folded up to it; a run's side is its story to the end. Both are folded from events alone, so
//! a recording is compared as the session would have been. Placement (where memory went) and amount (how much there is) are
//! told apart: the amount that calls show is called the same within a tolerance that is stated, and what is live only where
//! it was measured.

pub mod named;

mod order;
mod owners;
mod parting;
mod regions;
mod runs;
mod side;
mod telling;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

use serde::{Deserialize, Serialize};

use super::Evidence;
use super::explain::Sentence;
use super::owner::Names;
use super::words::{self, count, size};
use crate::addr::{Pid, Seq};
use crate::event::{Event, EventKind};
use crate::heap::story::{Stories, Story};

pub use owners::{Owner, Share};
pub use parting::{How, Parting, Placement, Told};
pub use regions::Change;
pub use runs::{Recorded, runs};
pub use side::{Measured, Side};
pub use verdict::{Amount, Verdict};

/// What is compared.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// Two moments of one run.
    Moments,
    /// Two runs.
    Runs,
}

/// A pair of processes beside the one that is compared in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Their number, by the order in which processes appeared, from 0.
    pub process: usize,
    /// That of the first run.
    pub a: Option<Side>,
    /// That of the second.
    pub b: Option<Side>,
}

/// A comparison; its JSON has the schema `brkwater.diff/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Always [`Diff::SCHEMA`].
    pub schema: String,
    /// What is compared.
    pub of: Of,
    /// The answer in one line.
    pub headline: String,
    /// What it rests on.
    pub sentences: Vec<Sentence>,
    /// Whether two runs came to the same amount.
    pub amount: Option<Amount>,
    /// The earlier moment, or the first run.
    pub a: Side,
    /// The later moment, or the second run.
    pub b: Side,
    /// Growth by owner, the one with the largest difference first.
    pub owners: Vec<Owner>,
    /// Regions that only the second has.
    pub added: Vec<Change>,
    /// Regions that only the first has.
    pub gone: Vec<Change>,
    /// The first event at which two runs part.
    pub parting: Option<Parting>,
    /// The first request that got its memory elsewhere.
    pub placement: Option<Placement>,
    /// The other processes of two runs.
    pub others: Vec<Pair>,
}

impl Diff {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "brkwater.diff/1";

    /// The text for people.
    #[must_use]
    pub fn text(&self) -> String {
        text::text(self)
    }
}

/// A moment of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// What it is called: `mark A`, `event 41`, `now`.
    pub name: String,
    /// The latest event that counts.
    pub seq: Seq,
    /// What was measured there.
    pub measured: Measured,
}

/// Compares two moments of a process, whichever comes first. `names` are those of the return addresses at which stacks come
/// together ([`super::paths`]).
#[must_use]
pub fn moments(events: &[Event], pid: Pid, a: &Moment, b: &Moment, names: Names<'_>) -> Diff {
    let (a, b) = if b.seq < a.seq { (b, a) } else { (a, b) };
    let mut stories = Stories::default();
    let mut folded = 0;
    let mut until = |moment: &Moment| {
        let mut t = 0.0;
        for event in events.iter().skip(folded).take_while(|event| event.seq <= moment.seq) {
            stories.apply(event);
            folded += 1;
            t = event.t;
        }
        let story: Story = stories.of(pid).cloned().unwrap_or_default();
        (story, t)
    };
    let (first, t) = until(a);
    let one = Side::of(&a.name, &first, (a.seq, t), a.measured);
    let (second, later) = until(b);
    let two = Side::of(&b.name, &second, (b.seq, later.max(t)), b.measured);
    let inside = |event: &&Event| event.pid == pid && a.seq < event.seq && event.seq <= b.seq;
    let between: Vec<&Event> = events.iter().filter(inside).collect();
    let (added, gone) = regions::between(&first, &second);
    let mut sentences = Vec::new();
    told_between(&one, &two, &second, &between, &mut sentences);
    verdict::measured(&one, &two, None, &mut sentences);
    Diff {
        schema: Diff::SCHEMA.to_owned(),
        of: Of::Moments,
        headline: headline(&one, &two, &between),
        sentences,
        amount: None,
        owners: owners::owners((&first, names), (&second, names), owners::By::Line),
        a: one,
        b: two,
        added,
        gone,
        parting: None,
        placement: None,
        others: Vec::new(),
    }
}

/// `+37.0 MiB mapped for malloc between mark A and mark B: break +0 bytes, fallback +37.0 MiB, …; 37 requests, 1 distinct
/// stack, 0 bytes given back.`
fn headline(a: &Side, b: &Side, between: &[&Event]) -> String {
    let (from, to) = (&a.name, &b.name);
    let calls: Vec<_> = between.iter().filter_map(|event| got(event)).collect();
    if !between.iter().any(|event| matches!(event.kind, EventKind::Call(_))) && a.calls == b.calls {
        return format!("Nothing differs: no memory call was recorded between {from} and {to}.");
    }
    let mut stacks: Vec<_> = calls.iter().map(|record| &record.stack).collect();
    stacks.sort();
    stacks.dedup();
    let parts: Vec<String> = [
        ("break", a.totals.heap, b.totals.heap),
        ("fallback", a.totals.fallback, b.totals.fallback),
        ("large blocks", a.totals.chunks, b.totals.chunks),
    ]
    .into_iter()
    .filter(|(_, a, b)| a != b)
    .map(|(what, a, b)| format!("{what} {}", words::change(a, b)))
    .collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!(
        "{} mapped for malloc between {from} and {to}{parts}: {}, {}, {} given back.",
        words::change(a.mapped, b.mapped),
        count(calls.len() as u64, "request"),
        count(stacks.len() as u64, "distinct stack"),
        size(b.given_back.saturating_sub(a.given_back))
    )
}

/// The call, if malloc got memory by it.
fn got(event: &Event) -> Option<&crate::event::CallRecord> {
    use crate::event::Call::Mmap;
    use crate::event::Label::{BrkGrow, Fallback, FallbackNoBrk, MmapChunk, MmapChunkResize};
    let EventKind::Call(record) = &event.kind else { return None };
    let failed = matches!(record.call, Mmap { ret: Err(_), .. });
    let mallocs = matches!(record.label, BrkGrow | Fallback | FallbackNoBrk | MmapChunk | MmapChunkResize);
    (mallocs && !failed).then_some(record)
}

fn told_between(a: &Side, b: &Side, later: &Story, between: &[&Event], out: &mut Vec<Sentence>) {
    let mut say = |evidence, text: String| out.push(Sentence { evidence, text });
    let calls = b.calls.saturating_sub(a.calls);
    say(
        Evidence::Recorded,
        format!(
            "{} between event {} and event {}: malloc got {} from the kernel and gave {} back.",
            count(calls, "memory call"),
            a.seq,
            b.seq,
            size(b.got.saturating_sub(a.got)),
            size(b.given_back.saturating_sub(a.given_back))
        ),
    );
    for blocker in later.blockers() {
        let Some(asked) = blocker.planted.as_ref().filter(|asked| a.seq < asked.seq) else { continue };
        let who = words::planter(blocker).unwrap_or_else(|| "an unknown function".to_owned());
        let text = format!("A blocker {} was planted by {who} at event {}.", blocker.span, asked.seq);
        say(blocker.planter().evidence, text);
    }
    let refused = b.refused.saturating_sub(a.refused);
    if refused > 0 {
        let text = format!(
            "{} refused between the two: malloc's memory came from mmap then, wherever it could.",
            if refused == 1 { "1 brk was".to_owned() } else { format!("{refused} brks were") }
        );
        say(Evidence::Recorded, text);
    }
    if a.attached && a.calls == 0 {
        let text = "What was mapped before brkwater attached is not counted, only what came and went since.";
        say(Evidence::Unknown, text.to_owned());
    }
    if between.iter().any(|event| matches!(event.kind, EventKind::Execed { .. })) {
        let text = "The process ran another program in between: nothing of its memory of before is left.";
        say(Evidence::Recorded, text.to_owned());
    }
}

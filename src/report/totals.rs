//! What a run has come to: the memory calls by kind, what malloc's structures hold, what is resident. Two of these are
//! what [`super::compare`] compares.
//!
//! ```text
//! At the breakpoint at _exit, +0.390s:
//! label      calls   asked    live  given back
//! fallback       1      1M      1M           0
//! ```

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::escape::plain;
use super::tables::{Table, label_word};
use super::words::{self, count, moment};
use super::{Amounts, list};
use crate::addr::{Span, human_size};
use crate::event::{Event, EventKind, Label, StopReason};
use crate::heap::story::Story;
use crate::heap::story::series::Point;

/// All calls of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// The kind.
    pub label: Label,
    /// How many got memory.
    pub calls: u64,
    /// Bytes that they got.
    pub asked: u64,
    /// Bytes of these that are still mapped.
    pub live: u64,
}

/// A call that was not made (`set skip-blockers`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// What would have been mapped.
    pub span: Span,
    /// Who asked: `plant (t.c:7)`.
    pub by: Option<String>,
    /// Whether it would have been written to.
    pub writable: bool,
}

/// Resident memory as the kernel counts it, in bytes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resident {
    /// Now (`VmRSS` of `/proc/PID/status`).
    pub now: u64,
    /// At most so far (`VmHWM`).
    pub peak: u64,
}

/// A run so far; its JSON has the schema `brkwater.totals/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Always [`Totals::SCHEMA`].
    pub schema: String,
    /// Where it stands: `breakpoint 1`, `SIGSEGV`, `exited with code 0`.
    pub at: String,
    /// Whether the process lives, so that its memory was read.
    pub lives: bool,
    /// When, in seconds since it began.
    pub t: f64,
    /// Memory calls that were seen.
    pub calls: u64,
    /// brks that were refused.
    pub refused: u64,
    /// The calls that got memory, by kind.
    pub kinds: Vec<Kind>,
    /// The most that was mapped for malloc at one time, in bytes: break, fallbacks, and large blocks.
    pub peak: u64,
    /// What malloc's own structures say; nothing after the end.
    pub heap: Option<Amounts>,
    /// Pieces that the arenas' memory consists of.
    pub regions: u64,
    /// What is resident; nothing after the end.
    pub resident: Option<Resident>,
    /// Calls that were not made.
    pub skipped: Vec<Skipped>,
}

impl Totals {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "brkwater.totals/1";

    /// The totals of a story; `heap` is its `brkwater.heap/1`, `last` the event that says why it stands, and `place` the
    /// function that it stands in.
    #[must_use]
    pub fn of(
        story: &Story,
        heap: Option<&Value>,
        resident: Option<Resident>,
        skipped: Vec<Skipped>,
        last: Option<&Event>,
        place: Option<&str>,
    ) -> Totals {
        Totals {
            schema: Totals::SCHEMA.to_owned(),
            at: words::ending(story).unwrap_or_else(|| stands(last, place)),
            lives: story.ending().is_none(),
            t: story.ending().map_or_else(|| last.map_or(0.0, |event| event.t), |(t, _)| t),
            calls: story.calls(),
            refused: story.refusals().count,
            kinds: kinds(story),
            peak: story.series().peak(Point::mapped),
            heap: heap.and_then(Amounts::from_heap),
            regions: heap.map_or(0, |heap| {
                list(heap, "arenas").map(|arena| list(arena, "regions").count() as u64).sum()
            }),
            resident,
            skipped,
        }
    }

    /// Bytes that malloc got, and bytes of these that went back to the kernel.
    #[must_use]
    pub fn got_and_given_back(&self) -> (u64, u64) {
        let own = self.kinds.iter().filter(|kind| is_mallocs(kind.label));
        own.fold((0, 0), |(got, back): (u64, u64), kind| {
            let given_back = kind.asked.saturating_sub(kind.live);
            (got.saturating_add(kind.asked), back.saturating_add(given_back))
        })
    }

    /// Bytes that calls of this kind got.
    #[must_use]
    pub fn asked(&self, label: Label) -> u64 {
        self.kinds
            .iter()
            .filter(|kind| kind.label == label)
            .map(|kind| kind.asked)
            .fold(0, u64::saturating_add)
    }

    /// The text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}, {}:\n", self.at, moment(self.t));
        let mut table = Table::new(&["label", "calls", "asked", "live", "given back"], 4);
        for kind in &self.kinds {
            let back = kind.asked.saturating_sub(kind.live);
            let [asked, live, back] = [kind.asked, kind.live, back].map(human_size);
            table.row([label_word(kind.label), kind.calls.to_string(), asked, live, back]);
        }
        if !self.kinds.is_empty() {
            text.push_str(&table.text());
        }
        let (got, back) = self.got_and_given_back();
        text.push_str(&format!(
            "malloc got {} from the kernel and gave {} back; at most {} was mapped for it at one time. {} refused.\n",
            words::size(got),
            words::size(back),
            words::size(self.peak),
            match self.refused {
                0 => "No brk was".to_owned(),
                1 => "1 brk was".to_owned(),
                many => format!("{many} brks were"),
            }
        ));
        if let Some(heap) = self.heap {
            text.push_str(&format!(
                "{} in use in {}, {} free in bins, {} in caches, {} in top chunks; {} in large blocks.\n",
                words::size(heap.live),
                count(self.regions, "region"),
                words::size(heap.free),
                words::size(heap.cached),
                words::size(heap.top),
                words::size(heap.mmapped)
            ));
        }
        if let Some(Resident { now, peak }) = self.resident {
            text.push_str(&format!("Resident: {}, at most {}.\n", words::size(now), words::size(peak)));
        }
        for skipped in &self.skipped {
            let by = skipped.by.as_deref().unwrap_or("an unknown function");
            text.push_str(&format!("Skipped: a mapping of {} by {by}.\n", skipped.span));
        }
        text
    }
}

/// Whether memory of this kind is malloc's to use and to give back.
fn is_mallocs(label: Label) -> bool {
    use Label::{ArenaGrow, ArenaNew, BrkGrow, Fallback, FallbackNoBrk, MmapChunk, MmapChunkResize};
    matches!(label, BrkGrow | Fallback | FallbackNoBrk | MmapChunk | MmapChunkResize | ArenaNew | ArenaGrow)
}

fn kinds(story: &Story) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for row in story.growth().by_site {
        match kinds.iter_mut().find(|kind| kind.label == row.label) {
            Some(kind) => {
                kind.calls = kind.calls.saturating_add(row.count);
                kind.asked = kind.asked.saturating_add(row.bytes);
                kind.live = kind.live.saturating_add(row.live);
            }
            None => kinds.push(Kind { label: row.label, calls: row.count, asked: row.bytes, live: row.live }),
        }
    }
    // What the loader maps says nothing about the program's own memory.
    kinds.retain(|kind| kind.label != Label::Loader);
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.asked));
    kinds
}

fn stands(last: Option<&Event>, place: Option<&str>) -> String {
    let Some(EventKind::Stopped(reason)) = last.map(|event| &event.kind) else { return "Now".to_owned() };
    let why = match reason {
        StopReason::Breakpoint { number, .. } => format!("At breakpoint {number}"),
        StopReason::Catchpoint { number, .. } => format!("At catchpoint {number}"),
        StopReason::Watchpoint { number, .. } => format!("At watchpoint {number}"),
        StopReason::Signal { signo } => format!("Stopped by signal {signo}"),
        StopReason::Interrupted => "Interrupted".to_owned(),
        _ => "Stopped".to_owned(),
    };
    place.map_or_else(|| why.clone(), |place| format!("{why} in {}", plain(place)))
}

//! One side of a comparison: how much there was at a moment, by what it was for.

use serde::{Deserialize, Serialize};

use crate::addr::{Pid, Seq};
use crate::event::{Call, Event, EventKind, Label};
use crate::heap::story::{self, Story};
use crate::report::{totals, words};

/// What was measured at a moment, in bytes; nothing of what was not.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Resident.
    pub resident: Option<u64>,
    /// In use by malloc's own books, large blocks included.
    pub live: Option<u64>,
    /// Kept free by malloc: bins, caches, top chunks.
    pub idle: Option<u64>,
}

/// One side: a moment, or the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// What it is called: `mark A`, `event 41`, the recording's file name.
    pub name: String,
    /// The program's path; empty when it was not told.
    pub program: String,
    /// The latest event.
    pub seq: Seq,
    /// When that was, in seconds.
    pub t: f64,
    /// How the process came to its end, if it had.
    pub ending: Option<String>,
    /// Whether it ran before it was looked at, so that earlier calls are not known.
    pub attached: bool,
    /// Memory calls that were seen.
    pub calls: u64,
    /// brks that were refused.
    pub refused: u64,
    /// Blockers that stand.
    pub blockers: u64,
    /// Bytes mapped for malloc: the break, fallbacks and large blocks. Arenas of threads are not in it, because they
    /// are reserved at once and nobody sees how much of them is used.
    pub mapped: u64,
    /// Bytes by what they are for.
    pub totals: story::layout::Totals,
    /// Bytes that malloc got from the kernel so far.
    pub got: u64,
    /// Bytes of these that it gave back.
    pub given_back: u64,
    /// What was measured.
    pub measured: Measured,
}

impl Side {
    /// A side, from the story up to its moment and that moment's event.
    pub(super) fn of(name: &str, story: &Story, (seq, t): (Seq, f64), measured: Measured) -> Side {
        let last = story.series().points.last().and_then(|point| point.rss);
        let (got, given_back) =
            totals::Totals::of(story, None, None, Vec::new(), None, None).got_and_given_back();
        Side {
            name: name.to_owned(),
            program: story.program().to_owned(),
            seq,
            t,
            ending: words::ending(story),
            attached: story.was_attached(),
            calls: story.calls(),
            refused: story.refusals().count,
            blockers: story.blockers().iter().filter(|blocker| blocker.removed.is_none()).count() as u64,
            mapped: story.mapped(),
            totals: story.layout(None).totals,
            got,
            given_back,
            measured: Measured { resident: measured.resident.or(last), ..measured },
        }
    }

    /// Bytes of malloc's memory that mappings hold because brk was of no use.
    pub(super) fn fallback(&self) -> u64 {
        self.totals.fallback
    }
}

/// The most that malloc got ahead of what was asked of it: its largest single growth, at most the 1 MiB that it asks
/// for when it falls back (`MMAP_AS_MORECORE_SIZE` in glibc's malloc.c). A request that is larger leaves no more than that
/// unused.
pub(super) fn ahead(events: &[Event], pid: Pid) -> u64 {
    const MOST: u64 = 1 << 20;
    let mut line: Option<u64> = None;
    let mut largest = 0;
    for event in events.iter().filter(|event| event.pid == pid) {
        let EventKind::Call(record) = &event.kind else { continue };
        match record.call {
            Call::Brk { got, .. } => {
                let grew = line.map_or(0, |line| got.0.saturating_sub(line));
                if record.label == Label::BrkGrow {
                    largest = grew.max(largest);
                }
                line = Some(got.0);
            }
            Call::Mmap { len, ret: Ok(_), .. }
                if matches!(record.label, Label::Fallback | Label::FallbackNoBrk) =>
            {
                largest = len.max(largest);
            }
            _ => {}
        }
    }
    largest.min(MOST)
}

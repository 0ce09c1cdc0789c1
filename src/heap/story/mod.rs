//! What the memory calls of a process meant: who asked, what was refused, where the memory went instead.
//!
//! A [`Story`] is folded out of [`Event`]s by [`Story::apply`] and by nothing else, so the engine, a screen
//! and an export that see the same events tell the same story. [`Story::observe`] only judges: it gives a
//! call that has just returned its label and its cause, for the event that is then applied.
//!
//! It knows calls and the names on their stacks. It refuses to know malloc's structures (the rest of
//! [`crate::heap`] reads those), so it speaks of *placement*: how much of a mapping is live it cannot say.
//! It does not see `mprotect` and `madvise`, so rights are those that a mapping was born with.

pub mod blockers;
mod caller;
pub mod forecast;
pub mod growth;
pub mod hits;
pub mod intervals;
pub mod layout;
pub mod names;
pub mod series;
pub mod stories;
pub mod strip;

mod fold;
mod judge;
mod refusal;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::addr::{Addr, Pid, Seq, Span, Tid};
use crate::event::{Call, Cause, Event, ExitStatus, Label, StackFrame};
use crate::maps::{Mapping, Perms};

pub use blockers::{Blocker, Planter};
pub use caller::Caller;
pub use growth::{Growth, GrowthRow};
pub use layout::{Layout, Region, RegionKind, Totals};
pub use refusal::{Counted, Look, Overcommit, STACK_GUARD};
pub use series::{Point, Series};
pub use stories::Stories;

use intervals::Intervals;

/// What a call was, in the engine's eyes: the fields of [`crate::event::CallRecord`] that need judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it meant.
    pub label: Label,
    /// Why the kernel refused it, where it did for want of memory.
    pub cause: Option<Cause>,
    /// The frame that a reader wants to see.
    pub site: Option<StackFrame>,
    /// The innermost exported allocator function on the stack.
    pub allocator: Option<String>,
}

/// How well something is known; the tag of a sentence.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// A call was seen.
    Recorded,
    /// Read from the process now.
    Measured,
    /// Concluded from what was seen, with its reason.
    Inferred,
    /// Not known.
    Unknown,
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Evidence::Recorded => "[recorded]",
            Evidence::Measured => "[measured]",
            Evidence::Inferred => "[inferred]",
            Evidence::Unknown => "[unknown]",
        })
    }
}

/// One memory call that was seen, as far as later questions need it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Its event.
    pub seq: Seq,
    /// When, in seconds.
    pub t: f64,
    /// The thread that called.
    pub tid: Tid,
    /// The call.
    pub call: Call,
    /// What it meant.
    pub label: Label,
    /// The frame that a reader wants to see.
    pub site: Option<StackFrame>,
    /// The allocator function on the stack.
    pub allocator: Option<String>,
    /// Return addresses, innermost first.
    pub stack: Vec<Addr>,
    /// A function that is not on the stack because it ended in a jump to the wrapper; see [`Planter`].
    pub tail: Option<TailCall>,
}

/// A function that left the stack before the call that it made, by a tail call.
///
/// The reason to believe in it: the thread's call before came from that function, and both calls return to
/// the same place above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailCall {
    /// The function, where it stood at the earlier call.
    pub frame: StackFrame,
    /// The earlier call.
    pub from: Seq,
}

/// Where a mapped byte comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Owner {
    /// A call that was seen.
    Seen(Arc<Asked>),
    /// It was there when the story began.
    Before(Arc<Mapping>),
}

/// The program break.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// Where it started, if that is known.
    pub start: Option<Addr>,
    /// Where it is.
    pub current: Option<Addr>,
    /// The highest that it was while we looked.
    pub highest: Option<Addr>,
}

/// One refused brk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The call.
    pub asked: Arc<Asked>,
    /// The break that was wanted.
    pub wanted: Addr,
    /// The break that stayed.
    pub got: Addr,
    /// Why.
    pub cause: Cause,
}

/// An mmap that malloc made after its brk was refused, and that was refused as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The call.
    pub asked: Arc<Asked>,
    /// Why.
    pub cause: Cause,
    /// Whether no other thread was ever seen: then glibc has no other arena to try, and malloc gives NULL.
    pub alone: bool,
    /// The call that reserved another arena for the same request, right after.
    pub arena: Option<Arc<Asked>>,
    /// The mmap of a mapping of its own that was refused after that arena: glibc tries nothing behind it.
    pub gave_up: Option<Seq>,
}

impl Failed {
    /// Whether malloc had nothing left to try, so that it gave NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.alone || self.gave_up.is_some()
    }
}

/// All refused brks: how many, the first and the last; and the mmaps after them that failed too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Option<Refusal>,
    /// The latest.
    pub last: Option<Refusal>,
    /// How many of the mmaps that glibc tried instead were refused as well.
    pub fallbacks: u64,
    /// The latest of those.
    pub last_fallback: Option<Failed>,
}

/// How long the process ran: the time of stops is not counted.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
struct Clock {
    ran: f64,
    since: Option<f64>,
}

impl Clock {
    fn at(self, t: f64) -> f64 {
        self.ran + self.since.map_or(0.0, |since| (t - since).max(0.0))
    }
}

/// How a story came to its end.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The process ended.
    Ended(ExitStatus),
    /// It was let go and runs on unseen.
    LetGo,
}

/// What the calls of one process meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    program: String,
    attached: bool,
    core: bool,
    began: f64,
    ending: Option<(f64, Ending)>,
    seen: u64,
    threads: bool,
    line: Break,
    pieces: Intervals<Owner>,
    live: FxHashMap<Label, u64>,
    last: BTreeMap<Tid, Arc<Asked>>,
    refusals: Refusals,
    blockers: Vec<Blocker>,
    sizes: Vec<(u64, u64)>,
    growth: Growth,
    forked: Option<Forked>,
    series: Series,
    clock: Clock,
    hits: hits::Hits,
}

/// The fork that a process came from.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Forked {
    /// The event.
    pub seq: Seq,
    /// When, in seconds.
    pub t: f64,
    /// Who forked.
    pub parent: Pid,
    /// Memory calls that were folded in before it.
    pub calls: u64,
}

impl Story {
    /// The story of a process that is seen for the first time, with the mappings that it has.
    ///
    /// `brk` is its break now. Of a process that was launched nothing is hidden; tell one that was attached
    /// to by [`Story::apply`] with its `Started` event, which this agrees with.
    #[must_use]
    pub fn started(maps: &[Mapping], brk: Option<Addr>) -> Story {
        fold::begin(maps, brk)
    }

    /// Judges a call that has just returned; changes nothing.
    ///
    /// `look` is called at most once, and only for a call that the kernel refused.
    pub fn observe(&self, tid: Tid, call: &Call, caller: &Caller, look: &mut dyn FnMut() -> Look) -> Verdict {
        judge::judge(self, tid, call, caller, look)
    }

    /// Folds a finished event in. Events of other processes must be kept away ([`Stories`] does that).
    pub fn apply(&mut self, event: &Event) {
        fold::apply(self, event);
    }

    /// The program's path, as the events told it.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Whether the process ran before brkwater came, so that earlier calls are unknown.
    #[must_use]
    pub fn was_attached(&self) -> bool {
        self.attached
    }

    /// Whether it is a core file's: a moment without a story.
    #[must_use]
    pub fn is_of_core(&self) -> bool {
        self.core
    }

    /// When the story began, in seconds of the event clock.
    #[must_use]
    pub fn began(&self) -> f64 {
        self.began
    }

    /// How and when it came to its end; what it tells is how things stood then.
    #[must_use]
    pub fn ending(&self) -> Option<(f64, Ending)> {
        self.ending
    }

    /// How many memory calls were folded in. 0 means that calls are not recorded, or none was made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.seen
    }

    /// How it began, when another process forked it.
    #[must_use]
    pub fn forked(&self) -> Option<Forked> {
        self.forked
    }

    /// How many memory calls the process made itself: not its parent before the fork.
    #[must_use]
    pub fn own_calls(&self) -> u64 {
        self.seen - self.forked.map_or(0, |fork| fork.calls)
    }

    /// Whether an event was before the process was forked, and so is its parent's.
    #[must_use]
    pub fn is_inherited(&self, seq: Seq) -> bool {
        self.forked.is_some_and(|fork| seq <= fork.seq)
    }

    /// The program break.
    #[must_use]
    pub fn line(&self) -> Break {
        self.line
    }

    /// The refused brks (`$brk_refused` is their count).
    #[must_use]
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// The mappings that stand or stood where the next brk would go.
    #[must_use]
    pub fn blockers(&self) -> &[Blocker] {
        &self.blockers
    }

    /// The blocker that stands in the way now (`$blocker`): the one that refused last, else the newest.
    #[must_use]
    pub fn blocker(&self) -> Option<&Blocker> {
        let standing = || self.blockers.iter().filter(|blocker| blocker.removed.is_none());
        let seq = |blocker: &&Blocker| blocker.last_refused.as_ref().map(|moment| moment.seq);
        standing().filter(|blocker| blocker.refused > 0).max_by_key(seq).or_else(|| standing().next_back())
    }

    /// Bytes between the start of the break and the break (`$heap_bytes`).
    #[must_use]
    pub fn heap_bytes(&self) -> u64 {
        self.heap_span().map_or(0, Span::len)
    }

    /// Bytes in live fallback mappings (`$fallback_bytes`).
    #[must_use]
    pub fn fallback_bytes(&self) -> u64 {
        self.live_bytes(Label::Fallback) + self.live_bytes(Label::FallbackNoBrk)
    }

    /// Bytes still mapped by calls with this label.
    #[must_use]
    pub fn live_bytes(&self, label: Label) -> u64 {
        self.live.get(&label).copied().unwrap_or(0)
    }

    /// The sizes of all fallback mappings ever made, with how often each, in the order of their first use.
    #[must_use]
    pub fn fallback_sizes(&self) -> &[(u64, u64)] {
        &self.sizes
    }

    /// The thread's latest memory call.
    #[must_use]
    pub fn last_call(&self, tid: Tid) -> Option<&Arc<Asked>> {
        self.last.get(&tid)
    }

    /// The piece of memory that holds `at`, and where it comes from.
    #[must_use]
    pub fn piece_at(&self, at: Addr) -> Option<(Span, &Owner)> {
        self.pieces.at(at)
    }

    /// Every piece, lowest first: requests one by one, though the kernel may show them as one mapping.
    pub fn pieces(&self) -> impl Iterator<Item = (Span, &Owner)> {
        self.pieces.iter()
    }

    /// Growth by site and by stack, through calls that the process made itself.
    #[must_use]
    pub fn growth(&self) -> growth::GrowthView {
        growth::view(self)
    }

    /// Bytes that malloc has mapped for its main arena and for single large blocks. What other arenas have of
    /// their reserved address space no recorded call tells.
    #[must_use]
    pub fn mapped(&self) -> u64 {
        let chunks = self.live_bytes(Label::MmapChunk) + self.live_bytes(Label::MmapChunkResize);
        self.heap_bytes().saturating_add(self.fallback_bytes()).saturating_add(chunks)
    }

    /// What malloc had at the hits of breakpoints.
    #[must_use]
    pub fn hits(&self) -> &hits::Hits {
        &self.hits
    }

    /// Heap and fallback bytes over time, with marks.
    #[must_use]
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// The whole address space in order. With `maps` the kernel's list decides what is mapped and the story
    /// what it is; without, the story alone.
    #[must_use]
    pub fn layout(&self, maps: Option<&[Mapping]>) -> Layout {
        layout::layout(self, maps)
    }

    /// The pages between the start of the break and the break.
    #[must_use]
    pub fn heap_span(&self) -> Option<Span> {
        Some(Span::new(self.line.start?, self.line.current?.page_up()))
    }
}

impl Asked {
    /// The rights that the mapping was made with; those of malloc's memory for a brk.
    #[must_use]
    pub fn perms(&self) -> Perms {
        match self.call {
            Call::Mmap { prot, flags, .. } => Perms {
                read: prot & judge::PROT_READ != 0,
                write: prot & judge::PROT_WRITE != 0,
                exec: prot & judge::PROT_EXEC != 0,
                shared: flags & judge::MAP_SHARED != 0,
            },
            _ => Perms { read: true, write: true, exec: false, shared: false },
        }
    }

    /// The frame to name: the tail-calling function where one was inferred, else the site.
    #[must_use]
    pub fn caller(&self) -> Option<&StackFrame> {
        self.tail.as_ref().map(|tail| &tail.frame).or(self.site.as_ref())
    }

    /// Who asked, as well as can be told: the tail-calling function where one was inferred, else the site.
    #[must_use]
    pub fn planter(&self) -> Planter {
        match (&self.tail, &self.site) {
            (Some(tail), _) => Planter {
                frame: Some(tail.frame.clone()),
                evidence: Evidence::Inferred,
                from: Some(tail.from),
            },
            (None, Some(site)) => {
                Planter { frame: Some(site.clone()), evidence: Evidence::Recorded, from: None }
            }
            (None, None) => Planter { frame: None, evidence: Evidence::Unknown, from: None },
        }
    }
}

impl Owner {
    /// The call that made it, if it was seen.
    #[must_use]
    pub fn asked(&self) -> Option<&Arc<Asked>> {
        match self {
            Owner::Seen(asked) => Some(asked),
            Owner::Before(_) => None,
        }
    }

    /// What it was made for, if that was seen.
    #[must_use]
    pub fn label(&self) -> Option<Label> {
        self.asked().map(|asked| asked.label)
    }
}

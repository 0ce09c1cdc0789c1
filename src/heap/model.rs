//! What a survey tells: arenas, regions, caches, large blocks, doubts.
//!
//! These are the values that the rest of the program thinks in; [`super::view`] is what others parse. How bytes
//! are counted is told in [`super`].

use super::chain::Linking;
use super::glibc::{Layout, MINSIZE, TcacheLayout};
use super::rules::Aborts;
use super::walk::State;
use crate::addr::{Addr, PAGE, Span, Tid};
use crate::maps::Mapping;

/// What was found of a process's heap.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// glibc's version as the caller gave it.
    pub glibc: Option<String>,
    /// Where the break started, where that is known.
    pub break_start: Option<Addr>,
    /// Where libc believes the break to be.
    pub break_now: Option<Addr>,
    /// Main arenas first, then each one's threads' arenas.
    pub arenas: Vec<Arena>,
    /// Blocks with a mapping of their own.
    pub mmapped: Vec<Mmapped>,
    /// What `mp_` says about them; `None` when it was not found.
    pub books: Option<Books>,
    /// Each thread's tcache, where it has one.
    pub tcaches: Vec<Tcache>,
    /// Mappings that stand where the break would go next.
    pub blockers: Vec<Mapping>,
    /// What does not fit.
    pub doubts: Vec<Doubt>,
    /// How the main arena was found.
    pub found_by: Vec<Method>,
    /// Chunks in fastbins and tcaches, by address.
    pub(super) cached: Vec<(Addr, State)>,
    /// How their links are stored.
    pub(super) linking: Linking,
}

impl Survey {
    /// What is known where no memory can be read: the break (its start, and where it is), what stands in its way, and why
    /// there is no more.
    #[must_use]
    pub fn without_memory(
        (start, now): (Option<Addr>, Option<Addr>),
        blockers: Vec<Mapping>,
        why: &str,
    ) -> Survey {
        let doubt = Doubt { at: now.unwrap_or_default(), what: why.to_owned(), glibc: &[] };
        Survey { break_start: start, break_now: now, blockers, doubts: vec![doubt], ..Survey::default() }
    }
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The address it is about.
    pub at: Addr,
    /// A sentence, without the address.
    pub what: String,
    /// The words with which glibc would end the program on meeting it; which of them depends on the call that does.
    pub glibc: &'static [&'static str],
}

/// Collects doubts: a heap that is garbage has as many as chunks, and the first ones tell the most.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts {
    kept: Vec<Doubt>,
    dropped: u64,
}

impl Doubts {
    const MOST: usize = 200;

    /// Something that glibc does not check.
    pub(super) fn push(&mut self, at: Addr, what: impl Into<String>) {
        self.broken(at, what, &[]);
    }

    /// A broken rule, with what glibc may say.
    pub(super) fn broken(&mut self, at: Addr, what: impl Into<String>, glibc: Aborts) {
        if self.kept.len() < Doubts::MOST {
            self.kept.push(Doubt { at, what: what.into(), glibc });
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn append(&mut self, other: Doubts) {
        for doubt in other.kept {
            self.broken(doubt.at, doubt.what, doubt.glibc);
        }
        self.dropped += other.dropped;
    }

    /// What was kept, and how many more there were, said at the end.
    pub(super) fn into_vec(mut self) -> Vec<Doubt> {
        if let (Some(last), 1..) = (self.kept.last(), self.dropped) {
            let what = format!("and {} more doubts behind this one", self.dropped);
            let more = Doubt { at: last.at, what, glibc: &[] };
            self.kept.push(more);
        }
        self.kept
    }
}

/// A way in which the main arena was found; more than one is better.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// By a symbol.
    Symbol,
    /// By the code of `malloc_trim`, which refers to it.
    MallocTrim,
    /// By a thread's own variable that says which arena it uses.
    Tls,
    /// By a relocation: its link to itself is the linker's.
    Relocation,
    /// By its shape: bins and ring point back at it.
    Ring,
}

impl Method {
    /// Its name in the JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Symbol => "symbol",
            Method::MallocTrim => "malloc_trim",
            Method::Tls => "tls",
            Method::Relocation => "relocation",
            Method::Ring => "ring",
        }
    }
}

/// A number of chunks and their bytes, headers included.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Count {
    pub(super) fn add(&mut self, size: u64) {
        self.chunks += 1;
        self.bytes = self.bytes.saturating_add(size);
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Count) -> Count {
        Count { chunks: self.chunks + other.chunks, bytes: self.bytes.saturating_add(other.bytes) }
    }
}

/// Where a region came from.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The break.
    #[default]
    Brk,
    /// An mmap for the main arena, because brk was refused (or is never asked).
    Fallback,
    /// A heap of a thread's arena.
    HeapInfo,
}

impl Origin {
    /// Its name in the JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Origin::Brk => "brk",
            Origin::Fallback => "fallback",
            Origin::HeapInfo => "heap_info",
        }
    }
}

/// One piece of an arena's memory and its chunks added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// Its addresses.
    pub span: Span,
    /// Where it came from.
    pub origin: Origin,
    /// Its first chunk: behind `heap_info` in a thread's heap.
    pub first: Addr,
    /// Chunks of all kinds, top included, fenceposts not.
    pub chunks: u64,
    /// Handed out.
    pub used: Count,
    /// In bins.
    pub free: Count,
    /// In fastbins.
    pub fast: Count,
    /// In tcaches.
    pub tcache: Count,
    /// The arena's top, if it is here.
    pub top: Count,
    /// Bytes of end marks.
    pub fenceposts: u64,
    /// Bytes that damage made unreadable.
    pub lost: u64,
    /// The largest chunk in a bin, in bytes.
    pub largest_free: u64,
    /// Bytes of the whole pages in chunks of bins: what `malloc_trim` gives back of them.
    pub trimmable: u64,
}

/// A piece of the break's range that malloc did not ask for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Its addresses.
    pub span: Span,
    /// Whether `system_mem` counts it: malloc does so while the arena is contiguous.
    pub counted: bool,
}

/// Whose an arena is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ArenaKind {
    /// libc's own: the one that uses the break.
    Main,
    /// Made for a thread.
    Thread,
}

/// One arena.
#[derive(Clone, Debug)]
pub struct Arena {
    /// Whose.
    pub kind: ArenaKind,
    /// Where its structure is.
    pub address: Addr,
    /// The structure's layout.
    pub layout: Layout,
    /// Bytes that it took from the system, by its own books.
    pub system_mem: u64,
    /// The most that ever was.
    pub max_system_mem: u64,
    /// Whether it never had memory from elsewhere than the break.
    pub contiguous: bool,
    /// Whether a thread was inside it: then figures may be in the middle of a change.
    pub locked: bool,
    /// Threads that use it, where the layout counts them.
    pub attached: u64,
    /// The top chunk: where it is and its size; nothing for an arena without memory.
    pub top: Option<(Addr, u64)>,
    /// Its memory, by address.
    pub regions: Vec<Region>,
    /// Other people's pieces between the regions from the break.
    pub gaps: Vec<Gap>,
    /// `system_mem` minus all regions and counted gaps: 0 when everything was found.
    pub unaccounted: i64,
}

impl Arena {
    /// One figure of all regions together.
    #[must_use]
    pub fn sum(&self, of: impl Fn(&Region) -> Count) -> Count {
        self.regions.iter().map(of).fold(Count::default(), Count::plus)
    }

    /// Bytes of the regions of one origin.
    #[must_use]
    pub fn bytes_from(&self, origin: Origin) -> u64 {
        self.regions.iter().filter(|region| region.origin == origin).map(|region| region.span.len()).sum()
    }

    /// How much `malloc_trim` can lower the break by: what of the top chunk is more than it keeps, if top ends at the break
    /// (glibc malloc.c, `systrim`; only the main arena is asked).
    #[must_use]
    pub fn top_to_give(&self, break_now: Option<Addr>) -> u64 {
        let Some((at, size)) = self.top.filter(|_| self.kind == ArenaKind::Main) else { return 0 };
        let at_break = break_now == Some(at.add(size));
        if at_break { size.saturating_sub(MINSIZE + 1) & !(PAGE - 1) } else { 0 }
    }

    /// Bytes of gaps that `system_mem` counts.
    #[must_use]
    pub fn gap_bytes(&self) -> u64 {
        self.gaps.iter().filter(|gap| gap.counted).map(|gap| gap.span.len()).sum()
    }
}

/// A block with a mapping of its own.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Mmapped {
    /// Where the mapping begins.
    pub address: Addr,
    /// Its length in bytes.
    pub size: u64,
}

/// What `mp_` says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// Blocks with mappings of their own.
    pub n_mmaps: u64,
    /// Their bytes.
    pub mmapped_mem: u64,
    /// Requests from this size on get one. It rises when such a block is freed.
    pub mmap_threshold: u64,
    /// A top larger than this is given back by `free`, if it touches the break.
    pub trim_threshold: u64,
    /// Bytes that are asked for beyond what is needed.
    pub top_pad: u64,
    /// Where malloc's first memory from the system began.
    pub sbrk_base: Addr,
}

/// A thread's cache of free chunks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Tcache {
    /// The thread.
    pub tid: Tid,
    /// Where its structure is.
    pub address: Addr,
    /// The structure's layout.
    pub(super) layout: TcacheLayout,
    /// What it holds.
    pub held: Count,
}

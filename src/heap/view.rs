//! The heap as others parse it: `info heap -json`, schema `brkwater.heap/1`.
//!
//! Wire types, kept apart from [`super::Survey`] and converted by hand, because their JSON is a promise: keys
//! are only ever added. Who planted a blocker is not in memory; whoever knows the story fills it in.

use serde::{Deserialize, Serialize};

use super::model::{Arena, ArenaKind, Count, Region, Survey};
use crate::addr::{Addr, Pid, Seq};

/// The whole object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapView {
    /// Always [`HeapView::SCHEMA`].
    pub schema: String,
    /// The process.
    pub pid: Pid,
    /// glibc's version, where it is known.
    pub glibc: Option<String>,
    /// The program break.
    #[serde(rename = "break")]
    pub brk: BreakView,
    /// Main arenas first.
    pub arenas: Vec<ArenaView>,
    /// Blocks with a mapping of their own.
    pub mmapped: Vec<SizedView>,
    /// Each thread's tcache.
    pub tcache: Vec<TcacheView>,
    /// Mappings where the break would go next.
    pub blockers: Vec<BlockerView>,
    /// What does not fit.
    pub doubts: Vec<DoubtView>,
    /// How the main arena was found: `symbol`, `malloc_trim`, `tls`, `relocation`, `ring`.
    pub found_by: Vec<String>,
}

/// The program break.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakView {
    /// Where the kernel started it.
    pub start: Option<Addr>,
    /// Where libc believes it to be.
    pub current: Option<Addr>,
}

/// One arena.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArenaView {
    /// `main` or `thread`.
    pub kind: String,
    /// Where its structure is.
    pub address: Addr,
    /// Bytes that it took from the system.
    pub system_mem: u64,
    /// The most that ever was.
    pub max_system_mem: u64,
    /// Whether the break was its only source.
    pub contiguous: bool,
    /// The top chunk.
    pub top: Option<SizedView>,
    /// Its memory, by address.
    pub regions: Vec<RegionView>,
    /// Other people's pieces between the regions from the break.
    pub foreign: Vec<ForeignView>,
    /// Chunks that were handed out; see [`super`] for what counts as what.
    pub in_use: CountView,
    /// Chunks in bins and fastbins; top is apart.
    pub free: CountView,
    /// Chunks in tcaches.
    pub cached: CountView,
    /// Bytes of the whole pages in chunks of bins: what `malloc_trim` gives back of them.
    pub trimmable: u64,
    /// Bytes that `malloc_trim` lowers the break by; 0 where top does not touch it.
    pub top_trimmable: u64,
    /// `system_mem` − (bytes of all regions + bytes of counted foreign pieces).
    pub unaccounted: i64,
}

/// A chunk or block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizedView {
    /// Where.
    pub address: Addr,
    /// Bytes.
    pub size: u64,
}

/// One region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionView {
    /// First byte.
    pub start: Addr,
    /// Behind the last byte.
    pub end: Addr,
    /// `brk`, `fallback` or `heap_info`.
    pub origin: String,
    /// Chunks of all kinds, top included.
    pub chunks: u64,
    /// Handed out.
    pub in_use: CountView,
    /// In bins and fastbins.
    pub free: CountView,
    /// In tcaches.
    pub cached: CountView,
    /// The largest chunk in a bin.
    pub largest_free: u64,
    /// Bytes that damage made unreadable.
    pub lost: u64,
}

/// A piece that malloc did not ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignView {
    /// First byte.
    pub start: Addr,
    /// Behind the last byte.
    pub end: Addr,
    /// Whether `system_mem` counts it.
    pub counted: bool,
}

/// A number of chunks and their bytes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountView {
    /// How many.
    pub chunks: u64,
    /// Bytes, headers included.
    pub bytes: u64,
}

/// A thread's cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcacheView {
    /// The thread.
    pub tid: i32,
    /// Where its structure is.
    pub address: Addr,
    /// Chunks that it holds.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A mapping in the way of the break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockerView {
    /// First byte.
    pub start: Addr,
    /// Behind the last byte.
    pub end: Addr,
    /// Its rights, as in `/proc/PID/maps`.
    pub perms: String,
    /// The recorded event that put it there, if it was seen.
    pub planted_by: Option<PlanterView>,
}

/// Who planted a blocker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanterView {
    /// The event.
    pub seq: Seq,
    /// The function outside the allocator and the loader.
    pub function: Option<String>,
    /// Its file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtView {
    /// Where.
    pub at: Addr,
    /// A sentence.
    pub what: String,
    /// The words with which glibc would end the program on meeting it: one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub glibc: Vec<String>,
}

impl HeapView {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "brkwater.heap/1";

    /// The view of a survey of process `pid`; `planted_by` tells what is known of a blocker that begins at
    /// an address.
    #[must_use]
    pub fn new(pid: Pid, survey: &Survey, planted_by: &dyn Fn(Addr) -> Option<PlanterView>) -> HeapView {
        HeapView {
            schema: HeapView::SCHEMA.to_owned(),
            pid,
            glibc: survey.glibc.clone(),
            brk: BreakView { start: survey.break_start, current: survey.break_now },
            arenas: survey.arenas.iter().map(|arena| ArenaView::new(arena, survey.break_now)).collect(),
            mmapped: survey.mmapped.iter().map(|block| sized(block.address, block.size)).collect(),
            tcache: survey.tcaches.iter().map(TcacheView::from).collect(),
            blockers: survey
                .blockers
                .iter()
                .map(|mapping| BlockerView {
                    start: mapping.span.start,
                    end: mapping.span.end,
                    perms: mapping.perms.to_string(),
                    planted_by: planted_by(mapping.span.start),
                })
                .collect(),
            doubts: survey
                .doubts
                .iter()
                .map(|doubt| DoubtView {
                    at: doubt.at,
                    what: doubt.what.clone(),
                    glibc: doubt.glibc.iter().map(|&words| words.to_owned()).collect(),
                })
                .collect(),
            found_by: survey.found_by.iter().map(|method| method.name().to_owned()).collect(),
        }
    }
}

fn sized(address: Addr, size: u64) -> SizedView {
    SizedView { address, size }
}

impl From<Count> for CountView {
    fn from(count: Count) -> CountView {
        CountView { chunks: count.chunks, bytes: count.bytes }
    }
}

impl From<&super::Tcache> for TcacheView {
    fn from(tcache: &super::Tcache) -> TcacheView {
        let Count { chunks, bytes } = tcache.held;
        TcacheView { tid: tcache.tid.0, address: tcache.address, chunks, bytes }
    }
}

impl ArenaView {
    fn new(arena: &Arena, break_now: Option<Addr>) -> ArenaView {
        let kind = match arena.kind {
            ArenaKind::Main => "main",
            ArenaKind::Thread => "thread",
        };
        ArenaView {
            kind: kind.to_owned(),
            address: arena.address,
            system_mem: arena.system_mem,
            max_system_mem: arena.max_system_mem,
            contiguous: arena.contiguous,
            top: arena.top.map(|(at, size)| sized(at, size)),
            regions: arena.regions.iter().map(RegionView::from).collect(),
            foreign: arena
                .gaps
                .iter()
                .map(|gap| ForeignView { start: gap.span.start, end: gap.span.end, counted: gap.counted })
                .collect(),
            in_use: arena.sum(|region| region.used).into(),
            free: arena.sum(|region| region.free.plus(region.fast)).into(),
            cached: arena.sum(|region| region.tcache).into(),
            trimmable: arena.regions.iter().map(|region| region.trimmable).sum(),
            top_trimmable: arena.top_to_give(break_now),
            unaccounted: arena.unaccounted,
        }
    }
}

impl From<&Region> for RegionView {
    fn from(region: &Region) -> RegionView {
        RegionView {
            start: region.span.start,
            end: region.span.end,
            origin: region.origin.name().to_owned(),
            chunks: region.chunks,
            in_use: region.used.into(),
            free: region.free.plus(region.fast).into(),
            cached: region.tcache.into(),
            largest_free: region.largest_free,
            lost: region.lost,
        }
    }
}

//! The whole picture: arenas, regions, caches and large blocks put together and checked against the books.
//!
//! The values here are what the rest of the program thinks in; [`super::view`] is what others parse.

use super::Anchors;
use super::find::{self, Found};
use super::glibc::{ArenaHead, HEADER, Layout};
use super::lists::{self, FreeChunk, Linking};
use super::read::Reader;
use super::regions::{self, Hunt};
use super::tcache;
use super::walk::State;
use crate::addr::{Addr, PAGE, Span, Tid};
use crate::maps::Mapping;
use crate::memory::Memory;

/// Doubts kept; a heap that is garbage has as many as chunks.
const MAX_DOUBTS: usize = 200;

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
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The address it is about.
    pub at: Addr,
    /// A sentence, without the address.
    pub what: String,
}

impl Doubt {
    pub(super) fn new(at: Addr, what: String) -> Doubt {
        Doubt { at, what }
    }
}

/// A way in which the main arena was found; more than one is better.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// By a symbol.
    Symbol,
    /// By the code of `malloc_trim`, which refers to it.
    MallocTrim,
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
    /// What it holds.
    pub held: Count,
}

pub(super) fn survey(memory: &dyn Memory, maps: &[Mapping], anchors: &Anchors) -> Survey {
    let mut reader = Reader::new(memory);
    let mut survey = Survey { glibc: anchors.glibc.clone(), ..Survey::default() };
    find_break(&mut reader, maps, anchors, &mut survey);
    let found = find::main_arenas(&mut reader, maps, anchors);
    let Some(first) = found.first() else {
        let at = anchors.libc_data.first().map_or(Addr(0), |span| span.start);
        survey.doubts.push(Doubt::new(at, "no malloc arena was found in the data of libc".to_owned()));
        return survey;
    };
    survey.found_by = first.methods.clone();
    let heads: Vec<&ArenaHead> =
        found.iter().flat_map(|main| [&main.head].into_iter().chain(&main.threads)).collect();
    read_caches(&mut reader, maps, anchors, &heads, &mut survey);
    books(&found, &mut survey);
    let mut mains = main_regions(&mut reader, maps, anchors, &found, &mut survey);
    for main in &found {
        let (regions, free, gaps) = if mains.is_empty() { Default::default() } else { mains.remove(0) };
        finish(&mut survey, main, &main.head, ArenaKind::Main, (regions, gaps), free);
        for thread in &main.threads {
            let Some(info_size) = find::heap_info_size(&mut reader, thread.address) else { continue };
            let doubts = &mut survey.doubts;
            let (regions, free) =
                regions::thread_heaps(&mut reader, thread, info_size, &survey.cached, doubts);
            finish(&mut survey, main, thread, ArenaKind::Thread, (regions, Vec::new()), free);
        }
    }
    if survey.doubts.len() > MAX_DOUBTS {
        let more = survey.doubts.split_off(MAX_DOUBTS);
        survey.doubts.push(Doubt::new(more[0].at, format!("and {} more doubts, from here on", more.len())));
    }
    survey
}

/// The break and what stands in its way.
fn find_break(reader: &mut Reader<'_>, maps: &[Mapping], anchors: &Anchors, survey: &mut Survey) {
    let heap = || maps.iter().filter(|mapping| mapping.path == "[heap]");
    let stored = anchors.curbrk.and_then(|at| reader.peek::<1>(at)).map(|[value]| Addr(value));
    survey.break_now = stored.filter(|at| at.0 != 0).or(heap().next_back().map(|mapping| mapping.span.end));
    survey.break_start = anchors.start_brk.or(heap().next().map(|mapping| mapping.span.start));
    if let Some(now) = survey.break_now {
        let next = Span::sized(now.page_up(), PAGE);
        survey.blockers = maps.iter().filter(|mapping| mapping.span.overlaps(next)).cloned().collect();
    }
}

/// tcaches and fastbins, into `survey.cached`, sorted.
fn read_caches(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    anchors: &Anchors,
    heads: &[&ArenaHead],
    survey: &mut Survey,
) {
    let tcaches = tcache::find(reader, maps, &anchors.threads);
    if let Some(main) = heads.first().filter(|main| anchors.threads.is_empty() && main.system_mem > 0) {
        let what = "no thread pointers are known: chunks in tcaches are counted as in use";
        survey.doubts.push(Doubt::new(main.address, what.to_owned()));
    }
    let fast = heads.iter().flat_map(|head| &head.fastbins).filter(|at| **at != 0);
    let mut fields: Vec<Addr> = fast.map(|at| Addr(*at).add(HEADER)).collect();
    fields.extend(tcaches.iter().flat_map(tcache::Found::link_fields));
    let linking = Linking::guess(reader, maps, &fields);
    for head in heads {
        survey.cached.extend(lists::fast_chunks(reader, maps, head, linking, &mut survey.doubts));
    }
    for found in &tcaches {
        let (cached, doubts) = (&mut survey.cached, &mut survey.doubts);
        survey.tcaches.push(tcache::read(reader, maps, found, linking, cached, doubts));
    }
    survey.cached.sort_by_key(|(at, _)| *at);
    for pair in survey.cached.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        survey.doubts.push(Doubt::new(pair[0].0, "double free: the chunk is in two caches".to_owned()));
    }
    survey.cached.dedup_by_key(|(at, _)| *at);
}

fn books(found: &[Found], survey: &mut Survey) {
    let Some(first) = found.first() else { return };
    survey.books = first.par.map(|par| Books {
        n_mmaps: par.n_mmaps,
        mmapped_mem: par.mmapped_mem,
        mmap_threshold: par.mmap_threshold,
        trim_threshold: par.trim_threshold,
        top_pad: par.top_pad,
        sbrk_base: par.sbrk_base,
    });
    if survey.books.is_none() && first.head.system_mem > 0 {
        let what = "mp_ was not found beside this arena: blocks with their own mappings cannot be checked";
        survey.doubts.push(Doubt::new(first.head.address, what.to_owned()));
    }
    for main in found.iter().filter(|main| !main.closed) {
        let what = "the ring of arenas does not lead back to this one: others may be missing";
        survey.doubts.push(Doubt::new(main.head.address, what.to_owned()));
    }
}

/// The memory of one main arena.
type Memories = (Vec<Region>, Vec<FreeChunk>, Vec<Gap>);

/// Finds the regions of all main arenas and deals them out.
fn main_regions(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    anchors: &Anchors,
    found: &[Found],
    survey: &mut Survey,
) -> Vec<Memories> {
    let thread_heaps = found.iter().flat_map(|main| &main.threads).filter_map(|thread| {
        let mapping = crate::maps::find(maps, thread.address)?;
        Some(mapping.span)
    });
    let taken = thread_heaps.chain(anchors.libc_data.iter().copied()).collect();
    let tops = found.iter().filter(|main| !main.head.has_no_top()).map(|main| main.head.top).collect();
    let cached = std::mem::take(&mut survey.cached);
    let mut hunt = Hunt::new(reader, &cached, tops, taken);
    let sbrk_base = found.first().and_then(|main| main.par).map(|par| par.sbrk_base).filter(|at| at.0 != 0);
    if let Some(range) = break_range(survey, sbrk_base, maps) {
        hunt.break_range(range, sbrk_base);
    }
    for span in anchors.regions.iter().flatten() {
        hunt.recorded(*span);
    }
    let books = regions::Books {
        system_mem: found.iter().map(|main| main.head.system_mem).sum(),
        n_mmaps: found.iter().map(|main| main.par.map(|par| par.n_mmaps)).sum(),
    };
    if books.system_mem > 0 || books.n_mmaps.unwrap_or(0) > 0 {
        let mut seeds: Vec<Addr> = cached.iter().map(|(at, _)| *at).collect();
        for Found { head, .. } in found {
            seeds.extend([head.top, head.last_remainder]);
            seeds.extend(head.bins.iter().map(|at| Addr(*at)));
        }
        seeds.sort();
        hunt.search(maps, &seeds, books);
    }
    let Hunt { regions, free, gaps, mut mmapped, doubts, .. } = hunt;
    survey.doubts.extend(doubts);
    mmapped.sort_by_key(|block| block.address);
    check_mmapped(&mmapped, books.n_mmaps, found, survey);
    survey.mmapped = mmapped;
    survey.cached = cached;
    deal(regions, free, gaps, found)
}

/// The addresses from which malloc's memory from brk may be.
fn break_range(survey: &Survey, sbrk_base: Option<Addr>, maps: &[Mapping]) -> Option<Span> {
    let end = survey.break_now?;
    let below = |at: &Addr| *at < end && crate::maps::find(maps, *at).is_some();
    let start = survey.break_start.or(sbrk_base.filter(below))?;
    Some(Span::new(start, end)).filter(|range| !range.is_empty())
}

fn check_mmapped(mmapped: &[Mmapped], expected: Option<u64>, found: &[Found], survey: &mut Survey) {
    let Some(par) = found.first().and_then(|main| main.par) else { return };
    let bytes: u64 = mmapped.iter().map(|block| block.size).sum();
    let count = mmapped.len() as u64;
    // glibc 2.43 books 16 bytes too many for each block that was moved by mremap.
    let same = (0..=16 * count).step_by(16).any(|slack| bytes + slack == par.mmapped_mem);
    if expected != Some(count) || (found.len() == 1 && !same) {
        let what = format!(
            "{count} blocks with mappings of their own were found ({bytes} bytes); mp_ says {} ({} bytes)",
            par.n_mmaps, par.mmapped_mem
        );
        survey.doubts.push(Doubt::new(par.address, what));
    }
}

/// Deals regions out to the main arenas: by the top, by bins that a free chunk is linked to, else to the one
/// whose books miss most.
fn deal(regions: Vec<Region>, free: Vec<Vec<FreeChunk>>, gaps: Vec<Gap>, found: &[Found]) -> Vec<Memories> {
    let mut dealt: Vec<Memories> = found.iter().map(|_| Memories::default()).collect();
    let mut missing: Vec<u64> = found.iter().map(|main| main.head.system_mem).collect();
    for (region, mut free) in regions.into_iter().zip(free) {
        let owns = |main: &Found| {
            let head = Span::sized(main.head.address, main.head.layout.size() as u64);
            region.span.contains(main.head.top)
                || free.iter().any(|chunk| head.contains(chunk.fd) || head.contains(chunk.bk))
        };
        let poorest = || (0..missing.len()).max_by_key(|i| missing[*i]);
        let Some(owner) = found.iter().position(owns).or_else(poorest) else { continue };
        missing[owner] = missing[owner].saturating_sub(region.span.len());
        dealt[owner].0.push(region);
        dealt[owner].1.append(&mut free);
    }
    if let Some(first) = dealt.first_mut() {
        first.2 = gaps;
    }
    dealt
}

/// Checks one arena's lists and books and adds it.
fn finish(
    survey: &mut Survey,
    main: &Found,
    head: &ArenaHead,
    kind: ArenaKind,
    (mut regions, mut gaps): (Vec<Region>, Vec<Gap>),
    mut free: Vec<FreeChunk>,
) {
    regions.sort_by_key(|region| region.span.start);
    free.sort_by_key(|chunk| chunk.at);
    let bytes: u64 = regions.iter().map(|region| region.span.len()).sum();
    let contiguous = head.is_contiguous();
    let unaccounted = balance(head.system_mem, bytes, &mut gaps, contiguous, &regions);
    if !head.is_uninitialised() {
        lists::check_bins(head, &free, &mut survey.doubts);
    }
    if head.mutex != 0 {
        let what = "the arena is locked: a thread is inside malloc, figures may be in the middle of a change";
        survey.doubts.push(Doubt::new(head.address, what.to_owned()));
    }
    if unaccounted != 0 {
        let what = if unaccounted > 0 {
            format!("{unaccounted} bytes of this arena were not located")
        } else {
            format!("{} bytes more were located than this arena took", unaccounted.unsigned_abs())
        };
        survey.doubts.push(Doubt::new(head.address, what));
    }
    let has_top = !head.has_no_top() && !head.is_uninitialised();
    let top_size = regions.iter().map(|region| region.top.bytes).max().unwrap_or(0);
    if has_top && !regions.iter().any(|region| region.top.chunks > 0) {
        survey.doubts.push(Doubt::new(head.top, "the top chunk is in none of the regions found".to_owned()));
    }
    survey.arenas.push(Arena {
        kind,
        address: head.address,
        layout: main.head.layout,
        system_mem: head.system_mem,
        max_system_mem: head.max_system_mem,
        contiguous,
        locked: head.mutex != 0,
        attached: head.attached,
        top: has_top.then_some((head.top, top_size)),
        regions,
        gaps,
        unaccounted,
    });
}

/// Decides which gaps `system_mem` counts, and what remains of it.
///
/// While an arena is contiguous, malloc books a foreign piece as its own when it grows across it; from the
/// first fallback on it does not. So the counted gaps are the lowest ones, and the sum says how many.
fn balance(system_mem: u64, regions: u64, gaps: &mut [Gap], contiguous: bool, found: &[Region]) -> i64 {
    let last =
        found.iter().filter(|region| region.origin == Origin::Brk).map(|region| region.span.start).max();
    let inner = gaps.iter().take_while(|gap| last.is_some_and(|last| gap.span.start < last)).count();
    let rest = |counted: usize| {
        let gap_bytes: u64 = gaps[..counted].iter().map(|gap| gap.span.len()).sum();
        // Addresses are below 2^47, so are their differences.
        (system_mem as i64).wrapping_sub(regions as i64).wrapping_sub(gap_bytes as i64)
    };
    let choices = if contiguous { inner..=inner } else { 0..=inner };
    let counted = choices.min_by_key(|n| rest(*n).unsigned_abs()).unwrap_or(inner);
    let remains = rest(counted);
    gaps[..counted].iter_mut().for_each(|gap| gap.counted = true);
    remains
}

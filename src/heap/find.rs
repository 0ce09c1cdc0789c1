//! Finding `main_arena` and `mp_` without symbols: by their shape, in the writable data of each libc.
//!
//! What leads to a candidate is a hint ([`super::hints`]: a symbol, the code of the exported `malloc_trim`, a
//! thread's own variable, a relocation) or a scan for what every arena is full of, bins that point at themselves.
//! Each candidate is tried with each known layout and must be consistent: the ring of arenas closes, the bins are lists.
//! `mp_` is recognised by its fields agreeing with each other; its distance from the arena is only a hint.

use rustc_hash::FxHashSet;

use super::Anchors;
use super::glibc::{
    ArenaHead, BINS, HEADER, HEAP_INFO_SIZES, Head, Layout, MINSIZE, PAR_LAYOUTS, PREV_INUSE, ParLayout,
    USER_END, minor, word,
};
use super::hints;
use super::model::Method;
use super::read::Reader;
use crate::addr::{Addr, PAGE, Span};
use crate::maps::{self, Mapping};

/// Most bytes of one libc's data that are looked through (a static program's may be large).
const MAX_DATA: u64 = 64 << 20;
/// Damaged bins with which an arena is still recognised.
const MAX_BAD_BINS: usize = 16;
/// Bins that point at themselves, of 127, from which on a scan looks closer.
const MIN_EMPTY_BINS: usize = 8;
/// Windows of bins that are looked at, the fullest first.
const MAX_RUNS: usize = 32;
/// Pointers to themselves that are looked at as the ring of an arena alone.
const MAX_CANDIDATES: usize = 1024;
/// Arenas in one ring; glibc makes eight per core.
const MAX_ARENAS: usize = 4096;

/// A main arena and what belongs to it.
pub(super) struct Found {
    pub(super) head: ArenaHead,
    /// The other arenas of its ring.
    pub(super) threads: Vec<ArenaHead>,
    /// Whether following `next` led back to it.
    pub(super) closed: bool,
    /// How many of its bins are lists that hang together at both ends.
    pub(super) intact: usize,
    pub(super) methods: Vec<Method>,
    pub(super) par: Option<Par>,
}

/// What matters of `mp_`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Par {
    pub(super) address: Addr,
    pub(super) n_mmaps: u64,
    pub(super) mmapped_mem: u64,
    pub(super) mmap_threshold: u64,
    pub(super) trim_threshold: u64,
    pub(super) top_pad: u64,
    pub(super) sbrk_base: Addr,
}

/// Every main arena (one per libc: `dlmopen` loads several), used ones first, of these the one with the break.
/// With `only`, by nothing but that method.
pub(super) fn main_arenas(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    anchors: &Anchors,
    only: Option<Method>,
) -> Vec<Found> {
    let hinted = hints::all(reader, maps, anchors, only);
    let scan = only.is_none_or(|only| only == Method::Ring);
    let mut found = Vec::new();
    let mut sorted = anchors.libc_data.clone();
    sorted.sort();
    for span in sorted {
        let span = Span::sized(span.start, span.len().min(MAX_DATA));
        let bytes = reader.block(span.start, span.len() as usize);
        let mut arenas = in_data(reader, span, &bytes, (&hinted, scan), anchors);
        for arena in &mut arenas {
            arena.par = par(reader, maps, span, &bytes, &arena.head, anchors);
        }
        found.append(&mut arenas);
    }
    // A symbol may name an arena outside the spans that we were given.
    let symbol = anchors.main_arena.filter(|_| only.is_none_or(|only| only == Method::Symbol));
    if let Some(at) = symbol.filter(|at| !found.iter().any(|arena| arena.head.address == *at)) {
        found.extend(best(reader, at, true, anchors).map(|mut arena| {
            arena.methods = vec![Method::Symbol];
            arena
        }));
    }
    // The program's own libc first: the one that has the break.
    let has_break = |arena: &Found| {
        let base = arena.par.map(|par| par.sbrk_base);
        base.and_then(|base| maps::find(maps, base)).is_some_and(|mapping| mapping.path == "[heap]")
    };
    found.sort_by_key(|arena| (arena.head.is_uninitialised(), !has_break(arena), arena.head.address));
    found
}

/// The arenas whose structure lies in `span`.
fn in_data(
    reader: &mut Reader<'_>,
    span: Span,
    bytes: &[u8],
    (hinted, scan): (&[(Addr, Method)], bool),
    anchors: &Anchors,
) -> Vec<Found> {
    let mut candidates: Vec<Addr> = if scan { ring_candidates(span.start, bytes) } else { Vec::new() };
    let scanned: FxHashSet<Addr> = candidates.iter().copied().collect();
    candidates.extend(hinted.iter().map(|(at, _)| *at).filter(|at| span.contains(*at)));
    candidates.sort();
    candidates.dedup();
    let mut found: Vec<Found> = Vec::new();
    for at in candidates {
        // Many a word of a thread points into libc's data; a symbol does not by chance.
        let trusted = |method: &Method| matches!(method, Method::Symbol | Method::MallocTrim);
        let trusted = hinted.iter().any(|(hint, method)| *hint == at && trusted(method));
        let Some(mut arena) = best(reader, at, trusted, anchors) else { continue };
        arena.methods = hinted.iter().filter(|(hint, _)| *hint == at).map(|(_, method)| *method).collect();
        arena.methods.dedup();
        if scanned.contains(&at) {
            arena.methods.push(Method::Ring);
        }
        // Two readings of the same bytes: keep the better one.
        let size = arena.head.layout.size() as u64;
        match found.iter_mut().find(|other| other.head.address.0.abs_diff(at.0) < size) {
            Some(other) if rank(other, anchors) < rank(&arena, anchors) => *other = arena,
            Some(_) => (),
            None => found.push(arena),
        }
    }
    // An arena that was never used is a pointer among zeros; beside a used one it is a coincidence.
    if found.iter().any(|arena| !arena.head.is_uninitialised()) {
        found.retain(|arena| !arena.head.is_uninitialised());
    }
    found
}

/// Orders the readings of one piece of memory: the better, the greater.
fn rank(found: &Found, anchors: &Anchors) -> (bool, usize, bool, bool) {
    (found.closed, found.intact, found.head.attached > 0, found.head.layout.fits(anchors.glibc.as_deref()))
}

/// Addresses in `bytes` at which an arena may begin: before runs of bins that point at themselves, and before
/// a `next` that points back at the arena.
fn ring_candidates(base: Addr, bytes: &[u8]) -> Vec<Addr> {
    let words: Vec<u64> = bytes.chunks_exact(8).filter_map(|raw| word(raw, 0)).collect();
    let here = |i: usize| base.0 + 8 * i as u64;
    let is_empty_bin =
        |i: usize| words[i] == here(i) - HEADER && words.get(i + 1).is_some_and(|bk| *bk == words[i]);
    let (mut runs, mut candidates) = (Vec::new(), Vec::new());
    // How many of the 127 pairs from `start` on are empty bins, kept up to date for odd and even words.
    let mut counts = [0usize; 2];
    for end in 0..words.len() {
        let count = &mut counts[end % 2];
        *count += usize::from(is_empty_bin(end));
        if let Some(start) = end.checked_sub(2 * (BINS - 1)) {
            if *count >= MIN_EMPTY_BINS {
                runs.push((*count, here(start)));
            }
            *count -= usize::from(is_empty_bin(start));
        }
        for layout in Layout::ALL {
            let arena = here(end).wrapping_sub(layout.next() as u64);
            if words[end] == arena && arena >= base.0 && candidates.len() < MAX_CANDIDATES {
                candidates.push(Addr(arena));
            }
        }
    }
    // No shifted window holds more empty bins than the true one.
    runs.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let starts = runs.iter().take(MAX_RUNS).map(|(_, start)| Addr(*start));
    candidates.extend(starts.flat_map(|start| Layout::ALL.map(|layout| start.sub(layout.bins() as u64))));
    candidates
}

/// The most convincing reading of the arena at `at`, if any convinces. `trusted` candidates may have a ring
/// that does not close.
fn best(reader: &mut Reader<'_>, at: Addr, trusted: bool, anchors: &Anchors) -> Option<Found> {
    let readings = Layout::ALL.into_iter().filter_map(|layout| examine(reader, at, layout));
    readings.filter(|found| found.closed || trusted).max_by_key(|found| rank(found, anchors))
}

/// Reads the arena at `at` as `layout`; `None` when it cannot be one.
fn examine(reader: &mut Reader<'_>, at: Addr, layout: Layout) -> Option<Found> {
    if !at.0.is_multiple_of(8) {
        return None;
    }
    let head = read_arena(reader, at, layout).filter(is_plausible)?;
    let intact = if head.is_uninitialised() {
        let attached = u64::from(layout.attached().is_some());
        let fresh = head.next == at && head.system_mem == 0 && head.top == Addr(0);
        if fresh && head.attached == attached { BINS } else { 0 }
    } else {
        (1..=BINS).filter(|i| is_list_head(reader, &head, *i)).count()
    };
    if intact + MAX_BAD_BINS < BINS {
        return None;
    }
    let (threads, closed) = ring(reader, &head);
    Some(Found { head, threads, closed, intact, methods: Vec::new(), par: None })
}

/// Reads an arena's structure.
fn read_arena(reader: &Reader<'_>, at: Addr, layout: Layout) -> Option<ArenaHead> {
    ArenaHead::parse(at, layout, &reader.block(at, layout.size()))
}

/// Whether the plain fields of an arena make sense.
fn is_plausible(head: &ArenaHead) -> bool {
    // Below a page it is a thread count, read with the wrong layout. It need not be a multiple of a page:
    // ld.so of 2.31 moves the break by the length of GLIBC_TUNABLES.
    let sane = head.system_mem == 0 || head.system_mem >= PAGE;
    let next = head.next.0;
    head.mutex <= 2
        && head.flags & !7 == 0
        && sane
        && head.system_mem <= head.max_system_mem
        && head.max_system_mem < USER_END
        && head.attached <= 0xffff
        && next != 0
        && next.is_multiple_of(8)
        && next < USER_END
}

/// Whether bin `i` is empty, or a list whose ends point back at it.
fn is_list_head(reader: &mut Reader<'_>, head: &ArenaHead, i: usize) -> bool {
    let (fd, bk) = head.ends(i);
    let bin = head.bin(i);
    if fd == bin || bk == bin {
        return fd == bk;
    }
    let mut links = |at: Addr| at.0.is_multiple_of(16).then(|| reader.peek::<2>(at.add(HEADER))).flatten();
    links(fd).is_some_and(|[_, back]| back == bin.0) && links(bk).is_some_and(|[forth, _]| forth == bin.0)
}

/// The other arenas in the ring of `head`, and whether it closes.
fn ring(reader: &mut Reader<'_>, head: &ArenaHead) -> (Vec<ArenaHead>, bool) {
    let mut others: Vec<ArenaHead> = Vec::new();
    let mut seen = FxHashSet::default();
    let mut next = head.next;
    while next != head.address {
        if others.len() >= MAX_ARENAS || !seen.insert(next) || heap_info_size(reader, next).is_none() {
            return (others, false);
        }
        let Some(other) = read_arena(reader, next, head.layout).filter(is_plausible) else {
            return (others, false);
        };
        next = other.next;
        others.push(other);
    }
    (others, true)
}

/// The size of the `heap_info` right before a thread's arena; `None` when there is none that names it.
pub(super) fn heap_info_size(reader: &mut Reader<'_>, arena: Addr) -> Option<u64> {
    HEAP_INFO_SIZES.into_iter().find(|size| {
        let info = arena.sub(*size);
        info.0.is_multiple_of(PAGE) && reader.peek::<1>(info) == Some([arena.0])
    })
}

/// The best `mp_` in the data that holds `arena`: a named one if it makes sense, else the best-looking.
fn par(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    span: Span,
    bytes: &[u8],
    arena: &ArenaHead,
    anchors: &Anchors,
) -> Option<Par> {
    let mut found: Option<(u32, Par)> = None;
    for offset in (0..bytes.len()).step_by(8) {
        let at = span.start.add(offset as u64);
        for layout in PAR_LAYOUTS {
            let Some((par, mut score)) = par_at(at, layout, bytes.get(offset..).unwrap_or_default()) else {
                continue;
            };
            score += sbrk_base_score(reader, maps, &par, arena, anchors)
                + 2 * u32::from((0x800..0xa00).contains(&arena.address.0.wrapping_sub(at.0)))
                + u32::from(
                    minor(anchors.glibc.as_deref())
                        .is_some_and(|v| layout.versions.0 <= v && v <= layout.versions.1),
                )
                + 8 * u32::from(anchors.mp == Some(at));
            if score >= 9 && found.is_none_or(|(best, _)| score > best) {
                found = Some((score, par));
            }
        }
    }
    found.map(|(_, par)| par)
}

/// Reads `mp_` as `layout` and scores how much its fields look like one; `None` when they contradict.
fn par_at(address: Addr, layout: ParLayout, bytes: &[u8]) -> Option<(Par, u32)> {
    let get = |at| word(bytes, at);
    let int = |at| Some(get(at)? as u32);
    let (arena_test, arena_max) = (get(0x18)?, get(0x20)?);
    let (n_mmaps, limit) = (int(layout.n_mmaps)?, int(layout.n_mmaps + 4)?);
    let (most, fixed) = (int(layout.n_mmaps + 8)?, int(layout.n_mmaps + 12)?);
    let (mmapped_mem, most_mem) = (get(layout.mmapped_mem)?, get(layout.mmapped_mem + 8)?);
    let par = Par {
        address,
        n_mmaps: u64::from(n_mmaps),
        mmapped_mem,
        mmap_threshold: get(0x10)?,
        trim_threshold: get(0)?,
        top_pad: get(8)?,
        sbrk_base: Addr(get(layout.sbrk_base)?),
    };
    let sane = n_mmaps <= most
        && most <= i32::MAX as u32
        && limit <= i32::MAX as u32
        && fixed <= 1
        && mmapped_mem <= most_mem
        && most_mem < USER_END
        // An mremap leaves 16 bytes too many in 2.43, so zero blocks need not be zero bytes.
        && (n_mmaps > 0 || mmapped_mem < PAGE)
        && (n_mmaps == 0 || mmapped_mem / PAGE >= u64::from(n_mmaps))
        && arena_test <= 0xf_ffff
        && arena_max <= 0xf_ffff
        && par.mmap_threshold < USER_END
        && par.sbrk_base.0 < USER_END;
    let default_threshold = par.mmap_threshold == 128 << 10;
    let score = 3 * u32::from(arena_test == 8)
        + 4 * u32::from(limit == 0x1_0000)
        + 2 * u32::from(
            default_threshold || (par.mmap_threshold != 0 && par.mmap_threshold.is_multiple_of(PAGE)),
        )
        + 2 * u32::from(
            par.trim_threshold == 128 << 10 || par.trim_threshold == par.mmap_threshold.saturating_mul(2),
        )
        + u32::from(par.top_pad == 128 << 10)
        + 3 * u32::from(layout.tcache.is_some_and(|at| matches!(get(at), Some(64 | 76))));
    sane.then_some((par, score))
}

/// How well `sbrk_base` fits what is there: where malloc's first memory began.
fn sbrk_base_score(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    par: &Par,
    arena: &ArenaHead,
    anchors: &Anchors,
) -> u32 {
    let base = par.sbrk_base;
    if arena.system_mem == 0 || base == Addr(0) {
        return 2 * u32::from(arena.system_mem == 0 && base == Addr(0));
    }
    let Some(mapping) = maps::find(maps, base).filter(|mapping| mapping.perms.write) else { return 0 };
    let first = Addr(base.0.next_multiple_of(16));
    let is_chunk = reader
        .peek::<2>(first)
        .map(Head::from)
        .is_some_and(|head| head.has(PREV_INUSE) && head.size() >= MINSIZE && head.size().is_multiple_of(16));
    4 * u32::from(anchors.start_brk == Some(base) || mapping.span.start == base)
        + 3 * u32::from(is_chunk)
        + u32::from(mapping.path == "[heap]")
}

//! Where an arena's memory is: the pieces from brk, the mmaps that malloc took instead, a thread's heaps.
//!
//! A line of `/proc/PID/maps` is not a region: the kernel merges neighbours, so one line may hold many regions
//! (newest lowest), large blocks and libc's thread-locals. A region is a chain of chunks that ends at
//! fenceposts or at the arena's top; a search takes only such chains, page by page, and stops as soon as the
//! arena's own books (`system_mem`, `n_mmaps`) are met. What the books miss is told, not made up.

use rustc_hash::FxHashSet;

use super::glibc::{
    ArenaHead, HEADER, HEAP_MAX_SIZES, Head, IS_MMAPPED, MINSIZE, NON_MAIN_ARENA, PREV_INUSE,
};
use super::lists::FreeChunk;
use super::model::{Count, Doubts, Gap, Mmapped, Origin, Region};
use super::read::Reader;
use super::walk::{self, Bounds, CachedChunks, Chunk, Ending, State};
use crate::addr::{Addr, PAGE, Span};
use crate::maps::Mapping;

/// Damage that is walked around in one region.
pub(super) const TOLERANCE: usize = 32;
/// Good chunks before damage that make a chain worth following through it.
const CONVINCING: u64 = 4;
/// Probes and failed steps after which the search ends: some seconds at worst.
const PATIENCE: u64 = 100_000_000;
/// Bytes of memory looked through for regions.
const SEARCH_LIMIT: u64 = 4 << 30;

/// The search for regions of all main arenas.
pub(super) struct Hunt<'r, 'm, 'a> {
    pub(super) reader: &'r mut Reader<'m>,
    pub(super) cached: &'a CachedChunks,
    /// The tops of the main arenas.
    pub(super) tops: Vec<Addr>,
    /// Found so far.
    pub(super) regions: Vec<Region>,
    /// Their free chunks, in the same order.
    pub(super) free: Vec<Vec<FreeChunk>>,
    /// Pieces of the break's range that malloc did not ask for.
    pub(super) gaps: Vec<Gap>,
    pub(super) mmapped: Vec<Mmapped>,
    pub(super) doubts: Doubts,
    /// Address ranges that are spoken for.
    taken: Vec<Span>,
    patience: u64,
}

/// What the books of the main arenas say, to know when all is found.
#[derive(Copy, Clone, Debug)]
pub(super) struct Books {
    /// The sum of `system_mem`.
    pub(super) system_mem: u64,
    /// `n_mmaps`, where `mp_` was found.
    pub(super) n_mmaps: Option<u64>,
}

impl<'r, 'm, 'a> Hunt<'r, 'm, 'a> {
    pub(super) fn new(
        reader: &'r mut Reader<'m>,
        cached: &'a CachedChunks,
        tops: Vec<Addr>,
        taken: Vec<Span>,
    ) -> Hunt<'r, 'm, 'a> {
        Hunt {
            reader,
            cached,
            tops,
            regions: Vec::new(),
            free: Vec::new(),
            gaps: Vec::new(),
            mmapped: Vec::new(),
            doubts: Doubts::default(),
            taken,
            patience: PATIENCE,
        }
    }

    /// The regions in the range of the break, with the gaps that others made in it.
    pub(super) fn break_range(&mut self, range: Span, sbrk_base: Option<Addr>) {
        self.taken.push(range);
        let known = sbrk_base.filter(|base| range.contains(*base));
        let base = known.unwrap_or(range.start);
        let mut at = Addr(base.0.next_multiple_of(16));
        let mut from = base;
        // Where malloc began is known; where it went on after somebody else's sbrk is not.
        let mut sure = known.is_some();
        while at < range.end {
            let tolerance = if sure { TOLERANCE } else { 0 };
            let start = if sure { Some(at) } else { self.next_chain(at, range.end) };
            let Some(start) = start else { break };
            if start > from {
                self.gaps.push(Gap { span: Span::new(from, start), counted: false });
            }
            let Some(end) = self.take(start, range.end, Origin::Brk, tolerance) else { break };
            (at, from, sure) = (end, end, false);
        }
        if from < range.end && from > base {
            self.gaps.push(Gap { span: Span::new(from, range.end), counted: false });
        }
    }

    /// A region whose place was recorded when it was made.
    pub(super) fn recorded(&mut self, span: Span) {
        if !self.taken.iter().any(|taken| taken.overlaps(span)) {
            self.take(span.start, span.end, Origin::Fallback, TOLERANCE);
        }
    }

    /// Looks through anonymous memory until the books are met; mappings that hold a seed (a chunk known to be
    /// the main arenas') first, then the small ones.
    pub(super) fn search(&mut self, maps: &[Mapping], seeds: &[Addr], books: Books) {
        let holds_seed = |span: Span| seeds.iter().any(|seed| span.contains(*seed));
        let mut order: Vec<Span> =
            maps.iter().filter(|mapping| may_hold_heap(mapping)).map(|mapping| mapping.span).collect();
        order.sort_by_key(|span| (!holds_seed(*span), span.len()));
        let mut looked = 0u64;
        for vma in order {
            let mut pieces = vec![vma];
            for taken in &self.taken {
                pieces = pieces.into_iter().flat_map(|piece| piece.without(*taken)).collect();
            }
            for piece in pieces {
                if self.is_complete(books) {
                    return;
                }
                looked = looked.saturating_add(piece.len());
                if looked > SEARCH_LIMIT || self.patience == 0 {
                    let what = "the search for regions was given up here: too much memory to look through";
                    self.doubts.push(piece.start, what.to_owned());
                    return;
                }
                self.search_piece(piece, books);
            }
        }
    }

    fn search_piece(&mut self, piece: Span, books: Books) {
        let mut at = piece.start.page_up();
        while at < piece.end && self.patience > 0 {
            self.patience -= 1;
            let head = self.reader.stream::<2>(at).map(Head::from);
            at = match head {
                Some(head) if mmapped_size(head).is_some_and(|total| total <= piece.end.0 - at.0) => {
                    let size = mmapped_size(head).unwrap_or(PAGE);
                    self.mmapped.push(Mmapped { address: at, size });
                    at.add(size)
                }
                Some(head) if head.prev_size == 0 && is_start(head, piece.end.0 - at.0) => {
                    let missing = self.missing(books);
                    let limit = piece.end.min(at.add(missing));
                    let found = self.take(at, limit, Origin::Fallback, 0);
                    found.unwrap_or(at.add(PAGE))
                }
                _ => at.add(PAGE),
            };
            if self.is_complete(books) {
                return;
            }
        }
    }

    /// Bytes of the main arenas that are not found yet, without those that may be in gaps.
    fn missing(&self, books: Books) -> u64 {
        books.system_mem.saturating_sub(self.regions.iter().map(|region| region.span.len()).sum())
    }

    fn is_complete(&self, books: Books) -> bool {
        let mut missing = self.missing(books);
        // Gaps count in system_mem until the arena stops being contiguous.
        let mut regions_found = missing == 0;
        for gap in &self.gaps {
            missing = missing.saturating_sub(gap.span.len());
            regions_found |= missing == 0;
        }
        regions_found && books.n_mmaps.is_some_and(|n| self.mmapped.len() as u64 >= n)
    }

    /// The next address from `from` on at which a chain begins that ends properly.
    fn next_chain(&mut self, from: Addr, limit: Addr) -> Option<Addr> {
        let mut at = from;
        while at < limit && self.patience > 0 {
            self.patience -= 1;
            let head = self.reader.stream::<2>(at).map(Head::from);
            let Some(head) = head else {
                at = at.page_down().add(PAGE);
                continue;
            };
            if is_start(head, limit.0 - at.0) && self.is_chain(at, limit) {
                return Some(at);
            }
            at = at.add(16);
        }
        None
    }

    fn is_chain(&mut self, first: Addr, limit: Addr) -> bool {
        let bounds = Bounds { first, limit, tops: &self.tops, main: true, tolerance: 0 };
        let mut steps = 0u64;
        let course = walk::walk(self.reader, bounds, &[], &mut |_| steps += 1);
        self.patience = self.patience.saturating_sub(steps);
        course.ending != Ending::Broken
    }

    /// Walks the region that begins at `first` and keeps it if it is one; where it ends. With a `tolerance`
    /// the place is known: then what cannot be walked up to `limit` is the region's all the same.
    fn take(&mut self, first: Addr, limit: Addr, origin: Origin, tolerance: usize) -> Option<Addr> {
        let bounds = Bounds { first, limit, tops: &self.tops, main: true, tolerance };
        let mut walked = survey_region(self.reader, bounds, first, origin, self.cached);
        let page_end = |end: Addr| end.0.is_multiple_of(PAGE);
        let mut ends = match walked.course.ending {
            Ending::Top => true,
            Ending::Fencepost => origin == Origin::Brk || page_end(walked.course.end),
            Ending::Broken => false,
        };
        if !ends && tolerance == 0 {
            self.patience = self.patience.saturating_sub(walked.region.chunks);
            if walked.region.chunks < CONVINCING {
                return None;
            }
            // A long good chain that breaks is more likely damaged than a coincidence: walk around it.
            let bounds = Bounds { tolerance: TOLERANCE, ..bounds };
            walked = survey_region(self.reader, bounds, first, origin, self.cached);
            ends = walked.course.ending != Ending::Broken && page_end(walked.course.end);
        }
        if !ends && tolerance > 0 && walked.region.chunks > 0 {
            let Region { span, lost, .. } = &mut walked.region;
            *lost += limit.0 - span.end.0;
            span.end = limit;
            ends = true;
        }
        if !ends {
            return None;
        }
        walked.tell(&mut self.doubts);
        self.taken.push(walked.region.span);
        let end = walked.region.span.end;
        self.regions.push(walked.region);
        self.free.push(walked.free);
        Some(end)
    }
}

/// A region and what a walk through it brought.
pub(super) struct Walked {
    pub(super) region: Region,
    pub(super) free: Vec<FreeChunk>,
    course: walk::Course,
}

impl Walked {
    /// Tells the damage, in sentences.
    pub(super) fn tell(&self, doubts: &mut Doubts) {
        for damage in &self.course.damage {
            doubts.broken(damage.at, damage.rule.sentence(damage.last_good), damage.rule.aborts());
        }
    }
}

/// Walks one region and adds up its chunks.
pub(super) fn survey_region(
    reader: &mut Reader<'_>,
    bounds: Bounds<'_>,
    start: Addr,
    origin: Origin,
    cached: &CachedChunks,
) -> Walked {
    let mut region = Region::empty(Span::new(start, start), origin, bounds.first);
    let mut free = Vec::new();
    let course = walk::walk(reader, bounds, cached, &mut |chunk: &Chunk| {
        region.add(chunk);
        if let Some((fd, bk)) = chunk.links {
            free.push(FreeChunk { at: chunk.address, size: chunk.size, fd, bk });
        }
    });
    region.span.end = course.end;
    region.lost = course.lost;
    Walked { region, free, course }
}

/// The heaps of a thread's arena: each begins with a `heap_info`, and they are linked from the newest back.
pub(super) fn thread_heaps(
    reader: &mut Reader<'_>,
    head: &ArenaHead,
    info_size: u64,
    cached: &CachedChunks,
    doubts: &mut Doubts,
) -> (Vec<Region>, Vec<FreeChunk>) {
    let first = head.address.sub(info_size);
    let newest = HEAP_MAX_SIZES
        .into_iter()
        .map(|size| Addr(head.top.0 & !(size - 1)))
        .find(|heap| reader.peek::<1>(*heap) == Some([head.address.0]));
    let mut next = newest.unwrap_or(first);
    let (mut regions, mut free) = (Vec::new(), Vec::new());
    let mut seen = FxHashSet::default();
    while next != Addr(0) && seen.insert(next) && seen.len() <= 1 << 16 {
        let Some([arena, prev, size, _]) = reader.peek::<4>(next).filter(|_| next.0.is_multiple_of(PAGE))
        else {
            break;
        };
        let largest = HEAP_MAX_SIZES.into_iter().max().unwrap_or_default();
        let begin =
            if next == first { head.address.add(head.layout.size() as u64) } else { next.add(info_size) };
        let fits = size <= largest && size.is_multiple_of(PAGE) && next.add(size) > begin;
        if arena != head.address.0 || !fits {
            doubts.push(next, format!("the heap_info here does not fit arena {}", head.address));
            break;
        }
        let bounds = Bounds {
            first: Addr(begin.0.next_multiple_of(16)),
            limit: next.add(size),
            tops: &[head.top],
            main: false,
            tolerance: TOLERANCE,
        };
        let mut walked = survey_region(reader, bounds, next, Origin::HeapInfo, cached);
        // All of the heap counts in system_mem, whether or not the walk came to its end.
        walked.region.lost += bounds.limit.0.saturating_sub(walked.region.span.end.0);
        walked.region.span.end = bounds.limit;
        walked.tell(doubts);
        regions.push(walked.region);
        free.append(&mut walked.free);
        next = Addr(prev);
    }
    if !seen.contains(&first) {
        doubts.push(first, format!("the first heap of arena {} is not linked", head.address));
    }
    regions.sort_by_key(|region| region.span.start);
    (regions, free)
}

/// Whether malloc may have taken this mapping: private memory without a file, to be read and written.
fn may_hold_heap(mapping: &Mapping) -> bool {
    let named = mapping.path.is_empty() || mapping.path.starts_with("[anon:");
    let perms = mapping.perms;
    mapping.is_anonymous() && named && perms.read && perms.write && !perms.shared
}

/// Whether a main arena's region may begin with this header.
fn is_start(head: Head, room: u64) -> bool {
    let size = head.size();
    head.has(PREV_INUSE)
        && !head.has(IS_MMAPPED | NON_MAIN_ARENA)
        && size >= MINSIZE
        && size.is_multiple_of(16)
        && size <= room
}

/// The length of the mapping that begins with this header, if it is that of a block with its own mapping.
///
/// Up to 2.42 the size in the header is the mapping's; from 2.43 on it leaves out the header. Blocks from
/// `memalign` keep the first header when they move their own further in, so the mapping's start always tells.
fn mmapped_size(head: Head) -> Option<u64> {
    // Bit 0 of prev_size says "huge pages" from 2.43 on.
    let flags_fit = head.field & 7 == IS_MMAPPED && head.prev_size <= 1;
    let size = head.size();
    let total = if size.is_multiple_of(PAGE) { size } else { size.checked_add(HEADER)? };
    (flags_fit && total >= PAGE && total.is_multiple_of(PAGE)).then_some(total)
}

/// What `malloc_trim` gives back of a chunk in a bin: the whole pages behind its header and the four words of lists (glibc
/// malloc.c, `mtrim`).
fn whole_pages(chunk: &Chunk) -> u64 {
    /// `sizeof (struct malloc_chunk)`.
    const WORDS: u64 = 0x30;
    let first = chunk.address.add(WORDS).page_up();
    let end = chunk.address.add(chunk.size).page_down();
    end.0.saturating_sub(first.0)
}

impl Region {
    fn empty(span: Span, origin: Origin, first: Addr) -> Region {
        Region { span, origin, first, ..Region::default() }
    }

    fn add(&mut self, chunk: &Chunk) {
        let count: &mut Count = match chunk.state {
            State::Used => &mut self.used,
            State::Free => &mut self.free,
            State::Fast => &mut self.fast,
            State::Tcache => &mut self.tcache,
            State::Top => &mut self.top,
            State::Fencepost => {
                self.fenceposts += chunk.size;
                return;
            }
        };
        count.add(chunk.size);
        self.chunks += 1;
        if chunk.state == State::Free {
            self.largest_free = self.largest_free.max(chunk.size);
            self.trimmable += whole_pages(chunk);
        }
    }
}

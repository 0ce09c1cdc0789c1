//! The whole picture: arenas, regions, caches and large blocks put together and checked against the books.
//!
//! What a part could not read costs that part only; what does not fit together becomes a doubt.

use super::Anchors;
use super::chain::Linking;
use super::find::{self, Found};
use super::glibc::{ArenaHead, HEADER};
use super::lists::{self, FreeChunk};
use super::model::{Arena, ArenaKind, Books, Doubts, Gap, Mmapped, Origin, Region, Survey};
use super::read::Reader;
use super::regions::{self, Hunt};
use super::rules;
use super::tcache;
use crate::addr::{Addr, PAGE, Span};
use crate::maps::Mapping;
use crate::memory::Memory;

pub(super) fn survey(memory: &dyn Memory, maps: &[Mapping], anchors: &Anchors) -> Survey {
    let mut reader = Reader::new(memory);
    let mut survey = Survey { glibc: anchors.glibc.clone(), ..Survey::default() };
    let mut doubts = Doubts::default();
    find_break(&mut reader, maps, anchors, &mut survey);
    let found = find::main_arenas(&mut reader, maps, anchors, None);
    if let Some(first) = found.first() {
        survey.found_by.clone_from(&first.methods);
        let arenas = || found.iter().flat_map(|main| [&main.head].into_iter().chain(&main.threads));
        let heads: Vec<&ArenaHead> = arenas().collect();
        read_caches(&mut reader, maps, anchors, &heads, &mut survey, &mut doubts);
        read_books(&found, &mut survey, &mut doubts);
        read_arenas(&mut reader, maps, anchors, &found, &mut survey, &mut doubts);
    } else {
        let at = anchors.libc_data.first().map_or(Addr(0), |span| span.start);
        doubts.push(at, "no malloc arena was found in the data of libc");
    }
    survey.doubts = doubts.into_vec();
    survey
}

/// Every arena with its memory: the main ones by search, their threads' by their `heap_info`s.
fn read_arenas(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    anchors: &Anchors,
    found: &[Found],
    survey: &mut Survey,
    doubts: &mut Doubts,
) {
    let mut mains = main_regions(reader, maps, anchors, found, survey, doubts).into_iter();
    for main in found {
        let (regions, free, gaps) = mains.next().unwrap_or_default();
        survey.arenas.push(arena(reader, &main.head, ArenaKind::Main, (regions, free, gaps), doubts));
        for thread in &main.threads {
            let Some(info_size) = find::heap_info_size(reader, thread.address) else { continue };
            let (regions, free) = regions::thread_heaps(reader, thread, info_size, &survey.cached, doubts);
            survey.arenas.push(arena(reader, thread, ArenaKind::Thread, (regions, free, Vec::new()), doubts));
        }
    }
}

/// The break and what stands in its way.
fn find_break(reader: &mut Reader<'_>, maps: &[Mapping], anchors: &Anchors, survey: &mut Survey) {
    let heap = || maps.iter().filter(|mapping| mapping.path == "[heap]");
    let stored = anchors.curbrk.and_then(|at| reader.peek::<1>(at)).map(|[value]| Addr(value));
    let mapped = heap().next_back().map(|mapping| mapping.span.end);
    // Without a [heap] the break never moved, and libc may not have asked yet where it is.
    survey.break_now = stored.filter(|at| at.0 != 0).or(mapped).or(anchors.start_brk);
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
    doubts: &mut Doubts,
) {
    let tcaches = tcache::find(reader, maps, &anchors.threads);
    if let Some(main) = heads.first().filter(|main| anchors.threads.is_empty() && main.system_mem > 0) {
        let what = "no thread pointers are known: chunks in tcaches are counted as in use";
        doubts.push(main.address, what);
    }
    let fast = heads.iter().flat_map(|head| &head.fastbins).filter(|at| **at != 0);
    let mut fields: Vec<Addr> = fast.map(|at| Addr(*at).add(HEADER)).collect();
    fields.extend(tcaches.iter().flat_map(tcache::Found::link_fields));
    let linking = Linking::guess(reader, maps, &fields);
    survey.linking = linking;
    for head in heads {
        survey.cached.extend(lists::fast_chunks(reader, maps, head, linking, doubts));
    }
    for found in &tcaches {
        survey.tcaches.push(tcache::read(reader, maps, found, linking, &mut survey.cached, doubts));
    }
    survey.cached.sort_by_key(|(at, _)| *at);
    for pair in survey.cached.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        doubts.broken(pair[0].0, "double free: the chunk is in two caches", rules::TCACHE_LOOP);
    }
    survey.cached.dedup_by_key(|(at, _)| *at);
}

/// What `mp_` says, and whether the arenas hang together.
fn read_books(found: &[Found], survey: &mut Survey, doubts: &mut Doubts) {
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
        doubts.push(first.head.address, what);
    }
    for main in found.iter().filter(|main| !main.closed) {
        let what = "the ring of arenas does not lead back to this one: others may be missing";
        doubts.push(main.head.address, what);
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
    doubts: &mut Doubts,
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
    let Hunt { regions, free, gaps, mut mmapped, doubts: told, .. } = hunt;
    doubts.append(told);
    mmapped.sort_by_key(|block| block.address);
    check_mmapped(&mmapped, books.n_mmaps, found, doubts);
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

fn check_mmapped(mmapped: &[Mmapped], expected: Option<u64>, found: &[Found], doubts: &mut Doubts) {
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
        doubts.broken(par.address, what, rules::MAPPINGS);
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

/// Checks one arena's lists and books.
fn arena(
    reader: &mut Reader<'_>,
    head: &ArenaHead,
    kind: ArenaKind,
    (mut regions, mut free, mut gaps): Memories,
    doubts: &mut Doubts,
) -> Arena {
    regions.sort_by_key(|region| region.span.start);
    free.sort_by_key(|chunk| chunk.at);
    let used = !head.is_uninitialised();
    if used {
        lists::check_bins(reader, head, &free, doubts);
    }
    if head.mutex != 0 {
        let what = "the arena is locked: a thread is inside malloc, figures may be in the middle of a change";
        doubts.push(head.address, what);
    }
    let unaccounted = balance(head, &regions, &mut gaps);
    if unaccounted > 0 {
        doubts.push(head.address, format!("{unaccounted} bytes of this arena were not located"));
    } else if unaccounted < 0 {
        let more = unaccounted.unsigned_abs();
        doubts.push(head.address, format!("{more} bytes more were located than this arena took"));
    }
    let has_top = used && !head.has_no_top();
    let top_size = regions.iter().map(|region| region.top.bytes).max().unwrap_or(0);
    if has_top && top_size == 0 {
        doubts.push(head.top, "the top chunk is in none of the regions found");
    }
    Arena {
        kind,
        address: head.address,
        layout: head.layout,
        system_mem: head.system_mem,
        max_system_mem: head.max_system_mem,
        contiguous: head.is_contiguous(),
        locked: head.mutex != 0,
        attached: head.attached,
        top: has_top.then_some((head.top, top_size)),
        regions,
        gaps,
        unaccounted,
    }
}

/// Decides which gaps `system_mem` counts, and what remains of it.
///
/// While an arena is contiguous, malloc books a foreign piece as its own when it grows across it; from the
/// first fallback on it does not. So the counted gaps are the lowest ones, and the sum says how many.
fn balance(head: &ArenaHead, regions: &[Region], gaps: &mut [Gap]) -> i64 {
    let from_brk = regions.iter().filter(|region| region.origin == Origin::Brk);
    let last = from_brk.map(|region| region.span.start).max();
    let inner = gaps.iter().take_while(|gap| last.is_some_and(|last| gap.span.start < last)).count();
    let bytes: u64 = regions.iter().map(|region| region.span.len()).sum();
    let rest = |counted: usize| {
        let gap_bytes: u64 = gaps[..counted].iter().map(|gap| gap.span.len()).sum();
        // Addresses are below 2^47, so are their differences.
        (head.system_mem as i64).wrapping_sub(bytes as i64).wrapping_sub(gap_bytes as i64)
    };
    let fewest = if head.is_contiguous() { inner } else { 0 };
    let counted = (fewest..=inner).min_by_key(|n| rest(*n).unsigned_abs()).unwrap_or(inner);
    let remains = rest(counted);
    gaps[..counted].iter_mut().for_each(|gap| gap.counted = true);
    remains
}

//! Each thread's tcache: found below its thread pointer, recognised by its shape.
//!
//! The `tcache` pointer is a thread-local variable of libc whose offset nobody exports. It lies below the
//! thread pointer, further down when the program has thread-locals of its own, and it is the only word there
//! that points at a chunk of one of four sizes whose contents are a tcache. The offset is the same for all
//! threads, which settles doubtful cases. From 2.43 on a thread has none before its first `free`.

use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use super::chain::{self, Left, Linking, Points, is_heap};
use super::glibc::{HEADER, Head, TcacheLayout, word};
use super::model::{Count, Doubts, Tcache};
use super::read::Reader;
use super::rules::{self, Aborts};
use super::walk::State;
use crate::addr::{Addr, PAGE, Tid};
use crate::maps::{self, Mapping};

/// How far below the thread pointer to look: the thread-locals of the program come first.
const NEAR: u64 = 16 << 10;
/// How far when nobody has a tcache that near.
const FAR: u64 = 2 << 20;

/// A tcache before its lists are followed.
pub(super) struct Found {
    tid: Tid,
    address: Addr,
    layout: TcacheLayout,
    /// The structure's bytes.
    bytes: Vec<u8>,
    /// Distance of the word that points at it from the thread pointer.
    offset: u64,
    /// Bins that are not empty: the more, the surer.
    filled: usize,
    /// Whether only its size and its place tell what it is.
    damaged: bool,
}

impl Found {
    fn entry(&self, i: usize) -> Addr {
        Addr(word(&self.bytes, self.layout.entries() + 8 * i).unwrap_or_default())
    }

    /// The link fields of the first entries, from which [`Linking`] can be told.
    pub(super) fn link_fields(&self) -> impl Iterator<Item = Addr> {
        (0..self.layout.bins()).map(|i| self.entry(i)).filter(|at| *at != Addr(0))
    }
}

/// The tcache of every thread that has one.
pub(super) fn find(reader: &mut Reader<'_>, maps: &[Mapping], threads: &[(Tid, Addr)]) -> Vec<Found> {
    let mut candidates: Vec<Vec<Found>> =
        threads.iter().map(|thread| candidates_of(reader, maps, *thread, 0..NEAR)).collect();
    if candidates.iter().all(Vec::is_empty) {
        // The program's own thread-locals are large: look far for the oldest threads, then at that offset.
        let mut far =
            threads.iter().take(4).flat_map(|thread| candidates_of(reader, maps, *thread, NEAR..FAR));
        let Some(offset) = far.next().map(|found| found.offset) else { return Vec::new() };
        candidates =
            threads.iter().map(|thread| candidates_of(reader, maps, *thread, offset - 8..offset)).collect();
    }
    let mut votes: FxHashMap<u64, (usize, usize)> = FxHashMap::default();
    for found in candidates.iter().flatten() {
        let vote = votes.entry(found.offset).or_default();
        *vote = (vote.0 + 1, vote.1 + found.filled);
    }
    let rank = |found: &Found| (!found.damaged, votes.get(&found.offset).copied().unwrap_or_default());
    candidates.into_iter().filter_map(|found| found.into_iter().max_by_key(rank)).collect()
}

/// What looks like a tcache of a thread, at these distances below its thread pointer; the furthest first.
fn candidates_of(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    (tid, pointer): (Tid, Addr),
    distance: Range<u64>,
) -> Vec<Found> {
    let low = pointer.0.saturating_sub(distance.end);
    let high = pointer.0.saturating_sub(distance.start);
    let block = reader.block(Addr(low), (high - low) as usize);
    let mut found = Vec::new();
    for at in (0..block.len()).step_by(8) {
        let Some(address) = word(&block, at).map(Addr) else { break };
        if address == Addr(0) || !address.0.is_multiple_of(16) || !is_heap(maps, address) {
            continue;
        }
        let Some(head) = reader.peek::<2>(address.sub(HEADER)).map(Head::from) else { continue };
        let Some(layout) = TcacheLayout::of_chunk(head.size()) else { continue };
        let bytes = reader.block(address, layout.size());
        let offset = pointer.0 - low - at as u64;
        let mut one = Found { tid, address, layout, bytes, offset, filled: 0, damaged: false };
        match shape(reader, maps, &one) {
            Some(filled) => one.filled = filled,
            None if is_first_chunk(maps, &one) => one.damaged = true,
            None => continue,
        }
        found.push(one);
    }
    found
}

/// Whether it is where malloc makes a thread's tcache: the first chunk of its memory. In glibc 2.42 and later it is
/// not, so there a structure that makes no sense is nobody's.
fn is_first_chunk(maps: &[Mapping], found: &Found) -> bool {
    let start = maps::find(maps, found.address).map(|mapping| mapping.span.start);
    found.layout != TcacheLayout::Slots && start.is_some_and(|start| found.address.0 - start.0 < PAGE)
}

/// How many bins are filled, if it is a tcache: most entries must be chunks of their bin's size, and where
/// counts are kept, an entry is there when the count is not zero. A few bad bins are damage, not disproof.
fn shape(reader: &mut Reader<'_>, maps: &[Mapping], found: &Found) -> Option<usize> {
    let (mut filled, mut bad) = (0, 0);
    for i in 0..found.layout.bins() {
        let entry = found.entry(i);
        let counted = found.layout.count(&found.bytes, i).is_none_or(|n| (n == 0) == (entry == Addr(0)));
        let chunk = entry == Addr(0)
            || (entry.0.is_multiple_of(16)
                && is_heap(maps, entry)
                && reader
                    .peek::<2>(entry.sub(HEADER))
                    .is_some_and(|words| found.layout.holds(i, Head::from(words).size())));
        bad += usize::from(!counted || !chunk);
        filled += usize::from(entry != Addr(0) && counted && chunk);
    }
    (bad <= 2 && bad <= filled.max(1)).then_some(filled)
}

/// Follows the lists of one tcache; its chunks go to `cached`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    found: &Found,
    linking: Linking,
    cached: &mut Vec<(Addr, State)>,
    doubts: &mut Doubts,
) -> Tcache {
    if found.damaged {
        let what =
            format!("a tcache by its size and place (thread {}), but its bins make no sense", found.tid);
        doubts.broken(found.address.sub(HEADER), what, rules::TCACHE_UNALIGNED);
    }
    let mut total = Count::default();
    let mut seen = FxHashSet::default();
    for i in 0..found.layout.bins() {
        let mut length = 0u32;
        let mut sizes = Vec::new();
        let name = || format!("the tcache of thread {}, bin {i}", found.tid);
        let left = chain::follow(reader, maps, found.entry(i), (Points::AtPayloads, linking), &mut |link| {
            if !seen.insert(link.at) || length > u32::from(u16::MAX) {
                return false;
            }
            if !found.layout.holds(i, link.head.size()) {
                sizes.push((link.at, link.head.size()));
            }
            length += 1;
            total.add(link.head.size());
            cached.push((link.chunk, State::Tcache));
            true
        });
        for (at, size) in sizes {
            doubts.push(at, format!("{} holds it, but its size is {size:#x}", name()));
        }
        if let Some((at, left)) = left {
            let (what, aborts) = left_tcache(left, &name());
            doubts.broken(at, what, aborts);
        }
        if let Some(count) = found.layout.count(&found.bytes, i).filter(|n| u32::from(*n) != length) {
            let what = format!(
                "the tcache of thread {} counts {count} chunks in bin {i}; {length} are there",
                found.tid
            );
            doubts.push(found.address, what);
        }
    }
    Tcache { tid: found.tid, address: found.address, layout: found.layout, held: total }
}

/// What is wrong with an entry at which a bin of a tcache was left, and what glibc says of it.
pub(super) fn left_tcache(left: Left, name: &str) -> (String, Aborts) {
    match left {
        Left::Again => (format!("double free: {name} meets it twice"), rules::TCACHE_LOOP),
        Left::NoChunk => {
            (format!("{name} leads here, but it is no chunk's pointer"), rules::TCACHE_UNALIGNED)
        }
    }
}

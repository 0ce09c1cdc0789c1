//! The lists of free chunks: bins and fastbins, followed with suspicion.
//!
//! Bins are checked against what a walk found: each free chunk is in exactly one bin, each link has its
//! opposite. Fastbins and tcaches cannot be seen in a walk, because their chunks look used to their
//! neighbours, so they are followed through memory. Every list is bounded by the chunks that can exist.

use super::chain::{self, Left, Linking, Points};
use super::glibc::{ArenaHead, BINS, MINSIZE, bin_index};
use super::model::Doubts;
use super::read::Reader;
use super::rules::{self, Aborts};
use super::walk::State;
use crate::addr::Addr;
use crate::maps::Mapping;

/// The first bin for chunks of more than one size.
pub(super) const LARGE_BINS: usize = 64;
/// Where a large free chunk has `fd_nextsize`; `bk_nextsize` follows.
const NEXT_SIZES: u64 = 0x20;

/// A chunk that its neighbour calls free.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct FreeChunk {
    pub(super) at: Addr,
    pub(super) size: u64,
    pub(super) fd: Addr,
    pub(super) bk: Addr,
}

/// The chunks in the fastbins of an arena, by address.
pub(super) fn fast_chunks(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    head: &ArenaHead,
    linking: Linking,
    doubts: &mut Doubts,
) -> Vec<(Addr, State)> {
    let mut found = Vec::new();
    for (i, first) in head.fastbins.iter().enumerate() {
        let mut sizes = Vec::new();
        let left = chain::follow(reader, maps, Addr(*first), (Points::AtChunks, linking), &mut |link| {
            found.push((link.chunk, State::Fast));
            if link.head.size() != fast_size(i) {
                sizes.push((link.chunk, link.head.size()));
            }
            true
        });
        for (at, size) in sizes {
            doubts.broken(at, wrong_fast_size(size, i), rules::FAST_SIZE);
        }
        if let Some((at, left)) = left {
            let (wrong, aborts) = left_fastbin(left);
            doubts.broken(at, format!("fastbin {i} of arena {}: {wrong}", head.address), aborts);
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.dedup();
    found
}

/// The size of the chunks in fastbin `i`.
pub(super) fn fast_size(i: usize) -> u64 {
    MINSIZE + 16 * i as u64
}

/// What is wrong with a chunk of `size` in fastbin `i`.
pub(super) fn wrong_fast_size(size: u64, i: usize) -> String {
    format!("a chunk of another size, {size:#x}, is in fastbin {i}")
}

/// What is wrong with an entry at which a fastbin was left, and what glibc says of it.
pub(super) fn left_fastbin(left: Left) -> (&'static str, Aborts) {
    match left {
        Left::Again => ("it is met twice, so it was freed twice", rules::FAST_LOOP),
        Left::NoChunk => ("it is no chunk's address", rules::FAST_UNALIGNED),
    }
}

/// Compares the bins of an arena with the free chunks that were met in its regions, sorted by address.
pub(super) fn check_bins(
    reader: &mut Reader<'_>,
    head: &ArenaHead,
    chunks: &[FreeChunk],
    doubts: &mut Doubts,
) {
    let addresses: Vec<Addr> = chunks.iter().map(|chunk| chunk.at).collect();
    let mut listed = vec![false; chunks.len()];
    let mut near = 0;
    for i in 1..=BINS {
        let bin = head.bin(i);
        let (mut at, mut before) = (head.ends(i).0, bin);
        let mut whole = true;
        while at != bin {
            let place = position(&addresses, at, near);
            let Some((chunk, listed)) = place.and_then(|n| chunks.get(n).zip(listed.get_mut(n))) else {
                let what = format!("bin {i} of arena {} leads here, but it is no free chunk", head.address);
                doubts.broken(at, what, rules::bin_links(i));
                whole = false;
                break;
            };
            if *listed {
                let what = format!("it is met twice in the bins of arena {} (bin {i})", head.address);
                doubts.broken(at, what, rules::bin_links(i));
                whole = false;
                break;
            }
            *listed = true;
            if let Some((what, aborts)) = wrong_in_bin(reader, chunk, before, i) {
                doubts.broken(at, what, aborts);
            }
            near = place.unwrap_or(near);
            (before, at) = (at, chunk.fd);
        }
        let last = head.ends(i).1;
        if whole && last != before {
            let what = format!("corrupted double-linked list: bin {i} ends at {before}, its bk is {last}");
            doubts.broken(bin, what, rules::bin_links(i));
        }
    }
    let strays = || chunks.iter().zip(&listed).filter(|(_, listed)| !**listed).map(|(chunk, _)| chunk);
    if let Some(first) = strays().next() {
        let what = match strays().count() {
            1 => "a free chunk is in no bin".to_owned(),
            n => format!("{n} free chunks are in no bin; this is the first"),
        };
        doubts.broken(first.at, what, rules::STRAY);
    }
}

/// What is wrong with a chunk that is in bin `i` behind `before`.
pub(super) fn wrong_in_bin(
    reader: &mut Reader<'_>,
    chunk: &FreeChunk,
    before: Addr,
    i: usize,
) -> Option<(String, Aborts)> {
    if chunk.bk != before {
        let what = format!("corrupted double-linked list: bk is {}, not {before} (bin {i})", chunk.bk);
        return Some((what, rules::bin_links(i)));
    }
    if i != 1 && bin_index(chunk.size) != i as u64 {
        let what = format!("a free chunk of {:#x} bytes is in bin {i}, where it does not belong", chunk.size);
        return Some((what, rules::WRONG_BIN));
    }
    // Large bins list the first chunk of each size once more, by fd_nextsize and bk_nextsize.
    if i < LARGE_BINS {
        return None;
    }
    let [forth, back] = reader.peek::<2>(chunk.at.add(NEXT_SIZES))?.map(Addr);
    let mut words = |at: Addr| {
        let fields = Some(at).filter(|at| at.0.is_multiple_of(16))?.add(NEXT_SIZES);
        reader.peek::<2>(fields)
    };
    let opposite = forth == Addr(0)
        || (words(forth).is_some_and(|[_, bk]| bk == chunk.at.0)
            && words(back).is_some_and(|[fd, _]| fd == chunk.at.0));
    let what = || format!("corrupted list of sizes: fd_nextsize {forth}, bk_nextsize {back} (bin {i})");
    (!opposite).then(|| (what(), rules::NEXT_SIZE))
}

/// Where `at` is among sorted addresses. Lists mostly go from neighbour to neighbour, so `near` is tried first.
fn position(addresses: &[Addr], at: Addr, near: usize) -> Option<usize> {
    let neighbours = [near.wrapping_sub(1), near + 1];
    let found = neighbours.into_iter().find(|n| addresses.get(*n) == Some(&at));
    found.or_else(|| addresses.binary_search(&at).ok())
}

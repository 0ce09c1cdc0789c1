//! The lists of free chunks, shown: the bins of an arena, the bins of a thread's tcache.
//!
//! A survey adds the lists up; here they are followed again, one member at a time, for whoever wants to see
//! them. A list that breaks is said to break where it does, and what hangs on its other end is shown from there.

use super::chain::{self, LoopGuard, Points, is_heap};
use super::glibc::{ArenaHead, BINS, HEADER, Head, MINSIZE, PREV_INUSE, TcacheLayout, large_sizes, word};
use super::lists::{self, FreeChunk, LARGE_BINS};
use super::model::{Arena, Doubt, Survey, Tcache};
use super::read::Reader;
use super::{rules, tcache};
use crate::addr::{Addr, Tid};
use crate::maps::Mapping;
use crate::memory::Memory;

/// What a list is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// A bin of this thread's tcache; its index.
    Tcache(Tid, usize),
    /// A fastbin; its index.
    Fast(usize),
    /// Where free chunks wait to be sorted into bins: bin 1.
    Unsorted,
    /// A bin for one size; its index in malloc's `bins`.
    Small(usize),
    /// A bin for a range of sizes; its index.
    Large(usize),
}

impl ListKind {
    /// The smallest and the largest chunk that belong into it, in bytes; 0 and 0 for any.
    #[must_use]
    pub fn sizes(self) -> (u64, u64) {
        match self {
            // Bins of the older layouts are the first of the newest.
            ListKind::Tcache(_, bin) => TcacheLayout::Slots.sizes(bin),
            ListKind::Fast(bin) => (lists::fast_size(bin), lists::fast_size(bin)),
            ListKind::Unsorted => (0, 0),
            ListKind::Small(bin) => (16 * bin as u64, 16 * bin as u64),
            ListKind::Large(bin) => large_sizes(bin),
        }
    }
}

/// One member of a list.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The chunk.
    pub chunk: Addr,
    /// What its header says, without flags.
    pub size: u64,
    /// Its place in the list, from 1 on; from the end for one that was met behind a break.
    pub nth: u64,
    /// The word that leads on, as it is stored: `fd` or a tcache entry's `next`.
    pub stored: u64,
    /// The pointer that it means.
    pub next: Addr,
    /// Whether it was met from the list's other end, behind a break.
    pub backward: bool,
}

/// A list that is not empty, or broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Which.
    pub kind: ListKind,
    /// Where its head is: the word, or the pseudo-chunk that a bin's links lead back to.
    pub head: Addr,
    /// How many malloc counts, where it does.
    pub counted: Option<u64>,
    /// Members that were met.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The first of them.
    pub members: Vec<Member>,
    /// What is wrong with it.
    pub doubts: Vec<Doubt>,
}

/// Who is told of each member while lists are followed.
pub type Watch<'a> = dyn FnMut(ListKind, &Member) + 'a;

/// Doubts of one list: a list of garbage has many, and the first tell the most.
const DOUBTS: usize = 8;

impl List {
    fn new(kind: ListKind, head: Addr) -> List {
        let (members, doubts) = (Vec::new(), Vec::new());
        List { kind, head, counted: None, count: 0, bytes: 0, members, doubts }
    }

    fn add(&mut self, member: Member, keep: usize, watch: &mut Watch<'_>) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(member.size);
        if self.members.len() < keep {
            self.members.push(member);
        }
        watch(self.kind, &member);
    }

    fn doubt(&mut self, at: Addr, what: String, glibc: rules::Aborts) {
        if self.doubts.len() < DOUBTS {
            self.doubts.push(Doubt { at, what, glibc });
        }
    }
}

impl Survey {
    /// The fastbins and bins of an arena that are not empty. Each keeps its first `keep` members; all of them pass by
    /// `watch`.
    #[must_use]
    pub fn bins(
        &self,
        memory: &dyn Memory,
        maps: &[Mapping],
        arena: &Arena,
        keep: usize,
        watch: &mut Watch<'_>,
    ) -> Vec<List> {
        let mut reader = Reader::new(memory);
        let bytes = reader.block(arena.address, arena.layout.size());
        let head = ArenaHead::parse(arena.address, arena.layout, &bytes);
        let Some(head) = head.filter(|head| !head.is_uninitialised()) else { return Vec::new() };
        let mut lists = Vec::new();
        for (i, first) in head.fastbins.iter().enumerate().filter(|(_, first)| **first != 0) {
            let at = arena.layout.fastbins().unwrap_or_default() + 8 * i;
            let size = lists::fast_size(i);
            let mut list = List::new(ListKind::Fast(i), arena.address.add(at as u64));
            let points = (Points::AtChunks, self.linking);
            let mut sizes = Vec::new();
            let left = chain::follow(&mut reader, maps, Addr(*first), points, &mut |link| {
                if link.head.size() != size && sizes.len() < DOUBTS {
                    sizes.push((link.chunk, link.head.size()));
                }
                list.add(member(list.count + 1, link), keep, watch);
                true
            });
            for (at, size) in sizes {
                list.doubt(at, lists::wrong_fast_size(size, i), rules::FAST_SIZE);
            }
            if let Some((at, left)) = left {
                let (what, glibc) = lists::left_fastbin(left);
                list.doubt(at, format!("fastbin {i}: {what}"), glibc);
            }
            lists.push(list);
        }
        for i in 1..=BINS {
            let list = bin(&mut reader, maps, &head, i, (keep, watch));
            lists.extend(Some(list).filter(|list| list.count > 0 || !list.doubts.is_empty()));
        }
        lists
    }

    /// The bins of a thread's tcache that are not empty, in the same way.
    #[must_use]
    pub fn tcache_bins(
        &self,
        memory: &dyn Memory,
        maps: &[Mapping],
        cache: &Tcache,
        keep: usize,
        watch: &mut Watch<'_>,
    ) -> Vec<List> {
        let mut reader = Reader::new(memory);
        let layout = cache.layout;
        let bytes = reader.block(cache.address, layout.size());
        let mut lists = Vec::new();
        for i in 0..layout.bins() {
            let at = layout.entries() + 8 * i;
            let first = Addr(word(&bytes, at).unwrap_or_default());
            let counted = layout.count(&bytes, i).map(u64::from);
            if first == Addr(0) && counted.unwrap_or(0) == 0 {
                continue;
            }
            let kind = ListKind::Tcache(cache.tid, i);
            let mut list = List::new(kind, cache.address.add(at as u64));
            list.counted = counted;
            let mut sizes = Vec::new();
            let points = (Points::AtPayloads, self.linking);
            let left = chain::follow(&mut reader, maps, first, points, &mut |link| {
                if !layout.holds(i, link.head.size()) && sizes.len() < DOUBTS {
                    sizes.push((link.at, link.head.size()));
                }
                list.add(member(list.count + 1, link), keep, watch);
                true
            });
            for (at, size) in sizes {
                list.doubt(at, format!("bin {i} holds it, but its size is {size:#x}"), rules::UNNOTICED);
            }
            if let Some((at, left)) = left {
                let (what, glibc) = tcache::left_tcache(left, &format!("bin {i}"));
                list.doubt(at, what, glibc);
            }
            if let Some(count) = counted.filter(|count| *count != list.count) {
                let what = format!("bin {i} counts {count} chunks; {} are there", list.count);
                list.doubt(cache.address, what, rules::UNNOTICED);
            }
            lists.push(list);
        }
        lists
    }

    /// Whether the links of tcaches and fastbins are stored mixed with their addresses (safe-linking).
    #[must_use]
    pub fn links_are_safe(&self) -> bool {
        self.linking == chain::Linking::Safe
    }
}

fn member(nth: u64, link: &chain::Link) -> Member {
    let size = link.head.size();
    Member { chunk: link.chunk, size, nth, stored: link.stored, next: link.next, backward: false }
}

/// Follows bin `i` by `fd`; where that breaks, from the other end by `bk`.
fn bin(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    head: &ArenaHead,
    i: usize,
    (keep, watch): (usize, &mut Watch<'_>),
) -> List {
    let kind = match i {
        1 => ListKind::Unsorted,
        _ if i < LARGE_BINS => ListKind::Small(i),
        _ => ListKind::Large(i),
    };
    let own = head.bin(i);
    let mut list = List::new(kind, own);
    let (first, last) = head.ends(i);
    let (mut at, mut before) = (first, own);
    let mut guard = LoopGuard::default();
    while at != own {
        let again = guard.is_again(at);
        let Some((chunk, is_free)) = free_chunk(reader, maps, at).filter(|_| !again) else {
            let what = if again {
                format!("it is met twice in bin {i}")
            } else {
                format!("bin {i} leads here, but it is no free chunk")
            };
            list.doubt(at, what, rules::bin_links(i));
            backward(reader, maps, (own, last, before), &mut list, (keep, watch));
            return list;
        };
        if !is_free {
            let what = format!("bin {i} leads here, but the chunk behind it does not say that it is free");
            list.doubt(at, what, rules::bin_links(i));
        }
        if let Some((what, glibc)) = lists::wrong_in_bin(reader, &chunk, before, i) {
            list.doubt(at, what, glibc);
        }
        let (nth, next) = (list.count + 1, chunk.fd);
        let member = Member { chunk: at, size: chunk.size, nth, stored: next.0, next, backward: false };
        list.add(member, keep, watch);
        (before, at) = (at, next);
    }
    if last != before {
        let what = format!("corrupted double-linked list: bin {i} ends at {before}, its bk is {last}");
        list.doubt(own, what, rules::bin_links(i));
    }
    list
}

/// Follows a broken bin from its last member back, as far as to `met`, the last one that was met forth.
fn backward(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    (own, last, met): (Addr, Addr, Addr),
    list: &mut List,
    (keep, watch): (usize, &mut Watch<'_>),
) {
    let mut guard = LoopGuard::default();
    let (mut at, mut nth) = (last, 1);
    while at != own && at != met && !guard.is_again(at) {
        let Some((chunk, _)) = free_chunk(reader, maps, at) else { return };
        let (size, next) = (chunk.size, chunk.fd);
        list.add(Member { chunk: at, size, nth, stored: next.0, next, backward: true }, keep, watch);
        (at, nth) = (chunk.bk, nth + 1);
    }
}

/// The chunk at `at`, and whether the one behind it says that it is free; nothing for what is no chunk.
fn free_chunk(reader: &mut Reader<'_>, maps: &[Mapping], at: Addr) -> Option<(FreeChunk, bool)> {
    Some(at).filter(|at| at.0.is_multiple_of(16) && is_heap(maps, *at))?;
    let head = reader.peek::<2>(at).map(Head::from)?;
    let [fd, bk] = reader.peek::<2>(at.add(HEADER))?.map(Addr);
    let size = head.size();
    let next = at.add(size);
    let behind = Some(next).filter(|at| at.0.is_multiple_of(16)).and_then(|at| reader.peek::<2>(at));
    let is_free = behind
        .map(Head::from)
        .is_some_and(|behind| !behind.has(PREV_INUSE) && behind.prev_size == size && size >= MINSIZE);
    Some((FreeChunk { at, size, fd, bk }, is_free))
}

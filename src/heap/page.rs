//! Chunks to be looked at: some of a region in a row, or one with all that belongs to it.
//!
//! A region may hold a million chunks, so only those that are shown are kept; the others are counted as the walk
//! passes by. The lists are followed only when a chunk that is shown may be in one.

use rustc_hash::FxHashMap;

use super::glibc::{HEADER, Head};
use super::listing::{List, ListKind, Member};
use super::model::{Arena, Doubt, Region, Survey};
use super::walk::{Chunk, State};
use crate::addr::Addr;
use crate::maps::Mapping;
use crate::memory::Memory;

/// Bytes of a chunk's contents that a row shows.
const SHOWN: usize = 24;

/// A size field in its parts.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SizeField(pub u64);

impl SizeField {
    /// The size in bytes, header included.
    #[must_use]
    pub fn size(self) -> u64 {
        Head { prev_size: 0, field: self.0 }.size()
    }

    /// The names of the flags that are set, as malloc.c has them.
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        let all = [(1, "PREV_INUSE"), (2, "IS_MMAPPED"), (4, "NON_MAIN_ARENA")];
        all.into_iter().filter(move |(bit, _)| self.0 & bit != 0).map(|(_, name)| name)
    }
}

/// Where a chunk stands in a list.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The list.
    pub kind: ListKind,
    /// The entry.
    pub member: Member,
    /// The entry before it, if it is not the first.
    pub before: Option<Addr>,
    /// The chunk that the list leads to from here; none at its end.
    pub next: Option<Addr>,
    /// Members of the list.
    pub of: u64,
}

/// One chunk and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The chunk.
    pub chunk: Chunk,
    /// Its size field.
    pub field: SizeField,
    /// The first bytes behind the header, as far as they are its own.
    pub bytes: Vec<u8>,
    /// The list that it is in; the first one when damage puts it into several.
    pub list: Option<Listed>,
}

/// Chunks of a region that follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The chunks.
    pub rows: Vec<Row>,
    /// Damage between the first of them and the one that would come next.
    pub doubts: Vec<Doubt>,
    /// Chunks of the region before the first, end marks included.
    pub before: u64,
    /// Chunks behind the last.
    pub after: u64,
    /// Damage elsewhere in the region.
    pub doubts_elsewhere: usize,
    /// The chunk that would come next.
    pub next: Option<Addr>,
}

impl Survey {
    /// At most `most` chunks of a region: from its beginning, or from the chunk that holds `from` on.
    #[must_use]
    pub fn page(
        &self,
        memory: &dyn Memory,
        maps: &[Mapping],
        (arena, region): (&Arena, &Region),
        from: Option<Addr>,
        most: usize,
    ) -> Page {
        let mut page = Page::default();
        let mut chunks = Vec::new();
        let doubts = self.for_each_chunk(memory, arena, region, &mut |chunk| {
            if from.is_some_and(|from| from >= chunk.address.add(chunk.size)) {
                page.before += 1;
            } else if chunks.len() < most {
                chunks.push(*chunk);
            } else {
                page.after += 1;
                page.next.get_or_insert(chunk.address);
            }
        });
        let all = doubts.len();
        let first = if page.before == 0 { Addr(0) } else { from.unwrap_or_default() };
        let in_page =
            |doubt: &Doubt| doubt.at.add(HEADER) > first && page.next.is_none_or(|next| doubt.at < next);
        page.doubts = doubts.into_iter().filter(in_page).collect();
        page.doubts_elsewhere = all - page.doubts.len();
        page.rows = self.rows(memory, maps, &chunks);
        page
    }

    /// What is in these chunks, and in which lists they are.
    #[must_use]
    pub fn rows(&self, memory: &dyn Memory, maps: &[Mapping], chunks: &[Chunk]) -> Vec<Row> {
        let mut lists = self.lists_of(memory, maps, chunks);
        let row = |chunk: &Chunk| {
            let field = SizeField(memory.u64(chunk.address.add(8)).unwrap_or(0));
            let own = matches!(chunk.state, State::Used | State::Free | State::Fast | State::Tcache);
            let len = if own { chunk.size.saturating_sub(8).min(SHOWN as u64) } else { 0 };
            let mut bytes = vec![0; len as usize];
            let got = memory.read(chunk.payload(), &mut bytes);
            bytes.truncate(got);
            Row { chunk: *chunk, field, bytes, list: lists.remove(&chunk.address) }
        };
        chunks.iter().map(row).collect()
    }

    /// The list of each of these chunks that is in one.
    fn lists_of(&self, memory: &dyn Memory, maps: &[Mapping], chunks: &[Chunk]) -> FxHashMap<Addr, Listed> {
        let listed = |chunk: &&Chunk| matches!(chunk.state, State::Free | State::Fast | State::Tcache);
        let mut wanted: Wanted = chunks.iter().filter(listed).map(|chunk| (chunk.address, None)).collect();
        if wanted.is_empty() {
            return FxHashMap::default();
        }
        let any = |is: fn(State) -> bool| chunks.iter().any(|chunk| is(chunk.state));
        let in_bins = any(|state| matches!(state, State::Free | State::Fast));
        for arena in self.arenas.iter().filter(|_| in_bins) {
            let mut finder = Finder { wanted: &mut wanted, last: None };
            let lists = self.bins(memory, maps, arena, 0, &mut |kind, member| finder.meet(kind, member));
            count(&mut wanted, &lists);
        }
        let cached = any(|state| state == State::Tcache);
        for cache in self.tcaches.iter().filter(|_| cached) {
            let mut finder = Finder { wanted: &mut wanted, last: None };
            let lists =
                self.tcache_bins(memory, maps, cache, 0, &mut |kind, member| finder.meet(kind, member));
            count(&mut wanted, &lists);
        }
        wanted.into_iter().filter_map(|(chunk, listed)| Some((chunk, listed?))).collect()
    }
}

/// Chunks that are looked for in lists, and where they were found.
type Wanted = FxHashMap<Addr, Option<Listed>>;

/// Meets the members of one list after the other.
struct Finder<'a> {
    wanted: &'a mut Wanted,
    /// The member before.
    last: Option<(ListKind, Addr)>,
}

impl Finder<'_> {
    fn meet(&mut self, kind: ListKind, member: &Member) {
        let before = self.last.filter(|(list, _)| *list == kind).map(|(_, chunk)| chunk);
        self.last = Some((kind, member.chunk));
        if let Some(place) = self.wanted.get_mut(&member.chunk).filter(|place| place.is_none()) {
            let points_at_payload = matches!(kind, ListKind::Tcache(..));
            let next = Some(member.next).filter(|next| next.0 != 0);
            let next = next.map(|next| if points_at_payload { next.sub(HEADER) } else { next });
            *place = Some(Listed { kind, member: *member, before, next, of: 0 });
        }
    }
}

/// Says how long the lists are in which chunks were found just now.
fn count(wanted: &mut Wanted, lists: &[List]) {
    for listed in wanted.values_mut().flatten().filter(|listed| listed.of == 0) {
        listed.of = lists.iter().find(|list| list.kind == listed.kind).map_or(0, |list| list.count);
        // The last member of a bin leads back to the bin; that of another list to nothing, unless it is damaged.
        let is_bin = matches!(listed.kind, ListKind::Unsorted | ListKind::Small(_) | ListKind::Large(_));
        let last = is_bin && listed.member.nth == listed.of && !listed.member.backward;
        listed.next = listed.next.filter(|_| !last);
    }
}

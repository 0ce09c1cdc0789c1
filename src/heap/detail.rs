//! One chunk with all that belongs to it: header, neighbours, list, broken rules.

use super::glibc::{HEADER, Head, PREV_INUSE};
use super::model::{Doubt, Survey};
use super::page::Row;
use super::place::Place;
use super::walk::{Chunk, State};
use crate::addr::Addr;
use crate::maps::Mapping;
use crate::memory::Memory;

/// One chunk, looked at closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Index of its arena in the survey.
    pub arena: usize,
    /// Index of its region in the arena.
    pub region: usize,
    /// The chunk, its size field, its list.
    pub row: Row,
    /// The first header word: the size of the chunk before, if that one is free; else that one's last bytes.
    pub prev_size: u64,
    /// The chunk before it.
    pub before: Option<Chunk>,
    /// The chunk behind it.
    pub behind: Option<Chunk>,
    /// Rules that are broken here.
    pub doubts: Vec<Doubt>,
}

impl Detail {
    /// Whether the first header word is a size: the chunk before says that it is free.
    #[must_use]
    pub fn knows_prev_size(&self) -> bool {
        self.row.field.0 & PREV_INUSE == 0
    }

    /// Bytes that the program may use (`malloc_usable_size`): up to the size field of the chunk behind.
    #[must_use]
    pub fn usable(&self) -> u64 {
        self.row.chunk.size.saturating_sub(8)
    }

    /// Where the link of its list is stored, for a chunk in a fastbin or a tcache.
    #[must_use]
    pub fn link_field(&self) -> Option<Addr> {
        let linked = matches!(self.row.chunk.state, State::Fast | State::Tcache);
        linked.then(|| self.row.chunk.payload())
    }
}

impl Survey {
    /// The chunk that holds `at`, looked at closely; nothing where no chunk does.
    #[must_use]
    pub fn detail(&self, memory: &dyn Memory, maps: &[Mapping], at: Addr) -> Option<Detail> {
        let Some(Place::Chunk { arena, region, chunk }) = self.place_of(memory, at) else { return None };
        let in_arena = self.arenas.get(arena)?;
        let (mut before, mut behind, mut last) = (None, None, None);
        let doubts = self.for_each_chunk(memory, in_arena, in_arena.regions.get(region)?, &mut |each| {
            if each.address == chunk.address {
                before = last;
            } else if behind.is_none() && each.address > chunk.address {
                behind = Some(*each);
            }
            last = Some(*each);
        });
        let row = self.rows(memory, maps, &[chunk]).pop()?;
        let words = [memory.u64(chunk.address).unwrap_or(0), row.field.0];
        let end = chunk.address.add(chunk.size).add(HEADER);
        let here = |doubt: &Doubt| doubt.at >= chunk.address && doubt.at < end;
        let doubts = doubts.into_iter().filter(here).collect();
        let prev_size = Head::from(words).prev_size;
        Some(Detail { arena, region, row, prev_size, before, behind, doubts })
    }
}

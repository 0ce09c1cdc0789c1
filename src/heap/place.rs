//! Which chunk holds an address: the question behind `owner ADDR`.
//!
//! A survey keeps no chunks, so a region is walked again up to the address. It says what memory *is*, not who
//! asked for it: that is in the story.

use super::read::Reader;
use super::regions::TOLERANCE;
use super::survey::{Arena, ArenaKind, Mmapped, Region, Survey};
use super::walk::{self, Bounds, Chunk};
use crate::addr::{Addr, Span};
use crate::memory::Memory;

/// Where an address lies in the heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a chunk of a region.
    Chunk {
        /// Index of the arena in the survey.
        arena: usize,
        /// Index of the region in the arena.
        region: usize,
        /// The chunk.
        chunk: Chunk,
    },
    /// In a block with its own mapping.
    Mmapped(Mmapped),
    /// In the head of a thread's heap, or in memory that damage hides.
    Unclear {
        /// Index of the arena in the survey.
        arena: usize,
        /// Index of the region in the arena.
        region: usize,
    },
    /// In a piece of the break's range that malloc did not ask for.
    Foreign(Span),
}

impl Survey {
    /// Where `at` lies; nothing when it is in no heap memory that was found.
    #[must_use]
    pub fn place_of(&self, memory: &dyn Memory, at: Addr) -> Option<Place> {
        if let Some(block) =
            self.mmapped.iter().find(|block| Span::sized(block.address, block.size).contains(at))
        {
            return Some(Place::Mmapped(*block));
        }
        for (i, arena) in self.arenas.iter().enumerate() {
            if let Some(gap) = arena.gaps.iter().find(|gap| gap.span.contains(at)) {
                return Some(Place::Foreign(gap.span));
            }
            let Some(n) = arena.regions.iter().position(|region| region.span.contains(at)) else { continue };
            let mut found = None;
            self.for_each_chunk(memory, arena, &arena.regions[n], &mut |chunk| {
                if Span::sized(chunk.address, chunk.size).contains(at) {
                    found = Some(*chunk);
                }
            });
            let unclear = Place::Unclear { arena: i, region: n };
            return Some(found.map_or(unclear, |chunk| Place::Chunk { arena: i, region: n, chunk }));
        }
        None
    }

    /// Walks one region of `arena` again and shows each chunk, lowest first.
    pub fn for_each_chunk(
        &self,
        memory: &dyn Memory,
        arena: &Arena,
        region: &Region,
        visit: &mut dyn FnMut(&Chunk),
    ) {
        let top: Vec<Addr> = arena.top.iter().map(|(at, _)| *at).collect();
        let bounds = Bounds {
            first: region.first,
            limit: region.span.end,
            tops: &top,
            main: arena.kind == ArenaKind::Main,
            tolerance: TOLERANCE,
        };
        walk::walk(&mut Reader::new(memory), bounds, &self.cached, visit);
    }
}

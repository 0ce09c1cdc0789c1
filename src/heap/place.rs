//! Which chunk holds an address: the question behind `owner ADDR`.
//!
//! A survey keeps no chunks, so a region is walked again up to the address. It says what memory *is*, not who
//! asked for it: that is in the story.

use super::model::{Arena, ArenaKind, Doubt, Mmapped, Region, Survey};
use super::read::Reader;
use super::regions::TOLERANCE;
use super::walk::{self, Bounds, Chunk, Damage};
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
        self.places_of(memory, &[at]).pop().flatten()
    }

    /// Where each address lies, in their order: each region is walked once, however many lie in it.
    #[must_use]
    pub fn places_of(&self, memory: &dyn Memory, addresses: &[Addr]) -> Vec<Option<Place>> {
        let mut places: Vec<Option<Place>> = addresses.iter().map(|at| self.outline(*at)).collect();
        let mut inside: Vec<(usize, usize, Addr, usize)> = Vec::new();
        for (n, place) in places.iter().enumerate() {
            if let Some(Place::Unclear { arena, region }) = place {
                inside.push((*arena, *region, addresses[n], n));
            }
        }
        inside.sort_unstable();
        for group in inside.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some((i, n, ..)) = group.first().copied() else { continue };
            let arena = &self.arenas[i];
            let mut rest = group;
            self.for_each_chunk(memory, arena, &arena.regions[n], &mut |chunk| {
                while let Some(((_, _, at, which), others)) = rest.split_first() {
                    if *at >= chunk.address.add(chunk.size) {
                        break;
                    }
                    if *at >= chunk.address {
                        places[*which] = Some(Place::Chunk { arena: i, region: n, chunk: *chunk });
                    }
                    rest = others;
                }
            });
        }
        places
    }

    /// Where `at` lies, without a look for its chunk: in a region it is unclear.
    fn outline(&self, at: Addr) -> Option<Place> {
        let mut blocks = self.mmapped.iter();
        if let Some(block) = blocks.find(|block| Span::sized(block.address, block.size).contains(at)) {
            return Some(Place::Mmapped(*block));
        }
        self.arenas.iter().enumerate().find_map(|(i, arena)| {
            if let Some(gap) = arena.gaps.iter().find(|gap| gap.span.contains(at)) {
                return Some(Place::Foreign(gap.span));
            }
            let region = arena.regions.iter().position(|region| region.span.contains(at))?;
            Some(Place::Unclear { arena: i, region })
        })
    }

    /// Walks one region of `arena` again and shows each chunk, lowest first. The damage that was met, by address.
    pub fn for_each_chunk(
        &self,
        memory: &dyn Memory,
        arena: &Arena,
        region: &Region,
        visit: &mut dyn FnMut(&Chunk),
    ) -> Vec<Doubt> {
        let top: Vec<Addr> = arena.top.iter().map(|(at, _)| *at).collect();
        let bounds = Bounds {
            first: region.first,
            limit: region.span.end,
            tops: &top,
            main: arena.kind == ArenaKind::Main,
            tolerance: TOLERANCE,
        };
        let course = walk::walk(&mut Reader::new(memory), bounds, &self.cached, visit);
        let tell = |damage: &Damage| {
            let what = damage.rule.sentence(damage.last_good);
            Doubt { at: damage.at, what, glibc: damage.rule.aborts() }
        };
        let mut doubts: Vec<Doubt> = course.damage.iter().map(tell).collect();
        doubts.sort_by_key(|doubt| doubt.at);
        doubts
    }
}

//! A survey beside what the program said: its blocks, mallinfo2, malloc_info, and the arenas' own books.

use std::collections::BTreeSet;

use brkwater::addr::Addr;
use brkwater::heap::{Arena, Count, Place, Region, State, Survey};

use crate::target::Target;

/// Chunks that malloc and the loader have for themselves, by size.
pub(crate) fn name_of(size: u64) -> Option<&'static str> {
    match size {
        0x250 | 0x290 | 0x300 | 0x310 => Some("a tcache"),
        // calloc of the loader: 16 or more slots of 16 bytes.
        0x110..=0x180 => Some("a thread's dtv"),
        // realloc of libc's for a static program's start, and the namespaces of dlmopen, are checked by number.
        _ => None,
    }
}

impl Target {
    /// Checks everything that the target said. What is in use beyond its blocks is returned, by size.
    pub(crate) fn check(&self, survey: &Survey) -> Vec<u64> {
        let show = survey.to_text();
        assert_eq!(survey.doubts, [], "{show}");
        self.check_sums(survey);
        let internal = self.check_blocks(survey);
        self.check_totals(survey);
        internal
    }

    /// [`Target::check`], and that nothing is in use beyond the blocks but what has a name.
    pub(crate) fn check_all(&self, survey: &Survey) {
        let internal = self.check(survey);
        let nameless: Vec<_> = internal.iter().filter(|size| name_of(**size).is_none()).collect();
        assert!(nameless.is_empty(), "{nameless:x?} of {internal:x?}\n{}", survey.to_text());
    }

    /// The equations: of each arena, of each region, of the large blocks.
    pub(crate) fn check_sums(&self, survey: &Survey) {
        let show = survey.to_text();
        for arena in &survey.arenas {
            assert_eq!(arena.unaccounted, 0, "{show}");
            let regions: u64 = arena.regions.iter().map(|region| region.span.len()).sum();
            assert_eq!(regions + arena.gap_bytes(), arena.system_mem, "{show}");
            for region in &arena.regions {
                let parts = [region.used, region.free, region.fast, region.tcache, region.top];
                let sum: u64 = parts.iter().map(|count| count.bytes).sum();
                let head = region.first.0 - region.span.start.0;
                assert_eq!(sum + region.fenceposts + head + region.lost, region.span.len(), "{show}");
            }
        }
        if let Some(books) = survey.books.filter(|_| survey.arenas.iter().all(|arena| !arena.locked)) {
            let bytes: u64 = survey.mmapped.iter().map(|block| block.size).sum();
            assert_eq!(books.n_mmaps, survey.mmapped.len() as u64, "{show}");
            // mremap leaves 16 bytes too many in the books of 2.43.
            assert!(books.mmapped_mem - bytes <= 16, "{} {bytes}\n{show}", books.mmapped_mem);
        }
    }

    /// Every live block is a used chunk of the right size, or has a mapping; what else is in use, by size.
    pub(crate) fn check_blocks(&self, survey: &Survey) -> Vec<u64> {
        let show = survey.to_text();
        let chunks = self.chunks(survey);
        let mut used: BTreeSet<u64> =
            chunks.iter().filter(|(_, (_, state))| *state == State::Used).map(|(at, _)| *at).collect();
        for live in self.values("live") {
            let (at, usable) = (live[0] - 16, live[2]);
            if let Some((size, state)) = chunks.get(&at) {
                assert_eq!((*size, *state), (usable + 8, State::Used), "{live:x?}\n{show}");
                assert!(used.remove(&at));
                continue;
            }
            match survey.place_of(&self.memory, Addr(live[0])) {
                Some(Place::Mmapped(block)) => {
                    // The last usable byte is the mapping's last; 2.43 leaves eight bytes unused.
                    let slack = if self.glibc() >= 43 { 8 } else { 0 };
                    let end = live[0] + usable + slack;
                    assert_eq!(block.address.0 + block.size, end, "{block:?} {live:x?}\n{show}");
                }
                other => panic!("{:#x}: {other:?}\n{show}", live[0]),
            }
        }
        for freed in self.values("freed") {
            assert_eq!(chunks[&(freed[0] - 16)].1, State::Tcache, "{:#x}\n{show}", freed[0]);
        }
        used.iter().map(|at| chunks[at].0).collect()
    }

    pub(crate) fn check_totals(&self, survey: &Survey) {
        self.check_mallinfo(survey);
        self.check_malloc_info(survey);
    }

    fn check_mallinfo(&self, survey: &Survey) {
        let Some(mut said) = self.values("mallinfo").next() else { return };
        let arenas = self.arenas_of_program(survey);
        let all = |of: fn(&Region) -> Count| {
            arenas.iter().map(|arena| arena.sum(of)).fold(Count::default(), Count::plus)
        };
        let (free, fast, top) = (all(|r| r.free), all(|r| r.fast), all(|r| r.top));
        let system: u64 = arenas.iter().map(|arena| arena.system_mem).sum();
        let available = free.bytes + fast.bytes + top.bytes;
        let ours = [
            system,
            free.chunks + arenas.len() as u64,
            fast.chunks,
            survey.mmapped.len() as u64,
            survey.mmapped.iter().map(|block| block.size).sum(),
            0,
            fast.bytes,
            system - available,
            available,
            arenas[0].top.map_or(0, |(_, size)| size),
        ];
        if self.glibc() >= 43 {
            // mremap leaves 16 bytes too many in the books of 2.43.
            said[4] = said[4].min(ours[4] + 16) / 4096 * 4096;
        }
        assert_eq!(said, ours, "{}", survey.to_text());
    }

    /// The arenas that the program's own libc tells about: not those of a second libc.
    fn arenas_of_program<'s>(&self, survey: &'s Survey) -> Vec<&'s Arena> {
        let second = survey.arenas.iter().skip(1).position(|arena| arena.kind == survey.arenas[0].kind);
        survey.arenas.iter().take(second.map_or(usize::MAX, |n| n + 1)).collect()
    }

    /// malloc_info counts each arena's bins by itself, in the ring's order.
    fn check_malloc_info(&self, survey: &Survey) {
        let heaps = malloc_info(&self.said);
        if heaps.is_empty() {
            return;
        }
        let mut ours: Vec<_> = self
            .arenas_of_program(survey)
            .into_iter()
            .map(|arena| {
                let (free, fast) = (arena.sum(|r| r.free), arena.sum(|r| r.fast));
                let top = Count { chunks: 1, bytes: arena.top.map_or(0, |(_, size)| size) };
                (fast, free.plus(top), arena.system_mem)
            })
            .collect();
        let mut said = heaps;
        for (_, rest, _) in &mut said {
            // It adds up whole size fields: each chunk in a bin counts its flag PREV_INUSE as a byte.
            rest.bytes -= rest.chunks - 1;
        }
        let key = |(fast, rest, system): &(Count, Count, u64)| (*system, rest.bytes, fast.bytes, rest.chunks);
        ours.sort_by_key(key);
        said.sort_by_key(key);
        assert_eq!(said, ours, "{}", survey.to_text());
    }
}

/// Of each arena: fastbins, bins with top, `system_mem`.
fn malloc_info(said: &[Vec<String>]) -> Vec<(Count, Count, u64)> {
    let mut heaps = Vec::new();
    for words in said {
        let value = |name: &str| -> u64 {
            let found = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix("=\""));
            found.and_then(|rest| rest.split('"').next()?.parse().ok()).unwrap_or_default()
        };
        let count = Count { chunks: value("count"), bytes: value("size") };
        let line = words.join(" ");
        let last: Option<&mut (Count, Count, u64)> = heaps.last_mut();
        match last {
            _ if line.starts_with("<heap ") => heaps.push(Default::default()),
            // Behind the last heap come the sums of all.
            _ if line == "</heap>" => heaps.push(Default::default()),
            Some(heap) if line.starts_with("<total type=\"fast\"") => heap.0 = count,
            Some(heap) if line.starts_with("<total type=\"rest\"") => heap.1 = count,
            Some(heap) if line.starts_with("<system type=\"current\"") => heap.2 = value("size"),
            _ => (),
        }
    }
    // Each end opened one more, and what follows the last is the sums'.
    let each: Vec<_> = heaps.chunks_exact(2).map(|pair| pair[0]).collect();
    each
}

//! Heaps of every layout, whole and damaged. Live processes are in `tests/heap/`.

use std::time::{Duration, Instant};

use super::image::{ARENA, BRK, BRK_SIZE, DATA, FALLBACK, FALLBACK_SIZE, FLAVOURS, Image, MMAPPED};
use super::*;
use crate::memory::Sparse;

fn survey_of(image: &Image) -> Survey {
    survey(&image.memory(), &image.maps, &image.anchors())
}

#[test]
fn every_layout_is_read_without_symbols() {
    for flavour in FLAVOURS {
        let image = Image::new(flavour);
        let survey = survey_of(&image);
        let show = format!("{flavour:?}\n{}", survey.to_text());
        assert_eq!(survey.doubts, [], "{show}");
        let arena = &survey.arenas[0];
        assert_eq!((arena.address, arena.layout), (Addr(ARENA), flavour.layout), "{show}");
        assert!(arena.layout.fits(Some(flavour.version)));
        assert_eq!((arena.unaccounted, arena.contiguous), (0, false), "{show}");
        let regions: Vec<_> =
            arena.regions.iter().map(|region| (region.span, region.origin, region.chunks)).collect();
        let sized = |at, len| Span::sized(Addr(at), len);
        let expected = [
            (sized(BRK, BRK_SIZE), Origin::Brk, 7),
            (sized(FALLBACK, FALLBACK_SIZE), Origin::Fallback, 2),
            (sized(FALLBACK + FALLBACK_SIZE, FALLBACK_SIZE), Origin::Fallback, 1),
        ];
        assert_eq!(regions, expected, "{show}");
        let fast = u64::from(flavour.layout.fastbins().is_some());
        let cached = u64::from(flavour.tcache.is_some());
        assert_eq!(arena.sum(|region| region.fast), Count { chunks: fast, bytes: 0x30 * fast }, "{show}");
        assert_eq!(arena.sum(|region| region.tcache), Count { chunks: cached, bytes: 0x50 * cached });
        assert_eq!(arena.sum(|region| region.free), Count { chunks: 1, bytes: 0x500 });
        assert_eq!(arena.top, Some((Addr(FALLBACK + 0x1000), FALLBACK_SIZE - 0x1000)));
        assert_eq!(survey.mmapped, [Mmapped { address: Addr(MMAPPED), size: 0x4_9000 }]);
        assert_eq!(survey.books.unwrap().sbrk_base, Addr(BRK), "{show}");
        assert_eq!(survey.tcaches.len() as u64, cached);
    }
}

#[test]
fn the_text_shows_an_equation() {
    let text = survey_of(&Image::new(FLAVOURS[3])).to_text();
    assert!(
        text.contains("brk 132K + fallback 2M + foreign 0 = system_mem 2180K  accounted 100 %\n"),
        "{text}"
    );
}

#[test]
fn a_recorded_region_is_found_though_its_beginning_is_damaged() {
    let mut image = Image::new(FLAVOURS[3]);
    let older = FALLBACK + FALLBACK_SIZE;
    image.put(older + 8, 0x1001);
    image.put(older + 0x1008, 0x4444_4444);
    let blind = survey_of(&image);
    assert_eq!(blind.arenas[0].unaccounted, FALLBACK_SIZE as i64, "{}", blind.to_text());
    assert!(blind.to_text().contains("1M not located, accounted 53.0 %"), "{}", blind.to_text());

    let regions = Some(vec![Span::sized(Addr(older), FALLBACK_SIZE)]);
    let told = survey(&image.memory(), &image.maps, &Anchors { regions, ..image.anchors() });
    assert_eq!(told.arenas[0].unaccounted, 0, "{}", told.to_text());
    assert_eq!(told.doubts.len(), 1, "{}", told.to_text());
    assert_eq!(told.doubts[0].at, Addr(older + 0x1000));
}

#[test]
fn loops_in_lists_end() {
    let image = Image::new(FLAVOURS[3]);
    let (free, fast) = (image.free_chunk(), image.fast_chunk());
    let mut looped = image.clone();
    looped.put(free + 0x10, free);
    let survey = survey_of(&looped);
    assert!(survey.doubts.iter().any(|doubt| doubt.what.contains("met twice in the bins")), "{survey:?}");

    let mut looped = image.clone();
    looped.put(fast + 0x10, fast);
    let survey = survey_of(&looped);
    assert!(survey.doubts.iter().any(|doubt| doubt.what.contains("freed twice")), "{survey:?}");

    let mut looped = image;
    looped.put(fast + 0x40, fast + 0x40);
    let survey = survey_of(&looped);
    assert!(survey.doubts.iter().any(|doubt| doubt.what.contains("tcache of thread 7")), "{survey:?}");
}

#[test]
fn an_address_finds_its_chunk() {
    let image = Image::new(FLAVOURS[3]);
    let survey = survey_of(&image);
    let memory = image.memory();
    let place = |at| survey.place_of(&memory, Addr(at));
    let Some(Place::Chunk { arena: 0, region: 0, chunk }) = place(image.free_chunk() + 0x4ff) else {
        panic!("{:?}", place(image.free_chunk() + 0x4ff))
    };
    assert_eq!((chunk.address, chunk.size, chunk.state), (Addr(image.free_chunk()), 0x500, State::Free));
    assert!(matches!(place(MMAPPED + 5), Some(Place::Mmapped(_))));
    assert_eq!(place(DATA), None);
}

#[test]
fn nothing_is_found_in_nothing() {
    let survey = survey(&Sparse::default(), &[], &Anchors::default());
    assert!(survey.arenas.is_empty());
    assert_eq!(survey.doubts.len(), 1);
    assert_eq!(
        survey.to_text(),
        "break unknown\ndoubt at 0x0: no malloc arena was found in the data of libc\n"
    );
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Writes a few hostile words into the places that matter.
fn damage(image: &mut Image, random: &mut Random) {
    for _ in 0..=random.below(12) {
        let structures = [
            (ARENA - 8, 0x8a0),
            (DATA + 0x340, 0x90),
            (BRK, 0xa00),
            (FALLBACK, 0x40),
            (FALLBACK + 0x1000, 0x20),
            (FALLBACK + FALLBACK_SIZE, 0x20),
            (BRK + BRK_SIZE - 0x20, 0x20),
            (super::image::TLS + 0x700, 0x100),
        ];
        let (start, len) = structures[random.below(structures.len() as u64) as usize];
        let at = start + random.below(len) / 8 * 8;
        let value = match random.below(7) {
            0 => 0,
            1 => u64::MAX,
            2 => random.next(),
            3 => random.below(0x4000),
            4 => BRK + random.below(BRK_SIZE) / 16 * 16,
            5 => FALLBACK + random.below(2 * FALLBACK_SIZE) / 16 * 16,
            _ => ARENA + random.below(0x900) / 8 * 8,
        };
        image.put(at, value);
    }
    // And now and then a page that is not there.
    if random.below(3) == 0 {
        let n = random.below(image.pieces.len() as u64) as usize;
        let piece = &mut image.pieces[n];
        let keep = random.below(piece.1.len() as u64) as usize;
        if random.below(2) == 0 {
            piece.1.truncate(keep);
        } else {
            piece.0 += keep as u64;
            piece.1.drain(..keep);
        }
    }
}

#[test]
fn hostile_bytes_never_panic_hang_or_overlap() {
    for seed in 1..=200u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut image = Image::new(FLAVOURS[random.below(FLAVOURS.len() as u64) as usize]);
        damage(&mut image, &mut random);
        let started = Instant::now();
        let survey = survey_of(&image);
        assert!(started.elapsed() < Duration::from_secs(20), "seed {seed}");
        assert!(survey.to_text().len() < 1 << 20, "seed {seed}");
        let mut spans: Vec<Span> =
            survey.arenas.iter().flat_map(|arena| arena.regions.iter().map(|region| region.span)).collect();
        spans.sort();
        assert!(spans.windows(2).all(|pair| !pair[0].overlaps(pair[1])), "seed {seed}: {spans:?}");
        for region in survey.arenas.iter().flat_map(|arena| &arena.regions) {
            let parts = [region.used, region.free, region.fast, region.tcache, region.top];
            let bytes: u64 = parts.iter().map(|count| count.bytes).sum();
            let head = region.first.0 - region.span.start.0;
            assert_eq!(bytes + region.fenceposts + region.lost + head, region.span.len(), "seed {seed}");
        }
        one_by_one(&image, &survey);
        assert!(started.elapsed() < Duration::from_secs(20), "seed {seed}");
    }
}

/// Every list and some chunks of a heap.
fn one_by_one(image: &Image, survey: &Survey) {
    let memory = image.memory();
    for arena in &survey.arenas {
        let lists = survey.bins(&memory, &image.maps, arena, 4, &mut |_, _| {});
        assert!(lists.iter().all(|list| list.members.len() <= 4 && list.doubts.len() <= 8), "{lists:?}");
        for region in &arena.regions {
            let middle = region.span.start.add(region.span.len() / 2);
            let page = survey.page(&memory, &image.maps, (arena, region), Some(middle), 4);
            assert!(page.rows.len() <= 4);
            let _ = survey.detail(&memory, &image.maps, middle);
        }
    }
    for cache in &survey.tcaches {
        let _ = survey.tcache_bins(&memory, &image.maps, cache, 4, &mut |_, _| {});
    }
}

#[test]
fn lists_are_told_in_every_layout() {
    for flavour in FLAVOURS {
        let image = Image::new(flavour);
        let survey = survey_of(&image);
        let memory = image.memory();
        let lists = survey.bins(&memory, &image.maps, &survey.arenas[0], 4, &mut |_, _| {});
        let told: Vec<_> = lists.iter().map(|list| (list.kind, list.count, list.doubts.len())).collect();
        let mut expected = vec![(ListKind::Unsorted, 1, 0)];
        if flavour.layout.fastbins().is_some() {
            expected.insert(0, (ListKind::Fast(1), 1, 0));
        }
        assert_eq!(told, expected, "{flavour:?}");
        assert_eq!(survey.links_are_safe(), flavour.safe_links, "{flavour:?}");
        for cache in &survey.tcaches {
            let lists = survey.tcache_bins(&memory, &image.maps, cache, 4, &mut |_, _| {});
            let [list] = lists.as_slice() else { panic!("{flavour:?} {lists:?}") };
            assert_eq!((list.kind, list.count), (ListKind::Tcache(Tid(7), 3), 1), "{flavour:?}");
            assert_eq!(list.kind.sizes(), (0x50, 0x50));
            let row = survey.rows(&memory, &image.maps, &[chunk_at(&survey, &image, list.members[0].chunk)]);
            assert_eq!(row[0].list.map(|listed| (listed.kind, listed.of)), Some((list.kind, 1)));
        }
    }
}

fn chunk_at(survey: &Survey, image: &Image, at: Addr) -> Chunk {
    match survey.place_of(&image.memory(), at) {
        Some(Place::Chunk { chunk, .. }) => chunk,
        place => panic!("{place:?}"),
    }
}

//! Real heaps, copied and damaged at random: a survey ends, stays bounded, and counts no byte twice.

use std::collections::HashMap;

use brkwater::addr::{Addr, Span};
use brkwater::heap::{self, Anchors, Survey, view::HeapView};
use brkwater::maps::Mapping;
use brkwater::memory::Memory;
use brkwater::report::chunk::{self, Shown};
use brkwater::report::{bins, chunks};

use crate::target::{PIE, Target, launch};

/// Bytes that a process had, with words written over them. Pages may be missing.
struct Snapshot {
    pieces: Vec<(u64, Vec<u8>)>,
    changed: HashMap<u64, u64>,
    missing: Option<u64>,
}

impl Snapshot {
    fn of(target: &Target) -> Snapshot {
        let writable = |mapping: &&Mapping| mapping.perms.write && mapping.span.len() <= 8 << 20;
        let copy = |mapping: &Mapping| {
            let mut bytes = vec![0; mapping.span.len() as usize];
            let got = target.memory.read(mapping.span.start, &mut bytes);
            bytes.truncate(got);
            (mapping.span.start.0, bytes)
        };
        let pieces = target.maps.iter().filter(writable).map(copy).collect();
        Snapshot { pieces, changed: HashMap::new(), missing: None }
    }

    fn piece(&self, at: u64) -> Option<&[u8]> {
        let (start, bytes) = self.pieces.iter().rev().find(|(start, _)| *start <= at)?;
        bytes.get((at - start) as usize..)
    }
}

impl Memory for Snapshot {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        let Some(bytes) = self.piece(at.0) else { return 0 };
        let mut len = bytes.len().min(buf.len());
        if let Some(page) = self.missing.filter(|page| at.0 < page + 4096) {
            len = len.min(page.saturating_sub(at.0) as usize);
        }
        buf[..len].copy_from_slice(&bytes[..len]);
        for (word, value) in &self.changed {
            for (i, byte) in value.to_le_bytes().into_iter().enumerate() {
                let offset = (word + i as u64).wrapping_sub(at.0) as usize;
                if offset < len {
                    buf[offset] = byte;
                }
            }
        }
        len
    }
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
        self.next() % n.max(1)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// The words that matter: headers and links of chunks, the arenas, `mp_`, the tcache and its pointer.
fn sensitive(target: &Target) -> (Vec<u64>, Vec<u64>) {
    let survey = target.survey();
    let chunks: Vec<u64> = target.chunks(&survey).into_keys().collect();
    let mut words: Vec<u64> = chunks.iter().flat_map(|at| (0..6).map(move |i| at + 8 * i)).collect();
    for arena in &survey.arenas {
        // Each word of the structure counts as often as many chunks: there are more chunks.
        for _ in 0..4 {
            words.extend((0..0x118).map(|i| arena.address.0 - 0x20 + 8 * i));
            words.extend(arena.regions.iter().flat_map(|region| (0..6).map(|i| region.span.start.0 + 8 * i)));
        }
        words.extend((0..0x140).map(|i| arena.address.0.wrapping_sub(0xa00) + 8 * i));
    }
    for tcache in &survey.tcaches {
        words.extend((0..0x5f).map(|i| tcache.address.0 + 8 * i));
    }
    words.extend(target.values("thread").flat_map(|said| (1..0x20).map(move |i| said[1] - 8 * i)));
    (words, chunks)
}

fn damage(snapshot: &mut Snapshot, random: &mut Random, words: &[u64], chunks: &[u64]) {
    snapshot.changed.clear();
    for _ in 0..=random.below(20) {
        let at = random.of(words);
        let value = match random.below(9) {
            0 => 0,
            1 => u64::MAX,
            2 => random.next(),
            3 => random.below(0x4000),
            4 => random.of(chunks),
            5 => random.of(chunks) + 16,
            6 => random.of(words),
            7 => at,
            // One bit of what is there.
            _ => snapshot.u64(Addr(at)).unwrap_or_default() ^ (1 << random.below(64)),
        };
        snapshot.changed.insert(at, value);
    }
    snapshot.missing = (random.below(4) == 0).then(|| random.of(chunks) & !4095);
}

fn check(seed: u64, snapshot: &Snapshot, maps: &[Mapping], anchors: &Anchors) {
    let survey = heap::survey(snapshot, maps, anchors);
    assert!(survey.to_text().len() < 1 << 18, "seed {seed}");
    assert!(survey.doubts.len() <= 201, "seed {seed}");
    let json = serde_json::to_string(&HeapView::new(brkwater::addr::Pid(1), &survey, &|_| None)).unwrap();
    assert!(json.len() < 1 << 21, "seed {seed}: {} bytes", json.len());
    let all = || survey.arenas.iter().flat_map(|arena| &arena.regions);
    let mut spans: Vec<Span> = all().map(|region| region.span).collect();
    spans.sort();
    assert!(spans.windows(2).all(|pair| !pair[0].overlaps(pair[1])), "seed {seed}: {spans:?}");
    for region in all() {
        let parts = [region.used, region.free, region.fast, region.tcache, region.top];
        let bytes: u64 = parts.iter().map(|count| count.bytes).sum();
        let head = region.first.0 - region.span.start.0;
        assert_eq!(bytes + region.fenceposts + region.lost + head, region.span.len(), "seed {seed}");
    }
    one_by_one(seed, snapshot, maps, &survey);
    // What a survey says of an address is bounded, too.
    for region in all().take(3) {
        let _ = survey.place_of(snapshot, region.span.start.add(region.span.len() / 2));
    }
}

/// Every list and some chunks, looked at: it ends, and what is shown is bounded.
fn one_by_one(seed: u64, snapshot: &Snapshot, maps: &[Mapping], survey: &Survey) {
    let looking = chunks::Looking { survey, thread: &|tid| format!("thread {tid}") };
    let mut text = String::new();
    for (n, arena) in survey.arenas.iter().enumerate() {
        let lists = survey.bins(snapshot, maps, arena, 8, &mut |_, _| {});
        text.push_str(&bins::bins(n, arena, &lists));
        text.push_str(&bins::bins_json(n, arena, &lists).to_string());
    }
    for cache in &survey.tcaches {
        let lists = survey.tcache_bins(snapshot, maps, cache, 8, &mut |_, _| {});
        text.push_str(&bins::tcache(looking, cache, &lists));
    }
    for of in chunks::regions(survey).take(4) {
        let middle = of.region.span.start.add(of.region.span.len() / 3);
        let page = survey.page(snapshot, maps, (of.arena, of.region), Some(middle), 8);
        text.push_str(&chunks::text(looking, of, &page));
        text.push_str(&chunks::json(of, &page).to_string());
        if let Some(detail) = survey.detail(snapshot, maps, middle) {
            let bytes = snapshot.bytes(detail.row.chunk.address, 64).unwrap_or_default();
            let shown = Shown { at: middle, bytes: &bytes, safe_links: survey.links_are_safe() };
            text.push_str(&chunk::text(looking, of, &detail, shown));
            text.push_str(&chunk::json(of, &detail, shown).to_string());
        }
    }
    assert!(text.len() < 1 << 20, "seed {seed}: {} bytes", text.len());
}

/// Half a thousand seeds of each; in the long suite, thousands.
fn survive(args: &[&str]) {
    let seeds = if std::env::var_os("BRKWATER_LONG").is_some() { 4000 } else { 500 };
    let target = launch(PIE, args);
    let mut snapshot = Snapshot::of(&target);
    let (words, chunks) = sensitive(&target);
    let anchors = target.anchors();
    for seed in 1..=seeds {
        let mut random = Random(seed * 0x9e37_79b9);
        damage(&mut snapshot, &mut random, &words, &chunks);
        check(seed, &snapshot, &target.maps, &anchors);
    }
}

#[test]
fn damaged_regions_behind_a_hole_are_survived() {
    survive(&["hole", "150"]);
}

#[test]
fn damaged_thread_arenas_are_survived() {
    survive(&["threads", "60"]);
}

#[test]
fn damaged_large_blocks_are_survived() {
    survive(&["mmapped"]);
}

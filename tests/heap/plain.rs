//! Heaps that nobody disturbed: every way to link a program, every tunable, every size of cache.

use brkwater::addr::Pid;
use brkwater::heap::view::HeapView;
use brkwater::heap::{Layout, State};

use crate::target::{BIG_TLS, NO_PIE, PIE, STATIC, STATIC_PIE, compile, launch, launch_with};
use crate::truth::name_of;

#[test]
fn a_plain_heap_is_one_region() {
    for flags in [PIE, NO_PIE, BIG_TLS, STATIC, STATIC_PIE] {
        let target = launch(flags, &["plain"]);
        let survey = target.survey();
        let internal = target.check(&survey);
        assert_eq!(survey.arenas[0].regions.len(), 1, "{}", survey.to_text());
        assert!(survey.arenas[0].contiguous);
        assert!(survey.tcaches[0].held.chunks > 0 && internal.iter().any(|size| name_of(*size).is_some()));
        // A static program's start-up code keeps some blocks of its own.
        assert!(
            internal.len() <= if flags.contains(&"-DSTATIC") { 20 } else { 1 },
            "{flags:?} {internal:x?}"
        );
    }
}

#[test]
fn a_heap_that_was_never_used_is_recognised() {
    for flags in [PIE, NO_PIE] {
        let survey = launch(flags, &["untouched"]).survey();
        assert_eq!(survey.arenas.len(), 1, "{}", survey.to_text());
        let arena = &survey.arenas[0];
        assert_eq!((arena.system_mem, arena.top, arena.regions.len(), arena.unaccounted), (0, None, 0, 0));
        assert_eq!(survey.doubts, []);
    }
}

#[test]
fn another_allocator_leaves_the_arena_unused() {
    let library = compile("heap_bump", &["-shared", "-fPIC"]);
    let target = launch_with(
        &compile("heap_truth", PIE),
        &["preloaded"],
        &[("LD_PRELOAD", library.to_str().unwrap())],
    );
    let survey = target.survey();
    assert_eq!((survey.arenas.len(), survey.arenas[0].system_mem), (1, 0), "{}", survey.to_text());
    assert_eq!((survey.doubts.len(), survey.mmapped.len(), survey.tcaches.len()), (0, 0, 0));
    let text = survey.to_text();
    assert!(text.contains("never used: another allocator may serve the program"), "{text}");
}

#[test]
fn the_first_block_may_be_too_large_for_a_cache() {
    let target = launch(PIE, &["large-first"]);
    target.check_all(&target.survey());
}

#[test]
fn tunables_move_the_heap_but_not_the_sum() {
    for tunables in [
        "glibc.malloc.tcache_count=3",
        "glibc.malloc.tcache_count=0",
        "glibc.malloc.top_pad=4096:glibc.malloc.perturb=85",
        "glibc.malloc.mmap_threshold=40000:glibc.malloc.trim_threshold=70000",
        "glibc.malloc.mmap_max=0",
        "glibc.malloc.hugetlb=1",
        "glibc.malloc.hugetlb=2",
        "glibc.mem.decorate_maps=1",
        "glibc.rtld.optional_static_tls=0x1000",
    ] {
        for scenario in ["plain", "mmapped", "hole"] {
            // Blocks of 300,000 bytes are the arena's then; with huge pages aligned_alloc's length is not ours.
            let program = compile("heap_truth", PIE);
            let target = launch_with(&program, &[scenario], &[("GLIBC_TUNABLES", tunables)]);
            let survey = target.survey();
            println!("{tunables} {scenario}\n{}", survey.to_text());
            target.check_all(&survey);
        }
    }
}

#[test]
fn a_full_tcache_spills_into_a_fastbin() {
    let target = launch(PIE, &["tcache"]);
    let survey = target.survey();
    target.check_all(&survey);
    // 2.43 keeps sixteen of a size, and has no fastbins.
    let (held, fast) = if survey.arenas[0].layout == Layout::D { (12, 0) } else { (7, 5) };
    assert_eq!(survey.tcaches[0].held.chunks, held);
    assert_eq!(survey.arenas[0].sum(|region| region.fast).chunks, fast);
}

#[test]
fn every_size_of_a_cache_is_counted() {
    for flags in [PIE, STATIC] {
        let target = launch(flags, &["many-caches"]);
        let survey = target.survey();
        target.check(&survey);
        // A static program may have freed something before.
        let freed = target.values("freed").count() as u64;
        assert!((freed..freed + 4).contains(&survey.tcaches[0].held.chunks), "{}", survey.to_text());
        let chunks = target.chunks(&survey);
        let cached = chunks.values().filter(|(_, state)| *state == State::Tcache).count() as u64;
        assert_eq!(cached, survey.tcaches[0].held.chunks);
    }
}

#[test]
fn what_is_freed_is_free() {
    for scenario in ["free-all", "hole-free-all"] {
        let target = launch(PIE, &[scenario]);
        let survey = target.survey();
        let internal = target.check(&survey);
        assert_eq!(internal.len(), 1, "{internal:x?}\n{}", survey.to_text());
        assert_eq!(name_of(internal[0]), Some("a tcache"));
    }
}

#[test]
fn the_json_is_the_one_of_the_contract() {
    let target = launch(PIE, &["hole"]);
    let survey = target.survey();
    let json = serde_json::to_value(HeapView::new(Pid(7), &survey, &|_| None)).unwrap();
    for key in
        ["schema", "pid", "glibc", "break", "arenas", "mmapped", "tcache", "blockers", "doubts", "found_by"]
    {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["schema"], "brkwater.heap/1");
    assert_eq!(json["arenas"][0]["unaccounted"], 0);
    assert_eq!(json["arenas"][0]["regions"][0]["origin"], "brk");
    assert_eq!(json["break"]["current"], survey.break_now.unwrap().to_string());
    let back: HeapView = serde_json::from_value(json).unwrap();
    assert_eq!(back.arenas[0].in_use.bytes, survey.arenas[0].sum(|region| region.used).bytes);
}

#[test]
fn a_million_chunks_are_all_accounted_for() {
    // Half of them in fastbins, then half of them in bins.
    for size in ["16", "144"] {
        let target = launch(PIE, &["many", "1000000", size]);
        let survey = target.survey();
        assert_eq!(survey.doubts, [], "{}", survey.to_text());
        target.check_totals(&survey);
        let chunks: u64 = survey.arenas[0].regions.iter().map(|region| region.chunks).sum();
        assert!(chunks >= 1_000_000, "{}", survey.to_text());
    }
}

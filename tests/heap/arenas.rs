//! More than one arena, more than one libc, more than one process, and a process that is in the middle of malloc.

use brkwater::heap::{ArenaKind, Origin};

use crate::target::{BIG_TLS, PIE, STATIC, Target, launch};

#[test]
fn each_thread_has_its_arena_and_its_tcache() {
    for flags in [PIE, BIG_TLS, STATIC] {
        three_threads(&launch(flags, &["threads", "3000"]), flags == STATIC);
    }
}

fn three_threads(target: &Target, is_static: bool) {
    let survey = target.survey();
    if is_static {
        target.check(&survey);
    } else {
        target.check_all(&survey);
    }
    let threads: Vec<_> = survey.arenas.iter().filter(|arena| arena.kind == ArenaKind::Thread).collect();
    assert_eq!((survey.arenas.len(), threads.len(), survey.tcaches.len()), (4, 3, 4), "{}", survey.to_text());
    assert!(threads.iter().all(|arena| arena.regions.iter().all(|region| region.origin == Origin::HeapInfo)));
    assert!(survey.tcaches.iter().all(|tcache| tcache.held.chunks > 0));
}

#[test]
fn a_thread_arena_may_have_several_heaps() {
    let target = launch(PIE, &["threads", "70000"]);
    let survey = target.survey();
    target.check_all(&survey);
    assert!(survey.arenas[1..].iter().all(|arena| arena.regions.len() == 2), "{}", survey.to_text());
    // The end mark of the older heap has no size at all.
    assert!(
        survey.arenas[1..].iter().all(|arena| arena.regions.iter().any(|region| region.fenceposts == 0x20))
    );
}

#[test]
fn a_second_libc_has_an_arena_of_its_own() {
    let target = launch(PIE, &["second-libc"]);
    let survey = target.survey();
    let show = survey.to_text();
    target.check(&survey);
    let mains: Vec<_> = survey.arenas.iter().filter(|arena| arena.kind == ArenaKind::Main).collect();
    assert_eq!(mains.len(), 2, "{show}");
    // glibc 2.34 and later never ask for the break in a second namespace.
    let fallback = mains[1].regions.iter().all(|region| region.origin == Origin::Fallback);
    let first = mains[0].regions.iter().all(|region| region.origin == Origin::Brk);
    assert!((fallback && first) || target.glibc() < 34, "{show}");
}

#[test]
fn a_fork_has_the_heap_of_its_parent_and_goes_on_with_it() {
    for scenario in ["fork", "fork-threads"] {
        let target = launch(PIE, &[scenario]);
        let survey = target.survey();
        let show = survey.to_text();
        assert_eq!(survey.arenas.len(), if scenario == "fork" { 1 } else { 3 }, "{show}");
        assert_eq!(survey.tcaches.len(), 1, "{show}");
        // The threads' caches are nobody's now: what they hold counts as in use.
        target.check(&survey);
    }
}

/// Stopped at the system call with which malloc asks for memory: the blocks before it stand.
#[test]
fn in_the_middle_of_malloc_every_block_is_found() {
    for (scenario, locked) in
        [("busy-alone", None), ("busy-main", Some(ArenaKind::Main)), ("busy-thread", Some(ArenaKind::Thread))]
    {
        let target = launch(PIE, &[scenario]);
        let survey = target.survey();
        let show = survey.to_text();
        target.check_sums(&survey);
        target.check_blocks(&survey);
        let busy: Vec<_> =
            survey.arenas.iter().filter(|arena| arena.locked).map(|arena| arena.kind).collect();
        assert_eq!(busy, locked.into_iter().collect::<Vec<_>>(), "{scenario}\n{show}");
        let said: Vec<_> = survey.doubts.iter().map(|doubt| doubt.what.as_str()).collect();
        assert!(said.iter().all(|what| what.starts_with("the arena is locked")), "{show}");
        assert_eq!(said.len(), usize::from(locked.is_some()), "{show}");
    }
}

//! What stands in the way of the break, and what that leaves behind.

use brkwater::addr::Addr;
use brkwater::heap::{Origin, Survey};

use crate::target::{NO_PIE, PIE, STATIC, launch};

fn origins(survey: &Survey) -> Vec<(Origin, u64)> {
    let regions = &survey.arenas[0].regions;
    regions.iter().map(|region| (region.origin, region.span.len())).collect()
}

#[test]
fn a_hole_makes_regions_and_the_books_balance() {
    for flags in [PIE, NO_PIE, STATIC] {
        let target = launch(flags, &["hole"]);
        let survey = target.survey();
        target.check(&survey);
        let regions = origins(&survey);
        assert!(regions.len() > 2, "{}", survey.to_text());
        assert_eq!(regions.iter().filter(|(origin, _)| *origin == Origin::Brk).count(), 1);
        assert!(!survey.arenas[0].contiguous);
        assert_eq!(survey.blockers.len(), 1);
        let blocker = &survey.blockers[0];
        assert_eq!((blocker.span.len(), blocker.perms.to_string().as_str()), (4096, "r--p"));
        assert_eq!(survey.break_now, Some(Addr(target.values("brk").next().unwrap()[1])));
    }
}

#[test]
fn the_size_of_a_fallback_is_that_of_its_glibc() {
    let target = launch(PIE, &["hole", "4000"]);
    let survey = target.survey();
    target.check_all(&survey);
    let mut sizes: Vec<u64> = origins(&survey)
        .iter()
        .filter(|(origin, _)| *origin == Origin::Fallback)
        .map(|region| region.1)
        .collect();
    // The newest is lowest.
    let first = sizes.pop().unwrap();
    assert_eq!(first, 1 << 20, "{}", survey.to_text());
    // 2.35 to 2.37 pass two arguments the wrong way round: every later one is smaller (glibc commit 0849eed45d).
    let transposed = (35..=37).contains(&target.glibc());
    let expected =
        |size: &u64| if transposed { (0x2_0000..0x2_2000).contains(size) } else { *size == 1 << 20 };
    assert!(sizes.iter().all(expected), "{}", survey.to_text());
}

#[test]
fn a_hole_before_the_first_malloc_leaves_only_fallback_regions() {
    for flags in [PIE, NO_PIE] {
        let target = launch(flags, &["early-hole"]);
        let survey = target.survey();
        target.check_all(&survey);
        assert!(
            origins(&survey).iter().all(|(origin, _)| *origin == Origin::Fallback),
            "{}",
            survey.to_text()
        );
    }
}

#[test]
fn after_the_hole_is_gone_the_break_serves_again() {
    let target = launch(PIE, &["hole-then-none"]);
    let survey = target.survey();
    target.check_all(&survey);
    let brk = origins(&survey).iter().filter(|(origin, _)| *origin == Origin::Brk).count();
    assert!(brk >= 2 && origins(&survey).len() > brk, "{}", survey.to_text());
    assert!(!survey.arenas[0].contiguous && survey.blockers.is_empty());
    // The top touches the break: free can lower it again.
    let (at, size) = survey.arenas[0].top.unwrap();
    assert_eq!(Some(at.add(size)), survey.break_now);
}

#[test]
fn foreign_pieces_of_the_break_are_counted_as_malloc_does() {
    let target = launch(PIE, &["foreign"]);
    let survey = target.survey();
    target.check_all(&survey);
    let gaps: Vec<bool> = survey.arenas[0].gaps.iter().map(|gap| gap.counted).collect();
    assert_eq!(gaps, [true, true, false], "{}", survey.to_text());

    // Behind a hole the arena is not contiguous any more, and foreign pieces are not in its books.
    let target = launch(PIE, &["foreign-hole"]);
    let survey = target.survey();
    target.check_all(&survey);
    let gaps: Vec<bool> = survey.arenas[0].gaps.iter().map(|gap| gap.counted).collect();
    assert_eq!(gaps, [true, false], "{}", survey.to_text());
}

#[test]
fn a_limit_is_no_hole() {
    for scenario in ["limit-data", "limit-as"] {
        let target = launch(PIE, &[scenario]);
        let survey = target.survey();
        target.check_all(&survey);
        assert!(survey.blockers.is_empty(), "{}", survey.to_text());
        assert!(target.values("live").count() > 50);
    }
}

#[test]
fn the_threshold_ratchets_and_trimming_gives_pages_not_regions() {
    let target = launch(PIE, &["ratchet"]);
    let survey = target.survey();
    target.check_all(&survey);
    let books = survey.books.unwrap();
    assert!(((16 << 20)..(17 << 20)).contains(&books.mmap_threshold), "{books:?}");
    assert_eq!(books.trim_threshold, 2 * books.mmap_threshold);
    // Nothing is live, and none of it can be unmapped.
    let arena = &survey.arenas[0];
    assert!(arena.system_mem > 64 << 20 && arena.sum(|region| region.used).bytes < 1 << 20);

    // The pages of free chunks read as zeros after a trim: the chain still holds.
    for scenario in ["trim", "ratchet-trim"] {
        let target = launch(PIE, &[scenario]);
        let survey = target.survey();
        target.check_all(&survey);
        assert!(!survey.arenas[0].contiguous);
    }
}

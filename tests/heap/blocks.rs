//! Blocks with mappings of their own.

use brkwater::addr::Addr;
use brkwater::heap::Place;

use crate::target::{NO_PIE, PIE, STATIC, launch};

#[test]
fn large_blocks_have_their_own_mappings() {
    for flags in [PIE, NO_PIE, STATIC] {
        let target = launch(flags, &["mmapped"]);
        let survey = target.survey();
        target.check(&survey);
        assert_eq!(survey.mmapped.len(), 4, "{}", survey.to_text());
        // Freeing 500,000 bytes raised the threshold.
        let threshold = survey.books.unwrap().mmap_threshold;
        assert!((500_000..=503_808).contains(&threshold), "{threshold}");
    }
}

/// memalign moves the header further in; the mapping begins before it, and every address in it has one owner.
#[test]
fn an_aligned_block_owns_its_whole_mapping() {
    let target = launch(PIE, &["mmapped"]);
    let survey = target.survey();
    let block = target.values("live").find(|live| live[1] == 3 << 20).unwrap();
    assert!(block[0].is_multiple_of(2 << 20));
    let Some(Place::Mmapped(owner)) = survey.place_of(&target.memory, Addr(block[0])) else {
        panic!("{block:x?}\n{}", survey.to_text())
    };
    assert!(owner.address.0 < block[0], "{owner:?}");
    for at in [owner.address.0, block[0] - 1, block[0] + block[1] - 1] {
        assert_eq!(survey.place_of(&target.memory, Addr(at)), Some(Place::Mmapped(owner)));
    }
}

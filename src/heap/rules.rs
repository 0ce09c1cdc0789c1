//! The rules that a heap keeps, and the words with which glibc ends a program that broke one.
//!
//! A damaged heap lives on until a call meets the damage, and which call that is decides over the message: so most
//! rules have several. The messages are those of `malloc_printerr` in malloc.c and arena.c of glibc 2.31 to 2.43;
//! older ones have fewer checks. Nothing here finds damage: [`super::walk`], [`super::lists`] and
//! [`super::tcache`] do.

use super::glibc::{BINS, Head, IS_MMAPPED, PREV_INUSE};
use crate::addr::Addr;

/// What glibc may say: one of these, whichever call meets the damage first.
pub(super) type Aborts = &'static [&'static str];

/// Nothing: glibc does not notice.
pub(super) const UNNOTICED: Aborts = &[];
/// A fastbin that runs in a circle: the block was freed twice.
pub(super) const FAST_LOOP: Aborts = &["double free or corruption (fasttop)"];
/// A fastbin entry that is no chunk's address (checked from 2.32 on).
pub(super) const FAST_UNALIGNED: Aborts = &[
    "malloc(): unaligned fastbin chunk detected",
    "malloc_consolidate(): unaligned fastbin chunk detected",
    "free(): invalid pointer",
];
/// A chunk of another size in a fastbin.
pub(super) const FAST_SIZE: Aborts = &[
    "malloc(): memory corruption (fast)",
    "malloc_consolidate(): invalid chunk size",
    "invalid fastbin entry (free)",
];
/// A tcache entry that is no chunk's address (checked from 2.32 on).
pub(super) const TCACHE_UNALIGNED: Aborts =
    &["malloc(): unaligned tcache chunk detected", "free(): unaligned chunk detected in tcache 2"];
/// A tcache that runs in a circle.
pub(super) const TCACHE_LOOP: Aborts =
    &["free(): double free detected in tcache 2", "free(): too many chunks detected in tcache"];
/// The lists of sizes in a large bin.
pub(super) const NEXT_SIZE: Aborts = &[
    "malloc(): largebin double linked list corrupted (nextsize)",
    "corrupted double-linked list (not small)",
];
/// Blocks with mappings of their own that are not where they should be.
pub(super) const MAPPINGS: Aborts = &["munmap_chunk(): invalid pointer", "mremap_chunk(): invalid pointer"];
/// A chunk in a bin for another size.
pub(super) const WRONG_BIN: Aborts = &["malloc(): invalid size (unsorted)", "corrupted size vs. prev_size"];
/// A free chunk that is in no bin: its links lead nowhere.
pub(super) const STRAY: Aborts = &["corrupted double-linked list", "corrupted size vs. prev_size"];

/// A link in bin `i` that has no opposite, or leads to what is no free chunk.
pub(super) fn bin_links(i: usize) -> Aborts {
    match i {
        1 => &[
            "malloc(): unsorted double linked list corrupted",
            "malloc(): corrupted unsorted chunks",
            "malloc(): invalid next->prev_inuse (unsorted)",
            "malloc(): invalid size (unsorted)",
            "free(): corrupted unsorted chunks",
            "corrupted double-linked list",
        ],
        2..64 => &["malloc(): smallbin double linked list corrupted", "corrupted double-linked list"],
        64..=BINS => {
            &["malloc(): largebin double linked list corrupted (bk)", "corrupted double-linked list"]
        }
        _ => UNNOTICED,
    }
}

/// A rule that a walk found broken.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// A header holds a size that no chunk can have.
    Size(Head),
    /// A chunk says that it is another arena's, or has a mapping of its own.
    Owner(Head),
    /// The next chunk says that this one is free, with another size.
    PrevSize { size: u64, prev_size: u64 },
    /// The top chunk ends beyond its memory.
    Top(u64),
    /// The top chunk does not end where a page ends.
    TopEnd(u64),
    /// A tcache or fastbin entry that is no chunk's beginning.
    Boundary,
    /// One end mark where malloc writes two.
    Fencepost,
    /// Memory that cannot be read.
    Unreadable,
}

impl Rule {
    /// A sentence for people.
    pub(super) fn sentence(&self, last_good: Option<Addr>) -> String {
        let after = last_good.map(|at| format!("; the chunk before it is at {at}")).unwrap_or_default();
        match self {
            Rule::Size(head) => format!("invalid size: the header says {:#x}{after}", head.field),
            Rule::Owner(head) if head.has(IS_MMAPPED) => {
                format!("the header says {:#x}: a mapping of its own, in the middle of a region", head.field)
            }
            Rule::Owner(head) => {
                format!("the header says {:#x}: a thread's arena, in a region of the main one", head.field)
            }
            Rule::PrevSize { size, prev_size } => format!(
                "size and prev_size differ: the chunk is {size:#x} bytes, the next one says it is free and {prev_size:#x}"
            ),
            Rule::Top(size) => format!("corrupted top: {size:#x} reaches beyond its memory"),
            Rule::TopEnd(size) => {
                format!("corrupted top: it is {size:#x} bytes, and so does not end where a page ends")
            }
            Rule::Boundary => "a cached chunk is not where any chunk begins".to_owned(),
            Rule::Fencepost => "one fencepost where there must be two".to_owned(),
            Rule::Unreadable => format!("memory of the heap cannot be read{after}"),
        }
    }

    /// What glibc may say.
    pub(super) fn aborts(&self) -> Aborts {
        match self {
            // The flag of the chunk before decides which check is the first.
            Rule::Size(head) if head.has(PREV_INUSE) => &[
                "free(): invalid next size (normal)",
                "free(): invalid next size (fast)",
                "free(): invalid size",
                "free(): invalid pointer",
                "realloc(): invalid next size",
                "malloc(): invalid size (unsorted)",
            ],
            Rule::Size(_) => &[
                "malloc(): invalid next size (unsorted)",
                "malloc(): invalid size (unsorted)",
                "free(): invalid next size (normal)",
                "free(): invalid next size (fast)",
                "free(): invalid pointer",
                "double free or corruption (!prev)",
                "corrupted size vs. prev_size",
            ],
            Rule::Owner(head) if head.has(IS_MMAPPED) => {
                &["munmap_chunk(): invalid pointer", "mremap_chunk(): invalid pointer"]
            }
            Rule::PrevSize { .. } => &[
                "corrupted size vs. prev_size",
                "corrupted size vs. prev_size while consolidating",
                "malloc(): mismatching next->prev_size (unsorted)",
                "double free or corruption (!prev)",
            ],
            Rule::Top(_) => &["malloc(): corrupted top size"],
            // An assertion: `old_end & (pagesize - 1)) == 0`.
            Rule::TopEnd(_) => &[
                "sysmalloc: Assertion",
                "malloc assertion failure in sysmalloc",
                "(sysmalloc): assertion failed",
            ],
            Rule::Fencepost => &["free(): invalid size", "free(): invalid next size (normal)"],
            Rule::Owner(_) | Rule::Boundary | Rule::Unreadable => UNNOTICED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bin_has_words_and_nothing_else_has() {
        assert!((1..=BINS).all(|i| bin_links(i).contains(&"corrupted double-linked list")));
        assert_eq!((bin_links(0), bin_links(BINS + 1)), (UNNOTICED, UNNOTICED));
    }

    #[test]
    fn a_sentence_says_what_is_there() {
        let head = Head { prev_size: 0, field: 0x4141 };
        let sentence = Rule::Size(head).sentence(Some(Addr(0x1000)));
        assert_eq!(sentence, "invalid size: the header says 0x4141; the chunk before it is at 0x1000");
        assert!(Rule::Size(head).aborts().contains(&"free(): invalid next size (normal)"));
    }
}

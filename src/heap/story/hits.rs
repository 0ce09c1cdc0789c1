//! What malloc had at the hits of breakpoints: the work that memory is set against.
//!
//! The number of marks is bounded: when it is reached, every second one is forgotten, the first and the latest never.

use std::collections::BTreeMap;

/// The most marks that are kept of one breakpoint.
const KEPT: usize = 512;

/// How things were at one hit.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Mark {
    /// Which hit it was: the first is 1.
    pub hits: u64,
    /// When, in seconds of the event clock.
    pub t: f64,
    /// How many seconds the process had run.
    pub ran: f64,
    /// Bytes that malloc had mapped ([`super::Story::mapped`]).
    pub mapped: u64,
    /// Resident bytes, where they were read.
    pub rss: Option<u64>,
}

/// The marks, by the number of the breakpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    all: BTreeMap<u32, Vec<Mark>>,
}

impl Hits {
    pub(super) fn add(&mut self, number: u32, mark: Mark) {
        let marks = self.all.entry(number).or_default();
        // Counted anew: it was deleted and its number given again, or the journal is of several runs.
        if marks.last().is_some_and(|last| last.hits >= mark.hits) {
            marks.clear();
        }
        if marks.len() >= KEPT {
            let mut at = 0;
            marks.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
        marks.push(mark);
    }

    /// Every breakpoint that was hit, with its marks, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[Mark])> {
        self.all.iter().map(|(number, marks)| (*number, marks.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_hits_keep_their_ends() {
        let mut hits = Hits::default();
        for n in 1..=10_000 {
            hits.add(3, Mark { hits: n, mapped: n * 4096, ..Mark::default() });
        }
        let (number, marks) = hits.iter().next().unwrap();
        assert!(number == 3 && marks.len() <= KEPT, "{}", marks.len());
        assert_eq!((marks[0].hits, marks.last().unwrap().hits), (1, 10_000));
        assert!(marks.windows(2).all(|pair| pair[0].hits < pair[1].hits));
        hits.add(3, Mark { hits: 1, ..Mark::default() });
        assert_eq!(hits.iter().map(|(_, marks)| marks.len()).sum::<usize>(), 1, "it counts anew");
    }
}

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
    use crate::addr::{Pid, Seq, Tid};
    use crate::event::{Event, EventKind, StopReason};
    use crate::heap::story::Stories;
    use crate::heap::story::testing::Run;

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

    #[test]
    fn the_time_of_stops_is_not_counted_and_what_was_there_is_no_growth() {
        let maps = "00405000-00426000 rw-p 00000000 00:00 0 [heap]\n";
        let mut run = Run::start("/bin/prog", maps, None, true);
        run.tell(0.5, EventKind::Usage { rss: 4096, vsz: 8192 });
        let points = &run.story.series().points;
        assert!(points.iter().all(|point| point.mapped() == 0x21000), "{points:?}");
        run.tell(1.0, EventKind::Stopped(StopReason::Attached));
        run.tell(5.0, EventKind::Resumed);
        run.tell(6.0, EventKind::Hit { number: 2, hits: 1, rss: Some(4096) });
        let (number, marks) = run.story.hits().iter().next().unwrap();
        let mark = Mark { hits: 1, t: 6.0, ran: 2.0, mapped: 0x21000, rss: Some(4096) };
        assert_eq!((number, marks), (2, &[mark][..]));
        // All processes stop together; a child counts its own hits.
        let mut stories = Stories::default();
        run.events.iter().for_each(|event| stories.apply(event));
        let (parent, child) = (run.events[0].pid, Pid(9));
        let tell = |stories: &mut Stories, pid, t, kind| {
            stories.apply(&Event { seq: Seq(9), t, pid, tid: Tid(9), kind });
        };
        tell(&mut stories, parent, 6.0, EventKind::Forked { child, followed: true, vfork: false });
        assert_eq!(stories.of(child).unwrap().hits().iter().count(), 0);
        tell(&mut stories, child, 7.0, EventKind::Stopped(StopReason::Interrupted));
        tell(&mut stories, child, 17.0, EventKind::Resumed);
        tell(&mut stories, parent, 18.0, EventKind::Hit { number: 2, hits: 2, rss: None });
        let ran = stories.of(parent).unwrap().hits().iter().next().map(|(_, marks)| marks[1].ran);
        assert_eq!(ran, Some(4.0));
    }
}

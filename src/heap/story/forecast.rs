//! How fast memory grows, per hit or per second, and when it meets a limit at that rate.
//!
//! A rate is the mean between the first point and the last; where the second half of the points grew otherwise (a program
//! fills its caches before it works), it is the mean of that half, and says so. A forecast is that rate drawn on, and
//! nothing else: it is [`super::Evidence::Inferred`], always.

use super::{Story, hits::Mark};

/// Fewer points than this tell nothing.
const POINTS: usize = 3;
/// A rate per second wants at least as many seconds.
const SECONDS: f64 = 3.0;
/// A half may differ by this part from the whole and still be called steady.
const STEADY: f64 = 0.25;

/// How fast something grows.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Rate {
    /// Bytes per unit; negative where it shrinks.
    pub per: f64,
    /// The units at the first of the points that it was taken from, and the bytes there.
    pub from: (f64, u64),
    /// The same at the last.
    pub to: (f64, u64),
    /// How many points there were.
    pub points: usize,
    /// Whether the second half grew as the whole did; otherwise the second half is told.
    pub steady: bool,
}

impl Rate {
    /// How many units it takes until `room` bytes are used up; `None` where it does not grow, or never gets there.
    #[must_use]
    pub fn until(&self, room: u64) -> Option<f64> {
        let units = room as f64 / self.per;
        (self.per > 0.0 && units.is_finite()).then_some(units)
    }

    /// The rate in whole bytes.
    #[must_use]
    pub fn bytes(&self) -> i64 {
        self.per.round() as i64
    }
}

/// The rate of points that are in order; `None` where they are too few or too near to one another.
fn rate(points: &[(f64, u64)], least: f64) -> Option<Rate> {
    let (first, last) = (*points.first()?, *points.last()?);
    let span = last.0 - first.0;
    if points.len() < POINTS || span < least || span <= 0.0 {
        return None;
    }
    // malloc takes memory in steps: a single one may come once, or in every such span.
    if points.windows(2).filter(|pair| pair[0].1 != pair[1].1).count() == 1 {
        return None;
    }
    let mean = |from: (f64, u64)| (last.1 as f64 - from.1 as f64) / (last.0 - from.0);
    let whole = Rate { per: mean(first), from: first, to: last, points: points.len(), steady: true };
    // Between two points nothing changed: what held in the middle is the latest point before it.
    let middle = first.0 + span / 2.0;
    let half = points.partition_point(|point| point.0 <= middle).saturating_sub(1);
    let later = points.get(half..).unwrap_or_default();
    let from = later.first().copied().unwrap_or(first);
    let per = mean(from);
    if (per - whole.per).abs() <= STEADY * whole.per.abs() {
        return Some(whole);
    }
    let rest = Rate { per, from, to: last, points: later.len(), steady: false };
    (later.len() >= POINTS).then_some(rest)
}

/// What one breakpoint's hits tell.
#[derive(Clone, Debug, PartialEq)]
pub struct PerHit {
    /// The breakpoint.
    pub number: u32,
    /// How often it was hit.
    pub hits: u64,
    /// Bytes mapped by malloc per hit; `None` where there are too few hits.
    pub mapped: Option<Rate>,
    /// Resident bytes per hit.
    pub resident: Option<Rate>,
    /// Hits per second of running, for a forecast in seconds.
    pub pace: Option<f64>,
}

/// Growth as it was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Growing {
    /// Per hit, by breakpoint.
    pub per_hit: Vec<PerHit>,
    /// Bytes mapped by malloc per second of running.
    pub mapped: Option<Rate>,
    /// Resident bytes per second of running.
    pub resident: Option<Rate>,
}

impl Growing {
    /// Reads a story. `hits` tells how often a breakpoint was hit by now: hits at which nothing had changed may not be
    /// in the story.
    #[must_use]
    pub fn of(story: &Story, hits: &dyn Fn(u32) -> u64) -> Growing {
        let points = &story.series().points;
        let mapped: Vec<_> = points.iter().map(|point| (point.ran, point.mapped())).collect();
        let resident: Vec<_> = points.iter().filter_map(|point| Some((point.ran, point.rss?))).collect();
        Growing {
            per_hit: story
                .hits()
                .iter()
                .map(|(number, marks)| per_hit(number, marks, hits(number)))
                .collect(),
            mapped: rate(&mapped, SECONDS),
            resident: rate(&resident, SECONDS),
        }
    }

    /// The breakpoint whose hits tell most: the greatest growth in all its hits together, of either kind.
    #[must_use]
    pub fn work(&self) -> Option<&PerHit> {
        let grown = |rate: Option<Rate>| {
            rate.filter(|rate| rate.per > 0.0).map_or(0, |rate| rate.to.1.saturating_sub(rate.from.1))
        };
        let all = |work: &&PerHit| grown(work.mapped).max(grown(work.resident));
        self.per_hit.iter().filter(|work| all(work) > 0).max_by_key(all)
    }
}

fn per_hit(number: u32, marks: &[Mark], hits: u64) -> PerHit {
    let last = marks.last().copied().unwrap_or_default();
    let hits = hits.max(last.hits);
    let mut mapped: Vec<_> = marks.iter().map(|mark| (mark.hits as f64, mark.mapped)).collect();
    if hits > last.hits {
        // Nothing was mapped at the hits that left no mark.
        mapped.push((hits as f64, last.mapped));
    }
    let resident: Vec<_> = marks.iter().filter_map(|mark| Some((mark.hits as f64, mark.rss?))).collect();
    let first = marks.first().copied().unwrap_or_default();
    let ran = last.ran - first.ran;
    PerHit {
        number,
        hits,
        mapped: rate(&mapped, (POINTS - 1) as f64),
        resident: rate(&resident, (POINTS - 1) as f64),
        pace: (ran > 0.0).then(|| last.hits.saturating_sub(first.hits) as f64 / ran),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: u64, per: u64) -> Vec<(f64, u64)> {
        (1..=count).map(|n| (n as f64, 1000 + n * per)).collect()
    }

    #[test]
    fn a_straight_line_is_drawn_on() {
        let found = rate(&line(5, 830_000), 2.0).unwrap();
        assert_eq!((found.bytes(), found.points, found.steady), (830_000, 5, true));
        assert_eq!((found.from.0, found.to.0), (1.0, 5.0));
        assert_eq!(found.until(8_300_000), Some(10.0));
        assert_eq!(found.until(0), Some(0.0));
    }

    #[test]
    fn two_points_are_too_few_and_a_moment_is_too_short() {
        assert_eq!(rate(&line(2, 5), 0.0), None);
        assert_eq!(rate(&[], 0.0), None);
        assert_eq!(rate(&line(3, 5), 3.0), None, "two units only");
        assert!(rate(&line(3, 5), 2.0).is_some());
        assert_eq!(rate(&[(1.0, 1), (1.0, 2), (1.0, 3)], 0.0), None, "at one moment");
    }

    #[test]
    fn what_came_first_does_not_count_when_it_was_different() {
        // 50 MB are loaded at once, then 10 per unit.
        let mut points = vec![(0.0, 0)];
        points.extend((1..=20).map(|n| (n as f64, 50_000_000 + n * 10)));
        let found = rate(&points, 1.0).unwrap();
        assert_eq!((found.bytes(), found.steady, found.from.0), (10, false, 10.0));
        // Steps at the start, and nothing in the seconds after: that is no growth. A single step tells nothing.
        let steps = [(0.0, 0), (0.1, 135_168), (0.2, 270_336), (5.0, 270_336), (5.3, 270_336)];
        assert_eq!(rate(&steps, 3.0).map(|rate| (rate.bytes(), rate.steady)), Some((0, false)));
        assert_eq!(rate(&steps[1..], 3.0), None);
        assert_eq!(rate(&[(0.0, 0), (1.0, 7), (2.0, 14), (9.0, 14)], 3.0), None, "two points are left");
        // Steps as malloc takes them are steady.
        let steps: Vec<_> = (0..100_u64).map(|n| (n as f64, n / 8 * 135_168)).collect();
        let found = rate(&steps, 1.0).unwrap();
        assert!(found.steady && (found.per - 16_896.0).abs() < 1700.0, "{found:?}");
    }

    #[test]
    fn what_does_not_grow_is_never_full() {
        let flat = rate(&line(9, 0), 1.0).unwrap();
        assert_eq!((flat.bytes(), flat.until(1)), (0, None));
        let down: Vec<_> = (0..9_u64).map(|n| (n as f64, 1000 - n * 100)).collect();
        let down = rate(&down, 1.0).unwrap();
        assert_eq!((down.bytes(), down.until(u64::MAX)), (-100, None));
        let huge = rate(&[(0.0, 0), (1.0, u64::MAX / 2), (2.0, u64::MAX)], 1.0).unwrap();
        assert!(huge.until(u64::MAX).is_some_and(f64::is_finite));
    }

    #[test]
    fn hits_that_left_no_mark_dilute_the_rate() {
        let mark = |hits: u64, mapped| Mark { hits, mapped, ran: hits as f64 * 0.5, ..Mark::default() };
        let marks: Vec<_> = (1..=9).map(|n| mark(n, (n - 1) * 4096)).collect();
        let told = per_hit(7, &marks, 9);
        assert_eq!((told.number, told.hits, told.mapped.map(|rate| rate.bytes())), (7, 9, Some(4096)));
        assert_eq!((told.pace, told.resident), (Some(2.0), None));
        let told = per_hit(7, &marks, 10);
        assert_eq!((told.hits, told.mapped.map(|rate| rate.bytes())), (10, Some(8 * 4096 / 9 + 1)));
        assert_eq!(per_hit(7, &marks[..3], 3).mapped.map(|rate| rate.bytes()), Some(4096));
        assert_eq!(per_hit(7, &marks[..2], 2).mapped, None);
        assert_eq!(per_hit(7, &[], 0).mapped, None);
    }
}

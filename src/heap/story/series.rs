//! Heap and fallback bytes over time, with marks: what a timeline draws.
//!
//! The number of points is bounded: when it is reached, neighbours are merged two by two, so a long run loses
//! resolution and no mark, and a replay of the same events gives the same points.

use serde::{Deserialize, Serialize};

use super::blockers::Moment;
use crate::addr::Seq;
use crate::event::Label;

/// The most points that are kept.
const POINTS: usize = 4096;

/// What is mapped after an event, and how much happened since the point before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When, in seconds.
    pub t: f64,
    /// The event; for merged points the latest of them.
    pub seq: Seq,
    /// Bytes between the start of the break and the break.
    pub heap: u64,
    /// Bytes in live fallback mappings.
    pub fallback: u64,
    /// Bytes in live mappings of single large blocks.
    pub chunks: u64,
    /// Resident bytes, as last measured.
    pub rss: Option<u64>,
    /// How many seconds the process had run: the time of stops is not in it.
    #[serde(default)]
    pub ran: f64,
    /// How many blockers were planted (`◆`).
    pub planted: u32,
    /// How many brks were refused (`✗`).
    pub refused: u32,
    /// How many stops (`B`).
    pub stops: u32,
    /// How many forks (`F`).
    pub forks: u32,
}

/// The points, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The points; times never decrease.
    pub points: Vec<Point>,
    /// How many seconds the process has run so far: the next point's.
    #[serde(skip)]
    pub(super) ran: f64,
}

impl Series {
    /// The point in force at time `t`: the latest one not after it.
    #[must_use]
    pub fn at(&self, t: f64) -> Option<&Point> {
        let after = self.points.partition_point(|point| point.t <= t);
        self.points.get(after.checked_sub(1)?)
    }

    /// The greatest value of `value` over all points: the top of a scale.
    #[must_use]
    pub fn peak(&self, value: fn(&Point) -> u64) -> u64 {
        self.points.iter().map(value).max().unwrap_or(0)
    }

    /// The points dealt out to `columns` equal slices of time, each slice's points merged; a slice without
    /// an event of its own repeats the values before it, without marks. `None` before the first point.
    #[must_use]
    pub fn columns(&self, columns: usize, from: f64, to: f64) -> Vec<Option<Point>> {
        let width = (to - from).max(f64::MIN_POSITIVE) / columns.max(1) as f64;
        let mut rest = self.points.iter().peekable();
        let mut current: Option<Point> = None;
        (0..columns)
            .map(|column| {
                let end = if column + 1 == columns { to } else { from + width * (column + 1) as f64 };
                let quiet = |point: Point| Point { planted: 0, refused: 0, stops: 0, forks: 0, ..point };
                current = current.take().map(quiet);
                while let Some(point) = rest.next_if(|point| point.t <= end) {
                    current = Some(current.take().map_or_else(|| point.clone(), |old| old.then(point)));
                }
                current.clone()
            })
            .collect()
    }

    pub(super) fn call(&mut self, moment: Moment, label: Label, [heap, fallback, chunks]: [u64; 3]) {
        let planted = u32::from(label == Label::Blocker);
        let refused = u32::from(label == Label::BrkRefused);
        let last = self.points.last();
        let same = |last: &Point| [last.heap, last.fallback, last.chunks] == [heap, fallback, chunks];
        if planted + refused == 0 && last.is_some_and(same) {
            return;
        }
        let rss = last.and_then(|last| last.rss);
        self.push(moment, Point { heap, fallback, chunks, rss, planted, refused, ..Point::default() });
    }

    pub(super) fn resident(&mut self, moment: Moment, rss: u64) {
        let last = self.points.last().map(Point::quiet).unwrap_or_default();
        self.push(moment, Point { rss: Some(rss), ..last });
    }

    pub(super) fn stopped(&mut self, moment: Moment) {
        let last = self.points.last().map(Point::quiet).unwrap_or_default();
        self.push(moment, Point { stops: 1, ..last });
    }

    pub(super) fn forked(&mut self, moment: Moment) {
        let last = self.points.last().map(Point::quiet).unwrap_or_default();
        self.push(moment, Point { forks: 1, ..last });
    }

    fn push(&mut self, moment: Moment, point: Point) {
        if self.points.len() >= POINTS {
            let merge = |pair: &[Point]| match pair {
                [a, b] => a.clone().then(b),
                [a, ..] => a.clone(),
                [] => Point::default(),
            };
            self.points = self.points.chunks(2).map(merge).collect();
        }
        self.points.push(Point { t: moment.t, seq: moment.seq, ran: self.ran, ..point });
    }
}

impl Point {
    /// Bytes that malloc has mapped, as [`super::Story::mapped`] counts them.
    #[must_use]
    pub fn mapped(&self) -> u64 {
        self.heap.saturating_add(self.fallback).saturating_add(self.chunks)
    }

    /// The later point's values, both points' marks.
    fn then(self, later: &Point) -> Point {
        Point {
            planted: self.planted.saturating_add(later.planted),
            refused: self.refused.saturating_add(later.refused),
            stops: self.stops.saturating_add(later.stops),
            forks: self.forks.saturating_add(later.forks),
            ..later.clone()
        }
    }

    fn quiet(&self) -> Point {
        Point { planted: 0, refused: 0, stops: 0, forks: 0, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_loses_resolution_and_no_mark() {
        let mut series = Series::default();
        for n in 0..20_000_u64 {
            let moment = Moment { seq: Seq(n), t: n as f64 };
            series.call(moment, Label::BrkRefused, [0, n * 4096, 0]);
        }
        assert!(series.points.len() <= POINTS, "{}", series.points.len());
        assert_eq!(series.points.iter().map(|p| u64::from(p.refused)).sum::<u64>(), 20_000);
        assert_eq!(series.points.last().map(|p| p.fallback), Some(19_999 * 4096));
        assert!(series.points.windows(2).all(|w| w[0].t < w[1].t));
    }

    #[test]
    fn columns_carry_values_on_and_marks_once() {
        let mut series = Series::default();
        series.call(Moment { seq: Seq(1), t: 1.0 }, Label::BrkRefused, [8, 0, 0]);
        series.call(Moment { seq: Seq(2), t: 3.5 }, Label::Fallback, [8, 16, 0]);
        let columns = series.columns(4, 0.0, 4.0);
        let shown: Vec<_> =
            columns.iter().map(|c| c.as_ref().map(|p| (p.heap, p.fallback, p.refused))).collect();
        assert_eq!(shown, [Some((8, 0, 1)), Some((8, 0, 0)), Some((8, 0, 0)), Some((8, 16, 0))]);
        assert_eq!(series.columns(2, 0.0, 0.5), [None, None]);
        assert!(series.columns(0, 0.0, 0.0).is_empty());
        assert_eq!(series.at(3.0).map(|p| p.seq), Some(Seq(1)));
        assert_eq!(series.at(0.5), None);
    }
}

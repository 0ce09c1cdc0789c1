//! Which byte belongs to whom: ranges that never overlap, each with a value.
//!
//! Newer ranges cut older ones, as the kernel's own mappings do (`MAP_FIXED` over an existing mapping,
//! `munmap` in the middle of one). Neighbours with equal values stay apart: each range keeps its identity
//! where the kernel would merge them into one line of `/proc/PID/maps`.

use std::collections::BTreeMap;

use crate::addr::{Addr, Span};

/// Ranges of addresses without overlap, each with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals<T> {
    ranges: BTreeMap<Addr, (Addr, T)>,
}

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Intervals { ranges: BTreeMap::new() }
    }
}

impl<T: Clone> Intervals<T> {
    /// Takes `hole` out and gives back what lay there, cut to the hole, lowest first.
    pub fn cut(&mut self, hole: Span) -> Vec<(Span, T)> {
        let touched: Vec<Span> = self.overlapping(hole).map(|(span, _)| span).collect();
        let mut taken = Vec::with_capacity(touched.len());
        for span in touched {
            let Some((_, value)) = self.ranges.remove(&span.start) else { continue };
            for rest in span.without(hole) {
                self.ranges.insert(rest.start, (rest.end, value.clone()));
            }
            let inside = Span::new(span.start.max(hole.start), span.end.min(hole.end));
            taken.push((inside, value));
        }
        taken
    }

    /// Puts a range in, over whatever was there; gives back what it replaced. An empty range changes nothing.
    pub fn put(&mut self, span: Span, value: T) -> Vec<(Span, T)> {
        if span.is_empty() {
            return Vec::new();
        }
        let replaced = self.cut(span);
        self.ranges.insert(span.start, (span.end, value));
        replaced
    }

    /// The range that holds `at`.
    #[must_use]
    pub fn at(&self, at: Addr) -> Option<(Span, &T)> {
        let (start, (end, value)) = self.ranges.range(..=at).next_back()?;
        let span = Span::new(*start, *end);
        span.contains(at).then_some((span, value))
    }

    /// The ranges that share a byte with `span`, whole, lowest first.
    pub fn overlapping(&self, span: Span) -> impl Iterator<Item = (Span, &T)> {
        let first = self.at(span.start).map_or(span.start, |(found, _)| found.start);
        let last = if span.is_empty() { first } else { span.end };
        self.ranges
            .range(first..last.max(first))
            .map(|(start, (end, value))| (Span::new(*start, *end), value))
    }

    /// Every range, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (Span, &T)> {
        self.ranges.iter().map(|(start, (end, value))| (Span::new(*start, *end), value))
    }

    /// How many ranges there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(start: u64, end: u64) -> Span {
        Span::new(Addr(start), Addr(end))
    }

    #[test]
    fn a_hole_in_the_middle_leaves_both_ends() {
        let mut map = Intervals::default();
        map.put(span(10, 50), 'a');
        assert_eq!(map.cut(span(20, 30)), [(span(20, 30), 'a')]);
        assert_eq!(map.iter().collect::<Vec<_>>(), [(span(10, 20), &'a'), (span(30, 50), &'a')]);
        assert_eq!(map.at(Addr(25)), None);
        assert_eq!(map.at(Addr(49)), Some((span(30, 50), &'a')));
    }

    #[test]
    fn neighbours_stay_apart() {
        let mut map = Intervals::default();
        map.put(span(10, 20), 'a');
        map.put(span(20, 30), 'a');
        assert_eq!(map.len(), 2);
        assert_eq!(map.put(span(15, 25), 'b'), [(span(15, 20), 'a'), (span(20, 25), 'a')]);
        assert_eq!(map.len(), 3);
    }

    #[test]
    fn empty_ranges_change_nothing() {
        let mut map = Intervals::default();
        map.put(span(10, 20), 'a');
        assert!(map.cut(span(15, 15)).is_empty());
        assert!(map.put(span(15, 15), 'b').is_empty());
        assert_eq!(map.iter().collect::<Vec<_>>(), [(span(10, 20), &'a')]);
    }

    proptest! {
        /// The model: one value per byte.
        #[test]
        fn the_map_says_what_a_byte_array_says(steps in prop::collection::vec((0_u64..120, 0_u64..40, any::<Option<u8>>()), 0..60)) {
            let mut map = Intervals::default();
            let mut bytes = [None; 160];
            for (start, len, value) in steps {
                let hole = span(start, start + len);
                let expected: Vec<_> = (start..start + len).filter_map(|at| Some((at, bytes[at as usize]?))).collect();
                let taken = match value {
                    Some(value) => map.put(hole, value),
                    None => map.cut(hole),
                };
                let seen: Vec<_> = taken.iter().flat_map(|(s, v)| (s.start.0..s.end.0).map(|at| (at, *v))).collect();
                prop_assert_eq!(seen, expected);
                (start..start + len).for_each(|at| bytes[at as usize] = value);
            }
            for (at, byte) in (0_u64..).zip(bytes) {
                prop_assert_eq!(map.at(Addr(at)).map(|(_, v)| *v), byte);
            }
            let all: Vec<_> = map.iter().map(|(s, _)| s).collect();
            prop_assert!(all.windows(2).all(|w| w[0].end <= w[1].start));
            prop_assert!(all.iter().all(|s| !s.is_empty()));
        }
    }
}

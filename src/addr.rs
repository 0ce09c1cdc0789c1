//! Addresses, ranges and the names of kernel things, as types that cannot be mixed up.
//!
//! `Addr` is an address in a running process, `FileAddr` one as the linker wrote it: only a module's load
//! bias turns one into the other, so a forgotten bias does not compile. This module knows no process.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An address in a running (or recorded) process.
#[derive(Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr(pub u64);

/// An address as the linker wrote it into a file, before the load bias is added.
#[derive(Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileAddr(pub u64);

/// A process, by the id of its thread group.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Pid(pub i32);

/// A thread, by the kernel's id.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Tid(pub i32);

/// The number of an event: 1, 2, 3… in the order in which the engine saw them.
#[derive(Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Seq(pub u64);

/// The size of a page on x86-64 Linux.
pub const PAGE: u64 = 4096;

// `add` and `sub` wrap; the operators `+` and `-` would hide that.
#[allow(clippy::should_implement_trait)]
impl Addr {
    /// The address `n` bytes further on; wraps, because a target's pointers may hold anything.
    #[must_use]
    pub fn add(self, n: u64) -> Addr {
        Addr(self.0.wrapping_add(n))
    }

    /// The address `n` bytes before; wraps.
    #[must_use]
    pub fn sub(self, n: u64) -> Addr {
        Addr(self.0.wrapping_sub(n))
    }

    /// The start of the page that holds this address.
    #[must_use]
    pub fn page_down(self) -> Addr {
        Addr(self.0 & !(PAGE - 1))
    }

    /// The next page boundary at or after this address (saturating at the last page).
    #[must_use]
    pub fn page_up(self) -> Addr {
        Addr(self.0.saturating_add(PAGE - 1) & !(PAGE - 1))
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// On the wire an address is a string such as `"0x7ffff7e5b2c0"`, because JSON numbers lose bits above 2^53.
impl Serialize for Addr {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Addr {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Addr, D::Error> {
        let text = String::deserialize(d)?;
        let digits = text.strip_prefix("0x").ok_or_else(|| de::Error::custom("an address starts with 0x"))?;
        u64::from_str_radix(digits, 16).map(Addr).map_err(de::Error::custom)
    }
}

impl FileAddr {
    /// Where this address is in a process that loaded the file with `bias`.
    #[must_use]
    pub fn at(self, bias: u64) -> Addr {
        Addr(self.0.wrapping_add(bias))
    }
}

/// A half-open range of addresses, `start..end`.
#[derive(Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: Addr,
    /// First byte after the range.
    pub end: Addr,
}

impl Span {
    /// The range from `start` to `end`; empty when `end` is not above `start`.
    #[must_use]
    pub fn new(start: Addr, end: Addr) -> Span {
        Span { start, end: end.max(start) }
    }

    /// The `len` bytes from `start` on (cut off at the top of the address space).
    #[must_use]
    pub fn sized(start: Addr, len: u64) -> Span {
        Span { start, end: Addr(start.0.saturating_add(len)) }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(self) -> u64 {
        self.end.0 - self.start.0
    }

    /// Whether the range has no byte.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Whether `at` lies in the range.
    #[must_use]
    pub fn contains(self, at: Addr) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether the two ranges share a byte.
    #[must_use]
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// What remains of this range outside `hole`: nothing, one piece or two, lowest first.
    pub fn without(self, hole: Span) -> impl Iterator<Item = Span> {
        let low = Span::new(self.start, self.end.min(hole.start.max(self.start)));
        let high = Span::new(self.start.max(hole.end.min(self.end)), self.end);
        let pieces = if self.overlaps(hole) { [low, high] } else { [self, Span::default()] };
        pieces.into_iter().filter(|piece| !piece.is_empty())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}-{}]", self.start, self.end)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A size for people: `4096` is `4K`, `1454080` is `1420K`, `38797312` is `37.0M`; below 1 KiB plain bytes.
///
/// Binary units throughout, one decimal from 10 MiB on or where KiB do not divide it.
#[must_use]
pub fn human_size(bytes: u64) -> String {
    const K: u64 = 1 << 10;
    const M: u64 = 1 << 20;
    const G: u64 = 1 << 30;
    const T: u64 = 1 << 40;
    match bytes {
        0..K => format!("{bytes}"),
        K.. if bytes < 10 * M && bytes.is_multiple_of(M) => format!("{}M", bytes / M),
        K.. if bytes < 10 * M && bytes.is_multiple_of(K) => format!("{}K", bytes / K),
        K.. if bytes < M => format!("{:.1}K", bytes as f64 / K as f64),
        K.. if bytes < G => format!("{:.1}M", bytes as f64 / M as f64),
        K.. if bytes < T => format!("{:.1}G", bytes as f64 / G as f64),
        _ => format!("{:.1}T", bytes as f64 / T as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_cuts_a_span_in_two() {
        let span = Span::new(Addr(0x1000), Addr(0x5000));
        let pieces: Vec<_> = span.without(Span::new(Addr(0x2000), Addr(0x3000))).collect();
        assert_eq!(pieces, [Span::new(Addr(0x1000), Addr(0x2000)), Span::new(Addr(0x3000), Addr(0x5000))]);
        assert_eq!(span.without(Span::new(Addr(0), Addr(0x9000))).count(), 0);
        assert_eq!(span.without(Span::new(Addr(0x9000), Addr(0xa000))).collect::<Vec<_>>(), [span]);
    }

    #[test]
    fn addresses_survive_json() {
        let json = serde_json::to_string(&Addr(0xffff_ffff_ff60_0000)).unwrap();
        assert_eq!(json, "\"0xffffffffff600000\"");
        assert_eq!(serde_json::from_str::<Addr>(&json).unwrap(), Addr(0xffff_ffff_ff60_0000));
    }

    #[test]
    fn sizes_read_well() {
        let shown: Vec<_> = [17, 4096, 135_168, 1_048_576, 1_454_080, 38_797_312, 5000, 140_000_000_000_000]
            .map(human_size)
            .into();
        assert_eq!(shown, ["17", "4K", "132K", "1M", "1420K", "37.0M", "4.9K", "127.3T"]);
    }
}

//! Runs of the same lines, told once: one line that comes again and again, or up to four that alternate.
//!
//! Nothing is lost: what did not come to a whole run is printed when the run ends.

use super::trace::repeated;
use crate::addr::Tid;
use crate::event::Label;

/// The longest pattern.
const LONGEST: usize = 4;
/// A pattern that came again less often is printed as it came.
const FEW: u64 = 2;

/// What makes two lines the same to a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) tid: Tid,
    pub(super) call: &'static str,
    pub(super) label: Label,
    pub(super) stack: u32,
    /// Bytes that it got: part of what is told, and of what is added up.
    pub(super) bytes: u64,
}

/// See the module.
#[derive(Default)]
pub(super) struct Folded {
    /// The latest lines' keys, latest last.
    keys: Vec<Key>,
    /// How many lines the pattern has that is being followed; 0 for none.
    period: usize,
    /// The lines that followed it so far, as long as they may have to be printed.
    held: Vec<String>,
    /// How many followed it.
    followed: usize,
    /// Bytes that they got.
    bytes: u64,
}

impl Folded {
    /// Takes a line; gives what is to be printed now.
    pub(super) fn line(&mut self, key: Key, text: String) -> String {
        if self.period > 0 && self.fits(self.period, &key) {
            self.follow(key, text);
            return String::new();
        }
        let mut out = self.flush();
        match (1..=LONGEST).find(|period| self.fits(*period, &key)) {
            Some(period) => {
                self.period = period;
                self.follow(key, text);
            }
            None => {
                self.remember(key);
                out.push_str(&text);
            }
        }
        out
    }

    /// Ends the pattern: what is to be printed of it.
    pub(super) fn flush(&mut self) -> String {
        let period = std::mem::take(&mut self.period);
        let (followed, bytes) = (std::mem::take(&mut self.followed), std::mem::take(&mut self.bytes));
        let held = std::mem::take(&mut self.held);
        if period == 0 {
            return String::new();
        }
        let whole = (followed / period) as u64;
        if whole < FEW {
            return held.concat();
        }
        let rest = followed % period;
        let tail = held.len().saturating_sub(rest);
        repeated(period, whole, bytes) + &held[tail..].concat()
    }

    fn fits(&self, period: usize, key: &Key) -> bool {
        self.keys.len().checked_sub(period).and_then(|at| self.keys.get(at)) == Some(key)
    }

    fn follow(&mut self, key: Key, text: String) {
        self.bytes = self.bytes.saturating_add(key.bytes);
        self.remember(key);
        self.followed += 1;
        self.held.push(text);
        // Enough to print a pattern that ends early, and the rest of one that does not.
        let keep = self.period * FEW as usize;
        if self.held.len() > keep && self.followed.is_multiple_of(self.period) {
            self.held.drain(..self.held.len() - self.period);
        }
    }

    fn remember(&mut self, key: Key) {
        self.keys.push(key);
        if self.keys.len() > 2 * LONGEST {
            self.keys.drain(..LONGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(stacks: &[u32]) -> Vec<String> {
        let mut folded = Folded::default();
        let key = |stack| Key { tid: Tid(1), call: "mmap", label: Label::Fallback, stack, bytes: 4096 };
        let mut text: String =
            stacks.iter().map(|stack| folded.line(key(*stack), format!("{stack}\n"))).collect();
        text.push_str(&folded.flush());
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn runs_are_told_once_and_nothing_is_lost() {
        assert_eq!(told(&[1, 2, 3]), ["1", "2", "3"]);
        assert_eq!(told(&[1, 1, 2]), ["1", "1", "2"]);
        assert_eq!(told(&[1, 1, 1, 1, 2]), ["1", "... the line above 3 times more, 12 KiB more", "2"]);
        assert_eq!(told(&[1, 2, 1, 2, 1, 2]), ["1", "2", "... the 2 lines above 2 times more, 16 KiB more"]);
        assert_eq!(
            told(&[1, 2, 1, 2, 1, 2, 1, 3]),
            ["1", "2", "... the 2 lines above 2 times more, 20 KiB more", "1", "3"]
        );
        assert_eq!(told(&[1, 2, 1, 3]), ["1", "2", "1", "3"]);
        let long: Vec<u32> = (0..1000).map(|n| n % 4).collect();
        assert_eq!(told(&long).len(), 5);
    }
}

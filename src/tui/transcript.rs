//! What was said on the command line: commands, answers, errors, in order.
//!
//! Lines are kept whole and wrapped only when drawn. When the store is full the oldest go, and the first
//! line says how many went.

use std::collections::VecDeque;

use super::text;

/// The most lines that are kept.
const LINES: usize = 100_000;
/// The longest line that is kept in one piece, in bytes.
const LINE_BYTES: usize = 64 * 1024;

/// What a line is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A command, as it was typed or as a key stood for it.
    Echo,
    /// An answer.
    Output,
    /// An error.
    Error,
    /// A word of ours about keys and the screen.
    Hint,
}

/// The transcript.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    lines: VecDeque<(Kind, String)>,
    /// The last line is not ended yet.
    open: bool,
    gone: usize,
    /// Rows above the bottom that the view is scrolled to.
    scrolled: usize,
}

impl Transcript {
    /// Adds a whole line.
    pub fn line(&mut self, kind: Kind, line: &str) {
        self.open = false;
        self.add(kind, line);
    }

    /// Adds text as it comes: whole lines, or parts of one.
    pub fn text(&mut self, kind: Kind, text: &str) {
        for piece in text.split_inclusive('\n') {
            let ends = piece.ends_with('\n');
            let piece = text::clean(piece.trim_end_matches(['\n', '\r']));
            match self.lines.back_mut() {
                Some((last, line)) if self.open && *last == kind && line.len() < LINE_BYTES => {
                    line.push_str(&piece);
                }
                _ => self.add(kind, &piece),
            }
            self.open = !ends;
        }
    }

    /// The rows of a view: `height` rows of `width` columns, newest last, and how many rows lie hidden
    /// `(above or more, below)`.
    #[must_use]
    pub fn rows(&self, width: usize, height: usize) -> (Vec<(Kind, &str)>, usize, usize) {
        let wanted = self.scrolled.saturating_add(height);
        let mut rows: Vec<(Kind, &str)> = Vec::new();
        let mut unseen = 0;
        for (kind, line) in self.lines.iter().rev() {
            if rows.len() >= wanted {
                unseen += 1;
                continue;
            }
            rows.extend(text::wrap(line, width).into_iter().rev().map(|row| (*kind, row)));
        }
        let below = self.scrolled.min(rows.len().saturating_sub(height));
        let above = unseen + rows.len().saturating_sub(below + height);
        let shown = rows.into_iter().skip(below).take(height).collect::<Vec<_>>();
        (shown.into_iter().rev().collect(), above, below)
    }

    /// Lines that had to go because the store was full.
    #[must_use]
    pub fn gone(&self) -> usize {
        self.gone
    }

    /// Whether nothing was said yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All lines.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(|(_, line)| line.as_str())
    }

    /// Scrolls a view of this size up (positive) or down by rows, no further than the text goes.
    pub fn scroll(&mut self, rows: isize, width: usize, height: usize) {
        let all: usize = self.lines.iter().map(|(_, line)| text::wrap(line, width).len()).sum();
        self.scrolled = self.scrolled.saturating_add_signed(rows).min(all.saturating_sub(height));
    }

    /// Back to the newest line.
    pub fn to_bottom(&mut self) {
        self.scrolled = 0;
    }

    /// Scrolls so that the line with this index (from the newest, 0) is in view.
    pub fn show(&mut self, from_newest: usize) {
        self.scrolled = from_newest;
    }

    fn add(&mut self, kind: Kind, line: &str) {
        if self.lines.len() >= LINES {
            self.lines.pop_front();
            self.gone += 1;
        }
        if self.scrolled > 0 {
            self.scrolled += 1;
        }
        self.lines.push_back((kind, text::clean(line)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_line_join() {
        let mut transcript = Transcript::default();
        transcript.text(Kind::Output, "Quit any");
        transcript.text(Kind::Output, "way? (y or n) \nnext");
        transcript.text(Kind::Error, "No stack.\n");
        assert_eq!(transcript.lines().collect::<Vec<_>>(), ["Quit anyway? (y or n) ", "next", "No stack."]);
    }

    #[test]
    fn nothing_is_hidden_without_a_count() {
        let mut transcript = Transcript::default();
        for n in 0..10 {
            transcript.line(Kind::Output, &format!("line {n}"));
        }
        let (rows, above, below) = transcript.rows(80, 4);
        assert_eq!((rows.len(), above, below), (4, 6, 0));
        assert_eq!(rows[3].1, "line 9");
        transcript.scroll(3, 80, 4);
        let (rows, above, below) = transcript.rows(80, 4);
        assert_eq!((rows[3].1, above, below), ("line 6", 3, 3));
        transcript.scroll(1000, 80, 4);
        assert_eq!(transcript.rows(80, 4).0[0].1, "line 0");
    }

    #[test]
    fn a_full_store_says_so() {
        let mut transcript = Transcript::default();
        for _ in 0..LINES + 5 {
            transcript.line(Kind::Output, "x");
        }
        assert_eq!(transcript.gone(), 5);
    }
}

//! The target's own terminal: bytes from its pty, kept as a screen of fixed size with scrollback.
//!
//! The size does not follow ours: a program that draws must not be disturbed by a debugger's windows.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tui_term::vt100::{Parser, Screen};

/// Rows of the target's screen.
pub const ROWS: u16 = 24;
/// Columns of the target's screen.
pub const COLUMNS: u16 = 80;
/// Lines that are kept above the screen.
const SCROLLBACK: usize = 10_000;

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread would be caught here and cost only the target's screen.
#[must_use]
pub fn is_contained() -> bool {
    CONTAINED.get()
}

/// The target's terminal.
pub struct Target {
    parser: Parser,
    /// Whether the target was given a terminal of ours.
    pub exists: bool,
    /// Bytes seen so far.
    pub bytes: u64,
    /// Lines that came while nobody could see them.
    pub unread: u64,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("bytes", &self.bytes).field("unread", &self.unread).finish()
    }
}

impl Target {
    /// An empty screen.
    #[must_use]
    pub fn new(exists: bool) -> Target {
        Target { parser: Parser::new(ROWS, COLUMNS, SCROLLBACK), exists, bytes: 0, unread: 0 }
    }

    /// Takes what the target wrote; `seen` tells whether its pane is on the screen.
    pub fn write(&mut self, bytes: &[u8], seen: bool) {
        self.bytes += bytes.len() as u64;
        // The emulator is somebody else's code and the bytes are hostile: should it ever fail, its screen
        // starts anew and the debugger lives.
        let parser = &mut self.parser;
        CONTAINED.set(true);
        let fate = catch_unwind(AssertUnwindSafe(|| parser.process(bytes)));
        CONTAINED.set(false);
        if fate.is_err() {
            self.parser = Parser::new(ROWS, COLUMNS, SCROLLBACK);
        }
        if !seen {
            self.unread += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    }

    /// The screen as it stands, scrolled as asked.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    /// Scrolls up (positive) or down.
    pub fn scroll(&mut self, rows: isize) {
        let at = self.parser.screen().scrollback().saturating_add_signed(rows);
        self.parser.screen_mut().set_scrollback(at);
    }

    /// The last line that says something.
    #[must_use]
    pub fn last_line(&self) -> String {
        let rows: Vec<String> = self.screen().rows(0, COLUMNS).collect();
        let line = rows.iter().rev().find(|row| !row.trim().is_empty());
        line.map(|row| super::text::clean(row.trim_end())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_line_and_the_unread() {
        let mut target = Target::new(true);
        target.write(b"one\r\ntwo \x1b[31mred\x1b[0m\r\n", false);
        assert_eq!(target.last_line(), "two red");
        assert_eq!(target.unread, 2);
        target.scroll(1_000_000);
        target.scroll(-1_000_000);
        assert_eq!(target.last_line(), "two red");
    }

    proptest! {
        #[test]
        fn garbage_does_no_harm(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let mut target = Target::new(true);
            for chunk in chunks {
                target.write(&chunk, true);
                target.scroll(3);
                let _ = target.last_line();
            }
        }
    }
}

//! The line that is being typed: a small readline (emacs keys, history, search in history).
//!
//! It knows keys and text, neither commands nor the engine. Nothing here can fail.

use super::keys::{Code, Key};
use super::text;

/// The most lines that the history keeps.
const HISTORY: usize = 5000;

/// A line editor with history.
#[derive(Clone, Debug, Default)]
pub struct Editor {
    text: String,
    /// Byte offset, always at a character boundary.
    cursor: usize,
    killed: String,
    history: Vec<String>,
    /// Where in the history we are, and the line that was being typed when we went there.
    browsing: Option<(usize, String)>,
    search: Option<Search>,
}

#[derive(Clone, Debug)]
struct Search {
    needle: String,
    /// Matches at or above this position are looked for.
    below: usize,
    before: String,
}

impl Editor {
    /// An editor that remembers these lines, oldest first.
    #[must_use]
    pub fn with_history(history: Vec<String>) -> Editor {
        let skip = history.len().saturating_sub(HISTORY);
        Editor { history: history.into_iter().skip(skip).collect(), ..Editor::default() }
    }

    /// The line as it stands.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part before the cursor.
    #[must_use]
    pub fn before_cursor(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.search.is_none()
    }

    /// The word of a search in history that is under way (`^R`).
    #[must_use]
    pub fn searching(&self) -> Option<&str> {
        self.search.as_ref().map(|search| search.needle.as_str())
    }

    /// Replaces the line; the cursor goes to its end.
    pub fn set(&mut self, text: &str) {
        self.text = text::clean(text);
        self.cursor = self.text.len();
        self.browsing = None;
        self.search = None;
    }

    /// Takes the line and leaves an empty one.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        self.browsing = None;
        self.search = None;
        std::mem::take(&mut self.text)
    }

    /// Puts text in at the cursor (a paste); line ends become blanks.
    pub fn insert(&mut self, text: &str) {
        let text = text::clean(&text.replace(['\n', '\r'], " "));
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
        self.browsing = None;
    }

    /// Replaces what stands before the cursor (a completion).
    pub fn complete(&mut self, before: &str) {
        let before = text::clean(before);
        self.text.replace_range(..self.cursor, &before);
        self.cursor = before.len();
    }

    /// Adds a line to the history, unless it is the newest one already. Whether it was added.
    pub fn remember(&mut self, line: &str) -> bool {
        if line.trim().is_empty() || self.history.last().is_some_and(|last| last == line) {
            return false;
        }
        if self.history.len() >= HISTORY {
            self.history.remove(0);
        }
        self.history.push(line.to_owned());
        true
    }

    /// Takes a key. Whether it meant something here.
    pub fn key(&mut self, key: Key) -> bool {
        if self.search.is_some() && self.search_key(key) {
            return true;
        }
        match (key.code, key.ctrl, key.alt) {
            (Code::Char(c), false, false) => self.insert(c.encode_utf8(&mut [0; 4])),
            (Code::Char('a'), true, _) | (Code::Home, ..) => self.cursor = 0,
            (Code::Char('e'), true, _) | (Code::End, ..) => self.cursor = self.text.len(),
            (Code::Left, true, _) | (Code::Char('b'), _, true) => self.cursor = self.word_before(),
            (Code::Right, true, _) | (Code::Char('f'), _, true) => self.cursor = self.word_after(),
            (Code::Char('b'), true, _) | (Code::Left, ..) => self.cursor = self.char_before(),
            (Code::Char('f'), true, _) | (Code::Right, ..) => self.cursor = self.char_after(),
            (Code::Backspace, _, true) | (Code::Char('w'), true, _) => {
                self.kill(self.word_before(), self.cursor)
            }
            (Code::Char('d'), _, true) => self.kill(self.cursor, self.word_after()),
            (Code::Char('h'), true, _) | (Code::Backspace, ..) => {
                self.remove(self.char_before(), self.cursor)
            }
            (Code::Char('d'), true, _) | (Code::Delete, ..) => self.remove(self.cursor, self.char_after()),
            (Code::Char('k'), true, _) => self.kill(self.cursor, self.text.len()),
            (Code::Char('u'), true, _) => self.kill(0, self.cursor),
            (Code::Char('y'), true, _) => self.insert(&self.killed.clone()),
            (Code::Char('t'), true, _) => self.transpose(),
            (Code::Up, ..) => self.older(true),
            (Code::Down, ..) => self.newer(true),
            (Code::Char('p'), true, _) => self.older(false),
            (Code::Char('n'), true, _) => self.newer(false),
            (Code::Char('r'), true, _) => {
                let before = self.text.clone();
                self.search = Some(Search { needle: String::new(), below: self.history.len(), before });
            }
            _ => return false,
        }
        true
    }

    fn char_before(&self) -> usize {
        self.before_cursor().char_indices().next_back().map_or(0, |(at, _)| at)
    }

    fn char_after(&self) -> usize {
        self.text[self.cursor..].chars().next().map_or(self.cursor, |c| self.cursor + c.len_utf8())
    }

    fn word_before(&self) -> usize {
        let trimmed = self.before_cursor().trim_end_matches(|c: char| !c.is_alphanumeric());
        trimmed.trim_end_matches(char::is_alphanumeric).len()
    }

    fn word_after(&self) -> usize {
        let rest = self.text[self.cursor..].trim_start_matches(|c: char| !c.is_alphanumeric());
        self.text.len() - rest.trim_start_matches(char::is_alphanumeric).len()
    }

    fn remove(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
        self.browsing = None;
    }

    fn kill(&mut self, from: usize, to: usize) {
        if from < to {
            self.killed = self.text[from..to].to_owned();
        }
        self.remove(from, to);
    }

    fn transpose(&mut self) {
        let right = if self.cursor == self.text.len() { self.char_before() } else { self.cursor };
        let Some(left) = self.text[..right].char_indices().next_back().map(|(at, _)| at) else { return };
        let Some(c) = self.text[right..].chars().next() else { return };
        self.text.remove(right);
        self.text.insert(left, c);
        self.cursor = (right + c.len_utf8()).min(self.text.len());
        while !self.text.is_char_boundary(self.cursor) {
            self.cursor += 1;
        }
    }

    /// Goes back in history; with `prefix`, to the next line that begins like what was typed.
    fn older(&mut self, prefix: bool) {
        let (at, typed) = self.browsing.clone().unwrap_or((self.history.len(), self.text.clone()));
        let fits = |line: &String| !prefix || line.starts_with(&typed);
        if let Some(found) = self.history[..at.min(self.history.len())].iter().rposition(fits) {
            self.show(found, typed);
        }
    }

    fn newer(&mut self, prefix: bool) {
        let Some((at, typed)) = self.browsing.clone() else { return };
        let from = (at + 1).min(self.history.len());
        let found = self.history[from..].iter().position(|line| !prefix || line.starts_with(&typed));
        match found {
            Some(found) => self.show(from + found, typed),
            None => self.set(&typed),
        }
    }

    fn show(&mut self, at: usize, typed: String) {
        self.text = self.history[at].clone();
        self.cursor = self.text.len();
        self.browsing = Some((at, typed));
    }

    /// A key during `^R`: text narrows, `^R` goes on, `^G` and Esc give up, anything else accepts.
    fn search_key(&mut self, key: Key) -> bool {
        let Some(search) = &mut self.search else { return false };
        match (key.code, key.ctrl) {
            (Code::Char('g'), true) | (Code::Esc, _) => {
                let before = std::mem::take(&mut search.before);
                self.set(&before);
                return true;
            }
            (Code::Char('r'), true) => {}
            (Code::Char(c), false) if !key.alt => {
                search.needle.push(c);
                search.below = self.history.len();
            }
            (Code::Backspace, _) => {
                search.needle.pop();
                search.below = self.history.len();
            }
            _ => {
                self.search = None;
                return false;
            }
        }
        let needle = search.needle.clone();
        let below = search.below.min(self.history.len());
        if needle.is_empty() {
            return true;
        }
        if let Some(found) = self.history[..below].iter().rposition(|line| line.contains(&needle)) {
            search.below = found;
            self.text = self.history[found].clone();
            self.cursor = self.text.len();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(editor: &mut Editor, text: &str) {
        for c in text.chars() {
            editor.key(Key::plain(Code::Char(c)));
        }
    }

    fn ctrl(editor: &mut Editor, c: char) {
        editor.key(Key { ctrl: true, ..Key::plain(Code::Char(c)) });
    }

    #[test]
    fn emacs_keys() {
        let mut editor = Editor::default();
        type_in(&mut editor, "break mmap if x");
        ctrl(&mut editor, 'w');
        ctrl(&mut editor, 'w');
        assert_eq!(editor.text(), "break mmap ");
        ctrl(&mut editor, 'a');
        ctrl(&mut editor, 'd');
        assert_eq!(editor.text(), "reak mmap ");
        ctrl(&mut editor, 'k');
        ctrl(&mut editor, 'y');
        assert_eq!(editor.text(), "reak mmap ");
        ctrl(&mut editor, 'u');
        assert!(editor.is_empty());
        type_in(&mut editor, "ab");
        ctrl(&mut editor, 't');
        assert_eq!(editor.text(), "ba");
    }

    #[test]
    fn arrows_search_history_by_prefix() {
        let mut editor = Editor::with_history(vec!["run".into(), "break a".into(), "next".into()]);
        type_in(&mut editor, "br");
        editor.key(Key::plain(Code::Up));
        assert_eq!(editor.text(), "break a");
        editor.key(Key::plain(Code::Down));
        assert_eq!(editor.text(), "br");
        ctrl(&mut editor, 'r');
        type_in(&mut editor, "u");
        assert_eq!(editor.text(), "run");
        editor.key(Key::plain(Code::Esc));
        assert_eq!(editor.text(), "br");
    }

    #[test]
    fn a_paste_stays_one_line_and_harmless() {
        let mut editor = Editor::default();
        editor.insert("a\nb\x1b[0m");
        assert_eq!(editor.text(), "a b\\033[0m");
    }
}

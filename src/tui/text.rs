//! Strings on a grid: what they measure, how they are cut, and how what a target wrote is made harmless.
//!
//! Everything that did not come from our own source code goes through [`clean`] before it is drawn.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The mark of a cut.
pub const CUT: char = '…';

/// How many columns a string takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text with tabs expanded (stops every 8 columns, as gdb prints) and every character that could steer a
/// terminal or hide text (controls, bidirectional overrides, zero widths) written as a visible escape.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        let from = out.len();
        match c {
            '\t' => out.extend(std::iter::repeat_n(' ', 8 - column % 8)),
            '\0'..='\x1f' | '\x7f' => out.push_str(&format!("\\{:03o}", c as u32)),
            _ if is_hidden(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
        column += width(&out[from..]);
    }
    out
}

/// Whether a character takes no room or changes the direction of others.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text, or as much of its beginning as fits with a [`CUT`] behind it.
#[must_use]
pub fn clip(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = room.saturating_sub(1);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        out.push(c);
    }
    if room > 0 {
        out.push(CUT);
    }
    out
}

/// The text, or as much of its end as fits with a [`CUT`] before it: for paths, whose end says most.
#[must_use]
pub fn clip_start(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut left = room.saturating_sub(1);
    for c in text.chars().rev() {
        let wide = c.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        kept.push(c);
    }
    if room > 0 {
        kept.push(CUT);
    }
    kept.iter().rev().collect()
}

/// The text cut into rows of at most `room` columns; at least one row.
#[must_use]
pub fn wrap(text: &str, room: usize) -> Vec<&str> {
    let room = room.max(1);
    let mut rows = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide > room && at > start {
            rows.push(&text[start..at]);
            (start, used) = (at, 0);
        }
        used += wide;
    }
    rows.push(&text[start..]);
    rows
}

/// Prose cut into rows of at most `room` columns, between words where that is possible.
#[must_use]
pub fn wrap_words(text: &str, room: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    let mut row = String::new();
    for word in text.split_inclusive(' ') {
        if !row.is_empty() && width(&row) + width(word.trim_end()) > room {
            rows.push(std::mem::take(&mut row));
        }
        row.push_str(word);
        while width(row.trim_end()) > room.max(1) {
            let head = wrap(&row, room)[0].to_owned();
            row = row.split_off(head.len());
            rows.push(head);
        }
    }
    rows.push(row);
    rows.iter().map(|row| row.trim_end().to_owned()).collect()
}

/// The last part of a path.
#[must_use]
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path)
}

/// Left and right text on one row, at least one blank between; the right one is kept, the left one is cut.
#[must_use]
pub fn spread(left: &str, right: &str, room: usize) -> String {
    let right = clip_start(right, room / 2);
    let space = room.saturating_sub(width(&right));
    let left = clip(left, space.saturating_sub(usize::from(!right.is_empty())));
    let gap = space.saturating_sub(width(&left));
    format!("{left}{}{right}", " ".repeat(gap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_cannot_steer_the_terminal() {
        assert_eq!(clean("a\x1b[31mb\u{202e}c\u{200b}"), "a\\033[31mb\\u{202e}c\\u{200b}");
        assert_eq!(clean("x\ty"), "x       y");
        assert_eq!(clean("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn cuts_are_marked_and_fit() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip_start("abcdef", 4), "…def");
        assert_eq!(clip("abcdef", 0), "");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(width(&spread("a long left side", "right:12", 12)), 12);
        assert_eq!(wrap("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
        assert_eq!(wrap_words("the break cannot move", 10), ["the break", "cannot", "move"]);
        assert_eq!(wrap_words("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap_words("", 3), [""]);
    }
}

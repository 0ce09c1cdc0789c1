//! Text of the target's made harmless: for a terminal, and for Markdown.
//!
//! Names, paths and strings come out of hostile files. What could move a cursor, turn the direction of
//! writing or end a table cell is written as an escape instead.

/// The text without control characters: they become octal escapes, as gdb prints them; characters that turn
/// the direction of writing become `\u{…}`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\{:03o}", u32::from(letter))),
            '\u{80}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(letter)));
            }
            '\u{feff}' => out.push_str("\\u{feff}"),
            _ => out.push(letter),
        }
    }
    out
}

/// The text as a Markdown code span that is safe in a table: no control characters, a fence longer than any
/// run of backticks inside, `|` escaped. Nothing for an empty text.
#[must_use]
pub fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = plain(text).replace('|', "\\|");
    let fence = "`".repeat(longest_run(&text) + 1);
    let edge = |edge: Option<char>| edge.is_none_or(|c| c == '`' || c == ' ');
    let pad = if edge(text.chars().next()) || edge(text.chars().next_back()) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The text as Markdown prose: what has a meaning to Markdown or HTML loses it.
#[must_use]
pub fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in plain(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

/// The text as character data or an attribute's value of XML and HTML, without control characters.
#[must_use]
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in plain(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // No character of XML 1.0.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

/// A value as one line of JSON, without a line end, that a terminal may see: what JSON itself leaves as it is of
/// control characters is escaped.
#[must_use]
pub fn json(value: &impl serde::Serialize) -> String {
    // Plain values with string keys always serialise.
    json_text(serde_json::to_string(value).unwrap_or_default())
}

/// The same for JSON that was written already, and that may have several lines.
#[must_use]
pub fn json_text(text: String) -> String {
    let plain_letter = |letter: char| letter == '\n' || plain_letter(letter);
    if text.chars().all(plain_letter) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if plain_letter(letter) {
            out.push(letter);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(letter)));
        }
    }
    out
}

/// Whether a letter moves no cursor and does not turn the direction of writing.
fn plain_letter(letter: char) -> bool {
    !matches!(letter,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Lines as a fenced block whose fence no line can close.
#[must_use]
pub fn block(lines: &[String], language: &str) -> String {
    let lines: Vec<String> = lines.iter().map(|line| plain(line)).collect();
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_control_characters() {
        assert_eq!(plain("a\x1b[31mred\u{7}\u{9b}2J\nb"), "a\\033[31mred\\007\\u{9b}2J\\nb");
        assert_eq!(plain("abc\u{202e}fdp"), "abc\\u{202e}fdp");
        assert_eq!(plain("Grüße"), "Grüße");
    }

    #[test]
    fn a_table_cell_cannot_be_left() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("`; rm`"), "`` `; rm` ``");
        assert_eq!(code("x\n| y"), "`x\\n\\| y`");
        assert_eq!(prose("<script>&*_[x](y)"), "&lt;script&gt;&amp;\\*\\_\\[x\\](y)");
    }

    #[test]
    fn json_stays_json_on_a_terminal() {
        let value = serde_json::json!({"a": "x\x1b[2J\u{9b}2J\u{7f}\u{202e}é"});
        let line = json(&value);
        assert_eq!(line, r#"{"a":"x\u001b[2J\u009b2J\u007f\u202eé"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }

    #[test]
    fn a_block_cannot_be_closed_from_inside() {
        let text = block(&["```".to_owned(), "x".to_owned()], "");
        assert_eq!(text, "````\n```\nx\n````\n");
    }
}

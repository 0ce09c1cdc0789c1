//! Regular expressions as gdb takes them: grep's, the basic ones of POSIX.
//!
//! `\\(`, `\\|` and `\\+` have a meaning, and their plain forms have none (regex(7)).

use regex::Regex;

/// An expression and what was typed.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// What was typed is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid regexp: {0}")]
pub struct Malformed(String);

impl Pattern {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`Malformed`], in the words of gdb's regex library for the brackets that people forget.
    pub fn parse(text: &str) -> Result<Pattern, Malformed> {
        let regex = Regex::new(&from_basic(text)).map_err(|_| {
            let close = |open: &str, shut: &str| text.matches(open).count() > text.matches(shut).count();
            Malformed(match () {
                () if close("[", "]") => "Unmatched [ or [^".to_owned(),
                () if close(r"\(", r"\)") => r"Unmatched ( or \(".to_owned(),
                () if close(r"\)", r"\(") => r"Unmatched ) or \)".to_owned(),
                () => format!("Invalid regular expression: {text}"),
            })
        })?;
        Ok(Pattern { text: text.to_owned(), regex })
    }

    /// Whether it fits somewhere in `text`.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// A basic regular expression as an extended one: what has a meaning behind a backslash there has it without here.
fn from_basic(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    let mut in_set = false;
    while let Some(letter) = letters.next() {
        match letter {
            ']' => in_set = false,
            '[' => in_set = true,
            '\\' if !in_set => match letters.next() {
                Some(special @ ('(' | ')' | '{' | '}' | '|' | '+' | '?')) => {
                    out.push(special);
                    continue;
                }
                Some(plain) => {
                    out.extend(['\\', plain]);
                    continue;
                }
                None => {}
            },
            '(' | ')' | '{' | '}' | '|' | '+' | '?' if !in_set => out.push('\\'),
            '*' if out.is_empty() || out == "^" => out.push('\\'),
            _ => {}
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_expressions_mean_what_they_mean_to_grep() {
        let fits = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().fits(name);
        assert!(fits("^ma", "main") && !fits("^ma", "roman") && fits("ma", "roman"));
        assert!(fits(r"^\(co\|ma\)l$", "col") && !fits("(co|ma)l", "col") && fits("a+b", "a+b"));
        assert!(fits("[+(]x", "(x") && fits("*p", "*p") && fits("ab*c", "ac") && fits(r"a\.b", "a.b"));
    }

    #[test]
    fn what_is_malformed_is_refused_in_gdb_s_words() {
        let refused = |pattern: &str| Pattern::parse(pattern).unwrap_err().to_string();
        assert_eq!(refused("["), "Invalid regexp: Unmatched [ or [^");
        assert_eq!(refused(r"\("), r"Invalid regexp: Unmatched ( or \(");
        assert_eq!(refused(r"a\)"), r"Invalid regexp: Unmatched ) or \)");
    }
}

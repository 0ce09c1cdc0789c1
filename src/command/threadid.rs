//! gdb's ids of threads: `2`, `1.2`, `3-5`, `2.*`, `*`, and lists of them.

use std::fmt;

use super::error::{CommandError, Done};
use super::threads::Known;

/// Which threads one word of a list means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The inferior's number, where the word names one.
    inferior: Option<u32>,
    /// The first and the last number; all numbers for `*`.
    numbers: (u32, u32),
    text: String,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads a list of ids.
///
/// # Errors
/// gdb's words for a word that is none.
pub(super) fn list(text: &str) -> Done<Vec<Wanted>> {
    text.split_whitespace().map(one).collect()
}

/// Whether a thread is one of those that are wanted; numbers without an inferior are of the inferior `here`.
pub(super) fn fits(wanted: &[Wanted], known: &Known, here: u32) -> bool {
    let fit = |one: &Wanted| {
        let (first, last) = one.numbers;
        known.inferior == one.inferior.unwrap_or(here) && (first..=last).contains(&known.number)
    };
    wanted.iter().any(fit)
}

fn one(word: &str) -> Done<Wanted> {
    let bad = || CommandError::say(format!("Invalid thread ID: {word}"));
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(bad);
    let (inferior, rest) = match word.split_once('.') {
        Some((inferior, rest)) => (Some(number(inferior)?), rest),
        None => (None, word),
    };
    let numbers = match rest.split_once('-') {
        _ if rest == "*" => (1, u32::MAX),
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(rest)?, number(rest)?),
    };
    if numbers.0 > numbers.1 {
        return Err(CommandError::say("inverted range"));
    }
    Ok(Wanted { inferior, numbers, text: word.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_gdb_s() {
        let read = |text: &str| {
            list(text).map(|all| all.iter().map(|w| (w.inferior, w.numbers)).collect::<Vec<_>>())
        };
        assert_eq!(read("1 3-5").unwrap(), [(None, (1, 1)), (None, (3, 5))]);
        assert_eq!(read("2.1 1.*").unwrap(), [(Some(2), (1, 1)), (Some(1), (1, u32::MAX))]);
        for (bad, words) in
            [("foo", "Invalid thread ID: foo"), ("0", "Invalid thread ID: 0"), ("5-3", "inverted range")]
        {
            assert_eq!(read(bad).map_err(|error| error.to_string()), Err(words.to_owned()));
        }
    }
}

//! The words behind a command: flags, numbers and lists of numbers, in gdb's manner.

use super::error::{CommandError, Done};

/// Takes the word `flag` (such as `-json`) out of the arguments, wherever it stands between blanks.
pub(super) fn take_flag(args: &str, flag: &str) -> (bool, String) {
    let mut found = false;
    let kept: Vec<&str> = args
        .split_whitespace()
        .filter(|word| {
            let is = *word == flag;
            found |= is;
            !is
        })
        .collect();
    // Without the flag the text stays as it was: blanks inside of strings count.
    if found { (true, kept.join(" ")) } else { (false, args.trim().to_owned()) }
}

/// The first word, and what follows it.
pub(super) fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// The words of a line: blanks part them, quotes and backslashes keep them together (gdb's `buildargv`).
pub(super) fn words(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (_, '\\') => word.get_or_insert_default().extend(letters.next()),
            (Some(open), letter) if letter == open => quote = None,
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(letter);
            }
            (None, letter) if letter.is_whitespace() => all.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    all.extend(word);
    all
}

/// One number of a list such as `1 3-5 2.1`: a breakpoint, and perhaps a location of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) number: u32,
    pub(super) location: Option<u32>,
}

/// Reads `1 3-5 2.1`.
///
/// # Errors
/// gdb's words for a word that is none of these.
pub(super) fn ids(text: &str) -> Done<Vec<Id>> {
    let mut all = Vec::new();
    for word in text.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        let bad = || CommandError::say(format!("Bad breakpoint number '{word}'"));
        let number = |text: &str| text.parse::<u32>().map_err(|_| bad());
        if let Some((first, last)) = word.split_once('-').filter(|(first, _)| !first.is_empty()) {
            let (first, last) = (number(first)?, number(last)?);
            all.extend(
                (first..=last.min(first.saturating_add(10_000))).map(|number| Id { number, location: None }),
            );
        } else if let Some((number_text, location)) = word.split_once('.') {
            let location = location.parse().map_err(|_| bad())?;
            all.push(Id { number: number(number_text)?, location: Some(location) });
        } else if word.starts_with('-') {
            return Err(CommandError::say("Negative value"));
        } else {
            all.push(Id { number: number(word)?, location: None });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_may_stand_anywhere() {
        assert_eq!(take_flag("-json 3", "-json"), (true, "3".into()));
        assert_eq!(take_flag("\"a  b\"", "-json"), (false, "\"a  b\"".into()));
    }

    #[test]
    fn words_are_parted_as_in_gdb() {
        assert_eq!(words(" 'a b' c\\ d  e\"f\" '' 'open"), ["a b", "c d", "ef", "", "open"]);
    }

    #[test]
    fn lists_of_numbers_are_read() {
        let plain = |number| Id { number, location: None };
        assert_eq!(ids("1 3-5").unwrap(), [plain(1), plain(3), plain(4), plain(5)]);
        assert_eq!(ids("2.1").unwrap(), [Id { number: 2, location: Some(1) }]);
        assert!(ids("x").is_err());
    }
}

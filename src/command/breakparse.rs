//! The text behind `break`: `LOC [thread N] [if C] [then [every] LOC [if C]]… [once] [in thread|process|any]`.
//!
//! It cuts the text at keywords that stand outside of quotes and parentheses; what the pieces mean is for
//! others.

use super::error::{CommandError, Done};
use crate::session::Scope;

/// A stage as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StageText {
    /// The place, or the name of a system call.
    pub(super) location: String,
    pub(super) condition: Option<String>,
    pub(super) syscall: bool,
}

/// The whole text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) stages: Vec<StageText>,
    pub(super) thread: Option<u32>,
    pub(super) scope: Scope,
    pub(super) once: bool,
    pub(super) every: bool,
}

/// Cuts the text into stages.
///
/// # Errors
/// A stage without a place, and words that are not understood.
pub(super) fn parse(text: &str) -> Done<Parsed> {
    let mut parsed = Parsed::default();
    let mut pieces = cut(text, "then");
    if pieces.len() > 1
        && let Some(last) = pieces.last_mut()
    {
        *last = tail(last, &mut parsed)?;
    }
    let count = pieces.len();
    for (index, piece) in pieces.iter().enumerate() {
        let mut piece = piece.trim();
        if index > 0 {
            if let Some(rest) = keyword(piece, "every") {
                if index + 1 < count {
                    return Err(CommandError::say("\"every\" belongs to the last stage of a chain."));
                }
                parsed.every = true;
                piece = rest;
            }
            if piece.is_empty() {
                return Err(CommandError::say("\"then\" needs a location: break open then mmap"));
            }
        }
        let stage = stage(piece, &mut parsed.thread)?;
        parsed.stages.push(stage);
    }
    Ok(parsed)
}

/// Takes the options behind the last stage.
fn tail(text: &str, parsed: &mut Parsed) -> Done<String> {
    let mut text = text.trim().to_owned();
    loop {
        let words: Vec<&str> = text.split_whitespace().collect();
        let taken = match words.as_slice() {
            [_, .., "once"] => {
                parsed.once = true;
                "once"
            }
            [_, .., "same-thread"] => "same-thread",
            [_, .., "any-thread"] => {
                parsed.scope = Scope::Process;
                "any-thread"
            }
            [_, .., "in", who @ ("thread" | "process" | "any")] => {
                parsed.scope = match *who {
                    "thread" => Scope::Thread,
                    "process" => Scope::Process,
                    _ => Scope::Any,
                };
                let who = (*who).to_owned();
                text = without(&text, &who);
                "in"
            }
            _ => return Ok(text),
        };
        text = without(&text, taken);
    }
}

fn without(text: &str, word: &str) -> String {
    let text = text.trim_end();
    text.strip_suffix(word).unwrap_or(text).trim_end().to_owned()
}

fn stage(text: &str, thread: &mut Option<u32>) -> Done<StageText> {
    let mut pieces = cut(text, "if").into_iter();
    let mut location = pieces.next().unwrap_or_default().trim().to_owned();
    let rest: Vec<String> = pieces.collect();
    let mut condition = (!rest.is_empty()).then(|| rest.join("if").trim().to_owned());
    if condition.as_deref() == Some("") {
        // gdb takes an `if` without a condition for a part of the name.
        location = text.trim().to_owned();
        condition = None;
    }
    if let Some((before, after)) = split_keyword(&location, "thread") {
        let number = after.trim();
        let number = number.parse().map_err(|_| CommandError::say(format!("Invalid thread ID: {number}")))?;
        *thread = Some(number);
        location = before;
    }
    match keyword(&location, "syscall").map(str::to_owned) {
        Some(name) if !name.is_empty() => Ok(StageText { location: name, condition, syscall: true }),
        _ => Ok(StageText { location, condition, syscall: false }),
    }
}

/// What follows a word at the beginning.
fn keyword<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.trim_start().strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim_start())
}

fn split_keyword(text: &str, word: &str) -> Option<(String, String)> {
    match cut(text, word).as_slice() {
        [before, after] => Some((before.trim().to_owned(), after.clone())),
        _ => None,
    }
}

/// Cuts the text at each `word` that stands alone, outside of quotes and parentheses.
fn cut(text: &str, word: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let (mut pieces, mut start) = (Vec::new(), 0);
    let (mut depth, mut quote, mut at) = (0u32, None, 0);
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, open @ (b'"' | b'\'')) => quote = Some(open),
            (None, b'(' | b'[') => depth += 1,
            (None, b')' | b']') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 && stands_alone(bytes, at, word.as_bytes()) => {
                pieces.push(text[start..at].to_owned());
                at += word.len();
                start = at;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(text[start..].to_owned());
    pieces
}

fn stands_alone(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    let ends = |byte: Option<&u8>| byte.is_none_or(|b| b.is_ascii_whitespace() || *b == b'(');
    let begins = at == 0 || bytes[at - 1].is_ascii_whitespace() || bytes[at - 1] == b')';
    begins && bytes[at..].starts_with(word) && ends(bytes.get(at + word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(location: &str, condition: Option<&str>) -> StageText {
        StageText { location: location.into(), condition: condition.map(str::to_owned), syscall: false }
    }

    #[test]
    fn a_plain_breakpoint_is_one_stage() {
        let one = |text: &str| parse(text).unwrap().stages;
        assert_eq!(one(""), [stage("", None)]);
        assert_eq!(one("t.c:10 if x == 5"), [stage("t.c:10", Some("x == 5"))]);
        assert_eq!(one("f if(x)"), [stage("f", Some("(x)"))]);
        assert_eq!(
            one("f if $_streq(s, \"a then b if c\")"),
            [stage("f", Some("$_streq(s, \"a then b if c\")"))]
        );
        assert_eq!(one("leaf if"), [stage("leaf if", None)]);
        assert_eq!(parse("f thread 3 if x").unwrap().thread, Some(3));
    }

    #[test]
    fn a_chain_is_cut_at_then() {
        let parsed =
            parse("open if strcmp($rdi, \"x\") == 0 then mmap if $arg2 > 64K once in process").unwrap();
        let second = stage("mmap", Some("$arg2 > 64K"));
        assert_eq!(parsed.stages, [stage("open", Some("strcmp($rdi, \"x\") == 0")), second]);
        assert!(parsed.once && parsed.scope == Scope::Process && !parsed.every);
        let parsed = parse("a then b then every syscall mmap").unwrap();
        assert!(parsed.every && parsed.stages[2].syscall && parsed.stages[2].location == "mmap");
        assert!(parse("a then").is_err());
        assert!(parse("a then every b then c").is_err());
    }
}

//! Characters and strings of the target, escaped as gdb escapes them.
//!
//! Nothing that the target wrote reaches a terminal raw: what is not printable ASCII becomes an octal escape. Runs
//! of one character are folded, `"ab", '\000' <repeats 15 times>`.

use std::fmt::Write;

/// What a string's printing depends on.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TextLimits {
    /// At most so many characters (0 is no limit); then `...`.
    pub elements: usize,
    /// A run of more than so many equal characters is folded (0: never).
    pub repeats: usize,
    /// Print UTF-8 sequences as they are, for a terminal that understands them, and not in octal.
    pub utf8: bool,
}

/// One character: `97 'a'` without the number. `utf8` as in [`TextLimits`]; a single byte is never part of a sequence.
#[must_use]
pub fn character(code: u32, width: usize, prefix: Option<char>, utf8: bool) -> String {
    let mut out = String::new();
    out.extend(prefix);
    out.push('\'');
    push_escaped(&mut out, Unit { code, width, valid: true }, '\'', utf8 && width > 1);
    out.push('\'');
    out
}

/// A string of units of `width` bytes each, in quotes.
///
/// `whole`: the bytes are all there is, so that one NUL at the end need not be told; otherwise `...` follows.
#[must_use]
pub fn string(bytes: &[u8], width: usize, prefix: Option<char>, whole: bool, limits: TextLimits) -> String {
    let width = width.clamp(1, 4);
    let mut units = decode(bytes, width, limits.utf8);
    if whole && units.last().is_some_and(|unit| unit.code == 0 && unit.valid) {
        units.pop();
    }
    let mut out = String::new();
    if units.is_empty() {
        out.extend(prefix);
        out.push_str("\"\"");
        return out;
    }
    let limit = if limits.elements == 0 { usize::MAX } else { limits.elements };
    let threshold = if limits.repeats == 0 { usize::MAX } else { limits.repeats };
    let mut in_quotes = false;
    let mut done = 0;
    for run in units.chunk_by(|a, b| a == b) {
        if done >= limit {
            break;
        }
        if run.len() > threshold {
            out.push_str(match (in_quotes, done) {
                (true, _) => "\", ",
                (false, 0) => "",
                (false, _) => ", ",
            });
            out.extend(prefix);
            out.push('\'');
            push_escaped(&mut out, run[0], '\'', limits.utf8);
            _ = write!(out, "' <repeats {} times>", run.len());
            in_quotes = false;
        } else {
            if !in_quotes {
                out.push_str(if done == 0 { "" } else { ", " });
                out.extend(prefix);
                out.push('"');
                in_quotes = true;
            }
            for unit in run {
                push_escaped(&mut out, *unit, '"', limits.utf8);
            }
        }
        done += run.len();
    }
    if in_quotes {
        out.push('"');
    }
    if !whole || done < units.len() {
        out.push_str("...");
    }
    out
}

/// One character of a string; `valid` is false for a byte that is no character in UTF-8.
#[derive(Copy, Clone, PartialEq, Eq)]
struct Unit {
    code: u32,
    width: usize,
    valid: bool,
}

fn decode(bytes: &[u8], width: usize, utf8: bool) -> Vec<Unit> {
    let unit = |code, width| Unit { code, width, valid: true };
    if width > 1 {
        let number = |chunk: &[u8]| chunk.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let codes = bytes.chunks_exact(width).map(number);
        if width == 2 && utf8 {
            // What is half of a pair alone stays a number.
            let units = char::decode_utf16(codes.map(|code| code as u16));
            return units
                .map(|read| unit(read.map_or_else(|half| half.unpaired_surrogate().into(), u32::from), 2))
                .collect();
        }
        return codes.map(|code| unit(code, width)).collect();
    }
    if !utf8 {
        return bytes.iter().map(|byte| unit(u32::from(*byte), 1)).collect();
    }
    let mut units = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        units.extend(chunk.valid().chars().map(|c| unit(c.into(), 1)));
        units.extend(chunk.invalid().iter().map(|byte| Unit {
            code: u32::from(*byte),
            width: 1,
            valid: false,
        }));
    }
    units
}

fn push_escaped(out: &mut String, unit: Unit, quote: char, utf8: bool) {
    let simple = match unit.code {
        7 => 'a',
        8 => 'b',
        9 => 't',
        10 => 'n',
        11 => 'v',
        12 => 'f',
        13 => 'r',
        0x5c => '\\',
        code if code == u32::from(quote) => quote,
        0x20..0x7f => return out.extend(char::from_u32(unit.code)),
        code => {
            let printable =
                char::from_u32(code).filter(|c| unit.valid && utf8 && code >= 0xa0 && !c.is_control());
            match printable {
                Some(c) if !invisible(c) => out.push(c),
                _ => octal(out, unit),
            }
            return;
        }
    };
    out.push('\\');
    out.push(simple);
}

/// Characters that change how a terminal shows what is around them, or show nothing.
fn invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}' | '\u{f0000}'..)
}

/// As gdb 13.1 does (valprint.c, `print_wchar`): units that three octal digits cannot say are said in hex.
fn octal(out: &mut String, unit: Unit) {
    match (unit.width, char::from_u32(unit.code)) {
        // A character that came from UTF-8 goes back to its bytes.
        (1, Some(c)) if unit.valid && unit.code > 0xff => {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| _ = write!(out, "\\{byte:03o}"));
        }
        (2, Some(c)) if unit.code > 0xffff => {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|half| _ = write!(out, "\\x{half:x}"));
        }
        _ if unit.code > 0o777 => _ = write!(out, "\\x{:x}", unit.code),
        _ => _ = write!(out, "\\{:03o}", unit.code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TextLimits = TextLimits { elements: 200, repeats: 10, utf8: false };

    fn show(bytes: &[u8]) -> String {
        string(bytes, 1, None, true, LIMITS)
    }

    /// Expected texts are gdb 13.1's.
    #[test]
    fn strings_look_like_gdbs() {
        assert_eq!(show(b""), "\"\"");
        assert_eq!(show(b"hi\0"), "\"hi\"");
        assert_eq!(show(b"\x00\x00"), r#""\000""#);
        let mut padded = b"hi".to_vec();
        padded.resize(16, 0);
        assert_eq!(show(&padded), r#""hi", '\000' <repeats 13 times>"#);
        assert_eq!(show(&[0; 300]), r#"'\000' <repeats 299 times>"#);
        assert_eq!(show(b"aaaaaaaaaabbbbbbbbbbbcd"), r#""aaaaaaaaaa", 'b' <repeats 11 times>, "cd""#);
        assert_eq!(show(b"def\x011\x1b8\n\"'\\\xe9"), r#""def\0011\0338\n\"'\\\351""#);
    }

    #[test]
    fn long_strings_are_cut() {
        let long: Vec<u8> = b"abc".iter().copied().cycle().take(400).collect();
        let shown = show(&long);
        assert_eq!(shown.len(), 200 + 2 + 3);
        assert!(shown.ends_with("\"..."));
        assert_eq!(string(b"abc", 1, None, false, LIMITS), "\"abc\"...");
    }

    #[test]
    fn utf8_is_shown_only_where_it_is_understood() {
        let limits = TextLimits { utf8: true, ..LIMITS };
        assert_eq!(string("é\u{202e}x".as_bytes(), 1, None, true, limits), r#""é\342\200\256x""#);
        assert_eq!(string(b"\xff\xc3", 1, None, true, limits), r#""\377\303""#);
        assert_eq!(string(&[0x61, 0, 0, 0, 0, 0, 0, 0], 4, Some('L'), true, limits), r#"L"a""#);
    }

    #[test]
    fn characters_are_quoted() {
        assert_eq!(character(97, 1, None, false), "'a'");
        assert_eq!(character(39, 1, None, false), r"'\''");
        assert_eq!(character(34, 1, None, false), "'\"'");
        assert_eq!(character(0, 1, None, false), r"'\000'");
        assert_eq!(character(0xff, 1, None, false), r"'\377'");
        assert_eq!(character(0xe9, 1, None, true), r"'\351'");
        // gdb 13.1's words for wide ones, in a terminal of UTF-8 and in another.
        assert_eq!(character(0, 4, Some('L'), true), r"L'\000'");
        assert_eq!(character(0xe9, 4, Some('L'), true), "L'é'");
        assert_eq!(character(0xe9, 4, Some('L'), false), r"L'\351'");
        assert_eq!(character(0xd800, 2, Some('u'), true), r"u'\xd800'");
        assert_eq!(character(0x20ac, 4, Some('U'), false), r"U'\x20ac'");
    }

    /// Every byte but printable ASCII is escaped, wherever it stands.
    #[test]
    fn no_control_byte_gets_through() {
        let all: Vec<u8> = (0..=255).collect();
        assert!(show(&all).bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        let utf8 = string(&all, 1, None, true, TextLimits { utf8: true, elements: 0, repeats: 0 });
        assert!(!utf8.chars().any(char::is_control));
    }
}

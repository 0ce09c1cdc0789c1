//! Text to tokens. Numbers take C's forms and, as our own, the sizes `64K`, `1M`, `2G`.

use super::ExprError;

/// A token, and where it begins in the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Tok,
    pub(super) at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok {
    Int(i128, &'static str),
    /// With the name of its type.
    Float(f64, &'static str),
    Char(u8),
    Text(Vec<u8>),
    Wide(super::wide::Wide),
    /// A word, or a `'quoted name'`.
    Name(String),
    Dollar(String),
    /// Punctuation.
    Sign(&'static str),
}

const SIGNS: [&str; 46] = [
    "<<=", ">>=", "++", "--", "->", "::", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=",
    "/=", "%=", "&=", "|=", "^=", "+", "-", "*", "/", "%", "&", "|", "^", "~", "!", "<", ">", "=", "?", ":",
    ",", ".", "(", ")", "[", "]", "@", "{", "}",
];

/// Reads all tokens.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, ExprError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if let Some(wide) = super::wide::literal(rest) {
            let (kind, len) = wide?;
            tokens.push(Token { kind, at });
            at += len;
            continue;
        }
        let (kind, len) = match first {
            '0'..='9' => number(rest)?,
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => number(rest)?,
            '$' => {
                let len = 1 + word(&rest[1..]);
                (Tok::Dollar(rest[1..len.max(1)].to_owned()), len)
            }
            '"' => text_literal(rest)?,
            '\'' => quoted(rest)?,
            c if c.is_alphabetic() || c == '_' => {
                let len = word(rest);
                (Tok::Name(rest[..len].to_owned()), len)
            }
            other => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or(ExprError::Character(other))?;
                (Tok::Sign(sign), sign.len())
            }
        };
        tokens.push(Token { kind, at });
        at += len;
    }
    Ok(tokens)
}

fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len())
}

fn number(text: &str) -> Result<(Tok, usize), ExprError> {
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let mut len = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
    // `1e-3`: the sign belongs to the number.
    if !hex && text[..len].ends_with(['e', 'E']) && text[len..].starts_with(['-', '+']) {
        let tail = &text[len + 1..];
        len += 1 + tail.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tail.len());
    }
    let word = &text[..len];
    let invalid = || ExprError::Number(word.to_owned());
    if !hex && word.contains(['.', 'e', 'E']) {
        let (digits, ty) = match word.as_bytes().last() {
            Some(b'f' | b'F') => (&word[..len - 1], "float"),
            Some(b'l' | b'L') => (&word[..len - 1], "long double"),
            _ => (word, "double"),
        };
        return digits.parse().map(|value| (Tok::Float(value, ty), len)).map_err(|_| invalid());
    }
    let lower = word.to_ascii_lowercase();
    let (digits, radix) = match lower.as_str() {
        d if d.starts_with("0x") => (&d[2..], 16),
        d if d.starts_with("0b") => (&d[2..], 2),
        d if d.len() > 1 && d.starts_with('0') => (&d[1..], 8),
        d => (d, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    let (scale, suffix) = match suffix {
        "k" => (1 << 10, ""),
        "m" => (1 << 20, ""),
        "g" => (1i128 << 30, ""),
        "t" => (1i128 << 40, ""),
        other => (1, other),
    };
    let unsigned = suffix.contains('u');
    let long = suffix.contains('l');
    if !suffix.chars().all(|c| c == 'u' || c == 'l') || suffix.len() > 3 {
        return Err(invalid());
    }
    // A lone `0` has no digits left behind its radix mark.
    let digits = if digits.is_empty() && radix == 8 { "0" } else { digits };
    if digits.is_empty() {
        return Err(invalid());
    }
    let value = i128::from_str_radix(digits, radix).ok().and_then(|value| value.checked_mul(scale));
    let value = value.filter(|value| *value <= i128::from(u64::MAX)).ok_or(ExprError::TooLarge)?;
    Ok((Tok::Int(value, integer_type(value, radix != 10, unsigned, long)), len))
}

/// The first type that holds the value (C11 6.4.4.1; gdb 13.1 c-exp.y).
fn integer_type(value: i128, may_be_unsigned: bool, unsigned: bool, long: bool) -> &'static str {
    let fits = |bits: u32| value < 1 << bits;
    match (unsigned, long) {
        (false, false) if fits(31) => "int",
        (_, false) if (unsigned || may_be_unsigned) && fits(32) => "unsigned int",
        (false, _) if fits(63) => "long",
        _ => "unsigned long",
    }
}

fn text_literal(text: &str) -> Result<(Tok, usize), ExprError> {
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        match text[at..].chars().next().ok_or(ExprError::DoubleQuote)? {
            '"' => return Ok((Tok::Text(bytes), at + 1)),
            '\\' => {
                let (byte, len) = escape(&text[at..]).ok_or(ExprError::DoubleQuote)?;
                bytes.push(byte);
                at += len;
            }
            c => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += c.len_utf8();
            }
        }
    }
}

/// `'a'`, `'\n'`, or a quoted name such as `'t.c'`.
fn quoted(text: &str) -> Result<(Tok, usize), ExprError> {
    if text[1..].starts_with('\\') {
        let (byte, len) = escape(&text[1..]).ok_or(ExprError::SingleQuote)?;
        return if text[1 + len..].starts_with('\'') {
            Ok((Tok::Char(byte), len + 2))
        } else {
            Err(ExprError::SingleQuote)
        };
    }
    let end = text[1..].find('\'').ok_or(ExprError::SingleQuote)? + 1;
    let inner = &text[1..end];
    match inner.as_bytes() {
        [] => Err(ExprError::EmptyCharacter),
        [byte] => Ok((Tok::Char(*byte), 3)),
        // gdb takes what is longer for the name of something.
        [_, _] => Err(ExprError::CharacterConstant),
        _ => Ok((Tok::Name(inner.to_owned()), end + 1)),
    }
}

/// A C escape sequence at the beginning of `text`: the byte and the length.
pub(super) fn escape(text: &str) -> Option<(u8, usize)> {
    let bytes = text.as_bytes();
    let simple = match bytes.get(1)? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'e' => 27,
        b'x' => {
            let len = bytes[2..].iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count();
            return u8::from_str_radix(text.get(2..2 + len)?, 16).ok().map(|byte| (byte, 2 + len));
        }
        b'0'..=b'7' => {
            let len = bytes[1..].iter().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            return u16::from_str_radix(text.get(1..1 + len)?, 8).ok().map(|byte| (byte as u8, 1 + len));
        }
        other if other.is_ascii() => *other,
        _ => return None,
    };
    Some((simple, 2))
}

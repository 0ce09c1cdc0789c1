//! Text of Rust to tokens: numbers with suffixes, bytes, characters, strings.
//!
//! It follows gdb 13.1's rust-parse.c, errors included.

use super::ExprError;

/// A token, and where it begins and ends in the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Tok,
    pub(super) at: usize,
    pub(super) end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tok {
    /// An integer, its type, and whether it could be the number of a field.
    Int(i128, &'static str, bool),
    Float(f64, &'static str),
    Char(u32),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Word(String),
    Dollar(String),
    Sign(&'static str),
}

const SIGNS: &[&str] = &[
    ">>=", "<<=", "..=", "::", "..", "->", "=>", ">>", "<<", "&&", "||", "==", "!=", "<=", ">=", "+=", "-=",
    "*=", "/=", "%=", "&=", "|=", "^=", "+", "-", "*", "/", "%", "&", "|", "^", "!", "<", ">", "=", ",", ".",
    "(", ")", "[", "]", "@", "{", "}", ";", ":", "~", "?",
];

/// The types that a number may name.
const TYPES: [&str; 12] =
    ["i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"];

fn error(words: &str) -> ExprError {
    ExprError::Rust(words.to_owned())
}

/// Reads all tokens.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, ExprError> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let field = tokens.last().is_some_and(|last| last.kind == Tok::Sign("."));
        let (kind, len) = match first {
            '0'..='9' => number(rest, field)?,
            '$' => {
                let len = 1 + word(&rest[1..], true);
                (Tok::Dollar(rest[1..len].to_owned()), len)
            }
            'b' if rest[1..].starts_with('\'') => {
                let (code, len) = character(&rest[1..], true)?;
                (Tok::Int(i128::from(code), "u8", false), len + 1)
            }
            'b' if rest[1..].starts_with('"') => {
                let (bytes, len) = string(&rest[1..], true)?;
                (Tok::Bytes(bytes), len + 1)
            }
            '"' => {
                let (bytes, len) = string(rest, false)?;
                (Tok::Text(bytes), len)
            }
            '\'' => {
                let (code, len) = character(rest, false)?;
                (Tok::Char(code), len)
            }
            c if c.is_ascii_alphabetic() || c == '_' || !c.is_ascii() => {
                // `r#name` is the name.
                let raw = if rest.starts_with("r#") && word(&rest[2..], false) > 0 { 2 } else { 0 };
                let len = raw + word(&rest[raw..], false);
                (Tok::Word(rest[raw..len].to_owned()), len)
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| ExprError::RustSyntax("unexpected token".to_owned(), at))?;
                (Tok::Sign(sign), sign.len())
            }
        };
        tokens.push(Token { kind, at, end: at + len });
        at += len;
    }
    Ok(tokens)
}

fn word(text: &str, dollar: bool) -> usize {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii() || dollar && c == '$';
    text.find(|c: char| !inside(c)).unwrap_or(text.len())
}

/// A number; behind a dot it is the number of a field, and no fraction.
fn number(text: &str, field: bool) -> Result<(Tok, usize), ExprError> {
    let based =
        text.get(2..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit() || c == '_'));
    let radix = match text.get(..2).filter(|_| based) {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    let start = if radix == 10 { 0 } else { 2 };
    let digits = |from: usize| {
        let rest = &text[from..];
        from + rest.find(|c: char| !(c.is_digit(radix) || c == '_')).unwrap_or(rest.len())
    };
    let mut end = digits(start);
    if radix == 10
        && !field
        && let Some(float) = fraction(text, end, &digits)
    {
        return Ok(float);
    }
    let plain = text[start..end].replace('_', "");
    let suffix = &text[end..end + word(&text[end..], false)];
    let named = TYPES.iter().find(|ty| **ty == suffix);
    let value = i128::from_str_radix(&plain, radix).ok();
    let most = if named.is_some_and(|ty| ty.ends_with("128")) { i128::MAX } else { u64::MAX.into() };
    let value = value.filter(|value| *value <= most);
    let value = value.ok_or_else(|| error("Integer literal is too large"))?;
    let decimal = radix == 10 && named.is_none() && !text[start..end].contains('_');
    let ty = named.copied().unwrap_or(if value >= 1 << 31 { "i64" } else { "i32" });
    end += named.map_or(0, |ty| ty.len());
    Ok((Tok::Int(value, ty, decimal), end))
}

/// What begins with digits up to `end` and is a number with a fraction, an exponent or a type of such.
fn fraction(text: &str, end: usize, digits: &dyn Fn(usize) -> usize) -> Option<(Tok, usize)> {
    let whole = end;
    let mut end = end;
    if let Some(rest) = text[end..].strip_prefix('.') {
        // `1..2` is a range, and `1.f()` calls a method.
        let next = rest.trim_start().chars().next();
        if !next.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '.')) {
            end = digits(end + 1);
        }
    }
    if let Some(rest) = text[end..].strip_prefix(['e', 'E']) {
        let from = end + 1 + usize::from(rest.starts_with(['+', '-']));
        let exponent = digits(from);
        if exponent > from {
            end = exponent;
        }
    }
    let ty = ["f32", "f64"].into_iter().find(|ty| text[end..end + word(&text[end..], false)] == **ty);
    if end == whole && ty.is_none() {
        return None;
    }
    let value = text[..end].replace('_', "").parse().ok()?;
    Some((Tok::Float(value, ty.unwrap_or("f64")), end + ty.map_or(0, str::len)))
}

/// `'a'` or `'\u{e9}'`.
fn character(text: &str, byte: bool) -> Result<(u32, usize), ExprError> {
    let rest = &text[1..];
    if rest.starts_with('\'') {
        return Err(error("empty character literal"));
    }
    let (code, len) = if rest.starts_with('\\') {
        escape(rest, byte)?
    } else {
        let end = rest.find('\'').ok_or_else(|| error("Unterminated character literal"))?;
        let mut all = rest[..end].chars();
        let first = all.next().map_or(0, u32::from);
        if all.next().is_some() {
            return Err(error("overlong character literal"));
        }
        (first, end)
    };
    if !rest[len..].starts_with('\'') {
        return Err(error("Unterminated character literal"));
    }
    Ok((code, len + 2))
}

fn string(text: &str, byte: bool) -> Result<(Vec<u8>, usize), ExprError> {
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        match text[at..].chars().next().ok_or_else(|| error("Unexpected EOF in string"))? {
            '"' => return Ok((bytes, at + 1)),
            '\\' => {
                let (code, len) = escape(&text[at..], byte)?;
                match char::from_u32(code).filter(|_| !byte) {
                    Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                    None => bytes.push(code as u8),
                }
                at += len;
            }
            c if byte && !c.is_ascii() => return Err(error("Non-ASCII value in byte string")),
            c => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += c.len_utf8();
            }
        }
    }
}

/// An escape at the beginning of `text`: the character and the length.
fn escape(text: &str, byte: bool) -> Result<(u32, usize), ExprError> {
    let kind = text[1..].chars().next().unwrap_or('\0');
    let simple = match kind {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        '\\' | '\'' | '"' => kind,
        'x' => {
            let digits = text.get(2..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
            let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
            return code.map(|code| (code, 4)).ok_or_else(|| error("Not enough hex digits seen"));
        }
        'u' if byte => return Err(error("Unicode escape in byte literal")),
        'u' => {
            let rest = text[2..].strip_prefix('{').ok_or_else(|| error("Missing '{' in Unicode escape"))?;
            let end = rest.find('}').ok_or_else(|| error("Missing '}' in Unicode escape"))?;
            let code = u32::from_str_radix(&rest[..end], 16).ok().filter(|_| (1..=6).contains(&end));
            return code.map(|code| (code, end + 4)).ok_or_else(|| error("Overlong hex escape"));
        }
        other => return Err(ExprError::Rust(format!("Invalid escape \\{other} in literal"))),
    };
    Ok((u32::from(simple), 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Tok> {
        lex(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    /// The cases are those of gdb's own tests (rust-parse.c, `rust_lex_tests`).
    #[test]
    fn numbers_are_read_as_gdb_reads_them() {
        for (text, value, ty) in [
            ("23", 23, "i32"),
            ("2_344__29", 234_429, "i32"),
            ("0x1f", 31, "i32"),
            ("23usize", 23, "usize"),
            ("23i32", 23, "i32"),
            ("0x1_f", 31, "i32"),
            ("0b1_101011__", 107, "i32"),
            ("0o001177i64", 639, "i64"),
            ("0x123456789u64", 0x1_2345_6789, "u64"),
            ("3000000000", 3_000_000_000, "i64"),
        ] {
            assert!(matches!(kinds(text)[..], [Tok::Int(v, t, _)] if (v, t) == (value, ty)), "{text}");
        }
        assert_eq!(kinds("23..25").len(), 3);
        assert_eq!(kinds("23.==()").len(), 4);
        assert_eq!(kinds("1e3"), [Tok::Float(1000.0, "f64")]);
        assert_eq!(kinds("1_0.5f32"), [Tok::Float(10.5, "f32")]);
        assert_eq!(kinds("t.0.1").len(), 5);
    }

    #[test]
    fn errors_are_gdb_s() {
        for (text, said) in [
            ("'z", "Unterminated character literal"),
            ("b'\\x0'", "Not enough hex digits seen"),
            ("b'\\u{0}'", "Unicode escape in byte literal"),
            ("'\\u0'", "Missing '{' in Unicode escape"),
            ("'\\u{0", "Missing '}' in Unicode escape"),
            ("'\\Q'", "Invalid escape \\Q in literal"),
            ("'ab'", "overlong character literal"),
            ("\"abc", "Unexpected EOF in string"),
            ("99999999999999999999", "Integer literal is too large"),
        ] {
            assert_eq!(lex(text).unwrap_err().to_string(), said, "{text}");
        }
    }
}

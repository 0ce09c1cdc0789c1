//! `L"text"`, `u"text"`, `U"text"` and `L'c'`: literals of characters wider than a byte.
//!
//! Their types are C's typedefs, which the program must have, and C++'s own (gdb 13.1, c-lang.c,
//! `c_string_operation::evaluate`).

use super::ExprError;
use super::eval::Context;
use super::lex::Tok;
use crate::scene::value::Value;
use crate::symbols::types::{Base, Encoding, Kind, Type};

/// A literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wide {
    /// `L`, `u` or `U`.
    pub prefix: char,
    /// Its characters, without the NUL.
    pub text: Vec<u32>,
    /// In single quotes.
    pub character: bool,
}

/// The literal at the beginning of a text, if one is there, and its length.
pub(super) fn literal(text: &str) -> Option<Result<(Tok, usize), ExprError>> {
    let prefix = text.chars().next().filter(|first| matches!(first, 'L' | 'u' | 'U'))?;
    let quote = text[1..].chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let character = quote == '\'';
    let mut units = Vec::new();
    let mut at = 2;
    loop {
        let Some(next) = text[at..].chars().next() else {
            return Some(Err(if character { ExprError::SingleQuote } else { ExprError::DoubleQuote }));
        };
        if next == quote {
            break;
        }
        let (unit, length) = match next {
            '\\' => match escape(&text[at..]) {
                Some(read) => read,
                None => return Some(Err(ExprError::DoubleQuote)),
            },
            other => (other.into(), other.len_utf8()),
        };
        units.push(unit);
        at += length;
    }
    match (character, units.len()) {
        (true, 0) => return Some(Err(ExprError::EmptyCharacter)),
        (true, 2..) => return Some(Err(ExprError::CharacterConstant)),
        _ => {}
    }
    Some(Ok((Tok::Wide(Wide { prefix, text: units, character }), at + 1)))
}

/// An escape sequence, and its length. In wide literals the hexadecimal ones may be long.
fn escape(text: &str) -> Option<(u32, usize)> {
    let Some(digits) = text.strip_prefix("\\x") else {
        return super::lex::escape(text).map(|(byte, length)| (byte.into(), length));
    };
    let count = digits.bytes().take(8).take_while(u8::is_ascii_hexdigit).count();
    u32::from_str_radix(&digits[..count], 16).ok().map(|unit| (unit, 2 + count))
}

impl Context<'_> {
    /// Its value.
    pub(super) fn wide(&self, of: &Wide) -> Result<Value, ExprError> {
        let element = self.wide_type(of.prefix)?;
        let size = element.size().clamp(1, 4) as usize;
        if of.character {
            let unit = of.text.first().copied().unwrap_or(0);
            return Ok(Value::integer(element, i128::from(unit as i32)));
        }
        let mut bytes = Vec::new();
        for unit in of.text.iter().chain([&0]) {
            match char::from_u32(*unit) {
                Some(c) if size == 2 => {
                    let halves = c.encode_utf16(&mut [0; 2]).to_vec();
                    halves.iter().for_each(|half| bytes.extend(half.to_le_bytes()));
                }
                _ => bytes.extend(&unit.to_le_bytes()[..size]),
            }
        }
        Ok(Value::from_bytes(element.array((bytes.len() / size) as u64), bytes))
    }

    fn wide_type(&self, prefix: char) -> Result<Type, ExprError> {
        let (name, size, encoding) = match prefix {
            'u' => ("char16_t", 2, Encoding::Utf),
            'U' => ("char32_t", 4, Encoding::Utf),
            _ => ("wchar_t", 4, Encoding::Signed),
        };
        if self.is_cplus() {
            return Ok(Type::new(Kind::Base(Base { name: name.into(), size, encoding })));
        }
        self.type_called(name).map_err(|_| ExprError::NoTypeNamed(name))
    }
}

//! `printf` and `echo`: text with escapes, and values put into it as C puts them.
//!
//! ```text
//! (gdb) printf "%s is %d\n", names[0], counter
//! alpha is 40
//! ```
//!
//! What the user wrote is printed as it is, control characters and all; what comes from the target is not.

use super::error::{CommandError, Done};
use super::shell::{Shell, harmless};
use super::table::{Entry, Takes};
use crate::addr::Addr;
use crate::memory::Memory;
use crate::scene::Value;
use crate::scene::expr::{Context, evaluate};
use crate::scene::number::general;
use crate::session::Session;
use crate::symbols::types::Type;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["printf"],
        run: printf,
        help: "Formatted printing, like the C \"printf\" function.\n\nUsage: printf \"format string\", ARG1, ARG2, ARG3, ..., ARGN",
        takes: Takes::Expression,
    },
    Entry {
        names: &["echo"],
        run: echo,
        help: "Print a constant string.  Give string as argument.\n\nUsage: echo TEXT\nC escape sequences may be used; a backslash at the end joins the next output to this one.",
        takes: Takes::Nothing,
    },
];

/// A piece of a format string.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Spec),
}

/// `%-8.3ld`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Spec {
    flags: String,
    width: usize,
    precision: Option<usize>,
    long: bool,
    letter: char,
}

/// No string of a target is longer in print.
const LONGEST: usize = 1 << 20;
/// No number is filled up to more.
const WIDEST: usize = 1 << 16;

fn printf(shell: &mut Shell, args: &str) -> Done {
    let text = text(&mut shell.session, args)?;
    shell.put(text);
    Ok(())
}

/// Says what is wrong with a format string and its arguments, as far as that can be told without values.
pub(super) fn check(args: &str) -> Done {
    format_string(args).map(|_| ())
}

/// What a breakpoint that only prints (`dprintf`) prints; where it cannot, why.
pub(super) fn narrate(session: &mut Session, args: &str) -> String {
    text(session, args).unwrap_or_else(|error| format!("{error}\n"))
}

/// The text that a format string and its arguments give.
///
/// # Errors
/// gdb's words.
pub(super) fn text(session: &mut Session, args: &str) -> Done<String> {
    let (pieces, rest) = format_string(args)?;
    let wanted = pieces.iter().filter(|piece| matches!(piece, Piece::Value(_))).count();
    let arguments = split_arguments(rest);
    if arguments.len() != wanted {
        return Err(CommandError::say("Wrong number of arguments for specified format-string"));
    }
    session.with_context(|context| {
        let mut values = Vec::new();
        for argument in arguments {
            let expr = context.read(argument)?;
            values.push(evaluate(&expr, context)?);
        }
        let mut values = values.iter();
        let mut out = String::new();
        for piece in &pieces {
            match (piece, piece_value(piece, &mut values)) {
                (Piece::Text(text), _) => out.push_str(text),
                (Piece::Value(spec), Some(value)) => out.push_str(&spec.shown(value, context)?),
                (Piece::Value(_), None) => {}
            }
        }
        Ok::<_, CommandError>(out)
    })
}

fn piece_value<'a>(piece: &Piece, values: &mut impl Iterator<Item = &'a Value>) -> Option<&'a Value> {
    match piece {
        Piece::Text(_) => None,
        Piece::Value(_) => values.next(),
    }
}

/// Takes `"format"` apart; what follows it, behind the comma.
fn format_string(args: &str) -> Done<(Vec<Piece>, &str)> {
    let say = |words: &str| Err(CommandError::say(words));
    if args.is_empty() {
        return say("Argument required (format-control string and values to print).");
    }
    let Some(body) = args.strip_prefix('"') else {
        return say("Bad format string, missing '\"'.");
    };
    let mut text = String::new();
    let mut letters = body.char_indices();
    let end = loop {
        match letters.next() {
            None => return say("Bad format string, non-terminated '\"'."),
            Some((at, '"')) => break at,
            Some((_, '\\')) => match letters.next().map(|(_, letter)| letter) {
                Some(letter) => match simple_escape(letter) {
                    Some(meant) => text.push(meant),
                    None => {
                        let words = format!("Unrecognized escape character \\{letter} in format string.");
                        return Err(CommandError::say(words));
                    }
                },
                None => return say("Bad format string, non-terminated '\"'."),
            },
            Some((_, letter)) => text.push(letter),
        }
    };
    let rest = body[end + 1..].trim();
    let rest = match rest.strip_prefix(',') {
        Some(rest) => rest.trim(),
        None if rest.is_empty() => rest,
        None => return say("Invalid argument syntax"),
    };
    Ok((pieces(&text)?, rest))
}

/// The escapes that a format string knows: no octal numbers.
fn simple_escape(letter: char) -> Option<char> {
    Some(match letter {
        '\\' | '"' => letter,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'e' => '\u{1b}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        _ => return None,
    })
}

fn pieces(text: &str) -> Done<Vec<Piece>> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (plain, tail) = rest.split_at(at);
        let tail = &tail[1..];
        if let Some(behind) = tail.strip_prefix('%') {
            all.push(Piece::Text(format!("{plain}%")));
            rest = behind;
            continue;
        }
        all.push(Piece::Text(plain.to_owned()));
        let (spec, behind) = spec(tail)?;
        all.push(Piece::Value(spec));
        rest = behind;
    }
    all.push(Piece::Text(rest.to_owned()));
    Ok(all)
}

fn spec(text: &str) -> Done<(Spec, &str)> {
    let say = |words: String| Err(CommandError::Say(words));
    let mut spec = Spec::default();
    let flags = text.find(|c: char| !"-+ #0'".contains(c)).unwrap_or(text.len());
    spec.flags = text[..flags].to_owned();
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut rest = &text[flags..];
    let star = "`*' not supported for precision or width in printf".to_owned();
    if rest.starts_with('*') {
        return say(star);
    }
    let width = digits(rest);
    spec.width = rest[..width].parse().unwrap_or(0).min(WIDEST);
    rest = &rest[width..];
    if let Some(behind) = rest.strip_prefix('.') {
        if behind.starts_with('*') {
            return say(star);
        }
        let precision = digits(behind);
        spec.precision = Some(behind[..precision].parse().unwrap_or(0).min(WIDEST));
        rest = &behind[precision..];
    }
    let modifiers = rest.find(|c: char| !"lLzjtw".contains(c)).unwrap_or(rest.len());
    let modifier = &rest[..modifiers];
    let mut letters = rest[modifiers..].chars();
    let Some(letter) = letters.next() else {
        return say("Incomplete format specifier at end of format string".into());
    };
    spec.long = !modifier.is_empty();
    spec.letter = letter;
    let fits = match letter {
        'd' | 'i' | 'u' | 'o' | 'x' | 'X' => !modifier.contains('L'),
        'c' | 's' => matches!(modifier, "" | "l"),
        'p' => modifier.is_empty(),
        'e' | 'f' | 'g' | 'E' | 'G' => matches!(modifier, "" | "L"),
        'n' => return say("Format specifier `n' not supported in printf".into()),
        other => return say(format!("Unrecognized format specifier '{other}' in printf")),
    };
    if !fits {
        return say(format!("Inappropriate modifiers to format specifier '{letter}' in printf"));
    }
    Ok((spec, letters.as_str()))
}

/// Parts arguments at commas that stand outside of parentheses and quotes.
fn split_arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut escaped) = (0u32, None, false);
    let mut all = Vec::new();
    let mut from = 0;
    for (at, letter) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (quote, letter) {
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                all.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    if !text[from..].trim().is_empty() || !all.is_empty() {
        all.push(text[from..].trim());
    }
    all
}

impl Spec {
    fn shown(&self, value: &Value, context: &Context<'_>) -> Done<String> {
        let memory = context.scene.memory();
        Ok(match self.letter {
            's' => self.padded(&self.string(value, memory)?),
            'c' => {
                let code = value.as_i128(memory)? as u32;
                let code = if self.long { code } else { code & 0xff };
                let letter = char::from_u32(code).map(String::from).unwrap_or_default();
                self.padded(&harmless(&letter))
            }
            'p' => match value.as_u64(memory)? {
                0 => self.padded("(nil)"),
                at => self.padded(&format!("{at:#x}")),
            },
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => self.integer(value.as_i128(memory)?),
            _ => self.float(float_of(value, memory)?),
        })
    }

    fn string(&self, value: &Value, memory: &dyn Memory) -> Done<String> {
        let bytes = if value.ty().is_array() {
            value.c_string(memory, LONGEST)?
        } else {
            let at = Addr(value.as_u64(memory)?);
            if at.0 == 0 {
                return Ok("(null)".to_owned());
            }
            memory.c_string(at, LONGEST).map_err(crate::scene::ValueError::from)?.0
        };
        let text = String::from_utf8_lossy(&bytes);
        let cut: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        Ok(harmless(&cut))
    }

    fn integer(&self, number: i128) -> String {
        let number = if self.long { i128::from(number as i64) } else { i128::from(number as i32) };
        let unsigned = if self.long { u128::from(number as u64) } else { u128::from(number as u32) };
        let sharp = self.flags.contains('#') && number != 0;
        let (sign, prefix, digits) = match self.letter {
            'd' | 'i' => (self.sign(number < 0), "", number.unsigned_abs().to_string()),
            'u' => ("", "", unsigned.to_string()),
            'o' => ("", if sharp { "0" } else { "" }, format!("{unsigned:o}")),
            'X' => ("", if sharp { "0X" } else { "" }, format!("{unsigned:X}")),
            _ => ("", if sharp { "0x" } else { "" }, format!("{unsigned:x}")),
        };
        let least = self.precision.unwrap_or(1);
        let digits = format!("{digits:0>least$}");
        self.filled(sign, prefix, &digits, self.precision.is_none())
    }

    fn float(&self, number: f64) -> String {
        let precision = self.precision.unwrap_or(6);
        let magnitude = number.abs();
        let text = match self.letter {
            _ if !number.is_finite() => if number.is_nan() { "nan" } else { "inf" }.to_owned(),
            'f' => format!("{magnitude:.precision$}"),
            'e' | 'E' => exponential(magnitude, precision),
            _ => general(magnitude, precision.max(1)),
        };
        let text = if self.letter.is_ascii_uppercase() { text.to_uppercase() } else { text };
        self.filled(self.sign(number.is_sign_negative()), "", &text, number.is_finite())
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.flags.contains('+'), self.flags.contains(' ')) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        }
    }

    fn filled(&self, sign: &str, prefix: &str, digits: &str, zeros: bool) -> String {
        let whole = format!("{sign}{prefix}{digits}");
        let missing = self.width.saturating_sub(whole.chars().count());
        if zeros && self.flags.contains('0') && !self.flags.contains('-') {
            return format!("{sign}{prefix}{}{digits}", "0".repeat(missing));
        }
        self.padded(&whole)
    }

    fn padded(&self, text: &str) -> String {
        let missing = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.flags.contains('-') { format!("{text}{missing}") } else { format!("{missing}{text}") }
    }
}

/// The number for `%f`: gdb takes the bits of an integer for those of a float of its size.
fn float_of(value: &Value, memory: &dyn Memory) -> Done<f64> {
    let name = match value.ty().size() {
        4 if value.ty().is_integral() => "float",
        8 if value.ty().is_integral() => "double",
        _ => return Ok(value.as_f64(memory)?),
    };
    let bytes = value.bytes(memory)?.into_owned();
    let ty = Type::builtin(name).unwrap_or_else(Type::void);
    Ok(Value::from_bytes(ty, bytes).as_f64(memory)?)
}

/// C's `%e`: at least two digits of exponent.
fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn echo(shell: &mut Shell, args: &str) -> Done {
    shell.put(unescaped(args));
    Ok(())
}

/// The text with its escapes carried out; a backslash at the end is nothing.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let octal = rest.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
        if octal > 0 {
            let code = u32::from_str_radix(&rest[..octal], 8).unwrap_or(0) & 0xff;
            out.extend(char::from_u32(code));
            rest = &rest[octal..];
            continue;
        }
        let mut letters = rest.chars();
        if let Some(letter) = letters.next() {
            out.push(simple_escape(letter).unwrap_or(letter));
        }
        rest = letters.as_str();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(format: &str, number: i128) -> String {
        let pieces = pieces(format).unwrap();
        let Some(Piece::Value(spec)) = pieces.get(1) else { panic!("{pieces:?}") };
        spec.integer(number)
    }

    #[test]
    fn integers_look_like_c_s() {
        assert_eq!(number("%5d", 1), "    1");
        assert_eq!(number("%-5d", 2), "2    ");
        assert_eq!(number("%05d", -3), "-0003");
        assert_eq!(number("%8.3d", 5), "     005");
        assert_eq!(number("%#x", 255), "0xff");
        assert_eq!(number("%u", -1), "4294967295");
        assert_eq!(number("%lx", -1), "ffffffffffffffff");
        assert_eq!(number("%d", 4_294_967_297), "1");
    }

    #[test]
    fn escapes_and_arguments_are_taken_apart() {
        assert_eq!(unescaped(r"a\tb\101\q\"), "a\tbAq");
        assert_eq!(split_arguments("f(1, 2), \"a,b\", x[1,2]"), ["f(1, 2)", "\"a,b\"", "x[1,2]"]);
        assert!(split_arguments("").is_empty());
        assert!(format_string("\"%d\" 5").is_err());
        assert_eq!(exponential(1.5, 6), "1.500000e+00");
    }
}

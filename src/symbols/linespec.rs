//! What people type to name a place: `main`, `t.c:10`, `12`, `*0x401136`, `libc.so.6:open`.

use super::qualified::ANONYMOUS;
use crate::addr::Addr;

/// A place by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linespec {
    /// A function, perhaps only in one source file or one module.
    Function {
        /// The source file that must define it.
        file: Option<String>,
        /// The module that must hold it (`libc.so.6`).
        module: Option<String>,
        /// Its name, with scopes in C++ and Rust.
        name: String,
    },
    /// A line of a source file; without a file, of the current one.
    Line {
        /// The file.
        file: Option<String>,
        /// The line.
        line: u32,
    },
    /// A line relative to the current one.
    Offset(i64),
    /// An address.
    Address(Addr),
}

impl Linespec {
    /// Reads a place. `*ADDR` takes a number; an expression behind the star is for the caller to evaluate.
    #[must_use]
    pub fn parse(text: &str) -> Option<Linespec> {
        let text = text.trim();
        if let Some(address) = text.strip_prefix('*') {
            return number(address.trim()).map(|at| Linespec::Address(Addr(at)));
        }
        if let Some(digits) = text.strip_prefix(['+', '-']) {
            let amount: i64 = digits.parse().ok()?;
            return Some(Linespec::Offset(if text.starts_with('-') { -amount } else { amount }));
        }
        if let Ok(line) = text.parse() {
            return Some(Linespec::Line { file: None, line });
        }
        if let Some((file, rest)) = split_file(text) {
            let rest = rest.trim();
            if let Ok(line) = rest.parse() {
                return Some(Linespec::Line { file: Some(file.to_owned()), line });
            }
            let module = file.contains(".so");
            let (file, module) = if module { (None, Some(file)) } else { (Some(file), None) };
            return is_name(rest).then(|| Linespec::Function {
                file: file.map(str::to_owned),
                module: module.map(str::to_owned),
                name: rest.to_owned(),
            });
        }
        is_name(text).then(|| Linespec::Function { file: None, module: None, name: text.to_owned() })
    }
}

/// Splits `file:rest` at the last colon that is not part of `::`.
fn split_file(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let single = |at: usize| {
        bytes[at] == b':' && bytes.get(at + 1) != Some(&b':') && (at == 0 || bytes[at - 1] != b':')
    };
    let at = (1..bytes.len()).rev().find(|at| single(*at))?;
    Some((text[..at].trim().trim_matches('\''), &text[at + 1..]))
}

fn is_name(text: &str) -> bool {
    let inner = text.trim_matches('\'');
    !inner.is_empty()
        && !inner.starts_with(|c: char| c.is_ascii_digit())
        && !inner.contains(|c: char| c.is_control() || matches!(c, '"' | ';' | '=' | '?' | '!' | '@' | '\\'))
        && !outside_brackets(inner).contains(char::is_whitespace)
            | inner.contains("operator")
            | inner.contains(" for ")
            | inner.contains(ANONYMOUS)
}

/// A name without its template arguments and parameters, in which blanks may stand.
fn outside_brackets(name: &str) -> String {
    let mut depth = 0_usize;
    let outside = name.chars().filter(|c| {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    outside.collect::<String>().replace(") const", ")")
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(file: Option<&str>, module: Option<&str>, name: &str) -> Option<Linespec> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Some(Linespec::Function { file: own(file), module: own(module), name: name.into() })
    }

    #[test]
    fn places_are_understood() {
        assert_eq!(Linespec::parse("main"), function(None, None, "main"));
        assert_eq!(Linespec::parse("ns::C::f"), function(None, None, "ns::C::f"));
        assert_eq!(Linespec::parse("Buf<int, 4>::get"), function(None, None, "Buf<int, 4>::get"));
        assert_eq!(Linespec::parse("f(int, long)"), function(None, None, "f(int, long)"));
        assert_eq!(Linespec::parse("a/t.c:f"), function(Some("a/t.c"), None, "f"));
        assert_eq!(Linespec::parse("libc.so.6:open"), function(None, Some("libc.so.6"), "open"));
        assert_eq!(Linespec::parse("t.c:10"), Some(Linespec::Line { file: Some("t.c".into()), line: 10 }));
        assert_eq!(Linespec::parse("12"), Some(Linespec::Line { file: None, line: 12 }));
        assert_eq!(Linespec::parse("*0x10"), Some(Linespec::Address(Addr(16))));
        assert_eq!(Linespec::parse("-3"), Some(Linespec::Offset(-3)));
        for nonsense in ["", "*", "*x y", "a b", "\"x\"", "=1", "+"] {
            assert_eq!(Linespec::parse(nonsense), None, "{nonsense:?}");
        }
    }
}

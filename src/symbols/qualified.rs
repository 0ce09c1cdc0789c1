//! Names with scopes and template arguments, as text: `std::pair<int const, long>::first`.
//!
//! Compilers write the same type in several ways; gdb brings them into one form (13.1, cp-name-parser.y), and so does
//! this module. It knows the shape of names and no debug info.

use std::borrow::Cow;

/// How deep template arguments are looked into.
const MAX_DEPTH: usize = 32;

/// What gdb calls a namespace without a name.
pub const ANONYMOUS: &str = "(anonymous namespace)";

/// A namespace that the reader does not write: one without a name, and libstdc++'s for its newer strings.
const UNWRITTEN: [&str; 2] = [ANONYMOUS, "__cxx11"];

/// The parts of a name between those `::` that stand in no brackets.
#[must_use]
pub fn parts(name: &str) -> Vec<&str> {
    let bytes = name.as_bytes();
    let (mut found, mut start, mut at, mut depth) = (Vec::new(), 0, 0, 0_usize);
    while at < bytes.len() {
        if depth == 0 && name[start..].starts_with("operator") && at == start && !is_word(bytes, at + 8) {
            // What follows is the operator's sign, which may be a bracket.
            break;
        }
        match bytes[at] {
            b'<' | b'(' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b')' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && bytes.get(at + 1) == Some(&b':') => {
                found.push(&name[start..at]);
                at += 1;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    found.push(&name[start..]);
    found
}

fn is_word(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// The scope of a name (empty when it has none), and its last part.
#[must_use]
pub fn split(name: &str) -> (&str, &str) {
    let last = parts(name).pop().unwrap_or(name);
    let scope = &name[..name.len() - last.len()];
    (scope.strip_suffix("::").unwrap_or(scope), last)
}

/// One part of a name without its template arguments.
#[must_use]
pub fn without_arguments(part: &str) -> &str {
    if part.starts_with("operator") && !is_word(part.as_bytes(), 8) {
        return part;
    }
    match part.find('<') {
        Some(at) if at > 0 && part.ends_with('>') => &part[..at],
        _ => part,
    }
}

/// The name as gdb writes it.
#[must_use]
pub fn canonical(name: &str) -> Cow<'_, str> {
    if name.contains('<') { Cow::Owned(rewritten(name, 0)) } else { Cow::Borrowed(name) }
}

/// gdb's names of C's integers (gdb 13.1, `c_canonicalize_name`): compilers write `long unsigned int`.
#[must_use]
pub fn integer(name: &str) -> Option<&'static str> {
    Some(match name {
        "short int" => "short",
        "short unsigned int" => "unsigned short",
        "long int" => "long",
        "long unsigned int" => "unsigned long",
        "long long int" => "long long",
        "long long unsigned int" => "unsigned long long",
        _ => return None,
    })
}

fn rewritten(name: &str, depth: usize) -> String {
    let written: Vec<String> = parts(name).into_iter().map(|part| one_part(part, depth)).collect();
    written.join("::")
}

fn one_part(part: &str, depth: usize) -> String {
    let head = without_arguments(part);
    let inside = part[head.len()..].strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    let (Some(inside), true) = (inside, depth < MAX_DEPTH) else { return part.to_owned() };
    let arguments: Vec<String> =
        arguments(inside).into_iter().map(|argument| one_argument(argument, depth + 1)).collect();
    let text = arguments.join(", ");
    let space = if text.ends_with('>') { " " } else { "" };
    format!("{head}<{text}{space}>")
}

/// What stands between the commas that are in no brackets.
#[must_use]
pub fn arguments(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' | b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        found.push(last);
    }
    found
}

/// A template argument: a type's `const` stands behind what it is about.
fn one_argument(text: &str, depth: usize) -> String {
    let mut rest = text;
    let mut qualifiers = Vec::new();
    while let Some((word, behind)) = rest.split_once(' ').filter(|(word, _)| is_qualifier(word)) {
        qualifiers.push(word);
        rest = behind;
    }
    let base = &rest[..end_of_base(rest)];
    let (base, behind) = (base.trim_end(), &rest[base.trim_end().len()..]);
    let mut out = match integer(base) {
        Some(name) => name.to_owned(),
        None => rewritten(base, depth),
    };
    for word in qualifiers {
        out.push(' ');
        out.push_str(word);
    }
    out + behind
}

fn is_qualifier(word: &str) -> bool {
    matches!(word, "const" | "volatile")
}

/// Where stars, ampersands, brackets and parameters of a type begin.
fn end_of_base(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b'*' | b'&' | b'[' if depth == 0 => return at,
            b'(' if depth == 0 && !text[at..].starts_with(ANONYMOUS) => return at,
            _ => {}
        }
    }
    text.len()
}

/// Whether the scopes `actual` of something, joined by `::`, are those that were asked for: all of them, or with
/// `inner` the innermost ones only.
#[must_use]
pub fn scopes_fit(actual: &str, asked: &str, inner: bool) -> bool {
    let written = |scopes| {
        let all = if str::is_empty(scopes) { Vec::new() } else { parts(scopes) };
        all.into_iter().filter(|part| !UNWRITTEN.contains(part)).collect::<Vec<_>>()
    };
    let (actual, asked) = (written(actual), written(asked));
    let Some(more) = actual.len().checked_sub(asked.len()) else { return false };
    (inner || more == 0) && actual[more..].iter().zip(&asked).all(|(actual, asked)| part_fits(actual, asked))
}

/// Whether one part of a name is what was asked for; template arguments may be left out.
#[must_use]
pub fn part_fits(actual: &str, asked: &str) -> bool {
    actual == asked
        || (!asked.contains('<') && without_arguments(actual) == asked)
        || (asked.contains('<') && canonical(actual) == canonical(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_end_where_no_bracket_is_open() {
        assert_eq!(split("a::b<c::d, e>::f"), ("a::b<c::d, e>", "f"));
        assert_eq!(split("f"), ("", "f"));
        assert_eq!(split("std::vector<std::string>"), ("std", "vector<std::string>"));
        assert_eq!(split("S::operator<"), ("S", "operator<"));
        assert_eq!(split("S::operator->"), ("S", "operator->"));
        assert_eq!(split("(anonymous namespace)::x"), ("(anonymous namespace)", "x"));
        assert_eq!(split("operators::f"), ("operators", "f"));
    }

    /// Each pair was printed by gdb 13.1.
    #[test]
    fn names_are_written_as_gdb_writes_them() {
        for (compiler, gdb) in [
            ("pair<const std::basic_string<char>, int>", "pair<std::basic_string<char> const, int>"),
            ("Buf<long unsigned int, 4>", "Buf<unsigned long, 4>"),
            ("vector<int, std::allocator<int> >", "vector<int, std::allocator<int> >"),
            ("vector<int, std::allocator<int>>", "vector<int, std::allocator<int> >"),
            ("less<const char*>", "less<char const*>"),
            ("f", "f"),
        ] {
            assert_eq!(canonical(compiler), gdb);
        }
    }

    #[test]
    fn what_is_not_written_need_not_be_asked_for() {
        assert!(scopes_fit("std::__cxx11", "std", false));
        assert!(scopes_fit("(anonymous namespace)", "", false));
        assert!(scopes_fit("a::b", "b", true));
        assert!(!scopes_fit("a::b", "b", false));
        assert!(scopes_fit("Buf<int, 4>", "Buf", false));
        assert!(scopes_fit("Buf<int, 4>", "Buf<int,4>", false));
        assert!(!scopes_fit("", "a", true));
    }

    proptest::proptest! {
        #[test]
        fn no_name_is_a_panic(name in "[a-z<>:(), *&-]{0,40}|\\PC{0,20}") {
            let _ = (parts(&name), canonical(&name), without_arguments(&name), scopes_fit(&name, &name, true));
        }
    }
}

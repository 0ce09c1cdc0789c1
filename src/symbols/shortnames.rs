//! The short names of the standard library's types: `std::vector<int>` for `std::vector<int, std::allocator<int> >`.
//!
//! `whatis` and `ptype` show them, as gdb does where libstdc++'s type printers are loaded (printers.py of gcc 12,
//! `register_type_printers`): an argument that is the template's own default is left out, and a type that has a
//! typedef in `std` is called by it.

use std::borrow::Cow;

use super::qualified::{arguments, canonical, split, without_arguments};

/// Templates with the defaults of their last arguments; `{0}` is the first argument.
const DEFAULTS: &[(&str, &[&str])] = &[
    ("std::unique_ptr", &["", "std::default_delete<{0}>"]),
    ("std::deque", &["", ALLOCATOR]),
    ("std::forward_list", &["", ALLOCATOR]),
    ("std::list", &["", ALLOCATOR]),
    ("std::__cxx11::list", &["", ALLOCATOR]),
    ("std::vector", &["", ALLOCATOR]),
    ("std::map", &["", "", LESS, PAIR_ALLOCATOR]),
    ("std::multimap", &["", "", LESS, PAIR_ALLOCATOR]),
    ("std::set", &["", LESS, ALLOCATOR]),
    ("std::multiset", &["", LESS, ALLOCATOR]),
    ("std::unordered_map", &["", "", HASH, EQUAL, PAIR_ALLOCATOR]),
    ("std::unordered_multimap", &["", "", HASH, EQUAL, PAIR_ALLOCATOR]),
    ("std::unordered_set", &["", HASH, EQUAL, ALLOCATOR]),
    ("std::unordered_multiset", &["", HASH, EQUAL, ALLOCATOR]),
];
const ALLOCATOR: &str = "std::allocator<{0}>";
const PAIR_ALLOCATOR: &str = "std::allocator<std::pair<{0} const, {1}>>";
const LESS: &str = "std::less<{0}>";
const HASH: &str = "std::hash<{0}>";
const EQUAL: &str = "std::equal_to<{0}>";

/// Templates of characters that have a name for `char` (and one with `w` in front for `wchar_t`), with the number of
/// arguments that follow from the first.
const CHARACTERS: &[(&str, &str)] = &[
    ("std::__cxx11::basic_string", "string"),
    ("std::basic_string", "string"),
    ("std::basic_string_view", "string_view"),
    ("std::basic_ios", "ios"),
    ("std::basic_streambuf", "streambuf"),
    ("std::basic_istream", "istream"),
    ("std::basic_ostream", "ostream"),
    ("std::basic_iostream", "iostream"),
    ("std::basic_filebuf", "filebuf"),
    ("std::basic_ifstream", "ifstream"),
    ("std::basic_ofstream", "ofstream"),
    ("std::basic_fstream", "fstream"),
    ("std::__cxx11::basic_stringbuf", "stringbuf"),
    ("std::__cxx11::basic_istringstream", "istringstream"),
    ("std::__cxx11::basic_ostringstream", "ostringstream"),
    ("std::__cxx11::basic_stringstream", "stringstream"),
];
/// The character types that have such names, and the letter of each.
const LETTERS: &[(&str, &str)] =
    &[("char", ""), ("wchar_t", "w"), ("char8_t", "u8"), ("char16_t", "u16"), ("char32_t", "u32")];

/// The short name of a type whose full name, as gdb writes it, is `name`; the same where there is none.
#[must_use]
pub fn short(name: &str) -> Cow<'_, str> {
    if !name.contains("std::") || !name.ends_with('>') {
        return Cow::Borrowed(name);
    }
    let (head, given) = taken_apart(name);
    match characters(head, &given).or_else(|| defaulted(head, &given)) {
        Some(short) => Cow::Owned(short),
        None => {
            let inner = given.iter().map(|argument| argument_name(argument)).collect::<Vec<_>>().join(", ");
            let space = if inner.ends_with('>') { " " } else { "" };
            Cow::Owned(format!("{head}<{inner}{space}>"))
        }
    }
}

/// The short name that a type has itself, and not only its arguments: the whole of what `ptype` shows of it.
#[must_use]
pub fn own(name: &str) -> Option<String> {
    if !name.starts_with("std::") || !name.ends_with('>') {
        return None;
    }
    let (head, given) = taken_apart(name);
    characters(head, &given).or_else(|| defaulted(head, &given))
}

/// A template and its arguments.
fn taken_apart(name: &str) -> (&str, Vec<&str>) {
    let last = split(name).1;
    let head = &name[..name.len() - last.len() + without_arguments(last).len()];
    let inside = name[head.len()..].strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    (head, inside.map(arguments).unwrap_or_default())
}

fn characters(head: &str, given: &[&str]) -> Option<String> {
    let (_, known) = CHARACTERS.iter().find(|(template, _)| *template == head)?;
    let (first, rest) = given.split_first()?;
    let (_, letter) = LETTERS.iter().find(|(character, _)| character == first)?;
    let usual = |(argument, class): (&&str, &str)| *argument == format!("std::{class}<{first}>");
    let all = rest.iter().zip(["char_traits", "allocator"]).all(usual);
    (all && !rest.is_empty()).then(|| format!("std::{letter}{known}"))
}

fn defaulted(head: &str, given: &[&str]) -> Option<String> {
    let (_, defaults) = DEFAULTS.iter().find(|(template, _)| *template == head)?;
    if defaults.len() != given.len() {
        return None;
    }
    let mut shown = Vec::new();
    for (argument, default) in given.iter().zip(*defaults) {
        if default.is_empty() {
            shown.push(argument_name(argument));
            continue;
        }
        let default = default.replace("{0}", given.first()?).replace("{1}", given.get(1).unwrap_or(&""));
        if *argument != canonical(&default) {
            return None;
        }
    }
    Some(format!("{}<{}>", head.replace("std::__cxx11::", "std::"), shown.join(", ")))
}

/// The short name of what a pointer or reference in an argument is about.
fn argument_name(argument: &str) -> String {
    let base = argument.trim_end_matches(['*', '&']);
    let base = base.strip_suffix(" const").unwrap_or(base);
    format!("{}{}", short(base), &argument[base.len()..])
}

#[cfg(test)]
mod tests {
    use super::short;

    const STRING: &str = "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";

    /// Printed by gdb 13.1 with the type printers of gcc 12.
    #[test]
    fn default_arguments_are_left_out() {
        assert_eq!(short(STRING), "std::string");
        assert_eq!(short("std::vector<int, std::allocator<int> >"), "std::vector<int>");
        assert_eq!(short("std::vector<int, my::allocator<int> >"), "std::vector<int, my::allocator<int> >");
        let map = format!(
            "std::map<{STRING}, int, std::less<{STRING} >, std::allocator<std::pair<{STRING} const, int> > >"
        );
        assert_eq!(short(&map), "std::map<std::string, int>");
        assert_eq!(short("std::basic_ostream<char, std::char_traits<char> >"), "std::ostream");
        assert_eq!(short("std::unique_ptr<Shape, std::default_delete<Shape> >"), "std::unique_ptr<Shape>");
        assert_eq!(short("std::pair<int, int>"), "std::pair<int, int>");
        assert_eq!(short(&format!("Box<{STRING}, int*, 2>")), "Box<std::string, int*, 2>");
    }
}

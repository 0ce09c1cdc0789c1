//! How gdb prints the linker's names of things: demangled for C++ and Rust, and everything else as if it were Ada.
//!
//! gdb 13.1 does not know the language of a symbol without debug info. It asks the languages in turn, and Ada takes
//! any name that its decoder changes (ada-lang.c, `ada_decode` and `sniff_from_mangled_name`): gcc's `sum.part.0` is
//! printed as `sum.part`, `sum.cold` as `sum[cold]`. What is asked for by name keeps the linker's name.

use std::borrow::Cow;

use super::qualified;

/// A linker's name as it is shown to people, with parameters where it holds them.
#[must_use]
pub(super) fn name(linkage: &str) -> Cow<'_, str> {
    if let Some(text) = demangled(linkage, true) {
        return spelled_out(text).into();
    }
    if let Some(text) = linkage.strip_suffix("@plt").and_then(|stub| demangled(stub, true)) {
        return format!("{}@plt", spelled_out(text)).into();
    }
    ada(linkage).filter(|text| text != linkage).map_or(linkage.into(), Cow::Owned)
}

/// The abbreviations of the standard library's types (Itanium C++ ABI, 5.1.8) in full, as gdb writes them in the names
/// of symbols (`DMGL_VERBOSE`).
fn spelled_out(name: String) -> String {
    const TYPES: [(&str, &str); 4] = [
        ("std::string", "std::basic_string<char, std::char_traits<char>, std::allocator<char> >"),
        ("std::istream", "std::basic_istream<char, std::char_traits<char> >"),
        ("std::ostream", "std::basic_ostream<char, std::char_traits<char> >"),
        ("std::iostream", "std::basic_iostream<char, std::char_traits<char> >"),
    ];
    TYPES.iter().fold(name, |name, (short, full)| {
        let mut out = String::new();
        let mut rest = name.as_str();
        while let Some(at) = rest.find(short) {
            let end = at + short.len();
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let inside = rest[..at].ends_with(|c: char| word(c) || c == ':') || rest[end..].starts_with(word);
            out.push_str(&rest[..at]);
            out.push_str(if inside { short } else { full });
            rest = &rest[end..];
            // Two closing brackets are kept apart.
            if !inside && rest.starts_with('>') {
                out.push(' ');
            }
        }
        out + rest
    })
}

/// The C++ or Rust name that a linker's name stands for.
pub(super) fn demangled(linkage: &str, parameters: bool) -> Option<String> {
    // Rust's older names look like C++'s, but for the hash at their end.
    let may_be_rust = !linkage.starts_with("_Z") || linkage.contains("17h");
    if may_be_rust && let Ok(rust) = rustc_demangle::try_demangle(linkage) {
        return Some(format!("{rust:#}"));
    }
    let symbol = linkage.starts_with("_Z").then(|| cpp_demangle::Symbol::new(linkage).ok())??;
    let options = cpp_demangle::DemangleOptions::new();
    let options = if parameters { options } else { options.no_params().no_return_type() };
    let text = with_suffixes(&symbol.demangle_with_options(&options).ok()?);
    Some(special(
        text.replace("std::nullptr_t", "decltype(nullptr)").replace("_GLOBAL__N_1", qualified::ANONYMOUS),
    ))
}

/// Numbers among template arguments as libiberty writes them: `3ul` for `(unsigned long)3`.
fn with_suffixes(text: &str) -> String {
    const CASTS: [(&str, &str); 5] = [
        ("(unsigned long long)", "ull"),
        ("(unsigned long)", "ul"),
        ("(unsigned int)", "u"),
        ("(long long)", "ll"),
        ("(long)", "l"),
    ];
    CASTS.iter().fold(text.to_owned(), |text, (cast, suffix)| {
        let mut parts = text.split(cast);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let sign = usize::from(part.starts_with('-'));
            let digits = sign + part[sign..].bytes().take_while(u8::is_ascii_digit).count();
            let (cast, suffix) = if digits == sign { (*cast, "") } else { ("", *suffix) };
            out.push_str(cast);
            out.push_str(&part[..digits]);
            out.push_str(suffix);
            out.push_str(&part[digits..]);
        }
        out
    })
}

/// The name of a function that debug info describes: with its parameters, and without what it returns.
pub(super) fn function(linkage: &str) -> Option<String> {
    let name = demangled(linkage, true)?;
    let plain = demangled(linkage, false).unwrap_or_default();
    if is_constructor_template(&plain)
        && let Some(whole) = with_return_type(linkage).and_then(|linkage| demangled(&linkage, true))
    {
        return Some(without_return_type(whole));
    }
    Some(without_return_type(name))
}

/// Whether a function that a template made is a constructor: called as its class.
fn is_constructor_template(plain: &str) -> bool {
    let (scope, last) = qualified::split(plain);
    let class = qualified::split(scope).1;
    last.ends_with('>') && qualified::without_arguments(last) == qualified::without_arguments(class)
}

/// The demangler takes the first parameter of a constructor template for what it returns, which such functions have not
/// in their names (Itanium C++ ABI, 5.1.5.3). So the name gets one: `void`, behind the shortest beginning that is a name.
fn with_return_type(linkage: &str) -> Option<String> {
    let ends = linkage.match_indices('E').map(|(at, _)| at + 1).filter(|at| *at < linkage.len());
    let end = ends.take(256).find(|at| cpp_demangle::Symbol::new(&linkage[..*at]).is_ok())?;
    Some(format!("{}v{}", &linkage[..end], &linkage[end..]))
}

/// Only the names of functions that a template made begin with what is returned (Itanium C++ ABI, 5.1.5); gdb computes
/// the name from the debug info and leaves it out.
fn without_return_type(name: String) -> String {
    let (mut depth, mut blank, mut template) = (0_usize, None, false);
    // The sign of an operator is no bracket.
    let sign = |at: usize| {
        let head = name[..at].trim_end_matches(['<', '>', '=', '-', '(']);
        head.ends_with("operator") && head.len() + 3 > at
    };
    let of_operator = |head: &str| {
        let sign = |c: char| c.is_ascii_punctuation() && c != '_';
        head.trim_end_matches(sign).ends_with("operator")
    };
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'<' | b'>' | b'(' if sign(at) => {}
            b'(' if depth == 0 && name.as_bytes()[..at].ends_with(b">") => {
                template = true;
                break;
            }
            b'<' | b'(' | b'[' | b'{' => depth += 1,
            b'>' if at > 0 && name.as_bytes()[at - 1] == b'-' => {}
            b'>' | b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 && !of_operator(&name[..at]) => blank = blank.or(Some(at)).map(|_| at),
            _ => {}
        }
    }
    match blank {
        Some(at) if template => name[at + 1..].to_owned(),
        _ => name,
    }
}

/// The compiler's own objects in the words of libiberty, which are gdb's.
fn special(text: String) -> String {
    const WORDS: [(&str, &str); 4] = [
        ("{vtable(", "vtable for "),
        ("{vtt(", "VTT for "),
        ("{typeinfo(", "typeinfo for "),
        ("{typeinfo name(", "typeinfo name for "),
    ];
    let inside = |start: &str| text.strip_prefix(start)?.strip_suffix(")}");
    // The first part of a thunk says how far the object is, by itself or by way of the virtual table.
    if let Some((offset, function)) =
        inside("{virtual override thunk(").and_then(|text| text.split_once("}, "))
    {
        let plain = if offset.starts_with("{offset") { "non-" } else { "" };
        return format!("{plain}virtual thunk to {function}");
    }
    WORDS.iter().find_map(|(start, words)| Some(format!("{words}{}", inside(start)?))).unwrap_or(text)
}

/// What `ada_decode` makes of a name; `None` where it holds the name for none of Ada's.
fn ada(encoded: &str) -> Option<String> {
    let encoded = encoded.strip_prefix('.').unwrap_or(encoded);
    let encoded = encoded.strip_prefix("_ada_").unwrap_or(encoded);
    if encoded.starts_with(['_', '<']) || !encoded.is_ascii() {
        return None;
    }
    let (mut name, suffix) = compiler_suffix(encoded);
    name = without_number(name);
    if let Some(protected) = name.strip_suffix('N')
        && protected.ends_with(|last: char| last.is_ascii_digit() || last.is_ascii_lowercase())
    {
        name = protected;
    }
    if let Some(at) = name.find("___")
        && at + 3 < name.len()
    {
        name = name[at + 3..].starts_with('X').then(|| &name[..at])?;
    }
    for task in ["TKB", "TB", "B"] {
        name = name.strip_suffix(task).filter(|rest| !rest.is_empty()).unwrap_or(name);
    }
    let mut decoded = without_overload(name).replace("TK__", "__").replace("__", ".");
    if decoded.is_empty() || decoded.contains(|c: char| c.is_ascii_uppercase() || c == ' ') {
        return None;
    }
    if let Some(suffix) = suffix {
        decoded += &format!("[{suffix}]");
    }
    Some(decoded)
}

/// A last part of letters behind a dot, which the compiler added: `cold`.
fn compiler_suffix(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((head, tail)) if !head.is_empty() && tail.bytes().all(|b| b.is_ascii_alphabetic()) => {
            (head, Some(tail))
        }
        _ => (name, None),
    }
}

/// Without a number behind `.`, `$`, `___` or `__`.
fn without_number(name: &str) -> &str {
    let head = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if head.len() == name.len() || head.is_empty() {
        return name;
    }
    ["___", "__", ".", "$"].iter().find_map(|mark| head.strip_suffix(mark)).unwrap_or(name)
}

/// Without the numbers of overloaded subprograms: `__2`, `__2_3`, `$2`.
fn without_overload(name: &str) -> &str {
    if !name.ends_with(|c: char| c.is_ascii_digit()) {
        return name;
    }
    let bytes = name.as_bytes();
    let mut at = bytes.len() - 1;
    while at > 0 && (bytes[at].is_ascii_digit() || bytes[at] == b'_' && bytes[at - 1].is_ascii_digit()) {
        at -= 1;
    }
    match bytes[at] {
        b'_' if at > 1 && bytes[at - 1] == b'_' => &name[..at - 1],
        b'$' => &name[..at],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    /// Each pair was printed by gdb 13.1.
    #[test]
    fn symbols_without_debug_info_are_printed_as_gdb_prints_them() {
        for (linkage, printed) in [
            ("fn_x.part.0", "fn_x.part"),
            ("fn.isra.0", "fn.isra"),
            ("fn.3", "fn"),
            ("fnQ.3", "fnQ.3"),
            ("_fn.3", "_fn.3"),
            ("fn__bar.2", "fn.bar"),
            ("fn__bar", "fn.bar"),
            ("fn.cold", "fn[cold]"),
            ("fn__3", "fn"),
            ("fn___3", "fn"),
            ("ftsk_b", "ftsk_b"),
            ("fn_B", "fn_"),
            ("f2TKB", "f2"),
            ("main", "main"),
            ("__libc_start_main", "__libc_start_main"),
            ("_ZTVN2ns3FooE", "vtable for ns::Foo"),
            ("_ZTIN2ns3FooE", "typeinfo for ns::Foo"),
            ("_ZN2ns3Foo3barEi", "ns::Foo::bar(int)"),
        ] {
            assert_eq!(name(linkage), printed, "{linkage}");
        }
    }

    #[test]
    fn what_a_template_s_function_returns_is_no_part_of_its_name() {
        for (linkage, printed) in [
            ("_Z5twiceIiET_S0_", "twice<int>(int)"),
            ("_ZN3BoxIicLi3EE4makeEv", "Box<int, char, 3>::make()"),
            ("_ZN1AC1IiEET_", "A::A<int>(int)"),
            ("_ZNK3OpscviEv", "Ops::operator int() const"),
            ("_ZN1SltERKS_", "S::operator<(S const&)"),
            (
                "_ZStltIcSaIcEEbSt6vectorIT_T0_ES4_",
                "std::operator< <char, std::allocator<char> >(std::vector<char, std::allocator<char> >, std::vector<char, std::allocator<char> >)",
            ),
        ] {
            assert_eq!(super::function(linkage).as_deref(), Some(printed));
        }
    }

    #[test]
    fn odd_names_are_no_panic() {
        for linkage in ["", ".", "..", "_", "0", "$1", "__", "___", "____9", "é.0", "a$", "B", "N", "1.2.3"]
        {
            let _ = name(linkage);
        }
    }
}

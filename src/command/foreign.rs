//! Conditions of ours in the words of gdb 13.1 and of lldb, which compute neither `strcmp` nor `$arg1` nor `64K`.
//!
//! A comparison with a literal is written out byte by byte, for gdb and lldb alike: neither then calls a function of the
//! program. gdb's `$_streq`, `$_regex` and `$_strlen` are Python's, and stop the program where a string is not UTF-8;
//! they stand only where there is nothing better. What has no words at all is refused by its name, and whoever
//! writes the file says so there.

use std::fmt::Write;

/// Whose language it is to be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Tongue {
    Gdb,
    Lldb,
}

/// Longer literals are not written out byte by byte.
const LONGEST: usize = 200;

/// A condition in other words.
///
/// # Errors
/// What of it has no words there: a name, or a call as it was typed.
pub(super) fn condition(text: &str, tongue: Tongue) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let length = token(rest);
        let (word, behind) = rest.split_at(length);
        rest = behind;
        match first {
            '0'..='9' => out.push_str(&number(word)),
            '$' => match called(word, rest) {
                Some((arguments, after)) => rest = call(&mut out, word, arguments, after, tongue)?,
                None => out.push_str(variable(word, tongue)?),
            },
            'a'..='z' | 'A'..='Z' | '_' => match called(word, rest).filter(|_| is_ours(word)) {
                Some((arguments, after)) => rest = call(&mut out, word, arguments, after, tongue)?,
                None => out.push_str(word),
            },
            _ => out.push_str(word),
        }
    }
    Ok(out)
}

/// How long the word is that a text begins with: a literal, a number, a name, or one character.
fn token(text: &str) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    let while_ = |good: fn(char) -> bool| text[1..].find(|c| !good(c)).map_or(text.len(), |at| at + 1);
    match first {
        '"' | '\'' => {
            let mut escaped = false;
            let end = text.char_indices().skip(1).find(|&(_, c)| {
                let ends = c == first && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.map_or(text.len(), |(at, _)| at + 1)
        }
        '0'..='9' => while_(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'),
        'a'..='z' | 'A'..='Z' | '_' | '$' => while_(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$'),
        other => other.len_utf8(),
    }
}

/// `64K` is 65536.
fn number(word: &str) -> String {
    let shift = match word.as_bytes() {
        [.., b'K' | b'k'] => 10,
        [.., b'M' | b'm'] => 20,
        [.., b'G' | b'g'] => 30,
        _ => return word.to_owned(),
    };
    let digits = word[..word.len() - 1].parse::<u64>().ok();
    digits.and_then(|n| n.checked_mul(1 << shift)).map_or_else(|| word.to_owned(), |n| n.to_string())
}

fn variable(word: &str, tongue: Tongue) -> Result<&str, String> {
    Ok(match word {
        "$arg1" => "$rdi",
        "$arg2" => "$rsi",
        "$arg3" => "$rdx",
        "$arg4" => "$rcx",
        "$arg5" => "$r8",
        "$arg6" => "$r9",
        "$hits" | "$brk" | "$brk_refused" | "$blocker" | "$fallback_bytes" | "$heap_bytes" | "$rss"
        | "$pid" | "$tid" => return Err(word.to_owned()),
        // Convenience variables of gdb's are none of lldb's.
        _ if tongue == Tongue::Lldb && word.starts_with("$_") => return Err(word.to_owned()),
        other => other,
    })
}

fn is_ours(name: &str) -> bool {
    matches!(name, "strcmp" | "strncmp" | "strcasecmp" | "strncasecmp" | "strstr" | "strlen" | "memcmp")
}

/// The arguments of a call, when a parenthesis follows its name, and what stands behind it.
fn called<'a>(name: &str, rest: &'a str) -> Option<(Vec<&'a str>, &'a str)> {
    let open = rest.trim_start().strip_prefix('(')?;
    let known = is_ours(name) || matches!(name, "$_streq" | "$_memeq" | "$_regex" | "$_strlen");
    let (mut depth, mut at, mut from) = (0, 0, 0);
    let mut arguments = Vec::new();
    while known && at < open.len() {
        let length = token(&open[at..]);
        match &open[at..at + length] {
            "(" | "[" => depth += 1,
            ")" if depth == 0 => {
                arguments.push(open[from..at].trim());
                return Some((arguments, &open[at + 1..]));
            }
            ")" | "]" => depth -= 1,
            "," if depth == 0 => {
                arguments.push(open[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
        at += length;
    }
    None
}

/// What is asked of a comparison's result.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Asked {
    Zero,
    NotZero,
}

/// Writes a call, with what is asked of its result, and gives back what stands behind both.
fn call<'a>(
    out: &mut String,
    name: &str,
    arguments: Vec<&str>,
    after: &'a str,
    tongue: Tongue,
) -> Result<&'a str, String> {
    let refused = || format!("{name}({})", arguments.join(", "));
    let given = arguments.iter().map(|text| condition(text, tongue)).collect::<Result<Vec<_>, _>>()?;
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    if let ("strlen" | "$_strlen", [string]) = (name, given.as_slice()) {
        if tongue == Tongue::Lldb {
            return Err(refused());
        }
        let _ = write!(out, "$_strlen({})", pointer(string));
        return Ok(after);
    }
    if name.starts_with("$_") && tongue == Tongue::Gdb {
        let _ = write!(out, "{name}({})", given.join(", "));
        return Ok(after);
    }
    // gdb's own functions and strstr are true when it is so, the others 0.
    let truth = if name.starts_with("$_") || name == "strstr" { Asked::NotZero } else { Asked::Zero };
    let (asked, after) = asked(out, after).ok_or_else(refused)?;
    let test = test(name, &given, tongue).ok_or_else(refused)?;
    let negated = if asked == truth { "" } else { "!" };
    let _ = write!(out, "{negated}{test}");
    Ok(after)
}

/// Whether zero or not zero is wanted; `None` where the value itself counts.
fn asked<'a>(out: &mut String, after: &'a str) -> Option<(Asked, &'a str)> {
    let before = out.trim_end();
    if before.ends_with('!') {
        out.truncate(before.len() - 1);
        return Some((Asked::Zero, after));
    }
    let behind = after.trim_start();
    for (sign, asked) in [("==", Asked::Zero), ("!=", Asked::NotZero)] {
        if let Some(rest) = behind.strip_prefix(sign) {
            let value = rest.trim_start();
            let (word, rest) = value.split_at(token(value));
            return (word == "0").then_some((asked, rest));
        }
    }
    let alone = |text: &str| {
        text.is_empty() || text.starts_with(')') || text.starts_with("&&") || text.starts_with("||")
    };
    let begins =
        before.is_empty() || before.ends_with('(') || before.ends_with("&&") || before.ends_with("||");
    (alone(behind) && begins).then_some((Asked::NotZero, after))
}

/// Words that are true when the strings are equal, or the one is in the other.
fn test(name: &str, given: &[&str], tongue: Tongue) -> Option<String> {
    let gdb = tongue == Tongue::Gdb;
    let (a, b) = (*given.first()?, *given.get(1)?);
    let count = given.get(2).map(|n| n.parse::<usize>());
    let literal = literal(b);
    match (name, &literal, count) {
        ("strcmp", None, None) if gdb => Some(format!("$_streq({}, {})", pointer(a), pointer(b))),
        ("strcmp" | "$_streq", Some(bytes), None) => written_out(a, &ended(bytes, usize::MAX), false),
        ("strcasecmp", Some(bytes), None) => written_out(a, &ended(bytes, usize::MAX), true),
        ("strncmp", Some(bytes), Some(Ok(n))) => written_out(a, &ended(bytes, n), false),
        ("strncasecmp", Some(bytes), Some(Ok(n))) => written_out(a, &ended(bytes, n), true),
        ("memcmp" | "$_memeq", Some(bytes), Some(Ok(n))) if n <= bytes.len() + 1 => {
            written_out(a, &ended(bytes, n), false)
        }
        ("memcmp", None, Some(_)) if gdb => {
            Some(format!("$_memeq({}, {}, {})", pointer(a), pointer(b), given.get(2)?))
        }
        ("strstr", Some(bytes), None) if gdb => {
            Some(format!("$_regex({}, \"(?s).*{}\")", pointer(a), as_pattern(bytes)?))
        }
        _ => None,
    }
}

/// The bytes that are compared: the literal with its end, at most `n`.
fn ended(bytes: &[u8], n: usize) -> Vec<u8> {
    bytes.iter().copied().chain([0]).take(n).collect()
}

/// `((unsigned char *) x)[0] == 47 && …`: the first byte that differs ends it, so nothing behind the string is read.
fn written_out(string: &str, bytes: &[u8], any_case: bool) -> Option<String> {
    if bytes.is_empty() || bytes.len() > LONGEST {
        return None;
    }
    let string = in_parentheses(string);
    let each = bytes.iter().enumerate().map(|(at, byte)| {
        let place = format!("((unsigned char *) {string})[{at}]");
        match any_case && byte.is_ascii_alphabetic() {
            true => {
                let (lower, upper) = (byte.to_ascii_lowercase(), byte.to_ascii_uppercase());
                format!("({place} == {lower} || {place} == {upper})")
            }
            false => format!("{place} == {byte}"),
        }
    });
    Some(format!("({})", each.collect::<Vec<_>>().join(" && ")))
}

/// A text for Python's `re`, inside of a C literal; only ASCII, as gdb decodes what it matches.
fn as_pattern(bytes: &[u8]) -> Option<String> {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'_' | b' ' | b'=' | b':' | b',' => {
                out.push(char::from(*byte))
            }
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\\\\\"),
            0x21..=0x7e => {
                out.push_str("\\\\");
                out.push(char::from(*byte));
            }
            _ => return None,
        }
    }
    Some(out)
}

fn pointer(text: &str) -> String {
    if text.starts_with("(char *)") { text.to_owned() } else { format!("(char *) {}", in_parentheses(text)) }
}

fn in_parentheses(text: &str) -> String {
    let simple = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'));
    if simple { text.to_owned() } else { format!("({text})") }
}

/// The bytes of a string literal of C.
fn literal(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix('"').filter(|_| token(text) == text.len())?.strip_suffix('"')?;
    let mut out = Vec::new();
    let mut rest = inner.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let [letter, after @ ..] = rest else { return None };
        rest = after;
        let (radix, digits, most) = match letter {
            b'x' => (16, rest, 2),
            b'0'..=b'7' => (8, &inner.as_bytes()[inner.len() - rest.len() - 1..], 3),
            _ => {
                out.push(match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'a' => 7,
                    b'e' => 27,
                    other => *other,
                });
                continue;
            }
        };
        let length = digits.iter().take(most).take_while(|c| char::from(**c).is_digit(radix)).count();
        let value = std::str::from_utf8(&digits[..length]).ok()?;
        out.push(u8::try_from(u32::from_str_radix(value, radix).ok()?).ok()?);
        rest = &digits[length..];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gdb(text: &str) -> String {
        condition(text, Tongue::Gdb).unwrap_or_else(|what| format!("refused: {what}"))
    }

    fn lldb(text: &str) -> String {
        condition(text, Tongue::Lldb).unwrap_or_else(|what| format!("refused: {what}"))
    }

    #[test]
    fn strings_are_compared_in_gdb_s_words() {
        for (ours, theirs) in [
            (
                "strcmp($arg1, \"/\") == 0",
                "(((unsigned char *) $rdi)[0] == 47 && ((unsigned char *) $rdi)[1] == 0)",
            ),
            ("strcmp(a, b) == 0 && c", "$_streq((char *) a, (char *) b) && c"),
            ("!strcmp(p->name, \"\")", "(((unsigned char *) (p->name))[0] == 0)"),
            ("!strcmp(f(a, \")\"), q)", "$_streq((char *) (f(a, \")\")), (char *) q)"),
            ("c && strcmp(a, b)", "c && !$_streq((char *) a, (char *) b)"),
            ("strcmp(a, \"\") != 0 || n > 64K", "!(((unsigned char *) a)[0] == 0) || n > 65536"),
            ("strncmp(s, \"ab\", 1) == 0", "(((unsigned char *) s)[0] == 97)"),
            (
                "strncmp(s, \"a\", 9) == 0",
                "(((unsigned char *) s)[0] == 97 && ((unsigned char *) s)[1] == 0)",
            ),
            ("strstr($rdi, \"/etc.\") != 0", "$_regex((char *) $rdi, \"(?s).*/etc\\\\.\")"),
            ("strstr(s, \"x\") == 0", "!$_regex((char *) s, \"(?s).*x\")"),
            ("strlen(s) > 3", "$_strlen((char *) s) > 3"),
            ("memcmp(a, b, n) == 0", "$_memeq((char *) a, (char *) b, n)"),
            (
                "memcmp(a, \"\\x7f\\105\", 2) == 0",
                "(((unsigned char *) a)[0] == 127 && ((unsigned char *) a)[1] == 69)",
            ),
            ("x == 3 && s[0] == '(' && 0x1f", "x == 3 && s[0] == '(' && 0x1f"),
            ("$_streq(a, \"x\") && $_thread == 2", "$_streq(a, \"x\") && $_thread == 2"),
            ("strcmpx(a) == 0", "strcmpx(a) == 0"),
        ] {
            assert_eq!(gdb(ours), theirs);
        }
    }

    #[test]
    fn what_has_no_words_is_named() {
        assert_eq!(gdb("$hits == 3"), "refused: $hits");
        assert_eq!(gdb("strcmp(a, b) < 0"), "refused: strcmp(a, b)");
        assert_eq!(gdb("strncmp(a, b, n) == 0"), "refused: strncmp(a, b, n)");
        assert_eq!(lldb("strcmp(a, b) == 0"), "refused: strcmp(a, b)");
        assert_eq!(lldb("$_thread == 1"), "refused: $_thread");
        assert_eq!(lldb("strlen(a) == 1"), "refused: strlen(a)");
        // Whatever is typed is text: nothing of it is read past its end.
        for odd in
            ["", "\"", "'", "\"\\", "strcmp(", "strcmp(a,", "strcmp(é, \"é\") == 0", "strcmp(,)", "$", "9é"]
        {
            let _ = (gdb(odd), lldb(odd));
        }
    }

    #[test]
    fn lldb_gets_bytes() {
        assert_eq!(
            lldb("strcmp($arg1, \"/\") == 0 && $arg2 > 1M"),
            "(((unsigned char *) $rdi)[0] == 47 && ((unsigned char *) $rdi)[1] == 0) && $rsi > 1048576"
        );
        assert!(lldb("strcasecmp(s, \"a\") != 0").starts_with("!((((unsigned char *) s)[0] == 97 || "));
        assert_eq!(lldb("!$_streq(s, \"\")"), "!(((unsigned char *) s)[0] == 0)");
    }
}

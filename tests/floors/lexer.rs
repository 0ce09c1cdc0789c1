//! As much of Rust's grammar as the rules need: identifiers and punctuation with their lines, comments and
//! literals gone, `use` trees expanded to plain paths, and which of it is test code.

/// An identifier, a `::`, or one character of punctuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path as written (`crate::heap::Survey`), `use` groups expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Inside `#[cfg(test)]`.
    pub(crate) test: bool,
    /// How many inline `mod x { }` surround it.
    pub(crate) depth: usize,
}

/// Splits source text. Comments, strings, characters and numbers are left out; lifetimes too.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    let peek = |at: usize| chars.get(at).copied().unwrap_or('\0');
    while at < chars.len() {
        let c = chars[at];
        let start = at;
        match c {
            '/' if peek(at + 1) == '/' => at = find(&chars, at, |c| c == '\n'),
            '/' if peek(at + 1) == '*' => at = block_comment(&chars, at),
            '"' => at = string(&chars, at),
            '\'' => at = char_or_lifetime(&chars, at),
            _ if is_start(c) => {
                at = find(&chars, at, |c| !is_part(c));
                let word: String = chars[start..at].iter().collect();
                let raw = word.ends_with('r') && matches!(word.as_str(), "r" | "br" | "cr");
                if raw && (peek(at) == '"' || peek(at) == '#' && raw_string(&chars, at).is_some()) {
                    at = raw_string(&chars, at).unwrap_or(chars.len());
                } else if matches!(word.as_str(), "b" | "c") && peek(at) == '"' {
                    at = string(&chars, at);
                } else if word == "b" && peek(at) == '\'' {
                    at = char_or_lifetime(&chars, at);
                } else {
                    out.push(Token { text: word, line });
                }
            }
            _ if c.is_ascii_digit() => at = find(&chars, at, |c| !is_part(c)),
            ':' if peek(at + 1) == ':' => {
                out.push(Token { text: "::".into(), line });
                at += 2;
            }
            _ => {
                if !c.is_whitespace() {
                    out.push(Token { text: c.into(), line });
                }
                at += 1;
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|&&c| c == '\n').count();
    }
    out
}

/// Every path in the tokens, those of `use` declarations expanded.
pub(crate) fn paths(tokens: &[Token]) -> Vec<Path> {
    let mut out = Vec::new();
    let mut scopes: Vec<Scope> = Vec::new();
    let (mut pending_test, mut pending_mod) = (false, false);
    let mut at = 0;
    while at < tokens.len() {
        let word = tokens[at].text.as_str();
        let inside_test = pending_test || scopes.iter().any(|scope| scope.test);
        let depth = scopes.iter().filter(|scope| scope.module).count();
        match word {
            "#" => {
                let end = attribute_end(tokens, at);
                pending_test |= is_test_attribute(&tokens[at..end]);
                at = end;
                continue;
            }
            "mod" => pending_mod = true,
            "{" => {
                scopes.push(Scope { test: pending_test, module: pending_mod });
                (pending_test, pending_mod) = (false, false);
            }
            "}" => {
                scopes.pop();
            }
            ";" => (pending_test, pending_mod) = (false, false),
            "use" => {
                let first = out.len();
                at = use_tree(tokens, at + 1, &[], &mut out);
                for path in &mut out[first..] {
                    path.test = inside_test;
                    path.depth = depth;
                }
                continue;
            }
            // `pub(crate)` is a visibility, not a way to anything; `pub(in crate::…)` is read as a path.
            "pub" if visibility(tokens, at) => at += 3,
            _ if is_word(word) => {
                let (path, next) = plain_path(tokens, at, inside_test, depth);
                out.push(path);
                at = next;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    out
}

struct Scope {
    test: bool,
    module: bool,
}

/// Whether `pub` at `at` is followed by `(crate)` or `(super)`.
fn visibility(tokens: &[Token], at: usize) -> bool {
    let text = |offset: usize| tokens.get(at + offset).map(|token| token.text.as_str());
    text(1) == Some("(") && matches!(text(2), Some("crate" | "super")) && text(3) == Some(")")
}

fn plain_path(tokens: &[Token], at: usize, test: bool, depth: usize) -> (Path, usize) {
    let mut path = Path { segments: vec![tokens[at].text.clone()], line: tokens[at].line, test, depth };
    let mut at = at + 1;
    while at + 1 < tokens.len() && tokens[at].text == "::" && is_word(&tokens[at + 1].text) {
        path.segments.push(tokens[at + 1].text.clone());
        at += 2;
    }
    (path, at)
}

/// Reads one `use` tree that begins at `at`; answers where it ends (at `;`, `,` or `}`).
fn use_tree(tokens: &[Token], mut at: usize, prefix: &[String], out: &mut Vec<Path>) -> usize {
    let mut path = prefix.to_vec();
    let mut line = tokens.get(at).map_or(0, |token| token.line);
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" | "," | "}" => break,
            "::" => at += 1,
            "{" => {
                at += 1;
                while at < tokens.len() && tokens[at].text != "}" {
                    at = use_tree(tokens, at, &path, out);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    } else if tokens.get(at).is_some_and(|token| token.text == ";") {
                        return at;
                    }
                }
                return at + 1;
            }
            "as" => at += 2,
            text => {
                line = tokens[at].line;
                if text != "self" || path.is_empty() {
                    path.push(text.to_owned());
                }
                at += 1;
            }
        }
    }
    if path.len() > prefix.len() || !path.is_empty() {
        out.push(Path { segments: path, line, test: false, depth: 0 });
    }
    at
}

fn attribute_end(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_i32;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.text.as_str() {
            "[" => depth += 1,
            "]" => {
                depth -= 1;
                if depth == 0 {
                    return at + offset + 1;
                }
            }
            _ if depth == 0 && offset > 1 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// `#[cfg(test)]` and what contains it, but not `#[cfg(not(test))]`.
fn is_test_attribute(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    words.contains(&"cfg") && words.contains(&"test") && !words.contains(&"not")
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(is_start)
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    (from..chars.len()).find(|&at| stop(chars[at])).unwrap_or(chars.len())
}

fn block_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// Past the closing quote of the string that opens at `from`.
fn string(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Past a raw string whose `#`s or quote begin at `from`; `None` for a raw identifier.
fn raw_string(chars: &[char], from: usize) -> Option<usize> {
    let open = find(chars, from, |c| c != '#');
    let hashes = open - from;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let mut at = open + 1;
    while at < chars.len() {
        let close = chars[at] == '"' && chars[at + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
        if close {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(chars.len())
}

fn char_or_lifetime(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => (find(chars, from + 3, |c| c == '\'') + 1).min(chars.len()),
        (Some(_), Some('\'')) => from + 3,
        _ => find(chars, from + 1, |c| !is_part(c)),
    }
}

#[test]
fn literals_and_comments_hide_nothing_and_show_nothing() {
    let text = "let a = \"crate::tui \\\" {\"; // crate::cli\n/* /* unsafe */ nix::x */ b'}'; '\\''; r#\"}\"#; 'a: x\ny";
    let words: Vec<(String, usize)> = tokens(text)
        .into_iter()
        .filter(|token| is_word(&token.text))
        .map(|token| (token.text, token.line))
        .collect();
    let expected = [("let", 1), ("a", 1), ("x", 2), ("y", 3)];
    assert_eq!(words, expected.map(|(word, line)| (word.to_owned(), line)));
}

#[test]
fn use_groups_are_expanded_and_test_code_is_known() {
    let found = paths(&tokens(
        "pub(crate) use crate::{heap::{self, Survey}, scene as s};\n#[cfg(test)]\nmod tests {\n use nix::x;\n}\nfn f() { crate::tui::y() }",
    ));
    let shown: Vec<String> = found
        .iter()
        .map(|path| format!("{} {} {}", path.line, path.segments.join("::"), path.test))
        .collect();
    for wanted in [
        "1 crate::heap false",
        "1 crate::heap::Survey false",
        "1 crate::scene false",
        "4 nix::x true",
        "6 crate::tui::y false",
    ] {
        assert!(shown.iter().any(|path| path == wanted), "{wanted} not in {shown:#?}");
    }
    assert!(!shown.iter().any(|path| path == "1 crate false"), "a visibility is no path: {shown:#?}");
}

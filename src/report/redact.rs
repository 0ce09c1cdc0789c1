//! What must not leave the house in an export: private keys, authorisation headers, values of the environment,
//! names of users in paths.
//!
//! It looks at the text that brkwater is about to write, so it finds what is written in one piece; a secret
//! that is cut in two by the limit on strings it does not know.

use std::collections::BTreeSet;

/// Words in the name of a variable whose value is a secret wherever it stands.
const SECRET_WORDS: &[&str] = &["TOKEN", "SECRET", "PASS", "KEY", "CRED", "AUTH", "COOKIE", "PRIVATE", "DSN"];

/// A shorter value would be found where it only looks like one.
const SHORTEST: usize = 6;

/// Replaces secrets, and counts the different ones.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Values that are secret wherever they stand, and what is written instead.
    literals: Vec<(String, String)>,
    /// The user's home, where it is not below `/home`.
    home: Option<String>,
    found: BTreeSet<String>,
}

impl Redactor {
    /// A redactor for a process with this environment (name and value).
    #[must_use]
    pub fn new(environment: &[(String, String)]) -> Redactor {
        let is_secret = |name: &str| {
            let name = name.to_ascii_uppercase();
            SECRET_WORDS.iter().any(|word| name.contains(word))
        };
        let secret = |(name, value): &&(String, String)| value.chars().count() >= SHORTEST && is_secret(name);
        let mut literals: Vec<(String, String)> = environment
            .iter()
            .filter(secret)
            .map(|(name, value)| (value.clone(), format!("[redacted {name}]")))
            .collect();
        // A value that holds another one goes first.
        literals.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        let home = environment.iter().find(|(name, _)| name == "HOME").map(|(_, value)| value.as_str());
        let home = home.map(|home| home.trim_end_matches('/')).filter(|home| is_home(home));
        Redactor { literals, home: home.map(str::to_owned), found: BTreeSet::new() }
    }

    /// How many different secrets were replaced so far.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.found.len() as u64
    }

    /// The text with secrets replaced.
    #[must_use]
    pub fn hide(&mut self, text: &str) -> String {
        let text = self.key(text);
        let text = self.header(&text);
        let text = self.variable(&text);
        let text = self.literal(text);
        let text = self.home(&text);
        self.users(&text)
    }

    /// Everything from a key's first line to the end of the quoted string, or of the text.
    fn key(&mut self, text: &str) -> String {
        const START: &str = "-----BEGIN ";
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(START) {
            let line = &rest[at..];
            let is_key = line.find("PRIVATE KEY-----").is_some_and(|end| end < START.len() + 32);
            if !is_key {
                let skip = at + START.len();
                out.push_str(&rest[..skip]);
                rest = &rest[skip..];
                continue;
            }
            out.push_str(&rest[..at]);
            out.push_str("[redacted private key]");
            rest = line.find('"').map_or("", |end| &line[end..]);
            self.found.insert(line[..line.len() - rest.len()].to_owned());
        }
        out + rest
    }

    /// `Authorization: …`, `proxy-authorization:…`: HTTP does not care for capitals.
    fn header(&mut self, text: &str) -> String {
        const NAME: &str = "authorization:";
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = find_ignoring_case(rest, NAME) {
            let after = &rest[at + NAME.len()..];
            let value = after.trim_start_matches(' ');
            out.push_str(&rest[..rest.len() - value.len()]);
            rest = value.find(['"', '\\', '\n']).map_or("", |end| &value[end..]);
            if value.len() > rest.len() {
                out.push_str("[redacted]");
                self.found.insert(value[..value.len() - rest.len()].to_owned());
            }
        }
        out + rest
    }

    /// `"NAME=value"` in quotes, as a variable of the environment looks in an argument.
    fn variable(&mut self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('"') {
            let inside = &rest[at + 1..];
            let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            let name = inside.find(|c| !is_name(c)).unwrap_or(inside.len());
            let named = inside.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
            let value = inside[name..].strip_prefix('=').filter(|_| named);
            let Some(value) = value else {
                out.push_str(&rest[..=at]);
                rest = inside;
                continue;
            };
            out.push_str(&rest[..rest.len() - value.len()]);
            rest = &value[string_end(value)..];
            if value.len() > rest.len() {
                out.push_str("[redacted]");
                self.found.insert(value[..value.len() - rest.len()].to_owned());
            }
        }
        out + rest
    }

    fn literal(&mut self, mut text: String) -> String {
        for (value, instead) in &self.literals {
            if text.contains(value.as_str()) {
                self.found.insert(value.clone());
                text = text.replace(value.as_str(), instead);
            }
        }
        text
    }

    fn home(&mut self, text: &str) -> String {
        let Some(home) = self.home.clone() else { return text.to_owned() };
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(&home) {
            let tail = &rest[at + home.len()..];
            let is_inside = |c: char| c.is_alphanumeric() || "._-/".contains(c);
            let whole = !rest[..at].ends_with(is_inside)
                && !tail.starts_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
            out.push_str(&rest[..at]);
            if whole {
                self.found.insert(home.clone());
            }
            out.push_str(if whole { "~" } else { &home });
            rest = tail;
        }
        out + rest
    }

    /// The names behind `/home/`.
    fn users(&mut self, text: &str) -> String {
        const ROOT: &str = "/home/";
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find(ROOT) {
            let tail = &rest[at + ROOT.len()..];
            let name = tail.find(|c: char| !(c.is_alphanumeric() || "._-".contains(c))).unwrap_or(tail.len());
            out.push_str(&rest[..at + ROOT.len()]);
            if name > 0 {
                self.found.insert(format!("{ROOT}{}", &tail[..name]));
                out.push('~');
            }
            rest = &tail[name..];
        }
        out + rest
    }
}

/// A home that is somebody's own, and no directory that everybody has.
fn is_home(path: &str) -> bool {
    let own = path == "/root" || path.matches('/').count() >= 2;
    path.starts_with('/') && own && !path.starts_with("/home/") && !path.starts_with("/usr/")
}

fn find_ignoring_case(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    // The word is ASCII, so it is found at the beginning of a letter.
    text.windows(word.len()).position(|window| window.eq_ignore_ascii_case(word))
}

/// Where a quoted string ends: at a quote without a backslash before it.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => return at,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(text: &str) -> (String, u64) {
        let environment = [("API_TOKEN", "tok-12345"), ("TERM_KEY", "abc"), ("HOME", "/root")];
        let owned = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut redactor = Redactor::new(&owned);
        let text = redactor.hide(text);
        (text, redactor.found())
    }

    #[test]
    fn secrets_are_replaced_and_counted() {
        for (text, hidden, found) in [
            (
                r#"0x1 "-----BEGIN RSA PRIVATE KEY-----\nMIIE", n=2"#,
                r#"0x1 "[redacted private key]", n=2"#,
                1,
            ),
            ("-----BEGIN CERTIFICATE-----\nMII", "-----BEGIN CERTIFICATE-----\nMII", 0),
            (r#""Authorization: Basic Zm9v\r\nHost""#, r#""Authorization: [redacted]\r\nHost""#, 1),
            (r#""proxy-authorization:Bearer é""#, r#""proxy-authorization:[redacted]""#, 1),
            ("/home/eve.x/src:/home/bob:/home/bob", "/home/~/src:/home/~:/home/~", 2),
            (r#"s=0x1 "LANG=C \"x\" y", n=1"#, r#"s=0x1 "LANG=[redacted]", n=1"#, 1),
            (r#"curl -H 'x: tok-12345' abc"#, "curl -H 'x: [redacted API_TOKEN]' abc", 1),
            ("/root/x /root /rooted /a/root/b", "~/x ~ /rooted /a/root/b", 1),
            (r#"f("a=b", "x")"#, r#"f("a=b", "x")"#, 0),
        ] {
            assert_eq!(redact(text), (hidden.to_owned(), found), "{text}");
        }
    }
}

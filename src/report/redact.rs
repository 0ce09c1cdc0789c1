//! What must not leave the house in an export: private keys, authorisation headers, names of users in paths.
//!
//! It looks at the text that brkwater is about to write, so it finds what is written in one piece; a secret
//! that is cut in two by the limit on strings it does not know.

/// The text with secrets replaced, and how many there were.
#[must_use]
pub fn redact(text: &str) -> (String, u64) {
    let mut found = 0;
    let text = between(text, "-----BEGIN ", "PRIVATE KEY-----", "[redacted private key]", &mut found);
    let text = header(&text, "Authorization: ", &mut found);
    let text = path(&text, "/home/", &mut found);
    (text, found)
}

/// Everything from a key's first line to the end of the quoted string, or of the text.
fn between(text: &str, start: &str, kind: &str, instead: &str, found: &mut u64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(start) {
        let line = &rest[at..];
        let is_key = line.find(kind).is_some_and(|end| end < start.len() + 32);
        if !is_key {
            let skip = at + start.len();
            out.push_str(&rest[..skip]);
            rest = &rest[skip..];
            continue;
        }
        *found += 1;
        out.push_str(&rest[..at]);
        out.push_str(instead);
        rest = line.find('"').map_or("", |end| &line[end..]);
    }
    out + rest
}

fn header(text: &str, name: &str, found: &mut u64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        *found += 1;
        out.push_str(&rest[..at + name.len()]);
        out.push_str("[redacted]");
        let tail = &rest[at + name.len()..];
        rest = tail.find(['"', '\\', '\n']).map_or("", |end| &tail[end..]);
    }
    out + rest
}

fn path(text: &str, root: &str, found: &mut u64) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(root) {
        let tail = &rest[at + root.len()..];
        let name = tail.find(|c: char| !(c.is_alphanumeric() || "._-".contains(c))).unwrap_or(tail.len());
        out.push_str(&rest[..at + root.len()]);
        if name > 0 {
            *found += 1;
            out.push('~');
        }
        rest = &tail[name..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_and_counted() {
        let key = r#"0x1 "-----BEGIN RSA PRIVATE KEY-----\nMIIE", n=2"#;
        assert_eq!(redact(key), (r#"0x1 "[redacted private key]", n=2"#.to_owned(), 1));
        assert_eq!(
            redact("-----BEGIN CERTIFICATE-----\nMII"),
            ("-----BEGIN CERTIFICATE-----\nMII".to_owned(), 0)
        );
        assert_eq!(
            redact("\"Authorization: Basic Zm9v\\r\\nHost\""),
            ("\"Authorization: [redacted]\\r\\nHost\"".to_owned(), 1)
        );
        assert_eq!(redact("/home/eve.x/src:/home/bob"), ("/home/~/src:/home/~".to_owned(), 2));
    }
}

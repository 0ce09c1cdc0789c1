//! Words of our command line as words of the command language.

/// A word that a shell takes apart into itself, as gdb writes arguments (gdbsupport/common-inferior.cc).
pub(super) fn shell(word: &str) -> String {
    const SPECIAL: &str = "\t !\"#$&'()*;<>?[\\]^`{|}~\n";
    if word.is_empty() {
        return "''".to_owned();
    }
    let mut out = String::with_capacity(word.len());
    for letter in word.chars() {
        if letter == '\n' {
            // A backslash would take the line end away.
            out.push_str("'\n'");
            continue;
        }
        if SPECIAL.contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// A file name for a command that takes one.
pub(super) fn file(name: &str) -> String {
    if name.contains([' ', '\t', '\\', '"', '\'']) && !name.contains('"') {
        return format!("\"{name}\"");
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_as_gdb_does() {
        for (word, wanted) in [
            ("a", "a"),
            ("two words", "two\\ words"),
            ("$HOME", "\\$HOME"),
            ("*", "\\*"),
            ("", "''"),
            ("-x=1", "-x=1"),
        ] {
            assert_eq!(shell(word), wanted);
        }
        assert_eq!(file("a b"), "\"a b\"");
        assert_eq!(file("/usr/bin/x"), "/usr/bin/x");
    }
}

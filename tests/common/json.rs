//! Reading the objects that others parse: by path, with messages that show the whole object.

use serde_json::Value;

/// The object in a command's output: the line that begins with `{`.
pub(crate) fn object(block: &str) -> Value {
    let line = block
        .lines()
        .find(|line| line.starts_with('{'))
        .unwrap_or_else(|| panic!("no JSON line in:\n{block}"));
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}:\n{line}"))
}

/// The value at `a/0/b`; fails, showing everything, when it is not there.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(&format!("/{path}")).unwrap_or_else(|| panic!("no {path} in {value}"))
}

pub(crate) fn number(value: &Value, path: &str) -> u64 {
    at(value, path).as_u64().unwrap_or_else(|| panic!("{path} is no number in {value}"))
}

pub(crate) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).as_str().unwrap_or_else(|| panic!("{path} is no string in {value}"))
}

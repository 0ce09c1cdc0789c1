//! Every event as comma-separated values (RFC 4180): a head line, quotes where they are needed, lines ended by CR LF.
//!
//! A name that a spreadsheet would take for a formula gets an apostrophe before it.

use super::super::escape::plain;
use super::page::{Happening, Page, StackLines};

/// The columns.
const HEAD: [&str; 16] = [
    "seq",
    "seconds",
    "pid",
    "tid",
    "event",
    "what",
    "call",
    "address",
    "length",
    "result",
    "label",
    "cause",
    "rss",
    "site",
    "allocator",
    "stack",
];

/// The file.
pub(super) fn write(page: &Page) -> String {
    let mut out = HEAD.join(",") + "\r\n";
    let mut stacks = StackLines::of(page);
    for event in &page.events {
        let fields = fields(event, &mut stacks).map(|field| quoted(&field));
        out.push_str(&fields.join(","));
        out.push_str("\r\n");
    }
    out
}

fn fields<'a>(event: &'a Happening, stacks: &mut StackLines<'a>) -> [String; 16] {
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    [
        event.seq.to_string(),
        format!("{:.6}", event.t),
        event.pid.to_string(),
        event.tid.to_string(),
        event.kind.to_owned(),
        harmless(&event.text),
        event.call.to_owned(),
        event.address.map(|at| at.to_string()).unwrap_or_default(),
        number(event.length),
        event.result.clone(),
        event.label.clone(),
        event.cause.clone(),
        number(event.rss),
        harmless(&event.site),
        harmless(&event.allocator),
        harmless(stacks.line(&event.stack)),
    ]
}

/// A text of the target's that is no formula.
fn harmless(text: &str) -> String {
    let text = plain(text);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

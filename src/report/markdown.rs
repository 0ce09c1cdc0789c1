//! The page as Markdown, for a bug tracker: `export md FILE`.
//!
//! Title, cause, the backtrace as a table with runs folded, the explanation, the heap's story; then, closed
//! until asked for, all frames in gdb's words, the calls around the stop and the environment. Everything that
//! the target wrote is escaped.

use super::document::{Arg, Document, Frame};
use super::escape::{block, code, plain, prose};
use super::words::file_name;

/// The page.
#[must_use]
pub fn markdown(document: &Document) -> String {
    let mut page = format!("### {}\n\n", prose(&document.title));
    // A headline about something else than a refused brk is no cause of anything.
    let caused = !document.cause.is_null() && document.explanation.headline.contains(") refused: ");
    let word = if caused { "Cause" } else { "In short" };
    page.push_str(&format!("**{word}:** {}\n\n", prose(&document.explanation.headline)));
    if let Some(text) = document.stop["text"].as_str().filter(|text| !text.is_empty()) {
        page.push_str(&format!("**Stop:** {}\n\n", prose(text)));
    }
    backtrace(document, &mut page);
    page.push_str("#### Why\n\n");
    for (number, sentence) in (1..).zip(&document.explanation.sentences) {
        page.push_str(&format!("{number}. `{}` {}\n", sentence.evidence, prose(&sentence.text)));
    }
    page.push_str("\n#### The heap's story\n\n");
    page.push_str(&block(&document.layout_text, "text"));
    page.push('\n');
    page.push_str(&block(&document.growth_text, "text"));
    page.push('\n');
    details(document, &mut page);
    if !document.unknown.is_empty() {
        page.push_str("#### What is unknown\n\n");
        document.unknown.iter().for_each(|text| page.push_str(&format!("- {}\n", prose(text))));
        page.push('\n');
    }
    if !document.reproduce.is_empty() {
        page.push_str("#### Reproduce\n\n");
        page.push_str(&block(&document.reproduce, "sh"));
    }
    if document.redacted > 0 {
        page.push_str(&format!(
            "\n*{} replaced in this export.*\n",
            super::words::count(document.redacted, "secret")
        ));
    }
    page
}

fn backtrace(document: &Document, page: &mut String) {
    if document.frames.is_empty() {
        page.push_str("No stack.\n\n");
        return;
    }
    page.push_str("| # | function | arguments | where |\n|--:|--|--|--|\n");
    for frame in &document.frames {
        if let Some(fold) = document.fold.iter().find(|fold| (fold.from..=fold.to).contains(&frame.n)) {
            if fold.from == frame.n {
                page.push_str(&format!(
                    "| … | *{} frames in {} folded* | | |\n",
                    fold.count(),
                    prose(&fold.label)
                ));
            }
            continue;
        }
        let inlined = if frame.inlined { " *(inlined)*" } else { "" };
        page.push_str(&format!(
            "| {} | {}{inlined} | {} | {} |\n",
            frame.n,
            code(&function(frame)),
            code(&arguments(frame)),
            code(&place(frame))
        ));
    }
    page.push('\n');
    for frame in &document.frames {
        for note in &frame.notes {
            page.push_str(&format!("> #{}: {}\n", frame.n, prose(note)));
        }
    }
    page.push('\n');
}

fn details(document: &Document, page: &mut String) {
    let frames: Vec<String> = document.frames.iter().map(gdb_line).collect();
    let parts = [
        ("frames", "all frames", frames),
        ("calls", "latest memory calls", document.call_lines()),
        ("", "environment", document.environment_lines()),
    ];
    for (noun, title, lines) in parts {
        if lines.is_empty() {
            continue;
        }
        let count = if noun.is_empty() { String::new() } else { format!(" ({})", lines.len()) };
        page.push_str(&format!("<details><summary>{title}{count}</summary>\n\n"));
        page.push_str(&block(&lines, "text"));
        page.push_str("\n</details>\n\n");
    }
}

/// `#1  0x… in sysmalloc (nb=nb@entry=48) at ./malloc/malloc.c:2746`, as gdb prints it.
pub(super) fn gdb_line(frame: &Frame) -> String {
    let level = format!("#{:<3}", frame.n);
    if frame.signal_handler {
        return format!("{level}<signal handler called>");
    }
    let address = if frame.show_address { format!("{:#018x} in ", frame.address.0) } else { String::new() };
    let place = match (&frame.file, frame.line, &frame.from) {
        (Some(file), Some(line), _) => format!(" at {file}:{line}"),
        (_, _, Some(from)) => format!(" from {from}"),
        _ => String::new(),
    };
    format!("{level}{address}{} ({}){place}", function(frame), arguments(frame))
}

pub(super) fn function(frame: &Frame) -> String {
    frame
        .function
        .clone()
        .unwrap_or_else(|| if frame.signal_handler { "<signal handler called>" } else { "??" }.to_owned())
}

pub(super) fn arguments(frame: &Frame) -> String {
    frame.args.iter().map(argument).collect::<Vec<_>>().join(", ")
}

/// As gdb's `print entry-values default` does: `len=1`, `len=len@entry=1`, `len@entry=1`.
fn argument(arg: &Arg) -> String {
    let name = &arg.name;
    match (&arg.value, &arg.entry_value) {
        _ if name.is_empty() => "...".to_owned(),
        (Some(value), Some(entry)) if value == entry => format!("{name}={name}@entry={value}"),
        (Some(value), Some(entry)) => format!("{name}={value}, {name}@entry={entry}"),
        (None, Some(entry)) => format!("{name}@entry={entry}"),
        (Some(value), None) => format!("{name}={value}"),
        (None, None) => format!("{name}=?"),
    }
}

pub(super) fn place(frame: &Frame) -> String {
    match (&frame.file, frame.line, &frame.module) {
        (Some(file), Some(line), _) => format!("{}:{line}", plain(file_name(file))),
        (Some(file), None, _) => plain(file_name(file)),
        (None, _, Some(module)) => plain(file_name(module)),
        _ => String::new(),
    }
}

//! The page as plain text: gdb's backtrace at the beginning of lines, as bug trackers parse it, and our sections
//! around it, none of whose lines begins as a frame does.

use super::super::document::Document;
use super::super::escape::plain;
use super::super::markdown::gdb_line;
use super::super::words::count;

/// The page.
pub(super) fn write(document: &Document) -> String {
    let mut page = format!("{}\n\n{}\n", document.title, document.explanation.headline);
    if let Some(text) = document.stop["text"].as_str().filter(|text| !text.is_empty()) {
        page.push_str(&format!("\n{}\n", plain(text)));
    }
    page.push('\n');
    if document.frames.is_empty() {
        page.push_str("No stack.\n");
    }
    for frame in &document.frames {
        page.push_str(&format!("{}\n", plain(&gdb_line(frame))));
        for note in &frame.notes {
            page.push_str(&format!("    ^ {}\n", plain(note)));
        }
    }
    let sentences = document
        .explanation
        .sentences
        .iter()
        .map(|sentence| format!("{} {}", sentence.evidence, sentence.text));
    section("Why", sentences, &mut page);
    section("Address space", document.layout_text.iter().cloned(), &mut page);
    section("Growth", document.growth_text.iter().cloned(), &mut page);
    section("Latest memory calls", document.call_lines().into_iter(), &mut page);
    section("Unknown", document.unknown.iter().cloned(), &mut page);
    section("Environment", document.environment_lines().into_iter(), &mut page);
    section("Reproduce", document.reproduce.iter().cloned(), &mut page);
    if document.redacted > 0 {
        page.push_str(&format!("\n({} replaced in this export.)\n", count(document.redacted, "secret")));
    }
    page
}

/// A title and indented lines; nothing when there are none.
fn section(title: &str, lines: impl Iterator<Item = String>, page: &mut String) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        page.push_str(&format!("\n{title}:\n"));
        for line in lines {
            page.push_str(format!("    {}", plain(&line)).trim_end());
            page.push('\n');
        }
    }
}

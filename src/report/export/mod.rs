//! The page in the formats that other programs read: `export FORMAT FILE`.
//!
//! Each writer is a function from a finished [`Page`] to bytes. It reads no process and no clock, and replaces no
//! secret: a page is already what may leave the house.

mod chrome;
mod csv;
mod folded;
mod html;
mod page;
mod pprof;
mod proto;
mod speedscope;
mod stable;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod timeline;

pub use page::{Binary, Page};

/// A format.
#[derive(Copy, Clone, Debug)]
pub struct Format {
    /// What is typed for it.
    pub name: &'static str,
    /// What it is, and who reads it.
    pub what: &'static str,
    /// Writes the page.
    pub write: fn(&Page) -> Vec<u8>,
    /// Whether it tells of the whole run, so that every recorded stack needs names.
    pub whole: bool,
}

/// The formats, in the order of `help export`.
pub const FORMATS: &[Format] = &[
    Format { name: "md", what: "Markdown, for an issue or a report", write: markdown, whole: false },
    Format {
        name: "text",
        what: "plain text with gdb's backtrace, for a bug tracker",
        write: text,
        whole: false,
    },
    Format { name: "html", what: "one page for a browser, with pictures", write: html, whole: false },
    Format { name: "svg", what: "a picture: address space and timeline", write: svg, whole: false },
    Format { name: "json", what: "everything as brkwater.stop/1", write: json, whole: false },
    Format {
        name: "folded",
        what: "growth by stack, for flamegraph.pl, inferno",
        write: folded,
        whole: true,
    },
    Format {
        name: "speedscope",
        what: "growth by stack, for speedscope.app",
        write: speedscope,
        whole: true,
    },
    Format {
        name: "pprof",
        what: "growth by stack, for pprof and stores of profiles",
        write: pprof::write,
        whole: true,
    },
    Format {
        name: "perfetto",
        what: "calls and memory over time, for ui.perfetto.dev",
        write: chrome,
        whole: true,
    },
    Format { name: "chrome", what: "the same, for chrome://tracing", write: chrome, whole: true },
    Format { name: "csv", what: "every event, for a spreadsheet", write: csv, whole: true },
];

/// The format with this name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

fn markdown(page: &Page) -> Vec<u8> {
    page.text(super::markdown(&page.document)).into_bytes()
}

fn json(page: &Page) -> Vec<u8> {
    page.text(page.document.json()).into_bytes()
}

fn text(page: &Page) -> Vec<u8> {
    page.text(text::write(&page.document)).into_bytes()
}

fn html(page: &Page) -> Vec<u8> {
    page.text(html::write(page)).into_bytes()
}

fn svg(page: &Page) -> Vec<u8> {
    page.text(svg::write(page)).into_bytes()
}

fn folded(page: &Page) -> Vec<u8> {
    page.text(folded::write(page)).into_bytes()
}

fn speedscope(page: &Page) -> Vec<u8> {
    page.text(speedscope::write(page)).into_bytes()
}

fn chrome(page: &Page) -> Vec<u8> {
    page.text(chrome::write(page)).into_bytes()
}

fn csv(page: &Page) -> Vec<u8> {
    page.text(csv::write(page)).into_bytes()
}

//! The address space and the timeline as one picture: no scripts, nothing from elsewhere, light and dark.
//!
//! Four hues carry meaning (used, top of a scale, blocker, fallback), as on the screen; each also has a pattern and a
//! word, so that the picture can be read without colour. A region's `<title>` says what it is when it is pointed at.

use super::super::escape::xml;
use super::super::tables::label_word;
use super::super::words::{moment, place};
use super::page::Page;
use super::timeline;
use crate::addr::{Span, human_size};
use crate::heap::story::RegionKind;
use crate::heap::story::strip::Cell;

/// The picture's width, in its own units.
pub(super) const WIDTH: f64 = 960.0;
/// What is free at both sides.
pub(super) const MARGIN: f64 = 8.0;
const STRIP_HEIGHT: f64 = 28.0;
/// Narrower runs get no word.
const NAMED: f64 = 44.0;

/// Colours and patterns. The hues are those of the screen's two themes.
const STYLE: &str = "\
.bw{font:11px ui-monospace,monospace;--ink:#111;--paper:#fff;--used:#0050b5;--top:#4a8a8a;--blocker:#8e1600;\
--fallback:#b07800;--quiet:#777;--other:#ddd;background:var(--paper)}\
@media(prefers-color-scheme:dark){.bw{--ink:#eee;--paper:#101010;--used:#56b4e9;--top:#b7e3c4;--blocker:#e0450a;\
--fallback:#f0c838;--quiet:#999;--other:#444}}\
.bw text{fill:var(--ink)}.bw .quiet{fill:var(--quiet)}.bw .paper{fill:var(--paper)}.bw .heap{fill:var(--used)}\
.bw .fallback{fill:url(#bw-fallback)}.bw .chunk{fill:url(#bw-chunk)}.bw .blocker{fill:var(--blocker)}\
.bw .file{fill:var(--other)}.bw .anonymous{fill:url(#bw-anonymous)}.bw .gap{fill:none}\
.bw .cell{stroke:var(--ink);stroke-width:.5}.bw .gap.cell{stroke-dasharray:2 2}.bw .axis{stroke:var(--quiet);\
stroke-width:.5;fill:none}.bw .rss{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:4 2;fill:none}\
.bw .break{stroke:var(--ink);stroke-width:1.5}.bw .onused{fill:var(--paper)}";

const PATTERNS: &str = "\
<pattern id=\"bw-fallback\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<rect width=\"6\" height=\"6\" style=\"fill:var(--fallback)\"/><path d=\"M0 0V6\" style=\"stroke:var(--paper);stroke-width:1.5\"/></pattern>\
<pattern id=\"bw-chunk\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"6\" height=\"6\" style=\"fill:var(--top)\"/><path d=\"M0 3H6M3 0V6\" style=\"stroke:var(--paper);stroke-width:1\"/></pattern>\
<pattern id=\"bw-anonymous\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
<rect width=\"5\" height=\"5\" style=\"fill:var(--other)\"/><circle cx=\"2\" cy=\"2\" r=\"1\" style=\"fill:var(--quiet)\"/></pattern>";

/// The picture as a file of its own.
pub(super) fn write(page: &Page) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", picture(page))
}

/// The picture as an element, for a page.
pub(super) fn picture(page: &Page) -> String {
    let mut body = String::new();
    let below = strip(page, 18.0, &mut body);
    let height = timeline::draw(page, below + 34.0, &mut body);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bw\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" role=\"img\" \
         aria-label=\"{}\">\n<style>{STYLE}</style>\n<defs>{PATTERNS}</defs>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\n{body}</svg>\n",
        xml(&page.document.explanation.headline)
    )
}

/// Cells of one kind that stand beside each other.
struct Run<'a> {
    cells: &'a [Cell],
    from: usize,
}

/// The address space; gives the lower edge of what was drawn.
fn strip(page: &Page, top: f64, body: &mut String) -> f64 {
    let cells = &page.strip.cells;
    let (at, wide) = (top, (WIDTH - 2.0 * MARGIN) / cells.len().max(1) as f64);
    let title = "Address space, lowest address first; widths are logarithmic";
    body.push_str(&format!("<text x=\"{MARGIN}\" y=\"{:.0}\">{title}</text>\n", top - 6.0));
    if cells.is_empty() {
        body.push_str(&format!(
            "<text class=\"quiet\" x=\"{MARGIN}\" y=\"{:.0}\">No mapping is known.</text>\n",
            at + 18.0
        ));
    }
    let mut from = 0;
    for cells in cells.chunk_by(|a, b| a.kind == b.kind) {
        run(page, &Run { cells, from }, (at, wide), body);
        from += cells.len();
    }
    if let Some(column) = page.strip.line {
        let x = MARGIN + (column as f64 + 0.5) * wide;
        let (y, low) = (at - 3.0, at + STRIP_HEIGHT + 6.0);
        let shift = if x > WIDTH - 80.0 { "end" } else { "middle" };
        body.push_str(&format!(
            "<path class=\"break\" d=\"M{x:.1} {y:.1}V{low:.1}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{shift}\">▲ break</text>\n",
            low + 11.0
        ));
    }
    legend(at + STRIP_HEIGHT + 34.0, body)
}

fn run(page: &Page, run: &Run<'_>, (at, wide): (f64, f64), body: &mut String) {
    let [first, .., last] = run.cells else {
        return if let [one] = run.cells {
            drawn(page, one.kind, one.span, run, (at, wide), body)
        };
    };
    drawn(page, first.kind, Span::new(first.span.start, last.span.end), run, (at, wide), body);
}

fn drawn(
    page: &Page,
    kind: RegionKind,
    span: Span,
    run: &Run<'_>,
    (at, wide): (f64, f64),
    body: &mut String,
) {
    let x = MARGIN + run.from as f64 * wide;
    let width = run.cells.len() as f64 * wide;
    let class = class(kind);
    body.push_str(&format!("<g><title>{}</title>", xml(&about(page, kind, span))));
    body.push_str(&format!(
        "<rect class=\"{class} cell\" x=\"{x:.1}\" y=\"{at:.1}\" width=\"{width:.1}\" height=\"{STRIP_HEIGHT}\"/>"
    ));
    let middle = (x + width / 2.0, at + STRIP_HEIGHT / 2.0);
    if kind == RegionKind::Blocker {
        let (cx, cy) = middle;
        body.push_str(&format!(
            "<path class=\"blocker cell\" d=\"M{cx:.1} {:.1}l8 12-8 12-8-12z\"/>\
             <text x=\"{cx:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"onused\">!</text>",
            cy - 12.0,
            cy + 4.0
        ));
    } else if width >= NAMED {
        let word = short(kind, span);
        if word.chars().count() as f64 * 6.7 < width {
            let mut plate = String::new();
            if matches!(kind, RegionKind::Fallback | RegionKind::MmapChunk | RegionKind::Anonymous) {
                let half = word.chars().count() as f64 * 3.4 + 2.0;
                plate = format!(
                    "<rect class=\"paper\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\"/>",
                    middle.0 - half,
                    middle.1 - 7.0,
                    2.0 * half
                );
            }
            let ink = if kind == RegionKind::Heap { " class=\"onused\"" } else { "" };
            body.push_str(&format!(
                "{plate}<text{ink} x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                middle.0,
                middle.1 + 4.0,
                xml(&word)
            ));
        }
    }
    body.push_str("</g>\n");
}

/// What the regions under a run of cells are, and who asked for the first of them.
fn about(page: &Page, kind: RegionKind, span: Span) -> String {
    let under: Vec<_> = page.layout.regions.iter().filter(|region| region.span.overlaps(span)).collect();
    let bytes: u64 = under.iter().map(|region| region.span.len()).sum();
    let number = if under.len() > 1 { format!("{} × ", under.len()) } else { String::new() };
    let mut text = format!("{number}{} {}, {span}", kind.word(), human_size(bytes));
    let Some(region) = under.first() else { return text };
    if let Some(perms) = region.perms {
        text.push_str(&format!(" {perms}"));
    }
    if !region.name.is_empty() {
        text.push_str(&format!(" {}", region.name));
    }
    if let Some(label) = region.label {
        text.push_str(&format!(", {}", label_word(label)));
    }
    if let Some(site) = &region.site {
        text.push_str(&format!(" by {}", place(site)));
    }
    if let Some(t) = region.t {
        text.push_str(&format!(" at {}", moment(t)));
    }
    text
}

fn class(kind: RegionKind) -> &'static str {
    match kind {
        RegionKind::Heap => "heap",
        RegionKind::Blocker => "blocker",
        RegionKind::Fallback => "fallback",
        RegionKind::MmapChunk => "chunk",
        RegionKind::Gap => "gap",
        RegionKind::Program | RegionKind::Data | RegionKind::Library | RegionKind::Vdso => "file",
        RegionKind::Arena
        | RegionKind::ThreadStack
        | RegionKind::Stack
        | RegionKind::Anonymous
        | RegionKind::Unknown => "anonymous",
    }
}

fn short(kind: RegionKind, span: Span) -> String {
    match kind {
        RegionKind::Heap => "heap".to_owned(),
        RegionKind::Fallback => "fallback".to_owned(),
        RegionKind::MmapChunk => "large".to_owned(),
        RegionKind::Library => "files".to_owned(),
        RegionKind::Gap => human_size(span.len()),
        kind => kind.word().to_owned(),
    }
}

/// What the patterns mean; gives its lower edge.
fn legend(at: f64, body: &mut String) -> f64 {
    let entries = [
        ("heap", "heap (brk)"),
        ("fallback", "malloc fallback (mmap)"),
        ("chunk", "large blocks"),
        ("blocker", "blocker"),
        ("file", "files"),
        ("anonymous", "other memory"),
        ("gap", "nothing mapped"),
    ];
    let mut x = MARGIN;
    for (class, word) in entries {
        body.push_str(&format!(
            "<rect class=\"{class} cell\" x=\"{x:.1}\" y=\"{:.1}\" width=\"14\" height=\"10\"/>\
             <text x=\"{:.1}\" y=\"{at:.1}\">{word}</text>\n",
            at - 9.0,
            x + 18.0
        ));
        x += 34.0 + word.len() as f64 * 6.7;
    }
    at
}

//! The address space as one row of characters: what the heap pane, `info heap` and an export share.
//!
//! Regions get cells by the logarithm of their pages, gaps a constant width with their size where there is
//! room; nothing is to scale. Every cell knows the addresses that it stands for, so that a screen can colour
//! it and say what is under the cursor.

use serde::{Deserialize, Serialize};

use super::layout::{Layout, Region, RegionKind};
use crate::addr::{Span, human_size};

/// Which characters to draw with.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Glyphs {
    /// Block elements and line drawing.
    Unicode,
    /// ASCII only.
    Ascii,
}

/// One character of the row.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The character, one column wide.
    pub glyph: char,
    /// What it stands for.
    pub kind: RegionKind,
    /// The addresses that it stands for.
    pub span: Span,
}

/// The row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strip {
    /// The cells, lowest address first; never more than the width asked for.
    pub cells: Vec<Cell>,
    /// The column under which the break is, if it is known and in the picture.
    pub line: Option<usize>,
}

impl Glyphs {
    /// The character for a kind of region.
    #[must_use]
    pub fn of(self, kind: RegionKind) -> char {
        let (unicode, ascii) = match kind {
            RegionKind::Program | RegionKind::Data | RegionKind::Library => ('▤', 'f'),
            RegionKind::Heap => ('█', '#'),
            RegionKind::Blocker => ('◆', 'X'),
            RegionKind::Fallback => ('▓', '='),
            RegionKind::MmapChunk => ('▚', 'm'),
            RegionKind::Arena => ('▞', 'a'),
            RegionKind::ThreadStack | RegionKind::Stack => ('S', 'S'),
            RegionKind::Vdso => ('v', 'v'),
            RegionKind::Anonymous => ('▒', 'o'),
            RegionKind::Unknown => ('?', '?'),
            RegionKind::Gap => ('┄', '.'),
        };
        if self == Glyphs::Unicode { unicode } else { ascii }
    }

    /// The mark of the break, under the row.
    #[must_use]
    pub fn line(self) -> char {
        if self == Glyphs::Unicode { '▲' } else { '^' }
    }
}

impl Strip {
    /// The row as text.
    #[must_use]
    pub fn row(&self) -> String {
        self.cells.iter().map(|cell| cell.glyph).collect()
    }

    /// The row and, where the break is in the picture, a second line with its mark.
    #[must_use]
    pub fn text(&self, glyphs: Glyphs) -> String {
        match self.line {
            Some(column) => format!("{}\n{}{} break\n", self.row(), " ".repeat(column), glyphs.line()),
            None => format!("{}\n", self.row()),
        }
    }
}

/// A gap of fewer pages gets no name (its cell still knows its addresses).
const NAMED: u64 = 256;

/// Neighbours of one kind, drawn as one.
struct Run {
    kind: RegionKind,
    span: Span,
    pages: u64,
    cells: usize,
}

/// Draws a layout `width` columns wide. A width that does not hold one cell for each run cuts the row off at
/// its right end.
#[must_use]
pub fn strip(layout: &Layout, width: usize, glyphs: Glyphs) -> Strip {
    let mut runs = runs(layout);
    let labels = share(&mut runs, width);
    let mut cells = Vec::with_capacity(width);
    for (run, label) in runs.iter().zip(labels) {
        draw(run, label, glyphs, &mut cells);
    }
    cells.truncate(width);
    let line = layout.line.current.and_then(|line| {
        let at = line.page_up();
        cells
            .iter()
            .position(|cell| cell.span.contains(at) || cell.span.end == at && cell.kind == RegionKind::Heap)
    });
    Strip { cells, line }
}

/// Regions in order, neighbours of one kind joined; small gaps inside the files' area vanish into it.
fn runs(layout: &Layout) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for region in &layout.regions {
        let (kind, pages) = (drawn_kind(region), region.span.len().div_ceil(crate::addr::PAGE));
        match runs.last_mut() {
            Some(last) if last.kind == kind => {
                last.span.end = region.span.end;
                last.pages = last.pages.saturating_add(pages);
            }
            _ => runs.push(Run { kind, span: region.span, pages, cells: 1 }),
        }
    }
    runs
}

fn drawn_kind(region: &Region) -> RegionKind {
    match region.kind {
        RegionKind::Data => RegionKind::Program,
        kind => kind,
    }
}

/// Deals the columns out: one to each run, then names to gaps (largest first, at most half of what is left),
/// then the rest by the logarithm of the pages.
fn share(runs: &mut [Run], width: usize) -> Vec<Option<String>> {
    let mut labels: Vec<Option<String>> = runs.iter().map(|_| None).collect();
    let mut left = width.saturating_sub(runs.len());
    let mut for_labels = left / 2;
    let mut gaps: Vec<usize> = (0..runs.len()).filter(|at| runs[*at].kind == RegionKind::Gap).collect();
    gaps.sort_by_key(|at| std::cmp::Reverse(runs[*at].pages));
    for at in gaps {
        let label = human_size(runs[at].span.len());
        let more = label.len() + 3;
        if more <= for_labels && runs[at].pages >= NAMED {
            for_labels -= more;
            left -= more;
            runs[at].cells += more;
            labels[at] = Some(label);
        }
    }
    let weight = |run: &Run| if run.kind == RegionKind::Gap { 0.0 } else { (run.pages as f64 + 1.0).log2() };
    let total: f64 = runs.iter().map(weight).sum();
    if total > 0.0 {
        let columns = left as f64;
        for run in runs.iter_mut() {
            let more = (columns * weight(run) / total).floor() as usize;
            run.cells += more;
            left = left.saturating_sub(more);
        }
        // What rounding left over, one each: the row fills its width.
        for run in runs.iter_mut().filter(|run| run.kind != RegionKind::Gap).take(left) {
            run.cells += 1;
        }
    }
    labels
}

fn draw(run: &Run, label: Option<String>, glyphs: Glyphs, cells: &mut Vec<Cell>) {
    let glyph = glyphs.of(run.kind);
    let text: Vec<char> = match label {
        Some(label) => {
            let inner = format!(" {label} ");
            let pad = run.cells.saturating_sub(inner.len());
            let left = std::iter::repeat_n(glyph, pad / 2);
            left.chain(inner.chars()).chain(std::iter::repeat_n(glyph, pad - pad / 2)).collect()
        }
        None => vec![glyph; run.cells],
    };
    let count = text.len().max(1) as u64;
    // At least a byte per cell: a region of one page drawn on many columns repeats its last addresses.
    let step = (run.span.len() / count).max(1);
    for (n, glyph) in (0_u64..).zip(text) {
        let start = run.span.start.add(step.saturating_mul(n)).min(run.span.end.sub(1));
        let end = if n + 1 == count { run.span.end } else { start.add(step).min(run.span.end) };
        cells.push(Cell { glyph, kind: run.kind, span: Span::new(start, end) });
    }
}

//! The address space as a strip, and what the calls and the structures say about it in words.
//!
//! Numbers come from the story (calls that were seen) and from `info heap` at the last stop (measured); what
//! neither told is left out.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::super::draw::{Context, IntoLine, put};
use super::super::model::{Model, Pane};
use super::super::text;
use super::super::theme::Role;
use super::super::words;
use super::{age, boxed, empty, space};
use crate::addr::human_size;
use crate::event::Cause;
use crate::heap::story::strip::{Glyphs, strip};
use crate::heap::story::{Blocker, Evidence, Story};

/// Draws the pane.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let model = context.model;
    let inner = boxed(context, Pane::Heap, area, "", &note(model), buffer);
    let Some(story) = model.growth.story().filter(|_| !model.growth.layout.regions.is_empty()) else {
        empty(context, inner, &["No memory seen yet.".to_owned()], buffer);
        return;
    };
    let lines = match inner.height {
        0 => return,
        1..=4 => brief(context, story, inner.width),
        _ => facts(context, story, inner.width),
    };
    picture(context, inner, buffer);
    let under = if inner.height >= 5 { 2 } else { 1 };
    for (row, line) in (under..inner.height).zip(lines.iter().cloned()) {
        put(buffer, inner, row, line);
    }
    let used = under + u16::try_from(lines.len()).unwrap_or(0) + 1;
    if inner.height >= used + 4 {
        let rest = Rect { y: inner.y + used, height: inner.height - used, ..inner };
        space::draw(context, rest, buffer);
    }
}

fn note(model: &Model) -> String {
    let layout = &model.growth.layout;
    let mut note = match layout.line.current {
        Some(line) => format!("break {line}"),
        None => "break ?".to_owned(),
    };
    if layout.refused > 0 {
        note.push_str(&format!(" · refused {}×", layout.refused));
    }
    note.push_str(" · not to scale");
    note
}

/// The strip, and below it the mark of the break.
fn picture(context: Context, inner: Rect, buffer: &mut Buffer) {
    let layout = &context.model.growth.layout;
    let width = usize::from(inner.width.saturating_sub(2));
    let strip = strip(layout, width, Glyphs::Unicode);
    let mut spans = vec![Span::raw(" ")];
    for cell in &strip.cells {
        spans.push(Span::styled(cell.glyph.to_string(), context.theme.region(cell.kind)));
    }
    let end = layout.regions.last().map(|region| region.span.end);
    if strip.cells.last().map(|cell| cell.span.end) < end {
        spans.push(Span::raw(text::CUT.to_string()));
    }
    put(buffer, inner, 0, Line::from(spans));
    if inner.height < 5 {
        return;
    }
    if let (Some(column), Some(line)) = (strip.line, layout.line.current) {
        let label = format!("break {line}");
        let lead = " ".repeat(column + 1);
        let mark = if column + 3 + text::width(&label) <= width {
            format!("{lead}▲ {label}")
        } else {
            let room = (column + 1).saturating_sub(text::width(&label) + 1);
            format!("{}{label} ▲", " ".repeat(room))
        };
        put(buffer, inner, 1, context.theme.style(Role::Strong).into_line(mark));
    }
}

/// Three rows at most.
fn brief(context: Context, story: &Story, width: u16) -> Vec<Line<'static>> {
    let theme = context.theme;
    let layout = &context.model.growth.layout;
    let first = match (story.blocker(), &story.refusals().last) {
        (Some(blocker), _) => Line::from(vec![
            Span::styled(" ◆ ", theme.style(Role::Error)),
            Span::raw(format!("{} blocker {}", human_size(blocker.span.len()), planter(blocker, width))),
        ]),
        (None, Some(last)) => Line::from(vec![
            Span::styled(" ✗ ", theme.style(Role::Error)),
            Span::raw(format!("brk({}) refused: {}", last.wanted, why(&last.cause))),
        ]),
        (None, None) => Line::from(match layout.line.current {
            Some(line) => format!(" ▲ the break is at {line}, nothing in its way was seen"),
            None => " ▲ where the break is was not seen".to_owned(),
        }),
    };
    vec![first, totals(context, story)]
}

/// The facts in words, one a row.
fn facts(context: Context, story: &Story, width: u16) -> Vec<Line<'static>> {
    let theme = context.theme;
    let layout = &context.model.growth.layout;
    let mut lines = Vec::new();
    if let Some(blocker) = story.blocker() {
        lines.push(Line::from(vec![
            Span::styled(" ◆ BLOCKER ", theme.style(Role::Error)),
            Span::raw(format!(
                "{}{} {}",
                human_size(blocker.span.len()),
                if width < 110 { String::new() } else { format!(" {}", blocker.perms) },
                planter(blocker, width)
            )),
        ]));
    }
    if let Some(last) = &story.refusals().last {
        let first = story.refusals().first.as_ref().map_or(last.asked.t, |first| first.asked.t);
        let when = match layout.refused {
            _ if width < 110 => String::new(),
            0..=1 => format!(" ({})", words::moment(first)),
            _ => format!(" (first {}, last {})", words::moment(first), words::moment(last.asked.t)),
        };
        lines.push(Line::from(vec![
            Span::styled(" ✗ ", theme.style(Role::Error)),
            Span::raw(format!(
                "brk({}) refused {}×: {}{when}",
                last.wanted,
                layout.refused,
                why(&last.cause)
            )),
        ]));
    }
    if layout.totals.fallback_requests > 0 {
        let sizes: Vec<String> = story
            .fallback_sizes()
            .iter()
            .take(4)
            .map(|(size, n)| format!("{}×{n}", human_size(*size)))
            .collect();
        let more = if story.fallback_sizes().len() > 4 { " …" } else { "" };
        let asked: u64 = story.fallback_sizes().iter().map(|(_, n)| *n).sum();
        let live = match layout.totals.fallback_requests {
            live if live == asked => String::new(),
            live => format!(" in {live} requests; asked so far"),
        };
        lines.push(Line::from(vec![
            Span::styled(" ▓ ", theme.style(Role::Fallback)),
            Span::raw(format!(
                "malloc took {} by mmap instead{live}: {}{more}",
                human_size(layout.totals.fallback),
                sizes.join(", ")
            )),
        ]));
    }
    lines.push(totals(context, story));
    if let Some(line) = measured(context, width) {
        lines.push(line);
    }
    lines
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Occupied { blocker, .. } => format!("{blocker} is mapped there"),
        Cause::Limit { name, value, .. } => format!("{} is {}", text::clean(name), words::size(*value)),
        Cause::Overcommit { mode: 0, limit, .. } => format!("more than all memory, {}", words::size(*limit)),
        Cause::Overcommit { limit, .. } => format!("the commit limit is {}", words::size(*limit)),
        Cause::MapCount { count, .. } => format!("{count} mappings are too many"),
        Cause::BeyondEnd { end } => format!("no address space behind {end}"),
        Cause::Errno { errno } => format!("a filter answered with error {errno}"),
        Cause::BelowStart => "below the start of the heap".to_owned(),
        Cause::Unknown => "why is not known".to_owned(),
    }
}

/// Who put a blocker there, when, and how that is known; without the source line where there is little room.
fn planter(blocker: &Blocker, width: u16) -> String {
    let Some(asked) = &blocker.planted else {
        return "there before brkwater came [unknown planter]".to_owned();
    };
    let planter = blocker.planter();
    let name = if width < 110 { words::function } else { words::frame };
    let who = planter.frame.as_ref().map_or_else(|| "?".to_owned(), name);
    let evidence = if planter.frame.is_some() { planter.evidence } else { Evidence::Unknown };
    format!("planted {} by {who} {evidence}", words::moment(asked.t))
}

/// Bytes by what they are for.
fn totals(context: Context, story: &Story) -> Line<'static> {
    let theme = context.theme;
    let totals = &context.model.growth.layout.totals;
    let rss = story.series().points.last().and_then(|point| point.rss);
    let mut spans = vec![
        Span::styled(" █ ", theme.style(Role::Heap)),
        Span::raw(format!("heap {}   ", human_size(totals.heap))),
        Span::styled("▓ ", theme.style(Role::Fallback)),
        Span::raw(format!("fallback {}", human_size(totals.fallback))),
    ];
    if totals.fallback_requests > 0 {
        spans.push(Span::raw(format!(" in {} requests", totals.fallback_requests)));
    }
    if totals.chunk_requests > 0 {
        spans.push(Span::raw(format!("   ▚ large blocks {}", human_size(totals.chunks))));
    }
    if totals.arenas > 0 {
        spans.push(Span::raw(format!("   ▞ arenas {}", human_size(totals.arenas))));
    }
    spans.push(Span::raw(format!("   RSS {}", rss.map_or_else(|| "?".to_owned(), human_size))));
    Line::from(spans)
}

/// What `info heap` measured at the last stop: how much of it lives.
fn measured(context: Context, width: u16) -> Option<Line<'static>> {
    let heap = context.model.views.heap.get()?;
    let arenas = heap.get("arenas")?.as_array()?;
    let sum = |key: &str, of: &str| {
        let values = arenas.iter().filter_map(|arena| arena.get(key)?.get(of)?.as_u64());
        values.fold(0_u64, u64::saturating_add)
    };
    let doubts = heap.get("doubts").and_then(Value::as_array).map_or(0, Vec::len);
    let glibc = heap.get("glibc").and_then(Value::as_str).unwrap_or("?");
    let when = if age(context.model).is_empty() { "at this stop" } else { age(context.model) };
    let mut words = format!(
        " measured {when}: in use {} ({} chunks), free {}, top {}",
        human_size(sum("in_use", "bytes")),
        sum("in_use", "chunks"),
        human_size(sum("free", "bytes")),
        human_size(sum("top", "size")),
    );
    if width >= 110 {
        let plural = if arenas.len() == 1 { "" } else { "s" };
        words.push_str(&format!(", {} arena{plural}, glibc {}", arenas.len(), text::clean(glibc)));
    }
    if doubts > 0 {
        words.push_str(&format!(", {doubts} doubts"));
    }
    Some(context.theme.style(Role::Text).into_line(words))
}

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
use super::{age, boxed, empty, window};
use crate::addr::human_size;
use crate::event::Cause;
use crate::heap::story::strip::{Glyphs, strip};
use crate::heap::story::{Blocker, Evidence, Region, RegionKind, Story};

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
        table(context, rest, buffer);
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
                "{} {} {} {}",
                blocker.span.start,
                blocker.perms,
                human_size(blocker.span.len()),
                planter(blocker, width)
            )),
        ]));
    }
    if let Some(last) = &story.refusals().last {
        let first = story.refusals().first.as_ref().map_or(last.asked.t, |first| first.asked.t);
        let when = if layout.refused > 1 {
            format!("first {}, last {}", words::moment(first), words::moment(last.asked.t))
        } else {
            words::moment(first)
        };
        lines.push(Line::from(vec![
            Span::styled(" ✗ ", theme.style(Role::Error)),
            Span::raw(format!(
                "brk({}) refused {}×: {} ({when})",
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
        lines.push(Line::from(vec![
            Span::styled(" ▓ ", theme.style(Role::Fallback)),
            Span::raw(format!(
                "malloc took {} by mmap instead, in {} requests: {}{more} (ever)",
                human_size(layout.totals.fallback),
                layout.totals.fallback_requests,
                sizes.join(", ")
            )),
        ]));
    }
    lines.push(totals(context, story));
    if let Some(line) = measured(context) {
        lines.push(line);
    }
    lines
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Occupied { blocker, .. } => format!("{blocker} is mapped there"),
        Cause::Limit { name, value } => format!("{} is {}", text::clean(name), words::size(*value)),
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
fn measured(context: Context) -> Option<Line<'static>> {
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
        " measured {when}: in use {} ({} chunks), free {}, top {}, {} arena{}, glibc {}",
        human_size(sum("in_use", "bytes")),
        sum("in_use", "chunks"),
        human_size(sum("free", "bytes")),
        human_size(sum("top", "size")),
        arenas.len(),
        if arenas.len() == 1 { "" } else { "s" },
        text::clean(glibc),
    );
    if doubts > 0 {
        words.push_str(&format!(", {doubts} doubts"));
    }
    Some(context.theme.style(Role::Text).into_line(words))
}

/// The address space as a table, and beside or below it the explanation, where there is room for both.
fn table(context: Context, area: Rect, buffer: &mut Buffer) {
    let model = context.model;
    let explanation = model.views.explanation.get().map(String::as_str).unwrap_or_default();
    let words: Vec<String> = explanation
        .lines()
        .flat_map(|line| text::wrap_words(&format!(" {}", text::clean(line)), usize::from(area.width)))
        .collect();
    let mut list = area;
    let wanted = u16::try_from(words.len()).unwrap_or(u16::MAX).saturating_add(1);
    if wanted > 1 && area.height >= wanted.saturating_add(6) {
        list.height -= wanted;
        for (row, line) in (list.height + 1..).zip(words) {
            put(buffer, area, row, context.theme.style(Role::Text).into_line(line));
        }
    }
    let regions = &model.growth.layout.regions;
    let place = model.place(Pane::Heap);
    let cursor = place.row.min(regions.len().saturating_sub(1));
    let height = usize::from(list.height);
    let top = window(cursor, place.top, height, regions.len());
    for (at, (index, region)) in (0..).zip(regions.iter().enumerate().skip(top).take(height)) {
        let here = model.focused() == Pane::Heap && index == cursor;
        let style = if here { context.theme.style(Role::Cursor) } else { context.theme.region(region.kind) };
        let (left, right) = region_words(region, usize::from(list.width));
        put(buffer, list, at, style.into_line(text::spread(&left, &right, usize::from(list.width))));
    }
}

fn region_words(region: &Region, room: usize) -> (String, String) {
    let size = human_size(region.span.len());
    let perms = region.perms.map(|perms| perms.to_string()).unwrap_or_default();
    let what = if region.name.is_empty() || region.kind == RegionKind::Blocker {
        region.kind.word().to_owned()
    } else {
        text::clean(&region.name)
    };
    let glyph = Glyphs::Unicode.of(region.kind);
    let times = if region.requests > 1 { format!(" ×{}", region.requests) } else { String::new() };
    let left = format!(" {:<18} {size:>8}  {glyph} {perms:<4} {what}{times}", region.span.start.to_string());
    let name = if room < 110 { words::function } else { words::frame };
    let right = match (&region.site, region.t) {
        (Some(site), Some(t)) => format!("{} {}", name(site), words::moment(t)),
        (Some(site), None) => name(site),
        (None, Some(t)) => words::moment(t),
        (None, None) => String::new(),
    };
    (left, right)
}

/// The address space as text.
pub fn rows(model: &Model) -> Vec<String> {
    let line = |region: &Region| {
        let (left, right) = region_words(region, usize::MAX);
        format!("{left}  {right}")
    };
    model.growth.layout.regions.iter().map(line).collect()
}

//! The address space as a table, lowest address first, and the explanation of the stop below it.
//!
//! Neighbours that one site asked for in the same way are one row with their count, as a reader thinks of them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::{Context, IntoLine, put};
use super::super::model::{Model, Pane};
use super::super::text;
use super::super::theme::Role;
use super::super::words;
use super::{position, window};
use crate::addr::{Span, human_size};
use crate::heap::story::strip::Glyphs;
use crate::heap::story::{Region, RegionKind};

/// Neighbouring regions that are alike.
struct Group<'a> {
    first: &'a Region,
    span: Span,
    requests: u64,
    /// The earliest and the latest of the calls that made them.
    times: Option<(f64, f64)>,
}

/// Draws table and explanation.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let model = context.model;
    let explanation = model.views.explanation.get().map(String::as_str).unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(1);
    let words: Vec<String> =
        explanation.lines().flat_map(|line| text::wrap_words(&text::clean(line), room)).collect();
    let mut list = area;
    let wanted = u16::try_from(words.len()).unwrap_or(u16::MAX).saturating_add(1);
    if wanted > 1 && area.height >= wanted.saturating_add(5) {
        list.height -= wanted;
        for (row, line) in (list.height + 1..).zip(words) {
            put(buffer, area, row, context.theme.style(Role::Text).into_line(format!(" {line}")));
        }
    }
    let groups = groups(&model.growth.layout.regions);
    let place = model.place(Pane::Heap);
    let cursor = place.row.min(groups.len().saturating_sub(1));
    let height = usize::from(list.height);
    let top = window(cursor, place.top, height, groups.len());
    for (at, (index, group)) in (0..).zip(groups.iter().enumerate().skip(top).take(height)) {
        let here = model.focused() == Pane::Heap && index == cursor;
        let style =
            if here { context.theme.style(Role::Cursor) } else { context.theme.region(group.first.kind) };
        let room = usize::from(list.width);
        let (left, right) = group.words(room);
        put(buffer, list, at, style.into_line(text::spread(&left, &right, room)));
    }
    position(context, area, top, height, groups.len(), buffer);
}

/// The table as text.
pub fn rows(model: &Model) -> Vec<String> {
    let line = |group: &Group| {
        let (left, right) = group.words(usize::MAX);
        format!("{left}  {right}")
    };
    groups(&model.growth.layout.regions).iter().map(line).collect()
}

fn groups(regions: &[Region]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for region in regions {
        let time = region.t.map(|t| (t, t));
        match groups.last_mut() {
            Some(last) if last.takes(region) => {
                last.span.end = region.span.end;
                last.requests += region.requests;
                last.times = match (last.times, time) {
                    (Some((a, b)), Some((t, _))) => Some((a.min(t), b.max(t))),
                    (one, other) => one.or(other),
                };
            }
            _ => groups.push(Group {
                first: region,
                span: region.span,
                requests: region.requests,
                times: time,
            }),
        }
    }
    groups
}

impl Group<'_> {
    fn takes(&self, next: &Region) -> bool {
        let site = |region: &Region| region.site.as_ref().map(|site| (site.function.clone(), site.line));
        self.span.end == next.span.start
            && self.first.kind == next.kind
            && self.first.perms == next.perms
            && self.first.name == next.name
            && self.first.label == next.label
            && site(self.first) == site(next)
    }

    /// What stands at the left of the row and what at its right.
    fn words(&self, room: usize) -> (String, String) {
        let region = self.first;
        let size = human_size(self.span.len());
        let perms = region.perms.map(|perms| perms.to_string()).unwrap_or_default();
        let what = if region.name.is_empty() || region.kind == RegionKind::Blocker {
            region.kind.word().to_owned()
        } else {
            text::clean(&region.name)
        };
        let glyph = Glyphs::Unicode.of(region.kind);
        let times = if self.requests > 1 { format!(" ×{}", self.requests) } else { String::new() };
        let start = self.span.start.to_string();
        let left = format!(" {start:<15}{size:>8}  {glyph} {perms:<4} {what}{times}");
        let name = if room < 110 { words::function } else { words::frame };
        let when = match self.times {
            Some((from, to)) if to > from => format!("{}…{}", words::moment(from), words::moment(to)),
            Some((from, _)) => words::moment(from),
            None => String::new(),
        };
        let who = region.site.as_ref().map(name).unwrap_or_default();
        (left, format!("{who} {when}").trim().to_owned())
    }
}

//! The memory calls in order, each with what it meant and who made it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::draw::{Context, put};
use super::super::growth::Row;
use super::super::model::{Model, Pane};
use super::super::text;
use super::super::theme::Role;
use super::super::words;
use super::{boxed, empty, window};
use crate::event::Label;
use crate::syscalls::args;

/// Columns of the label.
const LABEL: usize = 18;

/// Draws the pane.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let Context { model, theme } = context;
    let growth = &model.growth;
    let follow = model.place(Pane::Calls).row == usize::MAX;
    let gone = match growth.calls_gone {
        0 => String::new(),
        gone => format!(" · {gone} older ones not kept"),
    };
    let many = growth.calls.len();
    let note = format!(
        "{many} call{}{gone}{}",
        if many == 1 { "" } else { "s" },
        if follow { " · follows" } else { "" }
    );
    let inner = boxed(context, Pane::Calls, area, "", &note, buffer);
    if many == 0 {
        empty(context, inner, &["No memory call seen yet.".to_owned()], buffer);
        return;
    }
    let height = usize::from(inner.height);
    let place = model.place(Pane::Calls);
    let cursor = place.row.min(many - 1);
    let top = window(cursor, place.top, height, many);
    let room = usize::from(inner.width);
    let several = growth.calls.iter().skip(top).take(height).any(|row| Some(row.pid) != growth.shown);
    for (at, row) in (0..).zip(growth.calls.iter().skip(top).take(height)) {
        let here = model.focused() == Pane::Calls && top + usize::from(at) == cursor;
        let [when, call, site] = columns(row, several, room);
        let style = theme.style(if here { Role::Cursor } else { Role::Text });
        let label = format!("{:<LABEL$}", words::label(row.label));
        put(
            buffer,
            inner,
            at,
            Line::from(vec![
                Span::styled(when, theme.style(Role::Dim)),
                Span::styled(call, style),
                Span::styled(label, label_style(context, row.label, here)),
                Span::styled(site, style),
            ]),
        );
    }
}

fn label_style(context: Context, label: Label, here: bool) -> ratatui::style::Style {
    let role = match label {
        Label::Blocker | Label::BrkRefused => Role::Error,
        Label::Fallback | Label::FallbackNoBrk => Role::Fallback,
        Label::BrkGrow | Label::BrkShrink => Role::Heap,
        _ => Role::Text,
    };
    context.theme.style(if here { Role::Cursor } else { role })
}

fn columns(row: &Row, several: bool, room: usize) -> [String; 3] {
    let mut when = format!("+{:<10.6}", row.t);
    if several {
        when.push_str(&format!("{:<8}", row.pid.0));
    }
    let site = row.site.as_ref().map(words::frame).unwrap_or_default();
    let left = room.saturating_sub(text::width(&when) + LABEL);
    let call_room = if left > 70 { left * 3 / 5 } else { left * 2 / 3 };
    let call = text::clip(&args::text(&row.call), call_room.saturating_sub(1));
    let pad = call_room.saturating_sub(text::width(&call));
    let site = text::clip(&site, left - call_room);
    [when, format!("{call}{}", " ".repeat(pad)), site]
}

/// The calls as text.
pub fn rows(model: &Model) -> Vec<String> {
    let line = |row: &Row| {
        let site = row.site.as_ref().map(words::frame).unwrap_or_default();
        format!("+{:.6} {} {}  {}  {site}", row.t, row.pid.0, args::text(&row.call), words::label(row.label))
    };
    model.growth.calls.iter().map(line).collect()
}

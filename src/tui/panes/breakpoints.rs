//! `info breakpoints`, kept in view.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Context;
use super::super::model::{Model, Pane, Shown};
use super::super::text;
use super::{boxed, empty, list};

/// Draws the pane.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let inner = boxed(context, Pane::Breakpoints, area, "", "info breakpoints", buffer);
    let rows = rows(context.model);
    match &context.model.views.breakpoints {
        Shown::Nothing(why) => empty(context, inner, std::slice::from_ref(why), buffer),
        _ if rows.is_empty() => empty(context, inner, &["No breakpoints or watchpoints.".to_owned()], buffer),
        _ => list(context, Pane::Breakpoints, inner, &rows, buffer),
    }
}

/// The lines.
pub fn rows(model: &Model) -> Vec<String> {
    model.views.breakpoints.get().map(|text| text.lines().map(text::clean).collect()).unwrap_or_default()
}

//! The selected frame's locals and registers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Context;
use super::super::model::{Model, Pane, Shown};
use super::super::text;
use super::{age, boxed, empty, list};

/// Draws the pane.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let inner = boxed(context, Pane::Values, area, "", age(context.model), buffer);
    let rows = rows(context.model);
    if rows.is_empty() {
        empty(context, inner, &["No registers.".to_owned()], buffer);
    } else {
        list(context, Pane::Values, inner, &rows, buffer);
    }
}

/// The lines: locals first, they are what one looks for.
pub fn rows(model: &Model) -> Vec<String> {
    let mut rows = Vec::new();
    for (title, view) in [("Locals", &model.views.locals), ("Registers", &model.views.registers)] {
        let text = match view {
            Shown::Is(text) | Shown::Nothing(text) => text,
            Shown::Unknown => continue,
        };
        rows.push(format!("{title}:"));
        rows.extend(text.lines().map(|line| format!("  {}", text::clean(line))));
    }
    rows
}

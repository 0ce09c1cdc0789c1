//! The help screen: the table of keys itself, filtered by what is typed, and run by Enter.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::draw::{Context, IntoLine, clear, frame, put};
use super::super::keys::{Action, BINDINGS, Binding, Scope};
use super::super::model::{Overlay, Pane};
use super::super::text;
use super::super::theme::Role;
use super::window;

/// The lines of the table that hold the filter, those of the focused pane's kind in the table's order.
#[must_use]
pub fn entries(filter: &str) -> Vec<&'static Binding> {
    let filter = filter.to_lowercase();
    BINDINGS
        .iter()
        .filter(|binding| filter.is_empty() || line(binding).to_lowercase().contains(&filter))
        .collect()
}

/// Draws the screen over everything.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let Some(Overlay::Help { filter, row }) = &context.model.overlay else { return };
    let theme = context.theme;
    let width = area.width.min(118);
    let entries = entries(filter);
    let columns = if width >= 116 { 2 } else { 1 };
    let wanted = u16::try_from(BINDINGS.len().div_ceil(columns)).unwrap_or(u16::MAX).saturating_add(4);
    let height = area.height.saturating_sub(if area.height > 30 { 2 } else { 0 }).min(wanted);
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    clear(buffer, place);
    let inner = frame(context, place, " Keys ", " Enter runs it · Esc closes ", true, buffer);
    if inner.height < 3 {
        return;
    }
    let typed = Line::from(vec![
        Span::styled(" type to filter: ", theme.style(Role::Dim)),
        Span::styled(format!("{filter}_"), theme.style(Role::Strong)),
    ]);
    put(buffer, inner, 0, typed);
    let list = Rect { y: inner.y + 1, height: inner.height - 2, ..inner };
    let rows = usize::from(list.height);
    let page = rows * columns;
    let top = if page == 0 { 0 } else { window(*row, row / page.max(1) * page, page, entries.len()) };
    for (at, binding) in entries.iter().enumerate().skip(top).take(page) {
        let shown = at - top;
        let (column, line_at) = (shown / rows.max(1), shown % rows.max(1));
        let part = list.width / u16::try_from(columns).unwrap_or(1);
        let x = list.x + part * u16::try_from(column).unwrap_or(0);
        let cell = Rect { x, width: part, ..list };
        let style = theme.style(if at == *row { Role::Cursor } else { Role::Text });
        put(
            buffer,
            cell,
            u16::try_from(line_at).unwrap_or(0),
            style.into_line(format!(" {}", line(binding))),
        );
    }
    if entries.is_empty() {
        put(
            buffer,
            list,
            1,
            theme.style(Role::Dim).into_line(" No key does that; try \"help\" or \"apropos\"."),
        );
    }
    let law = match entries.len().saturating_sub(top + page) {
        0 => " Letters run the target only in the Source pane; F-keys everywhere.".to_owned(),
        more => format!(" … {more} more, PgDn · Letters run the target only in the Source pane."),
    };
    put(buffer, inner, inner.height - 1, theme.style(Role::Hint).into_line(law));
}

fn line(binding: &Binding) -> String {
    let keys = binding.keys.iter().take(2).copied().map(pretty).collect::<Vec<_>>().join(" ");
    let place = match binding.scope {
        Scope::Any => "",
        Scope::Nav => "panes",
        Scope::In(pane) => pane_word(pane),
    };
    let command = match binding.action {
        Action::Command(line) | Action::Resume(line) => format!("({line})"),
        Action::Prefill(line) => format!("({}…)", line.trim_end()),
        Action::Go => "(continue)".to_owned(),
        Action::UntilHere => "(advance)".to_owned(),
        _ => String::new(),
    };
    text::clip(&format!("{keys:<12}{:<19}{command:<14}{place}", binding.help), 200)
}

fn pane_word(pane: Pane) -> &'static str {
    match pane {
        Pane::Source => "Source",
        other => other.title(),
    }
}

/// A key's name as people write it.
fn pretty(name: &str) -> String {
    let words = [("C-", "^"), ("A-", "Alt-"), ("S-", "Shift-"), ("PageUp", "PgUp"), ("PageDown", "PgDn")];
    words.iter().fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

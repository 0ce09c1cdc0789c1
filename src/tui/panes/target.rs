//! The target's own terminal.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_term::widget::{Cursor, PseudoTerminal};

use super::super::draw::{Context, put};
use super::super::model::{Mode, Pane};
use super::super::target::{COLUMNS, ROWS};
use super::super::text;
use super::super::theme::Role;
use super::{boxed, empty};

/// Draws the pane; in TERM mode the cursor stands where the target has it.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let model = context.model;
    let screen = model.target.screen();
    let note = match (model.mode, screen.scrollback()) {
        (Mode::Terminal, _) => "keys go here · F12 leaves".to_owned(),
        (_, 0) => format!("{COLUMNS}x{ROWS} · F12 types here"),
        (_, up) => format!("{up} lines up · End goes down"),
    };
    let inner = boxed(context, Pane::Target, area, "", &note, buffer);
    if !model.target.exists {
        let why = "The target's output stays on its own terminal.".to_owned();
        empty(context, inner, &[why], buffer);
        return None;
    }
    // The whole screen is drawn aside, then the part that fits is shown: the rows around the cursor.
    let whole = Rect::new(0, 0, COLUMNS, ROWS);
    let mut aside = Buffer::empty(whole);
    PseudoTerminal::new(screen).cursor(Cursor::default().visibility(false)).render(whole, &mut aside);
    let (row, column) = screen.cursor_position();
    let height = inner.height.min(ROWS);
    let top = (row + 1).saturating_sub(height).min(ROWS - height);
    let width = inner.width.min(COLUMNS);
    for y in 0..height {
        for x in 0..width {
            if let (Some(from), Some(to)) =
                (aside.cell((x, top + y)), buffer.cell_mut((inner.x + x, inner.y + y)))
            {
                *to = from.clone();
            }
        }
    }
    let visible = row >= top && row - top < height && column < width && !screen.hide_cursor();
    (model.mode == Mode::Terminal && visible).then(|| Position::new(inner.x + column, inner.y + row - top))
}

/// The one line that stands for the pane where there is no room for it.
pub fn line(context: Context, area: Rect, buffer: &mut Buffer) {
    let Context { model, theme } = context;
    let (last, note) = match (model.target.exists, model.target.bytes) {
        (false, _) => ("its output stays on its own terminal".to_owned(), String::new()),
        (true, 0) => ("no output yet".to_owned(), "F12 types to it".to_owned()),
        (true, _) => {
            let unread = match model.target.unread {
                0 => String::new(),
                1 => "1 line unread · ".to_owned(),
                n => format!("{n} lines unread · "),
            };
            (model.target.last_line(), format!("{unread}F12 types to it"))
        }
    };
    let lead = " 6 Target │ ";
    let room = usize::from(area.width).saturating_sub(text::width(lead) + 1);
    let rest = text::spread(&last, &note, room);
    put(
        buffer,
        area,
        0,
        Line::from(vec![
            Span::styled(lead, theme.style(Role::Strong)),
            Span::styled(rest, theme.style(Role::Text)),
        ]),
    );
}

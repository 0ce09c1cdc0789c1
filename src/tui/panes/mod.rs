//! The panes: each draws itself, and says what moving, Enter, copying and searching mean in it.

pub mod backtrace;
pub mod breakpoints;
pub mod calls;
pub mod command;
pub mod heap;
pub mod help;
pub mod source;
pub mod space;
pub mod target;
pub mod timeline;
pub mod values;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::act::distance;
use super::draw::{Context, IntoLine, frame, put};
use super::keys::Motion;
use super::model::{Model, Pane, Phase};
use super::text;
use super::theme::Role;
use crate::addr::Seq;

/// Draws a pane; where the cursor stands if it is here.
pub fn draw(context: Context, pane: Pane, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    match pane {
        Pane::Source => source::draw(context, area, buffer),
        Pane::Backtrace => backtrace::draw(context, area, buffer),
        Pane::Heap => heap::draw(context, area, buffer),
        Pane::Timeline => timeline::draw(context, area, buffer),
        Pane::Calls => calls::draw(context, area, buffer),
        Pane::Breakpoints => breakpoints::draw(context, area, buffer),
        Pane::Values => values::draw(context, area, buffer),
        Pane::Command => return command::draw(context, area, buffer),
        Pane::Target => return target::draw(context, area, buffer),
    }
    None
}

/// Draws a pane's box: its digit and name, a note at the right. Returns what is inside.
fn boxed(context: Context, pane: Pane, area: Rect, more: &str, right: &str, buffer: &mut Buffer) -> Rect {
    let focused = context.model.overlay.is_none() && context.model.focused() == pane;
    let more = if more.is_empty() { String::new() } else { format!("{} ", text::clean(more)) };
    let left = format!(" {} {} {more}", pane as u8, pane.title());
    let right = match right {
        "" => String::new(),
        right => format!(" {} ", text::clean(right)),
    };
    let inner = frame(context, area, &left, &right, focused, buffer);
    tabs(context, pane, area, buffer);
    inner
}

/// Names, on the lower edge, the panes that share this place because they are not on the screen.
fn tabs(context: Context, pane: Pane, area: Rect, buffer: &mut Buffer) {
    let model = context.model;
    let places = model.places();
    let slot = pane == model.tab || pane == model.tab.or_backtrace();
    if !slot || model.zoom.is_some() || pane == Pane::Command || area.height < 4 {
        return;
    }
    let there = |which: &Pane| *which == pane || places.of(*which).is_none();
    let others: Vec<Pane> = Pane::ALL.into_iter().filter(there).filter(|p| *p != Pane::Command).collect();
    let mut spans = vec![Span::raw(" ")];
    for which in others {
        let style = context.theme.style(if which == pane { Role::Title } else { Role::Dim });
        spans.push(Span::styled(format!("{} {} ", which as u8, which.tab()), style));
    }
    let wide = spans.iter().map(Span::width).sum::<usize>();
    if spans.len() > 2 && wide + 4 <= usize::from(area.width) {
        let from = area.right() - 2 - u16::try_from(wide).unwrap_or(0);
        let place = Rect { x: from, y: area.bottom() - 1, width: area.right() - from, height: 1 };
        put(buffer, place, 0, Line::from(spans));
    }
}

/// What to say of a view from before the target went on.
fn age(model: &Model) -> &'static str {
    match model.phase {
        Phase::Running => "as of the last stop",
        Phase::Ended(..) | Phase::Detached(_) | Phase::Empty => "as of the last stop",
        Phase::Stopped(_) => "",
    }
}

/// Why there is nothing of a stop to show: while the target runs, that; otherwise what is said.
fn missing(model: &Model, why: &str) -> String {
    if model.is_running() { "The target runs. F6 pauses it.".to_owned() } else { why.to_owned() }
}

/// The first row to show so that `row` is in a window of `height` rows.
fn window(row: usize, top: usize, height: usize, len: usize) -> usize {
    let most = len.saturating_sub(height);
    let top = top.min(most).min(row);
    if row >= top.saturating_add(height) { (row + 1).saturating_sub(height) } else { top }
}

/// A list with a cursor: draws the rows in view and marks the one under the cursor when the pane has the keys.
fn list(context: Context, pane: Pane, inner: Rect, rows: &[String], buffer: &mut Buffer) {
    let height = usize::from(inner.height);
    let place = context.model.place(pane);
    let row = place.row.min(rows.len().saturating_sub(1));
    let top = window(row, place.top, height, rows.len());
    let focused = context.model.focused() == pane;
    for (at, text) in (0..).zip(rows.iter().skip(top).take(height)) {
        let here = focused && top + usize::from(at) == row;
        let style = context.theme.style(if here { Role::Cursor } else { Role::Text });
        let text: String = text.chars().skip(place.left).collect();
        put(buffer, inner, at, style.into_line(format!(" {text}")));
    }
    position(context, inner, top, height, rows.len(), buffer);
}

/// Says on the lower edge of a pane which of its rows are in view, when not all are.
fn position(context: Context, inner: Rect, top: usize, height: usize, len: usize, buffer: &mut Buffer) {
    if len <= height || height == 0 {
        return;
    }
    let text = format!(" {}-{} of {len} ", top + 1, (top + height).min(len));
    let edge = Rect { x: inner.x + 1, y: inner.bottom(), width: inner.width.saturating_sub(2), height: 1 };
    put(buffer, edge, 0, context.theme.style(Role::Text).into_line(text));
}

/// Says in the middle of a pane why it is empty.
fn empty(context: Context, inner: Rect, lines: &[String], buffer: &mut Buffer) {
    let from = inner.height.saturating_sub(u16::try_from(lines.len()).unwrap_or(0)) / 3;
    for (row, line) in (from..).zip(lines) {
        let line = text::clean(line);
        let pad = usize::from(inner.width).saturating_sub(text::width(&line)) / 2;
        let line: Line = context.theme.style(Role::Dim).into_line(format!("{}{line}", " ".repeat(pad)));
        put(buffer, inner, row, line);
    }
}

/// How many rows and columns a pane has inside its box now.
fn inside(model: &Model, pane: Pane) -> (usize, usize) {
    let area = model.places().of(pane).unwrap_or_default();
    (usize::from(area.height.saturating_sub(2)).max(1), usize::from(area.width.saturating_sub(2)).max(1))
}

/// The rows of a pane as text.
fn rows(model: &Model, pane: Pane) -> Vec<String> {
    match pane {
        Pane::Source => source::rows(model),
        Pane::Backtrace => backtrace::rows(model),
        Pane::Heap => space::rows(model),
        Pane::Timeline => timeline::rows(model),
        Pane::Command => model.transcript.lines().map(str::to_owned).collect(),
        Pane::Target => model.target.screen().contents().lines().map(text::clean).collect(),
        Pane::Calls => calls::rows(model),
        Pane::Breakpoints => breakpoints::rows(model),
        Pane::Values => values::rows(model),
    }
}

/// Moves in a pane.
pub fn motion(model: &mut Model, pane: Pane, motion: Motion) {
    let (height, width) = inside(model, pane);
    let by = distance(motion, height);
    match pane {
        Pane::Command => model.transcript.scroll(by.saturating_neg(), width, height.saturating_sub(1)),
        Pane::Target => model.target.scroll(by.saturating_neg()),
        Pane::Timeline if by.unsigned_abs() > height => timeline::end(model, by > 0),
        Pane::Timeline => timeline::step(model, i32::try_from(by).unwrap_or(0)),
        Pane::Source => source::motion(model, motion, by, height),
        _ => {
            let len = rows(model, pane).len();
            let place = &mut model.places[pane as usize];
            let row = place.row.min(len.saturating_sub(1)).saturating_add_signed(by);
            // The last row of the calls is followed as it moves on.
            let follow = pane == Pane::Calls && row.saturating_add(1) >= len;
            place.row = if follow { usize::MAX } else { row.min(len.saturating_sub(1)) };
            place.top = window(place.row.min(len.saturating_sub(1)), place.top, height, len);
            place.left = match motion {
                Motion::Left => place.left.saturating_sub(8),
                Motion::Right => (place.left + 8).min(512),
                _ => place.left,
            };
        }
    }
}

/// A page up or down in a pane.
pub fn page(model: &mut Model, pane: Pane, down: bool) {
    motion(model, pane, if down { Motion::PageDown } else { Motion::PageUp });
}

/// The wheel over a pane: some rows down (positive) or up.
pub fn wheel(model: &mut Model, pane: Pane, by: i32) {
    for _ in 0..by.unsigned_abs() {
        motion(model, pane, if by > 0 { Motion::Down } else { Motion::Up });
    }
}

/// A click on a row of a pane, counted from the first one inside the box.
pub fn click(model: &mut Model, pane: Pane, row: u16) {
    let (height, _) = inside(model, pane);
    let row = usize::from(row);
    match pane {
        Pane::Source => source::click(model, row),
        Pane::Backtrace => backtrace::click(model, row, height),
        Pane::Calls | Pane::Breakpoints | Pane::Values => {
            let len = rows(model, pane).len();
            let place = &mut model.places[pane as usize];
            let at = place.row.min(len.saturating_sub(1));
            place.row = (window(at, place.top, height, len) + row).min(len.saturating_sub(1));
        }
        Pane::Heap | Pane::Timeline | Pane::Command | Pane::Target => {}
    }
}

/// The command that Enter stands for on the row under the cursor.
#[must_use]
pub fn enter(model: &Model, pane: Pane) -> Option<String> {
    let there = |seq: Seq| model.state.moment.map(|_| format!("record goto {}", seq.0));
    match pane {
        Pane::Backtrace => backtrace::enter(model),
        Pane::Timeline => there(model.mark?),
        Pane::Calls => {
            let calls = &model.growth.calls;
            there(calls.get(model.place(Pane::Calls).row.min(calls.len().saturating_sub(1)))?.seq)
        }
        _ => None,
    }
}

/// The text to copy: the row under the cursor, or everything.
#[must_use]
pub fn copy(model: &Model, pane: Pane, all: bool) -> String {
    let rows = rows(model, pane);
    if all {
        return rows.join("\n");
    }
    let row = match pane {
        Pane::Source => source::row(model),
        Pane::Command | Pane::Target => usize::MAX,
        Pane::Timeline => timeline::row(model),
        _ => model.place(pane).row,
    };
    rows.get(row.min(rows.len().saturating_sub(1))).cloned().unwrap_or_default()
}

/// Goes to the next row (or the one before) that holds the word being searched for; case does not matter.
pub fn find(model: &mut Model, forward: bool) {
    let pane = model.focus;
    let Some(word) = model.search.as_ref().map(|search| search.word.to_lowercase()) else { return };
    let rows = rows(model, pane);
    if word.is_empty() || rows.is_empty() {
        return;
    }
    let here = match pane {
        Pane::Source => source::row(model),
        Pane::Timeline => timeline::row(model),
        Pane::Command | Pane::Target => rows.len() - 1,
        _ => model.place(pane).row.min(rows.len() - 1),
    };
    let step =
        |n: usize| if forward { (here + n) % rows.len() } else { (here + rows.len() - n) % rows.len() };
    let Some(found) = (1..=rows.len()).map(step).find(|at| rows[*at].to_lowercase().contains(&word)) else {
        return;
    };
    match pane {
        Pane::Source => source::go(model, found),
        Pane::Timeline => timeline::go(model, found),
        Pane::Command => model.transcript.show(rows.len() - 1 - found),
        Pane::Target => {}
        _ => {
            let (height, _) = inside(model, pane);
            let place = &mut model.places[pane as usize];
            place.row = found;
            place.top = window(found, place.top, height, rows.len());
        }
    }
}

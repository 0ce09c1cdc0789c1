//! The frames of the stopped thread. A stack that does not fit is folded in its middle; the selected frame
//! and the one under the cursor always show.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::super::draw::{Context, IntoLine, put};
use super::super::model::{Model, Pane, Shown};
use super::super::text;
use super::super::theme::Role;
use super::super::words;
use super::{age, boxed, empty, missing, window};
use crate::scene::view::{Backtrace, FrameView};

/// A row of the pane.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The frame with this index.
    Frame(usize),
    /// The frames from the first to before the second index are folded.
    Fold(usize, usize),
}

/// Draws the pane.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let Context { model, theme } = context;
    let Some((backtrace, level)) = model.views.backtrace.get() else {
        let inner = boxed(context, Pane::Backtrace, area, "", "", buffer);
        let why = match &model.views.backtrace {
            Shown::Nothing(why) => missing(model, why),
            _ => missing(model, "A stop shows its stack here: break, then run."),
        };
        empty(context, inner, &[why], buffer);
        return;
    };
    let height = usize::from(area.height.saturating_sub(2));
    let rows = visible(model, height);
    let fold = if rows.iter().any(|row| matches!(row, Row::Fold(..))) { " · f unfolds" } else { "" };
    let many = backtrace.frames.len();
    let note = match age(model) {
        "" => format!("{many} frame{}{fold}", if many == 1 { "" } else { "s" }),
        age => age.to_owned(),
    };
    let inner = boxed(context, Pane::Backtrace, area, "", &note, buffer);
    let room = usize::from(inner.width);
    let cursor = model.place(Pane::Backtrace).row;
    for (at, row) in (0..).zip(&rows) {
        let (line, mut style) = match *row {
            Row::Fold(from, to) => (fold_line(backtrace, from, to, room), theme.style(Role::Dim)),
            Row::Frame(index) => {
                let frame = &backtrace.frames[index];
                let selected = frame.level == *level;
                let style = theme.style(if selected { Role::Strong } else { Role::Text });
                (frame_line(frame, selected, digits(backtrace), room), style)
            }
        };
        if model.focused() == Pane::Backtrace && *row == Row::Frame(cursor.min(many.saturating_sub(1))) {
            style = style.add_modifier(Modifier::REVERSED);
        }
        put(buffer, inner, at, style.into_line(line));
    }
}

fn digits(backtrace: &Backtrace) -> usize {
    backtrace.frames.last().map_or(1, |frame| frame.level.to_string().len())
}

fn frame_line(frame: &FrameView, selected: bool, digits: usize, room: usize) -> String {
    let mark = if selected { '▸' } else { ' ' };
    let level = format!("#{}", frame.level);
    let inlined = if frame.inlined { " (inlined)" } else { "" };
    let wide = digits + 1;
    let left = format!("{mark}{level:<wide$} {}{inlined}", words::call_of(frame));
    text::spread(&left, &words::place_of(frame), room)
}

fn fold_line(backtrace: &Backtrace, from: usize, to: usize, room: usize) -> String {
    let name = |index: usize| {
        let frame = backtrace.frames.get(index)?;
        Some(format!("#{} {}", frame.level, text::clean(frame.function.as_deref().unwrap_or("??"))))
    };
    let short = format!(" ⋯ {} frames folded", to - from);
    match (name(from), name(to - 1)) {
        (Some(first), Some(last)) => {
            let long = format!("{short}: {first} … {last}");
            if text::width(&long) <= room { long } else { short }
        }
        _ => short,
    }
}

/// The rows that show in a window of this height.
pub fn visible(model: &Model, height: usize) -> Vec<Row> {
    let Some((backtrace, level)) = model.views.backtrace.get() else { return Vec::new() };
    let len = backtrace.frames.len();
    let place = model.place(Pane::Backtrace);
    let cursor = place.row.min(len.saturating_sub(1));
    if len <= height {
        return (0..len).map(Row::Frame).collect();
    }
    if !model.folded || height < 6 {
        let top = window(cursor, place.top, height, len);
        return (top..len.min(top + height)).map(Row::Frame).collect();
    }
    let selected = backtrace.frames.iter().position(|frame| frame.level == *level).unwrap_or(0);
    let mut tail = height / 3;
    let mut head = height - tail;
    loop {
        let rows = fold(len, head, tail, &[cursor, selected]);
        if rows.len() <= height || (head, tail) == (0, 0) {
            return rows;
        }
        if head > tail { head -= 1 } else { tail -= 1 }
    }
}

/// `head` first and `tail` last frames and those in `keep`; folds between them.
fn fold(len: usize, head: usize, tail: usize, keep: &[usize]) -> Vec<Row> {
    let shown = |index: usize| index < head || index + tail >= len || keep.contains(&index);
    let mut rows = Vec::new();
    let mut from = None;
    for index in 0..=len {
        if index < len && !shown(index) {
            from.get_or_insert(index);
            continue;
        }
        match from.take() {
            // A fold of one frame saves nothing.
            Some(start) if index - start == 1 => rows.push(Row::Frame(start)),
            Some(start) => rows.push(Row::Fold(start, index)),
            None => {}
        }
        if index < len {
            rows.push(Row::Frame(index));
        }
    }
    rows
}

/// The frames as text.
pub fn rows(model: &Model) -> Vec<String> {
    let Some((backtrace, _)) = model.views.backtrace.get() else { return Vec::new() };
    let line = |frame: &FrameView| {
        format!("#{:<2} {} at {}", frame.level, words::call_of(frame), words::place_of(frame))
    };
    backtrace.frames.iter().map(line).collect()
}

/// A click on a row: a frame under it gets the cursor, a fold unfolds.
pub fn click(model: &mut Model, row: usize, height: usize) {
    match visible(model, height).get(row) {
        Some(Row::Frame(index)) => model.places[Pane::Backtrace as usize].row = *index,
        Some(Row::Fold(..)) => model.folded = false,
        None => {}
    }
}

/// Enter selects the frame under the cursor.
pub fn enter(model: &Model) -> Option<String> {
    let (backtrace, _) = model.views.backtrace.get()?;
    let row = model.place(Pane::Backtrace).row.min(backtrace.frames.len().checked_sub(1)?);
    Some(format!("frame {}", backtrace.frames[row].level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_keeps_what_matters_and_hides_no_single_frame() {
        let rows = fold(10, 3, 2, &[5]);
        let expected = [
            Row::Frame(0),
            Row::Frame(1),
            Row::Frame(2),
            Row::Fold(3, 5),
            Row::Frame(5),
            Row::Fold(6, 8),
            Row::Frame(8),
            Row::Frame(9),
        ];
        assert_eq!(rows, expected);
        assert_eq!(fold(4, 1, 2, &[]), [Row::Frame(0), Row::Frame(1), Row::Frame(2), Row::Frame(3)]);
    }
}

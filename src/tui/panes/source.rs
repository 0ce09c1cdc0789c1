//! The source around the selected frame, with breakpoints and a cursor that they are set at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::draw::{Context, put};
use super::super::keys::Motion;
use super::super::model::{Model, Pane, Shown};
use super::super::text;
use super::super::theme::Role;
use super::{age, boxed, empty, missing, window};
use crate::scene::view::SourceView;

/// Draws the pane.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let model = context.model;
    match &model.views.source {
        Shown::Is(view) if !view.lines.is_empty() => {
            let name = text::clip_start(&view.file, usize::from(area.width / 2));
            let frame = model.views.backtrace.get().map(|(_, level)| format!("frame #{level}"));
            let note = if age(model).is_empty() { frame.unwrap_or_default() } else { age(model).to_owned() };
            let inner = boxed(context, Pane::Source, area, &name, &note, buffer);
            lines(context, view, inner, buffer);
        }
        Shown::Is(view) => {
            let inner = boxed(context, Pane::Source, area, text::base_name(&view.file), age(model), buffer);
            let why = view.missing.clone().unwrap_or_else(|| "No source here.".to_owned());
            empty(context, inner, &[why, "\"directory DIR\" adds a place to look.".to_owned()], buffer);
        }
        Shown::Nothing(why) => {
            let inner = boxed(context, Pane::Source, area, "", "", buffer);
            empty(context, inner, &[missing(model, why)], buffer);
        }
        Shown::Unknown => {
            let inner = boxed(context, Pane::Source, area, "", "", buffer);
            empty(context, inner, &[missing(model, "A stop shows its source here.")], buffer);
        }
    }
}

fn lines(context: Context, view: &SourceView, inner: Rect, buffer: &mut Buffer) {
    let Context { model, theme } = context;
    let height = usize::from(inner.height);
    let row = row(model);
    let top = window(row, model.place(Pane::Source).top, height, view.lines.len());
    let last = u64::from(view.first) + view.lines.len() as u64;
    let digits = last.to_string().len();
    let focused = model.focused() == Pane::Source;
    for (at, (index, line)) in (0..).zip(view.lines.iter().enumerate().skip(top).take(height)) {
        let number = view.first.saturating_add(u32::try_from(index).unwrap_or(u32::MAX));
        let gutter = match view.breakpoints.iter().find(|(line, _)| *line == number) {
            Some((_, true)) => '●',
            Some((_, false)) => '○',
            None => ' ',
        };
        let current = view.current == Some(number);
        let arrow = if current { '▶' } else { ' ' };
        let code: String = text::clean(line).chars().skip(model.source_left).collect();
        let style = theme.style(if current { Role::Strong } else { Role::Text });
        let number_style = theme.style(match (focused && index == row, current) {
            (true, _) => Role::Cursor,
            (_, true) => Role::Stopped,
            _ => Role::Dim,
        });
        put(
            buffer,
            inner,
            at,
            Line::from(vec![
                Span::styled(gutter.to_string(), theme.style(Role::Error)),
                Span::styled(format!("{arrow}{number:digits$}"), number_style),
                Span::styled(format!("  {code}"), style),
            ]),
        );
    }
}

/// The row of the cursor, counted from the first line of the view.
pub fn row(model: &Model) -> usize {
    let Some(view) = model.views.source.get() else { return 0 };
    let row = usize::try_from(model.source_line.saturating_sub(view.first)).unwrap_or(0);
    row.min(view.lines.len().saturating_sub(1))
}

/// The lines.
pub fn rows(model: &Model) -> Vec<String> {
    model
        .views
        .source
        .get()
        .map(|view| view.lines.iter().map(|l| text::clean(l)).collect())
        .unwrap_or_default()
}

/// Puts the cursor on a row of the view.
pub fn go(model: &mut Model, row: usize) {
    let Some(view) = model.views.source.get() else { return };
    let (first, len) = (view.first, view.lines.len());
    let row = row.min(len.saturating_sub(1));
    model.source_line = first.saturating_add(u32::try_from(row).unwrap_or(u32::MAX));
    let (height, _) = super::inside(model, Pane::Source);
    let place = &mut model.places[Pane::Source as usize];
    place.top = window(row, place.top, height, len);
}

/// Moves the cursor, or the text sideways.
pub fn motion(model: &mut Model, motion: Motion, by: isize, _height: usize) {
    match motion {
        Motion::Left => model.source_left = model.source_left.saturating_sub(8),
        Motion::Right => model.source_left = (model.source_left + 8).min(512),
        _ => go(model, row(model).saturating_add_signed(by)),
    }
}

/// A click on a row in the window.
pub fn click(model: &mut Model, in_window: usize) {
    let (height, _) = super::inside(model, Pane::Source);
    let len = rows(model).len();
    let top = window(row(model), model.place(Pane::Source).top, height, len);
    go(model, top + in_window);
}

/// A new view: the cursor goes to the current line; the window stays where it is as long as that line is
/// well inside it, so that stepping does not make the text jump.
pub fn arrived(model: &mut Model, view: SourceView) {
    let same = model.views.source.get().is_some_and(|old| old.file == view.file && old.first == view.first);
    let line = view.current.unwrap_or(view.first.max(1));
    let row = usize::try_from(line.saturating_sub(view.first)).unwrap_or(0);
    let (height, _) = super::inside(model, Pane::Source);
    let place = &mut model.places[Pane::Source as usize];
    let well_inside = row > place.top && row + 2 < place.top + height;
    if !same || !well_inside {
        place.top = row.saturating_sub(height * 2 / 5);
    }
    model.source_line = line;
    model.source_left = 0;
    model.views.source = Shown::Is(view);
}

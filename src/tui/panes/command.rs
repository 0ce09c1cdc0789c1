//! The command line and what was said on it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::draw::{Context, IntoLine, put};
use super::super::model::{Mode, Pane, Question};
use super::super::text;
use super::super::theme::Role;
use super::super::transcript::Kind;
use super::boxed;

/// Draws the pane: the newest lines, and the line being typed at the bottom. Where the cursor stands.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Context { model, theme } = context;
    let height = usize::from(area.height.saturating_sub(3));
    let width = usize::from(area.width.saturating_sub(2));
    let (rows, above, below) = model.transcript.rows(width, height);
    let gone = model.transcript.gone();
    let note = match (above, below) {
        (_, 1..) => format!("… {below} more below, PgDn"),
        (1.., _) => format!("… {above} more above, PgUp"),
        _ => String::new(),
    };
    let more = if gone > 0 { format!("· {gone} oldest lines not kept") } else { String::new() };
    let inner = boxed(context, Pane::Command, area, &more, &note, buffer);
    if inner.is_empty() {
        return None;
    }
    let first = inner.height - 1 - u16::try_from(rows.len()).unwrap_or(0).min(inner.height - 1);
    for (row, (kind, text)) in (first..).zip(&rows) {
        let role = match kind {
            Kind::Echo => Role::Echo,
            Kind::Output => Role::Text,
            Kind::Error => Role::Error,
            Kind::Hint => Role::Hint,
        };
        put(buffer, inner, row, theme.style(role).into_line(*text));
    }
    prompt(context, Rect { y: inner.bottom() - 1, height: 1, ..inner }, buffer)
}

/// Draws the line being typed; where the cursor stands when it has the keys.
pub fn prompt(context: Context, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let Context { model, theme } = context;
    let searching = model.search.as_ref().filter(|search| search.typing);
    if let Some(search) = searching {
        let line = format!("/{}", search.word);
        put(buffer, area, 0, theme.style(Role::Strong).into_line(line.clone()));
        return at(area, text::width(&line));
    }
    let lead = match (&model.question, model.editor.searching()) {
        (Some(Question::Engine(prompt, _)), _) => text::clean(prompt),
        (Some(Question::Quit), _) => "A debugging session is active. Quit anyway? (y or n) ".to_owned(),
        (None, Some(word)) => format!("(search `{word}') "),
        (None, None) => "(brkwater) ".to_owned(),
    };
    let idle = model.question.is_none() && model.busy.is_none();
    let typing = model.mode == Mode::Command;
    let lead_role = if typing && (idle || model.question.is_some()) { Role::Strong } else { Role::Dim };
    let room = usize::from(area.width);
    let lead = text::clip_start(&lead, room * 3 / 4);
    // The part of the line that holds the cursor is shown.
    let typed = model.editor.text();
    let before = text::width(model.editor.before_cursor());
    let space = room.saturating_sub(text::width(&lead) + 1).max(1);
    let skip = before.saturating_sub(space.saturating_sub(1));
    let shown = skip_columns(typed, skip);
    let mut spans =
        vec![Span::styled(lead.clone(), theme.style(lead_role)), Span::raw(text::clip(shown, space))];
    let ghost = ghost(context, idle);
    let used = text::width(&lead) + text::width(shown).min(space) + 2;
    if !ghost.is_empty() && used + text::width(&ghost) <= room {
        let pad = room - text::width(&ghost) - (used - 2);
        spans.push(Span::raw(" ".repeat(pad)));
        spans.push(Span::styled(ghost, theme.style(Role::Dim)));
    }
    put(buffer, area, 0, Line::from(spans));
    if typing { at(area, text::width(&lead) + before - skip) } else { None }
}

/// What stands at the right of the line being typed.
fn ghost(context: Context, idle: bool) -> String {
    let model = context.model;
    match (&model.repeat, idle) {
        (_, false) if model.question.is_some() => String::new(),
        (_, false) if model.is_running() => "the target runs · Ctrl-C pauses".to_owned(),
        (_, false) => "at work · Ctrl-C stops it".to_owned(),
        (Some(line), true) if model.editor.is_empty() => format!("Enter repeats: {}", text::clean(line)),
        _ => String::new(),
    }
}

fn at(area: Rect, column: usize) -> Option<Position> {
    let column = u16::try_from(column).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    (!area.is_empty()).then(|| Position::new(area.x + column, area.y))
}

/// The text without its first columns.
fn skip_columns(text: &str, skip: usize) -> &str {
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen >= skip {
            return &text[at..];
        }
        seen += text::width(c.encode_utf8(&mut [0; 4]));
    }
    if skip == 0 { text } else { "" }
}

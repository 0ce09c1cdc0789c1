//! The whole screen, drawn from the model and nothing else; the same model gives the same cells.
//!
//! Each pane draws itself ([`super::panes`]); here they are put together, with status, hint and help.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::layout::{self, Wish};
use super::model::{Mode, Model, Pane, Phase};
use super::panes;
use super::text;
use super::theme::{Role, Theme};
use super::update::headline;

/// What a pane needs to draw itself.
#[derive(Copy, Clone)]
pub struct Context<'a> {
    /// What to draw.
    pub model: &'a Model,
    /// In which colours.
    pub theme: &'a Theme,
}

/// Draws everything.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame) {
    let area = frame.area();
    let context = Context { model, theme };
    let cursor = paint(context, area, frame.buffer_mut());
    theme.finish(frame.buffer_mut());
    if let Some(at) = cursor.filter(|at| area.contains(*at)) {
        frame.set_cursor_position(at);
    }
}

fn paint(context: Context, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let model = context.model;
    if area.is_empty() {
        return None;
    }
    let places = layout::arrange(Wish {
        size: (area.width, area.height),
        tab: model.tab,
        zoom: model.zoom,
        typing: model.mode == Mode::Command,
    });
    status(context, places.status, buffer);
    let mut cursor = None;
    for (pane, place) in &places.panes {
        let at = panes::draw(context, *pane, *place, buffer);
        cursor = cursor.or(at);
    }
    if let Some(place) = places.prompt {
        cursor = cursor.or(panes::command::prompt(context, place, buffer));
    }
    if let Some(place) = places.output {
        panes::target::line(context, place, buffer);
    }
    if let Some(place) = places.hint {
        hint(context, place, places.cramped, buffer);
    }
    if places.cramped && places.panes.is_empty() && area.height > 1 {
        let row = Rect { y: area.y + 1, height: 1, ..area };
        put(buffer, row, 0, context.theme.style(Role::Dim).into_line("80x24 gives more"));
    }
    if model.overlay.is_some() {
        panes::help::draw(context, area, buffer);
        return None;
    }
    if model.card {
        card(context, area, buffer);
    }
    cursor
}

/// The first line: which target, what it does, why it stopped, where keys go.
fn status(context: Context, area: Rect, buffer: &mut Buffer) {
    let Context { model, theme } = context;
    let room = usize::from(area.width);
    let (state, role) = state_word(model);
    let mut spans = vec![Span::raw(" ")];
    if room >= 100 {
        spans.push(Span::styled("brkwater  ", theme.style(Role::Dim)));
    }
    if room >= 40 {
        spans.push(Span::styled(who(model), theme.style(Role::Strong)));
        spans.push(Span::raw("  "));
    }
    spans.push(Span::styled(state, theme.style(role)));
    spans.push(Span::raw("  "));
    let mut right = String::new();
    if model.dropped > 0 {
        right.push_str(&format!("{} events left out ", model.dropped));
    }
    if model.mode == Mode::Terminal && model.question.is_some() {
        right.push_str("question waits: F12 ");
    }
    right.push_str(model.mode.word());
    if text::width(&right) + 8 > room {
        right.clear();
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let left = room.saturating_sub(used + text::width(&right) + 1);
    spans.push(Span::raw(text::clip(&text::clean(&headline(model)), left)));
    put(buffer, area, 0, Line::from(spans));
    let from = area.right().saturating_sub(u16::try_from(text::width(&right)).unwrap_or(0));
    buffer.set_stringn(from, area.y, &right, room, theme.style(Role::Focus));
}

fn who(model: &Model) -> String {
    let pid = match (&model.phase, model.state.pid) {
        (Phase::Ended(pid, _) | Phase::Detached(pid), _) => Some(*pid),
        (_, pid) => pid,
    };
    let mut who = text::clean(model.program());
    if let Some(pid) = pid {
        who.push_str(&format!(" [{pid}]"));
    }
    if let (Some(pid), Some(tid)) = (pid, model.state.tid)
        && tid.0 != pid.0
    {
        who.push_str(&format!(" thread {tid}"));
    }
    if model.live.len() > 1 {
        who.push_str(&format!(" +{}", model.live.len() - 1));
    }
    if who.is_empty() { "no program".to_owned() } else { who }
}

fn state_word(model: &Model) -> (String, Role) {
    if let Some((at, last)) = model.state.moment {
        return (format!("■ RECORDING {} of {}", at.0, last.0), Role::Stopped);
    }
    match model.phase {
        Phase::Empty => ("○ NO TARGET".to_owned(), Role::Dim),
        Phase::Running => {
            let seconds = model.now.saturating_sub(model.resumed_at).as_secs();
            (format!("▶ RUNNING {seconds}s"), Role::Running)
        }
        Phase::Stopped(_) if model.is_core() => ("■ CORE FILE".to_owned(), Role::Stopped),
        Phase::Stopped(_) => ("■ STOPPED".to_owned(), Role::Stopped),
        Phase::Ended(..) => ("○ ENDED".to_owned(), Role::Strong),
        Phase::Detached(_) => ("○ DETACHED".to_owned(), Role::Strong),
    }
}

/// The last line: the keys that help here.
fn hint(context: Context, area: Rect, cramped: bool, buffer: &mut Buffer) {
    let Context { model, theme } = context;
    let text = match (model.mode, model.focus) {
        _ if cramped => "F1 help  Esc panes  80x24 gives more",
        (Mode::Terminal, _) => "keys go to the target  F12 or Ctrl-] leaves",
        (Mode::Search, _) => "type, Enter finds  n next  N previous  Esc ends the search",
        (Mode::Command, _) => {
            "F1 help  F5 cont  F10 next  F11 step  Esc panes  F3 explain  F6 pause  F9 break  F12 target  Tab complete  ↑ history"
        }
        (_, Pane::Source) => {
            "c cont  n next  s step  f finish  b break  : command  ? keys  1-9 pane  z zoom  u d frames  p pause"
        }
        (_, Pane::Backtrace) => {
            "↑↓ frame  Enter select  f fold  : command  ? keys  1-9 pane  z zoom  y copy  F5 cont  F10 next"
        }
        (_, Pane::Timeline) => {
            "[ ] event  { } ten events  : command  ? keys  1-9 pane  z zoom  F5 cont  F10 next"
        }
        (_, Pane::Target) => {
            "Enter or F12 type to the target  : command  ? keys  PgUp scroll  1-9 pane  z zoom"
        }
        _ => "↑↓ move  / search  : command  ? keys  1-9 pane  z zoom  y copy  e explain  F5 cont  F10 next",
    };
    // Whole items only: half a hint is none.
    let mut line = String::new();
    for item in text.split("  ") {
        if text::width(&line) + text::width(item) + 2 > usize::from(area.width) {
            break;
        }
        line.push_str(if line.is_empty() { " " } else { "  " });
        line.push_str(item);
    }
    put(buffer, area, 0, theme.style(Role::Dim).into_line(line));
}

/// The card of the first start: three lines.
fn card(context: Context, area: Rect, buffer: &mut Buffer) {
    const LINES: [&str; 3] = [
        "Type commands as in gdb: break, run, bt, print, x …",
        "Esc, then ? shows every key. F5 runs, F3 explains a stop.",
        "brkwater demo, in a shell, shows it on a small target.",
    ];
    let wide = LINES.iter().map(|line| text::width(line)).max().unwrap_or(0);
    let (width, height) = (u16::try_from(wide).unwrap_or(60) + 4, 5);
    if area.width < width || area.height < height + 4 {
        return;
    }
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 3;
    let place = Rect { x, y, width, height };
    clear(buffer, place);
    let inner = frame(context, place, " first start ", " any key ", true, buffer);
    for (row, line) in (0..).zip(LINES) {
        put(buffer, inner, row, Line::from(format!(" {line}")));
    }
}

/// A box with titles on its upper edge; the one with the keys has double lines. Returns what is inside.
pub fn frame(
    context: Context,
    area: Rect,
    left: &str,
    right: &str,
    focused: bool,
    buffer: &mut Buffer,
) -> Rect {
    if area.width < 2 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    let theme = context.theme;
    let style = theme.style(if focused { Role::Focus } else { Role::Frame });
    let [tl, tr, bl, br, h, v] = if focused {
        ['╔', '╗', '╚', '╝', '═', '║']
    } else {
        ['┌', '┐', '└', '┘', '─', '│']
    };
    let room = usize::from(area.width) - 2;
    let bar = |l: char, r: char| format!("{l}{}{r}", h.to_string().repeat(room));
    buffer.set_string(area.x, area.y, bar(tl, tr), style);
    buffer.set_string(area.x, area.bottom() - 1, bar(bl, br), style);
    for y in area.y + 1..area.bottom() - 1 {
        buffer.set_string(area.x, y, v.to_string(), style);
        buffer.set_string(area.right() - 1, y, v.to_string(), style);
    }
    let left = text::clip(left, room);
    let right = if text::width(&left) + text::width(right) <= room { right } else { "" };
    let title = theme.style(if focused { Role::Focus } else { Role::Title });
    buffer.set_string(area.x + 1, area.y, &left, title);
    let from = area.right() - 1 - u16::try_from(text::width(right)).unwrap_or(0);
    buffer.set_string(from, area.y, right, theme.style(Role::Text));
    Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
}

/// Puts a line into a row of an area, cut with `…` where it does not fit.
pub fn put(buffer: &mut Buffer, area: Rect, row: u16, line: impl Into<Line<'static>>) {
    let line = line.into();
    if row >= area.height || area.width == 0 {
        return;
    }
    let (mut x, y) = (area.x, area.y + row);
    for span in &line.spans {
        let left = usize::from(area.right().saturating_sub(x));
        if left == 0 {
            // The row is full and something is left: mark the cut.
            if let Some(cell) = buffer.cell_mut((area.right() - 1, y)) {
                cell.set_char(text::CUT);
            }
            return;
        }
        let shown = text::clip(&span.content, left);
        (x, _) = buffer.set_stringn(x, y, &shown, left, line.style.patch(span.style));
    }
}

/// Empties a part of the screen before something is drawn over it.
pub fn clear(buffer: &mut Buffer, area: Rect) {
    for y in area.y..area.bottom() {
        for x in area.x..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
}

/// A style with a text makes a line.
pub trait IntoLine {
    /// The line.
    fn into_line(self, text: impl Into<String>) -> Line<'static>;
}

impl IntoLine for Style {
    fn into_line(self, text: impl Into<String>) -> Line<'static> {
        Line::from(Span::styled(text.into(), self))
    }
}

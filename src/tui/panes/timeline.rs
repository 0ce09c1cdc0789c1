//! Fallback, heap and resident bytes over time, with the events that explain them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::draw::{Context, put};
use super::super::growth::{Mark, NAMED};
use super::super::model::{Model, Pane};
use super::super::text;
use super::super::theme::Role;
use super::super::words;
use super::{boxed, empty};
use crate::heap::story::{Point, Story};

/// Columns of the names at the left.
const NAME: usize = 9;
/// Columns of the newest value at the right.
const VALUE: usize = 11;

/// Which value a line shows.
type Pick = fn(&Point) -> Option<u64>;
const LINES: [(&str, Role, Pick); 3] = [
    ("fallback", Role::Fallback, |point| Some(point.fallback)),
    ("heap", Role::Heap, |point| Some(point.heap)),
    ("RSS", Role::Text, |point| point.rss),
];

/// Draws the pane.
pub fn draw(context: Context, area: Rect, buffer: &mut Buffer) {
    let model = context.model;
    let many = model.growth.marks.len();
    let note = match marked(model) {
        Some((at, _)) => format!("event {} of {many}", at + 1),
        None if many > 0 => format!("{many} event{} · [ ] steps", if many == 1 { "" } else { "s" }),
        None => String::new(),
    };
    let mut inner = boxed(context, Pane::Timeline, area, "", &note, buffer);
    if inner.width > 40 {
        inner = Rect { x: inner.x + 1, width: inner.width - 1, ..inner };
    }
    let Some(story) = model.growth.story().filter(|story| !story.series().points.is_empty()) else {
        empty(context, inner, &["Nothing measured yet.".to_owned()], buffer);
        return;
    };
    let span = (story.began(), model.growth.now.max(story.began()));
    match inner.height {
        0 => {}
        1..=3 => brief(context, story, span, inner, buffer),
        _ => full(context, story, span, inner, buffer),
    }
}

/// One row: the fallback and the marks beside each other.
fn brief(context: Context, story: &Story, (from, to): (f64, f64), inner: Rect, buffer: &mut Buffer) {
    let theme = context.theme;
    let now = words::moment(to);
    let room = usize::from(inner.width).saturating_sub(NAME + VALUE + 5 + text::width(&now));
    let (left, right) = (room / 2, room - room / 2);
    let values: Vec<_> = story.series().columns(left, from, to);
    let last = story.series().points.last().map_or(0, |point| point.fallback);
    let mut spans = vec![
        Span::styled(format!("{:<NAME$}", "fallback"), theme.style(Role::Strong)),
        Span::styled(bars(&values, LINES[0].2), theme.style(Role::Fallback)),
        Span::raw(format!(" {:<1$}│ ", words::size(last), VALUE - 1)),
    ];
    spans.extend(marks(context, story, (from, to), right));
    spans.push(Span::raw(format!("  {now}")));
    put(buffer, inner, 0, Line::from(spans));
    for (row, (name, role, pick)) in (1..inner.height).zip(LINES.into_iter().skip(1)) {
        let room = usize::from(inner.width).saturating_sub(NAME + VALUE + 1);
        let values = story.series().columns(room, from, to);
        put(buffer, inner, row, value_line(context, story, name, role, pick, &values));
    }
}

/// A row for each value, the marks, and the time.
fn full(context: Context, story: &Story, (from, to): (f64, f64), inner: Rect, buffer: &mut Buffer) {
    let theme = context.theme;
    let width = usize::from(inner.width);
    let notes = if width >= 90 { 30 } else { 0 };
    let room = width.saturating_sub(NAME + VALUE + notes + 1);
    let values = story.series().columns(room, from, to);
    let mut row = 0;
    for (name, role, pick) in LINES {
        let mut line = value_line(context, story, name, role, pick, &values);
        if notes > 0 {
            line.spans.push(Span::styled(note(story, to, pick), theme.style(Role::Dim)));
        }
        put(buffer, inner, row, line);
        row += 1;
    }
    let mut events = vec![Span::styled(format!("{:<NAME$}", "events"), theme.style(Role::Strong))];
    events.extend(marks(context, story, (from, to), room));
    let legend = " ◆ planted ✗ refused B stop F fork M mark";
    if notes > 0 {
        events.push(Span::styled(legend, theme.style(Role::Dim)));
    }
    put(buffer, inner, row, Line::from(events));
    put(buffer, inner, row + 1, axis(context, (from, to), room));
    let Some((at, _)) = marked(context.model) else { return };
    // A large pane has room for the events around the marked one, in words.
    let free = usize::from(inner.height.saturating_sub(row + 3));
    let first = at.saturating_sub(free / 2);
    for (line, (index, mark)) in
        (row + 3..inner.height).zip(context.model.growth.marks.iter().enumerate().skip(first))
    {
        let style = theme.style(if index == at { Role::Cursor } else { Role::Text });
        put(buffer, inner, line, Line::from(Span::styled(format!("  {}", in_words(mark)), style)));
    }
}

fn value_line(
    context: Context,
    story: &Story,
    name: &'static str,
    role: Role,
    pick: Pick,
    values: &[Option<Point>],
) -> Line<'static> {
    let last = story.series().points.last().and_then(pick);
    let value = last.map_or_else(|| "?".to_owned(), words::size);
    Line::from(vec![
        Span::styled(format!("{name:<NAME$}"), context.theme.style(Role::Strong)),
        Span::styled(bars(values, pick), context.theme.style(role)),
        Span::raw(format!(" {value:>0$}", VALUE - 1)),
    ])
}

/// What else is worth saying of a line: its peak, when it is not the newest value.
fn note(story: &Story, now: f64, pick: Pick) -> String {
    let points = &story.series().points;
    let Some(last) = points.last().and_then(pick) else { return "  not measured yet".to_owned() };
    let peak = points.iter().filter_map(pick).max().unwrap_or(0);
    let since = points.iter().rev().take_while(|point| pick(point) == Some(last)).last();
    match since {
        _ if peak > last => format!("  peak {}", words::size(peak)),
        Some(since) if last > 0 && (now - since.t) * 5.0 > now - story.began() => {
            format!("  flat since {}", words::moment(since.t))
        }
        _ => String::new(),
    }
}

fn bars(values: &[Option<Point>], pick: Pick) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().flatten().filter_map(pick).max().unwrap_or(0).max(1);
    let bar =
        |value: u64| BARS[usize::try_from(u128::from(value) * 7 / u128::from(most)).unwrap_or(7).min(7)];
    values.iter().map(|point| point.as_ref().and_then(pick).map_or(' ', bar)).collect()
}

/// The row of marks; the column of the marked event stands out.
fn marks(context: Context, story: &Story, (from, to): (f64, f64), room: usize) -> Vec<Span<'static>> {
    let theme = context.theme;
    let at = marked(context.model).map(|(_, mark)| column_of(mark.t, (from, to), room));
    let columns = story.series().columns(room, from, to);
    let named = context.model.growth.marks.iter().filter(|mark| mark.glyph == NAMED);
    let named: Vec<usize> = named.map(|mark| column_of(mark.t, (from, to), room)).collect();
    let cell = |(column, point): (usize, &Option<Point>)| {
        let (glyph, role) = match point {
            _ if named.contains(&column) => (NAMED, Role::Strong),
            Some(point) if point.planted > 0 => ('◆', Role::Error),
            Some(point) if point.stops > 0 => ('B', Role::Strong),
            Some(point) if point.forks > 0 => ('F', Role::Strong),
            Some(point) if point.refused > 0 => ('✗', Role::Error),
            _ => (' ', Role::Text),
        };
        let style = if at == Some(column) { theme.style(Role::Cursor) } else { theme.style(role) };
        Span::styled(glyph.to_string(), style)
    };
    columns.iter().enumerate().map(cell).collect()
}

/// The times at both ends, or the marked event in words.
fn axis(context: Context, (from, to): (f64, f64), room: usize) -> Line<'static> {
    let theme = context.theme;
    let lead = " ".repeat(NAME);
    if let Some((_, mark)) = marked(context.model) {
        let style: Style = theme.style(Role::Strong);
        return Line::from(vec![Span::raw(lead), Span::styled(in_words(mark), style)]);
    }
    let (left, right) = (words::moment(from), format!("now {}", words::moment(to)));
    let gap = room.saturating_sub(text::width(&left) + text::width(&right));
    Line::from(Span::styled(format!("{lead}{left}{}{right}", " ".repeat(gap)), theme.style(Role::Dim)))
}

fn in_words(mark: &Mark) -> String {
    text::clean(&format!("{} {} {}  (event {})", words::moment(mark.t), mark.glyph, mark.text, mark.seq))
}

fn column_of(t: f64, (from, to): (f64, f64), room: usize) -> usize {
    let part = ((t - from) / (to - from).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    ((part * room as f64).ceil() as usize).saturating_sub(1).min(room.saturating_sub(1))
}

/// The marked event, and its place among all.
fn marked(model: &Model) -> Option<(usize, &Mark)> {
    let seq = model.mark?;
    let marks = &model.growth.marks;
    let at = marks.partition_point(|mark| mark.seq < seq);
    marks.get(at).map(|mark| (at, mark))
}

/// Goes some events on or back; beyond the newest lies the present.
pub fn step(model: &mut Model, by: i32) {
    let len = model.growth.marks.len();
    let here = marked(model).map_or(len, |(at, _)| at);
    let to = here.saturating_add_signed(isize::try_from(by).unwrap_or(0));
    model.mark = model.growth.marks.get(to).map(|mark| mark.seq);
}

/// To the first event, or to the present.
pub fn end(model: &mut Model, newest: bool) {
    model.mark = if newest { None } else { model.growth.marks.front().map(|mark| mark.seq) };
}

/// The index of the marked event.
pub fn row(model: &Model) -> usize {
    marked(model).map_or(model.growth.marks.len().saturating_sub(1), |(at, _)| at)
}

/// Marks the event with this index.
pub fn go(model: &mut Model, row: usize) {
    model.mark = model.growth.marks.get(row).map(|mark| mark.seq);
}

/// The events in words.
pub fn rows(model: &Model) -> Vec<String> {
    model.growth.marks.iter().map(in_words).collect()
}

//! Memory over time, drawn: what malloc has mapped, stacked by kind, resident bytes as a dashed line, and marks for
//! blockers (◆), refused brks (✗), stops (B) and forks (F).

use super::super::words::moment;
use super::page::Page;
use super::svg::{MARGIN, WIDTH};
use crate::addr::human_size;
use crate::heap::story::Point;

const HEIGHT: f64 = 140.0;
/// Room for the scale's words.
const LEFT: f64 = 64.0;

/// Something that is counted over time: its class, its word, and its value.
type Layer = (&'static str, fn(&Point) -> u64);

/// From the lowest up.
const LAYERS: [Layer; 3] =
    [("heap", |point| point.heap), ("fallback", |point| point.fallback), ("chunk", |point| point.chunks)];

/// Draws from `top` down; gives the picture's height.
pub(super) fn draw(page: &Page, top: f64, body: &mut String) -> f64 {
    let stable = page.stable.is_some();
    let unit = if stable { "events" } else { "seconds" };
    body.push_str(&format!(
        "<text x=\"{MARGIN}\" y=\"{:.0}\">Mapped by malloc over time ({unit}); dashed: resident</text>\n",
        top - 6.0
    ));
    let columns: Vec<&Point> = page.columns.iter().flatten().collect();
    let bottom = top + HEIGHT;
    if columns.is_empty() {
        let y = top + 20.0;
        body.push_str(&format!(
            "<text class=\"quiet\" x=\"{MARGIN}\" y=\"{y:.0}\">Nothing was recorded.</text>\n"
        ));
        return top + 40.0;
    }
    let peak =
        columns.iter().map(|point| point.mapped().max(point.rss.unwrap_or(0))).max().unwrap_or(0).max(1);
    let scale = Scale {
        left: MARGIN + LEFT,
        bottom,
        wide: WIDTH - 2.0 * MARGIN - LEFT,
        peak: peak as f64,
        count: page.columns.len(),
    };
    axis(&scale, peak, top, body);
    for layer in (0..LAYERS.len()).rev() {
        area(page, &scale, layer, body);
    }
    resident(page, &scale, body);
    let low = marks(page, &scale, body) + 14.0;
    for (t, x, anchor) in [(page.time.0, scale.left, "start"), (page.time.1, scale.left + scale.wide, "end")]
    {
        body.push_str(&format!(
            "<text x=\"{x:.1}\" y=\"{low:.1}\" text-anchor=\"{anchor}\">{}</text>\n",
            moment(t)
        ));
    }
    let meanings: Vec<String> = MARKS.iter().map(|(glyph, word, _)| format!("{glyph} {word}")).collect();
    body.push_str(&format!(
        "<text class=\"quiet\" x=\"{MARGIN}\" y=\"{:.1}\">{}</text>\n",
        low + 18.0,
        meanings.join(" · ")
    ));
    low + 26.0
}

struct Scale {
    left: f64,
    bottom: f64,
    wide: f64,
    peak: f64,
    count: usize,
}

impl Scale {
    fn x(&self, column: usize) -> f64 {
        self.left + self.wide * column as f64 / self.count.max(1) as f64
    }

    fn y(&self, bytes: u64) -> f64 {
        self.bottom - HEIGHT * bytes as f64 / self.peak
    }
}

fn axis(scale: &Scale, peak: u64, top: f64, body: &mut String) {
    let (left, right) = (scale.left, scale.left + scale.wide);
    body.push_str(&format!(
        "<path class=\"axis\" d=\"M{left:.1} {top:.1}V{:.1}H{right:.1}\"/>\n",
        scale.bottom
    ));
    for (bytes, y) in [(peak, top + 9.0), (peak / 2, (top + scale.bottom) / 2.0 + 4.0), (0, scale.bottom)] {
        let word = if bytes == 0 { "0".to_owned() } else { human_size(bytes) };
        body.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{word}</text>\n",
            left - 5.0
        ));
    }
}

/// The sum of the layers up to this one, filled down to the axis; what is above was drawn before.
fn area(page: &Page, scale: &Scale, layer: usize, body: &mut String) {
    let (class, _) = LAYERS[layer];
    let sum =
        |point: &Point| LAYERS[..=layer].iter().fold(0_u64, |sum, (_, of)| sum.saturating_add(of(point)));
    let own = page.columns.iter().flatten().map(LAYERS[layer].1).max().unwrap_or(0);
    if own == 0 {
        return;
    }
    let mut path = String::new();
    let mut last = 0.0;
    for (column, point) in page.columns.iter().enumerate() {
        let Some(point) = point else { continue };
        let (x, y) = (scale.x(column), scale.y(sum(point)));
        if path.is_empty() {
            path = format!("M{x:.1} {:.1}", scale.bottom);
        }
        path.push_str(&format!("V{y:.1}H{:.1}", scale.x(column + 1)));
        last = scale.bottom;
    }
    path.push_str(&format!("V{last:.1}Z"));
    body.push_str(&format!(
        "<path class=\"{class}\" d=\"{path}\"><title>{class}: at most {}</title></path>\n",
        human_size(own)
    ));
}

fn resident(page: &Page, scale: &Scale, body: &mut String) {
    let mut path = String::new();
    for (column, point) in page.columns.iter().enumerate() {
        let Some(rss) = point.as_ref().and_then(|point| point.rss) else { continue };
        let step = if path.is_empty() { "M" } else { "L" };
        path.push_str(&format!("{step}{:.1} {:.1}", scale.x(column + 1), scale.y(rss)));
    }
    if !path.is_empty() {
        body.push_str(&format!("<path class=\"rss\" d=\"{path}\"><title>resident bytes</title></path>\n"));
    }
}

/// A mark: its glyph, its word, and how often a point has it.
type Mark = (char, &'static str, fn(&Point) -> u32);

const MARKS: [Mark; 4] = [
    ('◆', "blocker planted", |point| point.planted),
    ('✗', "brk refused", |point| point.refused),
    ('B', "stop", |point| point.stops),
    ('F', "fork", |point| point.forks),
];

/// How far marks of one kind stay apart; nearer ones become one with their number.
const APART: f64 = 10.0;

/// A row for each kind of mark that there is; gives the lower edge of the last.
fn marks(page: &Page, scale: &Scale, body: &mut String) -> f64 {
    let mut y = scale.bottom + 4.0;
    for (glyph, word, of) in MARKS {
        let mut groups: Vec<(f64, u32)> = Vec::new();
        for (column, point) in page.columns.iter().enumerate() {
            let count = point.as_ref().map_or(0, of);
            let x = scale.x(column + 1);
            match groups.last_mut() {
                _ if count == 0 => {}
                Some((at, sum)) if x - *at < APART => *sum = sum.saturating_add(count),
                _ => groups.push((x, count)),
            }
        }
        if groups.is_empty() {
            continue;
        }
        y += 13.0;
        let all: u64 = groups.iter().map(|(_, count)| u64::from(*count)).sum();
        body.push_str(&format!("<text x=\"{MARGIN}\" y=\"{y:.1}\" class=\"quiet\">{glyph} ×{all}</text>\n"));
        for (x, count) in groups {
            body.push_str(&format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{glyph}<title>{count} × {word}</title></text>\n"
            ));
        }
    }
    y
}

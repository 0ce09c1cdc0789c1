//! `info growth`, `info blockers` and the layout part of `info heap`: as text, and as JSON.
//!
//! ```text
//! label     calls   asked    live   first    last  site
//! fallback     37    5.6M    5.6M  +0.211s +1.204s  CRYPTO_malloc (mem.c:198)
//! ```

use serde_json::{Value, json};

use super::escape::plain;
use super::owner::Names;
use super::paths;
use super::words::{self, count, moment, place};
use crate::addr::{Addr, human_size};
use crate::event::{Label, StackFrame};
use crate::heap::story::growth::GrowthRow;
use crate::heap::story::layout::{Layout, Region, RegionKind};
use crate::heap::story::strip::{Glyphs, strip};
use crate::heap::story::{Blocker, Evidence, Story};
use crate::heap::view::PlanterView;
use crate::maps::Mapping;

/// How many neighbouring fallbacks or chunks of one size are listed before the rest is folded.
const LISTED: usize = 3;

/// The label as it is spelled everywhere (`brk-grow`).
#[must_use]
pub fn label_word(label: Label) -> String {
    match serde_json::to_value(label) {
        Ok(Value::String(word)) => word,
        _ => format!("{label:?}"),
    }
}

/// `info growth`: by label and site, largest first, at most `rows` of them; `names` gives the frames of return
/// addresses, as far as they are known.
#[must_use]
pub fn growth(story: &Story, rows: usize, names: Names<'_>) -> String {
    let view = story.growth();
    if view.by_site.is_empty() {
        return format!("{}\n{}", no_calls(story), inherited(story));
    }
    let mut table = Table::new(&["label", "calls", "asked", "live", "first", "last", "site"], 5);
    // What the loader maps is the program's own files: one line for all of it, below what people look for.
    let (loader, asked): (Vec<&GrowthRow>, Vec<&GrowthRow>) =
        view.by_site.iter().partition(|row| row.label == Label::Loader);
    for row in asked.iter().take(rows) {
        let who = row.site.as_ref().map_or_else(|| "(no stack)".to_owned(), place);
        let inferred = if row.inferred { " [inferred]" } else { "" };
        let below = paths::below(paths::of_row(&view, row), row.site.as_ref(), names);
        let comma = if below.is_empty() { "" } else { ", " };
        table.row(growth_row(std::slice::from_ref(row), format!("{who}{inferred}{comma}{below}")));
    }
    if !loader.is_empty() {
        table.row(growth_row(&loader, "the dynamic loader".to_owned()));
    }
    let over = words::ending(story).map(|how| format!("{how}; as it stood then:\n")).unwrap_or_default();
    let mut text = over + &table.text();
    let left = asked.len().saturating_sub(rows);
    if left > 0 {
        text.push_str(&format!("({} not shown)\n", count(left as u64, "more site")));
    }
    if view.other_calls > 0 {
        let calls = count(view.other_calls, "call");
        text.push_str(&format!("({calls}, {}, from further sites)\n", human_size(view.other_bytes)));
    }
    text.push_str(&inherited(story));
    text.push_str("asked: address space from the kernel; live: of it still mapped. Neither says what is in use (info heap).\n");
    text
}

/// One line of the table: these rows, which have the same label, added up.
fn growth_row(rows: &[&GrowthRow], who: String) -> [String; 7] {
    let sum = |of: fn(&GrowthRow) -> u64| rows.iter().map(|row| of(row)).sum::<u64>();
    let first = rows.iter().map(|row| row.first_t).fold(f64::INFINITY, f64::min);
    let last = rows.iter().map(|row| row.last_t).fold(0.0, f64::max);
    [
        rows.first().map(|row| label_word(row.label)).unwrap_or_default(),
        sum(|row| row.count).to_string(),
        human_size(sum(|row| row.bytes)),
        human_size(sum(|row| row.live)),
        moment(first),
        moment(last),
        who,
    ]
}

/// `info growth -json`: schema `brkwater.growth/1`.
#[must_use]
pub fn growth_json(story: &Story, names: Names<'_>) -> Value {
    let view = story.growth();
    let below = |row: &GrowthRow| {
        let joints = paths::of_row(&view, row);
        let frame = |at: Addr| {
            let bare = StackFrame { address: at, ..StackFrame::default() };
            frame_json(names(at).first().unwrap_or(&bare))
        };
        json!({"most": joints.most.map(frame), "all": joints.all.map(frame)})
    };
    let row = |row: &GrowthRow| {
        let mut value = json!({
            "label": row.label, "calls": row.count, "bytes": row.bytes, "live": row.live,
            "first": {"seq": row.first, "t": row.first_t}, "last": {"seq": row.last, "t": row.last_t},
            "allocator": row.allocator, "inferred": row.inferred, "site": row.site.as_ref().map(frame_json),
        });
        match row.stack.is_empty() {
            true => value["below"] = below(row),
            false => value["stack"] = json!(row.stack),
        }
        value
    };
    json!({
        "schema": "brkwater.growth/1",
        "by_site": view.by_site.iter().map(row).collect::<Vec<_>>(),
        "by_stack": view.by_stack.iter().map(row).collect::<Vec<_>>(),
        "other": {"calls": view.other_calls, "bytes": view.other_bytes},
    })
}

/// `info blockers`. `now` is what the heap's reader found in the way of the break, where it looked.
#[must_use]
pub fn blockers(story: &Story, now: Option<&[Mapping]>) -> String {
    let unseen = unseen(story, now.unwrap_or_default());
    let over = words::ending(story).map(|how| format!("{how}; as it stood then:\n")).unwrap_or_default();
    if story.blockers().is_empty() && unseen.is_empty() {
        return format!("{over}{}\n", no_blockers(story, now.is_some()));
    }
    let mut table = Table::new(&["Num", "Range", "Size", "Perms", "Refused", "Planted", "By"], 0);
    for (number, blocker) in (1..).zip(story.blockers()) {
        table.row([
            number.to_string(),
            blocker.span.to_string(),
            human_size(blocker.span.len()),
            blocker.perms.to_string(),
            blocker.refused.to_string(),
            planted(blocker),
            planted_by(story, blocker),
        ]);
    }
    for (number, mapping) in (story.blockers().len() + 1..).zip(unseen) {
        let (span, perms) = (mapping.span.to_string(), mapping.perms.to_string());
        let who = "unknown: its creation was not seen".to_owned();
        let size = human_size(mapping.span.len());
        table.row([number.to_string(), span, size, perms, "?".to_owned(), "?".to_owned(), who]);
    }
    let since = match words::since(story) {
        since if since.is_empty() => since,
        since => format!("Refusals are counted{since}.\n"),
    };
    format!(
        "{over}Blockers (glibc: \"holes\"): mappings where the next brk would go.\n{}{since}",
        table.text()
    )
}

fn no_blockers(story: &Story, looked: bool) -> String {
    let since = words::since(story);
    let stands = if looked || story.line().current.is_some() {
        "No blockers: no mapping stands where the next brk would go."
    } else {
        "Where the break is was not seen: whether something stands in its way is not known."
    };
    let refused = match (story.refusals().count, story.calls()) {
        (0, 0) => format!("No memory call was recorded{since}: whether a brk was refused is not known."),
        (0, _) => format!("No brk was refused{since}."),
        (1, _) => format!("1 brk was refused all the same{since}: see explain."),
        (n, _) => format!("{n} brks were refused all the same{since}: see explain."),
    };
    format!("{stands} {refused}")
}

/// What stands in the way and the story knows nothing of.
fn unseen<'a>(story: &Story, now: &'a [Mapping]) -> Vec<&'a Mapping> {
    let known = |mapping: &Mapping| {
        let mut standing = story.blockers().iter().filter(|blocker| blocker.removed.is_none());
        standing.any(|blocker| blocker.span.overlaps(mapping.span))
    };
    now.iter().filter(|mapping| !known(mapping)).collect()
}

/// `info blockers -json`: schema `brkwater.blockers/1`; `now` as in [`blockers`].
#[must_use]
pub fn blockers_json(story: &Story, now: Option<&[Mapping]>) -> Value {
    let mut all: Vec<Value> = story.blockers().iter().map(blocker_json).collect();
    all.extend(unseen(story, now.unwrap_or_default()).into_iter().map(|mapping| {
        json!({
            "start": mapping.span.start, "end": mapping.span.end, "perms": mapping.perms.to_string(),
            "path": mapping.path, "refused": null, "planted_by": null,
        })
    }));
    json!({"schema": "brkwater.blockers/1", "break": story.line(), "refused": story.refusals().count, "blockers": all})
}

/// A blocker as `brkwater.heap/1` lists it, with what only the story knows beside it.
#[must_use]
pub fn blocker_json(blocker: &Blocker) -> Value {
    let planter = blocker.planter();
    let planted_by = blocker.planted.as_ref().map(|asked| {
        let frame = planter.frame.clone().unwrap_or_default();
        json!({
            "seq": asked.seq, "t": asked.t, "function": frame.function, "file": frame.file, "line": frame.line,
            "module": frame.module, "evidence": planter.evidence, "inferred_from": planter.from,
            "call": crate::syscalls::text(&asked.call),
        })
    });
    json!({
        "start": blocker.span.start, "end": blocker.span.end, "perms": blocker.perms.to_string(),
        "path": blocker.path, "refused": blocker.refused, "first_refused": blocker.first_refused,
        "last_refused": blocker.last_refused, "removed": blocker.removed, "planted_by": planted_by,
    })
}

/// What `brkwater.heap/1` wants to know of a blocker that begins at `start`: the event and the function.
#[must_use]
pub fn planter_view(story: &Story, start: Addr) -> Option<PlanterView> {
    let is_it = |blocker: &&Blocker| blocker.removed.is_none() && blocker.span.contains(start);
    let blocker = story.blockers().iter().rev().find(is_it)?;
    let frame = blocker.planter().frame.unwrap_or_default();
    let seq = blocker.planted.as_ref()?.seq;
    Some(PlanterView { seq, function: frame.function, file: frame.file, line: frame.line })
}

/// What the calls tell beside the structures, at the end of `info heap`: who stands in the way and since when, and
/// who asked for what the kernel shows as one mapping.
#[must_use]
pub fn told(story: &Story, layout: &Layout) -> String {
    if story.calls() == 0 {
        let text = "No memory call was recorded: who asked for this memory, and when, is not known.";
        return format!("{} {text}\n", Evidence::Unknown);
    }
    let mut text = String::new();
    for blocker in story.blockers().iter().filter(|blocker| blocker.removed.is_none()) {
        let refused = match blocker.refused {
            0 => "no brk was refused by it yet".to_owned(),
            1 => "1 brk was refused by it".to_owned(),
            n => format!("{n} brks were refused by it"),
        };
        let planter = blocker.planter();
        let who = match (&blocker.planted, &planter.frame) {
            (Some(asked), Some(frame)) => {
                format!("planted by {} at {}, event {}", place(frame), moment(asked.t), asked.seq)
            }
            (Some(asked), None) => format!("planted at {}, event {}, no stack", moment(asked.t), asked.seq),
            (None, _) => "it was there before the recording began".to_owned(),
        };
        text.push_str(&format!("{} blocker {}: {who}; {refused}\n", planter.evidence, blocker.span));
    }
    if let Some(line) = kernel_view(story, layout) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// The layout part of `info heap`: strip, regions, the kernel's view beside the requests.
#[must_use]
pub fn layout(story: &Story, layout: &Layout, width: usize, glyphs: Glyphs) -> String {
    let mut text = strip(layout, width, glyphs).text(glyphs);
    let line = layout.line;
    let at = |at: Option<Addr>| at.map_or_else(|| "unknown".to_owned(), |at| at.to_string());
    text.push_str(&format!(
        "break {} (start {}), heap {}, refused {}×\n",
        at(line.current),
        at(line.start),
        human_size(layout.totals.heap),
        layout.refused
    ));
    let mut table = Table::new(&["address", "size", "", "what", "name, or who asked"], 2);
    for row in rows(&layout.regions) {
        table.row(region_row(&row, glyphs));
    }
    text.push_str(&table.text());
    if let Some(line) = kernel_view(story, layout) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// The layout as JSON: schema `brkwater.layout/1`.
#[must_use]
pub fn layout_json(layout: &Layout) -> Value {
    json!({
        "schema": "brkwater.layout/1", "break": layout.line, "refused": layout.refused, "totals": layout.totals,
        "regions": layout.regions,
    })
}

/// `kernel view: 1 VMA, 5.6M   who asked: 37 requests (1 MiB ×1, 132 KiB ×36)`; nothing without fallbacks.
#[must_use]
pub fn kernel_view(story: &Story, layout: &Layout) -> Option<String> {
    let totals = &layout.totals;
    if totals.fallback == 0 {
        return None;
    }
    let asked = count(totals.fallback_requests, "request");
    let sizes = words::sizes(story.fallback_sizes());
    let kernel = match totals.fallback_vmas {
        0 => "not asked".to_owned(),
        vmas => format!("{} with {} of fallback", count(vmas, "VMA"), human_size(totals.fallback)),
    };
    Some(format!("kernel view: {kernel}   who asked: {asked} ({sizes})"))
}

/// A frame in JSON.
#[must_use]
pub fn frame_json(frame: &StackFrame) -> Value {
    json!({
        "address": frame.address, "function": frame.function, "file": frame.file, "line": frame.line,
        "module": frame.module,
    })
}

/// A region, or a run of them that is folded.
struct Row<'a> {
    region: &'a Region,
    folded: u64,
    bytes: u64,
}

fn rows(regions: &[Region]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut alike = 0;
    for region in regions {
        let same = rows.last().is_some_and(|row| {
            let kind =
                matches!(region.kind, RegionKind::Fallback | RegionKind::MmapChunk | RegionKind::Arena);
            kind && row.region.kind == region.kind
        });
        alike = if same { alike + 1 } else { 0 };
        match rows.last_mut() {
            Some(row) if alike >= LISTED => {
                row.folded += 1;
                row.bytes += region.span.len();
            }
            _ => rows.push(Row { region, folded: 0, bytes: region.span.len() }),
        }
    }
    rows
}

fn region_row(row: &Row<'_>, glyphs: Glyphs) -> [String; 5] {
    let region = row.region;
    let name = plain(&region.name);
    let what = match (region.kind, row.folded) {
        (kind, 0) => kind.word().to_owned(),
        (kind, folded) => format!("{} and {folded} more", kind.word()),
    };
    let who = match (&region.site, region.t) {
        (Some(site), Some(t)) if region.kind != RegionKind::Library => {
            let requests =
                if region.requests > 1 { format!(", {} requests", region.requests) } else { String::new() };
            format!("{} {}{requests}", place(site), moment(t))
        }
        _ if region.kind == RegionKind::Blocker && region.seq.is_none() => "unknown: there before".to_owned(),
        _ => name,
    };
    [region.span.start.to_string(), human_size(row.bytes), glyphs.of(region.kind).to_string(), what, who]
}

fn planted(blocker: &Blocker) -> String {
    let born = blocker.planted.as_ref().map(|asked| format!("{} (event {})", moment(asked.t), asked.seq));
    let gone = blocker.removed.map(|removed| format!(", gone {}", moment(removed.t)));
    format!("{}{}", born.unwrap_or_else(|| "before".to_owned()), gone.unwrap_or_default())
}

fn planted_by(story: &Story, blocker: &Blocker) -> String {
    let planter = blocker.planter();
    match planter.frame {
        Some(frame) if planter.evidence == Evidence::Inferred => format!("{} [inferred]", place(&frame)),
        Some(frame) => place(&frame),
        None if story.was_attached() && blocker.planted.is_none() => {
            format!("unknown: it existed {}", words::before(story))
        }
        None => "unknown".to_owned(),
    }
}

fn no_calls(story: &Story) -> &'static str {
    match story.calls() {
        0 => "No memory call was recorded.",
        _ => "No call got memory from the kernel.",
    }
}

/// Where a child's memory came from that it did not ask for.
fn inherited(story: &Story) -> String {
    let Some(fork) = story.forked().filter(|fork| fork.calls > 0) else { return String::new() };
    let (calls, when) = (count(fork.calls, "call"), moment(fork.t));
    format!(
        "What process {} had got by {calls} before it forked this one at {when} is not counted here.\n",
        fork.parent
    )
}

/// Columns as wide as their widest cell; the first `right` from the second on are aligned to the right.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    right: usize,
}

impl Table {
    pub(super) fn new(head: &[&str], right: usize) -> Table {
        Table { rows: vec![head.iter().map(|&word| word.to_owned()).collect()], right }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    pub(super) fn text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let wide = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(wide).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
                let gap = if column == 0 { "" } else { "  " };
                let right = (1..=self.right).contains(&column);
                let (before, after) = if right { (pad, String::new()) } else { (String::new(), pad) };
                line.push_str(&format!("{gap}{before}{cell}{after}"));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

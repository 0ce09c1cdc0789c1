//! `heap chunks`: the chunks of a region, a line for each.
//!
//! ```text
//! region 0: main arena, brk [0x55555555a000-0x55555557b000], 132K, 9 chunks
//! chunk            size   flags  state   contents
//! 0x55555555a000  0x290  P      in use  (the tcache of thread 1)
//! 0x55555555a290   0x70  P      tcache  2nd of 3 in the 0x70 tcache of thread 1, then 0x55555555a310
//! ```
//!
//! The words for states, flags and lists are here for the other pages about chunks too. Flags are those of the
//! size field: P (`PREV_INUSE`), M (`IS_MMAPPED`), A (`NON_MAIN_ARENA`).

use serde_json::{Value, json};

use super::place::state;
use super::tables::Table;
use super::words::count;
use crate::addr::{Tid, human_size};
use crate::heap::{Arena, ArenaKind, Doubt, ListKind, Listed, Page, Region, Row, SizeField, State, Survey};

/// A heap that is looked at, and how its threads are called (`thread 2`).
#[derive(Copy, Clone)]
pub struct Looking<'a> {
    /// What was read.
    pub survey: &'a Survey,
    /// The name of a thread.
    pub thread: &'a dyn Fn(Tid) -> String,
}

/// A region with its number among those of all arenas, and the number of its arena.
#[derive(Copy, Clone)]
pub struct Numbered<'a> {
    /// The region's number.
    pub number: usize,
    /// The arena's.
    pub arena_number: usize,
    /// The arena.
    pub arena: &'a Arena,
    /// The region.
    pub region: &'a Region,
}

/// Every region, numbered through: the main arena's first.
pub fn regions(survey: &Survey) -> impl Iterator<Item = Numbered<'_>> {
    let arenas = survey.arenas.iter().enumerate();
    let all = arenas.flat_map(|(n, arena)| arena.regions.iter().map(move |region| (n, arena, region)));
    all.enumerate().map(|(number, (arena_number, arena, region))| Numbered {
        number,
        arena_number,
        arena,
        region,
    })
}

/// `heap chunks` as text: the table, the damage where it is met, and how to go on.
#[must_use]
pub fn text(looking: Looking<'_>, of: Numbered<'_>, page: &Page) -> String {
    let mut text = heading(of);
    let mut table = Table::new(&["chunk", "size", "flags", "state", "contents"], 1);
    for row in &page.rows {
        let chunk = row.chunk;
        let size = format!("{:#x}", chunk.size);
        let contents = contents(looking, row);
        table.row([chunk.address.to_string(), size, letters(row.field), word(chunk.state).into(), contents]);
    }
    // Damage stands between the chunks where it was met.
    let lines = table.text();
    let mut lines = lines.lines();
    let mut doubts = page.doubts.iter().peekable();
    text.extend(lines.next().map(|line| format!("{line}\n")));
    for (line, row) in lines.zip(&page.rows) {
        while let Some(doubt) = doubts.next_if(|doubt| doubt.at < row.chunk.address) {
            text.push_str(&broken(doubt));
        }
        text.push_str(line);
        text.push('\n');
    }
    doubts.for_each(|doubt| text.push_str(&broken(doubt)));
    text.push_str(&onward(page));
    text
}

/// The same as JSON: schema `brkwater.heap-chunks/1`.
#[must_use]
pub fn json(of: Numbered<'_>, page: &Page) -> Value {
    let rows: Vec<Value> = page.rows.iter().map(row_json).collect();
    json!({
        "schema": "brkwater.heap-chunks/1", "region": region_json(of), "before": page.before, "chunks": rows,
        "after": page.after, "next": page.next, "doubts": doubts_json(&page.doubts),
        "doubts_elsewhere": page.doubts_elsewhere,
    })
}

/// A region in JSON, with its number and its arena.
#[must_use]
pub fn region_json(of: Numbered<'_>) -> Value {
    json!({
        "index": of.number, "arena": of.arena.address, "arena_index": of.arena_number,
        "start": of.region.span.start, "end": of.region.span.end, "origin": of.region.origin.name(),
    })
}

/// One chunk in JSON.
#[must_use]
pub fn row_json(row: &Row) -> Value {
    json!({
        "address": row.chunk.address, "payload": row.chunk.payload(), "size": row.chunk.size,
        "size_field": format!("{:#x}", row.field.0), "flags": row.field.flags().collect::<Vec<_>>(),
        "state": state(row.chunk.state), "list": row.list.as_ref().map(listed_json),
    })
}

fn listed_json(listed: &Listed) -> Value {
    let mut value = kind_json(listed.kind);
    value["nth"] = json!(listed.member.nth);
    value["from_end"] = json!(listed.member.backward);
    value["of"] = json!(listed.of);
    value["next"] = json!(listed.next);
    value["before"] = json!(listed.before);
    value
}

/// A list in JSON: what it is, and its thread or its index.
#[must_use]
pub fn kind_json(kind: ListKind) -> Value {
    match kind {
        ListKind::Tcache(tid, bin) => json!({"kind": "tcache", "tid": tid, "bin": bin}),
        ListKind::Fast(bin) => json!({"kind": "fastbin", "bin": bin}),
        ListKind::Unsorted => json!({"kind": "unsorted", "bin": 1}),
        ListKind::Small(bin) => json!({"kind": "small", "bin": bin}),
        ListKind::Large(bin) => json!({"kind": "large", "bin": bin}),
    }
}

/// Doubts in JSON, as `info heap -json` gives them.
#[must_use]
pub fn doubts_json(doubts: &[Doubt]) -> Value {
    let one = |doubt: &Doubt| json!({"at": doubt.at, "what": doubt.what, "glibc": doubt.glibc});
    doubts.iter().map(one).collect()
}

/// A broken rule on lines of its own.
#[must_use]
pub fn broken(doubt: &Doubt) -> String {
    let mut text = format!("  ✖ at {}: {}\n", doubt.at, doubt.what);
    if !doubt.glibc.is_empty() {
        text.push_str(&format!("    glibc would say: {}\n", doubt.glibc.join(" | ")));
    }
    text
}

/// An arena by its number: `main arena`, `thread arena 2`, `main arena 3 (of another libc)`.
#[must_use]
pub fn arena_name(number: usize, kind: ArenaKind) -> String {
    match kind {
        ArenaKind::Main if number == 0 => "main arena".to_owned(),
        ArenaKind::Main => format!("main arena {number} (of another libc)"),
        ArenaKind::Thread => format!("thread arena {number}"),
    }
}

fn heading(of: Numbered<'_>) -> String {
    let Numbered { number, region, .. } = of;
    let arena = arena_name(of.arena_number, of.arena.kind);
    let (origin, size) = (region.origin.name(), human_size(region.span.len()));
    let chunks = count(region.chunks, "chunk");
    format!("region {number}: {arena}, {origin} {}, {size}, {chunks}\n", region.span)
}

fn onward(page: &Page) -> String {
    let mut text = String::new();
    if let Some(next) = page.next {
        let shown = page.rows.len();
        let more = count(page.after, "more chunk");
        text.push_str(&format!("{more}: heap chunks {next} {shown}\n"));
    }
    if page.doubts_elsewhere > 0 {
        let rules = count(page.doubts_elsewhere as u64, "more broken rule");
        text.push_str(&format!("{rules} elsewhere in this region: info heap\n"));
    }
    text
}

/// `P`, `PA`, `-`.
fn letters(field: SizeField) -> String {
    let letter = |name: &str| match name {
        "PREV_INUSE" => 'P',
        "IS_MMAPPED" => 'M',
        _ => 'A',
    };
    let all: String = field.flags().map(letter).collect();
    if all.is_empty() { "-".to_owned() } else { all }
}

/// A state in the words of the tables.
#[must_use]
pub fn word(state: State) -> &'static str {
    match state {
        State::Used => "in use",
        State::Free => "free",
        State::Fast => "fastbin",
        State::Tcache => "tcache",
        State::Top => "top",
        State::Fencepost => "fencepost",
    }
}

/// What a row says of a chunk's contents: links where it is free, else its first bytes.
fn contents(looking: Looking<'_>, row: &Row) -> String {
    if let Some(tcache) = looking.survey.tcaches.iter().find(|cache| cache.address == row.chunk.payload()) {
        return format!("(malloc's own: the tcache of {})", (looking.thread)(tcache.tid));
    }
    match row.chunk.state {
        State::Used => preview(&row.bytes),
        State::Free | State::Fast | State::Tcache => match &row.list {
            Some(listed) => format!("{}{}", place_in(looking, listed), then(listed)),
            None if row.chunk.state == State::Free => "in no bin".to_owned(),
            None => "in no list that could be followed".to_owned(),
        },
        State::Top | State::Fencepost => String::new(),
    }
}

/// Which chunk comes next in the list.
fn then(listed: &Listed) -> String {
    listed.next.map(|next| format!(", then {next}")).unwrap_or_default()
}

/// `2nd of 3 in the 0x70 tcache of thread 1`.
#[must_use]
pub fn place_in(looking: Looking<'_>, listed: &Listed) -> String {
    let from = if listed.member.backward { " from the end" } else { "" };
    format!("{}{from} of {} in {}", nth(listed.member.nth), listed.of, list_name(looking, listed.kind))
}

/// `1st`, `2nd`, `13th`.
fn nth(n: u64) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// A list in words: `the 0x70 tcache of thread 1`, `the 0x30 fastbin`, `the unsorted bin`.
#[must_use]
pub fn list_name(looking: Looking<'_>, kind: ListKind) -> String {
    let sizes = sizes(kind);
    match kind {
        ListKind::Tcache(tid, _) => format!("the {sizes} tcache of {}", (looking.thread)(tid)),
        ListKind::Fast(_) => format!("the {sizes} fastbin"),
        ListKind::Unsorted => "the unsorted bin".to_owned(),
        ListKind::Small(_) => format!("the {sizes} small bin"),
        ListKind::Large(_) => format!("the {sizes} large bin"),
    }
}

/// The sizes of a list's chunks: `0x70`, `0x600-0x630`.
#[must_use]
pub fn sizes(kind: ListKind) -> String {
    match kind.sizes() {
        (0, 0) => "any size".to_owned(),
        (low, high) if low == high => format!("{low:#x}"),
        (low, u64::MAX) => format!("{low:#x} and more"),
        (low, high) => format!("{low:#x}-{high:#x}"),
    }
}

/// The first bytes of a chunk: as text where they are text, else as two words.
#[must_use]
pub fn preview(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    if end >= 4 && bytes[..end].iter().all(printable) {
        let text = String::from_utf8_lossy(&bytes[..end]).replace('\\', "\\\\").replace('"', "\\\"");
        let more = if end == bytes.len() { "..." } else { "" };
        return format!("\"{text}\"{more}");
    }
    let (words, _) = bytes.as_chunks::<8>();
    let words: Vec<String> =
        words.iter().take(2).map(|word| format!("{:#018x}", u64::from_le_bytes(*word))).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_text_or_words() {
        assert_eq!(preview(b"/usr/lib\0\x7f\x01"), "\"/usr/lib\"");
        assert_eq!(preview(b"say \"no\"!"), "\"say \\\"no\\\"!\"...");
        assert_eq!(preview(b"\x01\0\0\0\0\0\0\0\x1b[31m\0\0\0"), "0x0000000000000001 0x0000006d31335b1b");
        assert_eq!(preview(b""), "");
    }

    #[test]
    fn numbers_have_their_endings() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(nth).join(" "),
            "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th"
        );
    }
}

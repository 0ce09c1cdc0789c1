//! `heap chunk ADDR`: one chunk, its header taken apart, its neighbours, its list, its bytes.
//!
//! ```text
//! chunk 0x4a6290, 0x70 bytes, free, kept in a thread's tcache
//!   malloc returned  0x4a62a0, 104 bytes usable
//!   where            main arena, region 0, brk [0x4a6000-0x4c7000]
//!   prev_size        not kept: the chunk before is in use, these 8 bytes are its last
//!   size             0x71 = 0x70 | PREV_INUSE
//!   list             1st of 2 in the 0x70 tcache of thread 1: 0x4a6290 -> 0x4a6300
//!   next             stored 0x4a6776 = (0x4a62a0 >> 12 = 0x4a6) ^ 0x4a6310
//! ```

use std::fmt::Write;

use serde_json::{Value, json};

use super::chunks::{self, Looking, Numbered, arena_name, broken, doubts_json, place_in, word};
use super::place::doing;
use super::words::count;
use crate::addr::{Addr, human_size};
use crate::heap::{Chunk, Detail, Mmapped, SizeField, State};

/// What is shown of a chunk beside its [`Detail`].
#[derive(Copy, Clone, Debug)]
pub struct Shown<'a> {
    /// The address that was asked for.
    pub at: Addr,
    /// The chunk's bytes from its header on, as many as are to be shown.
    pub bytes: &'a [u8],
    /// Whether links are mixed with their addresses.
    pub safe_links: bool,
}

/// `heap chunk` as text.
#[must_use]
pub fn text(looking: Looking<'_>, of: Numbered<'_>, detail: &Detail, shown: Shown<'_>) -> String {
    let chunk = detail.row.chunk;
    let mut text = format!("chunk {}, {:#x} bytes, {}\n", chunk.address, chunk.size, doing(&chunk));
    let mut line = |name: &str, what: String| {
        let _ = writeln!(text, "  {name:<10} {what}");
    };
    if shown.at != chunk.address && shown.at != chunk.payload() {
        let offset = shown.at.0.saturating_sub(chunk.address.0);
        let into = match offset.checked_sub(16) {
            Some(into) => format!("{into:#x} bytes into its contents"),
            None => format!("{offset:#x} bytes into its header"),
        };
        line("asked", format!("{} is {into}", shown.at));
    }
    if has_contents(&chunk) {
        let usable = detail.usable();
        line("contents", format!("{}, {usable} ({usable:#x}) bytes usable", chunk.payload()));
    }
    let place = format!("{} {}", of.region.origin.name(), of.region.span);
    line("where", format!("{}, region {}, {place}", arena_name(of.arena_number, of.arena.kind), of.number));
    line("prev_size", prev_size(detail));
    line("size", size_field(detail.row.field, chunk.size));
    if let Some(listed) = &detail.row.list {
        let before = listed.before.map(|at| format!("{at} -> ")).unwrap_or_default();
        let next = listed.next.map(|at| format!(" -> {at}")).unwrap_or_default();
        line("list", format!("{}: {before}{}{next}", place_in(looking, listed), chunk.address));
    }
    if let Some((field, stored, next)) = link(detail) {
        line(if chunk.state == State::Tcache { "next" } else { "fd" }, link_text(field, stored, next, shown));
    }
    if let Some(key) = key(detail) {
        line("key", format!("{key:#x}, by which free() would know it again"));
    }
    if let Some((fd, bk)) = chunk.links.filter(|_| chunk.state == State::Free) {
        line("fd", bin_link(of, fd));
        line("bk", bin_link(of, bk));
    }
    line("before", neighbour(detail.before, "it is the first of the region"));
    line("behind", neighbour(detail.behind, "nothing: it is the last of the region"));
    detail.doubts.iter().for_each(|doubt| text.push_str(&broken(doubt)));
    text.push_str(&dump(chunk.address, shown.bytes, &notes(detail, shown.bytes.len())));
    let rest = dumped(&chunk).saturating_sub(shown.bytes.len() as u64);
    if rest > 0 {
        let more = count(rest, "more byte");
        let _ = writeln!(text, "  {more}: heap chunk {} -n {}", chunk.address, dumped(&chunk));
    }
    text
}

/// `heap chunk -json`: schema `brkwater.heap-chunk/1`.
#[must_use]
pub fn json(of: Numbered<'_>, detail: &Detail, shown: Shown<'_>) -> Value {
    let chunk = detail.row.chunk;
    let mut value = chunks::row_json(&detail.row);
    let one = |chunk: Chunk| json!({"address": chunk.address, "size": chunk.size, "state": super::place::state(chunk.state)});
    value["schema"] = json!("brkwater.heap-chunk/1");
    value["asked"] = json!(shown.at);
    value["usable"] = json!(detail.usable());
    value["region"] = chunks::region_json(of);
    value["prev_size"] = json!(detail.knows_prev_size().then_some(detail.prev_size));
    value["link"] = json!(link(detail).map(|(field, stored, next)| {
        let key = shown.safe_links.then(|| format!("{:#x}", field.0 >> 12));
        json!({"field": field, "stored": format!("{stored:#x}"), "mixed_with": key, "next": next})
    }));
    value["before"] = json!(detail.before.map(one));
    value["behind"] = json!(detail.behind.map(one));
    value["fd"] = json!(chunk.links.map(|(fd, _)| fd).filter(|_| chunk.state == State::Free));
    value["bk"] = json!(chunk.links.map(|(_, bk)| bk).filter(|_| chunk.state == State::Free));
    value["bytes"] = json!(shown.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    value["doubts"] = doubts_json(&detail.doubts);
    value
}

/// A block with a mapping of its own, which is no region's chunk.
#[must_use]
pub fn mmapped(block: Mmapped, shown: Shown<'_>) -> String {
    let (at, size) = (block.address, human_size(block.size));
    let mut text =
        format!("block {at}, {:#x} bytes ({size}), in use, with a mapping of its own\n", block.size);
    let offset = shown.at.0.saturating_sub(at.0);
    if offset != 0 && offset != 16 {
        let _ = writeln!(text, "  asked      {} is {offset:#x} bytes from the mapping's start", shown.at);
    }
    let words = shown.bytes.as_chunks::<8>().0;
    let field = SizeField(words.get(1).copied().map_or(0, u64::from_le_bytes));
    let _ = writeln!(text, "  size       {}", size_field(field, field.size()));
    text.push_str(&dump(at, shown.bytes, &["prev_size, size".to_owned()]));
    text
}

/// The same as JSON, in the schema of a chunk.
#[must_use]
pub fn mmapped_json(block: Mmapped, shown: Shown<'_>) -> Value {
    json!({
        "schema": "brkwater.heap-chunk/1", "asked": shown.at, "address": block.address, "size": block.size,
        "state": "mmapped", "payload": block.address.add(16),
        "bytes": shown.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    })
}

/// How many bytes a whole dump has, from the header on. One in use ends behind the first word of the chunk behind;
/// what lies in top was perhaps never touched, so that its header is all that is looked at.
#[must_use]
pub fn dumped(chunk: &Chunk) -> u64 {
    match chunk.state {
        State::Top | State::Fencepost => 16,
        State::Used => chunk.size.saturating_add(8),
        State::Free | State::Fast | State::Tcache => chunk.size,
    }
}

/// Whether the bytes behind the header are anybody's.
fn has_contents(chunk: &Chunk) -> bool {
    !matches!(chunk.state, State::Top | State::Fencepost)
}

/// `0x71 = 0x70 | PREV_INUSE`, and where damage cut the chunk short, how long it is.
fn size_field(field: SizeField, size: u64) -> String {
    let flags: Vec<&str> = field.flags().collect();
    let flags = if flags.is_empty() { String::new() } else { format!(" | {}", flags.join(" | ")) };
    let short =
        if field.size() == size { String::new() } else { format!("; the chain goes on after {size:#x}") };
    format!("{:#x} = {:#x}{flags}{short}", field.0, field.size())
}

fn prev_size(detail: &Detail) -> String {
    if !detail.knows_prev_size() {
        return "not kept: the chunk before counts as in use, and these 8 bytes are its last".to_owned();
    }
    let size = detail.prev_size;
    match detail.before {
        Some(before) if before.size == size => {
            format!("{size:#x}: the chunk before, {}, is free", before.address)
        }
        Some(before) => {
            format!("{size:#x}, but the chunk before, {}, has {:#x}", before.address, before.size)
        }
        None => format!("{size:#x}"),
    }
}

fn neighbour(chunk: Option<Chunk>, none: &str) -> String {
    chunk.map_or_else(
        || none.to_owned(),
        |chunk| format!("{}, {:#x} bytes, {}", chunk.address, chunk.size, word(chunk.state)),
    )
}

/// Where the link of a cached chunk is, what is stored there, and what it means.
fn link(detail: &Detail) -> Option<(Addr, u64, Addr)> {
    let field = detail.link_field()?;
    let member = detail.row.list.as_ref()?.member;
    Some((field, member.stored, member.next))
}

/// The two halves of a link: its own address, and the pointer that it hides.
fn link_text(field: Addr, stored: u64, next: Addr, shown: Shown<'_>) -> String {
    let end = if next == Addr(0) { ": the end of the list" } else { "" };
    if shown.safe_links {
        format!("stored {stored:#x} = ({field} >> 12 = {:#x}) ^ {next}{end}", field.0 >> 12)
    } else {
        format!("{next}{end}")
    }
}

/// The mark that `free` leaves in a cached chunk (2.29 and later).
fn key(detail: &Detail) -> Option<u64> {
    let bytes = (detail.row.chunk.state == State::Tcache).then_some(&detail.row.bytes)?;
    let word = bytes.get(8..16)?.try_into().ok().map(u64::from_le_bytes)?;
    (word != 0).then_some(word)
}

/// A link of a chunk in a bin: a chunk's, or the bin's own.
fn bin_link(of: Numbered<'_>, at: Addr) -> String {
    let offset = at.0.checked_sub(of.arena.address.0).filter(|offset| *offset < 0x900);
    offset.map_or_else(|| at.to_string(), |offset| format!("{at}: the bin itself (arena + {offset:#x})"))
}

/// What stands behind the lines of the dump.
fn notes(detail: &Detail, len: usize) -> Vec<String> {
    let prev = if detail.knows_prev_size() { "prev_size, size" } else { "(the chunk before's), size" };
    let second = match detail.row.chunk.state {
        State::Free => "fd, bk",
        State::Tcache => "next, key",
        State::Fast => "fd",
        State::Used | State::Top | State::Fencepost => "",
    };
    let mut notes = vec![prev.to_owned(), second.to_owned()];
    if len as u64 > detail.row.chunk.size {
        notes.resize(len / 16, String::new());
        notes.push("its last bytes, before the size of the chunk behind".to_owned());
    }
    notes
}

/// Sixteen bytes a line: address, bytes, letters, note. Lines that repeat are folded into `*`, as in hexdump(1).
fn dump(start: Addr, bytes: &[u8], notes: &[String]) -> String {
    let mut text = String::new();
    let mut folded = false;
    let lines: Vec<&[u8]> = bytes.chunks(16).collect();
    for (n, line) in lines.iter().enumerate() {
        let same = n > 2 && n + 1 < lines.len() && lines.get(n - 1) == Some(line);
        if same {
            if !folded {
                text.push_str("  *\n");
            }
            folded = true;
            continue;
        }
        folded = false;
        let mut hex = String::new();
        for (i, byte) in line.iter().enumerate() {
            let _ = write!(
                hex,
                "{}{byte:02x}",
                if i == 8 {
                    "  "
                } else if i == 0 {
                    ""
                } else {
                    " "
                }
            );
        }
        let letter = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
        let letters: String = line.iter().map(letter).collect();
        let note = notes.get(n).map(|note| format!("  {note}")).unwrap_or_default();
        let row = format!("  {}  {hex:<48}  |{letters}|{note}", start.add(16 * n as u64));
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_field_is_a_sum() {
        assert_eq!(size_field(SizeField(0x3f1), 0x3f0), "0x3f1 = 0x3f0 | PREV_INUSE");
        assert_eq!(size_field(SizeField(0x70), 0x70), "0x70 = 0x70");
        assert_eq!(size_field(SizeField(0x4b002), 0x4b000), "0x4b002 = 0x4b000 | IS_MMAPPED");
        let short = size_field(SizeField(0x4141), 0x40);
        assert_eq!(short, "0x4141 = 0x4140 | PREV_INUSE; the chain goes on after 0x40");
    }

    #[test]
    fn a_dump_folds_what_repeats_and_shows_no_control_characters() {
        let mut bytes = vec![0; 96];
        bytes[..5].copy_from_slice(b"a\x1b[2J");
        let text = dump(Addr(0x1000), &bytes, &["header".to_owned()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "  0x1000  61 1b 5b 32 4a 00 00 00  00 00 00 00 00 00 00 00  |a.[2J...........|  header"
        );
        assert_eq!((lines.len(), lines[3]), (5, "  *"));
        assert!(lines[4].starts_with("  0x1050"));
    }
}

//! `heap arenas`, `heap bins`, `heap tcache`: where memory is managed, and the lists of what is free.
//!
//! ```text
//! main arena 0x7ffff7dd1c60
//!   fastbins: the first of a list is handed out next
//!     0x30         [ 5]  0x4a6310 -> 0x4a62e0 -> 0x4a62b0 -> 0x4a6280 -> 0x4a6250
//!   unsorted bin: free chunks that wait to be sorted
//!     any size     [ 1]  0x4a7320 (0x420)
//! ```
//!
//! Addresses are those of chunks; what malloc returned lies 16 bytes further on.

use std::fmt::Write;

use serde_json::{Value, json};

use super::chunks::{Looking, arena_name, broken, doubts_json, kind_json, regions, sizes};
use super::tables::Table;
use super::words::{count, size};
use crate::addr::{Tid, human_size};
use crate::heap::{Arena, List, ListKind, Member, Mmapped, Region, Survey, Tcache};

/// Large blocks that are named one by one.
const BLOCKS: usize = 8;

/// `heap arenas` as text: each arena, and its regions under it.
#[must_use]
pub fn arenas(survey: &Survey) -> String {
    let mut table = Table::new(
        &["", "arena, region", "  taken", "  chunks", " in use", "   free", " cached", "    top", ""],
        0,
    );
    for (n, arena) in survey.arenas.iter().enumerate() {
        let chunks: u64 = arena.regions.iter().map(|region| region.chunks).sum();
        table.row([
            n.to_string(),
            format!("{} {}", arena_name(n, arena.kind), arena.address),
            amount(arena.system_mem),
            format!("{chunks:>8}"),
            amount(arena.sum(|region| region.used).bytes),
            amount(arena.sum(|region| region.free.plus(region.fast)).bytes),
            amount(arena.sum(|region| region.tcache).bytes),
            amount(arena.sum(|region| region.top).bytes),
            remarks(arena),
        ]);
        for of in regions(survey).filter(|of| of.arena_number == n) {
            let region = of.region;
            table.row([
                String::new(),
                format!("  region {}: {} {}", of.number, region.origin.name(), region.span),
                amount(region.span.len()),
                format!("{:>8}", region.chunks),
                amount(region.used.bytes),
                amount(region.free.plus(region.fast).bytes),
                amount(region.tcache.bytes),
                amount(region.top.bytes),
                lost(region),
            ]);
        }
    }
    table.text() + &blocks(survey)
}

/// The large blocks that are in no arena.
fn blocks(survey: &Survey) -> String {
    let (shown, rest) = survey.mmapped.split_at(survey.mmapped.len().min(BLOCKS));
    if shown.is_empty() {
        return String::new();
    }
    let one = |block: &Mmapped| format!("{} ({})", block.address, human_size(block.size));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    let all = shown.iter().map(one).collect::<Vec<_>>().join(", ");
    format!("blocks with mappings of their own: {all}{more}\n")
}

/// The same as JSON: schema `brkwater.heap-arenas/1`.
#[must_use]
pub fn arenas_json(survey: &Survey) -> Value {
    let one = |(n, arena): (usize, &Arena)| {
        let own: Vec<Value> = regions(survey)
            .filter(|of| of.arena_number == n)
            .map(|of| {
                let region = of.region;
                json!({
                    "index": of.number, "start": region.span.start, "end": region.span.end,
                    "origin": region.origin.name(), "chunks": region.chunks, "in_use": counted(region.used),
                    "free": counted(region.free.plus(region.fast)), "cached": counted(region.tcache),
                    "top": counted(region.top), "lost": region.lost,
                })
            })
            .collect();
        json!({
            "index": n, "kind": if arena.kind == crate::heap::ArenaKind::Main { "main" } else { "thread" },
            "address": arena.address, "system_mem": arena.system_mem, "locked": arena.locked,
            "attached_threads": arena.attached, "contiguous": arena.contiguous,
            "top": arena.top.map(|(address, size)| json!({"address": address, "size": size})),
            "unaccounted": arena.unaccounted, "regions": own,
        })
    };
    let arenas: Vec<Value> = survey.arenas.iter().enumerate().map(one).collect();
    let block = |block: &Mmapped| json!({"address": block.address, "size": block.size});
    let blocks: Vec<Value> = survey.mmapped.iter().map(block).collect();
    json!({"schema": "brkwater.heap-arenas/1", "arenas": arenas, "mmapped": blocks})
}

fn counted(count: crate::heap::Count) -> Value {
    json!({"chunks": count.chunks, "bytes": count.bytes})
}

/// A size, or a dash for none, as wide as the column's head.
fn amount(bytes: u64) -> String {
    format!("{:>7}", if bytes == 0 { "-".to_owned() } else { human_size(bytes) })
}

fn remarks(arena: &Arena) -> String {
    let mut words = Vec::new();
    if arena.attached > 0 {
        words.push(count(arena.attached, "thread"));
    }
    if arena.locked {
        words.push("locked".to_owned());
    }
    if arena.unaccounted != 0 {
        words.push(format!("{} bytes not accounted for", arena.unaccounted));
    }
    if arena.regions.is_empty() && arena.system_mem == 0 {
        words.push("never used".to_owned());
    }
    words.join(", ")
}

fn lost(region: &Region) -> String {
    if region.lost == 0 { String::new() } else { format!("{} behind damage", human_size(region.lost)) }
}

/// A kind of lists: its title, and which are of it.
type Group = (&'static str, fn(ListKind) -> bool);

/// `heap bins` as text.
#[must_use]
pub fn bins(number: usize, arena: &Arena, lists: &[List]) -> String {
    let mut text = format!("{} {}\n", arena_name(number, arena.kind), arena.address);
    if lists.is_empty() {
        text.push_str("  every bin is empty\n");
    }
    let groups: [Group; 4] = [
        ("fastbins: the first of a list is handed out next", |kind| matches!(kind, ListKind::Fast(_))),
        ("unsorted bin: freed chunks that are not sorted yet", |kind| kind == ListKind::Unsorted),
        ("small bins: the last of a list is handed out next", |kind| matches!(kind, ListKind::Small(_))),
        ("large bins: the largest of a list is first", |kind| matches!(kind, ListKind::Large(_))),
    ];
    for (title, is_in) in groups {
        let group: Vec<&List> = lists.iter().filter(|list| is_in(list.kind)).collect();
        if !group.is_empty() {
            let _ = writeln!(text, "  {title}");
            text.push_str(&write_lists(&group));
        }
    }
    text
}

/// `heap bins -json`: schema `brkwater.heap-bins/1`.
#[must_use]
pub fn bins_json(number: usize, arena: &Arena, lists: &[List]) -> Value {
    let lists: Vec<Value> = lists.iter().map(list_json).collect();
    json!({
        "schema": "brkwater.heap-bins/1", "arena": arena.address, "arena_index": number, "bins": lists,
    })
}

/// One thread's part of `heap tcache`.
#[must_use]
pub fn tcache(looking: Looking<'_>, cache: &Tcache, lists: &[List]) -> String {
    let who = (looking.thread)(cache.tid);
    let held = cache.held;
    let chunks = count(held.chunks, "chunk");
    let mut text = format!("tcache of {who} at {}: {chunks}, {}\n", cache.address, size(held.bytes));
    text.push_str(&write_lists(&lists.iter().collect::<Vec<_>>()));
    text
}

/// What is said of a thread without a tcache.
#[must_use]
pub fn no_tcache(looking: Looking<'_>, tid: Tid) -> String {
    format!("{} has no tcache: it never freed a block, or caches are off\n", (looking.thread)(tid))
}

/// One thread's part of `heap tcache -json`, whose schema is `brkwater.heap-tcache/1`.
#[must_use]
pub fn tcache_json(cache: &Tcache, lists: &[List]) -> Value {
    let lists: Vec<Value> = lists.iter().map(list_json).collect();
    let held = cache.held;
    json!({
        "tid": cache.tid, "address": cache.address, "chunks": held.chunks, "bytes": held.bytes, "bins": lists,
    })
}

fn list_json(list: &List) -> Value {
    let member = |member: &Member| {
        json!({
            "address": member.chunk, "size": member.size, "stored": format!("{:#x}", member.stored),
            "next": member.next, "from_end": member.backward,
        })
    };
    let mut value = kind_json(list.kind);
    value["head"] = json!(list.head);
    value["smallest"] = json!(list.kind.sizes().0);
    value["largest"] = json!(Some(list.kind.sizes().1).filter(|largest| *largest < u64::MAX));
    value["chunks"] = json!(list.count);
    value["bytes"] = json!(list.bytes);
    value["counted"] = json!(list.counted);
    value["members"] = list.members.iter().map(member).collect();
    value["doubts"] = doubts_json(&list.doubts);
    value
}

/// A line for each list, and below it what is wrong.
fn write_lists(lists: &[&List]) -> String {
    let names: Vec<String> = lists.iter().map(|list| sizes(list.kind)).collect();
    let wide = names.iter().map(String::len).max().unwrap_or(0);
    let digits = lists.iter().map(|list| list.count.to_string().len()).max().unwrap_or(1);
    let mut text = String::new();
    for (list, name) in lists.iter().zip(&names) {
        let varied = list.kind.sizes().0 != list.kind.sizes().1 || list.kind.sizes().0 == 0;
        let (forth, back): (Vec<&Member>, Vec<&Member>) =
            list.members.iter().partition(|member| !member.backward);
        let hidden = list.count - list.members.len() as u64;
        let forth = chain(&forth, " -> ", list.kind.sizes(), varied);
        let more = if hidden > 0 { format!(" ... {hidden} more") } else { String::new() };
        let _ = writeln!(text, "    {name:<wide$}  [{:>digits$}]  {forth}{more}", list.count);
        for doubt in &list.doubts {
            text.push_str(&broken(doubt));
        }
        if !back.is_empty() {
            let _ =
                writeln!(text, "    from the other end: {}", chain(&back, " <- ", list.kind.sizes(), varied));
        }
    }
    text
}

/// `0x4a6310 -> 0x4a62e0`; sizes where they vary or are wrong.
fn chain(members: &[&Member], arrow: &str, sizes: (u64, u64), varied: bool) -> String {
    let one = |member: &&Member| {
        if varied || member.size != sizes.0 {
            format!("{} ({:#x})", member.chunk, member.size)
        } else {
            member.chunk.to_string()
        }
    };
    members.iter().map(one).collect::<Vec<_>>().join(arrow)
}

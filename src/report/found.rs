//! `heap find`: where a value is, and who points at it.
//!
//! ```text
//! [measured] It is 0x10 bytes into a chunk of 32 bytes at 0x4a6320, in use (malloc returned 0x4a6330): main arena, …
//! 3 words point into it (2.1M searched)
//! heap: 1
//!   0x4a7010  0x10 bytes into chunk 0x4a7000, 0x20 bytes, in use
//! stacks: 1
//!   0x7fffffffe548  thread 1, frame #1 main
//! globals: 1
//!   0x404028  <global>  /usr/bin/demo
//! ```

use std::fmt::Write;

use serde_json::{Value, json};

use super::chunks::{Looking, word};
use super::escape::plain;
use super::place::{place_json, sentence};
use crate::addr::{Addr, Span, Tid, human_size};
use crate::heap::Place;
use crate::heap::search::{Needle, Searched};

/// Whose memory something was found in.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// malloc's.
    Heap,
    /// A thread's stack.
    Stack,
    /// The program's or a library's variables.
    Global,
    /// Anything else that is mapped.
    Other,
}

impl Kind {
    /// All of them, in the order of the page.
    pub const ALL: [Kind; 4] = [Kind::Heap, Kind::Stack, Kind::Global, Kind::Other];

    fn title(self) -> &'static str {
        match self {
            Kind::Heap => "heap",
            Kind::Stack => "stacks",
            Kind::Global => "globals",
            Kind::Other => "other memory",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Heap => "heap",
            Kind::Stack => "stack",
            Kind::Global => "global",
            Kind::Other => "other",
        }
    }
}

/// Where on a stack something lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnStack {
    /// The thread.
    pub tid: Tid,
    /// The frame and its function; none below the stack pointer, where nothing is alive.
    pub frame: Option<(u32, String)>,
    /// Whether it is below the stack pointer.
    pub below: bool,
}

/// One place where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The address.
    pub at: Addr,
    /// The word that is there; 0 for a text.
    pub value: u64,
    /// Whose memory it is in.
    pub kind: Kind,
    /// The chunk or block, for one in the heap.
    pub place: Option<Place>,
    /// The stack.
    pub stack: Option<OnStack>,
    /// The symbol that covers it, as gdb writes it.
    pub symbol: Option<String>,
    /// The mapping's name, as the kernel gives it.
    pub mapping: String,
    /// The mapping's addresses.
    pub span: Span,
}

/// Everything that a search told.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// What was looked for.
    pub needle: &'a Needle,
    /// Where the value itself points, if into the heap.
    pub place: Option<Place>,
    /// The address that was asked for, and the bytes of its chunk that count as pointed at.
    pub target: Option<(Addr, Span)>,
    /// What is shown of each kind.
    pub found: Vec<Found>,
    /// How many there are of each kind.
    pub counts: [u64; 4],
    /// Registers that hold it: the thread, the register, the value.
    pub registers: Vec<(Tid, &'static str, u64)>,
    /// How much was searched.
    pub searched: Searched,
}

/// `heap find` as text.
#[must_use]
pub fn text(looking: Looking<'_>, answer: &Answer<'_>) -> String {
    let mut text = String::new();
    if let (Some(place), Some((at, _))) = (&answer.place, answer.target) {
        let told = sentence(looking.survey, place, at);
        text.push_str(told.lines().next().unwrap_or_default());
        text.push('\n');
    }
    let _ = writeln!(text, "{}", headline(answer));
    if !answer.registers.is_empty() {
        let _ = writeln!(text, "registers: {}", answer.registers.len());
    }
    for (tid, name, value) in &answer.registers {
        let _ = writeln!(text, "  {name}{}  {}", other_value(answer, *value), (looking.thread)(*tid));
    }
    for (kind, of) in Kind::ALL.into_iter().zip(answer.counts).filter(|(_, of)| *of > 0) {
        let shown: Vec<&Found> = answer.found.iter().filter(|found| found.kind == kind).collect();
        let _ = writeln!(text, "{}: {of}", kind.title());
        for found in &shown {
            let _ = writeln!(
                text,
                "  {}{}  {}",
                found.at,
                other_value(answer, found.value),
                wherein(looking, found)
            );
        }
        let hidden = of - shown.len() as u64;
        if hidden > 0 {
            let _ = writeln!(text, "  {hidden} more: -n COUNT shows them");
        }
    }
    if answer.searched.unreadable > 0 {
        let _ = writeln!(text, "{} could not be read", human_size(answer.searched.unreadable));
    }
    for span in &answer.searched.left_out {
        let _ = writeln!(
            text,
            "not searched: {span}, {}: too large to ask which of its pages are there",
            human_size(span.len())
        );
    }
    text
}

/// `heap find -json`: schema `brkwater.heap-find/1`.
#[must_use]
pub fn json(looking: Looking<'_>, answer: &Answer<'_>) -> Value {
    let needle = match answer.needle {
        Needle::Words { width, low, high } => {
            json!({"kind": "words", "width": width, "low": format!("{low:#x}"), "high": format!("{high:#x}")})
        }
        Needle::Bytes(bytes) => json!({"kind": "text", "text": String::from_utf8_lossy(bytes)}),
    };
    let place = |place: &Place| place_json(looking.survey, place);
    let one = |found: &Found| {
        json!({
            "address": found.at, "value": format!("{:#x}", found.value), "kind": found.kind.name(),
            "malloc": found.place.as_ref().map(place), "symbol": found.symbol, "mapping": found.mapping,
            "tid": found.stack.as_ref().map(|stack| stack.tid),
            "frame": found.stack.as_ref().and_then(|stack| stack.frame.as_ref()).map(|(level, _)| level),
            "below_sp": found.stack.as_ref().map(|stack| stack.below),
        })
    };
    let counts =
        Kind::ALL.into_iter().zip(answer.counts).map(|(kind, of)| (kind.name().to_owned(), json!(of)));
    let register = |(tid, name, value): &(Tid, &str, u64)| json!({"tid": tid, "register": name, "value": format!("{value:#x}")});
    json!({
        "schema": "brkwater.heap-find/1", "needle": needle, "malloc": answer.place.as_ref().map(place),
        "found": answer.found.iter().map(one).collect::<Vec<_>>(),
        "counts": counts.collect::<serde_json::Map<_, _>>(), "searched": answer.searched.bytes,
        "registers": answer.registers.iter().map(register).collect::<Vec<_>>(),
        "unreadable": answer.searched.unreadable, "left_out": answer.searched.left_out,
    })
}

/// `3 words point into it (2.1M searched)`.
fn headline(answer: &Answer<'_>) -> String {
    let hits = answer.searched.hits;
    let searched = human_size(answer.searched.bytes);
    let what = match (answer.needle, answer.target) {
        (Needle::Bytes(bytes), _) => {
            let text = plain(&String::from_utf8_lossy(bytes));
            match hits {
                0 => format!("nowhere is \"{text}\""),
                1 => format!("1 place holds \"{text}\""),
                _ => format!("{hits} places hold \"{text}\""),
            }
        }
        (Needle::Words { .. }, Some(_)) => match hits {
            0 => "no word points at it".to_owned(),
            1 => "1 word points at it".to_owned(),
            _ => format!("{hits} words point at it"),
        },
        (Needle::Words { width, low, .. }, None) => match hits {
            0 => format!("no {width}-byte word is {low:#x}"),
            1 => format!("1 {width}-byte word is {low:#x}"),
            _ => format!("{hits} {width}-byte words are {low:#x}"),
        },
    };
    format!("{what} ({searched} searched)")
}

/// The value itself, where it is not the one that was asked for.
fn other_value(answer: &Answer<'_>, value: u64) -> String {
    match answer.target {
        Some((at, _)) if value != at.0 => format!(" = {value:#x}"),
        _ => String::new(),
    }
}

fn wherein(looking: Looking<'_>, found: &Found) -> String {
    if let Some(place) = &found.place {
        return in_heap(looking, found.at, place);
    }
    if let Some(stack) = &found.stack {
        let who = (looking.thread)(stack.tid);
        return match &stack.frame {
            Some((level, name)) => format!("stack of {who}, frame #{level} {}", plain(name)),
            None if stack.below => format!("stack of {who}, below its stack pointer: left over"),
            None => format!("stack of {who}, above its frames"),
        };
    }
    let symbol = found.symbol.as_deref().map(|symbol| format!("{} ", plain(symbol))).unwrap_or_default();
    if found.mapping.is_empty() {
        let into = found.at.0.saturating_sub(found.span.start.0);
        return format!("{symbol}+{into:#x} in {}, {}", found.span, human_size(found.span.len()));
    }
    format!("{symbol}{}", plain(&found.mapping))
}

fn in_heap(looking: Looking<'_>, at: Addr, place: &Place) -> String {
    match place {
        Place::Chunk { chunk, .. } => {
            let into = at.0.saturating_sub(chunk.address.0);
            let (start, size, state) = (chunk.address, chunk.size, word(chunk.state));
            let cache = looking.survey.tcaches.iter().find(|cache| cache.address == chunk.payload());
            let own =
                cache.map(|cache| format!(" (malloc's own: the tcache of {})", (looking.thread)(cache.tid)));
            format!("+{into:#x} in chunk {start}, {size:#x} bytes, {state}{}", own.unwrap_or_default())
        }
        Place::Mmapped(block) => {
            let into = at.0.saturating_sub(block.address.0);
            format!(
                "+{into:#x} in block {}, {}, with a mapping of its own",
                block.address,
                human_size(block.size)
            )
        }
        Place::Unclear { .. } => "malloc's own: an arena's head, or memory behind damage".to_owned(),
        Place::Foreign(span) => format!("{span} between malloc's regions, which malloc did not ask for"),
    }
}

//! The written page: explanations, tables, exports.
//!
//! Everything here is made from plain values that were read before: the heap's story, a backtrace, the heap's
//! JSON, strings about the environment. It asks no process and changes nothing. Each claim carries how it is
//! known ([`Evidence`]); placement (where memory went) and amount (how much is live) are told apart.

pub mod bins;
pub mod calls;
pub mod chunk;
pub mod chunks;
pub mod compare;
pub mod diff;
pub mod document;
pub mod escape;
pub mod event;
pub mod explain;
pub mod export;
pub mod folding;
pub mod found;
pub mod happened;
pub mod markdown;
pub mod memory;
pub mod oom;
pub mod owner;
pub mod paths;
pub mod place;
pub mod redact;
pub mod tables;
pub mod totals;
pub mod trace;
pub mod words;

mod bounds;
mod fold;
mod givingback;
mod pending;
mod refused;
mod sentences;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::heap::story::Evidence;
pub use document::{Document, Inputs};
pub use explain::{Explanation, Question, explain, headline};
pub use markdown::markdown;

/// What malloc's own structures say, in bytes; from the heap reader's JSON.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// What the arenas have from the kernel (`system_mem`).
    pub reserved: u64,
    /// In chunks that malloc counts as in use.
    pub live: u64,
    /// In free chunks of bins.
    pub free: u64,
    /// In chunks that threads keep for themselves (tcache).
    pub cached: u64,
    /// In the arenas' top chunks.
    pub top: u64,
    /// Of `reserved`, what lies in fallback regions.
    pub fallback_reserved: u64,
    /// Of `live`, what lies there.
    pub fallback_live: u64,
    /// In large blocks with mappings of their own.
    pub mmapped: u64,
    /// Of `free`, the whole pages: what `malloc_trim` gives back of it.
    #[serde(default)]
    pub trimmable: u64,
    /// Of `top`, what `malloc_trim` lowers the break by.
    #[serde(default)]
    pub top_trimmable: u64,
    /// What of `reserved` was not located.
    pub unaccounted: i64,
}

impl Amounts {
    /// The sums of a `brkwater.heap/1` object; `None` when no arena was found in it.
    #[must_use]
    pub fn from_heap(heap: &Value) -> Option<Amounts> {
        let arenas = heap.get("arenas")?.as_array().filter(|arenas| !arenas.is_empty())?;
        let mut sums = Amounts::default();
        let number = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_u64).unwrap_or(0);
        let add = |sum: &mut u64, value: &Value, path: &str| *sum = sum.saturating_add(number(value, path));
        for arena in arenas {
            add(&mut sums.reserved, arena, "/system_mem");
            add(&mut sums.live, arena, "/in_use/bytes");
            add(&mut sums.free, arena, "/free/bytes");
            add(&mut sums.cached, arena, "/cached/bytes");
            add(&mut sums.top, arena, "/top/size");
            add(&mut sums.trimmable, arena, "/trimmable");
            add(&mut sums.top_trimmable, arena, "/top_trimmable");
            for region in list(arena, "regions").filter(|region| region["origin"] == "fallback") {
                sums.fallback_reserved = sums.fallback_reserved.saturating_add(extent(region).unwrap_or(0));
                add(&mut sums.fallback_live, region, "/in_use/bytes");
            }
            let missing = arena.get("unaccounted").and_then(Value::as_i64).unwrap_or(0);
            sums.unaccounted = sums.unaccounted.saturating_add(missing);
        }
        list(heap, "mmapped").for_each(|chunk| add(&mut sums.mmapped, chunk, "/size"));
        Some(sums)
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The length of a region with `start` and `end`.
fn extent(region: &Value) -> Option<u64> {
    let at = |key: &str| {
        let digits = region.get(key)?.as_str()?.strip_prefix("0x")?;
        u64::from_str_radix(digits, 16).ok()
    };
    at("end")?.checked_sub(at("start")?)
}

//! The written page: explanations, tables, exports.
//!
//! Everything here is made from plain values that were read before: the heap's story, a backtrace, the heap's
//! JSON, strings about the environment. It asks no process and changes nothing. Each claim carries how it is
//! known ([`Evidence`]); placement (where memory went) and amount (how much is live) are told apart.

pub mod document;
pub mod escape;
pub mod event;
pub mod explain;
pub mod folding;
pub mod markdown;
pub mod owner;
pub mod redact;
pub mod tables;
pub mod words;

mod pending;
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
    /// In free chunks.
    pub free: u64,
    /// In large blocks with mappings of their own.
    pub mmapped: u64,
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
        for arena in arenas {
            sums.reserved = sums.reserved.saturating_add(number(arena, "/system_mem"));
            sums.live = sums.live.saturating_add(number(arena, "/in_use/bytes"));
            sums.free = sums.free.saturating_add(number(arena, "/free/bytes"));
            let missing = arena.get("unaccounted").and_then(Value::as_i64).unwrap_or(0);
            sums.unaccounted = sums.unaccounted.saturating_add(missing);
        }
        for chunk in heap.get("mmapped").and_then(Value::as_array).into_iter().flatten() {
            sums.mmapped = sums.mmapped.saturating_add(number(chunk, "/size"));
        }
        Some(sums)
    }
}

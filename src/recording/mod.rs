//! Recordings: a run's events and the moments at which it stood, in a file that can be opened without the process, on
//! another machine, by a later version, and up to where it was cut.
//!
//! ```text
//! "brkwater recording\n" | format u32 | block, block, …
//! ```
//!
//! A [`block`] holds lines of JSON ([`Entry`]), pages of memory, or a stop ([`Stop`]). JSON, because names survive versions
//! where layouts do not: a field that is new has a default, one that is unknown is passed over. Stacks and pages are in the
//! file once. Nothing is ever written over.
//!
//! It knows files and values. It refuses to know processes, names and meanings: who records says what a moment looked like
//! (the views of a stop are opaque here), and who replays makes a world of it.

mod block;
mod memory;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::addr::{Addr, Pid, Seq, Tid};
use crate::event::Event;
use crate::maps::Mapping;

pub use memory::PagesThen;
pub use read::{Recording, RecordingError};
pub use write::{Kept, Writer};

/// What a recording's file begins with.
const MAGIC: &[u8] = b"brkwater recording\n";
/// The version of the format. It changes when an older brkwater could not read a newer file; new fields and new kinds of
/// blocks do not change it.
pub const FORMAT: u32 = 1;

/// A line of a block of events.
#[derive(Debug, Serialize, Deserialize)]
enum Entry {
    /// What was recorded, by what and when.
    #[serde(rename = "about")]
    About(Value),
    /// A new run begins: numbers begin at 1 again.
    #[serde(rename = "run")]
    Run,
    /// A stack, by number; a number that is told again is another from then on.
    #[serde(rename = "s")]
    Stack(u32, Vec<Addr>),
    /// A memory call, its stack by number.
    #[serde(rename = "c")]
    Call(Event, u32),
    /// Any other event.
    #[serde(rename = "e")]
    Event(Event),
}

/// What is told of a stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The event that tells it.
    pub seq: Seq,
    /// The process.
    pub pid: Pid,
    /// The thread that stopped.
    pub tid: Tid,
    /// Where the kernel started its break.
    #[serde(default)]
    pub start_brk: Option<Addr>,
    /// Its mappings, as the kernel told them.
    #[serde(default)]
    pub mappings: Vec<Mapping>,
    /// Its threads.
    #[serde(default)]
    pub threads: Vec<ThreadTold>,
    /// Bytes of memory that had to be left out.
    #[serde(default)]
    pub left_out: u64,
}

/// A stop: what is told of it, the head of a core file (ELF header, program headers and notes: threads, registers,
/// mappings, auxiliary vector), and which pages lay where.
#[derive(Clone, Debug)]
pub struct Stop {
    /// What is told.
    pub told: Told,
    /// Address, number of the first page, how many.
    runs: Vec<(Addr, u32, u32)>,
    /// The core file without its memory.
    pub head: Vec<u8>,
}

/// A thread at a stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadTold {
    /// Its number.
    pub tid: Tid,
    /// The number that users knew it by.
    #[serde(default)]
    pub number: u32,
    /// Its name, as the kernel had it.
    #[serde(default)]
    pub name: String,
    /// Return addresses, innermost first.
    #[serde(default)]
    pub stack: Vec<Addr>,
}

#[derive(Serialize, Deserialize)]
struct StopText {
    told: Told,
    runs: Vec<(Addr, u32, u32)>,
}

impl Stop {
    /// The length of the JSON (u32), the JSON, the head.
    fn to_block(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec(&StopText { told: self.told.clone(), runs: self.runs.clone() })?;
        let length = u32::try_from(text.len()).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok([&length.to_le_bytes()[..], &text, &self.head].concat())
    }

    fn from_block(block: &[u8]) -> Option<Stop> {
        let (length, rest) = block.split_first_chunk::<4>()?;
        let (text, head) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let StopText { told, mut runs } = serde_json::from_slice(text).ok()?;
        runs.sort_by_key(|(at, ..)| *at);
        Some(Stop { told, runs, head: head.to_vec() })
    }
}

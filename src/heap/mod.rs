//! What malloc did: the structures in memory (here), and the story of the calls (`story`).
//!
//! [`survey`] reads glibc's heap out of a stopped process: every arena, every region of the main arena (also
//! those that malloc took by mmap because brk was refused, which the kernel shows as one line), every chunk,
//! every cache. It is given memory, mappings and a few [`Anchors`], and needs none of them to be a symbol. It
//! never fails: what does not fit is a [`Doubt`], and the arenas' own books check the sum.
//!
//! How bytes are counted, for each region: `used + free + fast + tcache + top + fenceposts + head + lost` is
//! its length. *Used* chunks are the program's (and malloc's own: a thread's tcache structure is a used
//! chunk). *Free* chunks are in bins, *fast* ones in fastbins, *tcache* ones in a thread's cache: the last two
//! look used to their neighbours and to `mallinfo2`'s `uordblks` (tcache) or not (`fordblks` counts fastbins
//! and top). *Top* is the arena's reserve, *fenceposts* end a region that is not the newest, *head* is a
//! thread heap's `heap_info`, and *lost* is what damage made unreadable. Sizes include chunk headers.
//!
//! This floor knows no process, no symbols and no kernel.

mod chain;
mod detail;
mod find;
mod glibc;
mod hints;
#[cfg(test)]
mod image;
mod listing;
mod lists;
mod model;
mod page;
mod place;
mod read;
mod regions;
mod rules;
pub mod search;
pub mod story;
mod survey;
mod tcache;
#[cfg(test)]
mod tests;
mod text;
pub mod view;
mod walk;

pub use detail::Detail;
pub use glibc::Layout;
pub use listing::{List, ListKind, Member, Watch};
pub use model::{
    Arena, ArenaKind, Books, Count, Doubt, Gap, Method, Mmapped, Origin, Region, Survey, Tcache,
};
pub use page::{Listed, Page, Row, SizeField};
pub use place::Place;
pub use walk::{Chunk, State};

use crate::addr::{Addr, Span, Tid};
use crate::maps::Mapping;
use crate::memory::Memory;

/// What a caller knows about the process; each may be missing.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// `main_arena`, from a symbol.
    pub main_arena: Option<Addr>,
    /// `mp_`, from a symbol.
    pub mp: Option<Addr>,
    /// The code of `malloc_trim`, which libc exports.
    pub malloc_trim: Option<Span>,
    /// Where libc's variable `__curbrk` is (exported too; ld.so has a stale one of its own).
    pub curbrk: Option<Addr>,
    /// The writable data of every mapped libc, or of the program if it is static; [`libc_data`] guesses it.
    pub libc_data: Vec<Span>,
    /// The version that libc's banner gives, such as `2.36`.
    pub glibc: Option<String>,
    /// The threads and their thread pointers (`fs_base`).
    pub threads: Vec<(Tid, Addr)>,
    /// Fallback regions of the main arena that were seen being mapped.
    pub regions: Option<Vec<Span>>,
    /// Where the kernel started the break (field 47 of `/proc/PID/stat`).
    pub start_brk: Option<Addr>,
}

/// Reads the heap. Never fails: what is missing or wrong is among the survey's doubts.
#[must_use]
pub fn survey(memory: &dyn Memory, maps: &[Mapping], anchors: &Anchors) -> Survey {
    survey::survey(memory, maps, anchors)
}

/// The main arenas that one method finds by itself: what [`Survey::found_by`] sums up.
#[must_use]
pub fn main_arenas_by(memory: &dyn Memory, maps: &[Mapping], anchors: &Anchors, method: Method) -> Vec<Addr> {
    let found = find::main_arenas(&mut read::Reader::new(memory), maps, anchors, Some(method));
    found.iter().map(|main| main.head.address).collect()
}

/// The writable data of each mapped libc by its file's name; without one, of everything mapped from files,
/// for a static program.
#[must_use]
pub fn libc_data(maps: &[Mapping]) -> Vec<Span> {
    let writable =
        |mapping: &&Mapping| mapping.perms.write && !mapping.perms.shared && mapping.file().is_some();
    let is_libc = |mapping: &&Mapping| {
        let name = mapping.file().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        name.starts_with("libc.so") || name.starts_with("libc-2.")
    };
    let spans = |wanted: &dyn Fn(&&Mapping) -> bool| -> Vec<Span> {
        maps.iter().filter(writable).filter(|mapping| wanted(mapping)).map(|mapping| mapping.span).collect()
    };
    let libcs = spans(&is_libc);
    if libcs.is_empty() { spans(&|_| true) } else { libcs }
}

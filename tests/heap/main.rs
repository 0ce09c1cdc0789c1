//! The heap reader against live processes that print their own truth (`targets/heap_*.c`).
//!
//! No symbol is used: libc's data is found by its name in the maps, everything else by shape. The oracles are
//! the program's own list of blocks, `mallinfo2`, `malloc_info`, the arena's books, and for damage the words with
//! which glibc itself gives up.
//!
//! `tests/heap/roots.sh DIR` runs the same tests on other glibcs: `BRKWATER_ROOT` is where targets run then.

#![allow(clippy::disallowed_methods, reason = "tests start their own targets")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arenas;
mod blocks;
mod chunks;
mod growth;
mod harm;
mod methods;
mod plain;
mod random;
mod target;
mod truth;

//! `gdb-scripts/` in the debuggers that they are for: what gdb and lldb answer beside brkwater's own answer on the same
//! stop, chains beside brkwater's `then`, and every case in which there is no answer.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod case;
mod chains;
mod fronts;
mod install;
mod look;
mod refusals;

//! brkwater from outside: real targets that state their own truth, and gdb, strace and the kernel as oracles.
//!
//! One binary for all of it, so that it is linked once. Each module is one subject of the contract in the README.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]

#[path = "../common/mod.rs"]
mod common;

mod attach;
mod bad_input;
mod breakpoints;
mod calling;
mod case;
mod catching;
mod chains;
mod chunks;
mod compare;
mod corebad;
mod coredump;
mod corefile;
mod debuginfod;
mod demo;
mod diff;
mod doctor;
mod export;
mod family;
mod formats;
mod heap;
mod hooks;
mod hostile;
mod libraries;
mod losing;
mod memory;
mod packed;
mod parity;
mod printers;
mod recordings;
mod refused;
mod replaced;
mod saving;
mod screen;
mod scripts;
mod signals;
mod sources;
mod split;
mod stepping;
mod supplements;
mod syscalls;
mod tracing;
mod watching;

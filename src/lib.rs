//! brkwater: why does this process's memory look like that?
//!
//! The floors, from the bottom up; a module imports only what stands above it in this list
//! (`tests/floors.rs` holds that):
//!
//! 0. [`addr`] [`regs`] [`memory`] [`maps`] [`source`] [`event`]: the vocabulary, without IO;
//! 1. [`symbols`] [`unwind`] [`syscalls`] [`heap`]: readers, which know no process, and [`kernel`]: where bytes come from;
//! 2. [`scene`]: a stopped world, read-only;
//! 3. [`session`]: the one mutable thing, and [`report`]: the written page;
//! 4. [`command`]: the words people type;
//! 5. [`batch`] and [`tui`]: faces;
//! 6. [`cli`].

pub mod addr;
pub mod event;
pub mod maps;
pub mod memory;
pub mod pattern;
pub mod regs;
pub mod source;

pub mod corefile;
pub mod heap;
pub mod kernel;
pub mod recording;
pub mod symbols;
pub mod syscalls;
pub mod unwind;

pub mod scene;

pub mod report;
pub mod session;

pub mod command;

pub mod batch;
pub mod tui;

pub mod cli;

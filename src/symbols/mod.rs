//! Addresses to names and back: ELF symbols, DWARF lines, functions, types and variables.

pub mod dies;
pub mod typeload;
pub mod typename;
pub mod types;

//! Addresses to names and back: ELF symbols, DWARF lines, functions, types and variables.
//!
//! An [`Image`] is one file with its debug info, shared by all processes that map it; a [`Module`] is an image
//! at a place in one address space; [`Modules`] answers questions about the whole space. Files come through
//! [`crate::source::Files`], bytes of a process through [`crate::memory::Memory`]: nothing here knows ptrace.
//! Files are hostile input: whatever they say, the answer is a value or an error.

mod around;
mod blockorder;
pub mod class;
mod classname;
mod debug;
mod debugfile;
pub mod described;
mod dies;
mod elf;
mod ifunc;
mod image;
mod imports;
mod kinds;
mod lines;
mod linespec;
pub mod listed;
pub mod location;
mod lookup;
mod minidebug;
mod modules;
mod names;
mod namescan;
mod offsets;
mod origin;
pub mod passing;
mod printed;
mod prologue;
pub mod qualified;
mod ranges;
mod remembered;
mod resolve;
mod rusttype;
pub mod scopes;
mod sections;
mod seek;
pub mod shortnames;
mod split;
mod stacks;
mod stubs;
pub mod typeload;
mod typename;
pub mod types;
pub mod using;
pub mod variants;
pub mod vars;
mod walk;

pub use debug::DebugInfo;
pub use elf::{ElfSymbol, SymbolKind};
pub use image::{Image, ImageCache, Segment};
pub use lines::LineRow;
pub use linespec::Linespec;
pub use modules::{Module, Modules};
pub use names::{NameEntry, NameKind};
pub use offsets::Asked;
pub use origin::Origin;
pub use resolve::{ResolveError, Site};

#[cfg(test)]
mod tests;

use thiserror::Error;

/// The name in C++ or Rust that a linker's name stands for.
#[must_use]
pub fn demangled(linkage: &str) -> Option<String> {
    printed::demangled(linkage, true)
}

/// The same for a function that debug info describes: without what it returns.
#[must_use]
pub fn function_name(linkage: &str) -> Option<String> {
    printed::function(linkage)
}

/// Bytes of a file, which live as long as the debugger.
pub type Slice = gimli::EndianSlice<'static, gimli::LittleEndian>;

/// Why a file's symbols cannot be read.
#[derive(Debug, Error)]
#[allow(missing_docs)] // Each variant is its sentence.
pub enum SymbolError {
    #[error("\"{path}\": not in executable format: {why}")]
    Format { path: String, why: String },
    #[error("{path}: {source}.")]
    Io { path: String, source: std::io::Error },
}

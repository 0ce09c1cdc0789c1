//! A stopped world, read-only: frames, values, expressions, heap.
//!
//! A [`Scene`] joins what the floors below know separately: memory and registers of a [`Source`], the names and types
//! of [`Modules`], the callers that the [`Unwinder`] finds. It is made for one look and thrown away; what stays
//! the same between looks is in [`SceneCaches`]. It never changes the target and runs no code in it.

mod aggregates;
pub mod backtrace;
pub mod code;
mod context;
mod debug;
pub mod examine;
pub mod expr;
pub mod format;
pub mod frame;
mod frameinfo;
pub mod linkmap;
mod malloc;
mod memberptr;
mod members;
pub(crate) mod number;
mod parts;
pub mod pretty;
pub mod print;
mod printoptions;
mod recorded;
pub mod registers;
mod returned;
mod rtti;
mod rustvalues;
mod scoped;
pub mod siginfo;
mod tailcall;
pub mod text;
mod threadlocal;
mod traitobject;
pub mod value;
pub mod variables;
pub mod view;

pub use backtrace::{frame_line, frame_text};
pub use debug::SceneCaches;
pub use frame::{Frame, Frames};
pub use print::{FrameArguments, PrintOptions, Printer};
pub use returned::returns_in_memory;
pub use scoped::Scoped;
pub use value::{Value, ValueError};
pub use variables::Argument;

use crate::addr::Addr;
use crate::memory::Memory;
use crate::source::Source;
use crate::symbols::Modules;
use crate::unwind::Unwinder;

use print::Names;

/// A stopped world.
#[derive(Copy, Clone)]
pub struct Scene<'a> {
    /// Where bytes and registers come from.
    pub source: &'a dyn Source,
    /// The files that are loaded.
    pub modules: &'a Modules,
    /// Their unwind tables.
    pub unwinder: &'a Unwinder,
    /// What was learnt before.
    pub caches: &'a SceneCaches,
}

impl Scene<'_> {
    /// The target's memory.
    #[must_use]
    pub fn memory(&self) -> &dyn Memory {
        self.source.memory()
    }
}

impl Names for Modules {
    fn name_of(&self, at: Addr) -> Option<(String, u64)> {
        let (linker, offset) = Modules::linker_name_of(self, at)?;
        // The debug info's name of a function of C++ says nothing of what it returns.
        if linker.starts_with("_Z") && !linker.contains(".cold") {
            let known = self.frames_of(at).pop().filter(|frame| frame.line.is_some());
            if let Some(name) = known.and_then(|frame| frame.function) {
                // Of what no other file sees the debug info has no name with scopes.
                let full = if linker.contains("_GLOBAL__N_1") {
                    crate::symbols::function_name(linker)
                } else {
                    None
                };
                return Some((full.unwrap_or(name), offset));
            }
        }
        let (name, offset) = Modules::name_of(self, at)?;
        Some((known_alias(self, at, &name, offset).unwrap_or(name), offset))
    }

    fn linker_name_of(&self, at: Addr) -> Option<(String, u64)> {
        let (name, offset) = Modules::linker_name_of(self, at)?;
        Some((known_alias(self, at, name, offset).unwrap_or_else(|| name.to_owned()), offset))
    }
}

/// Among aliases the one that debug info calls the function by is shown, as in gdb.
fn known_alias(modules: &Modules, at: Addr, name: &str, offset: u64) -> Option<String> {
    let known = modules.frames_of(at).pop().and_then(|frame| frame.function)?;
    let copy = name.strip_prefix(known.as_str()).is_some_and(is_of_a_copy);
    let fits = known != name && (copy || modules.is_alias(at.sub(offset), &known));
    fits.then_some(known)
}

/// What gcc adds to the name of a function that it has cut or specialised. The debug info of such a copy begins where the
/// symbol does, and gdb prefers it; the cold part of a function is another matter.
fn is_of_a_copy(suffix: &str) -> bool {
    let kinds = [".part", ".isra", ".constprop"];
    kinds.iter().any(|kind| suffix.starts_with(kind)) && !suffix.ends_with(".cold")
}

//! System calls by name and in words.
//!
//! Knows the names of every x86-64 system call, the bits of their arguments, and how strace writes a call.
//! It knows no process: numbers, registers and memory come in, text and [`crate::event::Call`]s go out. What a call
//! was *for* is the heap's story ([`crate::heap::story`]), not this module's.

pub mod args;
pub mod decode;
pub mod errors;
pub mod form;
pub mod groups;
pub mod names;
pub mod sets;
pub mod table;

use syscalls::x86_64::Sysno;

pub use args::{json, text};
pub use decode::{MEMORY_CALLS, decode, unpack};
pub use sets::CallSet;

/// The name of the x86-64 system call `nr`, as the kernel's table has it; `None` for a number without one.
#[must_use]
pub fn name(nr: u64) -> Option<&'static str> {
    Sysno::new(usize::try_from(nr).ok()?).map(|call| call.name())
}

/// The number of the x86-64 system call called `name` (`openat`).
#[must_use]
pub fn number(name: &str) -> Option<u64> {
    name.parse::<Sysno>().ok().and_then(|call| u64::try_from(call.id()).ok())
}

/// Every system call, by number: for completion and for lists.
pub fn all() -> impl Iterator<Item = (u64, &'static str)> {
    Sysno::iter().filter_map(|call| Some((u64::try_from(call.id()).ok()?, call.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_inverse() {
        assert_eq!(name(12), Some("brk"));
        assert_eq!(name(9), Some("mmap"));
        assert_eq!(number("execve"), Some(59));
        assert_eq!(name(u64::MAX), None);
        assert_eq!(number("nosuch"), None);
        assert!(all().count() > 330);
        assert!(all().all(|(nr, text)| number(text) == Some(nr)));
    }
}

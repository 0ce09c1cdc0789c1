//! The one mutable thing: targets, breakpoints, the journal, and the loop that waits for the kernel.
//!
//! A [`Session`] never leaves its thread, the one that calls ptrace. It knows expressions and scenes, because
//! conditions are tested here; it knows no command, no text layout and no screen.

pub mod protocol;

//! The one mutable thing: targets, breakpoints, the journal, and the loop that waits for the kernel.

pub mod protocol;

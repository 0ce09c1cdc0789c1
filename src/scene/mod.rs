//! A stopped world, read-only: frames, values, expressions, heap.

pub mod value;
pub mod view;

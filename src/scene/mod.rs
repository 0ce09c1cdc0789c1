//! A stopped world, read-only: frames, values, expressions, heap.

mod number;
pub mod print;
pub mod text;
pub mod value;
pub mod view;

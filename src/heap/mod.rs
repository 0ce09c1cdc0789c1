//! What malloc did: the story of the calls, and the structures in memory.

pub mod story;

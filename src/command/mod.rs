//! The words people type.

//! (to be written)

use super::table::Entry;

pub(super) const COMMANDS: &[Entry] = &[];
pub(super) const INFO: &[Entry] = &[];

/// What `x` and `display` remember.
#[derive(Default)]
pub(super) struct DataState {}

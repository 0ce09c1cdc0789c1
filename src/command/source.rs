//! (to be written)

use super::table::Entry;

pub(super) const COMMANDS: &[Entry] = &[];
pub(super) const INFO: &[Entry] = &[];

/// Where `list` goes on.
#[derive(Default)]
pub(super) struct SourceState {}

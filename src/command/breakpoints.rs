//! (to be written)

use super::table::Entry;

pub(super) const COMMANDS: &[Entry] = &[];

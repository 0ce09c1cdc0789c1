//! (to be written)

use super::table::Entry;

pub(super) const INFO: &[Entry] = &[];

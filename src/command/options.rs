//! (to be written)

use super::table::Entry;

pub(super) const COMMANDS: &[Entry] = &[];
pub(super) const INFO: &[Entry] = &[];

/// Settings of the dialogue itself.
pub(super) struct Options {
    /// Questions are asked (`set confirm`).
    pub(super) confirm: bool,
    /// Lines that `list` shows (`set listsize`).
    pub(super) listsize: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options { confirm: true, listsize: 10 }
    }
}

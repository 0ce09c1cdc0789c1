//! (to be written)

use super::table::Entry;

pub(super) const COMMANDS: &[Entry] = &[];

/// The commands of breakpoints that are due.
#[derive(Default)]
pub(super) struct Actions {}

pub(super) fn announce(_: &crate::event::Event) -> Option<String> {
    None
}

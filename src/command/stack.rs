//! (to be written)

use super::table::Entry;

pub(super) const COMMANDS: &[Entry] = &[];
pub(super) const INFO: &[Entry] = &[];

use super::{error::Done, shell::Shell};
pub(super) enum Show {
    Source,
    Both,
}
pub(super) fn show_frame(_: &mut Shell, _: Show) -> Done {
    Ok(())
}

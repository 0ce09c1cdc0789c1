//! (to be written)

use super::table::Entry;

pub(super) const COMMANDS: &[Entry] = &[];
use super::{error::Done, shell::Shell};
pub(super) fn list_info(_: &mut Shell) -> Done {
    Ok(())
}

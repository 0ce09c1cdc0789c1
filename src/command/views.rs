//! (to be written)

use super::shell::Shell;
use crate::session::protocol::{View, ViewKind};

/// Answers one request for a view.
pub(super) fn view(_shell: &mut Shell, _what: ViewKind) -> View {
    View::Nothing("No stack.".to_owned())
}

//! The views that a screen's panes show: the same texts and objects that commands print, without printing them.

use super::breakinfo;
use super::error::CommandError;
use super::heap;
use super::registers;
use super::shell::Shell;
use crate::session::protocol::{View, ViewKind};

/// Answers one request for a view; what cannot be shown is told in gdb's words.
pub(super) fn view(shell: &mut Shell, what: ViewKind) -> View {
    let answer = match what {
        ViewKind::Backtrace(limit) => backtrace(shell, limit),
        ViewKind::Source(margin) => super::listing::source_view(shell, margin).map(View::Source),
        ViewKind::Registers => registers::general_registers(shell).map(View::Text),
        ViewKind::Locals => locals(shell),
        ViewKind::Breakpoints => Ok(View::Text(breakinfo::text(shell))),
        ViewKind::Explanation => heap::explanation(shell).map(|explanation| View::Text(explanation.text())),
        ViewKind::Heap => heap::heap_json(shell).map(View::Json),
    };
    answer.unwrap_or_else(|error| View::Nothing(error.to_string()))
}

fn backtrace(shell: &mut Shell, limit: u32) -> Result<View, CommandError> {
    let selection = shell.selected("No stack.")?;
    if let Some(kept) = super::witness::backtrace(shell, selection.tid) {
        return Ok(View::Backtrace(kept, selection.level));
    }
    let options = shell.print.clone();
    // The selected frame is always there, however deep it is.
    let limit = limit.max(selection.level.saturating_add(1)) as usize;
    let backtrace = shell.session.with_scene(|scene, _| scene.backtrace(selection.tid, limit, &options));
    Ok(View::Backtrace(backtrace, selection.level))
}

fn locals(shell: &mut Shell) -> Result<View, CommandError> {
    let options = shell.print.clone();
    let text =
        shell.with_frame("No frame selected.", |scene, frame, _| scene.locals_text(frame, &options, ""))?;
    Ok(View::Text(text))
}

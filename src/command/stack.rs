//! The stack: which frame is looked at, and how it is shown.

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::source;
use super::table::Entry;
use crate::scene::{frame_line, frame_text};

pub(super) const COMMANDS: &[Entry] = &[];
pub(super) const INFO: &[Entry] = &[];

/// How much of a frame is shown.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// `#1  main () at t.c:9` and the source line: the frame was chosen.
    Frame,
    /// The same without the number: a stop, behind `Breakpoint 1, `.
    Stop,
    /// The source line alone: a step that stayed in its function.
    Line,
    /// The numbered line alone, as behind `Run till exit from `.
    Location,
}

/// Shows the selected frame, and makes its place the one that `list` and `break` begin from. A frame without a
/// source line is shown by its location in any case.
///
/// # Errors
/// `No stack.`
pub(super) fn show_frame(shell: &mut Shell, how: Show) -> Done {
    let options = shell.print.clone();
    let view = shell.with_frame("No stack.", |scene, frame, _| scene.frame_view(frame, &options))?;
    let place = source::file_of(&view).zip(view.line);
    match how {
        Show::Frame | Show::Location => shell.say(frame_line(&view)),
        Show::Stop => shell.say(frame_text(&view)),
        Show::Line if place.is_none() => shell.say(frame_text(&view)),
        Show::Line => {}
    }
    if let (Some((file, line)), true) = (place, how != Show::Location) {
        if how == Show::Line && view.show_address && shell.print.address {
            shell.put(format!("0x{:016x}\t", view.address.0));
        }
        match source::print_lines(shell, &file, line, 1) {
            // A file that became shorter than its debug info must not hide a stop.
            Err(CommandError::Say(words)) => shell.complain(words),
            other => other?,
        }
    }
    source::set_current(shell, &view);
    Ok(())
}

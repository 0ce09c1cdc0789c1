//! The words people type: gdb's language and ours, one table entry per command.
//!
//! [`serve`] is the engine's main loop: it takes lines and requests for views from a face, runs them over a
//! [`crate::session::Session`] and answers with text. It knows what gdb prints; it knows no terminal, and
//! nothing of how a target is driven.

mod applying;
mod args;
mod auxv;
mod backtrace;
mod breakinfo;
mod breakparse;
mod breakpoints;
mod calling;
mod catchpoints;
mod classinfo;
mod compare;
mod complete;
mod composing;
mod corefile;
mod data;
mod debuginfod;
mod defined;
mod disassemble;
mod display;
mod elsewhere;
mod error;
mod export;
mod foreign;
mod heap;
mod heapchunk;
mod heapchunks;
mod heapfind;
mod held;
mod help;
mod hooks;
mod inferiors;
mod language;
mod listing;
mod look;
mod lookup;
mod memory;
mod moments;
mod options;
mod place;
mod printers;
mod printf;
mod process;
mod rbreak;
mod recording;
mod refused;
mod registers;
mod running;
mod runsettings;
mod saving;
mod savinglldb;
mod scopeinfo;
mod script;
mod settings;
mod shell;
mod signals;
mod skipping;
mod source;
mod sourcepath;
mod sourcetext;
mod stack;
mod stops;
mod symbolinfo;
mod table;
mod taken;
mod threadid;
mod threads;
mod transfer;
mod views;
mod watchpoints;
mod witness;

use std::os::unix::net::UnixStream;

pub use error::CommandError;
pub use memory::living as memory_facts;

use crate::session::protocol::{Note, Request};
use crate::session::{Session, join};
use shell::Shell;

/// Serves a face at the other end of `stream`, and others that come when it was lost, until one says `quit` or none
/// comes any more; then what was launched is killed
/// and what was attached to is let go. The exit status is for the engine's process: 0, or 1 when the stream
/// could not be joined.
#[must_use]
pub fn serve(stream: UnixStream) -> i32 {
    let Ok((inbox, outbox)) = join(stream) else { return 1 };
    inbox.leave_on_sigterm();
    let mut session = Session::new(outbox, inbox);
    session.set_announcer(running::announce);
    session.set_narrator(printf::narrate);
    let mut shell = Shell::new(session);
    loop {
        let stays = match shell.session.next_request() {
            Some(request) => answer(&mut shell, request),
            None => shell.session.outlive_face(),
        };
        if !stays {
            break;
        }
    }
    shell.session.finish();
    0
}

/// Reads a text in every way in which the words behind a command are read, and runs nothing: for who wants to know that
/// none of them minds what it is given.
pub fn read_only(text: &str) {
    let (_, rest) = args::first_word(text);
    let _ = (breakparse::parse(text).is_ok(), printf::check(text).is_ok(), args::ids(text).is_ok());
    let _ = (defined::filled(rest, text), options::unquote(text), args::take_flag(text, "-json"));
}

/// Answers one request; false when the face wants to leave.
fn answer(shell: &mut Shell, request: Request) -> bool {
    match request {
        Request::Line { id, text } => {
            shell.session.face_is_in_step();
            let ok = shell.line(&text);
            let (state, quit) = (shell.session.state(), shell.leaving);
            shell.session.say(Note::Done { id, ok, state, quit });
            return !quit;
        }
        Request::View { id, what } => {
            let view = views::view(shell, what);
            shell.session.say(Note::View { id, view });
        }
        Request::Complete { id, text } => {
            let lines = complete::complete(shell, &text);
            shell.session.say(Note::Completions { id, lines });
        }
        Request::Quit => return false,
        // Answers to questions that nobody asks any more, and an interrupt of nothing.
        Request::Answer { .. } | Request::Synced(_) | Request::Interrupt => {}
    }
    true
}

//! A face for scripts, pipes and plain terminals: lines in, text out.
//!
//! It says to the engine what was on the command line, then what comes from the user, and prints what comes
//! back, in order. It knows the exit status that gdb would have; it knows no command.

mod prompt;
pub mod trace;

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::session::handle::{Receiver, Sender};
use crate::session::protocol::{Note, Request, State};

/// What a script is to do.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Lines that say nothing of themselves and whose failure counts for nothing: settings, the program.
    pub before: Vec<String>,
    /// The lines of the command line, in their order.
    pub lines: Vec<String>,
    /// Each line is shown before it runs.
    pub echo: bool,
    /// The first failure ends it, with status 1; so does a breakpoint that never found its place.
    pub strict: bool,
    /// The target's exit code becomes ours (`-return-child-result`).
    pub child_result: bool,
    /// Reading goes on behind the lines: from the terminal with a prompt, or from a pipe.
    pub then_read: bool,
    /// Where typed lines are kept.
    pub history: Option<PathBuf>,
}

/// Status of a failed command.
const FAILED: u8 = 1;
/// Status after SIGTERM or SIGHUP, as a shell would show it.
const TERMINATED: u8 = 128 + 15;
/// Status when the engine ended on its own: a bug in brkwater.
const BUG: u8 = 70;

/// Why a script ends early.
enum End {
    /// `quit`.
    Quit,
    /// The engine is gone.
    Gone,
}

/// Runs a script over an engine and leaves it; the exit status for the program. `told_to_leave` is set by whoever has
/// told the engine to quit because a signal came: then its end is no surprise.
pub fn run(sender: &Sender, receiver: &mut Receiver, script: &Script, told_to_leave: &AtomicBool) -> u8 {
    let mut face = Face { sender, receiver, state: State::default(), ok: true, next_id: 0 };
    let ended = face.script(script);
    match ended {
        Some(End::Gone) if told_to_leave.load(Ordering::SeqCst) => return TERMINATED,
        Some(End::Gone) => {
            complain(
                "brkwater's engine has ended: what it launched is gone, what it was attached to runs on.",
            );
            return BUG;
        }
        Some(End::Quit) | None => {}
    }
    let state = face.state.clone();
    let ok = face.ok && !(script.strict && state.pending);
    face.leave();
    match state.exit_code.filter(|_| script.child_result) {
        // gdb has one number for every signal.
        Some(code) if code >= 128 && state.by_signal && !script.strict => 255,
        Some(code) => u8::try_from(code).unwrap_or(255),
        None if ok => 0,
        None => FAILED,
    }
}

struct Face<'a> {
    sender: &'a Sender,
    receiver: &'a mut Receiver,
    state: State,
    /// Whether the last line did what it was asked to; with `strict`, whether all did.
    ok: bool,
    next_id: u64,
}

impl Face<'_> {
    fn script(&mut self, script: &Script) -> Option<End> {
        let mut sound = true;
        for line in &script.before {
            if let Err(end) = self.line(line) {
                return Some(end);
            }
            sound &= self.ok;
        }
        self.ok = sound;
        if script.strict && !sound {
            return None;
        }
        for line in &script.lines {
            if script.echo {
                show(&format!("(brkwater) {line}\n"));
            }
            if let Err(end) = self.line(line) {
                return Some(end);
            }
            if script.strict && !self.ok {
                return None;
            }
        }
        if !script.then_read {
            return None;
        }
        let read = if io::stdin().is_terminal() {
            prompt::read(self, script.history.as_deref())
        } else {
            self.read_pipe(script.strict)
        };
        read.err()
    }

    /// Lines from a pipe, as gdb takes them: no prompt, the end of the input is `quit`.
    fn read_pipe(&mut self, strict: bool) -> Result<(), End> {
        loop {
            let mut line = String::new();
            // Not locked: a body of `commands` is read from the same place while this line runs.
            match io::stdin().read_line(&mut line) {
                Ok(0) | Err(_) => return Ok(()),
                Ok(_) => self.line(line.trim_end_matches('\n'))?,
            }
            if strict && !self.ok {
                return Ok(());
            }
        }
    }

    /// Runs one line to its end.
    fn line(&mut self, text: &str) -> Result<(), End> {
        self.next_id += 1;
        let id = self.next_id;
        self.sender.send(&Request::Line { id, text: text.to_owned() }).map_err(|_| End::Gone)?;
        while let Some(note) = self.receiver.receive().ok().flatten() {
            if let Note::Done { id: done, ok, state, quit } = note {
                if done != id {
                    continue;
                }
                flush();
                (self.ok, self.state) = (ok, state);
                return if quit { Err(End::Quit) } else { Ok(()) };
            }
            self.hear(note).map_err(|_| End::Gone)?;
        }
        Err(End::Gone)
    }

    /// What could complete a line; whole lines.
    fn complete(&mut self, text: &str) -> Vec<String> {
        self.next_id += 1;
        let id = self.next_id;
        if self.sender.send(&Request::Complete { id, text: text.to_owned() }).is_err() {
            return Vec::new();
        }
        while let Some(note) = self.receiver.receive().ok().flatten() {
            match note {
                Note::Completions { id: answered, lines } if answered == id => return lines,
                other => {
                    if self.hear(other).is_err() {
                        break;
                    }
                }
            }
        }
        Vec::new()
    }

    fn hear(&mut self, note: Note) -> io::Result<()> {
        match note {
            Note::Output { text, error: false } => show(&text),
            Note::Output { text, error: true } => {
                flush();
                tell(&text);
            }
            Note::Sync(number) => {
                flush();
                self.sender.send(&Request::Synced(number))?;
            }
            Note::Ask { prompt, default } => {
                let text = answer(&prompt, &default);
                self.sender.send(&Request::Answer { text })?;
            }
            Note::Event(_)
            | Note::View { .. }
            | Note::Completions { .. }
            | Note::Done { .. }
            | Note::Rewound
            | Note::Dropped(_) => {}
        }
        Ok(())
    }

    /// Tells the engine to leave, and waits until it has: what it launched is dead before we are.
    fn leave(&mut self) {
        flush();
        // An error means that it has left already.
        if self.sender.send(&Request::Quit).is_err() {
            return;
        }
        while let Some(note) = self.receiver.receive().ok().flatten() {
            if self.hear(note).is_err() {
                break;
            }
        }
        flush();
    }
}

/// An answer to a question: the user's on a terminal, else gdb's assumption.
fn answer(prompt: &str, default: &str) -> Option<String> {
    let question = prompt.ends_with("(y or n) ");
    let terminal = io::stdin().is_terminal();
    if question && !terminal {
        let letter = default.to_uppercase();
        show(&format!("{prompt}[answered {letter}; input not from terminal]\n"));
        return Some(default.to_owned());
    }
    if terminal {
        show(prompt);
        flush();
    }
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches('\n').to_owned()),
    }
}

/// Prints on stdout. A reader that is gone is no error of ours: gdb goes on as well.
fn show(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn complain(text: &str) {
    flush();
    tell(&format!("{text}\n"));
}

fn flush() {
    let _ = io::stdout().flush();
}

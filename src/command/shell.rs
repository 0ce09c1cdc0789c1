//! The state of a dialogue: a session, and what commands remember from one line to the next.

use super::data::DataState;
use super::defined::Definitions;
use super::error::{CommandError, Done};
use super::options::Options;
use super::running::Actions;
use super::source::SourceState;
use crate::memory::Fault;
use crate::report::escape;
use crate::scene::expr::{Context, Effect, ExprError, Vars};
use crate::scene::{Frame, PrintOptions, Scene};
use crate::session::protocol::Note;
use crate::session::{Selection, Session, SessionError};

/// A dialogue. Commands are functions over it; each keeps what it remembers in a state of its own room.
pub(super) struct Shell {
    /// The targets.
    pub(super) session: Session,
    /// `set …`, as far as the session does not know it.
    pub(super) options: Options,
    /// How values are printed.
    pub(super) print: PrintOptions,
    /// What `x` and `display` remember.
    pub(super) data: DataState,
    /// Where `list` goes on.
    pub(super) source: SourceState,
    /// `define`d commands, and how deep we are in scripts.
    pub(super) definitions: Definitions,
    /// The `commands` of breakpoints that are due.
    pub(super) actions: Actions,
    /// What commands print, while somebody collects it (`pipe`).
    pub(super) captured: Option<String>,
    /// `quit` was given.
    pub(super) leaving: bool,
}

impl Shell {
    pub(super) fn new(session: Session) -> Shell {
        Shell {
            session,
            options: Options::default(),
            print: PrintOptions { utf8: super::options::speaks_utf8(), ..PrintOptions::default() },
            data: DataState::default(),
            source: SourceState::default(),
            definitions: Definitions::default(),
            actions: Actions::default(),
            captured: None,
            leaving: false,
        }
    }

    /// Prints text of a command, ended by a newline if it has none. Control characters are the target's and
    /// are shown, not obeyed.
    pub(super) fn say(&mut self, text: impl AsRef<str>) {
        let mut text = harmless(text.as_ref());
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.put(text);
    }

    /// Prints text as it is: the user's own, as in `echo`.
    pub(super) fn put(&mut self, text: impl Into<String>) {
        match &mut self.captured {
            Some(collected) => collected.push_str(&text.into()),
            None => self.session.say(Note::Output { text: text.into(), error: false }),
        }
    }

    /// Prints a line on stderr: errors and warnings.
    pub(super) fn complain(&mut self, text: impl AsRef<str>) {
        let mut text = harmless(text.as_ref());
        text.push('\n');
        self.session.say(Note::Output { text, error: true });
    }

    /// Asks a yes-or-no question; `set confirm off` and a face that cannot be asked answer yes.
    pub(super) fn confirm(&mut self, question: &str) -> bool {
        if !self.options.confirm {
            return true;
        }
        let answer = self.session.ask(&format!("{question}(y or n) "), "y");
        answer.is_some_and(|answer| answer.trim_start().starts_with(['y', 'Y']))
    }

    /// Tells a recording what the views say of the stop, once.
    pub(super) fn be_witness(&mut self) {
        if self.session.unwitnessed() {
            let witness = super::witness::of(self);
            self.session.witness(witness);
        }
    }

    /// What is looked at.
    ///
    /// # Errors
    /// In these words when no target lives: `No stack.`, `The program is not being run.`
    pub(super) fn selected(&self, otherwise: &str) -> Done<Selection> {
        self.session.selection().ok_or_else(|| CommandError::say(otherwise))
    }

    /// Does `work` with an expression's surroundings: the selected frame, or the program's file before it runs.
    pub(super) fn with_context<R>(&mut self, work: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let done = self.session.with_context(work);
        for warning in self.session.vars().take_warnings() {
            self.complain(format!("warning: {warning}"));
        }
        done
    }

    /// Does `work` with the selected frame.
    ///
    /// # Errors
    /// `No stack.` when no target lives (or `otherwise`, where gdb has other words for it).
    pub(super) fn with_frame<R>(
        &mut self,
        otherwise: &str,
        work: impl FnOnce(&Scene<'_>, &Frame, &mut Vars) -> R,
    ) -> Done<R> {
        let selection = self.selected(otherwise)?;
        self.session.with_scene(|scene, vars| {
            let level = selection.level as usize;
            let frames = scene.frames(selection.tid, level + 1);
            let frame = frames.frames.get(level).ok_or_else(|| CommandError::say(otherwise))?;
            Ok(work(scene, frame, vars))
        })
    }

    /// Carries out what an expression wants changed in the target.
    pub(super) fn carry_out(&mut self, effect: Option<Effect>) -> Done {
        match effect {
            None => Ok(()),
            // A program that does not run has no memory to be written.
            Some(Effect::Memory(at, _)) if !self.session.is_live() => Err(ExprError::from(Fault(at)).into()),
            Some(Effect::Memory(at, bytes)) => Ok(self.session.write_memory(at, &bytes)?),
            Some(Effect::Register(name, value)) => Ok(self.session.write_register(&name, value)?),
        }
    }

    /// Refuses a command that needs a target.
    pub(super) fn must_run(&self) -> Done<Selection> {
        let selection = self.session.selection().filter(|_| self.session.is_live());
        selection.ok_or(CommandError::Session(SessionError::NotRunning))
    }

    /// What is looked at, of a process or of a core file.
    ///
    /// # Errors
    /// gdb's words when there is neither.
    pub(super) fn must_stand(&self) -> Done<Selection> {
        self.session.selection().ok_or(CommandError::Session(SessionError::NotRunning))
    }
}

/// The text without control characters other than line ends and tabs.
pub(super) fn harmless(text: &str) -> String {
    if !text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')) {
        return text.to_owned();
    }
    let pieces = text.split_inclusive(['\n', '\t']).map(|piece| {
        let end = piece.len() - usize::from(piece.ends_with(['\n', '\t']));
        let (body, end) = piece.split_at(end);
        escape::plain(body) + end
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_moves_a_cursor_is_shown_instead() {
        assert_eq!(harmless("a\tb\n"), "a\tb\n");
        assert_eq!(harmless("a\x1b[2J\tb\nc\r"), "a\\033[2J\tb\nc\\015");
    }
}

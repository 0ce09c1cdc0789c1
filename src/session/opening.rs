//! How deep readers speak to the user: through a way to the face that is not the session, which they are called by.

use super::Session;
use super::inbox::Inbox;
use super::outbox::Opening;
use super::protocol::Note;
use crate::kernel::debuginfod::{Debuginfod, Talk};

struct Way {
    out: Opening,
    inbox: Inbox,
}

impl Session {
    /// Whether somebody wants a long command to end: the user, or a face that is gone. Asking forgets it.
    #[must_use]
    pub fn is_woken(&self) -> bool {
        self.inbox.woken().is_some()
    }

    /// Downloads of debug files, and what is set about them.
    #[must_use]
    pub fn debuginfod(&self) -> &Debuginfod {
        &self.debuginfod
    }

    pub(super) fn opening(&self) -> Box<dyn Talk> {
        Box::new(Way { out: self.outbox.opening(), inbox: self.inbox.clone() })
    }
}

impl Talk for Way {
    fn tell(&self, line: &str) {
        self.out.send(Note::Output { text: format!("{line}\n"), error: false });
    }

    fn agrees(&self, question: &str) -> bool {
        self.out.send(Note::Ask { prompt: format!("{question}(y or [n]) "), default: "n".to_owned() });
        self.inbox.answer().is_some_and(|answer| answer.trim_start().starts_with(['y', 'Y']))
    }

    fn cancelled(&self) -> bool {
        self.inbox.woken().is_some()
    }
}

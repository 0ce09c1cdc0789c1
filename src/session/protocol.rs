//! What an engine and its faces say to each other, over a socket or a channel.
//!
//! Every message is a plain value, so that the engine can run in a process of its own: a face that dies costs
//! the target nothing. A face sends [`Request`]s; the engine answers each in order and, unasked, tells
//! [`Note::Event`]s. One stream carries both, so that their order is the order of things.

use serde::{Deserialize, Serialize};

use crate::addr::{Addr, Pid, Seq, Tid};
use crate::event::Event;
use crate::scene::view::{Backtrace, SourceView};

/// A face's request. All but [`Request::Interrupt`] are queued and answered in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// A line of the command language, as typed. Answered by any number of [`Note::Output`] and
    /// [`Note::Ask`], then one [`Note::Done`] with the same `id`, which may come much later: a `continue` is
    /// done when the target has stopped.
    Line {
        /// Chosen by the face.
        id: u64,
        /// The line.
        text: String,
    },
    /// The answer to a [`Note::Ask`].
    Answer {
        /// What was typed: for a question `y` or `n`; for `commands` one line of the body.
        text: Option<String>,
    },
    /// Stop the running target, or cancel the long job that is under way. Taken at once.
    Interrupt,
    /// One view of the stopped target, answered by a [`Note::View`].
    View {
        /// Chosen by the face.
        id: u64,
        /// Which.
        what: ViewKind,
    },
    /// How candidates for completion are asked for; answered by a [`Note::Completions`].
    Complete {
        /// Chosen by the face.
        id: u64,
        /// The line up to the cursor.
        text: String,
    },
    /// The answer to a [`Note::Sync`]: everything before it has reached the terminal.
    Synced(u64),
    /// Leave: kill what was launched, let go what was attached to, then close the stream.
    Quit,
}

/// The views that panes show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewKind {
    /// The backtrace of the selected thread, at most this many frames.
    Backtrace(u32),
    /// Source text around the selected frame's line, this many lines before and after.
    Source(u32),
    /// The selected frame's registers, one `name value` a line, as `info registers` prints them.
    Registers,
    /// `info locals` of the selected frame.
    Locals,
    /// Breakpoints as `info breakpoints` prints them.
    Breakpoints,
    /// The explanation of this stop, as `explain` prints it.
    Explanation,
    /// The heap as `info heap -json` prints it (`brkwater.heap/1`).
    Heap,
}

/// An answer to a [`Request::View`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// For [`ViewKind::Backtrace`], with the level of the selected frame.
    Backtrace(Backtrace, u32),
    /// For [`ViewKind::Source`].
    Source(SourceView),
    /// For the views that are text.
    Text(String),
    /// For [`ViewKind::Heap`].
    Json(serde_json::Value),
    /// There is nothing to show, in gdb's words (`No stack.`).
    Nothing(String),
}

/// What the engine tells a face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// Something happened.
    Event(Event),
    /// Text of a command, to be shown as it is. Already escaped: no control characters of the target's.
    Output {
        /// Whole lines, or the part of one.
        text: String,
        /// Whether it belongs on stderr.
        error: bool,
    },
    /// A question; the engine waits for [`Request::Answer`].
    Ask {
        /// The text to show: `Delete all breakpoints? (y or n) `, or `>` for a line of `commands`.
        prompt: String,
        /// What to answer when nobody can be asked (gdb's `[answered Y; input not from terminal]`).
        default: String,
    },
    /// The line with this `id` is finished.
    Done {
        /// The request's.
        id: u64,
        /// Whether it did what it was asked to.
        ok: bool,
        /// The state of the target now.
        state: State,
        /// Whether the command was `quit`: the engine closes the stream next.
        quit: bool,
    },
    /// A view.
    View {
        /// The request's.
        id: u64,
        /// The view.
        view: View,
    },
    /// Candidates for completion, each a whole line.
    Completions {
        /// The request's.
        id: u64,
        /// The lines.
        lines: Vec<String>,
    },
    /// The engine is about to let the target run and waits for a [`Request::Synced`] with this number, so
    /// that our output and the target's reach a shared terminal in the order in which they were made.
    Sync(u64),
    /// What was told of events counts no more: those that follow begin with the first.
    Rewound,
    /// A viewer was too slow and this many events were left out; the journal has them.
    Dropped(u64),
}

/// The target's state, for prompts and status lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The selected process; `None` when there is none.
    pub pid: Option<Pid>,
    /// The selected thread.
    pub tid: Option<Tid>,
    /// The program's path, when one was given.
    pub program: Option<String>,
    /// Where the selected thread stands.
    pub pc: Option<Addr>,
    /// The exit status of the last target that ended: code, or 128 + signal.
    pub exit_code: Option<i32>,
    /// Whether that was a signal.
    #[serde(default)]
    pub by_signal: bool,
    /// Whether a breakpoint is still pending: it never resolved.
    pub pending: bool,
    /// In a recording, the event that is looked at, and the last one.
    #[serde(default)]
    pub moment: Option<(Seq, Seq)>,
}

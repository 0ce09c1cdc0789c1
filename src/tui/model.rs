//! Everything that the screen shows, as plain data, and the words in which the outside speaks to it.
//!
//! It knows neither terminal nor paint: [`super::update`] changes it, [`super::draw`] reads it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::growth::Growth;
use super::input::Editor;
use super::keys::Key;
use super::layout::{self, Places, Wish};
use super::target::Target;
use super::transcript::Transcript;
use crate::addr::{Pid, Seq};
use crate::event::{ExitStatus, StopReason};
use crate::scene::view::{Backtrace, SourceView};
use crate::session::protocol::{Note, Request, State};

/// What reaches the model, in one order.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key.
    Key(Key),
    /// Text pasted in one piece.
    Paste(String),
    /// The mouse.
    Mouse(Mouse),
    /// The screen has this many columns and rows.
    Size(u16, u16),
    /// The engine said something.
    Note(Box<Note>),
    /// The engine is gone.
    EngineGone,
    /// The target wrote to its terminal.
    Output(Vec<u8>),
    /// Time since the start.
    Clock(Duration),
    /// We were asked to leave: SIGTERM, SIGHUP, or the terminal is gone.
    Leave,
    /// We were asked to suspend ourselves.
    Suspend,
}

/// What the mouse did, at a column and a row.
#[derive(Copy, Clone, Debug)]
#[allow(missing_docs)]
pub enum Mouse {
    Press(u16, u16),
    WheelUp(u16, u16),
    WheelDown(u16, u16),
}

/// What the model wants done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell the engine.
    Send(Request),
    /// Type into the target's terminal.
    Type(Vec<u8>),
    /// Put text on the clipboard (OSC 52).
    Copy(String),
    /// Add a line to the history file.
    Remember(String),
    /// Suspend ourselves, with this line for whoever looks at the shell.
    Suspend(String),
    /// Forget what is on the terminal and draw all of it.
    Redraw,
    /// End the program with this exit status.
    Leave(u8),
}

/// Where keys go.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To the command line.
    Command,
    /// To the pane in focus.
    Navigate,
    /// To the target.
    Terminal,
    /// To the search: first its word, then `n` and `N`.
    Search,
}

impl Mode {
    /// The word in the status line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mode::Command => "[CMD]",
            Mode::Navigate => "[NAV]",
            Mode::Terminal => "[TERM]",
            Mode::Search => "[SEARCH]",
        }
    }
}

/// The panes, by the digit that leads to them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Pane {
    Source = 1,
    Backtrace,
    Heap,
    Timeline,
    Command,
    Target,
    Calls,
    Breakpoints,
    Values,
}

impl Pane {
    /// All of them.
    pub const ALL: [Pane; 9] = {
        use Pane::*;
        [Source, Backtrace, Heap, Timeline, Command, Target, Calls, Breakpoints, Values]
    };

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Pane::Values => "Registers, locals",
            Pane::Calls => "Memory calls",
            Pane::Source => "Source",
            Pane::Backtrace => "Backtrace",
            Pane::Heap => "Heap",
            Pane::Timeline => "Timeline",
            Pane::Command => "Command",
            Pane::Target => "Target",
            Pane::Breakpoints => "Breakpoints",
        }
    }

    /// Its name in a row of tabs.
    #[must_use]
    pub fn tab(self) -> &'static str {
        match self {
            Pane::Source => "src",
            Pane::Backtrace => "bt",
            Pane::Heap => "heap",
            Pane::Timeline => "time",
            Pane::Command => "cmd",
            Pane::Target => "out",
            Pane::Calls => "calls",
            Pane::Breakpoints => "bp",
            Pane::Values => "regs",
        }
    }

    /// The pane beside the source for this wish: itself, or the backtrace where it has a place of its own.
    #[must_use]
    pub fn or_backtrace(self) -> Pane {
        match self {
            Pane::Calls | Pane::Breakpoints | Pane::Values => self,
            _ => Pane::Backtrace,
        }
    }
}

/// What the target does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was started.
    #[default]
    Empty,
    /// It runs.
    Running,
    /// It stands, for a reason where one was told.
    Stopped(Option<StopReason>),
    /// It ended.
    Ended(Pid, ExitStatus),
    /// We let it go.
    Detached(Pid),
}

/// A view that was asked for: never yet, nothing there (in gdb's words), or the thing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Shown<T> {
    /// Not asked for yet.
    #[default]
    Unknown,
    /// Nothing to show, and why.
    Nothing(String),
    /// This.
    Is(T),
}

impl<T> Shown<T> {
    /// The thing, if it is there.
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        if let Shown::Is(it) = self { Some(it) } else { None }
    }
}

/// The views of the last stop.
#[derive(Clone, Debug, Default)]
pub struct Views {
    /// The backtrace and the level of the selected frame.
    pub backtrace: Shown<(Backtrace, u32)>,
    /// The source around the selected frame.
    pub source: Shown<SourceView>,
    /// `brkwater.heap/1`.
    pub heap: Shown<Value>,
    /// `explain`.
    pub explanation: Shown<String>,
    /// `info breakpoints`.
    pub breakpoints: Shown<String>,
    /// `info registers`.
    pub registers: Shown<String>,
    /// `info locals`.
    pub locals: Shown<String>,
}

/// Which view an answer is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Slot {
    Backtrace,
    Source,
    Heap,
    Explanation,
    Breakpoints,
    Registers,
    Locals,
}

/// A position in a pane.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The row under the cursor, counted in the pane's own rows.
    pub row: usize,
    /// The first row that is shown.
    pub top: usize,
    /// Columns scrolled to the right.
    pub left: usize,
}

/// A question that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The engine's: its prompt, and the answer that Enter on an empty line gives.
    Engine(String, String),
    /// Ours: leave although a target lives?
    Quit,
}

/// Something drawn over everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The keys, with the text that filters them and the row under the cursor.
    Help {
        /// Only what contains this is shown.
        filter: String,
        /// The row under the cursor.
        row: usize,
    },
}

/// A search in a pane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// What is looked for.
    pub word: String,
    /// Whether the word is still being typed.
    pub typing: bool,
}

/// The model.
#[derive(Debug)]
pub struct Model {
    /// What to call the debugged program before it runs.
    pub title: String,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Where keys go.
    pub mode: Mode,
    /// The pane in focus in NAV mode.
    pub focus: Pane,
    /// The pane that was last in focus, other than Command.
    pub tab: Pane,
    /// The pane that covers the others.
    pub zoom: Option<Pane>,
    /// Over everything.
    pub overlay: Option<Overlay>,
    /// The search, if one is on.
    pub search: Option<Search>,
    /// Time since the start.
    pub now: Duration,

    /// The target.
    pub phase: Phase,
    /// Its state as of the last line that was done.
    pub state: State,
    /// The processes that live.
    pub live: Vec<Pid>,
    /// When the target was last set going.
    pub resumed_at: Duration,
    /// Events that did not reach us.
    pub dropped: u64,
    /// Whether the engine is gone.
    pub engine_gone: bool,

    /// The line that the engine works on, if any.
    pub busy: Option<u64>,
    /// Lines of the start that come before all others and are not shown.
    pub setup: VecDeque<String>,
    /// Lines that wait for their turn.
    pub queue: VecDeque<String>,
    /// The question that waits.
    pub question: Option<Question>,
    /// When a pause was last asked for and has not come.
    pub pausing: Option<Duration>,
    /// When Ctrl-C last cleared the line.
    pub cleared_at: Option<Duration>,
    /// What an empty Enter would run.
    pub repeat: Option<String>,
    /// The line being typed.
    pub editor: Editor,
    /// What was said.
    pub transcript: Transcript,
    /// The completion that was asked for.
    pub completing: Option<u64>,

    /// The views of the last stop.
    pub views: Views,
    /// Requests for views that were not answered yet, newest last.
    pub awaited: Vec<(u64, Slot)>,
    /// Counts resumes, to know which views are old.
    pub stop_number: u64,
    /// The stop whose heap and explanation were asked for.
    pub surveyed: Option<u64>,
    /// What memory did, out of the events.
    pub growth: Growth,
    /// The mark under the timeline's cursor, by its event.
    pub mark: Option<Seq>,
    /// The target's own terminal.
    pub target: Target,

    /// The cursor in the source: a line number.
    pub source_line: u32,
    /// Columns by which the source is scrolled.
    pub source_left: usize,
    /// Whether the backtrace is folded when it does not fit.
    pub folded: bool,
    /// Positions, by pane.
    pub places: [Place; Pane::ALL.len() + 1],
    /// The card of the first start is up.
    pub card: bool,
    /// The next request's id.
    pub next_id: u64,
}

impl Model {
    /// A model that has seen nothing.
    #[must_use]
    pub fn new(title: &str, history: Vec<String>, has_terminal: bool) -> Model {
        Model {
            title: title.to_owned(),
            size: (80, 24),
            mode: Mode::Command,
            focus: Pane::Backtrace,
            tab: Pane::Backtrace,
            zoom: None,
            overlay: None,
            search: None,
            now: Duration::ZERO,
            phase: Phase::Empty,
            state: State::default(),
            live: Vec::new(),
            resumed_at: Duration::ZERO,
            dropped: 0,
            engine_gone: false,
            busy: None,
            setup: VecDeque::new(),
            queue: VecDeque::new(),
            question: None,
            pausing: None,
            cleared_at: None,
            repeat: None,
            editor: Editor::with_history(history),
            transcript: Transcript::default(),
            completing: None,
            views: Views::default(),
            awaited: Vec::new(),
            stop_number: 0,
            surveyed: None,
            growth: Growth::default(),
            mark: None,
            target: Target::new(has_terminal),
            source_line: 1,
            source_left: 0,
            folded: true,
            places: std::array::from_fn(|pane| {
                // The list of calls begins by following its end.
                let row = if pane == Pane::Calls as usize { usize::MAX } else { 0 };
                Place { row, ..Place::default() }
            }),
            card: false,
            next_id: 0,
        }
    }

    /// The pane whose frame says that it has the keys.
    #[must_use]
    pub fn focused(&self) -> Pane {
        match self.mode {
            Mode::Command => Pane::Command,
            Mode::Terminal => Pane::Target,
            Mode::Navigate | Mode::Search => self.focus,
        }
    }

    /// Where everything stands at this size.
    #[must_use]
    pub fn places(&self) -> Places {
        layout::arrange(Wish {
            size: self.size,
            tab: self.tab,
            zoom: self.zoom,
            typing: self.mode == Mode::Command,
        })
    }

    /// Whether the target runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether a core file is looked at.
    #[must_use]
    pub fn is_core(&self) -> bool {
        self.growth.story().is_some_and(crate::heap::story::Story::is_of_core)
    }

    /// Whether a process would be killed or let go by leaving now.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let stands = !self.live.is_empty() || self.state.pid.is_some();
        stands && !self.is_core() && self.state.moment.is_none()
    }

    /// The program's short name.
    #[must_use]
    pub fn program(&self) -> &str {
        super::text::base_name(self.state.program.as_deref().unwrap_or(&self.title))
    }

    /// The position in a pane.
    #[must_use]
    pub fn place(&self, pane: Pane) -> Place {
        self.places[pane as usize]
    }
}

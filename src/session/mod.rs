//! The one mutable thing: targets, breakpoints, the journal, and the loop that waits for the kernel.
//!
//! A [`Session`] never leaves its thread, the one that calls ptrace. It knows expressions and scenes, because
//! conditions are tested here; it knows no command, no text layout and no screen. Its parts: [`tracer`] turns
//! the kernel's statuses into happenings, [`space`] patches text, [`hits`] judges arrivals, [`steps`] plans
//! steps, [`recorder`] keeps the journal; this file and [`run`] join them.

mod arriving;
mod births;
mod breakpoint;
mod calling;
mod calls;
mod catching;
mod claims;
mod dumping;
mod emulate;
mod error;
mod ground;
mod halting;
pub mod handle;
mod held;
mod hits;
mod inbox;
mod inlines;
mod live;
mod looking;
mod marking;
mod opening;
mod outbox;
mod parting;
mod passing;
mod postmortem;
pub mod pretended;
mod process;
pub mod protocol;
mod recorder;
mod replay;
mod run;
mod settings;
mod shown;
mod sites;
pub mod skips;
mod slots;
mod space;
mod specials;
mod steps;
mod tape;
mod taping;
mod target;
mod tracer;
mod trigger;
mod watching;
pub mod wire;

use std::path::PathBuf;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

pub use breakpoint::{Armed, Breakpoint, BreakpointSpec, Disposition, Location, Scope, Stage, StageSpec};
pub use calling::CallArgument;
pub use dumping::Unread;
pub use error::SessionError;
pub use held::Facts;
pub use inbox::{Inbox, join};
pub use outbox::Outbox;
pub use replay::{Moment, Moved};
pub use run::{Halt, Resume, Stop};
pub use settings::{Disposal, Locking, Settings};
pub use specials::Snapshot;
pub use tape::Taped;
pub use trigger::{Catch, Signals, Trigger, Watch, WatchKind};
pub use watching::WatchHit;

use crate::addr::{Addr, Pid, Tid};
use crate::event::{Event, EventKind, ExitStatus};
use crate::heap::story::Stories;
use crate::kernel::debuginfod::Debuginfod;
use crate::kernel::files::MappedFiles;
use crate::scene::SceneCaches;
use crate::scene::expr::Vars;
use crate::source::Fetch;
use crate::symbols::{ImageCache, Modules};
use protocol::{Note, Request};
use recorder::Recorder;
use tracer::Tracer;

/// What the user looks at.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The process.
    pub pid: Pid,
    /// The thread.
    pub tid: Tid,
    /// The frame's level; 0 is the innermost.
    pub level: u32,
}

/// A thread as users see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadInfo {
    /// The kernel's id.
    pub tid: Tid,
    /// gdb's number.
    pub number: u32,
}

/// The program that `run` starts.
struct Program {
    path: PathBuf,
    modules: Modules,
}

/// See the module.
pub struct Session {
    outbox: Outbox,
    inbox: Inbox,
    settings: Settings,
    program: Option<Program>,
    files: Rc<MappedFiles>,
    images: ImageCache,
    debuginfod: Rc<Debuginfod>,
    tracer: Tracer,
    breakpoints: Vec<Breakpoint>,
    last_breakpoint: u32,
    selection: Option<Selection>,
    recorder: Recorder,
    stories: Stories,
    vars: Vars,
    caches: SceneCaches,
    last_exit: Option<ExitStatus>,
    plan: Option<steps::Plan>,
    /// Whether the last line step ended in the frame and file that it was in last.
    stayed: bool,
    /// How an event reads, for those that are announced while the target runs (`[New Thread …]`).
    announce: fn(&Session, &Event) -> Option<String>,
    /// What a breakpoint that only prints says, from its text, for the thread that is selected meanwhile.
    narrate: fn(&mut Session, &str) -> String,
    /// The numbers that users know processes by, also those that have ended.
    numbers: FxHashMap<Pid, u32>,
    /// Where the thread-local storage of threads begins, as it was given to them when they were made.
    pointers: FxHashMap<Tid, u64>,
    /// The breakpoint that the last stop was for.
    last_hit: Option<(Tid, u32)>,
    /// The watchpoints that the last touch hit.
    watch_hits: Vec<WatchHit>,
    /// How often breakpoints and calls were passed by since the last stop.
    habit: passing::Habit,
    /// Calls of the user's that have not returned, the innermost last.
    calls: Vec<calling::Called>,
    /// The return addresses whose names were told, by process.
    announced: FxHashMap<Pid, FxHashSet<Addr>>,
    /// A core file or another debugger's process, in the place of one that we trace.
    postmortem: Option<postmortem::PostMortem>,
    /// A recording that is looked at.
    replay: Option<replay::Replay>,
    /// Calls that were not made.
    pretended: Vec<pretended::Pretended>,
    /// Children that wait for the end of a stop to be kept or let go.
    births: Vec<births::Birth>,
    /// What was let go when the face was lost, with the moment of its start, the one that was looked at first.
    parted: Vec<(Pid, u64)>,
    synced: u64,
    unsynced: bool,
}

impl Session {
    /// A session without a program, joined to a face.
    #[must_use]
    pub fn new(outbox: Outbox, inbox: Inbox) -> Session {
        let debuginfod = Rc::new(Debuginfod::default());
        let mut images = ImageCache::default();
        images.fetch = Some(Rc::clone(&debuginfod) as Rc<dyn Fetch>);
        let session = Session {
            outbox,
            inbox,
            settings: Settings::default(),
            program: None,
            files: Rc::default(),
            images,
            debuginfod,
            tracer: Tracer::default(),
            breakpoints: Vec::new(),
            last_breakpoint: 0,
            selection: None,
            recorder: Recorder::new(),
            stories: Stories::default(),
            vars: Vars::default(),
            caches: SceneCaches::default(),
            last_exit: None,
            plan: None,
            stayed: false,
            announce: |_, _| None,
            narrate: |_, _| String::new(),
            numbers: FxHashMap::default(),
            pointers: FxHashMap::default(),
            last_hit: None,
            watch_hits: Vec::new(),
            habit: passing::Habit::default(),
            calls: Vec::new(),
            births: Vec::new(),
            announced: FxHashMap::default(),
            postmortem: None,
            replay: None,
            pretended: Vec::new(),
            parted: Vec::new(),
            synced: 0,
            unsynced: false,
        };
        session.debuginfod.talk_through(session.opening());
        session
    }

    /// How events are announced while the target runs: a line for the user, or nothing.
    pub fn set_announcer(&mut self, announce: fn(&Session, &Event) -> Option<String>) {
        self.announce = announce;
    }

    /// What breakpoints say that only print.
    pub fn set_narrator(&mut self, narrate: fn(&mut Session, &str) -> String) {
        self.narrate = narrate;
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings, to be changed; they count from the next `launch` or fork on.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The directories of separate debug files, to be changed; files that are open already stay as they are.
    pub fn debug_roots(&mut self) -> &mut Vec<PathBuf> {
        &mut self.images.debug_roots
    }

    /// Files of debug info that were looked for and not found since the last time, in gdb's words.
    #[must_use]
    pub fn missing_files(&mut self) -> Vec<String> {
        self.images.missing()
    }

    /// Tells the face something.
    pub fn say(&mut self, note: Note) {
        self.unsynced |= matches!(note, Note::Output { .. });
        self.outbox.send(note);
    }

    /// Asks the user and waits. `None` when nobody can answer, or answered with the end of input.
    pub fn ask(&mut self, prompt: &str, default: &str) -> Option<String> {
        self.say(Note::Ask { prompt: prompt.to_owned(), default: default.to_owned() });
        self.inbox.answer()
    }

    /// The next request; blocks. `None` when the face is gone. Processes that were let go but need our
    /// company are served meanwhile.
    pub fn next_request(&mut self) -> Option<Request> {
        let request = self.any_request();
        if let Some(stream) = self.inbox.newcomer() {
            self.outbox = Outbox::to(stream);
            self.debuginfod.talk_through(self.opening());
        }
        request
    }

    fn any_request(&mut self) -> Option<Request> {
        self.inbox.forget_interrupt();
        while self.tracer.has_company() {
            if let Some(request) = self.inbox.try_next() {
                return Some(request);
            }
            if self.inbox.is_closed() {
                return None;
            }
            self.accompany();
        }
        self.inbox.next()
    }

    /// Whether the user wants what is being done to end; asking forgets it.
    pub fn interrupted(&mut self) -> bool {
        self.inbox.woken().is_some()
    }

    /// Records that the target stands at its first instruction for the user to see.
    pub fn stands_at_entry(&mut self) {
        if let Some(Selection { pid, tid, .. }) = self.selection {
            self.settle(pid, tid, crate::event::StopReason::Entry);
        }
    }

    /// History and convenience variables.
    pub fn vars(&mut self) -> &mut Vars {
        &mut self.vars
    }

    /// The values of `$hits`, `$brk`, `$_exitcode` and their like, as they are now.
    #[must_use]
    pub fn specials(&self) -> Snapshot {
        Snapshot::of(self)
    }

    /// Writes to the memory of the selected process.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_memory(&mut self, at: Addr, bytes: &[u8]) -> Result<(), SessionError> {
        let selection = self.living()?;
        let table = &mut self.tracer.table;
        let space = table.processes.get(&selection.pid).map(|process| process.space);
        let space = space.and_then(|space| table.spaces.get_mut(&space)).ok_or(SessionError::NotRunning)?;
        space.write(at, bytes).map_err(|_| SessionError::Memory(at))
    }

    /// Writes a register of the selected thread (gdb's names).
    ///
    /// # Errors
    /// When there is no such register, or no thread.
    pub fn write_register(&mut self, name: &str, value: u64) -> Result<(), SessionError> {
        if self.postmortem.is_some() {
            return Err(SessionError::NoProcess);
        }
        let selection = self.living()?;
        let mut regs = self.tracer.regs(selection.tid).ok_or(SessionError::NotRunning)?;
        let name = match name {
            "pc" => "rip",
            "sp" => "rsp",
            "fp" => "rbp",
            other => other,
        };
        let info = crate::regs::TABLE.iter().find(|reg| reg.name == name);
        let info = info.ok_or_else(|| SessionError::NoRegister(name.to_owned()))?;
        regs.0[info.kernel] = value;
        self.tracer.set_regs(selection.tid, regs);
        self.tracer.flush(selection.tid);
        Ok(())
    }

    /// Records an event, folds it into its story and announces it.
    fn record(&mut self, pid: Pid, tid: Tid, kind: EventKind) {
        if self.settings.lossless {
            self.outbox.wait_for_room(|| self.inbox.is_closed());
        }
        self.recorder.keeps = self.settings.journal;
        let event = self.recorder.record(&self.outbox, pid, tid, kind);
        self.stories.apply(&event);
        if let Some((path, why)) = self.recorder.failed_tape() {
            let text =
                format!("warning: Recording into {path} has ended: {why}. What was written is good.\n");
            self.say(Note::Output { text, error: true });
        }
        if let Some(text) = (self.announce)(self, &event) {
            self.say(Note::Output { text, error: false });
        }
    }

    fn record_usage(&mut self, pid: Pid, tid: Tid, insist: bool) {
        if let Some(event) = self.recorder.usage(&self.outbox, pid, tid, insist) {
            self.stories.apply(&event);
        }
    }
}

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
mod emulate;
mod error;
mod ground;
mod halting;
pub mod handle;
mod hits;
mod inbox;
mod inlines;
mod live;
mod looking;
mod opening;
mod parting;
mod passing;
pub mod pretended;
mod process;
pub mod protocol;
mod recorder;
mod run;
mod settings;
mod sites;
pub mod skips;
mod slots;
mod space;
mod specials;
mod steps;
mod target;
mod tracer;
mod trigger;
mod watching;
pub mod wire;

use std::path::PathBuf;
use std::rc::Rc;

use rustc_hash::FxHashMap;

pub use breakpoint::{Armed, Breakpoint, BreakpointSpec, Disposition, Location, Scope, Stage, StageSpec};
pub use calling::CallArgument;
pub use error::SessionError;
pub use inbox::{Inbox, Outbox, join};
pub use run::{Halt, Resume, Stop};
pub use settings::{Disposal, Locking, Settings};
pub use specials::Snapshot;
pub use trigger::{Catch, Signals, Trigger, Watch, WatchKind};
pub use watching::WatchHit;

use crate::addr::{Addr, Pid, Tid};
use crate::event::{Event, EventKind, ExitStatus};
use crate::heap::story::{Stories, Story};
use crate::kernel::debuginfod::Debuginfod;
use crate::kernel::files::MappedFiles;
use crate::kernel::procfs;
use crate::maps::Mapping;
use crate::scene::SceneCaches;
use crate::scene::expr::Vars;
use crate::source::Fetch;
use crate::symbols::{ImageCache, Modules};
use protocol::{Note, Request, State};
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
    /// How often breakpoints were met since the last stop.
    passing_hits: u32,
    /// Calls of the user's that have not returned, the innermost last.
    calls: Vec<calling::Called>,
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
            passing_hits: 0,
            calls: Vec::new(),
            births: Vec::new(),
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

    /// The program's path.
    #[must_use]
    pub fn program(&self) -> Option<&std::path::Path> {
        self.program.as_ref().map(|program| program.path.as_path())
    }

    /// Whether a process is debugged.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.selection.is_some()
    }

    /// Whether the selected process ran before we came.
    #[must_use]
    pub fn was_attached(&self) -> bool {
        let selected = self.selection.and_then(|s| self.tracer.table.processes.get(&s.pid));
        selected.is_some_and(|process| !process.launched)
    }

    /// How the last process that ended did so.
    #[must_use]
    pub fn last_exit(&self) -> Option<ExitStatus> {
        self.last_exit
    }

    /// The state for prompts and status lines.
    #[must_use]
    pub fn state(&self) -> State {
        let code = |status| match status {
            ExitStatus::Code(code) => code,
            ExitStatus::Signal(signal) => 128 + signal,
        };
        let pc = self.selection.and_then(|s| self.tracer.table.threads.get(&s.tid)?.regs);
        State {
            pid: self.selection.map(|s| s.pid),
            tid: self.selection.map(|s| s.tid),
            program: self.program().map(|path| path.to_string_lossy().into_owned()),
            pc: pc.map(|regs| Addr(regs.rip())),
            exit_code: self.last_exit.map(code),
            by_signal: matches!(self.last_exit, Some(ExitStatus::Signal(_))),
            pending: self.breakpoints.iter().any(Breakpoint::is_pending),
        }
    }

    /// What the user looks at; `None` when nothing is debugged.
    #[must_use]
    pub fn selection(&self) -> Option<Selection> {
        self.selection
    }

    /// Looks at another frame; the caller knows that it exists.
    pub fn select_frame(&mut self, level: u32) {
        if let Some(selection) = &mut self.selection {
            selection.level = level;
        }
    }

    /// Looks at another thread.
    ///
    /// # Errors
    /// [`SessionError::NoThread`] when it is not debugged.
    pub fn select_thread(&mut self, tid: Tid) -> Result<(), SessionError> {
        let missing = || SessionError::NoThread(tid.to_string());
        let pid = self.tracer.table.threads.get(&tid).ok_or_else(missing)?.pid;
        self.selection = Some(Selection { pid, tid, level: 0 });
        Ok(())
    }

    /// The threads of the selected process.
    #[must_use]
    pub fn threads(&self) -> Vec<ThreadInfo> {
        self.selection.map_or_else(Vec::new, |selection| self.threads_of(selection.pid))
    }

    /// The threads of a process that is debugged, by number.
    #[must_use]
    pub fn threads_of(&self, pid: Pid) -> Vec<ThreadInfo> {
        let table = &self.tracer.table;
        let info = |tid| {
            let number = table.threads.get(&tid)?.number;
            Some(ThreadInfo { tid, number })
        };
        table.threads_of(pid).into_iter().filter_map(info).collect()
    }

    /// The name of a thread that is debugged, as the kernel has it; empty when it is gone.
    #[must_use]
    pub fn thread_name(&self, tid: Tid) -> String {
        let thread = self.tracer.table.threads.get(&tid);
        thread.map_or_else(String::new, |thread| procfs::name(thread.pid, tid))
    }

    /// The number that users know a process by; also of one that has ended in this run.
    #[must_use]
    pub fn inferior_number(&self, pid: Pid) -> u32 {
        self.numbers.get(&pid).copied().unwrap_or(1)
    }

    /// The highest number that a thread of this run got.
    #[must_use]
    pub fn highest_thread(&self) -> u32 {
        self.tracer.table.last_thread_number
    }

    /// Where a thread's thread-local storage begins: libpthread's name of the thread (`Thread 0x…`).
    #[must_use]
    pub fn thread_pointer(&self, tid: Tid) -> Option<u64> {
        let regs = self.tracer.table.threads.get(&tid).and_then(|thread| thread.regs);
        let now = regs.map(|regs| regs.fs_base()).filter(|pointer| *pointer != 0);
        now.or_else(|| self.pointers.get(&tid).copied())
    }

    /// The breakpoint that the thread stopped at last, if it still stands there.
    #[must_use]
    pub fn standing_at(&self, tid: Tid) -> Option<u32> {
        self.last_hit.filter(|(hit, _)| *hit == tid).map(|(_, number)| number)
    }

    /// Whether the user wants what is being done to end; asking forgets it.
    pub fn interrupted(&mut self) -> bool {
        self.inbox.woken().is_some()
    }

    /// Whether backtraces go on above `main`.
    #[must_use]
    pub fn past_main(&self) -> bool {
        self.caches.past_main.get()
    }

    /// Lets backtraces go on above `main`, or end there.
    pub fn set_past_main(&mut self, on: bool) {
        self.caches.past_main.set(on);
    }

    /// Records that the target stands at its first instruction for the user to see.
    pub fn stands_at_entry(&mut self) {
        if let Some(Selection { pid, tid, .. }) = self.selection {
            self.settle(pid, tid, crate::event::StopReason::Entry);
        }
    }

    /// Number, pid and program of every process that is debugged, by number.
    #[must_use]
    pub fn processes(&self) -> Vec<(u32, Pid, String)> {
        let followed = |process: &&process::Process| process.role == process::Role::Followed;
        let mut all: Vec<_> = self
            .tracer
            .table
            .processes
            .values()
            .filter(followed)
            .map(|process| (process.number, process.pid, process.program.clone()))
            .collect();
        all.sort_unstable();
        all
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

    /// What the memory calls of the selected process meant (of the last one, when it has ended).
    #[must_use]
    pub fn story(&self) -> Option<&Story> {
        match self.selection {
            Some(selection) => self.stories.of(selection.pid),
            None => self.recorder.events().first().and_then(|event| self.stories.of(event.pid)),
        }
    }

    /// The journal of this run.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        self.recorder.events()
    }

    /// The mappings of the selected process.
    #[must_use]
    pub fn mappings(&self) -> Vec<Mapping> {
        self.selection.map_or_else(Vec::new, |selection| procfs::mappings(selection.pid))
    }

    /// Writes to the memory of the selected process.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_memory(&mut self, at: Addr, bytes: &[u8]) -> Result<(), SessionError> {
        let selection = self.selection.ok_or(SessionError::NotRunning)?;
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
        let selection = self.selection.ok_or(SessionError::NotRunning)?;
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
        let event = self.recorder.record(&self.outbox, pid, tid, kind);
        self.stories.apply(&event);
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

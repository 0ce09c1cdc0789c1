//! A recording in the place of a process: the run up to one event, as if we stood there.
//!
//! Everything that is folded out of events is folded out of those up to there. At a stop that was kept, memory and
//! registers are those of the stop, and all that looks works as on a core file; between stops there are neither, and a
//! stack has the names that were recorded with it. Nothing here touches a process.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::postmortem::{PostMortem, World};
use super::protocol::Note;
use super::space::unwinder_of;
use super::{Selection, Session, SessionError};
use crate::addr::{Addr, Pid, Seq, Span, Tid};
use crate::corefile::Core;
use crate::event::{Event, EventKind, StackFrame};
use crate::heap::story::{Owner, Story};
use crate::maps::{Mapping, Perms};
use crate::memory::{Memory, Sparse};
use crate::recording::{Recording, ThreadTold, Told};
use crate::regs::{FrameRegs, Regs};
use crate::source::{Files, Siginfo, Source};
use crate::symbols::Modules;

/// The names of return addresses, by process.
type NamesThen = FxHashMap<(Pid, Addr), Vec<StackFrame>>;

/// The recording that is looked at.
pub(super) struct Replay {
    recording: Recording,
    at: Seq,
    names: Rc<NamesThen>,
    /// The heads of stops that were looked at. A core file's bytes stay for good, so each is made once.
    heads: FxHashMap<Seq, &'static [u8]>,
    /// How many events the faces have heard of.
    told: usize,
}

/// One moment of it.
pub(super) struct Then {
    pid: Pid,
    stop: Option<(Told, Core)>,
    nothing: Sparse,
    maps: Vec<Mapping>,
    threads: Vec<Tid>,
    /// Recorded stacks, where the stop has none that can be walked.
    stacks: FxHashMap<Tid, Vec<Addr>>,
    names: Rc<NamesThen>,
}

/// Where in a recording we are.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The event.
    pub at: Seq,
    /// The first and the last.
    pub of: (Seq, Seq),
    /// Whether memory and registers are there.
    pub is_stop: bool,
}

/// A moment to go to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// The first event.
    Begin,
    /// The last.
    End,
    /// This one, or the last one before it.
    To(Seq),
    /// The next stop, or the end.
    Forward,
    /// The stop before, or the beginning.
    Back,
}

impl Session {
    /// Looks at a recording from now on, at its end.
    ///
    /// # Errors
    /// [`SessionError::AlreadyRunning`], and why the file cannot be read.
    pub fn open_recording(&mut self, path: &Path, run: Option<u32>) -> Result<(), SessionError> {
        if let Some(selection) = self.selection.filter(|_| self.is_live()) {
            return Err(SessionError::AlreadyRunning(selection.pid));
        }
        let mut recording = Recording::open(path, run)?;
        self.close_core();
        self.stories = Default::default();
        self.recorder.restart();
        self.recorder.load(recording.take_events());
        let names = Rc::new(names_of(self.recorder.loaded()));
        let program = self.recorder.loaded().iter().find_map(|event| match &event.kind {
            EventKind::Started { program, .. } => Some(program.clone()),
            _ => None,
        });
        if let (None, Some(program)) = (self.program(), program) {
            // On another machine it may not be there: names come from the recording then.
            _ = self.set_program(Path::new(&program));
        }
        let heads = FxHashMap::default();
        self.replay = Some(Replay { recording, at: Seq(0), names, heads, told: 0 });
        self.go_to(Moved::End)
    }

    /// Goes to another moment of the recording that is looked at.
    ///
    /// # Errors
    /// [`SessionError::NoReplay`] when none is.
    pub fn go_to(&mut self, moved: Moved) -> Result<(), SessionError> {
        let replay = self.replay.as_mut().ok_or(SessionError::NoReplay)?;
        let events = self.recorder.loaded();
        let ends = |event: &Event| matches!(event.kind, EventKind::Stopped(_));
        let first = events.first().map_or(Seq(1), |event| event.seq);
        let last = events.last().map_or(Seq(1), |event| event.seq);
        let at = replay.at;
        let wanted = match moved {
            Moved::Begin => first,
            Moved::End => last,
            Moved::To(seq) => seq.clamp(first, last),
            Moved::Forward => {
                let next = events.iter().find(|event| event.seq > at && ends(event));
                next.map_or(last, |event| event.seq)
            }
            Moved::Back => {
                let before = events.iter().rfind(|event| event.seq < at && ends(event));
                before.map_or(first, |event| event.seq)
            }
        };
        let shown = events.partition_point(|event| event.seq <= wanted);
        self.tell_up_to(shown);
        let at = self.recorder.events().last().map_or(first, |event| event.seq);
        if let Some(replay) = &mut self.replay {
            replay.at = at;
        }
        self.stand_there();
        Ok(())
    }

    /// Where we are, if it is in a recording.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        let at = self.replay.as_ref()?.at;
        let ends = (self.recorder.loaded().first()?.seq, self.recorder.loaded().last()?.seq);
        let is_stop = matches!(self.postmortem.as_ref().map(|dead| &dead.world), Some(World::Then(then)) if then.stop.is_some());
        Some(Moment { at, of: ends, is_stop })
    }

    /// The recording that is looked at.
    #[must_use]
    pub fn replayed(&self) -> Option<&Recording> {
        self.replay.as_ref().map(|replay| &replay.recording)
    }

    /// What the views said of this stop; without a stop, or `about_run`, of the last one before.
    #[must_use]
    pub fn views_then(&self, about_run: bool) -> Option<serde_json::Value> {
        let replay = self.replay.as_ref()?;
        let (seq, views) = replay.recording.views(replay.at)?;
        (about_run || seq == replay.at).then_some(views)
    }

    /// The names that were recorded for an address; `None` where no recording is looked at.
    #[must_use]
    pub fn names_then(&self, pid: Pid, at: Addr) -> Option<Vec<StackFrame>> {
        let replay = self.replay.as_ref()?;
        Some(replay.names.get(&(pid, at)).cloned().unwrap_or_default())
    }

    /// What was told of a thread at the stop.
    pub(super) fn thread_then(&self, tid: Tid) -> Option<&ThreadTold> {
        let World::Then(then) = &self.postmortem.as_ref()?.world else { return None };
        let (told, _) = then.stop.as_ref()?;
        told.threads.iter().find(|thread| thread.tid == tid)
    }

    /// Where the kernel started the break, as it was recorded with the stop.
    #[must_use]
    pub fn start_brk_then(&self) -> Option<Addr> {
        match &self.postmortem.as_ref()?.world {
            World::Then(then) => then.stop.as_ref()?.0.start_brk,
            _ => None,
        }
    }

    /// Bytes that were left out of the stop that is looked at.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        match self.postmortem.as_ref().map(|dead| &dead.world) {
            Some(World::Then(then)) => then.stop.as_ref().map_or(0, |(told, _)| told.left_out),
            _ => 0,
        }
    }

    /// Faces and stories hear the events up to there; what they know already is not told again, unless it is undone.
    /// Whoever has enough of it stands where we are then.
    fn tell_up_to(&mut self, shown: usize) {
        /// Between two looks at who wants it to end.
        const OFTEN: usize = 4096;
        let Some(replay) = &mut self.replay else { return };
        let from = if shown < replay.told { 0 } else { replay.told };
        if from == 0 {
            self.stories = Default::default();
            self.outbox.send(Note::Rewound);
        }
        let mut told = shown;
        for (index, event) in self.recorder.loaded().iter().enumerate().take(shown).skip(from) {
            if index % OFTEN == OFTEN - 1 && self.is_woken() {
                told = index;
                break;
            }
            self.stories.apply(event);
            self.outbox.wait_for_room(|| self.inbox.is_closed());
            self.outbox.send(Note::Event(event.clone()));
        }
        self.recorder.show(told);
        if let Some(replay) = &mut self.replay {
            replay.told = told;
        }
    }

    /// Makes the world of the moment that we are at; after the end of the process there is none.
    fn stand_there(&mut self) {
        self.postmortem = None;
        self.selection = None;
        let Some(event) = self.recorder.events().last().cloned() else { return };
        let (pid, tid) = (event.pid, event.tid);
        let threads = threads_at(self.recorder.events(), pid);
        if threads.is_empty() {
            self.last_exit = match event.kind {
                EventKind::Exited(status) => Some(status),
                _ => self.last_exit,
            };
            return;
        }
        self.last_exit = None;
        let stop = self.stop_then(event.seq);
        let names = self.replay.as_ref().map(|replay| Rc::clone(&replay.names)).unwrap_or_default();
        let mut modules = Modules::default();
        let (maps, threads, stacks) = match (&stop, &event.kind) {
            (Some((told, core)), _) => {
                let files = core.files();
                modules = Modules::from_maps(&told.mappings, core.auxv(), core, files, &mut self.images);
                let foreign = foreign_stacks(told, &modules, &names);
                (told.mappings.clone(), by_number(told, core.threads()), foreign)
            }
            (None, kind) => {
                let stack = match kind {
                    EventKind::Call(record) => Some((tid, record.stack.clone())),
                    _ => None,
                };
                let maps = self.stories.of(pid).map(mapped).unwrap_or_default();
                (maps, threads, stack.into_iter().collect())
            }
        };
        let unwinder = unwinder_of(&modules, &mut FxHashMap::default());
        let then = Then { pid, stop, nothing: Sparse::default(), maps, threads, stacks, names };
        self.selection = Some(Selection { pid, tid, level: 0 });
        self.numbers.insert(pid, 1);
        self.caches.forget_libraries();
        self.postmortem = Some(PostMortem { world: World::Then(Box::new(then)), modules, unwinder });
    }

    /// What was kept of a stop.
    fn stop_then(&mut self, seq: Seq) -> Option<(Told, Core)> {
        let files = Arc::clone(&self.files.shared());
        let named = self.program().map(Path::to_owned);
        let replay = self.replay.as_mut()?;
        let stop = replay.recording.stop(seq)?;
        let memory = replay.recording.memory(&stop);
        let head = *replay.heads.entry(seq).or_insert_with(|| Box::leak(stop.head.into_boxed_slice()));
        let name = replay.recording.path().to_owned();
        let mut core = Core::of(name, head, Some(Box::new(memory)), files, named.as_deref()).ok()?;
        if let Some(brk) = self.stories.of(stop.told.pid).and_then(|story| story.line().current) {
            core.name_heap(brk);
        }
        Some((stop.told, core))
    }
}

/// All names that were told; of an address whose code changed the last ones.
fn names_of(events: &[Event]) -> NamesThen {
    let mut names = NamesThen::default();
    for event in events {
        if let EventKind::Named { frames } = &event.kind {
            for (at, named) in frames {
                let known = names.entry((event.pid, *at)).or_default();
                if !named.is_empty() {
                    known.clone_from(named);
                }
            }
        }
    }
    names
}

/// The stacks of a stop that nobody can walk and name without the files that were there then.
fn foreign_stacks(told: &Told, modules: &Modules, names: &NamesThen) -> FxHashMap<Tid, Vec<Addr>> {
    let named = |frames: &[StackFrame]| frames.first().is_some_and(|frame| frame.function.is_some());
    let unknown = |(level, at): (usize, &Addr)| {
        let then = names.get(&(told.pid, *at)).is_some_and(|frames| named(frames));
        then && !named(&modules.frames_of(if level == 0 { *at } else { at.sub(1) }))
    };
    let foreign = told.threads.iter().filter(|thread| thread.stack.iter().enumerate().any(unknown));
    foreign.map(|thread| (thread.tid, thread.stack.clone())).collect()
}

/// Threads in the order of the numbers that users knew them by.
fn by_number(told: &Told, mut threads: Vec<Tid>) -> Vec<Tid> {
    threads
        .sort_by_key(|tid| told.threads.iter().find(|thread| thread.tid == *tid).map(|known| known.number));
    threads
}

/// The threads of a process behind these events; none when it has ended or was let go.
fn threads_at(events: &[Event], pid: Pid) -> Vec<Tid> {
    let mut threads: Vec<Tid> = Vec::new();
    for event in events {
        match event.kind {
            EventKind::Forked { child, followed: true, .. } if child == pid => threads.push(Tid(pid.0)),
            _ if event.pid != pid => {}
            EventKind::Exited(_) | EventKind::Detached => threads.clear(),
            EventKind::ThreadEnded => threads.retain(|tid| *tid != event.tid),
            EventKind::Execed { .. } => threads = vec![Tid(pid.0)],
            // Threads that were there when we came are known by what they do.
            _ if !threads.contains(&event.tid) => threads.push(event.tid),
            _ => {}
        }
    }
    threads
}

/// The mappings as the calls tell them.
fn mapped(story: &Story) -> Vec<Mapping> {
    let mapping = |(span, owner): (Span, &Owner)| match owner {
        Owner::Before(mapping) => {
            let offset = mapping.offset.wrapping_add(span.start.0.wrapping_sub(mapping.span.start.0));
            Mapping { span, offset, ..(**mapping).clone() }
        }
        Owner::Seen(asked) => Mapping { span, perms: asked.perms(), ..Mapping::default() },
    };
    let mut all: Vec<Mapping> = story.pieces().map(mapping).collect();
    if let Some(heap) = story.heap_span().filter(|heap| !heap.is_empty())
        && !all.iter().any(|mapping| mapping.span.overlaps(heap))
    {
        let perms = Perms { read: true, write: true, exec: false, shared: false };
        all.push(Mapping { span: heap, perms, path: "[heap]".to_owned(), ..Mapping::default() });
    }
    all.sort_by_key(|mapping| mapping.span.start);
    all
}

impl Then {
    fn core(&self) -> Option<&Core> {
        self.stop.as_ref().map(|(_, core)| core)
    }
}

impl Source for Then {
    fn pid(&self) -> Pid {
        self.pid
    }

    fn memory(&self) -> &dyn Memory {
        match self.core() {
            Some(core) => core,
            None => &self.nothing,
        }
    }

    fn mappings(&self) -> &[Mapping] {
        &self.maps
    }

    fn threads(&self) -> Vec<Tid> {
        self.threads.clone()
    }

    fn regs(&self, tid: Tid) -> Option<Regs> {
        self.core()?.regs(tid)
    }

    fn frame_regs(&self, tid: Tid) -> Option<FrameRegs> {
        self.core()?.frame_regs(tid)
    }

    fn extended_state(&self, tid: Tid) -> Option<Vec<u8>> {
        self.core()?.extended_state(tid)
    }

    fn siginfo(&self, tid: Tid) -> Option<Siginfo> {
        self.core()?.siginfo(tid)
    }

    fn recorded_stack(&self, tid: Tid) -> Option<&[Addr]> {
        self.stacks.get(&tid).map(Vec::as_slice)
    }

    fn recorded_names(&self, at: Addr) -> &[StackFrame] {
        self.names.get(&(self.pid, at)).map_or(&[], Vec::as_slice)
    }

    fn auxv(&self) -> &[(u64, u64)] {
        self.core().map_or(&[], Core::auxv)
    }
}

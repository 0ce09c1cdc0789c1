//! A core file, or a process that another debugger holds, in the place of a process that we trace: all that looks works on
//! it, nothing that runs does.
//!
//! It is not in the tracer's table, so no number of its threads is ever given to ptrace(2) or kill(2): by now they may be
//! somebody else's.

use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::held::Held;
use super::live::{Live, Threads};
use super::replay::Then;
use super::space::unwinder_of;
use super::{Selection, Session, SessionError};
use crate::addr::{Addr, Pid, Tid};
use crate::corefile::Core;
use crate::event::{EventKind, StopReason};
use crate::maps::Mapping;
use crate::memory::Patched;
use crate::regs::Regs;
use crate::source::{Files, Source};
use crate::symbols::Modules;
use crate::unwind::Unwinder;

/// What is looked at.
pub(super) struct PostMortem {
    pub(super) world: World,
    pub(super) modules: Modules,
    pub(super) unwinder: Unwinder,
}

/// Where what is looked at comes from.
pub(super) enum World {
    Core(Box<Core>),
    Held(Held),
    Then(Box<Then>),
}

impl World {
    /// Does `work` with it as a source.
    pub(super) fn with<R>(&self, work: impl FnOnce(&dyn Source) -> R) -> R {
        match self {
            World::Core(core) => work(&**core),
            World::Then(then) => work(&**then),
            World::Held(held) => {
                let threads = Threads::Told(&held.threads);
                let memory = Patched { inner: &held.memory, originals: &held.originals };
                work(&Live::new(held.pid, &memory, &held.auxv, threads))
            }
        }
    }
}

impl Session {
    /// Looks at a core file from now on; the program is found by it when none was named.
    ///
    /// # Errors
    /// [`SessionError::AlreadyRunning`], and why the file cannot be read.
    pub fn open_core(&mut self, path: &Path) -> Result<(), SessionError> {
        if let Some(selection) = self.selection.filter(|_| self.is_live()) {
            return Err(SessionError::AlreadyRunning(selection.pid));
        }
        let files = Arc::clone(&self.files.shared());
        let named = self.program().map(Path::to_owned);
        let core = Core::open(path, files, named.as_deref())?;
        self.close_core();
        let modules = Modules::from_maps(core.mappings(), core.auxv(), &core, core.files(), &mut self.images);
        let unwinder = unwinder_of(&modules, &mut FxHashMap::default());
        if let (None, Some(program)) = (&named, core.program()) {
            // One that is not there, or is another, is told as a doubt of the core file's.
            _ = self.set_program(Path::new(&program));
        }
        let (pid, tid) = (core.pid(), core.threads().first().copied().unwrap_or(Tid(core.pid().0)));
        let program = core.program().unwrap_or_default();
        self.look_from(pid, tid, PostMortem { world: World::Core(Box::new(core)), modules, unwinder });
        let signal = self.core().and_then(Core::signal);
        let brk = self.with_scene(|scene, _| {
            let word = scene.memory().u64(scene.heap_anchors().curbrk?).ok()?;
            Some(Addr(word))
        });
        if let (Some(brk), Some(PostMortem { world: World::Core(core), .. })) = (brk, &mut self.postmortem) {
            core.name_heap(brk);
        }
        let maps = self.mappings();
        let started = EventKind::Started { program, args: Vec::new(), attached: true, core: true, brk, maps };
        self.record(pid, tid, started);
        if let Some(signo) = signal {
            self.record(pid, tid, EventKind::Stopped(StopReason::Signal { signo }));
        }
        Ok(())
    }

    /// From now on this is looked at: nothing was recorded of it.
    pub(super) fn look_from(&mut self, pid: Pid, tid: Tid, what: PostMortem) {
        self.stories = Default::default();
        self.recorder.restart();
        self.selection = Some(Selection { pid, tid, level: 0 });
        self.numbers.clear();
        self.numbers.insert(pid, 1);
        self.postmortem = Some(what);
        self.resolve();
    }

    /// Looks at no core file any more, nor at another's process; whether it did.
    pub fn close_core(&mut self) -> bool {
        let replayed = self.replay.take().is_some();
        if replayed {
            self.stories = Default::default();
            self.recorder.load(Vec::new());
            self.last_exit = None;
        }
        let closed = self.postmortem.take().is_some() || replayed;
        if closed {
            self.selection = None;
            self.resolve();
        }
        closed
    }

    /// The core file that is looked at.
    #[must_use]
    pub fn core(&self) -> Option<&Core> {
        match &self.postmortem.as_ref()?.world {
            World::Core(core) => Some(core),
            World::Held(_) | World::Then(_) => None,
        }
    }

    /// Whether the selected process exists, so that `/proc` tells of it: ours, or another debugger's.
    #[must_use]
    pub fn exists(&self) -> bool {
        let is_there = |dead: &PostMortem| matches!(dead.world, World::Held(_));
        self.selection.is_some() && self.postmortem.as_ref().is_none_or(is_there)
    }

    /// Something of what is looked at in the place of a process, if that is done.
    pub(super) fn still<R>(&self, work: impl FnOnce(&dyn Source) -> R) -> Option<R> {
        self.postmortem.as_ref().map(|dead| dead.world.with(work))
    }

    /// A thread's registers, of a core file or a process.
    pub(super) fn known_regs(&self, tid: Tid) -> Option<Regs> {
        match self.still(|source| source.regs(tid)) {
            Some(regs) => regs,
            None => self.tracer.table.threads.get(&tid)?.regs,
        }
    }

    /// The mappings of what is looked at.
    pub(super) fn still_mappings(&self) -> Option<Vec<Mapping>> {
        self.still(|source| source.mappings().to_vec())
    }

    /// The selection, of a process that can be run.
    pub(super) fn living(&self) -> Result<Selection, SessionError> {
        self.selection.filter(|_| self.is_live()).ok_or(SessionError::NotRunning)
    }
}

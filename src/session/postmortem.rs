//! A core file in the place of a process: all that looks works on it, nothing that runs does.
//!
//! It is not in the tracer's table, so no number of its threads is ever given to ptrace(2) or kill(2): by now they may be
//! somebody else's.

use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::space::unwinder_of;
use super::{Selection, Session, SessionError};
use crate::addr::{Addr, Tid};
use crate::corefile::Core;
use crate::event::{EventKind, StopReason};
use crate::source::{Files, Source};
use crate::symbols::Modules;
use crate::unwind::Unwinder;

/// What is looked at.
pub(super) struct PostMortem {
    pub(super) core: Core,
    pub(super) modules: Modules,
    pub(super) unwinder: Unwinder,
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
        self.stories = Default::default();
        self.recorder.restart();
        self.selection = Some(Selection { pid, tid, level: 0 });
        self.numbers.clear();
        self.numbers.insert(pid, 1);
        self.postmortem = Some(PostMortem { core, modules, unwinder });
        self.resolve();
        let signal = self.core().and_then(Core::signal);
        let brk = self.with_scene(|scene, _| {
            let word = scene.memory().u64(scene.heap_anchors().curbrk?).ok()?;
            Some(Addr(word))
        });
        if let (Some(brk), Some(dead)) = (brk, &mut self.postmortem) {
            dead.core.name_heap(brk);
        }
        let maps = self.mappings();
        let started = EventKind::Started { program, args: Vec::new(), attached: true, core: true, brk, maps };
        self.record(pid, tid, started);
        if let Some(signo) = signal {
            self.record(pid, tid, EventKind::Stopped(StopReason::Signal { signo }));
        }
        Ok(())
    }

    /// Looks at no core file any more; whether it did.
    pub fn close_core(&mut self) -> bool {
        let closed = self.postmortem.take().is_some();
        if closed {
            self.selection = None;
            self.resolve();
        }
        closed
    }

    /// The core file that is looked at.
    #[must_use]
    pub fn core(&self) -> Option<&Core> {
        self.postmortem.as_ref().map(|dead| &dead.core)
    }

    /// The selection, of a process that can be run.
    pub(super) fn living(&self) -> Result<Selection, SessionError> {
        self.selection.filter(|_| self.is_live()).ok_or(SessionError::NotRunning)
    }
}

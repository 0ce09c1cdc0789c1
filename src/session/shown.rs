//! What a session shows of itself: the selection, threads, processes, the journal. Nothing here changes a target.

use std::path::Path;

use super::breakpoint::Breakpoint;
use super::protocol::State;
use super::{Selection, Session, SessionError, ThreadInfo, process};
use crate::addr::{Addr, Pid, Tid};
use crate::event::{Event, ExitStatus};
use crate::heap::story::Story;
use crate::kernel::procfs;
use crate::maps::Mapping;
use crate::source::Source;

impl Session {
    /// The program's path.
    #[must_use]
    pub fn program(&self) -> Option<&Path> {
        self.program.as_ref().map(|program| program.path.as_path())
    }

    /// Whether a process is debugged: one that can be run, and not a core file.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.selection.is_some() && self.postmortem.is_none()
    }

    /// Whether the selected process ran before we came.
    #[must_use]
    pub fn was_attached(&self) -> bool {
        if self.replay.is_some() {
            return self.story().is_some_and(Story::was_attached);
        }
        if self.postmortem.is_some() {
            return self.core().is_none();
        }
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
        let pc = self.selection.and_then(|s| self.known_regs(s.tid));
        State {
            pid: self.selection.map(|s| s.pid),
            tid: self.selection.map(|s| s.tid),
            program: self.program().map(|path| path.to_string_lossy().into_owned()),
            pc: pc.map(|regs| Addr(regs.rip())),
            exit_code: self.last_exit.map(code),
            by_signal: matches!(self.last_exit, Some(ExitStatus::Signal(_))),
            pending: self.breakpoints.iter().any(Breakpoint::is_pending),
            moment: self.moment().map(|moment| (moment.at, moment.of.1)),
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
        if let Some(found) = self.still(|source| source.threads().contains(&tid).then(|| source.pid())) {
            let pid = found.ok_or_else(missing)?;
            self.selection = Some(Selection { pid, tid, level: 0 });
            return Ok(());
        }
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
        if let Some(threads) = self.still(|source| source.threads()) {
            let all = threads.into_iter().zip(1..);
            let then = |tid| Some(self.thread_then(tid)?.number).filter(|number| *number != 0);
            return all.map(|(tid, nth)| ThreadInfo { tid, number: then(tid).unwrap_or(nth) }).collect();
        }
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
        let held = self.selection.filter(|_| self.exists() && self.postmortem.is_some()).map(|s| s.pid);
        let pid = held.or_else(|| Some(self.tracer.table.threads.get(&tid)?.pid));
        let now = || pid.map_or_else(String::new, |pid| procfs::name(pid, tid));
        self.thread_then(tid).map_or_else(now, |thread| thread.name.clone())
    }

    /// The number that users know a process by; also of one that has ended in this run.
    #[must_use]
    pub fn inferior_number(&self, pid: Pid) -> u32 {
        self.numbers.get(&pid).copied().unwrap_or(1)
    }

    /// The highest number that a thread of this run got.
    #[must_use]
    pub fn highest_thread(&self) -> u32 {
        let dead = self.still(|source| u32::try_from(source.threads().len()).unwrap_or(u32::MAX));
        dead.unwrap_or(self.tracer.table.last_thread_number)
    }

    /// Where a thread's thread-local storage begins: libpthread's name of the thread (`Thread 0x…`).
    #[must_use]
    pub fn thread_pointer(&self, tid: Tid) -> Option<u64> {
        let now = self.known_regs(tid).map(|regs| regs.fs_base()).filter(|pointer| *pointer != 0);
        now.or_else(|| self.pointers.get(&tid).copied())
    }

    /// The breakpoint that the thread stopped at last, if it still stands there.
    #[must_use]
    pub fn standing_at(&self, tid: Tid) -> Option<u32> {
        self.last_hit.filter(|(hit, _)| *hit == tid).map(|(_, number)| number)
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

    /// Number, pid and program of every process that is debugged, by number.
    #[must_use]
    pub fn processes(&self) -> Vec<(u32, Pid, String)> {
        if let Some(core) = self.core() {
            return vec![(1, core.pid(), core.program().unwrap_or_default())];
        }
        if let Some(pid) = self.still(|source| source.pid()) {
            let now = || Some(procfs::executable(pid).ok()?.to_string_lossy().into_owned());
            let then = || self.story().map(|story| story.program().to_owned());
            let program = if self.exists() { now() } else { then() };
            return vec![(1, pid, program.unwrap_or_default())];
        }
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

    /// The same, and in a recording what comes after the moment that is looked at.
    #[must_use]
    pub fn all_events(&self) -> &[Event] {
        self.recorder.loaded()
    }

    /// The mappings of the selected process.
    #[must_use]
    pub fn mappings(&self) -> Vec<Mapping> {
        match self.still_mappings() {
            Some(maps) => maps,
            None => self.selection.map_or_else(Vec::new, |selection| procfs::mappings(selection.pid)),
        }
    }
}

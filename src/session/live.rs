//! A stopped live process as a [`Source`].

use std::cell::OnceCell;

use super::held::Told;
use super::process::Table;
use crate::addr::{Addr, Pid, Tid};
use crate::kernel::{procfs, ptrace};
use crate::maps::Mapping;
use crate::memory::{Cached, Memory};
use crate::regs::{FrameRegs, Regs};
use crate::source::{Siginfo, Source};

/// What a scene of a live process reads from: everything as it was at the stop.
pub(super) struct Live<'a> {
    pid: Pid,
    memory: Cached<'a>,
    /// Read when somebody asks: most looks do not.
    maps: OnceCell<Vec<Mapping>>,
    auxv: &'a [(u64, u64)],
    threads: Threads<'a>,
}

/// Whose registers are known.
pub(super) enum Threads<'a> {
    /// All that stand, as the table has them.
    Of(&'a Table),
    /// One thread's.
    One(Tid, &'a Regs),
    /// Those that whoever holds the process has told; not by ptrace, for it is not ours.
    Told(&'a [Told]),
    /// Nobody's.
    None,
}

impl<'a> Live<'a> {
    pub(super) fn new(
        pid: Pid,
        memory: &'a dyn Memory,
        auxv: &'a [(u64, u64)],
        threads: Threads<'a>,
    ) -> Live<'a> {
        Live { pid, memory: Cached::new(memory), maps: OnceCell::new(), auxv, threads }
    }

    /// Whether the kernel lets us ask for more of a thread.
    fn is_ours(&self) -> bool {
        !matches!(self.threads, Threads::Told(_))
    }
}

impl Source for Live<'_> {
    fn pid(&self) -> Pid {
        self.pid
    }

    fn memory(&self) -> &dyn Memory {
        &self.memory
    }

    fn mappings(&self) -> &[Mapping] {
        self.maps.get_or_init(|| procfs::mappings(self.pid))
    }

    fn threads(&self) -> Vec<Tid> {
        match &self.threads {
            Threads::Of(table) => {
                let stands = |tid: &Tid| table.threads.get(tid).is_some_and(|thread| thread.regs.is_some());
                table.threads_of(self.pid).into_iter().filter(stands).collect()
            }
            Threads::One(tid, _) => vec![*tid],
            Threads::Told(threads) => threads.iter().map(|told| told.tid).collect(),
            Threads::None => Vec::new(),
        }
    }

    fn regs(&self, tid: Tid) -> Option<Regs> {
        match &self.threads {
            Threads::Of(table) => {
                table.threads.get(&tid).filter(|thread| thread.pid == self.pid && !thread.running)?.regs
            }
            Threads::One(known, regs) => (*known == tid).then_some(**regs),
            Threads::Told(threads) => threads.iter().find(|told| told.tid == tid)?.regs,
            Threads::None => None,
        }
    }

    fn thread_pointer(&self, tid: Tid) -> Option<Addr> {
        match &self.threads {
            Threads::Told(threads) => threads.iter().find(|told| told.tid == tid)?.pointer,
            _ => self.regs(tid).map(|regs| Addr(regs.fs_base())),
        }
    }

    fn frame_regs(&self, tid: Tid) -> Option<FrameRegs> {
        let mut frame = FrameRegs::from(&self.regs(tid)?);
        if self.is_ours() {
            frame.xmm = ptrace::vector_registers(tid).ok().map(std::sync::Arc::new);
        }
        Some(frame)
    }

    fn extended_state(&self, tid: Tid) -> Option<Vec<u8>> {
        self.is_ours().then(|| ptrace::extended_state(tid).ok()).flatten()
    }

    fn hidden_inlines(&self, tid: Tid) -> usize {
        match &self.threads {
            Threads::Of(table) => table.threads.get(&tid).map_or(0, super::process::Thread::hidden_inlines),
            Threads::One(..) | Threads::Told(_) | Threads::None => 0,
        }
    }

    fn siginfo(&self, tid: Tid) -> Option<Siginfo> {
        self.is_ours().then(|| ptrace::siginfo(tid).ok()).flatten()
    }

    fn auxv(&self) -> &[(u64, u64)] {
        self.auxv
    }
}

/// A program that does not run: its memory is what its file would be loaded with, at the addresses that the
/// linker gave.
pub(super) struct Unstarted<'a> {
    pub(super) memory: &'a dyn Memory,
}

impl Source for Unstarted<'_> {
    fn pid(&self) -> Pid {
        Pid(0)
    }

    fn memory(&self) -> &dyn Memory {
        self.memory
    }

    fn mappings(&self) -> &[Mapping] {
        &[]
    }

    fn threads(&self) -> Vec<Tid> {
        Vec::new()
    }

    fn regs(&self, _: Tid) -> Option<Regs> {
        None
    }
}

//! A stopped live process as a [`Source`].

use crate::addr::{Pid, Tid};
use crate::kernel::{procfs, ptrace};
use crate::maps::Mapping;
use crate::memory::{Cached, Memory};
use crate::regs::{FrameRegs, Regs};
use crate::source::Source;

/// What a scene of a live process reads from: everything as it was at the stop.
pub(super) struct Live<'a> {
    pub(super) pid: Pid,
    pub(super) memory: Cached<'a>,
    pub(super) maps: Vec<Mapping>,
    pub(super) auxv: &'a [(u64, u64)],
    pub(super) threads: Vec<(Tid, Regs)>,
}

impl<'a> Live<'a> {
    pub(super) fn new(
        pid: Pid,
        memory: &'a dyn Memory,
        auxv: &'a [(u64, u64)],
        threads: Vec<(Tid, Regs)>,
    ) -> Live<'a> {
        Live { pid, memory: Cached::new(memory), maps: procfs::mappings(pid), auxv, threads }
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
        &self.maps
    }

    fn threads(&self) -> Vec<Tid> {
        self.threads.iter().map(|(tid, _)| *tid).collect()
    }

    fn regs(&self, tid: Tid) -> Option<Regs> {
        self.threads.iter().find(|(other, _)| *other == tid).map(|(_, regs)| *regs)
    }

    fn frame_regs(&self, tid: Tid) -> Option<FrameRegs> {
        let mut frame = FrameRegs::from(&self.regs(tid)?);
        frame.xmm = ptrace::vector_registers(tid).ok().map(std::sync::Arc::new);
        Some(frame)
    }

    fn extended_state(&self, tid: Tid) -> Option<Vec<u8>> {
        ptrace::extended_state(tid).ok()
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

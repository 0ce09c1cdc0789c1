//! What lies under a thread that steps: its line, the call that it is about to make, where a stub leads.

use iced_x86::{Decoder, DecoderOptions, FlowControl, OpKind};

use super::Session;
use crate::addr::{Addr, FileAddr, Pid, Tid};
use crate::memory::Memory;
use crate::symbols::LineRow;

/// The line that is being left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) file: String,
    pub(super) line: u32,
    /// Whether a statement begins at its start: gdb stops nowhere else.
    pub(super) is_stmt: bool,
    /// Whether it is the range of a whole function without line information.
    pub(super) whole: bool,
}

/// A call instruction: where it returns to, and whether its target could be told.
pub(super) struct Call {
    pub(super) back: Addr,
}

impl Session {
    pub(super) fn same_function(&self, before: u64, now: u64, tid: Tid) -> bool {
        let Some(space) = self.tracer.table.space_of(tid) else { return false };
        let entry = |at: u64| space.modules.function_at(Addr(at)).map(|span| span.start);
        entry(before).is_some() && entry(before) == entry(now)
    }

    /// The call instruction under a thread's rip.
    pub(super) fn call_at(&mut self, tid: Tid) -> Option<Call> {
        let pc = self.tracer.regs(tid)?.rip();
        let mut bytes = [0; 16];
        let got = self.tracer.table.space_of(tid)?.clean().read(Addr(pc), &mut bytes);
        let instruction = Decoder::with_ip(64, &bytes[..got], pc, DecoderOptions::NONE).decode();
        let is_call = matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
        // `syscall` counts as a call in iced's eyes, but comes back by itself.
        let enters = instruction.mnemonic() == iced_x86::Mnemonic::Call;
        (is_call && enters).then(|| Call { back: Addr(instruction.next_ip()) })
    }

    /// Where a jump stub of the procedure linkage table leads.
    pub(super) fn through_stub(&self, tid: Tid, at: Addr) -> Option<Addr> {
        let space = self.tracer.table.space_of(tid)?;
        let memory = space.clean();
        let mut bytes = [0; 16];
        let got = memory.read(at, &mut bytes);
        let decoder = Decoder::with_ip(64, &bytes[..got], at.0, DecoderOptions::NONE);
        for instruction in decoder.into_iter().take(2) {
            if instruction.flow_control() == FlowControl::IndirectBranch
                && instruction.op0_kind() == OpKind::Memory
                && instruction.is_ip_rel_memory_operand()
            {
                return space.modules.through_slot(Addr(instruction.ip_rel_memory_address()), &memory);
            }
        }
        None
    }

    /// Where a function's body begins behind its prologue, if it has lines.
    pub(super) fn body_of(&self, tid: Tid, at: Addr) -> Option<Addr> {
        let space = self.tracer.table.space_of(tid)?;
        let module = space.modules.at(at)?;
        module.image.as_ref()?.debug()?.line_at(FileAddr(at.0.wrapping_sub(module.bias)))?;
        space.modules.after_prologue(at, &space.clean())
    }

    pub(super) fn row_at(&mut self, tid: Tid) -> Option<Row> {
        let pc = self.tracer.regs(tid)?.rip();
        let pid = self.pid_of_thread(tid)?;
        self.refresh(pid);
        let space = self.tracer.table.space_of(tid)?;
        let module = space.modules.at(Addr(pc))?;
        let bias = module.bias;
        let line =
            module.image.as_ref().and_then(|image| image.debug()?.line_at(FileAddr(pc.wrapping_sub(bias))));
        match line {
            Some(LineRow { start, end, file, line, is_stmt, .. }) => Some(Row {
                start: start.at(bias).0,
                end: end.at(bias).0,
                file: file.to_string(),
                line,
                is_stmt,
                whole: false,
            }),
            None => {
                let span = space.modules.function_at(Addr(pc))?;
                Some(Row {
                    start: span.start.0,
                    end: span.end.0,
                    file: String::new(),
                    line: 0,
                    is_stmt: true,
                    whole: true,
                })
            }
        }
    }

    pub(super) fn pid_of_thread(&self, tid: Tid) -> Option<Pid> {
        self.tracer.table.threads.get(&tid).map(|thread| thread.pid)
    }
}

//! Calls into the target, when the user says `call`: the only place where code of the target runs for our sake.
//!
//! The selected thread gets the registers that the System V AMD64 ABI asks for (section 3.2.3), a stack below its red zone
//! and a return address where a site of ours waits; afterwards all its registers are what they were, vector state and
//! an interrupted system call included. A call that something stops on its way stays on the stack until it returns.

use super::run::{Halt, Stop};
use super::steps::Plan;
use super::{Selection, Session, SessionError};
use crate::addr::{Addr, Pid, Tid};
use crate::event::{EventKind, StopReason};
use crate::kernel::ptrace;
use crate::regs::{ARGUMENTS, Regs};
use crate::scene::Scene;

/// Below the stack pointer a function may keep what it likes without saying so (ABI, 3.2.2).
const RED_ZONE: u64 = 128;
/// Vector registers that take arguments.
const VECTORS: usize = 8;
/// `AT_ENTRY` of the auxiliary vector: code of the program's that never runs again.
const AT_ENTRY: u64 = 9;
/// Words of the kernel's registers.
const RAX: usize = 10;
const ORIG_RAX: usize = 15;
const RIP: usize = 16;
const RSP: usize = 19;
/// Where xmm0 and the state's own list of what it holds are in an XSAVE area (Intel SDM vol. 1, 13.4).
const XMM0: usize = 160;
const XSTATE_BV: usize = 512;
const SSE: u8 = 2;

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum CallArgument {
    /// An integer, an enumerator, an address: extended to eight bytes.
    Word(u64),
    /// The bits of a `float` or `double`.
    Float(u64),
    /// Text that is put on the target's stack; its address is passed.
    Text(Vec<u8>),
    /// Room of this many bytes on the target's stack, whose address is passed: for a large result.
    Room(u64),
}

/// What has to be put back when a call is over.
pub(super) struct Called {
    pid: Pid,
    tid: Tid,
    back: Addr,
    /// The stack pointer right behind the return.
    low: u64,
    regs: Regs,
    extended: Option<Vec<u8>>,
    signal: i32,
    /// The breakpoint that it stood at, dealt with.
    passed: Option<Addr>,
    /// Whoever asked for it still waits for it.
    awaited: bool,
}

impl Called {
    /// Where it returns to.
    pub(super) fn back(&self) -> Addr {
        self.back
    }

    /// Whether it runs in this thread.
    pub(super) fn is_in(&self, tid: Tid) -> bool {
        self.tid == tid
    }

    /// Whether it runs in this process.
    pub(super) fn is_of(&self, pid: Pid) -> bool {
        self.pid == pid
    }
}

impl Session {
    /// Calls a function with these arguments in the selected thread, and lets `result` look at what it left. All other
    /// threads run meanwhile, as in gdb, unless `scheduler-locking` holds them.
    ///
    /// # Errors
    /// Where no call is possible; [`SessionError::CallStopped`] when something stopped it on its way.
    pub fn call<R>(
        &mut self,
        function: Addr,
        arguments: &[CallArgument],
        result: impl FnOnce(&Scene<'_>) -> R,
    ) -> Result<R, SessionError> {
        let selection = self.living()?;
        self.prepare_call(selection, function, arguments)?;
        let called = self.calls.last().map(|called| (called.back, called.low));
        let Some((back, low)) = called else { return Err(SessionError::NotRunning) };
        self.sync_face();
        self.plan = Some(Plan::returning(selection.pid, selection.tid, back, low));
        self.sync_sites();
        self.record(selection.pid, selection.tid, EventKind::Resumed);
        self.start_all(selection.tid);
        let stop = self.until_stop()?;
        self.plan = None;
        let returned = stop.tid == selection.tid && stop.what == Halt::Reason(StopReason::Finished);
        if !returned {
            if let Some(called) = self.calls.last_mut() {
                called.awaited = false;
            }
            if let Halt::Reason(reason) = &stop.what {
                self.settle(stop.pid, stop.tid, reason.clone());
            }
            return Err(SessionError::CallStopped(Box::new(stop)));
        }
        let before = self.selection;
        let answer = self.with_scene(|scene, _| result(scene));
        self.put_back(selection.tid);
        self.sync_sites();
        self.selection = before;
        Ok(answer)
    }

    fn prepare_call(
        &mut self,
        selection: Selection,
        function: Addr,
        arguments: &[CallArgument],
    ) -> Result<(), SessionError> {
        let tid = selection.tid;
        let regs = self.tracer.regs(tid).ok_or(SessionError::NotRunning)?;
        let in_call = self.tracer.table.threads.get(&tid).is_some_and(|thread| thread.call.is_some());
        if in_call || !self.births.is_empty() {
            return Err(SessionError::InSyscall);
        }
        let space = self.tracer.table.space_of(tid).ok_or(SessionError::NotRunning)?;
        let entry = space.auxv.iter().find(|(kind, _)| *kind == AT_ENTRY).map(|(_, at)| Addr(*at));
        let back = entry.ok_or(SessionError::NotRunning)?;
        let layout = Frame::lay(regs.rsp(), arguments);
        let extended = ptrace::extended_state(tid).ok();
        if !layout.floats.is_empty() {
            let mut state = extended.clone().ok_or(SessionError::NoVectors)?;
            layout.load_floats(&mut state);
            ptrace::set_extended_state(tid, &state).map_err(|_| SessionError::NoVectors)?;
        }
        for (at, bytes) in &layout.memory {
            self.write_memory(*at, bytes)?;
        }
        self.write_memory(Addr(layout.stack), &back.0.to_le_bytes())?;
        let mut new = regs;
        for (word, value) in ARGUMENTS.iter().zip(&layout.integers) {
            new.0[*word] = *value;
        }
        new.0[RAX] = layout.floats.len() as u64;
        // No system call is begun again on behalf of the function.
        new.0[ORIG_RAX] = u64::MAX;
        (new.0[RIP], new.0[RSP]) = (function.0, layout.stack);
        self.tracer.set_regs(tid, new);
        let (mut signal, mut passed) = (0, None);
        if let Some(thread) = self.tracer.table.threads.get_mut(&tid) {
            passed = thread.passed.take();
            signal = std::mem::take(&mut thread.signal);
        }
        let low = layout.stack + 8;
        self.calls.push(Called {
            pid: selection.pid,
            tid,
            back,
            low,
            regs,
            extended,
            signal,
            passed,
            awaited: true,
        });
        Ok(())
    }

    /// Gives a thread the registers that it had before its innermost call.
    fn put_back(&mut self, tid: Tid) {
        let Some(index) = self.calls.iter().rposition(|called| called.tid == tid) else { return };
        let called = self.calls.remove(index);
        if let Some(state) = &called.extended {
            // ESRCH: it died, and its state with it.
            let _ = ptrace::set_extended_state(tid, state);
        }
        self.tracer.set_regs(tid, called.regs);
        self.tracer.flush(tid);
        if let Some(thread) = self.tracer.table.threads.get_mut(&tid) {
            thread.signal = called.signal;
            thread.passed = called.passed;
        }
    }

    /// A process that is let go runs on where it was before it was made to call.
    pub(super) fn abandon_calls(&mut self, pid: Pid) {
        while let Some(tid) = self.calls.iter().rfind(|called| called.pid == pid).map(|called| called.tid) {
            self.put_back(tid);
        }
    }

    /// A process is gone, and with it what it was made to call.
    pub(super) fn forget_calls(&mut self, pid: Pid) {
        self.calls.retain(|called| called.pid != pid);
    }

    /// A call that something had stopped has returned: the thread is put back, and stands where it stood.
    pub(super) fn call_ended(&mut self, tid: Tid) -> Option<StopReason> {
        let rsp = self.tracer.regs(tid)?.rsp();
        let last = self.calls.iter().rfind(|called| called.tid == tid)?;
        if rsp < last.low || last.awaited {
            return None;
        }
        self.put_back(tid);
        Some(StopReason::StepDone)
    }

    /// Takes the selected thread out of its frame at `level`, as if the function had returned.
    ///
    /// # Errors
    /// When there is no caller, or its registers are not known.
    pub fn pop_frame(&mut self, level: u32, result: Option<Vec<u8>>) -> Result<(), SessionError> {
        let selection = self.living()?;
        let mut regs = self.tracer.regs(selection.tid).ok_or(SessionError::NotRunning)?;
        let outer = self.caller_registers(selection.tid, level)?;
        for info in &crate::regs::TABLE {
            if let Some(value) = info.dwarf.and_then(|dwarf| outer.get(dwarf)) {
                regs.0[info.kernel] = value;
            }
        }
        if let Some(bytes) = result {
            let word = |at: usize| {
                let mut word = [0; 8];
                bytes.iter().skip(at).take(8).zip(&mut word).for_each(|(byte, place)| *place = *byte);
                u64::from_le_bytes(word)
            };
            regs.0[RAX] = word(0);
            if bytes.len() > 8 {
                regs.0[ARGUMENTS[2]] = word(8);
            }
        }
        regs.0[ORIG_RAX] = u64::MAX;
        self.tracer.set_regs(selection.tid, regs);
        self.tracer.flush(selection.tid);
        if let Some(thread) = self.tracer.table.threads.get_mut(&selection.tid) {
            thread.passed = None;
        }
        self.select_frame(0);
        Ok(())
    }

    /// Lets the selected thread go on from another address.
    ///
    /// # Errors
    /// As [`Session::resume`].
    pub fn jump(&mut self, to: Addr) -> Result<Stop, SessionError> {
        let selection = self.living()?;
        self.write_register("rip", to.0)?;
        self.write_register("orig_rax", u64::MAX)?;
        if let Some(thread) = self.tracer.table.threads.get_mut(&selection.tid) {
            thread.passed = None;
        }
        self.resume(super::Resume::Continue)
    }
}

/// The stack and the registers of a call.
struct Frame {
    stack: u64,
    integers: Vec<u64>,
    floats: Vec<u64>,
    /// What is written to the stack, beside the return address.
    memory: Vec<(Addr, Vec<u8>)>,
}

impl Frame {
    fn lay(rsp: u64, arguments: &[CallArgument]) -> Frame {
        let mut frame = Frame {
            stack: rsp.wrapping_sub(RED_ZONE) & !15,
            integers: Vec::new(),
            floats: Vec::new(),
            memory: Vec::new(),
        };
        let mut more = Vec::new();
        for argument in arguments {
            let word = match argument {
                CallArgument::Word(word) => *word,
                CallArgument::Text(bytes) => frame.push([bytes.as_slice(), &[0]].concat()),
                CallArgument::Room(size) => frame.push(vec![0; usize::try_from(*size).unwrap_or(0)]),
                CallArgument::Float(bits) if frame.floats.len() < VECTORS => {
                    frame.floats.push(*bits);
                    continue;
                }
                CallArgument::Float(bits) => {
                    more.push(*bits);
                    continue;
                }
            };
            if frame.integers.len() < ARGUMENTS.len() { frame.integers.push(word) } else { more.push(word) }
        }
        // Behind the return address the stack is a multiple of 16, so that it is one where the function begins, less 8.
        let bytes: Vec<u8> = more.iter().flat_map(|word| word.to_le_bytes()).collect();
        let size = (bytes.len() as u64).next_multiple_of(16);
        frame.stack = frame.stack.wrapping_sub(size);
        frame.memory.push((Addr(frame.stack), bytes));
        frame.stack = frame.stack.wrapping_sub(8);
        frame
    }

    /// Puts bytes on the stack; their address.
    fn push(&mut self, bytes: Vec<u8>) -> u64 {
        self.stack = self.stack.wrapping_sub((bytes.len() as u64).next_multiple_of(16));
        self.memory.push((Addr(self.stack), bytes));
        self.stack
    }

    fn load_floats(&self, state: &mut [u8]) {
        for (at, bits) in (XMM0..).step_by(16).zip(&self.floats) {
            if let Some(register) = state.get_mut(at..at + 16) {
                register[..8].copy_from_slice(&bits.to_le_bytes());
                register[8..].fill(0);
            }
        }
        if let Some(held) = state.get_mut(XSTATE_BV) {
            *held |= SSE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_laid_as_the_abi_wants_them() {
        let mut all: Vec<CallArgument> = (1..=8).map(CallArgument::Word).collect();
        all.push(CallArgument::Float(0.5f64.to_bits()));
        all.push(CallArgument::Text(b"hello".to_vec()));
        let frame = Frame::lay(0x7fff_fff8, &all);
        assert_eq!(frame.integers, [1, 2, 3, 4, 5, 6]);
        assert_eq!(frame.floats, [0.5f64.to_bits()]);
        assert_eq!((frame.stack + 8) % 16, 0, "the stack where the function begins");
        assert!(frame.stack + RED_ZONE < 0x7fff_fff8);
        let (text, words) = (&frame.memory[0], &frame.memory[1]);
        assert_eq!(text.1, b"hello\0");
        assert_eq!(words.0, Addr(frame.stack + 8));
        assert_eq!(words.1[..16], [7u64.to_le_bytes(), 8u64.to_le_bytes()].concat());
        assert_eq!(words.1[16..24], text.0.0.to_le_bytes());
    }
}

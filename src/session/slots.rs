//! The four debug registers of each thread: what they watch, and who wants it.
//!
//! A slot belongs to a process and is written into each of its threads before that thread goes on, because the kernel
//! gives new threads none. It knows nothing of expressions: spans of memory come in, numbers of slots that were met go out.

use smallvec::SmallVec;

use super::process::Process;
use super::space::Owner;
use super::tracer::Tracer;
use crate::addr::{Addr, Pid, Span, Tid};
use crate::kernel::Errno;
use crate::kernel::ptrace::{self, DebugRegs};

/// As many as the processor has.
pub(super) const SLOTS: usize = 4;
/// `RF` of the flags: the instruction here is executed without its hardware breakpoint.
const RESUME_FLAG: u64 = 1 << 16;
/// `EFLAGS` among the kernel's words of registers.
const EFLAGS: usize = 18;

/// What a slot is met by.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The execution of the instruction that begins there.
    Execute,
    /// A write.
    Write,
    /// A write or a read: processors of this kind cannot tell reads alone.
    Any,
}

/// A debug register in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) at: Addr,
    /// 1, 2, 4 or 8 bytes, and `at` is a multiple of it.
    pub(super) len: u64,
    pub(super) access: Access,
    /// Only this thread is watched.
    pub(super) tid: Option<Tid>,
    pub(super) owners: SmallVec<[Owner; 2]>,
}

/// The pieces that cover a span, each as a debug register can watch it: aligned, of 1, 2, 4 or 8 bytes.
pub(super) fn pieces(span: Span) -> impl Iterator<Item = (Addr, u64)> {
    let (mut at, end) = (span.start.0, span.end.0);
    std::iter::from_fn(move || {
        let fits = |len: &u64| at.is_multiple_of(*len) && at.checked_add(*len).is_some_and(|to| to <= end);
        let len = [8, 4, 2, 1].into_iter().find(fits)?;
        let piece = (Addr(at), len);
        at += len;
        Some(piece)
    })
}

/// Adds a piece to slots, sharing one that watches the same.
pub(super) fn claim(
    slots: &mut Vec<Slot>,
    at: Addr,
    len: u64,
    access: Access,
    tid: Option<Tid>,
    owner: Owner,
) {
    let same = |slot: &&mut Slot| (slot.at, slot.len, slot.access, slot.tid) == (at, len, access, tid);
    match slots.iter_mut().find(same) {
        Some(slot) if slot.owners.contains(&owner) => {}
        Some(slot) => slot.owners.push(owner),
        None => slots.push(Slot { at, len, access, tid, owners: SmallVec::from_slice(&[owner]) }),
    }
}

impl Process {
    /// What the debug registers of a thread have to be.
    fn debug_regs(&self, tid: Tid) -> DebugRegs {
        let mut regs = DebugRegs::default();
        for (n, slot) in self.slots.iter().take(SLOTS).enumerate() {
            if slot.tid.is_some_and(|only| only != tid) {
                continue;
            }
            regs.addresses[n] = slot.at.0;
            let kind = match slot.access {
                Access::Execute => 0,
                Access::Write => 1,
                Access::Any => 3,
            };
            // Intel SDM vol. 3B, 18.2.4: lengths 1, 2, 4, 8 are 0, 1, 3, 2.
            let len = match slot.len {
                1 => 0,
                2 => 1,
                4 => 3,
                _ => 2,
            };
            regs.control |= 1 << (n * 2) | (kind | len << 2) << (16 + n * 4);
        }
        regs
    }
}

impl Tracer {
    /// Makes the slots of a process those that are wanted now, in the threads that stand.
    pub(super) fn set_slots(&mut self, pid: Pid, slots: Vec<Slot>) -> Result<(), Errno> {
        let Some(process) = self.table.processes.get_mut(&pid) else { return Ok(()) };
        if process.slots == slots {
            return Ok(());
        }
        process.slots = slots;
        let tids = self.table.threads_of(pid);
        tids.into_iter().try_for_each(|tid| self.arm(tid))
    }

    /// Writes the debug registers of a stopped thread, where they are not right yet.
    pub(super) fn arm(&mut self, tid: Tid) -> Result<(), Errno> {
        let Some(thread) = self.table.threads.get(&tid) else { return Ok(()) };
        let Some(process) = self.table.processes.get(&thread.pid) else { return Ok(()) };
        if process.slots.is_empty() && thread.debug.control == 0 || thread.running {
            return Ok(());
        }
        let wanted = process.debug_regs(tid);
        if wanted == thread.debug {
            return Ok(());
        }
        if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.debug = wanted;
        }
        match ptrace::set_debug_registers(tid, &wanted) {
            // It died meanwhile.
            Err(Errno::ESRCH) => Ok(()),
            other => other,
        }
    }

    /// Takes the debug registers of a thread that is let go out of force.
    pub(super) fn disarm(&mut self, tid: Tid) {
        if let Some(thread) = self.table.threads.get_mut(&tid)
            && thread.debug.control != 0
        {
            thread.debug = DebugRegs::default();
            let _ = ptrace::set_debug_registers(tid, &thread.debug);
        }
    }

    /// Which slots a stopped thread has met since the last look, as bits.
    pub(super) fn take_met(&mut self, tid: Tid) -> u64 {
        let armed = self.table.threads.get(&tid).is_some_and(|thread| thread.debug.control != 0);
        if armed { ptrace::take_debug_status(tid).unwrap_or(0) & ((1 << SLOTS) - 1) } else { 0 }
    }

    /// Who wants the slots that were met.
    pub(super) fn owners_of(&self, tid: Tid, met: u64) -> Vec<(Access, Owner)> {
        let Some(process) = self.table.process_of(tid) else { return Vec::new() };
        let mut all: Vec<(Access, Owner)> = Vec::new();
        for (n, slot) in process.slots.iter().enumerate() {
            for owner in slot.owners.iter().filter(|_| met & (1 << n) != 0) {
                if !all.iter().any(|(_, known)| known == owner) {
                    all.push((slot.access, *owner));
                }
            }
        }
        all
    }

    /// Whether anything watches what this thread does.
    pub(super) fn is_watched(&self, tid: Tid) -> bool {
        self.table.process_of(tid).is_some_and(|process| !process.slots.is_empty())
    }

    /// Lets a thread execute the instruction at which a hardware breakpoint has been dealt with.
    pub(super) fn pass_slot(&mut self, tid: Tid, at: Addr) {
        let here = |slot: &Slot| slot.access == Access::Execute && slot.at == at;
        if self.table.process_of(tid).is_some_and(|process| process.slots.iter().any(here))
            && let Some(mut regs) = self.regs(tid)
        {
            regs.0[EFLAGS] |= RESUME_FLAG;
            self.set_regs(tid, regs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(start: u64, len: u64) -> Vec<(u64, u64)> {
        pieces(Span::sized(Addr(start), len)).map(|(at, len)| (at.0, len)).collect()
    }

    #[test]
    fn spans_are_cut_as_the_processor_wants_them() {
        assert_eq!(cut(0x1000, 8), [(0x1000, 8)]);
        assert_eq!(cut(0x1004, 8), [(0x1004, 4), (0x1008, 4)]);
        assert_eq!(cut(0x1001, 4), [(0x1001, 1), (0x1002, 2), (0x1004, 1)]);
        assert_eq!(cut(0x1000, 24).len(), 3);
        // At the end of all addresses there is nothing to wrap around to.
        assert_eq!(cut(u64::MAX - 3, 8), [(u64::MAX - 3, 2), (u64::MAX - 1, 1)]);
    }

    #[test]
    fn slots_with_the_same_wish_are_shared() {
        let mut slots = Vec::new();
        let owner = |number| Owner::User { number, stage: 0, location: 0 };
        claim(&mut slots, Addr(8), 8, Access::Write, None, owner(1));
        claim(&mut slots, Addr(8), 8, Access::Write, None, owner(2));
        claim(&mut slots, Addr(8), 8, Access::Any, None, owner(3));
        claim(&mut slots, Addr(8), 8, Access::Write, None, owner(1));
        assert_eq!(slots.len(), 2);
        assert_eq!(slots[0].owners.as_slice(), [owner(1), owner(2)]);
    }
}

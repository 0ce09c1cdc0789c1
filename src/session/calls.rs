//! Memory calls of the target: they become events with stack and meaning.

use std::rc::Rc;

use super::Session;
use super::calling::Called;
use crate::addr::{Addr, Pid, Tid};
use crate::event::{CallRecord, EventKind, StackFrame};
use crate::heap::story::{Caller, Counted, Look, Overcommit};
use crate::kernel::{limits, procfs};
use crate::memory::{Cached, Memory};
use crate::regs::{FrameRegs, Regs};
use crate::syscalls;

/// Frames that are recorded of a memory call's stack, at most.
const STACK_LIMIT: usize = 256;

/// Whose growth it is when the user's `call` made the target ask for memory: not the program's.
const OURS: &str = "<function called from brkwater>";

impl Session {
    /// The thread pointer that a thread gave to the one that it has just made: an argument of clone(2) (its
    /// fifth) or of clone3(2) (`tls`, at offset 56 of its structure).
    pub(super) fn pointer_of_new(&mut self, maker: Tid) -> Option<u64> {
        const CLONE: u64 = 56;
        const CLONE3: u64 = 435;
        let regs = self.tracer.regs(maker)?;
        match regs.orig_rax() {
            CLONE => regs.argument(5),
            CLONE3 => self.tracer.table.space_of(maker)?.clean().u64(Addr(regs.argument(1)?).add(56)).ok(),
            _ => None,
        }
    }

    /// A memory call returned: it gets its stack, its label and its place in the journal.
    pub(super) fn returned(&mut self, tid: Tid, nr: u64, args: [u64; 6], ret: i64) {
        let pid = self.pid_of(tid);
        let Some(call) = syscalls::decode(nr, args, ret as u64) else { return };
        let (stack, caller) = match self.settings.stacks {
            true => {
                let Some(regs) = self.tracer.regs(tid) else { return };
                let (stack, caller) = self.stack_of(pid, tid, &regs);
                (stack, Some(caller))
            }
            // Number, arguments and result are known: registers would be read for nothing.
            false => (Vec::new(), None),
        };
        self.announce_names(pid, tid, &stack, false);
        if self.changes_code(&call)
            && let Some(space) = self.tracer.table.processes.get(&pid).map(|p| p.space)
            && let Some(space) = self.tracer.table.spaces.get_mut(&space)
        {
            space.stale = true;
            self.announced.remove(&pid);
        }
        let caller = caller.as_deref();
        let story = self.stories.of_mut(pid);
        let verdict = story.observe(tid, &call, caller.unwrap_or(&Caller::default()), &mut || look(pid));
        let record = CallRecord {
            call,
            label: verdict.label,
            cause: verdict.cause,
            stack,
            site: verdict.site,
            allocator: verdict.allocator,
        };
        self.record(pid, tid, EventKind::Call(record));
        self.record_usage(pid, tid, false);
        self.passed_by(pid, tid);
    }

    pub(super) fn stack_of(&mut self, pid: Pid, tid: Tid, regs: &Regs) -> (Vec<Addr>, Rc<Caller>) {
        self.refresh(pid);
        let Some(space) = self.tracer.table.space_of(tid) else { return Default::default() };
        let clean = space.clean();
        let memory: &dyn Memory = &clean;
        let mut stack = space.unwinder.stack(&FrameRegs::from(regs), &Cached::new(memory), STACK_LIMIT);
        // What the user called returns to us: no caller of the program's stands behind it.
        let ours = self.calls.iter().rev().find(|called| called.is_in(tid)).map(Called::back);
        let Some(end) = stack.iter().position(|at| Some(*at) == ours) else {
            let caller = space.caller(&stack);
            return (stack, caller);
        };
        stack.truncate(end + 1);
        let ours = StackFrame { address: stack[end], function: Some(OURS.to_owned()), ..Default::default() };
        let mut frames = space.frames_of(&stack[..end]);
        frames.push(ours);
        (stack, Rc::new(Caller::of(&frames)))
    }

    /// Tells what the addresses of a stack stand for, those that were not told before. The innermost is `exact` where a
    /// thread stands; behind a system call it is a return address like the others.
    pub(super) fn announce_names(&mut self, pid: Pid, tid: Tid, stack: &[Addr], exact: bool) {
        if !self.settings.names {
            return;
        }
        let known = self.announced.entry(pid).or_default();
        let new: Vec<(usize, Addr)> =
            stack.iter().copied().enumerate().filter(|(_, at)| known.insert(*at)).collect();
        let Some(space) = self.tracer.table.space_of(tid).filter(|_| !new.is_empty()) else { return };
        let named = |(level, at): (usize, Addr)| {
            let mut frames = space.modules.frames_of(if exact && level == 0 { at } else { at.sub(1) });
            frames.iter_mut().for_each(|frame| frame.address = at);
            (at, frames)
        };
        let frames = new.into_iter().map(named).collect();
        self.record(pid, tid, EventKind::Named { frames });
    }

    /// Whether a call can have changed which code is mapped where: a file mapped executable, or anything
    /// unmapped that was a module.
    pub(super) fn changes_code(&self, call: &crate::event::Call) -> bool {
        use crate::event::Call;
        const PROT_EXEC: u32 = 4;
        match call {
            Call::Mmap { prot, fd, .. } => *fd >= 0 && prot & PROT_EXEC != 0,
            Call::Munmap { addr, len, ret: Ok(_) } => {
                let span = crate::addr::Span::sized(*addr, *len);
                let spaces = self.tracer.table.spaces.values();
                spaces.flat_map(|space| space.modules.iter()).any(|module| module.span.overlaps(span))
            }
            _ => false,
        }
    }
}

/// What the kernel decides on when a process asks for memory, as it is now.
fn look(pid: Pid) -> Look {
    let counters = limits::counters(pid);
    let text = procfs::text(pid, "limits").unwrap_or_default();
    let limit = |name| limits::limit_of(&text, name).unwrap_or_default();
    let (data, may_lock) = (limit("Max data size"), limits::may_lock(pid, &counters));
    let counted = || {
        let (total, data) = (counters.size?, counters.data?);
        Some(Counted { total, data, locked: counters.locked.unwrap_or(0) })
    };
    Look {
        maps: procfs::mappings(pid),
        limit_data: data.soft,
        hard_data: data.hard,
        limit_as: limit("Max address space").soft,
        limit_locked: limit("Max locked memory").soft.filter(|_| !may_lock),
        start_brk: procfs::start_brk(pid),
        data_segment: limits::data_segment(pid).unwrap_or(0),
        counted: counted(),
        task_size: Some(limits::task_size()),
        max_map_count: limits::sysctl("max_map_count"),
        overcommit: overcommit(limits::is_administrator(pid, &counters)),
    }
}

/// The rules of overcommit; `None` where they could not be read.
fn overcommit(is_administrator: bool) -> Option<Overcommit> {
    let machine = limits::machine();
    let reserve = |name| limits::sysctl(name).unwrap_or(0).saturating_mul(1024);
    Some(Overcommit {
        mode: limits::sysctl("overcommit_memory")?.try_into().ok()?,
        ram_and_swap: machine.total?.saturating_add(machine.swap_total?),
        limit: machine.commit_limit?,
        committed: machine.committed?,
        admin_reserve: if is_administrator { 0 } else { reserve("admin_reserve_kbytes") },
        user_reserve: reserve("user_reserve_kbytes"),
    })
}

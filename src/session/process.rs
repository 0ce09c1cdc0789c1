//! The table of processes and threads under control, as far as the engine must remember them.

use rustc_hash::FxHashMap;

use super::slots::Slot;
use super::space::Space;
use crate::addr::{Addr, Pid, Tid};
use crate::kernel::ptrace::{DebugRegs, Go};
use crate::kernel::wait::Status;
use crate::regs::Regs;
use crate::symbols::Modules;

/// What we want with a process.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is debugged.
    Followed,
    /// It only runs: a child that nobody follows, or one that was let go but carries our filter, whose calls
    /// would fail without a tracer. Everything is passed on.
    Passing,
    /// A vfork child that nobody follows: it lives in its parent's memory until exec or exit, then goes.
    Borrowing,
    /// It is let go at its next stop.
    Leaving,
}

/// How memory calls of a process come to us.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Tracing {
    /// A seccomp filter stops just those.
    Filter,
    /// Every system call stops.
    Every,
    /// None does.
    Off,
}

/// A process under control.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) pid: Pid,
    pub(super) role: Role,
    pub(super) launched: bool,
    pub(super) tracing: Tracing,
    pub(super) program: String,
    /// Whose [`Space`] it lives in: its own id, or for a vfork child its parent's.
    pub(super) space: Pid,
    /// Drop the next SIGINT: it is the twin of an interrupt that was reported already.
    pub(super) swallow_interrupt: bool,
    /// The number that users see.
    pub(super) number: u32,
    /// What its threads' debug registers watch.
    pub(super) slots: Vec<Slot>,
}

/// A thread under control.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    pub(super) pid: Pid,
    /// gdb's number of the thread.
    pub(super) number: u32,
    pub(super) running: bool,
    /// A status that came while we were stopping everything; handled when things go on.
    pub(super) pending: Option<Status>,
    /// Delivered when it goes on; 0 for none.
    pub(super) signal: i32,
    /// Inside a call whose return we wait for: number and arguments.
    pub(super) call: Option<(u64, [u64; 6])>,
    /// Inside a call that the filter showed us and we did not look at: at its return the registers tell all of it.
    pub(super) unseen: bool,
    /// A single-step was asked for and its trap has not been seen yet.
    pub(super) stepping: bool,
    /// The breakpoint here has been dealt with; going on must not hit it again.
    pub(super) passed: Option<Addr>,
    /// It stands in a system call's stop: the kernel reports a single-step from there before the first instruction
    /// has been executed (arch_syscall_exit_tracehook, include/linux/entry-common.h).
    pub(super) in_call: bool,
    /// Stopped by job control.
    pub(super) group_stopped: bool,
    /// Others go on without it: the scheduler is locked, or another process has been chosen to run.
    pub(super) left_behind: bool,
    /// It executes nothing and would not answer an interrupt: it waits for its vfork child, or is a leader that
    /// has exited before its threads.
    pub(super) silent: bool,
    /// Registers as last read, while it is stopped.
    pub(super) regs: Option<Regs>,
    /// Where it stands, and how many of the innermost inlined functions there are not shown.
    pub(super) hidden: Option<(Addr, usize)>,
    /// Its debug registers, as last written.
    pub(super) debug: DebugRegs,
    /// `regs` differs from what the kernel has.
    pub(super) dirty: bool,
}

impl Thread {
    /// Whether it may be executing instructions of the target right now.
    pub(super) fn is_active(&self) -> bool {
        self.running && !self.group_stopped && !self.silent
    }

    /// What it told while everything was being stopped, if it may go on for that now. An end holds nothing up.
    pub(super) fn due(&self) -> Option<Status> {
        self.pending.filter(|status| !self.left_behind || matches!(status, Status::Exited(_)))
    }

    /// How many of the innermost inlined functions are not shown where it stands.
    pub(super) fn hidden_inlines(&self) -> usize {
        let here = self.regs.map(|regs| Addr(regs.rip()));
        self.hidden.filter(|(at, _)| Some(*at) == here).map_or(0, |(_, count)| count)
    }

    pub(super) fn new(pid: Pid, number: u32) -> Thread {
        Thread {
            pid,
            number,
            running: false,
            pending: None,
            signal: 0,
            call: None,
            unseen: false,
            stepping: false,
            passed: None,
            in_call: false,
            group_stopped: false,
            left_behind: false,
            silent: false,
            regs: None,
            hidden: None,
            debug: DebugRegs::default(),
            dirty: false,
        }
    }
}

/// Which system calls the user wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WantedCalls {
    /// These.
    pub(super) numbers: Vec<u64>,
    /// All of them.
    pub(super) any: bool,
    /// Also when they return.
    pub(super) returns: bool,
    /// Seeing them takes a stop at every system call.
    pub(super) every: bool,
}

impl WantedCalls {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        !self.any && self.numbers.is_empty()
    }

    /// Whether this call is one of them.
    pub(super) fn has(&self, nr: u64) -> bool {
        self.any || self.numbers.contains(&nr)
    }
}

/// Everything under control.
#[derive(Default)]
pub(super) struct Table {
    pub(super) processes: FxHashMap<Pid, Process>,
    pub(super) threads: FxHashMap<Tid, Thread>,
    pub(super) spaces: FxHashMap<Pid, Space>,
    /// Statuses of threads that we have not heard of yet: the kernel may tell of a child before its parent does.
    pub(super) early: Vec<(Tid, Status)>,
    pub(super) last_thread_number: u32,
    pub(super) last_process_number: u32,
    /// System calls that the user wants to see.
    pub(super) wanted: WantedCalls,
    /// Where everything was in the debugged process that ended last.
    pub(super) left: Option<Modules>,
}

impl Table {
    /// The process of a thread.
    pub(super) fn process_of(&self, tid: Tid) -> Option<&Process> {
        self.processes.get(&self.threads.get(&tid)?.pid)
    }

    /// The address space that a thread lives in.
    pub(super) fn space_of(&self, tid: Tid) -> Option<&Space> {
        self.spaces.get(&self.process_of(tid)?.space)
    }

    /// The threads of a process, by number.
    pub(super) fn threads_of(&self, pid: Pid) -> Vec<Tid> {
        let mut tids: Vec<(u32, Tid)> =
            self.threads.iter().filter(|(_, t)| t.pid == pid).map(|(tid, t)| (t.number, *tid)).collect();
        tids.sort_unstable();
        tids.into_iter().map(|(_, tid)| tid).collect()
    }

    /// All threads of processes that are debugged.
    pub(super) fn followed(&self) -> Vec<Tid> {
        let followed = |pid: &Pid| self.processes.get(pid).is_some_and(|p| p.role == Role::Followed);
        let mut tids: Vec<Tid> =
            self.threads.iter().filter(|(_, t)| followed(&t.pid)).map(|(tid, _)| *tid).collect();
        tids.sort_unstable();
        tids
    }

    /// How a thread has to go on so that we see what we want to see.
    pub(super) fn way(&self, tid: Tid) -> Go {
        let Some(thread) = self.threads.get(&tid) else { return Go::Run };
        let tracing = self.processes.get(&thread.pid).map_or(Tracing::Off, |process| process.tracing);
        match tracing {
            _ if thread.group_stopped => Go::Listen,
            Tracing::Every => Go::ToSyscall,
            _ if self.wanted.every => Go::ToSyscall,
            // Inside a call that the filter showed us, its return is the next thing to see.
            Tracing::Filter if thread.call.is_some() || thread.unseen => Go::ToSyscall,
            Tracing::Filter | Tracing::Off => Go::Run,
        }
    }

    /// Forgets a thread, and its process with the last one; whether the process is gone.
    pub(super) fn remove_thread(&mut self, tid: Tid) -> Option<Process> {
        let thread = self.threads.remove(&tid)?;
        if self.threads.values().any(|other| other.pid == thread.pid) {
            return None;
        }
        let process = self.processes.remove(&thread.pid)?;
        if !self.processes.values().any(|other| other.space == process.space) {
            let space = self.spaces.remove(&process.space);
            if process.role == Role::Followed {
                self.left = space.map(|space| space.modules);
            }
        }
        Some(process)
    }
}

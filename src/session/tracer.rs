//! The mechanics of control: who runs, who is stopped, and what the kernel's statuses amount to.
//!
//! A [`Tracer`] turns each status into a [`Happening`] or deals with it itself. It knows sites, not the
//! user's breakpoints; it never decides that the target stops for the user. Rules kept here: events of a
//! child may come before its parent tells of it; a thread may die at any moment (`ESRCH` is an answer); a
//! trap is classified by what we asked for and by the byte in memory, not by `si_code` alone; a signal goes
//! on only from its own delivery stop.

use std::rc::Rc;

use super::births::Birth;
use super::inbox::{Inbox, Wakes, Woken};
use super::process::{Process, Role, Table, Thread, Tracing};
use super::space::{Space, files_of};
use crate::addr::{Addr, Pid, Tid};
use crate::event::ExitStatus;
use crate::kernel::affinity::{self, Together};
use crate::kernel::ptrace::{self, Go, SignalInfo, SyscallInfo};
use crate::kernel::signals::{SIGINT, SIGTRAP};
use crate::kernel::wait::{self, Status};
use crate::kernel::{Errno, procfs};
use crate::regs::Regs;

/// `si_code` of an int3 (arch/x86/kernel/traps.c sends it with force_sig: SI_KERNEL).
pub(super) const SI_KERNEL: i32 = 0x80;

/// The error of a system call that is not there, and what stands in rax while one is made.
const ENOSYS: i64 = 38;

/// The memory calls: mmap, munmap, brk, mremap (x86-64 numbers).
pub(super) const MEMORY_CALLS: [u32; 4] = [9, 11, 12, 25];

/// What a status amounted to. The thread named is stopped.
pub(super) enum Happening {
    /// A thread arrived at a site; its rip is the site's address.
    Arrived { tid: Tid, at: Addr },
    /// A single-step is done.
    Stepped { tid: Tid },
    /// A thread met slots of its debug registers, as bits; perhaps with the instruction that it was to step.
    Touched { tid: Tid, met: u64, stepped: bool },
    /// A signal wants to be delivered. The program's own int3 is one, too.
    Signal { tid: Tid, info: SignalInfo },
    /// A system call that the user wants to see begins; it has not been carried out.
    Entered { tid: Tid, nr: u64 },
    /// A call that was waited for returned.
    Returned { tid: Tid, nr: u64, args: [u64; 6], ret: i64 },
    /// A process made another, which waits to be told what becomes of it ([`Tracer::adopt`]).
    Forked { tid: Tid, birth: Birth },
    /// A process replaced its program.
    Execed { tid: Tid },
    /// A thread was made.
    ThreadStarted { tid: Tid, new: Tid },
    /// A thread ended; its process lives on.
    ThreadEnded { tid: Tid, pid: Pid },
    /// A debugged process ended.
    Exited { pid: Pid, status: ExitStatus },
    /// The user wants a pause, or is gone.
    Woken(Woken),
    /// Nothing is left to wait for.
    Nothing,
}

/// See the module.
#[derive(Default)]
pub(super) struct Tracer {
    pub(super) table: Table,
    /// A thread that is held on our own processor, until it does anything by which somebody could see that.
    pub(super) together: Option<Together>,
    /// Threads whose single-step we carried out ourselves: the kernel will send no trap for it.
    pub(super) stepped: Vec<Tid>,
    /// Threads that met slots (as bits) with an instruction that we carried them over, and whether it was a step.
    pub(super) touched: Vec<(Tid, u64, bool)>,
}

impl Tracer {
    /// Registers of a stopped thread, from the cache where possible.
    pub(super) fn regs(&mut self, tid: Tid) -> Option<Regs> {
        let thread = self.table.threads.get_mut(&tid)?;
        if thread.running {
            return None;
        }
        if thread.regs.is_none() {
            thread.regs = ptrace::registers(tid).ok();
        }
        thread.regs
    }

    /// Changes registers of a stopped thread; written when it goes on, or by [`Tracer::flush`].
    pub(super) fn set_regs(&mut self, tid: Tid, regs: Regs) {
        if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.regs = Some(regs);
            thread.dirty = true;
        }
    }

    /// Writes changed registers to the kernel.
    pub(super) fn flush(&mut self, tid: Tid) {
        if let Some(thread) = self.table.threads.get_mut(&tid)
            && thread.dirty
            && let Some(regs) = &thread.regs
        {
            thread.dirty = false;
            // ESRCH: it died, and its registers with it.
            let _ = ptrace::set_registers(tid, regs);
        }
    }

    /// Whether a thread stands although it is meant to go on: its step, which we carried out, is still to be told.
    pub(super) fn owes(&self, tid: Tid) -> bool {
        self.stepped.contains(&tid) || self.touched.iter().any(|(other, ..)| *other == tid)
    }

    /// Waits for the next thing that matters.
    pub(super) fn next(&mut self, inbox: &Inbox) -> Happening {
        loop {
            if let Some((tid, met, stepped)) = self.touched.pop() {
                return Happening::Touched { tid, met, stepped };
            }
            if let Some(tid) = self.stepped.pop() {
                return Happening::Stepped { tid };
            }
            if let Some((tid, status)) = self.held_back() {
                if let Some(happening) = self.digest(tid, status) {
                    return happening;
                }
                continue;
            }
            let waited = inbox.while_blocked(Wakes::Stop, || wait::any(true));
            match waited {
                Some(Ok(Some((tid, status)))) => {
                    if let Some(together) = &self.together {
                        together.beat();
                    }
                    if let Some(happening) = self.digest(tid, status) {
                        return happening;
                    }
                }
                Some(Err(Errno::ECHILD)) => return Happening::Nothing,
                Some(Ok(None) | Err(_)) | None => {
                    if let Some(woken) = inbox.woken() {
                        return Happening::Woken(woken);
                    }
                }
            }
        }
    }

    /// Handles a status while nothing is debugged: everything is passed on.
    pub(super) fn pass_on(&mut self, tid: Tid, status: Status) {
        let _ = self.digest(tid, status);
        while let Some((tid, status)) = self.held_back() {
            let _ = self.digest(tid, status);
        }
    }

    /// A status that was put aside and can be handled now.
    fn held_back(&mut self) -> Option<(Tid, Status)> {
        if let Some(at) = self.table.early.iter().position(|(tid, _)| self.table.threads.contains_key(tid)) {
            return Some(self.table.early.swap_remove(at));
        }
        let (tid, status) = self.table.threads.iter().find_map(|(tid, t)| Some((*tid, t.due()?)))?;
        self.table.threads.get_mut(&tid)?.pending = None;
        Some((tid, status))
    }

    /// Makes sense of a status.
    fn digest(&mut self, tid: Tid, status: Status) -> Option<Happening> {
        if let Status::Exited(status) = status {
            return self.ended(tid, status);
        }
        let Some(thread) = self.table.threads.get_mut(&tid) else {
            // An exec by another thread than the leader reports under the leader's id even if we had not
            // heard of it; anything else will be announced by its parent.
            self.table.early.push((tid, status));
            return None;
        };
        thread.running = false;
        thread.silent = false;
        thread.regs = None;
        let role = self.table.process_of(tid).map_or(Role::Passing, |process| process.role);
        if role == Role::Leaving {
            self.leave(tid, status);
            return None;
        }
        if matches!(status, Status::Clone | Status::Fork | Status::Vfork | Status::Exec) {
            self.give_back(tid);
        }
        match status {
            Status::Clone => self.cloned(tid, role),
            Status::Fork | Status::Vfork => self.born(tid, status == Status::Vfork),
            Status::Exec => self.execed(tid),
            Status::Seccomp if self.may_pass_unseen(tid, role) => {
                self.table.threads.get_mut(&tid)?.unseen = true;
                self.go(tid);
                None
            }
            Status::Seccomp | Status::Syscall => self.syscall(tid),
            Status::GroupStop(_) => {
                self.table.threads.get_mut(&tid)?.group_stopped = true;
                self.go(tid);
                None
            }
            Status::Signal(SIGTRAP) => self.trap(tid, role),
            Status::Signal(signal) => self.signal(tid, signal, role),
            Status::Event => {
                self.table.threads.get_mut(&tid)?.group_stopped = false;
                self.go(tid);
                None
            }
            Status::VforkDone | Status::Other(_) | Status::Exited(_) => {
                self.go(tid);
                None
            }
        }
    }

    /// What it makes inherits where it may run.
    fn give_back(&mut self, maker: Tid) {
        if let Some(together) = self.together.take() {
            let child = Tid(ptrace::event_message(maker).unwrap_or(0) as i32);
            together.also(child);
        }
    }

    fn ended(&mut self, tid: Tid, status: ExitStatus) -> Option<Happening> {
        let pid = self.table.threads.get(&tid)?.pid;
        match self.table.remove_thread(tid) {
            None => {
                let followed = self.table.processes.get(&pid).is_some_and(|p| p.role == Role::Followed);
                followed.then_some(Happening::ThreadEnded { tid, pid })
            }
            Some(process) if process.role == Role::Followed => Some(Happening::Exited { pid, status }),
            Some(_) => None,
        }
    }

    fn cloned(&mut self, tid: Tid, role: Role) -> Option<Happening> {
        let new = Tid(ptrace::event_message(tid).unwrap_or(0) as i32);
        let pid = self.table.threads.get(&tid).map_or(Pid(tid.0), |thread| thread.pid);
        self.add_thread(new, pid);
        if role == Role::Followed {
            return Some(Happening::ThreadStarted { tid, new });
        }
        self.go(tid);
        None
    }

    /// Enters a new thread, which reports a stop of its own before it runs.
    pub(super) fn add_thread(&mut self, tid: Tid, pid: Pid) {
        self.table.last_thread_number += 1;
        let mut thread = Thread::new(pid, self.table.last_thread_number);
        thread.running = true;
        self.table.threads.insert(tid, thread);
    }

    pub(super) fn execed(&mut self, tid: Tid) -> Option<Happening> {
        // All other threads are gone without a word; the one that called exec has the leader's id now.
        let pid = Pid(tid.0);
        self.table.threads.retain(|other, thread| thread.pid != pid || *other == tid);
        let thread = self.table.threads.get_mut(&tid)?;
        *thread = Thread::new(pid, thread.number);
        let process = self.table.processes.get_mut(&pid)?;
        let left = std::mem::replace(&mut process.space, pid);
        let role = process.role;
        if !self.table.processes.values().any(|other| other.space == left && other.pid != pid) {
            self.table.spaces.remove(&left);
        }
        let process = self.table.processes.get_mut(&pid)?;
        match role {
            Role::Followed => {
                if let Ok(space) = Space::open(pid, Rc::new(files_of(pid))) {
                    self.table.spaces.insert(pid, space);
                }
                Some(Happening::Execed { tid })
            }
            // It has left its parent's memory. With our filter it must be accompanied, else it may go.
            Role::Borrowing if process.tracing == Tracing::Filter => {
                process.role = Role::Passing;
                self.go(tid);
                None
            }
            Role::Borrowing | Role::Leaving => {
                self.leave(tid, Status::Event);
                None
            }
            Role::Passing => {
                self.go(tid);
                None
            }
        }
    }

    /// Whether a call that the filter shows needs no look before it is made: nobody waits for that, and what it was its
    /// registers tell when it returns. Asking the kernel costs as much as letting the thread go on does.
    fn may_pass_unseen(&self, tid: Tid, role: Role) -> bool {
        role == Role::Followed && self.table.wanted.is_empty() && self.table.way(tid) == Go::Run
    }

    /// Where in a call a thread stands. Of one that was passed unseen, its return is the next that the kernel tells.
    fn look_at_call(&mut self, tid: Tid) -> Option<SyscallInfo> {
        let ask = |tid| ptrace::syscall_info(tid).unwrap_or(SyscallInfo::None);
        if !std::mem::take(&mut self.table.threads.get_mut(&tid)?.unseen) {
            return Some(ask(tid));
        }
        let regs = self.regs(tid)?;
        let ret = regs.rax() as i64;
        // That is also what stands in rax before a call.
        let info = if ret == -ENOSYS { ask(tid) } else { SyscallInfo::Exit { ret } };
        if let SyscallInfo::Exit { .. } = info {
            let nr = regs.orig_rax();
            if affinity::CALLS.contains(&(nr as u32)) && self.together.take().is_some() {
                // It has met our hold on it, and does so no more.
                self.set_regs(tid, regs.calling_again());
                return Some(SyscallInfo::None);
            }
            if MEMORY_CALLS.contains(&(nr as u32)) {
                self.table.threads.get_mut(&tid)?.call = Some((nr, regs.call_arguments()));
            }
        }
        Some(info)
    }

    fn syscall(&mut self, tid: Tid) -> Option<Happening> {
        let role = self.table.process_of(tid)?.role;
        let info = self.look_at_call(tid)?;
        // Where every call stops, the filter's stop is followed by the entry's own.
        let first = matches!(info, SyscallInfo::Seccomp { .. }) && self.table.way(tid) == Go::ToSyscall;
        let thread = self.table.threads.get_mut(&tid)?;
        let happening = match info {
            _ if role != Role::Followed => None,
            SyscallInfo::Seccomp { nr, args } | SyscallInfo::Entry { nr, args } => {
                if affinity::CALLS.contains(&(nr as u32)) {
                    self.together = None;
                }
                let wanted = self.table.wanted.has(nr);
                let awaited = MEMORY_CALLS.contains(&(nr as u32)) || wanted && self.table.wanted.returns;
                thread.call = awaited.then_some((nr, args));
                (!first && wanted).then_some(Happening::Entered { tid, nr })
            }
            SyscallInfo::Exit { ret } => {
                let call = thread.call.take();
                call.map(|(nr, args)| Happening::Returned { tid, nr, args, ret })
            }
            SyscallInfo::None => None,
        };
        if happening.is_none() {
            self.go(tid);
        }
        happening
    }

    fn signal(&mut self, tid: Tid, signal: i32, role: Role) -> Option<Happening> {
        let thread = self.table.threads.get_mut(&tid)?;
        thread.signal = signal;
        if role != Role::Followed {
            self.go(tid);
            return None;
        }
        let pid = thread.pid;
        if signal == SIGINT && std::mem::take(&mut self.table.processes.get_mut(&pid)?.swallow_interrupt) {
            self.table.threads.get_mut(&tid)?.signal = 0;
            self.go(tid);
            return None;
        }
        let info = ptrace::signal_info(tid).unwrap_or(SignalInfo { signo: signal, ..SignalInfo::default() });
        Some(Happening::Signal { tid, info })
    }

    fn trap(&mut self, tid: Tid, role: Role) -> Option<Happening> {
        let info = ptrace::signal_info(tid).unwrap_or_default();
        let mut regs = self.regs(tid)?;
        let at = Addr(regs.rip()).sub(1);
        let thread = self.table.threads.get_mut(&tid)?;
        let stepped = std::mem::take(&mut thread.stepping);
        let in_call = std::mem::take(&mut thread.in_call);
        if info.code == SI_KERNEL {
            let space = self.table.space_of(tid)?;
            if space.site(at).is_some() {
                // An int3 of the program's own under our patch is hit as ours first, then as its own: the
                // original byte is executed when the thread goes on.
                regs.0[16] = at.0;
                self.set_regs(tid, regs);
                if role != Role::Followed {
                    self.pass(tid, at);
                    return None;
                }
                return Some(Happening::Arrived { tid, at });
            }
            if space.raw_byte(at) != Some(0xcc) {
                // Our breakpoint was taken out while this trap was on its way: the instruction has not run.
                regs.0[16] = at.0;
                self.set_regs(tid, regs);
                self.go(tid);
                return None;
            }
        } else if let met @ 1.. = self.take_met(tid) {
            if role != Role::Followed {
                self.go(tid);
                return None;
            }
            return Some(Happening::Touched { tid, met, stepped });
        } else if stepped {
            if in_call && role == Role::Followed {
                // That was the end of the system call; the instruction comes now.
                self.single_step(tid);
                return None;
            }
            if role != Role::Followed {
                self.go(tid);
                return None;
            }
            return Some(Happening::Stepped { tid });
        }
        self.signal(tid, SIGTRAP, role)
    }

    /// Whether processes that nobody debugs still need us.
    pub(super) fn has_company(&self) -> bool {
        self.table.processes.values().any(|process| process.role != Role::Followed)
    }

    /// Enters a process that has just been launched or attached to, all its threads stopped.
    pub(super) fn enter(
        &mut self,
        pid: Pid,
        tids: &[Tid],
        launched: bool,
        tracing: Tracing,
    ) -> std::io::Result<()> {
        let space = Space::open(pid, Rc::new(files_of(pid)))?;
        self.table.spaces.insert(pid, space);
        let program = procfs::executable(pid).map(|path| path.to_string_lossy().into_owned());
        self.table.last_process_number += 1;
        let process = Process {
            pid,
            role: Role::Followed,
            launched,
            tracing,
            program: program.unwrap_or_default(),
            space: pid,
            swallow_interrupt: false,
            number: self.table.last_process_number,
            slots: Vec::new(),
        };
        self.table.processes.insert(pid, process);
        for tid in tids {
            self.table.last_thread_number += 1;
            let mut thread = Thread::new(pid, self.table.last_thread_number);
            // One that was launched stands at the end of its exec.
            thread.in_call = launched;
            self.table.threads.insert(*tid, thread);
        }
        Ok(())
    }
}

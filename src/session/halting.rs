//! Bringing threads to a halt, and letting processes go.
//!
//! Whatever a thread reports instead of the stop that was asked for is kept for later; a breakpoint that it hit on
//! the way has not been hit as far as anybody was told.

use super::process::{Role, Thread, Tracing};
use super::tracer::{Happening, SI_KERNEL, Tracer};
use crate::addr::{Addr, Pid, Tid};
use crate::kernel::ptrace::Go;
use crate::kernel::signals::SIGTRAP;
use crate::kernel::wait::{self, Status};
use crate::kernel::{Errno, procfs, ptrace};

/// Between two looks at a leader that may have exited.
const PAUSE: std::time::Duration = std::time::Duration::from_micros(50);

impl Tracer {
    pub(super) fn leave(&mut self, tid: Tid, status: Status) {
        let signal = match status {
            Status::Signal(signal) if signal != SIGTRAP => signal,
            _ => 0,
        };
        self.disarm(tid);
        self.flush(tid);
        let _ = ptrace::detach(tid, signal);
        self.table.remove_thread(tid);
    }

    pub(super) fn hold(&mut self, tid: Tid, status: Status) {
        if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.pending = Some(status);
            thread.running = false;
        } else {
            self.table.early.push((tid, status));
        }
    }

    pub(super) fn stop_sharers(&mut self, space: Pid, except: Tid) -> Vec<Tid> {
        let sharing = |pid: &Pid| self.table.processes.get(pid).is_some_and(|p| p.space == space);
        let others: Vec<Tid> = self
            .table
            .threads
            .iter()
            .filter(|(tid, t)| **tid != except && t.is_active() && sharing(&t.pid))
            .map(|(tid, _)| *tid)
            .collect();
        self.stop(&others);
        others
    }

    /// Stops every thread of every debugged process.
    pub(super) fn stop_all(&mut self) {
        loop {
            let running: Vec<Tid> = self
                .table
                .followed()
                .into_iter()
                .filter(|tid| self.table.threads.get(tid).is_some_and(Thread::is_active))
                .collect();
            if running.is_empty() {
                break;
            }
            // Threads may have been born meanwhile: look again.
            self.stop(&running);
        }
        for tid in self.table.followed() {
            self.flush(tid);
        }
    }

    /// Stops these threads and collects whatever they report instead of the stop that we asked for.
    pub(super) fn stop(&mut self, tids: &[Tid]) {
        for tid in tids {
            let _ = ptrace::interrupt(*tid);
        }
        for tid in tids {
            // A leader may exit before its threads; then it tells nothing until they are gone, too.
            let leads = self.table.threads.get(tid).is_some_and(|thread| thread.pid.0 == tid.0);
            let may_fall_silent = leads && self.table.threads_of(Pid(tid.0)).len() > 1;
            while self.table.threads.get(tid).is_some_and(Thread::is_active) {
                match wait::thread(*tid, !may_fall_silent) {
                    Ok(Some((tid, status))) => self.collect(tid, status),
                    Ok(None) if procfs::is_zombie(*tid) => self.fall_silent(*tid),
                    Ok(None) => std::thread::sleep(PAUSE),
                    Err(Errno::EINTR) => {}
                    Err(_) => {
                        // Gone, and its status was taken with an exec or by nobody: forget it.
                        self.table.remove_thread(*tid);
                    }
                }
            }
        }
    }

    pub(super) fn fall_silent(&mut self, tid: Tid) {
        if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.silent = true;
        }
    }

    /// Takes a status while everything is being stopped: it is kept for later unless it needs no decision.
    pub(super) fn collect(&mut self, tid: Tid, status: Status) {
        let Some(thread) = self.table.threads.get_mut(&tid) else {
            self.table.early.push((tid, status));
            return;
        };
        thread.running = false;
        thread.silent = false;
        thread.regs = None;
        match status {
            // It goes on for no more than the trap: left in the queue, it would kill a target that we let go.
            Status::Event if ptrace::trap_is_queued(tid) => {
                thread.running = ptrace::resume(tid, Go::Run, 0).is_ok();
            }
            Status::Event => thread.group_stopped = false,
            Status::GroupStop(_) => thread.group_stopped = true,
            Status::Signal(SIGTRAP) => self.collect_trap(tid),
            other => thread.pending = Some(other),
        }
    }

    /// A thread that hit a breakpoint while being stopped has not hit it as far as anybody was told: its rip
    /// goes back, and it will hit again, or not, if the breakpoint is gone by then.
    pub(super) fn collect_trap(&mut self, tid: Tid) {
        let code = ptrace::signal_info(tid).map_or(0, |info| info.code);
        let Some(mut regs) = self.regs(tid) else { return };
        let at = Addr(regs.rip()).sub(1);
        if code == SI_KERNEL && self.table.space_of(tid).is_some_and(|space| space.site(at).is_some()) {
            regs.0[16] = at.0;
            self.set_regs(tid, regs);
            self.flush(tid);
        } else if let Some(thread) = self.table.threads.get_mut(&tid) {
            thread.pending = Some(Status::Signal(SIGTRAP));
        }
    }

    /// Takes in what the threads of a process made just before they were stopped, and nobody was told of yet: left alone,
    /// a new thread or child would stay stopped for ever, or run over copies of our patches.
    pub(super) fn settle_pending(&mut self, pid: Pid) {
        for tid in self.table.threads_of(pid) {
            let Some(thread) = self.table.threads.get_mut(&tid) else { continue };
            match thread.pending {
                Some(Status::Clone) => {
                    thread.pending = None;
                    let new = Tid(ptrace::event_message(tid).unwrap_or(0) as i32);
                    self.await_first_stop(new);
                    self.add_thread(new, pid);
                    if let Some(thread) = self.table.threads.get_mut(&new) {
                        thread.running = false;
                    }
                }
                Some(status @ (Status::Fork | Status::Vfork)) => {
                    thread.pending = None;
                    if let Some(Happening::Forked { birth, .. }) = self.born(tid, status == Status::Vfork) {
                        self.adopt(birth, false);
                    }
                }
                Some(Status::Exec) => {
                    thread.pending = None;
                    let _ = self.execed(tid);
                }
                _ => {}
            }
        }
    }

    /// Lets a debugged process run on without us: our bytes are out already. One that carries our filter is
    /// accompanied; any other is detached.
    pub(super) fn release(&mut self, pid: Pid) {
        let Some(process) = self.table.processes.get_mut(&pid) else { return };
        let stays = process.tracing == Tracing::Filter;
        process.role = if stays { Role::Passing } else { Role::Leaving };
        process.slots.clear();
        for tid in self.table.threads_of(pid) {
            let Some(thread) = self.table.threads.get_mut(&tid) else { continue };
            thread.left_behind = false;
            if let Some(Status::Signal(signal)) = thread.pending.take()
                && signal != SIGTRAP
            {
                thread.signal = signal;
            }
            if stays {
                self.go(tid);
            } else {
                let signal = thread.signal;
                self.leave(tid, Status::Signal(signal));
            }
        }
    }
}

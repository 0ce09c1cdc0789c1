//! Children: born with a fork or vfork, and what becomes of them.
//!
//! A newborn waits, before its first instruction, until somebody decides: that is at once, or when a stop at a catchpoint
//! is over. A forked child has a copy of our patches, which is cleaned or becomes a space of its own; a vfork child
//! runs in its parent's memory, where nothing of ours may go in or out that the parent does not want.

use std::rc::Rc;

use super::process::{Process, Role, Thread, Tracing};
use super::run::Stop;
use super::space::{Space, files_of};
use super::tracer::{Happening, Tracer};
use super::{Selection, Session};
use crate::addr::{Pid, Tid};
use crate::event::{Caught, EventKind};
use crate::kernel::wait::{self, Status};
use crate::kernel::{Errno, ptrace};

/// A child that has been born and has not run yet.
pub(super) struct Birth {
    /// The thread that made it.
    pub(super) maker: Tid,
    /// It borrows its parent's memory until it executes a program or ends.
    pub(super) vfork: bool,
    /// What it will be in the table.
    process: Box<Process>,
    /// Its copy of its parent's space, patches and all; none for a vfork child.
    space: Option<Box<Space>>,
}

impl Birth {
    pub(super) fn child(&self) -> Pid {
        self.process.pid
    }
}

impl Tracer {
    /// A process has made another.
    pub(super) fn born(&mut self, tid: Tid, vfork: bool) -> Option<Happening> {
        let child = Pid(ptrace::event_message(tid).unwrap_or(0) as i32);
        self.await_first_stop(Tid(child.0));
        let parent = self.table.process_of(tid)?;
        let mut process = parent.clone();
        (process.pid, process.swallow_interrupt) = (child, false);
        let followed = parent.role == Role::Followed;
        let mut space = None;
        if !vfork {
            process.space = child;
            if let Some(theirs) = self.table.spaces.get(&parent.space)
                && let Ok(mut copy) = Space::open(child, Rc::new(files_of(child)))
            {
                copy.adopt_copy(theirs);
                space = Some(Box::new(copy));
            }
        }
        let birth = Birth { maker: tid, vfork, process: Box::new(process), space };
        if followed {
            return Some(Happening::Forked { tid, birth });
        }
        self.adopt(birth, false);
        self.go(tid);
        None
    }

    /// Waits for the stop in which a child is born; what it tells instead is kept.
    pub(super) fn await_first_stop(&mut self, child: Tid) {
        if let Some(at) = self.table.early.iter().position(|(tid, _)| *tid == child) {
            if self.table.early[at].1 == Status::Event {
                self.table.early.swap_remove(at);
            }
            return;
        }
        loop {
            match wait::thread(child, true) {
                Ok(Some((_, Status::Event))) => return,
                Ok(Some((_, status))) => return self.table.early.push((child, status)),
                Ok(None) | Err(Errno::EINTR) => {}
                // It is no child of ours after all, or gone without a word.
                Err(_) => return,
            }
        }
    }

    /// Takes a newborn in: debugged and stopped (`keep`), or running on with no more of us than it needs.
    pub(super) fn adopt(&mut self, birth: Birth, keep: bool) {
        let Birth { maker, vfork, mut process, space } = birth;
        let child = process.pid;
        if !keep {
            process.slots.clear();
        }
        process.role = match process.tracing {
            _ if keep => Role::Followed,
            _ if vfork => Role::Borrowing,
            // The child inherited the filter, and would get ENOSYS for its memory calls without us.
            Tracing::Filter => Role::Passing,
            _ => Role::Leaving,
        };
        if vfork {
            self.fall_silent(maker);
        }
        // Only what is debugged has numbers that users see.
        self.table.last_process_number += u32::from(keep);
        self.table.last_thread_number += u32::from(keep);
        process.number = self.table.last_process_number;
        let (role, number) = (process.role, self.table.last_thread_number);
        self.table.processes.insert(child, *process);
        self.table.threads.insert(Tid(child.0), Thread::new(child, number));
        match (role, space) {
            (Role::Followed, Some(space)) => {
                self.table.spaces.insert(child, *space);
            }
            (_, Some(mut space)) => {
                let _ = space.set_sites(&[]);
            }
            (_, None) => {}
        }
        match role {
            Role::Followed => {}
            Role::Leaving => self.leave(Tid(child.0), Status::Event),
            Role::Passing | Role::Borrowing => self.go(Tid(child.0)),
        }
    }
}

impl Session {
    /// A debugged process has made another.
    pub(super) fn forked(&mut self, tid: Tid, birth: Birth) -> Option<Stop> {
        // Known registers let whoever announces the fork name the thread.
        self.tracer.regs(tid);
        let child = birth.child();
        let what = if birth.vfork { Caught::Vfork(child) } else { Caught::Fork(child) };
        if let Some(reason) = self.caught(tid, &what) {
            self.births.push(birth);
            return Some(self.stop(tid, reason));
        }
        let child = birth.child();
        self.settle_birth(birth);
        let selected = self.selection.map(|selection| selection.pid);
        if selected == Some(child) {
            self.start_all(Tid(child.0));
            return None;
        }
        self.go_on(tid)
    }

    /// What becomes of the newborn that a stop kept waiting.
    pub(super) fn decide_births(&mut self) {
        for birth in std::mem::take(&mut self.births) {
            self.settle_birth(birth);
        }
    }

    /// The newborn of a process that we let go, or that ended, go their own ways.
    pub(super) fn part_from_births(&mut self, pid: Pid) {
        let (theirs, others) =
            std::mem::take(&mut self.births).into_iter().partition(|birth| self.pid_of(birth.maker) == pid);
        self.births = others;
        let theirs: Vec<Birth> = theirs;
        theirs.into_iter().for_each(|birth| self.tracer.adopt(birth, false));
    }

    /// Keeps a newborn or lets it go, as the settings have it now.
    fn settle_birth(&mut self, birth: Birth) {
        let (tid, child, vfork) = (birth.maker, birth.child(), birth.vfork);
        let pid = self.pid_of(tid);
        let (follow, both) = (self.settings.follow_fork_child, !self.settings.detach_on_fork);
        let followed = follow || both;
        self.tracer.adopt(birth, followed);
        if followed {
            self.numbers.insert(child, self.tracer.table.last_process_number);
        }
        self.record(pid, tid, EventKind::Forked { child, followed, vfork });
        if !followed {
            return;
        }
        self.watch_child(pid, child);
        self.libraries_changed(child);
        if follow && !both {
            self.follow_child(pid, child);
        } else if self.settings.schedule_multiple || vfork {
            // Its parent waits for a vfork child: held, it would hold both.
            self.tracer.go(Tid(child.0));
        }
    }

    /// After a fork that the user wants to follow into the child: the parent is let go.
    fn follow_child(&mut self, parent: Pid, child: Pid) {
        self.tracer.stop_all();
        self.tracer.settle_pending(parent);
        self.clear_sites(parent);
        self.tracer.release(parent);
        self.record(parent, Tid(parent.0), EventKind::Detached);
        self.selection = Some(Selection { pid: child, tid: Tid(child.0), level: 0 });
        self.libraries_changed(child);
    }
}

//! A process that another debugger holds, looked at without ptrace: its memory by `/proc/PID/mem`, its mappings by
//! `/proc`, and its threads' registers as whoever holds it tells them.
//!
//! gdb and lldb start us for one question about the process that they have stopped. ptrace(2) is theirs and stays theirs:
//! memory is opened for reading alone, and no number of a thread is given to ptrace(2) or kill(2). What moves is refused,
//! for a heap that changes while it is read is none.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::postmortem::{PostMortem, World};
use super::space::{files_of, unwinder_of};
use super::{Session, SessionError};
use crate::addr::{Addr, Pid, Tid};
use crate::event::{EventKind, StopReason};
use crate::kernel::mem::ProcMem;
use crate::kernel::{procfs, robust};
use crate::memory::Memory;
use crate::regs::Regs;
use crate::symbols::Modules;

/// What is known of the process.
pub(super) struct Held {
    pub(super) pid: Pid,
    pub(super) memory: ProcMem,
    pub(super) auxv: Vec<(u64, u64)>,
    /// By number.
    pub(super) threads: Vec<Told>,
    /// What its debugger's breakpoints hide, by address.
    pub(super) originals: Vec<(Addr, u8)>,
}

/// What whoever holds a process tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Registers, those of the thread to be selected first.
    pub threads: Vec<(Tid, Regs)>,
    /// The bytes that its breakpoints replaced.
    pub bytes: Vec<(Addr, u8)>,
}

/// What is known of a thread that is not ours.
pub(super) struct Told {
    pub(super) tid: Tid,
    /// As whoever holds it told them; nobody else could.
    pub(super) regs: Option<Regs>,
    /// Where its thread-local storage begins.
    pub(super) pointer: Option<Addr>,
}

impl Told {
    fn new(tid: Tid, mut regs: Option<Regs>, memory: &ProcMem) -> Told {
        /// The word of `fs_base`.
        const FS_BASE: usize = 21;
        let told = regs.map(|regs| Addr(regs.fs_base())).filter(|at| at.0 != 0);
        let pointer = told.or_else(|| pointer_of(tid, memory));
        if let (Some(regs), Some(pointer)) = (&mut regs, pointer) {
            regs.0[FS_BASE] = pointer.0;
        }
        Told { tid, regs, pointer }
    }
}

impl Session {
    /// Looks at a process that another debugger has stopped. `memory` is a descriptor of its `/proc/PID/mem` that we
    /// inherited; without one we open it.
    ///
    /// # Errors
    /// [`SessionError::AlreadyRunning`], and [`SessionError::Held`] with what stands in the way.
    pub fn look_at(&mut self, pid: Pid, memory: Option<i32>, facts: Facts) -> Result<(), SessionError> {
        if let Some(selection) = self.selection.filter(|_| self.is_live()) {
            return Err(SessionError::AlreadyRunning(selection.pid));
        }
        let opened = match memory {
            Some(descriptor) => ProcMem::handed(pid, descriptor),
            None => ProcMem::look(pid),
        };
        let memory = opened.map_err(|error| refused(pid, &error))?;
        if !procfs::stands(pid) {
            let hint = "\"attach\" stops it, and looks at it.";
            return Err(SessionError::Held { pid, why: "it runs, and no debugger holds it".into(), hint });
        }
        self.close_core();
        self.files = Rc::new(files_of(pid));
        let mut originals = facts.bytes;
        originals.sort_unstable();
        let auxv = procfs::auxv(pid);
        let maps = procfs::mappings(pid);
        let modules = Modules::from_maps(&maps, &auxv, &memory, &*self.files, &mut self.images);
        let unwinder = unwinder_of(&modules, &mut FxHashMap::default());
        let path = procfs::executable(pid).unwrap_or_default();
        if self.program.is_none() && procfs::runs(pid, &path) {
            // Symbols come from the process itself; without a readable file they are fewer.
            let _ = self.set_program(&path);
        }
        let regs_of = |tid| facts.threads.iter().find(|(known, _)| *known == tid).map(|(_, regs)| *regs);
        let threads: Vec<_> =
            procfs::threads(pid).into_iter().map(|tid| Told::new(tid, regs_of(tid), &memory)).collect();
        let lives = |tid: &Tid| threads.iter().any(|told: &Told| told.tid == *tid);
        let tid = facts.threads.first().map(|(tid, _)| *tid).filter(lives).unwrap_or(Tid(pid.0));
        let heap = maps.iter().rfind(|mapping| mapping.path == "[heap]").map(|mapping| mapping.span.end);
        let brk = heap.or_else(|| procfs::start_brk(pid));
        let args = procfs::command_line(pid).into_iter().skip(1).collect();
        let world = World::Held(Held { pid, memory, auxv, threads, originals });
        self.look_from(pid, tid, PostMortem { world, modules, unwinder });
        let program = path.to_string_lossy().into_owned();
        self.record(pid, tid, EventKind::Started { program, args, attached: true, core: false, brk, maps });
        self.record_usage(pid, tid, true);
        self.record(pid, tid, EventKind::Stopped(StopReason::Attached));
        Ok(())
    }
}

/// The most bytes from a thread pointer to the robust list in its descriptor; it is 0x2e0 in glibc 2.36.
const DESCRIPTOR: u64 = 4096;

/// A thread's pointer where nobody told it (lldb before 18 does not know it): found by the robust list behind it, and by
/// glibc's `tcbhead_t`, whose words at 0 and 0x10 are its own address.
fn pointer_of(tid: Tid, memory: &ProcMem) -> Option<Addr> {
    let head = robust::list(tid)?;
    let is_own = |at: &Addr| {
        let is = |word: Addr| memory.u64(word).is_ok_and(|word| word == at.0);
        is(*at) && is(at.add(0x10))
    };
    let lowest = head.0.saturating_sub(DESCRIPTOR);
    (lowest..head.0).rev().filter(|at| at % 16 == 0).map(Addr).find(is_own)
}

/// Why its memory cannot be opened.
fn refused(pid: Pid, error: &std::io::Error) -> SessionError {
    use std::io::ErrorKind;
    let (why, hint) = match error.kind() {
        ErrorKind::NotFound => ("No such process".to_owned(), "give the process id of one that is stopped."),
        ErrorKind::PermissionDenied => (
            "Permission denied".to_owned(),
            "only its user and root may read it; with kernel.yama.ptrace_scope=1 only the debugger that holds it may, \
             and hands it over.",
        ),
        ErrorKind::InvalidInput => (
            "what was handed over is not its memory".to_owned(),
            "-memory takes the number of an open descriptor of /proc/PID/mem.",
        ),
        _ => (error.to_string(), "\"attach\" looks at it when its debugger has let it go."),
    };
    SessionError::Held { pid, why, hint }
}

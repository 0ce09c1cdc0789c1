//! Calls that are recorded because the user wants to read them (`set record calls`), in strace's form.
//!
//! What a call's pointers mean is read while its thread stands there, for it is gone later: one part when the call
//! begins, the other when it has returned. A call is one event; only where something else is told meanwhile there
//! is one for its beginning, just where strace writes `<unfinished ...>`.

use rustc_hash::FxHashMap;

use super::Session;
use crate::addr::{Pid, Tid};
use crate::event::{EventKind, ExitStatus, SyscallBegun, SyscallRecord};
use crate::kernel::ptrace;
use crate::kernel::spawn::{Launch, Launched};
use crate::kernel::wait;
use crate::syscalls::MEMORY_CALLS;
use crate::syscalls::form::{self, Begun};

/// exit(2) and exit_group(2): they do not return.
const LAST_CALLS: [u64; 2] = [60, 231];
/// execve(2).
pub(super) const EXECVE: u64 = 59;
/// rt_sigreturn(2), whose argument is its stack.
const RT_SIGRETURN: u64 = 15;

/// A call that has begun.
struct Open {
    nr: u64,
    args: [u64; 6],
    begun: Begun,
    /// Its beginning is an event already.
    told: bool,
}

impl Open {
    fn beginning(&self) -> SyscallBegun {
        SyscallBegun { nr: self.nr, args: self.args, text: self.begun.text.clone(), detached: false }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Log {
    open: FxHashMap<Tid, Open>,
    /// Whose call or signal was the last thing that happened.
    line: Option<Tid>,
    /// The call that each thread made last.
    before: FxHashMap<Tid, u64>,
}

impl Session {
    /// A new run begins.
    pub(super) fn log_anew(&mut self) {
        self.log = Log::default();
        self.tracer.table.logged = self.settings.calls.clone();
    }

    fn logs(&self, nr: u64) -> bool {
        self.tracer.table.logged.has(nr)
    }

    /// A call begins on this thread; if it is one that is recorded, what it was given is read.
    pub(super) fn log_entry(&mut self, tid: Tid) {
        let call = self.tracer.table.threads.get(&tid).and_then(|thread| thread.call);
        let Some((nr, mut args)) = call.filter(|(nr, _)| self.logs(*nr)) else { return };
        self.tell_unfinished(Some(tid));
        if nr == RT_SIGRETURN
            && let Some(regs) = self.tracer.regs(tid)
        {
            args[0] = regs.rsp();
        }
        let before = self.log.before.get(&tid).copied();
        let Some(space) = self.tracer.table.space_of(tid) else { return };
        let begun = form::begin(&space.clean(), nr, args, before);
        if LAST_CALLS.contains(&nr) {
            let call = SyscallBegun { nr, args, text: begun.text, detached: false };
            let record = SyscallRecord { call, result: "?".to_owned(), ..SyscallRecord::default() };
            let pid = self.pid_of(tid);
            self.record(pid, tid, EventKind::Syscall(record));
            return;
        }
        self.log.open.insert(tid, Open { nr, args, begun, told: false });
    }

    /// A call has returned: its record, if it is recorded and not as a memory call.
    pub(super) fn log_return(&mut self, tid: Tid, nr: u64, ret: i64) -> Option<SyscallRecord> {
        let open = self.log.open.remove(&tid).filter(|open| open.nr == nr)?;
        self.log.before.insert(tid, nr);
        self.tell_unfinished(Some(tid));
        if self.settings.memory_calls && MEMORY_CALLS.contains(&nr) {
            return None;
        }
        let space = self.tracer.table.space_of(tid)?;
        let ended = form::end(&space.clean(), nr, open.args, &open.begun, ret);
        let call = open.beginning();
        Some(SyscallRecord { call, rest: ended.text, ret: Some(ret), result: ended.result })
    }

    /// Something is told of `next`: the beginning of a call that was the last thing told, and is another's, becomes an event.
    /// Of nobody, when the process is let go.
    pub(super) fn tell_unfinished(&mut self, next: Option<Tid>) {
        let line = std::mem::replace(&mut self.log.line, next);
        let Some(tid) = line.filter(|tid| Some(*tid) != next) else { return };
        let Some(open) = self.log.open.get_mut(&tid).filter(|open| !open.told) else { return };
        open.told = true;
        let begun = SyscallBegun { detached: next.is_none(), ..open.beginning() };
        let pid = self.pid_of(tid);
        self.record(pid, tid, EventKind::SyscallBegun(begun));
    }

    /// The program was started, by a call of our own.
    pub(super) fn log_launch(&mut self, launched: &Launched, spec: &Launch) {
        if !self.logs(EXECVE) {
            return;
        }
        let (words, variables) = (&spec.argv, (launched.environment, spec.environment.len()));
        let text = form::execve(&spec.path.to_string_lossy(), words, variables);
        let call = SyscallBegun { nr: EXECVE, text, ..SyscallBegun::default() };
        let record = SyscallRecord { call, ret: Some(0), result: "0".to_owned(), ..SyscallRecord::default() };
        let tid = Tid(launched.pid.0);
        self.log.line = Some(tid);
        self.log.before.insert(tid, EXECVE);
        self.record(launched.pid, tid, EventKind::Syscall(record));
    }

    /// A thread replaced its program. It has its leader's id now, and goes on with its call under that.
    pub(super) fn log_exec(&mut self, tid: Tid) {
        let maker = Tid(ptrace::event_message(tid).unwrap_or(0) as i32);
        if maker == tid {
            return;
        }
        let Some(mut open) = self.log.open.remove(&maker) else { return };
        let pid = self.pid_of(tid);
        if !open.told {
            open.told = true;
            let begun = open.beginning();
            self.record(pid, maker, EventKind::SyscallBegun(begun));
        }
        self.log.line = Some(tid);
        self.log_lost(pid, tid);
        self.log.open.insert(tid, open);
        self.record(pid, tid, EventKind::Superseded { by: maker });
        self.log.line = None;
    }

    /// The call that a thread was in when it ended.
    fn log_lost(&mut self, pid: Pid, tid: Tid) {
        let Some(open) = self.log.open.remove(&tid) else { return };
        let call = open.beginning();
        let rest = if open.begun.more { " <unfinished ...>" } else { "" }.to_owned();
        let record = SyscallRecord { call, rest, ret: None, result: "?".to_owned() };
        self.record(pid, tid, EventKind::Syscall(record));
    }

    /// Job control stopped a thread.
    pub(super) fn log_halt(&mut self, tid: Tid, signo: i32) {
        self.tell_unfinished(Some(tid));
        let pid = self.pid_of(tid);
        self.record(pid, tid, EventKind::Halted { signo });
    }

    /// A thread has ended, perhaps in a call.
    pub(super) fn log_end(&mut self, pid: Pid, tid: Tid, status: ExitStatus) {
        if self.tracer.table.logged.is_empty() {
            return;
        }
        self.tell_unfinished(Some(tid));
        self.log.before.remove(&tid);
        self.log_lost(pid, tid);
        self.record(pid, tid, EventKind::Ended { status, core: wait::has_dumped(tid) });
    }
}

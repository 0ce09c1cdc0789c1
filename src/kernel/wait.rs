//! `waitpid` is called here and nowhere else; a raw status is decoded once.

use nix::errno::Errno;

use crate::addr::Tid;
use crate::event::ExitStatus;

/// What happened to a thread.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The thread ended; for the leader of a group, the process did.
    Exited(ExitStatus),
    /// A signal is about to be delivered.
    Signal(i32),
    /// A system call begins or ends.
    Syscall,
    /// A seccomp filter stopped it before a system call.
    Seccomp,
    /// It made a thread; the event message is its id.
    Clone,
    /// It made a process.
    Fork,
    /// It made a process that borrows its memory until exec or exit.
    Vfork,
    /// That child has let its memory go.
    VforkDone,
    /// It replaced its program; the event message is the id it had before.
    Exec,
    /// Job control stopped its process with this signal.
    GroupStop(i32),
    /// An interrupt that we asked for, or the first stop of a new thread.
    Event,
    /// A status that we know nothing of.
    Other(i32),
}

/// Waits for any child or traced thread. `Ok(None)` when `block` is false and nothing has happened.
///
/// # Errors
/// `ECHILD` when there is nothing to wait for, `EINTR` when a signal of our own came first.
pub fn any(block: bool) -> Result<Option<(Tid, Status)>, Errno> {
    one(-1, block)
}

/// Waits for one thread, without taking another's status.
///
/// # Errors
/// As [`any`].
pub fn thread(tid: Tid, block: bool) -> Result<Option<(Tid, Status)>, Errno> {
    one(tid.0, block)
}

fn one(id: i32, block: bool) -> Result<Option<(Tid, Status)>, Errno> {
    let mut raw = 0;
    let flags = libc::__WALL | if block { 0 } else { libc::WNOHANG };
    let nothing = std::ptr::null_mut::<libc::rusage>();
    // Not the C library's waitpid, which arms pthread_cancel(3) around each call.
    // SAFETY: `raw` lives until the call returns; nothing is written through a null pointer.
    let tid = Errno::result(unsafe { libc::syscall(libc::SYS_wait4, id, &raw mut raw, flags, nothing) })?;
    Ok((tid != 0).then(|| (Tid(tid as i32), decode(raw))))
}

fn decode(raw: i32) -> Status {
    if libc::WIFEXITED(raw) {
        return Status::Exited(ExitStatus::Code(libc::WEXITSTATUS(raw)));
    }
    if libc::WIFSIGNALED(raw) {
        return Status::Exited(ExitStatus::Signal(libc::WTERMSIG(raw)));
    }
    if !libc::WIFSTOPPED(raw) {
        return Status::Other(raw);
    }
    let signal = libc::WSTOPSIG(raw);
    match raw >> 16 {
        0 if signal == libc::SIGTRAP | 0x80 => Status::Syscall,
        0 => Status::Signal(signal),
        libc::PTRACE_EVENT_CLONE => Status::Clone,
        libc::PTRACE_EVENT_FORK => Status::Fork,
        libc::PTRACE_EVENT_VFORK => Status::Vfork,
        libc::PTRACE_EVENT_VFORK_DONE => Status::VforkDone,
        libc::PTRACE_EVENT_EXEC => Status::Exec,
        libc::PTRACE_EVENT_SECCOMP => Status::Seccomp,
        // Only these four stop a process (signal(7)); everything else is an interrupt or a newborn thread.
        libc::PTRACE_EVENT_STOP => match signal {
            libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => Status::GroupStop(signal),
            _ => Status::Event,
        },
        _ => Status::Other(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_statuses_are_told_apart() {
        let event = |event: i32, signal: i32| (event << 16) | (signal << 8) | 0x7f;
        let cases = [
            (0x0300, Status::Exited(ExitStatus::Code(3))),
            (11, Status::Exited(ExitStatus::Signal(11))),
            (event(0, libc::SIGTRAP | 0x80), Status::Syscall),
            (event(0, libc::SIGTRAP), Status::Signal(libc::SIGTRAP)),
            (event(libc::PTRACE_EVENT_EXEC, libc::SIGTRAP), Status::Exec),
            (event(libc::PTRACE_EVENT_STOP, libc::SIGTRAP), Status::Event),
            (event(libc::PTRACE_EVENT_STOP, libc::SIGTSTP), Status::GroupStop(libc::SIGTSTP)),
            (event(libc::PTRACE_EVENT_STOP, libc::SIGCONT), Status::Event),
        ];
        for (raw, want) in cases {
            assert_eq!(decode(raw), want, "{raw:#x}");
        }
    }
}

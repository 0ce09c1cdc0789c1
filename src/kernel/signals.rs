//! Signals of our own process: the bell that wakes a waiting tracer, watching, and signals by name.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// The bell. SIGURG is ignored by default, so a ring that comes late or astray harms nobody.
const BELL: Signal = Signal::SIGURG;

/// Rings a thread out of a blocking system call.
#[derive(Copy, Clone, Debug)]
pub struct Ringer {
    pid: i32,
    tid: i32,
}

extern "C" fn on_bell(_: i32) {}

extern "C" fn on_file_limit(_: i32) {}

impl Ringer {
    /// A ringer for the calling thread.
    ///
    /// # Errors
    /// Those of sigaction(2).
    pub fn for_this_thread() -> io::Result<Ringer> {
        // No SA_RESTART: the call that is interrupted must come back.
        let action = SigAction::new(SigHandler::Handler(on_bell), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing, which is safe at any moment.
        unsafe { sigaction(BELL, &action) }?;
        Ok(Ringer { pid: nix::unistd::getpid().as_raw(), tid: nix::unistd::gettid().as_raw() })
    }

    /// Rings once. One ring can be lost, when it comes just before the call blocks: repeat it until you see
    /// that it was heard.
    pub fn ring(self) {
        // A thread that has ended needs no bell, so an error means nothing.
        let _ = super::ptrace::signal_thread(self.pid, crate::addr::Tid(self.tid), BELL as i32);
    }
}

static WRITER: OnceLock<UnixStream> = OnceLock::new();

extern "C" fn on_watched(signal: i32) {
    // write(2) to a socket is async-signal-safe; a full socket means that enough is waiting to be read.
    if let Some(mut writer) = WRITER.get() {
        let _ = writer.write(&[signal as u8]);
    }
}

/// Delivers these signals through a channel instead of their default action. Call it once in a process.
///
/// # Errors
/// Those of sigaction(2) and of making a socket pair; `AlreadyExists` at a second call.
pub fn watch(signals: &[i32]) -> io::Result<Receiver<i32>> {
    let (mut reader, writer) = UnixStream::pair()?;
    writer.set_nonblocking(true)?;
    WRITER.set(writer).map_err(|_| io::Error::from(io::ErrorKind::AlreadyExists))?;
    let action = SigAction::new(SigHandler::Handler(on_watched), SaFlags::SA_RESTART, SigSet::empty());
    for &signal in signals {
        // SAFETY: the handler only writes a byte to a socket that lives as long as the process.
        unsafe { sigaction(Signal::try_from(signal)?, &action) }?;
    }
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while reader.read_exact(&mut byte).is_ok() && send.send(i32::from(byte[0])).is_ok() {}
    });
    Ok(receive)
}

/// Ignores a signal in this process.
///
/// # Errors
/// Those of sigaction(2).
pub fn ignore(signal: i32) -> io::Result<()> {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal runs no code.
    unsafe { sigaction(Signal::try_from(signal)?, &action) }?;
    Ok(())
}

/// Spares the kernel the signal that it would send for each stop of a traced thread: nobody here takes SIGCHLD, and
/// waitpid(2) tells the stops all the same. 4% of what a stop costs.
///
/// # Errors
/// Those of sigaction(2).
pub fn hush_stops() -> io::Result<()> {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::SA_NOCLDSTOP, SigSet::empty());
    // SAFETY: the default action of SIGCHLD runs no code.
    unsafe { sigaction(Signal::SIGCHLD, &action) }?;
    Ok(())
}

/// A file that may not grow any further (setrlimit(2), RLIMIT_FSIZE) is an error of the write, and not our end: that would
/// be the end of what we launched, too.
///
/// # Errors
/// Those of sigaction(2).
pub fn outlive_file_limit() -> io::Result<()> {
    // Not ignored, which programs that we start would inherit.
    let action = SigAction::new(SigHandler::Handler(on_file_limit), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler does nothing, which is safe at any moment.
    unsafe { sigaction(Signal::SIGXFSZ, &action) }?;
    Ok(())
}

/// Stops our own process as job control would: with the default action of `SIGSTOP`, which no handler of
/// ours can swallow. Returns when somebody continues us.
pub fn suspend() {
    // raise(3), not kill(2): a signal for the process may go to another thread, and this one would run on.
    // SAFETY: a system call on a plain number.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Interrupt from the keyboard.
pub const SIGINT: i32 = libc::SIGINT;
/// Quit from the keyboard.
pub const SIGQUIT: i32 = libc::SIGQUIT;
/// Breakpoint trap.
pub const SIGTRAP: i32 = libc::SIGTRAP;
/// Termination.
pub const SIGTERM: i32 = libc::SIGTERM;
/// The terminal is gone.
pub const SIGHUP: i32 = libc::SIGHUP;
/// Stop from the keyboard.
pub const SIGTSTP: i32 = libc::SIGTSTP;
/// Continue.
pub const SIGCONT: i32 = libc::SIGCONT;
/// The terminal's size changed.
pub const SIGWINCH: i32 = libc::SIGWINCH;
/// A child changed state.
pub const SIGCHLD: i32 = libc::SIGCHLD;
/// Stop that cannot be caught.
pub const SIGSTOP: i32 = libc::SIGSTOP;

/// A signal's name and gdb's words for it (gdb 13.1, include/gdb/signals.def).
#[must_use]
pub fn describe(signal: i32) -> (String, String) {
    let words = match signal {
        libc::SIGHUP => "Hangup",
        libc::SIGINT => "Interrupt",
        libc::SIGQUIT => "Quit",
        libc::SIGILL => "Illegal instruction",
        libc::SIGTRAP => "Trace/breakpoint trap",
        libc::SIGABRT => "Aborted",
        libc::SIGBUS => "Bus error",
        libc::SIGFPE => "Arithmetic exception",
        libc::SIGKILL => "Killed",
        libc::SIGUSR1 => "User defined signal 1",
        libc::SIGSEGV => "Segmentation fault",
        libc::SIGUSR2 => "User defined signal 2",
        libc::SIGPIPE => "Broken pipe",
        libc::SIGALRM => "Alarm clock",
        libc::SIGTERM => "Terminated",
        libc::SIGCHLD => "Child status changed",
        libc::SIGCONT => "Continued",
        libc::SIGSTOP => "Stopped (signal)",
        libc::SIGTSTP => "Stopped (user)",
        libc::SIGTTIN => "Stopped (tty input)",
        libc::SIGTTOU => "Stopped (tty output)",
        libc::SIGURG => "Urgent I/O condition",
        libc::SIGXCPU => "CPU time limit exceeded",
        libc::SIGXFSZ => "File size limit exceeded",
        libc::SIGVTALRM => "Virtual timer expired",
        libc::SIGPROF => "Profiling timer expired",
        libc::SIGWINCH => "Window size changed",
        libc::SIGIO => "I/O possible",
        libc::SIGPWR => "Power fail/restart",
        libc::SIGSYS => "Bad system call",
        _ => return (format!("SIG{signal}"), format!("Real-time event {signal}")),
    };
    let name = Signal::try_from(signal).map_or_else(|_| format!("SIG{signal}"), |s| s.as_str().to_owned());
    (name, words.to_owned())
}

/// Whether gdb stops for this signal unless told otherwise (`info signals` of gdb 13.1).
#[must_use]
pub fn stops_by_default(signal: i32) -> bool {
    !matches!(
        signal,
        libc::SIGALRM
            | libc::SIGURG
            | libc::SIGIO
            | libc::SIGVTALRM
            | libc::SIGPROF
            | libc::SIGCHLD
            | libc::SIGWINCH
    ) && signal != 32
        && signal != 33
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_called_as_gdb_calls_them() {
        assert_eq!(describe(11), ("SIGSEGV".into(), "Segmentation fault".into()));
        assert_eq!(describe(15), ("SIGTERM".into(), "Terminated".into()));
        assert_eq!(describe(40), ("SIG40".into(), "Real-time event 40".into()));
    }
}

//! What happened, in a few words: one wording for status lines, marks and lists of events.

use super::diff::named;
use super::escape::plain;
use super::tables::label_word;
use crate::addr::human_size;
use crate::event::{Caught, Event, EventKind, ExitStatus, StopReason};
use crate::kernel::signals;
use crate::syscalls;

/// An event.
#[must_use]
pub fn event(event: &Event) -> String {
    match &event.kind {
        EventKind::Started { program, attached: true, .. } => format!("attached to {}", plain(program)),
        EventKind::Started { program, .. } => format!("{} starts", plain(program)),
        EventKind::Execed { program } => format!("exec {}", plain(program)),
        EventKind::Forked { child, .. } => format!("fork of {child}"),
        EventKind::ThreadStarted => format!("thread {} starts", event.tid),
        EventKind::ThreadEnded => format!("thread {} ends", event.tid),
        EventKind::Exited(status) => format!("process {} {}", event.pid, ending(*status)),
        EventKind::Stopped(why) => reason(why),
        EventKind::Resumed => "goes on".to_owned(),
        EventKind::Call(record) => {
            format!("{}  [{}]", syscalls::text(&record.call), label_word(record.label))
        }
        EventKind::Usage { rss, vsz } => {
            format!("{} resident of {}", human_size(*rss), human_size(*vsz))
        }
        EventKind::Hit { number, hits, .. } => format!("hit {hits} of breakpoint {number}"),
        EventKind::Signalled { signo, .. } => signal(*signo),
        EventKind::SyscallBegun(begun) => format!("{} <unfinished ...>", plain(&begun.text)),
        EventKind::Syscall(record) => plain(&record.text()),
        EventKind::Marked { name, .. } => named::called(name),
        EventKind::Named { .. } => "names of return addresses".to_owned(),
        EventKind::Halted { .. } => "stopped by a signal".to_owned(),
        EventKind::Superseded { .. } => "exec by another thread".to_owned(),
        EventKind::Ended { .. } => format!("thread {} ends", event.tid),
        EventKind::Detached => "let go".to_owned(),
        EventKind::ConditionError { number, error } => {
            format!("condition of breakpoint {number}: {}", plain(error))
        }
    }
}

/// Why the target stopped.
#[must_use]
pub fn reason(reason: &StopReason) -> String {
    match reason {
        StopReason::Breakpoint { number, stage: 0, temporary: false } => format!("breakpoint {number}"),
        StopReason::Breakpoint { number, stage: 0, .. } => format!("temporary breakpoint {number}"),
        StopReason::Breakpoint { number, stage, .. } => format!("breakpoint {number}.{stage}"),
        StopReason::Catchpoint { number, what, .. } => format!("catchpoint {number}: {}", caught(what)),
        StopReason::Watchpoint { number, expression, old, new, .. } => {
            let change = old.as_ref().map_or_else(|| new.clone(), |old| format!("{old} -> {new}"));
            let words = format!("watchpoint {number}: {expression} = {change}");
            plain(&words)
        }
        StopReason::WatchpointScope { number } => format!("watchpoint {number} left its scope"),
        StopReason::StepDone => "step done".to_owned(),
        StopReason::Finished => "function finished".to_owned(),
        StopReason::Signal { signo } => format!("signal {}", signal(*signo)),
        StopReason::Interrupted => "paused by you".to_owned(),
        StopReason::Attached => "attached".to_owned(),
        StopReason::Entry => "first instruction".to_owned(),
    }
}

fn caught(what: &Caught) -> String {
    let call = |nr: &u64| syscalls::name(*nr).map_or_else(|| nr.to_string(), str::to_owned);
    match what {
        Caught::Fork(_) => "fork".to_owned(),
        Caught::Vfork(_) => "vfork".to_owned(),
        Caught::Exec(_) => "exec".to_owned(),
        Caught::Signal(signo) => signal(*signo),
        Caught::Load(_) => "library loaded".to_owned(),
        Caught::Unload(_) => "library unloaded".to_owned(),
        Caught::SyscallEntry(nr) => format!("{} begins", call(nr)),
        Caught::SyscallReturn(nr) => format!("{} returned", call(nr)),
    }
}

/// How a process ended.
#[must_use]
pub fn ending(status: ExitStatus) -> String {
    match status {
        ExitStatus::Code(0) => "exited normally".to_owned(),
        ExitStatus::Code(code) => format!("exited with code {code}"),
        ExitStatus::Signal(signo) => format!("killed by {}", signal(signo)),
    }
}

/// A signal's name, in gdb's words where it has none.
fn signal(signo: i32) -> String {
    signals::describe(signo).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names() {
        assert_eq!([11, 0, 34].map(signal), ["SIGSEGV", "SIG0", "SIG34"]);
    }
}

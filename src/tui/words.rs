//! Facts in words: stop reasons, frames, calls. One wording for status line, panes and marks.

use crate::event::{Caught, ExitStatus, Label, StackFrame, StopReason};
use crate::scene::view::FrameView;
use crate::syscalls;

use super::text;

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
            crate::report::escape::plain(&words)
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

/// A signal's name on x86-64 Linux (signal(7)).
#[must_use]
pub fn signal(signo: i32) -> String {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE",
        "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
        "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    let name = usize::try_from(signo).ok().and_then(|n| NAMES.get(n.checked_sub(1)?));
    name.map_or_else(|| format!("SIG{signo}"), |name| format!("SIG{name}"))
}

/// The function of a recorded frame, or its address.
#[must_use]
pub fn function(frame: &StackFrame) -> String {
    text::clean(&frame.function.clone().unwrap_or_else(|| frame.address.to_string()))
}

/// `function (file:line)` of a recorded frame, or its address.
#[must_use]
pub fn frame(frame: &StackFrame) -> String {
    let name = frame.function.clone().unwrap_or_else(|| frame.address.to_string());
    let place = match (&frame.file, frame.line, &frame.module) {
        (Some(file), Some(line), _) => format!(" ({}:{line})", text::base_name(file)),
        (_, _, Some(module)) => format!(" ({})", text::base_name(module)),
        _ => String::new(),
    };
    text::clean(&format!("{name}{place}"))
}

/// `name (a=1, b=2)` of a frame in a backtrace.
#[must_use]
pub fn call_of(frame: &FrameView) -> String {
    if frame.signal_handler {
        return "<signal handler called>".to_owned();
    }
    let name = frame.function.as_deref().unwrap_or("??");
    let mut args = Vec::new();
    for arg in &frame.args {
        let value = match (&arg.value, &arg.entry_value) {
            (Some(value), _) => format!("{}={value}", arg.name),
            (None, Some(entry)) => format!("{}@entry={entry}", arg.name),
            (None, None) => format!("{}=?", arg.name),
        };
        args.push(value);
    }
    text::clean(&format!("{name} ({})", args.join(", ")))
}

/// `file:line` of a frame, or the module that holds it.
#[must_use]
pub fn place_of(frame: &FrameView) -> String {
    match (&frame.file, frame.line, &frame.module) {
        (Some(file), Some(line), _) => text::clean(&format!("{}:{line}", text::base_name(file))),
        (_, _, Some(module)) => text::clean(text::base_name(module)),
        _ => String::new(),
    }
}

/// A label in a word or two.
#[must_use]
pub fn label(label: Label) -> &'static str {
    match label {
        Label::BrkGrow => "heap grows",
        Label::BrkShrink => "heap shrinks",
        Label::BrkQuery => "query",
        Label::BrkRefused => "✗ REFUSED",
        Label::ForeignSbrk => "sbrk, foreign",
        Label::Fallback => "▓ fallback",
        Label::FallbackNoBrk => "▓ fallback, no brk",
        Label::MmapChunk => "▚ own mapping",
        Label::MmapChunkFree => "▚ freed",
        Label::MmapChunkResize => "▚ resized",
        Label::ArenaNew => "▞ new arena",
        Label::ArenaGrow => "▞ arena grows",
        Label::ArenaShrink => "▞ arena shrinks",
        Label::Trim => "trimmed",
        Label::ThreadStack => "thread stack",
        Label::Loader => "loader",
        Label::Blocker => "◆ BLOCKER",
        Label::UserMap => "program maps",
        Label::UserUnmap => "program unmaps",
        Label::UserProtect => "program protects",
    }
}

/// Bytes for people, with the unit spelled: `1.0 MiB`, `132 KiB`, `48 B`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "KiB" && bytes.is_multiple_of(1024) {
        return format!("{} KiB", bytes / 1024);
    }
    format!("{value:.1} {unit}")
}

/// A moment on the target's clock.
#[must_use]
pub fn moment(t: f64) -> String {
    format!("+{t:.3}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_signals() {
        let shown = [48, 135_168, 1_048_576, 38_797_312, 3_000_000_000].map(size);
        assert_eq!(shown, ["48 B", "132 KiB", "1.0 MiB", "37.0 MiB", "2.8 GiB"]);
        assert_eq!(signal(11), "SIGSEGV");
        assert_eq!(signal(0), "SIG0");
        assert_eq!(signal(34), "SIG34");
    }
}

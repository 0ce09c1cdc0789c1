//! Facts in words: frames, calls, sizes. One wording for status line, panes and marks; what happened is in the words of
//! [`crate::report::happened`].

use crate::event::{Label, StackFrame};
use crate::scene::view::FrameView;

use super::text;
pub use crate::report::happened::{ending, reason};

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
    fn sizes_are_short() {
        let shown = [48, 135_168, 1_048_576, 38_797_312, 3_000_000_000].map(size);
        assert_eq!(shown, ["48 B", "132 KiB", "1.0 MiB", "37.0 MiB", "2.8 GiB"]);
    }
}

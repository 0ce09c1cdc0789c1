//! What views look like when they leave the engine: plain values, serialisable, without lifetimes.
//!
//! These are wire types: their JSON is a promise (`brkwater.backtrace/1` only ever grows), so they are kept
//! apart from the types that the engine thinks in and are converted by hand.

use serde::{Deserialize, Serialize};

use crate::addr::{Addr, Pid, Tid};

/// One argument of a frame as it is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArgView {
    /// The parameter's name.
    pub name: String,
    /// Its value in gdb's words (`0x4052a0 "/etc/hosts"`, `<optimized out>`); `None` where gdb prints only
    /// the entry value.
    pub value: Option<String>,
    /// The value at the function's entry, where call site information gives it: printed as `name@entry=…`.
    pub entry_value: Option<String>,
}

/// One frame of a backtrace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameView {
    /// 0 is the innermost.
    pub level: u32,
    /// The program counter (a return address above level 0; an inlined frame repeats its caller's).
    pub address: Addr,
    /// Whether gdb prints the address: false for a pc at the beginning of a line and for inlined frames.
    pub show_address: bool,
    /// The function; `None` is gdb's `??`.
    pub function: Option<String>,
    /// Its arguments, in order.
    pub args: Vec<ArgView>,
    /// Whether debug info covers the frame: without it gdb prints `()` and `from MODULE`.
    pub has_debug_info: bool,
    /// The source file as debug info names it.
    pub file: Option<String>,
    /// The source file as a path that can be opened, when it is absolute or joins with the unit's directory.
    pub full_path: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// The mapped file that holds the code.
    pub module: Option<String>,
    /// The name under which the program loaded it, where gdb would print ` from NAME` behind the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its build-id in hex.
    pub build_id: Option<String>,
    /// Whether it was inlined into the next frame.
    pub inlined: bool,
    /// Set for `<signal handler called>`.
    pub signal_handler: bool,
}

/// A backtrace; its JSON has the schema `brkwater.backtrace/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backtrace {
    /// Always [`Backtrace::SCHEMA`].
    pub schema: String,
    /// The process.
    pub pid: Pid,
    /// The thread.
    pub tid: Tid,
    /// The frames, innermost first.
    pub frames: Vec<FrameView>,
    /// Why the unwinding ended before the outermost frame, in gdb's words, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

impl Backtrace {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "brkwater.backtrace/1";
}

/// A window of source text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceView {
    /// The file as debug info names it.
    pub file: String,
    /// The number of the first line below.
    pub first: u32,
    /// The lines, without line ends, tabs kept.
    pub lines: Vec<String>,
    /// The line at which the selected frame stands, if it is in this file.
    pub current: Option<u32>,
    /// Lines with breakpoints, and whether each is enabled.
    pub breakpoints: Vec<(u32, bool)>,
    /// Why there are no lines (`malloc.c: No such file or directory.`).
    pub missing: Option<String>,
}

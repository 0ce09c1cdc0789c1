//! What a session cannot do, in sentences for people; the first line is gdb's where gdb has one.

use thiserror::Error;

use super::run::Stop;
use crate::addr::{Addr, Pid};
use crate::scene::expr::ExprError;
use crate::symbols::{ResolveError, SymbolError};

/// Why a request to the session failed.
#[derive(Debug, Error)]
#[allow(missing_docs)] // Each variant is its sentence.
pub enum SessionError {
    #[error("The program is not being run.")]
    NotRunning,
    #[error("No executable file specified.\nUse the \"file\" or \"exec-file\" command.")]
    NoProgram,
    #[error("{path}: {why}.")]
    Program { path: String, why: String },
    #[error("\"{path}\": not in executable format: {why}\n  hint: brkwater debugs ELF programs for x86-64.")]
    Format { path: String, why: String },
    #[error("Cannot start {path}: {why}")]
    Launch { path: String, why: String },
    #[error("ptrace: {why}.\n  hint: {hint}")]
    Attach { why: String, hint: String },
    #[error("Cannot look at process {pid}: {why}.\n  hint: {hint}")]
    Held { pid: Pid, why: String, hint: &'static str },
    #[error("Already debugging process {0}.\n  hint: \"detach\" or \"kill\" it first.")]
    AlreadyRunning(Pid),
    #[error("No frame at level {0}.")]
    NoFrame(u32),
    #[error("\"finish\" not meaningful in the outermost frame.")]
    Outermost,
    #[error("Cannot find bounds of current function")]
    NoBounds,
    #[error("Cannot access memory at address {0}")]
    Memory(Addr),
    #[error("Invalid thread ID: {0}")]
    NoThread(String),
    #[error("Invalid register `{0}'")]
    NoRegister(String),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error(transparent)]
    Core(#[from] crate::corefile::CoreError),
    #[error(transparent)]
    Symbols(#[from] SymbolError),
    #[error(transparent)]
    Expression(#[from] ExprError),
    #[error("Cannot call: the thread stands in a system call.\n  hint: \"stepi\" out of it first.")]
    InSyscall,
    #[error("Cannot pass floating point arguments: the vector registers cannot be written.")]
    NoVectors,
    #[error("The program being debugged stopped while in a function called from GDB.")]
    CallStopped(Box<Stop>),
    #[error("Cannot watch constant value `{0}'.")]
    Constant(String),
    #[error(
        "Cannot watch `{0}': it is in a register.\n  hint: brkwater watches memory, with the processor's four debug registers."
    )]
    InRegister(String),
    #[error(
        "Could not insert hardware watchpoint {number}.\nYou may have requested too many hardware breakpoints/watchpoints.\n  hint: `{text}' needs {needs} of the four debug registers{}",
        in_use(owners)
    )]
    NoSlots { number: u32, text: String, needs: usize, owners: Vec<String> },
    #[error(
        "Nothing to take up: no face was lost here, or what it debugged has ended.\n  hint: \"attach PID\"."
    )]
    NotParted,
    #[error("You can't do that without a process to debug.")]
    NoProcess,
    #[error("Failed to open '{path}' for output.\n  hint: {why}.")]
    NoOutput { path: String, why: String },
    #[error("Failed to write '{path}': {why}.\n  hint: what there was of it is removed.")]
    NotWritten { path: String, why: String },
    #[error("The process is already being recorded, into {0}.\n  hint: \"record stop\" ends that.")]
    Recording(String),
    #[error("No recording is looked at.\n  hint: \"record open FILE\" opens one.")]
    NoReplay,
    #[error(transparent)]
    Replay(#[from] crate::recording::RecordingError),
    #[error("Quit\n  hint: '{0}' was not finished and is removed.")]
    DumpInterrupted(String),
    #[error("The debugger's other half is gone.")]
    FaceGone,
}

/// Who has the debug registers: `; in use: 1 (x: 1), 3 (*p: 2).`
fn in_use(owners: &[String]) -> String {
    if owners.is_empty() { ".".to_owned() } else { format!("; in use: {}.", owners.join(", ")) }
}

//! What the engine tells unasked: numbered, immutable, serialisable.
//!
//! Everything that a screen, a journal or an export shows of a run can be folded out of these values without
//! a kernel. This module describes; deciding what a call *was* is the heap's story ([`crate::heap`]).

use serde::{Deserialize, Serialize};

use crate::addr::{Addr, Pid, Seq, Span, Tid};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number.
    pub seq: Seq,
    /// Seconds since the engine launched or attached to the first target.
    pub t: f64,
    /// The process.
    pub pid: Pid,
    /// The thread.
    pub tid: Tid,
    /// What it was.
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A target was launched (`attached` false) or attached to. `brk` is its break at that moment.
    Started {
        /// The program's path.
        program: String,
        /// Its arguments, without the program.
        args: Vec<String>,
        /// Whether it ran before we came.
        attached: bool,
        /// Whether it is a core file's: it ended, or was written to the file, before we came.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        core: bool,
        /// The program break, where known.
        brk: Option<Addr>,
        /// The mappings that were there already (empty right after exec of a launched program is normal).
        maps: Vec<crate::maps::Mapping>,
    },
    /// The process replaced its program; its memory is new.
    Execed {
        /// The new program.
        program: String,
    },
    /// A child process appeared.
    Forked {
        /// The child.
        child: Pid,
        /// Whether we keep it under control.
        followed: bool,
        /// Whether it borrows its parent's memory (vfork).
        #[serde(default)]
        vfork: bool,
    },
    /// A thread appeared.
    ThreadStarted,
    /// A thread ended, others go on.
    ThreadEnded,
    /// The process ended.
    Exited(ExitStatus),
    /// Everything stopped, for this reason.
    Stopped(StopReason),
    /// The target runs (again).
    Resumed,
    /// A memory call returned.
    Call(CallRecord),
    /// A call that is recorded has begun and has not ended when something else is told: strace's `<unfinished ...>`.
    SyscallBegun(SyscallBegun),
    /// A call that is recorded (`set record calls`) has returned, or its thread has ended in it. Of the memory calls the
    /// record is a [`EventKind::Call`].
    Syscall(SyscallRecord),
    /// What the kernel counts for the process at this moment, in bytes (`/proc/PID/statm`).
    Usage {
        /// Resident set.
        rss: u64,
        /// Virtual size.
        vsz: u64,
    },
    /// A breakpoint, catchpoint or watchpoint was hit, whether it stops or not. Left out where it comes right after
    /// the hit before and malloc got nothing in between; `hits` counts those, too.
    Hit {
        /// Its number.
        number: u32,
        /// How often it was hit by this process so far.
        hits: u64,
        /// Resident bytes at this moment.
        rss: Option<u64>,
    },
    /// A signal arrived that does not stop the target, but that the user wants to know of.
    Signalled {
        /// Its number.
        signo: i32,
        /// What came with it, in strace's form.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        info: String,
    },
    /// Job control stopped the thread; told where calls are recorded.
    Halted {
        /// The signal.
        signo: i32,
    },
    /// The process's leader gave its id to this thread, which has replaced the program; told where calls are recorded.
    Superseded {
        /// The thread that called exec, under its own id.
        by: Tid,
    },
    /// How a thread ended, also the last one of its process; told where calls are recorded.
    Ended {
        /// How.
        status: ExitStatus,
        /// Whether it left a core file.
        #[serde(default)]
        core: bool,
    },
    /// What return addresses stand for that no call of this process had before, or that its code has changed under: for
    /// those who look when the process is gone.
    Named {
        /// Each address, with its frames, inlined ones first; none where nothing is known.
        frames: Vec<(Addr, Vec<StackFrame>)>,
    },
    /// The user gave this moment a name (`mark`, `snapshot`), so that it can be compared with another one.
    Marked {
        /// The name; a later one of the same name takes its place.
        name: String,
        /// Resident bytes at this moment.
        #[serde(default)]
        rss: Option<u64>,
        /// Bytes in use by malloc's own books, large blocks included; nothing where these could not be read.
        #[serde(default)]
        live: Option<u64>,
        /// Bytes that malloc kept free: in bins, in threads' caches, in top chunks.
        #[serde(default)]
        idle: Option<u64>,
    },
    /// We let the process go; it runs on without us.
    Detached,
    /// A breakpoint's condition could not be evaluated. It is an error state, not a hit: nothing stops, and
    /// the same error is told once.
    ConditionError {
        /// The breakpoint's number.
        number: u32,
        /// What went wrong, as a sentence.
        error: String,
    },
}

/// How a process ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitStatus {
    /// It called exit with this status (0 to 255).
    Code(i32),
    /// A signal killed it.
    Signal(i32),
}

/// Why the target stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// A breakpoint that the user set; for a chain, its last stage.
    Breakpoint {
        /// Its number.
        number: u32,
        /// The stage of a chain that stopped (1-based); 0 when it is no chain.
        stage: u32,
        /// Whether it was temporary (`tbreak`).
        temporary: bool,
    },
    /// Something that a catchpoint waits for.
    Catchpoint {
        /// Its number.
        number: u32,
        /// Whether it was temporary (`tcatch`).
        temporary: bool,
        /// What it was.
        what: Caught,
    },
    /// What a watchpoint watches was touched.
    Watchpoint {
        /// Its number.
        number: u32,
        /// Its expression.
        expression: String,
        /// Its value before, when it changed.
        old: Option<String>,
        /// Its value now.
        new: String,
        /// Whether it was temporary.
        temporary: bool,
    },
    /// The frame whose variables a watchpoint watched has returned; the watchpoint is gone.
    WatchpointScope {
        /// Its number.
        number: u32,
    },
    /// A step, next, stepi… is done.
    StepDone,
    /// `finish` reached the caller.
    Finished,
    /// A signal arrived that the user wants to see.
    Signal {
        /// Its number.
        signo: i32,
    },
    /// The user asked for a pause.
    Interrupted,
    /// `attach` stopped it.
    Attached,
    /// The first instruction after exec (`starti`).
    Entry,
}

/// What a catchpoint caught.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caught {
    /// The process made this one.
    Fork(Pid),
    /// The process made this one, which borrows its memory.
    Vfork(Pid),
    /// The process runs this program now.
    Exec(String),
    /// This signal is about to be delivered.
    Signal(i32),
    /// These libraries were loaded.
    Load(Vec<String>),
    /// These libraries were unloaded.
    Unload(Vec<String>),
    /// This system call begins (its number on x86-64).
    SyscallEntry(u64),
    /// This system call has returned.
    SyscallReturn(u64),
}

/// A system call that has not returned yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyscallBegun {
    /// Its number on x86-64.
    pub nr: u64,
    /// Its argument registers.
    pub args: [u64; 6],
    /// Its name, and the arguments that are known when it begins, in strace's form.
    pub text: String,
    /// The process was let go in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub detached: bool,
}

/// A system call that was recorded, decoded while its thread stood there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyscallRecord {
    /// What it was.
    pub call: SyscallBegun,
    /// The arguments that are known when it has returned, without the parenthesis.
    pub rest: String,
    /// What it returned, an error being negative; nothing where it never did.
    pub ret: Option<i64>,
    /// The same in strace's form.
    pub result: String,
}

impl SyscallRecord {
    /// The whole call in strace's form.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}) = {}", self.call.text, self.rest, self.result)
    }
}

/// A call of brk, mmap, munmap or mremap that returned, with what the story made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// What was called.
    pub call: Call,
    /// What it meant.
    pub label: Label,
    /// Why the kernel refused it, where it did for want of memory: a brk, or an mmap that failed.
    pub cause: Option<Cause>,
    /// Return addresses, innermost first, beginning with the instruction behind `syscall`.
    pub stack: Vec<Addr>,
    /// The frame that a reader wants to see: the innermost one outside the allocator and the loader.
    pub site: Option<StackFrame>,
    /// The innermost exported allocator function on the stack (`malloc`, `realloc`…), if any.
    pub allocator: Option<String>,
}

/// The bare facts of one memory call. Sizes in bytes; `ret` is the address returned.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// `brk(wanted)`; the kernel answers with the break that is now in force, moved or not.
    Brk {
        /// The break asked for; 0 asks where it is.
        wanted: Addr,
        /// The break afterwards.
        got: Addr,
    },
    /// `mmap(addr, len, prot, flags, fd, offset)`.
    Mmap {
        /// Address hint or demand.
        addr: Addr,
        /// Length asked for.
        len: u64,
        /// `PROT_*` bits.
        prot: u32,
        /// `MAP_*` bits.
        flags: u32,
        /// File descriptor, -1 for none.
        fd: i32,
        /// Offset in the file.
        offset: u64,
        /// The new mapping, or the errno.
        ret: Result<Addr, i32>,
    },
    /// `munmap(addr, len)`.
    Munmap {
        /// First byte.
        addr: Addr,
        /// Length.
        len: u64,
        /// 0, or the errno.
        ret: Result<Addr, i32>,
    },
    /// `mremap(addr, old_len, new_len, flags, new_addr)`.
    Mremap {
        /// The mapping as it was.
        addr: Addr,
        /// Its length.
        old_len: u64,
        /// The length wanted.
        new_len: u64,
        /// `MREMAP_*` bits.
        flags: u32,
        /// Where it is now, or the errno.
        ret: Result<Addr, i32>,
    },
}

/// What a memory call was for; the predicates are stated where they are decided, in `heap/`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// The break moved up for malloc.
    BrkGrow,
    /// The break moved down.
    BrkShrink,
    /// `brk(0)`: a question.
    BrkQuery,
    /// The kernel left the break where it was.
    BrkRefused,
    /// The break was moved by somebody other than malloc.
    ForeignSbrk,
    /// Main arena memory from mmap, because brk had been refused.
    Fallback,
    /// Main arena memory from mmap although brk was never asked.
    FallbackNoBrk,
    /// One large block with a mapping of its own.
    MmapChunk,
    /// Such a block was freed.
    MmapChunkFree,
    /// Such a block was resized.
    MmapChunkResize,
    /// A thread's arena was reserved.
    ArenaNew,
    /// A thread's arena grew.
    ArenaGrow,
    /// A thread's arena shrank.
    ArenaShrink,
    /// malloc gave pages back.
    Trim,
    /// A thread's stack.
    ThreadStack,
    /// The dynamic loader at work.
    Loader,
    /// A mapping that the program itself put where the next brk would go.
    Blocker,
    /// Any other mapping by the program.
    UserMap,
    /// Any other unmapping by the program.
    UserUnmap,
    /// A change of rights by the program.
    UserProtect,
}

/// Why a brk or an mmap was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Cause {
    /// A mapping stands in the way.
    Occupied {
        /// The mapping.
        blocker: Span,
        /// The event in which it was planted, if that was seen.
        planted_by: Option<Seq>,
    },
    /// A limit of the process was reached.
    Limit {
        /// Which one: `RLIMIT_DATA`, `RLIMIT_AS` or `RLIMIT_MEMLOCK`.
        name: String,
        /// Its soft value in bytes.
        value: u64,
        /// What the kernel counted against it before the call, in bytes.
        #[serde(default)]
        used: u64,
    },
    /// `vm.overcommit_memory` does not allow it.
    Overcommit {
        /// Its value: 0 (no more than all memory) or 2 (no more than what is left to commit).
        mode: u32,
        /// What is committed already, of all processes; 0 in mode 0, which does not count it.
        used: u64,
        /// What is allowed, in bytes.
        limit: u64,
    },
    /// There are more mappings than `vm.max_map_count` allows.
    MapCount {
        /// How many there are.
        count: u64,
        /// The limit.
        limit: u64,
    },
    /// It would reach beyond what a process may map.
    BeyondEnd {
        /// The end (`TASK_SIZE`).
        end: Addr,
    },
    /// brk failed as other calls do, which the kernel's own never does: a filter (seccomp) answered in its place.
    Errno {
        /// The error.
        errno: i32,
    },
    /// The break was asked to go below where it started.
    BelowStart,
    /// None of the above could be shown.
    Unknown,
}

/// A code address with its names, as they were known when it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFrame {
    /// The address.
    pub address: Addr,
    /// The function, demangled, if any symbol covers the address.
    pub function: Option<String>,
    /// The source file, as debug info names it.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
    /// The path of the mapped file.
    pub module: Option<String>,
}

//! A stopped world, as far as bytes go: live process, core file or recording behind one trait.
//!
//! Views ask a [`Source`] for memory, mappings, threads and registers, and a [`Files`] for the files that the
//! target has mapped. They never learn which kind of source they were given.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::addr::{Addr, Pid, Tid};
use crate::event::StackFrame;
use crate::maps::Mapping;
use crate::memory::Memory;
use crate::regs::{FrameRegs, Regs};

/// A `siginfo_t` as the kernel writes it (include/uapi/asm-generic/siginfo.h).
pub type Siginfo = [u8; 128];

/// What a stopped target can be asked.
pub trait Source {
    /// The process.
    fn pid(&self) -> Pid;
    /// Its memory, with our own breakpoints hidden.
    fn memory(&self) -> &dyn Memory;
    /// Its mappings, sorted by address.
    fn mappings(&self) -> &[Mapping];
    /// Its threads, oldest first.
    fn threads(&self) -> Vec<Tid>;
    /// A thread's registers; `None` when the thread is gone.
    fn regs(&self, tid: Tid) -> Option<Regs>;
    /// Where a thread's thread-local storage begins (`fs_base`), known also where its other registers are not.
    fn thread_pointer(&self, tid: Tid) -> Option<Addr> {
        self.regs(tid).map(|regs| Addr(regs.fs_base()))
    }
    /// The same as a frame's registers, vector registers included where the source has them.
    fn frame_regs(&self, tid: Tid) -> Option<FrameRegs> {
        self.regs(tid).map(|regs| FrameRegs::from(&regs))
    }
    /// A thread's floating point and vector registers as the processor stores them (the XSAVE area in its standard
    /// format, or the shorter FXSAVE area), where the source has them.
    fn extended_state(&self, _tid: Tid) -> Option<Vec<u8>> {
        None
    }
    /// What the kernel says of the signal that a thread stopped for, where the source has it.
    fn siginfo(&self, _tid: Tid) -> Option<Siginfo> {
        None
    }
    /// The return addresses of a thread's stack, innermost first, where they were recorded and its memory was not.
    fn recorded_stack(&self, _tid: Tid) -> Option<&[Addr]> {
        None
    }
    /// What was recorded of an address on such a stack: its frames, inlined ones first.
    fn recorded_names(&self, _at: Addr) -> &[StackFrame] {
        &[]
    }
    /// How many of the innermost inlined functions at a thread's pc are not shown: it stands at their calls.
    fn hidden_inlines(&self, _tid: Tid) -> usize {
        0
    }
    /// The auxiliary vector (getauxval(3)) as pairs of type and value.
    fn auxv(&self) -> &[(u64, u64)] {
        &[]
    }
}

/// Files as the target sees them, kept for the life of the debugger.
///
/// Bytes are `'static` because debug files are mapped once per process and never let go: readers may then
/// hold slices of them without lifetimes, and a restart of the target finds them warm.
pub trait Files {
    /// The whole file.
    ///
    /// # Errors
    /// The error of opening or mapping it.
    fn map(&self, path: &Path) -> io::Result<&'static [u8]>;

    /// The file behind these mappings, which follow one another and have one path. It is the one that was mapped: what
    /// lies at the path by now may be another.
    ///
    /// # Errors
    /// The error of opening it; of permission where the file is gone from its path and the kernel does not show it.
    fn mapped(&self, mappings: &[&Mapping], _memory: &dyn Memory) -> io::Result<&'static [u8]> {
        let path = mappings.first().and_then(|first| first.file());
        self.map(Path::new(path.ok_or(io::ErrorKind::NotFound)?))
    }

    /// Gives memory back that holds bytes of such a file: for those that will hardly be looked at again. They stay
    /// valid, and come from the file once more when somebody does.
    fn release(&self, _bytes: &'static [u8]) {}

    /// The same files, for those who look into some of them later.
    fn shared(&self) -> Arc<dyn Files + Send + Sync>;
}

/// Where debug files come from that are on no disk of ours.
pub trait Fetch {
    /// The debug file with this build-id (in hex), for the file `of`: where it is now, and its bytes.
    fn debug_file(&self, id: &str, of: &Path) -> Option<(PathBuf, &'static [u8])>;
}

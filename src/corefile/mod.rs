//! A core file: the memory, threads and mappings of a process as the kernel or a debugger wrote them at one moment
//! (core(5)).
//!
//! It knows the file and the files that were mapped. It refuses to know names, frames and heaps: those are read out of it
//! as out of a process, through [`Source`]. What a core file leaves out (`coredump_filter`), and what a truncated one has
//! lost, is memory that cannot be read, and [`Core::doubts`] says so.

mod filled;
mod notes;
pub mod select;
pub mod write;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use object::elf::{EM_X86_64, ET_CORE, FileHeader64, PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE};
use object::endian::LittleEndian;
use object::read::elf::{FileHeader, ProgramHeader};

use crate::addr::{Addr, Pid, Span, Tid};
use crate::maps::{Mapping, Perms};
use crate::memory::Memory;
use crate::regs::{FrameRegs, Regs, Xmm};
use crate::source::{Files, Siginfo, Source};

pub use filled::FilesThen;
pub use notes::Thread;

/// The vdso's address in the auxiliary vector (AT_SYSINFO_EHDR).
const VDSO: u64 = 33;
/// The path that was given to execve(2) (AT_EXECFN).
const EXECFN: u64 = 31;

/// Why a file is no core file that could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum CoreError {
    #[error("{0}: No such file or directory.")]
    Missing(String),
    #[error("{0}: Permission denied.")]
    Forbidden(String),
    #[error("\"{0}\" is not a core dump: file format not recognized")]
    NotCore(String),
    #[error("\"{0}\" is a core dump of another machine than x86-64")]
    Machine(String),
    #[error("\"{0}\" names no threads: it is cut too short")]
    NoThreads(String),
}

/// A piece of memory.
#[derive(Clone, Debug)]
struct Segment {
    span: Span,
    /// What the core file has of it: the beginning, or all.
    bytes: &'static [u8],
    /// How many bytes the core file says that it has.
    claimed: u64,
    perms: Perms,
}

/// See the module.
pub struct Core {
    path: String,
    threads: Vec<Thread>,
    auxv: Vec<(u64, u64)>,
    segments: Vec<Segment>,
    maps: Vec<Mapping>,
    filled: filled::Filled,
    files: FilesThen,
    process: notes::Process,
    cut: u64,
    /// Where the memory is that the segments claim, when it is not in the file.
    elsewhere: Option<Box<dyn Memory>>,
}

impl Core {
    /// Reads a core file. `files` are those of the machine it is looked at on; `program` is where the user says that the
    /// program is.
    ///
    /// # Errors
    /// [`CoreError`], in gdb's words where it has some.
    pub fn open(
        path: &Path,
        files: Arc<dyn Files + Send + Sync>,
        program: Option<&Path>,
    ) -> Result<Core, CoreError> {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let name = whole.to_string_lossy().into_owned();
        let not_core = || CoreError::NotCore(name.clone());
        let data = files.map(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => CoreError::Missing(name.clone()),
            ErrorKind::PermissionDenied => CoreError::Forbidden(name.clone()),
            // A directory, a device, an empty file.
            _ => not_core(),
        })?;
        Core::of(name, data, None, files, program)
    }

    /// The same of a core file's bytes. With `elsewhere` they end behind the notes, and the memory that the segments claim
    /// is there.
    ///
    /// # Errors
    /// [`CoreError`], about a file called `name`.
    pub fn of(
        name: String,
        data: &'static [u8],
        elsewhere: Option<Box<dyn Memory>>,
        files: Arc<dyn Files + Send + Sync>,
        program: Option<&Path>,
    ) -> Result<Core, CoreError> {
        let not_core = || CoreError::NotCore(name.clone());
        let header = FileHeader64::<LittleEndian>::parse(data).map_err(|_| not_core())?;
        if header.e_type.get(LittleEndian) != ET_CORE {
            return Err(not_core());
        }
        if header.e_machine.get(LittleEndian) != EM_X86_64 {
            return Err(CoreError::Machine(name));
        }
        let endian = header.endian().map_err(|_| not_core())?;
        let headers = header.program_headers(endian, data).map_err(|_| not_core())?;
        let mut notes = notes::Notes::default();
        let mut segments = Vec::new();
        for header in headers {
            match header.p_type(endian) {
                PT_NOTE => notes.read(endian, header, data),
                PT_LOAD => segments.extend(segment(endian, header, data)),
                _ => {}
            }
        }
        segments.sort_by_key(|segment| segment.span.start);
        if notes.threads.is_empty() {
            return Err(CoreError::NoThreads(name));
        }
        let missing = |segment: &Segment| segment.claimed.saturating_sub(segment.bytes.len() as u64);
        let cut = if elsewhere.is_some() { 0 } else { segments.iter().map(missing).sum() };
        let maps = mappings(&segments, &notes);
        let mut core = Core {
            path: name,
            threads: notes.threads,
            auxv: notes.auxv,
            segments,
            maps,
            filled: filled::Filled::default(),
            files: FilesThen::new(Arc::clone(&files), None),
            process: notes.process,
            cut,
            elsewhere,
        };
        let moved = core.program().zip(program.map(Path::to_owned));
        core.files = FilesThen::new(files, moved);
        core.filled = filled::Filled::find(&core.maps, &core, &core.files);
        // Of what a debugger left out, the file tells the rights.
        let (filled, segments) = (&core.filled, &core.segments);
        for mapping in core.maps.iter_mut().filter(|mapping| mapping.file().is_some()) {
            let at = mapping.span.start;
            let after = segments.partition_point(|segment| segment.span.start <= at);
            let stored = after.checked_sub(1).and_then(|index| segments.get(index));
            if stored.is_none_or(|segment| !segment.span.contains(at)) {
                // Where nobody tells them any more, nothing but writing is ruled out.
                let exec = !filled.has(at);
                mapping.perms = filled.rights(at).unwrap_or(Perms { exec, ..mapping.perms });
            }
        }
        Ok(core)
    }

    /// The files that it had mapped, for readers of symbols.
    #[must_use]
    pub fn files(&self) -> &FilesThen {
        &self.files
    }

    /// The core file's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The threads, the one that the core file was written for first.
    #[must_use]
    pub fn thread_list(&self) -> &[Thread] {
        &self.threads
    }

    /// The signal that ended the process, if one did: a debugger writes core files of processes that live.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.threads.first().map(|thread| thread.signal).filter(|signal| *signal != 0)
    }

    /// The command line that it ran with, as far as the core file has it (80 bytes, `elf_prpsinfo`).
    #[must_use]
    pub fn command(&self) -> &str {
        &self.process.arguments
    }

    /// Where the program's file was: what the kernel says was mapped where the program headers are, or was executed.
    #[must_use]
    pub fn program(&self) -> Option<String> {
        /// AT_PHDR.
        const PHDR: u64 = 3;
        let value = |kind| self.auxv.iter().find(|(key, _)| *key == kind).map(|(_, value)| Addr(*value));
        let mapped = value(PHDR).and_then(|at| crate::maps::find(&self.maps, at));
        let mapped = mapped.and_then(|mapping| mapping.file().map(str::to_owned));
        let executed = || {
            let (text, ended) = self.c_string(value(EXECFN)?, 4096).ok()?;
            ended.then(|| String::from_utf8_lossy(&text).into_owned())
        };
        mapped.or_else(executed)
    }

    /// What is missing, in sentences.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = self.filled.doubts().to_vec();
        if self.cut > 0 {
            doubts.push(format!(
                "warning: {} is truncated: {} bytes of its memory are missing.",
                self.path, self.cut
            ));
        }
        doubts
    }

    /// Gives the mapping that ends at the break its name, which core files leave out (fs/proc/task_mmu.c,
    /// `vma_is_initial_heap`).
    pub fn name_heap(&mut self, brk: Addr) {
        let last = brk.sub(1);
        let ends_there = |mapping: &&mut Mapping| {
            mapping.span.contains(last) && mapping.path.is_empty() && mapping.perms.write
        };
        if let Some(heap) = self.maps.iter_mut().find(ends_there) {
            heap.path = "[heap]".to_owned();
        }
    }

    fn segment_at(&self, at: Addr) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.span.start <= at);
        self.segments.get(after.checked_sub(1)?).filter(|segment| segment.span.contains(at))
    }

    fn thread(&self, tid: Tid) -> Option<&Thread> {
        self.threads.iter().find(|thread| thread.tid == tid)
    }
}

impl Memory for Core {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buf.len() {
            let here = at.add(done as u64);
            let Some(segment) = self.segment_at(here) else {
                // A debugger leaves out what nobody can have changed; then the file has all of it.
                let got = match crate::maps::find(&self.maps, here) {
                    Some(mapping) => self.filled.read(here, mapping.span.end, &mut buf[done..]),
                    None => 0,
                };
                done += got;
                if got == 0 {
                    break;
                }
                continue;
            };
            let offset = here.0 - segment.span.start.0;
            let rest = &mut buf[done..];
            let stored = usize::try_from(offset).ok().and_then(|offset| segment.bytes.get(offset..));
            let got = match stored.filter(|stored| !stored.is_empty()) {
                Some(stored) => {
                    let len = stored.len().min(rest.len());
                    rest[..len].copy_from_slice(&stored[..len]);
                    len
                }
                // What the core file was meant to have and has lost is not what the file behind it has.
                None if offset < segment.claimed => {
                    let room =
                        usize::try_from(segment.claimed - offset).unwrap_or(usize::MAX).min(rest.len());
                    match self.elsewhere.as_ref().map(|memory| memory.read(here, &mut rest[..room])) {
                        // Of what belongs to a file only changed pages are elsewhere.
                        Some(0) => self.filled.read(here, here.add(1).page_up(), &mut rest[..room]),
                        Some(got) => got,
                        None => 0,
                    }
                }
                None => self.filled.read(here, segment.span.end, rest),
            };
            if got == 0 {
                break;
            }
            done += got;
        }
        done
    }
}

impl Source for Core {
    fn pid(&self) -> Pid {
        self.process.pid.unwrap_or_else(|| Pid(self.threads.first().map_or(0, |thread| thread.tid.0)))
    }

    fn memory(&self) -> &dyn Memory {
        self
    }

    fn mappings(&self) -> &[Mapping] {
        &self.maps
    }

    fn threads(&self) -> Vec<Tid> {
        self.threads.iter().map(|thread| thread.tid).collect()
    }

    fn regs(&self, tid: Tid) -> Option<Regs> {
        self.thread(tid).map(|thread| thread.regs)
    }

    fn frame_regs(&self, tid: Tid) -> Option<FrameRegs> {
        let thread = self.thread(tid)?;
        let mut frame = FrameRegs::from(&thread.regs);
        frame.xmm = vectors(thread.floating?).map(Arc::new);
        Some(frame)
    }

    fn extended_state(&self, tid: Tid) -> Option<Vec<u8>> {
        let thread = self.thread(tid)?;
        thread.extended.or(thread.floating).map(<[u8]>::to_vec)
    }

    fn siginfo(&self, tid: Tid) -> Option<Siginfo> {
        self.thread(tid)?.siginfo
    }

    fn auxv(&self) -> &[(u64, u64)] {
        &self.auxv
    }
}

/// xmm0 to xmm15 of an FXSAVE area: 16 bytes each from byte 160 on (Intel's manual, volume 1, table 10-2).
fn vectors(area: &[u8]) -> Option<Xmm> {
    let mut xmm: Xmm = [[0; 16]; 16];
    for (register, bytes) in xmm.iter_mut().zip(area.get(160..416)?.chunks_exact(16)) {
        register.copy_from_slice(bytes);
    }
    Some(xmm)
}

fn segment(
    endian: LittleEndian,
    header: &object::elf::ProgramHeader64<LittleEndian>,
    data: &'static [u8],
) -> Option<Segment> {
    let start = Addr(header.p_vaddr(endian));
    let (offset, claimed) = (header.p_offset(endian), header.p_filesz(endian));
    let len = header.p_memsz(endian).max(claimed);
    let end = Addr(start.0.checked_add(len)?);
    let from = usize::try_from(offset).ok().map_or(data.len(), |from| from.min(data.len()));
    let to = usize::try_from(offset.saturating_add(claimed)).unwrap_or(usize::MAX).min(data.len());
    let flags = header.p_flags(endian);
    let perms = Perms {
        read: flags.contains(PF_R),
        write: flags.contains(PF_W),
        exec: flags.contains(PF_X),
        shared: false,
    };
    (len > 0).then_some(Segment {
        span: Span::new(start, end),
        bytes: &data[from..to.max(from)],
        claimed,
        perms,
    })
}

/// The mappings as `/proc/PID/maps` would have them: the segments, with the names of `NT_FILE`.
fn mappings(segments: &[Segment], notes: &notes::Notes) -> Vec<Mapping> {
    let vdso = notes.auxv.iter().find(|(key, _)| *key == VDSO).map(|(_, value)| Addr(*value));
    let stack = notes.threads.first().map(|thread| Addr(thread.regs.rsp()));
    let mapping = |segment: &Segment| {
        let after = notes.files.partition_point(|file| file.span.start <= segment.span.start);
        let file = after.checked_sub(1).and_then(|index| notes.files.get(index));
        let file = file.filter(|file| file.span.contains(segment.span.start));
        // A damaged note may claim any offset.
        let offset =
            |file: &notes::MappedFile| file.offset.saturating_add(segment.span.start.0 - file.span.start.0);
        let special = || match (vdso, stack) {
            (Some(at), _) if segment.span.contains(at) => "[vdso]".to_owned(),
            (_, Some(at)) if segment.span.contains(at) => "[stack]".to_owned(),
            _ => String::new(),
        };
        Mapping {
            span: segment.span,
            perms: segment.perms,
            offset: file.map_or(0, offset),
            device: (0, 0),
            // The core file does not tell inodes; that there is a file is what counts.
            inode: u64::from(file.is_some()),
            path: file.map_or_else(special, |file| file.path.clone()),
        }
    };
    let mut maps: Vec<Mapping> = segments.iter().map(mapping).collect();
    // Mappings that the core file has nothing of are named all the same.
    for file in &notes.files {
        let below = segments.partition_point(|segment| segment.span.start < file.span.end);
        let below = below.checked_sub(1).and_then(|index| segments.get(index));
        if below.is_none_or(|segment| segment.span.end <= file.span.start) {
            maps.push(Mapping {
                span: file.span,
                perms: Perms { read: true, ..Perms::default() },
                offset: file.offset,
                inode: 1,
                path: file.path.clone(),
                ..Mapping::default()
            });
        }
    }
    maps.sort_by_key(|mapping| mapping.span.start);
    maps
}

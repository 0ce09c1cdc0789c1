//! The notes of a core file: threads with their registers, the process, the auxiliary vector, the mapped files
//! (Linux's include/uapi/linux/elf.h and elfcore.h; fs/binfmt_elf.c writes them).

use object::elf::{
    NT_AUXV, NT_FILE, NT_PRFPREG, NT_PRPSINFO, NT_PRSTATUS, NT_SIGINFO, NT_X86_XSTATE, NoteType,
    ProgramHeader64,
};
use object::endian::LittleEndian;
use object::read::elf::ProgramHeader;

use crate::addr::{Addr, PAGE, Pid, Span, Tid};
use crate::regs::{KERNEL_REGS, Regs};
use crate::source::Siginfo;

/// Threads, files and other things are not read beyond so many: a damaged file can claim any number.
const MOST: usize = 1 << 16;

/// A thread.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Its number.
    pub tid: Tid,
    /// The signal that it got last; 0 for none.
    pub signal: i32,
    /// Its registers.
    pub regs: Regs,
    /// Its FXSAVE area.
    pub(super) floating: Option<&'static [u8]>,
    /// Its XSAVE area.
    pub(super) extended: Option<&'static [u8]>,
    pub(super) siginfo: Option<Siginfo>,
}

/// The process.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    pub(super) pid: Option<Pid>,
    pub(super) arguments: String,
}

/// A mapped file.
#[derive(Clone, Debug)]
pub(super) struct MappedFile {
    pub(super) span: Span,
    /// Where in the file it begins, in bytes.
    pub(super) offset: u64,
    pub(super) path: String,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) threads: Vec<Thread>,
    pub(super) auxv: Vec<(u64, u64)>,
    pub(super) files: Vec<MappedFile>,
    pub(super) process: Process,
}

impl Notes {
    /// Reads the notes of a segment; those behind a thread's status are about it.
    pub(super) fn read(
        &mut self,
        endian: LittleEndian,
        header: &ProgramHeader64<LittleEndian>,
        data: &'static [u8],
    ) {
        let Ok(Some(mut notes)) = header.notes(endian, data) else { return };
        // A damaged note ends the list: where the next would begin is not known.
        while let Ok(Some(note)) = notes.next() {
            // "LINUX" are the processor's own sets, "CORE" the others.
            if !matches!(note.name(), b"CORE" | b"LINUX") {
                continue;
            }
            self.note(note.n_type(endian), note.desc());
        }
    }

    fn note(&mut self, kind: NoteType, desc: &'static [u8]) {
        match kind {
            NT_PRSTATUS if self.threads.len() < MOST => self.threads.extend(thread(desc)),
            NT_PRFPREG => self.last(|thread| thread.floating = Some(desc)),
            NT_X86_XSTATE => self.last(|thread| thread.extended = Some(desc)),
            NT_SIGINFO => self.last(|thread| thread.siginfo = desc.first_chunk().copied()),
            NT_PRPSINFO => self.process = process(desc),
            NT_AUXV => {
                let pairs = desc.chunks_exact(16).map(|pair| (word(pair, 0), word(pair, 8)));
                self.auxv = pairs.take_while(|(key, _)| *key != 0).take(MOST).collect();
            }
            NT_FILE => self.files = files(desc),
            _ => {}
        }
    }

    fn last(&mut self, change: impl FnOnce(&mut Thread)) {
        if let Some(thread) = self.threads.last_mut() {
            change(thread);
        }
    }
}

/// The 64-bit word at a place; 0 beyond the end.
fn word(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The same, of 32 bits.
fn half(bytes: &[u8], at: usize) -> i32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map_or(0, |bytes| i32::from_le_bytes(*bytes))
}

/// `struct elf_prstatus`: the current signal at 12 (16 bits), the thread's number at 32, its registers at 112.
fn thread(desc: &[u8]) -> Option<Thread> {
    const REGS: usize = 112;
    let regs = desc.get(REGS..REGS + 8 * KERNEL_REGS)?;
    let mut words = [0; KERNEL_REGS];
    for (index, place) in words.iter_mut().enumerate() {
        *place = word(regs, 8 * index);
    }
    let signal = desc.get(12..14).map_or(0, |bytes| i32::from(i16::from_le_bytes([bytes[0], bytes[1]])));
    let tid = Tid(half(desc, 32));
    Some(Thread { tid, signal, regs: Regs(words), floating: None, extended: None, siginfo: None })
}

/// `struct elf_prpsinfo`: the process's number at 24, the beginning of its command line at 56.
fn process(desc: &[u8]) -> Process {
    let text = desc.get(56..136).unwrap_or_default();
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let pid = Some(Pid(half(desc, 24))).filter(|pid| pid.0 > 0);
    Process { pid, arguments: String::from_utf8_lossy(text).trim_end().to_owned() }
}

/// `NT_FILE`: how many, the unit of offsets, then start, end and offset of each, then the paths.
fn files(desc: &[u8]) -> Vec<MappedFile> {
    let count = usize::try_from(word(desc, 0)).unwrap_or(usize::MAX).min(MOST).min(desc.len() / 24);
    let unit = match word(desc, 8) {
        0 => PAGE,
        unit => unit,
    };
    let paths = desc.get(16 + 24 * count..).unwrap_or_default();
    let paths = paths.split(|byte| *byte == 0);
    let file = |(index, path): (usize, &[u8])| {
        let at = 16 + 24 * index;
        let (start, end) = (Addr(word(desc, at)), Addr(word(desc, at + 8)));
        let path = String::from_utf8_lossy(path).into_owned();
        let offset = word(desc, at + 16).saturating_mul(unit);
        (start < end && !path.is_empty()).then(|| MappedFile { span: Span::new(start, end), offset, path })
    };
    let mut files: Vec<MappedFile> = (0..count).zip(paths).filter_map(file).collect();
    files.sort_by_key(|file| file.span.start);
    files
}

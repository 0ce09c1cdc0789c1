//! The bytes of a core file (core(5)), as the kernel lays them out (fs/binfmt_elf.c): the ELF header, a program header for
//! the notes and one per mapping, the notes, and from a page's border on the memory.
//!
//! It knows values and layouts. It refuses to know processes and files: who has the values says where the bytes go, and
//! reads the memory. A mapping whose memory is left out has a program header all the same, which tells its rights.

use crate::addr::{PAGE, Pid, Span, Tid};
use crate::maps::{Mapping, Perms};
use crate::regs::{KERNEL_REGS, Regs};
use crate::source::Siginfo;

/// More program headers than `e_phnum` can count: the first section header's `sh_info` has their number (elf(5)).
const PN_XNUM: u16 = 0xffff;
const EHDR: usize = 64;
const PHDR: usize = 56;
const SHDR: usize = 64;
/// The FXSAVE area, with which every XSAVE area begins.
const FXSAVE: usize = 512;

/// A thread as a core file tells it.
#[derive(Clone, Debug)]
pub struct ThreadNote {
    /// Its number.
    pub tid: Tid,
    /// Its registers.
    pub regs: Regs,
    /// Its XSAVE area, or as much of it as is known.
    pub extended: Option<Vec<u8>>,
    /// What the kernel says of the signal that it stopped for.
    pub siginfo: Option<Siginfo>,
}

/// The process as a core file tells it (`struct elf_prpsinfo`).
#[derive(Clone, Debug, Default)]
pub struct ProcessNote {
    /// Its number, its parent's, its group's and its session's.
    pub ids: [i32; 4],
    /// Who it runs as.
    pub user: u32,
    /// With which group.
    pub group: u32,
    /// Its state as a letter (proc(5)).
    pub state: u8,
    /// Its nice value.
    pub nice: i8,
    /// The kernel's flags of it (`PF_*`).
    pub flags: u64,
    /// The name of its program; 16 bytes of it count.
    pub name: String,
    /// Its command line; 80 bytes of it count.
    pub arguments: String,
}

/// A mapping, and whether its memory goes into the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The mapping.
    pub mapping: Mapping,
    /// Whether its memory is kept.
    pub whole: bool,
}

/// All that a core file tells, but for the memory.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The process.
    pub process: ProcessNote,
    /// The signal that it is said to have stopped for; 0 for none.
    pub signal: i32,
    /// Its threads, the one that the file is about first.
    pub threads: Vec<ThreadNote>,
    /// The auxiliary vector.
    pub auxv: Vec<(u64, u64)>,
    /// The mappings, by address.
    pub mappings: Vec<Kept>,
}

/// Memory, and where in the file it goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The memory.
    pub span: Span,
    /// Where in the file it begins.
    pub offset: u64,
}

/// What stands before the memory, where the memory goes, and how long the file is in all.
#[must_use]
pub fn layout(snapshot: &Snapshot) -> (Vec<u8>, Vec<Part>, u64) {
    let notes = notes(snapshot);
    let count = snapshot.mappings.len() + 1;
    let many = count >= usize::from(PN_XNUM);
    let at = EHDR + PHDR * count + if many { SHDR } else { 0 };
    let mut offset = ((at + notes.len()) as u64).next_multiple_of(PAGE);
    let mut head = header(count, many);
    let first = Program { kind: 4, flags: 0, offset: at as u64, at: 0, stored: notes.len() as u64, size: 0 };
    first.put(&mut head);
    let mut parts = Vec::new();
    for Kept { mapping, whole } in &snapshot.mappings {
        let size = mapping.span.len();
        let stored = if *whole { size } else { 0 };
        let (flags, start) = (flags(mapping.perms), mapping.span.start.0);
        Program { kind: 1, flags, offset, at: start, stored, size }.put(&mut head);
        if *whole {
            parts.push(Part { span: mapping.span, offset });
        }
        offset = offset.saturating_add(stored);
    }
    if many {
        let mut section = [0; SHDR];
        put(&mut section, 44, &u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        head.extend(section);
    }
    head.extend(notes);
    (head, parts, offset)
}

/// Writes over the bytes at `at`; what does not fit is left out.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// `Elf64_Ehdr` (elf(5)).
fn header(count: usize, many: bool) -> Vec<u8> {
    let mut bytes = vec![0; EHDR];
    // ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE.
    put(&mut bytes, 0, b"\x7fELF\x02\x01\x01\x00");
    let half = |value: u16| value.to_le_bytes();
    // ET_CORE, EM_X86_64, EV_CURRENT.
    put(&mut bytes, 16, &half(4));
    put(&mut bytes, 18, &half(62));
    put(&mut bytes, 20, &1_u32.to_le_bytes());
    put(&mut bytes, 32, &(EHDR as u64).to_le_bytes());
    put(&mut bytes, 52, &half(EHDR as u16));
    put(&mut bytes, 54, &half(PHDR as u16));
    put(&mut bytes, 56, &half(if many { PN_XNUM } else { u16::try_from(count).unwrap_or(PN_XNUM) }));
    if many {
        put(&mut bytes, 40, &((EHDR + PHDR * count) as u64).to_le_bytes());
        put(&mut bytes, 58, &half(SHDR as u16));
        put(&mut bytes, 60, &half(1));
    }
    bytes
}

/// `Elf64_Phdr`.
struct Program {
    kind: u32,
    flags: u32,
    offset: u64,
    at: u64,
    stored: u64,
    size: u64,
}

impl Program {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.kind.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        let align = if self.kind == 1 { PAGE } else { 4 };
        // p_paddr is 0, as the kernel writes it.
        for word in [self.offset, self.at, 0, self.stored, self.size, align] {
            out.extend(word.to_le_bytes());
        }
    }
}

/// `PF_R`, `PF_W` and `PF_X`.
fn flags(perms: Perms) -> u32 {
    u32::from(perms.read) << 2 | u32::from(perms.write) << 1 | u32::from(perms.exec)
}

fn notes(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    let signal = snapshot.signal;
    // Which notes are a thread's is told by their order alone: its status comes first.
    for (index, thread) in snapshot.threads.iter().enumerate() {
        note(&mut out, b"CORE\0", 1, &status(&snapshot.process, thread, signal));
        if index == 0 {
            note(&mut out, b"CORE\0", 3, &process(&snapshot.process));
        }
        if let Some(siginfo) = &thread.siginfo {
            note(&mut out, b"CORE\0", 0x5349_4749, siginfo);
        }
        if index == 0 {
            note(&mut out, b"CORE\0", 6, &vector(&snapshot.auxv));
            note(&mut out, b"CORE\0", 0x4649_4c45, &files(&snapshot.mappings));
        }
        if let Some(extended) = &thread.extended {
            note(&mut out, b"CORE\0", 2, extended.get(..FXSAVE).unwrap_or(extended));
            if extended.len() > FXSAVE {
                note(&mut out, b"LINUX\0", 0x202, extended);
            }
        }
    }
    out
}

/// `Elf64_Nhdr`, name and contents, each filled up to four bytes.
fn note(out: &mut Vec<u8>, name: &[u8], kind: u32, contents: &[u8]) {
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend(len(name));
    out.extend(len(contents));
    out.extend(kind.to_le_bytes());
    for bytes in [name, contents] {
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(4), 0);
    }
}

/// `struct elf_prstatus` (include/linux/elfcore.h), with no times and no masks of signals: nobody reads them.
fn status(process: &ProcessNote, thread: &ThreadNote, signal: i32) -> Vec<u8> {
    const SIZE: usize = 336;
    const REGS: usize = 112;
    let mut bytes = vec![0; SIZE];
    put(&mut bytes, 0, &signal.to_le_bytes());
    put(&mut bytes, 12, &i16::try_from(signal).unwrap_or(0).to_le_bytes());
    let [_, parent, group, session] = process.ids;
    for (at, id) in [(32, thread.tid.0), (36, parent), (40, group), (44, session)] {
        put(&mut bytes, at, &id.to_le_bytes());
    }
    for (index, word) in thread.regs.0.iter().enumerate() {
        put(&mut bytes, REGS + 8 * index, &word.to_le_bytes());
    }
    put(&mut bytes, REGS + 8 * KERNEL_REGS, &i32::from(thread.extended.is_some()).to_le_bytes());
    bytes
}

/// `struct elf_prpsinfo`.
fn process(process: &ProcessNote) -> Vec<u8> {
    const SIZE: usize = 136;
    let mut bytes = vec![0; SIZE];
    // The kernel's number of a state is its place in this list.
    let number = b"RSDTZW".iter().position(|letter| *letter == process.state).unwrap_or(0);
    put(&mut bytes, 0, &[number as u8, process.state, u8::from(process.state == b'Z')]);
    put(&mut bytes, 3, &process.nice.to_le_bytes());
    put(&mut bytes, 8, &process.flags.to_le_bytes());
    put(&mut bytes, 16, &process.user.to_le_bytes());
    put(&mut bytes, 20, &process.group.to_le_bytes());
    for (index, id) in process.ids.iter().enumerate() {
        put(&mut bytes, 24 + 4 * index, &id.to_le_bytes());
    }
    // Both end with a zero.
    let head = |text: &str, most: usize| text.as_bytes()[..text.len().min(most - 1)].to_vec();
    put(&mut bytes, 40, &head(&process.name, 16));
    put(&mut bytes, 56, &head(&process.arguments, 80));
    bytes
}

fn vector(auxv: &[(u64, u64)]) -> Vec<u8> {
    let all = auxv.iter().copied().chain([(0, 0)]);
    all.flat_map(|(key, value)| [key.to_le_bytes(), value.to_le_bytes()].concat()).collect()
}

/// `NT_FILE`: how many, the unit of offsets, start, end and offset of each, the paths.
fn files(mappings: &[Kept]) -> Vec<u8> {
    let with_file = || mappings.iter().map(|kept| &kept.mapping).filter(|mapping| !mapping.is_anonymous());
    let mut out = (with_file().count() as u64).to_le_bytes().to_vec();
    out.extend(PAGE.to_le_bytes());
    for mapping in with_file() {
        for word in [mapping.span.start.0, mapping.span.end.0, mapping.offset / PAGE] {
            out.extend(word.to_le_bytes());
        }
    }
    for mapping in with_file() {
        out.extend(mapping.path.bytes().filter(|byte| *byte != 0));
        out.push(0);
    }
    out
}

/// The default name of the core file of a process.
#[must_use]
pub fn default_name(pid: Pid) -> String {
    format!("core.{pid}")
}

#[cfg(test)]
mod tests {
    use object::read::elf::{FileHeader, ProgramHeader};
    use object::{LittleEndian, elf};

    use super::*;
    use crate::addr::Addr;

    fn snapshot(mappings: u64) -> Snapshot {
        let mapping = |index: u64| {
            let span = Span::sized(Addr(0x10_0000 + index * 0x2000), PAGE);
            Kept { mapping: Mapping { span, ..Mapping::default() }, whole: index.is_multiple_of(2) }
        };
        let thread = ThreadNote { tid: Tid(7), regs: Regs::default(), extended: None, siginfo: None };
        Snapshot {
            process: ProcessNote {
                arguments: "x".repeat(300),
                name: "a name of many letters".into(),
                ..ProcessNote::default()
            },
            signal: 6,
            threads: vec![thread],
            auxv: vec![(6, PAGE)],
            mappings: (0..mappings).map(mapping).collect(),
        }
    }

    /// With more mappings than the header can count, too (`PN_XNUM`).
    #[test]
    fn every_mapping_has_a_header_and_what_is_kept_a_place() {
        for count in [0, 3, 0xfffd, 0xfffe, 70_000] {
            let (head, parts, end) = layout(&snapshot(count));
            let header = elf::FileHeader64::<LittleEndian>::parse(&*head).unwrap();
            let headers = header.program_headers(LittleEndian, &*head).unwrap();
            assert_eq!(headers.len() as u64, count + 1);
            let stored = headers.iter().filter(|one| one.p_filesz(LittleEndian) > 0);
            let offsets: Vec<u64> = stored.map(|one| one.p_offset(LittleEndian)).skip(1).collect();
            assert_eq!(offsets, parts.iter().map(|part| part.offset).collect::<Vec<_>>());
            assert!(offsets.iter().all(|offset| offset.is_multiple_of(PAGE) && *offset >= head.len() as u64));
            assert_eq!(
                end,
                offsets.last().map_or((head.len() as u64).next_multiple_of(PAGE), |last| last + PAGE)
            );
            let notes = headers[0].notes(LittleEndian, &*head).unwrap().unwrap();
            let sizes: Vec<(u32, usize)> = notes
                .map(|note| note.unwrap())
                .map(|note| (note.n_type(LittleEndian).0, note.desc().len()))
                .collect();
            // The sizes of the kernel's structures.
            assert_eq!(sizes[..3], [(1, 336), (3, 136), (6, 32)]);
        }
    }
}

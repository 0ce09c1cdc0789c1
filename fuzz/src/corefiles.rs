//! Readers of core files: the file, what is made of its mappings, and its heap.

use std::io;
use std::path::Path;
use std::sync::Arc;

use brkwater::addr::{Addr, PAGE, Span, Tid};
use brkwater::corefile::Core;
use brkwater::corefile::write::{Kept, Part, ProcessNote, Snapshot, ThreadNote, layout};
use brkwater::heap::{self, Anchors};
use brkwater::maps::{self, Mapping, Perms};
use brkwater::memory::Memory;
use brkwater::regs::Regs;
use brkwater::source::{Files, Source};
use brkwater::symbols::{ImageCache, Modules};

/// Things of a file that are looked at, at most.
const ENOUGH: usize = 64;

/// The one file that there is.
struct One(&'static [u8]);

impl Files for One {
    fn map(&self, path: &Path) -> io::Result<&'static [u8]> {
        match path.to_str() {
            // The mapped files are the core file itself: an ELF file, if not a program.
            Some("core" | "/bin/program") => Ok(self.0),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn shared(&self) -> Arc<dyn Files + Send + Sync> {
        Arc::new(One(self.0))
    }
}

/// A core file of two threads, a program, a heap and a stack.
#[must_use]
pub fn seed() -> Vec<u8> {
    let text = "\
400000-401000 r--p 00000000 fe:01 12 /bin/program
401000-402000 r-xp 00001000 fe:01 12 /bin/program
500000-503000 rw-p 00000000 00:00 0 [heap]
7ffffffde000-7ffffffdf000 rw-p 00000000 00:00 0 [stack]
";
    let thread = |number: i32| {
        let mut words = [0; 27];
        words[16] = 0x40_1010;
        words[19] = 0x7fff_fffd_e800;
        let extended = Some((0..832).map(|at: u32| at as u8).collect());
        ThreadNote { tid: Tid(number), regs: Regs(words), extended, siginfo: Some([11; 128]) }
    };
    let snapshot = Snapshot {
        process: ProcessNote {
            ids: [7, 1, 7, 7],
            state: b'T',
            name: "program".into(),
            arguments: "/bin/program x".into(),
            ..ProcessNote::default()
        },
        signal: 11,
        threads: vec![thread(7), thread(8)],
        auxv: vec![(3, 0x40_0040), (5, 4), (9, 0x40_1000), (31, 0x7fff_fffd_e900)],
        mappings: maps::parse(text)
            .into_iter()
            .map(|mapping| Kept { whole: !mapping.perms.exec, mapping })
            .collect(),
    };
    let (mut bytes, parts, end) = layout(&snapshot);
    bytes.resize(end as usize, 0);
    for Part { span, offset } in parts {
        let words = (0..span.len() / 8).flat_map(|word| (span.start.0 + word % 0x300 * 8 + 1).to_le_bytes());
        let place = offset as usize..offset as usize + span.len() as usize;
        bytes.splice(place, words);
    }
    // A file begins where the program does.
    let start = bytes.len() - 5 * PAGE as usize;
    bytes.copy_within(0..64, start);
    bytes
}

/// What stands before the memory of [`seed`]: the header, the program headers, the notes.
#[must_use]
pub fn heads(core: &[u8]) -> Vec<std::ops::Range<usize>> {
    // The first program header is that of the notes (elf(5): its offset and size stand 8 and 32 bytes in).
    let word =
        |at: usize| core.get(at..at + 8).and_then(|word| word.try_into().ok()).map_or(0, u64::from_le_bytes);
    let (notes, size) = (word(64 + 8) as usize, word(64 + 32) as usize);
    vec![0..64, 64..notes, notes..notes + size]
}

fn open(data: &[u8]) -> Option<Core> {
    let kept: &'static [u8] = Box::leak(data.to_vec().into_boxed_slice());
    Core::open(Path::new("core"), Arc::new(One(kept)), None).ok()
}

/// How many threads it has, and mappings; none when it is no core file.
#[must_use]
pub fn size(data: &[u8]) -> (usize, usize) {
    open(data).map_or((0, 0), |core| (core.threads().len(), core.mappings().len()))
}

/// All that is asked of a core file.
pub fn corefile(data: &[u8]) {
    let Some(core) = open(data) else { return };
    let _ = (core.doubts(), core.program(), core.command().len(), core.signal(), core.pid());
    for tid in core.threads().into_iter().take(ENOUGH) {
        let _ = (core.regs(tid), core.frame_regs(tid), core.extended_state(tid), core.siginfo(tid));
    }
    let mut bytes = vec![0; 3 * PAGE as usize];
    for mapping in core.mappings().iter().take(ENOUGH) {
        let Span { start, end } = mapping.span;
        for at in [start, start.add(PAGE), Addr(end.0.wrapping_sub(8)), Addr(start.0.wrapping_sub(8))] {
            let _ = core.read(at, &mut bytes);
        }
    }
    let modules =
        Modules::from_maps(core.mappings(), core.auxv(), &core, core.files(), &mut ImageCache::default());
    let _ = modules.iter().take(ENOUGH).map(|module| module.path.len()).sum::<usize>();
    let _ = core.c_string(Addr(0x7fff_fffd_e900), 100);
    heap_of(&core);
}

fn heap_of(core: &Core) {
    let usable = |mapping: &&Mapping| mapping.perms == Perms { read: true, write: true, ..Perms::default() };
    let Some(first) = core.mappings().iter().find(usable).map(|mapping| mapping.span.start) else { return };
    let anchors = Anchors {
        main_arena: Some(first),
        libc_data: heap::libc_data(core.mappings()),
        glibc: Some("2.36".to_owned()),
        start_brk: Some(first),
        ..Anchors::default()
    };
    let _ = heap::survey(core.memory(), core.mappings(), &anchors).to_text();
}

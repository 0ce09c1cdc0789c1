//! What a core file does not have because the files have it: code, and data that nobody wrote to.
//!
//! A file that lies at the same path by now may be another. Where both have a build-id it decides; else the file is taken,
//! as gdb takes it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::read::elf::ElfFile64;
use object::{LittleEndian, Object};
use rustc_hash::FxHashMap;

use crate::addr::{Addr, PAGE, Span};
use crate::maps::{Mapping, Perms};
use crate::memory::Memory;
use crate::source::Files;

/// Where Debian and Fedora keep links from build-ids to programs and libraries.
const BY_ID: &str = "/usr/lib/debug/.build-id";

/// A mapping and its file.
#[derive(Clone, Debug)]
struct Piece {
    span: Span,
    offset: u64,
    bytes: &'static [u8],
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pieces: Vec<Piece>,
    doubts: Vec<String>,
}

impl Filled {
    /// The files behind these mappings, as far as they are the right ones.
    pub(super) fn find(maps: &[Mapping], memory: &dyn Memory, files: &FilesThen) -> Filled {
        let mut filled = Filled::default();
        let mut known: FxHashMap<&str, Option<&'static [u8]>> = FxHashMap::default();
        for mapping in maps {
            let Some(path) = mapping.file() else { continue };
            let bytes = match known.get(mapping.path.as_str()) {
                Some(bytes) => *bytes,
                None => {
                    // The first of a file's mappings is that of its beginning.
                    let id = Some(mapping).filter(|first| first.offset == 0);
                    let id = id.and_then(|first| build_id(memory, first.span));
                    let bytes = file(mapping, id.as_deref(), files);
                    if bytes.is_none() {
                        filled.doubts.push(doubt(mapping, path, id.as_deref(), files));
                    }
                    known.insert(&mapping.path, bytes);
                    bytes
                }
            };
            let piece = |bytes| Piece { span: mapping.span, offset: mapping.offset, bytes };
            filled.pieces.extend(bytes.map(piece));
        }
        filled
    }

    /// What there is from `at` on, at most up to `end`.
    pub(super) fn read(&self, at: Addr, end: Addr, buf: &mut [u8]) -> usize {
        let Some(piece) = self.piece(at) else { return 0 };
        let from = piece.offset.saturating_add(at.0 - piece.span.start.0);
        let stored = usize::try_from(from).ok().and_then(|from| piece.bytes.get(from..));
        let room = usize::try_from(end.0.min(piece.span.end.0).saturating_sub(at.0)).unwrap_or(usize::MAX);
        let Some(stored) = stored else { return 0 };
        let len = stored.len().min(buf.len()).min(room);
        buf[..len].copy_from_slice(&stored[..len]);
        len
    }

    /// Whether the file that is mapped at `at` is there.
    pub(super) fn has(&self, at: Addr) -> bool {
        self.piece(at).is_some()
    }

    fn piece(&self, at: Addr) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.span.start <= at);
        self.pieces.get(after.checked_sub(1)?).filter(|piece| piece.span.contains(at))
    }

    /// The rights that the file's program headers give to what is mapped at `at`.
    pub(super) fn rights(&self, at: Addr) -> Option<Perms> {
        use object::elf::{FileHeader64, PF_R, PF_W, PF_X, PT_LOAD};
        use object::read::elf::{FileHeader, ProgramHeader};
        let piece = self.piece(at)?;
        let header = FileHeader64::<LittleEndian>::parse(piece.bytes).ok()?;
        let parts = header.program_headers(LittleEndian, piece.bytes).ok()?;
        let holds = |from: u64, len: u64| {
            from & !(PAGE - 1) <= piece.offset && piece.offset < from.saturating_add(len)
        };
        let part = parts.iter().rfind(|part| {
            part.p_type(LittleEndian) == PT_LOAD
                && holds(part.p_offset(LittleEndian), part.p_filesz(LittleEndian))
        })?;
        let flags = part.p_flags(LittleEndian);
        let (read, write, exec) = (flags.contains(PF_R), flags.contains(PF_W), flags.contains(PF_X));
        Some(Perms { read, write, exec, shared: false })
    }

    pub(super) fn doubts(&self) -> &[String] {
        &self.doubts
    }
}

/// The file that was mapped and has this build-id: at its path, or where build-ids lead. What lies at the path of one that
/// was deleted is another, unless its build-id says that it is not.
fn file(mapping: &Mapping, id: Option<&[u8]>, files: &dyn Files) -> Option<&'static [u8]> {
    let gone = mapping.is_gone();
    let right = |bytes: &&'static [u8]| match (id, id_of(bytes)) {
        (Some(id), Some(theirs)) => id == theirs,
        _ => !gone,
    };
    let there = files.map(Path::new(mapping.file()?)).ok().filter(right);
    there.or_else(|| {
        let hex: String = id?.iter().map(|byte| format!("{byte:02x}")).collect();
        let place = PathBuf::from(BY_ID).join(hex.get(..2)?).join(hex.get(2..)?);
        files.map(&place).ok().filter(|bytes| id_of(bytes) == id)
    })
}

fn doubt(mapping: &Mapping, path: &str, id: Option<&[u8]>, files: &FilesThen) -> String {
    let place = files.place(Path::new(path));
    let there = files.map(Path::new(path)).is_ok();
    match (there, id) {
        (true, Some(_)) => format!(
            "warning: {} is not the file that the process had mapped: its build-id is another. It is not used.",
            place.display()
        ),
        _ => {
            let shown =
                if place == Path::new(path) { mapping.path.clone() } else { place.display().to_string() };
            format!(
                "warning: Can't open file {shown} during file-backed mapping note processing\n  what the core file \
                 does not have of it is missing"
            )
        }
    }
}

fn id_of(bytes: &'static [u8]) -> Option<&'static [u8]> {
    ElfFile64::<LittleEndian>::parse(bytes).ok()?.build_id().ok()?
}

/// The build-id of the file that is mapped at `span`, from memory: the kernel writes the first page of ELF files
/// (`coredump_filter`, bit 4).
fn build_id(memory: &dyn Memory, span: Span) -> Option<Vec<u8>> {
    use object::elf::{FileHeader64, NT_GNU_BUILD_ID, PT_NOTE};
    use object::read::elf::{FileHeader, ProgramHeader};
    /// Notes lie behind the program headers, in the first page of the file.
    const HEAD: usize = 4096;
    let mut head = vec![0; HEAD.min(usize::try_from(span.len()).unwrap_or(HEAD))];
    let got = memory.read(span.start, &mut head);
    head.truncate(got);
    let header = FileHeader64::<LittleEndian>::parse(&*head).ok()?;
    let headers = header.program_headers(LittleEndian, &*head).ok()?;
    for part in headers.iter().filter(|part| part.p_type(LittleEndian) == PT_NOTE) {
        let Ok(Some(mut notes)) = part.notes(LittleEndian, &*head) else { continue };
        while let Ok(Some(note)) = notes.next() {
            if note.name() == b"GNU" && note.n_type(LittleEndian) == NT_GNU_BUILD_ID {
                return Some(note.desc().to_vec());
            }
        }
    }
    None
}

/// The files of a core file's process as they are found on this machine: by path, by build-id where the path leads to
/// another, and the program where the user says it is.
#[derive(Clone)]
pub struct FilesThen {
    files: Arc<dyn Files + Send + Sync>,
    /// The path that was mapped, and where that file is now.
    program: Option<(String, PathBuf)>,
}

impl FilesThen {
    /// `program` is the path that the process had executed, and where the user has that file.
    #[must_use]
    pub fn new(files: Arc<dyn Files + Send + Sync>, program: Option<(String, PathBuf)>) -> FilesThen {
        FilesThen { files, program }
    }

    /// Where the file of this path is now.
    fn place(&self, path: &Path) -> PathBuf {
        let moved = self.program.as_ref().filter(|(then, _)| Path::new(then) == path);
        moved.map_or_else(|| path.to_owned(), |(_, now)| now.clone())
    }
}

impl Files for FilesThen {
    fn map(&self, path: &Path) -> io::Result<&'static [u8]> {
        self.files.map(&self.place(path))
    }

    fn mapped(&self, mappings: &[&Mapping], memory: &dyn Memory) -> io::Result<&'static [u8]> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let first = mappings.first().ok_or_else(missing)?;
        let id = build_id(memory, first.span).filter(|_| first.offset == 0);
        file(first, id.as_deref(), self).ok_or_else(missing)
    }

    fn release(&self, bytes: &'static [u8]) {
        self.files.release(bytes);
    }

    fn shared(&self) -> Arc<dyn Files + Send + Sync> {
        Arc::new(self.clone())
    }
}

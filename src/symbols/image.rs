//! One ELF file with its debug info: what does not depend on where it is loaded.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use object::{Object, ObjectSection, ObjectSegment};
use rustc_hash::{FxHashMap, FxHashSet};

use super::SymbolError;
use super::debug::DebugInfo;
use super::debugfile::{self, DEBUG_FILE_DIRECTORY, Elf, Opened};
use super::elf::{ElfSymbol, SymbolTable};
use super::minidebug;
use super::remembered;
use super::split::Search;
use crate::addr::{Addr, FileAddr, Span};
use crate::maps::Mapping;
use crate::memory::Memory;
use crate::source::{Fetch, Files};

/// A loadable segment (`PT_LOAD`).
#[derive(Copy, Clone, Debug)]
pub struct Segment {
    /// Linked address.
    pub address: FileAddr,
    /// Size in memory, in bytes.
    pub size: u64,
    /// Offset in the file.
    pub offset: u64,
    /// The bytes that the file gives it.
    pub bytes: &'static [u8],
    /// Whether it is executable.
    pub executable: bool,
    /// Whether it is writable.
    pub writable: bool,
}

/// See the module.
pub struct Image {
    path: PathBuf,
    elf: Elf,
    debug_file: Option<Opened>,
    supplement: Option<Opened>,
    build_id: Option<String>,
    segments: Vec<Segment>,
    symbols: OnceLock<SymbolTable>,
    debug: OnceLock<Option<Arc<DebugInfo>>>,
    /// Where the rest of its debug info may be; an image that has no file has no rest.
    rest: Option<Rest>,
}

/// Other files that debug info may refer to.
struct Rest {
    roots: Vec<PathBuf>,
    files: Arc<dyn Files + Send + Sync>,
}

impl Image {
    /// Reads the file at `path` and finds its debug file, where need be below `roots`. Nothing is parsed yet that is not asked for.
    ///
    /// # Errors
    /// When it cannot be read or is no ELF file.
    pub fn open(path: &Path, roots: &[PathBuf], files: &dyn Files) -> Result<Arc<Image>, SymbolError> {
        let name = || path.to_string_lossy().into_owned();
        let bytes = files.map(path).map_err(|source| SymbolError::Io { path: name(), source })?;
        Image::read(path, bytes, roots, files, None)
    }

    /// The same of a file's bytes, which `path` need not lead to any more.
    fn read(
        path: &Path,
        bytes: &'static [u8],
        roots: &[PathBuf],
        files: &dyn Files,
        fetch: Option<&dyn Fetch>,
    ) -> Result<Arc<Image>, SymbolError> {
        let name = path.to_string_lossy();
        let elf = parse(&name, bytes)?;
        let own = debugfile::has_dwarf(&elf);
        let debug_file = if own { None } else { debugfile::separate(&elf, path, roots, files) };
        let debug_file =
            debug_file.or_else(|| if own { None } else { debugfile::fetched(&elf, path, fetch?) });
        let supplement = match &debug_file {
            Some(opened) => debugfile::supplement(&opened.elf, &opened.path, roots, files),
            None => debugfile::supplement(&elf, path, roots, files),
        };
        let rest = Rest { roots: roots.to_owned(), files: files.shared() };
        let image = Image::new(path.to_owned(), elf, debug_file, supplement);
        Ok(Arc::new(Image { rest: Some(rest), ..image }))
    }

    /// An image that has no file, such as the vdso.
    ///
    /// # Errors
    /// When the bytes are no ELF file.
    pub fn from_bytes(name: &str, bytes: &'static [u8]) -> Result<Arc<Image>, SymbolError> {
        Ok(Arc::new(Image::new(PathBuf::from(name), parse(name, bytes)?, None, None)))
    }

    fn new(path: PathBuf, elf: Elf, debug_file: Option<Opened>, supplement: Option<Opened>) -> Image {
        let build_id = elf.build_id().ok().flatten();
        let build_id = build_id.map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect());
        let segments = elf.segments().filter_map(|segment| read_segment(&segment)).collect();
        Image {
            path,
            elf,
            debug_file,
            supplement,
            build_id,
            segments,
            symbols: OnceLock::new(),
            debug: OnceLock::new(),
            rest: None,
        }
    }

    /// The path that it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its build-id in hex.
    #[must_use]
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// The name of the loaded section that an address lies in.
    #[must_use]
    pub fn section_at(&self, at: FileAddr) -> Option<String> {
        // A section without an address is not loaded.
        let mut loaded = self.elf.sections().filter(|section| section.address() != 0);
        let section = loaded.find(|section| at.0.wrapping_sub(section.address()) < section.size())?;
        section.name().ok().map(str::to_owned)
    }

    /// A section that is stored as it is: its linked address and its bytes.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<(FileAddr, &'static [u8])> {
        let section = self.elf.section_by_name(name)?;
        let bytes: &'static [u8] = section.data().ok()?;
        (!bytes.is_empty()).then(|| (FileAddr(section.address()), bytes))
    }

    /// Its loadable segments, by address.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Where it begins to run.
    #[must_use]
    pub fn entry(&self) -> FileAddr {
        FileAddr(self.elf.entry())
    }

    /// The dynamic loader that it asks for.
    #[must_use]
    pub fn interpreter(&self) -> Option<&str> {
        let (_, bytes) = self.section(".interp")?;
        std::str::from_utf8(bytes.strip_suffix(b"\0").unwrap_or(bytes)).ok()
    }

    /// Whether it can be loaded anywhere (`ET_DYN`).
    #[must_use]
    pub fn is_position_independent(&self) -> bool {
        self.elf.kind() == object::ObjectKind::Dynamic
    }

    /// Reads bytes at linked addresses, as they are before anything runs; how many there are.
    pub fn read_linked(&self, at: Addr, buf: &mut [u8]) -> usize {
        let inside = |s: &&Segment| at.0 >= s.address.0 && at.0 - s.address.0 < s.size;
        let Some(segment) = self.segments.iter().find(inside) else { return 0 };
        let offset = at.0 - segment.address.0;
        let len = (segment.size - offset).min(buf.len() as u64) as usize;
        for (index, byte) in buf[..len].iter_mut().enumerate() {
            // What lies beyond the file's bytes is zero (.bss).
            *byte = segment.bytes.get(offset as usize + index).copied().unwrap_or(0);
        }
        len
    }

    pub(super) fn elf(&self) -> &Elf {
        &self.elf
    }

    fn table(&self) -> &SymbolTable {
        self.symbols.get_or_init(|| match &self.debug_file {
            Some(debug) => SymbolTable::new(&[&self.elf, &debug.elf]),
            // What a distribution keeps of a stripped file's symbols.
            None => match minidebug::open(&self.elf) {
                Some(names) => SymbolTable::new(&[&self.elf, &names]),
                None => SymbolTable::new(&[&self.elf]),
            },
        })
    }

    /// The symbols called `name`; none means that no table has it.
    pub fn symbols_named(&self, name: &str) -> impl Iterator<Item = &ElfSymbol> {
        self.table().named(name)
    }

    /// The symbols whose mangled names of C++ hold `word` as a name.
    pub(super) fn symbols_with(&self, word: &str) -> impl Iterator<Item = &ElfSymbol> {
        self.table().mangled_with(word)
    }

    /// The symbol that covers `at`, as gdb chooses among aliases, and the offset into it.
    #[must_use]
    pub fn symbol_at(&self, at: FileAddr) -> Option<(&ElfSymbol, u64)> {
        self.table().at(at)
    }

    /// Every symbol, by address.
    pub fn symbols(&self) -> impl Iterator<Item = &ElfSymbol> {
        self.table().iter()
    }

    /// Whether it has debug info, in it or in a file of its own; reads none of it.
    #[must_use]
    pub fn has_debug(&self) -> bool {
        self.debug_file.is_some() || debugfile::has_dwarf(&self.elf)
    }

    /// The names that it expects other files to bring.
    pub fn imports(&self) -> impl Iterator<Item = &'static str> {
        use object::ObjectSymbol;
        let undefined = self.elf.dynamic_symbols().filter(ObjectSymbol::is_undefined);
        undefined.filter_map(|symbol| symbol.name().ok()).filter(|name| !name.is_empty())
    }

    /// Where the function is that it offers to other files by this name: a look through `.dynsym`, for whoever wants one
    /// name and would otherwise read all symbols for it.
    #[must_use]
    pub fn exported(&self, name: &str) -> Option<FileAddr> {
        use object::ObjectSymbol;
        let mut all = self.elf.dynamic_symbols().filter(|symbol| !symbol.is_undefined());
        let symbol = all.find(|symbol| symbol.name_bytes() == Ok(name.as_bytes()))?;
        Some(FileAddr(symbol.address()))
    }

    /// Its debug info, read at the first asking.
    #[must_use]
    pub fn debug(&self) -> Option<&Arc<DebugInfo>> {
        self.read_debug(None)
    }

    /// Its debug info, to look `name` up: when it has not been read yet, it is looked for on the way.
    #[must_use]
    pub fn debug_to_find(&self, name: &str) -> Option<&Arc<DebugInfo>> {
        self.read_debug(Some(name))
    }

    fn read_debug(&self, name: Option<&str>) -> Option<&Arc<DebugInfo>> {
        self.debug
            .get_or_init(|| {
                let main = self.debug_file.as_ref().map_or(&self.elf, |opened| &opened.elf);
                if !debugfile::has_dwarf(main) {
                    return None;
                }
                let debug = self.debug_file.as_ref().map_or(&*self.path, |opened| &opened.path);
                let search = self.rest.as_ref().map(|rest| Search {
                    program: &self.path,
                    debug,
                    roots: &rest.roots,
                    files: &*rest.files,
                });
                let supplement = self.supplement.as_ref().map(|opened| &opened.elf);
                Some(Arc::new(DebugInfo::load(main, supplement, search.as_ref(), name)))
            })
            .as_ref()
    }

    /// What its debug info refers to and nobody found, as far as it was read; told once.
    fn missing(&self) -> Vec<String> {
        self.debug.get().and_then(Option::as_ref).map(|debug| debug.missing()).unwrap_or_default()
    }
}

fn parse(path: &str, bytes: &'static [u8]) -> Result<Elf, SymbolError> {
    let wrong = |why: String| SymbolError::Format { path: path.to_owned(), why };
    let elf = object::File::parse(bytes).map_err(|error| wrong(error.to_string()))?;
    match elf.architecture() {
        object::Architecture::X86_64 => Ok(elf),
        other => Err(wrong(format!("it is for another machine ({other:?})"))),
    }
}

fn read_segment(segment: &object::Segment<'static, '_, &'static [u8]>) -> Option<Segment> {
    let object::SegmentFlags::Elf { p_flags, .. } = segment.flags() else { return None };
    Some(Segment {
        address: FileAddr(segment.address()),
        size: segment.size(),
        offset: segment.file_range().0,
        bytes: segment.data().unwrap_or(&[]),
        executable: p_flags.contains(object::elf::PF_X),
        writable: p_flags.contains(object::elf::PF_W),
    })
}

/// Images by path and by where their bytes are: a rebuilt file is another image.
pub struct ImageCache {
    /// Where separate debug files are looked for (gdb's `debug-file-directory`); for images that are not open yet.
    pub debug_roots: Vec<PathBuf>,
    /// Who is asked for those that are not there.
    pub fetch: Option<Rc<dyn Fetch>>,
    known: FxHashMap<(PathBuf, usize), Option<Arc<Image>>>,
    /// Files that could not be read, in words, until somebody asks; and all that were told, by path and inode.
    unread: Vec<String>,
    told: FxHashSet<(String, u64)>,
    /// What was put together from memory, by path, inode, place and end.
    remembered: FxHashMap<(String, u64, Span), Option<Arc<Image>>>,
}

/// That a mapped file cannot be read: gdb's sentence, why, and what can be done.
fn unread(path: &str, error: &std::io::Error) -> String {
    let mut text = format!("warning: Could not load shared library symbols for {path}.");
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        text.push_str(
            "\n  It was deleted or replaced after it was mapped, and what lies there now is not it: names are those that memory tells.\n  \
             hint: with CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE (as root) the old file is read from /proc/PID/map_files.",
        );
    } else {
        text.push_str(&format!("\n  {error}"));
    }
    text
}

impl Default for ImageCache {
    fn default() -> ImageCache {
        ImageCache {
            debug_roots: vec![PathBuf::from(DEBUG_FILE_DIRECTORY)],
            fetch: None,
            known: FxHashMap::default(),
            unread: Vec::new(),
            told: FxHashSet::default(),
            remembered: FxHashMap::default(),
        }
    }
}

impl ImageCache {
    /// The image of the file at `path`, opened once as long as the file stays the same.
    ///
    /// # Errors
    /// As [`Image::open`].
    pub fn open(&mut self, path: &Path, files: &dyn Files) -> Result<Arc<Image>, SymbolError> {
        let name = || path.to_string_lossy().into_owned();
        let bytes = files.map(path).map_err(|source| SymbolError::Io { path: name(), source })?;
        self.of(path, bytes, files)
    }

    /// The image of the file behind these mappings, which are of one file that is called `path`. That the kernel does not
    /// show one is kept for [`ImageCache::missing`], where there is code of it; then there is what its memory tells.
    pub(super) fn mapped(
        &mut self,
        path: &str,
        mappings: &[&Mapping],
        memory: &dyn Memory,
        files: &dyn Files,
    ) -> Option<Arc<Image>> {
        match files.mapped(mappings, memory) {
            Ok(bytes) => self.of(Path::new(path), bytes, files).ok(),
            Err(error) => {
                let (first, last) = (mappings.first()?, mappings.last()?);
                let key = (path.to_owned(), first.inode, Span::new(first.span.start, last.span.end));
                if !mappings.iter().any(|mapping| mapping.perms.exec) {
                    return None;
                }
                if let Some(known) = self.remembered.get(&key) {
                    return known.clone();
                }
                let made = remembered::file(mappings, memory);
                // What is no program is no loss: memory of memfd_create(2) or shmget(2), say.
                if made.is_some() && self.told.insert((path.to_owned(), first.inode)) {
                    self.unread.push(unread(path, &error));
                }
                let image =
                    made.and_then(|made| Image::from_bytes(path, Box::leak(made.into_boxed_slice())).ok());
                self.remembered.insert(key, image.clone());
                image
            }
        }
    }

    fn of(
        &mut self,
        path: &Path,
        bytes: &'static [u8],
        files: &dyn Files,
    ) -> Result<Arc<Image>, SymbolError> {
        let key = (path.to_owned(), bytes.as_ptr() as usize);
        if let Some(Some(known)) = self.known.get(&key) {
            return Ok(Arc::clone(known));
        }
        let image = Image::read(path, bytes, &self.debug_roots, files, self.fetch.as_deref())?;
        self.known.insert(key, Some(Arc::clone(&image)));
        Ok(image)
    }

    /// What was not found since the last time, in gdb's words.
    #[must_use]
    pub fn missing(&mut self) -> Vec<String> {
        let mut all = std::mem::take(&mut self.unread);
        all.extend(self.known.values().flatten().flat_map(|image| image.missing()));
        all
    }

    /// The image made of a process's own bytes (the vdso), which are kept once.
    pub(super) fn of_bytes(&mut self, name: &str, bytes: Vec<u8>) -> Option<Arc<Image>> {
        let key = (PathBuf::from(name), bytes.len());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let image = Image::from_bytes(name, Box::leak(bytes.into_boxed_slice())).ok();
        self.known.insert(key, image.clone());
        image
    }
}

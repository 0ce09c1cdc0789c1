//! What the heap's reader needs to know of a stopped world: where libc is, its version, the threads.
//!
//! Symbols are a help here, not a need: [`crate::heap::survey`] finds the arenas without any, and says by what
//! it found them. This module knows where such symbols are looked for; it knows nothing of malloc's structures.

use memchr::memmem;

use super::Scene;
use crate::addr::{Addr, Span};
use crate::heap::story::names;
use crate::heap::{self, Anchors};
use crate::symbols::{ElfSymbol, Image, Module, SymbolKind};

impl Scene<'_> {
    /// What can be known of malloc's whereabouts; each may be missing. What only the process's history tells
    /// (recorded regions, the start of the break) is left for the caller.
    #[must_use]
    pub fn heap_anchors(&self) -> Anchors {
        let mut anchors = Anchors {
            libc_data: heap::libc_data(self.source.mappings()),
            threads: self.thread_pointers(),
            ..Anchors::default()
        };
        let Some(module) = self.libc() else { return anchors };
        let Some(image) = &module.image else { return anchors };
        let data = |name| {
            let symbol = image.symbols_named(name).find(|symbol| symbol.kind == SymbolKind::Data)?;
            Some(symbol.address.at(module.bias))
        };
        anchors.main_arena = data("main_arena");
        anchors.mp = data("mp_");
        anchors.curbrk = data("__curbrk");
        let trim = image.symbols_named("malloc_trim").find(|symbol| symbol.kind == SymbolKind::Function);
        anchors.malloc_trim =
            trim.map(|trim: &ElfSymbol| Span::sized(trim.address.at(module.bias), trim.size));
        anchors.glibc = version(image);
        anchors
    }

    /// glibc's version, such as `2.36`, where its banner was found.
    #[must_use]
    pub fn glibc_version(&self) -> Option<String> {
        version(self.libc()?.image.as_ref()?)
    }

    /// The module with libc in it: the library, or a program that is linked statically.
    #[must_use]
    pub fn libc(&self) -> Option<&Module> {
        let is_libc = |module: &&Module| {
            let name = module.path.rsplit('/').next().unwrap_or_default();
            names::is_libc(&module.path) && name.starts_with("libc")
        };
        self.modules.iter().find(is_libc).or_else(|| self.modules.program())
    }

    /// Whether a threads library is there that a debugger can ask, as gdb finds out by its version's symbol.
    #[must_use]
    pub fn has_threads_library(&self) -> bool {
        const VERSION: [&str; 2] = ["__nptl_version", "nptl_version"];
        let has = |image: &Image| VERSION.iter().any(|name| image.symbols_named(name).next().is_some());
        let may_have =
            |module: &&Module| names::is_libc(&module.path) || Some(module.span) == self.program_span();
        self.modules.iter().filter(may_have).any(|module| module.image.as_deref().is_some_and(has))
    }

    fn program_span(&self) -> Option<Span> {
        self.modules.program().map(|module| module.span)
    }

    fn thread_pointers(&self) -> Vec<(crate::addr::Tid, Addr)> {
        let pointer = |tid| Some((tid, self.source.thread_pointer(tid)?));
        let threads = self.source.threads().into_iter().filter_map(pointer);
        threads.filter(|(_, pointer)| pointer.0 != 0).collect()
    }
}

/// The number in `GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.`
fn version(image: &Image) -> Option<String> {
    let (_, constants) = image.section(".rodata")?;
    let at = memmem::find(constants, b"GNU C Library")?;
    let line = constants.get(at..)?.split(|byte| matches!(byte, b'\n' | 0)).next()?;
    let number = line.get(memmem::find(line, b"version ")? + b"version ".len()..)?;
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let len = number.iter().take_while(|byte| is_part(byte)).count();
    let number = std::str::from_utf8(&number[..len]).ok()?.trim_end_matches('.');
    (!number.is_empty()).then(|| number.to_owned())
}

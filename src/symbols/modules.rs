//! The modules of one address space: which files are mapped where, and questions about addresses in them.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::elf::{ElfSymbol, SymbolKind};
use super::ifunc;
use super::image::{Image, ImageCache};
use super::lines::LineRow;
use super::printed;
use super::prologue;
use crate::addr::{Addr, FileAddr, PAGE, Span};
use crate::event::StackFrame;
use crate::maps::Mapping;
use crate::memory::Memory;
use crate::source::Files;

/// The address of the vdso (getauxval(3), AT_SYSINFO_EHDR).
const AT_SYSINFO_EHDR: u64 = 33;
/// The program headers of the program (AT_PHDR).
const AT_PHDR: u64 = 3;

/// What a file reserves behind its own bytes (`.bss`) is mapped without its name, and belongs to it all the same.
fn cover_all_segments(list: &mut [Module]) {
    let next: Vec<Option<Addr>> =
        (1..=list.len()).map(|at| list.get(at).map(|module| module.span.start)).collect();
    for (module, next) in list.iter_mut().zip(next) {
        let Some(image) = &module.image else { continue };
        let ends = image.segments().iter().map(|s| s.address.0.saturating_add(s.size));
        let end = Addr(ends.max().unwrap_or(0).wrapping_add(module.bias));
        let end = next.map_or(end, |next| end.min(next));
        if end > module.span.end && end.0 - module.span.start.0 < 1 << 32 {
            module.span = Span::new(module.span.start, end);
        }
    }
}

/// A file in an address space.
pub struct Module {
    /// The file; `None` when it cannot be read any more.
    pub image: Option<Arc<Image>>,
    /// Its path as the kernel tells it, or `[vdso]`.
    pub path: String,
    /// What is added to linked addresses.
    pub bias: u64,
    /// From its lowest to its highest byte.
    pub span: Span,
}

impl Module {
    /// The linked address of `at`.
    #[must_use]
    pub fn linked(&self, at: Addr) -> FileAddr {
        FileAddr(at.0.wrapping_sub(self.bias))
    }
}

/// All modules, by address; the program is first in [`Modules::iter`].
#[derive(Default)]
pub struct Modules {
    list: Vec<Module>,
    /// Index of the program.
    program: usize,
    frames: Mutex<FxHashMap<Addr, Vec<StackFrame>>>,
}

impl Modules {
    /// The modules that these mappings amount to. A file that cannot be read still becomes a module.
    #[must_use]
    pub fn from_maps(
        maps: &[Mapping],
        auxv: &[(u64, u64)],
        memory: &dyn Memory,
        files: &dyn Files,
        cache: &mut ImageCache,
    ) -> Modules {
        let value = |kind| auxv.iter().find(|(k, _)| *k == kind).map(|(_, value)| Addr(*value));
        let mut list: Vec<Module> = Vec::new();
        for group in files_of(maps) {
            let first = group[0];
            let span = Span::new(first.span.start, group[group.len() - 1].span.end);
            let path = first.file().unwrap_or_default();
            let image = cache.mapped(path, &group, memory, files);
            // Files are mapped as data, too, a program's own perhaps: one with code is a module where its code can run.
            let has_code = |image: &Arc<Image>| image.segments().iter().any(|segment| segment.executable);
            if !group.iter().any(|mapping| mapping.perms.exec) && image.as_ref().is_none_or(has_code) {
                continue;
            }
            let bias = image.as_ref().map_or(0, |image| bias(image, first));
            list.push(Module { image, path: path.to_owned(), bias, span });
        }
        if let Some(at) = value(AT_SYSINFO_EHDR)
            && let Some(module) = vdso(at, maps, memory, cache)
        {
            list.push(module);
        }
        list.sort_by_key(|module| module.span.start);
        cover_all_segments(&mut list);
        let header = value(AT_PHDR).unwrap_or_default();
        let program = list.iter().position(|module| module.span.contains(header)).unwrap_or(0);
        Modules { list, program, frames: Mutex::default() }
    }

    /// The only module of a program that does not run, at its linked addresses.
    #[must_use]
    pub fn of_program(image: &Arc<Image>, path: &str) -> Modules {
        let start = image.segments().iter().map(|s| s.address.0).min().unwrap_or(0);
        let end = image.segments().iter().map(|s| s.address.0.saturating_add(s.size)).max().unwrap_or(0);
        let span = Span::new(Addr(start), Addr(end));
        let module = Module { image: Some(Arc::clone(image)), path: path.to_owned(), bias: 0, span };
        Modules { list: vec![module], program: 0, frames: Mutex::default() }
    }

    /// All modules, the program first.
    pub fn iter(&self) -> impl Iterator<Item = &Module> {
        let program = self.list.get(self.program);
        let others = self.list.iter().enumerate().filter(|(index, _)| *index != self.program);
        program.into_iter().chain(others.map(|(_, module)| module))
    }

    /// The program itself.
    #[must_use]
    pub fn program(&self) -> Option<&Module> {
        self.list.get(self.program)
    }

    /// The module whose range holds `at`.
    #[must_use]
    pub fn at(&self, at: Addr) -> Option<&Module> {
        let after = self.list.partition_point(|module| module.span.start <= at);
        self.list.get(after.checked_sub(1)?).filter(|module| module.span.contains(at))
    }

    /// The first of the linker's symbols at the place where the one that covers `at` begins, and the offset into it.
    #[must_use]
    pub fn symbol_of(&self, at: Addr) -> Option<(String, u64)> {
        let (name, offset) = self.linker_name_of(at)?;
        Some((printed::name(name).into_owned(), offset))
    }

    /// The symbol that covers `at`, and the offset into it: gdb's `<name+offset>`.
    #[must_use]
    pub fn name_of(&self, at: Addr) -> Option<(String, u64)> {
        let (name, offset) = self.linker_name_of(at)?;
        Some((printed::name(name).into_owned(), offset))
    }

    /// The same with the linker's name, which gdb prefers where it shows code and bare addresses
    /// (`print asm-demangle` is off).
    #[must_use]
    pub fn linker_name_of(&self, at: Addr) -> Option<(&'static str, u64)> {
        let module = self.at(at)?;
        let (symbol, offset) = module.image.as_ref()?.symbol_at(module.linked(at))?;
        Some((symbol.name, offset))
    }

    /// Whether the symbol called `name` is at this address.
    #[must_use]
    pub fn is_alias(&self, at: Addr, name: &str) -> bool {
        let Some(module) = self.at(at) else { return false };
        let linked = module.linked(at);
        module
            .image
            .as_ref()
            .is_some_and(|image| image.symbols_named(name).any(|symbol| symbol.address == linked))
    }

    /// The function, file, line and module at an address, innermost inlined function first; never empty.
    /// For a return address pass the byte before it.
    #[must_use]
    pub fn frames_of(&self, lookup: Addr) -> Vec<StackFrame> {
        let mut known = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frames) = known.get(&lookup) {
            return frames.clone();
        }
        let frames = self.look_up(lookup);
        known.insert(lookup, frames.clone());
        frames
    }

    fn look_up(&self, at: Addr) -> Vec<StackFrame> {
        let module = self.at(at);
        let path = module.map(|module| module.path.clone());
        let image = module.and_then(|module| module.image.as_ref().map(|image| (module, image)));
        let mut frames = image
            .and_then(|(module, image)| Some(image.debug()?.frames(module.linked(at))))
            .unwrap_or_default();
        if frames.is_empty() {
            frames.push(StackFrame::default());
        }
        // Hand-written assembly has lines but no function entry.
        if let Some(last) = frames.last_mut()
            && last.function.is_none()
        {
            last.function = self.name_of(at).map(|(name, _)| name);
        }
        for frame in &mut frames {
            frame.address = at;
            frame.module.clone_from(&path);
        }
        frames
    }

    /// Names of symbols of these kinds that begin with `prefix`, at most `most`: the program's own and those that it
    /// expects of libraries, then what other files offer, each in order. A C++ or Rust function is offered by its name without parameters.
    #[must_use]
    pub fn names_with(&self, prefix: &str, kinds: &[SymbolKind], most: usize) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for (index, module) in self.iter().enumerate() {
            let Some(image) = &module.image else { continue };
            let wanted = |symbol: &&ElfSymbol| kinds.contains(&symbol.kind) && (index == 0 || symbol.global);
            let mut names: Vec<String> =
                image.symbols().filter(wanted).filter_map(|symbol| offered(symbol.name, prefix)).collect();
            if index == 0 {
                names.extend(image.imports().filter_map(|name| offered(name, prefix)));
            }
            names.sort_unstable();
            names.dedup();
            names.retain(|name| !all.contains(name));
            all.extend(names);
            if all.len() >= most {
                all.truncate(most);
                break;
            }
        }
        all
    }

    /// The row of the line table that covers `at`, and the load bias of the module that it is in.
    #[must_use]
    pub fn row_at(&self, at: Addr) -> Option<(u64, LineRow)> {
        let module = self.at(at)?;
        let row = module.image.as_ref()?.debug()?.line_at(module.linked(at))?;
        Some((module.bias, row))
    }

    /// The function that covers `at`: by debug info, else by symbol.
    #[must_use]
    pub fn function_at(&self, at: Addr) -> Option<Span> {
        let module = self.at(at)?;
        let (symbol, _) = module.image.as_ref()?.symbol_at(module.linked(at))?;
        let start = symbol.address.at(module.bias);
        let size = if symbol.size == 0 { PAGE } else { symbol.size };
        Some(Span::sized(start, size))
    }

    /// Where a jump through `slot` leads. A slot that the loader has not bound yet points back into the stubs of its
    /// own module; then the function of its name is meant, in the first module that has it.
    #[must_use]
    pub fn through_slot(&self, slot: Addr, memory: &dyn Memory) -> Option<Addr> {
        let module = self.at(slot)?;
        let bound = Addr(memory.u64(slot).ok()?);
        if !module.span.contains(bound) {
            return Some(bound);
        }
        let Some(name) = ifunc::slot_name(module, slot) else { return Some(bound) };
        self.iter().find_map(|holder| {
            let symbol = holder.image.as_ref()?.symbols_named(&name).next()?;
            match symbol.kind {
                SymbolKind::Function => Some(symbol.address.at(holder.bias)),
                SymbolKind::Indirect => ifunc::target(self, holder, symbol.address, &name, memory),
                SymbolKind::Data => None,
            }
        })
    }

    /// Where a breakpoint on the function that begins at `entry` goes.
    #[must_use]
    pub fn after_prologue(&self, entry: Addr, _memory: &dyn Memory) -> Option<Addr> {
        let module = self.at(entry)?;
        let image = module.image.as_ref()?;
        let end = self.function_at(entry).map(|span| module.linked(span.end));
        Some(prologue::after(image, module.linked(entry), end).at(module.bias))
    }
}

/// The name of a symbol as people type it, if it begins with `prefix`.
fn offered(name: &str, prefix: &str) -> Option<String> {
    if name.starts_with(prefix) {
        return Some(name.to_owned());
    }
    // Demangling is slow; a mangled name holds the last part of every path that leads to it.
    let last = prefix.rsplit("::").next().unwrap_or(prefix);
    if !(name.starts_with("_Z") || name.starts_with("_R")) || !name.contains(last) {
        return None;
    }
    let full = printed::name(name);
    full.starts_with(prefix).then(|| full.split('(').next().unwrap_or_default().to_owned())
}

/// Mappings of files, grouped: consecutive ones of the same file belong together.
fn files_of(maps: &[Mapping]) -> Vec<Vec<&Mapping>> {
    let mut groups: Vec<Vec<&Mapping>> = Vec::new();
    for mapping in maps {
        let Some(path) = mapping.file() else { continue };
        match groups.last_mut() {
            // A file loaded twice (dlmopen) begins again at offset 0.
            Some(group)
                if group[0].file() == Some(path) && group[0].inode == mapping.inode && mapping.offset > 0 =>
            {
                group.push(mapping);
            }
            _ => groups.push(vec![mapping]),
        }
    }
    groups
}

/// What the loader added: the difference between where the first segment is and where it was linked to be.
fn bias(image: &Image, first: &Mapping) -> u64 {
    let segment = image.segments().iter().find(|s| s.offset / PAGE * PAGE == first.offset);
    let linked = segment.or_else(|| image.segments().first()).map_or(0, |s| s.address.0 / PAGE * PAGE);
    first.span.start.0.wrapping_sub(linked)
}

fn vdso(at: Addr, maps: &[Mapping], memory: &dyn Memory, cache: &mut ImageCache) -> Option<Module> {
    let mapping = crate::maps::find(maps, at)?;
    let span = mapping.span;
    let bytes =
        memory.bytes(span.start, usize::try_from(span.len()).ok().filter(|len| *len < 1 << 20)?).ok()?;
    let image = cache.of_bytes("[vdso]", bytes)?;
    let linked = image.segments().first().map_or(0, |segment| segment.address.0);
    Some(Module { image: Some(image), path: "[vdso]".into(), bias: span.start.0.wrapping_sub(linked), span })
}

//! From a [`Linespec`] to places: gdb 13.1's set of locations for it.

use rustc_hash::FxHashSet;
use thiserror::Error;

use super::debug::DebugInfo;
use super::elf::{ElfSymbol, SymbolKind};
use super::image::Image;
use super::linespec::Linespec;
use super::modules::{Module, Modules};
use super::names::NameKind;
use super::{ifunc, printed, prologue, qualified};
use crate::addr::{Addr, FileAddr};
use crate::memory::Memory;

/// A place that a breakpoint can be put at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its address.
    pub address: Addr,
    /// The mapped file.
    pub module: String,
    /// The function; of an inlined copy, the function that was inlined.
    pub function: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
}

/// Why a place has no address. The texts are gdb's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum ResolveError {
    #[error("No symbol table is loaded.  Use the \"file\" command.")]
    NoSymbols,
    #[error("Function \"{0}\" not defined.")]
    NoFunction(String),
    #[error("Function \"{name}\" not defined in \"{file}\".")]
    NoFunctionIn { name: String, file: String },
    #[error("No line {line} in file \"{file}\".")]
    NoLine { file: String, line: u32 },
    #[error("No source file named {0}.")]
    NoFile(String),
    #[error("No line {0} in the current file.")]
    NoLineHere(u32),
    #[error("This location needs a current source line.")]
    NoCurrentLine,
}

impl Modules {
    /// Every address that a place means, by module and address.
    ///
    /// # Errors
    /// [`ResolveError`] when it means none (yet): a library may still bring it.
    pub fn resolve(
        &self,
        spec: &Linespec,
        default_file: Option<&str>,
        memory: &dyn Memory,
    ) -> Result<Vec<Site>, ResolveError> {
        if self.program().is_none() && !matches!(spec, Linespec::Address(_)) {
            return Err(ResolveError::NoSymbols);
        }
        match spec {
            Linespec::Address(at) => Ok(vec![self.site(*at)]),
            Linespec::Offset(_) => Err(ResolveError::NoCurrentLine),
            Linespec::Function { file, module, name } => {
                self.function(file.as_deref(), module.as_deref(), name.trim_matches('\''), memory)
            }
            Linespec::Line { file, line } => {
                let file = file.as_deref().or(default_file).ok_or(ResolveError::NoLineHere(*line))?;
                self.line(file, *line)
            }
        }
    }

    /// Whether a module would call `name` through a stub, so that a library is expected to bring it.
    #[must_use]
    pub fn expects(&self, name: &str) -> bool {
        self.iter().any(|module| ifunc::has_stub(module, name))
    }

    fn site(&self, at: Addr) -> Site {
        let frame = self.frames_of(at).into_iter().next().unwrap_or_default();
        Site {
            address: at,
            module: frame.module.unwrap_or_default(),
            function: frame.function,
            file: frame.file,
            line: frame.line,
        }
    }

    fn function(
        &self,
        file: Option<&str>,
        module: Option<&str>,
        name: &str,
        memory: &dyn Memory,
    ) -> Result<Vec<Site>, ResolveError> {
        if let Some(full) = printed::function(name).filter(|_| name.starts_with("_Z"))
            && let Ok(sites) = self.function(file, module, &full, memory)
        {
            return Ok(sites);
        }
        let (name, signature) = match name.ends_with(')') || name.ends_with(") const") {
            true => (without_parameters(name), Some(written_closely(name))),
            false => (name, None),
        };
        let wanted = |m: &&Module| module.is_none_or(|name| m.path.ends_with(name));
        let mut seen = FxHashSet::default();
        let mut sites = Vec::new();
        for module in self.iter().filter(wanted) {
            let Some(image) = module.image.as_ref() else { continue };
            for at in self.in_module(module, image, file, name, memory) {
                if seen.insert(at) {
                    let mut site = self.site(at);
                    // It is the place of the function that was asked for, whatever was inlined right there.
                    let frames = self.frames_of(at);
                    let named = frames.iter().rev().find(|frame| is_called(frame.function.as_deref(), name));
                    if let Some(frame) = named {
                        site.function.clone_from(&frame.function);
                    }
                    sites.push(site);
                }
            }
        }
        if let Some(signature) = signature {
            let fits = |full: &String| written_closely(full).ends_with(&signature);
            // Other functions may have been inlined right where it begins.
            sites.retain(|site| {
                site.function.as_ref().is_some_and(fits)
                    || self.frames_of(site.address).iter().any(|f| f.function.as_ref().is_some_and(fits))
            });
        }
        sites.sort_by_key(|site| site.address);
        match (sites.is_empty(), file) {
            (false, _) => Ok(sites),
            (true, Some(file)) => {
                Err(ResolveError::NoFunctionIn { name: name.to_owned(), file: file.to_owned() })
            }
            (true, None) => Err(ResolveError::NoFunction(name.to_owned())),
        }
    }

    fn in_module(
        &self,
        module: &Module,
        image: &Image,
        file: Option<&str>,
        name: &str,
        memory: &dyn Memory,
    ) -> Vec<Addr> {
        let mut entries: Vec<FileAddr> = Vec::new();
        let mut places: Vec<Addr> = Vec::new();
        // gdb does not look into debug info for a name that begins with an underscore any differently; the
        // index is asked first because inlined copies are only there.
        if let Some(debug) = image.debug_to_find(name) {
            for entry in debug.named(name) {
                let here = file.is_none_or(|file| in_file(debug, entry.unit, file));
                match entry.kind {
                    NameKind::Function if here => entries.extend(entry.entry),
                    _ => {}
                }
                if here && matches!(entry.kind, NameKind::Abstract | NameKind::Function) {
                    let copies = debug.inlined_instances(&entry);
                    places.extend(copies.iter().map(|at| at.at(module.bias)));
                }
            }
        }
        if file.is_none() {
            for symbol in image.symbols_named(name) {
                match symbol.kind {
                    SymbolKind::Function => entries.push(symbol.address),
                    SymbolKind::Indirect => {
                        places.extend(ifunc::target(self, module, symbol.address, name, memory));
                    }
                    SymbolKind::Data => {}
                }
            }
            entries.extend(undescribed(image, name));
        }
        entries.sort_unstable();
        entries.dedup();
        for entry in entries {
            let symbol = image.symbol_at(entry).filter(|(_, offset)| *offset == 0);
            let end =
                symbol.filter(|(s, _)| s.size > 0).map(|(s, _)| FileAddr(entry.0.saturating_add(s.size)));
            places.push(prologue::after(image, entry, end).at(module.bias));
        }
        places
    }

    fn line(&self, file: &str, line: u32) -> Result<Vec<Site>, ResolveError> {
        let mut known = false;
        let mut found: Vec<(Addr, u32)> = Vec::new();
        for module in self.iter() {
            let Some(debug) = module.image.as_ref().and_then(|image| image.debug()) else { continue };
            for (index, address, at_line) in rows_of(debug, file, line, &mut known) {
                let entry = self.adjust(module, FileAddr(address));
                let _ = index;
                found.push((entry.at(module.bias), at_line));
            }
        }
        if !known {
            return Err(ResolveError::NoFile(file.to_owned()));
        }
        // Only the nearest line that has code counts.
        let best = found.iter().map(|(_, at)| *at).min();
        let best = best.ok_or_else(|| ResolveError::NoLine { file: file.to_owned(), line })?;
        found.retain(|(_, at)| *at == best);
        found.sort_unstable();
        found.dedup();
        let mut functions = FxHashSet::default();
        let mut sites = Vec::new();
        for (at, _) in found {
            // One place per function: the first instruction of the line in it.
            let start = self.function_at(at).map_or(at, |span| span.start);
            let frames = self.frames_of(at);
            let inlined = (frames.len() > 1).then(|| frames.first().and_then(|f| f.function.clone()));
            if functions.insert((start, inlined)) {
                sites.push(Site { line: Some(best), ..self.site(at) });
            }
        }
        Ok(sites)
    }

    /// A line that begins a function means the place behind its prologue.
    fn adjust(&self, module: &Module, at: FileAddr) -> FileAddr {
        let Some(image) = module.image.as_ref() else { return at };
        match image.symbol_at(at) {
            Some((symbol, 0)) => {
                let end = (symbol.size > 0).then(|| FileAddr(at.0.saturating_add(symbol.size)));
                prologue::after(image, at, end)
            }
            _ => at,
        }
    }
}

/// Functions of C++ that only the linker knows, in whatever scope they are: gdb takes `join` for `std::thread::join()`
/// as well (symtab.c, `symbol_name_match_type::WILD`).
fn undescribed(image: &Image, name: &str) -> Vec<FileAddr> {
    let (scope, last) = qualified::split(name);
    let plain = qualified::without_arguments(last);
    let word = plain.strip_prefix('~').unwrap_or(plain);
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Vec::new();
    }
    let is_meant = |symbol: &&ElfSymbol| {
        let full = printed::demangled(symbol.name, false).unwrap_or_default();
        let (around, own) = qualified::split(&full);
        symbol.kind == SymbolKind::Function
            && qualified::part_fits(own, last)
            && qualified::scopes_fit(around, scope, true)
    };
    let described = |symbol: &&ElfSymbol| {
        image.debug().is_some_and(|debug| debug.unit_index_at(symbol.address).is_some())
    };
    let found = image.symbols_with(word).filter(is_meant).filter(|symbol| !described(symbol));
    found.map(|symbol| symbol.address).collect()
}

/// Whether a function's full name is one that `name` means.
fn is_called(full: Option<&str>, name: &str) -> bool {
    let Some(full) = full else { return false };
    let (around, own) = qualified::split(without_parameters(full));
    let (scope, last) = qualified::split(name);
    qualified::part_fits(own, last) && qualified::scopes_fit(around, scope, true)
}

/// A function's name without the parameters behind it.
fn without_parameters(name: &str) -> &str {
    let mut depth = 0_usize;
    let end = name.trim_end_matches(" const").bytes().enumerate().rev().find(|(_, byte)| {
        match byte {
            b')' => depth += 1,
            b'(' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *byte == b'(' && depth == 0
    });
    match end {
        // `operator()` is a name.
        Some((at, _)) if at > 0 && !name[..at].ends_with("operator") => &name[..at],
        _ => name,
    }
}

/// Without the blanks, which everybody puts elsewhere.
fn written_closely(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).collect()
}

fn in_file(debug: &DebugInfo, unit: usize, file: &str) -> bool {
    let Some(unit) = debug.unit(unit) else { return false };
    let name = unit.name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let directory = unit.comp_dir.map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    super::lines::same_file(&name, &directory, file)
}

/// Rows that begin a statement at `line` of `file`, or at the nearest later line that has any: unit, address, line.
fn rows_of(debug: &DebugInfo, file: &str, line: u32, known: &mut bool) -> Vec<(usize, u64, u32)> {
    let mut all = Vec::new();
    for (unit, table) in debug.all_lines() {
        let files = table.files_named(file);
        if files.is_empty() {
            continue;
        }
        *known = true;
        let rows = table.rows.iter().filter(|row| !row.end && row.is_stmt && files.contains(&row.file));
        let Some(best) = rows.clone().map(|row| row.line).filter(|at| *at >= line).min() else { continue };
        all.extend(rows.filter(|row| row.line == best).map(|row| (unit, row.address, row.line)));
    }
    all
}

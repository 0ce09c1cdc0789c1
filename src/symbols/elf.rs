//! ELF symbol tables (System V ABI, chapter 4): `.dynsym`, `.symtab`, and the debug file's `.symtab`, as one.

use object::{Object, ObjectSection, ObjectSymbol, SectionIndex, SymbolFlags, SymbolSection};
use rustc_hash::FxHashMap;

use crate::addr::FileAddr;

/// What a symbol names.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// Code.
    Function,
    /// Code that chooses which function the name means (`STT_GNU_IFUNC`).
    Indirect,
    /// Data.
    Data,
}

/// One symbol.
#[derive(Copy, Clone, Debug)]
pub struct ElfSymbol {
    /// Its linked address.
    pub address: FileAddr,
    /// Its size in bytes; 0 when the file does not say.
    pub size: u64,
    /// Its name, without a version.
    pub name: &'static str,
    /// What it names.
    pub kind: SymbolKind,
    /// Whether other files can see it.
    pub global: bool,
    /// The end of the section that it lies in: nothing beyond belongs to it.
    pub limit: FileAddr,
}

impl ElfSymbol {
    /// Its name as it is shown to people.
    #[must_use]
    pub fn shown(&self) -> std::borrow::Cow<'static, str> {
        super::printed::name(self.name)
    }
}

/// All symbols of one image, by address and by name.
#[derive(Debug, Default)]
pub(super) struct SymbolTable {
    by_address: Vec<ElfSymbol>,
    /// The first symbol of each name,
    by_name: FxHashMap<&'static str, u32>,
    /// and for each symbol the next one of the same name; itself for the last.
    next: Vec<u32>,
    /// Those with a mangled name of C++, found when somebody asks for one.
    mangled: std::sync::OnceLock<Vec<u32>>,
}

const STT_GNU_IFUNC: u8 = 10;
const STT_FUNC: u8 = 2;
const STT_OBJECT: u8 = 1;
const STT_NOTYPE: u8 = 0;

impl SymbolTable {
    /// The symbols of `files`: a program's own, and its debug file's.
    pub(super) fn new(files: &[&object::File<'static, &'static [u8]>]) -> SymbolTable {
        // The same symbol comes from several tables. The order among aliases at one address is gdb's: a file's own
        // symbols win over its debug file's; within a file they are sorted by address and then by where the name stands
        // in the string table, and the last of equals is preferred (minsyms.c, compare_minimal_symbols).
        let mut ranked = Vec::new();
        for (rank, file) in files.iter().enumerate() {
            for symbol in file.symbols().chain(file.dynamic_symbols()) {
                ranked.extend(read(file, &symbol).map(|symbol| (std::cmp::Reverse(rank), symbol)));
            }
        }
        let stubs = files.first().map(|file| super::stubs::of(file)).unwrap_or_default();
        ranked.extend(stubs.into_iter().map(|symbol| (std::cmp::Reverse(0), symbol)));
        let mut seen = rustc_hash::FxHashSet::default();
        ranked.retain(|(_, symbol): &(_, ElfSymbol)| seen.insert((symbol.address.0, symbol.name)));
        ranked.sort_by_key(|(rank, symbol)| (symbol.address.0, *rank, symbol.name.as_ptr() as usize));
        let all: Vec<ElfSymbol> = ranked.into_iter().map(|(_, symbol)| symbol).collect();
        let mut by_name = FxHashMap::with_capacity_and_hasher(all.len(), rustc_hash::FxBuildHasher);
        let mut next: Vec<u32> = (0..all.len() as u32).collect();
        for (index, symbol) in all.iter().enumerate().rev() {
            if let Some(later) = by_name.insert(symbol.name, index as u32) {
                next[index] = later;
            }
        }
        SymbolTable { by_address: all, by_name, next, mangled: std::sync::OnceLock::new() }
    }

    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &ElfSymbol> {
        let first = self.by_name.get(name).copied();
        let after = |at: &u32| self.next.get(*at as usize).copied().filter(|next| next != at);
        std::iter::successors(first, after).filter_map(|index| self.by_address.get(index as usize))
    }

    /// The symbols with a mangled name of C++ that holds `word` as a name, with its length in front (Itanium C++ ABI,
    /// 5.1.3, `<source-name>`): all that can mean something which is called so, and few others.
    pub(super) fn mangled_with<'a>(&'a self, word: &str) -> impl Iterator<Item = &'a ElfSymbol> + 'a {
        let mangled = self.mangled.get_or_init(|| {
            let is_mangled = |(_, symbol): &(usize, &ElfSymbol)| symbol.name.starts_with("_Z");
            self.by_address.iter().enumerate().filter(is_mangled).map(|(index, _)| index as u32).collect()
        });
        let part = memchr::memmem::Finder::new(&format!("{}{word}", word.len())).into_owned();
        mangled.iter().filter_map(|index| self.by_address.get(*index as usize)).filter(move |symbol| {
            let name = symbol.name.as_bytes();
            // A digit before it belongs to the length of a longer name.
            part.find_iter(name).any(|at| at == 0 || !name[at - 1].is_ascii_digit())
        })
    }

    /// The symbol that covers `at`, as gdb chooses it, and how far into it `at` is.
    pub(super) fn at(&self, at: FileAddr) -> Option<(&ElfSymbol, u64)> {
        let after = self.by_address.partition_point(|symbol| symbol.address.0 <= at.0);
        let before = &self.by_address[..after];
        let mut best = before.last()?;
        // A symbol without a size is passed over for one with a size at the same address.
        let same = before.iter().rev().take_while(|symbol| symbol.address == best.address);
        if best.size == 0
            && let Some(sized) = same.clone().find(|symbol| symbol.size != 0)
        {
            best = sized;
        }
        let ends = |symbol: &ElfSymbol| symbol.address.0.saturating_add(symbol.size);
        if best.size != 0 && at.0 >= ends(best) {
            // Past its end: an outer symbol may still cover the address.
            best = before.iter().rev().take(64).find(|symbol| symbol.size != 0 && at.0 < ends(symbol))?;
        }
        (at.0 < best.limit.0).then(|| (best, at.0 - best.address.0))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ElfSymbol> {
        self.by_address.iter()
    }
}

fn read(
    file: &object::File<'static, &'static [u8]>,
    symbol: &object::Symbol<'static, '_, &'static [u8]>,
) -> Option<ElfSymbol> {
    let SymbolFlags::Elf { st_info, .. } = symbol.flags() else { return None };
    let kind = match st_info.0 & 0xf {
        STT_FUNC => SymbolKind::Function,
        STT_GNU_IFUNC => SymbolKind::Indirect,
        STT_OBJECT => SymbolKind::Data,
        STT_NOTYPE => SymbolKind::Function,
        _ => return None,
    };
    let SymbolSection::Section(SectionIndex(section)) = symbol.section() else { return None };
    let section = file.section_by_index(SectionIndex(section)).ok()?;
    let limit = section.address().checked_add(section.size())?;
    let executable = match section.flags() {
        object::SectionFlags::Elf { sh_flags, .. } => sh_flags.contains(object::elf::SHF_EXECINSTR),
        _ => false,
    };
    let kind = if executable || kind == SymbolKind::Indirect { kind } else { SymbolKind::Data };
    let name = symbol.name().ok().filter(|name| !name.is_empty() && !name.starts_with('$'))?;
    // `open@@GLIBC_2.2.5` is `open` to everybody who types it.
    let name = name.split('@').next().unwrap_or(name);
    Some(ElfSymbol {
        address: FileAddr(symbol.address()),
        size: symbol.size(),
        name,
        kind,
        global: symbol.is_global(),
        limit: FileAddr(limit),
    })
}

//! The DWARF of one file: units, which of them covers an address, and lookups that need more than one.
//!
//! Sections are decompressed when the file is opened, and searched for names on the way where a name was asked for;
//! units and lines are each read at the first question about them. Types and variables are read elsewhere, from what is public here.

use std::sync::{Arc, Mutex, OnceLock};

use gimli::{Dwarf, UnitHeader, UnitRef};
use rayon::prelude::*;

use super::Slice;
use super::debugfile::Elf;
use super::lines::{LineRow, LineTable};
use super::names::{self, Instances, NameEntry, NameIndex};
use super::{around, printed, sections};
use crate::addr::FileAddr;
use crate::event::StackFrame;
use crate::source::Release;

type Unit = gimli::Unit<Slice>;

/// One unit, parsed when first asked for.
struct Lazy {
    header: gimli::UnitHeader<Slice>,
    /// Offset of its header in `.debug_info`.
    start: usize,
    unit: OnceLock<Option<Unit>>,
    lines: OnceLock<Option<Arc<LineTable>>>,
    optimized: OnceLock<bool>,
    scopes: OnceLock<around::Scoped>,
}

/// How a unit was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The directory that its names are relative to.
    pub directory: Option<String>,
    /// The compiler, with its version and flags.
    pub producer: Option<String>,
    /// The version of DWARF.
    pub version: u16,
    /// Whether it describes macros.
    pub macros: bool,
}

/// See the module.
pub struct DebugInfo {
    /// All sections, and the supplement's.
    pub dwarf: Arc<Dwarf<Slice>>,
    units: Vec<Lazy>,
    supplement: Vec<Lazy>,
    /// Start, end and unit, sorted.
    ranges: OnceLock<Vec<(u64, u64, usize)>>,
    names: OnceLock<NameIndex>,
    instances: OnceLock<Instances>,
    context: OnceLock<Option<Mutex<addr2line::Context<Slice>>>>,
}

impl DebugInfo {
    /// Reads the sections of a file and of its supplement; when it is opened to look a name up, with the index of `names`.
    pub(super) fn load(main: &Elf, supplement: Option<&Elf>, names: bool, release: Release) -> DebugInfo {
        let (dwarf, found) = sections::load(main, supplement, names, release);
        let dwarf = Arc::new(dwarf);
        let debug = DebugInfo {
            units: headers(&dwarf),
            supplement: dwarf.sup().map(headers).unwrap_or_default(),
            dwarf,
            ranges: OnceLock::new(),
            names: OnceLock::new(),
            instances: OnceLock::new(),
            context: OnceLock::new(),
        };
        if let Some(found) = found {
            let _ = debug.names.set(NameIndex::of(found, &debug));
        }
        debug
    }

    /// How many units there are.
    #[must_use]
    pub fn unit_count(&self) -> usize {
        self.units.len()
    }

    /// A unit by its index.
    #[must_use]
    pub fn unit(&self, index: usize) -> Option<UnitRef<'_, Slice>> {
        parsed(&self.dwarf, self.units.get(index)?)
    }

    /// The unit that holds the entry at this offset of `.debug_info`, in the file or in its supplement.
    #[must_use]
    pub fn unit_of(&self, in_supplement: bool, offset: usize) -> Option<UnitRef<'_, Slice>> {
        let (dwarf, units) =
            if in_supplement { (self.dwarf.sup()?, &self.supplement) } else { (&*self.dwarf, &self.units) };
        let after = units.partition_point(|unit| unit.start <= offset);
        parsed(dwarf, units.get(after.checked_sub(1)?)?)
    }

    /// The index of the unit that covers `pc`.
    #[must_use]
    pub fn unit_index_at(&self, pc: FileAddr) -> Option<usize> {
        let ranges = self.ranges.get_or_init(|| self.read_ranges());
        let after = ranges.partition_point(|(start, ..)| *start <= pc.0);
        // Ranges of different units do not overlap in good files; in others the nearest start wins.
        ranges[..after].iter().rev().take(8).find(|(_, end, _)| pc.0 < *end).map(|(.., unit)| *unit)
    }

    /// The unit that covers `pc`.
    #[must_use]
    pub fn unit_at(&self, pc: FileAddr) -> Option<UnitRef<'_, Slice>> {
        self.unit(self.unit_index_at(pc)?)
    }

    fn read_ranges(&self) -> Vec<(u64, u64, usize)> {
        let mut all: Vec<(u64, u64, usize)> = self.listed_ranges();
        let mut covered = vec![false; self.units.len()];
        all.iter().for_each(|(.., unit)| covered[*unit] = true);
        let missing: Vec<_> = (0..self.units.len())
            .into_par_iter()
            .filter(|index| !covered[*index])
            .flat_map_iter(|index| self.unit_ranges(index))
            .collect();
        all.extend(missing);
        all.sort_unstable();
        all
    }

    fn listed_ranges(&self) -> Vec<(u64, u64, usize)> {
        let mut all = Vec::new();
        let mut headers = self.dwarf.debug_aranges.headers();
        while let Ok(Some(header)) = headers.next() {
            let offset = header.debug_info_offset().0;
            let Ok(index) = self.units.binary_search_by_key(&offset, |unit| unit.start) else { continue };
            let mut entries = header.entries();
            while let Ok(Some(entry)) = entries.next() {
                let range = entry.range();
                if range.begin != 0 && range.begin < range.end {
                    all.push((range.begin, range.end, index));
                }
            }
        }
        all
    }

    fn unit_ranges(&self, index: usize) -> Vec<(u64, u64, usize)> {
        let mut all = Vec::new();
        let Some(unit) = self.unit(index) else { return all };
        let Ok(mut ranges) = unit.unit_ranges() else { return all };
        while let Ok(Some(range)) = ranges.next() {
            if range.begin != 0 && range.begin < range.end {
                all.push((range.begin, range.end, index));
            }
        }
        all
    }

    /// The units whose source file is called `file`.
    #[must_use]
    pub fn units_called(&self, file: &str) -> Vec<usize> {
        let called = |index: &usize| {
            let Some(unit) = self.unit(*index) else { return false };
            let text = |text: Option<Slice>| {
                text.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
            };
            super::lines::same_file(&text(unit.name), &text(unit.comp_dir), file)
        };
        (0..self.units.len()).into_par_iter().filter(called).collect()
    }

    /// The language of a unit, as gdb calls it.
    #[must_use]
    pub fn language(&self, index: usize) -> Option<&'static str> {
        let unit = self.unit(index)?;
        let root = unit.entry(unit.header.root_offset()).ok()?;
        match root.attr_value(gimli::DW_AT_language)? {
            gimli::AttributeValue::Language(language) => Some(language_name(language)),
            _ => None,
        }
    }

    /// What a unit says of how it was made: its directory, the compiler, the version of DWARF.
    #[must_use]
    pub fn origin(&self, index: usize) -> Option<Origin> {
        let unit = self.unit(index)?;
        let root = unit.entry(unit.header.root_offset()).ok()?;
        let producer = root.attr_value(gimli::DW_AT_producer).and_then(|value| unit.attr_string(value).ok());
        let text = |text: Option<Slice>| text.map(|text| text.to_string_lossy().into_owned());
        Some(Origin {
            directory: text(unit.comp_dir),
            producer: text(producer),
            version: unit.header.version(),
            macros: root
                .attr_value(gimli::DW_AT_macros)
                .or_else(|| root.attr_value(gimli::DW_AT_macro_info))
                .is_some(),
        })
    }

    /// The lines of a unit.
    pub(super) fn lines(&self, index: usize) -> Option<Arc<LineTable>> {
        let lazy = self.units.get(index)?;
        let table = lazy.lines.get_or_init(|| {
            let unit = parsed(&self.dwarf, lazy)?;
            LineTable::read(unit).map(Arc::new)
        });
        table.clone()
    }

    /// The lines of a unit, with the names of its files.
    pub(super) fn line_table(&self, index: usize) -> Option<Arc<LineTable>> {
        self.lines(index)
    }

    /// The row of the line table that covers `pc`.
    #[must_use]
    pub fn line_at(&self, pc: FileAddr) -> Option<LineRow> {
        let index = self.unit_index_at(pc)?;
        self.lines(index)?.at(pc)
    }

    /// The line of the first row at `pc`.
    #[must_use]
    pub fn first_line_at(&self, pc: FileAddr) -> Option<u32> {
        let table = self.lines(self.unit_index_at(pc)?)?;
        let first = table.rows.partition_point(|row| row.address < pc.0);
        table.rows.get(first..)?.iter().find(|row| !row.end).map(|row| row.line)
    }

    /// All lines of all units, in parallel: for breakpoints by file and line.
    pub(super) fn all_lines(&self) -> Vec<(usize, Arc<LineTable>)> {
        (0..self.units.len()).into_par_iter().filter_map(|index| Some((index, self.lines(index)?))).collect()
    }

    /// Whether gdb takes the unit's locations to be valid in prologues: compiled by gcc 4.5 or newer, with
    /// location lists (gdb 13.1 dwarf2/read.c, `process_full_comp_unit`).
    pub(super) fn is_optimized(&self, index: usize) -> bool {
        let Some(lazy) = self.units.get(index) else { return false };
        *lazy.optimized.get_or_init(|| {
            parsed(&self.dwarf, lazy).is_some_and(|unit| super::prologue::has_location_lists(unit))
        })
    }

    /// A unit's header, without reading more of it than that.
    pub(super) fn header(&self, index: usize) -> Option<&UnitHeader<Slice>> {
        Some(&self.units.get(index)?.header)
    }

    /// Every entry called `name` that the index knows: functions, inlined functions, globals, types.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = NameEntry> + 'a {
        self.named_in(name, false, |_| true)
    }

    /// The entries called `name` of the units that `wanted` takes; of an `exact` name no outer scope is left out.
    pub fn named_in<'a>(
        &'a self,
        name: &'a str,
        exact: bool,
        wanted: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = NameEntry> + 'a {
        self.names.get_or_init(|| NameIndex::build(self)).named(self, name, exact, wanted)
    }

    /// The namespaces and classes around the entry at this offset of `.debug_info`, joined by `::`; nothing for what is
    /// in none.
    #[must_use]
    pub fn scope_of(&self, offset: usize) -> Option<&str> {
        let index = self.units.partition_point(|unit| unit.start <= offset).checked_sub(1)?;
        let unit = self.units.get(index)?;
        let scopes = unit.scopes.get_or_init(|| around::read(self, index));
        scopes.get(&u32::try_from(offset - unit.start).ok()?).map(|scope| &**scope)
    }

    /// Where a function was inlined: start addresses.
    pub(super) fn inlined_instances(&self, of: &NameEntry) -> &[FileAddr] {
        if !of.inline {
            return &[];
        }
        let units = || (0..self.units.len()).into_par_iter().filter_map(|at| self.unit(at));
        let all = self.instances.get_or_init(|| names::instances(units()));
        all.get(&of.offset).map_or(&[], Vec::as_slice)
    }

    /// The functions at `pc` with file and line, innermost inlined one first.
    pub(super) fn frames(&self, pc: FileAddr) -> Vec<StackFrame> {
        let context = self
            .context
            .get_or_init(|| addr2line::Context::from_arc_dwarf(Arc::clone(&self.dwarf)).ok().map(Mutex::new));
        let Some(context) = context else { return Vec::new() };
        let context = context.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all = Vec::new();
        // addr2line puts the unit's directory in front of names; people know a file by the name alone.
        let directory = self.unit_at(pc).and_then(|unit| unit.comp_dir);
        let directory = directory.map(|dir| format!("{}/", dir.to_string_lossy())).unwrap_or_default();
        let Ok(mut frames) = context.find_frames(pc.0).skip_all_loads() else { return all };
        while let Ok(Some(frame)) = frames.next() {
            let name = frame
                .function
                .as_ref()
                .and_then(|f| f.raw_name().ok())
                .map(|n| printed::function(&n).unwrap_or_else(|| n.into_owned()));
            let location = frame.location.as_ref();
            all.push(StackFrame {
                function: name,
                file: location
                    .and_then(|l| l.file)
                    .map(|f| f.strip_prefix(&*directory).unwrap_or(f).to_owned()),
                line: location.and_then(|l| l.line),
                ..StackFrame::default()
            });
        }
        // Of several rows at one address the last one counts, as in gdb; addr2line takes the first.
        if let (Some(innermost), Some(row)) = (all.first_mut(), self.line_at(pc)) {
            (innermost.file, innermost.line) = (Some(row.file.to_string()), Some(row.line));
        }
        all
    }
}

fn language_name(language: gimli::DwLang) -> &'static str {
    match language {
        gimli::DW_LANG_C | gimli::DW_LANG_C89 | gimli::DW_LANG_C99 | gimli::DW_LANG_C11 => "c",
        gimli::DW_LANG_C_plus_plus
        | gimli::DW_LANG_C_plus_plus_03
        | gimli::DW_LANG_C_plus_plus_11
        | gimli::DW_LANG_C_plus_plus_14
        | gimli::DW_LANG_C_plus_plus_17
        | gimli::DW_LANG_C_plus_plus_20 => "c++",
        gimli::DW_LANG_Rust => "rust",
        gimli::DW_LANG_D => "d",
        gimli::DW_LANG_Go => "go",
        gimli::DW_LANG_ObjC => "objective-c",
        gimli::DW_LANG_Fortran77
        | gimli::DW_LANG_Fortran90
        | gimli::DW_LANG_Fortran95
        | gimli::DW_LANG_Fortran03
        | gimli::DW_LANG_Fortran08 => "fortran",
        gimli::DW_LANG_Pascal83 => "pascal",
        gimli::DW_LANG_Ada83 | gimli::DW_LANG_Ada95 => "ada",
        gimli::DW_LANG_Modula2 => "modula-2",
        gimli::DW_LANG_Mips_Assembler => "asm",
        _ => "minimal",
    }
}

fn parsed<'a>(dwarf: &'a Dwarf<Slice>, lazy: &'a Lazy) -> Option<UnitRef<'a, Slice>> {
    let unit = lazy.unit.get_or_init(|| dwarf.unit(lazy.header).ok());
    unit.as_ref().map(|unit| UnitRef::new(dwarf, unit))
}

fn headers(dwarf: &Dwarf<Slice>) -> Vec<Lazy> {
    let mut all = Vec::new();
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let Some(start) = header.debug_info_offset() else { continue };
        all.push(Lazy {
            header,
            start: start.0,
            unit: OnceLock::new(),
            lines: OnceLock::new(),
            optimized: OnceLock::new(),
            scopes: OnceLock::new(),
        });
    }
    all
}

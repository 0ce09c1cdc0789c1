//! The DWARF of one file: units, which of them covers an address, and lookups that need more than one.
//!
//! Sections are decompressed when the file is opened, and searched for names on the way where a name was asked for;
//! units and lines are each read at the first question about them. Types and variables are read elsewhere, from what is public here.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gimli::{Dwarf, Section, UnitHeader, UnitRef, UnitType};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Slice;
use super::debugfile::Elf;
use super::imports::{self, Importers};
use super::lines::{LineRow, LineTable};
use super::lookup::Names;
use super::names::{self, Instances, NameEntry, NameIndex};
use super::split::{self, Home, Search};
use super::stacks::Contexts;
use super::walk::Shapes;
use super::{around, sections, seek};
use crate::addr::FileAddr;
use crate::event::StackFrame;

type Unit = gimli::Unit<Slice>;

/// One unit, parsed when first asked for.
struct Lazy {
    header: gimli::UnitHeader<Slice>,
    /// Offset of its header in `.debug_info`, or behind it for what is not there.
    start: usize,
    /// Where it is, if not in the file's own `.debug_info`.
    home: Option<Arc<Home>>,
    unit: OnceLock<Option<Unit>>,
    lines: OnceLock<Option<Arc<LineTable>>>,
    optimized: OnceLock<bool>,
    scopes: OnceLock<around::Scoped>,
    names: OnceLock<NameIndex>,
    instances: OnceLock<Instances>,
}

impl Lazy {
    fn new(header: UnitHeader<Slice>, home: Option<Arc<Home>>) -> Lazy {
        Lazy {
            start: header.offset().0,
            header,
            home,
            unit: OnceLock::new(),
            lines: OnceLock::new(),
            optimized: OnceLock::new(),
            scopes: OnceLock::new(),
            names: OnceLock::new(),
            instances: OnceLock::new(),
        }
    }

    fn skeleton(&self) -> Option<&UnitHeader<Slice>> {
        self.home.as_ref()?.skeleton.as_ref()
    }

    fn may_have_code(&self) -> bool {
        let elsewhere = self.home.is_some() && self.skeleton().is_none();
        !elsewhere && !matches!(self.header.type_(), UnitType::Type { .. } | UnitType::SplitType { .. })
    }
}

/// See the module.
pub struct DebugInfo {
    /// All sections, and the supplement's.
    pub dwarf: Arc<Dwarf<Slice>>,
    units: Vec<Lazy>,
    /// Start, end and unit, sorted.
    ranges: OnceLock<Vec<(u64, u64, usize)>>,
    names: Names,
    /// Of the whole file, where one unit refers to another.
    instances: OnceLock<Instances>,
    /// Whether no entry takes its name from another unit.
    apart: OnceLock<bool>,
    contexts: Contexts,
    importers: OnceLock<Importers>,
    /// Types by signature.
    signatures: OnceLock<FxHashMap<u64, usize>>,
    /// Units that are elsewhere, by the offset of those that stand for them.
    skeletons: FxHashMap<usize, usize>,
    /// What is missing, in gdb's words; told once.
    missing: Mutex<Vec<String>>,
}

impl DebugInfo {
    /// Reads the sections of a file and of its supplement; when it is opened to look `name` up, it is looked for on the way.
    pub(super) fn load(
        main: &Elf,
        supplement: Option<&Elf>,
        search: Option<&Search<'_>>,
        name: Option<&str>,
    ) -> DebugInfo {
        let release = |bytes| {
            if let Some(search) = search {
                search.files.release(bytes);
            }
        };
        let (dwarf, found) = sections::load(main, supplement, name, &release);
        let dwarf = Arc::new(dwarf);
        let (units, missing) = split::units(&dwarf, search);
        let units: Vec<Lazy> = units.into_iter().map(|(header, home)| Lazy::new(header, home)).collect();
        let skeleton = |(index, unit): (usize, &Lazy)| Some((unit.skeleton()?.offset().0, index));
        let skeletons = units.iter().enumerate().filter_map(skeleton).collect();
        let debug = DebugInfo {
            dwarf,
            units,
            ranges: OnceLock::new(),
            names: Names::default(),
            instances: OnceLock::new(),
            apart: OnceLock::new(),
            contexts: Contexts::default(),
            importers: OnceLock::new(),
            signatures: OnceLock::new(),
            skeletons,
            missing: Mutex::new(missing),
        };
        // Where other files have the units, what was found are only those that stand for them.
        if debug.skeletons.is_empty() {
            let own = debug.units.iter().take_while(|unit| unit.home.is_none()).count();
            debug.names.begin(&debug, name.unwrap_or_default(), found, own);
        }
        debug
    }

    /// What was not found; nothing when it was asked for before.
    pub(super) fn missing(&self) -> Vec<String> {
        std::mem::take(&mut self.missing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The type that has a unit of its own by this name.
    pub(super) fn signed(&self, signature: u64) -> Option<usize> {
        let make = || split::signatures(self.units.iter().map(|unit| &unit.header));
        self.signatures.get_or_init(make).get(&signature).copied()
    }

    /// Where the `.debug_info` begins that the entry at this offset lies in.
    pub(super) fn base_of(&self, offset: usize) -> usize {
        let unit = self.index_of(offset).and_then(|at| self.units.get(at));
        unit.and_then(|unit| unit.home.as_ref()).map_or(0, |home| home.base)
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

    /// The unit that holds the entry at this offset.
    #[must_use]
    pub fn unit_of(&self, offset: usize) -> Option<UnitRef<'_, Slice>> {
        parsed(&self.dwarf, self.units.get(self.index_of(offset)?)?)
    }

    /// The index of that unit.
    pub(super) fn index_of(&self, offset: usize) -> Option<usize> {
        self.units.partition_point(|unit| unit.start <= offset).checked_sub(1)
    }

    /// Who imports which partial unit.
    pub(super) fn importers(&self) -> &Importers {
        self.importers.get_or_init(|| imports::importers(self))
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
            let Some(index) = self.listed(offset) else { continue };
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

    /// The sections that a unit refers to.
    pub(super) fn sections_of(&self, index: usize) -> &Dwarf<Slice> {
        let home = self.units.get(index).and_then(|unit| unit.home.as_ref());
        home.map_or(&self.dwarf, |home| &home.dwarf)
    }

    /// The unit that is, or stands behind, the one at this offset of the file's own `.debug_info`.
    fn listed(&self, offset: usize) -> Option<usize> {
        let own = self.units.binary_search_by_key(&offset, |unit| unit.start).ok();
        own.or_else(|| self.skeletons.get(&offset).copied())
    }

    fn unit_ranges(&self, index: usize) -> Vec<(u64, u64, usize)> {
        let ranges = self.skeleton_of(index).map_or_else(
            || self.unit(index).map(own_ranges),
            |unit| Some(own_ranges(UnitRef::new(&self.dwarf, &unit))),
        );
        let ranges = ranges.unwrap_or_default().into_iter().filter(|(begin, _)| *begin != 0);
        ranges.map(|(begin, end)| (begin, end, index)).collect()
    }

    /// The unit that stands for one that is elsewhere, and has its addresses and lines.
    fn skeleton_of(&self, index: usize) -> Option<Unit> {
        self.dwarf.unit(*self.units.get(index)?.skeleton()?).ok()
    }

    /// The lines of a unit.
    pub(super) fn lines(&self, index: usize) -> Option<Arc<LineTable>> {
        let lazy = self.units.get(index)?;
        let table = lazy.lines.get_or_init(|| {
            let unit = parsed(&self.dwarf, lazy)?;
            let Some(mut skeleton) = self.skeleton_of(index) else {
                return LineTable::read(unit).map(Arc::new);
            };
            skeleton.name = unit.name;
            LineTable::read(UnitRef::new(&self.dwarf, &skeleton)).map(Arc::new)
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
        // Units of types share the table of a unit that has code.
        let code = |index: &usize| self.units[*index].may_have_code();
        let all = (0..self.units.len()).into_par_iter().filter(code);
        all.filter_map(|index| Some((index, self.lines(index)?))).collect()
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
        self.names.named(self, name, exact, wanted)
    }

    /// The names of one unit.
    pub(super) fn names_of(&self, index: usize) -> Option<&NameIndex> {
        let build = || NameIndex::build(self, Vec::new(), (index..index + 1).into_par_iter());
        Some(self.units.get(index)?.names.get_or_init(build))
    }

    /// The bytes of one unit of the file's own `.debug_info`.
    pub(super) fn bytes_of(&self, index: usize) -> Option<&'static [u8]> {
        let unit = self.units.get(index).filter(|unit| unit.home.is_none())?;
        let end = unit.start.checked_add(unit.header.length_including_self())?;
        self.dwarf.debug_info.reader().slice().get(unit.start..end)
    }

    /// Whether no unit lies elsewhere than in `.debug_info`.
    pub(super) fn stands_in_one_file(&self) -> bool {
        self.units.iter().all(|unit| unit.home.is_none())
    }

    /// The namespaces and classes around the entry at this offset of `.debug_info`, joined by `::`; nothing for what is
    /// in none.
    #[must_use]
    pub fn scope_of(&self, offset: usize) -> Option<&str> {
        let index = self.index_of(offset)?;
        let unit = self.units.get(index)?;
        let scopes = unit.scopes.get_or_init(|| around::read(self, index));
        scopes.get(&u32::try_from(offset - unit.start).ok()?).map(|scope| &**scope)
    }

    /// Where a function was inlined: start addresses.
    pub(super) fn inlined_instances(&self, of: &NameEntry) -> &[FileAddr] {
        if !of.inline {
            return &[];
        }
        let apart = || self.stands_in_one_file() && seek::names_stay_in_units(&self.dwarf.debug_abbrev);
        let scanned = match self.units.get(of.unit) {
            Some(unit) if *self.apart.get_or_init(apart) => {
                unit.instances.get_or_init(|| names::instances(self, (of.unit..of.unit + 1).into_par_iter()))
            }
            _ => self.instances.get_or_init(|| names::instances(self, (0..self.units.len()).into_par_iter())),
        };
        scanned.get(&of.offset).map_or(&[], Vec::as_slice)
    }

    /// The sections of the unit with this index alone: addr2line reads all units of what it is given.
    pub(super) fn alone(&self, index: usize) -> Option<Arc<Dwarf<Slice>>> {
        let unit = self.units.get(index)?;
        let base = unit.home.as_ref().map_or(0, |home| home.base);
        split::alone(self.sections_of(index), base, &unit.header).map(Arc::new)
    }

    /// The unit elsewhere that has this id.
    pub(super) fn split_unit(&self, id: gimli::DwoId) -> Option<usize> {
        let is_it = |index: &&usize| self.unit(**index).is_some_and(|unit| unit.dwo_id == Some(id));
        self.skeletons.values().find(is_it).copied()
    }

    /// Whether the unit with this index can be understood without the others.
    pub(super) fn stands_alone(&self, index: usize) -> bool {
        let Some(unit) = self.units.get(index).filter(|unit| unit.home.is_none()) else { return false };
        let table = self.dwarf.debug_abbrev.reader().slice().get(unit.header.debug_abbrev_offset().0..);
        let mut shapes = Shapes::new(&[]);
        let read = table.map(|table| shapes.read(Slice::new(table, gimli::LittleEndian), &unit.header));
        read.is_some_and(|read| read.is_ok()) && !shapes.far
    }

    /// The functions at `pc` with file and line, innermost inlined one first.
    pub(super) fn frames(&self, pc: FileAddr) -> Vec<StackFrame> {
        self.contexts.frames(self, pc)
    }
}

/// The ranges of a unit's first entry.
fn own_ranges(unit: UnitRef<'_, Slice>) -> Vec<(u64, u64)> {
    let root = unit.entry(unit.header.root_offset());
    root.map(|root| super::ranges::of(unit, &root)).unwrap_or_default()
}

fn parsed<'a>(dwarf: &'a Dwarf<Slice>, lazy: &'a Lazy) -> Option<UnitRef<'a, Slice>> {
    let own = lazy.home.as_ref().map_or(dwarf, |home| &home.dwarf);
    let read = || {
        let mut unit = own.unit(lazy.header).ok()?;
        if let Some(skeleton) = lazy.skeleton() {
            let skeleton = dwarf.unit(*skeleton).ok()?;
            unit.copy_relocated_attributes(&skeleton);
            unit.comp_dir = unit.comp_dir.or(skeleton.comp_dir);
        }
        Some(unit)
    };
    lazy.unit.get_or_init(read).as_ref().map(|unit| UnitRef::new(own, unit))
}

//! An index of the names in DWARF: functions, where they were inlined, globals, types. Built once, in parallel.

use gimli::{AttributeValue, DwTag, UnitRef, constants as dw};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Slice;
use super::debug::DebugInfo;
use crate::addr::FileAddr;

/// What a named entry is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A function with code of its own.
    Function,
    /// A function without: declared, or inlined everywhere.
    Abstract,
    /// A variable outside functions.
    Variable,
    /// A struct, union, class or enumeration that is defined here.
    Type,
    /// A typedef or base type.
    Alias,
    /// A variable that is only declared here.
    Declaration,
    /// A constant of an enumeration; the entry is the enumeration's.
    Enumerator,
}

/// One named entry.
#[derive(Clone, Debug)]
pub struct NameEntry {
    /// Its name, without scopes.
    pub name: &'static str,
    /// Scopes around it, joined by `::`; empty in C.
    pub scope: Box<str>,
    /// What it is.
    pub kind: NameKind,
    /// The unit's index.
    pub unit: usize,
    /// Its offset in `.debug_info`.
    pub offset: usize,
    /// Where a function begins.
    pub entry: Option<FileAddr>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    /// Sorted by name.
    entries: Vec<NameEntry>,
    /// Start addresses of inlined copies, by the offset of the abstract entry.
    instances: FxHashMap<usize, Vec<FileAddr>>,
}

#[derive(Default)]
struct Found {
    entries: Vec<NameEntry>,
    instances: Vec<(usize, FileAddr)>,
}

impl NameIndex {
    pub(super) fn build<'a>(
        units: impl ParallelIterator<Item = (usize, UnitRef<'a, Slice>)>,
        debug: &DebugInfo,
    ) -> NameIndex {
        let found: Vec<Found> = units
            .map(|(index, unit)| {
                let mut found = Found::default();
                // A damaged unit gives what came before the damage.
                let _ = scan(index, unit, debug, &mut found);
                found
            })
            .collect();
        let mut index = NameIndex::default();
        for unit in found {
            index.entries.extend(unit.entries);
            for (origin, at) in unit.instances {
                index.instances.entry(origin).or_default().push(at);
            }
        }
        index.entries.par_sort_unstable_by(|a, b| a.name.cmp(b.name).then(a.offset.cmp(&b.offset)));
        index
    }

    /// Entries called `name`; a name with scopes (`ns::f`) must match the innermost of them.
    pub(super) fn named(&self, name: &str) -> Vec<NameEntry> {
        let (scope, last) = name.rsplit_once("::").unwrap_or(("", name));
        let from = self.entries.partition_point(|entry| entry.name < last);
        let matches = |entry: &&NameEntry| {
            scope.is_empty()
                || &*entry.scope == scope
                || entry.scope.strip_suffix(scope).is_some_and(|head| head.ends_with("::"))
        };
        let same = self.entries[from..].iter().take_while(|entry| entry.name == last);
        same.filter(matches).cloned().collect()
    }

    pub(super) fn instances(&self, origin: usize) -> Vec<FileAddr> {
        self.instances.get(&origin).cloned().unwrap_or_default()
    }
}

/// Entries of one unit that are looked at.
const LIMIT: usize = 50_000_000;

fn scan(index: usize, unit: UnitRef<'_, Slice>, debug: &DebugInfo, found: &mut Found) -> gimli::Result<()> {
    let base = unit.header.debug_info_offset().map_or(0, |base| base.0);
    let mut raw = unit.entries_raw(None)?;
    let mut scopes: Vec<(isize, &'static str)> = Vec::new();
    // The enumeration that we are in.
    let mut enumeration = 0;
    // The depth of the function that we are in: what is below it is local.
    let mut function: Option<isize> = None;
    for _ in 0..LIMIT {
        if raw.is_empty() {
            break;
        }
        let depth = raw.next_depth();
        let offset = base + raw.next_offset().0;
        let Some(abbreviation) = raw.read_abbreviation()? else { continue };
        while scopes.last().is_some_and(|(at, _)| *at >= depth) {
            scopes.pop();
        }
        if function.is_some_and(|at| depth <= at) {
            function = None;
        }
        let tag = abbreviation.tag();
        if !interesting(tag, function.is_some()) {
            raw.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        if tag == dw::DW_TAG_enumeration_type {
            enumeration = offset;
        }
        let mut entry = Entry::default();
        for spec in abbreviation.attributes() {
            entry.take(unit, base, raw.read_attribute(*spec)?);
        }
        if tag == dw::DW_TAG_inlined_subroutine {
            if let (Some(origin), Some(at)) = (entry.origin, entry.start(unit)) {
                found.instances.push((origin, at));
            }
            continue;
        }
        let name = entry.name.or_else(|| entry.origin.and_then(|origin| name_of(debug, origin)));
        if let Some(name) = name {
            if tag == dw::DW_TAG_enumerator {
                let scope = scopes_text(&scopes);
                let (kind, offset) = (NameKind::Enumerator, enumeration);
                found.entries.push(NameEntry { name, scope, kind, unit: index, offset, entry: None });
            } else if let Some(kind) = entry.kind(tag, unit) {
                let scope = scopes_text(&scopes);
                let start = entry.start(unit);
                found.entries.push(NameEntry { name, scope, kind, unit: index, offset, entry: start });
            }
            if is_scope(tag) && abbreviation.has_children() {
                scopes.push((depth, name));
            }
        }
        if tag == dw::DW_TAG_subprogram && abbreviation.has_children() && function.is_none() {
            function = Some(depth);
        }
    }
    Ok(())
}

fn scopes_text(scopes: &[(isize, &'static str)]) -> Box<str> {
    scopes.iter().map(|(_, name)| *name).collect::<Vec<_>>().join("::").into()
}

fn is_scope(tag: DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_namespace | dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type
    )
}

fn interesting(tag: DwTag, in_function: bool) -> bool {
    match tag {
        dw::DW_TAG_subprogram | dw::DW_TAG_inlined_subroutine => true,
        dw::DW_TAG_variable
        | dw::DW_TAG_enumeration_type
        | dw::DW_TAG_enumerator
        | dw::DW_TAG_typedef
        | dw::DW_TAG_base_type => !in_function,
        _ => is_scope(tag) && !in_function,
    }
}

#[derive(Default)]
struct Entry {
    name: Option<&'static str>,
    origin: Option<usize>,
    low: Option<AttributeValue<Slice>>,
    ranges: Option<AttributeValue<Slice>>,
    entry_pc: Option<AttributeValue<Slice>>,
    has_location: bool,
    declaration: bool,
}

impl Entry {
    fn take(&mut self, unit: UnitRef<'_, Slice>, base: usize, attribute: gimli::Attribute<Slice>) {
        let value = attribute.value();
        match attribute.name() {
            dw::DW_AT_name => {
                let text = unit.attr_string(value).ok().map(|text| text.slice());
                self.name = text.and_then(|text| std::str::from_utf8(text).ok());
            }
            dw::DW_AT_abstract_origin | dw::DW_AT_specification => {
                self.origin = match value {
                    AttributeValue::UnitRef(offset) => Some(base + offset.0),
                    AttributeValue::DebugInfoRef(offset) => Some(offset.0),
                    _ => None,
                };
            }
            dw::DW_AT_low_pc => self.low = Some(value),
            dw::DW_AT_ranges => self.ranges = Some(value),
            dw::DW_AT_entry_pc => self.entry_pc = Some(value),
            dw::DW_AT_location | dw::DW_AT_const_value => self.has_location = true,
            dw::DW_AT_declaration => self.declaration = matches!(value, AttributeValue::Flag(true)),
            _ => {}
        }
    }

    /// Where code begins: gdb's BLOCK_ENTRY_PC, which is DW_AT_entry_pc only in newer versions; the lowest
    /// address of a contiguous entry, or the first of its ranges.
    fn start(&self, unit: UnitRef<'_, Slice>) -> Option<FileAddr> {
        let address = |value: AttributeValue<Slice>| unit.attr_address(value).ok().flatten();
        if let Some(low) = self.low.and_then(address)
            && self.ranges.is_none()
        {
            return (low != 0).then_some(FileAddr(low));
        }
        let mut ranges = unit.attr_ranges(self.ranges?).ok()??;
        let first = ranges.next().ok()??;
        (first.begin != 0).then_some(FileAddr(first.begin))
    }

    fn kind(&self, tag: DwTag, unit: UnitRef<'_, Slice>) -> Option<NameKind> {
        match tag {
            dw::DW_TAG_subprogram if self.start(unit).is_some() => Some(NameKind::Function),
            dw::DW_TAG_subprogram => Some(NameKind::Abstract),
            dw::DW_TAG_variable if self.has_location => Some(NameKind::Variable),
            dw::DW_TAG_variable if self.declaration => Some(NameKind::Declaration),
            dw::DW_TAG_variable => None,
            dw::DW_TAG_structure_type
            | dw::DW_TAG_class_type
            | dw::DW_TAG_union_type
            | dw::DW_TAG_enumeration_type => (!self.declaration).then_some(NameKind::Type),
            dw::DW_TAG_typedef | dw::DW_TAG_base_type => Some(NameKind::Alias),
            _ => None,
        }
    }
}

/// The name of an entry that another one refers to, through at most a few more references.
fn name_of(debug: &DebugInfo, offset: usize) -> Option<&'static str> {
    let mut offset = offset;
    for _ in 0..4 {
        let unit = debug.unit_of(false, offset)?;
        let at = gimli::DebugInfoOffset(offset).to_unit_offset(&unit.header)?;
        let die = unit.entry(at).ok()?;
        if let Some(name) = die.attr_value(dw::DW_AT_name) {
            return std::str::from_utf8(unit.attr_string(name).ok()?.slice()).ok();
        }
        let next =
            die.attr_value(dw::DW_AT_abstract_origin).or_else(|| die.attr_value(dw::DW_AT_specification));
        offset = match next? {
            AttributeValue::UnitRef(next) => unit.header.debug_info_offset()?.0 + next.0,
            AttributeValue::DebugInfoRef(next) => next.0,
            _ => return None,
        };
    }
    None
}

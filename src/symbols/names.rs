//! An index of the names in DWARF: functions, globals, types; and another of where functions were inlined.
//!
//! Each is built at the first question, in parallel. The names are those that gdb's index has: bodies of functions
//! are stepped over, and with them most of what there is to read. Inlined copies lie in the bodies, and are looked
//! for only when a function is asked for that was inlined somewhere.

use std::hash::{Hash, Hasher};

use gimli::{AttributeValue, DwTag, UnitOffset, UnitRef, constants as dw};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHasher};

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
    /// Whether it is a function that was, or may have been, inlined.
    pub inline: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    entries: Vec<NameEntry>,
    /// The entries by the hash of their names: many times cheaper to make than sorted names.
    order: Vec<(u32, u32)>,
}

/// Start addresses of inlined copies, by the offset of the abstract entry.
pub(super) type Instances = FxHashMap<usize, Vec<FileAddr>>;

fn hash(name: &str) -> u32 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

impl NameIndex {
    pub(super) fn build<'a>(
        units: impl ParallelIterator<Item = (usize, UnitRef<'a, Slice>)>,
        debug: &DebugInfo,
    ) -> NameIndex {
        let found: Vec<Vec<NameEntry>> = units
            .map(|(index, unit)| {
                let mut found = Vec::new();
                // A damaged unit gives what came before the damage.
                let _ = scan(index, unit, debug, &mut found);
                found
            })
            .collect();
        let mut entries = Vec::with_capacity(found.iter().map(Vec::len).sum());
        entries.extend(found.into_iter().flatten());
        let mut order: Vec<(u32, u32)> =
            (0..).zip(&entries).map(|(at, entry)| (hash(entry.name), at)).collect();
        order.par_sort_unstable();
        NameIndex { entries, order }
    }

    /// Entries called `name`; a name with scopes (`ns::f`) must match the innermost of them.
    pub(super) fn named(&self, name: &str) -> Vec<NameEntry> {
        let (scope, last) = name.rsplit_once("::").unwrap_or(("", name));
        let wanted = hash(last);
        let from = self.order.partition_point(|(hash, _)| *hash < wanted);
        let matches = |entry: &&NameEntry| {
            entry.name == last
                && (scope.is_empty()
                    || &*entry.scope == scope
                    || entry.scope.strip_suffix(scope).is_some_and(|head| head.ends_with("::")))
        };
        let same = self.order[from..].iter().take_while(|(hash, _)| *hash == wanted);
        same.filter_map(|(_, at)| self.entries.get(*at as usize)).filter(matches).cloned().collect()
    }
}

/// Finds the inlined copies of all functions.
pub(super) fn instances<'a>(units: impl ParallelIterator<Item = (usize, UnitRef<'a, Slice>)>) -> Instances {
    let found: Vec<Vec<(usize, FileAddr)>> = units
        .map(|(_, unit)| {
            let mut found = Vec::new();
            let _ = scan_bodies(unit, &mut found);
            found
        })
        .collect();
    let mut instances = Instances::default();
    for (origin, at) in found.into_iter().flatten() {
        instances.entry(origin).or_default().push(at);
    }
    instances
}

/// Entries of one unit that are looked at.
const LIMIT: usize = 50_000_000;

fn scan_bodies(unit: UnitRef<'_, Slice>, found: &mut Vec<(usize, FileAddr)>) -> gimli::Result<()> {
    let base = unit.header.debug_info_offset().map_or(0, |base| base.0);
    let mut raw = unit.entries_raw(None)?;
    for _ in 0..LIMIT {
        if raw.is_empty() {
            break;
        }
        let Some(abbreviation) = raw.read_abbreviation()? else { continue };
        if abbreviation.tag() != dw::DW_TAG_inlined_subroutine {
            raw.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let mut entry = Entry::default();
        for spec in abbreviation.attributes() {
            entry.take(unit, base, raw.read_attribute(*spec)?);
        }
        if let (Some(origin), Some(at)) = (entry.origin, entry.start(unit)) {
            found.push((origin, at));
        }
    }
    Ok(())
}

fn scan(
    index: usize,
    unit: UnitRef<'_, Slice>,
    debug: &DebugInfo,
    found: &mut Vec<NameEntry>,
) -> gimli::Result<()> {
    let base = unit.header.debug_info_offset().map_or(0, |base| base.0);
    let members = has_member_functions(unit);
    let mut raw = unit.entries_raw(None)?;
    // The depth at which `raw` began, after a step over a body.
    let mut began = 0;
    let mut scopes: Vec<(isize, &'static str)> = Vec::new();
    // The enumeration that we are in.
    let mut enumeration = 0;
    // The depth of the function that we are in, when its body could not be stepped over.
    let mut function: Option<isize> = None;
    for _ in 0..LIMIT {
        if raw.is_empty() {
            break;
        }
        let depth = began + raw.next_depth();
        let offset = base + raw.next_offset().0;
        let Some(abbreviation) = raw.read_abbreviation()? else { continue };
        while scopes.last().is_some_and(|(at, _)| *at >= depth) {
            scopes.pop();
        }
        if function.is_some_and(|at| depth <= at) {
            function = None;
        }
        let tag = abbreviation.tag();
        if function.is_some() || !interesting(tag) {
            raw.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let mut entry = Entry::default();
        for spec in abbreviation.attributes() {
            entry.take(unit, base, raw.read_attribute(*spec)?);
        }
        if tag == dw::DW_TAG_enumeration_type {
            enumeration = offset;
        }
        let name = entry.name.or_else(|| entry.origin.and_then(|origin| name_of(debug, origin)));
        if let (Some(name), Some(kind)) = (name, entry.kind(tag, unit)) {
            let offset = if kind == NameKind::Enumerator { enumeration } else { offset };
            let (scope, start) = (scopes_text(&scopes), entry.start(unit));
            let inline = entry.inline;
            found.push(NameEntry { name, scope, kind, unit: index, offset, entry: start, inline });
        }
        if !abbreviation.has_children() {
            continue;
        }
        let inside = tag == dw::DW_TAG_subprogram;
        if inside || (is_aggregate(tag) && !members) {
            // Only forward: what a file says could make us go round for ever.
            match entry.sibling.filter(|next| next.0 >= raw.next_offset().0) {
                Some(next) => (raw, began) = (unit.entries_raw(Some(next))?, depth),
                None => function = inside.then_some(depth),
            }
        } else if let Some(name) = name.filter(|_| is_scope(tag)) {
            scopes.push((depth, name));
        }
    }
    Ok(())
}

/// Whether types of the unit's language may hold functions and other types; C's do not.
fn has_member_functions(unit: UnitRef<'_, Slice>) -> bool {
    let root = unit.entry(unit.header.root_offset()).ok();
    let language = root.and_then(|root| root.attr_value(dw::DW_AT_language));
    let c = [dw::DW_LANG_C, dw::DW_LANG_C89, dw::DW_LANG_C99, dw::DW_LANG_C11, dw::DW_LANG_C17];
    !matches!(language, Some(AttributeValue::Language(language)) if c.contains(&language))
}

fn scopes_text(scopes: &[(isize, &'static str)]) -> Box<str> {
    scopes.iter().map(|(_, name)| *name).collect::<Vec<_>>().join("::").into()
}

fn is_aggregate(tag: DwTag) -> bool {
    matches!(tag, dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type)
}

fn is_scope(tag: DwTag) -> bool {
    tag == dw::DW_TAG_namespace || is_aggregate(tag)
}

fn interesting(tag: DwTag) -> bool {
    is_scope(tag)
        || matches!(
            tag,
            dw::DW_TAG_subprogram
                | dw::DW_TAG_variable
                | dw::DW_TAG_enumeration_type
                | dw::DW_TAG_enumerator
                | dw::DW_TAG_typedef
                | dw::DW_TAG_base_type
        )
}

#[derive(Default)]
struct Entry {
    name: Option<&'static str>,
    origin: Option<usize>,
    low: Option<AttributeValue<Slice>>,
    ranges: Option<AttributeValue<Slice>>,
    sibling: Option<UnitOffset>,
    has_location: bool,
    declaration: bool,
    inline: bool,
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
            dw::DW_AT_sibling => {
                self.sibling = if let AttributeValue::UnitRef(next) = value { Some(next) } else { None };
            }
            dw::DW_AT_inline => {
                let kind =
                    if let AttributeValue::Inline(kind) = value { kind } else { dw::DW_INL_not_inlined };
                self.inline = matches!(kind, dw::DW_INL_inlined | dw::DW_INL_declared_inlined);
            }
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
            dw::DW_TAG_enumerator => Some(NameKind::Enumerator),
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

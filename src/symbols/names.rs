//! An index of the names in DWARF: functions, globals, types; and another of where functions were inlined.
//!
//! Each is built at the first question, in parallel. The names are those that gdb's index has: bodies of functions
//! are stepped over, and with them most of what there is to read. Inlined copies lie in the bodies, and are looked
//! for only when a function is asked for that was inlined somewhere.

use std::hash::Hasher;

use gimli::{AttributeValue, DwTag, EntriesRaw, UnitOffset, UnitRef, constants as dw};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHasher};

use super::Slice;
use super::debug::DebugInfo;
use super::namescan::Worker;
use super::qualified;
use super::split;
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

/// Where something with a name of this hash is; what it is can be read there. An enumeration stands for its constants.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) hash: u32,
    pub(super) unit: u32,
    /// From the start of the unit's header.
    pub(super) offset: u32,
}

/// See the module. Kept small: a file may have millions of names, and most are never asked for.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    /// In groups that have the upper bits of the hash in common.
    pub(super) keys: Vec<Key>,
    /// Where each group begins; one more for the end of the last.
    groups: Vec<u32>,
    /// Scopes around an entry by unit and offset, joined by `::`; nothing for C.
    pub(super) scopes: Scoped,
}

/// The scopes around entries, by unit and offset from the start of the unit's header.
pub(super) type Scoped = FxHashMap<(u32, u32), Box<str>>;

/// Start addresses of inlined copies, by the offset of the abstract entry.
pub(super) type Instances = FxHashMap<usize, Vec<FileAddr>>;

/// The hash of a name without its template arguments: all instances of a template have the same.
pub(super) fn hash(name: &[u8]) -> u32 {
    let name = match memchr::memchr(b'<', name) {
        Some(_) => {
            std::str::from_utf8(name).map_or(name, |name| qualified::without_arguments(name).as_bytes())
        }
        None => name,
    };
    let mut hasher = FxHasher::default();
    hasher.write(name);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

/// The group of a hash, of 2 to the power of `bits` groups.
fn group(hash: u32, bits: u32) -> usize {
    (u64::from(hash) << bits >> 32) as usize
}

impl NameIndex {
    pub(super) fn build(debug: &DebugInfo) -> NameIndex {
        let workers = (0..debug.unit_count())
            .into_par_iter()
            .fold(Worker::default, |worker, index| worker.unit(debug, index))
            .map(|worker| worker.found);
        workers.reduce(NameIndex::default, NameIndex::with).grouped()
    }

    /// Both, with the larger one's memory.
    fn with(mut self, mut other: NameIndex) -> NameIndex {
        if self.keys.len() < other.keys.len() {
            std::mem::swap(&mut self, &mut other);
        }
        self.keys.extend(other.keys);
        self.scopes.extend(other.scopes);
        self
    }

    /// Puts the keys into groups of a few: counted and then moved, which is cheaper than sorting them.
    fn grouped(mut self) -> NameIndex {
        let bits = self.keys.len().next_power_of_two().trailing_zeros().saturating_sub(2).min(20);
        let mut groups = vec![0_u32; (1 << bits) + 1];
        let group = |key: &Key| group(key.hash, bits);
        self.keys.iter().for_each(|key| groups[group(key) + 1] += 1);
        for at in 1..groups.len() {
            groups[at] += groups[at - 1];
        }
        let mut next = groups.clone();
        let mut keys = vec![Key { hash: 0, unit: 0, offset: 0 }; self.keys.len()];
        for key in self.keys.drain(..) {
            let at = &mut next[group(&key)];
            keys[*at as usize] = key;
            *at += 1;
        }
        NameIndex { keys, groups, scopes: self.scopes }
    }

    /// The keys with this hash, in the order of the file.
    fn with_hash(&self, hash: u32) -> Vec<Key> {
        let bits = self.groups.len().saturating_sub(1).max(1).trailing_zeros();
        let at = group(hash, bits);
        let bounds = self.groups.get(at).zip(self.groups.get(at + 1));
        let bounds = bounds.map_or(0..0, |(from, to)| *from as usize..*to as usize);
        let same = self.keys[bounds].iter().filter(|key| key.hash == hash);
        let mut found: Vec<Key> = same.copied().collect();
        found.sort_unstable();
        // An enumeration may have several constants of one hash.
        found.dedup();
        found
    }

    /// Entries called `name` of the units that `wanted` takes; a name with scopes (`ns::f`) must match the innermost
    /// of them, or all when it is `exact`. Each is read when the iterator comes to it.
    pub(super) fn named<'a>(
        &'a self,
        debug: &'a DebugInfo,
        name: &'a str,
        exact: bool,
        wanted: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = NameEntry> + 'a {
        let (scope, last) = qualified::split(name);
        let hash = hash(last.as_bytes());
        let fits = move |key: &Key| {
            if scope.is_empty() && !exact {
                return true;
            }
            let around = self.scopes.get(&(key.unit, key.offset)).map_or("", |scope| scope);
            qualified::scopes_fit(around, scope, !exact)
        };
        self.with_hash(hash)
            .into_iter()
            .filter(move |key| wanted(key.unit as usize))
            .filter(fits)
            .flat_map(move |key| entries_at(debug, key, last))
    }
}

/// What is called `name` at a key's place: nothing when only the hash agrees, two for `enum e { e }`.
fn entries_at(debug: &DebugInfo, key: Key, name: &str) -> impl Iterator<Item = NameEntry> {
    let unit = debug.unit(key.unit as usize);
    let read = unit.and_then(|unit| {
        let mut raw = unit.entries_raw(Some(UnitOffset(key.offset as usize))).ok()?;
        let abbreviation = raw.read_abbreviation().ok()??;
        let base = unit.header.debug_info_offset()?.0;
        let mut entry = Entry::default();
        for spec in abbreviation.attributes() {
            entry.take(unit, base, raw.read_attribute(*spec).ok()?);
        }
        let offset = base + key.offset as usize;
        let called = entry.name.or_else(|| name_of(debug, entry.origin?));
        let own = entry.kind(abbreviation.tag(), unit);
        let own = own.filter(|kind| called.is_some_and(|called| is_called(called, name, *kind)));
        let constant = abbreviation.tag() == dw::DW_TAG_enumeration_type
            && abbreviation.has_children()
            && has_constant(unit, raw, name);
        let kinds = [own, constant.then_some(NameKind::Enumerator)];
        let (start, inline) = (entry.start(unit), entry.inline);
        Some(kinds.into_iter().flatten().map(move |kind| NameEntry {
            kind,
            unit: key.unit as usize,
            offset,
            entry: start,
            inline,
        }))
    });
    read.into_iter().flatten()
}

/// Whether a thing called `called` is meant by `name`. The arguments of a function's template may be left out, those of
/// a type not: `vector` is no type.
fn is_called(called: &str, name: &str, kind: NameKind) -> bool {
    let template = matches!(kind, NameKind::Function | NameKind::Abstract);
    called == name
        || (called.contains('<') && (template || name.contains('<')) && qualified::part_fits(called, name))
}

/// Whether the enumeration whose children `raw` is about to read has a constant called `name`.
fn has_constant(unit: UnitRef<'_, Slice>, mut raw: EntriesRaw<'_, Slice>, name: &str) -> bool {
    let depth = raw.next_depth();
    while raw.next_depth() >= depth && !raw.is_empty() {
        let Ok(Some(abbreviation)) = raw.read_abbreviation() else { return false };
        let mut entry = Entry::default();
        for spec in abbreviation.attributes() {
            let Ok(attribute) = raw.read_attribute(*spec) else { return false };
            entry.take(unit, 0, attribute);
        }
        if abbreviation.tag() == dw::DW_TAG_enumerator && entry.name == Some(name) {
            return true;
        }
    }
    false
}

/// Finds the inlined copies of all functions.
pub(super) fn instances<'a>(units: impl ParallelIterator<Item = UnitRef<'a, Slice>>) -> Instances {
    let found: Vec<Vec<(usize, FileAddr)>> = units
        .map(|unit| {
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
pub(super) const LIMIT: usize = 50_000_000;

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

#[derive(Default)]
struct Entry {
    name: Option<&'static str>,
    origin: Option<usize>,
    low: Option<AttributeValue<Slice>>,
    ranges: Option<AttributeValue<Slice>>,
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
                self.origin = split::referred(base, value);
            }
            dw::DW_AT_low_pc => self.low = Some(value),
            dw::DW_AT_ranges => self.ranges = Some(value),
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
        let ranges = self.ranges.filter(|ranges| super::ranges::is_safe(unit, *ranges))?;
        let mut ranges = unit.attr_ranges(ranges).ok()??;
        let first = ranges.next().ok()??;
        (first.begin != 0).then_some(FileAddr(first.begin))
    }

    fn kind(&self, tag: DwTag, unit: UnitRef<'_, Slice>) -> Option<NameKind> {
        match tag {
            dw::DW_TAG_subprogram if self.start(unit).is_some() => Some(NameKind::Function),
            dw::DW_TAG_subprogram => Some(NameKind::Abstract),
            dw::DW_TAG_variable if self.declaration && !self.has_location => Some(NameKind::Declaration),
            dw::DW_TAG_variable => Some(NameKind::Variable),
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
pub(super) fn name_of(debug: &DebugInfo, offset: usize) -> Option<&'static str> {
    let mut offset = offset;
    for _ in 0..4 {
        let unit = debug.unit_of(offset)?;
        let at = gimli::DebugInfoOffset(offset).to_unit_offset(&unit.header)?;
        let die = unit.entry(at).ok()?;
        if let Some(name) = die.attr_value(dw::DW_AT_name) {
            return std::str::from_utf8(unit.attr_string(name).ok()?.slice()).ok();
        }
        let next =
            die.attr_value(dw::DW_AT_abstract_origin).or_else(|| die.attr_value(dw::DW_AT_specification));
        offset = split::referred(unit.header.debug_info_offset()?.0, next?)?;
    }
    None
}

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
use super::around;
use super::debug::DebugInfo;
use super::namescan::{Far, LIMIT, Worker};
use super::qualified::{self, ANONYMOUS};
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
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) hash: u32,
    pub(super) unit: u32,
    /// From the start of the unit's header.
    pub(super) offset: u32,
    /// The innermost scope with a name that it lies in, in the same way; 0 when it is in none. A scope is in the index
    /// itself, so the next one is found by its name.
    pub(super) outer: u32,
}

/// See the module. Kept small: a file may have millions of names, and most are never asked for.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    /// In groups that have the upper bits of the hash in common.
    keys: Vec<Key>,
    /// Where each group begins; one more for the end of the last.
    groups: Vec<u32>,
    /// Scopes of entries that are declared in another unit, by unit and offset; dwz makes such.
    elsewhere: FxHashMap<(u32, u32), Box<str>>,
}

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
    /// Of what workers `found` before, and of these units.
    pub(super) fn build(
        debug: &DebugInfo,
        found: Vec<Worker>,
        units: impl ParallelIterator<Item = usize>,
    ) -> NameIndex {
        let rest = units.fold(
            || Worker::new(false),
            |worker, index| match debug.header(index) {
                Some(header) => worker.unit(debug.sections_of(index), index, header),
                None => worker,
            },
        );
        let mut workers = found;
        workers.par_extend(rest);
        let far = workers.iter().flat_map(|worker| &worker.far);
        let resolved: Vec<(Key, Option<Box<str>>)> = far.filter_map(|far| resolve(debug, far)).collect();
        let (mut keys, mut elsewhere) = (Vec::new(), FxHashMap::default());
        for (key, scope) in resolved {
            keys.push(key);
            elsewhere.extend(scope.map(|scope| ((key.unit, key.offset), scope)));
        }
        let mut all: Vec<&[Key]> = workers.iter().map(|worker| &*worker.keys).collect();
        all.push(&keys);
        NameIndex { elsewhere, ..NameIndex::grouped(&all) }
    }

    /// Puts the keys into groups of a few: counted and then moved, which is cheaper than sorting them.
    fn grouped(all: &[&[Key]]) -> NameIndex {
        let count: usize = all.iter().map(|keys| keys.len()).sum();
        let bits = count.next_power_of_two().trailing_zeros().saturating_sub(2).min(20);
        let mut groups = vec![0_u32; (1 << bits) + 1];
        let group = |key: &Key| group(key.hash, bits);
        all.iter().copied().flatten().for_each(|key| groups[group(key) + 1] += 1);
        for at in 1..groups.len() {
            groups[at] += groups[at - 1];
        }
        let mut next = groups.clone();
        let mut keys = vec![Key::default(); count];
        for key in all.iter().copied().flatten() {
            let at = &mut next[group(key)];
            keys[*at as usize] = *key;
            *at += 1;
        }
        NameIndex { keys, groups, elsewhere: FxHashMap::default() }
    }

    /// The keys with this hash, in no order.
    fn with_hash(&self, hash: u32) -> impl Iterator<Item = Key> {
        let bits = self.groups.len().saturating_sub(1).max(1).trailing_zeros();
        let at = group(hash, bits);
        let bounds = self.groups.get(at).zip(self.groups.get(at + 1));
        let bounds = bounds.map_or(0..0, |(from, to)| *from as usize..*to as usize);
        self.keys[bounds].iter().filter(move |key| key.hash == hash).copied()
    }

    /// The scopes around a key, joined by `::`.
    fn around(&self, debug: &DebugInfo, key: Key) -> String {
        let mut scopes = Vec::new();
        let mut key = key;
        while scopes.len() < MAX_SCOPES {
            if let Some(scope) = self.elsewhere.get(&(key.unit, key.offset)) {
                scopes.push(&**scope);
            }
            if key.outer == 0 {
                break;
            }
            let name = debug.unit(key.unit as usize).and_then(|unit| {
                let offset = unit.header.debug_info_offset()?.0 + key.outer as usize;
                Some(name_of(debug, offset).unwrap_or(ANONYMOUS))
            });
            let Some(name) = name else { break };
            scopes.push(name);
            let scope = |other: &Key| (other.unit, other.offset) == (key.unit, key.outer);
            let Some(outer) = self.with_hash(hash(name.as_bytes())).find(scope) else { break };
            key = outer;
        }
        scopes.reverse();
        scopes.join("::")
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
            (scope.is_empty() && !exact) || qualified::scopes_fit(&self.around(debug, *key), scope, !exact)
        };
        let mut found: Vec<Key> = self.with_hash(hash).filter(|key| wanted(key.unit as usize)).collect();
        // In the order of the file.
        found.sort_unstable();
        // An enumeration may have several constants of one hash.
        found.dedup();
        found.into_iter().filter(fits).flat_map(move |key| entries_at(debug, key, last))
    }
}

/// The key of an entry that refers to another unit, and the scope that it is declared in there.
fn resolve(debug: &DebugInfo, far: &Far) -> Option<(Key, Option<Box<str>>)> {
    let unit = debug.header(far.key.unit as usize)?.offset().0;
    let at = split::referred(unit, far.origin)?;
    let hash = match far.named {
        true => far.key.hash,
        false => hash(name_of(debug, at)?.as_bytes()),
    };
    let scope = (far.key.outer == 0).then(|| around::scope_elsewhere(debug, unit, at)).flatten();
    Some((Key { hash, ..far.key }, scope.map(Box::from)))
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

/// Finds the inlined copies of functions in the bodies of these units.
pub(super) fn instances(debug: &DebugInfo, units: impl ParallelIterator<Item = usize>) -> Instances {
    let found: Vec<Vec<(usize, FileAddr)>> = units
        .filter_map(|index| debug.unit(index))
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

/// Scopes nest no deeper than this.
const MAX_SCOPES: usize = 32;

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
        if let (Some(origin), Some(at), false) = (entry.origin, entry.start(unit), entry.empty) {
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
    /// Of all its code nothing is left.
    empty: bool,
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
            dw::DW_AT_high_pc => self.empty = matches!(value.udata_value(), Some(0)),
            dw::DW_AT_ranges => self.ranges = Some(value),
            dw::DW_AT_inline => {
                let kind =
                    if let AttributeValue::Inline(kind) = value { kind } else { dw::DW_INL_not_inlined };
                // gcc says of constructors that they were not, whether they were or not.
                self.inline = kind != dw::DW_INL_not_inlined;
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

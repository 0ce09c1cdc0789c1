//! The names of one unit, for the index: read from its header and abbreviations alone, bodies of functions stepped over.
//!
//! A scan can begin while the rest of the file is still being decompressed, so it reads nothing but its own unit; names
//! that stand in other units are noted for later.

use gimli::{AttributeValue, Dwarf, Section, UnitHeader, UnitOffset, constants as dw};

use super::Slice;
use super::names::{self, Key};
use super::qualified::ANONYMOUS;
use super::walk::{Bytes, Shape, Shapes, Walk};

/// Entries of one unit that are looked at.
pub(super) const LIMIT: usize = 50_000_000;

/// How many entries are followed from one to the next for a name.
const MAX_LINKS: usize = 4;

/// The attributes that are read.
const WANTED: &[gimli::DwAt] = &[
    dw::DW_AT_name,
    dw::DW_AT_abstract_origin,
    dw::DW_AT_specification,
    dw::DW_AT_sibling,
    dw::DW_AT_language,
    dw::DW_AT_str_offsets_base,
];

/// An entry that refers to another one, of another unit.
#[derive(Clone, Debug)]
pub(super) struct Far {
    pub(super) key: Key,
    /// Whether it has a name, and its key the hash; otherwise the other one has.
    pub(super) named: bool,
    /// The other one.
    pub(super) origin: AttributeValue<Slice>,
}

/// What one worker found, and what it uses again for each unit.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) keys: Vec<Key>,
    pub(super) far: Vec<Far>,
    /// Whether what is only declared is noted as well.
    declared: bool,
    shapes: Shapes,
    scopes: Vec<Scope>,
    hashes: Hashes,
}

/// An entry that others lie in.
#[derive(Copy, Clone, Debug)]
struct Scope {
    depth: isize,
    start: u32,
    end: u32,
    /// The scope around it, by its place among all.
    outer: Option<u32>,
    /// The innermost entry with a name: it, or one around it.
    named: u32,
}

impl Worker {
    /// One that notes what is defined, or everything that has a name.
    pub(super) fn new(declared: bool) -> Worker {
        Worker {
            keys: Vec::new(),
            far: Vec::new(),
            declared,
            shapes: Shapes::new(WANTED),
            scopes: Vec::new(),
            hashes: Hashes::default(),
        }
    }

    /// Reads the names of the unit `index` with this header; a damaged unit gives what came before the damage.
    #[must_use]
    pub(super) fn unit(
        mut self,
        dwarf: &Dwarf<Slice>,
        index: usize,
        header: &UnitHeader<Bytes<'_>>,
    ) -> Worker {
        self.scopes.clear();
        let table = dwarf.debug_abbrev.reader().slice().get(header.debug_abbrev_offset().0..);
        if let (Some(table), Ok(index)) = (table, u32::try_from(index))
            && self.shapes.read(Slice::new(table, gimli::LittleEndian), header).is_ok()
        {
            let Worker { keys, far, declared, shapes, scopes, hashes } = &mut self;
            let strings =
                gimli::DebugStrOffsetsBase::default_for_encoding_and_file(header.encoding(), dwarf.file_type);
            let found = Found { keys, far, scopes, hashes };
            let _ = Scan { dwarf, index, header, shapes, strings, declared: *declared, found }.all();
        }
        self
    }
}

/// Hashes of strings by their place in `.debug_str`: the same few names come again in every unit.
#[derive(Debug)]
struct Hashes(Vec<(u32, u32)>);

impl Default for Hashes {
    fn default() -> Hashes {
        Hashes(vec![(u32::MAX, 0); Hashes::SIZE])
    }
}

impl Hashes {
    /// Small enough for the processor's second cache.
    const SIZE: usize = 1 << 14;

    fn of(&mut self, place: usize, text: impl FnOnce() -> Option<u32>) -> Option<u32> {
        let Ok(place) = u32::try_from(place) else { return text() };
        let slot = self.0.get_mut(place as usize % Hashes::SIZE)?;
        if slot.0 != place {
            *slot = (place, text()?);
        }
        Some(slot.1)
    }
}

struct Found<'a> {
    keys: &'a mut Vec<Key>,
    far: &'a mut Vec<Far>,
    scopes: &'a mut Vec<Scope>,
    hashes: &'a mut Hashes,
}

/// Looks for the names of one unit.
struct Scan<'a, 'd> {
    dwarf: &'a Dwarf<Slice>,
    index: u32,
    header: &'a UnitHeader<Bytes<'d>>,
    shapes: &'a Shapes,
    strings: gimli::DebugStrOffsetsBase,
    declared: bool,
    found: Found<'a>,
}

/// The few attributes that a name needs.
#[derive(Default)]
struct Brief<'d> {
    name: Option<AttributeValue<Bytes<'d>>>,
    origin: Option<AttributeValue<Bytes<'d>>>,
    sibling: Option<UnitOffset>,
    language: Option<dw::DwLang>,
}

impl<'d> Scan<'_, 'd> {
    fn all(&mut self) -> gimli::Result<()> {
        let mut walk = Walk::new(self.header, self.shapes, self.header.root_offset(), 0)?;
        // Whether types may hold functions and other types; C's do not.
        let mut members = true;
        // The scope that we are in, by its place among all.
        let mut around: Option<u32> = None;
        // The enumeration that we are in, and the scope around it.
        let mut enumeration = (UnitOffset(0), 0);
        // The depth of the function that we are in, when its body could not be stepped over.
        let mut function: Option<isize> = None;
        for _ in 0..LIMIT {
            if walk.is_empty() {
                break;
            }
            let (depth, offset) = (walk.depth, walk.offset());
            let Some(shape) = walk.entry()? else { continue };
            around = self.leave(around, depth, offset);
            if function.is_some_and(|at| depth <= at) {
                function = None;
            }
            let passed =
                !interesting(shape.tag) || (!self.declared && !shape.children && only_declares(&shape));
            if function.is_some() || passed {
                walk.skip(&shape)?;
                continue;
            }
            let entry = self.brief(&mut walk, &shape)?;
            if let Some(language) = entry.language {
                members = !is_c(language);
                continue;
            }
            let inside = shape.tag == dw::DW_TAG_subprogram;
            let mut named = false;
            if self.declared || !only_declares(&shape) {
                let (place, outer) = match shape.tag {
                    dw::DW_TAG_enumerator => enumeration,
                    _ => (offset, self.outer(&entry, around)),
                };
                if shape.tag == dw::DW_TAG_enumeration_type {
                    enumeration = (place, outer);
                }
                named = self.note(&entry, shape.tag, place, outer);
            }
            if !shape.children {
                continue;
            }
            if inside || (is_aggregate(shape.tag) && !members) {
                // Only forward: what a file says could make us go round for ever.
                match entry.sibling.filter(|next| next.0 >= walk.offset().0) {
                    Some(next) => walk = Walk::new(self.header, self.shapes, next, depth)?,
                    None => function = inside.then_some(depth),
                }
            } else if is_scope(shape.tag) {
                around = self.enter(depth, offset, named, around);
            }
        }
        Ok(())
    }

    /// The scope that an entry at this depth lies in; those that end before it are closed.
    fn leave(&mut self, around: Option<u32>, depth: isize, offset: UnitOffset) -> Option<u32> {
        let mut around = around;
        while let Some(scope) = around.and_then(|at| self.found.scopes.get_mut(at as usize)) {
            if scope.depth < depth {
                break;
            }
            scope.end = offset.0 as u32;
            around = scope.outer;
        }
        around
    }

    fn enter(&mut self, depth: isize, offset: UnitOffset, named: bool, outer: Option<u32>) -> Option<u32> {
        let start = offset.0 as u32;
        let named = if named { start } else { self.name_around(outer) };
        let at = u32::try_from(self.found.scopes.len()).ok()?;
        self.found.scopes.push(Scope { depth, start, end: u32::MAX, outer, named });
        Some(at)
    }

    fn name_around(&self, scope: Option<u32>) -> u32 {
        scope.and_then(|at| self.found.scopes.get(at as usize)).map_or(0, |scope| scope.named)
    }

    /// The innermost scope with a name that an entry belongs to.
    fn outer(&mut self, entry: &Brief<'d>, around: Option<u32>) -> u32 {
        match entry.origin {
            // A member's definition stands outside of its class: its declaration says where it belongs.
            Some(AttributeValue::UnitRef(at)) if around.is_none() => self.scope_of(at),
            _ => self.name_around(around),
        }
    }

    /// Notes an entry that has a name; whether it has one.
    fn note(&mut self, entry: &Brief<'d>, tag: gimli::DwTag, place: UnitOffset, outer: u32) -> bool {
        let Ok(offset) = u32::try_from(place.0) else { return false };
        let mut key = Key { hash: 0, unit: self.index, offset, outer };
        let far = entry.origin.and_then(|origin| self.far(origin));
        let hash = match (&entry.name, &entry.origin) {
            (Some(name), _) => self.hash(name),
            (None, Some(_)) if far.is_some() => Some(0),
            (None, Some(origin)) => self.origin_hash(origin),
            (None, None) if tag == dw::DW_TAG_namespace => Some(names::hash(ANONYMOUS.as_bytes())),
            (None, None) => None,
        };
        let Some(hash) = hash else { return false };
        key.hash = hash;
        match far {
            Some(origin) => self.found.far.push(Far { key, named: entry.name.is_some(), origin }),
            None => self.found.keys.push(key),
        }
        true
    }

    /// Where a reference, and those that it leads to, leave the unit.
    fn far(&mut self, origin: AttributeValue<Bytes<'d>>) -> Option<AttributeValue<Slice>> {
        let mut origin = origin;
        for _ in 0..MAX_LINKS {
            match origin {
                AttributeValue::UnitRef(at) => origin = self.entry_at(at)?.origin?,
                AttributeValue::DebugInfoRef(at) => return Some(AttributeValue::DebugInfoRef(at)),
                AttributeValue::DebugInfoRefSup(at) => return Some(AttributeValue::DebugInfoRefSup(at)),
                _ => return None,
            }
        }
        None
    }

    /// The scope of an entry that came before, or of the declaration that it leads to.
    fn scope_of(&mut self, at: UnitOffset) -> u32 {
        let mut at = at;
        for _ in 0..MAX_LINKS {
            let found = self.scope_at(at);
            if found != 0 {
                return found;
            }
            match self.entry_at(at).and_then(|entry| entry.origin) {
                Some(AttributeValue::UnitRef(next)) => at = next,
                _ => break,
            }
        }
        0
    }

    /// The innermost named scope that the entry lies in itself.
    fn scope_at(&self, at: UnitOffset) -> u32 {
        let scopes = &self.found.scopes;
        let before = scopes.partition_point(|scope| (scope.start as usize) < at.0);
        let mut scope = before.checked_sub(1).and_then(|last| scopes.get(last));
        while let Some(inside) = scope.filter(|scope| scope.end as usize <= at.0) {
            scope = inside.outer.and_then(|outer| scopes.get(outer as usize));
        }
        scope.map_or(0, |scope| scope.named)
    }

    fn brief(&mut self, walk: &mut Walk<'_, 'd>, shape: &Shape) -> gimli::Result<Brief<'d>> {
        let mut brief = Brief::default();
        walk.attributes(shape, |name, value| match (name, &value) {
            (dw::DW_AT_name, _) => brief.name = Some(value),
            (dw::DW_AT_abstract_origin | dw::DW_AT_specification, _) => brief.origin = Some(value),
            (dw::DW_AT_sibling, AttributeValue::UnitRef(next)) => brief.sibling = Some(*next),
            (dw::DW_AT_language, AttributeValue::Language(language)) => brief.language = Some(*language),
            (dw::DW_AT_str_offsets_base, AttributeValue::DebugStrOffsetsBase(base)) => self.strings = *base,
            _ => {}
        })?;
        Ok(brief)
    }

    /// The hash of a string.
    fn hash(&mut self, value: &AttributeValue<Bytes<'d>>) -> Option<u32> {
        let dwarf = self.dwarf;
        let hashed = |text: gimli::Result<Slice>| text.ok().map(|text| names::hash(text.slice()));
        let at = match value {
            AttributeValue::String(text) => return Some(names::hash(text.slice())),
            AttributeValue::DebugStrRef(at) => *at,
            AttributeValue::DebugLineStrRef(at) => return hashed(dwarf.debug_line_str.get_str(*at)),
            AttributeValue::DebugStrRefSup(at) => return hashed(dwarf.sup()?.debug_str.get_str(*at)),
            AttributeValue::DebugStrOffsetsIndex(index) => {
                let format = self.header.format();
                dwarf.debug_str_offsets.get_str_offset(format, self.strings, *index).ok()?
            }
            _ => return None,
        };
        self.found.hashes.of(at.0, || hashed(dwarf.debug_str.get_str(at)))
    }

    /// The hash of the name that an entry has from another one of the unit.
    fn origin_hash(&mut self, origin: &AttributeValue<Bytes<'d>>) -> Option<u32> {
        let mut origin = *origin;
        for _ in 0..MAX_LINKS {
            let AttributeValue::UnitRef(at) = origin else { return None };
            let brief = self.entry_at(at)?;
            if let Some(name) = &brief.name {
                return self.hash(name);
            }
            origin = brief.origin?;
        }
        None
    }

    fn entry_at(&mut self, at: UnitOffset) -> Option<Brief<'d>> {
        let mut walk = Walk::new(self.header, self.shapes, at, 0).ok()?;
        let shape = walk.entry().ok()??;
        self.brief(&mut walk, &shape).ok()
    }
}

/// Whether nobody will ask for such an entry by its name: a function that is defined elsewhere, a type too. What holds
/// others is a scope, and a variable's declaration tells its type.
fn only_declares(shape: &Shape) -> bool {
    let kept = shape.tag == dw::DW_TAG_variable || (shape.children && shape.tag != dw::DW_TAG_subprogram);
    shape.declaration && !kept
}

fn is_c(language: dw::DwLang) -> bool {
    [dw::DW_LANG_C, dw::DW_LANG_C89, dw::DW_LANG_C99, dw::DW_LANG_C11, dw::DW_LANG_C17].contains(&language)
}

fn is_aggregate(tag: gimli::DwTag) -> bool {
    matches!(tag, dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type)
}

fn is_scope(tag: gimli::DwTag) -> bool {
    tag == dw::DW_TAG_namespace || is_aggregate(tag)
}

fn interesting(tag: gimli::DwTag) -> bool {
    is_scope(tag)
        || matches!(
            tag,
            dw::DW_TAG_compile_unit
                | dw::DW_TAG_partial_unit
                | dw::DW_TAG_type_unit
                | dw::DW_TAG_subprogram
                | dw::DW_TAG_variable
                | dw::DW_TAG_enumeration_type
                | dw::DW_TAG_enumerator
                | dw::DW_TAG_typedef
                | dw::DW_TAG_base_type
        )
}

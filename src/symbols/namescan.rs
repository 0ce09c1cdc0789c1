//! The names of one unit, for the index: read from its header and abbreviations alone, bodies of functions stepped over.

use std::str;

use gimli::{AttributeValue, DwTag, UnitHeader, UnitOffset, constants as dw};

use super::Slice;
use super::debug::DebugInfo;
use super::names::{self, Key, LIMIT, NameIndex};
use super::qualified::ANONYMOUS;
use super::split;
use super::walk::{Shape, Shapes, Walk};

/// What one worker found, and what it uses again for each unit.
#[derive(Default)]
pub(super) struct Worker {
    pub(super) found: NameIndex,
    shapes: Shapes,
}

impl Worker {
    /// Reads the names of the unit with this index; a damaged unit gives what came before the damage.
    #[must_use]
    pub(super) fn unit(mut self, debug: &DebugInfo, index: usize) -> Worker {
        if let (Some((header, abbreviations)), Ok(index)) = (debug.header(index), u32::try_from(index))
            && self.shapes.read(abbreviations, header).is_ok()
        {
            let _ = Scan { debug, index, header, shapes: &self.shapes, found: &mut self.found }.all();
        }
        self
    }
}

/// Looks for the names of one unit.
struct Scan<'a> {
    debug: &'a DebugInfo,
    index: u32,
    header: &'a UnitHeader<Slice>,
    shapes: &'a Shapes,
    found: &'a mut NameIndex,
}

/// The few attributes that a name needs.
#[derive(Default)]
struct Brief {
    name: Option<&'static [u8]>,
    origin: Option<AttributeValue<Slice>>,
    sibling: Option<UnitOffset>,
    language: Option<dw::DwLang>,
}

impl Scan<'_> {
    fn all(&mut self) -> gimli::Result<()> {
        let mut walk = Walk::new(self.header, self.shapes, self.header.root_offset(), 0)?;
        // Whether types may hold functions and other types; C's do not.
        let mut members = true;
        let mut scopes: Vec<(isize, &'static str)> = Vec::new();
        // The enumeration that we are in.
        let mut enumeration = UnitOffset(0);
        // The depth of the function that we are in, when its body could not be stepped over.
        let mut function: Option<isize> = None;
        for _ in 0..LIMIT {
            if walk.is_empty() {
                break;
            }
            let (depth, offset) = (walk.depth, walk.offset());
            let Some(shape) = walk.entry()? else { continue };
            while scopes.last().is_some_and(|(at, _)| *at >= depth) {
                scopes.pop();
            }
            if function.is_some_and(|at| depth <= at) {
                function = None;
            }
            if function.is_some() || !interesting(shape.tag) {
                walk.skip(&shape)?;
                continue;
            }
            let entry = self.brief(&mut walk, &shape)?;
            if let Some(language) = entry.language {
                members = !is_c(language);
                continue;
            }
            if shape.tag == dw::DW_TAG_enumeration_type {
                enumeration = offset;
            }
            let place = if shape.tag == dw::DW_TAG_enumerator { enumeration } else { offset };
            let name = entry.name.or_else(|| self.origin_name(entry.origin?));
            if let Some(name) = name {
                self.note(name, place, &scopes, entry.origin);
            }
            if !shape.children {
                continue;
            }
            let inside = shape.tag == dw::DW_TAG_subprogram;
            if inside || (is_aggregate(shape.tag) && !members) {
                // Only forward: what a file says could make us go round for ever.
                match entry.sibling.filter(|next| next.0 >= walk.offset().0) {
                    Some(next) => walk = Walk::new(self.header, self.shapes, next, depth)?,
                    None => function = inside.then_some(depth),
                }
            } else if is_scope(shape.tag) {
                let nameless = (shape.tag == dw::DW_TAG_namespace).then_some(ANONYMOUS);
                let name = name.map(|name| str::from_utf8(name).unwrap_or_default());
                scopes.extend(name.or(nameless).map(|name| (depth, name)));
            }
        }
        Ok(())
    }

    fn note(
        &mut self,
        name: &[u8],
        place: UnitOffset,
        scopes: &[(isize, &'static str)],
        origin: Option<AttributeValue<Slice>>,
    ) {
        let Ok(offset) = u32::try_from(place.0) else { return };
        self.found.keys.push(Key { hash: names::hash(name), unit: self.index, offset });
        let scope = match origin {
            // A member's definition stands outside of its class: its declaration says where it belongs.
            Some(AttributeValue::UnitRef(at)) if scopes.is_empty() => {
                u32::try_from(at.0).ok().and_then(|at| self.found.scopes.get(&(self.index, at)).cloned())
            }
            Some(origin) if scopes.is_empty() => self.scope_elsewhere(origin).map(Box::from),
            _ => (!scopes.is_empty()).then(|| scopes_text(scopes)),
        };
        if let Some(scope) = scope {
            self.found.scopes.insert((self.index, offset), scope);
        }
    }

    /// The scopes around a declaration in another unit. Only those in front of this one are looked at, which dwz's are: so
    /// no file makes us go round in a circle.
    fn scope_elsewhere(&self, origin: AttributeValue<Slice>) -> Option<&str> {
        let here = self.header.offset().0;
        let at = split::referred(here, origin)?;
        (split::order(at) < split::order(here)).then(|| self.debug.scope_of(at)).flatten()
    }

    fn brief(&self, walk: &mut Walk<'_>, shape: &Shape) -> gimli::Result<Brief> {
        let mut brief = Brief::default();
        walk.attributes(shape, |raw, attributes| {
            for attribute in attributes {
                match attribute.name() {
                    dw::DW_AT_name => brief.name = self.text(raw.read_attribute(*attribute)?.value()),
                    dw::DW_AT_abstract_origin | dw::DW_AT_specification => {
                        brief.origin = Some(raw.read_attribute(*attribute)?.value());
                    }
                    dw::DW_AT_sibling => {
                        if let AttributeValue::UnitRef(next) = raw.read_attribute(*attribute)?.value() {
                            brief.sibling = Some(next);
                        }
                    }
                    dw::DW_AT_language => {
                        if let AttributeValue::Language(language) = raw.read_attribute(*attribute)?.value() {
                            brief.language = Some(language);
                        }
                    }
                    _ => raw.skip_attributes(std::slice::from_ref(attribute))?,
                }
            }
            Ok(())
        })?;
        Ok(brief)
    }

    fn text(&self, value: AttributeValue<Slice>) -> Option<&'static [u8]> {
        match value {
            AttributeValue::String(text) => Some(text.slice()),
            AttributeValue::DebugStrRef(at) => {
                self.debug.sections(self.index as usize).debug_str.get_str(at).ok().map(|text| text.slice())
            }
            AttributeValue::DebugLineStrRef(at) => self
                .debug
                .sections(self.index as usize)
                .debug_line_str
                .get_str(at)
                .ok()
                .map(|text| text.slice()),
            // The other forms need what the unit's first entry says.
            other => self.debug.unit(self.index as usize)?.attr_string(other).ok().map(|text| text.slice()),
        }
    }

    /// The name of an entry that another one refers to, of this unit without reading all of it.
    fn origin_name(&self, origin: AttributeValue<Slice>) -> Option<&'static [u8]> {
        let mut origin = origin;
        for _ in 0..4 {
            let at = match origin {
                AttributeValue::UnitRef(at) => at,
                other => {
                    let at = split::referred(self.header.offset().0, other)?;
                    return names::name_of(self.debug, at).map(str::as_bytes);
                }
            };
            let mut walk = Walk::new(self.header, self.shapes, at, 0).ok()?;
            let shape = walk.entry().ok()??;
            let brief = self.brief(&mut walk, &shape).ok()?;
            if brief.name.is_some() {
                return brief.name;
            }
            origin = brief.origin?;
        }
        None
    }
}

fn is_c(language: dw::DwLang) -> bool {
    [dw::DW_LANG_C, dw::DW_LANG_C89, dw::DW_LANG_C99, dw::DW_LANG_C11, dw::DW_LANG_C17].contains(&language)
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

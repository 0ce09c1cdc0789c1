//! One name, looked for without an index of all: an entry refers to its name, so the unit that it is in holds the name's
//! text or its place in the table of strings, and a search for a few bytes goes over 300 MB sooner than a walk over
//! the entries of 30.
//!
//! What is found are units worth a walk, and never one too few: where a file has other ways for an entry to have a
//! name, it is not searched like this.

use gimli::{DebugAbbrev, DebugStr, DwForm, Dwarf, Reader, Section, constants as dw};
use memchr::memmem;

use super::Slice;

/// A file with less in `.debug_info` has an index soon, for all questions.
pub(super) const LARGE: usize = 8 << 20;

/// More byte strings than this are not searched for: `f` ends many names.
const MOST: usize = 12;

/// What a unit must have one of to have an entry of some name.
pub(super) struct Needles(Vec<memmem::Finder<'static>>);

impl Needles {
    /// For entries called `name`, or `name<...>`; nothing when they might be missed, or are too many.
    pub(super) fn new(name: &str, dwarf: &Dwarf<Slice>) -> Option<Needles> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_~$".contains(&byte) || !byte.is_ascii();
        let plain = !name.is_empty() && name.bytes().all(word) && !name.starts_with("operator");
        if !plain || dwarf.sup().is_some() || !names_stay_in_units(&dwarf.debug_abbrev) {
            return None;
        }
        let mut needles: Vec<Vec<u8>> = [0, b'<'].map(|end| [name.as_bytes(), &[end]].concat()).to_vec();
        let line_strings = DebugStr::from(*dwarf.debug_line_str.reader());
        for table in [dwarf.debug_str, line_strings] {
            let table = table.reader().slice();
            let texts: Vec<Vec<u8>> = needles.iter().take(2).cloned().collect();
            for text in texts {
                // A linker lets a string that ends another one share its bytes, so it may begin anywhere.
                for at in memmem::find_iter(table, &text) {
                    needles.push(u32::try_from(at).ok()?.to_le_bytes().to_vec());
                    if needles.len() > MOST {
                        return None;
                    }
                }
            }
        }
        Some(Needles(needles.iter().map(|needle| memmem::Finder::new(needle).into_owned()).collect()))
    }

    /// Whether one of them is among the bytes of a unit.
    pub(super) fn are_in(&self, unit: &[u8]) -> bool {
        self.0.iter().any(|needle| needle.find(unit).is_some())
    }
}

/// Whether an entry has its name in its own unit, as text or by its place in a table: not so where a linker's or
/// dwz's output refers from unit to unit, and where names are numbered.
pub(super) fn names_stay_in_units(abbreviations: &DebugAbbrev<Slice>) -> bool {
    let mut table = *abbreviations.reader();
    let mut plain = || -> gimli::Result<bool> {
        while !table.is_empty() {
            // The end of a unit's table.
            if table.read_uleb128()? == 0 {
                continue;
            }
            if dw::DW_TAG_imported_unit.0 == table.read_uleb128_u16()? {
                return Ok(false);
            }
            table.read_u8()?;
            loop {
                let (name, form) = (table.read_uleb128_u16()?, DwForm(table.read_uleb128_u16()?));
                if (name, form.0) == (0, 0) {
                    break;
                }
                if form == dw::DW_FORM_implicit_const {
                    table.read_sleb128()?;
                }
                if !stays(gimli::DwAt(name), form) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    };
    plain().unwrap_or(false)
}

fn stays(name: gimli::DwAt, form: DwForm) -> bool {
    match name {
        dw::DW_AT_name => matches!(form, dw::DW_FORM_string | dw::DW_FORM_strp | dw::DW_FORM_line_strp),
        dw::DW_AT_abstract_origin | dw::DW_AT_specification => matches!(
            form,
            dw::DW_FORM_ref1 | dw::DW_FORM_ref2 | dw::DW_FORM_ref4 | dw::DW_FORM_ref8 | dw::DW_FORM_ref_udata
        ),
        _ => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use gimli::LittleEndian;

    use super::*;

    fn dwarf(strings: &'static [u8], abbreviations: &'static [u8]) -> Dwarf<Slice> {
        Dwarf::load(|id| {
            Ok::<_, gimli::Error>(match id {
                gimli::SectionId::DebugStr => Slice::new(strings, LittleEndian),
                gimli::SectionId::DebugAbbrev => Slice::new(abbreviations, LittleEndian),
                _ => Slice::default(),
            })
        })
        .unwrap()
    }

    #[test]
    fn a_string_that_ends_another_one_is_found() {
        let dwarf = dwarf(b"\0reopen\0open<int>\0openly\0", b"");
        let needles = Needles::new("open", &dwarf).unwrap();
        for (unit, found) in [
            (&b"\x01\x03\0\0\0"[..], true),
            (b"\x01\x08\0\0\0", true),
            (b"\x01\x12\0\0\0", false),
            (b"xopen\0", true),
            (b"openly\0", false),
        ] {
            assert_eq!(needles.are_in(unit), found, "{unit:?}");
        }
        assert!(Needles::new("operator", &dwarf).is_none());
        assert!(Needles::new("open<int>", &dwarf).is_none());
        assert!(Needles::new("", &dwarf).is_none());
    }

    #[test]
    fn a_name_that_ends_too_many_is_left_to_the_index() {
        let dwarf = dwarf(b"af\0bf\0cf\0df\0ef\0ff\0gf\0hf\0if\0jf\0kf\0lf\0mf\0", b"");
        assert!(Needles::new("f", &dwarf).is_none());
        assert!(Needles::new("af", &dwarf).is_some());
    }

    #[test]
    fn references_to_other_units_are_left_to_the_index() {
        // Code 1, a function, no children, one attribute, and the ends of the entry and of the table.
        let table =
            |name: u8, form: u8| Box::leak(Box::new([1, 0x2e, 0, name, form, 0, 0, 0])) as &'static [u8];
        for (name, form, stay) in [
            (dw::DW_AT_name.0, dw::DW_FORM_strp.0, true),
            (dw::DW_AT_name.0, dw::DW_FORM_strx1.0, false),
            (dw::DW_AT_specification.0, dw::DW_FORM_ref4.0, true),
            (dw::DW_AT_specification.0, dw::DW_FORM_ref_addr.0, false),
            (dw::DW_AT_type.0, dw::DW_FORM_ref_addr.0, true),
        ] {
            let dwarf = dwarf(b"", table(name as u8, form as u8));
            assert_eq!(names_stay_in_units(&dwarf.debug_abbrev), stay, "{name} {form}");
        }
        let cut: &'static [u8] = &[1, 0x2e, 0, 3];
        assert!(!names_stay_in_units(&dwarf(b"", cut).debug_abbrev));
    }
}

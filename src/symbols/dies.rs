//! Walking debugging information entries: the small questions that types, scopes and variables ask of DWARF.
//!
//! It knows units and attributes. It does not know how a file came to be loaded, and what an entry means.

use gimli::{AttributeValue, DW_AT_abstract_origin, DW_AT_name, DW_AT_specification, DwAt, UnitOffset};

use super::Slice;
use super::debug::DebugInfo;
use super::split::SUPPLEMENT;
use super::types::DieRef;

/// An entry.
pub(crate) type Entry = gimli::DebuggingInformationEntry<Slice>;
/// A unit and the file that it belongs to.
pub(crate) type Unit<'a> = gimli::UnitRef<'a, Slice>;

/// How many `DW_AT_abstract_origin` and `DW_AT_specification` links are followed.
const MAX_LINKS: usize = 16;

/// The languages that differ in how names and types are written.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Cplus,
    Rust,
    /// C, and what is shown as if it were C.
    Other,
}

/// An entry with its unit.
pub(crate) struct Die<'a> {
    pub(crate) dies: &'a DebugInfo,
    pub(crate) unit: Unit<'a>,
    pub(crate) entry: Entry,
}

impl<'a> Die<'a> {
    /// The entry at `at`.
    pub(crate) fn open(dies: &'a DebugInfo, at: DieRef) -> Option<Die<'a>> {
        let unit = dies.unit_of(at.offset)?;
        let offset = gimli::DebugInfoOffset(at.offset).to_unit_offset(&unit.unit.header)?;
        Some(Die { dies, unit, entry: unit.unit.entry(offset).ok()? })
    }

    /// Another entry of the same unit.
    pub(crate) fn sibling(&self, entry: Entry) -> Die<'a> {
        Die { dies: self.dies, unit: self.unit, entry }
    }

    pub(crate) fn at(&self) -> DieRef {
        self.at_offset(self.entry.offset())
    }

    fn at_offset(&self, offset: UnitOffset) -> DieRef {
        let base = self.unit.unit.header.debug_info_offset().map_or(0, |base| base.0);
        DieRef { offset: base.wrapping_add(offset.0) }
    }

    /// The children, one level deep.
    pub(crate) fn children(&self) -> Vec<Die<'a>> {
        let mut all = Vec::new();
        if !self.entry.has_children() {
            return all;
        }
        let Ok(mut tree) = self.unit.unit.entries_tree(Some(self.entry.offset())) else { return all };
        let Ok(root) = tree.root() else { return all };
        let mut children = root.children();
        while let Ok(Some(child)) = children.next() {
            all.push(self.sibling(child.entry().clone()));
        }
        all
    }

    /// The value of an attribute of this very entry.
    pub(crate) fn attr(&self, name: DwAt) -> Option<AttributeValue<Slice>> {
        self.entry.attr_value(name)
    }

    /// An attribute that is a reference to another entry.
    pub(crate) fn reference(&self, name: DwAt) -> Option<DieRef> {
        match self.attr(name)? {
            AttributeValue::UnitRef(offset) => Some(self.at_offset(offset)),
            AttributeValue::DebugInfoRef(offset) => {
                let base = self.dies.base_of(self.at().offset);
                Some(DieRef { offset: base.wrapping_add(offset.0) })
            }
            AttributeValue::DebugTypesRef(signature) => {
                Some(DieRef { offset: self.dies.signed(signature.0)? })
            }
            AttributeValue::DebugInfoRefSup(offset) => {
                Some(DieRef { offset: SUPPLEMENT.wrapping_add(offset.0) })
            }
            _ => None,
        }
    }

    pub(crate) fn unsigned(&self, name: DwAt) -> Option<u64> {
        let value = self.attr(name)?;
        value.udata_value().or_else(|| value.sdata_value().and_then(|signed| u64::try_from(signed).ok()))
    }

    pub(crate) fn flag(&self, name: DwAt) -> bool {
        matches!(self.attr(name), Some(AttributeValue::Flag(true)))
    }

    pub(crate) fn text(&self, name: DwAt) -> Option<Box<str>> {
        let text = self.unit.attr_string(self.attr(name)?).ok()?;
        Some(String::from_utf8_lossy(text.slice()).into())
    }

    pub(crate) fn name(&self) -> Option<Box<str>> {
        self.text(DW_AT_name)
    }

    /// Whether its language has namespaces, and types without `struct` in front.
    pub(crate) fn is_cplus(&self) -> bool {
        self.language() != Language::Other
    }

    /// The language of its unit.
    pub(crate) fn language(&self) -> Language {
        let Ok(root) = self.unit.unit.entry(self.unit.unit.header.root_offset()) else {
            return Language::Other;
        };
        let language = match root.attr_value(gimli::DW_AT_language) {
            Some(AttributeValue::Language(language)) => Some(language),
            _ => super::imports::language(self.dies, self.at().offset),
        };
        match language {
            Some(gimli::DW_LANG_Rust) => Language::Rust,
            Some(
                gimli::DW_LANG_C_plus_plus
                | gimli::DW_LANG_C_plus_plus_03
                | gimli::DW_LANG_C_plus_plus_11
                | gimli::DW_LANG_C_plus_plus_14
                | gimli::DW_LANG_C_plus_plus_17
                | gimli::DW_LANG_C_plus_plus_20,
            ) => Language::Cplus,
            _ => Language::Other,
        }
    }

    /// The first of this entry and the entries that it refines (its abstract origin, its specification) for
    /// which `ask` has an answer.
    pub(crate) fn inherited<T>(
        &self,
        dies: &'a DebugInfo,
        ask: &mut dyn FnMut(&Die<'a>) -> Option<T>,
    ) -> Option<T> {
        if let Some(answer) = ask(self) {
            return Some(answer);
        }
        let mut next = self.origin();
        for _ in 0..MAX_LINKS {
            let die = Die::open(dies, next?)?;
            if let Some(answer) = ask(&die) {
                return Some(answer);
            }
            next = die.origin();
        }
        None
    }

    /// The entry that this one refines.
    pub(crate) fn origin(&self) -> Option<DieRef> {
        self.reference(DW_AT_abstract_origin).or_else(|| self.reference(DW_AT_specification))
    }
}

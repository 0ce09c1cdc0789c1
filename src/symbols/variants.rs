//! Rust's enumerations: which variant a value is of (`DW_TAG_variant_part`, DWARF 5, section 5.7.10).

use std::sync::Arc;

use gimli::constants as dw;

use super::dies::Die;
use super::typeload::{TypeTable, constant};
use super::types::{Record, Type};

/// A part of a value: where it begins and its type.
#[derive(Clone, Debug)]
pub struct Part {
    /// In bytes from the beginning of the value.
    pub offset: u64,
    /// Its type.
    pub ty: Type,
}

/// The variants of an enumeration that holds values.
#[derive(Clone, Debug)]
pub struct Variants {
    /// What tells them apart; nothing where there is only one.
    pub discriminant: Option<Part>,
    /// The number of each, and what it holds. The one without a number is for all others.
    pub list: Vec<(Option<i128>, Part)>,
}

impl Record {
    /// Whether it comes from Rust.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        self.die
            .as_ref()
            .and_then(|(table, at)| Die::open(table.dies(), *at))
            .is_some_and(|die| die.language() == super::dies::Language::Rust)
    }

    /// Of a table of methods, the type that they are of (`DW_AT_containing_type`).
    #[must_use]
    pub fn containing(&self) -> Option<Type> {
        let (table, at) = self.die.as_ref()?;
        let of = Die::open(table.dies(), *at)?.reference(dw::DW_AT_containing_type)?;
        Some(table.get(of))
    }

    /// Its variants, when it has some.
    #[must_use]
    pub fn variants(&self) -> Option<Variants> {
        let (table, at) = self.die.as_ref()?;
        let die = Die::open(table.dies(), *at)?;
        let part = die.children().into_iter().find(|child| child.entry.tag() == dw::DW_TAG_variant_part)?;
        let discriminant = part.reference(dw::DW_AT_discr).and_then(|at| Die::open(table.dies(), at));
        let variants = part.children().into_iter().filter(|child| child.entry.tag() == dw::DW_TAG_variant);
        let list = variants.filter_map(|variant| {
            let held = variant.children().into_iter().find(|child| child.entry.tag() == dw::DW_TAG_member)?;
            Some((constant(&variant, dw::DW_AT_discr_value), part_of(table, &held)))
        });
        Some(Variants { discriminant: discriminant.map(|die| part_of(table, &die)), list: list.collect() })
    }
}

fn part_of(table: &Arc<TypeTable>, member: &Die<'_>) -> Part {
    let offset = member.unsigned(dw::DW_AT_data_member_location).unwrap_or(0);
    Part { offset, ty: table.type_of(member).get() }
}

impl Variants {
    /// The variant that this number means, cut to the size of the discriminant.
    #[must_use]
    pub fn of(&self, number: i128) -> Option<&Part> {
        let bits = self.discriminant.as_ref().map_or(64, |part| part.ty.size().clamp(1, 8) * 8);
        let cut = |number: i128| number & ((1 << bits) - 1);
        let known = self.list.iter().find(|(value, _)| value.is_some_and(|value| cut(value) == cut(number)));
        known.or_else(|| self.list.iter().find(|(value, _)| value.is_none())).map(|(_, part)| part)
    }
}

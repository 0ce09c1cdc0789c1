//! Variables: which are in a scope, and what the debug info says about the place of each.
//!
//! It reads entries and picks expressions; evaluating them is `location`'s, making values of them the scene's.

use std::sync::Arc;

use gimli::{AttributeValue, DW_AT_const_value, DW_AT_location, constants as dw};

use super::debug::DebugInfo;
use super::dies::Die;
use super::typeload::{TypeTable, constant};
use super::types::{DieRef, TypeRef};
use crate::addr::FileAddr;

/// A variable or parameter.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name.
    pub name: Box<str>,
    /// Its entry.
    pub die: DieRef,
    /// Whether it is a parameter of the function.
    pub parameter: bool,
    /// Whether the compiler made it up (`this` counts as a parameter all the same).
    pub artificial: bool,
    /// Its type.
    pub ty: TypeRef,
}

/// What the debug info says about where a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// The expression that holds at the pc; it belongs to the unit of this entry.
    Expression(DieRef, &'static [u8]),
    /// It is this constant, low byte first.
    Constant(Vec<u8>),
    /// Nothing is left of it here.
    Nowhere,
}

/// The variables that the function, inlined copy or block at `scope` declares itself, parameters included, in the order
/// of the source.
#[must_use]
pub fn variables_in(table: &Arc<TypeTable>, scope: DieRef) -> Vec<Variable> {
    let dies = table.dies();
    let Some(die) = Die::open(dies, scope) else { return Vec::new() };
    let mut seen = Vec::new();
    let mut found: Vec<Variable> = Vec::new();
    for child in die.children() {
        seen.extend(child.origin());
        found.extend(variable(table, &child));
    }
    // A concrete copy leaves out what the compiler dropped altogether; the abstract one still knows it.
    if let Some(origin) = die.origin().and_then(|origin| Die::open(dies, origin)) {
        for child in origin.children().into_iter().filter(|child| !seen.contains(&child.at())) {
            dropped(table, &child, &mut found, MAX_BLOCKS);
        }
    }
    found
}

/// Blocks nest no deeper than this.
const MAX_BLOCKS: usize = 64;

/// What an abstract function declares and its copy does not mention, with what stands in blocks (gdb 13.1, dwarf2/read.c,
/// `inherit_abstract_dies`: a block without addresses is looked through).
fn dropped(table: &Arc<TypeTable>, die: &Die<'_>, found: &mut Vec<Variable>, depth: usize) {
    if die.entry.tag() == dw::DW_TAG_lexical_block {
        let Some(depth) = depth.checked_sub(1) else { return };
        die.children().iter().for_each(|child| dropped(table, child, found, depth));
    } else {
        found.extend(variable(table, die));
    }
}

/// The variables of a function's blocks as gdb lists them: one list for each block that has code, with those of the blocks
/// without code that belong to it; `blocks` begins with the innermost.
#[must_use]
pub fn variables_of(table: &Arc<TypeTable>, blocks: impl Iterator<Item = DieRef>) -> Vec<Variable> {
    let dies = table.dies();
    let mut groups: Vec<(bool, bool, Vec<Variable>)> = Vec::new();
    for block in blocks {
        let Some(die) = Die::open(dies, block) else { continue };
        let lexical = die.entry.tag() == dw::DW_TAG_lexical_block;
        let code = !lexical || die.attr(dw::DW_AT_ranges).is_some() || die.attr(dw::DW_AT_low_pc).is_some();
        let found = variables_in(table, block);
        match groups.last_mut() {
            Some((.., group)) if !code => group.extend(found),
            _ => groups.push((lexical, die.is_cplus(), found)),
        }
    }
    for (lexical, cplus, group) in &mut groups {
        if *lexical {
            super::blockorder::hashed(group, *cplus);
        }
    }
    groups.into_iter().flat_map(|(.., group)| group).collect()
}

/// The variable that the entry at `at` describes.
#[must_use]
pub fn variable_at(table: &Arc<TypeTable>, at: DieRef) -> Option<Variable> {
    variable(table, &Die::open(table.dies(), at)?)
}

fn variable(table: &Arc<TypeTable>, die: &Die<'_>) -> Option<Variable> {
    let parameter = match die.entry.tag() {
        dw::DW_TAG_formal_parameter => true,
        dw::DW_TAG_variable => false,
        _ => return None,
    };
    // `extern int x;` inside of a function declares what is elsewhere.
    if die.flag(dw::DW_AT_declaration) && die.attr(dw::DW_AT_const_value).is_none() {
        return None;
    }
    Some(Variable {
        name: die.inherited(table.dies(), &mut |die| die.name())?,
        die: die.at(),
        parameter,
        artificial: die.inherited(table.dies(), &mut |die| die.attr(dw::DW_AT_artificial)).is_some(),
        ty: table.type_of(die),
    })
}

/// Where `variable` is when the pc is at `pc`.
#[must_use]
pub fn whereabouts(dies: &DebugInfo, variable: DieRef, pc: FileAddr) -> Whereabouts {
    attribute_at(dies, variable, DW_AT_location, pc)
}

/// The frame base of the function at `function`.
#[must_use]
pub fn frame_base(dies: &DebugInfo, function: DieRef, pc: FileAddr) -> Whereabouts {
    attribute_at(dies, function, dw::DW_AT_frame_base, pc)
}

fn attribute_at(dies: &DebugInfo, at: DieRef, name: gimli::DwAt, pc: FileAddr) -> Whereabouts {
    let Some(die) = Die::open(dies, at) else { return Whereabouts::Nowhere };
    let pick = |die: &Die<'_>| match die.attr(name) {
        Some(AttributeValue::Exprloc(expression)) if expression.0.slice().is_empty() => {
            Some(Whereabouts::Nowhere)
        }
        Some(AttributeValue::Exprloc(expression)) => {
            Some(Whereabouts::Expression(die.at(), expression.0.slice()))
        }
        Some(list) => Some(from_list(die, list, pc)),
        None if name == DW_AT_location => constant_of(die).map(Whereabouts::Constant),
        None => None,
    };
    die.inherited(dies, &mut |die| pick(die)).unwrap_or(Whereabouts::Nowhere)
}

fn from_list(die: &Die<'_>, list: AttributeValue<super::Slice>, pc: FileAddr) -> Whereabouts {
    if !super::ranges::is_safe(die.unit, list) {
        return Whereabouts::Nowhere;
    }
    let Ok(Some(mut entries)) = die.unit.attr_locations(list) else { return Whereabouts::Nowhere };
    while let Ok(Some(entry)) = entries.next() {
        let bytes = entry.data.0.slice();
        if entry.range.begin <= pc.0 && pc.0 < entry.range.end && !bytes.is_empty() {
            return Whereabouts::Expression(die.at(), bytes);
        }
    }
    Whereabouts::Nowhere
}

/// Whether a variable is a constant that the debug info gives byte by byte (`DW_FORM_block`, `DW_FORM_string`).
#[must_use]
pub fn is_constant_of_bytes(dies: &DebugInfo, variable: DieRef) -> bool {
    let Some(die) = Die::open(dies, variable) else { return false };
    let bytes = |die: &Die<'_>| {
        matches!(die.attr(DW_AT_const_value), Some(AttributeValue::Block(_) | AttributeValue::String(_)))
            .then_some(())
    };
    die.attr(DW_AT_location).is_none() && die.inherited(dies, &mut |die| bytes(die)).is_some()
}

fn constant_of(die: &Die<'_>) -> Option<Vec<u8>> {
    match die.attr(DW_AT_const_value)? {
        AttributeValue::Block(bytes) => Some(bytes.slice().to_vec()),
        AttributeValue::String(bytes) => Some(bytes.slice().to_vec()),
        _ => constant(die, DW_AT_const_value).map(|number| number.to_le_bytes().to_vec()),
    }
}

/// What the caller said about an argument, at a call that is described in the debug info.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallArgument {
    /// Where the callee finds it: an expression that names a register or a place in the frame.
    pub location: Option<&'static [u8]>,
    /// The callee's parameter, where the debug info says.
    pub parameter: Option<DieRef>,
    /// The expression that gives it, in the caller's frame.
    pub value: Option<&'static [u8]>,
}

/// Whom a call calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallTarget {
    /// The function that this entry declares.
    Function(DieRef),
    /// The address that this expression gives in the caller's frame.
    Expression(&'static [u8]),
    /// Nobody says.
    Unknown,
}

/// Whom the call at `site` calls, and with which arguments.
#[must_use]
pub fn call_at(dies: &DebugInfo, site: DieRef) -> Option<(CallTarget, Vec<CallArgument>)> {
    let die = Die::open(dies, site)?;
    let expression = |die: &Die<'_>, names: [gimli::DwAt; 2]| {
        names.into_iter().find_map(|name| match die.attr(name) {
            Some(AttributeValue::Exprloc(expression)) => Some(expression.0.slice()),
            _ => None,
        })
    };
    let target =
        match die.reference(dw::DW_AT_call_origin).or_else(|| die.reference(dw::DW_AT_abstract_origin)) {
            Some(function) => CallTarget::Function(function),
            None => expression(&die, [dw::DW_AT_call_target, dw::DW_AT_GNU_call_site_target])
                .map_or(CallTarget::Unknown, CallTarget::Expression),
        };
    let is_argument =
        |tag| matches!(tag, dw::DW_TAG_call_site_parameter | dw::DW_TAG_GNU_call_site_parameter);
    let arguments =
        die.children().into_iter().filter(|child| is_argument(child.entry.tag())).map(|child| CallArgument {
            location: expression(&child, [DW_AT_location, DW_AT_location]),
            parameter: child
                .reference(dw::DW_AT_call_parameter)
                .or_else(|| child.reference(dw::DW_AT_abstract_origin)),
            value: expression(&child, [dw::DW_AT_call_value, dw::DW_AT_GNU_call_site_value]),
        });
    Some((target, arguments.collect()))
}

/// Whether other units can see what an entry describes.
#[must_use]
pub fn is_external(dies: &DebugInfo, at: DieRef) -> bool {
    let Some(die) = Die::open(dies, at) else { return false };
    die.inherited(dies, &mut |die| die.flag(dw::DW_AT_external).then_some(())).is_some()
}

/// The entry that first declares what this one is about.
#[must_use]
pub fn declared_at(dies: &DebugInfo, at: DieRef) -> DieRef {
    let mut last = at;
    if let Some(die) = Die::open(dies, at) {
        die.inherited(dies, &mut |die| {
            last = die.at();
            None::<()>
        });
    }
    last
}

/// Where the function that an entry describes begins, if it has code of its own here, and the name that the
/// linker knows it by.
#[must_use]
pub fn function_at(dies: &DebugInfo, at: DieRef) -> (Option<FileAddr>, Option<Box<str>>) {
    let Some(die) = Die::open(dies, at) else { return (None, None) };
    let start = |die: &Die<'_>| {
        let low = die.unit.attr_address(die.attr(dw::DW_AT_low_pc)?).ok().flatten();
        low.or_else(|| super::ranges::of(die.unit, &die.entry).first().map(|range| range.0))
    };
    let ranged =
        die.attr(dw::DW_AT_ranges).and_then(|_| super::ranges::of(die.unit, &die.entry).into_iter().next());
    let start = start(&die).or_else(|| ranged.map(|range| range.0));
    let name = die.inherited(dies, &mut |die| die.text(dw::DW_AT_linkage_name));
    (start.map(FileAddr), name.or_else(|| die.inherited(dies, &mut |die| die.name())))
}

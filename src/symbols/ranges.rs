//! The addresses that an entry covers (DWARF 5, section 2.17), computed so that no file makes a sum overflow.
//!
//! gimli's `die_ranges` adds what the file says, which panics where overflow is checked: it is not called.

use gimli::{AttributeValue, UnitRef, constants as dw};

use super::Slice;
use super::dies::Entry;

/// Begin and end of each range that is not empty, in the order of the file; nothing where it makes no sense.
pub(super) fn of(unit: UnitRef<'_, Slice>, entry: &Entry) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    if let Some(value) = entry.attr_value(dw::DW_AT_ranges)
        && is_safe(unit, value)
        && let Ok(Some(mut ranges)) = unit.attr_ranges(value)
    {
        while let Ok(Some(range)) = ranges.next() {
            found.push((range.begin, range.end));
        }
    } else {
        found.extend(single(unit, entry));
    }
    found.retain(|(begin, end)| begin < end);
    found
}

fn single(unit: UnitRef<'_, Slice>, entry: &Entry) -> Option<(u64, u64)> {
    let begin = unit.attr_address(entry.attr_value(dw::DW_AT_low_pc)?).ok()??;
    let end = match entry.attr_value(dw::DW_AT_high_pc)? {
        AttributeValue::Udata(size) => begin.checked_add(size)?,
        value => unit.attr_address(value).ok()??,
    };
    Some((begin, end))
}

/// Whether gimli finds the list that `value` names without a sum that may overflow: in the format of 64 bits it adds a
/// word of the file to where the lists begin.
pub(super) fn is_safe(unit: UnitRef<'_, Slice>, value: AttributeValue<Slice>) -> bool {
    let counted =
        matches!(value, AttributeValue::DebugLocListsIndex(_) | AttributeValue::DebugRngListsIndex(_));
    !counted || unit.unit.encoding().format == gimli::Format::Dwarf32
}

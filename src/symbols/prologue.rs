//! Where a breakpoint on a function goes: behind its prologue, by gdb 13.1's rules for x86-64.
//!
//! gdb trusts gcc's location lists from the first instruction on, so optimised functions get no skip; others
//! are analysed (`endbr64`, `push %rbp`, `mov %rsp,%rbp`; amd64-tdep.c) and then moved to the next line row
//! (symtab.c, `skip_prologue_sal`). clang marks the end of the prologue itself.

use gimli::{AttributeValue, UnitRef, constants as dw};

use super::Slice;
use super::debug::DebugInfo;
use super::image::Image;
use crate::addr::FileAddr;

/// Where to stop for the function that begins at `entry` and ends before `end`.
pub(super) fn after(image: &Image, entry: FileAddr, end: Option<FileAddr>) -> FileAddr {
    let analysed = analyse(image, entry);
    let Some(debug) = image.debug() else { return analysed };
    let Some(unit) = debug.unit_index_at(entry) else { return analysed };
    if let Some(marked) = clang(debug, unit, entry, end) {
        return marked;
    }
    if debug.is_optimized(unit) {
        return entry;
    }
    let inside = |at: FileAddr| end.is_none_or(|end| at < end);
    match debug.line_at(analysed) {
        // In the middle of a line: the prologue goes on to the next row.
        Some(row) if row.start != analysed && inside(row.end) => row.end,
        _ => analysed,
    }
}

/// gdb's `amd64_analyze_prologue`: only `push %rbp; mov %rsp,%rbp` counts.
fn analyse(image: &Image, entry: FileAddr) -> FileAddr {
    let mut code = [0u8; 16];
    let got = image.read_linked(crate::addr::Addr(entry.0), &mut code);
    let code = &code[..got];
    let skip = if code.starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]) { 4 } else { 0 };
    let code = code.get(skip..).unwrap_or(&[]);
    let moves: [&[u8]; 2] = [&[0x55, 0x48, 0x89, 0xe5], &[0x55, 0x48, 0x8b, 0xec]];
    match moves.iter().find(|pattern| code.starts_with(pattern)) {
        Some(pattern) => FileAddr(entry.0 + skip as u64 + pattern.len() as u64),
        None => entry,
    }
}

/// clang: the row that is marked as the prologue's end, inside the function.
fn clang(debug: &DebugInfo, unit: usize, entry: FileAddr, end: Option<FileAddr>) -> Option<FileAddr> {
    if !producer(debug.unit(unit)?).is_some_and(|text| text.contains("clang")) {
        return None;
    }
    let lines = debug.lines(unit)?;
    let from = lines.rows.partition_point(|row| row.address < entry.0);
    lines.rows[from..]
        .iter()
        .take_while(|row| !row.end && end.is_none_or(|end| row.address < end.0))
        .find(|row| row.prologue_end)
        .map(|row| FileAddr(row.address))
}

fn producer(unit: UnitRef<'_, Slice>) -> Option<String> {
    let root = unit.entry(unit.header.root_offset()).ok()?;
    let text = unit.attr_string(root.attr_value(dw::DW_AT_producer)?).ok()?;
    Some(text.to_string_lossy().into_owned())
}

/// Whether a unit was compiled by gcc and describes any variable by a location list.
pub(super) fn has_location_lists(unit: UnitRef<'_, Slice>) -> bool {
    let gcc = producer(unit).is_some_and(|text| text.starts_with("GNU ") && !text.starts_with("GNU AS"));
    if !gcc {
        return false;
    }
    let Ok(mut raw) = unit.entries_raw(None) else { return false };
    while !raw.is_empty() {
        let Ok(abbreviation) = raw.read_abbreviation() else { return false };
        let Some(abbreviation) = abbreviation else { continue };
        let variable = matches!(abbreviation.tag(), dw::DW_TAG_variable | dw::DW_TAG_formal_parameter);
        if !variable {
            if raw.skip_attributes(abbreviation.attributes()).is_err() {
                return false;
            }
            continue;
        }
        for spec in abbreviation.attributes() {
            let Ok(attribute) = raw.read_attribute(*spec) else { return false };
            let list = matches!(
                attribute.value(),
                AttributeValue::LocationListsRef(_) | AttributeValue::DebugLocListsIndex(_)
            );
            if attribute.name() == dw::DW_AT_location && list {
                return true;
            }
        }
    }
    false
}

//! Partial units (DWARF 5, section 3.1.1): what dwz takes out of several units, which then import it.
//!
//! Such a unit does not say its language: it is that of those who import it, as in gdb (dwarf2/read.c,
//! `prepare_one_comp_unit`).

use gimli::{AttributeValue, DwLang, constants as dw};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::debug::DebugInfo;
use super::split;

/// A unit that imports another one, by the index of that one.
pub(super) type Importers = FxHashMap<usize, usize>;

/// Partial units import partial units no deeper than this.
const MAX_DEPTH: usize = 16;

/// Who imports whom; of several the first.
pub(super) fn importers(debug: &DebugInfo) -> Importers {
    let of_unit = |index: usize| {
        let found = imported(debug, index).unwrap_or_default();
        found.into_iter().map(move |of| (of, index)).collect::<Vec<_>>()
    };
    let all: Vec<(usize, usize)> = (0..debug.unit_count()).into_par_iter().flat_map_iter(of_unit).collect();
    let mut importers = Importers::default();
    for (of, by) in all {
        importers.entry(of).or_insert(by);
    }
    importers
}

/// The units that a unit imports: dwz says so in front of everything else.
fn imported(debug: &DebugInfo, index: usize) -> Option<Vec<usize>> {
    let unit = debug.unit(index)?;
    let start = unit.header.offset().0;
    let mut raw = unit.entries_raw(None).ok()?;
    let root = raw.read_abbreviation().ok()??;
    raw.skip_attributes(root.attributes()).ok()?;
    let mut found = Vec::new();
    while let Ok(Some(abbreviation)) = raw.read_abbreviation() {
        if abbreviation.tag() != dw::DW_TAG_imported_unit {
            break;
        }
        for spec in abbreviation.attributes() {
            let Ok(attribute) = raw.read_attribute(*spec) else { return Some(found) };
            if attribute.name() == dw::DW_AT_import {
                found.extend(split::referred(start, attribute.value()).and_then(|at| debug.index_of(at)));
            }
        }
    }
    Some(found)
}

/// The language of the unit that holds the entry at this offset: its own, or that of who imports it.
pub(super) fn language(debug: &DebugInfo, offset: usize) -> Option<DwLang> {
    let mut index = debug.index_of(offset)?;
    for _ in 0..MAX_DEPTH {
        let unit = debug.unit(index)?;
        let root = unit.entry(unit.header.root_offset()).ok()?;
        if let Some(AttributeValue::Language(language)) = root.attr_value(dw::DW_AT_language) {
            return Some(language);
        }
        if root.tag() != dw::DW_TAG_partial_unit {
            return None;
        }
        index = *debug.importers().get(&index)?;
    }
    None
}

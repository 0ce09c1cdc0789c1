//! The namespaces and classes around the entries of one unit: what stands in front of their names.
//!
//! Read when somebody asks about an entry of the unit, and kept; the index of names does not hold it.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::debug::DebugInfo;
use super::names;
use super::namescan::Worker;
use super::qualified::ANONYMOUS;

/// Scopes nest no deeper than this.
const MAX_SCOPES: usize = 32;

/// Scopes joined by `::`, by the offset of an entry from the start of its unit; what is in none is not there.
pub(super) type Scoped = FxHashMap<u32, Arc<str>>;

/// Reads the unit with this index.
pub(super) fn read(debug: &DebugInfo, index: usize) -> Scoped {
    let Some(header) = debug.header(index) else { return Scoped::default() };
    let base = header.debug_info_offset().map_or(0, |base| base.0);
    let mut worker = Worker::new(true).unit(&debug.dwarf, index, header);
    worker.keys.extend(worker.far.iter().map(|far| far.key));
    let outer: FxHashMap<u32, u32> = worker.keys.iter().map(|key| (key.offset, key.outer)).collect();
    let mut texts: FxHashMap<u32, Arc<str>> = FxHashMap::default();
    let mut text = |scope: u32| {
        let known = texts.entry(scope).or_insert_with(|| {
            let around = std::iter::successors(Some(scope), |scope| outer.get(scope).copied());
            let around = around.take(MAX_SCOPES).take_while(|scope| *scope != 0);
            let mut names: Vec<&str> = around
                .map(|scope| names::name_of(debug, base + scope as usize).unwrap_or(ANONYMOUS))
                .collect();
            names.reverse();
            names.join("::").into()
        });
        Arc::clone(known)
    };
    worker.keys.iter().filter(|key| key.outer != 0).map(|key| (key.offset, text(key.outer))).collect()
}

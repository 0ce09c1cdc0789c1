//! The namespaces and classes around the entries of one unit: what stands in front of their names.
//!
//! Read when somebody asks about an entry of the unit, and kept; the index of names does not hold it.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::debug::DebugInfo;
use super::names;
use super::namescan::Worker;
use super::qualified::ANONYMOUS;
use super::split;

/// Scopes nest no deeper than this.
const MAX_SCOPES: usize = 32;

/// Scopes joined by `::`, by the offset of an entry from the start of its unit; what is in none is not there.
pub(super) type Scoped = FxHashMap<u32, Arc<str>>;

/// Reads the unit with this index.
pub(super) fn read(debug: &DebugInfo, index: usize) -> Scoped {
    let Some(header) = debug.header(index) else { return Scoped::default() };
    let base = header.debug_info_offset().map_or(0, |base| base.0);
    let mut worker = Worker::new(true).unit(debug.sections_of(index), index, header);
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
    let own = worker.keys.iter().filter(|key| key.outer != 0).map(|key| (key.offset, text(key.outer)));
    let mut scopes: Scoped = own.collect();
    for far in worker.far.iter().filter(|far| far.key.outer == 0) {
        let scope = split::referred(base, far.origin).and_then(|at| scope_elsewhere(debug, base, at));
        scopes.extend(scope.map(|scope| (far.key.offset, scope.into())));
    }
    scopes
}

/// The scopes around the entry at `at`, for the unit at `unit` that refers to it. Only what comes in front of the unit
/// is looked at, as dwz has it: so no file makes us go round in a circle.
pub(super) fn scope_elsewhere(debug: &DebugInfo, unit: usize, at: usize) -> Option<&str> {
    (split::order(at) < split::order(unit)).then(|| debug.scope_of(at)).flatten()
}

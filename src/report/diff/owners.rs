//! Who has how much on each side: growth by the function that asked for it, whatever it was made of.
//!
//! The kinds of memory of one owner stand in one row, so that memory which only moved from the break to mappings shows no
//! difference. The loader's mappings and the address space that is reserved for an arena are nobody's growth. The owner is who happened to ask when malloc had no room left, which is not always who keeps the most.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::addr::Addr;
use crate::event::{Label, StackFrame};
use crate::heap::story::{GrowthRow, Story};
use crate::report::owner::Names;
use crate::report::paths;
use crate::report::words::{self, file_name};

/// What one owner has on one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Calls that got memory.
    pub calls: u64,
    /// Bytes that they got.
    pub got: u64,
    /// Bytes of these that are still mapped.
    pub mapped: u64,
    /// How many calls of each kind.
    pub by: Vec<(Label, u64)>,
}

/// One owner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    /// `keep (list.c:12)`; without the line where the sides have different ones.
    pub place: String,
    /// The function.
    pub function: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line, where it is one.
    pub line: Option<u32>,
    /// For whom most or all of it was asked: `most below sa_doall (sparse_array.c:93)`; empty where that says nothing.
    #[serde(default)]
    pub below: String,
    /// Whether the function was inferred on a side (it had left the stack by a tail call).
    pub inferred: bool,
    /// The first side.
    pub a: Share,
    /// The second.
    pub b: Share,
    /// Bytes that are mapped more in the second.
    pub difference: i64,
}

/// By what the owners of both sides are found to be the same.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Two moments of one process: line and address count.
    Line,
    /// Two runs: the function and its file. Lines move when a source is changed, addresses from run to run.
    Function,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    function: Option<String>,
    file: Option<String>,
    module: Option<String>,
    line: Option<u32>,
    address: Option<Addr>,
}

/// A side's story, and names for the return addresses in it.
pub(super) type Named<'a> = (&'a Story, Names<'a>);

/// Owners for which it is looked up for whom they asked: comparing stacks takes its time.
const LOOKED_UP: usize = 20;

/// The owners of both sides, the one with the largest difference first.
pub(super) fn owners(a: Named<'_>, b: Named<'_>, by: By) -> Vec<Owner> {
    let mut all: BTreeMap<Key, Owner> = BTreeMap::new();
    // The row of each owner with the most bytes; the second side's, where it has one, because that is what is looked at.
    let mut rows: BTreeMap<Key, (usize, usize)> = BTreeMap::new();
    let views = [a.0.growth(), b.0.growth()];
    for side in [1, 0] {
        let program = if side == 1 { b.0.program() } else { a.0.program() };
        let counts = |row: &&GrowthRow| !matches!(row.label, Label::Loader | Label::ArenaNew);
        for (at, row) in views[side].by_site.iter().enumerate().filter(|(_, row)| counts(row)) {
            let key = key(row, program, by);
            rows.entry(key.clone()).or_insert((side, at));
            add(&mut all, key, row, side == 1);
        }
    }
    let mut all: Vec<(Key, Owner)> = all.into_iter().map(|(key, owner)| (key, finished(owner))).collect();
    let got = |owner: &Owner| owner.a.got.abs_diff(owner.b.got);
    all.sort_by(|(_, x), (_, y)| {
        let by_difference = y.difference.unsigned_abs().cmp(&x.difference.unsigned_abs());
        by_difference.then_with(|| got(y).cmp(&got(x))).then_with(|| x.place.cmp(&y.place))
    });
    for (key, owner) in all.iter_mut().take(LOOKED_UP) {
        let Some((side, at)) = rows.get(key).copied() else { continue };
        let (view, names) = (&views[side], if side == 1 { b.1 } else { a.1 });
        let Some(row) = view.by_site.get(at) else { continue };
        owner.below = paths::below(paths::of_row(view, row), row.site.as_ref(), names);
    }
    all.into_iter().map(|(_, owner)| owner).collect()
}

fn key(row: &GrowthRow, program: &str, by: By) -> Key {
    let Some(site) = &row.site else {
        return Key { function: None, file: None, module: None, line: None, address: None };
    };
    let module = site.module.as_deref().map(file_name);
    let own = module == Some(file_name(program));
    let nameless = site.function.is_none();
    match by {
        By::Line => Key {
            function: site.function.clone(),
            file: site.file.clone(),
            module: None,
            line: site.line,
            address: nameless.then_some(site.address),
        },
        By::Function => Key {
            function: site.function.clone(),
            file: site.file.as_deref().map(|file| file_name(file).to_owned()),
            module: module.filter(|_| nameless && !own).map(str::to_owned),
            line: None,
            address: None,
        },
    }
}

fn add(all: &mut BTreeMap<Key, Owner>, key: Key, row: &GrowthRow, second: bool) {
    let nameless = key.address.is_none() && key.function.is_none();
    let owner = all.entry(key).or_insert_with(|| first_seen(row, nameless));
    if owner.line != row.site.as_ref().and_then(|site| site.line) {
        owner.line = None;
    }
    owner.inferred |= row.inferred;
    let share = if second { &mut owner.b } else { &mut owner.a };
    share.calls += row.count;
    share.got = share.got.saturating_add(row.bytes);
    share.mapped = share.mapped.saturating_add(row.live);
    match share.by.iter_mut().find(|(label, _)| *label == row.label) {
        Some((_, calls)) => *calls += row.count,
        None => share.by.push((row.label, row.count)),
    }
}

/// An owner by its first row; `place` is what is known of one without a name.
fn first_seen(row: &GrowthRow, nameless: bool) -> Owner {
    let Some(site) = &row.site else {
        return Owner { place: "an unknown function".to_owned(), ..Owner::default() };
    };
    let place = match (nameless, &site.module) {
        (true, Some(module)) => format!("code without a name ({})", file_name(module)),
        (true, None) => "code without a name".to_owned(),
        (false, _) if site.function.is_none() => words::place(site),
        (false, _) => String::new(),
    };
    let place = crate::report::escape::plain(&place);
    let (function, file, line) = (site.function.clone(), site.file.clone(), site.line);
    Owner { place, function, file, line, ..Owner::default() }
}

fn finished(mut owner: Owner) -> Owner {
    if owner.place.is_empty() {
        let (function, file, line) = (owner.function.clone(), owner.file.clone(), owner.line);
        owner.place = words::place(&StackFrame { function, file, line, ..StackFrame::default() });
    }
    let (a, b) = (i128::from(owner.a.mapped), i128::from(owner.b.mapped));
    owner.difference = i64::try_from(b - a).unwrap_or(if b > a { i64::MAX } else { i64::MIN });
    owner
}

//! Where a name is looked up: in the few units that are asked about, by a search for this one name, or in the index of
//! all names, whichever is least to read.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::debug::DebugInfo;
use super::names::{NameEntry, NameIndex};
use super::qualified;
use super::sections::Found;
use super::seek::{self, Needles};

/// So many names are searched for; who asks for more gets the index of all.
const SEARCHES: usize = 16;

/// So many units are read one by one.
const FEW: usize = 4;

/// What is known of a file's names so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: OnceLock<NameIndex>,
    /// By the name, without its scopes: the entries of the units that may have it.
    sought: [OnceLock<(Box<str>, NameIndex)>; SEARCHES],
}

impl Names {
    /// Keeps what was found while the file was read, to look `name` up; `own` units are in the file itself.
    pub(super) fn begin(&self, debug: &DebugInfo, name: &str, found: Found, own: usize) {
        let last = qualified::split(name).1;
        match (found, self.sought.first()) {
            (Found::All(found), _) => {
                let rest = (own..debug.unit_count()).into_par_iter();
                let _ = self.all.set(NameIndex::build(debug, found, rest));
            }
            (Found::Some(found), Some(slot)) if own == debug.unit_count() => {
                let index = NameIndex::build(debug, found, (0..0).into_par_iter());
                let _ = slot.set((last.into(), index));
            }
            _ => {}
        }
    }

    /// As [`DebugInfo::named_in`].
    pub(super) fn named<'a>(
        &'a self,
        debug: &'a DebugInfo,
        name: &'a str,
        exact: bool,
        wanted: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = NameEntry> + 'a {
        let mut few = Vec::new();
        if self.all.get().is_none() && is_large(debug) {
            few = (0..debug.unit_count()).filter(|unit| wanted(*unit)).take(FEW + 1).collect();
        }
        let alone = (1..=FEW).contains(&few.len());
        if !alone {
            few.clear();
        }
        let all = (!alone).then(|| self.index(debug, name).named(debug, name, exact, wanted));
        let few = few.into_iter().filter_map(|unit| debug.names_of(unit));
        few.flat_map(move |index| index.named(debug, name, exact, |_| true)).chain(all.into_iter().flatten())
    }

    /// An index that has at least all entries called `name`.
    fn index(&self, debug: &DebugInfo, name: &str) -> &NameIndex {
        let last = qualified::split(name).1;
        let known = |slot: &'_ &OnceLock<(Box<str>, NameIndex)>| match slot.get() {
            Some((name, _)) => &**name == last,
            None => false,
        };
        if let Some(all) = self.all.get() {
            return all;
        }
        let found = self.sought.iter().find(known).or_else(|| {
            let free = self.sought.iter().find(|slot| slot.get().is_none())?;
            let needles =
                Needles::new(last, &debug.dwarf).filter(|_| is_large(debug) && debug.stands_in_one_file())?;
            let _ = free.set((last.into(), search(debug, &needles)));
            // Another thread may have looked for another name in the meantime.
            Some(free).filter(known)
        });
        let found = found.and_then(|slot| slot.get());
        found.map_or_else(|| self.all.get_or_init(|| of_all(debug)), |(_, index)| index)
    }
}

fn is_large(debug: &DebugInfo) -> bool {
    use gimli::Section;
    debug.dwarf.debug_info.reader().slice().len() >= seek::LARGE
}

fn of_all(debug: &DebugInfo) -> NameIndex {
    NameIndex::build(debug, Vec::new(), (0..debug.unit_count()).into_par_iter())
}

fn search(debug: &DebugInfo, needles: &Needles) -> NameIndex {
    let may_have_it = |unit: &usize| debug.bytes_of(*unit).is_some_and(|bytes| needles.are_in(bytes));
    NameIndex::build(debug, Vec::new(), (0..debug.unit_count()).into_par_iter().filter(may_have_it))
}

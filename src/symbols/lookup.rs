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
            if !is_large(debug) || !debug.stands_in_one_file() {
                return None;
            }
            let needles = Needles::new(last, &debug.dwarf)?;
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

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test compiles its program, and fails by panicking"
)]
mod tests {
    use super::*;
    use crate::symbols::Image;
    use crate::symbols::tests::Leaked;

    const ONE: &str = r"
namespace shop { struct Cart { int total; int add(int); static int carts; };
template <class T> T twice(T x) { return x + x; } enum Colour { RED, GREEN }; }
int shop::Cart::add(int n) { return total += shop::twice(n); }
int shop::Cart::carts = 3;
static int same(int n) { return n + shop::RED; }
typedef unsigned long word;
namespace { word hidden = 4; }
inline __attribute__((always_inline)) int inlined(int n) { static volatile int seen; seen = n; return n * 3; }
int reopen(int n) { return same(n) + hidden + inlined(n); }
";
    const TWO: &str = r"
static long same(long n) { return n - 1; }
extern int reopen(int);
inline __attribute__((always_inline)) int inlined(int n) { static volatile int seen; seen = n; return n * 3; }
struct open { int fd; open(); ~open(); };
open::open() : fd(0) {} open::~open() { reopen(fd); }
int f(int n) { return same(n) + inlined(n); }
";

    /// Both ways to the entries called `name`.
    fn both(debug: &DebugInfo, index: &NameIndex, name: &str) -> Option<[Vec<(usize, String)>; 2]> {
        let needles = Needles::new(qualified::split(name).1, &debug.dwarf)?;
        let sought = search(debug, &needles);
        Some([index, &sought].map(|index| {
            let found = index.named(debug, name, false, |_| true);
            let mut found: Vec<_> = found.map(|at| (at.offset, format!("{:?}", at.kind))).collect();
            found.sort();
            found
        }))
    }

    #[test]
    fn a_search_finds_what_the_index_has() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("one.cc", ONE), ("two.cc", TWO)] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        for flags in [&["-g", "-O0"][..], &["-g", "-O2"], &["-gdwarf-4", "-O1", "-gz=zlib"]] {
            let mut compiler = std::process::Command::new("c++");
            compiler
                .current_dir(dir.path())
                .args(flags)
                .args(["-shared", "-fPIC", "one.cc", "two.cc", "-o", "t.so"]);
            assert!(compiler.status().unwrap().success());
            let image = Image::open(&dir.path().join("t.so"), &[], &Leaked).unwrap();
            let debug = image.debug().unwrap();
            let index = of_all(debug);
            let mut found = 0;
            for name in [
                "same",
                "reopen",
                "open",
                "~open",
                "fd",
                "add",
                "shop::Cart::add",
                "Cart",
                "shop::Cart",
                "twice",
                "RED",
                "GREEN",
                "Colour",
                "word",
                "hidden",
                "inlined",
                "carts",
                "int",
                "nowhere",
                "shop",
            ] {
                let [by_index, by_search] = both(debug, &index, name).unwrap();
                assert_eq!(by_index, by_search, "{name} with {flags:?}");
                found += by_index.len();
            }
            assert!(found > 15, "{found}");
            assert!(both(debug, &index, "twice<int>").is_none());
        }
    }

    #[test]
    fn copies_are_found_in_the_unit_of_their_function() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("one.cc"), ONE).unwrap();
        std::fs::write(dir.path().join("two.cc"), TWO).unwrap();
        let mut compiler = std::process::Command::new("c++");
        compiler
            .current_dir(dir.path())
            .args(["-g", "-O2", "-shared", "-fPIC", "one.cc", "two.cc", "-o", "t.so"]);
        assert!(compiler.status().unwrap().success());
        let image = Image::open(&dir.path().join("t.so"), &[], &Leaked).unwrap();
        let debug = image.debug().unwrap();
        let all = super::super::names::instances(debug, (0..debug.unit_count()).into_par_iter());
        let inlined: Vec<NameEntry> = debug.named("inlined").filter(|entry| entry.inline).collect();
        assert_eq!(inlined.len(), 2);
        for entry in &inlined {
            let copies = debug.inlined_instances(entry);
            assert_eq!(Some(copies), all.get(&entry.offset).map(Vec::as_slice));
            assert!(!copies.is_empty());
        }
    }
}

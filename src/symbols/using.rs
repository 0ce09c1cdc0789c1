//! What `using` brings into a scope: `using geo::Point;`, `using namespace geo;`, `namespace fs = std::filesystem;`.
//!
//! The compiler writes it down as imported declarations and modules (DWARF 5, section 3.2.3). It knows one unit at a
//! time, and what is said outside of functions apart from what a function's blocks say.

use gimli::constants as dw;
use rustc_hash::FxHashSet;

use super::debug::DebugInfo;
use super::dies::{Die, Language};
use super::qualified;
use super::types::DieRef;

/// One `using`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Using {
    /// The scope that it stands in; empty for the outermost.
    pub around: Box<str>,
    /// The full name of what it brings.
    pub of: Box<str>,
    /// What that is called here; nothing when all of a namespace is brought.
    pub named: Option<Box<str>>,
}

/// What a unit of C++ says of its scopes.
#[derive(Clone, Debug, Default)]
pub struct Spaces {
    /// Its `using`s outside of functions.
    pub using: Vec<Using>,
    /// The full names of its namespaces.
    pub namespaces: FxHashSet<Box<str>>,
}

/// Namespaces nest no deeper than this.
const MAX_DEPTH: usize = 32;

/// What stands outside of the functions of a unit of C++.
#[must_use]
pub fn of_unit(dies: &DebugInfo, unit: usize) -> Spaces {
    let mut found = Spaces::default();
    let root = dies.unit(unit).and_then(|unit| {
        let at = unit.header.debug_info_offset()?.0 + unit.header.root_offset().0;
        Die::open(dies, DieRef { offset: at })
    });
    if let Some(root) = root.filter(|root| root.language() == Language::Cplus) {
        collect(dies, &root, "", MAX_DEPTH, &mut found);
    }
    found
}

/// What stands right in a function or block.
#[must_use]
pub fn of_block(dies: &DebugInfo, at: DieRef) -> Vec<Using> {
    let mut found = Spaces::default();
    if let Some(die) = Die::open(dies, at).filter(|die| die.language() == Language::Cplus) {
        collect(dies, &die, "", 1, &mut found);
    }
    found.using
}

fn collect(dies: &DebugInfo, scope: &Die<'_>, around: &str, depth: usize, found: &mut Spaces) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for child in scope.children() {
        match child.entry.tag() {
            dw::DW_TAG_namespace => {
                if let Some(name) = child.name() {
                    let full = joined(around, &name);
                    collect(dies, &child, &full, depth, found);
                    found.namespaces.insert(full.into());
                }
            }
            tag @ (dw::DW_TAG_imported_declaration | dw::DW_TAG_imported_module) => {
                let Some((of, last)) = child.reference(dw::DW_AT_import).and_then(|at| full_name(dies, at))
                else {
                    continue;
                };
                let named = (tag == dw::DW_TAG_imported_declaration).then(|| child.name().unwrap_or(last));
                found.using.push(Using { around: around.into(), of: of.into(), named });
            }
            _ => {}
        }
    }
}

/// The full name of an entry, and its last part.
fn full_name(dies: &DebugInfo, at: DieRef) -> Option<(String, Box<str>)> {
    let die = Die::open(dies, at)?;
    let last = die.inherited(dies, &mut |die| die.name())?;
    let scope = die.inherited(dies, &mut |die| dies.scope_of(die.at().offset)).unwrap_or_default();
    Some((joined(scope, &last), last))
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}::{name}") }
}

/// The full names that `name` may mean where these count, beside what it says itself.
#[must_use]
pub fn meanings(all: &[Using], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let parts = qualified::parts(name);
    for known in 0..parts.len() {
        let (scope, rest) = (parts[..known].join("::"), &parts[known..]);
        for using in all.iter().filter(|using| *using.around == *scope) {
            let meant = match &using.named {
                None => format!("{}::{}", using.of, rest.join("::")),
                Some(named) if **named == *rest[0] => std::iter::once(&*using.of)
                    .chain(rest[1..].iter().copied())
                    .collect::<Vec<_>>()
                    .join("::"),
                Some(_) => continue,
            };
            if !found.contains(&meant) && meant != name {
                found.push(meant);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_what_was_brought() {
        let using = |around: &str, of: &str, named: Option<&str>| Using {
            around: around.into(),
            of: of.into(),
            named: named.map(Into::into),
        };
        let all = [
            using("", "geo::Point", Some("Point")),
            using("", "std::filesystem", Some("fs")),
            using("", "lib", None),
            using("a", "b::c", None),
            using("std", "memcpy", Some("memcpy")),
        ];
        assert_eq!(meanings(&all, "Point"), ["geo::Point", "lib::Point"]);
        assert_eq!(meanings(&all, "fs::path"), ["std::filesystem::path", "lib::fs::path"]);
        assert_eq!(meanings(&all, "a::x"), ["lib::a::x", "b::c::x"]);
        assert_eq!(meanings(&all, "std::memcpy"), ["lib::std::memcpy", "memcpy"]);
    }
}

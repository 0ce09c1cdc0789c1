//! The functions, variables and types that debug info defines outside of functions, each with the place of its declaration.
//!
//! All of them are read when somebody asks for a list; nothing is kept.

use std::sync::Arc;

use gimli::constants as dw;
use rayon::prelude::*;

use super::dies::{Die, Language};
use super::printed;
use super::qualified::ANONYMOUS;
use super::typeload::TypeTable;
use super::types::{DieRef, Kind, Type};

/// What is listed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Functions with code of their own.
    Functions,
    /// Variables that exist somewhere.
    Variables,
    /// Types that have a name, and namespaces, which count as such.
    Types,
}

/// A function, variable or type.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The source file, as its unit has it.
    pub file: String,
    /// The line.
    pub line: u32,
    /// Other files do not see it; gdb says so of C's types, and of names and numbers in C++.
    pub private: bool,
    /// Its full name; in C++ a function's has the parameters.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// Scopes nest no deeper than this.
const MAX_DEPTH: usize = 32;

/// All that a file defines whose name `wanted` takes.
#[must_use]
pub fn declared(
    table: &Arc<TypeTable>,
    kind: Listed,
    wanted: &(dyn Fn(&str) -> bool + Sync),
) -> Vec<Declared> {
    let dies = table.dies();
    let of_unit = |index: usize| {
        let mut found = Vec::new();
        let root = dies.unit(index).and_then(|unit| {
            let at = unit.header.debug_info_offset()?.0 + unit.header.root_offset().0;
            Die::open(dies, DieRef { offset: at })
        });
        if let Some(root) = root {
            Reader { table, kind, wanted, unit: index }.read(&root, "", MAX_DEPTH, &mut found);
        }
        found
    };
    (0..dies.unit_count()).into_par_iter().flat_map_iter(of_unit).collect()
}

struct Reader<'a> {
    table: &'a Arc<TypeTable>,
    kind: Listed,
    wanted: &'a (dyn Fn(&str) -> bool + Sync),
    unit: usize,
}

impl Reader<'_> {
    fn read(&self, scope: &Die<'_>, around: &str, depth: usize, found: &mut Vec<Declared>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        for child in scope.children() {
            match child.entry.tag() {
                dw::DW_TAG_subprogram if self.kind == Listed::Functions && has_code(&child) => {
                    found.extend(self.one(&child, around));
                }
                dw::DW_TAG_variable if self.kind == Listed::Variables && has_place(&child) => {
                    found.extend(self.one(&child, around));
                }
                tag if is_scope(tag) => {
                    if self.kind == Listed::Types {
                        found.extend(self.of_type(&child, around));
                    }
                    if child.is_cplus() {
                        let name = child.name().map_or_else(|| ANONYMOUS.to_owned(), String::from);
                        self.read(&child, &joined(around, &name), depth, found);
                    }
                }
                dw::DW_TAG_typedef
                | dw::DW_TAG_base_type
                | dw::DW_TAG_enumeration_type
                | dw::DW_TAG_unspecified_type
                    if self.kind == Listed::Types =>
                {
                    found.extend(self.of_type(&child, around));
                }
                _ => {}
            }
        }
    }

    fn one(&self, die: &Die<'_>, around: &str) -> Option<Declared> {
        let dies = self.table.dies();
        let plain = die.inherited(dies, &mut |die| die.name())?;
        // What is defined outside of its class or namespace says with its declaration where it belongs.
        let scope = |die: &Die<'_>| dies.scope_of(die.at().offset).map(str::to_owned);
        let around = match die.is_cplus() && around.is_empty() {
            true => die.inherited(dies, &mut |die| scope(die)).unwrap_or_default(),
            false => around.to_owned(),
        };
        let linkage = die.inherited(dies, &mut |die| die.text(dw::DW_AT_linkage_name));
        let mangled =
            linkage.as_ref().filter(|_| die.language() == Language::Cplus && self.kind == Listed::Functions);
        let name = match mangled.and_then(|name| printed::function(name)) {
            Some(full) => full,
            None if die.language() == Language::Cplus && self.kind == Listed::Functions => {
                format!("{}{}", joined(&around, &plain), self.parameters(die))
            }
            // In C the linker's name counts where it differs, as in frames.
            None if !die.is_cplus() && self.kind == Listed::Functions => {
                linkage.as_deref().map_or_else(|| joined(&around, &plain), str::to_owned)
            }
            None => joined(&around, &plain),
        };
        if !(self.wanted)(&name) {
            return None;
        }
        let external = die.inherited(dies, &mut |die| die.flag(dw::DW_AT_external).then_some(())).is_some();
        let (file, line) = self.place(die);
        let ty = match self.kind {
            Listed::Variables => self.table.type_of(die).get(),
            _ => self.table.get(die.at()),
        };
        Some(Declared { file, line, private: !external, name, ty })
    }

    /// A type with a name, or a namespace.
    fn of_type(&self, die: &Die<'_>, around: &str) -> Option<Declared> {
        let tag = die.entry.tag();
        let namespace = tag == dw::DW_TAG_namespace;
        let declared = die.flag(dw::DW_AT_declaration) && die.attr(dw::DW_AT_byte_size).is_none();
        if declared && !namespace {
            return None;
        }
        let plain = die.name();
        let spelled = |plain: &str| joined(around, plain);
        let ty = match namespace {
            true => Type::new(Kind::Unspecified(spelled(plain.as_deref().unwrap_or(ANONYMOUS)).into())),
            false => self.table.get(die.at()),
        };
        let name = match ty.kind() {
            Kind::Record(record) => record.name.as_deref()?.to_owned(),
            Kind::Typedef { name, .. } | Kind::Unspecified(name) => name.to_string(),
            Kind::Base(base) => base.name.to_string(),
            _ => spelled(&plain?),
        };
        if !(self.wanted)(&name) {
            return None;
        }
        let (file, line) = self.place(die);
        // gdb's new_symbol (dwarf2/read.c): all of a program sees the classes of C++.
        let class = is_scope(tag) || tag == dw::DW_TAG_enumeration_type;
        let public = namespace || class && die.language() == Language::Cplus;
        Some(Declared { file, line, private: !public, name, ty })
    }

    /// Where something is declared; what says nothing is of the unit's own file.
    fn place(&self, die: &Die<'_>) -> (String, u32) {
        let dies = self.table.dies();
        let number = |which| die.inherited(dies, &mut |die: &Die<'_>| die.unsigned(which));
        let file = number(dw::DW_AT_decl_file).or_else(|| file_index(die, dies));
        let lines = dies.line_table(self.unit);
        let file = file.zip(lines).and_then(|(file, lines)| Some(lines.file(u32::try_from(file).ok()?)));
        let unit = || {
            let name = dies.unit(self.unit)?.unit.name?;
            Some(String::from_utf8_lossy(name.slice()).into_owned())
        };
        let file = file.map(|file| file.to_string()).or_else(unit).unwrap_or_default();
        (file, number(dw::DW_AT_decl_line).and_then(|line| u32::try_from(line).ok()).unwrap_or(0))
    }
}

/// What names belong to.
fn is_scope(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_namespace | dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type
    )
}

impl Reader<'_> {
    /// `(int, char**)`, as C++ writes the parameters of a function that the linker has no other name for.
    fn parameters(&self, die: &Die<'_>) -> String {
        let ty = self.table.get(die.at());
        let Kind::Function(function) = ty.kind() else { return String::new() };
        let names =
            function.parameters.iter().map(|of| of.get().name().replace(" *", "*").replace(" &", "&"));
        format!("({})", names.collect::<Vec<_>>().join(", "))
    }
}

/// gimli gives a file's number a type of its own.
fn file_index(die: &Die<'_>, dies: &super::debug::DebugInfo) -> Option<u64> {
    die.inherited(dies, &mut |die| match die.attr(dw::DW_AT_decl_file) {
        Some(gimli::AttributeValue::FileIndex(index)) => Some(index),
        _ => None,
    })
}

fn joined(around: &str, name: &str) -> String {
    if around.is_empty() { name.to_owned() } else { format!("{around}::{name}") }
}

fn has_code(die: &Die<'_>) -> bool {
    let low = die.attr(dw::DW_AT_low_pc).and_then(|low| die.unit.attr_address(low).ok().flatten());
    low.is_some_and(|low| low != 0) || die.attr(dw::DW_AT_ranges).is_some()
}

fn has_place(die: &Die<'_>) -> bool {
    let place = die.attr(dw::DW_AT_location).is_some() || die.attr(dw::DW_AT_const_value).is_some();
    place && !die.flag(dw::DW_AT_declaration)
}

/// The paths of all source files that a file's debug info names, each once: those of a unit together, its own first.
#[must_use]
pub fn sources(dies: &super::debug::DebugInfo) -> Vec<String> {
    let of_unit = |index: usize| {
        let Some(unit) = dies.unit(index) else { return Vec::new() };
        let text = |text: Option<super::Slice>| text.map(|text| text.to_string_lossy().into_owned());
        let folder = text(unit.comp_dir).unwrap_or_default();
        let own = text(unit.name).unwrap_or_default();
        let others = dies.line_table(index).map(|lines| lines.files().to_vec()).unwrap_or_default();
        let all = std::iter::once(own).chain(others.iter().map(|file| file.to_string()));
        all.filter(|file| !file.is_empty())
            .map(|file| if file.starts_with('/') { file } else { format!("{folder}/{file}") })
            .collect::<Vec<String>>()
    };
    let all: Vec<String> = (0..dies.unit_count()).into_par_iter().flat_map_iter(of_unit).collect();
    let mut seen = rustc_hash::FxHashSet::default();
    all.into_iter().filter(|path| seen.insert(path.clone())).collect()
}

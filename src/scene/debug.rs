//! The debug info of one module as the scene uses it: types, scopes and lines behind one door, remembered.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::addr::{Addr, FileAddr};
use crate::symbols::listed::{self, Declared, Listed};
use crate::symbols::scopes::Scopes;
use crate::symbols::typeload::TypeTable;
use crate::symbols::types::{DieRef, Type};
use crate::symbols::using::{self, Spaces};
use crate::symbols::{DebugInfo, Module, NameEntry, NameKind};

use super::linkmap::Loaded;

/// What a scene remembers between two looks: types, scopes and names do not change while a file stays loaded.
#[derive(Default)]
pub struct SceneCaches {
    modules: RefCell<FxHashMap<usize, Rc<ModuleDebug>>>,
    /// Whether a function may come to call itself through jumps at its end: its entry values mean nothing.
    pub(crate) selftail: RefCell<FxHashMap<Addr, bool>>,
    /// `set backtrace past-main`.
    pub past_main: Cell<bool>,
    /// `set language`: the language whose rules count in every frame.
    pub language: Cell<Option<&'static str>>,
    /// Whether it was told that this is not the language of the frame: gdb says so once.
    pub language_told: Cell<bool>,
    /// The linker's list, and the mapping count for which it was read.
    pub(crate) libraries: RefCell<Option<(usize, Rc<Vec<Loaded>>)>>,
}

/// Types and scopes of one file.
pub(crate) struct ModuleDebug {
    pub(crate) table: Arc<TypeTable>,
    pub(crate) scopes: Scopes,
    /// Rust's tables of methods by their addresses, once somebody asked for one.
    pub(super) tables: OnceCell<FxHashMap<FileAddr, DieRef>>,
    debug: Arc<DebugInfo>,
    /// The scopes of each unit that was asked for.
    using: RefCell<FxHashMap<usize, Rc<Spaces>>>,
}

impl SceneCaches {
    /// The loader's list has changed: it is read again when it is needed.
    pub fn forget_libraries(&self) {
        *self.libraries.borrow_mut() = None;
    }

    /// The debug info of a module, if it has any.
    pub(crate) fn debug(&self, module: &Module) -> Option<Rc<ModuleDebug>> {
        let debug = module.image.as_ref()?.debug()?;
        // The debug info is kept in the entry, so its address is not used for another one.
        let key = Arc::as_ptr(debug) as usize;
        let make = || {
            let table = TypeTable::new(debug.clone());
            let scopes = Scopes::new(debug.clone());
            Rc::new(ModuleDebug {
                table,
                scopes,
                tables: OnceCell::new(),
                debug: debug.clone(),
                using: RefCell::default(),
            })
        };
        Some(self.modules.borrow_mut().entry(key).or_insert_with(make).clone())
    }
}

impl ModuleDebug {
    pub(crate) fn dies(&self) -> &DebugInfo {
        &self.debug
    }

    /// What a unit says of its scopes.
    pub(crate) fn using(&self, unit: usize) -> Rc<Spaces> {
        let read = || Rc::new(using::of_unit(&self.debug, unit));
        self.using.borrow_mut().entry(unit).or_insert_with(read).clone()
    }

    /// A file of the unit at `pc` by its index: its name in the debug info, and as a path.
    pub(crate) fn file(&self, pc: FileAddr, index: u64) -> Option<(String, Option<String>)> {
        let (name, directory) = self.scopes.file(pc, index)?;
        Some((name.to_string(), full_path(&name, &directory)))
    }

    /// The entries outside of functions that are called `name`: variables, functions, and the enumerations that
    /// have a constant of this name.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = DieRef> + 'a {
        self.named_in(name, false, |_| true)
    }

    /// Those of the units that `wanted` takes; of an `exact` name no outer scope is left out.
    pub(crate) fn named_in<'a>(
        &'a self,
        name: &'a str,
        exact: bool,
        wanted: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = DieRef> + 'a {
        let kinds = |entry: &NameEntry| {
            matches!(entry.kind, NameKind::Variable | NameKind::Function | NameKind::Enumerator)
        };
        self.debug.named_in(name, exact, wanted).filter(kinds).map(|entry| DieRef { offset: entry.offset })
    }

    /// The type with this full name that one of the units has which `wanted` takes.
    pub(crate) fn type_in(&self, name: &str, wanted: impl Fn(usize) -> bool) -> Option<Type> {
        let mut found = self.debug.named_in(name, true, wanted);
        let entry = found.find(|entry| matches!(entry.kind, NameKind::Type | NameKind::Alias))?;
        Some(self.table.get(DieRef { offset: entry.offset }))
    }

    /// A declaration of a variable that is defined elsewhere.
    pub(crate) fn declared(&self, name: &str) -> Option<DieRef> {
        let entry = self.debug.named(name).find(|entry| entry.kind == NameKind::Declaration)?;
        Some(DieRef { offset: entry.offset })
    }
}

/// A source file's path, when the debug info says enough for one.
pub(crate) fn full_path(name: &str, directory: &str) -> Option<String> {
    match (name.starts_with('/'), directory.starts_with('/')) {
        (true, _) => Some(name.to_owned()),
        (false, true) => Some(format!("{directory}/{name}")),
        _ => None,
    }
}

impl super::Scene<'_> {
    /// All functions or variables of all modules with debug info whose full names `wanted` takes.
    #[must_use]
    pub fn declared(&self, kind: Listed, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Vec<Declared> {
        let tables = self.modules.iter().filter_map(|module| self.caches.debug(module));
        tables.flat_map(|debug| listed::declared(&debug.table, kind, wanted)).collect()
    }

    /// Whether both addresses are code of one unit of the source.
    #[must_use]
    pub fn same_unit(&self, a: Addr, b: Addr) -> bool {
        let unit = |at: Addr| {
            let module = self.modules.at(at)?;
            let debug = self.caches.debug(module)?;
            Some((module.bias, debug.dies().unit_index_at(FileAddr(at.0.wrapping_sub(module.bias)))?))
        };
        unit(a).is_some_and(|of| unit(b) == Some(of))
    }
}

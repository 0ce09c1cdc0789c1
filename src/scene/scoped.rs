//! What code at a place can name, and where the debug info says that it is, whether the program runs or not.

use crate::addr::{Addr, FileAddr};
use crate::symbols::described::{Described, described};
use crate::symbols::scopes::FunctionScope;
use crate::symbols::vars::{self, Variable};

use super::Scene;
use super::debug::ModuleDebug;
use super::frame::Frame;

/// A variable of a scope.
#[derive(Clone, Debug)]
pub struct Scoped {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: Described,
    /// How far running addresses are from those of the file.
    pub bias: u64,
    /// Its size in bytes.
    pub size: u64,
}

impl Scene<'_> {
    /// The variables of the blocks around an address, up to those of the function, as gdb lists them.
    #[must_use]
    pub fn scope_at(&self, at: Addr) -> Vec<Scoped> {
        let found = || {
            let module = self.modules.at(at)?;
            let debug = self.caches.debug(module)?;
            let here = FileAddr(at.0.wrapping_sub(module.bias));
            let scopes = debug.scopes.at(here);
            let scope = scopes.first()?;
            let frame_of = scopes.last().map_or(scope.die, |outer| outer.die);
            let blocks = scope.blocks.iter().rev().chain([&scope.die]).chain(&scope.loose);
            let variables = vars::variables_of(&debug.table, blocks.copied());
            let place = |variable: Variable| Scoped {
                place: described(&debug.table, variable.die, Some(frame_of), here, module.bias),
                bias: module.bias,
                size: variable.ty.get().size(),
                name: variable.name.into(),
            };
            Some(variables.into_iter().map(place).collect())
        };
        found().unwrap_or_default()
    }

    /// Where the variable is that a name means in a frame, if it is one of its function's.
    #[must_use]
    pub fn place_of_local(&self, frame: &Frame, name: &str) -> Option<Scoped> {
        let (scope, debug): (&FunctionScope, &ModuleDebug) =
            (frame.function()?, frame.physical.debug.as_ref()?);
        let mut blocks = scope.blocks.iter().rev().chain([&scope.die]).chain(&scope.loose);
        let variable = blocks.find_map(|block| {
            vars::variables_in(&debug.table, *block).into_iter().find(|variable| &*variable.name == name)
        })?;
        let outer = frame.physical.function().map_or(scope.die, |function| function.die);
        let bias = frame.physical.bias;
        Some(Scoped {
            place: described(&debug.table, variable.die, Some(outer), frame.physical.file_lookup(), bias),
            bias,
            size: variable.ty.get().size(),
            name: name.to_owned(),
        })
    }
}

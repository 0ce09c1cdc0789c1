//! What C++ adds to the meaning of names: members of `this`, scopes around a function, static members.

use super::Scene;
use super::frame::Frame;
use super::print::Names;
use super::value::{Value, ValueError};
use crate::addr::{Addr, FileAddr};
use crate::symbols::qualified;
use crate::symbols::types::{Kind, Type};
use crate::symbols::using;
use crate::symbols::vars;

impl Frame {
    /// The scopes that its function's code sees, innermost first: `a::B`, then `a`.
    #[must_use]
    pub(super) fn scopes(&self) -> Vec<String> {
        let name = self.function().and_then(|scope| scope.name.as_deref()).unwrap_or_default();
        let mut parts = qualified::parts(name);
        let mut found = Vec::new();
        while parts.pop().is_some() && !parts.is_empty() {
            found.push(parts.join("::"));
        }
        found
    }

    /// A name with each of those scopes in front, and without.
    pub(super) fn scopes_of(&self, name: &str) -> Vec<String> {
        self.scopes().iter().map(|scope| format!("{scope}::{name}")).chain([name.to_owned()]).collect()
    }
}

impl Scene<'_> {
    /// The full names that `using` gives a name the meaning of, in a frame.
    pub(super) fn brought(&self, frame: &Frame, name: &str) -> Vec<String> {
        let Some(debug) = &frame.physical.debug else { return Vec::new() };
        let unit = debug.dies().unit_index_at(frame.physical.file_lookup());
        let Some(unit) = unit.filter(|unit| debug.dies().language(*unit) == Some("c++")) else {
            return Vec::new();
        };
        let function = frame.function();
        let blocks = function.map(|scope| scope.blocks.iter().rev().chain([&scope.die]).chain(&scope.loose));
        let inside = blocks.into_iter().flatten().flat_map(|block| using::of_block(debug.dies(), *block));
        let mut found = using::meanings(&inside.collect::<Vec<_>>(), name);
        let all = &debug.using(unit).using;
        found.extend(frame.scopes_of(name).iter().flat_map(|name| using::meanings(all, name)));
        // What was brought may bring something itself.
        let more: Vec<String> = found.iter().flat_map(|name| using::meanings(all, name)).collect();
        found.extend(more);
        found
    }

    /// Whether a name means a local variable or a member of `this`.
    pub(super) fn is_local(&self, frame: &Frame, name: &str) -> bool {
        self.local(frame, name).or_else(|| self.member_of_this(frame, name)).is_some()
    }

    /// The member that a bare name means inside of a method.
    pub(super) fn member_of_this(&self, frame: &Frame, name: &str) -> Option<Value> {
        let this = self.local(frame, "this")?;
        self.member(&this.deref(self.memory()).ok()?, name).ok()
    }

    /// A record's member by name, static ones too.
    ///
    /// # Errors
    /// As [`Value::member`].
    pub fn member(&self, of: &Value, name: &str) -> Result<Value, ValueError> {
        match of.member(name, self.memory()) {
            Err(ValueError::Static(full)) => self.global(&full).ok_or(ValueError::Static(full)),
            // A method is no member of the object, but of its class.
            Err(ValueError::NoMember(name)) => self.method(of, &name).ok_or(ValueError::NoMember(name)),
            other => other,
        }
    }
}

impl Scene<'_> {
    /// The linker's name of the function that begins at an address, as its debug info has it.
    fn linkage_name_at(&self, at: Addr) -> Option<String> {
        let module = self.modules.at(at)?;
        let debug = self.caches.debug(module)?;
        let here = module.linked(at);
        let die = debug.scopes.at(here).last().filter(|scope| scope.entry == here)?.die;
        vars::function_at(debug.dies(), die).1.map(String::from)
    }

    /// A name of C++ that the linker does not know in another form, such as `main`, has its parameters all the same.
    fn with_parameters(&self, name: String, at: Addr) -> String {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let found = if plain && !name.starts_with("_Z") { self.parameters_at(at) } else { None };
        match found {
            Some((scope, parameters)) if !scope.is_empty() => format!("{scope}::{name}{parameters}"),
            Some((_, parameters)) => name + &parameters,
            None => name,
        }
    }

    /// The scope of a function of C++ that begins at an address, and `(int, char**)`.
    fn parameters_at(&self, at: Addr) -> Option<(String, String)> {
        let module = self.modules.at(at)?;
        let debug = self.caches.debug(module)?;
        let here = FileAddr(at.0.wrapping_sub(module.bias));
        if debug.dies().language(debug.dies().unit_index_at(here)?) != Some("c++") {
            return None;
        }
        let ty = self.function_type(at)?;
        let Kind::Function(function) = ty.kind() else { return None };
        let names: Vec<String> = function.parameters.iter().map(|of| of.get().name()).collect();
        let written = names.join(", ");
        let die = debug.scopes.at(here).last()?.die;
        let scope = debug.dies().scope_of(vars::declared_at(debug.dies(), die).offset).unwrap_or_default();
        // gdb cannot read types of functions and lambdas among arguments of templates, and leaves them as they are.
        let readable = |text: &str| !text.replace(qualified::ANONYMOUS, "").contains(['(', '{']);
        if !readable(&written) || !readable(scope) {
            return Some((scope.to_owned(), format!("({written})")));
        }
        let canonical = qualified::canonical(&format!("p<{written}>")).replace(" *", "*").replace(" &", "&");
        let inside = canonical.strip_prefix("p<").and_then(|rest| rest.strip_suffix('>'))?;
        Some((scope.to_owned(), format!("({})", inside.trim_end())))
    }

    fn method(&self, of: &Value, name: &str) -> Option<Value> {
        let object = if of.ty().is_record() { of.ty().clone() } else { of.ty().target()? };
        let stripped = object.strip();
        let Kind::Record(record) = stripped.kind() else { return None };
        record.name.as_ref()?;
        self.global(&record.static_name(name)).filter(|method| method.ty().is_function())
    }
}

impl Names for Scene<'_> {
    fn type_of_table(&self, table: Addr) -> Option<Type> {
        Scene::type_of_table(self, table)
    }

    fn name_of(&self, at: Addr) -> Option<(String, u64)> {
        let (name, offset) = Names::name_of(self.modules, at)?;
        Some((self.with_parameters(name, at.sub(offset)), offset))
    }

    fn class(&self, name: &str) -> Option<Type> {
        self.modules.iter().find_map(|module| self.caches.debug(module)?.type_in(name, |_| true))
    }

    fn linker_name_of(&self, at: Addr) -> Option<(String, u64)> {
        let (name, offset) = Names::linker_name_of(self.modules, at)?;
        // Of a constructor's names the debug info's counts.
        let known = if name.starts_with("_Z") { self.linkage_name_at(at.sub(offset)) } else { None };
        if let Some(known) = known.filter(|known| self.modules.is_alias(at.sub(offset), known)) {
            return Some((known, offset));
        }
        Some((self.with_parameters(name, at.sub(offset)), offset))
    }

    fn global(&self, name: &str) -> Option<Value> {
        Scene::global(self, name)
    }
}

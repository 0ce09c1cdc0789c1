//! `scope::name` in C++ where it is no variable: members of classes, and in which words there is none.
//!
//! The words are gdb 13.1's (valops.c, `value_aggregate_elt`, and c-exp.y).

use super::ExprError;
use super::eval::Context;
use crate::addr::FileAddr;
use crate::scene::value::{Value, ValueError};
use crate::symbols::qualified;
use crate::symbols::types::{Kind, Record, Role, Type};

/// Classes derive no deeper than this.
const MAX_DEPTH: u32 = 32;

impl Context<'_> {
    /// What `scope::name` means as a part of a class, an enumeration or a namespace; nothing when the scope is none.
    pub(super) fn in_scope(&self, scope: &str, name: &str) -> Option<Result<Value, ExprError>> {
        if !self.is_cplus() {
            return None;
        }
        if let Ok(ty) = self.type_called(scope) {
            let ty = ty.strip();
            return match ty.kind() {
                Kind::Record(record) => {
                    let found = self.in_class(record, name, MAX_DEPTH);
                    Some(found.unwrap_or_else(|| Err(ExprError::NoField(name.to_owned()))))
                }
                Kind::Enum(_) => Some(Err(ExprError::NoConstant(name.to_owned(), ty.name()))),
                _ => None,
            };
        }
        if let Some(space) = self.namespace(scope) {
            return Some(Err(ExprError::NotInNamespace(name.to_owned(), space)));
        }
        let parts = qualified::parts(scope);
        let known = (1..parts.len()).rev().find(|known| {
            let outer = parts[..*known].join("::");
            self.namespace(&outer).is_some() || self.type_called(&outer).is_ok()
        })?;
        let within = ExprError::NoTypeWithin(parts[known].to_owned(), parts[..known].join("::"));
        Some(Err(within))
    }

    fn in_class(&self, record: &Record, name: &str, depth: u32) -> Option<Result<Value, ExprError>> {
        let depth = depth.checked_sub(1)?;
        if record.table_entry(name).is_some() {
            return Some(Err(ExprError::VirtualMember(name.to_owned())));
        }
        match record.members.iter().find(|member| member.name.as_deref() == Some(name)) {
            Some(member) if member.role == Role::Data => return Some(self.in_this(record, name)),
            _ => {
                if let Ok(value) = self.scene.variable(None, &record.static_name(name)) {
                    return Some(Ok(value));
                }
            }
        }
        record.bases().find_map(|base| match base.ty.get().strip().kind() {
            Kind::Record(base) => self.in_class(base, name, depth),
            _ => None,
        })
    }

    /// A member of the object whose method the frame runs, as the class has it that was named.
    fn in_this(&self, record: &Record, name: &str) -> Result<Value, ExprError> {
        let found = || {
            let this = self.scene.local(self.frame?, "this")?.deref(self.memory()).ok()?;
            self.as_base(&this, &|class| class.name == record.name, MAX_DEPTH)?
                .member(name, self.memory())
                .ok()
        };
        found().ok_or_else(|| ExprError::NonStatic(name.to_owned()))
    }

    /// The part of an object that is of the class that is `wanted`.
    fn as_base(&self, object: &Value, wanted: &dyn Fn(&Record) -> bool, depth: u32) -> Option<Value> {
        let ty = object.ty().strip();
        let Kind::Record(record) = ty.kind() else { return None };
        if wanted(record) {
            return Some(object.clone());
        }
        let depth = depth.checked_sub(1)?;
        record.bases().find_map(|base| {
            let base = object.component(base, self.memory()).ok()?;
            self.as_base(&base, wanted, depth)
        })
    }

    /// `object.Class::member`.
    pub(super) fn member_as(&self, object: &Value, name: &str) -> Result<Value, ExprError> {
        let (scope, last) = qualified::split(name);
        if scope.is_empty() {
            return Ok(self.scene.member(object, name)?);
        }
        let class = self.type_called(scope)?.strip();
        let Kind::Record(class) = class.kind() else { return Err(ExprError::NoField(last.to_owned())) };
        let part = self.as_base(object, &|record| record.name == class.name, MAX_DEPTH);
        let part = part.ok_or_else(|| ValueError::NoMember(last.to_owned()))?;
        Ok(self.scene.member(&part, last)?)
    }

    /// The full name of a namespace of the frame's unit, or of `main`'s.
    pub(super) fn namespace(&self, name: &str) -> Option<String> {
        if !self.is_cplus() {
            return None;
        }
        let (debug, at) = match self.frame {
            Some(frame) => (frame.physical.debug.clone()?, frame.physical.file_lookup()),
            None => {
                let program = self.scene.modules.program()?;
                let main = program.image.as_ref()?.symbols_named("main").next()?.address;
                (self.scene.caches.debug(program)?, FileAddr(main.0))
            }
        };
        let known = debug.using(debug.dies().unit_index_at(at)?);
        let names = self.frame.map_or_else(|| vec![name.to_owned()], |frame| frame.scopes_of(name));
        let brought = self.frame.map(|frame| self.scene.brought(frame, name)).unwrap_or_default();
        names.into_iter().chain(brought).find(|name| known.namespaces.contains(name.as_str()))
    }

    /// The error for a name that is no value: it may be a type's, or a namespace's.
    pub(super) fn no_value(&self, error: ExprError, name: &str) -> ExprError {
        // The structs of C have names of their own.
        let named = |ty: &Type| match ty.kind() {
            Kind::Record(record) => record.cplus && !record.declaration,
            Kind::Enum(of) => of.cplus,
            _ => true,
        };
        let type_or_space = || self.find_type(name, named).is_some() || self.namespace(name).is_some();
        let unknown = matches!(
            error,
            ExprError::NoSymbol(_)
                | ExprError::NotInNamespace(..)
                | ExprError::NoField(_)
                | ExprError::NoTypeWithin(..)
                | ExprError::NotThere(_)
        );
        if unknown && self.is_cplus() && type_or_space() { ExprError::TypeAsExpression } else { error }
    }

    /// An operator of objects: whether the program has a function for it, which would have to be called.
    pub(super) fn is_overloaded(&self, sign: &str, operands: [&Value; 2]) -> bool {
        let name = format!("operator{sign}");
        operands.iter().any(|value| {
            let ty: Type = value.ty().strip();
            let ty = if let Kind::Reference { to, .. } = ty.kind() { to.get().strip() } else { ty };
            let Kind::Record(record) = ty.kind() else { return false };
            let scope = qualified::split(record.name.as_deref().unwrap_or_default()).0;
            let near = if scope.is_empty() { name.clone() } else { format!("{scope}::{name}") };
            // One that is declared only cannot be called.
            [record.static_name(&name), near, name.clone()].iter().any(|name| {
                self.scene.variable(None, name).is_ok_and(|function| function.address().is_some())
            })
        })
    }
}

//! What expressions mean in C++: scopes, static members, pointers to members, containers and smart pointers.
//!
//! gdb calls the program's operators, or Python's xmethods of libstdc++ (xmethods.py); here what they do is computed
//! from the same things that the printers show, and nothing is called.

use super::ExprError;
use super::ast::{Expr, Op};
use super::eval::Context;
use crate::addr::FileAddr;
use crate::scene::print::{PrintOptions, Printer};
use crate::scene::value::{Value, ValueError};
use crate::symbols::qualified;
use crate::symbols::types::{Function, Kind, POINTER, Role, Type};

impl Context<'_> {
    /// Whether C++'s rules count here: comparisons are `bool`, `true` is a word.
    pub(super) fn is_cplus(&self) -> bool {
        self.language() == "c++"
    }

    /// The language of the frame's code; that of `main` where there is no frame.
    #[must_use]
    pub fn language(&self) -> &'static str {
        if let Some(chosen) = self.scene.caches.language.get() {
            return chosen;
        }
        if let Some(frame) = self.frame {
            return self.scene.language_of(frame).unwrap_or("c");
        }
        let main = || {
            let module = self.scene.modules.program()?;
            let at = module.image.as_ref()?.symbols_named("main").next()?.address;
            let debug = self.scene.caches.debug(module)?;
            debug.dies().language(debug.dies().unit_index_at(FileAddr(at.0))?)
        };
        main().unwrap_or("c")
    }

    /// A register of a pointer to code: in C++ a function without parameters is written with `(void)`.
    pub(super) fn in_language(&self, value: Value) -> Value {
        let ty = match value.ty().kind() {
            Kind::Pointer(to) => to.get(),
            _ => return value,
        };
        match ty.kind() {
            Kind::Function(function) if !function.prototyped && self.is_cplus() => {
                let function = Function { prototyped: true, ..function.clone() };
                value.with_type(Type::new(Kind::Function(function)).pointer())
            }
            _ => value,
        }
    }

    /// `scope::name` where the scope is a type: a constant of an enumeration, a static member, a method.
    pub(super) fn of_type(&self, scope: &str, name: &str) -> Option<Value> {
        let ty = self.type_called(scope).ok()?.strip();
        match ty.kind() {
            Kind::Enum(of) => {
                let (_, value) = of.values.iter().find(|(known, _)| qualified::split(known).1 == name)?;
                Some(Value::integer(ty.clone(), *value))
            }
            Kind::Record(record) => self.scene.variable(None, &record.static_name(name)).ok(),
            _ => None,
        }
    }

    /// An error about operators of objects in the words that gdb has for C++.
    pub(super) fn in_classes(&self, error: ExprError, operands: [&Value; 2]) -> ExprError {
        match error {
            ExprError::NoOperator(sign) if self.is_cplus() && self.is_overloaded(sign, operands) => {
                ExprError::NoCalls(format!("operator{sign}"))
            }
            ExprError::NoOperator(sign) if self.is_cplus() => ExprError::NotFoundOperator(sign),
            error => error,
        }
    }

    /// Whether a class declares a method that only its virtual table knows.
    pub(super) fn is_virtual_method(&self, scope: &str, name: &str) -> bool {
        self.type_called(scope).is_ok_and(|class| match class.strip().kind() {
            Kind::Record(record) => record.table_entry(name).is_some(),
            _ => false,
        })
    }

    /// `&Class::member`.
    pub(super) fn member_pointer(&self, scope: &str, name: &str) -> Option<Value> {
        let class = self.type_called(scope).ok()?;
        let stripped = class.strip();
        let Kind::Record(record) = stripped.kind() else { return None };
        let member = record.members.iter().find(|member| member.name.as_deref() == Some(name));
        if let Some(member) = member {
            let ty = Kind::MemberPointer { to: member.ty.clone(), class: class.clone().into() };
            let data = member.role == Role::Data;
            return data.then(|| Value::integer(Type::new(ty), i128::from(member.offset)));
        }
        let method = self.scene.variable(None, &record.static_name(name)).ok();
        let Some(method) = method else {
            // As in C++, a member of a base class is the base's.
            return record.bases().find_map(|base| match base.ty.get().strip().kind() {
                Kind::Record(base) => self.member_pointer(base.name.as_deref()?, name),
                _ => None,
            });
        };
        let at = method.address()?;
        if !takes_object(method.ty(), &class) {
            return None;
        }
        let ty = Kind::MemberPointer { to: method.ty().clone().into(), class: class.clone().into() };
        let word = match record.table_entry(name) {
            Some(entry) => entry * POINTER + 1,
            None => at.0,
        };
        Some(Value::from_bytes(Type::new(ty), word.to_le_bytes().to_vec()))
    }

    /// What a smart pointer points to.
    pub(super) fn pointed_to(&self, value: &Value) -> Option<Value> {
        let options = PrintOptions::default();
        let printer = Printer { memory: self.memory(), names: self.scene, options: &options };
        let target = printer.smart_pointer(value)?.deref(self.memory()).ok()?;
        // It has the type that the pointer was made for, and no other name of it.
        let element = value.ty().template_argument(0).map(|argument| argument.ty);
        let same = element.filter(|of| of.strip().name() == target.ty().strip().name());
        Some(same.map_or_else(|| target.clone(), |of| target.with_type(of)))
    }

    /// Element `at` of a container that has such.
    pub(super) fn element(&self, value: &Value, at: i64) -> Option<Result<Value, ExprError>> {
        let at = usize::try_from(at).ok()?;
        if let Kind::Record(record) = value.ty().strip().kind()
            && record.name.as_deref().is_some_and(|name| name.starts_with("std::array<"))
        {
            let elements = value.member("_M_elems", self.memory()).ok()?;
            return Some(elements.index(at as i64, self.memory()).map_err(ExprError::from));
        }
        let options = PrintOptions { elements: at.saturating_add(1), ..PrintOptions::default() };
        let printer = Printer { memory: self.memory(), names: self.scene, options: &options };
        let elements = printer.elements_of(value)?;
        let outside = || ExprError::Value(ValueError::Other("Vector index is out of range.".into()));
        Some(elements.into_iter().nth(at).ok_or_else(outside))
    }

    /// `x.size()`, `x.empty()` and `x.get()` of what the printers know, and Rust's `x.len()` and `x.is_empty()`.
    pub(super) fn known_method(&mut self, object: &Expr, name: &str) -> Option<Result<Value, ExprError>> {
        let value = self.value(object).ok()?;
        let value = if value.ty().is_pointer() { value.deref(self.memory()).ok()? } else { value };
        let options = PrintOptions { elements: 0, ..PrintOptions::default() };
        let printer = Printer { memory: self.memory(), names: self.scene, options: &options };
        let size = Type::integer("unsigned long", 8, false);
        Some(Ok(match name {
            "size" | "length" | "len" => Value::integer(size, printer.length_of(&value)?.into()),
            "empty" | "is_empty" => self.truth(printer.length_of(&value)? == 0),
            "get" => printer.smart_pointer(&value)?,
            _ => return None,
        }))
    }

    /// A truth value: `bool` in C++, `int` in C.
    pub(super) fn truth(&self, is: bool) -> Value {
        if self.is_cplus() || self.language() == "rust" {
            let ty = Type::builtin("bool").unwrap_or_else(Type::void);
            return Value::integer(ty, i128::from(is));
        }
        super::ops::truth(is)
    }

    /// The words that C++ has for numbers.
    pub(super) fn word(&self, name: &str) -> Option<Value> {
        let is = match name {
            "true" => true,
            "false" => false,
            _ => return None,
        };
        (self.language() != "c").then(|| self.truth(is))
    }

    /// A type of the frame's own unit in C++ or Rust, where a type's name is a name like any other.
    pub(super) fn unit_type(&self, name: &str) -> Option<Type> {
        let frame = self.frame?;
        if !matches!(self.language(), "c++" | "rust") {
            return None;
        }
        let debug = frame.physical.debug.as_ref()?;
        let unit = debug.dies().unit_index_at(frame.physical.file_lookup())?;
        frame.scopes_of(name).iter().find_map(|name| debug.type_in(name, |at| at == unit))
    }
}

/// Whether operators of this kind give a truth value.
pub(super) fn is_comparison(op: Op) -> bool {
    matches!(op, Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Both | Op::Either)
}

/// Whether a function's first parameter is an object of the class.
fn takes_object(function: &Type, class: &Type) -> bool {
    match function.strip().kind() {
        Kind::Function(function) => {
            let first = function.parameters.first().and_then(|first| first.get().target());
            first.is_some_and(|object| object.strip().name() == class.strip().name())
        }
        _ => false,
    }
}

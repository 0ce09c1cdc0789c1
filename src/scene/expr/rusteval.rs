//! What expressions mean in Rust: paths of modules, fields of tuples and variants, structures, arithmetic.
//!
//! It follows gdb 13.1's rust-lang.c, errors included, but nothing is written into the target for a structure: it lies
//! nowhere. Slices are in `rustslices`.

use super::ExprError;
use super::ast::{Expr, Op};
use super::eval::Context;
use crate::scene::rustvalues::aggregate;
use crate::scene::value::{MAX_VALUE, Value, ValueError};
use crate::symbols::qualified;
use crate::symbols::types::{Kind, Record, Type};

pub(super) fn refused<T>(words: impl Into<String>) -> Result<T, ExprError> {
    Err(ExprError::Rust(words.into()))
}

impl Context<'_> {
    /// Whether Rust's rules count here.
    pub(super) fn is_rust(&self) -> bool {
        self.language() == "rust"
    }

    /// An error in the words that gdb has for Rust.
    #[must_use]
    pub fn in_rust(&self, error: ExprError) -> ExprError {
        match error {
            ExprError::NoSymbol(name) if self.is_rust() => ExprError::Rust(match self.type_called(&name) {
                Ok(_) => "Attempt to use a type name as an expression".to_owned(),
                Err(_) => format!("No symbol '{name}' in current context"),
            }),
            error => error,
        }
    }

    /// A path from the root: what `crate`, `self` and `super` mean in the frame. Other paths are as they are.
    pub(super) fn rust_path(&self, path: &str) -> Result<String, ExprError> {
        let parts = qualified::parts(path);
        let supers = parts.iter().filter(|part| **part == "super").count();
        let first = parts.first().copied().unwrap_or_default();
        if !matches!(first, "crate" | "self" | "super") || parts.len() < 2 {
            return Ok(path.to_owned());
        }
        let function = self.frame.and_then(|frame| frame.function()).and_then(|scope| scope.name.clone());
        let Some(function) = function else { return refused("Could not find crate for current location") };
        let around = qualified::parts(qualified::split(&function).0);
        let kept = if first == "crate" { 1 } else { around.len().saturating_sub(supers) };
        if kept == 0 {
            return refused(format!("Too many super:: uses from '{}'", around.join("::")));
        }
        let own = parts.iter().filter(|part| !matches!(**part, "crate" | "self" | "super"));
        let all: Vec<&str> = around.iter().take(kept).chain(own).copied().collect();
        Ok(all.join("::"))
    }

    /// `a::b::c`: a variable, a function, or a constant of an enumeration.
    pub(super) fn rust_scoped(&self, scope: &str, name: &str) -> Result<Value, ExprError> {
        let path = self.rust_path(&format!("{scope}::{name}"))?;
        match self.scene.variable(self.frame, &path) {
            Ok(value) => return Ok(value),
            Err(ValueError::NoSymbol(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(value) = self.of_type(qualified::split(&path).0, name) {
            return Ok(value);
        }
        // A structure or a variant without fields is its only value.
        if let Ok(ty) = self.type_called(&path)
            && is_unit(&ty)
        {
            return Ok(Value::from_bytes(ty, Vec::new()));
        }
        if let Some(found) = self.scene.variable_in_file(scope, name) {
            return found.ok_or(ExprError::NoSymbol(path));
        }
        match self.scene.variable_in_function(self.frame, scope, name) {
            Some(Some(value)) => Ok(value),
            _ => Err(ExprError::NoSymbol(path)),
        }
    }

    /// `x.field` or `x.0`: through pointers, and into the variant that an enumeration has now.
    pub(super) fn rust_member(&self, value: Value, name: &str) -> Result<Value, ExprError> {
        let mut value = value;
        for _ in 0..64 {
            if !value.ty().is_pointer() {
                break;
            }
            value = value.deref(self.memory())?;
        }
        let number = name.strip_prefix("__").filter(|number| number.parse::<u32>().is_ok());
        let outer = value.ty().clone();
        let variant = value.variant(self.memory())?;
        let in_variant = variant.is_some();
        let value = variant.unwrap_or(value);
        let ty = value.ty().strip();
        let record = match ty.kind() {
            Kind::Record(record) => record,
            _ if number.is_some() => {
                return refused(
                    "Anonymous field access is only allowed on tuples, tuple structs, and tuple-like enum variants",
                );
            }
            _ => return Err(ValueError::NotAStructure.into()),
        };
        let called = record.name.as_deref().unwrap_or_default();
        let member = record.members.iter().find(|member| member.name.as_deref() == Some(name));
        if let Some(member) = member {
            return Ok(value.component(member, self.memory())?);
        }
        match number {
            Some(number) => refused(without_field(record, called, number, in_variant, &outer)),
            None if in_variant && (record.members.is_empty() || record.is_numbered()) => refused(format!(
                "Attempting to access named field {name} of tuple variant {called}, which has only anonymous fields"
            )),
            None if in_variant => refused(format!("Could not find field {name} of struct variant {called}")),
            None => Ok(self.scene.member(&value, name)?),
        }
    }

    /// `a..b` by itself.
    pub(super) fn rust_range(
        &mut self,
        low: Option<&Expr>,
        high: Option<&Expr>,
        inclusive: bool,
    ) -> Result<Value, ExprError> {
        let mut fields = Vec::new();
        for (name, bound) in [("start", low), ("end", high)] {
            if let Some(bound) = bound {
                fields.push((name, self.value(bound)?.load(self.memory())?));
            }
        }
        if let [(_, low), (_, high)] = fields.as_slice()
            && low.ty().rust_name() != high.ty().rust_name()
        {
            return refused("Range expression with different types");
        }
        let kind = match (low, high, inclusive) {
            (None, None, _) => "RangeFull",
            (None, Some(_), false) => "RangeTo",
            (None, Some(_), true) => "RangeToInclusive",
            (Some(_), None, _) => "RangeFrom",
            (Some(_), Some(_), false) => "Range",
            (Some(_), Some(_), true) => "RangeInclusive",
        };
        Ok(aggregate(&format!("std::ops::{kind}"), &fields, self.memory())?)
    }

    /// `[a, b, c]`.
    pub(super) fn rust_array(&mut self, elements: &[Expr]) -> Result<Value, ExprError> {
        let mut bytes = Vec::new();
        let mut of = None;
        for element in elements {
            let value = self.value(element)?;
            let size = value.ty().size() as usize;
            bytes.extend_from_slice(value.bytes(self.memory())?.get(..size).unwrap_or_default());
            let ty = of.get_or_insert_with(|| value.ty().clone());
            if ty.size() != value.ty().size() {
                return refused("array elements must all be the same size");
            }
        }
        let of = of.unwrap_or_else(|| Type::rust_primitive("i32").unwrap_or_else(Type::void));
        Ok(Value::from_bytes(of.array(elements.len() as u64), bytes))
    }

    /// `Point {x: 1, y: 2}`: gdb makes room for it in the program, here it lies nowhere.
    pub(super) fn rust_structure(
        &mut self,
        path: &str,
        fields: &[(String, Expr)],
    ) -> Result<Value, ExprError> {
        let missing = |_| ExprError::Rust(format!("Could not find type '{path}'"));
        let ty = self.type_called(path).map_err(missing)?;
        let bare = ty.strip();
        let record = match bare.kind() {
            Kind::Record(record) if !record.is_tuple() && !record.is_numbered() => record,
            _ => return refused("Struct expression applied to non-struct type"),
        };
        self.filled(&ty, record, fields.iter().map(|(name, value)| (name.clone(), value)))
    }

    /// `Pair(1, 2.5)`; nothing where the name is of no type.
    pub(super) fn rust_tuple(&mut self, path: &str, arguments: &[Expr]) -> Option<Result<Value, ExprError>> {
        let ty = if self.is_rust() { self.type_called(path).ok()? } else { return None };
        let bare = ty.strip();
        match bare.kind() {
            Kind::Record(record) if record.is_numbered() && !record.is_tuple() => {
                let fields = arguments.iter().enumerate();
                Some(self.filled(&ty, record, fields.map(|(at, value)| (format!("__{at}"), value))))
            }
            _ => Some(refused(format!("Type {path} is not a tuple struct"))),
        }
    }

    /// A value of a structure whose other fields are zero.
    fn filled<'e>(
        &mut self,
        ty: &Type,
        record: &Record,
        fields: impl Iterator<Item = (String, &'e Expr)>,
    ) -> Result<Value, ExprError> {
        if record.size > MAX_VALUE {
            return Err(ValueError::TooLarge(record.size).into());
        }
        let mut bytes = vec![0; record.size as usize];
        for (name, value) in fields {
            let member = record.members.iter().find(|member| member.name.as_deref() == Some(&name));
            let member = member.ok_or(ValueError::NoMember(name))?;
            let value = self.value(value)?.cast(&member.ty.get(), self.memory())?;
            let value = value.bytes(self.memory())?;
            for (at, byte) in (member.offset as usize..).zip(value.iter()) {
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
        }
        Ok(Value::from_bytes(ty.clone(), bytes))
    }

    /// `!x`: of a truth value the other one, of a number all its bits, in its own type.
    pub(super) fn rust_complement(&self, value: &Value) -> Result<Value, ExprError> {
        if value.ty().is_bool() {
            return Ok(self.truth(!value.truth(self.memory())?));
        }
        Ok(Value::integer(value.ty().clone(), !value.as_i128(self.memory())?))
    }

    /// An operand of arithmetic. gdb calculates in Rust with a long, of which it is signed or not as C would have it; a
    /// shift has the type of what is shifted.
    pub(super) fn rust_operands(&self, op: Op, a: Value, b: Value) -> Result<(Value, Value), ExprError> {
        let number = |value: &Value| value.ty().is_integral() && !value.ty().is_pointer();
        let small = |value: &Value| value.ty().size() <= 8;
        let all = |is: &dyn Fn(&Value) -> bool| is(&a) && is(&b);
        if !all(&number) || !all(&small) || matches!(op, Op::Shl | Op::Shr) || all(&|v| v.ty().is_bool()) {
            return Ok((a, b));
        }
        let unsigned = |value: &Value| value.ty().size() >= 4 && !value.ty().is_signed();
        let name = if unsigned(&a) || unsigned(&b) { "unsigned long" } else { "long" };
        let wide = Type::builtin(name).unwrap_or_else(Type::void);
        let as_wide = |value: Value| -> Result<Value, ExprError> {
            Ok(Value::integer(wide.clone(), value.as_i128(self.memory())?))
        };
        Ok((as_wide(a)?, as_wide(b)?))
    }

    /// The result in the type that gdb gives it: of a shift that of what is shifted, of fractions `double`.
    pub(super) fn rust_result(
        &self,
        op: Op,
        a: &Value,
        b: &Value,
        result: Value,
    ) -> Result<Value, ExprError> {
        if result.ty().is_float() {
            let double = Type::builtin("double").unwrap_or_else(Type::void);
            return Ok(result.cast(&double, self.memory())?);
        }
        let bits = matches!(op, Op::And | Op::Or | Op::Xor);
        if bits && a.ty().is_bool() && b.ty().is_bool() {
            return Ok(self.truth(result.truth(self.memory())?));
        }
        let shift = matches!(op, Op::Shl | Op::Shr) && a.ty().size() == result.ty().size();
        Ok(if shift { result.with_type(a.ty().clone()) } else { result })
    }

    /// Of a cast gdb says that there is no such type.
    pub(super) fn no_rust_type(&self, error: ExprError) -> ExprError {
        match error {
            ExprError::NoSymbol(name) if self.is_rust() => {
                ExprError::Rust(format!("No type name '{name}' in current context"))
            }
            error => error,
        }
    }
}

/// Whether a type has a value that holds nothing.
fn is_unit(ty: &Type) -> bool {
    match ty.strip().kind() {
        Kind::Record(record) => record.members.is_empty() && record.variants().is_none(),
        _ => false,
    }
}

/// Why there is no field of this number.
fn without_field(record: &Record, called: &str, number: &str, in_variant: bool, outer: &Type) -> String {
    let count = record.members.len();
    match (in_variant, record.members.is_empty() || record.is_numbered()) {
        (true, true) => {
            format!("Cannot access field {number} of variant {called}, there are only {count} fields")
        }
        (true, false) => format!("Variant {called} is not a tuple variant"),
        (false, true) if count > 0 => {
            format!("Cannot access field {number} of {called}, there are only {count} fields")
        }
        (false, _) => format!(
            "Attempting to access anonymous field {number} of {}, which is not a tuple, tuple struct, or tuple-like variant",
            outer.rust_name()
        ),
    }
}

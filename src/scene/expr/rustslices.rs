//! Arrays, slices and pointers of Rust in expressions: `x[i]`, `&x[a..b]`, `x.len()`.
//!
//! It follows gdb 13.1's rust-lang.c, `rust_subscript`. A slice that is made here lies nowhere.

use super::ExprError;
use super::ast::Expr;
use super::eval::Context;
use super::rusteval::refused;
use crate::addr::Addr;
use crate::scene::number::little;
use crate::scene::rustvalues::slice_of;
use crate::scene::value::{Value, ValueError};
use crate::symbols::types::{Count, Kind, Type};

/// What an index means for a sequence: where it lies, what it holds, how long it is; a pointer has no end.
struct Sequence {
    at: Option<Addr>,
    element: Type,
    length: i64,
    /// The type's name, when it is a slice already.
    name: Option<String>,
}

impl Context<'_> {
    fn sequence(&self, value: &Value) -> Result<Sequence, ExprError> {
        let ty = value.ty().strip();
        let member = |name: &str| value.member(name, self.memory());
        match ty.kind() {
            Kind::Array(array) => {
                let Count::Known(count) = array.count else {
                    return refused("Can't compute array bounds");
                };
                let length = i64::try_from(count).unwrap_or(i64::MAX);
                Ok(Sequence { at: value.address(), element: array.element.get(), length, name: None })
            }
            Kind::Pointer(to) => {
                let at = Addr(little(&value.bytes(self.memory())?));
                Ok(Sequence { at: Some(at), element: to.get(), length: i64::MAX, name: None })
            }
            Kind::Record(record) => match (member("data_ptr"), member("length")) {
                (Ok(data), Ok(length)) => {
                    let at = Addr(little(&data.bytes(self.memory())?));
                    let element = data.ty().target().unwrap_or_else(Type::void);
                    let length = i64::try_from(length.as_u64(self.memory())?).unwrap_or(i64::MAX);
                    let name = record.name.as_deref().map(str::to_owned);
                    Ok(Sequence { at: Some(at), element, length, name })
                }
                _ => refused("Cannot subscript non-array type"),
            },
            _ => refused("Cannot subscript non-array type"),
        }
    }

    /// `x.len()` and `x.is_empty()` of arrays and slices; other methods would be calls.
    pub(super) fn rust_method(
        &mut self,
        object: &Expr,
        method: &str,
        arguments: &[Expr],
    ) -> Result<Value, ExprError> {
        let mut value = self.value(object)?;
        for _ in 0..64 {
            if !value.ty().is_pointer() {
                break;
            }
            value = value.deref(self.memory())?;
        }
        if let (Ok(sequence), []) = (self.sequence(&value), arguments) {
            match method {
                "is_empty" => return Ok(self.truth(sequence.length == 0)),
                "len" => {
                    let usize = Type::rust_primitive("usize").unwrap_or_else(Type::void);
                    return Ok(Value::integer(usize, sequence.length.into()));
                }
                _ => {}
            }
        }
        let name = format!("{}::{method}", value.ty().rust_name());
        match self.scene.variable(None, &name) {
            Ok(function) if function.ty().is_function() => Err(ExprError::NoCalls(name)),
            _ => refused(format!("Could not find function named '{name}'")),
        }
    }

    /// `x[i]`: of an array, a slice or a pointer, or what a printer knows to have elements.
    pub(super) fn rust_index(&mut self, x: &Expr, index: &Expr) -> Result<Value, ExprError> {
        if matches!(index, Expr::Range(..)) {
            return refused("Can't take slice of array without '&'");
        }
        let (value, index) = (self.value(x)?, self.value(index)?);
        let index = i64::try_from(index.as_i128(self.memory())?).map_err(|_| ExprError::TooLarge)?;
        let sequence = match self.sequence(&value) {
            Ok(sequence) => sequence,
            Err(error) => return self.element(&value, index).unwrap_or(Err(error)),
        };
        if index < 0 {
            return refused("Index less than zero");
        }
        // gdb takes one too many.
        if index >= sequence.length {
            return refused("Index greater than length");
        }
        match sequence.at {
            Some(at) => {
                let offset = (index as u64).wrapping_mul(sequence.element.size());
                Ok(Value::at(sequence.element, at.add(offset)))
            }
            None => Ok(value.index(index, self.memory())?),
        }
    }

    /// `&x[a..b]`.
    pub(super) fn rust_slice(&mut self, x: &Expr, range: &Expr) -> Result<Value, ExprError> {
        let Expr::Range(low, high, inclusive) = range else { return Err(ExprError::NotExtendable) };
        let value = self.value(x)?;
        let sequence = self.sequence(&value)?;
        let mut bound = |bound: &Option<Box<Expr>>, otherwise: i64| match bound {
            Some(expr) => {
                let value = self.value(expr)?;
                i64::try_from(value.as_i128(self.memory())?).map_err(|_| ExprError::TooLarge)
            }
            None => Ok(otherwise),
        };
        let low = bound(low, 0)?;
        let high = bound(high, sequence.length)?.saturating_add(i64::from(*inclusive));
        let wrong = match () {
            () if low < 0 => "Index less than zero",
            () if low > sequence.length => "Index greater than length",
            () if high < 0 => "High index less than zero",
            () if low > high => "Low index greater than high index",
            () if high > sequence.length => "High index greater than length",
            () => "",
        };
        if !wrong.is_empty() {
            return refused(wrong);
        }
        let at = sequence.at.ok_or(ValueError::NotInMemory)?;
        let at = at.add((low as u64).wrapping_mul(sequence.element.size()));
        let name = sequence.name.unwrap_or_else(|| "&[*gdb*]".to_owned());
        Ok(slice_of(&name, &sequence.element, at, (high - low) as u64))
    }
}

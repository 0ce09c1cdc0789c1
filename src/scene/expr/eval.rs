//! Expressions to values.

use super::ast::{Expr, Op};
use super::builtin::{self, Function, Operand};
use super::classes::is_comparison;
use super::{ExprError, Specials, Vars, ops};
use crate::addr::Addr;
use crate::memory::Memory;
use crate::regs::TABLE;
use crate::scene::registers;
use crate::scene::value::{Place, Value, ValueError};
use crate::scene::{Frame, Scene};
use crate::symbols::types::{Kind, Type};

/// What an expression is evaluated in.
pub struct Context<'a> {
    /// The stopped world (or the program's file, before it runs).
    pub scene: &'a Scene<'a>,
    /// The frame whose names and registers count; `None` before the program runs.
    pub frame: Option<&'a Frame>,
    /// `$_exitcode`, `$hits` and their like.
    pub specials: Specials<'a>,
    /// The history and the convenience variables.
    pub vars: &'a mut Vars,
}

/// A change of the target that an expression asks for; the session carries it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Bytes to be written to memory.
    Memory(Addr, Vec<u8>),
    /// A register to be set, by gdb's name.
    Register(String, u64),
}

/// The value of an expression that changes nothing in the target.
///
/// # Errors
/// gdb's words; [`ExprError::NotAssignable`] also for an assignment to the target.
pub fn evaluate(expr: &Expr, context: &mut Context<'_>) -> Result<Value, ExprError> {
    match evaluate_with_effect(expr, context)? {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(ExprError::NotAssignable),
    }
}

/// The value of an expression, and the change of the target that its outermost assignment asks for.
///
/// # Errors
/// gdb's words.
pub fn evaluate_with_effect(
    expr: &Expr,
    context: &mut Context<'_>,
) -> Result<(Value, Option<Effect>), ExprError> {
    evaluate_plainly(expr, context).map_err(|error| context.in_rust(error))
}

fn evaluate_plainly(expr: &Expr, context: &mut Context<'_>) -> Result<(Value, Option<Effect>), ExprError> {
    match expr {
        Expr::Assign(op, target, value) => {
            let (new, effect) = context.assign(*op, target, value)?;
            // In Rust an assignment has no value.
            let unit = Type::rust_primitive("()").filter(|_| context.is_rust());
            return Ok((unit.map_or(new, |unit| Value::from_bytes(unit, Vec::new())), effect));
        }
        Expr::Step(op, target) => {
            let old = context.value(target)?;
            let old = old.load(context.memory())?;
            let (_, effect) = context.assign(Some(*op), target, &Expr::Int(1, "int"))?;
            return Ok((old, effect));
        }
        _ => {}
    }
    context.value(expr).map(|value| (value, None))
}

impl Context<'_> {
    pub(super) fn memory(&self) -> &dyn Memory {
        self.scene.source.memory()
    }

    pub(super) fn value(&mut self, expr: &Expr) -> Result<Value, ExprError> {
        match expr {
            Expr::Int(value, ty) => Ok(Value::integer(builtin(ty), *value)),
            Expr::Float(value, ty) => Ok(Value::float(builtin(ty), *value)),
            Expr::Char(byte) => Ok(Value::integer(builtin("char"), i128::from(*byte as i8))),
            Expr::Text(bytes) => {
                let mut bytes = bytes.clone();
                bytes.push(0);
                Ok(Value::from_bytes(builtin("char").array(bytes.len() as u64), bytes))
            }
            Expr::Wide(wide) => self.wide(wide),
            Expr::Name(name) => self.name(name).map_err(|error| self.no_value(error, name)),
            Expr::Scoped(scope, name) => {
                let full = || format!("{scope}::{name}");
                self.scoped(scope, name).map_err(|error| self.no_value(error, &full()))
            }
            Expr::AtEntry(name) => self.at_entry(name),
            Expr::Dollar(name) => self.dollar(name),
            Expr::Unary(op, x) => {
                let x = self.arithmetic(x)?;
                if *op == '!' && self.is_rust() {
                    return self.rust_complement(&x);
                }
                let result = ops::unary(*op, &x, self.memory())?;
                if *op == '!' { Ok(self.truth(result.truth(self.memory())?)) } else { Ok(result) }
            }
            Expr::Deref(x) => {
                let x = self.value(x)?;
                self.deref(&x)
            }
            Expr::AddressOf(x) => {
                if let Expr::Index(x, range) = &**x
                    && matches!(**range, Expr::Range(..))
                {
                    return self.rust_slice(x, range);
                }
                if let Expr::Scoped(scope, name) = &**x
                    && let Some(pointer) = self.member_pointer(scope, name)
                {
                    return Ok(pointer);
                }
                // What a pointer points to need not be there, nor the pointer.
                if let Expr::Deref(pointer) = &**x
                    && let value = self.value(pointer)?
                    && value.ty().is_pointer()
                {
                    return Ok(value);
                }
                let value = self.value(x)?;
                if matches!(value.ty().strip().kind(), Kind::Reference { .. }) {
                    return Ok(value.deref(self.memory())?.address_of()?);
                }
                if let (Expr::Name(name), Place::Register(number)) = (&**x, value.place()) {
                    let register = TABLE.iter().find(|reg| reg.dwarf == Some(number));
                    let register = register.map_or_else(|| number.to_string(), |reg| reg.name.to_owned());
                    return Err(ExprError::InRegister(name.clone(), register));
                }
                if let Expr::Name(name) = &**x
                    && !matches!(value.place(), Place::Memory(_))
                {
                    return Err(ExprError::NoLvalue(name.clone()));
                }
                Ok(value.address_of()?)
            }
            Expr::SizeOf(x) => {
                let size = match (&**x, self.value(x)) {
                    (Expr::Name(name), Err(ExprError::NoSymbol(_) | ExprError::TypeAsExpression)) => {
                        self.type_called(name)?.size()
                    }
                    (
                        Expr::Scoped(scope, name),
                        Err(ExprError::NoSymbol(_) | ExprError::TypeAsExpression),
                    ) => self.type_called(&format!("{scope}::{name}"))?.size(),
                    (_, value) => value?.ty().size(),
                };
                Ok(Value::integer(builtin("int"), i128::from(size)))
            }
            Expr::SizeOfType(ty) => {
                let size = self.type_named(ty)?.size();
                Ok(Value::integer(builtin("int"), i128::from(size)))
            }
            Expr::Type(ty) => {
                let ty = self.type_named(ty)?;
                Ok(Value::optimized_out(ty))
            }
            Expr::Cast(ty, x) => {
                let ty = self.type_named(ty).map_err(|error| self.no_rust_type(error))?;
                self.cast(&ty, x)
            }
            Expr::At(ty, x) => {
                let ty = self.type_named(ty)?;
                // An array and a function stand for where they are.
                let at = self.value(x)?.as_u64(self.memory())?;
                Ok(Value::at(ty, Addr(at)))
            }
            Expr::Binary(op, a, b) => self.binary(*op, a, b),
            Expr::Choice(c, a, b) => {
                let c = self.arithmetic(c)?;
                let chosen = if c.truth(self.memory())? { a } else { b };
                self.value(chosen)
            }
            Expr::Member(x, name, arrow) => {
                let x = self.value(x)?;
                if self.is_rust() {
                    return self.rust_member(x, name);
                }
                // gdb takes `.` and `->` for one another.
                let x = if *arrow || x.ty().is_pointer() { self.deref(&x)? } else { x };
                self.member_as(&x, name).map_err(|error| match error {
                    ExprError::Value(ValueError::NoMember(name)) if self.is_cplus() => {
                        ExprError::NoMemberOrMethod(name)
                    }
                    error => error,
                })
            }
            Expr::Range(low, high, inclusive) => self.rust_range(low.as_deref(), high.as_deref(), *inclusive),
            Expr::Array(all) => self.rust_array(all),
            Expr::Structure(path, fields) => self.rust_structure(path, fields),
            Expr::Index(x, i) if self.is_rust() => self.rust_index(x, i),
            Expr::Index(x, i) => {
                let (x, i) = (self.value(x)?, self.arithmetic(i)?);
                if x.ty().is_record() && !i.ty().is_integral() && self.is_cplus() {
                    return Err(ExprError::NotFoundOperator("[]"));
                }
                let i = i64::try_from(i.as_i128(self.memory())?).map_err(|_| ExprError::TooLarge)?;
                let known = if x.ty().is_pointer() { None } else { self.element(&x, i) };
                known.unwrap_or_else(|| Ok(x.index(i, self.memory())?))
            }
            Expr::Call(function, arguments) => self.call(function, arguments),
            Expr::Assign(..) | Expr::Step(..) => match evaluate_with_effect(expr, self)? {
                (value, None) => Ok(value),
                _ => Err(ExprError::NotAssignable),
            },
        }
    }

    /// An operand of an operator: a symbol without debug info has no type to calculate with.
    fn arithmetic(&mut self, expr: &Expr) -> Result<Value, ExprError> {
        let value = self.value(expr)?;
        match (expr, value.ty().kind()) {
            (Expr::Name(name), Kind::Unspecified(_)) => Err(ExprError::UnknownType(name.clone())),
            _ => Ok(value),
        }
    }

    fn deref(&self, value: &Value) -> Result<Value, ExprError> {
        // gdb reads an integer as the address of a long.
        if value.ty().is_integral() && !value.ty().is_pointer() {
            let at = value.as_u64(self.memory())?;
            return Ok(Value::at(builtin("long"), Addr(at)));
        }
        if self.is_rust()
            && let Some(object) = self.scene.trait_object(value)?
        {
            return Ok(object);
        }
        if let Some(target) = self.pointed_to(value) {
            return Ok(target);
        }
        if value.ty().is_record() && self.is_cplus() && self.is_overloaded("*", [value, value]) {
            return Err(ExprError::NoCalls("operator*".to_owned()));
        }
        // An array is the address of its first element, and one that is not there has none.
        if value.is_optimized_out() {
            return Err(ValueError::OptimizedOut.into());
        }
        Ok(value.deref(self.memory())?)
    }

    fn cast(&mut self, ty: &Type, operand: &Expr) -> Result<Value, ExprError> {
        let value = self.value(operand)?;
        if ty.size() == 0 && self.is_rust() {
            return Ok(Value::from_bytes(ty.clone(), Vec::new()));
        }
        // `(int) symbol` of a symbol without debug info is what lies there.
        if let (Expr::Name(_), Kind::Unspecified(words), Some(at)) =
            (operand, value.ty().kind(), value.address())
        {
            let data = words.starts_with("<data");
            return if data {
                Ok(Value::at(ty.clone(), at))
            } else {
                Ok(Value::integer(ty.clone(), i128::from(at.0)))
            };
        }
        Ok(value.cast(ty, self.memory())?)
    }

    fn binary(&mut self, op: Op, a: &Expr, b: &Expr) -> Result<Value, ExprError> {
        match op {
            Op::Comma => {
                self.value(a)?;
                return self.value(b);
            }
            Op::Both | Op::Either => {
                let left = self.arithmetic(a)?.truth(self.memory())?;
                if left == (op == Op::Either) {
                    return Ok(self.truth(left));
                }
                let right = self.arithmetic(b)?.truth(self.memory())?;
                return Ok(self.truth(right));
            }
            Op::Repeat => return self.repeat(a, b),
            _ => {}
        }
        let (mut a, mut b) = (self.arithmetic(a)?, self.arithmetic(b)?);
        if let Some(warning) = ops::shift_warning(op, &a, &b, self.memory()) {
            self.vars.warn(warning);
        }
        if self.is_rust() {
            (a, b) = self.rust_operands(op, a, b)?;
        }
        let result =
            ops::binary(op, &a, &b, self.memory()).map_err(|error| self.in_classes(error, [&a, &b]))?;
        match is_comparison(op) {
            true => Ok(self.truth(result.truth(self.memory())?)),
            false if self.is_rust() => self.rust_result(op, &a, &b, result),
            false => Ok(result),
        }
    }

    /// `x@n`: n elements from where x is.
    fn repeat(&mut self, a: &Expr, b: &Expr) -> Result<Value, ExprError> {
        let (first, count) = (self.value(a)?, self.arithmetic(b)?);
        let count = count.as_i128(self.memory())?;
        let size = u64::try_from(count).ok().filter(|n| (1..1 << 31).contains(n));
        let size = size.ok_or(ExprError::Repetitions(count))?;
        let at = first.address().ok_or(ExprError::NotExtendable)?;
        Ok(Value::at(first.ty().array(size), at))
    }

    fn call(&mut self, function: &Expr, arguments: &[Expr]) -> Result<Value, ExprError> {
        if let (Expr::Member(object, method, _), []) = (function, arguments)
            && let Some(value) = self.known_method(object, method)
        {
            return value;
        }
        if let (Expr::Member(object, method, _), true) = (function, self.is_rust()) {
            return self.rust_method(object, method, arguments);
        }
        if let Expr::Member(object, method, _) = function {
            let object = self.value(object)?;
            if object.ty().is_record() || object.ty().is_pointer() {
                return Err(ExprError::NoCalls(method.clone()));
            }
        }
        let name = match function {
            Expr::Name(name) => name.clone(),
            Expr::Dollar(name) => format!("${name}"),
            Expr::Scoped(scope, name) => format!("{scope}::{name}"),
            _ => "function".to_owned(),
        };
        if let Some(made) = self.rust_tuple(&name, arguments) {
            return made;
        }
        if let Some(known) = Function::named(&name) {
            return self.intrinsic(known, &name, arguments);
        }
        match name.as_str() {
            "$_isvoid" => {
                let [x] = arguments else { return Err(ExprError::Arguments(name)) };
                let is_void = matches!(self.value(x)?.ty().kind(), Kind::Void);
                Ok(ops::truth(is_void))
            }
            "$_caller_is" | "$_any_caller_is" | "$_caller_matches" | "$_any_caller_matches" => {
                self.caller_is(&name, arguments)
            }
            other => Err(match other.strip_prefix('$') {
                Some(convenience) => ExprError::Call(convenience.to_owned()),
                None if matches!(self.name(other)?.ty().kind(), Kind::Function(_)) => {
                    ExprError::NoCalls(other.to_owned())
                }
                None => ExprError::Call(other.to_owned()),
            }),
        }
    }

    fn intrinsic(&mut self, known: Function, name: &str, arguments: &[Expr]) -> Result<Value, ExprError> {
        let (strings, counted) = known.shape();
        if arguments.len() != strings + usize::from(counted) {
            return Err(ExprError::Arguments(name.to_owned()));
        }
        let mut operands = Vec::new();
        for argument in &arguments[..strings] {
            operands.push(self.operand(argument)?);
        }
        let n = match arguments.get(strings) {
            Some(n) => self.arithmetic(n)?.as_u64(self.memory())?,
            None => 0,
        };
        let result = known.call(self.memory(), &operands, n)?;
        let ty = if matches!(known, Function::Strlen | Function::Strstr) { "unsigned long" } else { "int" };
        Ok(Value::integer(builtin(ty), result))
    }

    /// What a string function gets: an array's bytes, or what a number or pointer points to.
    fn operand(&mut self, argument: &Expr) -> Result<Operand<'static>, ExprError> {
        if let Expr::Text(bytes) = argument {
            return Ok(Operand::Bytes(bytes.clone().into()));
        }
        let value = self.arithmetic(argument)?;
        if value.ty().is_array() {
            if let Some(at) = value.address() {
                return Ok(Operand::At(at));
            }
            return Ok(Operand::Bytes(value.bytes(self.memory())?.into_owned().into()));
        }
        Ok(Operand::At(Addr(value.as_u64(self.memory())?)))
    }

    fn caller_is(&mut self, name: &str, arguments: &[Expr]) -> Result<Value, ExprError> {
        let (wanted, depth) = match arguments {
            [Expr::Text(wanted)] => (wanted, 1),
            [Expr::Text(wanted), n] => {
                let n = self.arithmetic(n)?.as_u64(self.memory())?;
                (wanted, usize::try_from(n).unwrap_or(usize::MAX))
            }
            _ => return Err(ExprError::Arguments(name.to_owned())),
        };
        let level = self.frame.map_or(0, |frame| frame.level as usize);
        let callers = self.callers(level.saturating_add(depth).saturating_add(1));
        let matches = name.ends_with("matches");
        let same = |caller: &String| match matches {
            true => builtin::fits(caller.as_bytes(), wanted),
            false => Ok(caller.as_bytes() == wanted.as_slice()),
        };
        let nearest = if name.starts_with("$_any") { 0 } else { depth };
        let mut found = false;
        for caller in callers.iter().skip(level + nearest).take(depth + 1 - nearest) {
            found |= same(caller)?;
        }
        Ok(ops::truth(found))
    }

    fn assign(
        &mut self,
        op: Option<Op>,
        target: &Expr,
        value: &Expr,
    ) -> Result<(Value, Option<Effect>), ExprError> {
        let mut new = match op {
            None => self.value(value)?,
            Some(op) => self.binary(op, target, value)?,
        };
        if let Expr::Dollar(name) = target
            && self.is_convenience(name)
        {
            new = new.load(self.memory())?;
            self.vars.set(name, new.clone());
            return Ok((new, None));
        }
        let old = self.value(target)?;
        let new = new.cast(old.ty(), self.memory())?;
        let effect = match (old.place(), target) {
            (Place::Memory(at), _) if old.bits().is_none() => {
                Effect::Memory(at, new.bytes(self.memory())?.into_owned())
            }
            (Place::Memory(at), _) => Effect::Memory(at, old.with_bits(&new, self.memory())?),
            (_, Expr::Dollar(name)) => self.register_effect(name, &new)?,
            _ => return Err(ExprError::NotAssignable),
        };
        Ok((new, Some(effect)))
    }

    /// A register's new value: of a part the rest stays, and what a callee saved is changed where it lies.
    fn register_effect(&self, name: &str, new: &Value) -> Result<Effect, ExprError> {
        let (whole, bits, shift) = registers::part_of(name).ok_or(ExprError::NotAssignable)?;
        let frame = self.frame.ok_or(ExprError::NoRegisters)?;
        let mut value = new.as_u64(self.memory())?;
        if bits < 64 {
            // As in the processor, but gdb keeps the upper half of a register whose lower half is written.
            let mask = ((1 << bits) - 1) << shift;
            let old = self.scene.register(frame, whole).ok_or(ExprError::NotAssignable)?;
            value = old.as_u64(self.memory())? & !mask | value << shift & mask;
        }
        match self.scene.saved_place(frame, whole) {
            Some(at) => Ok(Effect::Memory(at, value.to_le_bytes().to_vec())),
            None => Ok(Effect::Register(whole.to_owned(), value)),
        }
    }

    fn is_convenience(&self, name: &str) -> bool {
        // `$64` is a value of the history, `$64BITS` a name like others.
        let taken = name.starts_with('$') || name.bytes().all(|c| c.is_ascii_digit());
        !taken && !registers::is_register(name)
    }
}

fn builtin(name: &str) -> Type {
    Type::builtin(name).or_else(|| Type::rust_primitive(name)).unwrap_or_else(Type::void)
}

impl From<std::num::TryFromIntError> for ExprError {
    fn from(_: std::num::TryFromIntError) -> ExprError {
        ExprError::Value(ValueError::NotANumber)
    }
}

//! Arithmetic with C's conversions (C11 6.3.1.8), as gdb does it.

use super::ExprError;
use super::ast::Op;
use crate::memory::Memory;
use crate::scene::value::{Number, Value};
use crate::symbols::types::Type;

/// `a op b` for operands that are not assignments, `,`, `&&`, `||` or `@`.
pub(super) fn binary(op: Op, a: &Value, b: &Value, memory: &dyn Memory) -> Result<Value, ExprError> {
    let (a, b) = (decayed(a)?, decayed(b)?);
    if a.ty().is_record() || b.ty().is_record() {
        return Err(ExprError::NoOperator(sign(op)));
    }
    if let Some(result) = with_pointers(op, &a, &b, memory)? {
        return Ok(result);
    }
    let (x, y) = (number(&a, memory)?, number(&b, memory)?);
    if let (Number::Int(x), Number::Int(y)) = (x, y) {
        return integers(op, x, y, &common(a.ty(), b.ty()));
    }
    let ty = wider_float(a.ty(), b.ty());
    let float = |n| match n {
        Number::Int(n) => n as f64,
        Number::Float(n) => n,
    };
    floats(op, float(x), float(y), ty)
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Add => "+",
        Op::Sub => "-",
        Op::Mul => "*",
        Op::Div => "/",
        Op::Rem => "%",
        Op::Shl => "<<",
        Op::Shr => ">>",
        Op::And => "&",
        Op::Or => "|",
        Op::Xor => "^",
        Op::Both => "&&",
        Op::Either => "||",
        Op::Eq => "==",
        Op::Ne => "!=",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::Comma => ",",
        Op::Repeat => "@",
    }
}

/// `-a`, `+a`, `!a`, `~a`.
pub(super) fn unary(op: char, a: &Value, memory: &dyn Memory) -> Result<Value, ExprError> {
    let a = decayed(a)?;
    if a.ty().is_record() {
        return Err(ExprError::NoOperator(match op {
            '-' => "-",
            '!' => "!",
            '~' => "~",
            _ => "+",
        }));
    }
    if op == '!' {
        return Ok(truth(!a.truth(memory)?));
    }
    let refused = ExprError::Operand(match op {
        '-' => "negate operation not a number.",
        '~' => "complement operation not an integer, boolean.",
        _ => "positive operation not a number.",
    });
    if a.ty().is_pointer() {
        return Err(refused);
    }
    match (number(&a, memory)?, op) {
        (Number::Float(x), '-') => Ok(Value::float(a.ty().strip(), -x)),
        (Number::Float(x), '+') => Ok(Value::float(a.ty().strip(), x)),
        (Number::Int(x), _) => {
            let x = match op {
                '-' => -x,
                '~' => !x,
                _ => x,
            };
            Ok(Value::integer(promoted(a.ty()), x))
        }
        _ => Err(refused),
    }
}

/// An array is a pointer to its first element, a function a pointer to itself.
fn decayed(value: &Value) -> Result<Value, ExprError> {
    if let (true, Some(element), Some(at)) = (value.ty().is_array(), value.ty().target(), value.address()) {
        return Ok(Value::pointer(&element, at));
    }
    if value.ty().is_function()
        && let Some(at) = value.address()
    {
        return Ok(Value::pointer(value.ty(), at));
    }
    Ok(value.clone())
}

fn number(value: &Value, memory: &dyn Memory) -> Result<Number, ExprError> {
    if value.ty().is_record() || value.ty().is_array() {
        return Err(ExprError::NotANumber);
    }
    Ok(value.number(memory)?)
}

/// The value of a comparison: gdb gives it the type `int`.
pub(super) fn truth(is: bool) -> Value {
    Value::integer(int(), i128::from(is))
}

pub(super) fn int() -> Type {
    Type::integer("int", 4, true)
}

fn long() -> Type {
    Type::integer("long", 8, true)
}

fn with_pointers(op: Op, a: &Value, b: &Value, memory: &dyn Memory) -> Result<Option<Value>, ExprError> {
    let (left, right) = (a.ty().is_pointer(), b.ty().is_pointer());
    if !left && !right {
        return Ok(None);
    }
    let step = |ty: &Type| i128::from(ty.target().map_or(1, |target| target.size()).max(1));
    let (x, y) = (a.as_i128(memory)?, b.as_i128(memory)?);
    Ok(Some(match op {
        Op::Add if left != right => {
            let (pointer, base, count) = if left { (a, x, y) } else { (b, y, x) };
            Value::integer(pointer.ty().clone(), base + count * step(pointer.ty()))
        }
        Op::Sub if left && right => Value::integer(long(), (x - y) / step(a.ty())),
        Op::Sub if left => Value::integer(a.ty().clone(), x - y * step(a.ty())),
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => {
            let unsigned = |n: i128| i128::from(n as u64);
            compare(op, unsigned(x).cmp(&unsigned(y)))
        }
        Op::Both | Op::Either => integers(op, x, y, &long())?,
        _ => return Err(ExprError::NotANumber),
    }))
}

fn compare(op: Op, order: std::cmp::Ordering) -> Value {
    truth(match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        Op::Gt => order.is_gt(),
        _ => order.is_ge(),
    })
}

/// What a small integer becomes before it is calculated with.
fn promoted(ty: &Type) -> Type {
    let bare = ty.strip();
    if bare.size() < 4 || !bare.is_integral() || bare.is_character() { int() } else { bare }
}

/// The type that both operands become.
fn common(a: &Type, b: &Type) -> Type {
    let (a, b) = (promoted(a), promoted(b));
    let size = a.size().max(b.size());
    let unsigned = |ty: &Type| ty.size() == size && !ty.is_signed();
    match (size, unsigned(&a) || unsigned(&b)) {
        (0..=4, false) => int(),
        (0..=4, true) => Type::integer("unsigned int", 4, false),
        (5..=8, false) => long(),
        (5..=8, true) => Type::integer("unsigned long", 8, false),
        (_, false) => Type::integer("__int128", 16, true),
        (_, true) => Type::integer("unsigned __int128", 16, false),
    }
}

/// The type of a calculation with floats: that of the operand that is one, or the wider of two.
fn wider_float(a: &Type, b: &Type) -> Type {
    match (a.is_float(), b.is_float()) {
        (true, false) => a.strip(),
        (false, true) => b.strip(),
        _ if a.size() >= b.size() => a.strip(),
        _ => b.strip(),
    }
}

/// Cuts a number to a type's width.
fn wrap(value: i128, ty: &Type) -> i128 {
    let bits = (ty.size() * 8).clamp(1, 128) as u32;
    if bits == 128 {
        return value;
    }
    let cut = value & ((1 << bits) - 1);
    if ty.is_signed() && cut >> (bits - 1) & 1 == 1 { cut - (1 << bits) } else { cut }
}

fn integers(op: Op, x: i128, y: i128, ty: &Type) -> Result<Value, ExprError> {
    let (x, y) = (wrap(x, ty), wrap(y, ty));
    let shift = u32::try_from(y).unwrap_or(128).min(127);
    let result = match op {
        Op::Add => x.wrapping_add(y),
        Op::Sub => x.wrapping_sub(y),
        Op::Mul => x.wrapping_mul(y),
        Op::Div | Op::Rem if y == 0 => return Err(ExprError::DivisionByZero),
        Op::Div => x.wrapping_div(y),
        Op::Rem => x.wrapping_rem(y),
        Op::Shl | Op::Shr if y < 0 => 0,
        Op::Shl => x.wrapping_shl(shift),
        Op::Shr => x >> shift,
        Op::And => x & y,
        Op::Or => x | y,
        Op::Xor => x ^ y,
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => return Ok(compare(op, x.cmp(&y))),
        Op::Both | Op::Either | Op::Comma | Op::Repeat => return Err(ExprError::NotANumber),
    };
    Ok(Value::integer(ty.clone(), wrap(result, ty)))
}

/// gdb's warning of a shift that C leaves undefined (valarith.c, check_valid_shift_count).
pub(super) fn shift_warning(op: Op, a: &Value, b: &Value, memory: &dyn Memory) -> Option<&'static str> {
    if !matches!(op, Op::Shl | Op::Shr) || !a.ty().is_integral() || !b.ty().is_integral() {
        return None;
    }
    let (left, ty) = (op == Op::Shl, common(a.ty(), b.ty()));
    let count = wrap(b.as_i128(memory).ok()?, &ty);
    match (left, count < 0, count >= i128::from(ty.size() * 8)) {
        (true, true, _) => Some("left shift count is negative"),
        (false, true, _) => Some("right shift count is negative"),
        (true, _, true) => Some("left shift count >= width of type"),
        (false, _, true) => Some("right shift count >= width of type"),
        _ => None,
    }
}

fn floats(op: Op, x: f64, y: f64, ty: Type) -> Result<Value, ExprError> {
    let result = match op {
        Op::Add => x + y,
        Op::Sub => x - y,
        Op::Mul => x * y,
        Op::Div => x / y,
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => {
            let order = x.partial_cmp(&y);
            // Nothing compares to a NaN but "unequal".
            return Ok(order.map_or_else(|| truth(op == Op::Ne), |order| compare(op, order)));
        }
        _ => return Err(ExprError::IntegersOnly),
    };
    Ok(Value::float(ty, result))
}

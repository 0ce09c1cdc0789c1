//! A breakpoint's condition: parsed once, and tested on registers and memory alone where it asks for no more.
//!
//! The quick way makes no scene, reads no symbol and, for a string, memory once. It answers `None` as soon
//! as it meets anything that it does not know, and the condition is evaluated in full.

use super::ast::{Expr, Op, TypeName};
use super::builtin::{Function, Operand};
use super::eval::{Context, evaluate};
use super::{ExprError, Specials, Vars, parse, rustparse};
use crate::addr::{Addr, Tid};
use crate::memory::Memory;
use crate::regs::Regs;
use crate::scene::Scene;

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    expr: Expr,
}

/// What the quick way looks at.
pub struct FastContext<'a> {
    /// The thread's registers.
    pub regs: &'a Regs,
    /// Its memory.
    pub memory: &'a dyn Memory,
    /// `$hits` and its like.
    pub specials: Specials<'a>,
}

/// What the full way looks at.
pub struct SlowContext<'a> {
    /// The stopped world.
    pub scene: &'a Scene<'a>,
    /// The thread.
    pub tid: Tid,
    /// `$hits` and its like.
    pub specials: Specials<'a>,
    /// Convenience variables.
    pub vars: &'a mut Vars,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// As [`parse`](super::parse).
    pub fn parse(text: &str) -> Result<Condition, ExprError> {
        // It is read before anybody knows where it will be tested, so what is not C may be Rust.
        let expr = parse(text).or_else(|error| rustparse::parse(text).map_err(|_| error))?;
        Ok(Condition { expr })
    }

    /// The expression.
    #[must_use]
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Tests it the quick way; `None` when it needs symbols, frames or variables.
    #[must_use]
    pub fn test_fast(&self, context: &FastContext<'_>) -> Option<Result<bool, ExprError>> {
        match context.value(&self.expr) {
            Ok(value) => Some(Ok(value.number != 0)),
            Err(Quick::Failed(error)) => Some(Err(error)),
            Err(Quick::Unknown) => None,
        }
    }

    /// Tests it in full, in the innermost frame of the thread.
    ///
    /// # Errors
    /// Why it has no value: an error state of the breakpoint, never a hit.
    pub fn test(&self, context: &mut SlowContext<'_>) -> Result<bool, ExprError> {
        let frames = context.scene.frames(context.tid, 1);
        let mut full = Context {
            scene: context.scene,
            frame: frames.frames.first(),
            specials: context.specials,
            vars: context.vars,
        };
        let value = evaluate(&self.expr, &mut full)?;
        Ok(value.truth(context.scene.source.memory())?)
    }
}

/// Why the quick way has no value.
enum Quick {
    Unknown,
    Failed(ExprError),
}

impl<E: Into<ExprError>> From<E> for Quick {
    fn from(error: E) -> Quick {
        Quick::Failed(error.into())
    }
}

/// A number, and how it is read through when it is dereferenced.
#[derive(Copy, Clone)]
struct Word {
    number: i128,
    /// For a pointer to a base type: size, and whether it is signed; and how many pointers are in between.
    target: Option<(u8, bool, u8)>,
}

impl Word {
    fn plain(number: i128) -> Word {
        Word { number, target: None }
    }
}

impl FastContext<'_> {
    fn value(&self, expr: &Expr) -> Result<Word, Quick> {
        match expr {
            Expr::Int(value, _) => Ok(Word::plain(*value)),
            Expr::Char(byte) => Ok(Word::plain(i128::from(*byte as i8))),
            Expr::Dollar(name) => self.dollar(name),
            Expr::Unary(op, x) => {
                let x = self.value(x)?.number;
                Ok(Word::plain(match op {
                    '-' => -x,
                    '+' => x,
                    '!' => i128::from(x == 0),
                    _ => return Err(Quick::Unknown),
                }))
            }
            Expr::Deref(inner) => self.deref(inner),
            Expr::Cast(ty, inner) => cast(ty, self.value(inner)?.number),
            Expr::Binary(op, a, b) => self.binary(*op, a, b),
            Expr::Choice(c, a, b) => {
                let chosen = if self.value(c)?.number != 0 { a } else { b };
                self.value(chosen)
            }
            Expr::Call(function, arguments) => self.call(function, arguments),
            _ => Err(Quick::Unknown),
        }
    }

    fn dollar(&self, name: &str) -> Result<Word, Quick> {
        if let Some(n) = name.strip_prefix("arg").and_then(|n| n.parse().ok()) {
            return self.regs.argument(n).map(signed).ok_or(Quick::Unknown);
        }
        // Registers are signed numbers to gdb, but for those that hold addresses.
        if matches!(name, "rip" | "pc" | "rsp" | "sp" | "rbp" | "fp") {
            return self.regs.by_name(name).map(|v| Word::plain(i128::from(v))).ok_or(Quick::Unknown);
        }
        if let Some(value) =
            self.regs.by_name(name).filter(|_| name.starts_with('r') || name.ends_with("_base"))
        {
            return Ok(signed(value));
        }
        if let Some(word) = name.strip_prefix('e').and_then(|rest| self.regs.by_name(&format!("r{rest}"))) {
            return Ok(Word::plain(i128::from(word as i32)));
        }
        (self.specials)(name).map(Word::plain).ok_or(Quick::Unknown)
    }

    fn deref(&self, inner: &Expr) -> Result<Word, Quick> {
        let pointer = self.value(inner)?;
        let (size, is_signed, more) = pointer.target.ok_or(Quick::Unknown)?;
        let at = Addr(pointer.number as u64);
        if more > 0 {
            let value = self.memory.u64(at)?;
            return Ok(Word { number: i128::from(value), target: Some((size, is_signed, more - 1)) });
        }
        let mut bytes = [0; 8];
        let size = usize::from(size);
        self.memory.read_exact(at, &mut bytes[..size])?;
        let value = u64::from_le_bytes(bytes);
        let shift = 64 - size as u32 * 8;
        let number = if is_signed { i128::from((value << shift) as i64 >> shift) } else { i128::from(value) };
        Ok(Word::plain(number))
    }

    fn binary(&self, op: Op, a: &Expr, b: &Expr) -> Result<Word, Quick> {
        let left = self.value(a)?;
        match op {
            Op::Both if left.number == 0 => return Ok(Word::plain(0)),
            Op::Either if left.number != 0 => return Ok(Word::plain(1)),
            _ => {}
        }
        let right = self.value(b)?;
        // Pointer arithmetic knows sizes that are not known here.
        if (left.target.is_some() || right.target.is_some()) && matches!(op, Op::Add | Op::Sub) {
            return Err(Quick::Unknown);
        }
        let (x, y) = (left.number, right.number);
        // A negative number beside an unsigned one is compared as C compares them: leave that to C's rules.
        if (x < 0) != (y < 0) && (x > i128::from(i64::MAX) || y > i128::from(i64::MAX)) {
            return Err(Quick::Unknown);
        }
        let truth = |is: bool| Ok(Word::plain(i128::from(is)));
        match op {
            Op::Eq => truth(x == y),
            Op::Ne => truth(x != y),
            Op::Lt => truth(x < y),
            Op::Le => truth(x <= y),
            Op::Gt => truth(x > y),
            Op::Ge => truth(x >= y),
            Op::Both | Op::Either => truth(y != 0),
            Op::And => Ok(Word::plain(x & y)),
            Op::Or => Ok(Word::plain(x | y)),
            Op::Xor => Ok(Word::plain(x ^ y)),
            Op::Add => Ok(Word::plain(x + y)),
            Op::Sub => Ok(Word::plain(x - y)),
            Op::Rem | Op::Div if y == 0 => Err(ExprError::DivisionByZero.into()),
            Op::Div => Ok(Word::plain(x / y)),
            Op::Rem => Ok(Word::plain(x % y)),
            _ => Err(Quick::Unknown),
        }
    }

    fn call(&self, function: &Expr, arguments: &[Expr]) -> Result<Word, Quick> {
        let name = match function {
            Expr::Name(name) => Function::named(name),
            Expr::Dollar(name) => Function::named(&format!("${name}")),
            _ => None,
        };
        let function = name.ok_or(Quick::Unknown)?;
        let (strings, counted) = function.shape();
        if arguments.len() != strings + usize::from(counted) {
            return Err(Quick::Unknown);
        }
        let mut operands = Vec::with_capacity(2);
        for argument in &arguments[..strings] {
            operands.push(match argument {
                Expr::Text(bytes) => Operand::Bytes(bytes.as_slice().into()),
                other => Operand::At(Addr(self.value(other)?.number as u64)),
            });
        }
        let n = if counted { self.value(&arguments[strings])?.number as u64 } else { 0 };
        Ok(Word::plain(function.call(self.memory, &operands, n)?))
    }
}

fn signed(value: u64) -> Word {
    Word::plain(i128::from(value as i64))
}

/// A cast to a base type or to a pointer to one, by name alone.
fn cast(ty: &TypeName, number: i128) -> Result<Word, Quick> {
    let (size, is_signed) = match ty.base.as_str() {
        "char" | "signed char" => (1, true),
        "unsigned char" => (1, false),
        "short" => (2, true),
        "unsigned short" => (2, false),
        "int" => (4, true),
        "unsigned int" | "unsigned" => (4, false),
        "long" | "long int" | "long long" => (8, true),
        "unsigned long" | "unsigned long int" | "unsigned long long" => (8, false),
        _ => return Err(Quick::Unknown),
    };
    if !ty.arrays.is_empty() {
        return Err(Quick::Unknown);
    }
    if ty.pointers > 0 {
        let more = u8::try_from(ty.pointers - 1).map_err(|_| Quick::Unknown)?;
        return Ok(Word { number: i128::from(number as u64), target: Some((size, is_signed, more)) });
    }
    let shift = 64 - u32::from(size) * 8;
    let bits = (number as u64) << shift;
    let number = if is_signed { i128::from(bits as i64 >> shift) } else { i128::from(bits >> shift) };
    Ok(Word::plain(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Sparse;

    fn test(text: &str) -> Option<Result<bool, String>> {
        let mut memory = Sparse::default();
        memory.insert(Addr(0x1000), b"/etc/hosts\0".to_vec());
        memory.insert(Addr(0x2000), [0xff, 0xff, 0xff, 0xff, 0, 0x10, 0, 0, 0, 0, 0, 0].to_vec());
        let mut regs = Regs::default();
        regs.0[14] = 0x1000;
        regs.0[13] = 0x2000;
        regs.0[12] = -5i64 as u64;
        let specials = |name: &str| (name == "hits").then_some(3);
        let context = FastContext { regs: &regs, memory: &memory, specials: &specials };
        let condition = Condition::parse(text).unwrap();
        condition.test_fast(&context).map(|tested| tested.map_err(|error| error.to_string()))
    }

    #[test]
    fn registers_and_memory_need_no_scene() {
        for text in [
            "strcmp($rdi, \"/etc/hosts\") == 0",
            "$_streq((char *)$rdi, \"/etc/hosts\")",
            "strncmp($arg1, \"/etc/\", 5) == 0 && $arg3 == -5",
            "strstr($rdi, \"host\") != 0",
            "$_strlen($rdi) == 10",
            "$rdx < 0",
            "$edx == -5",
            "$hits == 3",
            "*(int *)$rsi == -1",
            "*(unsigned int *)$rsi == 0xffffffff",
            "*(char **)0x2004 == 0x1000",
            "**(char **)0x2004 == '/'",
            "$arg2 & 0x2000",
            "!($rdi == 1) ? 1 : 0",
            "$rdi == 4K",
        ] {
            assert_eq!(test(text), Some(Ok(true)), "{text}");
        }
        assert_eq!(test("strcmp($rdi, \"/etc/host\") == 0"), Some(Ok(false)));
    }

    #[test]
    fn an_unreadable_string_is_an_error_not_a_hit() {
        let error = Some(Err("Cannot access memory at address 0x8".to_owned()));
        assert_eq!(test("strcmp(8, \"x\") == 0"), error);
        assert_eq!(test("*(int *)8"), error);
        assert_eq!(test("1 / ($rdi - 0x1000)"), Some(Err("Division by zero".into())));
    }

    #[test]
    fn what_needs_symbols_is_left_to_the_full_way() {
        for text in ["x == 5", "*p", "foo($rdi)", "sizeof(int) == 4", "(struct s *)$rdi == 0"] {
            assert_eq!(test(text), None, "{text}");
        }
    }
}

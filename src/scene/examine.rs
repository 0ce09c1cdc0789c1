//! `x/NFU ADDR`: memory as numbers, text or instructions, in gdb's layout.

use std::fmt::Write;

use super::Scene;
use super::code::Disassembler;
use super::expr::{Context, ExprError, evaluate};
use super::format::{Format, Size};
use super::print::{Names, PrintOptions, Printer};
use super::text::{TextLimits, string};
use super::value::Value;
use crate::addr::{Addr, PAGE};
use crate::memory::{Fault, Memory};
use crate::symbols::types::Type;

/// What `x` remembers for the next `x`.
#[derive(Clone, Debug)]
pub struct ExamineState {
    /// The letter that was used last; `print/` goes by it, too.
    pub letter: Option<char>,
    size: Size,
    count: i64,
    next: Option<Addr>,
    /// The last unit that was shown: `$_` and `$__` are made of it.
    pub last: Option<Value>,
}

impl Default for ExamineState {
    fn default() -> ExamineState {
        ExamineState { letter: None, size: Size::Word, count: 1, next: None, last: None }
    }
}

/// What was examined: the text, and why there is no more of it. After a fault the text may end within a line.
#[derive(Debug)]
pub struct Examined {
    /// The lines.
    pub text: String,
    /// What ended them early.
    pub error: Option<ExprError>,
}

/// What `x TEXT` writes, `TEXT` being what follows the word: `/4xg $rsp`.
///
/// # Errors
/// Of the expression.
pub fn examine(
    text: &str,
    context: &mut Context<'_>,
    options: &PrintOptions,
    state: &mut ExamineState,
) -> Result<Examined, ExprError> {
    let typed_nothing = text.trim().is_empty();
    let last = (Some(state.letter.unwrap_or('x')), Some(state.size));
    let (format, text) = Format::split(text, last)?
        .unwrap_or((Format { count: 1, letter: last.0, size: last.1 }, text.trim()));
    // `x` alone goes on as before.
    let format = if typed_nothing { Format { count: state.count, ..format } } else { format };
    state.count = format.count;
    if !text.trim().is_empty() {
        let value = evaluate(&context.read(text)?, context)?;
        state.next = Some(target(&value, context)?);
    }
    let at = state.next.ok_or(ExprError::NoAddress)?;
    let shown = show(format, at, context, options);
    state.letter = format.letter;
    state.size = match format.letter {
        Some('s') => Size::Byte,
        _ => format.size.unwrap_or(state.size),
    };
    state.next = Some(shown.next);
    if shown.last.is_some() {
        state.last = shown.last;
    }
    Ok(Examined { text: shown.text, error: shown.error })
}

/// What is at an address in a format, as `display/i $pc` shows it.
#[must_use]
pub fn examine_at(format: Format, at: Addr, context: &Context<'_>, options: &PrintOptions) -> Examined {
    let shown = show(format, at, context, options);
    Examined { text: shown.text, error: shown.error }
}

/// Where a value points: arrays and functions stand for their own address.
///
/// # Errors
/// When it is no number, or cannot be read.
pub fn target(value: &Value, context: &Context<'_>) -> Result<Addr, ExprError> {
    let itself = value.ty().is_array() || value.ty().is_function() || value.ty().size() == 0;
    match value.address() {
        Some(at) if itself => Ok(at),
        _ => Ok(Addr(value.as_u64(context.scene.source.memory())?)),
    }
}

struct Shown {
    text: String,
    error: Option<ExprError>,
    next: Addr,
    last: Option<Value>,
}

fn show(format: Format, at: Addr, context: &Context<'_>, options: &PrintOptions) -> Shown {
    let letter = format.letter.unwrap_or('x');
    let mut page = Page {
        memory: context.scene.source.memory(),
        scene: context.scene,
        options,
        pc: context.frame.map(super::Frame::pc),
        letter,
        size: format.size.unwrap_or(Size::Byte),
        out: String::new(),
        next: at,
        last: None,
    };
    let count = format.count.unsigned_abs() as usize;
    if format.count < 0 {
        page.step_back(count);
    }
    let begin = page.next;
    let result = match letter {
        's' => page.strings(count, format.size),
        'i' => page.instructions(count),
        _ => page.units(count),
    };
    // Backwards means: the next look goes on before this one.
    let next = if format.count < 0 { begin } else { page.next };
    Shown { text: page.out, error: result.err(), next, last: page.last }
}

struct Page<'a> {
    memory: &'a dyn Memory,
    scene: &'a Scene<'a>,
    options: &'a PrintOptions,
    pc: Option<Addr>,
    letter: char,
    size: Size,
    out: String,
    next: Addr,
    last: Option<Value>,
}

impl Page<'_> {
    fn label(&mut self) {
        let at = self.next;
        _ = match self.scene.linker_name_of(at) {
            Some((name, 0)) => write!(self.out, "{at} <{name}>:"),
            Some((name, offset)) => write!(self.out, "{at} <{name}+{offset}>:"),
            None => write!(self.out, "{at}:"),
        };
    }

    fn remember(&mut self, ty: Type) {
        self.last = Some(Value::at(ty, self.next));
    }

    fn units(&mut self, count: usize) -> Result<(), ExprError> {
        let per_line = match self.size {
            Size::Byte | Size::Half => 8,
            Size::Word => 4,
            Size::Giant => 2,
        };
        let (name, size) = match self.size {
            Size::Byte => ("int8_t", 1),
            Size::Half => ("int16_t", 2),
            Size::Word => ("int32_t", 4),
            Size::Giant => ("int64_t", 8),
        };
        let ty = Type::integer(name, size, true);
        for done in 0..count {
            if done % per_line == 0 {
                if done > 0 {
                    self.out.push('\n');
                }
                self.label();
            }
            self.out.push('\t');
            let unit = self.unit(&ty)?;
            self.out.push_str(&unit);
            self.remember(ty.clone());
            self.next = self.next.add(size);
        }
        if count > 0 {
            self.out.push('\n');
        }
        Ok(())
    }

    fn unit(&self, ty: &Type) -> Result<String, ExprError> {
        let size = self.size.bytes();
        let bytes = self.memory.bytes(self.next, size as usize).map_err(|_| Fault(self.next))?;
        let ty = match (self.letter, size) {
            ('f', 4) => Type::builtin("float"),
            ('f', 8) => Type::builtin("double"),
            _ => None,
        }
        .unwrap_or_else(|| ty.clone());
        let value = Value::from_bytes(ty, bytes);
        let printer = Printer { memory: self.memory, names: self.scene, options: self.options };
        Ok(match self.letter {
            // Hexadecimal and binary numbers are as wide as their unit.
            'x' => printer.formatted(&value, 'z')?,
            't' => format!("{:0>width$}", printer.formatted(&value, 't')?, width = size as usize * 8),
            'f' if size < 4 => printer.formatted(&value, 'd')?,
            letter => printer.formatted(&value, letter)?,
        })
    }

    fn strings(&mut self, count: usize, size: Option<Size>) -> Result<(), ExprError> {
        let (width, prefix) = match size {
            Some(Size::Half) => (2, Some('u')),
            Some(Size::Word) => (4, Some('U')),
            _ => (1, None),
        };
        let limits = TextLimits {
            elements: self.options.elements,
            repeats: self.options.repeats,
            utf8: self.options.utf8,
        };
        for _ in 0..count {
            self.label();
            let read = read_text(self.memory, self.next, width, limits.elements);
            let (text, length) = match read {
                Some((bytes, whole)) => {
                    let units = bytes.len() as u64;
                    // A NUL that was read counts as the end and not as text.
                    (string(&bytes, width, prefix, whole, limits), units)
                }
                None => (format!("<error: {}>", Fault(self.next)), 1),
            };
            _ = writeln!(self.out, "\t{text}");
            self.remember(Type::integer("int8_t", 1, true));
            self.next = self.next.add(length);
        }
        Ok(())
    }

    fn instructions(&mut self, count: usize) -> Result<(), ExprError> {
        let mut disassembler = Disassembler::new(self.memory, self.scene);
        for _ in 0..count {
            self.out.push_str(if self.pc == Some(self.next) { "=> " } else { "   " });
            self.label();
            self.out.push('\t');
            let (text, length) = disassembler.at(self.next).ok_or(Fault(self.next))?;
            self.out.push_str(&text);
            self.out.push('\n');
            self.remember(Type::integer("int8_t", 1, true));
            self.next = self.next.add(length);
        }
        Ok(())
    }

    /// Goes so many units back.
    fn step_back(&mut self, count: usize) {
        match self.letter {
            'i' => {
                let mut disassembler = Disassembler::new(self.memory, self.scene);
                self.next = disassembler.before(self.next, count).unwrap_or(self.next);
            }
            's' => {
                for _ in 0..count {
                    self.next = string_before(self.memory, self.next);
                }
            }
            _ => self.next = self.next.sub(self.size.bytes().wrapping_mul(count as u64)),
        }
    }
}

/// The units of a string from `at` on, with the NUL when it is near; whether it ended with one.
fn read_text(memory: &dyn Memory, at: Addr, width: usize, limit: usize) -> Option<(Vec<u8>, bool)> {
    let most = if limit == 0 { 1 << 16 } else { limit };
    let mut bytes = Vec::new();
    let mut unit = [0; 4];
    for _ in 0..most {
        let here = at.add(bytes.len() as u64);
        if memory.read(here, &mut unit[..width]) < width {
            return (!bytes.is_empty()).then_some((bytes, false));
        }
        bytes.extend_from_slice(&unit[..width]);
        if unit[..width].iter().all(|byte| *byte == 0) {
            return Some((bytes, true));
        }
    }
    Some((bytes, false))
}

/// Where the string that ends before `at` begins, at most a page back.
fn string_before(memory: &dyn Memory, at: Addr) -> Addr {
    // The byte before is the NUL of the string that is looked for.
    let mut start = at.sub(1);
    let mut byte = [0];
    while at.0.wrapping_sub(start.0) < PAGE {
        if memory.read(start.sub(1), &mut byte) == 0 || byte[0] == 0 {
            break;
        }
        start = start.sub(1);
    }
    start
}

//! `x/NFU ADDR`: memory as numbers, text or instructions, in gdb's layout.

use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter, SymbolResolver, SymbolResult};

use super::expr::{Context, ExprError, evaluate, parse};
use super::print::{PrintOptions, Printer};
use super::text::{TextLimits, string};
use super::value::Value;
use crate::addr::Addr;
use crate::memory::{Fault, Memory};
use crate::symbols::Modules;
use crate::symbols::types::Type;

/// What `x` remembers for the next `x`.
#[derive(Clone, Debug)]
pub struct ExamineState {
    format: char,
    size: u64,
    next: Addr,
}

impl Default for ExamineState {
    fn default() -> ExamineState {
        ExamineState { format: 'x', size: 4, next: Addr(0) }
    }
}

/// How many units one command may ask for.
const MOST: i64 = 1 << 20;

/// What `x TEXT` writes, `TEXT` being what follows the word: `/4xg $rsp`. Lines that could be read are given
/// even when a later one cannot: then the error comes with them.
///
/// # Errors
/// Of the expression; of memory only when nothing could be read.
pub fn examine(
    text: &str,
    context: &mut Context<'_>,
    options: &PrintOptions,
    state: &mut ExamineState,
) -> Result<(String, Option<Fault>), ExprError> {
    let (count, text) = read_format(text, state)?;
    if !text.trim().is_empty() {
        let value = evaluate(&parse(text)?, context)?;
        state.next = target(&value, context)?;
    }
    let memory = context.scene.source.memory();
    let modules = context.scene.modules;
    let size = state.size * count.unsigned_abs();
    if count < 0 && !matches!(state.format, 's' | 'i') {
        state.next = state.next.sub(size);
    }
    let count = count.unsigned_abs() as usize;
    let pc = context.frame.map(super::Frame::pc);
    let mut page = Page { memory, modules, options, pc, out: String::new() };
    let fault = match state.format {
        's' => page.strings(state, count),
        'i' => page.instructions(state, count),
        _ => page.units(state, count),
    };
    match fault {
        Some(fault) if page.out.is_empty() => Err(fault.into()),
        fault => Ok((page.out, fault)),
    }
}

/// Where a value points: arrays and functions stand for their own address.
fn target(value: &Value, context: &Context<'_>) -> Result<Addr, ExprError> {
    let itself = value.ty().is_array() || value.ty().is_function() || value.ty().size() == 0;
    match value.address() {
        Some(at) if itself => Ok(at),
        _ => Ok(Addr(value.as_u64(context.scene.source.memory())?)),
    }
}

fn read_format<'a>(text: &'a str, state: &mut ExamineState) -> Result<(i64, &'a str), ExprError> {
    let text = text.trim_start();
    let Some(rest) = text.strip_prefix('/') else { return Ok((1, text)) };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, tail) = rest.split_at(end);
    let digits = word.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(word.len());
    let (number, letters) = word.split_at(digits);
    let count = if number.is_empty() { Ok(1) } else { number.parse::<i64>() };
    let count = count.map_err(|_| ExprError::Number(number.to_owned()))?.clamp(-MOST, MOST);
    let mut size = None;
    for letter in letters.chars() {
        match letter {
            'b' => size = Some(1),
            'h' => size = Some(2),
            'w' => size = Some(4),
            'g' => size = Some(8),
            'o' | 'x' | 'd' | 'u' | 't' | 'f' | 'a' | 'i' | 'c' | 's' | 'z' => state.format = letter,
            other => return Err(ExprError::Syntax(other.to_string())),
        }
    }
    state.size = match (size, state.format) {
        (Some(size), _) => size,
        (None, 'a') => 8,
        (None, 'f') if state.size < 4 => 8,
        (None, 'c') => 1,
        (None, _) => state.size,
    };
    Ok((count, tail))
}

struct Page<'a> {
    memory: &'a dyn Memory,
    modules: &'a Modules,
    options: &'a PrintOptions,
    pc: Option<Addr>,
    out: String,
}

impl Page<'_> {
    fn label(&self, at: Addr) -> String {
        match self.modules.name_of(at) {
            Some((name, 0)) => format!("{at} <{name}>:"),
            Some((name, offset)) => format!("{at} <{name}+{offset}>:"),
            None => format!("{at}:"),
        }
    }

    fn units(&mut self, state: &mut ExamineState, count: usize) -> Option<Fault> {
        // As many on a line as gdb puts there.
        let per_line = match (state.format, state.size) {
            ('c' | 'b', _) => 8,
            ('a', _) => 2,
            ('t', 1) => 8,
            ('t', 2) => 8,
            ('t', 4) => 2,
            ('t', _) => 1,
            (_, 1 | 2) => 8,
            (_, 4) => 4,
            _ => 2,
        };
        for done in 0..count {
            let at = state.next;
            let bytes = match self.memory.bytes(at, state.size as usize) {
                Ok(bytes) => bytes,
                Err(fault) => {
                    self.end_line(done > 0 && done % per_line != 0);
                    return Some(fault);
                }
            };
            if done % per_line == 0 {
                self.end_line(done > 0);
                let label = self.label(at);
                self.out.push_str(&label);
            }
            self.out.push('\t');
            self.out.push_str(&self.unit(bytes, state));
            state.next = at.add(state.size);
        }
        self.end_line(true);
        None
    }

    fn end_line(&mut self, wanted: bool) {
        if wanted && !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    fn unit(&self, bytes: Vec<u8>, state: &ExamineState) -> String {
        let ty = match (state.format, state.size) {
            ('f', 4) => Type::builtin("float"),
            ('f', 8) => Type::builtin("double"),
            ('c', _) => Type::builtin("char"),
            (_, 1) => Type::builtin("char"),
            (_, 2) => Type::builtin("short"),
            (_, 4) => Type::builtin("int"),
            _ => Type::builtin("long"),
        };
        let value = Value::from_bytes(ty.unwrap_or_else(Type::void), bytes);
        let printer = Printer { memory: self.memory, names: self.modules, options: self.options };
        // `x` pads hexadecimal and binary numbers to their size.
        let digits = state.size as usize;
        match state.format {
            'x' => printer.formatted(&value, 'z').unwrap_or_default(),
            't' => {
                let text = printer.formatted(&value, 't').unwrap_or_default();
                format!("{text:0>width$}", width = digits * 8)
            }
            'o' => {
                let text = printer.formatted(&value, 'o').unwrap_or_default();
                let width = (digits * 8).div_ceil(3) + 1;
                format!("{text:0>width$}")
            }
            letter => printer.formatted(&value, letter).unwrap_or_default(),
        }
    }

    fn strings(&mut self, state: &mut ExamineState, count: usize) -> Option<Fault> {
        let limits = TextLimits {
            elements: if self.options.elements == 0 { usize::MAX } else { self.options.elements },
            repeats: self.options.repeats,
            utf8: self.options.utf8,
        };
        for _ in 0..count {
            let at = state.next;
            let most = limits.elements.min(1 << 16);
            let (bytes, whole) = match self.memory.c_string(at, most) {
                Ok(read) => read,
                Err(fault) => {
                    let label = self.label(at);
                    self.out.push_str(&format!("{label}\t<error: {fault}>\n"));
                    return None;
                }
            };
            let text = string(&bytes, 1, None, whole, limits);
            let label = self.label(at);
            self.out.push_str(&format!("{label}\t{text}\n"));
            state.next = at.add(bytes.len() as u64 + u64::from(whole));
        }
        None
    }

    fn instructions(&mut self, state: &mut ExamineState, count: usize) -> Option<Fault> {
        let mut formatter = GasFormatter::with_options(Some(Box::new(Named::of(self.modules))), None);
        let options = formatter.options_mut();
        options.set_gas_show_mnemonic_size_suffix(false);
        options.set_space_after_operand_separator(false);
        options.set_uppercase_hex(false);
        options.set_branch_leading_zeros(false);
        options.set_first_operand_char_index(7);
        for _ in 0..count {
            let at = state.next;
            let mut bytes = [0; 16];
            let got = self.memory.read(at, &mut bytes);
            if got == 0 {
                return Some(Fault(at));
            }
            let mut decoder = Decoder::with_ip(64, &bytes[..got], at.0, DecoderOptions::NONE);
            let instruction = decoder.decode();
            let mut text = String::new();
            if instruction.is_invalid() {
                text.push_str("(bad)");
            } else {
                formatter.format(&instruction, &mut text);
            }
            let mark = if self.pc == Some(at) { "=> " } else { "   " };
            let label = self.label(at);
            self.out.push_str(&format!("{mark}{label}\t{}\n", text.trim_end()));
            state.next = at.add((instruction.len() as u64).max(1));
        }
        None
    }
}

/// Names for the targets of calls and jumps, as `0x401136 <main>`.
struct Named {
    names: Vec<(u64, u64, String)>,
}

impl Named {
    /// The resolver must outlive nothing of ours, so it takes what it needs along.
    fn of(modules: &Modules) -> Named {
        let mut names: Vec<(u64, u64, String)> = Vec::new();
        for module in modules.iter() {
            let Some(image) = module.image.as_ref() else { continue };
            let symbols = image.symbols().filter(|symbol| symbol.size > 0);
            names.extend(symbols.map(|s| (s.address.at(module.bias).0, s.size, s.name.to_owned())));
        }
        names.sort_unstable();
        Named { names }
    }
}

impl SymbolResolver for Named {
    fn symbol(
        &mut self,
        instruction: &iced_x86::Instruction,
        _operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _size: u32,
    ) -> Option<SymbolResult<'_>> {
        // Only branch targets: gdb shows data addresses in a comment.
        if !instruction.is_jcc_short_or_near()
            && !instruction.is_jmp_short_or_near()
            && !instruction.is_call_near()
        {
            return None;
        }
        let after = self.names.partition_point(|(start, ..)| *start <= address);
        let (start, size, name) = self.names.get(after.checked_sub(1)?)?;
        let offset = address - start;
        if offset >= *size {
            return None;
        }
        let text = if offset == 0 {
            format!("{address:#x} <{name}>")
        } else {
            format!("{address:#x} <{name}+{offset}>")
        };
        Some(SymbolResult::with_string(address, text))
    }
}

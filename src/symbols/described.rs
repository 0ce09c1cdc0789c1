//! Where the debug info says a variable is, in gdb's words: `a variable in $rdi`, `multi-location: …`.
//!
//! The words are those of gdb 13.1's dwarf2/loc.c. Expressions are read and never computed, so a program need not run.

use std::fmt::Write;

use gimli::{AttributeValue, Operation, RawLocListEntry, constants as dw};

use super::Slice;
use super::dies::Die;
use super::typeload::TypeTable;
use super::types::DieRef;
use super::vars;
use crate::addr::FileAddr;
use crate::regs::TABLE;

/// A variable's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Described {
    /// It is always at this address.
    Static(FileAddr),
    /// It is this number.
    Constant(i128),
    /// It is these bytes.
    Bytes(Vec<u8>),
    /// It is in these words, which may be several lines.
    Words(String),
    /// Nothing is left of it.
    OptimizedOut,
}

/// Expressions stand in each other no deeper than this.
const MAX_DEPTH: usize = 8;
/// Entries of a list, and operations of an expression, that are shown.
const MAX_ENTRIES: usize = 10_000;

/// Where the variable at `at`, of the function at `function`, is; running addresses are `bias` further on. `pc` is
/// where the frame base is asked for.
#[must_use]
pub fn described(
    table: &std::sync::Arc<TypeTable>,
    at: DieRef,
    function: Option<DieRef>,
    pc: FileAddr,
    bias: u64,
) -> Described {
    let dies = table.dies();
    let Some(die) = Die::open(dies, at) else { return Described::OptimizedOut };
    let around = Around { table, function, pc, bias };
    let read = |die: &Die<'_>| match die.attr(dw::DW_AT_location) {
        Some(AttributeValue::Exprloc(expression)) => Some(around.expression(die, expression)),
        Some(list) => Some(around.list(die, list)),
        None => match die.attr(dw::DW_AT_const_value)? {
            AttributeValue::Block(bytes) | AttributeValue::String(bytes) => {
                Some(Described::Bytes(bytes.slice().to_vec()))
            }
            _ => super::typeload::constant(die, dw::DW_AT_const_value).map(Described::Constant),
        },
    };
    die.inherited(dies, &mut |die| read(die)).unwrap_or(Described::OptimizedOut)
}

struct Around<'a> {
    table: &'a std::sync::Arc<TypeTable>,
    function: Option<DieRef>,
    pc: FileAddr,
    bias: u64,
}

/// `rdi`; a number that is no register of ours is shown as one.
fn register(number: u16) -> String {
    if let 17..=32 = number {
        return format!("xmm{}", number - 17);
    }
    let known = TABLE.iter().find(|register| register.dwarf == Some(number));
    known.map_or_else(|| format!("r{number}"), |register| register.name.to_owned())
}

impl Around<'_> {
    fn expression(&self, die: &Die<'_>, expression: gimli::Expression<Slice>) -> Described {
        if expression.0.slice().is_empty() {
            return Described::OptimizedOut;
        }
        if let [op, address @ ..] = expression.0.slice()
            && *op == dw::DW_OP_addr.0
            && let Ok(address) = <[u8; 8]>::try_from(address)
        {
            return Described::Static(FileAddr(u64::from_le_bytes(address)));
        }
        let mut out = String::new();
        self.places(die, expression, &mut out);
        Described::Words(out)
    }

    fn list(&self, die: &Die<'_>, list: AttributeValue<Slice>) -> Described {
        let mut out = String::from("multi-location:\n");
        let unit = &die.unit;
        let offset = match list {
            AttributeValue::LocationListsRef(offset) => Some(offset),
            AttributeValue::SecOffset(offset) => Some(gimli::LocationListsOffset(offset)),
            AttributeValue::DebugLocListsIndex(index) => unit.dwarf.locations_offset(unit.unit, index).ok(),
            _ => None,
        };
        let Some(mut entries) = offset.and_then(|offset| unit.dwarf.raw_locations(unit.unit, offset).ok())
        else {
            return Described::OptimizedOut;
        };
        let mut base = unit.unit.low_pc;
        let indexed = |index| unit.dwarf.address(unit.unit, index).unwrap_or(0);
        for _ in 0..MAX_ENTRIES {
            let Ok(Some(entry)) = entries.next() else { break };
            let (low, high, data) = match entry {
                RawLocListEntry::BaseAddress { addr } => {
                    base = addr;
                    _ = write!(out, "  Base address {addr:#x}");
                    continue;
                }
                RawLocListEntry::BaseAddressx { addr } => {
                    base = indexed(addr);
                    _ = write!(out, "  Base address {base:#x}");
                    continue;
                }
                RawLocListEntry::AddressOrOffsetPair { begin, end, data }
                | RawLocListEntry::OffsetPair { begin, end, data } => {
                    (base.wrapping_add(begin), base.wrapping_add(end), data)
                }
                RawLocListEntry::StartEnd { begin, end, data } => (begin, end, data),
                RawLocListEntry::StartLength { begin, length, data } => {
                    (begin, begin.wrapping_add(length), data)
                }
                RawLocListEntry::StartxEndx { begin, end, data } => (indexed(begin), indexed(end), data),
                RawLocListEntry::StartxLength { begin, length, data } => {
                    let begin = indexed(begin);
                    (begin, begin.wrapping_add(length), data)
                }
                RawLocListEntry::DefaultLocation { data } => (0, u64::MAX, data),
            };
            let (low, high) = (low.wrapping_add(self.bias), high.wrapping_add(self.bias));
            _ = write!(out, "  Range {low:#x}-{high:#x}: ");
            self.places(die, data, &mut out);
            out.push('\n');
        }
        Described::Words(out)
    }

    /// The pieces of a place; one that is not simple is spelled out.
    fn places(&self, die: &Die<'_>, expression: gimli::Expression<Slice>, out: &mut String) {
        let encoding = die.unit.unit.header.encoding();
        let all: Vec<(usize, Operation<Slice>)> = {
            let mut operations = expression.operations(encoding);
            let mut all = Vec::new();
            loop {
                let at = operations.offset_from(&expression);
                match operations.next() {
                    Ok(Some(operation)) if all.len() < MAX_ENTRIES => all.push((at, operation)),
                    _ => break,
                }
            }
            all
        };
        let is_piece = |operation: &Operation<Slice>| matches!(operation, Operation::Piece { .. });
        let (mut from, mut first) = (0, true);
        while from < all.len() {
            if !std::mem::take(&mut first) {
                out.push_str(", and ");
            }
            let end = all[from..].iter().position(|(_, op)| is_piece(op)).map_or(all.len(), |at| from + at);
            let part = &all[from..end];
            let mut spelled = false;
            match self.simple(part) {
                Some(words) => out.push_str(&words),
                None if part.is_empty() => {}
                None => {
                    spelled = true;
                    out.push_str("a complex DWARF expression:\n");
                    self.spell(die, part, all[from].0, 0, out, MAX_DEPTH);
                }
            }
            let Some((_, Operation::Piece { size_in_bits, bit_offset })) = all.get(end) else { break };
            if spelled {
                out.push_str("   ");
            }
            _ = match (bit_offset, part.is_empty()) {
                (None, true) => write!(out, "an empty {}-byte piece", size_in_bits / 8),
                (None, false) => write!(out, " [{}-byte piece]", size_in_bits / 8),
                (Some(_), true) => write!(out, "an empty {size_in_bits}-bit piece"),
                (Some(offset), false) => write!(out, " [{size_in_bits}-bit piece, offset {offset} bits]"),
            };
            from = end + 1;
        }
    }

    /// The words for a place that is one thing.
    fn simple(&self, part: &[(usize, Operation<Slice>)]) -> Option<String> {
        let operations: Vec<&Operation<Slice>> = part.iter().map(|(_, operation)| operation).collect();
        match operations.as_slice() {
            [Operation::Register { register: number }] => {
                Some(format!("a variable in ${}", register(number.0)))
            }
            [Operation::FrameOffset { offset }] => {
                let (base, distance) = self.frame_base()?;
                Some(format!("a variable at frame base reg ${} offset {distance}+{offset}", register(base)))
            }
            [Operation::UnsignedConstant { value: value @ 0..=31 }, Operation::StackValue] => {
                Some(format!("the constant {value}"))
            }
            [Operation::Address { address }, Operation::TLS] => Some(tls(*address)),
            [Operation::UnsignedConstant { value }, Operation::TLS] => Some(tls(*value)),
            [Operation::SignedConstant { value }, Operation::TLS] => Some(tls(*value as u64)),
            _ => None,
        }
    }

    /// The register, and the distance from it, that a function's variables are counted from.
    fn frame_base(&self) -> Option<(u16, i64)> {
        let vars::Whereabouts::Expression(_, bytes) =
            vars::frame_base(self.table.dies(), self.function?, self.pc)
        else {
            return None;
        };
        let (op, rest) = bytes.split_first()?;
        match *op {
            op if (dw::DW_OP_breg0.0..=dw::DW_OP_breg31.0).contains(&op) => {
                let mut rest = Slice::new(rest, gimli::LittleEndian);
                let distance = gimli::Reader::read_sleb128(&mut rest).ok()?;
                Some((u16::from(op - dw::DW_OP_breg0.0), distance))
            }
            op if (dw::DW_OP_reg0.0..=dw::DW_OP_reg31.0).contains(&op) => {
                Some((u16::from(op - dw::DW_OP_reg0.0), 0))
            }
            _ => None,
        }
    }

    /// An operation a line, with its offset.
    fn spell(
        &self,
        die: &Die<'_>,
        part: &[(usize, Operation<Slice>)],
        base: usize,
        indent: usize,
        out: &mut String,
        depth: usize,
    ) {
        for (at, operation) in part {
            let at = at - base;
            _ = write!(out, "  {at:width$}: ", width = indent + 4);
            match operation {
                Operation::EntryValue { expression } => {
                    // Its older number has its older name.
                    let old = die.unit.unit.header.version() < 5;
                    out.push_str(if old { "DW_OP_GNU_entry_value\n" } else { "DW_OP_entry_value\n" });
                    let inner = gimli::Expression(*expression);
                    let mut operations = inner.operations(die.unit.unit.header.encoding());
                    // Its operations are counted from where the whole begins.
                    let header = 2;
                    let mut all = Vec::new();
                    loop {
                        let inside = operations.offset_from(&inner);
                        match operations.next() {
                            Ok(Some(operation)) if all.len() < MAX_ENTRIES => {
                                all.push((at + header + inside, operation));
                            }
                            _ => break,
                        }
                    }
                    if depth > 0 {
                        self.spell(die, &all, 0, indent + 2, out, depth - 1);
                    }
                    continue;
                }
                _ => out.push_str(&self.one(die, operation)),
            }
            out.push('\n');
        }
    }

    fn type_at(&self, die: &Die<'_>, at: gimli::UnitOffset) -> String {
        if at.0 == 0 {
            return "<0>".to_owned();
        }
        let base = die.unit.unit.header.debug_info_offset().map_or(0, |base| base.0);
        let ty = self.table.get(DieRef { offset: base.wrapping_add(at.0) });
        format!("<{} [{:#x}]>", ty.name(), at.0)
    }

    fn one(&self, die: &Die<'_>, operation: &Operation<Slice>) -> String {
        match operation {
            Operation::Register { register: number } if number.0 < 32 => {
                format!("DW_OP_reg{} [${}]", number.0, register(number.0))
            }
            Operation::Register { register: number } => {
                format!("DW_OP_regx {} [${}]", number.0, register(number.0))
            }
            Operation::RegisterOffset { register: number, offset, base_type } if base_type.0 == 0 => {
                if number.0 < 32 {
                    format!("DW_OP_breg{} {offset} [${}]", number.0, register(number.0))
                } else {
                    format!("DW_OP_bregx register {} [${}] offset {offset}", number.0, register(number.0))
                }
            }
            Operation::RegisterOffset { register: number, base_type, .. } => {
                format!("DW_OP_regval_type{} [${}]", self.type_at(die, *base_type), register(number.0))
            }
            Operation::FrameOffset { offset } => format!("DW_OP_fbreg {offset}"),
            Operation::UnsignedConstant { value } => constant(*value),
            Operation::SignedConstant { value } => signed(*value),
            Operation::PlusConstant { value } => format!("DW_OP_plus_uconst {value}"),
            Operation::Address { address } => format!("DW_OP_addr {:#x}", address),
            Operation::StackValue => "DW_OP_stack_value".to_owned(),
            Operation::CallFrameCFA => "DW_OP_call_frame_cfa".to_owned(),
            Operation::ImplicitValue { data } => format!("DW_OP_implicit_value {}", data.len()),
            Operation::ImplicitPointer { value, byte_offset } => {
                format!("DW_OP_implicit_pointer DIE {:x} offset {byte_offset}", value.0)
            }
            Operation::Convert { base_type } => format!("DW_OP_convert{}", self.type_at(die, *base_type)),
            Operation::TypedLiteral { base_type, value } => {
                let bytes: String = value.slice().iter().map(|byte| format!(" {byte:02x}")).collect();
                format!(
                    "DW_OP_const_type{} {} byte block:{bytes}",
                    self.type_at(die, *base_type),
                    value.len()
                )
            }
            Operation::Reinterpret { base_type } => {
                format!("DW_OP_reinterpret{}", self.type_at(die, *base_type))
            }
            Operation::Deref { base_type, size, .. } if base_type.0 != 0 => {
                format!("DW_OP_deref_type{} {size}-byte", self.type_at(die, *base_type))
            }
            Operation::Deref { size: 8, .. } => "DW_OP_deref".to_owned(),
            Operation::Deref { size, .. } => format!("DW_OP_deref_size {size}"),
            Operation::ParameterRef { offset } => format!("DW_OP_GNU_parameter_ref offset {:x}", offset.0),
            other => named(other),
        }
    }
}

fn tls(offset: u64) -> String {
    format!("a thread-local variable at offset {offset:#x} in the thread-local storage")
}

/// The shortest operation for a constant is what compilers choose.
fn constant(value: u64) -> String {
    match value {
        0..=31 => format!("DW_OP_lit{value}"),
        32..=0xff => format!("DW_OP_const1u {value}"),
        0x100..=0xffff => format!("DW_OP_const2u {value}"),
        0x1_0000..=0xffff_ffff => format!("DW_OP_const4u {value}"),
        _ => format!("DW_OP_constu {value}"),
    }
}

fn signed(value: i64) -> String {
    match value {
        -0x80..=0x7f => format!("DW_OP_const1s {value}"),
        -0x8000..=0x7fff => format!("DW_OP_const2s {value}"),
        -0x8000_0000..=0x7fff_ffff => format!("DW_OP_const4s {value}"),
        _ => format!("DW_OP_consts {value}"),
    }
}

/// The operations without operands.
fn named(operation: &Operation<Slice>) -> String {
    let name = match operation {
        Operation::Drop => "DW_OP_drop",
        Operation::Swap => "DW_OP_swap",
        Operation::Rot => "DW_OP_rot",
        Operation::Abs => "DW_OP_abs",
        Operation::And => "DW_OP_and",
        Operation::Div => "DW_OP_div",
        Operation::Minus => "DW_OP_minus",
        Operation::Mod => "DW_OP_mod",
        Operation::Mul => "DW_OP_mul",
        Operation::Neg => "DW_OP_neg",
        Operation::Not => "DW_OP_not",
        Operation::Or => "DW_OP_or",
        Operation::Plus => "DW_OP_plus",
        Operation::Shl => "DW_OP_shl",
        Operation::Shr => "DW_OP_shr",
        Operation::Shra => "DW_OP_shra",
        Operation::Xor => "DW_OP_xor",
        Operation::Eq => "DW_OP_eq",
        Operation::Ge => "DW_OP_ge",
        Operation::Gt => "DW_OP_gt",
        Operation::Le => "DW_OP_le",
        Operation::Lt => "DW_OP_lt",
        Operation::Ne => "DW_OP_ne",
        Operation::Nop => "DW_OP_nop",
        Operation::PushObjectAddress => "DW_OP_push_object_address",
        Operation::TLS => "DW_OP_GNU_push_tls_address",
        Operation::Pick { index: 0 } => "DW_OP_dup",
        Operation::Pick { index: 1 } => "DW_OP_over",
        Operation::Pick { index } => return format!("DW_OP_pick {index}"),
        Operation::Bra { target } => return format!("DW_OP_bra to {target}"),
        Operation::Skip { target } => return format!("DW_OP_skip to {target}"),
        _ => "DW_OP_<unknown>",
    };
    name.to_owned()
}

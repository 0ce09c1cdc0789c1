//! Where a variable is: DWARF's location expressions (DWARF 5, sections 2.5 and 2.6), evaluated for one frame.
//!
//! The frame is whoever implements [`Surroundings`]. Expressions come from files and may loop or lie: steps are
//! counted, and every failure is a [`LocationError`]. It knows no types and no processes.

use std::ops::Range;

use gimli::{Evaluation, EvaluationResult, Expression, Location, Operation, Reader, Value, ValueType};
use thiserror::Error;

use super::Slice;
use super::debug::DebugInfo;
use super::dies::Unit;
use super::types::DieRef;
use crate::addr::Addr;
use crate::memory::{Fault, Memory};

/// Steps of one expression.
const MAX_STEPS: u32 = 10_000;
/// Bytes of one value that is put together from pieces.
const MAX_BYTES: usize = 65_536;
/// The DWARF number of xmm0.
const XMM0: u16 = 17;

/// What an expression asks of the frame that it is evaluated in.
pub trait Surroundings {
    /// A general register, by DWARF number.
    fn register(&self, dwarf: u16) -> Option<u64>;
    /// A vector register, 0 to 15.
    fn vector(&self, number: u16) -> Option<[u8; 16]>;
    /// The target's memory.
    fn memory(&self) -> &dyn Memory;
    /// The canonical frame address.
    fn cfa(&self) -> Option<Addr>;
    /// The frame base of the function.
    fn frame_base(&self) -> Result<u64, LocationError>;
    /// What a register or a parameter held when the function was entered.
    fn entry_value(&self, of: EntryKey) -> Option<u64>;
    /// The address of this thread's copy of a thread-local variable.
    fn thread_local(&self, offset: u64) -> Result<Addr, LocationError>;
    /// What is added to the file's addresses.
    fn bias(&self) -> u64;
}

/// Whose value at the function's entry is asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum EntryKey {
    /// A register's.
    Register(u16),
    /// Of the memory at this distance from the frame base.
    FrameOffset(i64),
    /// A parameter's, by its entry.
    Parameter(DieRef),
}

/// Why a location has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LocationError {
    /// Nothing is left of it: a register that nobody saved, an entry value that nobody told.
    #[error("value has been optimized out")]
    OptimizedOut,
    /// Memory that is not there.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Something that the expression needs is missing, or it makes no sense.
    #[error("{0}")]
    Other(String),
}

impl From<gimli::Error> for LocationError {
    fn from(error: gimli::Error) -> LocationError {
        LocationError::Other(format!("could not evaluate a DWARF expression: {error}"))
    }
}

/// Where a piece is.
#[derive(Clone, Debug, PartialEq)]
pub enum At {
    /// In memory.
    Memory(Addr),
    /// In a register.
    Register(u16),
    /// Nowhere; these are its bytes.
    Bytes(Vec<u8>),
    /// Nowhere; it points to this entry's variable, so many bytes into it.
    Pointer(DieRef, i64),
    /// Nowhere.
    Nowhere,
}

/// A piece of a variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Where.
    pub at: At,
    /// How many bits; nothing for all of the variable.
    pub bits: Option<u64>,
    /// The first bit of the place that belongs to the variable.
    pub first_bit: u64,
}

/// Why some bytes of a value are not known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The compiler kept no trace of them.
    OptimizedOut,
    /// A pointer to something that has no address: the entry that describes it, and the offset into it.
    Synthetic(DieRef, i64),
}

/// Bytes that are not known, and why.
pub type Gaps = Vec<(Range<usize>, Gap)>;

/// Evaluates a location expression of `unit`.
///
/// # Errors
/// [`LocationError`]; a variable that is said to be nowhere is no error but [`At::Nowhere`].
pub fn locate(
    dies: &DebugInfo,
    unit_at: DieRef,
    expression: &'static [u8],
    around: &dyn Surroundings,
) -> Result<Vec<Piece>, LocationError> {
    let unit = dies.unit_of(unit_at.offset).ok_or_else(|| LocationError::Other("no such unit".to_owned()))?;
    let pieces = run(unit, expression, around)?.result();
    let base = dies.base_of(unit_at.offset);
    let piece = |piece: gimli::Piece<Slice>| Piece {
        at: place(&piece.location, base),
        bits: piece.size_in_bits,
        first_bit: piece.bit_offset.unwrap_or(0),
    };
    Ok(pieces.into_iter().map(piece).collect())
}

/// Evaluates an expression for the number that it leaves: a frame base, a bound, an argument at a call.
///
/// # Errors
/// As [`locate`].
pub fn compute(
    dies: &DebugInfo,
    unit_at: DieRef,
    expression: &'static [u8],
    around: &dyn Surroundings,
) -> Result<u64, LocationError> {
    let unit = dies.unit_of(unit_at.offset).ok_or_else(|| LocationError::Other("no such unit".to_owned()))?;
    if let Some(bytes) = typed_constant(unit, expression) {
        return Ok(word_of(bytes));
    }
    let pieces = locate(dies, unit_at, expression, around)?;
    let [Piece { at, .. }] = &pieces[..] else { return Err(LocationError::OptimizedOut) };
    match at {
        At::Memory(at) => Ok(at.0),
        At::Register(number) => around.register(*number).ok_or(LocationError::OptimizedOut),
        At::Bytes(bytes) => Ok(word_of(bytes)),
        At::Pointer(..) | At::Nowhere => Err(LocationError::OptimizedOut),
    }
}

fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let len = bytes.len().min(8);
    word[..len].copy_from_slice(&bytes[..len]);
    u64::from_le_bytes(word)
}

/// The bytes of an expression that is one constant of a base type. It may be a float, which could not be a place, and
/// gimli takes the end of an expression for a place.
fn typed_constant(unit: Unit<'_>, expression: &'static [u8]) -> Option<&'static [u8]> {
    let mut operations = Expression(slice(expression)).operations(unit.unit.encoding());
    match (operations.next(), operations.next()) {
        (Ok(Some(Operation::TypedLiteral { value, .. })), Ok(None)) => Some(value.slice()),
        _ => None,
    }
}

/// The one register, or the one place in the frame, that an expression names.
#[must_use]
pub fn entry_key(dies: &DebugInfo, unit_at: DieRef, expression: &'static [u8]) -> Option<EntryKey> {
    let unit = dies.unit_of(unit_at.offset)?;
    let mut operations = Expression(slice(expression)).operations(unit.unit.encoding());
    let key = match operations.next().ok()?? {
        Operation::Register { register } => EntryKey::Register(register.0),
        Operation::FrameOffset { offset } => EntryKey::FrameOffset(offset),
        _ => return None,
    };
    matches!(operations.next(), Ok(None)).then_some(key)
}

/// The bytes of a value of `size` bytes that lies in `pieces`, and the gaps in it.
///
/// # Errors
/// Memory that is not there.
pub fn assemble(
    pieces: &[Piece],
    size: usize,
    around: &dyn Surroundings,
) -> Result<(Vec<u8>, Gaps), LocationError> {
    let mut bytes = vec![0; size.min(MAX_BYTES)];
    let total = bytes.len() * 8;
    let mut gaps = Vec::new();
    let mut done = 0;
    for piece in pieces {
        let left = total - done;
        let bits = piece.bits.and_then(|bits| usize::try_from(bits).ok()).map_or(left, |bits| bits.min(left));
        let range = done / 8..(done + bits).div_ceil(8);
        let gap = match &piece.at {
            At::Pointer(die, offset) => Some(Gap::Synthetic(*die, *offset)),
            At::Nowhere => Some(Gap::OptimizedOut),
            at => match read_piece(at, piece.first_bit, bits, around)? {
                Some(source) => {
                    copy_bits(&mut bytes, done, &source, (piece.first_bit % 8) as usize, bits);
                    None
                }
                None => Some(Gap::OptimizedOut),
            },
        };
        if let Some(gap) = gap {
            gaps.push((range, gap));
        }
        done += bits;
    }
    if done < total {
        gaps.push((done / 8..bytes.len(), Gap::OptimizedOut));
    }
    Ok((bytes, gaps))
}

/// The bytes that hold a piece, from the one with its first bit on.
fn read_piece(
    at: &At,
    first_bit: u64,
    bits: usize,
    around: &dyn Surroundings,
) -> Result<Option<Vec<u8>>, LocationError> {
    let skip = first_bit / 8;
    let wanted = ((first_bit % 8) as usize + bits).div_ceil(8);
    let held = match at {
        At::Memory(at) => return Ok(Some(around.memory().bytes(at.add(skip), wanted)?)),
        At::Register(number) => match register_bytes(*number, around) {
            Some(bytes) => bytes,
            None => return Ok(None),
        },
        At::Bytes(bytes) => bytes.clone(),
        At::Pointer(..) | At::Nowhere => return Ok(None),
    };
    let mut rest = held.get(usize::try_from(skip).unwrap_or(usize::MAX)..).unwrap_or_default().to_vec();
    rest.resize(wanted, 0);
    Ok(Some(rest))
}

/// A register's bytes, low first.
pub fn register_bytes(number: u16, around: &dyn Surroundings) -> Option<Vec<u8>> {
    match number {
        XMM0..33 => around.vector(number - XMM0).map(|bytes| bytes.to_vec()),
        _ => around.register(number).map(|value| value.to_le_bytes().to_vec()),
    }
}

fn copy_bits(to: &mut [u8], at: usize, from: &[u8], skip: usize, count: usize) {
    if at.is_multiple_of(8) && skip == 0 && count.is_multiple_of(8) {
        let (start, len) = (at / 8, count / 8);
        if let (Some(to), Some(from)) = (to.get_mut(start..start + len), from.get(..len)) {
            to.copy_from_slice(from);
        }
        return;
    }
    for bit in 0..count {
        let (source, target) = (skip + bit, at + bit);
        let set = from.get(source / 8).is_some_and(|byte| byte >> (source % 8) & 1 == 1);
        if let (Some(byte), true) = (to.get_mut(target / 8), set) {
            *byte |= 1 << (target % 8);
        }
    }
}

fn slice(bytes: &'static [u8]) -> Slice {
    Slice::new(bytes, gimli::LittleEndian)
}

fn place(location: &Location<Slice>, base: usize) -> At {
    match location {
        Location::Empty => At::Nowhere,
        Location::Register { register } => At::Register(register.0),
        Location::Address { address } => At::Memory(Addr(*address)),
        Location::Value { value } => At::Bytes(value_bytes(*value)),
        Location::Bytes { value } => At::Bytes(value.slice().to_vec()),
        Location::ImplicitPointer { value, byte_offset } => {
            At::Pointer(DieRef { offset: base.wrapping_add(value.0) }, *byte_offset)
        }
    }
}

fn value_bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Generic(word) | Value::U64(word) => word.to_le_bytes().to_vec(),
        Value::I8(number) => number.to_le_bytes().to_vec(),
        Value::U8(number) => number.to_le_bytes().to_vec(),
        Value::I16(number) => number.to_le_bytes().to_vec(),
        Value::U16(number) => number.to_le_bytes().to_vec(),
        Value::I32(number) => number.to_le_bytes().to_vec(),
        Value::U32(number) => number.to_le_bytes().to_vec(),
        Value::I64(number) => number.to_le_bytes().to_vec(),
        Value::F32(number) => number.to_le_bytes().to_vec(),
        Value::F64(number) => number.to_le_bytes().to_vec(),
    }
}

/// Drives an evaluation to its end, answering what it asks.
fn run(
    unit: Unit<'_>,
    expression: &'static [u8],
    around: &dyn Surroundings,
) -> Result<Evaluation<Slice>, LocationError> {
    let mut evaluation = Expression(slice(expression)).evaluation(unit.unit.encoding());
    evaluation.set_max_iterations(MAX_STEPS);
    let lost = || LocationError::OptimizedOut;
    let mut state = evaluation.evaluate()?;
    loop {
        state = match state {
            EvaluationResult::Complete => return Ok(evaluation),
            EvaluationResult::RequiresMemory { address, size, base_type, .. } => {
                let bytes = around
                    .memory()
                    .bytes(Addr(address), usize::from(size))
                    .map_err(|_| Fault(Addr(address)))?;
                evaluation.resume_with_memory(typed(unit, base_type, &bytes)?)?
            }
            EvaluationResult::RequiresRegister { register, base_type } => {
                let bytes = register_bytes(register.0, around).ok_or_else(lost)?;
                evaluation.resume_with_register(typed(unit, base_type, &bytes)?)?
            }
            EvaluationResult::RequiresFrameBase => evaluation.resume_with_frame_base(around.frame_base()?)?,
            EvaluationResult::RequiresCallFrameCfa => {
                evaluation.resume_with_call_frame_cfa(around.cfa().ok_or_else(lost)?.0)?
            }
            EvaluationResult::RequiresTls(offset) => {
                evaluation.resume_with_tls(around.thread_local(offset)?.0)?
            }
            EvaluationResult::RequiresEntryValue(inner) => {
                let value = entry_value(unit, inner, around).ok_or_else(lost)?;
                evaluation.resume_with_entry_value(Value::Generic(value))?
            }
            EvaluationResult::RequiresParameterRef(offset) => {
                let base = unit.unit.header.debug_info_offset().map_or(0, |base| base.0);
                let die = DieRef { offset: base.wrapping_add(offset.0) };
                let value = around.entry_value(EntryKey::Parameter(die)).ok_or_else(lost)?;
                evaluation.resume_with_parameter_ref(value)?
            }
            EvaluationResult::RequiresRelocatedAddress(address) => {
                evaluation.resume_with_relocated_address(address.wrapping_add(around.bias()))?
            }
            EvaluationResult::RequiresIndexedAddress { index, relocate } => {
                let bias = if relocate { around.bias() } else { 0 };
                evaluation.resume_with_indexed_address(unit.address(index)?.wrapping_add(bias))?
            }
            EvaluationResult::RequiresBaseType(offset) => {
                evaluation.resume_with_base_type(value_type(unit, offset))?
            }
            EvaluationResult::RequiresAtLocation(_)
            | EvaluationResult::RequiresWasmLocal { .. }
            | EvaluationResult::RequiresWasmGlobal { .. }
            | EvaluationResult::RequiresWasmStack { .. } => {
                return Err(LocationError::Other("unsupported DWARF expression".to_owned()));
            }
        };
    }
}

/// The value at the function's entry of what `inner` names: a register, or a word in memory at one.
fn entry_value(unit: Unit<'_>, inner: Expression<Slice>, around: &dyn Surroundings) -> Option<u64> {
    let mut operations = inner.operations(unit.unit.encoding());
    match operations.next().ok()?? {
        Operation::Register { register } => around.entry_value(EntryKey::Register(register.0)),
        _ => None,
    }
}

fn value_type(unit: Unit<'_>, offset: gimli::UnitOffset) -> ValueType {
    if offset.0 == 0 {
        return ValueType::Generic;
    }
    let entry = unit.unit.entry(offset).ok();
    entry.and_then(|entry| ValueType::from_entry(&entry).ok().flatten()).unwrap_or(ValueType::Generic)
}

/// Bytes as a value of a base type; the generic type takes what is there.
fn typed(unit: Unit<'_>, base_type: gimli::UnitOffset, bytes: &[u8]) -> Result<Value, LocationError> {
    let mut padded = [0; 16];
    let len = bytes.len().min(16);
    padded[..len].copy_from_slice(&bytes[..len]);
    let kind = value_type(unit, base_type);
    if kind == ValueType::Generic {
        let mut word = [0; 8];
        word.copy_from_slice(&padded[..8]);
        return Ok(Value::Generic(u64::from_le_bytes(word)));
    }
    let mut reader = gimli::EndianSlice::new(&padded[..], gimli::LittleEndian);
    reader.truncate(16)?;
    Ok(Value::parse(kind, reader)?)
}

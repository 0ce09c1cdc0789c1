//! A value of the target: a type, and bytes or the place where they are.
//!
//! A value in memory is read when its bytes are asked for, so `&table[3]` reads nothing and `*p` of a bad
//! pointer fails only when it is used. Values are plain data and outlive the stop that they come from
//! once they are [loaded](Value::load). How they are printed is in `print`, how expressions make them in `expr`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use super::number::{float_of, x87_bytes};
use crate::addr::Addr;
use crate::memory::{Fault, Memory};
pub use crate::symbols::location::Gap;
use crate::symbols::types::{Base, Bits, Encoding, Kind, Type};

/// gdb's `max-value-size`: more bytes than this are not read for one value.
pub const MAX_VALUE: u64 = 65536;

/// Why there is no value. The texts are gdb's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValueError {
    /// Memory that is not there.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The compiler kept no trace of it.
    #[error("value has been optimized out")]
    OptimizedOut,
    /// `&` of something without an address.
    #[error("Attempt to take address of value not located in memory.")]
    NotInMemory,
    /// `&` of a bit-field.
    #[error("Attempt to take address of bit-field.")]
    BitField,
    /// `*` of what is no pointer.
    #[error("Attempt to take contents of a non-pointer value.")]
    NotAPointer,
    /// `.member` of something that has none of this name.
    #[error("There is no member named {0}.")]
    NoMember(String),
    /// A member that belongs to the class and not to the object: its full name.
    #[error("static field {0} has been optimized out")]
    Static(String),
    /// `.member` of what has no members: the member's name and the operator's operand.
    #[error("Attempt to extract a component of a value that is not a structure.")]
    NotAStructure,
    /// `[i]` of what is no array.
    #[error("cannot subscript something of type `{0}'")]
    NotAnArray(String),
    /// A number was needed.
    #[error("Value can't be converted to integer.")]
    NotANumber,
    /// A cast between types that have nothing to do with each other.
    #[error("Invalid cast.")]
    InvalidCast,
    /// More bytes than anybody wants to see.
    #[error("value requires {0} bytes, which is more than max-value-size")]
    TooLarge(u64),
    /// No variable of this name.
    #[error("No symbol \"{0}\" in current context.")]
    NoSymbol(String),
    /// Something that only the debug info or the frame can say, and did not.
    #[error("{0}")]
    Other(String),
}

/// Where a value lives.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: the result of a computation.
    Nowhere,
    /// In memory.
    Memory(Addr),
    /// In the register with this DWARF number, of the frame whose registers these were.
    Register(u16),
    /// In several places, or in none that has an address.
    Scattered,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// In memory, not read yet.
    Lazy,
    /// Here, but for the gaps.
    Bytes(Arc<[u8]>, Arc<[(Range<usize>, Gap)]>),
    /// Could not be had.
    Failed(ValueError),
}

/// A value of the target.
#[derive(Clone, Debug)]
pub struct Value {
    pub(super) ty: Type,
    pub(super) place: Place,
    pub(super) content: Content,
    /// Set for a bit-field; `content` then has all the bytes that the field touches.
    pub(super) bits: Option<Bits>,
}

/// A number, as arithmetic needs it.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Number {
    /// An integer, a character, a truth value, an enumerator, an address.
    Int(i128),
    /// A floating point number.
    Float(f64),
}

impl Value {
    /// A value of these bytes that lives nowhere; missing bytes are zero, further ones are dropped.
    #[must_use]
    pub fn from_bytes(ty: Type, bytes: impl Into<Vec<u8>>) -> Value {
        let mut bytes = bytes.into();
        bytes.resize(usize::try_from(ty.size().min(MAX_VALUE)).unwrap_or(0).max(1), 0);
        Value::new(ty, Place::Nowhere, Content::Bytes(bytes.into(), Arc::default()))
    }

    /// The value of this type at an address; nothing is read yet.
    #[must_use]
    pub fn at(ty: Type, at: Addr) -> Value {
        Value::new(ty, Place::Memory(at), Content::Lazy)
    }

    /// A value in a place that is not memory, with the gaps in what is known of it.
    #[must_use]
    pub fn in_place(ty: Type, place: Place, bytes: Vec<u8>, gaps: Vec<(Range<usize>, Gap)>) -> Value {
        Value::new(ty, place, Content::Bytes(bytes.into(), gaps.into()))
    }

    /// A value of which nothing is left.
    #[must_use]
    pub fn optimized_out(ty: Type) -> Value {
        Value::failed(ty, ValueError::OptimizedOut)
    }

    /// A value that could not be had.
    #[must_use]
    pub fn failed(ty: Type, why: ValueError) -> Value {
        Value::new(ty, Place::Nowhere, Content::Failed(why))
    }

    /// An integer (or pointer, or enumerator) of type `ty`, cut to its width.
    #[must_use]
    pub fn integer(ty: Type, value: i128) -> Value {
        match ty.strip().kind() {
            Kind::Base(Base { encoding: Encoding::Float, .. }) => Value::float(ty, value as f64),
            Kind::Base(Base { encoding: Encoding::Bool, .. }) => {
                Value::from_bytes(ty, u8::from(value != 0).to_le_bytes().to_vec())
            }
            _ => Value::from_bytes(ty, value.to_le_bytes().to_vec()),
        }
    }

    /// A floating point number of type `ty`.
    #[must_use]
    pub fn float(ty: Type, value: f64) -> Value {
        let bytes = match ty.size() {
            4 => (value as f32).to_le_bytes().to_vec(),
            8 => value.to_le_bytes().to_vec(),
            _ => x87_bytes(value).to_vec(),
        };
        Value::from_bytes(ty, bytes)
    }

    /// A pointer to `target` that holds `at`.
    #[must_use]
    pub fn pointer(target: &Type, at: Addr) -> Value {
        Value::from_bytes(target.pointer(), at.0.to_le_bytes().to_vec())
    }

    pub(super) fn new(ty: Type, place: Place, content: Content) -> Value {
        Value { ty, place, content, bits: None }
    }

    /// Its type.
    #[must_use]
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Where it lives.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Its address, when it lives in memory.
    #[must_use]
    pub fn address(&self) -> Option<Addr> {
        match self.place {
            Place::Memory(at) => Some(at),
            _ => None,
        }
    }

    /// The bits, when it is a bit-field.
    #[must_use]
    pub fn bits(&self) -> Option<Bits> {
        self.bits
    }

    /// The same bytes, seen as another type of the same size (or a smaller one).
    #[must_use]
    pub fn with_type(&self, ty: Type) -> Value {
        Value { ty, ..self.clone() }
    }

    /// Whether all of it is optimized out.
    #[must_use]
    pub fn is_optimized_out(&self) -> bool {
        match &self.content {
            Content::Failed(why) => *why == ValueError::OptimizedOut,
            Content::Bytes(bytes, gaps) => {
                let lost = gaps.iter().filter(|(_, gap)| *gap == Gap::OptimizedOut);
                !bytes.is_empty() && lost.map(|(range, _)| range.len()).sum::<usize>() >= bytes.len()
            }
            Content::Lazy => false,
        }
    }

    /// What is missing in it, if anything is: the first gap.
    #[must_use]
    pub fn gap(&self) -> Option<Gap> {
        match &self.content {
            Content::Failed(ValueError::OptimizedOut) => Some(Gap::OptimizedOut),
            Content::Bytes(_, gaps) => gaps.first().map(|(_, gap)| *gap),
            _ => None,
        }
    }

    /// Its bytes, as many as its type has (a bit-field: widened to its type).
    ///
    /// # Errors
    /// Memory that is not there, bytes that the compiler dropped, or a value of more than [`MAX_VALUE`] bytes.
    pub fn bytes(&self, memory: &dyn Memory) -> Result<Cow<'_, [u8]>, ValueError> {
        if self.gap().is_some() {
            return Err(ValueError::OptimizedOut);
        }
        let bytes = self.raw_bytes(memory)?;
        let Some(bits) = self.bits else { return Ok(bytes) };
        let mut word = [0; 24];
        let touched = bytes.len().min(24);
        word[..touched].copy_from_slice(&bytes[..touched]);
        Ok(Cow::Owned(self.widened(&word, bits)))
    }

    /// The bytes of this bit-field's place with `new` written into its bits.
    ///
    /// # Errors
    /// When the bytes around it cannot be read.
    pub fn with_bits(&self, new: &Value, memory: &dyn Memory) -> Result<Vec<u8>, ValueError> {
        let bits = self.bits.ok_or(ValueError::NotInMemory)?;
        let mut bytes = self.raw_bytes(memory)?.into_owned();
        let number = new.as_u64(memory)?;
        for at in 0..bits.count.min(64) {
            let (byte, bit) = ((bits.first + at) / 8, (bits.first + at) % 8);
            if let Some(byte) = bytes.get_mut(byte as usize) {
                *byte = *byte & !(1 << bit) | ((number >> at & 1) as u8) << bit;
            }
        }
        Ok(bytes)
    }

    /// The bytes that are known, with the gaps between them filled with zeros.
    pub(super) fn raw_bytes(&self, memory: &dyn Memory) -> Result<Cow<'_, [u8]>, ValueError> {
        match (&self.content, self.place) {
            (Content::Bytes(bytes, _), _) => Ok(Cow::Borrowed(bytes)),
            (Content::Failed(why), _) => Err(why.clone()),
            (Content::Lazy, Place::Memory(at)) => {
                let size = self.stored_size();
                if size > MAX_VALUE {
                    return Err(ValueError::TooLarge(size));
                }
                Ok(Cow::Owned(memory.bytes(at, size as usize).map_err(|_| Fault(at))?))
            }
            (Content::Lazy, _) => Err(ValueError::OptimizedOut),
        }
    }

    pub(super) fn stored_size(&self) -> u64 {
        self.bits.map_or_else(|| self.ty.size(), |bits| u64::from((bits.first + bits.count).div_ceil(8)))
    }

    pub(super) fn widened(&self, word: &[u8; 24], bits: Bits) -> Vec<u8> {
        let mut low = [0; 16];
        low.copy_from_slice(&word[..16]);
        let count = bits.count.clamp(1, 128);
        let mut number = u128::from_le_bytes(low) >> bits.first.min(7);
        if count < 128 {
            number &= (1 << count) - 1;
            if self.ty.is_signed() && number >> (count - 1) & 1 == 1 {
                number |= u128::MAX << count;
            }
        }
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.resize(self.ty.size().min(16) as usize, 0);
        bytes
    }

    /// The same value with its bytes read, so that it stays what it is when the target goes on.
    ///
    /// # Errors
    /// As [`Value::bytes`]; a value with gaps keeps them.
    pub fn load(&self, memory: &dyn Memory) -> Result<Value, ValueError> {
        let mut loaded = self.clone();
        if matches!(self.content, Content::Lazy) {
            loaded.content = Content::Bytes(self.raw_bytes(memory)?.into_owned().into(), Arc::default());
        }
        Ok(loaded)
    }

    /// Its number: integers, characters, enumerators, pointers and floats have one.
    ///
    /// # Errors
    /// As [`Value::bytes`], and when it is no number.
    pub fn number(&self, memory: &dyn Memory) -> Result<Number, ValueError> {
        let ty = self.ty.strip();
        match ty.kind() {
            Kind::Base(Base { encoding: Encoding::Float, .. }) => {
                return Ok(Number::Float(float_of(&self.bytes(memory)?)));
            }
            Kind::Reference { .. } => return self.deref(memory)?.number(memory),
            // An array and a function stand for their address, as in C.
            Kind::Array(_) | Kind::Function(_) => {
                return self.address().map(|at| Number::Int(at.0.into())).ok_or(ValueError::NotANumber);
            }
            Kind::Base(Base { encoding: Encoding::Complex, .. }) | Kind::Record(_) | Kind::Void => {
                return Err(ValueError::NotANumber);
            }
            _ => {}
        }
        let bytes = self.bytes(memory)?;
        let len = bytes.len().min(16);
        let fill = if ty.is_signed() && len > 0 && bytes[len - 1] & 0x80 != 0 { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide[..len].copy_from_slice(&bytes[..len]);
        Ok(Number::Int(i128::from_le_bytes(wide)))
    }

    /// Its number as an integer; a float is cut towards zero.
    ///
    /// # Errors
    /// As [`Value::number`].
    pub fn as_i128(&self, memory: &dyn Memory) -> Result<i128, ValueError> {
        Ok(match self.number(memory)? {
            Number::Int(value) => value,
            Number::Float(value) => value as i128,
        })
    }

    /// Its number modulo 2^64: an address, a size, a register.
    ///
    /// # Errors
    /// As [`Value::number`].
    pub fn as_u64(&self, memory: &dyn Memory) -> Result<u64, ValueError> {
        self.as_i128(memory).map(|value| value as u64)
    }

    /// Its number as a float.
    ///
    /// # Errors
    /// As [`Value::number`].
    pub fn as_f64(&self, memory: &dyn Memory) -> Result<f64, ValueError> {
        Ok(match self.number(memory)? {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        })
    }

    /// Whether it counts as true.
    ///
    /// # Errors
    /// As [`Value::number`].
    pub fn truth(&self, memory: &dyn Memory) -> Result<bool, ValueError> {
        Ok(match self.number(memory)? {
            Number::Int(value) => value != 0,
            Number::Float(value) => value != 0.0,
        })
    }

    /// The C string that it is (an array of characters) or points to, at most `limit` bytes, without the NUL. Any
    /// number is taken for an address, so that `$rdi` needs no cast.
    ///
    /// # Errors
    /// As [`Value::number`], and memory that ends before the string does.
    pub fn c_string(&self, memory: &dyn Memory, limit: usize) -> Result<Vec<u8>, ValueError> {
        if self.ty.is_array() {
            let bytes = self.bytes(memory)?;
            let end = memchr::memchr(0, &bytes).unwrap_or(bytes.len()).min(limit);
            return Ok(bytes[..end].to_vec());
        }
        let at = Addr(self.as_u64(memory)?);
        Ok(memory.c_string(at, limit)?.0)
    }

    /// This value converted to `ty` as C's cast does.
    ///
    /// # Errors
    /// Between records and numbers, and as [`Value::number`].
    pub fn cast(&self, ty: &Type, memory: &dyn Memory) -> Result<Value, ValueError> {
        let to = ty.strip();
        if self.ty.strip().is(&to) {
            return Ok(self.with_type(ty.clone()));
        }
        match to.kind() {
            Kind::Void => Ok(Value::from_bytes(ty.clone(), Vec::new())),
            Kind::Base(Base { encoding: Encoding::Float, .. }) => {
                Ok(Value::float(ty.clone(), self.as_f64(memory)?))
            }
            Kind::Base(_) | Kind::Enum(_) | Kind::Pointer(_) => {
                Ok(Value::integer(ty.clone(), self.as_i128(memory)?))
            }
            _ if self.ty.size() == to.size() => Ok(self.with_type(ty.clone())),
            _ => Err(ValueError::InvalidCast),
        }
    }
}

pub(super) fn clip(gaps: &[(Range<usize>, Gap)], to: Range<usize>) -> Arc<[(Range<usize>, Gap)]> {
    let overlap = |(range, gap): &(Range<usize>, Gap)| {
        let (start, end) = (range.start.max(to.start), range.end.min(to.end));
        (start < end).then(|| (start - to.start..end - to.start, *gap))
    };
    gaps.iter().filter_map(overlap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Sparse;

    fn builtin(name: &str) -> Type {
        Type::builtin(name).unwrap()
    }

    #[test]
    fn integers_keep_their_sign_and_width() {
        let memory = Sparse::default();
        let number = |name, value| Value::integer(builtin(name), value).as_i128(&memory).unwrap();
        assert_eq!(number("int", -1), -1);
        assert_eq!(number("unsigned int", -1), 0xffff_ffff);
        assert_eq!(number("unsigned char", 300), 44);
        assert_eq!(number("bool", 7), 1);
        assert_eq!(number("long double", -3), -3);
    }

    #[test]
    fn pointers_are_followed_and_indexed() {
        let mut memory = Sparse::default();
        memory.insert(Addr(0x1000), vec![1, 0, 0, 0, 2, 0, 0, 0]);
        let pointer = Value::pointer(&builtin("int"), Addr(0x1000));
        assert_eq!(pointer.index(1, &memory).unwrap().as_i128(&memory), Ok(2));
        let array = pointer.deref(&memory).unwrap().address_of().unwrap();
        assert_eq!(array.as_u64(&memory), Ok(0x1000));
        assert_eq!(
            pointer.index(2, &memory).unwrap().as_i128(&memory),
            Err(ValueError::Fault(Fault(Addr(0x1008))))
        );
        assert_eq!(
            Value::pointer(&Type::void(), Addr(1)).deref(&memory).unwrap_err(),
            ValueError::NotAPointer
        );
    }

    #[test]
    fn bit_fields_are_cut_out_of_their_bytes() {
        let memory = Sparse::default();
        let mut value = Value::from_bytes(builtin("int"), vec![0b1101_0000, 0b1]);
        value.bits = Some(Bits { first: 4, count: 5 });
        assert_eq!(value.as_i128(&memory), Ok(0b11101 - 32));
    }

    #[test]
    fn a_huge_value_is_refused() {
        let memory = Sparse::default();
        let array = Value::at(builtin("char").array(80_000), Addr(0));
        let error = array.bytes(&memory).unwrap_err();
        assert_eq!(error.to_string(), "value requires 80000 bytes, which is more than max-value-size");
    }
}

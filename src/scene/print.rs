//! Values in gdb's words: `{a = 3, b = 0x402010 "hi"}`, `97 'a'`, `(A | B)`, `0x401136 <f>`.
//!
//! It follows gdb 13.1's valprint.c and c-valprint.c, so that what parses gdb's output parses ours. It reads memory
//! for strings behind pointers, and asks [`Names`] for the symbols of addresses; it knows no frame.

use std::fmt::Write;

use crate::addr::{Addr, PAGE};
use crate::memory::Memory;
use crate::symbols::types::{Base, Encoding, Enum, Kind, Type};

use super::number::{float_text, little, short_float_text};
pub use super::printoptions::{FrameArguments, PrintOptions};
use super::text::{self, TextLimits};
use super::value::{Gap, MAX_VALUE, Number, Value, ValueError};

/// gdb's `max-depth`: structs nested deeper are shown as `{...}`.
const MAX_DEPTH: usize = 20;

/// Who knows the names of addresses.
pub trait Names {
    /// The symbol at or below an address, and the distance to it, as gdb's `<symbol+offset>`.
    fn name_of(&self, at: Addr) -> Option<(String, u64)>;
    /// The same with the linker's name.
    fn linker_name_of(&self, at: Addr) -> Option<(String, u64)>;
    /// A class by its full name.
    fn class(&self, _name: &str) -> Option<Type> {
        None
    }
    /// The type that a table of methods of Rust belongs to.
    fn type_of_table(&self, _table: Addr) -> Option<Type> {
        None
    }
    /// A variable outside of functions, by its full name: a class's static member.
    fn global(&self, _name: &str) -> Option<Value> {
        None
    }
}

/// `<symbol+offset>`.
fn bracketed(name: &str, offset: u64) -> String {
    if offset == 0 { format!("<{name}>") } else { format!("<{name}+{offset}>") }
}

/// Nobody knows.
impl Names for () {
    fn name_of(&self, _: Addr) -> Option<(String, u64)> {
        None
    }
    fn linker_name_of(&self, _: Addr) -> Option<(String, u64)> {
        None
    }
}

/// Prints values.
pub struct Printer<'a> {
    /// Where strings are read.
    pub memory: &'a dyn Memory,
    /// Who names addresses.
    pub names: &'a dyn Names,
    /// How.
    pub options: &'a PrintOptions,
}

impl Printer<'_> {
    /// The value as `print` shows it after `$1 = `: pointers with their type in front.
    ///
    /// # Errors
    /// When the value cannot be read; strings and members that cannot be read are told in the text.
    pub fn top(&self, value: &Value) -> Result<String, ValueError> {
        let mut out = String::new();
        // What is nowhere is told before its type is (gdb 13.1, valprint.c, value_check_printable).
        if value.is_optimized_out() {
            self.put(&mut out, value, 0)?;
            return Ok(out);
        }
        // A printer is asked before the language is: what a reference refers to is shown without its type.
        if self.pretty(&mut out, value, 0) {
            return Ok(out);
        }
        if self.options.object
            && let Some((object, prefix)) = self.as_built(value)
        {
            out.push_str(&prefix);
            self.put(&mut out, &object, 0)?;
            return Ok(out);
        }
        if self.options.format.is_none() {
            let rust = self.options.rust && value.ty().is_pointer();
            out.push_str(&if rust { format!("({}) ", value.ty().rust_name()) } else { prefix(value.ty()) });
        }
        self.put(&mut out, value, 0)?;
        Ok(out)
    }

    /// The value as it stands among arguments, locals and members.
    ///
    /// # Errors
    /// As [`Printer::top`].
    pub fn value(&self, value: &Value) -> Result<String, ValueError> {
        let mut out = String::new();
        self.put(&mut out, value, 0)?;
        Ok(out)
    }

    /// As [`Printer::value`], with gdb's `<error: …>` in place of an error.
    #[must_use]
    pub fn value_or_error(&self, value: &Value) -> String {
        self.value(value).unwrap_or_else(|error| format!("<error: {error}>"))
    }

    /// A value among a frame's arguments: as `set print frame-arguments` says.
    #[must_use]
    pub fn argument(&self, value: &Value) -> String {
        let summary = match self.options.frame_arguments {
            FrameArguments::All => false,
            FrameArguments::Scalars => true,
            _ => return "...".to_owned(),
        };
        let options = PrintOptions { pretty: false, format: None, summary, ..self.options.clone() };
        Printer { options: &options, ..*self }.value_or_error(value)
    }

    /// An address with its symbol: `0x401136 <f+4>`.
    #[must_use]
    pub fn address(&self, at: Addr) -> String {
        match self.symbol(at) {
            Some(symbol) if self.options.address => format!("{at} {symbol}"),
            Some(symbol) => symbol,
            None if self.options.address => at.to_string(),
            None => String::new(),
        }
    }

    /// `<symbol+offset>`, where one is near.
    #[must_use]
    pub fn symbol(&self, at: Addr) -> Option<String> {
        let (name, offset) = self.names.name_of(at)?;
        Some(bracketed(&name, offset))
    }

    /// The same with the linker's name: for code and for addresses that nothing is known of.
    #[must_use]
    pub fn linker_symbol(&self, at: Addr) -> Option<String> {
        let (name, offset) = self.names.linker_name_of(at)?;
        Some(bracketed(&name, offset))
    }

    pub(super) fn put(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), ValueError> {
        if self.pretty(out, value, depth) {
            return Ok(());
        }
        let ty = value.ty().strip();
        if self.options.summary && !is_scalar(&ty) {
            out.push_str("...");
            return Ok(());
        }
        if value.is_optimized_out() {
            out.push_str("<optimized out>");
            return Ok(());
        }
        if self.options.rust && depth < MAX_DEPTH && self.rust(out, value, depth)? {
            return Ok(());
        }
        match ty.kind() {
            Kind::Record(_) | Kind::Array(_) if depth >= MAX_DEPTH && !self.is_text(&ty) => {
                out.push_str("{...}")
            }
            Kind::Record(record) => self.record(out, value, record, depth)?,
            Kind::Array(array) => self.array(out, value, array, depth)?,
            Kind::Reference { .. } => self.reference(out, value, depth)?,
            Kind::Function(_) => self.function(out, value)?,
            Kind::Void => out.push_str(if self.options.rust { "()" } else { "void" }),
            _ => match value.gap() {
                Some(Gap::OptimizedOut) => out.push_str("<optimized out>"),
                Some(Gap::Synthetic(..)) => out.push_str("<synthetic pointer>"),
                None => self.scalar(out, value, &ty)?,
            },
        }
        Ok(())
    }

    fn scalar(&self, out: &mut String, value: &Value, ty: &Type) -> Result<(), ValueError> {
        if let Some(format) = self.options.format.filter(|format| *format != 's') {
            out.push_str(&self.formatted(value, format)?);
            return Ok(());
        }
        match ty.kind() {
            Kind::MemberPointer { to, class } => {
                let shown = self.member_pointer(value, &to.get(), &class.get())?;
                out.push_str(&shown);
            }
            Kind::Pointer(to) => {
                let at = Addr(little(&value.bytes(self.memory)?));
                self.pointer(out, at, &to.get());
            }
            Kind::Enum(of) => out.push_str(&enumerator(of, value.as_i128(self.memory)?)),
            Kind::Base(base) => self.base(out, value, base)?,
            Kind::Flags { bits, .. } => {
                let number = value.as_u64(self.memory)?;
                let set = bits.iter().filter(|(name, at)| !name.is_empty() && number >> at & 1 == 1);
                let names: String = set.map(|(name, _)| format!(" {name}")).collect();
                _ = write!(out, "[{names} ]");
            }
            Kind::Unspecified(name) if ty.size() == 0 => _ = write!(out, "<{name}>"),
            _ => _ = write!(out, "{:#x}", value.as_u64(self.memory)?),
        }
        Ok(())
    }

    fn base(&self, out: &mut String, value: &Value, base: &Base) -> Result<(), ValueError> {
        match base.encoding {
            Encoding::Float if base.size == 2 => {
                let bytes = value.bytes(self.memory)?;
                out.push_str(&short_float_text(&bytes, &*base.name == "bfloat16"));
            }
            Encoding::Float => out.push_str(&float_text(&value.bytes(self.memory)?)),
            Encoding::Complex => {
                let bytes = value.bytes(self.memory)?;
                let (real, imaginary) = bytes.split_at(bytes.len() / 2);
                _ = write!(out, "{} + {}i", float_text(real), float_text(imaginary));
            }
            Encoding::Bool => match value.as_i128(self.memory)? {
                0 => out.push_str("false"),
                1 => out.push_str("true"),
                other => _ = write!(out, "{other}"),
            },
            _ => {
                let number = value.as_i128(self.memory)?;
                _ = match base {
                    Base { size: 16, encoding: Encoding::Unsigned, .. } => write!(out, "{}", number as u128),
                    _ => write!(out, "{number}"),
                };
                if value.ty().is_character() {
                    let width = base.size.clamp(1, 4) as usize;
                    let mask = if width == 4 { u32::MAX } else { (1 << (8 * width)) - 1 };
                    let code = number as u32 & mask;
                    _ = write!(
                        out,
                        " {}",
                        text::character(code, width, value.ty().wide_name(), self.options.utf8)
                    );
                }
            }
        }
        Ok(())
    }

    pub(super) fn pointer(&self, out: &mut String, at: Addr, to: &Type) {
        if to.is_function() {
            return out.push_str(&self.address(at));
        }
        let symbol = if self.options.symbol { self.symbol(at) } else { None };
        let mut space = "";
        if self.options.address {
            _ = write!(out, "{at}");
            space = " ";
        }
        if let Some(symbol) = symbol {
            _ = write!(out, "{space}{symbol}");
            space = " ";
        }
        if to.is_character() && at.0 != 0 && !self.options.rust {
            out.push_str(space);
            self.string_at(out, at, to);
        }
    }

    pub(super) fn text_limits(&self) -> TextLimits {
        TextLimits { elements: self.options.elements, repeats: self.options.repeats, utf8: self.options.utf8 }
    }

    /// The string at `at`, as far as it goes; what cannot be read is told.
    fn string_at(&self, out: &mut String, at: Addr, element: &Type) {
        let width = element.size().clamp(1, 4) as usize;
        let most = if self.options.elements == 0 { MAX_VALUE as usize } else { self.options.elements };
        let (bytes, end) = read_units(self.memory, at, width, most);
        if end != End::Fault || !bytes.is_empty() {
            let whole = match end {
                End::Limit => {
                    // One more tells whether something was cut off.
                    let next = self.memory.bytes(at.add(bytes.len() as u64), width);
                    next.is_ok_and(|unit| unit.iter().all(|byte| *byte == 0)) || bytes.is_empty()
                }
                End::Nul | End::Fault => true,
            };
            // A NUL that was read counts as the end and not as text.
            let mut padded = bytes;
            if whole {
                padded.resize(padded.len() + width, 0);
            }
            out.push_str(&text::string(&padded, width, element.wide_name(), whole, self.text_limits()));
        }
        if end == End::Fault {
            _ = write!(out, "<error: Cannot access memory at address {at}>");
        }
    }

    fn reference(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), ValueError> {
        if value.gap().is_some() {
            out.push_str("<synthetic pointer>");
            return Ok(());
        }
        let target = value.deref(self.memory)?;
        // What a member refers to is not shown with it.
        let whole = depth == 0;
        if let (Some(at), true) = (target.address(), self.options.address) {
            _ = write!(out, "@{at}{}", if whole { ": " } else { "" });
        }
        if whole { self.put(out, &target, depth) } else { Ok(()) }
    }

    fn function(&self, out: &mut String, value: &Value) -> Result<(), ValueError> {
        match self.options.format {
            None | Some('s') => {
                let ty = value.ty();
                _ = write!(out, "{{{}}} ", if self.options.rust { ty.rust_name() } else { ty.name() });
                out.push_str(&self.address(value.address().unwrap_or_default()));
            }
            Some('a' | 'c') => return Err(ValueError::NotANumber),
            // gdb takes a function for its first byte.
            Some(format) => {
                let byte = Value::at(Type::integer("uint8_t", 1, false), value.address().unwrap_or_default());
                out.push_str(&self.formatted(&byte, format)?);
            }
        }
        Ok(())
    }

    /// `print/x` and its like, for a number.
    ///
    /// # Errors
    /// When the number cannot be read.
    pub fn formatted(&self, value: &Value, format: char) -> Result<String, ValueError> {
        let size = value.ty().size().clamp(1, 16) as u32;
        let number = match value.number(self.memory)? {
            Number::Float(_) if format == 'f' => return Ok(float_text(&value.bytes(self.memory)?)),
            Number::Float(float) if format == 'c' => float as i128,
            // The bits of a float, not its value.
            Number::Float(_) => {
                let bytes = value.bytes(self.memory)?;
                let mut wide = [0; 16];
                let len = bytes.len().min(16);
                wide[..len].copy_from_slice(&bytes[..len]);
                i128::from_le_bytes(wide)
            }
            Number::Int(number) => number,
        };
        // Of a bit-field gdb shows all bits of its type.
        let width = size * 8;
        let mask = if width >= 128 { u128::MAX } else { (1 << width) - 1 };
        let unsigned = number as u128 & mask;
        let signed = if width < 128 && unsigned >> (width - 1) & 1 == 1 {
            (unsigned | !mask) as i128
        } else {
            unsigned as i128
        };
        Ok(match format {
            'x' => format!("{unsigned:#x}"),
            'z' => format!("0x{unsigned:0digits$x}", digits = (size * 2) as usize),
            'o' if unsigned == 0 => "0".to_owned(),
            'o' => format!("0{unsigned:o}"),
            't' => format!("{unsigned:b}"),
            'u' => format!("{unsigned}"),
            'd' => format!("{signed}"),
            'a' => {
                let at = Addr(number as u64);
                self.linker_symbol(at).map_or_else(|| at.to_string(), |symbol| format!("{at} {symbol}"))
            }
            'c' => {
                let code = unsigned as u8;
                let shown = if value.ty().is_signed() { i32::from(code as i8) } else { i32::from(code) };
                format!("{shown} {}", text::character(u32::from(code), 1, None, false))
            }
            'f' if matches!(size, 4 | 8 | 16) => float_text(&value.bytes(self.memory)?),
            _ => format!("{number}"),
        })
    }
}

/// What `print` writes before a pointer or reference: its type in parentheses, but not for strings.
fn prefix(ty: &Type) -> String {
    let (_, named) = ty.unqualified();
    match ty.strip().kind() {
        Kind::Pointer(to) => {
            let to = to.get();
            let (_, bare) = to.unqualified();
            let text = matches!(bare.kind(), Kind::Base(base) if &*base.name == "char");
            if text && matches!(named.kind(), Kind::Pointer(_)) {
                String::new()
            } else {
                format!("({}) ", ty.name())
            }
        }
        Kind::Reference { .. } => format!("({}) ", ty.name()),
        _ => String::new(),
    }
}

fn is_scalar(ty: &Type) -> bool {
    let mut ty = ty.strip();
    if let Kind::Reference { to, .. } = ty.kind() {
        let to = to.get().strip();
        ty = to;
    }
    !matches!(ty.kind(), Kind::Array(_) | Kind::Record(_))
}

/// An enumerator by name, several flags as `(A | B)`, anything else as a number.
fn enumerator(of: &Enum, value: i128) -> String {
    if let Some((name, _)) = of.values.iter().find(|(_, known)| *known == value) {
        return name.to_string();
    }
    if !of.flags || value == 0 {
        return value.to_string();
    }
    let mut rest = value;
    let mut parts = Vec::new();
    for (name, flag) in &of.values {
        if rest & flag != 0 {
            rest &= !flag;
            parts.push(name.to_string());
        }
    }
    if rest != 0 {
        parts.push(format!("unknown: {rest:#x}"));
    }
    format!("({})", parts.join(" | "))
}

/// Why reading a string ended.
#[derive(Copy, Clone, PartialEq, Eq)]
enum End {
    Nul,
    Limit,
    Fault,
}

/// Up to `most` units of `width` bytes from `at` on, without the NUL.
fn read_units(memory: &dyn Memory, at: Addr, width: usize, most: usize) -> (Vec<u8>, End) {
    let mut bytes = vec![0; most.saturating_mul(width).min(MAX_VALUE as usize)];
    // Never past the page that has to be read anyway: the next one may be missing, or a device.
    let mut got = 0;
    while got < bytes.len() {
        let here = at.add(got as u64);
        let room = (PAGE - here.0 % PAGE) as usize;
        let want = room.min(bytes.len() - got);
        let now = memory.read(here, &mut bytes[got..got + want]);
        got += now;
        let nul = bytes[..got].chunks_exact(width).position(|unit| unit.iter().all(|byte| *byte == 0));
        if let Some(end) = nul {
            bytes.truncate(end * width);
            return (bytes, End::Nul);
        }
        if now < want {
            bytes.truncate(got / width * width);
            return (bytes, End::Fault);
        }
    }
    (bytes, End::Limit)
}

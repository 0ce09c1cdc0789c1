//! Values of Rust in gdb's words: `r::Point {x: 3, y: 4}`, `(1, "two")`, `&[i32] [1, 2]`, `Option<i32>::Some(5)`.
//!
//! It follows gdb 13.1's rust-lang.c.

use std::fmt::Write;

use super::number::little;
use super::print::Printer;
use super::value::{Value, ValueError};
use crate::addr::Addr;
use crate::memory::Memory;
use crate::symbols::types::{Base, Count, Encoding, Kind, Member, POINTER, Record, Role, Tag, Type};
use crate::symbols::variants::Variants;

impl Printer<'_> {
    /// Prints a value as Rust has it; `false` for what is written as in C.
    pub(super) fn rust(&self, out: &mut String, value: &Value, depth: usize) -> Result<bool, ValueError> {
        let ty = value.ty().strip();
        match ty.kind() {
            Kind::Record(record) => self.rust_record(out, value, record, depth)?,
            Kind::Array(array) => {
                let Count::Known(count) = array.count else { return Ok(false) };
                // Only a literal has C's characters.
                let plain = array.element.get().name() == "char" && self.is_text(&ty);
                if plain && value.address().is_none() && array.element.get().size() == 1 {
                    return Ok(false);
                }
                out.push('[');
                self.elements(out, &value.load(self.memory)?, count, depth)?;
                if count > 0 {
                    self.end_of_array(out, depth);
                }
                out.push(']');
            }
            Kind::Base(base) if self.options.format.is_none() => return self.rust_number(out, value, base),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Numbers of one byte are no characters, and characters are those of Unicode.
    fn rust_number(&self, out: &mut String, value: &Value, base: &Base) -> Result<bool, ValueError> {
        match base.encoding {
            Encoding::Utf => {
                let code = value.as_u64(self.memory)? as u32;
                let shown = match char::from_u32(code) {
                    Some(c @ ('\\' | '\'')) => format!("\\{c}"),
                    Some('\n') => "\\n".to_owned(),
                    Some('\r') => "\\r".to_owned(),
                    Some('\t') => "\\t".to_owned(),
                    Some('\0') => "\\0".to_owned(),
                    Some(c) if c.is_ascii_graphic() || c == ' ' => c.to_string(),
                    _ if code <= 0xff => format!("\\x{code:02x}"),
                    _ => format!("\\u{{{code:06x}}}"),
                };
                _ = write!(out, "{code} '{shown}'");
            }
            _ if base.size == 0 => out.push_str(&base.name),
            Encoding::Bool | Encoding::Float | Encoding::Complex => return Ok(false),
            _ => _ = write!(out, "{}", value.as_i128(self.memory)?),
        }
        Ok(true)
    }

    fn rust_record(
        &self,
        out: &mut String,
        value: &Value,
        record: &Record,
        depth: usize,
    ) -> Result<(), ValueError> {
        let name = record.name.as_deref().unwrap_or_default();
        let is_slice = |member: &Member| matches!(member.name.as_deref(), Some("data_ptr" | "length"));
        if record.members.len() == 2 && record.members.iter().all(is_slice) {
            return self.slice(out, value, name, depth);
        }
        if let Some(variants) = record.variants() {
            let held = match value.load(self.memory)?.chosen(&variants, self.memory)? {
                Ok(held) => held,
                Err(number) => {
                    _ = write!(out, "{name} {{<unknown variant {number}>}}");
                    return Ok(());
                }
            };
            let stripped = held.ty().strip();
            let Kind::Record(of) = stripped.kind() else { return self.put(out, &held, depth) };
            out.push_str(of.name.as_deref().unwrap_or_default());
            return if of.members.is_empty() { Ok(()) } else { self.fields(out, &held, of, false, depth) };
        }
        let tuple = name.starts_with('(');
        if !tuple {
            out.push_str(name);
            if record.members.is_empty() {
                return Ok(());
            }
            out.push_str(if name.is_empty() { "" } else { " " });
        }
        self.fields(out, &value.load(self.memory)?, record, self.options.pretty, depth)
    }

    /// `(1, 2)` or `{x: 1, y: 2}`.
    fn fields(
        &self,
        out: &mut String,
        value: &Value,
        record: &Record,
        pretty: bool,
        depth: usize,
    ) -> Result<(), ValueError> {
        let numbered = |member: &Member| member.name.as_deref().is_some_and(|name| name.starts_with("__"));
        let tuple = record.members.iter().all(numbered);
        out.push(if tuple { '(' } else { '{' });
        let fields = record.members.iter().filter(|member| member.role == Role::Data);
        for (at, member) in fields.enumerate() {
            if at > 0 {
                out.push(',');
            }
            match (pretty, at) {
                (true, _) => _ = write!(out, "\n{:1$}", "", 2 + 2 * depth),
                (false, 0) => {}
                (false, _) => out.push(' '),
            }
            if !tuple {
                _ = write!(out, "{}: ", member.name.as_deref().unwrap_or_default());
            }
            let part = value.component(member, self.memory)?;
            if let Err(error) = self.put(out, &part, depth + 1) {
                _ = write!(out, "<error: {error}>");
            }
        }
        if pretty {
            _ = write!(out, "\n{:1$}", "", 2 * depth);
        }
        out.push(if tuple { ')' } else { '}' });
        Ok(())
    }

    /// With `set print array on` the bracket that closes has a line of its own.
    fn end_of_array(&self, out: &mut String, depth: usize) {
        if self.options.arrays {
            _ = write!(out, "\n{:1$}", "", 2 * depth);
        }
    }

    /// A pointer and a length: the text, or the elements.
    fn slice(&self, out: &mut String, value: &Value, name: &str, depth: usize) -> Result<(), ValueError> {
        let pointer = value.member("data_ptr", self.memory)?;
        let length = value.member("length", self.memory)?.as_u64(self.memory)?;
        let at = Addr(little(&pointer.bytes(self.memory)?));
        let element = pointer.ty().target().unwrap_or_else(Type::void);
        if name == "&str" {
            self.text(out, at, length, &element);
            return Ok(());
        }
        _ = write!(out, "{name} [");
        let elements = Value::at(element.array(length), at);
        if length > 0 {
            self.elements(out, &elements, length, depth)?;
            self.end_of_array(out, depth);
        }
        out.push(']');
        Ok(())
    }
}

impl Value {
    /// What an enumeration of Rust holds now: the structure of its variant. Nothing for what is no such enumeration, and
    /// where the number is of no variant.
    pub(super) fn variant(&self, memory: &dyn Memory) -> Result<Option<Value>, ValueError> {
        let ty = self.ty().strip();
        let Kind::Record(record) = ty.kind() else { return Ok(None) };
        let Some(variants) = record.variants() else { return Ok(None) };
        Ok(self.chosen(&variants, memory)?.ok())
    }

    /// The variant that the discriminant means, or the number that means none.
    fn chosen(&self, variants: &Variants, memory: &dyn Memory) -> Result<Result<Value, i128>, ValueError> {
        let number = match &variants.discriminant {
            Some(part) => self.slice(part.offset, part.ty.clone(), None).as_i128(memory)?,
            None => 0,
        };
        Ok(variants.of(number).map(|part| self.slice(part.offset, part.ty.clone(), None)).ok_or(number))
    }
}

/// A slice that lies nowhere: `length` elements from `at` on. `name` is that of its type, `&str` or `&[i32]`.
pub(super) fn slice_of(name: &str, element: &Type, at: Addr, length: u64) -> Value {
    let usize = Type::integer("usize", POINTER, false);
    let fields = [("data_ptr", element.pointer()), ("length", usize)];
    let bytes = [at.0.to_le_bytes(), length.to_le_bytes()].concat();
    Value::from_bytes(structure(name, fields.into_iter()), bytes)
}

/// A structure of these fields that lies nowhere.
pub(super) fn aggregate(
    name: &str,
    fields: &[(&'static str, Value)],
    memory: &dyn Memory,
) -> Result<Value, ValueError> {
    let mut bytes = Vec::new();
    for (_, value) in fields {
        let size = value.ty().size() as usize;
        bytes.extend_from_slice(value.bytes(memory)?.get(..size).unwrap_or_default());
    }
    Ok(Value::from_bytes(
        structure(name, fields.iter().map(|(name, value)| (*name, value.ty().clone()))),
        bytes,
    ))
}

/// A structure of fields that lie one behind the other.
fn structure(name: &str, fields: impl Iterator<Item = (&'static str, Type)>) -> Type {
    let mut size = 0;
    let members = fields.map(|(name, ty)| {
        let offset = size;
        size += ty.size();
        Member { name: Some(name.into()), ty: ty.into(), offset, bits: None, role: Role::Data }
    });
    let members: Vec<Member> = members.collect();
    Type::new(Kind::Record(Record::new(Tag::Struct, Some(name.into()), size, members)))
}

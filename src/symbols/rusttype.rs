//! How types are written in Rust: `*mut [i32; 3]`, `fn (i32, &str) -> u8`, `enum Shape {…}`.
//!
//! It follows gdb 13.1's rust-lang.c, `rust_internal_print_type`: a pointer and a reference are both `*mut`, because its
//! reader of DWARF drops the names of pointers. What no Rust program has is left to the writer of C's types.

use std::fmt::Write;

use super::offsets::{Asked, At};
use super::qualified;
use super::typename::{MAX_DEPTH, Writer};
use super::types::{Base, Count, Encoding, Kind, Member, Record, Role, Tag, Type};
use super::variants::Variants;

impl Type {
    /// The type in one line, as `whatis` shows it in a frame of Rust.
    #[must_use]
    pub fn rust_name(&self) -> String {
        let mut writer = Writer::default();
        writer.rust(self, -1, 0, 0);
        writer.out
    }

    /// A function as it is declared: `fn shapes::add(i32, i32) -> i32`.
    #[must_use]
    pub fn declare_rust(&self, name: &str) -> String {
        let ty = self.rust_name();
        ty.strip_prefix("fn ").map(|rest| format!("fn {name}{rest}")).unwrap_or(ty)
    }

    /// The type spelled out, as `ptype` shows it in a frame of Rust.
    #[must_use]
    pub fn describe_rust(&self, asked: Asked) -> String {
        let at = asked.offsets.then(|| At::outermost(asked.hex));
        let mut writer = Writer { asked, at, ..Writer::default() };
        writer.rust(&self.strip(), 1, 0, 0);
        writer.out
    }
}

impl Type {
    /// A type that every program of Rust has.
    #[must_use]
    pub fn rust_primitive(name: &str) -> Option<Type> {
        let (encoding, size) = match name {
            "bool" => (Encoding::Bool, 1),
            "char" => (Encoding::Utf, 4),
            "()" => (Encoding::Unsigned, 0),
            "i8" => (Encoding::Signed, 1),
            "i16" => (Encoding::Signed, 2),
            "i32" => (Encoding::Signed, 4),
            "i64" | "isize" => (Encoding::Signed, 8),
            "i128" => (Encoding::Signed, 16),
            "u8" => (Encoding::Unsigned, 1),
            "u16" => (Encoding::Unsigned, 2),
            "u32" => (Encoding::Unsigned, 4),
            "u64" | "usize" => (Encoding::Unsigned, 8),
            "u128" => (Encoding::Unsigned, 16),
            "f32" => (Encoding::Float, 4),
            "f64" => (Encoding::Float, 8),
            _ => return None,
        };
        Some(Type::new(Kind::Base(Base { name: name.into(), size, encoding })))
    }
}

impl Record {
    /// Whether all of its fields are numbered: `__0`, `__1`. Of a tuple, or of a structure like one.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        let mut fields = self.members.iter().filter(|member| member.role == Role::Data).enumerate();
        let numbered = |(at, member): (usize, &Member)| {
            let number = member.name.as_deref().and_then(|name| name.strip_prefix("__"));
            number.and_then(|number| number.parse().ok()) == Some(at)
        };
        !self.members.is_empty() && fields.all(numbered)
    }

    /// Whether it is a tuple, which is called by what it holds: `(i32, &str)`.
    #[must_use]
    pub fn is_tuple(&self) -> bool {
        self.name.as_deref().is_some_and(|name| name.starts_with('('))
    }
}

impl Writer {
    /// `show` is gdb's: 1 spells out the outermost type, 0 and less only what has no name.
    fn rust(&mut self, ty: &Type, show: i32, level: usize, depth: usize) {
        if depth > MAX_DEPTH {
            return self.put("...");
        }
        let (_, below) = ty.unqualified();
        match below.kind() {
            Kind::Typedef { name, .. } if show <= 0 => self.put(name),
            Kind::Typedef { of, .. } => self.rust(&of.get(), show, level, depth + 1),
            Kind::Void => self.put("()"),
            Kind::Record(record) => match &record.name {
                Some(name) if show <= 0 || record.is_tuple() => self.put(name),
                _ => self.rust_record(record, show, level, depth),
            },
            Kind::Enum(of) => match &of.name {
                Some(name) if show <= 0 => self.put(name),
                name => self.plain_enum(name.as_deref(), &of.values, level),
            },
            Kind::Pointer(to) => {
                self.put("*mut ");
                self.rust(&to.get(), 0, 0, depth + 1);
            }
            Kind::Array(array) => {
                self.put("[");
                self.rust(&array.element.get(), show - 1, level, depth + 1);
                match array.count {
                    Count::Known(count) => _ = write!(self.out, "; {count}"),
                    Count::Unknown => {}
                    Count::Dynamic(_) => self.put("; variable length"),
                }
                self.put("]");
            }
            Kind::Function(function) if !function.variadic => {
                self.put("fn (");
                for (at, parameter) in function.parameters.iter().enumerate() {
                    self.put(if at > 0 { ", " } else { "" });
                    self.rust(&parameter.get(), -1, 0, depth + 1);
                }
                self.put(")");
                let returns = function.returns.get();
                if !matches!(returns.strip().kind(), Kind::Void) {
                    self.put(" -> ");
                    self.rust(&returns, -1, 0, depth + 1);
                }
            }
            _ => self.whole(&below, "", show, level, depth + 1),
        }
    }

    fn rust_record(&mut self, record: &Record, show: i32, level: usize, depth: usize) {
        let variants = record.variants();
        self.put(match (&variants, record.tag) {
            (Some(_), _) => "enum ",
            (None, Tag::Union) => "union ",
            (None, _) => "struct ",
        });
        self.put(record.name.as_deref().unwrap_or_default());
        if let Some(variants) = variants {
            return self.rust_enum(record, &variants, show, level, depth);
        }
        if record.members.is_empty() {
            return;
        }
        let (open, close) = if record.is_numbered() { (" (\n", ")") } else { (" {\n", "}") };
        self.put(open);
        self.rust_fields(record, show, level, depth);
        self.rust_end(record.size, show, level, close);
    }

    /// The fields of a structure, each on a line of its own. Where places are shown they stand in the order of these.
    fn rust_fields(&mut self, record: &Record, show: i32, level: usize, depth: usize) {
        let mut fields: Vec<&Member> =
            record.members.iter().filter(|member| member.role == Role::Data).collect();
        let level = self.indented(level);
        if self.at.is_some() {
            fields.sort_by_key(|member| member.offset);
        }
        let numbered = record.is_numbered();
        for member in fields {
            self.place(record, member);
            _ = write!(self.out, "{:1$}", "", level + 2);
            if !numbered {
                _ = write!(self.out, "{}: ", member.name.as_deref().unwrap_or_default());
            }
            self.rust(&member.ty.get(), show - 1, level + 2, depth + 1);
            self.put(",\n");
        }
    }

    /// The variants of an enumeration that holds values.
    fn rust_enum(&mut self, record: &Record, variants: &Variants, show: i32, level: usize, depth: usize) {
        if variants.list.is_empty() {
            return self.put(" {}");
        }
        self.put(" {\n");
        let inner = self.indented(level);
        for (_, part) in &variants.list {
            let stripped = part.ty.strip();
            let Kind::Record(held) = stripped.kind() else { continue };
            let name = qualified::split(held.name.as_deref().unwrap_or_default()).1;
            let ty = part.ty.clone().into();
            let whole =
                Member { name: Some(name.into()), ty, offset: part.offset, bits: None, role: Role::Data };
            self.place(record, &whole);
            _ = write!(self.out, "{:1$}{name}", "", inner + 2);
            self.variant(held, show, inner + 2, depth);
            self.put(",\n");
        }
        self.rust_end(record.size, show, level, "}");
    }

    /// What a variant holds: in one line, but where places are shown.
    fn variant(&mut self, held: &Record, show: i32, level: usize, depth: usize) {
        if held.members.is_empty() {
            return;
        }
        let numbered = held.is_numbered();
        let (open, close) = if numbered { ("(", ")") } else { ("{", "}") };
        if self.at.is_some() {
            _ = writeln!(self.out, " {open}");
            self.rust_fields(held, show, level, depth);
            return self.rust_end(held.size, show, level, close);
        }
        self.put(open);
        for (at, member) in held.members.iter().enumerate() {
            self.put(if at > 0 { ", " } else { "" });
            if !numbered {
                _ = write!(self.out, "{}: ", member.name.as_deref().unwrap_or_default());
            }
            self.rust(&member.ty.get(), show - 1, level + 2, depth + 1);
        }
        self.put(close);
    }

    fn rust_end(&mut self, size: u64, show: i32, level: usize, close: &str) {
        self.total(size, show, level);
        _ = write!(self.out, "{:level$}{close}", "");
    }

    /// Beside places everything stands two further to the right.
    fn indented(&self, level: usize) -> usize {
        if self.at.is_some() { level + 2 } else { level }
    }

    /// An enumeration of names alone; they are shown without the enumeration's.
    fn plain_enum(&mut self, name: Option<&str>, values: &[(Box<str>, i128)], level: usize) {
        self.put("enum ");
        if let Some(name) = name {
            _ = write!(self.out, "{name} ");
        }
        self.put("{\n");
        for (value, _) in values {
            _ = writeln!(self.out, "{:1$}{2},", "", level + 2, qualified::split(value).1);
        }
        self.put("}");
    }
}

//! How types are written: `char *`, `int (*)(int)`, `struct s {…}`, exactly as gdb's `whatis` and `ptype` do.
//!
//! C writes a type around the name of what has it, so a type is printed in three parts: its base on the
//! left, stars and brackets before the name, brackets and parameters behind it. It follows gdb's
//! c-typeprint.c. Only data members of C++ classes are written, no methods.

use std::fmt::Write;

use super::types::{Count, Enum, Flag, Function, Kind, Member, Qualifier, Record, Role, Tag, Type};

/// Types nest no deeper than this in anything that is printed.
const MAX_DEPTH: usize = 64;

impl Type {
    /// The type in one line, as `whatis` shows it: `struct s *`, `int (*)(int)`, `struct {...}`.
    #[must_use]
    pub fn name(&self) -> String {
        self.declare("")
    }

    /// The declaration of `variable` in one line: `int (*table[4])(int)`.
    #[must_use]
    pub fn declare(&self, variable: &str) -> String {
        let mut writer = Writer { out: String::new() };
        writer.whole(self, variable, -1, 0, 0);
        writer.out
    }

    /// The type spelled out, as `ptype` shows it: a struct with its members, over several lines.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut ty = self.clone();
        // Only the outermost name is looked through.
        let mut qualifiers = Vec::new();
        for _ in 0..MAX_DEPTH {
            let next = match ty.kind() {
                Kind::Typedef { of, .. } => of.get(),
                Kind::Qualified { qualifier, of } => {
                    qualifiers.push(*qualifier);
                    of.get()
                }
                _ => break,
            };
            ty = next;
        }
        let ty = qualifiers
            .into_iter()
            .rev()
            .fold(ty.strip(), |of, qualifier| Type::new(Kind::Qualified { qualifier, of: of.into() }));
        let mut writer = Writer { out: String::new() };
        writer.whole(&ty, "", 1, 0, 0);
        writer.out
    }

    /// Takes the qualifiers off: which there were, and the type below.
    pub(crate) fn unqualified(&self) -> (Vec<Qualifier>, Type) {
        let mut found = Vec::new();
        let mut ty = self.clone();
        while let Kind::Qualified { qualifier, of } = ty.kind() {
            if found.len() >= MAX_DEPTH {
                break;
            }
            if !found.contains(qualifier) {
                found.push(*qualifier);
            }
            ty = of.get();
        }
        (found, ty)
    }
}

struct Writer {
    out: String,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// `show` is gdb's: 1 spells out the outermost type, 0 only what has no name, below 0 nothing.
    fn whole(&mut self, ty: &Type, variable: &str, show: i32, level: usize, depth: usize) {
        if depth > MAX_DEPTH {
            return self.put("...");
        }
        self.base(ty, show, level, depth);
        let (_, below) = ty.unqualified();
        let decorated = matches!(
            below.kind(),
            Kind::Pointer(_) | Kind::Reference { .. } | Kind::Function(_) | Kind::Array(_)
        );
        if !variable.is_empty() || decorated {
            self.put(" ");
        }
        self.prefix(ty, false, !variable.is_empty(), depth);
        self.put(variable);
        self.suffix(ty, false, depth);
    }

    fn base(&mut self, ty: &Type, show: i32, level: usize, depth: usize) {
        if depth > MAX_DEPTH {
            return self.put("...");
        }
        let (qualifiers, below) = ty.unqualified();
        match below.kind() {
            Kind::Pointer(to) | Kind::Reference { to, .. } => self.base(&to.get(), show, level, depth + 1),
            Kind::Array(array) => self.base(&array.element.get(), show, level, depth + 1),
            Kind::Function(function) => self.base(&function.returns.get(), show, level, depth + 1),
            kind => {
                for word in order(&qualifiers) {
                    self.put(word);
                    self.put(" ");
                }
                match kind {
                    Kind::Typedef { name, .. } | Kind::Unspecified(name) => self.put(name),
                    Kind::Base(base) => self.put(&base.name),
                    Kind::Record(record) => self.record(&below, record, show, level, depth),
                    Kind::Enum(of) => self.enumeration(of, show),
                    Kind::Flags { name, bits, .. } => self.flags(name, bits, show),
                    _ => self.put("void"),
                }
            }
        }
    }

    fn prefix(&mut self, ty: &Type, behind_pointer: bool, space_after: bool, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let (qualifiers, below) = ty.unqualified();
        let mark = match below.kind() {
            Kind::Pointer(_) => "*",
            Kind::Reference { rvalue: false, .. } => "&",
            Kind::Reference { rvalue: true, .. } => "&&",
            Kind::Array(array) => {
                self.prefix(&array.element.get(), false, space_after, depth + 1);
                return if behind_pointer {
                    self.put("(")
                };
            }
            Kind::Function(function) => {
                self.prefix(&function.returns.get(), false, false, depth + 1);
                return if behind_pointer {
                    self.put("(")
                };
            }
            _ => return,
        };
        if let Some(to) = below.target() {
            self.prefix(&to, true, true, depth + 1);
        }
        self.put(mark);
        let words = order(&qualifiers);
        for word in &words {
            self.put(" ");
            self.put(word);
        }
        if space_after && !words.is_empty() {
            self.put(" ");
        }
    }

    fn suffix(&mut self, ty: &Type, behind_pointer: bool, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let (_, below) = ty.unqualified();
        match below.kind() {
            Kind::Pointer(to) | Kind::Reference { to, .. } => self.suffix(&to.get(), true, depth + 1),
            Kind::Array(array) => {
                if behind_pointer {
                    self.put(")");
                }
                let (open, close) =
                    if array.vector { (" __attribute__ ((vector_size(", ")))") } else { ("[", "]") };
                self.put(open);
                match array.count {
                    Count::Known(count) => _ = write!(self.out, "{count}"),
                    Count::Unknown => {}
                    Count::Dynamic(_) => self.put("variable length"),
                }
                self.put(close);
                self.suffix(&array.element.get(), false, depth + 1);
            }
            Kind::Function(function) => {
                if behind_pointer {
                    self.put(")");
                }
                self.parameters(function, depth);
                self.suffix(&function.returns.get(), false, depth + 1);
            }
            _ => {}
        }
    }

    fn parameters(&mut self, function: &Function, depth: usize) {
        self.put("(");
        for (at, parameter) in function.parameters.iter().enumerate() {
            if at > 0 {
                self.put(", ");
            }
            self.whole(&parameter.get(), "", 0, 0, depth + 1);
        }
        match (function.parameters.is_empty(), function.variadic, function.prototyped) {
            (false, true, _) => self.put(", ..."),
            (true, true, _) => self.put("..."),
            (true, false, true) => self.put("void"),
            _ => {}
        }
        self.put(")");
    }

    fn record(&mut self, ty: &Type, record: &Record, show: i32, level: usize, depth: usize) {
        let spelled_out = show > 0 || (show == 0 && record.name.is_none());
        if !record.cplus || record.name.is_none() || spelled_out {
            self.put(record.tag.word());
            self.put(" ");
        }
        self.put(record.name.as_deref().unwrap_or_default());
        if !spelled_out {
            return if record.name.is_none() {
                self.put("{...}")
            };
        }
        if record.name.is_some() {
            self.put(" ");
        }
        let resolved = ty.strip();
        let record = if let Kind::Record(whole) = resolved.kind() { whole } else { record };
        let is_base = |member: &&Member| matches!(member.role, Role::Base | Role::VirtualBase);
        for (at, base) in record.members.iter().filter(is_base).enumerate() {
            self.put(if at == 0 { ": public " } else { ", public " });
            self.put(if base.role == Role::VirtualBase { "virtual " } else { "" });
            self.put(&base.ty.get().name());
            self.put(" ");
        }
        self.put("{\n");
        let nothing = if record.declaration { "<incomplete type>" } else { "<no data fields>" };
        if record.members.is_empty() {
            _ = writeln!(self.out, "{:level$}    {nothing}", "");
        } else if record.tag == Tag::Class && record.cplus {
            _ = writeln!(self.out, "{:level$}  public:", "");
        }
        for member in record.members.iter().filter(|member| !is_base(member)) {
            if member.name.as_deref().is_some_and(|name| name.starts_with("_vptr")) {
                continue;
            }
            _ = write!(self.out, "{:indent$}", "", indent = level + 4);
            if member.role == Role::Static {
                self.put("static ");
            }
            self.whole(
                &member.ty.get(),
                member.name.as_deref().unwrap_or_default(),
                show - 1,
                level + 4,
                depth + 1,
            );
            if let Some(bits) = member.bits {
                _ = write!(self.out, " : {}", bits.count);
            }
            self.put(";\n");
        }
        _ = write!(self.out, "{:level$}}}", "");
    }

    fn flags(&mut self, name: &str, bits: &[Flag], show: i32) {
        if show <= 0 {
            return self.put(name);
        }
        _ = writeln!(self.out, "flag {name} {{");
        for (bit, at) in bits {
            let space = if bit.is_empty() { "" } else { " " };
            _ = writeln!(self.out, "    bool{space}{bit} @{at};");
        }
        self.put("}");
    }

    fn enumeration(&mut self, of: &Enum, show: i32) {
        let spelled_out = show > 0 || (show == 0 && of.name.is_none());
        if !of.cplus || of.name.is_none() || spelled_out {
            self.put("enum ");
        }
        self.put(of.name.as_deref().unwrap_or_default());
        if !spelled_out {
            return if of.name.is_none() {
                self.put("{...}")
            };
        }
        if of.name.is_some() {
            self.put(" ");
        }
        self.put("{");
        let mut expected = 0;
        for (at, (name, value)) in of.values.iter().enumerate() {
            if at > 0 {
                self.put(", ");
            }
            self.put(name);
            if *value != expected {
                _ = write!(self.out, " = {value}");
            }
            expected = value.wrapping_add(1);
        }
        self.put("}");
    }
}

/// Qualifiers in the order in which gdb writes them.
fn order(found: &[Qualifier]) -> Vec<&'static str> {
    let all = [
        (Qualifier::Const, "const"),
        (Qualifier::Volatile, "volatile"),
        (Qualifier::Restrict, "restrict"),
        (Qualifier::Atomic, "_Atomic"),
    ];
    all.into_iter().filter(|(qualifier, _)| found.contains(qualifier)).map(|(_, word)| word).collect()
}

//! How types are written: `char *`, `int (*)(int)`, `struct s {…}`, exactly as gdb's `whatis` and `ptype` do.
//!
//! C writes a type around the name of what has it, so a type is printed in three parts: its base on the
//! left, stars and brackets before the name, brackets and parameters behind it. It follows gdb's
//! c-typeprint.c. Structs and classes are written in `classname`.

use std::fmt::Write;

use super::offsets::{Asked, At};
use super::types::{Count, Enum, Flag, Function, Kind, Qualifier, Type};

/// Types nest no deeper than this in anything that is printed.
pub(super) const MAX_DEPTH: usize = 64;

impl Type {
    /// The type in one line, as `whatis` shows it: `struct s *`, `int (*)(int)`, `struct {...}`.
    #[must_use]
    pub fn name(&self) -> String {
        self.declare("")
    }

    /// The declaration of `variable` in one line: `int (*table[4])(int)`.
    #[must_use]
    pub fn declare(&self, variable: &str) -> String {
        let mut writer = Writer::default();
        writer.whole(self, variable, -1, 0, 0);
        writer.out
    }

    /// The name as `whatis` shows it: that of [`Type::name`], with short names for the types of C++'s library.
    #[must_use]
    pub fn short_name(&self) -> String {
        let mut writer = Writer { short: true, ..Writer::default() };
        writer.whole(self, "", -1, 0, 0);
        writer.out
    }

    /// What it is behind typedefs, with its qualifiers.
    #[must_use]
    pub fn behind_names(&self) -> Type {
        let (qualifiers, below) = self.unqualified();
        below.strip().qualified(qualifiers)
    }

    /// What gdb compares when it looks whether two types are one (gdbtypes.c, `types_equal`): names, behind typedefs and
    /// without the outermost qualifiers.
    pub(super) fn likeness(&self) -> String {
        self.likeness_within(MAX_DEPTH)
    }

    fn likeness_within(&self, depth: usize) -> String {
        let ty = self.strip();
        let (Some(depth), Some(to)) = (depth.checked_sub(1), ty.target().filter(|_| !ty.is_array())) else {
            return ty.name();
        };
        let words = order(&to.behind_names().unqualified().0).join(" ");
        let mark = match ty.kind() {
            Kind::Reference { rvalue: true, .. } => "&&",
            Kind::Reference { .. } => "&",
            _ => "*",
        };
        format!("{words} {}{mark}", to.likeness_within(depth))
    }

    /// The same, with what has no name spelled out: `struct {…} *flex` over several lines.
    #[must_use]
    pub fn declare_spelled(&self, variable: &str) -> String {
        let mut writer = Writer::default();
        writer.whole(self, variable, 0, 0, 0);
        writer.out
    }

    /// The type spelled out, as `ptype` shows it: a struct with its members, over several lines.
    #[must_use]
    pub fn describe(&self) -> String {
        self.describe_as(Asked::default())
    }

    /// The same, with more or less of it.
    #[must_use]
    pub fn describe_as(&self, asked: Asked) -> String {
        let ty = self.without_typedefs(true, 0);
        let at = asked.offsets.then(|| At::outermost(asked.hex));
        let mut writer = Writer { short: true, asked, at, ..Writer::default() };
        let show = if writer.has_short_name(&ty) { -1 } else { 1 };
        writer.whole(&ty, "", show, 0, 0);
        writer.out
    }

    /// The type with nothing of what `ptype` looks through: no typedef in it, nor in what it points to, holds or returns.
    /// Of a pointer behind an inner typedef gdb loses the qualifiers that stand before the name (c-typeprint.c,
    /// `c_type_print_varspec_prefix`).
    fn without_typedefs(&self, outermost: bool, depth: usize) -> Type {
        if depth > MAX_DEPTH {
            return self.clone();
        }
        let (mut qualifiers, mut ty) = self.unqualified();
        let mut inside = Vec::new();
        for _ in 0..MAX_DEPTH {
            let Kind::Typedef { of, .. } = ty.kind() else { break };
            let (more, below) = of.get().unqualified();
            qualifiers.append(&mut inside);
            (inside, ty) = (more, below);
        }
        let of = |ty: &super::types::TypeRef| ty.get().without_typedefs(false, depth + 1).into();
        let bare = match ty.kind() {
            Kind::Pointer(to) => Kind::Pointer(of(to)),
            Kind::Reference { to, rvalue } => Kind::Reference { to: of(to), rvalue: *rvalue },
            Kind::MemberPointer { to, class } => Kind::MemberPointer { to: of(to), class: class.clone() },
            Kind::Array(array) => {
                Kind::Array(super::types::Array { element: of(&array.element), ..array.clone() })
            }
            Kind::Function(function) => {
                Kind::Function(Function { returns: of(&function.returns), ..function.clone() })
            }
            _ => {
                qualifiers.append(&mut inside);
                return ty.strip().qualified(qualifiers);
            }
        };
        if outermost || inside.is_empty() && matches!(self.unqualified().1.kind(), Kind::Pointer(_)) {
            inside.append(&mut qualifiers);
        }
        Type::new(bare).qualified(inside)
    }

    /// The type with these words in front, the outermost first.
    fn qualified(self, qualifiers: Vec<Qualifier>) -> Type {
        let with = |of: Type, qualifier| Type::new(Kind::Qualified { qualifier, of: of.into() });
        qualifiers.into_iter().rev().fold(self, with)
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

/// Writes a type.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) out: String,
    /// With the short names of C++'s library.
    pub(super) short: bool,
    /// Full names of the types that parameters of a template stand for, and the parameters.
    pub(super) locals: Vec<(String, Box<str>)>,
    /// What was asked for.
    pub(super) asked: Asked,
    /// Where it is, when places are shown.
    pub(super) at: Option<At>,
}

impl Writer {
    pub(super) fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// `show` is gdb's: 1 spells out the outermost type, 0 only what has no name, below 0 nothing.
    pub(super) fn whole(&mut self, ty: &Type, variable: &str, show: i32, level: usize, depth: usize) {
        if depth > MAX_DEPTH {
            return self.put("...");
        }
        if let Some(local) = self.local(ty) {
            for word in order(&ty.unqualified().0) {
                self.put(word);
                self.put(" ");
            }
            self.put(&local);
            if !variable.is_empty() {
                self.put(" ");
                self.put(variable);
            }
            return;
        }
        self.base(ty, show, level, depth);
        let (_, below) = ty.unqualified();
        let decorated = matches!(
            below.kind(),
            Kind::Pointer(_)
                | Kind::Reference { .. }
                | Kind::MemberPointer { .. }
                | Kind::Function(_)
                | Kind::Array(_)
        );
        if !variable.is_empty() || decorated {
            self.put(" ");
        }
        self.prefix(ty, false, !variable.is_empty(), depth);
        self.put(variable);
        self.suffix(ty, false, depth);
    }

    /// The parameter of the template that we are in which stands for this very type.
    fn local(&self, ty: &Type) -> Option<Box<str>> {
        if self.locals.is_empty() {
            return None;
        }
        let name = ty.likeness();
        self.locals.iter().find(|(full, _)| *full == name).map(|(_, local)| local.clone())
    }

    /// Whether a type is shown by a name of a template's, a class's or the library's.
    pub(super) fn has_short_name(&self, ty: &Type) -> bool {
        let library = || match ty.strip().kind() {
            Kind::Record(record) => record.name.as_deref().and_then(super::shortnames::own).is_some(),
            _ => false,
        };
        self.local(ty).is_some() || self.short && library()
    }

    pub(super) fn base(&mut self, ty: &Type, show: i32, level: usize, depth: usize) {
        if depth > MAX_DEPTH {
            return self.put("...");
        }
        let (qualifiers, below) = ty.unqualified();
        match below.kind() {
            Kind::Pointer(to) | Kind::Reference { to, .. } | Kind::MemberPointer { to, .. } => {
                self.base(&to.get(), show, level, depth + 1);
            }
            Kind::Array(array) => self.base(&array.element.get(), show, level, depth + 1),
            Kind::Function(function) => self.base(&function.returns.get(), show, level, depth + 1),
            kind => {
                for word in order(&qualifiers) {
                    self.put(word);
                    self.put(" ");
                }
                match kind {
                    Kind::Typedef { name, .. } => match self.local(&below) {
                        Some(local) => self.put(&local),
                        None => self.type_name(name),
                    },
                    Kind::Unspecified(name) => self.put(name),
                    Kind::Base(base) => self.type_name(&base.name),
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
            Kind::MemberPointer { to, class } => {
                if to.get().is_function() {
                    self.put("(");
                } else {
                    self.prefix(&to.get(), false, false, depth + 1);
                }
                self.base(&class.get(), -1, 0, depth + 1);
                return self.put("::*");
            }
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
            // As in gdb no blank stands between `const` and `&`.
            self.prefix(&to, true, mark == "*", depth + 1);
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
            Kind::MemberPointer { to, .. } => {
                if to.get().is_function() {
                    self.put(")");
                }
                self.suffix(&to.get(), false, depth + 1);
            }
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

    pub(super) fn parameters(&mut self, function: &Function, depth: usize) {
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
        if of.scoped && spelled_out {
            self.put("class ");
        }
        self.type_name(of.name.as_deref().unwrap_or_default());
        if !spelled_out {
            return if of.name.is_none() {
                self.put("{...}")
            };
        }
        if of.name.is_some() {
            self.put(" ");
        }
        let underlying = of.underlying.as_ref().filter(|_| of.cplus).map(|ty| ty.get().strip());
        if let Some(ty) = underlying {
            _ = write!(self.out, ": {} ", ty.name());
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

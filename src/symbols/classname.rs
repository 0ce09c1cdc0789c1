//! How `ptype` writes structs, unions and classes: with access, methods and template arguments in C++.
//!
//! It follows gdb 13.1's c-typeprint.c, `c_type_print_base_struct_union`.

use std::fmt::Write;

use super::class::{Access, Class, Method};
use super::qualified;
use super::typename::Writer;
use super::types::{Kind, Member, Record, Role, Tag, Type};

impl Writer {
    pub(super) fn record(&mut self, ty: &Type, record: &Record, show: i32, level: usize, depth: usize) {
        let spelled_out = show > 0 || (show == 0 && record.name.is_none());
        if !record.cplus || record.name.is_none() || spelled_out {
            self.put(record.tag.word());
            self.put(" ");
        }
        self.type_name(record.name.as_deref().unwrap_or_default());
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
        let mut class = if record.cplus { record.class() } else { Class::default() };
        let outer = self.locals.len();
        self.template(record, depth);
        self.derivation(record, &class);
        let own = self.locals.len();
        if !self.asked.raw {
            self.inner_names(record, &class, 16);
        }
        if !self.asked.methods {
            class.methods.clear();
        }
        if !self.asked.typedefs {
            class.typedefs.clear();
        }
        self.put("{\n");
        self.body(record, &class, show, level, depth, own);
        self.total(record.size, show, level);
        _ = write!(self.out, "{:level$}}}", "");
        self.locals.truncate(outer);
    }

    /// `[with T = int]`, and from here on the parameter's name stands for what it is.
    fn template(&mut self, record: &Record, depth: usize) {
        let mut first = true;
        let arguments =
            if record.cplus && !self.asked.raw { record.template_arguments() } else { Vec::new() };
        for argument in
            arguments.iter().filter(|argument| argument.value.is_none() && !argument.name.is_empty())
        {
            _ = write!(self.out, "{}{} = ", if first { "[with " } else { ", " }, argument.name);
            self.whole(&argument.ty, "", -1, 0, depth + 1);
            first = false;
        }
        if !first {
            self.put("] ");
        }
        for argument in arguments.into_iter().filter(|argument| argument.value.is_none()) {
            self.locals.push((argument.ty.likeness(), argument.name));
        }
    }

    fn derivation(&mut self, record: &Record, class: &Class) {
        for (at, base) in record.bases().enumerate() {
            let access = access_of(record, class, base).unwrap_or(Access::Public);
            let is_virtual = if base.role == Role::VirtualBase { " virtual" } else { "" };
            _ = write!(self.out, "{}{}{is_virtual} ", if at == 0 { ": " } else { ", " }, access.word());
            let ty = base.ty.get();
            self.type_name(&ty.name());
        }
        if record.bases().next().is_some() {
            self.put(" ");
        }
    }

    /// `own` is how many local names there are without those of the class itself.
    fn body(&mut self, record: &Record, class: &Class, show: i32, level: usize, depth: usize, own: usize) {
        let fields: Vec<&Member> = record
            .members
            .iter()
            .filter(|member| !matches!(member.role, Role::Base | Role::VirtualBase))
            .collect();
        if fields.is_empty() && class.methods.is_empty() && class.typedefs.is_empty() {
            let nothing = if record.declaration { "<incomplete type>" } else { "<no data fields>" };
            self.blank_column();
            _ = writeln!(self.out, "{:level$}    {nothing}", "");
            return;
        }
        let labels = needs_labels(record, class);
        let mut section = None;
        for member in fields {
            if member.name.as_deref().is_some_and(|name| name.starts_with("_vptr")) {
                continue;
            }
            if labels {
                let access = access_of(record, class, member).unwrap_or(Access::Public);
                self.label(&mut section, access, level);
            }
            self.place(record, member);
            self.field(member, show, level, depth);
        }
        if !class.methods.is_empty() && section.is_some() {
            self.put("\n");
        }
        for method in &class.methods {
            self.label(&mut section, method.access, level);
            self.method(record, method, level, depth);
        }
        if !class.typedefs.is_empty() {
            self.put("\n");
        }
        // In what they stand for they are not used themselves.
        let names = self.locals.split_off(own.min(self.locals.len()));
        for (name, ty, access) in &class.typedefs {
            if labels {
                self.label(&mut section, *access, level);
            }
            _ = write!(self.out, "{:1$}typedef ", "", level + 4);
            self.whole(ty, name, show - 1, level + 4, depth + 1);
            self.put(";\n");
        }
        self.locals.extend(names);
    }

    /// From here on the names that a class and its bases give to types stand for those types.
    fn inner_names(&mut self, record: &Record, class: &Class, depth: u32) {
        let named = class.typedefs.iter().map(|(name, ty, _)| (ty.likeness(), name.clone()));
        self.locals.extend(named);
        let Some(depth) = depth.checked_sub(1) else { return };
        for base in record.bases() {
            if let Kind::Record(base) = base.ty.get().strip().kind() {
                self.inner_names(base, &base.class(), depth);
            }
        }
    }

    fn field(&mut self, member: &Member, show: i32, level: usize, depth: usize) {
        _ = write!(self.out, "{:indent$}", "", indent = level + 4);
        if member.role == Role::Static {
            self.put("static ");
        }
        let ty = member.ty.get();
        let spells = member.role != Role::Static && self.spells(&ty) && !self.has_short_name(&ty);
        let outer = if spells { self.enter(member, &ty) } else { None };
        let show = if spells { show } else { show - 1 };
        self.whole(&ty, member.name.as_deref().unwrap_or_default(), show, level + 4, depth + 1);
        self.leave(outer);
        if let Some(bits) = member.bits {
            _ = write!(self.out, " : {}", bits.count);
        }
        self.put(";\n");
    }

    fn label(&mut self, section: &mut Option<Access>, access: Access, level: usize) {
        if *section != Some(access) {
            *section = Some(access);
            self.blank_column();
            _ = writeln!(self.out, "{:1$}{2}:", "", level + 2, access.word());
        }
    }

    fn method(&mut self, record: &Record, method: &Method, level: usize, depth: usize) {
        _ = write!(self.out, "{:1$}", "", level + 4);
        let destroys = method.name.starts_with('~');
        if method.is_virtual && !destroys {
            self.put("virtual ");
        } else if method.is_static {
            self.put("static ");
        }
        let constructs = &*method.name == record.plain_name();
        let converts = method.name.strip_prefix("operator ").is_some_and(|of| {
            of.starts_with(|first: char| first.is_alphabetic())
                && !of.starts_with("new")
                && !of.starts_with("delete")
        });
        if !constructs && !destroys && !converts {
            self.whole(&method.function.returns.get(), "", -1, 0, depth + 1);
            self.put(" ");
        }
        self.put(&method.name);
        self.parameters(&method.function, depth);
        if method.is_const {
            self.put(" const");
        }
        if method.is_volatile {
            self.put(" volatile");
        }
        self.put(";\n");
    }

    /// A type's full name as it is shown here: with short names of the library's, and the parameters of the template
    /// that we are in.
    pub(super) fn type_name(&mut self, name: &str) {
        let plain = self.locals.is_empty() && !self.short;
        let replaced = if plain { name.to_owned() } else { self.with_locals(name, 0) };
        self.put(&replaced);
    }

    /// A name that stands here for the type with this full name, or the full name with such names in it.
    fn with_locals(&self, name: &str, depth: usize) -> String {
        if let Some((_, local)) = self.locals.iter().find(|(full, _)| full == name) {
            return local.to_string();
        }
        if self.short
            && let Some(short) = super::shortnames::own(name)
        {
            return short;
        }
        if depth > 16 || !name.contains('<') {
            return name.to_owned();
        }
        let part = |part: &str| {
            let head = qualified::without_arguments(part);
            let inside = part[head.len()..].strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
            let Some(inside) = inside else { return part.to_owned() };
            let shown = qualified::arguments(inside).into_iter().map(|argument| {
                let base = argument.trim_end_matches(['*', '&']);
                let base = base.strip_suffix(" const").unwrap_or(base);
                format!("{}{}", self.with_locals(base, depth + 1), &argument[base.len()..])
            });
            let text = shown.collect::<Vec<_>>().join(", ");
            let space = if text.ends_with('>') { " " } else { "" };
            format!("{head}<{text}{space}>")
        };
        qualified::parts(name).into_iter().map(part).collect::<Vec<_>>().join("::")
    }
}

fn access_of(record: &Record, class: &Class, member: &Member) -> Option<Access> {
    let at = record.members.iter().position(|known| std::ptr::eq(known, member))?;
    class.members.get(at).copied()?
}

/// gdb's `need_access_label_p`: whether anything differs from what the keyword says.
fn needs_labels(record: &Record, class: &Class) -> bool {
    let fields =
        record.members.iter().filter(|member| !matches!(member.role, Role::Base | Role::VirtualBase));
    let mut all = fields
        .map(|member| access_of(record, class, member).unwrap_or(Access::Public))
        .chain(class.methods.iter().map(|method| method.access))
        .chain(class.typedefs.iter().map(|(_, _, access)| *access));
    match record.tag {
        Tag::Class => all.any(|access| access != Access::Private),
        Tag::Struct | Tag::Union => all.any(|access| access != Access::Public),
    }
}

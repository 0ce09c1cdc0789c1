//! Values that are made of others, in gdb's words: arrays, structures, unions, classes.

use std::fmt::Write;

use crate::symbols::types::{Array, Count, Kind, Member, Record, Role, Type};

use super::print::Printer;
use super::text;
use super::value::{Value, ValueError};

impl Printer<'_> {
    pub(super) fn is_text(&self, ty: &Type) -> bool {
        let plain = matches!(self.options.format, None | Some('s'));
        plain && ty.is_array() && ty.target().is_some_and(|element| element.is_character())
    }

    pub(super) fn array(
        &self,
        out: &mut String,
        value: &Value,
        array: &Array,
        depth: usize,
    ) -> Result<(), ValueError> {
        let element = array.element.get();
        let count = match array.count {
            Count::Known(count) => count,
            // Of an array without a length gdb shows the place only.
            Count::Unknown | Count::Dynamic(_) => {
                match value.address() {
                    Some(at) if element.is_character() && self.options.format.is_none() => {
                        self.pointer(out, at, &element);
                    }
                    Some(at) => out.push_str(&self.address(at)),
                    None => out.push_str("{...}"),
                }
                return Ok(());
            }
        };
        let value = value.load(self.memory)?;
        if self.is_text(value.ty()) && value.gap().is_none() {
            let bytes = value.bytes(self.memory)?;
            let width = element.size().clamp(1, 4) as usize;
            let mut shown = &bytes[..];
            if self.options.null_stop {
                let end = shown.chunks_exact(width).position(|unit| unit.iter().all(|byte| *byte == 0));
                shown = &shown[..end.map_or(shown.len(), |end| end * width)];
            }
            out.push_str(&text::string(shown, width, element.wide_name(), true, self.text_limits()));
            return Ok(());
        }
        out.push('{');
        self.elements(out, &value, count, depth)?;
        if self.options.arrays && count > 0 {
            _ = write!(out, "\n{:1$}", "", 2 * depth);
        }
        out.push('}');
        Ok(())
    }

    pub(super) fn elements(
        &self,
        out: &mut String,
        value: &Value,
        count: u64,
        depth: usize,
    ) -> Result<(), ValueError> {
        let limit = if self.options.elements == 0 { usize::MAX } else { self.options.elements };
        let fold = if self.options.repeats == 0 { u64::MAX } else { self.options.repeats as u64 };
        let count = i64::try_from(count).unwrap_or(0);
        let (mut at, mut printed) = (0, 0);
        while at < count && printed < limit {
            if at > 0 {
                out.push(',');
            }
            if self.options.arrays {
                _ = write!(out, "\n{:1$}", "", 2 + 2 * depth);
            } else if at > 0 {
                out.push(' ');
            }
            if self.options.array_indexes {
                _ = write!(out, "[{at}] = ");
            }
            let element = value.index(at, self.memory)?;
            let mut run = 1;
            let bytes = element.bytes(self.memory);
            while let (Ok(bytes), true) = (&bytes, at + run < count) {
                match value.index(at + run, self.memory)?.bytes(self.memory) {
                    Ok(next) if next == *bytes => run += 1,
                    _ => break,
                }
            }
            if run as u64 > fold {
                self.put(out, &element, depth + 1)?;
                _ = write!(out, " <repeats {run} times>");
                at += run;
                printed += self.options.repeats;
            } else {
                self.put(out, &element, depth + 1)?;
                at += 1;
                printed += 1;
            }
        }
        if at < count {
            out.push_str("...");
        }
        Ok(())
    }

    pub(super) fn record(
        &self,
        out: &mut String,
        value: &Value,
        record: &Record,
        depth: usize,
    ) -> Result<(), ValueError> {
        self.record_without(out, value, record, depth, &mut Vec::new())
    }

    /// The same without the virtual bases that were shown before: an object has one of each.
    fn record_without(
        &self,
        out: &mut String,
        value: &Value,
        record: &Record,
        depth: usize,
        shown: &mut Vec<Box<str>>,
    ) -> Result<(), ValueError> {
        if depth > 0 && record.tag == crate::symbols::types::Tag::Union && !self.options.unions {
            out.push_str("{...}");
            return Ok(());
        }
        if record.declaration {
            out.push_str("<incomplete type>");
            return Ok(());
        }
        let value = value.load(self.memory)?;
        out.push('{');
        let is_base = |member: &&Member| matches!(member.role, Role::Base | Role::VirtualBase);
        let line = |out: &mut String| _ = write!(out, "\n{:1$}", "", 2 + 2 * depth);
        let mut bases = false;
        for base in record.members.iter().filter(is_base) {
            if base.role == Role::VirtualBase {
                let name: Box<str> = base.ty.get().name().into();
                bases = true;
                if shown.contains(&name) {
                    continue;
                }
                shown.push(name);
            }
            if self.options.pretty {
                line(out);
            }
            self.base_class(out, &value, base, depth, shown);
            out.push_str(", ");
            bases = true;
        }
        // gdb (cp-valprint.c) says so where there is nothing but bases, static members count.
        let fields = record.members.iter().filter(|member| !is_base(member));
        let no_fields = fields.clone().next().is_none();
        if no_fields {
            out.push_str("<No data fields>");
        }
        let fields = fields.filter(|member| member.role != Role::Static || self.options.static_members);
        for (at, member) in fields.enumerate() {
            match (at, self.options.pretty) {
                (0, true) if bases => {
                    line(out);
                    _ = write!(out, "members of {}:", record.name.as_deref().unwrap_or_default());
                }
                (0, _) => {}
                (_, true) => out.push(','),
                (_, false) => out.push_str(", "),
            }
            if self.options.pretty {
                line(out);
            }
            self.member(out, &value, member, depth);
        }
        if self.options.pretty && !no_fields {
            _ = write!(out, "\n{:1$}", "", 2 * depth);
        }
        out.push('}');
        Ok(())
    }

    fn base_class(
        &self,
        out: &mut String,
        value: &Value,
        base: &Member,
        depth: usize,
        shown: &mut Vec<Box<str>>,
    ) {
        let ty = base.ty.get().strip();
        let (Ok(part), Kind::Record(record)) = (value.component(base, self.memory), ty.kind()) else {
            return self.member(out, value, base, depth);
        };
        _ = write!(out, "<{}> = ", base.ty.get().name());
        if self.pretty(out, &part, depth + 1) {
            return;
        }
        if let Err(error) = self.record_without(out, &part, record, depth + 1, shown) {
            _ = write!(out, "<error: {error}>");
        }
    }

    pub(super) fn member(&self, out: &mut String, value: &Value, member: &Member, depth: usize) {
        match (&member.name, member.role) {
            (_, Role::Base | Role::VirtualBase) => _ = write!(out, "<{}> = ", member.ty.get().name()),
            (Some(name), Role::Static) => _ = write!(out, "static {name} = "),
            (Some(name), Role::Data) => _ = write!(out, "{name} = "),
            (None, _) => {}
        }
        let part = match value.component(member, self.memory) {
            Err(ValueError::Static(name)) => self.names.global(&name).ok_or(ValueError::Static(name)),
            other => other,
        };
        let table = member.name.as_deref().is_some_and(|name| name.starts_with("_vptr"));
        let shown = match part {
            // The pointer to the virtual table is shown with its symbol in every format.
            Ok(part) if table && self.options.format.is_some() => {
                let options = super::PrintOptions { format: None, ..self.options.clone() };
                Printer { options: &options, ..*self }.put(out, &part, depth + 1)
            }
            Ok(part) => self.put(out, &part, depth + 1),
            Err(_) => {
                out.push_str("<optimized out>");
                Ok(())
            }
        };
        if let Err(error) = shown {
            _ = write!(out, "<error: {error}>");
        }
    }
}

//! Values that are made of others, in gdb's words: arrays, structures, unions, classes.

use std::fmt::Write;

use crate::symbols::types::{Array, Count, Member, Record, Role, Type};

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
                _ = match value.address() {
                    Some(at) => write!(out, "{}", self.address(at)),
                    None => write!(out, "{{...}}"),
                };
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
                out.push_str(", ");
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
        if record.members.is_empty() {
            out.push_str("<No data fields>");
        }
        for (at, member) in record.members.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            match (self.options.pretty, at) {
                (true, _) => _ = write!(out, "\n{:1$}", "", 2 + 2 * depth),
                (false, 0) => {}
                (false, _) => out.push(' '),
            }
            self.member(out, &value, member, depth);
        }
        if self.options.pretty && !record.members.is_empty() {
            _ = write!(out, "\n{:1$}", "", 2 * depth);
        }
        out.push('}');
        Ok(())
    }

    pub(super) fn member(&self, out: &mut String, value: &Value, member: &Member, depth: usize) {
        match (&member.name, member.role) {
            (_, Role::Base | Role::VirtualBase) => _ = write!(out, "<{}> = ", member.ty.get().name()),
            (Some(name), Role::Static) => _ = write!(out, "static {name} = "),
            (Some(name), Role::Data) => _ = write!(out, "{name} = "),
            (None, _) => {}
        }
        let shown = match value.component(member) {
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

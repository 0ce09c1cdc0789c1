//! Values as people think of them: a `std::vector` as its elements, a `String` as its text.
//!
//! A printer is a row of a table: the name of a type, and how what it holds is found. gdb has the same printers in
//! Python for libstdc++ (its printers.py, of gcc 12) and Rust's library; what is printed here is what they print. They
//! read memory and types only, and a container that is damaged, or not initialised yet, ends at the first thing that
//! cannot be read.

mod btree;
mod containers;
mod hashbrown;
mod libstdcxx;
mod own;
mod rust;
mod trees;

use std::fmt::Write;

use super::number::little;
use super::print::Printer;
use super::value::{Value, ValueError};
use crate::addr::Addr;
use crate::memory::Memory;
use crate::symbols::qualified;
use crate::symbols::types::{Kind, Type};

pub use own::{OwnPrinter, OwnShape};

/// How children are written.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Hint {
    /// `name = value`.
    Named,
    /// Values alone.
    Array,
    /// `[key] = value`, of two children each.
    Map,
}

/// What a printer made of a value.
enum Shown {
    /// Words instead of the value.
    Words(String),
    /// A text of so many characters of a type.
    Text { at: Addr, length: u64, element: Type },
    /// Another value instead of this one.
    Instead(Value),
    /// Words, if any, and then what it holds.
    Children { head: Option<String>, hint: Hint, children: Children },
}

/// What a value holds, as much of it as is shown.
struct Children {
    list: Vec<(String, Value)>,
    /// Whether there may be more than that.
    more: bool,
    /// Why it ends early.
    error: Option<ValueError>,
}

/// A printer: what it makes of a value, or nothing when the value is not built as it expects.
type Show = fn(&Look<'_>, &Value) -> Result<Option<Shown>, ValueError>;

/// What printers may ask.
struct Look<'a> {
    memory: &'a dyn Memory,
    /// No more children than this are shown.
    most: usize,
    /// The name of the type, without template arguments: `std::vector`.
    name: &'a str,
    /// The printers that apply to what a value holds.
    printer: &'a Printer<'a>,
}

impl Children {
    fn none() -> Children {
        Children { list: Vec::new(), more: false, error: None }
    }

    fn one(name: &str, value: Value) -> Children {
        Children { list: vec![(name.to_owned(), value)], more: false, error: None }
    }

    /// Asks for one child after the other until there is none, or there are enough.
    fn gather(
        most: usize,
        mut next: impl FnMut(usize) -> Result<Option<(String, Value)>, ValueError>,
    ) -> Children {
        let mut all = Children::none();
        while all.list.len() < most {
            match next(all.list.len()) {
                Ok(Some(child)) => all.list.push(child),
                Ok(None) => return all,
                Err(error) => {
                    all.error = Some(error);
                    return all;
                }
            }
        }
        all.more = true;
        all
    }

    /// Values that are counted.
    fn counted(most: usize, mut next: impl FnMut() -> Result<Option<Value>, ValueError>) -> Children {
        Children::gather(most, |at| Ok(next()?.map(|value| (format!("[{at}]"), value))))
    }

    /// The halves of pairs, one after the other; `names` are those of the pair's members.
    fn halves(
        look: &Look<'_>,
        names: [&str; 2],
        mut next: impl FnMut() -> Result<Option<Value>, ValueError>,
    ) -> Children {
        let mut second = None;
        Children::gather(look.most, |at| {
            let half = match second.take() {
                Some(half) => half,
                None => {
                    let Some(pair) = next()? else { return Ok(None) };
                    second = Some(look.member(&pair, names[1])?);
                    look.member(&pair, names[0])?
                }
            };
            Ok(Some((format!("[{at}]"), half)))
        })
    }
}

impl Look<'_> {
    fn member(&self, of: &Value, name: &str) -> Result<Value, ValueError> {
        of.member(name, self.memory)
    }

    /// A member of a member, and so on.
    fn path(&self, of: &Value, names: &[&str]) -> Result<Value, ValueError> {
        names.iter().try_fold(of.clone(), |value, name| self.member(&value, name))
    }

    fn number(&self, value: &Value) -> Result<u64, ValueError> {
        value.as_u64(self.memory)
    }

    /// The word at an address.
    fn word(&self, at: u64) -> Result<u64, ValueError> {
        Ok(little(&self.memory.bytes(Addr(at), 8)?))
    }

    /// The number at the end of a path.
    fn number_at(&self, of: &Value, names: &[&str]) -> Result<u64, ValueError> {
        self.number(&self.path(of, names)?)
    }

    /// What `type` the template was made for.
    fn argument(&self, of: &Value, at: usize) -> Result<Type, ValueError> {
        let found = of.ty().template_argument(at).filter(|argument| argument.value.is_none());
        found.map(|argument| argument.ty).ok_or_else(|| ValueError::Other("no template argument".to_owned()))
    }

    /// How a value that is held inside is introduced when it has a printer of its own: that printer's words, children
    /// and hint.
    fn inner(&self, value: &Value) -> Option<(String, Hint, Children)> {
        match self.printer.shown(value).ok()?? {
            Shown::Children { head, hint, children } => Some((head.unwrap_or_default(), hint, children)),
            _ => None,
        }
    }
}

/// The number of elements as gdb words it.
fn elements(count: u64) -> String {
    if count == 1 { "1 element".to_owned() } else { format!("{} elements", count as i64) }
}

impl Printer<'_> {
    /// What a printer makes of a value; nothing when no printer is for its type.
    fn shown(&self, value: &Value) -> Result<Option<Shown>, ValueError> {
        let mut value = value.clone();
        let stripped = value.ty().strip();
        // As in gdb, what a plain reference refers to is shown in its place.
        if let Kind::Reference { to, rvalue: false } = stripped.kind() {
            if !to.get().strip().is_record() || value.gap().is_some() {
                return Ok(None);
            }
            value = value.deref(self.memory)?;
        }
        let ty = value.ty().strip();
        let Kind::Record(record) = ty.kind() else { return Ok(None) };
        if record.declaration {
            return Ok(None);
        }
        let full = record.name.as_deref().unwrap_or_default();
        let last = qualified::split(full).1;
        let name = &full[..full.len() - last.len() + qualified::without_arguments(last).len()];
        let most = match self.options.elements {
            0 => 1 << 20,
            elements => elements,
        };
        let look = Look { memory: self.memory, most, name, printer: self };
        if let Some(own) = self.options.own.iter().find(|own| own.fits(value.ty(), full)) {
            return own.show(&look, &value);
        }
        if !record.cplus {
            return Ok(None);
        }
        libstdcxx::find(name).or_else(|| rust::find(name)).map_or(Ok(None), |show| show(&look, &value))
    }

    /// The pointer in a smart pointer.
    pub(super) fn smart_pointer(&self, value: &Value) -> Option<Value> {
        let Shown::Children { children, .. } = self.shown(value).ok()?? else { return None };
        let (name, pointer) = children.list.into_iter().next()?;
        (name == "get()").then_some(pointer)
    }

    /// The elements of a sequence.
    pub(super) fn elements_of(&self, value: &Value) -> Option<Vec<Value>> {
        match self.shown(value).ok()?? {
            Shown::Children { hint: Hint::Array, children, .. } => {
                Some(children.list.into_iter().map(|(_, value)| value).collect())
            }
            _ => None,
        }
    }

    /// How many elements or characters a container has.
    pub(super) fn length_of(&self, value: &Value) -> Option<u64> {
        match self.shown(value).ok()?? {
            Shown::Text { length, .. } => Some(length),
            Shown::Children { hint, children, .. } => {
                let smart = children.list.first().is_some_and(|(name, _)| name == "get()");
                let each = if hint == Hint::Map { 2 } else { 1 };
                (!smart).then_some(children.list.len() as u64 / each)
            }
            Shown::Words(_) | Shown::Instead(_) => None,
        }
    }

    /// Prints a value by its printer. `false` when it has none, or is not built as that expects.
    pub(super) fn pretty(&self, out: &mut String, value: &Value, depth: usize) -> bool {
        if self.options.raw || value.is_optimized_out() {
            return false;
        }
        let Ok(Some(shown)) = self.shown(value) else { return false };
        match shown {
            Shown::Words(words) => out.push_str(&words),
            Shown::Text { at, length, element } => self.text(out, at, length, &element),
            Shown::Instead(other) => {
                if let Err(error) = self.put(out, &other, depth) {
                    _ = write!(out, "<error: {error}>");
                }
            }
            Shown::Children { head, hint, children } => {
                out.push_str(head.as_deref().unwrap_or_default());
                self.children(out, head.is_some(), hint, &children, depth);
            }
        }
        true
    }

    pub(super) fn text(&self, out: &mut String, at: Addr, length: u64, element: &Type) {
        let limit = if self.options.elements == 0 { usize::MAX } else { self.options.elements };
        let width = element.size().clamp(1, 4);
        let shown = usize::try_from(length).unwrap_or(usize::MAX).min(limit).min(1 << 20);
        match self.memory.bytes(at, shown * width as usize) {
            Ok(bytes) => {
                let whole = shown as u64 == length;
                let bytes = self.counted_text(bytes, width as usize, whole);
                let limits = self.text_limits();
                out.push_str(&super::text::string(
                    &bytes,
                    width as usize,
                    element.wide_name(),
                    whole,
                    limits,
                ));
            }
            Err(_) => _ = write!(out, "<error: Cannot access memory at address {at}>"),
        }
    }

    /// What ends in a NUL is shown without it, as in C; so one is added that may be taken off.
    fn counted_text(&self, mut bytes: Vec<u8>, width: usize, whole: bool) -> Vec<u8> {
        let ends_in_nul =
            bytes.rchunks_exact(width).next().is_some_and(|unit| unit.iter().all(|byte| *byte == 0));
        if whole && !ends_in_nul {
            bytes.resize(bytes.len() + width, 0);
        }
        bytes
    }

    /// gdb's `print_children` (python/py-prettyprint.c).
    fn children(&self, out: &mut String, headed: bool, hint: Hint, children: &Children, depth: usize) {
        let pretty = self.options.pretty && hint != Hint::Array || self.options.arrays && hint == Hint::Array;
        let map = hint == Hint::Map;
        let line = |out: &mut String, level: usize| _ = write!(out, "\n{:1$}", "", 2 * level);
        for (at, (name, child)) in children.list.iter().enumerate() {
            let begins = !map || at % 2 == 0;
            match at {
                0 if headed => out.push_str(" = "),
                0 => {}
                _ if begins => out.push_str(if pretty { "," } else { ", " }),
                _ => {}
            }
            if at == 0 {
                out.push('{');
                if self.options.summary {
                    return out.push_str("...}");
                }
            }
            if begins && pretty {
                line(out, depth + 1);
            }
            match hint {
                Hint::Map if begins => out.push('['),
                Hint::Array if self.options.array_indexes => _ = write!(out, "[{at}] = "),
                Hint::Named => _ = write!(out, "{name} = "),
                _ => {}
            }
            if let Err(error) = self.put(out, child, depth + 1) {
                // What follows is likely to be as bad: a container that is not built yet has millions of them.
                _ = write!(out, "<error: {error}>}}");
                return;
            }
            if map && begins {
                out.push_str("] = ");
            }
        }
        self.end_of_children(out, children, pretty, depth);
    }

    fn end_of_children(&self, out: &mut String, children: &Children, pretty: bool, depth: usize) {
        if let Some(error) = &children.error {
            out.push_str(if children.list.is_empty() { " = {" } else { ", " });
            _ = write!(out, "<error: {error}>");
        }
        if children.list.is_empty() && children.error.is_none() {
            return;
        }
        if children.more {
            if pretty {
                _ = write!(out, "\n{:1$}", "", 2 + 2 * depth);
            }
            out.push_str("...");
        }
        if pretty {
            _ = write!(out, "\n{:1$}", "", 2 * depth);
        }
        out.push('}');
    }
}

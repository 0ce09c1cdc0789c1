//! Printers that users describe in a line: which member holds the data of their type, and which its length.

use super::{Children, Hint, Look, Shown, containers};
use crate::addr::Addr;
use crate::scene::value::{Value, ValueError};
use crate::symbols::qualified;
use crate::symbols::types::{Kind, Type};

/// What a user's printer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnShape {
    /// The text of so many characters: the paths of its pointer and of its length.
    Text(String, String),
    /// So many elements.
    Array(String, String),
    /// One of its members in place of the whole.
    Member(String),
}

/// A user's printer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPrinter {
    /// The type's name; without template arguments it stands for all of them.
    pub name: String,
    /// What is shown.
    pub shape: OwnShape,
}

impl OwnPrinter {
    /// The printers that are there from the start: nginx's counted strings.
    #[must_use]
    pub fn usual() -> Vec<OwnPrinter> {
        let shape = OwnShape::Text("data".into(), "len".into());
        vec![OwnPrinter { name: "ngx_str_t".into(), shape }]
    }

    /// Reads `TYPE text|array DATA LENGTH` or `TYPE member NAME`; a member's member is `a.b`.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn parse(line: &str) -> Result<OwnPrinter, String> {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().rposition(|word| matches!(*word, "text" | "array" | "member"));
        let rest = at.map(|at| words.split_off(at)).unwrap_or_default();
        let shape = match rest.as_slice() {
            ["text", data, length] => OwnShape::Text((*data).into(), (*length).into()),
            ["array", data, length] => OwnShape::Array((*data).into(), (*length).into()),
            ["member", name] => OwnShape::Member((*name).into()),
            _ => {
                return Err(
                    "A printer is TYPE text DATA LENGTH, TYPE array DATA LENGTH or TYPE member NAME.".into(),
                );
            }
        };
        if words.is_empty() {
            return Err("A printer needs the name of a type.".into());
        }
        Ok(OwnPrinter { name: words.join(" "), shape })
    }

    /// The line that describes it.
    #[must_use]
    pub fn line(&self) -> String {
        match &self.shape {
            OwnShape::Text(data, length) => format!("{} text {data} {length}", self.name),
            OwnShape::Array(data, length) => format!("{} array {data} {length}", self.name),
            OwnShape::Member(name) => format!("{} member {name}", self.name),
        }
    }

    /// Whether it is for a type: by its typedef or by its own name.
    pub(super) fn fits(&self, ty: &Type, full: &str) -> bool {
        let wanted = self.name.trim_start_matches("struct ");
        let (_, named) = ty.unqualified();
        let alias = match named.kind() {
            Kind::Typedef { name, .. } => &**name,
            _ => "",
        };
        let head = |full: &str| qualified::part_fits(qualified::split(full).1, qualified::split(wanted).1);
        alias == wanted
            || full == wanted
            || (!full.is_empty() && qualified::split(full).0 == qualified::split(wanted).0 && head(full))
    }

    pub(super) fn show(&self, look: &Look<'_>, value: &Value) -> Result<Option<Shown>, ValueError> {
        let at = |path: &str| look.path(value, &path.split('.').collect::<Vec<_>>());
        Ok(Some(match &self.shape {
            OwnShape::Text(data, length) => {
                let (pointer, length) = (at(data)?, look.number(&at(length)?)?);
                let Some(element) = pointer.ty().target() else { return Ok(None) };
                Shown::Text { at: Addr(look.number(&pointer)?), length, element }
            }
            OwnShape::Array(data, length) => {
                let length = look.number(&at(length)?)?;
                let children: Children = containers::run(look, &at(data)?, length)?;
                Shown::Children { head: None, hint: Hint::Array, children }
            }
            OwnShape::Member(name) => Shown::Instead(at(name)?),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_is_written() {
        for line in
            ["ngx_str_t text data len", "struct list array items count", "my::Box<int> member inner.value"]
        {
            assert_eq!(OwnPrinter::parse(line).map(|own| own.line()), Ok(line.to_owned()));
        }
        for line in ["", "x", "x text a", "text a b", "x member"] {
            assert!(OwnPrinter::parse(line).is_err(), "{line}");
        }
    }
}

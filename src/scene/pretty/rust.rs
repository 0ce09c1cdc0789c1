//! Rust's `String` and `Vec` as rust-gdb shows them (etc/gdb_providers.py of the compiler's sources).

use super::{Hint, Look, Show, Shown, containers};
use crate::addr::Addr;
use crate::scene::value::{Value, ValueError};

type Answer = Result<Option<Shown>, ValueError>;

/// The printer for a type called `name`.
pub(super) fn find(name: &str) -> Option<Show> {
    match name {
        "alloc::string::String" => Some(string),
        "alloc::vec::Vec" => Some(vector),
        _ => None,
    }
}

/// Where a `Vec` has its elements: since Rust 1.83 the buffer has an `inner` of bytes.
fn start(look: &Look<'_>, value: &Value) -> Result<Addr, ValueError> {
    let buffer = look.member(value, "buf")?;
    let buffer = look.member(&buffer, "inner").unwrap_or(buffer);
    Ok(Addr(look.number_at(&buffer, &["ptr", "pointer", "pointer"])?))
}

fn string(look: &Look<'_>, value: &Value) -> Answer {
    let bytes = look.member(value, "vec")?;
    let length = look.number_at(&bytes, &["len"])?;
    Ok(Some(Shown::Text { at: start(look, &bytes)?, length, element: look.argument(&bytes, 0)? }))
}

fn vector(look: &Look<'_>, value: &Value) -> Answer {
    let length = look.number_at(value, &["len"])?;
    let first = Value::pointer(&look.argument(value, 0)?, start(look, value)?);
    let children = containers::run(look, &first, length)?;
    Ok(Some(Shown::Children { head: Some(format!("Vec(size={length})")), hint: Hint::Array, children }))
}

//! Rust's strings, vectors, cells and counted pointers as rust-gdb shows them (etc/gdb_providers.py of the compiler's
//! sources); its tables are in `hashbrown` and `btree`.
//!
//! The library is built with the program and changes as it likes, so what a thing is made of is found by the names of
//! members, and by going through the wrappers around them. What is built otherwise is shown as it is.

use super::{Children, Hint, Look, Show, Shown, btree, containers, hashbrown};
use crate::addr::Addr;
use crate::scene::rustvalues::slice_of;
use crate::scene::value::{Value, ValueError};
use crate::symbols::qualified;
use crate::symbols::types::{Kind, POINTER, Type};

type Answer = Result<Option<Shown>, ValueError>;

/// Wrappers lie no deeper around a number or a pointer.
const MAX_WRAPPERS: usize = 8;

/// The table: the crate, the type's last name, and its printer. The modules between moved with the versions.
const PRINTERS: &[(&str, &str, Show)] = &[
    ("alloc", "String", string),
    ("std", "OsString", os_string),
    ("alloc", "Vec", vector),
    ("alloc", "VecDeque", deque),
    ("alloc", "BTreeMap", btree::map),
    ("alloc", "BTreeSet", btree::set),
    ("std", "HashMap", hashbrown::map),
    ("std", "HashSet", hashbrown::set),
    ("alloc", "Box", boxed),
    ("alloc", "Rc", rc),
    ("alloc", "Arc", arc),
    ("core", "Cell", cell),
    ("core", "RefCell", ref_cell),
    ("core", "Ref", borrowed),
    ("core", "RefMut", borrowed),
    ("core", "NonZero", non_zero),
];

/// The printer for a type called `name`.
pub(super) fn find(name: &str) -> Option<Show> {
    let (scope, last) = qualified::split(name);
    let root = scope.split("::").next()?;
    PRINTERS.iter().find(|(of, known, _)| *of == root && *known == last).map(|(_, _, show)| *show)
}

/// The first of these members that there is.
pub(super) fn either(look: &Look<'_>, value: &Value, names: &[&str]) -> Result<Value, ValueError> {
    let mut found = names.iter().map(|name| look.member(value, name));
    found.find(Result::is_ok).unwrap_or_else(|| Err(ValueError::NoMember(names.concat())))
}

/// What lies in wrappers of one member: `Unique`, `NonNull`, `Cell`, `UnsafeCell`.
fn unwrapped(look: &Look<'_>, value: Value, is_it: impl Fn(&Type) -> bool) -> Result<Value, ValueError> {
    let mut value = value;
    for _ in 0..MAX_WRAPPERS {
        let ty = value.ty().strip();
        if is_it(&ty) {
            return Ok(value);
        }
        let Kind::Record(record) = ty.kind() else { break };
        // Markers and allocators have no size.
        let Some(member) = record.members.iter().find(|member| member.ty.get().size() > 0) else { break };
        value = value.component(member, look.memory)?;
    }
    Err(ValueError::Other("it is not built as expected".to_owned()))
}

/// The pointer in wrappers; one with a length counts too.
pub(super) fn pointer(look: &Look<'_>, value: Value) -> Result<Value, ValueError> {
    unwrapped(look, value, |ty| ty.is_pointer() || is_fat(ty))
}

/// The number in wrappers.
pub(super) fn number(look: &Look<'_>, value: Value) -> Result<Value, ValueError> {
    unwrapped(look, value, |ty| !ty.is_record())
}

/// Whether a pointer comes with a length or a table of methods.
fn is_fat(ty: &Type) -> bool {
    let Kind::Record(record) = ty.kind() else { return false };
    record.members.iter().any(|member| matches!(member.name.as_deref(), Some("data_ptr" | "vtable")))
}

/// The buffer of a `Vec` or `VecDeque`: since Rust 1.83 it has an `inner` of bytes.
fn buffer(look: &Look<'_>, value: &Value) -> Result<Value, ValueError> {
    let buffer = look.member(value, "buf")?;
    Ok(look.member(&buffer, "inner").unwrap_or(buffer))
}

/// Where it has its elements.
fn start(look: &Look<'_>, value: &Value) -> Result<Addr, ValueError> {
    let inner = look.member(&buffer(look, value)?, "ptr")?;
    Ok(Addr(look.number(&pointer(look, inner)?)?))
}

fn bytes(look: &Look<'_>, vector: &Value) -> Answer {
    let length = look.number_at(vector, &["len"])?;
    Ok(Some(Shown::Text { at: start(look, vector)?, length, element: look.argument(vector, 0)? }))
}

fn string(look: &Look<'_>, value: &Value) -> Answer {
    bytes(look, &look.member(value, "vec")?)
}

fn os_string(look: &Look<'_>, value: &Value) -> Answer {
    bytes(look, &look.path(value, &["inner", "inner"])?)
}

fn vector(look: &Look<'_>, value: &Value) -> Answer {
    let length = look.number_at(value, &["len"])?;
    let first = Value::pointer(&look.argument(value, 0)?, start(look, value)?);
    let children = containers::run(look, &first, length)?;
    Ok(Some(Shown::Children { head: Some(format!("Vec(size={length})")), hint: Hint::Array, children }))
}

/// A ring: since Rust 1.67 it has a length, before that it ended in front of `head` and began at `tail`.
fn deque(look: &Look<'_>, value: &Value) -> Answer {
    let element = look.argument(value, 0)?;
    let capacity = look.member(&buffer(look, value)?, "cap")?;
    let capacity = match element.size() {
        // What has no size needs no room.
        0 => 0,
        _ => look.number(&number(look, capacity)?)?,
    };
    let head = look.number_at(value, &["head"])?;
    let (first, length) = match look.number_at(value, &["len"]) {
        Ok(length) => (head, length),
        Err(_) => {
            let tail = look.number_at(value, &["tail"])?;
            (tail, head.wrapping_sub(tail) & capacity.wrapping_sub(1))
        }
    };
    if element.size() > 0 && length > capacity {
        return Err(ValueError::Other("it has more elements than room".to_owned()));
    }
    let start = start(look, value)?;
    let mut at = 0;
    let children = Children::counted(look.most, || {
        let index = first.wrapping_add(at).checked_rem(capacity).unwrap_or(0);
        at += 1;
        let here = start.add(index.wrapping_mul(element.size()));
        Ok((at <= length).then(|| Value::at(element.clone(), here)))
    });
    Ok(Some(Shown::Children { head: Some(format!("VecDeque(size={length})")), hint: Hint::Array, children }))
}

fn named(head: String, list: Vec<(&str, Value)>) -> Answer {
    let list = list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let children = Children { list, more: false, error: None };
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Named, children }))
}

fn rc(look: &Look<'_>, value: &Value) -> Answer {
    counted(look, value, "Rc")
}

fn arc(look: &Look<'_>, value: &Value) -> Answer {
    counted(look, value, "Arc")
}

/// The type behind a table of methods; nothing where the debug info does not describe the table.
fn concrete(look: &Look<'_>, fat: &Value) -> Result<Option<Type>, ValueError> {
    let table = look.number_at(fat, &["vtable"])?;
    Ok(look.printer.names.type_of_table(Addr(table)))
}

/// A box of what has no size of its own: a trait object, or text. Others are pointers, or slices.
fn boxed(look: &Look<'_>, value: &Value) -> Answer {
    let name = value.ty().name();
    if name.contains("Box<str") {
        let data = look.member(value, "data_ptr")?;
        let Some(element) = data.ty().target() else { return Ok(None) };
        let length = look.number_at(value, &["length"])?;
        return Ok(Some(Shown::Text { at: Addr(look.number(&data)?), length, element }));
    }
    let Ok(pointer) = look.member(value, "pointer") else { return Ok(None) };
    let Some(ty) = concrete(look, value)? else { return Ok(None) };
    let kind = pointer.ty().target().map_or_else(String::new, |of| of.rust_name());
    let held = Value::at(ty, Addr(look.number(&pointer)?));
    named(format!("Box<{kind}>"), vec![("value", held)])
}

/// What is shared, and by how many. All strong pointers together hold one weak one, which is not shown.
fn counted(look: &Look<'_>, value: &Value, kind: &str) -> Answer {
    let shared = pointer(look, look.member(value, "ptr")?)?;
    let start = match shared.ty().is_record() {
        true => either(look, &shared, &["data_ptr", "pointer"])?,
        false => shared.clone(),
    };
    let block = start.deref(look.memory)?;
    let Some(held) = shared_value(look, value, &shared, &block)? else { return Ok(None) };
    let count = |name: &str| number(look, look.member(&block, name)?);
    let (strong, weak) = (count("strong")?, count("weak")?);
    let others = look.number(&weak)?.wrapping_sub(1);
    let head = format!("{kind}(strong={}, weak={})", look.number(&strong)?, others as i64);
    let weak = Value::integer(weak.ty().clone(), i128::from(others as i64));
    named(head, vec![("value", held), ("strong", strong), ("weak", weak)])
}

/// The value behind the two counts.
fn shared_value(
    look: &Look<'_>,
    value: &Value,
    shared: &Value,
    block: &Value,
) -> Result<Option<Value>, ValueError> {
    if look.member(shared, "vtable").is_ok() && shared.ty().is_record() {
        let Some(ty) = concrete(look, shared)? else { return Ok(None) };
        let counts = 2 * POINTER;
        let behind = counts.next_multiple_of(ty.alignment().clamp(1, 4096));
        return Ok(block.address().map(|at| Value::at(ty, at.add(behind))));
    }
    let held = either(look, block, &["value", "data"])?;
    if !shared.ty().is_record() {
        return Ok(Some(held));
    }
    let length = look.number_at(shared, &["length"])?;
    let text = value.ty().name().contains("<str");
    let at = held.address().ok_or(ValueError::NotInMemory)?;
    let name = if text { "&str".to_owned() } else { format!("&[{}]", held.ty().rust_name()) };
    Ok(Some(slice_of(&name, held.ty(), at, length)))
}

fn inside(look: &Look<'_>, value: &Value) -> Result<Value, ValueError> {
    look.path(value, &["value", "value"])
}

fn cell(look: &Look<'_>, value: &Value) -> Answer {
    named("Cell".to_owned(), vec![("value", inside(look, value)?)])
}

/// `RefCell(borrow=2)`: so many readers, or below zero writers.
fn borrows(look: &Look<'_>, kind: &str, count: &Value) -> Result<String, ValueError> {
    let count = look.number(count)? as i64;
    let word = if count < 0 { "borrow_mut" } else { "borrow" };
    Ok(format!("{kind}({word}={})", count.unsigned_abs()))
}

fn ref_cell(look: &Look<'_>, value: &Value) -> Answer {
    let count = number(look, look.member(value, "borrow")?)?;
    named(borrows(look, "RefCell", &count)?, vec![("value", inside(look, value)?), ("borrow", count)])
}

/// A borrow refers to the value and to the count of its `RefCell`.
fn borrowed(look: &Look<'_>, value: &Value) -> Answer {
    let held = pointer(look, look.member(value, "value")?)?.deref(look.memory)?;
    let count = pointer(look, look.member(value, "borrow")?)?.deref(look.memory)?;
    let count = number(look, count)?;
    named(borrows(look, "Ref", &count)?, vec![("*value", held), ("borrow", count)])
}

fn non_zero(look: &Look<'_>, value: &Value) -> Answer {
    Ok(Some(Shown::Instead(number(look, value.clone())?)))
}

//! libstdc++'s sequences: vectors, deques, lists, and what wraps them.

use super::{Children, Hint, Look, Shown, elements};
use crate::addr::Addr;
use crate::scene::value::{Value, ValueError};
use crate::symbols::types::Type;

type Answer = Result<Option<Shown>, ValueError>;

fn array(head: String, children: Children) -> Answer {
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Array, children }))
}

/// `length` values from where a pointer points to.
pub(super) fn run(look: &Look<'_>, pointer: &Value, length: u64) -> Result<Children, ValueError> {
    let at = Addr(look.number(pointer)?);
    let Some(element) = pointer.ty().target() else { return Err(ValueError::NotAPointer) };
    Ok(values(look, element, at, length))
}

fn values(look: &Look<'_>, element: Type, at: Addr, length: u64) -> Children {
    let size = element.size();
    let mut next = 0;
    Children::counted(look.most, || {
        let here = at.add(size.wrapping_mul(next));
        next += 1;
        Ok((next <= length).then(|| Value::at(element.clone(), here)))
    })
}

pub(super) fn vector(look: &Look<'_>, value: &Value) -> Answer {
    let of = look.argument(value, 0)?;
    if of.strip().is_bool() {
        return bits(look, value);
    }
    let [start, finish, end] =
        ["_M_start", "_M_finish", "_M_end_of_storage"].map(|name| look.number_at(value, &["_M_impl", name]));
    let (start, finish, end) = (start?, finish?, end?);
    let size = of.size().max(1) as i64;
    let count = |to: u64| (to.wrapping_sub(start) as i64) / size;
    let length = count(finish);
    let head = format!("{} of length {length}, capacity {}", look.name, count(end));
    let children = values(look, of, Addr(start), length as u64);
    array(head, children)
}

/// A vector of truth values has one bit for each.
fn bits(look: &Look<'_>, value: &Value) -> Answer {
    let [start, finish] =
        ["_M_start", "_M_finish"].map(|name| look.number_at(value, &["_M_impl", name, "_M_p"]));
    let (start, finish) = (start?, finish?);
    let end = look.number_at(value, &["_M_impl", "_M_end_of_storage"])?;
    let last = look.number_at(value, &["_M_impl", "_M_finish", "_M_offset"])?;
    let count = |to: u64| (to.wrapping_sub(start) as i64).wrapping_mul(8);
    let length = count(finish).wrapping_add(last as i64);
    let head = format!("{}<bool> of length {length}, capacity {}", look.name, count(end));
    let truth = look.argument(value, 0)?;
    let mut next = 0;
    let children = Children::counted(look.most, || {
        if next >= length {
            return Ok(None);
        }
        let byte = look.memory.bytes(Addr(start).add(next as u64 / 8), 1)?;
        let bit = byte.first().copied().unwrap_or(0) >> (next % 8) & 1;
        next += 1;
        Ok(Some(Value::integer(truth.clone(), bit.into())))
    });
    array(head, children)
}

pub(super) fn deque(look: &Look<'_>, value: &Value) -> Answer {
    let of = look.argument(value, 0)?;
    let size = of.size().max(1);
    let per_node = if size < 512 { 512 / size } else { 1 };
    let word = |which: &str, name: &str| look.number_at(value, &["_M_impl", which, name]);
    let (mut node, mut at, mut end) =
        (word("_M_start", "_M_node")?, word("_M_start", "_M_cur")?, word("_M_start", "_M_last")?);
    let (last_node, last) = (word("_M_finish", "_M_node")?, word("_M_finish", "_M_cur")?);
    let nodes = (last_node.wrapping_sub(node) as i64 / 8).wrapping_sub(1);
    let (first, rest) =
        (end.wrapping_sub(at) / size, last.wrapping_sub(word("_M_finish", "_M_first")?) / size);
    let count = nodes.wrapping_mul(per_node as i64).wrapping_add(first as i64).wrapping_add(rest as i64);
    let children = Children::counted(look.most, || {
        if at == last {
            return Ok(None);
        }
        let value = Value::at(of.clone(), Addr(at));
        at = at.wrapping_add(size);
        if at == end {
            node = node.wrapping_add(8);
            at = look.word(node)?;
            end = at.wrapping_add(per_node * size);
        }
        Ok(Some(value))
    });
    array(format!("{} with {}", look.name, elements(count as u64)), children)
}

/// A chain of nodes from `first` to `end`: each is a link of `links` words, and its value behind them.
fn chain(look: &Look<'_>, of: &Type, first: u64, end: u64, links: u64) -> Children {
    let mut at = first;
    Children::counted(look.most, || {
        if at == end {
            return Ok(None);
        }
        let here = Addr(at);
        at = look.word(here.0)?;
        Ok(Some(Value::at(of.clone(), value_behind(here, links, of))))
    })
}

/// Where a node's value lies: behind its links, where its alignment allows.
pub(super) fn value_behind(node: Addr, links: u64, of: &Type) -> Addr {
    node.add((links * 8).next_multiple_of(of.alignment().clamp(1, 4096)))
}

fn linked(look: &Look<'_>, empty: bool, children: Children) -> Answer {
    let head = if empty { format!("empty {}", look.name) } else { look.name.to_owned() };
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Named, children }))
}

pub(super) fn list(look: &Look<'_>, value: &Value) -> Answer {
    let head = look.path(value, &["_M_impl", "_M_node"])?;
    let end = head.address().ok_or(ValueError::NotInMemory)?.0;
    let first = look.number_at(&head, &["_M_next"])?;
    linked(look, first == end, chain(look, &look.argument(value, 0)?, first, end, 2))
}

pub(super) fn forward_list(look: &Look<'_>, value: &Value) -> Answer {
    let first = look.number_at(value, &["_M_impl", "_M_head", "_M_next"])?;
    linked(look, first == 0, chain(look, &look.argument(value, 0)?, first, 0, 1))
}

/// `std::stack` and its like show the container that they stand on.
pub(super) fn wrapper(look: &Look<'_>, value: &Value) -> Answer {
    let inner = look.member(value, "c")?;
    let Some((head, hint, children)) = look.inner(&inner) else { return Ok(None) };
    Ok(Some(Shown::Children { head: Some(format!("{} wrapping: {head}", look.name)), hint, children }))
}

/// The bits that are set, by their numbers.
pub(super) fn bitset(look: &Look<'_>, value: &Value) -> Answer {
    let words = look.member(value, "_M_w")?;
    let bytes = words.bytes(look.memory)?.into_owned();
    let set = |at: &usize| bytes[at / 8] >> (at % 8) & 1 == 1;
    let one = Type::integer("int", 4, true);
    let mut all = (0..bytes.len() * 8).filter(set);
    let children = Children::gather(look.most, |_| {
        Ok(all.next().map(|at| (format!("[{at}]"), Value::integer(one.clone(), 1))))
    });
    Ok(Some(Shown::Children { head: Some(look.name.to_owned()), hint: Hint::Named, children }))
}

/// An iterator shows what it stands at; one that stands nowhere says so.
fn standing(
    look: &Look<'_>,
    at: u64,
    what: &str,
    value: impl FnOnce() -> Result<Value, ValueError>,
) -> Answer {
    if at == 0 {
        return Ok(Some(Shown::Words(format!("non-dereferenceable iterator for std::{what}"))));
    }
    Ok(Some(Shown::Words(look.printer.top(&value()?)?)))
}

pub(super) fn vector_iterator(look: &Look<'_>, value: &Value) -> Answer {
    let current = look.member(value, "_M_current")?;
    standing(look, look.number(&current)?, "vector", || current.deref(look.memory))
}

pub(super) fn list_iterator(look: &Look<'_>, value: &Value) -> Answer {
    let (node, of) = (look.number_at(value, &["_M_node"])?, look.argument(value, 0)?);
    standing(look, node, "list", || Ok(Value::at(of.clone(), value_behind(Addr(node), 2, &of))))
}

pub(super) fn deque_iterator(look: &Look<'_>, value: &Value) -> Answer {
    let current = look.member(value, "_M_cur")?;
    standing(look, look.number(&current)?, "deque", || current.deref(look.memory))
}

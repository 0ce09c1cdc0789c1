//! libstdc++'s red-black trees (`std::map`, `std::set`) and hash tables.

use super::containers::value_behind;
use super::{Children, Hint, Look, Shown, elements};
use crate::addr::Addr;
use crate::scene::value::{Value, ValueError};
use crate::symbols::types::Type;

type Answer = Result<Option<Shown>, ValueError>;

/// No tree that is balanced is deeper.
const MAX_HEIGHT: usize = 128;

/// `_Rb_tree_node_base` (bits/stl_tree.h): colour, parent, left, right, a word each.
const PARENT: u64 = 8;
const LEFT: u64 = 16;
const RIGHT: u64 = 24;
const NODE_WORDS: u64 = 4;

/// The members of a pair.
const PAIR: [&str; 2] = ["first", "second"];

/// The nodes of a tree in order.
struct Nodes<'a> {
    look: &'a Look<'a>,
    at: u64,
    left: u64,
}

impl<'a> Nodes<'a> {
    fn of(look: &'a Look<'a>, value: &Value) -> Result<(Nodes<'a>, u64), ValueError> {
        let count = look.number_at(value, &["_M_t", "_M_impl", "_M_node_count"])?;
        let first = look.number_at(value, &["_M_t", "_M_impl", "_M_header", "_M_left"])?;
        Ok((Nodes { look, at: first, left: count }, count))
    }

    fn word(&self, node: u64, which: u64) -> Result<u64, ValueError> {
        self.look.word(node.wrapping_add(which))
    }

    fn next(&mut self) -> Result<Option<Addr>, ValueError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        let here = self.at;
        self.left = left;
        if left > 0 {
            self.at = self.successor(here)?;
        }
        Ok(Some(Addr(here)))
    }

    fn successor(&self, node: u64) -> Result<u64, ValueError> {
        let mut node = node;
        let right = self.word(node, RIGHT)?;
        if right != 0 {
            node = right;
            for _ in 0..MAX_HEIGHT {
                match self.word(node, LEFT)? {
                    0 => return Ok(node),
                    left => node = left,
                }
            }
        } else {
            for _ in 0..MAX_HEIGHT {
                let parent = self.word(node, PARENT)?;
                if node != self.word(parent, RIGHT)? {
                    return Ok(if self.word(node, RIGHT)? == parent { node } else { parent });
                }
                node = parent;
            }
        }
        Err(ValueError::Other("the tree is deeper than any balanced one".to_owned()))
    }
}

/// The type of a map's elements: the last argument's own argument, `std::allocator<std::pair<…> >`.
fn pair_type(look: &Look<'_>, value: &Value, allocator: usize) -> Result<Type, ValueError> {
    let allocator = look.argument(value, allocator)?;
    let pair = allocator.first_argument();
    pair.ok_or_else(|| ValueError::Other("the allocator does not say what it allocates".to_owned()))
}

pub(super) fn map(look: &Look<'_>, value: &Value) -> Answer {
    let of = pair_type(look, value, 3)?;
    let (mut nodes, count) = Nodes::of(look, value)?;
    let pair = |node: Addr| Value::at(of.clone(), value_behind(node, NODE_WORDS, &of));
    let children = Children::halves(look, PAIR, || Ok(nodes.next()?.map(pair)));
    let head = format!("{} with {}", look.name, elements(count));
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Map, children }))
}

pub(super) fn set(look: &Look<'_>, value: &Value) -> Answer {
    let of = look.argument(value, 0)?;
    let (mut nodes, count) = Nodes::of(look, value)?;
    let children = Children::counted(look.most, || {
        Ok(nodes.next()?.map(|node| Value::at(of.clone(), value_behind(node, NODE_WORDS, &of))))
    });
    let head = format!("{} with {}", look.name, elements(count));
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Named, children }))
}

pub(super) fn tree_iterator(look: &Look<'_>, value: &Value) -> Answer {
    let (node, of) = (look.number_at(value, &["_M_node"])?, look.argument(value, 0)?);
    if node == 0 {
        let words = "non-dereferenceable iterator for associative container";
        return Ok(Some(Shown::Words(words.to_owned())));
    }
    let held = Value::at(of.clone(), value_behind(Addr(node), NODE_WORDS, &of));
    Ok(Some(Shown::Words(look.printer.top(&held)?)))
}

/// The values of a hash table, in the order of its one chain of nodes (bits/hashtable.h).
fn hashed<'a>(
    look: &'a Look<'a>,
    value: &Value,
    of: Type,
) -> Result<impl FnMut() -> Result<Option<Value>, ValueError> + 'a, ValueError> {
    let mut at = look.number_at(value, &["_M_h", "_M_before_begin", "_M_nxt"])?;
    Ok(move || {
        if at == 0 {
            return Ok(None);
        }
        let node = Addr(at);
        at = look.word(node.0)?;
        Ok(Some(Value::at(of.clone(), value_behind(node, 1, &of))))
    })
}

fn count(look: &Look<'_>, value: &Value) -> Result<String, ValueError> {
    let count = look.number_at(value, &["_M_h", "_M_element_count"])?;
    Ok(format!("{} with {}", look.name, elements(count)))
}

pub(super) fn hash_map(look: &Look<'_>, value: &Value) -> Answer {
    let next = hashed(look, value, pair_type(look, value, 4)?)?;
    let children = Children::halves(look, PAIR, next);
    Ok(Some(Shown::Children { head: Some(count(look, value)?), hint: Hint::Map, children }))
}

pub(super) fn hash_set(look: &Look<'_>, value: &Value) -> Answer {
    let next = hashed(look, value, look.argument(value, 0)?)?;
    let children = Children::counted(look.most, next);
    Ok(Some(Shown::Children { head: Some(count(look, value)?), hint: Hint::Named, children }))
}

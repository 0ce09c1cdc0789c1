//! Rust's ordered maps and sets: B-trees (library/alloc/src/collections/btree/node.rs).
//!
//! A node has up to eleven keys and values; an inner one has its children, one more than it has keys, in `edges` behind
//! what a leaf has. How high the tree is stands beside its root.

use super::{Children, Hint, Look, Shown, rust};
use crate::addr::Addr;
use crate::scene::value::{Value, ValueError};
use crate::symbols::types::{Count, Kind, Type};

type Answer = Result<Option<Shown>, ValueError>;

/// A node but the root has five keys at least, so no tree that fits into memory is higher.
const MAX_HEIGHT: u64 = 32;

/// What is where in a node, in bytes.
struct Node {
    keys: u64,
    values: u64,
    count: u64,
    edges: u64,
    /// More keys than this it has not.
    most: u64,
}

impl Node {
    fn of(leaf: &Type) -> Result<Node, ValueError> {
        let bare = leaf.strip();
        let Kind::Record(record) = bare.kind() else { return Err(ValueError::NotAStructure) };
        let member = |name: &str| {
            let found = record.members.iter().find(|member| member.name.as_deref() == Some(name));
            found.ok_or_else(|| ValueError::NoMember(name.to_owned()))
        };
        let keys = member("keys")?;
        let of = keys.ty.get().strip();
        let most = match of.kind() {
            Kind::Array(array) if array.count != Count::Unknown => match array.count {
                Count::Known(count) => count,
                _ => 0,
            },
            _ => 0,
        };
        // An inner node is laid out as in C: the leaf first.
        let edges = record.size.next_multiple_of(8);
        let (keys, values) = (keys.offset, member("vals")?.offset);
        Ok(Node { keys, values, count: member("len")?.offset, edges, most })
    }
}

/// The pairs of a tree in order.
struct Pairs<'a> {
    look: &'a Look<'a>,
    node: Node,
    key: Type,
    value: Type,
    /// The way down: a node, how high it is, and the number of its next key.
    way: Vec<(Addr, u64, u64)>,
    left: u64,
}

impl<'a> Pairs<'a> {
    fn of(look: &'a Look<'a>, map: &Value) -> Result<Pairs<'a>, ValueError> {
        let (key, value) = (look.argument(map, 0)?, look.argument(map, 1)?);
        let left = look.number_at(map, &["length"])?;
        let mut pairs = Pairs {
            look,
            node: Node { keys: 0, values: 0, count: 0, edges: 0, most: 0 },
            key,
            value,
            way: Vec::new(),
            left,
        };
        if left == 0 {
            return Ok(pairs);
        }
        let root = look.member(map, "root")?;
        // It was no `Option` before Rust 1.40.
        let root = match root.variant(look.memory)? {
            Some(some) => look.member(&some, "__0")?,
            None => root,
        };
        let height = look.number_at(&root, &["height"])?;
        let node = rust::pointer(look, look.member(&root, "node")?)?;
        let leaf = node.ty().target().ok_or(ValueError::NotAPointer)?;
        pairs.node = Node::of(&leaf)?;
        pairs.down(Addr(look.number(&node)?), height)?;
        Ok(pairs)
    }

    /// Goes down to the leftmost leaf.
    fn down(&mut self, node: Addr, height: u64) -> Result<(), ValueError> {
        if height > MAX_HEIGHT {
            return Err(ValueError::Other("the tree is higher than any that fits into memory".to_owned()));
        }
        let (mut node, mut height) = (node, height);
        loop {
            self.way.push((node, height, 0));
            if height == 0 {
                return Ok(());
            }
            node = Addr(self.look.word(node.add(self.node.edges).0)?);
            height -= 1;
        }
    }

    fn next(&mut self) -> Result<Option<(Value, Value)>, ValueError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        while let Some((node, height, at)) = self.way.pop() {
            let count = self.look.memory.bytes(node.add(self.node.count), 2)?;
            let count = u64::from(u16::from_le_bytes([count[0], count[1]]));
            if count > self.node.most {
                return Err(ValueError::Other(format!("a node has {count} keys")));
            }
            if at >= count {
                continue;
            }
            self.way.push((node, height, at + 1));
            if height > 0 {
                let edge = node.add(self.node.edges + 8 * (at + 1));
                self.down(Addr(self.look.word(edge.0)?), height - 1)?;
            }
            self.left = left;
            let part = |of: &Type, from: u64| {
                Value::at(of.clone(), node.add(from.wrapping_add(at.wrapping_mul(of.size()))))
            };
            return Ok(Some((part(&self.key, self.node.keys), part(&self.value, self.node.values))));
        }
        Err(ValueError::Other(format!("{} more elements are in no node", self.left)))
    }
}

pub(super) fn map(look: &Look<'_>, value: &Value) -> Answer {
    let mut pairs = Pairs::of(look, value)?;
    let head = format!("BTreeMap(size={})", pairs.left);
    let mut second = None;
    let children = Children::counted(look.most, || {
        if let Some(value) = second.take() {
            return Ok(Some(value));
        }
        let Some((key, value)) = pairs.next()? else { return Ok(None) };
        second = Some(value);
        Ok(Some(key))
    });
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Map, children }))
}

/// A set is a map to nothing.
pub(super) fn set(look: &Look<'_>, value: &Value) -> Answer {
    let mut pairs = Pairs::of(look, &look.member(value, "map")?)?;
    let head = format!("BTreeSet(size={})", pairs.left);
    let children = Children::counted(look.most, || Ok(pairs.next()?.map(|(key, _)| key)));
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Array, children }))
}

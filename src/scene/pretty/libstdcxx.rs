//! libstdc++'s smart pointers, strings, pairs and single values, as gcc 12's printers.py shows them; its containers are
//! in `containers` and `trees`.

use super::{Children, Hint, Look, Show, Shown, containers, trees};
use crate::addr::Addr;
use crate::scene::value::{Value, ValueError};
use crate::symbols::class::TemplateArgument;
use crate::symbols::qualified;
use crate::symbols::shortnames::short;
use crate::symbols::types::{Kind, Role};

type Answer = Result<Option<Shown>, ValueError>;

/// The table: a type's name without template arguments, and its printer.
const PRINTERS: &[(&str, Show)] = &[
    ("std::__cxx11::basic_string", string),
    ("std::basic_string", old_string),
    ("std::basic_string_view", string_view),
    ("std::pair", pair),
    ("std::tuple", tuple),
    ("std::unique_ptr", unique_ptr),
    ("std::shared_ptr", shared_ptr),
    ("std::weak_ptr", shared_ptr),
    ("std::optional", optional),
    ("std::variant", variant),
    ("std::atomic", atomic),
    ("std::initializer_list", initializer_list),
    ("std::span", span),
    ("std::bitset", containers::bitset),
    ("std::vector", containers::vector),
    ("std::deque", containers::deque),
    ("std::__cxx11::list", containers::list),
    ("std::list", containers::list),
    ("std::forward_list", containers::forward_list),
    ("std::stack", containers::wrapper),
    ("std::queue", containers::wrapper),
    ("std::priority_queue", containers::wrapper),
    ("std::map", trees::map),
    ("std::multimap", trees::map),
    ("std::set", trees::set),
    ("std::multiset", trees::set),
    ("std::unordered_map", trees::hash_map),
    ("std::unordered_multimap", trees::hash_map),
    ("std::unordered_set", trees::hash_set),
    ("std::unordered_multiset", trees::hash_set),
    ("__gnu_cxx::__normal_iterator", containers::vector_iterator),
    ("std::_Rb_tree_iterator", trees::tree_iterator),
    ("std::_Rb_tree_const_iterator", trees::tree_iterator),
    ("std::_List_iterator", containers::list_iterator),
    ("std::_List_const_iterator", containers::list_iterator),
    ("std::_Deque_iterator", containers::deque_iterator),
];

/// The printer for a type called `name`.
pub(super) fn find(name: &str) -> Option<Show> {
    PRINTERS.iter().find(|(known, _)| *known == name).map(|(_, show)| *show)
}

fn string(look: &Look<'_>, value: &Value) -> Answer {
    let pointer = look.path(value, &["_M_dataplus", "_M_p"])?;
    let length = look.number_at(value, &["_M_string_length"])?;
    text(look, &pointer, length)
}

/// The string of before gcc 5: its length lies in front of the characters (`_Rep`: length, capacity, references).
fn old_string(look: &Look<'_>, value: &Value) -> Answer {
    let pointer = look.path(value, &["_M_dataplus", "_M_p"])?;
    let before = Addr(look.number(&pointer)?.wrapping_sub(24));
    let length = Value::at(crate::symbols::types::Type::integer("unsigned long", 8, false), before);
    text(look, &pointer, look.number(&length)?)
}

fn string_view(look: &Look<'_>, value: &Value) -> Answer {
    let pointer = look.member(value, "_M_str")?;
    let length = look.number_at(value, &["_M_len"])?;
    text(look, &pointer, length)
}

fn text(look: &Look<'_>, pointer: &Value, length: u64) -> Answer {
    let Some(element) = pointer.ty().target() else { return Ok(None) };
    Ok(Some(Shown::Text { at: Addr(look.number(pointer)?), length, element }))
}

fn pair(look: &Look<'_>, value: &Value) -> Answer {
    let list = ["first", "second"].map(|name| Ok((name.to_owned(), look.member(value, name)?)));
    let list = list.into_iter().collect::<Result<_, ValueError>>()?;
    let children = Children { list, more: false, error: None };
    Ok(Some(Shown::Children { head: None, hint: Hint::Named, children }))
}

/// A tuple is a chain of base classes, each with the base that holds one element beside the rest of the chain.
fn tuple(look: &Look<'_>, value: &Value) -> Answer {
    let mut list = Vec::new();
    let mut rest = base(look, value, 0)?;
    while let Some(node) = rest.take() {
        if list.len() >= look.most {
            break;
        }
        let first = base(look, &node, 0)?;
        let (head, next) = match base(look, &node, 1)? {
            Some(head) => (Some(head), first),
            None => (first, None),
        };
        let Some(head) = head else { break };
        let element = look.member(&head, "_M_head_impl").unwrap_or(head);
        list.push((format!("[{}]", list.len() + 1), element));
        rest = next;
    }
    let words =
        if list.is_empty() { format!("empty {}", look.name) } else { format!("{} containing", look.name) };
    let children = Children { list, more: false, error: None };
    Ok(Some(Shown::Children { head: Some(words), hint: Hint::Named, children }))
}

/// A base class of an object, by its number.
fn base(look: &Look<'_>, value: &Value, at: usize) -> Result<Option<Value>, ValueError> {
    let ty = value.ty().strip();
    let Kind::Record(record) = ty.kind() else { return Ok(None) };
    let bases = record.members.iter().filter(|member| member.role == Role::Base);
    bases.clone().nth(at).map(|member| value.component(member, look.memory)).transpose()
}

fn unique_ptr(look: &Look<'_>, value: &Value) -> Answer {
    let inner = look.member(value, "_M_t")?;
    // Since gcc 6 the tuple lies in a class of its own.
    let tuple = look.member(&inner, "_M_t").unwrap_or(inner);
    let node = base(look, &tuple, 0)?.ok_or(ValueError::NotAStructure)?;
    // The last base holds the first element; where the rest of the chain is empty it is the only one.
    let head = base(look, &node, 1)?.or(base(look, &node, 0)?).ok_or(ValueError::NotAStructure)?;
    let pointer = look.member(&head, "_M_head_impl")?;
    let head = format!("std::unique_ptr<{}>", look.argument(value, 0)?.name());
    let children = Children::one("get()", pointer);
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Named, children }))
}

fn shared_ptr(look: &Look<'_>, value: &Value) -> Answer {
    let pointer = look.member(value, "_M_ptr")?;
    let counts = look.path(value, &["_M_refcount", "_M_pi"])?;
    let state = if look.number(&counts)? == 0 {
        "empty".to_owned()
    } else {
        let counts = counts.deref(look.memory)?;
        let used = look.number_at(&counts, &["_M_use_count"])?;
        let weak = look.number_at(&counts, &["_M_weak_count"])? as i64;
        match used {
            0 => format!("expired, weak count {weak}"),
            _ => format!("use count {}, weak count {}", used as i64, weak - 1),
        }
    };
    let head = format!("{}<{}> ({state})", look.name, look.argument(value, 0)?.name());
    let children = Children::one("get()", pointer);
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Named, children }))
}

fn optional(look: &Look<'_>, value: &Value) -> Answer {
    let payload = look.member(value, "_M_payload")?;
    let head = format!("{}<{}>", look.name, short(&look.argument(value, 0)?.name()));
    if look.number_at(&payload, &["_M_engaged"])? == 0 {
        return Ok(Some(Shown::Words(format!("{head} [no contained value]"))));
    }
    let held = look.member(&payload, "_M_payload")?;
    let held = look.member(&held, "_M_value").unwrap_or(held);
    Ok(Some(held_by(look, held, &head, &head, Hint::Named)))
}

fn variant(look: &Look<'_>, value: &Value) -> Answer {
    let ty = value.ty().strip();
    let Kind::Record(record) = ty.kind() else { return Ok(None) };
    let all: Vec<TemplateArgument> = record.template_arguments();
    let names: Vec<String> = all.iter().map(|argument| short(&argument.ty.name()).into_owned()).collect();
    let head = format!("{}<{}>", look.name, names.join(", "));
    let index = look.number_at(value, &["_M_index"])?;
    let Some(chosen) = usize::try_from(index).ok().and_then(|index| all.get(index)) else {
        return Ok(Some(Shown::Words(format!("{head} [no contained value]"))));
    };
    let at = look.member(value, "_M_u")?.address().ok_or(ValueError::NotInMemory)?;
    let held = Value::at(chosen.ty.clone(), at);
    let head = format!("{head} [index {index}]");
    Ok(Some(held_by(look, held, &head, &head, Hint::Array)))
}

/// One value in another: what it holds itself, when it has a printer that knows.
fn held_by(look: &Look<'_>, held: Value, head: &str, plain: &str, hint: Hint) -> Shown {
    match look.inner(&held) {
        Some((words, hint, children)) => {
            Shown::Children { head: Some(format!("{head} containing {words}")), hint, children }
        }
        None => {
            let children = Children::one("[contained value]", held);
            Shown::Children { head: Some(plain.to_owned()), hint, children }
        }
    }
}

fn atomic(look: &Look<'_>, value: &Value) -> Answer {
    let of = look.argument(value, 0)?;
    let stripped = of.strip();
    let path: &[&str] = match stripped.kind() {
        Kind::Pointer(_) => &["_M_b", "_M_p"],
        _ if stripped.is_float() => &["_M_fp"],
        _ if stripped.is_bool() => &["_M_base", "_M_i"],
        _ => &["_M_i"],
    };
    let held = look.path(value, path)?;
    let text = look.printer.top(&held)?;
    Ok(Some(Shown::Words(format!("{}<{}> = {{ {text} }}", look.name, of.name()))))
}

fn initializer_list(look: &Look<'_>, value: &Value) -> Answer {
    let full = value.ty().strip().name();
    let length = look.number_at(value, &["_M_len"])?;
    let children = containers::run(look, &look.member(value, "_M_array")?, length)?;
    let head = format!("{} of length {length}", qualified::without_arguments(&full));
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Array, children }))
}

fn span(look: &Look<'_>, value: &Value) -> Answer {
    let extent = value.ty().template_argument(1).and_then(|argument| argument.value);
    let length = match extent.and_then(|extent| u64::try_from(extent).ok()) {
        Some(length) if length != u64::MAX => length,
        _ => look.number_at(value, &["_M_extent", "_M_extent_value"])?,
    };
    let children = containers::run(look, &look.member(value, "_M_ptr")?, length)?;
    let head = format!("{} of length {length}", look.name);
    Ok(Some(Shown::Children { head: Some(head), hint: Hint::Array, children }))
}

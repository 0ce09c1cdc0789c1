//! What only classes have: template arguments, methods, access, types of their own. Read when somebody asks.
//!
//! Values need none of it but the template arguments; it is here for `ptype` and for the printers of containers.

use std::sync::Arc;

use gimli::{AttributeValue, DwTag, constants as dw};

use super::dies::Die;
use super::printed;
use super::typeload::{TypeTable, constant};
use super::types::{Function, Kind, Qualifier, Record, Role, Tag, Type};

/// An argument of a template.
#[derive(Clone, Debug)]
pub struct TemplateArgument {
    /// The parameter's name in the template: `T`.
    pub name: Box<str>,
    /// The type that it is, or has.
    pub ty: Type,
    /// Its number, when the parameter is a value.
    pub value: Option<i128>,
}

/// Who may use a member.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Access {
    Public,
    Protected,
    Private,
}

impl Access {
    /// The keyword.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Access::Public => "public",
            Access::Protected => "protected",
            Access::Private => "private",
        }
    }
}

/// A method that the source declares.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its name in the class.
    pub name: Box<str>,
    /// Who may call it.
    pub access: Access,
    /// Found through the virtual table.
    pub is_virtual: bool,
    /// Belongs to the class and not to an object.
    pub is_static: bool,
    /// May be called for `const` objects.
    pub is_const: bool,
    /// May be called for `volatile` objects.
    pub is_volatile: bool,
    /// Its type, without the object.
    pub function: Function,
}

/// What `ptype` shows of a class beyond its data.
#[derive(Clone, Debug, Default)]
pub struct Class {
    /// The access of each of the record's members, in their order.
    pub members: Vec<Option<Access>>,
    /// In the order of the source, those of one name together.
    pub methods: Vec<Method>,
    /// `typedef`s inside.
    pub typedefs: Vec<(Box<str>, Type, Access)>,
}

/// No template has more arguments that we would look at.
const MAX_ARGUMENTS: usize = 1024;

impl Record {
    /// The arguments of the template that this class was made from; parameter packs are spread out.
    #[must_use]
    pub fn template_arguments(&self) -> Vec<TemplateArgument> {
        let mut found = Vec::new();
        if let Some((table, at)) = &self.die
            && let Some(die) = Die::open(table.dies(), *at)
        {
            collect(table, &die, &mut found, 4);
        }
        found
    }

    /// The method at this entry of the virtual table, as it is declared: `A::area() const`. Those of base classes are
    /// found too.
    #[must_use]
    pub fn virtual_at(&self, entry: u64) -> Option<String> {
        self.virtual_within(entry, 16)
    }

    /// The entry of the virtual table that a method of this class has.
    #[must_use]
    pub fn table_entry(&self, method: &str) -> Option<u64> {
        let (table, at) = self.die.as_ref()?;
        let die = Die::open(table.dies(), *at)?;
        let found = die.children().into_iter().find(|child| {
            child.entry.tag() == dw::DW_TAG_subprogram && child.name().is_some_and(|name| &*name == method)
        })?;
        entry_of(&found)
    }

    /// The last entry of the virtual table that a method of this very class has.
    #[must_use]
    pub fn last_table_entry(&self) -> Option<u64> {
        let (table, at) = self.die.as_ref()?;
        let die = Die::open(table.dies(), *at)?;
        die.children().iter().filter_map(entry_of).max()
    }

    fn virtual_within(&self, entry: u64, depth: u32) -> Option<String> {
        let (table, at) = self.die.as_ref()?;
        let die = Die::open(table.dies(), *at)?;
        let is_it = |child: &Die<'_>| entry_of(child) == Some(entry);
        if let Some(method) = die.children().into_iter().find(is_it) {
            let linkage = method.text(dw::DW_AT_linkage_name);
            return linkage.and_then(|name| printed::demangled(&name, true)).or(Some(method.name()?.into()));
        }
        let depth = depth.checked_sub(1)?;
        self.bases().find_map(|base| match base.ty.get().strip().kind() {
            Kind::Record(base) => base.virtual_within(entry, depth),
            _ => None,
        })
    }

    /// Methods, access and types; nothing for what is no class.
    #[must_use]
    pub fn class(&self) -> Class {
        let read = || {
            let (table, at) = self.die.as_ref()?;
            let die = Die::open(table.dies(), *at)?;
            Some(Reader { table, record: self }.read(&die))
        };
        read().unwrap_or_default()
    }
}

/// The entry of the virtual table that a method says it has.
fn entry_of(method: &Die<'_>) -> Option<u64> {
    let Some(AttributeValue::Exprloc(place)) = method.attr(dw::DW_AT_vtable_elem_location) else {
        return None;
    };
    match *place.0.slice() {
        [op, index] if op == dw::DW_OP_constu.0 => Some(index.into()),
        [op, low, high] if op == dw::DW_OP_constu.0 && high < 128 => {
            Some(u64::from(low & 127) | u64::from(high) << 7)
        }
        [op] => op.checked_sub(dw::DW_OP_lit0.0).filter(|value| *value < 32).map(u64::from),
        _ => None,
    }
}

fn collect(table: &Arc<TypeTable>, die: &Die<'_>, found: &mut Vec<TemplateArgument>, depth: u32) {
    for child in die.children() {
        if found.len() >= MAX_ARGUMENTS {
            return;
        }
        let value = match child.entry.tag() {
            dw::DW_TAG_template_type_parameter => None,
            dw::DW_TAG_template_value_parameter => constant(&child, dw::DW_AT_const_value).or(Some(0)),
            dw::DW_TAG_GNU_template_parameter_pack if depth > 0 => {
                collect(table, &child, found, depth - 1);
                continue;
            }
            _ => continue,
        };
        let name = child.name().unwrap_or_default();
        found.push(TemplateArgument { name, ty: table.type_of(&child).get(), value });
    }
}

struct Reader<'a> {
    table: &'a Arc<TypeTable>,
    record: &'a Record,
}

impl Reader<'_> {
    fn read(&self, die: &Die<'_>) -> Class {
        let mut class = Class::default();
        for child in die.children() {
            match child.entry.tag() {
                dw::DW_TAG_subprogram => self.method(&child, &mut class.methods),
                dw::DW_TAG_typedef => {
                    let name = child.name().unwrap_or_default();
                    class.typedefs.push((name, self.table.type_of(&child).get(), self.access(&child)));
                }
                tag if is_member(tag) => class.members.push(self.member_access(&child)),
                _ => {}
            }
        }
        class
    }

    fn method(&self, die: &Die<'_>, methods: &mut Vec<Method>) {
        if die.flag(dw::DW_AT_artificial) {
            return;
        }
        let Some(name) = die.name() else { return };
        let ty = self.table.get(die.at());
        let Kind::Function(function) = ty.kind() else { return };
        let mut function = function.clone();
        let object = die.reference(dw::DW_AT_object_pointer);
        let is_static = object.is_none();
        let (mut is_const, mut is_volatile) = (false, false);
        if !is_static && !function.parameters.is_empty() {
            let this = function.parameters[0].get();
            let qualifiers = this.target().map(|object| object.unqualified().0).unwrap_or_default();
            is_const = qualifiers.contains(&Qualifier::Const);
            is_volatile = qualifiers.contains(&Qualifier::Volatile);
            let written = |child: &Die<'_>| {
                child.entry.tag() == dw::DW_TAG_formal_parameter && !child.flag(dw::DW_AT_artificial)
            };
            let parameters = die.children().into_iter().filter(written);
            function.parameters = parameters.map(|child| self.table.type_of(&child)).collect();
        }
        let name = match name.starts_with('~') {
            false => name,
            true => format!("~{}", self.record.plain_name()).into(),
        };
        let method = Method {
            access: self.access(die),
            is_virtual: matches!(
                die.attr(dw::DW_AT_virtuality),
                Some(AttributeValue::Virtuality(dw::DW_VIRTUALITY_virtual | dw::DW_VIRTUALITY_pure_virtual))
            ),
            is_static,
            is_const,
            is_volatile,
            function,
            name,
        };
        // gdb keeps overloads together, where the first of them is.
        match methods.iter().rposition(|known| known.name == method.name) {
            Some(at) => methods.insert(at + 1, method),
            None => methods.push(method),
        }
    }

    fn access(&self, die: &Die<'_>) -> Access {
        match die.attr(dw::DW_AT_accessibility) {
            Some(AttributeValue::Accessibility(dw::DW_ACCESS_private)) => Access::Private,
            Some(AttributeValue::Accessibility(dw::DW_ACCESS_protected)) => Access::Protected,
            Some(AttributeValue::Accessibility(_)) => Access::Public,
            _ if self.record.tag == Tag::Class => Access::Private,
            _ => Access::Public,
        }
    }

    /// Of what the compiler added, such as the pointer to the virtual table, gdb says that it is private.
    fn member_access(&self, die: &Die<'_>) -> Option<Access> {
        Some(if die.flag(dw::DW_AT_artificial) { Access::Private } else { self.access(die) })
    }
}

/// The entries that are members of a record, as `typeload` takes them.
fn is_member(tag: DwTag) -> bool {
    matches!(tag, dw::DW_TAG_inheritance | dw::DW_TAG_variable | dw::DW_TAG_member)
}

impl Record {
    /// Its name without scopes and template arguments.
    #[must_use]
    pub fn plain_name(&self) -> &str {
        let last = super::qualified::split(self.name.as_deref().unwrap_or_default()).1;
        super::qualified::without_arguments(last)
    }

    /// The full name of one of its static members.
    #[must_use]
    pub fn static_name(&self, member: &str) -> String {
        format!("{}::{member}", self.name.as_deref().unwrap_or_default())
    }

    /// Whether its objects have a virtual table, their own or a base's.
    #[must_use]
    pub fn is_dynamic(&self, depth: u32) -> bool {
        let own = self.members.iter().any(|member| {
            member.role == Role::VirtualBase
                || member.name.as_deref().is_some_and(|name| name.starts_with("_vptr"))
        });
        let Some(depth) = depth.checked_sub(1) else { return own };
        own || self.bases().any(|base| match base.ty.get().strip().kind() {
            Kind::Record(base) => base.is_dynamic(depth),
            _ => false,
        })
    }

    /// The base classes, in order.
    pub fn bases(&self) -> impl Iterator<Item = &super::types::Member> {
        self.members.iter().filter(|member| matches!(member.role, Role::Base | Role::VirtualBase))
    }
}

impl Type {
    /// The first argument of a template of which the compiler describes only a base class in full, such as
    /// `std::allocator`.
    #[must_use]
    pub fn first_argument(&self) -> Option<Type> {
        let own = self.template_argument(0);
        let inherited = || match self.strip().kind() {
            Kind::Record(record) => record.bases().find_map(|base| base.ty.get().template_argument(0)),
            _ => None,
        };
        own.or_else(inherited).map(|argument| argument.ty)
    }

    /// The argument of the template that a class was made from.
    #[must_use]
    pub fn template_argument(&self, at: usize) -> Option<TemplateArgument> {
        match self.strip().kind() {
            Kind::Record(record) => record.template_arguments().into_iter().nth(at),
            _ => None,
        }
    }
}

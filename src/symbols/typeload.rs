//! Types from DWARF: each entry is read once, when somebody asks for it.
//!
//! What an entry refers to stays a reference until it is followed, so damaged debug info can be wrong but not
//! endless. A table keeps its types, and a type keeps its table: both live as long as the debugger, like
//! the bytes that they were read from.

use std::sync::{Arc, Mutex, PoisonError};

use gimli::{
    AttributeValue, DW_AT_bit_size, DW_AT_byte_size, DW_AT_const_value, DW_AT_count, DW_AT_data_bit_offset,
    DW_AT_data_member_location, DW_AT_declaration, DW_AT_encoding, DW_AT_external, DW_AT_prototyped,
    DW_AT_type, DW_AT_upper_bound, DW_AT_virtuality, DwAt, constants as dw,
};
use rustc_hash::FxHashMap;

use super::debug::DebugInfo;
use super::dies::{Die, Language};
use super::names::NameKind;
use super::qualified::{self, canonical};
use super::types::{
    Array, Base, Bits, Bound, Count, DieRef, Encoding, Enum, Function, Kind, Member, Qualifier, Record, Role,
    Tag, Type, TypeRef,
};

/// No array has more dimensions than this.
const MAX_DIMENSIONS: usize = 32;

type Definitions = FxHashMap<(Tag, Box<str>), Option<Type>>;

/// The types of one file's debug info.
pub struct TypeTable {
    dies: Arc<DebugInfo>,
    known: Mutex<FxHashMap<DieRef, Type>>,
    definitions: Mutex<Definitions>,
}

impl std::fmt::Debug for TypeTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TypeTable")
    }
}

impl TypeTable {
    /// An empty table over `dies`.
    #[must_use]
    pub fn new(dies: Arc<DebugInfo>) -> Arc<TypeTable> {
        Arc::new(TypeTable { dies, known: Mutex::default(), definitions: Mutex::default() })
    }

    /// The debug info below.
    #[must_use]
    pub fn dies(&self) -> &DebugInfo {
        &self.dies
    }

    /// The type that the entry at `at` describes.
    #[must_use]
    pub fn get(self: &Arc<TypeTable>, at: DieRef) -> Type {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&at) {
            return known.clone();
        }
        let opened = Die::open(self.dies(), at);
        // A declaration may name the unit that has the type.
        let signed =
            opened.as_ref().and_then(|die| die.reference(dw::DW_AT_signature)).filter(|of| *of != at);
        let opened = signed.and_then(|of| Die::open(self.dies(), of)).or(opened);
        let kind = opened.and_then(|die| Loader { table: self, die: &die }.kind());
        let ty = Type::new(kind.unwrap_or_else(|| Kind::Unspecified("<unknown type>".into())));
        self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(at).or_insert(ty).clone()
    }

    /// The definition of the record called `name`.
    #[must_use]
    pub fn definition(self: &Arc<TypeTable>, tag: Tag, name: &str) -> Option<Type> {
        let key = (tag, Box::from(name));
        if let Some(known) = self.definitions.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let whole = |ty: &Type| match ty.kind() {
            Kind::Record(record) => !record.declaration && (record.tag == Tag::Union) == (tag == Tag::Union),
            _ => false,
        };
        let found = self
            .dies
            .named(name)
            .filter(|entry| entry.kind == NameKind::Type)
            .map(|entry| self.get(DieRef { offset: entry.offset }))
            .find(whole);
        self.definitions.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        found
    }

    /// The type that `die` has (`DW_AT_type`), its origins asked as well; `void` where there is none.
    pub(crate) fn type_of(self: &Arc<TypeTable>, die: &Die<'_>) -> TypeRef {
        match die.inherited(self.dies(), &mut |die| die.reference(DW_AT_type)) {
            Some(at) => TypeRef::Die(self.clone(), at),
            None => Type::void().into(),
        }
    }
}

/// One entry on its way to being a type.
struct Loader<'a> {
    table: &'a Arc<TypeTable>,
    die: &'a Die<'a>,
}

fn integer(name: Box<str>) -> Box<str> {
    qualified::integer(&name).map_or(name, Box::from)
}

impl Loader<'_> {
    fn kind(&self) -> Option<Kind> {
        let qualified = |qualifier| Kind::Qualified { qualifier, of: self.target() };
        Some(match self.die.entry.tag() {
            dw::DW_TAG_base_type => Kind::Base(self.base()?),
            dw::DW_TAG_pointer_type => Kind::Pointer(self.target()),
            dw::DW_TAG_ptr_to_member_type => {
                let class = self.die.reference(dw::DW_AT_containing_type)?;
                Kind::MemberPointer { to: self.target(), class: TypeRef::Die(self.table.clone(), class) }
            }
            dw::DW_TAG_reference_type => Kind::Reference { to: self.target(), rvalue: false },
            dw::DW_TAG_rvalue_reference_type => Kind::Reference { to: self.target(), rvalue: true },
            dw::DW_TAG_const_type => qualified(Qualifier::Const),
            dw::DW_TAG_volatile_type => qualified(Qualifier::Volatile),
            dw::DW_TAG_restrict_type => qualified(Qualifier::Restrict),
            dw::DW_TAG_atomic_type => qualified(Qualifier::Atomic),
            dw::DW_TAG_typedef => Kind::Typedef { name: self.full_name()?, of: self.target() },
            dw::DW_TAG_array_type => self.array()?,
            dw::DW_TAG_structure_type => Kind::Record(self.record(Tag::Struct)),
            dw::DW_TAG_union_type => Kind::Record(self.record(Tag::Union)),
            dw::DW_TAG_class_type => Kind::Record(self.record(Tag::Class)),
            dw::DW_TAG_enumeration_type => Kind::Enum(self.enumeration()),
            dw::DW_TAG_subroutine_type | dw::DW_TAG_subprogram => Kind::Function(self.function()),
            dw::DW_TAG_unspecified_type => Kind::Unspecified(self.name()?),
            _ => return None,
        })
    }

    fn target(&self) -> TypeRef {
        self.table.type_of(self.die)
    }

    fn name(&self) -> Option<Box<str>> {
        self.die.name()
    }

    /// The name with the namespaces and classes around it, as gdb writes it.
    fn full_name(&self) -> Option<Box<str>> {
        let dies = self.table.dies();
        let own = self.die.inherited(dies, &mut |die| die.name());
        // What has no name may have one for the linker, from its typedef.
        let linked = || {
            let text = self.die.text(dw::DW_AT_linkage_name)?;
            let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let rest = &text[digits..];
            (text[..digits].parse() == Ok(rest.len())).then(|| rest.into())
        };
        let name = own.or_else(linked)?;
        let name = if self.die.language() == Language::Cplus { canonical(&name).into() } else { name };
        let mut scope = None;
        if self.die.is_cplus() {
            let around = |die: &Die<'_>| dies.scope_of(die.at().offset);
            scope = self.die.inherited(dies, &mut |die| around(die));
        }
        Some(match scope {
            Some(scope) if self.die.language() == Language::Cplus => {
                format!("{}::{name}", canonical(scope)).into()
            }
            Some(scope) => format!("{scope}::{name}").into(),
            None => name,
        })
    }

    fn size(&self) -> u64 {
        self.die.unsigned(DW_AT_byte_size).unwrap_or(0)
    }

    fn base(&self) -> Option<Base> {
        let encoding = match self.die.attr(DW_AT_encoding)? {
            AttributeValue::Encoding(encoding) => match encoding {
                dw::DW_ATE_signed => Encoding::Signed,
                dw::DW_ATE_unsigned | dw::DW_ATE_address => Encoding::Unsigned,
                dw::DW_ATE_signed_char => Encoding::SignedChar,
                dw::DW_ATE_unsigned_char => Encoding::UnsignedChar,
                dw::DW_ATE_UTF => Encoding::Utf,
                dw::DW_ATE_boolean => Encoding::Bool,
                dw::DW_ATE_float => Encoding::Float,
                dw::DW_ATE_complex_float => Encoding::Complex,
                _ => Encoding::Other,
            },
            _ => Encoding::Other,
        };
        Some(Base { name: integer(self.name()?), size: self.size(), encoding })
    }

    fn array(&self) -> Option<Kind> {
        let vector = self.die.flag(dw::DW_AT_GNU_vector);
        let counts: Vec<Count> = self
            .die
            .children()
            .iter()
            .filter(|child| child.entry.tag() == dw::DW_TAG_subrange_type)
            .take(MAX_DIMENSIONS)
            .map(count)
            .collect();
        let mut element = self.target();
        let mut kind = None;
        // The last dimension is the innermost array.
        for count in if counts.is_empty() { vec![Count::Unknown] } else { counts }.into_iter().rev() {
            if let Some(inner) = kind.take() {
                element = Type::new(inner).into();
            }
            kind = Some(Kind::Array(Array { element: element.clone(), count, vector }));
        }
        kind
    }

    fn record(&self, tag: Tag) -> Record {
        let declaration = self.die.flag(DW_AT_declaration);
        let members = self.die.children().iter().filter_map(|child| self.member(child)).collect();
        Record {
            tag,
            name: self.full_name(),
            size: self.size(),
            members,
            declaration,
            cplus: self.die.is_cplus(),
            die: Some((self.table.clone(), self.die.at())),
        }
    }

    fn member(&self, child: &Die<'_>) -> Option<Member> {
        let role = match child.entry.tag() {
            dw::DW_TAG_inheritance if child.attr(DW_AT_virtuality).is_some() => Role::VirtualBase,
            dw::DW_TAG_inheritance => Role::Base,
            dw::DW_TAG_variable => Role::Static,
            dw::DW_TAG_member if child.flag(DW_AT_external) || child.flag(DW_AT_declaration) => Role::Static,
            dw::DW_TAG_member => Role::Data,
            _ => return None,
        };
        let mut offset = match (role, child.attr(DW_AT_data_member_location)) {
            (Role::VirtualBase, Some(AttributeValue::Exprloc(place))) => before_table(place.0.slice())?,
            _ => child.unsigned(DW_AT_data_member_location).unwrap_or(0),
        };
        let bits = child.unsigned(DW_AT_bit_size).and_then(|count| {
            let count = u32::try_from(count).ok().filter(|count| *count <= 128)?;
            let first = match child.unsigned(DW_AT_data_bit_offset) {
                Some(first) => first,
                None => old_bit_offset(child, count)?,
            };
            offset = offset.wrapping_add(first / 8);
            Some(Bits { first: (first % 8) as u32, count })
        });
        Some(Member { name: child.name(), ty: self.table.type_of(child), offset, bits, role })
    }

    fn enumeration(&self) -> Enum {
        let values: Vec<(Box<str>, i128)> = self
            .die
            .children()
            .iter()
            .filter(|child| child.entry.tag() == dw::DW_TAG_enumerator)
            .filter_map(|child| Some((child.name()?, constant(child, DW_AT_const_value)?)))
            .collect();
        let size = match self.size() {
            0 => self.target().get().size(),
            size => size,
        };
        let signed = values.iter().any(|(_, value)| *value < 0);
        // gdb calls it a set of flags when no value has more than one bit.
        let flags = values.iter().all(|(_, value)| *value >= 0 && value.count_ones() <= 1);
        let underlying = self.die.reference(DW_AT_type).map(|at| TypeRef::Die(self.table.clone(), at));
        let scoped = self.die.flag(dw::DW_AT_enum_class);
        let name = self.full_name();
        // The names of an `enum class` are known behind its own, those of others where the enumeration is.
        let nameless = || match self.die.is_cplus() {
            true => self.table.dies().scope_of(self.die.at().offset).unwrap_or_default(),
            false => "",
        };
        let around = match name.as_deref() {
            Some(name) if scoped => name,
            Some(name) => qualified::split(name).0,
            None => nameless(),
        };
        let full = |name: Box<str>| if around.is_empty() { name } else { format!("{around}::{name}").into() };
        let values = values.into_iter().map(|(name, value)| (full(name), value)).collect();
        Enum { size, signed, values, flags, cplus: self.die.is_cplus(), scoped, underlying, name }
    }

    fn function(&self) -> Function {
        let children = self.die.children();
        let parameters = children.iter().filter(|child| child.entry.tag() == dw::DW_TAG_formal_parameter);
        let object = self.die.reference(dw::DW_AT_object_pointer);
        let parameters = parameters.map(|child| {
            let ty = self.table.type_of(child);
            // gcc does not say everywhere that `this` is constant (gdb 13.1, dwarf2/read.c, `read_subroutine_type`).
            let this = child.flag(dw::DW_AT_artificial)
                && match object {
                    Some(object) => object == child.at(),
                    None => child.name().as_deref() == Some("this"),
                };
            let constant = || ty.get().unqualified().0.contains(&Qualifier::Const);
            match this && self.die.language() == Language::Cplus && !constant() {
                true => Type::new(Kind::Qualified { qualifier: Qualifier::Const, of: ty }).into(),
                false => ty,
            }
        });
        let parameters = parameters.collect();
        let variadic = children.iter().any(|child| child.entry.tag() == dw::DW_TAG_unspecified_parameters);
        let prototyped =
            self.die.inherited(self.table.dies(), &mut |die| die.attr(DW_AT_prototyped)).is_some();
        Function {
            returns: self.target(),
            parameters,
            prototyped: prototyped || self.die.is_cplus(),
            variadic,
        }
    }
}

/// The number of elements that a `DW_TAG_subrange_type` declares; C counts from 0.
fn count(range: &Die<'_>) -> Count {
    if let Some(count) = range.unsigned(DW_AT_count) {
        return Count::Known(count);
    }
    if let Some(at) = range.reference(DW_AT_upper_bound) {
        return Count::Dynamic(Bound::UpperDie(at.offset));
    }
    match range.attr(DW_AT_upper_bound) {
        Some(AttributeValue::Exprloc(expression)) => {
            Count::Dynamic(Bound::UpperExpression(range.at().offset, expression.0.slice()))
        }
        // gcc writes -1 (in whatever width) for an array of no elements.
        Some(_) => match constant(range, DW_AT_upper_bound) {
            Some(last) if (0..i128::from(i64::MAX)).contains(&last) => Count::Known(last as u64 + 1),
            _ => Count::Known(0),
        },
        None => Count::Unknown,
    }
}

/// How far before the virtual table the offset of a virtual base class lies, from the only expression that compilers
/// write for its place: `DW_OP_dup; DW_OP_deref; DW_OP_constN; DW_OP_minus; DW_OP_deref; DW_OP_plus`.
fn before_table(place: &[u8]) -> Option<u64> {
    let inner = place.strip_prefix(&[dw::DW_OP_dup.0, dw::DW_OP_deref.0])?;
    let inner = inner.strip_suffix(&[dw::DW_OP_minus.0, dw::DW_OP_deref.0, dw::DW_OP_plus.0])?;
    match *inner {
        [op, low] if op == dw::DW_OP_const1u.0 => Some(low.into()),
        [op, low, high] if op == dw::DW_OP_const2u.0 => Some(u16::from_le_bytes([low, high]).into()),
        [op] => op.checked_sub(dw::DW_OP_lit0.0).filter(|value| *value < 32).map(u64::from),
        _ => None,
    }
}

/// DWARF 2 and 3 count a bit-field's place from the most significant bit of a storage unit.
fn old_bit_offset(child: &Die<'_>, count: u32) -> Option<u64> {
    let from_top = child.unsigned(dw::DW_AT_bit_offset)?;
    let storage = child.unsigned(DW_AT_byte_size)?.checked_mul(8)?;
    storage.checked_sub(from_top)?.checked_sub(u64::from(count))
}

/// A constant that may be of any width, as the number that it was in the source.
pub(crate) fn constant(die: &Die<'_>, name: DwAt) -> Option<i128> {
    Some(match die.attr(name)? {
        AttributeValue::Data1(value) => value.into(),
        AttributeValue::Data2(value) => value.into(),
        AttributeValue::Data4(value) => value.into(),
        AttributeValue::Data8(value) => value.into(),
        AttributeValue::Data16(value) => value as i128,
        AttributeValue::Udata(value) => value.into(),
        AttributeValue::Sdata(value) => value.into(),
        _ => return None,
    })
}

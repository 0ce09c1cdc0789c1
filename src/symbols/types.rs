//! The types of a target's values: a small model that knows C and C++ as gdb shows them.
//!
//! A [`Type`] is a cheap handle. What it refers to (the target of a pointer, the type of a member) is read from the
//! debug info when it is asked for, so a struct that points to itself costs nothing. This module knows no
//! process and no value; how types are read from DWARF is in `typeload`, how they are named in `typename`.

use std::fmt;
use std::sync::Arc;

use super::typeload::TypeTable;

/// The size of a pointer on x86-64.
pub const POINTER: u64 = 8;

/// How many typedefs, qualifiers and the like may stand on top of each other before we stop believing them.
pub(super) const MAX_LAYERS: usize = 64;

/// A type, shared and immutable.
#[derive(Clone)]
pub struct Type(Arc<Kind>);

/// What a type is.
#[derive(Debug)]
pub enum Kind {
    /// `void`.
    Void,
    /// A number, a character or a truth value.
    Base(Base),
    /// A pointer to something.
    Pointer(TypeRef),
    /// A C++ reference.
    Reference {
        /// What it refers to.
        to: TypeRef,
        /// `&&` and not `&`.
        rvalue: bool,
    },
    /// A C++ pointer to a member of a class: of its data, or one of its functions.
    MemberPointer {
        /// The member's type.
        to: TypeRef,
        /// The class.
        class: TypeRef,
    },
    /// An array; one of several dimensions is an array of arrays.
    Array(Array),
    /// A struct, union or class.
    Record(Record),
    /// An enumeration.
    Enum(Enum),
    /// Another name for a type.
    Typedef {
        /// The name.
        name: Box<str>,
        /// What it stands for.
        of: TypeRef,
    },
    /// `const`, `volatile`, `restrict`, `_Atomic`.
    Qualified {
        /// Which of them.
        qualifier: Qualifier,
        /// The type without it.
        of: TypeRef,
    },
    /// A function.
    Function(Function),
    /// A register whose bits have names, shown as `[ ZF IF ]`.
    Flags {
        /// gdb's name of the type.
        name: &'static str,
        /// Its size in bytes.
        size: u64,
        /// Its bits; one without a name is not shown.
        bits: &'static [Flag],
    },
    /// A type without structure that has a name (`decltype(nullptr)`), or one that could not be read.
    Unspecified(Box<str>),
}

/// A bit's name and number.
pub type Flag = (&'static str, u32);

/// A word in front of (or behind) a type.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Qualifier {
    Const,
    Volatile,
    Restrict,
    Atomic,
}

/// How the bits of a base type are read (DWARF 5, section 5.1.1).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Two's complement.
    Signed,
    /// Unsigned number or address.
    Unsigned,
    /// `char` and `signed char`.
    SignedChar,
    /// `unsigned char`.
    UnsignedChar,
    /// `char16_t`, `char32_t`, `char8_t`.
    Utf,
    /// `bool`.
    Bool,
    /// IEEE or x87 floating point.
    Float,
    /// Two floats.
    Complex,
    /// Anything else: shown in hex.
    Other,
}

/// A base type.
#[derive(Clone, Debug)]
pub struct Base {
    /// Its name in the source.
    pub name: Box<str>,
    /// Its size in bytes.
    pub size: u64,
    /// How to read it.
    pub encoding: Encoding,
}

/// An array type.
#[derive(Clone, Debug)]
pub struct Array {
    /// The type of its elements.
    pub element: TypeRef,
    /// How many there are.
    pub count: Count,
    /// A vector of the machine (`__attribute__((vector_size))`) and not an array of the language.
    pub vector: bool,
}

/// The number of an array's elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Known(u64),
    /// Nobody says (`int a[]`).
    Unknown,
    /// One more than what a variable or an expression of the running program says: a variable length array.
    Dynamic(Bound),
}

/// Where the upper bound (or the count) of a variable length array is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The value of this variable is the last index.
    UpperDie(usize),
    /// The value of this expression is the last index; it comes from the unit at this offset.
    UpperExpression(usize, &'static [u8]),
}

/// What word declares a record.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Tag {
    Struct,
    Union,
    Class,
}

impl Tag {
    /// The keyword.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Tag::Struct => "struct",
            Tag::Union => "union",
            Tag::Class => "class",
        }
    }
}

/// A struct, union or class.
#[derive(Clone, Debug)]
pub struct Record {
    /// The keyword that declared it.
    pub tag: Tag,
    /// Its name; qualified by its namespaces in C++. Nothing for an anonymous one.
    pub name: Option<Box<str>>,
    /// Its size in bytes.
    pub size: u64,
    /// Its members in order; base classes first, as they stand in the debug info.
    pub members: Vec<Member>,
    /// Only declared here: the members are elsewhere, or nowhere.
    pub declaration: bool,
    /// Comes from a language where `struct` is no part of the name.
    pub cplus: bool,
    /// Its entry, for what is asked of a class only (methods, access), and for its definition when this is none.
    pub(super) die: Option<(Arc<TypeTable>, DieRef)>,
}

/// A member of a record.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name; nothing for an anonymous struct or union inside.
    pub name: Option<Box<str>>,
    /// Its type.
    pub ty: TypeRef,
    /// Where it begins, in bytes from the beginning of the record. For a virtual base class: how far before the
    /// beginning of the class's virtual table the word lies that says so (Itanium C++ ABI, 2.5.2).
    pub offset: u64,
    /// For a bit-field: the first bit (from bit 0 of the byte at `offset`, little-endian) and the number of bits.
    pub bits: Option<Bits>,
    /// What kind of member.
    pub role: Role,
}

/// The bits of a bit-field, counted from the least significant bit of its first byte.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    /// The lowest bit.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// What a member is to its record.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Data in the object.
    Data,
    /// A base class.
    Base,
    /// A base class whose place only the object knows (virtual inheritance).
    VirtualBase,
    /// One for the whole class.
    Static,
}

/// An enumeration.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its name, if it has one.
    pub name: Option<Box<str>>,
    /// Its size in bytes.
    pub size: u64,
    /// Whether its numbers are signed.
    pub signed: bool,
    /// Names and values, in order.
    pub values: Vec<(Box<str>, i128)>,
    /// Each value is one bit or a run of bits of its own: shown as `(A | B)`.
    pub flags: bool,
    /// Comes from a language where `enum` is no part of the name.
    pub cplus: bool,
    /// `enum class`: its names are known behind its own name only.
    pub scoped: bool,
    /// The type of its numbers, where the source says it.
    pub underlying: Option<TypeRef>,
}

/// A function's type.
#[derive(Clone, Debug)]
pub struct Function {
    /// What it returns.
    pub returns: TypeRef,
    /// The types of its parameters.
    pub parameters: Vec<TypeRef>,
    /// Declared with its parameters' types.
    pub prototyped: bool,
    /// Ends in `...`.
    pub variadic: bool,
}

/// A type that is read when it is needed.
#[derive(Clone)]
pub enum TypeRef {
    /// Already here.
    Ready(Type),
    /// In the debug info.
    Die(Arc<TypeTable>, DieRef),
}

/// A debugging information entry: its offset among all that its file's debug info has.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct DieRef {
    /// Offset in `.debug_info`, or behind it for what is in other sections and files.
    pub offset: usize,
}

impl TypeRef {
    /// The type.
    #[must_use]
    pub fn get(&self) -> Type {
        match self {
            TypeRef::Ready(ty) => ty.clone(),
            TypeRef::Die(table, at) => table.get(*at),
        }
    }
}

impl From<Type> for TypeRef {
    fn from(ty: Type) -> TypeRef {
        TypeRef::Ready(ty)
    }
}

impl fmt::Debug for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeRef::Ready(ty) => write!(f, "{}", ty.name()),
            TypeRef::Die(_, at) => write!(f, "<{:x}>", at.offset),
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Type({})", self.name())
    }
}

impl Type {
    /// A type of this kind.
    #[must_use]
    pub fn new(kind: Kind) -> Type {
        Type(Arc::new(kind))
    }

    /// `void`.
    #[must_use]
    pub fn void() -> Type {
        Type::new(Kind::Void)
    }

    /// A function that returns this and may be given anything.
    #[must_use]
    pub fn function_returning(returns: &Type) -> Type {
        let returns = TypeRef::Ready(returns.clone());
        Type::new(Kind::Function(Function {
            returns,
            parameters: Vec::new(),
            prototyped: false,
            variadic: false,
        }))
    }

    /// An integer of the language: `int`, `unsigned long`, …
    #[must_use]
    pub fn integer(name: &str, size: u64, signed: bool) -> Type {
        let encoding = if signed { Encoding::Signed } else { Encoding::Unsigned };
        Type::new(Kind::Base(Base { name: name.into(), size, encoding }))
    }

    /// A type of C that has a name without any debug info: `int`, `unsigned char`, `long double`, `bool`; the words
    /// may stand in any order that C allows.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Type> {
        let mut words: Vec<&str> = name.split_whitespace().collect();
        words.sort_unstable();
        let base =
            |name: &str, size, encoding| Type::new(Kind::Base(Base { name: name.into(), size, encoding }));
        Some(match words.as_slice() {
            ["void"] => Type::void(),
            ["char"] => base("char", 1, Encoding::SignedChar),
            ["char", "signed"] => base("signed char", 1, Encoding::SignedChar),
            ["char", "unsigned"] => base("unsigned char", 1, Encoding::UnsignedChar),
            ["_Bool" | "bool"] => base("bool", 1, Encoding::Bool),
            ["short"] | ["int", "short"] | ["short", "signed"] | ["int", "short", "signed"] => {
                base("short", 2, Encoding::Signed)
            }
            ["short", "unsigned"] | ["int", "short", "unsigned"] => {
                base("unsigned short", 2, Encoding::Unsigned)
            }
            ["int" | "signed"] | ["int", "signed"] => base("int", 4, Encoding::Signed),
            ["unsigned"] | ["int", "unsigned"] => base("unsigned int", 4, Encoding::Unsigned),
            ["long"] | ["int", "long"] | ["long", "signed"] | ["int", "long", "signed"] => {
                base("long", 8, Encoding::Signed)
            }
            ["long", "unsigned"] | ["int", "long", "unsigned"] => {
                base("unsigned long", 8, Encoding::Unsigned)
            }
            ["long", "long"]
            | ["int", "long", "long"]
            | ["long", "long", "signed"]
            | ["int", "long", "long", "signed"] => base("long long", 8, Encoding::Signed),
            ["long", "long", "unsigned"] | ["int", "long", "long", "unsigned"] => {
                base("unsigned long long", 8, Encoding::Unsigned)
            }
            ["__int128"] => base("__int128", 16, Encoding::Signed),
            ["float"] => base("float", 4, Encoding::Float),
            ["double"] => base("double", 8, Encoding::Float),
            ["double", "long"] => base("long double", 16, Encoding::Float),
            _ => return None,
        })
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0
    }

    /// Whether both handles are the same type of the same debug info.
    #[must_use]
    pub fn is(&self, other: &Type) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A pointer to this type.
    #[must_use]
    pub fn pointer(&self) -> Type {
        Type::new(Kind::Pointer(self.clone().into()))
    }

    /// An array of `count` of this type.
    #[must_use]
    pub fn array(&self, count: u64) -> Type {
        Type::new(Kind::Array(Array {
            element: self.clone().into(),
            count: Count::Known(count),
            vector: false,
        }))
    }

    /// The type without typedefs and qualifiers, a declaration replaced by its definition where there is one.
    #[must_use]
    pub fn strip(&self) -> Type {
        let mut ty = self.clone();
        for _ in 0..MAX_LAYERS {
            let next = match ty.kind() {
                Kind::Typedef { of, .. } | Kind::Qualified { of, .. } => of.get(),
                Kind::Record(record) if record.declaration => match record.definition() {
                    Some(whole) => whole,
                    None => return ty,
                },
                _ => return ty,
            };
            ty = next;
        }
        Type::new(Kind::Unspecified("<endless typedef>".into()))
    }

    /// Its size in bytes; 1 for `void` and functions, as gdb and gcc count. An array of unknown length has none.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size_within(MAX_LAYERS)
    }

    fn size_within(&self, layers: usize) -> u64 {
        let Some(layers) = layers.checked_sub(1) else { return 0 };
        match self.strip().kind() {
            Kind::Void | Kind::Function(_) => 1,
            Kind::Base(base) => base.size,
            Kind::Pointer(_) | Kind::Reference { .. } => POINTER,
            // A function is found by two words: its address or place in the virtual table, and what `this` needs.
            Kind::MemberPointer { to, .. } if to.get().strip().is_function() => 2 * POINTER,
            Kind::MemberPointer { .. } => POINTER,
            Kind::Array(array) => match array.count {
                Count::Known(count) => array.element.get().size_within(layers).saturating_mul(count),
                Count::Unknown | Count::Dynamic(_) => 0,
            },
            Kind::Record(record) => record.size,
            Kind::Enum(of) => of.size,
            Kind::Flags { size, .. } => *size,
            Kind::Typedef { .. } | Kind::Qualified { .. } | Kind::Unspecified(_) => 0,
        }
    }

    /// What a pointer points to, an array holds, a reference refers to; seen through typedefs.
    #[must_use]
    pub fn target(&self) -> Option<Type> {
        match self.strip().kind() {
            Kind::Pointer(to) | Kind::Reference { to, .. } => Some(to.get()),
            Kind::Array(array) => Some(array.element.get()),
            _ => None,
        }
    }
}

impl Record {
    /// A record that no debug info describes.
    #[must_use]
    pub fn new(tag: Tag, name: Option<Box<str>>, size: u64, members: Vec<Member>) -> Record {
        Record { tag, name, size, members, declaration: false, cplus: false, die: None }
    }

    /// The whole definition of a record that is only declared here, by its name.
    #[must_use]
    pub fn definition(&self) -> Option<Type> {
        let (table, _) = self.die.as_ref()?;
        table.definition(self.tag, self.name.as_deref()?)
    }
}

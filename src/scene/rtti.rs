//! What an object really is: `set print object on` shows pointers and references to a base class as what they point to.
//!
//! The object's virtual table names its class (the symbol `vtable for Shape`) and says how far the base lies in the
//! object (Itanium C++ ABI, 2.5.2: the word before the type information).

use super::number::little;
use super::print::Printer;
use super::value::Value;
use crate::addr::Addr;
use crate::symbols::types::{Kind, Qualifier, Type};

/// From a virtual table's first entry back to the offset of the object.
const OFFSET_TO_TOP: u64 = 16;

impl Printer<'_> {
    /// The type of what it really is, as far as it has a virtual table.
    pub(super) fn real_type(&self, value: &Value) -> Option<Type> {
        let ty = value.ty().strip();
        match ty.kind() {
            Kind::Pointer(to) => {
                let at = Addr(little(&value.bytes(self.memory).ok()?));
                Some(self.class_at(at, &to.get())?.0.pointer())
            }
            Kind::Reference { to, rvalue } => {
                let at = value.deref(self.memory).ok()?.address()?;
                let class = self.class_at(at, &to.get())?.0;
                Some(Type::new(Kind::Reference { to: class.into(), rvalue: *rvalue }))
            }
            Kind::Record(_) => Some(self.class_at(value.address()?, value.ty())?.0),
            _ => None,
        }
    }

    /// The value as what it really is, and its type in front where that is not the declared one.
    pub(super) fn as_built(&self, value: &Value) -> Option<(Value, String)> {
        let ty = value.ty().strip();
        match ty.kind() {
            Kind::Pointer(to) => {
                let at = Addr(little(&value.bytes(self.memory).ok()?));
                let (class, at) = self.object_at(at, &to.get())?;
                let pointer = Value::pointer(&class, at);
                let prefix = format!("({}) ", pointer.ty().name());
                Some((pointer, prefix))
            }
            Kind::Reference { to, rvalue } => {
                let at = value.deref(self.memory).ok()?.address()?;
                let (class, at) = self.object_at(at, &to.get())?;
                let kind = Kind::Reference { to: class.into(), rvalue: *rvalue };
                let value = Value::from_bytes(Type::new(kind), at.0.to_le_bytes().to_vec());
                let prefix = format!("({}) ", value.ty().name());
                Some((value, prefix))
            }
            Kind::Record(_) => {
                let (class, at) = self.object_at(value.address()?, value.ty())?;
                let prefix = format!("({}) ", class.name());
                Some((Value::at(class, at), prefix))
            }
            _ => None,
        }
    }

    /// The class of the object at an address, declared as `declared` and with its qualifiers, and where it begins;
    /// nothing when it has no virtual table, or the table is this class's own.
    fn object_at(&self, at: Addr, declared: &Type) -> Option<(Type, Addr)> {
        let (class, top) = self.class_at(at, declared)?;
        let name = |ty: &Type| match ty.strip().kind() {
            Kind::Record(record) => record.name.clone(),
            _ => None,
        };
        (name(&class) != name(declared)).then_some((class, top))
    }

    /// The same whether it is another class or not.
    fn class_at(&self, at: Addr, declared: &Type) -> Option<(Type, Addr)> {
        let stripped = declared.strip();
        let Kind::Record(record) = stripped.kind() else { return None };
        if !record.cplus || !record.is_dynamic(16) {
            return None;
        }
        let word = |at: Addr| Some(little(&self.memory.bytes(at, 8).ok()?));
        let table = Addr(word(at)?);
        let (symbol, _) = self.names.name_of(table)?;
        let name = symbol.strip_prefix("vtable for ")?;
        let top = at.add(word(table.sub(OFFSET_TO_TOP))?);
        let class = self.names.class(name)?;
        let qualifiers: Vec<Qualifier> = declared.unqualified().0;
        let class = qualifiers
            .into_iter()
            .rev()
            .fold(class, |of, qualifier| Type::new(Kind::Qualified { qualifier, of: of.into() }));
        Some((class, top))
    }
}

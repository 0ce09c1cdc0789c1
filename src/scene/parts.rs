//! From a value to another one that it holds or points to: members, elements, targets, addresses.

use crate::addr::Addr;
use crate::memory::{Fault, Memory};
use crate::symbols::types::{Bits, Count, Kind, Member, Role, Type};

use super::number::little;
use super::value::{Content, Place, Value, ValueError, clip};

impl Value {
    /// What it points or refers to. An array stands for its first element, a function for itself.
    ///
    /// # Errors
    /// When it is no pointer, points to `void`, or cannot be read.
    pub fn deref(&self, memory: &dyn Memory) -> Result<Value, ValueError> {
        match self.ty.strip().kind() {
            Kind::Pointer(to) | Kind::Reference { to, .. } => {
                let to = to.get();
                if matches!(to.strip().kind(), Kind::Void) {
                    return Err(ValueError::NotAPointer);
                }
                let bytes = self.bytes(memory)?;
                Ok(Value::at(to, Addr(little(&bytes))))
            }
            Kind::Array(_) => self.index(0, memory),
            Kind::Function(_) => Ok(self.clone()),
            // gdb lets an integer be a pointer to long.
            _ if self.ty.is_integral() => {
                Ok(Value::at(Type::integer("long", 8, true), Addr(self.as_u64(memory)?)))
            }
            _ => Err(ValueError::NotAPointer),
        }
    }

    /// The member called `name`, found in base classes and anonymous members too. A pointer to a record
    /// serves as the record.
    ///
    /// # Errors
    /// When there is no such member, or a pointer on the way cannot be read.
    pub fn member(&self, name: &str, memory: &dyn Memory) -> Result<Value, ValueError> {
        let ty = self.ty.strip();
        match ty.kind() {
            Kind::Record(_) => {
                self.find_member(name, memory, 0)?.ok_or_else(|| ValueError::NoMember(name.to_owned()))
            }
            Kind::Pointer(_) | Kind::Reference { .. } if ty.target().is_some_and(|to| to.is_record()) => {
                self.deref(memory)?.member(name, memory)
            }
            _ => Err(ValueError::NotAStructure),
        }
    }

    pub(super) fn find_member(
        &self,
        name: &str,
        memory: &dyn Memory,
        depth: u32,
    ) -> Result<Option<Value>, ValueError> {
        let ty = self.ty.strip();
        let Kind::Record(record) = ty.kind() else { return Ok(None) };
        if depth > 32 {
            return Ok(None);
        }
        if let Some(member) = record.members.iter().find(|member| member.name.as_deref() == Some(name)) {
            return self.component(member, memory).map(Some);
        }
        let is_base = |member: &Member| matches!(member.role, Role::Base | Role::VirtualBase);
        for member in &record.members {
            if (member.name.is_none() || is_base(member)) && member.ty.get().is_record() {
                let inner = self.component(member, memory)?.find_member(name, memory, depth + 1)?;
                if inner.is_some() {
                    return Ok(inner);
                }
            }
        }
        Ok(None)
    }

    /// One member of a record.
    ///
    /// # Errors
    /// [`ValueError::Static`], with the name to look for; for a virtual base class, when the object or its table
    /// cannot be read.
    pub fn component(&self, member: &Member, memory: &dyn Memory) -> Result<Value, ValueError> {
        match member.role {
            Role::Static => {
                let name = member.name.as_deref().unwrap_or_default();
                let ty = self.ty.strip();
                let Kind::Record(record) = ty.kind() else { return Err(ValueError::NotAStructure) };
                return Err(ValueError::Static(record.static_name(name)));
            }
            Role::VirtualBase => return self.virtual_base(member, memory),
            Role::Data | Role::Base => {}
        }
        let mut value = self.slice(member.offset, member.ty.get(), member.bits);
        value.bits = member.bits;
        Ok(value)
    }

    /// A base class whose place the object's virtual table tells.
    fn virtual_base(&self, member: &Member, memory: &dyn Memory) -> Result<Value, ValueError> {
        let at = self.address().ok_or(ValueError::OptimizedOut)?;
        let word = |at: Addr| memory.bytes(at, 8).map(|bytes| little(&bytes)).map_err(|_| Fault(at));
        let table = Addr(word(at)?);
        let offset = word(Addr(table.0.wrapping_sub(member.offset)))?;
        Ok(Value::at(member.ty.get(), at.add(offset)))
    }

    /// Element `at` of an array, or of what a pointer points to; an integer index may be negative.
    ///
    /// # Errors
    /// When it is neither array nor pointer, or the pointer cannot be read.
    pub fn index(&self, at: i64, memory: &dyn Memory) -> Result<Value, ValueError> {
        let ty = self.ty.strip();
        let not_an_array = || ValueError::NotAnArray(self.ty.name());
        let element = ty.target().ok_or_else(not_an_array)?;
        let size = element.size();
        let step = (at as u64).wrapping_mul(size);
        match ty.kind() {
            Kind::Array(array) => {
                let inside = u64::try_from(at).is_ok_and(|at| match array.count {
                    Count::Known(count) => at < count,
                    _ => false,
                });
                match self.place {
                    Place::Memory(base) if !inside => Ok(Value::at(element, base.add(step))),
                    _ if inside => Ok(self.slice(step, element, None)),
                    _ => Err(ValueError::Other("no such vector element".to_owned())),
                }
            }
            Kind::Pointer(_) => {
                let base = Addr(self.as_u64(memory)?);
                Ok(Value::at(element, base.add(step)))
            }
            _ => Err(not_an_array()),
        }
    }

    /// A part of this value.
    pub(super) fn slice(&self, offset: u64, ty: Type, bits: Option<Bits>) -> Value {
        let size = bits.map_or_else(|| ty.size(), |bits| u64::from((bits.first + bits.count).div_ceil(8)));
        let place = match self.place {
            Place::Memory(at) => Place::Memory(at.add(offset)),
            _ => Place::Scattered,
        };
        let place = if size == self.ty.size() && bits.is_none() && offset == 0 { self.place } else { place };
        let content = match &self.content {
            Content::Bytes(bytes, gaps) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
                match bytes.get(start..end) {
                    Some(part) => Content::Bytes(part.into(), clip(gaps, start..end)),
                    None => Content::Failed(ValueError::OptimizedOut),
                }
            }
            other => other.clone(),
        };
        Value::new(ty, place, content)
    }

    /// A pointer to this value.
    ///
    /// # Errors
    /// When it does not live in memory, or is a bit-field.
    pub fn address_of(&self) -> Result<Value, ValueError> {
        match self.place {
            _ if self.bits.is_some() => Err(ValueError::BitField),
            Place::Memory(at) => Ok(Value::pointer(&self.ty, at)),
            Place::Register(_) | Place::Nowhere | Place::Scattered => Err(ValueError::NotInMemory),
        }
    }
}

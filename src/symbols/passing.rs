//! Which classes a function may not return in registers, small as they are.
//!
//! A class that is not copied byte by byte needs an address (Itanium C++ ABI, 3.1.3 and 1.1, "non-trivial for the
//! purposes of calls"). DWARF 5 says so with `DW_AT_calling_convention` of the class (section 5.7.1); without that
//! the rules of the ABI are applied to what the class declares, as gdb 13.1 does (gnu-v3-abi.c,
//! `gnuv3_pass_by_reference`).

use gimli::{AttributeValue, constants as dw};

use super::dies::Die;
use super::types::{Kind, Record, Role, Type};

/// Classes nest no deeper than this.
const MAX_DEPTH: u32 = 32;

/// Whether values of this type are passed and returned by their address, whatever their size.
#[must_use]
pub fn by_reference(ty: &Type) -> bool {
    within(ty, MAX_DEPTH)
}

fn within(ty: &Type, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match ty.strip().kind() {
        Kind::Record(record) if record.cplus => record.told().unwrap_or_else(|| record.is_copied(depth)),
        Kind::Array(array) => within(&array.element.get(), depth),
        _ => false,
    }
}

impl Record {
    /// What the debug info says, if it says anything.
    fn told(&self) -> Option<bool> {
        let (table, at) = self.die.as_ref()?;
        let said = Die::open(table.dies(), *at)?.attr(dw::DW_AT_calling_convention)?;
        match said {
            AttributeValue::CallingConvention(dw::DW_CC_pass_by_reference) => Some(true),
            AttributeValue::CallingConvention(dw::DW_CC_pass_by_value) => Some(false),
            _ => None,
        }
    }

    /// Whether it has a virtual table, or copying or destroying it runs code of its own, a base's or a member's.
    fn is_copied(&self, depth: u32) -> bool {
        self.is_dynamic(16)
            || self.runs_code()
            || self
                .members
                .iter()
                .any(|member| member.role != Role::Static && within(&member.ty.get(), depth))
    }

    /// Whether the source wrote a destructor, or a constructor that copies or moves, or took all of those away.
    fn runs_code(&self) -> bool {
        let opened = self.die.as_ref().and_then(|(table, at)| Some((table, Die::open(table.dies(), *at)?)));
        let Some((table, die)) = opened else { return false };
        let class = self.plain_name();
        let (mut left, mut deleted) = (false, false);
        for method in die.children() {
            let Some(name) = method.name().filter(|_| method.entry.tag() == dw::DW_TAG_subprogram) else {
                continue;
            };
            let destroys = name.strip_prefix('~').is_some_and(|of| of == class);
            let ty = table.get(method.at());
            let copies = &*name == class
                && matches!(ty.kind(), Kind::Function(function) if self.is_taken_by(&function.parameters));
            if !destroys && !copies {
                continue;
            }
            let in_class = u64::from(dw::DW_DEFAULTED_in_class.0);
            let defaulted = method.unsigned(dw::DW_AT_defaulted) == Some(in_class);
            match method.flag(dw::DW_AT_deleted) {
                true => deleted |= copies,
                false if method.flag(dw::DW_AT_artificial) || defaulted => left |= copies,
                false => return true,
            }
        }
        deleted && !left
    }

    /// Whether these are the parameters of a constructor that takes one object of this class by reference.
    fn is_taken_by(&self, parameters: &[super::types::TypeRef]) -> bool {
        let [_, other, ..] = parameters else { return false };
        let other = other.get().strip();
        let Kind::Reference { to, .. } = other.kind() else { return false };
        matches!(to.get().strip().kind(), Kind::Record(record) if record.name == self.name)
    }
}

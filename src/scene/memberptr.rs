//! C++ pointers to members in gdb's words: `&A::x`, `&virtual A::area() const`, `NULL`.
//!
//! How they are built is the Itanium C++ ABI's, section 2.3: a member's offset, or two words for a function.

use super::number::little;
use super::print::Printer;
use super::value::{Value, ValueError};
use crate::addr::Addr;
use crate::symbols::types::{Kind, POINTER, Role, Type};

impl Printer<'_> {
    pub(super) fn member_pointer(
        &self,
        value: &Value,
        to: &Type,
        class: &Type,
    ) -> Result<String, ValueError> {
        let bytes = value.bytes(self.memory)?;
        let word = little(&bytes[..bytes.len().min(POINTER as usize)]);
        Ok(if to.strip().is_function() { self.method(word, value.ty(), class) } else { data(word, class) })
    }

    fn method(&self, word: u64, ty: &Type, class: &Type) -> String {
        let class = class.strip();
        let Kind::Record(record) = class.kind() else { return format!("{word:#x}") };
        match word {
            0 => "NULL".to_owned(),
            // An odd number is one more than the function's place in the virtual table.
            _ if word & 1 == 1 => {
                let entry = (word - 1) / POINTER;
                record.virtual_at(entry).map_or_else(
                    || format!("&virtual table offset {}", word - 1),
                    |name| format!("&virtual {name}"),
                )
            }
            _ => format!("({}) {}", ty.name(), self.address(Addr(word))),
        }
    }
}

/// The member at an offset; none is at -1.
fn data(word: u64, class: &Type) -> String {
    let class = class.strip();
    let Kind::Record(record) = class.kind() else { return format!("{word:#x}") };
    if word == u64::MAX {
        return "NULL".to_owned();
    }
    let member = record.members.iter().find(|member| member.role == Role::Data && member.offset == word);
    match member.and_then(|member| member.name.as_deref()) {
        Some(name) => format!("&{}", record.static_name(name)),
        None => word.to_string(),
    }
}

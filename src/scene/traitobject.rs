//! Rust's trait objects: a pointer, and a table of methods that tells what it points to.
//!
//! The compiler describes each table as a variable `<Type as Trait>::{vtable}`, and says of its type what it is the table
//! of. gdb 13.1 finds it by its address as well (rust-lang.c, `rust_get_trait_object_pointer`).

use super::Scene;
use super::number::little;
use super::value::{Value, ValueError};
use crate::addr::{Addr, FileAddr};
use crate::symbols::listed::{Declared, Listed, declared};
use crate::symbols::types::{Kind, Type};

/// How the names of the tables end.
const TABLE: &str = ">::{vtable}";

impl Scene<'_> {
    /// What a trait object points to; nothing for what is none, or where no table is described at its address.
    ///
    /// # Errors
    /// When the object cannot be read.
    pub fn trait_object(&self, value: &Value) -> Result<Option<Value>, ValueError> {
        let memory = self.source.memory();
        let (Ok(pointer), Ok(table)) = (value.member("pointer", memory), value.member("vtable", memory))
        else {
            return Ok(None);
        };
        let at = |value: &Value| Ok::<_, ValueError>(Addr(little(&value.bytes(memory)?)));
        let held = at(&pointer)?;
        Ok(self.type_of_table(at(&table)?).map(|ty| Value::at(ty, held)))
    }

    /// The type that a table of methods belongs to.
    pub(super) fn type_of_table(&self, table: Addr) -> Option<Type> {
        let module = self.modules.at(table)?;
        let debug = self.caches.debug(module)?;
        let place = |found: &Declared| {
            let value = self.entry_value_of(&debug, (module.bias, None), found.at, &found.name)?;
            Some((FileAddr(value.address()?.0.wrapping_sub(module.bias)), found.at))
        };
        let tables = debug.tables.get_or_init(|| {
            let all = declared(&debug.table, Listed::Variables, &|name| name.ends_with(TABLE));
            all.iter().filter_map(place).collect()
        });
        let at = tables.get(&FileAddr(table.0.wrapping_sub(module.bias)))?;
        let ty = self.entry_value_of(&debug, (module.bias, None), *at, "")?.ty().strip();
        let Kind::Record(record) = ty.kind() else { return None };
        record.containing()
    }
}

//! Names for the jump stubs of the procedure linkage table: `malloc@plt`, as binutils makes them up.
//!
//! No symbol table has them. A stub jumps through a slot that a relocation fills, and the relocation's symbol is the name
//! (psABI x86-64, 5.2; bfd/elf64-x86-64.c, `elf_x86_64_get_synthetic_symtab`).

use object::elf::{R_X86_64_GLOB_DAT, R_X86_64_IRELATIVE, R_X86_64_JUMP_SLOT};
use object::{Object, ObjectSection, ObjectSymbol, ObjectSymbolTable};
use rustc_hash::FxHashMap;

use super::elf::{ElfSymbol, SymbolKind};
use crate::addr::FileAddr;

type Elf = object::File<'static, &'static [u8]>;

/// Where stubs are, and how many bytes each has. With the second kind the first is only for the loader.
const SECTIONS: [(&str, usize); 3] = [(".plt.sec", 16), (".plt", 16), (".plt.got", 8)];

/// The stubs of a file as symbols.
pub(super) fn of(elf: &Elf) -> Vec<ElfSymbol> {
    let names = slot_names(elf);
    let mut found = Vec::new();
    if names.is_empty() {
        return found;
    }
    let second = elf.section_by_name(".plt.sec").is_some();
    for (name, size) in SECTIONS.into_iter().filter(|(name, _)| !(second && *name == ".plt")) {
        let Some(section) = elf.section_by_name(name) else { continue };
        // Where branches are checked, each of these stubs has sixteen bytes as well.
        let size = if section.align() >= 16 { 16 } else { size };
        let limit = FileAddr(section.address().saturating_add(section.size()));
        for (index, stub) in section.data().unwrap_or_default().chunks(size).enumerate() {
            let at = section.address().wrapping_add((index * size) as u64);
            let Some(name) = slot_of(stub, at).and_then(|slot| names.get(&slot)) else { continue };
            found.push(ElfSymbol {
                address: FileAddr(at),
                size: stub.len() as u64,
                // Kept as long as the debugger, like the names in the file.
                name: Box::leak(format!("{name}@plt").into_boxed_str()),
                kind: SymbolKind::Function,
                global: false,
                limit,
            });
        }
    }
    found
}

/// The names of what belongs into slots; an indirect function without a symbol is called by its resolver's address.
fn slot_names(elf: &Elf) -> FxHashMap<u64, String> {
    let Some(table) = elf.dynamic_symbol_table() else { return FxHashMap::default() };
    let name = |(offset, relocation): (u64, object::Relocation)| {
        let object::RelocationFlags::Elf { r_type } = relocation.flags() else { return None };
        match (r_type, relocation.target()) {
            (R_X86_64_IRELATIVE, _) => Some((offset, format!("*ABS*+{:#x}", relocation.addend()))),
            (R_X86_64_JUMP_SLOT | R_X86_64_GLOB_DAT, object::RelocationTarget::Symbol(index)) => {
                let name = table.symbol_by_index(index).ok()?.name().ok()?;
                let name = name.split('@').next().unwrap_or(name);
                (!name.is_empty()).then(|| (offset, name.to_owned()))
            }
            _ => None,
        }
    };
    elf.dynamic_relocations().into_iter().flatten().filter_map(name).collect()
}

/// The slot that a stub at `at` jumps through: `jmp *disp(%rip)`, perhaps behind `endbr64`, `push` or a `bnd` prefix.
fn slot_of(stub: &[u8], at: u64) -> Option<u64> {
    let jump = stub.windows(2).take(10).position(|pair| pair == [0xff, 0x25])?;
    let bytes: [u8; 4] = stub.get(jump + 2..jump + 6)?.try_into().ok()?;
    let behind = at.wrapping_add(jump as u64 + 6);
    Some(behind.wrapping_add(i64::from(i32::from_le_bytes(bytes)) as u64))
}

#[cfg(test)]
mod tests {
    use super::slot_of;

    #[test]
    fn stubs_of_every_kind_name_their_slot() {
        assert_eq!(slot_of(&[0xff, 0x25, 0x10, 0, 0, 0, 0x68, 0, 0, 0, 0], 0x1000), Some(0x1016));
        let checked = [0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 0xf0, 0xff, 0xff, 0xff, 0x90];
        assert_eq!(slot_of(&checked, 0x1000), Some(0x1000 + 11 - 16));
        assert_eq!(slot_of(&[0xff, 0x25, 1], 0), None);
        assert_eq!(slot_of(&[], 0), None);
    }
}

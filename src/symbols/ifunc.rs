//! Which function an indirect one (`STT_GNU_IFUNC`: strlen, memcpy…) turned out to be, without calling its
//! resolver: the loader has written the answer into relocated slots, and those are read.

use object::elf::{R_X86_64_GLOB_DAT, R_X86_64_IRELATIVE, R_X86_64_JUMP_SLOT};
use object::{Object, ObjectSection};

use super::modules::{Module, Modules};
use crate::addr::{Addr, FileAddr};
use crate::memory::Memory;

/// Where calls of the indirect function `name`, whose resolver is at `resolver` in `home`, go.
pub(super) fn target(
    modules: &Modules,
    home: &Module,
    resolver: FileAddr,
    name: &str,
    memory: &dyn Memory,
) -> Option<Addr> {
    let resolver_at = resolver.at(home.bias);
    modules.iter().find_map(|module| {
        let inside = std::ptr::eq(module, home);
        slots(module, inside.then_some(resolver), name)
            .into_iter()
            .filter_map(|slot| memory.u64(slot).ok().map(Addr))
            // A slot that is not bound yet points into its own module's stubs; the resolver is no answer.
            .find(|value| home.span.contains(*value) && *value != resolver_at)
    })
}

/// Slots of a module that get the function's address: relocations by its name, or by its resolver.
fn slots(module: &Module, resolver: Option<FileAddr>, name: &str) -> Vec<Addr> {
    let Some(image) = module.image.as_ref() else { return Vec::new() };
    let elf = image.elf();
    let symbols = elf.dynamic_symbol_table();
    let mut found = Vec::new();
    for (offset, relocation) in elf.dynamic_relocations().into_iter().flatten() {
        let object::RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
        let hit = match r_type {
            R_X86_64_IRELATIVE => resolver.is_some_and(|at| relocation.addend() as u64 == at.0),
            R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT => match relocation.target() {
                object::RelocationTarget::Symbol(index) => symbols
                    .as_ref()
                    .and_then(|table| object::ObjectSymbolTable::symbol_by_index(table, index).ok())
                    .and_then(|symbol| object::ObjectSymbol::name(&symbol).ok())
                    .is_some_and(|found| found.split('@').next() == Some(name)),
                _ => false,
            },
            _ => false,
        };
        if hit {
            found.push(FileAddr(offset).at(module.bias));
        }
    }
    found
}

/// The name of the function whose address belongs into a slot of a module.
pub(super) fn slot_name(module: &Module, slot: Addr) -> Option<String> {
    let elf = module.image.as_ref()?.elf();
    let wanted = module.linked(slot).0;
    let (_, relocation) = elf.dynamic_relocations()?.find(|(offset, _)| *offset == wanted)?;
    let object::RelocationTarget::Symbol(index) = relocation.target() else { return None };
    let table = elf.dynamic_symbol_table()?;
    let symbol = object::ObjectSymbolTable::symbol_by_index(&table, index).ok()?;
    let name = object::ObjectSymbol::name(&symbol).ok()?;
    name.split('@').next().map(str::to_owned)
}

/// Whether a module has a jump stub for `name`: it calls the function, but does not hold it.
pub(super) fn has_stub(module: &Module, name: &str) -> bool {
    let Some(image) = module.image.as_ref() else { return false };
    let mut undefined = image.elf().dynamic_symbols().filter(object::ObjectSymbol::is_undefined);
    let stubs = image.elf().section_by_name(".plt").is_some_and(|section| section.size() > 0);
    stubs && undefined.any(|symbol| object::ObjectSymbol::name(&symbol) == Ok(name))
}

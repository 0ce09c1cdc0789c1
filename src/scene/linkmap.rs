//! The dynamic linker's own list of what it loaded (`struct link_map`, link.h): names as the program knows them.
//!
//! `/proc/PID/maps` has the real path of a library, gdb prints the name by which it was loaded. The list is
//! in the target's memory and may be broken or circular, so it is read with bounds.

use crate::addr::Addr;
use crate::memory::Memory;

/// Types of the auxiliary vector (getauxval(3)) and of program headers (elf.h).
const AT_PHDR: u64 = 3;
const AT_PHNUM: u64 = 5;
const PT_DYNAMIC: u32 = 2;
const PT_PHDR: u32 = 6;
const DT_DEBUG: u64 = 21;
/// The sizes of `Elf64_Phdr` and `Elf64_Dyn`.
const PHDR_SIZE: u64 = 56;
const DYN_SIZE: u64 = 16;
/// No program loads more.
const MAX_LIBRARIES: usize = 4096;

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// `l_addr`: what was added to the file's addresses.
    pub bias: u64,
    /// `l_name`: the path by which it was loaded; empty for the main program.
    pub name: String,
    /// Where the entry itself is.
    pub entry: Addr,
}

/// The list, in the linker's order; empty before the linker has made it, and for a static program.
#[must_use]
pub fn read(auxv: &[(u64, u64)], memory: &dyn Memory) -> Vec<Loaded> {
    let mut found = Vec::new();
    let Some(mut next) = first_entry(auxv, memory) else { return found };
    while next.0 != 0 && found.len() < MAX_LIBRARIES {
        // struct link_map { l_addr, l_name, l_ld, l_next, … }.
        let (Ok(bias), Ok(name), Ok(after)) =
            (memory.u64(next), memory.u64(next.add(8)), memory.u64(next.add(24)))
        else {
            break;
        };
        let name = memory.c_string(Addr(name), 4096).map(|(bytes, _)| bytes).unwrap_or_default();
        found.push(Loaded { bias, name: String::from_utf8_lossy(&name).into_owned(), entry: next });
        next = Addr(after);
    }
    found
}

/// `_r_debug.r_map`, found through the main program's `DT_DEBUG`.
fn first_entry(auxv: &[(u64, u64)], memory: &dyn Memory) -> Option<Addr> {
    let entry = |wanted| auxv.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| *value);
    let headers = Addr(entry(AT_PHDR)?);
    let count = entry(AT_PHNUM)?.min(256);
    let (mut bias, mut dynamic) = (0, None);
    for at in 0..count {
        let header = headers.add(at * PHDR_SIZE);
        let address = memory.u64(header.add(16)).ok()?;
        match memory.u32(header).ok()? {
            PT_PHDR => bias = headers.0.wrapping_sub(address),
            PT_DYNAMIC => dynamic = Some(address),
            _ => {}
        }
    }
    let mut at = Addr(dynamic?.wrapping_add(bias));
    for _ in 0..1024 {
        match memory.u64(at).ok()? {
            0 => return None,
            // struct r_debug { int r_version; struct link_map *r_map; … }.
            DT_DEBUG => return memory.u64(Addr(memory.u64(at.add(8)).ok()?).add(8)).ok().map(Addr),
            _ => at = at.add(DYN_SIZE),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Sparse;

    fn words(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn a_circular_list_ends() {
        let mut memory = Sparse::default();
        memory.insert(Addr(0x1000), words(&[u64::from(PT_PHDR), 0, 0x40, 0, 0, 0, 0]));
        memory.insert(Addr(0x1000 + PHDR_SIZE), words(&[u64::from(PT_DYNAMIC), 0, 0x1040, 0, 0, 0, 0]));
        memory.insert(Addr(0x2000), words(&[DT_DEBUG, 0x3000, 0, 0]));
        memory.insert(Addr(0x3000), words(&[1, 0x4000]));
        memory.insert(Addr(0x4000), words(&[0xabc, 0x5000, 0, 0x4000]));
        memory.insert(Addr(0x5000), b"/lib/x.so\0".to_vec());
        let found = read(&[(AT_PHDR, 0x1000), (AT_PHNUM, 2)], &memory);
        assert_eq!(found.len(), MAX_LIBRARIES);
        assert_eq!((found[0].bias, &*found[0].name), (0xabc, "/lib/x.so"));
        assert_eq!(read(&[], &memory), []);
    }
}

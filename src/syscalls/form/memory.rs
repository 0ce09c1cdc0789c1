//! Calls on memory: the same four as the heap's story, and their neighbours.

use super::Arg::{Bits, By, Hex, Int, Later, LongHex, One, Pointer, Ulong};
use super::calls::rows;
use super::{Call, Outcome, structs, text};
use crate::syscalls::names::process::{MADVISE, MLOCK, MLOCKALL, MSYNC};
use crate::syscalls::table;

rows! {
    mmap: Pointer, Ulong, By(protection), By(map_flags), Int, LongHex => Outcome::Hex;
    mprotect: Pointer, Ulong, By(protection);
    munmap: Pointer, Ulong;
    brk: Pointer => Outcome::Hex;
    mremap: Pointer, Ulong, Ulong, By(remap_flags), By(remapped) => Outcome::Hex;
    msync: Pointer, Ulong, Bits(MSYNC);
    mincore: Pointer, Ulong, Later, By(resident);
    madvise: Pointer, Ulong, One(MADVISE);
    process_madvise: Int, By(structs::vector), Ulong, One(MADVISE), Hex;
    mlock: Pointer, Ulong;
    munlock: Pointer, Ulong;
    mlockall: Bits(MLOCKALL);
    munlockall: ;
    mlock2: Pointer, Ulong, Bits(MLOCK);
    pkey_mprotect: Pointer, Ulong, By(protection), Int;
    pkey_free: Int;
    remap_file_pages: Pointer, Ulong, By(protection), Ulong, By(map_flags);
    migrate_pages: Int, Ulong, Pointer, Pointer;
}

fn protection(call: &Call<'_>, at: usize) -> String {
    let bits = call.arg(at);
    let (known, all) = (bits as u32 & 0x300_000f, bits);
    if all != 0 && known == 0 {
        return format!("{all:#x} /* PROT_??? */");
    }
    table::flags(bits as u32, table::PROT, "PROT_NONE")
}

fn map_flags(call: &Call<'_>, at: usize) -> String {
    table::map_flags(call.arg(at) as u32)
}

fn remap_flags(call: &Call<'_>, at: usize) -> String {
    table::flags(call.arg(at) as u32, table::MREMAP, "0")
}

fn remapped(call: &Call<'_>, at: usize) -> String {
    const SOMEWHERE: u64 = (table::MREMAP_FIXED | table::MREMAP_DONTUNMAP) as u64;
    if call.arg(3) & SOMEWHERE == 0 { String::new() } else { text::pointer(call.arg(at)) }
}

fn resident(call: &Call<'_>, at: usize) -> String {
    call.array(call.arg(at), call.arg(1).div_ceil(4096), 1, |page| {
        u8::from(page.part::<1>(0)[0] & 1 != 0).to_string()
    })
}

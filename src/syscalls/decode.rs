//! From registers to a [`Call`]: the four memory calls that the heap's story is made of.

use crate::addr::Addr;
use crate::event::Call;

/// The numbers of the calls that [`decode`] understands: mmap, munmap, brk, mremap.
pub const MEMORY_CALLS: [u64; 4] = [MMAP, MUNMAP, BRK, MREMAP];

const MMAP: u64 = 9;
const MUNMAP: u64 = 11;
const BRK: u64 = 12;
const MREMAP: u64 = 25;

/// A finished memory call from its number, its six argument registers and what the kernel left in `rax`;
/// `None` for any other call.
///
/// The kernel looks at the low 32 bits of `prot`, `flags` and `fd`, and so does this.
#[must_use]
pub fn decode(nr: u64, args: [u64; 6], ret: u64) -> Option<Call> {
    let result = unpack(ret).map(Addr);
    let low = |value: u64| value as u32;
    match nr {
        BRK => Some(Call::Brk { wanted: Addr(args[0]), got: Addr(ret) }),
        MMAP => Some(Call::Mmap {
            addr: Addr(args[0]),
            len: args[1],
            prot: low(args[2]),
            flags: low(args[3]),
            fd: low(args[4]) as i32,
            offset: args[5],
            ret: result,
        }),
        MUNMAP => Some(Call::Munmap { addr: Addr(args[0]), len: args[1], ret: result }),
        MREMAP => Some(Call::Mremap {
            addr: Addr(args[0]),
            old_len: args[1],
            new_len: args[2],
            flags: low(args[3]),
            ret: result,
        }),
        _ => None,
    }
}

/// A system call's result: values from -4095 to -1 are errors (`include/linux/err.h`, `MAX_ERRNO`).
///
/// # Errors
/// The errno, as a positive number.
pub fn unpack(ret: u64) -> Result<u64, i32> {
    let signed = ret as i64;
    match i32::try_from(signed) {
        Ok(error @ -4095..=-1) => Err(-error),
        _ => Ok(ret),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_become_calls() {
        assert_eq!(
            decode(12, [0x447000, 0, 0, 0, 0, 0], 0x426000),
            Some(Call::Brk { wanted: Addr(0x447000), got: Addr(0x426000) })
        );
        let map = decode(9, [0, 4096, 3, 0x22, 0xffff_ffff, 0], -12_i64 as u64);
        assert!(matches!(map, Some(Call::Mmap { fd: -1, flags: 0x22, ret: Err(12), .. })), "{map:?}");
        assert_eq!(decode(0, [0; 6], 0), None);
    }

    #[test]
    fn only_the_last_page_holds_errors() {
        assert_eq!(unpack(-4095_i64 as u64), Err(4095));
        assert_eq!(unpack(-4096_i64 as u64), Ok(-4096_i64 as u64));
        assert_eq!(unpack(0x7fff_ffff_f000), Ok(0x7fff_ffff_f000));
        assert_eq!(unpack(u64::MAX), Err(1));
    }
}

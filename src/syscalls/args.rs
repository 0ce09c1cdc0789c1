//! A memory call in strace's words, and as JSON.
//!
//! `mmap(NULL, 135168, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7c3f000`: the layout
//! is that of strace 6.1 without the padding before `=`, so that the two can be compared and pasted.

use serde_json::{Value, json as object};

use super::{errors, table};
use crate::addr::Addr;
use crate::event::Call;

/// The call as strace prints it, with its result.
#[must_use]
pub fn text(call: &Call) -> String {
    format!("{} = {}", request(call), result(call))
}

/// The call as strace prints it, without its result: for a call that has not returned yet.
#[must_use]
pub fn request(call: &Call) -> String {
    match *call {
        Call::Brk { wanted, .. } => format!("brk({})", pointer(wanted)),
        Call::Mmap { addr, len, prot, flags, fd, offset, .. } => format!(
            "mmap({}, {len}, {}, {}, {fd}, {})",
            pointer(addr),
            table::flags(prot, table::PROT, "PROT_NONE"),
            table::map_flags(flags),
            if offset == 0 { "0".to_owned() } else { format!("{offset:#x}") },
        ),
        Call::Munmap { addr, len, .. } => format!("munmap({}, {len})", pointer(addr)),
        Call::Mremap { addr, old_len, new_len, flags, ret } => {
            let bits = table::flags(flags, table::MREMAP, "0");
            let fixed = flags & (table::MREMAP_FIXED | table::MREMAP_DONTUNMAP) != 0;
            let target = ret.ok().filter(|_| fixed).map(|at| format!(", {at}")).unwrap_or_default();
            format!("mremap({}, {old_len}, {new_len}, {bits}{target})", pointer(addr))
        }
    }
}

/// The result as strace prints it: an address, `0`, or `-1 ENOMEM (Cannot allocate memory)`.
#[must_use]
pub fn result(call: &Call) -> String {
    match *call {
        Call::Brk { got, .. } => got.to_string(),
        Call::Mmap { ret: Ok(at), .. } | Call::Mremap { ret: Ok(at), .. } => at.to_string(),
        Call::Munmap { ret: Ok(_), .. } => "0".to_owned(),
        Call::Mmap { ret: Err(e), .. }
        | Call::Munmap { ret: Err(e), .. }
        | Call::Mremap { ret: Err(e), .. } => failure(e),
    }
}

/// The system call's name.
#[must_use]
pub fn name(call: &Call) -> &'static str {
    match call {
        Call::Brk { .. } => "brk",
        Call::Mmap { .. } => "mmap",
        Call::Munmap { .. } => "munmap",
        Call::Mremap { .. } => "mremap",
    }
}

/// The result as a number, an error being negative.
#[must_use]
pub fn returned(call: &Call) -> i64 {
    let outcome = |ret: Result<Addr, i32>| ret.map_or_else(|errno| -i64::from(errno), |at| at.0 as i64);
    match *call {
        Call::Brk { got, .. } => got.0 as i64,
        Call::Mmap { ret, .. } | Call::Munmap { ret, .. } | Call::Mremap { ret, .. } => outcome(ret),
    }
}

/// The arguments and the result for `brkwater.event/1`: addresses are strings, sizes numbers, bits names.
#[must_use]
pub fn json(call: &Call) -> (Value, Value) {
    let outcome = |ret: Result<Addr, i32>, ok: fn(Addr) -> Value| match ret {
        Ok(at) => ok(at),
        Err(errno) => Value::from(-i64::from(errno)),
    };
    let address = |at: Addr| Value::from(at.to_string());
    match *call {
        Call::Brk { wanted, got } => (object!({"addr": wanted}), address(got)),
        Call::Mmap { addr, len, prot, flags, fd, offset, ret } => (
            object!({
                "addr": addr, "length": len, "prot": table::flags(prot, table::PROT, "PROT_NONE"),
                "flags": table::map_flags(flags), "fd": fd, "offset": offset,
            }),
            outcome(ret, address),
        ),
        Call::Munmap { addr, len, ret } => {
            (object!({"addr": addr, "length": len}), outcome(ret, |_| Value::from(0)))
        }
        Call::Mremap { addr, old_len, new_len, flags, ret } => (
            object!({
                "old_address": addr, "old_size": old_len, "new_size": new_len,
                "flags": table::flags(flags, table::MREMAP, "0"),
            }),
            outcome(ret, address),
        ),
    }
}

fn pointer(at: Addr) -> String {
    if at.0 == 0 { "NULL".to_owned() } else { at.to_string() }
}

fn failure(errno: i32) -> String {
    match errors::error(errno) {
        Some((name, words)) => format!("-1 {name} ({words})"),
        None => format!("-1 (errno {errno})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscalls::decode;

    fn shown(nr: u64, args: [u64; 6], ret: u64) -> String {
        text(&decode(nr, args, ret).unwrap())
    }

    /// Lines that strace 6.1 printed, with its padding taken out.
    #[test]
    fn calls_read_as_in_strace() {
        const NO_FD: u64 = u64::MAX;
        assert_eq!(
            shown(9, [0, 135_168, 3, 0x22, NO_FD, 0], 0x7fff_f7c3_f000),
            "mmap(NULL, 135168, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7c3f000"
        );
        assert_eq!(shown(12, [0x447000, 0, 0, 0, 0, 0], 0x426000), "brk(0x447000) = 0x426000");
        assert_eq!(shown(12, [0; 6], 0xa6a000), "brk(NULL) = 0xa6a000");
        assert_eq!(shown(11, [0x7ffff7fb7000, 34303, 0, 0, 0, 0], 0), "munmap(0x7ffff7fb7000, 34303) = 0");
        assert_eq!(
            shown(11, [1, 3, 0, 0, 0, 0], -22_i64 as u64),
            "munmap(0x1, 3) = -1 EINVAL (Invalid argument)"
        );
        assert_eq!(
            shown(25, [0x7f0a_e34d_8000, 16384, 8192, 3, 0, 0], 0x7f0a_e34d_c000),
            "mremap(0x7f0ae34d8000, 16384, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x7f0ae34dc000) = 0x7f0ae34dc000"
        );
        assert_eq!(
            shown(9, [0x7f54_4f09_2000, 1_400_832, 5, 0x812, 3, 0x26000], 0x7f54_4f09_2000),
            "mmap(0x7f544f092000, 1400832, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x26000) \
             = 0x7f544f092000"
        );
        assert_eq!(
            shown(9, [0, 4096, 3, 0x22 | 0x40000 | (21 << 26), NO_FD, 0], -12_i64 as u64),
            "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0) \
             = -1 ENOMEM (Cannot allocate memory)"
        );
        assert_eq!(
            shown(9, [0, 4096, 0, 0x22 | 0x80 | 0x200, NO_FD, 0], 0x1000),
            "mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|0x280, -1, 0) = 0x1000"
        );
    }

    #[test]
    fn json_keeps_addresses_as_strings() {
        let (args, ret) = json(&decode(12, [0x26d_3000, 0, 0, 0, 0, 0], 0x26b_2000).unwrap());
        assert_eq!((args, ret), (object!({"addr": "0x26d3000"}), object!("0x26b2000")));
        let (args, ret) = json(&decode(9, [0, 4096, 3, 0x22, u64::MAX, 0], -12_i64 as u64).unwrap());
        assert_eq!(args["flags"], "MAP_PRIVATE|MAP_ANONYMOUS");
        assert_eq!(ret, -12);
    }
}

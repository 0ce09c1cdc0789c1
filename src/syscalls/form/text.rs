//! Numbers, strings and paths as strace writes them.

use crate::addr::Addr;
use crate::memory::Memory;

/// Bytes of a string, and elements of an array, that are told.
pub(super) const LIMIT: usize = 32;
/// Bytes of a path that are told (`PATH_MAX` with its NUL).
const PATH: usize = 4095;
/// Where relative paths begin: at the working directory.
const AT_FDCWD: i32 = -100;

/// `0x1f`, and `0` without it.
pub(super) fn hex(value: u64) -> String {
    if value == 0 { "0".to_owned() } else { format!("{value:#x}") }
}

/// An address.
pub(super) fn pointer(address: u64) -> String {
    if address == 0 { "NULL".to_owned() } else { format!("{address:#x}") }
}

/// A descriptor of a directory.
pub(super) fn directory(fd: i32) -> String {
    if fd == AT_FDCWD { "AT_FDCWD".to_owned() } else { fd.to_string() }
}

/// Rights in octal, at least three digits.
pub(super) fn mode(bits: u64) -> String {
    if bits == 0 { "000".to_owned() } else { format!("{:0>3}", format!("0{bits:o}")) }
}

/// A device in the kernel's numbering (`include/linux/kdev_t.h`, as user space sees it).
pub(super) fn device(number: u64) -> String {
    let major = (number >> 8) & 0xfff | (number >> 32) & 0xffff_f000;
    let minor = number & 0xff | (number >> 12) & 0xffff_ff00;
    format!("makedev({}, {})", hex(major), hex(minor))
}

/// A path, whole.
pub(super) fn path(memory: &dyn Memory, address: u64) -> String {
    cut(memory, address, PATH, PATH + 1)
}

/// A string that ends with NUL, or at `most`, where its end is not looked for; 32 bytes of it.
pub(super) fn string(memory: &dyn Memory, address: u64, most: usize) -> String {
    cut(memory, address, LIMIT.min(most), most.min(LIMIT + 1))
}

/// `limit` bytes of a string, of which so many are read.
fn cut(memory: &dyn Memory, address: u64, limit: usize, read: usize) -> String {
    if address == 0 {
        return "NULL".to_owned();
    }
    match memory.c_string(Addr(address), read) {
        Ok((bytes, true)) => quoted(&bytes),
        Ok((bytes, false)) => quoted(&bytes[..limit.min(bytes.len())]) + "...",
        Err(_) => pointer(address),
    }
}

/// Bytes of which there are `length`; 32 of them.
pub(super) fn bytes(memory: &dyn Memory, address: u64, length: u64) -> String {
    if address == 0 {
        return "NULL".to_owned();
    }
    let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(LIMIT + 1);
    match memory.bytes(Addr(address), wanted) {
        Ok(bytes) => some(&bytes),
        Err(_) => pointer(address),
    }
}

/// Bytes that we have; 32 of them.
pub(super) fn some(bytes: &[u8]) -> String {
    let more = if bytes.len() > LIMIT { "..." } else { "" };
    quoted(&bytes[..bytes.len().min(LIMIT)]) + more
}

/// Bytes in quotes, each in hex: what is no text.
pub(super) fn raw(bytes: &[u8]) -> String {
    let more = if bytes.len() > LIMIT { "..." } else { "" };
    let told: String = bytes.iter().take(LIMIT).map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{told}\"{more}")
}

/// Bytes in quotes, those that are no ASCII as octal numbers, as short as what follows lets them be.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\x0c' => text.push_str("\\f"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'\x0b' => text.push_str("\\v"),
            b' '..=b'~' => text.push(char::from(*byte)),
            byte if bytes.get(at + 1).is_some_and(|next| (b'0'..=b'7').contains(next)) => {
                text.push_str(&format!("\\{byte:03o}"));
            }
            byte => text.push_str(&format!("\\{byte:o}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Sparse;

    #[test]
    fn strings_are_cut_and_escaped_as_in_strace() {
        let mut memory = Sparse::default();
        memory.insert(Addr(0x1000), [&[b'x'; 40][..], b"\0"].concat());
        memory.insert(Addr(0x2000), b"\x7fELF\x02\x01\x011\xff\n\"\\\0".to_vec());
        let exes = "x".repeat(32);
        assert_eq!(string(&memory, 0x1000, usize::MAX), format!("\"{exes}\"..."));
        assert_eq!(string(&memory, 0x1008, usize::MAX), format!("\"{exes}\""));
        assert_eq!(path(&memory, 0x1000), format!("\"{}\"", "x".repeat(40)));
        assert_eq!(string(&memory, 0x1000, 15), format!("\"{}\"...", "x".repeat(15)));
        assert_eq!(string(&memory, 0x1000 + 25, 15), format!("\"{}\"...", "x".repeat(15)));
        assert_eq!(bytes(&memory, 0x1000, 33), format!("\"{exes}\"..."));
        assert_eq!(bytes(&memory, 0x1000, 32), format!("\"{exes}\""));
        assert_eq!(bytes(&memory, 0x2000, 13), "\"\\177ELF\\2\\1\\0011\\377\\n\\\"\\\\\\0\"");
        assert_eq!(bytes(&memory, 0x3000, 4), "0x3000");
        assert_eq!(string(&memory, 0, usize::MAX), "NULL");
    }

    #[test]
    fn numbers_read_as_in_strace() {
        assert_eq!([mode(0), mode(7), mode(0o644), mode(0o1777)], ["000", "007", "0644", "01777"]);
        assert_eq!([hex(0), hex(31)], ["0", "0x1f"]);
        assert_eq!(device(0x8801), "makedev(0x88, 0x1)");
        assert_eq!([directory(-100), directory(3)], ["AT_FDCWD", "3"]);
    }
}

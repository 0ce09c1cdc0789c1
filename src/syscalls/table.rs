//! The bits of the memory calls as plain numbers, with the names that the manuals give them.
//!
//! Sources: Linux `include/uapi/asm-generic/{mman-common,mman}.h` and
//! `arch/x86/include/uapi/asm/mman.h`. Plain numbers, because only `kernel/` may use libc; the order is the
//! order in which strace 6.1 prints them.

/// Pages may be read.
pub const PROT_READ: u32 = 1;
/// Pages may be written.
pub const PROT_WRITE: u32 = 2;
/// Pages may be executed.
pub const PROT_EXEC: u32 = 4;
/// Changes are shared with others.
pub const MAP_SHARED: u32 = 0x1;
/// Changes are private.
pub const MAP_PRIVATE: u32 = 0x2;
/// The bits of `flags` that hold the kind of sharing.
pub const MAP_TYPE: u32 = 0xf;
/// At exactly this address, over whatever is there.
pub const MAP_FIXED: u32 = 0x10;
/// Memory without a file.
pub const MAP_ANONYMOUS: u32 = 0x20;
/// Ignored by the kernel; only the dynamic loader still sets it, which gives it away.
pub const MAP_DENYWRITE: u32 = 0x800;
/// No swap space is set aside: address space is reserved, nothing more.
pub const MAP_NORESERVE: u32 = 0x4000;
/// For a thread's stack.
pub const MAP_STACK: u32 = 0x2_0000;
/// In huge pages.
pub const MAP_HUGETLB: u32 = 0x4_0000;
/// At exactly this address, or not at all.
pub const MAP_FIXED_NOREPLACE: u32 = 0x10_0000;
/// Where `flags` hold the logarithm of the size of a huge page.
pub const MAP_HUGE_SHIFT: u32 = 26;
/// The block may move.
pub const MREMAP_MAYMOVE: u32 = 1;
/// It must move to the address given.
pub const MREMAP_FIXED: u32 = 2;
/// The old range stays mapped, empty.
pub const MREMAP_DONTUNMAP: u32 = 4;

/// `PROT_*`.
pub const PROT: &[(u32, &str)] = &[
    (PROT_READ, "PROT_READ"),
    (PROT_WRITE, "PROT_WRITE"),
    (PROT_EXEC, "PROT_EXEC"),
    (0x8, "PROT_SEM"),
    (0x100_0000, "PROT_GROWSDOWN"),
    (0x200_0000, "PROT_GROWSUP"),
];

/// The kinds of sharing: values of `flags & MAP_TYPE`, not bits.
pub const MAP_KIND: &[(u32, &str)] =
    &[(MAP_SHARED, "MAP_SHARED"), (MAP_PRIVATE, "MAP_PRIVATE"), (3, "MAP_SHARED_VALIDATE")];

/// The other `MAP_*` bits.
pub const MAP: &[(u32, &str)] = &[
    (MAP_FIXED, "MAP_FIXED"),
    (MAP_ANONYMOUS, "MAP_ANONYMOUS"),
    (0x40, "MAP_32BIT"),
    (MAP_NORESERVE, "MAP_NORESERVE"),
    (0x8000, "MAP_POPULATE"),
    (0x1_0000, "MAP_NONBLOCK"),
    (0x100, "MAP_GROWSDOWN"),
    (MAP_DENYWRITE, "MAP_DENYWRITE"),
    (0x1000, "MAP_EXECUTABLE"),
    (0x2000, "MAP_LOCKED"),
    (MAP_STACK, "MAP_STACK"),
    (MAP_HUGETLB, "MAP_HUGETLB"),
    (0x8_0000, "MAP_SYNC"),
    (MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"),
];

/// `MREMAP_*`.
pub const MREMAP: &[(u32, &str)] = &[
    (MREMAP_MAYMOVE, "MREMAP_MAYMOVE"),
    (MREMAP_FIXED, "MREMAP_FIXED"),
    (MREMAP_DONTUNMAP, "MREMAP_DONTUNMAP"),
];

/// The set bits by name, joined with `|`, unknown ones in hex behind them; `none` when no bit is set.
#[must_use]
pub fn flags(bits: u32, names: &[(u32, &str)], none: &str) -> String {
    if bits == 0 {
        return none.to_owned();
    }
    let (mut text, mut rest) = (String::new(), bits);
    for (bit, name) in names {
        if bits & bit != 0 {
            push(&mut text, name);
            rest &= !bit;
        }
    }
    if rest != 0 {
        push(&mut text, &format!("{rest:#x}"));
    }
    text
}

/// `flags` of an mmap: the kind of sharing, the bits, the size of a huge page.
#[must_use]
pub fn map_flags(bits: u32) -> String {
    let kind = bits & MAP_TYPE;
    let huge = if bits & MAP_HUGETLB != 0 { bits >> MAP_HUGE_SHIFT } else { 0 };
    let mut text = match MAP_KIND.iter().find(|(value, _)| *value == kind) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{kind:#x}"),
    };
    let rest = bits & !MAP_TYPE & !(huge << MAP_HUGE_SHIFT);
    if rest != 0 {
        push(&mut text, &flags(rest, MAP, ""));
    }
    if huge != 0 {
        push(&mut text, &format!("{huge}<<MAP_HUGE_SHIFT"));
    }
    text
}

fn push(text: &mut String, word: &str) {
    if !text.is_empty() {
        text.push('|');
    }
    text.push_str(word);
}

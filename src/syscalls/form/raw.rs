//! Calls that are not decoded: their arguments stand there in hex, as many as the call takes.

use super::text::hex;

/// How many arguments calls take that are not decoded (strace 6.1, `src/linux/x86_64/syscallent.h`).
const COUNTS: &[(usize, &[u64])] = &[
    (1, &[134, 156, 159, 177, 205, 207, 211, 323, 447]),
    (2, &[136, 167, 174, 206, 244, 252, 300, 305, 425, 430, 446, 448]),
    (
        3,
        &[
            103, 139, 154, 173, 175, 180, 184, 185, 209, 210, 238, 245, 251, 304, 313, 314, 321, 428, 432,
            433, 444,
        ],
    ),
    (4, &[169, 179, 214, 215, 246, 249, 315, 427, 443, 445, 450]),
    (5, &[178, 181, 182, 183, 208, 236, 239, 248, 250, 298, 299, 301, 303, 320, 429, 431, 442, 449]),
    (6, &[237, 279, 311, 333, 426]),
];

/// A call's name, or its number where it has none.
pub(super) fn name(nr: u64) -> String {
    crate::syscalls::name(nr).map_or_else(|| format!("syscall_{nr:#x}"), str::to_owned)
}

/// The arguments of a call that is not decoded.
pub(super) fn arguments(nr: u64, args: &[u64; 6]) -> String {
    let count = COUNTS.iter().find(|(_, calls)| calls.contains(&nr)).map_or(args.len(), |(count, _)| *count);
    args.iter().take(count).map(|arg| hex(*arg)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_not_decoded_has_its_numbers() {
        assert_eq!(arguments(314, &[0, 0x10, 3, 4, 5, 6]), "0, 0x10, 0x3");
        assert_eq!(arguments(460, &[1; 6]), "0x1, 0x1, 0x1, 0x1, 0x1, 0x1");
        assert_eq!(name(4000), "syscall_0xfa0");
        assert!(COUNTS.iter().flat_map(|(_, calls)| *calls).all(|nr| super::super::row(*nr).is_none()));
    }
}

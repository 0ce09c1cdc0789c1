//! Groups of system calls by what they work on, as gdb sorts them (gdb 13.1, `gdb/syscalls/amd64-linux.xml`).

/// The groups that gdb knows, and the numbers of their calls.
const GROUPS: &[(&str, &[u64])] = &[
    (
        "descriptor",
        &[
            0, 1, 2, 3, 5, 7, 8, 9, 16, 17, 18, 19, 20, 22, 23, 32, 33, 40, 72, 73, 74, 75, 77, 78, 81, 85,
            91, 93, 138, 187, 190, 193, 196, 199, 213, 217, 221, 232, 233, 253, 254, 255, 257, 258, 259, 260,
            261, 262, 263, 264, 265, 266, 267, 268, 269, 270, 271, 275, 276, 277, 278, 280, 281, 282, 283,
            284, 285, 286, 287, 289, 290, 291, 292, 293, 294, 295, 296, 298, 300, 301, 303, 304, 306, 308,
            313,
        ],
    ),
    (
        "file",
        &[
            2, 4, 6, 21, 59, 76, 79, 80, 82, 83, 84, 85, 86, 87, 88, 89, 90, 92, 94, 132, 133, 134, 137, 155,
            161, 163, 165, 166, 167, 168, 179, 188, 189, 191, 192, 194, 195, 197, 198, 235, 257, 258, 259,
            260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 280, 301, 303,
        ],
    ),
    ("memory", &[9, 10, 11, 12, 25, 26, 27, 28, 30, 67, 149, 150, 151, 152, 216, 237, 238, 239, 256, 279]),
    ("process", &[56, 57, 58, 59, 60, 61, 158, 231, 247, 272, 297]),
    ("signal", &[13, 14, 15, 34, 62, 127, 128, 129, 130, 131, 200, 234, 282, 289, 297]),
    ("ipc", &[29, 30, 31, 64, 65, 66, 67, 68, 69, 70, 71, 220]),
    ("network", &[40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 288, 299, 307]),
];

/// The numbers of the calls of a group, ascending; `None` for a group that gdb does not know.
#[must_use]
pub fn of(name: &str) -> Option<&'static [u64]> {
    GROUPS.iter().find(|(known, _)| *known == name).map(|(_, calls)| *calls)
}

/// The names of the groups.
pub fn names() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_gdb_s() {
        let called = |group: &str, name: &str| {
            of(group).unwrap().iter().any(|nr| super::super::name(*nr) == Some(name))
        };
        assert!(called("memory", "brk") && called("process", "execve") && called("file", "openat"));
        assert!(!called("memory", "read"));
        assert_eq!(of("nosuch"), None);
        assert_eq!(names().count(), 7);
    }
}

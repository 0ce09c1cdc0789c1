//! The kernel's list of mappings (`/proc/PID/maps`, proc(5)) as values.
//!
//! One line is a *VMA*, which is not what malloc asked for: the kernel merges neighbours with equal rights
//! into one line. Who asked for what is the heap's story, not this module's.

use serde::{Deserialize, Serialize};

use crate::addr::{Addr, Span};

/// What a mapping may be used for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Perms {
    /// Readable.
    pub read: bool,
    /// Writable.
    pub write: bool,
    /// Executable.
    pub exec: bool,
    /// Shared with others (`s`), not private (`p`).
    pub shared: bool,
}

impl std::fmt::Display for Perms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pick = |on, letter| if on { letter } else { '-' };
        let last = if self.shared { 's' } else { 'p' };
        write!(f, "{}{}{}{last}", pick(self.read, 'r'), pick(self.write, 'w'), pick(self.exec, 'x'))
    }
}

/// One line of `/proc/PID/maps`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The addresses it covers.
    pub span: Span,
    /// Its rights.
    pub perms: Perms,
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// The file system that the file is on: major and minor number of its device.
    #[serde(skip)]
    pub device: (u32, u32),
    /// The file's inode; 0 for anonymous memory.
    pub inode: u64,
    /// The file, `[heap]`, `[stack]`, `[vdso]`, or nothing for anonymous memory. As the kernel wrote it,
    /// with ` (deleted)` behind a file that is gone.
    pub path: String,
}

impl Mapping {
    /// Whether no file stands behind it.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.inode == 0
    }

    /// Whether the kernel says that nothing leads to the file any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.path.ends_with(" (deleted)")
    }

    /// The file's path without the kernel's ` (deleted)`; nothing for memory without a file.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        let path = self.path.strip_suffix(" (deleted)").unwrap_or(&self.path);
        (self.inode != 0 && path.starts_with('/')).then_some(path)
    }
}

/// Reads the text of `/proc/PID/maps`. Lines that make no sense are left out: half a map is better than none.
#[must_use]
pub fn parse(text: &str) -> Vec<Mapping> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut field = || {
        rest = rest.trim_start_matches(' ');
        let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = tail;
        word
    };
    let (start, end) = field().split_once('-')?;
    let perms = field().as_bytes();
    let offset = u64::from_str_radix(field(), 16).ok()?;
    let (major, minor) = field().split_once(':')?;
    let inode = field().parse().ok()?;
    let hex = |digits| u64::from_str_radix(digits, 16).map(Addr).ok();
    let half = |digits| u32::from_str_radix(digits, 16).ok();
    let has = |at: usize, letter| perms.get(at) == Some(&letter);
    Some(Mapping {
        span: Span::new(hex(start)?, hex(end)?),
        perms: Perms { read: has(0, b'r'), write: has(1, b'w'), exec: has(2, b'x'), shared: has(3, b's') },
        offset,
        device: (half(major)?, half(minor)?),
        inode,
        path: rest.trim_start_matches(' ').to_owned(),
    })
}

/// The mapping that holds `at`, in a list sorted by address.
#[must_use]
pub fn find(maps: &[Mapping], at: Addr) -> Option<&Mapping> {
    let after = maps.partition_point(|mapping| mapping.span.start <= at);
    maps.get(after.checked_sub(1)?).filter(|mapping| mapping.span.contains(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
00400000-00401000 r--p 00000000 fe:01 1234                               /tmp/a file with spaces (deleted)
00426000-00427000 r--p 00000000 00:00 0 
7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0                          [vdso]
not a line
";

    #[test]
    fn lines_become_mappings() {
        let maps = parse(TEXT);
        assert_eq!(maps.len(), 3);
        assert_eq!(maps[0].file(), Some("/tmp/a file with spaces"));
        assert!(maps[1].is_anonymous() && maps[1].path.is_empty());
        assert_eq!(maps[1].perms.to_string(), "r--p");
        assert_eq!(maps[2].path, "[vdso]");
        assert_eq!(maps[2].file(), None);
    }

    #[test]
    fn an_address_finds_its_mapping() {
        let maps = parse(TEXT);
        assert_eq!(find(&maps, Addr(0x426fff)), Some(&maps[1]));
        assert_eq!(find(&maps, Addr(0x427000)), None);
        assert_eq!(find(&maps, Addr(0)), None);
    }
}

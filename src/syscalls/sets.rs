//! Which calls a set means, as strace's `-e trace=SET` has it (strace 6.1, x86-64).
//!
//! `file`, `%file`, `process`, `all`, `none`, names of calls, `/regex`, joined with commas; `!` in front of all means every
//! other call. strace's sets differ from gdb's groups ([`super::groups`]).

use std::fmt;

use regex::Regex;

use super::{MEMORY_CALLS, all, number};

/// The sets, without the `%` in front, and the numbers of their calls.
const SETS: &[(&str, &[u16])] = &[
    (
        "desc",
        &[
            0, 1, 2, 3, 5, 7, 8, 9, 16, 17, 18, 19, 20, 22, 23, 32, 33, 40, 72, 73, 74, 75, 77, 78, 81, 85,
            91, 93, 138, 187, 190, 193, 196, 199, 213, 217, 221, 232, 233, 240, 242, 243, 244, 245, 253, 254,
            255, 257, 258, 259, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 270, 271, 275, 276, 277,
            278, 280, 281, 282, 283, 284, 285, 286, 287, 289, 290, 291, 292, 293, 294, 295, 296, 298, 300,
            301, 303, 304, 306, 308, 313, 316, 319, 320, 321, 322, 323, 326, 327, 328, 332, 424, 425, 426,
            427, 428, 429, 430, 431, 432, 433, 434, 437, 438, 439, 440, 441, 442, 443, 444, 445, 446, 447,
            448,
        ],
    ),
    (
        "file",
        &[
            2, 4, 6, 21, 59, 76, 79, 80, 82, 83, 84, 85, 86, 87, 88, 89, 90, 92, 94, 132, 133, 134, 137, 155,
            161, 163, 165, 166, 167, 168, 179, 188, 189, 191, 192, 194, 195, 197, 198, 235, 254, 257, 258,
            259, 260, 261, 262, 263, 264, 265, 266, 267, 268, 269, 280, 301, 303, 316, 322, 332, 428, 429,
            431, 433, 437, 439, 442,
        ],
    ),
    (
        "memory",
        &[
            9, 10, 11, 12, 25, 26, 27, 28, 30, 67, 149, 150, 151, 152, 206, 207, 216, 237, 238, 239, 256,
            279, 325, 329, 427, 450,
        ],
    ),
    ("process", &[56, 57, 58, 59, 60, 61, 62, 129, 200, 231, 234, 247, 297, 322, 424, 435]),
    ("signal", &[13, 14, 15, 34, 62, 127, 128, 129, 130, 131, 200, 234, 282, 289, 297, 424, 426]),
    ("ipc", &[29, 30, 31, 64, 65, 66, 67, 68, 69, 70, 71, 220]),
    ("network", &[40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 181, 182, 288, 299, 307]),
    (
        "creds",
        &[102, 104, 105, 106, 107, 108, 113, 114, 115, 116, 117, 118, 119, 120, 122, 123, 125, 126, 157],
    ),
    ("stat", &[4]),
    ("lstat", &[6]),
    ("fstat", &[5, 262, 332]),
    ("%stat", &[4, 5, 6, 262, 332]),
    ("statfs", &[137]),
    ("fstatfs", &[138]),
    ("%statfs", &[136, 137, 138]),
    ("pure", &[39, 102, 104, 107, 108, 110, 111, 186]),
    ("clock", &[96, 159, 164, 201, 227, 228, 229, 305]),
];

/// Some of the system calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallSet {
    /// As it was asked for.
    text: String,
    /// Ascending numbers.
    numbers: Vec<u64>,
    /// It is every other call that is meant.
    others: bool,
}

impl CallSet {
    /// What a text means; nothing at all when it is empty.
    ///
    /// # Errors
    /// In strace's words, when a word is neither a set nor a call.
    pub fn parse(text: &str) -> Result<CallSet, String> {
        let text = text.trim();
        let bare = text.strip_prefix("trace=").or_else(|| text.strip_prefix("t=")).unwrap_or(text);
        let (words, others) = bare.strip_prefix('!').map_or((bare, false), |rest| (rest, true));
        let mut set = CallSet { text: text.to_owned(), numbers: Vec::new(), others };
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "all" => (set.numbers, set.others) = (Vec::new(), !others),
                "none" => {}
                word => set.numbers.extend(meant_by(word)?),
            }
            if word == "all" {
                return Ok(set);
            }
        }
        set.numbers.sort_unstable();
        set.numbers.dedup();
        Ok(set)
    }

    /// Whether a call is one of them.
    #[must_use]
    pub fn has(&self, nr: u64) -> bool {
        self.numbers.binary_search(&nr).is_ok() != self.others
    }

    /// Whether no call is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && !self.others
    }

    /// Whether one of the calls that the heap's story is made of is among them.
    #[must_use]
    pub fn has_memory(&self) -> bool {
        MEMORY_CALLS.iter().any(|nr| self.has(*nr))
    }

    /// The same as ranges of numbers, ascending, each with its last one; `more` are meant as well.
    #[must_use]
    pub fn ranges(&self, more: &[u32]) -> Vec<(u32, u32)> {
        let listed = self.numbers.iter().filter_map(|nr| u32::try_from(*nr).ok());
        let mut listed: Vec<u32> = match self.others {
            true => listed.filter(|nr| !more.contains(nr)).collect(),
            false => listed.chain(more.iter().copied()).collect(),
        };
        listed.sort_unstable();
        listed.dedup();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for nr in listed {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == nr => *last = nr,
                _ => ranges.push((nr, nr)),
            }
        }
        if !self.others {
            return ranges;
        }
        let (mut gaps, mut from) = (Vec::new(), 0);
        for (first, last) in ranges {
            if first > from {
                gaps.push((from, first - 1));
            }
            from = last.saturating_add(1);
        }
        gaps.push((from, u32::MAX));
        gaps
    }
}

impl fmt::Display for CallSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The calls that one word means.
fn meant_by(word: &str) -> Result<Vec<u64>, String> {
    let (word, optional) = word.strip_prefix('?').map_or((word, false), |rest| (rest, true));
    if let Some(pattern) = word.strip_prefix('/') {
        let pattern = Regex::new(pattern).map_err(|_| format!("invalid regular expression '{pattern}'"))?;
        return Ok(all().filter(|(_, name)| pattern.is_match(name)).map(|(nr, _)| nr).collect());
    }
    // The names that strace had for sets before `%` came.
    const BARE: [&str; 7] = ["desc", "file", "memory", "process", "signal", "ipc", "network"];
    let set = word.strip_prefix('%').or_else(|| BARE.contains(&word).then_some(word));
    let set = if set == Some("net") { Some("network") } else { set };
    if let Some((_, numbers)) = set.and_then(|set| SETS.iter().find(|(known, _)| *known == set)) {
        return Ok(numbers.iter().map(|nr| u64::from(*nr)).collect());
    }
    match (number(word).or_else(|| word.parse().ok()), optional) {
        (Some(nr), _) => Ok(vec![nr]),
        (None, true) => Ok(Vec::new()),
        (None, false) => Err(format!("invalid system call '{word}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> CallSet {
        CallSet::parse(text).unwrap()
    }

    #[test]
    fn sets_are_strace_s() {
        let has = |text: &str, name: &str| set(text).has(number(name).unwrap());
        assert!(has("file", "openat") && has("%file", "execve") && !has("file", "read"));
        assert!(has("memory", "madvise") && has("trace=process", "wait4") && has("%network", "sendfile"));
        assert!(has("!file", "read") && !has("!file", "openat"));
        assert!(
            has("all", "getpid") && !has("!all", "getpid") && set("none").is_empty() && set("").is_empty()
        );
        assert!(has("read,%signal", "kill") && has("/^get.*id$", "getppid") && has("?nosuch,read", "read"));
        assert!(set("memory").has_memory() && set("all").has_memory() && !set("file").has_memory());
        assert_eq!(CallSet::parse("nosuch").unwrap_err(), "invalid system call 'nosuch'");
        assert_eq!(set("trace=brk,mmap").to_string(), "trace=brk,mmap");
    }

    #[test]
    fn ranges_cover_the_set_and_nothing_else() {
        for text in ["file", "all", "!file", "brk", "none", "desc,!read"] {
            let Ok(set) = CallSet::parse(text) else { continue };
            let ranges = set.ranges(&[203, 204]);
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "{text}: {ranges:?}");
            for nr in (0..600).chain([0x4000_0000, u32::MAX]) {
                let covered = ranges.iter().any(|(first, last)| (*first..=*last).contains(&nr));
                let wanted = set.has(u64::from(nr)) || [203, 204].contains(&nr);
                assert_eq!(covered, wanted, "{text} {nr}");
            }
        }
    }
}

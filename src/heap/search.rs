//! Who holds a value: memory searched in bulk for words or bytes.
//!
//! A mapping is looked through a window at a time, so that gigabytes cost time and no memory. What a reader must not
//! touch is left alone: devices, whose registers may act when they are read; files that others write to; pages that
//! the target never touched, for a look would give it page tables that it did not ask for. Who knows which pages
//! those are is the caller; this module knows mappings and bytes.

use memchr::memmem;

use crate::addr::{Addr, PAGE, Span};
use crate::maps::Mapping;
use crate::memory::Memory;

/// Bytes that are looked at together.
const WINDOW: u64 = 1 << 20;
/// Unreadable pages in a row after which the rest of a piece is given up.
const HOPELESS: u64 = 256;
/// A mapping of a file up to this many bytes is searched whole: its pages hold something also before they are touched.
const WHOLE_FILE: u64 = 64 << 20;
/// A mapping larger than this is left out: only to ask which of its pages are there would take minutes.
const LARGEST: u64 = 1 << 40;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needle {
    /// Little-endian words of `width` bytes (1, 2, 4 or 8), at multiples of it, from `low` to `high`, both included.
    Words {
        /// Bytes of a word.
        width: u64,
        /// The lowest value that counts.
        low: u64,
        /// The highest.
        high: u64,
    },
    /// These bytes, anywhere.
    Bytes(Vec<u8>),
}

/// Where something was found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The address of the word or of the first byte.
    pub at: Addr,
    /// The word; 0 for bytes.
    pub value: u64,
}

/// How much was looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Searched {
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes that could not be.
    pub unreadable: u64,
    /// Mappings that were left out because they are larger than a search can ask about.
    pub left_out: Vec<Span>,
    /// How often something was found.
    pub hits: u64,
}

/// Whether a mapping is memory in which a program keeps values: private and to be read, written if a file is behind
/// it, or shared memory without a file on a disk. Devices are not.
#[must_use]
pub fn may_hold_values(mapping: &Mapping) -> bool {
    let Mapping { perms, path, .. } = mapping;
    let in_memory = ["/dev/shm/", "/memfd:", "/SYSV", "/dev/zero (deleted)"];
    let in_memory = in_memory.iter().any(|start| path.starts_with(start));
    let device = (path.starts_with("/dev/") && !in_memory) || path.starts_with("anon_inode:");
    let kernels = path.starts_with("[v") || path.starts_with("[uprobes");
    let own = if perms.shared { in_memory } else { mapping.is_anonymous() || perms.write };
    perms.read && !device && !kernels && own
}

/// Searches every mapping that may hold values, lowest address first. `populated` says which parts of a piece have
/// pages; `hit` is told of each place.
pub fn search(
    memory: &dyn Memory,
    maps: &[Mapping],
    needle: &Needle,
    populated: &dyn Fn(Span) -> Vec<Span>,
    hit: &mut dyn FnMut(Hit),
) -> Searched {
    let mut search =
        Search { memory, needle, hit, buffer: Vec::new(), carried: 0, searched: Searched::default() };
    for mapping in maps.iter().filter(|mapping| may_hold_values(mapping)) {
        let span = mapping.span;
        if !mapping.is_anonymous() && span.len() <= WHOLE_FILE {
            search.piece(span);
        } else if span.len() > LARGEST {
            search.searched.left_out.push(span);
        } else {
            populated(span).into_iter().for_each(|piece| search.piece(piece));
        }
    }
    search.searched
}

struct Search<'a> {
    memory: &'a dyn Memory,
    needle: &'a Needle,
    hit: &'a mut dyn FnMut(Hit),
    buffer: Vec<u8>,
    /// Bytes at the beginning of the buffer that were looked at before: what is found may begin there.
    carried: usize,
    searched: Searched,
}

impl Search<'_> {
    fn piece(&mut self, span: Span) {
        let mut at = span.start;
        let mut missing = 0;
        self.carried = 0;
        while at < span.end {
            let room = WINDOW.min(span.end.0 - at.0) as usize;
            self.buffer.resize(self.carried + room, 0);
            let got = self.memory.read(at, &mut self.buffer[self.carried..]);
            if got == 0 {
                let next = at.page_down().add(PAGE).min(span.end);
                missing += 1;
                let next = if missing > HOPELESS { span.end } else { next };
                self.searched.unreadable += next.0 - at.0;
                (at, self.carried) = (next, 0);
                continue;
            }
            missing = 0;
            self.buffer.truncate(self.carried + got);
            self.searched.bytes += got as u64;
            let base = at.sub(self.carried as u64);
            self.look(base);
            at = at.add(got as u64);
            self.carry();
        }
    }

    /// Looks through the buffer, whose first byte is at `base`.
    fn look(&mut self, base: Addr) {
        match self.needle {
            Needle::Words { width: 1, low, high } => self.words::<1>(base, *low, *high),
            Needle::Words { width: 2, low, high } => self.words::<2>(base, *low, *high),
            Needle::Words { width: 4, low, high } => self.words::<4>(base, *low, *high),
            Needle::Words { low, high, .. } => self.words::<8>(base, *low, *high),
            Needle::Bytes(bytes) if bytes.is_empty() => {}
            Needle::Bytes(bytes) => {
                for offset in memmem::find_iter(&self.buffer, bytes) {
                    self.searched.hits += 1;
                    (self.hit)(Hit { at: base.add(offset as u64), value: 0 });
                }
            }
        }
    }

    fn words<const N: usize>(&mut self, base: Addr, low: u64, high: u64) {
        let Some(range) = high.checked_sub(low) else { return };
        for (n, word) in self.buffer.as_chunks::<N>().0.iter().enumerate() {
            let mut wide = [0; 8];
            wide[..N].copy_from_slice(word);
            let value = u64::from_le_bytes(wide);
            if value.wrapping_sub(low) <= range {
                self.searched.hits += 1;
                (self.hit)(Hit { at: base.add((n * N) as u64), value });
            }
        }
    }

    /// Keeps the end of the buffer, with which the next window's first find may begin.
    fn carry(&mut self) {
        let keep = match self.needle {
            Needle::Bytes(bytes) => bytes.len().saturating_sub(1).min(self.buffer.len()),
            // Words do not cross the end of a page.
            Needle::Words { .. } => 0,
        };
        let from = self.buffer.len() - keep;
        self.buffer.copy_within(from.., 0);
        self.carried = keep;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maps;
    use crate::memory::Sparse;

    const MAPS: &str = "\
10000000-10300000 rw-p 00000000 00:00 0 [heap]
20000000-20001000 rw-s 00000000 00:05 7 /dev/mem
30000000-30001000 r--p 00000000 00:05 8 /usr/lib/libc.so.6
30001000-30002000 rw-p 00000000 00:05 8 /usr/lib/libc.so.6
40000000-40001000 rw-s 00000000 00:05 9 /dev/shm/x
50000000-50001000 ---p 00000000 00:00 0 
7ff000000000-7ff000001000 r--p 00000000 00:00 0 [vvar]
";

    fn found(needle: &Needle) -> (Vec<u64>, Searched) {
        let maps = maps::parse(MAPS);
        let mut memory = Sparse::default();
        // Across the end of a window, at the end of a readable piece, and where nobody may look.
        let mut heap = vec![0; 0x200000];
        heap[0xffffe..0x100004].copy_from_slice(b"needle");
        heap[0x1ffff8..].copy_from_slice(&0x1234_5678_9abc_def0u64.to_le_bytes());
        memory.insert(Addr(0x1000_0000), heap);
        for at in [0x2000_0000, 0x3000_0000, 0x3000_1000, 0x4000_0000, 0x5000_0000, 0x7ff0_0000_0000] {
            memory.insert(Addr(at), [&b"needle"[..], &[0; 0xffa]].concat());
        }
        let mut all = Vec::new();
        let searched = search(&memory, &maps, needle, &|span| vec![span], &mut |hit| all.push(hit.at.0));
        (all, searched)
    }

    #[test]
    fn bytes_are_found_across_windows_and_nowhere_else() {
        let (at, searched) = found(&Needle::Bytes(b"needle".to_vec()));
        assert_eq!(at, [0x100f_fffe, 0x3000_1000, 0x4000_0000]);
        assert_eq!((searched.bytes, searched.unreadable, searched.hits), (0x20_2000, 0x10_0000, 3));
        assert!(found(&Needle::Bytes(Vec::new())).0.is_empty());
    }

    #[test]
    fn words_are_found_where_they_are_aligned() {
        let words = |width, low, high| found(&Needle::Words { width, low, high }).0;
        assert_eq!(words(8, 0x1234_5678_9abc_def0, 0x1234_5678_9abc_def0), [0x101f_fff8]);
        assert_eq!(words(8, 0x1234_5678_0000_0000, 0x1234_5678_ffff_ffff), [0x101f_fff8]);
        assert_eq!(words(4, 0x1234_5678, 0x1234_5678), [0x101f_fffc]);
        assert_eq!(words(2, 0x656e, 0x656e), [0x100f_fffe, 0x3000_1000, 0x4000_0000]);
        assert_eq!(words(1, 0xde, 0xde), [0x101f_fff9]);
        assert!(words(8, 2, 1).is_empty());
    }
}

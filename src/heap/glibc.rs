//! glibc's malloc structures, mirrored: where each field lies, for every layout from glibc 2.19 to 2.43.
//!
//! Only x86-64. The offsets were read with gdb's `ptype /o` from libc6-dbg of 2.31, 2.36, 2.41 and 2.43 and
//! computed from malloc.c for the others. Nothing here decides *which* layout a process has: that is found by
//! the structure being consistent with itself ([`super::find`]), because version tables have broken every
//! tool at each of the last changes. A new glibc that moves a field needs a new variant here and nothing else.

use crate::addr::Addr;

/// Size-field flag: the chunk before is in use (or cached, which looks the same).
pub(super) const PREV_INUSE: u64 = 1;
/// Size-field flag: the chunk has a mapping of its own.
pub(super) const IS_MMAPPED: u64 = 2;
/// Size-field flag: the chunk belongs to a thread's arena.
pub(super) const NON_MAIN_ARENA: u64 = 4;
/// The smallest chunk that malloc hands out; anything smaller is a fencepost.
pub(super) const MINSIZE: u64 = 0x20;
/// Bytes from a chunk's address to the pointer that malloc returned.
pub(super) const HEADER: u64 = 0x10;
/// Pairs in `bins`: the unsorted bin and 126 sorted ones.
pub(super) const BINS: usize = 127;
/// Heads in `fastbinsY`.
pub(super) const FASTBINS: usize = 10;
/// `flags` of an arena: its memory is not one piece. Sticky: nothing clears it.
pub(super) const NONCONTIGUOUS: u32 = 2;
/// Nothing of user space lies above this on x86-64 with four-level pages.
pub(super) const USER_END: u64 = 1 << 47;

/// A chunk's two header words.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Size of the chunk before, valid only while that one is free.
    pub(super) prev_size: u64,
    /// Size and flags.
    pub(super) field: u64,
}

impl Head {
    /// The size without the flags.
    pub(super) fn size(self) -> u64 {
        self.field & !7
    }

    /// Whether `flag` is set.
    pub(super) fn has(self, flag: u64) -> bool {
        self.field & flag != 0
    }
}

impl From<[u64; 2]> for Head {
    fn from([prev_size, field]: [u64; 2]) -> Head {
        Head { prev_size, field }
    }
}

/// The shapes of `struct malloc_state`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// glibc 2.19 to 2.22.
    A,
    /// glibc 2.23 to 2.26: `attached_threads` came.
    B,
    /// glibc 2.27 to 2.42: `have_fastchunks` came.
    C,
    /// glibc 2.43 and later: the fastbins went.
    D,
}

impl Layout {
    /// All of them, newest first.
    pub(super) const ALL: [Layout; 4] = [Layout::D, Layout::C, Layout::B, Layout::A];

    /// Offset of `fastbinsY`, where there are fastbins.
    pub(super) fn fastbins(self) -> Option<usize> {
        match self {
            Layout::A | Layout::B => Some(8),
            Layout::C => Some(0x10),
            Layout::D => None,
        }
    }

    /// Offset of `top`; `last_remainder` follows.
    pub(super) fn top(self) -> usize {
        match self {
            Layout::A | Layout::B => 0x58,
            Layout::C => 0x60,
            Layout::D => 8,
        }
    }

    /// Offset of `bins`.
    pub(super) fn bins(self) -> usize {
        self.top() + 0x10
    }

    /// Offset of `next`, behind `bins` and `binmap`; `next_free` follows.
    pub(super) fn next(self) -> usize {
        self.bins() + 16 * BINS + 16
    }

    /// Offset of `attached_threads`, where there is one.
    pub(super) fn attached(self) -> Option<usize> {
        (self != Layout::A).then_some(self.next() + 0x10)
    }

    /// Offset of `system_mem`; `max_system_mem` follows.
    pub(super) fn system_mem(self) -> usize {
        self.next() + if self == Layout::A { 0x10 } else { 0x18 }
    }

    /// Size of the structure.
    pub(super) fn size(self) -> usize {
        self.system_mem() + 0x10
    }

    /// Whether a glibc that calls itself `version` (`2.36`) should look like this. Only a hint.
    pub(super) fn fits(self, version: Option<&str>) -> bool {
        minor(version).is_some_and(|minor| match self {
            Layout::A => minor <= 22,
            Layout::B => (23..=26).contains(&minor),
            Layout::C => (27..=42).contains(&minor),
            Layout::D => minor >= 43,
        })
    }
}

/// The second number of a version such as `2.36` or `2.36-9+deb12u13`.
pub(super) fn minor(version: Option<&str>) -> Option<u32> {
    let tail = version?.strip_prefix("2.")?;
    tail.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A `struct malloc_state` as it was read.
#[derive(Clone, Debug)]
pub(super) struct ArenaHead {
    pub(super) address: Addr,
    pub(super) layout: Layout,
    pub(super) mutex: u32,
    pub(super) flags: u32,
    /// Heads of the fastbins, empty where the layout has none.
    pub(super) fastbins: Vec<u64>,
    pub(super) top: Addr,
    pub(super) last_remainder: Addr,
    /// `bins[254]`: pairs of fd and bk.
    pub(super) bins: Vec<u64>,
    pub(super) next: Addr,
    /// Threads attached; 0 where the layout does not count them.
    pub(super) attached: u64,
    pub(super) system_mem: u64,
    pub(super) max_system_mem: u64,
}

impl ArenaHead {
    /// Reads the structure out of `bytes`, which begin at `address`; `None` when they are too few.
    pub(super) fn parse(address: Addr, layout: Layout, bytes: &[u8]) -> Option<ArenaHead> {
        if bytes.len() < layout.size() {
            return None;
        }
        let word = |at| word(bytes, at).unwrap_or_default();
        let int = |at| word(at) as u32;
        Some(ArenaHead {
            address,
            layout,
            mutex: int(0),
            flags: int(4),
            fastbins: layout
                .fastbins()
                .map(|at| (0..FASTBINS).map(|i| word(at + 8 * i)).collect())
                .unwrap_or_default(),
            top: Addr(word(layout.top())),
            last_remainder: Addr(word(layout.top() + 8)),
            bins: (0..2 * BINS).map(|i| word(layout.bins() + 8 * i)).collect(),
            next: Addr(word(layout.next())),
            attached: layout.attached().map(word).unwrap_or_default(),
            system_mem: word(layout.system_mem()),
            max_system_mem: word(layout.system_mem() + 8),
        })
    }

    /// The pseudo-chunk that heads bin `i` (1 is the unsorted bin): its fd and bk are the pair in `bins`.
    pub(super) fn bin(&self, i: usize) -> Addr {
        self.address.add((self.layout.bins() + 16 * (i - 1)) as u64).sub(HEADER)
    }

    /// First and last chunk of bin `i`.
    pub(super) fn ends(&self, i: usize) -> (Addr, Addr) {
        (Addr(self.bins[2 * (i - 1)]), Addr(self.bins[2 * (i - 1) + 1]))
    }

    /// Whether malloc has never been called on it: the structure is as the linker wrote it.
    pub(super) fn is_uninitialised(&self) -> bool {
        self.bins.iter().all(|word| *word == 0)
    }

    /// Whether `top` is the placeholder that an arena without memory has.
    pub(super) fn has_no_top(&self) -> bool {
        self.top == Addr(0) || self.top == self.bin(1)
    }

    /// Whether one piece of memory is all that the arena ever had (for a main arena).
    pub(super) fn is_contiguous(&self) -> bool {
        self.flags & NONCONTIGUOUS == 0
    }
}

/// The little-endian word at offset `at` of `bytes`.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let piece = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(piece.try_into().ok()?))
}

/// The bin that holds free chunks of `size` (malloc.c: `smallbin_index`, `largebin_index_64`).
pub(super) fn bin_index(size: u64) -> u64 {
    match size {
        0..0x400 => size >> 4,
        _ if size >> 6 <= 48 => 48 + (size >> 6),
        _ if size >> 9 <= 20 => 91 + (size >> 9),
        _ if size >> 12 <= 10 => 110 + (size >> 12),
        _ if size >> 15 <= 4 => 119 + (size >> 15),
        _ if size >> 18 <= 2 => 124 + (size >> 18),
        _ => 126,
    }
}

/// The smallest and the largest chunk of large bin `i`, in bytes: [`bin_index`] turned round.
pub(super) fn large_sizes(i: usize) -> (u64, u64) {
    let largest = if i < BINS - 1 { smallest_in(i as u64 + 1) - 16 } else { u64::MAX };
    (smallest_in(i as u64), largest)
}

/// The smallest chunk whose bin is `i` or higher; bins rise with sizes.
fn smallest_in(i: u64) -> u64 {
    let (mut low, mut high) = (0, 1 << 16);
    while low < high {
        let middle = u64::midpoint(low, high);
        if bin_index(16 * middle) < i {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    16 * low
}

/// The shapes of `struct malloc_par`: offsets of the fields behind the common head.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct ParLayout {
    /// Four ints: `n_mmaps`, `n_mmaps_max`, `max_n_mmaps`, `no_dyn_threshold`.
    pub(super) n_mmaps: usize,
    /// `mmapped_mem`; `max_mmapped_mem` follows.
    pub(super) mmapped_mem: usize,
    pub(super) sbrk_base: usize,
    /// `tcache_bins`, `tcache_max_bytes`, `tcache_count`, where there is a tcache.
    pub(super) tcache: Option<usize>,
    /// The minor versions that have it.
    pub(super) versions: (u32, u32),
}

/// All known shapes of `mp_`.
pub(super) const PAR_LAYOUTS: [ParLayout; 5] = [
    ParLayout { n_mmaps: 0x28, mmapped_mem: 0x38, sbrk_base: 0x50, tcache: None, versions: (0, 23) },
    ParLayout { n_mmaps: 0x28, mmapped_mem: 0x38, sbrk_base: 0x48, tcache: None, versions: (24, 25) },
    ParLayout { n_mmaps: 0x28, mmapped_mem: 0x38, sbrk_base: 0x48, tcache: Some(0x50), versions: (26, 34) },
    ParLayout { n_mmaps: 0x3c, mmapped_mem: 0x50, sbrk_base: 0x60, tcache: Some(0x68), versions: (35, 42) },
    ParLayout {
        n_mmaps: 0x44,
        mmapped_mem: 0x58,
        sbrk_base: 0x68,
        tcache: Some(0x70),
        versions: (43, u32::MAX),
    },
];

/// Sizes of `heap_info` (up to 2.34, from 2.35 on): a thread arena follows its first heap's.
pub(super) const HEAP_INFO_SIZES: [u64; 2] = [0x30, 0x20];

/// Possible `HEAP_MAX_SIZE`s: the default, and four huge pages of 2 MiB or 1 GiB (`glibc.malloc.hugetlb=2`).
pub(super) const HEAP_MAX_SIZES: [u64; 3] = [64 << 20, 8 << 20, 4 << 30];

/// The shapes of `tcache_perthread_struct`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum TcacheLayout {
    /// glibc 2.26 to 2.29: 64 counts of one byte.
    Bytes,
    /// glibc 2.30 to 2.41: 64 counts of two bytes.
    Shorts,
    /// glibc 2.42 and later: 76 numbers of *free slots*, 12 of the bins for large sizes.
    Slots,
}

impl TcacheLayout {
    /// The largest chunk that has a bin for its size alone (`MAX_TCACHE_SMALL_SIZE` as a chunk).
    const SMALL: u64 = 0x410;

    /// The layout of a tcache whose chunk has this size.
    pub(super) fn of_chunk(size: u64) -> Option<TcacheLayout> {
        match size {
            0x250 => Some(TcacheLayout::Bytes),
            0x290 => Some(TcacheLayout::Shorts),
            0x300 | 0x310 => Some(TcacheLayout::Slots),
            _ => None,
        }
    }

    /// How many bins.
    pub(super) fn bins(self) -> usize {
        if self == TcacheLayout::Slots { 76 } else { 64 }
    }

    /// Offset of `entries`.
    pub(super) fn entries(self) -> usize {
        match self {
            TcacheLayout::Bytes => 0x40,
            TcacheLayout::Shorts => 0x80,
            TcacheLayout::Slots => 0x98,
        }
    }

    /// Size of the structure.
    pub(super) fn size(self) -> usize {
        self.entries() + 8 * self.bins()
    }

    /// The count of bin `i`; `None` where free slots are counted instead.
    pub(super) fn count(self, bytes: &[u8], i: usize) -> Option<u16> {
        match self {
            TcacheLayout::Bytes => bytes.get(i).map(|n| u16::from(*n)),
            TcacheLayout::Shorts => word(bytes, 2 * i).map(|n| n as u16),
            TcacheLayout::Slots => None,
        }
    }

    /// The smallest and the largest chunk of bin `i`.
    pub(super) fn sizes(self, i: usize) -> (u64, u64) {
        let small = MINSIZE + 16 * i as u64;
        if small <= TcacheLayout::SMALL {
            return (small, small);
        }
        let log = i.saturating_sub(64).min(32) as u32;
        // The highest bit of a size in the first of these bins is that of the largest small size.
        let bit = (1u64 << (63 - TcacheLayout::SMALL.leading_zeros())) << log;
        (bit.max(TcacheLayout::SMALL + 0x10), 2 * bit - 0x10)
    }

    /// Whether chunks of `size` belong into bin `i`.
    pub(super) fn holds(self, i: usize, size: u64) -> bool {
        if size <= TcacheLayout::SMALL {
            return size >= MINSIZE && (size - MINSIZE) / 16 == i as u64;
        }
        // 64 + clz(MAX_TCACHE_SMALL_SIZE) - clz(size), of glibc 2.42: one bin for each power of two.
        let log = u64::from(TcacheLayout::SMALL.leading_zeros() - size.leading_zeros());
        self == TcacheLayout::Slots && 64 + log == i as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_the_headers() {
        let of = |l: Layout| [l.top(), l.bins(), l.next(), l.system_mem(), l.size()];
        assert_eq!(of(Layout::A), [0x58, 0x68, 0x868, 0x878, 0x888]);
        assert_eq!(of(Layout::B), [0x58, 0x68, 0x868, 0x880, 0x890]);
        assert_eq!(of(Layout::C), [0x60, 0x70, 0x870, 0x888, 0x898]);
        assert_eq!(of(Layout::D), [0x08, 0x18, 0x818, 0x830, 0x840]);
        assert_eq!(
            [TcacheLayout::Bytes, TcacheLayout::Shorts, TcacheLayout::Slots].map(TcacheLayout::size),
            [0x240, 0x280, 0x2f8]
        );
    }

    #[test]
    fn sizes_fall_into_their_bins() {
        assert_eq!([0x20, 0x3f0, 0x400, 0xc30, 0x1_0000_0000].map(bin_index), [2, 63, 64, 96, 126]);
        for i in 64..BINS {
            let (low, high) = large_sizes(i);
            assert_eq!((bin_index(low), bin_index(high)), (i as u64, i as u64), "{i} {low:#x} {high:#x}");
            assert_eq!(bin_index(low - 16), i as u64 - 1, "{i}");
        }
        for i in 0..76 {
            let (low, high) = TcacheLayout::Slots.sizes(i);
            assert!(TcacheLayout::Slots.holds(i, low) && TcacheLayout::Slots.holds(i, high), "{i} {low:#x}");
            assert!(!TcacheLayout::Slots.holds(i, high + 16), "{i} {high:#x}");
        }
        assert!(TcacheLayout::Shorts.holds(63, 0x410) && !TcacheLayout::Shorts.holds(64, 0x420));
        assert!(TcacheLayout::Slots.holds(64, 0x7f0) && TcacheLayout::Slots.holds(65, 0x800));
    }

    #[test]
    fn versions_are_only_their_minor_number() {
        assert_eq!(minor(Some("2.36-9+deb12u13")), Some(36));
        assert_eq!(minor(Some("musl")), None);
        assert!(Layout::C.fits(Some("2.36")) && !Layout::D.fits(Some("2.36")) && !Layout::C.fits(None));
    }
}

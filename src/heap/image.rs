//! Heaps made by hand for tests: memory images in the layout of any glibc, built as malloc would leave them.

use super::Anchors;
use super::glibc::{BINS, HEADER, Layout, PAR_LAYOUTS, TcacheLayout};
use crate::addr::{Addr, PAGE, Span, Tid};
use crate::maps::{Mapping, Perms};
use crate::memory::{Memory, Sparse};

pub(super) const DATA: u64 = 0x7f00_0000_0000;
pub(super) const ARENA: u64 = DATA + 0xc60;
pub(super) const BRK: u64 = 0x1000_0000;
pub(super) const BRK_SIZE: u64 = 0x2_1000;
pub(super) const FALLBACK: u64 = 0x7e00_0000_0000;
pub(super) const FALLBACK_SIZE: u64 = 0x10_0000;
pub(super) const TLS: u64 = 0x7f10_0000_0000;
pub(super) const FS_BASE: u64 = TLS + 0x800;
pub(super) const MMAPPED: u64 = 0x7e80_0000_0000;

/// What differs between the glibcs that the images imitate.
#[derive(Copy, Clone, Debug)]
pub(super) struct Flavour {
    pub(super) version: &'static str,
    pub(super) layout: Layout,
    /// Index in [`PAR_LAYOUTS`].
    pub(super) par: usize,
    pub(super) tcache: Option<(TcacheLayout, u64)>,
    pub(super) safe_links: bool,
}

pub(super) const FLAVOURS: [Flavour; 6] = [
    Flavour { version: "2.19", layout: Layout::A, par: 0, tcache: None, safe_links: false },
    Flavour { version: "2.24", layout: Layout::B, par: 1, tcache: None, safe_links: false },
    Flavour {
        version: "2.26",
        layout: Layout::B,
        par: 2,
        tcache: Some((TcacheLayout::Bytes, 0x250)),
        safe_links: false,
    },
    Flavour {
        version: "2.31",
        layout: Layout::C,
        par: 2,
        tcache: Some((TcacheLayout::Shorts, 0x290)),
        safe_links: false,
    },
    Flavour {
        version: "2.42",
        layout: Layout::C,
        par: 3,
        tcache: Some((TcacheLayout::Slots, 0x300)),
        safe_links: true,
    },
    Flavour {
        version: "2.43",
        layout: Layout::D,
        par: 4,
        tcache: Some((TcacheLayout::Slots, 0x300)),
        safe_links: true,
    },
];

/// A process's memory as bytes that a test may write to.
#[derive(Clone)]
pub(super) struct Image {
    pub(super) pieces: Vec<(u64, Vec<u8>)>,
    pub(super) maps: Vec<Mapping>,
    pub(super) flavour: Flavour,
}

impl Image {
    /// A used heap with a hole at the break: 33 pages of brk, two fallback regions that the kernel merged,
    /// one mmapped block; a chunk in the unsorted bin, one in a fastbin (where there are any), one in a tcache
    /// (where there is one).
    pub(super) fn new(flavour: Flavour) -> Image {
        let mut image = Image { pieces: Vec::new(), maps: Vec::new(), flavour };
        image.map(BRK, BRK_SIZE, "[heap]");
        image.map(FALLBACK, 2 * FALLBACK_SIZE, "");
        image.map(MMAPPED, 0x4_9000, "");
        image.map(DATA, 0x3000, "/usr/lib/libc.so.6");
        image.map(TLS, PAGE, "");
        image.write_chunks();
        image.write_arena();
        image.write_par();
        image
    }

    fn map(&mut self, at: u64, len: u64, path: &str) {
        self.pieces.push((at, vec![0; len as usize]));
        self.maps.push(Mapping {
            span: Span::sized(Addr(at), len),
            perms: Perms { read: true, write: true, exec: false, shared: false },
            offset: 0,
            device: (0, 0),
            inode: u64::from(path.starts_with('/')),
            path: path.to_owned(),
        });
    }

    pub(super) fn put(&mut self, at: u64, value: u64) {
        for (start, bytes) in &mut self.pieces {
            if at >= *start && at + 8 <= *start + bytes.len() as u64 {
                let offset = (at - *start) as usize;
                bytes[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
            }
        }
    }

    fn bin(&self, i: usize) -> u64 {
        ARENA + (self.flavour.layout.bins() + 16 * (i - 1)) as u64 - HEADER
    }

    /// Where the chunk that is in the fastbin (or simply used) is.
    pub(super) fn fast_chunk(&self) -> u64 {
        self.first_chunk() + 0x100 + 0x500 + 0x40
    }

    /// Where the free chunk is.
    pub(super) fn free_chunk(&self) -> u64 {
        self.first_chunk() + 0x100
    }

    fn first_chunk(&self) -> u64 {
        BRK + self.flavour.tcache.map_or(0x290, |(_, size)| size)
    }

    fn write_chunks(&mut self) {
        let first = self.first_chunk();
        self.put(BRK + 8, (first - BRK) | 1);
        let mut at = first;
        for (size, flags) in [(0x100, 1), (0x500, 1), (0x40, 0), (0x30, 1), (0x50, 1)] {
            self.put(at + 8, size | flags);
            at += size;
        }
        // The rest of the break's region is one used chunk before the fenceposts.
        let posts = BRK + BRK_SIZE - 0x20;
        self.put(at + 8, (posts - at) | 1);
        self.put(posts + 8, 0x11);
        self.put(posts + 0x18, 0x11);
        let (free, bin) = (self.free_chunk(), self.bin(1));
        self.put(free + 0x10, bin);
        self.put(free + 0x18, bin);
        self.put(free + 0x500, 0x500);
        // The older fallback region is above the newer one, which ends in the top.
        let older = FALLBACK + FALLBACK_SIZE;
        self.put(older + 8, (FALLBACK_SIZE - 0x20) | 1);
        self.put(older + FALLBACK_SIZE - 0x18, 0x11);
        self.put(older + FALLBACK_SIZE - 8, 0x11);
        self.put(FALLBACK + 8, 0x1001);
        self.put(FALLBACK + 0x1008, (FALLBACK_SIZE - 0x1000) | 1);
        let block = if self.flavour.layout == Layout::D { 0x4_9000 - 0x10 } else { 0x4_9000 };
        self.put(MMAPPED + 8, block | 2);
        self.write_caches();
    }

    fn write_caches(&mut self) {
        let safe = self.flavour.safe_links;
        let link = |field: u64| if safe { field >> 12 } else { 0 };
        let fast = self.fast_chunk();
        if let Some(at) = self.flavour.layout.fastbins() {
            let end = link(fast + 0x10);
            self.put(ARENA + at as u64 + 8, fast);
            self.put(fast + 0x10, end);
        }
        let Some((tcache, _)) = self.flavour.tcache else { return };
        let (table, entry) = (BRK + 0x10, fast + 0x30 + 0x10);
        let end = link(entry);
        self.put(TLS + 0x800 - 0x48, table);
        self.put(entry, end);
        self.put(table + (tcache.entries() + 8 * 3) as u64, entry);
        match tcache {
            TcacheLayout::Bytes => self.put(table, 1 << 24),
            TcacheLayout::Shorts => self.put(table, 1 << 48),
            TcacheLayout::Slots => (0..19).for_each(|i| self.put(table + 8 * i, 0x0007_0007_0007_0007)),
        }
    }

    fn write_arena(&mut self) {
        let layout = self.flavour.layout;
        self.put(ARENA, 2 << 32);
        self.put(ARENA + layout.top() as u64, FALLBACK + 0x1000);
        for i in 1..=BINS {
            let chunk = if i == 1 { self.free_chunk() } else { self.bin(i) };
            let pair = self.bin(i) + HEADER;
            self.put(pair, chunk);
            self.put(pair + 8, chunk);
        }
        self.put(ARENA + layout.next() as u64, ARENA);
        if let Some(at) = layout.attached() {
            self.put(ARENA + at as u64, 1);
        }
        let system_mem = BRK_SIZE + 2 * FALLBACK_SIZE;
        self.put(ARENA + layout.system_mem() as u64, system_mem);
        self.put(ARENA + layout.system_mem() as u64 + 8, system_mem);
    }

    fn write_par(&mut self) {
        let (at, par) = (DATA + 0x340, PAR_LAYOUTS[self.flavour.par]);
        for (offset, value) in [(0, 0x2_0000), (8, 0x2_0000), (0x10, 0x2_0000), (0x18, 8)] {
            self.put(at + offset, value);
        }
        self.put_int(at + par.n_mmaps as u64, 1);
        self.put_int(at + par.n_mmaps as u64 + 4, 0x1_0000);
        self.put_int(at + par.n_mmaps as u64 + 8, 1);
        self.put(at + par.mmapped_mem as u64, 0x4_9000);
        self.put(at + par.mmapped_mem as u64 + 8, 0x4_9000);
        self.put(at + par.sbrk_base as u64, BRK);
        if let Some(tcache) = par.tcache {
            self.put(at + tcache as u64, 64);
        }
    }

    fn put_int(&mut self, at: u64, value: u32) {
        for (start, bytes) in &mut self.pieces {
            if at >= *start && at + 4 <= *start + bytes.len() as u64 {
                let offset = (at - *start) as usize;
                bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
            }
        }
    }

    pub(super) fn memory(&self) -> impl Memory + use<> {
        let mut memory = Sparse::default();
        for (at, bytes) in &self.pieces {
            memory.insert(Addr(*at), bytes.clone());
        }
        memory
    }

    pub(super) fn anchors(&self) -> Anchors {
        Anchors {
            libc_data: super::libc_data(&self.maps),
            threads: vec![(Tid(7), Addr(FS_BASE))],
            ..Anchors::default()
        }
    }
}

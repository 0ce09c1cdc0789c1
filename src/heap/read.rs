//! Reading a target's heap in bulk: a sliding window for walks, single pages for looks from afar.
//!
//! A walk over a million chunks must not be a million reads, and a jump to a list's next member must not copy
//! a quarter of a megabyte. It knows words and pages, nothing of malloc.

use rustc_hash::FxHashMap;

use crate::addr::{Addr, PAGE};
use crate::memory::Memory;

/// Bytes that a walk reads ahead.
const WINDOW: u64 = 256 << 10;
/// A walk that jumps further than this reads one page, not a window: most of it would be skipped.
const NEAR: u64 = 64 << 10;
/// Pages kept for [`Reader::peek`]: 64 MiB, then the cache starts afresh.
const KEPT_PAGES: usize = 16 << 10;

/// Reads of one survey: nothing changes in between.
pub(super) struct Reader<'a> {
    memory: &'a dyn Memory,
    window: Vec<u8>,
    base: u64,
    cap: u64,
    /// Where in `pages` the page with this address is.
    index: FxHashMap<u64, usize>,
    pages: Vec<Vec<u8>>,
    /// The page that was looked at last: lists tend to stay near.
    last: (u64, usize),
}

impl<'a> Reader<'a> {
    pub(super) fn new(memory: &'a dyn Memory) -> Reader<'a> {
        Reader {
            memory,
            window: Vec::new(),
            base: 0,
            cap: u64::MAX,
            index: FxHashMap::default(),
            pages: Vec::new(),
            last: (u64::MAX, 0),
        }
    }

    /// Do not read ahead beyond `end`: what lies there was never touched by the target, and shall stay so.
    pub(super) fn read_ahead_until(&mut self, end: Addr) {
        self.cap = end.0;
    }

    /// `N` words at `at`, through the window: for reads that move upwards.
    pub(super) fn stream<const N: usize>(&mut self, at: Addr) -> Option<[u64; N]> {
        if let Some(found) = cut(&self.window, self.base, at) {
            return Some(found);
        }
        self.fill(at, 8 * N as u64);
        cut(&self.window, self.base, at)
    }

    /// `N` words at `at`, through the page cache: for reads that jump. They must not cross a page's end.
    pub(super) fn peek<const N: usize>(&mut self, at: Addr) -> Option<[u64; N]> {
        let base = at.page_down();
        if self.last.0 != base.0 {
            self.last = (base.0, self.page(base));
        }
        cut(self.pages.get(self.last.1)?, base.0, at)
    }

    /// Which of `pages` is the one at `base`; read now if it is not there.
    fn page(&mut self, base: Addr) -> usize {
        if self.pages.len() > KEPT_PAGES {
            self.pages.clear();
            self.index.clear();
        }
        *self.index.entry(base.0).or_insert_with(|| {
            let mut page = vec![0; PAGE as usize];
            let got = self.memory.read(base, &mut page);
            page.truncate(got);
            self.pages.push(page);
            self.pages.len() - 1
        })
    }

    /// As many of the `len` bytes at `at` as can be read, page by page: an unreadable page leaves zeros.
    pub(super) fn block(&self, at: Addr, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut done = 0;
        while done < len {
            let here = at.add(done as u64);
            done += match self.memory.read(here, &mut bytes[done..]) {
                0 => (PAGE - here.0 % PAGE) as usize,
                got => got,
            };
        }
        bytes
    }

    fn fill(&mut self, at: Addr, least: u64) {
        let end = self.base + self.window.len() as u64;
        let near = at.0 >= self.base && at.0 - self.base <= (end - self.base).saturating_add(NEAR);
        let room = self.cap.saturating_sub(at.0);
        let want = if near { WINDOW.min(room) } else { PAGE - at.0 % PAGE };
        self.window.resize(want.max(least) as usize, 0);
        let got = self.memory.read(at, &mut self.window);
        self.window.truncate(got);
        self.base = at.0;
    }
}

/// `N` words at address `at` out of bytes that begin at `base`.
fn cut<const N: usize>(bytes: &[u8], base: u64, at: Addr) -> Option<[u64; N]> {
    let offset = usize::try_from(at.0.checked_sub(base)?).ok()?;
    let piece = bytes.get(offset..offset.checked_add(8 * N)?)?;
    let (raw, _) = piece.as_chunks::<8>();
    Some(std::array::from_fn(|i| raw.get(i).copied().map_or(0, u64::from_le_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Sparse;

    #[test]
    fn a_hole_reads_as_zeros_in_a_block_and_as_nothing_in_a_word() {
        let mut memory = Sparse::default();
        memory.insert(Addr(0x1000), vec![1; 0x1000]);
        memory.insert(Addr(0x3000), vec![3; 0x800]);
        let mut reader = Reader::new(&memory);
        let block = reader.block(Addr(0x1ff0), 0x2000);
        assert_eq!((block[0], block[0x10], block[0x100f], block[0x1010], block[0x1810]), (1, 0, 0, 3, 0));
        assert_eq!(reader.stream::<1>(Addr(0x2000)), None);
        assert_eq!(reader.stream::<2>(Addr(0x1ff8)), None);
        assert_eq!(reader.stream::<1>(Addr(0x1ff8)), Some([0x0101_0101_0101_0101]));
        assert_eq!(reader.peek::<1>(Addr(0x37f8)), Some([0x0303_0303_0303_0303]));
        assert_eq!(reader.peek::<1>(Addr(0x3800)), None);
        assert_eq!(reader.peek::<1>(Addr(u64::MAX - 7)), None);
    }
}

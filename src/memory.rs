//! Bytes of a target, wherever they come from: the one thing that every reader is given.
//!
//! A [`Memory`] may answer with fewer bytes than were asked for, because a range may end in an unmapped page;
//! readers decide whether the prefix is good enough. Nothing here knows ptrace, files or processes.

use std::cell::RefCell;

use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::addr::{Addr, PAGE};

/// The first address that could not be read. Its text is gdb's.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Error)]
#[error("Cannot access memory at address {0}")]
pub struct Fault(pub Addr);

/// A readable address space.
pub trait Memory {
    /// Reads as many bytes from `at` on as are there, at most `buf.len()`, and says how many.
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize;

    /// Fills `buf`, or names the first byte that is not there.
    ///
    /// # Errors
    /// [`Fault`] with the first unreadable address.
    fn read_exact(&self, at: Addr, buf: &mut [u8]) -> Result<(), Fault> {
        let got = self.read(at, buf);
        if got == buf.len() { Ok(()) } else { Err(Fault(at.add(got as u64))) }
    }

    /// `len` bytes from `at` on.
    ///
    /// # Errors
    /// [`Fault`] when not all of them can be read.
    fn bytes(&self, at: Addr, len: usize) -> Result<Vec<u8>, Fault> {
        let mut buf = vec![0; len];
        self.read_exact(at, &mut buf).map(|()| buf)
    }

    /// The little-endian 64-bit word at `at`.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be read.
    fn u64(&self, at: Addr) -> Result<u64, Fault> {
        let mut buf = [0; 8];
        self.read_exact(at, &mut buf).map(|()| u64::from_le_bytes(buf))
    }

    /// The little-endian 32-bit word at `at`.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be read.
    fn u32(&self, at: Addr) -> Result<u32, Fault> {
        let mut buf = [0; 4];
        self.read_exact(at, &mut buf).map(|()| u32::from_le_bytes(buf))
    }

    /// The bytes of a C string, without its NUL, at most `limit` of them; whether the NUL was seen.
    ///
    /// # Errors
    /// [`Fault`] when an unreadable byte comes before the NUL and before `limit`.
    fn c_string(&self, at: Addr, limit: usize) -> Result<(Vec<u8>, bool), Fault> {
        let mut text = Vec::new();
        let mut chunk = [0u8; 256];
        while text.len() < limit {
            let here = at.add(text.len() as u64);
            // Never ask across a page end for what may not be needed: the next page may be missing.
            let room = (PAGE - here.0 % PAGE) as usize;
            let want = chunk.len().min(room).min(limit - text.len());
            let got = self.read(here, &mut chunk[..want]);
            if let Some(end) = memchr::memchr(0, &chunk[..got]) {
                text.extend_from_slice(&chunk[..end]);
                return Ok((text, true));
            }
            text.extend_from_slice(&chunk[..got]);
            if got < want {
                return Err(Fault(here.add(got as u64)));
            }
        }
        Ok((text, false))
    }
}

/// A piece of memory held in our own: what tests and snapshots read from.
#[derive(Clone, Debug, Default)]
pub struct Sparse {
    pieces: Vec<(Addr, Vec<u8>)>,
}

impl Sparse {
    /// Adds `bytes` at `at`; a later piece hides an earlier one where they overlap.
    pub fn insert(&mut self, at: Addr, bytes: Vec<u8>) {
        self.pieces.push((at, bytes));
    }

    fn byte(&self, at: Addr) -> Option<(&[u8], usize)> {
        self.pieces.iter().enumerate().rev().find_map(|(rank, (start, bytes))| {
            let tail = bytes.get(usize::try_from(at.0.checked_sub(start.0)?).ok()?..)?;
            (!tail.is_empty()).then_some((tail, rank))
        })
    }
}

impl Memory for Sparse {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buf.len() {
            let here = at.add(done as u64);
            let Some((tail, rank)) = self.byte(here) else { break };
            // A later piece may begin inside this one; stop there and look again.
            let cut = self.pieces[rank + 1..]
                .iter()
                .filter(|(start, _)| *start > here)
                .map(|(start, _)| (start.0 - here.0) as usize)
                .min()
                .unwrap_or(usize::MAX);
            let n = tail.len().min(buf.len() - done).min(cut);
            buf[done..done + n].copy_from_slice(&tail[..n]);
            done += n;
        }
        done
    }
}

/// Memory as it would be without our breakpoints: patched bytes read as the originals.
pub struct Patched<'a> {
    /// What is really there.
    pub inner: &'a dyn Memory,
    /// Where we wrote, and the byte that stood there, sorted by address.
    pub originals: &'a [(Addr, u8)],
}

impl Memory for Patched<'_> {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        let got = self.inner.read(at, buf);
        let first = self.originals.partition_point(|(site, _)| *site < at);
        for (site, byte) in &self.originals[first..] {
            match usize::try_from(site.0.wrapping_sub(at.0)) {
                Ok(offset) if offset < got => buf[offset] = *byte,
                _ => break,
            }
        }
        got
    }
}

/// Pages that are kept: 16 MiB, then the cache starts afresh. Who walks through a heap would keep all of it otherwise.
const KEPT_PAGES: usize = 4096;

/// Memory read a page at a time and kept: for one stop, within which nothing changes.
pub struct Cached<'a> {
    inner: &'a dyn Memory,
    pages: RefCell<FxHashMap<u64, Vec<u8>>>,
}

impl<'a> Cached<'a> {
    /// A fresh cache over `inner`; drop it when the target runs.
    #[must_use]
    pub fn new(inner: &'a dyn Memory) -> Cached<'a> {
        Cached { inner, pages: RefCell::default() }
    }
}

impl Memory for Cached<'_> {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        // A large block would only fill the cache with what is read once.
        if buf.len() > 16 * PAGE as usize {
            return self.inner.read(at, buf);
        }
        let mut pages = self.pages.borrow_mut();
        if pages.len() > KEPT_PAGES {
            pages.clear();
        }
        let mut done = 0;
        while done < buf.len() {
            let here = at.add(done as u64);
            let base = here.page_down();
            let page = pages.entry(base.0).or_insert_with(|| {
                let mut page = vec![0; PAGE as usize];
                let got = self.inner.read(base, &mut page);
                page.truncate(got);
                page
            });
            let Some(tail) = page.get((here.0 - base.0) as usize..).filter(|t| !t.is_empty()) else { break };
            let n = tail.len().min(buf.len() - done);
            buf[done..done + n].copy_from_slice(&tail[..n]);
            done += n;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Sparse {
        let mut memory = Sparse::default();
        memory.insert(Addr(0x1000), b"hello\0world".to_vec());
        memory
    }

    #[test]
    fn a_string_ends_at_its_nul() {
        assert_eq!(memory().c_string(Addr(0x1000), 100), Ok((b"hello".to_vec(), true)));
        assert_eq!(memory().c_string(Addr(0x1000), 3), Ok((b"hel".to_vec(), false)));
        assert_eq!(memory().c_string(Addr(0x1006), 100), Err(Fault(Addr(0x100b))));
    }

    #[test]
    fn a_fault_names_the_first_missing_byte() {
        assert_eq!(memory().u64(Addr(0x1008)), Err(Fault(Addr(0x100b))));
    }

    #[test]
    fn patches_are_hidden() {
        let memory = memory();
        let originals = [(Addr(0x0fff), b'?'), (Addr(0x1001), b'E'), (Addr(0x2000), b'?')];
        let patched = Patched { inner: &memory, originals: &originals };
        assert_eq!(patched.bytes(Addr(0x1000), 5), Ok(b"hEllo".to_vec()));
        assert_eq!(patched.bytes(Addr(0x1001), 1), Ok(b"E".to_vec()));
    }

    #[test]
    fn later_pieces_hide_earlier_ones() {
        let mut memory = memory();
        memory.insert(Addr(0x1002), b"LL".to_vec());
        assert_eq!(memory.bytes(Addr(0x1000), 5), Ok(b"heLLo".to_vec()));
        // The cache reads whole pages, and this one starts at 0x1000.
        assert_eq!(Cached::new(&memory).bytes(Addr(0x1003), 2), Ok(b"Lo".to_vec()));
    }
}

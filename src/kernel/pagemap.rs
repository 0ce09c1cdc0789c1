//! Which pages of a process are there: `/proc/PID/pagemap` (Documentation/admin-guide/mm/pagemap.rst).
//!
//! Reading a page that a process never touched changes nothing that it could notice, but it costs it page tables;
//! and an address space may be reserved by the terabyte. So a search and a core file ask first.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::addr::{Addr, PAGE, Pid, Span};

/// Bits 63 and 62 of an entry: the page is in memory, or swapped out.
const THERE: u64 = 0b11 << 62;
/// Bit 58: a guard page, which nobody can read (Linux 6.15).
const GUARD: u64 = 1 << 58;
/// Bit 61: the page is a file's, or shared.
const OF_FILE: u64 = 1 << 61;
/// Bytes of entries that are read at once: those of 256 MiB.
const BLOCK: usize = 512 << 10;

/// The parts of `span` that have pages, in memory or swapped out; all of it where the kernel does not say.
#[must_use]
pub fn populated(pid: Pid, span: Span) -> Vec<Span> {
    parts(pid, span, |entry| entry & THERE != 0)
}

/// The parts of a private mapping of a file that the process has changed, so that they are its own; all of it where the
/// kernel does not say.
#[must_use]
pub fn own(pid: Pid, span: Span) -> Vec<Span> {
    parts(pid, span, |entry| entry & THERE != 0 && entry & OF_FILE == 0)
}

/// The parts of `span` whose pages `wanted` takes, by their entries.
fn parts(pid: Pid, span: Span, wanted: impl Fn(u64) -> bool) -> Vec<Span> {
    let Ok(file) = File::open(format!("/proc/{pid}/pagemap")) else { return vec![span] };
    let (first, end) = (span.start.0 / PAGE, span.end.page_up().0 / PAGE);
    let mut parts: Vec<Span> = Vec::new();
    let all = usize::try_from((end - first) * 8).unwrap_or(BLOCK);
    let mut block = vec![0; all.min(BLOCK)];
    let mut page = first;
    while page < end {
        let want = usize::try_from((end - page) * 8).unwrap_or(BLOCK).min(block.len());
        let got = match file.read_at(&mut block[..want], page * 8) {
            Ok(got) if got >= 8 => got,
            _ => {
                parts.push(Span::new(Addr(page * PAGE), span.end));
                break;
            }
        };
        for entry in block[..got].as_chunks::<8>().0 {
            if wanted(u64::from_le_bytes(*entry)) {
                let this = Span::sized(Addr(page * PAGE), PAGE);
                match parts.last_mut() {
                    Some(last) if last.end == this.start => last.end = this.end,
                    _ => parts.push(this),
                }
            }
            page += 1;
        }
    }
    parts
}

/// Which pages of a mapping have contents of their own, in memory or in swap: of anonymous memory, the others are zero and
/// were never touched. `None` when the kernel does not tell.
#[must_use]
pub fn touched(pid: Pid, span: Span) -> Option<Vec<bool>> {
    let file = File::open(format!("/proc/{pid}/pagemap")).ok()?;
    let mut entries = vec![0; usize::try_from(span.len() / PAGE * 8).ok()?];
    file.read_exact_at(&mut entries, span.start.0 / PAGE * 8).ok()?;
    let entries = entries.as_chunks::<8>().0.iter().map(|entry| u64::from_le_bytes(*entry));
    Some(entries.map(|entry| entry & THERE != 0 && entry & GUARD == 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_touched_pages_are_there() {
        let me = Pid(std::process::id() as i32);
        let mut reserved = memmap2::MmapMut::map_anon(1 << 20).unwrap();
        let span = Span::sized(Addr(reserved.as_ptr() as u64), 1 << 20);
        let before: u64 = populated(me, span).iter().map(|part| part.len()).sum();
        reserved[0x8_0000] = 1;
        let after = populated(me, span);
        // Without huge pages it is one; with them they may be many, but then it is one piece.
        assert!(before < 1 << 20, "{before:#x}");
        assert!(after.iter().any(|part| part.contains(span.start.add(0x8_0000))), "{after:?}");
    }

    #[test]
    fn nobody_s_pages_are_not_denied() {
        let span = Span::sized(Addr(0x1000), 0x1000);
        assert_eq!(populated(Pid(i32::MAX), span), [span]);
    }
}

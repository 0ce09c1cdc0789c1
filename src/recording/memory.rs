//! The memory of a recorded stop: pages that are taken from the file when somebody looks at them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use super::read::{self, PageBlock};
use super::write::ZEROS;
use crate::addr::{Addr, PAGE};
use crate::memory::Memory;

/// Blocks of pages that are kept unpacked: 16 MiB of those that we write.
const WARM: usize = 64;

/// See the module.
pub struct PagesThen {
    file: Arc<File>,
    blocks: Arc<Vec<PageBlock>>,
    /// Address, number of the first page, how many; by address.
    runs: Vec<(Addr, u32, u32)>,
    warm: RefCell<VecDeque<(u32, Vec<u8>)>>,
}

impl PagesThen {
    pub(super) fn new(
        file: Arc<File>,
        blocks: Arc<Vec<PageBlock>>,
        runs: Vec<(Addr, u32, u32)>,
    ) -> PagesThen {
        PagesThen { file, blocks, runs, warm: RefCell::default() }
    }

    /// The number of the page that lies at `at`.
    fn page_at(&self, at: Addr) -> Option<u32> {
        let after = self.runs.partition_point(|(start, ..)| *start <= at);
        let (start, first, count) = *self.runs.get(after.checked_sub(1)?)?;
        let index = u32::try_from((at.0 - start.0) / PAGE).ok().filter(|index| *index < count)?;
        if first == ZEROS { Some(ZEROS) } else { first.checked_add(index) }
    }

    /// Copies bytes of a page, from `from` on.
    fn copy(&self, page: u32, from: usize, buf: &mut [u8]) -> Option<()> {
        let after = self.blocks.partition_point(|block| block.first <= page);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        let mut warm = self.warm.borrow_mut();
        if !warm.iter().any(|(first, _)| *first == block.first) {
            let bytes = read::pages(&self.file, block)?;
            if warm.len() >= WARM {
                warm.pop_front();
            }
            warm.push_back((block.first, bytes));
        }
        let (_, bytes) = warm.iter().rev().find(|(first, _)| *first == block.first)?;
        let start = ((page - block.first) as usize).checked_mul(PAGE as usize)?.checked_add(from)?;
        buf.copy_from_slice(bytes.get(start..start.checked_add(buf.len())?)?);
        Some(())
    }
}

impl Memory for PagesThen {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buf.len() {
            let Some(here) = at.0.checked_add(done as u64).map(Addr) else { break };
            let Some(page) = self.page_at(here) else { break };
            let from = (here.0 % PAGE) as usize;
            let end = buf.len().min(done + PAGE as usize - from);
            let part = &mut buf[done..end];
            if page == ZEROS {
                part.fill(0);
            } else if self.copy(page, from, part).is_none() {
                break;
            }
            done = end;
        }
        done
    }
}

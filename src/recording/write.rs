//! Writing: events and stops in, blocks out.
//!
//! What a process does for hours is on the disk and not here: kept are the events of the block that is being filled, and
//! two tables that are begun anew when they are full, of the stacks and of the pages that are in the file already.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::block::{Kind, Packer};
use super::{Entry, FORMAT, MAGIC, Stop, Told};
use crate::addr::{Addr, PAGE, Seq, Span};
use crate::event::{Event, EventKind};

/// Text of events that goes out in one block.
const FULL: usize = 256 << 10;
/// Pages that go out in one block.
const PAGES: usize = 64;
/// Stacks that are known at most; they take some 250 bytes each.
const STACKS: usize = 100_000;
/// Pages that are known at most; they take 24 bytes each.
const KNOWN_PAGES: usize = 1 << 20;
/// The page of zeros, which is in no file.
pub(super) const ZEROS: u32 = 0;

/// See the module.
pub struct Writer<W: Write> {
    out: W,
    packer: Packer,
    text: Vec<u8>,
    stacks: FxHashMap<Vec<Addr>, u32>,
    last_stack: u32,
    pages: Pages,
    written: u64,
    events: u64,
}

/// The memory of a stop.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Whole pages, and where they lie.
    pub bytes: Vec<(Addr, Vec<u8>)>,
    /// What is zeros because nobody ever touched it.
    pub zeros: Vec<Span>,
}

/// Pages that are in the file, by what they hold.
struct Pages {
    known: FxHashMap<(u64, u64), u32>,
    keys: [RandomState; 2],
    /// Those that wait for their block, and the number of the first.
    waiting: Vec<u8>,
    first: u32,
    next: u32,
}

impl<W: Write> Writer<W> {
    /// Begins a file. `about` is for people and for later versions: what was recorded, by what, when.
    ///
    /// # Errors
    /// Those of writing.
    pub fn new(mut out: W, about: &serde_json::Value) -> io::Result<Writer<W>> {
        let mut packer = Packer::new();
        out.write_all(MAGIC)?;
        out.write_all(&FORMAT.to_le_bytes())?;
        let about = serde_json::to_vec(&Entry::About(about.clone()))?;
        let written = (MAGIC.len() + 4) as u64 + packer.write(&mut out, Kind::Events, &about)?;
        Ok(Writer {
            out,
            packer,
            text: Vec::new(),
            stacks: FxHashMap::default(),
            last_stack: 0,
            pages: Pages::new(),
            written,
            events: 0,
        })
    }

    /// Bytes that were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Events that were written, or wait for the end of their block.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// A new run begins, whose events are numbered from 1 on.
    ///
    /// # Errors
    /// Those of writing.
    pub fn run(&mut self) -> io::Result<()> {
        self.entry(&Entry::Run)
    }

    /// Adds an event.
    ///
    /// # Errors
    /// Those of writing.
    pub fn event(&mut self, mut event: Event) -> io::Result<()> {
        self.events += 1;
        let stack = match &mut event.kind {
            EventKind::Call(record) => std::mem::take(&mut record.stack),
            _ => Vec::new(),
        };
        if stack.is_empty() {
            return self.entry(&Entry::Event(event));
        }
        let number = match self.stacks.get(&stack) {
            Some(number) => *number,
            None => {
                if self.stacks.len() >= STACKS {
                    self.stacks.clear();
                }
                self.last_stack = self.last_stack.wrapping_add(1);
                self.entry(&Entry::Stack(self.last_stack, stack.clone()))?;
                self.stacks.insert(stack, self.last_stack);
                self.last_stack
            }
        };
        self.entry(&Entry::Call(event, number))
    }

    /// Adds a stop: what is told of it, `head` as in [`super::Stop`], the memory that is kept, and where it is zeros;
    /// all of it in whole pages.
    ///
    /// # Errors
    /// Those of writing.
    pub fn stop(&mut self, told: Told, head: Vec<u8>, kept: &Kept) -> io::Result<()> {
        let count = |span: &Span| u32::try_from(span.len() / PAGE).unwrap_or(u32::MAX);
        let zeros = kept.zeros.iter().map(|span| (span.start, ZEROS, count(span)));
        let mut runs: Vec<(Addr, u32, u32)> = zeros.collect();
        for (start, bytes) in &kept.bytes {
            for (index, page) in bytes.chunks_exact(PAGE as usize).enumerate() {
                let at = start.add(index as u64 * PAGE);
                let id = self.page(page)?;
                match runs.last_mut() {
                    Some((from, first, count)) if joins((*from, *first, *count), at, id) => *count += 1,
                    _ => runs.push((at, id, 1)),
                }
            }
        }
        self.send_pages()?;
        self.send_text()?;
        let block = Stop { told, runs, head }.to_block()?;
        self.written += self.packer.write(&mut self.out, Kind::Stop, &block)?;
        self.out.flush()
    }

    /// Adds what the views said of a stop.
    ///
    /// # Errors
    /// Those of writing.
    pub fn views(&mut self, seq: Seq, views: &serde_json::Value) -> io::Result<()> {
        let mut block = seq.0.to_le_bytes().to_vec();
        serde_json::to_writer(&mut block, views)?;
        self.send_text()?;
        self.written += self.packer.write(&mut self.out, Kind::Views, &block)?;
        Ok(())
    }

    /// Writes out what waits: what a reader finds from now on, whatever becomes of us.
    ///
    /// # Errors
    /// Those of writing.
    pub fn flush(&mut self) -> io::Result<()> {
        self.send_text()?;
        self.out.flush()
    }

    /// Ends the file in good order.
    ///
    /// # Errors
    /// Those of writing.
    pub fn end(mut self) -> io::Result<u64> {
        self.send_text()?;
        self.written += self.packer.write(&mut self.out, Kind::End, &[])?;
        self.out.flush()?;
        Ok(self.written)
    }

    fn entry(&mut self, entry: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.text, entry)?;
        self.text.push(b'\n');
        if self.text.len() >= FULL { self.send_text() } else { Ok(()) }
    }

    fn send_text(&mut self) -> io::Result<()> {
        if !self.text.is_empty() {
            self.written += self.packer.write(&mut self.out, Kind::Events, &self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    /// The number of a page with these bytes, which goes into the file unless it is there.
    fn page(&mut self, bytes: &[u8]) -> io::Result<u32> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(ZEROS);
        }
        let pages = &mut self.pages;
        let key = pages.key(bytes);
        if let Some(number) = pages.known.get(&key) {
            return Ok(*number);
        }
        if pages.known.len() >= KNOWN_PAGES {
            pages.known.clear();
        }
        let number = pages.next;
        // 16 TiB of them are more than any disk has.
        pages.next = pages.next.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
        pages.known.insert(key, number);
        pages.waiting.extend_from_slice(bytes);
        if pages.waiting.len() >= PAGES * PAGE as usize {
            self.send_pages()?;
        }
        Ok(number)
    }

    fn send_pages(&mut self) -> io::Result<()> {
        let pages = &mut self.pages;
        if !pages.waiting.is_empty() {
            let mut block = pages.first.to_le_bytes().to_vec();
            block.append(&mut pages.waiting);
            pages.first = pages.next;
            self.written += self.packer.write(&mut self.out, Kind::Pages, &block)?;
        }
        Ok(())
    }
}

/// Whether a page goes on a run: of pages that follow one another in the file, or of zeros.
fn joins((from, first, count): (Addr, u32, u32), at: Addr, id: u32) -> bool {
    let follows = from.add(u64::from(count) * PAGE) == at;
    follows && if first == ZEROS { id == ZEROS } else { id != ZEROS && first.checked_add(count) == Some(id) }
}

impl Pages {
    fn new() -> Pages {
        let keys = [RandomState::new(), RandomState::new()];
        Pages { known: FxHashMap::default(), keys, waiting: Vec::new(), first: 1, next: 1 }
    }

    /// 128 bits with keys that nobody knows: what a target writes cannot make two pages one.
    fn key(&self, bytes: &[u8]) -> (u64, u64) {
        let hash = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(bytes);
            hasher.finish()
        };
        (hash(&self.keys[0]), hash(&self.keys[1]))
    }
}

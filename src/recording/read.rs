//! Reading: the events of a run, and where its stops and pages are in the file.
//!
//! A file that ends in the middle of a block, or whose block is damaged, is good up to there, and says so.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::block::{HEAD, Head, Kind};
use super::{Entry, FORMAT, MAGIC, PagesThen, Stop};
use crate::addr::{Addr, Seq};
use crate::event::{Event, EventKind};

/// Why a file is no recording that could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum RecordingError {
    #[error("{0}: No such file or directory.")]
    Missing(String),
    #[error("{path}: {why}.")]
    Unreadable { path: String, why: String },
    #[error("\"{0}\" is not a recording: file format not recognized")]
    NotOne(String),
    #[error(
        "\"{path}\" was written by a newer brkwater: its format is {format}, this one reads up to {FORMAT}"
    )]
    Newer { path: String, format: u32 },
    #[error("\"{0}\" has no event: it was cut too soon, or nothing was recorded")]
    Empty(String),
    #[error("\"{path}\" has {runs} runs, and no run {wanted}")]
    NoRun { path: String, runs: u32, wanted: u32 },
}

/// Where a block of pages is.
#[derive(Copy, Clone, Debug)]
pub(super) struct PageBlock {
    pub(super) first: u32,
    offset: u64,
    head: Head,
}

/// Where a stop is.
#[derive(Clone, Debug)]
struct StopAt {
    seq: Seq,
    offset: u64,
    head: Head,
}

/// A recording that was opened.
pub struct Recording {
    path: String,
    about: Value,
    file: Arc<File>,
    events: Vec<Event>,
    stops: Vec<StopAt>,
    views: Vec<StopAt>,
    pages: Arc<Vec<PageBlock>>,
    runs: u32,
    run: u32,
    doubts: Vec<String>,
}

impl Recording {
    /// Reads a file. Of several runs the one with this number is taken, counted from 1, or the last.
    ///
    /// # Errors
    /// [`RecordingError`]; a file that was cut or damaged behind its first event is none.
    pub fn open(path: &Path, run: Option<u32>) -> Result<Recording, RecordingError> {
        let name = path.to_string_lossy().into_owned();
        let file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => RecordingError::Missing(name.clone()),
            _ => unreadable(&name, &error),
        })?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let mut start = [0; MAGIC.len() + 4];
        reader.read_exact(&mut start).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::IsADirectory => RecordingError::NotOne(name.clone()),
            _ => unreadable(&name, &error),
        })?;
        let (magic, format) = start.split_at(MAGIC.len());
        let format = format.try_into().map(u32::from_le_bytes).unwrap_or_default();
        if magic != MAGIC || format == 0 {
            return Err(RecordingError::NotOne(name));
        }
        if format > FORMAT {
            return Err(RecordingError::Newer { path: name, format });
        }
        let mut scan = Scan { wanted: run, at: start.len() as u64, ..Scan::default() };
        scan.all(&mut reader).map_err(|error| unreadable(&name, &error))?;
        if let Some(wanted) = run.filter(|wanted| *wanted == 0 || *wanted > scan.runs) {
            return Err(RecordingError::NoRun { path: name, runs: scan.runs, wanted });
        }
        if scan.events.is_empty() {
            return Err(RecordingError::Empty(name));
        }
        let doubts = scan.doubts(&name);
        let run = run.unwrap_or(scan.runs);
        Ok(Recording {
            path: name,
            about: scan.about,
            file: Arc::new(file),
            events: scan.events,
            stops: scan.stops,
            views: scan.views,
            pages: Arc::new(scan.pages),
            runs: scan.runs,
            run,
            doubts,
        })
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was recorded, by what and when.
    #[must_use]
    pub fn about(&self) -> &Value {
        &self.about
    }

    /// The events of the run, by number.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The number of the run, and how many there are.
    #[must_use]
    pub fn run(&self) -> (u32, u32) {
        (self.run, self.runs)
    }

    /// The same, for who keeps them from now on.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The events of stops of which there is more than the event.
    pub fn stops(&self) -> impl DoubleEndedIterator<Item = Seq> {
        self.stops.iter().map(|stop| stop.seq)
    }

    /// What the views said of a stop; of the last one at or before `seq`, with its event.
    #[must_use]
    pub fn views(&self, seq: Seq) -> Option<(Seq, Value)> {
        let at = self.views.iter().rfind(|views| views.seq <= seq)?;
        let block = load(&self.file, at.offset, &at.head)?;
        Some((at.seq, serde_json::from_slice(block.get(8..)?).ok()?))
    }

    /// What is missing, in sentences.
    #[must_use]
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// The stop that an event tells of, if it was kept and is not damaged.
    #[must_use]
    pub fn stop(&self, seq: Seq) -> Option<Stop> {
        let at = self.stops.iter().rfind(|stop| stop.seq == seq)?;
        Stop::from_block(&load(&self.file, at.offset, &at.head)?)
    }

    /// Its memory.
    #[must_use]
    pub fn memory(&self, stop: &Stop) -> PagesThen {
        PagesThen::new(Arc::clone(&self.file), Arc::clone(&self.pages), stop.runs.clone())
    }
}

fn unreadable(path: &str, error: &io::Error) -> RecordingError {
    let text = error.to_string();
    let why = text.split(" (os error").next().unwrap_or(&text).to_owned();
    RecordingError::Unreadable { path: path.to_owned(), why }
}

/// A block's contents.
fn load(file: &File, offset: u64, head: &Head) -> Option<Vec<u8>> {
    let mut stored = vec![0; head.stored];
    file.read_exact_at(&mut stored, offset).ok()?;
    head.unpack(&stored)
}

/// The pages of a block.
pub(super) fn pages(file: &File, block: &PageBlock) -> Option<Vec<u8>> {
    let mut bytes = load(file, block.offset, &block.head)?;
    bytes.drain(..4.min(bytes.len()));
    Some(bytes)
}

/// What was found so far.
#[derive(Default)]
struct Scan {
    wanted: Option<u32>,
    at: u64,
    about: Value,
    runs: u32,
    events: Vec<Event>,
    stops: Vec<StopAt>,
    views: Vec<StopAt>,
    pages: Vec<PageBlock>,
    stacks: FxHashMap<u32, Vec<Addr>>,
    ended: bool,
    damaged: Option<u64>,
    unknown: u64,
}

impl Scan {
    fn all(&mut self, reader: &mut impl Read) -> io::Result<()> {
        self.runs = 1;
        let mut stored = Vec::new();
        loop {
            let mut head = [0; HEAD];
            let got = fill(reader, &mut head)?;
            if got < HEAD {
                // Between two blocks nothing is missing but the end.
                self.damaged = (got > 0).then_some(self.at);
                return Ok(());
            }
            let Some(head) = Head::read(&head) else {
                self.damaged = Some(self.at);
                return Ok(());
            };
            stored.resize(head.stored, 0);
            if fill(reader, &mut stored)? < head.stored || !self.block(&head, &stored) {
                self.damaged = Some(self.at);
                return Ok(());
            }
            self.at += (HEAD + head.stored) as u64;
        }
    }

    /// Takes a block; whether it is sound.
    fn block(&mut self, head: &Head, stored: &[u8]) -> bool {
        let offset = self.at + HEAD as u64;
        let Some(kind) = head.kind else {
            self.unknown += 1;
            return true;
        };
        let Some(plain) = head.unpack(stored) else { return false };
        match kind {
            Kind::Events => plain.split(|byte| *byte == b'\n').for_each(|line| self.line(line)),
            Kind::Pages => {
                let Some(first) = plain.first_chunk().map(|first| u32::from_le_bytes(*first)) else {
                    return false;
                };
                // Numbers only grow; a search relies on that.
                if self.pages.last().is_some_and(|last| last.first >= first) {
                    return false;
                }
                self.pages.push(PageBlock { first, offset, head: *head });
            }
            Kind::Stop => {
                let Some(Stop { told, .. }) = Stop::from_block(&plain) else { return false };
                if self.takes() {
                    self.stops.push(StopAt { seq: told.seq, offset, head: *head });
                }
            }
            Kind::Views => {
                let Some(seq) = plain.first_chunk().map(|seq| Seq(u64::from_le_bytes(*seq))) else {
                    return false;
                };
                if self.takes() {
                    self.views.push(StopAt { seq, offset, head: *head });
                }
            }
            Kind::End => self.ended = true,
        }
        true
    }

    /// Whether the run that is read is one that was asked for; without a wish the last is.
    fn takes(&self) -> bool {
        self.wanted.is_none_or(|wanted| wanted == self.runs)
    }

    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        match serde_json::from_slice(line) {
            Ok(Entry::About(about)) => self.about = about,
            Ok(Entry::Run) => {
                self.runs += 1;
                if self.wanted.is_none() {
                    self.events.clear();
                    self.stops.clear();
                    self.views.clear();
                }
            }
            Ok(Entry::Stack(number, stack)) => _ = self.stacks.insert(number, stack),
            Ok(Entry::Call(mut event, number)) => {
                if let EventKind::Call(record) = &mut event.kind {
                    record.stack = self.stacks.get(&number).cloned().unwrap_or_default();
                }
                self.push(event);
            }
            Ok(Entry::Event(event)) => self.push(event),
            Err(_) => self.unknown += 1,
        }
    }

    /// Events are in their order, or they are none.
    fn push(&mut self, event: Event) {
        if self.takes() && self.events.last().is_none_or(|last| last.seq < event.seq) {
            self.events.push(event);
        }
    }

    fn doubts(&self, path: &str) -> Vec<String> {
        let mut doubts = Vec::new();
        let last = self.events.last().map_or(0, |event| event.seq.0);
        match (self.damaged, self.ended) {
            (Some(at), _) => doubts.push(format!(
                "warning: {path} is damaged or cut at byte {at}: what stands before is shown, up to event {last}."
            )),
            (None, false) => doubts.push(format!(
                "warning: {path} has no end: brkwater was killed, or records still; event {last} is the last."
            )),
            (None, true) => {}
        }
        if self.unknown > 0 {
            doubts.push(format!(
                "warning: {path} has {} entries that this brkwater does not know; they are left out.",
                self.unknown
            ));
        }
        doubts
    }
}

/// Reads until `buf` is full or nothing comes; how much it is.
fn fill(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match reader.read(&mut buf[done..]) {
            Ok(0) => break,
            Ok(got) => done += got,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

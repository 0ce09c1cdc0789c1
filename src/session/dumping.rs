//! Writing a core file of the selected process: what is gathered, and the file.
//!
//! The target is only read, and as little of it as can be: pages that it never touched are zero without asking them, and
//! are holes in the file. Our breakpoints are not in what is written.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::target::words;
use super::{Session, SessionError};
use crate::addr::{Addr, PAGE, Pid, Span, Tid};
use crate::corefile::select;
use crate::corefile::write::{Kept, Part, ProcessNote, Snapshot, ThreadNote, layout};
use crate::kernel::{pagemap, procfs};
use crate::maps::Mapping;
use crate::memory::Memory;
use crate::scene::Scene;
use crate::source::Siginfo;

/// Memory that could not be read; the file has zeros for it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Unread(pub Span);

/// Read and written at once.
const PIECE: u64 = 1 << 20;
const PAGES: usize = (PIECE / PAGE) as usize;
/// Of so much memory the kernel is asked at once which pages were touched.
const LOOK: u64 = 1 << 30;
/// Places that could not be read are told up to so many.
const MOST: usize = 64;

impl Session {
    /// Writes a core file of the selected process. `tell` is told now and then how many bytes are done, of how many.
    ///
    /// # Errors
    /// Without a process, when the file cannot be written, and when the user wants it to end; then the file is removed.
    pub fn write_core(
        &mut self,
        path: &Path,
        tell: &mut dyn FnMut(&mut Session, u64, u64),
    ) -> Result<Vec<Unread>, SessionError> {
        let selection = self.living().map_err(|_| SessionError::NoProcess)?;
        let (pid, name) = (selection.pid, path.to_string_lossy().into_owned());
        let mappings = self.kept(pid)?;
        let snapshot = self.with_scene(|scene, _| snapshot(scene, selection.tid, mappings));
        let failed = |error: &io::Error| words(error);
        let file = create(path)
            .map_err(|error| SessionError::NoOutput { path: name.clone(), why: failed(&error) })?;
        let written = self.fill(&file, pid, &snapshot, tell);
        if !matches!(written, Ok(Some(_))) {
            // Half of it would be taken for all of it.
            _ = fs::remove_file(path);
        }
        match written {
            Ok(unread) => unread.ok_or(SessionError::DumpInterrupted(name)),
            Err(error) => Err(SessionError::NotWritten { path: name, why: failed(&error) }),
        }
    }

    /// The mappings, and which of them go into the file.
    pub(super) fn kept(&self, pid: Pid) -> Result<Vec<Kept>, SessionError> {
        let smaps = procfs::text(pid, "smaps").map_err(|_| SessionError::NotRunning)?;
        let theirs = || u64::from_str_radix(procfs::text(pid, "coredump_filter").ok()?.trim(), 16).ok();
        let filter = match self.settings.coredump_filter {
            true => theirs().unwrap_or(select::USUAL),
            false => select::USUAL,
        };
        let is_elf = |at: Addr| {
            let mut magic = [0; 4];
            self.clean_read(pid, at, &mut magic) == 4 && magic == *b"\x7fELF"
        };
        Ok(select::kept(&smaps, filter, self.settings.dump_excluded, &is_elf))
    }

    /// The memory of a process as the program wrote it.
    fn clean_read(&self, pid: Pid, at: Addr, buf: &mut [u8]) -> usize {
        let table = &self.tracer.table;
        let space = table.processes.get(&pid).and_then(|process| table.spaces.get(&process.space));
        space.map_or(0, |space| space.clean().read(at, buf))
    }

    /// `None` when somebody wants it to end.
    fn fill(
        &mut self,
        file: &File,
        pid: Pid,
        snapshot: &Snapshot,
        tell: &mut dyn FnMut(&mut Session, u64, u64),
    ) -> io::Result<Option<Vec<Unread>>> {
        let (head, parts, end) = layout(snapshot);
        file.write_all_at(&head, 0)?;
        file.set_len(end)?;
        let mut unread = Vec::new();
        let mut buf = vec![0; PIECE as usize];
        let kept = snapshot.mappings.iter().filter(|kept| kept.whole);
        for (Part { span, offset }, Kept { mapping, .. }) in parts.into_iter().zip(kept) {
            let plain = is_plain(mapping);
            let pieces = pieces(span, LOOK).flat_map(|look| {
                let touched = plain.then(|| pagemap::touched(pid, look)).flatten();
                pieces(look, PIECE).map(move |piece| {
                    let from = ((piece.start.0 - look.start.0) / PAGE) as usize;
                    let pages = touched.as_deref().and_then(|pages| pages.get(from..));
                    (piece, pages.map(|pages| pages[..pages.len().min(PAGES)].to_vec()))
                })
            });
            for (piece, touched) in pieces {
                if self.is_woken() {
                    return Ok(None);
                }
                let at = offset + (piece.start.0 - span.start.0);
                if touched.as_deref().is_none_or(|pages| pages.contains(&true)) {
                    let part = &mut buf[..piece.len() as usize];
                    self.piece(pid, piece.start, part, touched.as_deref(), &mut unread);
                    put(file, part, at)?;
                }
                tell(self, at + piece.len(), end);
            }
        }
        Ok(Some(unread))
    }

    /// Reads a piece; what is not touched is left zero, and so is what cannot be read.
    pub(super) fn piece(
        &self,
        pid: Pid,
        at: Addr,
        buf: &mut [u8],
        touched: Option<&[bool]>,
        unread: &mut Vec<Unread>,
    ) {
        buf.fill(0);
        let page = PAGE as usize;
        let is_touched = |index: usize| touched.is_none_or(|pages| pages.get(index).copied().unwrap_or(true));
        let mut from = 0;
        while from < buf.len() {
            if !is_touched(from / page) {
                from += page;
                continue;
            }
            let mut to = from + page;
            while to < buf.len() && is_touched(to / page) {
                to += page;
            }
            let to = to.min(buf.len());
            let got = self.clean_read(pid, at.add(from as u64), &mut buf[from..to]);
            from += got;
            if from < to {
                // The rest of this page cannot be read; what follows may.
                let here = at.add(from as u64);
                let end = Addr((here.page_down().0 + PAGE).min(at.0 + to as u64));
                remember(unread, Span::new(here, end));
                from = (end.0 - at.0) as usize;
            }
        }
    }
}

/// A span in parts of this size; the last may be smaller.
fn pieces(span: Span, size: u64) -> impl Iterator<Item = Span> {
    let starts = (0..span.len().div_ceil(size)).map(move |index| span.start.add(index * size));
    starts.map(move |start| Span::new(start, Addr(span.end.0.min(start.0.saturating_add(size)))))
}

/// Neighbours are one.
fn remember(unread: &mut Vec<Unread>, span: Span) {
    if let Some(Unread(last)) = unread.last_mut().filter(|Unread(last)| last.end == span.start) {
        last.end = span.end;
    } else if unread.len() < MOST {
        unread.push(Unread(span));
    }
}

/// Memory that nobody but the program fills: what it has not touched is zero.
pub(super) fn is_plain(mapping: &Mapping) -> bool {
    let named =
        mapping.path == "[heap]" || ["[stack", "[anon:"].iter().any(|name| mapping.path.starts_with(name));
    mapping.is_anonymous() && !mapping.perms.shared && (mapping.path.is_empty() || named)
}

/// A new file: who has an old one of that name mapped, keeps it. A core file has secrets; the kernel's are its owner's, too.
pub(super) fn create(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(old) if old.is_file() => fs::remove_file(path)?,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is no regular file")),
        Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes all but whole pages of zeros, which the file has as holes.
fn put(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let is_empty = |page: &[u8]| page.iter().all(|byte| *byte == 0);
    let mut start = None;
    for (index, page) in bytes.chunks(PAGE as usize).enumerate() {
        let at = index * PAGE as usize;
        match (is_empty(page), start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                file.write_all_at(&bytes[from..at], offset + from as u64)?;
                start = None;
            }
            _ => {}
        }
    }
    start.map_or(Ok(()), |from| file.write_all_at(&bytes[from..], offset + from as u64))
}

pub(super) fn snapshot(scene: &Scene<'_>, selected: Tid, mappings: Vec<Kept>) -> Snapshot {
    let source = scene.source;
    let others = source.threads().into_iter().filter(|tid| *tid != selected);
    let thread = |tid| {
        let regs = source.regs(tid)?;
        Some(ThreadNote { tid, regs, extended: source.extended_state(tid), siginfo: source.siginfo(tid) })
    };
    let threads: Vec<ThreadNote> = std::iter::once(selected).chain(others).filter_map(thread).collect();
    let signal = threads.first().and_then(|first| first.siginfo.as_ref()).map_or(0, signal_of);
    Snapshot { process: process(source.pid()), signal, threads, auxv: source.auxv().to_vec(), mappings }
}

/// The signal that a thread stopped for; 0 where it stopped for something else, which ptrace(2) tells as a SIGTRAP with an
/// event in the upper bytes of `si_code`.
fn signal_of(siginfo: &Siginfo) -> i32 {
    const SIGTRAP: i32 = 5;
    let word =
        |at: usize| i32::from_le_bytes([siginfo[at], siginfo[at + 1], siginfo[at + 2], siginfo[at + 3]]);
    let (signal, code) = (word(0), word(8));
    if signal == SIGTRAP && code >> 8 != 0 { 0 } else { signal }
}

fn process(pid: Pid) -> ProcessNote {
    let stat = procfs::stat(pid);
    let first = |field| {
        let all = procfs::status_field(pid.0, field)?;
        all.split_whitespace().next()?.parse().ok()
    };
    let [parent, group, session] = stat.relatives;
    ProcessNote {
        ids: [pid.0, parent, group, session],
        user: first("Uid").unwrap_or(0),
        group: first("Gid").unwrap_or(0),
        // Stopped by us is stopped.
        state: stat.state.to_ascii_uppercase(),
        nice: stat.nice,
        flags: stat.flags,
        name: procfs::name(pid, Tid(pid.0)),
        arguments: procfs::command_line(pid).join(" "),
    }
}

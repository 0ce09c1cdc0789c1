//! What a recording keeps of a stop: threads, registers, mappings and memory, as a core file would have them, and what the
//! views said.
//!
//! The target is only read. Memory is kept up to a limit, the break's first; what is left out is counted and told.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::dumping::{self, is_plain, snapshot};
use super::tape::{Tape, Taped};
use super::target::words;
use super::{Session, SessionError, ThreadInfo};
use crate::addr::{Addr, PAGE, Pid, Seq, Span, Tid};
use crate::corefile::write::{Kept, layout};
use crate::event::{Event, EventKind};
use crate::kernel::{host, pagemap, procfs};
use crate::maps::Mapping;
use crate::recording::{self, ThreadTold, Told};
use crate::scene::Frame;

/// Mappings that are small are kept before large ones: libraries' data, stacks.
const SMALL: u64 = 1 << 20;
/// Threads whose stacks are walked for a recording, at most, and how far.
const MOST_THREADS: usize = 256;
const DEEPEST: usize = 256;

impl Session {
    /// Records into `path` from now on, and what the journal has of this run.
    ///
    /// # Errors
    /// When it is recorded already, and when the file cannot be written.
    pub fn start_recording(&mut self, path: &Path) -> Result<(), SessionError> {
        if let Some(tape) = &self.recorder.tape {
            return Err(SessionError::Recording(tape.path().to_owned()));
        }
        if self.postmortem.is_some() || self.replay.is_some() {
            return Err(SessionError::NoProcess);
        }
        let name = path.to_string_lossy().into_owned();
        let failed = |error: &io::Error| SessionError::NoOutput { path: name.clone(), why: words(error) };
        let file = dumping::create(path).map_err(|error| failed(&error))?;
        let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let about = json!({
            "brkwater": env!("CARGO_PKG_VERSION"),
            "started": started,
            "kernel": host::kernel_release(),
            "program": self.program().map(|path| path.to_string_lossy()),
            "args": self.settings.args,
        });
        let tape = Tape::start(name.clone(), file, &about).map_err(|error| failed(&error))?;
        for event in self.recorder.events() {
            tape.event(event.clone());
        }
        self.recorder.tape = Some(tape);
        self.settings.names = true;
        self.name_what_was_recorded();
        if let Some(selection) = self.selection.filter(|_| self.is_live()) {
            let stops = |event: &&Event| matches!(event.kind, EventKind::Stopped(_));
            let last = self.recorder.events().iter().rfind(stops).map(|event| (event.seq, event.pid));
            if let Some((seq, _)) = last.filter(|(_, pid)| *pid == selection.pid) {
                let threads = self.threads_told(selection.pid).unwrap_or_default();
                self.tape_stop(selection.pid, selection.tid, seq, threads);
            }
        }
        Ok(())
    }

    /// Ends the recording; how far it came. `None` when there is none.
    pub fn end_recording(&mut self) -> Option<(String, Taped)> {
        let tape = self.recorder.tape.take()?;
        Some((tape.path().to_owned(), tape.end()))
    }

    /// The file that is recorded into, and how far it is.
    #[must_use]
    pub fn recording(&self) -> Option<(String, Taped)> {
        let tape = self.recorder.tape.as_ref()?;
        Some((tape.path().to_owned(), tape.taped()))
    }

    /// The stop of which a recording has not heard what the views say, if it is still so.
    #[must_use]
    pub fn unwitnessed(&self) -> bool {
        self.recorder.unwitnessed.is_some() && self.is_live()
    }

    /// What the views say of the stop; nobody but who made them knows what it is.
    pub fn witness(&mut self, views: serde_json::Value) {
        let seq = self.recorder.unwitnessed.take();
        if let (Some(seq), Some(tape)) = (seq, &self.recorder.tape) {
            tape.views(seq, views);
        }
    }

    /// Tells names for the stacks of a run that began before it was recorded.
    fn name_what_was_recorded(&mut self) {
        let stack = |event: &Event| match &event.kind {
            EventKind::Call(record) if !record.stack.is_empty() => {
                Some((event.pid, event.tid, record.stack.clone()))
            }
            _ => None,
        };
        let stacks: Vec<(Pid, Tid, Vec<Addr>)> = self.recorder.events().iter().filter_map(stack).collect();
        for (pid, _, stack) in stacks {
            if let Some(thread) = self.threads_of(pid).first().map(|thread| thread.tid) {
                self.announce_names(pid, thread, &stack, false);
            }
        }
    }

    /// Keeps a stop of a process; `threads` were told before the event was.
    pub(super) fn tape_stop(&mut self, pid: Pid, tid: Tid, seq: Seq, threads: Vec<ThreadTold>) {
        let Ok(mut mappings) = self.kept(pid) else { return };
        let maps = mappings.iter().map(|one| one.mapping.clone()).collect();
        let mut kept = recording::Kept::default();
        let left_out = self.keep(pid, &mut mappings, &mut kept);
        let snapshot = self.with_scene(|scene, _| snapshot(scene, tid, mappings));
        let (head, ..) = layout(&snapshot);
        let start_brk = procfs::start_brk(pid);
        let told = Told { seq, pid, tid, start_brk, mappings: maps, threads, left_out };
        self.recorder.unwitnessed = Some(seq);
        if let Some(tape) = &self.recorder.tape {
            tape.stop(told, head, kept);
        }
    }

    /// All threads, with their return addresses, for who has not the files that lead from one to the next; the names of
    /// these are told. `None` when nothing is recorded.
    pub(super) fn threads_told(&mut self, pid: Pid) -> Option<Vec<ThreadTold>> {
        self.recorder.tape.as_ref()?;
        let threads = self.threads_of(pid);
        let told: Vec<ThreadTold> = self.with_scene(|scene, _| {
            let stack = |ThreadInfo { tid, number }: ThreadInfo| {
                let mut frames = scene.frames(tid, DEEPEST).frames;
                // An inlined frame stands on the same frame of the machine as the one that it is in.
                frames.dedup_by(|outer, inner| Rc::ptr_eq(&outer.physical, &inner.physical));
                let stack = frames.iter().map(Frame::pc).collect();
                ThreadTold { tid, number, name: procfs::name(pid, tid), stack }
            };
            threads.into_iter().take(MOST_THREADS).map(stack).collect()
        });
        for thread in &told {
            self.announce_names(pid, thread.tid, &thread.stack, true);
        }
        Some(told)
    }

    /// Reads what fits into the limit; what does not is kept no more, and counted.
    fn keep(&self, pid: Pid, mappings: &mut [Kept], kept: &mut recording::Kept) -> u64 {
        let wanted = mappings.iter_mut().filter(|one| one.whole);
        let mut wanted: Vec<(u64, Vec<Span>, &mut Kept)> = wanted
            .map(|one| {
                let parts = parts_of(pid, &one.mapping);
                (parts.iter().map(|part| part.len()).sum(), parts, one)
            })
            .collect();
        wanted.sort_by_key(|(size, _, one)| (*size > SMALL && one.mapping.path != "[heap]", *size));
        let (mut room, mut left_out) = (self.settings.stop_memory, 0);
        for (size, parts, one) in wanted {
            if size > room {
                left_out += size;
                one.whole = false;
                continue;
            }
            room -= size;
            // What a file has, the file has; anything else that has no page is zeros.
            let mut gaps = one.mapping.is_anonymous().then_some(one.mapping.span.start);
            for part in parts {
                kept.zeros.extend(gaps.map(|from| Span::new(from, part.start)).filter(|gap| !gap.is_empty()));
                let mut bytes = vec![0; usize::try_from(part.len()).unwrap_or(0)];
                // What cannot be read is left zero, as in a core file.
                self.piece(pid, part.start, &mut bytes, None, &mut Vec::new());
                kept.bytes.push((part.start, bytes));
                gaps = gaps.map(|_| part.end);
            }
            let end = one.mapping.span.end;
            kept.zeros.extend(gaps.map(|from| Span::new(from, end)).filter(|gap| !gap.is_empty()));
        }
        left_out
    }
}

/// The pages of a mapping that are to be kept: of a private file's those that are the process's own, and the first, which
/// tells which file it is.
fn parts_of(pid: Pid, mapping: &Mapping) -> Vec<Span> {
    let span = mapping.span;
    if is_plain(mapping) {
        return pagemap::populated(pid, span);
    }
    if mapping.is_anonymous() || mapping.perms.shared {
        return vec![span];
    }
    let mut parts = pagemap::own(pid, span);
    let first = Span::sized(span.start, PAGE);
    if mapping.offset == 0 && parts.first().is_none_or(|part| part.start != span.start) {
        parts.insert(0, first);
    }
    parts
}

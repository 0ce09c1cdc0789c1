//! A recording while it is made: events go in on the session's thread, and to the disk on one of their own.
//!
//! The writing thread looks a few times a second, so that an event costs a push and no wake; what a SIGKILL of brkwater can
//! lose is what came since it looked last. When it falls behind, the session waits for it: nothing is left out.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::addr::Seq;
use crate::event::Event;
use crate::recording::{Kept, Told, Writer};

/// How often what has come is written.
const EVERY: Duration = Duration::from_millis(200);
/// What waits at most, in events; a stop counts as its bytes of memory, in the size of an event.
const MOST: usize = 50_000;
/// The bytes that an event is taken for.
const EVENT: usize = 512;

/// See the module.
pub(super) struct Tape {
    path: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How far a recording is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taped {
    /// Events, of which those of the last moment may not be on the disk yet.
    pub events: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Why nothing more is written, if that is so.
    pub failed: Option<String>,
}

#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are events, and a box for each costs more than the room"
)]
enum Item {
    Event(Event),
    Run,
    Stop(Box<(Told, Vec<u8>, Kept)>),
    Views(Seq, Box<serde_json::Value>),
}

#[derive(Default)]
struct Queue {
    items: Vec<Item>,
    weight: usize,
    closed: bool,
    /// The writing thread waits for something to come.
    idle: bool,
    taped: Taped,
}

#[derive(Default)]
struct Shared {
    /// As in the queue, for who asks often.
    failed: AtomicBool,
    queue: Mutex<Queue>,
    /// Something is to be done.
    work: Condvar,
    /// Something was done.
    done: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Whoever panics while it holds the queue has only pushed or taken.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tape {
    /// Writes to `file` from now on; `about` says what is recorded.
    pub(super) fn start(path: String, file: File, about: &serde_json::Value) -> std::io::Result<Tape> {
        let writer = Writer::new(file, about)?;
        let shared = Arc::<Shared>::default();
        shared.lock().taped.bytes = writer.written();
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("recording".into());
        let thread = thread.spawn(move || write(&theirs, writer))?;
        Ok(Tape { path, shared, thread: Some(thread) })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// How far it is.
    pub(super) fn taped(&self) -> Taped {
        self.shared.lock().taped.clone()
    }

    /// Whether nothing more can be written.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    pub(super) fn event(&self, event: Event) {
        self.push(Item::Event(event), 1);
    }

    /// A new run begins, with event 1.
    pub(super) fn run(&self) {
        self.push(Item::Run, 1);
    }

    pub(super) fn stop(&self, told: Told, head: Vec<u8>, kept: Kept) {
        let bytes = kept.bytes.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        self.push(Item::Stop(Box::new((told, head, kept))), bytes / EVENT + 1);
    }

    pub(super) fn views(&self, seq: Seq, views: serde_json::Value) {
        self.push(Item::Views(seq, Box::new(views)), 16);
    }

    fn push(&self, item: Item, weight: usize) {
        let mut queue = self.shared.lock();
        while queue.weight >= MOST && queue.taped.failed.is_none() {
            queue = self.shared.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.taped.failed.is_some() {
            return;
        }
        queue.taped.events += u64::from(matches!(item, Item::Event(_)));
        queue.items.push(item);
        queue.weight += weight;
        if queue.idle || queue.weight >= MOST / 2 {
            self.shared.work.notify_one();
        }
    }

    /// Ends the file in good order; how far it came.
    pub(super) fn end(mut self) -> Taped {
        self.close();
        self.taped()
    }

    fn close(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has no reason to panic; if it did, the file is good up to there.
            _ = thread.join();
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.close();
    }
}

fn write(shared: &Shared, mut writer: Writer<File>) {
    loop {
        let mut queue = shared.lock();
        if queue.items.is_empty() && !queue.closed {
            queue.idle = true;
            while queue.items.is_empty() && !queue.closed {
                queue = shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.idle = false;
        }
        // Those that come next come for nothing.
        if !queue.closed && queue.weight < MOST / 2 {
            let waited = shared
                .work
                .wait_timeout_while(queue, EVERY, |queue| !queue.closed && queue.weight < MOST / 2);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let items = std::mem::take(&mut queue.items);
        // As much again may come while this is written, and no more.
        queue.weight = 0;
        shared.done.notify_all();
        let closed = queue.closed && items.is_empty();
        drop(queue);
        let done = if closed { writer.end().map(|bytes| (bytes, None)) } else { add(writer, items) };
        let mut queue = shared.lock();
        match done {
            Ok((bytes, again)) => {
                queue.taped.bytes = bytes;
                match again {
                    Some(again) => writer = again,
                    None => return,
                }
            }
            Err(error) => {
                let text = error.to_string();
                let why = text.split(" (os error").next().unwrap_or(&text).to_owned();
                queue.taped.failed = Some(why);
                shared.failed.store(true, Ordering::Relaxed);
                queue.items.clear();
                shared.done.notify_all();
                return;
            }
        }
    }
}

/// Writes all of it; how many bytes the file has.
fn add(mut writer: Writer<File>, items: Vec<Item>) -> std::io::Result<(u64, Option<Writer<File>>)> {
    for item in items {
        match item {
            Item::Event(event) => writer.event(event)?,
            Item::Run => writer.run()?,
            Item::Views(seq, views) => writer.views(seq, &views)?,
            Item::Stop(stop) => {
                let (told, head, kept) = *stop;
                writer.stop(told, head, &kept)?;
            }
        }
    }
    writer.flush()?;
    Ok((writer.written(), Some(writer)))
}

//! The journal: every event gets its number and its time here, is kept, and goes out.

use std::time::Instant;

use super::inbox::Outbox;
use super::protocol::Note;
use crate::addr::{Pid, Seq, Tid};
use crate::event::{Event, EventKind};
use crate::kernel::procfs;

/// Between two readings of a process's memory usage, at least: reading it costs some 5 µs.
const USAGE_EVERY: f64 = 0.02;

/// The journal of a session.
pub(super) struct Recorder {
    events: Vec<Event>,
    start: Instant,
    last_usage: f64,
}

impl Recorder {
    pub(super) fn new() -> Recorder {
        Recorder { events: Vec::new(), start: Instant::now(), last_usage: f64::NEG_INFINITY }
    }

    /// Forgets everything: a new run begins.
    pub(super) fn restart(&mut self) {
        *self = Recorder::new();
    }

    /// Everything so far, by number.
    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The number that the next event will get.
    pub(super) fn next_seq(&self) -> Seq {
        Seq(self.events.len() as u64 + 1)
    }

    /// Seconds since the run began.
    pub(super) fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Records an event and sends it.
    pub(super) fn record(&mut self, outbox: &Outbox, pid: Pid, tid: Tid, kind: EventKind) -> Event {
        let event = Event { seq: self.next_seq(), t: self.now(), pid, tid, kind };
        outbox.send(Note::Event(event.clone()));
        self.events.push(event.clone());
        event
    }

    /// Records what the kernel counts for a process, unless it was done a moment ago; `now` insists.
    pub(super) fn usage(&mut self, outbox: &Outbox, pid: Pid, tid: Tid, insist: bool) -> Option<Event> {
        if !insist && self.now() - self.last_usage < USAGE_EVERY {
            return None;
        }
        self.last_usage = self.now();
        let (vsz, rss) = procfs::usage(pid)?;
        Some(self.record(outbox, pid, tid, EventKind::Usage { rss, vsz }))
    }
}

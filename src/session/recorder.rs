//! The journal: every event gets its number and its time here, is kept, and goes out.

use std::time::Instant;

use rustc_hash::FxHashMap;

use super::Session;
use super::outbox::Outbox;
use super::protocol::Note;
use super::tape::Tape;
use crate::addr::{Pid, Seq, Tid};
use crate::event::{Event, EventKind};
use crate::heap::story::Story;
use crate::kernel::cgroup::{self, Group};
use crate::kernel::procfs;

/// How often a process hit a breakpoint, and how things were when that was last recorded.
#[derive(Default)]
struct Tally {
    hits: u64,
    mapped: u64,
    recorded: f64,
}

/// Between two readings of a process's memory usage, at least: reading it costs some 5 µs.
const USAGE_EVERY: f64 = 0.02;

/// The journal of a session.
pub(super) struct Recorder {
    /// Whether events are kept for who asks later.
    pub(super) keeps: bool,
    /// What is recorded into a file.
    pub(super) tape: Option<Tape>,
    /// A stop that it has, but not what the views say of it.
    pub(super) unwitnessed: Option<Seq>,
    /// How many of the events are behind us: all, but in a recording that is looked at.
    shown: usize,
    events: Vec<Event>,
    count: u64,
    start: Instant,
    /// When the last event came.
    last: f64,
    last_usage: f64,
    tallies: FxHashMap<(Pid, u32), Tally>,
    groups: FxHashMap<Pid, Vec<Group>>,
}

impl Recorder {
    pub(super) fn new() -> Recorder {
        Recorder {
            keeps: true,
            tape: None,
            unwitnessed: None,
            shown: 0,
            events: Vec::new(),
            count: 0,
            start: Instant::now(),
            last: 0.0,
            last_usage: f64::NEG_INFINITY,
            tallies: FxHashMap::default(),
            groups: FxHashMap::default(),
        }
    }

    /// Forgets everything: a new run begins.
    pub(super) fn restart(&mut self) {
        let tape = self.tape.take();
        if let Some(tape) = tape.as_ref().filter(|_| self.count > 0) {
            tape.run();
        }
        *self = Recorder { tape, ..Recorder::new() };
    }

    /// The file whose recording has ended because it could not be written, and why; told once.
    pub(super) fn failed_tape(&mut self) -> Option<(String, String)> {
        let tape = self.tape.take_if(|tape| tape.has_failed())?;
        let path = tape.path().to_owned();
        Some((path, tape.end().failed.unwrap_or_default()))
    }

    /// Everything so far, by number.
    pub(super) fn events(&self) -> &[Event] {
        self.events.get(..self.shown).unwrap_or_default()
    }

    /// The events of a recording, none of them behind us yet.
    pub(super) fn load(&mut self, events: Vec<Event>) {
        (self.events, self.shown) = (events, 0);
    }

    /// All events, also those of a recording that come after what is shown.
    pub(super) fn loaded(&self) -> &[Event] {
        &self.events
    }

    /// So many of them are behind us; hits are counted anew.
    pub(super) fn show(&mut self, shown: usize) {
        self.shown = shown.min(self.events.len());
        self.tallies.clear();
        for event in self.events.iter().take(self.shown) {
            if let EventKind::Hit { number, hits, .. } = event.kind {
                self.tallies.entry((event.pid, number)).or_default().hits = hits;
            }
        }
    }

    /// The number that the next event will get.
    pub(super) fn next_seq(&self) -> Seq {
        Seq(self.count + 1)
    }

    /// Seconds since the run began.
    pub(super) fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Records an event and sends it.
    pub(super) fn record(&mut self, outbox: &Outbox, pid: Pid, tid: Tid, kind: EventKind) -> Event {
        if matches!(kind, EventKind::Started { .. }) {
            self.groups.insert(pid, cgroup::groups(pid).unwrap_or_default());
        }
        let event = Event { seq: self.next_seq(), t: self.now(), pid, tid, kind };
        (self.count, self.last) = (self.count + 1, event.t);
        outbox.send(Note::Event(event.clone()));
        if let Some(tape) = &self.tape {
            tape.event(event.clone());
        }
        if self.keeps {
            self.events.push(event.clone());
            self.shown = self.events.len();
        }
        event
    }

    /// Records what the kernel counts for a process, unless it was done a moment ago; `now` insists.
    pub(super) fn usage(&mut self, outbox: &Outbox, pid: Pid, tid: Tid, insist: bool) -> Option<Event> {
        // Asked right after an event, which knows the time.
        if !insist && self.last - self.last_usage < USAGE_EVERY {
            return None;
        }
        self.last_usage = self.now();
        let (vsz, rss) = procfs::usage(pid)?;
        Some(self.record(outbox, pid, tid, EventKind::Usage { rss, vsz }))
    }

    /// Counts a hit, when malloc has `mapped` bytes; gives back the count if it is worth an event.
    fn hit(&mut self, pid: Pid, number: u32, mapped: u64) -> Option<u64> {
        let now = self.now();
        let tally = self.tallies.entry((pid, number)).or_default();
        tally.hits += 1;
        let worth = tally.hits == 1 || tally.mapped != mapped || now - tally.recorded >= USAGE_EVERY;
        if !worth {
            return None;
        }
        (tally.mapped, tally.recorded) = (mapped, now);
        Some(tally.hits)
    }
}

impl Session {
    /// A thread hit a breakpoint: counted for its process, with what malloc has at this moment.
    pub(super) fn record_hit(&mut self, pid: Pid, tid: Tid, number: u32) {
        let mapped = self.stories.of(pid).map_or(0, Story::mapped);
        if let Some(hits) = self.recorder.hit(pid, number, mapped) {
            let rss = procfs::usage(pid).map(|(_, rss)| rss);
            self.record(pid, tid, EventKind::Hit { number, hits, rss });
        }
    }

    /// How often a process hit a breakpoint in this run.
    #[must_use]
    pub fn hits_of(&self, pid: Pid, number: u32) -> u64 {
        self.recorder.tallies.get(&(pid, number)).map_or(0, |tally| tally.hits)
    }

    /// The cgroups of a process as they were when it was launched or attached to: what they counted then.
    #[must_use]
    pub fn groups_at_start(&self, pid: Pid) -> &[Group] {
        self.recorder.groups.get(&pid).map_or(&[], Vec::as_slice)
    }
}

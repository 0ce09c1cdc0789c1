//! Where notes leave the engine: a queue, and a thread that writes what is in it to the face.
//!
//! The writing thread keeps a slow face from holding up the target. Waking it costs the session thread, and so the
//! target, more than an event does; so after each write it naps, and events that come meanwhile go out together. Whatever
//! else is said ends the nap and goes out at once, behind the events before it: there is one queue, and its order is the
//! order of things. The first event after a silence goes out at once, too.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::protocol::Note;
use super::wire;
use crate::addr::{Pid, Tid};
use crate::kernel::{affinity, rendezvous};

/// Events that may wait for a slow face before more are left out.
const BACKLOG: usize = 100_000;
/// How long events wait for others to go with them: less than a drawing of a screen takes.
const NAP: Duration = Duration::from_millis(4);
/// So many are enough to go.
const ENOUGH: usize = 2048;
/// Bytes for one write to the face, where there are so many.
const AT_ONCE: usize = 64 << 10;

/// What the writing thread is doing.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
enum Writer {
    /// It looks at the queue again by itself.
    #[default]
    Awake,
    /// The same, after [`NAP`] at the latest: worth waking for what is no event.
    Napping,
    /// It waits to be woken.
    Asleep,
    /// It is gone, and the face with it.
    Gone,
}

#[derive(Default)]
struct Notes {
    pending: Vec<Note>,
    writer: Writer,
    /// Something is there that does not wait for others.
    urgent: bool,
    /// Nothing more will come.
    closed: bool,
}

#[derive(Default)]
struct Queue {
    notes: Mutex<Notes>,
    wake: Condvar,
    /// Notes that have not reached the socket.
    waiting: AtomicUsize,
    /// The writing thread, once it runs.
    thread: AtomicI32,
}

/// Where notes leave.
pub struct Outbox {
    /// `None` without a face, and once closed.
    queue: Option<Arc<Queue>>,
    dropped: AtomicU64,
    /// The process of the face, when it is another one.
    face: Option<Pid>,
}

impl Outbox {
    /// To nobody.
    pub fn closed() -> Outbox {
        Outbox { queue: None, dropped: AtomicU64::new(0), face: None }
    }

    /// To the face at the other end of `stream`.
    pub fn to(stream: UnixStream) -> Outbox {
        let queue = Arc::<Queue>::default();
        let theirs = Arc::clone(&queue);
        let face = rendezvous::peer(&stream);
        std::thread::spawn(move || {
            theirs.thread.store(affinity::this_thread().0, Ordering::Relaxed);
            // An error means that the face is gone; the inbox tells that, too.
            let _ = theirs.transmit(&stream);
            theirs.give_up();
            // The reading thread holds the stream, too: only this tells the face that we are done.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        Outbox { queue: Some(queue), dropped: AtomicU64::new(0), face }
    }

    /// The threads that have work with what is sent: the one that writes it, and the face's.
    #[must_use]
    pub(super) fn takers(&self) -> Vec<Tid> {
        let writer = self.queue.as_ref().map(|queue| Tid(queue.thread.load(Ordering::Relaxed)));
        writer.into_iter().chain(self.face.map(|face| Tid(face.0))).filter(|tid| tid.0 > 0).collect()
    }

    /// Sends a note. Events may be left out when the face is far behind; everything else arrives.
    pub fn send(&self, note: Note) {
        let Some(queue) = &self.queue else { return };
        if matches!(note, Note::Event(_)) && queue.waiting.load(Ordering::Relaxed) >= BACKLOG {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if self.dropped.load(Ordering::Relaxed) > 0 {
            queue.push(Note::Dropped(self.dropped.swap(0, Ordering::Relaxed)));
        }
        queue.push(note);
    }

    /// Waits until the face has taken most of what was sent, or is gone, or `enough` says that nobody waits any more.
    pub fn wait_for_room(&self, enough: impl Fn() -> bool) {
        let Some(queue) = &self.queue else { return };
        while queue.waiting.load(Ordering::Relaxed) >= BACKLOG / 2 && !enough() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Another way to the same face, which ends with this one.
    pub(super) fn opening(&self) -> Opening {
        Opening { queue: self.queue.clone() }
    }

    /// Ends the stream: what was sent is written, then the face sees that nothing more will come.
    pub fn close(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.lock().closed = true;
            queue.wake.notify_one();
        }
    }

    /// Waits, for at most this long, until everything has been written.
    pub fn drain(&self, limit: Duration) {
        let start = Instant::now();
        let Some(queue) = &self.queue else { return };
        queue.hurry();
        while queue.waiting.load(Ordering::Acquire) > 0 && start.elapsed() < limit {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        // An engine that ends for a bug of ours tells what it saw before.
        if std::thread::panicking() {
            self.drain(Duration::from_secs(1));
        }
        self.close();
    }
}

/// See [`Outbox::opening`].
pub(super) struct Opening {
    queue: Option<Arc<Queue>>,
}

impl Opening {
    /// Sends a note, while there is a face.
    pub(super) fn send(&self, note: Note) {
        if let Some(queue) = &self.queue {
            queue.push(note);
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        // A panic of either thread leaves the notes whole: they are only pushed and taken.
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, note: Note) {
        let urgent = !matches!(note, Note::Event(_));
        let mut notes = self.lock();
        if notes.closed || notes.writer == Writer::Gone {
            return;
        }
        notes.pending.push(note);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        notes.urgent |= urgent || notes.pending.len() >= ENOUGH;
        let worth = match notes.writer {
            Writer::Asleep => true,
            Writer::Napping => notes.urgent,
            Writer::Awake | Writer::Gone => false,
        };
        if worth {
            // Woken once is enough.
            notes.writer = Writer::Awake;
            drop(notes);
            self.wake.notify_one();
        }
    }

    /// Ends a nap.
    fn hurry(&self) {
        self.lock().urgent = true;
        self.wake.notify_one();
    }

    /// Writes what comes until nothing more will come.
    fn transmit(&self, stream: &UnixStream) -> io::Result<()> {
        let (mut out, mut bytes, mut batch) = (stream, Vec::new(), Vec::new());
        loop {
            self.take(&mut batch);
            if batch.is_empty() {
                return Ok(());
            }
            let mut count = 0;
            for note in batch.drain(..) {
                wire::append(&mut bytes, &note)?;
                count += 1;
                if bytes.len() >= AT_ONCE {
                    out.write_all(&bytes)?;
                    bytes.clear();
                    self.waiting.fetch_sub(std::mem::take(&mut count), Ordering::Release);
                }
            }
            out.write_all(&bytes)?;
            self.waiting.fetch_sub(count, Ordering::Release);
            // What a large message or a long wait took is not kept.
            bytes.clear();
            bytes.shrink_to(2 * AT_ONCE);
            batch.shrink_to(2 * ENOUGH);
            self.nap();
        }
    }

    /// Takes what is there, waiting for it; nothing when nothing more will come.
    fn take(&self, batch: &mut Vec<Note>) {
        let mut notes = self.lock();
        while notes.pending.is_empty() && !notes.closed {
            notes.writer = Writer::Asleep;
            notes = self.wake.wait(notes).unwrap_or_else(PoisonError::into_inner);
        }
        notes.writer = Writer::Awake;
        notes.urgent = false;
        std::mem::swap(&mut notes.pending, batch);
    }

    /// Lets events gather.
    fn nap(&self) {
        let end = Instant::now() + NAP;
        let mut notes = self.lock();
        while !notes.urgent && !notes.closed {
            let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                break;
            };
            notes.writer = Writer::Napping;
            notes = self.wake.wait_timeout(notes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        notes.writer = Writer::Awake;
    }

    /// Nobody takes notes any more, and nobody shall wait for that.
    fn give_up(&self) {
        let mut notes = self.lock();
        notes.writer = Writer::Gone;
        notes.pending.clear();
        self.waiting.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;
    use crate::addr::Seq;
    use crate::event::{Event, EventKind};

    fn event(n: u64) -> Note {
        let kind = EventKind::Usage { rss: n, vsz: n };
        Note::Event(Event { seq: Seq(n), t: 0.0, pid: Pid(1), tid: Tid(1), kind })
    }

    fn output(n: u64) -> Note {
        Note::Output { text: n.to_string(), error: false }
    }

    fn received(face: &UnixStream) -> Option<Note> {
        // No byte more than asked for is taken.
        wire::read(&mut BufReader::with_capacity(1, face)).unwrap()
    }

    #[test]
    fn notes_arrive_in_their_order_and_all_of_them() {
        let (face, engine) = UnixStream::pair().unwrap();
        let mut outbox = Outbox::to(engine);
        let opening = outbox.opening();
        let sent: Vec<Note> = (0..20_000).map(|n| if n % 97 == 0 { output(n) } else { event(n) }).collect();
        let sending = sent.clone();
        let engine = std::thread::spawn(move || {
            for note in sending {
                match note {
                    Note::Output { .. } => opening.send(note),
                    note => outbox.send(note),
                }
            }
            // An engine that ends loses nothing, though the face has taken nothing yet.
            outbox.close();
        });
        let mut reader = BufReader::new(&face);
        let mut got = Vec::new();
        while let Some(note) = wire::read::<Note>(&mut reader).unwrap() {
            got.push(note);
        }
        engine.join().unwrap();
        assert!(got == sent, "{} of {} notes", got.len(), sent.len());
    }

    #[test]
    fn an_event_alone_is_not_kept_waiting_for_another() {
        let (face, engine) = UnixStream::pair().unwrap();
        let outbox = Outbox::to(engine);
        for n in 0..3 {
            outbox.send(event(n));
            // Waits for ever when nothing but the next note sends it off.
            assert_eq!(received(&face), Some(event(n)));
        }
        outbox.send(event(3));
        outbox.drain(Duration::from_secs(3600));
        assert_eq!(outbox.queue.as_ref().unwrap().waiting.load(Ordering::Acquire), 0);
        assert_eq!(received(&face), Some(event(3)));
    }

    #[test]
    fn a_face_that_is_far_behind_is_told_how_much_it_missed() {
        let (mut face, engine) = UnixStream::pair().unwrap();
        let mut outbox = Outbox::to(engine);
        let most = BACKLOG as u64 + 50_000;
        for n in 0..most {
            outbox.send(event(n));
        }
        // What is no event is never left out.
        outbox.send(output(most));
        outbox.close();
        let mut bytes = Vec::new();
        face.read_to_end(&mut bytes).unwrap();
        let (mut stream, mut events, mut missed, mut rest) = (&bytes[..], 0, 0, Vec::new());
        while let Some(note) = wire::read::<Note>(&mut stream).unwrap() {
            match note {
                Note::Event(_) => events += 1,
                Note::Dropped(count) => missed += count,
                note => rest.push(note),
            }
        }
        assert_eq!(events + missed, most);
        assert!(missed > 0 && rest == [output(most)], "{missed} {rest:?}");
    }

    #[test]
    fn an_engine_that_panics_has_told_what_it_saw() {
        let (face, engine) = UnixStream::pair().unwrap();
        let engine = std::thread::spawn(move || {
            let outbox = Outbox::to(engine);
            // The second one comes during the nap.
            outbox.send(event(1));
            outbox.drain(Duration::from_secs(3600));
            outbox.send(event(2));
            assert!(outbox.queue.is_none(), "on purpose");
        });
        assert!(engine.join().is_err());
        // The thread that writes is not waited for: what is there must be there already.
        face.set_nonblocking(true).unwrap();
        assert_eq!((received(&face), received(&face)), (Some(event(1)), Some(event(2))));
    }

    /// A face that died while it was far behind left the session, and the target with it, waiting for room for ever.
    #[test]
    fn nobody_waits_for_room_in_a_face_that_is_gone() {
        let (face, engine) = UnixStream::pair().unwrap();
        let outbox = Outbox::to(engine);
        for n in 0..BACKLOG as u64 {
            outbox.send(event(n));
        }
        outbox.wait_for_room(|| true);
        drop(face);
        outbox.wait_for_room(|| false);
        outbox.drain(Duration::from_secs(3600));
        outbox.send(event(0));
        outbox.wait_for_room(|| false);
    }
}

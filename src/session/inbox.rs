//! The engine's two ends of its stream: requests in, notes out.
//!
//! The session thread may be deep in `waitpid` when something comes that it waits for, so the reading thread rings it,
//! again and again, until it has been heard: one ring alone can be lost when it comes just before the call
//! blocks. For anything else there is no bell: who rings does not read, and would miss an interrupt.
//!
//! Notes are written by a thread of their own, so that a slow face never holds up the target; when too many wait,
//! events are left out and counted, for the journal has them.

use std::collections::VecDeque;
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

use super::protocol::{Note, Request};
use super::wire;
use crate::kernel::rendezvous::Door;
use crate::kernel::signals::{self, Ringer};

/// Events that may wait for a slow face before more are left out.
const BACKLOG: usize = 100_000;

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// What the session thread waits for that is, or is about to be, blocked in the kernel.
    waiting: Mutex<Option<Wakes>>,
    /// Set by [`Request::Interrupt`], which overtakes the queue.
    interrupt: AtomicBool,
    /// Nobody has come in since the last face was lost.
    alone: AtomicBool,
    /// The engine was told to leave, and waits for no other face.
    leaving: AtomicBool,
    /// Where notes for the face go that has just come in.
    newcomer: Mutex<Option<UnixStream>>,
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // A panic of the reading thread leaves the queue whole: it only pushes.
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Wakes>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether the session thread waits although what it waits for is there.
    fn is_unheard(&self) -> bool {
        let waiting = *self.waiting();
        waiting.is_some_and(|wakes| self.ends(wakes))
    }

    fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Rings until whoever waits has heard.
    fn ring(&self, ringer: Ringer) {
        while self.is_unheard() {
            ringer.ring();
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Whether something is there that ends such a wait.
    fn ends(&self, wakes: Wakes) -> bool {
        let queue = self.lock();
        self.interrupt.load(Ordering::SeqCst)
            || queue.closed
            || (wakes == Wakes::Request && !queue.requests.is_empty())
    }
}

/// What ends a wait in the kernel.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Wakes {
    /// An interrupt, or the end of the face.
    Stop,
    /// Those, and any request.
    Request,
}

/// Where requests arrive.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
    ringer: Ringer,
}

/// Where notes leave.
pub struct Outbox {
    /// `None` once closed.
    send: Option<Arc<Sender<Note>>>,
    waiting: Arc<AtomicUsize>,
    dropped: AtomicU64,
}

/// Joins the calling thread, as the session thread, to a face at the other end of `stream`.
///
/// # Errors
/// Those of duplicating the stream and of arming the bell.
pub fn join(stream: UnixStream) -> io::Result<(Inbox, Outbox)> {
    let shared = Arc::<Shared>::default();
    let ringer = Ringer::for_this_thread()?;
    let reading = stream.try_clone()?;
    let theirs = Arc::clone(&shared);
    std::thread::spawn(move || receive(reading, &theirs, ringer));
    Ok((Inbox { shared, ringer }, Outbox::to(stream)))
}

fn receive(stream: UnixStream, shared: &Shared, ringer: Ringer) {
    let mut reader = BufReader::new(stream);
    loop {
        let request = wire::read::<Request>(&mut reader);
        let mut queue = shared.lock();
        match request {
            Ok(Some(Request::Interrupt)) => shared.interrupt.store(true, Ordering::SeqCst),
            Ok(Some(request)) => queue.requests.push_back(request),
            // The face is gone, or speaks nonsense, which amounts to the same.
            Ok(None) | Err(_) => queue.closed = true,
        }
        let closed = queue.closed;
        drop(queue);
        shared.arrived.notify_one();
        shared.ring(ringer);
        if closed {
            return;
        }
    }
}

fn transmit(stream: UnixStream, notes: &Receiver<Note>, waiting: &AtomicUsize) {
    let mut writer = BufWriter::new(stream);
    while let Ok(note) = notes.recv() {
        let mut next = Some(note);
        // Everything that is there goes out in one write.
        while let Some(note) = next {
            waiting.fetch_sub(1, Ordering::Relaxed);
            if wire::write(&mut writer, &note).is_err() {
                return;
            }
            next = notes.try_recv().ok();
        }
        if writer.flush().is_err() {
            return;
        }
    }
    // The reading thread holds the stream, too: only this tells the face that we are done.
    let _ = writer.get_ref().shutdown(std::net::Shutdown::Both);
}

/// What woke the session thread.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The user wants the target to stop.
    Interrupt,
    /// The face is gone.
    Closed,
}

impl Inbox {
    /// The next request, however long it takes; `None` when the face is gone.
    pub fn next(&self) -> Option<Request> {
        let mut queue = self.shared.lock();
        loop {
            if let Some(request) = queue.requests.pop_front() {
                return Some(request);
            }
            if queue.closed {
                return None;
            }
            queue = self.shared.arrived.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// The next request if one is there.
    pub fn try_next(&self) -> Option<Request> {
        self.shared.lock().requests.pop_front()
    }

    /// The next request that answers a question; what else comes is passed over. `None` when nobody can answer, or
    /// answered with the end of input.
    pub fn answer(&self) -> Option<String> {
        loop {
            match self.next()? {
                Request::Answer { text } => return text,
                Request::Quit => {
                    self.put_back(Request::Quit);
                    return None;
                }
                // A face that asks before it answers has its own order; what it asked comes later again.
                _ => {}
            }
        }
    }

    /// Lets a request come next that came while something else was waited for.
    pub fn put_back(&self, request: Request) {
        self.shared.lock().requests.push_front(request);
    }

    /// Whether the face is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    /// Lets a face in that comes through `door`, in place of one that is gone. When none comes for so long, this one is
    /// at its end, too. False when nobody is to be waited for: the engine was told to leave, or waited in vain.
    pub fn reopen(&self, door: Door, patience: Duration) -> bool {
        if self.shared.leaving.load(Ordering::SeqCst) || self.shared.alone.swap(true, Ordering::SeqCst) {
            return false;
        }
        *self.shared.lock() = Queue::default();
        let (shared, ringer) = (Arc::clone(&self.shared), self.ringer);
        std::thread::spawn(move || {
            let face = door.admit(patience);
            match face.and_then(|stream| Some((stream.try_clone().ok()?, stream))) {
                Some((writing, reading)) => {
                    shared.alone.store(false, Ordering::SeqCst);
                    *shared.newcomer.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                        Some(writing);
                    receive(reading, &shared, ringer);
                }
                None => {
                    shared.close();
                    shared.ring(ringer);
                }
            }
        });
        true
    }

    /// Where notes for a face go that has come in since this was asked last.
    pub fn newcomer(&self) -> Option<UnixStream> {
        self.shared.newcomer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// Takes SIGTERM as the end of all faces: `pkill` reaches the engine as well as its face, and a tracer that just
    /// died would leave its breakpoints behind.
    pub fn leave_on_sigterm(&self) {
        let Ok(signals) = signals::watch(&[signals::SIGTERM]) else { return };
        let (shared, ringer) = (Arc::clone(&self.shared), self.ringer);
        std::thread::spawn(move || {
            for _ in signals {
                shared.leaving.store(true, Ordering::SeqCst);
                shared.close();
                shared.ring(ringer);
            }
        });
    }

    /// Whether the running target should be stopped; asking forgets an interrupt.
    pub fn woken(&self) -> Option<Woken> {
        if self.shared.interrupt.swap(false, Ordering::SeqCst) {
            return Some(Woken::Interrupt);
        }
        self.is_closed().then_some(Woken::Closed)
    }

    /// Runs `block`, a call that waits in the kernel, so that what ends the wait rings it out when it comes. Does not
    /// call it at all when it is there already.
    pub fn while_blocked<R>(&self, wakes: Wakes, block: impl FnOnce() -> R) -> Option<R> {
        *self.shared.waiting() = Some(wakes);
        let result = (!self.shared.ends(wakes)).then(block);
        *self.shared.waiting() = None;
        result
    }

    /// Forgets an interrupt that came when nothing ran.
    pub fn forget_interrupt(&self) {
        self.shared.interrupt.store(false, Ordering::SeqCst);
    }
}

impl Outbox {
    /// To nobody.
    pub fn closed() -> Outbox {
        Outbox { send: None, waiting: Arc::default(), dropped: AtomicU64::new(0) }
    }

    /// To the face at the other end of `stream`.
    pub fn to(stream: UnixStream) -> Outbox {
        let (send, receive) = mpsc::channel();
        let waiting = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&waiting);
        std::thread::spawn(move || transmit(stream, &receive, &counted));
        Outbox { send: Some(Arc::new(send)), waiting, dropped: AtomicU64::new(0) }
    }

    /// Sends a note. Events may be left out when the face is far behind; everything else arrives.
    pub fn send(&self, note: Note) {
        let is_event = matches!(note, Note::Event(_));
        if is_event && self.waiting.load(Ordering::Relaxed) >= BACKLOG {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            self.push(Note::Dropped(dropped));
        }
        self.push(note);
    }

    /// Waits until the face has taken most of what was sent.
    pub fn wait_for_room(&self) {
        while self.waiting.load(Ordering::Relaxed) >= BACKLOG / 2 && self.send.is_some() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    fn push(&self, note: Note) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // An error means that the face is gone; the inbox tells that, too.
        if let Some(send) = &self.send {
            let _ = send.send(note);
        }
    }

    /// Another way to the same face, which ends with this one.
    pub(super) fn opening(&self) -> Opening {
        Opening {
            send: self.send.as_ref().map(Arc::downgrade).unwrap_or_default(),
            waiting: Arc::clone(&self.waiting),
        }
    }

    /// Ends the stream: the face sees that nothing more will come.
    pub fn close(&mut self) {
        self.send = None;
    }

    /// Waits, for at most this long, until everything has been written.
    pub fn drain(&self, limit: Duration) {
        let start = std::time::Instant::now();
        while self.waiting.load(Ordering::Relaxed) > 0 && start.elapsed() < limit {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// See [`Outbox::opening`].
pub(super) struct Opening {
    send: Weak<Sender<Note>>,
    waiting: Arc<AtomicUsize>,
}

impl Opening {
    /// Sends a note, while there is a face.
    pub(super) fn send(&self, note: Note) {
        if let Some(send) = self.send.upgrade() {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let _ = send.send(note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that nobody waits for kept the reading thread ringing, and the end of the face went unread.
    #[test]
    fn a_request_that_nobody_waits_for_does_not_hide_the_end_of_the_face() {
        let (mut face, engine) = UnixStream::pair().unwrap();
        let (inbox, _outbox) = join(engine).unwrap();
        *inbox.shared.waiting() = Some(Wakes::Stop);
        wire::write(&mut face, &Request::Line { id: 1, text: "bt".into() }).unwrap();
        while inbox.shared.lock().requests.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!inbox.shared.is_unheard(), "a stop is waited for, not a line");
        drop(face);
        // Waits for ever when the end is not read.
        while !inbox.is_closed() {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(inbox.shared.is_unheard());
        assert_eq!(inbox.while_blocked(Wakes::Stop, || ()), None);
        assert_eq!(inbox.woken(), Some(Woken::Closed));
    }
}

//! Where requests arrive, and what they wake; the other end of the stream is [`super::outbox`]'s.
//!
//! The session thread may be deep in `waitpid` when something comes that it waits for, so the reading thread rings it,
//! again and again, until it has been heard: one ring alone can be lost when it comes just before the call
//! blocks. For anything else there is no bell: who rings does not read, and would miss an interrupt.

use std::collections::VecDeque;
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::outbox::Outbox;
use super::protocol::Request;
use super::wire;
use crate::kernel::rendezvous::Door;
use crate::kernel::signals::{self, Ringer};

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Whether the queue is worth a look. Two of these are looked at for each stop of the target, so they are no locks.
    news: AtomicBool,
    /// What the session thread waits for that is, or is about to be, blocked in the kernel: a [`Wakes`], or 0.
    waiting: AtomicU8,
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

    /// Whether the session thread waits although what it waits for is there.
    fn is_unheard(&self) -> bool {
        // It says that it waits before it looks, and we look here after something came: one of the two sees the other.
        match self.waiting.load(Ordering::SeqCst) {
            0 => false,
            waiting if waiting == Wakes::Request as u8 => self.ends(Wakes::Request),
            _ => self.ends(Wakes::Stop),
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.news.store(true, Ordering::SeqCst);
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
        if self.interrupt.load(Ordering::SeqCst) {
            return true;
        }
        if !self.news.load(Ordering::SeqCst) {
            return false;
        }
        let queue = self.lock();
        queue.closed || (wakes == Wakes::Request && !queue.requests.is_empty())
    }

    /// Takes the next request out of the queue.
    fn take(&self, queue: &mut Queue) -> Option<Request> {
        let request = queue.requests.pop_front();
        self.news.store(queue.closed || !queue.requests.is_empty(), Ordering::SeqCst);
        request
    }
}

/// What ends a wait in the kernel.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wakes {
    /// An interrupt, or the end of the face.
    Stop = 1,
    /// Those, and any request.
    Request = 2,
}

/// Where requests arrive.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
    ringer: Ringer,
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
        shared.news.store(closed || !queue.requests.is_empty(), Ordering::SeqCst);
        drop(queue);
        shared.arrived.notify_one();
        shared.ring(ringer);
        if closed {
            return;
        }
    }
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
            if let Some(request) = self.shared.take(&mut queue) {
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
        self.shared.take(&mut self.shared.lock())
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
        let mut queue = self.shared.lock();
        queue.requests.push_front(request);
        self.shared.news.store(true, Ordering::SeqCst);
    }

    /// Whether the face is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.news.load(Ordering::SeqCst) && self.shared.lock().closed
    }

    /// Lets a face in that comes through `door`, in place of one that is gone. When none comes for so long, this one is
    /// at its end, too. False when nobody is to be waited for: the engine was told to leave, or waited in vain.
    pub fn reopen(&self, door: Door, patience: Duration) -> bool {
        if self.shared.leaving.load(Ordering::SeqCst) || self.shared.alone.swap(true, Ordering::SeqCst) {
            return false;
        }
        let mut queue = self.shared.lock();
        *queue = Queue::default();
        self.shared.news.store(false, Ordering::SeqCst);
        drop(queue);
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
        self.shared.waiting.store(wakes as u8, Ordering::SeqCst);
        let result = (!self.shared.ends(wakes)).then(block);
        // Whoever sees this late rings once more, which harms nobody.
        self.shared.waiting.store(0, Ordering::Release);
        result
    }

    /// Forgets an interrupt that came when nothing ran.
    pub fn forget_interrupt(&self) {
        self.shared.interrupt.store(false, Ordering::SeqCst);
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
        inbox.shared.waiting.store(Wakes::Stop as u8, Ordering::SeqCst);
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

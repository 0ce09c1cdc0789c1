//! A face's end of the stream to an engine.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use super::protocol::{Note, Request};
use super::wire;

/// Sends requests; may be cloned, so that a signal handler's thread can interrupt.
#[derive(Clone, Debug)]
pub struct Sender {
    stream: Arc<Mutex<UnixStream>>,
}

/// Receives notes, in order.
#[derive(Debug)]
pub struct Receiver {
    reader: BufReader<UnixStream>,
}

/// Joins a face to the engine at the other end of `stream`.
///
/// # Errors
/// Those of duplicating the stream.
pub fn join(stream: UnixStream) -> io::Result<(Sender, Receiver)> {
    let reading = stream.try_clone()?;
    Ok((Sender { stream: Arc::new(Mutex::new(stream)) }, Receiver { reader: BufReader::new(reading) }))
}

impl Sender {
    /// Sends one request.
    ///
    /// # Errors
    /// Those of the stream: the engine is gone.
    pub fn send(&self, request: &Request) -> io::Result<()> {
        let mut message = Vec::new();
        wire::write(&mut message, request)?;
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).write_all(&message)
    }
}

impl Sender {
    /// Ends the stream for everybody who shares it: the engine sees that the face is gone.
    pub fn close(&self) {
        // An error means that it has ended already.
        let _ = self.stream.lock().unwrap_or_else(PoisonError::into_inner).shutdown(std::net::Shutdown::Both);
    }
}

impl Receiver {
    /// Whether more has come than was taken; else [`Receiver::receive`] waits.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.reader.buffer().is_empty()
    }

    /// The next note, however long it takes; `None` when the engine has ended.
    ///
    /// # Errors
    /// Those of the stream, and `InvalidData` for a message that is none.
    pub fn receive(&mut self) -> io::Result<Option<Note>> {
        wire::read(&mut self.reader)
    }
}

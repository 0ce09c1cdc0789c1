//! One file from one HTTP server, with an end to every wait.
//!
//! The transfer runs in a thread of its own, which cannot be interrupted; whoever waits for it looks every tenth of a
//! second whether the user wants it to end, and leaves it behind then. It ends by itself at its next timeout.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// A debug file larger than this is not taken.
const LARGEST: u64 = 8 << 30;
/// How much is handed over at a time, and how many pieces may wait.
const PIECE: usize = 1 << 16;
const WAITING: usize = 16;
/// How often it is asked whether to go on.
const LOOK: Duration = Duration::from_millis(100);

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server does not have it.
    Missing,
    /// The user wanted it to end.
    Cancelled,
    /// Nobody is there, or says nothing.
    Silent(String),
    /// What else went wrong, as the middle of a sentence.
    Other(String),
}

/// What the thread reports: how long the file is, if that was said; bytes of it; its end.
enum News {
    Begins(Option<u64>),
    Bytes(Vec<u8>),
    Ends,
    Fails(Failure),
}

/// A file that a server has begun to send.
pub(super) struct Offer {
    news: Receiver<News>,
    size: Option<u64>,
    patience: Duration,
}

impl Offer {
    /// Asks a server for a file and waits until it begins to send it.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn ask(url: &str, patience: Duration, cancelled: &dyn Fn() -> bool) -> Result<Offer, Failure> {
        if let Some(why) = unusable(url) {
            return Err(Failure::Other(why));
        }
        let (send, news) = sync_channel(WAITING);
        let url = url.to_owned();
        std::thread::spawn(move || transfer(&url, patience, &send));
        let mut offer = Offer { news, size: None, patience };
        match offer.next(cancelled)? {
            News::Begins(Some(size)) if size > LARGEST => {
                Err(Failure::Other(format!("it is too large ({size} bytes)")))
            }
            News::Begins(size) => {
                offer.size = size;
                Ok(offer)
            }
            News::Fails(failure) => Err(failure),
            News::Bytes(_) | News::Ends => Err(Failure::Other("it broke off".to_owned())),
        }
    }

    /// Writes all of it into a file; `progress` is told how much there is.
    ///
    /// # Errors
    /// Why not all of it came.
    pub(super) fn write(
        self,
        file: &mut File,
        cancelled: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), Failure> {
        let mut got = 0;
        loop {
            match self.next(cancelled)? {
                News::Bytes(bytes) => {
                    got += bytes.len() as u64;
                    if got > LARGEST {
                        return Err(Failure::Other("it is too large".to_owned()));
                    }
                    file.write_all(&bytes).map_err(|error| Failure::Other(error.to_string()))?;
                    progress(got, self.size);
                }
                News::Ends if self.size.is_none_or(|size| size == got) => return Ok(()),
                News::Ends | News::Begins(_) => return Err(Failure::Other("it broke off".to_owned())),
                News::Fails(failure) => return Err(failure),
            }
        }
    }

    fn next(&self, cancelled: &dyn Fn() -> bool) -> Result<News, Failure> {
        // The thread has timeouts of its own; this one counts where the system waits without any (names of hosts).
        let end = Instant::now() + self.patience + LOOK * 5;
        loop {
            if cancelled() {
                return Err(Failure::Cancelled);
            }
            match self.news.recv_timeout(LOOK) {
                Ok(news) => return Ok(news),
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
                Err(RecvTimeoutError::Timeout) => return Err(silent(self.patience)),
                Err(RecvTimeoutError::Disconnected) => return Err(Failure::Other("it broke off".to_owned())),
            }
        }
    }
}

fn silent(patience: Duration) -> Failure {
    Failure::Silent(format!("no answer for {} s", patience.as_secs()))
}

/// Why a URL cannot be asked at all.
fn unusable(url: &str) -> Option<String> {
    let tls = cfg!(feature = "debuginfod-tls");
    match url.split_once("://") {
        Some(("http", _)) => None,
        Some(("https", _)) if tls => None,
        Some(("https", _)) => {
            Some(format!("{url} needs TLS, and brkwater was built without it (cargo feature debuginfod-tls)"))
        }
        _ => Some(format!("{url} is neither http nor https")),
    }
}

fn transfer(url: &str, patience: Duration, send: &SyncSender<News>) {
    if let Err(failure) = attempt(url, patience, send) {
        let _ = send.send(News::Fails(failure));
    }
}

fn attempt(url: &str, patience: Duration, send: &SyncSender<News>) -> Result<(), Failure> {
    let failed = |error: ureq::Error| match error {
        ureq::Error::StatusCode(404 | 410) => Failure::Missing,
        ureq::Error::StatusCode(code) => Failure::Other(format!("the server answered with status {code}")),
        ureq::Error::Timeout(_) => silent(patience),
        ureq::Error::ConnectionFailed => Failure::Silent("no connection".to_owned()),
        ureq::Error::HostNotFound => Failure::Silent("Unknown host".to_owned()),
        ureq::Error::Io(error) => io_failure(&error, patience),
        other => Failure::Other(other.to_string()),
    };
    let agent = ureq::Agent::config_builder()
        .user_agent(concat!("brkwater/", env!("CARGO_PKG_VERSION")))
        .max_redirects(5)
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience))
        .build()
        .new_agent();
    let mut answer = agent.get(url).call().map_err(failed)?;
    // What is packed on its way has another length than the file.
    let packed = answer.headers().contains_key("content-encoding");
    let size = answer.body().content_length().filter(|_| !packed);
    let mut body = answer.body_mut().with_config().limit(LARGEST + 1).reader();
    let gone = |_| Failure::Cancelled;
    send.send(News::Begins(size)).map_err(gone)?;
    loop {
        let mut piece = vec![0; PIECE];
        match body.read(&mut piece) {
            Ok(0) => return send.send(News::Ends).map_err(gone),
            Ok(got) => {
                piece.truncate(got);
                send.send(News::Bytes(piece)).map_err(gone)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_failure(&error, patience)),
        }
    }
}

/// ureq wraps its own errors, timeouts among them, where it is read from.
fn io_failure(error: &io::Error, patience: Duration) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or_default().to_owned();
    match (error.kind(), inner) {
        (io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock, _) | (_, Some(ureq::Error::Timeout(_))) => {
            silent(patience)
        }
        (io::ErrorKind::ConnectionRefused, _) => Failure::Silent(words),
        (io::ErrorKind::UnexpectedEof, _) => Failure::Other("it broke off".to_owned()),
        _ => Failure::Other(words),
    }
}

/// Whether a file is a 64-bit ELF file with all of its table of sections, which stands at its end as a rule: one that
/// came without a length may have broken off unnoticed.
pub(super) fn is_whole_elf(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut head = [0; 64];
    if file.read_exact_at(&mut head, 0).is_err() || !head.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let half = |at: usize| u64::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let table = head[40..48].iter().rev().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
    let end = table.checked_add(half(58) * half(60));
    file.metadata().is_ok_and(|meta| end.is_some_and(|end| end <= meta.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_is_asked() {
        assert_eq!(unusable("http://127.0.0.1:1/x"), None);
        assert!(
            unusable("file:///etc").is_some() && unusable("ftp://x").is_some() && unusable("x").is_some()
        );
        assert_eq!(unusable("https://x").is_none(), cfg!(feature = "debuginfod-tls"));
    }

    #[test]
    fn half_a_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let whole = std::fs::read("/proc/self/exe").unwrap();
        let path = dir.path().join("f");
        for (len, is) in [(whole.len(), true), (whole.len() - 1, false), (1000, false), (0, false)] {
            std::fs::write(&path, &whole[..len]).unwrap();
            assert_eq!(is_whole_elf(&path), is, "{len}");
        }
    }
}

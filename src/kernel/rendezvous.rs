//! Where an engine that has lost its face waits for another: a socket in a directory that only its user can enter.
//!
//! The directory is `$XDG_RUNTIME_DIR/brkwater`, or `/tmp/brkwater-UID` without one, and the file `ENGINE-TARGET.sock`
//! with both process ids. Neither side believes the path alone: each asks the kernel who the other is (`SO_PEERCRED`,
//! unix(7)), and answers only to its own user and to root.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use std::os::fd::AsFd;

use crate::addr::Pid;

/// A place where one face can come in. Gone from the file system when it is dropped.
#[derive(Debug)]
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
}

/// An engine that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its process.
    pub engine: Pid,
    /// The process that its user was looking at.
    pub target: Pid,
    path: PathBuf,
}

impl Door {
    /// Opens the door of this engine, which looks after `target`.
    ///
    /// # Errors
    /// Those of making the directory and the socket; `PermissionDenied` when the directory is not ours alone.
    pub fn open(target: Pid) -> io::Result<Door> {
        Door::open_in(&directory(), target)
    }

    fn open_in(directory: &Path, target: Pid) -> io::Result<Door> {
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        must_be_ours(directory)?;
        let path = directory.join(format!("{}-{target}.sock", std::process::id()));
        // Left by an engine that had our number once, and was killed.
        let _ = fs::remove_file(&path);
        Ok(Door { listener: UnixListener::bind(&path)?, path })
    }

    /// Waits until a face comes in; `None` when none did for so long. Strangers are turned away.
    #[must_use]
    pub fn admit(self, patience: Duration) -> Option<UnixStream> {
        let end = Instant::now().checked_add(patience)?;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut ready = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, timeout).is_ok_and(|count| count > 0)
                && let Ok((stream, _)) = self.listener.accept()
                && is_ours(&stream)
            {
                return Some(stream);
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The engines of this user that wait for a face. What was left by engines that were killed is cleared away.
#[must_use]
pub fn waiting() -> Vec<Waiting> {
    waiting_in(&directory())
}

fn waiting_in(directory: &Path) -> Vec<Waiting> {
    if must_be_ours(directory).is_err() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut all: Vec<Waiting> = entries.flatten().filter_map(|entry| named(&entry.path())).collect();
    all.retain(|waiting| {
        let lives = Path::new(&format!("/proc/{}", waiting.engine)).exists();
        if !lives {
            let _ = fs::remove_file(&waiting.path);
        }
        lives
    });
    all.sort_by_key(|waiting| waiting.engine.0);
    all
}

fn named(path: &Path) -> Option<Waiting> {
    let name = path.file_name()?.to_str()?.strip_suffix(".sock")?;
    let (engine, target) = name.split_once('-')?;
    let pid = |text: &str| text.parse().ok().filter(|pid| *pid > 0).map(Pid);
    Some(Waiting { engine: pid(engine)?, target: pid(target)?, path: path.to_owned() })
}

impl Waiting {
    /// Goes in.
    ///
    /// # Errors
    /// Those of connect(2): it has gone, or another face was sooner; `PermissionDenied` when it is another user's.
    pub fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.path)?;
        if is_ours(&stream) { Ok(stream) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

fn directory() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| Path::new(dir).is_absolute()) {
        Some(dir) => Path::new(&dir).join("brkwater"),
        None => PathBuf::from(format!("/tmp/brkwater-{}", nix::unistd::geteuid())),
    }
}

/// In a directory that others can write to, anybody could have made it, or a link in its place.
fn must_be_ours(directory: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(directory)?;
    let ours = found.is_dir() && found.uid() == nix::unistd::geteuid().as_raw() && found.mode() & 0o077 == 0;
    if ours { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// The process at the other end, where it is another one.
#[must_use]
pub fn peer(stream: &UnixStream) -> Option<Pid> {
    let pid = getsockopt(stream, PeerCredentials).ok()?.pid();
    (pid > 0 && pid != nix::unistd::getpid().as_raw()).then_some(Pid(pid))
}

fn is_ours(stream: &UnixStream) -> bool {
    let me = nix::unistd::geteuid().as_raw();
    getsockopt(stream, PeerCredentials).is_ok_and(|peer| peer.uid() == me || peer.uid() == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("brk-door-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn a_face_finds_the_engine_that_waits_and_nothing_is_left_behind() {
        let dir = scratch("open");
        let door = Door::open_in(&dir, Pid(7)).unwrap();
        fs::write(dir.join("2147483646-7.sock"), "").unwrap();
        fs::write(dir.join("-x.sock"), "").unwrap();
        let all = waiting_in(&dir);
        assert_eq!(all.iter().map(|w| w.target).collect::<Vec<_>>(), [Pid(7)]);
        let _face = all[0].connect().unwrap();
        assert!(door.admit(Duration::from_secs(5)).is_some());
        assert_eq!(waiting_in(&dir), []);
        assert!(!dir.join("2147483646-7.sock").exists(), "an engine that was killed left it");
        assert!(Door::open_in(&dir, Pid(7)).unwrap().admit(Duration::from_millis(1)).is_none());
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_directory_that_others_can_enter_is_not_ours() {
        let dir = scratch("open-to-all");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(Door::open_in(&dir, Pid(7)).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        let link = scratch("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        assert_eq!(Door::open_in(&link, Pid(7)).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fs::remove_file(link).unwrap();
        fs::remove_dir_all(dir).unwrap();
    }
}

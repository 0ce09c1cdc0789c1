//! Files of the target, mapped once and kept for the life of the debugger.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use nix::sys::mman::{MmapAdvise, madvise};
use rustc_hash::FxHashMap;

use crate::source::Files;

/// What tells one version of a file from the next: device, inode, size, time of change in seconds and nanoseconds.
type Identity = (u64, u64, u64, i64, i64);

/// Where a process's files begin.
#[derive(Debug)]
struct Root {
    /// Its `/proc/PID/root`.
    door: PathBuf,
    /// What we see there: `/` for one in another mount namespace, else the directory of its chroot(2). Paths that
    /// `/proc` gives begin with it, paths that the process uses do not.
    seen: PathBuf,
}

/// [`Files`] by mmap(2). A file that is rebuilt gets a new mapping beside the old one.
///
/// A file that is truncated while we have it mapped would end us with SIGBUS, as it would gdb: linkers and
/// package managers write a new file and rename it, which is harmless.
#[derive(Clone, Debug, Default)]
pub struct MappedFiles {
    root: Option<Arc<Root>>,
}

/// All files of all processes: what one has mapped is there for the next, and so is what was made of it.
static KNOWN: LazyLock<Mutex<FxHashMap<Identity, &'static [u8]>>> = LazyLock::new(Mutex::default);

impl MappedFiles {
    /// Files as a process with another root sees them: `door` is its `/proc/PID/root`, a link to what `/` is for it.
    #[must_use]
    pub fn below(door: PathBuf) -> MappedFiles {
        let seen = std::fs::read_link(&door).unwrap_or_else(|_| PathBuf::from("/"));
        MappedFiles { root: Some(Arc::new(Root { door, seen })) }
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        let Some(Root { door, seen }) = self.root.as_deref() else { return File::open(path) };
        let below = |rest: &Path| File::open(door.join(rest));
        match (path.strip_prefix(seen), path.strip_prefix("/")) {
            (Ok(rest), _) if seen != Path::new("/") => below(rest),
            (_, Ok(rest)) => below(rest),
            _ => File::open(path),
        }
    }
}

impl Files for MappedFiles {
    fn map(&self, path: &Path) -> io::Result<&'static [u8]> {
        let file = self.open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let identity = (meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = known.get(&identity) {
            return Ok(bytes);
        }
        let bytes: &'static [u8] = if meta.size() == 0 {
            &[]
        } else {
            // SAFETY: the mapping is private, never written through and leaked on purpose, so the slice stays
            // valid. What another process may do to the file is told above.
            Box::leak(Box::new(unsafe { memmap2::Mmap::map(&file) }?))
        };
        known.insert(identity, bytes);
        Ok(bytes)
    }

    fn shared(&self) -> Arc<dyn Files + Send + Sync> {
        Arc::new(self.clone())
    }

    fn release(&self, bytes: &'static [u8]) {
        const PAGE: usize = 4096;
        let Some(inside) = bytes.get(bytes.as_ptr().align_offset(PAGE)..) else { return };
        let (at, len) = (inside.as_ptr() as usize, inside.len() & !(PAGE - 1));
        let within = |mapped: &&'static [u8]| {
            let start = mapped.as_ptr() as usize;
            at >= start && at + len <= start + mapped.len()
        };
        let ours = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).values().any(within);
        let Some(start) = NonNull::new(inside.as_ptr().cast_mut()).filter(|_| ours && len > 0) else {
            return;
        };
        // SAFETY: the pages are wholly inside a private mapping of a file that stays for ever and that nothing was
        // written to, so the kernel fills them with the same bytes again. When it refuses, nothing changes.
        let _ = unsafe { madvise(start.cast(), len, MmapAdvise::MADV_DONTNEED) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_still_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&path, &content).unwrap();
        let files = MappedFiles::default();
        let bytes = files.map(&path).unwrap();
        assert_eq!(bytes, content);
        files.release(&bytes[1000..]);
        assert_eq!(bytes, content);
        // Memory that no file backs would be gone.
        let other: &'static [u8] = Box::leak(content.clone().into_boxed_slice());
        files.release(other);
        assert_eq!(other, content);
    }

    #[test]
    fn a_file_is_mapped_once_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "one").unwrap();
        let files = MappedFiles::default();
        let first = files.map(&path).unwrap();
        assert_eq!((first, files.map(&path).unwrap().as_ptr()), (&b"one"[..], first.as_ptr()));
        let other = dir.path().join("g");
        std::fs::write(&other, "three").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!((files.map(&path).unwrap(), first), (&b"three"[..], &b"one"[..]));
        assert!(files.map(dir.path()).is_err());
        assert_eq!(MappedFiles::below(dir.path().into()).map(Path::new("/f")).unwrap(), b"three");
        // As for one in a chroot: the same file by the name that we know and by its own.
        let door = dir.path().join("root");
        std::os::unix::fs::symlink(dir.path(), &door).unwrap();
        let inside = MappedFiles::below(door);
        assert_eq!(inside.map(&path).unwrap(), b"three");
        assert_eq!(inside.map(Path::new("/f")).unwrap(), b"three");
    }
}

//! Files of the target, mapped once and kept for the life of the debugger.
//!
//! A file is named by a path, and what a process has mapped is named by its mapping: the path may lead to another file
//! since, or to none, and the process runs the old one. `/proc/PID/exe` and `/proc/PID/map_files` lead to that; the
//! second wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE (proc(5)).

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use nix::sys::mman::{MmapAdvise, madvise};
use nix::sys::stat;
use rustc_hash::FxHashMap;

use crate::addr::Pid;
use crate::maps::Mapping;
use crate::memory::Memory;
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
    /// Who has mapped them.
    pid: Option<Pid>,
}

/// All files of all processes: what one has mapped is there for the next, and so is what was made of it.
static KNOWN: LazyLock<Mutex<FxHashMap<Identity, &'static [u8]>>> = LazyLock::new(Mutex::default);

impl MappedFiles {
    /// Files as a process with another root sees them: `door` is its `/proc/PID/root`, a link to what `/` is for it.
    #[must_use]
    pub fn below(door: PathBuf) -> MappedFiles {
        let seen = std::fs::read_link(&door).unwrap_or_else(|_| PathBuf::from("/"));
        MappedFiles { root: Some(Arc::new(Root { door, seen })), pid: None }
    }

    /// The same files, those that a process has mapped among them.
    #[must_use]
    pub fn of(self, pid: Pid) -> MappedFiles {
        MappedFiles { pid: Some(pid), ..self }
    }

    /// What a process has mapped, by the kernel's own doors to it.
    fn behind(&self, mapping: &Mapping) -> io::Result<File> {
        let pid = self.pid.ok_or(io::ErrorKind::NotFound)?;
        let exe = format!("/proc/{pid}/exe");
        if std::fs::read_link(&exe).is_ok_and(|path| path == Path::new(&mapping.path)) {
            let file = regular(Path::new(&exe))?;
            if file.metadata()?.ino() == mapping.inode {
                return Ok(file);
            }
        }
        let (start, end) = (mapping.span.start.0, mapping.span.end.0);
        regular(Path::new(&format!("/proc/{pid}/map_files/{start:x}-{end:x}")))
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        let Some(Root { door, seen }) = self.root.as_deref() else { return regular(path) };
        let below = |rest: &Path| regular(&door.join(rest));
        match (path.strip_prefix(seen), path.strip_prefix("/")) {
            (Ok(rest), _) if seen != Path::new("/") => below(rest),
            (_, Ok(rest)) => below(rest),
            _ => regular(path),
        }
    }
}

/// Opens what is a file, and nothing else: opening a device may do something.
fn regular(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}

/// Whether an open file is the one that was mapped. On some file systems (btrfs, overlayfs) the list of mappings has
/// another device than stat(2); then this says no of a file that is the one.
fn is_mapped(file: &File, mapping: &Mapping) -> bool {
    let Ok(meta) = file.metadata() else { return false };
    let device = (stat::major(meta.dev()), stat::minor(meta.dev()));
    let device = (u32::try_from(device.0).ok(), u32::try_from(device.1).ok());
    !mapping.is_gone()
        && meta.ino() == mapping.inode
        && device == (Some(mapping.device.0), Some(mapping.device.1))
}

/// Whether a process runs just these bytes: its code, and what the file begins with.
fn same_bytes(bytes: &[u8], mappings: &[&Mapping], memory: &dyn Memory) -> bool {
    const PIECE: usize = 1 << 16;
    let unchanged = mappings.iter().filter(|mapping| mapping.perms.exec || mapping.offset == 0);
    let mut unchanged = unchanged.filter(|mapping| !mapping.perms.write).peekable();
    let mut now = vec![0; PIECE];
    unchanged.peek().is_some()
        && unchanged.all(|mapping| {
            let Ok(offset) = usize::try_from(mapping.offset) else { return false };
            // What lies behind the end of the file is zero and says nothing.
            let Some(stored) = bytes.get(offset..) else { return false };
            let len = usize::try_from(mapping.span.len()).unwrap_or(usize::MAX).min(stored.len());
            stored[..len].chunks(PIECE).enumerate().all(|(index, piece)| {
                let at = mapping.span.start.add((index * PIECE) as u64);
                memory.read_exact(at, &mut now[..piece.len()]).is_ok() && now[..piece.len()] == *piece
            })
        })
}

/// Maps a file, unless it is mapped already.
fn keep(file: &File) -> io::Result<&'static [u8]> {
    let meta = file.metadata()?;
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
        Box::leak(Box::new(unsafe { memmap2::Mmap::map(file) }?))
    };
    known.insert(identity, bytes);
    Ok(bytes)
}

impl Files for MappedFiles {
    fn map(&self, path: &Path) -> io::Result<&'static [u8]> {
        keep(&self.open(path)?)
    }

    fn mapped(&self, mappings: &[&Mapping], memory: &dyn Memory) -> io::Result<&'static [u8]> {
        let first = mappings.first().ok_or(io::ErrorKind::NotFound)?;
        let named = self.open(Path::new(first.file().ok_or(io::ErrorKind::NotFound)?));
        if let Ok(file) = &named
            && is_mapped(file, first)
        {
            return keep(file);
        }
        let refused = match self.behind(first) {
            Ok(file) => return keep(&file),
            Err(error) => error,
        };
        // The kernel does not show it: a file that is there by that name may still be proved to be the same.
        match named.and_then(|file| keep(&file)) {
            Ok(bytes) if same_bytes(bytes, mappings, memory) => Ok(bytes),
            _ => Err(refused),
        }
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

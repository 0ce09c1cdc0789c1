//! A live process's memory: `/proc/PID/mem` for small reads and all writes, `process_vm_readv` for large ones.
//!
//! `/proc/PID/mem` ignores page protection, so a breakpoint can be written into read-only text, and it is the
//! cheaper of the two below some 16 KiB; above, `process_vm_readv` is several times faster (measured).

use std::fs::{self, File};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::fs::FileExt;

use crate::addr::{Addr, PAGE, Pid};
use crate::memory::Memory;

/// From this size on `process_vm_readv` is tried first.
const BULK: usize = 16 * 1024;

/// The memory of one address space.
#[derive(Debug)]
pub struct ProcMem {
    pid: Pid,
    file: File,
}

impl ProcMem {
    /// Opens the memory of `pid`. After an exec it must be opened again: the file is bound to the old program.
    ///
    /// # Errors
    /// Those of opening `/proc/PID/mem`.
    pub fn open(pid: Pid) -> io::Result<ProcMem> {
        let file = File::options().read(true).write(true).open(format!("/proc/{pid}/mem"))?;
        Ok(ProcMem { pid, file })
    }

    /// Opens the memory of `pid` to read it only: what another debugger holds is not ours to change.
    ///
    /// # Errors
    /// Those of opening `/proc/PID/mem`.
    pub fn look(pid: Pid) -> io::Result<ProcMem> {
        Ok(ProcMem { pid, file: File::open(format!("/proc/{pid}/mem"))? })
    }

    /// The memory of `pid` by a descriptor that was inherited: who traces a process may open its memory where nobody
    /// else may (Yama), and hands it over open. The descriptor itself stays as it is.
    ///
    /// # Errors
    /// `InvalidInput` when the descriptor is something else, and those of copying it.
    pub fn handed(pid: Pid, descriptor: RawFd) -> io::Result<ProcMem> {
        let named = fs::read_link(format!("/proc/self/fd/{descriptor}"))?;
        if named.as_os_str() != format!("/proc/{pid}/mem").as_str() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: it is open, for the kernel just told its name, and it is borrowed only for the length of the copying.
        let theirs = unsafe { BorrowedFd::borrow_raw(descriptor) };
        Ok(ProcMem { pid, file: File::from(theirs.try_clone_to_owned()?) })
    }

    /// Writes all of `bytes` at `at`, whatever the page's protection.
    ///
    /// # Errors
    /// `EIO` when a page is missing.
    pub fn write(&self, at: Addr, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at.0)
    }

    /// Fills `buf` from `at` if the process itself may read there; false otherwise.
    #[must_use]
    pub fn load(&self, at: Addr, buf: &mut [u8]) -> bool {
        self.bulk(at, buf) == buf.len()
    }

    /// Writes `bytes` at `at` if the process itself may write there (process_vm_writev(2) heeds protection, and a
    /// stack's guard page is one); false otherwise.
    #[must_use]
    pub fn store(&self, at: Addr, bytes: &[u8]) -> bool {
        let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let remote = libc::iovec { iov_base: at.0 as *mut libc::c_void, iov_len: bytes.len() };
        // SAFETY: the kernel only reads what `local` describes; `remote` is an address in the other space.
        let put =
            unsafe { libc::process_vm_writev(self.pid.0, &raw const local, 1, &raw const remote, 1, 0) };
        usize::try_from(put).is_ok_and(|put| put == bytes.len())
    }

    fn bulk(&self, at: Addr, buf: &mut [u8]) -> usize {
        let local = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
        let remote = libc::iovec { iov_base: at.0 as *mut libc::c_void, iov_len: buf.len() };
        // SAFETY: `local` describes `buf`, which we hold exclusively; `remote` is only ever read by the kernel
        // in the other address space.
        let got = unsafe { libc::process_vm_readv(self.pid.0, &raw const local, 1, &raw const remote, 1, 0) };
        usize::try_from(got).unwrap_or(0)
    }

    fn pages(&self, at: Addr, buf: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buf.len() {
            let here = at.add(done as u64);
            match self.file.read_at(&mut buf[done..], here.0) {
                Ok(n) if n > 0 => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A long read that hits a bad page fails as a whole on some kernels: take what is before it.
                Err(_) if buf.len() - done > (PAGE - here.0 % PAGE) as usize => {
                    let room = (PAGE - here.0 % PAGE) as usize;
                    match self.file.read_at(&mut buf[done..done + room], here.0) {
                        Ok(n) if n > 0 => done += n,
                        _ => break,
                    }
                }
                _ => break,
            }
        }
        done
    }
}

impl Memory for ProcMem {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        // Addresses above the signed range are the kernel's; pread would call them negative offsets.
        if at.0 > i64::MAX as u64 {
            return 0;
        }
        let done = if buf.len() >= BULK { self.bulk(at, buf) } else { 0 };
        done + self.pages(at.add(done as u64), &mut buf[done..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_memory_reads_back() {
        let memory = ProcMem::open(Pid(std::process::id() as i32)).unwrap();
        let big: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        let at = Addr(big.as_ptr() as u64);
        assert_eq!(memory.bytes(at, big.len()).unwrap(), big);
        assert_eq!(memory.bytes(at, 100).unwrap(), big[..100]);
        let mut word = [0; 4];
        assert!(memory.load(at, &mut word) && word == big[..4]);
        assert!(memory.store(at, &[7]) && memory.bytes(at, 1).unwrap() == [7]);
        // A constant lies where nobody may write; `write` does not ask.
        assert!(!memory.store(Addr(b"read-only".as_ptr() as u64), b"R"));
        assert_eq!(memory.read(Addr(8), &mut [0; 8]), 0);
        let looked = ProcMem::look(memory.pid).unwrap();
        assert_eq!(looked.bytes(at, 100).unwrap(), memory.bytes(at, 100).unwrap());
        assert!(looked.write(at, &[1]).is_err());
    }

    #[test]
    fn memory_that_is_handed_over_is_that_of_the_process() {
        use std::os::fd::AsRawFd;
        let me = Pid(std::process::id() as i32);
        let file = File::open(format!("/proc/{me}/mem")).unwrap();
        let handed = ProcMem::handed(me, file.as_raw_fd()).unwrap();
        let word = 7u64;
        assert_eq!(handed.u64(Addr(&raw const word as u64)).unwrap(), word);
        let other = File::open("/dev/null").unwrap();
        assert!(ProcMem::handed(me, other.as_raw_fd()).is_err() && ProcMem::handed(me, -1).is_err());
        assert!(ProcMem::handed(Pid(1), file.as_raw_fd()).is_err());
    }

    #[test]
    fn addresses_that_nobody_can_have_are_not_read() {
        let memory = ProcMem::look(Pid(std::process::id() as i32)).unwrap();
        assert_eq!(memory.read(Addr(u64::MAX - 3), &mut [0; 8]), 0);
    }
}

//! On which processor our own thread runs.
//!
//! A thread that is stopped and let go thousands of times a second costs less when its tracer runs on the same processor:
//! no other one has to be woken for each hand-over. Only the calling thread's own affinity is ever changed.

use nix::errno::Errno;

use crate::addr::{Pid, Tid};

/// The calling thread runs beside another; dropped, it runs where it may again.
#[derive(Debug)]
pub struct Beside {
    before: libc::cpu_set_t,
    processor: usize,
}

impl Beside {
    /// Moves the calling thread to the processor that a thread ran on last.
    ///
    /// # Errors
    /// `ESRCH` when it is gone, those of sched_setaffinity(2) otherwise.
    pub fn thread(pid: Pid, tid: Tid) -> Result<Beside, Errno> {
        let processor = processor_of(pid, tid).ok_or(Errno::ESRCH)?;
        // SAFETY: all-zero is an empty cpu_set_t.
        let mut before: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        let size = std::mem::size_of_val(&before);
        // SAFETY: the kernel writes at most `size` bytes to `before`.
        Errno::result(unsafe { libc::sched_getaffinity(0, size, &raw mut before) })?;
        pin(processor)?;
        Ok(Beside { before, processor })
    }

    /// Follows it to where it is now.
    ///
    /// # Errors
    /// As [`Beside::thread`].
    pub fn follow(&mut self, pid: Pid, tid: Tid) -> Result<(), Errno> {
        let now = processor_of(pid, tid).ok_or(Errno::ESRCH)?;
        if now != self.processor {
            pin(now)?;
            self.processor = now;
        }
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // SAFETY: the kernel reads a set that lives until the call returns. What was allowed before still is.
        unsafe { libc::sched_setaffinity(0, std::mem::size_of_val(&self.before), &raw const self.before) };
    }
}

fn pin(processor: usize) -> Result<(), Errno> {
    if processor >= libc::CPU_SETSIZE as usize {
        return Err(Errno::EINVAL);
    }
    // SAFETY: all-zero is an empty cpu_set_t; the number is below its size; the kernel only reads it.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, std::mem::size_of_val(&set), &raw const set)
    };
    Errno::result(result).map(drop)
}

/// The processor that a thread ran on last (proc(5), field 39 of `stat`).
fn processor_of(pid: Pid, tid: Tid) -> Option<usize> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
    // The name in parentheses may hold blanks; behind it the third field begins.
    stat.rsplit(") ").next()?.split_whitespace().nth(36)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> String {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        status.lines().find(|line| line.starts_with("Cpus_allowed_list")).unwrap().to_owned()
    }

    #[test]
    fn a_thread_goes_back_to_where_it_may_run() {
        let before = allowed();
        let me = Tid(nix::unistd::gettid().as_raw());
        let pid = Pid(nix::unistd::getpid().as_raw());
        let mut beside = Beside::thread(pid, me).unwrap();
        assert!(allowed().ends_with(&format!("\t{}", beside.processor)), "{}", allowed());
        beside.follow(pid, me).unwrap();
        drop(beside);
        assert_eq!(allowed(), before);
        assert!(Beside::thread(Pid(0), Tid(0)).is_err());
    }
}

//! On which processor a thread runs.
//!
//! A thread that is stopped and let go thousands of times a second costs about half when its tracer runs on the same
//! processor: no other one has to be woken for each hand-over. For that both have to be held there, and given back before
//! anybody can see it: a program that asks how many processors it may use would do other things with another answer.

use nix::errno::Errno;

use crate::addr::{Pid, Tid};

/// sched_setaffinity(2) and sched_getaffinity(2): before one of these, a thread is given back (x86-64 numbers).
pub const CALLS: [u32; 2] = [203, 204];

/// The calling thread and another are held on one processor; dropped, both run where they may again.
#[derive(Debug)]
pub struct Together {
    ours: libc::cpu_set_t,
    theirs: libc::cpu_set_t,
    tid: Tid,
}

impl Together {
    /// Holds the calling thread where another one ran last, and that one, too.
    ///
    /// # Errors
    /// `ESRCH` when it is gone, those of sched_setaffinity(2) otherwise.
    pub fn with(pid: Pid, tid: Tid) -> Result<Together, Errno> {
        let processor = processor_of(pid, tid).ok_or(Errno::ESRCH)?;
        let held = Together { ours: allowed(Tid(0))?, theirs: allowed(tid)?, tid };
        let one = only(processor)?;
        allow(Tid(0), &one)?;
        allow(tid, &one)?;
        Ok(held)
    }
}

impl Together {
    /// Gives back also a thread that the other one has just made: it inherited where it may run.
    pub fn also(self, new: Tid) {
        if new.0 > 0 {
            let _ = allow(new, &self.theirs);
        }
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        // ESRCH: it has ended, and nobody needs to be given back.
        let _ = allow(self.tid, &self.theirs);
        let _ = allow(Tid(0), &self.ours);
    }
}

/// Where a thread may run; 0 is the calling one.
fn allowed(tid: Tid) -> Result<libc::cpu_set_t, Errno> {
    // SAFETY: all-zero is an empty cpu_set_t.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most this many bytes to `set`.
    Errno::result(unsafe { libc::sched_getaffinity(tid.0, std::mem::size_of_val(&set), &raw mut set) })?;
    Ok(set)
}

fn allow(tid: Tid, set: &libc::cpu_set_t) -> Result<(), Errno> {
    // SAFETY: the kernel reads a set that lives until the call returns.
    Errno::result(unsafe { libc::sched_setaffinity(tid.0, std::mem::size_of_val(set), set) }).map(drop)
}

fn only(processor: usize) -> Result<libc::cpu_set_t, Errno> {
    if processor >= libc::CPU_SETSIZE as usize {
        return Err(Errno::EINVAL);
    }
    // SAFETY: all-zero is an empty cpu_set_t; the number is below its size.
    Ok(unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        set
    })
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

    fn list() -> String {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        status.lines().find(|line| line.starts_with("Cpus_allowed_list")).unwrap().to_owned()
    }

    #[test]
    fn a_thread_goes_back_to_where_it_may_run() {
        let before = list();
        let me = Tid(nix::unistd::gettid().as_raw());
        let together = Together::with(Pid(nix::unistd::getpid().as_raw()), me).unwrap();
        let one = list();
        assert!(one.rsplit('\t').next().is_some_and(|cpu| cpu.parse::<u32>().is_ok()), "{one}");
        drop(together);
        assert_eq!(list(), before);
        assert!(Together::with(Pid(0), Tid(0)).is_err());
    }
}

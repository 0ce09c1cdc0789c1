//! On which processor a thread runs.
//!
//! A thread that is stopped and let go thousands of times a second costs about half when its tracer runs on the same
//! processor: no other one has to be woken for each hand-over. For that both have to be held there, and given back before
//! anybody can see it: a program that asks how many processors it may use would do other things with another answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;

use crate::addr::{Pid, Tid};

/// sched_setaffinity(2) and sched_getaffinity(2): before one of these a thread is given back, or it makes the call again
/// once it was (x86-64 numbers).
pub const CALLS: [u32; 2] = [203, 204];

/// How long the other thread may do nothing that its tracer sees before it is given back.
const QUIET: Duration = Duration::from_millis(20);

/// The calling thread and another are held on one processor; dropped, both run where they may again. So they do when
/// nothing was heard of the other one for a while ([`Together::beat`]): held, it would have to do its work on a processor
/// that it perhaps shares, while its tracer waits.
#[derive(Debug)]
pub struct Together {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    beats: AtomicU64,
    held: Mutex<Option<Held>>,
    ended: Condvar,
}

#[derive(Debug)]
struct Held {
    us: Tid,
    ours: libc::cpu_set_t,
    tid: Tid,
    theirs: libc::cpu_set_t,
    /// Threads that are kept off that processor, and where they may run.
    aside: Vec<(Tid, libc::cpu_set_t)>,
}

impl Together {
    /// Holds the calling thread where another one ran last, and that one, too. Those that are `aside` have work to do
    /// meanwhile, for which the two are not to wait: they are kept off that processor, where there is another one.
    ///
    /// # Errors
    /// `ESRCH` when it is gone, those of sched_setaffinity(2) otherwise.
    pub fn with(pid: Pid, tid: Tid, aside: &[Tid]) -> Result<Together, Errno> {
        let processor = processor_of(pid, tid).ok_or(Errno::ESRCH)?;
        let us = this_thread();
        let mut held = Held { us, ours: allowed(us)?, tid, theirs: allowed(tid)?, aside: Vec::new() };
        let one = only(processor)?;
        allow(us, &one)?;
        if let Err(errno) = allow(tid, &one) {
            held.give_back();
            return Err(errno);
        }
        for tid in aside {
            if let Ok(may) = allowed(*tid)
                && let Some(elsewhere) = without(may, processor)
                && allow(*tid, &elsewhere).is_ok()
            {
                held.aside.push((*tid, may));
            }
        }
        let held = Mutex::new(Some(held));
        let shared = Arc::new(Shared { beats: AtomicU64::new(0), held, ended: Condvar::new() });
        let watched = Arc::clone(&shared);
        std::thread::spawn(move || watched.watch());
        Ok(Together { shared })
    }

    /// Something was heard of the other thread.
    pub fn beat(&self) {
        // Nobody else writes: no need for the cost of an addition that cannot be torn.
        let beats = self.shared.beats.load(Ordering::Relaxed);
        self.shared.beats.store(beats.wrapping_add(1), Ordering::Relaxed);
    }

    /// Whether both were given back already, for want of [`Together::beat`]s.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.shared.held().is_none()
    }

    /// Gives back also a thread that the other one has just made: it inherited where it may run.
    pub fn also(self, new: Tid) {
        if let Some(held) = self.shared.held().as_ref()
            && new.0 > 0
        {
            let _ = allow(new, &held.theirs);
        }
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        self.shared.give_back();
        self.shared.ended.notify_one();
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self) {
        if let Some(held) = self.held().take() {
            held.give_back();
        }
    }

    /// Gives both back when the other one has fallen quiet.
    fn watch(&self) {
        let mut heard = self.beats.load(Ordering::Relaxed);
        let mut held = self.held();
        loop {
            held = self.ended.wait_timeout(held, QUIET).unwrap_or_else(PoisonError::into_inner).0;
            let beats = self.beats.load(Ordering::Relaxed);
            if held.is_none() {
                return;
            }
            if beats == heard {
                drop(held);
                return self.give_back();
            }
            heard = beats;
        }
    }
}

impl Held {
    fn give_back(&self) {
        // ESRCH: it has ended, and nobody needs to be given back.
        let _ = allow(self.tid, &self.theirs);
        let _ = allow(self.us, &self.ours);
        for (tid, may) in &self.aside {
            let _ = allow(*tid, may);
        }
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

/// The same set without one processor; nothing when no other is left.
fn without(mut set: libc::cpu_set_t, processor: usize) -> Option<libc::cpu_set_t> {
    // SAFETY: plain work on a value; `only` has accepted the number.
    let left = unsafe {
        libc::CPU_CLR(processor, &mut set);
        libc::CPU_COUNT(&set)
    };
    (left > 0).then_some(set)
}

/// The calling thread.
#[must_use]
pub fn this_thread() -> Tid {
    Tid(nix::unistd::gettid().as_raw())
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

    /// What is to be seen while this thread is held; again where it was given back before, because the test got no time.
    fn held<T>(pid: Pid, aside: &[Tid], look: impl Fn() -> T) -> (Together, T) {
        loop {
            let together = Together::with(pid, this_thread(), aside).unwrap();
            let seen = look();
            if !together.is_over() {
                return (together, seen);
            }
        }
    }

    #[test]
    fn a_thread_goes_back_to_where_it_may_run() {
        let before = list();
        let me = this_thread();
        let pid = Pid(nix::unistd::getpid().as_raw());
        let (together, one) = held(pid, &[], list);
        assert!(one.rsplit('\t').next().is_some_and(|cpu| cpu.parse::<u32>().is_ok()), "{one}");
        drop(together);
        assert_eq!(list(), before);
        // One that has fallen quiet goes back by itself.
        let together = Together::with(pid, me, &[]).unwrap();
        together.beat();
        while !together.is_over() {
            std::thread::sleep(QUIET / 10);
        }
        assert_eq!(list(), before);
        drop(together);
        assert_eq!(list(), before);
        assert!(Together::with(Pid(0), Tid(0), &[]).is_err());
    }

    #[test]
    fn others_stand_aside_meanwhile() {
        use std::sync::mpsc::channel;
        let (ask, asked) = channel::<()>();
        let (tell, told) = channel();
        let other = std::thread::spawn(move || {
            tell.send((this_thread(), list())).unwrap();
            for () in asked {
                tell.send((this_thread(), list())).unwrap();
            }
        });
        let (tid, before) = told.recv().unwrap();
        let next = || {
            ask.send(()).unwrap();
            told.recv().unwrap().1
        };
        let pid = Pid(nix::unistd::getpid().as_raw());
        let (together, (held, aside)) = held(pid, &[tid], || (list(), next()));
        drop(together);
        let several = before.contains(['-', ',']);
        assert_eq!(aside != before, several, "{aside}");
        assert!(!several || aside != held);
        assert_eq!(next(), before);
        drop(ask);
        other.join().unwrap();
    }
}

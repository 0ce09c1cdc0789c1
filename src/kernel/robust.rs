//! Where a thread's robust futexes are (get_robust_list(2)): the one address of a thread's own that the kernel tells
//! without ptrace.
//!
//! glibc registers it for every thread, inside of the thread's descriptor, so that it leads to the thread pointer. The
//! kernel asks for the right to look (PTRACE_MODE_READ), as for `/proc/PID/maps`, not for the right to trace.

use crate::addr::{Addr, Tid};

/// The list's head, in the thread's own memory; `None` when the thread has none, is gone, or may not be asked.
#[must_use]
pub fn list(tid: Tid) -> Option<Addr> {
    let (mut head, mut len) = (0u64, 0usize);
    // SAFETY: the kernel writes one pointer and one length, to places of these sizes that outlive the call.
    let done = unsafe { libc::syscall(libc::SYS_get_robust_list, tid.0, &raw mut head, &raw mut len) };
    (done == 0 && head != 0).then_some(Addr(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_list_is_behind_our_thread_pointer() {
        let pointer: u64;
        // SAFETY: on x86-64 the first word of a thread's descriptor is its own address (System V ABI, TLS variant II).
        unsafe { std::arch::asm!("mov {}, fs:0", out(reg) pointer) };
        let tid = Tid(nix::unistd::gettid().as_raw());
        let head = list(tid).unwrap();
        assert!(head.0 > pointer && head.0 - pointer < 4096, "{head} {pointer:#x}");
        assert_eq!(list(Tid(i32::MAX)), None);
    }
}

//! What sets the engine's process apart from the face that the user started, and what its children get back.
//!
//! Whoever kills "the debugger" kills by name (`pkill`), by process group (`kill -9 %1`), or has the kernel choose (the
//! OOM killer); the engine answers to none of these, because a target whose tracer dies runs into our breakpoints. What
//! it starts for the user has the face's process group and badness again, as if the face had started it.

use std::ffi::CStr;
use std::fs;
use std::sync::OnceLock;

/// What `ps` and `pkill` see (`/proc/PID/comm`, at most 15 bytes: proc(5)). Not the program's name, on purpose.
const NAME: &str = "brk-engine";
/// How much less than the face the engine is worth killing, as if it used half of all memory less: the kernel adds a
/// thousandth of what may be used for each (proc(5), `oom_score_adj`).
const SPARED: i32 = 500;
/// Where the kernel keeps how readily it kills this process.
const BADNESS: &CStr = c"/proc/self/oom_score_adj";

/// The face's group and badness. Plain bytes: a child puts them back between fork and exec, where nothing may be
/// allocated.
#[derive(Copy, Clone, Debug)]
pub(super) struct Standing {
    group: libc::pid_t,
    badness: [u8; 8],
    length: usize,
}

static OF_THE_FACE: OnceLock<Standing> = OnceLock::new();

/// Makes this process the engine's. What cannot be had (a badness below the face's takes `CAP_SYS_RESOURCE`) is left.
pub(super) fn step_aside() {
    // SAFETY: plain system calls on numbers.
    let group = unsafe { libc::getpgrp() };
    let text = fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
    let mut badness = [0; 8];
    let length = text.len().min(badness.len());
    badness[..length].copy_from_slice(&text.as_bytes()[..length]);
    if OF_THE_FACE.set(Standing { group, badness, length }).is_err() {
        return;
    }
    // SAFETY: as above.
    unsafe { libc::setpgid(0, 0) };
    let _ = fs::write("/proc/self/comm", NAME);
    if let Ok(now) = text.trim().parse::<i32>() {
        let _ = fs::write("/proc/self/oom_score_adj", (now - SPARED).max(-1000).to_string());
    }
}

/// The face's, in an engine; none in a process that never stepped aside.
pub(super) fn of_the_face() -> Option<Standing> {
    OF_THE_FACE.get().copied()
}

impl Standing {
    /// Takes it on. A face that is gone has no group to join, and what was not lowered need not be raised. All that it
    /// calls is async-signal-safe, so it may run between fork and exec.
    pub(super) fn take_on(&self) {
        // SAFETY: plain system calls on memory of our own.
        unsafe {
            libc::setpgid(0, self.group);
            let fd = libc::open(BADNESS.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if fd >= 0 {
                libc::write(fd, self.badness.as_ptr().cast(), self.length);
                libc::close(fd);
            }
        }
    }
}

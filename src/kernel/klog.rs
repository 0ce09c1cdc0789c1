//! The kernel's log, where we may read it: syslog(2) gives what dmesg(1) shows.
//!
//! A kernel may keep it for administrators (`kernel.dmesg_restrict`), a container may forbid the call: then there is a
//! sentence that says what to do. No program is started for it.

use std::fs;

use super::Errno;

/// `SYSLOG_ACTION_READ_ALL` and `SYSLOG_ACTION_SIZE_BUFFER` (include/linux/syslog.h).
const READ_ALL: libc::c_int = 3;
const SIZE_BUFFER: libc::c_int = 10;
/// No log is larger (the kernel's own limit for `log_buf_len` is 2 GiB; that much is not read).
const LARGEST: usize = 64 << 20;

/// All that the kernel still has of its log, in lines with dmesg's stamps.
///
/// # Errors
/// Why not, and what to do, in a sentence.
pub fn read() -> Result<String, String> {
    // SAFETY: these actions take no buffer, or fill at most as many bytes as they are told the buffer has.
    let size = unsafe { libc::klogctl(SIZE_BUFFER, std::ptr::null_mut(), 0) };
    let size = usize::try_from(size).map_err(|_| refused())?.clamp(4096, LARGEST);
    let mut buffer = vec![0_u8; size];
    let room = libc::c_int::try_from(size).unwrap_or(libc::c_int::MAX);
    // SAFETY: as above; `buffer` has `room` bytes.
    let got = unsafe { libc::klogctl(READ_ALL, buffer.as_mut_ptr().cast(), room) };
    buffer.truncate(usize::try_from(got).map_err(|_| refused())?);
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

fn refused() -> String {
    let errno = Errno::last();
    let restricted =
        fs::read_to_string("/proc/sys/kernel/dmesg_restrict").is_ok_and(|text| text.trim() == "1");
    words(errno, restricted)
}

fn words(errno: Errno, restricted: bool) -> String {
    let why = match errno {
        Errno::EPERM if restricted => {
            "kernel.dmesg_restrict is 1: only administrators may read it".to_owned()
        }
        Errno::EPERM => "a container or a security module forbids it".to_owned(),
        other => other.desc().to_owned(),
    };
    format!(
        "The kernel's log cannot be read: {why}.\n  hint: as root, or on the host: \"dmesg > LOG\" or \"journalctl -k > \
         LOG\", then \"brkwater doctor oom LOG\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_or_said_why_not() {
        match read() {
            Ok(text) => assert!(text.is_empty() || text.contains('['), "{text}"),
            Err(why) => assert!(why.contains("hint: "), "{why}"),
        }
        assert!(words(Errno::EPERM, true).contains("dmesg_restrict is 1"));
        assert!(
            words(Errno::EPERM, false).contains("container")
                && words(Errno::ENOSYS, false).contains("implemented")
        );
    }
}

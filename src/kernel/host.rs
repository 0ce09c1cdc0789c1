//! What machine this is: the kernel's release, the distribution, whether addresses vary, how large the terminal is.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The kernel's release, such as `6.1.0-18-amd64`.
#[must_use]
pub fn kernel_release() -> Option<String> {
    line("/proc/sys/kernel/osrelease")
}

/// The distribution's name for itself (os-release(5), `PRETTY_NAME`).
#[must_use]
pub fn distribution() -> Option<String> {
    let text =
        fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches('"').to_owned())
}

/// How much the kernel varies addresses (`kernel.randomize_va_space`): 0 not, 1 without the break, 2 all.
#[must_use]
pub fn randomize_va_space() -> Option<u8> {
    line("/proc/sys/kernel/randomize_va_space")?.parse().ok()
}

/// Rows and columns of a terminal (tty_ioctl(4)): of the one at `tty`, else of ours.
#[must_use]
pub fn window_size(tty: Option<&Path>) -> Option<(u16, u16)> {
    // Looking must neither make the terminal ours nor wait for somebody at its other end.
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
    let opened = tty.and_then(|path| fs::File::options().read(true).custom_flags(flags).open(path).ok());
    let fds = opened.as_ref().map_or([0, 1, 2], |file| [file.as_raw_fd(); 3]);
    fds.into_iter().find_map(|fd| {
        let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: TIOCGWINSZ fills a winsize, which `size` is; a descriptor that is no terminal is an error.
        let got = unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) };
        (got == 0 && size.ws_row > 0 && size.ws_col > 0).then_some((size.ws_row, size.ws_col))
    })
}

fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_machine_has_a_kernel() {
        assert!(super::kernel_release().is_some_and(|release| release.contains('.')));
    }
}

//! What machine this is: the kernel's release, the distribution, whether addresses vary.

use std::fs;

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

//! Structures that several calls take: files' data, vectors of buffers, locks, limits.
//!
//! Offsets are those of the x86-64 kernel's structures (`arch/x86/include/uapi/asm`, `include/uapi/linux`).

use super::{Bytes, Call, text};
use crate::syscalls::names::files::{FS_MAGIC, LOCK, MODE_TYPE, STATFS, STATX_ATTR, STATX_MASK, WHENCE};

/// The bits of a mode that say what kind of file it is.
const S_IFMT: u64 = 0o170_000;
const S_IFCHR: u64 = 0o020_000;
const S_IFBLK: u64 = 0o060_000;

/// `S_IFREG|0644`.
pub(super) fn kind_and_mode(mode: u64) -> String {
    let kind = mode & S_IFMT;
    let mut told = match MODE_TYPE.name(kind) {
        Some(name) => format!("{name}|"),
        None if kind == 0 => String::new(),
        None => return text::mode(mode),
    };
    for (bit, name) in [(0o4000, "S_ISUID|"), (0o2000, "S_ISGID|"), (0o1000, "S_ISVTX|")] {
        if mode & bit != 0 {
            told.push_str(name);
        }
    }
    told + &text::mode(mode & 0o777)
}

/// struct stat: what strace tells of it without `-v`.
pub(super) fn stat(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 144, |stat| {
        let mode = u64::from(stat.u32(24));
        let what = match mode & S_IFMT {
            S_IFCHR | S_IFBLK => format!("st_rdev={}", text::device(stat.u64(40))),
            _ => format!("st_size={}", stat.u64(48)),
        };
        format!("{{st_mode={}, {what}, ...}}", kind_and_mode(mode))
    })
}

/// struct statx, in the same way.
pub(super) fn statx(call: &Call<'_>, at: usize) -> String {
    const TYPE_OR_MODE: u64 = 3;
    const SIZE: u64 = 0x200;
    call.object(call.arg(at), 256, |statx| {
        let mask = u64::from(statx.u32(0));
        let mut told =
            format!("{{stx_mask={}, stx_attributes={}", STATX_MASK.bits(mask), STATX_ATTR.bits(statx.u64(8)));
        if mask & TYPE_OR_MODE != 0 {
            told.push_str(&format!(", stx_mode={}", kind_and_mode(u64::from(statx.u16(28)))));
        }
        if mask & SIZE != 0 {
            told.push_str(&format!(", stx_size={}", statx.u64(40)));
        }
        told + ", ...}"
    })
}

/// struct statfs.
pub(super) fn statfs(call: &Call<'_>, at: usize) -> String {
    const VALID: u64 = 0x20;
    call.object(call.arg(at), 120, |fs| {
        let flags = match fs.u64(80) {
            flags if flags & VALID != 0 => format!(", f_flags={}", STATFS.bits(flags)),
            _ => String::new(),
        };
        let numbers = ["f_bsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree"];
        let numbers: Vec<String> =
            numbers.iter().enumerate().map(|(n, name)| format!("{name}={}", fs.u64(8 + n * 8))).collect();
        format!(
            "{{f_type={}, {}, f_fsid={{val=[{}, {}]}}, f_namelen={}, f_frsize={}{flags}}}",
            FS_MAGIC.value(fs.u64(0)),
            numbers.join(", "),
            text::hex(u64::from(fs.u32(56))),
            text::hex(u64::from(fs.u32(60))),
            fs.u64(64),
            fs.u64(72),
        )
    })
}

/// An owner; -1 leaves it as it is.
pub(super) fn owner(call: &Call<'_>, at: usize) -> String {
    if call.int(at) == -1 { "-1".to_owned() } else { call.uint(at).to_string() }
}

/// Two descriptors.
pub(super) fn pair(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 8, |fds| format!("[{}, {}]", fds.i32(0), fds.i32(4)))
}

/// The argument behind it says how many buffers there are; of what was read, only so much is told as was read.
pub(super) fn vector(call: &Call<'_>, at: usize) -> String {
    let data = call.ret.map_or(u64::MAX, |ret| ret as u64);
    buffers(call, call.arg(at), call.arg(at + 1), data)
}

/// Buffers with at most `data` bytes in all.
pub(super) fn buffers(call: &Call<'_>, address: u64, count: u64, data: u64) -> String {
    let left = std::cell::Cell::new(data);
    let failed = call.failed();
    let told = |buffer: &Bytes| {
        let (base, length) = (buffer.u64(0), buffer.u64(8));
        let here = length.min(left.get());
        if left.get() != u64::MAX {
            left.set(left.get() - here);
        }
        let base = if failed { text::pointer(base) } else { text::bytes(call.memory, base, here) };
        format!("{{iov_base={base}, iov_len={length}}}")
    };
    // The addresses are the program's, so they are there even if the call has failed.
    Call { ret: None, ..*call }.array(address, count, 16, told)
}

/// struct flock.
pub(super) fn lock(call: &Call<'_>, with_owner: bool) -> String {
    call.object(call.arg(2), 32, |lock| {
        let owner = if with_owner { format!(", l_pid={}", lock.i32(24)) } else { String::new() };
        format!(
            "{{l_type={}, l_whence={}, l_start={}, l_len={}{owner}}}",
            LOCK.value(u64::from(lock.u16(0))),
            WHENCE.value(u64::from(lock.u16(2))),
            lock.i64(8),
            lock.i64(16),
        )
    })
}

/// A limit: multiples of 1024 are told as such.
fn limit(value: u64) -> String {
    match value {
        u64::MAX => "RLIM64_INFINITY".to_owned(),
        value if value > 1024 && value % 1024 == 0 => format!("{}*1024", value / 1024),
        value => value.to_string(),
    }
}

/// struct rlimit64.
pub(super) fn limits(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 16, |rlimit| {
        format!("{{rlim_cur={}, rlim_max={}}}", limit(rlimit.u64(0)), limit(rlimit.u64(8)))
    })
}

/// struct rusage: what strace tells of it without `-v`.
pub(super) fn usage(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 144, |usage| {
        format!(
            "{{ru_utime={{tv_sec={}, tv_usec={}}}, ru_stime={{tv_sec={}, tv_usec={}}}, ...}}",
            usage.i64(0),
            usage.u64(8),
            usage.i64(16),
            usage.u64(24),
        )
    })
}

/// struct new_utsname: names of 65 bytes.
pub(super) fn system(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 390, |system| {
        let name = |at: usize| {
            let field = system.0.get(at..at + 65).unwrap_or_default();
            text::quoted(field.split(|byte| *byte == 0).next().unwrap_or_default())
        };
        format!("{{sysname={}, nodename={}, ...}}", name(0), name(65))
    })
}

/// struct sysinfo.
pub(super) fn sysinfo(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 112, |info| {
        let names = ["totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap"];
        let sizes: Vec<String> =
            names.iter().enumerate().map(|(n, name)| format!("{name}={}", info.u64(32 + n * 8))).collect();
        format!(
            "{{uptime={}, loads=[{}, {}, {}], {}, procs={}, totalhigh={}, freehigh={}, mem_unit={}}}",
            info.u64(0),
            info.u64(8),
            info.u64(16),
            info.u64(24),
            sizes.join(", "),
            info.u16(80),
            info.u64(88),
            info.u64(96),
            info.u32(104),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_limits_read_as_in_strace() {
        assert_eq!(kind_and_mode(0o100_644), "S_IFREG|0644");
        assert_eq!(kind_and_mode(0o041_777), "S_IFDIR|S_ISVTX|0777");
        assert_eq!(kind_and_mode(0o666), "0666");
        assert_eq!(limit(8 << 20), "8192*1024");
        assert_eq!(limit(1024), "1024");
        assert_eq!(limit(u64::MAX), "RLIM64_INFINITY");
    }
}

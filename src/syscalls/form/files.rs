//! Calls on files, directories and descriptors.

use super::Arg::{
    At, Behind, Bits, By, Device, Directory, Filled, Given, Hex, Int, Later, Long, Mode, One, Path, Text,
    Uint, Ulong,
};
use super::Outcome::{HexWith, Octal};
use super::calls::rows;
use super::structs::{self, pair};
use super::{Call, text};
use crate::addr::Addr;
use crate::syscalls::names::files::{
    ACCESS, AT, CLOSE_RANGE, EPOLL_CREATE, EVENTFD, FACCESSAT, FADVISE, FALLOC, FCNTL, FD, FLOCK, INOTIFY,
    INOTIFY_INIT, LOCK, MEMFD, MOUNT, NOTIFY, OPEN, OPEN_ACCESS, RENAME, RESOLVE, RWF, SEALS, SPLICE,
    STATX_MASK, STATX_SYNC, SYNC_RANGE, UMOUNT, WHENCE, XATTR,
};

rows! {
    read: Int, Later, Filled, Ulong;
    write: Int, Given(2), Ulong;
    open: Path, By(open_flags), By(open_mode);
    close: Int;
    stat: Path, Later, By(structs::stat);
    fstat: Int, Later, By(structs::stat);
    lstat: Path, Later, By(structs::stat);
    lseek: Int, Long, One(WHENCE);
    pread64: Int, Later, Filled, Ulong, Long;
    pwrite64: Int, Given(2), Ulong, Long;
    readv: Int, Later, By(structs::vector), Ulong;
    writev: Int, By(structs::vector), Ulong;
    preadv: Int, Later, By(structs::vector), Ulong, Long;
    pwritev: Int, By(structs::vector), Ulong, Long;
    preadv2: Int, Later, By(structs::vector), Ulong, Long, By(rw_flags);
    pwritev2: Int, By(structs::vector), Ulong, Long, By(rw_flags);
    access: Path, Bits(ACCESS);
    pipe: Later, By(pair);
    pipe2: Later, By(pair), Bits(OPEN);
    dup: Int;
    dup2: Int, Int;
    dup3: Int, Int, Bits(OPEN);
    sendfile: Int, Int, At(&Long), Ulong;
    fcntl: Int, One(FCNTL), By(fcntl_given), Behind, By(fcntl_filled) => HexWith(fcntl_meaning);
    flock: Int, Bits(FLOCK);
    fsync: Int;
    fdatasync: Int;
    syncfs: Int;
    truncate: Path, Long;
    ftruncate: Int, Long;
    getdents: Int, Later, By(entries), Uint;
    getdents64: Int, Later, By(entries), Ulong;
    getcwd: Later, By(cwd), Ulong;
    chdir: Path;
    fchdir: Int;
    rename: Path, Path;
    mkdir: Path, Mode;
    rmdir: Path;
    creat: Path, Mode;
    link: Path, Path;
    unlink: Path;
    symlink: Path, Path;
    readlink: Path, Later, Filled, Ulong;
    chmod: Path, Mode;
    fchmod: Int, Mode;
    chown: Path, By(structs::owner), By(structs::owner);
    fchown: Int, By(structs::owner), By(structs::owner);
    lchown: Path, By(structs::owner), By(structs::owner);
    umask: Mode => Octal;
    mknod: Path, By(node), By(node_device);
    mknodat: Directory, Path, By(node), By(node_device);
    statfs: Path, Later, By(structs::statfs);
    fstatfs: Int, Later, By(structs::statfs);
    mount: Text, Path, Text, By(mount_flags), Text;
    umount2: Path, Bits(UMOUNT);
    pivot_root: Path, Path;
    chroot: Path;
    acct: Path;
    swapoff: Path;
    setxattr: Path, Text, Given(3), Ulong, Bits(XATTR);
    lsetxattr: Path, Text, Given(3), Ulong, Bits(XATTR);
    fsetxattr: Int, Text, Given(3), Ulong, Bits(XATTR);
    getxattr: Path, Text, Later, Filled, Ulong;
    lgetxattr: Path, Text, Later, Filled, Ulong;
    fgetxattr: Int, Text, Later, Filled, Ulong;
    listxattr: Path, Later, Filled, Ulong;
    llistxattr: Path, Later, Filled, Ulong;
    flistxattr: Int, Later, Filled, Ulong;
    removexattr: Path, Text;
    lremovexattr: Path, Text;
    fremovexattr: Int, Text;
    readahead: Int, Long, Ulong;
    fadvise64: Int, Long, Long, One(FADVISE);
    fallocate: Int, Bits(FALLOC), Long, Long;
    sync_file_range: Int, Long, Long, Bits(SYNC_RANGE);
    splice: Int, At(&Long), Int, At(&Long), Ulong, Bits(SPLICE);
    tee: Int, Int, Ulong, Bits(SPLICE);
    vmsplice: Int, By(structs::vector), Ulong, Bits(SPLICE);
    copy_file_range: Int, At(&Long), Int, At(&Long), Ulong, Hex;
    memfd_create: Path, Bits(MEMFD);
    close_range: Uint, Uint, Bits(CLOSE_RANGE);
    eventfd: Uint;
    eventfd2: Uint, Bits(EVENTFD);
    epoll_create: Int;
    epoll_create1: Bits(EPOLL_CREATE);
    inotify_init: ;
    inotify_init1: Bits(INOTIFY_INIT);
    inotify_add_watch: Int, Path, Bits(INOTIFY);
    inotify_rm_watch: Int, Int;
    openat: Directory, Path, By(open_flags), By(open_mode);
    openat2: Directory, Path, By(open_how), Ulong;
    mkdirat: Directory, Path, Mode;
    fchownat: Directory, Path, By(structs::owner), By(structs::owner), Bits(AT);
    newfstatat: Directory, Path, Later, By(structs::stat), Bits(AT);
    unlinkat: Directory, Path, Bits(AT);
    renameat: Directory, Path, Directory, Path;
    renameat2: Directory, Path, Directory, Path, Bits(RENAME);
    linkat: Directory, Path, Directory, Path, Bits(AT);
    symlinkat: Path, Directory, Path;
    readlinkat: Directory, Path, Later, Filled, Ulong;
    fchmodat: Directory, Path, Mode;
    faccessat: Directory, Path, Bits(ACCESS);
    faccessat2: Directory, Path, Bits(ACCESS), Bits(FACCESSAT);
    statx: Directory, Path, By(statx_flags), Bits(STATX_MASK), Later, By(structs::statx);
    sync: ;
}

const O_ACCMODE: u64 = 3;
/// `O_CREAT` and the bit that makes `O_TMPFILE`: with one of them a mode is given.
const CREATES: u64 = 0x40 | 0x40_0000;

/// How a file is opened, and the other bits.
fn modes(flags: u64) -> String {
    let access = OPEN_ACCESS.value(flags & O_ACCMODE);
    match flags & !O_ACCMODE {
        0 => access,
        rest if OPEN.list.iter().any(|(bit, _)| rest & bit == *bit) => {
            format!("{access}|{}", OPEN.bits(rest))
        }
        rest => format!("{access}|{rest:#x}"),
    }
}

pub(super) fn open_flags(call: &Call<'_>, at: usize) -> String {
    modes(call.uint(at))
}

pub(super) fn open_mode(call: &Call<'_>, at: usize) -> String {
    if call.uint(at - 1) & CREATES == 0 {
        return String::new();
    }
    text::mode(call.uint(at) & 0xffff)
}

fn open_how(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 24, |how| {
        let (flags, mode) = (how.u64(0), how.u64(8));
        let mode = match flags & CREATES != 0 || mode != 0 {
            true => format!(", mode={}", text::mode(mode)),
            false => String::new(),
        };
        format!("{{flags={}{mode}, resolve={}}}", modes(flags), RESOLVE.bits(how.u64(16)))
    })
}

/// The flags of preadv2(2) stand behind the high half of the position, which counts on 32-bit machines alone.
fn rw_flags(call: &Call<'_>, _: usize) -> String {
    RWF.bits(call.uint(5))
}

fn entries(call: &Call<'_>, at: usize) -> String {
    /// More than anybody asks for at once.
    const MOST: usize = 16 << 20;
    let length = call.ret.and_then(|ret| usize::try_from(ret).ok()).filter(|length| *length <= MOST);
    let Some(bytes) = length.and_then(|length| call.bytes(call.arg(at), length)) else {
        return text::pointer(call.arg(at));
    };
    let (mut from, mut count) = (0, 0);
    // struct linux_dirent64 (and linux_dirent): the record's length at 16.
    while bytes.0.len() >= from + 18 {
        count += 1;
        from += usize::from(bytes.u16(from + 16)).max(1);
    }
    format!("{} /* {count} entries */", text::pointer(call.arg(at)))
}

fn cwd(call: &Call<'_>, at: usize) -> String {
    if call.failed() { text::pointer(call.arg(at)) } else { text::path(call.memory, call.arg(at)) }
}

fn node(call: &Call<'_>, at: usize) -> String {
    structs::kind_and_mode(call.uint(at))
}

/// Only what is a device has a number.
fn node_device(call: &Call<'_>, at: usize) -> String {
    match call.uint(at - 1) & 0o170_000 {
        0o020_000 | 0o060_000 => call.told(Device, at),
        _ => String::new(),
    }
}

/// Old programs put a magic number into the upper half.
fn mount_flags(call: &Call<'_>, at: usize) -> String {
    const MAGIC: u64 = 0xc0ed_0000;
    let flags = call.arg(at);
    match flags & 0xffff_0000 {
        MAGIC if flags & 0xffff == 0 => "MS_MGC_VAL".to_owned(),
        MAGIC => format!("MS_MGC_VAL|{}", MOUNT.bits(flags & 0xffff)),
        _ => MOUNT.bits(flags),
    }
}

fn statx_flags(call: &Call<'_>, at: usize) -> String {
    const SYNC: u64 = 0x6000;
    let (flags, how) = (call.uint(at), STATX_SYNC.value(call.uint(at) & SYNC));
    match flags & !SYNC {
        0 => how,
        rest => format!("{how}|{}", AT.bits(rest)),
    }
}

const F_DUPFD: u64 = 0;
const F_GETFD: u64 = 1;
const F_SETFD: u64 = 2;
const F_GETFL: u64 = 3;
const F_SETFL: u64 = 4;
const F_GETLK: u64 = 5;
const F_SETLK: u64 = 6;
const F_SETLKW: u64 = 7;
const F_SETOWN: u64 = 8;
const F_GETOWN: u64 = 9;
const F_SETSIG: u64 = 10;
const F_GETSIG: u64 = 11;
const F_OFD_GETLK: u64 = 36;
const F_OFD_SETLK: u64 = 37;
const F_OFD_SETLKW: u64 = 38;
const F_SETLEASE: u64 = 1024;
const F_GETLEASE: u64 = 1025;
const F_NOTIFY: u64 = 1026;
const F_DUPFD_CLOEXEC: u64 = 1030;
const F_SETPIPE_SZ: u64 = 1031;
const F_GETPIPE_SZ: u64 = 1032;
const F_ADD_SEALS: u64 = 1033;
const F_GET_SEALS: u64 = 1034;

fn fcntl_given(call: &Call<'_>, _: usize) -> String {
    match call.uint(1) {
        F_SETFD => FD.bits(call.uint(2)),
        F_DUPFD | F_DUPFD_CLOEXEC | F_SETOWN | F_SETPIPE_SZ => call.told(Int, 2),
        F_SETFL => modes(call.uint(2)),
        F_SETLK | F_SETLKW | F_OFD_SETLK | F_OFD_SETLKW => structs::lock(call, false),
        F_NOTIFY => NOTIFY.bits(call.arg(2)),
        F_SETLEASE => LOCK.value(call.arg(2)),
        F_ADD_SEALS => SEALS.bits(call.arg(2)),
        F_SETSIG => super::signals::name(call.int(2)),
        F_GETFD | F_GETFL | F_GETLK | F_GETOWN | F_GETSIG | F_OFD_GETLK | F_GETLEASE | F_GETPIPE_SZ
        | F_GET_SEALS => String::new(),
        _ => text::hex(call.arg(2)),
    }
}

fn fcntl_filled(call: &Call<'_>, _: usize) -> String {
    match call.uint(1) {
        F_GETLK | F_OFD_GETLK => structs::lock(call, true),
        _ => String::new(),
    }
}

fn fcntl_meaning(call: &Call<'_>) -> String {
    let ret = call.ret.unwrap_or(0) as u64;
    match call.uint(1) {
        F_GETFD if ret != 0 => format!("flags {}", FD.bits(ret)),
        F_GETFL => format!("flags {}", modes(ret)),
        F_GETLEASE => LOCK.name(ret).unwrap_or_default().to_owned(),
        F_GET_SEALS if ret != 0 => format!("seals {}", SEALS.bits(ret)),
        _ => String::new(),
    }
}

/// The words of a program's arguments.
pub(super) fn words(call: &Call<'_>, at: usize) -> String {
    let address = call.arg(at);
    let mut told = Vec::new();
    for n in 0.. {
        let here = address.wrapping_add(n * 8);
        match call.memory.u64(Addr(here)) {
            Ok(0) => break,
            Ok(_) if n >= text::LIMIT as u64 => {
                told.push("...".to_owned());
                break;
            }
            Ok(word) => told.push(text::string(call.memory, word, usize::MAX)),
            Err(_) if n == 0 => return text::pointer(address),
            Err(_) => {
                told.push(format!("... /* {here:#x} */"));
                break;
            }
        }
    }
    format!("[{}]", told.join(", "))
}

/// How many words there are.
pub(super) fn count_of_words(call: &Call<'_>, at: usize) -> String {
    /// More than the kernel would take (a page of memory for each would be too much).
    const MOST: u64 = 1 << 16;
    let address = call.arg(at);
    if address == 0 {
        return text::pointer(0);
    }
    let mut count = 0;
    loop {
        match call.memory.u64(Addr(address.wrapping_add(count * 8))) {
            Ok(0) => break,
            Ok(_) => count += 1,
            Err(_) if count == 0 => return text::pointer(address),
            Err(_) => return format!("{address:#x} /* {count} vars, unterminated */"),
        }
        if count >= MOST {
            return format!("{address:#x} /* {count} vars, ... */");
        }
    }
    let s = if count == 1 { "" } else { "s" };
    format!("{address:#x} /* {count} var{s} */")
}

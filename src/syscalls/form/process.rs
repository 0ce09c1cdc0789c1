//! Processes and threads, memory, limits and identities.

use super::Arg::{
    At, Behind, Bits, By, Directory, Given, Hex, Int, Later, Long, LongHex, One, Path, Pointer, Text, Uint,
    Ulong,
};
use super::Outcome::{self, Never, Unsigned, With};
use super::calls::rows;
use super::files::{count_of_words, words};
use super::signals;
use super::structs::{self, owner};
use super::time::timespec_at;
use super::{Bytes, Call, text};
use crate::syscalls::names::Names;
use crate::syscalls::names::files::AT;
use crate::syscalls::names::process::{
    CAP_VERSION, CAP0, CAP1, CLONE, CLONE3, FUTEX, FUTEX_BITSET, FUTEX_CMP, FUTEX_OP, GETRANDOM, KCMP,
    MEMBARRIER, PERSONALITY, PERSONALITY_TYPE, PIDFD, PRIORITY, PTRACE, RESOURCE, SCHED, SECCOMP_OP, SETNS,
    UNSHARE, USAGE, WAIT, WAITID,
};

rows! {
    clone: By(clone_given), Behind, By(clone_filled);
    clone3: By(clone3), Behind, By(clone3_filled);
    fork: ;
    vfork: ;
    execve: Path, By(words), By(count_of_words);
    execveat: Directory, Path, By(words), By(count_of_words), Bits(AT);
    exit: Int => Never;
    exit_group: Int => Never;
    wait4: Int, Later, By(wait_status), Bits(WAIT), By(wait_usage);
    waitid: One(WAITID), Int, Later, By(signals::info), Bits(WAIT), By(structs::usage);
    unshare: Bits(UNSHARE);
    setns: Int, Bits(SETNS);
    pidfd_open: Int, Bits(PIDFD);
    pidfd_getfd: Int, Int, Hex;
    getpid: ;
    gettid: ;
    getppid: ;
    getpgrp: ;
    setsid: ;
    getpgid: Int;
    getsid: Int;
    setpgid: Int, Int;
    getuid: => Unsigned;
    getgid: => Unsigned;
    geteuid: => Unsigned;
    getegid: => Unsigned;
    setuid: By(owner);
    setgid: By(owner);
    setreuid: By(owner), By(owner);
    setregid: By(owner), By(owner);
    setresuid: By(owner), By(owner), By(owner);
    setresgid: By(owner), By(owner), By(owner);
    getresuid: Later, At(&Uint), At(&Uint), At(&Uint);
    getresgid: Later, At(&Uint), At(&Uint), At(&Uint);
    setfsuid: By(owner) => Unsigned;
    setfsgid: By(owner) => Unsigned;
    getgroups: Int, Later, By(groups);
    setgroups: Int, By(groups);
    capget: By(capability_header), Later, By(capabilities);
    capset: By(capability_header), By(capabilities);
    uname: Later, By(structs::system);
    sysinfo: Later, By(structs::sysinfo);
    getrlimit: One(RESOURCE), Later, By(structs::limits);
    setrlimit: One(RESOURCE), By(structs::limits);
    prlimit64: Int, One(RESOURCE), By(structs::limits), Later, By(structs::limits);
    getrusage: One(USAGE), Later, By(structs::usage);
    times: Later, By(ticks) => Unsigned;
    getpriority: One(PRIORITY), Int;
    setpriority: One(PRIORITY), Int, Int;
    sched_yield: ;
    sched_getaffinity: Int, Uint, Later, By(processors);
    sched_setaffinity: Int, Uint, By(processors);
    sched_getscheduler: Int => With(scheduler);
    sched_setscheduler: Int, One(SCHED), At(&Int);
    sched_getparam: Int, Later, At(&Int);
    sched_setparam: Int, At(&Int);
    sched_get_priority_max: One(SCHED);
    sched_get_priority_min: One(SCHED);
    getcpu: Later, At(&Uint), At(&Uint), Pointer;
    set_robust_list: Pointer, Ulong;
    get_robust_list: Int, Later, At(&Pointer), At(&Ulong);
    rseq: Pointer, Hex, Hex, Hex;
    futex: Pointer, By(futex_op), By(futex_rest);
    membarrier: One(MEMBARRIER), Hex => Outcome::HexWith(barriers);
    seccomp: One(SECCOMP_OP), Hex, Pointer;
    personality: By(persona) => Outcome::HexWith(persona_before);
    getrandom: Later, By(random), Ulong, Bits(GETRANDOM);
    ptrace: One(PTRACE), Int, LongHex, LongHex;
    process_vm_readv: Int, Later, By(structs::vector), Ulong, By(structs::vector), Ulong, LongHex;
    kcmp: Int, Int, One(KCMP), By(compared);
    mq_unlink: Path;
    sethostname: Given(1), Uint;
    setdomainname: Given(1), Uint;
    vhangup: ;
    iopl: Int;
    delete_module: Text, Hex;
    lookup_dcookie: Long, Pointer, Ulong;
}

/// The signal that a child's end is told with, in the lowest byte of clone(2)'s flags.
const CSIGNAL: u64 = 0xff;
const PIDFD_GIVEN: u64 = 0x1000;
const SETTLS: u64 = 0x8_0000;
const PARENT_SETTID: u64 = 0x10_0000;
const CHILD_TID: u64 = 0x20_0000 | 0x100_0000;

fn clone_given(call: &Call<'_>, _: usize) -> String {
    let (flags, last) = (call.arg(0) & !CSIGNAL, (call.arg(0) & CSIGNAL) as i32);
    let flags = match (flags, last) {
        (0, last) => signals::name(last),
        (flags, 0) => CLONE.bits(flags),
        (flags, last) => format!("{}|{}", CLONE.bits(flags), signals::name(last)),
    };
    format!("child_stack={}, flags={flags}", text::pointer(call.arg(1)))
}

fn clone_filled(call: &Call<'_>, _: usize) -> String {
    let flags = call.arg(0);
    let mut parts = Vec::new();
    if flags & (PARENT_SETTID | PIDFD_GIVEN) != 0 {
        parts.push(format!("parent_tid={}", call.told(At(&Int), 2)));
    }
    if flags & SETTLS != 0 {
        parts.push(format!("tls={}", text::pointer(call.arg(4))));
    }
    if flags & CHILD_TID != 0 {
        parts.push(format!("child_tidptr={}", text::pointer(call.arg(3))));
    }
    parts.join(", ")
}

/// A clone that is to leave nothing anywhere has nothing to be told when it has returned.
pub(super) fn is_told_at_once(call: &Call<'_>) -> bool {
    const CLONE_CALL: u64 = 56;
    const CLONE3_CALL: u64 = 435;
    let leaves = PIDFD_GIVEN | PARENT_SETTID;
    match call.nr {
        CLONE_CALL => call.arg(0) & (leaves | SETTLS | CHILD_TID) == 0,
        CLONE3_CALL => call.bytes(call.arg(0), 64).is_none_or(|args| args.u64(0) & leaves == 0),
        _ => false,
    }
}

/// struct clone_args (`include/uapi/linux/sched.h`).
fn clone3(call: &Call<'_>, _: usize) -> String {
    let size = (call.arg(1) as usize).min(88);
    if size < 64 {
        return text::pointer(call.arg(0));
    }
    call.object(call.arg(0), size, |args| {
        let flags = args.u64(0);
        let mut parts = vec![format!("flags={}", CLONE.bits_after(flags, &[CLONE3]))];
        let mut given = |when: bool, name: &str, at: usize| {
            if when {
                parts.push(format!("{name}={}", text::pointer(args.u64(at))));
            }
        };
        given(flags & PIDFD_GIVEN != 0, "pidfd", 8);
        given(flags & CHILD_TID != 0, "child_tid", 16);
        given(flags & PARENT_SETTID != 0, "parent_tid", 24);
        parts.push(match i32::try_from(args.u64(32)) {
            Ok(signal) => format!("exit_signal={}", signals::name(signal)),
            Err(_) => format!("exit_signal={}", args.u64(32)),
        });
        parts.push(format!("stack={}", text::pointer(args.u64(40))));
        parts.push(format!("stack_size={}", text::hex(args.u64(48))));
        if flags & SETTLS != 0 {
            parts.push(format!("tls={}", text::pointer(args.u64(56))));
        }
        format!("{{{}}}", parts.join(", "))
    })
}

/// What came back, in the program's structure, and its size.
fn clone3_filled(call: &Call<'_>, _: usize) -> String {
    let told = call.bytes(call.arg(0), 64).map(|args| {
        let (flags, mut parts) = (args.u64(0), Vec::new());
        for (bit, name, at) in [(PIDFD_GIVEN, "pidfd", 8), (PARENT_SETTID, "parent_tid", 24)] {
            if flags & bit != 0 {
                parts.push(format!("{name}={}", call.at(Int, args.u64(at))));
            }
        }
        parts.join(", ")
    });
    match told {
        Some(told) if !told.is_empty() && call.ret.is_some() => format!(" => {{{told}}}, {}", call.arg(1)),
        _ => call.arg(1).to_string(),
    }
}

/// The status of a child, as wait(2)'s macros take it apart.
fn wait_status(call: &Call<'_>, at: usize) -> String {
    if call.ret == Some(0) {
        return text::pointer(call.arg(at));
    }
    call.object(call.arg(at), 4, |status| {
        let status = status.u32(0);
        let (low, high) = ((status & 0x7f) as i32, (status >> 8 & 0xff) as i32);
        let (told, rest) = match status & 0xff {
            0x7f => {
                let bit = if high & 0x80 != 0 { " | 0x80" } else { "" };
                let name = signals::name(high & 0x7f);
                (format!("{{WIFSTOPPED(s) && WSTOPSIG(s) == {name}{bit}}}"), status & 0xffff_0000)
            }
            0 => (format!("{{WIFEXITED(s) && WEXITSTATUS(s) == {high}}}"), status & 0xffff_0000),
            _ if status == 0xffff => ("{WIFCONTINUED(s)}".to_owned(), 0),
            _ => {
                let core = if status & 0x80 != 0 { " && WCOREDUMP(s)" } else { "" };
                let name = signals::name(low);
                (format!("{{WIFSIGNALED(s) && WTERMSIG(s) == {name}{core}}}"), status & 0xffff_ff00)
            }
        };
        let rest = match rest >> 16 {
            0 => String::new(),
            event => format!("|{event}<<16"),
        };
        format!("[{told}{rest}]")
    })
}

fn wait_usage(call: &Call<'_>, at: usize) -> String {
    match call.ret {
        Some(1..) => structs::usage(call, at),
        _ => text::pointer(call.arg(at)),
    }
}

fn groups(call: &Call<'_>, at: usize) -> String {
    let count = match call.ret {
        Some(ret) => ret.max(0) as u64,
        None => call.uint(0),
    };
    call.array(call.arg(at), count, 4, |group| group.u32(0).to_string())
}

fn capability_header(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 8, |header| {
        format!("{{version={}, pid={}}}", CAP_VERSION.value(u64::from(header.u32(0))), header.i32(4))
    })
}

fn capabilities(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 24, |data| {
        let told = |at: usize| {
            let named = |bits: u32, names: &Names| {
                let name = |(bit, name): &(u64, &'static str)| {
                    (u64::from(bits) & bit != 0).then(|| format!("1<<{name}"))
                };
                names.list.iter().filter_map(name).collect::<Vec<_>>().join("|")
            };
            let low = named(data.u32(at), CAP0);
            match (data.u32(at), data.u32(at + 12)) {
                (0, 0) => "0".to_owned(),
                (_, 0) => low,
                (0, high) => format!("{}<<32", named(high, CAP1)),
                (_, high) => format!("{low}|{}", named(high, CAP1)),
            }
        };
        format!("{{effective={}, permitted={}, inheritable={}}}", told(0), told(4), told(8))
    })
}

/// struct tms.
fn ticks(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 32, |times| {
        let told = |at: usize| match times.u64(at) {
            0 => "0".to_owned(),
            value => format!("{value} /* {}.{:02} s */", value / 100, value % 100),
        };
        format!(
            "{{tms_utime={}, tms_stime={}, tms_cutime={}, tms_cstime={}}}",
            told(0),
            told(8),
            told(16),
            told(24)
        )
    })
}

fn processors(call: &Call<'_>, at: usize) -> String {
    let size = call.ret.filter(|_| call.nr == 204).map_or(call.uint(1), |ret| ret.max(0) as u64).min(1024);
    call.object(call.arg(at), size as usize, |mask: &Bytes| {
        let is_in = |n: &usize| mask.0.get(n / 8).is_some_and(|byte| byte & (1 << (n % 8)) != 0);
        let members: Vec<String> = (0..mask.0.len() * 8).filter(is_in).map(|n| n.to_string()).collect();
        format!("[{}]", members.join(" "))
    })
}

fn scheduler(call: &Call<'_>) -> String {
    SCHED.name(call.ret.unwrap_or(0) as u64).unwrap_or_default().to_owned()
}

const FUTEX_PRIVATE: u64 = 128;
const FUTEX_CLOCK: u64 = 256;

fn futex_op(call: &Call<'_>, at: usize) -> String {
    let op = call.uint(at);
    match FUTEX.name(op & !FUTEX_CLOCK) {
        Some(name) if op & FUTEX_CLOCK == 0 => name.to_owned(),
        Some(name) => format!("{name}|FUTEX_CLOCK_REALTIME"),
        None => FUTEX.value(op),
    }
}

/// What follows depends on the operation.
fn futex_rest(call: &Call<'_>, _: usize) -> String {
    let (value, second, third) = (call.uint(2), call.uint(3), call.uint(5));
    let timeout = || timespec_at(call, call.arg(3));
    let other = || text::pointer(call.arg(4));
    let bits = || FUTEX_BITSET.value(third);
    match call.uint(1) & !(FUTEX_PRIVATE | FUTEX_CLOCK) {
        0 => format!("{value}, {}", timeout()),
        1 | 2 => value.to_string(),
        3 => format!("{value}, {second}, {}", other()),
        4 | 12 => format!("{value}, {second}, {}, {third}", other()),
        5 => format!("{value}, {second}, {}, {}", other(), wake_op(third)),
        6 | 13 => timeout(),
        7 | 8 => String::new(),
        9 => format!("{value}, {}, {}", timeout(), bits()),
        10 => format!("{value}, {}", bits()),
        11 => format!("{value}, {}, {}", timeout(), other()),
        _ => format!("{value}, {}, {}, {}", text::pointer(call.arg(3)), other(), text::hex(third)),
    }
}

/// `FUTEX_OP_SET<<28|0<<12|FUTEX_OP_CMP_GT<<24|0x1`.
fn wake_op(word: u64) -> String {
    let shift = if word >> 31 & 1 == 1 { "FUTEX_OP_OPARG_SHIFT<<28|" } else { "" };
    format!(
        "{shift}{}<<28|{}<<12|{}<<24|{}",
        FUTEX_OP.value(word >> 28 & 7),
        text::hex(word >> 12 & 0xfff),
        FUTEX_CMP.value(word >> 24 & 0xf),
        text::hex(word & 0xfff),
    )
}

/// Only descriptors are numbers that are told.
fn compared(call: &Call<'_>, at: usize) -> String {
    match call.uint(2) {
        0 => format!("{}, {}", call.told(Uint, at), call.told(Uint, at + 1)),
        1..=6 => String::new(),
        _ => format!("{}, {}", text::hex(call.arg(at)), text::hex(call.arg(at + 1))),
    }
}

/// Which barriers there are, for who asks.
fn barriers(call: &Call<'_>) -> String {
    if call.uint(0) == 0 { MEMBARRIER.bits(call.ret.unwrap_or(0) as u64) } else { String::new() }
}

fn persona(call: &Call<'_>, at: usize) -> String {
    match call.uint(at) {
        0xffff_ffff => "0xffffffff".to_owned(),
        bits => told_persona(bits),
    }
}

fn told_persona(bits: u64) -> String {
    let kind = PERSONALITY_TYPE.value(bits & 0xff);
    match bits & !0xff {
        0 => kind,
        flags => format!("{kind}|{}", PERSONALITY.bits(flags)),
    }
}

fn persona_before(call: &Call<'_>) -> String {
    told_persona(call.ret.unwrap_or(0) as u64)
}

fn random(call: &Call<'_>, at: usize) -> String {
    let count = call.ret.unwrap_or(0).max(0) as usize;
    call.object(call.arg(at), count.min(text::LIMIT + 1), |bytes| text::raw(&bytes.0))
}

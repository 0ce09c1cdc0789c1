//! Signals: names, sets, actions, and what comes with one.

use super::Arg::{By, Int, Later, One, Ulong};
use super::Outcome;
use super::calls::rows;
use super::time::timespec;
use super::{Bytes, Call, text};
use crate::syscalls::names::Names;
use crate::syscalls::names::files::SIGNALFD;
use crate::syscalls::names::signals as names;

rows! {
    rt_sigaction: By(signal), By(action), Later, By(action), Ulong;
    rt_sigprocmask: One(names::HOW), By(set_of_eight), Later, By(set_of_eight), Ulong;
    rt_sigreturn: By(mask_of_frame);
    rt_sigpending: Later, By(pending), Ulong;
    rt_sigsuspend: By(set), Ulong;
    rt_sigtimedwait: By(waited), Later, By(info), By(patience), Ulong => Outcome::With(which);
    rt_sigqueueinfo: Int, By(signal), By(info);
    rt_tgsigqueueinfo: Int, Int, By(signal), By(info);
    pidfd_send_signal: Int, By(signal), By(info), super::Arg::Hex;
    sigaltstack: By(stack), Later, By(stack);
    signalfd: Int, By(set), Ulong;
    signalfd4: Int, By(set), Ulong, super::Arg::Bits(SIGNALFD);
    pause: ;
    kill: Int, By(signal);
    tkill: Int, By(signal);
    tgkill: Int, Int, By(signal);
    restart_syscall: By(resumed);
}

/// The signals of x86-64 by number (`arch/x86/include/uapi/asm/signal.h`).
const SIGNALS: [&str; 32] = [
    "0",
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];
/// The kernel's first and last real-time signals.
const REAL_TIME: std::ops::RangeInclusive<i32> = 32..=64;

/// A signal's name as strace has it: the kernel's real-time signals count from 32, where libc's begin at 34.
#[must_use]
pub fn name(signal: i32) -> String {
    match usize::try_from(signal).ok().and_then(|at| SIGNALS.get(at)) {
        Some(name) => (*name).to_owned(),
        None if signal == 32 => "SIGRTMIN".to_owned(),
        None if REAL_TIME.contains(&signal) => format!("SIGRT_{}", signal - 32),
        None => signal.to_string(),
    }
}

pub(super) fn signal(call: &Call<'_>, at: usize) -> String {
    name(call.int(at))
}

/// The signals of a mask; those that are not in it where most are.
pub(super) fn told_set(mask: u64) -> String {
    const MOST: u32 = 64 * 2 / 3;
    let (sign, mask) = if mask.count_ones() >= MOST { ("~", !mask) } else { ("", mask) };
    let names = (1..=64_i32)
        .filter(|signal| mask & (1 << (signal - 1)) != 0)
        .map(|signal| name(signal).trim_start_matches("SIG").to_owned());
    format!("{sign}[{}]", names.collect::<Vec<_>>().join(" "))
}

/// A set at an address, whose size must be 8.
fn set_at(call: &Call<'_>, address: u64, size: u64) -> String {
    if size != 8 {
        return text::pointer(address);
    }
    call.object(address, 8, |set| told_set(set.u64(0)))
}

/// A set; its size is the argument behind it.
pub(super) fn set(call: &Call<'_>, at: usize) -> String {
    set_at(call, call.arg(at), call.arg(at + 1))
}

/// A set; its size is the last argument.
fn set_of_eight(call: &Call<'_>, at: usize) -> String {
    set_at(call, call.arg(at), call.arg(3))
}

fn waited(call: &Call<'_>, at: usize) -> String {
    set_at(call, call.arg(at), call.arg(3))
}

/// How long; the kernel leaves it as it is.
fn patience(call: &Call<'_>, at: usize) -> String {
    timespec(&Call { ret: None, ..*call }, at)
}

fn which(call: &Call<'_>) -> String {
    name(call.int_returned())
}

fn pending(call: &Call<'_>, at: usize) -> String {
    set_at(call, call.arg(at), call.arg(at + 1))
}

/// pselect6(2) gets the set's address and size in memory.
pub(super) fn set_of_pselect(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 16, |both| {
        let (address, size) = (both.u64(0), both.u64(8));
        format!("{{sigmask={}, sigsetsize={size}}}", set_at(call, address, size))
    })
}

/// The signals that are blocked again when a handler is over: struct rt_sigframe, which the argument points at.
fn mask_of_frame(call: &Call<'_>, at: usize) -> String {
    // `uc_sigmask` behind flags, link, stack and machine context; the frame's first word has been popped.
    const MASK: u64 = 8 + 8 + 24 + 256;
    match call.bytes(call.arg(at).wrapping_add(MASK), 8) {
        Some(set) => format!("{{mask={}}}", told_set(set.u64(0))),
        None => String::new(),
    }
}

fn handler(address: u64) -> String {
    names::HANDLER.name(address).map_or_else(|| text::pointer(address), str::to_owned)
}

/// struct kernel_sigaction.
fn action(call: &Call<'_>, at: usize) -> String {
    const RESTORER: u64 = 0x0400_0000;
    call.object(call.arg(at), 32, |action| {
        let flags = action.u64(8);
        let restorer = match flags & RESTORER {
            0 => String::new(),
            _ => format!(", sa_restorer={}", text::pointer(action.u64(16))),
        };
        format!(
            "{{sa_handler={}, sa_mask={}, sa_flags={}{restorer}}}",
            handler(action.u64(0)),
            told_set(action.u64(24)),
            names::ACTION.bits(flags),
        )
    })
}

/// stack_t.
fn stack(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 24, |stack| {
        format!(
            "{{ss_sp={}, ss_flags={}, ss_size={}}}",
            text::pointer(stack.u64(0)),
            names::ALTSTACK.bits(u64::from(stack.u32(8))),
            stack.u64(16),
        )
    })
}

pub(super) fn info(call: &Call<'_>, at: usize) -> String {
    call.object(call.arg(at), 128, told_info)
}

fn resumed(call: &Call<'_>, _: usize) -> String {
    let what = call.before.map_or_else(|| "system call".to_owned(), super::raw::name);
    format!("<... resuming interrupted {what} ...>")
}

/// What comes with a signal (`include/uapi/asm-generic/siginfo.h`), as the kernel writes it.
#[must_use]
pub fn siginfo(info: &[u8; 128]) -> String {
    told_info(&Bytes(info.to_vec()))
}

fn codes(signal: i32) -> Option<&'static Names> {
    Some(match signal {
        4 => names::ILL,
        5 => names::TRAP,
        7 => names::BUS,
        8 => names::FPE,
        11 => names::SEGV,
        17 => names::CHLD,
        27 => names::PROF,
        29 => names::IO,
        31 => names::SYS,
        _ => return None,
    })
}

fn told_info(info: &Bytes) -> String {
    let (signal, errno, code) = (info.i32(0), info.i32(4), info.i32(8));
    if signal == 0 {
        return "{}".to_owned();
    }
    // Codes are told apart as numbers of 32 bits; SI_KERNEL and those below 1 mean the same for every signal.
    let value = |names: &Names| {
        names.list.iter().find(|(known, _)| *known as i32 == code).map(|(_, name)| (*name).to_owned())
    };
    let told = value(names::CODE).or_else(|| codes(signal).and_then(value));
    let mut text = format!(
        "{{si_signo={}, si_code={}",
        name(signal),
        told.unwrap_or_else(|| text::hex(u64::from(code as u32)))
    );
    if errno != 0 {
        let name = crate::syscalls::errors::error(errno)
            .map_or_else(|| errno.to_string(), |(name, _)| name.to_owned());
        text.push_str(&format!(", si_errno={name}"));
    }
    text.push_str(&particulars(info, signal, code));
    text + "}"
}

/// What depends on who sent it, and which it is.
fn particulars(info: &Bytes, signal: i32, code: i32) -> String {
    const SI_TIMER: i32 = -2;
    const SI_SIGIO: i32 = -5;
    const SI_TKILL: i32 = -6;
    const CLD_EXITED: i32 = 1;
    let address = |at: usize| format!(", si_addr={}", text::pointer(info.u64(at)));
    let sender = || format!(", si_pid={}, si_uid={}", info.i32(16), info.u32(20));
    let value = || format!(", si_int={}, si_ptr={}", info.i32(24), text::pointer(info.u64(24)));
    match (code, signal) {
        (0 | SI_TKILL, _) => sender(),
        (SI_TIMER, _) => {
            format!(
                ", si_timerid={}, si_overrun={}{}",
                text::hex(u64::from(info.u32(16))),
                info.i32(20),
                value()
            )
        }
        (SI_SIGIO, _) => format!(", si_band={}, si_fd={}", info.i64(16), info.i32(24)),
        (..0, _) => sender() + &if info.u64(24) == 0 { String::new() } else { value() },
        (_, 17) => {
            let status = if code == CLD_EXITED { info.i32(24).to_string() } else { name(info.i32(24)) };
            let (user, system) = (info.i64(32), info.i64(40));
            let ticks = |value: i64| match value {
                0 => "0".to_owned(),
                value => format!("{value} /* {} s */", seconds(value)),
            };
            format!("{}, si_status={status}, si_utime={}, si_stime={}", sender(), ticks(user), ticks(system))
        }
        (_, 4 | 5 | 7 | 8) => address(16),
        (3, 11) => format!(
            "{}, si_lower={}, si_upper={}",
            address(16),
            text::pointer(info.u64(32)),
            text::pointer(info.u64(40))
        ),
        (4, 11) => format!("{}, si_pkey={}", address(16), info.u32(32)),
        (_, 11) => address(16),
        (1..=6, 29) => format!(", si_band={}, si_fd={}", info.i64(16), info.i32(24)),
        (_, 31) => {
            let nr = u64::from(info.u32(24));
            let arch = if info.u32(28) == 0xc000_003e {
                "AUDIT_ARCH_X86_64".to_owned()
            } else {
                text::hex(u64::from(info.u32(28)))
            };
            let call = crate::syscalls::name(nr).map_or_else(|| text::hex(nr), |name| format!("__NR_{name}"));
            format!(", si_call_addr={}, si_syscall={call}, si_arch={arch}", text::pointer(info.u64(16)))
        }
        _ => {
            let sender = if info.u64(16) != 0 { sender() } else { String::new() };
            sender + &if info.u64(24) == 0 { String::new() } else { value() }
        }
    }
}

/// Clock ticks, of which there are 100 in a second, as seconds.
fn seconds(ticks: i64) -> String {
    format!("{}.{:02}", ticks / 100, ticks % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that strace 6.1 printed.
    #[test]
    fn signals_read_as_in_strace() {
        assert_eq!(
            [name(2), name(32), name(34), name(64), name(99)],
            ["SIGINT", "SIGRTMIN", "SIGRT_2", "SIGRT_32", "99"]
        );
        assert_eq!(told_set(0), "[]");
        assert_eq!(told_set(0x10002), "[INT CHLD]");
        assert_eq!(told_set(u64::MAX), "~[]");
        assert_eq!(told_set(!0x1_8000_0000), "~[RTMIN RT_1]");
        assert_eq!([seconds(1), seconds(250)], ["0.01", "2.50"]);
        let mut info = [0u8; 128];
        (info[0], info[16], info[20]) = (2, 100, 0);
        assert_eq!(siginfo(&info), "{si_signo=SIGINT, si_code=SI_USER, si_pid=100, si_uid=0}");
        (info[0], info[8], info[24]) = (17, 1, 3);
        assert_eq!(
            siginfo(&info),
            "{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=100, si_uid=0, si_status=3, si_utime=0, si_stime=0}"
        );
        let mut fault = [0u8; 128];
        (fault[0], fault[8], fault[16]) = (11, 1, 0x10);
        assert_eq!(siginfo(&fault), "{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10}");
    }
}

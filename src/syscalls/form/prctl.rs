//! prctl(2) and arch_prctl(2), whose arguments depend on the first.

use super::Arg::{At, Behind, By, One, Pointer, Uint};
use super::Outcome::With;
use super::calls::rows;
use super::{Call, signals, text};
use crate::syscalls::names::Names;
use crate::syscalls::names::process::{
    CAP0, CAP1, DUMPABLE, PR_CAP_AMBIENT, PR_MM, PR_VMA, PRCTL, SECCOMP_MODE,
};

rows! {
    arch_prctl: By(arch_option), By(arch_given), Behind, By(arch_filled);
    prctl: One(PRCTL), By(prctl_given), Behind, By(prctl_filled) => With(prctl_meaning);
}

/// An option of the architecture's (`arch/x86/include/uapi/asm/prctl.h`).
const ARCH: Names = Names {
    unknown: "ARCH_???",
    list: &[
        (0x1001, "ARCH_SET_GS"),
        (0x1002, "ARCH_SET_FS"),
        (0x1003, "ARCH_GET_FS"),
        (0x1004, "ARCH_GET_GS"),
        (0x1011, "ARCH_GET_CPUID"),
        (0x1012, "ARCH_SET_CPUID"),
    ],
};

fn arch_option(call: &Call<'_>, at: usize) -> String {
    // strace 6.1 knows no later ones, which libc asks for all the same.
    ARCH.value(call.arg(at))
}

fn arch_given(call: &Call<'_>, _: usize) -> String {
    match call.arg(0) {
        0x1003 | 0x1004 | 0x1011 => String::new(),
        0x1012 => call.uint(1).to_string(),
        _ => text::pointer(call.arg(1)).replace("NULL", if call.arg(0) & 0x1000 == 0 { "0" } else { "NULL" }),
    }
}

fn arch_filled(call: &Call<'_>, _: usize) -> String {
    match call.arg(0) {
        0x1003 | 0x1004 => call.told(At(&Pointer), 1),
        _ => String::new(),
    }
}

const PR_SET_PDEATHSIG: u64 = 1;
const PR_GET_PDEATHSIG: u64 = 2;
const PR_GET_DUMPABLE: u64 = 3;
const PR_SET_DUMPABLE: u64 = 4;
const PR_SET_NAME: u64 = 15;
const PR_GET_NAME: u64 = 16;
const PR_SET_SECCOMP: u64 = 22;
const PR_CAPBSET_READ: u64 = 23;
const PR_CAPBSET_DROP: u64 = 24;
const PR_SET_TIMERSLACK: u64 = 29;
const PR_SET_MM: u64 = 35;
const PR_SET_CHILD_SUBREAPER: u64 = 36;
const PR_GET_CHILD_SUBREAPER: u64 = 37;
const PR_SET_NO_NEW_PRIVS: u64 = 38;
const PR_SET_THP_DISABLE: u64 = 41;
const PR_CAP_AMBIENT_OPTION: u64 = 47;
const PR_SET_VMA: u64 = 0x5356_4d41;
/// A name's bytes, with its NUL (`TASK_COMM_LEN`).
const COMM: usize = 16;

/// The rest of the arguments, as they stand in registers.
fn plain(call: &Call<'_>, from: usize) -> String {
    (from..5).map(|at| format!(", {}", text::hex(call.arg(at)))).collect()
}

fn prctl_given(call: &Call<'_>, _: usize) -> String {
    let second = call.arg(1);
    match call.uint(0) {
        PR_SET_PDEATHSIG => signals::name(second as i32),
        PR_SET_NAME => text::string(call.memory, second, COMM - 1),
        PR_SET_DUMPABLE => DUMPABLE.value(second),
        PR_SET_SECCOMP => SECCOMP_MODE.value(second),
        PR_CAPBSET_READ | PR_CAPBSET_DROP => capability(second),
        PR_SET_TIMERSLACK | PR_SET_CHILD_SUBREAPER => second.to_string(),
        PR_SET_NO_NEW_PRIVS | PR_SET_THP_DISABLE => format!("{second}{}", plain(call, 2)),
        PR_SET_MM => format!("{}{}", PR_MM.value(second), plain(call, 2)),
        PR_CAP_AMBIENT_OPTION => match second {
            1..=3 => {
                format!("{}, {}{}", PR_CAP_AMBIENT.value(second), capability(call.arg(2)), plain(call, 3))
            }
            _ => format!("{}{}", PR_CAP_AMBIENT.value(second), plain(call, 2)),
        },
        PR_SET_VMA => format!(
            "{}, {}, {}, {}",
            PR_VMA.value(second),
            text::pointer(call.arg(2)),
            call.arg(3),
            text::string(call.memory, call.arg(4), usize::MAX)
        ),
        7 | 13 | 21 | 30 | PR_GET_PDEATHSIG | PR_GET_DUMPABLE | PR_GET_NAME | PR_GET_CHILD_SUBREAPER => {
            String::new()
        }
        _ => format!("{}{}", text::hex(second), plain(call, 2)),
    }
}

fn capability(number: u64) -> String {
    let (names, bit) = if number < 32 { (CAP0, number) } else { (CAP1, number - 32) };
    let name = 1_u64.checked_shl(bit as u32).and_then(|bit| names.name(bit));
    name.map_or_else(|| format!("{} /* CAP_??? */", text::hex(number)), str::to_owned)
}

fn prctl_filled(call: &Call<'_>, _: usize) -> String {
    match call.uint(0) {
        PR_GET_NAME if call.failed() => text::pointer(call.arg(1)),
        PR_GET_NAME => text::string(call.memory, call.arg(1), COMM),
        PR_GET_CHILD_SUBREAPER => call.told(At(&Uint), 1),
        PR_GET_PDEATHSIG => {
            call.object(call.arg(1), 4, |signal| format!("[{}]", signals::name(signal.i32(0))))
        }
        _ => String::new(),
    }
}

fn prctl_meaning(call: &Call<'_>) -> String {
    match call.uint(0) {
        PR_GET_DUMPABLE => DUMPABLE.name(call.ret.unwrap_or(0) as u64).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

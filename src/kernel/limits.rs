//! What bounds the memory of a process, and how much of it is used: limits, the kernel's own counters, the machine.
//!
//! Everything is read from `/proc` (proc(5)) and given in bytes. A process may be gone, a file may be missing in a
//! container: what cannot be read is `None`. The text of these files is taken for what it is, so each has a reader of
//! its own that a test can give any text.

use std::fs;
use std::sync::OnceLock;

use crate::addr::{Addr, PAGE, Pid};

/// The kernel's counters of one process (`/proc/PID/status`), in bytes. A kernel thread has none of them.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// `VmSize`: all that is mapped.
    pub size: Option<u64>,
    /// `VmPeak`: the most that ever was.
    pub peak: Option<u64>,
    /// `VmRSS`: resident.
    pub rss: Option<u64>,
    /// `VmHWM`: the most that ever was resident.
    pub rss_peak: Option<u64>,
    /// `RssAnon`: resident and of no file.
    pub anon: Option<u64>,
    /// `RssFile`: resident pages of files.
    pub file: Option<u64>,
    /// `RssShmem`: resident and shared: tmpfs, shared anonymous mappings.
    pub shmem: Option<u64>,
    /// `VmSwap`: swapped out, shared memory not included.
    pub swap: Option<u64>,
    /// `VmData`: private and writable mappings without the stack.
    pub data: Option<u64>,
    /// `VmStk`: mappings that grow down.
    pub stack: Option<u64>,
    /// `VmLck`: locked.
    pub locked: Option<u64>,
    /// `CapEff`: the effective capabilities as bits.
    pub capabilities: Option<u64>,
}

/// A limit of getrlimit(2): soft and hard, in bytes; `None` is unlimited.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// The one in force.
    pub soft: Option<u64>,
    /// How far the process may raise it.
    pub hard: Option<u64>,
}

/// What a process has for itself (`/proc/PID/smaps_rollup`), in bytes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// `Pss`: resident, where a page that n processes share counts as an nth.
    pub proportional: Option<u64>,
    /// `Private_Clean` and `Private_Dirty`: resident, and nobody else's.
    pub private: Option<u64>,
    /// `LazyFree`: given back by `madvise(MADV_FREE)`, not taken yet.
    pub lazily_free: Option<u64>,
}

/// The machine's memory (`/proc/meminfo`), in bytes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// `MemTotal`.
    pub total: Option<u64>,
    /// `MemAvailable`: what can be had without swapping, as the kernel estimates.
    pub available: Option<u64>,
    /// `SwapTotal`.
    pub swap_total: Option<u64>,
    /// `SwapFree`.
    pub swap_free: Option<u64>,
    /// `CommitLimit`.
    pub commit_limit: Option<u64>,
    /// `Committed_AS`.
    pub committed: Option<u64>,
}

/// `CAP_IPC_LOCK` and `CAP_SYS_ADMIN` (include/uapi/linux/capability.h).
const CAP_IPC_LOCK: u32 = 14;
const CAP_SYS_ADMIN: u32 = 21;

/// The counters of a process; all missing when it is gone.
#[must_use]
pub fn counters(pid: Pid) -> Counters {
    fs::read_to_string(format!("/proc/{pid}/status")).map(|text| counters_of(&text)).unwrap_or_default()
}

/// The same from the text of `status`.
#[must_use]
pub fn counters_of(text: &str) -> Counters {
    let bytes = |name: &str| kilobytes(text, name);
    let bits = |name: &str| u64::from_str_radix(field(text, name)?, 16).ok();
    Counters {
        size: bytes("VmSize"),
        peak: bytes("VmPeak"),
        rss: bytes("VmRSS"),
        rss_peak: bytes("VmHWM"),
        anon: bytes("RssAnon"),
        file: bytes("RssFile"),
        shmem: bytes("RssShmem"),
        swap: bytes("VmSwap"),
        data: bytes("VmData"),
        stack: bytes("VmStk"),
        locked: bytes("VmLck"),
        capabilities: bits("CapEff"),
    }
}

/// What a process has for itself; `None` where it may not be read. The kernel walks all its pages for this.
#[must_use]
pub fn rollup(pid: Pid) -> Option<Rollup> {
    fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok().map(|text| rollup_of(&text))
}

/// The same from the text of `smaps_rollup`.
#[must_use]
pub fn rollup_of(text: &str) -> Rollup {
    let bytes = |name: &str| kilobytes(text, name);
    let private = || bytes("Private_Clean")?.checked_add(bytes("Private_Dirty")?);
    Rollup { proportional: bytes("Pss"), private: private(), lazily_free: bytes("LazyFree") }
}

/// A number that is alone in a file of `/proc/PID`: `oom_score`, `oom_score_adj`.
#[must_use]
pub fn number(pid: Pid, file: &str) -> Option<i64> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?.trim().parse().ok()
}

/// A limit of a process by its name in `/proc/PID/limits` (`Max data size`); `None` when it could not be read.
#[must_use]
pub fn limit(pid: Pid, name: &str) -> Option<Limit> {
    limit_of(&fs::read_to_string(format!("/proc/{pid}/limits")).ok()?, name)
}

/// The same from the text of `limits`.
#[must_use]
pub fn limit_of(text: &str, name: &str) -> Option<Limit> {
    let mut words = text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
    let mut next = || match words.next()? {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    };
    Some(Limit { soft: next()?, hard: next()? })
}

/// The machine's memory.
#[must_use]
pub fn machine() -> Machine {
    fs::read_to_string("/proc/meminfo").map(|text| machine_of(&text)).unwrap_or_default()
}

/// The same from the text of `meminfo`.
#[must_use]
pub fn machine_of(text: &str) -> Machine {
    let bytes = |name: &str| kilobytes(text, name);
    Machine {
        total: bytes("MemTotal"),
        available: bytes("MemAvailable"),
        swap_total: bytes("SwapTotal"),
        swap_free: bytes("SwapFree"),
        commit_limit: bytes("CommitLimit"),
        committed: bytes("Committed_AS"),
    }
}

/// A number of `/proc/sys/vm`.
#[must_use]
pub fn sysctl(name: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/sys/vm/{name}")).ok()?.trim().parse().ok()
}

/// Bytes of a program's initialised data (`/proc/PID/stat`, fields 45 and 46).
#[must_use]
pub fn data_segment(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(45 - 3).map(|word| word.parse::<u64>().ok());
    let (start, end) = (fields.next()??, fields.next()??);
    Some(end.saturating_sub(start))
}

/// Whether a process may lock as much as it likes (`CAP_IPC_LOCK` in the first user namespace).
#[must_use]
pub fn may_lock(pid: Pid, counters: &Counters) -> bool {
    has(pid, counters, CAP_IPC_LOCK)
}

/// Whether the memory that is kept for administrators is there for a process (`CAP_SYS_ADMIN`).
#[must_use]
pub fn is_administrator(pid: Pid, counters: &Counters) -> bool {
    has(pid, counters, CAP_SYS_ADMIN)
}

fn has(pid: Pid, counters: &Counters, capability: u32) -> bool {
    // Capabilities of another user namespace are none for the kernel's limits; the first one has this number
    // (include/linux/proc_ns.h, PROC_USER_INIT_INO).
    let first = fs::read_link(format!("/proc/{pid}/ns/user"));
    let is_first = first.map_or(true, |name| name.as_os_str() == "user:[4026531837]");
    is_first && counters.capabilities.is_some_and(|bits| bits & (1 << capability) != 0)
}

/// The end of what a process may map (`TASK_SIZE`, arch/x86/include/asm/page_64_types.h): a page below 2^47, or
/// below 2^56 where the kernel uses five levels of page tables.
#[must_use]
pub fn task_size() -> Addr {
    static BITS: OnceLock<u32> = OnceLock::new();
    let bits = BITS.get_or_init(|| {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags = text.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
        if flags.split_whitespace().any(|flag| flag == "la57") { 56 } else { 47 }
    });
    Addr((1 << bits) - PAGE)
}

/// What stands behind `name:` at the beginning of a line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(rest.trim())
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_counted() {
        let me = Pid(std::process::id() as i32);
        let counted = counters(me);
        assert!(counted.size > counted.rss && counted.rss_peak >= counted.anon, "{counted:?}");
        assert!(counted.capabilities.is_some() && counted.data > Some(0), "{counted:?}");
        assert!(machine().total > machine().available, "{:?}", machine());
        assert!(limit(me, "Max stack size").is_some_and(|limit| limit.soft != Some(0)));
        assert!(data_segment(me).is_some_and(|bytes| bytes > 0));
        assert!(sysctl("max_map_count").is_some_and(|count| count > 1000));
        assert!(task_size().0.is_power_of_two() || (task_size().0 + PAGE).is_power_of_two());
    }

    #[test]
    fn what_is_not_there_or_not_a_number_is_missing() {
        assert_eq!(counters(Pid(i32::MAX)), Counters::default());
        assert_eq!(limit(Pid(i32::MAX), "Max data size"), None);
        let text = "VmPeak:\t 12 kB\nVmSize: kB\nVmRSS:\t-1 kB\nVmHWM:\t99999999999999999999 kB\nVmData\nVmStk: 7 MB\n\
                    CapEff:\tzz\nVmSwap:\t18446744073709551615 kB\n";
        assert_eq!(counters_of(text), Counters { peak: Some(12 << 10), ..Counters::default() });
        assert_eq!(machine_of("MemTotal"), Machine::default());
    }

    #[test]
    fn limits_are_soft_and_hard() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max data size             1048576              unlimited            bytes     \n\
                    Max address space         unlimited            unlimited            bytes     \n\
                    Max locked memory         x                    1                    bytes     \n\
                    Max cut short             1\n";
        let of = |name| limit_of(text, name);
        assert_eq!(of("Max data size"), Some(Limit { soft: Some(1 << 20), hard: None }));
        assert_eq!(of("Max address space"), Some(Limit::default()));
        assert_eq!((of("Max locked memory"), of("Max cut short"), of("Max nothing")), (None, None, None));
    }
}

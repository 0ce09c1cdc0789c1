//! Why the kernel refused a brk or an mmap: what it checks, in its own order, with the numbers it checks them on.
//!
//! The order is that of `mm/mmap.c` and `mm/vma.c` of Linux 6.18 (`SYSCALL_DEFINE1(brk)`, `do_brk_flags`, `do_mmap`,
//! `may_expand_vm`); older kernels have the same checks, but before 5.1 mode 0 of overcommit weighed what was free, and
//! before 4.7 `RLIMIT_DATA` bound the break alone. Each is worth a verdict of its own only where its numbers
//! say that it refuses; where none does, the cause is unknown, and no limit is blamed for want of a better one.
//!
//! A cgroup's limit is not among them: it is charged when a page is touched, and refuses neither call. Two things
//! cannot be read: whether `mlockall(MCL_FUTURE)` is in force (that something is locked says so), and the gap below
//! a mapping that grows down and was there before anything was recorded, unless it is the stack.

use super::{Owner, Story};
use crate::addr::{Addr, PAGE, Seq, Span};
use crate::event::{Call, Cause};
use crate::maps::Mapping;

/// The kernel keeps this much free below a mapping that grows down (`stack_guard_gap`, 256 pages by default).
pub const STACK_GUARD: u64 = 256 * PAGE;

// include/uapi/asm-generic/mman*.h and errno-base.h.
const PROT_WRITE: u32 = 2;
const MAP_SHARED: u32 = 1;
const MAP_FIXED: u32 = 0x10;
const MAP_ANONYMOUS: u32 = 0x20;
const MAP_GROWSDOWN: u32 = 0x100;
const MAP_NORESERVE: u32 = 0x4000;
const EAGAIN: i32 = 11;
const ENOMEM: i32 = 12;

/// What brkwater can say of the process at this moment, asked for only when a call was refused. What is missing is
/// not blamed.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// `/proc/PID/maps`, sorted by address; empty when it could not be read.
    pub maps: Vec<Mapping>,
    /// The soft `RLIMIT_DATA` in bytes; `None` when unlimited or not known.
    pub limit_data: Option<u64>,
    /// The hard one, which stands in for a soft one of 0 where the sums are checked (the kernel does so for Valgrind).
    pub hard_data: Option<u64>,
    /// The soft `RLIMIT_AS` in bytes; `None` when unlimited or not known.
    pub limit_as: Option<u64>,
    /// The soft `RLIMIT_MEMLOCK` in bytes; `None` when unlimited, not known, or of no force for this process
    /// (`CAP_IPC_LOCK`).
    pub limit_locked: Option<u64>,
    /// Where the break started (`/proc/PID/stat`, field 47).
    pub start_brk: Option<Addr>,
    /// Bytes of the program's initialised data (fields 46 minus 45), which count against the break's `RLIMIT_DATA`.
    pub data_segment: u64,
    /// What the kernel counts; `None` when it could not be read, then the mappings are added up.
    pub counted: Option<Counted>,
    /// The end of what a process may map (`TASK_SIZE`).
    pub task_size: Option<Addr>,
    /// `vm.max_map_count`.
    pub max_map_count: Option<u64>,
    /// The rules of overcommit.
    pub overcommit: Option<Overcommit>,
}

/// The kernel's own sums for a process, in bytes (`/proc/PID/status`).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// All that is mapped (`VmSize`): held against `RLIMIT_AS`.
    pub total: u64,
    /// What is private and writable and does not grow down (`VmData`): held against `RLIMIT_DATA`.
    pub data: u64,
    /// What is locked (`VmLck`): held against `RLIMIT_MEMLOCK`.
    pub locked: u64,
}

/// What `vm.overcommit_memory` decides on, in bytes (`mm/util.c`, `__vm_enough_memory`).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Overcommit {
    /// `vm.overcommit_memory`: 0 refuses only what is more than all memory, 1 nothing, 2 what was not reserved.
    pub mode: u32,
    /// `MemTotal` and `SwapTotal` together.
    pub ram_and_swap: u64,
    /// `CommitLimit`.
    pub limit: u64,
    /// `Committed_AS`, of all processes.
    pub committed: u64,
    /// `vm.admin_reserve_kbytes`, kept from processes without `CAP_SYS_ADMIN`: 0 for one that has it.
    pub admin_reserve: u64,
    /// `vm.user_reserve_kbytes`.
    pub user_reserve: u64,
}

impl Overcommit {
    /// Whether `more` bytes are refused to a process that has `total` mapped.
    #[must_use]
    pub fn refuses(&self, more: u64, total: u64) -> Option<Cause> {
        let refused = |used: u64, limit: u64| Some(Cause::Overcommit { mode: self.mode, used, limit });
        match self.mode {
            0 if self.ram_and_swap > 0 && more > self.ram_and_swap => refused(0, self.ram_and_swap),
            2 => {
                let reserve = self.admin_reserve.saturating_add(self.user_reserve.min(total / 32));
                let allowed = self.limit.saturating_sub(reserve);
                (self.committed.saturating_add(more) >= allowed).then(|| refused(self.committed, allowed))?
            }
            _ => None,
        }
    }
}

impl Look {
    fn sums(&self) -> Counted {
        let sum = |keep: fn(&Mapping) -> bool| {
            let kept = self.maps.iter().filter(|mapping| keep(mapping));
            kept.fold(0_u64, |bytes, mapping| bytes.saturating_add(mapping.span.len()))
        };
        self.counted.unwrap_or_else(|| Counted { total: sum(is_counted), data: sum(is_data), locked: 0 })
    }

    /// `may_expand_vm` and what follows it: the sums of the whole process.
    fn expanding(&self, more: u64, is_data: bool, is_accounted: bool) -> Option<Cause> {
        let sums = self.sums();
        let limit = if self.limit_data == Some(0) { self.hard_data } else { self.limit_data };
        exceeded("RLIMIT_AS", self.limit_as, sums.total, more)
            .or_else(|| exceeded("RLIMIT_DATA", limit.filter(|_| is_data), sums.data, more))
            .or_else(|| self.too_many_mappings())
            .or_else(|| self.overcommit.filter(|_| is_accounted)?.refuses(more, sums.total))
    }

    /// The kernel refuses when there are more than the limit already: the last mapping makes one too many.
    fn too_many_mappings(&self) -> Option<Cause> {
        let count = self.maps.iter().filter(|mapping| is_counted(mapping)).count() as u64;
        self.max_map_count.filter(|limit| count > *limit).map(|limit| Cause::MapCount { count, limit })
    }
}

fn exceeded(name: &str, limit: Option<u64>, used: u64, more: u64) -> Option<Cause> {
    let value = limit.filter(|value| used.saturating_add(more) > *value)?;
    Some(Cause::Limit { name: name.to_owned(), value, used })
}

/// Why a brk was refused that wanted `wanted` and got `got`.
pub(super) fn of_brk(story: &Story, wanted: Addr, got: Addr, look: &Look) -> Cause {
    if let Some(errno) = brk_errno(got) {
        return Cause::Errno { errno };
    }
    let start = look.start_brk.or(story.line.start);
    if start.is_some_and(|start| wanted < start) {
        return Cause::BelowStart;
    }
    let (old, new) = (got.page_up(), wanted.page_up());
    let more = new.0.saturating_sub(old.0);
    let of_break = || {
        let start = start?;
        let used = got.0.saturating_sub(start.0).saturating_add(look.data_segment);
        exceeded("RLIMIT_DATA", look.limit_data, used, wanted.0.saturating_sub(got.0))
    };
    // The kernel asks this earlier, but only under mlockall(MCL_FUTURE), which nothing shows: it is the last to be blamed.
    let locking = || {
        let locked = look.sums().locked;
        exceeded("RLIMIT_MEMLOCK", look.limit_locked.filter(|_| locked > 0), locked, more)
    };
    let in_way = || {
        let (blocker, planted_by) = obstacle(story, old, new, &look.maps)?;
        Some(Cause::Occupied { blocker, planted_by })
    };
    of_break()
        .or_else(|| beyond(look, wanted))
        .or_else(in_way)
        .or_else(|| look.expanding(more, true, true))
        .or_else(locking)
        .unwrap_or(Cause::Unknown)
}

/// Why an mmap was refused; `None` where its errno says that it was not for want of memory.
pub(super) fn of_mmap(call: &Call, look: &Look) -> Option<Cause> {
    let Call::Mmap { len, prot, flags, ret: Err(errno), .. } = *call else { return None };
    let more = Addr(len).page_up().0;
    // What such a mapping replaces is taken off the sums, and is not known here.
    let fresh = flags & MAP_FIXED == 0;
    let found = match errno {
        EAGAIN => exceeded("RLIMIT_MEMLOCK", look.limit_locked, look.sums().locked, more),
        ENOMEM => {
            let private = flags & MAP_SHARED == 0 && prot & PROT_WRITE != 0;
            let never = look.overcommit.is_some_and(|rules| rules.mode == 2);
            let accounted = private && (never || flags & MAP_NORESERVE == 0);
            let data = private && flags & MAP_GROWSDOWN == 0;
            let rest = || if fresh { look.expanding(more, data, accounted) } else { None };
            look.too_many_mappings().or_else(|| beyond(look, Addr(len))).or_else(rest)
        }
        _ => return None,
    };
    Some(found.unwrap_or(Cause::Unknown))
}

/// The errno of a brk that failed as other calls do, which the kernel's own never does: it answers with the break.
pub(super) fn brk_errno(got: Addr) -> Option<i32> {
    i32::try_from(got.0 as i64).ok().filter(|error| (-4095..0).contains(error)).map(|error| -error)
}

fn beyond(look: &Look, end: Addr) -> Option<Cause> {
    look.task_size.filter(|limit| end > *limit).map(|end| Cause::BeyondEnd { end })
}

/// The mapping in the way of a break that moves from `old` to `new`: the next one, when it begins below `new` plus a
/// page (plus the guard gap, if it grows down). The kernel's list decides whether there is one, the story whose it is.
fn obstacle(story: &Story, old: Addr, new: Addr, maps: &[Mapping]) -> Option<(Span, Option<Seq>)> {
    let reach = |guard: u64| Span::new(old, Addr(new.0.saturating_add(PAGE + guard)));
    let owner = |span: Span| story.pieces.overlapping(Span::new(span.start.max(old), span.end)).next();
    let owned = |span: Span| {
        let (piece, owner) = owner(span)?;
        Some((piece, owner.asked().map(|asked| asked.seq)))
    };
    if maps.is_empty() {
        return owned(reach(0));
    }
    let next = maps.iter().find(|mapping| mapping.span.end > old)?;
    let grows = next.path == "[stack]" || owner(next.span).is_some_and(|(_, owner)| grows_down(owner));
    let guard = if grows { STACK_GUARD } else { 0 };
    next.span.overlaps(reach(guard)).then(|| owned(next.span).unwrap_or((next.span, None)))
}

fn grows_down(owner: &Owner) -> bool {
    let flags = owner.asked().map_or(0, |asked| match asked.call {
        Call::Mmap { flags, .. } => flags,
        _ => 0,
    });
    flags & (MAP_GROWSDOWN | MAP_ANONYMOUS) == MAP_GROWSDOWN | MAP_ANONYMOUS
}

fn is_counted(mapping: &Mapping) -> bool {
    mapping.path != "[vsyscall]"
}

/// What the kernel counts as data: private and writable, without the stack (`is_data_mapping`).
fn is_data(mapping: &Mapping) -> bool {
    mapping.perms.write && !mapping.perms.shared && mapping.path != "[stack]"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::story::testing::{self, Run};
    use crate::maps;

    const MAPS: &str = "\
00400000-00410000 r-xp 00000000 fe:00 1 /bin/prog
00410000-00426000 rw-p 00010000 fe:00 1 /bin/prog
7ffff7fc8000-7ffff7fca000 r-xp 00000000 00:00 0 [vdso]
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
";
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    /// `vm.overcommit_memory` cannot be set by a test, so the rule is tested on numbers.
    #[test]
    fn overcommit_refuses_what_the_kernel_s_rule_refuses() {
        let guess = Overcommit {
            mode: 0,
            ram_and_swap: 4 * GIB,
            limit: GIB,
            committed: 9 * GIB,
            ..Overcommit::default()
        };
        assert_eq!(guess.refuses(4 * GIB, 0), None, "as much as there is");
        let found = guess.refuses(4 * GIB + PAGE, 0);
        assert_eq!(found, Some(Cause::Overcommit { mode: 0, used: 0, limit: 4 * GIB }));
        let always = Overcommit { mode: 1, ..guess };
        assert_eq!(always.refuses(u64::MAX, u64::MAX), None);
        let never = Overcommit { mode: 2, committed: GIB - 10 * MIB, ..guess };
        assert_eq!(never.refuses(10 * MIB - PAGE, 0), None);
        assert_eq!(
            never.refuses(10 * MIB, 0),
            Some(Cause::Overcommit { mode: 2, used: GIB - 10 * MIB, limit: GIB }),
            "the kernel wants less than the limit, not the limit"
        );
        // A thirty-second of the process, but not more than the reserve; and root's part.
        let kept = Overcommit { user_reserve: 128 * MIB, admin_reserve: 8 * MIB, ..never };
        assert_eq!(kept.refuses(PAGE, 32 * MIB), None, "{:?}", kept.refuses(PAGE, 32 * MIB));
        let limit = GIB - 8 * MIB - 2 * MIB;
        assert_eq!(
            kept.refuses(PAGE, 64 * MIB),
            Some(Cause::Overcommit { mode: 2, used: GIB - 10 * MIB, limit })
        );
        let hopeless = Overcommit { limit: 0, ..kept };
        assert!(hopeless.refuses(0, u64::MAX).is_some());
        assert_eq!(Overcommit::default().refuses(u64::MAX, 0), None, "nothing was read");
    }

    fn mmap(len: u64, prot: u32, flags: u32, errno: i32) -> Call {
        Call::Mmap { addr: Addr(0), len, prot, flags, fd: -1, offset: 0, ret: Err(errno) }
    }

    #[test]
    fn an_mmap_is_refused_by_what_counts_it() {
        let counted = Some(Counted { total: 10 * MIB, data: 3 * MIB, locked: 0 });
        let look = Look { counted, limit_data: Some(4 * MIB), ..Look::default() };
        let limit = |name: &str, value, used| Cause::Limit { name: name.into(), value, used };
        let data = Some(limit("RLIMIT_DATA", 4 * MIB, 3 * MIB));
        assert_eq!(of_mmap(&mmap(MIB + 1, 3, 0x22, ENOMEM), &look), data);
        assert_eq!(of_mmap(&mmap(MIB, 3, 0x22, ENOMEM), &look), Some(Cause::Unknown), "it fits");
        // Neither what cannot be written, nor what is shared, nor a stack is data.
        for (prot, flags) in [(0, 0x4022), (1, 0x22), (3, 0x21), (3, 0x122)] {
            let found = of_mmap(&mmap(MIB + 1, prot, flags, ENOMEM), &look);
            assert_eq!(found, Some(Cause::Unknown), "{prot} {flags:#x}");
        }
        let look = Look { limit_as: Some(10 * MIB), ..look };
        assert_eq!(of_mmap(&mmap(1, 0, 0x4022, ENOMEM), &look), Some(limit("RLIMIT_AS", 10 * MIB, 10 * MIB)));
        assert_eq!(of_mmap(&mmap(1, 3, 0x22, 13), &look), None, "EACCES is no want of memory");
        let look = Look { limit_locked: Some(64 << 10), task_size: Some(Addr(1 << 47)), ..look };
        let locked = Some(limit("RLIMIT_MEMLOCK", 64 << 10, 0));
        assert_eq!(of_mmap(&mmap(MIB, 3, 0x22, EAGAIN), &look), locked);
        let far = Some(Cause::BeyondEnd { end: Addr(1 << 47) });
        assert_eq!(of_mmap(&mmap(1 << 48, 3, 0x22, ENOMEM), &look), far);
    }

    #[test]
    fn only_an_error_is_an_error() {
        assert_eq!(brk_errno(Addr(-1_i64 as u64)), Some(1));
        assert_eq!(brk_errno(Addr(-4095_i64 as u64)), Some(4095));
        assert_eq!(
            (brk_errno(Addr(-4096_i64 as u64)), brk_errno(Addr(0x42_6000)), brk_errno(Addr(0))),
            (None, None, None)
        );
    }

    #[test]
    fn only_what_its_numbers_refuse_is_blamed_for_a_refused_brk() {
        let mut run = Run::launched("/bin/prog", MAPS, 0x42_6000);
        let counted = Counted { total: 0x100000, data: 0x40000, locked: 0x1000 };
        let whole = Look {
            maps: maps::parse(MAPS),
            counted: Some(counted),
            limit_data: Some(0x80000),
            limit_as: Some(0x200000),
            limit_locked: Some(0x40000),
            task_size: Some(Addr(0x7fff_ffff_f000)),
            max_map_count: Some(4),
            overcommit: Some(Overcommit { ram_and_swap: 0x100000, ..Default::default() }),
            ..Look::default()
        };
        let mut cause = |change: &dyn Fn(&mut Look), wanted: u64, got: u64| {
            run.look = whole.clone();
            change(&mut run.look);
            run.brk(wanted, got, &testing::stack(&["brk@libc", "malloc@libc", "main"])).cause.unwrap()
        };
        let limit = |name: &str, value, used| Cause::Limit { name: name.into(), value, used };
        let (next, here) = (0x447000, 0x426000);
        assert_eq!(cause(&|_| {}, next, here), Cause::Unknown);
        // What is initialised counts for the break, though the sum of all data is lower.
        let found = cause(&|look| look.data_segment = 0x60000, next, here);
        assert_eq!(found, limit("RLIMIT_DATA", 0x80000, 0x60000));
        // A soft limit of 0 refuses every growth of the break.
        assert_eq!(cause(&|look| look.limit_data = Some(0), next, here), limit("RLIMIT_DATA", 0, 0));
        // Nothing locked, nothing that tells of mlockall: the limit is not blamed.
        let tight = |look: &mut Look| look.limit_locked = Some(0x10000);
        assert_eq!(cause(&tight, next, here), limit("RLIMIT_MEMLOCK", 0x10000, 0x1000));
        let both = |look: &mut Look| {
            tight(look);
            look.limit_as = Some(0x100000);
        };
        assert_eq!(cause(&both, next, here), limit("RLIMIT_AS", 0x100000, 0x100000));
        let unlocked = |look: &mut Look| {
            tight(look);
            look.counted = Some(Counted { locked: 0, ..counted });
        };
        assert_eq!(cause(&unlocked, next, here), Cause::Unknown);
        let found = cause(&|look| look.max_map_count = Some(3), next, here);
        assert_eq!(found, Cause::MapCount { count: 4, limit: 3 });
        let found = cause(&|look| look.limit_data = None, 0x7fff_ffff_ffff, here);
        assert_eq!(found, Cause::BeyondEnd { end: Addr(0x7fff_ffff_f000) });
        let small = Overcommit { ram_and_swap: 0x20000, ..Default::default() };
        let found = cause(&|look| look.overcommit = Some(small), next, here);
        assert_eq!(found, Cause::Overcommit { mode: 0, used: 0, limit: 0x20000 });
        assert_eq!(cause(&|_| {}, next, -1_i64 as u64), Cause::Errno { errno: 1 });
        assert_eq!(run.story.line().current, Some(Addr(here)), "an error says nothing of the break");
        assert_eq!(run.replayed(), run.story);
    }
}

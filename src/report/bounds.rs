//! What ends the growth of a process: limits of its own, of its cgroups, of the machine; and which of them it meets
//! first at the rate that was recorded.
//!
//! Two kinds are told apart: what is mapped counts against a limit of the process whether it is touched or not, what is
//! resident against a cgroup and the machine. Each is set against the growth of its own kind.

use super::escape::plain;
use crate::addr::Pid;
use crate::heap::story::forecast::{Growing, PerHit, Rate};
use crate::kernel::cgroup::Group;
use crate::kernel::limits::{Counters, Limit, Machine, Rollup};

/// What was read of a process and of the machine that it is on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The process.
    pub pid: Pid,
    /// Whether it lives: of one that has ended only the cgroup that it was started in and the machine are told.
    pub lives: bool,
    /// The kernel's counters.
    pub counters: Counters,
    /// What it has for itself.
    pub rollup: Option<Rollup>,
    /// `RLIMIT_DATA`.
    pub data: Option<Limit>,
    /// `RLIMIT_AS`.
    pub address_space: Option<Limit>,
    /// Its cgroup and those above it, or why they are not known.
    pub cgroups: Result<Vec<Group>, String>,
    /// The same when the process was launched or attached to, as far as they were known: what they counted then.
    pub before: Vec<Group>,
    /// The machine's memory.
    pub machine: Machine,
    /// `vm.overcommit_memory`.
    pub overcommit: Option<u64>,
    /// `oom_score`: the higher, the sooner the OOM killer takes it.
    pub oom_score: Option<i64>,
    /// `oom_score_adj`: what was added to it, from -1000 (never) to 1000.
    pub oom_score_adj: Option<i64>,
    /// How many mappings it has, and `vm.max_map_count`.
    pub mappings: (u64, Option<u64>),
}

/// Which of a process's bytes a bound counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// What is mapped, touched or not.
    Mapped,
    /// What is resident.
    Resident,
}

/// Something that ends growth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) name: String,
    pub(super) counts: Counts,
    pub(super) limit: u64,
    pub(super) used: u64,
}

impl Bound {
    /// What comes when it is met.
    pub(super) fn then(&self) -> &'static str {
        match (self.counts, self.name.starts_with("memory.")) {
            (Counts::Mapped, _) => "brk and mmap are refused then, and malloc returns NULL",
            (Counts::Resident, true) => {
                "the kernel takes pages back then (to swap, where it may), and its OOM killer comes when there are none"
            }
            (Counts::Resident, false) => "the OOM killer chooses a process then",
        }
    }

    pub(super) fn room(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// When a bound is reached at the recorded rate.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Forecast {
    pub(super) bound: Bound,
    /// The breakpoint, the hit of it at which the bound is exceeded, and how many hits that is from now.
    pub(super) hit: Option<(u32, u64, u64)>,
    /// Seconds of running until then.
    pub(super) seconds: Option<f64>,
    /// The rate that was drawn on.
    pub(super) rate: Rate,
}

/// What is inferred stays inferred: beyond this many hits or seconds the word is "not soon".
const FAR: f64 = 1e12;

impl Facts {
    /// Every bound that is known, the one with the least room first.
    pub(super) fn bounds(&self) -> Vec<Bound> {
        let mut bounds = Vec::new();
        let mut add = |name: String, counts, limit: Option<u64>, used: Option<u64>| {
            if let (Some(limit), Some(used)) = (limit, used) {
                bounds.push(Bound { name, counts, limit, used });
            }
        };
        let soft = |limit: Option<Limit>| limit.and_then(|limit| limit.soft);
        add("RLIMIT_DATA".into(), Counts::Mapped, soft(self.data), self.counters.data);
        add("RLIMIT_AS".into(), Counts::Mapped, soft(self.address_space), self.counters.size);
        for group in self.cgroups.iter().flatten() {
            add(limit_name(group), Counts::Resident, group.limit, in_use(group));
        }
        let machine = self.machine;
        let both = |a: Option<u64>, b: Option<u64>| a?.checked_add(b.unwrap_or(0));
        let all = both(machine.total, machine.swap_total);
        let free = both(machine.available, machine.swap_free);
        let used = all.zip(free).map(|(all, free)| all.saturating_sub(free));
        add("the machine's memory and swap".into(), Counts::Resident, all, used);
        if self.overcommit == Some(2) {
            add("CommitLimit".into(), Counts::Mapped, machine.commit_limit, machine.committed);
        }
        bounds.sort_by_key(Bound::room);
        bounds
    }

    /// The bound that is met first.
    pub(super) fn forecast(&self, growing: &Growing) -> Option<Forecast> {
        let each = self.bounds().into_iter().filter_map(|bound| forecast(bound, growing));
        let soon = |forecast: &Forecast| match (forecast.hit, forecast.seconds) {
            (Some((_, _, more)), _) => more as f64,
            (None, seconds) => seconds.unwrap_or(FAR),
        };
        each.min_by(|a, b| soon(a).total_cmp(&soon(b)))
    }
}

fn forecast(bound: Bound, growing: &Growing) -> Option<Forecast> {
    let room = bound.room();
    let of_work = |work: &PerHit| match bound.counts {
        Counts::Mapped => work.mapped,
        Counts::Resident => work.resident,
    };
    let per_second = match bound.counts {
        Counts::Mapped => growing.mapped,
        Counts::Resident => growing.resident,
    };
    let by_time = per_second.and_then(|rate| Some((rate, rate.until(room).filter(|units| *units < FAR)?)));
    let by_work = growing.work().and_then(|work| {
        let rate = of_work(work)?;
        Some((work, rate, rate.until(room).filter(|units| *units < FAR)?))
    });
    match by_work {
        Some((work, rate, units)) => {
            let more = units.floor() as u64;
            let seconds = by_time.map(|(_, seconds)| seconds);
            let seconds = seconds.or_else(|| work.pace.map(|pace| units / pace));
            let hit = Some((work.number, work.hits.saturating_add(more), more));
            Some(Forecast { bound, hit, seconds, rate })
        }
        None => by_time.map(|(rate, seconds)| Forecast { bound, hit: None, seconds: Some(seconds), rate }),
    }
}

pub(super) fn limit_name(group: &Group) -> String {
    let file = if group.version == 2 { "memory.max" } else { "memory.limit_in_bytes" };
    format!("{file} of {}", plain(&group.path))
}

/// What of a group's memory cannot simply be dropped.
fn in_use(group: &Group) -> Option<u64> {
    Some(group.current?.saturating_sub(group.reclaimable.unwrap_or(0)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::heap::story::forecast::Growing;

    const MIB: u64 = 1 << 20;

    /// A process with 10 MiB of data, 8 resident, on a machine of 1 GiB of which 600 MiB are free.
    pub(in crate::report) fn facts() -> Facts {
        let counters = Counters {
            data: Some(10 * MIB),
            size: Some(30 * MIB),
            rss: Some(8 * MIB),
            ..Counters::default()
        };
        let machine = Machine {
            total: Some(1024 * MIB),
            available: Some(600 * MIB),
            swap_total: Some(0),
            swap_free: Some(0),
            commit_limit: Some(512 * MIB),
            committed: Some(500 * MIB),
        };
        Facts {
            pid: Pid(7),
            lives: true,
            counters,
            rollup: None,
            data: Some(Limit { soft: Some(110 * MIB), hard: None }),
            address_space: Some(Limit::default()),
            cgroups: Ok(Vec::new()),
            before: Vec::new(),
            machine,
            overcommit: Some(0),
            oom_score: None,
            oom_score_adj: None,
            mappings: (20, Some(65530)),
        }
    }

    /// `mapped` and `resident` MiB per hit of breakpoint 2, which was hit five times.
    pub(in crate::report) fn growing(mapped: u64, resident: u64) -> Growing {
        let rate = |per: u64| Rate {
            per: (per * MIB) as f64,
            from: (1.0, 0),
            to: (5.0, 4 * per * MIB),
            points: 5,
            steady: true,
        };
        let work = PerHit {
            number: 2,
            hits: 5,
            mapped: Some(rate(mapped)),
            resident: Some(rate(resident)),
            pace: Some(2.0),
        };
        Growing { per_hit: vec![work], ..Growing::default() }
    }

    fn group(path: &str, limit: Option<u64>, current: u64) -> Group {
        Group {
            path: path.into(),
            version: 2,
            limit: limit.map(|limit| limit * MIB),
            current: Some(current * MIB),
            ..Group::default()
        }
    }

    fn met(facts: &Facts, growing: &Growing) -> (String, u64) {
        let found = facts.forecast(growing).unwrap();
        (found.bound.name, found.hit.unwrap().1)
    }

    #[test]
    fn the_tightest_limit_is_met_by_growth_of_its_own_kind() {
        let mut facts = facts();
        // 100 MiB of data are left, a MiB mapped per hit.
        assert_eq!(met(&facts, &growing(1, 1)), ("RLIMIT_DATA".into(), 105));
        // A group above is tighter than the process's own; what is mapped and not touched does not fill it.
        facts.cgroups = Ok(vec![group("/a/b", None, 5), group("/a", Some(50), 20)]);
        assert_eq!(met(&facts, &growing(1, 1)), ("memory.max of /a".into(), 35));
        assert_eq!(met(&facts, &growing(1, 0)), ("RLIMIT_DATA".into(), 105));
        let names: Vec<_> = facts.bounds().into_iter().map(|bound| bound.name).collect();
        assert_eq!(names, ["memory.max of /a", "RLIMIT_DATA", "the machine's memory and swap"]);
        // File pages that are not used are dropped before anybody is killed.
        let mut cached = group("/a", Some(50), 45);
        cached.reclaimable = Some(30 * MIB);
        facts.cgroups = Ok(vec![cached]);
        assert_eq!(met(&facts, &growing(1, 1)), ("memory.max of /a".into(), 40));
        // A group that is over its limit has no room at all.
        facts.cgroups = Ok(vec![group("/a", Some(50), 60)]);
        assert_eq!(met(&facts, &growing(1, 1)), ("memory.max of /a".into(), 5));
        facts.cgroups = Err("none.".into());
        facts.data = None;
        assert_eq!(met(&facts, &growing(1, 2)), ("the machine's memory and swap".into(), 305));
        facts.overcommit = Some(2);
        assert_eq!(met(&facts, &growing(1, 1)), ("CommitLimit".into(), 17));
    }

    #[test]
    fn what_does_not_grow_meets_nothing() {
        assert_eq!(facts().forecast(&growing(0, 0)), None);
        assert_eq!(facts().forecast(&Growing::default()), None);
        let bare = Facts { data: None, machine: Machine::default(), ..facts() };
        assert!(bare.bounds().is_empty() && bare.forecast(&growing(1, 1)).is_none());
    }

    #[test]
    fn without_a_breakpoint_seconds_are_told() {
        let rate = Rate { per: MIB as f64, from: (0.0, 0), to: (9.0, 9 * MIB), points: 9, steady: true };
        let growing = Growing { mapped: Some(rate), ..Growing::default() };
        let found = facts().forecast(&growing).unwrap();
        assert_eq!((found.hit, found.seconds), (None, Some(100.0)));
    }
}

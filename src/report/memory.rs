//! How much memory a process has, what bounds it, how fast it grows, and when it meets a bound: `info memory`.
//!
//! What the kernel counts and what it allows was read now; growth was recorded; a forecast is inferred, and is told with
//! the points that it was inferred from, or not at all.

use serde_json::{Value, json};

use super::bounds::{Bound, Counts, Forecast, limit_name};
use super::escape::plain;
use super::explain::Sentence;
use super::words::{count, size};
use crate::event::{ExitStatus, Label};
use crate::heap::story::forecast::{Growing, PerHit, Rate};
use crate::heap::story::{Ending, Evidence, Story};
use crate::kernel::cgroup::Group;
use crate::kernel::limits::Limit;

pub use super::bounds::Facts;

/// A limit that is so many times as far away as was seen is not near.
const FAR: u64 = 100;

/// The page for people.
#[must_use]
pub fn text(facts: &Facts, story: Option<&Story>, growing: &Growing) -> String {
    let mut text = if facts.lives { counted(facts) } else { format!("process {} has ended\n", facts.pid) };
    text.push_str("limits, the tightest first\n");
    for bound in facts.bounds() {
        text.push_str(&format!(
            "  {}: {}, {} used, {} left\n",
            bound.name,
            size(bound.limit),
            size(bound.used),
            size(bound.room())
        ));
    }
    text.push_str(&unlimited(facts));
    for sentence in sentences(facts, story, growing) {
        text.push_str(&format!("{} {}\n", sentence.evidence, sentence.text));
    }
    text
}

/// What comes when each limit is met, the nearest first: what would end the process.
#[must_use]
pub fn endings(facts: &Facts) -> String {
    let mut text = String::from("what would end it, the nearest first\n");
    let bounds = facts.bounds();
    for bound in &bounds {
        text.push_str(&format!("  {} more, {}: {}\n", size(bound.room()), bound.name, bound.then()));
    }
    if bounds.is_empty() {
        text.push_str("  nothing that can be read here\n");
    }
    if facts.oom_score_adj == Some(-1000) {
        text.push_str("  the OOM killer never takes it: its oom_score_adj is -1000\n");
    }
    text
}

/// The counters, a line for each kind.
fn counted(facts: &Facts) -> String {
    let counters = &facts.counters;
    let told = |what: &str, bytes: Option<u64>| Some(format!("{what}{}", size(bytes?)));
    let line = |name: &str, parts: &[Option<String>]| {
        let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
        if parts.is_empty() { String::new() } else { format!("{name:<9} {}\n", parts.join(", ")) }
    };
    let rollup = facts.rollup.unwrap_or_default();
    let (mappings, most) = facts.mappings;
    let most = most.map(|most| format!(" of {most}")).unwrap_or_default();
    let score = |name: &str, value: Option<i64>| Some(format!("{name} {}", value?));
    let mut text = format!("process {}\n", facts.pid);
    text.push_str(&line(
        "resident",
        &[
            told("", counters.rss),
            told("anonymous ", counters.anon),
            told("of files ", counters.file),
            told("shared ", counters.shmem),
            told("at most ", counters.rss_peak),
        ],
    ));
    text.push_str(&line(
        "own",
        &[
            told("private ", rollup.private),
            told("proportional ", rollup.proportional),
            told("to be taken back lazily ", rollup.lazily_free.filter(|bytes| *bytes > 0)),
        ],
    ));
    text.push_str(&line("swapped", &[told("", counters.swap)]));
    text.push_str(&line(
        "mapped",
        &[
            told("", counters.size),
            told("data ", counters.data),
            told("stack ", counters.stack),
            told("locked ", counters.locked.filter(|bytes| *bytes > 0)),
            told("at most ", counters.peak),
            Some(format!("{mappings}{most} mappings")).filter(|_| mappings > 0),
        ],
    ));
    text.push_str(&line(
        "oom",
        &[score("oom_score", facts.oom_score), score("oom_score_adj", facts.oom_score_adj)],
    ));
    text
}

/// What does not bind: limits that are not set, groups without a limit.
fn unlimited(facts: &Facts) -> String {
    let is_open = |limit: Option<Limit>| limit.is_some_and(|limit| limit.soft.is_none());
    let mut open: Vec<String> = Vec::new();
    open.extend(is_open(facts.data).then(|| "RLIMIT_DATA".to_owned()));
    open.extend(is_open(facts.address_space).then(|| "RLIMIT_AS".to_owned()));
    let groups = facts.cgroups.iter().flatten();
    open.extend(groups.filter(|group| group.limit.is_none()).map(limit_name));
    if open.is_empty() { String::new() } else { format!("  not set: {}\n", open.join(", ")) }
}

/// What is to be said beside the numbers: events, growth, forecast.
#[must_use]
pub fn sentences(facts: &Facts, story: Option<&Story>, growing: &Growing) -> Vec<Sentence> {
    let mut out = Vec::new();
    let mut say = |evidence, text: String| out.push(Sentence { evidence, text });
    match &facts.cgroups {
        Ok(groups) => groups.iter().flat_map(events).for_each(|text| say(Evidence::Measured, text)),
        Err(why) => say(Evidence::Unknown, why.clone()),
    }
    if let Some(text) = killed(facts, story) {
        say(Evidence::Inferred, text);
    }
    let works: Vec<String> = growing.per_hit.iter().filter_map(worked).collect();
    let second = growing.mapped.map(|rate| per_second(&rate, growing.resident.as_ref()));
    let told = !works.is_empty() || second.is_some();
    let arenas = told && story.is_some_and(|story| story.live_bytes(Label::ArenaNew) > 0);
    works.into_iter().chain(second).for_each(|text| say(Evidence::Recorded, text));
    if arenas {
        let text = "What other arenas took of the address space that they had reserved is not in this: no recorded call \
                    tells it.";
        say(Evidence::Unknown, text.to_owned());
    }
    if !told {
        let text = "How fast it grows is not known: it takes three hits of a breakpoint, or three seconds of running, \
                    and memory that was got more than once in them.";
        say(Evidence::Unknown, text.to_owned());
    } else if facts.lives {
        match facts.forecast(growing) {
            Some(found) => say(Evidence::Inferred, drawn_on(&found)),
            None => say(Evidence::Inferred, "At this rate none of these limits is met.".to_owned()),
        }
    }
    out
}

/// What a group's counters say of the past.
fn events(group: &Group) -> Vec<String> {
    let path = plain(&group.path);
    let mut told = Vec::new();
    let positive = |number: Option<u64>| number.filter(|number| *number > 0);
    if let Some(times) = positive(group.limited).filter(|_| group.limit.is_some()) {
        let text = format!(
            "The limit of {path} was hit {} so far: pages were taken back then.",
            count(times, "time")
        );
        told.push(text);
    }
    if let (Some(high), Some(current)) = (group.high, group.current) {
        let is = if current > high { "is above" } else { "is below" };
        let slowed = positive(group.slowed).map(|times| format!(", it was {}", count(times, "time")));
        let text = format!(
            "{path} {is} its memory.high, {}: above, it is slowed down{}.",
            size(high),
            slowed.unwrap_or_default()
        );
        told.push(text);
    }
    if let Some(times) = positive(group.killed) {
        let text = format!("The OOM killer ended {} in {path} since it was made.", processes(times));
        told.push(text);
    }
    told
}

fn processes(number: u64) -> String {
    if number == 1 { "one process".to_owned() } else { format!("{number} processes") }
}

/// Whether the OOM killer may have ended the process: nothing tells it for certain.
fn killed(facts: &Facts, story: Option<&Story>) -> Option<String> {
    let (_, ending) = story?.ending()?;
    if ending != Ending::Ended(ExitStatus::Signal(9)) {
        return None;
    }
    let groups = facts.cgroups.as_ref().ok()?;
    let before = |group: &Group| {
        let then = facts.before.iter().find(|then| then.dir == group.dir);
        then.and_then(|then| then.killed).unwrap_or(0)
    };
    let since = |group: &&Group| group.killed.unwrap_or(0) > before(group);
    Some(match groups.iter().find(since) {
        Some(group) => format!(
            "Signal 9 ended the process, and the OOM killer ended {} in {}, its cgroup, since it came (oom_kill {}, {} \
             then): it was probably this one.",
            processes(group.killed.unwrap_or(0).saturating_sub(before(group))),
            plain(&group.path),
            group.killed.unwrap_or(0),
            before(group)
        ),
        None => "Signal 9 ended the process; its cgroups count no OOM kill since it came. The machine's own OOM killer \
                 leaves its word in the kernel's log (dmesg)."
            .to_owned(),
    })
}

/// `It grows by 830 KiB per hit of breakpoint 2 (resident: 829 KiB): hits 1 to 5.`
fn worked(work: &PerHit) -> Option<String> {
    let rate = work.mapped?;
    let (from, to) = (rate.from.0 as u64, rate.to.0 as u64);
    let resident = work.resident.map(|rate| format!(" (resident: {})", signed(&rate))).unwrap_or_default();
    Some(format!(
        "malloc's memory grew by {} per hit of breakpoint {}{resident}: {} in hits {from} to {to}, {} points{}.",
        signed(&rate),
        work.number,
        difference(&rate),
        rate.points,
        unsteady(&rate)
    ))
}

fn per_second(rate: &Rate, resident: Option<&Rate>) -> String {
    let resident = resident.map(|rate| format!(" (resident: {})", signed(rate))).unwrap_or_default();
    format!(
        "malloc's memory grew by {} per second of running under brkwater{resident}: {} in {:.1} s, {} points{}.",
        signed(rate),
        difference(rate),
        rate.to.0 - rate.from.0,
        rate.points,
        unsteady(rate)
    )
}

fn unsteady(rate: &Rate) -> &'static str {
    if rate.steady { "" } else { ", the later half, which grew otherwise than the first" }
}

fn signed(rate: &Rate) -> String {
    let bytes = rate.bytes();
    format!("{}{}", if bytes < 0 { "-" } else { "" }, size(bytes.unsigned_abs()))
}

fn difference(rate: &Rate) -> String {
    let (from, to) = (rate.from.1, rate.to.1);
    format!("{}{}", if to < from { "-" } else { "" }, size(to.abs_diff(from)))
}

fn drawn_on(found: &Forecast) -> String {
    if is_far(found) {
        return format!(
            "At this rate no limit is near: {}, with {} left, is more than a hundred times as far away as was seen.",
            found.bound.name,
            size(found.bound.room())
        );
    }
    let seconds = found.seconds.map(seconds_of_running);
    let when = match (found.hit, seconds) {
        (Some((number, hit, more)), seconds) => {
            let seconds = seconds.map(|seconds| format!(", {seconds}")).unwrap_or_default();
            format!("at about hit {hit} of breakpoint {number} ({more} from now{seconds})")
        }
        (None, Some(seconds)) => format!("after about {seconds}"),
        (None, None) => "at a time that is not known".to_owned(),
    };
    let (name, room) = (&found.bound.name, size(found.bound.room()));
    let kind = if found.bound.counts == Counts::Mapped { "mapped" } else { "resident" };
    format!(
        "At this rate {name}, with {room} left, is met {when}, if all else stays ({} points of {kind} bytes); {}.",
        found.rate.points,
        found.bound.then()
    )
}

fn seconds_of_running(seconds: f64) -> String {
    if seconds < 0.1 { "less than 0.1 s of running".to_owned() } else { format!("{seconds:.1} s of running") }
}

/// The sentence with which `explain` ends: growth per hit and the nearest limit, where three hits or seconds tell it.
#[must_use]
pub fn closing(facts: &Facts, growing: &Growing) -> Option<Sentence> {
    let found = facts.forecast(growing).filter(|_| facts.lives)?;
    let unit = match found.hit {
        Some((number, ..)) => format!("hit of breakpoint {number}"),
        None => "second of running".to_owned(),
    };
    let then = if is_far(&found) { "No limit is near.".to_owned() } else { drawn_on(&found) };
    let text = format!("It grows by {} per {unit}. {then}", signed(&found.rate));
    Some(Sentence { evidence: Evidence::Inferred, text })
}

/// Whether a line would be drawn on for so long that it is no news.
fn is_far(found: &Forecast) -> bool {
    match (found.hit, found.seconds) {
        (Some((_, hit, more)), _) => more / FAR > hit.saturating_sub(more),
        (None, seconds) => seconds.is_none_or(|seconds| seconds > found.rate.to.0 * FAR as f64),
    }
}

/// The object of `info memory -json`: `brkwater.memory/1`, bytes throughout.
#[must_use]
pub fn memory_json(facts: &Facts, story: Option<&Story>, growing: &Growing) -> Value {
    let (counters, rollup) = (&facts.counters, facts.rollup.unwrap_or_default());
    let limits: Vec<Value> = facts.bounds().iter().map(bound_json).collect();
    let groups = facts.cgroups.as_ref().ok().map(|groups| groups.iter().map(group_json).collect::<Vec<_>>());
    let per_hit = |work: &PerHit| {
        json!({"breakpoint": work.number, "hits": work.hits, "mapped": rate_json(work.mapped, true),
            "resident": rate_json(work.resident, true)})
    };
    let found = facts.forecast(growing).filter(|_| facts.lives).map(|found| {
        json!({"limit": found.bound.name, "breakpoint": found.hit.map(|(number, ..)| number),
            "hit": found.hit.map(|(_, hit, _)| hit), "more": found.hit.map(|(.., more)| more),
            "seconds": found.seconds, "rate": rate_json(Some(found.rate), found.hit.is_some()), "evidence": Evidence::Inferred})
    });
    json!({
        "schema": "brkwater.memory/1", "pid": facts.pid, "lives": facts.lives,
        "resident": {"bytes": counters.rss, "anonymous": counters.anon, "files": counters.file,
            "shared": counters.shmem, "peak": counters.rss_peak, "private": rollup.private,
            "proportional": rollup.proportional},
        "swapped": counters.swap,
        "mapped": {"bytes": counters.size, "data": counters.data, "stack": counters.stack,
            "locked": counters.locked, "peak": counters.peak, "mappings": facts.mappings.0,
            "most_mappings": facts.mappings.1},
        "oom": {"score": facts.oom_score, "score_adj": facts.oom_score_adj},
        "limits": limits, "cgroups": groups, "cgroups_unknown": facts.cgroups.as_ref().err(),
        "growth": {"per_hit": growing.per_hit.iter().map(per_hit).collect::<Vec<_>>(),
            "per_second": {"mapped": rate_json(growing.mapped, false), "resident": rate_json(growing.resident, false)}},
        "forecast": found, "sentences": sentences(facts, story, growing),
    })
}

fn bound_json(bound: &Bound) -> Value {
    let counts = if bound.counts == Counts::Mapped { "mapped" } else { "resident" };
    json!({"name": bound.name, "counts": counts, "limit": bound.limit, "used": bound.used, "room": bound.room()})
}

fn group_json(group: &Group) -> Value {
    json!({"path": group.path, "version": group.version, "limit": group.limit, "high": group.high,
        "current": group.current, "reclaimable": group.reclaimable, "swap_limit": group.swap_limit,
        "limited": group.limited, "slowed": group.slowed, "oom_kill": group.killed})
}

/// A rate, with the points that it was taken from: `[hit, bytes]` or `[second, bytes]`.
fn rate_json(rate: Option<Rate>, is_per_hit: bool) -> Value {
    let point = |(at, bytes): (f64, u64)| match is_per_hit {
        true => json!([at as u64, bytes]),
        false => json!([at, bytes]),
    };
    rate.map_or(Value::Null, |rate| {
        json!({"bytes": rate.bytes(), "from": point(rate.from), "to": point(rate.to), "points": rate.points,
            "steady": rate.steady})
    })
}

#[cfg(test)]
mod tests {
    use super::super::bounds::tests::{facts, growing};
    use super::*;
    use crate::addr::{Pid, Seq, Tid};
    use crate::event::{Event, EventKind};

    fn told(facts: &Facts, growing: &Growing) -> String {
        text(facts, None, growing)
    }

    #[test]
    fn growth_is_recorded_and_its_end_is_inferred() {
        let page = told(&facts(), &growing(1, 1));
        for line in [
            "process 7\nresident  8 MiB\nmapped    30.0 MiB, data 10.0 MiB, 20 of 65530 mappings\n",
            "limits, the tightest first\n  RLIMIT_DATA: 110.0 MiB, 10.0 MiB used, 100.0 MiB left\n",
            "  not set: RLIMIT_AS\n",
            "[recorded] malloc's memory grew by 1 MiB per hit of breakpoint 2 (resident: 1 MiB): 4 MiB in hits 1 to \
             5, 5 points.\n",
            "[inferred] At this rate RLIMIT_DATA, with 100.0 MiB left, is met at about hit 105 of breakpoint 2 (100 from \
             now, 50.0 s of running), if all else stays (5 points of mapped bytes); brk and mmap are refused then, and \
             malloc returns NULL.\n",
        ] {
            assert!(page.contains(line), "{line:?} is not in:\n{page}");
        }
        let json = memory_json(&facts(), None, &growing(1, 1));
        assert_eq!((&json["schema"], &json["forecast"]["hit"]), (&json!("brkwater.memory/1"), &json!(105)));
        assert_eq!(json["forecast"]["evidence"], "inferred");
        let far = Facts { data: None, ..facts() };
        assert!(
            told(&far, &growing(1, 1))
                .contains("no limit is near: the machine's memory and swap, with 600.0 MiB left")
        );
        assert!(closing(&far, &growing(1, 1)).is_some_and(|end| end.text.ends_with("2. No limit is near.")));
        let end = closing(&facts(), &growing(1, 1)).unwrap();
        assert!(end.text.contains("per hit of breakpoint 2. At this rate RLIMIT_DATA"), "{}", end.text);
    }

    #[test]
    fn too_little_is_said_to_be_too_little() {
        let page = told(&facts(), &Growing::default());
        assert!(page.contains("[unknown] How fast it grows is not known: it takes three hits"), "{page}");
        assert!(!page.contains("[inferred]"), "{page}");
        assert_eq!(closing(&facts(), &Growing::default()), None);
        assert!(
            told(&facts(), &growing(0, 0)).contains("[inferred] At this rate none of these limits is met.")
        );
    }

    #[test]
    fn what_the_oom_killer_did_is_told() {
        let group = Group {
            path: "/a\u{1b}[31m".into(),
            version: 2,
            limit: Some(64 << 20),
            high: Some(32 << 20),
            current: Some(60 << 20),
            limited: Some(9),
            slowed: Some(4),
            killed: Some(1),
            ..Group::default()
        };
        let page = told(&Facts { cgroups: Ok(vec![group.clone()]), ..facts() }, &Growing::default());
        for words in [
            "[measured] The OOM killer ended one process in",
            "was hit 9 times so far",
            "is above its memory.high, 32.0 MiB: above, it is slowed down, it was 4 times.",
        ] {
            assert!(page.contains(words), "{words:?} is not in:\n{page}");
        }
        assert!(!page.contains('\u{1b}'), "{page:?}");
        // A kill of before it came is not its own.
        let mut story = Story::default();
        let kind = EventKind::Exited(ExitStatus::Signal(9));
        story.apply(&Event { seq: Seq(1), t: 1.0, pid: Pid(7), tid: Tid(7), kind });
        let killed = |before: u64| {
            let before = vec![Group { killed: Some(before), ..group.clone() }];
            let ended = Facts { lives: false, cgroups: Ok(vec![group.clone()]), before, ..facts() };
            text(&ended, Some(&story), &Growing::default())
        };
        assert!(
            killed(0).contains("since it came (oom_kill 1, 0 then): it was probably this one."),
            "{}",
            killed(0)
        );
        assert!(killed(1).contains("its cgroups count no OOM kill since it came."), "{}", killed(1));
        let page = told(&Facts { cgroups: Err("No cgroup here.".into()), ..facts() }, &Growing::default());
        assert!(page.contains("[unknown] No cgroup here.\n"), "{page}");
    }
}

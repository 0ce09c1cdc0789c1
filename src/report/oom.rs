//! What the kernel's log says of processes that its OOM killer ended, in sentences: `brkwater doctor oom`.
//!
//! The kernel wrote the log, so its numbers are recorded; that a limit was the reason is what it says itself. What a
//! report lacks is said to be unknown. How the next one is caught is advice, and has no evidence.

use super::escape::plain;
use super::words::{count, size};
use crate::heap::story::Evidence;
use crate::kernel::oomlog::{Kill, Reach, Usage};

/// The page of these kills, the newest last.
#[must_use]
pub fn page(kills: &[Kill]) -> String {
    kills.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(kill: &Kill) -> String {
    let when = if kill.when.is_empty() { String::new() } else { format!(" at {}", plain(&kill.when)) };
    let mut text =
        format!("process {} ({}) was ended by the OOM killer{when}\n", kill.pid, plain(&kill.name));
    for (evidence, sentence) in sentences(kill) {
        text.push_str(&format!("{evidence} {sentence}\n"));
    }
    text
}

fn sentences(kill: &Kill) -> Vec<(Evidence, String)> {
    let mut out = vec![had(kill)];
    out.push(reason(kill));
    let recorded = |text: String| (Evidence::Recorded, text);
    if let Some(swap) = kill.group_swap.filter(|swap| swap.limit == Some(0) || swap.used > 0) {
        out.push(recorded(format!("Its cgroup's swap: {}.", of(swap))));
    }
    if let Some(group) =
        kill.group.as_ref().filter(|group| kill.limited.as_ref().is_some_and(|limited| limited != *group))
    {
        out.push(recorded(format!("The process was in {}, below it.", plain(group))));
    }
    if kill.together {
        out.push(recorded("All of the cgroup were ended together (memory.oom.group).".to_owned()));
    }
    if let Some(parent) = &kill.instead_of {
        out.push(recorded(format!(
            "The kernel had chosen its parent, {}, and ended a child in its place.",
            plain(parent)
        )));
    }
    if let Some(asked) = kill.asked.as_ref().filter(|asked| **asked != kill.name) {
        out.push(recorded(format!(
            "It was {} that asked for memory; the one that asks need not be the one that has it.",
            plain(asked)
        )));
    }
    if let Some(adj) = kill.adj.filter(|adj| *adj != 0) {
        let sooner = if adj > 0 { "sooner" } else { "later" };
        out.push(recorded(format!(
            "Its oom_score_adj was {adj}: it was to be taken {sooner} than its size alone would have it."
        )));
    }
    out.extend(others(kill).map(recorded));
    out
}

/// What it had when it was ended.
fn had(kill: &Kill) -> (Evidence, String) {
    let Some(rss) = kill.rss() else {
        return (Evidence::Unknown, "How much of it was resident is not in the log.".to_owned());
    };
    let part = |name: &str, bytes: Option<u64>| bytes.map(|bytes| format!("{name} {}", size(bytes)));
    let parts = [
        part("anonymous", kill.anon),
        part("of files", kill.file),
        part("shared", kill.shmem),
        part("in swap", kill.swap.filter(|bytes| *bytes > 0)),
        part("page tables", kill.tables),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let mapped = kill.mapped.map(|bytes| format!("; {} were mapped", size(bytes))).unwrap_or_default();
    (Evidence::Recorded, format!("It had {} resident ({}){mapped}.", size(rss), parts.join(", ")))
}

/// What ran out.
fn reason(kill: &Kill) -> (Evidence, String) {
    let group = kill.limited.as_deref().map(plain);
    let text = match (kill.reach, &group, kill.memory) {
        (None, ..) => return (Evidence::Unknown, "Whether the machine's memory ran out or a cgroup's limit was met is not in the log.".into()),
        (Some(Reach::Machine), ..) => "The machine's memory ran out: no cgroup's limit was the reason.".to_owned(),
        (Some(Reach::Cpuset), ..) => "The memory of the nodes that its cpuset allows ran out, not the whole machine's.".to_owned(),
        (Some(Reach::Policy), ..) => "The memory of the nodes that its memory policy allows ran out, not the whole machine's.".to_owned(),
        (Some(Reach::Cgroup), Some(group), Some(memory)) => {
            format!("The limit of its cgroup was met, not the machine's memory: {group} had {}.", of(memory))
        }
        (Some(Reach::Cgroup), Some(group), None) => {
            format!("The limit of its cgroup was met, not the machine's memory: {group}; how high it is is not in the log.")
        }
        (Some(Reach::Cgroup), None, Some(memory)) => {
            format!("The limit of a cgroup was met, not the machine's memory: {}.", of(memory))
        }
        (Some(Reach::Cgroup), None, None) => {
            "The limit of a cgroup was met, not the machine's memory; which one, and how high, is not in the log.".to_owned()
        }
    };
    (Evidence::Recorded, text)
}

fn of(usage: Usage) -> String {
    match usage.limit {
        Some(limit) => format!("{} of {}", size(usage.used), size(limit)),
        None => format!("{}, without a limit", size(usage.used)),
    }
}

/// Who else was there: the largest of the table, when that was not the one that was ended, or not it alone.
fn others(kill: &Kill) -> Option<String> {
    let others = kill.largest.iter().filter(|task| task.pid.0 != kill.pid).take(3);
    let names: Vec<String> =
        others.map(|task| format!("{} ({}) {}", task.pid.0, plain(&task.name), size(task.rss))).collect();
    let counted = count(kill.tasks as u64, "process").replace("processs", "processes");
    (!names.is_empty())
        .then(|| format!("Of the {counted} that could be chosen, others had: {}.", names.join(", ")))
}

/// How to see the next one come.
#[must_use]
pub fn advice(kill: &Kill) -> String {
    // A name that a shell would read otherwise is not put into a line for it.
    let simple =
        kill.name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) && !kill.name.is_empty();
    let pid = if simple { format!("$(pgrep -nx {})", kill.name) } else { "PID".to_owned() };
    format!(
        "To see the next one come (SIGKILL leaves no core):\n  \
         brkwater doctor oom {pid}\n      what it has left until each limit\n  \
         brkwater record -o oom.rec -p {pid}\n      \
         who asks for memory, up to the kill; \"brkwater open oom.rec\" shows it\n  \
         brkwater -batch -p {pid} -ex 'break brk' -ex continue -ex bt -ex 'info memory'\n      \
         who asks for more, and what bounds it; \"info growth\" tells where it went\n  \
         prlimit --pid {pid} --data=BYTES\n      \
         below the limit: malloc returns NULL then, where a debugger can look, in place of the kill\n  \
         gcore {pid}\n      keeps a core while it lives; \"brkwater PROGRAM CORE\" reads the heap in it\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Pid;
    use crate::kernel::oomlog::Task;

    fn kill() -> Kill {
        Kill {
            when: "12.5".into(),
            pid: 7,
            name: "eater\u{1b}[31m".into(),
            reach: Some(Reach::Cgroup),
            anon: Some(20 << 20),
            file: Some(0),
            limited: Some("/a".into()),
            group: Some("/a/b".into()),
            memory: Some(Usage { used: 64 << 20, limit: Some(64 << 20) }),
            adj: Some(300),
            asked: Some("other".into()),
            largest: vec![Task { pid: Pid(8), name: "big".into(), rss: 40 << 20, swap: None, adj: None }],
            tasks: 2,
            ..Kill::default()
        }
    }

    #[test]
    fn a_kill_is_told_with_what_the_log_says() {
        let text = page(&[kill()]);
        for words in [
            "process 7 (eater\\033[31m) was ended by the OOM killer at 12.5\n",
            "[recorded] It had 20 MiB resident (anonymous 20 MiB, of files 0 bytes).\n",
            "[recorded] The limit of its cgroup was met, not the machine's memory: /a had 64 MiB of 64 MiB.\n",
            "The process was in /a/b, below it.",
            "It was other that asked for memory",
            "taken sooner than its size",
            "Of the 2 processes that could be chosen, others had: 8 (big) 40 MiB.\n",
        ] {
            let text = text.replace(".0 MiB", " MiB");
            assert!(text.contains(words), "{words:?} is not in:\n{text}");
        }
        assert!(!text.contains('\u{1b}') && advice(&kill()).contains("brkwater doctor oom PID\n"));
    }

    #[test]
    fn what_the_log_lacks_is_unknown() {
        let text = page(&[Kill { pid: 7, name: "x".into(), ..Kill::default() }]);
        assert!(
            text.contains("[unknown] How much of it was resident is not in the log.\n[unknown] Whether"),
            "{text}"
        );
        let machine = Kill { reach: Some(Reach::Machine), ..kill() };
        assert!(page(&[machine]).contains("The machine's memory ran out: no cgroup's limit was the reason."));
    }
}

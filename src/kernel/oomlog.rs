//! The OOM killer's words in the kernel's log, of kernels 3.10 to 6.18 (mm/oom_kill.c, mm/memcontrol.c), as values.
//!
//! A report is several lines: who asked (`invoked oom-killer`), the cgroup whose limit it was, a table of tasks, what
//! was chosen and why (`oom-kill:constraint=`, since 5.0), and who was ended (`Killed process`). Any of them may be
//! missing: a log has a beginning, and may have been cut. Lines may have the stamps of dmesg, of `/dev/kmsg`, of
//! journalctl or of syslog. It reads text and nothing else; what a line does not say is `None`.

use crate::addr::{PAGE, Pid};

/// What ran out.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The machine's memory (`CONSTRAINT_NONE`).
    Machine,
    /// What a cgroup may have (`CONSTRAINT_MEMCG`).
    Cgroup,
    /// The memory of the nodes that a cpuset allows (`CONSTRAINT_CPUSET`).
    Cpuset,
    /// The memory of the nodes that a policy allows (`CONSTRAINT_MEMORY_POLICY`).
    Policy,
}

/// What a cgroup was using, and was allowed, when its limit was hit.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in use.
    pub used: u64,
    /// Bytes allowed; `None` is no limit.
    pub limit: Option<u64>,
}

/// A line of the table of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The process.
    pub pid: Pid,
    /// Its name, as `comm` has it.
    pub name: String,
    /// Resident bytes.
    pub rss: u64,
    /// Bytes in swap.
    pub swap: Option<u64>,
    /// Its `oom_score_adj`.
    pub adj: Option<i64>,
}

/// One process that was ended, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kill {
    /// The stamp of its line, as it is in the log.
    pub when: String,
    /// The process.
    pub pid: i32,
    /// Its name, as `comm` has it.
    pub name: String,
    /// What ran out.
    pub reach: Option<Reach>,
    /// All that was mapped.
    pub mapped: Option<u64>,
    /// Resident and of no file.
    pub anon: Option<u64>,
    /// Resident pages of files.
    pub file: Option<u64>,
    /// Resident and shared.
    pub shmem: Option<u64>,
    /// Page tables.
    pub tables: Option<u64>,
    /// In swap (from the table).
    pub swap: Option<u64>,
    /// Its user.
    pub uid: Option<u32>,
    /// Its `oom_score_adj`.
    pub adj: Option<i64>,
    /// The cgroup whose limit was hit.
    pub limited: Option<String>,
    /// The cgroup that the process was in.
    pub group: Option<String>,
    /// What the limited cgroup was using.
    pub memory: Option<Usage>,
    /// Its swap (version 2).
    pub group_swap: Option<Usage>,
    /// Whose request for memory it was that could not be met.
    pub asked: Option<String>,
    /// All of a cgroup are ended together (`memory.oom.group`).
    pub together: bool,
    /// It was ended because its parent was chosen (kernels before 5.1).
    pub instead_of: Option<String>,
    /// The largest tasks of the table, the largest first.
    pub largest: Vec<Task>,
    /// How many tasks the table has.
    pub tasks: usize,
}

/// How many tasks of a table are kept.
const LARGEST: usize = 5;

/// The kills that a log tells of, in its order: the newest last.
#[must_use]
pub fn kills(log: &str) -> Vec<Kill> {
    let mut found = Vec::new();
    let mut report = Report::default();
    for line in log.lines() {
        let (when, message) = stamped(line);
        if let Some(mut kill) = report.take(message) {
            kill.when = when.to_owned();
            found.push(kill);
            // The kernel leaves reports out when there are many: what was said of one is not said of the next.
            if !report.shared.together {
                let before = std::mem::take(&mut report);
                report.before = Some(before.shared);
            }
        }
    }
    found
}

/// The lines of a report so far.
#[derive(Default)]
struct Report {
    shared: Kill,
    /// The table of tasks: where each column is.
    columns: Option<Columns>,
    /// The process that was chosen, where it is named apart from who was ended.
    chosen: Option<i32>,
    /// What was said before the last kill: it counts for the others of its cgroup, if they are ended together.
    before: Option<Kill>,
}

#[derive(Copy, Clone)]
struct Columns {
    /// How many words stand before the name.
    count: usize,
    rss: usize,
    swap: Option<usize>,
    adj: Option<usize>,
}

impl Report {
    fn take(&mut self, message: &str) -> Option<Kill> {
        if let Some((name, _)) = message.split_once(" invoked oom-killer: ") {
            *self = Report::default();
            self.shared.asked = Some(name.to_owned());
        } else if let Some(rest) = message.strip_prefix("oom-kill:constraint=") {
            self.constraint(rest);
        } else if let Some(rest) = message.strip_prefix("Task in ") {
            // Before 4.20: `Task in /a/b killed as a result of limit of /a`.
            if let Some((group, limited)) = rest.split_once(" killed as a result of limit of ") {
                self.shared.group = Some(group.to_owned());
                self.shared.limited = Some(limited.trim_end().to_owned());
                self.shared.reach = Some(Reach::Cgroup);
            }
        } else if let Some(rest) = message.strip_prefix("memory: usage ") {
            self.shared.memory = usage(rest);
        } else if let Some(rest) = message.strip_prefix("swap: usage ") {
            self.shared.group_swap = usage(rest);
        } else if message.starts_with("Tasks in ") && message.contains("memory.oom.group") {
            self.shared = self.before.take().unwrap_or_default();
            self.shared.together = true;
        } else if message.starts_with('[') && message.contains("total_vm") {
            self.columns = columns(message);
        } else if message.starts_with('[') && self.columns.is_some() {
            self.row(message);
        } else {
            return self.kill(message);
        }
        None
    }

    /// `CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=x,pid=1,uid=0`. A
    /// path may hold commas, a name anything.
    fn constraint(&mut self, rest: &str) {
        self.shared.reach = match rest.split(',').next().unwrap_or_default() {
            "CONSTRAINT_NONE" => Some(Reach::Machine),
            "CONSTRAINT_MEMCG" => Some(Reach::Cgroup),
            "CONSTRAINT_CPUSET" => Some(Reach::Cpuset),
            "CONSTRAINT_MEMORY_POLICY" => Some(Reach::Policy),
            _ => None,
        };
        let between = |from: &str, to: &str| {
            let (_, rest) = rest.split_once(from)?;
            Some(rest.split_once(to)?.0.to_owned())
        };
        self.shared.limited = between(",oom_memcg=", ",task_memcg=");
        self.shared.group = between(",task_memcg=", ",task=");
        self.chosen = rest.rsplit_once(",pid=").and_then(|(_, rest)| rest.split(',').next()?.parse().ok());
    }

    fn row(&mut self, message: &str) {
        let Some(columns) = self.columns else { return };
        let (Some(task), shared) = (task(message, columns), &mut self.shared) else { return };
        shared.tasks += 1;
        let at = shared.largest.partition_point(|other| other.rss >= task.rss);
        if at < LARGEST {
            shared.largest.truncate(LARGEST - 1);
            shared.largest.insert(at, task);
        }
    }

    /// `Killed process 5 (name) total-vm:…`, with `Memory cgroup out of memory: ` or `Out of memory: ` before it.
    fn kill(&mut self, message: &str) -> Option<Kill> {
        let at = message.find("Kill process ").or_else(|| message.find("Killed process "))?;
        let (before, rest) = message.split_at(at);
        let reach = match before {
            "" => None,
            _ if before.starts_with("Memory cgroup out of memory") => Some(Reach::Cgroup),
            _ if before.starts_with("Out of memory") => Some(Reach::Machine),
            // A program of another name wrote this.
            _ => return None,
        };
        self.shared.reach = self.shared.reach.or(reach);
        if let Some(rest) = rest.strip_prefix("Kill process ") {
            // Before 5.0 the chosen one is named first, and then who was ended: it, or a child of it.
            let (pid, name, _) = named(rest, &[" score "])?;
            self.chosen = Some(pid);
            self.shared.instead_of = Some(name.to_owned());
            return None;
        }
        let rest = rest.strip_prefix("Killed process ")?;
        let (pid, name, values) = named(rest, &[" total-vm:", ", UID "])?;
        let row = self.shared.largest.iter().find(|task| task.pid.0 == pid);
        let bytes = |key: &str| kilobytes(values.split_once(key)?.1);
        let number = |keys: &[&str]| {
            keys.iter().find_map(|key| {
                let rest = values.split_once(key)?.1;
                let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(rest.len());
                rest[..end].parse::<i64>().ok()
            })
        };
        Some(Kill {
            pid,
            name: name.to_owned(),
            mapped: bytes("total-vm:"),
            anon: bytes("anon-rss:"),
            file: bytes("file-rss:"),
            shmem: bytes("shmem-rss:"),
            tables: bytes("pgtables:"),
            swap: row.and_then(|row| row.swap),
            uid: number(&["UID:", "UID "]).and_then(|uid| u32::try_from(uid).ok()),
            adj: number(&["oom_score_adj:"]).or_else(|| row.and_then(|row| row.adj)),
            instead_of: self.shared.instead_of.clone().filter(|_| self.chosen != Some(pid)),
            ..self.shared.clone()
        })
    }
}

impl Kill {
    /// What was resident when it was ended.
    #[must_use]
    pub fn rss(&self) -> Option<u64> {
        let parts = [self.anon, self.file, self.shmem];
        parts.iter().any(Option::is_some).then(|| parts.into_iter().flatten().fold(0, u64::saturating_add))
    }
}

/// The stamp of a line, and the kernel's message.
fn stamped(line: &str) -> (&str, &str) {
    let line = line.trim_end();
    // journalctl and syslog: `Nov 27 23:40:46 host kernel: message`.
    let (outer, mut rest) = match line.split_once(" kernel: ") {
        Some((before, rest)) if before.len() < 100 && !before.contains("rocess ") => {
            (before.rsplit_once(' ').map_or(before, |(time, _host)| time), rest)
        }
        _ => ("", line),
    };
    // `/dev/kmsg`: `4,1234,22796731467,-;message`; dmesg --raw: `<4>[22796.731467] message`.
    let mut stamp = outer;
    if let Some((head, message)) = rest.split_once(';') {
        let fields: Vec<&str> = head.split(',').collect();
        if fields.len() >= 4 && fields[..3].iter().all(|field| is_number(field)) {
            (stamp, rest) = (if outer.is_empty() { fields[2] } else { outer }, message);
        }
    }
    if let Some((level, message)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'))
        && is_number(level)
    {
        rest = message;
    }
    // dmesg --decode: `kern  :warn  : [..] message`.
    if let Some((facility, message)) = rest.split_once(": [")
        && facility.contains(':')
        && facility.len() < 20
    {
        rest = &rest[rest.len() - message.len() - 1..];
    }
    if let Some((time, message)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // A row of the table begins with a number in brackets as well; a time has a dot, a date letters.
        if time.contains('.') || time.contains(':') {
            stamp = if outer.is_empty() { time.trim() } else { outer };
            rest = message.strip_prefix(' ').unwrap_or(message);
        }
    }
    (stamp, rest)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `5 (name) total-vm:…`: a name may hold parentheses and blanks, so what stands behind it decides.
fn named<'a>(text: &'a str, behind: &[&str]) -> Option<(i32, &'a str, &'a str)> {
    let (pid, rest) = text.split_once(" (")?;
    let pid = pid.parse().ok()?;
    let end = behind.iter().find_map(|behind| rest.rfind(&format!("){behind}")))?;
    Some((pid, &rest[..end], &rest[end + 1..]))
}

/// `102400kB, limit 102400kB, failcnt 71`. The highest limits that there can be are none.
fn usage(text: &str) -> Option<Usage> {
    let used = kilobytes(text)?;
    let limit = kilobytes(text.split_once("limit ")?.1);
    Some(Usage { used, limit: limit.filter(|limit| *limit < 1 << 60) })
}

/// `102400kB…` in bytes.
fn kilobytes(text: &str) -> Option<u64> {
    let (number, _) = text.split_once("kB")?;
    // More than there can be is as much as there can be.
    Some(number.trim().parse::<u64>().ok()?.saturating_mul(1024))
}

/// `[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name`, whatever else is in it.
fn columns(header: &str) -> Option<Columns> {
    let (_, rest) = header.split_once(']')?;
    let names: Vec<&str> = rest.split_whitespace().collect();
    let at = |name: &str| names.iter().position(|other| *other == name);
    Some(Columns { count: at("name")?, rss: at("rss")?, swap: at("swapents"), adj: at("oom_score_adj") })
}

fn task(row: &str, columns: Columns) -> Option<Task> {
    let (pid, mut rest) = row.strip_prefix('[')?.split_once(']')?;
    let mut words = Vec::with_capacity(columns.count);
    for _ in 0..columns.count {
        rest = rest.trim_start();
        let (word, behind) = rest.split_once(' ')?;
        words.push(word);
        rest = behind;
    }
    let pages = |at: usize| words.get(at)?.parse::<u64>().ok().map(|pages| pages.saturating_mul(PAGE));
    Some(Task {
        pid: Pid(pid.trim().parse().ok()?),
        name: rest.trim().to_owned(),
        rss: pages(columns.rss)?,
        swap: columns.swap.and_then(pages),
        adj: columns.adj.and_then(|at| words.get(at)?.parse().ok()),
    })
}

#[cfg(test)]
#[path = "oomlog/tests.rs"]
mod tests;

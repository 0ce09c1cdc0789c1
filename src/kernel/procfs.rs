//! The few files of `/proc/PID` that we need (proc(5)), each as a value.
//!
//! A process may vanish between two reads, so every function returns an error or an empty list and no caller
//! may treat that as strange.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::addr::{Addr, PAGE, Pid, Tid};
use crate::maps::{self, Mapping};

/// The mappings of a process, sorted by address; empty when it is gone.
#[must_use]
pub fn mappings(pid: Pid) -> Vec<Mapping> {
    // Paths may hold any byte; a replacement character in one path is better than no map.
    fs::read(format!("/proc/{pid}/maps"))
        .map(|text| maps::parse(&String::from_utf8_lossy(&text)))
        .unwrap_or_default()
}

/// The threads of a process, as the kernel lists them; empty when it is gone.
#[must_use]
pub fn threads(pid: Pid) -> Vec<Tid> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let mut tids: Vec<Tid> =
        entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok().map(Tid)).collect();
    tids.sort_unstable();
    tids
}

/// The file that a process executes.
///
/// # Errors
/// Those of reading the link.
pub fn executable(pid: Pid) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe"))
}

/// Whether a path, as we see it, leads to the program of a process: it may live elsewhere, or its file be gone.
#[must_use]
pub fn runs(pid: Pid, path: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
    let theirs = identity(Path::new(&format!("/proc/{pid}/exe")));
    theirs.is_some() && identity(path) == theirs
}

/// The arguments that a process was started with, the program's name first.
#[must_use]
pub fn command_line(pid: Pid) -> Vec<String> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = text.strip_suffix(b"\0").unwrap_or(&text);
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// The environment that a process was started with, name and value; empty where it may not be read.
#[must_use]
pub fn environment(pid: Pid) -> Vec<(String, String)> {
    let text = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let variables = text.split(|b| *b == 0).map(|variable| String::from_utf8_lossy(variable).into_owned());
    variables
        .filter_map(|text| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect()
}

/// The directory that a process works in.
///
/// # Errors
/// Those of reading the link.
pub fn directory(pid: Pid) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd"))
}

/// The text of a file of `/proc/PID`, such as `status`.
///
/// # Errors
/// Those of reading it.
pub fn text(pid: Pid, file: &str) -> io::Result<String> {
    fs::read(format!("/proc/{pid}/{file}")).map(|text| String::from_utf8_lossy(&text).into_owned())
}

/// A thread's name, as `comm` gives it.
#[must_use]
pub fn name(pid: Pid, tid: Tid) -> String {
    fs::read_to_string(format!("/proc/{pid}/task/{tid}/comm")).unwrap_or_default().trim_end().to_owned()
}

/// The auxiliary vector as pairs of type and value.
#[must_use]
pub fn auxv(pid: Pid) -> Vec<(u64, u64)> {
    let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
    fs::read(format!("/proc/{pid}/auxv"))
        .unwrap_or_default()
        .chunks_exact(16)
        .map(|pair| (word(&pair[..8]), word(&pair[8..])))
        .take_while(|(kind, _)| *kind != 0)
        .collect()
}

/// One line of `/proc/PID/status` behind its name and colon, trimmed.
#[must_use]
pub fn status_field(pid: i32, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
}

/// The process that a thread belongs to.
#[must_use]
pub fn thread_group(tid: Tid) -> Option<Pid> {
    status_field(tid.0, "Tgid")?.parse().ok().map(Pid)
}

/// When a process was started, in clock ticks since boot (proc(5), `stat` field 22): with its number, this names a
/// process for good. `None` when it is gone.
#[must_use]
pub fn start_time(pid: Pid) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the state, field 3, follows the last one.
    stat.rsplit(") ").next()?.split(' ').nth(22 - 3)?.parse().ok()
}

/// Whether a thread has ended and only waits to be reaped.
#[must_use]
pub fn is_zombie(tid: Tid) -> bool {
    status_field(tid.0, "State").is_some_and(|state| state.starts_with(['Z', 'X']))
}

/// Whether every thread of a process stands, held by a debugger or by a signal (proc(5), `status`); false when it is gone.
#[must_use]
pub fn stands(pid: Pid) -> bool {
    let stands = |tid: &Tid| status_field(tid.0, "State").is_some_and(|state| state.starts_with(['t', 'T']));
    let tids = threads(pid);
    !tids.is_empty() && tids.iter().all(stands)
}

/// Where the break of a process began (field 47 of `/proc/PID/stat`).
#[must_use]
pub fn start_brk(pid: Pid) -> Option<Addr> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces and parentheses; the numbers begin behind the last one.
    let (_, rest) = text.rsplit_once(") ")?;
    rest.split(' ').nth(47 - 3)?.parse().ok().filter(|at| *at != 0).map(Addr)
}

/// Virtual size and resident set of a process, in bytes.
#[must_use]
pub fn usage(pid: Pid) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = text.split(' ').map(|word| word.parse::<u64>().unwrap_or(0) * PAGE);
    Some((pages.next()?, pages.next()?))
}

/// What `/proc/PID/stat` tells of a process beyond its memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// A letter: running, sleeping and so on.
    pub state: u8,
    /// Its parent, its process group, its session.
    pub relatives: [i32; 3],
    /// The kernel's flags of it.
    pub flags: u64,
    /// Its nice value.
    pub nice: i8,
}

/// The numbers of a process; zeros when it is gone.
#[must_use]
pub fn stat(pid: Pid) -> Stat {
    let text = text(pid, "stat").unwrap_or_default();
    // The name in parentheses may hold anything; the state, field 3, follows the last one.
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or_default();
    let id = |number| field(number).parse().unwrap_or(0);
    Stat {
        state: field(3).bytes().next().unwrap_or(0),
        relatives: [id(4), id(5), id(6)],
        flags: field(9).parse().unwrap_or(0),
        nice: field(19).parse().unwrap_or(0),
    }
}

/// A soft limit of `/proc/PID/limits` by its name there (`Max data size`, `Max address space`), in bytes.
/// `None` when it is unlimited or not known.
#[must_use]
pub fn limit(pid: Pid, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_described() {
        let me = Pid(std::process::id() as i32);
        assert!(mappings(me).iter().any(|m| m.path == "[stack]"));
        assert!(threads(me).contains(&Tid(me.0)));
        assert_eq!(command_line(me), std::env::args().collect::<Vec<_>>());
        assert!(auxv(me).iter().any(|&(kind, value)| kind == 6 && value == PAGE), "AT_PAGESZ");
        assert_eq!(thread_group(Tid(me.0)), Some(me));
        let (vsz, rss) = usage(me).unwrap();
        assert!(vsz > rss && rss > 0);
    }

    #[test]
    fn a_process_that_is_not_there_is_empty_not_an_error() {
        let nobody = Pid(i32::MAX);
        assert!(mappings(nobody).is_empty() && threads(nobody).is_empty() && auxv(nobody).is_empty());
        assert_eq!((start_brk(nobody), usage(nobody)), (None, None));
    }
}

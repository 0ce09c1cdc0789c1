//! The most memory that a debugger used: the peaks of its processes together, the target left out.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// What the debuggers' processes are called (`/proc/PID/comm`).
const NAMES: [&str; 3] = ["brkwater", "brk-engine", "gdb"];

/// Runs a command and answers its peak in bytes: the sum of `VmHWM` over it and the debuggers' processes below it, as
/// last seen before each ended. Pages that two of them share count twice.
pub(crate) fn peak(mut command: Command) -> u64 {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut seen: Vec<(u32, u64)> = Vec::new();
    while matches!(child.try_wait(), Ok(None)) {
        look(child.id(), &mut seen);
        sleep(Duration::from_millis(2));
    }
    seen.iter().map(|(_, bytes)| bytes).sum()
}

fn look(pid: u32, seen: &mut Vec<(u32, u64)>) {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    if !NAMES.contains(&read("comm").trim()) {
        return;
    }
    let status = read("status");
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = kilobytes.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    if let Some(bytes) = kilobytes.map(|kilobytes| kilobytes << 10) {
        match seen.iter_mut().find(|(known, _)| *known == pid) {
            Some((_, known)) => *known = bytes.max(*known),
            None => seen.push((pid, bytes)),
        }
    }
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for thread in threads {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children
            .split_whitespace()
            .filter_map(|child| child.parse().ok())
            .for_each(|child| look(child, seen));
    }
}

//! `brkwater doctor`: what stands in the way of attaching, and what the OOM killer did or will do.
//!
//! It asks `/proc` and the kernel's log, and no process: nothing is attached to, nothing is stopped.

use std::path::Path;

use crate::addr::Pid;
use crate::command;
use crate::heap::story::forecast::Growing;
use crate::kernel::oomlog::{self, Kill};
use crate::kernel::permission::{Tracee, Tracer};
use crate::kernel::{klog, procfs};
use crate::report::escape::plain;
use crate::report::memory;
use crate::report::oom;

/// What to print, or what went wrong.
pub(super) fn run(words: &[String]) -> Result<String, String> {
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Ok(attaching(None)),
        ["oom"] => every_kill(),
        ["oom", word] => match word.parse::<i32>() {
            Ok(pid) if pid > 0 && !Path::new(word).exists() => one(Pid(pid)),
            _ => log_file(word),
        },
        [word] => match word.parse::<i32>() {
            Ok(pid) if pid > 0 => {
                let pid = Pid(pid);
                let tracee = Tracee::read(pid)
                    .ok_or_else(|| format!("ptrace: No such process.\n  hint: there is no process {pid}"))?;
                Ok(attaching(Some((pid, &tracee))))
            }
            _ => Err(format!(
                "\"{}\" is no process id; brkwater doctor [PID], brkwater doctor oom [PID|LOG]",
                plain(word)
            )),
        },
        _ => Err("brkwater doctor takes a PID; brkwater doctor oom takes a PID or a LOG".to_owned()),
    }
}

/// What stands in the way of attaching: to anything, or to one process.
fn attaching(process: Option<(Pid, &Tracee)>) -> String {
    let tracer = Tracer::read();
    let scope = tracer.scope.map_or_else(|| "not there".to_owned(), |scope| scope.to_string());
    let has = |has: bool| if has { "yes" } else { "no" };
    let mut text = format!(
        "we are user {}, CAP_SYS_PTRACE {}, kernel.yama.ptrace_scope {scope}, container {}\n",
        tracer.uid.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string()),
        has(tracer.capable),
        tracer.container.unwrap_or("no sign of one"),
    );
    let mut obstacles = tracer.obstacles();
    if let Some((pid, tracee)) = process {
        let name = procfs::name(pid, crate::addr::Tid(pid.0));
        text.push_str(&format!("process {pid} ({})\n", plain(&name)));
        obstacles.extend(tracee.obstacles(pid, &tracer));
        if let Some(profile) = &tracee.profile {
            text.push_str(&format!("[measured] A security module confines it: {}.\n", plain(profile)));
        }
    }
    for obstacle in &obstacles {
        text.push_str(&format!("[measured] {obstacle}\n"));
    }
    let open = process.and_then(|(_, tracee)| tracee.open);
    text.push_str(match (open, obstacles.is_empty()) {
        (Some(true), true) => "[measured] Nothing stands in the way: the kernel lets us open its memory, which takes the same right as attaching.\n",
        (Some(true), false) => "[measured] The kernel lets us open its memory, which takes the same right as attaching; what is said above may stand in the way all the same.\n",
        (Some(false), true) => "[unknown] The kernel does not let us open its memory, and nothing of the above is the reason: a security module may be.\n",
        (Some(false), false) => "[measured] The kernel does not let us open its memory: attaching will be refused.\n",
        (None, true) if process.is_none() => "[measured] Nothing of ours stands in the way; \"brkwater doctor PID\" looks at a process.\n",
        (None, _) => "",
    });
    text
}

/// All kills that the log still has.
fn every_kill() -> Result<String, String> {
    let kills = oomlog::kills(&klog::read()?);
    Ok(told(
        &kills,
        "The kernel's log has no OOM kill in it; it forgets what is old (\"journalctl -k\" may have more, for \"brkwater doctor oom LOG\").",
    ))
}

fn log_file(name: &str) -> Result<String, String> {
    let text = match name {
        "-" => std::io::read_to_string(std::io::stdin()).map(String::into_bytes),
        name => std::fs::read(name),
    };
    let text = text.map_err(|error| {
        let why = error.to_string();
        format!("{name}: {}.", why.split(" (os error").next().unwrap_or_default())
    })?;
    let kills = oomlog::kills(&String::from_utf8_lossy(&text));
    Ok(told(&kills, "There is no OOM kill in this log."))
}

fn told(kills: &[Kill], none: &str) -> String {
    match kills.last() {
        None => format!("{none}\n"),
        Some(last) => format!("{}\n{}", oom::page(kills), oom::advice(last)),
    }
}

/// One process: how it was ended, or what will end it.
fn one(pid: Pid) -> Result<String, String> {
    let lives = procfs::status_field(pid.0, "State").is_some_and(|state| !state.starts_with(['Z', 'X']));
    let log = klog::read();
    let kills: Vec<Kill> =
        log.iter().flat_map(|log| oomlog::kills(log)).filter(|kill| kill.pid == pid.0).collect();
    let mut text = oom::page(&kills);
    match (kills.last(), lives) {
        (Some(last), false) => text.push_str(&format!("\n{}", oom::advice(last))),
        (None, false) => {
            log?;
            text = format!("There is no process {pid}, and the kernel's log tells of no OOM kill of one.\n");
            if !is_first_namespace() {
                text.push_str("[unknown] The log counts processes as the machine does, and here they are counted otherwise: \"brkwater doctor oom\" shows all kills.\n");
            }
        }
        (killed, true) => {
            if killed.is_some() {
                text.push_str("\nThe number was given out again: this process is another one.\n");
            }
            let facts = command::memory_facts(pid, procfs::mappings(pid).len() as u64);
            text.push_str(&memory::text(&facts, None, &Growing::default()));
            text.push_str(&memory::endings(&facts));
        }
    }
    Ok(text)
}

/// Whether we count processes as the kernel's log does (include/linux/proc_ns.h, `PROC_PID_INIT_INO`).
fn is_first_namespace() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|name| name.as_os_str() == "pid:[4026531836]")
}

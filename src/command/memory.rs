//! How much memory the process has, what bounds it, how fast it grows: `info memory`.
//!
//! ```text
//! (brkwater) info memory
//! process 4697
//! resident  5.1 MiB, anonymous 4.0 MiB, of files 1.1 MiB, shared 0 bytes, at most 5.1 MiB
//! …
//! [recorded] malloc's memory grew by 830 KiB per hit of breakpoint 2 …
//! ```
//!
//! Here the numbers are gathered; what they mean is said in [`crate::report::memory`].

use serde_json::Value;

use super::args::{first_word, take_flag};
use super::error::{CommandError, Done};
use super::heap::say_json;
use super::look;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::Pid;
use crate::heap::story::forecast::Growing;
use crate::kernel::{cgroup, limits};
use crate::report::explain::Sentence;
use crate::report::memory::{self, Facts};
use crate::session::SessionError;

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["memory"],
    run: info_memory,
    help: "Memory of the process: resident and mapped, its limits, its growth, and when it meets one.\n\
           Usage: info memory [-json]\n\
           Limits are those of the process (RLIMIT_DATA, RLIMIT_AS), of its cgroup and those above, and the machine's.\n\
           Growth is what malloc got from the kernel per hit of each breakpoint, and per second of running.\n\
           A forecast draws that on; it wants three hits or three seconds, and says what it is taken from.",
    takes: Takes::Nothing,
}];

fn info_memory(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    let (word, _) = first_word(&rest);
    if !word.is_empty() {
        return Err(CommandError::say(format!("Invalid argument \"{word}\".")));
    }
    let pid = look::pid(shell).ok_or(CommandError::Session(SessionError::NotRunning))?;
    let then = super::witness::then(shell, false).map(|witness| witness.memory);
    let (text, value) = then.filter(|(text, _)| !text.is_empty()).unwrap_or_else(|| told(shell, pid));
    if json {
        return say_json(shell, &value);
    }
    shell.say(text);
    Ok(())
}

/// What there is to say of a process's memory, as text and as one object.
pub(super) fn told(shell: &Shell, pid: Pid) -> (String, Value) {
    let growing = growing(shell, pid);
    // The kernel walks over all pages for this: only where it is asked for.
    let rollup = if shell.session.exists() { limits::rollup(pid) } else { None };
    let facts = Facts { rollup, ..facts(shell, pid) };
    let story = shell.session.story();
    (memory::text(&facts, story, &growing), memory::memory_json(&facts, story, &growing))
}

/// What `explain` says of limits and growth at its end; nothing where nothing is known.
pub(super) fn closing(shell: &Shell, pid: Pid) -> Option<Sentence> {
    let growing = growing(shell, pid);
    let known = growing.work().is_some() || growing.mapped.is_some() || growing.resident.is_some();
    if !known {
        return None;
    }
    memory::closing(&facts(shell, pid), &growing)
}

fn growing(shell: &Shell, pid: Pid) -> Growing {
    let hits = |number| shell.session.hits_of(pid, number);
    shell.session.story().map(|story| Growing::of(story, &hits)).unwrap_or_default()
}

/// Reads what is quick to read. Of a process that has ended the cgroups are told that it was in when it came.
fn facts(shell: &Shell, pid: Pid) -> Facts {
    let before = shell.session.groups_at_start(pid).to_vec();
    let mappings = shell.session.mappings().len() as u64;
    if shell.session.exists() {
        return Facts { before, ..living(pid, mappings) };
    }
    let cgroups = match cgroup::again(&before) {
        groups if groups.is_empty() => {
            Err("The cgroup of the process that has ended is not known.".to_owned())
        }
        groups => Ok(groups),
    };
    Facts {
        lives: false,
        counters: limits::Counters::default(),
        data: None,
        address_space: None,
        cgroups,
        before,
        oom_score: None,
        oom_score_adj: None,
        ..living(pid, mappings)
    }
}

/// The same of any process that lives, which has so many mappings.
#[must_use]
pub fn living(pid: Pid, mappings: u64) -> Facts {
    Facts {
        pid,
        lives: true,
        counters: limits::counters(pid),
        rollup: None,
        data: limits::limit(pid, "Max data size"),
        address_space: limits::limit(pid, "Max address space"),
        cgroups: cgroup::groups(pid),
        before: Vec::new(),
        machine: limits::machine(),
        overcommit: limits::sysctl("overcommit_memory"),
        oom_score: limits::number(pid, "oom_score"),
        oom_score_adj: limits::number(pid, "oom_score_adj"),
        mappings: (mappings, limits::sysctl("max_map_count")),
    }
}

//! `brkwater trace -e SET`: any calls, beside the installed strace.
//!
//! What is compared is each thread's calls, with those put together that were unfinished in between: which thread comes first is
//! chance. Addresses, process ids and times are not compared.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{have, target};

/// The lines of each thread, in the order in which they were born.
type Threads = Vec<Vec<String>>;

fn traced(log: &Path, flags: &[&str], program: &str, arguments: &[&str]) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brkwater"));
    command.arg("trace").args(flags).args(["--no-stacks", "--no-fold", "-o"]).arg(log).arg("--");
    run(command.arg(program).args(arguments), log)
}

fn strace(log: &Path, flags: &[&str], program: &str, arguments: &[&str]) -> Option<i32> {
    let mut command = Command::new("setarch");
    command.args(["-R", "strace"]).args(flags).arg("-o").arg(log).arg(program).args(arguments);
    run(&mut command, log)
}

/// Both see the same environment, and a directory of their own.
fn run(command: &mut Command, log: &Path) -> Option<i32> {
    let environment =
        [("LINES", "24"), ("COLUMNS", "80"), ("SHELL", "/bin/sh"), ("LC_ALL", "C"), ("TZ", "UTC")];
    command.env_remove("DEBUGINFOD_URLS").envs(environment).current_dir(log.parent().unwrap());
    command.stdin(Stdio::null()).output().unwrap().status.code()
}

/// What both say of a program: theirs, ours.
fn both(sets: &str, program: &str, arguments: &[&str]) -> (Threads, Threads) {
    let log = |trace: fn(&Path, &[&str], &str, &[&str]) -> Option<i32>| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        trace(&path, &["-f", "-e", sets], program, arguments);
        threads(&String::from_utf8_lossy(&std::fs::read(path).unwrap()))
    };
    (log(strace), log(traced))
}

/// A log by threads, without what differs from run to run.
fn threads(log: &str) -> Threads {
    let calls = log.split("\n\n").next().unwrap();
    let mut by: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for line in calls.lines() {
        let (tid, text) = line.split_once(' ').unwrap_or_else(|| panic!("no thread: {line}"));
        by.entry(tid.parse().unwrap_or_else(|_| panic!("no thread: {line}")))
            .or_default()
            .push(text.trim_start());
    }
    let ids: Vec<String> = by.keys().map(u32::to_string).collect();
    by.into_values().map(|lines| joined(&lines).iter().map(|line| comparable(line, &ids)).collect()).collect()
}

/// Calls that were unfinished for a while, whole. Each must be resumed before its thread does anything else.
fn joined(lines: &[&str]) -> Vec<String> {
    let (mut whole, mut open): (Vec<String>, Option<String>) = (Vec::new(), None);
    for line in lines {
        if let Some(rest) = line.strip_prefix("<... ") {
            let (name, rest) = rest.split_once(" resumed>").unwrap_or_else(|| panic!("{line}"));
            // A leader goes on with what another thread began that has executed a program.
            let begun = open.take().or_else(|| (name == "execve").then(|| "execve(".to_owned()));
            let begun = begun.unwrap_or_else(|| panic!("nothing to be resumed: {line}"));
            assert!(begun.starts_with(&format!("{name}(")), "{begun} {line}");
            whole.push(begun + rest);
            continue;
        }
        // A process that is killed leaves its calls as they are.
        whole.extend(open.take().map(|begun| begun + " <unfinished ...>"));
        match line.strip_suffix(" <unfinished ...>") {
            Some(begun) => open = Some(begun.to_owned()),
            None => whole.push((*line).to_owned()),
        }
    }
    whole.extend(open);
    whole
}

fn comparable(line: &str, ids: &[String]) -> String {
    // What we add stands in brackets behind the result.
    let line = line.split("  [").next().unwrap();
    let line = match line.rsplit_once(") ") {
        Some((call, result)) if result.trim_start().starts_with("= ") => {
            format!("{call}) {}", result.trim_start())
        }
        _ => line.to_owned(),
    };
    let (mut text, mut word) = (String::new(), String::new());
    for letter in line.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        let born = ids.iter().position(|id| *id == word);
        match (born, word.strip_prefix("0x")) {
            (Some(nth), _) => text.push_str(&format!("thread {nth}")),
            (None, Some(digits)) if digits.len() > 4 => text.push_str("ADDRESS"),
            _ => text.push_str(&word),
        }
        word.clear();
        text.push(letter);
    }
    let text = text.trim_end().to_owned();
    // The kernel counts them on from run to run.
    if let Some(text) = resource(&text) {
        return text;
    }
    // Who made it, what is random, and what is measured.
    for (call, told) in
        [("getppid(", "getppid()"), ("getrandom(", "getrandom(…)"), ("sysinfo(", "sysinfo(…)")]
    {
        if text.starts_with(call) {
            return told.to_owned();
        }
    }
    without(&without(&without(&text, "si_utime="), "si_stime="), "tv_")
}

/// A call on a System V resource, without the number of that.
fn resource(text: &str) -> Option<String> {
    let (name, rest) = text.split_once('(')?;
    if !["shm", "sem", "msg"].iter().any(|kind| name.starts_with(kind)) {
        return None;
    }
    if name.ends_with("get") {
        let (call, result) = text.rsplit_once(" = ")?;
        return result.parse::<u32>().is_ok().then(|| format!("{call} = number"));
    }
    let (first, rest) = rest.split_once(',')?;
    first.parse::<u32>().is_ok().then(|| format!("{name}(number,{rest}"))
}

/// Numbers behind a word, with their comments.
fn without(text: &str, word: &str) -> String {
    let mut parts = text.split(word);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find([',', '}']).unwrap_or(part.len());
        format!("{text}{word}…{}", &part[end..])
    })
}

/// Children end when they end: their signals are compared apart from the calls.
fn apart(lines: &[String]) -> (Vec<&String>, Vec<&String>) {
    let (mut signals, calls): (Vec<&String>, Vec<&String>) =
        lines.iter().partition(|line| line.starts_with("--- SIGCHLD"));
    signals.sort();
    (signals, calls)
}

fn compare(what: &str, (theirs, ours): (Threads, Threads), at_least: usize) {
    assert!(theirs.iter().map(Vec::len).sum::<usize>() >= at_least, "{what}: {theirs:#?}");
    assert_eq!(ours.len(), theirs.len(), "{what}: {ours:#?} {theirs:#?}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(apart(ours), apart(theirs), "{what}");
    }
}

#[test]
fn every_call_reads_as_in_strace() {
    if !have("strace") {
        return;
    }
    let program = target("traced");
    for (group, at_least) in
        [("files", 130), ("processes", 130), ("signals", 60), ("waiting", 50), ("network", 55), ("ipc", 45)]
    {
        compare(group, both("all", &program, &[group]), at_least);
    }
}

#[test]
fn sets_are_those_of_strace() {
    if !have("strace") {
        return;
    }
    let program = target("traced");
    for (group, set, at_least) in [
        ("files", "file", 40),
        ("files", "%desc", 60),
        ("files", "%%stat,statfs", 6),
        ("files", "!file,desc", 15),
        ("processes", "process", 8),
        ("processes", "memory", 15),
        ("processes", "%creds", 6),
        ("processes", "/^get.*id$", 8),
        ("signals", "signal", 25),
        ("network", "network", 25),
        ("waiting", "trace=poll,ppoll,?nosuch", 5),
    ] {
        let (mut theirs, ours) = both(set, &program, &[group]);
        // Calls without a name are in no set, and strace tells them all the same.
        theirs.iter_mut().for_each(|lines| lines.retain(|line| !line.starts_with("syscall_0x")));
        compare(set, (theirs, ours), at_least);
    }
}

#[test]
fn calls_that_signals_interrupt_are_restarted_as_in_strace() {
    if !have("strace") {
        return;
    }
    let (theirs, ours) = both("all", &target("traced"), &["interrupted"]);
    assert_eq!(ours[0], theirs[0]);
    for form in [
        "= ? ERESTARTSYS (To be restarted if SA_RESTART is set)",
        "= ? ERESTARTNOHAND (To be restarted if no handler)",
        "= ? ERESTART_RESTARTBLOCK (Interrupted by signal)",
        "restart_syscall(<... resuming interrupted clock_nanosleep ...>)",
        "--- SIGWINCH {si_signo=SIGWINCH, si_code=SI_USER, si_pid=",
        "rt_sigreturn({mask=[CHLD]}) = -1 EINTR (Interrupted system call)",
    ] {
        assert!(ours[0].iter().any(|line| line.contains(form)), "{form}: {:#?}", ours[0]);
    }
}

#[test]
fn threads_at_once_keep_their_arguments() {
    if !have("strace") {
        return;
    }
    let program = target("traced");
    let (theirs, ours) = both("read,write,lseek", &program, &["threads"]);
    assert_eq!(ours, theirs);
    // Three threads as fast as they can; which one is which is told by its calls.
    let (theirs, ours) = both("lseek", &program, &["racing"]);
    assert_eq!(ours, theirs);
    for (me, calls) in ours[1..].iter().enumerate() {
        assert_eq!(calls.len(), 201);
        for (n, call) in calls[..200].iter().enumerate() {
            let fd = -1 - i64::try_from(me).unwrap();
            let wanted = format!("lseek({fd}, {}, SEEK_SET) = -1 EBADF (Bad file descriptor)", me * 1000 + n);
            assert_eq!(*call, wanted);
        }
    }
}

#[test]
fn a_process_that_ends_or_executes_in_the_middle_of_calls() {
    if !have("strace") {
        return;
    }
    let program = target("traced");
    for (group, last) in [
        ("ended", "+++ exited with 7 +++"),
        ("superseded", "+++ exited with 0 +++"),
        ("killed", "+++ killed by SIGKILL +++"),
    ] {
        let (theirs, ours) = both("all", &program, &[group]);
        assert_eq!(ours[0], theirs[0], "{group}");
        assert_eq!(ours[0].last().unwrap(), last);
        assert_eq!(ours.len(), 2);
    }
    let (_, ours) = both("process", &program, &["superseded"]);
    assert!(ours[0].iter().any(|line| line == "+++ superseded by execve in pid thread 1 +++"), "{ours:#?}");
}

#[test]
fn programs_that_nobody_prepared() {
    if !have("strace") {
        return;
    }
    let real = |name: &str| std::fs::canonicalize("/bin").unwrap().join(name).to_string_lossy().into_owned();
    let (mut lines, mut equal) = (0, 0);
    for (program, arguments) in [
        ("ls", &["-la", "/usr"][..]),
        ("cat", &["/etc/passwd", "/nonexistent"]),
        ("sh", &["-c", "x=$(echo a | tr a b); (exit 3); kill -USR1 $$"]),
        ("find", &["/etc", "-maxdepth", "1"]),
        ("sort", &["/etc/passwd"]),
    ] {
        let (theirs, ours) = both("all", &real(program), arguments);
        assert_eq!(ours.len(), theirs.len(), "{program}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let mut left: Vec<&String> = ours.iter().collect();
            for line in theirs {
                lines += 1;
                match left.iter().position(|ours| *ours == line) {
                    Some(at) => {
                        left.remove(at);
                        equal += 1;
                    }
                    None => eprintln!("only strace: {line}"),
                }
            }
            for line in left {
                eprintln!("only brkwater: {line}");
            }
        }
    }
    assert!(lines > 600 && equal * 1000 >= lines * 995, "{equal} of {lines}");
}

#[test]
fn several_threads_are_named_on_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_brkwater"));
    command
        .args(["trace", "-f", "-e", "process", "--", "/bin/sh", "-c", "(exit 3); exit 4"])
        .current_dir(dir.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{log}");
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("execve(\""), "{log}");
    let child = lines.iter().find(|line| line.ends_with("] exit_group(3) = ?")).unwrap();
    assert!(child.starts_with("[pid "), "{log}");
    // When the child is gone, the parent is alone again.
    assert_eq!(lines[lines.len() - 2..], ["exit_group(4) = ?", "+++ exited with 4 +++"], "{log}");
}

#[test]
fn json_has_a_line_per_call() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    assert_eq!(traced(&log, &["--json", "-e", "file,mmap"], "/bin/true", &[]), Some(0));
    let text = std::fs::read_to_string(log).unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let opened = events.iter().find(|event| event["syscall"] == "openat").unwrap();
    assert!(opened["text"].as_str().unwrap().starts_with("openat(AT_FDCWD, \""), "{opened}");
    assert_eq!(opened["registers"].as_array().unwrap().len(), 6);
    assert!(opened["ret"].is_i64() && opened["schema"] == "brkwater.event/1", "{opened}");
    // A memory call is told with its meaning.
    assert!(events.iter().any(|event| event["syscall"] == "mmap" && event["label"].is_string()), "{text}");
}

#[test]
fn an_attached_process_is_told_from_the_call_it_was_in() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut child = Command::new(target("traced")).arg("blocked").stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut tracer = Command::new(env!("CARGO_BIN_EXE_brkwater"))
        .args(["trace", "-e", "desc", "-o", log.to_str().unwrap(), "-p", &child.id().to_string()])
        .spawn()
        .unwrap();
    let until = |done: &dyn Fn() -> bool| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(40);
        while !done() && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(done());
    };
    let status = Path::new("/proc").join(child.id().to_string()).join("status");
    until(&|| !std::fs::read_to_string(&status).unwrap().contains("TracerPid:\t0"));
    input.write_all(b"a\n").unwrap();
    // What it did is there although nothing more happens.
    let told = || std::fs::read_to_string(&log).unwrap_or_default();
    until(&|| told().lines().count() >= 2);
    let pid = nix::unistd::Pid::from_raw(tracer.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::SIGINT).unwrap();
    assert_eq!(tracer.wait().unwrap().code(), Some(0));
    assert_eq!(told(), "read(0, \"a\", 1) = 1\nread(0, \"\\n\", 1) = 1\nread(0,  <detached ...>\n");
    assert!(std::fs::read_to_string(&status).unwrap().contains("TracerPid:\t0"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn sets_that_are_none_are_refused_in_straces_words() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_brkwater"));
    let output =
        command.args(["trace", "-e", "nosuch", "/bin/true"]).current_dir(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("invalid system call 'nosuch'"), "{output:?}");
}

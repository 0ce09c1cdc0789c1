//! `brkwater --look PID`, which the scripts ask: a process that stands is read without ptrace, and nothing of it changes.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::answers::ready;
use crate::common::process::finish;
use crate::common::{Debugger, Output, brkwater_path, json};

fn look(words: &[&str]) -> Output {
    let mut command = Command::new(brkwater_path());
    command.args(["-batch", "-nx"]).args(words);
    finish(command, Duration::from_secs(60))
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

fn status(pid: u32, field: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap().trim().to_owned()
}

fn stop(pid: u32) {
    signal("-STOP", pid);
    let end = Instant::now() + Duration::from_secs(20);
    while !status(pid, "State").starts_with('T') {
        assert!(Instant::now() < end, "{}", status(pid, "State"));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Nobody tells the registers here: thread pointers come from the kernel's robust lists, and caches by them.
#[test]
fn a_stopped_process_has_the_heap_that_attach_sees() {
    for scenario in ["plain", "hole", "threads"] {
        let (_, process) = ready(scenario);
        let pid = process.pid().to_string();
        let attached = Debugger::brkwater().flag("-p").flag(&pid).ex("info heap -json").plain(&[]);
        stop(process.pid());
        let looked = look(&["--look", &pid, "-ex", "info heap -json"]);
        assert_eq!(json::object(&looked.text), json::object(&attached.text), "{scenario}");
        assert_eq!(status(process.pid(), "TracerPid"), "0");
        signal("-CONT", process.pid());
    }
}

#[test]
fn nothing_that_changes_it_is_done() {
    let (_, process) = ready("plain");
    let pid = process.pid().to_string();
    stop(process.pid());
    let refused = [
        "continue",
        "stepi",
        "kill",
        "detach",
        "call malloc(1)",
        "set var *(int *)0x1000 = 1",
        "set $rax = 1",
    ];
    for command in refused {
        let said = look(&["-strict", "--look", &pid, "-ex", command]);
        assert_eq!(said.code, Some(1), "{command}: {}", said.text);
        said.must_not_have("panicked");
        assert!(status(process.pid(), "State").starts_with('T'), "{command}");
    }
    // Without registers there is no stack, and none is made up.
    look(&["--look", &pid, "-ex", "bt"]).must_have("No stack.");
    signal("-CONT", process.pid());
}

#[test]
fn what_moves_is_refused() {
    let (_, process) = ready("plain");
    let pid = process.pid().to_string();
    look(&["-strict", "--look", &pid, "-ex", "info heap"])
        .exits(1)
        .must_have("it runs, and no debugger holds it");
    look(&["-strict", "--look", "2147483647"]).exits(1).must_have("No such process");
    let other = look(&["-strict", "--look", &pid, "--look-memory", "0"]);
    other.exits(1).must_have("what was handed over is not its memory");
    look(&["--look-memory", "0"]).exits(2);
}

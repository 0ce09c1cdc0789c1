//! Law 1: a target that was attached to goes on as if nobody had been there.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::common::process::Running;
use crate::common::whole::{address_of, code, must_be_unharmed};
use crate::common::{Debugger, target};

fn ticker(threads: &str) -> Running {
    start(&[threads])
}

fn start(arguments: &[&str]) -> Running {
    let mut command = Command::new(target("ticker"));
    command.args(arguments);
    let running = Running::start(command);
    running.line();
    running
}

#[test]
fn a_target_that_is_attached_to_and_let_go_goes_on() {
    let at = address_of(&target("ticker"), "tick");
    for threads in ["0", "8"] {
        let mut running = ticker(threads);
        let before = code(running.pid(), at);
        for script in [
            &["bt", "detach"][..],
            &["break tick", "continue", "bt", "continue", "detach"],
            &["break tick if n == -1", "info breakpoints"], // -batch ends, which lets it go
            &["break tick", "continue", "stepi", "next", "quit"],
            &["info threads", "info registers rip", "info proc mappings"],
        ] {
            let mut debugger = Debugger::brkwater().limit(30);
            for command in script {
                debugger = debugger.ex(command);
            }
            let output = debugger.plain(&["-p", &running.pid().to_string()]);
            output.must_not_have("panicked");
            if script[0] == "bt" {
                output.must_have("#0  ").must_have("[Inferior 1 (process ").must_have(") detached]");
            }
            if script.contains(&"continue") {
                output.must_have("tick (n=");
            }
            must_be_unharmed(&mut running, &before, at);
        }
    }
}

/// A target was killed while one of its threads had just been born and not been announced: the leader's end, which comes
/// after that of all others, was waited for without an end.
#[test]
fn a_target_that_is_making_threads_can_be_killed() {
    for _ in 0..12 {
        let output =
            Debugger::brkwater().ex("break tick").ex("run").limit(20).args(&[&target("ticker"), "16", "0"]);
        output.must_have("hit Breakpoint 1, tick (n=").exits(0);
    }
}

/// A thread that executes a breakpoint while it is being stopped has its trap queued behind the stop. It was left
/// there, and killed the target as soon as nobody was there to take it.
#[test]
fn a_trap_that_is_queued_when_we_leave_kills_nobody() {
    let at = address_of(&target("ticker"), "tick");
    let mut running = start(&["6", "0"]);
    let before = code(running.pid(), at);
    let pid = running.pid().to_string();
    for _ in 0..12 {
        Debugger::brkwater().ex("break tick").ex("continue").plain(&["-p", &pid]).exits(0);
        must_be_unharmed(&mut running, &before, at);
    }
}

#[test]
fn attaching_many_times_is_harmless() {
    let at = address_of(&target("ticker"), "tick");
    let mut running = ticker("4");
    let before = code(running.pid(), at);
    let pid = running.pid().to_string();
    for _ in 0..15 {
        Debugger::brkwater().ex("break tick").ex("continue").ex("detach").plain(&["-p", &pid]).exits(0);
    }
    must_be_unharmed(&mut running, &before, at);
}

/// SIGKILL to the process that the user started: the engine lives in another and lets the target go.
#[test]
fn a_target_survives_the_end_of_the_face_by_sigkill() {
    let at = address_of(&target("ticker"), "tick");
    for _ in 0..5 {
        let mut running = ticker("2");
        let before = code(running.pid(), at);
        let mut command = Command::new(crate::common::brkwater_path());
        command.args(["-nx", "-batch", "-ex", "break tick if n == -1", "-ex", "continue", "-p"]);
        command.arg(running.pid().to_string());
        let mut debugger = command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(700));
        assert_ne!(running.status("TracerPid"), "0", "it never attached");
        debugger.kill().unwrap();
        debugger.wait().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        must_be_unharmed(&mut running, &before, at);
    }
}

/// What was launched ends with the debugger, whatever ends that.
#[test]
fn a_launched_target_ends_with_the_debugger() {
    let output = Debugger::brkwater()
        .ex("break tick")
        .ex("run")
        .ex("info inferiors")
        .ex("print (int)getpid_not_called")
        .ex("info proc")
        .args(&[&target("ticker")]);
    let pid = crate::common::number_after(&output.text, "process ");
    std::thread::sleep(Duration::from_millis(200));
    let left = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    assert_ne!(left.trim(), "ticker", "{}", output.text);
}

//! Signals, job control, and system calls that these interrupt.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::process::Running;
use crate::common::{Debugger, number_after, target};
use crate::{repeat, rules};

fn state_of(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).unwrap_or('?')
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !holds() {
        assert!(std::time::Instant::now() < end, "{what} never came true");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn send(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// A stop by job control stops a traced target as it stops any other, and its end lets it go on.
#[test]
fn rule_06_a_group_stop_is_a_stop() {
    repeat(|| {
        let mut command = Command::new(target("ticker"));
        command.arg("2");
        let ticker = Running::start(command);
        ticker.line();
        let pid = ticker.pid();
        let mut debugger = Command::new(crate::common::brkwater_path());
        debugger.args(["-nx", "-batch", "-ex", "handle SIGTSTP nostop noprint pass"]);
        debugger.args(["-ex", &format!("attach {pid}"), "-ex", "break tick if n == -1", "-ex", "continue"]);
        let face = Running::start(debugger);
        // Between the attach and its stop it is traced and runs as well: what comes last before `continue` is waited for.
        while !face.line().starts_with("Breakpoint 1") {}
        until("it is traced and runs", || ticker.status("TracerPid") != "0" && state_of(pid) != 't');
        ticker.skip();
        ticker.line();
        send("-TSTP", pid);
        until("it is stopped", || matches!(state_of(pid), 'T' | 't'));
        std::thread::sleep(std::time::Duration::from_millis(50));
        ticker.skip();
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(ticker.try_line(), None, "it went on while it was stopped");
        send("-CONT", pid);
        ticker.line();
        drop(face);
        until("nobody traces it", || ticker.status("TracerPid") == "0");
        ticker.line();
    });
}

/// A thousand queued signals, while the target is stepped; none is lost, none made up.
#[test]
fn rule_07_no_signal_is_lost_while_a_thread_steps() {
    repeat(|| {
        let mut debugger =
            Debugger::brkwater().ex("handle SIG34 nostop noprint pass").ex("break handle").ex("run");
        for _ in 0..20 {
            debugger = debugger.ex("stepi 7").ex("next");
        }
        let output =
            debugger.ex("delete").ex("continue").limit(120).args(&[&target("signals"), "queue", "1000"]);
        assert_eq!(number_after(&output.text, "signals arrived "), 1000, "{}", output.text);
        output.must_not_have("SIGTRAP").must_have("exited normally]");
    });
}

#[test]
fn rule_08_system_calls_behind_a_signal_are_seen() {
    repeat(|| {
        let output = rules(
            &["syscalls"],
            &[
                "handle SIGUSR1 nostop noprint pass",
                "catch syscall getppid",
                "ignore 1 1000000",
                "run",
                "info breakpoints",
            ],
        );
        output.must_have("signals arrived 1\n");
        // Entry and return of five.
        assert_eq!(number_after(&output.text, "catchpoint already hit "), 10, "{}", output.text);
    });
}

/// What stops and continues, and being attached to, interrupt no call that they would not interrupt otherwise.
#[test]
fn rule_09_interrupted_calls_are_begun_again() {
    repeat(|| {
        let quiet = &["handle all nostop noprint pass", "break hit", "run"];
        let output = rules(&["naps"], quiet);
        output.must_have("slept through, long enough").must_have("child ended with 7");

        let mut reader = Command::new(target("rules"));
        reader.arg("read").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut reader = reader.spawn().unwrap();
        until("it reads", || state_of(reader.id()) == 'S');
        for _ in 0..3 {
            let pid = reader.id().to_string();
            let output = Debugger::brkwater().ex("bt 1").ex("detach").limit(30).plain(&["-p", &pid]);
            output.must_have("read").must_have("detached]");
        }
        reader.stdin.take().unwrap().write_all(b"x").unwrap();
        let output = reader.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("read 1, errno 0"), "{said}");
    });
}

/// Over a system call, a repeated instruction and one that shows the flags: instruction by instruction where gdb is.
#[test]
fn rule_10_each_step_is_one_instruction() {
    repeat(|| {
        let script = [vec!["break *stepped", "run"], ["stepi", "print/x $rip"].repeat(16)].concat();
        let program = target("rules");
        let ours = Debugger::brkwater().blocks(&script).args(&[&program, "step"]);
        let theirs = Debugger::gdb().blocks(&script).args(&[&program, "step"]);
        for index in (3..script.len()).step_by(2) {
            assert!(theirs.block(index).contains(" = 0x5555"), "{}", theirs.text);
            assert_eq!(ours.block(index), theirs.block(index), "step {}", index / 2);
        }
    });
}

/// A child stops and continues its parent while it is stepped: no trap is left over to hit the target later.
#[test]
fn rule_11_a_step_that_a_stop_interrupts_is_seen_to_its_end() {
    repeat(|| {
        let output = rules(
            &["stops", "150"],
            &[
                "handle SIGSTOP nostop noprint pass",
                "handle SIGCONT nostop noprint pass",
                "handle SIGCHLD nostop noprint pass",
                "break hit",
                "run",
                "delete",
                "stepi 1000",
                "stepi 1000",
                "continue",
            ],
        );
        output.must_have("stopped and continued\n").must_have("exited normally]");
    });
}

/// The fault of the instruction under a breakpoint is the target's, at once.
#[test]
fn rule_28_a_signal_that_the_stepped_instruction_raises_goes_in_at_once() {
    repeat(|| {
        let output = rules(
            &["fault"],
            &[
                "handle SIGSEGV nostop noprint pass",
                "break *faults",
                "run",
                "stepi",
                "info symbol $pc",
                "continue",
            ],
        );
        output.must_have("handled\n").must_have("exited with code 011]");
    });
}

//! Launching, threads that come and go, and threads that die.

use crate::common::process::Running;
use crate::common::{Debugger, number_after, target};
use crate::{counted, repeat, rules};

/// A shell that makes processes is launched again and again; the first stop is at the loader's first instruction, and
/// nothing hangs (20 launches each time).
#[test]
fn rule_01_a_launch_leaves_no_stop_behind() {
    repeat(|| {
        for _ in 0..20 {
            let output = Debugger::brkwater().ex("starti").ex("continue").limit(20).args(&[
                "/bin/sh",
                "-c",
                "/bin/true; /bin/true & wait; exit 3",
            ]);
            output.must_have("in _start () from ").must_have("exited with code 03]");
        }
    });
}

/// Eight debuggers at once, each with its engine on a thread of its own.
#[test]
fn rule_02_one_thread_calls_ptrace() {
    repeat(|| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let (hits, output) = counted(&["calls", "50"], "hit");
                    output.must_have("hit 200 times");
                    assert_eq!(hits, 200);
                });
            }
        });
    });
}

#[test]
fn rule_03_threads_that_tell_of_themselves_before_their_makers_do_are_each_seen_once() {
    repeat(|| {
        let (hits, output) = counted(&["clones", "25"], "hit");
        assert_eq!(number_after(&output.text, "hit "), 200);
        assert_eq!(hits, 200);
        // 8 makers and their 200.
        assert_eq!(output.text.matches("[New Thread ").count(), 208);
        assert_eq!(output.text.matches("exited]").count(), 208);
    });
}

#[test]
fn rule_04_a_leader_that_ends_first_holds_nobody_up() {
    repeat(|| {
        let (hits, output) = counted(&["leader"], "hit");
        output.must_have("hit 50 times").must_have("exited with code 06]");
        assert_eq!(hits, 50);
    });
}

/// A busy target is killed from outside at moments that nobody chose (20 each time).
#[test]
fn rule_05_a_thread_that_dies_while_we_look_is_no_error() {
    repeat(|| {
        for turn in 0..20u64 {
            let mut busy = std::process::Command::new(target("ticker"));
            busy.args(["6", "0"]);
            let busy = Running::start(busy);
            busy.line();
            let pid = busy.pid();
            let killer = std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(60 + turn * 17 % 130));
                let _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
            });
            let output = Debugger::brkwater()
                .ex(&format!("attach {pid}"))
                .ex("break tick if n == -1")
                .ex("continue")
                .ex("info threads")
                .limit(30)
                .plain(&[]);
            killer.join().unwrap();
            output.must_not_have("panicked at");
            // On a busy machine it may be gone before we come, or be about to go.
            let endings = [
                "Program terminated with signal SIGKILL, Killed.".to_owned(),
                format!("process {pid} is a zombie - the process has already terminated\n"),
                format!("process {pid} is ending, or only its first thread has ended"),
            ];
            assert!(endings.iter().any(|ending| output.text.contains(ending)), "{}", output.text);
        }
    });
}

#[test]
fn rule_13_no_thread_slips_past_while_another_steps_over_a_breakpoint() {
    repeat(|| {
        for (threads, calls) in [("4", "2000"), ("16", "200")] {
            let (hits, output) = counted(&["calls", calls, threads], "hit");
            let total = threads.parse::<u64>().unwrap() * calls.parse::<u64>().unwrap();
            assert_eq!(number_after(&output.text, "hit "), total);
            assert_eq!(hits, total);
            // In the middle of the function, at an instruction with a lock.
            let (hits, _) = counted(&["calls", calls, threads], "*hit+4");
            assert_eq!(hits, total);
        }
    });
}

/// A target that meets a breakpoint all the time is held on our processor; it, its children and threads never learn of it.
#[test]
fn a_target_that_is_held_on_one_processor_does_not_see_it() {
    repeat(|| {
        let alone = std::process::Command::new(target("rules")).args(["processors", "5"]).output().unwrap();
        let alone = String::from_utf8(alone.stdout).unwrap();
        let script = ["break hit if $rdi == -77", "run", "info breakpoints"];
        let output = rules(&["processors", "3000"], &script);
        output.must_have(&alone).must_have("tested 9000 times, true 0 times");
    });
}

/// Three threads tag their calls; each is seen with its own arguments.
#[test]
fn rule_09_arguments_of_system_calls_belong_to_their_thread() {
    repeat(|| {
        let output = rules(
            &["seeks"],
            &["break syscall lseek if $rsi % 3 != 0 || $rdx != 0", "run", "info breakpoints"],
        );
        output.must_have("sought\n").must_have("exited normally]");
        output.must_have("tested 600 times, true 0 times");
    });
}

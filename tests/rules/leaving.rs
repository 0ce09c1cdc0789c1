//! Leaving: the target goes on as if nobody had been there.

use std::fs;
use std::process::Command;

use crate::common::process::Running;
use crate::common::whole::{address_of, code};
use crate::common::{Debugger, target};
use crate::repeat;

/// Attached to, hit, watched and let go ten times: it runs, its text is the file's, no thread stands.
#[test]
fn rule_19_a_target_that_is_let_go_is_whole() {
    repeat(|| {
        let at = address_of(&target("ticker"), "tick");
        let mut command = Command::new(target("ticker"));
        command.args(["8", "100"]);
        let mut ticker = Running::start(command);
        ticker.line();
        let before = code(ticker.pid(), at);
        for turn in 0..10 {
            let end = if turn % 2 == 0 { "detach" } else { "quit" };
            let output = Debugger::brkwater()
                .ex("break tick")
                .ex("watch ticks")
                .ex("continue")
                .ex("continue")
                .ex("stepi 3")
                .ex("next")
                .ex(end)
                .limit(30)
                .plain(&["-p", &ticker.pid().to_string()]);
            output.must_have("hit Breakpoint 1, ").must_not_have("panicked at");
        }
        ticker.skip();
        ticker.line();
        assert!(ticker.is_alive());
        assert_eq!(ticker.status("TracerPid"), "0");
        assert_eq!(code(ticker.pid(), at), before, "the text was changed");
        for task in fs::read_dir(format!("/proc/{}/task", ticker.pid())).unwrap() {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            let state = stat.rsplit(") ").next().unwrap().chars().next().unwrap();
            assert!(!matches!(state, 'T' | 't'), "a thread stands: {stat}");
        }
    });
}

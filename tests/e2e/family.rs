//! Children: a fork's copy of the breakpoints harms nobody, a vfork's shared text is left alone, exec starts anew.

use crate::common::{Debugger, number_after, target};

/// Runs `family WAY TIMES` with a breakpoint on `hit` that never stops; answers the whole text.
fn run(way: &str, times: &str, extra: &[&str]) -> String {
    let mut debugger = Debugger::brkwater();
    for command in extra {
        debugger = debugger.ex(command);
    }
    let output =
        debugger.ex("break hit").ex("ignore 1 1000000").ex("run").ex("info breakpoints").limit(90).args(&[
            &target("family"),
            way,
            times,
        ]);
    output.exits(0);
    output.text.clone()
}

#[test]
fn a_forked_child_is_unharmed_in_every_mode() {
    for extra in [&[][..], &["set detach-on-fork on"], &["set follow-fork-mode parent"]] {
        let text = run("fork", "20", extra);
        assert_eq!(text.matches("fork child exited 7").count(), 20, "{extra:?}:\n{text}");
        assert_eq!(number_after(&text, "breakpoint already hit "), 20, "{extra:?}:\n{text}");
    }
}

#[test]
fn the_child_can_be_followed_instead() {
    let output = Debugger::brkwater()
        .ex("set follow-fork-mode child")
        .ex("break hit")
        .ex("run")
        .ex("bt 1")
        .ex("continue")
        .args(&[&target("family"), "fork"]);
    output.must_have("hit (where=").must_have("\"child\")").must_have("exited with code 07]");
}

/// With both kept and both running, the child is the first to arrive: its parent waits for it.
#[test]
fn both_can_be_kept() {
    let output = Debugger::brkwater()
        .ex("set detach-on-fork off")
        .ex("set schedule-multiple on")
        .ex("break hit")
        .ex("run")
        .ex("bt 1")
        .ex("info inferiors")
        .ex("kill inferiors 1 2")
        .args(&[&target("family"), "fork"]);
    output.must_have("hit (where=").must_have("\"child\")");
    let inferiors =
        output.text.lines().filter(|line| line.contains("process ") && line.contains("/family")).count();
    assert!(inferiors >= 2, "{}", output.text);
}

/// The parent's breakpoints work before and after: they were neither lost nor taken out under it.
#[test]
fn vfork_posix_spawn_and_system_leave_the_breakpoints_alone() {
    for (way, says) in [
        ("vfork", "vfork child exited 7"),
        ("spawn", "spawn child exited 7"),
        ("system", "system answered 7"),
    ] {
        let text = run(way, "10", &[]);
        assert_eq!(text.matches(says).count(), 10, "{text}");
        assert_eq!(number_after(&text, "breakpoint already hit "), 10, "{text}");
        assert_eq!(number_after(&text, "parent hit "), 10, "{text}");
    }
}

/// A vfork child runs in its parent's memory, over the parent's breakpoints.
#[test]
fn a_vfork_child_that_runs_over_a_breakpoint_lives() {
    let text = run("vfork-call", "5", &[]);
    assert_eq!(text.matches("vfork-call child exited 7").count(), 5, "{text}");
    assert_eq!(number_after(&text, "parent hit "), 10, "{text}");
}

#[test]
fn after_exec_the_breakpoints_are_in_the_new_program() {
    for way in ["exec", "exec-thread"] {
        let output = Debugger::brkwater()
            .ex("break hit")
            .ex("run")
            .ex("continue")
            .ex("bt 1")
            .ex("continue")
            .args(&[&target("family"), way]);
        output.must_have("\"before exec\")").must_have("is executing new program: ");
        output.must_have("\"the new program\")").must_have("new program hit 1 times");
        output.must_have("exited with code 05]");
    }
}

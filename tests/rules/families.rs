//! Children, vfork, exec.

use crate::common::{Debugger, number_after, target};
use crate::repeat;

fn family(way: &[&str], commands: &[&str]) -> crate::common::Output {
    let program = target("family");
    let mut arguments = vec![program.as_str()];
    arguments.extend(way);
    let debugger = commands.iter().fold(Debugger::brkwater(), |debugger, command| debugger.ex(command));
    let output = debugger.limit(60).args(&arguments);
    output.must_not_have("panicked at").must_not_have("SIGTRAP");
    output
}

#[test]
fn rule_14_children_never_die_of_our_breakpoints() {
    repeat(|| {
        for mode in ["set follow-fork-mode parent", "set detach-on-fork on"] {
            let output =
                family(&["fork", "8"], &[mode, "break hit", "ignore 1 1000", "run", "info breakpoints"]);
            assert_eq!(output.text.matches("fork child exited 7").count(), 8, "{}", output.text);
            assert_eq!(number_after(&output.text, "breakpoint already hit "), 8, "{}", output.text);
        }
        let output = family(&["fork"], &["set follow-fork-mode child", "break hit", "ignore 1 1000", "run"]);
        output.must_have("exited with code 07]");
        let both =
            ["set detach-on-fork off", "set schedule-multiple on", "break hit", "ignore 1 1000", "run"];
        family(&["fork"], &both).must_have("fork child exited 7").must_have("exited with code 07]");
    });
}

#[test]
fn rule_15_a_vfork_child_leaves_its_parent_s_breakpoints_in() {
    repeat(|| {
        for way in ["vfork", "spawn", "vfork-call"] {
            let output = family(&[way, "6"], &["break hit", "ignore 1 1000", "run", "info breakpoints"]);
            let parent = number_after(&output.text, "parent hit ");
            assert!(parent >= 6, "{}", output.text);
            assert!(number_after(&output.text, "breakpoint already hit ") >= 6, "{}", output.text);
        }
    });
}

#[test]
fn rule_17_exec_by_a_thread_that_does_not_lead_is_survived() {
    repeat(|| {
        let script = ["break hit", "run", "continue", "info threads", "continue"];
        let output = family(&["exec-thread"], &script);
        output.must_have("is executing new program: ").must_have("\"the new program\")");
        output.must_have("new program hit 1 times").must_have("exited with code 05]");
    });
}

/// With our filter and without, the calls of children succeed and nothing that they execute is lost.
#[test]
fn rule_18_children_work_with_and_without_the_filter() {
    repeat(|| {
        for recording in ["set record memory-calls on", "set record memory-calls off"] {
            let output = family(
                &["system", "4"],
                &[recording, "break hit", "ignore 1 1000", "run", "info breakpoints"],
            );
            assert_eq!(output.text.matches("system answered 7").count(), 4, "{}", output.text);
            assert_eq!(number_after(&output.text, "breakpoint already hit "), 4, "{}", output.text);
        }
    });
}

//! Breakpoints: traps that are ours and traps that are not, and every first instruction.

use crate::common::{Debugger, number_after, target};
use crate::{counted, repeat, rules};

#[test]
fn rule_12_a_trap_of_the_program_s_own_is_delivered() {
    repeat(|| {
        let output = Debugger::brkwater()
            .ex("handle SIGTRAP nostop noprint pass")
            .ex("break handle")
            .ex("run")
            .args(&[&target("signals"), "int3", "25"]);
        output.must_have("traps arrived 25\n").must_have("exited normally]");
    });
}

/// Eight threads arrive at a breakpoint that is deleted meanwhile: none is thrown off its track.
#[test]
fn rule_12_a_breakpoint_may_go_while_threads_stand_on_it() {
    repeat(|| {
        let mut script = vec!["break main".to_owned(), "run".to_owned(), "delete 1".to_owned()];
        for number in 2..=20 {
            script.push("break hit".to_owned());
            script.push("continue".to_owned());
            script.push(format!("delete {number}"));
        }
        script.push("continue".to_owned());
        let script: Vec<&str> = script.iter().map(String::as_str).collect();
        let output = rules(&["calls", "500", "8"], &script);
        output.must_have("hit 4000 times\n").must_have("exited normally]");
    });
}

/// Functions that begin with every kind of instruction, among them one of a single byte and a `syscall`: each arrival
/// is a hit, and the target computes what it computes otherwise.
#[test]
fn rule_13_every_first_instruction_is_passed_over() {
    repeat(|| {
        let names = [
            "ret", "push", "mov", "sub", "lea", "call", "jmp", "jcc", "rip", "movsb", "endbr", "syscall",
            "xor", "test", "cmp", "indirect", "nop",
        ];
        let mut script = Vec::new();
        for (index, name) in names.iter().enumerate() {
            script.push(format!("break *first_{name}"));
            script.push(format!("ignore {} 1000000", index + 1));
        }
        script.extend(["run".to_owned(), "info breakpoints".to_owned()]);
        let script: Vec<&str> = script.iter().map(String::as_str).collect();
        let output = rules(&["first", "40"], &script);
        output.must_have("moved xyz, pid right 40 times\n").must_have("exited normally]");
        let exact = output.text.matches("breakpoint already hit 40 times").count();
        // As in gdb, each turn of a repeated instruction arrives anew: four bytes are moved.
        output.must_have("breakpoint already hit 160 times");
        assert_eq!(exact, names.len() - 1, "{}", output.text);
    });
}

/// A breakpoint on the `syscall` that forks: the child, born in the middle of our step over it, is whole.
#[test]
fn rule_16_a_child_that_is_born_while_we_step_over_a_breakpoint_is_unharmed() {
    repeat(|| {
        for extra in ["set detach-on-fork on", "set follow-fork-mode parent"] {
            let output = rules(
                &["fork-asm"],
                &[extra, "break *raw_fork_call", "break hit", "run", "continue", "info breakpoints"],
            );
            output.must_have("child ended with 7\n");
            assert_eq!(number_after(&output.text, "breakpoint already hit "), 1, "{}", output.text);
        }
    });
}

/// What is shown of the text, and of data at the end of a page, is what is there without us.
#[test]
fn rule_29_reads_show_no_breakpoints_and_end_where_memory_ends() {
    repeat(|| {
        let script = [
            "break hit",
            "break *hit+1",
            "run",
            "x/6i hit",
            "x/8xb hit",
            "up",
            "x/8xb page+4092",
            "x/s page+4092",
        ];
        let differences = crate::common::compare::against_gdb(&[&target("rules"), "page"], &script);
        assert!(differences.is_empty(), "{differences}");
    });
}

#[test]
fn recursion_and_several_breakpoints_at_one_place_are_counted() {
    repeat(|| {
        let (hits, _) = counted(&["sort"], "compare");
        let output = rules(
            &["sort"],
            &[
                "break compare",
                "break compare if 0",
                "tbreak compare",
                "ignore 1 100",
                "run",
                "continue",
                "info breakpoints",
            ],
        );
        assert_eq!(number_after(&output.text, "breakpoint already hit "), hits, "{}", output.text);
        output.must_have(&format!("tested {hits} times, true 0 times"));
    });
}

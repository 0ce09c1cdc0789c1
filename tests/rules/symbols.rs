//! Where breakpoints go, and backtraces that have to get through.

use crate::common::compare::against_gdb;
use crate::common::{Debugger, number_after, target, target_with};
use crate::repeat;

fn must_equal(program: &[&str], script: &[&str]) {
    let differences = against_gdb(program, script);
    assert!(differences.is_empty(), "{program:?} {script:?}\n{differences}");
}

#[test]
fn rule_20_every_kind_of_program_is_loaded_where_it_is() {
    repeat(|| {
        for flags in ["-pie", "-no-pie", "-static", "-static-pie"] {
            let program = target_with("rules", &format!("-g -O0 -pthread {flags}"));
            for aslr in ["set disable-randomization on", "set disable-randomization off"] {
                let output = Debugger::brkwater()
                    .ex(aslr)
                    .ex("break hit")
                    .ex("ignore 1 1000")
                    .ex("run")
                    .ex("info breakpoints")
                    .args(&[&program, "calls", "5"]);
                output.must_have("hit 20 times\n").must_have("exited normally]");
                assert_eq!(
                    number_after(&output.text, "breakpoint already hit "),
                    20,
                    "{flags}: {}",
                    output.text
                );
            }
        }
    });
}

#[test]
fn rule_21_a_function_s_breakpoint_is_behind_its_prologue() {
    repeat(|| {
        for flags in ["-g -O0 -pthread", "-g -O2 -pthread", "-g -O1 -pthread -fcf-protection"] {
            let program = target_with("rules", flags);
            must_equal(
                &[&program],
                &["break main", "break hit", "break compare", "break seek", "break nag", "break now"],
            );
        }
    });
}

#[test]
fn rule_22_names_of_the_library_are_found_under_every_alias() {
    repeat(|| {
        let script = ["break main", "run", "break open", "break mmap", "break malloc", "break read"];
        must_equal(&[&target("rules")], &script);
    });
}

#[test]
fn rule_23_a_chosen_function_is_hit_once_for_each_call() {
    repeat(|| {
        let output = Debugger::brkwater()
            .ex("break main")
            .ex("run")
            .ex("break strcmp if strcmp($rdi, \"strcmp\") == 0 && strcmp($rsi, \"strcmp\") == 0")
            .ex("ignore 2 1000000")
            .ex("continue")
            .ex("info breakpoints")
            .args(&[&target("rules"), "strcmp", "30"]);
        output.must_have("equal 30 times\n");
        // Once more for main's own question which way to go.
        let hits = number_after(&output.text, "true ");
        assert!((30..=31).contains(&hits), "{}", output.text);
    });
}

#[test]
fn rule_24_a_library_that_comes_and_goes_is_hit_each_time() {
    repeat(|| {
        let library = target("plugin");
        let output = Debugger::brkwater()
            .ex("break plugin_entry")
            .ex("run")
            .ex("continue")
            .ex("continue")
            .ex("info breakpoints")
            .ex("continue")
            .args(&[&target("host"), &library]);
        output.must_have("plugin_entry called 3 times\n");
        assert_eq!(number_after(&output.text, "breakpoint already hit "), 3, "{}", output.text);
    });
}

#[test]
fn rule_25_the_vdso_is_unwound_though_it_has_no_file() {
    repeat(|| {
        let script = ["break main", "run", "break __vdso_clock_gettime", "continue", "bt"];
        let debugger = script.iter().fold(Debugger::brkwater(), |debugger, command| debugger.ex(command));
        let output = debugger.args(&[&target("rules"), "clock"]);
        output.must_have("clock_gettime").must_have(" in now () at ").must_have(" in main (");
    });
}

#[test]
fn rule_26_callers_are_looked_up_where_they_called() {
    repeat(|| {
        // abort at the very end of a function that does not return, and the frames above a signal's.
        must_equal(&[&target("rules"), "ends"], &["run", "bt", "frame function ends", "info line"]);
        must_equal(
            &[&target("rules"), "syscalls"],
            &["handle SIGUSR1 nostop noprint pass", "break on_signal", "run", "bt"],
        );
    });
}

#[test]
fn rule_27_a_frame_without_debug_info_ends_no_backtrace() {
    repeat(|| {
        must_equal(&[&target("rules"), "sort"], &["break compare", "run", "bt"]);
        must_equal(
            &[&target("rules"), "sort"],
            &["set debug-file-directory /nonexistent", "break compare", "run", "bt"],
        );
    });
}

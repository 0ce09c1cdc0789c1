//! Stepping, beside gdb: the same lines in the same order.

use crate::common::compare::against_gdb;
use crate::common::target;

fn must_equal(program: &[&str], scripts: &[&[&str]]) {
    let mut report = String::new();
    for script in scripts {
        let differences = against_gdb(program, script);
        if !differences.is_empty() {
            report += &format!("{script:?}\n{differences}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn step_goes_into_functions_and_next_over_them() {
    must_equal(
        &[&target("steps")],
        &[
            &["break main", "run", "next", "next", "next", "next", "next", "next", "next", "next", "next"],
            &["break main", "run", "step", "step", "step", "step", "step", "step", "step", "step"],
            &["break main", "run", "next 3", "step 2", "info line"],
            &["break countdown", "run", "next", "next", "next", "next", "until", "next", "next"],
            // A library function without line information is stepped over, or out of.
            &["break 36", "run", "step", "step"],
        ],
    );
}

#[test]
fn next_over_a_recursive_call_stays_in_its_frame() {
    must_equal(
        &[&target("steps")],
        &[
            &["break down if n == 2", "run", "next", "next", "info args", "next", "next", "info args", "bt"],
            &["break down", "run", "delete", "next", "next", "next", "next"],
        ],
    );
}

#[test]
fn finish_tells_the_value() {
    must_equal(
        &[&target("steps")],
        &[
            &["break add", "run", "finish", "finish", "print $", "print $$2"],
            &["break add", "run", "up", "finish"],
            &["break down if n == 0", "run", "finish", "finish"],
            &["break twice", "run", "until add", "bt"],
            &["break main", "run", "finish"],
        ],
    );
}

#[test]
fn instructions_are_stepped_one_by_one() {
    must_equal(
        &[&target("steps")],
        &[
            &["break *add", "run", "stepi", "stepi", "x/i $pc", "stepi 3", "p $rip"],
            &["break twice", "run", "nexti", "nexti", "nexti", "nexti", "nexti", "x/i $pc"],
            &["starti", "x/i $pc", "stepi", "p $rip"],
        ],
    );
}

#[test]
fn a_step_meets_a_breakpoint_on_its_way() {
    must_equal(
        &[&target("steps")],
        &[
            &["break main", "run", "break add", "next", "bt", "next", "next"],
            &["break main", "run", "tbreak add", "next", "finish"],
            &["break add", "run", "next", "next", "continue", "info breakpoints"],
        ],
    );
}

#[test]
fn stepping_through_optimised_code_is_gdb_s() {
    must_equal(
        &[&target("inlines")],
        &[
            &["break outer", "run", "next", "next", "next", "bt", "info locals"],
            &["break stop_here", "run", "up", "info frame", "finish"],
        ],
    );
}

#[test]
fn kill_and_run_again() {
    must_equal(
        &[&target("steps")],
        &[
            &["break add", "run", "kill", "info frame", "run", "bt", "kill"],
            &["next", "step", "finish", "continue", "stepi", "kill", "detach"],
        ],
    );
}

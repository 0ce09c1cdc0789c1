//! Stepping, beside gdb: the same lines in the same order.

use crate::common::compare::must_equal;
use crate::common::target;

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

/// Not compared yet: `next` and `finish` where functions were inlined. gdb steps over an inlined call as if it were one
/// and takes line entries of inlined code for no statement of the caller's; we follow the lines.
#[test]
fn instructions_of_optimised_code_are_stepped() {
    must_equal(
        &[&target("inlines")],
        &[
            &["break outer", "run", "stepi", "stepi 3", "x/i $pc", "bt"],
            &["break stop_here", "run", "up", "info frame"],
            &["break passes_on", "run", "nexti 4", "p $rip"],
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

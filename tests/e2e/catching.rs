//! Catchpoints, beside gdb: the same stops, in the same words.

use crate::common::compare::must_equal;
use crate::common::{Debugger, target};

#[test]
fn catches_are_set_and_listed_as_in_gdb() {
    must_equal(
        &[&target("events")],
        &[&[
            "catch fork",
            "catch vfork",
            "catch exec",
            "catch signal SIGUSR1",
            "catch signal SIGUSR1 SIGUSR2",
            "catch signal",
            "catch signal all",
            "catch signal SIGUSR1 all",
            "catch signal NOSUCH",
            "catch signal 99",
            "catch load",
            "catch load libm",
            "catch unload",
            "catch syscall close",
            "catch syscall 3 openat",
            "catch syscall group:process",
            "catch syscall g:nosuch",
            "catch syscall nosuch",
            "catch syscall",
            "catch foo",
            "catch fork junk",
            "catch fork if x == 1",
            "tcatch fork",
            "info breakpoints",
            "delete 2 4",
            "disable 1",
            "info breakpoints",
        ]],
    );
}

#[test]
fn each_event_stops_where_gdb_stops() {
    must_equal(
        &[&target("events")],
        &[
            &[
                "catch fork",
                "catch vfork",
                "run",
                "bt 1",
                "info inferiors",
                "c",
                "bt 1",
                "info breakpoints",
                "c",
            ],
            &["catch exec", "run", "info breakpoints", "bt 1", "c"],
            &["catch signal SIGUSR1", "run", "bt 2", "info breakpoints", "c"],
            &["catch load", "catch unload", "run", "c", "c", "info breakpoints", "delete", "c"],
            &["catch load libm", "run", "bt 1", "c"],
            &[
                "catch load ^/.*libc\\.so",
                "catch unload ^x",
                "tcatch load libq\\|lib[c]",
                "info breakpoints",
                "run",
            ],
            &["catch load [", "catch load \\(", "info breakpoints"],
            &["break main", "run", "catch load", "c", "info breakpoints"],
            &[
                "tcatch vfork",
                "tcatch syscall close",
                "run",
                "info breakpoints",
                "c",
                "info breakpoints",
                "c",
            ],
            &[
                "break main",
                "run",
                "catch syscall rt_sigaction",
                "c",
                "bt 2",
                "c",
                "info breakpoints",
                "delete",
                "c",
            ],
            &["catch syscall exit_group", "run", "c", "info breakpoints"],
            &["catch fork", "ignore 1 1", "run", "info breakpoints"],
            &["catch signal SIGUSR1", "handle SIGUSR1 nostop noprint nopass", "run", "c"],
        ],
    );
}

/// A child is held until the stop is over: what becomes of it may be said then.
#[test]
fn a_caught_fork_is_followed_as_the_settings_are_when_the_program_goes_on() {
    let output = Debugger::brkwater()
        .ex("catch fork")
        .ex("run")
        .ex("set follow-fork-mode child")
        .ex("continue")
        .args(&[&target("events")]);
    output.must_have("Catchpoint 1 (forked process ");
    output
        .must_have("[Attaching after ")
        .must_have("[Inferior 2 (process ")
        .must_have("exited with code 07]");
}

/// Killing what stopped at a fork leaves no child behind that waits for ever.
#[test]
fn the_child_of_a_caught_fork_dies_with_a_killed_parent_and_lives_without_a_debugger() {
    let killed = Debugger::brkwater().ex("catch fork").ex("run").ex("kill").args(&[&target("events")]);
    killed.must_have("killed]").must_not_have("child ");
    let left = Debugger::brkwater().ex("catch fork").ex("run").ex("detach").args(&[&target("events")]);
    left.must_have("detached]").must_have("child 7");
}

/// The parent of a vfork that is not followed keeps no patch of ours: it is let go while its child borrows its memory.
#[test]
fn a_parent_that_is_let_go_at_a_vfork_has_no_patches() {
    let output = Debugger::brkwater()
        .ex("set follow-fork-mode child")
        .ex("break usr")
        .ex("catch vfork")
        .ex("ignore 2 0")
        .ex("set follow-fork-mode parent")
        .ex("run")
        .ex("set follow-fork-mode child")
        .ex("continue")
        .args(&[&target("events")]);
    // The parent handles SIGUSR1, over the place of the breakpoint, and goes on to its second self.
    output.must_have("Catchpoint 2 (vforked process ").must_have("exited with code 03]");
    output.must_have("vchild 3");
}

//! Watchpoints and hardware breakpoints: the same hits and words as gdb's, exact with many threads.

use crate::common::compare::must_equal;
use crate::common::{Debugger, number_after, target};

#[test]
fn watchpoints_hit_where_gdb_s_hit() {
    must_equal(
        &[&target("watched")],
        &[
            &["watch x", "run", "c", "c", "info watchpoints", "c", "c", "c"],
            &["rwatch g.a", "run", "c", "c", "c", "c", "c", "info breakpoints", "delete", "c"],
            &["awatch y", "run", "c", "c", "c", "c", "info watchpoints"],
            &["break add", "run", "watch local", "c", "c", "c", "c", "info watchpoints", "bt", "c"],
            &["break add", "run", "watch -l x", "watch *p", "info watchpoints", "c", "c", "c", "c"],
            &["break again if n == 1", "run", "watch deep", "c", "c", "c", "c"],
            &["watch g", "run", "c", "delete", "c"],
            &["watch g.name", "watch big[3]", "run", "c", "c"],
            &["watch x if x == 2", "run", "info breakpoints", "c", "c"],
            &["watch x", "start", "next", "next", "step", "stepi", "nexti", "until", "info watchpoints"],
            &["watch x", "run", "run", "c", "kill", "info watchpoints"],
            &["watch *(int *)&y", "watch x+y", "run", "c", "c", "disable 1", "c", "c"],
            &["break add", "run", "watch x thread 1", "info watchpoints", "c"],
        ],
    );
}

#[test]
fn what_cannot_be_watched_is_refused() {
    must_equal(
        &[&target("watched")],
        &[&["watch 1", "watch nosuch", "watch", "watch $rax", "info watchpoints", "info watchpoints 7"]],
    );
    let output = Debugger::brkwater()
        .ex("break add")
        .ex("run")
        .ex("watch $rax")
        .ex("watch x")
        .ex("rwatch y")
        .ex("watch big[0]")
        .ex("awatch big[1]")
        .ex("watch big[2]")
        .ex("watch big")
        .ex("delete 3")
        .ex("watch big[2]")
        .args(&[&target("watched")]);
    output.must_have("Cannot watch `$rax': it is in a register.");
    output.must_have("Could not insert hardware watchpoint 6.\n");
    output.must_have("in use: 2 (x: 1), 3 (y: 1), 4 (big[0]: 1), 5 (big[1]: 1).");
    output.must_have("Hardware watchpoint 6: big[2]").must_not_have("Hardware watchpoint 7");
}

/// Sixteen threads write what is watched; each write is one hit, as the target counts them, and its child, which nobody
/// follows, is not harmed by what its parent's threads had in their registers.
#[test]
fn writes_of_many_threads_are_counted_exactly() {
    let output = Debugger::brkwater()
        .ex("watch counter")
        .ex("ignore 1 1000000")
        .ex("watch turns if 0")
        .ex("hbreak work")
        .ex("ignore 3 1000000")
        .ex("break pthread_mutex_unlock if 0")
        .ex("run")
        .ex("info breakpoints")
        .limit(120)
        .args(&[&target("watched"), "many"]);
    let wrote = number_after(&output.text, "counter written ");
    assert_eq!(wrote, 1600);
    output.must_have("child ended with 7").must_have("exited normally]");
    assert_eq!(number_after(&output.text, "breakpoint already hit "), wrote, "{}", output.text);
    // The second condition was tested at each change of `turns`; the hardware breakpoint was hit by each thread.
    output.must_have("tested 1600 times, true 0 times").must_have("\tbreakpoint already hit 16 times");
}

/// A kept child is watched as well.
#[test]
fn a_child_that_is_kept_is_watched_too() {
    let output = Debugger::brkwater()
        .ex("set detach-on-fork off")
        .ex("set schedule-multiple on")
        .ex("watch counter if counter == 1 && turns == 1600")
        .ex("run")
        .ex("info inferiors")
        .ex("continue")
        .args(&[&target("watched"), "many"]);
    output.must_have("Hardware watchpoint 1: counter\n\nOld value = 1600\nNew value = 1\n");
    output.must_have("exited with code 07]");
}

/// Debug registers of a target that is let go are out of force: a hit would kill it.
#[test]
fn a_target_that_is_let_go_is_watched_no_more() {
    let output =
        Debugger::brkwater().ex("watch counter").ex("run").ex("detach").args(&[&target("watched"), "many"]);
    output.must_have("New value = 1\n").must_have("detached]").must_have("counter written 1600 times");
}

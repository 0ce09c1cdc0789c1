//! Breakpoints: every way to set one, conditions, counts, and that no call is missed by any thread.

use crate::common::compare::{against_gdb, must_equal};
use crate::common::{Debugger, number_after, target};

/// Runs a target to its end under breakpoints that never stop it, and answers what `info breakpoints` says.
fn count_hits(program: &[&str], location: &str) -> (u64, String) {
    let output = Debugger::brkwater()
        .ex(&format!("break {location}"))
        .ex("ignore 1 100000000")
        .ex("run")
        .ex("info breakpoints")
        .limit(120)
        .args(program);
    output.exits(0);
    (number_after(&output.text, "breakpoint already hit "), output.text)
}

#[test]
fn every_call_is_counted_in_one_thread() {
    let calls = target("calls");
    let (hits, text) = count_hits(&[&calls], "leaf");
    assert_eq!(hits, number_after(&text, "leaf called "), "{text}");
    let (hits, text) = count_hits(&[&calls], "factorial");
    assert_eq!(hits, number_after(&text, "factorial called "), "{text}");
}

#[test]
fn every_call_is_counted_in_sixteen_threads() {
    let (hits, text) = count_hits(&[&target("threads"), "16", "500"], "work");
    assert_eq!(number_after(&text, "work called "), 8000, "{text}");
    assert_eq!(hits, 8000, "{text}");
}

/// `work` begins with an instruction that has to be stepped over, not only emulated, when it is reached by line.
#[test]
fn every_call_is_counted_on_an_instruction_in_the_middle() {
    let (hits, text) = count_hits(&[&target("threads"), "8", "300"], "threads.c:15");
    assert_eq!(number_after(&text, "work called "), 2400, "{text}");
    assert_eq!(hits, 2400, "{text}");
}

#[test]
fn threads_that_come_and_go_lose_no_hit() {
    let (hits, text) = count_hits(&[&target("churn"), "400"], "work");
    assert_eq!(number_after(&text, "work called "), 400, "{text}");
    assert_eq!(hits, 400, "{text}");
}

#[test]
fn the_leader_may_leave_before_the_others() {
    let output = Debugger::brkwater()
        .ex("break work if i == -1")
        .ex("run")
        .ex("bt 1")
        .ex("continue")
        .args(&[&target("churn"), "40", "leave"]);
    output.must_have("work (i=-1)").must_have("work called 41 times").must_have("exited with code 03]");
}

#[test]
fn false_conditions_with_threads_stop_nobody_and_lose_nothing() {
    let output = Debugger::brkwater()
        .ex("break work if i == 299 && thread == 3")
        .ex("run")
        .ex("print i")
        .ex("continue")
        .args(&[&target("threads"), "6", "300"]);
    output.must_have("work (thread=3, i=299)").must_have("$1 = 299").must_have("work called 1800 times");
    assert_eq!(output.text.matches("Breakpoint 1, ").count(), 1, "{}", output.text);
}

/// The same script under gdb: where it stops, what it says, how it counts.
#[test]
fn conditions_and_counts_are_gdb_s() {
    let calls = target("calls");
    let mut report = String::new();
    for script in [
        &["break leaf if x == 5", "run", "print x", "info breakpoints", "continue"][..],
        &[
            "break leaf if $_streq(name, \"gamma\")",
            "run",
            "print x",
            "continue",
            "print x",
            "info breakpoints",
        ],
        &[
            "break leaf if x > 2 && (x & 1) == 0 || x == 9",
            "run",
            "print x",
            "c",
            "print x",
            "c",
            "print x",
            "c",
            "print x",
            "c",
        ],
        &["break leaf if (long)$rdi * 2 == 14", "run", "p $rdi", "c"],
        &["break leaf if *(char*)$rsi == 'b'", "run", "p x", "c", "p x"],
        &["break leaf", "condition 1 x == 8", "run", "p x", "condition 1", "c", "p x", "condition 99 x"],
        &["tbreak leaf", "run", "info breakpoints", "c"],
        &["break leaf", "ignore 1 3", "run", "p x", "ignore 1 0", "c", "p x", "info breakpoints"],
        &["break leaf", "run", "c 3", "p x", "info breakpoints", "delete 1", "info breakpoints", "c"],
        &["break leaf", "break factorial", "disable 1", "run", "p n", "enable 1", "disable 2", "c"],
        &["break calls.c:34", "run", "p doubled", "info breakpoints"],
        &["break 34", "run", "p doubled"],
        &["break *leaf", "run", "x/2i $pc", "p $rdi"],
        &["tbreak factorial if n == 2", "run", "bt", "c"],
        &["break factorial if n==1", "run", "bt", "up 2", "p n", "info frame", "c"],
        &["break main", "run", "until 69", "advance factorial", "info breakpoints"],
        &["break leaf", "enable once 1", "run", "info breakpoints", "c"],
        &[
            "break leaf",
            "enable count 2 1",
            "info breakpoints",
            "run",
            "c",
            "info breakpoints",
            "enable count",
        ],
        &[
            "break leaf",
            "ignore 1 1",
            "enable breakpoints count 2 1",
            "info breakpoints",
            "run",
            "info breakpoints",
        ],
        &["break leaf", "run", "clear leaf", "info breakpoints", "c"],
        &["delete 7", "disable 7", "enable 7", "ignore 7 2", "info breakpoints"],
        &["b leaf", "b leaf", "run", "info breakpoints"],
        &["start", "next", "info breakpoints"],
    ] {
        let differences = against_gdb(&[&calls], script);
        if !differences.is_empty() {
            report += &format!("{script:?}\n{differences}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn the_strcmp_family_is_computed_without_a_call_into_the_target() {
    let calls = target("calls");
    for (condition, first) in [
        ("strcmp(name, \"gamma\") == 0", 2),
        ("strcmp($rsi, \"gamma\") == 0", 2),
        ("!strcmp($arg2, \"beta\")", 1),
        ("strncmp($rsi, \"gaXX\", 2) == 0", 2),
        ("strcasecmp($rsi, \"BETA\") == 0", 1),
        ("strstr($rsi, \"mm\") != 0", 2),
        ("strlen($rsi) == 4", 1),
        ("memcmp($rsi, \"bet\", 3) == 0", 1),
        ("$_streq($rsi, \"gamma\")", 2),
        ("$_strlen($rsi) == 4 && $arg1 > 3", 4),
        ("$arg1 == 6", 6),
        ("(int)$rdi == 3", 3),
        ("$hits == 4", 3),
    ] {
        let output = Debugger::brkwater()
            .ex(&format!("break leaf if {condition}"))
            .ex("run")
            .ex("echo x is \\n")
            .ex("output x")
            .ex("info breakpoints")
            .args(&[&calls]);
        output.exits(0).must_have("Breakpoint 1, leaf (x=");
        assert_eq!(number_after(&output.text, "leaf (x"), first, "{condition}:\n{}", output.text);
    }
}

#[test]
fn commands_run_at_each_stop() {
    let calls = target("calls");
    let dir = crate::common::scratch("commands");
    let script = dir.join("script.gdb");
    std::fs::write(
        &script,
        "break leaf\ncommands\nsilent\nprintf \"leaf of %d\\n\", x\ncontinue\nend\nrun\ninfo breakpoints\n",
    )
    .unwrap();
    let file = script.to_str().unwrap();
    let ours = Debugger::brkwater().flag("-x").flag(file).args(&[&calls]);
    let gdb = Debugger::gdb().flag("-x").flag(file).args(&[&calls]);
    let differences = crate::common::compare::differences(&ours.text, &gdb.text);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    ours.must_have("leaf of 9").must_have("leaf called 10 times");
}

#[test]
fn a_pending_breakpoint_waits_for_its_library_each_time_it_comes() {
    let (host, plugin) = (target("host"), target("plugin"));
    let output = Debugger::brkwater()
        .ex("break plugin_entry")
        .ex("run")
        .ex("bt")
        .ex("continue")
        .ex("print round")
        .ex("continue")
        .ex("print round")
        .ex("info breakpoints")
        .ex("continue")
        .args(&[&host, &plugin]);
    output.exits(0).must_have("Breakpoint 1 (plugin_entry) pending.").must_have("plugin_entry (round=0)");
    output.must_have("$1 = 1").must_have("$2 = 2").must_have("breakpoint already hit 3 times");
    output.must_have("plugin_entry called 3 times");
}

#[test]
fn libc_s_aliases_and_several_locations_are_gdb_s() {
    let chain = target("chain");
    let program = [chain.as_str(), "/etc/hosts", "/etc/passwd"];
    let mut report = String::new();
    for script in [
        &["start", "break open", "info breakpoints", "c", "bt"][..],
        &[
            "start",
            "break mmap",
            "info breakpoints",
            "c",
            "bt",
            "info breakpoints",
            "disable 2.1",
            "info breakpoints",
        ],
        &["start", "break malloc", "c", "bt 2"],
        &["start", "break nosuch_function_anywhere", "info breakpoints"],
    ] {
        let differences = against_gdb(&program, script);
        if !differences.is_empty() {
            report += &format!("{script:?}\n{differences}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// An indirect function's resolver runs once; its target runs at each call.
#[test]
fn a_breakpoint_on_strlen_stops_in_the_function_that_was_chosen() {
    let output = Debugger::brkwater()
        .ex("break main")
        .ex("run")
        .ex("break strlen")
        .ex("continue")
        .ex("bt")
        .args(&[&target("calls")]);
    output.exits(0).must_have("#1  ").must_have(" in leaf (x=0, name=");
}

/// A condition that cannot be evaluated is an error state, shown; never a hit that stops the target.
#[test]
fn a_condition_that_fails_is_an_error_state() {
    let output = Debugger::brkwater()
        .ex("break leaf if *(int*)0 == 1")
        .ex("break factorial if n == 2")
        .ex("run")
        .ex("info breakpoints")
        .ex("continue")
        .args(&[&target("calls")]);
    output.exits(0).must_have("Cannot access memory at address 0x0").must_not_have("Breakpoint 1, leaf");
    output.must_have("factorial (n=2)").must_have("leaf called 10 times").must_have("exited normally]");
}

#[test]
fn the_text_of_the_target_is_shown_without_our_breakpoints() {
    let calls = target("calls");
    let plain =
        against_gdb(&[&calls], &["break *leaf", "break *factorial", "run", "x/8xb leaf", "x/4i factorial"]);
    assert!(plain.is_empty(), "\n{plain}");
}

/// `rbreak` finds what gdb finds, in gdb's order, and says how each is declared.
#[test]
fn functions_are_found_by_a_regular_expression() {
    must_equal(
        &[&target("called")],
        &[
            &[
                "rbreak ^ma",
                "rbreak called.c:^co",
                "rbreak nosuch",
                "rbreak (",
                "info breakpoints",
                "run",
                "bt",
            ],
            &["rbreak ^\\(half\\|quarter\\)$", "rbreak r$", "run"],
            &["break main", "run", "rbreak ^__libc_ma", "rbreak malloc.c:^_int_f"],
        ],
    );
    let malformed = Debugger::brkwater().ex("rbreak [").args(&[&target("called")]);
    malformed.must_have("Invalid regexp: ").exits(1);
}

/// A thread's breakpoint goes with it; it stayed, for "thread 0".
#[test]
fn a_thread_s_breakpoint_ends_with_the_thread() {
    must_equal(
        &[&target("called")],
        &[
            &["break main", "run", "break add thread 1", "info breakpoints", "c", "c", "info breakpoints"],
            &["break main", "run", "break add thread 1", "watch calls thread 1", "kill", "info breakpoints"],
        ],
    );
    let detached = Debugger::brkwater().ex("break main").ex("run").ex("break add thread 1").ex("detach");
    let deleted = "Thread-specific breakpoint 2 deleted - thread 1 no longer in the thread list.\n";
    detached.args(&[&target("called")]).must_have(deleted);
    let script = ["tbreak work", "run", "break main thread 2", "continue", "info breakpoints"];
    let output = Debugger::brkwater().blocks(&script).args(&[&target("watched"), "many"]);
    let gone = "Thread-specific breakpoint 2 deleted - thread 2 no longer in the thread list.\n";
    let lines: Vec<&str> = output.block(3).lines().collect();
    let at = lines.iter().position(|line| *line == gone.trim()).expect(&output.text);
    assert!(lines[at - 1].ends_with(" exited]"), "{}", output.text);
    assert_eq!(output.block(4).trim(), "No breakpoints or watchpoints.");
}

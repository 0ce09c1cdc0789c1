//! Signals reach the target, each once; what ends it is told in gdb's words.

use crate::common::compare::{against_gdb, must_equal};
use crate::common::{Debugger, number_after, target};

#[test]
fn a_storm_of_signals_is_passed_on_complete() {
    let signals = target("signals");
    for way in ["storm", "queue"] {
        let output = Debugger::brkwater()
            .ex("handle SIGUSR1 nostop noprint pass")
            .ex("handle SIG34 nostop noprint pass")
            .ex("break handle if signo == 12345")
            .ex("run")
            .ex("info breakpoints")
            .limit(120)
            .args(&[&signals, way, "1000"]);
        output.exits(0).must_have("exited normally]");
        assert_eq!(number_after(&output.text, "signals arrived "), 1000, "{way}: {}", output.text);
    }
}

/// A breakpoint inside the handler: each delivery is one hit.
#[test]
fn handlers_are_hit_once_for_each_signal() {
    let output = Debugger::brkwater()
        .ex("handle SIGUSR1 nostop noprint pass")
        .ex("break handle")
        .ex("ignore 1 1000000")
        .ex("run")
        .ex("info breakpoints")
        .args(&[&target("signals"), "storm", "300"]);
    assert_eq!(number_after(&output.text, "breakpoint already hit "), 300, "{}", output.text);
}

#[test]
fn signals_stop_and_end_targets_in_gdb_s_words() {
    let signals = target("signals");
    let mut report = String::new();
    for (arguments, script) in [
        (&["storm", "2"][..], &["run", "bt 1", "c", "c"][..]),
        (&["segv"], &["run", "bt", "print p", "info frame", "continue", "info frame", "print $_exitsignal"]),
        (&["abort"], &["run", "c", "bt"]),
        (&["term"], &["run", "c", "print $_exitcode", "print $_exitsignal"]),
        (&["handled-segv"], &["run", "c", "print $_exitcode"]),
        (&["storm", "1"], &["break handle", "run", "c", "bt", "finish"]),
        (&["int3", "2"], &["run", "x/i $pc", "c", "c"]),
        (&["exit", "7"], &["run", "print $_exitcode"]),
        (&["exit", "200"], &["run"]),
        (&["exit", "0"], &["run", "run"]),
    ] {
        let program: Vec<&str> = std::iter::once(signals.as_str()).chain(arguments.iter().copied()).collect();
        let differences = against_gdb(&program, script);
        if !differences.is_empty() {
            report += &format!("{arguments:?} {script:?}\n{differences}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// A program's own int3 is its own business: it gets its SIGTRAP, goes on behind it, and is not rewound.
#[test]
fn an_embedded_int3_belongs_to_the_target() {
    let output = Debugger::brkwater()
        .ex("handle SIGTRAP nostop noprint pass")
        .ex("break handle")
        .ex("run")
        .args(&[&target("signals"), "int3", "20"]);
    assert_eq!(number_after(&output.text, "traps arrived "), 20, "{}", output.text);
    let stop = Debugger::brkwater().ex("run").ex("x/i $pc").args(&[&target("signals"), "int3", "1"]);
    stop.must_have("Program received signal SIGTRAP, Trace/breakpoint trap.");
}

#[test]
fn the_child_s_result_is_passed_through_when_asked() {
    let signals = target("signals");
    for (arguments, code) in [(["exit", "3"], 3), (["exit", "7"], 7), (["exit", "0"], 0)] {
        let ours = Debugger::brkwater().flag("-return-child-result").ex("run").args(&[
            &signals,
            arguments[0],
            arguments[1],
        ]);
        assert_eq!(ours.code, Some(code), "{}", ours.text);
        ours.must_have(if code == 0 { "exited normally]" } else { "exited with code 0" });
    }
    let killed =
        Debugger::brkwater().flag("-return-child-result").ex("run").ex("c").args(&[&signals, "term"]);
    assert_eq!(killed.code, Some(255), "{}", killed.text);
}

/// What the kernel says of a signal has gdb's names and types; process ids differ, so each field is asked for.
#[test]
fn the_kernel_s_words_on_a_signal_are_a_value() {
    must_equal(
        &[&target("siginfo")],
        &[
            &["print $_siginfo", "run", "ptype $_siginfo", "whatis $_siginfo", "ptype $_siginfo._sifields"],
            &["run", "print $_siginfo.si_signo", "print $_siginfo.si_code", "print sizeof ($_siginfo)"],
            &[
                "run",
                "whatis $_siginfo._sifields._kill.si_pid",
                "print &$_siginfo",
                "kill",
                "print $_siginfo",
            ],
            &[
                "handle SIGUSR1 nostop",
                "handle SIG34 nostop",
                "handle SIGCHLD stop",
                "run",
                "print $_siginfo._sifields._sigchld.si_status",
                "continue",
                "print $_siginfo",
                "print $_siginfo._sifields._sigfault.si_addr",
                "print/x $_siginfo._sifields._sigfault",
            ],
            &["break main", "run", "print $_siginfo.si_signo", "print $_siginfo.si_code"],
        ],
    );
    let own = Debugger::brkwater()
        .ex("run")
        .ex("print $_siginfo._sifields._kill.si_pid == $pid")
        .ex("break ignore if $_siginfo.si_signo == 5")
        .ex("continue")
        .ex("continue")
        .ex("print $_siginfo._sifields._rt.si_sigval")
        .args(&[&target("siginfo")]);
    own.must_have("$1 = 1\n").must_have("Breakpoint 1, ignore (signo=10)");
    own.must_have("$2 = {sival_int = 42, sival_ptr = 0x2a}\n");
}

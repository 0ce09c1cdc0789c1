//! `save breakpoints`: gdb takes every line of the file and stops where brkwater does, and so does lldb with its own.

use std::fs;
use std::process::Command;

use crate::common::{Debugger, Output, have, scratch, target};

/// Sets breakpoints in brkwater, saves them, and gives the file.
fn saved(name: &str, flag: &str, set: &[&str]) -> (String, String) {
    let file = scratch(name).join("saved");
    let file = file.to_str().unwrap().to_owned();
    let save = format!("save breakpoints {flag} {file}");
    let debugger = set.iter().fold(Debugger::brkwater(), |debugger, line| debugger.ex(line));
    debugger.ex(&save).args(&[&target("saved")]).must_have(&format!("Saved to file '{file}'."));
    (fs::read_to_string(&file).unwrap(), file)
}

/// Where a run stops, each stop as its frame without numbers of breakpoints; what a stop printed is told as well.
fn stops(debugger: Debugger, count: usize) -> (Vec<String>, Output) {
    let script: Vec<&str> = (0..count).flat_map(|_| ["bt 1", "continue"]).collect();
    let script = [&["run"][..], &script].concat();
    let out = debugger.blocks(&script).args(&[&target("saved")]);
    let frame = |index: usize| {
        let frames = out.block(index).lines().find(|line| line.starts_with("#0"));
        frames.map_or_else(|| "none".to_owned(), |line| line.split(" at ").next().unwrap_or(line).to_owned())
    };
    let stops = (0..count).map(|at| frame(1 + 2 * at)).collect();
    (stops, out)
}

/// Both stop at the same places, one after the other, with what was set by hand and with the file.
fn same_stops(name: &str, set: &[&str], count: usize, wanted: &[&str]) {
    let (text, file) = saved(name, "", set);
    let by_hand = set.iter().fold(Debugger::brkwater(), |debugger, line| debugger.ex(line));
    let (ours, out) = stops(by_hand, count);
    let (theirs, gdb) = stops(Debugger::gdb().ex(&format!("source {file}")), count);
    gdb.must_not_have("Error in sourced").must_not_have("Error in testing");
    assert_eq!(ours, theirs, "{set:?}:\n{text}\nours:\n{}\ngdb:\n{}", out.text, gdb.text);
    let (again, _) = stops(Debugger::brkwater().ex(&format!("source {file}")), count);
    assert_eq!(again, theirs, "read again: {set:?}:\n{text}");
    for (at, wanted) in wanted.iter().enumerate() {
        assert!(ours[at].contains(wanted), "stop {at} is no {wanted:?}: {ours:?}\n{text}");
    }
}

#[test]
fn conditions_are_gdb_s() {
    same_stops(
        "save_strcmp",
        &["break named if strcmp(name, \"/etc/hosts\") == 0"],
        3,
        &["n=1)", "n=3)", "none"],
    );
    same_stops(
        "save_strncmp",
        &["break named if !strncmp($arg1, \"/etc/p\", 6) && $arg2 < 1K"],
        3,
        &["n=0)", "n=2)", "none"],
    );
    same_stops("save_memcmp", &["break named if memcmp(name, \"/Thread\", 7) == 0"], 2, &["n=10)", "n=11)"]);
    // A byte that is no text stops nothing, and ends nothing.
    same_stops(
        "save_case",
        &["break named if strcasecmp(name, \"/ETC/hosts\") == 0"],
        3,
        &["n=1)", "n=3)", "none"],
    );
    same_stops("save_strlen", &["break named if n > 0 && n < 4 && strlen(name) == 11"], 2, &["n=2)", "none"]);
    same_stops(
        "save_strstr",
        &["break named if n < 4 && strstr(name, \"host\") != 0"],
        3,
        &["n=1)", "n=3)", "none"],
    );
}

#[test]
fn every_kind_of_breakpoint_is_gdb_s() {
    same_stops(
        "save_plain",
        &["break other", "ignore 1 2", "tbreak last", "break saved.c:27", "disable 3"],
        4,
        &["last (n=0)", "other (n=2)", "other (n=3)"],
    );
    same_stops("save_hardware", &["hbreak last if n == 3"], 2, &["last (n=3)", "none"]);
    same_stops("save_pending", &["break no_such_function", "break raise"], 2, &["raise"]);
    let lines = scratch("save_commands_lines").join("lines");
    fs::write(
        &lines,
        "break named if n == 1\ncommands\nsilent\nexplain\ncontinue\nend\nbreak other if n == 2\n",
    )
    .unwrap();
    let source = format!("source {}", lines.display());
    same_stops("save_commands", &[&source], 2, &["other (n=2)", "none"]);
    same_stops(
        "save_catch",
        &["catch signal SIGURG", "catch fork if counter > 3", "catch syscall write"],
        3,
        &["kill", "fork", "write"],
    );
    same_stops("save_temporary_catch", &["tcatch syscall write"], 3, &["write", "none"]);
    same_stops("save_watch", &["watch counter if counter > 5"], 3, &[]);
    same_stops("save_read", &["rwatch counter", "ignore 1 3"], 4, &["other", "other"]);
    same_stops("save_access", &["awatch counter if counter > 3"], 3, &["other (n=2)", "last (n=2)"]);
    same_stops("save_place", &["watch -location counter"], 3, &["named", "other (n=1)", "last (n=1)"]);
    same_stops("save_numbers", &["catch syscall 1 exit_group", "tbreak last"], 3, &["last (n=0)", "write"]);
    same_stops("save_group", &["catch syscall group:process"], 4, &["init_tls", "init_tls", "start_thread"]);
    same_stops("save_signals", &["catch signal SIGURG SIGCHLD"], 3, &["kill", "wait", "none"]);
    same_stops("save_all_signals", &["catch signal all"], 3, &["kill", "wait", "none"]);
    same_stops(
        "save_counted",
        &["break other", "enable count 2 1", "ignore 1 1", "break last", "enable once 2"],
        4,
        &["last (n=0)", "other (n=1)", "other (n=2)", "none"],
    );
    same_stops(
        "save_vanishing",
        &["break other", "enable delete 1", "thbreak last"],
        3,
        &["other (n=0)", "last (n=0)"],
    );
    same_stops(
        "save_location",
        &["watch -location counter", "disable 1", "break last if n == 2"],
        2,
        &["last (n=2)", "none"],
    );
    same_stops(
        "save_print",
        &["dprintf other,\"other %d\\n\",n", "condition 1 n == 2", "break last if n == 2"],
        2,
        &["last (n=2)", "none"],
    );
}

#[test]
fn a_thread_is_a_condition_for_gdb() {
    let file = scratch("save_thread").join("saved");
    let save = format!("save breakpoints {}", file.display());
    let set = ["break other if n == 10", "run", "delete", "break last thread 2 if n > 10", &save];
    set.iter()
        .fold(Debugger::brkwater(), |d, line| d.ex(line))
        .args(&[&target("saved")])
        .must_have("Saved to file");
    let (theirs, gdb) = stops(Debugger::gdb().ex(&format!("source {}", file.display())), 3);
    gdb.must_not_have("Unknown thread");
    let ends = ["last (n=11)", "last (n=12)", "none"];
    assert!(theirs.iter().zip(ends).all(|(stop, end)| stop.contains(end)), "{theirs:?}");
}

#[test]
fn chains_of_two_and_three_stages_are_gdb_s() {
    same_stops("save_two", &["break named if n == 2 then last"], 2, &["last (n=2)", "none"]);
    same_stops(
        "save_three",
        &["break named if strcmp(name, \"/etc/hosts\") == 0 then other if n > 1 then last"],
        2,
        &["last (n=2)", "last (n=3)"],
    );
    same_stops("save_once", &["break named then last once"], 2, &["last (n=0)", "none"]);
    same_stops(
        "save_every",
        &["break named if n == 1 then every last"],
        4,
        &["last (n=1)", "last (n=2)", "last (n=3)"],
    );
    same_stops("save_syscall", &["break last if n == 3 then syscall write"], 2, &["write", "none"]);
    same_stops("save_process", &["break named if n == 3 then last in process"], 2, &["last (n=3)", "none"]);
    same_stops("save_anybody", &["break named if n == 11 then other in any"], 2, &["other (n=11)", "none"]);
}

/// What gdb cannot evaluate stops nothing, and the file says so.
#[test]
fn what_gdb_cannot_say_is_said() {
    let (text, file) = saved("save_refused", "", &["break other if $hits == 3", "break named"]);
    assert!(
        text.contains("# It stopped only if $hits == 3; gdb cannot evaluate $hits, so it is disabled."),
        "{text}"
    );
    let (theirs, gdb) = stops(Debugger::gdb().ex(&format!("source {file}")), 1);
    gdb.must_not_have("Error in sourced");
    assert!(theirs[0].contains("named"), "{theirs:?}");
}

/// Stops of lldb, as `function n`.
fn lldb_stops(file: &str, count: usize) -> (Vec<String>, String) {
    let mut command = Command::new("lldb");
    command.args(["-b", "-x", "-s", file, "-o", "run"]);
    for _ in 0..count {
        command.args(["-o", "thread backtrace -c 1", "-o", "continue"]);
    }
    let done = command.arg(target("saved")).output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let mut stops: Vec<String> = text
        .split("(lldb) thread backtrace -c 1")
        .skip(1)
        .map(|block| block.lines().find(|line| line.contains("frame #0")).unwrap_or("none"))
        .map(|line| {
            line.split('`').nth(1).unwrap_or("none").split(" at ").next().unwrap_or_default().to_owned()
        })
        .collect();
    stops.resize(count, "none".to_owned());
    (stops, text + &String::from_utf8_lossy(&done.stderr))
}

#[test]
fn lldb_stops_there_as_well() {
    if !have("lldb") {
        return;
    }
    for (name, set, wanted) in [
        ("strcmp", &["break named if strcmp(name, \"/etc/hosts\") == 0"][..], &["n=1)", "n=3)", "none"][..]),
        (
            "several",
            &["break other if $arg1 > 2 && n < 4", "tbreak last"],
            &["last(n=0)", "other(n=3)", "none"],
        ),
        ("two", &["break named if n == 2 then last"], &["last(n=2)", "none"]),
        (
            "three",
            &["break named if !strncmp(name, \"/etc/h\", 6) then other if n > 1 then last"],
            &["last(n=2)", "last(n=3)"],
        ),
        ("every", &["break named if n == 1 then every last"], &["last(n=1)", "last(n=2)", "last(n=3)"]),
        ("watch", &["watch counter if counter == 6", "catch signal SIGURG"], &["named(", "last(n=3)"]),
        (
            "line",
            &["break saved.c:28 if n == 3", "disable 1", "break no_such_function", "break saved.c:22"],
            &["other(n=0)"],
        ),
        ("print", &["dprintf other,\"%d\\n\",n", "break last if n == 3"], &["last(n=3)", "none"]),
    ] {
        let (text, file) = saved(&format!("lldb_{name}"), "--lldb", set);
        let (stops, said) = lldb_stops(&file, wanted.len());
        let fits = stops.iter().zip(wanted).all(|(stop, wanted)| stop.contains(wanted));
        assert!(fits, "{set:?}: {stops:?} is not {wanted:?}\n{text}\n{said}");
        // A script of lldb's ends where a signal stops the program (this one does unless it is told otherwise).
        let stopped = said.contains("stop reason = signal SIGURG");
        assert!(stopped || !set.contains(&"catch signal SIGURG"), "{said}");
    }
}

#[test]
fn what_lldb_cannot_do_is_a_comment() {
    let set = [
        "catch syscall write",
        "catch fork",
        "break other if $hits == 2",
        "break named if strcmp(name, name) == 0",
    ];
    let (text, _) = saved("lldb_comments", "--lldb", &set);
    for words in [
        "# catch syscall write\n# lldb catches no system calls;",
        "# catch fork\n# lldb 14 catches no fork;",
        "# lldb cannot evaluate this without a call, so it is disabled: $hits == 2",
        "# lldb cannot evaluate this without a call, so it is disabled: strcmp(name, name) == 0",
        "breakpoint disable 1\n",
        "breakpoint disable 2\n",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

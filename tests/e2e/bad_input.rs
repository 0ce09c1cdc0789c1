//! Bad input: one clear line in gdb's wording, the exit status of the contract, never a panic.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::{Debugger, Output, brkwater_path, scratch, target};

/// Whether one of the lines is exactly this, and what follows it is no more than two hints.
fn must_say(output: &Output, line: &str) {
    output.must_not_have("panicked at");
    let lines: Vec<&str> = output.text.lines().collect();
    let Some(at) = lines.iter().position(|said| *said == line) else {
        panic!("{line:?} is not said:\n{}", output.text)
    };
    let hints = lines[at + 1..].iter().take_while(|said| said.starts_with("  hint: ")).count();
    assert!(hints <= 2, "{hints} hints:\n{}", output.text);
}

#[test]
fn programs_that_cannot_be_run() {
    let dir = scratch("bad_programs");
    let calls = fs::read(target("calls")).unwrap();
    let write = |name: &str, bytes: &[u8], mode: u32| {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let missing = dir.join("nosuch").to_str().unwrap().to_owned();
    let output = Debugger::brkwater().ex("run").args(&[&missing]);
    must_say(&output, &format!("{missing}: No such file or directory."));

    let text = write("text", b"#not a program\n", 0o755);
    let output = Debugger::brkwater().ex("info line main").args(&[&text]);
    must_say(&output, &format!("\"{text}\": not in executable format: file format not recognized"));

    let empty = write("empty", b"", 0o755);
    let output = Debugger::brkwater().ex("info line main").args(&[&empty]);
    must_say(&output, &format!("\"{empty}\": not in executable format: file format not recognized"));

    let directory = dir.to_str().unwrap().to_owned();
    let output = Debugger::brkwater().ex("run").args(&[&directory]);
    must_say(&output, &format!("{directory}: Is a directory."));

    // Not executable: gdb's message names the failed exec; ours must be one line that names file and reason.
    let locked = write("locked", &calls, 0o644);
    let output = Debugger::brkwater().ex("run").args(&[&locked]);
    output.must_have("Permission denied").must_not_have("panicked");
    assert_eq!(output.code, Some(1), "{}", output.text);

    // Another architecture: e_machine says AArch64.
    let mut other = calls.clone();
    other[18] = 183;
    let arm = write("arm", &other, 0o755);
    let output = Debugger::brkwater().ex("run").args(&[&arm]);
    output.must_not_have("panicked");
    assert_eq!(output.code, Some(1), "{}", output.text);
    output.must_have("arm");
}

/// Cut at every kind of place: nothing panics, nothing hangs, something is said.
#[test]
fn truncated_and_garbled_programs() {
    let dir = scratch("truncated");
    let calls = fs::read(target("calls")).unwrap();
    for part in [4, 17, 63, 64, 100, 700, 4096, calls.len() / 2, calls.len() - 100] {
        let path = dir.join(format!("cut{part}"));
        fs::write(&path, &calls[..part]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let output = Debugger::brkwater()
            .ex("break leaf")
            .ex("run")
            .ex("bt")
            .ex("info heap")
            .limit(20)
            .args(&[path.to_str().unwrap()]);
        output.must_not_have("panicked at");
        assert_ne!(output.code, Some(70), "{}", output.text);
        assert!(!output.text.trim().is_empty(), "cut at {part}: nothing was said");
    }
    // The code is whole, everything that describes it is not.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..12 {
        let mut bytes = calls.clone();
        let from = bytes.len() / 3;
        for _ in 0..400 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = from + usize::try_from(seed >> 33).unwrap() % (bytes.len() - from);
            bytes[at] ^= (seed >> 24) as u8;
        }
        let path = dir.join(format!("garbled{round}"));
        fs::write(&path, &bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let output = Debugger::brkwater()
            .ex("break leaf")
            .ex("info line main")
            .ex("list main")
            .ex("print origin")
            .ex("run")
            .ex("bt")
            .ex("info locals")
            .limit(30)
            .args(&[path.to_str().unwrap()]);
        output.must_not_have("panicked at");
        assert_ne!(output.code, Some(70), "{}", output.text);
    }
}

#[test]
fn processes_that_cannot_be_attached_to() {
    let output = Debugger::brkwater().ex("bt").plain(&["-p", "999999999"]);
    must_say(&output, "ptrace: No such process.");
    assert_eq!(output.code, Some(1), "{}", output.text);

    let output = Debugger::brkwater().ex("attach nonsense").plain(&[]);
    output.must_have("Illegal process-id: nonsense.").exits(1);

    // It has ended, and its parent has not asked.
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    let pid = ended.id();
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    while !state().contains(") Z ") {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let output = Debugger::brkwater().ex("bt").plain(&["-p", &pid.to_string()]);
    must_say(&output, "ptrace: Operation not permitted.");
    output.must_have(&format!("  hint: process {pid} is a zombie - the process has already terminated\n"));
    ended.wait().unwrap();

    // Already traced: by another brkwater.
    let mut first = std::process::Command::new(brkwater_path());
    first.args(["-nx", "-batch", "-ex", "break tick if n == -1", "-ex", "run", "--args", &target("ticker")]);
    let first = crate::common::process::Running::start(first);
    let traced = first.line(); // the first tick, or a line of the debugger's
    assert!(!traced.is_empty());
    std::thread::sleep(std::time::Duration::from_millis(500));
    let pid = child_named(first.pid(), "ticker").expect("the target runs below the debugger");
    let output = Debugger::brkwater().ex("bt").plain(&["-p", &pid.to_string()]);
    must_say(&output, "ptrace: Operation not permitted.");
    output.must_have("  hint: ");
    assert_eq!(output.code, Some(1), "{}", output.text);
}

/// A descendant of a process, by its name.
fn child_named(ancestor: u32, name: &str) -> Option<u32> {
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for entry in fs::read_dir("/proc").unwrap().filter_map(Result::ok) {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let (comm, rest) = stat.rsplit_once(") ").unwrap();
            if rest.split(' ').nth(1) == Some(parent.to_string().as_str()) {
                if comm.ends_with(&format!("({name}")) {
                    return Some(pid);
                }
                parents.push(pid);
            }
        }
    }
    None
}

/// First lines, word for word gdb 13.1's.
#[test]
fn wrong_commands_are_answered_in_gdb_s_words() {
    let calls = target("calls");
    let mut report = String::new();
    for script in [
        &["foo", "print 1"][..],
        &["break 999", "break nosuch.c:3"],
        &["condition 1 x", "break leaf if nosuch == 1", "break leaf if x ==", "break leaf if (x"],
        &[
            "print nosuch",
            "print 1 +",
            "print 1/0",
            "print *(int*)0",
            "print (struct nos *)0",
            "print $rip",
            "print $nos",
            "print )",
        ],
        &[
            "break leaf",
            "run",
            "print nosuch",
            "frame 99",
            "up 99",
            "down",
            "down",
            "x/x 0",
            "p *(char*)1",
            "list 9999",
            "info symbol 0",
            "finish 3",
        ],
        &[
            "info frame",
            "bt",
            "info locals",
            "info registers",
            "x/x $sp",
            "continue",
            "next",
            "stepi",
            "finish",
            "info args",
        ],
        &["info line nosuch", "list nosuch", "info symbol main", "info symbol 1", "info nosuch"],
        &[
            "set var nosuch = 1",
            "undisplay 9",
            "frame 1",
            "thread 9",
            "tbreak",
            "ignore",
            "ignore 1",
            "commands 9",
        ],
    ] {
        let differences = crate::common::compare::against_gdb(&[&calls], script);
        if !differences.is_empty() {
            report += &format!("{script:?}\n{differences}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn exit_statuses_are_gdb_s_and_strict_s() {
    let calls = target("calls");
    for (script, code, strict) in [
        (&["print 1"][..], 0, 0),
        (&["print nosuch"], 1, 1),
        (&["print nosuch", "print 1"], 0, 1),
        (&["break nosuch", "run"], 0, 1),
        (&["break leaf", "run"], 0, 0),
    ] {
        let run = |flags: &[&str]| {
            let mut debugger = Debugger::brkwater();
            for flag in flags {
                debugger = debugger.flag(flag);
            }
            for command in script {
                debugger = debugger.ex(command);
            }
            debugger.args(&[&calls])
        };
        let output = run(&[]);
        assert_eq!(output.code, Some(code), "{script:?}: {}", output.text);
        let output = run(&["--strict"]);
        assert_eq!(output.code, Some(strict), "--strict {script:?}: {}", output.text);
    }
    let usage = Debugger::brkwater().flag("--no-such-flag").plain(&[]);
    assert_eq!(usage.code, Some(2), "{}", usage.text);
    usage.must_have("unrecognized option '--no-such-flag'");
}

#[test]
fn a_program_without_symbols_is_no_trouble() {
    let plain = crate::common::target_with("calls", "-O0 -fno-pie -no-pie -s");
    let script = ["break leaf", "info line main", "list", "break write", "run", "bt 2", "info symbol $pc"];
    let differences = crate::common::compare::against_gdb(&[&plain], &script);
    assert!(differences.is_empty(), "\n{differences}");
    let output = Debugger::brkwater().ex("break write").ex("run").ex("bt").ex("explain").args(&[&plain]);
    output.must_have("in ?? ()").must_not_have("panicked");
}

/// What a target wrote is escaped before a terminal sees it.
#[test]
fn escape_sequences_of_the_target_s_are_shown_as_text() {
    let output = Debugger::brkwater()
        .ex("break show")
        .ex("run")
        .ex("print title")
        .ex("info args")
        .ex("bt")
        .args(&[&target("noisy")]);
    output.exits(0).must_have("\\033]0;owned\\a\\033[2J\\r\\n");
    assert!(!output.text.contains('\u{1b}'), "an escape character came through");
}

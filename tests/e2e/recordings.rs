//! Recordings: what is looked at afterwards is what was there, without the process, without its files, and up to where
//! the file was cut.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::process::finish;
use crate::common::pty::Terminal;
use crate::common::{Debugger, Output, brkwater_path, have, scratch, target, target_with};

/// What looks, at a stop.
const LOOKS: &[&str] = &[
    "bt",
    "bt -json",
    "bt -full -3",
    "frame",
    "up",
    "info frame",
    "info args",
    "info locals",
    "info threads",
    "thread apply all bt 3",
    "info registers",
    "p $_exitcode",
    "p $brk_refused",
    "p/x $blocker",
    "p $fallback_bytes",
    "x/8gx $sp",
    "info symbol $pc",
    "info sharedlibrary",
    "info auxv",
    "info heap",
    "info heap -json",
    "heap bins",
    "heap tcache",
    "heap arenas",
    "info growth",
    "info growth -json",
    "info blockers",
    "info blockers -json",
    "info syscalls 1000",
    "info syscalls -json",
    "explain",
    "explain -json",
    "owner $sp",
    "owner $brk-1",
    "info breakpoints",
];

fn in_dir(name: &str) -> PathBuf {
    let dir = scratch(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn opened(file: &Path, commands: &[&str]) -> Output {
    let output = Debugger::brkwater().blocks(commands).plain(&["open", file.to_str().unwrap()]);
    output.must_not_have("panicked at");
    output
}

/// Records a run to a stop and asks there; `way` leads to it.
fn recorded(file: &Path, way: &[&str], commands: &[&str], program: &[&str]) -> Output {
    let mut debugger = Debugger::brkwater().flag("--record").flag(file.to_str().unwrap());
    for line in way {
        debugger = debugger.ex(line);
    }
    debugger.blocks(commands).args(program)
}

#[test]
fn a_recording_shows_at_a_stop_what_the_process_showed() {
    let blocker = target("blocker");
    let dumped = target("dumped");
    let truth = target_with("heap_truth", "-g -O1 -pthread");
    let refused = "break mmap if $brk_refused > 0";
    let cases: [(&str, &[&str], &[&str]); 4] = [
        ("blocked", &[refused, "run"], &[&blocker, "plant", "4000", "500", "2"]),
        ("free", &["break write", "run", "continue"], &[&blocker, "free-way", "4000", "500", "3"]),
        ("threads", &["break here", "run"], &[&dumped, "wait"]),
        ("arenas", &["break pause", "run"], &[&truth, "threads", "3000"]),
    ];
    for (name, way, program) in cases {
        let dir = in_dir(&format!("recorded_{name}"));
        let file = dir.join("run.rec");
        let formats = ["md", "json", "html", "svg", "text", "folded", "speedscope", "pprof", "chrome", "csv"];
        let page = |when: &str, format: &str| dir.join(format!("{when}.{format}"));
        let export = |when: &str| -> Vec<String> {
            let line = |format: &&str| format!("export {format} -stable {}", page(when, format).display());
            formats.iter().map(line).collect()
        };
        let (now, then) = (export("now"), export("then"));
        let commands = |exports: &'_ [String]| -> Vec<String> {
            LOOKS.iter().map(|&look| look.to_owned()).chain(exports.iter().cloned()).collect()
        };
        let (now, then) = (commands(&now), commands(&then));
        let live = recorded(&file, way, &now.iter().map(String::as_str).collect::<Vec<_>>(), program);
        let mut all = vec!["reverse-continue"];
        all.extend(then.iter().map(String::as_str));
        let replayed = opened(&file, &all);
        for (index, look) in LOOKS.iter().enumerate() {
            let (ours, theirs) = (replayed.block(index + 1), live.block(index));
            assert!(!theirs.is_empty(), "{name}: {look} says nothing");
            let common = ours.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
            let around =
                |text: &str| -> String { text.chars().skip(common.saturating_sub(200)).take(400).collect() };
            assert!(ours == theirs, "{name}: {look}\n{}\n{}", around(ours), around(theirs));
        }
        for format in formats {
            let read = |when| std::fs::read(page(when, format)).unwrap_or_default();
            let (now, then) = (read("now"), read("then"));
            assert!(!now.is_empty(), "{name}: {format} was not written:\n{}", live.text);
            assert!(now == then, "{name}: {format} differs");
        }
    }
}

/// On a machine that has neither the program nor its libraries, names and arguments are those that were told.
#[test]
fn without_the_program_s_file_names_are_those_of_then() {
    let dir = in_dir("recorded_elsewhere");
    let (file, program) = (dir.join("run.rec"), dir.join("program"));
    std::fs::copy(target("blocker"), &program).unwrap();
    let looks = ["bt", "explain", "info growth", "info blockers", "info syscalls 1000", "info heap"];
    let way = ["break mmap if $brk_refused > 0", "run"];
    let live = recorded(&file, &way, &looks, &[program.to_str().unwrap(), "plant", "4000", "500", "2"]);
    live.must_have("allocate (size=500)");
    std::fs::remove_file(&program).unwrap();
    let mut all = vec!["reverse-continue"];
    all.extend(looks);
    let replayed = opened(&file, &all);
    for (index, look) in looks.iter().enumerate() {
        assert_eq!(replayed.block(index + 1), live.block(index), "{look}");
    }
}

#[test]
fn between_stops_there_are_the_calls_and_their_stacks() {
    let dir = in_dir("recorded_between");
    let file = dir.join("run.rec");
    let program = target("blocker");
    let live = recorded(
        &file,
        &["break mmap if $brk_refused > 0", "run"],
        &["info syscalls -json"],
        &[&program, "plant", "4000", "500", "2"],
    );
    let calls: serde_json::Value = serde_json::from_str(live.block(0).trim()).unwrap();
    let refused =
        calls["calls"].as_array().unwrap().iter().find(|call| call["label"] == "brk-refused").unwrap();
    let seq = refused["seq"].as_u64().unwrap();
    let goto = format!("record goto {seq}");
    let replayed = opened(
        &file,
        &[
            &goto,
            "bt",
            "info heap",
            "explain",
            "x/4x $brk",
            "info registers",
            "record goto 1",
            "info blockers",
        ],
    );
    assert!(
        replayed.block(0).contains(&format!("Event {seq} of "))
            && replayed.block(0).contains("[brk-refused]")
    );
    let stack = replayed.block(1);
    for name in ["brk ()", "malloc ()", "allocate ()", "main ()"] {
        assert!(stack.contains(name), "{name} is not in {stack}");
    }
    assert!(replayed.block(2).contains("in its way") && replayed.block(2).contains("recorded at stops only"));
    assert!(replayed.block(3).contains("[recorded] The kernel answered"), "{}", replayed.block(3));
    assert!(replayed.block(3).contains("[unknown] How much"), "{}", replayed.block(3));
    assert!(replayed.block(4).contains("Cannot access memory at address"), "{}", replayed.block(4));
    assert!(replayed.block(5).contains("<not saved>"), "{}", replayed.block(5));
    assert!(replayed.block(7).contains("No blockers"), "the future is not known: {}", replayed.block(7));
}

/// The exit status is the program's, and the calls are those that `trace` tells.
#[test]
fn record_is_trace_into_a_file() {
    let dir = in_dir("recorded_alone");
    let file = dir.join("run.rec");
    let program = target("blocker");
    let run = |words: &[&str]| {
        let mut command = Command::new(brkwater_path());
        command.args(words).args(["--", &program, "plant", "4000", "500", "2"]);
        command.env("LINES", "24").env("COLUMNS", "80").env("SHELL", "/bin/sh").env_remove("DEBUGINFOD_URLS");
        finish(command, Duration::from_secs(60))
    };
    run(&["record", "-o", file.to_str().unwrap()]).exits(0).must_have("Recorded ").must_have("events into");
    let log = dir.join("log");
    run(&["trace", "--no-fold", "--no-stacks", "-o", log.to_str().unwrap()]).exits(0);
    let call = |line: &str| -> Option<String> {
        let at = ["brk(", "mmap(", "munmap(", "mremap("].iter().filter_map(|name| line.find(name)).min()?;
        Some(line[at..].split("  [").next()?.trim_end().to_owned())
    };
    let traced: Vec<String> = std::fs::read_to_string(log).unwrap().lines().filter_map(call).collect();
    let replayed = opened(&file, &["info syscalls 100000"]);
    let kept: Vec<String> = replayed.block(0).lines().filter_map(call).collect();
    let summary = traced.iter().position(|line| !line.contains(" = ")).unwrap_or(traced.len());
    assert!(kept.len() > 10, "{}", replayed.text);
    assert_eq!(kept, traced[..summary]);
    let nowhere = run(&["record", "-o", "/nowhere/x"]);
    nowhere.exits(1).must_have("Failed to open '/nowhere/x' for output.").must_not_have("No record target");
    let mut failing = Command::new(brkwater_path());
    failing.args(["record", "-o", file.to_str().unwrap(), "/bin/sh", "-c", "exit 7"]);
    finish(failing, Duration::from_secs(60)).exits(7);
}

/// Both halves of brkwater are killed while a program records that says how far it is.
#[test]
fn a_kill_loses_at_most_the_last_second() {
    let dir = in_dir("recorded_killed");
    let program = target("ticking_heap");
    for attempt in 0..3_u64 {
        let (file, said) = (dir.join("run.rec"), dir.join("said"));
        let mut face = Command::new(brkwater_path())
            .args(["record", "-o", file.to_str().unwrap(), "--", &program])
            .stdout(std::fs::File::create(&said).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let count = || std::fs::read_to_string(&said).unwrap().lines().count();
        let start = Instant::now();
        while count() < 50 + 40 * attempt as usize {
            assert!(start.elapsed() < Duration::from_secs(60), "the program does not come on");
            std::thread::sleep(Duration::from_millis(5));
        }
        let engine = children(face.id());
        assert_eq!(engine.len(), 1, "the engine is the face's child");
        let sure = count();
        std::thread::sleep(Duration::from_secs(1));
        for pid in [engine[0], face.id()] {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::SIGKILL)
                .unwrap();
        }
        face.wait().unwrap();
        let replayed = opened(&file, &["info growth -json"]);
        replayed.must_have("has no end").must_not_have("damaged");
        let growth: serde_json::Value = serde_json::from_str(replayed.block(0).trim()).unwrap();
        let rows = growth["by_site"].as_array().unwrap();
        let row = rows.iter().find(|row| row["label"] == "mmap-chunk").unwrap();
        let calls = row["calls"].as_u64().unwrap() as usize;
        assert!(calls >= sure, "{calls} calls are kept, {sure} were made a second before");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn children(pid: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_whitespace().map(|word| word.parse().unwrap()).collect()
}

/// A full disk ends the recording, not the program.
#[test]
fn a_full_disk_is_told_and_harms_nobody() {
    let program = target("blocker");
    let recorded =
        recorded(Path::new("/dev/full"), &["run"], &["info record"], &[&program, "plant", "40", "500"]);
    recorded.must_have("Failed to open '/dev/full' for output").must_have("exited normally");
}

/// The kernel's answer to a file that may not grow was the engine's end, and so the program's.
#[test]
fn a_limit_of_file_sizes_ends_the_recording_and_not_the_program() {
    let dir = in_dir("recorded_limited");
    let file = dir.join("run.rec");
    let program = target("blocker");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -f 4; exec \"$@\"", "sh"]).arg(brkwater_path());
    command.args(["record", "-o", file.to_str().unwrap(), "--", &program, "plant", "40000", "500"]);
    let output = finish(command, Duration::from_secs(60));
    // How soon it is told depends on how soon it is written.
    output.exits(0).must_have("end: ").must_have("has ended: File too large");
}

#[test]
fn two_runs_are_apart_in_one_file() {
    let dir = in_dir("recorded_twice");
    let file = dir.join("run.rec");
    let program = target("blocker");
    let way = ["run", "set args free-way 40 500", "run"];
    recorded(&file, &way, &["record stop"], &[&program, "plant", "40000", "500"]).must_have("Recorded ");
    let name = file.to_str().unwrap();
    let look = |run: &[&str]| {
        let mut words = vec!["open", name];
        words.extend(run);
        Debugger::brkwater().ex("info blockers").plain(&words)
    };
    look(&[]).must_have("run 2 of 2").must_have("No blockers");
    look(&["1"]).must_have("run 1 of 2").must_have("plant_the_page");
    look(&["3"]).must_have("has 2 runs, and no run 3");
}

/// The panes of the screen are those of the live stop.
#[test]
fn the_screen_of_a_recording_is_that_of_the_stop() {
    let dir = in_dir("recorded_screen");
    let (file, state) = (dir.join("run.rec"), dir.join("state"));
    std::fs::create_dir_all(state.join("brkwater")).unwrap();
    std::fs::write(state.join("brkwater/history"), "").unwrap();
    let (name, program) = (file.to_str().unwrap(), target("blocker"));
    let state = [("XDG_STATE_HOME", state.to_str().unwrap())];
    let start = |words: &[&str]| Terminal::start(brkwater_path().to_str().unwrap(), words, (120, 40), &state);
    let shows =
        |screen: &str| screen.contains("allocate (size=500)") && screen.contains("measured at this stop");
    let mut live = start(&[
        "--record",
        name,
        "-ex",
        "break mmap if $brk_refused > 0",
        "-ex",
        "run",
        "--args",
        &program,
        "plant",
        "4000",
        "500",
        "2",
    ]);
    let seen = live.wait_for("the stop", 40, shows);
    live.send("\x04");
    live.wait_for("the question", 20, |screen| screen.contains("(y or n)"));
    live.send("y\r");
    assert_eq!(live.wait_exit(20), Some(0));
    let mut replay = start(&["open", name]);
    replay.wait_for("the end of the recording", 20, |screen| screen.contains("RECORDING"));
    replay.send("reverse-continue\r");
    let again = replay.wait_for("the stop", 40, shows);
    replay.send("\x04");
    assert_eq!(replay.wait_exit(20), Some(0), "leaving a recording asks nothing");
    for pane in ["Backtrace", "Heap"] {
        assert_eq!(rows_of(&again, pane), rows_of(&seen, pane), "{seen}\n{again}");
    }
}

/// The part of the screen in the box with this title, its borders too.
fn rows_of(screen: &str, title: &str) -> Vec<String> {
    let lines: Vec<Vec<char>> = screen.lines().map(|line| line.chars().collect()).collect();
    let at = |line: &Vec<char>| {
        let text: String = line.iter().collect();
        let byte = text.find(&format!(" {title} "))?;
        let column = text[..byte].chars().count();
        line[..column].iter().rposition(|letter| "┌╔".contains(*letter))
    };
    let (top, left) = lines.iter().enumerate().find_map(|(row, line)| Some((row, at(line)?))).unwrap();
    let right = left + lines[top][left..].iter().position(|letter| "┐╗".contains(*letter)).unwrap();
    let bottom = top + lines[top..].iter().position(|line| "└╚".contains(line[left])).unwrap();
    lines[top + 1..bottom].iter().map(|line| line[left..=right].iter().collect()).collect()
}

#[test]
fn what_is_no_recording_is_refused_in_a_sentence() {
    let dir = in_dir("recorded_not");
    let file = dir.join("x");
    std::fs::write(&file, "brkwater recording\n\x09\0\0\0").unwrap();
    opened(&file, &["info record"]).must_have("was written by a newer brkwater").must_have("No recording");
    opened(Path::new("/bin/sh"), &["bt"]).must_have("is not a recording").must_have("No stack.");
    opened(Path::new("/nowhere"), &["bt"]).must_have("/nowhere: No such file or directory.");
    let words = Debugger::brkwater().ex("record goto 3").ex("record").ex("record stop").ex("rc").plain(&[]);
    words.must_have("No recording is looked at.").must_have("Process record: the program is not being run.");
    words.must_have("No record target is active.").must_have("Target None does not support this command.");
}

/// Any program: nothing was prepared for us.
#[test]
fn programs_that_nobody_prepared_are_recorded() {
    let dir = in_dir("recorded_others");
    for (tool, arguments) in [
        ("/usr/bin/python3", &["-c", "x = ['a' * 100000 for i in range(300)]"][..]),
        ("bash", &["-c", "for i in {1..30000}; do x+=$i; done; echo ${#x}"]),
    ] {
        if !have(tool) {
            continue;
        }
        let file = dir.join(format!("{}.rec", tool.replace('/', "_")));
        let mut command = Command::new(brkwater_path());
        command.args(["record", "-f", "-o", file.to_str().unwrap(), "--", tool]).args(arguments);
        finish(command, Duration::from_secs(60)).exits(0).must_have("events into");
        let replayed =
            opened(&file, &["info growth", "info syscalls 3", "record goto 100", "bt", "record begin"]);
        assert!(replayed.block(0).contains("brk-grow"), "{}", replayed.text);
        replayed.must_not_have("warning:");
    }
}

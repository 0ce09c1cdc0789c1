//! `brkwater trace`, beside strace and beside what the program says of itself.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::process::Running;
use crate::common::{have, scratch, target};

fn traced(flags: &[&str], program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brkwater"));
    command.arg("trace").args(flags).arg("--").arg(program).args(arguments);
    command.env_remove("DEBUGINFOD_URLS").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The calls of a log, without what we add, blanks before `=`, and (of several) by process in the order of their first line.
fn calls(log: &str, with_pids: bool) -> Vec<Vec<String>> {
    let mut by: Vec<(String, Vec<String>)> = Vec::new();
    for line in log.lines() {
        let (pid, call) = if with_pids { line.split_once(' ').unwrap_or(("", line)) } else { ("", line) };
        let call = call.trim_start();
        let known = ["brk(", "mmap(", "munmap(", "mremap("].iter().any(|name| call.starts_with(name));
        let Some((request, result)) = call.rsplit_once(") ").filter(|_| known && call.contains(" = ")) else {
            continue;
        };
        let (request, result) = match call.split_once(") = ") {
            Some((request, result)) => (request, result),
            None => (request, result.trim_start().trim_start_matches("= ")),
        };
        let result = result.split("  [").next().unwrap_or(result);
        let line = format!("{request}) = {}", result.trim());
        match by.iter_mut().find(|(known, _)| known == pid) {
            Some((_, lines)) => lines.push(line),
            None => by.push((pid.to_owned(), vec![line])),
        }
    }
    by.into_iter().map(|(_, lines)| lines).collect()
}

/// strace's log of the same; addresses do not vary.
fn strace(program: &str, arguments: &[&str], follow: bool) -> String {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut command = Command::new("setarch");
    command.args(["-R", "strace", "-e", "trace=brk,mmap,munmap,mremap", "-e", "signal=none"]);
    if follow {
        command.arg("-f");
    }
    command.arg("-o").arg(&log).arg(program).args(arguments);
    command.env_remove("DEBUGINFOD_URLS").env("LINES", "24").env("COLUMNS", "80");
    assert!(command.output().unwrap().status.code().is_some());
    std::fs::read_to_string(log).unwrap()
}

#[test]
fn the_log_is_that_of_strace() {
    if !have("strace") {
        return;
    }
    for arguments in
        [&["plant", "4000", "500", "2"][..], &["free-way", "4000", "500", "3"], &["huge", "5", "300000"]]
    {
        let program = target("blocker");
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let flags = ["--no-fold", "--no-stacks", "-o", log.to_str().unwrap()];
        let mut command = Command::new(env!("CARGO_BIN_EXE_brkwater"));
        command.arg("trace").args(flags).arg("--").arg(&program).args(arguments);
        command.env_remove("DEBUGINFOD_URLS").env("LINES", "24").env("COLUMNS", "80").env("SHELL", "/bin/sh");
        assert!(command.output().unwrap().status.success());
        let ours = calls(&std::fs::read_to_string(log).unwrap(), false);
        let theirs = calls(&strace(&program, arguments, false), false);
        assert!(theirs[0].len() > 10, "{theirs:?}");
        assert_eq!(ours, theirs, "{arguments:?}");
    }
}

#[test]
fn children_are_followed_as_strace_follows_them() {
    if !have("strace") {
        return;
    }
    let script = "(exit 3); /bin/true; exit 5";
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let output = traced(&["-f", "--no-fold", "-o", log.to_str().unwrap()], "/bin/sh", &["-c", script]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let ours = std::fs::read_to_string(&log).unwrap();
    let numbers = |log: &str| {
        let mut numbers: Vec<usize> = calls(log, true).iter().map(Vec::len).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(numbers(&ours), numbers(&strace("/bin/sh", &["-c", script], true)), "{ours}");
    assert!(ours.contains("+++ exited with 3 +++") && ours.contains("+++ exited with 5 +++"), "{ours}");
    assert!(ours.contains("--- exec /usr/bin/true ---"), "{ours}");
}

#[test]
fn each_call_says_what_it_meant_and_each_stack_is_told_once() {
    let output = traced(&[], &target("blocker"), &["plant", "3000", "3000"]);
    let log = text(&output.stderr);
    assert!(output.status.success(), "{log}");
    let refused = "[brk-refused: blocker [";
    assert!(log.contains(refused) && log.contains("by plant_the_page (blocker.c:"), "{log}");
    assert!(log.contains("[fallback: malloc by allocate (blocker.c:"), "{log}");
    let allocate = log.matches(" in allocate (blocker.c:").count();
    assert_eq!(allocate, 2, "one stack of the brk, one of the mmap: {log}");
    assert!(log.contains("... the 2 lines above ") && log.contains(" times more, "), "{log}");
    // The summary counts what was folded: as many bytes as the program says.
    let said = text(&output.stdout);
    let arena =
        crate::common::number_after(said.lines().find(|line| line.starts_with("end:")).unwrap(), "arena ");
    let row = log.lines().find(|line| line.starts_with("fallback ")).unwrap();
    let calls: u64 = row.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_eq!((1 << 20) + (calls - 1) * 135_168 + 135_168, arena, "{row} {said}");
}

#[test]
fn json_has_every_call_with_its_stack() {
    let output = traced(&["--json"], &target("blocker"), &["plant", "3000", "300"]);
    let log = text(&output.stderr);
    let events: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["schema"] == "brkwater.event/1"));
    let refused = events.iter().find(|event| event["label"] == "brk-refused").unwrap();
    let planted = events.iter().find(|event| event["label"] == "blocker").unwrap();
    assert_eq!(refused["cause"]["planted_by"], planted["seq"]);
    let stack = refused["stack"].as_array().unwrap();
    assert!(stack.iter().any(|frame| frame["function"] == "allocate"), "{refused}");
}

#[test]
fn the_exit_status_is_the_programs() {
    for (script, status) in
        [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 128 + 9), ("kill -TERM $$", 128 + 15)]
    {
        let output = traced(&["-c"], "/bin/sh", &["-c", script]);
        assert_eq!(output.status.code(), Some(status), "{script}: {}", text(&output.stderr));
    }
    let output = traced(&[], "/nonexistent", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("/nonexistent: No such file or directory."),
        "{}",
        text(&output.stderr)
    );
    let output = traced(&["-o", "/nonexistent/log"], "/bin/true", &[]);
    assert!(text(&output.stderr).contains("cannot write /nonexistent/log"), "{}", text(&output.stderr));
}

#[test]
fn an_attached_process_is_let_go_unharmed() {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(target("grower")).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut tracer = Command::new(env!("CARGO_BIN_EXE_brkwater"))
        .args(["trace", "--no-fold", "-o", log.to_str().unwrap(), "-p", &child.id().to_string()])
        .spawn()
        .unwrap();
    // Some of its blocks are seen.
    let seen =
        || std::fs::read_to_string(&log).unwrap_or_default().matches("[mmap-chunk: malloc by main").count();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(40);
    while seen() < 20 && std::time::Instant::now() < deadline {
        assert!(said.next().is_some());
    }
    let pid = nix::unistd::Pid::from_raw(tracer.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::SIGINT).unwrap();
    assert_eq!(tracer.wait().unwrap().code(), Some(0));
    let told = std::fs::read_to_string(&log).unwrap();
    assert!(told.contains("brkwater let the process go") && seen() >= 20, "{told}");
    let status =
        std::fs::read_to_string(Path::new("/proc").join(child.id().to_string()).join("status")).unwrap();
    assert!(status.contains("TracerPid:\t0"), "{status}");
    // It goes on where it was.
    assert!(said.by_ref().take(50).count() == 50);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The pairs of calls that `manycalls` makes: every mapping of seven pages, and its end.
fn pairs(log: &str) -> usize {
    let calls = calls(log, false).concat();
    let ours: Vec<&String> = calls.iter().filter(|call| call.contains(", 28672")).collect();
    for pair in ours.chunks(2) {
        let at = pair[0].rsplit(" = ").next().unwrap();
        let end = format!("munmap({at}, 28672) = 0");
        assert!(pair[0].starts_with("mmap(NULL, 28672, PROT_READ, ") && *pair[1] == end, "{pair:?}");
    }
    ours.len() / 2
}

#[test]
fn no_call_is_missing_when_the_program_is_killed() {
    for flags in [&["--no-stacks", "--no-fold"][..], &["--no-fold"]] {
        for rounds in ["1", "3000"] {
            let output = traced(flags, &target("manycalls"), &[rounds, "kill"]);
            assert_eq!(output.status.code(), Some(128 + 9));
            let log = text(&output.stderr);
            assert_eq!(pairs(&log).to_string(), rounds);
            // What comes after them stands after them.
            let end = log.find("+++ killed by SIGKILL +++").unwrap();
            assert!(
                log.rfind("munmap(").unwrap() < end && log[end..].contains("user-map"),
                "{}",
                &log[end..]
            );
        }
    }
}

#[test]
fn a_slow_reader_of_the_log_holds_the_program_up_and_misses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    nix::unistd::mkfifo(&log, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut tracer = Command::new(env!("CARGO_BIN_EXE_brkwater"))
        .args([
            "trace",
            "--no-stacks",
            "--no-fold",
            "-o",
            log.to_str().unwrap(),
            &target("manycalls"),
            "30000",
        ])
        .env_remove("DEBUGINFOD_URLS")
        .spawn()
        .unwrap();
    let mut reader = std::fs::File::open(&log).unwrap();
    // More calls than may wait come before anything is read, unless the program is held up.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let mut told = String::new();
    std::io::Read::read_to_string(&mut reader, &mut told).unwrap();
    assert!(tracer.wait().unwrap().success());
    assert_eq!(pairs(&told), 30_000);
    assert!(!told.contains("left out"), "{told}");
}

/// A program that calls all the time is held on our processor meanwhile, because that costs it less.
#[test]
fn a_program_may_run_where_it_might_before() {
    let processors = std::thread::available_parallelism().unwrap();
    let output = traced(&["--no-stacks", "-c"], &target("manycalls"), &["3000", "rest"]);
    let said = format!("{processors} processors before, {processors} now, 1 as it wished\n");
    assert_eq!(text(&output.stdout), said);
}

/// A server whose bundle is loaded anew on SIGHUP, with a new worker for the old one, as nginx does it.
struct Server {
    running: Running,
}

impl Server {
    fn start(name: &str, locations: usize) -> Server {
        let bundle = scratch(name).join("bundle.pem");
        std::fs::write(&bundle, ("M".repeat(700) + "\n").repeat(600)).unwrap();
        let mut command = Command::new("setarch");
        command.arg("-R").arg(target("bundle")).arg(bundle).arg(locations.to_string());
        // Its worker ends a moment behind it, and must not hold the test's output.
        command.args(["plant", "keep", "serve"]).stderr(std::process::Stdio::null());
        let running = Running::start(command);
        while running.line() != "ready" {}
        Server { running }
    }

    fn reload(&self) {
        self.signal(self.running.pid(), nix::sys::signal::SIGHUP);
        while self.running.line() != "reloaded" {}
    }

    fn signal(&self, pid: u32, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
    }

    /// Runs a tracer over one reload, ended by a signal; its exit status.
    fn reload_under(
        &self,
        mut tracer: Command,
        log: &Path,
        ended_by: nix::sys::signal::Signal,
    ) -> std::process::ExitStatus {
        tracer.args(["-p", &self.running.pid().to_string()]).env_remove("DEBUGINFOD_URLS");
        let mut tracer =
            tracer.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(40);
        while self.running.status("TracerPid") == "0" && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        self.reload();
        // A log is written as it comes: nobody has to end the tracer to read it.
        let heard = || std::fs::read_to_string(log).unwrap_or_default().contains("SIGCHLD");
        while !heard() && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        self.signal(tracer.id(), ended_by);
        let status = tracer.wait().unwrap();
        // It serves on, with nobody at it.
        while self.running.status("TracerPid") != "0" && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        self.reload();
        status
    }
}

fn tracer(log: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brkwater"));
    command.args(["trace", "-f", "-o"]).arg(log).args(flags);
    command
}

/// The log's lines of one process that have this label, and the number of the stack of each.
fn labelled<'a>(log: &'a str, label: &str) -> Vec<(&'a str, &'a str)> {
    let lines = log.lines().filter(|line| line.contains(&format!("  [{label}")));
    lines.map(|line| (line, line.rsplit("stack ").next().unwrap())).collect()
}

/// A whole reload: strace's calls, each fallback down to the location, bytes by owner, and the server serves on.
#[test]
fn a_reload_is_told_down_to_its_locations() {
    if !have("strace") {
        return;
    }
    let dir = scratch("tracing_reload");
    let (ours, theirs) = (dir.join("ours"), dir.join("theirs"));
    let server = Server::start("tracing_reload_bundle", 12);
    let status = server.reload_under(tracer(&ours, &["--no-fold"]), &ours, nix::sys::signal::SIGINT);
    assert_eq!(status.code(), Some(0));
    let other = Server::start("tracing_reload_other", 12);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=brk,mmap,munmap,mremap", "-o"]).arg(&theirs);
    other.reload_under(strace, &theirs, nix::sys::signal::SIGINT);

    let (ours, theirs) = (std::fs::read_to_string(ours).unwrap(), std::fs::read_to_string(theirs).unwrap());
    let (our_calls, their_calls) = (calls(&ours, true), calls(&theirs, true));
    assert!(their_calls[0].len() > 20, "{theirs}");
    assert_eq!(our_calls, their_calls);

    let fallbacks = labelled(&ours, "fallback");
    let refused = labelled(&ours, "brk-refused");
    assert_eq!((fallbacks.len(), refused.len()), (our_calls[0].len() / 2, our_calls[0].len() / 2), "{ours}");
    for (line, number) in fallbacks.iter().chain(&refused) {
        let first = ours.lines().position(|line| line.ends_with(&format!("  stack {number}"))).unwrap();
        let stack: Vec<&str> =
            ours.lines().skip(first + 1).take_while(|line| line.starts_with("    #")).collect();
        for name in ["sysmalloc", "load_bundle", "read_configuration", "serve", "main"] {
            assert!(stack.iter().any(|frame| frame.contains(&format!(" in {name} ("))), "{line}: {stack:?}");
        }
    }
    let bytes = fallbacks.len() as u64 * 132;
    assert!(ours.contains("--- SIGHUP {si_signo=SIGHUP, si_code=SI_USER, "), "{ours}");
    let summary = &ours[ours.find("\nbrk(").unwrap()..];
    let owner = summary.lines().find(|line| line.starts_with("fallback")).unwrap();
    assert!(owner.contains(" keep_line (bundle.c:"), "{summary}");
    assert!(owner.contains(&brkwater::addr::human_size(bytes * 1024)), "{bytes} {summary}");
    assert_eq!(
        summary.matches("brkwater let the process go").count(),
        1,
        "the worker asked for nothing: {summary}"
    );
}

/// However the tracer leaves, the server serves on; who is told to leave tells what it has heard.
#[test]
fn a_server_serves_on_however_its_tracer_ends() {
    use nix::sys::signal::{SIGHUP, SIGKILL, SIGTERM};
    let server = Server::start("tracing_ends", 6);
    for signal in [SIGTERM, SIGHUP, SIGKILL] {
        let log = scratch("tracing_ends_log").join("log");
        let status = server.reload_under(tracer(&log, &[]), &log, signal);
        let told = std::fs::read_to_string(log).unwrap();
        assert!(!labelled(&told, "fallback").is_empty(), "{signal}: {told}");
        assert_eq!(status.code(), (signal != SIGKILL).then_some(143), "{signal}");
        // What was heard is in the log even when nothing could be said any more.
        assert!(told.contains("--- SIGCHLD {si_signo=SIGCHLD, "), "{signal}: {told}");
        assert_eq!(told.contains("\nfallback "), signal != SIGKILL, "{signal}: {told}");
    }
}

/// A Ctrl-C reaches the program as well, which may be gone before its stop is told: that was taken for a failed start.
#[test]
fn ctrl_c_ends_a_launched_program_and_what_was_heard_is_told() {
    use crate::common::pty::Terminal;
    let (program, dir) = (target("ticking_heap"), scratch("tracing_ctrl_c"));
    let file = dir.join("run.rec");
    for (words, end) in [
        (&["trace", "-c"][..], "Signal 2 killed the process"),
        (&["record", "-o", file.to_str().unwrap()], "Recorded "),
    ] {
        for _ in 0..3 {
            let words = [words, &["--", &program]].concat();
            let brkwater = env!("CARGO_BIN_EXE_brkwater");
            let mut terminal = Terminal::start(brkwater, &words, (100, 30), &[]);
            terminal.wait_for("the program's lines", 20, |screen| screen.lines().any(|line| line == "20"));
            terminal.send("\x03");
            let screen = terminal.wait_text(end);
            assert!(!screen.contains("No stack."), "{screen}");
            assert_eq!(terminal.wait_exit(20), Some(128 + 2), "{screen}");
        }
    }
}

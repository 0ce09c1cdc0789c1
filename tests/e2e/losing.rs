//! Faces that are lost: what becomes of the target, and how another face takes over.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::common::process::Running;
use crate::common::pty::Terminal;
use crate::common::whole::{address_of, code, must_be_unharmed, wait_until_free};
use crate::common::{Debugger, Output, brkwater_path, scratch, target};

/// A face that takes lines from a pipe, in a process group of its own, as a shell's job is.
struct Face {
    child: Child,
    lines: ChildStdin,
    says: Receiver<String>,
    doors: PathBuf,
}

impl Face {
    /// `doors` is where its engine will wait.
    fn start(doors: &Path, arguments: &[&str]) -> Face {
        let mut command = Command::new(brkwater_path());
        command.args(["-nx", "-nw"]).args(arguments).env("XDG_RUNTIME_DIR", doors).process_group(0);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (send, says) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = stdout.read(&mut bytes) {
                if send.send(String::from_utf8_lossy(&bytes[..n]).into_owned()).is_err() {
                    break;
                }
            }
        });
        Face { child, lines, says, doors: doors.to_owned() }
    }

    fn say(&mut self, line: &str) {
        // It may have been killed already.
        let _ = writeln!(self.lines, "{line}");
    }

    /// Reads until it has printed this.
    fn wait_for(&mut self, text: &str) {
        let mut seen = String::new();
        while !seen.contains(text) {
            match self.says.recv_timeout(Duration::from_secs(20)) {
                Ok(more) => seen.push_str(&more),
                Err(error) => panic!("{error} before {text:?}:\n{seen}"),
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    fn engine(&self) -> Option<i32> {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        std::fs::read_to_string(children).ok()?.split_whitespace().next()?.parse().ok()
    }

    /// SIGKILL; its end is waited for.
    fn be_killed(mut self) -> PathBuf {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.doors
    }
}

/// The engines that wait behind these doors, as soon as there are so many.
fn wait_for_doors(doors: &Path, count: usize) -> Vec<PathBuf> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let entries = std::fs::read_dir(doors.join("brkwater")).into_iter().flatten().flatten();
        let all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        if all.len() == count {
            return all;
        }
        assert!(Instant::now() < end, "{all:?} are not {count}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn reconnect(doors: &Path, commands: &[&str], words: &[&str]) -> Output {
    let debugger = Debugger::brkwater().env("XDG_RUNTIME_DIR", doors.to_str().unwrap());
    let debugger = commands.iter().fold(debugger, |debugger, command| debugger.ex(command));
    debugger.plain(&[&["reconnect"], words].concat())
}

/// Each way in which a face ends.
#[derive(Copy, Clone, Debug)]
enum End {
    Killed,
    /// As `kill -9 %1` does it.
    GroupKilled,
    /// As `pkill` does it: the engine gets it, too.
    BothTerminated,
    Terminated,
    HungUp,
    Interrupted,
    Quit,
    ControlD,
}

const ENDS: [End; 8] = [
    End::Killed,
    End::GroupKilled,
    End::BothTerminated,
    End::Terminated,
    End::HungUp,
    End::Interrupted,
    End::Quit,
    End::ControlD,
];

/// What the face is at when it ends.
const WORK: [&[&str]; 6] = [
    &["break tick if n == -1", "continue"],
    &["break tick", "ignore 1 1000000", "continue"],
    &["break tick", "commands", "silent", "continue", "end", "continue"],
    &["watch ticks if ticks == -1", "continue"],
    &["break tick", "continue", "next", "next", "next", "stepi 100", "thread apply all bt", "continue"],
    &["break tick thread 3", "continue", "finish", "set scheduler-locking on", "continue"],
];

fn end(mut face: Face, how: End) {
    let (pid, engine) = (face.pid(), face.engine());
    match how {
        End::Killed => kill(pid, Signal::SIGKILL).unwrap(),
        End::GroupKilled => killpg(pid, Signal::SIGKILL).unwrap(),
        End::Terminated => kill(pid, Signal::SIGTERM).unwrap(),
        End::BothTerminated => {
            for pid in engine.into_iter().chain([pid.as_raw()]) {
                kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
            }
        }
        End::HungUp => kill(pid, Signal::SIGHUP).unwrap(),
        End::Interrupted => {
            kill(pid, Signal::SIGINT).unwrap();
            face.say("quit");
        }
        End::Quit | End::ControlD => {
            // A line waits until the one before has ended.
            kill(pid, Signal::SIGINT).unwrap();
            if matches!(how, End::Quit) {
                face.say("quit");
            }
        }
    }
    let Face { mut child, lines, .. } = face;
    drop(lines);
    // Lines that go on after one interrupt get the user's next, and the next.
    for pause in 0.. {
        if child.try_wait().unwrap().is_some() {
            return;
        }
        assert!(pause < 5000, "it does not end");
        if pause % 50 == 49 && matches!(how, End::Interrupted | End::Quit | End::ControlD) {
            let _ = kill(pid, Signal::SIGINT);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A server with many busy threads loses its debugger again and again, in every way, at a random moment of its work.
#[test]
fn a_busy_server_survives_every_way_of_losing_its_face() {
    let rounds = if std::env::var_os("BRKWATER_LONG").is_some() { 300 } else { 24 };
    let doors = scratch("losing-busy");
    let at = address_of(&target("ticker"), "tick");
    let mut command = Command::new(target("ticker"));
    command.args(["8", "100"]);
    let mut server = Running::start(command);
    server.line();
    let before = code(server.pid(), at);
    let pid = server.pid().to_string();
    let mut random = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros() as u64;
    for round in 0..rounds {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pause = Duration::from_micros((random >> 33) % 300_000);
        let (work, how) = (WORK[(random >> 20) as usize % WORK.len()], ENDS[round % ENDS.len()]);
        let mut face = Face::start(&doors, &["-iex", "set reconnect-timeout 0", "-p", &pid]);
        work.iter().for_each(|line| face.say(line));
        std::thread::sleep(pause);
        end(face, how);
        eprintln!("round {round}: {how:?} after {pause:?} of {work:?}");
        assert!(server.is_alive());
        wait_until_free(&server, 10);
        must_be_unharmed(&mut server, &before, at);
    }
}

#[test]
fn what_was_attached_to_runs_while_its_engine_waits_for_a_face() {
    let doors = scratch("losing-attached");
    let at = address_of(&target("ticker"), "tick");
    let mut command = Command::new(target("ticker"));
    command.arg("4");
    let mut server = Running::start(command);
    server.line();
    let before = code(server.pid(), at);
    let pid = server.pid().to_string();
    let mut face = Face::start(&doors, &["-p", &pid]);
    face.say("break tick if n > 3");
    face.say("continue");
    face.wait_for("hit Breakpoint 1");
    face.be_killed();
    wait_for_doors(&doors, 1);
    must_be_unharmed(&mut server, &before, at);
    let output = reconnect(&doors, &["info breakpoints", "continue", "print n > 3", "detach"], &[&pid]);
    output.must_have(&format!(", process {pid}")).must_have("stop only if n > 3");
    output.must_have("hit Breakpoint 1, tick (n=").must_have("$1 = 1").exits(0);
    must_be_unharmed(&mut server, &before, at);
    assert!(wait_for_doors(&doors, 0).is_empty());
}

#[test]
fn what_was_launched_stands_where_its_face_was_lost() {
    let doors = scratch("losing-launched");
    let mut face = Face::start(&doors, &[&target("ticker")]);
    face.say("break tick if n == 3");
    face.say("run");
    face.wait_for("Breakpoint 1, tick");
    face.be_killed();
    wait_for_doors(&doors, 1);
    let output = reconnect(&doors, &["print n", "bt", "info breakpoints", "finish", "kill"], &[]);
    output.must_have("tick (n=3) at ").must_have("$1 = 3").must_have("#1  ");
    output
        .must_have("breakpoint already hit 1 time")
        .must_have("main (argc=1, argv=")
        .must_have("killed]")
        .exits(0);
}

/// Nonsense on the socket is a face that is lost again, and costs nothing.
#[test]
fn a_stranger_s_bytes_cost_the_waiting_engine_nothing() {
    let doors = scratch("losing-strange");
    let mut face = Face::start(&doors, &[&target("ticker")]);
    face.say("break tick if n == 2");
    face.say("run");
    face.wait_for("Breakpoint 1, tick");
    face.be_killed();
    let deep = [&[0, 1, 0, 0][..], "[".repeat(256).as_bytes()].concat();
    let nonsense: [&[u8]; 5] =
        [b"", b"\xff\xff\xff\xff", b"\x05\0\0\0{\"a\":", b"GET / HTTP/1.1\r\n\r\n", &deep];
    for bytes in nonsense {
        let end = Instant::now() + Duration::from_secs(10);
        let mut stream = loop {
            let door = wait_for_doors(&doors, 1).remove(0);
            match UnixStream::connect(&door) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < end, "after {bytes:?}: {error}"),
            }
        };
        // It may hang up on us before we have said it all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    wait_for_doors(&doors, 1);
    let output = reconnect(&doors, &["print n"], &[]);
    output.must_have("$1 = 2").exits(0);
}

#[test]
fn an_engine_waits_no_longer_than_it_was_told() {
    let doors = scratch("losing-patience");
    let mut face = Face::start(&doors, &["-iex", "set reconnect-timeout 1", &target("ticker")]);
    face.say("show reconnect-timeout");
    face.say("break tick");
    face.say("run");
    face.say("info inferiors");
    face.wait_for("when its own is lost: 1.");
    face.wait_for("process ");
    let engine = face.engine().unwrap();
    face.be_killed();
    wait_for_doors(&doors, 1);
    let waiting = Instant::now();
    wait_for_doors(&doors, 0);
    assert!(waiting.elapsed() < Duration::from_secs(10), "{:?}", waiting.elapsed());
    let end = Instant::now() + Duration::from_secs(10);
    while std::fs::read_to_string(format!("/proc/{engine}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < end, "the engine is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = reconnect(&doors, &[], &[]);
    output.must_have("brkwater: no engine of yours waits for a face\n").exits(1);
}

#[test]
fn of_several_engines_that_wait_one_is_chosen_by_its_process() {
    let doors = scratch("losing-several");
    let targets: Vec<Running> = (0..2)
        .map(|_| {
            let running = Running::start(Command::new(target("ticker")));
            let mut face = Face::start(&doors, &["-p", &running.pid().to_string()]);
            face.say("echo here\\n");
            face.wait_for("here");
            face.be_killed();
            running
        })
        .collect();
    wait_for_doors(&doors, 2);
    let second = targets[1].pid().to_string();
    let both = reconnect(&doors, &[], &[]);
    both.must_have(
        "brkwater: several engines wait for a face; name the process: brkwater reconnect PID, with ",
    );
    both.must_have(&format!("{second} (ticker)")).exits(1);
    reconnect(&doors, &[], &["1"]).must_have("no engine of yours waits for a face with process 1\n").exits(1);
    reconnect(&doors, &["info inferiors"], &[&second]).must_have(&format!("process {second}")).exits(0);
    reconnect(&doors, &[], &[]).must_have(&format!("process {}", targets[0].pid())).exits(0);
    wait_for_doors(&doors, 0);
}

/// Whoever kills the debugger's name or its process group does not kill the tracer; what it starts has the face's group
/// and the face's share of the OOM killer's attention.
#[test]
fn the_engine_stands_aside_and_its_target_does_not() {
    let files = ["/proc/self/oom_score_adj", "/proc/self/stat"];
    let ours = std::fs::read_to_string(files[0]).unwrap();
    let group = nix::unistd::getpgrp().to_string();
    let output = Debugger::brkwater().ex("run").args(&["/bin/cat", files[0], files[1]]);
    output.must_have(&ours).must_have("exited normally").exits(0);
    let stat = output.text.lines().find(|line| line.contains(" (cat) ")).unwrap();
    assert_eq!(stat.split(' ').nth(4), Some(group.as_str()), "{stat}");
    let output = Debugger::brkwater().ex(&format!("shell cat {} {}", files[0], files[1])).plain(&[]);
    output.must_have(&ours).must_have(&format!(" {group} ")).exits(0);

    let mut face = Face::start(&scratch("losing-aside"), &[&target("ticker")]);
    face.say("echo here\\n");
    face.wait_for("here");
    let engine = face.engine().unwrap();
    let comm = std::fs::read_to_string(format!("/proc/{engine}/comm")).unwrap();
    assert!(!comm.contains("brkwater"), "{comm}");
    let stat = std::fs::read_to_string(format!("/proc/{engine}/stat")).unwrap();
    assert_eq!(stat.split(' ').nth(4), Some(engine.to_string().as_str()), "{stat}");
    let badness: i32 =
        std::fs::read_to_string(format!("/proc/{engine}/oom_score_adj")).unwrap().trim().parse().unwrap();
    assert!(badness <= ours.trim().parse().unwrap());
    end(face, End::Quit);
}

/// Told to leave while it waited for an answer, the engine took it for one, and then waited for another face.
#[test]
fn an_engine_that_has_asked_leaves_when_it_is_told_to() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let doors = scratch("losing-asked");
        let mut server = Running::start(Command::new(target("ticker")));
        let pid = server.pid().to_string();
        let doors_text = doors.to_str().unwrap().to_owned();
        let env = [("XDG_RUNTIME_DIR", doors_text.as_str())];
        let program = brkwater_path().to_str().unwrap().to_owned();
        let mut screen = Terminal::start(&program, &["-nx", "--tui", "-p", &pid], (100, 30), &env);
        screen.wait_text("STOPPED");
        screen.send("quit\r");
        screen.wait_text("Quit anyway? (y or n)");
        kill(Pid::from_raw(screen.pid()), signal).unwrap();
        screen.wait_exit(20);
        screen.must_be_restored();
        wait_until_free(&server, 5);
        assert!(server.is_alive());
        assert!(wait_for_doors(&doors, 0).is_empty());
    }
}

/// A screen that is killed takes the target's terminal with it only when nobody else holds it: the engine does.
#[test]
fn what_a_killed_screen_launched_is_taken_up_by_another_face() {
    let doors = scratch("losing-screen");
    let doors_text = doors.to_str().unwrap().to_owned();
    let env = [("XDG_RUNTIME_DIR", doors_text.as_str())];
    let program = brkwater_path().to_str().unwrap().to_owned();
    let ticker = target("ticker");
    let mut screen = Terminal::start(&program, &["-nx", "--tui", "--args", &ticker], (100, 30), &env);
    screen.wait_text("Command");
    screen.send("break tick if n == 5\r");
    screen.wait_text("Breakpoint 1 at");
    screen.send("run\r");
    screen.wait_text("STOPPED");
    kill(Pid::from_raw(screen.pid()), Signal::SIGKILL).unwrap();
    wait_for_doors(&doors, 1);
    drop(screen);
    let output = reconnect(&doors, &["print n", "next", "tbreak tick", "continue", "print n", "kill"], &[]);
    output.must_have("$1 = 5").must_have("$2 = 6").must_not_have("SIGHUP").exits(0);
}

//! The real screen on a terminal of the test's own: it starts, shows, obeys, and gives the terminal back.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::pty::Terminal;
use crate::common::{Debugger, brkwater_path, scratch, target};

const SIZE: (u16, u16) = (80, 24);

/// Starts brkwater with a state directory of its own, in which it has been started before.
fn open(args: &[&str], size: (u16, u16), env: &[(&str, &str)]) -> Terminal {
    let state = scratch(&format!("state_{}_{}", std::process::id(), size.0));
    std::fs::create_dir_all(state.join("brkwater")).unwrap();
    std::fs::write(state.join("brkwater/history"), "").unwrap();
    let mut all = vec![("XDG_STATE_HOME", state.to_str().unwrap())];
    all.extend(env);
    Terminal::start(brkwater_path().to_str().unwrap(), args, size, &all)
}

/// The first start explains itself once; any key goes on.
#[test]
fn the_first_start_has_a_card() {
    let state = scratch("state_first");
    let calls = target("calls");
    let start = || {
        let state = [("XDG_STATE_HOME", state.to_str().unwrap())];
        Terminal::start(brkwater_path().to_str().unwrap(), &["--args", &calls], SIZE, &state)
    };
    let mut terminal = start();
    terminal.wait_text("first start");
    terminal.send(" ");
    terminal.wait_for("the card's end", 10, |screen| !screen.contains("first start"));
    quit(&mut terminal);
    assert_eq!(terminal.wait_exit(20), Some(0));
    let mut terminal = start();
    let screen = terminal.wait_text("(brkwater)");
    assert!(!screen.contains("first start"), "{screen}");
    quit(&mut terminal);
    terminal.wait_exit(20);
}

/// Leaves by the command, whatever the focus is on; says yes where it is asked.
fn quit(terminal: &mut Terminal) {
    terminal.send("\x04");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.send("y\r");
}

#[test]
fn the_demo_comes_to_its_stop_and_shows_why() {
    for size in [SIZE, (120, 40)] {
        let mut terminal = open(&["demo"], size, &[]);
        let screen =
            terminal.wait_for("the stop", 40, |screen| screen.contains("STOPPED") && screen.contains("mmap"));
        assert!(!terminal.is_on_main_screen(), "the screen is not a screen of its own");
        for words in ["Backtrace", "Heap", "Timeline", "Command"] {
            assert!(screen.contains(words), "{words:?} is not on:\n{screen}");
        }
        let screen = terminal.wait_for("the blocker and its planter", 20, |screen| {
            // The stop is shown before all that it means has been asked for.
            screen.contains('◆') && screen.contains("reserve_low_memory") && screen.contains("refused")
        });
        assert_eq!(screen.contains("Source"), size.0 >= 120, "{screen}");
        quit(&mut terminal);
        assert_eq!(terminal.wait_exit(20), Some(0), "{}", terminal.screen());
        terminal.must_be_restored();
    }
}

#[test]
fn commands_are_typed_and_the_target_s_output_is_seen() {
    let calls = target("calls");
    let mut terminal = open(&["--args", &calls], (120, 40), &[]);
    terminal.wait_text("Command");
    terminal.send("break leaf if x == 4\r");
    terminal.wait_text("Breakpoint 1 at");
    terminal.send("run\r");
    terminal.wait_for("the stop", 20, |screen| screen.contains("STOPPED") && screen.contains("leaf"));
    terminal.send("print x * 100\r");
    terminal.wait_text("$1 = 400");
    terminal.send("continue\r");
    terminal.wait_text("exited");
    quit(&mut terminal);
    assert_eq!(terminal.wait_exit(20), Some(0));
    terminal.must_be_restored();
}

#[test]
fn ctrl_c_pauses_a_running_target() {
    let ticker = target("ticker");
    let mut terminal = open(&["--args", &ticker], (120, 40), &[]);
    terminal.wait_text("Command");
    terminal.send("run\r");
    terminal.wait_text("RUNNING");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.send("\x03");
    terminal.wait_text("STOPPED");
    terminal.send("continue\r");
    terminal.wait_text("RUNNING");
    terminal.send("\x03");
    terminal.wait_text("STOPPED");
    quit(&mut terminal);
    assert_eq!(terminal.wait_exit(20), Some(0));
    terminal.must_be_restored();
}

#[test]
fn the_terminal_is_given_back_after_signals() {
    let ticker = target("ticker");
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut terminal = open(&["--args", &ticker], SIZE, &[]);
        terminal.wait_text("Command");
        terminal.send("run\r");
        terminal.wait_text("RUNNING");
        kill(Pid::from_raw(terminal.pid()), signal).unwrap();
        terminal.wait_exit(20);
        terminal.must_be_restored();
    }
}

/// A panic of the screen: exit status 70, the terminal as it was, the message where it can be read.
#[test]
fn the_terminal_is_given_back_after_a_panic() {
    let calls = target("calls");
    let mut terminal = open(&["--args", &calls], SIZE, &[("BRKWATER_TEST_PANIC", "draw")]);
    assert_eq!(terminal.wait_exit(20), Some(70), "{}", terminal.screen());
    terminal.must_be_restored();
    assert!(String::from_utf8_lossy(&terminal.raw).contains("panic"), "{}", terminal.screen());
}

#[test]
fn tiny_terminals_and_every_resize_are_survived() {
    let calls = target("calls");
    for size in [(20, 5), (1, 1), (300, 100)] {
        let mut terminal = open(&["--args", &calls], size, &[]);
        std::thread::sleep(std::time::Duration::from_millis(700));
        quit(&mut terminal);
        assert_eq!(terminal.wait_exit(20), Some(0), "{size:?}: {}", String::from_utf8_lossy(&terminal.raw));
        terminal.must_be_restored();
    }
}

#[test]
fn without_colours_nothing_is_coloured() {
    let calls = target("calls");
    let mut terminal = open(&["--args", &calls], SIZE, &[("NO_COLOR", "1")]);
    terminal.wait_text("Command");
    quit(&mut terminal);
    terminal.wait_exit(20);
    let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
    for sequence in raw.split("\x1b[").skip(1) {
        let Some(end) = sequence.find(|c: char| c.is_ascii_alphabetic()) else { continue };
        let (numbers, kind) = (&sequence[..end], &sequence[end..=end]);
        let coloured =
            numbers.split(';').any(|n| matches!(n.parse::<u32>(), Ok(30..=38 | 40..=48 | 90..=107)));
        assert!(kind != "m" || !coloured, "ESC[{numbers}m");
    }
}

#[test]
fn ascii_is_ascii() {
    let calls = target("calls");
    let mut terminal = open(&["--ascii", "--args", &calls], SIZE, &[]);
    terminal.wait_text("Command");
    quit(&mut terminal);
    terminal.wait_exit(20);
    assert!(terminal.raw.is_ascii(), "{}", String::from_utf8_lossy(&terminal.raw));
}

/// What a target writes to its terminal stays in its pane.
#[test]
fn a_noisy_target_does_not_reach_the_terminal() {
    let noisy = target("noisy");
    let mut terminal = open(&["-ex", "break show", "-ex", "run", "--args", &noisy], (120, 40), &[]);
    terminal.wait_for("the stop", 20, |screen| screen.contains("STOPPED") && screen.contains("show"));
    quit(&mut terminal);
    terminal.wait_exit(20);
    assert!(!terminal.raw.windows(8).any(|bytes| bytes == b"\x1b]0;owne"), "the target set the title");
}

/// A core file in the place of a process: everything shows, and what would run says that nothing does.
#[test]
fn a_core_file_is_looked_at() {
    let (dumped, dir) = (target("dumped"), scratch("screen_core"));
    let core = dir.join("core");
    let save = format!("gcore {}", core.display());
    let made = Debugger::brkwater().ex("run").ex("up 4").ex(&save).args(&[&dumped, "segv"]);
    made.must_have("Saved corefile");
    for size in [SIZE, (120, 40)] {
        let mut terminal = open(&["-c", core.to_str().unwrap(), "--tui", &dumped], size, &[]);
        let screen = terminal.wait_for("the core file", 40, |screen| {
            screen.contains("CORE FILE") && screen.contains("SIGSEGV") && screen.contains("main (argc=2")
        });
        assert!(screen.contains("Heap") && screen.contains("break 0x"), "{screen}");
        if size.0 >= 120 {
            terminal.wait_text("*nowhere = local;");
            terminal.wait_text("measured at this stop");
        }
        terminal.send("\x1b[15~");
        terminal.wait_text("The program is not being run.");
        terminal.send("core-file\r");
        terminal.wait_text("NO TARGET");
        quit(&mut terminal);
        assert_eq!(terminal.wait_exit(20), Some(0), "{}", terminal.screen());
        terminal.must_be_restored();
    }
}

/// A long core file: one sees how far it is, and what was interrupted is not left behind.
#[test]
fn a_core_file_that_is_being_written_can_be_given_up() {
    let (wide, dir) = (target("spread"), scratch("screen_gcore"));
    let core = dir.join("core");
    let mut terminal = open(&["--args", &wide, "1000"], (120, 40), &[]);
    terminal.wait_text("Command");
    terminal.send("break ready\r");
    terminal.wait_text("Breakpoint 1 at");
    terminal.send("run\r");
    terminal.wait_for("the stop", 20, |screen| screen.contains("STOPPED") && screen.contains("ready"));
    terminal.send(&format!("gcore {}\r", core.display()));
    terminal.wait_for("how far it is", 20, |screen| screen.contains("written"));
    assert!(core.is_file());
    terminal.send("\x03");
    terminal.wait_text("was not finished and is removed");
    assert!(!core.exists());
    terminal.send("print 6 * 7\r");
    terminal.wait_text("$1 = 42");
    quit(&mut terminal);
    assert_eq!(terminal.wait_exit(20), Some(0), "{}", terminal.screen());
}

//! The command line: gdb's flags and ours, which face to start, and the exit status.
//!
//! The engine is forked before any thread exists; whatever becomes of the face then costs the target nothing. What
//! the command line amounts to is said to the engine in the command language, line by line.

mod argv;
mod demo;
mod diff;
mod doctor;
mod engine;
mod flags;
mod quote;
mod record;
mod scripts;
mod trace;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use crate::batch::trace::Tracing;
use crate::batch::{self, Script};
use crate::kernel::{signals, spawn};
use crate::session::handle::Sender;
use crate::session::protocol::Request;
use crate::tui;
use argv::{Arguments, Parsed, Step};
use demo::Demo;
use engine::Engine;

/// Wrong usage (gdb has 1 here).
const USAGE: u8 = 2;
/// A bug in brkwater.
const BUG: u8 = 70;
/// The screen of the target: programs that ask get the size of a terminal of the old days.
const TARGET_SIZE: (u16, u16) = (80, 24);

/// Runs brkwater with the arguments of this process; the exit status is that of the contract: 0, 1 for a failed
/// command, 2 for wrong usage, 70 for a bug.
#[must_use]
pub fn main() -> ExitCode {
    let status = match argv::parse(std::env::args_os().skip(1)) {
        Parsed::Run(arguments) => match arguments.demo {
            true => demo(&arguments),
            false => debug(&arguments, None),
        },
        Parsed::Trace(tracing) => traced(&tracing).unwrap_or_else(|error| {
            tell(&format!("brkwater: {error:#}\n"));
            1
        }),
        Parsed::Show(text) => {
            say(&text);
            0
        }
        Parsed::Diff(asked) => match diff::run(&asked) {
            Ok(text) => {
                say(&text);
                0
            }
            Err(why) => {
                tell(&format!("brkwater: {why}\n"));
                1
            }
        },
        Parsed::Scripts(asked) => match scripts::answer(&asked) {
            Ok(text) => {
                say(&text);
                0
            }
            Err(why) => {
                tell(&format!("brkwater: {why}\n"));
                1
            }
        },
        Parsed::Doctor(words) => match doctor::run(&words) {
            Ok(text) => {
                say(&text);
                0
            }
            Err(why) => {
                tell(&format!("{why}\n"));
                1
            }
        },
        Parsed::Wrong(words) => {
            tell(&words);
            USAGE
        }
    };
    ExitCode::from(status)
}

fn demo(arguments: &Arguments) -> u8 {
    match Demo::unpack() {
        Ok(demo) => debug(arguments, Some(&demo)),
        Err(why) => {
            tell(&format!("{why}\n"));
            1
        }
    }
}

fn traced(tracing: &Tracing) -> anyhow::Result<u8> {
    let Engine { pid, sender, mut receiver } = Engine::start()?;
    let told_to_leave = Arc::<AtomicBool>::default();
    forward_signals(sender.clone(), Arc::clone(&told_to_leave));
    let status = batch::trace::trace(&sender, &mut receiver, tracing, &told_to_leave);
    drop(sender);
    let _ = spawn::wait_for_engine(pid);
    Ok(status)
}

/// Debugs what the arguments name.
fn debug(arguments: &Arguments, demo: Option<&Demo>) -> u8 {
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    let screen = arguments.tui || (terminal && !dumb && !arguments.plain && !arguments.batch);
    let nothing = arguments.program.is_none()
        && arguments.pid.is_none()
        && arguments.look.is_none()
        && arguments.reconnect.is_none()
        && arguments.open.is_none()
        && arguments.steps.is_empty();
    if nothing && demo.is_none() && terminal && !arguments.tui && !arguments.plain && !arguments.batch {
        say(argv::SHORT_HELP);
        return 0;
    }
    let lines = Lines::of(arguments, demo);
    let done = if screen { on_screen(arguments, lines) } else { as_text(arguments, demo.is_some(), lines) };
    done.unwrap_or_else(|error| {
        tell(&format!("brkwater: {error:#}\n"));
        1
    })
}

/// What the command line amounts to, in the command language.
struct Lines {
    /// Settings and the program.
    before: Vec<String>,
    /// What was asked to be run.
    then: Vec<String>,
}

impl Lines {
    fn of(arguments: &Arguments, demo: Option<&Demo>) -> Lines {
        let mut before = vec!["set width 0".to_owned(), "set height 0".to_owned()];
        if arguments.batch {
            // Nobody watches a script, so nobody would come back to it.
            before.push("set reconnect-timeout 0".to_owned());
        }
        before.extend(arguments.early.iter().map(Step::line));
        if let Some(dir) = &arguments.cwd {
            before.push(format!("cd {}", dir.display()));
        }
        before.extend(arguments.source_dirs.iter().map(|dir| format!("directory {}", dir.display())));
        if let Some(tty) = &arguments.tty {
            before.push(format!("tty {}", tty.display()));
        }
        if let Some(program) = &arguments.program {
            before.push(format!("file {}", quote::file(program)));
        }
        if !arguments.program_args.is_empty() {
            let words: Vec<String> = arguments.program_args.iter().map(|word| quote::shell(word)).collect();
            before.push(format!("set args {}", words.join(" ")));
        }
        let mut then: Vec<String> = Vec::new();
        if let Some(demo) = demo {
            before.push(format!("directory {}", demo.dir().display()));
            before.push(format!("file {}", quote::file(&demo.program())));
            then.extend(demo::lines());
        }
        if arguments.reconnect.is_some() {
            before.push("reconnect".to_owned());
        }
        if let Some(file) = &arguments.open {
            before.push(format!("record open {file}"));
        }
        if let Some(file) = &arguments.record {
            before.push(format!("record {}", quote::file(file)));
        }
        if let Some(core) = &arguments.core {
            before.push(format!("core-file {}", quote::file(core)));
        }
        if let Some(pid) = arguments.look {
            let memory = arguments.look_memory.map(|descriptor| format!(" -memory {descriptor}"));
            let facts = arguments.look_facts.as_deref();
            let facts = facts.map(|file| format!(" -facts {}", quote::file(file)));
            before.push(format!("look {pid}{}{}", memory.unwrap_or_default(), facts.unwrap_or_default()));
        }
        if let Some(pid) = arguments.pid {
            before.push(format!("attach {pid}"));
        }
        then.extend(arguments.steps.iter().map(Step::line));
        then.extend(arguments.exports.iter().map(|(format, file)| format!("export {format} {file}")));
        Lines { before, then }
    }
}

fn as_text(arguments: &Arguments, is_demo: bool, lines: Lines) -> anyhow::Result<u8> {
    let Engine { pid, sender, mut receiver } = Engine::of(arguments)?;
    let told_to_leave = Arc::<AtomicBool>::default();
    forward_signals(sender.clone(), Arc::clone(&told_to_leave));
    let typed = !arguments.batch && io::stdin().is_terminal();
    let mut before = lines.before;
    if !typed {
        // Nobody types: gdb's chatter (`Continuing.`) is left out.
        before.insert(0, "set interactive-mode off".to_owned());
    }
    let script = Script {
        before,
        lines: lines.then,
        echo: is_demo,
        strict: arguments.strict,
        child_result: arguments.child_result,
        then_read: !arguments.batch,
        history: tui::default_history(),
    };
    let status = batch::run(&sender, &mut receiver, &script, &told_to_leave);
    drop(sender);
    let _ = spawn::wait_for_engine(pid);
    Ok(status)
}

/// Ctrl-C pauses the target, or ends what the engine is doing; the face itself goes on. SIGTERM and SIGHUP make the
/// engine leave in good order.
fn forward_signals(sender: Sender, told_to_leave: Arc<AtomicBool>) {
    let Ok(all) = signals::watch(&[signals::SIGINT, signals::SIGTERM, signals::SIGHUP]) else { return };
    std::thread::spawn(move || {
        for signal in all {
            if signal != signals::SIGINT {
                told_to_leave.store(true, Ordering::SeqCst);
                let _ = sender.send(&Request::Quit);
            }
            if sender.send(&Request::Interrupt).is_err() {
                return;
            }
        }
    });
}

fn on_screen(arguments: &Arguments, lines: Lines) -> anyhow::Result<u8> {
    let (target, tty) = match &arguments.tty {
        Some(_) => (None, None),
        None => {
            let (master, path) = spawn::open_terminal(TARGET_SIZE.0, TARGET_SIZE.1)?;
            (Some(master), Some(path))
        }
    };
    let Engine { pid, sender, mut receiver } = Engine::of(arguments)?;
    let signals =
        signals::watch(&[signals::SIGTERM, signals::SIGHUP, signals::SIGQUIT, signals::SIGTSTP]).ok();
    let (send, notes) = channel();
    std::thread::spawn(move || {
        while let Ok(Some(note)) = receiver.receive() {
            if send.send(note).is_err() {
                return;
            }
        }
    });
    let mut setup: Vec<String> = tty.iter().map(|path: &PathBuf| format!("tty {}", path.display())).collect();
    setup.extend(lines.before);
    let program = arguments.program.as_deref().unwrap_or(if arguments.demo { "demo" } else { "" });
    let options = tui::TuiOptions {
        ascii: arguments.ascii,
        color: arguments.color,
        theme: arguments.theme.clone(),
        setup,
        lines: lines.then,
        title: program.to_owned(),
        target,
        history: tui::default_history(),
        signals,
    };
    let closing = sender.clone();
    let send = move |request| {
        // The screen is told by the end of the notes that the engine is gone.
        let _ = sender.send(&request);
    };
    let engine = tui::Engine { send: Box::new(send), notes };
    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tui::run(engine, options)));
    closing.close();
    let Ok(done) = run else {
        // Nobody has told the engine, which waits for another face now.
        tell("brkwater: that was an error of ours; \"brkwater reconnect\" takes the session up again.\n");
        return Ok(BUG);
    };
    let _ = spawn::wait_for_engine(pid);
    done
}

fn say(text: &str) {
    // A reader that is gone is no error of ours.
    let _ = io::stdout().write_all(text.as_bytes());
}

fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

//! Catchpoints by command: `catch`, `tcatch`, and their words.
//!
//! ```text
//! (gdb) catch syscall group:process
//! Catchpoint 2 (syscalls 'clone' [56] 'fork' [57] …)
//! ```

use super::args::first_word;
use super::breakpoints;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::signals;
use super::table::{self, Entry, Takes};
use crate::event::Caught;
use crate::pattern::Pattern;
use crate::scene::expr::Condition;
use crate::session::{BreakpointSpec, Catch, Disposition, Signals, StageSpec, Trigger};
use crate::syscalls::{self, groups};

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["catch"],
        run: |shell, args| catch(shell, args, "catch"),
        help: "Set catchpoints to catch events.",
        takes: Takes::Sub(&[CATCH]),
    },
    Entry {
        names: &["tcatch"],
        run: |shell, args| catch(shell, args, "tcatch"),
        help: "Set temporary catchpoints to catch events.",
        takes: Takes::Sub(&[CATCH]),
    },
];

const CATCH: &[Entry] = &[
    Entry {
        names: &["exec"],
        run: |shell, args| plain(shell, args, Catch::Exec),
        help: "Catch calls to exec.\n\nUsage: catch exec [if CONDITION]",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["fork"],
        run: |shell, args| plain(shell, args, Catch::Fork),
        help: "Catch calls to fork.\n\nUsage: catch fork [if CONDITION]\nWhat becomes of the child is decided when the program goes on: \"set follow-fork-mode\", \"set detach-on-fork\".",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["load"],
        run: |shell, args| library(shell, args, Catch::Load),
        help: "Catch loads of shared libraries.\n\nUsage: catch load [REGEX]\nWith REGEX only libraries whose name it fits, as grep would say.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["signal"],
        run: signal,
        help: "Catch signals by their names and/or numbers.\n\nUsage: catch signal [[NAME|NUMBER] [NAME|NUMBER]...|all]\nWithout an argument all signals but SIGTRAP and SIGINT are caught, which debuggers use themselves.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["syscall"],
        run: syscall,
        help: "Catch system calls by their names, groups and/or numbers.\n\nUsage: catch syscall [NAME|NUMBER|group:NAME|g:NAME]...\nThe groups are descriptor, file, ipc, memory, network, process and signal.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["unload"],
        run: |shell, args| library(shell, args, Catch::Unload),
        help: "Catch unloads of shared libraries.\n\nUsage: catch unload [REGEX]\nWith REGEX only libraries whose name it fits, as grep would say.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["vfork"],
        run: |shell, args| plain(shell, args, Catch::Vfork),
        help: "Catch calls to vfork.\n\nUsage: catch vfork [if CONDITION]",
        takes: Takes::Nothing,
    },
];

fn catch(shell: &mut Shell, args: &str, command: &str) -> Done {
    let (word, rest) = first_word(args);
    if word.is_empty() {
        let text = super::help::sublist(&[CATCH], command);
        shell.say(text);
        return Ok(());
    }
    let entry = table::find(&[CATCH], word, "catch ")?;
    let before = shell.session.breakpoints().len();
    (entry.run)(shell, rest)?;
    if command == "tcatch"
        && let Some(made) = shell.session.breakpoints().get(before).map(|b| b.number)
        && let Some(made) = shell.session.breakpoint_mut(made)
    {
        made.disposition = Disposition::Delete;
    }
    Ok(())
}

/// A catch that takes nothing but a condition.
fn plain(shell: &mut Shell, args: &str, catch: Catch) -> Done {
    let condition = match first_word(args) {
        ("", _) => None,
        ("if", text) if !text.is_empty() => Some((text.to_owned(), Condition::parse(text)?)),
        _ => return Err(CommandError::say("Junk at end of arguments.")),
    };
    set(shell, catch, condition)
}

fn library(shell: &mut Shell, args: &str, make: fn(Option<Pattern>) -> Catch) -> Done {
    let wanted = Some(args.trim()).filter(|text| !text.is_empty()).map(Pattern::parse).transpose();
    let wanted = wanted.map_err(|why| CommandError::say(why.to_string()))?;
    set(shell, make(wanted), None)
}

fn signal(shell: &mut Shell, args: &str) -> Done {
    let mut these = Vec::new();
    let words: Vec<&str> = args.split_whitespace().collect();
    if words.contains(&"all") {
        if words.len() > 1 {
            return Err(CommandError::say("'all' cannot be caught with other signals"));
        }
        return set(shell, Catch::Signal(Signals::All), None);
    }
    for word in words {
        these.push(match (signals::number(word), word.parse::<i32>()) {
            (Some(signo), _) => signo,
            (None, Ok(_)) => {
                return Err(CommandError::say(
                    "Only signals 1-15 are valid as numeric signals.\nUse \"info signals\" for a list of symbolic signals.",
                ));
            }
            (None, Err(_)) => return Err(CommandError::say(format!("Unknown signal name '{word}'."))),
        });
    }
    let signals = if these.is_empty() { Signals::Standard } else { Signals::These(these) };
    set(shell, Catch::Signal(signals), None)
}

fn syscall(shell: &mut Shell, args: &str) -> Done {
    let mut numbers = Vec::new();
    for word in args.split_whitespace() {
        if let Some(group) = word.strip_prefix("group:").or_else(|| word.strip_prefix("g:")) {
            let unknown = || CommandError::say(format!("Unknown syscall group '{group}'."));
            numbers.extend(groups::of(group).ok_or_else(unknown)?);
        } else if let Ok(number) = word.parse() {
            numbers.push(number);
        } else {
            let unknown = || CommandError::say(format!("Unknown syscall name '{word}'."));
            numbers.push(syscalls::number(word).ok_or_else(unknown)?);
        }
    }
    set(shell, Catch::Syscall { numbers, returns: true }, None)
}

fn set(shell: &mut Shell, catch: Catch, condition: Option<(String, Condition)>) -> Done {
    let stage = StageSpec { text: what(&catch, None), trigger: Trigger::Catch(catch), condition };
    let number = shell.session.add_breakpoint(BreakpointSpec::plain(stage))?;
    breakpoints::mention(shell, number);
    Ok(())
}

/// `'close' [3]`.
fn call_words(nr: u64) -> String {
    syscalls::name(nr).map_or_else(|| nr.to_string(), |name| format!("'{name}' [{nr}]"))
}

fn call_name(nr: u64) -> String {
    syscalls::name(nr).map_or_else(|| nr.to_string(), str::to_owned)
}

/// What `catch` answers behind the number: `(fork)`.
pub(super) fn mention(catch: &Catch) -> String {
    match catch {
        Catch::Fork => "(fork)".to_owned(),
        Catch::Vfork => "(vfork)".to_owned(),
        Catch::Exec => "(exec)".to_owned(),
        Catch::Load(_) => "(load)".to_owned(),
        Catch::Unload(_) => "(unload)".to_owned(),
        Catch::Signal(Signals::Standard) => "(standard signals)".to_owned(),
        Catch::Signal(Signals::All) => "(any signal)".to_owned(),
        Catch::Signal(Signals::These(some)) => {
            let names: Vec<String> = some.iter().map(|signo| signals::name(*signo)).collect();
            format!("(signal{} {})", plural(some.len()), names.join(" "))
        }
        Catch::Syscall { returns: false, numbers } => {
            let names: Vec<String> = numbers.iter().map(|nr| call_name(*nr)).collect();
            format!("(syscall {})", names.join(" "))
        }
        Catch::Syscall { numbers, .. } if numbers.is_empty() => "(any syscall)".to_owned(),
        Catch::Syscall { numbers, .. } => {
            let names: Vec<String> = numbers.iter().map(|nr| call_words(*nr)).collect();
            format!("(syscall{} {})", plural(numbers.len()), names.join(" "))
        }
    }
}

/// The column `What` of `info breakpoints`; `last` is what was caught last.
pub(super) fn what(catch: &Catch, last: Option<&Caught>) -> String {
    match (catch, last) {
        (Catch::Fork, Some(Caught::Fork(pid))) => format!("fork, process {pid} "),
        (Catch::Vfork, Some(Caught::Vfork(pid))) => format!("vfork, process {pid} "),
        (Catch::Exec, Some(Caught::Exec(program))) => format!("exec, program \"{program}\" "),
        (Catch::Fork, _) => "fork".to_owned(),
        (Catch::Vfork, _) => "vfork".to_owned(),
        (Catch::Exec, _) => "exec".to_owned(),
        (Catch::Load(wanted), _) => format!("load of library{}", matching(wanted.as_ref())),
        (Catch::Unload(wanted), _) => format!("unload of library{}", matching(wanted.as_ref())),
        (Catch::Signal(Signals::Standard), _) => "signal \"<standard signals>\" ".to_owned(),
        (Catch::Signal(Signals::All), _) => "signal \"<any signal>\" ".to_owned(),
        (Catch::Signal(Signals::These(some)), _) => {
            let names: Vec<String> = some.iter().map(|signo| signals::name(*signo)).collect();
            format!("signal{} \"{}\" ", plural(some.len()), names.join(" "))
        }
        (Catch::Syscall { numbers, .. }, _) if numbers.is_empty() => "syscall \"<any syscall>\" ".to_owned(),
        (Catch::Syscall { numbers, .. }, _) => {
            let names: Vec<String> = numbers.iter().map(|nr| call_name(*nr)).collect();
            format!("syscall{} \"{}\" ", plural(numbers.len()), names.join(", "))
        }
    }
}

fn matching(wanted: Option<&Pattern>) -> String {
    wanted.map_or_else(String::new, |wanted| format!(" matching {}", wanted.text()))
}

fn plural(count: usize) -> &'static str {
    if count > 1 { "s" } else { "" }
}

/// What stands between `Catchpoint 1` and the frame.
pub(super) fn stop_words(what: &Caught) -> String {
    match what {
        Caught::Fork(pid) => format!(" (forked process {pid}), "),
        Caught::Vfork(pid) => format!(" (vforked process {pid}), "),
        Caught::Exec(program) => format!(" (exec'd {program}), "),
        Caught::Signal(signo) => format!(" (signal {}), ", signals::name(*signo)),
        Caught::Load(names) => format!("\n  Inferior loaded {}\n", names.join("\n    ")),
        Caught::Unload(names) => format!("\n  Inferior unloaded {}\n", names.join("\n    ")),
        Caught::SyscallEntry(nr) => format!(" (call to syscall {}), ", call_name(*nr)),
        Caught::SyscallReturn(nr) => format!(" (returned from syscall {}), ", call_name(*nr)),
    }
}

/// The line of a script that sets it again.
pub(super) fn script_line(catch: &Catch) -> String {
    let words = |start: &str, all: Vec<String>| [vec![start.to_owned()], all].concat().join(" ");
    match catch {
        Catch::Fork => "catch fork".to_owned(),
        Catch::Vfork => "catch vfork".to_owned(),
        Catch::Exec => "catch exec".to_owned(),
        Catch::Load(wanted) => {
            words("catch load", wanted.iter().map(|wanted| wanted.text().to_owned()).collect())
        }
        Catch::Unload(wanted) => {
            words("catch unload", wanted.iter().map(|wanted| wanted.text().to_owned()).collect())
        }
        Catch::Signal(Signals::Standard) => "catch signal".to_owned(),
        Catch::Signal(Signals::All) => "catch signal all".to_owned(),
        Catch::Signal(Signals::These(some)) => {
            words("catch signal", some.iter().map(|signo| signals::name(*signo)).collect())
        }
        Catch::Syscall { numbers, .. } => {
            words("catch syscall", numbers.iter().map(|nr| call_name(*nr)).collect())
        }
    }
}

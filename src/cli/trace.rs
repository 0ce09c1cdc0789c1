//! The command line of `brkwater trace`: strace's letters where strace has them.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{ArgAction, Parser};

use super::quote;
use crate::batch::trace::Tracing;
use crate::report::trace::{Options, Time};
use crate::syscalls::{CallSet, form};

/// Record the memory calls of a program: who made its memory grow, and why; with -e, any calls.
///
/// Each call stands there as strace writes it, with what it meant and the stack that it came from; stacks are told once,
/// runs of the same lines are folded, and a summary stands at the end. The exit status is the program's.
#[derive(Debug, Parser)]
#[command(name = "brkwater trace", max_term_width = 110)]
#[command(
    override_usage = "brkwater trace [FLAGS] [--] PROGRAM ARG...\n       brkwater trace [FLAGS] -p PID"
)]
struct Flags {
    /// Follow child processes
    #[arg(short = 'f', long)]
    follow_forks: bool,
    /// Trace this process; it runs on when brkwater leaves
    #[arg(short = 'p', long = "attach", value_name = "PID")]
    pid: Option<i32>,
    /// Write the log to this file
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// One object a line (brkwater.event/1)
    #[arg(long)]
    json: bool,
    /// Without stacks, which costs least
    #[arg(long)]
    no_stacks: bool,
    /// Every line, also of runs that repeat
    #[arg(long)]
    no_fold: bool,
    /// Which calls, as in strace: `memory` (without -e only brk, mmap, munmap and mremap), `file`, `process`, `network`,
    /// `signal`, `desc`, `ipc`, `all`, names; `!` in front means all others; `signal=SET`: which signals are told
    #[arg(short = 'e', long = "trace", value_name = "SET")]
    sets: Vec<String>,
    /// Only the summary
    #[arg(short = 'c', long)]
    summary_only: bool,
    /// The time of day in front of each line; twice, with microseconds; three times, seconds since the start
    #[arg(short = 't', action = ArgAction::Count)]
    time: u8,
    /// Seconds since the line before in front of each line
    #[arg(short = 'r', long)]
    relative: bool,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, value_name = "PROGRAM ARG...")]
    words: Vec<String>,
}

/// What the words behind `trace` ask for.
///
/// # Errors
/// What is wrong with them; or, with `Ok(Err)`, what they ask to be shown.
pub(super) fn parse(words: Vec<String>) -> Result<Result<Tracing, String>, String> {
    let words = std::iter::once("brkwater trace".to_owned()).chain(words);
    let flags = match Flags::try_parse_from(words) {
        Ok(flags) => flags,
        Err(error) => return told(&error).map(Err),
    };
    understand(flags).map(Ok)
}

/// What clap has to say: a text that was asked for, or what is wrong, without the usage.
pub(super) fn told(error: &clap::Error) -> Result<String, String> {
    let text = error.to_string();
    if !error.use_stderr() {
        return Ok(text);
    }
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    // What is missing stands on a line of its own.
    let named = first.ends_with(':').then(|| lines.next()).flatten().map(str::trim);
    Err(named.map_or_else(|| first.to_owned(), |named| format!("{first} {named}")))
}

/// The lines that lead to a run without a dialogue, and the one that starts it.
///
/// # Errors
/// When there is no program, or one and a process.
pub(super) fn to_run(
    pid: Option<i32>,
    words: &[String],
    follow_forks: bool,
) -> Result<(Vec<String>, String), String> {
    let mut before: Vec<String> =
        ["set width 0", "set confirm off", "set interactive-mode off", "set reconnect-timeout 0"]
            .map(str::to_owned)
            .to_vec();
    before.push("set record journal off".to_owned());
    before.push("set record lossless on".to_owned());
    // Signals are the program's own business.
    before.push("handle all nostop print pass".to_owned());
    before.push("handle SIGINT SIGTRAP nostop print pass".to_owned());
    if follow_forks {
        before.extend(["set detach-on-fork off", "set schedule-multiple on"].map(str::to_owned));
    }
    let start = match (pid, words.split_first()) {
        (Some(_), Some(_)) => return Err("a program and -p PID cannot both be traced".to_owned()),
        (Some(pid), None) => format!("attach {pid}"),
        (None, Some((program, arguments))) => {
            before.push(format!("file {}", quote::file(program)));
            let words: Vec<String> = arguments.iter().map(|word| quote::shell(word)).collect();
            before.push(format!("set args {}", words.join(" ")));
            "run".to_owned()
        }
        (None, None) => return Err("a program to be traced, or -p PID, is missing".to_owned()),
    };
    Ok((before, start))
}

fn understand(flags: Flags) -> Result<Tracing, String> {
    let (mut before, start) = to_run(flags.pid, &flags.words, flags.follow_forks)?;
    let switch = |on| if on { "on" } else { "off" };
    before.push(format!("set record stacks {}", switch(!flags.no_stacks)));
    before.push(format!("set record names {}", switch(!flags.no_stacks)));
    let mut calls = None;
    for set in &flags.sets {
        match set.strip_prefix("signal=").or_else(|| set.strip_prefix("s=")) {
            Some(signals) => before.extend(told_signals(signals)?),
            None => calls = Some(CallSet::parse(set)?),
        }
    }
    if let Some(calls) = &calls {
        before.push(format!("set record calls {calls}"));
        before.push(format!("set record memory-calls {}", switch(calls.has_memory())));
    }
    let time = match (flags.relative, flags.time) {
        (true, _) => Time::Relative,
        (false, 0) => Time::None,
        (false, 1) => Time::Day { fine: false, start: seconds_of_day() },
        (false, 2) => Time::Day { fine: true, start: seconds_of_day() },
        (false, _) => Time::SinceStart,
    };
    Ok(Tracing {
        before,
        start,
        attached: flags.pid.is_some(),
        options: Options {
            json: flags.json,
            stacks: !flags.no_stacks,
            fold: !flags.no_fold && !flags.json,
            // As strace does with its files.
            threads: flags.follow_forks && flags.output.is_some(),
            calls: calls.is_some(),
            time,
        },
        output: flags.output,
        only_summary: flags.summary_only,
        records: false,
        calls,
    })
}

/// Which signals are told, as commands: `SIGINT`, `int`, `2`, `all`, `none`, joined with commas; `!` in front means all others.
fn told_signals(set: &str) -> Result<Vec<String>, String> {
    let (words, others) = set.strip_prefix('!').map_or((set, false), |rest| (rest, true));
    let mut told = others;
    let mut named = Vec::new();
    for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "all" => told = !others,
            "none" => {}
            word => named.push(signal(word).ok_or_else(|| format!("invalid signal '{word}'"))?),
        }
    }
    let how = |told| if told { "print" } else { "noprint" };
    let mut commands = vec![
        format!("handle all nostop {} pass", how(told)),
        format!("handle SIGINT SIGTRAP nostop {} pass", how(told)),
    ];
    commands.extend(named.iter().map(|signal| format!("handle {signal} nostop {} pass", how(!others))));
    Ok(commands)
}

/// A signal by its number or its name, with `SIG` in front or without.
fn signal(word: &str) -> Option<String> {
    let name = word.to_uppercase();
    let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
    (1..=31).map(form::signal_name).find(|known| *known == name).or_else(|| {
        let number = word.parse().ok().filter(|number| (1..=31).contains(number))?;
        Some(form::signal_name(number))
    })
}

/// The time of day, in UTC where no zone is known: the kernel has no other.
fn seconds_of_day() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    now % 86_400
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Tracing, String> {
        parse(words.iter().map(|&word| word.to_owned()).collect()).map(Result::unwrap)
    }

    #[test]
    fn the_programs_own_flags_are_its_own() {
        let tracing = parsed(&["-f", "-o", "log", "prog", "-p", "two words"]).unwrap();
        assert_eq!(tracing.start, "run");
        assert!(tracing.before.contains(&"set args -p two\\ words".to_owned()), "{:?}", tracing.before);
        assert!(tracing.options.threads && tracing.options.stacks && !tracing.attached);
        let tracing = parsed(&["-p", "123", "--no-stacks", "-e", "trace=brk,mmap"]).unwrap();
        assert_eq!((tracing.start.as_str(), tracing.attached), ("attach 123", true));
        assert!(
            tracing.before.contains(&"set record calls trace=brk,mmap".to_owned()),
            "{:?}",
            tracing.before
        );
        assert!(tracing.calls.is_some_and(|calls| calls.has(12) && !calls.has(11)));
        let tracing = parsed(&["-e", "file", "prog"]).unwrap();
        assert!(tracing.before.contains(&"set record memory-calls off".to_owned()), "{:?}", tracing.before);
        let tracing = parsed(&["-e", "trace=file", "-e", "signal=!chld,2", "prog"]).unwrap();
        for line in [
            "handle all nostop print pass",
            "handle SIGCHLD nostop noprint pass",
            "handle SIGINT nostop noprint pass",
        ] {
            assert!(tracing.before.contains(&line.to_owned()), "{line}: {:?}", tracing.before);
        }
        assert!(parsed(&["-e", "signal=nosuch", "prog"]).is_err());
        for wrong in [&[][..], &["-p", "1", "prog"], &["-p", "x"], &["-e", "nosuch", "prog"], &["--nonsense"]]
        {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}

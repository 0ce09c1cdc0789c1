//! `export FORMAT FILE`: the stop as a page that leaves the tool.
//!
//! ```text
//! (brkwater) export md page.md
//! Exported to 'page.md'.
//! ```
//!
//! The page itself is made by [`crate::report`]; here its inputs are gathered: environment, maps, and the
//! commands that lead to this stop again.

use std::path::PathBuf;

use super::args::{first_word, take_flag};
use super::breakinfo;
use super::error::{CommandError, Done};
use super::look;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::Tid;
use crate::event::{EventKind, StopReason};
use crate::kernel::{host, procfs};
use crate::report::words::count;
use crate::report::{Document, Inputs, markdown};
use crate::scene::frame_text;

/// A format's name, and how a document is written in it.
type Format = (&'static str, fn(&Document) -> String);

const FORMATS: &[Format] = &[("md", markdown), ("json", Document::json)];

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["export"],
    run: export,
    help: "Write this stop into a file: backtrace, explanation, heap, calls, environment.\n\
           Usage: export md|json FILE [-raw]\n\
           Private keys, authorisation headers and names in home directories are replaced; -raw leaves them.",
    takes: Takes::File,
}];

fn export(shell: &mut Shell, args: &str) -> Done {
    let (raw, args) = take_flag(args, "-raw");
    let (format, file) = first_word(&args);
    let known = || FORMATS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if format.is_empty() {
        return Err(CommandError::say(format!("Argument required (a format: {}; and a file).", known())));
    }
    let write = FORMATS.iter().find(|(name, _)| *name == format).map(|(_, write)| write);
    let write = write.ok_or_else(|| {
        CommandError::say(format!(
            "Undefined export format: \"{format}\".\n  hint: the formats are {}.",
            known()
        ))
    })?;
    if file.is_empty() {
        return Err(CommandError::say("Argument required (a file to write to)."));
    }
    let document = document(shell, !raw)?;
    let path = expand(file);
    let failed = |error: std::io::Error| CommandError::say(format!("{file}: {}.", words(&error)));
    std::fs::write(&path, write(&document)).map_err(failed)?;
    shell.say(format!("Exported to '{file}'."));
    if document.redacted > 0 {
        let secrets = count(document.redacted, "secret");
        shell.say(format!("  {secrets} replaced; \"export {format} {file} -raw\" leaves them."));
    }
    Ok(())
}

/// The error without Rust's ` (os error 2)`.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// `~/x` as the shell would read it.
pub(super) fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix('~'), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            PathBuf::from(home).join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(path),
    }
}

fn document(shell: &mut Shell, redact: bool) -> Done<Document> {
    let seen = look::stop(shell);
    let environment = environment(shell);
    let reproduce = reproduce(shell);
    let maps = shell.session.selection().is_some().then(|| shell.session.mappings());
    let stop = last_stop(shell);
    let stop_text = stop_text(&seen, stop.as_ref());
    let names = look::joint_names(shell);
    let (pid, story) = super::heap::told(shell)?;
    let events = shell.session.events();
    Ok(Document::build(&Inputs {
        story,
        pid,
        tid: seen.tid.unwrap_or(Tid(pid.0)),
        t: events.last().map_or(0.0, |event| event.t),
        stop: stop.as_ref(),
        stop_text: &stop_text,
        backtrace: seen.backtrace.as_ref(),
        registers: seen.registers,
        maps: maps.as_deref(),
        heap: seen.heap.as_ref(),
        glibc: seen.glibc.as_deref(),
        environment: &environment,
        reproduce: &reproduce,
        events,
        names: &names,
        redact,
    }))
}

/// Why the target stopped, unless it has ended since.
fn last_stop(shell: &Shell) -> Option<StopReason> {
    shell.session.selection()?;
    shell.session.events().iter().rev().find_map(|event| match &event.kind {
        EventKind::Stopped(reason) => Some(reason.clone()),
        _ => None,
    })
}

/// `Breakpoint 1, mmap64 (addr=0x0, …) at …`, on one line.
fn stop_text(seen: &look::Stop, stop: Option<&StopReason>) -> String {
    let frame = seen.backtrace.as_ref().and_then(|backtrace| backtrace.frames.first()).map(frame_text);
    let why = match stop {
        Some(StopReason::Breakpoint { number, stage: 0, .. }) => format!("Breakpoint {number}, "),
        Some(StopReason::Breakpoint { number, stage, .. }) => format!("Breakpoint {number}, stage {stage}, "),
        Some(StopReason::Signal { signo }) => {
            let (name, words) = crate::kernel::signals::describe(*signo);
            format!("Program received signal {name}, {words}: ")
        }
        _ => String::new(),
    };
    format!("{why}{}", frame.unwrap_or_default())
}

/// Name and value of what the stop depends on.
fn environment(shell: &mut Shell) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        all.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
    };
    let (program, libc) = shell.session.with_scene(|scene, _| {
        let named = |module: &crate::symbols::Module| {
            let id = module.image.as_ref().and_then(|image| image.build_id()).unwrap_or("unknown");
            format!("{} (build-id {id})", module.path)
        };
        let program = scene.modules.program();
        let libc = scene.libc().filter(|libc| program.is_none_or(|program| program.span != libc.span));
        let version = scene.glibc_version().map(|version| format!("glibc {version}, ")).unwrap_or_default();
        (program.map(named), libc.map(|libc| format!("{version}{}", named(libc))))
    });
    add("program", program);
    add("libc", libc);
    add("kernel", host::kernel_release());
    add("distribution", host::distribution());
    add("address space randomization", Some(randomization(shell)));
    add("brkwater", Some(env!("CARGO_PKG_VERSION").to_owned()));
    let live = shell.session.selection().map(|selection| procfs::command_line(selection.pid));
    let command = live.filter(|words| !words.is_empty()).or_else(|| started(shell));
    add("command", command.map(|words| shell_words(&words)));
    all
}

fn randomization(shell: &Shell) -> String {
    if !shell.session.was_attached() && shell.session.settings().disable_randomization {
        return "off, by the debugger".to_owned();
    }
    match host::randomize_va_space() {
        Some(0) => "off (kernel.randomize_va_space=0)".to_owned(),
        Some(level) => format!("on (kernel.randomize_va_space={level})"),
        None => "unknown".to_owned(),
    }
}

/// Program and arguments as the journal has them.
fn started(shell: &Shell) -> Option<Vec<String>> {
    shell.session.events().iter().find_map(|event| match &event.kind {
        EventKind::Started { program, args, .. } => {
            Some([program.clone()].into_iter().chain(args.iter().cloned()).collect())
        }
        _ => None,
    })
}

/// The commands that lead here again, and the same for gdb. What was typed after the first stop is not known here,
/// so it is said that there was something.
fn reproduce(shell: &mut Shell) -> Vec<String> {
    let Some(command) = started(shell) else { return Vec::new() };
    let target = match shell.session.was_attached() {
        true => "-p PID".to_owned(),
        false => format!("--args {}", shell_words(&command)),
    };
    let go = if shell.session.was_attached() { "continue" } else { "run" };
    let breaks = shell.session.breakpoints().iter().map(breakinfo::chain_text);
    let last = shell.session.is_live().then(|| "bt".to_owned());
    let commands = breaks.chain([go.to_owned()]).chain(last);
    let words: String = commands.map(|command| format!(" -ex {}", shell_word(&command))).collect();
    let mut all = vec![format!("brkwater -batch{words} {target}")];
    let stops =
        shell.session.events().iter().filter(|event| matches!(event.kind, EventKind::Stopped(_))).count();
    if stops > 1 {
        all.push(format!(
            "# {} more before this stop (continue, step, finish…)",
            count(stops as u64 - 1, "stop")
        ));
    }
    let script = super::saving::for_gdb(shell);
    if !script.is_empty() {
        all.push(format!("# the same for gdb: gdb -x FILE {target}, with these lines in FILE, then {go}"));
        all.extend(script.lines().map(|line| format!("#   {line}")));
    }
    all
}

/// Words as a shell reads them again.
fn shell_words(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        let words = ["run".to_owned(), "a b".to_owned(), "it's".to_owned(), String::new()];
        assert_eq!(shell_words(&words), r"run 'a b' 'it'\''s' ''");
    }
}

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
use crate::addr::{Addr, Span, Tid};
use crate::event::{EventKind, StopReason};
use crate::kernel::{host, procfs};
use crate::maps::Mapping;
use crate::report::export::{Binary, FORMATS, Format, Page, format};
use crate::report::words::count;
use crate::report::{Inputs, paths};
use crate::scene::frame_text;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["export"],
    run: export,
    help: "Write this stop, or the whole run, into a file that others can read.\n\
           Usage: export FORMAT FILE [-stable] [-redact none]\n\
           The formats:\n\
           \x20 md          Markdown, for an issue or a report\n\
           \x20 text        plain text with gdb's backtrace, for a bug tracker\n\
           \x20 html        one page for a browser, with pictures\n\
           \x20 svg         a picture: address space and timeline\n\
           \x20 json        everything as brkwater.stop/1\n\
           \x20 folded      growth by stack, for flamegraph.pl, inferno\n\
           \x20 speedscope  growth by stack, for speedscope.app\n\
           \x20 pprof       growth by stack, for pprof and stores of profiles\n\
           \x20 perfetto    calls and memory over time, for ui.perfetto.dev\n\
           \x20 chrome      the same, for chrome://tracing\n\
           \x20 csv         every event, for a spreadsheet\n\
           With -stable two runs are comparable: addresses are offsets in files, times and processes ordinals.\n\
           Private keys, authorisation headers, values of the environment and names in home directories are replaced;\n\
           -redact none (or -raw) leaves them.",
    takes: Takes::Export,
}];

/// What was asked for, without the format and the file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Wishes {
    stable: bool,
    redact: bool,
}

/// Takes the flags out of the arguments.
fn wishes(args: &str) -> Done<(Wishes, String)> {
    let mut args = args.trim().to_owned();
    let mut flag = |name: &str| {
        let (found, rest) = take_flag(&args, name);
        args = rest;
        found
    };
    let raw = flag("-raw") | flag("-redact=none") | flag("--redact=none");
    let stable = flag("-stable") | flag("--stable");
    _ = flag("-redact=secrets") | flag("--redact=secrets");
    let mut wishes = Wishes { stable, redact: !raw };
    let words: Vec<&str> = args.split_whitespace().collect();
    let Some(at) = words.iter().position(|word| matches!(*word, "-redact" | "--redact")) else {
        return Ok((wishes, args));
    };
    match words.get(at + 1).copied() {
        Some("none") => wishes.redact = false,
        Some("secrets") => {}
        _ => return Err(CommandError::say("Argument required (-redact none, or -redact secrets).")),
    }
    let kept = words.iter().enumerate().filter(|(n, _)| *n != at && *n != at + 1).map(|(_, word)| *word);
    Ok((wishes, kept.collect::<Vec<_>>().join(" ")))
}

fn export(shell: &mut Shell, args: &str) -> Done {
    let (wishes, args) = wishes(args)?;
    let (name, file) = first_word(&args);
    let known = || FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
    if name.is_empty() {
        return Err(CommandError::say(format!("Argument required (a format: {}; and a file).", known())));
    }
    let format = format(name).ok_or_else(|| {
        CommandError::say(format!(
            "Undefined export format: \"{name}\".\n  hint: the formats are {}.",
            known()
        ))
    })?;
    if file.is_empty() {
        return Err(CommandError::say("Argument required (a file to write to)."));
    }
    let page = page(shell, format, wishes)?;
    let path = expand(file);
    let failed = |error: std::io::Error| CommandError::say(format!("{file}: {}.", words(&error)));
    std::fs::write(&path, (format.write)(&page)).map_err(failed)?;
    shell.say(format!("Exported to '{file}'."));
    if page.document.redacted > 0 {
        let secrets = count(page.document.redacted, "secret");
        shell.say(format!("  {secrets} replaced; \"export {name} {file} -redact none\" leaves them."));
    }
    let nameless = page.nameless();
    if format.whole && nameless > 0 {
        let places = count(nameless, "place");
        let why =
            if shell.session.is_live() { "" } else { "; at a stop before its end more names are known" };
        shell.say(format!("  {places} in code without a name{why}."));
    }
    Ok(())
}

/// What `export` could go on with: a format, then a file.
pub(super) fn complete(text: &str) -> Option<Vec<String>> {
    if text.contains(char::is_whitespace) {
        return None;
    }
    let names = FORMATS.iter().map(|format| format.name).filter(|name| name.starts_with(text));
    Some(names.map(str::to_owned).collect())
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

fn page(shell: &mut Shell, format: &Format, wishes: Wishes) -> Done<Page> {
    let seen = look::stop(shell);
    let environment = environment(shell);
    let variables = variables(shell);
    let reproduce = reproduce(shell);
    let maps = shell.session.selection().is_some().then(|| shell.session.mappings());
    let binaries = binaries(shell, maps.as_deref());
    let stop = last_stop(shell);
    let stop_text = stop_text(&seen, stop.as_ref());
    let wanted = wanted(shell, format);
    let names = look::names(shell, &wanted);
    let (pid, story) = super::heap::told(shell)?;
    let events = shell.session.events();
    let inputs = Inputs {
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
        secrets: wishes.redact.then_some(variables.as_slice()),
        gaps: true,
    };
    Ok(Page::build(&inputs, &binaries, wishes.stable))
}

/// The return addresses that need names.
fn wanted(shell: &Shell, format: &Format) -> Vec<Addr> {
    let Some(story) = shell.session.story() else { return Vec::new() };
    let mut wanted = paths::joints(&story.growth());
    if format.whole {
        wanted.extend(shell.session.events().iter().flat_map(look::stack_of));
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

/// The files with code, and where the kernel mapped that.
fn binaries(shell: &mut Shell, maps: Option<&[Mapping]>) -> Vec<Binary> {
    shell.session.with_scene(|scene, _| {
        let all = scene.modules.iter().filter(|module| module.path.starts_with('/')).flat_map(|module| {
            let build_id = module.image.as_ref().and_then(|image| image.build_id()).map(str::to_owned);
            let code = |span: Span, offset: u64| Binary {
                path: module.path.clone(),
                build_id: build_id.clone(),
                code: span,
                offset,
            };
            let mapped = maps.unwrap_or_default().iter();
            let mapped = mapped.filter(|mapping| mapping.perms.exec && module.span.overlaps(mapping.span));
            let found: Vec<Binary> = mapped.map(|mapping| code(mapping.span, mapping.offset)).collect();
            if found.is_empty() { vec![code(module.span, 0)] } else { found }
        });
        let mut all: Vec<Binary> = all.collect();
        all.sort_by_key(|binary| binary.code.start);
        all
    })
}

/// The environment of the process, and what a program gets here: after its end only that is known.
pub(super) fn variables(shell: &Shell) -> Vec<(String, String)> {
    if let Some(witness) = super::witness::then(shell, true) {
        return witness.variables;
    }
    let own = shell.session.selection().map(|selection| procfs::environment(selection.pid));
    let all = shell.session.settings().final_environment();
    let text = all.iter().map(|variable| String::from_utf8_lossy(variable).into_owned());
    let given =
        text.filter_map(|text| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
    let mut variables: Vec<(String, String)> = own.unwrap_or_default().into_iter().chain(given).collect();
    variables.sort();
    variables.dedup();
    variables
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
pub(super) fn environment(shell: &mut Shell) -> Vec<(String, String)> {
    if let Some(witness) = super::witness::then(shell, true) {
        return witness.environment;
    }
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
    let live = shell.session.selection().filter(|_| shell.session.exists());
    let live = live.map(|selection| procfs::command_line(selection.pid));
    let command = live.filter(|words| !words.is_empty()).or_else(|| started(shell));
    add("command", command.map(|words| shell_words(&words)));
    all
}

fn randomization(shell: &Shell) -> String {
    if shell.session.core().is_some() {
        return "unknown: a core file does not tell".to_owned();
    }
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
pub(super) fn reproduce(shell: &mut Shell) -> Vec<String> {
    if let Some(witness) = super::witness::then(shell, true) {
        return witness.reproduce;
    }
    let Some(command) = started(shell) else { return Vec::new() };
    if let (Some(core), Some(program)) = (shell.session.core(), command.first()) {
        let (core, program) = (shell_word(core.path()), shell_word(program));
        return vec![format!("brkwater -batch -ex bt -c {core} {program}")];
    }
    let target = match shell.session.was_attached() {
        true => "-p PID".to_owned(),
        false => format!("--args {}", shell_words(&command)),
    };
    let go = if shell.session.was_attached() { "continue" } else { "run" };
    let breaks = shell.session.breakpoints().iter().map(breakinfo::chain_text);
    let last = shell.session.exists().then(|| "bt".to_owned());
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
    fn flags_may_stand_anywhere() {
        let read = |text| wishes(text).unwrap();
        let plain = Wishes { stable: false, redact: true };
        assert_eq!(read("md page.md"), (plain, "md page.md".to_owned()));
        assert_eq!(read("md -stable a b"), (Wishes { stable: true, ..plain }, "md a b".to_owned()));
        for text in ["-redact none csv x", "csv x -raw", "csv --redact=none x"] {
            assert_eq!(read(text), (Wishes { redact: false, ..plain }, "csv x".to_owned()), "{text}");
        }
        assert!(wishes("md x -redact").is_err());
    }

    /// `help export` lists every format with the words that the format has of itself.
    #[test]
    fn help_lists_the_formats() {
        let help = COMMANDS[0].help;
        for format in FORMATS {
            assert!(help.contains(&format!("\n  {:<11} {}\n", format.name, format.what)), "{format:?}");
        }
        assert_eq!(complete("p"), Some(vec!["pprof".to_owned(), "perfetto".to_owned()]));
        assert_eq!(complete("md "), None);
    }

    #[test]
    fn words_survive_a_shell() {
        let words = ["run".to_owned(), "a b".to_owned(), "it's".to_owned(), String::new()];
        assert_eq!(shell_words(&words), r"run 'a b' 'it'\''s' ''");
    }
}

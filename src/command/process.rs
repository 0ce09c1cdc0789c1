//! The process as the kernel and the loader see it: `info proc`, `info sharedlibrary`, `info program`.
//!
//! ```text
//! (brkwater) info proc mappings
//! process 18007
//! Mapped address spaces:
//!
//!           Start Addr           End Addr       Size     Offset  Perms  objfile
//!             0x400000           0x401000     0x1000        0x0  r--p   /bin/threads
//! ```
//!
//! The layouts are gdb 13.1's to the blank. Threads are in [`super::threads`].

use std::fmt::Write;

use super::args::first_word;
use super::auxv::info_auxv;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use super::threads;
use crate::addr::{Addr, Pid, Span};
use crate::corefile::Core;
use crate::event::{EventKind, StopReason};
use crate::heap::story::names;
use crate::kernel::procfs;
use crate::kernel::signals::{self, SIGINT};
use crate::maps::Mapping;
use crate::pattern::Pattern;
use crate::scene::Scene;
use crate::source::Source;

pub(super) const INFO: &[Entry] = &[
    Entry {
        names: &["proc"],
        run: info_proc,
        help: "Show additional information about a process.\n\
               Usage: info proc [all|cmdline|cwd|exe|mappings|stat|status] [PROCESS-ID]\n\
               Without an argument: its command line, working directory and program.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["sharedlibrary", "dll"],
        run: info_sharedlibrary,
        help: "Status of loaded shared object libraries.\n\
               Usage: info sharedlibrary [REGEX]\n\
               (*) marks those without debug info.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["program"],
        run: info_program,
        help: "Execution status of the program.\nUsage: info program",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["auxv"],
        run: info_auxv,
        help: "Display the inferior's auxiliary vector.\nUsage: info auxv",
        takes: Takes::Nothing,
    },
];

/// The parts of `info proc`.
const PARTS: &[&str] = &["all", "cmdline", "cwd", "exe", "mappings", "stat", "status"];

fn info_proc(shell: &mut Shell, args: &str) -> Done {
    let (mut part, mut rest) = ("", args);
    let (word, tail) = first_word(args);
    if !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()) {
        // As in gdb, a beginning of the word is enough; `stat` is not `status`.
        let fits = |name: &&&str| **name == word || (word.len() > 1 && name.starts_with(word));
        part = PARTS
            .iter()
            .find(fits)
            .ok_or_else(|| CommandError::say(format!("Too many parameters: {args}")))?;
        rest = tail;
    }
    let (number, more) = first_word(rest);
    let pid = match number.parse() {
        Ok(pid) if more.is_empty() => Pid(pid),
        Err(_) if number.is_empty() => shell.selected("No current process: you must name one.")?.pid,
        _ => return Err(CommandError::say(format!("Too many parameters: {rest}"))),
    };
    if let Some(core) = shell.session.core().filter(|_| number.is_empty()) {
        if matches!(part, "cmdline" | "cwd" | "stat" | "status") {
            return Err(CommandError::say("unable to handle request"));
        }
        let text = of_core(core, part);
        shell.say(text);
        return Ok(());
    }
    if shell.session.moment().is_some() && number.is_empty() {
        if !matches!(part, "mappings") {
            return Err(CommandError::say(
                "unable to handle request\n  hint: of a recorded process \"info proc mappings\" is known, and \"info memory\".",
            ));
        }
        let text = mappings_text(&shell.session.mappings());
        shell.say(format!("process {pid}\n{text}"));
        return Ok(());
    }
    let gone = |error: std::io::Error| {
        CommandError::say(format!("unable to open /proc file '/proc/{pid}': {error}"))
    };
    let status = procfs::text(pid, "status").map_err(gone)?;
    let mut text = format!("process {pid}\n");
    let wants = |name: &str| part == name || part == "all";
    if part.is_empty() || wants("cmdline") {
        text.push_str(&format!("cmdline = '{}'\n", procfs::command_line(pid).join(" ")));
    }
    for (name, path) in [("cwd", procfs::directory(pid)), ("exe", procfs::executable(pid))] {
        if part.is_empty() || wants(name) {
            let path = path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
            text.push_str(&format!("{name} = '{path}'\n"));
        }
    }
    if wants("mappings") {
        text.push_str(&mappings_text(&procfs::mappings(pid)));
    }
    if wants("status") {
        text.push_str(&status);
    }
    if wants("stat") {
        text.push_str(&stat_text(&procfs::text(pid, "stat").map_err(gone)?));
    }
    shell.say(text);
    Ok(())
}

/// What gdb tells of a core file's process: it has no `/proc` any more.
fn of_core(core: &Core, part: &str) -> String {
    let mut text = String::new();
    if matches!(part, "" | "all" | "exe") {
        _ = writeln!(text, "exe = '{}'", core.command());
    }
    if matches!(part, "mappings" | "all") {
        let row = |start: &str, end: &str, size: &str, offset: &str, file: &str| {
            format!("  {start:>18} {end:>18} {size:>10} {offset:>10} {file}\n")
        };
        text.push_str("Mapped address spaces:\n\n");
        text.push_str(&row("Start Addr", "End Addr", "Size", "Offset", "objfile"));
        for mapping in core.mappings().iter().filter(|mapping| mapping.file().is_some()) {
            let Span { start, end } = mapping.span;
            let (size, offset) = (format!("{:#x}", mapping.span.len()), format!("{:#x}", mapping.offset));
            text.push_str(&row(&start.to_string(), &end.to_string(), &size, &offset, &mapping.path));
        }
    }
    text
}

fn mappings_text(maps: &[Mapping]) -> String {
    let row = |start: &str, end: &str, size: &str, offset: &str, perms: &str, file: &str| {
        format!("  {start:>18} {end:>18} {size:>10} {offset:>10}  {perms:<5}  {file}\n")
    };
    let mut text = String::from("Mapped address spaces:\n\n");
    text.push_str(&row("Start Addr", "End Addr", "Size", "Offset", "Perms", "objfile"));
    for mapping in maps {
        let Span { start, end } = mapping.span;
        let (size, offset) = (format!("{:#x}", mapping.span.len()), format!("{:#x}", mapping.offset));
        let (start, end) = (start.to_string(), end.to_string());
        text.push_str(&row(&start, &end, &size, &offset, &mapping.perms.to_string(), &mapping.path));
    }
    text
}

/// What gdb calls the fields of `/proc/PID/stat` (proc(5)) from the third on, and whether one is an address.
const STAT: &[(&str, bool)] = &[
    ("State", false),
    ("Parent process", false),
    ("Process group", false),
    ("Session id", false),
    ("TTY", false),
    ("TTY owner process group", false),
    ("Flags", true),
    ("Minor faults (no memory page)", false),
    ("Minor faults, children", false),
    ("Major faults (memory page faults)", false),
    ("Major faults, children", false),
    ("utime", false),
    ("stime", false),
    ("utime, children", false),
    ("stime, children", false),
    ("jiffies remaining in current time slice", false),
    ("'nice' value", false),
    ("jiffies until next timeout", false),
    ("jiffies until next SIGALRM", false),
    ("start time (jiffies since system boot)", false),
    ("Virtual memory size", false),
    ("Resident set size", false),
    ("rlim", false),
    ("Start of text", true),
    ("End of text", true),
    ("Start of stack", true),
];

fn stat_text(stat: &str) -> String {
    // The name in parentheses may hold blanks and parentheses itself.
    let (pid, rest) = stat.split_once(" (").unwrap_or(("", stat));
    let (name, fields) = rest.rsplit_once(") ").unwrap_or(("", rest));
    let mut text = format!("Process: {pid}\nExec file: {name}\n");
    for ((label, is_address), field) in STAT.iter().zip(fields.split_whitespace()) {
        let shown = match (field.parse::<u64>(), field.parse::<i64>()) {
            (Ok(value), _) if *is_address => format!("{value:#x}"),
            // gdb reads -1 as an unsigned number here.
            (Err(_), Ok(negative)) if *label == "TTY owner process group" => (negative as u64).to_string(),
            _ => field.to_owned(),
        };
        text.push_str(&format!("{label}: {shown}\n"));
    }
    text
}

fn info_sharedlibrary(shell: &mut Shell, args: &str) -> Done {
    let wanted = match args.trim() {
        "" => None,
        text => Some(Pattern::parse(text).map_err(|why| CommandError::say(why.to_string()))?),
    };
    let attached = shell.session.was_attached() || shell.session.core().is_some();
    let mut all = match shell.session.selection().is_some() {
        true => shell.session.with_scene(|scene, _| libraries(scene)),
        false => Vec::new(),
    };
    if !attached {
        // Of a program that it started, gdb knows the loader before everything else.
        all.sort_by_key(|library| !names::is_loader(&library.name));
    }
    if let Some(pattern) = &wanted {
        all.retain(|library| pattern.fits(&library.name));
    }
    if all.is_empty() {
        shell.say(match wanted {
            Some(_) => "No shared libraries matched.",
            None => "No shared libraries loaded at this time.",
        });
        return Ok(());
    }
    let mut text = format!("{:<18}  {:<18}  {:<10}  Shared Object Library\n", "From", "To", "Syms Read");
    for library in &all {
        let read = match (library.code, library.has_debug) {
            (None, _) => "No",
            (_, true) => "Yes",
            (_, false) => "Yes (*)",
        };
        let at = |end: fn(Span) -> Addr| {
            library.code.map(|code| format!("{:#018x}", end(code).0)).unwrap_or_default()
        };
        let (from, to) = (at(|code| code.start), at(|code| code.end));
        text.push_str(&format!("{from:18}  {to:18}  {read:<10}  {}\n", library.name));
    }
    if all.iter().any(|library| library.code.is_some() && !library.has_debug) {
        text.push_str("(*): Shared library is missing debugging information.\n");
    }
    shell.say(text);
    Ok(())
}

struct Library {
    name: String,
    /// Where its code is; `None` when its file cannot be read.
    code: Option<Span>,
    has_debug: bool,
}

/// The loaded libraries in the linker's order; before it has made its list, the linker alone.
fn libraries(scene: &Scene<'_>) -> Vec<Library> {
    let listed = scene.libraries();
    let mut all: Vec<Library> = listed
        .iter()
        .filter(|loaded| loaded.name.contains('/'))
        .filter_map(|loaded| {
            let module = scene.modules.iter().find(|module| match module.image {
                Some(_) => module.bias == loaded.bias,
                None => module.span.start.0 == loaded.bias,
            })?;
            Some(library(module, loaded.name.clone()))
        })
        .collect();
    if all.is_empty() {
        let program = scene.modules.program().and_then(|module| module.image.as_ref());
        let linker = scene.modules.iter().find(|module| names::is_loader(&module.path));
        if let (Some(name), Some(linker)) = (program.and_then(|image| image.interpreter()), linker) {
            all.push(library(linker, name.to_owned()));
        }
    }
    all
}

fn library(module: &crate::symbols::Module, name: String) -> Library {
    let code = module.image.as_ref().map(|image| {
        let text = image.section(".text");
        text.map_or(module.span, |(at, bytes)| Span::sized(at.at(module.bias), bytes.len() as u64))
    });
    Library { name, code, has_debug: module.image.as_ref().is_some_and(|image| image.has_debug()) }
}

fn info_program(shell: &mut Shell, _: &str) -> Done {
    let Some(selection) = shell.session.selection().filter(|_| shell.session.is_live()) else {
        shell.say("The program being debugged is not being run.");
        return Ok(());
    };
    let how = if shell.session.was_attached() { "attached" } else { "child" };
    let who = threads::target_id(shell, selection.tid);
    let mut text = format!("\tUsing the running image of {how} {who}.\n");
    let last = shell.session.events().iter().rev().find_map(|event| match &event.kind {
        EventKind::Stopped(reason) => Some((event.tid, reason.clone())),
        _ => None,
    });
    let (tid, reason) = last.map_or((selection.tid, None), |(tid, reason)| (tid, Some(reason)));
    let pc = threads::at_thread(shell, tid, |shell| {
        let tid = shell.session.selection().map_or(tid, |selection| selection.tid);
        shell.session.with_scene(|scene, _| scene.source.regs(tid)).map(|regs| Addr(regs.rip()))
    });
    if let Some(pc) = pc {
        text.push_str(&format!("Program stopped at {pc}.\n"));
    }
    if let Some(sentence) = reason.and_then(|reason| stopped(shell, &reason)) {
        text.push_str(&format!("{sentence}\n"));
    }
    shell.say(text);
    Ok(())
}

/// Why the program stopped, in gdb's words for a stop that is over.
fn stopped(shell: &Shell, reason: &StopReason) -> Option<String> {
    let signal = |signo| {
        let (name, words) = signals::describe(signo);
        Some(format!("It stopped at signal {name}, {words}."))
    };
    match reason {
        StopReason::Breakpoint { number, .. }
        | StopReason::Catchpoint { number, .. }
        | StopReason::Watchpoint { number, .. }
        | StopReason::WatchpointScope { number } => {
            let still = shell.session.breakpoints().iter().any(|breakpoint| breakpoint.number == *number);
            Some(match still {
                true => format!("It stopped at breakpoint {number}."),
                false => "It stopped at a breakpoint that has since been deleted.".to_owned(),
            })
        }
        StopReason::StepDone => Some("It stopped after being stepped.".to_owned()),
        StopReason::Finished => Some("It stopped at a breakpoint that has since been deleted.".to_owned()),
        StopReason::Signal { signo } => signal(*signo),
        StopReason::Interrupted => signal(SIGINT),
        StopReason::Attached | StopReason::Entry => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maps;

    /// Lines that gdb 13.1 printed.
    #[test]
    fn mappings_read_as_in_gdb() {
        let maps = maps::parse(
            "555555554000-555555555000 r--p 00000000 fe:01 12  /tmp/v/threads\n\
             ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n",
        );
        assert_eq!(
            mappings_text(&maps),
            "Mapped address spaces:\n\n          \
             Start Addr           End Addr       Size     Offset  Perms  objfile\n      \
             0x555555554000     0x555555555000     0x1000        0x0  r--p   /tmp/v/threads\n  \
             0xffffffffff600000 0xffffffffff601000     0x1000        0x0  --xp   [vsyscall]\n"
        );
    }

    #[test]
    fn a_name_with_parentheses_is_a_name() {
        let text = stat_text("7 (a) b) S 1 7 7 0 -1 64 186 0 0 0 0 1");
        assert!(text.starts_with("Process: 7\nExec file: a) b\nState: S\nParent process: 1\n"), "{text}");
        assert!(text.contains("TTY owner process group: 18446744073709551615\nFlags: 0x40\n"), "{text}");
    }
}

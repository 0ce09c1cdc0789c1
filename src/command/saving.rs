//! `save breakpoints`: what was set as a script that gdb 13.1 takes before the program runs, or lldb
//! ([`super::savinglldb`]).
//!
//! gdb ends a script at the first line that fails, so nothing is written that fails there: a thread's number is a
//! condition, a variable of a frame is a comment, a condition without words in gdb ([`super::foreign`]) leaves its
//! breakpoint disabled. A chain is written as breakpoints whose commands enable the next; which threads crossed a
//! stage is a mask of bits in a convenience variable.

use std::fmt::Write;

use super::args::first_word;
use super::catchpoints;
use super::error::{CommandError, Done};
use super::foreign::{self, Tongue};
use super::savinglldb;
use super::shell::Shell;
use super::table::{Entry, Takes};
use super::watchpoints;
use crate::addr::Addr;
use crate::scene::print::Names;
use crate::session::{Breakpoint, Catch, Disposition, Scope, Session, Signals, Stage, Trigger};
use crate::symbols::Linespec;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["save"],
    run: save,
    help: "Save breakpoint definitions as a script.\n\nUsage: save breakpoints [--lldb] FILE\nThe file is gdb's language: chains are written with commands that gdb has, and \"source FILE\" reads them again.\n--lldb: the file is for \"lldb -s FILE PROGRAM\"; what lldb cannot do is told in comments.",
    takes: Takes::File,
}];

/// What has to be looked up for the whole file.
#[derive(Default)]
pub(super) struct Looked {
    /// `main+4` for addresses in functions whose names are plain.
    named: Vec<(Addr, String)>,
    /// Watchpoints that name variables of a frame.
    framed: Vec<u32>,
}

fn save(shell: &mut Shell, args: &str) -> Done {
    let (what, rest) = first_word(args);
    if what.is_empty() || !"breakpoints".starts_with(what) {
        return Err(CommandError::say("\"save\" must be followed by the name of a save command."));
    }
    let (lldb, name) = match first_word(rest) {
        ("--lldb" | "-lldb", name) => (true, name),
        _ => (false, rest),
    };
    if name.is_empty() {
        return Err(CommandError::say("Argument required (file name in which to save)"));
    }
    if shell.session.breakpoints().is_empty() {
        shell.complain("Nothing to save.");
        return Ok(());
    }
    let looked = look(shell);
    let text =
        if lldb { savinglldb::script(&shell.session, &looked) } else { script(&shell.session, &looked) };
    std::fs::write(super::options::expand(name), text).map_err(|error| {
        let why = error.to_string();
        let why = why.split(" (os error").next().unwrap_or_default().to_owned();
        CommandError::say(format!("Unable to open file '{name}' for saving ({why})"))
    })?;
    shell.say(format!("Saved to file '{name}'."));
    Ok(())
}

/// A script that gdb can load of all that is set.
pub(super) fn for_gdb(shell: &mut Shell) -> String {
    let looked = look(shell);
    script(&shell.session, &looked)
}

fn look(shell: &mut Shell) -> Looked {
    let stages = || shell.session.breakpoints().iter().flat_map(|b| &b.stages);
    let address = |stage: &Stage| match stage.trigger.code() {
        Some(Linespec::Address(at)) => Some(*at),
        _ => None,
    };
    let addresses: Vec<Addr> = stages().filter_map(address).collect();
    let watched = |b: &Breakpoint| Some((b.number, b.watch()?.expr.names()));
    let watched: Vec<(u32, Vec<String>)> = shell.session.breakpoints().iter().filter_map(watched).collect();
    shell.session.with_scene(|scene, _| {
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let name = |at: Addr| match Names::name_of(scene, at)? {
            (name, offset) if plain(&name) => Some((at, format!("{name}+{offset}"))),
            _ => None,
        };
        let unknown = |names: &[String]| names.iter().any(|name| !scene.knows_at(Addr(0), name));
        Looked {
            named: addresses.into_iter().filter_map(name).collect(),
            framed: watched.iter().filter(|(_, names)| unknown(names)).map(|(number, _)| *number).collect(),
        }
    })
}

impl Looked {
    /// Where a stage is, in words that mean the same later and elsewhere: the file for a line, a function for an address.
    pub(super) fn place(&self, stage: &Stage) -> String {
        match stage.trigger.code() {
            Some(Linespec::Line { file: Some(file), line }) => format!("{file}:{line}"),
            Some(Linespec::Address(at)) => match self.named.iter().find(|(known, _)| known == at) {
                Some((_, name)) => format!("*{name}"),
                None => format!("*{at}"),
            },
            Some(Linespec::Function { file: None, module: Some(_), name }) => name.clone(),
            _ => stage.text.clone(),
        }
    }

    pub(super) fn is_framed(&self, breakpoint: &Breakpoint) -> bool {
        self.framed.contains(&breakpoint.number)
    }
}

/// A script that gdb can load.
fn script(session: &Session, looked: &Looked) -> String {
    let all = session.breakpoints();
    let mut out = String::new();
    let code = |stage: &Stage| stage.trigger.code().is_some();
    if all.iter().flat_map(|b| &b.stages).any(code) {
        // gdb would ask, and in a script take the answer for a no.
        out.push_str("set breakpoint pending on\n");
    }
    if all.iter().any(Breakpoint::is_chain) {
        // C's long long, whatever the program is written in.
        out.push_str("with language c -- set $brkwater_bit = 1LL\n");
    }
    for breakpoint in all {
        // Writing into a String cannot fail.
        let _ = if breakpoint.is_chain() {
            chain(&mut out, breakpoint, looked)
        } else {
            plain(&mut out, breakpoint, looked)
        };
    }
    out
}

fn plain(out: &mut String, breakpoint: &Breakpoint, looked: &Looked) -> std::fmt::Result {
    let Some(stage) = breakpoint.stages.first() else { return Ok(()) };
    if looked.is_framed(breakpoint) {
        return framed(out, stage);
    }
    let temporary = breakpoint.disposition == Disposition::Delete;
    let command = match &stage.trigger {
        Trigger::Catch(_) if temporary => "tcatch",
        Trigger::Catch(_) => "catch",
        _ if breakpoint.print.is_some() => "dprintf",
        _ if temporary => "tbreak",
        _ => "break",
    };
    if breakpoint.hardware {
        writeln!(
            out,
            "# It was set by \"hbreak\": gdb has no hardware breakpoints before the program runs."
        )?;
    }
    let works = set(out, command, breakpoint, stage, None, looked)?;
    if temporary && stage.trigger.data().is_some() {
        writeln!(out, "enable delete $bpnum")?;
    }
    match breakpoint.disposition {
        Disposition::Disable { after: 0 | 1 } => writeln!(out, "enable once $bpnum")?,
        Disposition::Disable { after } => writeln!(out, "enable count {after} $bpnum")?,
        Disposition::Keep | Disposition::Delete => {}
    }
    if breakpoint.ignore > 0 {
        writeln!(out, "  ignore $bpnum {}", breakpoint.ignore)?;
    }
    if !breakpoint.commands.is_empty() {
        writeln!(out, "  commands")?;
        lines(out, &breakpoint.commands, "    ")?;
        writeln!(out, "  end")?;
    }
    for (index, _) in stage.locations.iter().enumerate().filter(|(_, place)| !place.enabled) {
        writeln!(
            out,
            "# Location {} of it was disabled; there are locations when the program runs.",
            index + 1
        )?;
    }
    if !breakpoint.enabled || !works {
        writeln!(out, "disable $bpnum")?;
    }
    Ok(())
}

/// What names a variable of a frame can be set where there is that frame, and only there.
fn framed(out: &mut String, stage: &Stage) -> std::fmt::Result {
    let line = stage.trigger.data().map(watchpoints::script_line).unwrap_or_default();
    let condition = stage.condition.as_ref().map(|(text, _)| format!(" if {text}")).unwrap_or_default();
    writeln!(
        out,
        "# {line}{condition}\n# It names a variable of a function, which is not there before the function runs: give \
         the line above to a breakpoint there, as its commands."
    )
}

/// Writes the line that sets a stage, and its condition; whether it is one that gdb can evaluate.
fn set(
    out: &mut String,
    command: &str,
    breakpoint: &Breakpoint,
    stage: &Stage,
    armed: Option<String>,
    looked: &Looked,
) -> Result<bool, std::fmt::Error> {
    let mut needs = Vec::new();
    if breakpoint.thread.is_some() {
        needs.push(format!("$_thread == {}", breakpoint.thread_number));
    }
    needs.extend(armed);
    if let Some(Catch::Syscall { returns: false, .. }) = stage.trigger.catch() {
        // Until the call returns the kernel shows -ENOSYS as its result.
        needs.push("$rax == -38".to_owned());
    }
    let mut works = true;
    if let Some((text, _)) = &stage.condition {
        match foreign::condition(text, Tongue::Gdb) {
            Ok(condition) => {
                if condition != *text {
                    writeln!(out, "# It stops only if {text}, in words that gdb has:")?;
                }
                if ["$_streq(", "$_regex(", "$_strlen("].iter().any(|call| condition.contains(call)) {
                    writeln!(
                        out,
                        "# gdb stops as well where the string is not UTF-8: its function wants text."
                    )?;
                }
                needs.push(if needs.is_empty() { condition } else { format!("({condition})") });
            }
            Err(what) => {
                works = false;
                writeln!(out, "# It stopped only if {text}; gdb cannot evaluate {what}, so it is disabled.")?;
            }
        }
    }
    if let Some(Linespec::Function { module: Some(module), .. }) = stage.trigger.code() {
        writeln!(out, "# It was meant in {module} only, which gdb cannot be told.")?;
    }
    if let Some(Linespec::Address(at)) =
        stage.trigger.code().filter(|_| looked.place(stage).starts_with("*0x"))
    {
        writeln!(
            out,
            "# {at} is an address of the run that was; a program that is loaded elsewhere has another."
        )?;
    }
    let line = match &stage.trigger {
        Trigger::Catch(catch) => {
            let mut line = catchpoints::script_line(catch);
            if *catch == Catch::Signal(Signals::All) {
                // gdb's own breakpoints are SIGTRAPs to it as well: it would stop in the loader.
                writeln!(
                    out,
                    "# It catches SIGTRAP and SIGINT as well; gdb means its own by that, so they are left out."
                )?;
                line = catchpoints::script_line(&Catch::Signal(Signals::Standard));
            }
            if command == "tcatch" { format!("t{line}") } else { line }
        }
        Trigger::Data(watch) => watchpoints::script_line(watch),
        Trigger::Code(_) => match &breakpoint.print {
            Some(print) => format!("dprintf {},{print}", looked.place(stage)),
            None => format!("{command} {}", looked.place(stage)),
        },
    };
    let condition = needs.join(" && ");
    // Only code, data and `catch fork` and its kin take it on their line.
    let apart = stage.trigger.catch().is_some() || breakpoint.print.is_some();
    match (condition.is_empty(), apart) {
        (true, _) => writeln!(out, "{line}")?,
        (false, false) => writeln!(out, "{line} if {condition}")?,
        (false, true) => writeln!(out, "{line}\n  condition $bpnum {condition}")?,
    }
    Ok(works)
}

/// Stage N is `$brkwater_B_N`, and `$brkwater_B_N_by` the mask of the threads that wait for it.
fn chain(out: &mut String, breakpoint: &Breakpoint, looked: &Looked) -> std::fmt::Result {
    let count = breakpoint.stages.len();
    let name = |stage: usize| format!("$brkwater_{}_{}", breakpoint.number, stage + 1);
    let mask = |stage: usize| format!("{}_by", name(stage));
    // Processes are told apart where a process counts, threads where a thread does.
    let who = match breakpoint.scope {
        Scope::Thread => "$_thread",
        Scope::Process => "$_inferior",
        Scope::Any => "0",
    };
    let bit = format!("($brkwater_bit << {who})");
    // Not as one line of ours: gdb's users would take it for one of theirs.
    writeln!(
        out,
        "# A chain of {count} stages: each one enables the next, for who crossed it (threads 1 to 62)."
    )?;
    let mut works = true;
    for (index, stage) in breakpoint.stages.iter().enumerate() {
        let armed = (index > 0).then(|| format!("({} & {bit}) != 0", mask(index)));
        if index > 0 {
            writeln!(out, "set {} = 0 * $brkwater_bit", mask(index))?;
        }
        works &= set(out, "break", breakpoint, stage, armed, looked)?;
        writeln!(out, "set {} = $bpnum", name(index))?;
        if index > 0 {
            writeln!(out, "disable $bpnum")?;
        }
    }
    let forget = |out: &mut String, stage: usize| {
        writeln!(out, "  set {0} = {0} - ({0} & {bit})", mask(stage))?;
        writeln!(out, "  if {} == 0\n    disable {}\n  end", mask(stage), name(stage))
    };
    for index in 0..count {
        writeln!(out, "commands {}", name(index))?;
        let last = index + 1 == count;
        let silent = breakpoint.commands.first().is_some_and(|line| line.trim() == "silent");
        if !last || silent {
            writeln!(out, "  silent")?;
        }
        // Whoever crosses a stage waits for the next one only.
        let kept = if !last { index + 1 } else { usize::from(breakpoint.every) * index };
        for stage in (1..count).filter(|stage| *stage != kept) {
            forget(out, stage)?;
        }
        if last {
            let one_shot = breakpoint.once || breakpoint.disposition != Disposition::Keep;
            (0..count)
                .filter(|_| one_shot)
                .try_for_each(|stage| writeln!(out, "  disable {}", name(stage)))?;
            lines(out, &breakpoint.commands[usize::from(silent)..], "  ")?;
        } else {
            let next = index + 1;
            writeln!(out, "  set {0} = {0} | {bit}\n  enable {1}\n  continue", mask(next), name(next))?;
        }
        writeln!(out, "end")?;
    }
    if breakpoint.ignore > 0 {
        writeln!(out, "ignore {} {}", name(count - 1), breakpoint.ignore)?;
    }
    if !breakpoint.enabled || !works {
        writeln!(out, "disable {}", name(0))?;
    }
    Ok(())
}

/// The lines of `commands`. Those that gdb does not have run where `$brk` is known: here.
fn lines(out: &mut String, commands: &[String], margin: &str) -> std::fmt::Result {
    for line in commands {
        let line = line.trim();
        match is_ours(line) {
            true => writeln!(out, "{margin}if !$_isvoid($brk)\n{margin}  {line}\n{margin}end")?,
            false => writeln!(out, "{margin}{line}")?,
        }
    }
    Ok(())
}

/// Whether a line is a command that gdb does not have.
pub(super) fn is_ours(line: &str) -> bool {
    let (word, rest) = first_word(line);
    match word {
        "explain" | "heap" | "owner" | "export" | "mark" | "diff" | "snapshot" => true,
        "info" | "i" => {
            let (what, _) = first_word(rest);
            matches!(what, "heap" | "growth" | "blockers" | "syscalls" | "memory")
        }
        _ => false,
    }
}

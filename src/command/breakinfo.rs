//! Breakpoints as text: `info breakpoints` in gdb's columns with our additions below.

use std::fmt::Write;

use super::breakpoints::wish_text;
use super::catchpoints;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use super::watchpoints;
use crate::addr::Addr;
use crate::scene::print::Names;
use crate::session::{Breakpoint, Disposition, Location, Scope, Session, Stage, Trigger};

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["breakpoints", "b", "br"],
    run: info,
    help: "Status of specified breakpoints (all user-settable breakpoints if no argument).\n\nUsage: info breakpoints [N]...\nBelow gdb's columns: for chains their stages, for conditions how often they were tested and what that cost.",
    takes: Takes::Nothing,
}];

fn info(shell: &mut Shell, args: &str) -> Done {
    if shell.session.moment().is_some() && args.trim().is_empty() {
        let then = text(shell);
        shell.say(then);
        return Ok(());
    }
    list(shell, args, |_| true, "breakpoint or watchpoint")
}

/// Lists those that are wanted and of a kind.
pub(super) fn list(shell: &mut Shell, args: &str, kind: fn(&Breakpoint) -> bool, noun: &str) -> Done {
    let wanted = super::args::ids(args)?;
    let some =
        |b: &&Breakpoint| kind(b) && (wanted.is_empty() || wanted.iter().any(|id| id.number == b.number));
    let numbers: Vec<u32> = shell.session.breakpoints().iter().filter(some).map(|b| b.number).collect();
    if numbers.is_empty() {
        if !wanted.is_empty() {
            return Err(CommandError::say(format!("No {noun} matching '{}'.", args.trim())));
        }
        shell.say(format!("No {}.", noun.replace("point", "points")));
        return Ok(());
    }
    let text = table(shell, &numbers);
    shell.say(text);
    Ok(())
}

/// What `info breakpoints` prints.
pub(super) fn text(shell: &mut Shell) -> String {
    if let Some(witness) = super::witness::then(shell, true) {
        return witness.breakpoints;
    }
    let numbers: Vec<u32> = shell.session.breakpoints().iter().map(|b| b.number).collect();
    table(shell, &numbers)
}

fn table(shell: &mut Shell, numbers: &[u32]) -> String {
    if numbers.is_empty() {
        return "No breakpoints or watchpoints.\n".to_owned();
    }
    let inside = symbols(shell);
    let several = shell.session.processes().len() > 1;
    // As in gdb: only addresses need the width of one.
    let live = shell.session.is_live();
    let shown: Vec<&Breakpoint> =
        shell.session.breakpoints().iter().filter(|b| numbers.contains(&b.number)).collect();
    let placed = |b: &&Breakpoint| {
        live && b.is_watchpoint() || b.stages.iter().any(|stage| !stage.locations.is_empty())
    };
    let width = if shown.iter().any(placed) { 18 } else { 10 };
    let kinds = shown.iter().map(|b| kind(b).len()).max().unwrap_or(0).max(14);
    let mut out = format!("Num     {:<kinds$} Disp Enb {:<width$} What\n", "Type", "Address");
    for breakpoint in shell.session.breakpoints().iter().filter(|b| numbers.contains(&b.number)) {
        let page = Page { inside: &inside, inferiors: several.then_some(&shell.session), width, kinds };
        // Writing into a String cannot fail.
        let _ = page.breakpoint(&mut out, breakpoint, &shell.session);
    }
    out
}

/// `<mmap64+4>` for locations that debug info does not cover.
fn symbols(shell: &mut Shell) -> Vec<(Addr, String)> {
    let bare = |place: &&Location| place.line.is_none();
    let all = shell.session.breakpoints().iter().flat_map(|b| &b.stages).flat_map(|stage| &stage.locations);
    let addresses: Vec<_> = all.filter(bare).map(|place| place.address).collect();
    let plain = |place: &&Location| {
        place.line.is_some() && place.function.as_ref().is_some_and(|name| !name.contains('('))
    };
    let all = shell.session.breakpoints().iter().flat_map(|b| &b.stages).flat_map(|stage| &stage.locations);
    let plain: Vec<_> = all.filter(plain).map(|place| place.address).collect();
    shell.session.with_scene(|scene, _| {
        let named = |at| match Names::name_of(scene, at)? {
            (name, 0) => Some((at, format!("<{name}>"))),
            (name, offset) => Some((at, format!("<{name}+{offset}>"))),
        };
        // The debug info of gcc has no parameters in the names of functions that no other file sees, and of `main`.
        let whole = |at: Addr| {
            let start = scene.modules.function_at(at)?.start;
            Some((at, Names::name_of(scene, start)?.0))
        };
        let plain = plain.into_iter().filter_map(whole).filter(|(_, name)| name.contains('('));
        addresses.into_iter().filter_map(named).chain(plain).collect()
    })
}

struct Page<'a> {
    inside: &'a [(crate::addr::Addr, String)],
    /// The session, when locations of several inferiors have to be told apart.
    inferiors: Option<&'a Session>,
    /// The width of the column of addresses.
    width: usize,
    /// The width of the column of types.
    kinds: usize,
}

impl Page<'_> {
    fn breakpoint(&self, out: &mut String, breakpoint: &Breakpoint, session: &Session) -> std::fmt::Result {
        let disposition = match breakpoint.disposition {
            Disposition::Keep => "keep",
            Disposition::Delete => "del",
            Disposition::Disable { .. } => "dis",
        };
        let enabled = if breakpoint.enabled { 'y' } else { 'n' };
        let kind = kind(breakpoint);
        let kinds = self.kinds;
        let head = format!("{:<7} {kind:<kinds$} {disposition:<4} {enabled}   ", breakpoint.number);
        let thread = breakpoint.thread.map(|tid| number_of(session, tid, breakpoint));
        let thread = thread.map_or_else(String::new, |number| format!(" thread {number}"));
        let locations: Vec<&Location> = breakpoint.stages.iter().flat_map(|stage| &stage.locations).collect();
        let first = breakpoint.stages.first().map(|stage| &stage.trigger);
        match locations.as_slice() {
            [] if let Some(Trigger::Catch(catch)) = first => {
                let what = catchpoints::what(catch, breakpoint.caught.as_ref());
                writeln!(out, "{head}{:<width$} {what}", "", width = self.width)?;
            }
            [] if let Some(Trigger::Data(watch)) = first => {
                writeln!(out, "{head}{:<width$} {}{thread}", "", watch.text, width = self.width)?;
            }
            [] => {
                let wish = breakpoint.stages.first().map(wish_text).unwrap_or_default();
                writeln!(out, "{head}{:<width$} {wish}{thread}", "<PENDING>", width = self.width)?;
            }
            [one] if !breakpoint.is_chain() && one.enabled => {
                writeln!(out, "{head}{:#018x} {}{thread}", one.address.0, self.what(one))?;
            }
            _ => writeln!(out, "{head}{:<18} {thread}", "<MULTIPLE>")?,
        }
        self.notes(out, breakpoint, session)?;
        let single =
            locations.len() == 1 && !breakpoint.is_chain() && locations.iter().all(|place| place.enabled);
        if !single {
            for (index, place) in locations.iter().enumerate() {
                let number = format!("{}.{}", breakpoint.number, index + 1);
                let enabled = if place.enabled { 'y' } else { 'n' };
                let what = self.what(place);
                writeln!(
                    out,
                    "{number:<width$} {enabled}   {:#018x} {what}",
                    place.address.0,
                    width = kinds + 13
                )?;
            }
        }
        additions(out, breakpoint)
    }

    fn what(&self, place: &Location) -> String {
        let known = self.inside.iter().find(|(at, _)| *at == place.address).map(|(_, name)| name);
        let whole = |function: &String| match known {
            Some(name) if name.starts_with(function.as_str()) && !name.starts_with('<') => name.clone(),
            _ => function.clone(),
        };
        let function = place.function.as_ref().map(whole);
        let mut text = match (&function, &place.file, place.line) {
            (Some(function), Some(file), Some(line)) => format!("in {function} at {file}:{line}"),
            (None, Some(file), Some(line)) => format!("{file}:{line}"),
            _ => known.cloned().unwrap_or_default(),
        };
        if let (Some(session), Some(pid)) = (self.inferiors, place.pid) {
            let _ = write!(text, " inf {}", session.inferior_number(pid));
        }
        text
    }

    fn notes(&self, out: &mut String, breakpoint: &Breakpoint, session: &Session) -> std::fmt::Result {
        let plain = breakpoint.stages.first().filter(|_| !breakpoint.is_chain());
        if let Some((condition, _)) = plain.and_then(|stage| stage.condition.as_ref())
            && (first_is_no_code(breakpoint)
                || breakpoint.stages.iter().any(|stage| !stage.locations.is_empty()))
        {
            writeln!(out, "\tstop only if {condition}")?;
        }
        if let Some(tid) = breakpoint.thread {
            writeln!(out, "\tstop only in thread {}", number_of(session, tid, breakpoint))?;
        }
        if breakpoint.hits > 0 {
            let times = if breakpoint.hits == 1 { "time" } else { "times" };
            writeln!(out, "\t{} already hit {} {times}", noun(breakpoint), breakpoint.hits)?;
        }
        if breakpoint.ignore > 0 {
            writeln!(out, "\tignore next {} hits", breakpoint.ignore)?;
        }
        if let Disposition::Disable { after: after @ 2.. } = breakpoint.disposition {
            let which = if breakpoint.ignore > 0 { "additional" } else { "next" };
            writeln!(out, "\tdisable after {which} {after} hits")?;
        }
        if let Some(print) = &breakpoint.print {
            writeln!(out, "        printf {print}")?;
        }
        let mut depth = 0;
        for line in &breakpoint.commands {
            let word = line.split_whitespace().next().unwrap_or_default();
            depth -= usize::from(matches!(word, "end" | "else") && depth > 0);
            writeln!(out, "{:width$}{}", "", line.trim(), width = 8 + 2 * depth)?;
            depth += usize::from(matches!(word, "if" | "while" | "else"));
        }
        Ok(())
    }
}

/// The column `Type`.
fn kind(breakpoint: &Breakpoint) -> &'static str {
    match breakpoint.watch() {
        Some(watch) => watchpoints::kind(watch),
        None if breakpoint.is_catchpoint() => "catchpoint",
        None if breakpoint.print.is_some() => "dprintf",
        None if breakpoint.hardware => "hw breakpoint",
        None => "breakpoint",
    }
}

fn first_is_no_code(breakpoint: &Breakpoint) -> bool {
    breakpoint.stages.first().is_some_and(|stage| stage.trigger.code().is_none())
}

/// What gdb calls it where it counts hits.
fn noun(breakpoint: &Breakpoint) -> &'static str {
    if breakpoint.is_catchpoint() { "catchpoint" } else { "breakpoint" }
}

/// The number of a breakpoint's thread.
fn number_of(session: &Session, tid: crate::addr::Tid, breakpoint: &Breakpoint) -> u32 {
    let threads = session.threads();
    let found = threads.iter().find(|thread| thread.tid == tid);
    found.map_or(breakpoint.thread_number, |thread| thread.number)
}

/// What gdb does not tell: stages, tests, cost, modules, errors.
fn additions(out: &mut String, breakpoint: &Breakpoint) -> std::fmt::Result {
    for (index, stage) in breakpoint.stages.iter().enumerate() {
        if breakpoint.is_chain() {
            let armed = match index {
                0 => "",
                _ if breakpoint.armed.iter().any(|armed| armed.stage == index) => ", armed",
                _ => ", waiting",
            };
            let every = if breakpoint.every && index + 1 == breakpoint.stages.len() { "every " } else { "" };
            writeln!(out, "        stage {}: {every}{}{armed}", index + 1, wish_text(stage))?;
        }
        if let Some(error) = &stage.error {
            let first = error.lines().next().unwrap_or_default();
            writeln!(out, "        error state: {first}")?;
        }
        if stage.tests > 0 && (breakpoint.is_chain() || stage.condition.is_some()) {
            let each = stage.cost / u32::try_from(stage.tests).unwrap_or(u32::MAX);
            writeln!(
                out,
                "        tested {} times, true {} times, {each:.1?} a test, {:.1?} in all",
                stage.tests, stage.hits, stage.cost
            )?;
        }
        modules(out, stage)?;
    }
    let scope = match breakpoint.scope {
        Scope::Thread => return Ok(()),
        Scope::Process => "any thread of the process",
        Scope::Any => "any process",
    };
    writeln!(out, "        armed for {scope}")
}

fn modules(out: &mut String, stage: &Stage) -> std::fmt::Result {
    let mut names: Vec<&str> = stage.locations.iter().map(|place| place.module.as_str()).collect();
    names.dedup();
    if stage.locations.iter().all(|place| place.pid.is_none()) || names.is_empty() {
        return Ok(());
    }
    writeln!(out, "        in {}", names.join(", "))
}

/// A chain as one line.
pub(super) fn chain_text(breakpoint: &Breakpoint) -> String {
    let stages: Vec<String> = breakpoint.stages.iter().map(wish_text).collect();
    let every = if breakpoint.every { " then every " } else { " then " };
    let (last, first) = stages.split_last().map_or(("", &[][..]), |(last, first)| (last.as_str(), first));
    let once = if breakpoint.once { " once" } else { "" };
    let scope = match breakpoint.scope {
        Scope::Thread => "",
        Scope::Process => " in process",
        Scope::Any => " in any",
    };
    if first.is_empty() {
        return format!("break {last}");
    }
    format!("break {}{every}{last}{once}{scope}", first.join(" then "))
}

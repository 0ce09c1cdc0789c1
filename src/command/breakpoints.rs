//! Breakpoints and chains by command: `break`, `tbreak`, `condition`, `ignore`, `enable`, `delete`, `commands`…

use super::args::{Id, first_word, ids};
use super::breakparse::{self, Parsed};
use super::catchpoints;
use super::error::{CommandError, Done};
use super::place;
use super::running;
use super::shell::Shell;
use super::table::{Entry, Takes};
use super::watchpoints;
use crate::scene::expr::{Condition, ExprError};
use crate::session::{Breakpoint, BreakpointSpec, Catch, Disposition, Stage, StageSpec, Trigger};
use crate::symbols::Linespec;

macro_rules! entry {
    ($names:expr, $run:expr, $takes:ident, $help:literal) => {
        Entry { names: &$names, run: $run, help: $help, takes: Takes::$takes }
    };
}

pub(super) const COMMANDS: &[Entry] = &[
    entry!(
        ["break", "b", "br", "bre", "brea"],
        |shell, args| set(shell, args, false, false),
        Place,
        "Set breakpoint at specified location.\n\nUsage: break [LOCATION] [thread THREADNUM] [if CONDITION] [then LOCATION [if CONDITION]]...\nLOCATION: FUNCTION, FILE:LINE, LINE, +N, -N, *ADDRESS, LIBRARY:FUNCTION; without one, where the program stands.\nCONDITION: a C expression. strcmp, strncmp, strcasecmp, strstr, strlen and memcmp are computed from memory: the\nprogram is not called, and registers need no cast: break open if strcmp($rdi, \"/etc/hosts\") == 0\nA chain stops at its last location only, and only when the ones before were crossed. Behind the last one:\n  once                      it ends after its first stop\n  in thread|process|any     who has to cross the next location: the same thread (default), any of its process, anybody\n\"then every LOCATION\" keeps the last location armed until the first is crossed anew; \"then syscall NAME\" is a system call."
    ),
    entry!(
        ["tbreak", "tb", "tbr"],
        |shell, args| set(shell, args, true, false),
        Place,
        "Set a temporary breakpoint: it is deleted when it is hit.\n\nUsage: tbreak [LOCATION] [if CONDITION]\nArguments are those of \"break\"."
    ),
    entry!(
        ["dprintf"],
        dprintf,
        Place,
        "Set a dynamic printf at specified location.\n\nUsage: dprintf LOCATION,\"FORMAT STRING\",ARG1,ARG2,...\nEach hit prints and the program goes on. \"condition\", \"ignore\" and \"disable\" work as for breakpoints."
    ),
    entry!(
        ["hbreak", "hb"],
        |shell, args| set(shell, args, false, true),
        Place,
        "Set a hardware assisted breakpoint: no byte of the program is changed.\n\nUsage: hbreak [LOCATION] [if CONDITION]\nArguments are those of \"break\". There are four debug registers, for these and for watchpoints."
    ),
    entry!(
        ["thbreak", "thb"],
        |shell, args| set(shell, args, true, true),
        Place,
        "Set a temporary hardware assisted breakpoint.\n\nUsage: thbreak [LOCATION] [if CONDITION]\nArguments are those of \"break\"."
    ),
    entry!(
        ["condition", "cond"],
        condition,
        Expression,
        "Specify breakpoint number N to break only if COND is true.\n\nUsage: condition N [COND]\nWithout COND the breakpoint is made unconditional."
    ),
    entry!(
        ["ignore"],
        ignore,
        Nothing,
        "Set ignore-count of breakpoint number N to COUNT.\n\nUsage: ignore N COUNT"
    ),
    entry!(
        ["enable", "en"],
        enable,
        Nothing,
        "Enable breakpoints, or locations of them.\n\nUsage: enable [once|delete|count HITS] [N|N.M]...\nonce: disabled after its next hit; delete: deleted after it; count: disabled after so many."
    ),
    entry!(
        ["disable", "dis", "disa"],
        disable,
        Nothing,
        "Disable breakpoints, or locations of them.\n\nUsage: disable [N|N.M]..."
    ),
    entry!(
        ["delete", "d", "del"],
        delete,
        Nothing,
        "Delete all or some breakpoints.\n\nUsage: delete [breakpoints] [N]..."
    ),
    entry!(
        ["clear", "cl"],
        clear,
        Place,
        "Clear breakpoints at specified location.\n\nUsage: clear [LOCATION]"
    ),
    entry!(
        ["commands"],
        |_, _| Ok(()),
        Nothing,
        "Set commands to be executed when the given breakpoints are hit.\n\nUsage: commands [N]...\nThe lines that follow, up to \"end\", are run at each stop; \"silent\" as the first says nothing of the stop."
    ),
];

pub(super) fn set(shell: &mut Shell, args: &str, temporary: bool, hardware: bool) -> Done {
    let number = make(shell, args, temporary, hardware)?;
    mention(shell, number);
    Ok(())
}

fn make(shell: &mut Shell, args: &str, temporary: bool, hardware: bool) -> Done<u32> {
    let parsed = breakparse::parse(args)?;
    let thread = parsed.thread.map(|number| thread_numbered(shell, number)).transpose()?;
    let mut stages = Vec::new();
    for stage in &parsed.stages {
        let trigger = if stage.syscall {
            let number = crate::syscalls::number(&stage.location);
            let unknown = || CommandError::say(format!("Unknown syscall name '{}'.", stage.location));
            Trigger::Catch(Catch::Syscall { numbers: vec![number.ok_or_else(unknown)?], returns: false })
        } else {
            Trigger::Code(place::linespec(shell, &stage.location)?)
        };
        let condition = match &stage.condition {
            Some(text) => Some((text.clone(), Condition::parse(text)?)),
            None => None,
        };
        let text = if stage.syscall { format!("syscall {}", stage.location) } else { stage.location.clone() };
        let stage = StageSpec { text, trigger, condition };
        check_names(shell, &stage)?;
        stages.push(stage);
    }
    let Parsed { scope, once, every, .. } = parsed;
    let disposition = if temporary { Disposition::Delete } else { Disposition::Keep };
    let spec = BreakpointSpec { stages, disposition, thread, scope, hardware, once, every };
    Ok(shell.session.add_breakpoint(spec)?)
}

fn dprintf(shell: &mut Shell, args: &str) -> Done {
    let (location, print) = args.split_once(',').unwrap_or((args, ""));
    let (location, print) = (location.trim(), print.trim());
    if print.is_empty() {
        return Err(CommandError::say("Format string required"));
    }
    super::printf::check(print)?;
    let number = make(shell, location, false, false)?;
    if let Some(made) = shell.session.breakpoint_mut(number) {
        made.print = Some(print.to_owned());
    }
    mention(shell, number);
    Ok(())
}

pub(super) fn thread_numbered(shell: &Shell, number: u32) -> Done<crate::addr::Tid> {
    let threads = shell.session.threads();
    let found = threads.iter().find(|thread| thread.number == number);
    found.map(|thread| thread.tid).ok_or_else(|| CommandError::say(format!("Unknown thread {number}.")))
}

/// Refuses a condition that names what is not there, at a place that is there already.
fn check_names(shell: &mut Shell, stage: &StageSpec) -> Done {
    let Some((_, condition)) = &stage.condition else { return Ok(()) };
    let names = condition.expr().names();
    let Some(place) = stage.trigger.code() else { return Ok(()) };
    let missing = shell.session.with_scene(|scene, _| {
        let sites = scene.modules.resolve(place, None, scene.memory()).ok()?;
        let unknown = |at| names.iter().find(|name| !scene.knows_at(at, name)).cloned();
        // As in gdb, it is enough that one of the locations knows them all.
        let all: Vec<Option<String>> = sites.iter().map(|site| unknown(site.address)).collect();
        all.iter().all(Option::is_some).then(|| all.into_iter().flatten().next()).flatten()
    });
    match missing {
        Some(name) => Err(ExprError::NoSymbol(name).into()),
        None => Ok(()),
    }
}

/// Tells what was set: `Breakpoint 1 at 0x401165: file t.c, line 31.`
pub(super) fn mention(shell: &mut Shell, number: u32) {
    if let Some(why) = reason_to_tell(shell, number) {
        shell.complain(why);
    }
    let Some(breakpoint) = shell.session.breakpoints().iter().find(|b| b.number == number) else { return };
    let mut text = mention_text(breakpoint, shell.print.address);
    for (index, stage) in breakpoint.stages.iter().enumerate().skip(1) {
        text.push_str(&format!("\n  then {}", stage_words(index, stage)));
    }
    shell.say(text);
}

/// Why a pending breakpoint is one, unless a library is expected to bring the function.
fn reason_to_tell(shell: &mut Shell, number: u32) -> Option<String> {
    let why = shell.session.pending_reason(number)?;
    let breakpoint = shell.session.breakpoints().iter().find(|b| b.number == number)?;
    let waits = |stage: &&Stage| stage.locations.is_empty() && stage.trigger.code().is_some();
    let pending = breakpoint.stages.iter().find(waits)?;
    let (text, place) = (pending.text.clone(), pending.trigger.code()?.clone());
    let expected = match &place {
        Linespec::Function { file: None, module: None, name } => {
            let name = name.clone();
            shell.session.with_scene(|scene, _| scene.modules.expects(&name))
        }
        _ => false,
    };
    (!expected).then(|| place::as_typed(&text, why).to_string())
}

/// `address` says whether addresses are shown at all (`set print address`).
fn mention_text(breakpoint: &Breakpoint, address: bool) -> String {
    let number = breakpoint.number;
    let temporary = breakpoint.disposition == Disposition::Delete;
    let kind = match (breakpoint.hardware, temporary) {
        _ if breakpoint.print.is_some() => "Dprintf",
        (true, _) => "Hardware assisted breakpoint",
        (false, true) => "Temporary breakpoint",
        (false, false) => "Breakpoint",
    };
    let Some(first) = breakpoint.stages.first() else { return format!("{kind} {number}") };
    if let Trigger::Data(watch) = &first.trigger {
        return watchpoints::mention(number, watch);
    }
    if let Trigger::Catch(catch) = &first.trigger {
        let kind = if breakpoint.is_chain() { kind } else { "Catchpoint" };
        return format!("{kind} {number} {}", catchpoints::mention(catch));
    }
    match first.locations.as_slice() {
        [] => format!("{kind} {number} ({}) pending.", wish_text(first)),
        [one] => {
            let place = match (&one.file, one.line) {
                (Some(file), Some(line)) => format!(": file {file}, line {line}."),
                _ => String::new(),
            };
            let at = if address { format!(" at {}", one.address) } else { String::new() };
            format!("{kind} {number}{at}{place}")
        }
        [one, rest @ ..] => {
            let at = if address { format!(" at {}", one.address) } else { String::new() };
            // Where the first of them has no line gdb does not say what was asked for.
            let wish = if one.line.is_some() { format!(": {}.", first.text) } else { String::new() };
            format!("{kind} {number}{at}{wish} ({} locations)", rest.len() + 1)
        }
    }
}

/// A stage as it was typed.
pub(super) fn wish_text(stage: &Stage) -> String {
    match &stage.condition {
        Some((condition, _)) => format!("{} if {condition}", stage.text),
        None => stage.text.clone(),
    }
}

fn stage_words(index: usize, stage: &Stage) -> String {
    let wish = wish_text(stage);
    let index = index + 1;
    match stage.locations.as_slice() {
        _ if stage.trigger.code().is_none() => format!("{wish}: stage {index}"),
        [] => format!("{wish}: stage {index}, pending"),
        [one] => format!("{wish}: stage {index}, at {}", one.address),
        many => format!("{wish}: stage {index}, {} locations", many.len()),
    }
}

fn condition(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        return Err(CommandError::say("Argument required (breakpoint number)."));
    }
    let (word, text) = first_word(args);
    let number = with_variables(shell, word)
        .parse::<u32>()
        .map_err(|_| CommandError::say(format!("Bad breakpoint argument: '{word}'")))?;
    let missing = || CommandError::say(format!("No breakpoint number {number}."));
    if text.is_empty() {
        let breakpoint = shell.session.breakpoint_mut(number).ok_or_else(missing)?;
        breakpoint.stages.iter_mut().for_each(|stage| (stage.condition, stage.error) = (None, None));
        if shell.options.interactive {
            shell.say(format!("Breakpoint {number} now unconditional."));
        }
        return Ok(());
    }
    let last = shell.session.breakpoint_mut(number).and_then(|b| b.stages.last()).ok_or_else(missing)?;
    let spec = StageSpec {
        text: last.text.clone(),
        trigger: last.trigger.clone(),
        condition: Some((text.to_owned(), Condition::parse(text)?)),
    };
    check_names(shell, &spec)?;
    if let Some(stage) = shell.session.breakpoint_mut(number).and_then(|b| b.stages.last_mut()) {
        (stage.condition, stage.error) = (spec.condition, None);
    }
    Ok(())
}

fn ignore(shell: &mut Shell, args: &str) -> Done {
    let (word, count) = first_word(args);
    if word.is_empty() {
        return Err(CommandError::say("Argument required (a breakpoint number)."));
    }
    let number: u32 = with_variables(shell, word)
        .parse()
        .map_err(|_| CommandError::say(format!("bad breakpoint number: '{word}'")))?;
    if count.is_empty() {
        return Err(CommandError::say("Second argument (specified ignore-count) is missing."));
    }
    let count = u32::try_from(running::number(shell, count)?).unwrap_or(u32::MAX);
    let Some(breakpoint) = shell.session.breakpoint_mut(number) else {
        return Err(CommandError::say(format!("No breakpoint number {number}.")));
    };
    breakpoint.ignore = count;
    if shell.options.interactive {
        shell.say(running::ignoring(number, count));
    }
    Ok(())
}

/// Does something to each breakpoint that is named; those that do not exist are told, and the rest goes on.
fn each(shell: &mut Shell, args: &str, mut act: impl FnMut(&mut Shell, Id) -> bool) -> Done {
    let args = with_variables(shell, args);
    for id in ids(&args)? {
        if shell.session.breakpoint_mut(id.number).is_none() {
            shell.say(format!("No breakpoint number {}.", id.number));
        } else if !act(shell, id) {
            return Err(CommandError::say(format!(
                "Bad breakpoint location number '{}'",
                id.location.unwrap_or(0)
            )));
        }
    }
    Ok(())
}

/// `$bpnum` and the like, as numbers.
fn with_variables(shell: &mut Shell, args: &str) -> String {
    let value = |shell: &mut Shell, word: &str| match word.starts_with('$') {
        true => running::number(shell, word).map_or_else(|_| word.to_owned(), |number| number.to_string()),
        false => word.to_owned(),
    };
    args.split_whitespace().map(|word| value(shell, word)).collect::<Vec<_>>().join(" ")
}

fn without_prefix(args: &str) -> &str {
    let (word, rest) = first_word(args);
    if word.len() > 1 && "breakpoints".starts_with(word) { rest } else { args }
}

fn all_numbers(shell: &Shell) -> String {
    let numbers = shell.session.breakpoints().iter().map(|b| b.number.to_string());
    numbers.collect::<Vec<_>>().join(" ")
}

fn enable(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(without_prefix(args));
    match word {
        "once" => enable_until(shell, rest, Disposition::Disable { after: 1 }),
        "delete" => enable_until(shell, rest, Disposition::Delete),
        "count" => {
            let (count, rest) = first_word(rest);
            if count.is_empty() {
                return Err(CommandError::say("Argument required (hit count)."));
            }
            let count = super::running::number(shell, count)?;
            enable_until(
                shell,
                rest,
                Disposition::Disable { after: u32::try_from(count).unwrap_or(u32::MAX) },
            )
        }
        "display" => super::data::switch_displays(shell, rest, true),
        _ => switch(shell, args, true),
    }
}

/// Enables what the numbers say, and what becomes of it then.
fn enable_until(shell: &mut Shell, numbers: &str, disposition: Disposition) -> Done {
    each(shell, numbers, |shell, id| {
        if let Some(breakpoint) = shell.session.breakpoint_mut(id.number) {
            breakpoint.disposition = disposition;
        }
        shell.session.enable(id.number, id.location, true)
    })
}

fn disable(shell: &mut Shell, args: &str) -> Done {
    match first_word(args) {
        ("display", rest) => super::data::switch_displays(shell, rest, false),
        _ => switch(shell, args, false),
    }
}

fn switch(shell: &mut Shell, args: &str, on: bool) -> Done {
    let args = match without_prefix(args) {
        "" => all_numbers(shell),
        some => some.to_owned(),
    };
    each(shell, &args, |shell, id| shell.session.enable(id.number, id.location, on))
}

fn delete(shell: &mut Shell, args: &str) -> Done {
    if let ("display", rest) = first_word(args) {
        return super::data::undisplay(shell, rest);
    }
    let args = match without_prefix(args) {
        "" => {
            let any = !shell.session.breakpoints().is_empty();
            if any && shell.options.interactive && !shell.confirm("Delete all breakpoints? ") {
                return Ok(());
            }
            all_numbers(shell)
        }
        some => some.to_owned(),
    };
    each(shell, &args, |shell, id| shell.session.delete_breakpoint(id.number))
}

fn clear(shell: &mut Shell, args: &str) -> Done {
    let spec = place::linespec(shell, args)?;
    let sites = shell.session.with_scene(|scene, _| scene.modules.resolve(&spec, None, scene.memory()))?;
    let here = |b: &&Breakpoint| {
        let mut places = b.stages.iter().flat_map(|stage| &stage.locations);
        places.any(|place| sites.iter().any(|site| site.address == place.address))
    };
    let numbers: Vec<u32> = shell.session.breakpoints().iter().filter(here).map(|b| b.number).collect();
    if numbers.is_empty() {
        let what = if args.is_empty() { "this line".to_owned() } else { args.to_owned() };
        return Err(CommandError::say(format!("No breakpoint at {what}.")));
    }
    let mut told =
        if numbers.len() > 1 { "Deleted breakpoints ".to_owned() } else { "Deleted breakpoint ".to_owned() };
    for number in numbers {
        told.push_str(&format!("{number} "));
        shell.session.delete_breakpoint(number);
    }
    if shell.options.interactive {
        shell.say(told);
    }
    Ok(())
}

impl Shell {
    /// Gives breakpoints the lines that run when they stop.
    pub(super) fn attach_commands(&mut self, args: &str, lines: Vec<String>) -> Done {
        let args = with_variables(self, args);
        let numbers = match args.as_str() {
            "" => match self.session.breakpoints().last() {
                Some(last) => vec![last.number],
                None => return Err(CommandError::say("No breakpoints specified.")),
            },
            some => ids(some)?.into_iter().map(|id| id.number).collect(),
        };
        for number in numbers {
            match self.session.breakpoint_mut(number) {
                Some(breakpoint) => breakpoint.commands.clone_from(&lines),
                None => return Err(CommandError::say(format!("No breakpoint number {number}."))),
            }
        }
        Ok(())
    }
}

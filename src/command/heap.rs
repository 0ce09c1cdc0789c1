//! The heap in words: what malloc's structures say now, and what the recorded calls tell.
//!
//! ```text
//! (brkwater) info heap
//! glibc 2.36 (layout B; found by symbol, malloc_trim, ring)
//! break 0x4c7000, started at 0x4a6000 (132K)
//!   in its way: 0x4c7000-0x4c8000 r--p 4K
//! ```
//!
//! What needs a live process says so when there is none; what the journal knows is told after the end, too. The
//! sentences themselves are made in [`crate::report`].

use serde_json::Value;

use super::args::{first_word, take_flag};
use super::compare;
use super::error::{CommandError, Done};
use super::look;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::Pid;
use crate::heap::story::Story;
use crate::maps;
use crate::report::{Explanation, calls, escape, owner, place, tables};
use crate::session::SessionError;

/// Rows of `info growth` without a number.
const ROWS: usize = 20;
/// Calls of `info syscalls` without a number.
const CALLS: usize = 50;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["explain"],
        run: explain,
        help: "Explain why memory grows here, one sentence at a time.\n\
               Usage: explain [-json]\n\
               Usage: explain -without-blocker [-at PLACE [-hit N]] [-limit SECONDS] [-json]\n\
               The second form runs the program two more times, as it is and with the call skipped that puts a blocker\n\
               in the way of the break, up to PLACE or its end, and tells what differs.\n\
               Each sentence carries how it is known: [recorded] was seen in a call, [measured] was read now,\n\
               [inferred] is concluded, with its reason, [unknown] could not be told.\n\
               Where memory was placed and how much of it is in use are told apart.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["owner"],
        run: owner_of,
        help: "Tell what lies at an address, who asked for it, and when.\n\
               Usage: owner EXPRESSION [-json]\n\
               Example: owner $sp, owner buffer, owner 0x7ffff7adc010",
        takes: Takes::Expression,
    },
];

pub(super) const INFO: &[Entry] = &[
    Entry {
        names: &["heap"],
        run: info_heap,
        help: "The heap of the process: the break, what is in its way, arenas, regions, caches.\n\
               Usage: info heap [-json]\n\
               Everything is read from memory now; the lines at the end are what the recorded calls tell.\n\
               Each arena ends with an equation: its regions must add up to what it took from the system.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["growth"],
        run: info_growth,
        help: "Who made the process's memory grow: recorded calls by site, largest first.\n\
               Usage: info growth [ROWS] [-json]",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["blockers"],
        run: info_blockers,
        help: "Mappings that stand where the next brk would go, and who planted them.\n\
               Usage: info blockers [-json]\n\
               A blocker (glibc calls it a hole) decides where memory is placed, not how much is needed.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["syscalls"],
        run: info_syscalls,
        help: "The recorded memory calls in strace's words, each with what it meant.\n\
               Usage: info syscalls [COUNT] [-json]\n\
               Without a number the latest 50 are shown.",
        takes: Takes::Nothing,
    },
];

fn info_heap(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    nothing_else(&rest)?;
    let survey = look::survey_or_story(shell).map_err(|error| with_hint(shell, error))?;
    if json {
        let pid = shell.must_stand()?.pid;
        let heap = look::heap_view(shell, pid, &survey);
        return say_json(shell, &heap);
    }
    let maps = shell.session.mappings();
    let mut text = survey.to_text();
    if let Some(story) = shell.session.story() {
        text.push_str(&tables::told(story, &story.layout(Some(&maps))));
    }
    shell.say(text);
    Ok(())
}

/// The object of `info heap -json`.
pub(super) fn heap_json(shell: &mut Shell) -> Done<Value> {
    let pid = shell.must_stand()?.pid;
    let survey = look::survey_of(shell)?;
    Ok(serde_json::to_value(look::heap_view(shell, pid, &survey)).unwrap_or_default())
}

fn info_growth(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    let rows = number(&rest)?.unwrap_or(ROWS);
    let names = look::joint_names(shell);
    let (_, story) = told(shell)?;
    if json {
        let value = tables::growth_json(story, &names);
        return say_json(shell, &value);
    }
    let text = tables::growth(story, rows, &names);
    shell.say(text);
    Ok(())
}

fn info_blockers(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    nothing_else(&rest)?;
    let now = look::survey_of(shell).ok().map(|survey| survey.blockers);
    let (_, story) = told(shell)?;
    if json {
        let value = tables::blockers_json(story, now.as_deref());
        return say_json(shell, &value);
    }
    let text = tables::blockers(story, now.as_deref());
    shell.say(text);
    Ok(())
}

fn info_syscalls(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    let most = number(&rest)?.unwrap_or(CALLS);
    let (pid, _) = told(shell)?;
    if json {
        let (found, _) = calls::latest(shell.session.events(), pid, most);
        let stacks: Vec<_> = found.iter().flat_map(|event| look::stack_of(event)).copied().collect();
        let names = look::names(shell, &stacks);
        let (found, earlier) = calls::latest(shell.session.events(), pid, most);
        let value = calls::calls_json(&found, earlier, &names);
        return say_json(shell, &value);
    }
    let (_, story) = told(shell)?;
    let (found, earlier) = calls::latest(shell.session.events(), pid, most);
    let text = calls::text(story, &found, earlier);
    shell.say(text);
    Ok(())
}

fn explain(shell: &mut Shell, args: &str) -> Done {
    let (without, rest) = take_flag(args, "-without-blocker");
    let (too, rest) = take_flag(&rest, "--without-blocker");
    if without || too {
        return compare::without_blocker(shell, &rest);
    }
    let (json, rest) = take_flag(&rest, "-json");
    nothing_else(&rest)?;
    let explanation = explanation(shell)?;
    if json {
        return say_json(shell, &explanation);
    }
    shell.say(explanation.text());
    Ok(())
}

/// The explanation of this stop, or of the whole run when the process has ended.
pub(super) fn explanation(shell: &mut Shell) -> Done<Explanation> {
    let stop = look::stop(shell);
    let names = look::joint_names(shell);
    let (_, story) = told(shell)?;
    Ok(crate::report::explain(&stop.question(story, &names)))
}

fn owner_of(shell: &mut Shell, args: &str) -> Done {
    let (json, text) = take_flag(args, "-json");
    if text.is_empty() {
        return Err(CommandError::say("Argument required (an address)."));
    }
    let at = look::address(shell, &text)?;
    told(shell)?;
    let survey = look::survey_of(shell).ok();
    let place = survey.as_ref().and_then(|survey| {
        let place = shell.session.with_scene(|scene, _| survey.place_of(scene.memory(), at))?;
        Some((survey, place))
    });
    let (_, story) = told(shell)?;
    let stack = story.piece_at(at).and_then(|(_, owner)| Some(owner.asked()?.stack.clone()));
    let names = look::names(shell, &stack.unwrap_or_default());
    let symbol = shell.session.with_scene(|scene, _| scene.symbol_text(at));
    let maps = shell.session.selection().is_some().then(|| shell.session.mappings());
    let (_, story) = told(shell)?;
    let layout = story.layout(maps.as_deref());
    if json {
        let mut value = owner::owner_json(story, &layout, at, &names);
        value["malloc"] = place.map_or(Value::Null, |(survey, place)| place::place_json(survey, &place));
        return say_json(shell, &value);
    }
    let perms = maps.as_deref().and_then(|maps| maps::find(maps, at)).map(|mapping| mapping.perms);
    let asking = owner::Asking { at, symbol: symbol.as_deref(), perms };
    let mut text = owner::owner(story, &layout, asking, &names);
    if let Some((survey, place)) = place {
        text.push_str(&place::sentence(survey, &place, at));
    }
    shell.say(text);
    Ok(())
}

/// What the recorded calls of the selected process told (of the last one, after its end).
pub(super) fn told(shell: &Shell) -> Done<(Pid, &Story)> {
    let pid = look::pid(shell);
    pid.zip(shell.session.story()).ok_or(CommandError::Session(SessionError::NotRunning))
}

/// The process is gone, but not what was recorded of it.
fn with_hint(shell: &Shell, error: CommandError) -> CommandError {
    if shell.session.is_live() || told(shell).is_err() {
        return error;
    }
    CommandError::say(format!(
        "{error}\n  hint: explain, info growth, info blockers and info syscalls still tell what was recorded."
    ))
}

/// Prints one object on one line.
pub(super) fn say_json(shell: &mut Shell, value: &impl serde::Serialize) -> Done {
    let mut line = escape::json(value);
    line.push('\n');
    shell.put(line);
    Ok(())
}

fn number(text: &str) -> Done<Option<usize>> {
    let (word, rest) = first_word(text);
    nothing_else(rest)?;
    if word.is_empty() {
        return Ok(None);
    }
    let bad = || CommandError::say(format!("Invalid number \"{word}\"."));
    word.parse().map(Some).map_err(|_| bad())
}

pub(super) fn nothing_else(rest: &str) -> Done {
    match first_word(rest).0 {
        "" => Ok(()),
        word => Err(CommandError::say(format!("Invalid argument \"{word}\"."))),
    }
}

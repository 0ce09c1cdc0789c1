//! Moments of a run, named and compared: `mark`, `snapshot`, `diff`.
//!
//! ```text
//! (brkwater) mark A
//! Mark A: event 41, +0.011s; resident 1.2 MiB, live 132 KiB.
//! (brkwater) continue
//! …
//! (brkwater) diff
//! +37.0 MiB mapped for malloc between mark A and now (fallback +37.0 MiB): 37 requests, 1 distinct stack, 0 bytes given back.
//! ```
//!
//! A name is an event of the journal ([`crate::event::EventKind::Marked`]) with what was measured then, so it is gone with
//! the run. What two moments differ by is said in [`crate::report::diff`].

use super::args::{first_word, take_flag};
use super::error::{CommandError, Done};
use super::heap::{heap_json, nothing_else, say_json, told};
use super::look;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::Seq;
use crate::kernel::procfs;
use crate::report::Amounts;
use crate::report::diff::{self, Measured, Moment, named};
use crate::session::Moved;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["mark"],
        run: mark,
        help: "Mark this moment as A or B, to be compared by \"diff\".\n\
               Usage: mark [A|B]\n\
               Without a letter A is set, then B. A mark that is set again moves here.\n\
               At a stop what malloc has in use is measured with it.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["snapshot"],
        run: snapshot,
        help: "Give this moment a name, to be compared by \"diff\".\n\
               Usage: snapshot [NAME]\n\
               Usage: snapshot NAME|N\n\
               The second form goes there, in a recording: to the moment of this name, or to event N.\n\
               At a stop what malloc has in use is measured with it. \"info snapshots\" lists them.\n\
               In a recording it goes to the moment of that name or number.\n\
               They are forgotten when the program is run again.",
        takes: Takes::Moments,
    },
    Entry {
        names: &["diff"],
        run: diff,
        help: "Tell what differs between two moments of this run.\n\
               Usage: diff [A [B]] [-json]\n\
               A and B are marks, names of snapshots, numbers of events, or \"now\"; without the second it is mark B, or now\n\
               where that is not set or another moment than mark A was named.\n\
               It tells how much malloc has on both sides, by what it is and by who asked for it, and which regions came\n\
               and went. Where memory was placed and how much of it is live are told apart.\n\
               Two recordings are compared by \"brkwater diff\".",
        takes: Takes::Moments,
    },
];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["snapshots"],
    run: info_snapshots,
    help: "Moments of this run that have a name, marks included, with what was measured then.\n\
           Usage: info snapshots [-json]",
    takes: Takes::Nothing,
}];

fn mark(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    nothing_else(rest)?;
    let name = match word {
        "" => named::next_mark(shell.session.all_events()),
        word => named::mark(word)
            .ok_or_else(|| CommandError::say(format!("There are marks A and B, no \"{word}\".")))?,
    };
    note(shell, name)
}

fn snapshot(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    nothing_else(rest)?;
    if shell.session.moment().is_some() && !word.is_empty() {
        let there = moment(shell, word)?.seq;
        return super::recording::go(shell, Moved::To(there));
    }
    let name = match word {
        "" => named::fresh(shell.session.all_events()),
        word => named::name(word).map_err(CommandError::say)?,
    };
    note(shell, &name)
}

fn note(shell: &mut Shell, name: &str) -> Done {
    told(shell)?;
    if let Some(moment) = shell.session.moment() {
        return Err(CommandError::say(format!(
            "A recording is only looked at.\n  hint: its moments have numbers, this one is {}: \"diff 1 {}\".",
            moment.at.0, moment.at.0
        )));
    }
    let Measured { live, idle, .. } = measured(shell);
    if !shell.session.mark(name, live, idle) {
        return Err(CommandError::say(
            "A moment can only be named in the journal, and none is kept.\n  hint: set record journal on",
        ));
    }
    let text = named::noted(shell.session.all_events(), name);
    shell.say(text);
    Ok(())
}

/// What malloc's books say now, and the kernel; nothing of what has ended or cannot be read.
fn measured(shell: &mut Shell) -> Measured {
    let amounts = heap_json(shell).ok().and_then(|heap| Amounts::from_heap(&heap));
    let pid = shell.session.selection().filter(|_| shell.session.exists()).map(|selection| selection.pid);
    Measured {
        resident: pid.and_then(procfs::usage).map(|(_, rss)| rss),
        live: amounts.map(|of| of.live.saturating_add(of.mmapped)),
        idle: amounts.map(|of| of.free.saturating_add(of.cached).saturating_add(of.top)),
    }
}

fn diff(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    let (first, rest) = first_word(&rest);
    let (second, rest) = first_word(rest);
    nothing_else(rest)?;
    told(shell)?;
    let [a, b] = named::MARKS;
    let one = moment(shell, if first.is_empty() { a } else { first })?;
    let two = match second {
        // Marks belong together; what else was named is compared with how things stand.
        "" if named::mark(first) == Some(a) || first.is_empty() => {
            moment(shell, b).or_else(|_| now(shell))?
        }
        "" => now(shell)?,
        word => moment(shell, word)?,
    };
    let (pid, _) = told(shell)?;
    let names = look::joint_names(shell);
    let found = diff::moments(shell.session.all_events(), pid, &one, &two, &names);
    if json {
        return say_json(shell, &found);
    }
    shell.say(found.text());
    Ok(())
}

fn moment(shell: &mut Shell, word: &str) -> Done<Moment> {
    if word == "now" {
        return now(shell);
    }
    let (pid, _) = told(shell)?;
    // What comes after this moment of a recording can be compared with, too.
    named::find(shell.session.all_events(), pid, word).map_err(CommandError::say)
}

fn now(shell: &mut Shell) -> Done<Moment> {
    let measured = measured(shell);
    let seq = shell.session.events().last().map_or(Seq(0), |event| event.seq);
    Ok(Moment { name: "now".to_owned(), seq, measured })
}

fn info_snapshots(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    nothing_else(&rest)?;
    if json {
        let value = named::json(shell.session.all_events());
        return say_json(shell, &value);
    }
    let text = named::text(shell.session.all_events());
    shell.say(text);
    Ok(())
}

/// The moment that is being typed, behind those that stand already.
pub(super) fn complete(shell: &Shell, args: &str) -> Vec<String> {
    let start = args.rfind(' ').map_or(0, |at| at + 1);
    let (before, word) = args.split_at(start);
    let known = named::names(shell.session.all_events()).into_iter().chain(["now", "-json"]);
    known.filter(|name| name.starts_with(word)).map(|name| format!("{before}{name}")).collect()
}

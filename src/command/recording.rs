//! Recordings: `record FILE` while something runs, `record open FILE` afterwards, and going to and fro in one.
//!
//! ```text
//! (brkwater) record open run.rec
//! run.rec: /usr/bin/prog, 213 events, 3 stops. You are at event 213, the last.
//! (brkwater) record goto 41
//! Event 41 of 213: brk(0x26d3000) = 0x26b2000  [brk-refused]
//! #0  0x00007ffff7ed2c47 in brk () from /lib/x86_64-linux-gnu/libc.so.6
//! ```

use std::path::Path;

use super::args::first_word;
use super::error::{CommandError, Done};
use super::options::{expand, unquote};
use super::shell::Shell;
use super::stack::{self, Show};
use super::table::{Entry, Takes};
use super::threads;
use crate::addr::{Seq, human_size};
use crate::report::words::count;
use crate::report::{escape, happened};
use crate::session::{Moved, SessionError, Taped};

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["record", "rec"],
        run: record,
        help: "Record the run into a file, or look at one that was recorded.\n\
           Usage: record FILE\n\
           Usage: record stop\n\
           Usage: record open FILE [RUN]\n\
           Usage: record goto N | begin | end\n\
           FILE gets all events of this run with their stacks, and of each stop threads, registers and memory (set record\n\
           memory-limit). It can be opened without the process, elsewhere; it is good up to where it was cut.\n\
           In a recording \"continue\" goes to the next stop and \"reverse-continue\" to the one before; everything that looks\n\
           shows the run up to there.",
        takes: Takes::File,
    },
    BACK,
];

/// Goes back to the stop before, in a recording.
const BACK: Entry = Entry {
    names: &["reverse-continue", "rc"],
    run: |shell, _| match shell.session.moment() {
        Some(_) => go(shell, Moved::Back),
        None => super::refused::backwards(shell),
    },
    help: "In a recording go back to the stop before, or to the beginning.\nUsage: reverse-continue",
    takes: Takes::Nothing,
};

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["record", "rec"],
    run: info,
    help: "What is recorded, or where in a recording you are.",
    takes: Takes::Nothing,
}];

fn record(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    match word {
        "" if shell.session.selection().is_none() => Err(CommandError::say(
            "Process record: the program is not being run.\n  hint: \"record FILE\" begins a recording, also before \"run\"; \"record open FILE\" looks at one.",
        )),
        "" => Err(CommandError::say(
            "Argument required (a file to record into).\n  hint: \"record stop\" ends it, \"record open FILE\" looks at one.",
        )),
        "stop" | "s" => stop(shell),
        "open" => open(shell, rest),
        "goto" => goto(shell, rest),
        "begin" | "start" if shell.session.moment().is_some() => goto(shell, "begin"),
        "end" if shell.session.moment().is_some() => goto(shell, "end"),
        "full" | "btrace" | "function-call-history" | "instruction-history" | "delete" | "save" => {
            super::refused::backwards(shell)
        }
        _ => {
            let path = expand(&unquote(args));
            shell.session.start_recording(&path)?;
            shell.be_witness();
            shell.say(format!("Recording into '{}'.", path.display()));
            Ok(())
        }
    }
}

fn stop(shell: &mut Shell) -> Done {
    let none =
        || CommandError::say("No record target is active.\n  hint: \"record FILE\" begins a recording.");
    let (path, taped) = shell.session.end_recording().ok_or_else(none)?;
    shell.say(format!("Recorded {}.", extent(&path, &taped)));
    Ok(())
}

fn extent(path: &str, taped: &Taped) -> String {
    let events = count(taped.events, "event");
    let why = taped.failed.as_ref().map(|why| format!("; it has ended: {why}")).unwrap_or_default();
    format!("{events} into '{path}' ({}){why}", human_size(taped.bytes))
}

fn open(shell: &mut Shell, args: &str) -> Done {
    /// From so many bytes on somebody who waits is told that he does.
    const LARGE: u64 = 4 << 20;
    let (file, run) = match args.rsplit_once(' ') {
        Some((file, run)) if run.parse::<u32>().is_ok() => (file, run.parse().ok()),
        _ => (args, None),
    };
    if file.trim().is_empty() {
        return Err(CommandError::say("Argument required (a recording)."));
    }
    if shell.session.is_live() {
        if !shell.confirm("A program is being debugged already.  Kill it? ") {
            return Err(CommandError::say("Program not killed."));
        }
        shell.session.kill()?;
    }
    let path = expand(&unquote(file));
    let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
    if shell.options.interactive && size >= LARGE {
        shell.say(format!(
            "Reading '{}' ({}); Ctrl-C ends it where it is.",
            path.display(),
            human_size(size)
        ));
    }
    shell.session.open_recording(Path::new(&path), run)?;
    let Some(recording) = shell.session.replayed() else { return Ok(()) };
    let doubts = recording.doubts().to_vec();
    let (run, runs) = recording.run();
    let stops = count(recording.stops().count() as u64, "stop");
    let of = shell.session.moment().map_or(0, |moment| moment.of.1.0);
    let program = shell.session.story().map(|story| escape::plain(story.program())).unwrap_or_default();
    doubts.iter().for_each(|doubt| shell.complain(doubt));
    let several = if runs > 1 { format!(", run {run} of {runs}") } else { String::new() };
    shell.say(format!("{}: {program}{several}, {of} events, {stops} kept whole.", path.display()));
    tell(shell)
}

fn goto(shell: &mut Shell, args: &str) -> Done {
    let moved = match args.trim() {
        "" => return Err(CommandError::say("Command requires an argument (an event to go to).")),
        "begin" | "start" => Moved::Begin,
        "end" => Moved::End,
        number => match number.parse() {
            Ok(number) => Moved::To(Seq(number)),
            Err(_) => Moved::To(Seq(super::data::integer(shell, number)?.try_into().unwrap_or(0))),
        },
    };
    go(shell, moved)
}

/// Goes there, and shows what is there.
pub(super) fn go(shell: &mut Shell, moved: Moved) -> Done {
    let before = shell.session.moment();
    shell.session.go_to(moved)?;
    if matches!(moved, Moved::Forward | Moved::Back) && before == shell.session.moment() {
        shell.say("\nNo more reverse-execution history.");
    }
    tell(shell)
}

/// What happened here, and the frame.
fn tell(shell: &mut Shell) -> Done {
    let Some(moment) = shell.session.moment() else { return Err(SessionError::NoReplay.into()) };
    let last = shell.session.events().last().cloned();
    let what = last.as_ref().map(happened::event).unwrap_or_default();
    shell.say(format!("Event {} of {}: {what}", moment.at.0, moment.of.1.0));
    let left_out = shell.session.left_out();
    if left_out > 0 {
        shell.complain(format!(
            "warning: {} of memory were left out of this stop.\n  hint: \"set record memory-limit\" before recording keeps more.",
            human_size(left_out)
        ));
    }
    let has_frame = shell.session.selection().is_some_and(|selected| {
        shell.session.with_scene(|scene, _| !scene.frames(selected.tid, 1).frames.is_empty())
    });
    if has_frame {
        if shell.session.threads().len() > 1
            && let Some(selection) = shell.session.selection()
        {
            let (id, target) =
                (threads::id_of(shell, selection.tid), threads::target_id(shell, selection.tid));
            shell.say(format!("[Current thread is {id} ({target})]"));
        }
        stack::show_frame(shell, Show::Frame)?;
    }
    Ok(())
}

fn info(shell: &mut Shell, _: &str) -> Done {
    if let Some((path, taped)) = shell.session.recording() {
        shell.say(format!("Recording {}.", extent(&path, &taped)));
        return Ok(());
    }
    let (Some(moment), Some(recording)) = (shell.session.moment(), shell.session.replayed()) else {
        shell.say("No recording is currently active.");
        return Ok(());
    };
    let about = recording.about();
    let word =
        |key: &str| about.get(key).and_then(|value| value.as_str()).map(escape::plain).unwrap_or_default();
    let stops: Vec<String> = recording.stops().map(|seq| seq.0.to_string()).collect();
    let (run, runs) = recording.run();
    let mut text = format!("Replaying '{}', run {run} of {runs}.\n", escape::plain(recording.path()));
    text.push_str(&format!("Recorded by brkwater {} on Linux {}.\n", word("brkwater"), word("kernel")));
    text.push_str(&format!(
        "Event {} of {} to {}; {}.\n",
        moment.at.0,
        moment.of.0.0,
        moment.of.1.0,
        if moment.is_stop {
            "memory and registers are there"
        } else {
            "memory and registers are at stops only"
        }
    ));
    match stops.is_empty() {
        true => text.push_str("No stop was kept.\n"),
        false => text.push_str(&format!("Stops with memory: {}.\n", stops.join(", "))),
    }
    for doubt in recording.doubts() {
        text.push_str(&format!("{doubt}\n"));
    }
    shell.say(text);
    Ok(())
}

//! Moments of a run by the words that people have for them: marks, snapshots, event numbers.

use serde_json::{Value, json};

use super::{Measured, Moment};
use crate::addr::{Pid, Seq};
use crate::event::{Event, EventKind};
use crate::report::escape::plain;
use crate::report::tables::Table;
use crate::report::words::{moment, size};

/// The names of the two marks.
pub const MARKS: [&str; 2] = ["A", "B"];

/// The named moments of a run, the latest of each name, in their order.
fn named(events: &[Event]) -> Vec<(&Event, &str, Measured)> {
    let mut all: Vec<(&Event, &str, Measured)> = Vec::new();
    for event in events {
        if let EventKind::Marked { name, rss, live, idle } = &event.kind {
            all.retain(|(_, other, _)| *other != name.as_str());
            all.push((event, name.as_str(), Measured { resident: *rss, live: *live, idle: *idle }));
        }
    }
    all
}

/// The names that moments of this run have.
#[must_use]
pub fn names(events: &[Event]) -> Vec<&str> {
    named(events).into_iter().map(|(_, name, _)| name).collect()
}

/// A name that a moment may get, cleaned: `a` is `A`. A number would be an event's.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn name(word: &str) -> Result<String, String> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "\"snapshot {word}\" would go to event {word}, which only a recording can; a name must not be a number."
        ));
    }
    let fine = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let starts = word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    if !starts || !word.chars().all(fine) || word == "now" {
        let word = plain(word);
        return Err(format!(
            "\"{word}\" is no name: letters, digits, \"_\", \"-\" and \".\", a letter first, and not \"now\"."
        ));
    }
    Ok(mark(word).map_or_else(|| word.to_owned(), str::to_owned))
}

/// The mark that a word means: `A` for `a`.
#[must_use]
pub fn mark(word: &str) -> Option<&'static str> {
    MARKS.into_iter().find(|mark| mark.eq_ignore_ascii_case(word))
}

/// The mark that `mark` sets when it is not told which: A, and then B until both are set.
#[must_use]
pub fn next_mark(events: &[Event]) -> &'static str {
    let set = |mark: &str| named(events).iter().any(|(_, name, _)| *name == mark);
    if set(MARKS[0]) && !set(MARKS[1]) { MARKS[1] } else { MARKS[0] }
}

/// A name that no snapshot has: `s1`, `s2`.
#[must_use]
pub fn fresh(events: &[Event]) -> String {
    let taken = named(events);
    let free = |name: &String| taken.iter().all(|(_, other, _)| other != name);
    (1..=taken.len() + 1).map(|number| format!("s{number}")).find(free).unwrap_or_default()
}

/// The moment that a word means for a process: a mark, a snapshot's name or an event's number. What was measured of
/// another process is left out.
///
/// # Errors
/// That there is none, as a sentence.
pub fn find(events: &[Event], pid: Pid, word: &str) -> Result<Moment, String> {
    if let Ok(number) = word.parse::<u64>() {
        let last = events.last().map_or(0, |event| event.seq.0);
        if number == 0 || number > last {
            return Err(format!("There is no event {number}: the last one is {last}."));
        }
        let seq = Seq(number);
        return Ok(Moment { name: format!("event {number}"), seq, measured: Measured::default() });
    }
    let wanted = mark(word).unwrap_or(word);
    let found = named(events).into_iter().find(|(_, name, _)| *name == wanted);
    let (event, _, measured) = found.ok_or_else(|| {
        let kind = if mark(word).is_some() { "mark" } else { "snapshot" };
        let how = if mark(word).is_some() { format!("\"mark {wanted}\" sets it") } else { LIST.to_owned() };
        format!("No {kind} \"{}\" in this run.\n  hint: {how}.", plain(wanted))
    })?;
    let measured = if event.pid == pid { measured } else { Measured::default() };
    Ok(Moment { name: called(wanted), seq: event.seq, measured })
}

const LIST: &str = "\"info snapshots\" lists them";

/// `mark A`, `snapshot before`.
#[must_use]
pub fn called(name: &str) -> String {
    let kind = if MARKS.contains(&name) { "mark" } else { "snapshot" };
    format!("{kind} {}", plain(name))
}

/// What was noted, in a line: `Mark A: event 41, +0.011s; resident 1.2 MiB, live 132 KiB.`
#[must_use]
pub fn noted(events: &[Event], name: &str) -> String {
    let Some((event, _, measured)) = named(events).into_iter().find(|(_, other, _)| *other == name) else {
        return String::new();
    };
    let parts = [("resident", measured.resident), ("live", measured.live)];
    let known: Vec<String> = parts
        .iter()
        .filter_map(|(what, bytes)| bytes.map(|bytes| format!("{what} {}", size(bytes))))
        .collect();
    let known = if known.is_empty() { String::new() } else { format!("; {}", known.join(", ")) };
    let called = called(name);
    let (first, rest) = called.split_at(1);
    format!("{}{rest}: event {}, {}{known}.\n", first.to_uppercase(), event.seq, moment(event.t))
}

/// `info snapshots` as text.
#[must_use]
pub fn text(events: &[Event]) -> String {
    let all = named(events);
    if all.is_empty() {
        return "No snapshots.\n".to_owned();
    }
    let mut table = Table::new(&["Name", "Event", "Time", "Resident", "Live", "Free"], 5);
    for (event, name, measured) in all {
        let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), size);
        let Measured { resident, live, idle } = measured;
        let (seq, t) = (event.seq.to_string(), moment(event.t));
        table.row([plain(name), seq, t, bytes(resident), bytes(live), bytes(idle)]);
    }
    table.text()
}

/// `info snapshots -json`: schema `brkwater.snapshots/1`.
#[must_use]
pub fn json(events: &[Event]) -> Value {
    let all: Vec<Value> = named(events)
        .into_iter()
        .map(|(event, name, measured)| {
            json!({"name": name, "seq": event.seq, "t": event.t, "pid": event.pid, "measured": measured})
        })
        .collect();
    json!({"schema": "brkwater.snapshots/1", "snapshots": all})
}

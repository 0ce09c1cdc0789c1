//! `info syscalls`: the memory calls that were recorded, in strace's words, each with what it meant.
//!
//! ```text
//!     7  +0.012s  brk(0x26d3000) = 0x26b2000   [brk-refused]  CRYPTO_malloc (mem.c:198)
//! ```

use serde_json::{Value, json};

use super::event::call_json;
use super::owner::Names;
use super::tables::label_word;
use super::words::{count, moment, place, planter};
use crate::addr::Pid;
use crate::event::{CallRecord, Event, EventKind, Label};
use crate::heap::story::{Blocker, Story};

/// The latest `most` memory calls of a process, oldest first, and how many came before them.
#[must_use]
pub fn latest(events: &[Event], pid: Pid, most: usize) -> (Vec<&Event>, usize) {
    let is_call = |event: &&Event| event.pid == pid && matches!(event.kind, EventKind::Call(_));
    let mut calls: Vec<&Event> = events.iter().filter(is_call).collect();
    let earlier = calls.len().saturating_sub(most);
    calls.drain(..earlier);
    (calls, earlier)
}

/// Who made a call: the recorded site, or for a blocker whose planter left the stack the one that was inferred.
/// Nothing for the loader's calls, which all come from one place.
#[must_use]
pub fn site(story: &Story, event: &Event, record: &CallRecord) -> Option<String> {
    let is_it = |blocker: &&Blocker| blocker.planted.as_ref().is_some_and(|asked| asked.seq == event.seq);
    if let Some(blocker) = story.blockers().iter().rev().find(is_it) {
        return planter(blocker);
    }
    record.site.as_ref().filter(|_| record.label != Label::Loader).map(place)
}

/// `info syscalls` as text.
#[must_use]
pub fn text(story: &Story, calls: &[&Event], earlier: usize) -> String {
    if calls.is_empty() {
        return "No memory call was recorded.\n".to_owned();
    }
    let mut text = String::new();
    if earlier > 0 {
        let all = earlier + calls.len();
        let before = count(earlier as u64, "earlier call");
        text.push_str(&format!("({before} not shown; \"info syscalls {all}\" shows all)\n"));
    }
    let several = calls.iter().any(|event| event.tid != calls[0].tid);
    for event in calls {
        let EventKind::Call(record) = &event.kind else { continue };
        let thread = if several { format!("  {}", event.tid) } else { String::new() };
        let site = site(story, event, record).map(|site| format!("  {site}")).unwrap_or_default();
        let (call, label) = (crate::syscalls::text(&record.call), label_word(record.label));
        let (number, when) = (event.seq.0, moment(event.t));
        text.push_str(&format!("{number:>5}  {when}{thread}  {call}  [{label}]{site}\n"));
    }
    text
}

/// `info syscalls -json`: schema `brkwater.syscalls/1`; each call is a `brkwater.event/1`.
#[must_use]
pub fn calls_json(calls: &[&Event], earlier: usize, names: Names<'_>) -> Value {
    let all: Vec<Value> = calls.iter().filter_map(|event| call_json(event, names)).collect();
    json!({"schema": "brkwater.syscalls/1", "earlier": earlier, "calls": all})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::story::testing::{PID, Run};

    #[test]
    fn the_latest_calls_are_told_in_order() {
        let run = Run::nginx_until(37);
        let (calls, earlier) = latest(&run.events, PID, 5);
        insta::assert_snapshot!("syscalls", text(&run.story, &calls, earlier));
        let all = calls_json(&calls, earlier, &|_| Vec::new());
        assert_eq!(all["calls"].as_array().map(Vec::len), Some(5));
        assert_eq!(text(&run.story, &[], 0), "No memory call was recorded.\n");
    }
}

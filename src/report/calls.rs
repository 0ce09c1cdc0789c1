//! `info syscalls`: the memory calls that were recorded, in strace's words, each with what it meant.
//!
//! ```text
//!     7  +0.012s  brk(0x26d3000) = 0x26b2000   [brk-refused]  CRYPTO_malloc (mem.c:198)
//! ```

use serde_json::{Value, json};

use super::event::call_json;
use super::owner::Names;
use super::tables::label_word;
use super::words::{count, moment, place};
use crate::addr::Pid;
use crate::event::{CallRecord, Event, EventKind};

/// The latest `most` memory calls of a process, oldest first, and how many came before them.
#[must_use]
pub fn latest(events: &[Event], pid: Pid, most: usize) -> (Vec<&Event>, usize) {
    let is_call = |event: &&Event| event.pid == pid && matches!(event.kind, EventKind::Call(_));
    let mut calls: Vec<&Event> = events.iter().filter(is_call).collect();
    let earlier = calls.len().saturating_sub(most);
    calls.drain(..earlier);
    (calls, earlier)
}

/// `info syscalls` as text.
#[must_use]
pub fn text(calls: &[&Event], earlier: usize) -> String {
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
        text.push_str(&line(event, record, several));
        text.push('\n');
    }
    text
}

fn line(event: &Event, record: &CallRecord, with_thread: bool) -> String {
    let thread = if with_thread { format!("  {}", event.tid) } else { String::new() };
    let call = crate::syscalls::text(&record.call);
    let site = record.site.as_ref().map(|site| format!("  {}", place(site))).unwrap_or_default();
    format!("{:>5}  {}{thread}  {call}  [{}]{site}", event.seq.0, moment(event.t), label_word(record.label))
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
        let (calls, earlier) = latest(&run.events, PID, 3);
        insta::assert_snapshot!("syscalls", text(&calls, earlier));
        let all = calls_json(&calls, earlier, &|_| Vec::new());
        assert_eq!(all["calls"].as_array().map(Vec::len), Some(3));
        assert_eq!(text(&[], 0), "No memory call was recorded.\n");
    }
}

//! One event as one line of JSON: `brkwater.event/1`, what `brkwater trace --json` prints.

use serde_json::{Value, json};

use super::escape;
use super::owner::Names;
use super::tables::frame_json;
use crate::event::{CallRecord, Event, EventKind};
use crate::syscalls::{self, args};

/// A memory call's line; `None` for any other event. `names` gives the frames of the recorded return
/// addresses; where it gives none the bare address stands.
#[must_use]
pub fn call_json(event: &Event, names: Names<'_>) -> Option<Value> {
    let EventKind::Call(record) = &event.kind else { return None };
    let (arguments, ret) = args::json(&record.call);
    Some(json!({
        "schema": "brkwater.event/1", "seq": event.seq, "t": event.t, "pid": event.pid, "tid": event.tid,
        "syscall": args::name(&record.call), "args": arguments, "ret": ret, "label": record.label,
        "cause": cause_json(record), "allocator": record.allocator,
        "site": record.site.as_ref().map(frame_json), "stack": stack_json(record, names),
    }))
}

/// Another recorded call's line: its registers as numbers in hex, and the whole of it in strace's form.
#[must_use]
pub fn syscall_json(event: &Event) -> Option<Value> {
    let EventKind::Syscall(record) = &event.kind else { return None };
    let registers: Vec<String> = record.call.args.iter().map(|arg| format!("{arg:#x}")).collect();
    Some(json!({
        "schema": "brkwater.event/1", "seq": event.seq, "t": event.t, "pid": event.pid, "tid": event.tid,
        "syscall": syscalls::name(record.call.nr), "registers": registers, "ret": record.ret,
        "text": escape::plain(&record.text()),
    }))
}

fn stack_json(record: &CallRecord, names: Names<'_>) -> Vec<Value> {
    let named = |address: &crate::addr::Addr| {
        let frames = names(*address);
        let bare = json!({"address": address});
        if frames.is_empty() { vec![bare] } else { frames.iter().map(frame_json).collect() }
    };
    record.stack.iter().flat_map(named).collect()
}

/// `{"kind":"occupied","blocker":["0x…","0x…"],"planted_by":4}`.
pub(super) fn cause_json(record: &CallRecord) -> Value {
    record.cause.as_ref().map_or(Value::Null, cause)
}

/// A cause, with the blocker as a pair of addresses.
#[must_use]
pub fn cause(cause: &crate::event::Cause) -> Value {
    use crate::event::Cause;
    match cause {
        Cause::Occupied { blocker, planted_by } => {
            json!({"kind": "occupied", "blocker": [blocker.start, blocker.end], "planted_by": planted_by})
        }
        Cause::Limit { name, value, used } => {
            json!({"kind": "limit", "name": name, "value": value, "used": used})
        }
        Cause::Overcommit { mode, used, limit } => {
            json!({"kind": "overcommit", "mode": mode, "used": used, "limit": limit})
        }
        Cause::MapCount { count, limit } => {
            json!({"kind": "map-count", "count": count, "limit": limit})
        }
        Cause::BeyondEnd { end } => json!({"kind": "beyond-end", "end": end}),
        Cause::Errno { errno } => json!({"kind": "errno", "errno": errno}),
        Cause::BelowStart => json!({"kind": "below-start"}),
        Cause::Unknown => json!({"kind": "unknown"}),
    }
}

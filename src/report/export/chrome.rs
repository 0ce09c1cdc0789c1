//! The run as Chrome's trace events (JSON), which ui.perfetto.dev and chrome://tracing read: memory calls as instants on
//! their threads, with stack and meaning; heap, fallback, large blocks and resident bytes as counters.
//!
//! Calls are instants because only the moment of their return is recorded: a width would be made up.

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::super::escape;
use super::super::words::file_name;
use super::page::{Happening, Page, StackLines};

/// The file, one event a line.
pub(super) fn write(page: &Page) -> String {
    let mut stacks = StackLines::of(page);
    // Each is text at once: a long run has more events than should be in memory as objects.
    let timed = page.events.iter().filter_map(|event| instant(event, &mut stacks));
    let mut timed: Vec<(f64, String)> = timed.map(|(t, event)| (t, escape::json(&event))).collect();
    timed.extend(counters(page).into_iter().map(|(t, event)| (t, escape::json(&event))));
    timed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lines: Vec<String> = names(page).iter().map(escape::json).collect();
    lines.extend(timed.into_iter().map(|(_, event)| event));
    let about = json!({"schema": "brkwater.trace/1", "version": env!("CARGO_PKG_VERSION"), "title": page.document.title});
    format!(
        "{{\"displayTimeUnit\":\"ms\",\"otherData\":{},\"traceEvents\":[\n{}\n]}}\n",
        escape::json(&about),
        lines.join(",\n")
    )
}

/// Metadata: what processes and threads are called.
fn names(page: &Page) -> Vec<Value> {
    let mut threads: Vec<(i32, i32)> = page.events.iter().map(|event| (event.pid, event.tid)).collect();
    threads.sort_unstable();
    threads.dedup();
    let program =
        page.events.iter().rev().find(|event| matches!(event.kind, "started" | "attached" | "execed"));
    let program = program.map_or("process", |event| file_name(&event.text));
    let mut all = Vec::new();
    let mut named = None;
    for (pid, tid) in threads {
        if named.replace(pid) != Some(pid) {
            all.push(
                json!({"name": "process_name", "ph": "M", "pid": pid, "tid": tid, "args": {"name": program}}),
            );
        }
        let name = if pid == tid { program.to_owned() } else { format!("thread {tid}") };
        all.push(json!({"name": "thread_name", "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}));
    }
    all
}

fn instant<'a>(event: &'a Happening, stacks: &mut StackLines<'a>) -> Option<(f64, Value)> {
    if event.kind == "usage" {
        return None;
    }
    let is_call = event.kind == "call";
    let mut args = json!({"seq": event.seq});
    let mut set = |key: &str, value: Value| args[key] = value;
    if is_call {
        set("call", json!(event.text));
        set("stack", json!(stacks.line(&event.stack)));
        for (key, value) in [("site", &event.site), ("cause", &event.cause), ("allocator", &event.allocator)]
        {
            if !value.is_empty() {
                set(key, json!(value));
            }
        }
    } else if !event.text.is_empty() {
        set("what", json!(event.text));
    }
    let name = if is_call { format!("{} {}", event.call, event.label) } else { event.kind.to_owned() };
    let value = json!({
        "name": name, "cat": if is_call { "memory" } else { "process" }, "ph": "i", "ts": micros(event.t),
        "pid": event.pid, "tid": event.tid, "s": if is_call { "t" } else { "p" }, "args": args,
    });
    Some((event.t, value))
}

fn counters(page: &Page) -> Vec<(f64, Value)> {
    let Some(pid) = page.events.first().map(|event| event.pid) else { return Vec::new() };
    let mut all = Vec::new();
    let mut last: FxHashMap<&str, Value> = FxHashMap::default();
    for point in &page.points {
        let mut counter = |name: &'static str, args: Value| {
            if last.get(name) != Some(&args) {
                last.insert(name, args.clone());
                let ts = micros(point.t);
                let event = json!({"name": name, "ph": "C", "ts": ts, "pid": pid, "tid": pid, "args": args});
                all.push((point.t, event));
            }
        };
        let args = json!({"heap": point.heap, "fallback": point.fallback, "large blocks": point.chunks});
        counter("malloc's mappings (bytes)", args);
        if let Some(rss) = point.rss {
            counter("resident (bytes)", json!({"rss": rss}));
        }
    }
    all
}

/// Seconds as microseconds, the unit of the format.
fn micros(t: f64) -> f64 {
    (t * 1e9).round() / 1e3
}

//! Growth by stack for speedscope (<https://www.speedscope.app/file-format-schema.json>): one sampled profile for each
//! kind of call, the largest first and the loader's last, with the bytes that the kernel gave as weights.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::super::escape;
use super::page::{Page, Stack};
use crate::event::StackFrame;

/// The file; an empty run has one profile without samples, because a reader wants one.
pub(super) fn write(page: &Page) -> String {
    let mut frames = Frames::default();
    let mut kinds: BTreeMap<&str, Vec<&Stack>> = BTreeMap::new();
    for stack in page.stacks.iter().filter(|stack| stack.bytes > 0) {
        kinds.entry(&stack.label).or_default().push(stack);
    }
    let mut profiles: Vec<(u64, Value)> =
        kinds.iter().map(|(label, stacks)| profile(label, stacks, page, &mut frames)).collect();
    if page.others.1 > 0 {
        let sample = vec![frames.number(page, &StackFrame::default(), "[other stacks]")];
        profiles.push(sampled("other stacks", vec![sample], vec![page.others.1]));
    }
    if profiles.is_empty() {
        profiles.push(sampled("no growth", Vec::new(), Vec::new()));
    }
    // The files that the loader maps are seldom what is asked for.
    profiles.sort_by_key(|(bytes, profile)| (profile["name"] == "loader", std::cmp::Reverse(*bytes)));
    let all: Vec<Value> = profiles.into_iter().map(|(_, profile)| profile).collect();
    let file = json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "name": page.document.title, "activeProfileIndex": 0,
        "exporter": concat!("brkwater@", env!("CARGO_PKG_VERSION")),
        "shared": {"frames": frames.list}, "profiles": all,
    });
    escape::json(&file) + "\n"
}

fn profile(label: &str, stacks: &[&Stack], page: &Page, frames: &mut Frames) -> (u64, Value) {
    let sample = |stack: &&Stack| {
        let found = page.root_first(stack);
        let mut numbers: Vec<usize> = found.iter().map(|frame| frames.number(page, frame, "")).collect();
        if numbers.is_empty() {
            numbers.push(frames.number(page, &StackFrame::default(), "[no stack]"));
        }
        numbers
    };
    let samples = stacks.iter().map(sample).collect();
    sampled(label, samples, stacks.iter().map(|stack| stack.bytes).collect())
}

fn sampled(name: &str, samples: Vec<Vec<usize>>, weights: Vec<u64>) -> (u64, Value) {
    let sum = weights.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
    let profile = json!({
        "type": "sampled", "name": name, "unit": "bytes", "startValue": 0, "endValue": sum,
        "samples": samples, "weights": weights,
    });
    (sum, profile)
}

/// The shared frames: each function of a file once.
#[derive(Default)]
struct Frames {
    list: Vec<Value>,
    numbers: FxHashMap<(String, Option<String>, Option<u32>), usize>,
}

impl Frames {
    fn number(&mut self, page: &Page, frame: &StackFrame, instead: &str) -> usize {
        let name = if instead.is_empty() { page.frame_name(frame) } else { instead.to_owned() };
        let file = frame.file.as_deref().or(frame.module.as_deref());
        let line = frame.line.filter(|line| *line > 0 && frame.file.is_some());
        let key = (name, file.map(str::to_owned), line);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let mut value = json!({"name": key.0});
        if let Some(file) = &key.1 {
            value["file"] = json!(file);
        }
        if let Some(line) = key.2 {
            value["line"] = json!(line);
        }
        self.list.push(value);
        self.numbers.insert(key, self.list.len() - 1);
        self.list.len() - 1
    }
}

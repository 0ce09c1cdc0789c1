//! Growth by stack as folded stacks: `main;work;malloc;sysmalloc;mmap64;[fallback] 135168`, outermost function first, then
//! what the call was, and behind the last blank the bytes that the kernel gave.
//!
//! `;` parts functions, so inside of a name it becomes `:`, as flamegraph.pl's collectors do. Functions of one name in
//! several files are told apart by the file.

use std::collections::{BTreeMap, BTreeSet};

use super::super::escape::plain;
use super::super::words::file_name;
use super::page::Page;
use crate::event::StackFrame;

/// One line for each stack that got memory, in order.
pub(super) fn write(page: &Page) -> String {
    let names = Names::of(page);
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    let mut add = |line: String, bytes: u64| {
        if bytes > 0 {
            let sum = lines.entry(line).or_default();
            *sum = sum.saturating_add(bytes);
        }
    };
    for stack in &page.stacks {
        let frames = page.root_first(stack);
        let mut frames: Vec<String> = frames.iter().map(|frame| names.name(page, frame)).collect();
        if frames.is_empty() {
            frames.push("[no stack]".to_owned());
        }
        add(format!("{};[{}]", frames.join(";"), stack.label), stack.bytes);
    }
    add("[other stacks]".to_owned(), page.others.1);
    lines.iter().map(|(line, bytes)| format!("{line} {bytes}\n")).collect()
}

/// Names under which functions of several files cannot be mistaken for each other.
struct Names {
    /// For each name that more than one file has.
    shared: BTreeSet<String>,
}

impl Names {
    fn of(page: &Page) -> Names {
        let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for frame in page.stacks.iter().flat_map(|stack| page.root_first(stack)) {
            homes.entry(page.frame_name(&frame)).or_default().insert(home(&frame));
        }
        let shared = homes.into_iter().filter(|(_, homes)| homes.len() > 1);
        Names { shared: shared.map(|(name, _)| name).collect() }
    }

    fn name(&self, page: &Page, frame: &StackFrame) -> String {
        let mut name = page.frame_name(frame);
        if self.shared.contains(&name) {
            name = format!("{name} ({})", home(frame));
        }
        plain(&name).replace(';', ":")
    }
}

/// The source file of a function, or the mapped one.
fn home(frame: &StackFrame) -> String {
    let path = frame.file.as_deref().or(frame.module.as_deref());
    path.map(file_name).unwrap_or("?").to_owned()
}

//! The functions at an address, inlined ones too, for the stacks of events: by addr2line.
//!
//! It reads all units of what it is given, and their abbreviations, before it answers once. A stack touches few units, so
//! each is given to it alone; only where a unit refers to others it gets the whole file.

use std::sync::{Arc, Mutex, PoisonError};

use addr2line::{Context, LookupContinuation, LookupResult};
use rustc_hash::FxHashMap;

use super::Slice;
use super::debug::DebugInfo;
use super::printed;
use crate::addr::FileAddr;
use crate::event::StackFrame;

/// What addr2line knows of each unit by its index, or of the whole file.
#[derive(Default)]
pub(super) struct Contexts(Mutex<Known>);

#[derive(Default)]
struct Known {
    whole: Option<Option<Context<Slice>>>,
    /// Nothing for a unit that needs the whole.
    units: FxHashMap<usize, Option<Context<Slice>>>,
}

impl Known {
    fn context(&mut self, debug: &DebugInfo, index: usize) -> Option<&Context<Slice>> {
        let own = self.units.entry(index).or_insert_with(|| {
            let alone = debug.stands_alone(index).then(|| debug.alone(index)).flatten()?;
            Context::from_arc_dwarf(alone).ok()
        });
        let whole = || Context::from_arc_dwarf(Arc::clone(&debug.dwarf)).ok();
        own.as_ref().or_else(|| self.whole.get_or_insert_with(whole).as_ref())
    }
}

impl Contexts {
    /// The functions at `pc` with file and line, innermost inlined one first.
    pub(super) fn frames(&self, debug: &DebugInfo, pc: FileAddr) -> Vec<StackFrame> {
        let mut all = Vec::new();
        let Some(index) = debug.unit_index_at(pc) else { return all };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(context) = known.context(debug, index) else { return all };
        // addr2line puts the unit's directory in front of names; people know a file by the name alone.
        let directory = debug.unit(index).and_then(|unit| unit.comp_dir);
        let directory = directory.map(|dir| format!("{}/", dir.to_string_lossy())).unwrap_or_default();
        let mut lookup = context.find_frames(pc.0);
        let frames = loop {
            lookup = match lookup {
                LookupResult::Output(frames) => break frames,
                LookupResult::Load { load, continuation } => {
                    continuation.resume(debug.split_unit(load.dwo_id).and_then(|unit| debug.alone(unit)))
                }
            };
        };
        let Ok(mut frames) = frames else { return all };
        while let Ok(Some(frame)) = frames.next() {
            let name = frame
                .function
                .as_ref()
                .and_then(|f| f.raw_name().ok())
                .map(|n| printed::function(&n).unwrap_or_else(|| n.into_owned()));
            let location = frame.location.as_ref();
            all.push(StackFrame {
                function: name,
                file: location
                    .and_then(|l| l.file)
                    .map(|f| f.strip_prefix(&*directory).unwrap_or(f).to_owned()),
                line: location.and_then(|l| l.line),
                ..StackFrame::default()
            });
        }
        // Of several rows at one address the last one counts, as in gdb; addr2line takes the first.
        if let (Some(innermost), Some(row)) = (all.first_mut(), debug.line_at(pc)) {
            (innermost.file, innermost.line) = (Some(row.file.to_string()), Some(row.line));
        }
        all
    }
}

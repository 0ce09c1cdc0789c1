//! Recordings for tests: a program run by lines of the command language, with its events in a file.

use std::path::Path;

use brkwater::event::Event;
use brkwater::recording::{Recording, Writer};

use super::Debugger;

/// Records what a program does that is run by these lines.
pub(crate) fn record(file: &Path, lines: &[&str], program: &[&str]) {
    let debugger = Debugger::brkwater().limit(120).flag("--strict").ex(&format!("record {}", file.display()));
    let debugger = lines.iter().fold(debugger, |debugger, line| debugger.ex(line));
    debugger.args(program).exits(0).must_not_have("warning:");
}

/// What a recording has.
pub(crate) fn events(file: &Path) -> Vec<Event> {
    Recording::open(file, None).unwrap().events().to_vec()
}

/// A recording of these events.
pub(crate) fn write(file: &Path, events: &[Event]) {
    let about = serde_json::json!({"program": "of a test"});
    let mut writer = Writer::new(std::fs::File::create(file).unwrap(), &about).unwrap();
    for event in events {
        writer.event(event.clone()).unwrap();
    }
    writer.end().unwrap();
}

//! Recordings for tests: a program run under an engine of its own by lines of the command language, its events in a file.

use std::path::Path;

use brkwater::command;
use brkwater::event::Event;
use brkwater::kernel::spawn;
use brkwater::recording::Writer;
use brkwater::session::handle;
use brkwater::session::protocol::{Note, Request};

/// The events of a program that is run by these lines; `file` and `set args` come first.
pub(crate) fn events(lines: &[&str], program: &[&str]) -> Vec<Event> {
    let (stream, engine) = spawn::engine(command::serve).unwrap();
    let (sender, mut receiver) = handle::join(stream).unwrap();
    let mut all: Vec<String> =
        ["set confirm off", "set width 0", "set reconnect-timeout 0"].map(str::to_owned).to_vec();
    all.push(format!("file {}", program[0]));
    all.push(format!("set args {} >/dev/null", program[1..].join(" ")));
    all.extend(lines.iter().map(|line| (*line).to_owned()));
    let (mut events, mut said) = (Vec::new(), String::new());
    for (id, text) in (0..).zip(all) {
        sender.send(&Request::Line { id, text }).unwrap();
        loop {
            match receiver.receive().unwrap() {
                Some(Note::Event(event)) => events.push(event),
                Some(Note::Output { text, .. }) => said.push_str(&text),
                Some(Note::Ask { default, .. }) => {
                    sender.send(&Request::Answer { text: Some(default) }).unwrap();
                }
                Some(Note::Sync(number)) => sender.send(&Request::Synced(number)).unwrap(),
                Some(Note::Dropped(many)) => panic!("{many} events were left out"),
                Some(Note::Done { id: done, ok, .. }) if done == id => {
                    assert!(ok, "a line failed:\n{said}");
                    break;
                }
                Some(_) => {}
                None => panic!("the engine is gone; it had said:\n{said}"),
            }
        }
    }
    sender.send(&Request::Quit).unwrap();
    while let Ok(Some(_)) = receiver.receive() {}
    let _ = spawn::wait_for_engine(engine);
    events
}

/// The same, written to a file.
pub(crate) fn record(file: &Path, lines: &[&str], program: &[&str]) {
    write(file, &events(lines, program));
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

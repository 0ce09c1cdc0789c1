//! The demo: from nothing to the answer with one command.

use std::process::Command;
use std::time::Duration;

use crate::common::process::finish;
use crate::common::{brkwater_path, scratch};

#[test]
fn the_demo_tells_the_whole_story_as_text() {
    let mut command = Command::new(brkwater_path());
    command.args(["demo", "--batch"]).current_dir(scratch("demo"));
    let output = finish(command, Duration::from_secs(60));
    output.exits(0);
    // The chain's stop, with the frames from malloc's inside to main.
    for frame in [
        "parse_certificate (subject=",
        "load_bundle (path=",
        "\"bundle.pem\")",
        "configure_location (",
        "main (argc=",
        "demo.c:",
    ] {
        output.must_have(frame);
    }
    output.must_have("reserve_low_memory").must_have("refused");
    for tag in ["[recorded]", "[measured]"] {
        output.must_have(tag);
    }
}

/// Its source is inside brkwater: nothing else on the machine has it.
#[test]
fn the_demo_s_source_is_found() {
    let mut command = Command::new(brkwater_path());
    command.args(["demo", "--batch", "-ex", "list load_bundle"]).current_dir(scratch("demo_source"));
    let output = finish(command, Duration::from_secs(60));
    output.must_have("Reads a bundle").must_not_have("demo.c: No such file or directory.");
}

/// It leaves nothing behind.
#[test]
fn the_demo_cleans_up() {
    let dir = scratch("demo_clean");
    let mut command = Command::new(brkwater_path());
    command.args(["demo", "--batch"]).env("TMPDIR", &dir).current_dir(&dir);
    finish(command, Duration::from_secs(60)).exits(0);
    let left: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

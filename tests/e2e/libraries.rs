//! The libraries of a target, beside gdb: `info sharedlibrary`.

use std::process::Command;

use crate::common::compare::{differences, must_equal};
use crate::common::process::Running;
use crate::common::{Debugger, have, scratch, target};

#[test]
fn libraries_are_listed_as_in_gdb() {
    if !have("gdb") {
        return;
    }
    let stripped = scratch("libraries").join("plain.so").to_str().unwrap().to_owned();
    let done =
        Command::new("objcopy").args(["--strip-debug", &target("plugin"), &stripped]).status().unwrap();
    assert!(done.success());
    let script = [
        "info sharedlibrary",
        "info sharedlibrary x",
        "info sharedlibrary [",
        "break plugin_entry",
        "tbreak main",
        "run",
        "info sharedlibrary",
        "info dll libc",
        "continue",
        "info sharedlibrary",
        "info sharedlibrary plug.*n$",
        "info sharedlibrary plain",
        "info sharedlibrary ^/lib.*c.so",
        "info sharedlibrary \\(ld\\|libc\\).*6",
        "info sharedlibrary LIBC",
        "info sharedlibrary nosuch",
        "info sharedlibrary a(",
        "info sharedlibrary *",
    ];
    // Of a program that has ended gdb still lists the loader, at an address where nothing is any more: not asked here.
    for library in [&target("plugin"), &stripped] {
        must_equal(&[&target("host"), library], &[&script]);
    }
}

#[test]
fn libraries_of_a_target_that_was_attached_to_are_listed_as_in_gdb() {
    if !have("gdb") {
        return;
    }
    let mut command = Command::new(target("ticker"));
    command.arg("0");
    let running = Running::start(command);
    running.line();
    let pid = running.pid().to_string();
    let script = ["info sharedlibrary", "info sharedlibrary libc"];
    let said = |debugger: Debugger| debugger.blocks(&script).plain(&["-p", &pid]);
    let (ours, theirs) = (said(Debugger::brkwater()), said(Debugger::gdb()));
    for index in 0..script.len() {
        let found = differences(ours.block(index), theirs.block(index));
        assert!(found.is_empty() && theirs.block(index).contains("libc.so.6"), "{found:#?}");
    }
}

//! What the benches share: compiling their C programs, running commands, medians, a table.

#![allow(dead_code)]

pub(crate) mod peak;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Compiles `benches/NAME.c`, optimised as little as a debugger's target usually is.
pub(crate) fn compile(name: &str, flags: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(format!("{name}.c"));
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let done = Command::new("cc")
        .args(flags)
        .arg("-o")
        .arg(&binary)
        .arg(&source)
        .status()
        .expect("the benches need cc");
    assert!(done.success(), "cc {}", source.display());
    binary
}

/// A debugger in batch mode with these commands on this program.
pub(crate) fn debugger(program: &Path, commands: &[&str], target: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(["-nx", "-batch"]);
    if program.ends_with("gdb") {
        command.args(["-iex", "set debuginfod enabled off"]);
    }
    for line in commands {
        command.args(["-ex", line]);
    }
    command.arg("--args").args(target);
    command
}

/// Runs a command, its output away; answers the time on the wall.
pub(crate) fn time(mut command: Command) -> Duration {
    let begin = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
    begin.elapsed()
}

/// What a command prints.
pub(crate) fn said(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Where gdb is, if it is.
pub(crate) fn gdb() -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join("gdb"))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!("gdb is missing: nothing to compare with (./tests/run installs it)");
    }
    found
}

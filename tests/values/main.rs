//! Backtraces, arguments and locals against gdb, line by line: the same program, the same stops, the same text.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

mod live;

use std::path::{Path, PathBuf};
use std::process::Command;

use brkwater::scene::{PrintOptions, frame_line};
use live::Live;

/// What is said at a stop: the backtrace, each frame followed by its locals.
fn ours(live: &Live) -> String {
    live.look(|scene| {
        let options = PrintOptions { utf8: true, ..PrintOptions::default() };
        let frames = scene.frames(live.tid(), 1000);
        let mut out = String::new();
        for frame in &frames.frames {
            out += &frame_line(&scene.frame_view(frame, &options));
            out += "\n";
            out += &scene.locals_text(frame, &options, "        ");
        }
        if let Some(why) = frames.stopped {
            out += &format!("Backtrace stopped: {why}\n");
        }
        out
    })
}

/// gdb's words at each of the stops, `bt full` without its source lines.
#[allow(clippy::disallowed_methods)]
fn gdbs(program: &Path, arguments: &[String], stops: &[&str]) -> Vec<String> {
    let mut gdb = Command::new("gdb");
    gdb.args(["-batch", "-nx", "-ex", "set confirm off", "-ex", "set startup-with-shell off"]);
    gdb.args([
        "-ex",
        "unset environment",
        "-ex",
        "set breakpoint pending on",
        "-ex",
        "handle SIGUSR1 nostop",
    ]);
    gdb.args(["-ex", "starti", "-ex", "tbreak _start", "-ex", "continue"]);
    for stop in stops {
        gdb.args([
            "-ex",
            &format!("break {stop}"),
            "-ex",
            "continue",
            "-ex",
            "echo @@@\\n",
            "-ex",
            "bt full",
        ]);
        gdb.args(["-ex", "echo @@@\\n"]);
    }
    gdb.arg("--args").arg(program).args(arguments);
    let output = gdb.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split("@@@\n").skip(1).step_by(2).map(str::to_owned).collect()
}

fn compare(program: &Path, arguments: &[String], stops: &[&str]) {
    let expected = gdbs(program, arguments, stops);
    let mut live = Live::start(program, arguments);
    assert_eq!(expected.len(), stops.len());
    let mut wrong = 0;
    for (stop, expected) in stops.iter().zip(expected) {
        live.go_to(stop);
        let got = ours(&live);
        wrong += differences(&format!("{} at {stop}", program.display()), &expected, &got);
    }
    assert_eq!(wrong, 0, "lines differ");
}

/// Where we are known to differ: gdb's text, ours, and why.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "either=..., either@entry=...",
        "either=either@entry=...",
        "gdb does not see that a union in a register is unchanged",
    ),
    (
        "{{x = <optimized out>, y = <optimized out>}",
        "{<optimized out>",
        "a structure of which nothing is left is not taken apart",
    ),
];

/// Tells the lines that differ, and counts them but for those that are known.
fn differences(what: &str, expected: &str, got: &str) -> usize {
    let (expected, got): (Vec<_>, Vec<_>) = (expected.lines().collect(), got.lines().collect());
    let mut count = 0;
    for at in 0..expected.len().max(got.len()) {
        let (gdb, ours) = (expected.get(at).unwrap_or(&"<nothing>"), got.get(at).unwrap_or(&"<nothing>"));
        if gdb != ours {
            let known = KNOWN.iter().find(|(theirs, mine, _)| gdb.replace(theirs, mine) == *ours);
            if let Some((.., why)) = known {
                println!("{what}, line {at}: known: {why}");
                continue;
            }
            count += 1;
            println!("{what}, line {at}:\n  gdb:  {gdb}\n  ours: {ours}");
        }
    }
    println!("{what}: {} lines, {count} differ", expected.len());
    count
}

/// A target of ours, compiled with these options.
#[allow(clippy::disallowed_methods)]
fn compiled(name: &str, options: &[&str], folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/targets").join(name);
    let program = folder.join(name.trim_end_matches(".c"));
    let status = Command::new("gcc").args(options).arg("-g").arg("-o").arg(&program).arg(source).status();
    assert!(status.unwrap().success());
    program
}

const SHAPES: [&str; 4] = ["stop_here"; 4];

#[test]
fn shapes_without_optimisation() {
    let folder = tempfile::tempdir().unwrap();
    compare(&compiled("values_shapes.c", &["-O0"], folder.path()), &[], &SHAPES);
}

#[test]
fn shapes_optimised() {
    let folder = tempfile::tempdir().unwrap();
    compare(&compiled("values_shapes.c", &["-O2"], folder.path()), &[], &SHAPES);
}

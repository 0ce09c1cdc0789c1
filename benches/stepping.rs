//! Stepping, by instructions and by lines, and a backtrace of each of many threads, beside gdb in the same run. The
//! time of a script without the steps is taken off, so that starting up does not count.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const ROUNDS: usize = 5;

struct Case {
    title: &'static str,
    target: Vec<&'static str>,
    before: Vec<&'static str>,
    /// What is measured, this often.
    then: (&'static str, usize),
}

fn main() {
    let steps = common::compile("steps", &["-O0", "-g", "-pthread"]);
    let steps = steps.to_str().unwrap_or_default();
    let mut programs = vec![("brkwater", Path::new(env!("CARGO_BIN_EXE_brkwater")).to_path_buf())];
    programs.extend(common::gdb().map(|gdb| ("gdb", gdb)));

    let cases = [
        Case {
            title: "2,000 times stepi",
            target: vec!["loop"],
            before: vec!["break loop", "run"],
            then: ("stepi", 2000),
        },
        Case {
            title: "stepi 2000",
            target: vec!["loop"],
            before: vec!["break loop", "run"],
            then: ("stepi 2000", 1),
        },
        Case {
            title: "300 times next",
            target: vec!["loop"],
            before: vec!["break loop", "run"],
            then: ("next", 300),
        },
        Case {
            title: "300 times step",
            target: vec!["loop"],
            before: vec!["break loop", "run"],
            then: ("step", 300),
        },
        Case {
            title: "thread apply all bt over 200 threads",
            target: vec!["threads", "200"],
            before: vec!["break ready", "run"],
            then: ("thread apply all bt", 1),
        },
    ];
    for case in &cases {
        measure(case, &programs, steps);
    }
    let bare = common::compile("bare_steps", &["-O2"]);
    let mut command = Command::new(bare);
    command.args(["20000", steps, "loop"]);
    println!("\n  the bare loop: {} us a step", common::said(command).trim());
}

fn measure(case: &Case, programs: &[(&str, PathBuf)], steps: &str) {
    let mut target = vec![steps];
    target.extend(&case.target);
    let mut with = case.before.clone();
    with.extend(std::iter::repeat_n(case.then.0, case.then.1));
    let mut best = vec![(Duration::MAX, Duration::MAX); programs.len()];
    for _ in 0..ROUNDS {
        for (index, (_, program)) in programs.iter().enumerate() {
            let bare = common::time(common::debugger(program, &case.before, &target));
            let full = common::time(common::debugger(program, &with, &target));
            best[index] = (best[index].0.min(bare), best[index].1.min(full));
        }
    }
    println!("\n{} (best of {ROUNDS}, without the start)", case.title);
    let spent: Vec<Duration> = best.iter().map(|(bare, full)| full.saturating_sub(*bare)).collect();
    let theirs = spent.last().copied().unwrap_or_default();
    for ((name, _), spent) in programs.iter().zip(&spent) {
        println!(
            "  {name:<10} {:>8.1} ms   {:>5.1}x as fast as gdb",
            spent.as_secs_f64() * 1e3,
            theirs.as_secs_f64() / spent.as_secs_f64().max(1e-6)
        );
    }
}

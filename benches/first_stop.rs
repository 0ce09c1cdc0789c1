//! From the command to the first stop and its backtrace, and to the end, beside gdb without an index: a small C
//! program, libc with its debug info where that is installed, and a Java machine's 300 MB of DWARF where that is.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod common;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// One way to a first stop.
struct Case {
    title: &'static str,
    commands: &'static [&'static str],
    target: Vec<String>,
    rounds: usize,
}

/// CPU time of all children that were waited for, theirs included.
fn cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Duration::ZERO };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn main() {
    let hits = common::compile("hits", &["-O0", "-g", "-fno-pie", "-no-pie", "-fcf-protection=none", "-ldl"]);
    let hits = |stop: &str| vec![hits.to_string_lossy().into_owned(), stop.to_owned(), "1".to_owned()];
    let mut cases = vec![
        Case {
            title: "a function of the program",
            commands: &["break f", "run", "bt"],
            target: hits("f"),
            rounds: 7,
        },
        Case {
            title: "`open` in libc",
            commands: &["break main", "run", "break open", "continue", "bt"],
            target: hits("open"),
            rounds: 7,
        },
    ];
    match java() {
        Some(java) => cases.push(Case {
            title: "`JNI_CreateJavaVM` in libjvm (300 MB of DWARF)",
            commands: &[
                "set breakpoint pending on",
                "handle SIGSEGV nostop noprint pass",
                "break JNI_CreateJavaVM",
                "run",
                "bt",
                "kill",
            ],
            target: vec![java.to_string_lossy().into_owned(), "-version".to_owned()],
            rounds: 3,
        }),
        None => eprintln!(
            "no java with a large debug file: that case is left out (apt-get install openjdk-17-dbg)"
        ),
    }
    let mut programs = vec![("brkwater", Path::new(env!("CARGO_BIN_EXE_brkwater")).to_path_buf())];
    programs.extend(common::gdb().map(|gdb| ("gdb", gdb)));
    for case in &cases {
        measure(case, &programs);
    }
}

fn measure(case: &Case, programs: &[(&str, PathBuf)]) {
    let target: Vec<&str> = case.target.iter().map(String::as_str).collect();
    let mut best = vec![(Duration::MAX, Duration::MAX, 0); programs.len()];
    for _ in 0..case.rounds {
        for ((_, program), best) in programs.iter().zip(&mut best) {
            let before = cpu();
            let wall = common::time(common::debugger(program, case.commands, &target));
            let spent = cpu().saturating_sub(before);
            (best.0, best.1) = (best.0.min(wall), best.1.min(spent));
        }
    }
    for ((_, program), best) in programs.iter().zip(&mut best) {
        best.2 = common::peak::peak(common::debugger(program, case.commands, &target));
    }
    let rounds = case.rounds;
    println!("\nfrom the command to a stop in {}, its backtrace, and the end (best of {rounds})", case.title);
    let theirs = best.last().copied().unwrap_or_default();
    for ((name, _), (wall, cpu, peak)) in programs.iter().zip(&best) {
        println!(
            "  {name:<10} {:>8.1} ms {:>8.1} ms of CPU {:>5.1}x as fast as gdb {:>6.1} MB at most, {:.2}x gdb's",
            wall.as_secs_f64() * 1e3,
            cpu.as_secs_f64() * 1e3,
            theirs.0.as_secs_f64() / wall.as_secs_f64(),
            *peak as f64 / 1e6,
            *peak as f64 / (theirs.2 as f64).max(1.0),
        );
    }
}

/// The `java` of the path, when the debug info of its machine is installed.
fn java() -> Option<PathBuf> {
    const LARGE: u64 = 100 << 20;
    let java = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join("java"))
        .find(|path| path.is_file())?;
    let below =
        |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let large = |path: &PathBuf| path.metadata().is_ok_and(|meta| meta.len() > LARGE);
    let found = below(PathBuf::from("/usr/lib/debug/.build-id")).flat_map(below).any(|path| large(&path));
    found.then(|| java.canonicalize().ok()).flatten()
}

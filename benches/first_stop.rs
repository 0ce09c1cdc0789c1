//! From the command to the first stop and its backtrace, and to the end, beside gdb: a small C program, libc with
//! its debug info where that is installed.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod common;

use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

const ROUNDS: usize = 7;

/// CPU time of all children that were waited for, theirs included.
fn cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Duration::ZERO };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn main() {
    let hits = common::compile("hits", &["-O0", "-g", "-fno-pie", "-no-pie", "-fcf-protection=none", "-ldl"]);
    let hits = hits.to_str().unwrap_or_default();
    let mut programs = vec![("brkwater", Path::new(env!("CARGO_BIN_EXE_brkwater")).to_path_buf())];
    programs.extend(common::gdb().map(|gdb| ("gdb", gdb)));

    for (title, stop) in [("a function of the program", "f"), ("`open` in libc", "open")] {
        let commands: Vec<String> = match stop {
            "f" => vec!["break f".into(), "run".into(), "bt".into()],
            _ => ["break main", "run", "break open", "continue", "bt"].map(String::from).to_vec(),
        };
        let lines: Vec<&str> = commands.iter().map(String::as_str).collect();
        let mut best = vec![(Duration::MAX, Duration::MAX); programs.len()];
        for _ in 0..ROUNDS {
            for (index, (_, program)) in programs.iter().enumerate() {
                let before = cpu();
                let wall = common::time(common::debugger(program, &lines, &[hits, stop, "1"]));
                let spent = cpu().saturating_sub(before);
                best[index] = (best[index].0.min(wall), best[index].1.min(spent));
            }
        }
        println!("\nfrom the command to a stop in {title}, its backtrace, and the end (best of {ROUNDS})");
        let theirs = best.last().copied().unwrap_or_default();
        for ((name, _), (wall, cpu)) in programs.iter().zip(&best) {
            println!(
                "  {name:<10} {:>8.1} ms   {:>8.1} ms of CPU   {:>5.1}x as fast as gdb",
                wall.as_secs_f64() * 1e3,
                cpu.as_secs_f64() * 1e3,
                theirs.0.as_secs_f64() / wall.as_secs_f64()
            );
        }
    }
}

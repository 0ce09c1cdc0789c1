//! What a traced run costs beyond the run: brk, mmap, munmap and mremap logged, with stacks beside `strace -f -k`, without
//! beside `strace -f --seccomp-bpf`.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The best of so many runs.
const RUNS: usize = 5;
/// Rounds of the program; a call of strace's with a stack takes milliseconds.
const WITH_STACKS: u32 = 250;
const WITHOUT: u32 = 5000;

/// Title, rounds, our flags, strace's, and how strace is called.
type Case = (&'static str, u32, &'static [&'static str], &'static [&'static str], &'static str);

fn main() {
    let program = common::compile("calls", &["-O0", "-g", "-fno-pie", "-no-pie"]);
    let us = Path::new(env!("CARGO_BIN_EXE_brkwater"));
    let strace = Command::new("strace").arg("--version").output().is_ok_and(|output| output.status.success());
    if !strace {
        eprintln!("strace is missing: nothing to compare with (./tests/run installs it)");
    }
    let cases: [Case; 2] = [
        (
            "with stacks",
            WITH_STACKS,
            &["trace", "-f", "-o", "/dev/null"],
            &["-f", "-k", "-e", "trace=brk,mmap,munmap,mremap"],
            "strace -f -k",
        ),
        (
            "without stacks",
            WITHOUT,
            &["trace", "-f", "--no-stacks", "-o", "/dev/null"],
            &["-f", "--seccomp-bpf", "-e", "trace=brk,mmap,munmap,mremap"],
            "strace -f --seccomp-bpf",
        ),
    ];
    for (title, rounds, ours, theirs, peer) in cases {
        let rounds = rounds.to_string();
        // The threshold of mmap stays: every round maps and unmaps its block.
        let tunables = ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072");
        let command = |words: &[&Path]| {
            let mut command = Command::new(words[0]);
            command.env(tunables.0, tunables.1).args(&words[1..]);
            command
        };
        let bare = best(|| command(&[&program, Path::new(&rounds)]));
        let ours = best(|| {
            let mut run = command(&[us]);
            run.args(ours).arg(&program).arg(&rounds);
            run
        });
        let added = ours.saturating_sub(bare);
        println!(
            "\n{title}: {} memory calls, best of {RUNS}; the program alone {:.1} ms",
            4 * rounds.parse::<u32>().unwrap_or(0),
            ms(bare)
        );
        println!("  {:<26} {:>9.1} ms added", "brkwater trace", ms(added));
        if strace {
            let strace = best(|| {
                let mut run = command(&[Path::new("strace")]);
                run.args(["-o", "/dev/null"]).args(theirs).arg(&program).arg(&rounds);
                run
            });
            let theirs = strace.saturating_sub(bare);
            println!(
                "  {peer:<26} {:>9.1} ms added: {:.1}x as much",
                ms(theirs),
                theirs.as_secs_f64() / added.as_secs_f64().max(1e-9)
            );
        }
    }
}

fn best(command: impl Fn() -> Command) -> Duration {
    (0..RUNS).map(|_| common::time(command())).min().unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

//! What a traced run costs beyond the run: brk, mmap, munmap and mremap logged, with stacks beside `strace -f -k`, without
//! beside `strace -f --seccomp-bpf`.
//!
//! The program alone, brkwater and strace take turns, so that whatever else the machine does meets all three; medians are
//! compared. What a start costs is measured by a run with one round, and is part of what is added.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Turns that each takes.
const TURNS: usize = 7;

/// One comparison.
struct Case {
    title: &'static str,
    /// Rounds of the program, with four memory calls each; a call of strace's with a stack takes milliseconds.
    rounds: u32,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
    peer: &'static str,
}

const CASES: [Case; 2] = [
    Case {
        title: "with stacks",
        rounds: 500,
        ours: &["trace", "-f", "-o", "/dev/null"],
        theirs: &["-o", "/dev/null", "-f", "-k", "-e", "trace=brk,mmap,munmap,mremap"],
        peer: "strace -f -k",
    },
    Case {
        title: "without stacks",
        rounds: 10_000,
        ours: &["trace", "-f", "--no-stacks", "-o", "/dev/null"],
        theirs: &["-o", "/dev/null", "-f", "--seccomp-bpf", "-e", "trace=brk,mmap,munmap,mremap"],
        peer: "strace -f --seccomp-bpf",
    },
];

fn main() {
    let program = common::compile("calls", &["-O0", "-g", "-fno-pie", "-no-pie"]);
    let us = Path::new(env!("CARGO_BIN_EXE_brkwater"));
    let strace = Command::new("strace").arg("--version").output().is_ok_and(|output| output.status.success());
    if !strace {
        eprintln!("strace is missing: nothing to compare with (./tests/run installs it)");
    }
    for case in CASES {
        let tracers: Vec<(&str, &Path, &[&str])> =
            [("brkwater trace", us, case.ours), (case.peer, Path::new("strace"), case.theirs)]
                .into_iter()
                .take(1 + usize::from(strace))
                .collect();
        println!("\n{}: {} memory calls; medians of {TURNS} turns each", case.title, 4 * case.rounds);
        let starts = added(&program, 1, &tracers);
        let all = added(&program, case.rounds, &tracers);
        for ((name, ..), (start, all)) in tracers.iter().zip(starts.iter().zip(&all)) {
            let calls = f64::from(4 * (case.rounds - 1));
            let (start, all) = (median(start), median(all));
            println!(
                "  {name:<26} {:>9.1} ms added, {:>7.1} ms of them to start; {:>8.1} us a call",
                ms(all),
                ms(start),
                (ms(all) - ms(start)) * 1e3 / calls
            );
        }
        if let [ours, theirs] = &all[..] {
            let mut pairs: Vec<f64> =
                ours.iter().zip(theirs).map(|(ours, theirs)| ratio(*theirs, *ours)).collect();
            pairs.sort_unstable_by(f64::total_cmp);
            println!(
                "  {} adds {:.1}x as much ({:.1}x to {:.1}x by turns)",
                case.peer,
                ratio(median(theirs), median(ours)),
                pairs[0],
                pairs[pairs.len() - 1]
            );
        }
    }
}

/// What each tracer adds to a run of so many rounds, turn by turn.
fn added(program: &Path, rounds: u32, tracers: &[(&str, &Path, &[&str])]) -> Vec<Vec<Duration>> {
    let rounds = rounds.to_string();
    let run = |mut command: Command| {
        // The threshold of mmap stays: every round maps and unmaps its block.
        command.env("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072").arg(&rounds);
        common::time(command)
    };
    let (mut bare, mut traced) = (Vec::new(), vec![Vec::new(); tracers.len()]);
    for _ in 0..TURNS {
        bare.push(run(Command::new(program)));
        for ((_, tracer, flags), times) in tracers.iter().zip(&mut traced) {
            let mut command = Command::new(tracer);
            command.args(*flags).arg(program);
            times.push(run(command));
        }
    }
    let bare = median(&bare);
    traced.iter().map(|times| times.iter().map(|time| time.saturating_sub(bare)).collect()).collect()
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}

fn ratio(theirs: Duration, ours: Duration) -> f64 {
    theirs.as_secs_f64() / ours.as_secs_f64().max(1e-9)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

//! `info heap` on a heap of a million chunks, beside what it takes to copy the heap's bytes.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

fn main() {
    let chunks = common::compile("chunks", &["-O1", "-Wall"]);
    for size in ["16", "144"] {
        let mut target = started(&chunks, size);
        let pid = target.id().to_string();
        let (mut attached, mut told, mut copied) = (Duration::MAX, Duration::MAX, Duration::MAX);
        let mut bytes = 0;
        for _ in 0..ROUNDS {
            attached = attached.min(common::time(looking(&pid, &[])));
            told = told.min(common::time(looking(&pid, &["info heap"])));
            let began = Instant::now();
            bytes = copy_of_heap(&pid);
            copied = copied.min(began.elapsed());
        }
        let _ = target.kill();
        let _ = target.wait();
        let spent = told.saturating_sub(attached).as_secs_f64() * 1e3;
        let copied = copied.as_secs_f64() * 1e3;
        println!("\ninfo heap, 1,000,000 blocks of {size} bytes, every second one freed (best of {ROUNDS})");
        println!("  brkwater        {spent:>8.1} ms");
        println!("  copying {:>3} MB  {copied:>8.1} ms   {:.1}x", bytes >> 20, spent / copied);
    }
}

fn started(program: &Path, size: &str) -> Child {
    let mut target = Command::new(program)
        .args(["1000000", size])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let mut line = String::new();
    if let Some(stdout) = target.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    assert_eq!(line, "ready\n");
    target
}

fn looking(pid: &str, commands: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brkwater"));
    command.args(["-nx", "-batch", "-p", pid]);
    for line in commands {
        command.args(["-ex", line]);
    }
    command
}

/// Reads what `/proc/PID/maps` calls the heap.
fn copy_of_heap(pid: &str) -> usize {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let heap = maps.lines().find(|line| line.ends_with("[heap]")).and_then(|line| line.split(' ').next());
    let ends = heap.and_then(|range| range.split_once('-'));
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
    let (from, to) = ends.map_or((0, 0), |(from, to)| (number(from), number(to)));
    let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(0)];
    let memory = fs::File::open(format!("/proc/{pid}/mem"));
    memory.and_then(|memory| memory.read_exact_at(&mut bytes, from)).map_or(0, |()| bytes.len())
}

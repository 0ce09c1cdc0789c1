//! How much of what gdb says brkwater says as well: the same script in both, over many programs and stops.
//!
//! A *block* is what one command printed. A block counts as equal when every line of gdb's is there in its order, and
//! nothing else at the margin (what brkwater adds stands on indented lines). Every difference is mended, or stands in
//! `wanted` with its reason. The counts are printed: `cargo nextest run --test parity --no-capture`.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr, clippy::print_stdout)]

#[path = "../common/mod.rs"]
#[allow(unused_imports)]
mod common;
mod sessions;
mod wanted;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::Debugger;
use common::compare::differences;
use sessions::Session;

/// What comparing one session gave.
#[derive(Default)]
struct Tally {
    blocks: usize,
    equal: usize,
    stops: usize,
    /// Blocks that differ as they are wanted to.
    wanted: usize,
    /// Those that differ otherwise, with the lines.
    unwanted: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.blocks += other.blocks;
        self.equal += other.equal;
        self.stops += other.stops;
        self.wanted += other.wanted;
        self.unwanted.extend(other.unwanted);
    }
}

/// Commands that let the program go on: each that ends at a place is a stop.
fn goes_on(command: &str) -> bool {
    let word = command.split_whitespace().next().unwrap_or_default();
    ["run", "start", "continue", "c", "step", "next", "stepi", "nexti", "finish", "until", "advance"]
        .contains(&word)
}

/// libc takes the same functions for strings on every machine (glibc's manual, "Hardware Capability Tunables").
const PLAIN_PROCESSOR: &str = "glibc.cpu.hwcaps=-AVX512VL,-AVX512BW,-AVX512F,-AVX2,-BMI2,-ERMS,-FSRM,-AVX_Fast_Unaligned_Load,-SSSE3,-SSE4_1,-SSE4_2";

fn compare(session: &Session) -> Tally {
    let plain = format!("set environment GLIBC_TUNABLES={PLAIN_PROCESSOR}");
    let script: Vec<&str> =
        std::iter::once(plain.as_str()).chain(session.script.iter().map(String::as_str)).collect();
    let command: Vec<&str> = session.command.iter().map(String::as_str).collect();
    let run = |debugger: Debugger| debugger.limit(240).blocks(&script).args(&command);
    let (ours, theirs) = (run(Debugger::brkwater()), run(Debugger::gdb()));
    let mut tally = Tally::default();
    assert!(!ours.text.contains("panicked at"), "{}: {}", session.name, ours.text);
    for (index, command) in script.iter().enumerate() {
        let (mine, gdb) = (ours.block(index), theirs.block(index));
        tally.blocks += 1;
        tally.stops +=
            usize::from(goes_on(command) && !gdb.contains("exited") && !gdb.contains("not being run"));
        let found = differences(&without_numbers(mine), &without_numbers(gdb));
        if found.is_empty() {
            tally.equal += 1;
        } else if wanted::reason(command, &found).is_some() {
            tally.wanted += 1;
        } else {
            let lines = found.join("\n        ");
            tally.unwanted.push(format!("{} ({command})\n        {lines}", session.name));
        }
    }
    tally
}

/// The number of a value in the history says how many were printed before it: one that differs would make all others
/// differ.
fn without_numbers(block: &str) -> String {
    let renumbered =
        block.lines().map(|line| match line.strip_prefix('$').and_then(|rest| rest.split_once(" = ")) {
            Some((number, value)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("$N = {value}")
            }
            _ => line.to_owned(),
        });
    renumbered.collect::<Vec<_>>().join("\n")
}

/// Compares all sessions, two at a time, and answers the sum; each line of the table is printed.
fn all(sessions: &[Session]) -> Tally {
    let next = AtomicUsize::new(0);
    let sum = Mutex::new(Tally::default());
    let work = || {
        while let Some(session) = sessions.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tally = compare(session);
            println!(
                "{:28} {:3} stops, {:4} of {:4} blocks equal, {:2} differ as wanted",
                session.name, tally.stops, tally.equal, tally.blocks, tally.wanted
            );
            sum.lock().unwrap().add(tally);
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4);
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    sum.into_inner().unwrap()
}

#[test]
fn gdb_and_brkwater_say_the_same() {
    if !common::have("gdb") || !common::have("c++") {
        return;
    }
    let sum = all(&sessions::all());
    let percent = 100.0 * sum.equal as f64 / sum.blocks as f64;
    println!(
        "{} stops, {} of {} blocks equal: {percent:.1} %; {} differ as wanted",
        sum.stops, sum.equal, sum.blocks, sum.wanted
    );
    assert!(
        sum.unwanted.is_empty(),
        "{} blocks differ:\n    {}",
        sum.unwanted.len(),
        sum.unwanted.join("\n    ")
    );
    assert!(percent >= 98.0, "{percent:.1} % of the blocks are equal");
    assert!(sum.stops >= 150, "only {} stops were compared", sum.stops);
}

/// A difference must not be called wanted by accident.
#[test]
fn a_difference_nobody_wants_is_not_taken_for_one() {
    let found = differences("$1 = 5\n", "$1 = 6\n");
    assert_eq!(wanted::reason("print x", &found), None);
    assert_eq!(wanted::reason("info locals", &["- x = 1".to_owned(), "+ x = 2".to_owned()]), None);
}

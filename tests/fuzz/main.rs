//! Every reader is given damaged bytes for a moment, each time the same; `fuzz/` has what runs for longer.
//!
//! `BRKWATER_SEEDS=N` asks for N times as many.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr)]

#[path = "../common/mod.rs"]
#[allow(unused_imports)]
mod common;
#[path = "../../fuzz/src/lib.rs"]
#[allow(dead_code, unreachable_pub)]
mod readers;

use readers::mutation::{Random, damage, noise, sections};
use readers::{Seeds, TARGETS, Target};

/// Executions of a reader that is quick, and of one that reads a whole program each time.
const QUICK: u64 = 2_000;
const SLOW: u64 = 40;

fn many(seeds: u64) -> u64 {
    seeds * std::env::var("BRKWATER_SEEDS").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// What a target is given: the whole thing, and then that from a seed.
fn input(target: &Target, programs: &[Vec<u8>], seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let (mut bytes, places) = match target.seeds {
        Seeds::Random => return noise(&mut random, 4096),
        Seeds::Texts(texts) => (texts[random.below(texts.len())].as_bytes().to_vec(), Vec::new()),
        Seeds::Core => {
            // Every other time it is the headers and notes that are damaged: most of a core file is memory.
            let core = readers::corefiles::seed();
            let heads = readers::corefiles::heads(&core);
            (core, if seed.is_multiple_of(2) { Vec::new() } else { heads })
        }
        Seeds::Program => {
            let program = &programs[random.below(programs.len())];
            (program.clone(), sections(program))
        }
    };
    if seed > 0 {
        damage(&mut bytes, &places, &mut random);
    }
    bytes
}

fn survive(only: impl Fn(&Target) -> bool, programs: &[Vec<u8>]) {
    for target in TARGETS.iter().filter(|target| only(target)) {
        // Printing an array is slow by nature: it is read to its end, however long it claims to be.
        let slow = matches!(target.seeds, Seeds::Program) || target.name == "containers";
        for seed in 0..many(if slow { SLOW } else { QUICK }) {
            let bytes = input(target, programs, seed);
            let fate = std::panic::catch_unwind(|| (target.run)(&bytes));
            assert!(fate.is_ok(), "{} does not survive seed {seed}", target.name);
        }
    }
}

#[test]
fn readers_of_texts_and_memory_survive_whatever_they_are_given() {
    survive(|target| !matches!(target.seeds, Seeds::Program | Seeds::Core), &[]);
}

#[test]
fn readers_of_files_survive_damaged_programs() {
    let mut names = vec![common::target("expressions")];
    if common::have("c++") {
        names.push(common::target("classes"));
    }
    let programs: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(name).unwrap()).collect();
    survive(|target| matches!(target.seeds, Seeds::Program), &programs);
}

#[test]
fn readers_of_core_files_survive_damaged_ones() {
    survive(|target| matches!(target.seeds, Seeds::Core), &[]);
}

/// A file that was cut while it was written: at every byte of what stands before the memory, and here and there in that.
#[test]
fn a_core_file_may_end_anywhere() {
    let whole = readers::corefiles::seed();
    assert_eq!(readers::corefiles::size(&whole), (2, 4), "threads and mappings of the whole one");
    let heads = readers::corefiles::heads(&whole).last().map_or(0, |notes| notes.end);
    for length in (0..heads).chain((heads..whole.len()).step_by(61)) {
        readers::corefiles::corefile(&whole[..length]);
    }
}

/// Seed 105220 of `corefile`: a mapping inside of a file whose offset is the highest number that there is.
#[test]
fn the_offset_of_a_mapped_file_is_beyond_all_files() {
    let mut core = readers::corefiles::seed();
    let words = [0x40_1000_u64, 0x40_2000, 1].map(u64::to_le_bytes).concat();
    let at =
        core.windows(words.len()).position(|window| window == words).expect("the second file of NT_FILE");
    let claimed = [0x40_0800_u64, 0x40_2000, u64::MAX].map(u64::to_le_bytes).concat();
    core[at..at + claimed.len()].copy_from_slice(&claimed);
    readers::corefiles::corefile(&core);
}

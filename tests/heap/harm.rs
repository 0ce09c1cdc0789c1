//! Damaged heaps: told by rule and place, walked around, and in the words with which glibc itself gives up.
//!
//! The program damages its own heap (`targets/heap_harm.c`) and waits to be read. Then it runs once more and makes
//! the call that meets the damage: what glibc says then must be among what the survey said that it would.

use std::process::{Output, Stdio};

use brkwater::heap::{State, Survey};

use crate::target::{Target, command, compile, launch_with};

/// A scenario, and what the survey must say at the damaged place (behind a star: anywhere).
struct Harm {
    name: &'static str,
    says: &'static str,
    /// Whether glibc ends the program when it goes on.
    aborts: bool,
    /// The glibcs that it is about.
    versions: std::ops::Range<u32>,
}

const ALL: std::ops::Range<u32> = 0..u32::MAX;

const fn harm(name: &'static str, says: &'static str, aborts: bool) -> Harm {
    Harm { name, says, aborts, versions: ALL }
}

const HARMS: &[Harm] = &[
    harm("top-size", "corrupted top", true),
    harm("top-misaligned", "corrupted top", true),
    harm("orange", "", false),
    harm("next-size", "invalid size", true),
    harm("next-size-overrun", "invalid size", true),
    harm("own-size", "one fencepost", true),
    Harm { versions: 0..43, ..harm("next-size-fast", "invalid size", true) },
    harm("tcache-dup", "double free", false),
    harm("tcache-double", "double free", true),
    Harm { versions: 32..u32::MAX, ..harm("tcache-poison", "no chunk's pointer", true) },
    harm("tcache-outside", "no chunk's pointer", false),
    harm("tcache-entry", "*no chunk's pointer", false),
    Harm { versions: 0..42, ..harm("tcache-struct", "a tcache by its size", false) },
    Harm { versions: 0..43, ..harm("fastbin-dup", "*met twice", true) },
    Harm { versions: 32..43, ..harm("fastbin-unaligned", "no chunk's address", true) },
    Harm { versions: 0..43, ..harm("fastbin-size", "another size", true) },
    harm("unlink", "", true),
    harm("prev-size", "size and prev_size differ", true),
    harm("prev-size-consolidate", "size and prev_size differ", true),
    harm("poison-null", "size and prev_size differ", true),
    harm("unsafe-unlink", "size and prev_size differ", true),
    harm("overlap", "not where any chunk begins", false),
    harm("mmap-overlap", "*1 blocks with mappings", false),
    harm("mmap-size", "*0 blocks with mappings", true),
    harm("unsorted-size", "", true),
    harm("unsorted-next", "invalid size", true),
    harm("unsorted-prev", "size and prev_size differ", true),
    harm("unsorted-inuse", "no free chunk", true),
    harm("unsorted-bk", "corrupted double-linked list", true),
    harm("small-bin", "corrupted double-linked list", true),
    harm("large-bin", "corrupted list of sizes", true),
    harm("mind", "a thread's arena", false),
    harm("claims-mapping", "a mapping of its own", true),
];

#[test]
fn damage_is_told_in_glibc_s_own_words() {
    // Damage is what an optimiser may leave out.
    let program = compile("heap_harm", &["-O0", "-fno-builtin"]);
    let mut wrong = Vec::new();
    for harm in HARMS {
        let target = launch_with(&program, &[harm.name], &[]);
        if !harm.versions.contains(&target.glibc()) {
            continue;
        }
        let survey = target.survey();
        let mut fail = |what: String| wrong.push(format!("{}: {what}\n{}", harm.name, survey.to_text()));
        if survey.doubts.is_empty() {
            fail("nothing was noticed".to_owned());
        }
        let bad = target.values("bad").next().unwrap()[0];
        let at_place = |what: &str| {
            let (anywhere, words) = what.strip_prefix('*').map_or((false, what), |words| (true, words));
            let here = |at: u64| anywhere || near(at, bad);
            survey.doubts.iter().any(|doubt| doubt.what.contains(words) && here(doubt.at.0))
        };
        if !harm.says.is_empty() && !at_place(harm.says) {
            fail(format!("{:?} is not said at {bad:#x}", harm.says));
        }
        if let Some(lost) = lost_blocks(&target, &survey, bad) {
            fail(lost);
        }
        if !harm.aborts {
            continue;
        }
        let said = last_words(&program, harm.name);
        let foretold = survey.doubts.iter().flat_map(|doubt| doubt.glibc).any(|words| said.contains(words));
        if !foretold {
            fail(format!("glibc said {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), HARMS.len(), wrong.join("\n"));
}

/// A doubt is about a chunk, its pointer, or the header next to it.
fn near(at: u64, bad: u64) -> bool {
    at.abs_diff(bad) <= 16
}

/// Blocks that are not found again, other than those beside the damage: it must not cost the heap.
fn lost_blocks(target: &Target, survey: &Survey, bad: u64) -> Option<String> {
    let chunks = target.chunks(survey);
    let far = |at: u64| at.abs_diff(bad) > 0x1000;
    let lost: Vec<u64> = target
        .values("live")
        .map(|live| live[0] - 16)
        .filter(|at| far(*at) && chunks.get(at).is_none_or(|(_, state)| *state != State::Used))
        .collect();
    (!lost.is_empty()).then(|| format!("{} blocks were lost, the first at {:#x}", lost.len(), lost[0]))
}

/// What glibc says when the program goes on.
fn last_words(program: &std::path::Path, scenario: &str) -> String {
    let mut command = command(program, &[("LIBC_FATAL_STDERR_", "1")]);
    let Output { stderr, status, .. } =
        command.args([scenario, "go"]).stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    format!("{}({status})", String::from_utf8_lossy(&stderr))
}

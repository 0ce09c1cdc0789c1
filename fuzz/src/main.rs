//! `mutate TARGET EXECUTIONS [SEED [FILE...]]`: feeds a reader with what is made from seeds, for compilers that have no
//! libFuzzer. What breaks it is kept in `artifacts/`; what takes longer than twenty seconds ends the process.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brkwater_fuzz::mutation::{Random, damage, noise};
use brkwater_fuzz::{Seeds, TARGETS, Target, named};

/// Executions so far, for who watches.
static DONE: AtomicU64 = AtomicU64::new(0);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let (Some(target), Some(executions)) = (words.first().and_then(|name| named(name)), number(1)) else {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("usage: mutate TARGET EXECUTIONS [SEED [FILE...]]\ntargets: {}", names.join(" "));
        std::process::exit(2);
    };
    let first = number(2).unwrap_or(1);
    let files: Vec<Vec<u8>> =
        words.iter().skip(3).map(|name| std::fs::read(name).expect("a file of seeds")).collect();
    watch(target.name);
    let broken = run(target, first..first + executions, &files);
    println!("{}: {executions} executions from seed {first}, {broken} kinds of failure", target.name);
    std::process::exit(i32::from(broken > 0));
}

/// Ends the process when one execution does not.
fn watch(name: &'static str) {
    std::thread::spawn(move || {
        let mut last = u64::MAX;
        loop {
            std::thread::sleep(Duration::from_secs(20));
            let now = DONE.load(Ordering::Relaxed);
            if now == last {
                eprintln!("{name}: execution {now} does not end");
                std::process::exit(3);
            }
            last = now;
        }
    });
}

fn input(target: &Target, files: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    if random.below(50) == 0 {
        return noise(random, 4096);
    }
    if !files.is_empty() {
        let mut bytes = files[random.below(files.len())].clone();
        let places = brkwater_fuzz::mutation::sections(&bytes);
        damage(&mut bytes, &places, random);
        return bytes;
    }
    match target.seeds {
        Seeds::Texts(texts) => {
            let mut bytes = texts[random.below(texts.len())].as_bytes().to_vec();
            if random.below(4) == 0 {
                bytes.extend(texts[random.below(texts.len())].as_bytes());
            }
            damage(&mut bytes, &[], random);
            bytes
        }
        Seeds::Core => {
            let mut bytes = brkwater_fuzz::corefiles::seed();
            damage(&mut bytes, &[], random);
            bytes
        }
        Seeds::Program | Seeds::Random => noise(random, 4096),
    }
}

fn run(target: &Target, seeds: std::ops::Range<u64>, files: &[Vec<u8>]) -> usize {
    let mut kinds = BTreeSet::new();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        PLACE.with(|last| *last.borrow_mut() = place);
    }));
    for seed in seeds {
        let bytes = input(target, files, &mut Random::new(seed));
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))).is_err() {
            let place = PLACE.with(|last| last.borrow().clone());
            if kinds.insert(place.clone()) {
                eprintln!("{}: seed {seed} at {place}", target.name);
                _ = std::fs::create_dir_all("artifacts");
                _ = std::fs::write(format!("artifacts/{}-{seed}", target.name), &bytes);
            }
        }
        DONE.fetch_add(1, Ordering::Relaxed);
    }
    kinds.len()
}

thread_local! {
    static PLACE: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
}

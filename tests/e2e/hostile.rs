//! Programs whose symbols and debug info are damaged: nothing panics, hangs or eats the memory, whatever the bytes say.
//!
//! Each file is made from a seed, so that one that breaks something can be made again. The damage is of four kinds: bytes
//! that are others, fields that claim to be huge, regions of zeros, and files that end early.

use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSection};

use crate::common::{Debugger, have, scratch, target, target_with, targets_dir};

/// What is asked of a file that is not run.
const STATIC: &[&str] = &[
    "info functions",
    "info variables",
    "info line main",
    "info address main",
    "list main",
    "break main",
    "break 10",
    "info breakpoints",
    "disassemble /s main",
    "ptype main",
    "ptype struct node",
    "print sizeof(struct node)",
    "whatis list1",
    "info source",
];

/// What is asked of a program that runs: its code is whole, what describes it is not.
const RUNNING: &[&str] = &[
    // Of libc nothing is damaged, and reading its debug info each time would take most of the time.
    "set debug-file-directory /nonexistent",
    "break main",
    "run",
    "bt",
    "info locals",
    "info args",
    "info frame",
    "step",
    "next",
    "step",
    "info locals",
    "bt full",
    "info line *$pc",
    "print list1",
    "ptype list1",
    "kill",
];

/// Sections that only describe.
const DESCRIBING: &[&str] = &[
    ".debug_info",
    ".debug_abbrev",
    ".debug_line",
    ".debug_line_str",
    ".debug_str",
    ".debug_rnglists",
    ".debug_loclists",
    ".debug_aranges",
    ".debug_types",
    ".debug_loc",
    ".debug_ranges",
    ".debug_addr",
    ".symtab",
    ".strtab",
    ".eh_frame",
    ".eh_frame_hdr",
];

/// Those of a `.dwo` or `.dwp`.
const SPLIT: &[&str] = &[
    ".debug_info.dwo",
    ".debug_abbrev.dwo",
    ".debug_str_offsets.dwo",
    ".debug_str.dwo",
    ".debug_line.dwo",
    ".debug_loc.dwo",
    ".debug_loclists.dwo",
    ".debug_rnglists.dwo",
    ".debug_types.dwo",
    ".debug_cu_index",
    ".debug_tu_index",
];

/// Marsaglia's xorshift: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Where the sections of these names lie in a file.
fn places(bytes: &[u8], names: &[&str]) -> Vec<std::ops::Range<usize>> {
    let elf = object::File::parse(bytes).unwrap();
    let range = |name: &&str| {
        let (start, length) = elf.section_by_name(name)?.file_range()?;
        (length > 0).then_some(start as usize..(start + length) as usize)
    };
    names.iter().filter_map(range).collect()
}

/// Damages bytes inside of the places.
fn damage(bytes: &mut [u8], places: &[std::ops::Range<usize>], random: &mut Random) {
    let place = places[random.below(places.len())].clone();
    let at = place.start + random.below(place.len());
    match random.below(4) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => {
            for _ in 0..=random.below(16) {
                let at = place.start + random.below(place.len());
                bytes[at] = random.below(256) as u8;
            }
        }
        2 => {
            let end = (at + 1 + random.below(8)).min(place.end);
            bytes[at..end].fill(0xff);
        }
        _ => {
            let end = (at + random.below(64)).min(place.end);
            bytes[at..end].fill(0);
        }
    }
}

/// Runs a script over a file with a limit of memory (address space, of which the engine needs half a gigabyte for its
/// threads alone) and of time; answers what is wrong.
fn ask(file: &PathBuf, script: &[&str], seed: u64) -> Option<String> {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c 0; ulimit -v 1600000; exec timeout -s KILL 60 \"$@\"", "sh"]);
    command.arg(Debugger::brkwater().path()).args(["-nx", "-batch"]);
    for line in script {
        command.args(["-ex", line]);
    }
    let output = command.arg("--args").arg(file).stdin(std::process::Stdio::null()).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let broken = text.contains("panicked at")
        || text.contains("memory allocation of")
        || output.status.code().is_none_or(|code| !matches!(code, 0 | 1));
    broken.then(|| format!("seed {seed}: {}\n{}", output.status, text.chars().take(2000).collect::<String>()))
}

/// So many seeds, and in the long suite twenty times as many; `BRKWATER_SEEDS=N` asks for N times as many.
fn many(mut seeds: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let asked = std::env::var("BRKWATER_SEEDS").ok().and_then(|times| times.parse().ok());
    let times = asked.unwrap_or(if std::env::var_os("BRKWATER_LONG").is_some() { 20 } else { 1 });
    seeds.end = seeds.start + times * (seeds.end - seeds.start);
    seeds
}

/// Damages a file that a program's debug info refers to, and asks the program.
fn survive_beside(program: &Path, file: &Path, seeds: std::ops::Range<u64>) {
    let whole = std::fs::read(file).unwrap();
    let described = places(&whole, SPLIT);
    assert!(described.len() > 3, "{file:?} describes nothing");
    let mut wrong = Vec::new();
    for seed in many(seeds) {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut bytes = whole.clone();
        for _ in 0..=random.below(4) {
            damage(&mut bytes, &described, &mut random);
        }
        if random.below(4) == 0 {
            let tables = whole.len() - whole.len() / 4..whole.len();
            damage(&mut bytes, std::slice::from_ref(&tables), &mut random);
        }
        std::fs::write(file, &bytes).unwrap();
        wrong.extend(ask(&program.to_owned(), if seed % 2 == 0 { STATIC } else { RUNNING }, seed));
    }
    std::fs::write(file, &whole).unwrap();
    assert!(wrong.is_empty(), "{} files broke something:\n{}", wrong.len(), wrong.join("\n"));
}

/// Damages a program so many times and asks; fails with all that went wrong. The long suite tries twenty times as many.
fn survive(program: &str, seeds: std::ops::Range<u64>, running: bool) {
    let whole = std::fs::read(program).unwrap();
    let described = places(&whole, DESCRIBING);
    let tables = whole.len() - whole.len() / 16..whole.len();
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for seed in many(seeds) {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut bytes = whole.clone();
        for _ in 0..=random.below(4) {
            damage(&mut bytes, &described, &mut random);
        }
        if !running {
            // Headers and tables of the file itself, and its end.
            match random.below(4) {
                0 => damage(&mut bytes, std::slice::from_ref(&(0..64)), &mut random),
                1 => damage(&mut bytes, std::slice::from_ref(&tables), &mut random),
                2 => bytes.truncate(random.below(whole.len())),
                _ => {}
            }
        }
        let file = directory.path().join(format!("damaged{seed}"));
        std::fs::write(&file, &bytes).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        wrong.extend(ask(&file, if running { RUNNING } else { STATIC }, seed));
        std::fs::remove_file(&file).unwrap();
    }
    assert!(wrong.is_empty(), "{} files broke something:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn damaged_files_are_read_without_harm() {
    survive(&target("expressions"), 0..60, false);
}

#[test]
fn damaged_compressed_sections_are_read_without_harm() {
    survive(&target_with("expressions", "-g -O2 -gz"), 1000..1030, false);
}

#[test]
fn damaged_debug_info_of_cplus_is_read_without_harm() {
    if have("c++") {
        survive(&target("classes"), 2000..2030, false);
    }
}

#[test]
fn a_program_runs_under_damaged_debug_info() {
    survive(&target("expressions"), 3000..3030, true);
    survive(&target_with("expressions", "-g -O2"), 4000..4020, true);
}

#[test]
fn damaged_units_of_types_are_read_without_harm() {
    survive(&target_with("expressions", "-gdwarf-4 -O2 -fdebug-types-section"), 5000..5020, false);
    survive(&target_with("expressions", "-gdwarf-4 -O2 -gsplit-dwarf"), 5500..5510, true);
}

#[test]
fn damaged_split_units_are_read_without_harm() {
    for (name, flags) in
        [("split4", "-gdwarf-4 -fdebug-types-section"), ("split5", "-gdwarf-5"), ("package4", "-gdwarf-4")]
    {
        let directory = scratch(&format!("hostile_{name}"));
        std::fs::copy(targets_dir().join("expressions.c"), directory.join("it.c")).unwrap();
        let run = |command: &str| {
            let status = Command::new("sh").args(["-c", command]).current_dir(&directory).status().unwrap();
            assert!(status.success(), "{command}");
        };
        run(&format!("cc {flags} -gsplit-dwarf -O2 -c it.c && cc it.o -o it"));
        let mut beside = directory.join("it.dwo");
        if name == "package4" {
            if !have("dwp") {
                continue;
            }
            run("dwp -e it -o it.dwp && rm it.dwo");
            beside = directory.join("it.dwp");
        }
        survive_beside(&directory.join("it"), &beside, 6000..6020);
    }
}

//! What the end-to-end tests share: C targets compiled once, debuggers run with a limit, their text made comparable.
//!
//! Nothing here knows brkwater's insides: it is driven as a user drives it, and gdb with the same script beside it.
//! `BRKWATER_BIN=/usr/bin/gdb` runs the tests against gdb itself, which shows whether a test asks for the right thing.

#![allow(dead_code)] // each test binary uses its part

pub(crate) mod compare;
pub(crate) mod json;
pub(crate) mod process;
pub(crate) mod pty;
pub(crate) mod recording;
pub(crate) mod whole;

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use process::{Debugger, Output};

/// The binary under test.
pub(crate) fn brkwater_path() -> PathBuf {
    std::env::var_os("BRKWATER_BIN").map_or_else(|| env!("CARGO_BIN_EXE_brkwater").into(), PathBuf::from)
}

/// Where tests may write; each name its own directory, emptied.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scratch").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The directory of the C targets.
pub(crate) fn targets_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/targets")
}

/// The languages that targets are written in: the ending of the file, the compiler, and its flags for all of them.
const COMPILERS: [(&str, &str, &[&str]); 3] =
    [("c", "cc", &["-Wall"]), ("cc", "c++", &[]), ("rs", "rustc", &["--crate-type", "bin"])];

/// The source of a target, and how it is compiled.
fn source_of(name: &str) -> (String, &'static str, &'static [&'static str]) {
    let found = COMPILERS.iter().find_map(|(ending, compiler, flags)| {
        let file = format!("{name}.{ending}");
        targets_dir().join(&file).exists().then_some((file, *compiler, *flags))
    });
    found.unwrap_or_else(|| panic!("no tests/targets/{name} in C, C++ or Rust"))
}

/// Compiles the target `NAME` of `tests/targets` with the flags that its first line gives (`/* cc: -O0 -g */`).
pub(crate) fn target(name: &str) -> String {
    let file = source_of(name).0;
    let source = fs::read_to_string(targets_dir().join(&file)).unwrap();
    let first = source.lines().next().unwrap_or_default();
    let flags = first.split_once(" cc:").map(|(_, flags)| flags.trim_end_matches("*/").trim());
    target_with(name, flags.unwrap_or_else(|| panic!("{file} does not begin with cc: FLAGS")))
}

/// Compiles the target with these flags instead of its own. What was compiled before from the same text with the same
/// flags is used again.
pub(crate) fn target_with(name: &str, flags: &str) -> String {
    let (file, compiler, own) = source_of(name);
    let mut hasher = DefaultHasher::new();
    (fs::read(targets_dir().join(&file)).unwrap(), flags).hash(&mut hasher);
    let dir =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("targets").join(format!("{:016x}", hasher.finish()));
    let binary = dir.join(name);
    if !binary.exists() {
        // Tests run at the same time, in processes of their own: the finished file appears all at once, and what a
        // compiler puts beside it (Rust's objects are called as the source is) is in a directory of its own.
        let own_dir = dir.join(std::process::id().to_string());
        fs::create_dir_all(&own_dir).unwrap();
        let unfinished = own_dir.join(name);
        let (before, libraries): (Vec<&str>, Vec<&str>) =
            flags.split_whitespace().partition(|flag| !flag.starts_with("-l"));
        let done = Command::new(compiler)
            .current_dir(targets_dir())
            .args(before)
            .args(own)
            .arg("-o")
            .arg(&unfinished)
            .arg(&file)
            .args(libraries)
            .output()
            .unwrap_or_else(|_| panic!("the tests need a compiler: {compiler}"));
        assert!(
            done.status.success(),
            "{compiler} {flags} {file}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        fs::rename(&unfinished, &binary).unwrap();
        // Rust's objects are in the way; a program in C may refer to what lies beside it (`-gsplit-dwarf`).
        if file.ends_with(".rs") {
            fs::remove_dir_all(&own_dir).unwrap();
        }
    }
    binary.to_str().unwrap().to_owned()
}

/// Whether a program that the test compares with is there. Where it must be (in CI, and under `tests/run`, which
/// installs it), its absence fails the test; elsewhere the test says why it does nothing.
pub(crate) fn have(tool: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|dir| dir.join(tool).is_file()));
    let required = std::env::var_os("CI").is_some() || std::env::var_os("BRKWATER_TOOLS").is_some();
    assert!(found || !required, "this test needs `{tool}`; ./tests/run installs it");
    if !found {
        eprintln!("nothing tested: `{tool}` is missing; ./tests/run installs it");
    }
    found
}

/// Whether the suites that take long were asked for (`./tests/run --all`).
pub(crate) fn long() -> bool {
    let asked = std::env::var_os("BRKWATER_LONG").is_some();
    if !asked {
        eprintln!("nothing tested: this is part of the long suite, ./tests/run --all");
    }
    asked
}

/// The number behind `key` in lines such as `work called 16000 times`: the truth that a target prints.
pub(crate) fn number_after(text: &str, key: &str) -> u64 {
    let at = text.find(key).unwrap_or_else(|| panic!("no {key:?} in:\n{text}"));
    let rest = text[at + key.len()..].trim_start_matches([' ', '=', ':']);
    let digits: String = rest
        .strip_prefix("0x")
        .unwrap_or(rest)
        .chars()
        .take_while(|c| c.is_ascii_hexdigit() && (rest.starts_with("0x") || c.is_ascii_digit()))
        .collect();
    let radix = if rest.starts_with("0x") { 16 } else { 10 };
    u64::from_str_radix(&digits, radix).unwrap_or_else(|_| panic!("no number after {key:?} in:\n{text}"))
}

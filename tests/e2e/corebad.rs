//! Files that are no core files, or were damaged since: a sentence each, and nothing worse.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::process::finish;
use crate::common::{Debugger, Output, brkwater_path, have, scratch, target};

/// A program, and a small core file of it.
fn made(dir: &Path) -> (String, PathBuf) {
    let (program, core) = (target("blocker"), dir.join("core"));
    let save = format!("gcore {}", core.display());
    Debugger::brkwater()
        .ex("break checkpoint if *name == 102")
        .ex("run")
        .ex(&save)
        .args(&[&program])
        .must_have("Saved corefile");
    (program, core)
}

#[test]
fn what_is_no_core_file_is_named_in_gdbs_words() {
    if !have("gdb") {
        return;
    }
    let dir = scratch("core-none");
    fs::write(dir.join("empty"), "").unwrap();
    fs::write(dir.join("text"), "hello\n").unwrap();
    let files = [
        dir.clone(),
        dir.join("empty"),
        dir.join("text"),
        dir.join("missing"),
        target("dumped").into(),
        "/dev/null".into(),
    ];
    for file in files {
        let open = format!("core-file {}", file.display());
        let (ours, gdb) = (Debugger::brkwater().ex(&open).plain(&[]), Debugger::gdb().ex(&open).plain(&[]));
        assert_eq!(ours.text, gdb.text, "{}", file.display());
    }
    let secret = dir.join("secret");
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    if fs::read(&secret).is_ok() {
        return eprintln!("not tested: a file without permission, we may read everything");
    }
    let output = Debugger::brkwater().ex(&format!("core-file {}", secret.display())).plain(&[]);
    assert_eq!(output.text, format!("{}: Permission denied.\n", secret.display()));
}

/// All that looks, one after the other, with 1 GB of memory to have.
fn look(program: &str, core: &Path) -> Output {
    const COMMANDS: [&str; 8] = [
        "bt full",
        "info threads",
        "info proc mappings",
        "info heap",
        "explain",
        "info sharedlibrary",
        "thread apply all bt",
        "x/4xg $sp",
    ];
    let mut shell = Command::new("/bin/sh");
    // Address space counts what is mapped of files as well, so it is more than memory.
    shell.args(["-c", "ulimit -v 1000000; exec \"$@\"", "sh"]).arg(brkwater_path()).args(["-nx", "-batch"]);
    for command in COMMANDS {
        shell.args(["-ex", command]);
    }
    shell.arg(program).arg(core);
    finish(shell, Duration::from_secs(50))
}

#[test]
fn another_machine_and_a_cut_file() {
    let dir = scratch("core-cut");
    let (program, core) = made(&dir);
    let whole = fs::read(&core).unwrap();
    let mut other = whole.clone();
    other[18] = 183; // EM_AARCH64
    fs::write(dir.join("other"), &other).unwrap();
    look(&program, &dir.join("other"))
        .must_have("is a core dump of another machine than x86-64")
        .must_have("No stack.");
    for length in [100, 2_000, 8_000, 20_000, 100_000, 1_000_000] {
        fs::write(dir.join("cut"), &whole[..length]).unwrap();
        let output = look(&program, &dir.join("cut"));
        let told = ["is truncated", "not a core dump", "cut too short"]
            .iter()
            .any(|word| output.text.contains(word));
        assert!(
            told && !output.text.contains("panicked") && output.code.is_some(),
            "{length}: {}",
            output.text
        );
    }
}

/// Headers that claim what is not: sizes, addresses, notes; every field of the program headers with edges of numbers.
#[test]
fn headers_that_claim_too_much() {
    let dir = scratch("core-claims");
    let (program, core) = made(&dir);
    let whole = fs::read(&core).unwrap();
    let word = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().unwrap());
    let count = usize::from(u16::from_le_bytes([whole[56], whole[57]]));
    let header = |index: usize| 64 + 56 * index;
    // The notes, the program, the heap, the stack's and the last one.
    let heap = (1..count)
        .find(|index| word(header(*index) + 16) & 3 == 0 && whole[header(*index) + 4] == 6)
        .unwrap();
    let mut broken = 0;
    for index in [0, 1, heap, count - 2] {
        for (field, value) in [
            (8, u64::MAX),
            (16, 0),
            (16, u64::MAX - 4095),
            (32, u64::MAX),
            (32, 1 << 46),
            (40, 1 << 46),
            (40, u64::MAX),
            (40, 1),
        ] {
            let mut bytes = whole.clone();
            bytes[header(index) + field..][..8].copy_from_slice(&value.to_le_bytes());
            fs::write(dir.join("claims"), &bytes).unwrap();
            let output = look(&program, &dir.join("claims"));
            assert!(
                !output.text.contains("panicked") && output.code.is_some(),
                "{index} {field} {value:#x}: {}",
                output.text
            );
            broken += 1;
        }
    }
    assert_eq!(broken, 32);
}

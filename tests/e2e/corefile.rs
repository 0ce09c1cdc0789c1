//! Core files: what is read out of one is what gdb reads out of it, from a core file of the kernel's and from one of gdb's.
//!
//! Not compared: `thread name` (we rename nobody), `p strlen(…)` (computed here, refused there), `info files`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::compare::{against_gdb, differences};
use crate::common::process::finish;
use crate::common::{Debugger, Output, have, scratch, target};

/// A core file that the kernel writes of `dumped HOW` (core(5)); `None`, and a word why, where it writes none that we
/// could find.
pub(crate) fn by_the_kernel(dir: &Path, program: &str, how: &str) -> Option<PathBuf> {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let pattern = pattern.trim();
    if pattern.starts_with('|') || pattern.contains('/') || pattern.is_empty() {
        eprintln!(
            "not tested with a core file of the kernel's: /proc/sys/kernel/core_pattern is {pattern:?}"
        );
        return None;
    }
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh", program, how]).current_dir(dir);
    finish(shell, Duration::from_secs(60));
    let prefix = pattern.split('%').next().unwrap().to_owned();
    let mut files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let found = files.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(&prefix));
    if found.is_none() {
        eprintln!(
            "not tested with a core file of the kernel's: it wrote none (a limit of 0 that may not be raised?)"
        );
    }
    found
}

/// A core file that gdb writes where `stop` leads to.
fn by_gdb(dir: &Path, command: &[&str], stop: &[&str]) -> PathBuf {
    let core = dir.join("by-gdb");
    let gdb = stop.iter().fold(Debugger::gdb().cwd(dir.to_owned()), |gdb, line| gdb.ex(line));
    gdb.ex(&format!("gcore {}", core.display())).args(command).must_have("Saved corefile");
    core
}

const SCRIPT: &[&str] = &[
    "bt",
    "bt 1",
    "bt -2",
    "bt full 3",
    "info threads",
    "thread",
    "frame",
    "info frame",
    "frame function here",
    "info frame",
    "info args",
    "info locals",
    "up",
    "info locals",
    "info args",
    "list",
    "list here",
    "down",
    "p *p",
    "p local",
    "p word",
    "p how",
    "p origin",
    "p *origin.next",
    "p greeting",
    "p counter + 1",
    "p mood",
    "p/x counter",
    "p table",
    "p &counter",
    "p mine",
    "p $_siginfo",
    "p $_siginfo.si_signo",
    "p $_siginfo._sifields._kill",
    "p $_exitsignal",
    "p $_exitcode",
    "p $_thread",
    "p $_inferior",
    "p $rip",
    "p $sp",
    "p/x $eflags",
    "p $xmm0",
    "p $st0",
    "info registers",
    "info registers rip rsp fs_base orig_rax mxcsr",
    "x/4i $pc",
    "x/8xw $sp",
    "x/s greeting",
    "x/2gx &origin",
    "x/4xb 0x10",
    "info symbol here",
    "info symbol $pc",
    "info address counter",
    "info line here",
    "info source",
    "info proc",
    "info proc mappings",
    "info proc exe",
    "info proc cmdline",
    "info proc cwd",
    "info sharedlibrary",
    "info auxv",
    "info inferiors",
    "info program",
    "disassemble here,+8",
    "ptype struct point",
    "thread 2",
    "bt",
    "p mine",
    "thread apply 3 p mine",
    "thread apply 2 p &mine",
    "thread apply all bt",
    "thread apply all p mine",
    "thread 9",
    "continue",
    "step",
    "next",
    "stepi",
    "finish",
    "until",
    "advance main",
    "kill",
    "set var counter = 3",
    "set var $rax = 1",
    "call here(0,0)",
    "jump main",
    "signal 0",
    "generate-core-file",
    "gcore x",
    "break here",
    "info breakpoints",
    "watch counter",
    "display counter",
    "info display",
    "core-file",
    "bt",
    "info threads",
    "info registers",
    "p counter",
    "detach",
    "info proc mappings",
];

fn says_what_gdb_says(program: &str, core: &Path) {
    let open = format!("core-file {}", core.display());
    let script: Vec<&str> = std::iter::once(open.as_str()).chain(SCRIPT.iter().copied()).collect();
    let found = against_gdb(&[program], &script);
    assert!(found.is_empty(), "{}\n{found}", core.display());
}

#[test]
fn a_core_file_of_the_kernels_says_what_gdb_reads_in_it() {
    if !have("gdb") {
        return;
    }
    let program = target("dumped");
    for how in ["abort", "segv"] {
        let dir = scratch(&format!("core-kernel-{how}"));
        let Some(core) = by_the_kernel(&dir, &program, how) else { return };
        says_what_gdb_says(&program, &core);
    }
}

#[test]
fn a_core_file_of_gdbs_says_what_gdb_reads_in_it() {
    if !have("gdb") {
        return;
    }
    let program = target("dumped");
    let dir = scratch("core-gdb");
    let core = by_gdb(&dir, &[&program], &["break here", "run", "next", "next"]);
    says_what_gdb_says(&program, &core);
    let dir = scratch("core-gdb-segv");
    let core = by_gdb(&dir, &[&program, "segv"], &["run"]);
    says_what_gdb_says(&program, &core);
}

#[test]
fn every_way_to_open_one_leads_to_the_same_place() {
    if !have("gdb") {
        return;
    }
    let program = target("dumped");
    let core = by_gdb(&scratch("core-ways"), &[&program], &["break here", "run"]);
    let core = core.to_str().unwrap();
    let gdb = |words: &[&str]| Debugger::gdb().ex("bt").plain(words).text;
    let ours = |words: &[&str]| Debugger::brkwater().ex("bt").plain(words).text;
    for words in [&["-c", core, &program][..], &[&program, core], &["--core", core, &program]] {
        let found = differences(&ours(words), &gdb(words));
        assert!(found.is_empty(), "{words:?}: {found:#?}");
    }
    // Without a program's name it is found by the core file.
    let alone = ours(&["-c", core]);
    assert!(alone.contains("#1 ") && alone.contains("in main (argc=1, "), "{alone}");
    for command in ["target core", "core", "core-file"] {
        let open = format!("{command} {core}");
        let output = Debugger::brkwater().ex(&open).ex("bt").plain(&[&program]);
        assert!(differences(&output.text, &alone).is_empty(), "{command}: {}", output.text);
    }
}

fn opened(core: &Path, program: Option<&str>, commands: &[&str]) -> Output {
    let debugger = Debugger::brkwater().blocks(commands);
    match program {
        Some(program) => debugger.plain(&[program, core.to_str().unwrap()]),
        None => debugger.plain(&["-c", core.to_str().unwrap()]),
    }
}

/// The program is gone, is another, or is elsewhere by now.
#[test]
fn a_program_that_is_not_where_it_was() {
    if !have("gdb") {
        return;
    }
    let dir = scratch("core-moved");
    let (there, moved) = (dir.join("dumped"), dir.join("moved"));
    std::fs::copy(target("dumped"), &there).unwrap();
    let core = by_gdb(&dir, &[there.to_str().unwrap(), "segv"], &["run"]);
    std::fs::rename(&there, &moved).unwrap();

    let gone = opened(&core, None, &["bt", "p counter"]);
    gone.must_have(&format!(
        "warning: Can't open file {} during file-backed mapping note processing",
        there.display()
    ))
    .must_not_have("panicked");
    // The unwinder reads the tables in memory: gdb's core files have them.
    assert!(gone.block(0).contains("#1 ") && !gone.block(0).contains("dumped.c"), "{}", gone.text);

    let named = opened(&core, Some(moved.to_str().unwrap()), &["bt", "p counter", "p origin"]);
    let theirs = Debugger::gdb().blocks(&["bt", "p counter", "p origin"]);
    let theirs = theirs.plain(&[moved.to_str().unwrap(), core.to_str().unwrap()]);
    for index in 0..3 {
        let found = differences(named.block(index), theirs.block(index));
        assert!(found.is_empty(), "{found:#?}");
    }

    let another = crate::common::target_with("dumped", "-O2 -g -pthread -w");
    std::fs::copy(&another, &there).unwrap();
    for (program, place) in [(None, &there), (Some(another.as_str()), &PathBuf::from(&another))] {
        let replaced = opened(&core, program, &["bt", "p counter", "x/2i $pc"]);
        replaced
            .must_have(&format!("{} is not the file that the process had mapped", place.display()))
            .must_not_have("panicked");
        assert!(replaced.block(0).contains("#1 "), "{}", replaced.text);
        assert!(!replaced.block(0).contains("dumped.c"), "lines of another build: {}", replaced.text);
        // The instruction that faulted, of the program that ran.
        let code = opened(&core, Some(moved.to_str().unwrap()), &["x/2i $pc"]);
        let plain =
            |text: &str| text.lines().map(|line| line.rsplit('\t').next().unwrap().to_owned()).collect();
        let (ours, theirs): (Vec<String>, Vec<String>) = (plain(replaced.block(2)), plain(code.block(0)));
        assert_eq!(
            ours.first().map(|line| line.split(' ').next()),
            theirs.first().map(|line| line.split(' ').next())
        );
    }
}

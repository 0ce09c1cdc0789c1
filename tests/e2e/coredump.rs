//! `generate-core-file`: gdb reads in it what was there, and it keeps what gdb would keep; and the heap of a core file is
//! the heap of the process.

use std::path::Path;

use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, elf};
use serde_json::Value;

use crate::common::compare::differences;
use crate::common::json::{at, number, object};
use crate::common::{Debugger, have, scratch, target};

/// What is looked at before, and in the core file.
const LOOK: &[&str] = &[
    "bt",
    "bt full 1",
    "info registers",
    "p $xmm0",
    "p $mxcsr",
    "info registers fs_base orig_rax k1",
    "p origin",
    "p *origin.next",
    "p mine",
    "p counter",
    "x/16xb here",
    "x/6i $pc",
    "x/32xg $sp",
    "info symbol $pc",
    "p $_siginfo.si_signo",
    "thread apply all bt",
    "thread apply all p mine",
    "info auxv",
];

#[test]
fn gdb_reads_in_our_core_file_what_was_there() {
    if !have("gdb") {
        return;
    }
    let (program, dir) = (target("dumped"), scratch("gcore"));
    for (arguments, stop) in [
        (&["wait"][..], &["break here", "run", "next", "next"][..]),
        (&["segv"], &["run"]),
        (&["wait"], &["break sleeper", "run", "delete", "break 35", "c"]),
    ] {
        let core = dir.join("core");
        let save = format!("gcore {}", core.display());
        let command: Vec<&str> = std::iter::once(program.as_str()).chain(arguments.iter().copied()).collect();
        let before = stop.iter().fold(Debugger::brkwater(), |debugger, line| debugger.ex(line));
        let live = before.ex(&save).blocks(LOOK).args(&command);
        live.must_have(&format!("Saved corefile {}", core.display()));
        let gdb = Debugger::gdb().blocks(LOOK).plain(&[&program, core.to_str().unwrap()]);
        gdb.must_not_have("malformed").must_not_have("truncated").must_not_have("Unexpected size");
        // Where several threads are on their way, the other ones are not at the same place each time.
        let all = !stop.contains(&"break sleeper");
        for (index, look) in LOOK.iter().enumerate().filter(|(_, look)| all || !look.contains("apply")) {
            // A core file has no names of threads.
            let found = differences(&live.block(index).replace(" \"dumped\")", ")"), gdb.block(index));
            assert!(found.is_empty(), "{arguments:?} {look}: {found:#?}");
        }
    }
}

/// Which memory a core file has: addresses and sizes.
fn kept(core: &Path) -> Vec<(u64, u64)> {
    let bytes = std::fs::read(core).unwrap();
    let file = ElfFile64::<Endianness>::parse(&*bytes).unwrap();
    let loads =
        file.elf_program_headers().iter().filter(|header| header.p_type(Endianness::Little) == elf::PT_LOAD);
    let sizes = loads.map(|header| (header.p_vaddr(Endianness::Little), header.p_filesz(Endianness::Little)));
    sizes.filter(|(_, size)| *size > 0).collect()
}

#[test]
fn it_keeps_what_gdb_keeps() {
    if !have("gdb") {
        return;
    }
    let (program, dir) = (target("dumped"), scratch("gcore-filters"));
    for (filter, settings) in [
        (&[][..], &[][..]),
        (&[], &["set use-coredump-filter off"]),
        (&[], &["set dump-excluded-mappings on"]),
        (&["0x7f"], &[]),
        (&["0"], &[]),
        (&["0x4"], &["set dump-excluded-mappings on"]),
        (&["0xa"], &[]),
        (&["0x7f"], &["set use-coredump-filter off"]),
    ] {
        let (ours, theirs) = (dir.join("ours"), dir.join("theirs"));
        let command: Vec<&str> = [&[program.as_str(), "wait"], filter].concat();
        let save = |debugger: Debugger, core: &Path| {
            let ready = settings
                .iter()
                .fold(debugger.ex("break all_mapped").ex("run"), |debugger, line| debugger.ex(line));
            let output = ready.ex(&format!("gcore {}", core.display())).args(&command);
            output.must_have(&format!("Saved corefile {}", core.display()));
            output
                .text
                .lines()
                .filter(|line| line.starts_with("warning: Memory"))
                .map(str::to_owned)
                .collect()
        };
        let (our_words, their_words): (Vec<String>, Vec<String>) =
            (save(Debugger::brkwater(), &ours), save(Debugger::gdb(), &theirs));
        assert_eq!(kept(&ours), kept(&theirs), "{filter:?} {settings:?}");
        assert_eq!(our_words, their_words, "{filter:?} {settings:?}");
    }
}

#[test]
fn it_is_refused_in_gdbs_words() {
    let (program, dir) = (target("dumped"), scratch("gcore-refused"));
    let nowhere = format!("gcore {}/no/such/core", dir.display());
    let folder = format!("gcore {}", dir.display());
    let output =
        Debugger::brkwater().blocks(&["gcore x", "break here", "run", &nowhere, &folder, "gcore", "bt"]);
    let output = output.cwd(dir.clone()).args(&[&program]);
    assert_eq!(output.block(0), "You can't do that without a process to debug.\n");
    assert!(
        output.block(3).starts_with(&format!("Failed to open '{}/no/such/core' for output.", dir.display()))
    );
    assert!(output.block(4).starts_with(&format!("Failed to open '{}' for output.", dir.display())));
    let pid =
        output.block(5).lines().last().unwrap().strip_prefix("Saved corefile core.").unwrap().to_owned();
    assert!(dir.join(format!("core.{pid}")).is_file(), "{}", output.text);
    assert!(output.block(6).contains("#1 "), "the process is as it was: {}", output.text);
    let names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

/// What a core file cannot tell, or tells of the moment and not of the heap.
fn plain(mut heap: Value) -> Value {
    heap["pid"].take();
    for blocker in heap["blockers"].as_array_mut().unwrap() {
        blocker["planted_by"].take();
    }
    for cache in heap["tcache"].as_array_mut().unwrap() {
        cache["tid"].take();
    }
    heap
}

#[test]
fn the_heap_of_a_core_file_is_the_heap_of_the_process() {
    let dir = scratch("core-heap");
    for (name, arguments, stop) in [
        ("blocker", &["plant", "3000", "100"][..], "break checkpoint if *name == 103 && page_at"),
        ("blocker", &["plant", "4000", "500", "2"], "break checkpoint if *name == 102"),
        ("blocker", &["free-way", "3000", "100", "3"], "break checkpoint if *name == 102"),
        ("threads", &["4", "100"], "break work if i == 50"),
        ("dumped", &["wait"], "break here"),
    ] {
        let (program, core) = (target(name), dir.join("core"));
        let command: Vec<&str> = std::iter::once(program.as_str()).chain(arguments.iter().copied()).collect();
        let save = format!("gcore {}", core.display());
        let live =
            Debugger::brkwater().ex(stop).ex("run").blocks(&["info heap -json", &save, "info blockers"]);
        let live = live.args(&command);
        live.must_have("Saved corefile");
        let mut files = vec![core.clone()];
        // Which thread gets which arena is a matter of chance.
        if name == "blocker" && have("gdb") {
            let theirs = dir.join("theirs");
            let save = format!("gcore {}", theirs.display());
            Debugger::gdb().ex(stop).ex("run").ex(&save).args(&command).must_have("Saved corefile");
            files.push(theirs);
        }
        for core in files {
            let dead = Debugger::brkwater().blocks(&["info heap -json", "info blockers", "explain"]);
            let dead = dead.plain(&[&program, core.to_str().unwrap()]);
            let (before, after) = (object(live.block(0)), object(dead.block(0)));
            assert_eq!(plain(after.clone()), plain(before), "{arguments:?} {}", core.display());
            for arena in at(&after, "arenas").as_array().unwrap() {
                assert_eq!(number(arena, "unaccounted"), 0, "{arena}");
            }
            dead.must_not_have("brkwater attached");
            let ranges =
                |text: &str| text.split('[').nth(1).map(|rest| rest.split(']').next().unwrap().to_owned());
            assert_eq!(ranges(dead.block(1)), ranges(live.block(2)), "{}", dead.text);
            if arguments[0] == "plant" {
                dead.must_have("there when the core file was written").must_have("[measured]");
            }
        }
    }
}

/// Memory that the program never touched is not touched by us either: its tables and its anonymous pages are what they were
/// (gdb 13.1 makes the tables of `dumped` six times as large).
#[test]
fn writing_one_leaves_the_target_as_it_is() {
    let core = scratch("gcore-quiet").join("core");
    let save = format!("gcore {}", core.display());
    let output = Debugger::brkwater().ex("break here").ex("run");
    let output = output.blocks(&["info proc status", &save, "info proc status"]).args(&[&target("dumped")]);
    output.must_have("Saved corefile");
    let lines = |block: usize| -> Vec<String> {
        let wanted = ["VmPTE:", "RssAnon:", "VmSwap:", "VmSize:", "SigPnd:", "SigBlk:"];
        let lines = output.block(block).lines();
        lines.filter(|line| wanted.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect()
    };
    assert_eq!(lines(0), lines(2));
    assert!(lines(0).len() >= 5, "{}", output.text);
}

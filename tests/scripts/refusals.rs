//! Where there is no answer there is a sentence, and never an error of Python's.

use std::fs;
use std::process::Command;

use crate::common::{Output, scratch, target, target_with};
use crate::fronts::{Front, Target, World, entry, fronts};

const ASKING: &[&str] =
    &["brk-heap", "brk-heap -json", "brk-blockers", "brk-growth", "brk-explain", "brk-export md no.md"];

fn must_be_words(output: &Output) -> &Output {
    for not in
        ["Traceback", "Error occurred in Python", "gdb.error", "RuntimeError", "AttributeError", "panicked"]
    {
        output.must_not_have(not);
    }
    output
}

#[test]
fn nothing_is_run() {
    let program = target("chain");
    for front in fronts() {
        for target in [Target::Nothing, Target::Program(&[&program])] {
            let said = front.run(&World::default(), ASKING, &target);
            must_be_words(&said);
            assert_eq!(
                said.text.matches("The program is not being run.").count(),
                ASKING.len(),
                "{}",
                said.text
            );
        }
    }
}

#[test]
fn a_process_that_has_ended() {
    let program = target("chain");
    for front in fronts() {
        let said = front.run(&World::default(), &["run", "brk-heap"], &Target::Program(&[&program]));
        must_be_words(&said).must_have("The program is not being run.");
    }
}

#[test]
fn wrong_words() {
    for front in fronts() {
        let wrong = [
            ("brk-heap -x", "Invalid argument \"-x\"."),
            ("brk-export", "Argument required (a format: md, json; and a file)."),
            ("brk-chain", "No chains."),
            ("brk-chain open", "A chain has two stages or more."),
            ("brk-chain open then", "\"then\" needs a location"),
            ("brk-chain then mmap", "A chain needs a location in front of \"then\"."),
            ("brk-chain a then every b then c", "\"every\" belongs to the last stage"),
            ("brk-chain a then syscall mmap", "A stage that is a system call needs brkwater"),
            ("brk-chain a then b in any", "\"in any\" needs brkwater"),
            ("brk-chain a if system(\"x\") then b", "`system' is not evaluated"),
            ("brk-chain a if $rdi == then b", "A syntax error in expression, near `'."),
            ("brk-chain a if 1 2 then b", "A syntax error in expression, near `2'."),
            ("brk-chain a if strcmp($rdi) then b", "strcmp takes 2 arguments."),
            ("brk-chain delete 7", "No chain number 7."),
        ];
        let commands: Vec<&str> = wrong.iter().map(|(command, _)| *command).collect();
        let said = front.run(&World::default(), &commands, &Target::Nothing);
        must_be_words(&said);
        for (_, words) in wrong {
            said.must_have(words);
        }
    }
}

#[test]
fn a_program_without_libc() {
    let dir = scratch("scripts_bare");
    let (source, program) = (dir.join("bare.c"), dir.join("bare"));
    fs::write(&source, "void _start(void) { for (;;) __asm__ volatile(\"int3\"); }\n").unwrap();
    let built = Command::new("cc").args(["-nostdlib", "-static", "-o"]).args([&program, &source]).status();
    assert!(built.unwrap().success());
    for front in fronts() {
        let commands = ["run", "brk-heap", "brk-growth", "brk-blockers", "brk-explain"];
        let said = front.run(&World::default(), &commands, &Target::Program(&[program.to_str().unwrap()]));
        must_be_words(&said).must_have("no malloc arena was found").must_have("its structures were not read");
    }
}

#[test]
fn a_static_program_has_its_heap() {
    let program = target_with("heap_truth", "-O1 -g -static -DSTATIC -pthread");
    for front in fronts() {
        let at = if front == Front::Gdb { "break wait_here" } else { "breakpoint set -n pause" };
        let said =
            front.run(&World::default(), &[at, "run", "brk-heap"], &Target::Program(&[&program, "plain"]));
        must_be_words(&said).must_have("accounted 100 %");
    }
}

#[test]
fn no_brkwater_is_there() {
    let program = target("chain");
    let missing = World { entry: entry(), brkwater: None };
    let wrong = World { entry: entry(), brkwater: Some("/nonexistent/brkwater".into()) };
    for front in fronts() {
        let at = if front == Front::Gdb { "break main" } else { "breakpoint set -n main" };
        for (world, words) in [(&missing, "brkwater was not found: "), (&wrong, "which cannot be run.")] {
            let said = front.run(world, &[at, "run", "brk-heap"], &Target::Program(&[&program]));
            must_be_words(&said).must_have(words);
        }
    }
}

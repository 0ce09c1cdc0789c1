//! Chains: `break A if C then B` stops where gdb does when the same is written out with commands and enable.

use std::fs;

use crate::common::compare::differences;
use crate::common::{Debugger, Output, scratch, target};

struct Stage {
    program: Vec<String>,
    bundle: String,
}

fn stage(name: &str) -> Stage {
    let dir = scratch(name);
    let (bundle, other) = (dir.join("bundle.pem"), dir.join("other.txt"));
    fs::write(&bundle, "-----BEGIN CERTIFICATE-----\n").unwrap();
    fs::write(&other, "nothing\n").unwrap();
    let (bundle, other) = (bundle.to_str().unwrap().to_owned(), other.to_str().unwrap().to_owned());
    Stage { program: vec![target("chain"), bundle.clone(), other], bundle }
}

impl Stage {
    fn args(&self) -> Vec<&str> {
        self.program.iter().map(String::as_str).collect()
    }

    fn chain(&self, tail: &str, script: &[&str]) -> Output {
        let first = format!("break open if strcmp($rdi, \"{}\") == 0 {tail}", self.bundle);
        let mut debugger = Debugger::brkwater().ex(&first).ex("run");
        debugger = debugger.blocks(script);
        debugger.args(&self.args())
    }

    /// The same by hand in gdb: the second breakpoint is enabled by the first one's commands.
    fn by_hand(&self, second: &str, again: bool, script: &[&str]) -> Output {
        let dir = scratch(&format!("by_hand_{}", std::process::id()));
        let file = dir.join("by_hand.gdb");
        let once = if again { "" } else { "disable 3\n" };
        fs::write(
            &file,
            format!(
                "break main\nrun\nbreak open if $_streq((char*)$rdi, \"{}\")\nbreak {second}\ndisable 3\n\
                 commands 2\nsilent\nenable 3\ncontinue\nend\ncommands 3\n{once}end\ndelete 1\ncontinue\n",
                self.bundle
            ),
        )
        .unwrap();
        Debugger::gdb().flag("-x").flag(file.to_str().unwrap()).blocks(script).args(&self.args())
    }
}

fn must_equal(ours: &Output, theirs: &Output, script: &[&str]) {
    let mut report = String::new();
    for (index, command) in script.iter().enumerate() {
        let (ours, theirs) = (ours.block(index), theirs.block(index));
        // A chain is one breakpoint, by hand it is two: the number in the stop's line differs.
        let number = |text: &str| {
            text.replace("Breakpoint 3.1, ", "Breakpoint 1, ").replace("Breakpoint 1.1, ", "Breakpoint 1, ")
        };
        let found = differences(&number(ours), &number(theirs));
        if !found.is_empty() {
            report += &format!("({command})\n    {}\n", found.join("\n    "));
        }
    }
    assert!(report.is_empty(), "\n{report}\nours:\n{}\ngdb's:\n{}", ours.text, theirs.text);
}

#[test]
fn a_chain_stops_where_the_same_stops_by_hand_in_gdb() {
    let stage = stage("chain_every_round");
    let script = ["bt", "continue", "bt", "continue", "bt"];
    let ours = stage.chain("then mmap", &script);
    let theirs = stage.by_hand("mmap", false, &script);
    // The block of the last continue has the second round's stop.
    must_equal(&ours, &theirs, &script);
    ours.must_have("len=len@entry=303104");
}

#[test]
fn after_its_stop_a_chain_waits_for_its_first_stage_again() {
    let stage = stage("chain_again");
    let ours = stage.chain("then mmap", &["continue", "continue", "continue", "info breakpoints"]);
    // Three rounds: 300000, 304096, 308192 bytes; never the 400000s, never OTHER's 200000s.
    for size in ["len@entry=303104", "len@entry=307200", "len@entry=311296"] {
        ours.must_have(size);
    }
    ours.must_not_have("len@entry=401408").must_not_have("len@entry=200704");
    ours.must_have("exited normally]").must_have("bundle opened 3 times");
}

#[test]
fn every_keeps_the_last_stage_armed() {
    let stage = stage("chain_every");
    let ours = stage.chain("then every mmap", &["continue", "continue", "continue", "info breakpoints"]);
    // After the first opening: 303104, 401408, then OTHER's 200704 of the second round as well, until it is opened anew.
    ours.must_have("len@entry=303104").must_have("len@entry=401408");
}

#[test]
fn once_ends_a_chain_at_its_stop() {
    let stage = stage("chain_once");
    let ours = stage.chain("then mmap once", &["bt", "continue"]);
    ours.must_have("len@entry=303104").must_have("exited normally]").must_not_have("len@entry=307200");
}

#[test]
fn stages_have_conditions_of_their_own() {
    let stage = stage("chain_conditions");
    let ours = stage.chain("then mmap if $arg2 > 395K", &["bt", "info breakpoints"]);
    // 395 KiB are 404480 bytes; the second round's larger block, 404096 bytes and a header, takes 405504.
    ours.must_have("len@entry=405504").must_not_have("len@entry=303104").must_not_have("len@entry=401408");
    let three = stage.chain("then malloc if $rdi > 350000 then mmap", &["bt"]);
    three.must_have("len@entry=401408");
}

#[test]
fn a_stage_may_be_a_system_call() {
    let stage = stage("chain_syscall");
    let ours = stage.chain("then syscall mmap", &["bt"]);
    ours.must_have("take (size=300000)").must_not_have("panicked");
}

#[test]
fn the_stages_are_shown_below_the_breakpoint() {
    let stage = stage("chain_shown");
    let ours = stage.chain("then mmap", &["info breakpoints"]);
    let shown = ours.block(0);
    assert!(shown.starts_with("Num     Type           Disp Enb Address            What\n"), "{shown}");
    assert!(shown.contains("mmap"), "{shown}");
    assert!(shown.contains("libc.so.6"), "each location names its module:\n{shown}");
}

/// What `save breakpoints` writes is gdb's language, and gdb stops at the same place with it.
#[test]
fn a_saved_chain_works_in_gdb() {
    let stage = stage("chain_saved");
    let file = scratch("chain_saved_file").join("saved.gdb");
    let save = format!("save breakpoints {}", file.display());
    stage.chain("then mmap", &[&save]).must_have("Saved to file");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(" then "), "gdb knows no `then`:\n{text}");
    let theirs =
        Debugger::gdb().flag("-x").flag(file.to_str().unwrap()).ex("run").ex("bt").args(&stage.args());
    theirs.must_have("len=len@entry=303104");
}

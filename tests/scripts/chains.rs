//! `brk-chain` stops where brkwater's `break … then …` stops.

use std::fs;

use crate::common::{Debugger, Output, scratch, target};
use crate::fronts::{Front, Target, World, fronts};

/// More than any of these chains stops.
const STOPS: usize = 10;

struct Stage {
    words: Vec<String>,
    bundle: String,
}

fn stage(name: &str) -> Stage {
    let dir = scratch(name);
    let (bundle, other) = (dir.join("bundle.pem"), dir.join("other.txt"));
    fs::write(&bundle, "-----BEGIN CERTIFICATE-----\n").unwrap();
    fs::write(&other, "nothing\n").unwrap();
    let (bundle, other) = (bundle.to_str().unwrap().to_owned(), other.to_str().unwrap().to_owned());
    Stage { words: vec![target("chain"), bundle.clone(), other], bundle }
}

/// The sizes that were asked for at each stop: decimal numbers behind ` = `.
fn sizes(output: &Output) -> Vec<u64> {
    let number = |line: &str| line.rsplit_once(" = ").and_then(|(_, value)| value.trim().parse().ok());
    let known = |line: &&str| line.starts_with('$') || line.trim_start().starts_with("rsi = ");
    output.text.lines().filter(known).filter_map(number).collect()
}

impl Stage {
    fn text(&self, chain: &str) -> String {
        chain.replace("BUNDLE", &format!("\"{}\"", self.bundle))
    }

    fn ours(&self, chain: &str) -> Vec<u64> {
        let mut debugger = Debugger::brkwater().ex(&format!("break {}", self.text(chain))).ex("run");
        for _ in 0..STOPS {
            debugger = debugger.ex("p $rsi").ex("continue");
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        sizes(&debugger.args(&words))
    }

    fn theirs(&self, front: Front, chain: &str) -> (Vec<u64>, Output) {
        let first = format!("brk-chain {}", self.text(chain));
        let mut commands = vec![first.as_str(), "run"];
        for _ in 0..STOPS {
            commands.extend([front.print_size(), "continue"]);
        }
        commands.push("brk-chain");
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let said = front.run(&World::default(), &commands, &Target::Program(&words));
        said.must_not_have("Traceback");
        (sizes(&said), said)
    }

    fn must_stop_alike(&self, chain: &str) -> Vec<u64> {
        let ours = self.ours(chain);
        for front in fronts() {
            let (theirs, said) = self.theirs(front, chain);
            assert_eq!(theirs, ours, "{front:?}: {chain}\n{}", said.text);
        }
        ours
    }
}

#[test]
fn a_chain_stops_where_brkwater_s_does() {
    let stage = stage("scripts_chain");
    let ours = stage.must_stop_alike("open if strcmp($rdi, BUNDLE) == 0 then mmap");
    assert_eq!(ours, [303_104, 307_200, 311_296]);
}

#[test]
fn its_options_are_brkwater_s() {
    let stage = stage("scripts_options");
    for options in ["mmap once", "every mmap", "mmap in process", "mmap in thread once"] {
        let ours = stage.must_stop_alike(&format!("open if strcmp($rdi, BUNDLE) == 0 then {options}"));
        assert_eq!(ours.len() == 1, options.ends_with("once"), "{options} {ours:?}");
    }
}

#[test]
fn every_stage_has_a_condition_of_its_own() {
    must_stop_alike(
        "scripts_conditions",
        &[
            "open if strcmp($rdi, BUNDLE) == 0 then mmap if $arg2 > 395K",
            "open if strcmp($rdi, BUNDLE) == 0 then malloc if $rdi > 350000 then mmap",
            "open if strcmp($arg1, BUNDLE) != 0 then mmap if $arg1 == 0 && ($arg3 & 3) == 3",
        ],
    );
}

#[test]
fn strings_are_compared_as_brkwater_compares_them() {
    must_stop_alike(
        "scripts_strings",
        &[
            "open if strstr($rdi, \"bundle\") then mmap if $rsi % 4096 == 0 || $rsi / 0",
            "open if strncmp($rdi, \"/\", 1) == 0 && strlen($rdi) > 3 then mmap if !($rsi < 300000)",
            "open if strcasecmp($rdi, BUNDLE) == 0 then mmap if $r8 == 0xffffffff && ~$r9 == -1",
            "open if memcmp($rdi, \"/nothing\", 8) == 0 then mmap",
        ],
    );
}

#[test]
fn conditions_see_variables() {
    must_stop_alike(
        "scripts_variables",
        &[
            "take if size >= 300000 then mmap if $rsi > 0x4a000 + 1K",
            "take if blocks > 3 && size > 200000 then mmap",
        ],
    );
}

fn must_stop_alike(name: &str, chains: &[&str]) {
    let stage = stage(name);
    for chain in chains {
        let ours = stage.must_stop_alike(chain);
        assert_eq!(ours.is_empty(), chain.contains("nothing"), "{chain} {ours:?}");
    }
}

/// One thread crosses the first stage, others the second: who may, the scope says.
#[test]
fn threads_are_told_apart_as_brkwater_tells_them_apart() {
    let stage = Stage { words: vec![target("chain_threads")], bundle: String::new() };
    let per_thread = stage.must_stop_alike("first then second");
    assert_eq!(per_thread, [101, 103]);
    let in_process = stage.must_stop_alike("first then second in process");
    assert_eq!(in_process, [200, 101, 202, 103]);
    for front in fronts() {
        let (_, said) = stage.theirs(front, "first then every second once in process");
        said.must_have("Chain 1: first then every second once in process");
    }
    let every = stage.must_stop_alike("first if $arg1 == 2 then every second in process");
    assert_eq!(every, [202, 302, 103, 203, 303]);
}

#[test]
fn an_error_is_told_once_and_is_no_hit() {
    let stage = stage("scripts_errors");
    for front in fronts() {
        let (stops, said) = stage.theirs(front, "open if strcmp(8, BUNDLE) == 0 then mmap");
        assert!(stops.is_empty(), "{}", said.text);
        let told = said.text.matches("Error in testing condition of chain 1, stage 1:").count();
        assert_eq!(told, 1, "{}", said.text);
        said.must_have("its condition cannot be evaluated: Cannot access memory at address 0x8");
        said.must_have("stage 1: 0 hits, 6 tests").must_have("exited");
    }
}

#[test]
fn its_stages_are_counted() {
    let stage = stage("scripts_counts");
    for front in fronts() {
        let (_, said) = stage.theirs(front, "open if strcmp($rdi, BUNDLE) == 0 then mmap");
        let last = &said.text[said.text.rfind("Chain 1: ").unwrap()..];
        assert!(last.contains("  stage 1: 3 hits, 6 tests\n  stage 2: 3 hits, 3 tests, not armed"), "{last}");
    }
}

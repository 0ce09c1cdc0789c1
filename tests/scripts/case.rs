//! The loop of the case, in three debuggers: a bundle of certificates is opened again and again, and behind each opening
//! comes an mmap where a brk should have been. `brk-chain`, and what `save breakpoints` wrote, stop where `then` stops; a core
//! that gdb made of it holds the whole heap. Small here; with the real OpenSSL and nginx in the long suite.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::answers::object_line;
use crate::common::process::Running;
use crate::common::{Debugger, Output, json, long, scratch, target};
use crate::fronts::{Front, Target, World, fronts};

const MARK: &str = "<<<stop>>>";
const LOADS: usize = 6;

/// What is run, and the bundle that it opens.
struct Case {
    words: Vec<String>,
    bundle: String,
    /// More than it stops.
    stops: usize,
}

/// A stop: its address, and the functions of its frames up to main.
type Stop = (u64, Vec<String>);

impl Case {
    fn small(name: &str, variant: &[&str]) -> Case {
        let bundle = scratch(name).join("bundle.pem");
        let line = "M".repeat(700) + "\n";
        fs::write(&bundle, line.repeat(600)).unwrap();
        let bundle = bundle.to_str().unwrap().to_owned();
        let first = [target("bundle"), bundle.clone(), LOADS.to_string()];
        let words = first.into_iter().chain(variant.iter().map(|&word| word.to_owned())).collect();
        Case { words, bundle, stops: LOADS + 2 }
    }

    fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    fn chain(&self) -> String {
        format!("open if strcmp($rdi, \"{}\") == 0 then mmap", self.bundle)
    }

    /// Runs it with what sets the chain in brkwater or gdb, and tells each stop.
    fn stops_of(&self, mut debugger: Debugger) -> (Vec<Stop>, Output) {
        // nginx copies its environment into its heap; each debugger has another one.
        debugger = debugger.ex("unset environment").ex("run");
        for _ in 0..self.stops {
            debugger = debugger.ex(&format!("echo {MARK}\\n")).ex("p/x $rip").ex("bt").ex("continue");
        }
        let said = debugger.limit(180).args(&self.words());
        (read(&said.text, "$", gdb_frame), said)
    }

    fn ours(&self) -> Vec<Stop> {
        self.stops_of(Debugger::brkwater().ex(&format!("break {}", self.chain()))).0
    }

    fn theirs(&self, front: Front) -> (Vec<Stop>, Output) {
        let first = format!("brk-chain {}", self.chain());
        match front {
            Front::Gdb => {
                let load = format!("source {}", crate::fronts::entry().display());
                self.stops_of(Debugger::gdb().ex(&load).ex(&first))
            }
            Front::Lldb => self.lldb(&[&first]),
        }
    }

    fn lldb(&self, first: &[&str]) -> (Vec<Stop>, Output) {
        let mark = format!("script print(\"{MARK}\")");
        // lldb's terminal would give stdio's buffers, which are in the heap, another size than gdb's pipe.
        let output =
            format!("settings set target.output-path {}", scratch("case_output").join("out").display());
        let mut commands = first.to_vec();
        commands.extend([output.as_str(), "settings set target.inherit-env false", "run"]);
        for _ in 0..self.stops {
            commands.extend([&mark, "register read rip", "thread backtrace", "continue"]);
        }
        commands.push("brk-chain");
        let said = Front::Lldb.run(&World::default(), &commands, &Target::Program(&self.words()));
        said.must_not_have("Traceback");
        (read(&said.text, "rip = ", lldb_frame), said)
    }

    /// What `save breakpoints` wrote of the chain, for gdb or for lldb.
    fn saved(&self, name: &str, flag: &str) -> PathBuf {
        let file = scratch(name).join("saved");
        let save = format!("save breakpoints {flag} {}", file.display());
        let debugger = Debugger::brkwater().ex(&format!("break {}", self.chain())).ex(&save);
        debugger.args(&self.words()).must_have("Saved to file");
        file
    }
}

fn read(text: &str, register: &str, frame: fn(&str) -> Option<&str>) -> Vec<Stop> {
    let block = |block: &str| {
        let line = block.lines().map(str::trim_start).find(|line| line.starts_with(register))?;
        let digits = line.split("0x").nth(1)?.split(' ').next()?;
        let pc = u64::from_str_radix(digits, 16).ok()?;
        let mut frames: Vec<String> = block.lines().filter_map(frame).map(str::to_owned).collect();
        let main = frames.iter().position(|name| name == "main");
        frames.truncate(main.map_or(frames.len(), |at| at + 1));
        Some((pc, frames))
    };
    text.split(&format!("{MARK}\n")).skip(1).filter_map(block).collect()
}

/// `#3  0x… in name (…` or `#0  name (…`.
fn gdb_frame(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('#')?.split_once(' ')?.1.trim_start();
    let rest = if rest.starts_with("0x") { rest.split_once(" in ")?.1 } else { rest };
    rest.split(' ').next()
}

/// ``frame #3: 0x… module`name(…``.
fn lldb_frame(line: &str) -> Option<&str> {
    let rest = line.trim_start().trim_start_matches("* ").strip_prefix("frame #")?;
    let name = rest.split_once('`')?.1;
    let name = name.split_once(" [inlined] ").map_or(name, |(_, inlined)| inlined);
    name.split(['(', ' ']).next()
}

/// With how often each stops: the first 1 MiB that malloc takes is enough for two loads.
const VARIANTS: [(&[&str], usize); 4] =
    [(&[], 0), (&["plant"], 1), (&["keep"], 0), (&["plant", "keep"], LOADS - 1)];

#[test]
fn a_chain_in_the_loop_stops_where_brkwater_s_does() {
    for (variant, stops) in VARIANTS {
        let case = Case::small("case_chain", variant);
        let ours = case.ours();
        assert_eq!(ours.len(), stops, "{variant:?}: {ours:?}");
        for front in fronts() {
            let (theirs, said) = case.theirs(front);
            assert_eq!(theirs, ours, "{front:?} {variant:?}:\n{}", said.text);
            if front == Front::Lldb {
                // The process is gone: nobody waits any more.
                said.must_have("not armed").must_not_have("tests, armed");
            }
        }
        for (_, frames) in ours {
            let told = |name: &str| frames.iter().any(|frame| frame == name);
            assert!(["sysmalloc", "keep_line", "load_bundle", "main"].into_iter().all(told), "{frames:?}");
        }
    }
}

#[test]
fn a_saved_chain_in_the_loop_stops_where_brkwater_s_does() {
    for (variant, stops) in VARIANTS {
        let case = Case::small("case_saved", variant);
        let ours = case.ours();
        assert_eq!(ours.len(), stops, "{variant:?}");
        let file = case.saved("case_saved_gdb", "");
        let (theirs, gdb) = case.stops_of(Debugger::gdb().flag("-x").flag(file.to_str().unwrap()));
        gdb.must_not_have("Error in ");
        assert_eq!(theirs, ours, "{variant:?}:\n{}", gdb.text);
        if fronts().contains(&Front::Lldb) {
            let source = format!("command source {}", case.saved("case_saved_lldb", "--lldb").display());
            let (theirs, lldb) = case.lldb(&[&source]);
            assert_eq!(theirs, ours, "{variant:?}:\n{}", lldb.text);
        }
    }
}

/// Every region is found: nothing of what malloc got is unaccounted for.
#[test]
fn a_core_of_the_loop_accounts_for_every_region() {
    if !fronts().contains(&Front::Gdb) {
        return;
    }
    for (variant, contiguous) in [(&["plant", "keep"][..], false), (&["keep"], true), (&["plant"], false)] {
        let case = Case::small("case_core", &[variant, &["serve"]].concat());
        let mut command = Command::new(&case.words[0]);
        command.args(&case.words[1..]);
        if !contiguous {
            // The page is planted only at a low break.
            command = setarch(command);
        }
        let running = Running::start(command);
        while running.line() != "ready" {}
        let core = scratch("case_core_file").join("core");
        let core = core.to_str().unwrap();
        let pid = running.pid().to_string();
        let gcore = Debugger::gdb().flag("-p").flag(&pid).ex(&format!("gcore {core}"));
        gcore.plain(&[]).must_have("Saved corefile");
        must_account(&case.words[0], core, running.pid(), contiguous);
    }
}

fn setarch(command: Command) -> Command {
    let mut fixed = Command::new("setarch");
    fixed.arg("-R").arg(command.get_program()).args(command.get_args());
    fixed
}

/// The core's heap is complete, and is told alike by three debuggers; the process's is the same.
fn must_account(program: &str, core: &str, pid: u32, contiguous: bool) {
    let said = Debugger::brkwater().flag("-c").flag(core).ex("info heap -json").plain(&[]);
    let ours = object_line(&said).to_owned();
    let heap = json::object(&said.text);
    assert_eq!(json::number(&heap, "arenas/0/unaccounted"), 0, "{heap}");
    let arena = json::at(&heap, "arenas/0");
    assert_eq!(arena["contiguous"].as_bool(), Some(contiguous), "{heap}");
    let regions = json::at(arena, "regions").as_array().unwrap();
    let size = |region| {
        let at = |key| u64::from_str_radix(json::text(region, key).trim_start_matches("0x"), 16).unwrap();
        at("end") - at("start")
    };
    assert_eq!(regions.iter().map(size).sum::<u64>(), json::number(arena, "system_mem"), "{heap}");
    assert_eq!(regions.len() > 1, !contiguous, "{heap}");
    let alive = Debugger::brkwater().flag("-p").flag(&pid.to_string());
    let alive = json::object(&alive.ex("info heap -json").plain(&[]).text);
    assert_eq!((&alive["arenas"], &alive["break"]), (&heap["arenas"], &heap["break"]));
    for front in fronts() {
        let theirs = front.run(&World::default(), &["brk-heap -json"], &Target::Core(program, core));
        assert_eq!(object_line(&theirs), ours, "{front:?}");
        let theirs = front.run(&World::default(), &["brk-heap -json"], &Target::Process(pid));
        let theirs = json::object(&theirs.text);
        assert_eq!((&theirs["arenas"], &theirs["break"]), (&heap["arenas"], &heap["break"]), "{front:?}");
    }
}

/// The real one: `bundle_loop` in its four variants, and nginx.
#[test]
fn the_real_loop_stops_alike_in_all_three() {
    if !long() {
        return;
    }
    let root = PathBuf::from(std::env::var_os("BRKWATER_CASE").expect("set by ./tests/run --all"));
    let path = |below: &str| root.join(below).to_str().unwrap().to_owned();
    let bundle = "/etc/ssl/certs/ca-certificates.crt".to_owned();
    let loops = ["", "-blocker", "-keep", "-blocker-keep"]
        .map(|variant| (vec![path(&format!("bin/bundle_loop{variant}")), "12".to_owned()], 20));
    let nginx = ["-p".to_owned(), path("run"), "-c".to_owned(), "conf/n5.conf".to_owned(), "-t".to_owned()];
    let nginx = ([vec![path("bin/nginx")], nginx.to_vec()].concat(), 8);
    for (words, stops) in loops.into_iter().chain([nginx]) {
        let case = Case { words, bundle: bundle.clone(), stops };
        let ours = case.ours();
        assert_eq!(ours.is_empty(), !case.words[0].contains("-blocker") && stops == 20, "{:?}", case.words);
        let file = case.saved("case_real", "");
        let (saved, gdb) = case.stops_of(Debugger::gdb().flag("-x").flag(file.to_str().unwrap()));
        assert_eq!(saved, ours, "{:?}:\n{}", case.words, gdb.text);
        for front in fronts() {
            let (theirs, said) = case.theirs(front);
            // lldb calls some inlined frames as the function that they are in: the frames are as many.
            let shape =
                |stops: &[Stop]| stops.iter().map(|(pc, frames)| (*pc, frames.len())).collect::<Vec<_>>();
            assert_eq!(shape(&theirs), shape(&ours), "{front:?} {:?}:\n{}", case.words, said.text);
            if front == Front::Gdb {
                assert_eq!(theirs, ours, "{:?}", case.words);
            }
        }
    }
}

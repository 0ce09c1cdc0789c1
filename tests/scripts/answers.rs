//! What gdb and lldb say of a heap is what brkwater says of it on the same stop: contiguous, blocked, with thread arenas;
//! of a live process and of its core file.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::common::process::Running;
use crate::common::{Debugger, Output, have, json, scratch, target_with};
use crate::fronts::{Front, Target, World, fronts};

const FLAGS: &str = "-O1 -g -pthread -ldl";

/// A process that has said `ready` and waits.
pub(crate) fn ready(scenario: &str) -> (String, Running) {
    let program = target_with("heap_truth", FLAGS);
    let mut command = Command::new(&program);
    command.arg(scenario);
    let running = Running::start(command);
    while running.line() != "ready" {}
    (program, running)
}

/// The line that is the object.
pub(crate) fn object_line(output: &Output) -> &str {
    let line = output.text.lines().find(|line| line.starts_with('{'));
    line.unwrap_or_else(|| panic!("no JSON line in:\n{}", output.text))
}

/// What is said behind `begins`, up to an empty prompt of lldb's or the end.
fn from<'a>(output: &'a Output, begins: &str) -> &'a str {
    let at = output.text.find(begins).unwrap_or_else(|| panic!("no {begins:?} in:\n{}", output.text));
    let rest = &output.text[at..];
    rest.find("\n(lldb)").or_else(|| rest.find("\n[Inferior")).map_or(rest, |end| &rest[..end]).trim_end()
}

/// Without the moments, which differ.
fn timeless(text: &str) -> String {
    let mut words = text.split('+').map(str::to_owned);
    let mut out = words.next().unwrap_or_default();
    for piece in words {
        let digits = piece.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(piece.len());
        let is_moment = digits > 0 && piece[digits..].starts_with('s');
        out += if is_moment { "+N" } else { "+" };
        out += if is_moment { &piece[digits..] } else { &piece };
    }
    out
}

fn must_be_equal_in(scenario: &str, arenas: usize, contiguous: bool) {
    let (_, process) = ready(scenario);
    let pid = process.pid().to_string();
    let ours = Debugger::brkwater().flag("-p").flag(&pid).ex("info heap -json").plain(&[]);
    let ours = object_line(&ours).to_owned();
    let value: Value = serde_json::from_str(&ours).unwrap();
    assert_eq!(value["pid"], process.pid());
    let all = value["arenas"].as_array().unwrap();
    assert_eq!((all.len(), all[0]["contiguous"].as_bool()), (arenas, Some(contiguous)), "{ours}");
    assert!(!value["tcache"].as_array().unwrap().is_empty(), "{ours}");
    for front in fronts() {
        let theirs = front.run(&World::default(), &["brk-heap -json"], &Target::Process(process.pid()));
        assert_eq!(object_line(&theirs), ours, "{front:?} {scenario}");
    }
}

#[test]
fn a_contiguous_heap_is_the_same_everywhere() {
    must_be_equal_in("plain", 1, true);
}

#[test]
fn a_blocked_heap_is_the_same_everywhere() {
    must_be_equal_in("hole", 1, false);
}

#[test]
fn thread_arenas_are_the_same_everywhere() {
    must_be_equal_in("threads", 4, true);
}

#[test]
fn a_core_file_is_the_same_everywhere() {
    if !have("gdb") {
        return;
    }
    for scenario in ["plain", "hole", "threads"] {
        let (program, process) = ready(scenario);
        let core = scratch(&format!("scripts_core_{scenario}")).join("core");
        let core = core.to_str().unwrap();
        let live = Debugger::gdb().flag("-p").flag(&process.pid().to_string());
        live.ex(&format!("generate-core-file {core}")).plain(&[]).must_have("Saved corefile");
        let ours = Debugger::brkwater().flag("-c").flag(core).ex("info heap -json").plain(&[&program]);
        let heap = object_line(&ours).to_owned();
        for front in fronts() {
            let theirs = front.run(&World::default(), &["brk-heap -json"], &Target::Core(&program, core));
            assert_eq!(object_line(&theirs), heap, "{front:?} {scenario}");
            let words = front.run(&World::default(), &["brk-blockers"], &Target::Core(&program, core));
            words.must_have("only a run under brkwater knows").must_not_have("Traceback");
        }
        let ours = page_of(|file| {
            let ours = Debugger::brkwater().flag("-c").flag(core).ex(&format!("export md {file}"));
            ours.plain(&[&program])
        });
        assert!(ours.contains(&format!("brkwater -batch -ex bt -c {core} {program}")), "{ours}");
        assert!(!ours.contains("by the debugger"), "how it was started is not known: {ours}");
        for front in fronts() {
            let export = |file: &str| {
                let line = format!("brk-export md {file}");
                front.run(&World::default(), &[&line], &Target::Core(&program, core))
            };
            assert_eq!(page_of(export), ours, "{front:?} {scenario}");
        }
        // The core file tells of the same heap as the process.
        let alive = Debugger::brkwater().flag("-p").flag(&process.pid().to_string());
        let alive = json::object(&alive.ex("info heap -json").plain(&[]).text);
        let dead: Value = serde_json::from_str(&heap).unwrap();
        assert_eq!((&alive["arenas"], &alive["tcache"]), (&dead["arenas"], &dead["tcache"]), "{scenario}");
    }
}

/// What an export wrote.
fn page_of(export: impl FnOnce(&str) -> Output) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    export(file.path().to_str().unwrap()).must_have("Exported to");
    timeless(&fs::read_to_string(&file).unwrap())
}

#[test]
fn the_words_are_brkwater_s() {
    let (_, process) = ready("hole");
    let pid = process.pid().to_string();
    for (command, question, begins) in [
        ("brk-heap", "info heap", "glibc 2"),
        ("brk-explain", "explain", "No memory call was seen"),
        ("brk-blockers", "info blockers", "Blockers (glibc"),
        ("brk-growth", "info growth", "No memory call was recorded"),
    ] {
        let ours = Debugger::brkwater().flag("-p").flag(&pid).ex(question).plain(&[]);
        let ours = timeless(from(&ours, begins));
        for front in fronts() {
            let theirs = front.run(&World::default(), &[command], &Target::Process(process.pid()));
            let theirs = timeless(from(&theirs, begins));
            // What only a recording knows is said behind the answer.
            let (same, closing) = theirs.split_at(ours.len().min(theirs.len()));
            assert_eq!(same, ours, "{front:?} {command}");
            let records = matches!(command, "brk-blockers" | "brk-growth");
            assert_eq!(closing.contains("it records the calls"), records, "{front:?} {command}: {closing}");
            assert_eq!(closing.contains("--args"), records, "{front:?} {command}: {closing}");
            if records {
                assert!(closing.contains(" hole"), "the arguments are known: {closing}");
            }
        }
    }
}

#[test]
fn the_stop_is_exported_as_brkwater_exports_it() {
    let (_, process) = ready("threads");
    let dir = scratch("scripts_export");
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let pid = process.pid().to_string();
    let ours = Debugger::brkwater().flag("-p").flag(&pid);
    let ours =
        ours.ex(&format!("export md {}", path("ours.md"))).ex(&format!("export json {}", path("ours.json")));
    ours.plain(&[]).must_have("Exported to");
    let page = |name: &str| timeless(&fs::read_to_string(path(name)).unwrap());
    let heap = |name: &str| -> Value {
        let value: Value = serde_json::from_str(&fs::read_to_string(path(name)).unwrap()).unwrap();
        assert!(value["heap"].is_object(), "{value}");
        value["heap"].clone()
    };
    for front in fronts() {
        let md = format!("brk-export md {}", path("theirs.md"));
        let json = format!("brk-export json {}", path("theirs.json"));
        let said = front.run(&World::default(), &[&md, &json], &Target::Process(process.pid()));
        said.must_have("Exported to").must_not_have("Traceback");
        assert_eq!(page("theirs.md"), page("ours.md"), "{front:?}");
        assert_eq!(heap("theirs.json"), heap("ours.json"), "{front:?}");
    }
}

/// brkwater sees below the breakpoints that lldb leaves in memory; `breakpoint always-inserted` makes gdb do the same.
#[test]
fn breakpoints_of_the_other_debugger_are_not_in_the_way() {
    let program = target_with("heap_truth", FLAGS);
    let run = |front: Front, breaks: &[&str]| {
        let mut commands: Vec<&str> = breaks.to_vec();
        commands.extend(["run", "brk-heap -json"]);
        let said = front.run(&World::default(), &commands, &Target::Program(&[&program, "untouched"]));
        let mut value = json::object(&said.text);
        value["pid"] = Value::Null;
        value["tcache"] = Value::Null;
        value["found_by"].to_string()
    };
    for front in fronts() {
        let at = |name: &str| match front {
            Front::Gdb => format!("break {name}"),
            Front::Lldb => format!("breakpoint set -n {name} -K false"),
        };
        let inside = match front {
            Front::Gdb => {
                vec!["set breakpoint always-inserted on".to_owned(), at("malloc_trim"), at("pause")]
            }
            Front::Lldb => vec![at("malloc_trim"), at("pause")],
        };
        let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
        assert_eq!(run(front, &inside), run(front, &[&at("pause")]), "{front:?}");
    }
}

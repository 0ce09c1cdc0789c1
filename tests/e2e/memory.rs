//! `info memory` against the kernel: its counters, its limits, and where a target that grows by a known amount really
//! fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::json::{at, number, object, text};
use crate::common::{Debugger, Output, brkwater_path, number_after, target};

/// What a mapping of its own costs for a block of a MiB: its header, up to the next page.
const CHUNK: u64 = (1 << 20) + 4096;

fn growing(stops: usize, arguments: &[&str], commands: &[&str]) -> Output {
    let program = target("growing");
    let mut words = vec![program.as_str()];
    words.extend(arguments);
    let mut debugger = Debugger::brkwater().ex("break work").ex("run");
    for _ in 1..stops {
        debugger = debugger.ex("continue");
    }
    debugger.blocks(commands).args(&words)
}

#[test]
fn growth_per_hit_is_what_the_target_takes() {
    let output = growing(5, &["9", "1048576"], &["info memory -json", "info memory", "explain"]);
    let memory = object(output.block(0));
    assert_eq!(text(&memory, "schema"), "brkwater.memory/1");
    let work = at(&memory, "growth/per_hit/0");
    assert_eq!((number(work, "breakpoint"), number(work, "hits")), (1, 5), "{work}");
    assert_eq!(number(work, "mapped/bytes"), CHUNK, "{work}");
    assert_eq!(number(work, "mapped/points"), 5, "{work}");
    // It writes to all of it: so much is resident, and what the pages of the program add at first.
    let resident = number(work, "resident/bytes");
    assert!((CHUNK..CHUNK + 65536).contains(&resident), "{work}");
    let words = "[recorded] malloc's memory grew by 1028 KiB per hit of breakpoint 1";
    assert!(output.block(1).contains(words), "{}", output.block(1));
    assert!(output.block(1).contains("4112 KiB in hits 1 to 5, 5 points."), "{}", output.block(1));
    let last = output.block(2).trim_end().lines().last().unwrap_or_default().to_owned();
    assert!(last.contains("[inferred] It grows by") && last.contains("per hit of breakpoint 1"), "{last}");
}

/// Hits that do not stop count as well, however many.
#[test]
fn ignored_hits_are_set_against_growth_too() {
    let program = target("growing");
    let debugger = Debugger::brkwater().ex("break work").ex("ignore 1 199").ex("run");
    let output =
        debugger.blocks(&["info memory -json", "info breakpoints"]).args(&[&program, "300", "200000"]);
    let memory = object(output.block(0));
    let work = at(&memory, "growth/per_hit/0");
    assert_eq!((number(work, "hits"), number(work, "mapped/to/0")), (200, 200), "{work}");
    // 200,000 bytes and a header, up to the next page.
    assert_eq!(number(work, "mapped/bytes"), 200_704, "{work}");
    assert!(output.block(1).contains("already hit 200 times"), "{}", output.block(1));
}

#[test]
fn two_hits_are_too_few_for_a_forecast() {
    let output = growing(2, &["9", "1048576"], &["info memory -json", "info memory"]);
    let memory = object(output.block(0));
    assert_eq!(at(&memory, "growth/per_hit/0/mapped"), &Value::Null, "{memory}");
    assert_eq!(at(&memory, "forecast"), &Value::Null, "{memory}");
    assert!(output.block(1).contains("[unknown] How fast it grows is not known"), "{}", output.block(1));
}

/// The forecast against the kernel: the target says at which call it got nothing more.
#[test]
fn rlimit_data_is_met_where_it_was_forecast() {
    for (size, limit, stops) in
        [("1048576", "40000000", 5), ("300000", "20000000", 8), ("3000000", "90000000", 3)]
    {
        let commands = ["info memory -json", "info memory", "delete", "continue"];
        let output = growing(stops, &["1000", size, limit], &commands);
        let memory = object(output.block(0));
        assert_eq!(text(&memory, "forecast/limit"), "RLIMIT_DATA", "{memory}");
        assert_eq!(text(&memory, "forecast/evidence"), "inferred");
        let (hit, failed) = (number(&memory, "forecast/hit"), number_after(&output.text, "failed at call "));
        // The last block may still fit at the break, whose top has some room: one more than the mappings would give.
        assert!(failed >= hit && failed - hit <= 1, "forecast {hit}, failed at {failed}: {memory}");
        let words = format!("is met at about hit {hit} of breakpoint 1 ({} from now", hit - stops as u64);
        assert!(output.block(1).contains(&words), "{words:?} is not in:\n{}", output.block(1));
    }
}

#[test]
fn the_counters_are_the_kernel_s() {
    let output = growing(4, &["9", "1048576", "0"], &["info memory -json", "info proc status", "info proc"]);
    let (memory, status) = (object(output.block(0)), output.block(1));
    for (ours, theirs) in [
        ("resident/bytes", "VmRSS:"),
        ("resident/anonymous", "RssAnon:"),
        ("resident/files", "RssFile:"),
        ("resident/shared", "RssShmem:"),
        ("resident/peak", "VmHWM:"),
        ("swapped", "VmSwap:"),
        ("mapped/bytes", "VmSize:"),
        ("mapped/peak", "VmPeak:"),
        ("mapped/data", "VmData:"),
        ("mapped/stack", "VmStk:"),
        ("mapped/locked", "VmLck:"),
    ] {
        let spaced = status.replace('\t', " ");
        let line = spaced.lines().find(|line| line.starts_with(theirs)).unwrap_or_else(|| panic!("{status}"));
        assert_eq!(number(&memory, ours), 1024 * number_after(line, theirs), "{ours} {line}\n{memory}");
    }
    let limits = at(&memory, "limits").as_array().unwrap();
    let rooms: Vec<u64> = limits.iter().map(|limit| number(limit, "room")).collect();
    assert!(rooms.is_sorted() && !rooms.is_empty(), "{memory}");
}

#[test]
fn without_a_process_there_is_an_error_and_after_its_end_what_was_recorded() {
    let output = Debugger::brkwater().blocks(&["info memory", "info memory x"]).args(&[&target("growing")]);
    assert!(
        output.block(0).contains("The program is not being run.") || output.block(0).contains("no process"),
        "{}",
        output.block(0)
    );
    let output = growing(5, &["9", "1048576"], &["delete", "continue", "info memory", "info memory -json"]);
    assert!(output.block(2).contains("has ended"), "{}", output.block(2));
    assert!(output.block(2).contains("1028 KiB per hit of breakpoint 1"), "{}", output.block(2));
    assert!(!output.block(2).contains("[inferred]"), "{}", output.block(2));
    assert_eq!(at(&object(output.block(3)), "forecast"), &Value::Null);
}

/// A memory cgroup of our own below the one that this test runs in, removed at the end.
struct Group {
    dir: PathBuf,
    version: u8,
}

impl Group {
    /// Makes one with a limit, or says why that cannot be done here.
    fn new(name: &str, limit: u64) -> Result<Group, String> {
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| error.to_string())?;
        let of =
            |key: &str| own.lines().find_map(|line| line.split_once(key).map(|(_, path)| path.to_owned()));
        let found = match (of(":memory:"), of("0::")) {
            (Some(path), _) => (format!("/sys/fs/cgroup/memory{path}"), 1, "memory.limit_in_bytes"),
            (None, Some(path)) => (format!("/sys/fs/cgroup{path}"), 2, "memory.max"),
            (None, None) => return Err("there are no cgroups here".to_owned()),
        };
        let (above, version, file) = found;
        let dir = Path::new(&above).join(format!("brkwater-{name}-{}", std::process::id()));
        let told = |what: &str, error: std::io::Error| format!("{what} {}: {error}", dir.display());
        fs::create_dir(&dir).map_err(|error| told("no cgroup can be made at", error))?;
        let group = Group { dir: dir.clone(), version };
        fs::write(dir.join(file), limit.to_string())
            .map_err(|error| told("no limit can be set in", error))?;
        if version == 2 {
            let _ = fs::write(dir.join("memory.swap.max"), "0");
        }
        Ok(group)
    }

    /// Runs brkwater in it, so that what it starts is in it too.
    fn run(&self, commands: &[&str], arguments: &[&str]) -> String {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg("echo $$ > \"$0\"/cgroup.procs && exec \"$@\"").arg(&self.dir);
        shell.arg(brkwater_path()).args(["-batch", "-nx"]);
        for command in commands {
            shell.args(["-ex", command]);
        }
        let output = shell.arg("--args").arg(target("growing")).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.dir);
    }
}

#[test]
fn the_limit_of_a_cgroup_is_found_and_its_kills_are_told() {
    let group = match Group::new("limit", 96 << 20) {
        Ok(group) => group,
        Err(why) => return eprintln!("nothing tested: {why}"),
    };
    let shown = group.run(
        &[
            "break work",
            "run",
            "continue",
            "continue",
            "continue",
            "info memory -json",
            "info memory",
            "delete",
            "continue",
            "info memory",
        ],
        &["1000", "1048576"],
    );
    let memory =
        object(shown.lines().find(|line| line.starts_with("{\"")).unwrap_or_else(|| panic!("{shown}")));
    let own = at(&memory, "cgroups/0");
    assert_eq!((number(own, "version"), number(own, "limit")), (u64::from(group.version), 96 << 20), "{own}");
    let name = group.dir.file_name().unwrap().to_str().unwrap();
    assert!(text(own, "path").ends_with(name), "{own}");
    assert!(
        at(&memory, "cgroups").as_array().is_some_and(|groups| groups.len() > 1),
        "those above count: {memory}"
    );
    assert!(text(&memory, "forecast/limit").contains(name), "{memory}");
    // What is left is what the group has left, and each hit takes a MiB and little more.
    let (more, room) = (number(&memory, "forecast/more"), number(&memory, "limits/0/room"));
    let per = number(&memory, "forecast/rate/bytes");
    assert_eq!(more, room / per, "{memory}");
    // The kernel's answer: it kills the process, and says so.
    assert!(shown.contains("Program terminated with signal SIGKILL"), "{shown}");
    assert!(
        shown.contains("[inferred] Signal 9 ended the process, and the OOM killer ended one process in"),
        "{shown}"
    );
    // And its log says so, where it may be read: the process's number is that of the machine there.
    let doctor = Debugger::brkwater().plain(&["doctor", "oom"]);
    if doctor.code != Some(0) {
        doctor.must_have("The kernel's log cannot be read: ").must_have("  hint: ");
        return;
    }
    let told = doctor.text.split("\n\n").find(|kill| kill.contains(name));
    let told = told.unwrap_or_else(|| panic!("no kill in {name} is in:\n{}", doctor.text));
    assert!(told.contains("(growing) was ended by the OOM killer at "), "{told}");
    assert!(
        told.contains("[recorded] The limit of its cgroup was met, not the machine's memory: "),
        "{told}"
    );
    assert!(told.contains(&format!("{name} had 96.0 MiB of 96.0 MiB.")), "{told}");
}

//! Why the kernel refused memory. The kernel is the oracle: each mode of the target provokes one reason, and shows that
//! it was the reason by taking it back, upon which the same brk is granted.

use std::fs;

use crate::common::json::{at, number, object, text};
use crate::common::{Debugger, Output, number_after, target};

/// Runs a mode to its checkpoint and gives the commands there; then on, so that the target tells its truth.
fn provoked(mode: &str, commands: &[&str]) -> Output {
    let program = target("refused");
    let debugger = Debugger::brkwater().ex("break checkpoint").ex("run");
    let mut commands = commands.to_vec();
    commands.push("continue");
    debugger.blocks(&commands).args(&[&program, mode])
}

/// The latest refused call that `info syscalls -json` shows.
fn refused(calls: &serde_json::Value, label: &str) -> serde_json::Value {
    let all = at(calls, "calls").as_array().unwrap();
    all.iter().rev().find(|call| text(call, "label") == label).unwrap_or_else(|| panic!("{calls}")).clone()
}

fn cause_of(mode: &str) -> (serde_json::Value, Output) {
    let output = provoked(mode, &["info syscalls 10 -json", "explain"]);
    output.must_not_have("panicked");
    let key = format!("{mode}: refused 0x");
    assert!(output.text.contains(&key), "the kernel granted it:\n{}", output.text);
    assert!(output.text.contains(", then granted"), "the reason was another:\n{}", output.text);
    let call = refused(&object(output.block(0)), "brk-refused");
    let wanted = number_after(&output.text, &format!("{mode}: refused "));
    assert_eq!(text(&call, "args/addr"), format!("{wanted:#x}"), "{call}");
    (at(&call, "cause").clone(), output)
}

#[test]
fn a_mapping_in_the_way_is_named_with_the_room_that_the_kernel_wants() {
    for (mode, words) in [
        ("page", &["where the break would go: a blocker"][..]),
        ("behind", &["right behind where the break would go", "one page must stay free"]),
        ("stack", &["close behind where the break would go", "grows down", "1 MiB free", "MAP_GROWSDOWN"]),
    ] {
        let (cause, output) = cause_of(mode);
        assert_eq!(text(&cause, "kind"), "occupied", "{mode} {cause}");
        assert_ne!(at(&cause, "planted_by"), &serde_json::Value::Null, "{mode} {cause}");
        for word in words {
            assert!(output.block(1).contains(word), "{word:?} is not in:\n{}", output.block(1));
        }
    }
}

#[test]
fn a_limit_is_named_with_what_was_held_against_it() {
    for (mode, name) in [
        ("data", "RLIMIT_DATA"),
        ("segment", "RLIMIT_DATA"),
        ("as", "RLIMIT_AS"),
        ("memlock", "RLIMIT_MEMLOCK"),
    ] {
        let (cause, output) = cause_of(mode);
        assert_eq!((text(&cause, "kind"), text(&cause, "name")), ("limit", name), "{mode} {cause}");
        // 64 pages were asked: with what was used they are more than the limit, and for one page less they are not
        // (the first two targets set it so).
        let (value, used) = (number(&cause, "value"), number(&cause, "used"));
        assert!(used + 64 * 4096 > value, "{mode} {cause}");
        assert!(used + 63 * 4096 <= value || mode == "segment" || mode == "memlock", "{mode} {cause}");
        assert!(output.block(1).contains(&format!("{name} is {value} bytes")), "{}", output.block(1));
        assert!(!output.block(1).contains("blocker"), "{}", output.block(1));
    }
}

#[test]
fn what_else_refuses_is_told_apart() {
    for (mode, kind, words) in [
        ("maps", "map-count", "vm.max_map_count is"),
        ("below", "below-start", "cannot go below"),
        ("beyond", "beyond-end", "no address space behind"),
    ] {
        let most = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
        if mode == "maps" && most.trim().parse::<u64>().unwrap() > 200_000 {
            eprintln!("not tested: {} mappings would have to be made", most.trim());
            continue;
        }
        let (cause, output) = cause_of(mode);
        assert_eq!(text(&cause, "kind"), kind, "{mode} {cause}");
        assert!(output.block(1).contains(words), "{}", output.block(1));
        if mode == "maps" {
            assert_eq!(number(&cause, "count"), number(&cause, "limit") + 1, "{cause}");
        }
    }
}

/// More than all memory is refused by the kernel's guess; with the other settings of `vm.overcommit_memory` the answer
/// is another, and a test must not change them for the whole machine.
#[test]
fn more_than_all_memory_is_refused_by_overcommit() {
    let mode = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap();
    if mode.trim() != "0" {
        eprintln!("nothing tested: vm.overcommit_memory is {}, and the test wants 0", mode.trim());
        return;
    }
    let (cause, output) = cause_of("overcommit");
    assert_eq!((text(&cause, "kind"), number(&cause, "mode")), ("overcommit", 0), "{cause}");
    let info = fs::read_to_string("/proc/meminfo").unwrap();
    let all = 1024 * (number_after(&info, "MemTotal") + number_after(&info, "SwapTotal"));
    assert_eq!(number(&cause, "limit"), all, "{cause}");
    assert!(output.block(1).contains("vm.overcommit_memory is 0"), "{}", output.block(1));
}

/// `heap.md` 6, scenario 5: the mmap that glibc tries instead is refused by the same limit, and malloc gives NULL.
#[test]
fn where_mmap_is_refused_too_malloc_gives_null() {
    for (mode, name, null) in [
        (
            "null",
            "RLIMIT_DATA",
            "nothing left to try where there is one thread: malloc returned NULL to until_null",
        ),
        (
            "null-as",
            "RLIMIT_AS",
            "nothing left to try where there is one thread: malloc returned NULL to until_null",
        ),
        ("null-threads", "RLIMIT_DATA", "It tried another arena, whose memory was refused"),
    ] {
        let output = provoked(mode, &["info syscalls 20 -json", "explain"]);
        assert!(output.text.contains(&format!("{mode}: NULL after ")), "{}", output.text);
        assert!(output.text.contains("errno 12"), "{}", output.text);
        let calls = object(output.block(0));
        for label in ["brk-refused", "fallback"] {
            let call = refused(&calls, label);
            assert_eq!(text(&call, "cause/kind"), "limit", "{mode} {label} {call}");
            assert_eq!(text(&call, "cause/name"), name, "{mode} {label} {call}");
        }
        let told = output.block(1);
        assert!(told.contains("glibc's mmap was refused as well: mmap(NULL, 1048576,"), "{told}");
        assert!(told.contains(null) && told.contains("returned NULL"), "{mode}: {null:?} is not in:\n{told}");
        assert!(told.lines().next().is_some_and(|line| line.contains("returned NULL")), "{told}");
        assert!(!told.contains("blocker"), "{told}");
    }
}

//! The heap's story, against what the program itself counts, what the kernel shows and what strace saw.

use std::process::Command;
use std::time::Duration;

use crate::common::json::{at, number, object, text};
use crate::common::process::finish;
use crate::common::{Debugger, Output, have, number_after, target};

/// Runs `blocker` to its checkpoint `name` and gives the commands there.
fn stopped_at(name: &str, arguments: &[&str], commands: &[&str], tcache: bool) -> Output {
    let program = target("blocker");
    let mut words = vec![program.as_str()];
    words.extend(arguments);
    let mut debugger = Debugger::brkwater();
    if !tcache {
        debugger = debugger.env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
    }
    // `finish` at the checkpoint: its line of truth is then printed.
    debugger = debugger.ex(&format!("break checkpoint if $_streq(name, \"{name}\")")).ex("run").ex("finish");
    debugger.blocks(commands).args(&words)
}

/// The line that the program printed at its checkpoint.
fn truth<'a>(output: &'a Output, name: &str) -> &'a str {
    let key = format!("{name}: break");
    output
        .text
        .lines()
        .find(|line| line.starts_with(&key))
        .unwrap_or_else(|| panic!("no truth in:\n{}", output.text))
}

#[test]
fn the_heap_is_what_the_program_counts() {
    for arguments in [
        &["plant", "3000", "100"][..],
        &["free-way", "3000", "100"],
        &["plant", "20000", "40"],
        &["plant", "4000", "500", "2"],
        &["free-way", "4000", "500", "3"],
        &["huge", "5", "300000"],
    ] {
        let name = if arguments.len() > 3 { "freed" } else { "grown" };
        let output = stopped_at(name, arguments, &["info heap -json"], false);
        let told = truth(&output, name);
        let heap = object(output.block(0));
        assert_eq!(text(&heap, "schema"), "brkwater.heap/1");
        let arena = at(&heap, "arenas/0");
        assert_eq!(text(arena, "kind"), "main");
        assert_eq!(number(arena, "system_mem"), number_after(told, "arena "), "{arguments:?} {told} {heap}");
        assert_eq!(number(arena, "unaccounted"), 0, "{arguments:?} {heap}");
        assert_eq!(text(&heap, "break/current"), format!("{:#x}", number_after(told, "break ")), "{heap}");
        assert_eq!(number(arena, "top/size"), number_after(told, "top "), "{arguments:?} {told} {heap}");
        // The fenceposts at the end of a region are no chunks of anybody's: 32 bytes each.
        let fences = 32 * at(arena, "regions").as_array().unwrap().len() as u64;
        let (ours, theirs) = (number(arena, "in_use/bytes"), number_after(told, "used "));
        assert!(
            ours <= theirs && theirs - ours <= fences,
            "{arguments:?} in use {ours}, mallinfo2 {theirs}: {heap}"
        );
        let count: u64 = arguments[1].parse().unwrap();
        if arguments[0] != "huge" && arguments.len() == 3 {
            let chunks = number(arena, "in_use/chunks");
            assert!((count..count + 12).contains(&chunks), "{chunks} chunks in use for {count} blocks");
        }
        let mapped: u64 =
            at(&heap, "mmapped").as_array().unwrap().iter().map(|chunk| number(chunk, "size")).sum();
        assert_eq!(mapped, number_after(told, "mapped "), "{arguments:?} {heap}");
        assert_eq!(at(&heap, "doubts").as_array().map(Vec::len), Some(0), "{heap}");
    }
}

#[test]
fn the_blocker_is_named_with_its_planter() {
    let output = stopped_at(
        "grown",
        &["plant", "3000", "100"],
        &["info heap -json", "info blockers", "explain"],
        true,
    );
    let page = number_after(truth(&output, "grown"), "page ");
    let heap = object(output.block(0));
    let blocker = at(&heap, "blockers/0");
    assert_eq!(text(blocker, "start"), format!("{page:#x}"));
    assert_eq!(text(blocker, "end"), format!("{:#x}", page + 4096));
    assert_eq!(text(blocker, "perms"), "r--p");
    assert_eq!(text(blocker, "planted_by/function"), "plant_the_page");
    assert!(text(blocker, "planted_by/file").ends_with("blocker.c"), "{heap}");
    let origins: Vec<&str> = at(&heap, "arenas/0/regions")
        .as_array()
        .unwrap()
        .iter()
        .map(|region| text(region, "origin"))
        .collect();
    assert_eq!(origins, ["brk", "fallback"], "{heap}");
    for (block, words) in [
        (1, &["plant_the_page", "blocker.c"][..]),
        (2, &["refused", "plant_the_page", "[recorded]", "[measured]"]),
    ] {
        let shown = output.block(block);
        for word in words {
            assert!(shown.contains(word), "{word:?} is not in:\n{shown}");
        }
        assert!(shown.contains(&format!("{page:#x}")), "{page:#x} is not in:\n{shown}");
    }
}

/// Law 4: without a blocker nothing is said of one; placement and amount are told apart.
#[test]
fn nothing_is_claimed_that_was_not_seen() {
    let output = stopped_at(
        "grown",
        &["free-way", "3000", "100"],
        &["info heap -json", "info blockers", "explain"],
        true,
    );
    let heap = object(output.block(0));
    assert_eq!(at(&heap, "blockers").as_array().map(Vec::len), Some(0), "{heap}");
    assert!(!output.block(2).contains("refused"), "{}", output.block(2));
    let sentences: Vec<&str> = output.block(2).lines().filter(|line| !line.trim().is_empty()).collect();
    let tags = ["[recorded]", "[measured]", "[inferred", "[unknown]"];
    let tagged = sentences.iter().filter(|line| tags.iter().any(|tag| line.contains(tag))).count();
    assert!(tagged > 0, "{}", output.block(2));
}

#[test]
fn an_address_has_an_owner() {
    let output = stopped_at(
        "grown",
        &["plant", "3000", "100"],
        &["owner blocks[5]", "owner blocks[2999]", "owner page_at", "owner main", "owner 1", "owner $sp"],
        true,
    );
    // `finish` came back to main, so its names are in scope.
    for (block, words) in
        [(0, &["brk"][..]), (1, &["fallback"]), (2, &["plant_the_page"]), (3, &["blocker"]), (5, &["stack"])]
    {
        let shown = output.block(block);
        for word in words {
            assert!(shown.to_lowercase().contains(word), "{word:?} is not in the answer {block}:\n{shown}");
        }
        assert!(shown.contains("0x"), "{shown}");
    }
    output.must_not_have("panicked");
}

/// Every memory call that strace sees is in the story, in its order, with its result.
#[test]
fn the_recorded_calls_are_strace_s() {
    if !have("strace") || !have("setarch") {
        return;
    }
    let program = target("blocker");
    let file = crate::common::scratch("strace").join("calls.txt");
    let mut strace = Command::new("setarch");
    strace.args(["-R", "strace", "-f", "-e", "trace=brk,mmap,munmap,mremap", "-o"]);
    strace.arg(&file).arg(&program).args(["plant", "20000", "100"]);
    finish(strace, Duration::from_secs(60)).exits(0);
    let seen = std::fs::read_to_string(&file).unwrap();
    let brks: Vec<(u64, u64)> = seen.lines().filter_map(brk_of).collect();
    let refused = brks.iter().filter(|(asked, got)| *asked != 0 && got != asked).count() as u64;
    assert!(refused > 5, "{seen}");

    // Everything that grew: an anonymous mmap after a refusal is a fallback.
    let mut fallbacks = Vec::new();
    for pair in seen.lines().collect::<Vec<_>>().windows(2) {
        let was_refused = brk_of(pair[0]).is_some_and(|(asked, got)| asked != 0 && asked != got);
        if was_refused && pair[1].contains("mmap(NULL, ") {
            let length = pair[1].split_once("mmap(NULL, ").unwrap().1.split(',').next().unwrap();
            fallbacks.push(length.parse::<u64>().unwrap());
        }
    }
    let first = brks.iter().find(|(asked, _)| *asked == 0).unwrap().1;
    let grown = brks.iter().filter(|(asked, got)| asked == got).map(|(_, got)| got).max().unwrap() - first;

    let commands = ["info growth -json", "info blockers -json", "info growth"];
    let output = stopped_at("grown", &["plant", "20000", "100"], &commands, true);
    let growth = object(output.block(0));
    assert_eq!(text(&growth, "schema"), "brkwater.growth/1");
    let sum = |label: &str, what: &str| -> u64 {
        let rows = at(&growth, "by_site").as_array().unwrap();
        rows.iter().filter(|row| text(row, "label") == label).map(|row| number(row, what)).sum()
    };
    assert_eq!(sum("fallback", "calls"), fallbacks.len() as u64, "{growth}\n{seen}");
    assert_eq!(sum("fallback", "bytes"), fallbacks.iter().sum::<u64>(), "{growth}\n{seen}");
    assert_eq!(sum("brk-grow", "bytes"), grown, "{growth}\n{seen}");
    assert_eq!(number(&object(output.block(1)), "refused"), refused, "{}\n{seen}", output.block(1));
    assert!(output.block(2).contains("allocate"), "the site is named:\n{}", output.block(2));
}

/// What was asked of a brk in a line of strace's, and the break that was answered.
fn brk_of(line: &str) -> Option<(u64, u64)> {
    let (asked, got) = line.split_once("brk(")?.1.split_once(')')?;
    Some((hex(asked), hex(got.split_once("= ")?.1)))
}

fn hex(text: &str) -> u64 {
    let digits: String =
        text.trim().trim_start_matches("0x").chars().take_while(char::is_ascii_hexdigit).collect();
    if text.trim() == "NULL" { 0 } else { u64::from_str_radix(&digits, 16).unwrap() }
}

#[test]
fn the_convenience_variables_follow_the_story() {
    let output = stopped_at(
        "grown",
        &["plant", "3000", "100"],
        &["print $brk_refused", "print/x $brk", "print $fallback_bytes", "print/x $blocker"],
        true,
    );
    let told = truth(&output, "grown");
    assert!(number_after(output.block(0), "= ") > 0, "{}", output.block(0));
    assert_eq!(number_after(output.block(1), "= "), number_after(told, "break "));
    assert!(number_after(output.block(2), "= ") >= 1 << 20);
    assert_eq!(number_after(output.block(3), "= "), number_after(told, "page "));
}

#[test]
fn what_malloc_trim_gives_back_is_foretold() {
    for arguments in [
        &["plant", "5000", "3000", "1"][..],
        &["plant", "5000", "9000", "2"],
        &["free-way", "5000", "9000", "2"],
    ] {
        let commands =
            ["info heap -json", "info totals -json", "call (int)malloc_trim(0)", "info totals -json"];
        let output = stopped_at("freed", arguments, &commands, true);
        let heap = object(output.block(0));
        let arena = at(&heap, "arenas/0");
        let foretold = number(arena, "trimmable") + number(arena, "top_trimmable");
        let [before, after] = [1, 3].map(|block| number(&object(output.block(block)), "resident/now"));
        let given = before.saturating_sub(after);
        // Blocks were written to, so they are resident; the rest of a region's last top was not, a page or two of it.
        let regions = at(arena, "regions").as_array().unwrap().len() as u64;
        let least = foretold.saturating_sub(2 * 4096 * regions + (96 << 10));
        assert!(
            (least..=foretold + (96 << 10)).contains(&given),
            "{arguments:?}: {foretold} foretold, {given} given"
        );
        let blocked = arguments[0] == "plant";
        assert_eq!(number(arena, "top_trimmable") == 0, blocked, "{arguments:?} {heap}");
    }
}

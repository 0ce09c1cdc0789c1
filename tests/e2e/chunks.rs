//! `heap …`: chunks, lists and who points at what, in a program that says where its blocks are.

use crate::common::json::{at, number, object, text};
use crate::common::{Debugger, Output, number_after, target};

/// Runs `blocks` to its checkpoint, goes up to `main`, and gives the commands there.
fn at_checkpoint(commands: &[&str]) -> Output {
    let debugger = Debugger::brkwater().ex("break checkpoint").ex("run").ex("up");
    debugger.blocks(commands).args(&[&target("blocks")])
}

/// Where the program says that a block is, and how much of it is usable.
fn truth(output: &Output, name: &str) -> (u64, u64) {
    let line = output.text.lines().find(|line| line.starts_with(&format!("{name}: at"))).unwrap();
    (number_after(line, "at "), number_after(line, "usable "))
}

fn must_have(shown: &str, words: &[&str]) {
    for word in words {
        assert!(shown.contains(word), "{word:?} is not in:\n{shown}");
    }
}

#[test]
fn a_chunk_is_taken_apart() {
    let commands = ["heap chunk label", "heap chunk label+7", "heap chunk local -json", "heap chunk large"];
    let output = at_checkpoint(&commands);
    let (label, usable) = truth(&output, "label");
    let (chunk, size) = (label - 16, usable + 8);
    let header = format!("{:#x} = {size:#x} | PREV_INUSE", size | 1);
    let first = format!("chunk {chunk:#x}, {size:#x} bytes, in use (malloc returned {label:#x})");
    let contents = format!("{label:#x}, {usable} ({usable:#x}) bytes usable");
    must_have(
        output.block(0),
        &[&header, &first, &contents, "|a block with a l|", "main arena, region 0, brk"],
    );
    must_have(output.block(1), &[&format!("{:#x} is 0x7 bytes into its contents", label + 7)]);
    let (local, usable) = truth(&output, "local");
    let json = object(output.block(2));
    assert_eq!(text(&json, "schema"), "brkwater.heap-chunk/1");
    assert_eq!(text(&json, "payload"), format!("{local:#x}"));
    assert_eq!((number(&json, "usable"), text(&json, "state")), (usable, "in-use"));
    // The block before it was freed: this header knows its size.
    assert_eq!(number(&json, "prev_size"), number(&json, "before/size"));
    must_have(output.block(3), &["with a mapping of its own", "IS_MMAPPED", "a large one"]);
}

#[test]
fn who_points_at_a_block_is_found() {
    let commands = [
        "heap find label",
        "heap find label -json",
        "heap find \"with a label\"",
        "heap find local",
        "heap find \"of a thread\"",
        "heap find/w 0x6c206120",
        "set $rbx = label",
        "heap find label",
        "heap find label -json",
    ];
    let output = at_checkpoint(&commands);
    let (label, _) = truth(&output, "label");
    let inside = format!("= {:#x}", label + 10);
    must_have(output.block(0), &["[measured]", "<label>", "<nested>", "<nested+8>", &inside, "globals: 3"]);
    let json = object(output.block(1));
    assert_eq!(text(&json, "schema"), "brkwater.heap-find/1");
    assert_eq!(number(&json, "counts/global"), 3, "{json}");
    assert_eq!(text(&json, "malloc/address"), format!("{:#x}", label - 16));
    let symbols: Vec<&str> =
        at(&json, "found").as_array().unwrap().iter().filter_map(|found| found["symbol"].as_str()).collect();
    assert_eq!(symbols, ["<label>", "<nested>", "<nested+8>"], "{json}");
    must_have(output.block(2), &[&format!("+0x18 in chunk {:#x}", label - 16)]);
    must_have(output.block(3), &["stacks: ", "stack of thread 1, frame #1 main"]);
    let (theirs, _) = truth(&output, "theirs");
    must_have(output.block(4), &[&format!("{theirs:#x}  +0x10 in chunk {:#x}", theirs - 16)]);
    must_have(output.block(7), &["registers: 1\n  rbx  thread 1\n"]);
    let json = object(output.block(8));
    assert_eq!(text(&json, "registers/0/register"), "rbx", "{json}");
    // " a l" of "with a label".
    must_have(output.block(5), &["4-byte word", &format!("in chunk {:#x}", label - 16)]);
}

#[test]
fn freed_blocks_are_in_their_lists() {
    let commands = [
        "heap tcache",
        "heap bins",
        "heap tcache -json",
        "heap bins -json",
        "heap chunk cached[2]",
        "heap chunk cached[0]",
        "heap tcache all",
        "print/x (long) cached[0]",
        "print/x (long) cached[1]",
        "print/x (long) cached[2]",
        "print/x (long) parted",
    ];
    let output = at_checkpoint(&commands);
    let value = |block: usize| number_after(output.block(block), "= ");
    let [a, b, c, parted] = [7, 8, 9, 10].map(|block| value(block) - 16);
    must_have(output.block(0), &["tcache of thread 1", &format!("0x30  [3]  {c:#x} -> {b:#x} -> {a:#x}\n")]);
    must_have(output.block(1), &["unsorted bin", &format!("{parted:#x} (0xbc0)")]);
    let caches = object(output.block(2));
    let (bin, members) = (at(&caches, "tcaches/0/bins/0"), at(&caches, "tcaches/0/bins/0/members"));
    assert_eq!((number(bin, "counted"), number(bin, "chunks"), number(bin, "smallest")), (3, 3, 0x30));
    assert_eq!(members[0]["address"], format!("{c:#x}"));
    let bins = object(output.block(3));
    assert_eq!(text(&bins, "bins/0/kind"), "unsorted");
    assert_eq!(at(&bins, "bins/0/members")[0]["address"], format!("{parted:#x}"));
    // Safe-linking came with glibc 2.32; this machine's has it.
    let halves = |field: u64| format!("({field:#x} >> 12 = {:#x}) ^ ", field >> 12);
    let list = format!("1st of 3 in the 0x30 tcache of thread 1: {c:#x} -> {b:#x}");
    must_have(output.block(4), &[&list, &format!("{}{:#x}\n", halves(c + 16), b + 16), "key"]);
    must_have(output.block(5), &["3rd of 3", &format!("{}0x0: the end of the list", halves(a + 16))]);
    must_have(output.block(6), &["tcache of thread 1", "tcache of thread 2"]);
}

#[test]
fn chunks_come_a_page_at_a_time() {
    let commands =
        ["heap chunks 0 2", "heap chunks label 1", "heap chunks brk -n 1 -json", "heap", "heap arenas"];
    let output = at_checkpoint(&commands);
    let (label, usable) = truth(&output, "label");
    let lines: Vec<&str> = output.block(0).lines().collect();
    assert!(lines[0].starts_with("region 0: main arena, brk ["), "{lines:?}");
    assert!(lines[2].contains("malloc's own: the tcache of thread 1"), "{lines:?}");
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines[4].contains(" more chunks: heap chunks 0x") && lines[4].ends_with(" 2"), "{lines:?}");
    let row = format!("{:#x}  {:#x}  P      in use  \"a block with a label\"\n", label - 16, usable + 8);
    must_have(output.block(1), &[&row]);
    let json = object(output.block(2));
    assert_eq!((text(&json, "schema"), number(&json, "before")), ("brkwater.heap-chunks/1", 0));
    assert_eq!(number(&json, "chunks/0/size"), 0x290);
    must_have(
        output.block(3),
        &["main arena 0x", "thread arena 1", "blocks with mappings of their own: 0x", "heap find -- "],
    );
    must_have(output.block(4), &["region 1: heap_info ["]);
}

/// Law 5: what the target wrote is escaped before a terminal sees it.
#[test]
fn what_a_block_holds_cannot_colour_the_page() {
    let commands = [
        "heap chunk hostile",
        "heap chunks hostile 1",
        "heap find \"\\033[31mred\"",
        "heap find \"\\033[31mred\" -json",
    ];
    let output = at_checkpoint(&commands);
    output.must_not_have("\x1b");
    must_have(output.block(0), &["|.[31mred.[0m and|"]);
    let (hostile, _) = truth(&output, "hostile");
    must_have(output.block(2), &[&format!("{hostile:#x}  +0x10 in chunk"), "\\033[31mred"]);
    assert_eq!(text(&object(output.block(3)), "needle/text"), "\x1b[31mred");
}

#[test]
fn what_cannot_be_shown_is_told() {
    let commands = [
        "heap nothing",
        "heap chunks 99",
        "heap bins 7",
        "heap chunk",
        "heap chunk main",
        "heap find",
        "heap find \"\"",
        "heap find/w label + (1l << 40)",
        "heap tcache 9",
        "heap chunks -n x",
        "heap bins nosuch",
        "heap find \"no such text in this program\"",
        "complete heap ch",
        "help heap find",
    ];
    let output = at_checkpoint(&commands);
    for (block, words) in [
        (0, "Undefined heap command: \"nothing\".  Try \"help heap\"."),
        (1, "There is no region 99; there are 2."),
        (2, "There is no arena 7; there are 2: heap arenas."),
        (3, "Argument required (an address)."),
        (4, "is in no chunk of malloc's."),
        (5, "Argument required (an address, a value or a \"text\")."),
        (6, "An empty text is everywhere."),
        (7, "does not fit into 4 bytes."),
        (8, "No threads match '9'."),
        (9, "Invalid number \"x\"."),
        (10, "No symbol \"nosuch\" in current context."),
        (11, "nowhere is \"no such text in this program\""),
        (12, "heap chunk\nheap chunks\n"),
        (13, "Usage: heap find"),
    ] {
        must_have(output.block(block), &[words]);
    }
    let before =
        Debugger::brkwater().blocks(&["heap", "heap chunks", "heap find 1"]).args(&[&target("blocks")]);
    for block in 0..3 {
        must_have(before.block(block), &["The program is not being run."]);
    }
}

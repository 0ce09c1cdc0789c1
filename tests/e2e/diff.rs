//! `brkwater diff` of two recordings, and `mark`, `snapshot`, `diff` in a run, beside what the programs count themselves.

use std::path::PathBuf;

use serde_json::Value;

use crate::common::json::{at, number, object, text};
use crate::common::process::finish;
use crate::common::recording::{record, write};
use crate::common::{Debugger, Output, brkwater_path, number_after, scratch, target};

/// Up to where everything is done, with the live bytes of that moment.
const TO_THE_END: &[&str] = &["break _exit", "run", "snapshot end", "delete", "continue"];

fn diff(files: [&PathBuf; 2], flags: &[&str]) -> Output {
    let mut command = std::process::Command::new(brkwater_path());
    command.arg("diff").args(flags).args(files);
    finish(command, std::time::Duration::from_secs(60))
}

fn json_of(files: [&PathBuf; 2]) -> Value {
    let output = diff(files, &["--json"]);
    output.exits(0);
    object(&output.text)
}

/// Two runs of a program, with what they were given and the lines that drive them.
fn both(name: &str, lines: &[&str], programs: [&[&str]; 2]) -> [PathBuf; 2] {
    let dir = scratch(name);
    let files = [dir.join("a.rec"), dir.join("b.rec")];
    for (file, program) in files.iter().zip(programs) {
        record(file, lines, program);
    }
    files
}

/// What the program counts at its end, alone: bytes of its arena, and those of large blocks.
fn truth(arguments: &[&str]) -> (u64, u64) {
    let output = std::process::Command::new(target("blocker")).args(arguments).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let end = output.lines().find(|line| line.starts_with("end:")).unwrap();
    (number_after(end, "arena "), number_after(end, "mapped "))
}

#[test]
fn a_blocker_is_the_same_amount_in_another_place_from_an_event_on() {
    let blocker = target("blocker");
    let (free, plant) = (["free-way", "100000", "100"], ["plant", "100000", "100"]);
    let programs =
        [&[&[blocker.as_str()][..], &free].concat()[..], &[&[blocker.as_str()][..], &plant].concat()];
    for (name, lines) in [("diff-blocker", TO_THE_END), ("diff-blocker-calls", &["run"])] {
        let [a, b] = both(name, lines, programs);
        let found = json_of([&a, &b]);
        assert_eq!(text(&found, "schema"), "brkwater.diff/1");
        // The program's own books, where it runs alone.
        for (side, arguments) in [("a", free), ("b", plant)] {
            let (arena, mapped) = truth(&arguments);
            let all = number(&found, &format!("{side}/totals/heap"))
                + number(&found, &format!("{side}/totals/fallback"));
            assert_eq!(all, arena, "{found}");
            assert_eq!(number(&found, &format!("{side}/totals/chunks")), mapped, "{found}");
        }
        assert_eq!(text(&found, "amount/verdict"), "same", "{found}");
        let measured = if lines.len() > 1 { "measured" } else { "recorded" };
        assert_eq!(text(&found, "amount/evidence"), measured, "{found}");
        // Where they part is where the page is planted; from the next event on memory lies elsewhere.
        assert_eq!(text(&found, "parting/how"), "only-b", "{found}");
        assert_eq!(text(&found, "parting/b/label"), "blocker", "{found}");
        assert!(text(&found, "parting/b/site").starts_with("plant_the_page (blocker.c:"), "{found}");
        let seq = |path: &str| number(&found, &format!("{path}/seq"));
        assert_eq!(seq("placement/planted/0"), seq("parting/b"), "{found}");
        assert_eq!(
            [text(&found, "placement/moved/label"), text(&found, "placement/refused/label")],
            ["brk-grow", "brk-refused"]
        );
        assert_eq!(at(&found, "placement/instead/1"), 1 << 20, "{found}");
        let headline = text(&found, "headline");
        // Where both numbers are one, it is said once: usage is recorded by the clock.
        let (moved, refused) = (seq("placement/moved"), seq("placement/refused"));
        let numbers = match moved == refused {
            true => format!("from event {moved} on"),
            false => format!("from event {moved} of A and {refused} of B on"),
        };
        let start = format!(
            "Same amount, other place, {numbers}: A moves the break, B maps 1 MiB instead, because a mapping stands at 0x"
        );
        assert!(headline.starts_with(&start), "{headline}");
        let planted = format!("at event {}).", seq("parting/b"));
        assert!(
            headline.contains(" (planted by plant_the_page (blocker.c:") && headline.ends_with(&planted),
            "{headline}"
        );
        // The other way round it says the same of the other.
        let turned = json_of([&b, &a]);
        assert!(text(&turned, "headline").contains("B moves the break, A maps 1 MiB instead"), "{turned}");
        assert_eq!([text(&turned, "parting/how"), text(&turned, "amount/verdict")], ["only-a", "same"]);
    }
}

#[test]
fn the_text_has_both_sides_and_a_tag_on_every_sentence() {
    let blocker = target("blocker");
    let [a, b] = both(
        "diff-text",
        TO_THE_END,
        [&[&blocker, "free-way", "100000", "100"], &[&blocker, "plant", "100000", "100"]],
    );
    let output = diff([&a, &b], &[]);
    output.exits(0);
    for line in [
        "A: a.rec: ",
        "B: b.rec: ",
        "the runs part: 1 event only in B",
        "  A: event ",
        "in main (blocker.c:",
        "  B: event ",
        "[blocker]  plant_the_page (blocker.c:",
        "mapped for malloc ",
    ] {
        output.must_have(line);
    }
    let numbered =
        |line: &&str| line.trim_start().starts_with(|c: char| c.is_ascii_digit()) && line.contains(". ");
    let sentences: Vec<&str> = output.text.lines().filter(numbered).collect();
    assert!(sentences.len() >= 5, "{}", output.text);
    let tagged = |line: &&str| {
        ["[recorded]", "[measured]", "[inferred]", "[unknown]"].iter().any(|tag| line.contains(tag))
    };
    assert!(sentences.iter().all(tagged), "{}", output.text);
}

#[test]
fn more_is_another_amount_and_its_owner_is_named() {
    let blocker = target("blocker");
    let [a, b] = both(
        "diff-more",
        TO_THE_END,
        [&[&blocker, "free-way", "100000", "100"], &[&blocker, "free-way", "100000", "300"]],
    );
    let found = json_of([&a, &b]);
    assert_eq!(text(&found, "amount/verdict"), "other", "{found}");
    assert!(at(&found, "placement").is_null(), "{found}");
    let (first, second) = (truth(&["free-way", "100000", "100"]).0, truth(&["free-way", "100000", "300"]).0);
    let owner = at(&found, "owners/0");
    assert_eq!(text(owner, "function"), "allocate", "{found}");
    assert_eq!(number(owner, "difference"), second - first, "{found}");
    let headline = text(&found, "headline");
    assert!(
        headline.starts_with("Other amount; the runs part when one of them ends at event "),
        "{headline}"
    );
    assert!(
        headline.contains(" B has ")
            && headline.contains("The owner that has most more there is allocate (blocker.c:"),
        "{headline}"
    );
}

#[test]
fn runs_that_are_the_same_do_not_part() {
    let blocker = target("blocker");
    let program: &[&str] = &[&blocker, "plant", "50000", "100", "3"];
    for (name, setting) in [("diff-same", "on"), ("diff-aslr", "off")] {
        let setting = format!("set disable-randomization {setting}");
        let [a, b] = both(name, &[&setting, "run"], [program, program]);
        let found = json_of([&a, &b]);
        assert!(text(&found, "headline").starts_with("The runs do not part: the same "), "{found}");
        for nothing in ["parting", "placement"] {
            assert!(at(&found, nothing).is_null(), "{found}");
        }
        for nothing in ["added", "gone", "others"] {
            assert_eq!(at(&found, nothing), &serde_json::json!([]), "{found}");
        }
        let owners = at(&found, "owners").as_array().unwrap();
        assert!(!owners.is_empty() && owners.iter().all(|owner| owner["difference"] == 0), "{found}");
        if setting.ends_with("off") {
            // They do lie elsewhere, or nothing was tried here.
            let [one, two] = [&a, &b].map(|file| std::fs::read(file).unwrap());
            assert_ne!(one, two);
        }
    }
}

#[test]
fn the_order_of_threads_is_not_compared_but_what_each_does() {
    let threaded = target("threaded");
    let [a, b] = both("diff-threads", &["run"], [&[&threaded, "6", "10"], &[&threaded, "6", "10"]]);
    let found = json_of([&a, &b]);
    assert!(at(&found, "parting").is_null(), "{found}");
    let [a, b] =
        both("diff-threads-more", &["run"], [&[&threaded, "6", "10"], &[&threaded, "6", "10", "30"]]);
    let found = json_of([&a, &b]);
    assert_eq!([text(&found, "parting/how"), text(&found, "amount/verdict")], ["only-b", "other"], "{found}");
    // The first thread that was made is the second of the process.
    assert_eq!([number(&found, "parting/thread"), number(&found, "parting/only_b")], [1, 30], "{found}");
    assert!(at(&found, "parting/a").is_null(), "{found}");
    assert_eq!(text(&found, "owners/0/function"), "keep", "{found}");
    // 30 blocks of 1 MiB, each with a page for its head.
    assert_eq!(number(&found, "owners/0/difference"), 30 * ((1 << 20) + 4096), "{found}");
}

#[test]
fn processes_are_told_apart_by_the_order_in_which_they_came() {
    let family = target("family");
    let all = ["set detach-on-fork off", "set schedule-multiple on", "run"];
    let [a, b] = both("diff-family", &all, [&[&family, "fork", "3"], &[&family, "fork", "3"]]);
    let found = json_of([&a, &b]);
    assert!(text(&found, "headline").starts_with("The runs do not part: "), "{found}");
    let others = at(&found, "others").as_array().unwrap();
    assert_eq!(others.len(), 3, "{found}");
    assert!(others.iter().all(|pair| !pair["a"].is_null() && !pair["b"].is_null()), "{found}");
    // One child more: the parent forks where the other comes to its end.
    let [a, b] = both("diff-family-more", &all, [&[&family, "fork", "3"], &[&family, "fork", "4"]]);
    let found = json_of([&a, &b]);
    assert_eq!(
        [text(&found, "parting/how"), text(&found, "parting/b/what")],
        ["only-b", "a fork"],
        "{found}"
    );
    assert_eq!(at(&found, "others").as_array().unwrap().len(), 4, "{found}");
    // Another program in place of the first.
    let [a, b] = both("diff-exec", &["run"], [&[&family, "exec"], &[&family, "exec"]]);
    assert!(at(&json_of([&a, &b]), "parting").is_null());
}

#[test]
fn a_recording_that_was_cut_says_so_and_does_not_claim_an_end() {
    let blocker = target("blocker");
    let dir = scratch("diff-cut");
    let (a, b) = (dir.join("a.rec"), dir.join("b.rec"));
    record(&a, &["run"], &[&blocker, "free-way", "50000", "100"]);
    let events = crate::common::recording::events(&a);
    write(&b, &events[..events.len() / 2]);
    let found = json_of([&a, &b]);
    assert!(at(&found, "parting/b").is_null() && at(&found, "b/ending").is_null(), "{found}");
    let output = diff([&a, &b], &[]);
    output.must_have("nothing that was recorded: its end is not in it");
    // Cut inside a block: what is missing is a sentence of its own.
    write(&a, &events);
    let bytes = std::fs::read(&a).unwrap();
    std::fs::write(&b, &bytes[..bytes.len() - 10]).unwrap();
    diff([&a, &b], &[]).exits(0).must_have("b.rec is damaged or cut at byte ");
}

#[test]
fn what_cannot_be_compared_is_told_in_a_sentence() {
    let dir = scratch("diff-bad");
    let (none, other) = (dir.join("none.rec"), dir.join("other.rec"));
    std::fs::write(&other, "no recording").unwrap();
    diff([&none, &other], &[]).exits(1).must_have("none.rec: No such file or directory.");
    diff([&other, &other], &[]).exits(1).must_have("is not a recording: file format not recognized");
    let mut command = std::process::Command::new(brkwater_path());
    command.args(["diff", "one.rec"]);
    let output = finish(command, std::time::Duration::from_secs(20));
    output.exits(2).must_have("two recordings are compared; name both");
}

#[test]
fn two_marks_differ_by_what_the_program_counts_between_them() {
    let output = Debugger::brkwater()
        .ex("break checkpoint")
        .ex("run")
        .ex("mark")
        .ex("continue")
        .blocks(&["mark", "diff -json", "info snapshots -json", "diff", "continue"])
        .args(&[&target("blocker"), "plant", "100000", "100"]);
    let found = object(output.block(1));
    assert_eq!([text(&found, "a/name"), text(&found, "b/name")], ["mark A", "mark B"]);
    let [start, grown] =
        ["start:", "grown:"].map(|name| output.text.lines().find(|line| line.starts_with(name)).unwrap());
    for (side, line) in [("a", start), ("b", grown)] {
        let of = |path: &str| number(&found, &format!("{side}/{path}"));
        assert_eq!(of("totals/heap") + of("totals/fallback"), number_after(line, "arena "), "{found}");
        assert_eq!(of("totals/chunks"), number_after(line, "mapped "), "{found}");
        assert_eq!(of("mapped"), number_after(line, "arena ") + number_after(line, "mapped "), "{found}");
        // malloc counts what its caches keep as used, and the chunk of each cache itself.
        let used = number_after(line, "used ") + number_after(line, "mapped ");
        let (live, free) = (of("measured/live"), of("measured/idle"));
        assert!(live <= used && live + free >= used, "{line} {found}");
        // Each region that is left behind ends in two marks of 16 bytes, which are neither.
        let ends = 32 * of("totals/fallback_requests");
        assert_eq!(live + free + ends, of("mapped"), "{line} {found}");
    }
    let grew = number_after(grown, "arena ") - number_after(start, "arena ");
    assert_eq!([text(&found, "owners/0/function"), text(&found, "added/0/kind")], ["allocate", "fallback"]);
    assert_eq!(number(&found, "owners/0/difference"), grew, "{found}");
    let added: u64 = at(&found, "added")
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["kind"] == "fallback")
        .map(|one| number(one, "bytes"))
        .sum();
    assert_eq!(added, grew, "{found}");
    assert_eq!(at(&found, "gone"), &serde_json::json!([]));
    assert!(
        output.block(3).contains("A blocker [0x")
            && output.block(3).contains("planted by plant_the_page (blocker.c:"),
        "{}",
        output.text
    );
    let list = object(output.block(2));
    assert_eq!([text(&list, "snapshots/0/name"), text(&list, "snapshots/1/name")], ["A", "B"]);
    assert_eq!(number(&list, "snapshots/0/seq"), number(&found, "a/seq"));
}

#[test]
fn what_is_given_back_is_gone() {
    let output = Debugger::brkwater()
        .ex("break checkpoint if $_streq(name, \"grown\")")
        .ex("break checkpoint if $_streq(name, \"freed\")")
        .ex("run")
        .ex("snapshot grown")
        .ex("continue")
        .blocks(&["diff grown -json"])
        .args(&[&target("blocker"), "free-way", "5000", "3000", "1"]);
    let found = object(output.block(0));
    let [grown, freed] =
        ["grown:", "freed:"].map(|name| output.text.lines().find(|line| line.starts_with(name)));
    // The second checkpoint has not printed yet: it is stopped at its first line.
    assert!(freed.is_none(), "{}", output.text);
    assert_eq!(number(&found, "a/totals/heap"), number_after(grown.unwrap(), "arena "), "{found}");
    assert_eq!(text(&found, "b/name"), "now");
    assert!(number(&found, "b/given_back") > 14 << 20, "{found}");
    assert_eq!(text(&found, "gone/0/kind"), "heap", "{found}");
    assert_eq!(
        number(&found, "gone/0/bytes"),
        number(&found, "a/totals/heap") - number(&found, "b/totals/heap"),
        "{found}"
    );
}

#[test]
fn names_live_as_long_as_the_run_and_bad_ones_are_sentences() {
    let output = Debugger::brkwater()
        .blocks(&[
            "mark A",
            "info snapshots",
            "break checkpoint",
            "run",
            "snapshot first",
            "snapshot",
            "diff first s1",
            "snapshot 12",
            "snapshot a/b",
            "mark C",
            "diff B",
            "diff nowhere",
            "diff 0",
            "diff 99999",
            "diff first s1 now",
            "run",
            "info snapshots",
            "diff first",
            "kill",
        ])
        .ex("set confirm off")
        .args(&[&target("blocker"), "plant", "10", "10"]);
    let has = |index: usize, words: &str| {
        assert!(output.block(index).contains(words), "{words:?}: {}\n{}", output.block(index), output.text)
    };
    has(0, "The program is not being run.");
    has(1, "No snapshots.");
    has(4, "Snapshot first: event ");
    has(5, "Snapshot s1: event ");
    has(6, "Nothing differs: no memory call was recorded between snapshot first and snapshot s1.");
    has(7, "which only a recording can; a name must not be a number.");
    has(8, "\"a/b\" is no name");
    has(9, "There are marks A and B, no \"C\".");
    has(10, "No mark \"B\" in this run.\n  hint: \"mark B\" sets it.");
    has(11, "No snapshot \"nowhere\" in this run.\n  hint: \"info snapshots\" lists them.");
    has(12, "There is no event 0");
    has(13, "There is no event 99999");
    has(14, "Invalid argument \"now\".");
    has(16, "No snapshots.");
    has(17, "No snapshot \"first\" in this run.");
}

#[test]
fn a_recording_has_its_marks_and_says_the_same_of_them() {
    let file = scratch("diff-marked").join("run.rec");
    let blocker = target("blocker");
    let live = Debugger::brkwater()
        .ex(&format!("record {}", file.display()))
        .ex("break checkpoint")
        .ex("run")
        .ex("mark A")
        .ex("continue")
        .ex("mark B")
        .blocks(&["diff -json", "info snapshots -json", "diff A now"])
        .args(&[&blocker, "plant", "100000", "100"]);
    let number_of = |index: usize| number(&object(live.block(1)), &format!("snapshots/{index}/seq"));
    let (a, b) = (number_of(0), number_of(1));
    let words = [
        "diff -json",
        "info snapshots -json",
        "snapshot A",
        "diff A now",
        "diff -json",
        &format!("snapshot {b}"),
        "snapshot nowhere",
        "mark A",
        &format!("diff {a} {b} -json"),
    ];
    let then = Debugger::brkwater().blocks(&words).plain(&["open", file.to_str().unwrap()]);
    assert_eq!(object(then.block(0)), object(live.block(0)));
    assert_eq!(object(then.block(1)), object(live.block(1)));
    assert!(
        then.block(2).starts_with(&format!("Event {a} of ")) && then.block(2).contains(": mark A"),
        "{}",
        then.text
    );
    assert!(
        then.block(3).starts_with("Nothing differs: no memory call was recorded between mark A and now."),
        "{}",
        then.text
    );
    // What lies behind the moment is there all the same.
    assert_eq!(object(then.block(4)), object(live.block(0)));
    assert!(then.block(5).starts_with(&format!("Event {b} of ")), "{}", then.text);
    assert!(then.block(6).contains("No snapshot \"nowhere\" in this run."), "{}", then.text);
    assert!(then.block(7).contains("A recording is only looked at."), "{}", then.text);
    for path in ["mapped", "totals", "calls", "refused"] {
        let [named, numbered] =
            [live.block(0), then.block(8)].map(|block| at(&object(block), &format!("b/{path}")).clone());
        assert_eq!(named, numbered);
    }
}

#[test]
fn after_the_end_and_without_a_journal_it_says_what_is_missing() {
    let output = Debugger::brkwater()
        .ex("break checkpoint")
        .ex("run")
        .ex("mark A")
        .ex("delete")
        .ex("continue")
        .blocks(&["mark B", "diff"])
        .args(&[&target("blocker"), "free-way", "50000", "100"]);
    assert!(
        output.block(0).starts_with("Mark B: event ") && !output.block(0).contains("live"),
        "{}",
        output.text
    );
    assert!(
        output.block(1).contains("[unknown] How much of it is live was not measured at both moments"),
        "{}",
        output.text
    );
    let output = Debugger::brkwater()
        .ex("set record journal off")
        .ex("break checkpoint")
        .ex("run")
        .blocks(&["mark A"])
        .args(&[&target("blocker"), "plant", "10", "10"]);
    assert!(output.block(0).contains("and none is kept.\n  hint: set record journal on"), "{}", output.text);
}

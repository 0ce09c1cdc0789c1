//! `explain -without-blocker`: what two runs of a program differ by, against what the program itself counts.

use crate::common::json::{at, number, object, text};
use crate::common::{Debugger, Output, number_after, target};

/// The comparison of `program`, asked for at its `main`.
fn compared(program: &str, arguments: &[&str], flags: &str) -> Output {
    let mut words = vec![program];
    words.extend(arguments);
    let command = format!("explain -without-blocker -json {flags}");
    // A stripped program has no `main`.
    let first: &[&str] = if program.starts_with("/bin") { &["starti"] } else { &["break main", "run"] };
    let debugger = first.iter().fold(Debugger::brkwater().limit(120), |debugger, line| debugger.ex(line));
    debugger.blocks(&[&command, "info symbol $pc"]).args(&words)
}

fn object_of(output: &Output) -> serde_json::Value {
    let line = output.block(0).lines().find(|line| line.starts_with('{'));
    object(line.unwrap_or_else(|| panic!("no object in:\n{}", output.text)))
}

/// What the program says of itself at its end, when it runs alone.
fn truth(arguments: &[&str]) -> String {
    let output = std::process::Command::new(target("blocker")).args(arguments).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    output.lines().find(|line| line.starts_with("end:")).unwrap().to_owned()
}

#[test]
fn a_blocker_that_makes_no_difference_to_the_amount_is_said_to_make_none() {
    let arguments = ["plant", "3000", "100"];
    let output = compared(&target("blocker"), &arguments, "");
    let comparison = object_of(&output);
    assert_eq!(text(&comparison, "schema"), "brkwater.comparison/1");
    assert!(
        text(&comparison, "headline").starts_with("The blocker makes no difference to the amount"),
        "{comparison}"
    );
    // With the page the program says what it says without us; without it, what it says when it plants none.
    let (with, free) = (truth(&arguments), truth(&["free-way", "3000", "100"]));
    assert_eq!(number(&comparison, "with/heap/reserved"), number_after(&with, "arena "));
    assert_eq!(number(&comparison, "without/heap/reserved"), number_after(&free, "arena "));
    assert_eq!(number(&comparison, "with/heap/top"), number_after(&with, "top "));
    assert_eq!(number(&comparison, "without/heap/top"), number_after(&free, "top "));
    assert_eq!([number(&comparison, "with/refused"), number(&comparison, "without/refused")], [1, 0]);
    assert_eq!([number(&comparison, "with/regions"), number(&comparison, "without/regions")], [2, 1]);
    assert!(
        text(at(&comparison, "without/skipped/0"), "by").starts_with("plant_the_page (blocker.c:"),
        "{comparison}"
    );
    assert!(at(&comparison, "with/skipped").as_array().unwrap().is_empty());
    // The process that was asked stands where it stood.
    assert!(output.block(1).starts_with("main"), "{}", output.block(1));
}

#[test]
fn what_a_blocker_keeps_from_being_given_back_is_counted() {
    let comparison = object_of(&compared(&target("blocker"), &["plant", "5000", "3000", "1"], ""));
    assert!(text(&comparison, "headline").contains("but to what is given back"), "{comparison}");
    let back = |run: &str| {
        let kinds = at(&comparison, &format!("{run}/kinds")).as_array().unwrap().clone();
        kinds.iter().map(|kind| number(kind, "asked") - number(kind, "live")).sum::<u64>()
    };
    assert_eq!(back("with"), 0, "{comparison}");
    assert!(back("without") > 14 << 20, "{comparison}");
    let [with, without] = ["with", "without"].map(|run| number(&comparison, &format!("{run}/resident/now")));
    assert!(with > without + (12 << 20), "{comparison}");
}

#[test]
fn a_place_and_a_hit_say_where_both_runs_are_looked_at() {
    let comparison =
        object_of(&compared(&target("blocker"), &["plant", "3000", "100"], "-at checkpoint -hit 2"));
    for run in ["with", "without"] {
        assert_eq!(text(at(&comparison, run), "at"), "At breakpoint 1 in checkpoint", "{comparison}");
    }
}

#[test]
fn a_page_that_the_program_uses_is_warned_of() {
    let output = Debugger::brkwater()
        .limit(120)
        .ex("break main")
        .ex("run")
        .blocks(&["explain --without-blocker"])
        .args(&[&target("usespage"), "read"]);
    assert!(
        output.block(0).contains("[inferred] The page was asked for to be written to"),
        "{}",
        output.text
    );
    // Where the break has not come up to it, the page is missing.
    let comparison = object_of(&compared(&target("usespage"), &["die"], ""));
    assert_eq!(text(at(&comparison, "without"), "at"), "Stopped by signal 11 in main", "{comparison}");
    assert_eq!(
        text(&comparison, "headline"),
        "The two runs did not come to the same place, so they cannot be compared."
    );
}

#[test]
fn a_run_that_does_not_end_is_looked_at_when_its_time_is_over() {
    let comparison = object_of(&compared("/bin/sleep", &["1000"], "-limit 1"));
    for run in ["with", "without"] {
        assert!(text(at(&comparison, run), "at").starts_with("Interrupted in "), "{comparison}");
    }
    assert!(text(&comparison, "headline").starts_with("Nothing was skipped"), "{comparison}");
}

#[test]
fn what_cannot_be_compared_says_why() {
    let output = Debugger::brkwater()
        .ex("file")
        .blocks(&[
            "explain -without-blocker",
            "explain -without-blocker -hit 0",
            "explain -without-blocker nonsense",
        ])
        .args(&[&target("blocker")]);
    assert!(
        output.block(0).contains("Only a program that brkwater started can be run again."),
        "{}",
        output.text
    );
    assert!(output.block(1).contains("Invalid number \"0\"."), "{}", output.text);
    assert!(output.block(2).contains("Invalid argument \"nonsense\"."), "{}", output.text);
}

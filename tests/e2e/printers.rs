//! Values as people think of them: the table of printers, and that what is inside can always be seen.

use crate::common::{Debugger, have, target};

fn counted(script: &[&str]) -> String {
    let mut all = vec!["break main", "run"];
    all.extend(script);
    Debugger::brkwater().blocks(&all).args(&[&target("counted")]).text
}

#[test]
fn nginx_s_strings_show_their_text() {
    let text = counted(&[
        "print name",
        "print &name",
        "print/r name",
        "print empty",
        "print wild",
        "info line main",
    ]);
    assert!(text.contains("$1 = \"hello\"\n"), "{text}");
    assert!(text.contains("$2 = (ngx_str_t *) 0x"), "{text}");
    assert!(text.contains("$3 = {len = 5, data = 0x"), "{text}");
    assert!(text.contains("$4 = \"\"\n"), "{text}");
    assert!(text.contains("$5 = <error: Cannot access memory at address 0x10>"), "{text}");
}

#[test]
fn a_user_adds_a_printer_in_a_line() {
    let text = counted(&[
        "print list",
        "printer struct list array items.first count",
        "print list",
        "print box",
        "printer box member inner",
        "print box",
        "printer",
        "printer delete box",
        "print box",
        "set print raw-values on",
        "print list",
    ]);
    for shown in [
        "$1 = {count = 5, items = {first = 0x",
        "$2 = {3, 1, 4, 1, 5}\n",
        "$3 = {inner = {3, 1}}\n",
        "$4 = {3, 1}\n",
        "ngx_str_t text data len\nstruct list array items.first count\nbox member inner\n",
        "$5 = {inner = {3, 1}}\n",
        "$6 = {count = 5, items = {first = 0x",
    ] {
        assert!(text.contains(shown), "{shown:?} is not in\n{text}");
    }
}

#[test]
fn nonsense_is_told_and_changes_nothing() {
    for (line, said) in [
        ("printer x", "A printer is TYPE text DATA LENGTH"),
        ("printer text a b", "A printer needs the name of a type."),
        ("printer delete y", "No printer for \"y\"."),
    ] {
        let text = counted(&[line]);
        assert!(text.contains(said), "{line}: {text}");
    }
    // Members that are not there: the value is shown as it is.
    let text = counted(&["printer list text nothing here", "print list"]);
    assert!(text.contains("$1 = {count = 5, items = {first = 0x"), "{text}");
}

/// A container that is not initialised yet is garbage; it is shown up to what cannot be read, and nothing hangs.
#[test]
fn a_container_before_its_constructor_ends_somewhere() {
    if !have("c++") {
        return;
    }
    let output = Debugger::brkwater()
        .ex("break main")
        .ex("run")
        .ex("info locals")
        .ex("print v")
        .ex("print m")
        .ex("print li")
        .ex("print s")
        .limit(60)
        .plain(&[&target("containers")]);
    output.must_not_have("panicked at").must_have("v = std::vector of length");
}

/// As rust-gdb shows them; plain gdb has no printers for them, and `print/r` is what it shows.
#[test]
fn strings_and_vectors_of_rust_show_what_they_hold() {
    let script = [
        "break shapes::use_it",
        "run",
        "up",
        "print s",
        "print v",
        "print/r v",
        "print o",
        "print -elements 2 -- v",
    ];
    let text = Debugger::brkwater().blocks(&script).args(&[&target("shapes")]).text;
    for shown in [
        "$1 = \"hello\"\n",
        "$2 = Vec(size=3) = {1, 2, 3}\n",
        "$3 = alloc::vec::Vec<i32, alloc::alloc::Global> {buf: ",
        "$4 = core::option::Option<i32>::Some(5)\n",
        "$5 = Vec(size=3) = {1, 2...}\n",
    ] {
        assert!(text.contains(shown), "{shown:?} is not in\n{text}");
    }
}

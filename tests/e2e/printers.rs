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

/// Where `collections` has filled everything.
const FILLED: [&str; 2] = ["break collections.rs:45", "run"];

fn collections(script: &[&str]) -> String {
    let all: Vec<&str> = FILLED.iter().chain(script).copied().collect();
    Debugger::brkwater().limit(60).blocks(&all).args(&[&target("collections")]).text
}

/// What rust-gdb shows for them (its printers of rustc 1.95 in gdb 13.1), but for the order of a table, which is random.
#[test]
fn rust_s_containers_show_what_they_hold() {
    let text = collections(&[
        "print bs",
        "print be",
        "print he",
        "print vd",
        "print rc",
        "print arc",
        "print rcs",
        "print rcsl",
        "print cell",
        "print rf",
        "print rfm",
        "print rfb",
        "print rref",
        "print hs",
        "print -elements 5 -- bm",
        "print dynb",
        "print rcd",
        "print *dynr",
        "print bst",
        "print/r dynb",
    ]);
    for shown in [
        "$1 = BTreeSet(size=3) = {1, 3, 5}\n",
        "$2 = BTreeMap(size=0)\n",
        "$3 = HashMap(size=0)\n",
        "$4 = VecDeque(size=4) = {1, 2, 3, 99}\n",
        "$5 = Rc(strong=2, weak=0) = {value = 5, strong = 2, weak = 0}\n",
        "$6 = Arc(strong=1, weak=1) = {value = collections::Point {x: 7, y: 8}, strong = 1, weak = 1}\n",
        "$7 = Rc(strong=1, weak=0) = {value = \"shared\", strong = 1, weak = 0}\n",
        "$8 = Rc(strong=1, weak=0) = {value = &[u16] [1, 2], strong = 1, weak = 0}\n",
        "$9 = Cell = {value = 11}\n",
        "$10 = RefCell(borrow=0) = {value = 12, borrow = 0}\n",
        "$11 = RefCell(borrow_mut=1) = {value = 13, borrow = -1}\n",
        "$12 = RefCell(borrow=1) = {value = 14, borrow = 1}\n",
        "$13 = Ref(borrow=1) = {*value = 14, borrow = 1}\n",
        "$14 = HashMap(size=1) = {[\"one\"] = collections::Point {x: 3, y: 4}}\n",
        "$15 = BTreeMap(size=30) = {[0] = \"v\", [1] = \"v\", [2] = ...}\n",
        "$16 = Box<dyn collections::Area> = {value = collections::Point {x: 4, y: 5}}\n",
        "$17 = Rc(strong=1, weak=0) = {value = collections::Point {x: 21, y: 22}, strong = 1, weak = 0}\n",
        "$18 = collections::Point {x: 3, y: 4}\n",
        "$19 = \"bx\"\n",
        "$20 = alloc::boxed::Box<dyn collections::Area, alloc::alloc::Global> {pointer: 0x",
    ] {
        assert!(text.contains(shown), "{shown:?} is not in\n{text}");
    }
}

/// All that is in a map and a set, in whatever order; what was removed is not shown.
#[test]
fn rust_s_tables_show_each_element_once() {
    let text = collections(&["print hm", "print set", "print -elements 0 -- bm"]);
    let elements = |number: u32, head: &str| {
        let start = format!("${number} = {head} = {{");
        let line = text.lines().find_map(|line| line.strip_prefix(&start)?.strip_suffix('}'));
        let line = line.unwrap_or_else(|| panic!("{start} is not in\n{text}"));
        let mut all: Vec<String> = line.split(", ").map(str::to_owned).collect();
        all.sort();
        all
    };
    assert_eq!(elements(1, "HashMap(size=4)"), ["[0] = 0", "[1] = 10", "[2] = 20", "[4] = 40"]);
    assert_eq!(elements(2, "HashSet(size=3)"), ["1", "2", "3"]);
    let mut tree: Vec<String> = (0..30).map(|key| format!("[{key}] = \"v\"")).collect();
    tree.sort();
    assert_eq!(elements(3, "BTreeMap(size=30)"), tree);
}

/// A program that overwrote them: what can be known is shown, and nothing hangs.
#[test]
fn rust_s_containers_may_be_damaged() {
    let text = collections(&[
        "set var hm.base.table.table.bucket_mask = 0xfffffffffffffff",
        "print hm",
        "set var hm.base.table.table.items = 9",
        "print hm",
        "set var hm.base.table.table.bucket_mask = 6",
        "print hm",
        "set var hm.base.table.table.bucket_mask = 0xffffffffffffffff",
        "print hm",
        "set var bm.length = 1000",
        "print -elements 0 -- bm",
        "set var vd.len = 1000000",
        "print vd",
        "set var arc.ptr.pointer = 16",
        "print arc",
        "info line main",
    ]);
    for shown in [
        "$1 = HashMap(size=4) = {[",
        "$2 = HashMap(size=9) = {[",
        "more elements are in no node>}",
        "$3 = std::collections::hash::map::HashMap<i32, i32, ",
        "alloc::collections::vec_deque::VecDeque<i32, alloc::alloc::Global> {head: 1, len: 1000000, ",
        "alloc::sync::Arc<collections::Point, alloc::alloc::Global> {ptr: ",
    ] {
        assert!(text.contains(shown), "{shown:?} is not in\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

/// A condition is read before the frame is there, and a change reaches the program.
#[test]
fn rust_s_words_work_in_conditions_and_assignments() {
    let text = collections(&[
        "set var p.y = b'!'",
        "print p",
        "set var arr[1] = 0xff_i32",
        "print arr",
        "print &arr[1..]",
        "break collections::inner::more::f if crate::inner::NAME as u8 == 78u8",
        "break collections::inner::more::f if crate::inner::NAME as u8 == 77u8",
        "continue",
    ]);
    for shown in [
        "$1 = collections::Point {x: 3, y: 33}\n",
        "$2 = [1, 255, 3]\n",
        "$3 = &[*gdb*] [255, 3]\n",
        "Breakpoint 3, collections::inner::more::f () at ",
    ] {
        assert!(text.contains(shown), "{shown:?} is not in\n{text}");
    }
}

/// Layouts of older versions of the library are known by their members.
#[test]
fn rust_s_older_containers_show_what_they_hold() {
    if !have("c++") {
        return;
    }
    let script = ["break oldrust.cc:65", "run", "print v", "print vd", "print hm", "print hs", "print bm"];
    let text = Debugger::brkwater().limit(60).blocks(&script).args(&[&target("oldrust")]).text;
    for shown in [
        "$1 = Vec(size=2) = {8, 9}\n",
        "$2 = VecDeque(size=3) = {7, 8, 9}\n",
        "$3 = HashMap(size=2) = {[1] = 10, [2] = 20}\n",
        "$4 = HashSet(size=2) = {1, 2}\n",
        "$5 = BTreeMap(size=4) = {[1] = 10, [2] = 20, [3] = 30, [4] = 40}\n",
    ] {
        assert!(text.contains(shown), "{shown:?} is not in\n{text}");
    }
}

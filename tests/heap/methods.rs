//! Each way to find the main arena by itself: they must name the same address, and the survey must say which did.

use std::process::Command;

use brkwater::addr::{Addr, Span};
use brkwater::heap::{self, Anchors, Method, view::HeapView};

use crate::target::{NO_PIE, PIE, STATIC, STATIC_PIE, Target, launch, root};

const METHODS: [Method; 4] = [Method::MallocTrim, Method::Tls, Method::Relocation, Method::Ring];

/// `malloc_trim` of the child's libc (of the program, if it is static), from its symbols.
fn malloc_trim(target: &Target) -> Span {
    let is_libc = |path: &str| path.contains("/libc.so.6") || path.contains("/libc-2.");
    let libc = target.maps.iter().find(|mapping| is_libc(&mapping.path));
    // The break of a static-pie program may lie below it.
    let file = libc.or_else(|| target.maps.iter().find(|mapping| mapping.file().is_some())).unwrap();
    // The kernel shows the path as we see it, also from another root.
    assert!(root().is_none_or(|root| file.path.starts_with(root.to_str().unwrap())), "{}", file.path);
    let table = if libc.is_some() { "-DS" } else { "-S" };
    let nm = Command::new("nm").args([table, "--defined-only", &file.path]).output().unwrap();
    let text = String::from_utf8(nm.stdout).unwrap();
    let name = |line: &&str| line.ends_with(" malloc_trim") || line.contains(" malloc_trim@");
    let line = text.lines().find(name).unwrap();
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let mut words = line.split(' ');
    let (at, len) = (number(words.next().unwrap()), number(words.next().unwrap()));
    // A program that is not position-independent has its addresses in its symbols.
    let bias = if at >= file.span.start.0 { 0 } else { file.span.start.0 };
    Span::sized(Addr(bias + at), len)
}

/// All methods but those of `none` agree.
fn check(target: &Target, show: &str, none: &[Method]) {
    let anchors = Anchors { malloc_trim: Some(malloc_trim(target)), ..target.anchors() };
    let survey = heap::survey(&target.memory, &target.maps, &anchors);
    let show = format!("{show}\n{}", survey.to_text());
    let arena = survey.arenas[0].address;
    for method in METHODS {
        let found = heap::main_arenas_by(&target.memory, &target.maps, &anchors, method);
        let expected = if none.contains(&method) { vec![] } else { vec![arena] };
        assert_eq!(found, expected, "{method:?} {show}");
    }
    let agreed: Vec<Method> = METHODS.into_iter().filter(|method| !none.contains(method)).collect();
    assert_eq!(survey.found_by, agreed, "{show}");
    let names: Vec<&str> = agreed.iter().map(|method| method.name()).collect();
    assert!(show.contains(&format!("found by {})", names.join(", "))), "{show}");
    let view = HeapView::new(brkwater::addr::Pid(1), &survey, &|_| None);
    assert_eq!(view.found_by, names);
}

#[test]
fn each_method_alone_finds_the_same_arena() {
    for flags in [PIE, NO_PIE, STATIC, STATIC_PIE] {
        // Only what is position-independent is relocated; libc always is.
        let none: &[Method] = if flags == STATIC { &[Method::Relocation] } else { &[] };
        for args in [&["plain", "500"][..], &["hole", "500"], &["threads", "300"], &["foreign", "300"]] {
            check(&launch(flags, args), &format!("{flags:?} {args:?}"), none);
        }
    }
}

#[test]
fn before_the_first_malloc_code_relocation_and_shape_know_it() {
    for flags in [PIE, NO_PIE] {
        let target = launch(flags, &["untouched"]);
        // From 2.42 or 2.43 on malloc's start-up comes with libc's, and the thread has its arena.
        let none: &[Method] = if target.glibc() > 41 { &[] } else { &[Method::Tls] };
        check(&target, "untouched", none);
    }
}

#[test]
fn a_second_libc_is_found_by_its_relocations_too() {
    let target = launch(PIE, &["second-libc"]);
    let anchors = target.anchors();
    let by = |method| heap::main_arenas_by(&target.memory, &target.maps, &anchors, method);
    let both = by(Method::Ring);
    assert_eq!(both.len(), 2);
    assert_eq!(by(Method::Relocation), both);
}

/// The program itself, attached from outside (also of a root): it has symbols, and says what agreed with them.
#[test]
fn info_heap_says_which_methods_agreed() {
    for flags in [PIE, STATIC] {
        let target = launch(flags, &["hole", "500"]);
        let pid = target.pid.to_string();
        let mut brkwater = Command::new(env!("CARGO_BIN_EXE_brkwater"));
        brkwater.args(["-batch", "-nx", "-p", &pid, "-ex", "info heap -json"]);
        let output = brkwater.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.starts_with('{'));
        let line = line.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)));
        let heap: HeapView = serde_json::from_str(line).unwrap();
        assert_eq!((heap.doubts.len(), heap.arenas[0].unaccounted), (0, 0), "{line}");
        let version = format!("2.{}", target.glibc());
        assert_eq!(heap.glibc.as_deref(), Some(version.as_str()), "{line}");
        for method in METHODS.into_iter().filter(|method| flags != STATIC || *method != Method::Relocation) {
            assert!(heap.found_by.iter().any(|name| name == method.name()), "{method:?} {line}");
        }
    }
}

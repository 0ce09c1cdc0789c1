//! The rules, each a sentence that names file and line when it is broken.

use crate::lexer::{self, Path, Token};

/// The floors: who stands on which. Modules of one floor do not know each other, save on floor 0, which is one
/// vocabulary. A module that is not listed fails, so that nobody moves in unannounced.
const FLOORS: &[(&str, u32)] = &[
    ("addr", 0),
    ("regs", 0),
    ("memory", 0),
    ("maps", 0),
    ("source", 0),
    ("event", 0),
    ("pattern", 0),
    ("symbols", 1),
    ("unwind", 1),
    ("syscalls", 1),
    ("heap", 1),
    ("kernel", 1),
    ("corefile", 1),
    ("recording", 1),
    ("scene", 2),
    ("session", 3),
    ("report", 3),
    ("command", 4),
    ("batch", 5),
    ("tui", 5),
    ("remote", 5),
    ("dap", 5),
    ("cli", 6),
    ("main", 7),
    ("lib", 7),
];

/// Crates that only some rooms may name, and why.
const FENCES: &[(&[&str], &[&str], &str)] = &[
    (&["nix", "libc", "seccompiler"], &["kernel"], "only kernel/ speaks to the kernel"),
    (&["ureq"], &["kernel"], "only kernel/ opens connections"),
    (&["ratatui", "crossterm", "tui_term"], &["tui"], "only tui/ paints"),
    (
        &["gimli", "object", "addr2line"],
        &["symbols", "unwind", "corefile"],
        "only symbols/, unwind/ and corefile read object files",
    ),
];

/// The one file that starts processes: `waitpid` is called in one place.
const SPAWN: &str = "kernel/spawn.rs";

/// Lines of a file without its tests, and with them.
const LONG: usize = 500;
const TOO_LONG: usize = 800;

/// Files that may be longer, each with the reason.
pub(crate) const LONG_FILES: &[(&str, &str)] = &[];

/// Everything that is wrong with one file; `path` is relative to `src/`.
pub(crate) fn check(path: &str, text: &str) -> Vec<String> {
    let tokens = lexer::tokens(text);
    let mut broken = Vec::new();
    let room = room(path);
    if !FLOORS.iter().any(|(name, _)| *name == room) {
        broken.push(format!("src/{path}:1: `{room}` has no floor; give it one in tests/floors/rules.rs"));
    }
    check_doc(path, text, &mut broken);
    check_length(path, text, &mut broken);
    check_unsafe(path, &tokens, &mut broken);
    for mut found in lexer::paths(&tokens) {
        found.test |= is_test_file(path);
        check_import(path, &found, &mut broken);
        check_fences(path, &found, &mut broken);
        check_command(path, &found, &mut broken);
    }
    broken.dedup();
    broken
}

/// A file that its parent declares under `#[cfg(test)]`: by its name, in every room.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("/testing.rs") || path.contains("/tests/")
}

/// The module below the crate's root that a file belongs to: `heap` for `heap/story/mod.rs`.
fn room(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn floor(room: &str) -> Option<u32> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// How deep below the root a file's module is: 1 for `heap/mod.rs` and `addr.rs`, 2 for `heap/walk.rs`.
fn depth(path: &str) -> usize {
    match path {
        "lib.rs" | "main.rs" => 0,
        _ => path.split('/').count() - usize::from(path.ends_with("/mod.rs")),
    }
}

/// Which module below the root a path reaches, if it leaves by `crate` or by enough `super`s.
fn reached<'a>(path: &str, found: &'a Path) -> Option<&'a str> {
    let segments = &found.segments;
    let first = segments.first()?;
    if first == "crate" {
        return Some(segments.get(1).map_or("*", String::as_str));
    }
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    let here = depth(path) + found.depth;
    (supers > 0 && supers >= here).then(|| segments.get(supers).map_or("*", String::as_str))
}

fn check_import(path: &str, found: &Path, broken: &mut Vec<String>) {
    let from = room(path);
    let (Some(target), Some(mine)) = (reached(path, found), floor(from)) else { return };
    if target == from || mine >= 7 {
        return;
    }
    let line = found.line;
    if target == "*" {
        broken.push(format!("src/{path}:{line}: `{}` names the whole building", found.segments.join("::")));
    }
    let Some(theirs) = floor(target) else { return };
    if theirs > mine {
        broken.push(format!(
            "src/{path}:{line}: `{from}` (floor {mine}) looks up to `{target}` (floor {theirs}); a module imports only lower floors"
        ));
    } else if theirs == mine && mine != 0 {
        broken.push(format!(
            "src/{path}:{line}: `{from}` knows its neighbour `{target}` on floor {mine}; neighbours do not know each other"
        ));
    }
}

fn check_fences(path: &str, found: &Path, broken: &mut Vec<String>) {
    let room = room(path);
    let Some(first) = found.segments.first() else { return };
    if found.segments.len() < 2 || found.test {
        return;
    }
    for (crates, rooms, why) in FENCES {
        if crates.contains(&first.as_str()) && !rooms.contains(&room) {
            broken.push(format!("src/{path}:{}: `{}`: {why}", found.line, found.segments.join("::")));
        }
    }
}

fn check_command(path: &str, found: &Path, broken: &mut Vec<String>) {
    let named = found.segments.windows(2).any(|pair| pair[0] == "process" && pair[1] == "Command");
    if named && path != SPAWN && !found.test {
        broken.push(format!(
            "src/{path}:{}: `{}`: only {SPAWN} starts processes",
            found.line,
            found.segments.join("::")
        ));
    }
}

/// `unsafe` as a word; attributes such as `allow(unsafe_code)` are another word and belong to kernel/ as well.
fn check_unsafe(path: &str, tokens: &[Token], broken: &mut Vec<String>) {
    if room(path) == "kernel" {
        return;
    }
    for token in tokens.iter().filter(|token| token.text == "unsafe" || token.text == "unsafe_code") {
        broken.push(format!("src/{path}:{}: `{}` outside kernel/", token.line, token.text));
    }
}

fn check_doc(path: &str, text: &str, broken: &mut Vec<String>) {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    if !first.starts_with("//!") && !first.starts_with("/*!") {
        broken
            .push(format!("src/{path}:1: a module opens with `//!`: what it knows, what it refuses to know"));
    }
}

fn check_length(path: &str, text: &str, broken: &mut Vec<String>) {
    if LONG_FILES.iter().any(|(file, _)| *file == path) {
        return;
    }
    let all = text.lines().count();
    let code = text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(all);
    if code > LONG {
        broken.push(format!("src/{path}:{code}: {code} lines without its tests; {LONG} invite a split"));
    } else if all > TOO_LONG {
        broken.push(format!("src/{path}:{all}: {all} lines with its tests; {TOO_LONG} are too many"));
    }
}

/// What `check` says about a snippet that would stand at `path`, its `//!` added.
#[cfg(test)]
fn judged(path: &str, snippet: &str) -> Vec<String> {
    check(path, &format!("//! A snippet.\n{snippet}"))
}

/// Fails unless exactly one rule is broken, at this line, with these words.
#[cfg(test)]
fn assert_broken(path: &str, snippet: &str, line: usize, words: &str) {
    let said = judged(path, snippet);
    assert_eq!(said.len(), 1, "{path} {snippet:?}: {said:#?}");
    assert!(said[0].starts_with(&format!("src/{path}:{line}: ")), "{}", said[0]);
    assert!(said[0].contains(words), "{} lacks {words:?}", said[0]);
}

#[test]
fn imports_upward_and_sideways_are_found_however_they_are_written() {
    for snippet in [
        "use crate::scene::Scene;",
        "use crate::{addr::Addr, scene::Scene};",
        "fn f(x: crate::scene::Scene) {}",
        "pub use crate::scene as s;",
        "impl crate::scene::view::X for Y {}",
        "mod inner { use crate::scene; }",
        "#[cfg(test)] mod tests { use crate::scene; }",
        "macro_rules! m { () => { $crate::scene::f() } }",
    ] {
        assert_broken("heap/walk.rs", snippet, 2, "`heap` (floor 1) looks up to `scene` (floor 2)");
    }
    assert_broken("heap/walk.rs", "\nuse super::super::scene::X;", 3, "looks up");
    assert_broken("heap/story/mod.rs", "mod m { use super::super::super::scene::X; }", 2, "looks up");
    assert_broken("heap/mod.rs", "use super::symbols::Image;", 2, "knows its neighbour `symbols`");
    assert_broken("symbols/elf.rs", "use crate::heap;", 2, "knows its neighbour `heap`");
    assert_broken("session/mod.rs", "use crate::report::Document;", 2, "neighbour");
    assert_broken("tui/mod.rs", "use crate::batch;", 2, "neighbour");
    assert_broken("addr.rs", "use crate::cli;", 2, "floor 0");
    assert_broken("heap/walk.rs", "use crate::*;", 2, "the whole building");
}

#[test]
fn imports_downward_and_at_home_are_fine() {
    for (path, snippet) in [
        ("heap/walk.rs", "use crate::addr::Addr; use super::glibc; use crate::heap::view;"),
        ("heap/story/mod.rs", "use super::walk; mod m { use super::super::walk; }"),
        ("memory.rs", "use crate::addr::Addr; use crate::source::Source;"),
        ("scene/expr/parse.rs", "use crate::scene::view; use crate::symbols::Modules; use crate::heap;"),
        ("cli.rs", "use crate::tui; use crate::batch; use crate::kernel;"),
        ("main.rs", "fn f() { brkwater::cli::main() }"),
        ("lib.rs", "pub mod heap; pub use crate::heap::X;"),
        ("heap/walk.rs", "// use crate::scene;\nconst S: &str = \"crate::tui\"; fn scene() { scene::x() }"),
    ] {
        assert_eq!(judged(path, snippet), Vec::<String>::new(), "{path} {snippet}");
    }
}

#[test]
fn crates_stay_behind_their_fences() {
    assert_broken("heap/walk.rs", "use nix::sys::ptrace;", 2, "only kernel/");
    assert_broken("session/mod.rs", "fn f() { libc::c_int::MAX }", 2, "only kernel/");
    assert_broken("command/mod.rs", "use ratatui::{Frame};", 2, "only tui/ paints");
    assert_broken("tui/mod.rs", "use gimli::Reader;", 2, "read object files");
    assert_broken("scene/mod.rs", "use object::Object as _;", 2, "read object files");
    assert_eq!(judged("kernel/mod.rs", "use nix::sys; use libc::c_int;"), Vec::<String>::new());
    assert_eq!(judged("unwind/mod.rs", "use gimli::Reader;"), Vec::<String>::new());
    assert_eq!(judged("scene/mod.rs", "fn f(object: u8) { object.x() }"), Vec::<String>::new());
    assert_eq!(judged("scene/mod.rs", "#[cfg(test)] mod t { use libc::c_int; }"), Vec::<String>::new());
}

#[test]
fn unsafe_and_processes_have_one_home() {
    assert_broken("heap/walk.rs", "fn f() { unsafe { g() } }", 2, "`unsafe` outside kernel/");
    assert_broken("heap/walk.rs", "#![allow(unsafe_code)]", 2, "outside kernel/");
    assert_broken("command/mod.rs", "use std::process::{Command, ExitCode};", 2, SPAWN);
    assert_broken("kernel/ptrace.rs", "fn f() { std::process::Command::new(\"x\") }", 2, SPAWN);
    assert_broken("batch.rs", "use std::process; fn f() { process::Command::new(\"x\") }", 2, SPAWN);
    assert_eq!(judged(SPAWN, "use std::process::Command; fn f() { unsafe { g() } }"), Vec::<String>::new());
    assert_eq!(judged("command/mod.rs", "use super::Command; enum Command { A }"), Vec::<String>::new());
}

#[test]
fn files_are_documented_and_short() {
    assert_eq!(check("heap/walk.rs", "use std::fmt;\n").len(), 1);
    assert_eq!(check("heap/walk.rs", "\n//! Walks.\n").len(), 0);
    assert_eq!(check("nobody.rs", "//! New.\n").len(), 1, "a module without a floor");
    assert!(judged("heap/walk.rs", &"\n".repeat(LONG + 1))[0].contains("invite a split"));
    assert_eq!(judged("heap/walk.rs", &"\n".repeat(LONG - 2)).len(), 0);
    let tests = format!("{}#[cfg(test)]\n{}", "\n".repeat(300), "\n".repeat(TOO_LONG));
    assert!(judged("heap/walk.rs", &tests)[0].contains("too many"));
}

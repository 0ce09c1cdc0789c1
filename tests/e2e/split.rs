//! Debug info that is not in the program: `.dwo` files beside its objects, `.dwp` packages, units of types.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::compare::{differences, must_equal};
use crate::common::{Debugger, have, scratch, target, target_with, targets_dir};

/// What is asked of C code.
const CODE: &[&str] = &[
    "set debug-file-directory /nonexistent",
    "info line outer",
    "break stop_here",
    "info breakpoints",
    "run",
    "bt",
    "info args",
    "up",
    "info args",
    "info locals",
    "frame 3",
    "p *list",
    "p list->next->value",
    "p $.value",
    "ptype list",
    "whatis *list",
    "info frame",
    "info source",
    "c",
    "bt",
    "delete",
    "break passes_on",
    "c",
    "bt full",
    "list outer",
    "break inlines.c:46",
    "ptype struct node",
    "p sizeof(struct node)",
    "ptype outer",
    "p &sink",
    "info symbol main",
    "info address outer",
    "info functions stop_here|passes",
    "info variables sink",
];

#[test]
fn split_units_are_read_as_gdb_reads_them() {
    for flags in [
        "-gdwarf-5 -gsplit-dwarf -O0",
        "-gdwarf-4 -gsplit-dwarf -O0",
        "-gdwarf-5 -gsplit-dwarf -O2 -fno-pie -no-pie",
        "-gdwarf-4 -gsplit-dwarf -O2 -gz",
        "-gdwarf-4 -gsplit-dwarf -O2 -fdebug-types-section",
    ] {
        must_equal(&[&target_with("inlines", flags)], &[CODE]);
    }
}

#[test]
fn types_have_units_of_their_own() {
    for flags in ["-gdwarf-5 -fdebug-types-section -O0", "-gdwarf-4 -fdebug-types-section -O2"] {
        must_equal(&[&target_with("inlines", flags)], &[CODE]);
    }
    let script: Vec<&str> = include_str!("../parity/classes.gdb").lines().collect();
    let script: Vec<&str> =
        script.into_iter().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    if have("c++") {
        for flags in [
            "-gdwarf-5 -fdebug-types-section",
            "-gdwarf-4 -fdebug-types-section",
            "-gdwarf-5 -gsplit-dwarf",
            "-gdwarf-4 -gsplit-dwarf -fdebug-types-section",
        ] {
            must_equal(&[&target_with("classes", &format!("-g -O0 -std=c++17 {flags}"))], &[&script]);
        }
    }
}

/// gdb 13.1 does not read what gcc 12 writes there ("wrong version in compilation unit header"): it is asked about the
/// same program in one piece.
#[test]
fn a_dwo_may_have_many_sections_of_one_name() {
    let flags = "-gdwarf-5 -O2 -fdebug-types-section -fno-pie -no-pie";
    let split = target_with("inlines", &format!("{flags} -gsplit-dwarf"));
    let whole = target_with("inlines", flags);
    let ours = Debugger::brkwater().blocks(CODE).args(&[&split]);
    let theirs = Debugger::gdb().blocks(CODE).args(&[&whole]);
    for (index, command) in CODE.iter().enumerate() {
        // The compiler's flags and the program's path are told, and differ.
        if !["info source", "info symbol main"].contains(command) {
            let found = differences(ours.block(index), theirs.block(index));
            assert!(found.is_empty(), "{command}\n{}", found.join("\n"));
        }
    }
}

fn done(directory: &Path, command: &str) {
    let mut words = command.split_whitespace();
    let status = Command::new(words.next().unwrap()).args(words).current_dir(directory).status().unwrap();
    assert!(status.success(), "{command}");
}

/// A program of two objects, in a directory of its own, with `.dwo` files whose names are relative to it.
fn two_objects(name: &str, flags: &str) -> (PathBuf, String) {
    let directory = scratch(name);
    std::fs::copy(targets_dir().join("inlines.c"), directory.join("inlines.c")).unwrap();
    std::fs::write(
        directory.join("more.c"),
        "struct extra { long wide; struct extra *self; } extra = { 7, &extra };\n\
         int doubled(int number)\n{\n    long twice = number * 2L;\n    return (int)twice;\n}\n",
    )
    .unwrap();
    done(&directory, &format!("cc {flags} -c inlines.c -o inlines.o"));
    done(&directory, &format!("cc {flags} -c more.c -o more.o"));
    done(&directory, "cc inlines.o more.o -o program");
    let program = directory.join("program").to_str().unwrap().to_owned();
    (directory, program)
}

const TWO: &[&str] = &[
    "set debug-file-directory /nonexistent",
    "break doubled",
    "p extra",
    "ptype struct extra",
    "whatis doubled",
    "break outer",
    "run",
    "bt",
    "p *list",
    "p extra",
    "p *extra.self",
    "info locals",
];

/// LLVM's packer of version 14 does not come to an end over larger units of gcc's DWARF 5: it gets the small one, and the
/// other stays where it is.
#[test]
fn a_package_has_the_units_of_objects() {
    let cases = [
        ("dwp", "package4", "-gdwarf-4", "dwp -e program -o program.dwp", &["inlines.dwo", "more.dwo"][..]),
        (
            "dwp",
            "package_types",
            "-gdwarf-4 -fdebug-types-section",
            "dwp -e program -o program.dwp",
            &["inlines.dwo", "more.dwo"],
        ),
        ("llvm-dwp", "package5", "-gdwarf-5", "llvm-dwp more.dwo -o program.dwp", &["more.dwo"]),
    ];
    for (packer, name, flags, command, packed) in cases {
        // LLVM is large, and nobody has to install it for this.
        if packer == "llvm-dwp" && Command::new(packer).arg("--version").output().is_err() {
            eprintln!("no package of DWARF 5 tested: `llvm-dwp` is missing");
            continue;
        }
        if packer == "dwp" && !have(packer) {
            continue;
        }
        let (directory, program) = two_objects(name, &format!("{flags} -gsplit-dwarf -O0"));
        must_equal(&[&program], &[TWO]);
        // Over a package of DWARF 5 gdb 13.1 breaks down: it has to be asked before.
        let theirs = Debugger::gdb().blocks(TWO).args(&[&program]);
        done(&directory, command);
        packed.iter().for_each(|file| std::fs::remove_file(directory.join(file)).unwrap());
        let ours = Debugger::brkwater().blocks(TWO).args(&[&program]);
        for (index, command) in TWO.iter().enumerate() {
            let found = differences(ours.block(index), theirs.block(index));
            assert!(found.is_empty(), "{name}: {command}\n{}", found.join("\n"));
        }
    }
}

/// What is missing is told once; symbols and lines are in the program, and the other unit is whole.
#[test]
fn a_dwo_that_is_missing_is_told_about() {
    for version in [4, 5] {
        let flags = format!("-gdwarf-{version} -gsplit-dwarf -O0");
        let (directory, program) = two_objects(&format!("missing{version}"), &flags);
        std::fs::remove_file(directory.join("inlines.dwo")).unwrap();
        let script = [
            "break outer",
            "run",
            "bt",
            "p extra",
            "info line more.c:4",
            "tbreak inlines.c:46",
            "info symbol outer",
        ];
        let output = Debugger::brkwater().blocks(&script).args(&[&program]);
        let warning = "warning: Could not find DWO CU inlines.dwo(0x";
        assert_eq!(output.text.matches(warning).count(), 1, "{}", output.text);
        let theirs = Debugger::gdb().blocks(&script).args(&[&program]);
        let line = |text: &str| text.lines().find(|line| line.starts_with(warning)).map(str::to_owned);
        assert_eq!(line(&output.text), line(&theirs.text));
        output.must_have("outer () at inlines.c:").must_have("$1 = {wide = 7, self = 0x");
        output.must_have("Line 4 of \"more.c\" starts at").must_have("file inlines.c, line 46.");
        output.exits(0);
        if version == 4 {
            // Of a DWARF 5 skeleton alone, gdb 13.1 says "unexpected tag" wherever it meets one.
            for (index, command) in script.iter().enumerate().skip(1) {
                let found = differences(output.block(index), theirs.block(index));
                assert!(found.is_empty(), "{command}\n{}", found.join("\n"));
            }
        }
    }
    // Nothing is split here, and nobody complains.
    Debugger::brkwater().ex("break main").args(&[&target("inlines")]).must_not_have("warning");
}

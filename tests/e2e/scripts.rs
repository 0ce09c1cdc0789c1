//! `source` with the files that people have: gdb runs the same file, and what both print is the same; what brkwater does
//! not do is a warning with file and line, and the file goes on.

use std::fs;

use crate::common::{Debugger, Output, scratch, target};

/// As GEF and pwndbg have it.
const GEF: &str = r#"set confirm off
set verbose off
set history save off
set history size 10000
set history filename ~/.gdb_history
set output-radix 0xa
set prompt gdb>
set height 0
set width 0
set follow-fork-mode child
set disassembly-flavor intel
set print pretty on
set backtrace past-main on
set step-mode off
set style sources off
handle SIGALRM nostop print nopass
handle SIGSEGV stop   print nopass
python
import sys
if sys.version_info >= (3, 0):
    for x in []:
        pass
end
define greet
  if $argc == 0
    python
if 1:
    pass
    end
    echo nobody\n
  else
    printf "hello %d\n", $arg0
  end
end
document greet
Says hello;
if you want, to a number.
end
greet
greet 7
help greet
echo gef done\n
"#;

/// As for the kernel.
const KERNEL: &str = r#"# a comment
add-auto-load-safe-path /usr/src/linux/scripts/gdb
set auto-load safe-path /
set architecture i386:x86-64
define lsm
  if $argc == 0
    echo none\n
  else
    while 0
      echo x\n
    end
    echo $arg0\n
  end
end
alias lm = lsm
lm foo
lsm
set $i = 0
while $i < 4
  set $i = $i + 1
  if $i == 1
    loop_continue
  end
  if $i == 3
    loop_break
  end
  printf "round %d\n", $i
end
set remotetimeout 20
set tcp auto-retry on
set serial baud 115200
set print thread-events off
set pagination off
info auto-load
echo kernel done\n
"#;

/// As for the STL.
const STL: &str = r#"set print vtbl on
set print object on
set print asm-demangle on
set print elements 0
set print repeats 0
set charset UTF-8
set max-value-size unlimited
set print frame-info auto
set print nibbles off
set multiple-symbols all
set opaque-type-resolution on
set case-sensitive auto
set complaints 0
set check type on
set extension-language .x c
define pvector
    if $argc == 0
        help pvector
    else
        printf "size = %u\n", $arg0
    end
end
document pvector
    Prints std::vector<T> information.
    while, if and end in a line are words.
end
pvector
pvector 3
echo stl done\n
"#;

/// As for Android.
const ANDROID: &str = r#"set solib-search-path /tmp
set sysroot /
set stop-on-solib-events 0
set auto-solib-add on
set substitute-path /build /tmp
sharedlibrary
nosharedlibrary
shell echo from the shell
! echo from there as well
handle SIG33 nostop noprint pass
macro list
tui disable
echo android done\n
"#;

/// As people have them, line by line.
const PERSONAL: &str = r#"set history remove-duplicates unlimited
set startup-with-shell on
set logging enabled off
set style enabled off
set style address foreground blue
set tui border-kind ascii
set print array-indexes on
set listsize 20
set breakpoint pending on
set non-stop off
set can-use-hw-watchpoints 1
show listsize
show print array-indexes
dont-repeat
if 1 == 2
  echo wrong\n
else
  echo right\n
end
echo personal done\n
"#;

fn sourced(debugger: Debugger, file: &str) -> Output {
    debugger.blocks(&[&format!("source {file}")]).plain(&[&target("saved")])
}

/// What was printed, without warnings and what gdb says of lines that it runs.
fn printed(output: &Output) -> Vec<String> {
    let lines = output.block(0).lines().map(str::trim_end);
    let chatter = |line: &&str| {
        line.is_empty()
            || line.starts_with("warning: ")
            || line.starts_with("The target architecture is set")
            || line.starts_with("Output radix now set")
            || line.starts_with("[Thread debugging")
    };
    lines.filter(|line| !chatter(line)).map(str::to_owned).collect()
}

#[test]
fn files_that_people_have_print_what_they_print_in_gdb() {
    let files =
        [("gef", GEF), ("kernel", KERNEL), ("stl", STL), ("android", ANDROID), ("personal", PERSONAL)];
    for (name, text) in files {
        let file = scratch(&format!("script_{name}")).join("gdbinit");
        fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let (ours, theirs) = (sourced(Debugger::brkwater(), file), sourced(Debugger::gdb(), file));
        theirs.must_have(&format!("{name} done")).must_not_have("Error in sourced");
        assert_eq!(printed(&ours), printed(&theirs), "{name}:\n{}\ngdb:\n{}", ours.text, theirs.text);
    }
}

#[test]
fn what_is_not_done_is_a_warning_with_its_line() {
    let file = scratch("script_warnings").join("gdbinit");
    let text = "set nosuch-setting 3\nset disassembly-flavor intel\nset logging on\npython\nif x:\n  y\nend\npython print(1)\n\
                define hook-nosuch\nend\nmacro define FOO 3\nlayout src\nwinheight src 5\ntui new-layout m src 1\nmt info sections\n\
                add-symbol-file /bin/sh 0\nsource /nonexistent\necho went on\\n\nnosuchcommand\necho not here\\n\n";
    fs::write(&file, text).unwrap();
    let name = file.to_str().unwrap();
    let ours = sourced(Debugger::brkwater(), name);
    for (line, words) in [
        (1, "unknown setting ignored: set nosuch-setting 3\n"),
        (2, "set disassembly-flavor intel has no effect here: "),
        (3, "set logging on has no effect here: "),
        (4, "python block skipped: brkwater runs no python.\n"),
        (8, "python line skipped: brkwater runs no python.\n"),
        (9, "Your new `hook-nosuch' command does not hook any existing command.\n"),
        (11, "Macros are not defined and not expanded."),
        (12, "Cannot enable the TUI when output is not a terminal "),
        (13, "Cannot enable the TUI when output is not a terminal "),
        (14, "Cannot enable the TUI when output is not a terminal "),
        (15, "These commands look into gdb itself."),
        (16, "The symbols of this file are not added."),
        (17, "/nonexistent: No such file or directory."),
    ] {
        ours.must_have(&format!("warning: {name}:{line}: {words}"));
    }
    ours.must_have("went on\n").must_not_have("not here");
    ours.must_have(&format!(
        "{name}:19: Error in sourced command file:\nUndefined command: \"nosuchcommand\".  Try \"help\".\n"
    ));
}

/// Where gdb fails, the first line is gdb's.
#[test]
fn what_fails_fails_in_gdb_s_words() {
    let script = [
        "macro define",
        "macro expand-once FOO",
        "macro list",
        "add-symbol-file",
        "remove-symbol-file",
        "remove-symbol-file -a 0",
        "layout src",
        "layout nosuch",
        "focus cmd",
        "winheight src 5",
        "refresh",
        "tui enable",
        "tui disable",
        "info win",
        "add-auto-load-safe-path",
        "info auto-load",
        "info auto-load nosuch",
        "gcore",
        "new-ui",
        "sharedlibrary",
        "nosharedlibrary",
        "sharedlibrary nosuch",
        "load",
        "monitor reset",
        "handle SIGFOO stop",
    ];
    let run = |debugger: Debugger| debugger.blocks(&script).plain(&[&target("saved")]);
    let (ours, theirs) = (run(Debugger::brkwater()), run(Debugger::gdb()));
    for (index, command) in script.iter().enumerate() {
        let without_hint =
            ours.block(index).lines().filter(|line| !line.starts_with("  hint: ")).collect::<Vec<_>>();
        assert_eq!(without_hint, theirs.block(index).lines().collect::<Vec<_>>(), "{command}");
    }
    // With a process; of a pattern that fits no library gdb says so to somebody who types only.
    let live = |debugger: Debugger| {
        let script = ["sharedlibrary nosuch", "sharedlibrary libc"];
        debugger.ex("break main").ex("run").blocks(&script).plain(&[&target("saved")])
    };
    let (ours, theirs) = (live(Debugger::brkwater()), live(Debugger::gdb()));
    assert_eq!((ours.block(0), ours.block(1)), (theirs.block(0), theirs.block(1)));
}

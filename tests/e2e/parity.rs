//! Backtraces, values, registers, source and symbols: a table of programs, stops and commands, each given to gdb
//! as well; every line that differs is reported.

use crate::common::compare::against_gdb_with;
use crate::common::{Debugger, scratch, target, target_with};

/// Gives each script to both and fails with all differences at once.
fn must_equal(program: &[&str], scripts: &[&[&str]]) {
    let mut report = String::new();
    for script in scripts {
        let differences = against_gdb_with(Debugger::brkwater(), program, script);
        if !differences.is_empty() {
            report += &format!("{script:?}\n{differences}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn backtraces_of_plain_code() {
    must_equal(
        &[&target("calls"), "one", "two words"],
        &[
            &["break leaf", "run", "bt", "bt 1", "bt -1", "where", "up", "info frame", "down"],
            &[
                "break factorial if n == 1",
                "run",
                "bt",
                "bt 2",
                "bt -2",
                "bt full 2",
                "frame 3",
                "frame function main",
            ],
            &["break sum", "run", "bt", "bt full", "info args", "up", "info locals", "info args"],
            &["bt", "frame", "info locals"],
            &["set print frame-arguments all", "break sum", "run", "bt"],
            &["set print address off", "break sum", "run", "bt"],
        ],
    );
}

/// Not compared yet: the locals of libc's inner frames (gdb lists more of its macros' temporaries).
#[test]
fn backtraces_through_libc() {
    must_equal(
        &[&target("chain"), "/etc/hosts", "/etc/passwd"],
        &[
            &["start", "break open", "c", "bt", "up", "info frame"],
            &["start", "break mmap", "c", "bt", "info registers", "info args", "up", "up 2", "info args"],
            &["start", "break sysmalloc", "c", "bt", "finish"],
            &["start", "break write", "c", "bt"],
            &["start", "break _exit", "c", "bt"],
        ],
    );
}

#[test]
fn backtraces_of_optimised_code() {
    for flags in
        ["-g -O2 -fno-pie -no-pie", "-g -O2", "-g -O1 -fomit-frame-pointer", "-g -O3 -fno-omit-frame-pointer"]
    {
        must_equal(
            &[&target_with("inlines", flags)],
            &[
                &[
                    "break stop_here",
                    "run",
                    "bt",
                    "info args",
                    "c",
                    "bt",
                    "up",
                    "info locals",
                    "up",
                    "info args",
                    "info locals",
                ],
                &["break compare", "run", "bt", "info registers rbx rbp r12 rip", "up", "info args"],
                &["break passes_on", "run", "bt", "up", "info args", "info registers"],
                &["break outer", "run", "bt", "info args", "info locals", "c", "bt"],
            ],
        );
    }
}

#[test]
fn backtraces_of_every_kind_of_program() {
    for flags in [
        "-g -O0 -no-pie -fno-pie",
        "-g -O0 -pie -fPIE",
        "-g -O0 -static",
        "-g -O0 -static-pie -fPIE",
        "-gdwarf-4 -O0",
        "-g3 -O0",
        "-g -O0 -gz",
        "-g1 -O0",
        "-O0 -rdynamic",
        "-g -O0 -fno-asynchronous-unwind-tables",
    ] {
        must_equal(
            &[&target_with("calls", flags)],
            &[&["break factorial", "run", "bt", "info symbol factorial", "x/3i $pc", "c", "bt"]],
        );
    }
}

/// Not compared yet: `info frame` next to a frame that ended in a jump.
#[test]
fn backtraces_of_signal_handlers_and_faults() {
    let signals = target("signals");
    must_equal(
        &[&signals, "segv"],
        &[&["run", "bt", "info registers rip rsp", "x/i $pc", "info args", "up", "info locals"]],
    );
    must_equal(
        &[&signals, "storm", "3"],
        &[&["handle SIGUSR1 nostop noprint", "break handle", "run", "bt", "up", "up", "finish"]],
    );
    must_equal(&[&signals, "abort"], &[&["run", "bt"]]);
}

#[test]
fn values_of_every_type() {
    must_equal(
        &[&target("calls")],
        &[
            &[
                "break sum",
                "run",
                "p counter",
                "p names",
                "p names[1]",
                "p *p",
                "p *p->next",
                "p p->next->next",
                "p &origin",
                "p origin",
                "p copy",
                "p p->bytes",
                "p/x p->bytes",
                "p escaped",
                "p big",
                "p small",
                "p/x small",
                "p letter",
                "p/d letter",
                "p third",
                "p p->weight * 2",
                "p matrix",
                "p matrix[1][2]",
                "p sum",
                "p *p@1",
                "p &p->y",
                "p sizeof(struct point)",
                "p (char)65",
                "p BLUE",
                "p (enum colour)5",
                "p/x counter",
                "p/t 10",
                "p/o 8",
                "p/c 65",
                "p/a main",
                "p $rip",
                "p $sp",
                "p/x $eflags",
                "p $eflags",
                "p names[0][0]",
                "p *names[2]@3",
                "p &names",
                "p factorial",
                "p 1 + 2 * 3",
                "p 7 / 2",
                "p -7 % 3",
                "p 1 == 2",
                "p 3 > 2 && 0",
                "p 0x10",
                "p 'a'",
                "p \"hi\"",
                "p 5 ? 1 : 2",
                "p $1",
                "p $",
                "p $$2",
                "p p",
                "p !p",
                "p ~0",
                "p (long)p == (long)&origin",
                "p 1.5 + 1",
                "p 10 > 3.5",
                "ptype p",
                "whatis *p",
                "ptype struct point",
                "whatis counter",
                "whatis sum",
                "p $_",
                "p $foo",
                "set var counter = 7",
                "p counter",
                "p counter = 8",
                "set $foo = 3",
                "p $foo * 2",
                "p leaf_calls",
                "p calls.c::leaf_calls",
            ],
            &[
                "p counter",
                "p names",
                "p origin",
                "p sizeof(int)",
                "p &counter",
                "p main",
                "p letter",
                "p *names@2",
                "x/s names[0]",
            ],
        ],
    );
}

#[test]
fn memory_is_examined_in_every_format() {
    must_equal(
        &[&target("calls")],
        &[&[
            "break sum",
            "run",
            "x/4xw &counter",
            "x",
            "x/2dw &counter",
            "x/s escaped",
            "x/2s names[0]",
            "x/8xb &origin",
            "x/2xg &origin",
            "x/3dh &origin",
            "x/4c escaped",
            "x/2i main",
            "x/3i $pc",
            "x/i",
            "x/2a $sp",
            "x/3uw matrix",
            "x/2f &p->weight",
            "x/t &letter",
            "x/o &counter",
            "p $_",
            "p $__",
            "x/2wx 0",
            "x/6xw matrix",
            "output counter",
            "printf \"%d %s %c %5.2f\\n\", counter, names[1], letter, 2.5",
        ]],
    );
}

#[test]
fn registers_and_frames() {
    must_equal(
        &[&target("calls")],
        &[
            &[
                "break leaf",
                "run",
                "info registers",
                "info registers rip",
                "info registers eflags rax",
                "p $rax",
                "p $ax",
                "p $al",
                "p $xmm0",
                "up",
                "info registers rip rsp rbx",
                "info frame",
                "frame 1",
                "frame 0",
            ],
            &["break leaf", "run", "info all-registers st0", "p $fs_base", "p/x $cs", "info registers nos"],
        ],
    );
}

/// Nothing is mapped into the target: its map is what it is under gdb.
#[test]
fn the_map_of_the_target_is_its_own() {
    let chain = target("chain");
    must_equal(
        &[&chain, "/etc/hosts", "/etc/passwd"],
        &[&["break take", "run", "info proc mappings", "c", "info proc mappings", "info sharedlibrary"]],
    );
}

#[test]
fn symbols_and_lines() {
    must_equal(
        &[&target("calls")],
        &[
            &[
                "info line leaf",
                "info line 34",
                "info line calls.c:48",
                "info symbol main",
                "info symbol counter",
                "info address main",
                "info address counter",
                "info line *main",
                "info symbol 1",
            ],
            &[
                "break leaf",
                "run",
                "info symbol leaf",
                "info symbol $pc",
                "info symbol printf",
                "info line",
                "info source",
                "info address leaf",
                "info address x",
                "info symbol names",
            ],
        ],
    );
}

#[test]
fn source_is_listed() {
    must_equal(
        &[&target("calls")],
        &[
            &[
                "list",
                "list",
                "list leaf",
                "list",
                "list -",
                "list 10,12",
                "list calls.c:50",
                "list factorial,",
                "list 60,",
                "list sum",
            ],
            &[
                "break sum",
                "run",
                "list",
                "list",
                "up",
                "list",
                "list *$pc",
                "set listsize 3",
                "list 20",
                "list leaf",
            ],
        ],
    );
}

#[test]
fn threads_are_listed_and_chosen() {
    let program = target("threads");
    let script = [
        "break work if thread == 2 && i == 50",
        "run",
        "info threads",
        "thread",
        "bt",
        "thread apply 1 bt 1",
    ];
    let ours = Debugger::brkwater().blocks(&script).args(&[&program, "4", "100"]);
    let listed = ours.block(2);
    assert!(listed.starts_with("  Id   Target Id "), "{listed}");
    assert!(
        listed.lines().any(|line| line.starts_with("* ") && line.contains("work (thread=2, i=50)")),
        "{listed}"
    );
    assert!(listed.contains("Thread 0x"), "{listed}");
    assert!(ours.block(4).starts_with("#0  work (thread=2, i=50)"), "{}", ours.block(4));
    assert!(ours.block(4).contains("start_thread (arg=<optimized out>)"), "{}", ours.block(4));
}

/// Commands of the shell's side of the language.
#[test]
fn integers_have_gdb_s_names_and_sizeof_takes_variables() {
    let lines: Vec<String> = ('a'..='u')
        .flat_map(|name| ["whatis", "ptype", "p sizeof"].map(|what| format!("{what} {name}")))
        .chain(('a'..='u').map(|name| format!("p sizeof({name})")))
        .chain(
            ["short", "long unsigned int", "size", "struct nothing"]
                .iter()
                .flat_map(|ty| [format!("whatis ({ty}) 70000"), format!("p sizeof({ty})")]),
        )
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    must_equal(
        &[&target("types")],
        &[
            &lines,
            &[
                "break main",
                "run",
                "p left_out",
                "p *left_out",
                "p &left_out",
                "p left_out[1]",
                "p *left_out@2",
            ],
        ],
    );
}

#[test]
fn after_its_end_a_program_stays_where_it_was() {
    must_equal(
        &[&target("steps")],
        &[&[
            "break add",
            "run",
            "delete",
            "continue",
            "info symbol main",
            "p &main",
            "p main",
            "break twice",
            "tbreak write",
            "info breakpoints",
            "info line add",
            "x/2i add",
            "run",
            "kill",
            "p &main",
            "info symbol add",
        ]],
    );
}

#[test]
fn libraries_without_debug_files() {
    must_equal(
        &[&target("calls")],
        &[&[
            "show debug-file-directory",
            "set debug-file-directory /nonexistent:/nowhere",
            "show debug-file-directory",
            "break main",
            "run",
            "break write",
            "continue",
            "bt",
            "up",
            "info registers rip",
            "finish",
            "info symbol $pc",
        ]],
    );
}

#[test]
fn settings_and_helpers() {
    let calls = target("calls");
    must_equal(
        &[&calls],
        &[
            &["set args 3", "show args", "run", "show args"],
            &[
                "echo one two\\n",
                "set confirm off",
                "set pagination off",
                "set width 0",
                "set height 0",
                "printf \"%d%%\\n\", 5",
            ],
            &[
                "info program",
                "break leaf",
                "run",
                "info display",
                "display x",
                "next",
                "undisplay 1",
                "next",
            ],
            &["set $i = 0", "p $i++", "p $i", "p $_exitcode", "run", "p $_exitcode"],
            &["show version_that_is_not_there", "set print pretty on", "break sum", "run", "p copy"],
        ],
    );
    let dir = scratch("sourced");
    let file = dir.join("script.gdb");
    std::fs::write(&file, "# a comment\nbreak leaf\n\nrun\nbt\nif x == 0\n  echo zero\\n\nelse\n  echo other\\n\nend\ndefine again\n  continue\n  p x\nend\nagain\nagain\nnosuch\np 1\n").unwrap();
    let source = format!("source {}", file.display());
    must_equal(&[&calls], &[&[&source, "p 2"]]);
}

/// The environment and the arguments go through a shell, as gdb's do.
#[test]
fn arguments_reach_the_target_as_gdb_s_do() {
    let calls = target("calls");
    must_equal(
        &[&calls, "7", "two words", "$HOME", "*"],
        &[&["break main", "run", "p argc", "p argv[1]", "p argv[2]", "p argv[3]", "p argv[4]", "c"]],
    );
    must_equal(&[&calls], &[&["break main", "run 7 'a b' > /dev/null", "p argc", "p argv[2]", "c"]]);
}

/// `bt -json` says what `bt` says.
#[test]
fn the_backtrace_s_object_says_what_the_text_says() {
    use crate::common::json::{at, number, object, text};
    let output = Debugger::brkwater()
        .blocks(&["break factorial if n == 2", "run", "bt", "bt -json"])
        .args(&[&target("calls")]);
    let backtrace = object(output.block(3));
    assert_eq!(text(&backtrace, "schema"), "brkwater.backtrace/1");
    let frames = at(&backtrace, "frames").as_array().unwrap();
    assert_eq!(frames.len(), output.block(2).lines().count(), "{}", output.text);
    assert_eq!(text(&frames[0], "function"), "factorial");
    assert_eq!(text(&frames[0], "args/0/name"), "n");
    assert_eq!(text(&frames[0], "args/0/value"), "2");
    assert_eq!(number(&frames[0], "level"), 0);
    assert!(text(&frames[0], "file").ends_with("calls.c"));
    assert!(text(&frames[0], "module").ends_with("/calls"));
    assert_eq!(at(&frames[0], "inlined"), false);
    assert!(text(&frames[0], "build_id").len() >= 16, "{backtrace}");
    assert_eq!(text(frames.last().unwrap(), "function"), "main");
    assert!(number(&backtrace, "pid") > 0 && number(&backtrace, "tid") > 0);
}

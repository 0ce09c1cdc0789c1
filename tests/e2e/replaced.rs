//! Files that are not what their paths say: deleted, replaced, or in another mount namespace.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::process::{Running, finish};
use crate::common::{Debugger, Output, brkwater_path, scratch};

/// A program that waits three calls deep, the last two of them in its library; `OTHER` moves and renames all of it.
const LIBRARY: &str = r#"
#include <stdio.h>
#include <unistd.h>
#ifdef OTHER
int padding_of_another_build(int n) { return n * 3 + 1; }
int more_of_it(int n) { return padding_of_another_build(n) - 7; }
#define waits_in_library another_inner
#define enters_library another_outer
#define tick another_tick
#endif
volatile int tick;
static int waits_in_library(int n)
{
    for (;;) {
        tick++;
        if (tick == 1) {
            puts("waiting");
            fflush(stdout);
        }
        usleep(10000);
    }
    return n;
}
int enters_library(int n)
{
    return waits_in_library(n + 1) + 1;
}
"#;

const PROGRAM: &str = "
int enters_library(int);
int calls_library(int n) { return enters_library(n * 2) + 1; }
int main(void) { return calls_library(21); }
";

fn compile(directory: &Path, arguments: &[&str]) {
    fs::write(directory.join("lib.c"), LIBRARY).unwrap();
    fs::write(directory.join("prog.c"), PROGRAM).unwrap();
    let mut compiler = Command::new("cc");
    let done = compiler.args(["-g", "-O0"]).args(arguments).current_dir(directory).status().unwrap();
    assert!(done.success(), "{arguments:?}");
}

fn shared(directory: &Path) {
    compile(directory, &["-shared", "-fPIC", "lib.c", "-o", "libit.so"]);
    compile(directory, &["prog.c", "-L.", "-lit", "-Wl,-rpath,$ORIGIN", "-o", "prog"]);
}

fn start(command: Command) -> Running {
    let running = Running::start(command);
    assert_eq!(running.line(), "waiting");
    running
}

fn looked_at(running: &Running) -> Output {
    let mut debugger = Debugger::brkwater();
    for command in ["bt", "p tick > 0", "info sharedlibrary"] {
        debugger = debugger.ex(command);
    }
    debugger.plain(&["-p", &running.pid().to_string()])
}

const NAMES: [&str; 4] = [
    " in waits_in_library (n=43) at lib.c:",
    " in enters_library (n=42) at lib.c:",
    " in calls_library (n=21) at prog.c:3\n",
    " in main () at prog.c:4\n",
];

fn all_named(output: &Output) {
    NAMES.iter().for_each(|name| _ = output.must_have(name));
    output.must_have("$1 = 1").must_not_have("another_").must_not_have("warning:");
}

/// Whether the kernel shows us what others have mapped.
fn sees_mapped_files() -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let first = maps.split_whitespace().next().unwrap();
    // The list names addresses with fewer digits than the directory does for none of ours.
    let sees = fs::File::open(format!("/proc/self/map_files/{first}")).is_ok();
    if !sees {
        eprintln!("nothing tested: /proc/PID/map_files is closed to us; as root it is open");
    }
    sees
}

/// Whether this command succeeds; the test that needs it says so when it does not.
fn can(command: &str, what: &str) -> bool {
    let done = Command::new("sh").args(["-c", command]).output().unwrap().status.success();
    if !done {
        eprintln!("nothing tested: {what} needs root");
    }
    done
}

#[test]
fn a_program_that_was_deleted_has_its_names() {
    let directory = scratch("deleted");
    compile(&directory, &["prog.c", "lib.c", "-o", "prog"]);
    let running = start(Command::new(directory.join("prog")));
    fs::remove_file(directory.join("prog")).unwrap();
    all_named(&looked_at(&running));
    // The same when another program has taken its place.
    compile(&directory, &["-DOTHER", "-Denters_library=another_outer", "prog.c", "lib.c", "-o", "prog"]);
    all_named(&looked_at(&running));
}

#[test]
fn a_library_that_was_replaced_has_its_old_names() {
    if !sees_mapped_files() {
        return;
    }
    let directory = scratch("replaced");
    shared(&directory);
    let running = start(Command::new(directory.join("prog")));
    compile(&directory, &["-DOTHER", "-shared", "-fPIC", "lib.c", "-o", "new.so"]);
    fs::rename(directory.join("new.so"), directory.join("libit.so")).unwrap();
    all_named(&looked_at(&running));
    fs::remove_file(directory.join("libit.so")).unwrap();
    all_named(&looked_at(&running));
}

/// What is said without the right to see the old file: the new one is not taken for it.
fn without_capabilities(pid: u32) -> Output {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = if root { Command::new("setpriv") } else { Command::new(brkwater_path()) };
    if root {
        command.args(["--bounding-set", "-sys_admin,-checkpoint_restore"]).arg(brkwater_path());
    }
    command.args(["-nx", "-batch", "-ex", "bt", "-ex", "info sharedlibrary libit", "-ex", "bt", "-p"]);
    finish(
        {
            command.arg(pid.to_string());
            command
        },
        Duration::from_secs(60),
    )
}

#[test]
fn another_library_in_its_place_is_refused_and_the_same_one_is_not() {
    if !can("test $(id -u) != 0 || setpriv --bounding-set -sys_admin,-checkpoint_restore true", "setpriv") {
        return;
    }
    let directory = scratch("refused");
    shared(&directory);
    let running = start(Command::new(directory.join("prog")));
    // A copy is another file with the same bytes: they are compared with memory.
    fs::copy(directory.join("libit.so"), directory.join("copy.so")).unwrap();
    fs::rename(directory.join("copy.so"), directory.join("libit.so")).unwrap();
    let output = without_capabilities(running.pid());
    NAMES.iter().for_each(|name| _ = output.must_have(name));
    output.must_not_have("warning:");
    compile(&directory, &["-DOTHER", "-shared", "-fPIC", "lib.c", "-o", "new.so"]);
    fs::rename(directory.join("new.so"), directory.join("libit.so")).unwrap();
    let output = without_capabilities(running.pid());
    let path = directory.join("libit.so");
    let warning = format!("warning: Could not load shared library symbols for {}.\n", path.display());
    // The static function has no name any more; its callers, in the library and out of it, have theirs.
    output.must_have(&warning).must_have("map_files").must_not_have(" in waits_in_library ");
    output.must_have(" in enters_library () from ").must_have(NAMES[2]).must_have(NAMES[3]);
    output.must_have(&format!("  Yes (*)     {}\n", path.display()));
    output.must_not_have("another_").exits(0);
    assert_eq!(output.text.matches("warning:").count(), 1, "told once:\n{}", output.text);
}

#[test]
fn a_program_in_another_mount_namespace_has_its_names() {
    if !can("unshare -m mount -t tmpfs none /mnt", "a mount namespace") {
        return;
    }
    let directory = scratch("namespace");
    shared(&directory);
    fs::create_dir(directory.join("inside")).unwrap();
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs none inside && cp prog libit.so inside && exec inside/prog";
    command.args(["-m", "sh", "-c", script]).current_dir(&directory);
    let running = start(command);
    assert!(!directory.join("inside/prog").exists());
    all_named(&looked_at(&running));
    // What we see by the name that the target has mapped is another library.
    fs::copy(directory.join("prog"), directory.join("inside/prog")).unwrap();
    compile(&directory, &["-DOTHER", "-shared", "-fPIC", "lib.c", "-o", "inside/libit.so"]);
    all_named(&looked_at(&running));
}

#[test]
fn a_program_in_a_chroot_has_its_names() {
    let directory = scratch("chroot");
    fs::create_dir(directory.join("root")).unwrap();
    compile(&directory, &["-static", "prog.c", "lib.c", "-o", "root/prog"]);
    if !can(
        &format!("chroot {} /prog --nosuch & sleep 0.2; kill $!", directory.join("root").display()),
        "chroot",
    ) {
        return;
    }
    let mut command = Command::new("chroot");
    command.arg(directory.join("root")).arg("/prog");
    let running = start(command);
    all_named(&looked_at(&running));
    fs::remove_file(directory.join("root/prog")).unwrap();
    all_named(&looked_at(&running));
}

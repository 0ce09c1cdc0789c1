//! Symbols and debug info that are packed: `.gnu_debugdata`, and the compressed sections of old linkers.

use std::process::Command;

use crate::common::compare::must_equal;
use crate::common::{have, scratch, target_with};

/// As gdb's manual makes it ("MiniDebugInfo"): the functions that are not in the dynamic symbol table.
const PACK: &str = "
nm -D \"$1\" --format=posix --defined-only | awk '{ print $1 }' | sort > dynsyms
nm \"$1\" --format=posix --defined-only | awk '{ if ($2 == \"T\" || $2 == \"t\" || $2 == \"D\") print $1 }' | sort > funcsyms
comm -13 dynsyms funcsyms > keep
objcopy --only-keep-debug \"$1\" debug
objcopy -S --remove-section .gdb_index --remove-section .comment --keep-symbols=keep debug mini
strip --strip-all -R .comment -o stripped \"$1\"
xz -f mini
objcopy --add-section .gnu_debugdata=mini.xz stripped
";

#[test]
fn packed_symbols_name_functions() {
    if !have("xz") {
        return;
    }
    let directory = scratch("minidebug");
    let program = target_with("calls", "-g -O0");
    let status =
        Command::new("sh").args(["-ec", PACK, "sh", &program]).current_dir(&directory).status().unwrap();
    assert!(status.success());
    must_equal(
        &[directory.join("stripped").to_str().unwrap()],
        &[&[
            "set debug-file-directory /nonexistent",
            "break leaf",
            "info address factorial",
            "run",
            "bt",
            "x/2i $pc",
            "info symbol $pc",
            "break factorial",
            "continue",
            "bt",
            "finish",
        ]],
    );
}

#[test]
fn sections_of_old_linkers_are_unpacked() {
    for flags in ["-g -O0 -gz=zlib-gnu -Wl,--compress-debug-sections=zlib-gnu", "-gdwarf-4 -O0 -gz=zlib-gnu"]
    {
        let program = target_with("calls", flags);
        let script: &[&str] = &[
            "set debug-file-directory /nonexistent",
            "info line leaf",
            "break leaf",
            "run",
            "bt",
            "ptype struct point",
            "up",
            "info locals",
            "p origin",
        ];
        must_equal(&[&program], &[script]);
    }
}

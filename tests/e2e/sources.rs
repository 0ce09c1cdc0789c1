//! Where sources are looked for, beside gdb: `directory`, `set substitute-path`.

use std::fs;
use std::process::Command;

use crate::common::compare::must_equal;
use crate::common::{have, scratch};

const PROGRAM: &str = "int f(int x)\n{\n    return x + 1;\n}\nint main(void)\n{\n    return f(2) - 3;\n}\n";

/// A program compiled in `build`, whose source is in `real` now.
fn moved(name: &str) -> (String, String) {
    let directory = scratch(name);
    for folder in ["build/src", "real/src"] {
        fs::create_dir_all(directory.join(folder)).unwrap();
    }
    fs::write(directory.join("build/src/a.c"), PROGRAM).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-g", "-O0", "src/a.c", "-o", "../a"]).current_dir(directory.join("build"));
    assert!(compiler.status().unwrap().success());
    fs::rename(directory.join("build/src/a.c"), directory.join("real/src/a.c")).unwrap();
    let here = directory.to_str().unwrap().to_owned();
    (format!("{here}/a"), here)
}

#[test]
fn rules_for_paths_are_kept_and_told_as_in_gdb() {
    if !have("gdb") {
        return;
    }
    let (program, here) = moved("substitute");
    let script = format!(
        "show substitute-path
        show substitute-path x
        set substitute-path
        set substitute-path a
        set substitute-path a b c
        set substitute-path \"\" x
        list f
        set substitute-path {here}/build {here}/real
        show substitute-path
        list f
        info source
        set substitute-path {here}/build/ {here}/rea/
        show substitute-path
        list f
        list f
        set substitute-path / /y
        set substitute-path 'a b' c\\ d
        set substitute-path dir/ other/
        show substitute-path
        show substitute-path dir/x
        show substitute-path dirx
        show substitute-path dir
        show substitute-path {here}/build/x
        unset substitute-path nosuch
        unset substitute-path dir/
        unset substitute-path dir
        unset substitute-path a b
        show substitute-path
        unset substitute-path
        show substitute-path
        set substitute-path {here}/buil {here}/real
        list f
        break f
        run
        frame
        set substitute-path {here}/build {here}/real
        frame
        up
        list
        info source
        disassemble /s f
        unset substitute-path {here}/build
        list f
        disassemble /s f
        set substitute-path src/a.c {here}/real/src/a.c
        list f"
    );
    let script: Vec<&str> = script.lines().map(str::trim).collect();
    must_equal(&[&program], &[&script]);
}

#[test]
fn directories_are_searched_as_in_gdb() {
    if !have("gdb") {
        return;
    }
    let (program, here) = moved("directories");
    fs::write(format!("{here}/real/a.c"), PROGRAM.replace("x + 1", "x + 1 /* another */")).unwrap();
    let script = format!(
        "show directories
        directory {here}/real
        show directories
        list f
        info source
        directory $cdir
        show directories
        directory {here}/nosuch
        show directories
        directory {here}:{here}/real {here}/real/src/
        show directories
        list f
        directory {here}/a
        show directories
        directory $cwd:/tmp
        show directories
        directory
        show directories
        list f
        directory {here}/real/src
        list f
        info source
        set directories {here}/real
        show directories
        list f
        break f
        run
        set directories
        show directories
        frame
        set directories {here}/nosuch $cwd
        show directories"
    );
    let script: Vec<&str> = script.lines().map(str::trim).collect();
    must_equal(&[&program], &[&script]);
}

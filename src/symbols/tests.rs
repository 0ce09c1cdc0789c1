//! Against programs that are compiled here, with gdb and nm as oracles.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;
use crate::addr::{Addr, FileAddr};
use crate::memory::Sparse;
use crate::source::Files;

pub(super) struct Leaked;

impl Files for Leaked {
    fn map(&self, path: &Path) -> std::io::Result<&'static [u8]> {
        Ok(Box::leak(std::fs::read(path)?.into_boxed_slice()))
    }

    fn shared(&self) -> std::sync::Arc<dyn Files + Send + Sync> {
        std::sync::Arc::new(Leaked)
    }
}

const SOURCE: &str = r#"#include <stdio.h>
static inline __attribute__((always_inline)) int twice(int x)
{
    return x * 2;
}
static int leaf(int a)
{
    int b = twice(a);
    return b + 1;
}
int outer(int n)
{
    if (n > 2)
        return leaf(n);
    return twice(n);
}
int main(int argc, char **argv)
{
    printf("%d %d\n", leaf(argc), outer(argc));
    return 0;
}
"#;

fn compile(dir: &Path, flags: &[&str]) -> PathBuf {
    let source = dir.join("t.c");
    std::fs::write(&source, SOURCE).unwrap();
    let program = dir.join("t");
    let status = Command::new("cc").current_dir(dir).args(flags).args(["t.c", "-o", "t"]).status().unwrap();
    assert!(status.success());
    program
}

fn modules(program: &Path) -> Modules {
    let image = Image::open(program, &[], &Leaked).unwrap();
    Modules::of_program(&image, &program.to_string_lossy())
}

fn addresses(modules: &Modules, place: &str) -> Vec<u64> {
    let spec = Linespec::parse(place).unwrap();
    let sites = modules.resolve(&spec, None, &Sparse::default());
    sites.map_or_else(|error| panic!("{place}: {error}"), |all| all.iter().map(|s| s.address.0).collect())
}

/// The addresses that gdb gives a breakpoint.
fn gdb(program: &Path, place: &str) -> Vec<u64> {
    let output = Command::new("gdb")
        .args(["-batch", "-nx", "-ex", &format!("break {place}"), "-ex", "info breakpoints"])
        .arg(program)
        .output()
        .expect("gdb is one of the test packages; ./tests/run installs it");
    let text = String::from_utf8(output.stdout).unwrap();
    let table = text.split_once("Num ").unwrap_or_else(|| panic!("gdb has no {place}: {text}")).1;
    let words = table.split_whitespace().filter_map(|word| word.strip_prefix("0x"));
    let mut all: Vec<u64> = words.filter_map(|hex| u64::from_str_radix(hex, 16).ok()).collect();
    all.sort_unstable();
    all
}

#[test]
fn breakpoints_go_where_gdb_puts_them() {
    for flags in
        [&["-g", "-O0"][..], &["-g", "-O2"], &["-g", "-O1", "-no-pie"], &["-g", "-Og", "-gdwarf-4"], &["-O0"]]
    {
        let dir = tempfile::tempdir().unwrap();
        let program = compile(dir.path(), flags);
        let modules = modules(&program);
        let mut places = vec!["main", "outer"];
        if flags == ["-g", "-O0"] {
            places.extend(["twice", "t.c:4", "t.c:12", "t.c:14", "t.c:18", "t.c:3"]);
        }
        for place in places {
            assert_eq!(addresses(&modules, place), gdb(&program, place), "{place} {flags:?}");
        }
    }
}

#[test]
fn what_is_missing_is_said_in_gdbs_words() {
    let dir = tempfile::tempdir().unwrap();
    let modules = modules(&compile(dir.path(), &["-g"]));
    let error = |place: &str| {
        let spec = Linespec::parse(place).unwrap();
        modules.resolve(&spec, None, &Sparse::default()).unwrap_err().to_string()
    };
    assert_eq!(error("nosuch"), "Function \"nosuch\" not defined.");
    assert_eq!(error("t.c:999"), "No line 999 in file \"t.c\".");
    assert_eq!(error("nosuch.c:1"), "No source file named nosuch.c.");
    assert!(modules.expects("printf") && !modules.expects("open"));
}

#[test]
fn addresses_have_names_and_lines() {
    let dir = tempfile::tempdir().unwrap();
    let modules = modules(&compile(dir.path(), &["-g", "-O0"]));
    let at = Addr(addresses(&modules, "twice")[0]);
    let names: Vec<_> =
        modules.frames_of(at).into_iter().map(|f| (f.function.unwrap(), f.line.unwrap())).collect();
    assert_eq!(
        names,
        [("twice".to_owned(), 4), ("leaf".to_owned(), 8)],
        "the inlined function, then the one around it"
    );
    assert!(modules.frames_of(at)[0].file.as_deref().unwrap().ends_with("t.c"));
    assert_eq!(modules.name_of(at).map(|(name, _)| name).as_deref(), Some("leaf"));
    assert_eq!(modules.frames_of(Addr(1))[0].function, None);
}

#[test]
fn a_separate_debug_file_is_found_by_its_link() {
    let dir = tempfile::tempdir().unwrap();
    let program = compile(dir.path(), &["-g", "-O0"]);
    let before = addresses(&modules(&program), "t.c:14");
    let run = |line: &str| {
        assert!(Command::new("sh").current_dir(dir.path()).args(["-c", line]).status().unwrap().success())
    };
    run(
        "objcopy --only-keep-debug --compress-debug-sections=zlib t t.debug && objcopy --strip-all --add-gnu-debuglink=t.debug t",
    );
    assert_eq!(addresses(&modules(&program), "t.c:14"), before);
    // A debug file of another build is not believed.
    run("cc -g -O1 t.c -o other && objcopy --only-keep-debug other t.debug");
    let refused = modules(&program);
    assert!(refused.program().unwrap().image.as_ref().unwrap().debug().is_none());
}

#[test]
fn damaged_files_are_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let good = std::fs::read(compile(dir.path(), &["-g", "-O2"])).unwrap();
    let path = dir.path().join("damaged");
    let mut seed = 0x1234_5678_9abc_def1u64;
    for round in 0..120 {
        let mut bytes = good.clone();
        if round % 10 == 0 {
            bytes.truncate(good.len() * (round + 1) / 130);
        }
        for _ in 0..40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = 64 + (seed >> 33) as usize % good.len().saturating_sub(64).max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = (seed >> 11) as u8;
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let Ok(image) = Image::open(&path, &[], &Leaked) else { continue };
        let modules = Modules::of_program(&image, "damaged");
        for place in ["main", "t.c:14", "twice"] {
            let _ = modules.resolve(&Linespec::parse(place).unwrap(), None, &Sparse::default());
        }
        for at in (0x1000..0x1300).step_by(7) {
            let _ = (modules.frames_of(Addr(at)), image.symbol_at(FileAddr(at)));
        }
    }
}

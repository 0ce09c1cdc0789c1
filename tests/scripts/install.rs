//! `brkwater gdb-scripts`: the files are written, they load from where they are, and find the brkwater that wrote them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::process::finish;
use crate::common::{Output, brkwater_path, scratch, target};
use crate::fronts::{Front, Target, World, fronts};

fn scripts(home: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(brkwater_path());
    command.arg("gdb-scripts").args(words).env("HOME", home).env_remove("XDG_DATA_HOME");
    finish(command, Duration::from_secs(60))
}

#[test]
fn they_are_written_where_they_belong_and_nowhere_else() {
    let home = scratch("scripts_home");
    let belongs = home.join(".local/share/brkwater/gdb-scripts");
    scripts(&home, &["--path"]).exits(1).must_have("--install");
    scripts(&home, &["--install"]).exits(0).must_have(&format!("source {}/brkwater.py", belongs.display()));
    assert_eq!(scripts(&home, &["--path"]).exits(0).text, format!("{}\n", belongs.display()));
    scripts(&home, &[]).exits(0).must_have("command script import").must_not_have("anew");
    // gdb's and lldb's own files are the user's.
    let names = |dir: &Path| -> Vec<String> {
        let all = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        all.collect()
    };
    assert_eq!(names(&home), [".local"]);
    fs::write(belongs.join("brkwater_ask.py"), "changed").unwrap();
    scripts(&home, &[]).exits(0).must_have("They are not those of this brkwater");
}

#[test]
fn every_file_ships() {
    let home = scratch("scripts_all");
    let dir = home.join("here and there");
    scripts(&home, &["--install", dir.to_str().unwrap()]).exits(0);
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("gdb-scripts");
    for entry in fs::read_dir(tree).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if entry.path().extension().is_some_and(|ending| ending == "py") {
            assert_eq!(fs::read(dir.join(&name)).unwrap(), fs::read(entry.path()).unwrap(), "{name:?}");
        }
    }
}

#[test]
fn installed_ones_ask_the_brkwater_that_wrote_them() {
    let home = scratch("scripts_installed");
    scripts(&home, &["--install", home.join("s").to_str().unwrap()]).exits(0);
    let world = World { entry: home.join("s/brkwater.py"), brkwater: None };
    let program = target("chain");
    for front in fronts() {
        let at = if front == Front::Gdb { "break main" } else { "breakpoint set -n main" };
        let said = front.run(&world, &[at, "run", "brk-heap"], &Target::Program(&[&program]));
        said.must_have("glibc 2.").must_not_have("Traceback");
    }
}

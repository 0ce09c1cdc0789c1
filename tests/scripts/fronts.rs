//! gdb and lldb with the scripts loaded, run on a list of commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::process::finish;
use crate::common::{Debugger, Output, brkwater_path, have};

const LIMIT: Duration = Duration::from_secs(120);

/// A debugger that the scripts are for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Gdb,
    Lldb,
}

/// Those that are there, with Python.
pub(crate) fn fronts() -> Vec<Front> {
    [Front::Gdb, Front::Lldb].into_iter().filter(|front| front.works()).collect()
}

/// The scripts in the working tree.
pub(crate) fn entry() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gdb-scripts/brkwater.py")
}

/// Where a front finds brkwater.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) entry: PathBuf,
    /// `$BRKWATER`, or none.
    pub(crate) brkwater: Option<PathBuf>,
}

impl Default for World {
    fn default() -> World {
        World { entry: entry(), brkwater: Some(brkwater_path()) }
    }
}

impl Front {
    fn works(self) -> bool {
        match self {
            Front::Gdb => have("gdb"),
            Front::Lldb => have("lldb") && has_python(),
        }
    }

    /// The command that loads the scripts.
    fn load(self, entry: &Path) -> String {
        match self {
            Front::Gdb => format!("source {}", entry.display()),
            Front::Lldb => format!("command script import {}", entry.display()),
        }
    }

    /// The value of the second argument register, as this debugger prints it.
    pub(crate) fn print_size(self) -> &'static str {
        match self {
            Front::Gdb => "p $rsi",
            Front::Lldb => "register read --format unsigned rsi",
        }
    }

    /// Runs these commands behind the scripts; `target` is a program with arguments, or a program and a core file.
    pub(crate) fn run(self, world: &World, commands: &[&str], target: &Target<'_>) -> Output {
        let mut command = self.command();
        match &world.brkwater {
            Some(path) => command.env("BRKWATER", path),
            // Where the tests run there may be a brkwater in PATH: it is not the one that is tested.
            None => command.env_remove("BRKWATER").env("PATH", "/usr/bin:/bin"),
        };
        let load = self.load(&world.entry);
        let attach = match (self, target) {
            (Front::Gdb, Target::Process(pid)) => Some(format!("attach {pid}")),
            (Front::Lldb, Target::Process(pid)) => Some(format!("process attach -p {pid}")),
            _ => None,
        };
        let lines = [load.as_str()].into_iter().chain(attach.as_deref()).chain(commands.iter().copied());
        // lldb goes on behind an error, and behind a stop, only in a file that is told so.
        let file = tempfile::NamedTempFile::new().unwrap();
        match self {
            Front::Gdb => lines.for_each(|line| _ = command.args(["-ex", line])),
            Front::Lldb => {
                fs::write(&file, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
                let source = "command source --stop-on-error false --stop-on-continue false";
                command.args(["-o", &format!("{source} {}", file.path().display())]);
            }
        }
        match (self, target) {
            (_, Target::Nothing | Target::Process(_)) => {}
            (Front::Gdb, Target::Program(words)) => _ = command.arg("--args").args(*words),
            (Front::Lldb, Target::Program(words)) => _ = command.arg("--").args(*words),
            (Front::Gdb, Target::Core(program, core)) => _ = command.args([program, core]),
            (Front::Lldb, Target::Core(program, core)) => _ = command.args(["-c", core, program]),
        }
        finish(command, LIMIT)
    }

    fn command(self) -> Command {
        match self {
            Front::Gdb => {
                let mut command = Command::new(Debugger::gdb().path());
                command.args(["-nx", "-batch", "-iex", "set width 0", "-iex", "set debuginfod enabled off"]);
                command.args(["-iex", "set breakpoint pending on"]);
                command
            }
            Front::Lldb => lldb(),
        }
    }
}

/// What a debugger is put before.
#[derive(Clone, Debug)]
pub(crate) enum Target<'a> {
    Nothing,
    /// Attached to.
    Process(u32),
    /// To be run.
    Program(&'a [&'a str]),
    Core(&'a str, &'a str),
}

/// lldb in batch mode with the Python modules that Debian 12 puts where lldb does not look.
fn lldb() -> Command {
    let mut command = Command::new("lldb");
    command.args([
        "--no-lldbinit",
        "--batch",
        "-o",
        "settings set interpreter.stop-command-source-on-error false",
    ]);
    if let Some(path) = python_path() {
        command.env("PYTHONPATH", path);
    }
    command
}

fn has_python() -> bool {
    let mut command = lldb();
    command.args(["-o", "script print(6 * 7)"]);
    let works = finish(command, LIMIT).text.contains("42\n");
    let required = std::env::var_os("CI").is_some() || std::env::var_os("BRKWATER_TOOLS").is_some();
    assert!(works || !required, "this test needs lldb's Python modules; ./tests/run installs them");
    if !works {
        eprintln!("nothing tested: lldb has no Python modules; ./tests/run installs them");
    }
    works
}

/// `/usr/lib/llvm-14/lib/python3.11/dist-packages`, where lldb's modules are there.
fn python_path() -> Option<PathBuf> {
    let below =
        |dir: PathBuf| fs::read_dir(dir).ok().into_iter().flatten().flatten().map(|entry| entry.path());
    let versions = below("/usr/lib".into())
        .filter(|dir| dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("llvm-")));
    let pythons = versions
        .flat_map(|dir| below(dir.join("lib")))
        .filter(|dir| dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3.")));
    let has_modules = |dir: &PathBuf| dir.join("lldb/embedded_interpreter.py").exists();
    pythons.flat_map(below).find(has_modules)
}

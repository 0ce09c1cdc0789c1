//! `brkwater gdb-scripts`: the commands for gdb and lldb ship inside; they are written where asked, never into a user's
//! own files.
//!
//! ```text
//! $ brkwater gdb-scripts --install
//! Written to /home/me/.local/share/brkwater/gdb-scripts.
//! gdb, a line for ~/.gdbinit:      source /home/me/.local/share/brkwater/gdb-scripts/brkwater.py
//! lldb, a line for ~/.lldbinit:    command script import /home/me/.local/share/brkwater/gdb-scripts/brkwater.py
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::argv::Scripts;

/// What is loaded; it finds the others beside it.
const ENTRY: &str = "brkwater.py";
/// Beside the scripts: the brkwater that wrote them, which they ask when there is none in PATH.
const FROM: &str = "installed-from";

const FILES: &[(&str, &str)] = &[
    (ENTRY, include_str!("../../gdb-scripts/brkwater.py")),
    ("brkwater_ask.py", include_str!("../../gdb-scripts/brkwater_ask.py")),
    ("brkwater_chain.py", include_str!("../../gdb-scripts/brkwater_chain.py")),
    ("brkwater_condition.py", include_str!("../../gdb-scripts/brkwater_condition.py")),
    ("brkwater_gdb.py", include_str!("../../gdb-scripts/brkwater_gdb.py")),
    ("brkwater_lldb.py", include_str!("../../gdb-scripts/brkwater_lldb.py")),
];

/// Does what is asked; the text for the user.
///
/// # Errors
/// A sentence.
pub(super) fn answer(asked: &Scripts) -> Result<String, String> {
    match asked {
        Scripts::Tell => tell(&home()?),
        Scripts::Path => {
            let dir = home()?;
            match dir.join(ENTRY).is_file() {
                true => Ok(format!("{}\n", dir.display())),
                false => Err(missing(&dir)),
            }
        }
        Scripts::Install(dir) => install(&dir.clone().map_or_else(home, Ok)?),
    }
}

/// Where they belong (the XDG base directory specification).
fn home() -> Result<PathBuf, String> {
    let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = named("XDG_DATA_HOME").or_else(|| Some(named("HOME")?.join(".local/share")));
    let data = data.ok_or("HOME is not set: --install takes the directory to write to.")?;
    Ok(data.join("brkwater/gdb-scripts"))
}

fn missing(dir: &Path) -> String {
    format!(
        "The scripts are not in {}.\n  hint: \"brkwater gdb-scripts --install\" writes them there.",
        dir.display()
    )
}

fn tell(dir: &Path) -> Result<String, String> {
    if !dir.join(ENTRY).is_file() {
        return Err(missing(dir));
    }
    let ours = |(name, text): &(&str, &str)| fs::read(dir.join(name)).is_ok_and(|now| now == text.as_bytes());
    let other = match FILES.iter().all(ours) {
        true => "",
        false => {
            "They are not those of this brkwater: \"brkwater gdb-scripts --install\" writes them anew.\n"
        }
    };
    Ok(format!("{}{other}", lines(dir)))
}

/// The line that loads them, for each debugger.
fn lines(dir: &Path) -> String {
    let entry = dir.join(ENTRY);
    let entry = entry.display();
    // gdb takes the rest of the line as it is; lldb takes words apart.
    let quoted = match entry.to_string() {
        text if text.contains([' ', '\t']) => format!("\"{text}\""),
        text => text,
    };
    format!(
        "gdb, a line for ~/.gdbinit:      source {entry}\n\
         lldb, a line for ~/.lldbinit:    command script import {quoted}\n"
    )
}

fn install(dir: &Path) -> Result<String, String> {
    let failed = |error: io::Error| format!("Could not write the scripts to {}: {error}.", dir.display());
    fs::create_dir_all(dir).map_err(failed)?;
    let dir = fs::canonicalize(dir).map_err(failed)?;
    for (name, text) in FILES {
        write(&dir, name, text).map_err(failed)?;
    }
    if let Ok(program) = std::env::current_exe() {
        write(&dir, FROM, &format!("{}\n", program.display())).map_err(failed)?;
    }
    Ok(format!("Written to {}.\n{}", dir.display(), lines(&dir)))
}

/// A debugger that loads it meanwhile sees the old file or the new one.
fn write(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let unfinished = dir.join(format!(".{name}.{}", std::process::id()));
    let done = fs::File::create(&unfinished)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&unfinished, dir.join(name)));
    if done.is_err() {
        // What could not be finished is not left lying about.
        let _ = fs::remove_file(&unfinished);
    }
    done
}

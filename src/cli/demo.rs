//! `brkwater demo`: a small target that ships inside, with its source, and the commands that it is shown with.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/demo"));
const WHY_NOT: &str = include_str!(concat!(env!("OUT_DIR"), "/demo.why"));
const SOURCE: &str = include_str!("../../assets/demo.c");
const SCRIPT: &str = include_str!("../../assets/demo.gdb");

/// The demo's files in a directory of their own, which goes with this value.
pub(super) struct Demo {
    dir: PathBuf,
}

impl Demo {
    /// Writes them.
    ///
    /// # Errors
    /// A sentence: no compiler when brkwater was built, or what could not be written.
    pub(super) fn unpack() -> Result<Demo, String> {
        if PROGRAM.is_empty() {
            return Err(format!("There is no demo: {}", WHY_NOT.trim()));
        }
        let parent = std::env::temp_dir();
        let failed = |error: io::Error| {
            format!(
                "Could not write the demo below {}: {error}.\n  hint: TMPDIR names another place.",
                parent.display()
            )
        };
        let demo = Demo { dir: fresh(&parent).map_err(failed)? };
        write(&demo.dir.join("demo"), PROGRAM, 0o700).map_err(failed)?;
        write(&demo.dir.join("demo.c"), SOURCE.as_bytes(), 0o600).map_err(failed)?;
        Ok(demo)
    }

    /// Where they are.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The program.
    pub(super) fn program(&self) -> String {
        self.dir.join("demo").to_string_lossy().into_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // What cannot be removed now is swept with the rest of the temporary directory.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The commands of `assets/demo.gdb`, without its comments.
pub(super) fn lines() -> impl Iterator<Item = String> {
    SCRIPT.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}

/// A directory that nobody else can look into.
fn fresh(parent: &Path) -> io::Result<PathBuf> {
    let mut error = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..100 {
        let dir = parent.join(format!("brkwater-demo-{}-{attempt}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => return Ok(dir),
            Err(other) if other.kind() == io::ErrorKind::AlreadyExists => error = other,
            Err(other) => return Err(other),
        }
    }
    Err(error)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_unpacked_and_removed() {
        let demo = Demo::unpack().unwrap();
        let dir = demo.dir().to_owned();
        assert!(fs::metadata(demo.program()).unwrap().len() > 1000);
        drop(demo);
        assert!(!dir.exists());
    }

    #[test]
    fn its_commands_are_commands() {
        assert!(lines().any(|line| line.starts_with("break open if ") && line.ends_with(" then mmap")));
        assert!(lines().all(|line| !line.contains('#')));
    }
}

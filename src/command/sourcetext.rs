//! Source files: which path a name in debug info leads to, and the lines that are there.
//!
//! A file is named by debug info, often relative to a directory that does not exist here. It is looked for there
//! first, then in the directories of `directory`. What was read is kept; a file that is missing is told as gdb
//! tells it. Nothing here knows a frame or a target.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustc_hash::FxHashMap;

/// A source file as debug info names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SourceFile {
    /// The name, relative to the unit's directory as a rule.
    pub(super) name: String,
    /// The path, when debug info says enough for one.
    pub(super) full: Option<String>,
}

impl SourceFile {
    /// What finds this file in the debug info again, and as few others as possible.
    pub(super) fn key(&self) -> &str {
        self.full.as_deref().unwrap_or(&self.name)
    }
}

/// The lines of a file.
#[derive(Debug)]
pub(super) struct Text {
    /// Where it was found.
    pub(super) path: PathBuf,
    lines: Vec<String>,
}

impl Text {
    /// A line by its number, from 1.
    pub(super) fn line(&self, number: u32) -> Option<&str> {
        self.lines.get((number as usize).checked_sub(1)?).map(String::as_str)
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }
}

/// A source file larger than this is none.
const LARGEST: u64 = 1 << 28;

/// Files that were read.
#[derive(Default)]
pub(super) struct Texts {
    known: FxHashMap<SourceFile, Result<Rc<Text>, String>>,
}

impl Texts {
    /// The lines of a file, looked for in `dirs` as well.
    ///
    /// # Errors
    /// The system's words, such as `No such file or directory`.
    pub(super) fn of(&mut self, file: &SourceFile, dirs: &[PathBuf]) -> Result<Rc<Text>, String> {
        if let Some(known) = self.known.get(file) {
            return known.clone();
        }
        let found = find(file, dirs);
        self.known.insert(file.clone(), found.clone());
        found
    }

    /// Everything is looked for again: `directory` was given, or a program was built anew.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

fn find(file: &SourceFile, dirs: &[PathBuf]) -> Result<Rc<Text>, String> {
    let mut why = "No such file or directory".to_owned();
    for path in candidates(file, dirs) {
        match read(&path) {
            Ok(text) => return Ok(Rc::new(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => why = words(&error),
        }
    }
    Err(why)
}

/// Where a file may be, most likely place first: gdb's order of `directory`'s folders, `$cdir` and `$cwd`.
fn candidates(file: &SourceFile, dirs: &[PathBuf]) -> Vec<PathBuf> {
    let name = Path::new(&file.name);
    let base = name.file_name().map(Path::new);
    let relative = |path: &str| PathBuf::from(path.trim_start_matches('/'));
    let mut all = Vec::new();
    for dir in dirs {
        all.extend(file.full.as_deref().map(|full| dir.join(relative(full))));
        all.push(dir.join(relative(&file.name)));
    }
    all.extend(file.full.as_deref().map(PathBuf::from));
    all.push(name.to_owned());
    // Last the bare name, in each of these folders.
    let folder = file.full.as_deref().and_then(|full| {
        // The unit's directory: the full path without what the name adds to it.
        full.strip_suffix(&file.name).map(PathBuf::from)
    });
    let folders = dirs.iter().cloned().chain(folder).chain([PathBuf::new()]);
    all.extend(folders.filter_map(|dir| Some(dir.join(base?))));
    all
}

fn read(path: &Path) -> std::io::Result<Text> {
    let kind = std::fs::metadata(path)?;
    if !kind.is_file() || kind.len() > LARGEST {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    let bytes = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(str::to_owned).collect();
    Ok(Text { path: std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), lines })
}

/// The system's words for an error, without Rust's `(os error N)`.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// A line of source as gdb shows it: control characters as `^X`, tabs as they are.
pub(super) fn visible(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for letter in line.trim_end_matches('\r').chars() {
        match letter {
            '\t' => out.push('\t'),
            '\u{7f}' => out.push_str("^?"),
            '\u{0}'..='\u{1f}' => {
                out.push('^');
                out.extend(char::from_u32(u32::from(letter) + 0x40));
            }
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_source_are_shown() {
        assert_eq!(visible("\tint x;\r"), "\tint x;");
        assert_eq!(visible("a\x1b[2J\x7f\x0c"), "a^[[2J^?^L");
    }

    #[test]
    fn a_file_is_found_where_debug_info_says_and_in_the_directories_given() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::write(folder.path().join("src/t.c"), "one\ntwo\n").unwrap();
        let mut texts = Texts::default();
        let file = SourceFile { name: "src/t.c".into(), full: Some("/nowhere/at/all/src/t.c".into()) };
        assert_eq!(texts.of(&file, &[]).unwrap_err(), "No such file or directory");
        texts.forget();
        let text = texts.of(&file, &[folder.path().to_owned()]).unwrap();
        assert_eq!((text.line(2), text.line(3), text.line(0), text.count()), (Some("two"), None, None, 2));
        texts.forget();
        assert!(texts.of(&file, &[folder.path().join("src")]).is_ok(), "by its base name");
    }
}

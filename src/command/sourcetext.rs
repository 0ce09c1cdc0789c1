//! Source files: which path a name in debug info leads to, and the lines that are there.
//!
//! A file is named by debug info, often relative to a directory that does not exist here; [`SourcePath`] says where it
//! may be. What was read is kept; a file that is missing is told as gdb
//! tells it. Nothing here knows a frame or a target.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::sourcepath::SourcePath;

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
    /// Where they are looked for.
    pub(super) path: SourcePath,
    known: FxHashMap<SourceFile, Result<Rc<Text>, String>>,
}

impl Texts {
    /// The lines of a file.
    ///
    /// # Errors
    /// The system's words, such as `No such file or directory`.
    pub(super) fn of(&mut self, file: &SourceFile) -> Result<Rc<Text>, String> {
        if let Some(known) = self.known.get(file) {
            return known.clone();
        }
        let found = find(self.path.candidates(file));
        self.known.insert(file.clone(), found.clone());
        found
    }

    /// Everything is looked for again: `directory` was given, or a program was built anew.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

fn find(places: Vec<PathBuf>) -> Result<Rc<Text>, String> {
    let mut why = "No such file or directory".to_owned();
    for path in places {
        match read(&path) {
            Ok(text) => return Ok(Rc::new(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => why = words(&error),
        }
    }
    Err(why)
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
pub(super) fn words(error: &std::io::Error) -> String {
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
        assert_eq!(texts.of(&file).unwrap_err(), "No such file or directory");
        texts.forget();
        texts.path.add(vec![folder.path().to_owned()]);
        let text = texts.of(&file).unwrap();
        assert_eq!((text.line(2), text.line(3), text.line(0), text.count()), (Some("two"), None, None, 2));
        texts.forget();
        texts.path = SourcePath::default();
        texts.path.add(vec![folder.path().join("src")]);
        assert!(texts.of(&file).is_ok(), "by its base name");
    }
}

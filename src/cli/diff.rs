//! `brkwater diff A B`: two recordings compared, without a target and without an engine.

use std::path::Path;

use clap::Parser;

use super::argv::Parsed;
use crate::recording::Recording;
use crate::report::diff::{self, Measured, Recorded};
use crate::report::escape;
use crate::report::words::file_name;

/// Compare two recordings: how much memory each has, who has it, and the first event at which they part.
///
/// Of a recording with several runs the last is taken; FILE#2 is its second. Events are compared by what the program did:
/// process ids and addresses differ from run to run, lines of the source from build to build.
#[derive(Debug, Parser)]
#[command(name = "brkwater diff", max_term_width = 110)]
#[command(override_usage = "brkwater diff [--json] A B")]
struct Flags {
    /// One object on one line (brkwater.diff/1)
    #[arg(long)]
    json: bool,
    /// The two recordings
    #[arg(value_name = "A B")]
    files: Vec<String>,
}

/// What is to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    files: [String; 2],
    json: bool,
}

/// What the words behind `diff` ask for.
pub(super) fn parse(words: Vec<String>) -> Parsed {
    let words = words.into_iter().map(|word| if word == "-json" { "--json".to_owned() } else { word });
    let flags = match Flags::try_parse_from(std::iter::once("brkwater diff".to_owned()).chain(words)) {
        Ok(flags) => flags,
        Err(error) if !error.use_stderr() => return Parsed::Show(error.to_string()),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            return wrong(first.strip_prefix("error: ").unwrap_or(first));
        }
    };
    match <[String; 2]>::try_from(flags.files) {
        Ok(files) => Parsed::Diff(Asked { files, json: flags.json }),
        Err(files) if files.len() < 2 => wrong("two recordings are compared; name both"),
        Err(_) => wrong("two recordings are compared, no more"),
    }
}

fn wrong(words: &str) -> Parsed {
    Parsed::Wrong(format!("brkwater: {words}\nUse `brkwater diff --help' for its options.\n"))
}

/// Compares; the text, or the object on a line.
///
/// # Errors
/// Why a recording could not be read, as a sentence.
pub(super) fn run(asked: &Asked) -> Result<String, String> {
    let [a, b] = asked.files.each_ref().map(|file| open(file));
    let (a, b) = (a?, b?);
    let names = names(&asked.files);
    let side = |recording, name| Recorded { name, ..of(recording) };
    let found = diff::runs(&side(&a, &names[0]), &side(&b, &names[1]));
    if asked.json {
        return Ok(escape::json(&found) + "\n");
    }
    Ok(found.text())
}

/// A recording; `FILE#N` is run N of FILE, where no file is called so.
fn open(word: &str) -> Result<Recording, String> {
    let numbered = word.rsplit_once('#').and_then(|(file, run)| Some((file, run.parse().ok()?)));
    let (file, run) = match numbered {
        Some((file, run)) if !Path::new(word).exists() => (file, Some(run)),
        _ => (word, None),
    };
    Recording::open(Path::new(file), run).map_err(|error| error.to_string())
}

fn of(recording: &Recording) -> Recorded<'_> {
    Recorded {
        name: "",
        events: recording.events(),
        measured: Measured::default(),
        doubts: recording.doubts(),
    }
}

/// What the recordings are called: their file names, or their paths where these are equal.
fn names(files: &[String; 2]) -> [String; 2] {
    let [a, b] = files.each_ref().map(|file| file_name(file));
    if a == b { files.clone() } else { [a.to_owned(), b.to_owned()] }
}

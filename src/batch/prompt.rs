//! The plain prompt: a line editor with history and completion, where the screen is not wanted.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::Path;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

use super::{End, Face, complain};

const PROMPT: &str = "(brkwater) ";

/// Reads and runs lines until `quit` or the end of the input.
///
/// # Errors
/// Why it ended early.
pub(super) fn read(face: &mut Face<'_>, history: Option<&Path>) -> Result<(), End> {
    let config = Config::builder().auto_add_history(true).build();
    let face = RefCell::new(face);
    let Ok(mut editor) = Editor::<Completing<'_, '_>, FileHistory>::with_config(config) else {
        complain("The terminal cannot be used for a prompt; -batch runs without one.");
        return Ok(());
    };
    if let Some(path) = history {
        // Without a history there is only less to come back to.
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = editor.load_history(path);
    }
    editor.set_helper(Some(Completing { face: &face }));
    let mut last = String::new();
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            // Ctrl-C clears the line, as in gdb.
            Err(ReadlineError::Interrupted) => {
                complain("Quit");
                continue;
            }
            // Ctrl-D is `quit`, which asks when a target lives.
            Err(_) => "quit".to_owned(),
        };
        let line = if line.trim().is_empty() { repeated(&last) } else { line };
        if line.is_empty() {
            continue;
        }
        if let Some(path) = history {
            let _ = editor.append_history(path);
        }
        face.borrow_mut().line(&line)?;
        last = line;
    }
}

/// What an empty line runs after this one, in gdb's manner: steps and listings go on, nothing else does.
fn repeated(last: &str) -> String {
    let word = last.split([' ', '/']).next().unwrap_or_default();
    match word {
        "c" | "continue" | "n" | "next" | "s" | "step" | "ni" | "nexti" | "si" | "stepi" | "u" | "until"
        | "up" | "down" | "finish" | "fin" | "advance" => last.to_owned(),
        // A listing goes on where it ended: without its argument.
        "l" | "list" => word.to_owned(),
        "x" => last.split_whitespace().next().unwrap_or("x").to_owned(),
        _ => String::new(),
    }
}

/// Asks the engine what fits.
struct Completing<'f, 'a> {
    face: &'f RefCell<&'f mut Face<'a>>,
}

impl Completer for Completing<'_, '_> {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..at).unwrap_or(line);
        Ok((0, self.face.borrow_mut().complete(before)))
    }
}

impl Hinter for Completing<'_, '_> {
    type Hint = String;
}

impl Highlighter for Completing<'_, '_> {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Borrowed(hint)
    }
}

impl Validator for Completing<'_, '_> {}
impl Helper for Completing<'_, '_> {}

#[cfg(test)]
mod tests {
    use super::repeated;

    #[test]
    fn an_empty_line_repeats_steps_and_goes_on_with_listings() {
        let cases =
            [("next 3", "next 3"), ("list main", "list"), ("x/4xw $sp", "x/4xw"), ("print x", ""), ("", "")];
        for (last, wanted) in cases {
            assert_eq!(repeated(last), wanted, "{last}");
        }
    }
}

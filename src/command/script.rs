//! Lines, blocks and files of lines: `source`, `define`, `if`, `while`, the bodies of `commands`.
//!
//! A body is kept as the lines that were typed and is read again when it runs, so that `$arg0` may stand
//! anywhere. It knows where lines come from (a face or a file) and nothing of what a command does.

use std::fmt::Write as _;
use std::path::Path;

use super::args::first_word;
use super::defined::{with_arguments, words};
use super::error::{CommandError, Done};
use super::hooks;
use super::shell::Shell;
use super::table::{self, Entry, Takes};
use crate::scene::expr::{evaluate, parse};
use crate::session::SessionError;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["source"],
        run: source,
        help: "Read commands from a file named FILE.\n\nUsage: source [-v] FILE\n-v: each command is shown before it runs.",
        takes: Takes::File,
    },
    Entry {
        names: &["shell", "make", "!"],
        run: shell_out,
        help: "Execute the rest of the line as a shell command.\n\nUsage: shell COMMAND",
        takes: Takes::Nothing,
    },
];

/// gdb's `max-user-call-depth` is 1024; a level of ours costs more of the stack.
const MAX_DEPTH: usize = 200;

/// Where the lines of a body come from.
enum Input<'a> {
    /// The face is asked.
    Face,
    /// A text: its lines, and how many were taken.
    Text { lines: &'a [String], taken: usize },
}

/// What kind of text lines are of.
#[derive(Copy, Clone)]
enum Kind<'a> {
    /// The body of something.
    Body,
    /// A file: an error names it and the line.
    File(&'a str),
    /// The `commands` of a breakpoint: they end when there was another stop.
    Actions { stops: u64 },
}

/// What a line means for the loop around it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl Shell {
    /// Runs a line that a face sent, and the `commands` of the breakpoints that it led to; whether it did what
    /// it was asked to.
    pub(super) fn line(&mut self, text: &str) -> bool {
        self.actions.forget();
        let ran = self.step(text, &mut Input::Face).map(|_| ()).and_then(|()| self.run_actions());
        self.be_witness();
        self.session.missing_files().iter().for_each(|file| self.complain(file));
        match ran {
            Ok(()) => true,
            Err(error) => {
                let words = error.to_string();
                if !words.is_empty() {
                    self.complain(words);
                }
                false
            }
        }
    }

    /// Runs the `commands` of a breakpoint, up to the first that lets the target go on.
    pub(super) fn run_actions_body(&mut self, lines: &[String]) -> Done {
        let kind = Kind::Actions { stops: self.actions.stops };
        self.deeper(|shell| shell.block(lines, kind).map(|_| ()))
    }

    fn next_line(&mut self, input: &mut Input<'_>) -> Option<String> {
        match input {
            Input::Face => self.session.ask(">", ""),
            Input::Text { lines, taken } => {
                let mut line = lines.get(*taken)?.clone();
                *taken += 1;
                while line.ends_with('\\') {
                    line.pop();
                    let Some(more) = lines.get(*taken) else { break };
                    line.push_str(more);
                    *taken += 1;
                }
                Some(line)
            }
        }
    }

    /// Runs lines one after the other.
    fn block(&mut self, lines: &[String], kind: Kind<'_>) -> Done<Flow> {
        let mut input = Input::Text { lines, taken: 0 };
        while let Some(line) = self.next_line(&mut input) {
            let Input::Text { taken, .. } = input else { break };
            if let (Kind::File(_), Some((_, line))) = (kind, self.definitions.places.last_mut()) {
                *line = taken;
            }
            let flow = self.step(&line, &mut input).and_then(|flow| {
                if matches!(kind, Kind::File(_)) {
                    self.run_actions()?;
                }
                Ok(flow)
            });
            match flow {
                Ok(Flow::Next) => {}
                Ok(other) => return Ok(other),
                Err(error) => {
                    let Kind::File(file) = kind else { return Err(error) };
                    let words = format!("{file}:{taken}: Error in sourced command file:\n{error}");
                    return Err(CommandError::Say(words));
                }
            }
            let over = matches!(kind, Kind::Actions { stops } if stops != self.actions.stops);
            if self.leaving || over {
                break;
            }
        }
        Ok(Flow::Next)
    }

    /// Runs one line, which may take more lines from `input`.
    fn step(&mut self, line: &str, input: &mut Input<'_>) -> Done<Flow> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Flow::Next);
        }
        let (word, args) = first_word(line);
        match word {
            "if" | "while" => return self.conditional(word, args, input),
            "define" => self.define(args, input)?,
            "document" => self.document(args, input)?,
            "commands" => {
                let body = self.body(input)?;
                self.attach_commands(args, body.yes)?;
            }
            "python" | "py" | "python-interactive" | "pi" | "guile" | "gu" | "guile-repl" | "gr" => {
                self.skip_foreign(word, args, input)?
            }
            "loop_break" => return Ok(Flow::Break),
            "loop_continue" => return Ok(Flow::Continue),
            _ => self.command(line)?,
        }
        Ok(Flow::Next)
    }

    /// Runs a line that is one command.
    pub(super) fn command(&mut self, line: &str) -> Done {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix('!') {
            return shell_out(self, rest);
        }
        let aliased = self.without_aliases(line);
        let line = aliased.as_deref().unwrap_or(line);
        if let Some(rest) = line.strip_prefix('|') {
            return self.command(&format!("pipe {rest}"));
        }
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let end = line.find(|c| !letters(c)).unwrap_or(line.len());
        let (word, args) = line.split_at(end);
        if self.definitions.knows(word) {
            return self.hooked(Some(word.to_owned()), |shell| shell.run_defined(word, args));
        }
        if word.is_empty() {
            let first: String = line.chars().take_while(|c| !c.is_whitespace()).collect();
            return Err(CommandError::say(format!("Undefined command: \"{first}\".  Try \"help\".")));
        }
        let entry = table::find(table::COMMANDS, word, "")?;
        self.hooked(hooks::command_of(line), |shell| (entry.run)(shell, args.trim_start()))
    }

    /// Runs what `define` made.
    pub(super) fn run_defined(&mut self, name: &str, args: &str) -> Done {
        let Some(body) = self.definitions.commands.get(name).cloned() else { return Ok(()) };
        let words = words(args);
        let lines: Vec<String> = body.iter().map(|line| with_arguments(line, &words)).collect();
        self.deeper(|shell| shell.block(&lines, Kind::Body).map(|_| ()))
    }

    fn deeper(&mut self, work: impl FnOnce(&mut Shell) -> Done) -> Done {
        if self.definitions.depth >= MAX_DEPTH {
            return Err(CommandError::say("Max user call depth exceeded -- command aborted."));
        }
        self.definitions.depth += 1;
        let done = work(self);
        self.definitions.depth -= 1;
        done
    }

    fn conditional(&mut self, word: &str, args: &str, input: &mut Input<'_>) -> Done<Flow> {
        if args.is_empty() {
            return Err(CommandError::say(format!("{word} command requires an argument.")));
        }
        let body = self.body(input)?;
        if word == "if" {
            let lines = if self.holds(args)? { &body.yes } else { &body.no };
            return self.nested(lines);
        }
        while self.holds(args)? {
            if self.session.interrupted() {
                return Err(CommandError::say("Quit"));
            }
            if self.nested(&body.yes)? == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn nested(&mut self, lines: &[String]) -> Done<Flow> {
        let mut flow = Flow::Next;
        self.deeper(|shell| {
            flow = shell.block(lines, Kind::Body)?;
            Ok(())
        })?;
        Ok(flow)
    }

    fn holds(&mut self, condition: &str) -> Done<bool> {
        let expr = parse(condition)?;
        self.with_context(|context| {
            let value = evaluate(&expr, context)?;
            Ok(value.truth(context.scene.memory())?)
        })
    }

    /// Reads up to the `end` of a block, which may hold blocks.
    fn body(&mut self, input: &mut Input<'_>) -> Done<Body> {
        let mut body = Body::default();
        let (mut depth, mut no) = (0, false);
        // The end of the input ends every block, as in gdb.
        while let Some(line) = self.next_line(input) {
            let (word, _) = first_word(&line);
            match word {
                "end" if depth == 0 => break,
                "else" if depth == 0 => {
                    no = true;
                    continue;
                }
                "end" => depth -= 1,
                "if" | "while" | "define" | "commands" => depth += 1,
                _ => {}
            }
            let is_text = word == "document" || is_foreign_block(&line);
            let text = if is_text { self.text(input) } else { Vec::new() };
            let lines = if no { &mut body.no } else { &mut body.yes };
            lines.push(line);
            if is_text {
                lines.extend(text);
                lines.push("end".to_owned());
            }
        }
        Ok(body)
    }

    /// Reads up to the `end` of a block whose lines are no commands: an `if` in it opens nothing.
    fn text(&mut self, input: &mut Input<'_>) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.next_line(input) {
            if line.trim() == "end" {
                break;
            }
            lines.push(line);
        }
        lines
    }

    fn define(&mut self, args: &str, input: &mut Input<'_>) -> Done {
        let name = args.trim();
        if name.is_empty() {
            return Err(CommandError::say("Argument required (name of command to define)."));
        }
        Shell::check_name(name, args)?;
        let body = self.body(input)?;
        if let Some(warning) = self.definitions.note_hook(name) {
            self.warn(&warning);
        }
        self.definitions.commands.insert(name.to_owned(), body.yes);
        Ok(())
    }

    fn document(&mut self, args: &str, input: &mut Input<'_>) -> Done {
        let name = args.trim().to_owned();
        if !self.definitions.commands.contains_key(&name) {
            return Err(CommandError::say(format!("Undefined command: \"{name}\".  Try \"help\".")));
        }
        let text = self.text(input).join("\n");
        self.definitions.documents.insert(name, text);
        Ok(())
    }

    /// A block in a language that we do not have is read over, and said so: in a file with the place of its first line.
    fn skip_foreign(&mut self, word: &str, args: &str, input: &mut Input<'_>) -> Done {
        if args.is_empty() {
            self.text(input);
        }
        let language = if word.starts_with("gu") { "guile" } else { "python" };
        let what = if args.is_empty() { "block" } else { "line" };
        let words = format!("{language} {what} skipped: brkwater runs no {language}.");
        if self.definitions.in_file() {
            self.warn(&words);
            return Ok(());
        }
        Err(CommandError::Say(format!("{words}\n  hint: see \"help source\".")))
    }

    /// `warning: FILE:LINE: …` for something in a file that is not done, when the file goes on.
    pub(super) fn warn(&mut self, words: &str) {
        let place = self.definitions.places.last().map(|(file, line)| format!("{file}:{line}: "));
        self.complain(format!("warning: {}{words}", place.unwrap_or_default()));
    }
}

/// Whether a line opens a block of another language: with anything behind the word it is a line of its own.
fn is_foreign_block(line: &str) -> bool {
    let (word, args) = first_word(line);
    args.is_empty() && matches!(word, "python" | "py" | "python-interactive" | "pi" | "guile" | "gu")
}

#[derive(Default)]
struct Body {
    yes: Vec<String>,
    no: Vec<String>,
}

fn source(shell: &mut Shell, args: &str) -> Done {
    let (verbose, name) = super::args::take_flag(args, "-v");
    let name = name.trim_start_matches("-s ").trim().to_owned();
    if name.is_empty() {
        return Err(CommandError::say("source command requires file name of file to source."));
    }
    let path = super::options::expand(&name);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        // As in gdb, a file goes on without one that it wants.
        Err(error) if shell.definitions.in_file() => {
            shell.warn(&unreadable(&name, &error).to_string());
            return Ok(());
        }
        Err(error) => return Err(unreadable(&name, &error)),
    };
    let lines: Vec<String> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    if verbose {
        let shown = lines.iter().fold(String::new(), |mut all, line| {
            _ = writeln!(all, "+{line}");
            all
        });
        shell.say(shown);
    }
    shell.definitions.places.push((name.clone(), 0));
    let done = shell.deeper(|shell| shell.block(&lines, Kind::File(&name)).map(|_| ()));
    shell.definitions.places.pop();
    done
}

/// `NAME: No such file or directory.`
pub(super) fn unreadable(name: &str, error: &std::io::Error) -> CommandError {
    let why = error.to_string();
    // Without Rust's `(os error 2)`.
    let why = why.split(" (os error").next().unwrap_or_default();
    CommandError::Session(SessionError::Program { path: name.to_owned(), why: why.to_owned() })
}

/// Words that begin a block of lines, or stand in one.
pub(super) fn is_block(word: &str) -> bool {
    ["if", "while", "define", "document", "commands", "python", "py", "guile", "gu"].contains(&word)
}

fn shell_out(shell: &mut Shell, line: &str) -> Done {
    shell.session.sync_face();
    match crate::kernel::spawn::shell(line, None) {
        Ok(status) => {
            super::composing::ended(shell, status);
            Ok(())
        }
        Err(error) => Err(unreadable(Path::new("/bin/sh").to_string_lossy().as_ref(), &error)),
    }
}

//! `save breakpoints --lldb`: what was set as a file for `lldb -s FILE PROGRAM`, measured with lldb 14.
//!
//! lldb numbers its breakpoints from 1 and has no name for the one that was set last, so the file counts. Watchpoints
//! and signals want a process: they are set by the commands of a breakpoint at `main`, which goes on. A chain is
//! breakpoints that enable one another; without Python lldb's commands know no thread, so that anybody's crossing
//! arms the next stage, and a comment says so. Each thing that lldb cannot do is a comment with a sentence.

use std::fmt::Write;

use super::args::first_word;
use super::catchpoints;
use super::foreign::{self, Tongue};
use super::saving::{Looked, is_ours};
use crate::session::{
    Breakpoint, Catch, Disposition, Scope, Session, Signals, Stage, Trigger, Watch, WatchKind,
};
use crate::symbols::Linespec;

/// The file as far as it is written.
struct File<'a> {
    looked: &'a Looked,
    out: String,
    /// How many breakpoints it has set.
    count: u32,
    /// How many watchpoints.
    watches: u32,
    /// What is done at `main`.
    at_main: Vec<String>,
}

/// A script that lldb can load.
pub(super) fn script(session: &Session, looked: &Looked) -> String {
    let mut file = File { looked, out: String::new(), count: 0, watches: 0, at_main: Vec::new() };
    file.comment("For a new lldb: lldb -s FILE PROGRAM. It counts breakpoints from 1.");
    for breakpoint in session.breakpoints() {
        if breakpoint.is_chain() {
            file.chain(breakpoint);
        } else if let Some(stage) = breakpoint.stages.first() {
            file.plain(breakpoint, stage);
        }
    }
    if !file.at_main.is_empty() {
        file.comment("lldb wants a process for these.");
        file.line("breakpoint set --name main --one-shot true");
        file.count += 1;
        let mut lines = std::mem::take(&mut file.at_main);
        lines.push("continue".to_owned());
        file.commands(file.count, &lines);
    }
    file.out
}

impl File<'_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
    }

    fn comment(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(&format!("# {line}")));
    }

    fn commands(&mut self, number: u32, lines: &[String]) {
        self.line(&format!("breakpoint command add {number}"));
        lines.iter().for_each(|line| self.line(line));
        self.line("DONE");
    }

    fn plain(&mut self, breakpoint: &Breakpoint, stage: &Stage) {
        match &stage.trigger {
            Trigger::Catch(catch) => self.catch(catch, breakpoint, stage),
            Trigger::Data(watch) => self.watch(watch, breakpoint, stage),
            Trigger::Code(_) => {
                let Some(works) = self.set(breakpoint, stage, true) else { return };
                let number = self.count;
                let mut lines = self.translated(&breakpoint.commands);
                if let Some(print) = &breakpoint.print {
                    self.comment("lldb has no dprintf: it shows each value, and not the words around it.");
                    lines = arguments(print).iter().map(|value| format!("expression -- {value}")).collect();
                    lines.push("continue".to_owned());
                }
                if !lines.is_empty() {
                    self.commands(number, &lines);
                }
                if !breakpoint.enabled || !works {
                    self.line(&format!("breakpoint disable {number}"));
                }
            }
        }
    }

    /// Sets a stage; whether its condition is in force, or nothing when the place has no words.
    fn set(&mut self, breakpoint: &Breakpoint, stage: &Stage, last: bool) -> Option<bool> {
        let Some(mut line) = self.place(stage) else {
            self.comment(&format!("lldb cannot stop at this place: {}", stage.text));
            return None;
        };
        if breakpoint.hardware {
            self.comment("It was set by \"hbreak\"; lldb has no hardware breakpoints on Linux.");
        }
        if last && breakpoint.disposition == Disposition::Delete {
            line.push_str(" --one-shot true");
        }
        if breakpoint.thread.is_some() {
            let _ = write!(line, " --thread-index {}", breakpoint.thread_number);
        }
        if last && breakpoint.ignore > 0 {
            let _ = write!(line, " --ignore-count {}", breakpoint.ignore);
        }
        let mut works = true;
        if let Some((text, _)) = &stage.condition {
            match foreign::condition(text, Tongue::Lldb).map(|condition| quoted(&condition)) {
                Ok(Some(condition)) => {
                    let _ = write!(line, " --condition {condition}");
                }
                Ok(None) | Err(_) => {
                    works = false;
                    self.comment(&format!(
                        "lldb cannot evaluate this without a call, so it is disabled: {text}"
                    ));
                }
            }
        }
        self.line(&line);
        self.count += 1;
        Some(works)
    }

    fn place(&self, stage: &Stage) -> Option<String> {
        Some(match stage.trigger.code()? {
            Linespec::Function { file, module, name } => {
                let mut line = format!("breakpoint set --name {}", quoted(name)?);
                if let Some(module) = module {
                    let _ = write!(line, " --shlib {}", quoted(module)?);
                }
                if let Some(file) = file {
                    let _ = write!(line, " --file {}", quoted(file)?);
                }
                line
            }
            Linespec::Line { file: Some(file), line } => {
                format!("breakpoint set --file {} --line {line}", quoted(file)?)
            }
            Linespec::Address(at) => match self.looked.place(stage).strip_prefix('*').map(str::to_owned) {
                Some(place) if !place.starts_with("0x") => {
                    format!("breakpoint set --address-expression {place}")
                }
                _ => format!("breakpoint set --address {at}"),
            },
            Linespec::Line { file: None, .. } | Linespec::Offset(_) => return None,
        })
    }

    fn chain(&mut self, breakpoint: &Breakpoint) {
        let count = breakpoint.stages.len() as u32;
        self.comment(&format!("A chain of {count} stages: each one enables the next."));
        if breakpoint.scope == Scope::Thread {
            self.comment("Any thread that crosses the next location is taken: lldb's commands do not know which it is.");
        }
        let first = self.count + 1;
        if breakpoint.stages.iter().any(|stage| self.place(stage).is_none()) {
            self.comment(&format!(
                "lldb has no words for a stage of it: {}",
                super::breakinfo::chain_text(breakpoint)
            ));
            return;
        }
        let mut works = true;
        for (index, stage) in breakpoint.stages.iter().enumerate() {
            works &= self.set(breakpoint, stage, index as u32 + 1 == count).unwrap_or(false);
            if index > 0 || !works {
                let number = self.count;
                self.line(&format!("breakpoint disable {number}"));
            }
        }
        for stage in 0..count {
            let is_last = stage + 1 == count;
            let kept = if !is_last { stage + 1 } else { u32::from(breakpoint.every) * stage };
            let later = (1..count).filter(|other| *other != kept);
            let mut lines: Vec<String> =
                later.map(|other| format!("breakpoint disable {}", first + other)).collect();
            if is_last {
                lines.extend(breakpoint.once.then(|| format!("breakpoint disable {first}")));
                lines.extend(self.translated(&breakpoint.commands));
            } else {
                lines.push(format!("breakpoint enable {}", first + stage + 1));
                lines.push("continue".to_owned());
            }
            self.commands(first + stage, &lines);
        }
        if !breakpoint.enabled {
            self.line(&format!("breakpoint disable {first}"));
        }
    }

    fn watch(&mut self, watch: &Watch, breakpoint: &Breakpoint, stage: &Stage) {
        if self.looked.is_framed(breakpoint) {
            self.comment(&format!(
                "{}\nIt names a variable of a function, which is not there before the function runs.",
                super::watchpoints::script_line(watch)
            ));
            return;
        }
        let how = match watch.kind {
            WatchKind::Write => "write",
            WatchKind::Read => "read",
            WatchKind::Access => "read_write",
        };
        let text = watch.text.trim_start_matches("-location ");
        let name = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        self.at_main.push(match name {
            true => format!("watchpoint set variable -w {how} {text}"),
            false => format!("watchpoint set expression -w {how} -- &({text})"),
        });
        self.watches += 1;
        let number = self.watches;
        let words = |text: &str| quoted(&foreign::condition(text, Tongue::Lldb).ok()?);
        match stage.condition.as_ref().map(|(text, _)| (text, words(text))) {
            None => {}
            Some((_, Some(condition))) => {
                self.at_main.push(format!("watchpoint modify -c {condition} {number}"));
            }
            Some((text, None)) => {
                self.comment(&format!(
                    "lldb cannot evaluate this without a call, so watchpoint {number} is disabled: {text}"
                ));
                self.at_main.push(format!("watchpoint disable {number}"));
            }
        }
        if breakpoint.ignore > 0 {
            self.at_main.push(format!("watchpoint ignore -i {} {number}", breakpoint.ignore));
        }
        if !breakpoint.enabled {
            self.at_main.push(format!("watchpoint disable {number}"));
        }
    }

    fn catch(&mut self, catch: &Catch, breakpoint: &Breakpoint, stage: &Stage) {
        let was = catchpoints::script_line(catch);
        if !breakpoint.enabled {
            self.comment(&format!("{was} was disabled, and is left out."));
            return;
        }
        match catch {
            Catch::Signal(Signals::These(some)) => {
                if stage.condition.is_some() {
                    self.comment(&format!("lldb has no condition on a signal; this stops at each: {was}"));
                }
                let names = some.iter().map(|signo| super::signals::name(*signo));
                let lines =
                    names.map(|name| format!("process handle {name} --stop true --pass true --notify true"));
                self.at_main.extend(lines);
            }
            Catch::Signal(_) => {
                self.comment(&format!(
                    "{was}\nlldb stops at most signals by itself; \"process handle\" lists them."
                ));
            }
            Catch::Load(_) | Catch::Unload(_) => {
                self.comment(&format!(
                    "{was}\nlldb stops at each load and unload of any library, not at some of them."
                ));
                self.line("settings set target.process.stop-on-sharedlibrary-events true");
            }
            Catch::Exec => {
                self.comment(&was);
                self.line("settings set target.process.stop-on-exec true");
            }
            Catch::Fork | Catch::Vfork => {
                self.comment(&format!(
                    "{was}\nlldb 14 catches no fork; \"breakpoint set --name fork\" stops in libc's function."
                ));
            }
            Catch::Syscall { .. } => {
                self.comment(&format!(
                    "{was}\nlldb catches no system calls; a breakpoint stops in libc's function of that name."
                ));
            }
        }
    }

    /// The lines of `commands` that lldb has words for; of the others a comment tells.
    fn translated(&mut self, commands: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        for line in commands {
            let (word, rest) = first_word(line);
            lines.push(match (word, rest) {
                ("silent", "") => continue,
                ("continue" | "c", "") => "continue".to_owned(),
                ("backtrace" | "bt" | "where", "") => "thread backtrace".to_owned(),
                ("print" | "p", value) if !value.is_empty() && !value.starts_with('/') => {
                    format!("expression -- {value}")
                }
                ("info", "locals" | "args") => "frame variable".to_owned(),
                ("finish", "") => "thread step-out".to_owned(),
                _ => {
                    let whose = if is_ours(line) { "brkwater's own" } else { "gdb's" };
                    self.comment(&format!("This line of its commands is {whose}: {}", line.trim()));
                    continue;
                }
            });
        }
        lines
    }
}

/// The arguments behind a format: `"a %d, %s\n",n,f(x,y)`.
fn arguments(print: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut depth, mut quote, mut escaped) = (0, None, false);
    for letter in print.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open && !escaped => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, ',') if depth == 0 => {
                pieces.push(String::new());
                continue;
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    pieces
        .into_iter()
        .skip(1)
        .map(|piece| piece.trim().to_owned())
        .filter(|piece| !piece.is_empty())
        .collect()
}

/// A word of lldb's command line; a backquote would be evaluated in any quotes.
fn quoted(text: &str) -> Option<String> {
    let bare = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./:-+~".contains(c));
    match () {
        () if text.contains(['`', '\n']) => None,
        () if bare => Some(text.to_owned()),
        () if !text.contains('\'') => Some(format!("'{text}'")),
        () => Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_lldb() {
        assert_eq!(quoted("a::b").as_deref(), Some("a::b"));
        assert_eq!(quoted("x == 3").as_deref(), Some("'x == 3'"));
        assert_eq!(quoted("c == 'a' && s[0] == \"\"").as_deref(), Some("\"c == 'a' && s[0] == \\\"\\\"\""));
        assert_eq!(quoted("`1`"), None);
    }

    #[test]
    fn arguments_are_parted_at_their_commas() {
        assert_eq!(arguments("\"a, %d \\\" %c\\n\", f(x, y), ','"), ["f(x, y)", "','"]);
        assert!(arguments("\"nothing\"").is_empty());
    }
}

//! Hooks, as in gdb: a user-defined command `hook-NAME` runs before the command NAME, `hookpost-NAME` behind it, and
//! `hook-stop` at each stop, before it is told.
//!
//! A hook is found when it is defined, by the command's full name: one for an abbreviation hooks nothing, and gdb's
//! warning says so. A hook that gives the command that it hooks does not run anew.

use super::args::first_word;
use super::defined::Definitions;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{self, Takes};

/// What there is a hook for, beside commands.
const STOP: &str = "stop";

/// Which user-defined command runs before and behind which command.
#[derive(Default)]
pub(super) struct Hooks {
    known: Vec<Hook>,
    /// Commands whose hooks run now.
    running: Vec<String>,
}

struct Hook {
    when: When,
    /// The full name of what is hooked: `backtrace`, `info line`, `stop`.
    of: String,
    /// The user-defined command that runs.
    name: String,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum When {
    Before,
    Behind,
}

/// When a hook of this name runs, and what it hooks: the prefix stands on the last word, as in `info hook-line`.
fn hooked(name: &str) -> Option<(When, String)> {
    let (above, last) = name.rsplit_once(' ').unwrap_or(("", name));
    let (when, of) = match (last.strip_prefix("hook-"), last.strip_prefix("hookpost-")) {
        (Some(of), _) => (When::Before, of),
        (_, Some(of)) => (When::Behind, of),
        _ => return None,
    };
    Some((when, format!("{above} {of}").trim_start().to_owned()))
}

/// Whether these words are the name of a hook of a command that stands behind another.
pub(super) fn is_deeper(name: &str) -> bool {
    name.contains(' ') && hooked(name).is_some()
}

/// The full name of the command that a line gives; of `info line main` it is `info line`.
pub(super) fn command_of(line: &str) -> Option<String> {
    let (mut tables, mut name, mut rest) = (table::COMMANDS, String::new(), line);
    loop {
        let (word, behind) = first_word(rest);
        // `print/x`, `output(1)`: the name ends where letters do.
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let word = &word[..word.find(|c| !letters(c)).unwrap_or(word.len())];
        let Some(entry) = table::find(tables, word, "").ok().filter(|_| !word.is_empty()) else { break };
        name = format!("{name} {}", entry.name()).trim_start().to_owned();
        match entry.takes {
            Takes::Sub(below) => (tables, rest) = (below, behind),
            // `set listsize 5` is another command to gdb; `set $x = 5` is this one.
            Takes::Settings if !behind.is_empty() && !behind.starts_with('$') => return None,
            _ => break,
        }
    }
    (!name.is_empty()).then_some(name)
}

impl Definitions {
    /// Takes note of a user-defined command that is a hook; gdb's warning where it hooks nothing.
    pub(super) fn note_hook(&mut self, name: &str) -> Option<String> {
        let (when, of) = hooked(name)?;
        let is_command = self.knows(&of) || command_of(&of).is_some_and(|full| full == of);
        if !is_command && of != STOP {
            let last = name.rsplit(' ').next().unwrap_or(name);
            return Some(format!("Your new `{last}' command does not hook any existing command."));
        }
        self.hooks.known.retain(|hook| (hook.when, &hook.of) != (when, &of));
        self.hooks.known.push(Hook { when, of, name: name.to_owned() });
        None
    }

    fn hook(&self, when: When, of: &str) -> Option<String> {
        if self.hooks.running.iter().any(|running| running == of) {
            return None;
        }
        let hook = self.hooks.known.iter().find(|hook| hook.when == when && hook.of == of)?;
        Some(hook.name.clone())
    }

    /// Whether there are hooks at all: without any no line is looked at twice.
    pub(super) fn has_hooks(&self) -> bool {
        !self.hooks.known.is_empty()
    }
}

impl Shell {
    fn run_hook(&mut self, when: When, of: &str) -> Done {
        let Some(name) = self.definitions.hook(when, of) else { return Ok(()) };
        self.definitions.hooks.running.push(of.to_owned());
        let done = self.run_defined(&name, "");
        self.definitions.hooks.running.pop();
        done
    }

    /// Runs a command between its hooks. An error of the first is the command's: it does not run.
    pub(super) fn hooked(&mut self, of: Option<String>, work: impl FnOnce(&mut Shell) -> Done) -> Done {
        let Some(of) = of.filter(|_| self.definitions.has_hooks()) else { return work(self) };
        self.run_hook(When::Before, &of)?;
        work(self)?;
        self.run_hook(When::Behind, &of)
    }

    /// Runs `hook-stop`; whether the stop is still the one that is to be told: the hook may let the target go on.
    pub(super) fn stop_hook(&mut self) -> bool {
        let stops = self.actions.stops;
        if let Err(error) = self.run_hook(When::Before, STOP) {
            self.complain(format!("Error while running hook_stop:\n{error}"));
        }
        stops == self.actions.stops && !self.leaving
    }

    /// Refuses words that are no name of a command to be defined.
    pub(super) fn check_name(name: &str, args: &str) -> Done {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let fits = is_deeper(name) || name.chars().all(good);
        if fits { Ok(()) } else { Err(CommandError::say(format!("Junk in argument list: \"{args}\""))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_of_full_names() {
        assert_eq!(hooked("hook-stop"), Some((When::Before, "stop".into())));
        assert_eq!(hooked("info hookpost-line"), Some((When::Behind, "info line".into())));
        assert_eq!(hooked("unhook-x"), None);
        assert_eq!(command_of("i line main").as_deref(), Some("info line"));
        assert_eq!(command_of("p/x counter").as_deref(), Some("print"));
        assert_eq!(command_of("nosuch"), None);
        let mut definitions = Definitions::default();
        assert_eq!(definitions.note_hook("hookpost-backtrace"), None);
        let warning = definitions.note_hook("hook-bt").unwrap();
        assert_eq!(warning, "Your new `hook-bt' command does not hook any existing command.");
        assert_eq!(definitions.hook(When::Behind, "backtrace").as_deref(), Some("hookpost-backtrace"));
    }
}

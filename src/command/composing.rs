//! Commands made of commands: `with`, `eval`, `alias`, `pipe`.
//!
//! ```text
//! (gdb) with print pretty on -- print *p
//! (gdb) pipe info functions | grep read
//! ```
//!
//! They put a line together and hand it back to the shell; none knows what the line does.

use super::args::first_word;
use super::error::{CommandError, Done};
use super::printf;
use super::script::unreadable;
use super::settings;
use super::shell::Shell;
use super::table::{self, Entry, Takes};
use crate::scene::Value;
use crate::symbols::types::Type;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["with", "w"],
        run: with,
        help: "Temporarily set SETTING to VALUE, run COMMAND using the setting, and restore the previous value.\n\nUsage: with SETTING [VALUE] -- COMMAND",
        takes: Takes::Settings,
    },
    Entry {
        names: &["eval"],
        run: eval,
        help: "Construct a command and then evaluate it.\n\nUsage: eval \"format string\", ARG1, ARG2, ARG3, ..., ARGN\nConvert the arguments to a string as \"printf\" would, but then treat this string as a command line, and evaluate it.",
        takes: Takes::Expression,
    },
    Entry {
        names: &["alias"],
        run: alias,
        help: "Define a new command that is an alias of an existing command.\n\nUsage: alias [-a] [--] ALIAS = COMMAND [DEFAULT-ARGS...]\n-a: for gdb, which would not complete it; taken and without an effect.",
        takes: Takes::Command,
    },
    Entry {
        names: &["pipe", "|"],
        run: pipe,
        help: "Send the output of a command to a shell command.\n\nUsage: | [COMMAND] | SHELL_COMMAND\nUsage: pipe [COMMAND] | SHELL_COMMAND\nUsage: pipe -d DELIM COMMAND DELIM SHELL_COMMAND",
        takes: Takes::Command,
    },
];

/// No alias leads through more others.
const MAX_ALIASES: usize = 32;

fn with(shell: &mut Shell, args: &str) -> Done {
    if args.trim().is_empty() {
        return Err(CommandError::say("Missing arguments."));
    }
    let (setting, command) = match args.split_once("--") {
        Some((setting, command)) => (setting.trim(), command.trim()),
        None => (args.trim(), ""),
    };
    let (known, value) = match settings::find(setting)? {
        Some((known, value)) => (known, value.trim()),
        // What is taken without an effect has none to be taken back.
        None if super::taken::taken(setting).is_some() => return nested(shell, command),
        None => {
            let (word, _) = first_word(setting);
            let words = format!("Undefined set command: \"{word}\".  Try \"help set\".");
            return Err(CommandError::Say(words));
        }
    };
    if command.is_empty() {
        return nested(shell, command);
    }
    must_be_known(shell, command)?;
    let before = shown_value(&(known.show)(shell, ""));
    (known.set)(shell, value)?;
    let done = shell.command(command);
    (known.set)(shell, &before)?;
    done
}

fn nested(shell: &mut Shell, command: &str) -> Done {
    if command.is_empty() {
        return Err(CommandError::say("No previous command to relaunch"));
    }
    shell.command(command)
}

/// The value in what `show` says: `Pretty formatting of structures is off.`
fn shown_value(sentence: &str) -> String {
    let value = sentence.rsplit_once(" is ").map_or("", |(_, value)| value);
    // The sentence of a language has more lines, and tells what "auto" means now: `"auto; currently c"`.
    let value = value.lines().next().unwrap_or_default();
    let value = value.trim().trim_end_matches('.').trim_matches('"');
    value.split_once("; currently ").map_or(value, |(chosen, _)| chosen).to_owned()
}

/// Refuses a command that does not exist before anything is done for it.
fn must_be_known(shell: &Shell, command: &str) -> Done {
    let (word, _) = first_word(command);
    let name = word.split(['/', '(', '$']).next().unwrap_or_default();
    if name.is_empty() || shell.definitions.knows(name) || shell.definitions.expanded(command).is_some() {
        return Ok(());
    }
    if table::find(table::COMMANDS, name, "").is_err() && !super::script::is_block(name) {
        table::find(table::COMMANDS, name, "")?;
    }
    Ok(())
}

fn eval(shell: &mut Shell, args: &str) -> Done {
    let line = printf::text(&mut shell.session, args)?;
    shell.command(&line)
}

fn alias(shell: &mut Shell, args: &str) -> Done {
    let usage = || CommandError::say("Usage: alias [-a] [--] ALIAS = COMMAND [DEFAULT-ARGS...]");
    let (name, command) = args.split_once('=').ok_or_else(usage)?;
    let mut words: Vec<&str> = name.split_whitespace().collect();
    while words.first().is_some_and(|word| matches!(*word, "-a" | "--")) {
        words.remove(0);
    }
    let command = command.trim();
    if words.is_empty() || command.is_empty() {
        return Err(usage());
    }
    let good = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if let Some(bad) = words.iter().find(|word| !good(word)) {
        return Err(CommandError::say(format!("Invalid command name: {bad}")));
    }
    must_be_known(shell, command)?;
    let parts = command.split_whitespace().count();
    if words.len() > parts {
        return Err(CommandError::say("Mismatched command length between ALIAS and COMMAND."));
    }
    let name = words.join(" ");
    let exact = words.len() == 1
        && table::find(table::COMMANDS, &name, "").is_ok_and(|entry| entry.names.contains(&&*name));
    if exact || shell.definitions.knows(&name) || shell.definitions.expanded(&name).is_some() {
        return Err(CommandError::say(format!("Alias already exists: {name}")));
    }
    shell.definitions.add_alias(name, command.to_owned());
    Ok(())
}

impl Shell {
    /// The line with the alias that it begins with replaced, and so on.
    pub(super) fn without_aliases(&self, line: &str) -> Option<String> {
        let mut found: Option<String> = None;
        for _ in 0..MAX_ALIASES {
            match self.definitions.expanded(found.as_deref().unwrap_or(line)) {
                Some(next) => found = Some(next),
                None => break,
            }
        }
        found
    }
}

fn pipe(shell: &mut Shell, args: &str) -> Done {
    let (mut delimiter, mut rest) = ("|", args.trim());
    if let (("-d", behind), _) = (first_word(rest), ()) {
        (delimiter, rest) = first_word(behind);
        if delimiter.is_empty() {
            return Err(CommandError::say("-d requires an argument"));
        }
    }
    if rest.is_empty() {
        return Err(CommandError::say("Missing COMMAND"));
    }
    let Some((command, line)) = rest.split_once(delimiter) else {
        return Err(CommandError::say("Missing delimiter before SHELL_COMMAND"));
    };
    let (command, line) = (command.trim(), line.trim());
    if line.is_empty() {
        return Err(CommandError::say("Missing SHELL_COMMAND"));
    }
    if command.is_empty() {
        return Err(CommandError::say("Missing COMMAND"));
    }
    let outer = shell.captured.replace(String::new());
    let done = shell.command(command);
    let text = std::mem::replace(&mut shell.captured, outer).unwrap_or_default();
    done?;
    shell.session.sync_face();
    let status = crate::kernel::spawn::shell(line, Some(text.as_bytes()))
        .map_err(|error| unreadable("/bin/sh", &error))?;
    ended(shell, status);
    Ok(())
}

/// What became of a shell command, for scripts: `$_shell_exitcode` or `$_shell_exitsignal`.
pub(super) fn ended(shell: &mut Shell, status: std::process::ExitStatus) {
    use std::os::unix::process::ExitStatusExt;
    let number = |value: Option<i32>| match value {
        Some(value) => Value::integer(Type::integer("int", 4, true), value.into()),
        None => Value::from_bytes(Type::void(), Vec::new()),
    };
    shell.with_context(|context| {
        context.vars.set("_shell_exitcode", number(status.code()));
        context.vars.set("_shell_exitsignal", number(status.signal()));
    });
}

#[cfg(test)]
mod tests {
    use super::shown_value;

    #[test]
    fn the_value_before_is_in_what_show_says() {
        assert_eq!(shown_value("Pretty formatting of structures is off."), "off");
        assert_eq!(shown_value("Response to a fork is \"parent\"."), "parent");
        assert_eq!(shown_value("Limit on string chars or array elements to print is 200."), "200");
    }
}

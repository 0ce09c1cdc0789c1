//! `set` and `show`: gdb's settings, those that do something here and those that scripts are full of.

use std::path::PathBuf;

use super::args::first_word;
use super::error::{CommandError, Done};
use super::settings::{self, SETTINGS};
use super::shell::Shell;
use super::table::{Entry, Takes};
use super::taken;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["set"],
        run: set,
        help: "Evaluate expression EXP and assign result to variable VAR, or change a setting.\n\nUsage: set VAR = EXP\n       set SETTING VALUE",
        takes: Takes::Settings,
    },
    Entry {
        names: &["show"],
        run: show,
        help: "Generic command for showing things about the debugger.\n\nUsage: show SETTING",
        takes: Takes::Settings,
    },
    Entry {
        names: &["unset"],
        run: unset,
        help: "Complement to certain \"set\" commands.\n\nUsage: unset environment [VAR]\n       unset substitute-path [FROM]",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["tty"],
        run: |shell, args| super::runsettings::set_tty(shell, args),
        help: "Set terminal for future runs of program being debugged.\n\nUsage: tty DEVICE",
        takes: Takes::File,
    },
    Entry {
        names: &["cd"],
        run: cd,
        help: "Set working directory to DIR for debugger.\n\nUsage: cd [DIR]",
        takes: Takes::File,
    },
    Entry {
        names: &["pwd"],
        run: pwd,
        help: "Print working directory.\n\nUsage: pwd",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["info", "i", "inf"],
        run: info,
        help: "Generic command for showing things about the program being debugged.\n\nUsage: info SUBCOMMAND",
        takes: Takes::Sub(super::table::INFO),
    },
];

pub(super) const INFO: &[Entry] = &[];

/// Settings of the dialogue itself.
pub(super) struct Options {
    /// Questions are asked (`set confirm`).
    pub(super) confirm: bool,
    /// Somebody types: gdb's chatter (`Continuing.`) is printed (`set interactive-mode`).
    pub(super) interactive: bool,
    /// Whether expressions call functions of the program (`set may-call-functions`); unless said, `call` alone does.
    pub(super) may_call: Option<bool>,
    /// Lines that `list` shows (`set listsize`); 0 is no limit.
    pub(super) listsize: u32,
    /// gdb's settings without an effect here, as they were last set, by name.
    pub(super) accepted: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Options {
        Options { confirm: true, interactive: true, may_call: None, listsize: 10, accepted: Vec::new() }
    }
}

/// Whether the locale's characters are UTF-8 (locale(7): the first of these that is set counts).
pub(super) fn speaks_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

fn info(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    if word.is_empty() {
        return super::help::list_info(shell);
    }
    // `info line*0x…` and the like are told apart by the first letter that is none.
    let end =
        word.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))).unwrap_or(word.len());
    let (name, glued) = word.split_at(end);
    let entry = super::table::find(super::table::INFO, name, "info ")?;
    let rest = if glued.is_empty() { rest.to_owned() } else { format!("{glued} {rest}") };
    (entry.run)(shell, rest.trim())
}

fn set(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    if word.is_empty() {
        return Err(CommandError::say("Argument required (expression to compute)."));
    }
    if word == "variable" || word == "var" {
        return super::data::assign(shell, rest);
    }
    // `set x = 3` assigns, unless x is a setting that takes the rest as its value.
    let assigns = rest.starts_with('=') && !rest.starts_with("==");
    if word.starts_with('$') || assigns {
        return super::data::assign(shell, args);
    }
    if let Some((setting, value)) = settings::find(args)? {
        return (setting.set)(shell, value.trim());
    }
    if let Some((name, value)) = taken::taken(args) {
        shell.options.accepted.retain(|(known, _)| *known != name);
        shell.options.accepted.push((name, value));
        if let Some(words) = taken::told(args) {
            shell.warn(&words);
        }
        return Ok(());
    }
    unknown(shell, args)
}

/// A setting that nobody knows: in a file a warning, because real files are full of them.
fn unknown(shell: &mut Shell, args: &str) -> Done {
    // `set counter=4`, `set list->next = 0`, `set ++$n` are no settings.
    let assigns = ["=", "++", "--"].iter().any(|sign| args.contains(sign));
    if assigns && crate::scene::expr::parse(args).is_ok() {
        return super::data::assign(shell, args);
    }
    if shell.definitions.in_file() {
        shell.warn(&format!("unknown setting ignored: set {args}"));
        return Ok(());
    }
    if let Some(rest) = args.strip_prefix("print ") {
        return Err(CommandError::say(format!(
            "Undefined set print command: \"{rest}\".  Try \"help set print\"."
        )));
    }
    super::data::assign(shell, args)
}

fn show(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        let all: Vec<String> = SETTINGS
            .iter()
            .map(|setting| format!("{}:  {}", setting.name, (setting.show)(shell, "")))
            .collect();
        shell.say(all.join("\n"));
        return Ok(());
    }
    if let ("user", name) = first_word(args) {
        return super::defined::show(shell, name.trim());
    }
    if let Some((setting, rest)) = settings::find(args)? {
        let text = (setting.show)(shell, rest.trim());
        shell.say(text);
        return Ok(());
    }
    if let Some((name, _)) = taken::taken(args) {
        let value = shell.options.accepted.iter().find(|(known, _)| *known == name);
        let value = value.map_or_else(|| "auto".to_owned(), |(_, value)| value.clone());
        shell.say(format!("The current value of '{name}' is \"{value}\"."));
        return Ok(());
    }
    let (word, _) = first_word(args);
    Err(CommandError::say(format!("Undefined show command: \"{word}\".  Try \"help show\".")))
}

fn unset(shell: &mut Shell, args: &str) -> Done {
    let (what, name) = first_word(args);
    if let Some(rest) = super::sourcepath::names_rule(args) {
        return super::sourcepath::unset_substitute(shell, rest);
    }
    if what.len() < 3 || !"environment".starts_with(what) {
        return Err(CommandError::say(format!("Undefined unset command: \"{what}\".  Try \"help unset\".")));
    }
    if name.is_empty() {
        if shell.options.interactive && !shell.confirm("Delete all environment variables? ") {
            return Ok(());
        }
        let all: Vec<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        shell.session.settings_mut().environment = all.into_iter().map(|name| (name, None)).collect();
    } else {
        shell.session.settings_mut().environment.push((name.to_owned(), None));
    }
    Ok(())
}

fn cd(shell: &mut Shell, args: &str) -> Done {
    let path = if args.is_empty() { expand("~") } else { expand(args) };
    std::env::set_current_dir(&path)
        .map_err(|error| super::script::unreadable(&path.to_string_lossy(), &error))?;
    if shell.options.interactive {
        pwd(shell, "")?;
    }
    Ok(())
}

fn pwd(shell: &mut Shell, _: &str) -> Done {
    let dir = std::env::current_dir().map_err(|error| super::script::unreadable(".", &error))?;
    shell.say(format!("Working directory {}.", dir.display()));
    Ok(())
}

/// A path as typed, with `~` for the home directory.
pub(super) fn expand(path: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    match path.strip_prefix('~') {
        Some("") => home().unwrap_or_else(|| path.into()),
        Some(rest) if rest.starts_with('/') => {
            home().map_or_else(|| path.into(), |home| home.join(&rest[1..]))
        }
        _ => path.into(),
    }
}

/// A file name that was typed in quotes, or with backslashes.
pub(super) fn unquote(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        let inner = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner.to_owned();
        }
    }
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_typed_in_many_ways() {
        assert_eq!(unquote("\"a b\""), "a b");
        assert_eq!(unquote("a\\ b"), "a b");
        assert_eq!(unquote("plain"), "plain");
    }
}

//! What the user defined: commands, their texts and aliases; and how arguments come into a body.
//!
//! It runs nothing: [`super::script`] does.

use rustc_hash::FxHashMap;

use super::args::first_word;
use super::error::{CommandError, Done};
use super::hooks::Hooks;
use super::script;
use super::shell::Shell;
use super::table;

/// What scripts leave behind.
#[derive(Default)]
pub(super) struct Definitions {
    /// Bodies of `define`, by name.
    pub(super) commands: FxHashMap<String, Vec<String>>,
    /// Texts of `document`.
    pub(super) documents: FxHashMap<String, String>,
    /// What `alias` defined: a name, perhaps of several words, and what stands for it.
    aliases: Vec<(String, String)>,
    /// How many files and user-defined commands we are inside of.
    pub(super) depth: usize,
    /// The files that are being read, the innermost last, and the line that runs.
    pub(super) places: Vec<(String, usize)>,
    /// What runs before and behind other commands.
    pub(super) hooks: Hooks,
}

impl Definitions {
    /// Whether the line comes from a file.
    pub(super) fn in_file(&self) -> bool {
        !self.places.is_empty()
    }

    /// Whether `define` made a command of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.commands.contains_key(name)
    }

    /// Makes a name stand for the beginning of a line.
    pub(super) fn add_alias(&mut self, name: String, command: String) {
        self.aliases.push((name, command));
    }

    /// The line with the alias that it begins with replaced.
    pub(super) fn expanded(&self, line: &str) -> Option<String> {
        self.aliases.iter().rev().find_map(|(name, command)| {
            let rest = line.strip_prefix(name.as_str())?;
            let ends = rest
                .chars()
                .next()
                .is_none_or(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
            ends.then(|| format!("{command}{rest}"))
        })
    }

    /// What `document` said of a user-defined command.
    pub(super) fn document(&self, name: &str) -> Option<&str> {
        self.commands.get(name)?;
        Some(self.documents.get(name).map_or("User-defined.", String::as_str))
    }
}

/// `show user`: the body of one user-defined command, or of all.
pub(super) fn show(shell: &mut Shell, name: &str) -> Done {
    let known = &shell.definitions.commands;
    if !name.is_empty() && !known.contains_key(name) {
        // gdb has one sentence for a word that is no command, and one for a command that is not the user's.
        table::find(table::COMMANDS, name, "")?;
        return Err(CommandError::say("Not a user command."));
    }
    let mut names: Vec<&String> = known.keys().filter(|known| name.is_empty() || *known == name).collect();
    names.sort_unstable();
    let text: String = names.into_iter().map(|name| listed(name, &known[name])).collect();
    if !text.is_empty() {
        shell.say(text);
    }
    Ok(())
}

/// gdb's layout: two blanks, and two more for each block around a line.
fn listed(name: &str, body: &[String]) -> String {
    let mut text = format!("User command \"{name}\":\n");
    let mut depth = 1_usize;
    for line in body.iter().map(|line| line.trim()) {
        let (word, _) = first_word(line);
        let inner = depth.saturating_sub(usize::from(matches!(word, "end" | "else"))).max(1);
        text.push_str(&format!("{}{line}\n", "  ".repeat(inner)));
        depth = inner + usize::from(word == "else" || script::is_block(word));
    }
    text + "\n"
}

/// The line of a user-defined command's body as it runs when the command is given these arguments.
pub(super) fn filled(line: &str, args: &str) -> String {
    with_arguments(line, &words(args))
}

/// The words of a user-defined command's arguments; blanks inside of quotes and parentheses do not part them.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in text.chars() {
        match quote {
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    all.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            Some(open) if letter == open => quote = None,
            _ => {}
        }
        word.push(letter);
    }
    if !word.is_empty() {
        all.push(word);
    }
    all
}

/// The line with `$argc` and `$arg0`… replaced.
pub(super) fn with_arguments(line: &str, words: &[String]) -> String {
    let mut line = line.replace("$argc", &words.len().to_string());
    // `$arg1` to `$arg6` are registers when the command was given no such argument.
    for (index, word) in words.iter().enumerate().rev() {
        line = line.replace(&format!("$arg{index}"), word);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_words_and_are_put_in() {
        let given = words("1 \"two words\" 'c d'");
        assert_eq!(given, ["1", "\"two words\"", "'c d'"]);
        assert_eq!(with_arguments("p $arg0 + $argc, $arg1, $arg5", &given), "p 1 + 3, \"two words\", $arg5");
    }
}

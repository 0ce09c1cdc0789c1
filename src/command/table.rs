//! Every command once: its names, what it does, what `help` says, what completes its arguments.
//!
//! A room keeps its entries beside its functions; this file finds the entry for what was typed, as gdb does:
//! an exact name wins, then a prefix that fits one entry only.

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::{
    applying, breakinfo, breakpoints, calling, catchpoints, classinfo, compare, composing, corefile, data,
    disassemble, display, elsewhere, export, heap, heapchunks, held, help, inferiors, listing, lookup,
    memory, moments, options, printers, printf, process, rbreak, recording, refused, registers, running,
    saving, scopeinfo, script, signals, skipping, sourcepath, stack, symbolinfo, threads, transfer,
    watchpoints,
};

/// A command.
pub(super) struct Entry {
    /// Its full name, then the abbreviations that win although they fit others as well.
    pub(super) names: &'static [&'static str],
    /// Runs it with what follows the name.
    pub(super) run: fn(&mut Shell, &str) -> Done,
    /// For `help`: the first line is a sentence, then usage and more.
    pub(super) help: &'static str,
    /// What its argument may be.
    pub(super) takes: Takes,
}

/// What an argument may be, for completion.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing that could be completed.
    Nothing,
    /// A place in the code.
    Place,
    /// An expression.
    Expression,
    /// A file.
    File,
    /// A format of `export`, and a file.
    Export,
    /// Moments of the run.
    Moments,
    /// A command of this prefix's table.
    Sub(&'static [&'static [Entry]]),
    /// A setting.
    Settings,
    /// A command and its arguments.
    Command,
}

impl Entry {
    /// Its full name.
    pub(super) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.names == other.names
    }
}

impl Eq for Entry {}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The commands.
pub(super) const COMMANDS: &[&[Entry]] = &[
    running::COMMANDS,
    calling::COMMANDS,
    breakpoints::COMMANDS,
    saving::COMMANDS,
    skipping::COMMANDS,
    rbreak::COMMANDS,
    catchpoints::COMMANDS,
    watchpoints::COMMANDS,
    signals::COMMANDS,
    stack::COMMANDS,
    applying::COMMANDS,
    data::COMMANDS,
    transfer::COMMANDS,
    disassemble::COMMANDS,
    display::COMMANDS,
    printers::COMMANDS,
    printf::COMMANDS,
    listing::COMMANDS,
    sourcepath::COMMANDS,
    classinfo::COMMANDS,
    threads::COMMANDS,
    inferiors::COMMANDS,
    heap::COMMANDS,
    corefile::COMMANDS,
    recording::COMMANDS,
    held::COMMANDS,
    heapchunks::COMMANDS,
    moments::COMMANDS,
    export::COMMANDS,
    script::COMMANDS,
    composing::COMMANDS,
    options::COMMANDS,
    refused::COMMANDS,
    elsewhere::COMMANDS,
    help::COMMANDS,
];

/// What `info` can tell.
pub(super) const INFO: &[&[Entry]] = &[
    breakinfo::INFO,
    watchpoints::INFO,
    signals::INFO,
    stack::INFO,
    data::INFO,
    display::INFO,
    registers::INFO,
    lookup::INFO,
    symbolinfo::INFO,
    scopeinfo::INFO,
    skipping::INFO,
    classinfo::INFO,
    process::INFO,
    recording::INFO,
    threads::INFO,
    inferiors::INFO,
    heap::INFO,
    compare::INFO,
    memory::INFO,
    moments::INFO,
    refused::INFO,
    elsewhere::INFO,
    options::INFO,
];

/// The command of ours that shares its beginning with one of gdb's: `he` is `help`.
const OURS: &str = "heap";

/// The entry that a word means.
///
/// # Errors
/// gdb's words for a word that means nothing, or several things; `prefix` is empty or ends with a blank
/// (`info `).
pub(super) fn find(tables: &'static [&'static [Entry]], word: &str, prefix: &str) -> Done<&'static Entry> {
    let all = || tables.iter().flat_map(|table| table.iter());
    if let Some(exact) = all().find(|entry| entry.names.contains(&word)) {
        return Ok(exact);
    }
    let fitting: Vec<&Entry> = all().filter(|entry| entry.name().starts_with(word)).collect();
    match fitting.as_slice() {
        [one] => Ok(one),
        // What gdb does not have takes none of its abbreviations away.
        [one, other] if other.name() == OURS => Ok(one),
        [other, one] if other.name() == OURS => Ok(one),
        [] => Err(undefined(tables, word, prefix)),
        several => {
            let mut names: Vec<&str> = several.iter().map(|entry| entry.name()).collect();
            names.sort_unstable();
            let names = names.join(", ");
            Err(CommandError::say(format!("Ambiguous {prefix}command \"{word}\": {names}.")))
        }
    }
}

fn undefined(tables: &[&[Entry]], word: &str, prefix: &str) -> CommandError {
    let help = if prefix.is_empty() { "help".to_owned() } else { format!("help {}", prefix.trim_end()) };
    let mut words = format!("Undefined {prefix}command: \"{word}\".  Try \"{help}\".");
    let names = tables.iter().flat_map(|table| table.iter()).map(Entry::name);
    let near = names.map(|name| (distance(word, name), name)).min();
    if let Some((_, name)) = near.filter(|(distance, _)| *distance <= 1 + word.len() / 4 && word.len() > 2) {
        words.push_str(&format!("\n  hint: Did you mean \"{prefix}{name}\"?"));
    }
    CommandError::Say(words)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(word: &str) -> String {
        find(COMMANDS, word, "").map_or_else(|error| error.to_string(), |entry| entry.name().to_owned())
    }

    #[test]
    fn abbreviations_are_gdb_s() {
        for (word, full) in [
            ("b", "break"),
            ("c", "continue"),
            ("n", "next"),
            ("s", "step"),
            ("i", "info"),
            ("p", "print"),
            ("bt", "backtrace"),
            ("where", "backtrace"),
            ("r", "run"),
            ("l", "list"),
            ("d", "delete"),
            ("f", "frame"),
            ("fin", "finish"),
            ("disp", "display"),
            ("k", "kill"),
            ("u", "until"),
            ("si", "stepi"),
            ("ni", "nexti"),
            ("tb", "tbreak"),
            ("cond", "condition"),
            ("expl", "explain"),
            ("q", "quit"),
            ("he", "help"),
        ] {
            assert_eq!(name(word), full);
        }
    }

    #[test]
    fn what_means_nothing_is_told_in_gdb_s_words() {
        assert_eq!(name("foo"), "Undefined command: \"foo\".  Try \"help\".");
        assert_eq!(
            name("brek"),
            "Undefined command: \"brek\".  Try \"help\".\n  hint: Did you mean \"break\"?"
        );
        assert!(
            name("de") == "Ambiguous command \"de\": define-prefix, delete, demangle, detach.",
            "{}",
            name("de")
        );
    }

    #[test]
    fn no_name_is_given_twice() {
        for tables in [COMMANDS, INFO] {
            let mut names: Vec<&str> =
                tables.iter().flat_map(|t| t.iter()).flat_map(|e| e.names).copied().collect();
            let before = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), before);
        }
    }

    #[test]
    fn every_entry_has_help() {
        for entry in COMMANDS.iter().chain(INFO).flat_map(|table| table.iter()) {
            let first = entry.help.lines().next().unwrap_or_default();
            assert!(first.ends_with('.') && first.len() > 10, "{}: {first}", entry.name());
        }
    }
}

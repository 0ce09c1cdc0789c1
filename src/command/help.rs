//! `help`, `apropos`, `complete`: what there is, in gdb's manner.
//!
//! Every text comes out of the entries of [`super::table`]; this file only arranges them.

use super::complete;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{self, Entry, Takes};
use super::{
    applying, breakpoints, calling, catchpoints, classinfo, compare, composing, corefile, data, disassemble,
    display, elsewhere, export, heap, heapchunks, held, inferiors, listing, memory, moments, options,
    printers, printf, rbreak, recording, refused, running, saving, script, signals, skipping, sourcepath,
    stack, threads, transfer, watchpoints,
};

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["help", "h"],
        run: help,
        help: "Print list of commands.\nUsage: help [CLASS|COMMAND]",
        takes: Takes::Command,
    },
    Entry {
        names: &["apropos"],
        run: apropos,
        help: "Search for commands matching a text.\n\
               Usage: apropos TEXT\n\
               Names and help texts are searched; upper and lower case are the same.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["complete"],
        run: complete_command,
        help: "List the completions for the rest of the line as a command.\nUsage: complete TEXT",
        takes: Takes::Command,
    },
];

/// A class of commands: its name, what it is about, its tables, and those of what `info` tells of it.
type Class = (&'static str, &'static str, &'static [&'static [Entry]], &'static [&'static [Entry]]);

const CLASSES: &[Class] = &[
    (
        "breakpoints",
        "Making program stop at certain points.",
        &[
            breakpoints::COMMANDS,
            saving::COMMANDS,
            skipping::COMMANDS,
            rbreak::COMMANDS,
            catchpoints::COMMANDS,
            watchpoints::COMMANDS,
        ],
        &[],
    ),
    (
        "data",
        "Examining data.",
        &[
            data::COMMANDS,
            transfer::COMMANDS,
            disassemble::COMMANDS,
            display::COMMANDS,
            printf::COMMANDS,
            printers::COMMANDS,
        ],
        &[],
    ),
    (
        "files",
        "Specifying and examining files.",
        &[listing::COMMANDS, sourcepath::COMMANDS, classinfo::COMMANDS, corefile::COMMANDS, held::COMMANDS],
        &[],
    ),
    (
        "memory",
        "Why the process's memory looks as it does.",
        &[heap::COMMANDS, heapchunks::COMMANDS, moments::COMMANDS, export::COMMANDS, recording::COMMANDS],
        &[heap::INFO, memory::INFO, compare::INFO, moments::INFO],
    ),
    ("obscure", "Obscure features.", &[refused::COMMANDS, elsewhere::COMMANDS], &[]),
    ("running", "Running the program.", RUNNING, &[]),
    ("stack", "Examining the stack.", &[stack::COMMANDS, applying::COMMANDS], &[]),
    ("status", "Status inquiries.", &[], table::INFO),
    (
        "support",
        "Support facilities.",
        &[script::COMMANDS, composing::COMMANDS, options::COMMANDS, COMMANDS],
        &[],
    ),
];

const RUNNING: &[&[Entry]] =
    &[calling::COMMANDS, running::COMMANDS, signals::COMMANDS, threads::COMMANDS, inferiors::COMMANDS];

/// What stands below a list of commands.
const MORE: &str = "Type \"help\" followed by command name for full documentation.\n\
                    Type \"apropos word\" to search for commands related to \"word\".\n\
                    Command name abbreviations are allowed if unambiguous.\n";

fn help(shell: &mut Shell, args: &str) -> Done {
    let text = help_text(shell, args.trim())?;
    shell.say(text);
    Ok(())
}

fn help_text(shell: &Shell, args: &str) -> Done<String> {
    match args {
        "" => return Ok(classes()),
        "all" => return Ok(CLASSES.iter().map(class_text).collect()),
        _ => {}
    }
    if let Some(class) = CLASSES.iter().find(|(name, ..)| *name == args) {
        return Ok(format!("{}{MORE}", class_text(class)));
    }
    if let Some(text) = shell.definitions.document(args) {
        return Ok(text.to_owned());
    }
    let mut words = args.split_whitespace().peekable();
    let (mut tables, mut prefix) = (table::COMMANDS, String::new());
    while let Some(word) = words.next() {
        let entry = table::find(tables, word, &prefix)?;
        prefix.push_str(entry.name());
        prefix.push(' ');
        match entry.takes {
            Takes::Sub(below) if words.peek().is_some() => tables = below,
            _ => return Ok(entry_text(entry, &prefix)),
        }
    }
    Err(CommandError::say("Argument required (a command)."))
}

fn classes() -> String {
    let mut text = String::from("List of classes of commands:\n\n");
    for (name, about, ..) in CLASSES {
        text.push_str(&format!("{name} -- {about}\n"));
    }
    text.push_str(
        "\nType \"help\" followed by a class name for a list of commands in that class.\n\
         Type \"help all\" for the list of all commands.\n",
    );
    text + MORE
}

fn class_text((_, about, tables, info): &Class) -> String {
    format!("{about}\n\nList of commands:\n\n{}{}\n", list(tables, ""), list(info, "info "))
}

/// `info heap -- The heap of the process.`, a line for each, by name.
fn list(tables: &[&[Entry]], prefix: &str) -> String {
    let mut entries: Vec<&Entry> = tables.iter().flat_map(|table| table.iter()).collect();
    entries.sort_by_key(|entry| entry.name());
    entries.into_iter().map(|entry| format!("{}\n", summary(entry, prefix))).collect()
}

/// `backtrace, bt, where -- Print backtrace of all stack frames.`
fn summary(entry: &Entry, prefix: &str) -> String {
    let names: Vec<String> = entry.names.iter().map(|name| format!("{prefix}{name}")).collect();
    format!("{} -- {}", names.join(", "), entry.help.lines().next().unwrap_or_default())
}

fn entry_text(entry: &Entry, prefix: &str) -> String {
    let above = prefix.trim_end().strip_suffix(entry.name()).unwrap_or_default();
    let names: Vec<String> = entry.names.iter().map(|name| format!("{above}{name}")).collect();
    let mut text = if names.len() > 1 { format!("{}\n", names.join(", ")) } else { String::new() };
    text.push_str(entry.help);
    text.push('\n');
    if let Takes::Sub(tables) = entry.takes {
        let name = prefix.trim_end();
        text.push_str(&format!("\n{}", sublist(tables, name)));
    }
    text
}

/// A command that is followed by another: what may follow.
pub(super) fn sublist(tables: &[&[Entry]], name: &str) -> String {
    format!(
        "List of {name} subcommands:\n\n{}\nType \"help {name}\" followed by {name} subcommand name for full documentation.\n",
        list(tables, &format!("{name} "))
    )
}

/// `info` alone: what it can tell.
pub(super) fn list_info(shell: &mut Shell) -> Done {
    let text = list(table::INFO, "info ");
    shell.say(format!("List of info subcommands:\n\n{text}"));
    Ok(())
}

fn apropos(shell: &mut Shell, args: &str) -> Done {
    let wanted = args.trim().to_lowercase();
    if wanted.is_empty() {
        return Err(CommandError::say("REGEXP string is empty"));
    }
    let fits = |entry: &&Entry| {
        let named = entry.names.iter().any(|name| name.contains(&wanted));
        named || entry.help.to_lowercase().contains(&wanted)
    };
    let mut found: Vec<String> = Vec::new();
    for (tables, prefix) in [(table::COMMANDS, ""), (table::INFO, "info ")] {
        let all = tables.iter().flat_map(|table| table.iter());
        found.extend(all.filter(fits).map(|entry| summary(entry, prefix)));
    }
    found.sort();
    if found.is_empty() {
        return Ok(());
    }
    shell.say(found.join("\n"));
    Ok(())
}

fn complete_command(shell: &mut Shell, args: &str) -> Done {
    let lines = complete::complete(shell, args);
    if !lines.is_empty() {
        shell.say(lines.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_a_class() {
        for entry in table::COMMANDS.iter().flat_map(|table| table.iter()) {
            let all =
                CLASSES.iter().flat_map(|(_, _, tables, _)| tables.iter()).flat_map(|table| table.iter());
            assert!(all.filter(|other| *other == entry).count() == 1, "{}", entry.name());
        }
    }

    #[test]
    fn an_entry_is_told_with_its_names() {
        let entry = table::find(table::INFO, "heap", "info ").unwrap();
        assert!(entry_text(entry, "info heap ").starts_with("The heap of the process"));
        let entry = table::find(table::COMMANDS, "help", "").unwrap();
        assert_eq!(
            entry_text(entry, "help "),
            "help, h\nPrint list of commands.\nUsage: help [CLASS|COMMAND]\n"
        );
    }
}

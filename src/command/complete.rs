//! What a line could become: commands, places, names, registers, files.
//!
//! Answers are whole lines, so that a face needs no knowledge of words. Names of functions come out of the
//! symbol tables; nobody waits for debug info here.

use std::path::Path;

use super::settings::SETTINGS;
use super::shell::Shell;
use super::table::{self, Entry, Takes};
use crate::regs;
use crate::symbols::SymbolKind;

/// Lines that are offered at most.
const MOST: usize = 200;

/// What the line could become: whole lines.
pub(super) fn complete(shell: &mut Shell, text: &str) -> Vec<String> {
    let lead = text.len() - text.trim_start().len();
    let (before, line) = text.split_at(lead);
    let mut lines = command(shell, table::COMMANDS, line);
    lines.truncate(MOST);
    lines.iter().map(|line| format!("{before}{line}")).collect()
}

/// Completes a command of these tables and its arguments.
fn command(shell: &mut Shell, tables: &'static [&'static [Entry]], line: &str) -> Vec<String> {
    let Some(end) = line.find(|c: char| c.is_whitespace() || c == '/') else {
        let mut names: Vec<String> = tables
            .iter()
            .flat_map(|table| table.iter())
            .map(|entry| entry.name().to_owned())
            .filter(|name| name.starts_with(line))
            .collect();
        names.sort();
        return names;
    };
    let (word, rest) = line.split_at(end);
    let Ok(entry) = table::find(tables, word, "") else { return Vec::new() };
    let blanks = rest.len() - rest.trim_start().len();
    let (gap, args) = rest.split_at(blanks);
    let found = match entry.takes {
        Takes::Nothing => Vec::new(),
        Takes::Settings => settings(args),
        Takes::Place => place(shell, args),
        Takes::Expression => expression(shell, args),
        Takes::File => file(args),
        Takes::Export => super::export::complete(args).unwrap_or_else(|| file(args)),
        Takes::Moments => super::moments::complete(shell, args),
        Takes::Sub(tables) => command(shell, tables, args),
        Takes::Command => command(shell, table::COMMANDS, args),
    };
    found.into_iter().map(|tail| format!("{word}{gap}{tail}")).collect()
}

fn settings(text: &str) -> Vec<String> {
    let mut names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.retain(|name| name.starts_with(text));
    names.sort_unstable();
    names.into_iter().map(str::to_owned).collect()
}

/// `LOC [if C] [then LOC [if C]]…`: the stage that is being typed.
fn place(shell: &mut Shell, text: &str) -> Vec<String> {
    let start = text.rfind(" then ").map_or(0, |at| at + " then ".len());
    let (before, mut stage) = text.split_at(start);
    let mut before = before.to_owned();
    if let Some(rest) = stage.strip_prefix("every ") {
        before.push_str("every ");
        stage = rest;
    }
    let tails = if let Some(at) = stage.find(" if ") {
        let (place, condition) = stage.split_at(at + " if ".len());
        expression(shell, condition).into_iter().map(|tail| format!("{place}{tail}")).collect()
    } else if let Some(call) = stage.strip_prefix("syscall ") {
        let names = crate::syscalls::all().map(|(_, name)| name).filter(|name| name.starts_with(call));
        names.map(|name| format!("syscall {name}")).collect()
    } else if let Some((place, word)) = stage.rsplit_once(' ') {
        let words = ["if ", "then ", "thread ", "once"].iter().filter(|known| known.starts_with(word));
        words.map(|known| format!("{place} {known}")).collect()
    } else {
        functions(shell, stage)
    };
    tails.into_iter().map(|tail| format!("{before}{tail}")).collect()
}

/// The name that an expression ends with.
fn expression(shell: &mut Shell, text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | ':');
    let start =
        text.rfind(|c| !is_part(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let (before, word) = text.split_at(start);
    let names = match word.strip_prefix('$') {
        Some(name) => dollars(shell, name),
        None if word.is_empty() => Vec::new(),
        None => {
            let mut names = locals(shell, word);
            names.extend(symbols(
                shell,
                word,
                &[SymbolKind::Function, SymbolKind::Indirect, SymbolKind::Data],
            ));
            names
        }
    };
    names.into_iter().map(|name| format!("{before}{name}")).collect()
}

/// What is ours among convenience variables and functions.
const SPECIAL: &[&str] = &[
    "arg1",
    "arg2",
    "arg3",
    "arg4",
    "arg5",
    "arg6",
    "hits",
    "syscall",
    "sysret",
    "brk",
    "brk_refused",
    "blocker",
    "fallback_bytes",
    "heap_bytes",
    "rss",
    "pid",
    "tid",
    "bpnum",
    "_",
    "__",
    "_exitcode",
    "_exitsignal",
    "_thread",
    "_inferior",
    "_streq",
    "_strlen",
    "_memeq",
    "pc",
    "sp",
    "fp",
    "ps",
];

/// Registers and variables, with their dollar.
fn dollars(shell: &mut Shell, name: &str) -> Vec<String> {
    let mut names: Vec<String> = SPECIAL.iter().map(|name| (*name).to_owned()).collect();
    names.extend(regs::TABLE.iter().map(|register| register.name.to_owned()));
    names.extend(shell.session.vars().all().iter().map(|(name, _)| (*name).to_owned()));
    names.retain(|known| known.starts_with(name));
    names.sort();
    names.dedup();
    names.into_iter().map(|name| format!("${name}")).collect()
}

/// Locals and arguments of the selected frame.
fn locals(shell: &mut Shell, word: &str) -> Vec<String> {
    let found = shell.with_frame("No frame selected.", |scene, frame, _| {
        let locals = scene.locals(frame).into_iter().map(|(name, _)| name);
        let arguments = scene.arguments(frame).into_iter().map(|argument| argument.name);
        locals.chain(arguments).filter(|name| name.starts_with(word)).collect::<Vec<String>>()
    });
    let mut names = found.unwrap_or_default();
    names.sort();
    names.dedup();
    names
}

fn functions(shell: &mut Shell, prefix: &str) -> Vec<String> {
    symbols(shell, prefix, &[SymbolKind::Function, SymbolKind::Indirect])
}

/// Symbols of these kinds that begin with `prefix`: the program's own, then the others'.
fn symbols(shell: &mut Shell, prefix: &str, kinds: &[SymbolKind]) -> Vec<String> {
    if prefix.is_empty() {
        return Vec::new();
    }
    shell.session.with_scene(|scene, _| scene.modules.names_with(prefix, kinds, MOST))
}

/// Files whose path begins with the last word; a directory ends with a slash.
fn file(text: &str) -> Vec<String> {
    let start = text.rfind(' ').map_or(0, |at| at + 1);
    let (before, path) = text.split_at(start);
    let (directory, name) = path.rsplit_once('/').map_or(("", path), |(directory, name)| (directory, name));
    let shown = if path.contains('/') { format!("{directory}/") } else { String::new() };
    let look = super::export::expand(if shown.is_empty() { "." } else { &shown });
    let Ok(entries) = std::fs::read_dir(Path::new(&look)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let found = entry.file_name().into_string().ok()?;
            let hidden = found.starts_with('.') && !name.starts_with('.');
            let slash = if entry.path().is_dir() { "/" } else { "" };
            (found.starts_with(name) && !hidden).then(|| format!("{before}{shown}{found}{slash}"))
        })
        .collect();
    names.sort();
    names
}

//! Bytes between memory and files, and in memory: `find`, `dump`, `append`, `restore`.
//!
//! ```text
//! (gdb) find &table, +sizeof(table), "needle"
//! 0x404080 <table+64>
//! 1 pattern found.
//! (gdb) dump binary memory heap.bin 0x405000 0x426000
//! ```

use std::io::{Read, Seek, SeekFrom, Write};

use super::args::first_word;
use super::error::{CommandError, Done};
use super::options::{expand, unquote};
use super::place;
use super::script::unreadable;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::Addr;
use crate::scene::Value;
use crate::scene::expr::evaluate;
use crate::symbols::types::Type;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["find"],
        run: find,
        help: "Search memory for a sequence of bytes.\n\nUsage: find [/SIZE-CHAR] [/MAX-COUNT] START-ADDRESS, END-ADDRESS, EXPR1 [, EXPR2 ...]\n       find [/SIZE-CHAR] [/MAX-COUNT] START-ADDRESS, +LENGTH, EXPR1 [, EXPR2 ...]\nSIZE-CHAR is one of b, h, w, g; without it each value has the size of its type.",
        takes: Takes::Expression,
    },
    Entry {
        names: &["dump"],
        run: |shell, args| dump(shell, args, false),
        help: "Dump target code/data to a local file.\n\nUsage: dump [binary] memory FILE START STOP\n       dump [binary] value FILE EXPRESSION",
        takes: Takes::File,
    },
    Entry {
        names: &["append"],
        run: |shell, args| dump(shell, args, true),
        help: "Append target code/data to a local file.\n\nUsage: append [binary] memory FILE START STOP\n       append [binary] value FILE EXPRESSION",
        takes: Takes::File,
    },
    Entry {
        names: &["restore"],
        run: restore,
        help: "Restore the contents of FILE to target memory.\n\nUsage: restore FILE binary [OFFSET [START [END]]]",
        takes: Takes::File,
    },
];

/// So much is read at once; gdb reads as much.
const CHUNK: usize = 16_000;
/// No more is written to a file or read from one.
const MOST: u64 = 1 << 36;

/// What `find` was asked for.
struct Search {
    start: Addr,
    length: u64,
    pattern: Vec<u8>,
    most: u64,
    size: Option<u64>,
}

fn find(shell: &mut Shell, args: &str) -> Done {
    let search = read_search(shell, args)?;
    let (found, last) = shell.with_context(|context| {
        let scene = context.scene;
        let memory = scene.memory();
        let wanted = memchr::memmem::Finder::new(&search.pattern);
        let (mut at, mut left) = (search.start, search.length);
        let mut kept: Vec<u8> = Vec::new();
        let (mut found, mut lost) = (Vec::new(), None);
        while left > 0 && (found.len() as u64) < search.most {
            let size = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let Ok(more) = memory.bytes(at, size) else {
                lost = Some((size, at));
                break;
            };
            let base = at.sub(kept.len() as u64);
            kept.extend(more);
            let mut from = 0;
            while let Some(place) = kept.get(from..).and_then(|rest| wanted.find(rest))
                && (found.len() as u64) < search.most
            {
                found.push(base.add((from + place) as u64));
                from += place + 1;
            }
            // What may be the beginning of another one stays.
            let keep = (search.pattern.len() - 1).min(kept.len() - from.min(kept.len()));
            kept.drain(..kept.len() - keep);
            (at, left) = (at.add(size as u64), left - size as u64);
        }
        let lines: Vec<String> = found
            .iter()
            .map(|at| {
                scene.symbol_text(*at).map_or_else(|| at.to_string(), |symbol| format!("{at} {symbol}"))
            })
            .collect();
        let count = Type::integer("int", 4, true);
        context.vars.set("numfound", Value::integer(count, found.len() as i128));
        if let Some(last) = found.last() {
            context.vars.set("_", Value::pointer(&pointed(search.size), *last));
        }
        (lines, lost)
    });
    let mut out: String = found.iter().map(|line| format!("{line}\n")).collect();
    match found.len() {
        0 => out.push_str("Pattern not found."),
        1 => out.push_str("1 pattern found."),
        many => out.push_str(&format!("{many} patterns found.")),
    }
    if let Some((size, at)) = last {
        shell.complain(format!(
            "warning: Unable to access {size} bytes of target memory at {at}, halting search."
        ));
    }
    shell.say(out);
    Ok(())
}

/// What `$_` points to after a search.
fn pointed(size: Option<u64>) -> Type {
    match size {
        Some(2) => Type::integer("short", 2, true),
        Some(4) => Type::integer("int", 4, true),
        Some(8) => Type::integer("long", 8, true),
        _ => Type::void(),
    }
}

fn read_search(shell: &mut Shell, args: &str) -> Done<Search> {
    let say = |words: &str| Err(CommandError::say(words));
    if args.trim().is_empty() {
        return say("Missing search parameters.");
    }
    let (mut size, mut most, mut rest) = (None, u64::MAX, args.trim());
    while let Some(flags) = rest.strip_prefix('/') {
        let (word, behind) = first_word(flags);
        rest = behind;
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        if let Ok(count) = digits.parse() {
            if count == 0 {
                return say("Count must be positive.");
            }
            most = count;
        }
        for letter in word.chars().filter(|c| !c.is_ascii_digit()) {
            size = Some(match letter {
                'b' => 1,
                'h' => 2,
                'w' => 4,
                'g' => 8,
                _ => return say("Invalid size granularity."),
            });
        }
    }
    let parts = parted(rest);
    let [start, end, values @ ..] = parts.as_slice() else {
        return say("Argument required (expression to compute).");
    };
    let start = place::address(shell, start)?;
    let length = match end.trim().strip_prefix('+') {
        Some(length) => {
            let length = super::data::integer(shell, length)?;
            let Some(length) = u64::try_from(length).ok().filter(|length| *length > 0) else {
                shell.say("Empty search range.");
                shell.say("Pattern not found.");
                return Err(CommandError::Say(String::new()));
            };
            length
        }
        None => {
            let end = place::address(shell, end)?;
            match end.0.checked_sub(start.0) {
                Some(between) => between.saturating_add(1),
                None => return say("Invalid search space, end precedes start."),
            }
        }
    };
    if values.is_empty() {
        return say("Missing search pattern.");
    }
    let mut pattern = Vec::new();
    for text in values {
        pattern.extend(shell.with_context(|context| {
            let value = evaluate(&context.read(text)?, context)?;
            let memory = context.scene.memory();
            match size {
                Some(size) => {
                    Ok::<_, CommandError>(value.as_i128(memory)?.to_le_bytes()[..size as usize].to_vec())
                }
                None => Ok(value.bytes(memory)?.into_owned()),
            }
        })?);
    }
    if pattern.is_empty() || length < pattern.len() as u64 {
        return say("Search space too small to contain pattern.");
    }
    Ok(Search { start, length, pattern, most, size })
}

/// The parts of a list at commas outside of brackets and quotes.
fn parted(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut from, mut parts) = (0_usize, None, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), _) if letter == open && !text[..at].ends_with('\\') => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[from..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn dump(shell: &mut Shell, args: &str, append: bool) -> Done {
    let command = if append { "append" } else { "dump" };
    let (mut what, mut rest) = first_word(args);
    if what == "binary" {
        (what, rest) = first_word(rest);
    }
    if matches!(what, "ihex" | "srec" | "tekhex" | "verilog") {
        return Err(CommandError::say(format!(
            "Undefined {command} command: \"{what}\".  Try \"help {command}\".\n  hint: brkwater writes raw bytes; objcopy(1) makes other formats of them."
        )));
    }
    if !matches!(what, "memory" | "mem" | "value" | "val") {
        return Err(CommandError::say(if what.is_empty() {
            format!("\"{command}\" must be followed by the name of a {command} command.")
        } else {
            format!("Undefined {command} command: \"{}\".  Try \"help {command}\".", args.trim())
        }));
    }
    if rest.is_empty() {
        return Err(CommandError::say("Missing filename."));
    }
    let (name, rest) = first_word(rest);
    let name = unquote(name);
    let bytes = if what.starts_with("mem") {
        memory_range(shell, rest)?
    } else if rest.is_empty() {
        return Err(CommandError::say("No value to dump."));
    } else {
        shell.with_context(|context| {
            let value = evaluate(&context.read(rest)?, context)?;
            Ok::<_, CommandError>(value.bytes(context.scene.memory())?.into_owned())
        })?
    };
    let path = expand(&name);
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).append(append).truncate(!append);
    let file = options.open(&path).and_then(|mut file| file.write_all(&bytes));
    file.map_err(|error| unreadable(&name, &error))
}

fn memory_range(shell: &mut Shell, text: &str) -> Done<Vec<u8>> {
    let (start, end) = first_word(text);
    if start.is_empty() {
        return Err(CommandError::say("Missing start address."));
    }
    if end.is_empty() {
        return Err(CommandError::say("Missing stop address."));
    }
    let (start, end) = (place::address(shell, start)?, place::address(shell, end)?);
    let length = end.0.checked_sub(start.0).filter(|length| (1..=MOST).contains(length));
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(|| CommandError::say("Invalid memory address range (start >= end)."))?;
    shell.with_context(|context| {
        let memory = context.scene.memory();
        // Nothing is set aside for memory that is not there.
        memory
            .bytes(Addr(end.0 - 1), 1)
            .and(memory.bytes(start, 1))
            .map_err(crate::scene::expr::ExprError::from)?;
        Ok(memory.bytes(start, length).map_err(crate::scene::expr::ExprError::from)?)
    })
}

fn restore(shell: &mut Shell, args: &str) -> Done {
    if shell.session.selection().is_none() {
        return Err(CommandError::say("You can't do that without a process to debug."));
    }
    let (name, rest) = first_word(args);
    if name.is_empty() {
        return Err(CommandError::say("Missing filename."));
    }
    let name = unquote(name);
    let (format, rest) = first_word(rest);
    let path = expand(&name);
    let mut file = std::fs::File::open(&path).map_err(|error| unreadable(&name, &error))?;
    if format != "binary" {
        return Err(CommandError::say(format!(
            "'{name}' is not a recognized file format.\n  hint: \"restore {name} binary ADDRESS\" takes its bytes as they are."
        )));
    }
    let mut words = rest.split_whitespace();
    let mut number = |shell: &mut Shell| match words.next() {
        Some(word) => place::address(shell, word).map(|at| Some(at.0)),
        None => Ok(None),
    };
    let offset = number(shell)?.unwrap_or(0);
    let from = number(shell)?.unwrap_or(0);
    let to = number(shell)?;
    if to.is_some_and(|to| to <= from) {
        return Err(CommandError::say(format!(
            "Start address {from:#x} is not less than end address {:#x}.",
            to.unwrap_or(0)
        )));
    }
    let length = file.seek(SeekFrom::End(0)).map_err(|error| unreadable(&name, &error))?;
    if length <= from {
        return Err(CommandError::say(format!(
            "Start address is greater than length of binary file {name}."
        )));
    }
    let count = to.unwrap_or(length).min(length).saturating_sub(from).min(MOST);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))
        .and_then(|_| file.take(count).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&name, &error))?;
    let start = Addr(offset.wrapping_add(from));
    let end = start.add(bytes.len() as u64);
    shell.say(format!("Restoring binary file {name} into memory ({start} to {end})"));
    Ok(shell.session.write_memory(start, &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn a_search_is_parted_at_its_commas() {
        assert_eq!(parted("&a, +f(1, 2), \"x,y\", ','"), ["&a", "+f(1, 2)", "\"x,y\"", "','"]);
        assert_eq!(parted(""), Vec::<&str>::new());
    }
}

//! `disassemble`: the code of a function or of a range, alone, with its bytes, or among the lines of its source.
//!
//! The orders of lines are gdb's (13.1, disasm.c): `/s` follows the code, `/m` the source.

use std::fmt::Write;

use super::error::{CommandError, Done};
use super::place;
use super::shell::Shell;
use super::sourcetext::SourceFile;
use super::table::{Entry, Takes};
use crate::addr::Span;
use crate::scene::backtrace::SourceLine;
use crate::scene::code::Instruction;
use crate::scene::print::Names;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["disassemble"],
    run: disassemble,
    help: "Disassemble a specified section of memory.\n\nUsage: disassemble[/m|/r|/s] [PLACE | START, END | START, +LENGTH]\n/s: with source lines, in the order of the code; /m: in the order of the source; /r: with the bytes.\nWithout an argument: the function around the pc of the selected frame.",
    takes: Takes::Expression,
}];

/// What the letters behind the slash ask for.
#[derive(Copy, Clone, Default)]
struct Wanted {
    bytes: bool,
    source: bool,
    by_line: bool,
}

/// What is listed: code, and what is said of it first.
struct Listing {
    header: String,
    spans: Vec<Span>,
    /// One function, in which offsets say enough.
    whole: bool,
}

fn disassemble(shell: &mut Shell, args: &str) -> Done {
    let (wanted, text) = letters(args)?;
    let listing = listing(shell, text)?;
    let several = listing.spans.len() > 1;
    shell.say(listing.header);
    for span in listing.spans {
        if several {
            shell.say(format!("Address range {} to {}:", span.start, span.end));
        }
        let code = shell.session.with_scene(|scene, _| scene.instructions(span.start, span.end));
        let code = code.map_err(|fault| CommandError::say(fault.to_string()))?;
        let out = match (wanted.source, wanted.by_line) {
            (true, _) => by_code(shell, &code, wanted, listing.whole),
            (false, true) => by_source(shell, &code, wanted, listing.whole),
            (false, false) => rows(shell, &code, wanted, listing.whole),
        };
        shell.say(out);
        if several {
            shell.say("");
        }
    }
    shell.say("End of assembler dump.");
    Ok(())
}

fn letters(args: &str) -> Done<(Wanted, &str)> {
    let mut wanted = Wanted::default();
    let Some(behind) = args.strip_prefix('/') else { return Ok((wanted, args.trim())) };
    let (letters, rest) = behind.split_at(behind.find(char::is_whitespace).unwrap_or(behind.len()));
    for letter in letters.chars() {
        match letter {
            'm' => wanted.by_line = true,
            'r' => wanted.bytes = true,
            's' => wanted.source = true,
            _ => return Err(CommandError::say("Invalid disassembly modifier.")),
        }
    }
    if wanted.by_line && wanted.source {
        return Err(CommandError::say("Cannot specify both /m and /s."));
    }
    Ok((wanted, rest.trim()))
}

fn listing(shell: &mut Shell, text: &str) -> Done<Listing> {
    if let Some((start, end)) = text.split_once(',') {
        let start = place::address(shell, start)?;
        let end = match end.trim().strip_prefix('+') {
            Some(length) => start.add(place::address(shell, length)?.0),
            None => place::address(shell, end)?,
        };
        if end <= start {
            return Err(CommandError::say("No code in this range: it ends before it begins."));
        }
        let header = format!("Dump of assembler code from {start} to {end}:");
        return Ok(Listing { header, spans: vec![Span::new(start, end)], whole: false });
    }
    let (at, missing) = if text.is_empty() {
        let pc = shell.with_context(|context| context.frame.map(crate::scene::Frame::pc));
        let pc = pc.ok_or_else(|| CommandError::say("No frame selected."))?;
        (pc, "No function contains program counter for selected frame.")
    } else {
        (place::address(shell, text)?, "No function contains specified address.")
    };
    let found = shell.session.with_scene(|scene, _| scene.function_ranges(at));
    let (name, spans) = found.ok_or_else(|| CommandError::say(missing))?;
    Ok(Listing { header: format!("Dump of assembler code for function {name}:"), spans, whole: true })
}

/// The instructions alone.
fn rows(shell: &mut Shell, code: &[Instruction], wanted: Wanted, whole: bool) -> String {
    let pc = shell.with_context(|context| context.frame.map(crate::scene::Frame::pc));
    shell.session.with_scene(|scene, _| {
        let mut out = String::new();
        for instruction in code {
            let at = instruction.at;
            let mark = if pc == Some(at) { "=>" } else { "  " };
            _ = write!(out, "{mark} {:#018x}", at.0);
            match scene.linker_name_of(at) {
                Some((_, offset)) if whole => _ = write!(out, " <+{offset}>"),
                Some((name, offset)) => _ = write!(out, " <{name}+{offset}>"),
                None => {}
            }
            out.push_str(":\t");
            if wanted.bytes {
                let bytes: Vec<String> = instruction.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                // As wide as six bytes and a blank, as binutils has it.
                _ = write!(out, "{:<19}\t", bytes.join(" "));
            }
            _ = writeln!(out, "{}", instruction.text);
        }
        out
    })
}

/// Neighbouring instructions of one line.
struct Group<'a> {
    line: Option<SourceLine>,
    code: &'a [Instruction],
}

fn groups<'a>(shell: &mut Shell, code: &'a [Instruction]) -> Vec<Group<'a>> {
    shell.session.with_scene(|scene, _| {
        let line = |instruction: &Instruction| scene.source_at(instruction.at);
        let same = |a: &Instruction, b: &Instruction| {
            let key = |line: Option<SourceLine>| line.map(|line| (line.file, line.line));
            key(line(a)) == key(line(b))
        };
        code.chunk_by(same).map(|code| Group { line: code.first().and_then(line), code }).collect()
    })
}

/// In the order of the code: before each group its line, and the lines above it that have no code.
fn by_code(shell: &mut Shell, code: &[Instruction], wanted: Wanted, whole: bool) -> String {
    let groups = groups(shell, code);
    let has_code: Vec<(String, u32)> = groups
        .iter()
        .filter_map(|group| group.line.as_ref())
        .map(|line| (line.file.clone(), line.line))
        .collect();
    let mut out = String::new();
    let mut last: Option<SourceLine> = None;
    for group in &groups {
        if last.is_some() {
            out.push('\n');
        }
        let Some(line) = &group.line else {
            out.push_str("unknown:\n");
            out.push_str(&rows(shell, group.code, wanted, whole));
            continue;
        };
        let same_file = last.as_ref().is_some_and(|last| last.file == line.file);
        if !same_file {
            _ = writeln!(out, "{}:", line.file);
        }
        // The opening brace may have a row of its own in front of the first line with code.
        let mut first = match (&last, group.code.first()) {
            (None, Some(code)) => shell.session.with_scene(|scene, _| scene.first_line_at(code.at)),
            _ => None,
        }
        .map_or(line.line, |brace| brace.min(line.line));
        if let Some(last) = last.as_ref().filter(|last| same_file && line.line > last.line + 1) {
            let bare = |at: &u32| !has_code.contains(&(line.file.clone(), *at));
            first = (last.line + 1..line.line).rev().take_while(bare).last().unwrap_or(line.line);
        }
        source_lines(shell, line, first, &mut out);
        out.push_str(&rows(shell, group.code, wanted, whole));
        last = Some(line.clone());
    }
    out
}

/// In the order of the source: each line once, with all of its code.
fn by_source(shell: &mut Shell, code: &[Instruction], wanted: Wanted, whole: bool) -> String {
    let mut groups = groups(shell, code);
    let own = groups.first().and_then(|group| group.line.as_ref()).map(|line| line.file.clone());
    groups.retain(|group| group.line.as_ref().is_some_and(|line| Some(&line.file) == own.as_ref()));
    groups.sort_by_key(|group| group.line.as_ref().map(|line| line.line));
    let mut out = String::new();
    let mut next = 0;
    for same in
        groups.chunk_by(|a, b| a.line.as_ref().map(|line| line.line) == b.line.as_ref().map(|line| line.line))
    {
        let Some(line) = same.first().and_then(|group| group.line.clone()) else { continue };
        let first = if next == 0 { line.line } else { next.min(line.line) };
        source_lines(shell, &line, first, &mut out);
        for group in same {
            out.push_str(&rows(shell, group.code, wanted, whole));
        }
        out.push('\n');
        next = line.line + 1;
    }
    out
}

/// The text of the lines from `first` up to a line, or where it would be.
fn source_lines(shell: &mut Shell, line: &SourceLine, first: u32, out: &mut String) {
    let file = SourceFile { name: line.file.clone(), full: line.full_path.clone() };
    let text = shell.source.texts.of(&file);
    // That a file is missing is told once, until another one was looked at.
    let mut known = matches!(&shell.source.visited, Some((last, true)) if *last == file);
    shell.source.visited = Some((file, text.is_err()));
    for number in first..=line.line {
        _ = match &text {
            Ok(text) => match text.line(number) {
                Some(shown) => writeln!(out, "{number}\t{}", super::sourcetext::visible(shown)),
                None => Ok(()),
            },
            Err(_) if known => writeln!(out, "{number}\tin {}", line.file),
            Err(why) => writeln!(out, "{number}\t{}: {why}.", line.file),
        };
        known = true;
    }
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn letters_may_stand_together() {
        let (wanted, rest) = letters("/rs main").unwrap();
        assert!(wanted.bytes && wanted.source && !wanted.by_line);
        assert_eq!(rest, "main");
        assert!(letters("/ms f").is_err() && letters("/x f").is_err());
        assert_eq!(letters("f, +3").unwrap().1, "f, +3");
    }
}

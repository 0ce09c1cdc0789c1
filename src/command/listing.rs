//! `list` in all its forms, and the window of source that a screen shows.
//!
//! ```text
//! (gdb) list leaf
//! 25      float third = 1.0f / 3.0f;
//! 26      char letter = 'q';
//! ```

use super::error::{CommandError, Done};
use super::place;
use super::shell::Shell;
use super::source::{current, print_lines};
use super::sourcetext::{SourceFile, visible};
use super::table::{Entry, Takes};
use crate::addr::Addr;
use crate::pattern::Pattern;
use crate::scene::Value;
use crate::scene::print::Names;
use crate::scene::view::SourceView;
use crate::symbols::Linespec;
use crate::symbols::types::Type;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["search", "forward-search", "fo"],
        run: |shell, args| search(shell, args, true),
        help: "Search for regular expression (see regex(3)) from last line listed.\n\nUsage: search REGEXP",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["reverse-search", "rev"],
        run: |shell, args| search(shell, args, false),
        help: "Search backward for regular expression (see regex(3)) from last line listed.\n\nUsage: reverse-search REGEXP",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["list", "l"],
        run: list,
        help: "List specified function or line.\n\nUsage: list [LINE|FUNCTION|FILE:LINE|*ADDRESS|FIRST,LAST|FIRST,|,LAST|-]\nWithout an argument it goes on where the last listing ended; \"list -\" shows what is above it.",
        takes: Takes::Place,
    },
];

/// The next line, below or above what was listed last, in which a pattern is found.
fn search(shell: &mut Shell, args: &str, forward: bool) -> Done {
    let text = match args.trim() {
        "" => shell.source.sought.clone(),
        text => text.to_owned(),
    };
    let pattern = Pattern::parse(&text).map_err(|why| CommandError::say(why.to_string()))?;
    shell.source.sought = text;
    let missing = || CommandError::say("Can't find a default source file");
    let (file, next) = shell.source.current.clone().ok_or_else(missing)?;
    // What was shown last is one line above where a listing would go on.
    let last = if shell.source.fresh { next } else { next.saturating_sub(1) };
    let lines = shell.source.texts.of(&file);
    let lines = lines.map_err(|why| CommandError::say(format!("{}: {why}.", file.name)))?;
    let fits = |line: &u32| lines.line(*line).is_some_and(|text| pattern.fits(text));
    let found = match forward {
        true => (last + 1..=lines.count()).find(fits),
        false => (1..last).rev().find(fits),
    };
    let line = found.ok_or_else(|| CommandError::say("Expression not found"))?;
    print_lines(shell, &file, line, 1)?;
    shell.with_context(|context| {
        let int = Type::integer("int", 4, true);
        context.vars.set("_", Value::integer(int, line.into()));
    });
    (shell.source.current, shell.source.fresh) = (Some((file, line)), true);
    Ok(())
}

/// Lines above the one that a listing is about: gdb's half of ten.
const ABOVE: u32 = 5;

fn list(shell: &mut Shell, args: &str) -> Done {
    let size = if shell.options.listsize == 0 { u32::MAX } else { shell.options.listsize };
    match args.trim() {
        "" => forward(shell, size),
        "-" => backward(shell, size),
        text => match split(text) {
            Some((first, last)) => range(shell, first.trim(), last.trim(), size),
            None => around(shell, text, size),
        },
    }
}

fn no_symbols() -> CommandError {
    CommandError::say("No symbol table is loaded.  Use the \"file\" command.")
}

fn forward(shell: &mut Shell, size: u32) -> Done {
    let (file, line) = current(shell).ok_or_else(no_symbols)?;
    let first = if shell.source.fresh { centred(line, size) } else { line };
    print_lines(shell, &file, first, size)
}

fn backward(shell: &mut Shell, size: u32) -> Done {
    let (file, line) = current(shell).ok_or_else(no_symbols)?;
    let below = if shell.source.fresh { centred(line, size) } else { shell.source.first };
    if below <= 1 {
        return Err(CommandError::say(format!("Already at the start of {}.", file.name)));
    }
    let first = below.saturating_sub(size).max(1);
    print_lines(shell, &file, first, below - first)?;
    // The next `list -` goes on upwards; `list` goes on below what was just shown.
    shell.source.first = first;
    Ok(())
}

/// The first line of a listing around `line`.
fn centred(line: u32, size: u32) -> u32 {
    line.saturating_sub(ABOVE.min(size / 2)).max(1)
}

/// `FIRST,LAST` at a comma outside of parentheses.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn range(shell: &mut Shell, first: &str, last: &str, size: u32) -> Done {
    if first.is_empty() && last.is_empty() {
        return Err(CommandError::say("Argument to `list' is missing after `,'."));
    }
    if first.is_empty() {
        let end = target(shell, last)?;
        let begin = end.line.saturating_sub(size - 1).max(1);
        return print_lines(shell, &end.file, begin, end.line + 1 - begin);
    }
    let begin = target(shell, first)?;
    if last.is_empty() {
        return print_lines(shell, &begin.file, begin.line, size);
    }
    let end = target(shell, last)?;
    if end.file != begin.file {
        return Err(CommandError::say("Specified first and last lines are in different files."));
    }
    print_lines(shell, &begin.file, begin.line, (end.line + 1).saturating_sub(begin.line))
}

fn around(shell: &mut Shell, text: &str, size: u32) -> Done {
    let about = target(shell, text)?;
    if let Some(address) = about.address {
        let inside = shell.session.with_scene(|scene, _| Names::name_of(scene, address));
        let name = inside.map_or_else(|| "??".to_owned(), |(name, _)| name);
        shell.say(format!("{address} is in {name} ({}:{}).", about.file.name, about.line));
    }
    let first = centred(about.line, size);
    // Near its end a file is shown up to its end.
    print_lines(shell, &about.file, first, size)
}

/// A place to be listed.
struct Target {
    file: SourceFile,
    line: u32,
    /// What was typed behind `*`.
    address: Option<Addr>,
}

/// What a place means for a listing: a function is its line, not what is behind its prologue.
fn target(shell: &mut Shell, text: &str) -> Done<Target> {
    let spec = place::linespec(shell, text)?;
    match &spec {
        Linespec::Address(address) => {
            let address = *address;
            let found = shell.session.with_scene(|scene, _| scene.source_at(address));
            let place =
                found.ok_or_else(|| CommandError::say(format!("No line number known for *{address}.")))?;
            let file = SourceFile { name: place.file, full: place.full_path };
            Ok(Target { file, line: place.line, address: Some(address) })
        }
        Linespec::Line { file: Some(file), line } => {
            let known = current(shell).map(|(file, _)| file).filter(|now| now.key() == file);
            let file = match known {
                Some(file) => file,
                None => named(shell, file)?,
            };
            Ok(Target { file, line: *line, address: None })
        }
        _ => {
            let found = shell.session.with_scene(|scene, _| {
                let sites = scene.modules.resolve(&spec, None, scene.memory())?;
                let with_lines = sites.iter().find_map(|site| {
                    let start =
                        scene.modules.function_at(site.address).map_or(site.address, |span| span.start);
                    scene.source_at(start)
                });
                Ok::<_, CommandError>(with_lines)
            })?;
            let place = found.ok_or_else(|| place::unknown_function(text))?;
            Ok(Target {
                file: SourceFile { name: place.file, full: place.full_path },
                line: place.line,
                address: None,
            })
        }
    }
}

/// The file of the program that is called `name`.
fn named(shell: &mut Shell, name: &str) -> Done<SourceFile> {
    let spec = Linespec::Line { file: Some(name.to_owned()), line: 1 };
    let found = shell.session.with_scene(|scene, _| {
        let sites = scene.modules.resolve(&spec, None, scene.memory())?;
        Ok::<_, CommandError>(sites.first().and_then(|site| scene.source_at(site.address)))
    })?;
    let place = found.ok_or_else(|| CommandError::say(format!("No source file named {name}.")))?;
    Ok(SourceFile { name: place.file, full: place.full_path })
}

/// The source around the selected frame's line (before a run: around `main`), `margin` lines before and after.
pub(super) fn source_view(shell: &mut Shell, margin: u32) -> Done<SourceView> {
    let options = shell.print.clone();
    let framed = shell.with_frame("No stack.", |scene, frame, _| scene.frame_view(frame, &options)).ok();
    let here = match &framed {
        Some(view) => super::source::file_of(view).zip(view.line),
        None => current(shell),
    };
    let (file, line) = here.ok_or_else(|| CommandError::say("No source."))?;
    let text = shell.source.texts.of(&file);
    let places =
        shell.session.breakpoints().iter().flat_map(|b| b.stages.iter().map(move |stage| (b.enabled, stage)));
    let marks = places
        .flat_map(|(enabled, stage)| {
            stage.locations.iter().map(move |place| (enabled && place.enabled, place))
        })
        .filter(|(_, place)| place.file.as_deref() == Some(file.name.as_str()))
        .filter_map(|(enabled, place)| Some((place.line?, enabled)))
        .collect();
    let mut view = SourceView {
        file: file.name.clone(),
        first: line.saturating_sub(margin).max(1),
        current: framed.is_some().then_some(line),
        breakpoints: marks,
        ..SourceView::default()
    };
    match text {
        Ok(text) => {
            let last = line.saturating_add(margin);
            let lines = (view.first..=last).map_while(|number| text.line(number).map(visible));
            view.lines = lines.collect();
        }
        Err(why) => view.missing = Some(format!("{}: {why}.", file.name)),
    }
    Ok(view)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_at_their_comma() {
        assert_eq!(split("10,20"), Some(("10", "20")));
        assert_eq!(split("f,"), Some(("f", "")));
        assert_eq!(split("*(f(1,2))"), None);
        assert_eq!((centred(31, 10), centred(3, 10), centred(20, 3)), (26, 1, 19));
    }
}

//! `skip` and its kin: functions and files that `step` does not enter.
//!
//! ```text
//! (gdb) skip -gfi /usr/include/c++/*
//! File(s) /usr/include/c++/* will be skipped when stepping.
//! ```

use std::fmt::Write;

use super::args::first_word;
use super::defined;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::source;
use super::table::{Entry, Takes};
use crate::pattern::Pattern;
use crate::session::skips::{Named, Skip};

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["skip"],
    run: skip,
    help: "Ignore a function while stepping.\n\nUsage: skip [FUNCTION-NAME]\n       skip [-fi|-gfi FILE] [-fu|-rfu FUNCTION]\n       skip file [FILE-NAME] | function [FUNCTION-NAME]\n       skip delete|enable|disable [NUMBER | RANGES]\n-gfi: a shell's pattern for files; -rfu: a regular expression for functions.",
    takes: Takes::Place,
}];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["skip"],
    run: info_skip,
    help: "Display the status of skips.\n\nUsage: info skip [NUMBER | RANGES]",
    takes: Takes::Nothing,
}];

fn skip(shell: &mut Shell, args: &str) -> Done {
    let args = args.trim();
    let (word, rest) = first_word(args);
    let is = |full: &str| word.len() >= 3 && full.starts_with(word);
    if word.is_empty() || is("function") {
        return of_function(shell, rest);
    }
    if word == "file" {
        return of_file(shell, rest);
    }
    if is("delete") {
        let wanted = chosen(shell, rest)?;
        shell.session.settings_mut().skips.retain(|skip| !wanted.contains(&skip.number));
        return Ok(());
    }
    if is("enable") || is("disable") {
        let wanted = chosen(shell, rest)?;
        let skips = &mut shell.session.settings_mut().skips;
        let wanted = skips.iter_mut().filter(|skip| wanted.contains(&skip.number));
        wanted.for_each(|skip| skip.enabled = is("enable"));
        return Ok(());
    }
    if word.starts_with('-') { by_options(shell, args) } else { of_function(shell, args) }
}

fn of_function(shell: &mut Shell, name: &str) -> Done {
    let name = match name.trim() {
        "" => {
            let here = shell.with_frame("No default function now.", |scene, frame, _| {
                scene.frame_view(frame, &crate::scene::PrintOptions::default()).function
            })?;
            here.ok_or_else(|| CommandError::say("No default function now."))?
        }
        name => name.to_owned(),
    };
    add(shell, None, Some(Named::Exactly(name)))
}

fn of_file(shell: &mut Shell, name: &str) -> Done {
    let name = match name.trim() {
        "" => source::current(shell)
            .map(|(file, _)| file.key().to_owned())
            .ok_or_else(|| CommandError::say("No default file now."))?,
        name => name.to_owned(),
    };
    add(shell, Some(Named::Exactly(name)), None)
}

fn by_options(shell: &mut Shell, args: &str) -> Done {
    let (mut file, mut function, mut words) = (None, None, defined::words(args).into_iter());
    while let Some(option) = words.next() {
        let glob = matches!(option.as_str(), "-gfi" | "-gfile");
        let regex = matches!(option.as_str(), "-rfu" | "-rfunction");
        let files = glob || matches!(option.as_str(), "-fi" | "-file");
        if !files && !regex && !matches!(option.as_str(), "-fu" | "-function") {
            let what = if option.starts_with('-') { "Invalid skip option" } else { "Invalid argument" };
            return Err(CommandError::say(format!("{what}: {option}")));
        }
        let missing = || CommandError::say(format!("Missing value for {option} option."));
        let value = super::options::unquote(&words.next().ok_or_else(missing)?);
        let pattern = |text: &str| Pattern::parse(text).map_err(|why| CommandError::say(why.to_string()));
        let (place, both) = match files {
            true => (&mut file, "Cannot specify both -file and -gfile."),
            false => (&mut function, "Cannot specify both -function and -rfunction."),
        };
        let named = match (glob, regex) {
            (true, _) => Named::Pattern(pattern(&from_glob(&value))?, value),
            (_, true) => Named::Pattern(pattern(&value)?, value),
            _ => Named::Exactly(value),
        };
        if place.replace(named).is_some() {
            return Err(CommandError::say(both));
        }
    }
    add(shell, file, function)
}

/// A shell's pattern as a basic regular expression.
fn from_glob(glob: &str) -> String {
    let mut out = String::from("^");
    for letter in glob.chars() {
        match letter {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '.' | '^' | '$' | '\\' => out.extend(['\\', letter]),
            other => out.push(other),
        }
    }
    out + "$"
}

fn add(shell: &mut Shell, file: Option<Named>, function: Option<Named>) -> Done {
    let kind = |named: &Named, one: &str| match named {
        Named::Exactly(_) => format!("{one} {}", named.text()),
        Named::Pattern(..) => format!("{one}(s) {}", named.text()),
    };
    let what = match (&file, &function) {
        (Some(file), Some(function)) => format!("{} in {}", kind(function, "Function"), kind(file, "file")),
        (Some(file), None) => kind(file, "File"),
        (None, Some(function)) => kind(function, "Function"),
        (None, None) => return Ok(()),
    };
    let settings = shell.session.settings_mut();
    settings.last_skip += 1;
    let number = settings.last_skip;
    settings.skips.push(Skip { number, enabled: true, file, function });
    shell.say(format!("{what} will be skipped when stepping."));
    Ok(())
}

/// The numbers that a list names, all of them without one.
fn chosen(shell: &Shell, list: &str) -> Done<Vec<u32>> {
    let known = shell.session.settings().skips.iter().map(|skip| skip.number);
    let found: Vec<u32> = match list.trim() {
        "" => return Ok(known.collect()),
        list => {
            let ids = super::args::ids(list)?;
            known.filter(|number| ids.iter().any(|id| id.number == *number)).collect()
        }
    };
    if found.is_empty() {
        return Err(CommandError::say(format!("No skiplist entries found with number {}.", list.trim())));
    }
    Ok(found)
}

fn info_skip(shell: &mut Shell, args: &str) -> Done {
    let skips = shell.session.settings().skips.clone();
    let wanted = match chosen(shell, args) {
        Ok(wanted) => wanted,
        Err(error) => {
            shell.say(error.to_string());
            return Ok(());
        }
    };
    if wanted.is_empty() {
        shell.say("Not skipping any files or functions.");
        return Ok(());
    }
    let mut out = String::from("Num   Enb Glob File                 RE Function\n");
    let letter = |is: bool| if is { "y" } else { "n" };
    let is_pattern = |named: &Option<Named>| letter(matches!(named, Some(Named::Pattern(..))));
    let text = |named: &Option<Named>| named.as_ref().map_or("<none>", Named::text).to_owned();
    for skip in skips.iter().filter(|skip| wanted.contains(&skip.number)) {
        _ = writeln!(
            out,
            "{:<5} {:<3} {:>4} {:<20} {:>2} {}",
            skip.number,
            letter(skip.enabled),
            is_pattern(&skip.file),
            text(&skip.file),
            is_pattern(&skip.function),
            text(&skip.function)
        );
    }
    shell.say(out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_s_pattern_is_for_the_whole_name() {
        let pattern = Pattern::parse(&from_glob("*.h")).unwrap();
        assert!(pattern.fits("a.h") && !pattern.fits("a.hh") && !pattern.fits("ah"));
    }
}

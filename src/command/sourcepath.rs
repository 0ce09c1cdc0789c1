//! Where sources are looked for: `directory`, `set directories`, `set substitute-path` and what `show` says of them.
//!
//! ```text
//! (gdb) set substitute-path /build/nginx /home/me/nginx
//! (gdb) show substitute-path
//! List of all source path substitution rules:
//!   `/build/nginx' -> `/home/me/nginx'.
//! ```
//!
//! The order of the places is gdb 13.1's (source.c, `find_and_open_source`). Nothing here opens a file.

use std::path::{Path, PathBuf};

use super::args::{first_word, words};
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::sourcetext::SourceFile;
use super::table::{Entry, Takes};

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["directory", "dir"],
    run: directory,
    help: "Add directory DIR to beginning of search path for source files.\n\nUsage: directory [DIR]...\n$cwd is the current working directory, $cdir the one in which a source file was compiled.\nWithout an argument the search path is what it was at the start, $cdir:$cwd.",
    takes: Takes::File,
}];

/// Where the compiler ran, and where we are, among the directories of a search.
const CDIR: &str = "$cdir";
const CWD: &str = "$cwd";

/// The directories that are searched, and how paths are rewritten before.
pub(super) struct SourcePath {
    dirs: Vec<PathBuf>,
    /// From, to; the first that fits counts.
    rules: Vec<(String, String)>,
}

impl Default for SourcePath {
    fn default() -> SourcePath {
        SourcePath { dirs: vec![CDIR.into(), CWD.into()], rules: Vec::new() }
    }
}

impl SourcePath {
    /// Puts these directories before all others, in their order.
    pub(super) fn add(&mut self, dirs: Vec<PathBuf>) {
        self.dirs.retain(|dir| !dirs.contains(dir));
        self.dirs.splice(0..0, dirs);
    }

    fn searched(&self) -> String {
        let dirs: Vec<String> = self.dirs.iter().map(|dir| dir.display().to_string()).collect();
        format!("Source directories searched: {}", dirs.join(":"))
    }

    /// A path by the first rule whose FROM it begins with, in whole components; `None` when there is no such rule.
    fn rewritten(&self, path: &str) -> Option<String> {
        let (from, to) = self.rules.iter().find(|(from, _)| fits(from, path))?;
        Some(format!("{to}{}", &path[from.len()..]))
    }

    /// Where a file may be, the place that is looked at first in front.
    pub(super) fn candidates(&self, file: &SourceFile) -> Vec<PathBuf> {
        let directory =
            file.full.as_deref().and_then(|full| Some(full.strip_suffix(&file.name)?.trim_end_matches('/')));
        let directory = directory.filter(|dir| !dir.is_empty());
        let directory = directory.map(|dir| self.rewritten(dir).unwrap_or_else(|| dir.to_owned()));
        let name = self.rewritten(&file.name).unwrap_or_else(|| file.name.clone());
        let full = match &directory {
            Some(dir) => Some(format!("{dir}/{name}")),
            None => file.full.as_deref().map(|full| self.rewritten(full).unwrap_or_else(|| full.to_owned())),
        };
        let cdir = directory.as_deref();
        let mut all = Vec::new();
        if name.starts_with('/') {
            all.push(PathBuf::from(&name));
        }
        self.below(cdir, name.trim_start_matches('/'), &mut all);
        if let Some(full) = &full {
            all.push(PathBuf::from(full));
            self.below(cdir, full.trim_start_matches('/'), &mut all);
        }
        // A rule for a path that the directory alone is too short for.
        all.extend(file.full.as_deref().and_then(|full| self.rewritten(full)).map(PathBuf::from));
        if let Some(base) = Path::new(&name).file_name().and_then(|base| base.to_str()) {
            self.below(cdir, base, &mut all);
        }
        all
    }

    /// A relative path in each directory.
    fn below(&self, cdir: Option<&str>, path: &str, all: &mut Vec<PathBuf>) {
        for dir in &self.dirs {
            match dir.to_str() {
                Some(CDIR) => all.extend(cdir.map(|cdir| Path::new(cdir).join(path))),
                Some(CWD) => all.push(PathBuf::from(path)),
                _ => all.push(dir.join(path)),
            }
        }
    }
}

/// Whether a path begins with all components of `from`.
fn fits(from: &str, path: &str) -> bool {
    path.strip_prefix(from).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What was read, and what was not found, is looked for again.
fn changed(shell: &mut Shell) {
    shell.source.texts.forget();
    shell.source.visited = None;
}

fn directory(shell: &mut Shell, args: &str) -> Done {
    let interactive = shell.options.interactive;
    if args.trim().is_empty() {
        if interactive && !shell.confirm("Reinitialize source path to $cdir:$cwd? ") {
            return Ok(());
        }
        shell.source.texts.path.dirs = SourcePath::default().dirs;
    } else {
        add(shell, args);
    }
    changed(shell);
    if interactive {
        shell.say(shell.source.texts.path.searched());
    }
    Ok(())
}

/// What was typed: directories parted by blanks or colons. One that is not there may come; it is told.
fn add(shell: &mut Shell, args: &str) {
    let mut dirs: Vec<PathBuf> = Vec::new();
    let typed = words(args);
    for word in typed.iter().flat_map(|word| word.split(':')).filter(|word| !word.is_empty()) {
        let dir = match word {
            CDIR | CWD => PathBuf::from(word),
            _ => absolute(word),
        };
        if !word.starts_with('$') {
            match std::fs::metadata(&dir) {
                Err(error) => {
                    let why = super::sourcetext::words(&error);
                    shell.complain(format!("Warning: {}: {why}.", dir.display()));
                }
                Ok(found) if !found.is_dir() => {
                    shell.complain(format!("warning: {} is not a directory.", dir.display()));
                }
                Ok(_) => {}
            }
        }
        if !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    shell.source.texts.path.add(dirs);
}

fn absolute(word: &str) -> PathBuf {
    let trimmed = word.trim_end_matches('/');
    let typed = super::options::expand(if trimmed.is_empty() { "/" } else { trimmed });
    match std::env::current_dir() {
        Ok(here) if typed.as_os_str() == "." => here,
        Ok(here) => here.join(typed),
        Err(_) => typed,
    }
}

pub(super) fn set_directories(shell: &mut Shell, value: &str) -> Done {
    shell.source.texts.path.dirs = SourcePath::default().dirs;
    add(shell, value);
    changed(shell);
    Ok(())
}

pub(super) fn show_directories(shell: &mut Shell, _: &str) -> String {
    shell.source.texts.path.searched()
}

/// `/` alone becomes nothing, and fits every absolute path.
fn without_slashes(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

pub(super) fn set_substitute(shell: &mut Shell, value: &str) -> Done {
    let typed = words(value);
    let (from, to) = match typed.as_slice() {
        [] | [_] => return Err(CommandError::say("Incorrect usage, too few arguments in command")),
        [from, _] if from.is_empty() => {
            return Err(CommandError::say("First argument must be at least one character long"));
        }
        [from, to] => (without_slashes(from), without_slashes(to)),
        _ => return Err(CommandError::say("Incorrect usage, too many arguments in command")),
    };
    let rules = &mut shell.source.texts.path.rules;
    rules.retain(|(known, _)| *known != from);
    rules.push((from, to));
    changed(shell);
    Ok(())
}

pub(super) fn show_substitute(shell: &mut Shell, value: &str) -> String {
    let typed = words(value);
    let (mut text, path) = match typed.as_slice() {
        [] => ("List of all source path substitution rules:".to_owned(), None),
        [path] => (format!("Source path substitution rule matching `{path}':"), Some(path)),
        _ => return "Too many arguments in command".to_owned(),
    };
    let rules = shell.source.texts.path.rules.iter();
    for (from, to) in rules.filter(|(from, _)| path.is_none_or(|path| fits(from, path))) {
        text.push_str(&format!("\n  `{from}' -> `{to}'."));
    }
    text
}

/// `unset substitute-path [FROM]`.
///
/// # Errors
/// gdb's words for too many arguments, and for a rule that is not there.
pub(super) fn unset_substitute(shell: &mut Shell, args: &str) -> Done {
    let typed = words(args);
    match typed.as_slice() {
        [] => {
            if !shell.confirm("Delete all source path substitution rules? ") {
                return Err(CommandError::say("Canceled"));
            }
            shell.source.texts.path.rules.clear();
        }
        [from] => {
            let rules = &mut shell.source.texts.path.rules;
            let before = rules.len();
            rules.retain(|(known, _)| known != from);
            if rules.len() == before {
                return Err(CommandError::say(format!("No substitution rule defined for `{from}'")));
            }
        }
        _ => return Err(CommandError::say("Incorrect usage, too many arguments in command")),
    }
    changed(shell);
    Ok(())
}

/// The rest of `unset` when it begins with the word `substitute-path`, perhaps abbreviated.
pub(super) fn names_rule(args: &str) -> Option<&str> {
    let (what, rest) = first_word(args);
    (what.len() >= 3 && "substitute-path".starts_with(what)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(rules: &[(&str, &str)]) -> SourcePath {
        let rules = rules.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        SourcePath { rules, ..SourcePath::default() }
    }

    #[test]
    fn whole_components_are_rewritten() {
        let path = path(&[("/build", "/home"), ("", "/other")]);
        assert_eq!(path.rewritten("/build/a.c").as_deref(), Some("/home/a.c"));
        assert_eq!(path.rewritten("/build").as_deref(), Some("/home"));
        assert_eq!(path.rewritten("/builder/a.c").as_deref(), Some("/other/builder/a.c"));
        assert_eq!(path.rewritten("src/a.c"), None);
    }

    #[test]
    fn places_come_in_gdb_s_order() {
        let file = SourceFile { name: "src/a.c".into(), full: Some("/build/src/a.c".into()) };
        let mut path = path(&[("/build", "/home")]);
        path.add(vec!["/x".into()]);
        let all = path.candidates(&file);
        let first: Vec<&str> = all.iter().take(3).filter_map(|place| place.to_str()).collect();
        assert_eq!(first, ["/x/src/a.c", "/home/src/a.c", "src/a.c"]);
        assert!(!all.contains(&PathBuf::from("/build/src/a.c")), "a rule replaces");
        assert!(all.contains(&PathBuf::from("/x/a.c")), "by its base name");
    }
}

//! Arguments, and what they ask for; the flags themselves are [`super::flags`]'s.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches};

use super::flags::{Flags, ThemeName, When, with_two_dashes};
use super::{diff, record, trace};
use crate::batch::trace::Tracing;

/// For `brkwater` alone.
pub(super) const SHORT_HELP: &str = "\
brkwater: why does this process's memory look like that?

    brkwater demo                        the whole story on a small program, in a minute
    brkwater --args ./prog ARG...        debug a program, on a screen; the commands are gdb's
    brkwater trace ./prog ARG...         log its memory calls: who made it grow, and why
    brkwater record -o FILE ./prog ARG...   record a run; brkwater open FILE looks at it, here or elsewhere
    brkwater reconnect [PID]             take up a session whose terminal was lost
    brkwater -p PID                      attach to a process; on leaving, it goes on unharmed
    brkwater diff A B                    two recordings: how much, where, and from which event on they differ
    brkwater doctor [PID]                what stands in the way of attaching
    brkwater doctor oom [PID|LOG]        what the OOM killer did to a process, or what would end it
    brkwater -batch -ex 'break open if strcmp($rdi, \"/etc/hosts\") == 0 then mmap' \\
             -ex run -ex bt -ex explain --args ./prog

\"brkwater --help\" lists the flags, \"help\" at the prompt the commands.
";

/// What there is not yet, each with what to do instead.
const NOT_THERE: &[(&str, &str)] =
    &[("serve", "the prompt takes gdb's commands"), ("lesson", "\"brkwater demo\" is the first lesson")];

/// What the command line asks for.
pub(super) enum Parsed {
    /// Debug something.
    Run(Box<Arguments>),
    /// Trace something.
    Trace(Box<Tracing>),
    /// Compare two recordings.
    Diff(diff::Asked),
    /// Print this.
    Show(String),
    /// `gdb-scripts`: where the scripts for gdb and lldb are, or put them there.
    Scripts(Scripts),
    /// Look at what stands in the way, or at what the OOM killer did; with what follows the word.
    Doctor(Vec<String>),
    /// Wrong usage, and what to say about it.
    Wrong(String),
}

/// What `gdb-scripts` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scripts {
    /// How they are loaded.
    Tell,
    /// The directory that they are in.
    Path,
    /// Write them down, here or where they belong.
    Install(Option<PathBuf>),
}

/// A line or a file of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Line(String),
    File(String),
}

impl Step {
    /// It as a line.
    pub(super) fn line(&self) -> String {
        match self {
            Step::Line(line) => line.clone(),
            Step::File(file) => format!("source {file}"),
        }
    }
}

/// The command line, understood.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) demo: bool,
    /// A core file.
    pub(super) core: Option<String>,
    /// A recording, and perhaps a run of it.
    pub(super) open: Option<String>,
    /// A file to record into.
    pub(super) record: Option<String>,
    /// A process that another debugger holds.
    pub(super) look: Option<i32>,
    /// What is handed over with it.
    pub(super) look_memory: Option<i32>,
    pub(super) look_facts: Option<String>,
    /// Take up a session whose face was lost: that of this process, or the only one.
    pub(super) reconnect: Option<Option<i32>>,
    pub(super) program: Option<String>,
    pub(super) program_args: Vec<String>,
    pub(super) pid: Option<i32>,
    pub(super) early: Vec<Step>,
    pub(super) steps: Vec<Step>,
    pub(super) exports: Vec<(String, String)>,
    pub(super) source_dirs: Vec<PathBuf>,
    pub(super) cwd: Option<PathBuf>,
    pub(super) tty: Option<PathBuf>,
    pub(super) batch: bool,
    pub(super) strict: bool,
    pub(super) child_result: bool,
    pub(super) tui: bool,
    pub(super) plain: bool,
    pub(super) ascii: bool,
    pub(super) color: Option<bool>,
    pub(super) theme: Option<String>,
}

/// Understands the arguments, without the program's own name.
pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Parsed {
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let asked = words.first().map(String::as_str).filter(|word| !std::path::Path::new(word).exists());
    let parsed = match asked {
        Some("trace") => Some(trace::parse(words[1..].to_vec())),
        Some("record") => Some(record::parse(words[1..].to_vec())),
        _ => None,
    };
    if let Some(parsed) = parsed {
        return match parsed {
            Ok(Ok(tracing)) => Parsed::Trace(Box::new(tracing)),
            Ok(Err(text)) => Parsed::Show(text),
            Err(words) => wrong(&words),
        };
    }
    if words.first().is_some_and(|word| word == "diff") && !std::path::Path::new("diff").exists() {
        return diff::parse(words[1..].to_vec());
    }
    let (ours, theirs) = split(words);
    let ours = ours.into_iter().map(with_two_dashes);
    let matches = Flags::command().try_get_matches_from(std::iter::once("brkwater".to_owned()).chain(ours));
    let matches = match matches {
        Ok(matches) => matches,
        Err(error) => return refusal(&error),
    };
    let order =
        |id: &str| -> Vec<usize> { matches.indices_of(id).map(Iterator::collect).unwrap_or_default() };
    let order = [order("ex"), order("x"), order("iex"), order("ix")];
    match Flags::from_arg_matches(&matches) {
        Ok(flags) => understand(flags, theirs, &order),
        Err(error) => refusal(&error),
    }
}

/// What is ours, and behind `--args` (or `--`) what is the program's.
fn split(words: Vec<String>) -> (Vec<String>, Option<Vec<String>>) {
    let end = words.iter().position(|word| matches!(word.as_str(), "--args" | "-args" | "--"));
    match end {
        Some(at) => (words[..at].to_vec(), Some(words[at + 1..].to_vec())),
        None => (words, None),
    }
}

fn refusal(error: &clap::Error) -> Parsed {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Parsed::Show(error.to_string()),
        ErrorKind::UnknownArgument => {
            if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) {
                return wrong(&format!("unrecognized option '{flag}'"));
            }
        }
        _ => {}
    }
    // clap's first line is the sentence; the rest repeats the usage.
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    wrong(first.strip_prefix("error: ").unwrap_or(first))
}

fn wrong(words: &str) -> Parsed {
    Parsed::Wrong(format!("brkwater: {words}\nUse `brkwater --help' for a complete list of options.\n"))
}

fn understand(flags: Flags, theirs: Option<Vec<String>>, order: &[Vec<usize>; 4]) -> Parsed {
    if flags.json {
        return wrong("--json belongs to \"brkwater trace\"; commands that inspect take -json");
    }
    let mut arguments = Arguments { record: flags.record, ..Arguments::default() };
    let mut words = flags.words.iter();
    let first = words.next();
    if theirs.is_none() && first.is_some_and(|word| word == "doctor") {
        return Parsed::Doctor(words.cloned().collect());
    }
    if theirs.is_none()
        && let Some((name, instead)) = first.and_then(|word| NOT_THERE.iter().find(|(name, _)| name == word))
        && !std::path::Path::new(name).exists()
    {
        return wrong(&format!("\"{name}\" is not there yet; {instead}"));
    }
    let scripts = first.is_some_and(|word| word == "gdb-scripts") && theirs.is_none();
    match (scripts, flags.path, flags.install) {
        (true, true, None) => return Parsed::Scripts(Scripts::Path),
        (true, false, None) => return Parsed::Scripts(Scripts::Tell),
        (true, false, Some(dir)) => return Parsed::Scripts(Scripts::Install(dir)),
        (true, true, Some(_)) => return wrong("--path and --install exclude each other"),
        (false, true, _) => return wrong("--path belongs to \"brkwater gdb-scripts\""),
        (false, _, Some(_)) => return wrong("--install belongs to \"brkwater gdb-scripts\""),
        (false, false, None) => {}
    }
    (arguments.look, arguments.look_memory, arguments.look_facts) =
        (flags.look, flags.look_memory, flags.look_facts);
    if theirs.is_none() && first.is_some_and(|word| word == "open") && !std::path::Path::new("open").exists()
    {
        let Some(file) = words.next() else {
            return wrong("a recording is missing: brkwater open FILE [RUN]");
        };
        let run = words.next().map(|run| format!(" {run}")).unwrap_or_default();
        arguments.open = Some(format!("{}{run}", super::quote::file(file)));
    }
    arguments.demo = first.is_some_and(|word| word == "demo") && theirs.is_none();
    let second = if arguments.demo || arguments.open.is_some() { None } else { words.next().cloned() };
    // As in gdb, what is no number is a core file.
    let number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
    let (pid, core) = match second {
        Some(word) if !number(&word) => (None, Some(word)),
        second => (second, None),
    };
    arguments.core = flags.core.or(core);
    if let Some(extra) = words.next() {
        return wrong(&format!("\"{extra}\" is a word too many; behind --args it is the program's"));
    }
    match flags.pid.or(pid).map(|text| text.parse::<i32>().map_err(|_| text)) {
        Some(Ok(pid)) if pid > 0 => arguments.pid = Some(pid),
        Some(Ok(pid)) => return wrong(&format!("Illegal process-id: {pid}.")),
        Some(Err(text)) => return wrong(&format!("\"{text}\" is no process id")),
        None => {}
    }
    if theirs.is_none() && first.is_some_and(|word| word == "reconnect") {
        arguments.reconnect = Some(arguments.pid.take());
    }
    let command = arguments.demo || arguments.open.is_some() || arguments.reconnect.is_some();
    arguments.program = first.filter(|_| !command).cloned().or(flags.exec);
    if let Some(theirs) = theirs {
        let mut theirs = theirs.into_iter();
        match theirs.next() {
            Some(program) => arguments.program = Some(program),
            None => return wrong("`--args' specified but no program specified"),
        }
        arguments.program_args = theirs.collect();
    }
    for export in &flags.export {
        let Some((format, file)) = export.split_once(':').filter(|(_, file)| !file.is_empty()) else {
            return wrong(&format!("--export takes FORMAT:FILE, such as md:page.md, not \"{export}\""));
        };
        arguments.exports.push((format.to_owned(), file.to_owned()));
    }
    arguments.steps = in_order(flags.ex, flags.x, &order[0], &order[1]);
    arguments.early = in_order(flags.iex, flags.ix, &order[2], &order[3]);
    arguments.color = match flags.color {
        When::Auto => None,
        When::Always => Some(true),
        When::Never => Some(false),
    };
    arguments.theme =
        flags.theme.map(|name| if name == ThemeName::Light { "light" } else { "dark" }.to_owned());
    (arguments.source_dirs, arguments.cwd, arguments.tty) = (flags.directory, flags.cd, flags.tty);
    (arguments.batch, arguments.strict) = (flags.batch, flags.strict);
    arguments.child_result = flags.return_child_result;
    (arguments.tui, arguments.plain, arguments.ascii) =
        (flags.tui && !flags.batch, flags.no_tui, flags.ascii);
    Parsed::Run(Box::new(arguments))
}

/// Lines and files in the order in which they were given.
fn in_order(lines: Vec<String>, files: Vec<String>, at_lines: &[usize], at_files: &[usize]) -> Vec<Step> {
    let lines = at_lines.iter().zip(lines.into_iter().map(Step::Line));
    let mut all: Vec<(usize, Step)> = lines
        .chain(at_files.iter().zip(files.into_iter().map(Step::File)))
        .map(|(at, step)| (*at, step))
        .collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, step)| step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Arguments {
        match parse(words.iter().map(OsString::from)) {
            Parsed::Run(arguments) => *arguments,
            Parsed::Show(text) | Parsed::Wrong(text) => panic!("{text}"),
            Parsed::Trace(_) => panic!("traced: {words:?}"),
            Parsed::Diff(asked) => panic!("{asked:?}"),
            Parsed::Scripts(asked) => panic!("{asked:?}"),
            Parsed::Doctor(words) => panic!("doctor {words:?}"),
        }
    }

    fn refused(words: &[&str]) -> String {
        match parse(words.iter().map(OsString::from)) {
            Parsed::Wrong(text) => text,
            _ => panic!("{words:?} is not refused"),
        }
    }

    #[test]
    fn gdb_s_command_lines_are_understood() {
        let a = run(&[
            "-batch", "-nx", "-ex", "break f", "-x", "s.gdb", "--ex", "run", "--args", "./p", "-x", "--help",
        ]);
        let steps = [Step::Line("break f".into()), Step::File("s.gdb".into()), Step::Line("run".into())];
        assert_eq!(a.steps, steps);
        assert_eq!((a.program.as_deref(), a.batch), (Some("./p"), true));
        assert_eq!(a.program_args, ["-x", "--help"]);
        let a = run(&["-q", "./p", "123"]);
        assert_eq!((a.program.as_deref(), a.pid), (Some("./p"), Some(123)));
        assert_eq!(run(&["-p", "7"]).pid, Some(7));
        assert_eq!(run(&["--pid=7"]).pid, Some(7));
        assert!(run(&["-return-child-result", "-batch", "p"]).child_result);
        assert_eq!(
            run(&["-ex", "-json is no flag here", "p"]).steps,
            [Step::Line("-json is no flag here".into())]
        );
        assert!(run(&["demo", "--batch", "-ex", "list"]).demo);
        assert_eq!(run(&["-look", "7", "-look-memory=3"]).look.zip(run(&["--look=7"]).look), Some((7, 7)));
        assert_eq!(run(&["--args", "demo"]).program.as_deref(), Some("demo"));
    }

    #[test]
    fn the_scripts_are_asked_for() {
        let asked = |words: &[&str]| match parse(words.iter().map(OsString::from)) {
            Parsed::Scripts(asked) => asked,
            _ => panic!("{words:?}"),
        };
        assert_eq!(asked(&["gdb-scripts"]), Scripts::Tell);
        assert_eq!(asked(&["gdb-scripts", "--path"]), Scripts::Path);
        assert_eq!(asked(&["gdb-scripts", "--install"]), Scripts::Install(None));
        assert_eq!(asked(&["gdb-scripts", "--install", "/x"]), Scripts::Install(Some("/x".into())));
        assert_eq!(run(&["--args", "gdb-scripts"]).program.as_deref(), Some("gdb-scripts"));
        assert!(refused(&["--path"]).contains("gdb-scripts"));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        let text = refused(&["--no-such-flag"]);
        assert_eq!(
            text,
            "brkwater: unrecognized option '--no-such-flag'\nUse `brkwater --help' for a complete list of options.\n"
        );
        assert!(refused(&["--args"]).contains("no program specified"));
        assert!(refused(&["--export", "md"]).contains("FORMAT:FILE"));
        assert!(refused(&["serve", "x"]).contains("not there yet"));
        assert!(refused(&["open"]).contains("a recording is missing"));
        assert_eq!(run(&["open", "a b", "2"]).open.as_deref(), Some("\"a b\" 2"));
        assert!(refused(&["diff", "one"]).contains("two recordings are compared; name both"));
    }

    #[test]
    fn the_flags_are_consistent() {
        Flags::command().debug_assert();
    }
}

//! The flags: gdb's long ones with one dash or two, made understandable for clap, and ours.

use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

/// gdb's flags that are written with one dash as well.
const LONG: &[&str] = &[
    "args",
    "batch",
    "cd",
    "command",
    "core",
    "directory",
    "eval-command",
    "ex",
    "exec",
    "help",
    "iex",
    "ix",
    "nh",
    "nw",
    "nx",
    "pid",
    "q",
    "quiet",
    "return-child-result",
    "se",
    "silent",
    "strict",
    "symbols",
    "tty",
    "tui",
    "version",
    "init-eval-command",
    "init-command",
    "no-tui",
    "ascii",
    "color",
    "theme",
    "export",
    "record",
    "json",
    "look",
    "look-memory",
    "look-facts",
];

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ThemeName {
    Dark,
    Light,
}

/// Why does this process's memory look like that?
///
/// A debugger for Linux: gdb's commands, and the heap's story. Flags are gdb's and take one dash or two.
#[derive(Debug, Parser)]
#[command(name = "brkwater", version, max_term_width = 110, disable_help_subcommand = true)]
#[command(
    override_usage = "brkwater [FLAGS] [PROGRAM [PID]]\n       brkwater [FLAGS] --args PROGRAM ARG...\n       brkwater demo [--batch] [-ex COMMAND]...\n       brkwater reconnect [PID]\n       brkwater trace [FLAGS] PROGRAM ARG...\n       brkwater record -o FILE [FLAGS] PROGRAM ARG...\n       brkwater open FILE [RUN]\n       brkwater gdb-scripts [--path | --install [DIR]]\n       brkwater doctor [oom] [PID|LOG]"
)]
pub(super) struct Flags {
    /// A program to be debugged, and the pid of a process that runs it; `demo` is the one that ships inside
    #[arg(value_name = "PROGRAM [PID]")]
    pub(super) words: Vec<String>,
    /// Attach to this process; it runs on when brkwater leaves
    #[arg(short, long, value_name = "PID", allow_hyphen_values = true)]
    pub(super) pid: Option<String>,
    /// Run the commands and leave: text instead of the screen
    #[arg(long)]
    pub(super) batch: bool,
    /// Run this command; with -x in their order
    #[arg(long = "ex", visible_alias = "eval-command", value_name = "COMMAND", allow_hyphen_values = true)]
    pub(super) ex: Vec<String>,
    /// Run the commands of this file
    #[arg(short = 'x', long = "command", value_name = "FILE")]
    pub(super) x: Vec<String>,
    /// Run this command before the program is read
    #[arg(
        long = "iex",
        visible_alias = "init-eval-command",
        value_name = "COMMAND",
        allow_hyphen_values = true
    )]
    pub(super) iex: Vec<String>,
    /// Run the commands of this file before the program is read
    #[arg(long = "ix", visible_alias = "init-command", value_name = "FILE")]
    pub(super) ix: Vec<String>,
    /// Read no start-up files (brkwater reads none)
    #[arg(short = 'n', long = "nx", visible_alias = "nh", action = ArgAction::Count)]
    pub(super) nx: u8,
    /// Say nothing of ourselves (brkwater does not)
    #[arg(short, long, visible_aliases = ["silent", "q"], action = ArgAction::Count)]
    pub(super) quiet: u8,
    /// Change to this directory first
    #[arg(long, value_name = "DIR")]
    pub(super) cd: Option<PathBuf>,
    /// Look for source files here as well
    #[arg(short, long, value_name = "DIR")]
    pub(super) directory: Vec<PathBuf>,
    /// Let the program use this terminal
    #[arg(long, value_name = "DEVICE")]
    pub(super) tty: Option<PathBuf>,
    /// The screen, also where it would not be chosen
    #[arg(long)]
    pub(super) tui: bool,
    /// A plain prompt instead of the screen
    #[arg(long = "no-tui", visible_alias = "nw")]
    pub(super) no_tui: bool,
    /// Exit with the program's exit code
    #[arg(long = "return-child-result")]
    pub(super) return_child_result: bool,
    /// The first command that fails ends it with status 1; so does a breakpoint that never found its place
    #[arg(long)]
    pub(super) strict: bool,
    /// Write the last stop to FILE at the end, such as md:FILE, html:FILE, pprof:FILE ("help export" lists the formats)
    #[arg(long, value_name = "FORMAT:FILE")]
    pub(super) export: Vec<String>,
    /// Draw the screen with ASCII characters only
    #[arg(long)]
    pub(super) ascii: bool,
    /// Colours on the screen
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub(super) color: When,
    /// Colours for a dark or a light background
    #[arg(long, value_name = "NAME", value_enum)]
    pub(super) theme: Option<ThemeName>,
    /// The rest is the program and its arguments
    #[arg(long = "args", value_name = "PROGRAM ARG...")]
    pub(super) args_marker: bool,
    /// A core file to be looked at; behind PROGRAM the flag may be left out
    #[arg(short = 'c', long = "core", value_name = "FILE")]
    pub(super) core: Option<String>,
    /// Look at this process, which another debugger has stopped, without tracing it
    #[arg(long, value_name = "PID")]
    pub(super) look: Option<i32>,
    /// An open descriptor of its /proc/PID/mem, handed over by who traces it
    #[arg(long = "look-memory", value_name = "DESCRIPTOR", requires = "look")]
    pub(super) look_memory: Option<i32>,
    /// What its debugger tells: lines TID NAME=VALUE... and byte ADDRESS VALUE (help look)
    #[arg(long = "look-facts", value_name = "FILE", requires = "look")]
    pub(super) look_facts: Option<String>,
    /// With `gdb-scripts`: print the directory that they are in
    #[arg(long, hide = true)]
    pub(super) path: bool,
    /// With `gdb-scripts`: write them into DIR, or where they belong
    #[arg(long, hide = true, value_name = "DIR", num_args = 0..=1)]
    pub(super) install: Option<Option<PathBuf>>,
    /// Record the run into FILE, which "brkwater open FILE" looks at
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<String>,
    #[arg(long, hide = true)]
    pub(super) json: bool,
    /// gdb's way to name the program's file
    #[arg(short = 'e', long = "exec", visible_aliases = ["se", "symbols"], short_alias = 's', value_name = "FILE", hide = true)]
    pub(super) exec: Option<String>,
}

/// `-batch` is `--batch`: clap knows no long flag with one dash.
pub(super) fn with_two_dashes(word: String) -> String {
    let Some(rest) = word.strip_prefix('-').filter(|rest| rest.len() > 1 && !rest.starts_with('-')) else {
        return word;
    };
    let name = rest.split('=').next().unwrap_or(rest);
    if LONG.contains(&name) { format!("-{word}") } else { word }
}

//! The command line of `brkwater record`: a run into a file, without a dialogue.

use std::path::{Path, PathBuf};

use clap::Parser;

use super::quote;
use crate::batch::trace::Tracing;

/// Record a run into a file: every memory call with its stack and what it meant, and the heap as it was at the end.
///
/// "brkwater open FILE" looks at it, also when the process is gone, and on another machine. What was written is good
/// whatever becomes of brkwater: at most the last second is missing. The exit status is the program's.
#[derive(Debug, Parser)]
#[command(name = "brkwater record", max_term_width = 110)]
#[command(
    override_usage = "brkwater record -o FILE [FLAGS] [--] PROGRAM ARG...\n       brkwater record -o FILE [FLAGS] -p PID"
)]
struct Flags {
    /// The file to record into
    #[arg(short = 'o', long, value_name = "FILE")]
    output: PathBuf,
    /// Follow child processes
    #[arg(short = 'f', long)]
    follow_forks: bool,
    /// Record this process; it runs on when brkwater leaves
    #[arg(short = 'p', long = "attach", value_name = "PID")]
    pid: Option<i32>,
    /// Without stacks, which costs least
    #[arg(long)]
    no_stacks: bool,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, value_name = "PROGRAM ARG...")]
    words: Vec<String>,
}

/// What the words behind `record` ask for.
///
/// # Errors
/// What is wrong with them; or, with `Ok(Err)`, what they ask to be shown.
pub(super) fn parse(words: Vec<String>) -> Result<Result<Tracing, String>, String> {
    let words = std::iter::once("brkwater record".to_owned()).chain(words);
    let flags = match Flags::try_parse_from(words) {
        Ok(flags) => flags,
        Err(error) => return super::trace::told(&error).map(Err),
    };
    let (mut before, start) = super::trace::to_run(flags.pid, &flags.words, flags.follow_forks)?;
    if flags.no_stacks {
        before.push("set record stacks off".to_owned());
    }
    if !flags.follow_forks {
        // Its last stop, so that the heap as it was at the end is there. Of many children each would stand for it.
        before.push("catch syscall exit_group".to_owned());
    }
    before.push(format!("record {}", quote::file(&as_a_file(&flags.output))));
    Ok(Ok(Tracing { before, start, attached: flags.pid.is_some(), records: true, ..Tracing::default() }))
}

/// The file's name, so that none is one of the words behind `record`.
fn as_a_file(path: &Path) -> String {
    let name = path.to_string_lossy();
    if name.contains('/') { name.into_owned() } else { format!("./{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_called_stop() {
        let words = ["-o", "stop", "prog", "-o", "x"].map(str::to_owned).to_vec();
        let tracing = parse(words).unwrap().unwrap();
        assert!(tracing.before.contains(&"record ./stop".to_owned()), "{:?}", tracing.before);
        assert!(tracing.before.contains(&"set args -o x".to_owned()));
        assert!(tracing.records && tracing.start == "run" && !tracing.attached);
        let missing = parse(vec!["prog".to_owned()]).unwrap_err();
        assert!(missing.contains("--output <FILE>"), "{missing}");
    }
}

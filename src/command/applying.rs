//! One command for many: `frame apply`, `faas`, `tfaas`, and the manner in which `thread apply` does the same.
//!
//! ```text
//! (gdb) frame apply 2 -q print $sp
//! (gdb) faas print total
//! ```

use super::args::first_word;
use super::data::integer;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::scene::frame::MAX_FRAMES;
use crate::scene::{Frame, frame_line};

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["faas"],
        run: faas,
        help: "Apply a command to all frames (ignoring errors and empty output).\n\nUsage: faas COMMAND",
        takes: Takes::Command,
    },
    Entry {
        names: &["tfaas"],
        run: tfaas,
        help: "Apply a command to all frames of all threads (ignoring errors and empty output).\n\nUsage: tfaas COMMAND",
        takes: Takes::Command,
    },
];

/// What is done about a command that fails, and whether it is said where it runs.
#[derive(Copy, Clone, Default)]
pub(super) struct Manner {
    /// It is not said where.
    pub(super) quiet: bool,
    /// Errors are told and end nothing.
    pub(super) go_on: bool,
    /// Errors and empty answers are passed over.
    pub(super) silent: bool,
}

impl Manner {
    /// Takes `-q`, `-c` and `-s` off the front of a text.
    pub(super) fn read(text: &str) -> (Manner, &str) {
        let (mut manner, mut rest) = (Manner::default(), text.trim_start());
        loop {
            let (word, tail) = first_word(rest);
            match word {
                "-q" => manner.quiet = true,
                "-c" => manner.go_on = true,
                "-s" => manner.silent = true,
                "--" => return (manner, tail),
                _ => return (manner, rest),
            }
            rest = tail;
        }
    }

    /// Runs a command under a header.
    ///
    /// # Errors
    /// Those of the command, unless they are to be passed over.
    pub(super) fn run(self, shell: &mut Shell, header: &str, command: &str) -> Done {
        let head = |shell: &mut Shell| {
            if !self.quiet {
                shell.say(header);
            }
        };
        if !self.silent {
            head(shell);
            return match shell.command(command) {
                Err(error) if self.go_on => {
                    shell.say(error.to_string());
                    Ok(())
                }
                done => done,
            };
        }
        let outer = shell.captured.replace(String::new());
        let done = shell.command(command);
        let text = std::mem::replace(&mut shell.captured, outer).unwrap_or_default();
        if done.is_ok() && !text.is_empty() {
            head(shell);
            shell.put(text);
        }
        Ok(())
    }
}

fn faas(shell: &mut Shell, args: &str) -> Done {
    if args.trim().is_empty() {
        return Err(CommandError::say("Please specify a command to apply on all frames"));
    }
    frames(shell, &format!("all -s {args}"))
}

fn tfaas(shell: &mut Shell, args: &str) -> Done {
    if args.trim().is_empty() {
        return Err(CommandError::say("Please specify a command to apply on all frames of all threads"));
    }
    shell.command(&format!("thread apply all -s -- frame apply all -s {args}"))
}

/// `frame apply all|COUNT|-COUNT|level LEVELS [FLAGS] COMMAND`: the command for each frame, the frame's line in front.
///
/// # Errors
/// gdb's words, and those of the command.
pub(super) fn frames(shell: &mut Shell, args: &str) -> Done {
    let (which, mut rest) = first_word(args);
    if which.is_empty() {
        return Err(CommandError::say("Missing COUNT argument."));
    }
    let mut levels: Vec<(i64, i64)> = Vec::new();
    if which == "level" {
        loop {
            let (word, tail) = first_word(rest);
            let Some(range) = level_range(word) else { break };
            levels.push(range);
            rest = tail;
        }
        if levels.is_empty() {
            return Err(CommandError::say("Missing or invalid LEVEL... argument"));
        }
    }
    let (manner, command) = Manner::read(rest);
    if command.is_empty() {
        return Err(CommandError::say("Please specify a command to apply on the selected frames"));
    }
    let selection = shell.selected("No stack.")?;
    let count = match which {
        "all" | "level" => i64::MAX,
        text => integer(shell, text).map_err(|_| CommandError::say("Invalid COUNT argument."))?,
    };
    let options = shell.print.clone();
    let lines: Vec<(u32, String)> = shell.session.with_scene(|scene, _| {
        let limit = usize::try_from(count).unwrap_or(MAX_FRAMES).min(MAX_FRAMES);
        let mut frames = scene.frames(selection.tid, limit).frames;
        if count < 0 {
            let keep = usize::try_from(count.unsigned_abs()).unwrap_or(MAX_FRAMES);
            frames.drain(..frames.len().saturating_sub(keep));
        }
        let line = |frame: &Frame| (frame.level, frame_line(&scene.frame_view(frame, &options)));
        if which != "level" {
            return frames.iter().map(line).collect();
        }
        let wanted = |(first, last): (i64, i64)| {
            frames.iter().filter(move |frame| (first..=last).contains(&i64::from(frame.level)))
        };
        levels.iter().copied().flat_map(wanted).map(line).collect()
    });
    let mut done = Ok(());
    for (level, line) in lines {
        shell.session.select_frame(level);
        done = manner.run(shell, &line, command);
        if done.is_err() {
            break;
        }
    }
    if shell.session.selection().is_some_and(|now| now.tid == selection.tid) {
        shell.session.select_frame(selection.level);
    }
    done
}

/// `2` or `1-3`.
fn level_range(word: &str) -> Option<(i64, i64)> {
    let number = |text: &str| text.parse::<i64>().ok().filter(|level| *level >= 0);
    match word.split_once('-') {
        Some((first, last)) => Some((number(first)?, number(last)?)),
        None => number(word).map(|level| (level, level)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_before_the_command() {
        let (manner, command) = Manner::read("-q -s print -1");
        assert!(manner.quiet && manner.silent && !manner.go_on);
        assert_eq!(command, "print -1");
        assert_eq!(level_range("1-3"), Some((1, 3)));
        assert_eq!(level_range("print"), None);
    }
}

//! `handle` and `info signals`: what is done with a signal that arrives.

use std::fmt::Write;

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::kernel::signals;
use crate::session::Disposal;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["handle"],
    run: handle,
    help: "Specify how to handle signals.\n\nUsage: handle SIGNAL [stop|nostop] [print|noprint] [pass|nopass|ignore|noignore]...",
    takes: Takes::Nothing,
}];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["signals", "handle"],
    run: info,
    help: "What debugger does when program gets various signals.\n\nUsage: info signals [SIGNAL]",
    takes: Takes::Nothing,
}];

/// The highest signal number of Linux.
const LAST: i32 = 64;
const HEAD: &str = "Signal        Stop\tPrint\tPass to program\tDescription\n";

/// A signal's name.
pub(super) fn name(signo: i32) -> String {
    signals::describe(signo).0
}

/// The number of a signal by its name, or of one of gdb's numbers 1 to 15.
pub(super) fn number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=15).contains(&number).then_some(number);
    }
    (1..=LAST).find(|signo| name(*signo) == text)
}

fn handle(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        return Err(CommandError::say("Argument required (signal to handle)."));
    }
    let mut chosen: Vec<i32> = Vec::new();
    let mut change: Vec<fn(&mut Disposal)> = Vec::new();
    for word in args.split_whitespace() {
        match word {
            "stop" => change.push(|d| (d.stop, d.print) = (true, true)),
            "nostop" => change.push(|d| d.stop = false),
            "print" => change.push(|d| d.print = true),
            "noprint" => change.push(|d| (d.print, d.stop) = (false, false)),
            "pass" | "noignore" => change.push(|d| d.pass = true),
            "nopass" | "ignore" => change.push(|d| d.pass = false),
            "all" => chosen
                .extend((1..=LAST).filter(|signo| !matches!(*signo, signals::SIGINT | signals::SIGTRAP))),
            name => chosen.push(signal_for_handle(name)?),
        }
    }
    for signo in &chosen {
        let own = matches!(*signo, signals::SIGINT | signals::SIGTRAP);
        if own && !args.contains("all") {
            let question =
                format!("{} is used by the debugger.\nAre you sure you want to change it? ", name(*signo));
            if !shell.confirm(&question) {
                shell.say("Not confirmed, unchanged.");
                continue;
            }
        }
        let mut disposal = shell.session.settings().disposal(*signo);
        change.iter().for_each(|change| change(&mut disposal));
        shell.session.settings_mut().set_disposal(*signo, disposal);
    }
    if shell.options.interactive && !chosen.is_empty() {
        let text = table(shell, &chosen);
        shell.say(text);
    }
    Ok(())
}

fn signal_for_handle(word: &str) -> Done<i32> {
    number(word).ok_or_else(|| {
        CommandError::say(if word.parse::<i32>().is_ok() {
            "Only signals 1-15 are valid as numeric signals.\nUse \"info signals\" for a list of symbolic signals.".to_owned()
        } else {
            format!("Unrecognized or ambiguous flag word: \"{word}\".")
        })
    })
}

fn info(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        let all: Vec<i32> = (1..=LAST).collect();
        let text = table(shell, &all) + "\nUse the \"handle\" command to change these tables.\n";
        shell.say(text);
        return Ok(());
    }
    let signo = number(args).ok_or_else(|| {
        CommandError::say("Only signals 1-15 are valid as numeric signals.\nUse \"info signals\" for a list of symbolic signals.")
    })?;
    let text = table(shell, &[signo]);
    shell.say(text);
    Ok(())
}

fn table(shell: &Shell, signos: &[i32]) -> String {
    let word = |yes: bool| if yes { "Yes" } else { "No" };
    let mut out = HEAD.to_owned();
    for signo in signos {
        let (name, words) = signals::describe(*signo);
        let Disposal { stop, print, pass } = shell.session.settings().disposal(*signo);
        let _ = writeln!(out, "{name:<13} {}\t{}\t{}\t\t{words}", word(stop), word(print), word(pass));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn signals_have_names_and_few_numbers() {
        assert_eq!(
            (number("SIGUSR1"), number("14"), number("16"), number("SIGFOO")),
            (Some(10), Some(14), None, None)
        );
    }
}

//! The processes under control, listed and chosen: `info inferiors`, `inferior`.

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use super::threads;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["inferior"],
    run: inferior,
    help: "Use this command to switch between inferiors.\nUsage: inferior [ID]",
    takes: Takes::Nothing,
}];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["inferiors"],
    run: info_inferiors,
    help: "Print a list of the processes being debugged.\nUsage: info inferiors [ID]...",
    takes: Takes::Nothing,
}];

/// Number, `process 123` or `<null>`, and program of each; one at least, as in gdb.
fn all(shell: &Shell) -> Vec<(u32, Option<crate::addr::Pid>, String)> {
    let live = shell.session.processes();
    if live.is_empty() {
        let program = shell.session.program().map(|path| path.to_string_lossy().into_owned());
        return vec![(1, None, program.unwrap_or_default())];
    }
    live.into_iter().map(|(number, pid, program)| (number, Some(pid), program)).collect()
}

fn info_inferiors(shell: &mut Shell, args: &str) -> Done {
    let selected = shell.session.selection().map(|selection| selection.pid);
    let wanted: Vec<u32> = super::args::ids(args)?.iter().map(|id| id.number).collect();
    let mut listed = all(shell);
    listed.retain(|(number, ..)| wanted.is_empty() || wanted.contains(number));
    if listed.is_empty() {
        shell.say("No inferiors.");
        return Ok(());
    }
    // gdb's table has a blank behind every column.
    let row = |star: &str, number: &str, what: &str, connection: &str, program: &str| {
        format!("{star} {number:<4} {what:<17} {connection:<20} {program:<17} \n")
    };
    let connection = match (shell.session.core(), shell.session.moment()) {
        (Some(_), _) => "1 (core)",
        (None, Some(_)) => "1 (recording)",
        (None, None) => "1 (native)",
    };
    let mut text = row(" ", "Num", "Description", "Connection", "Executable");
    for (number, pid, program) in listed {
        let star = if pid == selected { "*" } else { " " };
        let (what, connection) = match pid {
            Some(pid) => (format!("process {pid}"), connection),
            None => ("<null>".to_owned(), ""),
        };
        text.push_str(&row(star, &number.to_string(), &what, connection, &program));
    }
    shell.say(text);
    Ok(())
}

fn inferior(shell: &mut Shell, args: &str) -> Done {
    let listed = all(shell);
    let selected = shell.session.selection().map(|selection| selection.pid);
    let word = args.trim();
    let found = if word.is_empty() {
        listed.iter().find(|(_, pid, _)| *pid == selected)
    } else {
        let number: u32 =
            word.parse().map_err(|_| CommandError::say(format!("Invalid inferior ID \"{word}\".")))?;
        listed.iter().find(|(other, ..)| *other == number)
    };
    let (number, pid, program) =
        found.ok_or_else(|| CommandError::say(format!("Inferior ID {word} not known.")))?;
    let what = pid.map_or_else(|| "<null>".to_owned(), |pid| format!("process {pid}"));
    let verb = if word.is_empty() { "Current inferior is" } else { "Switching to inferior" };
    shell.say(format!("[{verb} {number} [{what}] ({program})]"));
    let Some(pid) = pid.filter(|_| !word.is_empty()) else { return Ok(()) };
    if Some(pid) == selected {
        return threads::show_switch(shell);
    }
    let first = shell.session.threads_of(pid).first().map(|thread| thread.tid);
    let tid = first.ok_or_else(|| CommandError::say(format!("Inferior ID {number} has no threads.")))?;
    shell.session.select_thread(tid)?;
    threads::show_switch(shell)
}

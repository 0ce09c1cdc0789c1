//! Settings of how a target is started, followed and let go; [`super::settings`] has the table.

use std::time::Duration;

use super::args::first_word;
use super::error::{CommandError, Done};
use super::settings::choice;
use super::shell::Shell;
use crate::session::Locking;

pub(super) fn set_args(shell: &mut Shell, value: &str) -> Done {
    shell.session.settings_mut().args = value.to_owned();
    Ok(())
}

pub(super) fn show_args(shell: &mut Shell, _: &str) -> String {
    format!(
        "Argument list to give program being debugged when it is started is \"{}\".",
        shell.session.settings().args
    )
}

pub(super) fn set_environment(shell: &mut Shell, value: &str) -> Done {
    if value.is_empty() {
        return Err(CommandError::say("Argument required (environment variable and value)."));
    }
    let (name, value) = match value.split_once('=') {
        Some((name, value)) => (name.trim(), value.trim_start()),
        None => first_word(value),
    };
    if name.is_empty() {
        return Err(CommandError::say("Argument required (environment variable to set)."));
    }
    if value.is_empty() {
        shell.say(format!("Setting environment variable \"{name}\" to null value."));
    }
    shell.session.settings_mut().environment.push((name.to_owned(), Some(value.to_owned())));
    Ok(())
}

pub(super) fn show_environment(shell: &mut Shell, name: &str) -> String {
    let all = shell.session.settings().final_environment();
    let lines = all.iter().map(|entry| String::from_utf8_lossy(entry).into_owned());
    if name.is_empty() {
        return lines.collect::<Vec<_>>().join("\n");
    }
    let found = lines
        .into_iter()
        .find_map(|line| line.split_once('=').filter(|(n, _)| *n == name).map(|(n, v)| format!("{n} = {v}")));
    found.unwrap_or_else(|| format!("Environment variable \"{name}\" not defined."))
}

pub(super) fn set_cwd(shell: &mut Shell, value: &str) -> Done {
    shell.session.settings_mut().cwd = (!value.is_empty()).then(|| super::options::expand(value));
    Ok(())
}

pub(super) fn show_cwd(shell: &mut Shell, _: &str) -> String {
    match &shell.session.settings().cwd {
        Some(dir) => format!("Current working directory that will be used when starting the inferior is \"{}\".", dir.display()),
        None => "You have not set the inferior's current working directory.\nThe inferior will inherit GDB's cwd if native debugging, or the remote\nserver's cwd if remote debugging.".to_owned(),
    }
}

/// `set inferior-tty`, `tty`.
pub(super) fn set_tty(shell: &mut Shell, value: &str) -> Done {
    shell.session.settings_mut().tty = (!value.is_empty()).then(|| super::options::expand(value));
    Ok(())
}

pub(super) fn show_tty(shell: &mut Shell, _: &str) -> String {
    let tty = shell.session.settings().tty.as_ref().map(|tty| tty.display().to_string()).unwrap_or_default();
    format!("Terminal for future runs of program being debugged is \"{tty}\".")
}

pub(super) fn set_follow_exec(shell: &mut Shell, value: &str) -> Done {
    shell.session.settings_mut().follow_exec_new = choice(value, &[("new", true), ("same", false)])?;
    Ok(())
}

pub(super) fn show_follow_exec(shell: &mut Shell, _: &str) -> String {
    let word = if shell.session.settings().follow_exec_new { "new" } else { "same" };
    format!("Follow exec mode is \"{word}\".")
}

pub(super) fn set_reconnect(shell: &mut Shell, value: &str) -> Done {
    let seconds =
        value.parse().map_err(|_| CommandError::say("Argument required (seconds, 0 for not at all)."))?;
    shell.session.settings_mut().reconnect_timeout = Duration::from_secs(seconds);
    Ok(())
}

pub(super) fn show_reconnect(shell: &mut Shell, _: &str) -> String {
    let seconds = shell.session.settings().reconnect_timeout.as_secs();
    format!("Seconds that an engine waits for another face when its own is lost: {seconds}.")
}

pub(super) fn set_may_call(shell: &mut Shell, value: &str) -> Done {
    let on = [("on", true), ("1", true), ("off", false), ("0", false), ("", true)];
    shell.options.may_call = Some(choice(value, &on)?);
    Ok(())
}

pub(super) fn show_may_call(shell: &mut Shell, _: &str) -> String {
    let word = match shell.options.may_call {
        Some(true) => "on",
        Some(false) => "off",
        None => "off, but for \"call\"",
    };
    format!("Permission to call functions in the program is {word}.")
}

/// gdb's four words, of which `replay` means `off` where nothing is replayed.
const LOCKING: &[(&str, Locking)] =
    &[("off", Locking::Off), ("on", Locking::On), ("step", Locking::Step), ("replay", Locking::Replay)];

pub(super) fn set_locking(shell: &mut Shell, value: &str) -> Done {
    shell.session.settings_mut().scheduler_locking = choice(value, LOCKING)?;
    Ok(())
}

pub(super) fn show_locking(shell: &mut Shell, _: &str) -> String {
    let now = shell.session.settings().scheduler_locking;
    let word = LOCKING.iter().find(|(_, mode)| *mode == now).map_or("off", |(word, _)| word);
    format!("Mode for locking scheduler during execution is \"{word}\".")
}

pub(super) fn set_follow(shell: &mut Shell, value: &str) -> Done {
    shell.session.settings_mut().follow_fork_child = choice(value, &[("child", true), ("parent", false)])?;
    Ok(())
}

pub(super) fn show_follow(shell: &mut Shell, _: &str) -> String {
    let whom = if shell.session.settings().follow_fork_child { "child" } else { "parent" };
    format!("Debugger response to a program call of fork or vfork is \"{whom}\".")
}

//! `set debuginfod` and `show debuginfod`: whether and where debug files are fetched. Wordings are gdb 13.1's.

use super::error::{CommandError, Done};
use super::settings::{Setting, choice};
use super::shell::Shell;
use crate::kernel::debuginfod::Enabled;

const CHOICES: [(&str, Enabled); 3] = [("on", Enabled::On), ("off", Enabled::Off), ("ask", Enabled::Ask)];

pub(super) const ENABLED: Setting =
    Setting { name: "debuginfod enabled", set: set_enabled, show: show_enabled };
pub(super) const URLS: Setting = Setting { name: "debuginfod urls", set: set_urls, show: show_urls };
pub(super) const VERBOSE: Setting =
    Setting { name: "debuginfod verbose", set: set_verbose, show: show_verbose };

fn set_enabled(shell: &mut Shell, value: &str) -> Done {
    let enabled = choice(value, &CHOICES)?;
    shell.session.debuginfod().set_enabled(enabled);
    Ok(())
}

fn show_enabled(shell: &mut Shell, _: &str) -> String {
    let enabled = shell.session.debuginfod().enabled();
    let word = CHOICES.iter().find(|(_, known)| *known == enabled).map_or("off", |(word, _)| word);
    format!("Debuginfod functionality is currently set to \"{word}\".")
}

fn set_urls(shell: &mut Shell, value: &str) -> Done {
    shell.session.debuginfod().set_urls(value);
    Ok(())
}

fn show_urls(shell: &mut Shell, _: &str) -> String {
    match shell.session.debuginfod().urls() {
        none if none.is_empty() => "Debuginfod URLs have not been set.".to_owned(),
        urls => format!("Debuginfod URLs are currently set to:\n{urls}"),
    }
}

fn set_verbose(shell: &mut Shell, value: &str) -> Done {
    if value.is_empty() {
        return Err(CommandError::say("Argument required (integer to set it to)."));
    }
    let unknown = |_| CommandError::say(format!("No symbol \"{value}\" in current context."));
    shell.session.debuginfod().set_verbose(value.parse().map_err(unknown)?);
    Ok(())
}

fn show_verbose(shell: &mut Shell, _: &str) -> String {
    format!("Debuginfod verbose output is set to {}.", shell.session.debuginfod().verbose())
}

//! The table of settings: name, how it is set, what `show` says (gdb 13.1's sentences).

use super::args::first_word;
use super::debuginfod;
use super::error::{CommandError, Done};
use super::language::{set_language, show_language};
use super::runsettings::{
    set_args, set_cwd, set_environment, set_follow, set_follow_exec, set_locking, set_may_call,
    set_reconnect, set_tty, show_args, show_cwd, show_environment, show_follow, show_follow_exec,
    show_locking, show_may_call, show_reconnect, show_tty,
};
use super::shell::Shell;
use super::sourcepath;
use crate::scene::FrameArguments;
use crate::syscalls::CallSet;

/// A setting.
pub(super) struct Setting {
    /// Its full name; words are parted by one blank.
    pub(super) name: &'static str,
    /// Sets it to what was typed behind the name.
    pub(super) set: fn(&mut Shell, &str) -> Done,
    /// What `show` says; the text behind the name is given as well.
    pub(super) show: fn(&mut Shell, &str) -> String,
}

macro_rules! switch {
    // The formatter puts a place that is long into braces.
    ($name:literal, $says:literal, |$shell:ident| { $place:expr }) => {
        switch!($name, $says, |$shell| $place)
    };
    ($name:literal, $says:literal, |$shell:ident| $place:expr) => {
        Setting {
            name: $name,
            set: |$shell, value| {
                $place = boolean(value)?;
                Ok(())
            },
            show: |$shell, _| format!(concat!($says, " is {}."), on_off($place)),
        }
    };
}

macro_rules! count {
    ($name:literal, $says:literal, |$shell:ident| $place:expr) => {
        Setting {
            name: $name,
            set: |$shell, value| {
                $place = limit(value)?;
                Ok(())
            },
            show: |$shell, _| format!(concat!($says, " is {}."), limit_text($place)),
        }
    };
}

/// All of them.
pub(super) const SETTINGS: &[Setting] = &[
    Setting { name: "args", set: set_args, show: show_args },
    Setting { name: "environment", set: set_environment, show: show_environment },
    Setting { name: "cwd", set: set_cwd, show: show_cwd },
    Setting { name: "inferior-tty", set: set_tty, show: show_tty },
    Setting { name: "follow-fork-mode", set: set_follow, show: show_follow },
    Setting { name: "follow-exec-mode", set: set_follow_exec, show: show_follow_exec },
    Setting { name: "may-call-functions", set: set_may_call, show: show_may_call },
    Setting { name: "scheduler-locking", set: set_locking, show: show_locking },
    Setting { name: "reconnect-timeout", set: set_reconnect, show: show_reconnect },
    Setting { name: "record memory-limit", set: set_stop_memory, show: show_stop_memory },
    Setting { name: "language", set: set_language, show: show_language },
    Setting { name: "listsize", set: set_listsize, show: show_listsize },
    Setting { name: "print frame-arguments", set: set_frame_arguments, show: show_frame_arguments },
    Setting { name: "print entry-values", set: set_entry_values, show: show_entry_values },
    Setting { name: "interactive-mode", set: set_interactive, show: show_interactive },
    Setting { name: "breakpoint pending", set: set_pending, show: show_pending },
    Setting { name: "debug-file-directory", set: set_debug_roots, show: show_debug_roots },
    Setting { name: "substitute-path", set: sourcepath::set_substitute, show: sourcepath::show_substitute },
    debuginfod::ENABLED,
    debuginfod::URLS,
    debuginfod::VERBOSE,
    Setting { name: "directories", set: sourcepath::set_directories, show: sourcepath::show_directories },
    Setting { name: "backtrace past-main", set: set_past_main, show: show_past_main },
    Setting {
        name: "version",
        set: |_, _| Err(CommandError::say("Undefined set command: \"version\".  Try \"help set\".")),
        show: show_version,
    },
    switch!("confirm", "Whether to confirm potentially dangerous operations", |shell| shell.options.confirm),
    switch!("detach-on-fork", "Whether gdb will detach the child of a fork", |shell| shell
        .session
        .settings_mut()
        .detach_on_fork),
    switch!("schedule-multiple", "Resuming the execution of threads of all processes", |shell| shell
        .session
        .settings_mut()
        .schedule_multiple),
    switch!(
        "disable-randomization",
        "Disabling randomization of debuggee's virtual address space",
        |shell| shell.session.settings_mut().disable_randomization
    ),
    switch!("print pretty", "Pretty formatting of structures", |shell| shell.print.pretty),
    switch!("print address", "Printing of addresses", |shell| shell.print.address),
    switch!("print symbol", "Printing of symbol names when printing pointers", |shell| shell.print.symbol),
    switch!("print union", "Printing of unions interior to structures", |shell| shell.print.unions),
    switch!("print null-stop", "Printing of char arrays to stop at first null char", |shell| shell
        .print
        .null_stop),
    switch!("print array", "Pretty formatting of arrays", |shell| shell.print.arrays),
    switch!("print array-indexes", "Printing of array indexes", |shell| shell.print.array_indexes),
    switch!("print static-members", "Printing of C++ static members", |shell| shell.print.static_members),
    switch!("print object", "Printing of object's derived types", |shell| shell.print.object),
    switch!("print raw-values", "Whether to print values in raw form", |shell| shell.print.raw),
    switch!("record memory-calls", "Recording of brk, mmap, munmap and mremap", |shell| shell
        .session
        .settings_mut()
        .memory_calls),
    Setting { name: "record calls", set: set_calls, show: show_calls },
    switch!("record stacks", "Recording of the stacks of memory calls", |shell| shell
        .session
        .settings_mut()
        .stacks),
    switch!("record names", "Telling what the addresses of recorded stacks stand for", |shell| shell
        .session
        .settings_mut()
        .names),
    switch!("record journal", "Keeping of recorded events for later questions", |shell| shell
        .session
        .settings_mut()
        .journal),
    switch!("record lossless", "Letting the program wait rather than leaving out events", |shell| shell
        .session
        .settings_mut()
        .lossless),
    switch!("skip-blockers", "Skipping of calls that map something in the way of the break", |shell| shell
        .session
        .settings_mut()
        .skip_blockers),
    switch!("use-coredump-filter", "Use of /proc/PID/coredump_filter file to generate corefiles", |shell| {
        shell.session.settings_mut().coredump_filter
    }),
    switch!(
        "dump-excluded-mappings",
        "Whether gcore should dump mappings marked with the VM_DONTDUMP flag",
        |shell| shell.session.settings_mut().dump_excluded
    ),
    count!("print elements", "Limit on string chars or array elements to print", |shell| shell
        .print
        .elements),
    count!("print repeats", "Threshold for repeated print elements", |shell| shell.print.repeats),
];

/// The setting that a text begins with, each word of its name perhaps abbreviated, and the text behind the name.
///
/// # Errors
/// When the beginning fits several settings.
pub(super) fn find(text: &str) -> Done<Option<(&'static Setting, &str)>> {
    let fitting: Vec<(&Setting, &str, bool)> = SETTINGS
        .iter()
        .filter_map(|setting| fit(setting.name, text).map(|(rest, exact)| (setting, rest, exact)))
        .collect();
    if let Some((setting, rest, _)) = fitting.iter().find(|(.., exact)| *exact) {
        return Ok(Some((setting, rest)));
    }
    match fitting.as_slice() {
        [] => Ok(None),
        [(setting, rest, _)] => Ok(Some((setting, rest))),
        several => {
            let names: Vec<&str> = several.iter().map(|(setting, ..)| setting.name).collect();
            let (word, _) = first_word(text);
            Err(CommandError::say(format!("Ambiguous set command \"{word}\": {}.", names.join(", "))))
        }
    }
}

/// Matches a text with a name word by word: the rest, and whether all words were given in full.
fn fit<'t>(name: &str, text: &'t str) -> Option<(&'t str, bool)> {
    let (mut rest, mut exact) = (text.trim_start(), true);
    for part in name.split(' ') {
        let (word, after) = first_word(rest);
        // gdb's own abbreviations: `set p`, `set env`.
        if word.is_empty() || !part.starts_with(word) || (word.len() < 2 && word != "p") {
            return None;
        }
        exact &= word == part;
        rest = after;
    }
    Some((rest, exact))
}

/// `on`, `1`, `yes`, `enable`, or nothing at all.
fn boolean(value: &str) -> Done<bool> {
    match value {
        "" | "on" | "1" | "yes" | "enable" => Ok(true),
        "off" | "of" | "0" | "no" | "disable" => Ok(false),
        _ => Err(CommandError::say("\"on\" or \"off\" expected.")),
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A number; 0 and `unlimited` are no limit.
fn limit(value: &str) -> Done<usize> {
    match value {
        "" => Err(CommandError::say("Argument required (integer to set it to, or \"unlimited\".).")),
        "unlimited" => Ok(0),
        number => number
            .parse()
            .map_err(|_| CommandError::say(format!("No symbol \"{number}\" in current context."))),
    }
}

fn limit_text(value: usize) -> String {
    if value == 0 { "unlimited".to_owned() } else { value.to_string() }
}

/// # Errors
/// gdb's words for a text that is none of the choices, or the beginning of several.
pub(super) fn choice<T: Copy>(value: &str, choices: &[(&str, T)]) -> Done<T> {
    if value.is_empty() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        return Err(CommandError::say(format!(
            "Requires an argument. Valid arguments are {}.",
            names.join(", ")
        )));
    }
    let fitting: Vec<&(&str, T)> = choices.iter().filter(|(name, _)| name.starts_with(value)).collect();
    let exact = choices.iter().find(|(name, _)| *name == value);
    match (exact, fitting.as_slice()) {
        (Some((_, chosen)), _) | (None, [(_, chosen)]) => Ok(*chosen),
        (None, []) => Err(CommandError::say(format!("Undefined item: \"{value}\"."))),
        _ => Err(CommandError::say(format!("Ambiguous item \"{value}\"."))),
    }
}

/// Bytes, also as `64M`.
fn set_stop_memory(shell: &mut Shell, value: &str) -> Done {
    let limit = match value {
        "" => return Err(CommandError::say("Argument required (bytes, such as 64M, or \"unlimited\".).")),
        "unlimited" => u64::MAX,
        value => u64::try_from(super::data::integer(shell, value)?)
            .map_err(|_| CommandError::say("integer must not be negative."))?,
    };
    shell.session.settings_mut().stop_memory = limit;
    Ok(())
}

fn show_stop_memory(shell: &mut Shell, _: &str) -> String {
    let limit = match shell.session.settings().stop_memory {
        u64::MAX => "unlimited".to_owned(),
        bytes => crate::addr::human_size(bytes),
    };
    format!("Memory that a recording keeps of a stop, at most, is {limit}.")
}

/// Several directories are parted by colons, as in PATH.
fn set_debug_roots(shell: &mut Shell, value: &str) -> Done {
    let roots = value.split(':').filter(|root| !root.is_empty());
    *shell.session.debug_roots() = roots.map(super::options::expand).collect();
    Ok(())
}

fn show_debug_roots(shell: &mut Shell, _: &str) -> String {
    let roots: Vec<String> =
        shell.session.debug_roots().iter().map(|root| root.display().to_string()).collect();
    let roots = roots.join(":");
    format!("The directory where separate debug symbols are searched for is \"{roots}\".")
}

fn set_listsize(shell: &mut Shell, value: &str) -> Done {
    shell.options.listsize = u32::try_from(limit(value)?).unwrap_or(0);
    Ok(())
}

fn show_listsize(shell: &mut Shell, _: &str) -> String {
    format!(
        "Number of source lines gdb will list by default is {}.",
        limit_text(shell.options.listsize as usize)
    )
}

fn set_frame_arguments(shell: &mut Shell, value: &str) -> Done {
    use FrameArguments::{All, None, Presence, Scalars};
    let choices = [("all", All), ("scalars", Scalars), ("none", None), ("presence", Presence)];
    shell.print.frame_arguments = choice(value, &choices)?;
    Ok(())
}

fn show_frame_arguments(shell: &mut Shell, _: &str) -> String {
    let which = match shell.print.frame_arguments {
        FrameArguments::All => "all",
        FrameArguments::Scalars => "scalars",
        FrameArguments::None => "none",
        FrameArguments::Presence => "presence",
    };
    format!("Printing of non-scalar frame arguments is \"{which}\".")
}

fn set_entry_values(shell: &mut Shell, value: &str) -> Done {
    shell.print.entry_values = choice(value, &[("default", true), ("no", false)])?;
    Ok(())
}

fn show_entry_values(shell: &mut Shell, _: &str) -> String {
    let how = if shell.print.entry_values { "default" } else { "no" };
    format!("Printing of function arguments at function entry is \"{how}\".")
}

fn set_interactive(shell: &mut Shell, value: &str) -> Done {
    shell.options.interactive = value == "auto" || boolean(value)?;
    Ok(())
}

fn show_interactive(shell: &mut Shell, _: &str) -> String {
    format!("Debugger's interactive mode is {}.", on_off(shell.options.interactive))
}

/// Breakpoints are pending whenever they have no place yet: `off` could only lose them.
fn set_pending(_: &mut Shell, value: &str) -> Done {
    if value == "auto" || boolean(value)? {
        return Ok(());
    }
    Err(CommandError::say(
        "brkwater keeps every breakpoint pending until its place appears; there is no \"off\".",
    ))
}

fn show_pending(_: &mut Shell, _: &str) -> String {
    "Debugger's behavior regarding pending breakpoints is on.".to_owned()
}

/// strace's words for sets of calls.
fn set_calls(shell: &mut Shell, value: &str) -> Done {
    shell.session.settings_mut().calls = CallSet::parse(value).map_err(CommandError::say)?;
    Ok(())
}

fn show_calls(shell: &mut Shell, _: &str) -> String {
    let set = &shell.session.settings().calls;
    let which = if set.is_empty() { "none".to_owned() } else { format!("\"{set}\"") };
    format!("System calls that are recorded in strace's form, from the next start on: {which}.")
}

fn set_past_main(shell: &mut Shell, value: &str) -> Done {
    let on = boolean(value)?;
    shell.session.set_past_main(on);
    Ok(())
}

fn show_past_main(shell: &mut Shell, _: &str) -> String {
    let on = shell.session.past_main();
    format!("Whether backtraces should continue past \"main\" is {}.", on_off(on))
}

fn show_version(_: &mut Shell, _: &str) -> String {
    format!("brkwater {}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(&'static str, &str)> {
        find(text).unwrap().map(|(setting, rest)| (setting.name, rest))
    }

    #[test]
    fn names_may_be_abbreviated_word_by_word() {
        assert_eq!(found("p el 5"), Some(("print elements", "5")));
        assert_eq!(found("print pretty on"), Some(("print pretty", "on")));
        assert_eq!(found("args a \"b c\""), Some(("args", "a \"b c\"")));
        assert_eq!(found("env A=1"), Some(("environment", "A=1")));
        assert_eq!(found("nosuch"), None);
        assert_eq!(found("x = 3"), None);
    }
}

//! What `set` can change about how targets are started and followed.

use std::path::PathBuf;
use std::time::Duration;

use crate::kernel::host;
use crate::kernel::signals::{self, SIGINT, SIGTRAP};
use crate::syscalls::CallSet;

/// Settings that outlive a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program's arguments as one text; a shell takes it apart where it holds more than words.
    pub args: String,
    /// Changes to the environment: a value, or `None` for a variable that is taken away.
    pub environment: Vec<(String, Option<String>)>,
    /// The program's working directory, when it is not ours.
    pub cwd: Option<PathBuf>,
    /// A terminal for the program.
    pub tty: Option<PathBuf>,
    /// Addresses do not vary from run to run.
    pub disable_randomization: bool,
    /// After a fork the child is debugged, not the parent.
    pub follow_fork_child: bool,
    /// After a fork the other process is let go.
    pub detach_on_fork: bool,
    /// A process that replaces its program becomes another inferior.
    pub follow_exec_new: bool,
    /// Going on lets all debugged processes run, not only the selected one.
    pub schedule_multiple: bool,
    /// Which threads stay stopped when the selected one goes on.
    pub scheduler_locking: Locking,
    /// How long the engine waits for another face when it has lost its own; zero is not at all.
    pub reconnect_timeout: Duration,
    /// Calls of brk, mmap, munmap and mremap are recorded.
    pub memory_calls: bool,
    /// These are recorded as well, in strace's form; it counts from the next start on, for the filter is made then.
    pub calls: CallSet,
    /// Their stacks are taken.
    pub stacks: bool,
    /// What their stacks' addresses stand for is told by events of its own.
    pub names: bool,
    /// Events are kept here, for who asks later; else only the face has them.
    pub journal: bool,
    /// The target waits for a face that is behind; else events are left out.
    pub lossless: bool,
    /// Bytes of memory that a recording keeps of a stop, at most.
    pub stop_memory: u64,
    /// A call that would map something where the next brk goes is not made, and told that it was.
    pub skip_blockers: bool,
    /// A core file keeps what `/proc/PID/coredump_filter` says.
    pub coredump_filter: bool,
    /// It keeps also what the program wants left out of it (`MADV_DONTDUMP`).
    pub dump_excluded: bool,
    /// What `step` does not enter.
    pub skips: Vec<super::skips::Skip>,
    /// The number of the last of them; none is used again.
    pub last_skip: u32,
    /// What is done with signals, where that is not gdb's default.
    pub(super) signals: Vec<(i32, Disposal)>,
}

/// When only the selected thread goes on.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Locking {
    /// Never.
    Off,
    /// Always.
    On,
    /// While it steps.
    Step,
    /// While a recording is replayed, which is never.
    #[default]
    Replay,
}

/// What is done with a signal that arrives for the target.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Disposal {
    /// The target stops.
    pub stop: bool,
    /// The user is told.
    pub print: bool,
    /// The target gets it.
    pub pass: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            args: String::new(),
            environment: Vec::new(),
            cwd: None,
            tty: None,
            disable_randomization: true,
            follow_fork_child: false,
            detach_on_fork: true,
            follow_exec_new: false,
            schedule_multiple: false,
            scheduler_locking: Locking::Replay,
            reconnect_timeout: Duration::from_secs(30),
            memory_calls: true,
            calls: CallSet::default(),
            stacks: true,
            names: false,
            journal: true,
            lossless: false,
            stop_memory: 64 << 20,
            skip_blockers: false,
            coredump_filter: true,
            dump_excluded: false,
            skips: Vec::new(),
            last_skip: 0,
            signals: Vec::new(),
        }
    }
}

impl Settings {
    /// What is done with a signal.
    #[must_use]
    pub fn disposal(&self, signo: i32) -> Disposal {
        let set = self.signals.iter().find(|(known, _)| *known == signo);
        set.map_or_else(
            || {
                // gdb's table: these two are the debugger's own, and not passed to the program.
                let own = matches!(signo, SIGINT | SIGTRAP);
                let loud = signals::stops_by_default(signo);
                Disposal { stop: loud, print: loud, pass: !own }
            },
            |(_, disposal)| *disposal,
        )
    }

    /// Changes what is done with a signal.
    pub fn set_disposal(&mut self, signo: i32, disposal: Disposal) {
        self.signals.retain(|(known, _)| *known != signo);
        self.signals.push((signo, disposal));
    }

    /// The arguments as words, when no shell is needed to take them apart: plain words, and words in quotes.
    pub(super) fn words(&self) -> Option<Vec<String>> {
        let mut words: Vec<String> = Vec::new();
        let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
        let mut letters = self.args.chars();
        while let Some(letter) = letters.next() {
            match (quote, letter) {
                (Some(open), letter) if letter == open => quote = None,
                (Some('\''), letter) => word.get_or_insert_default().push(letter),
                (_, '$' | '`')
                | (None, '<' | '>' | '|' | '&' | ';' | '(' | ')' | '*' | '?' | '[' | '~' | '#' | '!' | '{') =>
                {
                    return None;
                }
                (Some(_), '\\') => return None,
                (Some(_), letter) => word.get_or_insert_default().push(letter),
                (None, '"' | '\'') => {
                    word.get_or_insert_default();
                    quote = Some(letter);
                }
                (None, '\\') => word.get_or_insert_default().push(letters.next()?),
                (None, letter) if letter.is_whitespace() => words.extend(word.take()),
                (None, letter) => word.get_or_insert_default().push(letter),
            }
        }
        words.extend(word);
        quote.is_none().then_some(words)
    }

    /// The environment that a program gets: ours with the changes, and with the size of its terminal, which gdb gives
    /// it too: the same program has the same addresses on its stack under both.
    #[must_use]
    pub fn final_environment(&self) -> Vec<Vec<u8>> {
        use std::os::unix::ffi::OsStrExt;
        let changed = |name: &std::ffi::OsStr| self.environment.iter().any(|(n, _)| name == n.as_str());
        let mut all: Vec<Vec<u8>> = std::env::vars_os()
            .filter(|(name, _)| !changed(name))
            .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat())
            .collect();
        let (rows, columns) = host::window_size(self.tty.as_deref()).unwrap_or((24, 80));
        for (name, value) in [("LINES", rows), ("COLUMNS", columns)] {
            if std::env::var_os(name).is_none() && !changed(name.as_ref()) {
                all.push(format!("{name}={value}").into_bytes());
            }
        }
        // The last word on a variable wins.
        for (at, (name, value)) in self.environment.iter().enumerate() {
            let last = !self.environment[at + 1..].iter().any(|(later, _)| later == name);
            if let (Some(value), true) = (value, last) {
                all.push([name.as_bytes(), b"=", value.as_bytes()].concat());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_arguments_need_no_shell() {
        let words = |text: &str| Settings { args: text.to_owned(), ..Settings::default() }.words();
        let are = |all: &[&str]| Some(all.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        assert_eq!(words(""), are(&[]));
        assert_eq!(words("a  'b c' \"d e\" f\\ g ''"), are(&["a", "b c", "d e", "f g", ""]));
        assert_eq!(words("\\$HOME"), are(&["$HOME"]));
        for shell in ["$HOME", "> out", "*.c", "a | b", "'open", "\"`x`\"", "a \"b\\\"c\""] {
            assert_eq!(words(shell), None, "{shell}");
        }
    }

    #[test]
    fn the_last_word_on_a_variable_wins() {
        let mut settings = Settings::default();
        let set = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        settings.environment = vec![set("BRK_A", Some("1")), set("BRK_A", Some("2")), set("PATH", None)];
        let all = settings.final_environment();
        assert!(all.contains(&b"BRK_A=2".to_vec()) && !all.contains(&b"BRK_A=1".to_vec()));
        assert!(!all.iter().any(|entry| entry.starts_with(b"PATH=")));
    }
}

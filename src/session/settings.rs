//! What `set` can change about how targets are started and followed.

use std::path::PathBuf;

/// Settings that outlive a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program's arguments, already split into words.
    pub args: Vec<String>,
    /// The arguments as one text for the shell, when they hold redirections or patterns.
    pub shell_args: Option<String>,
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
    /// Calls of brk, mmap, munmap and mremap are recorded.
    pub memory_calls: bool,
    /// Where sources are looked for besides the place that debug info names.
    pub source_dirs: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            args: Vec::new(),
            shell_args: None,
            environment: Vec::new(),
            cwd: None,
            tty: None,
            disable_randomization: true,
            follow_fork_child: false,
            detach_on_fork: true,
            memory_calls: true,
            source_dirs: Vec::new(),
        }
    }
}

impl Settings {
    /// The environment that a program gets: ours with the changes, and `LINES` and `COLUMNS` as gdb sets them.
    pub(super) fn final_environment(&self) -> Vec<Vec<u8>> {
        use std::os::unix::ffi::OsStrExt;
        let changed = |name: &std::ffi::OsStr| self.environment.iter().any(|(n, _)| name == n.as_str());
        let mut all: Vec<Vec<u8>> = std::env::vars_os()
            .filter(|(name, _)| !changed(name))
            .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat())
            .collect();
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
    fn the_last_word_on_a_variable_wins() {
        let mut settings = Settings::default();
        let set = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        settings.environment = vec![set("BRK_A", Some("1")), set("BRK_A", Some("2")), set("PATH", None)];
        let all = settings.final_environment();
        assert!(all.contains(&b"BRK_A=2".to_vec()) && !all.contains(&b"BRK_A=1".to_vec()));
        assert!(!all.iter().any(|entry| entry.starts_with(b"PATH=")));
    }
}

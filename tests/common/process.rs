//! Running a debugger with a script, with a limit in time.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a debugger, or any program, said and how it ended.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// stdout and stderr together, in the order in which they were written.
    pub(crate) text: String,
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
}

impl Output {
    /// The part of the text between the markers around command number `index` (see [`Debugger::blocks`]).
    pub(crate) fn block(&self, index: usize) -> &str {
        let begin = format!("{}\n", marker(index));
        let Some(at) = self.text.find(&begin) else { panic!("no block {index} in:\n{}", self.text) };
        let rest = &self.text[at + begin.len()..];
        rest.find(&marker(index + 1)).map_or(rest, |end| &rest[..end])
    }

    /// Fails, showing everything, unless the text has `needle`.
    pub(crate) fn must_have(&self, needle: &str) -> &Self {
        assert!(self.text.contains(needle), "{needle:?} is not in:\n{}", self.text);
        self
    }

    /// Fails, showing everything, if the text has `needle`.
    pub(crate) fn must_not_have(&self, needle: &str) -> &Self {
        assert!(!self.text.contains(needle), "{needle:?} is in:\n{}", self.text);
        self
    }

    /// Fails unless it exited with this code, without a panic.
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.text);
        self.must_not_have("panicked at")
    }
}

fn marker(index: usize) -> String {
    format!("<<<{index}>>>")
}

/// A debugger and what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Debugger {
    program: PathBuf,
    flags: Vec<String>,
    commands: Vec<String>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    limit: Duration,
    directory: Option<PathBuf>,
}

impl Debugger {
    /// brkwater in batch mode.
    pub(crate) fn brkwater() -> Debugger {
        Debugger::new(super::brkwater_path())
    }

    /// gdb in batch mode, wide, without its configuration and the network.
    pub(crate) fn gdb() -> Debugger {
        let mut gdb = Debugger::new("gdb".into());
        for before in ["set width 0", "set debuginfod enabled off", "set breakpoint pending on"] {
            gdb.flags.extend(["-iex".to_owned(), before.to_owned()]);
        }
        gdb
    }

    /// The program that is run.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.program
    }

    fn new(program: PathBuf) -> Debugger {
        Debugger {
            program,
            flags: vec!["-nx".into(), "-batch".into()],
            commands: Vec::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            limit: Duration::from_secs(60),
            directory: None,
        }
    }

    /// One more flag before the commands.
    pub(crate) fn flag(mut self, flag: &str) -> Debugger {
        self.flags.push(flag.to_owned());
        self
    }

    /// One more `-ex`.
    pub(crate) fn ex(mut self, command: &str) -> Debugger {
        self.commands.push(command.to_owned());
        self
    }

    /// These commands, each between markers, so that [`Output::block`] finds what it printed.
    pub(crate) fn blocks(mut self, commands: &[&str]) -> Debugger {
        for (index, command) in commands.iter().enumerate() {
            self.commands.push(format!("echo {}\\n", marker(index)));
            self.commands.push((*command).to_owned());
        }
        self.commands.push(format!("echo {}\\n", marker(commands.len())));
        self
    }

    /// An environment variable for the debugger, and so for its target.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Debugger {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The directory to run in.
    pub(crate) fn cwd(mut self, directory: PathBuf) -> Debugger {
        self.directory = Some(directory);
        self
    }

    /// How long it may take at most.
    pub(crate) fn limit(mut self, seconds: u64) -> Debugger {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Runs it on a program with arguments.
    pub(crate) fn args(mut self, program: &[&str]) -> Output {
        self.arguments.push("--args".into());
        self.arguments.extend(program.iter().map(|&part| part.to_owned()));
        self.run()
    }

    /// Runs it with these words behind the flags, as they are.
    pub(crate) fn plain(mut self, words: &[&str]) -> Output {
        self.arguments.extend(words.iter().map(|&part| part.to_owned()));
        self.run()
    }

    fn run(self) -> Output {
        let mut command = Command::new(&self.program);
        command.args(&self.flags);
        for line in &self.commands {
            command.args(["-ex", line]);
        }
        command.args(&self.arguments).envs(self.environment.iter().map(|(k, v)| (k, v)));
        // The same environment under both debuggers, so that their targets' stacks are at the same place.
        command.env("LINES", "24").env("COLUMNS", "80").env("SHELL", "/bin/sh").env_remove("_");
        command.env_remove("DEBUGINFOD_URLS");
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        finish(command, self.limit)
    }
}

/// Runs a command to its end, stdin empty; ends it when the limit is reached, and fails.
pub(crate) fn finish(mut command: Command, limit: Duration) -> Output {
    let (mut reader, writer) = std::io::pipe().unwrap();
    command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
    let shown = format!("{command:?}");
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
    drop(command); // holds the writing end
    let collector = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = reader.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let code = wait(&mut child, limit);
    // What was left running keeps the pipe open; a test that leaves something is wrong, but need not hang.
    let end = Instant::now() + Duration::from_secs(5);
    while !collector.is_finished() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = if collector.is_finished() {
        collector.join().unwrap()
    } else {
        panic!("{shown}: ended, but something it started still holds its output open")
    };
    match code {
        Some(code) => Output { text, code },
        None => panic!("{shown}\ndid not end within {limit:?}; it had said:\n{text}"),
    }
}

/// Waits for a child; `None` when the limit was reached and it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> Option<Option<i32>> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code());
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// A program that runs beside the test, ended with it.
pub(crate) struct Running {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Running {
    /// Starts it, its output read line by line.
    pub(crate) fn start(mut command: Command) -> Running {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)).map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Running { child, lines }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|error| {
            // The last number of this line is how it ended (proc(5)), while nobody has waited for it.
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
            panic!("the program beside the test says nothing more: {error}; {stat}")
        })
    }

    /// A line that it has printed already.
    pub(crate) fn try_line(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// Forgets what it printed up to now.
    pub(crate) fn skip(&self) {
        while self.lines.try_recv().is_ok() {}
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// A field of `/proc/PID/status`.
    pub(crate) fn status(&self, field: &str) -> String {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .map(|value| value.trim().to_owned())
            .unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its output ends when the last of its children is gone: a debugger's engine and target, which end by themselves.
        while self.lines.recv_timeout(Duration::from_secs(5)).is_ok() {}
    }
}

//! A face that only listens: it starts the target, lets it run, and writes down what the engine tells of its calls.
//!
//! The words are [`crate::report::trace`]'s. This knows the order of things: settings, the start, `continue` until nothing
//! lives, what Ctrl-C means, and where the log goes.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::addr::Pid;
use crate::event::{Event, EventKind, ExitStatus, StopReason};
use crate::report::escape;
use crate::report::trace::{Log, Options};
use crate::session::handle::{Receiver, Sender};
use crate::session::protocol::{Note, Request, State};
use crate::syscalls::{self, CallSet};

/// What is traced, and how it is told.
#[derive(Clone, Debug, Default)]
pub struct Tracing {
    /// Settings and the program, in the command language.
    pub before: Vec<String>,
    /// What starts it: `run`, or `attach PID`.
    pub start: String,
    /// Whether it ran before: then it is let go at the end, and not killed.
    pub attached: bool,
    /// What lines look like.
    pub options: Options,
    /// Where they go; stderr without it.
    pub output: Option<PathBuf>,
    /// Only the summary is told.
    pub only_summary: bool,
    /// It goes into a recording: the only thing that is told is how far that came.
    pub records: bool,
    /// Calls that are told as strace tells them; without it, the four that memory is made of.
    pub calls: Option<CallSet>,
}

/// Rows of the summary.
const ROWS: usize = 20;
/// How often the log is written out, and progress shown.
const EVERY: Duration = Duration::from_millis(500);
/// A failed command.
const FAILED: u8 = 1;
/// Status when the engine ended on its own: a bug in brkwater.
const BUG: u8 = 70;
/// Status after SIGTERM or SIGHUP, as a shell would show it.
const TERMINATED: u8 = 128 + 15;

struct Tracer<'a> {
    sender: &'a Sender,
    receiver: &'a mut Receiver,
    tracing: &'a Tracing,
    out: Box<dyn Write>,
    log: Log,
    state: State,
    next_id: u64,
    /// The process that was started, and how it ended.
    first: Option<(Pid, Option<ExitStatus>)>,
    /// The user wants it to end.
    interrupted: bool,
    /// Memory calls that were heard of.
    calls: u64,
    /// What the engine had to say, for who wants to know why nothing happened.
    said: String,
    looked: Instant,
    began: Instant,
    progress: bool,
}

/// Traces; the exit status is the target's. `told_to_leave` is set by whoever has told the engine to quit.
pub fn trace(sender: &Sender, receiver: &mut Receiver, tracing: &Tracing, told_to_leave: &AtomicBool) -> u8 {
    let out: Box<dyn Write> = match &tracing.output {
        None => Box::new(BufWriter::new(io::stderr())),
        Some(path) => match File::create(path) {
            Ok(file) => Box::new(BufWriter::new(file)),
            Err(error) => {
                tell(&format!("brkwater: cannot write {}: {error}\n", path.display()));
                _ = sender.send(&Request::Quit);
                return FAILED;
            }
        },
    };
    let progress = (tracing.output.is_some() || tracing.records) && io::stderr().is_terminal();
    let mut tracer = Tracer {
        sender,
        receiver,
        tracing,
        out,
        log: Log::new(tracing.options.clone()),
        state: State::default(),
        next_id: 0,
        first: None,
        interrupted: false,
        calls: 0,
        said: String::new(),
        looked: Instant::now(),
        began: Instant::now(),
        progress,
    };
    let done = tracer.run();
    let status = match done {
        Ok(true) => tracer.status(),
        Ok(false) => {
            tell(&format!("brkwater: {}\n", tracer.said.trim_end()));
            FAILED
        }
        Err(()) if told_to_leave.load(Ordering::SeqCst) => TERMINATED,
        Err(()) => {
            tell(
                "brkwater: the engine has ended: what it launched is gone, what it was attached to runs on.\n",
            );
            BUG
        }
    };
    // Who is told to leave tells what it has heard.
    tracer.close(done != Ok(false));
    status
}

impl Tracer<'_> {
    /// Whether the target was started; an error when the engine is gone.
    fn run(&mut self) -> Result<bool, ()> {
        for line in &self.tracing.before {
            self.said.clear();
            if !self.line(line)? {
                return Ok(false);
            }
        }
        self.said.clear();
        // A Ctrl-C that ends the program in its first run leaves a stop without a frame: it was started all the same.
        if !self.line(&self.tracing.start)? && self.first.is_none() {
            return Ok(false);
        }
        while self.state.pid.is_some() {
            let how = match (self.interrupted, self.tracing.attached) {
                // Its children as well, one after the other.
                (true, true) => "detach",
                (true, false) => "signal SIGINT",
                (false, _) => "continue",
            };
            self.interrupted &= self.tracing.attached;
            // A program that has just ended by its own Ctrl-C takes no other; going on tells how it ended.
            if !self.line(how)? && how == "detach" {
                break;
            }
        }
        Ok(true)
    }

    /// Says a line to the engine and hears what comes until it is done; whether it was.
    fn line(&mut self, text: &str) -> Result<bool, ()> {
        self.next_id += 1;
        let id = self.next_id;
        self.sender.send(&Request::Line { id, text: text.to_owned() }).map_err(|_| ())?;
        while let Some(note) = self.next_note() {
            match note {
                Note::Done { id: done, ok, state, .. } if done == id => {
                    self.state = state;
                    return Ok(ok);
                }
                Note::Event(event) => self.event(&event),
                // What goes wrong while a program is recorded is told at once.
                Note::Output { text, error: true }
                    if self.tracing.records && self.first.is_some() && text.starts_with("warning: ") =>
                {
                    tell(&text);
                }
                Note::Output { text, .. } => self.said.push_str(&text),
                Note::Sync(number) => self.sender.send(&Request::Synced(number)).map_err(|_| ())?,
                Note::Ask { default, .. } => {
                    self.sender.send(&Request::Answer { text: Some(default) }).map_err(|_| ())?;
                }
                Note::Dropped(count) => self.put(&format!("... {count} events were left out\n")),
                _ => {}
            }
        }
        Err(())
    }

    /// What comes next. Who watches the log sees what came before, however long it takes.
    fn next_note(&mut self) -> Option<Note> {
        if self.receiver.is_drained() {
            _ = self.out.flush();
        }
        self.receiver.receive().ok().flatten()
    }

    fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Started { .. } => _ = self.first.get_or_insert((event.pid, None)),
            EventKind::Exited(status) => {
                if let Some((_, ended)) = self.first.as_mut().filter(|(pid, _)| *pid == event.pid) {
                    *ended = Some(*status);
                }
            }
            EventKind::Stopped(StopReason::Interrupted) => self.interrupted = true,
            EventKind::Call(_) => self.calls += 1,
            _ => {}
        }
        // What goes into a recording is told by whoever opens it.
        if !self.tracing.records {
            self.log_event(event);
        }
        if self.looked.elapsed() >= EVERY {
            self.look();
        }
    }

    /// Puts an event into the log.
    fn log_event(&mut self, event: &Event) {
        let text = self.log.event(event);
        let wanted = match &event.kind {
            EventKind::Call(record) => self.tracing.calls.as_ref().is_none_or(|set| {
                let nr = syscalls::number(syscalls::args::name(&record.call));
                nr.is_some_and(|nr| set.has(nr))
            }),
            _ => true,
        };
        if wanted && !self.tracing.only_summary {
            self.put(&text);
        }
    }

    /// Writes out what there is, and says how far it is.
    fn look(&mut self) {
        self.looked = Instant::now();
        _ = self.out.flush();
        if self.progress {
            let seconds = self.began.elapsed().as_secs_f64();
            tell(&format!("\r{} calls, {seconds:.1} s", self.calls));
        }
    }

    fn put(&mut self, text: &str) {
        // A full disk or a closed pipe must not end the target.
        _ = self.out.write_all(text.as_bytes());
    }

    fn status(&self) -> u8 {
        match self.first.and_then(|(_, ended)| ended) {
            Some(ExitStatus::Code(code)) => u8::try_from(code & 0xff).unwrap_or(u8::MAX),
            Some(ExitStatus::Signal(signal)) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
            None => 0,
        }
    }

    /// The end of a recording.
    fn end_recording(&mut self) {
        self.said.clear();
        self.first = None;
        if self.line("record stop") == Ok(true) {
            tell(&std::mem::take(&mut self.said));
        }
    }

    /// The end of the log, and of the engine.
    fn close(&mut self, told: bool) {
        if self.progress {
            self.look();
            tell("\n");
        }
        if self.tracing.records && told {
            self.end_recording();
        } else if told {
            let rest = self.log.flush();
            if !self.tracing.only_summary {
                self.put(&rest);
            }
            let grew =
                self.tracing.calls.is_none() || self.log.stories().iter().any(|(_, story)| story.calls() > 0);
            if self.tracing.only_summary && self.tracing.calls.is_some() {
                let counts = self.log.counts();
                self.put(&counts);
                if grew {
                    self.put("\n");
                }
            }
            if !self.tracing.options.json && grew {
                let summary = self.log.summary(ROWS);
                self.put(&format!("{}{summary}", if self.tracing.only_summary { "" } else { "\n" }));
            }
        }
        if self.out.flush().is_err()
            && let Some(path) = &self.tracing.output
        {
            tell(&format!(
                "brkwater: {} could not be written to its end\n",
                escape::plain(&path.to_string_lossy())
            ));
        }
        if self.sender.send(&Request::Quit).is_err() {
            return;
        }
        while let Some(note) = self.receiver.receive().ok().flatten() {
            if let Note::Sync(number) = note
                && self.sender.send(&Request::Synced(number)).is_err()
            {
                break;
            }
        }
    }
}

fn tell(text: &str) {
    _ = io::stderr().write_all(text.as_bytes());
}

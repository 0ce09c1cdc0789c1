//! The log of a traced run: calls in strace's words, each memory call with what it meant and who asked, stacks named once,
//! runs of the same folded, and a summary at the end.
//!
//! ```text
//! brk(0x26d3000) = 0x26b2000  [brk-refused: blocker 0x26b2000-0x26b3000 by plant (t.c:7)]  stack 2
//!     #0  0x7ffff7ed2c47 in brk (libc.so.6)
//! mmap(NULL, 135168, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7c3f000  [fallback]  stack 3
//! ... the 2 lines above 36 times more, 4.6 MiB more
//! ```
//!
//! It is fed events and gives lines; it knows no process and no file, so a recording is told by the same code.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::event::{call_json, syscall_json};
use super::fold::{Folded, Key};
use super::tables::label_word;
use super::words::{self, moment, place, planter, size};
use super::{escape, tables};
use crate::addr::{Addr, Pid, Tid};
use crate::event::{CallRecord, Cause, Event, EventKind, ExitStatus, Label, StackFrame};
use crate::heap::story::{Stories, Story};
use crate::syscalls::{self, form};

/// What is shown of each line.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// One object a line, `brkwater.event/1`, instead of text.
    pub json: bool,
    /// Stacks are told.
    pub stacks: bool,
    /// Runs of the same lines are folded.
    pub fold: bool,
    /// Every line begins with its thread, as in strace's files; else only where there are several.
    pub threads: bool,
    /// Calls are told as strace tells them, with unfinished ones, each thread's end, and nothing else between them.
    pub calls: bool,
    /// How moments are written in front.
    pub time: Time,
}

/// How moments are written.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// Not at all.
    #[default]
    None,
    /// Seconds since the line before.
    Relative,
    /// Seconds since the run began.
    SinceStart,
    /// The time of day in seconds or, when set, microseconds: `start` is that of the first event, since 1970, local.
    Day {
        /// Microseconds are shown.
        fine: bool,
        /// Seconds since midnight when the run began.
        start: u64,
    },
}

/// How many generations a name is looked for in.
const LINEAGE: usize = 16;

/// See the module.
#[derive(Default)]
pub struct Log {
    options: Options,
    stories: Stories,
    /// What return addresses stand for, per process.
    frames: FxHashMap<(Pid, Addr), Vec<StackFrame>>,
    /// Numbers of stacks that were told, per process.
    stacks: FxHashMap<(Pid, Vec<Addr>), u32>,
    fold: Folded,
    first: Option<Tid>,
    several: bool,
    /// Threads that live.
    living: u32,
    /// How often each call was made, and failed.
    counts: FxHashMap<u64, (u64, u64)>,
    /// Threads whose call was begun in a line of its own.
    unfinished: FxHashSet<Tid>,
    last: Option<f64>,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(options: Options) -> Log {
        Log { options, ..Log::default() }
    }

    /// What every process did.
    #[must_use]
    pub fn stories(&self) -> &Stories {
        &self.stories
    }

    /// The lines that an event amounts to, each with its line end.
    pub fn event(&mut self, event: &Event) -> String {
        self.stories.apply(event);
        self.several |= *self.first.get_or_insert(event.tid) != event.tid;
        if self.options.calls {
            self.count(event);
        }
        match &event.kind {
            EventKind::Named { frames } => {
                for (at, names) in frames {
                    self.frames.insert((event.pid, *at), names.clone());
                }
                String::new()
            }
            EventKind::Call(record) => self.call(event, record),
            EventKind::SyscallBegun(begun) => {
                self.unfinished.insert(event.tid);
                let why = if begun.detached { "detached" } else { "unfinished" };
                self.mark(event, &format!("{} <{why} ...>", begun.text))
            }
            EventKind::Syscall(record) if self.options.json => {
                self.counted(record.call.nr, record.ret);
                syscall_json(event).map(|value| escape::json(&value) + "\n").unwrap_or_default()
            }
            EventKind::Syscall(record) => {
                self.counted(record.call.nr, record.ret);
                let text = match self.unfinished.remove(&event.tid) {
                    true => resumed(Some(record.call.nr), &format!("{}) = {}", record.rest, record.result)),
                    false => record.text(),
                };
                self.mark(event, &text)
            }
            EventKind::Signalled { signo, info } => {
                self.mark(event, &format!("--- {} {info} ---", form::signal_name(*signo)))
            }
            EventKind::Halted { signo } => {
                self.mark(event, &format!("--- stopped by {} ---", form::signal_name(*signo)))
            }
            EventKind::Superseded { by } => {
                if self.unfinished.remove(by) {
                    self.unfinished.insert(event.tid);
                }
                self.living = self.living.saturating_sub(1);
                self.mark(event, &format!("+++ superseded by execve in pid {by} +++"))
            }
            EventKind::Execed { program } if !self.options.calls => {
                self.mark(event, &format!("--- exec {} ---", escape::plain(program)))
            }
            EventKind::Exited(status) if !self.options.calls => self.end(event, *status, false),
            EventKind::Ended { status, core } => {
                let text = self.end(event, *status, *core);
                self.living = self.living.saturating_sub(1);
                text
            }
            _ => String::new(),
        }
    }

    /// What is folded so far, so that nothing is missing when the log ends or somebody looks.
    pub fn flush(&mut self) -> String {
        self.fold.flush()
    }

    fn counted(&mut self, nr: u64, ret: Option<i64>) {
        let (calls, errors) = self.counts.entry(nr).or_default();
        *calls += 1;
        *errors += u64::from(ret.is_some_and(|ret| syscalls::unpack(ret as u64).is_err()));
    }

    /// How often each call was made, as strace's `-c` has it, without the time, which nobody measured.
    #[must_use]
    pub fn counts(&self) -> String {
        let rule = "--------- --------- ----------------\n";
        let mut rows: Vec<(&str, u64, u64)> = self
            .counts
            .iter()
            .map(|(nr, (calls, errors))| (syscalls::name(*nr).unwrap_or("(no name)"), *calls, *errors))
            .collect();
        rows.sort_unstable_by_key(|(name, calls, _)| (std::cmp::Reverse(*calls), *name));
        let number = |value: u64| if value == 0 { String::new() } else { value.to_string() };
        let row = |name: &str, calls, errors| format!("{calls:>9} {:>9} {name}\n", number(errors));
        let body: String = rows.iter().map(|(name, calls, errors)| row(name, *calls, *errors)).collect();
        let (calls, errors) = rows.iter().fold((0, 0), |sum, row| (sum.0 + row.1, sum.1 + row.2));
        format!("    calls    errors syscall\n{rule}{body}{rule}{}", row("total", calls, errors))
    }

    /// How many threads live now: strace names them where there are several.
    fn count(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Started { .. } => self.living = 1,
            EventKind::ThreadStarted | EventKind::Forked { followed: true, .. } => self.living += 1,
            _ => {}
        }
        self.several = self.living > 1;
    }

    fn end(&mut self, event: &Event, status: ExitStatus, core: bool) -> String {
        let core = if core { " (core dumped)" } else { "" };
        let text = match status {
            ExitStatus::Code(code) => format!("+++ exited with {code} +++"),
            ExitStatus::Signal(signal) => format!("+++ killed by {}{core} +++", form::signal_name(signal)),
        };
        self.mark(event, &text)
    }

    fn call(&mut self, event: &Event, record: &CallRecord) -> String {
        let ret = Some(syscalls::args::returned(&record.call));
        self.counted(syscalls::number(syscalls::args::name(&record.call)).unwrap_or(u64::MAX), ret);
        if self.options.json {
            let value =
                call_json(event, &|at| self.frames.get(&(event.pid, at)).cloned().unwrap_or_default());
            return value.map(|value: Value| escape::json(&value) + "\n").unwrap_or_default();
        }
        let text = match self.unfinished.remove(&event.tid) {
            true => {
                let nr = syscalls::number(syscalls::args::name(&record.call));
                resumed(nr, &format!(") = {}", syscalls::args::result(&record.call)))
            }
            false => syscalls::text(&record.call),
        };
        let mut line = format!("{}{text}", self.start(event));
        let story = self.stories.of(event.pid);
        // Without its stack nothing tells the program's own calls from the loader's.
        let told = !record.stack.is_empty() || !matches!(record.label, Label::UserMap | Label::UserUnmap);
        if told {
            line.push_str(&format!(
                "  [{}{}]",
                label_word(record.label),
                story.map(|story| meaning(story, event, record)).unwrap_or_default()
            ));
        }
        let (mut stack, mut number) = (String::new(), 0);
        if self.options.stacks && !record.stack.is_empty() && record.label != Label::Loader {
            let next = u32::try_from(self.stacks.len()).unwrap_or(u32::MAX).saturating_add(1);
            let key = (event.pid, record.stack.clone());
            let known = self.stacks.get(&key).copied();
            number = *self.stacks.entry(key).or_insert(next);
            line.push_str(&format!("  stack {number}"));
            if known.is_none() {
                stack = self.stack(event.pid, &record.stack);
            }
        } else if let Some(site) = super::calls::site(story.unwrap_or(&Story::default()), event, record) {
            line.push_str(&format!("  {site}"));
        }
        line.push('\n');
        line.push_str(&stack);
        if !self.options.fold {
            return line;
        }
        let (call, bytes) = (syscalls::args::name(&record.call), grown(record));
        let key = Key { tid: event.tid, call, label: record.label, stack: number, bytes };
        self.fold.line(key, line)
    }

    fn mark(&mut self, event: &Event, text: &str) -> String {
        if self.options.json {
            return String::new();
        }
        let start = self.start(event);
        format!("{}{start}{text}\n", self.fold.flush())
    }

    /// What stands in front of a line: the thread and the moment.
    fn start(&mut self, event: &Event) -> String {
        let thread = match (self.options.threads, self.several) {
            (true, _) => format!("{:<5} ", event.tid.0),
            (false, true) => format!("[pid {:>5}] ", event.tid.0),
            (false, false) => String::new(),
        };
        let before = self.last.replace(event.t).unwrap_or(event.t);
        let time = match self.options.time {
            Time::None => String::new(),
            Time::Relative => format!("{:>12.6} ", (event.t - before).max(0.0)),
            Time::SinceStart => format!("{} ", moment(event.t)),
            Time::Day { fine, start } => day(start, event.t, fine),
        };
        thread + &time
    }

    fn stack(&self, pid: Pid, stack: &[Addr]) -> String {
        let mut text = String::new();
        let mut level = 0;
        for at in stack {
            let bare = [StackFrame { address: *at, ..StackFrame::default() }];
            for frame in self.named(pid, *at).unwrap_or(&bare) {
                let nameless = || frame.module.as_deref().map(words::file_name).unwrap_or_default();
                let place = match &frame.function {
                    Some(_) => place(frame),
                    None => format!("?? ({})", escape::plain(nameless())),
                };
                text.push_str(&format!("    #{level:<2} {at} in {place}\n"));
                level += 1;
            }
        }
        text
    }

    /// What an address stands for in a process: a child has what its parent had.
    fn named(&self, pid: Pid, at: Addr) -> Option<&[StackFrame]> {
        let lineage = std::iter::successors(Some(pid), |pid| Some(self.stories.of(*pid)?.forked()?.parent));
        let known = lineage.take(LINEAGE).filter_map(|pid| self.frames.get(&(pid, at)));
        known.map(Vec::as_slice).find(|frames| !frames.is_empty())
    }

    /// The end: by process, what was got by whom, and the one line about a refused brk.
    #[must_use]
    pub fn summary(&self, rows: usize) -> String {
        let mut text = String::new();
        let told: Vec<(Pid, &Story)> =
            self.stories.iter().filter(|(_, story)| story.own_calls() > 0).collect();
        for (pid, story) in &told {
            if told.len() > 1 {
                text.push_str(&format!(
                    "\nprocess {pid} {}\n",
                    escape::plain(words::file_name(story.program()))
                ));
            }
            let own = story.refusals().last.as_ref().filter(|last| !story.is_inherited(last.asked.seq));
            if let Some(line) = own.and_then(|_| super::headline(story)) {
                text.push_str(&format!("{line}\n"));
            }
            let names = |at| self.named(*pid, at).map(<[_]>::to_vec).unwrap_or_default();
            text.push_str(&tables::growth(story, rows, &names));
        }
        if told.is_empty() {
            text.push_str("No memory call was made.\n");
        }
        text
    }
}

/// The rest of a call whose beginning stands further up.
fn resumed(nr: Option<u64>, rest: &str) -> String {
    let name = nr.and_then(syscalls::name).unwrap_or("syscall");
    format!("<... {name} resumed>{rest}")
}

/// `: blocker 0x…-0x… by plant (t.c:7)` and the like.
fn meaning(story: &Story, event: &Event, record: &CallRecord) -> String {
    match &record.cause {
        Some(Cause::Occupied { blocker, .. }) => {
            let found = story.blockers().iter().rev().find(|known| known.span.overlaps(*blocker));
            let by = found.and_then(planter).map(|who| format!(" by {who}")).unwrap_or_default();
            format!(": blocker {blocker}{by}")
        }
        Some(cause) => format!(": {}", super::refused::short(cause)),
        None => match (record.label, &record.allocator) {
            (Label::Blocker, _) => {
                let who = super::calls::site(story, event, record);
                who.map(|who| format!(" by {who}")).unwrap_or_default()
            }
            (_, Some(allocator)) => match record.site.as_ref().map(place) {
                Some(site) => format!(": {allocator} by {site}"),
                None => format!(": {allocator}"),
            },
            _ => String::new(),
        },
    }
}

/// Bytes that a call got from the kernel.
fn grown(record: &CallRecord) -> u64 {
    use crate::event::Call;
    match record.call {
        Call::Mmap { len, ret: Ok(_), .. } => len,
        Call::Mremap { old_len, new_len, ret: Ok(_), .. } => new_len.saturating_sub(old_len),
        _ => 0,
    }
}

/// `12:34:56 ` or `12:34:56.789012 `.
fn day(start: u64, t: f64, fine: bool) -> String {
    let micros = (t.max(0.0) * 1e6) as u64;
    let seconds = (start + micros / 1_000_000) % 86_400;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match fine {
        true => format!("{h:02}:{m:02}:{s:02}.{:06} ", micros % 1_000_000),
        false => format!("{h:02}:{m:02}:{s:02} "),
    }
}

/// `37 times more, 4.6 MiB more`.
pub(super) fn repeated(lines: usize, times: u64, bytes: u64) -> String {
    let what = match lines {
        1 => "the line above".to_owned(),
        lines => format!("the {lines} lines above"),
    };
    let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    let bytes = if bytes == 0 { String::new() } else { format!(", {} more", size(bytes)) };
    format!("... {what} {times} more{bytes}\n")
}

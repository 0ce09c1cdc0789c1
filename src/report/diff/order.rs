//! Two runs laid beside each other, event by event: where they go the same way, and where they part.
//!
//! Process ids and addresses differ from run to run, so events are compared by what the program did. Two events are *the
//! same* when
//! - they are of the same process and the same thread of it, both counted in the order in which they appeared: the order of
//!   events of different threads is the scheduler's, and is not compared;
//! - the same was asked: brk by the same number of bytes; mmap of the same length, rights and flags, of a file or of none;
//!   munmap of the same length; mremap from and to the same lengths; or a fork, an exec of a file of the same name, an end
//!   with the same status;
//! - the same was answered: the call's label, and the errno where it failed. Where only this differs, it is *the same
//!   request with another answer*, which is what a blocker makes of a brk;
//! - they came from the same function in the same file. Lines are not compared, because one line more in a source moves all
//!   behind it. Of code without a name the module is compared. The program itself may have another name.
//!
//! Left out are the loader's calls (they depend on what lies in a cache), questions for the break, and everything that the
//! debugger did: stops, hits, marks, usage. The calls by which a thread gets a new arena are one event, whose sizes are not
//! compared: how many there are depends on the addresses that the kernel chose, and on the arenas of other threads.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::addr::{Addr, Pid, Seq, Tid};
use crate::event::{Call, CallRecord, Event, EventKind, ExitStatus, Label, StackFrame};
use crate::report::words::file_name;

/// How far ahead the way back to each other is looked for.
const AHEAD: usize = 64;
/// How many partings are followed: the first is told, and the first that is about placement.
const FOLLOWED: usize = 32;

/// What the kernel gives back above this is an errno (`MAX_ERRNO` is 4095).
const ERRNOS: u64 = u64::MAX - 4095;

/// An event that says what the program did.
#[derive(Clone, Debug)]
pub(super) struct Step<'a> {
    /// The event.
    pub(super) event: &'a Event,
    asked: Asked<'a>,
}

#[derive(Clone, Debug)]
enum Asked<'a> {
    /// A call: what it asked for, and from where.
    Call(Wanted, Site<'a>),
    Fork,
    /// The new program's file name.
    Exec(&'a str),
    Exit(ExitStatus),
}

/// What a call asks for, without addresses.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// By how many bytes the break is to move.
    Brk(i64),
    Mmap {
        len: u64,
        prot: u32,
        flags: u32,
        file: bool,
        offset: u64,
    },
    Munmap(u64),
    /// A new arena, however many calls that took.
    Arena,
    Mremap {
        old: u64,
        new: u64,
        flags: u32,
    },
}

/// Where a call comes from, by names that another run has, too.
#[derive(Copy, Clone, Debug, Default)]
struct Site<'a> {
    function: Option<&'a str>,
    file: Option<&'a str>,
    /// Empty for the program itself.
    module: Option<&'a str>,
}

/// A thread: the number of its process, and its own there, both from 0.
pub(super) type Line = (usize, usize);

/// A run as steps.
pub(super) struct Run<'a> {
    /// All its events.
    pub(super) events: &'a [Event],
    /// Its processes, in the order in which they appeared.
    pub(super) pids: Vec<Pid>,
    /// The steps of each thread.
    lines: BTreeMap<Line, Vec<Step<'a>>>,
}

/// A stretch of two lines that differs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    /// The thread.
    pub(super) line: Line,
    /// Where it begins in both.
    pub(super) at: (usize, usize),
    /// How many steps of each have no counterpart; both 0 for the same request with another answer.
    pub(super) len: (usize, usize),
}

/// What is known of a process while its events are read.
#[derive(Default)]
struct Known<'a> {
    program: &'a str,
    line: Option<Addr>,
    threads: Vec<Tid>,
    /// The threads whose latest call was one for a new arena.
    in_arena: FxHashSet<Tid>,
}

impl<'a> Run<'a> {
    pub(super) fn of(events: &'a [Event]) -> Run<'a> {
        let mut run = Run { events, pids: Vec::new(), lines: BTreeMap::new() };
        let mut numbers: FxHashMap<Pid, usize> = FxHashMap::default();
        let mut known: Vec<Known<'a>> = Vec::new();
        for event in events {
            let process = *numbers.entry(event.pid).or_insert_with(|| {
                run.pids.push(event.pid);
                known.push(Known::default());
                known.len() - 1
            });
            if let EventKind::Forked { child, followed: true, .. } = event.kind {
                let (program, line) = (known[process].program, known[process].line);
                numbers.entry(child).or_insert_with(|| {
                    run.pids.push(child);
                    known.push(Known { program, line, ..Known::default() });
                    known.len() - 1
                });
            }
            let Some(of) = known.get_mut(process) else { continue };
            let thread = of.thread(event.tid);
            let Some(asked) = of.asked(event) else { continue };
            // The end of a process is told by whichever thread was the last.
            let thread = if matches!(asked, Asked::Exit(_)) { 0 } else { thread };
            run.lines.entry((process, thread)).or_default().push(Step { event, asked });
        }
        run
    }

    /// The steps of a thread; none of one that the run does not have.
    pub(super) fn steps(&self, line: Line) -> &[Step<'a>] {
        self.lines.get(&line).map_or(&[], Vec::as_slice)
    }

    /// How many steps there are.
    pub(super) fn len(&self) -> usize {
        self.lines.values().map(Vec::len).sum()
    }

    /// The event with this number.
    pub(super) fn event(&self, seq: Seq) -> Option<&'a Event> {
        let at = self.events.binary_search_by_key(&seq, |event| event.seq).ok()?;
        self.events.get(at)
    }

    /// The names of return addresses that were told for this process up to an event.
    pub(super) fn names(&self, event: &Event) -> FxHashMap<Addr, Vec<StackFrame>> {
        let before = self.events.iter().take_while(|other| other.seq <= event.seq);
        let mut names = FxHashMap::default();
        for other in before.filter(|other| other.pid == event.pid) {
            if let EventKind::Named { frames } = &other.kind {
                names.extend(frames.iter().cloned());
            }
        }
        names
    }
}

impl<'a> Known<'a> {
    fn thread(&mut self, tid: Tid) -> usize {
        self.threads.iter().position(|known| *known == tid).unwrap_or_else(|| {
            self.threads.push(tid);
            self.threads.len() - 1
        })
    }

    /// What an event asked; nothing for one that is not compared.
    fn asked(&mut self, event: &'a Event) -> Option<Asked<'a>> {
        match &event.kind {
            EventKind::Started { program, brk, .. } => {
                (self.program, self.line) = (file_name(program), *brk);
                None
            }
            EventKind::Execed { program } => {
                (self.program, self.line) = (file_name(program), None);
                Some(Asked::Exec(self.program))
            }
            EventKind::Forked { .. } => Some(Asked::Fork),
            EventKind::Exited(status) => Some(Asked::Exit(*status)),
            EventKind::Call(record) => {
                let mut wanted = self.wanted(&record.call);
                if record.label == Label::ArenaNew {
                    wanted = Wanted::Arena;
                    if !self.in_arena.insert(event.tid) {
                        return None;
                    }
                } else {
                    self.in_arena.remove(&event.tid);
                }
                let compared = !matches!(record.label, Label::Loader | Label::BrkQuery);
                compared.then(|| Asked::Call(wanted, self.site(record.site.as_ref())))
            }
            _ => None,
        }
    }

    fn wanted(&mut self, call: &Call) -> Wanted {
        match *call {
            Call::Brk { wanted, got } => {
                let from = self.line.unwrap_or(got);
                // A filter may answer with an errno, which is no break.
                self.line = if got.0 > ERRNOS { self.line } else { Some(got) };
                Wanted::Brk(wanted.0.wrapping_sub(from.0).cast_signed())
            }
            Call::Mmap { len, prot, flags, fd, offset, .. } => {
                Wanted::Mmap { len, prot, flags, file: fd >= 0, offset }
            }
            Call::Munmap { len, .. } => Wanted::Munmap(len),
            Call::Mremap { old_len, new_len, flags, .. } => {
                Wanted::Mremap { old: old_len, new: new_len, flags }
            }
        }
    }

    fn site(&self, site: Option<&'a StackFrame>) -> Site<'a> {
        let Some(site) = site else { return Site::default() };
        let module = site.module.as_deref().map(file_name);
        Site {
            function: site.function.as_deref(),
            file: site.file.as_deref().map(file_name),
            module: module.map(|module| if module == self.program { "" } else { module }),
        }
    }
}

impl Site<'_> {
    /// Whether nothing that both know differs.
    fn alike(&self, other: &Site<'_>) -> bool {
        let differ = |a: Option<&str>, b: Option<&str>| a.zip(b).is_some_and(|(a, b)| a != b);
        match (self.function, other.function) {
            (Some(a), Some(b)) => a == b && !differ(self.file, other.file),
            _ => !differ(self.module, other.module),
        }
    }
}

impl<'a> Step<'a> {
    /// The call that it was, if it was one.
    pub(super) fn record(&self) -> Option<&'a CallRecord> {
        match &self.event.kind {
            EventKind::Call(record) => Some(record),
            _ => None,
        }
    }

    fn is_end(&self) -> bool {
        matches!(self.asked, Asked::Exit(_))
    }

    fn asks_as(&self, other: &Step<'_>) -> bool {
        match (&self.asked, &other.asked) {
            (Asked::Call(a, from), Asked::Call(b, there)) => a == b && from.alike(there),
            (Asked::Fork, Asked::Fork) => true,
            (Asked::Exec(a), Asked::Exec(b)) => a == b,
            (Asked::Exit(a), Asked::Exit(b)) => a == b,
            _ => false,
        }
    }

    fn is(&self, other: &Step<'_>) -> bool {
        let answer = |step: &Step<'_>| step.record().map(|record| (record.label, errno(&record.call)));
        self.asks_as(other) && answer(self) == answer(other)
    }
}

fn errno(call: &Call) -> Option<i32> {
    match call {
        Call::Brk { .. } => None,
        Call::Mmap { ret, .. } | Call::Munmap { ret, .. } | Call::Mremap { ret, .. } => ret.err(),
    }
}

/// The first stretches in which two runs differ, the earliest first.
pub(super) fn partings(a: &Run<'_>, b: &Run<'_>) -> Vec<Hunk> {
    let mut lines: Vec<Line> = a.lines.keys().chain(b.lines.keys()).copied().collect();
    lines.sort_unstable();
    lines.dedup();
    let mut hunks: Vec<Hunk> =
        lines.into_iter().flat_map(|line| differing(line, a.steps(line), b.steps(line))).collect();
    let number = |steps: &[Step<'_>], at: usize| steps.get(at).map_or(u64::MAX, |step| step.event.seq.0);
    let when = |hunk: &Hunk| {
        let (a, b) = (a.steps(hunk.line), b.steps(hunk.line));
        number(a, hunk.at.0).min(number(b, hunk.at.1))
    };
    hunks.sort_by_key(when);
    hunks
}

fn differing(line: Line, a: &[Step<'_>], b: &[Step<'_>]) -> Vec<Hunk> {
    let (a, b) = match (a.split_last(), b.split_last()) {
        // An end of the same kind is no event that one of them has and the other comes to later.
        (Some((end, before)), Some((other, rest))) if end.is_end() && end.is(other) => (before, rest),
        _ => (a, b),
    };
    let (mut hunks, mut at) = (Vec::new(), (0, 0));
    while hunks.len() < FOLLOWED {
        let rest = (a.get(at.0..).unwrap_or_default(), b.get(at.1..).unwrap_or_default());
        let alike = rest.0.iter().zip(rest.1).take_while(|(a, b)| a.is(b)).count();
        at = (at.0 + alike, at.1 + alike);
        let rest = (rest.0.get(alike..).unwrap_or_default(), rest.1.get(alike..).unwrap_or_default());
        if rest.0.is_empty() && rest.1.is_empty() {
            break;
        }
        let len = together(rest.0, rest.1).unwrap_or((rest.0.len(), rest.1.len()));
        hunks.push(Hunk { line, at, len });
        at = if len == (0, 0) { (at.0 + 1, at.1 + 1) } else { (at.0 + len.0, at.1 + len.1) };
    }
    hunks
}

/// How many steps of each lie before the next that ask for the same.
fn together(a: &[Step<'_>], b: &[Step<'_>]) -> Option<(usize, usize)> {
    let both = |(x, y): &(usize, usize)| a.get(*x).zip(b.get(*y)).is_some_and(|(a, b)| a.asks_as(b));
    (0..=AHEAD).find_map(|far| (0..=far).map(|x| (x, far - x)).find(both))
}

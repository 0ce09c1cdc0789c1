//! Events for tests: from recordings of `strace -f -k`, and by hand. The recordings are real (nginx and
//! bundle_loop of the case, a small threaded program; glibc 2.36 without its debug file, stacks cut).

use super::{Caller, Look, Story};
use crate::addr::{Addr, Pid, Seq, Tid};
use crate::event::{Call, CallRecord, Event, EventKind, StackFrame};
use crate::maps::{self, Mapping};

pub(crate) const NGINX: &str = include_str!("testdata/nginx.strace");
pub(crate) const BUNDLE_LOOP: &str = include_str!("testdata/bundle_loop.strace");
pub(crate) const THREADS: &str = include_str!("testdata/threads.strace");
pub(crate) const NGINX_START: &str = include_str!("testdata/nginx.start.maps");
pub(crate) const NGINX_END: &str = include_str!("testdata/nginx.end.maps");
pub(crate) const PID: Pid = Pid(4697);

/// A run: the engine's side of the story, and the events that it told.
pub(crate) struct Run {
    pub(crate) story: Story,
    pub(crate) events: Vec<Event>,
    pub(crate) look: Look,
    /// How often the look was asked for.
    pub(crate) looks: usize,
}

impl Run {
    pub(crate) fn launched(program: &str, maps: &str, brk: u64) -> Run {
        Run::start(program, maps, Some(brk), false)
    }

    pub(crate) fn start(program: &str, maps: &str, brk: Option<u64>, attached: bool) -> Run {
        let mut run = Run { story: Story::default(), events: Vec::new(), look: Look::default(), looks: 0 };
        run.tell(
            0.0,
            EventKind::Started {
                program: program.to_owned(),
                args: Vec::new(),
                attached,
                core: false,
                brk: brk.map(Addr),
                maps: maps::parse(maps),
            },
        );
        run
    }

    /// The whole nginx recording.
    pub(crate) fn nginx() -> Run {
        Run::nginx_until(usize::MAX)
    }

    /// Its first `calls` calls. 37 of them end with the refused brk of the backtrace in
    /// `report/testdata/mmap.bt`, which gdb took of the same run.
    pub(crate) fn nginx_until(calls: usize) -> Run {
        let mut run = Run::launched("/opt/case/bin/nginx", NGINX_START, 0xa6_a000);
        run.look.maps = maps::parse(NGINX_END);
        run.strace(NGINX, calls);
        run
    }

    pub(crate) fn tell(&mut self, t: f64, kind: EventKind) -> Seq {
        let seq = Seq(self.events.len() as u64 + 1);
        let event = Event { seq, t, pid: PID, tid: Tid(PID.0), kind };
        self.story.apply(&event);
        self.events.push(event);
        seq
    }

    /// Judges and applies a call, as the engine does.
    pub(crate) fn call(&mut self, tid: i32, call: Call, frames: &[StackFrame]) -> CallRecord {
        let t = self.events.len() as f64 / 1000.0;
        self.call_at(t, tid, call, frames)
    }

    fn call_at(&mut self, t: f64, tid: i32, call: Call, frames: &[StackFrame]) -> CallRecord {
        let (look, looks) = (&self.look, &mut self.looks);
        let verdict = self.story.observe(Tid(tid), &call, &Caller::of(frames), &mut || {
            *looks += 1;
            look.clone()
        });
        let mut stack: Vec<Addr> = frames.iter().map(|frame| frame.address).collect();
        stack.dedup();
        let record = CallRecord {
            call,
            label: verdict.label,
            cause: verdict.cause,
            stack,
            site: verdict.site,
            allocator: verdict.allocator,
        };
        let seq = Seq(self.events.len() as u64 + 1);
        let event = Event { seq, t, pid: PID, tid: Tid(tid), kind: EventKind::Call(record.clone()) };
        self.story.apply(&event);
        self.events.push(event);
        record
    }

    pub(crate) fn brk(&mut self, wanted: u64, got: u64, frames: &[StackFrame]) -> CallRecord {
        self.call(PID.0, Call::Brk { wanted: Addr(wanted), got: Addr(got) }, frames)
    }

    pub(crate) fn map(&mut self, at: u64, len: u64, flags: u32, frames: &[StackFrame]) -> CallRecord {
        self.call(PID.0, map_call(at, len, 3, flags), frames)
    }

    pub(crate) fn unmap(&mut self, at: u64, len: u64, frames: &[StackFrame]) -> CallRecord {
        self.call(PID.0, Call::Munmap { addr: Addr(at), len, ret: Ok(Addr(0)) }, frames)
    }

    pub(crate) fn strace(&mut self, text: &str, limit: usize) {
        for (t, tid, call, frames) in parse(text).into_iter().take(limit) {
            self.call_at(t, tid, call, &frames);
        }
    }

    /// The story that a face gets from the events alone.
    pub(crate) fn replayed(&self) -> Story {
        let mut story = Story::default();
        self.events.iter().for_each(|event| story.apply(event));
        story
    }

    pub(crate) fn maps(&self) -> &[Mapping] {
        &self.look.maps
    }
}

pub(crate) fn map_call(at: u64, len: u64, prot: u32, flags: u32) -> Call {
    let addr = if flags & 0x10 != 0 { at } else { 0 };
    Call::Mmap { addr: Addr(addr), len, prot, flags, fd: -1, offset: 0, ret: Ok(Addr(at)) }
}

/// A stack from `function@module` words, innermost first; equal words get equal addresses.
pub(crate) fn stack(words: &[&str]) -> Vec<StackFrame> {
    words.iter().map(|word| frame(word)).collect()
}

fn frame(word: &str) -> StackFrame {
    let (function, module) = word.split_once('@').unwrap_or((word, "/bin/prog"));
    let module = if module == "libc" { "/lib/x86_64-linux-gnu/libc.so.6" } else { module };
    let address =
        word.bytes().fold(0x40_0000_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    StackFrame {
        address: Addr(address & 0x7fff_ffff_ffff),
        function: (!function.is_empty()).then(|| function.to_owned()),
        file: (module == "/bin/prog").then(|| format!("{function}.c")),
        line: (module == "/bin/prog").then_some(7),
        module: Some(module.to_owned()),
    }
}

/// Time, thread (`0.123@2` is thread 2, a bare time the main thread), call, stack.
type Line = (f64, i32, Call, Vec<StackFrame>);

fn parse(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(" > ") {
            let (module, rest) = rest.split_once('(').unwrap();
            let (name, rest) = rest.split_once(')').unwrap();
            let offset = rest.trim().trim_matches(['[', ']']);
            let address = base(module) + number(offset);
            let function = name.split('+').next().filter(|name| !name.is_empty()).map(str::to_owned);
            lines.last_mut().unwrap().3.push(StackFrame {
                address: Addr(address),
                function,
                module: Some(module.to_owned()),
                ..StackFrame::default()
            });
        } else {
            let (t, rest) = line.split_once(' ').unwrap();
            let (t, tid) = t.split_once('@').map_or((t, PID.0), |(t, tid)| (t, tid.parse().unwrap()));
            lines.push((t.parse().unwrap(), tid, call(rest), Vec::new()));
        }
    }
    lines
}

/// Where modules are without ASLR, so that addresses equal those that gdb shows.
fn base(module: &str) -> u64 {
    match module.rsplit('/').next() {
        Some("libc.so.6") => 0x7fff_f7c0_0000,
        Some("ld-linux-x86-64.so.2") => 0x7fff_f7fc_a000,
        _ => 0x40_0000,
    }
}

fn call(text: &str) -> Call {
    let (name, rest) = text.split_once('(').unwrap();
    let (args, ret) = rest.rsplit_once(") = ").unwrap();
    let args: Vec<&str> = args.split(", ").collect();
    let at = |n: usize| Addr(number(args[n]));
    let ret = Addr(number(ret));
    match name {
        "brk" => Call::Brk { wanted: at(0), got: ret },
        "mremap" => Call::Mremap {
            addr: at(0),
            old_len: at(1).0,
            new_len: at(2).0,
            flags: bits(args[3]),
            ret: Ok(ret),
        },
        "munmap" => Call::Munmap { addr: at(0), len: at(1).0, ret: Ok(ret) },
        "mmap" => Call::Mmap {
            addr: at(0),
            len: at(1).0,
            prot: bits(args[2]),
            flags: bits(args[3]),
            fd: args[4].parse().unwrap(),
            offset: at(5).0,
            ret: Ok(ret),
        },
        other => panic!("{other}"),
    }
}

fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        _ if text == "NULL" => 0,
        Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
        None => text.parse().unwrap(),
    }
}

fn bits(text: &str) -> u32 {
    let bit = |name: &str| match name {
        "PROT_NONE" => 0,
        "PROT_READ" | "MAP_SHARED" | "MREMAP_MAYMOVE" => 1,
        "PROT_WRITE" | "MAP_PRIVATE" => 2,
        "PROT_EXEC" => 4,
        "MAP_FIXED" => 0x10,
        "MAP_ANONYMOUS" => 0x20,
        "MAP_DENYWRITE" => 0x800,
        "MAP_NORESERVE" => 0x4000,
        "MAP_STACK" => 0x2_0000,
        other => panic!("{other}"),
    };
    text.split('|').map(bit).fold(0, |all, one| all | one)
}

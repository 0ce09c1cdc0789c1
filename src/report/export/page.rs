//! What every writer reads: the stop as a document, and beside it the whole journal with names.
//!
//! It is owned and finished: secrets are out, names are found, times are as they shall be printed. A writer so
//! cannot forget to redact, and needs nothing but this.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::super::escape::plain;
use super::super::redact::Redactor;
use super::super::tables::label_word;
use super::super::{Document, Inputs, calls};
use super::stable::Stable;
use crate::addr::{Addr, Pid, Span, Tid};
use crate::event::{Call, Event, EventKind, ExitStatus, StackFrame};
use crate::heap::story::growth::GrowthView;
use crate::heap::story::strip::{Glyphs, Strip, strip};
use crate::heap::story::{Layout, Point, RegionKind, Stories, Story};

/// How wide the drawn row of the address space is, in cells.
const CELLS: usize = 96;
/// How many slices of time a drawn timeline has.
const COLUMNS: usize = 240;

/// A file with code, as it is mapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binary {
    /// Its path.
    pub path: String,
    /// Its build-id in hex, where it has one.
    pub build_id: Option<String>,
    /// Where its code is mapped.
    pub code: Span,
    /// Where in the file that begins, in bytes.
    pub offset: u64,
}

/// Growth with one stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// What the calls were.
    pub label: String,
    /// Return addresses, innermost first; empty when no stack was recorded.
    pub addresses: Vec<Addr>,
    /// The site, for a stack without addresses.
    pub site: Option<StackFrame>,
    /// How many calls.
    pub calls: u64,
    /// Bytes got from the kernel.
    pub bytes: u64,
    /// Bytes of these that are still mapped.
    pub live: u64,
}

/// Something that happened, in the words that are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Happening {
    /// Its number.
    pub seq: u64,
    /// When, in seconds.
    pub t: f64,
    /// The process.
    pub pid: i32,
    /// The thread.
    pub tid: i32,
    /// The kind of event: `call`, `stopped`, `forked`…
    pub kind: &'static str,
    /// The memory call, in strace's words; for another event what it was.
    pub text: String,
    /// The system call's name.
    pub call: &'static str,
    /// Where, how long, and the answer: an address or a negative errno.
    pub address: Option<Addr>,
    /// In bytes.
    pub length: Option<u64>,
    /// The call's answer.
    pub result: String,
    /// What a memory call meant.
    pub label: String,
    /// Why it was refused.
    pub cause: String,
    /// Who made it.
    pub site: String,
    /// The allocator function on its stack.
    pub allocator: String,
    /// Its return addresses, innermost first.
    pub stack: Vec<Addr>,
    /// Resident bytes, where the event measured them.
    pub rss: Option<u64>,
}

/// The page.
#[derive(Clone, Debug)]
pub struct Page {
    /// The stop.
    pub document: Document,
    /// The address space.
    pub layout: Layout,
    /// The address space, drawn.
    pub strip: Strip,
    /// The break, fallbacks and resident bytes in slices of time.
    pub columns: Vec<Option<Point>>,
    /// The first and the last moment of these.
    pub time: (f64, f64),
    /// All points of the timeline.
    pub points: Vec<Point>,
    /// Growth by stack, largest first.
    pub stacks: Vec<Stack>,
    /// Calls and bytes of stacks that were not told apart.
    pub others: (u64, u64),
    /// What happened to the process, oldest first.
    pub events: Vec<Happening>,
    /// The files with code.
    pub binaries: Vec<Binary>,
    /// Set when two runs shall be comparable.
    pub stable: Option<Stable>,
    names: BTreeMap<Addr, Vec<StackFrame>>,
}

impl Page {
    /// Makes it; `binaries` are the files with code that are mapped. With `stable`, what differs from run to run is
    /// taken out.
    #[must_use]
    pub fn build(inputs: &Inputs<'_>, binaries: &[Binary], stable: bool) -> Page {
        if !stable {
            return Page::finish(inputs, binaries, None);
        }
        let stable = Stable::new(inputs.events, inputs.maps);
        let events = stable.events(inputs.events);
        let pid = Pid(stable.ordinal(inputs.pid.0));
        let mut stories = Stories::default();
        events.iter().for_each(|event| stories.apply(event));
        let mut heap = inputs.heap.cloned();
        heap.iter_mut().for_each(|heap| stable.ordinals_in(heap));
        let again = Inputs {
            story: stories.of_mut(pid),
            pid,
            tid: Tid(stable.ordinal(inputs.tid.0)),
            t: events.last().map_or(0.0, |event| event.t),
            events: &events,
            heap: heap.as_ref(),
            gaps: false,
            ..*inputs
        };
        Page::finish(&again, binaries, Some(stable.clone()))
    }

    fn finish(inputs: &Inputs<'_>, binaries: &[Binary], stable: Option<Stable>) -> Page {
        let mut redactor = inputs.secrets.map(Redactor::new);
        let mut document = Document::build(&Inputs { secrets: None, ..*inputs });
        redactor.iter_mut().for_each(|redactor| document.redact(redactor));
        let mut hide = |text: &str| match &mut redactor {
            Some(redactor) => redactor.hide(text),
            None => text.to_owned(),
        };
        let mut layout = inputs.layout();
        for region in &mut layout.regions {
            region.name = hide(&region.name);
        }
        let view = inputs.story.growth();
        let events = happenings(inputs, &mut hide);
        let names = named(inputs, &view, &events, &mut hide);
        let (stacks, others) = stacks(&view, &mut hide);
        let binaries = binaries.iter().map(|binary| Binary { path: hide(&binary.path), ..binary.clone() });
        let points = inputs.story.series().points.clone();
        let time = (points.first().map_or(0.0, |point| point.t), inputs.t);
        let binaries = binaries.collect();
        if let Some(stable) = &stable {
            document.layout_text = stable.table(&document.layout_text);
        }
        document.redacted = redactor.map_or(0, |redactor| redactor.found());
        Page {
            document,
            strip: strip(&layout, CELLS, Glyphs::Unicode),
            layout,
            columns: inputs.story.series().columns(COLUMNS, time.0, time.1),
            time,
            points,
            stacks,
            others,
            events,
            binaries,
            stable,
            names,
        }
    }

    /// The frames of a return address, innermost inlined one first; one without a function where nothing is known.
    #[must_use]
    pub fn frames(&self, at: Addr) -> Vec<StackFrame> {
        let found = self.names.get(&at).filter(|frames| !frames.is_empty());
        let bare = || {
            let module = self.binary(at).map(|binary| binary.path.clone());
            vec![StackFrame { address: at, module, ..StackFrame::default() }]
        };
        found.cloned().unwrap_or_else(bare)
    }

    /// A stack's frames, outermost first; its site alone where no stack was recorded.
    #[must_use]
    pub fn root_first(&self, stack: &Stack) -> Vec<StackFrame> {
        if stack.addresses.is_empty() {
            return stack.site.iter().cloned().collect();
        }
        stack.addresses.iter().rev().flat_map(|at| self.frames(*at).into_iter().rev()).collect()
    }

    /// The file whose code holds a return address.
    #[must_use]
    pub fn binary(&self, at: Addr) -> Option<&Binary> {
        self.binaries.iter().find(|binary| binary.code.contains(at.sub(1)))
    }

    /// How many return addresses of the run have no function's name.
    #[must_use]
    pub fn nameless(&self) -> u64 {
        let is_named = |frames: &&Vec<StackFrame>| frames.iter().any(|frame| frame.function.is_some());
        (self.names.len() - self.names.values().filter(is_named).count()) as u64
    }

    /// A name for a frame: its function, or the place in its file.
    #[must_use]
    pub fn frame_name(&self, frame: &StackFrame) -> String {
        if let Some(function) = &frame.function {
            return function.clone();
        }
        match self.binary(frame.address) {
            Some(binary) => {
                let offset = frame.address.0 - binary.code.start.0 + binary.offset;
                format!("[{}+{offset:#x}]", super::super::words::file_name(&binary.path))
            }
            None => frame.address.to_string(),
        }
    }

    /// The finished text: with addresses named where two runs shall be comparable.
    #[must_use]
    pub fn text(&self, text: String) -> String {
        match &self.stable {
            Some(stable) => stable.text(&text),
            None => text,
        }
    }
}

/// Stacks in one line, innermost function first; each is written once, because many events have the same.
pub(super) struct StackLines<'a> {
    page: &'a Page,
    known: FxHashMap<&'a [Addr], String>,
}

impl<'a> StackLines<'a> {
    pub(super) fn of(page: &'a Page) -> StackLines<'a> {
        StackLines { page, known: FxHashMap::default() }
    }

    pub(super) fn line(&mut self, stack: &'a [Addr]) -> &str {
        let page = self.page;
        self.known.entry(stack).or_insert_with(|| {
            let frames = stack.iter().flat_map(|at| page.frames(*at));
            frames.map(|frame| plain(&page.frame_name(&frame))).collect::<Vec<_>>().join(" < ")
        })
    }
}

impl Inputs<'_> {
    /// The address space; without gaps where these are chance.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let mut layout = self.story.layout(self.maps);
        if !self.gaps {
            layout.regions.retain(|region| region.kind != RegionKind::Gap);
        }
        layout
    }
}

fn hidden(frame: &StackFrame, hide: &mut impl FnMut(&str) -> String) -> StackFrame {
    StackFrame {
        file: frame.file.as_deref().map(&mut *hide),
        module: frame.module.as_deref().map(&mut *hide),
        ..frame.clone()
    }
}

fn named(
    inputs: &Inputs<'_>,
    view: &GrowthView,
    events: &[Happening],
    hide: &mut impl FnMut(&str) -> String,
) -> BTreeMap<Addr, Vec<StackFrame>> {
    let mut names: BTreeMap<Addr, Vec<StackFrame>> = BTreeMap::new();
    let of_growth = view.by_stack.iter().flat_map(|row| row.stack.iter());
    for at in of_growth.chain(events.iter().flat_map(|event| event.stack.iter())) {
        names
            .entry(*at)
            .or_insert_with(|| (inputs.names)(*at).iter().map(|frame| hidden(frame, hide)).collect());
    }
    names
}

/// The stacks, and calls and bytes that no stack has.
fn stacks(view: &GrowthView, hide: &mut impl FnMut(&str) -> String) -> (Vec<Stack>, (u64, u64)) {
    let stacks: Vec<Stack> = view
        .by_stack
        .iter()
        .map(|row| Stack {
            label: label_word(row.label),
            addresses: row.stack.clone(),
            site: row.site.as_ref().map(|site| hidden(site, hide)),
            calls: row.count,
            bytes: row.bytes,
            live: row.live,
        })
        .collect();
    let sum = |of: fn(&Stack) -> u64| stacks.iter().map(of).fold(0_u64, u64::saturating_add);
    let calls: u64 = view.by_site.iter().map(|row| row.count).sum();
    let bytes = view.by_site.iter().map(|row| row.bytes).fold(0_u64, u64::saturating_add);
    let others = (
        (calls + view.other_calls).saturating_sub(sum(|stack| stack.calls)),
        bytes.saturating_add(view.other_bytes).saturating_sub(sum(|stack| stack.bytes)),
    );
    (stacks, others)
}

fn happenings(inputs: &Inputs<'_>, hide: &mut impl FnMut(&str) -> String) -> Vec<Happening> {
    // Thousands of events come from few places: each is written once.
    let mut sites: FxHashMap<String, String> = FxHashMap::default();
    let events = inputs.events.iter().filter(|event| event.pid == inputs.pid);
    events
        .filter_map(|event| {
            let mut happening = happening(inputs.story, event)?;
            let site = std::mem::take(&mut happening.site);
            happening.site = sites.entry(site).or_insert_with_key(|site| hide(site)).clone();
            if happening.call.is_empty() {
                happening.text = hide(&happening.text);
            }
            Some(happening)
        })
        .collect()
}

fn happening(story: &Story, event: &Event) -> Option<Happening> {
    let base = Happening {
        seq: event.seq.0,
        t: event.t,
        pid: event.pid.0,
        tid: event.tid.0,
        ..Happening::default()
    };
    let other = |kind: &'static str, text: String| Some(Happening { kind, text, ..base.clone() });
    match &event.kind {
        EventKind::Call(record) => {
            let (address, length) = extent(&record.call);
            let cause = record.cause.as_ref().map(super::super::event::cause);
            let cause = cause.as_ref().and_then(|cause| cause["kind"].as_str()).unwrap_or_default();
            Some(Happening {
                kind: "call",
                text: crate::syscalls::text(&record.call),
                call: crate::syscalls::args::name(&record.call),
                address,
                length,
                result: answer(&record.call),
                label: label_word(record.label),
                cause: cause.to_owned(),
                site: calls::site(story, event, record).unwrap_or_default(),
                allocator: record.allocator.clone().unwrap_or_default(),
                stack: record.stack.clone(),
                ..base
            })
        }
        EventKind::Started { program, attached: true, .. } => other("attached", program.clone()),
        EventKind::Started { program, .. } => other("started", program.clone()),
        EventKind::Execed { program } => other("execed", program.clone()),
        EventKind::Forked { child, .. } => other("forked", child.to_string()),
        EventKind::ThreadStarted => other("thread-started", String::new()),
        EventKind::ThreadEnded => other("thread-ended", String::new()),
        EventKind::Exited(ExitStatus::Code(code)) => other("exited", format!("code {code}")),
        EventKind::Exited(ExitStatus::Signal(signal)) => other("exited", format!("signal {signal}")),
        EventKind::Stopped(reason) => other("stopped", reason_word(reason)),
        EventKind::Signalled { signo, .. } => other("signalled", signo.to_string()),
        EventKind::Syscall(record) => other("syscall", record.text()),
        EventKind::Detached => other("detached", String::new()),
        EventKind::Marked { name, rss, .. } => {
            other("marked", name.clone()).map(|event| Happening { rss: *rss, ..event })
        }
        // What addresses are called stands with the calls.
        EventKind::Named { .. } => None,
        EventKind::Usage { rss, .. } => {
            other("usage", String::new()).map(|event| Happening { rss: Some(*rss), ..event })
        }
        EventKind::Hit { number, rss, .. } => {
            other("hit", format!("breakpoint {number}")).map(|event| Happening { rss: *rss, ..event })
        }
        EventKind::Resumed
        | EventKind::ConditionError { .. }
        | EventKind::SyscallBegun(_)
        | EventKind::Halted { .. }
        | EventKind::Superseded { .. }
        | EventKind::Ended { .. } => None,
    }
}

/// `breakpoint`, `step-done`: the name that the journal has for it.
fn reason_word(reason: &crate::event::StopReason) -> String {
    match serde_json::to_value(reason) {
        Ok(Value::String(word)) => word,
        Ok(Value::Object(all)) => all.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn extent(call: &Call) -> (Option<Addr>, Option<u64>) {
    match *call {
        Call::Brk { wanted, .. } => (Some(wanted), None),
        Call::Mmap { addr, len, .. } | Call::Munmap { addr, len, .. } => (Some(addr), Some(len)),
        Call::Mremap { addr, new_len, .. } => (Some(addr), Some(new_len)),
    }
}

/// An address, `0`, or a negative errno, as the kernel gave it.
fn answer(call: &Call) -> String {
    match *call {
        Call::Brk { got, .. } => got.to_string(),
        Call::Munmap { ret: Ok(_), .. } => "0".to_owned(),
        Call::Mmap { ret: Ok(at), .. } | Call::Mremap { ret: Ok(at), .. } => at.to_string(),
        Call::Mmap { ret: Err(errno), .. }
        | Call::Munmap { ret: Err(errno), .. }
        | Call::Mremap { ret: Err(errno), .. } => format!("-{errno}"),
    }
}

//! One stop as a page: the value that the Markdown and the JSON export are both written from.
//!
//! These are wire types (`brkwater.stop/1`, which only ever grows), kept apart from the types that the engine
//! thinks in and made from them by hand in [`Document::build`].

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::explain::{Explanation, Question, explain};
use super::folding::{Fold, folds};
use super::owner::Names;
use super::redact::Redactor;
use super::words::moment;
use super::{Amounts, escape, event, pending, tables};
use crate::addr::{Addr, Pid, Tid};
use crate::event::{Event, EventKind, StopReason};
use crate::heap::story::strip::{Glyphs, strip};
use crate::heap::story::{Evidence, Layout, Story, names};
use crate::maps::Mapping;
use crate::scene::view::{ArgView, Backtrace, FrameView};

/// How many of the latest memory calls go onto the page.
const CALLS: usize = 20;
/// How many sites of growth.
const SITES: usize = 12;
/// How wide the strip is.
const WIDTH: usize = 96;

/// What a page is made from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The calls of the process.
    pub story: &'a Story,
    /// The process.
    pub pid: Pid,
    /// The thread that stopped.
    pub tid: Tid,
    /// When, in seconds of the event clock.
    pub t: f64,
    /// Why it stopped, if it was a stop with a reason.
    pub stop: Option<&'a StopReason>,
    /// The stop in gdb's words (`Breakpoint 1, main () at t.c:3`).
    pub stop_text: &'a str,
    /// The backtrace.
    pub backtrace: Option<&'a Backtrace>,
    /// The six argument registers, at a function's first instruction.
    pub registers: Option<[u64; 6]>,
    /// The kernel's list of mappings.
    pub maps: Option<&'a [Mapping]>,
    /// The heap as `brkwater.heap/1`.
    pub heap: Option<&'a Value>,
    /// glibc's version; without it the one that `heap` names.
    pub glibc: Option<&'a str>,
    /// Program, build-ids, kernel, distribution, ASLR, brkwater's version, the command: name and value.
    pub environment: &'a [(String, String)],
    /// Commands that lead here again.
    pub reproduce: &'a [String],
    /// The journal; the latest memory calls of the process are taken from it.
    pub events: &'a [Event],
    /// Names for recorded return addresses.
    pub names: Names<'a>,
    /// The environment of the process (name and value), if secrets are to be replaced (see [`super::redact`]).
    pub secrets: Option<&'a [(String, String)]>,
    /// Whether gaps between mappings are shown; their sizes are chance where addresses are.
    pub gaps: bool,
}

/// A stop, written down; its JSON has the schema `brkwater.stop/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Always [`Document::SCHEMA`].
    pub schema: String,
    /// One line: where it stands.
    pub title: String,
    /// Kind, breakpoint, process, thread, time.
    pub stop: Value,
    /// The refused brk and its blocker; null when nothing was refused.
    pub cause: Value,
    /// Headline and tagged sentences.
    pub explanation: Explanation,
    /// The backtrace.
    pub frames: Vec<Frame>,
    /// Runs of frames that a reader may skip.
    pub fold: Vec<Fold>,
    /// Break, sums, and malloc's structures where they were read.
    pub heap: Value,
    /// The address space as a row of characters, ASCII.
    pub strip: Vec<String>,
    /// Regions, lowest first.
    pub layout: Value,
    /// The largest sites of growth.
    pub growth: Value,
    /// `info growth` as text.
    pub growth_text: Vec<String>,
    /// The regions as text.
    pub layout_text: Vec<String>,
    /// The latest memory calls, oldest first.
    pub calls: Vec<CallLine>,
    /// Name and value.
    pub environment: Vec<(String, String)>,
    /// What could not be told.
    pub unknown: Vec<String>,
    /// Commands that lead here again.
    pub reproduce: Vec<String>,
    /// How many secrets were replaced.
    pub redacted: u64,
}

/// A frame on the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Its level.
    pub n: u32,
    /// The function; null is gdb's `??`.
    #[serde(rename = "fn")]
    pub function: Option<String>,
    /// The program counter.
    pub address: Addr,
    /// Whether gdb prints it.
    pub show_address: bool,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// The source file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// The mapped file.
    pub module: Option<String>,
    /// The name behind ` from `, where gdb prints one.
    #[serde(default)]
    pub from: Option<String>,
    /// Its build-id.
    pub build_id: Option<String>,
    /// Whether it is inlined into the next.
    pub inlined: bool,
    /// Whether it is gdb's `<signal handler called>`.
    pub signal_handler: bool,
    /// What is worth saying about it.
    pub notes: Vec<String>,
}

/// An argument on the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// Its name.
    pub name: String,
    /// Its value now, in gdb's words.
    pub value: Option<String>,
    /// Its value at the function's entry, where that is known.
    pub entry_value: Option<String>,
    /// Where the value comes from: `debug-info`, `entry-value` or `optimized-out`.
    pub prov: String,
}

/// A memory call on the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallLine {
    /// Its event.
    pub seq: u64,
    /// When.
    pub t: f64,
    /// The thread.
    pub tid: Tid,
    /// strace's words.
    pub text: String,
    /// What it meant.
    pub label: String,
    /// The function outside of the allocator that made it, if a stack was recorded.
    #[serde(default)]
    pub site: Option<String>,
}

impl Document {
    /// The calls around the stop, a line each, for pages that people read.
    #[must_use]
    pub fn call_lines(&self) -> Vec<String> {
        let line = |call: &CallLine| {
            let site = call.site.as_ref().map(|site| format!("  {site}")).unwrap_or_default();
            format!("{:>5} {} {} {}  [{}]{site}", call.seq, moment(call.t), call.tid, call.text, call.label)
        };
        self.calls.iter().map(line).collect()
    }

    /// What it ran in, a line each.
    #[must_use]
    pub fn environment_lines(&self) -> Vec<String> {
        self.environment.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    /// The schema's name and version.
    pub const SCHEMA: &'static str = "brkwater.stop/1";

    /// Writes a stop down.
    #[must_use]
    pub fn build(inputs: &Inputs<'_>) -> Document {
        let mut document = Document::unredacted(inputs);
        if let Some(environment) = inputs.secrets {
            let mut redactor = Redactor::new(environment);
            document.redact(&mut redactor);
            document.redacted = redactor.found();
        }
        document
    }

    fn unredacted(inputs: &Inputs<'_>) -> Document {
        let frames = inputs.backtrace.map(|backtrace| backtrace.frames.as_slice()).unwrap_or_default();
        let question = Question {
            story: inputs.story,
            names: inputs.names,
            tid: inputs.tid,
            backtrace: inputs.backtrace,
            registers: inputs.registers,
            amounts: inputs.heap.and_then(Amounts::from_heap),
            glibc: inputs.glibc.or(inputs.heap.and_then(|heap| heap.get("glibc")).and_then(Value::as_str)),
            // A page is made from the journal, so that it can be made again; limits are those of the moment.
            closing: None,
        };
        let explanation = explain(&question);
        let layout = inputs.layout();
        let request = inputs.backtrace.and_then(pending::request);
        // Up to the caller of malloc nothing is folded.
        let keep = request.as_ref().map_or(1, |request| request.level + 2);
        Document {
            schema: Document::SCHEMA.to_owned(),
            title: title(frames),
            stop: stop(inputs),
            cause: cause(inputs.story),
            frames: frames.iter().map(|view| frame(view, request.as_ref())).collect(),
            fold: folds(frames, keep),
            heap: heap(inputs, &layout, question.amounts),
            strip: lines(&strip(&layout, WIDTH, Glyphs::Unicode).text(Glyphs::Unicode)),
            layout: json!(layout.regions),
            growth: tables::growth_json(inputs.story, inputs.names)["by_site"].take(),
            growth_text: lines(&tables::growth(inputs.story, SITES, inputs.names)),
            layout_text: lines(&tables::layout(inputs.story, &layout, WIDTH, Glyphs::Unicode)),
            calls: calls(inputs),
            environment: inputs.environment.to_vec(),
            unknown: unknown(inputs, &explanation),
            reproduce: inputs.reproduce.to_vec(),
            explanation,
            redacted: 0,
        }
    }

    /// Replaces secrets in everything that was read from the target or typed.
    pub(super) fn redact(&mut self, redactor: &mut Redactor) {
        let Document { title, stop, cause, explanation, frames, heap, layout, growth, .. } = self;
        for value in [stop, cause, heap, layout, growth] {
            redact_value(value, redactor);
        }
        let mut texts: Vec<&mut String> = vec![title, &mut explanation.headline];
        texts.extend(explanation.sentences.iter_mut().map(|sentence| &mut sentence.text));
        for frame in frames {
            texts.extend(
                frame.args.iter_mut().flat_map(|arg| [&mut arg.value, &mut arg.entry_value]).flatten(),
            );
            texts.extend([&mut frame.file, &mut frame.module, &mut frame.from].into_iter().flatten());
        }
        for lines in [&mut self.growth_text, &mut self.layout_text, &mut self.unknown, &mut self.reproduce] {
            texts.extend(lines.iter_mut());
        }
        texts.extend(self.calls.iter_mut().filter_map(|call| call.site.as_mut()));
        texts.extend(self.environment.iter_mut().map(|(_, value)| value));
        for text in texts {
            *text = redactor.hide(text);
        }
    }

    /// The page as JSON, in lines.
    #[must_use]
    pub fn json(&self) -> String {
        // Plain values with string keys always serialise.
        escape::json_text(serde_json::to_string_pretty(self).unwrap_or_default()) + "\n"
    }
}

fn redact_value(value: &mut Value, redactor: &mut Redactor) {
    match value {
        Value::String(text) => *text = redactor.hide(text),
        Value::Array(all) => all.iter_mut().for_each(|value| redact_value(value, redactor)),
        Value::Object(all) => all.values_mut().for_each(|value| redact_value(value, redactor)),
        _ => {}
    }
}

/// `Stopped in mmap64(addr=0x0, len=135168, …)`: the arguments of the innermost frame, at most three.
fn title(frames: &[FrameView]) -> String {
    let Some(frame) = frames.first() else { return "Stopped".to_owned() };
    let name = frame.function.as_deref().map_or("??", names::plain);
    let value = |arg: &ArgView| arg.value.clone().or_else(|| arg.entry_value.clone()).unwrap_or_default();
    let mut args: Vec<String> = frame.args.iter().map(|arg| format!("{}={}", arg.name, value(arg))).collect();
    if args.len() > 3 {
        args.truncate(2);
        args.push("…".to_owned());
    }
    escape::plain(&format!("Stopped in {name}({})", args.join(", ")))
}

fn stop(inputs: &Inputs<'_>) -> Value {
    let (kind, number, stage) = match inputs.stop {
        Some(StopReason::Breakpoint { number, stage: 0, .. }) => ("breakpoint", Some(*number), None),
        Some(StopReason::Breakpoint { number, stage, .. }) => ("chain", Some(*number), Some(*stage)),
        Some(StopReason::Catchpoint { number, .. }) => ("catchpoint", Some(*number), None),
        Some(StopReason::Watchpoint { number, .. } | StopReason::WatchpointScope { number }) => {
            ("watchpoint", Some(*number), None)
        }
        Some(StopReason::StepDone) => ("step", None, None),
        Some(StopReason::Finished) => ("finish", None, None),
        Some(StopReason::Signal { .. }) => ("signal", None, None),
        Some(StopReason::Interrupted) => ("interrupt", None, None),
        Some(StopReason::Attached) => ("attach", None, None),
        Some(StopReason::Entry) => ("entry", None, None),
        None => ("unknown", None, None),
    };
    json!({
        "kind": kind, "bp": number.map(|n| n.to_string()), "stage": stage, "pid": inputs.pid, "tid": inputs.tid,
        "t": inputs.t, "text": inputs.stop_text,
    })
}

fn cause(story: &Story) -> Value {
    let Some(refusal) = &story.refusals().last else { return Value::Null };
    let blocker = super::sentences::blocker_of(story, refusal).map(|blocker| {
        let planter = blocker.planter();
        let frame = planter.frame.unwrap_or_default();
        let planted_by = blocker.planted.as_ref().map(|asked| {
            json!({
                "frame": frame.function, "file": frame.file, "line": frame.line, "t": asked.t, "event": asked.seq,
                "evidence": planter.evidence, "call": crate::syscalls::text(&asked.call),
            })
        });
        json!({
            "range": [blocker.span.start, blocker.span.end], "perms": blocker.perms.to_string(),
            "planted_by": planted_by,
        })
    });
    json!({
        "kind": "brk_refused", "asked": refusal.wanted, "got": refusal.got, "event": refusal.asked.seq,
        "t": refusal.asked.t, "evidence": Evidence::Recorded, "why": event::cause(&refusal.cause), "blocker": blocker,
        "refused": story.refusals().count,
    })
}

fn frame(view: &FrameView, request: Option<&pending::Request>) -> Frame {
    let arg = |arg: &ArgView| Arg {
        name: arg.name.clone(),
        value: arg.value.clone(),
        entry_value: arg.entry_value.clone(),
        prov: match (&arg.value, &arg.entry_value) {
            (_, Some(_)) => "entry-value",
            (Some(value), None) if value == "<optimized out>" => "optimized-out",
            _ => "debug-info",
        }
        .to_owned(),
    };
    let is_request = request.filter(|request| request.level == view.level as usize);
    let note = is_request.and_then(|request| request.bytes).map(|bytes| format!("{bytes} bytes asked"));
    Frame {
        n: view.level,
        function: view.function.clone(),
        address: view.address,
        show_address: view.show_address,
        args: view.args.iter().map(arg).collect(),
        file: view.file.clone(),
        line: view.line,
        module: view.module.clone(),
        from: view.from.clone(),
        build_id: view.build_id.clone(),
        inlined: view.inlined,
        signal_handler: view.signal_handler,
        notes: note.into_iter().collect(),
    }
}

fn heap(inputs: &Inputs<'_>, layout: &Layout, amounts: Option<Amounts>) -> Value {
    let totals = &layout.totals;
    json!({
        "brk": layout.line.current, "start": layout.line.start, "heap_bytes": totals.heap, "refused": layout.refused,
        "fallback": {
            "bytes": totals.fallback, "requests": totals.fallback_requests, "vmas": totals.fallback_vmas,
            "sizes": inputs.story.fallback_sizes(),
        },
        "mmapped": {"bytes": totals.chunks, "requests": totals.chunk_requests},
        "blockers": tables::blockers_json(inputs.story, None)["blockers"].take(),
        "amounts": amounts, "malloc": inputs.heap,
    })
}

fn calls(inputs: &Inputs<'_>) -> Vec<CallLine> {
    let line = |event: &Event| match &event.kind {
        EventKind::Call(record) if event.pid == inputs.pid => Some(CallLine {
            seq: event.seq.0,
            t: event.t,
            tid: event.tid,
            text: crate::syscalls::text(&record.call),
            label: tables::label_word(record.label),
            site: super::calls::site(inputs.story, event, record),
        }),
        _ => None,
    };
    let mut calls: Vec<CallLine> = inputs.events.iter().rev().filter_map(line).take(CALLS).collect();
    calls.reverse();
    calls
}

fn unknown(inputs: &Inputs<'_>, explanation: &Explanation) -> Vec<String> {
    let mut all: Vec<String> = explanation.unknown().map(str::to_owned).collect();
    if inputs.story.was_attached() {
        let when = moment(inputs.story.began());
        all.push(match inputs.story.is_of_core() {
            true => {
                "A core file tells one moment: what happened before it was written is not known.".to_owned()
            }
            false => format!("What happened before brkwater attached ({when}) was not seen."),
        });
    }
    if let Some(why) = inputs.backtrace.and_then(|backtrace| backtrace.stopped.as_ref()) {
        all.push(format!("The backtrace ends early: {}", escape::plain(why)));
    }
    let doubts = inputs.heap.and_then(|heap| heap.get("doubts")).and_then(Value::as_array);
    for doubt in doubts.into_iter().flatten().take(10) {
        let what = doubt.get("what").and_then(Value::as_str).unwrap_or("a doubt without words");
        let at = doubt.get("at").and_then(Value::as_str).unwrap_or("?");
        all.push(format!("At {}: {}", escape::plain(at), escape::plain(what)));
    }
    all
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

//! What each message changes. Pure: no clock, no terminal, no engine, only the model and a list of effects.
//!
//! This file hears the engine and the target; [`super::act`] hears the user.

use super::act;
use super::model::{Effect, Mode, Model, Msg, Pane, Phase, Question, Shown, Slot};
use super::panes;
use super::transcript::Kind;
use super::words;
use crate::event::{Event, EventKind};
use crate::session::protocol::{Note, Request, State, View, ViewKind};

/// Frames asked for with a backtrace.
const FRAMES: u32 = 512;
/// Source lines asked for before and after the current one.
const SOURCE_LINES: u32 = 400;

/// Folds one message in.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Key(key) => act::key(model, key, &mut effects),
        Msg::Paste(text) => act::paste(model, &text, &mut effects),
        Msg::Mouse(mouse) => act::mouse(model, mouse, &mut effects),
        Msg::Size(columns, rows) => model.size = (columns, rows),
        Msg::Clock(now) => {
            model.now = now;
            model.growth.refresh(now);
        }
        Msg::Note(note) => hear(model, *note, &mut effects),
        Msg::Output(bytes) => {
            let seen = model.places().of(Pane::Target).is_some();
            model.target.write(&bytes, seen);
        }
        Msg::EngineGone => engine_gone(model, &mut effects),
        Msg::Leave => leave(model, &mut effects),
        Msg::Suspend => act::suspend(model, &mut effects),
    }
    if model.places().of(Pane::Target).is_some() {
        model.target.unread = 0;
    }
    effects
}

/// The beginning: views that make sense before anything ran, and the first of the waiting lines.
pub fn start(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    ask_for(model, Slot::Source, &mut effects);
    ask_for(model, Slot::Breakpoints, &mut effects);
    pump(model, &mut effects);
    effects
}

/// Sends a line of the command language, or puts it behind those that wait.
pub fn submit(model: &mut Model, line: &str, effects: &mut Vec<Effect>) {
    model.queue.push_back(line.to_owned());
    pump(model, effects);
}

/// Sends the next waiting line when the engine has time for it.
pub fn pump(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.busy.is_some() || model.engine_gone {
        return;
    }
    match model.question {
        // The lines behind `commands` are its body.
        Some(Question::Engine(ref prompt, _)) if prompt.trim() == ">" => {
            if let Some(line) = model.queue.pop_front() {
                act::answer(model, Some(line), effects);
            }
            return;
        }
        Some(_) => return,
        None => {}
    }
    let line = match model.setup.pop_front() {
        Some(line) => line,
        None => {
            let Some(line) = model.queue.pop_front() else { return };
            model.transcript.line(Kind::Echo, &format!("(brkwater) {line}"));
            model.transcript.to_bottom();
            line
        }
    };
    model.next_id += 1;
    model.busy = Some(model.next_id);
    effects.push(Effect::Send(Request::Line { id: model.next_id, text: line }));
}

/// Leaves: the engine kills what was launched and lets go what was attached to.
pub fn leave(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.is_running() || model.busy.is_some() {
        effects.push(Effect::Send(Request::Interrupt));
    }
    if !model.engine_gone {
        effects.push(Effect::Send(Request::Quit));
    }
    effects.push(Effect::Leave(0));
}

fn hear(model: &mut Model, note: Note, effects: &mut Vec<Effect>) {
    match note {
        Note::Event(event) => hear_event(model, &event),
        Note::Output { text, error } => {
            model.transcript.text(if error { Kind::Error } else { Kind::Output }, &text);
        }
        Note::Ask { prompt, default } => {
            // What explains the question is text like any other; the question itself is its last line.
            let (before, asked) = prompt.rsplit_once('\n').unwrap_or(("", &prompt));
            before.lines().for_each(|line| model.transcript.line(Kind::Output, line));
            model.question = Some(Question::Engine(asked.to_owned(), default));
            if model.mode != Mode::Terminal {
                model.mode = Mode::Command;
                model.overlay = None;
            }
            pump_question(model, effects);
        }
        Note::Done { id, ok: _, state, quit } => {
            if model.busy == Some(id) {
                model.busy = None;
            }
            if matches!(model.question, Some(Question::Engine(..))) {
                model.question = None;
            }
            settle(model, state);
            if quit {
                effects.push(Effect::Leave(0));
                return;
            }
            refresh(model, effects);
            pump(model, effects);
        }
        Note::View { id, view } => hear_view(model, id, view),
        Note::Completions { id, lines } => {
            if model.completing == Some(id) {
                model.completing = None;
                act::complete(model, &lines);
            }
        }
        Note::Sync(number) => effects.push(Effect::Send(Request::Synced(number))),
        Note::Rewound => rewound(model),
        Note::Dropped(count) => model.dropped = model.dropped.saturating_add(count),
    }
}

/// A question for a body line takes a waiting line at once, even though the engine is busy with `commands`.
fn pump_question(model: &mut Model, effects: &mut Vec<Effect>) {
    let busy = model.busy.take();
    let body = matches!(&model.question, Some(Question::Engine(prompt, _)) if prompt.trim() == ">");
    if body {
        pump(model, effects);
    }
    model.busy = busy;
}

fn hear_event(model: &mut Model, event: &Event) {
    model.growth.apply(event);
    match &event.kind {
        EventKind::Started { program, attached, .. } => {
            add_live(model, event.pid);
            model.state.program = Some(program.clone());
            model.state.pid = Some(event.pid);
            model.state.tid = Some(event.tid);
            // A launched one is let go at once, unless a stop of its own is told.
            model.phase = if *attached { Phase::Stopped(None) } else { Phase::Running };
        }
        EventKind::Forked { child, followed: true, .. } => add_live(model, *child),
        EventKind::Resumed => {
            model.stop_number += 1;
            model.resumed_at = model.now;
            model.phase = Phase::Running;
        }
        EventKind::Stopped(reason) => {
            model.pausing = None;
            model.state.tid = Some(event.tid);
            model.state.pid = Some(event.pid);
            model.growth.show(event.pid);
            model.phase = Phase::Stopped(Some(reason.clone()));
        }
        EventKind::Exited(status) => {
            model.live.retain(|pid| *pid != event.pid);
            if model.live.is_empty() {
                model.pausing = None;
                model.phase = Phase::Ended(event.pid, *status);
            }
        }
        EventKind::Detached => {
            model.live.retain(|pid| *pid != event.pid);
            if model.live.is_empty() {
                model.pausing = None;
                model.phase = Phase::Detached(event.pid);
            }
        }
        EventKind::Execed { program } => model.state.program = Some(program.clone()),
        // What there is to say of these comes as text.
        EventKind::ConditionError { .. }
        | EventKind::Signalled { .. }
        | EventKind::Forked { followed: false, .. }
        | EventKind::ThreadStarted
        | EventKind::ThreadEnded
        | EventKind::Call(_)
        | EventKind::SyscallBegun(_)
        | EventKind::Syscall(_)
        | EventKind::Halted { .. }
        | EventKind::Superseded { .. }
        | EventKind::Ended { .. }
        | EventKind::Named { .. }
        | EventKind::Marked { .. }
        | EventKind::Hit { .. }
        | EventKind::Usage { .. } => {}
    }
}

fn add_live(model: &mut Model, pid: crate::addr::Pid) {
    if !model.live.contains(&pid) {
        model.live.push(pid);
    }
}

/// The events begin anew: what was folded out of them is forgotten.
fn rewound(model: &mut Model) {
    model.growth = super::growth::Growth::default();
    model.live.clear();
    model.mark = None;
    model.phase = Phase::Empty;
}

/// Takes the state that came with the end of a line, and mends what events did not tell.
fn settle(model: &mut Model, state: State) {
    model.pausing = None;
    if state.pid.is_none() {
        model.live.clear();
        if model.is_running() || matches!(model.phase, Phase::Stopped(_)) {
            model.phase = Phase::Empty;
        }
    } else if !matches!(model.phase, Phase::Stopped(_)) {
        model.phase = Phase::Stopped(None);
    }
    if let Some(pid) = state.pid {
        add_live(model, pid);
        model.growth.show(pid);
    }
    if state.moment != model.state.moment {
        // Every view is of another moment.
        model.stop_number += 1;
    }
    model.state = state;
}

/// Asks for the views that a finished line may have changed.
fn refresh(model: &mut Model, effects: &mut Vec<Effect>) {
    ask_for(model, Slot::Breakpoints, effects);
    if model.state.pid.is_none() {
        if model.views.source == Shown::Unknown {
            ask_for(model, Slot::Source, effects);
        }
        return;
    }
    ask_for(model, Slot::Backtrace, effects);
    ask_for(model, Slot::Source, effects);
    if model.surveyed != Some(model.stop_number) {
        model.surveyed = Some(model.stop_number);
        ask_for(model, Slot::Heap, effects);
        ask_for(model, Slot::Explanation, effects);
    }
    if model.places().of(Pane::Values).is_some() {
        ask_for_values(model, effects);
    }
}

/// Asks for registers and locals, which only their pane needs.
pub fn ask_for_values(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.state.pid.is_some() && model.busy.is_none() {
        ask_for(model, Slot::Registers, effects);
        ask_for(model, Slot::Locals, effects);
    }
}

fn ask_for(model: &mut Model, slot: Slot, effects: &mut Vec<Effect>) {
    if model.engine_gone {
        return;
    }
    let what = match slot {
        Slot::Backtrace => ViewKind::Backtrace(FRAMES),
        Slot::Source => ViewKind::Source(SOURCE_LINES),
        Slot::Heap => ViewKind::Heap,
        Slot::Explanation => ViewKind::Explanation,
        Slot::Breakpoints => ViewKind::Breakpoints,
        Slot::Registers => ViewKind::Registers,
        Slot::Locals => ViewKind::Locals,
    };
    model.next_id += 1;
    model.awaited.push((model.next_id, slot));
    effects.push(Effect::Send(Request::View { id: model.next_id, what }));
}

/// Takes a view. One that was asked for again since is old and not shown.
fn hear_view(model: &mut Model, id: u64, view: View) {
    let Some(at) = model.awaited.iter().position(|(asked, _)| *asked == id) else { return };
    let (_, slot) = model.awaited.remove(at);
    if model.awaited.iter().any(|(newer, other)| *other == slot && *newer > id) {
        return;
    }
    let views = &mut model.views;
    match (slot, view) {
        (Slot::Backtrace, View::Backtrace(backtrace, level)) => {
            let row = usize::try_from(level).unwrap_or(0);
            views.backtrace = Shown::Is((backtrace, level));
            model.places[Pane::Backtrace as usize].row = row;
        }
        (Slot::Source, View::Source(source)) => panes::source::arrived(model, source),
        (Slot::Heap, View::Json(heap)) => views.heap = Shown::Is(heap),
        (Slot::Explanation, View::Text(text)) => views.explanation = Shown::Is(text),
        (Slot::Breakpoints, View::Text(text)) => views.breakpoints = Shown::Is(text),
        (Slot::Registers, View::Text(text)) => views.registers = Shown::Is(text),
        (Slot::Locals, View::Text(text)) => views.locals = Shown::Is(text),
        (slot, View::Nothing(why)) => nothing(model, slot, why),
        (slot, _) => nothing(model, slot, "the engine sent another view than was asked for".to_owned()),
    }
}

fn nothing(model: &mut Model, slot: Slot, why: String) {
    let views = &mut model.views;
    match slot {
        Slot::Backtrace => views.backtrace = Shown::Nothing(why),
        Slot::Source => views.source = Shown::Nothing(why),
        Slot::Heap => views.heap = Shown::Nothing(why),
        Slot::Explanation => views.explanation = Shown::Nothing(why),
        Slot::Breakpoints => views.breakpoints = Shown::Nothing(why),
        Slot::Registers => views.registers = Shown::Nothing(why),
        Slot::Locals => views.locals = Shown::Nothing(why),
    }
}

fn engine_gone(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.engine_gone {
        return;
    }
    model.engine_gone = true;
    model.busy = None;
    model.question = None;
    model.queue.clear();
    model.live.clear();
    model.state.pid = None;
    model.phase = Phase::Empty;
    model.transcript.line(
        Kind::Error,
        "error: the debugging engine has ended; what it launched is gone, what it was attached to runs on.",
    );
    model.transcript.line(Kind::Hint, "What is on the screen stays to be read. Ctrl-D leaves.");
    let _ = effects;
}

/// The stop reason in full: with the frame, once the backtrace of this stop is here.
#[must_use]
pub fn headline(model: &Model) -> String {
    match &model.phase {
        Phase::Empty if model.engine_gone => "engine ended".to_owned(),
        Phase::Empty => match model.state.exit_code {
            Some(code) => format!("ended with exit code {code}"),
            None => "not started".to_owned(),
        },
        Phase::Running => match model.pausing {
            Some(since) if model.now.saturating_sub(since).as_secs() >= 2 => {
                format!("pause asked {} s ago, still waiting", model.now.saturating_sub(since).as_secs())
            }
            Some(_) => "pausing…".to_owned(),
            None => String::new(),
        },
        Phase::Ended(_, status) => words::ending(*status),
        Phase::Detached(_) => "let go; it runs on without us".to_owned(),
        Phase::Stopped(reason) => {
            let why = reason.as_ref().map(words::reason).unwrap_or_default();
            let shown =
                model.busy.is_none() && model.awaited.iter().all(|(_, slot)| *slot != Slot::Backtrace);
            let frame = model.views.backtrace.get().filter(|_| shown).and_then(|(bt, _)| bt.frames.first());
            match frame {
                Some(frame) if why.is_empty() => format!("in {}", words::call_of(frame)),
                Some(frame) => format!("{why}, {}", words::call_of(frame)),
                None => why,
            }
        }
    }
}

//! One look at the stopped process: what reports are made from, gathered in one place.
//!
//! The readers and the reports know no process; here they get what they need: the heap's [`Survey`] with its
//! anchors, the backtrace, the argument registers, names for recorded return addresses. Everything may be
//! missing when the process has ended: then the journal alone speaks.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::error::{CommandError, Done};
use super::shell::Shell;
use crate::addr::{Addr, Pid, Tid};
use crate::event::{Event, EventKind, Label, StackFrame};
use crate::heap::story::{Blocker, Owner, Story};
use crate::heap::view::HeapView;
use crate::heap::{self, Survey};
use crate::kernel::procfs;
use crate::maps::Mapping;
use crate::report::explain::Sentence;
use crate::report::owner::Names;
use crate::report::{Amounts, Question, paths, tables};
use crate::scene::expr::{self, Context, ExprError};
use crate::scene::view::Backtrace;
use crate::scene::{PrintOptions, Scene, Value as Data};

/// Frames that an explanation and an export look at.
const FRAMES: usize = 512;

/// What was seen at one stop; all of it is missing when nothing lives.
#[derive(Default)]
pub(super) struct Stop {
    /// The thread.
    pub(super) tid: Option<Tid>,
    /// Its backtrace.
    pub(super) backtrace: Option<Backtrace>,
    /// Its argument registers, where it stands at a function's first instruction.
    pub(super) registers: Option<[u64; 6]>,
    /// The heap as `brkwater.heap/1`.
    pub(super) heap: Option<Value>,
    /// glibc's version.
    pub(super) glibc: Option<String>,
    /// What there is to say of limits and growth.
    pub(super) closing: Option<Sentence>,
}

impl Stop {
    /// The question that [`crate::report::explain`] answers.
    pub(super) fn question<'a>(&'a self, story: &'a Story, names: Names<'a>) -> Question<'a> {
        Question {
            story,
            names,
            tid: self.tid.unwrap_or(Tid(0)),
            backtrace: self.backtrace.as_ref(),
            registers: self.registers,
            amounts: self.heap.as_ref().and_then(Amounts::from_heap),
            glibc: self.glibc.as_deref(),
            closing: self.closing.as_ref(),
        }
    }
}

/// Looks at the selected thread and at the heap.
pub(super) fn stop(shell: &mut Shell) -> Stop {
    let Some(selection) = shell.session.selection() else { return Stop::default() };
    let tid = selection.tid;
    let survey = survey_of(shell).ok();
    let view = survey.as_ref().map(|survey| heap_view(shell, selection.pid, survey));
    let heap = view.and_then(|view| serde_json::to_value(view).ok());
    let kept = super::witness::backtrace(shell, tid);
    let (backtrace, registers) = shell.session.with_scene(|scene, _| {
        // The words of `set print` are for people; what is concluded here needs them as they are by default.
        let options = PrintOptions::default();
        (scene.backtrace(tid, FRAMES, &options), argument_registers(scene, tid))
    });
    let closing = match super::witness::then(shell, false) {
        Some(witness) => witness.closing,
        None => super::memory::closing(shell, selection.pid),
    };
    let glibc = survey.and_then(|survey| survey.glibc);
    Stop { tid: Some(tid), backtrace: Some(kept.unwrap_or(backtrace)), registers, heap, glibc, closing }
}

/// The process that is looked at; after its end the first one of the run.
pub(super) fn pid(shell: &Shell) -> Option<Pid> {
    let first = || shell.session.events().first().map(|event| event.pid);
    shell.session.selection().map(|selection| selection.pid).or_else(first)
}

/// Reads the heap of the selected process.
///
/// # Errors
/// `The program is not being run.`
pub(super) fn survey_of(shell: &mut Shell) -> Done<Survey> {
    let pid = shell.must_stand()?.pid;
    let regions = shell.session.story().map(|story| {
        let is_fallback =
            |owner: &Owner| matches!(owner.label(), Some(Label::Fallback | Label::FallbackNoBrk));
        story.pieces().filter(|(_, owner)| is_fallback(owner)).map(|(span, _)| span).collect()
    });
    if shell.session.moment().is_some_and(|moment| !moment.is_stop) {
        return Err(CommandError::say(
            "The recording has memory at stops only.\n  hint: \"info record\" lists them, \"continue\" and \"reverse-continue\" go there.",
        ));
    }
    // Nobody wrote down where a core file's break began.
    let start_brk = shell.session.exists().then(|| procfs::start_brk(pid)).flatten();
    let start_brk = start_brk.or_else(|| shell.session.start_brk_then());
    Ok(shell.session.with_scene(|scene, _| {
        let anchors = heap::Anchors { regions, start_brk, ..scene.heap_anchors() };
        heap::survey(scene.memory(), scene.source.mappings(), &anchors)
    }))
}

/// The same; between two stops of a recording, where there is no memory, what the calls tell of the break and of what
/// stands in its way.
///
/// # Errors
/// `The program is not being run.`
pub(super) fn survey_or_story(shell: &mut Shell) -> Done<Survey> {
    const WHY: &str =
        "malloc's structures are recorded at stops only (info record); this is what the calls tell";
    let between = shell.session.moment().is_some_and(|moment| !moment.is_stop);
    let Some(story) = shell.session.story().filter(|_| between && shell.session.selection().is_some()) else {
        return survey_of(shell);
    };
    let standing = story.blockers().iter().filter(|blocker| blocker.removed.is_none());
    let mapping = |blocker: &Blocker| Mapping {
        span: blocker.span,
        perms: blocker.perms,
        path: blocker.path.clone(),
        ..Mapping::default()
    };
    let line = story.line();
    let blockers = standing.map(mapping).collect();
    Ok(Survey::without_memory((line.start, line.current), blockers, WHY))
}

/// A survey as `brkwater.heap/1`, with what the story knows of the blockers.
pub(super) fn heap_view(shell: &Shell, pid: Pid, survey: &Survey) -> HeapView {
    let story = shell.session.story();
    let planter = |start| story.and_then(|story| tables::planter_view(story, start));
    HeapView::new(pid, survey, &planter)
}

/// The address that an expression means: arrays and functions stand for themselves.
///
/// # Errors
/// The expression's own.
pub(super) fn address(shell: &mut Shell, text: &str) -> Done<Addr> {
    let parsed = expr::parse(text)?;
    let at = shell.with_context(|context| {
        let value = expr::evaluate(&parsed, context)?;
        points_to(&value, context)
    });
    at.map_err(CommandError::from)
}

fn points_to(value: &Data, context: &Context<'_>) -> Result<Addr, ExprError> {
    let itself = value.ty().is_array() || value.ty().is_function();
    match value.address() {
        Some(at) if itself => Ok(at),
        _ => Ok(Addr(value.as_u64(context.scene.memory())?)),
    }
}

/// The return addresses that were recorded with a memory call.
pub(super) fn stack_of(event: &Event) -> &[Addr] {
    match &event.kind {
        EventKind::Call(record) => &record.stack,
        _ => &[],
    }
}

/// Names for the frames at which the stacks of many calls come together.
pub(super) fn joint_names(shell: &mut Shell) -> impl Fn(Addr) -> Vec<StackFrame> + use<> {
    let joints = shell.session.story().map(|story| paths::joints(&story.growth()));
    names(shell, &joints.unwrap_or_default())
}

/// Names for recorded return addresses. After the end only a program at its linked addresses has some.
pub(super) fn names(shell: &mut Shell, stack: &[Addr]) -> impl Fn(Addr) -> Vec<StackFrame> + use<> {
    let mut known: FxHashMap<Addr, Vec<StackFrame>> = FxHashMap::default();
    if let Some(pid) = pid(shell) {
        let then = |at: &Addr| Some((*at, shell.session.names_then(pid, *at)?));
        known.extend(stack.iter().filter_map(then));
    }
    shell.session.with_scene(|scene, _| {
        for at in stack {
            known.entry(*at).or_insert_with(|| {
                // A return address may already belong to the next line.
                let mut frames = scene.modules.frames_of(at.sub(1));
                frames.iter_mut().for_each(|frame| frame.address = *at);
                frames
            });
        }
    });
    move |at| known.get(&at).cloned().unwrap_or_default()
}

/// The six argument registers, at the first instruction of a function or behind its prologue.
fn argument_registers(scene: &Scene<'_>, tid: Tid) -> Option<[u64; 6]> {
    let regs = scene.source.regs(tid)?;
    let pc = Addr(regs.rip());
    let entry = scene.modules.function_at(pc)?.start;
    let at_start = pc == entry || scene.modules.after_prologue(entry, scene.memory()) == Some(pc);
    at_start.then(|| std::array::from_fn(|n| regs.argument(n + 1).unwrap_or(0)))
}

//! How a stop is told, in gdb's words, and what follows from it: displays, temporary breakpoints, `commands`.

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::stack::{self, Show};
use super::threads;
use crate::addr::{Addr, Tid};
use crate::event::{Caught, Event, EventKind, ExitStatus, StopReason};
use crate::kernel::signals;
use crate::report::escape;
use crate::scene::{Printer, Scene, frame_line};
use crate::session::{Halt, Selection, Session, Stop};
use crate::symbols::types::Type;

/// The `commands` of breakpoints that were hit and have not run yet.
#[derive(Default)]
pub(super) struct Actions {
    due: Vec<String>,
    /// Counts stops: what comes behind a `continue` in a body is not run any more.
    pub(super) stops: u64,
}

impl Actions {
    /// Forgets what is due: the user types something else.
    pub(super) fn forget(&mut self) {
        self.due.clear();
    }

    /// Takes what is due.
    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.due)
    }
}

/// The innermost frame before the target went on: a step that ends in the same one shows only its line.
pub(super) struct Before {
    tid: Option<Tid>,
    frame: Option<FrameId>,
}

/// What makes a frame the same one: its address, and the function that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FrameId {
    cfa: Option<Addr>,
    function: Option<Addr>,
    name: Option<String>,
    file: Option<String>,
}

impl FrameId {
    fn of(scene: &Scene<'_>, tid: Tid) -> Option<FrameId> {
        let frames = scene.frames(tid, 1);
        let frame = frames.frames.first()?;
        Some(FrameId {
            cfa: scene.cfa(&frame.physical),
            function: scene.modules.function_at(frame.pc()).map(|span| span.start),
            name: frame.function().and_then(|scope| scope.name.as_deref()).map(str::to_owned),
            file: scene.file_of(frame),
        })
    }
}

impl FrameId {
    /// Whether a step from this frame to the other has stayed in it; among the functions inlined into it the engine
    /// knows.
    fn is(&self, other: &FrameId, stayed: bool) -> bool {
        self == other || (stayed && self.cfa == other.cfa && self.function == other.function)
    }
}

impl Before {
    /// A frame that no stop can be in: the stop is told in full.
    pub(super) fn elsewhere(shell: &Shell) -> Before {
        Before { tid: shell.session.selection().map(|selection| selection.tid), frame: None }
    }

    pub(super) fn of(shell: &mut Shell) -> Before {
        let tid = shell.session.selection().map(|selection| selection.tid);
        let frame = tid.and_then(|tid| shell.session.with_scene(|scene, _| FrameId::of(scene, tid)));
        Before { tid, frame }
    }
}

/// Whether it was a signal that stopped the target.
pub(super) fn is_signal(stop: &Stop) -> bool {
    matches!(stop.what, Halt::Reason(StopReason::Signal { .. }))
}

/// Tells a stop, and prepares what follows from it.
pub(super) fn report(shell: &mut Shell, stop: &Stop, before: &Before) -> Done {
    shell.actions.stops += 1;
    shell.actions.forget();
    match &stop.what {
        Halt::Exited(status) => tell_exit(shell, stop, *status),
        Halt::Vanished => shell.say("The program no longer exists."),
        Halt::Reason(reason) if shell.stop_hook() => return tell_reason(shell, stop, reason, before),
        // The hook let the target go on, and its next stop was told.
        Halt::Reason(_) => return Ok(()),
    }
    shell.stop_hook();
    Ok(())
}

fn tell_exit(shell: &mut Shell, stop: &Stop, status: ExitStatus) {
    match status {
        ExitStatus::Code(_) => {
            let words = exit_words(&shell.session, stop.pid, status);
            shell.say(words);
        }
        ExitStatus::Signal(signal) => {
            let (name, words) = signals::describe(signal);
            shell.say(format!(
                "\nProgram terminated with signal {name}, {words}.\nThe program no longer exists."
            ));
        }
    }
    tell_deleted(shell);
}

/// Tells of the breakpoints of threads that are gone, after the end of a process.
pub(super) fn tell_deleted(shell: &mut Shell) {
    for (number, thread) in shell.session.delete_of_gone_threads() {
        shell.say(deleted_words(number, thread));
    }
}

fn deleted_words(number: u32, thread: u32) -> String {
    format!("Thread-specific breakpoint {number} deleted - thread {thread} no longer in the thread list.")
}

/// `[Inferior 1 (process 7) exited with code 07]`.
fn exit_words(session: &Session, pid: crate::addr::Pid, status: ExitStatus) -> String {
    let number = session.inferior_number(pid);
    match status {
        ExitStatus::Code(0) => format!("[Inferior {number} (process {pid}) exited normally]"),
        ExitStatus::Code(code) => format!("[Inferior {number} (process {pid}) exited with code 0{code:o}]"),
        ExitStatus::Signal(signal) => {
            format!("[Inferior {number} (process {pid}) killed by signal {}]", signals::describe(signal).0)
        }
    }
}

fn tell_reason(shell: &mut Shell, stop: &Stop, reason: &StopReason, before: &Before) -> Done {
    let hit = match reason {
        StopReason::Breakpoint { number, .. }
        | StopReason::Catchpoint { number, .. }
        | StopReason::Watchpoint { number, .. } => Some(*number),
        _ => None,
    };
    let commands = hit.and_then(|number| shell.session.breakpoint_mut(number)).map(|b| b.commands.clone());
    let commands = commands.unwrap_or_default();
    let silent = commands.first().is_some_and(|line| line.trim() == "silent");
    if !silent {
        if before.tid.is_some_and(|tid| tid != stop.tid) {
            let id = target_id(&shell.session, stop.tid);
            shell.say(format!("[Switching to {id}]"));
        }
        let words = reason_words(shell, stop, reason);
        if !words.is_empty() {
            shell.put(words);
        }
        let stayed = shell.session.stayed();
        let now = shell.session.with_scene(|scene, _| FrameId::of(scene, stop.tid));
        let same = *reason == StopReason::StepDone
            && before.frame.as_ref().zip(now.as_ref()).is_some_and(|(before, now)| before.is(now, stayed));
        stack::show_frame(shell, if same { Show::Line } else { Show::Stop })?;
        super::data::show_displays(shell);
    }
    if let StopReason::Breakpoint { number, temporary: true, .. }
    | StopReason::Catchpoint { number, temporary: true, .. }
    | StopReason::Watchpoint { number, temporary: true, .. } = reason
    {
        shell.session.delete_breakpoint(*number);
    }
    shell.actions.due = commands.into_iter().skip(usize::from(silent)).collect();
    Ok(())
}

/// What stands before the frame: `\nBreakpoint 1, `.
fn reason_words(shell: &mut Shell, stop: &Stop, reason: &StopReason) -> String {
    let session = &shell.session;
    let many = session.highest_thread() > 1;
    let thread = if many {
        format!("Thread {} \"{}\"", threads::id_of(shell, stop.tid), name_of(session, stop.tid))
    } else {
        "Program".to_owned()
    };
    let hit = if many { format!("{thread} hit ") } else { String::new() };
    match reason {
        StopReason::Breakpoint { number, temporary, .. } => {
            let kind = if *temporary { "Temporary breakpoint" } else { "Breakpoint" };
            format!("\n{hit}{kind} {}, ", hit_number(session, stop, *number))
        }
        StopReason::Catchpoint { number, temporary, what } => {
            // gdb 13.1 does not tell a temporary one of signals from others (break-catch-sig.c).
            let temporary = *temporary && !matches!(what, Caught::Signal(_));
            let kind = if temporary { "Temporary catchpoint" } else { "Catchpoint" };
            format!("\n{hit}{kind} {number}{}", super::catchpoints::stop_words(what))
        }
        StopReason::Watchpoint { .. } => super::watchpoints::stop_words(shell, &hit),
        StopReason::WatchpointScope { number } => format!(
            "\n{hit}Watchpoint {number} deleted because the program has left the block in\nwhich its expression is valid.\n"
        ),
        StopReason::Signal { signo } => {
            let (name, words) = signals::describe(*signo);
            format!("\n{thread} received signal {name}, {words}.\n")
        }
        StopReason::Interrupted => format!("\n{thread} received signal SIGINT, Interrupt.\n"),
        StopReason::Entry => format!("\n{thread} stopped.\n"),
        StopReason::StepDone | StopReason::Finished | StopReason::Attached => String::new(),
    }
}

/// `2.1` for a breakpoint at several places, else `2`. A chain is one thing to its user.
fn hit_number(session: &Session, stop: &Stop, number: u32) -> String {
    let breakpoint = session.breakpoints().iter().find(|b| b.number == number);
    let (Some(breakpoint), Some(pc)) = (breakpoint.filter(|b| !b.is_chain()), session.state().pc) else {
        return number.to_string();
    };
    let mut locations = breakpoint.stages.iter().flat_map(|stage| &stage.locations);
    if locations.clone().count() < 2 {
        return number.to_string();
    }
    match locations.position(|place| place.address == pc && place.pid == Some(stop.pid)) {
        Some(index) => format!("{number}.{}", index + 1),
        None => number.to_string(),
    }
}

/// A thread's name; the target chose it.
fn name_of(session: &Session, tid: Tid) -> String {
    escape::plain(&session.thread_name(tid))
}

/// gdb's name of a thread: `Thread 0x7ffff7d8a740 (LWP 123)`.
pub(super) fn target_id(session: &Session, tid: Tid) -> String {
    match session.thread_pointer(tid) {
        Some(pointer) => format!("Thread {pointer:#x} (LWP {tid})"),
        None => format!("LWP {tid}"),
    }
}

/// The stop at the first instruction (`starti`).
pub(super) fn report_entry(shell: &mut Shell) -> Done {
    let selection = shell.must_run()?;
    shell.session.stands_at_entry();
    let stop = Stop { pid: selection.pid, tid: selection.tid, what: Halt::Reason(StopReason::Entry) };
    report(shell, &stop, &Before { tid: None, frame: None })
}

/// The stop that attaching made.
pub(super) fn report_attached(shell: &mut Shell, stop: &Stop) -> Done {
    report(shell, stop, &Before { tid: None, frame: None })
}

/// The frame that `finish` leaves.
pub(super) struct Leaving {
    /// gdb's line for it.
    pub(super) line: String,
    /// The type of its function, when it is one.
    function: Option<Type>,
}

impl Leaving {
    /// # Errors
    /// gdb's words when there is no caller.
    pub(super) fn of(shell: &mut Shell, selection: Selection) -> Done<Leaving> {
        let options = shell.print.clone();
        shell.session.with_scene(|scene, _| {
            let level = selection.level as usize;
            let frames = scene.frames(selection.tid, level + 2);
            let frame = frames.frames.get(level).ok_or_else(|| CommandError::say("No selected frame."))?;
            if frames.frames.len() < level + 2 {
                return Err(CommandError::say("\"finish\" not meaningful in the outermost frame."));
            }
            Ok(Leaving {
                line: frame_line(&scene.frame_view(frame, &options)),
                function: frame.function_type().filter(|_| !frame.inlined()),
            })
        })
    }
}

/// `Value returned is $1 = 120`.
pub(super) fn tell_result(shell: &mut Shell, leaving: &Leaving) {
    let Some(function) = &leaving.function else { return };
    let Some(selection) = shell.session.selection() else { return };
    let options = shell.print.clone();
    let line = shell.session.with_scene(|scene, vars| {
        let regs = scene.source.frame_regs(selection.tid)?;
        let value = scene.return_value(function, &regs)?;
        let value = value.load(scene.memory()).unwrap_or(value);
        let printer = Printer { memory: scene.memory(), names: scene, options: &options };
        let text = printer.top(&value).unwrap_or_else(|error| format!("<error: {error}>"));
        Some(format!("Value returned is ${} = {text}", vars.record(value)))
    });
    if let Some(line) = line {
        shell.say(line);
    }
}

impl Shell {
    /// Runs the `commands` that are due. One that lets the target go on ends its body; what the next stop
    /// brings runs then.
    pub(super) fn run_actions(&mut self) -> Done {
        loop {
            let lines = self.actions.take();
            if lines.is_empty() || self.leaving {
                return Ok(());
            }
            self.run_actions_body(&lines)?;
        }
    }
}

/// How an event reads while the target runs, where gdb has words for it.
pub(super) fn announce(session: &Session, event: &Event) -> Option<String> {
    let text = match &event.kind {
        EventKind::ThreadStarted => format!("[New {}]", target_id(session, event.tid)),
        EventKind::ThreadEnded => {
            let theirs = session.breakpoints().iter().filter(|b| b.thread == Some(event.tid));
            let deleted = theirs.map(|b| format!("\n{}", deleted_words(b.number, b.thread_number)));
            format!("[{} exited]{}", target_id(session, event.tid), deleted.collect::<String>())
        }
        EventKind::Forked { child, followed: false, vfork } => {
            let fork = if *vfork { "vfork" } else { "fork" };
            format!("[Detaching after {fork} from child process {child}]")
        }
        EventKind::Forked { child, followed: true, vfork } => {
            let fork = if *vfork { "vfork" } else { "fork" };
            let number = session.inferior_number(*child);
            if session.settings().follow_fork_child {
                format!(
                    "[Attaching after {} {fork} to child process {child}]\n[New inferior {number} (process {child})]",
                    target_id(session, event.tid)
                )
            } else {
                format!("[New inferior {number} (process {child})]")
            }
        }
        // After a fork the parent is let go; `detach` has words of its own.
        EventKind::Detached if session.selection().is_some_and(|s| s.pid == event.pid) => {
            let number = session.inferior_number(event.pid);
            format!(
                "[Detaching after fork from parent process {0}]\n[Inferior {number} (process {0}) detached]",
                event.pid
            )
        }
        // Who kills one knows that it ends; the last one's end is the answer of the command that let it run.
        EventKind::Exited(ExitStatus::Signal(9)) => return None,
        EventKind::Exited(status) if session.selection().is_some_and(|s| s.pid != event.pid) => {
            exit_words(session, event.pid, *status)
        }
        EventKind::Execed { program } => {
            let mut text = format!("process {} is executing new program: {program}", event.pid);
            if session.settings().follow_exec_new {
                let number = session.inferior_number(event.pid);
                text.push_str(&format!("\n[New inferior {number}]\n[New process {}]", event.pid));
            }
            text
        }
        EventKind::ConditionError { number, error } if error.starts_with("Cannot insert") => {
            let _ = number;
            error.clone()
        }
        EventKind::ConditionError { number, error } => {
            format!(
                "Error in testing condition for breakpoint {number}:\n{error}\n  hint: this is no hit; the target goes on."
            )
        }
        EventKind::Signalled { signo, .. } => {
            let (name, words) = signals::describe(*signo);
            format!("\nProgram received signal {name}, {words}.")
        }
        _ => return None,
    };
    Some(text + "\n")
}

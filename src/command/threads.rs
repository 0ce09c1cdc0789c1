//! Threads, listed and chosen: `info threads`, `thread`, `thread apply`.
//!
//! ```text
//! (brkwater) info threads
//!   Id   Target Id                                   Frame
//!   1    Thread 0x7ffff7dd2740 (LWP 18007) "threads" main () at threads.c:34
//! * 2    Thread 0x7ffff7dd16c0 (LWP 18019) "threads" work (thread=0, i=52) at threads.c:15
//! ```
//!
//! It speaks gdb's ids: `2`, or `1.2` once there is more than one inferior, and lists such as `1 3-5 2.*`.

use super::applying::Manner;
use super::args::first_word;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::stack::{self, Show};
use super::table::{Entry, Takes};
use super::threadid::{self, Wanted};
use crate::addr::{Pid, Tid};
use crate::scene::{Scene, frame_text};
use crate::session::Selection;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["thread", "t"],
        run: thread,
        help: "Use this command to switch between threads.\n\
               Usage: thread [ID]\n\
               \x20      thread apply ID-LIST|all [-q] [-c] [-s] COMMAND\n\
               \x20      thread find TEXT\n\
               Without an argument it tells which thread is selected.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["taas"],
        run: |shell, args| {
            with_command(args, "taas").and_then(|command| apply(shell, &format!("all -s {command}")))
        },
        help: "Apply a command to all threads (ignoring errors and empty output).\nUsage: taas COMMAND",
        takes: Takes::Command,
    },
];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["threads"],
    run: info_threads,
    help: "Display currently known threads.\nUsage: info threads [ID-LIST]",
    takes: Takes::Nothing,
}];

/// A thread with everything that its line shows.
pub(super) struct Known {
    pub(super) pid: Pid,
    pub(super) tid: Tid,
    /// The number of its process.
    pub(super) inferior: u32,
    /// Its number among the threads of its process.
    pub(super) number: u32,
}

/// Every thread of every process that is debugged, by inferior and number.
pub(super) fn known(shell: &Shell) -> Vec<Known> {
    let processes = shell.session.processes();
    // Threads are numbered through; a process's own numbers begin at 1.
    let alone = processes.len() == 1 && processes[0].0 == 1;
    let mut all = Vec::new();
    for (inferior, pid, _) in processes {
        for (place, thread) in (1..).zip(shell.session.threads_of(pid)) {
            let number = if alone { thread.number } else { place };
            all.push(Known { pid, tid: thread.tid, inferior, number });
        }
    }
    all
}

/// gdb's id: `2`, or `1.2` when there is more than one inferior.
fn id_text(known: &Known, shell: &Shell) -> String {
    if is_qualified(shell) {
        format!("{}.{}", known.inferior, known.number)
    } else {
        known.number.to_string()
    }
}

/// The same for a thread by its kernel's number; `0` for one that is gone.
pub(super) fn id_of(shell: &Shell, tid: Tid) -> String {
    let all = known(shell);
    all.iter().find(|known| known.tid == tid).map_or_else(|| "0".to_owned(), |known| id_text(known, shell))
}

fn is_qualified(shell: &Shell) -> bool {
    shell.session.processes().iter().any(|(number, ..)| *number != 1)
}

/// gdb's name of a thread: `Thread 0x7ffff7d8a740 (LWP 123)`; without a threads library `process 123`, and
/// `LWP 124` for a process's further threads.
pub(super) fn target_id(shell: &mut Shell, tid: Tid) -> String {
    let many = shell.session.threads().len() > 1;
    shell.session.with_scene(|scene, _| id_in(scene, tid, many))
}

fn id_in(scene: &Scene<'_>, tid: Tid, many: bool) -> String {
    let pointer = scene.source.regs(tid).map_or(0, |regs| regs.fs_base());
    if pointer != 0 && scene.has_threads_library() {
        return format!("Thread {pointer:#x} (LWP {tid})");
    }
    let leads = tid.0 == scene.source.pid().0;
    if leads && !many { format!("process {tid}") } else { format!("LWP {tid}") }
}

fn info_threads(shell: &mut Shell, args: &str) -> Done {
    let all = known(shell);
    if all.is_empty() {
        shell.say("No threads.");
        return Ok(());
    }
    let args = args.trim();
    let wanted = if args.is_empty() { Vec::new() } else { threadid::list(args)? };
    let current = shell.session.selection().map_or(1, |selection| inferior_of(&all, selection.pid));
    let listed: Vec<Known> = all
        .into_iter()
        .filter(|known| wanted.is_empty() || threadid::fits(&wanted, known, current))
        .collect();
    if listed.is_empty() {
        shell.say(format!("No threads match '{args}'."));
        return Ok(());
    }
    let selected = shell.session.selection().map(|selection| selection.tid);
    let mut rows = Vec::new();
    for thread in &listed {
        let star = if Some(thread.tid) == selected { '*' } else { ' ' };
        let (target, frame) = target_and_frame(shell, thread);
        rows.push((star, id_text(thread, shell), target, frame));
    }
    let width = rows.iter().map(|(_, _, target, _)| target.chars().count()).max().unwrap_or(0).max(9);
    let mut text = format!("  {:<4} {:<width$} Frame \n", "Id", "Target Id");
    for (star, id, target, frame) in rows {
        text.push_str(&format!("{star} {id:<4} {target:<width$} {frame}\n"));
    }
    shell.say(text);
    Ok(())
}

/// ` "name"`; nothing for a thread of a core file, which tells no names.
fn quoted_name(shell: &Shell, tid: Tid) -> String {
    match shell.session.core() {
        None => format!(" \"{}\"", shell.session.thread_name(tid)),
        Some(_) => String::new(),
    }
}

/// `Thread 0x… (LWP 7) "name"` and the innermost frame of a thread.
fn target_and_frame(shell: &mut Shell, thread: &Known) -> (String, String) {
    let options = shell.print.clone();
    let many = shell.session.threads_of(thread.pid).len() > 1;
    let name = quoted_name(shell, thread.tid);
    let nowhere = if shell.session.moment().is_some() { "(not recorded)" } else { "(running)" };
    at_thread(shell, thread.tid, |shell| {
        shell.session.with_scene(|scene, _| {
            let target = format!("{}{name}", id_in(scene, thread.tid, many));
            let frames = scene.frames(thread.tid, 1);
            let view = frames.frames.first().map(|frame| scene.frame_view(frame, &options));
            (target, view.map_or_else(|| nowhere.to_owned(), |view| frame_text(&view)))
        })
    })
}

/// Does `work` with a thread selected, then selects again what was.
pub(super) fn at_thread<R>(shell: &mut Shell, tid: Tid, work: impl FnOnce(&mut Shell) -> R) -> R {
    let before = shell.session.selection();
    // A thread that is gone leaves the selection as it is; what `work` finds is told then.
    let _ = shell.session.select_thread(tid);
    let result = work(shell);
    restore(shell, before);
    result
}

/// Selects what was selected, if it is still there.
fn restore(shell: &mut Shell, before: Option<Selection>) {
    if let Some(before) = before
        && shell.session.select_thread(before.tid).is_ok()
    {
        shell.session.select_frame(before.level);
    }
}

fn inferior_of(all: &[Known], pid: Pid) -> u32 {
    all.iter().find(|known| known.pid == pid).map_or(1, |known| known.inferior)
}

fn thread(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    match word {
        "" => current(shell),
        "apply" => apply(shell, rest),
        "find" => find(shell, rest),
        "name" => Err(CommandError::say(
            "brkwater does not rename threads.\n  hint: the names that are shown are the kernel's (pthread_setname_np).",
        )),
        _ => switch(shell, word),
    }
}

fn current(shell: &mut Shell) -> Done {
    let selection = shell.selected("No thread selected")?;
    let all = known(shell);
    let id = all.iter().find(|known| known.tid == selection.tid).map(|known| id_text(known, shell));
    let target = target_id(shell, selection.tid);
    shell.say(format!("[Current thread is {} ({target})]", id.unwrap_or_default()));
    Ok(())
}

fn switch(shell: &mut Shell, word: &str) -> Done {
    let wanted = threadid::list(word)?;
    let all = known(shell);
    let here = shell.session.selection().map_or(1, |selection| inferior_of(&all, selection.pid));
    let found = all.iter().find(|known| threadid::fits(&wanted, known, here));
    let found = found.ok_or_else(|| CommandError::say(format!("Unknown thread {word}.")))?;
    let tid = found.tid;
    shell.session.select_thread(tid)?;
    show_switch(shell)
}

/// `[Switching to thread 2 (Thread 0x… (LWP 7))]` and the frame, for the thread that is selected now.
pub(super) fn show_switch(shell: &mut Shell) -> Done {
    let tid = shell.selected("No thread selected")?.tid;
    let id = known(shell).iter().find(|known| known.tid == tid).map(|known| id_text(known, shell));
    let target = target_id(shell, tid);
    shell.say(format!("[Switching to thread {} ({target})]", id.unwrap_or_default()));
    stack::show_frame(shell, Show::Frame)
}

fn find(shell: &mut Shell, text: &str) -> Done {
    if text.trim().is_empty() {
        return Err(CommandError::say("You need to supply a text to look for."));
    }
    let mut found = String::new();
    for thread in known(shell) {
        let target = at_thread(shell, thread.tid, |shell| target_id(shell, thread.tid));
        let id = id_text(&thread, shell);
        let name = shell.session.thread_name(thread.tid);
        if name.contains(text.trim()) {
            found.push_str(&format!("Thread {id} has name '{name}'\n"));
        } else if target.contains(text.trim()) {
            found.push_str(&format!("Thread {id} has target id '{target}'\n"));
        }
    }
    shell.say(if found.is_empty() { format!("No threads match '{}'", text.trim()) } else { found });
    Ok(())
}

fn apply(shell: &mut Shell, args: &str) -> Done {
    let (word, _) = first_word(args);
    if word.is_empty() {
        return Err(CommandError::say("Please specify a thread ID list"));
    }
    let (mut threads, rest, missing) = if word == "all" {
        let mut all = known(shell);
        all.reverse();
        (all, first_word(args).1, "Please specify a command at the end of 'thread apply all'")
    } else {
        let (wanted, rest) = ids_before_command(args)?;
        (chosen(shell, &wanted), rest, "Please specify a command following the thread ID list")
    };
    let (manner, ascending, command) = flags(rest);
    if command.is_empty() {
        return Err(CommandError::say(missing));
    }
    if ascending {
        threads.reverse();
    }
    let before = shell.session.selection();
    let mut done = Ok(());
    for thread in threads {
        if shell.session.select_thread(thread.tid).is_err() {
            continue;
        }
        done = run_at(shell, &thread, manner, command);
        if done.is_err() {
            break;
        }
    }
    restore(shell, before);
    done
}

fn run_at(shell: &mut Shell, thread: &Known, manner: Manner, command: &str) -> Done {
    let (target, id) = (target_id(shell, thread.tid), id_text(thread, shell));
    let name = quoted_name(shell, thread.tid);
    manner.run(shell, &format!("\nThread {id} ({target}{name}):"), command)
}

/// The threads of a list, in its order; those that are not there are warned about.
fn chosen(shell: &mut Shell, wanted: &[Wanted]) -> Vec<Known> {
    let here = {
        let all = known(shell);
        shell.session.selection().map_or(1, |selection| inferior_of(&all, selection.pid))
    };
    let mut threads = Vec::new();
    for one in wanted {
        let before = threads.len();
        let alone = std::slice::from_ref(one);
        threads.extend(known(shell).into_iter().filter(|known| threadid::fits(alone, known, here)));
        if threads.len() == before {
            shell.complain(format!("warning: Unknown thread {one}"));
        }
    }
    threads
}

/// `1 3-5 bt 1`: the ids end where a word is none.
fn ids_before_command(args: &str) -> Done<(Vec<Wanted>, &str)> {
    let mut rest = args.trim_start();
    let mut all = Vec::new();
    loop {
        let (word, tail) = first_word(rest);
        if !word.starts_with(|c: char| c.is_ascii_digit() || c == '*') {
            break;
        }
        all.extend(threadid::list(word)?);
        rest = tail;
    }
    if all.is_empty() {
        return Err(CommandError::say(format!("Invalid thread ID: {}", args.trim())));
    }
    Ok((all, rest))
}

/// `-ascending` may stand among the flags.
fn flags(text: &str) -> (Manner, bool, &str) {
    let (first, rest) = Manner::read(text);
    match rest.strip_prefix("-ascending") {
        Some(behind) => {
            let (then, command) = Manner::read(behind);
            let (quiet, silent) = (first.quiet || then.quiet, first.silent || then.silent);
            (Manner { quiet, silent, go_on: first.go_on || then.go_on }, true, command)
        }
        None => (first, false, rest),
    }
}

fn with_command<'a>(args: &'a str, name: &str) -> Done<&'a str> {
    let missing = || CommandError::say(format!("Please specify a command at the end of '{name}'"));
    Some(args.trim()).filter(|args| !args.is_empty()).ok_or_else(missing)
}

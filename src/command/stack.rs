//! The stack: backtraces, which frame is looked at, and what is known of it.
//!
//! ```text
//! (gdb) up
//! #1  0x0000000000401318 in main (argc=1, argv=0x7fffffffe808) at calls.c:67
//! 67              total += leaf(i, names[i % 3]);
//! ```

use super::args::first_word;
use super::data::integer;
use super::error::{CommandError, Done};
use super::place;
use super::shell::Shell;
use super::source;
use super::table::{Entry, Takes};
use crate::scene::frame::MAX_FRAMES;
use crate::scene::{Frame, Scene, frame_line, frame_text};

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["backtrace", "bt", "where"],
        run: super::backtrace::backtrace,
        help: "Print backtrace of all stack frames, or innermost COUNT frames.\n\nUsage: backtrace [full] [-json] [COUNT | -COUNT]\nWith a negative COUNT, print the outermost frames.\nfull: the local variables of each frame as well.\n-json: one object (brkwater.backtrace/1).",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["frame", "f"],
        run: frame,
        help: "Select and print a stack frame.\n\nUsage: frame [LEVEL]\n       frame level LEVEL\n       frame function NAME\n       frame address ADDRESS\n       frame apply [all | COUNT | -COUNT | level LEVEL...] [-q | -c | -s] COMMAND",
        takes: Takes::Expression,
    },
    Entry {
        names: &["select-frame"],
        run: |shell, args| match args.trim() {
            "" => shell.selected("No stack.").map(|_| ()),
            args => find(shell, args).map(|level| shell.session.select_frame(level)),
        },
        help: "Select a stack frame without printing anything.\n\nUsage: select-frame [LEVEL | level LEVEL | function NAME | address ADDRESS]",
        takes: Takes::Expression,
    },
    Entry {
        names: &["up"],
        run: |shell, args| go(shell, args, 1, true),
        help: "Select and print stack frame that called this one.\n\nUsage: up [COUNT]",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["down", "dow"],
        run: |shell, args| go(shell, args, -1, true),
        help: "Select and print stack frame called by this one.\n\nUsage: down [COUNT]",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["up-silently"],
        run: |shell, args| go(shell, args, 1, false),
        help: "Same as the \"up\" command, but does not print anything.\n\nUsage: up-silently [COUNT]",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["down-silently"],
        run: |shell, args| go(shell, args, -1, false),
        help: "Same as the \"down\" command, but does not print anything.\n\nUsage: down-silently [COUNT]",
        takes: Takes::Nothing,
    },
];

pub(super) const INFO: &[Entry] = &[
    Entry {
        names: &["frame", "f"],
        run: info_frame,
        help: "All about the selected stack frame, or another one.\n\nUsage: info frame [LEVEL | level LEVEL | function NAME | address ADDRESS]",
        takes: Takes::Expression,
    },
    Entry {
        names: &["args"],
        run: |shell, args| {
            let text = |scene: &Scene<'_>, frame: &Frame, options: &_| scene.arguments_text(frame, options);
            info_variables(shell, args, text, "No matching arguments.")
        },
        help: "All argument variables of current stack frame, or those whose names hold a text.\n\nUsage: info args [TEXT]",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["locals", "lo"],
        run: |shell, args| {
            let text = |scene: &Scene<'_>, frame: &Frame, options: &_| scene.locals_text(frame, options, "");
            info_variables(shell, args, text, "No matching locals.")
        },
        help: "All local variables of current stack frame, or those whose names hold a text.\n\nUsage: info locals [TEXT]",
        takes: Takes::Nothing,
    },
];

/// How much of a frame is shown.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// `#1  main () at t.c:9` and the source line: the frame was chosen.
    Frame,
    /// The same without the number: a stop, behind `Breakpoint 1, `.
    Stop,
    /// The source line alone: a step that stayed in its function.
    Line,
    /// The numbered line alone, as behind `Run till exit from `.
    Location,
}

/// Shows the selected frame, and makes its place the one that `list` and `break` begin from. A frame without a
/// source line is shown by its location in any case.
///
/// # Errors
/// `No stack.`
pub(super) fn show_frame(shell: &mut Shell, how: Show) -> Done {
    let options = shell.print.clone();
    let view = shell.with_frame("No stack.", |scene, frame, _| scene.frame_view(frame, &options))?;
    let place = source::file_of(&view).zip(view.line);
    match how {
        Show::Frame | Show::Location => shell.say(frame_line(&view)),
        Show::Stop => shell.say(frame_text(&view)),
        Show::Line if place.is_none() => shell.say(frame_text(&view)),
        Show::Line => {}
    }
    if let (Some((file, line)), true) = (place, how != Show::Location) {
        if how == Show::Line && view.show_address {
            shell.put(format!("0x{:016x}\t", view.address.0));
        }
        match source::print_lines(shell, &file, line, 1) {
            // A file that became shorter than its debug info must not hide a stop.
            Err(CommandError::Say(words)) => shell.complain(words),
            other => other?,
        }
    }
    source::set_current(shell, &view);
    Ok(())
}

/// Which frame a text means: `2`, `level 2`, `function main`, `address 0x7ffe…`.
fn find(shell: &mut Shell, args: &str) -> Done<u32> {
    let (word, rest) = first_word(args);
    let is = |full: &str| {
        !word.is_empty() && full.starts_with(word) && word.starts_with(|c: char| c.is_ascii_lowercase())
    };
    if is("function") && (word.len() > 1 || !rest.is_empty()) {
        return find_function(shell, rest);
    }
    if is("address") && (word.len() > 1 || !rest.is_empty()) {
        return find_address(shell, rest);
    }
    let text = if is("level") && !rest.is_empty() || word == "level" { rest } else { args };
    if text.is_empty() {
        return Err(CommandError::say("Argument required (expression to compute)."));
    }
    if shell.session.selection().is_none() {
        return Err(CommandError::say("No registers."));
    }
    let level = integer(shell, text)?;
    let missing = || CommandError::say(format!("No frame at level {text}."));
    let wanted = u32::try_from(level).map_err(|_| missing())?;
    if exists(shell, wanted)? { Ok(wanted) } else { Err(missing()) }
}

fn exists(shell: &mut Shell, level: u32) -> Done<bool> {
    let selection = shell.selected("No stack.")?;
    let level = level as usize;
    Ok(level < MAX_FRAMES
        && shell.session.with_scene(|scene, _| scene.frames(selection.tid, level + 1).frames.len() > level))
}

fn find_function(shell: &mut Shell, name: &str) -> Done<u32> {
    if name.is_empty() {
        return Err(CommandError::say("Missing function name argument"));
    }
    let selection = shell.selected("No stack.")?;
    let sites = place::resolve_place(shell, name)?;
    let found = shell.session.with_scene(|scene, _| {
        let spans: Vec<_> = sites.iter().filter_map(|site| scene.modules.function_at(site.address)).collect();
        let frames = scene.frames(selection.tid, MAX_FRAMES).frames;
        let holds = |frame: &&Frame| spans.iter().any(|span| span.contains(frame.pc()));
        frames.iter().find(holds).map(|frame| frame.level)
    });
    found.ok_or_else(|| CommandError::say(format!("No frame for function \"{name}\".")))
}

fn find_address(shell: &mut Shell, text: &str) -> Done<u32> {
    if text.is_empty() {
        return Err(CommandError::say("Argument required (expression to compute)."));
    }
    let selection = shell.selected("No stack.")?;
    let at = place::address(shell, text)?;
    let found = shell.session.with_scene(|scene, _| {
        let frames = scene.frames(selection.tid, MAX_FRAMES).frames;
        frames.iter().find(|frame| scene.base_of(frame) == at).map(|frame| frame.level)
    });
    found.ok_or_else(|| CommandError::say(format!("No frame at address {text}.")))
}

fn frame(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    if word == "apply" {
        return super::applying::frames(shell, rest);
    }
    if !args.is_empty() {
        let level = find(shell, args)?;
        shell.session.select_frame(level);
    }
    show_frame(shell, Show::Frame)
}

/// `up` and `down`: by one, or by a count; at the end without a count is an error.
fn go(shell: &mut Shell, args: &str, direction: i64, loudly: bool) -> Done {
    let selection = shell.selected("No stack.")?;
    let count = if args.is_empty() { 1 } else { integer(shell, args)? };
    let wanted = i64::from(selection.level).saturating_add(count.saturating_mul(direction));
    let most = usize::try_from(wanted.max(0)).unwrap_or(MAX_FRAMES).min(MAX_FRAMES - 1);
    let known = shell.session.with_scene(|scene, _| scene.frames(selection.tid, most + 1).frames.len());
    let outermost = known.saturating_sub(1) as i64;
    let level = wanted.clamp(0, outermost.max(0));
    if level != wanted && args.is_empty() {
        return Err(CommandError::say(if direction > 0 {
            "Initial frame selected; you cannot go up."
        } else {
            "Bottom (innermost) frame selected; you cannot go down."
        }));
    }
    shell.session.select_frame(u32::try_from(level).unwrap_or(0));
    if loudly { show_frame(shell, Show::Frame) } else { Ok(()) }
}

fn info_frame(shell: &mut Shell, args: &str) -> Done {
    let selection = shell.selected("No stack.")?;
    let level = if args.is_empty() { selection.level } else { find(shell, args)? };
    let options = shell.print.clone();
    let text = shell.session.with_scene(|scene, _| {
        let frames = scene.frames(selection.tid, level as usize + 1);
        let frame = frames.frames.get(level as usize)?;
        Some(scene.frame_info(frame, &options, args.is_empty()))
    });
    shell.say(text.ok_or_else(|| CommandError::say("No stack."))?);
    Ok(())
}

/// `info args` and `info locals`, perhaps only the lines of names that hold a text.
fn info_variables(
    shell: &mut Shell,
    args: &str,
    text: impl FnOnce(&Scene<'_>, &Frame, &crate::scene::PrintOptions) -> String,
    none: &str,
) -> Done {
    let options = shell.print.clone();
    let text = shell.with_frame("No frame selected.", |scene, frame, _| text(scene, frame, &options))?;
    let wanted = args.trim_start_matches("-q").trim();
    if wanted.is_empty() {
        shell.say(text);
        return Ok(());
    }
    let fits = |line: &&str| line.split_once(" = ").is_some_and(|(name, _)| name.contains(wanted));
    let lines: Vec<&str> = text.lines().filter(fits).collect();
    shell.say(if lines.is_empty() { none.to_owned() } else { lines.join("\n") });
    Ok(())
}

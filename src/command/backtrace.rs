//! `backtrace`: all frames, or some of them, as text or as one object.
//!
//! ```text
//! (gdb) bt 2
//! #0  factorial (n=1) at calls.c:40
//! #1  0x00000000004011d6 in factorial (n=2) at calls.c:44
//! (More stack frames follow...)
//! ```

use super::args::first_word;
use super::data::integer;
use super::error::{CommandError, Done};
use super::shell::Shell;
use crate::scene::frame::MAX_FRAMES;
use crate::scene::view::Backtrace;
use crate::scene::{FrameArguments, Frames, PrintOptions, Scene, frame_line};
use crate::session::Selection;

/// What was asked of a backtrace.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    full: bool,
    json: bool,
    arguments: Option<FrameArguments>,
    past_main: bool,
    count: String,
}

impl Wanted {
    fn read(args: &str) -> Wanted {
        let mut wanted = Wanted::default();
        let mut rest = args.trim();
        loop {
            let (word, behind) = first_word(rest);
            rest = match word {
                "full" | "-full" => {
                    wanted.full = true;
                    behind
                }
                "-json" => {
                    wanted.json = true;
                    behind
                }
                "-past-main" => {
                    wanted.past_main = true;
                    behind
                }
                "-frame-arguments" => {
                    let (how, behind) = first_word(behind);
                    wanted.arguments = frame_arguments(how);
                    behind
                }
                // Filters are written in Python, which we do not run.
                "no-filters" | "-no-filters" | "hide" | "-hide" | "--" => behind,
                _ => break,
            };
        }
        // Ours may stand behind the count as well.
        let (json, count) = super::args::take_flag(rest, "-json");
        wanted.json |= json;
        wanted.count = count;
        wanted
    }
}

fn frame_arguments(word: &str) -> Option<FrameArguments> {
    match word {
        "all" => Some(FrameArguments::All),
        "scalars" => Some(FrameArguments::Scalars),
        "none" => Some(FrameArguments::None),
        "presence" => Some(FrameArguments::Presence),
        _ => None,
    }
}

/// `backtrace`.
pub(super) fn backtrace(shell: &mut Shell, args: &str) -> Done {
    let wanted = Wanted::read(args);
    let selection = shell.selected("No stack.")?;
    let count = if wanted.count.is_empty() { None } else { Some(integer(shell, &wanted.count)?) };
    let mut options = shell.print.clone();
    options.frame_arguments = wanted.arguments.unwrap_or(options.frame_arguments);
    if let Some(kept) = super::witness::backtrace(shell, selection.tid) {
        let text = told_then(kept, &wanted, count);
        shell.put(text);
        return Ok(());
    }
    let (text, more) = shell.session.with_scene(|scene, _| {
        let past_main = scene.caches.past_main.get();
        scene.caches.past_main.set(past_main || wanted.past_main);
        let told = told(scene, selection, &wanted, count, &options);
        scene.caches.past_main.set(past_main);
        told
    });
    if text.is_empty() && count != Some(0) {
        return Err(CommandError::say(match shell.session.moment() {
            None => "No stack.",
            Some(_) => {
                "No stack.\n  hint: a recording has stacks at its memory calls (info syscalls) and stops."
            }
        }));
    }
    shell.put(text);
    if more && shell.options.interactive {
        shell.say("(More stack frames follow...)");
    }
    Ok(())
}

/// The text of one that was told before, of a process whose files are not here.
fn told_then(mut kept: Backtrace, wanted: &Wanted, count: Option<i64>) -> String {
    let size = |count: u64| usize::try_from(count).unwrap_or(MAX_FRAMES);
    match count {
        Some(count) if count < 0 => {
            let gone = kept.frames.len().saturating_sub(size(count.unsigned_abs()));
            kept.frames.drain(..gone);
        }
        Some(count) => kept.frames.truncate(size(count.unsigned_abs())),
        None => {}
    }
    if wanted.json {
        return serde_json::to_string(&kept).unwrap_or_default() + "\n";
    }
    kept.frames.iter().map(|view| frame_line(view) + "\n").collect()
}

/// The text of a backtrace, and whether there are more frames.
fn told(
    scene: &Scene<'_>,
    selection: Selection,
    wanted: &Wanted,
    count: Option<i64>,
    options: &PrintOptions,
) -> (String, bool) {
    let limit = match count {
        Some(count) if count >= 0 => usize::try_from(count).unwrap_or(MAX_FRAMES),
        _ => MAX_FRAMES,
    };
    let Frames { mut frames, more, stopped } = scene.frames(selection.tid, limit);
    if let Some(outermost) = count.filter(|count| *count < 0) {
        let keep = usize::try_from(outermost.unsigned_abs()).unwrap_or(MAX_FRAMES);
        frames.drain(..frames.len().saturating_sub(keep));
    }
    let views = frames.iter().map(|frame| scene.frame_view(frame, options));
    if wanted.json {
        let mut whole = scene.backtrace(selection.tid, 0, options);
        (whole.frames, whole.stopped) = (views.collect(), stopped);
        return (serde_json::to_string(&whole).unwrap_or_default() + "\n", false);
    }
    let mut text = String::new();
    for (frame, view) in frames.iter().zip(views) {
        text += &(frame_line(&view) + "\n");
        if wanted.full {
            text += &scene.locals_text(frame, options, "        ");
        }
    }
    if let Some(why) = stopped.filter(|_| !more) {
        text += &format!("Backtrace stopped: {why}\n");
    }
    (text, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtrace_s_options_stand_before_its_count() {
        let wanted = Wanted::read("-full -frame-arguments all -3");
        assert_eq!((wanted.full, &*wanted.count), (true, "-3"));
        assert_eq!(wanted.arguments, Some(FrameArguments::All));
        assert!(Wanted::read("3 -json").json && Wanted::read("-json 3").json);
        assert_eq!(Wanted::read("1 full").count, "1 full");
    }
}

//! Watchpoints by command: `watch`, `rwatch`, `awatch`, and their words.
//!
//! ```text
//! (gdb) watch x
//! Hardware watchpoint 2: x
//! (gdb) continue
//!
//! Hardware watchpoint 2: x
//!
//! Old value = 0
//! New value = 1
//! ```

use super::breakpoints;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::scene::expr::Condition;
use crate::scene::{Printer, Value};
use crate::session::{Breakpoint, BreakpointSpec, StageSpec, Trigger, Watch, WatchKind};

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["watch"],
        run: |shell, args| watch(shell, args, WatchKind::Write),
        help: "Set a watchpoint for EXPRESSION.\n\nUsage: watch [-location] EXPRESSION [thread THREADNUM] [if CONDITION]\nThe program stops when the value of EXPRESSION changes. -location: the place counts that EXPRESSION means now.\nThe processor watches: there are four debug registers, of eight bytes each.",
        takes: Takes::Expression,
    },
    Entry {
        names: &["rwatch"],
        run: |shell, args| watch(shell, args, WatchKind::Read),
        help: "Set a read watchpoint for EXPRESSION.\n\nUsage: rwatch [-location] EXPRESSION [thread THREADNUM] [if CONDITION]\nThe program stops when EXPRESSION is read.",
        takes: Takes::Expression,
    },
    Entry {
        names: &["awatch"],
        run: |shell, args| watch(shell, args, WatchKind::Access),
        help: "Set a watchpoint for EXPRESSION.\n\nUsage: awatch [-location] EXPRESSION [thread THREADNUM] [if CONDITION]\nThe program stops when EXPRESSION is read or written.",
        takes: Takes::Expression,
    },
];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["watchpoints"],
    run: info,
    help: "Status of specified watchpoints (all watchpoints if no argument).\n\nUsage: info watchpoints [N]...",
    takes: Takes::Nothing,
}];

fn watch(shell: &mut Shell, args: &str, kind: WatchKind) -> Done {
    let mut rest = args.trim();
    let mut location = false;
    for flag in ["-location", "-l"] {
        if let Some(after) = rest.strip_prefix(flag).filter(|after| after.starts_with(' ')) {
            (rest, location) = (after.trim(), true);
            break;
        }
    }
    if rest.is_empty() {
        return Err(CommandError::say("Argument required (expression to compute)."));
    }
    let parsed = super::breakparse::parse(rest)?;
    let [stage] = parsed.stages.as_slice() else {
        return Err(CommandError::say("A watchpoint is no stage of a chain."));
    };
    let thread = parsed.thread.map(|number| breakpoints::thread_numbered(shell, number)).transpose()?;
    let expr = shell.with_context(|context| context.read(&stage.location))?;
    let text = if location { format!("-location {}", stage.location) } else { stage.location.clone() };
    let watch = Watch { kind, text, expr, location };
    let condition =
        stage.condition.as_ref().map(|text| Ok::<_, CommandError>((text.clone(), Condition::parse(text)?)));
    let condition = condition.transpose()?;
    let stage = StageSpec { text: watch.text.clone(), trigger: Trigger::Data(watch), condition };
    let spec = BreakpointSpec { thread, ..BreakpointSpec::plain(stage) };
    let number = shell.session.add_watchpoint(spec)?;
    breakpoints::mention(shell, number);
    Ok(())
}

fn info(shell: &mut Shell, args: &str) -> Done {
    super::breakinfo::list(shell, args, Breakpoint::is_watchpoint, "watchpoint")
}

/// `Hardware watchpoint 2: x`.
pub(super) fn mention(number: u32, watch: &Watch) -> String {
    format!("{} {number}: {}", name(watch.kind), watch.text)
}

fn name(kind: WatchKind) -> &'static str {
    match kind {
        WatchKind::Write => "Hardware watchpoint",
        WatchKind::Read => "Hardware read watchpoint",
        WatchKind::Access => "Hardware access (read/write) watchpoint",
    }
}

/// The column `Type` of `info breakpoints`.
pub(super) fn kind(watch: &Watch) -> &'static str {
    match watch.kind {
        WatchKind::Write => "hw watchpoint",
        WatchKind::Read => "read watchpoint",
        WatchKind::Access => "acc watchpoint",
    }
}

/// What a stop says before the frame, of each watchpoint that was hit; `who` names the thread where there are several.
pub(super) fn stop_words(shell: &mut Shell, who: &str) -> String {
    let mut text = String::new();
    for hit in shell.session.watch_hits().to_vec() {
        let all = shell.session.breakpoints();
        let watch = all.iter().find(|b| b.number == hit.number).and_then(Breakpoint::watch);
        let Some(name) = watch.map(|watch| mention(hit.number, watch)) else { continue };
        let new = value_text(shell, hit.new.as_ref());
        let values = match &hit.old {
            Some(old) => format!("Old value = {}\nNew value = {new}", value_text(shell, old.as_ref())),
            None => format!("Value = {new}"),
        };
        text.push_str(&format!("\n{who}{name}\n\n{values}\n"));
    }
    text
}

fn value_text(shell: &mut Shell, value: Option<&Value>) -> String {
    let Some(value) = value else { return "<unreadable>".to_owned() };
    let options = shell.print.clone();
    shell.session.with_scene(|scene, _| {
        let printer = Printer { memory: scene.memory(), names: scene, options: &options };
        printer.top(value).unwrap_or_else(|error| format!("<error: {error}>"))
    })
}

/// The line of a script that sets it again.
pub(super) fn script_line(watch: &Watch) -> String {
    let command = match watch.kind {
        WatchKind::Write => "watch",
        WatchKind::Read => "rwatch",
        WatchKind::Access => "awatch",
    };
    format!("{command} {}", watch.text)
}

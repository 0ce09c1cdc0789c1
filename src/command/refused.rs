//! Commands of gdb's that brkwater does not have: each is refused in gdb's words, with what may be done instead.
//!
//! ```text
//! (gdb) reverse-step
//! Target multi-thread does not support this command.
//!   hint: brkwater does not go back; ...
//! ```
//!
//! gdb says different things before the program runs and while it does; where it would have done the work, the words
//! are those for a target that cannot.

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};

const BACK: &str = "brkwater goes back in recordings (\"record FILE\"), from stop to stop; \"info growth\" and \"explain\" tell what happened before, and rr replays a program.";
const NO_PROCESS: &str = "The program is not being run.";
const TRACE: &str = "\"dprintf\" prints at a place without a stop; \"brkwater trace\" records system calls.";

macro_rules! refused {
    ($names:expr, $help:literal, $says:expr) => {
        Entry { names: $names, run: $says, help: $help, takes: Takes::Nothing }
    };
}

macro_rules! backwards {
    ($names:expr, $help:literal) => {
        refused!($names, $help, |shell, _| backwards(shell))
    };
}

pub(super) const COMMANDS: &[Entry] = &[
    backwards!(&["reverse-step", "rs"], "Step program backward; brkwater does not."),
    backwards!(&["reverse-next", "rn"], "Step program backward, over calls; brkwater does not."),
    backwards!(&["reverse-stepi", "rsi"], "Step backward exactly one instruction; brkwater does not."),
    backwards!(&["reverse-nexti", "rni"], "Step backward one instruction, over calls; brkwater does not."),
    backwards!(
        &["reverse-finish"],
        "Execute backward until just before the selected frame was called; brkwater does not."
    ),
    refused!(&["checkpoint"], "Fork a duplicate process to go back to; brkwater does not.", |shell, _| {
        match shell.session.selection() {
            None => no(NO_PROCESS, BACK),
            Some(_) => no("checkpoint: can't fork the program.", BACK),
        }
    }),
    refused!(&["restart"], "Go back to a checkpoint; brkwater has none.", |_, args| {
        match args.trim() {
            "" => no("Requires argument (checkpoint id to restart)", BACK),
            id => no(&format!("Not found: checkpoint id {id}"), BACK),
        }
    }),
    refused!(
        &["compile"],
        "Compile source code and run it in the program; brkwater does not.",
        |shell, _| {
            let hint = "\"call\" calls functions that the program has.";
            match shell.session.selection() {
                None => no("The program must be running for the compile command to work.", hint),
                Some(_) => no("No compiler can be loaded into the program.", hint),
            }
        }
    ),
    refused!(&["trace", "tp", "tr", "tra", "trac"], "Set a tracepoint; brkwater has none.", |_, _| no(
        "Target does not support tracepoints.",
        TRACE
    )),
    refused!(&["ftrace"], "Set a fast tracepoint; brkwater has none.", |_, _| no(
        "Target does not support fast tracepoints.",
        TRACE
    )),
    refused!(&["strace"], "Set a static tracepoint; brkwater has none.", |_, _| no(
        "Target does not support static tracepoints.",
        TRACE
    )),
    refused!(&["tstart"], "Start trace data collection; brkwater has no tracepoints.", |_, _| no(
        "No tracepoints defined, not starting trace",
        TRACE
    )),
    refused!(&["tstop"], "Stop trace data collection; brkwater has no tracepoints.", |_, _| no(
        "Trace is not running.",
        TRACE
    )),
    refused!(
        &["tstatus"],
        "Display the status of trace data collection; brkwater has no tracepoints.",
        |_, _| no("Trace can not be run on this target.", TRACE)
    ),
    refused!(&["tfind"], "Select a trace frame; brkwater has no tracepoints.", |_, _| no(
        "No trace frame found",
        TRACE
    )),
    refused!(
        &["load"],
        "Load a file into the target; brkwater's targets are started by the kernel.",
        |shell, _| {
            let hint = "\"run\" starts the program.";
            match target(shell) {
                "None" => {
                    no("No executable file specified.\nUse the \"file\" or \"exec-file\" command.", hint)
                }
                target => no(&format!("You can't do that when your target is `{target}'"), hint),
            }
        }
    ),
    refused!(&["monitor"], "Send a command to a remote monitor; brkwater's targets have none.", |_, _| no(
        "\"monitor\" command not supported by this target.",
        "brkwater's targets are processes of this machine."
    )),
    refused!(&["flash-erase"], "Erase flash memory; brkwater's targets have none.", |_, _| no(
        "No flash memory regions found.",
        "brkwater's targets are processes of this machine."
    )),
    refused!(&["collect"], "Specify what a tracepoint collects; brkwater has none.", |_, _| no(
        "This command can only be used in a tracepoint actions list.",
        TRACE
    )),
    refused!(&["agent-printf"], "Print in the target's agent; brkwater's targets have none.", |_, _| no(
        "May only run agent-printf on the target",
        TRACE
    )),
];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["checkpoints"],
    run: |shell, _| {
        shell.say("No checkpoints.");
        Ok(())
    },
    help: "IDs of currently known checkpoints; brkwater has none.",
    takes: Takes::Nothing,
}];

/// What going back is refused with: of a process, and in a recording, which knows stops alone.
pub(super) fn backwards(shell: &mut Shell) -> Done {
    match shell.session.moment() {
        Some(_) => no(
            "Target recording does not support this command.",
            "\"reverse-continue\" goes to the stop before, \"record goto N\" to any event.",
        ),
        None => no(&target_cannot(shell), BACK),
    }
}

fn no(words: &str, hint: &str) -> Done {
    Err(CommandError::Say(format!("{words}\n  hint: {hint}")))
}

fn target_cannot(shell: &mut Shell) -> String {
    format!("Target {} does not support this command.", target(shell))
}

/// What gdb would call what is debugged: with a library for threads it puts one target above the other.
fn target(shell: &mut Shell) -> &'static str {
    match (shell.session.selection(), shell.session.program()) {
        (Some(_), _) => {
            let threads = shell.session.with_scene(|scene, _| scene.has_threads_library());
            if threads { "multi-thread" } else { "native" }
        }
        (None, Some(_)) => "exec",
        (None, None) => "None",
    }
}

//! Starting, resuming and leaving a target: `run`, `continue`, `step`, `finish`, `attach`, `detach`, `kill`…

use super::args::first_word;
use super::error::{CommandError, Done};
use super::place;
use super::shell::Shell;
use super::stops;
use super::table::{Entry, Takes};
use crate::addr::Pid;
use crate::event::StopReason;
use crate::session::{BreakpointSpec, Disposition, Halt, Resume, SessionError, StageSpec};
use crate::symbols::Linespec;

pub(super) use super::stops::{Actions, announce};

macro_rules! entry {
    ($names:expr, $run:expr, $takes:ident, $help:literal) => {
        Entry { names: &$names, run: $run, help: $help, takes: Takes::$takes }
    };
}

pub(super) const COMMANDS: &[Entry] = &[
    entry!(
        ["run", "r"],
        run,
        File,
        "Start debugged program.\n\nUsage: run [ARGS]\nThe arguments go through a shell; \"set args\" sets them as well."
    ),
    entry!(
        ["start"],
        start,
        Nothing,
        "Start the debugged program stopping at the beginning of the main procedure.\n\nUsage: start [ARGS]"
    ),
    entry!(
        ["starti"],
        starti,
        Nothing,
        "Start the debugged program stopping at the first instruction.\n\nUsage: starti [ARGS]"
    ),
    entry!(
        ["continue", "c", "fg"],
        continue_,
        Nothing,
        "Continue program being debugged, after signal or breakpoint.\n\nUsage: continue [N]\nN: ignore the breakpoint at which the program stands N-1 times."
    ),
    entry!(
        ["step", "s"],
        step,
        Nothing,
        "Step program until it reaches a different source line.\n\nUsage: step [N]"
    ),
    entry!(
        ["next", "n"],
        next,
        Nothing,
        "Step program, proceeding through subroutine calls.\n\nUsage: next [N]"
    ),
    entry!(["stepi", "si"], stepi, Nothing, "Step one instruction exactly.\n\nUsage: stepi [N]"),
    entry!(
        ["nexti", "ni"],
        nexti,
        Nothing,
        "Step one instruction, but proceed through subroutine calls.\n\nUsage: nexti [N]"
    ),
    entry!(
        ["finish", "fin"],
        finish,
        Nothing,
        "Execute until selected stack frame returns.\n\nUsage: finish\nThe value returned is printed and put into the value history."
    ),
    entry!(
        ["until", "u"],
        until,
        Place,
        "Execute until past the current line or past a LOCATION.\n\nUsage: until [LOCATION]"
    ),
    entry!(
        ["advance"],
        advance,
        Place,
        "Continue the program up to the given location.\n\nUsage: advance LOCATION"
    ),
    entry!(
        ["signal"],
        signal,
        Nothing,
        "Continue program with the specified signal.\n\nUsage: signal SIGNAL\nSIGNAL 0 continues without one."
    ),
    entry!(
        ["kill", "k"],
        kill,
        Nothing,
        "Kill execution of program being debugged.\n\nUsage: kill\n       kill inferiors N..."
    ),
    entry!(["attach"], attach, Nothing, "Attach to a process.\n\nUsage: attach PID"),
    entry!(
        ["reconnect"],
        reconnect,
        Nothing,
        "Take up again what was debugged when a face was lost: attach to it anew, or find it where it stopped.\n\
         Usage: reconnect\n\
         \"brkwater reconnect [PID]\" says it. How long an engine waits for that: \"set reconnect-timeout SECONDS\"."
    ),
    entry!(["detach"], detach, Nothing, "Detach a process previously attached; it runs on.\n\nUsage: detach"),
    entry!(
        ["file", "exec-file", "symbol-file"],
        file,
        File,
        "Use FILE as program to be debugged.\n\nUsage: file FILE"
    ),
    entry!(
        ["quit", "q", "exit"],
        quit,
        Nothing,
        "Exit the debugger.\n\nUsage: quit\nWhat was launched is killed; what was attached to runs on."
    ),
];

fn run(shell: &mut Shell, args: &str) -> Done {
    launch(shell, args)?;
    resume(shell, Resume::Continue)
}

fn starti(shell: &mut Shell, args: &str) -> Done {
    launch(shell, args)?;
    stops::report_entry(shell)
}

fn start(shell: &mut Shell, args: &str) -> Done {
    if shell.session.program().is_none() {
        return Err(SessionError::NoProgram.into());
    }
    let main = Linespec::Function { file: None, module: None, name: "main".to_owned() };
    let stage = StageSpec { text: "main".to_owned(), trigger: main.into(), condition: None };
    let spec = BreakpointSpec { disposition: Disposition::Delete, ..BreakpointSpec::plain(stage) };
    let number = shell.session.add_breakpoint(spec)?;
    if let Some(why) = shell.session.pending_reason(number) {
        shell.session.delete_breakpoint(number);
        return Err(CommandError::say(why.to_string().replace(
            "Function \"main\" not defined.",
            "No symbol table loaded.  Use the \"file\" command.",
        )));
    }
    super::breakpoints::mention(shell, number);
    run(shell, args)
}

/// Starts the program; it stands at its first instruction.
fn launch(shell: &mut Shell, args: &str) -> Done {
    if shell.session.is_live() {
        let question = "The program being debugged has been started already.\nStart it from the beginning? ";
        if shell.options.interactive && !shell.confirm(question) {
            return Err(CommandError::say("Program not restarted."));
        }
        shell.session.kill()?;
        stops::tell_deleted(shell);
    }
    if !args.is_empty() {
        shell.session.settings_mut().args = args.to_owned();
    }
    if shell.options.interactive
        && let Some(program) = shell.session.program().map(|path| path.display().to_string())
    {
        let args = shell.session.settings().args.clone();
        shell.say(format!("Starting program: {program} {args}"));
    }
    shell.session.launch()?;
    Ok(())
}

/// Lets the target go on and reports how it stopped.
fn resume(shell: &mut Shell, how: Resume) -> Done {
    shell.must_run()?;
    // Only a step may end in the frame in which it began.
    let before = match how {
        Resume::Continue | Resume::Signal(_) => stops::Before::elsewhere(shell),
        _ => stops::Before::of(shell),
    };
    let stop = shell.session.resume(how)?;
    stops::report(shell, &stop, &before)
}

fn continue_(shell: &mut Shell, args: &str) -> Done {
    if shell.session.moment().is_some() {
        return super::recording::go(shell, crate::session::Moved::Forward);
    }
    let selection = shell.must_run()?;
    if !args.is_empty() {
        let count = number(shell, args)?;
        let number = shell.session.standing_at(selection.tid);
        let breakpoint = number.and_then(|number| shell.session.breakpoint_mut(number));
        match breakpoint {
            Some(breakpoint) => {
                breakpoint.ignore = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
                let (number, ignore) = (breakpoint.number, breakpoint.ignore);
                if shell.options.interactive {
                    // gdb puts what follows on the same line.
                    let words = ignoring(number, ignore);
                    shell.put(format!("{words}  "));
                }
            }
            None if shell.options.interactive => {
                shell.say("Not stopped at any breakpoint; argument ignored.");
            }
            None => {}
        }
    }
    if shell.options.interactive {
        shell.say("Continuing.");
    }
    resume(shell, Resume::Continue)
}

/// gdb's words for an ignore count.
pub(super) fn ignoring(number: u32, count: u32) -> String {
    match count {
        0 => format!("Will stop next time breakpoint {number} is reached."),
        1 => format!("Will ignore next crossing of breakpoint {number}."),
        count => format!("Will ignore next {count} crossings of breakpoint {number}."),
    }
}

/// A count behind a command; an expression, as in gdb.
pub(super) fn number(shell: &mut Shell, text: &str) -> Done<u64> {
    if text.is_empty() {
        return Ok(1);
    }
    let expr = crate::scene::expr::parse(text)?;
    shell.with_context(|context| {
        let value = crate::scene::expr::evaluate(&expr, context)?;
        Ok(value.as_u64(context.scene.memory())?)
    })
}

fn step(shell: &mut Shell, args: &str) -> Done {
    step_lines(shell, args, false)
}

fn next(shell: &mut Shell, args: &str) -> Done {
    step_lines(shell, args, true)
}

fn step_lines(shell: &mut Shell, args: &str, over: bool) -> Done {
    shell.must_run()?;
    let count = number(shell, args)?.max(1);
    for left in (0..count).rev() {
        let before = stops::Before::of(shell);
        let stop = shell.session.resume(Resume::StepLine { over, count: 1 })?;
        // Only the last of several steps is told, unless something else stops them.
        if left == 0 || !matches!(stop.what, Halt::Reason(StopReason::StepDone)) {
            return stops::report(shell, &stop, &before);
        }
    }
    Ok(())
}

fn stepi(shell: &mut Shell, args: &str) -> Done {
    step_instructions(shell, args, false)
}

fn nexti(shell: &mut Shell, args: &str) -> Done {
    step_instructions(shell, args, true)
}

fn step_instructions(shell: &mut Shell, args: &str, over: bool) -> Done {
    shell.must_run()?;
    let count = number(shell, args)?;
    resume(shell, Resume::StepInstruction { over, count })
}

fn finish(shell: &mut Shell, args: &str) -> Done {
    let selection = shell.must_run()?;
    if !args.is_empty() {
        return Err(CommandError::say("The \"finish\" command does not take any arguments."));
    }
    let before = stops::Before::of(shell);
    let leaving = stops::Leaving::of(shell, selection)?;
    if shell.options.interactive {
        shell.say(format!("Run till exit from {}", leaving.line));
    }
    let stops = shell.actions.stops;
    let stop = shell.session.resume(Resume::Finish { level: selection.level })?;
    stops::report(shell, &stop, &before)?;
    if let Halt::Reason(StopReason::Finished) = stop.what
        && shell.actions.stops == stops + 1
    {
        stops::tell_result(shell, &leaving);
    }
    Ok(())
}

fn until(shell: &mut Shell, args: &str) -> Done {
    shell.must_run()?;
    if args.is_empty() {
        return resume(shell, Resume::UntilLine);
    }
    to_place(shell, args)
}

fn advance(shell: &mut Shell, args: &str) -> Done {
    shell.must_run()?;
    if args.is_empty() {
        return Err(CommandError::say("Argument required (a location)."));
    }
    to_place(shell, args)
}

fn to_place(shell: &mut Shell, args: &str) -> Done {
    let spec = place::linespec(shell, args)?;
    let sites = shell.session.with_scene(|scene, _| scene.modules.resolve(&spec, None, scene.memory()));
    let sites = sites.map_err(|error| place::as_typed(args, error))?;
    // Where it arrives is always told in full.
    let stop = shell.session.resume(Resume::Until(sites.into_iter().map(|site| site.address).collect()))?;
    stops::report(shell, &stop, &stops::Before::elsewhere(shell))
}

fn signal(shell: &mut Shell, args: &str) -> Done {
    shell.must_run()?;
    if args.is_empty() {
        return Err(CommandError::say("Argument required (signal number)."));
    }
    let signo = match args {
        "0" => 0,
        name => super::signals::number(name).ok_or_else(|| {
            CommandError::say("Only signals 1-15 are valid as numeric signals.\nUse \"info signals\" for a list of symbolic signals.")
        })?,
    };
    if shell.options.interactive {
        let words = if signo == 0 {
            "no signal".to_owned()
        } else {
            format!("signal {}", super::signals::name(signo))
        };
        shell.say(format!("Continuing with {words}."));
    }
    resume(shell, Resume::Signal(signo))
}

fn kill(shell: &mut Shell, args: &str) -> Done {
    let (word, rest) = first_word(args);
    if word == "inferiors" || word == "inferior" {
        return kill_inferiors(shell, rest);
    }
    let dead = shell.session.core().is_some();
    let selection = if dead { shell.must_stand()? } else { shell.must_run()? };
    if !shell.confirm("Kill the program being debugged? ") {
        return Err(CommandError::say("Not confirmed."));
    }
    if dead {
        return Err(SessionError::NoProcess.into());
    }
    let number = shell.session.inferior_number(selection.pid);
    shell.session.kill()?;
    stops::tell_deleted(shell);
    shell.say(format!("[Inferior {number} (process {}) killed]", selection.pid));
    Ok(())
}

fn kill_inferiors(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        return Err(CommandError::say("Requires an argument (inferior id(s) to kill)"));
    }
    for id in super::args::ids(args)? {
        let found = shell.session.processes().into_iter().find(|(number, ..)| *number == id.number);
        match found {
            Some((_, pid, _)) => shell.session.kill_one(pid)?,
            None => shell.complain(format!("Inferior ID {} not known.", id.number)),
        }
    }
    Ok(())
}

fn attach(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        return Err(CommandError::say("Argument required (process-id to attach)."));
    }
    let pid = args.parse::<i32>().ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| CommandError::say(format!("Illegal process-id: {args}.")))?;
    let stop = shell.session.attach(Pid(pid))?;
    if shell.options.interactive
        && let Some(program) = shell.session.program().map(|path| path.display().to_string())
    {
        shell.say(format!("Attaching to program: {program}, process {pid}"));
    }
    stops::report_attached(shell, &stop)
}

fn reconnect(shell: &mut Shell, _: &str) -> Done {
    let stop = shell.session.take_up()?;
    let program = shell.session.program().map(|path| path.display().to_string()).unwrap_or_default();
    shell.say(format!("Reconnected to program: {program}, process {}", stop.pid));
    stops::report_attached(shell, &stop)
}

fn detach(shell: &mut Shell, _: &str) -> Done {
    if shell.session.core().is_some() {
        return super::corefile::close(shell);
    }
    let selection = shell.must_run()?;
    let number = shell.session.inferior_number(selection.pid);
    if shell.options.interactive {
        let program = shell.session.program().map(|path| path.display().to_string()).unwrap_or_default();
        shell.say(format!("Detaching from program: {program}, process {}", selection.pid));
    }
    shell.session.detach()?;
    stops::tell_deleted(shell);
    shell.say(format!("[Inferior {number} (process {}) detached]", selection.pid));
    Ok(())
}

fn file(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        shell.session.forget_program();
        return Ok(());
    }
    let path = super::options::expand(&super::options::unquote(args));
    shell.session.set_program(&path)?;
    Ok(())
}

fn quit(shell: &mut Shell, _: &str) -> Done {
    let processes = shell.session.processes();
    // What is only looked at stays as it is.
    if shell.options.interactive && shell.session.is_live() && !processes.is_empty() {
        let mut question = "A debugging session is active.\n\n".to_owned();
        for (number, pid, _) in &processes {
            let fate = if shell.session.was_launched(*pid) { "killed" } else { "detached" };
            question.push_str(&format!("\tInferior {number} [process {pid}] will be {fate}.\n"));
        }
        question.push_str("\nQuit anyway? ");
        if !shell.confirm(&question) {
            return Err(CommandError::say("Not confirmed."));
        }
    }
    shell.leaving = true;
    Ok(())
}

//! `explain -without-blocker`: the program run twice more, as it is and with the blocking call skipped, and compared.
//!
//! The session and its target are left alone. Each run is a brkwater of its own with a script: so both are driven and
//! measured in one way, and what it takes to run a program until some place is written once.

use std::time::Duration;

use super::args::{first_word, take_flag};
use super::error::{CommandError, Done};
use super::heap::{say_json, told};
use super::look;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::Pid;
use crate::event::EventKind;
use crate::kernel::procfs;
use crate::kernel::spawn::{self, Another};
use crate::report::compare::Comparison;
use crate::report::totals::{Resident, Skipped, Totals};
use crate::report::words;

/// How long each run may take, without `-limit`.
const LIMIT: u64 = 120;

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["totals"],
    run: info_totals,
    help: "What the run has come to: memory calls by kind, what malloc holds, what is resident.\n\
           Usage: info totals [-json]",
    takes: Takes::Nothing,
}];

fn info_totals(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    if !rest.is_empty() {
        return Err(CommandError::say(format!("Invalid argument \"{rest}\".")));
    }
    let totals = totals(shell)?;
    if json {
        return say_json(shell, &totals);
    }
    shell.say(totals.text());
    Ok(())
}

fn totals(shell: &mut Shell) -> Done<Totals> {
    let look::Stop { heap, backtrace, .. } = look::stop(shell);
    let frame = backtrace.and_then(|trace| trace.frames.into_iter().next());
    let place = frame.and_then(|frame| frame.function);
    let (pid, story) = told(shell)?;
    let resident = shell.session.is_live().then(|| resident(pid)).flatten();
    let skipped = shell.session.pretended().iter();
    let skipped = skipped.map(|call| Skipped {
        span: call.span,
        by: call.site.as_ref().map(words::place),
        writable: call.writable,
    });
    let stopped = |kind: &EventKind| matches!(kind, EventKind::Stopped(_));
    let last = shell.session.events().iter().rfind(|event| stopped(&event.kind));
    Ok(Totals::of(story, heap.as_ref(), resident, skipped.collect(), last, place.as_deref()))
}

fn resident(pid: Pid) -> Option<Resident> {
    let bytes = |field| {
        let text = procfs::status_field(pid.0, field)?;
        text.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
    };
    Some(Resident { now: bytes("VmRSS")?, peak: bytes("VmHWM")? })
}

/// What is asked for behind `explain -without-blocker`.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// Where both runs are looked at; nothing for their end.
    at: Option<String>,
    /// At which arrival there.
    hit: u64,
    /// How long each may take.
    limit: Duration,
}

impl Asked {
    fn parse(text: &str) -> Done<Asked> {
        let mut asked = Asked { at: None, hit: 1, limit: Duration::from_secs(LIMIT) };
        let mut rest = text;
        while !rest.trim().is_empty() {
            let (flag, behind) = first_word(rest);
            let (word, behind) = first_word(behind);
            let number = || match word.parse::<u64>() {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(CommandError::say(format!("Invalid number \"{word}\"."))),
            };
            match flag {
                "-at" if !word.is_empty() => asked.at = Some(word.to_owned()),
                "-hit" => asked.hit = number()?,
                "-limit" => asked.limit = Duration::from_secs(number()?),
                _ => return Err(CommandError::say(format!("Invalid argument \"{flag}\"."))),
            }
            rest = behind;
        }
        Ok(asked)
    }

    /// The script of one run, up to the totals.
    fn script(&self, shell: &Shell, program: &str, skip: bool) -> Vec<String> {
        let settings = shell.session.settings();
        let switch = |on| if on { "on" } else { "off" };
        let mut script = vec![
            "set confirm off".to_owned(),
            "set breakpoint pending on".to_owned(),
            format!("set skip-blockers {}", switch(skip)),
            format!("set disable-randomization {}", switch(settings.disable_randomization)),
            format!("file {program}"),
        ];
        if let Some(cwd) = &settings.cwd {
            script.push(format!("set cwd {}", cwd.display()));
        }
        // Its output would be there for the third time.
        script.push(format!("set args {} </dev/null >/dev/null 2>&1", settings.args));
        // What `exit` comes to: everything that a program does at its end is done by then.
        script.push(format!("tbreak {}", self.at.as_deref().unwrap_or("_exit")));
        if self.hit > 1 {
            script.push(format!("ignore 1 {}", self.hit - 1));
        }
        script.extend(["run", "info totals -json", "kill"].map(str::to_owned));
        script
    }
}

/// `explain -without-blocker [-at PLACE [-hit N]] [-limit SECONDS] [-json]`, without the first word.
pub(super) fn without_blocker(shell: &mut Shell, args: &str) -> Done {
    let (json, rest) = take_flag(args, "-json");
    let asked = Asked::parse(&rest)?;
    let program = shell.session.program().map(|path| path.to_string_lossy().into_owned());
    let attached = shell.session.story().is_some_and(crate::heap::story::Story::was_attached);
    let Some(program) = program.filter(|_| !attached) else {
        return Err(CommandError::say(
            "Only a program that brkwater started can be run again.\n  hint: start it with \"run\", then compare.",
        ));
    };
    if !shell.confirm("This runs the program two more times, from its beginning.\nRun it? ") {
        return Err(CommandError::say("Not confirmed."));
    }
    let mut both = Vec::new();
    for (number, skip, how) in [(1, false, "as it is"), (2, true, "without the blocker")] {
        if !json {
            shell.say(format!("Run {number} of 2, {how}...\n"));
        }
        let script = asked.script(shell, &program, skip);
        both.push(run(shell, &script, asked.limit)?);
    }
    let (Some(without), Some(with)) = (both.pop(), both.pop()) else { return Ok(()) };
    let comparison = Comparison::of(with, without);
    if json {
        return say_json(shell, &comparison);
    }
    shell.say(comparison.text());
    Ok(())
}

fn run(shell: &Shell, script: &[String], limit: Duration) -> Done<Totals> {
    let failed =
        |why: String| CommandError::say(format!("The program could not be run for the comparison: {why}"));
    let mut arguments = vec!["-nx".to_owned(), "-batch".to_owned()];
    arguments.extend(script.iter().flat_map(|line| ["-ex".to_owned(), line.clone()]));
    let another = Another { arguments, environment: shell.session.settings().final_environment(), limit };
    let output = spawn::ourselves(&another, &|| shell.session.is_woken())
        .map_err(|error| failed(error.to_string()))?;
    if output.cancelled {
        return Err(CommandError::say("Quit"));
    }
    let text = String::from_utf8_lossy(&output.text);
    let totals = text.lines().rev().find_map(|line| serde_json::from_str::<Totals>(line).ok());
    totals.ok_or_else(|| {
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing.");
        failed(last.to_owned())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read() {
        let asked = Asked::parse("-at open -hit 3 -limit 5").unwrap();
        assert_eq!(asked, Asked { at: Some("open".into()), hit: 3, limit: Duration::from_secs(5) });
        assert_eq!(Asked::parse("").unwrap().at, None);
        for bad in ["-at", "-hit 0", "-hit x", "-limit", "open"] {
            assert!(Asked::parse(bad).is_err(), "{bad}");
        }
    }
}

//! Why the kernel refused, in words: the cause of a refused brk, and what became of the mmap that glibc tried instead.
//!
//! A limit is told with the numbers that the kernel held against it. What malloc then did is inferred from glibc's
//! code: no call tells that it returned NULL.

use super::explain::Question;
use super::sentences::{Out, blocker_of, planted, say, shown};
use super::words::{moment, place, size};
use crate::addr::PAGE;
use crate::event::Cause;
use crate::heap::story::{Evidence, Failed, Refusal, STACK_GUARD, Story};
use crate::syscalls::{args, errors};

/// The cause in a clause, for the headline; for a mapping in the way there is more to say than this knows.
pub(super) fn short(cause: &Cause) -> String {
    match cause {
        Cause::Occupied { blocker, .. } => format!("{blocker} is in the way"),
        Cause::Limit { name, value, .. } => format!("{name} ({value} bytes) was reached"),
        Cause::Overcommit { mode: 0, limit, .. } => {
            format!("it is more than all memory and swap ({})", size(*limit))
        }
        Cause::Overcommit { limit, .. } => format!("the commit limit ({}) was reached", size(*limit)),
        Cause::MapCount { count, limit } => {
            format!("there are {count} mappings, vm.max_map_count is {limit}")
        }
        Cause::BeyondEnd { end } => format!("the address space ends at {end}"),
        Cause::Errno { errno } => format!("a filter answered with {}", error(*errno)),
        Cause::BelowStart => "it lies below the start of the break".to_owned(),
        Cause::Unknown => "no cause was found".to_owned(),
    }
}

/// Why a brk was refused.
pub(super) fn why(story: &Story, refusal: &Refusal, out: &mut Out) {
    match &refusal.cause {
        Cause::Occupied { .. } => occupied(story, refusal, out),
        Cause::BelowStart => {
            let start = shown(story.line().start);
            say(out, Evidence::Recorded, format!("The break cannot go below {start}, where it started."));
        }
        Cause::Unknown => say(out, Evidence::Unknown, unknown("no mapping in the way, ")),
        cause => {
            let more = refusal.wanted.page_up().0.saturating_sub(refusal.got.page_up().0);
            limited(cause, more, out);
        }
    }
}

fn unknown(places: &str) -> String {
    format!(
        "Why: none of what the kernel checks refuses this by its numbers: {places}RLIMIT_DATA, RLIMIT_AS and \
         RLIMIT_MEMLOCK not reached, vm.max_map_count and vm.overcommit_memory not either. A cgroup's limit refuses no \
         such call: it is felt when the memory is touched."
    )
}

/// What is not a matter of places: limits, rules and errors.
fn limited(cause: &Cause, bytes: u64, out: &mut Out) {
    let more = size(bytes);
    let (evidence, text) = match cause {
        Cause::Limit { name, value, used } if name == "RLIMIT_MEMLOCK" => (
            Evidence::Inferred,
            format!(
                "{name} is {value} bytes, {} of the process are locked, and it may not lock more than that: a call of \
                 mlockall(MCL_FUTURE) makes the kernel lock new memory, so these {more} had to fit too.",
                size(*used)
            ),
        ),
        Cause::Limit { name, value, used } => {
            let what = if name == "RLIMIT_AS" { "are mapped" } else { "of data count against it" };
            let held = format!("{} {what} already, and {more} were asked", size(*used));
            (
                Evidence::Measured,
                format!("{name} is {value} bytes and was reached: {held}; no mapping is blamed."),
            )
        }
        Cause::Overcommit { mode: 0, limit, .. } => (
            Evidence::Measured,
            format!(
                "vm.overcommit_memory is 0: the kernel refuses one request for more than all memory and swap, {limit} \
                 bytes; {bytes} bytes were asked."
            ),
        ),
        Cause::Overcommit { mode, used, limit } => (
            Evidence::Inferred,
            format!(
                "vm.overcommit_memory is {mode}: all processes together may reserve {}, and right after the call {} were \
                 reserved; {more} more were asked. It is not this process alone that counts.",
                size(*limit),
                size(*used)
            ),
        ),
        Cause::MapCount { count, limit } => (
            Evidence::Measured,
            format!(
                "The process has {count} mappings and vm.max_map_count is {limit}: the kernel then grows none and makes \
                 none, however small."
            ),
        ),
        Cause::BeyondEnd { end } => (
            Evidence::Measured,
            format!("A process has no address space behind {end}: nothing can be mapped there."),
        ),
        Cause::Errno { errno } => (
            Evidence::Inferred,
            format!(
                "The call failed with {}: the kernel's own brk gives no errors, so a filter (seccomp) answered in its \
                 place.",
                error(*errno)
            ),
        ),
        Cause::Occupied { .. } | Cause::BelowStart | Cause::Unknown => (Evidence::Unknown, unknown("")),
    };
    say(out, evidence, text);
}

fn occupied(story: &Story, refusal: &Refusal, out: &mut Out) {
    let Cause::Occupied { blocker: span, planted_by } = &refusal.cause else { return };
    let found = blocker_of(story, refusal);
    let perms = found.map(|blocker| format!(" {}", blocker.perms)).unwrap_or_default();
    let path = found.map(|blocker| super::escape::plain(&blocker.path)).filter(|path| !path.is_empty());
    let path = path.map(|path| format!(" ({path})")).unwrap_or_default();
    let end = refusal.wanted.page_up();
    let place = match span.start {
        at if at < end => "is mapped where the break would go",
        at if at < end.add(PAGE) => {
            "is mapped right behind where the break would go, and one page must stay free there"
        }
        _ => "is mapped close behind where the break would go",
    };
    let text =
        format!("{span}{perms}{path}, {}, {place}: a blocker (glibc's word: \"hole\").", size(span.len()));
    let evidence = if planted_by.is_some() { Evidence::Recorded } else { Evidence::Measured };
    say(out, evidence, text);
    if span.start >= end.add(PAGE) {
        let gap = size(STACK_GUARD);
        let text =
            format!("It grows down, and the kernel keeps {gap} free below such a mapping (stack_guard_gap).");
        say(out, Evidence::Inferred, text);
    }
    match found {
        Some(blocker) => planted(story, blocker, out),
        None => say(out, Evidence::Unknown, "Who planted it was not recorded."),
    }
}

/// The mmap that glibc made after this refusal, and that was refused as well.
pub(super) fn failed_after<'a>(story: &'a Story, refusal: &Refusal) -> Option<&'a Failed> {
    let failed = story.refusals().last_fallback.as_ref()?;
    (failed.asked.seq > refusal.asked.seq).then_some(failed)
}

/// By what, in the fewest words.
fn by(cause: &Cause) -> String {
    match cause {
        Cause::Limit { name, .. } => name.clone(),
        cause => short(cause),
    }
}

/// How it ended, for the headline.
pub(super) fn outcome(failed: &Failed) -> String {
    let null =
        if failed.is_null() { format!(": {} returned NULL", allocator(failed)) } else { String::new() };
    format!("; glibc's mmap was refused as well ({}){null}", by(&failed.cause))
}

/// What became of the mmaps that were refused after a refused brk.
pub(super) fn fallback(question: &Question<'_>, out: &mut Out) {
    let story = question.story;
    let Some(failed) = &story.refusals().last_fallback else { return };
    let call = args::text(&failed.asked.call);
    let event = format!("event {}, {}", failed.asked.seq, moment(failed.asked.t));
    let last = story.refusals().last.as_ref();
    if last.and_then(|refusal| failed_after(story, refusal)).is_none() {
        let text = format!("Earlier, glibc's mmap was refused as well: {call} ({event}).");
        return say(out, Evidence::Recorded, text);
    }
    say(out, Evidence::Recorded, format!("glibc's mmap was refused as well: {call} ({event})."));
    let len = match failed.asked.call {
        crate::event::Call::Mmap { len, .. } => len,
        _ => 0,
    };
    match (&failed.cause, last.map(|refusal| &refusal.cause)) {
        (Cause::Limit { name, .. }, Some(Cause::Limit { name: before, .. })) if name == before => {
            say(out, Evidence::Measured, format!("{} were too much for {name} as well.", size(len)));
        }
        (cause, _) => limited(cause, len, out),
    }
    let allocator = allocator(failed);
    let to = failed.asked.site.as_ref().map(|site| format!(" to {}", place(site))).unwrap_or_default();
    let arena = failed.arena.as_ref().filter(|arena| {
        story.pieces().any(|(_, owner)| owner.asked().is_some_and(|asked| asked.seq == arena.seq))
    });
    let text = match (arena, failed.gave_up) {
        (Some(arena), None) => format!(
            "It then reserved another arena (event {}), which is still there: the request was served from it.",
            arena.seq
        ),
        (_, Some(seq)) => format!(
            "It tried another arena, whose memory was refused, and a mapping of its own (event {seq}) in vain: \
             {allocator} returned NULL{to}, errno ENOMEM."
        ),
        (None, None) if failed.alone => format!(
            "With neither, glibc has nothing left to try where there is one thread: {allocator} returned NULL{to}, errno \
             ENOMEM."
        ),
        (None, None) => format!(
            "With neither, malloc has no memory for its main arena: {allocator} returned NULL{to}, unless another arena \
             had room."
        ),
    };
    say(out, Evidence::Inferred, text);
}

fn allocator(failed: &Failed) -> &str {
    failed.asked.allocator.as_deref().unwrap_or("malloc")
}

fn error(errno: i32) -> String {
    errors::error(errno).map_or_else(|| format!("error {errno}"), |(name, _)| name.to_owned())
}

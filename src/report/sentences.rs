//! The sentences of an explanation, in the order of the chain: who asked, what was tried, the answer, why,
//! who planted the blocker, what glibc did instead, how much is live, what can be given back.

use super::explain::{Question, Sentence};
use super::givingback;
use super::paths;
use super::pending::{Pending, Request};
use super::refused;
use super::words::{self, count, moment, place, size};
use crate::addr::{Addr, Span};
use crate::event::{Call, Cause, Label, StackFrame};
use crate::heap::story::{Asked, Blocker, Evidence, Refusal, Story, names};
use crate::syscalls::{args, table};

pub(super) type Out = Vec<Sentence>;

pub(super) fn say(out: &mut Out, evidence: Evidence, text: impl Into<String>) {
    out.push(Sentence { evidence, text: text.into() });
}

/// That it is over: what follows is how things stood then.
pub(super) fn ended(story: &Story, out: &mut Out) {
    if let Some(how) = words::ending(story) {
        say(out, Evidence::Recorded, format!("{how}; what follows is how things stood then."));
    }
}

/// The chain of a refused brk; `pending` is the mmap that follows it, if the thread stands there.
pub(super) fn refused(
    question: &Question<'_>,
    refusal: &Refusal,
    pending: Option<&Pending>,
    request: Option<&Request>,
    out: &mut Out,
) {
    let story = question.story;
    if pending.is_none() && question.backtrace.is_some() {
        let text = "The thread is in no memory call; what follows is about the latest refused brk.";
        say(out, Evidence::Measured, text);
    }
    match (pending, request) {
        (Some(_), Some(request)) => say(out, Evidence::Measured, asking(question, request)),
        _ => say(out, recorded_if(refusal.asked.site.is_some()), recorded_asker(&refusal.asked)),
    }
    if refusal.asked.allocator.is_some() {
        let text = "Its top chunk had no room left: glibc asks for more memory only then.";
        say(out, Evidence::Inferred, text);
    }
    let more = refusal.wanted.0.saturating_sub(refusal.got.0);
    let event = format!("event {}, {}", refusal.asked.seq, moment(refusal.asked.t));
    let tried = format!("It asked brk({}), {} above the break ({event}).", refusal.wanted, size(more));
    say(out, Evidence::Recorded, tried);
    let answer = format!("The kernel answered {}, the break as it was: refused.", refusal.got);
    say(out, Evidence::Recorded, answer);
    refused::why(story, refusal, out);
    instead(question, pending, out);
    if story.refusals().count > 1
        && let Some(first) = &story.refusals().first
    {
        let (number, from) = (story.refusals().count, moment(first.asked.t));
        let text = format!(
            "brk was refused {number} times so far, first {from}, last {}: each growth asks brk first.",
            moment(refusal.asked.t)
        );
        say(out, Evidence::Recorded, text);
    }
}

/// A memory call under way that no refused brk preceded; gives back the headline.
pub(super) fn under_way(
    question: &Question<'_>,
    pending: &Pending,
    request: Option<&Request>,
    out: &mut Out,
) -> String {
    let what = pending.call.as_ref().map_or_else(|| pending.wrapper.clone(), args::request);
    say(
        out,
        Evidence::Measured,
        format!("The thread is about to call {what}; the kernel has not answered yet."),
    );
    if let Some(request) = request {
        say(out, Evidence::Measured, asking(question, request));
        under_way_malloc(question.story, pending, out);
        return format!("{what}: asked by {}.", request.function);
    }
    let frames =
        question.backtrace.map(|backtrace| backtrace.frames.iter().map(words::frame).collect::<Vec<_>>());
    let site = frames.as_deref().and_then(names::site);
    let Some(site) = site else {
        say(out, Evidence::Unknown, "Who calls is not known: there is no backtrace.");
        return format!("{what}.");
    };
    say(out, Evidence::Measured, format!("It is called by {}, not by malloc.", place(site)));
    if let Some(text) =
        pending.call.as_ref().and_then(|call| purpose(call, frames.as_deref().unwrap_or_default()))
    {
        say(out, Evidence::Inferred, text);
    }
    if let (Some(Call::Mmap { addr, len, .. }), Some(line)) = (&pending.call, question.story.line().current)
        && Span::sized(*addr, *len).contains(line.page_up())
    {
        let text =
            format!("It would put a mapping at the break {line}: the next brk would be refused by it.");
        say(out, Evidence::Inferred, text);
    }
    earlier(question.story, out);
    format!("{what}: called by {}, not by malloc.", place(site))
}

/// Nothing was refused, and the thread is in no memory call; gives back the headline.
pub(super) fn quiet(question: &Question<'_>, out: &mut Out) -> String {
    let story = question.story;
    let since = words::since(story);
    if story.calls() == 0 {
        say(
            out,
            Evidence::Unknown,
            format!("No memory call was seen{since}: what happened before is not known."),
        );
    } else {
        say(out, Evidence::Recorded, format!("Every brk was granted{since}."));
        grown(story, out);
    }
    let in_way = story.blocker();
    if let Some(blocker) = in_way {
        let text = format!(
            "{} {} stands at the break already: if the heap has to grow, brk will be refused.",
            blocker.span, blocker.perms
        );
        say(out, Evidence::Inferred, text);
        planted(story, blocker, out);
    }
    let what = if story.calls() == 0 { "No memory call was seen" } else { "Every brk was granted" };
    let is = if story.ending().is_some() { "was" } else { "is" };
    let blocked = in_way.map(|blocker| format!(", and {} {is} in its way", blocker.span)).unwrap_or_default();
    format!("{what}{since}: the break {is} at {}{blocked}.", shown(story.line().current))
}

/// Bytes reserved, live and free, and what can be given back.
pub(super) fn amounts(question: &Question<'_>, out: &mut Out) {
    let story = question.story;
    match question.amounts {
        Some(amounts) => {
            let text = format!(
                "malloc's own books: its arenas have {} from the kernel: {} in use, {} free in bins, {} in tcaches, {} in \
                 top chunks. Mmapped chunks: {}.",
                size(amounts.reserved),
                size(amounts.live),
                size(amounts.free),
                size(amounts.cached),
                size(amounts.top),
                size(amounts.mmapped)
            );
            say(out, Evidence::Measured, text);
            if amounts.fallback_reserved > 0 {
                let (reserved, live) = (size(amounts.fallback_reserved), size(amounts.fallback_live));
                let text = format!("Of the {reserved} in fallback regions {live} are in use.");
                say(out, Evidence::Measured, text);
            }
            if amounts.unaccounted != 0 {
                let text = format!("{} bytes of the arenas were not located.", amounts.unaccounted);
                say(out, Evidence::Unknown, text);
            }
        }
        None if story.ending().is_some() => {
            let text =
                "How much of malloc's memory was in use is not known: only a process that lives can be read.";
            say(out, Evidence::Unknown, text);
        }
        None => {
            let text = "How much of malloc's memory is in use is not known: its structures were not read.";
            say(out, Evidence::Unknown, text);
        }
    }
    let found = question.amounts.map_or(0, |amounts| amounts.fallback_reserved);
    let before = found > 0 && story.fallback_bytes() == 0;
    if before {
        let text = format!(
            "These {} were mapped before anything was recorded: glibc takes such mappings for its main arena only when \
             brk is refused, or is not to be asked.",
            size(found)
        );
        say(out, Evidence::Inferred, text);
    }
    givingback::tell(question, before, out);
}

/// The blocker that a refusal names, as the story knows it.
pub(super) fn blocker_of<'a>(story: &'a Story, refusal: &Refusal) -> Option<&'a Blocker> {
    let Cause::Occupied { blocker: span, planted_by } = &refusal.cause else { return None };
    let by_seq = |blocker: &&Blocker| blocker.planted.as_ref().map(|asked| asked.seq) == *planted_by;
    let all = || story.blockers().iter().filter(|blocker| blocker.span.overlaps(*span));
    all().find(by_seq).or_else(|| all().next_back())
}

fn recorded_if(known: bool) -> Evidence {
    if known { Evidence::Recorded } else { Evidence::Unknown }
}

/// `malloc(32), called by CRYPTO_malloc (mem.c:198), asks the kernel for memory.`
fn asking(question: &Question<'_>, request: &Request) -> String {
    let bytes = request.bytes.map(|bytes| format!("({bytes})")).unwrap_or_default();
    let frames = question.backtrace.map(|backtrace| backtrace.frames.as_slice()).unwrap_or_default();
    let outside: Vec<_> = frames.iter().skip(request.level + 1).map(words::frame).collect();
    let caller = names::site(&outside).map(|frame| format!(", called by {},", place(frame)));
    format!("{}{bytes}{} asks the kernel for memory.", request.function, caller.unwrap_or_default())
}

fn recorded_asker(asked: &Asked) -> String {
    match (&asked.allocator, &asked.site) {
        (Some(allocator), Some(site)) => format!("{allocator}, called by {}, asked for memory.", place(site)),
        (None, Some(site)) => format!("{} moved the break itself, without malloc.", place(site)),
        (_, None) => "Who asked is not known: no stack was recorded.".to_owned(),
    }
}

pub(super) fn planted(story: &Story, blocker: &Blocker, out: &mut Out) {
    creator(story, blocker, out);
    if let Some(removed) = blocker.removed {
        let event = format!("event {}", removed.seq);
        let text = format!("It was unmapped at {}, {event}: it is in the way no more.", moment(removed.t));
        say(out, Evidence::Recorded, text);
    }
}

fn creator(story: &Story, blocker: &Blocker, out: &mut Out) {
    let Some(asked) = &blocker.planted else {
        let text = if story.is_of_core() {
            "The blocker was there when the core file was written, and a core file does not tell who made it. Run the \
             program under brkwater, or look for callers of mmap with MAP_FIXED."
        } else if story.was_attached() {
            "The blocker existed before brkwater attached, so its creator is unknown. Restart the program under \
             brkwater, or look for callers of mmap with MAP_FIXED."
        } else {
            "Its creation was not seen, so its creator is unknown."
        };
        return say(out, Evidence::Unknown, text);
    };
    let planter = blocker.planter();
    let call = args::text(&asked.call);
    let when = format!("at {}, event {}: {call}", moment(asked.t), asked.seq);
    match (&planter.frame, planter.from) {
        (Some(frame), Some(from)) => {
            say(out, Evidence::Recorded, format!("The blocker was planted {when}."));
            let text = format!(
                "{} planted it: the thread's call before (event {from}) came from there, and both calls return to the \
                 same place, so the function ended in a jump to mmap and left no frame of its own.",
                place(frame)
            );
            say(out, Evidence::Inferred, text);
        }
        (Some(frame), None) => {
            say(out, Evidence::Recorded, format!("The blocker was planted by {} {when}.", place(frame)));
        }
        (None, _) => {
            say(out, Evidence::Recorded, format!("The blocker was planted {when}."));
            say(out, Evidence::Unknown, "By which function is not known: no stack was recorded.");
        }
    }
}

/// What malloc did about the refusal.
fn instead(question: &Question<'_>, pending: Option<&Pending>, out: &mut Out) {
    let story = question.story;
    let sizes = story.fallback_sizes();
    if !sizes.is_empty() {
        let all: u64 = sizes.iter().map(|(bytes, count)| bytes.saturating_mul(*count)).sum();
        let live = story.fallback_bytes();
        let which = if live == all { "all of it".to_owned() } else { size(live) };
        let kept = match story.ending() {
            Some(_) => format!("{which} was mapped to the end"),
            None => format!("{which} is still mapped"),
        };
        let text = format!("glibc used mmap instead: {}, {} in all; {kept}.", words::sizes(sizes), size(all));
        say(out, Evidence::Recorded, text);
    }
    refused::fallback(question, out);
    if let Some(text) = askers(question) {
        say(out, Evidence::Recorded, text);
    }
    if let Some(rule) = size_rule(question.glibc, sizes) {
        say(out, Evidence::Inferred, rule);
    }
    if let Some(call) = pending.and_then(|pending| pending.call.as_ref()) {
        let order = if sizes.is_empty() { "the first such mapping" } else { "the next one" };
        let text = format!("{} is under way: {order}. The kernel has not answered yet.", args::request(call));
        say(out, Evidence::Measured, text);
    }
}

/// From how many places the fallbacks were asked, from which most, and below which frame; nothing for a single
/// call.
fn askers(question: &Question<'_>) -> Option<String> {
    let growth = question.story.growth();
    let is_fallback = |label: Label| matches!(label, Label::Fallback | Label::FallbackNoBrk);
    let sites: Vec<_> = growth.by_site.iter().filter(|row| is_fallback(row.label)).collect();
    let stacks = growth.by_stack.iter().filter(|row| is_fallback(row.label)).count() as u64;
    let calls: u64 = sites.iter().map(|row| row.count).sum();
    let top = sites.iter().max_by_key(|row| row.count).filter(|_| calls > 1)?;
    let site = place(top.site.as_ref()?);
    let below = paths::below(paths::of_fallbacks(&growth), top.site.as_ref(), question.names);
    let stop = if below.is_empty() { "" } else { "; " };
    Some(format!(
        "These {calls} requests came from {} and {}; {} of them from {site}{stop}{below}.",
        count(sites.len() as u64, "function"),
        count(stacks, "stack"),
        top.count
    ))
}

/// Why the first fallback is larger than the later ones, for the versions where that is known.
fn size_rule(glibc: Option<&str>, sizes: &[(u64, u64)]) -> Option<String> {
    const MIB: u64 = 1 << 20;
    let version = glibc?;
    let minor: u32 = version.strip_prefix("2.")?.split('.').next()?.parse().ok()?;
    let [(first, 1), rest @ ..] = sizes else { return None };
    let shrinks = !rest.is_empty() && rest.iter().all(|(bytes, _)| bytes < first);
    ((35..=37).contains(&minor) && first.is_multiple_of(MIB) && shrinks).then(|| {
        format!(
            "The first is rounded to 1 MiB and later ones are not: glibc 2.35 to 2.37 (this is {}) pass two \
             arguments the wrong way round here; other versions take at least 1 MiB each time.",
            super::escape::plain(version)
        )
    })
}

/// What a mapping that malloc did not ask for is for, where its flags or its caller tell.
fn purpose(call: &Call, frames: &[StackFrame]) -> Option<&'static str> {
    let Call::Mmap { flags, .. } = call else { return None };
    let is_wrapper = |frame: &&StackFrame| frame.function.as_deref().is_some_and(names::is_wrapper);
    let caller = frames.iter().find(|frame| !is_wrapper(frame))?;
    if caller.module.as_deref().is_some_and(names::is_loader) {
        return Some("The dynamic loader makes it.");
    }
    (flags & table::MAP_STACK != 0).then_some("MAP_STACK says that it is a thread's stack.")
}

fn under_way_malloc(story: &Story, pending: &Pending, out: &mut Out) {
    match &pending.call {
        Some(Call::Mmap { prot: 0, .. }) => {
            say(out, Evidence::Inferred, "It reserves address space for a thread's arena.");
        }
        Some(Call::Mmap { len, .. }) => {
            let text = format!(
                "No brk of this request came before it, so the {} are a mapping of their own for one large block: free \
                 gives them back to the kernel at once.",
                size(*len)
            );
            say(out, Evidence::Inferred, text);
        }
        Some(Call::Brk { wanted, .. }) => {
            let in_way = story.blocker().filter(|blocker| blocker.span.start < *wanted);
            if let Some(blocker) = in_way {
                let text = format!("{} stands in the way: it will be refused.", blocker.span);
                say(out, Evidence::Inferred, text);
                planted(story, blocker, out);
            }
        }
        _ => {}
    }
    earlier(story, out);
}

/// What is known of refusals that are not this stop's.
fn earlier(story: &Story, out: &mut Out) {
    match super::headline(story) {
        Some(line) => say(
            out,
            Evidence::Recorded,
            format!("Earlier, {}: {line}", count(story.refusals().count, "refusal")),
        ),
        None if story.calls() > 0 => say(out, Evidence::Recorded, "No brk was refused so far."),
        None => say(out, Evidence::Unknown, "No memory call was seen before this one."),
    }
}

/// How memory grew where nothing was refused.
fn grown(story: &Story, out: &mut Out) {
    let line = story.line();
    let text = format!(
        "The break started at {} and is at {}: {} of heap.",
        shown(line.start),
        shown(line.current),
        size(story.heap_bytes())
    );
    say(out, recorded_if(line.start.is_some()), text);
    let growth = story.growth();
    let by_program = |label: Label| !matches!(label, Label::Loader);
    if let Some(row) = growth.by_site.iter().find(|row| by_program(row.label)) {
        let site = row.site.as_ref().map_or_else(|| "an unknown place".to_owned(), place);
        let text = format!(
            "Most address space was asked by {site}: {} in {} ({}), {} of it still mapped.",
            size(row.bytes),
            count(row.count, "call"),
            super::tables::label_word(row.label),
            size(row.live)
        );
        say(out, Evidence::Recorded, text);
    }
}

pub(super) fn shown(at: Option<Addr>) -> String {
    at.map_or_else(|| "an unknown place".to_owned(), |at| at.to_string())
}

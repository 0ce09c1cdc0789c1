//! How events become state: the reducer behind [`Story::apply`].
//!
//! Directions are decided by the numbers of a call (a break that went up, went up), never by its label, so a
//! mistaken label cannot corrupt the map of who owns what.

use std::sync::Arc;

use super::blockers::{self, Moment};
use super::hits::Mark;
use super::judge::same_place;
use super::{Asked, Break, Clock, Ending, Failed, Owner, Refusal, Story, TailCall, growth, refusal};
use crate::addr::{Addr, Span};
use crate::event::{Call, CallRecord, Cause, Event, EventKind, Label};
use crate::maps::Mapping;

/// How many different sizes of fallbacks are told apart.
const SIZES: usize = 64;
/// `MREMAP_DONTUNMAP` (include/uapi/linux/mman.h).
const MREMAP_DONTUNMAP: u32 = 4;

pub(super) fn begin(maps: &[Mapping], brk: Option<Addr>) -> Story {
    let mut story = Story::default();
    for mapping in maps {
        let _ = story.pieces.put(mapping.span, Owner::Before(Arc::new(mapping.clone())));
    }
    let heap = maps.iter().find(|mapping| mapping.path == "[heap]").map(|mapping| mapping.span);
    // The kernel's [heap] line begins at the start of the break and ends at its page.
    let current = brk.or(heap.map(|span| span.end));
    let start = heap.map(|span| span.start).or(brk);
    story.line = Break { start, current, highest: current };
    story
}

/// A stop ends the time of running, for every process: all of them stop together.
pub(super) fn clock(story: &mut Story, event: &Event) {
    let ran = story.clock.at(event.t);
    match event.kind {
        EventKind::Stopped(_) | EventKind::Exited(_) | EventKind::Detached => {
            story.clock = Clock { ran, since: None };
        }
        EventKind::Resumed => story.clock = Clock { ran, since: Some(event.t) },
        _ => {}
    }
    story.series.ran = ran;
}

pub(super) fn apply(story: &mut Story, event: &Event) {
    let moment = Moment { seq: event.seq, t: event.t };
    clock(story, event);
    match &event.kind {
        EventKind::Started { program, attached, core, brk, maps, .. } => {
            *story = begin(maps, *brk);
            story.program.clone_from(program);
            story.attached = *attached;
            story.core = *core;
            story.began = event.t;
            story.clock = Clock { ran: 0.0, since: Some(event.t) };
            if *attached {
                blockers::suspect(story);
                // What was there already is no growth.
                let heap = story.heap_bytes();
                story.series.call(moment, Label::BrkQuery, [heap, 0, 0]);
            }
        }
        EventKind::Execed { program } => {
            let clock = story.clock;
            *story = Story { program: program.clone(), began: event.t, clock, ..Story::default() };
        }
        EventKind::Call(record) => call(story, event, record),
        EventKind::Usage { rss, .. } => story.series.resident(moment, *rss),
        EventKind::Marked { rss: Some(rss), .. } => story.series.resident(moment, *rss),
        EventKind::Stopped(_) => story.series.stopped(moment),
        EventKind::Hit { number, hits, rss } => {
            let (mapped, ran) = (story.mapped(), story.clock.at(event.t));
            story.hits.add(*number, Mark { hits: *hits, t: event.t, ran, mapped, rss: *rss });
        }
        EventKind::Forked { .. } => story.series.forked(moment),
        EventKind::Exited(status) => story.ending = Some((event.t, Ending::Ended(*status))),
        EventKind::Detached => story.ending = Some((event.t, Ending::LetGo)),
        EventKind::ThreadStarted => story.threads = true,
        EventKind::ThreadEnded
        | EventKind::Resumed
        | EventKind::Signalled { .. }
        | EventKind::Named { .. }
        | EventKind::Marked { .. }
        | EventKind::ConditionError { .. } => {}
    }
}

fn call(story: &mut Story, event: &Event, record: &CallRecord) {
    story.seen += 1;
    let asked = Arc::new(Asked {
        seq: event.seq,
        t: event.t,
        tid: event.tid,
        call: record.call,
        label: record.label,
        site: record.site.clone(),
        allocator: record.allocator.clone(),
        stack: record.stack.clone(),
        tail: tail_call(story, event, record),
    });
    let moment = Moment { seq: event.seq, t: event.t };
    story.threads |= record.label == Label::ThreadStack;
    another_arena(story, &asked);
    match record.call {
        Call::Brk { wanted, got } => brk(story, &asked, wanted, got, record.cause.as_ref()),
        Call::Mmap { len, ret: Ok(at), .. } => {
            let span = pages(at, len);
            map(story, span, Owner::Seen(Arc::clone(&asked)), moment);
            grew(story, &asked, span.len());
            if record.label == Label::Blocker {
                blockers::plant(story, span, &asked);
            }
        }
        Call::Munmap { addr, len, ret: Ok(_) } => drop(unmap(story, pages(addr, len), moment)),
        Call::Mremap { addr, old_len, new_len, flags, ret: Ok(at) } => {
            let keep = flags & MREMAP_DONTUNMAP != 0;
            remap(story, &asked, pages(addr, old_len), pages(at, new_len), keep);
        }
        Call::Mmap { .. } if record.label == Label::Fallback => {
            let cause = record.cause.clone().unwrap_or(Cause::Unknown);
            let alone = !story.attached && !story.threads;
            story.refusals.fallbacks += 1;
            story.refusals.last_fallback =
                Some(Failed { asked: Arc::clone(&asked), cause, alone, arena: None, gave_up: None });
        }
        Call::Mmap { .. } | Call::Munmap { .. } | Call::Mremap { .. } => {}
    }
    story.last.insert(event.tid, asked);
    let (heap, fallback) = (story.heap_bytes(), story.fallback_bytes());
    let chunks = story.live_bytes(Label::MmapChunk) + story.live_bytes(Label::MmapChunkResize);
    story.series.call(moment, record.label, [heap, fallback, chunks]);
}

/// What malloc tries for the same request after its mmap was refused: an arena that the thread's very next call
/// reserves, and then a mapping of its own.
fn another_arena(story: &mut Story, asked: &Arc<Asked>) {
    let before = story.last.get(&asked.tid).map(|last| last.seq);
    let Some(failed) = story.refusals.last_fallback.as_mut() else { return };
    let Call::Mmap { ret, .. } = asked.call else { return };
    if failed.asked.tid != asked.tid || failed.asked.site != asked.site {
        return;
    }
    match (asked.label, ret) {
        (Label::ArenaNew, Ok(_)) if before == Some(failed.asked.seq) => {
            failed.arena = Some(Arc::clone(asked));
        }
        (Label::MmapChunk, Err(_)) if failed.arena.is_some() => failed.gave_up = Some(asked.seq),
        _ => {}
    }
}

fn brk(story: &mut Story, asked: &Arc<Asked>, wanted: Addr, got: Addr, cause: Option<&Cause>) {
    let moment = Moment { seq: asked.seq, t: asked.t };
    let old = story.line.current;
    // A brk that fails as other calls do says nothing of the break.
    let failed = refusal::brk_errno(got).is_some();
    let got = if failed { old.unwrap_or_default() } else { got };
    story.line.current = if failed { old } else { Some(got) };
    story.line.highest = story.line.highest.max(story.line.current);
    if story.line.start.is_none() && !story.attached && !failed {
        // The first brk after exec is ld.so's question, before anything moved.
        story.line.start = Some(old.unwrap_or(got));
    }
    if asked.label == Label::BrkRefused {
        let cause = cause.cloned().unwrap_or(Cause::Unknown);
        blockers::accuse(story, &cause, moment);
        let refusal = Refusal { asked: Arc::clone(asked), wanted, got, cause };
        story.refusals.count += 1;
        story.refusals.first.get_or_insert_with(|| refusal.clone());
        story.refusals.last = Some(refusal);
    }
    let Some(old) = old.map(Addr::page_up) else { return };
    let new = got.page_up();
    if new > old {
        let span = Span::new(old, new);
        map(story, span, Owner::Seen(Arc::clone(asked)), moment);
        grew(story, asked, span.len());
    } else if new < old {
        drop(unmap(story, Span::new(new, old), moment));
    }
}

/// Moves, grows or shrinks a mapping. What was there keeps its owner; what is added belongs to this call.
fn remap(story: &mut Story, asked: &Arc<Asked>, old: Span, new: Span, keep: bool) {
    let moment = Moment { seq: asked.seq, t: asked.t };
    let moved = if keep {
        story.pieces.overlapping(old).map(|(span, owner)| (span, owner.clone())).collect()
    } else {
        unmap(story, old, moment)
    };
    drop(unmap(story, new, moment));
    for (span, owner) in moved {
        let from = new.start.0.saturating_add(span.start.0.saturating_sub(old.start.0));
        let there = Span::sized(Addr(from), span.len());
        map(story, Span::new(there.start, there.end.min(new.end)), owner, moment);
    }
    if new.len() > old.len() {
        let added = Span::new(new.start.add(old.len()), new.end);
        map(story, added, Owner::Seen(Arc::clone(asked)), moment);
        grew(story, asked, added.len());
    }
}

fn grew(story: &mut Story, asked: &Asked, bytes: u64) {
    growth::add(&mut story.growth, asked, bytes);
    if !matches!(asked.label, Label::Fallback | Label::FallbackNoBrk) {
        return;
    }
    match story.sizes.iter().position(|(size, _)| *size == bytes) {
        Some(at) => story.sizes[at].1 += 1,
        None if story.sizes.len() < SIZES => story.sizes.push((bytes, 1)),
        None => {}
    }
}

fn map(story: &mut Story, span: Span, owner: Owner, moment: Moment) {
    if span.is_empty() {
        return;
    }
    blockers::cut(story, span, moment);
    let label = owner.label();
    let replaced = story.pieces.put(span, owner);
    no_longer_live(story, &replaced);
    if let Some(label) = label {
        *story.live.entry(label).or_default() += span.len();
    }
}

fn unmap(story: &mut Story, hole: Span, moment: Moment) -> Vec<(Span, Owner)> {
    blockers::cut(story, hole, moment);
    let taken = story.pieces.cut(hole);
    no_longer_live(story, &taken);
    taken
}

fn no_longer_live(story: &mut Story, taken: &[(Span, Owner)]) {
    for (span, owner) in taken {
        if let Some(bytes) = owner.label().and_then(|label| story.live.get_mut(&label)) {
            *bytes = bytes.saturating_sub(span.len());
        }
    }
}

/// A function that is missing from the stack because it jumped to the wrapper: the thread's call before this
/// one came from it, and this call returns to the very place to which that function would have returned.
fn tail_call(story: &Story, event: &Event, record: &CallRecord) -> Option<TailCall> {
    let last = story.last.get(&event.tid)?;
    let frame = last.site.as_ref()?;
    let returns_to = record.stack.get(1..).filter(|rest| !rest.is_empty())?;
    let above = last.stack.strip_suffix(returns_to)?;
    let missing = above.len() > 1 && above.last().is_some_and(|at| same_place(frame.address, *at));
    missing.then(|| TailCall { frame: frame.clone(), from: last.seq })
}

fn pages(at: Addr, len: u64) -> Span {
    let span = Span::sized(at, len);
    Span::new(span.start.page_down(), span.end.page_up())
}

//! The predicates: what a call was, from the call, its stack and the calls before it.
//!
//! | label | predicate |
//! |---|---|
//! | brk-query | `brk(0)`, or the break that is in force anyway |
//! | brk-refused | the break stayed where it was |
//! | brk-grow, foreign-sbrk | it moved up; with an allocator on the stack, or without one |
//! | loader | made by ld.so's own code |
//! | thread-stack | `MAP_STACK` |
//! | arena-new | an allocator reserves with `PROT_NONE` and `MAP_NORESERVE`, or cuts that to its place |
//! | fallback | an allocator's anonymous mmap right after a refused brk, in the same thread and request |
//! | fallback-no-brk | the same function of glibc without a brk before it (its name must be known) |
//! | mmap-chunk | any other anonymous mmap by an allocator |
//! | blocker | the program's own mapping that touches the page at the break |
//!
//! Without stacks the pairing of brk and mmap still holds; what only a stack can tell is then called
//! user-map and user-unmap.

use super::{Caller, Look, Owner, Story, Verdict, refusal};
use crate::addr::{Addr, PAGE, Span, Tid};
use crate::event::{Call, Label};

// Linux's values (include/uapi/asm-generic/mman*.h), here again because neighbours on a floor do not know
// each other and the names for people are the business of `syscalls`.
pub(super) const PROT_READ: u32 = 1;
pub(super) const PROT_WRITE: u32 = 2;
pub(super) const PROT_EXEC: u32 = 4;
pub(super) const MAP_SHARED: u32 = 1;
const MAP_FIXED: u32 = 0x10;
const MAP_ANONYMOUS: u32 = 0x20;
const MAP_DENYWRITE: u32 = 0x800;
const MAP_NORESERVE: u32 = 0x4000;
const MAP_STACK: u32 = 0x2_0000;

pub(super) fn judge(
    story: &Story,
    tid: Tid,
    call: &Call,
    caller: &Caller,
    look: &mut dyn FnMut() -> Look,
) -> Verdict {
    let label = match *call {
        Call::Brk { wanted, got } => brk(story, wanted, got, caller),
        Call::Mmap { .. } => mmap(story, tid, call, caller),
        Call::Munmap { addr, .. } => munmap(story, tid, addr, caller),
        Call::Mremap { addr, .. } => mremap(story, addr, caller),
    };
    let cause = match *call {
        Call::Brk { wanted, got } if label == Label::BrkRefused => {
            Some(refusal::of_brk(story, wanted, got, &look()))
        }
        Call::Mmap { ret: Err(_), .. } => refusal::of_mmap(call, &look()),
        _ => None,
    };
    Verdict {
        label,
        cause,
        site: caller.site.clone(),
        allocator: caller.allocator.as_ref().map(|(_, name)| name.clone()),
    }
}

fn brk(story: &Story, wanted: Addr, got: Addr, caller: &Caller) -> Label {
    match story.line.current {
        _ if wanted.0 == 0 => Label::BrkQuery,
        _ if got != wanted => Label::BrkRefused,
        Some(old) if got == old => Label::BrkQuery,
        Some(old) if got < old => Label::BrkShrink,
        _ if caller.allocator.is_some() || !caller.told => Label::BrkGrow,
        _ => Label::ForeignSbrk,
    }
}

fn mmap(story: &Story, tid: Tid, call: &Call, caller: &Caller) -> Label {
    let Call::Mmap { addr, len, prot, flags, fd, ret, .. } = *call else { return Label::UserMap };
    let anonymous = flags & MAP_ANONYMOUS != 0;
    let untold = caller.addresses.is_empty();
    if caller.loader || (untold && fd >= 0 && flags & MAP_DENYWRITE != 0) {
        return Label::Loader;
    }
    if anonymous && flags & MAP_STACK != 0 {
        return Label::ThreadStack;
    }
    let plain = anonymous && flags & MAP_FIXED == 0 && prot & PROT_WRITE != 0;
    if caller.allocator.is_some() || untold {
        let in_arena = is_arena(story.piece_at(addr).map(|(_, owner)| owner));
        match () {
            () if prot == 0 && flags & MAP_FIXED != 0 && in_arena => return Label::ArenaShrink,
            () if prot == 0 && anonymous && flags & MAP_NORESERVE != 0 => return Label::ArenaNew,
            () if plain && follows_refusal(story, tid, caller) => return Label::Fallback,
            () if untold || !plain => {}
            () if caller.falls_back => return Label::FallbackNoBrk,
            () => return Label::MmapChunk,
        }
    }
    match ret {
        Ok(at) if caller.allocator.is_none() && touches_break(story, Span::sized(at, len)) => Label::Blocker,
        _ => Label::UserMap,
    }
}

fn munmap(story: &Story, tid: Tid, addr: Addr, caller: &Caller) -> Label {
    let owner = story.piece_at(addr).map(|(_, owner)| owner);
    let label = owner.and_then(Owner::label);
    if caller.loader {
        return Label::Loader;
    }
    let cutting = story.last.get(&tid).is_some_and(|last| last.label == Label::ArenaNew);
    match label {
        Some(Label::ThreadStack) => Label::ThreadStack,
        _ if is_arena(owner) && cutting => Label::ArenaNew,
        _ if is_arena(owner) => Label::ArenaShrink,
        Some(Label::MmapChunk | Label::MmapChunkResize) => Label::MmapChunkFree,
        _ if caller.allocator.is_some() => Label::MmapChunkFree,
        _ => Label::UserUnmap,
    }
}

fn mremap(story: &Story, addr: Addr, caller: &Caller) -> Label {
    let label = story.piece_at(addr).and_then(|(_, owner)| owner.label());
    let chunk = matches!(label, Some(Label::MmapChunk | Label::MmapChunkResize));
    if caller.allocator.is_some() || (chunk && caller.addresses.is_empty()) {
        Label::MmapChunkResize
    } else {
        Label::UserMap
    }
}

fn is_arena(owner: Option<&Owner>) -> bool {
    matches!(owner.and_then(Owner::label), Some(Label::ArenaNew | Label::ArenaGrow | Label::ArenaShrink))
}

/// Whether a mapping at `span` is in the way of the very next page of the break.
fn touches_break(story: &Story, span: Span) -> bool {
    let Some(line) = story.line.current else { return false };
    span.overlaps(Span::sized(line.page_up(), PAGE))
}

/// Whether the thread's call before this one was a refused brk of the same request: same callers of malloc.
fn follows_refusal(story: &Story, tid: Tid, caller: &Caller) -> bool {
    let Some(last) = story.last.get(&tid).filter(|last| last.label == Label::BrkRefused) else {
        return false;
    };
    let above = caller.allocator.as_ref().map_or(0, |(at, _)| at + 1);
    // Inlined frames repeat the address of the frame that holds them.
    let mut callers: Vec<Addr> = caller.addresses.iter().skip(above).copied().collect();
    let mut before = last.stack.clone();
    callers.dedup();
    before.dedup();
    let Some(first) = callers.first() else { return true };
    before.is_empty()
        || (0..before.len()).filter(|at| same_place(*first, before[*at])).any(|at| {
            before[at..].iter().zip(&callers).all(|(recorded, named)| same_place(*named, *recorded))
        })
}

/// Whether a frame stands at this recorded return address: names are looked up one byte before it, so that
/// a call at the very end of a function finds that function.
pub(super) fn same_place(frame: Addr, recorded: Addr) -> bool {
    frame == recorded || frame.add(1) == recorded
}

//! What an address is to malloc, in a sentence: the chunk that holds it and what that chunk is doing.
//!
//! ```text
//! [measured] It is 0x20 bytes into a chunk of 112 bytes at 0x4c72a0, in use: main arena, region from brk [0x4c7000-0x4e8000].
//! ```
//!
//! It knows what was read of the structures; who asked for the memory is in [`super::owner`].

use serde_json::{Value, json};

use crate::addr::{Addr, human_size};
use crate::heap::story::Evidence;
use crate::heap::{ArenaKind, Chunk, Place, State, Survey};

/// What a chunk cannot tell: the memory came from the kernel at somebody's request, but it is dealt out later.
const ASKER: &str = "[unknown] Who asked malloc for this chunk: calls of malloc are not recorded, only calls of the kernel.\n";

/// The sentence, ended by a newline; for a chunk in use another one about what is not known.
#[must_use]
pub fn sentence(survey: &Survey, place: &Place, at: Addr) -> String {
    let text = match place {
        Place::Chunk { arena, region, chunk } => {
            let offset = at.0.saturating_sub(chunk.address.0);
            let (size, doing) = (chunk.size, doing(chunk));
            let whose = whose(survey, *arena, *region);
            format!(
                "It is {offset:#x} bytes into a chunk of {size} bytes at {}, {doing}: {whose}.",
                chunk.address
            )
        }
        Place::Mmapped(block) => format!(
            "It is in a large block of malloc's with a mapping of its own: {} at {}.",
            human_size(block.size),
            block.address
        ),
        Place::Unclear { arena, region } => {
            format!("It is in no chunk that could be read: {}.", whose(survey, *arena, *region))
        }
        Place::Foreign(span) => {
            format!(
                "It is between malloc's regions, in {span} of the break's range, which malloc did not ask for."
            )
        }
    };
    let asker = match place {
        Place::Chunk { chunk, .. } if chunk.state == State::Used => ASKER,
        Place::Mmapped(_) | Place::Chunk { .. } | Place::Unclear { .. } | Place::Foreign(_) => "",
    };
    format!("{} {text}\n{asker}", Evidence::Measured)
}

/// The same as JSON: `kind` is `chunk`, `mmapped`, `unclear` or `foreign`.
#[must_use]
pub fn place_json(survey: &Survey, place: &Place) -> Value {
    let arena_of = |arena: usize| survey.arenas.get(arena).map(|arena| arena.address);
    match place {
        Place::Chunk { arena, chunk, .. } => json!({
            "kind": "chunk", "address": chunk.address, "size": chunk.size, "state": state(chunk.state),
            "arena": arena_of(*arena),
        }),
        Place::Mmapped(block) => json!({"kind": "mmapped", "address": block.address, "size": block.size}),
        Place::Unclear { arena, .. } => json!({"kind": "unclear", "arena": arena_of(*arena)}),
        Place::Foreign(span) => json!({"kind": "foreign", "start": span.start, "end": span.end}),
    }
}

/// The state as it is spelled in JSON.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Used => "in-use",
        State::Free => "free",
        State::Fast => "fastbin",
        State::Tcache => "tcache",
        State::Top => "top",
        State::Fencepost => "fencepost",
    }
}

/// What a chunk is doing, in words.
pub(super) fn doing(chunk: &Chunk) -> String {
    match chunk.state {
        State::Used => format!("in use (malloc returned {})", chunk.payload()),
        State::Free => "free, in a bin".to_owned(),
        State::Fast => "free, in a fastbin".to_owned(),
        State::Tcache => "free, kept in a thread's tcache".to_owned(),
        State::Top => "the top chunk, from which the next ones are cut".to_owned(),
        State::Fencepost => "an end mark of the region".to_owned(),
    }
}

fn whose(survey: &Survey, arena: usize, region: usize) -> String {
    let Some(arena) = survey.arenas.get(arena) else { return "an unknown arena".to_owned() };
    let kind = match arena.kind {
        ArenaKind::Main => "main arena".to_owned(),
        ArenaKind::Thread => format!("thread arena {}", arena.address),
    };
    match arena.regions.get(region) {
        Some(region) => format!("{kind}, {} region {}", region.origin.name(), region.span),
        None => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Span;
    use crate::heap::Mmapped;

    #[test]
    fn each_place_is_a_sentence() {
        let survey = Survey::default();
        let chunk = Chunk { address: Addr(0x1000), size: 112, state: State::Tcache, links: None };
        let places = [
            Place::Chunk { arena: 0, region: 0, chunk },
            Place::Mmapped(Mmapped { address: Addr(0x1000), size: 303_104 }),
            Place::Foreign(Span::sized(Addr(0x1000), 4096)),
        ];
        let all: String = places.iter().map(|place| sentence(&survey, place, Addr(0x1010))).collect();
        assert_eq!(
            all,
            "[measured] It is 0x10 bytes into a chunk of 112 bytes at 0x1000, free, kept in a thread's tcache: an unknown \
             arena.\n[measured] It is in a large block of malloc's with a mapping of its own: 296K at 0x1000.\n[measured] \
             It is between malloc's regions, in [0x1000-0x2000] of the break's range, which malloc did not ask for.\n"
        );
    }
}

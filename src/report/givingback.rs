//! What malloc can give back to the kernel from here, and what it cannot: by `free`, by `malloc_trim`, or not at all.
//!
//! The rules are glibc's (malloc.c: `systrim`, `mtrim`, `_int_free`); the amounts are what its structures hold. Which of the
//! pages are resident nobody asks, so an amount is what goes back at most.

use super::Amounts;
use super::explain::{Question, Sentence};
use super::words::size;
use crate::heap::story::Evidence;

const BY_FREE: &str = "free() can only lower the break, and the top chunk no longer touches the break; glibc never unmaps a \
     fallback mapping. What free() gets back of this stays in the process.";
const NEVER_UNMAPPED: &str = "glibc never unmaps a fallback mapping, whatever is freed in it.";
const KEPT: &str = "stay in the process: free() gives back only what lies at the end of an arena, and something in use \
     lies behind them.";
const PLACEMENT: &str = "This tells where memory was placed, not how much is needed: the same live blocks take as \
     much without a blocker, from the break. What differs is what can be given back. Running the program both ways \
     shows it: explain -without-blocker.";

/// From so many bytes on it is worth a sentence.
const MUCH: u64 = 1 << 20;

/// What is said at the end of every explanation; `before` when fallback mappings were there before anything was recorded.
pub(super) fn tell(question: &Question<'_>, before: bool, out: &mut Vec<Sentence>) {
    let mut say = |text: String| out.push(Sentence { evidence: Evidence::Inferred, text });
    let story = question.story;
    let fallback = story.fallback_bytes() > 0 || before;
    let blocked = story.blocker().is_some_and(|blocker| blocker.refused > 0 || before);
    match question.amounts {
        _ if blocked => say(BY_FREE.to_owned()),
        _ if fallback => say(NEVER_UNMAPPED.to_owned()),
        Some(amounts) if amounts.free >= MUCH && amounts.free >= amounts.reserved / 4 => {
            say(format!("The {} free in bins {KEPT}", size(amounts.free)));
        }
        _ => {}
    }
    let idle = |amounts: &Amounts| amounts.free.saturating_add(amounts.top);
    if let Some(amounts) = question.amounts.filter(|amounts| blocked || fallback || idle(amounts) >= MUCH) {
        say(by_trim(&amounts));
    }
    if blocked || fallback {
        say(PLACEMENT.to_owned());
    }
}

/// What a call of `malloc_trim` gives back now.
fn by_trim(amounts: &Amounts) -> String {
    let pages = match (amounts.trimmable, amounts.free) {
        (0, 0) => "nothing is free in bins".to_owned(),
        (0, free) => format!("the {} free in bins hold no whole page", size(free)),
        (pages, free) => format!(
            "{} in whole pages of the {} free in bins, but not their addresses",
            size(pages),
            size(free)
        ),
    };
    let top = match (amounts.top_trimmable, amounts.top) {
        (0, 0) => String::new(),
        (0, top) => format!("; nothing of the {} in top chunks, which cannot lower the break", size(top)),
        (part, top) => format!("; {} of the {} in top chunks, by lowering the break", size(part), size(top)),
    };
    format!("malloc_trim(0) would give back at most: {pages}{top}.")
}

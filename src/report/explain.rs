//! Why memory grew here: the chain from the request to the mapping, one tagged sentence at a time.
//!
//! ```text
//! brk(0x26d3000) refused: blocker [0x26b2000-0x26b3000] planted by plant (t.c:7) at +0.041s; glibc used mmap instead (1 MiB ×1).
//!
//!  1. [measured] malloc(32), called by CRYPTO_malloc (mem.c:198), asks the kernel for memory.
//!  2. [recorded] It asked brk(0x26d3000), 132 KiB more than before (event 212, +0.211s).
//! ```
//!
//! It explains what the thread stands in, or else the latest refused brk, or else that nothing was refused.

use serde::{Deserialize, Serialize};

use super::owner::Names;
use super::pending::{Pending, Request, pending, request};
use super::{Amounts, refused, sentences, words};
use crate::addr::Tid;
use crate::event::Cause;
use crate::heap::story::{Evidence, Refusal, Story};
use crate::scene::view::Backtrace;

/// What an explanation is made from. Everything but the story may be missing.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The calls of the process.
    pub story: &'a Story,
    /// Names for recorded return addresses.
    pub names: Names<'a>,
    /// The thread that stopped.
    pub tid: Tid,
    /// Its backtrace.
    pub backtrace: Option<&'a Backtrace>,
    /// Its six argument registers, where it stands at a function's first instruction.
    pub registers: Option<[u64; 6]>,
    /// What malloc's structures say.
    pub amounts: Option<Amounts>,
    /// glibc's version (`2.36`).
    pub glibc: Option<&'a str>,
    /// What there is to say of limits and growth ([`super::memory::closing`]).
    pub closing: Option<&'a Sentence>,
}

/// One claim, with how it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// How it is known.
    pub evidence: Evidence,
    /// The claim; escaped for a terminal.
    pub text: String,
}

/// An explanation; its JSON has the schema `brkwater.explanation/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Always [`Explanation::SCHEMA`].
    pub schema: String,
    /// The one-liner.
    pub headline: String,
    /// The sentences, in order.
    pub sentences: Vec<Sentence>,
}

impl Explanation {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "brkwater.explanation/1";

    /// The text for people: the headline, an empty line, numbered sentences. One sentence a line, not wrapped.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.headline);
        for (number, sentence) in (1..).zip(&self.sentences) {
            text.push_str(&format!("{number:2}. {} {}\n", sentence.evidence, sentence.text));
        }
        text
    }

    /// What could not be told.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let unknown = |sentence: &&Sentence| sentence.evidence == Evidence::Unknown;
        self.sentences.iter().filter(unknown).map(|sentence| sentence.text.as_str())
    }
}

/// What there is to explain.
enum Subject<'a> {
    /// A refused brk, and the call under way that follows it.
    Refused(&'a Refusal, Option<Pending>),
    /// A call under way that no refused brk preceded.
    UnderWay(Pending),
    /// Neither.
    Quiet,
}

/// Explains a stop.
#[must_use]
pub fn explain(question: &Question<'_>) -> Explanation {
    let request = question.backtrace.and_then(request);
    let mut out = Vec::new();
    sentences::ended(question.story, &mut out);
    let headline = match subject(question, request.as_ref()) {
        Subject::Refused(refusal, pending) => {
            sentences::refused(question, refusal, pending.as_ref(), request.as_ref(), &mut out);
            refusal_line(question.story, refusal)
        }
        Subject::UnderWay(pending) => sentences::under_way(question, &pending, request.as_ref(), &mut out),
        Subject::Quiet => sentences::quiet(question, &mut out),
    };
    sentences::amounts(question, &mut out);
    out.extend(question.closing.cloned());
    Explanation { schema: Explanation::SCHEMA.to_owned(), headline, sentences: out }
}

/// The one-liner about the latest refused brk; `None` when none was refused.
#[must_use]
pub fn headline(story: &Story) -> Option<String> {
    story.refusals().last.as_ref().map(|refusal| refusal_line(story, refusal))
}

fn subject<'a>(question: &Question<'a>, request: Option<&Request>) -> Subject<'a> {
    let last = question.story.refusals().last.as_ref();
    let Some(pending) = pending(question) else {
        return last.map_or(Subject::Quiet, |last| Subject::Refused(last, None));
    };
    let latest = question.story.last_call(question.tid).map(|asked| asked.seq);
    match last.filter(|refusal| Some(refusal.asked.seq) == latest) {
        Some(refusal) if is_same_request(question, refusal, request) => {
            Subject::Refused(refusal, Some(pending))
        }
        _ => Subject::UnderWay(pending),
    }
}

/// Whether the refused brk came from the request that is on the stack: the same caller of malloc.
fn is_same_request(question: &Question<'_>, refusal: &Refusal, request: Option<&Request>) -> bool {
    let (Some(backtrace), Some(request)) = (question.backtrace, request) else { return false };
    let caller = backtrace.frames.iter().skip(request.level + 1).find(|frame| !frame.inlined);
    caller
        .is_none_or(|caller| refusal.asked.stack.is_empty() || refusal.asked.stack.contains(&caller.address))
}

/// `brk(0x26d3000) refused: blocker […] planted by f (f.c:1) at +0.041s; glibc used mmap instead (1 MiB ×1).`
fn refusal_line(story: &Story, refusal: &Refusal) -> String {
    let why = match &refusal.cause {
        Cause::Occupied { blocker: span, .. } => {
            let found = sentences::blocker_of(story, refusal);
            let when = found.and_then(|blocker| blocker.planted.as_ref()).map(|asked| words::moment(asked.t));
            match (found.and_then(words::planter), when) {
                (Some(planter), Some(when)) => format!("blocker {span} planted by {planter} at {when}"),
                (None, Some(when)) => format!("blocker {span} planted at {when} by an unknown function"),
                _ if story.was_attached() => format!("blocker {span}, there {}", words::before(story)),
                _ => format!("blocker {span}, whose creation was not seen"),
            }
        }
        cause => refused::short(cause),
    };
    let instead = match story.fallback_sizes() {
        [] => String::new(),
        sizes => format!("; glibc used mmap instead ({})", words::sizes(sizes)),
    };
    let failed = refused::failed_after(story, refusal).map(refused::outcome).unwrap_or_default();
    format!("brk({}) refused: {why}{instead}{failed}.", refusal.wanted)
}

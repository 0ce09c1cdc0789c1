//! Two runs compared: the amounts at their ends, who has them, and the first event at which they part.

use super::order::{Run, partings};
use super::owners::{By, owners};
use super::parting::Both;
use super::side::{Measured, Side, ahead};
use super::telling::Telling;
use super::verdict::Amount;
use super::{Diff, Of, Pair, regions};
use crate::addr::Addr;
use crate::event::{Event, EventKind, StackFrame};
use crate::heap::story::{Evidence, Stories, Story};
use crate::report::escape::plain;
use crate::report::explain::Sentence;

/// A run that was recorded.
#[derive(Copy, Clone, Debug)]
pub struct Recorded<'a> {
    /// What it is called: the name of its file.
    pub name: &'a str,
    /// Its events, by number.
    pub events: &'a [Event],
    /// What was measured at its end by other means; what its last mark measured needs not be told.
    pub measured: Measured,
    /// What is missing in it, in sentences.
    pub doubts: &'a [String],
}

/// Compares two runs.
#[must_use]
pub fn runs(a: &Recorded<'_>, b: &Recorded<'_>) -> Diff {
    let (one, two) = (Run::of(a.events), Run::of(b.events));
    let [stories, others] = [a, b].map(|run| folded(run.events));
    let hunks = partings(&one, &two);
    let both = Both { runs: [&one, &two], stories: [&stories, &others] };
    let (parting, placement) = (both.parting(&hunks), both.placement(&hunks));
    let mark = common_mark(a.events, b.events);
    let mark = mark.as_deref();
    let mut pairs: Vec<Pair> = (0..one.pids.len().max(two.pids.len()))
        .map(|process| Pair {
            process,
            a: side(a, &one, &stories, process, mark),
            b: side(b, &two, &others, process, mark),
        })
        .collect();
    let main = largest(&pairs);
    let pair = if main < pairs.len() { pairs.remove(main) } else { Pair { process: 0, a: None, b: None } };
    let first = pair.a.unwrap_or_else(|| nobody(a));
    let second = pair.b.unwrap_or_else(|| nobody(b));
    let (of_a, of_b) = (story(&one, &stories, main), story(&two, &others, main));
    let ahead = [&one, &two].map(|run| run.pids.get(main).map_or(0, |pid| ahead(run.events, *pid)));
    let amount = Amount::of(&first, &second, ahead[0].max(ahead[1]), mark);
    let [names_a, names_b] = [&one, &two].map(|run| names(run, main));
    let owners = owners((&of_a, &names_a), (&of_b, &names_b), By::Function);
    let (added, gone) = regions::of_runs(&of_a, &of_b);
    let told = Telling {
        a: &first,
        b: &second,
        amount: &amount,
        parting: parting.as_ref(),
        placement: placement.as_ref(),
        steps: one.len() as u64,
        partings: hunks.len(),
    };
    let headline = told.headline(&owners);
    let mut sentences = told.sentences();
    let doubts = a.doubts.iter().chain(b.doubts);
    let told = |text: &String| plain(text.strip_prefix("warning: ").unwrap_or(text));
    sentences.extend(doubts.map(|text| Sentence { evidence: Evidence::Unknown, text: told(text) }));
    Diff {
        schema: Diff::SCHEMA.to_owned(),
        of: Of::Runs,
        headline,
        sentences,
        amount: Some(amount),
        a: first,
        b: second,
        owners,
        added,
        gone,
        parting,
        placement,
        others: pairs,
    }
}

/// The end of a process of a run; nothing when the run has no such process.
fn side(
    recorded: &Recorded<'_>,
    run: &Run<'_>,
    stories: &Stories,
    process: usize,
    mark: Option<&str>,
) -> Option<Side> {
    let pid = *run.pids.get(process)?;
    let last = recorded.events.iter().rev().find(|event| event.pid == pid)?;
    let marked = mark.and_then(|name| measured_at(recorded.events, last, name));
    let measured = if process == 0 { recorded.measured.or(marked) } else { marked.unwrap_or_default() };
    Some(Side::of(recorded.name, stories.of(pid)?, (last.seq, last.t), measured))
}

/// The side of a run that has no such process.
fn nobody(recorded: &Recorded<'_>) -> Side {
    Side { name: recorded.name.to_owned(), ..Side::default() }
}

fn story(run: &Run<'_>, stories: &Stories, process: usize) -> Story {
    run.pids.get(process).and_then(|pid| stories.of(*pid)).cloned().unwrap_or_default()
}

/// The names of return addresses that a run has of a process.
fn names(run: &Run<'_>, process: usize) -> impl Fn(Addr) -> Vec<StackFrame> + use<> {
    let last = run.pids.get(process).and_then(|pid| run.events.iter().rev().find(|event| event.pid == *pid));
    let known = last.map(|event| run.names(event)).unwrap_or_default();
    move |at| known.get(&at).cloned().unwrap_or_default()
}

fn folded(events: &[Event]) -> Stories {
    let mut stories = Stories::default();
    events.iter().for_each(|event| stories.apply(event));
    stories
}

/// The pair of processes with the most memory: what the comparison is about.
fn largest(pairs: &[Pair]) -> usize {
    let mapped = |side: &Option<Side>| side.as_ref().map_or(0, |side| side.mapped);
    let has = |pair: &Pair| mapped(&pair.a).saturating_add(mapped(&pair.b));
    let most = pairs.iter().map(has).max();
    pairs.iter().position(|pair| Some(has(pair)) == most).unwrap_or(0)
}

/// The latest mark at which live bytes were measured in both runs: only marks of one name are of the same moment. Latest
/// is what lies nearest to both ends, so that it does not matter which run is the first.
fn common_mark(a: &[Event], b: &[Event]) -> Option<String> {
    let named = |events: &[Event]| {
        let mut names: Vec<String> = Vec::new();
        for event in events.iter().rev() {
            match &event.kind {
                EventKind::Marked { name, live: Some(_), .. } if !names.contains(name) => {
                    names.push(name.clone());
                }
                _ => {}
            }
        }
        names
    };
    let (first, second) = (named(a), named(b));
    let both = first.into_iter().enumerate().filter_map(|(at, name)| {
        let there = second.iter().position(|other| *other == name)?;
        Some((at + there, name))
    });
    both.min().map(|(_, name)| name)
}

fn measured_at(events: &[Event], of: &Event, mark: &str) -> Option<Measured> {
    events.iter().rev().filter(|event| event.pid == of.pid).find_map(|event| match &event.kind {
        EventKind::Marked { name, rss, live, idle } if name == mark => {
            Some(Measured { resident: *rss, live: *live, idle: *idle })
        }
        _ => None,
    })
}

impl Measured {
    fn or(self, other: Option<Measured>) -> Measured {
        let other = other.unwrap_or_default();
        Measured {
            resident: self.resident.or(other.resident),
            live: self.live.or(other.live),
            idle: self.idle.or(other.idle),
        }
    }
}

//! Two runs compared: the amounts at their ends, who has them, and the first event at which they part.

use super::order::{Hunk, Run, partings};
use super::owners::{By, owners};
use super::parting::{Both, How, Parting, Placement};
use super::side::{Measured, Side, ahead};
use super::verdict::{self, Amount, Verdict};
use super::{Diff, Of, Owner, Pair, regions};
use crate::addr::Seq;
use crate::event::{Event, EventKind};
use crate::heap::story::{Evidence, Stories, Story};
use crate::report::escape::plain;
use crate::report::explain::Sentence;
use crate::report::words::{count, size};

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
    let sides = |process: usize| {
        let side = |run: &Recorded<'_>, of: &Run<'_>, stories: &Stories| {
            let pid = *of.pids.get(process)?;
            let at = run.events.iter().rev().find(|event| event.pid == pid)?;
            let marked = mark.as_deref().and_then(|name| measured_at(run.events, at, name));
            let measured = if process == 0 { run.measured.or(marked) } else { marked.unwrap_or_default() };
            Some(Side::of(run.name, stories.of(pid)?, (at.seq, at.t), measured))
        };
        (side(a, &one, &stories), side(b, &two, &others))
    };
    let mut pairs: Vec<Pair> = (0..one.pids.len().max(two.pids.len()))
        .map(|process| {
            let (a, b) = sides(process);
            Pair { process, a, b }
        })
        .collect();
    let main = largest(&pairs);
    let Pair { a: first, b: second, .. } =
        if pairs.is_empty() { Pair { process: 0, a: None, b: None } } else { pairs.remove(main) };
    let named = |side: Option<Side>, name: &str| {
        side.unwrap_or_else(|| Side { name: name.to_owned(), ..Side::default() })
    };
    let (first, second) = (named(first, a.name), named(second, b.name));
    let nothing = Story::default();
    let story = |run: &Run<'_>, of: &'_ Stories| {
        run.pids.get(main).and_then(|pid| of.of(*pid)).unwrap_or(&nothing).clone()
    };
    let (of_a, of_b) = (story(&one, &stories), story(&two, &others));
    let steps = |run: &Run<'_>| run.pids.get(main).map_or(0, |pid| ahead(run.events, *pid));
    let amount = Amount::of(&first, &second, steps(&one).max(steps(&two)));
    let owners = owners(&of_a, &of_b, By::Function);
    let (added, gone) = regions::of_runs(&of_a, &of_b);
    let told =
        Telling { a: &first, b: &second, amount, parting: parting.as_ref(), placement: placement.as_ref() };
    let headline = told.headline(one.len() as u64, &owners);
    let mut sentences = told.sentences(one.len() as u64, &hunks);
    let doubts = a.doubts.iter().chain(b.doubts);
    sentences.extend(doubts.map(|text| Sentence { evidence: Evidence::Unknown, text: plain(text) }));
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

/// The latest mark of the first run at which live bytes were measured, and which the second run has, too: only these are
/// of the same moment.
fn common_mark(a: &[Event], b: &[Event]) -> Option<String> {
    let named = |event: &Event| match &event.kind {
        EventKind::Marked { name, live: Some(_), .. } => Some(name.clone()),
        _ => None,
    };
    a.iter().rev().filter_map(named).find(|name| b.iter().filter_map(named).any(|other| other == *name))
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

/// What the words are made from.
struct Telling<'a> {
    a: &'a Side,
    b: &'a Side,
    amount: Amount,
    parting: Option<&'a Parting>,
    placement: Option<&'a Placement>,
}

impl Telling<'_> {
    fn headline(&self, steps: u64, owners: &[Owner]) -> String {
        let amount = match self.amount.verdict {
            Verdict::Same => "Same amount",
            Verdict::Other => "Other amount",
            Verdict::Unclear => "Perhaps the same amount",
        };
        let more = self.more(owners);
        match (self.placement, self.parting) {
            (Some(placement), _) => {
                format!(
                    "{amount}, other place, from {} on: {}.{more}",
                    numbers(placement),
                    instead(placement)
                )
            }
            (None, Some(parting)) => {
                let place = if self.is_other_place() { ", other place" } else { "" };
                let end =
                    if parting.a.is_none() || parting.b.is_none() { " when one of them ends" } else { "" };
                format!("{amount}{place}; the runs part{end} {}.{more}", at(parting))
            }
            (None, None) => format!(
                "The runs do not part: the same {} in the same order, {} in {}.",
                count(steps, "event"),
                format_args!("{} {}", size(self.amount.a), self.amount.counted()),
                if self.amount.a == self.amount.b {
                    "both".to_owned()
                } else {
                    format!("A, {} in B", size(self.amount.b))
                },
            ),
        }
    }

    /// Who has what is more, in a sentence behind the headline.
    fn more(&self, owners: &[Owner]) -> String {
        if self.amount.verdict != Verdict::Other {
            return String::new();
        }
        let (a, b) = (self.amount.a, self.amount.b);
        let (who, than) = if b > a { ("B", "A") } else { ("A", "B") };
        let far = size(a.abs_diff(b));
        let counted = self.amount.counted();
        let owner = owners.iter().find(|owner| owner.difference != 0 && (owner.difference > 0) == (b > a));
        let most = owner.map(|owner| {
            format!(", most of it got by {} ({})", owner.place, size(owner.difference.unsigned_abs()))
        });
        format!(" {who} has {far} more {counted} than {than}{}.", most.unwrap_or_default())
    }

    /// Whether only one has fallbacks, or their bytes differ by more than chance.
    fn is_other_place(&self) -> bool {
        let (a, b) = (self.a.fallback(), self.b.fallback());
        (a == 0) != (b == 0) || a.abs_diff(b) > self.amount.tolerance
    }

    fn sentences(&self, steps: u64, hunks: &[Hunk]) -> Vec<Sentence> {
        let mut out = vec![self.amount.sentence()];
        let place = |side: &Side| {
            format!(
                "{} by the break, {} by fallbacks, {} in large blocks, {} refused",
                size(side.totals.heap),
                size(side.totals.fallback),
                size(side.totals.chunks),
                count(side.refused, "brk")
            )
        };
        let text = format!("Where it is: {} in A; {} in B.", place(self.a), place(self.b));
        out.push(Sentence { evidence: Evidence::Recorded, text });
        match self.parting {
            Some(parting) => out.push(Sentence { evidence: Evidence::Recorded, text: self.parted(parting) }),
            None => out.push(Sentence {
                evidence: Evidence::Recorded,
                text: format!(
                    "All {} are the same in both; the loader's calls are not compared.",
                    count(steps, "event")
                ),
            }),
        }
        if let Some(placement) = self.placement {
            self.placed(placement, &mut out);
        }
        if hunks.len() > 1 {
            let text = "Behind that they part again and again: one request that is met otherwise changes which later ones reach \
                        the kernel.";
            out.push(Sentence { evidence: Evidence::Inferred, text: text.to_owned() });
        }
        verdict::measured(self.a, self.b, "in both at a mark of the same name", &mut out);
        if self.a.attached || self.b.attached {
            let text = "A process that brkwater attached to had memory before, whose calls are not known.";
            out.push(Sentence { evidence: Evidence::Unknown, text: text.to_owned() });
        }
        out
    }

    fn parted(&self, parting: &Parting) -> String {
        let side = |told: &Option<super::Told>, side: &Side| match told {
            Some(told) => {
                let site = told.site.as_ref().map(|site| format!(", from {site}")).unwrap_or_default();
                format!("{} (event {}{site})", told.what, told.seq)
            }
            None => match &side.ending {
                Some(_) => "nothing more".to_owned(),
                None => "nothing that was recorded: its end is not in it".to_owned(),
            },
        };
        let (a, b) = (side(&parting.a, self.a), side(&parting.b, self.b));
        let before = count(parting.alike, "event");
        match parting.how {
            How::OtherAnswer => {
                format!(
                    "The same way for {before}; then the same request has another answer: in A {a}, in B {b}."
                )
            }
            How::OnlyA => format!(
                "The same way for {before}; then only A has {}: {a}. In B comes {b}.",
                count(parting.only_a, "event")
            ),
            How::OnlyB => format!(
                "The same way for {before}; then only B has {}: {b}. In A comes {a}.",
                count(parting.only_b, "event")
            ),
            How::Different => format!("The same way for {before}; then in A comes {a}, and in B {b}."),
        }
    }

    fn placed(&self, placement: &Placement, out: &mut Vec<Sentence>) {
        let (mover, other) = if placement.refused_is_a { ("B", "A") } else { ("A", "B") };
        let text = format!(
            "The same request is met in another way: {mover} moves the break, {} (event {}); {other} is refused, {} (event {}), \
             because {}.",
            placement.moved.what,
            placement.moved.seq,
            placement.refused.what,
            placement.refused.seq,
            placement.because
        );
        out.push(Sentence { evidence: Evidence::Recorded, text });
        if let Some((planted, evidence)) = &placement.planted {
            let who = planted.site.as_deref().unwrap_or("an unknown function");
            let text = format!("It was planted by {who}: {} (event {}).", planted.what, planted.seq);
            out.push(Sentence { evidence: *evidence, text });
        }
        if let Some((instead, len)) = &placement.instead {
            let text = format!(
                "{other} got {} by {} in its place (event {}).",
                size(*len),
                instead.what,
                instead.seq
            );
            out.push(Sentence { evidence: Evidence::Recorded, text });
        }
        if self.amount.verdict == Verdict::Same {
            let text = "What the break could not give came from mappings: it decides where memory lies, and made no difference \
                        to how much there is.";
            out.push(Sentence { evidence: Evidence::Inferred, text: text.to_owned() });
        }
    }
}

/// `event 41`, or `event 41 of A and 43 of B`.
fn both(a: Seq, b: Seq) -> String {
    if a == b { format!("event {a}") } else { format!("event {a} of A and {b} of B") }
}

fn numbers(placement: &Placement) -> String {
    let (moved, refused) = (placement.moved.seq, placement.refused.seq);
    if placement.refused_is_a { both(refused, moved) } else { both(moved, refused) }
}

fn at(parting: &Parting) -> String {
    match (&parting.a, &parting.b) {
        (Some(a), Some(b)) => format!("at {}", both(a.seq, b.seq)),
        (Some(a), None) => format!("at event {} of A", a.seq),
        (None, Some(b)) => format!("at event {} of B", b.seq),
        (None, None) => String::new(),
    }
}

/// `A moves the break, B maps 1 MiB instead, because a mapping stands at 0x… (planted by plant (t.c:7) at event 40)`.
fn instead(placement: &Placement) -> String {
    let (mover, other) = if placement.refused_is_a { ("B", "A") } else { ("A", "B") };
    let does = match &placement.instead {
        Some((_, len)) => format!("maps {} instead", size(*len)),
        None => "is refused".to_owned(),
    };
    let planted = placement.planted.as_ref().map(|(told, evidence)| {
        let who = told.site.as_deref().unwrap_or("an unknown function");
        let who = match (evidence, who.contains("inferred")) {
            (Evidence::Inferred, false) => format!("{who}, inferred,"),
            _ => who.to_owned(),
        };
        format!(" (planted by {who} at event {})", told.seq)
    });
    format!(
        "{mover} moves the break, {other} {does}, because {}{}",
        placement.because,
        planted.unwrap_or_default()
    )
}

//! The words for two runs: the headline, and the sentences that it rests on.
//!
//! Amount comes first and placement behind it, because the one does not follow from the other.

use super::Owner;
use super::parting::{How, Parting, Placement, Told};
use super::side::Side;
use super::verdict::{self, Amount, Verdict};
use crate::addr::Seq;
use crate::heap::story::Evidence;
use crate::report::explain::Sentence;
use crate::report::words::{count, size};

/// What the words are made from.
pub(super) struct Telling<'a> {
    pub(super) a: &'a Side,
    pub(super) b: &'a Side,
    pub(super) amount: &'a Amount,
    pub(super) parting: Option<&'a Parting>,
    pub(super) placement: Option<&'a Placement>,
    /// How many events of the first run are compared.
    pub(super) steps: u64,
    /// How often they were seen to part.
    pub(super) partings: usize,
}

impl Telling<'_> {
    pub(super) fn headline(&self, owners: &[Owner]) -> String {
        let amount = match self.amount.verdict {
            Verdict::Same => "Same amount",
            Verdict::Other => "Other amount",
            Verdict::Unclear => "Perhaps the same amount",
        };
        let outside = self.amount.arenas && self.amount.evidence == Evidence::Recorded;
        let amount = if outside { format!("{amount} outside of threads' arenas") } else { amount.to_owned() };
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
                let ended = |told: &Option<Told>| told.as_ref().is_none_or(|told| told.ends);
                let one = ended(&parting.a) != ended(&parting.b);
                let end = if one { " when one of them ends" } else { "" };
                format!("{amount}{place}; the runs part{end} {}.{more}", at(parting))
            }
            (None, None) => format!(
                "The runs do not part: the same {} in the same order, {} in {}.",
                count(self.steps, "event"),
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
            let by = size(owner.difference.unsigned_abs());
            format!(" The owner that has most more there is {}, by {by}.", owner.place)
        });
        format!(" {who} has {far} more {counted} than {than}.{}", most.unwrap_or_default())
    }

    /// Whether only one has fallbacks, or their bytes differ by more than chance.
    fn is_other_place(&self) -> bool {
        let (a, b) = (self.a.fallback(), self.b.fallback());
        (a == 0) != (b == 0) || a.abs_diff(b) > self.amount.tolerance
    }

    pub(super) fn sentences(&self) -> Vec<Sentence> {
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
                    count(self.steps, "event")
                ),
            }),
        }
        if let Some(placement) = self.placement {
            self.placed(placement, &mut out);
        }
        if self.partings > 1 {
            let text = "Behind that they part again and again: one request that is met otherwise changes which later ones reach \
                        the kernel.";
            out.push(Sentence { evidence: Evidence::Inferred, text: text.to_owned() });
        }
        verdict::measured(self.a, self.b, Some(self.amount), &mut out);
        if self.a.attached || self.b.attached {
            let text = "A process that brkwater attached to had memory before, whose calls are not known.";
            out.push(Sentence { evidence: Evidence::Unknown, text: text.to_owned() });
        }
        out
    }

    fn parted(&self, parting: &Parting) -> String {
        let side = |told: &Option<Told>, side: &Side| match told {
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
            let text = "What the break could not give came from mappings: what stands in its way decided where memory lies, and made no difference \
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

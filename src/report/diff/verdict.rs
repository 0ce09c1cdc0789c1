//! Whether there is as much on both sides, by what that is known, and how near is near enough.

use serde::{Deserialize, Serialize};

use super::named;
use super::side::Side;
use crate::report::Evidence;
use crate::report::explain::Sentence;
use crate::report::words::{self, size};

/// How an amount compares.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As much, within the tolerance.
    Same,
    /// More or less.
    Other,
    /// There is so little that a quarter of it could differ within the tolerance.
    Unclear,
}

/// Two amounts, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How they compare.
    pub verdict: Verdict,
    /// `measured` when malloc's books were read on both sides and this is what is live there, `recorded` when it is
    /// what calls show to be mapped for malloc.
    pub evidence: Evidence,
    /// Bytes of the first.
    pub a: u64,
    /// Bytes of the second.
    pub b: u64,
    /// Up to how many bytes of difference they are called the same.
    pub tolerance: u64,
    /// How many of these are what malloc may have got ahead of being asked.
    pub ahead: u64,
    /// Whether threads had arenas of their own, of which calls do not tell how much is used.
    pub arenas: bool,
    /// The moment at which it was measured, if it was: `snapshot end`.
    pub at: Option<String>,
}

impl Amount {
    /// Compares the sides; `ahead` is how much malloc may have got that nobody asked it for yet.
    ///
    /// The tolerance is a fiftieth of the larger amount, because two runs of one program differ by such a little when
    /// threads and sizes vary, and for what calls show `ahead` on top.
    pub(super) fn of(a: &Side, b: &Side, ahead: u64, mark: Option<&str>) -> Amount {
        let arenas = a.totals.arenas > 0 || b.totals.arenas > 0;
        let live = a.measured.live.zip(b.measured.live);
        let (evidence, (a, b), ahead) = match live {
            Some(live) => (Evidence::Measured, live, 0),
            None => (Evidence::Recorded, (a.mapped, b.mapped), ahead),
        };
        let tolerance = (a.max(b) / 50).saturating_add(ahead);
        let verdict = match a.abs_diff(b) {
            0 => Verdict::Same,
            far if far > tolerance => Verdict::Other,
            _ if tolerance.saturating_mul(4) > a.max(b) => Verdict::Unclear,
            _ => Verdict::Same,
        };
        let at = mark.filter(|_| live.is_some()).map(named::called);
        Amount { verdict, evidence, a, b, tolerance, ahead, arenas, at }
    }

    /// What is counted: `live in malloc's books at snapshot end`, `mapped for malloc`.
    pub(super) fn counted(&self) -> String {
        match (self.evidence, &self.at) {
            (Evidence::Measured, Some(at)) => format!("live in malloc's books at {at}"),
            (Evidence::Measured, None) => "live in malloc's books".to_owned(),
            _ if self.arenas => "mapped for malloc outside of threads' arenas".to_owned(),
            _ => "mapped for malloc".to_owned(),
        }
    }

    /// The verdict on two runs with its numbers.
    pub(super) fn sentence(&self) -> Sentence {
        let (a, b, counted) = (size(self.a), size(self.b), self.counted());
        let far = size(self.a.abs_diff(self.b));
        let why = match self.ahead {
            0 => "a fiftieth".to_owned(),
            ahead => format!(
                "a fiftieth, and the {} that malloc gets at a time, the last of which may be unused",
                size(ahead)
            ),
        };
        let tolerance = size(self.tolerance);
        match self.verdict {
            Verdict::Same if self.a == self.b => Sentence {
                evidence: self.evidence,
                text: format!("The same amount is {counted}: {a} in both."),
            },
            Verdict::Same => Sentence {
                evidence: self.evidence,
                text: format!(
                    "The same amount is {counted}: {a} in A, {b} in B. They differ by {far}; up to {tolerance} is called the \
                     same ({why})."
                ),
            },
            Verdict::Other => Sentence {
                evidence: self.evidence,
                text: format!(
                    "Not the same amount is {counted}: {a} in A, {b} in B. They differ by {far}, more than the {tolerance} \
                     that are called the same ({why})."
                ),
            },
            Verdict::Unclear => Sentence {
                evidence: Evidence::Unknown,
                text: format!(
                    "Whether the amount is the same is not known: {a} are {counted} in A, {b} in B, and so little cannot be \
                     told apart within {tolerance} ({why})."
                ),
            },
        }
    }
}

/// What was measured on both sides, or that it was not; of runs `amount` has told what is live already.
pub(super) fn measured(a: &Side, b: &Side, amount: Option<&Amount>, out: &mut Vec<Sentence>) {
    let mut say = |evidence, text: String| out.push(Sentence { evidence, text });
    let told = amount.is_some_and(|amount| amount.evidence == Evidence::Measured);
    let (at, last) = match amount {
        None => ("at both moments", ""),
        Some(_) => ("in both at a mark of the same name", ", as last measured"),
    };
    match a.measured.live.zip(b.measured.live) {
        Some(_) if told => {}
        Some((one, two)) => say(
            Evidence::Measured,
            format!(
                "Live in malloc's books: {} in A, {} in B ({}).",
                size(one),
                size(two),
                words::change(one, two)
            ),
        ),
        None => say(
            Evidence::Unknown,
            format!(
                "How much of it is live was not measured {at}: \"mark\" and \"snapshot\" at a stop measure it."
            ),
        ),
    }
    if let Some((one, two)) = a.measured.resident.zip(b.measured.resident) {
        let text =
            format!("Resident{last}: {} in A, {} in B ({}).", size(one), size(two), words::change(one, two));
        say(Evidence::Measured, text);
    }
    if a.totals.arenas > 0 || b.totals.arenas > 0 {
        let text = format!(
            "Arenas of threads have {} reserved in A, {} in B; how much of that they use no recorded call tells.",
            size(a.totals.arenas),
            size(b.totals.arenas)
        );
        say(Evidence::Unknown, text);
    }
}

//! One program, run as it is and run without what stands in the way of its break: what is the same and what is not.
//!
//! Where memory lies and how much of it there is are two things, and only running both ways tells them apart; so this
//! says plainly when the blocker made no difference to the amount. Both runs are seen by the same means, up to the same
//! place; where that was not reached in both, it says so before anything else.

use serde::{Deserialize, Serialize};

use super::explain::Sentence;
use super::tables::Table;
use super::totals::{Resident, Totals};
use super::words::{self, count, size};
use super::{Amounts, Evidence};
use crate::event::Label;

/// The comparison; its JSON has the schema `brkwater.comparison/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Always [`Comparison::SCHEMA`].
    pub schema: String,
    /// The answer in one line.
    pub headline: String,
    /// What it rests on.
    pub sentences: Vec<Sentence>,
    /// The program as it is.
    pub with: Totals,
    /// The program without the blocker.
    pub without: Totals,
}

/// How much two runs of one program may differ by chance and be called the same: a fiftieth, and so many bytes.
const CHANCE: u64 = 256 << 10;

impl Comparison {
    /// The schema's name and version.
    pub const SCHEMA: &'static str = "brkwater.comparison/1";

    /// Compares two runs.
    #[must_use]
    pub fn of(with: Totals, without: Totals) -> Comparison {
        let mut sentences = Vec::new();
        let mut say = |evidence, text: String| sentences.push(Sentence { evidence, text });
        if with.at != without.at {
            let text = format!(
                "The two runs were not looked at in the same place: \"{}\" as it is, \"{}\" without the blocker. Amounts are of \
                 different moments.",
                with.at, without.at
            );
            say(Evidence::Unknown, text);
        }
        skipped(&without, &mut say);
        placement(&with, &without, &mut say);
        amount(&with, &without, &mut say);
        given_back(&with, &without, &mut say);
        let headline = headline(&with, &without);
        Comparison { schema: Comparison::SCHEMA.to_owned(), headline, sentences, with, without }
    }

    /// The text for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut table = Table::new(&["", "as it is", "without the blocker"], 2);
        for (title, of) in ROWS {
            let cells = [&self.with, &self.without]
                .map(|totals| of(totals).unwrap_or_else(|| "not known".to_owned()));
            let [with, without] = cells;
            table.row([(*title).to_owned(), with, without]);
        }
        let mut text = format!("{}\n\n{}\n", self.headline, table.text());
        for (number, sentence) in (1..).zip(&self.sentences) {
            text.push_str(&format!("{number:2}. {} {}\n", sentence.evidence, sentence.text));
        }
        text
    }
}

/// A line of the table: what it is, and how it is said; nothing where it was not measured.
type Row = (&'static str, fn(&Totals) -> Option<String>);

const ROWS: &[Row] = &[
    ("looked at", |of| Some(of.at.clone())),
    ("brks refused", |of| Some(of.refused.to_string())),
    ("got by brk", |of| Some(size(of.asked(Label::BrkGrow)))),
    ("got by mmap instead", |of| Some(size(fallback(of)))),
    ("given back to the kernel", |of| Some(size(of.got_and_given_back().1))),
    ("mapped for malloc at most", |of| Some(size(of.peak))),
    ("live in malloc's books", |of| of.heap.map(|heap| size(live(&heap)))),
    ("free there (bins, caches, top)", |of| of.heap.map(|heap| size(idle(&heap)))),
    ("regions", |of| of.heap.map(|_| of.regions.to_string())),
    ("resident", |of| of.resident.map(|Resident { now, .. }| size(now))),
    ("resident at most", |of| of.resident.map(|Resident { peak, .. }| size(peak))),
];

fn fallback(of: &Totals) -> u64 {
    of.asked(Label::Fallback) + of.asked(Label::FallbackNoBrk)
}

fn live(heap: &Amounts) -> u64 {
    heap.live.saturating_add(heap.mmapped)
}

fn idle(heap: &Amounts) -> u64 {
    heap.free.saturating_add(heap.cached).saturating_add(heap.top)
}

/// Whether two amounts are the same but for chance.
fn same(a: u64, b: u64) -> bool {
    a.abs_diff(b) <= (a.max(b) / 50).saturating_add(CHANCE)
}

/// `4.1 MiB more` of the first, `12 bytes less`.
fn difference(a: u64, b: u64) -> String {
    match a >= b {
        true => format!("{} more", size(a - b)),
        false => format!("{} less", size(b - a)),
    }
}

fn skipped(without: &Totals, say: &mut impl FnMut(Evidence, String)) {
    let Some(first) = without.skipped.first() else { return };
    let by = first.by.as_deref().unwrap_or("an unknown function");
    let more = match without.skipped.len() {
        1 => String::new(),
        many => format!(", and {} behind it", count(many as u64 - 1, "other call")),
    };
    let text = format!(
        "In the second run the mapping of {} by {by} was skipped, and the program was told that it was made{more}.",
        first.span
    );
    say(Evidence::Recorded, text);
    if without.skipped.iter().any(|skipped| skipped.writable) {
        let text = "The page was asked for to be written to: in the second run there is nothing in its place, or the heap, so \
                    a program that uses it goes wrong there.";
        say(Evidence::Inferred, text.to_owned());
    }
}

fn placement(with: &Totals, without: &Totals, say: &mut impl FnMut(Evidence, String)) {
    let told = |of: &Totals| {
        format!(
            "{} refused, {} by brk, {} by mmap",
            count(of.refused, "brk"),
            size(of.asked(Label::BrkGrow)),
            size(fallback(of))
        )
    };
    let text = format!("Where it came from: {} as it is; {} without the blocker.", told(with), told(without));
    say(Evidence::Recorded, text);
}

fn amount(with: &Totals, without: &Totals, say: &mut impl FnMut(Evidence, String)) {
    let (Some(a), Some(b)) = (with.heap, without.heap) else {
        let text = "How much was live is not known of both: a run that has ended cannot be read.";
        return say(Evidence::Unknown, text.to_owned());
    };
    let (a, b) = (live(&a), live(&b));
    let text = match same(a, b) {
        true => {
            let (a, b) = (size(a), size(b));
            let why = if without.skipped.is_empty() { "" } else { NO_DIFFERENCE };
            format!("The same amount is live: {a} as it is, {b} without the blocker.{why}")
        }
        false => format!(
            "As it is {} are live, {} than the {} without the blocker: the program itself did something else.",
            size(a),
            difference(a, b),
            size(b)
        ),
    };
    say(Evidence::Measured, text);
}

const NO_DIFFERENCE: &str = " The blocker makes no difference to how much the program keeps.";

fn given_back(with: &Totals, without: &Totals, say: &mut impl FnMut(Evidence, String)) {
    let (back, other) = (with.got_and_given_back().1, without.got_and_given_back().1);
    let text = match same(back, other) {
        true if back == other => format!("As much went back to the kernel: {}.", size(back)),
        true => format!("About as much went back to the kernel: {} and {}.", size(back), size(other)),
        false => format!(
            "{} went back to the kernel as it is, {} without the blocker: free() lowers the break only while the top chunk \
             touches it.",
            size(back),
            size(other)
        ),
    };
    say(Evidence::Recorded, text);
    let (Some(a), Some(b)) = (with.resident, without.resident) else { return };
    let judged = |a, b| if same(a, b) { "no difference".to_owned() } else { difference(a, b) };
    let text = format!(
        "Resident: {} as it is, {} without the blocker ({}); at most {} and {} ({}).",
        size(a.now),
        size(b.now),
        judged(a.now, b.now),
        size(a.peak),
        size(b.peak),
        judged(a.peak, b.peak)
    );
    say(Evidence::Measured, text);
}

fn headline(with: &Totals, without: &Totals) -> String {
    if without.skipped.is_empty() {
        return "Nothing was skipped: no call of the second run would have mapped anything in the way of the break, so the two \
                runs differ by chance only."
            .to_owned();
    }
    if with.at != without.at {
        return "The two runs did not come to the same place, so they cannot be compared.".to_owned();
    }
    let amounts = with.heap.zip(without.heap).map(|(a, b)| (live(&a), live(&b)));
    let resident = with.resident.zip(without.resident).map(|(a, b)| (a.now, b.now));
    match (amounts, resident) {
        (Some((a, b)), _) if !same(a, b) => {
            format!(
                "The program keeps {} live with the blocker, {} than without it.",
                size(a),
                difference(a, b)
            )
        }
        (Some((a, _)), Some((now, then))) if !same(now, then) => format!(
            "The blocker makes no difference to how much is live ({}), but to what is given back: {} resident with it, {} \
             without.",
            size(a),
            size(now),
            size(then)
        ),
        (Some((a, _)), _) => format!(
            "The blocker makes no difference to the amount: {} are live with it and without it. It decides where memory lies.",
            size(a)
        ),
        _ => format!(
            "Both runs have ended: {} were mapped for malloc at most with the blocker, {} without it.",
            words::size(with.peak),
            words::size(without.peak)
        ),
    }
}

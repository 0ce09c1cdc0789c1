//! A comparison as text for people: the answer, what each side has, who has it, regions, where they part, the sentences.

use super::{Change, Diff, How, Of, Owner, Share, Side, Told};
use crate::addr::human_size;
use crate::report::escape::plain;
use crate::report::tables::{Table, label_word};
use crate::report::words::{self, count, moment};

/// Rows of owners and of regions that are shown.
const ROWS: usize = 12;
/// Frames of a stack that are shown.
const FRAMES: usize = 12;

pub(super) fn text(diff: &Diff) -> String {
    let mut text = format!("{}\n\n", diff.headline);
    for (letter, side) in [("A", &diff.a), ("B", &diff.b)] {
        text.push_str(&format!("{letter}: {}\n", about(side, diff.of)));
    }
    text.push_str(&format!("\n{}", amounts(&diff.a, &diff.b)));
    for pair in &diff.others {
        let mapped = |side: &Option<Side>| {
            side.as_ref().map_or_else(|| "not there".to_owned(), |side| human_size(side.mapped))
        };
        let (number, a, b) = (pair.process + 1, mapped(&pair.a), mapped(&pair.b));
        text.push_str(&format!("process {number} of the run: {a} mapped for malloc in A, {b} in B\n"));
    }
    if !diff.owners.is_empty() {
        text.push_str(&format!("\n{}", owners(&diff.owners)));
    }
    let (added, gone) = match diff.of {
        Of::Moments => ("added", "gone"),
        Of::Runs => ("only in B", "only in A"),
    };
    text.push_str(&changes(added, &diff.added));
    text.push_str(&changes(gone, &diff.gone));
    if let Some(parting) = &diff.parting {
        let how = match parting.how {
            How::OtherAnswer => "the same request, another answer".to_owned(),
            How::OnlyA => format!("{} only in A", count(parting.only_a, "event")),
            How::OnlyB => format!("{} only in B", count(parting.only_b, "event")),
            How::Different => "other events".to_owned(),
        };
        let thread = match (parting.process, parting.thread) {
            (0, 0) => String::new(),
            (process, thread) => format!(" (process {}, thread {})", process + 1, thread + 1),
        };
        text.push_str(&format!("\nthe runs part{thread}: {how}\n"));
        text.push_str(&told("A", parting.a.as_ref(), &diff.a));
        text.push_str(&told("B", parting.b.as_ref(), &diff.b));
    }
    text.push('\n');
    for (number, sentence) in (1..).zip(&diff.sentences) {
        text.push_str(&format!("{number:2}. {} {}\n", sentence.evidence, sentence.text));
    }
    text
}

fn about(side: &Side, of: Of) -> String {
    let name = plain(&side.name);
    match of {
        Of::Moments if side.name == format!("event {}", side.seq) => format!("{name}, {}", moment(side.t)),
        Of::Moments => format!("{name}, event {}, {}", side.seq, moment(side.t)),
        Of::Runs => {
            let program = match side.program.as_str() {
                "" => "an unknown program".to_owned(),
                program => plain(program),
            };
            let end = side.ending.clone().unwrap_or_else(|| format!("Recorded until {}", moment(side.t)));
            format!("{name}: {program}, {}. {end}.", count(side.calls, "memory call"))
        }
    }
}

/// A line of the table: what it is, and how much of it; nothing where it was not measured.
type Row = (&'static str, fn(&Side) -> Option<u64>);

const BYTES: &[Row] = &[
    ("break", |side| Some(side.totals.heap)),
    ("fallbacks", |side| Some(side.totals.fallback)),
    ("large blocks", |side| Some(side.totals.chunks)),
    ("mapped for malloc", |side| Some(side.mapped)),
    ("arenas, reserved", |side| Some(side.totals.arenas).filter(|bytes| *bytes > 0)),
    ("thread stacks", |side| Some(side.totals.stacks).filter(|bytes| *bytes > 0)),
    ("given back so far", |side| Some(side.given_back)),
    ("live, measured", |side| side.measured.live),
    ("free there, measured", |side| side.measured.idle),
    ("resident", |side| side.measured.resident),
];

const COUNTS: &[Row] =
    &[("brks refused", |side| Some(side.refused)), ("blockers", |side| Some(side.blockers))];

fn amounts(a: &Side, b: &Side) -> String {
    let mut table = Table::new(&["", "A", "B", "difference"], 3);
    for (rows, shown) in [(BYTES, human_size as fn(u64) -> String), (COUNTS, |number| number.to_string())] {
        for (title, of) in rows {
            let (one, two) = (of(a), of(b));
            if one.is_none() && two.is_none() {
                continue;
            }
            let cell = |value: Option<u64>| value.map_or_else(|| "?".to_owned(), shown);
            let difference =
                one.zip(two).map_or_else(|| "?".to_owned(), |(one, two)| signed(one, two, shown));
            table.row([(*title).to_owned(), cell(one), cell(two), difference]);
        }
    }
    table.text()
}

fn signed(a: u64, b: u64, shown: fn(u64) -> String) -> String {
    match a.cmp(&b) {
        std::cmp::Ordering::Equal => "0".to_owned(),
        std::cmp::Ordering::Less => format!("+{}", shown(b - a)),
        std::cmp::Ordering::Greater => format!("-{}", shown(a - b)),
    }
}

fn owners(owners: &[Owner]) -> String {
    let mut table = Table::new(&["mapped, by who asked", "A", "B", "difference", "calls"], 3);
    for owner in owners.iter().take(ROWS) {
        let (a, b) = (owner.a.mapped, owner.b.mapped);
        let inferred = if owner.inferred { " [inferred]" } else { "" };
        let below = if owner.below.is_empty() { String::new() } else { format!(", {}", owner.below) };
        table.row([
            format!("{}{inferred}{below}", owner.place),
            human_size(a),
            human_size(b),
            signed(a, b, human_size),
            kinds(&owner.a, &owner.b),
        ]);
    }
    let mut text = table.text();
    if let Some(rest) = owners.get(ROWS..).filter(|rest| !rest.is_empty()) {
        text.push_str(&format!("and {} more\n", rest.len()));
    }
    text
}

/// `A: brk-grow ×3; B: fallback ×2`, or `fallback ×2` where both have the same.
fn kinds(a: &Share, b: &Share) -> String {
    let told = |share: &Share| {
        let each = share.by.iter().map(|(label, calls)| format!("{} ×{calls}", label_word(*label)));
        each.collect::<Vec<_>>().join(", ")
    };
    match (told(a), told(b)) {
        (a, b) if a == b => a,
        (a, b) if a.is_empty() => format!("B: {b}"),
        (a, b) if b.is_empty() => format!("A: {a}"),
        (a, b) => format!("A: {a}; B: {b}"),
    }
}

fn changes(title: &str, changes: &[Change]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["", "size", "", "what", "who asked, or where"], 2);
    for change in changes.iter().take(ROWS) {
        let times = if change.count > 1 { format!("×{}", change.count) } else { String::new() };
        let each = change.bytes / change.count.max(1);
        let span = change.span.map(|span| span.to_string());
        let who = match (&change.who, span, change.seq) {
            (Some(who), Some(span), Some(seq)) => format!("{who}, {span}, event {seq}"),
            (Some(who), ..) => who.clone(),
            (None, Some(span), _) => span,
            (None, None, _) => String::new(),
        };
        table.row([title.to_owned(), human_size(each), times, change.kind.word().to_owned(), who]);
    }
    let mut text = format!("\n{}", table.text());
    if let Some(rest) = changes.get(ROWS..).filter(|rest| !rest.is_empty()) {
        let bytes = rest.iter().map(|change| change.bytes).fold(0, u64::saturating_add);
        let kinds = rest.iter().map(|change| change.count).fold(0, u64::saturating_add);
        text.push_str(&format!("and {} more, {}\n", count(kinds, "region"), words::size(bytes)));
    }
    text
}

fn told(letter: &str, told: Option<&Told>, side: &Side) -> String {
    let Some(told) = told else {
        let end = side.ending.as_deref().unwrap_or("its recording ends here");
        return format!("  {letter}: nothing more ({end})\n");
    };
    let label = told.label.map(|label| format!("  [{}]", label_word(label))).unwrap_or_default();
    let site = told.site.as_ref().map(|site| format!("  {site}")).unwrap_or_default();
    let mut text =
        format!("  {letter}: event {}, {}  {}{label}{site}\n", told.seq, moment(told.t), told.what);
    for (level, frame) in told.stack.iter().take(FRAMES).enumerate() {
        let name =
            if frame.function.is_some() { format!(" in {}", words::place(frame)) } else { String::new() };
        text.push_str(&format!("       #{level:<2} {}{name}\n", frame.address));
    }
    if told.stack.len() > FRAMES {
        let more = count((told.stack.len() - FRAMES) as u64, "frame");
        text.push_str(&format!("       ({more} more)\n"));
    }
    text
}

//! Regions that one side has and the other has not.
//!
//! Between two moments a region is known by its addresses and by the call that made it. Between two runs addresses mean
//! nothing: there a region is known by what it is, how large it is and who asked for it, and equal ones are counted. The
//! heap itself, the program, its libraries and its stack are not listed between runs: both have them, and the amounts say
//! how large the heap is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::addr::{Seq, Span};
use crate::heap::story::{Layout, Owner, Region, RegionKind, Story};
use crate::report::words;

/// Equal regions that only one side has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What they are.
    pub kind: RegionKind,
    /// How many.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Where it is, when it is one.
    pub span: Option<Span>,
    /// Who asked for them.
    pub who: Option<String>,
    /// The event of the first that was seen.
    pub seq: Option<Seq>,
}

/// What is equal among regions of one list.
type Key = (RegionKind, u64, Option<String>);

/// What the later of two moments has more, and what it has no more; largest first.
pub(super) fn between(a: &Story, b: &Story) -> (Vec<Change>, Vec<Change>) {
    (only_in(b, a), only_in(a, b))
}

/// What is mapped in `story` and was not, or by another call, in `other`.
fn only_in(story: &Story, other: &Story) -> Vec<Change> {
    let layout = story.layout(None);
    let there: Vec<(Span, &Owner)> = other.pieces().collect();
    let mut spans: Vec<(Span, &Owner)> = Vec::new();
    for (span, owner) in story.pieces() {
        let from = there.partition_point(|(piece, _)| piece.end <= span.start);
        let same = there.iter().skip(from).take_while(|(piece, _)| piece.start < span.end);
        let mut rest = vec![span];
        for (piece, _) in same.filter(|(_, known)| is_same(owner, known)) {
            rest = rest.into_iter().flat_map(|part| part.without(*piece).collect::<Vec<_>>()).collect();
        }
        for part in rest {
            push(&mut spans, &layout, part, owner);
        }
    }
    let mut all: BTreeMap<Key, Change> = BTreeMap::new();
    for (span, owner) in spans {
        let Some(region) = layout.at(span.start) else { continue };
        let asked = owner.asked();
        let who = asked.and_then(|asked| asked.caller()).or(region.site.as_ref()).map(words::place);
        count(&mut all, region.kind, span, who, asked.map(|asked| asked.seq));
    }
    sorted(all)
}

/// The heap grows by pieces that touch; they are one to a reader.
fn push<'a>(spans: &mut Vec<(Span, &'a Owner)>, layout: &Layout, part: Span, owner: &'a Owner) {
    let is_heap = layout.at(part.start).is_some_and(|region| region.kind == RegionKind::Heap);
    match spans.last_mut() {
        Some((last, _)) if is_heap && last.end == part.start => last.end = part.end,
        _ => spans.push((part, owner)),
    }
}

fn is_same(a: &Owner, b: &Owner) -> bool {
    match (a, b) {
        (Owner::Seen(a), Owner::Seen(b)) => a.seq == b.seq,
        (Owner::Before(a), Owner::Before(b)) => a == b,
        _ => false,
    }
}

fn count(
    all: &mut BTreeMap<Key, Change>,
    kind: RegionKind,
    span: Span,
    who: Option<String>,
    seq: Option<Seq>,
) {
    let change = all.entry((kind, span.len(), who.clone())).or_insert_with(|| Change {
        kind,
        count: 0,
        bytes: 0,
        span: Some(span),
        who,
        seq,
    });
    change.count += 1;
    change.bytes = change.bytes.saturating_add(span.len());
    if change.count > 1 {
        change.span = None;
    }
}

/// What only the second of two runs has, and what only the first has; largest first.
pub(super) fn of_runs(a: &Story, b: &Story) -> (Vec<Change>, Vec<Change>) {
    let (mut first, mut second) = (listed(a), listed(b));
    for (key, change) in &mut first {
        if let Some(other) = second.get_mut(key) {
            let both = change.count.min(other.count);
            change.less(both, key.1);
            other.less(both, key.1);
        }
    }
    (sorted(second), sorted(first))
}

fn listed(story: &Story) -> BTreeMap<Key, Change> {
    use RegionKind::{Data, Gap, Heap, Library, Program, Stack, Vdso};
    let layout = story.layout(None);
    let mut all = BTreeMap::new();
    let own = |region: &&Region| !matches!(region.kind, Gap | Program | Data | Heap | Library | Stack | Vdso);
    for region in layout.regions.iter().filter(own) {
        let who = region.site.as_ref().map(|site| {
            // Lines move when a source is changed.
            let known = crate::event::StackFrame { line: None, module: None, ..site.clone() };
            if known.function.is_some() { words::place(&known) } else { "code without a name".to_owned() }
        });
        count(&mut all, region.kind, region.span, who, region.seq);
    }
    all
}

impl Change {
    fn less(&mut self, count: u64, size: u64) {
        self.count -= count;
        self.bytes = self.bytes.saturating_sub(count.saturating_mul(size));
    }
}

fn sorted(all: BTreeMap<Key, Change>) -> Vec<Change> {
    let mut all: Vec<Change> = all.into_values().filter(|change| change.count > 0).collect();
    all.sort_by(|x, y| y.bytes.cmp(&x.bytes).then(x.seq.cmp(&y.seq)));
    all
}

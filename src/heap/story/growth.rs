//! Who made memory grow: every call that got memory from the kernel, summed by site and by stack.
//!
//! *Asked* is what was got over time, *live* what of it is still mapped. Neither says how much of it malloc's
//! callers use: that is for the reader of the structures.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::{Asked, Owner, Story};
use crate::addr::{Addr, Seq};
use crate::event::{Label, StackFrame};

/// How many different sites, and how many different stacks, are told apart.
const KEPT: usize = 20_000;

/// The sums, as the story keeps them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Growth {
    sites: FxHashMap<(Label, SiteKey), Sum>,
    stacks: FxHashMap<(Label, Vec<Addr>), Sum>,
    other: Sum,
}

/// A site by what is printed of it, or by its address where it has no name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct SiteKey {
    function: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    address: Option<Addr>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Sum {
    count: u64,
    bytes: u64,
    first: Option<(Seq, f64)>,
    last: Option<(Seq, f64)>,
    site: Option<StackFrame>,
    inferred: bool,
    allocator: Option<String>,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrowthRow {
    /// What the calls were.
    pub label: Label,
    /// Where they came from: the recorded site, or the function that was inferred to have called last.
    pub site: Option<StackFrame>,
    /// Whether it was inferred ([`super::TailCall`]).
    pub inferred: bool,
    /// The allocator function of the latest of them.
    pub allocator: Option<String>,
    /// Return addresses, innermost first; empty in the table by site.
    pub stack: Vec<Addr>,
    /// How many calls.
    pub count: u64,
    /// Bytes got from the kernel.
    pub bytes: u64,
    /// Bytes of these that are still mapped.
    pub live: u64,
    /// The first call.
    pub first: Seq,
    /// When that was, in seconds.
    pub first_t: f64,
    /// The latest call.
    pub last: Seq,
    /// When that was.
    pub last_t: f64,
}

/// The tables, largest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GrowthView {
    /// By label and site.
    pub by_site: Vec<GrowthRow>,
    /// By label and whole stack.
    pub by_stack: Vec<GrowthRow>,
    /// Calls that were counted but not told apart, because there were too many different ones.
    pub other_calls: u64,
    /// Their bytes.
    pub other_bytes: u64,
}

pub(super) fn add(growth: &mut Growth, asked: &Asked, bytes: u64) {
    let site = (asked.label, SiteKey::of(asked.caller()));
    let stack = (asked.label, asked.stack.clone());
    if growth.sites.len() < KEPT || growth.sites.contains_key(&site) {
        growth.sites.entry(site).or_default().count(asked, bytes);
    } else {
        growth.other.count(asked, bytes);
    }
    if growth.stacks.len() < KEPT || growth.stacks.contains_key(&stack) {
        growth.stacks.entry(stack).or_default().count(asked, bytes);
    }
}

pub(super) fn view(story: &Story) -> GrowthView {
    let mut live_sites: FxHashMap<(Label, SiteKey), u64> = FxHashMap::default();
    let mut live_stacks: FxHashMap<(Label, &[Addr]), u64> = FxHashMap::default();
    for (span, owner) in story.pieces.iter() {
        if let Owner::Seen(asked) = owner
            && !story.is_inherited(asked.seq)
        {
            *live_sites.entry((asked.label, SiteKey::of(asked.caller()))).or_default() += span.len();
            *live_stacks.entry((asked.label, asked.stack.as_slice())).or_default() += span.len();
        }
    }
    let sites = story.growth.sites.iter();
    let stacks = story.growth.stacks.iter();
    GrowthView {
        by_site: sorted(sites.map(|(key, sum)| {
            let live = live_sites.get(key).copied().unwrap_or(0);
            sum.row(key.0, Vec::new(), live)
        })),
        by_stack: sorted(stacks.map(|((label, stack), sum)| {
            let live = live_stacks.get(&(*label, stack.as_slice())).copied().unwrap_or(0);
            sum.row(*label, stack.clone(), live)
        })),
        other_calls: story.growth.other.count,
        other_bytes: story.growth.other.bytes,
    }
}

fn sorted(rows: impl Iterator<Item = GrowthRow>) -> Vec<GrowthRow> {
    let mut rows: Vec<GrowthRow> = rows.collect();
    rows.sort_by(|a, b| {
        b.bytes.cmp(&a.bytes).then(a.first.cmp(&b.first)).then_with(|| a.stack.cmp(&b.stack))
    });
    rows
}

impl SiteKey {
    fn of(site: Option<&StackFrame>) -> SiteKey {
        let Some(site) = site else { return SiteKey::default() };
        SiteKey {
            function: site.function.clone(),
            file: site.file.clone(),
            line: site.line,
            address: site.function.is_none().then_some(site.address),
        }
    }
}

impl Sum {
    fn count(&mut self, asked: &Asked, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.first.get_or_insert((asked.seq, asked.t));
        self.last = Some((asked.seq, asked.t));
        // Of one site there are many calls: most bring nothing new.
        if self.site.as_ref() != asked.caller() {
            self.site = asked.caller().cloned();
        }
        self.inferred = asked.tail.is_some();
        self.allocator.clone_from(&asked.allocator);
    }

    fn row(&self, label: Label, stack: Vec<Addr>, live: u64) -> GrowthRow {
        let (first, first_t) = self.first.unwrap_or_default();
        let (last, last_t) = self.last.unwrap_or_default();
        GrowthRow {
            label,
            site: self.site.clone(),
            inferred: self.inferred,
            allocator: self.allocator.clone(),
            stack,
            count: self.count,
            bytes: self.bytes,
            live,
            first,
            first_t,
            last,
            last_t,
        }
    }
}

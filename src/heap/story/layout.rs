//! The whole address space in order: every mapping with what it is for and who asked, and the gaps between.
//!
//! The kernel's list, where given, decides *what* is mapped; the story decides *whose* it is. One line of
//! `/proc/PID/maps` may so become many regions: requests that the kernel merged stay apart here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Asked, Break, Owner, Story};
use crate::addr::{Addr, Seq, Span};
use crate::event::{Call, Label, StackFrame};
use crate::maps::{Mapping, Perms};

/// What a region is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegionKind {
    /// The program's code and constants.
    Program,
    /// The program's variables.
    Data,
    /// Between the start of the break and the break.
    Heap,
    /// In the way of the break.
    Blocker,
    /// Main arena memory from mmap.
    Fallback,
    /// One large block with a mapping of its own.
    MmapChunk,
    /// A thread's arena; mostly reserved address space.
    Arena,
    /// A thread's stack.
    ThreadStack,
    /// The main stack.
    Stack,
    /// A mapped file other than the program, and what the loader put beside it.
    Library,
    /// The kernel's own pages (`[vdso]`, `[vvar]`).
    Vdso,
    /// Memory without a file that the program asked for itself.
    Anonymous,
    /// Memory without a file whose asking was not seen.
    Unknown,
    /// Nothing is mapped.
    Gap,
}

impl RegionKind {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RegionKind::Program => "program",
            RegionKind::Data => "data",
            RegionKind::Heap => "heap (brk)",
            RegionKind::Blocker => "BLOCKER",
            RegionKind::Fallback => "malloc fallback",
            RegionKind::MmapChunk => "mmapped chunk",
            RegionKind::Arena => "thread arena",
            RegionKind::ThreadStack => "thread stack",
            RegionKind::Stack => "stack",
            RegionKind::Library => "file",
            RegionKind::Vdso => "kernel",
            RegionKind::Anonymous => "anonymous",
            RegionKind::Unknown => "unknown",
            RegionKind::Gap => "unmapped gap",
        }
    }
}

/// A stretch of the address space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Where.
    pub span: Span,
    /// What.
    pub kind: RegionKind,
    /// Its rights; `None` for a gap, and where parts differ.
    pub perms: Option<Perms>,
    /// The file or the kernel's name; empty when it has none.
    pub name: String,
    /// What the call that made it was, if that was seen (of several the first).
    pub label: Option<Label>,
    /// That call's event.
    pub seq: Option<Seq>,
    /// When that was, in seconds.
    pub t: Option<f64>,
    /// Who asked; for a blocker its planter, inferred or not.
    pub site: Option<StackFrame>,
    /// The allocator function on that stack.
    pub allocator: Option<String>,
    /// How many seen calls made it; 0 when none was seen.
    pub requests: u64,
    /// Whether it is in the way of the break.
    pub blocks: bool,
    /// The kernel's line that it is a part of, where the kernel's list was given.
    pub vma: Option<Span>,
}

/// Sums over what is mapped now. Bytes throughout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Between the start of the break and the break.
    pub heap: u64,
    /// In live fallback mappings.
    pub fallback: u64,
    /// How many requests made these.
    pub fallback_requests: u64,
    /// How many of the kernel's lines hold them; 0 when its list was not given.
    pub fallback_vmas: u64,
    /// In live mappings of single large blocks.
    pub chunks: u64,
    /// How many requests made these.
    pub chunk_requests: u64,
    /// Reserved for thread arenas.
    pub arenas: u64,
    /// In thread stacks.
    pub stacks: u64,
    /// Everything that is mapped.
    pub mapped: u64,
}

/// The address space.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// Regions and gaps, lowest first, without overlap.
    pub regions: Vec<Region>,
    /// The program break.
    pub line: Break,
    /// How many brks were refused.
    pub refused: u64,
    /// Sums.
    pub totals: Totals,
}

impl Layout {
    /// The region that holds `at`; a gap counts as one.
    #[must_use]
    pub fn at(&self, at: Addr) -> Option<&Region> {
        let after = self.regions.partition_point(|region| region.span.start <= at);
        self.regions.get(after.checked_sub(1)?).filter(|region| region.span.contains(at))
    }
}

/// A stretch before neighbours are merged.
struct Part<'a> {
    span: Span,
    mapping: Option<&'a Mapping>,
    owner: Option<&'a Owner>,
}

pub(super) fn layout(story: &Story, maps: Option<&[Mapping]>) -> Layout {
    let parts = match maps {
        Some(maps) => kernel_parts(story, maps),
        None => own_parts(story),
    };
    let program = program_file(&parts);
    let mut regions: Vec<Region> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let beside = Beside { region: regions.last(), part: at.checked_sub(1).and_then(|at| parts.get(at)) };
        let region = region(story, part, program, &beside);
        match regions.last_mut() {
            Some(last) if joins(last, &region) => join(last, &region),
            _ => regions.push(region),
        }
    }
    let totals = totals(story, &regions);
    Layout { regions: with_gaps(regions), line: story.line, refused: story.refusals.count, totals }
}

/// Each of the kernel's lines, cut where the story knows different owners.
fn kernel_parts<'a>(story: &'a Story, maps: &'a [Mapping]) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(maps.len());
    for mapping in maps.iter().filter(|mapping| mapping.path != "[vsyscall]") {
        let mut from = mapping.span.start;
        for (piece, owner) in story.pieces.overlapping(mapping.span) {
            let inside = Span::new(piece.start.max(from), piece.end.min(mapping.span.end));
            let before = Span::new(from, inside.start);
            if !before.is_empty() {
                parts.push(Part { span: before, mapping: Some(mapping), owner: None });
            }
            parts.push(Part { span: inside, mapping: Some(mapping), owner: Some(owner) });
            from = inside.end;
        }
        let rest = Span::new(from, mapping.span.end);
        if !rest.is_empty() {
            parts.push(Part { span: rest, mapping: Some(mapping), owner: None });
        }
    }
    parts
}

fn own_parts(story: &Story) -> Vec<Part<'_>> {
    let all = story.pieces.iter().map(|(span, owner)| Part { span, mapping: None, owner: Some(owner) });
    all.filter(|part| part.base().is_none_or(|mapping| mapping.path != "[vsyscall]")).collect()
}

impl Part<'_> {
    /// The kernel's words for it: those of now, else those of the beginning.
    fn base(&self) -> Option<&Mapping> {
        self.mapping.or(match self.owner {
            Some(Owner::Before(mapping)) => Some(mapping),
            _ => None,
        })
    }
}

/// The program's file: the lowest one that is mapped.
fn program_file<'a>(parts: &'a [Part<'_>]) -> Option<&'a str> {
    parts.iter().find_map(|part| part.base().and_then(Mapping::file))
}

/// What stands right below a part.
struct Beside<'a> {
    region: Option<&'a Region>,
    part: Option<&'a Part<'a>>,
}

fn region(story: &Story, part: &Part<'_>, program: Option<&str>, beside: &Beside<'_>) -> Region {
    let asked = part.owner.and_then(Owner::asked);
    let blocks = is_in_way(story, part.span);
    let kind = kind(story, part, program, beside, blocks);
    let planter = asked.map(|asked| asked.planter()).and_then(|planter| planter.frame);
    let beside = beside.region.filter(|last| last.span.end == part.span.start && last.kind == kind);
    let name = match part.base().map(|mapping| mapping.path.as_str()) {
        None | Some("") if matches!(kind, RegionKind::Library | RegionKind::Data) => {
            beside.map(|last| last.name.clone()).unwrap_or_default()
        }
        path => path.unwrap_or_default().to_owned(),
    };
    Region {
        span: part.span,
        kind,
        perms: part.base().map(|mapping| mapping.perms).or(asked.map(|asked| asked.perms())),
        name,
        label: asked.map(|asked| asked.label),
        seq: asked.map(|asked| asked.seq),
        t: asked.map(|asked| asked.t),
        site: planter,
        allocator: asked.and_then(|asked| asked.allocator.clone()),
        requests: u64::from(asked.is_some()),
        blocks,
        vma: part.mapping.map(|mapping| mapping.span),
    }
}

fn is_in_way(story: &Story, span: Span) -> bool {
    story.blockers.iter().any(|blocker| blocker.removed.is_none() && blocker.span.overlaps(span))
}

fn kind(
    story: &Story,
    part: &Part<'_>,
    program: Option<&str>,
    beside: &Beside<'_>,
    blocks: bool,
) -> RegionKind {
    if story.heap_span().is_some_and(|heap| heap.overlaps(part.span)) && !is_user_map(part.owner) {
        return RegionKind::Heap;
    }
    let file = part.base().and_then(Mapping::file);
    match part.owner.and_then(Owner::asked) {
        Some(asked) => seen_kind(asked, file.is_some(), blocks),
        None => unseen_kind(story, part, file, program, beside, blocks),
    }
}

fn is_user_map(owner: Option<&Owner>) -> bool {
    matches!(owner.and_then(Owner::label), Some(Label::Blocker | Label::UserMap))
}

fn seen_kind(asked: &Asked, has_file: bool, blocks: bool) -> RegionKind {
    // Shared memory without a file is shown by the kernel as /dev/zero (deleted).
    let file = match asked.call {
        Call::Mmap { fd, .. } => fd >= 0,
        _ => has_file,
    };
    match asked.label {
        Label::BrkGrow | Label::ForeignSbrk => RegionKind::Heap,
        Label::Fallback | Label::FallbackNoBrk => RegionKind::Fallback,
        Label::MmapChunk | Label::MmapChunkResize => RegionKind::MmapChunk,
        Label::ArenaNew | Label::ArenaGrow | Label::ArenaShrink => RegionKind::Arena,
        Label::ThreadStack => RegionKind::ThreadStack,
        Label::Loader => RegionKind::Library,
        Label::Blocker => RegionKind::Blocker,
        _ if blocks && !file => RegionKind::Blocker,
        _ if file => RegionKind::Library,
        _ => RegionKind::Anonymous,
    }
}

fn unseen_kind(
    story: &Story,
    part: &Part<'_>,
    file: Option<&str>,
    program: Option<&str>,
    beside: &Beside<'_>,
    blocks: bool,
) -> RegionKind {
    let Some(base) = part.base() else { return RegionKind::Unknown };
    // A nameless writable mapping right behind a file's writable one is that file's bss.
    let below = beside.part.filter(|below| below.span.end == part.span.start);
    let behind_data =
        below.and_then(Part::base).is_some_and(|below| below.perms.write && below.file().is_some());
    let is_bss = |kind: RegionKind| {
        let last = beside.region.is_some_and(|last| last.kind == kind);
        last && behind_data && base.perms.write && !base.perms.shared
    };
    match (file, base.path.as_str()) {
        (Some(path), _) if Some(path) == program && base.perms.write => RegionKind::Data,
        (Some(path), _) if Some(path) == program => RegionKind::Program,
        (Some(_), _) => RegionKind::Library,
        (None, "[heap]") => RegionKind::Heap,
        (None, "[stack]") => RegionKind::Stack,
        (None, path) if path.starts_with("[v") => RegionKind::Vdso,
        _ if blocks => RegionKind::Blocker,
        _ if is_bss(RegionKind::Data) => RegionKind::Data,
        _ if is_bss(RegionKind::Library) => RegionKind::Library,
        _ if !story.attached && matches!(part.owner, Some(Owner::Before(_))) => RegionKind::Anonymous,
        _ => RegionKind::Unknown,
    }
}

/// Whether two neighbours are one thing to a reader: the parts of a file, of the heap, of the kernel's pages.
fn joins(last: &Region, next: &Region) -> bool {
    let touching = last.span.end == next.span.start && last.kind == next.kind && last.blocks == next.blocks;
    match next.kind {
        RegionKind::Program | RegionKind::Data | RegionKind::Library => touching && last.name == next.name,
        RegionKind::Heap | RegionKind::Vdso => touching,
        _ => false,
    }
}

fn join(last: &mut Region, next: &Region) {
    last.span.end = next.span.end;
    last.perms = last.perms.filter(|perms| Some(*perms) == next.perms);
    last.requests += next.requests;
    if last.seq.is_none() {
        (last.label, last.seq, last.t) = (next.label, next.seq, next.t);
        last.site.clone_from(&next.site);
        last.allocator.clone_from(&next.allocator);
    }
    if last.vma != next.vma {
        last.vma = None;
    }
}

fn with_gaps(regions: Vec<Region>) -> Vec<Region> {
    let mut all: Vec<Region> = Vec::with_capacity(regions.len() * 2);
    for region in regions {
        if let Some(last) = all.last().filter(|last| last.span.end < region.span.start) {
            all.push(Region::gap(Span::new(last.span.end, region.span.start)));
        }
        all.push(region);
    }
    all
}

impl Region {
    fn gap(span: Span) -> Region {
        Region {
            span,
            kind: RegionKind::Gap,
            perms: None,
            name: String::new(),
            label: None,
            seq: None,
            t: None,
            site: None,
            allocator: None,
            requests: 0,
            blocks: false,
            vma: None,
        }
    }
}

fn totals(story: &Story, regions: &[Region]) -> Totals {
    let of = |kind: RegionKind| regions.iter().filter(move |region| region.kind == kind);
    let bytes = |kind: RegionKind| of(kind).map(|region| region.span.len()).sum::<u64>();
    let requests = |kind: RegionKind| count(of(kind).filter_map(|region| region.seq));
    Totals {
        heap: story.heap_bytes(),
        fallback: bytes(RegionKind::Fallback),
        fallback_requests: requests(RegionKind::Fallback),
        fallback_vmas: count(of(RegionKind::Fallback).filter_map(|region| region.vma)),
        chunks: bytes(RegionKind::MmapChunk),
        chunk_requests: requests(RegionKind::MmapChunk),
        arenas: bytes(RegionKind::Arena),
        stacks: bytes(RegionKind::ThreadStack),
        mapped: regions.iter().map(|region| region.span.len()).sum(),
    }
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> u64 {
    items.collect::<BTreeSet<T>>().len() as u64
}

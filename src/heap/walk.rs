//! Walking the chunks of one region: every step checked, every loop bounded, damage survived.
//!
//! A chunk says how long it is, so one wrong size loses everything behind it. A walk therefore looks at the
//! next header before it believes a size, names the rule that was broken, and looks for the next place from which the chain holds again. It knows nothing of
//! arenas: where to begin, where to stop and which chunks are cached is told to it.

use rustc_hash::FxHashSet;

use super::glibc::{HEADER, Head, IS_MMAPPED, MINSIZE, NON_MAIN_ARENA, PREV_INUSE};
use super::read::Reader;
use super::rules::Rule;
use crate::addr::{Addr, PAGE};

/// Links that must hold in a row before a walk goes on behind damage.
const SURE: usize = 3;
/// How far behind damage a walk looks for the chain.
const REACH: u64 = 1 << 20;

/// Damage that is remembered of one region.
const MOST_DAMAGE: usize = 1000;

/// What a chunk is doing.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Handed out to the program (or malloc's own, such as a thread's tcache).
    Used,
    /// In a bin.
    Free,
    /// In a fastbin: free, but its neighbours do not know.
    Fast,
    /// In a thread's tcache.
    Tcache,
    /// The top of an arena: what the next request is cut from.
    Top,
    /// The end mark of a region.
    Fencepost,
}

/// One chunk, as a walk meets it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where its header is; the program's pointer is 16 bytes further on.
    pub address: Addr,
    /// Its size, header included.
    pub size: u64,
    /// What it is doing.
    pub state: State,
    /// `fd` and `bk`, for a chunk in a bin.
    pub links: Option<(Addr, Addr)>,
}

impl Chunk {
    /// What malloc returned for it.
    #[must_use]
    pub fn payload(&self) -> Addr {
        self.address.add(HEADER)
    }
}

/// A broken rule and where.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) at: Addr,
    pub(super) rule: Rule,
    pub(super) last_good: Option<Addr>,
}

/// Where to walk.
#[derive(Copy, Clone, Debug)]
pub(super) struct Bounds<'a> {
    /// The first chunk.
    pub(super) first: Addr,
    /// No chunk reaches beyond.
    pub(super) limit: Addr,
    /// The tops of the arenas that the region may belong to.
    pub(super) tops: &'a [Addr],
    /// Whether it is a main arena's region (two fenceposts end it) or a thread's heap.
    pub(super) main: bool,
    /// How much damage to walk around before giving up.
    pub(super) tolerance: usize,
}

/// How a walk ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// At a top chunk.
    Top,
    /// At fenceposts.
    Fencepost,
    /// At damage that it could not walk around, or that it was not to tolerate.
    Broken,
}

/// What a walk saw, beside the chunks that went to its sink.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// Behind the last chunk.
    pub(super) end: Addr,
    pub(super) ending: Ending,
    pub(super) damage: Vec<Damage>,
    /// Bytes between damage and the place where the chain holds again.
    pub(super) lost: u64,
}

/// Chunks in caches, sorted by address: they look used to their neighbours.
pub(super) type CachedChunks = [(Addr, State)];

/// Who is told of each chunk.
pub(super) type Sink<'a> = dyn FnMut(&Chunk) + 'a;

/// A place in the chain and the header that was read there.
type Place = (Addr, Option<Head>);

/// Walks one region and tells `sink` of each chunk, in order.
pub(super) fn walk(
    reader: &mut Reader<'_>,
    bounds: Bounds<'_>,
    cached: &CachedChunks,
    sink: &mut Sink<'_>,
) -> Course {
    let top = bounds.tops.iter().copied().filter(|top| *top >= bounds.first).min();
    reader.read_ahead_until(top.map_or(bounds.limit, |top| top.add(HEADER).page_up().min(bounds.limit)));
    let course = Course { end: bounds.first, ending: Ending::Broken, damage: Vec::new(), lost: 0 };
    let next_cached = cached.partition_point(|(at, _)| *at < bounds.first);
    let mut walker = Walker { bounds, cached, next_cached, course, last_good: None, breaks: 0 };
    walker.run(reader, sink);
    reader.read_ahead_until(Addr(u64::MAX));
    walker.course
}

struct Walker<'a> {
    bounds: Bounds<'a>,
    cached: &'a CachedChunks,
    next_cached: usize,
    course: Course,
    last_good: Option<Addr>,
    /// How often the chain was broken.
    breaks: usize,
}

/// What a header can be, before its size is believed.
enum Kind {
    Chunk,
    Top,
    Fencepost,
    Wrong,
}

impl Walker<'_> {
    fn run(&mut self, reader: &mut Reader<'_>, sink: &mut Sink<'_>) {
        let mut at = self.bounds.first;
        let mut head = reader.stream::<2>(at).map(Head::from);
        while let Some(here) = head {
            let found = match self.kind(at, here) {
                Kind::Chunk => self.chunk(reader, at, here, sink),
                Kind::Top => return self.top(at, here, sink),
                Kind::Fencepost => self.fencepost(reader, at, here, sink),
                Kind::Wrong => self.recover(reader, at, at, Rule::Size(here)).inspect(|(found, _)| {
                    self.course.lost += found.0 - at.0;
                }),
            };
            let Some(found) = found else { return };
            (at, head) = found;
        }
        self.note(at, Rule::Unreadable);
    }

    /// What the header at `at` can be. Where damage is tolerated a wrong owner does not make a size wrong.
    fn kind(&self, at: Addr, head: Head) -> Kind {
        match self.strict_kind(at, head) {
            Kind::Wrong if self.bounds.tolerance > 0 && self.is_foreign(head) => {
                self.strict_kind(at, Head { field: head.field & !(IS_MMAPPED | NON_MAIN_ARENA), ..head })
            }
            kind => kind,
        }
    }

    /// Whether the flags name another owner than this region's.
    fn is_foreign(&self, head: Head) -> bool {
        head.has(IS_MMAPPED | if self.bounds.main { NON_MAIN_ARENA } else { 0 })
    }

    fn strict_kind(&self, at: Addr, head: Head) -> Kind {
        let size = head.size();
        let room = self.bounds.limit.0.saturating_sub(at.0);
        if self.bounds.tops.contains(&at) {
            return Kind::Top;
        }
        if self.is_post(at, head) {
            return Kind::Fencepost;
        }
        // A chunk is always followed by another header: the top's or a fencepost's.
        let fits = size <= room.saturating_sub(HEADER);
        if size >= MINSIZE && size.is_multiple_of(16) && fits && !self.is_foreign(head) {
            Kind::Chunk
        } else {
            Kind::Wrong
        }
    }

    /// Tells the sink of the chunk at `at`; the next header, or where the walk goes on if that is damaged.
    fn chunk(&mut self, reader: &mut Reader<'_>, at: Addr, head: Head, sink: &mut Sink<'_>) -> Option<Place> {
        let size = head.size();
        // Read before the next header, which may move the window on.
        let links = reader.stream::<2>(at.add(HEADER)).map(|[fd, bk]| (Addr(fd), Addr(bk)));
        let next = at.add(size);
        let behind = reader.stream::<2>(next).map(Head::from);
        let believed = behind.is_some_and(|head| !matches!(self.kind(next, head), Kind::Wrong));
        if self.is_foreign(head) {
            self.note(at, Rule::Owner(head));
        }
        let mut chunk = Chunk { address: at, size, state: State::Used, links: None };
        let free = behind.filter(|behind| believed && !behind.has(PREV_INUSE));
        if let Some(state) = self.cached_at(at) {
            chunk.state = state;
        } else if let Some(Head { prev_size, .. }) = free {
            if prev_size == size {
                (chunk.state, chunk.links) = (State::Free, links);
            } else {
                self.note(at, Rule::PrevSize { size, prev_size });
            }
        }
        if believed {
            self.last_good = Some(at);
            self.course.end = next;
            sink(&chunk);
            return Some((next, behind));
        }
        let found = self.recover(reader, at, next, behind.map_or(Rule::Unreadable, Rule::Size));
        let resumed = found.map_or(next, |(found, _)| found);
        // The chain goes on inside what this chunk claimed: it is not as long as it says.
        chunk.size = size.min(resumed.0 - at.0);
        self.course.lost += resumed.0 - at.0 - chunk.size;
        self.course.end = resumed;
        sink(&chunk);
        found
    }

    /// The state of the cached chunk at `at`, if it is one; entries that were passed by are no chunks.
    fn cached_at(&mut self, at: Addr) -> Option<State> {
        while let Some((entry, state)) = self.cached.get(self.next_cached).copied() {
            if entry > at {
                return None;
            }
            self.next_cached += 1;
            if entry == at {
                return Some(state);
            }
            self.note(entry, Rule::Boundary);
        }
        None
    }

    fn top(&mut self, at: Addr, head: Head, sink: &mut Sink<'_>) {
        let room = self.bounds.limit.0.saturating_sub(at.0);
        let size = head.size();
        let wrong = size > room || size < MINSIZE || !size.is_multiple_of(16);
        if wrong {
            self.note(at, Rule::Top(head.field));
        } else if self.bounds.main && !at.add(size).0.is_multiple_of(PAGE) {
            self.note(at, Rule::TopEnd(head.field));
        }
        let size = if wrong { room } else { size };
        sink(&Chunk { address: at, size, state: State::Top, links: None });
        self.course.end = at.add(size);
        self.course.ending = Ending::Top;
    }

    /// Reads the end mark at `at`; where the walk goes on when it ends nothing.
    fn fencepost(
        &mut self,
        reader: &mut Reader<'_>,
        at: Addr,
        head: Head,
        sink: &mut Sink<'_>,
    ) -> Option<Place> {
        // Two, or three when the old top was too small to be freed (malloc.c, sysmalloc).
        let (mut end, mut posts) = (at, 0);
        let mut post = Some(head);
        while let Some(head) = post.filter(|head| posts < 3 && self.is_post(end, *head)) {
            (end, posts) = (end.add(HEADER), posts + 1);
            post = (head.size() != 0).then(|| reader.stream::<2>(end).map(Head::from)).flatten();
        }
        if posts < 2 && self.bounds.main {
            let found = self.recover(reader, at, at, Rule::Fencepost)?;
            self.course.lost += found.0.0 - at.0;
            return Some(found);
        }
        for i in 0..posts {
            let address = at.add(i * HEADER);
            sink(&Chunk { address, size: HEADER, state: State::Fencepost, links: None });
        }
        self.course.end = end;
        self.course.ending = Ending::Fencepost;
        None
    }

    /// Whether `head` is an end mark: sixteen bytes, or for the last of a thread's heap no size at all.
    fn is_post(&self, at: Addr, head: Head) -> bool {
        let terminal = !self.bounds.main && head.field == PREV_INUSE;
        at < self.bounds.limit && (head.size() == HEADER || terminal)
    }

    /// Notes damage and finds where the chain holds again: behind `good` if its size was wrong, else behind
    /// `bad`, the header that makes no sense.
    fn recover(&mut self, reader: &mut Reader<'_>, good: Addr, bad: Addr, rule: Rule) -> Option<Place> {
        self.last_good = (good != bad).then_some(good).or(self.last_good);
        self.note(bad, rule);
        self.breaks += 1;
        if self.breaks > self.bounds.tolerance {
            return None;
        }
        let found = self.resynchronise(reader, good.add(MINSIZE), bad)?;
        self.last_good = None;
        while self.cached.get(self.next_cached).is_some_and(|(at, _)| *at < found) {
            self.next_cached += 1;
        }
        Some((found, reader.stream::<2>(found).map(Head::from)))
    }

    /// The first address from `from` on where [`SURE`] links hold and lead past `bad`.
    fn resynchronise(&self, reader: &mut Reader<'_>, from: Addr, bad: Addr) -> Option<Addr> {
        let end = self.bounds.limit.min(bad.add(REACH));
        let mut broken = FxHashSet::default();
        let mut path = Vec::new();
        let mut at = from;
        while at < end {
            if reader.peek::<2>(at).is_none() {
                at = at.page_down().add(PAGE);
                continue;
            }
            path.clear();
            if self.chain_holds(reader, at, bad, &broken, &mut path) {
                return Some(at);
            }
            // What led into a dead end once need not be followed again: the search stays linear.
            broken.extend(path.iter().copied());
            at = at.add(16);
        }
        None
    }

    /// Whether a believable chain begins at `at`; its links go to `path`.
    fn chain_holds(
        &self,
        reader: &mut Reader<'_>,
        mut at: Addr,
        bad: Addr,
        broken: &FxHashSet<Addr>,
        path: &mut Vec<Addr>,
    ) -> bool {
        while path.len() < SURE || at <= bad {
            let Some(head) = reader.peek::<2>(at).map(Head::from) else { return false };
            if at == bad || broken.contains(&at) {
                return false;
            }
            path.push(at);
            let kind = self.strict_kind(at, head);
            let next = match kind {
                Kind::Top => return true,
                Kind::Wrong => return false,
                Kind::Fencepost => at.add(HEADER),
                Kind::Chunk => at.add(head.size()),
            };
            let Some(behind) = reader.peek::<2>(next).map(Head::from) else { return false };
            if matches!(kind, Kind::Fencepost) {
                return self.is_post(next, behind);
            }
            if !behind.has(PREV_INUSE) && behind.prev_size != head.size() {
                return false;
            }
            at = next;
        }
        true
    }

    fn note(&mut self, at: Addr, rule: Rule) {
        if self.course.damage.len() < MOST_DAMAGE {
            self.course.damage.push(Damage { at, rule, last_good: self.last_good });
        }
    }
}

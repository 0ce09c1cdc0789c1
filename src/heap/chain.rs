//! Singly linked lists of free chunks (a fastbin, a bin of a tcache), followed one link at a time.
//!
//! A link is read with suspicion: it must be a chunk's address in writable memory, and a list that runs in a
//! circle is left. From glibc 2.32 on links are stored mixed with the address of their field (safe-linking),
//! so that a [`Link`] keeps both what is stored and what it means.

use super::glibc::{HEADER, Head};
use super::read::Reader;
use crate::addr::Addr;
use crate::maps::{self, Mapping};

/// How `next` of a tcache entry and `fd` of a fastbin chunk are stored.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Linking {
    /// As they are (up to glibc 2.31).
    #[default]
    Plain,
    /// Mixed with the address of the field itself (safe-linking, from glibc 2.32 on).
    Safe,
}

impl Linking {
    /// The pointer that is stored as `raw` at `field`.
    pub(super) fn reveal(self, field: Addr, raw: u64) -> Addr {
        match self {
            Linking::Plain => Addr(raw),
            Linking::Safe => Addr(raw ^ (field.0 >> 12)),
        }
    }

    /// Decides by what makes sense at the given link fields: a wrong reading yields no aligned address.
    pub(super) fn guess(reader: &mut Reader<'_>, maps: &[Mapping], fields: &[Addr]) -> Linking {
        let mut votes = 0i64;
        for field in fields.iter().take(1000) {
            let Some([raw]) = reader.peek::<1>(*field) else { continue };
            let makes_sense = |linking: Linking| {
                let at = linking.reveal(*field, raw);
                at == Addr(0) || (at.0.is_multiple_of(16) && is_heap(maps, at))
            };
            votes += i64::from(makes_sense(Linking::Safe)) - i64::from(makes_sense(Linking::Plain));
        }
        if votes < 0 { Linking::Plain } else { Linking::Safe }
    }
}

/// Whether `at` is in writable memory, as every chunk must be.
pub(super) fn is_heap(maps: &[Mapping], at: Addr) -> bool {
    maps::find(maps, at).is_some_and(|mapping| mapping.perms.read && mapping.perms.write)
}

/// What the pointers of a list lead to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Points {
    /// Chunks, as in fastbins.
    AtChunks,
    /// What malloc returned, as in tcaches.
    AtPayloads,
}

/// One entry of a list.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The pointer that led here.
    pub(super) at: Addr,
    /// The chunk.
    pub(super) chunk: Addr,
    /// Its header.
    pub(super) head: Head,
    /// The word that leads on, as it is stored.
    pub(super) stored: u64,
    /// The pointer that it means; 0 at the end.
    pub(super) next: Addr,
}

/// Why a list was left before its end.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It came to an entry again.
    Again,
    /// It leads to what is no chunk.
    NoChunk,
}

/// Follows a list from the pointer `first` on. `visit` says whether to go on: false when it knows the entry
/// already. Where the list was left before its end, and why.
pub(super) fn follow(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    first: Addr,
    (points, linking): (Points, Linking),
    visit: &mut dyn FnMut(&Link) -> bool,
) -> Option<(Addr, Left)> {
    let mut guard = LoopGuard::default();
    let mut at = first;
    while at != Addr(0) {
        if guard.is_again(at) {
            return Some((at, Left::Again));
        }
        let chunk = if points == Points::AtPayloads { at.sub(HEADER) } else { at };
        let believable = at.0.is_multiple_of(16) && is_heap(maps, at);
        let head = Some(chunk).filter(|_| believable).and_then(|chunk| reader.peek::<2>(chunk));
        let Some(head) = head.map(Head::from) else { return Some((at, Left::NoChunk)) };
        let field = chunk.add(HEADER);
        let stored = reader.peek::<1>(field).map(|[raw]| raw);
        let next = stored.map_or(Addr(0), |raw| linking.reveal(field, raw));
        if !visit(&Link { at, chunk, head, stored: stored.unwrap_or(0), next }) {
            return Some((at, Left::Again));
        }
        at = next;
    }
    None
}

/// Notices that a list runs in a circle, without remembering it all (Brent's algorithm): at the latest after
/// three times around.
#[derive(Default)]
pub(super) struct LoopGuard {
    kept: Addr,
    steps: u64,
    keep_at: u64,
}

impl LoopGuard {
    pub(super) fn is_again(&mut self, at: Addr) -> bool {
        let again = self.steps > 0 && at == self.kept;
        if self.steps >= self.keep_at {
            (self.kept, self.keep_at) = (at, 2 * self.steps + 1);
        }
        self.steps += 1;
        again
    }
}

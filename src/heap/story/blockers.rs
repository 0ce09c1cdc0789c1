//! Blockers: mappings that stand where the next brk would go.
//!
//! glibc's word for one is a *hole* in the heap. A mapping becomes a suspect when it is put at the break, and
//! guilty when a brk is refused because of it. That it decides where memory is placed is all that is claimed
//! here: how much memory a program keeps is not the blocker's doing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Asked, Evidence, Owner, Story};
use crate::addr::{Seq, Span};
use crate::event::{Cause, StackFrame};
use crate::maps::Perms;

/// A moment in the story.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// The event.
    pub seq: Seq,
    /// When, in seconds.
    pub t: f64,
}

/// A mapping in the way of the break.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blocker {
    /// The mapping.
    pub span: Span,
    /// The rights that it was made with.
    pub perms: Perms,
    /// Its path, if a file or a kernel's name stands behind it.
    pub path: String,
    /// The call that made it; `None` when it was there before we came.
    pub planted: Option<Arc<Asked>>,
    /// How many brks were refused because of it; 0 makes it a suspect only.
    pub refused: u64,
    /// The first of them.
    pub first_refused: Option<Moment>,
    /// The latest.
    pub last_refused: Option<Moment>,
    /// When it was unmapped or replaced.
    pub removed: Option<Moment>,
}

/// Who made a mapping, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planter {
    /// The function.
    pub frame: Option<StackFrame>,
    /// `Recorded` from the call's own stack; `Inferred` when the function had left it by a tail call;
    /// `Unknown` without a stack, or for what was there before.
    pub evidence: Evidence,
    /// For `Inferred`: the earlier call that shows it.
    pub from: Option<Seq>,
}

impl Blocker {
    /// Who planted it.
    #[must_use]
    pub fn planter(&self) -> Planter {
        let unknown = Planter { frame: None, evidence: Evidence::Unknown, from: None };
        self.planted.as_ref().map_or(unknown, |asked| asked.planter())
    }
}

/// How many are kept: a program may plant and remove without end.
const KEPT: usize = 256;

/// Notes a mapping that was just put at the break.
pub(super) fn plant(story: &mut Story, span: Span, asked: &Arc<Asked>) {
    if story.blockers.len() >= KEPT {
        let idle = |blocker: &Blocker| blocker.removed.is_some() && blocker.refused == 0;
        let oldest = story.blockers.iter().position(idle).unwrap_or(0);
        story.blockers.remove(oldest);
    }
    story.blockers.push(Blocker::new(span, asked.perms(), String::new(), Some(Arc::clone(asked))));
}

/// Of a process that was attached to: what stands at the break already is a suspect.
pub(super) fn suspect(story: &mut Story) {
    let Some(line) = story.line.current else { return };
    let at = line.page_up();
    if let Some((span, Owner::Before(mapping))) = story.pieces.at(at)
        && span.start <= at
        && mapping.path != "[heap]"
    {
        let blocker = Blocker::new(span, mapping.perms, mapping.path.clone(), None);
        story.blockers.push(blocker);
    }
}

/// Counts a refused brk against the mapping that its cause names.
pub(super) fn accuse(story: &mut Story, cause: &Cause, moment: Moment) {
    let Cause::Occupied { blocker: span, planted_by } = cause else { return };
    let is_it = |blocker: &&mut Blocker| {
        let seq = blocker.planted.as_ref().map(|asked| asked.seq);
        blocker.removed.is_none() && blocker.span.overlaps(*span) && (seq.is_none() || seq == *planted_by)
    };
    if let Some(found) = story.blockers.iter_mut().find(is_it) {
        found.count(moment);
        return;
    }
    let mut found = match story.pieces.overlapping(*span).next() {
        Some((piece, Owner::Seen(asked))) => {
            Blocker::new(piece, asked.perms(), String::new(), Some(Arc::clone(asked)))
        }
        Some((piece, Owner::Before(mapping))) => {
            Blocker::new(piece, mapping.perms, mapping.path.clone(), None)
        }
        None => Blocker::new(*span, Perms::default(), String::new(), None),
    };
    found.count(moment);
    if story.blockers.len() < KEPT {
        story.blockers.push(found);
    }
}

/// Marks the blockers of which nothing is left after `hole` was unmapped or replaced; cuts the others.
pub(super) fn cut(story: &mut Story, hole: Span, moment: Moment) {
    for blocker in story.blockers.iter_mut().filter(|blocker| blocker.removed.is_none()) {
        match blocker.span.without(hole).next() {
            None => blocker.removed = Some(moment),
            Some(rest) => blocker.span = rest,
        }
    }
}

impl Blocker {
    fn new(span: Span, perms: Perms, path: String, planted: Option<Arc<Asked>>) -> Blocker {
        Blocker {
            span: Span::new(span.start.page_down(), span.end.page_up()),
            perms,
            path,
            planted,
            refused: 0,
            first_refused: None,
            last_refused: None,
            removed: None,
        }
    }

    fn count(&mut self, moment: Moment) {
        self.refused += 1;
        self.first_refused.get_or_insert(moment);
        self.last_refused = Some(moment);
    }
}

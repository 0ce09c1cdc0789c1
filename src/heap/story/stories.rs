//! The stories of all processes that were seen, by process.
//!
//! A child inherits its parent's story, because it inherits its memory, but not the calls that made it grow; exec ends that. A vfork child shares
//! its parent's memory instead: what it maps before its exec is told in the child's story only.

use std::collections::BTreeMap;

use super::{Forked, Growth, Story, fold, hits};
use crate::addr::Pid;
use crate::event::{Event, EventKind};

/// One story per process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stories {
    all: BTreeMap<Pid, Story>,
}

impl Stories {
    /// Folds an event into the story of its process; a fork begins the child's with its parent's.
    pub fn apply(&mut self, event: &Event) {
        if matches!(event.kind, EventKind::Stopped(_) | EventKind::Resumed) {
            for (_, other) in self.all.iter_mut().filter(|(pid, _)| **pid != event.pid) {
                fold::clock(other, event);
            }
        }
        let story = self.all.entry(event.pid).or_default();
        story.apply(event);
        if let EventKind::Forked { child, followed: true, .. } = event.kind {
            let mut inherited = story.clone();
            inherited.hits = hits::Hits::default();
            // The memory is the child's as well; who asked for it was its parent.
            inherited.growth = Growth::default();
            inherited.forked =
                Some(Forked { seq: event.seq, t: event.t, parent: event.pid, calls: inherited.seen });
            self.all.insert(child, inherited);
        }
    }

    /// The story of a process.
    #[must_use]
    pub fn of(&self, pid: Pid) -> Option<&Story> {
        self.all.get(&pid)
    }

    /// The story of a process, to be told on; begins an empty one for a process that is new.
    pub fn of_mut(&mut self, pid: Pid) -> &mut Story {
        self.all.entry(pid).or_default()
    }

    /// Every story, by process.
    pub fn iter(&self) -> impl Iterator<Item = (Pid, &Story)> {
        self.all.iter().map(|(pid, story)| (*pid, story))
    }
}

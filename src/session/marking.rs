//! Moments that the user gives a name: events of the journal, so that recordings, exports and screens have them, and so
//! that they are forgotten with the run that they are of.

use super::Session;
use crate::event::EventKind;
use crate::kernel::procfs;

impl Session {
    /// Gives this moment a name, with what malloc has in use and keeps free where that was read, in bytes. False when
    /// nothing has been run yet, or when no journal is kept: nobody could come back to it.
    pub fn mark(&mut self, name: &str, live: Option<u64>, idle: Option<u64>) -> bool {
        let of_last = || self.events().first().map(|event| (event.pid, event.tid));
        let selected = self.selection.map(|selection| (selection.pid, selection.tid));
        let Some((pid, tid)) = selected.or_else(of_last).filter(|_| self.settings.journal) else {
            return false;
        };
        let rss = self.exists().then(|| procfs::usage(pid)).flatten().map(|(_, rss)| rss);
        self.record(pid, tid, EventKind::Marked { name: name.to_owned(), rss, live, idle });
        true
    }
}

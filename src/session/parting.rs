//! An engine without a face: what becomes of its targets, and how another face finds them again.
//!
//! What was attached to is let go at once, whatever it stood for, because it has work to do and nobody looks at it;
//! another face attaches to it anew, with the breakpoints that were there. What was launched is ours: it stays stopped
//! until a face comes or the wait is over, and dies with the session.

use super::outbox::Outbox;
use super::{Halt, Selection, Session, SessionError, Stop};
use crate::addr::{Pid, Tid};
use crate::event::StopReason;
use crate::kernel::procfs;
use crate::kernel::rendezvous::Door;

impl Session {
    /// After the face was lost without a word: whether another one is waited for, by [`Session::next_request`]. Not when
    /// nothing is debugged, when the wait is set to nothing, and when nobody came last time.
    pub fn outlive_face(&mut self) -> bool {
        let patience = self.settings.reconnect_timeout;
        let Ok(selected) = self.living().map(|selection| selection.pid) else { return false };
        if patience.is_zero() {
            return false;
        }
        self.outbox = Outbox::closed();
        self.unsynced = false;
        self.part(selected);
        Door::open(selected).is_ok_and(|door| self.inbox.reopen(door, patience))
    }

    /// Lets go whatever we attached to.
    fn part(&mut self, selected: Pid) {
        self.tracer.stop_all();
        let mut attached: Vec<Pid> = self
            .processes()
            .into_iter()
            .map(|(_, pid, _)| pid)
            .filter(|pid| !self.was_launched(*pid))
            .collect();
        attached.sort_by_key(|pid| *pid != selected);
        self.parted.clear();
        for pid in attached {
            let started = procfs::start_time(pid).unwrap_or_default();
            let tid = self.threads_of(pid).first().map_or(Tid(pid.0), |thread| thread.tid);
            self.selection = Some(Selection { pid, tid, level: 0 });
            if self.detach().is_ok() {
                self.parted.push((pid, started));
            }
        }
    }

    /// Takes up again what a face left that was lost: attaches to what was let go, or finds what is still stopped.
    ///
    /// # Errors
    /// [`SessionError::NotParted`] when no face was lost, or its process has ended; why the kernel refuses to attach.
    pub fn take_up(&mut self) -> Result<Stop, SessionError> {
        let parted = std::mem::take(&mut self.parted);
        if let Some(Selection { pid, tid, .. }) = self.selection {
            return Ok(Stop { pid, tid, what: Halt::Reason(StopReason::Attached) });
        }
        let lives = |(pid, started): &&(Pid, u64)| procfs::start_time(*pid) == Some(*started);
        let (pid, _) = parted.iter().find(lives).ok_or(SessionError::NotParted)?;
        self.attach(*pid)
    }
}

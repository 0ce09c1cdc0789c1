//! Values that have a name and no place: `$hits`, `$brk`, `$_exitcode` and their like.

use super::Session;
use crate::corefile::Core;
use crate::event::ExitStatus;
use crate::kernel::procfs;

/// The special variables at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    values: Vec<(&'static str, u64)>,
}

impl Snapshot {
    pub(super) fn of(session: &Session) -> Snapshot {
        let mut values = Vec::new();
        match session.last_exit {
            Some(ExitStatus::Code(code)) => values.push(("_exitcode", code as u64)),
            Some(ExitStatus::Signal(signal)) => values.push(("_exitsignal", signal as u64)),
            None => {}
        }
        if let Some(signal) = session.core().and_then(Core::signal) {
            values.push(("_exitsignal", signal as u64));
        }
        values.push(("bpnum", u64::from(session.last_breakpoint)));
        let numbers = session.selection.and_then(|s| {
            let table = &session.tracer.table;
            if let Some(threads) = session.still(|source| source.threads()) {
                let index = threads.iter().position(|tid| *tid == s.tid)?;
                return Some((u32::try_from(index).ok()? + 1, 1, s));
            }
            Some((table.threads.get(&s.tid)?.number, table.processes.get(&s.pid)?.number, s))
        });
        let (thread, inferior) = numbers.map_or((0, 1), |(thread, process, _)| (thread, process));
        values.push(("_thread", u64::from(thread)));
        values.push(("_inferior", u64::from(inferior)));
        if let Some((.., selection)) = numbers {
            values.push(("pid", selection.pid.0 as u64));
            values.push(("tid", selection.tid.0 as u64));
            // The number may be another process's by now.
            let rss = session.exists().then(|| procfs::usage(selection.pid)).flatten();
            values.push(("rss", rss.map_or(0, |(_, rss)| rss)));
        }
        if let Some(story) = session.story() {
            values.push(("brk", story.line().current.map_or(0, |at| at.0)));
            values.push(("brk_refused", story.refusals().count));
            values.push(("blocker", story.blocker().map_or(0, |blocker| blocker.span.start.0)));
            values.push(("fallback_bytes", story.fallback_bytes()));
            values.push(("heap_bytes", story.heap_bytes()));
        }
        Snapshot { values }
    }

    /// The value of a special variable, by its name without the dollar.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<i128> {
        self.values.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| i128::from(*value))
    }

    /// The same with one more value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: u64) -> Snapshot {
        self.values.push((name, value));
        self
    }
}

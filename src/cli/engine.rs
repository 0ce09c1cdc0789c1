//! The engine that a face speaks to: a new one in a process of its own, or one that has lost its face and waits.

use std::os::unix::net::UnixStream;

use super::argv::Arguments;
use crate::addr::{Pid, Tid};
use crate::command;
use crate::kernel::{procfs, rendezvous, spawn};
use crate::session::handle::{self, Receiver, Sender};

/// The engine's process, and our end of its stream.
pub(super) struct Engine {
    pub(super) pid: Pid,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
}

impl Engine {
    /// The one that waits for a face, or a new one.
    pub(super) fn of(arguments: &Arguments) -> anyhow::Result<Engine> {
        match arguments.reconnect {
            Some(wanted) => Engine::reconnect(wanted),
            None => Engine::start(),
        }
    }

    /// The engine with this process id, or with this target; without one, the only one that waits.
    fn reconnect(wanted: Option<i32>) -> anyhow::Result<Engine> {
        let mut all = rendezvous::waiting();
        if let Some(pid) = wanted {
            all.retain(|waiting| waiting.engine.0 == pid || waiting.target.0 == pid);
        }
        let waiting = match (all.as_slice(), wanted) {
            ([one], _) => one,
            ([], Some(pid)) => anyhow::bail!("no engine of yours waits for a face with process {pid}"),
            ([], None) => anyhow::bail!("no engine of yours waits for a face"),
            (several, _) => {
                let targets: Vec<String> = several
                    .iter()
                    .map(|w| format!("{} ({})", w.target, procfs::name(w.target, Tid(w.target.0))))
                    .collect();
                anyhow::bail!(
                    "several engines wait for a face; name the process: brkwater reconnect PID, with {}",
                    crate::report::escape::plain(&targets.join(", "))
                )
            }
        };
        let stream = waiting.connect().map_err(|error| {
            anyhow::anyhow!("the engine of process {} does not answer: {error}", waiting.target)
        })?;
        let (sender, receiver) = handle::join(stream)?;
        Ok(Engine { pid: waiting.engine, sender, receiver })
    }

    /// A new one.
    pub(super) fn start() -> anyhow::Result<Engine> {
        let (stream, pid): (UnixStream, Pid) = spawn::engine(command::serve)?;
        let (sender, receiver) = handle::join(stream)?;
        Ok(Engine { pid, sender, receiver })
    }
}

//! What a recording keeps of the views of a stop, because nothing that is kept of the process tells it again: limits and
//! growth, the environment, the breakpoints; and backtraces with their arguments, for a machine that has not the files.

use serde::{Deserialize, Serialize};

use super::shell::Shell;
use super::{breakinfo, export, memory};
use crate::addr::Tid;
use crate::report::explain::Sentence;
use crate::scene::PrintOptions;
use crate::scene::view::Backtrace;

/// Threads whose backtraces are kept with arguments, at most, and their frames.
const THREADS: usize = 32;
const FRAMES: usize = 64;

/// See the module. Fields are only ever added, each with a default.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Witness {
    /// Of each thread.
    pub(super) backtraces: Vec<Backtrace>,
    /// What `explain` said of limits and growth.
    pub(super) closing: Option<Sentence>,
    /// `info memory`, as text and as one object.
    pub(super) memory: (String, serde_json::Value),
    /// What the stop depended on.
    pub(super) environment: Vec<(String, String)>,
    /// The environment variables of the process, for those who must not show their values.
    pub(super) variables: Vec<(String, String)>,
    /// How one got there.
    pub(super) reproduce: Vec<String>,
    /// `info breakpoints`.
    pub(super) breakpoints: String,
}

/// Of the stop where the session stands.
pub(super) fn of(shell: &mut Shell) -> serde_json::Value {
    let Some(selection) = shell.session.selection() else { return serde_json::Value::Null };
    let threads: Vec<Tid> = shell.session.threads().iter().map(|thread| thread.tid).collect();
    let options = PrintOptions::default();
    let backtraces = shell.session.with_scene(|scene, _| {
        let all = threads.into_iter().take(THREADS);
        all.map(|tid| scene.backtrace(tid, FRAMES, &options)).collect()
    });
    let witness = Witness {
        backtraces,
        closing: memory::closing(shell, selection.pid),
        memory: memory::told(shell, selection.pid),
        environment: export::environment(shell),
        variables: export::variables(shell),
        reproduce: export::reproduce(shell),
        breakpoints: breakinfo::text(shell),
    };
    serde_json::to_value(witness).unwrap_or_default()
}

/// The backtrace of a thread as it was told at the stop, where a machine without the files cannot tell it again.
pub(super) fn backtrace(shell: &mut Shell, tid: Tid) -> Option<Backtrace> {
    shell.session.moment().filter(|moment| moment.is_stop)?;
    let is_foreign = shell.session.with_scene(|scene, _| scene.source.recorded_stack(tid).is_some());
    let witness = then(shell, false).filter(|_| is_foreign)?;
    witness.backtraces.into_iter().find(|backtrace| backtrace.tid == tid)
}

/// What was kept of the stop that is looked at in a recording; with `about_run` of the last one before, for what does not
/// change from stop to stop. `None` where no recording is looked at.
pub(super) fn then(shell: &Shell, about_run: bool) -> Option<Witness> {
    shell.session.moment()?;
    let views = shell.session.views_then(about_run);
    // What is damaged is as what was not kept.
    Some(views.and_then(|views| serde_json::from_value(views).ok()).unwrap_or_default())
}

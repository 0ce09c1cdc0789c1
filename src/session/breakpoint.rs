//! What the user asked to stop at: breakpoints, their stages, and the places these resolved to.
//!
//! A breakpoint (the wish) owns locations (addresses in a module); the bytes patched there are *sites* and
//! belong to an address space ([`super::sites`]), because several breakpoints may share one. A chain is a
//! breakpoint with more than one stage: `break open if … then mmap`. This module knows no process.

use std::time::Duration;

use super::trigger::{Trigger, Watch};
use super::watching::Watched;
use crate::addr::{Addr, Pid, Tid};
use crate::event::Caught;
use crate::scene::expr::Condition;

/// What a `break` command asks for.
#[derive(Clone, Debug)]
pub struct BreakpointSpec {
    /// One stage for a plain breakpoint, several for a chain. Never empty.
    pub stages: Vec<StageSpec>,
    /// What becomes of it when it is hit.
    pub disposition: Disposition,
    /// Only this thread may hit it (`thread N`).
    pub thread: Option<Tid>,
    /// Whose hit of one stage arms the next.
    pub scope: Scope,
    /// Debug registers are used, no bytes patched (`hbreak`).
    pub hardware: bool,
    /// A chain ends after its first stop (`once`).
    pub once: bool,
    /// The last stage stays armed after a stop, until the first stage is crossed anew (`then every`).
    pub every: bool,
}

impl BreakpointSpec {
    /// A breakpoint with one stage, for every thread.
    #[must_use]
    pub fn plain(stage: StageSpec) -> BreakpointSpec {
        BreakpointSpec {
            stages: vec![stage],
            disposition: Disposition::Keep,
            thread: None,
            scope: Scope::Thread,
            hardware: false,
            once: false,
            every: false,
        }
    }
}

/// What becomes of a breakpoint when it is hit.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// It stays.
    #[default]
    Keep,
    /// It is disabled after so many hits (`enable once`, `enable count`).
    Disable {
        /// How many are left.
        after: u32,
    },
    /// It is deleted (`tbreak`).
    Delete,
}

/// One `LOC [if C]`.
#[derive(Clone, Debug)]
pub struct StageSpec {
    /// What is waited for as typed, for `info breakpoints` and for pending breakpoints.
    pub text: String,
    /// The same, understood.
    pub trigger: Trigger,
    /// The condition as typed and as compiled.
    pub condition: Option<(String, Condition)>,
}

/// Whose hit of one stage of a chain arms the next.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Only for the thread that crossed it.
    #[default]
    Thread,
    /// For every thread of its process.
    Process,
    /// For every process.
    Any,
}

/// A breakpoint as it stands.
#[derive(Clone, Debug)]
pub struct Breakpoint {
    /// Its number, from 1.
    pub number: u32,
    /// Its stages; one for a plain breakpoint.
    pub stages: Vec<Stage>,
    /// Whether it is in force.
    pub enabled: bool,
    /// What becomes of it when it is hit.
    pub disposition: Disposition,
    /// Only this thread may hit it.
    pub thread: Option<Tid>,
    /// That thread's number, which outlives it.
    pub thread_number: u32,
    /// Whose hit arms the next stage.
    pub scope: Scope,
    /// A chain that ends after its first stop.
    pub once: bool,
    /// A chain whose last stage stays armed.
    pub every: bool,
    /// Crossings still to be let through (`ignore N K`).
    pub ignore: u32,
    /// How often it was hit: condition true, whether it stopped or was ignored. gdb's "already hit N times".
    pub hits: u64,
    /// Lines to run when it stops (`commands`).
    pub commands: Vec<String>,
    /// Its place is watched by a debug register, not patched (`hbreak`).
    pub hardware: bool,
    /// A hit stops nothing: this is printed, a format string with its arguments (`dprintf`).
    pub print: Option<String>,
    /// What a watchpoint knows of the targets.
    pub(super) watched: Watched,
    /// What a catchpoint caught last.
    pub caught: Option<Caught>,
    /// Which stage waits for whom: stage index (from 1) armed by thread. Stage 0 is always armed.
    pub armed: Vec<Armed>,
}

/// One armed later stage of a chain.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Armed {
    /// Index of the stage that is armed, from 1.
    pub stage: usize,
    /// The thread that crossed the stage before.
    pub tid: Tid,
    /// Its process.
    pub pid: Pid,
}

/// One stage as it stands.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What is waited for as typed.
    pub text: String,
    /// The same, understood.
    pub trigger: Trigger,
    /// The condition as typed and as compiled.
    pub condition: Option<(String, Condition)>,
    /// Where it is in the loaded modules, by address; empty while it is pending.
    pub locations: Vec<Location>,
    /// How often a thread arrived and the condition was tested.
    pub tests: u64,
    /// How often it held.
    pub hits: u64,
    /// Time spent on arrivals here, from the stop to the resumption.
    pub cost: Duration,
    /// Why the condition could not be evaluated, the last time it could not. An error state, not a hit.
    pub error: Option<String>,
}

/// A place that a stage resolved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The process whose address space it is in; `None` for a program that is not running yet.
    pub pid: Option<Pid>,
    /// The address.
    pub address: Addr,
    /// The mapped file.
    pub module: String,
    /// The function.
    pub function: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// Whether it is in force (`disable 2.1`).
    pub enabled: bool,
    /// How often it was hit.
    pub hits: u64,
}

impl Breakpoint {
    /// Whether it is a chain.
    #[must_use]
    pub fn is_chain(&self) -> bool {
        self.stages.len() > 1
    }

    /// Whether it waits, in its first stage, for something that is no place in the code.
    #[must_use]
    pub fn is_catchpoint(&self) -> bool {
        self.stages.first().is_some_and(|stage| stage.trigger.catch().is_some())
    }

    /// What it watches, if it is a watchpoint.
    #[must_use]
    pub fn watch(&self) -> Option<&Watch> {
        self.stages.first()?.trigger.data()
    }

    /// Whether it is a watchpoint.
    #[must_use]
    pub fn is_watchpoint(&self) -> bool {
        self.watch().is_some()
    }

    /// Whether any stage has found no place yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.stages.iter().any(|stage| stage.locations.is_empty() && stage.trigger.code().is_some())
    }
}

//! From breakpoints to patched bytes: resolving wishes in loaded modules, and keeping text in step with them.

use std::path::Path;

use super::breakpoint::{Breakpoint, BreakpointSpec, Location, Stage};
use super::looking::Contents;
use super::process::{Role, WantedCalls};
use super::space::Owner;
use super::tracer::MEMORY_CALLS;
use super::trigger::{Catch, Trigger};
use super::{Session, SessionError};
use crate::addr::{Addr, Pid, Tid};
use crate::event::EventKind;
use crate::memory::Memory;
use crate::symbols::{Linespec, Modules, ResolveError};

impl Session {
    /// All breakpoints, by number.
    #[must_use]
    pub fn breakpoints(&self) -> &[Breakpoint] {
        &self.breakpoints
    }

    /// One breakpoint, to be changed; call [`Session::sites_changed`] afterwards.
    pub fn breakpoint_mut(&mut self, number: u32) -> Option<&mut Breakpoint> {
        self.breakpoints.iter_mut().find(|breakpoint| breakpoint.number == number)
    }

    /// Brings the target's text in step with the breakpoints.
    pub fn sites_changed(&mut self) {
        self.sync_sites();
    }

    /// Sets a breakpoint. One that resolves to nothing yet is pending, which is no error.
    ///
    /// # Errors
    /// A location that can never become one, such as an address where nothing is mapped.
    pub fn add_breakpoint(&mut self, spec: BreakpointSpec) -> Result<u32, SessionError> {
        self.last_breakpoint += 1;
        let number = self.last_breakpoint;
        let stage = |stage: super::StageSpec| Stage {
            text: stage.text,
            trigger: stage.trigger,
            condition: stage.condition,
            locations: Vec::new(),
            tests: 0,
            hits: 0,
            cost: std::time::Duration::ZERO,
            error: None,
        };
        let thread = spec.thread.and_then(|tid| self.tracer.table.threads.get(&tid));
        self.breakpoints.push(Breakpoint {
            number,
            stages: spec.stages.into_iter().map(stage).collect(),
            enabled: true,
            disposition: spec.disposition,
            thread: spec.thread,
            thread_number: thread.map_or(0, |thread| thread.number),
            scope: spec.scope,
            once: spec.once,
            every: spec.every,
            ignore: 0,
            hits: 0,
            commands: Vec::new(),
            caught: None,
            hardware: spec.hardware,
            watched: Default::default(),
            print: None,
            armed: Vec::new(),
        });
        self.resolve();
        self.sync_sites();
        self.libraries_are_known();
        Ok(number)
    }

    /// Why a breakpoint has no place, in gdb's words; `None` when it has one.
    pub fn pending_reason(&mut self, number: u32) -> Option<ResolveError> {
        let stage = self
            .breakpoints
            .iter()
            .find(|breakpoint| breakpoint.number == number)?
            .stages
            .iter()
            .find(|stage| stage.locations.is_empty() && stage.trigger.code().is_some())?
            .trigger
            .code()?
            .clone();
        self.with_scene(|scene, _| scene.modules.resolve(&stage, None, scene.source.memory()).err())
    }

    /// Enables or disables a breakpoint, or one of its locations (counted from 1 over all stages); whether it
    /// exists.
    pub fn enable(&mut self, number: u32, location: Option<u32>, on: bool) -> bool {
        let Some(breakpoint) = self.breakpoint_mut(number) else { return false };
        let found = match location {
            None => {
                breakpoint.enabled = on;
                true
            }
            Some(wanted) => {
                let mut all = breakpoint.stages.iter_mut().flat_map(|stage| &mut stage.locations);
                let place = (wanted as usize).checked_sub(1).and_then(|index| all.nth(index));
                place.map(|location| location.enabled = on).is_some()
            }
        };
        self.sync_sites();
        found
    }

    /// Deletes a breakpoint; whether it existed.
    pub fn delete_breakpoint(&mut self, number: u32) -> bool {
        let before = self.breakpoints.len();
        self.breakpoints.retain(|breakpoint| breakpoint.number != number);
        self.sync_sites();
        self.breakpoints.len() < before
    }

    /// Deletes the breakpoints of threads that are gone; their numbers and those of the threads.
    pub fn delete_of_gone_threads(&mut self) -> Vec<(u32, u32)> {
        let threads = self.tracer.table.followed();
        let gone = |b: &Breakpoint| b.thread.is_some_and(|tid| !threads.contains(&tid));
        let deleted: Vec<(u32, u32)> =
            self.breakpoints.iter().filter(|b| gone(b)).map(|b| (b.number, b.thread_number)).collect();
        if !deleted.is_empty() {
            self.breakpoints.retain(|b| !gone(b));
            self.sync_sites();
        }
        deleted
    }

    /// Reads modules again where they may have changed.
    pub(super) fn refresh(&mut self, pid: Pid) {
        let Some(space) = self.tracer.table.processes.get(&pid).map(|process| process.space) else { return };
        if let Some(space) = self.tracer.table.spaces.get_mut(&space) {
            space.refresh(pid, &mut self.images);
        }
    }

    /// The loader changed its list, or the program was replaced: everything is resolved anew.
    pub(super) fn libraries_changed(&mut self, pid: Pid) {
        if let Some(space) = self.tracer.table.processes.get(&pid).map(|process| process.space)
            && let Some(space) = self.tracer.table.spaces.get_mut(&space)
        {
            space.stale = true;
        }
        self.caches.forget_libraries();
        self.refresh(pid);
        self.resolve();
        self.sync_sites();
    }

    /// Looks every breakpoint up in the modules that are loaded now.
    pub(super) fn resolve(&mut self) {
        let mut breakpoints = std::mem::take(&mut self.breakpoints);
        let mut live: Vec<_> = self
            .tracer
            .table
            .processes
            .values()
            .filter(|process| process.role == Role::Followed)
            .map(|process| (process.number, process.pid, process.space))
            .collect();
        live.sort_unstable();
        for stage in breakpoints.iter_mut().flat_map(|breakpoint| &mut breakpoint.stages) {
            let mut found = Vec::new();
            for (_, pid, space) in &live {
                self.compute_address(stage, *pid);
                if let Some(space) = self.tracer.table.spaces.get(space) {
                    found.extend(places(stage, Some(*pid), &space.modules, &space.clean()));
                }
            }
            if let Some(dead) = &self.postmortem {
                found = dead.world.with(|source| places(stage, None, &dead.modules, source.memory()));
            } else if live.is_empty()
                && let Some(program) = &self.program
            {
                found = places(stage, None, &program.modules, &Contents(&program.modules));
            }
            adopt(stage, found);
        }
        self.breakpoints = breakpoints;
    }

    /// `*main+4` is computed anew in each process: it was an address of the file before the program ran. What names
    /// nothing of the program's, or cannot be computed any more, stays what it was.
    fn compute_address(&mut self, stage: &mut Stage, pid: Pid) {
        let Trigger::Code(Linespec::Address(address)) = &mut stage.trigger else { return };
        let expr = stage.text.strip_prefix('*').and_then(|text| crate::scene::expr::parse(text).ok());
        if let Some(expr) = expr.filter(|expr| !expr.names().is_empty())
            && let Some(now) = self.address_in(pid, &expr)
        {
            *address = now;
        }
    }

    /// When the last process is gone, everything is looked up in the files, at the addresses that it had there: they are
    /// the ones that the user saw.
    pub(super) fn look_back(&mut self) {
        if let (Some(program), Some(left)) = (&mut self.program, self.tracer.table.left.take())
            && left.program().is_some_and(|module| Path::new(&module.path) == program.path)
        {
            program.modules = left;
        }
        self.resolve();
    }

    /// Makes the patched bytes of every space those that are wanted now.
    pub(super) fn sync_sites(&mut self) {
        self.want_calls();
        let scope_ends = self.scope_ends();
        let table = &mut self.tracer.table;
        let mut complaints = Vec::new();
        for process in table.processes.values() {
            // A passing process keeps what its space has: a vfork child shares its parent's. Nor is anything put
            // into the memory of a parent that was let go, on behalf of its child.
            let lender = table.processes.get(&process.space).map(|lender| lender.role);
            if process.role != Role::Followed || lender != Some(Role::Followed) {
                continue;
            }
            let mut wanted: Vec<(Addr, Owner)> = Vec::new();
            for breakpoint in &self.breakpoints {
                collect(breakpoint, process.pid, &mut wanted);
            }
            wanted.extend(scope_ends.iter().filter(|(pid, _)| *pid == process.pid).map(|(_, end)| *end));
            let ends = self.calls.iter().filter(|called| called.is_of(process.pid));
            wanted.extend(ends.map(|called| (called.back(), Owner::Call)));
            if let Some(plan) = &self.plan {
                wanted.extend(plan.sites(process.pid).map(|at| (at, Owner::Plan)));
            }
            let Some(space) = table.spaces.get_mut(&process.space) else { continue };
            if let Some(hook) = space.loader_hook() {
                wanted.push((hook, Owner::Loader));
            }
            for (at, _) in space.set_sites(&wanted) {
                complaints.push((process.pid, at));
            }
        }
        for (pid, at) in complaints {
            self.complain(pid, at);
        }
        self.sync_slots();
    }

    /// Which system calls stages wait for now. The filter shows the memory calls anyway; for any other, every
    /// call stops while it is wanted.
    fn want_calls(&mut self) {
        let mut wanted = WantedCalls::default();
        for breakpoint in &self.breakpoints {
            for (index, stage) in breakpoint.stages.iter().enumerate() {
                if let Some(Catch::Syscall { numbers, returns }) = stage.trigger.catch()
                    && breakpoint.wants_sites(index)
                {
                    wanted.any |= numbers.is_empty();
                    wanted.numbers.extend(numbers);
                    wanted.returns |= returns;
                }
            }
        }
        if self.settings.skip_blockers {
            wanted.numbers.extend(MEMORY_CALLS.map(u64::from));
        }
        let shown = |number: &u64| MEMORY_CALLS.iter().any(|call| u64::from(*call) == *number);
        let logged = &self.tracer.table.logged;
        let filtered =
            wanted.numbers.iter().all(|nr| logged.has(*nr) || self.settings.memory_calls && shown(nr));
        wanted.every = wanted.any || !wanted.numbers.is_empty() && !filtered;
        self.tracer.table.wanted = wanted;
    }

    /// An address that cannot be patched: the breakpoint says so, once, and is disabled there.
    fn complain(&mut self, pid: Pid, at: Addr) {
        for breakpoint in &mut self.breakpoints {
            let number = breakpoint.number;
            let mut hit = false;
            for location in breakpoint.stages.iter_mut().flat_map(|stage| &mut stage.locations) {
                if location.address == at && location.pid == Some(pid) && location.enabled {
                    location.enabled = false;
                    hit = true;
                }
            }
            if hit {
                let error =
                    format!("Cannot insert breakpoint {number}.\nCannot access memory at address {at}");
                self.record(pid, Tid(pid.0), EventKind::ConditionError { number, error });
                return;
            }
        }
    }
}

fn collect(breakpoint: &Breakpoint, pid: Pid, wanted: &mut Vec<(Addr, Owner)>) {
    for (stage, found) in breakpoint.stages.iter().enumerate() {
        if breakpoint.hardware || !breakpoint.wants_sites(stage) {
            continue;
        }
        for (location, place) in found.locations.iter().enumerate() {
            if place.enabled && place.pid == Some(pid) {
                wanted.push((place.address, Owner::User { number: breakpoint.number, stage, location }));
            }
        }
    }
}

fn places(stage: &Stage, pid: Option<Pid>, modules: &Modules, memory: &dyn Memory) -> Vec<Location> {
    let Some(wish) = stage.trigger.code() else { return Vec::new() };
    if let Linespec::Address(address) = wish {
        let frame = modules.frames_of(*address).into_iter().next().unwrap_or_default();
        let mut byte = [0];
        // Nothing is there to be patched; that may change when a library comes.
        if memory.read(*address, &mut byte) == 0 {
            return Vec::new();
        }
        return vec![Location {
            pid,
            address: *address,
            module: frame.module.unwrap_or_default(),
            function: frame.function,
            file: frame.file,
            line: frame.line,
            enabled: true,
            hits: 0,
        }];
    }
    let Ok(sites) = modules.resolve(wish, None, memory) else { return Vec::new() };
    sites
        .into_iter()
        .map(|site| Location {
            pid,
            address: site.address,
            module: site.module,
            function: site.function,
            file: site.file,
            line: site.line,
            enabled: true,
            hits: 0,
        })
        .collect()
}

/// Takes new locations over; counts and switches of those that were there before are kept.
fn adopt(stage: &mut Stage, mut found: Vec<Location>) {
    for location in &mut found {
        let before = stage.locations.iter().find(|old| {
            old.address == location.address && old.pid == location.pid
                || old.pid != location.pid
                    && old.function == location.function
                    && old.line == location.line
                    && old.module == location.module
        });
        if let Some(before) = before {
            location.enabled = before.enabled;
            location.hits = before.hits;
        }
    }
    stage.locations = found;
}

//! Looks at the stopped world: the live one of a process, or before `run` the program as its file describes it.

use super::Session;
use super::live::{Live, Threads, Unstarted};
use super::process::Thread;
use crate::addr::{Addr, Pid, Tid};
use crate::memory::Memory;
use crate::scene::Scene;
use crate::scene::expr::{Context, Expr, Vars, evaluate};
use crate::symbols::{Image, Modules};
use crate::unwind::Unwinder;

impl Session {
    /// Does `work` with the stopped world: the live one of the selected process, or before `run` the program
    /// as its file describes it.
    pub fn with_scene<R>(&mut self, work: impl FnOnce(&Scene<'_>, &mut Vars) -> R) -> R {
        if let Some(dead) = &self.postmortem {
            let (modules, unwinder, caches) = (&dead.modules, &dead.unwinder, &self.caches);
            let vars = &mut self.vars;
            return dead.world.with(|source| work(&Scene { source, modules, unwinder, caches }, vars));
        }
        if let Some(selection) = self.selection {
            self.refresh(selection.pid);
            self.read_registers(selection.pid);
            let space = self
                .tracer
                .table
                .processes
                .get(&selection.pid)
                .and_then(|process| self.tracer.table.spaces.get(&process.space));
            if let Some(space) = space {
                let memory = space.clean();
                let live = Live::new(selection.pid, &memory, &space.auxv, Threads::Of(&self.tracer.table));
                let scene = Scene {
                    source: &live,
                    modules: &space.modules,
                    unwinder: &space.unwinder,
                    caches: &self.caches,
                };
                return work(&scene, &mut self.vars);
            }
        }
        let nothing = (Modules::default(), Unwinder::new());
        let modules = self.program.as_ref().map_or(&nothing.0, |program| &program.modules);
        let contents = Contents(modules);
        let unstarted = Unstarted { memory: &contents };
        let scene = Scene { source: &unstarted, modules, unwinder: &nothing.1, caches: &self.caches };
        work(&scene, &mut self.vars)
    }

    /// The address that an expression over a process's globals and functions means.
    pub(super) fn address_in(&mut self, pid: Pid, expr: &Expr) -> Option<Addr> {
        let space = self.tracer.table.processes.get(&pid)?.space;
        let space = self.tracer.table.spaces.get(&space)?;
        let memory = space.clean();
        let live = Live::new(pid, &memory, &space.auxv, Threads::None);
        let scene =
            Scene { source: &live, modules: &space.modules, unwinder: &space.unwinder, caches: &self.caches };
        let specials = |_: &str| None;
        let mut context = Context { scene: &scene, frame: None, specials: &specials, vars: &mut self.vars };
        let value = evaluate(expr, &mut context).ok()?;
        match value.address() {
            // A function stands for where it is, also one without debug info.
            Some(at) if value.ty().is_function() || value.ty().size() == 0 => Some(at),
            _ => value.as_u64(&memory).ok().map(Addr),
        }
    }

    /// Does `work` with an expression's surroundings: the selected frame, or the program's file before it runs.
    pub fn with_context<R>(&mut self, work: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let snapshot = self.specials();
        let selection = self.selection;
        self.with_scene(|scene, vars| {
            let level = selection.map_or(0, |selection| selection.level as usize);
            let frames = selection.map(|selection| scene.frames(selection.tid, level + 1));
            let frame = frames.as_ref().and_then(|frames| frames.frames.get(level));
            let specials = |name: &str| snapshot.get(name);
            work(&mut Context { scene, frame, specials: &specials, vars })
        })
    }

    /// Reads the registers of the threads that stand, where they are not known yet.
    fn read_registers(&mut self, pid: Pid) {
        let table = &self.tracer.table;
        let unknown = |thread: &Thread| thread.pid == pid && thread.regs.is_none() && !thread.running;
        let tids: Vec<Tid> =
            table.threads.iter().filter(|(_, thread)| unknown(thread)).map(|(tid, _)| *tid).collect();
        for tid in tids {
            self.tracer.regs(tid);
        }
    }
}

/// The bytes of a program that does not run, as its files hold them.
pub(super) struct Contents<'a>(pub(super) &'a Modules);

impl Memory for Contents<'_> {
    fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
        self.0
            .iter()
            .find_map(|module| {
                let image: &Image = module.image.as_ref()?;
                let got = image.read_linked(Addr(at.0.wrapping_sub(module.bias)), buf);
                (got > 0).then_some(got)
            })
            .unwrap_or(0)
    }
}

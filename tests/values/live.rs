//! A target stopped under ptrace, as a scene's source: just enough of a debugger to look at values.

use std::path::Path;
use std::sync::Arc;

use brkwater::addr::{Addr, Pid, Tid};
use brkwater::event::ExitStatus;
use brkwater::kernel::files::MappedFiles;
use brkwater::kernel::mem::ProcMem;
use brkwater::kernel::procfs;
use brkwater::kernel::ptrace::{self, Go};
use brkwater::kernel::spawn::{Launch, launch};
use brkwater::kernel::wait::{self, Status};
use brkwater::maps::Mapping;
use brkwater::memory::{Memory, Patched};
use brkwater::regs::{FrameRegs, Regs};
use brkwater::scene::{Scene, SceneCaches};
use brkwater::source::Source;
use brkwater::symbols::{ImageCache, Linespec, Modules};
use brkwater::unwind::{Cfi, Unwinder};

/// A process of ours.
pub(crate) struct Live {
    pid: Pid,
    tid: Tid,
    memory: ProcMem,
    files: MappedFiles,
    images: ImageCache,
    sites: Vec<(Addr, u8)>,
    /// What a look needs, made anew at each stop.
    pub maps: Vec<Mapping>,
    auxv: Vec<(u64, u64)>,
    pub modules: Modules,
    pub unwinder: Unwinder,
    pub caches: SceneCaches,
}

impl Live {
    /// Starts a program with an empty environment and no address randomisation, as the gdb beside us does.
    pub(crate) fn start(program: &Path, arguments: &[String]) -> Live {
        let mut argv = vec![program.display().to_string()];
        argv.extend(arguments.iter().cloned());
        let spec = Launch { path: program.into(), argv, fixed_addresses: true, ..Launch::default() };
        let pid = launch(&spec).unwrap().pid;
        let mut live = Live {
            pid,
            tid: Tid(pid.0),
            memory: ProcMem::open(pid).unwrap(),
            files: MappedFiles::default(),
            images: ImageCache::default(),
            sites: Vec::new(),
            maps: Vec::new(),
            auxv: Vec::new(),
            modules: Modules::default(),
            unwinder: Unwinder::new(),
            caches: SceneCaches::default(),
        };
        live.refresh();
        // At the program's entry the linker has loaded everything.
        let program = live.modules.program().unwrap();
        let entry = program.image.as_ref().unwrap().entry().at(program.bias);
        live.patch(entry);
        live.resume(0);
        live.clear();
        live.refresh();
        live
    }

    /// Looks at mappings and modules again.
    pub(crate) fn refresh(&mut self) {
        self.maps = procfs::mappings(self.pid);
        self.auxv = procfs::auxv(self.pid);
        self.modules =
            Modules::from_maps(&self.maps, &self.auxv, &self.memory, &self.files, &mut self.images);
        self.unwinder = Unwinder::new();
        for module in self.modules.iter() {
            let Some(image) = &module.image else { continue };
            let Some(eh_frame) = image.section(".eh_frame") else { continue };
            let cfi = Arc::new(Cfi::new(eh_frame, image.section(".eh_frame_hdr")));
            self.unwinder.add(module.span, module.bias, cfi);
        }
    }

    fn patch(&mut self, at: Addr) {
        let byte = self.memory.bytes(at, 1).unwrap()[0];
        self.memory.write(at, &[0xcc]).unwrap();
        self.sites.push((at, byte));
        self.sites.sort();
    }

    fn clear(&mut self) {
        for (at, byte) in std::mem::take(&mut self.sites) {
            self.memory.write(at, &[byte]).unwrap();
        }
    }

    /// Stops at every place that `place` means.
    pub(crate) fn break_at(&mut self, place: &str) {
        let spec = Linespec::parse(place).unwrap();
        for site in self.modules.resolve(&spec, None, &self.memory).unwrap() {
            self.patch(site.address);
        }
    }

    /// Forgets all breakpoints and goes on to `place`.
    pub(crate) fn go_to(&mut self, place: &str) {
        self.break_at(place);
        self.resume(0);
        self.refresh();
    }

    /// Goes on until a breakpoint; its `int3` is undone in the pc. Signals are passed on.
    pub(crate) fn resume(&mut self, mut signal: i32) {
        self.step_over();
        loop {
            ptrace::resume(self.tid, Go::Run, signal).unwrap();
            match wait::thread(self.tid, true).unwrap().unwrap().1 {
                Status::Signal(5) => break,
                Status::Signal(other) => signal = other,
                Status::Exited(ExitStatus::Code(code)) => panic!("the target exited with {code}"),
                _ => signal = 0,
            }
        }
        let mut regs = ptrace::registers(self.tid).unwrap();
        regs.0[16] -= 1;
        ptrace::set_registers(self.tid, &regs).unwrap();
    }

    fn step_over(&mut self) {
        let pc = Addr(ptrace::registers(self.tid).unwrap().rip());
        let Some((_, byte)) = self.sites.iter().find(|(at, _)| *at == pc).copied() else { return };
        self.memory.write(pc, &[byte]).unwrap();
        ptrace::resume(self.tid, Go::Step, 0).unwrap();
        wait::thread(self.tid, true).unwrap();
        self.memory.write(pc, &[0xcc]).unwrap();
    }

    /// The thread.
    pub(crate) fn tid(&self) -> Tid {
        self.tid
    }

    /// Looks at it.
    pub(crate) fn look<R>(&self, at: impl FnOnce(&Scene<'_>) -> R) -> R {
        let stopped = Stopped { live: self, memory: Patched { inner: &self.memory, originals: &self.sites } };
        at(&Scene {
            source: &stopped,
            modules: &self.modules,
            unwinder: &self.unwinder,
            caches: &self.caches,
        })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // The kernel ends it with us in any case (exit_kill); here it ends with the test.
        let _ = ptrace::signal_thread(self.pid.0, self.tid, 9);
        let _ = wait::thread(self.tid, true);
    }
}

struct Stopped<'a> {
    live: &'a Live,
    memory: Patched<'a>,
}

impl Source for Stopped<'_> {
    fn pid(&self) -> Pid {
        self.live.pid
    }
    fn memory(&self) -> &dyn Memory {
        &self.memory
    }
    fn mappings(&self) -> &[Mapping] {
        &self.live.maps
    }
    fn threads(&self) -> Vec<Tid> {
        vec![self.live.tid]
    }
    fn regs(&self, tid: Tid) -> Option<Regs> {
        ptrace::registers(tid).ok()
    }
    fn frame_regs(&self, tid: Tid) -> Option<FrameRegs> {
        let mut regs = self.regs(tid).map(|regs| FrameRegs::from(&regs))?;
        regs.xmm = ptrace::vector_registers(tid).ok().map(Arc::new);
        Some(regs)
    }
    fn auxv(&self) -> &[(u64, u64)] {
        &self.live.auxv
    }
}

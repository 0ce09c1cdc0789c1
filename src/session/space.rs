//! One address space: its memory, its modules, and the bytes that we patched into it.
//!
//! A space belongs to one process, or for a while to two: a vfork child borrows its parent's. Sites are what
//! is really in the text; who wants them there is told by [`Owner`]s. This module knows no thread.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::emulate::First;
use crate::addr::{Addr, FileAddr, Pid};
use crate::event::StackFrame;
use crate::heap::story::Caller;
use crate::kernel::files::MappedFiles;
use crate::kernel::mem::ProcMem;
use crate::kernel::procfs;
use crate::maps::Mapping;
use crate::memory::{Memory, Patched};
use crate::symbols::{ImageCache, Modules};
use crate::unwind::{Cfi, Unwinder};

/// Where the interpreter begins (getauxval(3)).
const AT_BASE: u64 = 7;
/// The breakpoint instruction.
const INT3: u8 = 0xcc;

/// Who wants a site.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A location of a stage of the user's breakpoint.
    User {
        /// The breakpoint's number.
        number: u32,
        /// The stage, from 0.
        stage: usize,
        /// The location within the stage.
        location: usize,
    },
    /// The loader says that its list of libraries changed.
    Loader,
    /// The plan of the step under way.
    Plan,
    /// A call that the user asked for returns here.
    Call,
    /// The frame of this watchpoint returns here.
    Scope(u32),
}

/// A patched byte.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) original: u8,
    pub(super) first: First,
    pub(super) owners: SmallVec<[Owner; 2]>,
}

/// An address space.
pub(super) struct Space {
    pub(super) memory: ProcMem,
    sites: FxHashMap<Addr, Site>,
    /// What [`Patched`] needs: every site's original byte, by address.
    originals: Vec<(Addr, u8)>,
    pub(super) modules: Modules,
    pub(super) unwinder: Unwinder,
    pub(super) maps: Vec<Mapping>,
    pub(super) auxv: Vec<(u64, u64)>,
    /// The libraries in the loader's list at the last look, where somebody waits for changes of it.
    pub(super) libraries: Option<Vec<String>>,
    /// Whether mappings of code may have changed since `modules` was made.
    pub(super) stale: bool,
    files: Rc<MappedFiles>,
    cfi: FxHashMap<usize, Arc<Cfi>>,
    /// Whom recorded stacks are of.
    callers: RefCell<FxHashMap<Vec<Addr>, Rc<Caller>>>,
}

/// So many are kept before all are looked up anew.
const CALLERS: usize = 4096;

impl Space {
    pub(super) fn open(pid: Pid, files: Rc<MappedFiles>) -> std::io::Result<Space> {
        Ok(Space {
            memory: ProcMem::open(pid)?,
            sites: FxHashMap::default(),
            originals: Vec::new(),
            modules: Modules::default(),
            unwinder: Unwinder::new(),
            maps: Vec::new(),
            auxv: procfs::auxv(pid),
            libraries: None,
            stale: true,
            files,
            cfi: FxHashMap::default(),
            callers: RefCell::default(),
        })
    }

    /// Memory as the program wrote it, without our patches.
    pub(super) fn clean(&self) -> Patched<'_> {
        Patched { inner: &self.memory, originals: &self.originals }
    }

    /// The site at `at`.
    pub(super) fn site(&self, at: Addr) -> Option<&Site> {
        self.sites.get(&at)
    }

    /// Makes the patched bytes those that `wanted` lists: others are restored, missing ones written. Addresses
    /// that cannot be patched come back with the error.
    pub(super) fn set_sites(&mut self, wanted: &[(Addr, Owner)]) -> Vec<(Addr, std::io::Error)> {
        let mut owners: FxHashMap<Addr, SmallVec<[Owner; 2]>> = FxHashMap::default();
        for (at, owner) in wanted {
            owners.entry(*at).or_default().push(*owner);
        }
        let gone: Vec<Addr> = self.sites.keys().filter(|at| !owners.contains_key(at)).copied().collect();
        for at in gone {
            self.restore(at);
        }
        let mut failed = Vec::new();
        for (at, owners) in owners {
            match self.sites.get_mut(&at) {
                Some(site) => site.owners = owners,
                None => {
                    if let Err(error) = self.patch(at, owners) {
                        failed.push((at, error));
                    }
                }
            }
        }
        self.originals = self.sites.iter().map(|(at, site)| (*at, site.original)).collect();
        self.originals.sort_unstable();
        failed
    }

    fn patch(&mut self, at: Addr, owners: SmallVec<[Owner; 2]>) -> std::io::Result<()> {
        let mut bytes = [0; 16];
        // Another site may lie within these bytes; its original belongs into the decoding.
        let got = self.clean().read(at, &mut bytes);
        if got == 0 {
            return Err(std::io::ErrorKind::AddrNotAvailable.into());
        }
        self.memory.write(at, &[INT3])?;
        self.sites.insert(at, Site { original: bytes[0], first: First::decode(&bytes[..got], at), owners });
        Ok(())
    }

    fn restore(&mut self, at: Addr) {
        if let Some(site) = self.sites.remove(&at) {
            self.write_back(at, site.original);
        }
    }

    fn write_back(&self, at: Addr, original: u8) {
        // Only over our own byte: the page may have been replaced by something else since.
        let mut now = [0];
        if self.memory.read(at, &mut now) == 1 && now[0] == INT3 {
            // The address may be gone with its library: then there is nothing to restore.
            let _ = self.memory.write(at, &[original]);
        }
    }

    /// Writes what the user wants; a breakpoint within stays, with the new byte as its original.
    pub(super) fn write(&mut self, at: Addr, bytes: &[u8]) -> std::io::Result<()> {
        self.memory.write(at, bytes)?;
        for (index, byte) in bytes.iter().enumerate() {
            let here = at.add(index as u64);
            if let Some(site) = self.sites.get_mut(&here) {
                site.original = *byte;
                self.memory.write(here, &[INT3])?;
            }
        }
        self.originals = self.sites.iter().map(|(at, site)| (*at, site.original)).collect();
        self.originals.sort_unstable();
        Ok(())
    }

    /// Puts the original byte of a site back for a single-step.
    pub(super) fn lift(&self, at: Addr) {
        if let Some(site) = self.sites.get(&at) {
            self.write_back(at, site.original);
        }
    }

    /// Puts the breakpoint back after [`Space::lift`].
    pub(super) fn lower(&self, at: Addr) {
        if self.sites.contains_key(&at) {
            let _ = self.memory.write(at, &[INT3]);
        }
    }

    /// The same patches as seen from a child that has a copy of this space.
    pub(super) fn adopt_copy(&mut self, parent: &Space) {
        self.sites = parent.sites.clone();
        self.originals = parent.originals.clone();
    }

    /// The byte at `at` as it is, patch or not.
    pub(super) fn raw_byte(&self, at: Addr) -> Option<u8> {
        let mut byte = [0];
        (self.memory.read(at, &mut byte) == 1).then_some(byte[0])
    }

    /// Reads the mappings and modules again if they may have changed; whether it did.
    pub(super) fn refresh(&mut self, pid: Pid, cache: &mut ImageCache) -> bool {
        if !self.stale {
            return false;
        }
        self.stale = false;
        self.maps = procfs::mappings(pid);
        if self.auxv.is_empty() {
            self.auxv = procfs::auxv(pid);
        }
        let patched = Patched { inner: &self.memory, originals: &self.originals };
        let modules = Modules::from_maps(&self.maps, &self.auxv, &patched, &*self.files, cache);
        self.modules = modules;
        self.unwinder = unwinder_of(&self.modules, &mut self.cfi);
        self.callers.get_mut().clear();
        true
    }

    /// The frames of a recorded stack, inlined ones too.
    pub(super) fn frames_of(&self, stack: &[Addr]) -> Vec<StackFrame> {
        let lookup = |(level, at): (usize, &Addr)| if level == 0 { *at } else { at.sub(1) };
        stack.iter().enumerate().flat_map(|at| self.modules.frames_of(lookup(at))).collect()
    }

    /// Who made the call at the top of a recorded stack.
    pub(super) fn caller(&self, stack: &[Addr]) -> Rc<Caller> {
        let mut callers = self.callers.borrow_mut();
        if let Some(caller) = callers.get(stack) {
            return Rc::clone(caller);
        }
        if callers.len() >= CALLERS {
            callers.clear();
        }
        let caller = Rc::new(Caller::of(&self.frames_of(stack)));
        callers.insert(stack.to_vec(), Rc::clone(&caller));
        caller
    }

    /// Where the loader announces changes of its list: `_dl_debug_state` in the interpreter (glibc
    /// elf/dl-debug.c), which is empty and called for debuggers alone.
    pub(super) fn loader_hook(&self) -> Option<Addr> {
        const NAME: &str = "_dl_debug_state";
        let base = self.auxv.iter().find(|(kind, _)| *kind == AT_BASE).map(|(_, at)| Addr(*at));
        // The interpreter exports it; asked first, it spares the symbols of all other files from being read.
        let interpreter = base.and_then(|at| self.modules.at(at));
        let exported =
            interpreter.and_then(|module| Some(module.image.as_ref()?.exported(NAME)?.at(module.bias)));
        exported.or_else(|| {
            self.modules.iter().find_map(|module| {
                let image = module.image.as_ref()?;
                let symbol = image.symbols_named(NAME).next()?;
                Some(FileAddr(symbol.address.0).at(module.bias))
            })
        })
    }
}

/// What finds callers in these modules; `known` keeps what was read of a file.
pub(super) fn unwinder_of(modules: &Modules, known: &mut FxHashMap<usize, Arc<Cfi>>) -> Unwinder {
    let mut unwinder = Unwinder::new();
    for module in modules.iter() {
        let Some(image) = module.image.as_ref() else { continue };
        let Some(frame) = image.section(".eh_frame") else { continue };
        let key = Arc::as_ptr(image) as usize;
        let cfi =
            known.entry(key).or_insert_with(|| Arc::new(Cfi::new(frame, image.section(".eh_frame_hdr"))));
        unwinder.add(module.span, module.bias, Arc::clone(cfi));
    }
    unwinder
}

/// Files as `pid` sees them, and those that it has mapped: below its root when it lives in another mount namespace than we do.
pub(super) fn files_of(pid: Pid) -> MappedFiles {
    let namespace = |who: &str| std::fs::read_link(format!("/proc/{who}/ns/mnt")).ok();
    let root = format!("/proc/{pid}/root");
    let chrooted = std::fs::read_link(&root).is_ok_and(|at| at != Path::new("/"));
    let files = if namespace("self") == namespace(&pid.to_string()) && !chrooted {
        MappedFiles::default()
    } else {
        MappedFiles::below(PathBuf::from(root))
    };
    files.of(pid)
}

//! A frame as location expressions see it: registers, memory, frame base, and what its caller passed.
//!
//! What a parameter held at the function's entry is found in the caller: the call that returns to the caller's
//! pc says with which expressions the arguments were made, and they are evaluated in the caller's frame. It
//! refuses what gdb refuses: calls whose target is another function (a tail call lies between), and functions
//! that may call themselves by a tail call.

use crate::addr::{Addr, FileAddr};
use crate::memory::Memory;
use crate::symbols::location::{self, EntryKey, LocationError, Surroundings};
use crate::symbols::scopes::{CallSite, FunctionScope};
use crate::symbols::vars::{self, CallArgument, CallTarget, Whereabouts};

use super::Scene;
use super::debug::ModuleDebug;
use super::frame::Physical;

/// Entry values lead from caller to caller; so many steps are enough for anybody.
const MAX_CALLERS: u32 = 64;
/// Functions that are looked at for tail calls.
const MAX_TAIL_CALLS: usize = 512;

/// One frame, for one evaluation.
pub(crate) struct FrameContext<'s> {
    scene: &'s Scene<'s>,
    frame: Option<&'s Physical>,
    /// The thread pointer of the thread that is looked at, where there is no frame.
    pointer: Option<u64>,
    bias: u64,
    /// How many callers have been asked on the way here.
    depth: u32,
}

impl<'s> FrameContext<'s> {
    /// The context of a frame's variables.
    pub(crate) fn of(scene: &'s Scene<'s>, frame: &'s Physical) -> FrameContext<'s> {
        FrameContext { scene, frame: Some(frame), pointer: None, bias: frame.bias, depth: 0 }
    }

    /// The context of variables that need no frame, in a module with this load bias; those that each thread has are meant
    /// of the thread with this thread pointer.
    pub(crate) fn global(scene: &'s Scene<'s>, bias: u64, pointer: Option<u64>) -> FrameContext<'s> {
        FrameContext { scene, frame: None, pointer, bias, depth: 0 }
    }

    fn in_caller(&self, caller: &'s Physical) -> FrameContext<'s> {
        let depth = self.depth + 1;
        FrameContext { scene: self.scene, frame: Some(caller), pointer: None, bias: caller.bias, depth }
    }

    /// The value that `pick`s argument had when the function of this frame was entered.
    fn argument_at_entry(
        &self,
        pick: &dyn Fn(&CallArgument, &ModuleDebug, &CallSite) -> bool,
    ) -> Option<u64> {
        let frame = self.frame?;
        if self.depth >= MAX_CALLERS {
            return None;
        }
        let callee = frame.function()?;
        let caller = self.scene.caller(frame).ok()?;
        let debug = caller.debug.as_ref()?;
        let returns_to = FileAddr(caller.pc().0.wrapping_sub(caller.bias));
        let calls = debug.scopes.calls(caller.function()?.die);
        let site = calls.iter().find(|site| site.returns_to == returns_to)?;
        let (target, arguments) = vars::call_at(debug.dies(), site.die)?;
        let outer = self.in_caller(&caller);
        if !outer.calls(&target, site, debug, frame, callee)
            || self.scene.may_call_itself(callee.entry.at(frame.bias))
        {
            return None;
        }
        let argument = arguments.iter().find(|argument| pick(argument, debug, site))?;
        location::compute(debug.dies(), site.die, argument.value?, &outer).ok()
    }

    /// Whether a call made in this frame goes to `callee`.
    fn calls(
        &self,
        target: &CallTarget,
        site: &CallSite,
        debug: &ModuleDebug,
        callee_frame: &Physical,
        callee: &FunctionScope,
    ) -> bool {
        let entry = callee.entry.at(callee_frame.bias);
        match target {
            CallTarget::Unknown => false,
            CallTarget::Function(at) => self.scene.function_is(debug, self.bias, *at, entry),
            CallTarget::Expression(bytes) => location::compute(debug.dies(), site.die, bytes, self)
                .is_ok_and(|address| Addr(address) == entry),
        }
    }
}

impl Surroundings for FrameContext<'_> {
    fn register(&self, dwarf: u16) -> Option<u64> {
        self.frame?.regs.get(dwarf)
    }

    fn vector(&self, number: u16) -> Option<[u8; 16]> {
        self.frame?.regs.xmm.as_ref()?.get(usize::from(number)).copied()
    }

    fn memory(&self) -> &dyn Memory {
        self.scene.memory()
    }

    fn cfa(&self) -> Option<Addr> {
        self.scene.cfa(self.frame?)
    }

    fn frame_base(&self) -> Result<u64, LocationError> {
        let lost = || LocationError::Other("no frame base".to_owned());
        let frame = self.frame.ok_or_else(lost)?;
        let (Some(function), Some(debug)) = (frame.function(), &frame.debug) else { return Err(lost()) };
        match vars::frame_base(debug.dies(), function.die, frame.file_lookup()) {
            Whereabouts::Expression(unit, bytes) => {
                location::compute(debug.dies(), unit, bytes, &NoFrameBase(self))
            }
            _ => Err(lost()),
        }
    }

    fn entry_value(&self, of: EntryKey) -> Option<u64> {
        self.argument_at_entry(&|argument, debug, site| match of {
            EntryKey::Parameter(die) => argument.parameter == Some(die),
            _ => argument
                .location
                .is_some_and(|bytes| location::entry_key(debug.dies(), site.die, bytes) == Some(of)),
        })
    }

    fn thread_local(&self, offset: u64) -> Result<Addr, LocationError> {
        let fs_base = match self.frame {
            Some(frame) => frame.regs.fs_base,
            None => self.pointer.or_else(|| self.scene.fs_base()).unwrap_or(0),
        };
        self.scene.thread_local(self.bias, offset, fs_base)
    }

    fn bias(&self) -> u64 {
        self.bias
    }
}

/// The frame base must not be defined by itself.
struct NoFrameBase<'a>(&'a FrameContext<'a>);

impl Surroundings for NoFrameBase<'_> {
    fn register(&self, dwarf: u16) -> Option<u64> {
        self.0.register(dwarf)
    }
    fn vector(&self, number: u16) -> Option<[u8; 16]> {
        self.0.vector(number)
    }
    fn memory(&self) -> &dyn Memory {
        self.0.memory()
    }
    fn cfa(&self) -> Option<Addr> {
        self.0.cfa()
    }
    fn frame_base(&self) -> Result<u64, LocationError> {
        Err(LocationError::Other("a frame base that is defined by itself".to_owned()))
    }
    fn entry_value(&self, of: EntryKey) -> Option<u64> {
        self.0.entry_value(of)
    }
    fn thread_local(&self, offset: u64) -> Result<Addr, LocationError> {
        self.0.thread_local(offset)
    }
    fn bias(&self) -> u64 {
        self.0.bias()
    }
}

impl Scene<'_> {
    /// Whether the function that the entry `at` declares is the one at `entry`.
    fn function_is(
        &self,
        debug: &ModuleDebug,
        bias: u64,
        at: crate::symbols::types::DieRef,
        entry: Addr,
    ) -> bool {
        self.function_entry(debug, bias, at).contains(&entry)
    }

    /// Where the function that an entry declares begins: in its own module, or wherever its name leads.
    pub(crate) fn function_entry(
        &self,
        debug: &ModuleDebug,
        bias: u64,
        at: crate::symbols::types::DieRef,
    ) -> Vec<Addr> {
        let (here, name) = vars::function_at(debug.dies(), at);
        if let Some(here) = here {
            return vec![here.at(bias)];
        }
        let Some(name) = name else { return Vec::new() };
        let named = |module: &crate::symbols::Module| {
            let symbols = module.image.iter().flat_map(|image| image.symbols_named(&name));
            symbols.map(|symbol| symbol.address.at(module.bias)).collect::<Vec<_>>()
        };
        self.modules.iter().flat_map(named).collect()
    }

    /// Whether the function at `entry` may come to call itself through tail calls: then nobody knows with
    /// which arguments. It also counts when one of the calls goes nobody knows where.
    fn may_call_itself(&self, entry: Addr) -> bool {
        if let Some(known) = self.caches.selftail.borrow().get(&entry) {
            return *known;
        }
        let found = self.follow_tail_calls(entry);
        self.caches.selftail.borrow_mut().insert(entry, found);
        found
    }

    fn follow_tail_calls(&self, entry: Addr) -> bool {
        let mut seen = vec![entry];
        let mut at = 0;
        while let Some(&function) = seen.get(at) {
            at += 1;
            if at > MAX_TAIL_CALLS {
                return true;
            }
            let Some(module) = self.modules.at(function) else { continue };
            let Some(debug) = self.caches.debug(module) else { continue };
            let scopes = debug.scopes.at(FileAddr(function.0.wrapping_sub(module.bias)));
            let Some(scope) = scopes.last() else { continue };
            for site in debug.scopes.calls(scope.die).iter().filter(|site| site.tail) {
                let target = match vars::call_at(debug.dies(), site.die) {
                    Some((CallTarget::Function(die), _)) => self.function_entry(&debug, module.bias, die),
                    _ => Vec::new(),
                };
                if target.is_empty() || target.contains(&entry) {
                    return true;
                }
                seen.extend(target.into_iter().filter(|next| !seen.contains(next)).collect::<Vec<_>>());
            }
        }
        false
    }
}

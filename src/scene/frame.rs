//! Frames: what the unwinder finds, joined with the functions that were inlined there.
//!
//! A [`Physical`] frame has registers; one or more [`Frame`]s stand on it, one for each function that the debug
//! info sees around its pc. Callers are unwound when somebody asks for them. A missing table or a missing
//! debug file costs names and arguments, never the rest of the stack.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::addr::{Addr, FileAddr, Tid};
use crate::regs::FrameRegs;
use crate::symbols::scopes::FunctionScope;
use crate::symbols::types::Type;
use crate::unwind::End;

use super::Scene;
use super::debug::ModuleDebug;

/// Frames are numbered up to here; a stack that is deeper is not unwound any further.
pub const MAX_FRAMES: usize = 1 << 20;

/// A frame that the machine has.
pub struct Physical {
    /// Its registers, as far as they are known.
    pub regs: FrameRegs,
    /// Whether the pc is where it was interrupted, and not a return address.
    pub exact: bool,
    /// The debug info of the module that holds the code.
    pub(crate) debug: Option<Rc<ModuleDebug>>,
    /// The module's load bias.
    pub(crate) bias: u64,
    /// The functions around the pc, innermost first.
    pub(crate) scopes: Arc<[FunctionScope]>,
    /// Whether its function has jumped away: nothing will return into it.
    pub tail_call: bool,
    caller: OnceCell<Outwards>,
    cfa: OnceCell<Option<Addr>>,
}

impl Physical {
    /// A frame of which nothing is known but its pc and its callers.
    pub(super) fn recorded(pc: Addr, exact: bool, caller: Option<Rc<Physical>>) -> Physical {
        let mut regs = FrameRegs::default();
        regs.gpr[usize::from(crate::regs::RIP)] = Some(pc.0);
        Physical {
            regs,
            exact,
            debug: None,
            bias: 0,
            scopes: Arc::default(),
            tail_call: false,
            caller: OnceCell::from(Outwards { caller: caller.ok_or(End::Outermost), signal: false }),
            cfa: OnceCell::from(None),
        }
    }
}

/// What is outside of a frame.
struct Outwards {
    caller: Result<Rc<Physical>, End>,
    /// The frame is a signal trampoline.
    signal: bool,
}

impl Physical {
    /// The program counter.
    #[must_use]
    pub fn pc(&self) -> Addr {
        Addr(self.regs.pc())
    }

    /// The address that says which code this frame is in: the pc, or the byte before a return address, which may
    /// already belong to the next line or function.
    #[must_use]
    pub fn lookup(&self) -> Addr {
        if self.exact { self.pc() } else { self.pc().sub(1) }
    }

    pub(crate) fn file_lookup(&self) -> FileAddr {
        FileAddr(self.lookup().0.wrapping_sub(self.bias))
    }

    /// The same as the frame of a function that has jumped away; `outer` had called it.
    pub(crate) fn into_tail_call(mut self, outer: Rc<Physical>, cfa: Option<Addr>) -> Physical {
        self.tail_call = true;
        self.caller = OnceCell::from(Outwards { caller: Ok(outer), signal: false });
        self.cfa = OnceCell::from(cfa);
        self
    }

    /// The function that really is a function, and not inlined.
    pub(crate) fn function(&self) -> Option<&FunctionScope> {
        self.scopes.last()
    }
}

/// A frame as people count them.
#[derive(Clone)]
pub struct Frame {
    /// 0 is the innermost.
    pub level: u32,
    /// The thread.
    pub tid: Tid,
    /// The frame of the machine that it stands on.
    pub physical: Rc<Physical>,
    /// Which of the functions around the pc it is; beyond the end when debug info has none.
    pub(crate) scope: usize,
    /// Set for a signal trampoline, gdb's `<signal handler called>`.
    pub signal_handler: bool,
}

impl Frame {
    /// The program counter; an inlined frame has that of the function it was inlined into.
    #[must_use]
    pub fn pc(&self) -> Addr {
        self.physical.pc()
    }

    /// Whether its function was inlined into the next frame's.
    #[must_use]
    pub fn inlined(&self) -> bool {
        self.function().is_some_and(|scope| scope.inlined)
    }

    /// Whether another function was inlined here and is the next inner frame.
    #[must_use]
    pub fn has_inlined_callee(&self) -> bool {
        self.scope > 0
    }

    /// The function as the debug info has it.
    #[must_use]
    pub fn function(&self) -> Option<&FunctionScope> {
        self.physical.scopes.get(self.scope)
    }

    /// The type of that very function, which may share its name with others.
    #[must_use]
    pub fn function_type(&self) -> Option<Type> {
        let (scope, debug) = (self.function()?, self.physical.debug.as_ref()?);
        Some(debug.table.get(scope.die)).filter(Type::is_function)
    }
}

/// The frames of a thread, innermost first.
pub struct Frames {
    /// The frames.
    pub frames: Vec<Frame>,
    /// There are more, but no more were asked for.
    pub more: bool,
    /// Why the unwinding ended where it should not, in gdb's words.
    pub stopped: Option<String>,
}

impl Scene<'_> {
    /// The frames of a thread, at most `limit` of them.
    #[must_use]
    pub fn frames(&self, tid: Tid, limit: usize) -> Frames {
        if let Some(stack) = self.source.recorded_stack(tid) {
            return self.recorded_frames(tid, stack, limit);
        }
        let mut all = Frames { frames: Vec::new(), more: false, stopped: None };
        let Some(regs) = self.source.frame_regs(tid) else { return all };
        let limit = limit.min(MAX_FRAMES);
        let mut physical = Rc::new(self.physical(regs, true));
        let mut first = self.source.hidden_inlines(tid).min(physical.scopes.len().saturating_sub(1));
        loop {
            let signal = self.outwards(&physical).signal;
            // As in gdb, a function that jumped away is one frame, whatever was inlined into it.
            let count = if physical.tail_call { 1 } else { physical.scopes.len().max(1) };
            for scope in std::mem::take(&mut first)..count {
                if all.frames.len() >= limit {
                    all.more = true;
                    return all;
                }
                let level = all.frames.len() as u32;
                all.frames.push(Frame {
                    level,
                    tid,
                    physical: physical.clone(),
                    scope,
                    signal_handler: signal,
                });
            }
            match self.caller(&physical) {
                Ok(caller) => physical = caller,
                Err(end) => {
                    all.stopped = stop_text(end);
                    return all;
                }
            }
        }
    }

    /// The frame that called `of`; the end is also reached above `main`, as in gdb.
    ///
    /// # Errors
    /// Why there is none.
    pub fn caller(&self, of: &Physical) -> Result<Rc<Physical>, End> {
        if !self.caches.past_main.get() && self.is_outermost(of) {
            return Err(End::Outermost);
        }
        self.outwards(of).caller.clone()
    }

    /// The canonical frame address: it names the frame as long as it lives.
    #[must_use]
    pub fn cfa(&self, of: &Physical) -> Option<Addr> {
        *of.cfa.get_or_init(|| self.unwinder.cfa(&of.regs, of.exact, self.memory()))
    }

    fn outwards<'f>(&self, of: &'f Physical) -> &'f Outwards {
        of.caller.get_or_init(|| match self.unwinder.step(&of.regs, of.exact, self.memory()) {
            Ok(step) => Outwards {
                caller: Ok(self.calling(of, step.caller, step.signal_frame)),
                signal: step.signal_frame,
            },
            Err(end) => Outwards { caller: Err(end), signal: false },
        })
    }

    /// The frame that a step leads to, with the functions between that have jumped away.
    fn calling(&self, of: &Physical, regs: FrameRegs, signal: bool) -> Rc<Physical> {
        let caller = Rc::new(self.physical(regs, signal));
        if signal { caller } else { self.with_tail_calls(of, caller) }
    }

    pub(crate) fn physical(&self, regs: FrameRegs, exact: bool) -> Physical {
        let lookup = Addr(if exact { regs.pc() } else { regs.pc().wrapping_sub(1) });
        let module = self.modules.at(lookup);
        let bias = module.map_or(0, |module| module.bias);
        let debug = module.and_then(|module| self.caches.debug(module));
        let file = FileAddr(lookup.0.wrapping_sub(bias));
        let scopes = debug.as_ref().map(|debug| debug.scopes.at(file)).unwrap_or_default();
        let (caller, cfa) = (OnceCell::new(), OnceCell::new());
        Physical { regs, exact, debug, bias, scopes, tail_call: false, caller, cfa }
    }

    fn is_rust(&self, frame: &Physical, function: &FunctionScope) -> bool {
        let language = frame
            .debug
            .as_ref()
            .and_then(|debug| debug.dies().language(debug.dies().unit_index_at(function.entry)?));
        language == Some("rust")
    }

    /// Whether it is the frame of `main`, or of the program's first instruction.
    fn is_outermost(&self, frame: &Physical) -> bool {
        let Some(program) = self.modules.program().filter(|program| program.span.contains(frame.lookup()))
        else {
            return false;
        };
        let Some(image) = &program.image else { return false };
        // Rust's main is called by the library's, which is called by C's.
        let name = frame.function().and_then(|function| function.name.as_deref());
        if name.is_some_and(|name| name.ends_with("::main") && name.matches("::").count() == 1)
            && frame.function().is_some_and(|function| self.is_rust(frame, function))
        {
            return true;
        }
        match (frame.function(), image.symbols_named("main").next()) {
            (Some(function), Some(main)) => function.entry == main.address,
            _ => image
                .symbol_at(frame.file_lookup())
                .is_some_and(|(symbol, _)| symbol.name == "main" || symbol.name == "_start"),
        }
    }
}

/// gdb's words for an end that should not have been one.
fn stop_text(end: End) -> Option<String> {
    match end {
        End::Outermost | End::Lost(_) => None,
        other => Some(other.to_string()),
    }
}

//! Frames of functions that ended in a jump to another function: the machine has none, call sites tell of them.
//!
//! The caller's call site names the function that was called. Where another one runs instead, there is a chain of jumps
//! at functions' ends that leads from the one to the other. If there is just one such chain, each function of it
//! becomes a frame, as in gdb (dwarf2/frame-tailcall.c); where several fit, nobody knows and none is shown.

use std::rc::Rc;

use crate::addr::{Addr, FileAddr};
use crate::symbols::vars::{self, CallTarget};

use super::Scene;
use super::frame::Physical;

/// Functions that are looked at on the way.
const MOST: usize = 256;
/// Jumps in a chain.
const DEEPEST: usize = 16;

/// One jump of a chain: the address behind it, inside of the function that made it.
type Jump = Addr;

impl Scene<'_> {
    /// The frame that seems to have called `callee`: `caller` itself, or the innermost of the functions between them.
    pub(crate) fn with_tail_calls(&self, callee: &Physical, caller: Rc<Physical>) -> Rc<Physical> {
        let Some(jumps) = self.jumps(callee, &caller) else { return caller };
        jumps.into_iter().fold(caller, |outer, jump| Rc::new(self.tail_frame(jump, outer)))
    }

    /// The jumps between a caller and the function that runs, outermost first; `None` when there are none, or
    /// when they are not known.
    fn jumps(&self, callee: &Physical, caller: &Physical) -> Option<Vec<Jump>> {
        let running = callee.function()?.entry.at(callee.bias);
        let debug = caller.debug.as_ref()?;
        let returns_to = FileAddr(caller.pc().0.wrapping_sub(caller.bias));
        let calls = debug.scopes.calls(caller.function()?.die);
        let site = calls.iter().find(|site| site.returns_to == returns_to)?;
        let (CallTarget::Function(called), _) = vars::call_at(debug.dies(), site.die)? else { return None };
        let called = self.function_entry(debug, caller.bias, called);
        if called.is_empty() || called.contains(&running) {
            return None;
        }
        let mut search = Search { to: running, trail: Vec::new(), seen: called.clone(), found: Vec::new() };
        for entry in called {
            self.follow(entry, &mut search);
        }
        if search.found.len() == 1 { search.found.pop() } else { None }
    }

    fn follow(&self, function: Addr, search: &mut Search) {
        if search.found.len() > 1 || search.seen.len() > MOST || search.trail.len() >= DEEPEST {
            return;
        }
        let Some(module) = self.modules.at(function) else { return };
        let Some(debug) = self.caches.debug(module) else { return };
        let scopes = debug.scopes.at(module.linked(function));
        let Some(scope) = scopes.last() else { return };
        for site in debug.scopes.calls(scope.die).iter().filter(|site| site.tail) {
            let Some((CallTarget::Function(target), _)) = vars::call_at(debug.dies(), site.die) else {
                continue;
            };
            for entry in self.function_entry(&debug, module.bias, target) {
                search.trail.push(site.returns_to.at(module.bias));
                if entry == search.to {
                    search.found.push(search.trail.clone());
                } else if !search.seen.contains(&entry) {
                    search.seen.push(entry);
                    self.follow(entry, search);
                }
                search.trail.pop();
            }
        }
    }

    /// The frame of a function that jumped away: its registers are those of whoever called it.
    fn tail_frame(&self, jump: Jump, outer: Rc<Physical>) -> Physical {
        let mut regs = outer.regs.clone();
        regs.gpr[usize::from(crate::regs::RIP)] = Some(jump.0);
        let cfa = outer.regs.get(crate::regs::RSP).map(Addr);
        self.physical(regs, false).into_tail_call(outer, cfa)
    }
}

struct Search {
    to: Addr,
    trail: Vec<Jump>,
    seen: Vec<Addr>,
    found: Vec<Vec<Jump>>,
}

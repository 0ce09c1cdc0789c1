//! Frames out of registers, stack bytes and call frame information (DWARF 5, section 6.4; `.eh_frame`).
//!
//! Every register that the tables say anything about is recovered, not only rip, rsp and rbp: arguments in
//! outer frames live in callee-saved ones. It knows neither names nor processes: it is handed bytes of
//! `.eh_frame`, a [`Memory`] and [`FrameRegs`]. Tables come from files and may say anything; every failure is
//! an [`End`], never a panic.

mod cfi;
mod fallback;
mod header;

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use thiserror::Error;

pub use cfi::Cfi;
use cfi::{CfaRule, Row, Rule};

use crate::addr::{Addr, FileAddr, Span};
use crate::memory::{Fault, Memory};
use crate::regs::{FrameRegs, RIP, RSP};

/// One step outwards.
#[derive(Clone, Debug)]
pub struct Step {
    /// The caller's registers.
    pub caller: FrameRegs,
    /// The canonical frame address of the frame that was left: what identifies it as long as it lives.
    pub cfa: Addr,
    /// Whether the frame that was left is a signal trampoline: its caller was interrupted at an exact
    /// instruction, it did not call.
    pub signal_frame: bool,
}

/// Where a frame keeps a register of its caller.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Still in a register.
    Kept,
    /// In memory.
    At(Addr),
    /// Nowhere, but the tables tell its value.
    Computed,
    /// It is lost.
    Lost,
}

/// Why there is no caller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum End {
    /// The tables say that this is the outermost frame.
    #[error("outermost frame")]
    Outermost,
    /// A word of the stack cannot be read.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// Neither tables nor the frame pointer lead anywhere.
    #[error("no unwind information for {0}")]
    Lost(Addr),
    /// The caller would be this very frame again.
    #[error("previous frame identical to this frame (corrupt stack?)")]
    Identical,
    /// The caller would lie below its callee.
    #[error("previous frame inner to this frame (corrupt stack?)")]
    Inner,
}

/// The call frame information of one address space.
#[derive(Default)]
pub struct Unwinder {
    /// Sorted by address.
    modules: Vec<Loaded>,
    /// What the tables said, by address of code: the same callers come again and again.
    rows: RefCell<FxHashMap<Addr, Option<Arc<Row>>>>,
}

struct Loaded {
    span: Span,
    bias: u64,
    cfi: Arc<Cfi>,
}

/// Rows kept before the cache is emptied.
const CACHE_LIMIT: usize = 65_536;

impl Unwinder {
    /// An unwinder without tables: it has the frame pointer only.
    #[must_use]
    pub fn new() -> Unwinder {
        Unwinder::default()
    }

    /// Adds the tables of a file that covers `span` and was loaded with `bias`.
    pub fn add(&mut self, span: Span, bias: u64, cfi: Arc<Cfi>) {
        let at = self.modules.partition_point(|module| module.span.start < span.start);
        self.modules.insert(at, Loaded { span, bias, cfi });
        self.rows.get_mut().clear();
    }

    /// The caller of the frame with these registers.
    ///
    /// `exact_pc`: the frame was interrupted at its pc (the innermost one, and one above a signal
    /// trampoline). In all others the pc is a return address, which may belong to the next function when a
    /// call never returns, so the byte before it is looked up.
    ///
    /// # Errors
    /// An [`End`], which for a good stack is [`End::Outermost`].
    pub fn step(&self, regs: &FrameRegs, exact_pc: bool, memory: &dyn Memory) -> Result<Step, End> {
        let pc = Addr(regs.pc());
        let lookup = if exact_pc { pc } else { pc.sub(1) };
        let step = match self.row(lookup) {
            Some(row) => by_table(&row, regs, memory)?,
            None => fallback::step(regs, exact_pc, memory, &|at| self.module_at(at).is_some())?,
        };
        let before = regs.get(RSP).unwrap_or(0);
        let after = step.caller.get(RSP).unwrap_or(0);
        if after < before && !step.signal_frame {
            return Err(End::Inner);
        }
        if after == before && step.caller.pc() == regs.pc() {
            return Err(End::Identical);
        }
        // A zero pc above _start or clone is how the ABI marks the end.
        if step.caller.pc() == 0 {
            return Err(End::Outermost);
        }
        Ok(step)
    }

    /// The canonical frame address of the frame with these registers, when the tables or the frame pointer
    /// give it.
    #[must_use]
    pub fn cfa(&self, regs: &FrameRegs, exact_pc: bool, memory: &dyn Memory) -> Option<Addr> {
        let pc = Addr(regs.pc());
        let row = self.row(if exact_pc { pc } else { pc.sub(1) });
        match row {
            Some(row) => cfa(&row, regs, memory).ok(),
            None => self.step(regs, exact_pc, memory).ok().map(|step| step.cfa),
        }
    }

    /// Where the frame with these registers keeps its caller's registers, by DWARF number; nothing where no table
    /// says so.
    #[must_use]
    pub fn saved(&self, regs: &FrameRegs, exact_pc: bool, memory: &dyn Memory) -> Option<[Saved; 17]> {
        let pc = Addr(regs.pc());
        let row = self.row(if exact_pc { pc } else { pc.sub(1) })?;
        let cfa = cfa(&row, regs, memory).ok()?;
        Some(std::array::from_fn(|number| match &row.rules[number] {
            Rule::Unspecified if number == usize::from(RSP) => Saved::Computed,
            Rule::Unspecified | Rule::Same | Rule::InRegister(_) => Saved::Kept,
            Rule::Undefined => Saved::Lost,
            Rule::Saved(offset) => Saved::At(Addr(cfa.0.wrapping_add_signed(*offset))),
            Rule::Value(_) | Rule::ValueOf(_) => Saved::Computed,
            Rule::SavedBy(code) => {
                cfi::evaluate(*code, regs, memory, Some(cfa.0)).map_or(Saved::Lost, |at| Saved::At(Addr(at)))
            }
        }))
    }

    /// The return addresses of a stack, innermost first, beginning with the pc itself: what is recorded with
    /// each memory call.
    #[must_use]
    pub fn stack(&self, regs: &FrameRegs, memory: &dyn Memory, limit: usize) -> Vec<Addr> {
        let mut stack = vec![Addr(regs.pc())];
        let mut regs = regs.clone();
        let mut exact = true;
        while stack.len() < limit
            && let Ok(step) = self.step(&regs, exact, memory)
        {
            exact = step.signal_frame;
            regs = step.caller;
            stack.push(Addr(regs.pc()));
        }
        stack
    }

    fn module_at(&self, at: Addr) -> Option<&Loaded> {
        let after = self.modules.partition_point(|module| module.span.start <= at);
        self.modules.get(after.checked_sub(1)?).filter(|module| module.span.contains(at))
    }

    fn row(&self, at: Addr) -> Option<Arc<Row>> {
        let mut rows = self.rows.borrow_mut();
        if let Some(row) = rows.get(&at) {
            return row.clone();
        }
        if rows.len() >= CACHE_LIMIT {
            rows.clear();
        }
        let row = self
            .module_at(at)
            .and_then(|module| module.cfi.row(FileAddr(at.0.wrapping_sub(module.bias))).map(Arc::new));
        rows.insert(at, row.clone());
        row
    }
}

fn cfa(row: &Row, regs: &FrameRegs, memory: &dyn Memory) -> Result<Addr, End> {
    let lost = || End::Lost(Addr(regs.pc()));
    match &row.cfa {
        CfaRule::Register(register, offset) => {
            regs.get(*register).map(|value| Addr(value.wrapping_add_signed(*offset))).ok_or_else(lost)
        }
        CfaRule::Expression(code) => cfi::evaluate(*code, regs, memory, None).map(Addr).ok_or_else(lost),
    }
}

fn by_table(row: &Row, regs: &FrameRegs, memory: &dyn Memory) -> Result<Step, End> {
    let cfa = cfa(row, regs, memory)?;
    let mut caller = FrameRegs { gpr: [None; 17], xmm: None, fs_base: regs.fs_base };
    for (number, rule) in row.rules.iter().enumerate() {
        let register = number as u16;
        let value = match rule {
            // gdb's reading of what the tables leave out (dwarf2/frame.c, DWARF2_FRAME_REG_UNSPECIFIED) is
            // "same value", also for registers that a callee may overwrite.
            Rule::Unspecified if register == RSP => Some(cfa.0),
            Rule::Unspecified if register == RIP => return Err(End::Outermost),
            Rule::Unspecified | Rule::Same => regs.get(register),
            Rule::Undefined if register == RIP => return Err(End::Outermost),
            Rule::Undefined => None,
            Rule::Saved(offset) => Some(memory.u64(Addr(cfa.0.wrapping_add_signed(*offset)))?),
            Rule::Value(offset) => Some(cfa.0.wrapping_add_signed(*offset)),
            Rule::InRegister(other) => regs.get(*other),
            Rule::SavedBy(code) => match cfi::evaluate(*code, regs, memory, Some(cfa.0)) {
                Some(at) => Some(memory.u64(Addr(at))?),
                None => None,
            },
            Rule::ValueOf(code) => cfi::evaluate(*code, regs, memory, Some(cfa.0)),
        };
        caller.gpr[number] = value;
    }
    Ok(Step { caller, cfa, signal_frame: row.signal_frame })
}

#[cfg(test)]
mod tests;

//! Where no table covers the code: the return address on top of the stack, or the chain of frame pointers.
//!
//! This is for jumps into nowhere, code made at run time and hand-written assembly. It is a guess, so it is
//! only taken when the return address that it finds lies in code that the unwinder knows.

use super::{End, Step};
use crate::addr::Addr;
use crate::memory::Memory;
use crate::regs::{FrameRegs, RBP, RIP, RSP};

/// How far above rsp a frame pointer may point.
const FRAME_LIMIT: u64 = 1 << 20;

/// One step outwards without tables. `is_code` tells whether an address lies in a known module.
pub(super) fn step(
    regs: &FrameRegs,
    exact_pc: bool,
    memory: &dyn Memory,
    is_code: &dyn Fn(Addr) -> bool,
) -> Result<Step, End> {
    let lost = End::Lost(Addr(regs.pc()));
    let rsp = regs.get(RSP).ok_or_else(|| lost.clone())?;
    let here = is_code(Addr(regs.pc()));
    // A call through a bad pointer, or a function before its prologue: the return address is on top.
    if exact_pc && !here {
        let top = memory.u64(Addr(rsp))?;
        if is_code(Addr(top)) {
            return Ok(caller(regs, top, rsp.wrapping_add(8), regs.get(RBP)));
        }
    }
    let rbp = regs.get(RBP).ok_or_else(|| lost.clone())?;
    if rbp < rsp || rbp - rsp > FRAME_LIMIT || rbp % 8 != 0 {
        return Err(lost);
    }
    let saved = memory.u64(Addr(rbp))?;
    let back = memory.u64(Addr(rbp).add(8))?;
    if !is_code(Addr(back)) {
        return Err(lost);
    }
    Ok(caller(regs, back, rbp.wrapping_add(16), Some(saved)))
}

fn caller(regs: &FrameRegs, pc: u64, rsp: u64, rbp: Option<u64>) -> Step {
    let mut caller = FrameRegs { xmm: None, ..regs.clone() };
    caller.gpr[usize::from(RIP)] = Some(pc);
    caller.gpr[usize::from(RSP)] = Some(rsp);
    caller.gpr[usize::from(RBP)] = rbp;
    Step { caller, cfa: Addr(rsp), signal_frame: false }
}

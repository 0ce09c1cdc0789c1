//! What the instruction under a breakpoint does, done by us instead of by a single-step.
//!
//! A thread that goes on from a breakpoint must execute the instruction whose first byte we replaced. Taking
//! the breakpoint out for a single-step costs a second stop and opens a gap through which other threads slip
//! unseen. Most functions begin with one of a few instructions whose effect on registers and one stack word
//! is simple: those are carried out here, so that nothing is taken out (measured: 82 to 92 % of libc's functions).
//!
//! Memory is touched on the thread's own stack alone: elsewhere another thread may look at the same word, and
//! what the processor does at once takes the kernel a copy on our behalf.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use crate::addr::Addr;
use crate::regs::Regs;

/// The kernel's words for rsp and rip.
const RSP: usize = 19;
const RBP: usize = 4;
const RIP: usize = 16;
const EFLAGS: usize = 18;
/// Beyond what programs can have mapped, with four levels of pages.
const USER_END: u64 = 1 << 47;

/// An instruction that we can carry out ourselves.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Emulation {
    /// It only moves on: endbr64, nop.
    Nothing,
    /// `push reg`.
    Push(usize),
    /// `ret`: all that the loader's hook is.
    Return,
    /// `mov reg, reg` or `mov reg, constant`; 32 bits clear the upper half.
    Move { to: usize, from: Operand, wide: bool },
    /// `mov reg, [slot]`.
    Fetch { to: usize, slot: Slot, wide: bool },
    /// `mov [slot], reg` or `mov [slot], constant`.
    Keep { slot: Slot, from: Operand, wide: bool },
    /// `cmp [slot], constant`.
    Compare { slot: Slot, with: u64, wide: bool },
    /// `lea reg, [base + offset]`; without a base the offset is the address.
    Address { to: usize, base: Option<usize>, offset: u64 },
    /// `sub reg, constant` of 64 bits.
    Subtract { from: usize, value: u64 },
    /// `xor reg, reg` with itself.
    Clear(usize),
    /// `test reg, reg` with itself, 64 or 32 bits.
    Test { what: usize, wide: bool },
}

/// What is moved.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// A register, by the kernel's word.
    Register(usize),
    /// A constant of the instruction, extended to 64 bits.
    Constant(u64),
}

/// A word on the stack, by rsp or rbp.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    base: usize,
    offset: u64,
}

/// The stack of the thread, as the thread itself could read and write it.
pub(super) trait Stack {
    /// Fills `bytes` from `at`; false where the thread would fault.
    fn load(&self, at: Addr, bytes: &mut [u8]) -> bool;
    /// Writes `bytes` at `at`; false where the thread would fault.
    fn store(&self, at: Addr, bytes: &[u8]) -> bool;
}

/// The instruction at a breakpoint, and how to pass it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct First {
    /// How it is carried out; `None` asks for a single-step.
    pub(super) emulation: Option<Emulation>,
    /// Its length in bytes; 0 when it cannot be decoded.
    pub(super) length: u64,
}

impl First {
    /// Decodes the instruction that begins with `bytes` (original ones, without our patch) at `at`.
    pub(super) fn decode(bytes: &[u8], at: Addr) -> First {
        let mut decoder = Decoder::with_ip(64, bytes, at.0, DecoderOptions::NONE);
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return First { emulation: None, length: 0 };
        }
        let plain = !instruction.has_lock_prefix() && instruction.segment_prefix() == Register::None;
        let emulation = if plain { classify(&instruction) } else { None };
        First { emulation, length: instruction.len() as u64 }
    }
}

fn classify(i: &Instruction) -> Option<Emulation> {
    let both_registers = i.op0_kind() == OpKind::Register && i.op1_kind() == OpKind::Register;
    match (i.mnemonic(), i.code()) {
        (Mnemonic::Endbr64 | Mnemonic::Nop, _) => Some(Emulation::Nothing),
        (Mnemonic::Push, Code::Push_r64) => word(i.op0_register()).map(Emulation::Push),
        (Mnemonic::Ret, Code::Retnq) => Some(Emulation::Return),
        (Mnemonic::Mov, code) => moved(i, code),
        (
            Mnemonic::Cmp,
            code @ (Code::Cmp_rm64_imm8 | Code::Cmp_rm64_imm32 | Code::Cmp_rm32_imm8 | Code::Cmp_rm32_imm32),
        ) => {
            let wide = matches!(code, Code::Cmp_rm64_imm8 | Code::Cmp_rm64_imm32);
            Some(Emulation::Compare { slot: slot(i)?, with: i.immediate(1), wide })
        }
        (Mnemonic::Lea, Code::Lea_r64_m) if i.memory_index() == Register::None => {
            let base = match i.memory_base() {
                Register::None | Register::RIP => None,
                other => Some(word(other)?),
            };
            Some(Emulation::Address { to: word(i.op0_register())?, base, offset: i.memory_displacement64() })
        }
        (Mnemonic::Sub, Code::Sub_rm64_imm8 | Code::Sub_rm64_imm32) if i.op0_kind() == OpKind::Register => {
            Some(Emulation::Subtract { from: word(i.op0_register())?, value: i.immediate(1) })
        }
        (Mnemonic::Xor, Code::Xor_rm32_r32 | Code::Xor_r32_rm32)
            if both_registers && i.op0_register() == i.op1_register() =>
        {
            word(i.op0_register()).map(Emulation::Clear)
        }
        (Mnemonic::Test, code @ (Code::Test_rm64_r64 | Code::Test_rm32_r32))
            if both_registers && i.op0_register() == i.op1_register() =>
        {
            Some(Emulation::Test { what: word(i.op0_register())?, wide: code == Code::Test_rm64_r64 })
        }
        _ => None,
    }
}

/// The moves of 64 and 32 bits between registers, constants and the stack.
fn moved(i: &Instruction, code: Code) -> Option<Emulation> {
    let wide = match code {
        Code::Mov_rm64_r64 | Code::Mov_r64_rm64 | Code::Mov_r64_imm64 | Code::Mov_rm64_imm32 => true,
        Code::Mov_rm32_r32 | Code::Mov_r32_rm32 | Code::Mov_r32_imm32 | Code::Mov_rm32_imm32 => false,
        _ => return None,
    };
    if i.op1_kind() == OpKind::Memory {
        return Some(Emulation::Fetch { to: word(i.op0_register())?, slot: slot(i)?, wide });
    }
    let from = match i.op1_kind() {
        OpKind::Register => Operand::Register(word(i.op1_register())?),
        _ => Operand::Constant(i.immediate(1)),
    };
    match i.op0_kind() {
        OpKind::Memory => Some(Emulation::Keep { slot: slot(i)?, from, wide }),
        _ => Some(Emulation::Move { to: word(i.op0_register())?, from, wide }),
    }
}

/// The place on the stack that an instruction names.
fn slot(i: &Instruction) -> Option<Slot> {
    let base = match i.memory_base() {
        Register::RSP => RSP,
        Register::RBP => RBP,
        _ => return None,
    };
    (i.memory_index() == Register::None).then(|| Slot { base, offset: i.memory_displacement64() })
}

/// The kernel's word of a general register of 64 or 32 bits.
fn word(register: Register) -> Option<usize> {
    if !register.is_gpr64() && !register.is_gpr32() {
        return None;
    }
    // iced's order: rax rcx rdx rbx rsp rbp rsi rdi r8…r15.
    const WORDS: [usize; 16] = [10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0];
    WORDS.get(register.number()).copied()
}

impl Slot {
    /// Its address, when it lies where the thread's frames are: from the red zone on, for a megabyte.
    fn at(self, r: &[u64]) -> Option<Addr> {
        let at = r[self.base].wrapping_add(self.offset);
        let lowest = r[RSP].wrapping_sub(128);
        (at.wrapping_sub(lowest) < 1 << 20).then_some(Addr(at))
    }

    fn load(self, r: &[u64], wide: bool, stack: &impl Stack) -> Option<u64> {
        let mut bytes = [0; 8];
        stack.load(self.at(r)?, &mut bytes[..width(wide)]).then(|| u64::from_le_bytes(bytes))
    }
}

fn width(wide: bool) -> usize {
    if wide { 8 } else { 4 }
}

fn cut(value: u64, wide: bool) -> u64 {
    if wide { value } else { value & 0xffff_ffff }
}

impl Operand {
    fn value(self, r: &[u64], wide: bool) -> u64 {
        match self {
            Operand::Register(from) => cut(r[from], wide),
            Operand::Constant(value) => cut(value, wide),
        }
    }
}

/// Carries an instruction of `length` bytes out on `regs` and the stack. `None` when the stack does not allow it: then
/// nothing was written, `regs` are not to be used, and the real instruction shall fault as it would without us.
pub(super) fn apply(emulation: Emulation, length: u64, regs: &mut Regs, stack: &impl Stack) -> Option<()> {
    let r = &mut regs.0;
    match emulation {
        Emulation::Nothing => {}
        Emulation::Push(from) => {
            // `push %rsp` stores the value from before the push (Intel SDM, PUSH).
            let value = r[from];
            r[RSP] = r[RSP].wrapping_sub(8);
            stack.store(Addr(r[RSP]), &value.to_le_bytes()).then_some(())?;
        }
        Emulation::Return => {
            let top = Slot { base: RSP, offset: 0 };
            let back = top.load(r, true, stack)?;
            // Where no program can be, the processor shall fault.
            (back < USER_END).then_some(())?;
            r[RSP] = r[RSP].wrapping_add(8);
            r[RIP] = back.wrapping_sub(length);
        }
        Emulation::Move { to, from, wide } => r[to] = from.value(r, wide),
        Emulation::Fetch { to, slot, wide } => r[to] = slot.load(r, wide, stack)?,
        Emulation::Keep { slot, from, wide } => {
            let value = from.value(r, wide).to_le_bytes();
            stack.store(slot.at(r)?, &value[..width(wide)]).then_some(())?;
        }
        Emulation::Compare { slot, with, wide } => {
            let value = slot.load(r, wide, stack)?;
            r[EFLAGS] = subtract_flags(r[EFLAGS], value, cut(with, wide), wide);
        }
        Emulation::Address { to, base, offset } => {
            r[to] = base.map_or(0, |base| r[base]).wrapping_add(offset);
        }
        Emulation::Subtract { from, value } => {
            let before = r[from];
            r[from] = before.wrapping_sub(value);
            r[EFLAGS] = subtract_flags(r[EFLAGS], before, value, true);
        }
        Emulation::Clear(what) => {
            r[what] = 0;
            r[EFLAGS] = logic_flags(r[EFLAGS], 0, true);
        }
        Emulation::Test { what, wide } => r[EFLAGS] = logic_flags(r[EFLAGS], cut(r[what], wide), wide),
    }
    r[RIP] = r[RIP].wrapping_add(length);
    Some(())
}

const CF: u64 = 1;
const PF: u64 = 1 << 2;
const AF: u64 = 1 << 4;
const ZF: u64 = 1 << 6;
const SF: u64 = 1 << 7;
const OF: u64 = 1 << 11;

fn sign(value: u64, wide: bool) -> bool {
    value >> (if wide { 63 } else { 31 }) & 1 == 1
}

fn result_flags(value: u64, wide: bool) -> u64 {
    let parity = if (value as u8).count_ones().is_multiple_of(2) { PF } else { 0 };
    let zero = if value == 0 { ZF } else { 0 };
    let negative = if sign(value, wide) { SF } else { 0 };
    parity | zero | negative
}

fn logic_flags(flags: u64, value: u64, wide: bool) -> u64 {
    // AF is undefined after a logical operation; processors clear it.
    flags & !(CF | PF | AF | ZF | SF | OF) | result_flags(value, wide)
}

fn subtract_flags(flags: u64, a: u64, b: u64, wide: bool) -> u64 {
    let result = cut(a.wrapping_sub(b), wide);
    let carry = if a < b { CF } else { 0 };
    let half = if a & 0xf < b & 0xf { AF } else { 0 };
    let overflow = if sign((a ^ b) & (a ^ result), wide) { OF } else { 0 };
    flags & !(CF | PF | AF | ZF | SF | OF) | result_flags(result, wide) | carry | half | overflow
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> First {
        First::decode(bytes, Addr(0x1000))
    }

    #[test]
    fn the_usual_first_instructions_are_known() {
        let local = Slot { base: RBP, offset: (-8_i64) as u64 };
        let cases: [(&[u8], Option<Emulation>); 17] = [
            (&[0xc3], Some(Emulation::Return)),
            (&[0xf3, 0x0f, 0x1e, 0xfa], Some(Emulation::Nothing)),
            (&[0x55], Some(Emulation::Push(4))),
            (&[0x41, 0x57], Some(Emulation::Push(0))),
            (&[0x48, 0x89, 0xe5], Some(Emulation::Move { to: 4, from: Operand::Register(19), wide: true })),
            (&[0x89, 0xf8], Some(Emulation::Move { to: 10, from: Operand::Register(14), wide: false })),
            (&[0xb8, 9, 0, 0, 0], Some(Emulation::Move { to: 10, from: Operand::Constant(9), wide: false })),
            (&[0x48, 0x8b, 0x45, 0xf8], Some(Emulation::Fetch { to: 10, slot: local, wide: true })),
            (
                &[0x89, 0x7d, 0xf8],
                Some(Emulation::Keep { slot: local, from: Operand::Register(14), wide: false }),
            ),
            (
                &[0xc7, 0x45, 0xf8, 0, 0, 0, 0],
                Some(Emulation::Keep { slot: local, from: Operand::Constant(0), wide: false }),
            ),
            (
                &[0x83, 0x7d, 0xf8, 0xff],
                Some(Emulation::Compare { slot: local, with: u64::MAX, wide: false }),
            ),
            // Another thread may look at what is not on the stack.
            (&[0x8b, 0x07], None),
            (&[0x48, 0x83, 0xec, 0x18], Some(Emulation::Subtract { from: 19, value: 0x18 })),
            (&[0x31, 0xc0], Some(Emulation::Clear(10))),
            (&[0x48, 0x85, 0xff], Some(Emulation::Test { what: 14, wide: true })),
            (
                &[0x48, 0x8d, 0x05, 0x10, 0, 0, 0],
                Some(Emulation::Address { to: 10, base: None, offset: 0x1017 }),
            ),
            (&[0x0f, 0x05], None),
        ];
        for (bytes, want) in cases {
            let first = decode(bytes);
            assert_eq!((first.emulation, first.length), (want, bytes.len() as u64), "{bytes:x?}");
        }
        assert_eq!(decode(&[]), First { emulation: None, length: 0 });
    }

    #[test]
    fn flags_are_those_of_the_processor() {
        // 0x10 - 0x18 borrows, and borrows from bit 4; 0xf8 has five bits set (Intel SDM vol. 1, 3.4.3.1).
        let mut regs = Regs::default();
        regs.0[RSP] = 0x10;
        regs.0[EFLAGS] = 0x202;
        apply(Emulation::Subtract { from: RSP, value: 0x18 }, 4, &mut regs, &NoStack).unwrap();
        assert_eq!((regs.0[RSP], regs.0[EFLAGS]), (0xffff_ffff_ffff_fff8, 0x202 | CF | AF | SF));
        apply(Emulation::Clear(10), 2, &mut regs, &NoStack).unwrap();
        assert_eq!((regs.0[EFLAGS], regs.0[RIP]), (0x202 | ZF | PF, 6));
    }

    /// A stack that cannot be touched.
    struct NoStack;

    impl Stack for NoStack {
        fn load(&self, _: Addr, _: &mut [u8]) -> bool {
            false
        }
        fn store(&self, _: Addr, _: &[u8]) -> bool {
            false
        }
    }

    /// The words from 0x8000 on.
    struct Words(std::cell::RefCell<[u8; 64]>);

    impl Stack for Words {
        fn load(&self, at: Addr, bytes: &mut [u8]) -> bool {
            let at = (at.0 - 0x8000) as usize;
            bytes.copy_from_slice(&self.0.borrow()[at..at + bytes.len()]);
            true
        }
        fn store(&self, at: Addr, bytes: &[u8]) -> bool {
            let at = (at.0 - 0x8000) as usize;
            self.0.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
            true
        }
    }

    fn at_8020() -> Regs {
        let mut regs = Regs::default();
        (regs.0[RSP], regs.0[RBP]) = (0x8020, 0x8028);
        regs
    }

    #[test]
    fn what_is_pushed_and_kept_comes_back() {
        let words = Words(std::cell::RefCell::new([0xee; 64]));
        let mut regs = at_8020();
        apply(Emulation::Push(RSP), 1, &mut regs, &words).unwrap();
        assert_eq!((regs.0[RSP], regs.0[RIP]), (0x8018, 1));
        let pushed = Slot { base: RSP, offset: 0 };
        apply(Emulation::Fetch { to: 10, slot: pushed, wide: true }, 4, &mut regs, &words).unwrap();
        assert_eq!(regs.0[10], 0x8020);

        // What was pushed may be returned to.
        let mut returned = regs;
        words.store(Addr(0x8018), &0x40_1234_u64.to_le_bytes());
        apply(Emulation::Return, 1, &mut returned, &words).unwrap();
        assert_eq!((returned.0[RSP], returned.0[RIP]), (0x8020, 0x40_1234));
        words.store(Addr(0x8018), &u64::MAX.to_le_bytes());
        assert!(apply(Emulation::Return, 1, &mut regs.clone(), &words).is_none());

        // 32 bits leave the word's other half alone, and clear the register's.
        let local = Slot { base: RBP, offset: (-8_i64) as u64 };
        let minus_one = Operand::Constant(u64::MAX);
        apply(Emulation::Keep { slot: local, from: minus_one, wide: false }, 7, &mut regs, &words).unwrap();
        apply(Emulation::Fetch { to: 10, slot: local, wide: true }, 4, &mut regs, &words).unwrap();
        assert_eq!(regs.0[10], 0xeeee_eeee_ffff_ffff);
        apply(Emulation::Fetch { to: 10, slot: local, wide: false }, 3, &mut regs, &words).unwrap();
        assert_eq!(regs.0[10], 0xffff_ffff);
        apply(Emulation::Compare { slot: local, with: u64::MAX, wide: false }, 4, &mut regs, &words).unwrap();
        assert_eq!(regs.0[EFLAGS], ZF | PF);
        // -1 < 1: negative, no overflow, no borrow of unsigned words.
        apply(Emulation::Compare { slot: local, with: 1, wide: false }, 4, &mut regs, &words).unwrap();
        assert_eq!(regs.0[EFLAGS], SF);
    }

    #[test]
    fn what_is_not_the_thread_s_stack_is_left_to_the_processor() {
        let words = Words(std::cell::RefCell::new([0; 64]));
        let far = Slot { base: RBP, offset: 1 << 21 };
        assert!(
            apply(Emulation::Fetch { to: 10, slot: far, wide: true }, 4, &mut at_8020(), &words).is_none()
        );
        assert!(apply(Emulation::Push(RSP), 1, &mut at_8020(), &NoStack).is_none());
    }
}

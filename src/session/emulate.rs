//! What the instruction under a breakpoint does, done by us instead of by a single-step.
//!
//! A thread that goes on from a breakpoint must execute the instruction whose first byte we replaced. Taking
//! the breakpoint out for a single-step costs a second stop and opens a gap through which other threads slip
//! unseen. Most functions begin with one of a few instructions whose effect on registers and one stack word
//! is simple: those are carried out here, so that nothing is taken out (measured: 82 to 92 % of libc's functions).

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

use crate::addr::Addr;
use crate::regs::Regs;

/// The kernel's words for rsp and rip.
const RSP: usize = 19;
const RIP: usize = 16;
const EFLAGS: usize = 18;

/// An instruction that we can carry out ourselves.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Emulation {
    /// It only moves on: endbr64, nop.
    Nothing,
    /// `push reg`.
    Push(usize),
    /// `mov reg, reg` of 64 bits.
    Move { to: usize, from: usize },
    /// `mov reg, reg` of 32 bits, which clears the upper half.
    Move32 { to: usize, from: usize },
    /// `mov reg, constant`.
    Load { to: usize, value: u64 },
    /// `lea reg, [base + offset]`; without a base the offset is the address.
    Address { to: usize, base: Option<usize>, offset: u64 },
    /// `sub reg, constant` of 64 bits.
    Subtract { from: usize, value: u64 },
    /// `xor reg, reg` with itself.
    Clear(usize),
    /// `test reg, reg` with itself, 64 or 32 bits.
    Test { what: usize, wide: bool },
}

/// The instruction at a breakpoint, and how to pass it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct First {
    /// How it is carried out; `None` asks for a single-step.
    pub(super) emulation: Option<Emulation>,
    /// Its length in bytes; 0 when it cannot be decoded.
    pub(super) length: u64,
}

/// A word that must be written to the target's memory.
pub(super) type Write = Option<(Addr, u64)>;

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
        (Mnemonic::Mov, Code::Mov_rm64_r64 | Code::Mov_r64_rm64) if both_registers => {
            Some(Emulation::Move { to: word(i.op0_register())?, from: word(i.op1_register())? })
        }
        (Mnemonic::Mov, Code::Mov_rm32_r32 | Code::Mov_r32_rm32) if both_registers => {
            Some(Emulation::Move32 { to: word(i.op0_register())?, from: word(i.op1_register())? })
        }
        (Mnemonic::Mov, Code::Mov_r32_imm32 | Code::Mov_r64_imm64) => {
            Some(Emulation::Load { to: word(i.op0_register())?, value: i.immediate(1) })
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

/// The kernel's word of a general register of 64 or 32 bits.
fn word(register: Register) -> Option<usize> {
    if !register.is_gpr64() && !register.is_gpr32() {
        return None;
    }
    // iced's order: rax rcx rdx rbx rsp rbp rsi rdi r8…r15.
    const WORDS: [usize; 16] = [10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0];
    WORDS.get(register.number()).copied()
}

/// Carries an instruction of `length` bytes out on `regs`; says what must be written to memory.
pub(super) fn apply(emulation: Emulation, length: u64, regs: &mut Regs) -> Write {
    let r = &mut regs.0;
    r[RIP] = r[RIP].wrapping_add(length);
    match emulation {
        Emulation::Nothing => {}
        Emulation::Push(from) => {
            // `push %rsp` stores the value from before the push (Intel SDM, PUSH).
            let value = r[from];
            r[RSP] = r[RSP].wrapping_sub(8);
            return Some((Addr(r[RSP]), value));
        }
        Emulation::Move { to, from } => r[to] = r[from],
        Emulation::Move32 { to, from } => r[to] = r[from] & 0xffff_ffff,
        Emulation::Load { to, value } => r[to] = value,
        Emulation::Address { to, base, offset } => {
            r[to] = base.map_or(0, |base| r[base]).wrapping_add(offset);
        }
        Emulation::Subtract { from, value } => {
            let before = r[from];
            r[from] = before.wrapping_sub(value);
            r[EFLAGS] = subtract_flags(r[EFLAGS], before, value);
        }
        Emulation::Clear(what) => {
            r[what] = 0;
            r[EFLAGS] = logic_flags(r[EFLAGS], 0, 63);
        }
        Emulation::Test { what, wide } => {
            let (value, sign) = if wide { (r[what], 63) } else { (r[what] & 0xffff_ffff, 31) };
            r[EFLAGS] = logic_flags(r[EFLAGS], value, sign);
        }
    }
    None
}

const CF: u64 = 1;
const PF: u64 = 1 << 2;
const AF: u64 = 1 << 4;
const ZF: u64 = 1 << 6;
const SF: u64 = 1 << 7;
const OF: u64 = 1 << 11;

fn result_flags(value: u64, sign: u32) -> u64 {
    let parity = if (value as u8).count_ones().is_multiple_of(2) { PF } else { 0 };
    let zero = if value == 0 { ZF } else { 0 };
    let negative = if value >> sign & 1 == 1 { SF } else { 0 };
    parity | zero | negative
}

fn logic_flags(flags: u64, value: u64, sign: u32) -> u64 {
    // AF is undefined after a logical operation; processors clear it.
    flags & !(CF | PF | AF | ZF | SF | OF) | result_flags(value, sign)
}

fn subtract_flags(flags: u64, a: u64, b: u64) -> u64 {
    let result = a.wrapping_sub(b);
    let carry = if a < b { CF } else { 0 };
    let half = if a & 0xf < b & 0xf { AF } else { 0 };
    let overflow = if ((a ^ b) & (a ^ result)) >> 63 == 1 { OF } else { 0 };
    flags & !(CF | PF | AF | ZF | SF | OF) | result_flags(result, 63) | carry | half | overflow
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> First {
        First::decode(bytes, Addr(0x1000))
    }

    #[test]
    fn the_usual_first_instructions_are_known() {
        let cases: [(&[u8], Option<Emulation>); 11] = [
            (&[0xf3, 0x0f, 0x1e, 0xfa], Some(Emulation::Nothing)),
            (&[0x55], Some(Emulation::Push(4))),
            (&[0x41, 0x57], Some(Emulation::Push(0))),
            (&[0x48, 0x89, 0xe5], Some(Emulation::Move { to: 4, from: 19 })),
            (&[0x89, 0xf8], Some(Emulation::Move32 { to: 10, from: 14 })),
            (&[0xb8, 9, 0, 0, 0], Some(Emulation::Load { to: 10, value: 9 })),
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
        apply(Emulation::Subtract { from: RSP, value: 0x18 }, 4, &mut regs);
        assert_eq!((regs.0[RSP], regs.0[EFLAGS]), (0xffff_ffff_ffff_fff8, 0x202 | CF | AF | SF));
        apply(Emulation::Clear(10), 2, &mut regs);
        assert_eq!((regs.0[EFLAGS], regs.0[RIP]), (0x202 | ZF | PF, 6));
    }

    #[test]
    fn a_push_names_the_word_to_write() {
        let mut regs = Regs::default();
        regs.0[RSP] = 0x8000;
        assert_eq!(apply(Emulation::Push(RSP), 1, &mut regs), Some((Addr(0x7ff8), 0x8000)));
    }
}

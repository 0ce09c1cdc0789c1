//! The registers of x86-64: one table feeds DWARF numbers, the kernel's layout and what people see.
//!
//! Numbers are those of the System V ABI, AMD64 supplement, figure 3.36. Nothing here reads a process.

use serde::{Deserialize, Serialize};

/// How many general registers the kernel hands out (`struct user_regs_struct`, sys/user.h).
pub const KERNEL_REGS: usize = 27;

/// One register's names and numbers.
#[derive(Debug)]
pub struct RegInfo {
    /// gdb's name, without the `$`.
    pub name: &'static str,
    /// Its number in DWARF, where it has one.
    pub dwarf: Option<u16>,
    /// Its index in `struct user_regs_struct`, counted in 64-bit words.
    pub kernel: usize,
    /// Its width in bytes, as gdb shows it.
    pub size: u8,
}

const fn reg(name: &'static str, dwarf: Option<u16>, kernel: usize, size: u8) -> RegInfo {
    RegInfo { name, dwarf, kernel, size }
}

/// Every general register, in the order of gdb's `info registers`.
pub static TABLE: [RegInfo; 27] = [
    reg("rax", Some(0), 10, 8),
    reg("rbx", Some(3), 5, 8),
    reg("rcx", Some(2), 11, 8),
    reg("rdx", Some(1), 12, 8),
    reg("rsi", Some(4), 13, 8),
    reg("rdi", Some(5), 14, 8),
    reg("rbp", Some(6), 4, 8),
    reg("rsp", Some(7), 19, 8),
    reg("r8", Some(8), 9, 8),
    reg("r9", Some(9), 8, 8),
    reg("r10", Some(10), 7, 8),
    reg("r11", Some(11), 6, 8),
    reg("r12", Some(12), 3, 8),
    reg("r13", Some(13), 2, 8),
    reg("r14", Some(14), 1, 8),
    reg("r15", Some(15), 0, 8),
    reg("rip", Some(16), 16, 8),
    reg("eflags", Some(49), 18, 4),
    reg("cs", Some(51), 17, 4),
    reg("ss", Some(52), 20, 4),
    reg("ds", Some(53), 23, 4),
    reg("es", Some(50), 24, 4),
    reg("fs", Some(54), 25, 4),
    reg("gs", Some(55), 26, 4),
    reg("fs_base", Some(58), 21, 8),
    reg("gs_base", Some(59), 22, 8),
    reg("orig_rax", None, 15, 8),
];

/// The kernel's word for each of the six integer arguments of a function (`$arg1`…`$arg6`): rdi rsi rdx rcx r8 r9.
pub const ARGUMENTS: [usize; 6] = [14, 13, 12, 11, 9, 8];

/// The general registers of one thread at one moment, in the kernel's order.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regs(pub [u64; KERNEL_REGS]);

impl Regs {
    /// The register called `name` (gdb's names of the table, and `pc`, `sp`, `fp`).
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<u64> {
        let name = match name {
            "pc" => "rip",
            "sp" => "rsp",
            "fp" => "rbp",
            other => other,
        };
        TABLE.iter().find(|reg| reg.name == name).map(|reg| self.0[reg.kernel])
    }

    /// Program counter.
    #[must_use]
    pub fn rip(&self) -> u64 {
        self.0[16]
    }

    /// Stack pointer.
    #[must_use]
    pub fn rsp(&self) -> u64 {
        self.0[19]
    }

    /// The accumulator: a function's or a system call's result.
    #[must_use]
    pub fn rax(&self) -> u64 {
        self.0[10]
    }

    /// The number of the system call that the thread is in, or `u64::MAX`.
    #[must_use]
    pub fn orig_rax(&self) -> u64 {
        self.0[15]
    }

    /// The same at the beginning of a system call that is not to be made, and returns `result` all the same.
    #[must_use]
    pub fn skipping_call(mut self, result: u64) -> Regs {
        self.0[15] = u64::MAX;
        self.0[10] = result;
        self
    }

    /// The arguments of the system call that the thread is in, or comes from; it leaves them as they were.
    #[must_use]
    pub fn call_arguments(&self) -> [u64; 6] {
        [14, 13, 12, 7, 9, 8].map(|word: usize| self.0[word])
    }

    /// The same at the end of a system call that is to be made once more: what the kernel does for one that a signal
    /// interrupted.
    #[must_use]
    pub fn calling_again(mut self) -> Regs {
        /// `syscall` and `int $0x80` are of two bytes.
        const LENGTH: u64 = 2;
        self.0[10] = self.0[15];
        self.0[15] = u64::MAX;
        self.0[16] = self.0[16].wrapping_sub(LENGTH);
        self
    }

    /// Where thread-local storage begins.
    #[must_use]
    pub fn fs_base(&self) -> u64 {
        self.0[21]
    }

    /// The integer argument `n` (1 to 6) at a function's entry, by the System V calling convention.
    #[must_use]
    pub fn argument(&self, n: usize) -> Option<u64> {
        ARGUMENTS.get(n.checked_sub(1)?).map(|&word| self.0[word])
    }
}

/// DWARF's number of the return address (rip).
pub const RIP: u16 = 16;
/// DWARF's number of rsp.
pub const RSP: u16 = 7;
/// DWARF's number of rbp.
pub const RBP: u16 = 6;

/// The sixteen low vector registers of a thread, as raw bytes.
pub type Xmm = [[u8; 16]; 16];

/// The registers of one frame, by DWARF number, as far as the unwinder could recover them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameRegs {
    /// Registers 0 to 16; `None` where the caller's value is lost.
    pub gpr: [Option<u64>; 17],
    /// Vector registers: known in the innermost frame only, every callee may overwrite them.
    pub xmm: Option<std::sync::Arc<Xmm>>,
    /// `fs_base`, the same in all frames of a thread: the base of its thread-local storage.
    pub fs_base: u64,
}

impl FrameRegs {
    /// The register with this DWARF number, if its value is known.
    #[must_use]
    pub fn get(&self, dwarf: u16) -> Option<u64> {
        self.gpr.get(usize::from(dwarf)).copied().flatten()
    }

    /// Program counter of the frame (a return address in all but the innermost).
    #[must_use]
    pub fn pc(&self) -> u64 {
        self.gpr[16].unwrap_or(0)
    }
}

impl From<&Regs> for FrameRegs {
    fn from(regs: &Regs) -> FrameRegs {
        let mut frame = FrameRegs { fs_base: regs.fs_base(), ..FrameRegs::default() };
        for reg in &TABLE {
            if let Some(slot) = reg.dwarf.and_then(|n| frame.gpr.get_mut(usize::from(n))) {
                *slot = Some(regs.0[reg.kernel]);
            }
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_word_has_one_register() {
        let mut seen = [false; KERNEL_REGS];
        for reg in &TABLE {
            assert!(!std::mem::replace(&mut seen[reg.kernel], true), "{} repeats a word", reg.name);
        }
        assert_eq!(seen, [true; KERNEL_REGS]);
    }

    #[test]
    fn arguments_come_in_the_order_of_the_abi() {
        let mut regs = Regs::default();
        for (value, name) in ["rdi", "rsi", "rdx", "rcx", "r8", "r9"].iter().enumerate() {
            let info = TABLE.iter().find(|reg| reg.name == *name).unwrap();
            regs.0[info.kernel] = value as u64 + 1;
        }
        assert_eq!((1..=6).map(|n| regs.argument(n).unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(regs.argument(0).or(regs.argument(7)), None);
    }
}

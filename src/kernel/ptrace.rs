//! ptrace(2), one thin function per request. Call all of them from one thread.

use nix::errno::Errno;

use crate::addr::Tid;
use crate::regs::{KERNEL_REGS, Regs, Xmm};

/// What a traced system call looks like at a stop (`PTRACE_GET_SYSCALL_INFO`, Linux 5.3).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SyscallInfo {
    /// Not in a stop of an x86-64 system call.
    None,
    /// Before the call: its number and arguments.
    Entry {
        /// Number.
        nr: u64,
        /// Arguments.
        args: [u64; 6],
    },
    /// After the call: its result, an errno being negative.
    Exit {
        /// Result.
        ret: i64,
    },
    /// Before the call, stopped by a seccomp filter.
    Seccomp {
        /// Number.
        nr: u64,
        /// Arguments.
        args: [u64; 6],
    },
}

/// What may be asked for at [`seize`].
#[derive(Copy, Clone, Debug)]
pub struct Options {
    /// The target dies with us: for what we launched, never for what we attached to.
    pub exit_kill: bool,
}

impl Options {
    fn bits(self) -> i32 {
        let kill = if self.exit_kill { libc::PTRACE_O_EXITKILL } else { 0 };
        kill | libc::PTRACE_O_TRACESYSGOOD
            | libc::PTRACE_O_TRACECLONE
            | libc::PTRACE_O_TRACEFORK
            | libc::PTRACE_O_TRACEVFORK
            | libc::PTRACE_O_TRACEVFORKDONE
            | libc::PTRACE_O_TRACEEXEC
            | libc::PTRACE_O_TRACESECCOMP
    }
}

fn request(what: u32, tid: Tid, addr: usize, data: usize) -> Result<i64, Errno> {
    // SAFETY: every caller passes, in `addr` and `data`, either plain numbers or pointers to memory of its
    // own that is valid for what the request reads or writes; the kernel checks the rest.
    let result = unsafe { libc::ptrace(what, tid.0, addr, data) };
    Errno::result(result)
}

/// Takes control of a thread without stopping it.
///
/// # Errors
/// `EPERM` when it is not ours or already traced, `ESRCH` when it is gone.
pub fn seize(tid: Tid, options: Options) -> Result<(), Errno> {
    request(libc::PTRACE_SEIZE, tid, 0, options.bits() as usize).map(drop)
}

/// Changes the options of a traced, stopped thread.
///
/// # Errors
/// `ESRCH` when it is gone or runs.
pub fn set_options(tid: Tid, options: Options) -> Result<(), Errno> {
    request(libc::PTRACE_SETOPTIONS, tid, 0, options.bits() as usize).map(drop)
}

/// Asks a running thread to stop; it reports an event stop.
///
/// # Errors
/// `ESRCH` when it is gone.
pub fn interrupt(tid: Tid) -> Result<(), Errno> {
    request(libc::PTRACE_INTERRUPT, tid, 0, 0).map(drop)
}

/// How a stopped thread goes on.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Go {
    /// Until something happens.
    Run,
    /// Until something happens or a system call begins or ends.
    ToSyscall,
    /// For one instruction.
    Step,
    /// It stays stopped as job control wants it, and tells when that ends (`PTRACE_LISTEN`).
    Listen,
}

/// Lets a stopped thread go on, with `signal` (0 for none) delivered to it.
///
/// # Errors
/// `ESRCH` when it is gone or was not stopped.
pub fn resume(tid: Tid, how: Go, signal: i32) -> Result<(), Errno> {
    let what = match how {
        Go::Run => libc::PTRACE_CONT,
        Go::ToSyscall => libc::PTRACE_SYSCALL,
        Go::Step => libc::PTRACE_SINGLESTEP,
        Go::Listen => libc::PTRACE_LISTEN,
    };
    request(what, tid, 0, signal as usize).map(drop)
}

/// Lets a stopped thread go for good, with `signal` delivered to it.
///
/// # Errors
/// `ESRCH` when it is gone or runs.
pub fn detach(tid: Tid, signal: i32) -> Result<(), Errno> {
    request(libc::PTRACE_DETACH, tid, 0, signal as usize).map(drop)
}

/// The general registers of a stopped thread.
///
/// # Errors
/// `ESRCH` when it is gone or runs.
pub fn registers(tid: Tid) -> Result<Regs, Errno> {
    let mut regs = Regs([0; KERNEL_REGS]);
    // `Regs` has the layout of struct user_regs_struct: 27 words in the kernel's order.
    request(libc::PTRACE_GETREGS, tid, 0, regs.0.as_mut_ptr() as usize).map(|_| regs)
}

/// Writes the general registers of a stopped thread.
///
/// # Errors
/// `ESRCH` when it is gone or runs, `EIO` when the kernel refuses a value.
pub fn set_registers(tid: Tid, regs: &Regs) -> Result<(), Errno> {
    request(libc::PTRACE_SETREGS, tid, 0, regs.0.as_ptr() as usize).map(drop)
}

/// Writes one general register, by its word in `struct user_regs_struct`; cheaper than all of them.
///
/// # Errors
/// As [`set_registers`].
pub fn set_register(tid: Tid, word: usize, value: u64) -> Result<(), Errno> {
    request(libc::PTRACE_POKEUSER, tid, word * 8, value as usize).map(drop)
}

/// The vector registers xmm0 to xmm15 of a stopped thread.
///
/// # Errors
/// `ESRCH` when it is gone or runs.
pub fn vector_registers(tid: Tid) -> Result<Xmm, Errno> {
    // SAFETY: all-zero is a valid value of this C struct of integers.
    let mut fp: libc::user_fpregs_struct = unsafe { std::mem::zeroed() };
    request(libc::PTRACE_GETFPREGS, tid, 0, std::ptr::from_mut(&mut fp) as usize)?;
    let mut xmm: Xmm = [[0; 16]; 16];
    for (register, words) in xmm.iter_mut().zip(fp.xmm_space.chunks_exact(4)) {
        for (bytes, word) in register.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }
    Ok(xmm)
}

/// The regset of the XSAVE area (elf.h).
const NT_X86_XSTATE: usize = 0x202;

/// The XSAVE area of a stopped thread: floating point, vectors and what else the processor has.
///
/// # Errors
/// `ESRCH` when it is gone or runs.
pub fn extended_state(tid: Tid) -> Result<Vec<u8>, Errno> {
    // Processors of today have less than 3 KiB; tiles would make it 11.
    let mut state = vec![0u8; 16 << 10];
    let mut part = libc::iovec { iov_base: state.as_mut_ptr().cast(), iov_len: state.len() };
    request(libc::PTRACE_GETREGSET, tid, NT_X86_XSTATE, std::ptr::from_mut(&mut part) as usize)?;
    state.truncate(part.iov_len);
    Ok(state)
}

/// Writes the XSAVE area of a stopped thread, as [`extended_state`] gave it.
///
/// # Errors
/// `ESRCH` when it is gone or runs, others when the kernel refuses the state.
pub fn set_extended_state(tid: Tid, state: &[u8]) -> Result<(), Errno> {
    let mut part = libc::iovec { iov_base: state.as_ptr().cast_mut().cast(), iov_len: state.len() };
    request(libc::PTRACE_SETREGSET, tid, NT_X86_XSTATE, std::ptr::from_mut(&mut part) as usize).map(drop)
}

/// The number that comes with an event stop: the new thread's or child's id.
///
/// # Errors
/// `ESRCH` when the thread is gone.
pub fn event_message(tid: Tid) -> Result<u64, Errno> {
    let mut message = 0u64;
    request(libc::PTRACE_GETEVENTMSG, tid, 0, std::ptr::from_mut(&mut message) as usize).map(|_| message)
}

/// Who sent the signal that stopped the thread, and why.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalInfo {
    /// Signal number.
    pub signo: i32,
    /// `si_code`: positive values come from the kernel.
    pub code: i32,
    /// `si_addr` of a fault.
    pub addr: u64,
}

/// The siginfo of a signal-delivery-stop.
///
/// # Errors
/// `EINVAL` in a group-stop, `ESRCH` when the thread is gone.
pub fn signal_info(tid: Tid) -> Result<SignalInfo, Errno> {
    // SAFETY: all-zero is a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    request(libc::PTRACE_GETSIGINFO, tid, 0, std::ptr::from_mut(&mut info) as usize)?;
    // SAFETY: si_addr only reads bytes of the union that exist in every siginfo_t; for signals without an
    // address it is a meaningless number, not a pointer that anybody follows.
    let addr = unsafe { info.si_addr() } as u64;
    Ok(SignalInfo { signo: info.si_signo, code: info.si_code, addr })
}

/// The same as the kernel writes it, whole: 128 bytes, zero where a signal has no such field.
///
/// # Errors
/// As [`signal_info`].
pub fn siginfo(tid: Tid) -> Result<[u8; 128], Errno> {
    let mut info = [0; std::mem::size_of::<libc::siginfo_t>()];
    request(libc::PTRACE_GETSIGINFO, tid, 0, info.as_mut_ptr() as usize)?;
    Ok(info)
}

/// Whether a trap of the processor's is queued for a stopped thread. One that executes an int3 while it is being
/// interrupted stops for the interrupt first (kernel/signal.c, `get_signal`): its trap is still to come.
#[must_use]
pub fn trap_is_queued(tid: Tid) -> bool {
    const AT_ONCE: usize = 16;
    // SAFETY: all-zero is a valid siginfo_t.
    let mut infos: [libc::siginfo_t; AT_ONCE] = unsafe { std::mem::zeroed() };
    let mut off = 0;
    loop {
        let which = libc::ptrace_peeksiginfo_args { off, flags: 0, nr: AT_ONCE as i32 };
        let (addr, data) = (std::ptr::from_ref(&which) as usize, infos.as_mut_ptr() as usize);
        let got = request(libc::PTRACE_PEEKSIGINFO, tid, addr, data).unwrap_or(0);
        let got = usize::try_from(got).unwrap_or(0).min(AT_ONCE);
        // The kernel's own codes are positive.
        if infos[..got].iter().any(|info| info.si_signo == libc::SIGTRAP && info.si_code > 0) {
            return true;
        }
        if got < AT_ONCE {
            return false;
        }
        off += AT_ONCE as u64;
    }
}

/// The debug registers of a thread: what it is watched for (Intel SDM vol. 3B, 18.2).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct DebugRegs {
    /// `DR0` to `DR3`: addresses.
    pub addresses: [u64; 4],
    /// `DR7`: which are in force, for what kind of access, and how many bytes they cover.
    pub control: u64,
}

/// Where debug register `n` is for `PTRACE_PEEKUSER`.
const fn debug_offset(n: usize) -> usize {
    std::mem::offset_of!(libc::user, u_debugreg) + n * 8
}

/// Writes the debug registers of a stopped thread. A new thread, and one that executes a program, has none in force.
///
/// # Errors
/// `ESRCH` when it is gone or runs, `EINVAL` for addresses that may not be watched, `ENOSPC` when somebody else has them.
pub fn set_debug_registers(tid: Tid, regs: &DebugRegs) -> Result<(), Errno> {
    // The kernel checks each register against the others: first none is in force, then all are right.
    request(libc::PTRACE_POKEUSER, tid, debug_offset(7), 0)?;
    for (n, address) in regs.addresses.iter().enumerate() {
        request(libc::PTRACE_POKEUSER, tid, debug_offset(n), *address as usize)?;
    }
    request(libc::PTRACE_POKEUSER, tid, debug_offset(7), regs.control as usize).map(drop)
}

/// Takes the debug status of a stopped thread (`DR6`): bit n is set when register n was met since the last look.
///
/// # Errors
/// `ESRCH` when it is gone or runs.
pub fn take_debug_status(tid: Tid) -> Result<u64, Errno> {
    Errno::clear();
    // SAFETY: for this request the C library's wrapper returns the word and touches no memory of ours.
    let status = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, tid.0, debug_offset(6), 0) };
    let status = Errno::result(status)? as u64;
    if status != 0 {
        request(libc::PTRACE_POKEUSER, tid, debug_offset(6), 0)?;
    }
    Ok(status)
}

/// Where in a system call a stopped thread is.
///
/// # Errors
/// `ESRCH` when it is gone, `EIO` before Linux 5.3.
pub fn syscall_info(tid: Tid) -> Result<SyscallInfo, Errno> {
    // SAFETY: all-zero is a valid value of this C struct of integers.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = std::mem::size_of_val(&info);
    request(libc::PTRACE_GET_SYSCALL_INFO, tid, size, std::ptr::from_mut(&mut info) as usize)?;
    // Another table of calls: numbers and registers mean other things (`int $0x80`, a 32-bit program).
    const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
    if info.arch != AUDIT_ARCH_X86_64 {
        return Ok(SyscallInfo::None);
    }
    // SAFETY: `op` says which member of the union the kernel filled in.
    Ok(unsafe {
        match info.op {
            libc::PTRACE_SYSCALL_INFO_ENTRY => {
                SyscallInfo::Entry { nr: info.u.entry.nr, args: info.u.entry.args }
            }
            libc::PTRACE_SYSCALL_INFO_EXIT => SyscallInfo::Exit { ret: info.u.exit.sval },
            libc::PTRACE_SYSCALL_INFO_SECCOMP => {
                SyscallInfo::Seccomp { nr: info.u.seccomp.nr, args: info.u.seccomp.args }
            }
            _ => SyscallInfo::None,
        }
    })
}

/// Sends a signal to one thread (tgkill(2)).
///
/// # Errors
/// `ESRCH` when it is gone.
pub fn signal_thread(group: i32, tid: Tid, signal: i32) -> Result<(), Errno> {
    // SAFETY: a system call on plain numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_tgkill, group, tid.0, signal) }).map(drop)
}

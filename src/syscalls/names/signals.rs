//! Names of bits and values of calls on signals.
//!
//! Values are those of the kernel's headers (`include/uapi`, x86-64); the order is the one in which strace 6.1 prints bits.

use super::Names;

names! {
    /// rt_sigprocmask(2).
    HOW "SIG_???":
    0 SIG_BLOCK, 1 SIG_UNBLOCK, 2 SIG_SETMASK
}

names! {
    /// rt_sigaction(2).
    ACTION "SA_???":
    0x4000000 SA_RESTORER, 0x8000000 SA_ONSTACK, 0x10000000 SA_RESTART, 0x20000000 SA_INTERRUPT,
    0x40000000 SA_NODEFER, 0x80000000 SA_RESETHAND, 4 SA_SIGINFO, 1 SA_NOCLDSTOP, 2 SA_NOCLDWAIT
}

names! {
    /// Handlers that are none.
    HANDLER "":
    -1 SIG_ERR, 0 SIG_DFL, 1 SIG_IGN
}

names! {
    /// sigaltstack(2).
    ALTSTACK "SS_???":
    1 SS_ONSTACK, 2 SS_DISABLE, 0x80000000 SS_AUTODISARM
}

names! {
    /// Why a signal was sent, of any signal.
    CODE "":
    0 SI_USER, 0x80 SI_KERNEL, -1 SI_QUEUE, -2 SI_TIMER, -3 SI_MESGQ, -4 SI_ASYNCIO, -5 SI_SIGIO, -6 SI_TKILL,
    -7 SI_DETHREAD, -60 SI_ASYNCNL
}

names! {
    /// SIGCHLD.
    CHLD "":
    1 CLD_EXITED, 2 CLD_KILLED, 3 CLD_DUMPED, 4 CLD_TRAPPED, 5 CLD_STOPPED, 6 CLD_CONTINUED
}

names! {
    /// SIGFPE.
    FPE "":
    1 FPE_INTDIV, 2 FPE_INTOVF, 3 FPE_FLTDIV, 4 FPE_FLTOVF, 5 FPE_FLTUND, 6 FPE_FLTRES, 7 FPE_FLTINV,
    8 FPE_FLTSUB, 0xe FPE_FLTUNK, 0xf FPE_CONDTRAP
}

names! {
    /// SIGILL.
    ILL "":
    1 ILL_ILLOPC, 2 ILL_ILLOPN, 3 ILL_ILLADR, 4 ILL_ILLTRP, 5 ILL_PRVOPC, 6 ILL_PRVREG, 7 ILL_COPROC,
    8 ILL_BADSTK, 9 ILL_BADIADDR
}

names! {
    /// SIGSEGV.
    SEGV "":
    1 SEGV_MAPERR, 2 SEGV_ACCERR, 3 SEGV_BNDERR, 4 SEGV_PKUERR, 5 SEGV_ACCADI, 6 SEGV_ADIDERR, 7 SEGV_ADIPERR,
    8 SEGV_MTEAERR, 9 SEGV_MTESERR
}

names! {
    /// SIGBUS.
    BUS "":
    1 BUS_ADRALN, 2 BUS_ADRERR, 3 BUS_OBJERR, 4 BUS_MCEERR_AR, 5 BUS_MCEERR_AO
}

names! {
    /// SIGTRAP.
    TRAP "":
    1 TRAP_BRKPT, 2 TRAP_TRACE, 3 TRAP_BRANCH, 4 TRAP_HWBKPT, 5 TRAP_UNK, 6 TRAP_PERF
}

names! {
    /// SIGIO.
    IO "":
    1 POLL_IN, 2 POLL_OUT, 3 POLL_MSG, 4 POLL_ERR, 5 POLL_PRI, 6 POLL_HUP
}

names! {
    /// SIGSYS.
    SYS "":
    1 SYS_SECCOMP, 2 SYS_USER_DISPATCH
}

names! {
    /// SIGPROF.
    PROF "":

}

names! {
    /// timer_create(2).
    EVENT_VALUE "SIGEV_???":
    0 SIGEV_SIGNAL, 1 SIGEV_NONE, 2 SIGEV_THREAD, 4 SIGEV_THREAD_ID
}

//! Calls that the program is told were made, and that were not: what would stand in the way of the break, for who wants
//! to see the program without it (`set skip-blockers on`).
//!
//! It judges a call before it is made as [`crate::heap::story`] judges it afterwards, so what is skipped is what would have
//! been called a blocker. The page is not there: a program that looks at it dies of that, and the comparison says so.

use super::Session;
use crate::addr::{Span, Tid};
use crate::event::{Call, Label, StackFrame};
use crate::heap::story::Look;
use crate::syscalls;

/// mmap(2).
const MMAP: u64 = 9;
/// A right to write (mman.h).
const PROT_WRITE: u32 = 2;

/// A call that was not made.
#[derive(Clone, Debug)]
pub struct Pretended {
    /// What would have been mapped.
    pub span: Span,
    /// Whether it would have been written to.
    pub writable: bool,
    /// Who asked for it.
    pub site: Option<StackFrame>,
}

impl Session {
    /// The calls of this run that were not made.
    #[must_use]
    pub fn pretended(&self) -> &[Pretended] {
        &self.pretended
    }

    /// A call begins that may be one to skip: then the kernel is told to make none (seccomp(2), `SECCOMP_RET_TRACE`: the
    /// number -1 skips it, and the result is what the tracer puts there), and the program that it was made.
    pub(super) fn pretend(&mut self, tid: Tid, nr: u64) {
        if nr != MMAP || !self.settings.skip_blockers {
            return;
        }
        let Some(regs) = self.tracer.regs(tid) else { return };
        let asked = self.tracer.table.threads.get(&tid).and_then(|thread| thread.call);
        let Some((_, args)) = asked else { return };
        let Some(call @ Call::Mmap { addr, len, prot, .. }) = syscalls::decode(nr, args, args[0]) else {
            return;
        };
        let pid = self.pid_of(tid);
        let (_, caller) = self.stack_of(pid, tid, &regs);
        let verdict = self.stories.of_mut(pid).observe(tid, &call, &caller, &mut Look::default);
        if addr.0 == 0 || verdict.label != Label::Blocker {
            return;
        }
        self.pretended.push(Pretended {
            span: Span::sized(addr, len),
            writable: prot & PROT_WRITE != 0,
            site: verdict.site,
        });
        if let Some(thread) = self.tracer.table.threads.get_mut(&tid) {
            // Its return is no event of this program's memory.
            thread.call = None;
        }
        self.tracer.set_regs(tid, regs.skipping_call(addr.0));
    }
}

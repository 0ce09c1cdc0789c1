//! What a stage of a breakpoint waits for: a place in the code, something that the kernel tells, or an access to data.
//!
//! It describes wishes; what fits them is found where things happen ([`super::catching`], [`super::sites`]).

use crate::pattern::Pattern;
use crate::scene::expr::Expr;
use crate::symbols::Linespec;

/// What a stage waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// A thread arrives at a place in the code.
    Code(Linespec),
    /// A process or thread does something that the kernel tells us of (`catch`).
    Catch(Catch),
    /// Data is touched (`watch`).
    Data(Watch),
}

impl From<Linespec> for Trigger {
    fn from(place: Linespec) -> Trigger {
        Trigger::Code(place)
    }
}

impl Trigger {
    /// The place in the code, if it is one.
    #[must_use]
    pub fn code(&self) -> Option<&Linespec> {
        match self {
            Trigger::Code(place) => Some(place),
            Trigger::Catch(_) | Trigger::Data(_) => None,
        }
    }

    /// What the kernel tells, if it is that.
    #[must_use]
    pub fn catch(&self) -> Option<&Catch> {
        match self {
            Trigger::Catch(catch) => Some(catch),
            Trigger::Code(_) | Trigger::Data(_) => None,
        }
    }

    /// What is watched, if it is that.
    #[must_use]
    pub fn data(&self) -> Option<&Watch> {
        match self {
            Trigger::Data(watch) => Some(watch),
            Trigger::Code(_) | Trigger::Catch(_) => None,
        }
    }
}

/// What `watch` waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// How the data is touched.
    pub kind: WatchKind,
    /// The expression as typed; with `-location ` in front when its place counts from now on, not what it names.
    pub text: String,
    /// The same, understood.
    pub expr: Expr,
    /// Whether its place counts.
    pub location: bool,
}

/// How data is touched.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum WatchKind {
    /// It changes (`watch`).
    Write,
    /// It is read (`rwatch`).
    Read,
    /// Either (`awatch`).
    Access,
}

/// What `catch` waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Catch {
    /// fork(2), or a clone(2) that makes a process.
    Fork,
    /// vfork(2) and its like: the child borrows the memory.
    Vfork,
    /// The program is replaced.
    Exec,
    /// A signal is about to be delivered.
    Signal(Signals),
    /// Shared libraries were loaded; with a pattern, one whose name it fits.
    Load(Option<Pattern>),
    /// Shared libraries were unloaded.
    Unload(Option<Pattern>),
    /// A system call begins and, with `returns`, ends. Without numbers: any.
    Syscall {
        /// Which (x86-64).
        numbers: Vec<u64>,
        /// Whether its end counts as well.
        returns: bool,
    },
}

/// Which signals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signals {
    /// All but those that debuggers use themselves: SIGTRAP and SIGINT.
    Standard,
    /// All.
    All,
    /// These.
    These(Vec<i32>),
}

impl Signals {
    /// Whether a signal is one of them.
    #[must_use]
    pub fn has(&self, signo: i32) -> bool {
        use crate::kernel::signals::{SIGINT, SIGTRAP};
        match self {
            Signals::Standard => !matches!(signo, SIGINT | SIGTRAP),
            Signals::All => true,
            Signals::These(some) => some.contains(&signo),
        }
    }
}

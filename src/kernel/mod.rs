//! Where a live target's bytes come from: the only home of ptrace, libc, nix and `unsafe`.
//!
//! It knows threads by number, statuses and registers; it knows no symbol, no breakpoint and no heap. Every
//! wrapper returns the kernel's own error, because `ESRCH` (the thread died while we looked) is a normal
//! answer that each caller treats in its own way.

#![allow(unsafe_code)]

pub mod affinity;
pub mod cgroup;
pub mod debuginfod;
mod download;
pub mod files;
mod filter;
pub mod host;
pub mod klog;
pub mod limits;
pub mod mem;
pub mod oomlog;
pub mod pagemap;
pub mod permission;
pub mod procfs;
pub mod ptrace;
pub mod rendezvous;
pub mod robust;
pub mod signals;
pub mod spawn;
mod standing;
pub mod wait;

pub use nix::errno::Errno;

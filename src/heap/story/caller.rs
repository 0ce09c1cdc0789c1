//! Who made a call, as far as its stack tells. Names are looked at once for each stack, not for each call: a program asks
//! for memory at few places.

use super::names;
use crate::addr::Addr;
use crate::event::StackFrame;

/// What a stack tells of the call at its top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The addresses of its frames, innermost first; none when stacks are off.
    pub(super) addresses: Vec<Addr>,
    /// Where the exported allocator frame is, and its name.
    pub(super) allocator: Option<(usize, String)>,
    /// Whether ld.so's own code made the call.
    pub(super) loader: bool,
    /// Whether the stack reaches code outside libc and the loader, so that "no allocator" means something.
    pub(super) told: bool,
    /// Whether it passes the function of glibc that maps where its break cannot grow: known only with symbols for libc.
    pub(super) falls_back: bool,
    /// The frame that a reader wants to see.
    pub(super) site: Option<StackFrame>,
}

impl Caller {
    /// `frames` are the call's stack, innermost first, inlined ones included.
    #[must_use]
    pub fn of(frames: &[StackFrame]) -> Caller {
        let in_loader = |frame: &StackFrame| frame.module.as_deref().is_some_and(names::is_loader);
        let is_wrapper = |frame: &&StackFrame| !frame.function.as_deref().is_some_and(names::is_wrapper);
        let loader = frames.iter().find(is_wrapper).or(frames.first()).is_some_and(in_loader);
        let allocator = if loader { None } else { names::allocator(frames) };
        let outside = |frame: &StackFrame| {
            let module = frame.module.as_deref().unwrap_or_default();
            let name = frame.function.as_deref().unwrap_or_default();
            !names::is_libc(module) && !names::is_wrapper(name)
        };
        let falls_back = |frame: &StackFrame| {
            frame.function.as_deref().map(names::plain) == Some("sysmalloc_mmap_fallback")
        };
        Caller {
            addresses: frames.iter().map(|frame| frame.address).collect(),
            allocator: allocator.map(|(at, name)| (at, name.to_owned())),
            loader,
            told: frames.iter().any(outside),
            falls_back: frames.iter().any(falls_back),
            site: names::site(frames).cloned(),
        }
    }
}

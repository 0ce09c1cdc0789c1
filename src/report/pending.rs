//! The memory call under way: at a stop inside `mmap` or `brk` the kernel has not answered yet.
//!
//! Read from the backtrace's own words (names and arguments as gdb prints them), so it works on a core file
//! and a recording too; without debug info the six argument registers serve, if the caller has them.

use super::{Question, words};
use crate::addr::Addr;
use crate::event::Call;
use crate::heap::story::names;
use crate::scene::view::{ArgView, Backtrace, FrameView};

/// A call that has not returned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pending {
    /// The wrapper's plain name (`mmap`, `brk`).
    pub(super) wrapper: String,
    /// The call as far as its arguments are known; its result is a placeholder.
    pub(super) call: Option<Call>,
    /// The level of the outermost wrapper frame.
    pub(super) level: usize,
}

/// malloc on the stack of this stop.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// `malloc`, `realloc`…
    pub(super) function: String,
    /// The bytes asked for, if an argument told them.
    pub(super) bytes: Option<u64>,
    /// The level of the exported frame.
    pub(super) level: usize,
}

/// The memory call that the stopped thread is about to make, if it stands in its wrapper.
pub(super) fn pending(question: &Question<'_>) -> Option<Pending> {
    let frames = &question.backtrace?.frames;
    let is_wrapper = |frame: &&FrameView| frame.function.as_deref().is_some_and(names::is_wrapper);
    let level = frames.iter().take_while(is_wrapper).count().checked_sub(1)?;
    let returned = |seen: &crate::heap::story::Asked| seen.stack.first() == Some(&frames[0].address);
    if question.story.last_call(question.tid).is_some_and(|last| returned(last)) {
        return None;
    }
    let wrapper = names::plain(frames[0].function.as_deref()?).to_owned();
    let args: Vec<u64> = match frames.iter().take(level + 1).find_map(arguments) {
        Some(args) => args,
        None => question.registers?.to_vec(),
    };
    let at = |n: usize| args.get(n).copied().unwrap_or(0);
    let call = match wrapper.as_str() {
        "mmap" | "mmap64" => Some(Call::Mmap {
            addr: Addr(at(0)),
            len: at(1),
            prot: at(2) as u32,
            flags: at(3) as u32,
            fd: at(4) as u32 as i32,
            offset: at(5),
            ret: Ok(Addr(0)),
        }),
        "brk" => Some(Call::Brk { wanted: Addr(at(0)), got: Addr(0) }),
        "munmap" => Some(Call::Munmap { addr: Addr(at(0)), len: at(1), ret: Ok(Addr(0)) }),
        _ => None,
    };
    Some(Pending { wrapper, call, level })
}

/// The allocator's request on the stack: its exported function, and its size where any of the allocator's
/// frames shows it.
pub(super) fn request(backtrace: &Backtrace) -> Option<Request> {
    let frames = &backtrace.frames;
    let stack: Vec<_> = frames.iter().map(words::frame).collect();
    let (level, function) = names::allocator(&stack)?;
    let size = |frame: &FrameView| {
        let name = frame.function.as_deref().map(names::plain)?;
        let wanted = match name {
            "calloc" | "reallocarray" => return product(frame),
            _ if names::is_allocator(name) => ["bytes", "size", "sz"],
            _ => return None,
        };
        frame.args.iter().find(|arg| wanted.contains(&arg.name.as_str())).and_then(number)
    };
    let bytes = frames.iter().take(level + 1).rev().find_map(size);
    Some(Request { function: function.to_owned(), bytes, level })
}

/// calloc's and reallocarray's two factors.
fn product(frame: &FrameView) -> Option<u64> {
    let named =
        |names: &[&str]| frame.args.iter().find(|arg| names.contains(&arg.name.as_str())).and_then(number);
    named(&["n", "nmemb", "nelem"])?.checked_mul(named(&["elem_size", "size", "elsize"])?)
}

/// The numbers of a wrapper's arguments, if all are known, in the order of the call.
fn arguments(frame: &FrameView) -> Option<Vec<u64>> {
    const ORDER: [&str; 6] = ["addr", "len", "prot", "flags", "fd", "offset"];
    if frame.args.is_empty() {
        return None;
    }
    let by_name = |name: &str| frame.args.iter().find(|arg| arg.name == name);
    let ordered: Option<Vec<&ArgView>> = ORDER.iter().map(|name| by_name(name)).collect();
    match ordered {
        Some(args) => args.into_iter().map(number).collect(),
        None => frame.args.iter().map(number).collect(),
    }
}

/// An argument's value as a number: `135168`, `0x0`, `-1`, `0x7fff… <symbol>`.
fn number(arg: &ArgView) -> Option<u64> {
    let text = arg.value.as_deref().or(arg.entry_value.as_deref())?;
    let word = text.split(' ').next()?;
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse::<i64>().ok().map(|value| value as u64).or_else(|| word.parse().ok()),
    }
}

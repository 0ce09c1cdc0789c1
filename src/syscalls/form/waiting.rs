//! Waiting for descriptors: poll, select, epoll.

use super::Arg::{Behind, By, Int, Later, One, Uint, Ulong};
use super::Outcome::With;
use super::calls::rows;
use super::time::{timespec, timespec_at, timeval_at};
use super::{Bytes, Call, signals, text};
use crate::syscalls::names::files::{EPOLL, EPOLL_CTL, POLL};

rows! {
    poll: By(wanted), Uint, Int, Behind => With(ready);
    ppoll: By(wanted), Uint, By(timespec), By(signals::set), Ulong, Behind => With(ready);
    select: Int, By(fds), By(fds), By(fds), By(timeout), Behind => With(selected);
    pselect6: Int, By(fds), By(fds), By(fds), By(timeout), By(signals::set_of_pselect), Behind => With(selected);
    epoll_ctl: Int, One(EPOLL_CTL), Int, By(event);
    epoll_wait: Int, Later, By(events), Int, Int;
    epoll_pwait: Int, Later, By(events), Int, Int, By(signals::set), Ulong;
    epoll_pwait2: Int, Later, By(events), Int, By(timespec), By(signals::set), Ulong;
}

const PPOLL: u64 = 271;
const PSELECT6: u64 = 270;

/// struct pollfd: what is waited for.
fn wanted(call: &Call<'_>, at: usize) -> String {
    call.array(call.arg(at), call.uint(at + 1), 8, |poll| match poll.i32(0) {
        fd @ ..0 => format!("{{fd={fd}}}"),
        fd => format!("{{fd={fd}, events={}}}", POLL.bits(u64::from(poll.u16(4)))),
    })
}

/// What came, and the time that was left.
fn ready(call: &Call<'_>) -> String {
    if call.ret == Some(0) {
        return "Timeout".to_owned();
    }
    let mut told = Vec::new();
    // As many descriptors as a process may have.
    for n in 0..call.uint(1).min(1 << 20) {
        let Some(poll) = call.bytes(call.arg(0).wrapping_add(n * 8), 8) else { break };
        match poll.u16(6) {
            0 => {}
            _ if told.len() >= text::LIMIT => {
                told.push("...".to_owned());
                break;
            }
            came => told.push(format!("{{fd={}, revents={}}}", poll.i32(0), POLL.bits(u64::from(came)))),
        }
    }
    let mut parts = Vec::new();
    if !told.is_empty() {
        parts.push(format!("[{}]", told.join(", ")));
    }
    if call.nr == PPOLL && call.arg(2) != 0 {
        parts.push(format!("left {}", timespec_at(call, call.arg(2))));
    }
    parts.join(", ")
}

/// The descriptors of a set, as many as the first argument lets there be.
fn members(call: &Call<'_>, at: usize) -> Option<Vec<u64>> {
    /// A thousand is what libc's sets hold; programs that have larger ones do not have larger ones than this.
    const MOST: i32 = 1 << 14;
    let count = call.int(0).clamp(0, MOST) as u64;
    let set = call.bytes(call.arg(at), (count.div_ceil(64) * 8) as usize)?;
    let is_in = |fd: &u64| set.0.get((fd / 8) as usize).is_some_and(|byte| byte & (1 << (fd % 8)) != 0);
    Some((0..count).filter(is_in).collect())
}

fn fds(call: &Call<'_>, at: usize) -> String {
    let count = call.int(0) > 0;
    match members(call, at).filter(|_| count) {
        Some(fds) => format!("[{}]", fds.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")),
        None => text::pointer(call.arg(at)),
    }
}

fn timeout(call: &Call<'_>, at: usize) -> String {
    if call.nr == PSELECT6 { timespec_at(call, call.arg(at)) } else { timeval_at(call, call.arg(at)) }
}

/// Which descriptors are ready, and the time that was left.
fn selected(call: &Call<'_>) -> String {
    let mut left = call.ret.unwrap_or(0).max(0) as usize;
    if left == 0 {
        return "Timeout".to_owned();
    }
    let mut parts = Vec::new();
    for (at, word) in [(1, "in"), (2, "out"), (3, "except")] {
        let fds: Vec<String> =
            members(call, at).unwrap_or_default().iter().take(left).map(u64::to_string).collect();
        left -= fds.len();
        if !fds.is_empty() {
            parts.push(format!("{word} [{}]", fds.join(" ")));
        }
    }
    if call.arg(4) != 0 {
        parts.push(format!("left {}", timeout(call, 4)));
    }
    parts.join(", ")
}

/// struct epoll_event, which is packed on x86-64: 12 bytes.
fn told(event: &Bytes) -> String {
    format!(
        "{{events={}, data={{u32={}, u64={}}}}}",
        EPOLL.bits(u64::from(event.u32(0))),
        event.u32(4),
        event.u64(4)
    )
}

fn event(call: &Call<'_>, at: usize) -> String {
    const DELETE: u64 = 2;
    match call.uint(1) {
        DELETE => text::pointer(call.arg(at)),
        _ => call.object(call.arg(at), 12, told),
    }
}

fn events(call: &Call<'_>, at: usize) -> String {
    call.array(call.arg(at), call.ret.unwrap_or(0).max(0) as u64, 12, told)
}

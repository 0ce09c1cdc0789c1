//! Sockets, their addresses, options and messages.

use super::Arg::{Behind, Bits, By, Filled, Given, Int, Later, One, Uint, Ulong};
use super::calls::rows;
use super::structs::{self, pair};
use super::{Bytes, Call, text};
use crate::addr::Addr;
use crate::syscalls::names::network::{
    FAMILY, INET, IP_OPTION, IPV6_OPTION, LEVEL, MSG, NETLINK, OPTION, SCM, SHUTDOWN, TCP_OPTION, TYPE,
    TYPE_FLAGS,
};

rows! {
    socket: One(FAMILY), By(kind), By(protocol);
    socketpair: One(FAMILY), By(kind), Uint, Later, By(pair);
    connect: Int, By(address_given), Int;
    bind: Int, By(address_given), Int;
    listen: Int, Int;
    accept: Int, Later, By(address_filled), By(length_filled);
    accept4: Int, Later, By(address_filled), By(length_filled), Bits(TYPE_FLAGS);
    getsockname: Int, Later, By(address_filled), By(length_filled);
    getpeername: Int, Later, By(address_filled), By(length_filled);
    sendto: Int, Given(2), Ulong, Bits(MSG), By(address_given), Int;
    recvfrom: Int, Later, Filled, Ulong, Bits(MSG), By(address_filled), By(length_filled);
    sendmsg: Int, By(message), Bits(MSG);
    recvmsg: Int, Later, By(message), Bits(MSG);
    shutdown: Int, One(SHUTDOWN);
    setsockopt: Int, One(LEVEL), By(option), By(option_given), Int;
    getsockopt: Int, One(LEVEL), By(option), Later, By(option_filled), By(length_filled);
    sendmmsg: Int, Behind, By(messages), Uint, Bits(MSG);
}

const ACCEPT: u64 = 43;
const RECVFROM: u64 = 45;
const GETSOCKNAME: u64 = 51;
const GETPEERNAME: u64 = 52;
const GETSOCKOPT: u64 = 55;
const ACCEPT4: u64 = 288;

/// Where an address and its length are, among the arguments of calls that fill them in.
fn places(nr: u64) -> Option<(usize, usize)> {
    match nr {
        ACCEPT | ACCEPT4 | GETSOCKNAME | GETPEERNAME => Some((1, 2)),
        RECVFROM => Some((4, 5)),
        GETSOCKOPT => Some((3, 4)),
        _ => None,
    }
}

/// The room that a program has for what the kernel writes, before it writes how much it was.
pub(super) fn length_given(call: &Call<'_>) -> Option<u32> {
    let (address, length) = places(call.nr)?;
    if call.arg(address) == 0 && call.nr != GETSOCKOPT || call.arg(length) == 0 {
        return None;
    }
    call.memory.u32(Addr(call.arg(length))).ok()
}

/// A program that has no room for an address will get none: nothing is left to be told at the end.
pub(super) fn is_told_at_once(call: &Call<'_>) -> bool {
    call.nr != RECVFROM && places(call.nr).is_some() && call.length.is_none()
}

/// The type of a socket, and the bits that come with it.
fn kind(call: &Call<'_>, at: usize) -> String {
    let (kind, flags) = (call.uint(at) & 0xf, call.uint(at) & !0xf);
    let kind = TYPE.value(kind);
    if flags == 0 { kind } else { format!("{kind}|{}", TYPE_FLAGS.bits(flags)) }
}

fn protocol(call: &Call<'_>, at: usize) -> String {
    match call.uint(0) {
        2 | 10 => INET.value(call.uint(at)),
        16 => NETLINK.value(call.uint(at)),
        17 => format!("htons({:#x})", (call.uint(at) as u16).swap_bytes()),
        _ => call.uint(at).to_string(),
    }
}

/// An address that the program gives; its length is the argument behind it.
fn address_given(call: &Call<'_>, at: usize) -> String {
    address(call, call.arg(at), call.int(at + 1))
}

fn address_filled(call: &Call<'_>, at: usize) -> String {
    match (call.length, filled(call, at + 1)) {
        (Some(room), Some(length)) if !call.failed() => address(call, call.arg(at), length.min(room) as i32),
        _ => text::pointer(call.arg(at)),
    }
}

fn filled(call: &Call<'_>, at: usize) -> Option<u32> {
    call.memory.u32(Addr(call.arg(at))).ok()
}

fn length_filled(call: &Call<'_>, at: usize) -> String {
    match (call.length, filled(call, at)) {
        (Some(room), _) if call.failed() => format!("[{}]", room as i32),
        (Some(room), Some(length)) if room == length => format!("[{}]", room as i32),
        (Some(room), Some(length)) => format!("[{} => {}]", room as i32, length as i32),
        _ => text::pointer(call.arg(at)),
    }
}

/// struct sockaddr, of the families that one meets.
fn address(call: &Call<'_>, at: u64, length: i32) -> String {
    const ROOM: i32 = 128;
    if length < 2 {
        return text::pointer(at);
    }
    let length = length.min(ROOM);
    call.object(at, length as usize, |address| {
        let family = u64::from(address.u16(0));
        let rest = match family {
            1 if length == 2 => return "{sa_family=AF_UNIX}".to_owned(),
            1 => unix(address),
            2 if length >= 16 => internet(address),
            10 if length >= 24 => internet6(address, length),
            16 if length >= 12 => {
                format!("nl_pid={}, nl_groups={}", address.i32(4), hex8(address.u32(8)))
            }
            _ => format!("sa_data={}", text::quoted(address.0.get(2..).unwrap_or_default())),
        };
        format!("{{sa_family={}, {rest}}}", FAMILY.value(family))
    })
}

/// Groups are told in eight digits.
fn hex8(value: u32) -> String {
    format!("{value:08x}")
}

fn unix(address: &Bytes) -> String {
    let path = address.0.get(2..110.min(address.0.len())).unwrap_or_default();
    match path.split_first() {
        Some((0, name)) => format!("sun_path=@{}", text::quoted(name)),
        _ => format!("sun_path={}", text::quoted(path.split(|byte| *byte == 0).next().unwrap_or_default())),
    }
}

fn port(address: &Bytes) -> u16 {
    u16::from_be_bytes(address.part(2))
}

fn internet(address: &Bytes) -> String {
    let ip = std::net::Ipv4Addr::from(address.part::<4>(4));
    format!("sin_port=htons({}), sin_addr=inet_addr(\"{ip}\")", port(address))
}

fn internet6(address: &Bytes, length: i32) -> String {
    let ip = std::net::Ipv6Addr::from(address.part::<16>(8));
    let flow = u32::from_be_bytes(address.part(4));
    let scope = match length {
        28.. => format!(", sin6_scope_id={}", address.u32(24)),
        _ => String::new(),
    };
    format!(
        "sin6_port=htons({}), sin6_flowinfo=htonl({flow}), inet_pton(AF_INET6, \"{ip}\", &sin6_addr){scope}",
        port(address)
    )
}

const SOL_SOCKET: u64 = 1;

fn option(call: &Call<'_>, at: usize) -> String {
    let option = call.uint(at);
    match call.uint(1) {
        SOL_SOCKET => OPTION.value(option),
        0 => IP_OPTION.value(option),
        6 => TCP_OPTION.value(option),
        41 => IPV6_OPTION.value(option),
        _ => option.to_string(),
    }
}

fn option_given(call: &Call<'_>, at: usize) -> String {
    value(call, call.arg(at), call.int(at + 1))
}

fn option_filled(call: &Call<'_>, at: usize) -> String {
    match filled(call, at + 1) {
        Some(length) if !call.failed() => value(call, call.arg(at), length as i32),
        _ => text::pointer(call.arg(at)),
    }
}

/// What an option is set to.
fn value(call: &Call<'_>, at: u64, length: i32) -> String {
    const LINGER: u64 = 13;
    const PEERCRED: u64 = 17;
    const ERROR: u64 = 4;
    let socket = call.uint(1) == SOL_SOCKET;
    match (call.uint(2), length) {
        (LINGER, 8..) if socket => {
            call.object(at, 8, |value| format!("{{l_onoff={}, l_linger={}}}", value.i32(0), value.i32(4)))
        }
        (PEERCRED, 12..) if socket => call.object(at, 12, |value| {
            format!("{{pid={}, uid={}, gid={}}}", value.i32(0), value.u32(4), value.u32(8))
        }),
        (ERROR, 4..) if socket => call.object(at, 4, |value| match value.i32(0) {
            0 => "[0]".to_owned(),
            errno => match crate::syscalls::errors::error(errno) {
                Some((name, _)) => format!("[{name}]"),
                None => format!("[{errno}]"),
            },
        }),
        (_, 4) => call.object(at, 4, |value| format!("[{}]", value.i32(0))),
        (_, ..=0) => text::pointer(at),
        (_, length) => text::bytes(call.memory, at, length as u64),
    }
}

fn message(call: &Call<'_>, at: usize) -> String {
    if call.failed() && call.nr == 47 {
        return call.memory.u32(Addr(call.arg(at).wrapping_add(8))).map_or_else(
            |_| text::pointer(call.arg(at)),
            |length| format!("{{msg_namelen={}}}", length as i32),
        );
    }
    let data = call.ret.map_or(u64::MAX, |ret| ret as u64);
    message_at(call, call.arg(at), data)
}

/// struct msghdr.
fn message_at(call: &Call<'_>, at: u64, data: u64) -> String {
    call.object(at, 56, |header| {
        let control = match header.u64(40) {
            0 => String::new(),
            size => format!(", msg_control={}", control(call, header.u64(32), size)),
        };
        format!(
            "{{msg_name={}, msg_namelen={}, msg_iov={}, msg_iovlen={}{control}, msg_controllen={}, msg_flags={}}}",
            address(call, header.u64(0), header.i32(8)),
            header.i32(8),
            structs::buffers(call, header.u64(16), header.u64(24), data),
            header.u64(24),
            header.u64(40),
            MSG.bits(u64::from(header.u32(48))),
        )
    })
}

fn messages(call: &Call<'_>, at: usize) -> String {
    let count = call.ret.map_or(call.uint(at + 1), |ret| ret.max(0) as u64);
    let told: Vec<String> = (0..count.min(text::LIMIT as u64))
        .map(|n| {
            let here = call.arg(at).wrapping_add(n * 64);
            let sent = call.memory.u32(Addr(here.wrapping_add(56))).unwrap_or(0);
            format!("{{msg_hdr={}, msg_len={sent}}}", message_at(call, here, u64::MAX))
        })
        .collect();
    format!("[{}]", told.join(", "))
}

/// Control messages: struct cmsghdr, each aligned to 8 bytes.
fn control(call: &Call<'_>, at: u64, size: u64) -> String {
    const HEADER: usize = 16;
    const MOST: u64 = 4096;
    const SCM_RIGHTS: i32 = 1;
    const SCM_CREDENTIALS: i32 = 2;
    call.object(at, size.min(MOST) as usize, |all| {
        let (mut told, mut from) = (Vec::new(), 0);
        while from + HEADER <= all.0.len() {
            let (length, level, kind) = (all.u64(from) as usize, all.i32(from + 8), all.i32(from + 12));
            let end = from.saturating_add(length.max(HEADER)).min(all.0.len());
            let data = Bytes(all.0.get(from + HEADER..end).unwrap_or_default().to_vec());
            let kind_told = match level {
                1 => SCM.value(kind as u64),
                _ => text::hex(u64::from(kind as u32)),
            };
            let data = match (level, kind) {
                (1, SCM_RIGHTS) => {
                    let fds: Vec<String> =
                        (0..data.0.len() / 4).map(|n| data.i32(n * 4).to_string()).collect();
                    format!("[{}]", fds.join(", "))
                }
                (1, SCM_CREDENTIALS) => {
                    format!("{{pid={}, uid={}, gid={}}}", data.i32(0), data.u32(4), data.u32(8))
                }
                _ => text::raw(&data.0),
            };
            told.push(format!(
                "{{cmsg_len={length}, cmsg_level={}, cmsg_type={kind_told}, cmsg_data={data}}}",
                LEVEL.value(level as u64)
            ));
            from = end.next_multiple_of(8);
        }
        format!("[{}]", told.join(", "))
    })
}

//! `$_siginfo`: what the kernel says of the signal that a thread stopped for, as a value with the kernel's field names.
//!
//! The layout is that of `siginfo_t` on x86-64 (include/uapi/asm-generic/siginfo.h); the types and their names are gdb
//! 13.1's (`linux_get_siginfo_type_with_fields` in linux-tdep.c), so that its expressions work here.

use std::sync::OnceLock;

use super::value::Value;
use crate::source::Siginfo;
use crate::symbols::types::{Array, Count, Kind, Member, Record, Role, Tag, Type};

/// Where the part begins that differs from signal to signal; it holds pointers, so it is aligned to eight.
const FIELDS: u64 = 16;
/// How long that part is.
const REST: u64 = std::mem::size_of::<Siginfo>() as u64 - FIELDS;

/// The value.
#[must_use]
pub fn value(info: &Siginfo) -> Value {
    static TYPE: OnceLock<Type> = OnceLock::new();
    Value::from_bytes(TYPE.get_or_init(siginfo).clone(), info.to_vec())
}

fn siginfo() -> Type {
    let int = Type::integer("int", 4, true);
    record(
        Tag::Struct,
        Some("siginfo"),
        FIELDS + REST,
        vec![
            ("si_signo", 0, int.clone()),
            ("si_errno", 4, int.clone()),
            ("si_code", 8, int),
            ("_sifields", FIELDS, fields()),
        ],
    )
}

fn fields() -> Type {
    let int = Type::integer("int", 4, true);
    let long = Type::integer("long", 8, true);
    let pointer = Type::void().pointer();
    let pid = || named("__pid_t", &int);
    let uid = || named("__uid_t", &Type::integer("unsigned int", 4, false));
    let clock = || named("__clock_t", &long);
    let sigval = record(
        Tag::Union,
        Some("sigval_t"),
        8,
        vec![("sival_int", 0, int.clone()), ("sival_ptr", 0, pointer.clone())],
    );
    let pad = Type::new(Kind::Array(Array {
        element: int.clone().into(),
        count: Count::Known(REST / 4),
        vector: true,
    }));
    let part = |size, members| record(Tag::Struct, None, size, members);
    let bounds = part(16, vec![("_lower", 0, pointer.clone()), ("_upper", 8, pointer.clone())]);
    record(
        Tag::Union,
        None,
        REST,
        vec![
            ("_pad", 0, pad),
            ("_kill", 0, part(8, vec![("si_pid", 0, pid()), ("si_uid", 4, uid())])),
            (
                "_timer",
                0,
                part(
                    16,
                    vec![
                        ("si_tid", 0, int.clone()),
                        ("si_overrun", 4, int.clone()),
                        ("si_sigval", 8, sigval.clone()),
                    ],
                ),
            ),
            ("_rt", 0, part(16, vec![("si_pid", 0, pid()), ("si_uid", 4, uid()), ("si_sigval", 8, sigval)])),
            (
                "_sigchld",
                0,
                part(
                    32,
                    vec![
                        ("si_pid", 0, pid()),
                        ("si_uid", 4, uid()),
                        ("si_status", 8, int.clone()),
                        ("si_utime", 16, clock()),
                        ("si_stime", 24, clock()),
                    ],
                ),
            ),
            (
                "_sigfault",
                0,
                part(
                    32,
                    vec![
                        ("si_addr", 0, pointer.clone()),
                        ("_addr_lsb", 8, Type::integer("short", 2, true)),
                        ("_addr_bnd", 16, bounds),
                    ],
                ),
            ),
            ("_sigpoll", 0, part(16, vec![("si_band", 0, long.clone()), ("si_fd", 8, int.clone())])),
            (
                "_sigsys",
                0,
                part(
                    16,
                    vec![
                        ("_call_addr", 0, pointer),
                        ("_syscall", 8, int),
                        ("_arch", 12, Type::integer("unsigned int", 4, false)),
                    ],
                ),
            ),
        ],
    )
}

fn named(name: &str, of: &Type) -> Type {
    Type::new(Kind::Typedef { name: name.into(), of: of.clone().into() })
}

fn record(tag: Tag, name: Option<&str>, size: u64, members: Vec<(&str, u64, Type)>) -> Type {
    let member = |(name, offset, ty): (&str, u64, Type)| Member {
        name: Some(name.into()),
        ty: ty.into(),
        offset,
        bits: None,
        role: Role::Data,
    };
    Type::new(Kind::Record(Record::new(
        tag,
        name.map(Into::into),
        size,
        members.into_iter().map(member).collect(),
    )))
}

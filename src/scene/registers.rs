//! Registers by gdb's names: general ones, parts of them (`eax`, `al`), floating point and vectors.
//!
//! General registers are those of a frame, as far as its callees saved them. The others are a thread's: no callee
//! has to save them. Which there are is the processor's to say (`XCR0` in the extended state).

use super::Scene;
use super::frame::Frame;
use super::value::{Place, Value};
use crate::addr::Tid;
use crate::regs::TABLE;
use crate::symbols::types::{
    Array, Base, Count, Encoding, Flag, Function, Kind, Member, Record, Role, Tag, Type,
};

/// Where the parts of the XSAVE area lie (Intel SDM volume 1, chapter 13; the kernel's standard format).
mod area {
    pub(super) const STACK: usize = 32;
    pub(super) const XMM: usize = 160;
    pub(super) const MXCSR: usize = 24;
    /// Here the kernel says which parts there are.
    pub(super) const XCR0: usize = 464;
    pub(super) const YMM_HIGH: usize = 576;
    pub(super) const MASKS: usize = 1088;
    pub(super) const PKRU: usize = 2688;
}

/// The x87 control registers: name, offset and bytes in the FXSAVE area.
const CONTROL: [(&str, usize, usize); 8] = [
    ("fctrl", 0, 2),
    ("fstat", 2, 2),
    ("ftag", 4, 1),
    ("fiseg", 12, 2),
    ("fioff", 8, 4),
    ("foseg", 20, 2),
    ("fooff", 16, 4),
    ("fop", 6, 2),
];

const EFLAGS: &[Flag] = &[
    ("CF", 0),
    ("", 1),
    ("PF", 2),
    ("AF", 4),
    ("ZF", 6),
    ("SF", 7),
    ("TF", 8),
    ("IF", 9),
    ("DF", 10),
    ("OF", 11),
    ("NT", 14),
    ("RF", 16),
    ("VM", 17),
    ("AC", 18),
    ("VIF", 19),
    ("VIP", 20),
    ("ID", 21),
];

const MXCSR: &[Flag] = &[
    ("IE", 0),
    ("DE", 1),
    ("ZE", 2),
    ("OE", 3),
    ("UE", 4),
    ("PE", 5),
    ("DAZ", 6),
    ("IM", 7),
    ("DM", 8),
    ("ZM", 9),
    ("OM", 10),
    ("UM", 11),
    ("PM", 12),
    ("FZ", 15),
];

/// gdb's groups of registers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Group {
    General,
    Float,
    Vector,
    System,
    All,
}

impl Group {
    /// The group of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Group> {
        Some(match name {
            "general" => Group::General,
            "float" => Group::Float,
            "vector" => Group::Vector,
            "system" => Group::System,
            "all" => Group::All,
            _ => return None,
        })
    }
}

/// Where a register's bytes are.
enum Source {
    /// A word of the table, cut to so many bits from one on.
    Word {
        whole: &'static str,
        bits: u32,
        shift: u32,
    },
    /// An x87 stack register.
    Stack(usize),
    Control(usize, usize),
    Mxcsr,
    Xmm(usize),
    Ymm(usize),
    Mask(usize),
    Pkru,
}

impl Scene<'_> {
    /// The registers of a group that this thread has, in gdb's order.
    #[must_use]
    pub fn registers_of(&self, tid: Tid, group: Group) -> Vec<String> {
        let state = self.source.extended_state(tid).unwrap_or_default();
        let features = features(&state);
        let numbered = |prefix: &str, count| (0..count).map(|at| format!("{prefix}{at}")).collect::<Vec<_>>();
        let (general, system) = (&TABLE[..24], &TABLE[24..]);
        let names =
            |table: &[crate::regs::RegInfo]| table.iter().map(|reg| reg.name.to_owned()).collect::<Vec<_>>();
        let masks = if features & 1 << 5 != 0 { numbered("k", 8) } else { Vec::new() };
        let vectors = if features & 1 << 2 != 0 { numbered("ymm", 16) } else { numbered("xmm", 16) };
        let float = || {
            let mut all = numbered("st", 8);
            all.extend(CONTROL.iter().map(|(name, ..)| (*name).to_owned()));
            all
        };
        match group {
            Group::General => [names(general), masks].concat(),
            Group::System => names(system),
            _ if state.is_empty() => {
                if group == Group::All {
                    names(general)
                } else {
                    Vec::new()
                }
            }
            Group::Float => float(),
            Group::Vector => [vec!["mxcsr".to_owned()], masks, vectors].concat(),
            Group::All => {
                let keys = if features & 1 << 9 != 0 { vec!["pkru".to_owned()] } else { Vec::new() };
                [names(general), float(), vec!["mxcsr".to_owned()], masks, keys, vectors].concat()
            }
        }
    }

    /// A register of a frame by gdb's name; `None` when no register has this name, or this processor has none.
    #[must_use]
    pub fn register(&self, frame: &Frame, name: &str) -> Option<Value> {
        let source = source_of(name)?;
        if let Source::Word { whole, bits, shift } = source {
            return self.general(frame, whole, bits, shift);
        }
        let state = self.source.extended_state(frame.tid)?;
        let part = |from: usize, len: usize| state.get(from..from + len).map(<[u8]>::to_vec);
        let here = |feature: u32| (features(&state) & 1 << feature != 0).then_some(());
        let (ty, bytes) = match source {
            Source::Stack(at) => (i387(), part(area::STACK + 16 * at, 10)?),
            Source::Control(4, _) => (int(), full_tags(&state)?.to_le_bytes().to_vec()),
            Source::Control(at, len) => (int(), part(at, len)?),
            Source::Mxcsr => (flags("i386_mxcsr", MXCSR), part(area::MXCSR, 4)?),
            Source::Xmm(at) => (vector(16), part(area::XMM + 16 * at, 16)?),
            Source::Ymm(at) => {
                here(2)?;
                let low = part(area::XMM + 16 * at, 16)?;
                (vector(32), [low, part(area::YMM_HIGH + 16 * at, 16)?].concat())
            }
            Source::Mask(at) => {
                here(5)?;
                (Type::integer("uint64_t", 8, false), part(area::MASKS + 8 * at, 8)?)
            }
            _ => {
                here(9)?;
                // gdb reads them where Intel's processors have them; others have nothing there.
                (int(), part(area::PKRU, 4).unwrap_or_default())
            }
        };
        let mut bytes = bytes;
        bytes.resize(ty.size() as usize, 0);
        Some(Value::in_place(ty, Place::Scattered, bytes, Vec::new()))
    }

    /// A general register, or a part of it.
    fn general(&self, frame: &Frame, whole: &'static str, bits: u32, shift: u32) -> Option<Value> {
        let info = TABLE.iter().find(|reg| reg.name == whole)?;
        let ty = word_type(whole, bits);
        // Of an outer frame only what the unwinder recovered is known.
        let dwarf = info.dwarf.filter(|number| *number <= 16);
        let value = match dwarf {
            Some(number) => match frame.physical.regs.get(number) {
                Some(value) => value,
                None => return Some(Value::optimized_out(ty)),
            },
            None => self.source.regs(frame.tid)?.0[info.kernel],
        };
        let place = dwarf.map_or(Place::Scattered, Place::Register);
        let bytes = (value >> shift).to_le_bytes()[..ty.size().min(8) as usize].to_vec();
        Some(Value::in_place(ty, place, bytes, Vec::new()))
    }
}

/// Whether a register has this name, on some processor.
#[must_use]
pub fn is_register(name: &str) -> bool {
    source_of(name).is_some()
}

/// For a part of a general register: the whole one's name, and its bits from which on. Whole ones are parts, too.
#[must_use]
pub fn part_of(name: &str) -> Option<(&'static str, u32, u32)> {
    match source_of(name)? {
        Source::Word { whole, bits, shift } => Some((whole, bits, shift)),
        _ => None,
    }
}

fn source_of(name: &str) -> Option<Source> {
    if let Some((whole, bits, shift)) = word_named(name) {
        return Some(Source::Word { whole, bits, shift });
    }
    if let Some((_, at, len)) = CONTROL.iter().find(|(known, ..)| *known == name) {
        return Some(Source::Control(*at, *len));
    }
    let number = |prefix: &str, count: usize| {
        let digits = name.strip_prefix(prefix)?;
        let number = digits.parse::<usize>().ok().filter(|number| *number < count)?;
        // One spelling only: `st01` is no register.
        (number.to_string() == digits).then_some(number)
    };
    match name {
        "mxcsr" => return Some(Source::Mxcsr),
        "pkru" => return Some(Source::Pkru),
        _ => {}
    }
    (number("st", 8).map(Source::Stack))
        .or_else(|| number("xmm", 16).map(Source::Xmm))
        .or_else(|| number("ymm", 16).map(Source::Ymm))
        .or_else(|| number("k", 8).map(Source::Mask))
}

/// A general register's name as users write it: the whole register's name, how many bits, from which on.
fn word_named(name: &str) -> Option<(&'static str, u32, u32)> {
    let whole = |name: &str| TABLE.iter().find(|reg| reg.name == name).map(|reg| reg.name);
    match name {
        "pc" => return Some(("rip", 64, 0)),
        "sp" => return Some(("rsp", 64, 0)),
        "fp" => return Some(("rbp", 64, 0)),
        "ps" => return Some(("eflags", 32, 0)),
        _ => {}
    }
    if let Some(found) = whole(name) {
        return Some((found, 64, 0));
    }
    let legacy = |letters: &str| {
        let classic = matches!(letters, "ax" | "bx" | "cx" | "dx" | "si" | "di" | "bp" | "sp");
        if classic { whole(&format!("r{letters}")) } else { None }
    };
    if let Some(found) = name.strip_prefix('e').and_then(legacy) {
        return Some((found, 32, 0));
    }
    // gdb's `sp` is the stack pointer, not its low half.
    if let Some(found) = legacy(name) {
        return Some((found, 16, 0));
    }
    if let Some(letter) = name.strip_suffix('l') {
        if let Some(found) = legacy(&format!("{letter}x")).or_else(|| legacy(letter)) {
            return Some((found, 8, 0));
        }
        if let Some(found) = whole(letter).filter(|found| found.starts_with('r')) {
            return Some((found, 8, 0));
        }
    }
    if let Some(found) = name.strip_suffix('h').and_then(|letter| legacy(&format!("{letter}x"))) {
        return Some((found, 8, 8));
    }
    let numbered = |suffix| name.strip_suffix(suffix).filter(|name| name.len() < 4).and_then(whole);
    match (numbered('d'), numbered('w')) {
        (Some(found), _) => Some((found, 32, 0)),
        (_, Some(found)) => Some((found, 16, 0)),
        _ => None,
    }
}

/// What the processor has: bit 2 for AVX, 5 for the masks of AVX-512, 9 for protection keys.
fn features(state: &[u8]) -> u64 {
    let word = state.get(area::XCR0..area::XCR0 + 8).and_then(|bytes| bytes.first_chunk::<8>());
    // The old state without extensions has zeros there.
    if state.len() > area::YMM_HIGH { word.map_or(0, |bytes| u64::from_le_bytes(*bytes)) } else { 0 }
}

/// The x87 tag word, two bits for each register: FXSAVE keeps only whether it is in use.
fn full_tags(state: &[u8]) -> Option<u16> {
    let (used, top) = (*state.get(4)?, usize::from(*state.get(3)? >> 3 & 7));
    let mut tags = 0;
    for register in 0..8 {
        let tag = if used >> register & 1 == 0 {
            3
        } else {
            let from = area::STACK + 16 * ((register + 8 - top) % 8);
            let bytes = state.get(from..from + 10)?;
            let exponent = u16::from_le_bytes([bytes[8], bytes[9]]) & 0x7fff;
            let empty = bytes[..8].iter().all(|byte| *byte == 0);
            match (exponent, empty, bytes[7] & 0x80 != 0) {
                (0, true, _) => 1,
                (0 | 0x7fff, ..) | (_, _, false) => 2,
                _ => 0,
            }
        };
        tags |= tag << (2 * register);
    }
    Some(tags)
}

/// gdb's types of registers.
fn word_type(word: &str, bits: u32) -> Type {
    match (word, bits) {
        ("rip", 64) => {
            let function = Function {
                returns: Type::void().into(),
                parameters: Vec::new(),
                prototyped: false,
                variadic: false,
            };
            Type::new(Kind::Function(function)).pointer()
        }
        ("rsp" | "rbp", 64) => Type::void().pointer(),
        ("eflags", _) => flags("i386_eflags", EFLAGS),
        ("cs" | "ss" | "ds" | "es" | "fs" | "gs", _) => Type::integer("int32_t", 4, true),
        ("fs_base" | "gs_base" | "orig_rax", _) => Type::integer("long", 8, true),
        (_, 8) => Type::integer("int8_t", 1, true),
        (_, 16) => Type::integer("int16_t", 2, true),
        (_, 32) => Type::integer("int32_t", 4, true),
        _ => Type::integer("int64_t", 8, true),
    }
}

fn int() -> Type {
    Type::integer("int", 4, true)
}

fn i387() -> Type {
    let base = Base { name: "builtin_type_i387_ext".into(), size: 10, encoding: Encoding::Float };
    Type::new(Kind::Base(base))
}

fn flags(name: &'static str, bits: &'static [Flag]) -> Type {
    Type::new(Kind::Flags { name, size: 4, bits })
}

/// The union of everything that a vector register may be read as.
fn vector(size: u64) -> Type {
    let float =
        |name: &str, size| Type::new(Kind::Base(Base { name: name.into(), size, encoding: Encoding::Float }));
    let mut parts = vec![
        ("bfloat16", "bf16", float("bfloat16", 2)),
        ("half", "h", float("half", 2)),
        ("float", "f", float("float", 4)),
        ("double", "d", float("double", 8)),
        ("int8", "i8", Type::integer("int8_t", 1, true)),
        ("int16", "i16", Type::integer("int16_t", 2, true)),
        ("int32", "i32", Type::integer("int32_t", 4, true)),
        ("int64", "i64", Type::integer("int64_t", 8, true)),
    ];
    let wide = Type::integer("uint128_t", 16, false);
    if size > 16 {
        parts.push(("int128", "i128", Type::integer("int128_t", 16, true)));
    }
    let data = |name: String, ty: Type| Member {
        name: Some(name.into()),
        ty: ty.into(),
        offset: 0,
        bits: None,
        role: Role::Data,
    };
    let mut members: Vec<Member> = parts
        .into_iter()
        .map(|(long, short, element)| {
            let count = size / element.size();
            let array = Array { element: element.into(), count: Count::Known(count), vector: true };
            let of = Type::new(Kind::Array(array));
            let ty = Type::new(Kind::Typedef { name: format!("v{count}{short}").into(), of: of.into() });
            data(format!("v{count}_{long}"), ty)
        })
        .collect();
    if size == 16 {
        members.push(data("uint128".into(), wide));
    }
    let name = if size == 16 { "vec128" } else { "vec256i" };
    Type::new(Kind::Record(Record::new(Tag::Union, Some(name.into()), size, members)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_registers_are_found_by_their_names() {
        for (name, part) in [
            ("rax", ("rax", 64, 0)),
            ("pc", ("rip", 64, 0)),
            ("eax", ("rax", 32, 0)),
            ("ax", ("rax", 16, 0)),
            ("ah", ("rax", 8, 8)),
            ("sil", ("rsi", 8, 0)),
            ("r8d", ("r8", 32, 0)),
            ("r15l", ("r15", 8, 0)),
        ] {
            assert_eq!(part_of(name), Some(part), "{name}");
        }
        for name in ["ex", "rx", "st8", "xmm16", "st01", "eflagsd", "csl"] {
            assert!(!is_register(name), "{name}");
        }
    }

    #[test]
    fn tags_are_spread_out() {
        let mut state = vec![0; 512];
        assert_eq!(full_tags(&state), Some(0xffff));
        // Physical register 7 in use, at the top: 1.0.
        (state[3], state[4]) = (7 << 3, 0x80);
        state[area::STACK + 7] = 0x80;
        state[area::STACK + 8..area::STACK + 10].copy_from_slice(&[0xff, 0x3f]);
        assert_eq!(full_tags(&state), Some(0x3fff));
    }
}

//! System calls as strace writes them, with their arguments decoded.
//!
//! `openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3`. What a call is given is told when it begins, what the kernel
//! fills in when it has returned; so there are two texts, and what comes between them is another's line. This knows
//! memory, and no process; the layout is that of strace 6.1 without the padding before `=`.

mod calls;
mod files;
mod ioctl;
mod ipc;
mod memory;
mod network;
mod prctl;
mod process;
mod raw;
mod signals;
mod structs;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod waiting;

use std::sync::LazyLock;

pub use signals::{name as signal_name, siginfo};

use super::{errors, names::Names, unpack};
use crate::addr::Addr;
use crate::memory::Memory;

/// What an argument is.
#[derive(Copy, Clone)]
enum Arg {
    /// A signed number of 32 bits; a process and a descriptor are told in the same way.
    Int,
    /// An unsigned one.
    Uint,
    /// A signed number of 64 bits.
    Long,
    /// An unsigned one: sizes.
    Ulong,
    /// An unsigned number of 32 bits, in hex.
    Hex,
    /// One of 64 bits, in hex.
    LongHex,
    /// An address.
    Pointer,
    /// A descriptor, or where relative paths begin.
    Directory,
    /// A path, which is told whole.
    Path,
    /// Another string that ends with NUL.
    Text,
    /// Bytes that the program gives; the argument at this index says how many.
    Given(usize),
    /// Bytes that the kernel gives; the result says how many.
    Filled,
    /// Rights of a file.
    Mode,
    /// A device.
    Device,
    /// Bits of 32.
    Bits(&'static Names),
    /// One of some values, of 32 bits.
    One(&'static Names),
    /// A number that the program or the kernel puts at an address, as `[1]`.
    At(&'static Arg),
    /// Whatever else; nothing is told where the text is empty.
    By(fn(&Call<'_>, usize) -> String),
    /// From here on the arguments are told when the call has returned.
    Later,
    /// The same, and the comma before them, too.
    Behind,
}

/// What a result is.
#[derive(Copy, Clone, Default)]
enum Outcome {
    /// A number.
    #[default]
    Number,
    /// A number in hex: an address.
    Hex,
    /// Rights of a file.
    Octal,
    /// A number that is never an error.
    Unsigned,
    /// It does not return.
    Never,
    /// A number, and behind it in parentheses what it means or what came back, where there is anything to say.
    With(fn(&Call<'_>) -> String),
    /// The same with a number in hex when there is.
    HexWith(fn(&Call<'_>) -> String),
}

/// How one call is told.
struct Row {
    name: &'static str,
    arguments: &'static [Arg],
    outcome: Outcome,
}

/// A call that is told now.
pub struct Call<'a> {
    memory: &'a dyn Memory,
    nr: u64,
    args: [u64; 6],
    /// What it returned; while it has not, nothing.
    ret: Option<i64>,
    /// The call before it on its thread, for one that goes on with it.
    before: Option<u64>,
    /// What the program had put where the kernel puts a length, when the call began.
    length: Option<u32>,
}

/// What is told of a call when it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// `read(3, `.
    pub text: String,
    /// Whether the rest of its arguments comes when it has returned.
    pub more: bool,
    /// A length that the kernel may change.
    pub length: Option<u32>,
}

/// What is told when it has returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The rest of its arguments, without the parenthesis.
    pub text: String,
    /// `3`, or `-1 ENOENT (No such file or directory)`, or `?`.
    pub result: String,
}

static ROWS: LazyLock<Vec<Option<&'static Row>>> = LazyLock::new(|| {
    let mut rows = vec![None; 512];
    for row in calls::ROWS.iter().copied().flatten() {
        if let Some(slot) = super::number(row.name).and_then(|nr| rows.get_mut(nr as usize)) {
            *slot = Some(row);
        }
    }
    rows
});

fn row(nr: u64) -> Option<&'static Row> {
    ROWS.get(usize::try_from(nr).ok()?).copied().flatten()
}

/// A call begins. `before` is the call before it on the same thread.
#[must_use]
pub fn begin(memory: &dyn Memory, nr: u64, args: [u64; 6], before: Option<u64>) -> Begun {
    let mut call = Call { memory, nr, args, ret: None, before, length: None };
    call.length = network::length_given(&call);
    let mut text = format!("{}(", raw::name(nr));
    let Some(row) = row(nr) else {
        text.push_str(&raw::arguments(nr, &args));
        return Begun { text, more: false, length: None };
    };
    let end = row.arguments.iter().position(|arg| matches!(arg, Arg::Later | Arg::Behind));
    text.push_str(&call.list(0, &row.arguments[..end.unwrap_or(row.arguments.len())]));
    // The kernel may give back nothing, where the program asked for nothing.
    let more = end.is_some() && !network::is_told_at_once(&call) && !process::is_told_at_once(&call);
    if matches!(end.map(|at| row.arguments[at]), Some(Arg::Later)) && !text.ends_with('(') {
        text.push_str(", ");
    }
    if let (Some(at), false) = (end, more) {
        let rest = call.list(index(row.arguments, at), &row.arguments[at + 1..]);
        if matches!(row.arguments[at], Arg::Behind) && !rest.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&rest);
    }
    Begun { text, more, length: call.length }
}

/// A call that began has returned.
#[must_use]
pub fn end(memory: &dyn Memory, nr: u64, args: [u64; 6], begun: &Begun, ret: i64) -> Ended {
    let call = Call { memory, nr, args, ret: Some(ret), before: None, length: begun.length };
    let row = row(nr);
    let mut text = String::new();
    if let Some(row) = row
        && begun.more
        && let Some(at) = row.arguments.iter().position(|arg| matches!(arg, Arg::Later | Arg::Behind))
    {
        text = call.list(index(row.arguments, at), &row.arguments[at + 1..]);
        let apart = text.is_empty() || text.starts_with(' ') || begun.text.ends_with('(');
        if matches!(row.arguments[at], Arg::Behind) && !apart {
            text.insert_str(0, ", ");
        }
    }
    Ended { text, result: call.result(row.map(|row| row.outcome).unwrap_or_default()) }
}

/// The call that starts a program, from what is given to it: its words, and where how many variables are.
#[must_use]
pub fn execve(path: &str, words: &[String], (environment, variables): (u64, usize)) -> String {
    let words: Vec<String> = words
        .iter()
        .take(text::LIMIT)
        .map(|word| text::some(word.as_bytes()))
        .chain((words.len() > text::LIMIT).then(|| "...".to_owned()))
        .collect();
    let s = if variables == 1 { "" } else { "s" };
    let (path, words) = (text::quoted(path.as_bytes()), words.join(", "));
    format!("execve({path}, [{words}], {environment:#x} /* {variables} var{s} */")
}

/// Which argument stands behind the mark at `at`.
fn index(arguments: &[Arg], at: usize) -> usize {
    arguments[..at].iter().filter(|arg| !matches!(arg, Arg::Later | Arg::Behind)).count()
}

impl Call<'_> {
    fn arg(&self, index: usize) -> u64 {
        self.args.get(index).copied().unwrap_or(0)
    }

    /// The low 32 bits, which are all that the kernel looks at where it takes an int.
    fn int(&self, index: usize) -> i32 {
        self.arg(index) as i32
    }

    fn uint(&self, index: usize) -> u64 {
        u64::from(self.arg(index) as u32)
    }

    fn int_returned(&self) -> i32 {
        self.ret.unwrap_or(0) as i32
    }

    /// Whether it has returned with an error: then what the kernel was to fill in is not there.
    fn failed(&self) -> bool {
        self.ret.is_some_and(|ret| unpack(ret as u64).is_err())
    }

    /// Whether it has returned and will be made again.
    fn restarts(&self) -> bool {
        let error = self.ret.and_then(|ret| unpack(ret as u64).err());
        error.is_some_and(|error| errors::restart(error).is_some())
    }

    fn list(&self, from: usize, arguments: &[Arg]) -> String {
        let told = arguments.iter().enumerate().map(|(at, arg)| self.told(*arg, from + at));
        told.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn told(&self, arg: Arg, at: usize) -> String {
        match arg {
            Arg::Int => self.int(at).to_string(),
            Arg::Uint => self.uint(at).to_string(),
            Arg::Long => (self.arg(at) as i64).to_string(),
            Arg::Ulong => self.arg(at).to_string(),
            Arg::Hex => text::hex(self.uint(at)),
            Arg::LongHex => text::hex(self.arg(at)),
            Arg::Pointer => text::pointer(self.arg(at)),
            Arg::Directory => text::directory(self.int(at)),
            Arg::Path => text::path(self.memory, self.arg(at)),
            Arg::Text => text::string(self.memory, self.arg(at), usize::MAX),
            Arg::Given(length) => text::bytes(self.memory, self.arg(at), self.arg(length)),
            Arg::Filled if self.failed() => text::pointer(self.arg(at)),
            Arg::Filled => text::bytes(self.memory, self.arg(at), self.ret.unwrap_or(0) as u64),
            Arg::Mode => text::mode(self.uint(at) & 0xffff),
            Arg::Device => text::device(self.uint(at)),
            Arg::Bits(names) => names.bits(self.uint(at)),
            // Some values are negative: as an int it is the same number.
            Arg::One(names) => match names.name(self.int(at) as u64) {
                Some(name) => name.to_owned(),
                None => names.value(self.uint(at)),
            },
            Arg::At(kind) => self.at(*kind, self.arg(at)),
            Arg::By(tell) => tell(self, at),
            Arg::Later | Arg::Behind => String::new(),
        }
    }

    /// A number in memory.
    fn at(&self, kind: Arg, address: u64) -> String {
        let size = match kind {
            Arg::Long | Arg::Ulong | Arg::LongHex | Arg::Pointer => 8,
            _ => 4,
        };
        self.object(address, size, |bytes| {
            let value = if size == 8 { bytes.u64(0) } else { u64::from(bytes.u32(0)) };
            let told = Call { args: [value, 0, 0, 0, 0, 0], ..*self };
            format!("[{}]", told.told(kind, 0))
        })
    }

    /// Something of `size` bytes in memory: its address where it is not to be had.
    fn object(&self, address: u64, size: usize, tell: impl FnOnce(&Bytes) -> String) -> String {
        match self.bytes(address, size) {
            Some(bytes) => tell(&bytes),
            None => text::pointer(address),
        }
    }

    fn bytes(&self, address: u64, size: usize) -> Option<Bytes> {
        if address == 0 || self.failed() {
            return None;
        }
        self.memory.bytes(Addr(address), size).ok().map(Bytes)
    }

    /// Elements of an array in memory, as `[a, b]`; of long ones, the first 32.
    fn array(&self, address: u64, count: u64, size: usize, tell: impl Fn(&Bytes) -> String) -> String {
        if address == 0 || self.failed() {
            return text::pointer(address);
        }
        let mut told = Vec::new();
        for at in 0..count {
            if at >= text::LIMIT as u64 {
                told.push("...".to_owned());
                break;
            }
            let here = address.wrapping_add(at * size as u64);
            match self.memory.bytes(Addr(here), size) {
                Ok(bytes) => told.push(tell(&Bytes(bytes))),
                Err(_) if at == 0 => return text::pointer(address),
                Err(_) => {
                    told.push(format!("... /* {here:#x} */"));
                    break;
                }
            }
        }
        format!("[{}]", told.join(", "))
    }

    fn result(&self, outcome: Outcome) -> String {
        let Some(ret) = self.ret else { return "?".to_owned() };
        if matches!(outcome, Outcome::Never) {
            return "?".to_owned();
        }
        let failure = unpack(ret as u64).err().filter(|_| !matches!(outcome, Outcome::Unsigned));
        if let Some(errno) = failure {
            return match (errors::error(errno), errors::restart(errno)) {
                (Some((name, words)), _) => format!("-1 {name} ({words})"),
                (None, Some((name, words))) => format!("? {name} ({words})"),
                (None, None) => format!("-1 (errno {errno})"),
            };
        }
        let with = |number: String, told: String| match told.is_empty() {
            true => number,
            false => format!("{number} ({told})"),
        };
        match outcome {
            Outcome::Number | Outcome::Never => ret.to_string(),
            Outcome::Hex => text::hex(ret as u64),
            Outcome::Octal => text::mode(ret as u64),
            Outcome::Unsigned => (ret as u64).to_string(),
            Outcome::With(tell) => with(ret.to_string(), tell(self)),
            Outcome::HexWith(tell) => match tell(self) {
                told if told.is_empty() => ret.to_string(),
                told => with(text::hex(ret as u64), told),
            },
        }
    }
}

/// Bytes of a structure, at least as many as the offsets that are asked for.
struct Bytes(Vec<u8>);

impl Bytes {
    fn part<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.part(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.part(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.part(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.part(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.part(at))
    }
}

//! `strcmp` and its kin, computed from the bytes that they would look at. The target is never called (law 2).

use std::borrow::Cow;

use super::ExprError;
use super::ast::Expr;
use crate::addr::{Addr, PAGE};
use crate::memory::Memory;

/// No string of a target is followed further than this.
const LONGEST: usize = 1 << 20;

/// A string or block as a function gets it.
#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    /// Bytes of our own: a literal, without its NUL.
    Bytes(Cow<'a, [u8]>),
    /// In the target's memory.
    At(Addr),
}

/// The functions that are known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Strcmp,
    Strncmp,
    Strcasecmp,
    Strncasecmp,
    Strstr,
    Strlen,
    Memcmp,
    Streq,
    Memeq,
    Regex,
}

/// Whether a call of this is computed from the target's memory, or is a function of gdb's own: nothing is called.
#[must_use]
pub fn is_computed(function: &Expr) -> bool {
    match function {
        Expr::Name(name) => Function::named(name).is_some(),
        Expr::Dollar(_) => true,
        _ => false,
    }
}

impl Function {
    /// The function of this name (with its dollar, for gdb's own).
    pub(super) fn named(name: &str) -> Option<Function> {
        Some(match name {
            "strcmp" => Function::Strcmp,
            "strncmp" => Function::Strncmp,
            "strcasecmp" => Function::Strcasecmp,
            "strncasecmp" => Function::Strncasecmp,
            "strstr" => Function::Strstr,
            "strlen" | "$_strlen" => Function::Strlen,
            "memcmp" => Function::Memcmp,
            "$_streq" => Function::Streq,
            "$_memeq" => Function::Memeq,
            "$_regex" => Function::Regex,
            _ => return None,
        })
    }

    /// How many strings it takes, and whether a number follows them.
    pub(super) fn shape(self) -> (usize, bool) {
        match self {
            Function::Strlen => (1, false),
            Function::Strncmp | Function::Strncasecmp | Function::Memcmp | Function::Memeq => (2, true),
            _ => (2, false),
        }
    }

    /// What it returns. `strstr` gives the address of the place (or an offset of one, in a literal), or 0.
    pub(super) fn call(
        self,
        memory: &dyn Memory,
        strings: &[Operand<'_>],
        n: u64,
    ) -> Result<i128, ExprError> {
        let limit = usize::try_from(n).unwrap_or(usize::MAX);
        match (self, strings) {
            (Function::Strlen, [a]) => Ok(whole(memory, a)?.len() as i128),
            (Function::Strcmp, [a, b]) => compare(memory, a, b, usize::MAX, false),
            (Function::Strncmp, [a, b]) => compare(memory, a, b, limit, false),
            (Function::Strcasecmp, [a, b]) => compare(memory, a, b, usize::MAX, true),
            (Function::Strncasecmp, [a, b]) => compare(memory, a, b, limit, true),
            (Function::Streq, [a, b]) => Ok(i128::from(compare(memory, a, b, usize::MAX, false)? == 0)),
            (Function::Memcmp, [a, b]) => blocks(memory, a, b, limit),
            (Function::Memeq, [a, b]) => Ok(i128::from(blocks(memory, a, b, limit)? == 0)),
            (Function::Strstr, [a, b]) => find(memory, a, b),
            (Function::Regex, [a, b]) => {
                let (text, pattern) = (whole(memory, a)?, whole(memory, b)?);
                Ok(i128::from(fits(&text, &pattern)?))
            }
            _ => Err(ExprError::Arguments(format!("{self:?}").to_lowercase())),
        }
    }
}

/// Whether an expression in the way of Python fits at the beginning of a text, as gdb's function (re.match) has it.
pub(super) fn fits(text: &[u8], pattern: &[u8]) -> Result<bool, ExprError> {
    let pattern = String::from_utf8_lossy(pattern);
    let regex = regex::bytes::Regex::new(&format!("^(?:{pattern})"));
    let regex = regex.map_err(|_| ExprError::Regex(pattern.into_owned()))?;
    Ok(regex.is_match(text))
}

/// Reads a string piece by piece, never past the page that it may end in.
struct Reader<'a> {
    memory: &'a dyn Memory,
    operand: &'a Operand<'a>,
    at: usize,
    buffer: [u8; 128],
    from: usize,
    filled: usize,
}

impl<'a> Reader<'a> {
    fn new(memory: &'a dyn Memory, operand: &'a Operand<'a>) -> Reader<'a> {
        Reader { memory, operand, at: 0, buffer: [0; 128], from: 0, filled: 0 }
    }

    /// The next byte; `hint` tells how many more will probably be wanted.
    fn next(&mut self, hint: usize) -> Result<u8, ExprError> {
        let start = match self.operand {
            Operand::Bytes(bytes) => {
                self.at += 1;
                return Ok(bytes.get(self.at - 1).copied().unwrap_or(0));
            }
            Operand::At(start) => *start,
        };
        if self.at >= LONGEST {
            return Err(ExprError::StringTooLong(LONGEST));
        }
        if self.at >= self.from + self.filled {
            let here = start.add(self.at as u64);
            let room = (PAGE - here.0 % PAGE) as usize;
            let want = hint.clamp(1, self.buffer.len()).min(room);
            self.memory.read_exact(here, &mut self.buffer[..want])?;
            (self.from, self.filled) = (self.at, want);
        }
        self.at += 1;
        Ok(self.buffer[self.at - 1 - self.from])
    }
}

fn compare(
    memory: &dyn Memory,
    a: &Operand<'_>,
    b: &Operand<'_>,
    limit: usize,
    fold: bool,
) -> Result<i128, ExprError> {
    // With a literal on one side its length is all that can matter: one read.
    let hint = match (a, b) {
        (Operand::Bytes(bytes), _) | (_, Operand::Bytes(bytes)) => bytes.len() + 1,
        _ => 64,
    };
    let (mut left, mut right) = (Reader::new(memory, a), Reader::new(memory, b));
    for done in 0..limit {
        let more = hint.saturating_sub(done).min(limit - done);
        let (mut x, mut y) = (left.next(more)?, right.next(more)?);
        if fold {
            (x, y) = (x.to_ascii_lowercase(), y.to_ascii_lowercase());
        }
        if x != y {
            return Ok(i128::from(x) - i128::from(y));
        }
        if x == 0 {
            break;
        }
    }
    Ok(0)
}

fn blocks(memory: &dyn Memory, a: &Operand<'_>, b: &Operand<'_>, limit: usize) -> Result<i128, ExprError> {
    let (mut left, mut right) = (Reader::new(memory, a), Reader::new(memory, b));
    for done in 0..limit {
        let (x, y) = (left.next(limit - done)?, right.next(limit - done)?);
        if x != y {
            return Ok(i128::from(x) - i128::from(y));
        }
    }
    Ok(0)
}

/// The whole string, without its NUL.
pub(super) fn whole<'a>(memory: &dyn Memory, operand: &'a Operand<'_>) -> Result<Cow<'a, [u8]>, ExprError> {
    match operand {
        Operand::Bytes(bytes) => {
            let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
            Ok(Cow::Borrowed(&bytes[..end]))
        }
        Operand::At(at) => match memory.c_string(*at, LONGEST)? {
            (text, true) => Ok(Cow::Owned(text)),
            (_, false) => Err(ExprError::StringTooLong(LONGEST)),
        },
    }
}

fn find(memory: &dyn Memory, a: &Operand<'_>, b: &Operand<'_>) -> Result<i128, ExprError> {
    let (hay, needle) = (whole(memory, a)?, whole(memory, b)?);
    let found = memchr::memmem::find(&hay, &needle);
    let base = match a {
        Operand::At(at) => at.0,
        // A literal has no address; any place in it is as true as another.
        Operand::Bytes(_) => 1,
    };
    Ok(found.map_or(0, |at| i128::from(base) + at as i128))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Fault, Sparse};

    fn memory() -> Sparse {
        let mut memory = Sparse::default();
        memory.insert(Addr(0x1000), b"/etc/Hosts\0tail without end".to_vec());
        memory
    }

    fn call(name: &str, a: Operand<'_>, b: &[u8], n: u64) -> Result<i128, ExprError> {
        let function = Function::named(name).unwrap();
        let both = [a, Operand::Bytes(b.into())];
        function.call(&memory(), &both[..function.shape().0], n)
    }

    const AT: Operand<'static> = Operand::At(Addr(0x1000));

    #[test]
    fn strings_compare_as_in_c() {
        assert_eq!(call("strcmp", AT, b"/etc/Hosts", 0), Ok(0));
        assert!(call("strcmp", AT, b"/etc/Host", 0).unwrap() > 0);
        assert!(call("strcmp", AT, b"/etc/Hostt", 0).unwrap() < 0);
        assert_eq!(call("strcasecmp", AT, b"/ETC/HOSTS", 0), Ok(0));
        assert_eq!(call("strncmp", AT, b"/etc/xxxx", 5), Ok(0));
        assert_eq!(call("strncmp", AT, b"x", 0), Ok(0));
        assert_eq!(call("$_streq", AT, b"/etc/Hosts", 0), Ok(1));
        assert_eq!(call("strlen", AT, b"", 0), Ok(10));
        assert_eq!(call("strstr", AT, b"Host", 0), Ok(0x1005));
        assert_eq!(call("strstr", AT, b"nothing", 0), Ok(0));
        assert_eq!(call("memcmp", AT, b"/etc/Hosts\0ta", 13), Ok(0));
    }

    #[test]
    fn a_difference_before_the_end_of_memory_is_found_and_a_fault_behind_it_is_told() {
        let tail = Operand::At(Addr(0x100b));
        assert!(call("strcmp", tail.clone(), b"tbil", 0).unwrap() < 0);
        assert_eq!(call("strlen", tail, b"", 0), Err(ExprError::Fault(Fault(Addr(0x101b)))));
        let bad = Operand::At(Addr(8));
        assert_eq!(call("strcmp", bad, b"x", 0), Err(ExprError::Fault(Fault(Addr(8)))));
    }
}

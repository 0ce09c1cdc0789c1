//! What the manuals call bits and values of system calls' arguments, as tables.
//!
//! Plain numbers, because only `kernel/` may use libc. Bits are told as strace 6.1 tells them: names joined with `|`, what has
//! no name in hex behind them, and a comment where nothing has one.

/// A table of names: `VALUE NAME, …` under what is told of unknown ones.
macro_rules! names {
    ($(#[$doc:meta])* $table:ident $unknown:literal: $($value:literal $name:ident),* $(,)?) => {
        $(#[$doc])*
        pub const $table: &Names =
            &Names { unknown: $unknown, list: &[$(($value as i128 as u64, stringify!($name))),*] };
    };
}
pub mod files;
pub mod network;
pub mod process;
pub mod signals;

/// Names of bits, or of values.
pub struct Names {
    /// What stands in a comment behind a number without a name; empty for no comment.
    pub unknown: &'static str,
    /// Each value with its name, in the order in which bits are told.
    pub list: &'static [(u64, &'static str)],
}

impl Names {
    /// The name of exactly this value.
    #[must_use]
    pub fn name(&self, value: u64) -> Option<&'static str> {
        self.list.iter().find(|(known, _)| *known == value).map(|(_, name)| *name)
    }

    /// The value by name, or the number with a comment.
    #[must_use]
    pub fn value(&self, value: u64) -> String {
        self.name(value).map_or_else(|| self.nameless(value), str::to_owned)
    }

    /// The bits by name.
    #[must_use]
    pub fn bits(&self, bits: u64) -> String {
        self.bits_after(bits, &[])
    }

    /// The bits by name, those of other tables behind them.
    #[must_use]
    pub fn bits_after(&self, bits: u64, more: &[&Names]) -> String {
        let (mut words, mut rest): (Vec<String>, u64) = (Vec::new(), bits);
        for (value, name) in std::iter::once(&self).chain(more).flat_map(|names| names.list) {
            if rest == *value && words.is_empty() || *value != 0 && rest & value == *value {
                words.push((*name).to_owned());
                rest &= !value;
            }
            if rest == 0 && !words.is_empty() {
                break;
            }
        }
        if words.is_empty() {
            return if bits == 0 { "0".to_owned() } else { self.nameless(bits) };
        }
        if rest != 0 {
            words.push(format!("{rest:#x}"));
        }
        words.join("|")
    }

    fn nameless(&self, value: u64) -> String {
        match (value, self.unknown) {
            (0, "") => "0".to_owned(),
            (value, "") => format!("{value:#x}"),
            (0, unknown) => format!("0 /* {unknown} */"),
            (value, unknown) => format!("{value:#x} /* {unknown} */"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_read_as_in_strace() {
        assert_eq!(files::OPEN.bits(0x80000 | 0x10000), "O_CLOEXEC|O_DIRECTORY");
        assert_eq!(files::OPEN.bits(0x41_0000), "O_TMPFILE");
        assert_eq!(files::ACCESS.bits(0), "F_OK");
        assert_eq!(files::ACCESS.bits(5), "R_OK|X_OK");
        assert_eq!(files::ACCESS.bits(0x18), "0x18 /* ?_OK */");
        assert_eq!(files::ACCESS.bits(0x1c), "R_OK|0x18");
        assert_eq!(files::FD.bits(0), "0");
        assert_eq!(files::FCNTL.value(3), "F_GETFL");
        assert_eq!(files::FCNTL.value(99), "0x63 /* F_??? */");
        assert_eq!(process::PRIORITY.value(0), "PRIO_PROCESS");
    }
}

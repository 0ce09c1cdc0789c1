//! Format letters: what stands behind the slash of `x/4xw`, `print/x` and `display/i`.
//!
//! One reader for all of them, as in gdb's printcmd.c: a count, letters for format and size in any order, and what
//! was used last where they are left out.

use super::expr::ExprError;

/// The size of one unit of `x`, in bytes; the letter is gdb's.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Size {
    Byte,
    Half,
    Word,
    Giant,
}

impl Size {
    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Size::Byte => 1,
            Size::Half => 2,
            Size::Word => 4,
            Size::Giant => 8,
        }
    }

    /// gdb's letter.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Size::Byte => 'b',
            Size::Half => 'h',
            Size::Word => 'w',
            Size::Giant => 'g',
        }
    }
}

/// A format as it was typed, completed by what was used before.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// How many units; below zero for those before an address.
    pub count: i64,
    /// The format's letter; `None` prints a value as its type says.
    pub letter: Option<char>,
    /// The size of a unit.
    pub size: Option<Size>,
}

/// How many units one command may ask for.
const MOST: i64 = 1 << 20;

impl Format {
    /// Splits `/4xw ADDR` into its format and the rest; `None` when no slash begins the text. `last` are the letter
    /// and the size that count when none is given.
    ///
    /// # Errors
    /// A count that is no number.
    pub fn split(
        text: &str,
        last: (Option<char>, Option<Size>),
    ) -> Result<Option<(Format, &str)>, ExprError> {
        let Some(word) = text.trim_start().strip_prefix('/') else { return Ok(None) };
        let (negative, word) = match word.strip_prefix('-') {
            Some(word) => (true, word),
            None => (false, word),
        };
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (number, word) = word.split_at(digits);
        let count = if number.is_empty() { Ok(1) } else { number.parse::<i64>() };
        let count = count.map_err(|_| ExprError::Number(number.to_owned()))?.min(MOST);
        let (mut letter, mut size) = (None, None);
        let end = word.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(word.len());
        for c in word[..end].chars() {
            match c {
                'b' => size = Some(Size::Byte),
                'h' => size = Some(Size::Half),
                'w' => size = Some(Size::Word),
                'g' => size = Some(Size::Giant),
                // Raw values: pretty-printers are not ours.
                'r' => {}
                other => letter = Some(other),
            }
        }
        let format = Format { count: if negative { -count } else { count }, letter, size };
        Ok(Some((format.completed(last), word[end..].trim_start())))
    }

    fn completed(mut self, (letter, size): (Option<char>, Option<Size>)) -> Format {
        let nothing = self.letter.is_none() && self.size.is_none();
        self.letter = self.letter.or(letter);
        if nothing {
            self.size = size;
        } else if self.size.is_none() {
            // Letters that mean a size bring it along, but only where sizes are in use.
            self.size = match self.letter {
                Some('a') => size.map(|_| Size::Giant),
                Some('c') => size.map(|_| Size::Byte),
                Some('f') => size.map(|size| if size.bytes() < 4 { Size::Giant } else { size }),
                Some('s') => None,
                _ => size,
            };
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, last: (Option<char>, Option<Size>)) -> (i64, Option<char>, Option<Size>) {
        let (format, _) = Format::split(text, last).unwrap().unwrap();
        (format.count, format.letter, format.size)
    }

    #[test]
    fn what_is_left_out_is_what_was_used_last() {
        let last = (Some('x'), Some(Size::Word));
        assert_eq!(read("/4", last), (4, Some('x'), Some(Size::Word)));
        assert_eq!(read("/2gd $sp", last), (2, Some('d'), Some(Size::Giant)));
        assert_eq!(read("/c", last), (1, Some('c'), Some(Size::Byte)));
        assert_eq!(read("/a", last), (1, Some('a'), Some(Size::Giant)));
        assert_eq!(read("/f", (Some('c'), Some(Size::Byte))), (1, Some('f'), Some(Size::Giant)));
        assert_eq!(read("/-3x", last), (-3, Some('x'), Some(Size::Word)));
        assert_eq!(read("/a", (None, None)), (1, Some('a'), None));
        assert_eq!(Format::split("x + 1", last).unwrap(), None);
        assert_eq!(Format::split("/x(1)", last).unwrap().unwrap().1, "(1)");
    }
}

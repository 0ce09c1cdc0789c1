//! The table in `.eh_frame_hdr` (LSB 5.0, section 10.6.2): where in `.eh_frame` the entry for an address is.
//!
//! Only the encodings that linkers write are read; a file with others is indexed by reading all of its entries. gimli
//! searches the table as well, but multiplies and subtracts what the file says, which panics where overflow is checked.

use crate::addr::FileAddr;

/// Four bytes, signed, from the place of the word itself; and from the start of the section.
const FROM_HERE: u8 = 0x1b;
const FROM_SECTION: u8 = 0x3b;
/// Four bytes, unsigned.
const COUNT: u8 = 0x03;
/// An address and the place of its entry, four bytes each.
const ROW: usize = 8;

/// See the module.
pub(super) struct Header {
    at: u64,
    rows: &'static [u8],
}

impl Header {
    /// The table in these bytes, which are linked to be at `at`.
    pub(super) fn read(at: FileAddr, bytes: &'static [u8]) -> Option<Header> {
        let (head, rest) = bytes.split_at_checked(4)?;
        if head != [1, FROM_HERE, COUNT, FROM_SECTION] {
            return None;
        }
        let (words, rows) = rest.split_at_checked(8)?;
        let count = u32::from_le_bytes(words[4..].try_into().ok()?) as usize;
        let rows = rows.get(..count.checked_mul(ROW)?)?;
        (count > 0).then_some(Header { at: at.0, rows })
    }

    /// The linked address of the last entry that begins at or before `at`.
    pub(super) fn entry(&self, at: u64) -> Option<u64> {
        let (mut low, mut high) = (0, self.rows.len() / ROW);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.word(middle * ROW)? <= at {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.word(low.checked_sub(1)? * ROW + 4)
    }

    fn word(&self, offset: usize) -> Option<u64> {
        let bytes = self.rows.get(offset..offset + 4)?.try_into().ok()?;
        Some(self.at.wrapping_add_signed(i32::from_le_bytes(bytes).into()))
    }
}

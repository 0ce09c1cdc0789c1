//! `ptype/o`: where the members of a record lie, with the holes between them.
//!
//! It follows gdb 13.1's typeprint.c, `print_offset_data`.

use std::fmt::Write;

use super::typename::Writer;
use super::types::{Kind, Member, Record, Role, Tag, Type};

/// How wide the column is in front of the members.
pub(super) const COLUMN: usize = 27;

/// What `ptype` was asked for beyond the type.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Offsets and sizes of members.
    pub offsets: bool,
    /// The same in hex.
    pub hex: bool,
    /// Names as they are, without those of the template's parameters.
    pub raw: bool,
    /// Methods are shown.
    pub methods: bool,
    /// Types that a class defines are shown.
    pub typedefs: bool,
}

impl Default for Asked {
    fn default() -> Asked {
        Asked { offsets: false, hex: false, raw: false, methods: true, typedefs: true }
    }
}

/// Where the writer is in a record, in bits.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct At {
    hex: bool,
    /// Where the record begins in the outermost one.
    base: u64,
    /// Where the last member ended; below the beginning of a record in it before the first.
    end: i64,
}

impl At {
    pub(super) fn outermost(hex: bool) -> At {
        At { hex, ..At::default() }
    }

    /// The lines for what lies between the last member and `bit`.
    fn hole(self, bit: u64, what: &str, out: &mut String) {
        let Some(hole) = i64::try_from(bit).ok().and_then(|bit| u64::try_from(bit - self.end).ok()) else {
            return;
        };
        if self.end <= 0 {
            return;
        }
        if hole % 8 > 0 {
            _ = writeln!(out, "/* XXX {:2}-bit {what:<7}    */", hole % 8);
        }
        if hole / 8 > 0 {
            _ = writeln!(out, "/* XXX {:2}-byte {what:<7}   */", hole / 8);
        }
    }
}

fn bits(bytes: u64) -> u64 {
    bytes.saturating_mul(8).min(i64::MAX as u64)
}

impl Writer {
    /// The column in front of a member, where there is one.
    pub(super) fn place(&mut self, record: &Record, member: &Member) {
        let Some(mut at) = self.at else { return };
        if member.role == Role::Static {
            return self.blank_column();
        }
        let size = member.ty.get().size();
        let out = &mut self.out;
        if record.tag == Tag::Union {
            _ = match at.hex {
                true => write!(out, "/*                {size:#06x} */"),
                false => write!(out, "/*                {size:6} */"),
            };
            return;
        }
        let first = bits(member.offset).saturating_add(member.bits.map_or(0, |bits| bits.first.into()));
        at.hole(first, "hole", out);
        let real = first.saturating_add(at.base);
        let (byte, bit) = (real / 8, real % 8);
        let long = match member.bits {
            Some(member) => {
                _ = match at.hex {
                    true => write!(out, "/* {byte:#06x}: {bit:#03x}"),
                    false => write!(out, "/* {byte:6}:{bit:2}  "),
                };
                u64::from(member.count)
            }
            None => {
                _ = match at.hex {
                    true => write!(out, "/* {byte:#06x}     "),
                    false => write!(out, "/* {byte:6}     "),
                };
                bits(size)
            }
        };
        _ = match at.hex {
            true => write!(out, " |  {size:#06x} */"),
            false => write!(out, " |  {size:6} */"),
        };
        at.end = first.saturating_add(long).min(i64::MAX as u64) as i64;
        self.at = Some(at);
    }

    /// Goes into a member that is a record; what is to be given back to [`Writer::leave`].
    pub(super) fn enter(&mut self, member: &Member, ty: &Type) -> Option<At> {
        let outer = self.at?;
        let begin = bits(member.offset);
        let end = outer.end.saturating_sub(bits(ty.size()) as i64);
        self.at = Some(At { base: outer.base.saturating_add(begin), end, ..outer });
        Some(outer)
    }

    /// Comes back out of a member.
    pub(super) fn leave(&mut self, outer: Option<At>) {
        if outer.is_some() {
            self.at = outer;
        }
    }

    /// What stands at the end of a record.
    pub(super) fn total(&mut self, size: u64, show: i32, level: usize) {
        let Some(at) = self.at else { return };
        if show > 0 {
            at.hole(bits(size), "padding", &mut self.out);
            self.out.push('\n');
            self.blank_column();
            // As in gdb this number is decimal in any case.
            _ = writeln!(self.out, "{:1$}/* total size (bytes): {size:4} */", "", level + 4);
        }
        self.blank_column();
        if level == 0 {
            self.put("  ");
        }
    }

    /// Where a line has no place.
    pub(super) fn blank_column(&mut self) {
        if self.at.is_some() {
            _ = write!(self.out, "{:COLUMN$}", "");
        }
    }

    /// Whether a member is spelled out although it has a name: a record whose members have places.
    pub(super) fn spells(&self, ty: &Type) -> bool {
        self.at.is_some() && matches!(ty.unqualified().1.kind(), Kind::Record(_))
    }
}

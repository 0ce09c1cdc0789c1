//! An ELF file put together from what a process has mapped of it, when the file itself cannot be had.
//!
//! Segments lie in memory, the table of sections does not. What names and unwinding need of it is made up again: the
//! dynamic symbols by the dynamic section and its hash table, `.eh_frame` by its program header. What a file keeps beside
//! that (its own symbols, lines, types) is not in memory. Every number comes from the target and may be any number.

use crate::addr::Addr;
use crate::maps::Mapping;
use crate::memory::Memory;

/// More than this is not read.
const LARGEST: u64 = 1 << 27;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_STRSZ: u64 = 10;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const PF_X: u32 = 1;
const SHN_LORESERVE: u16 = 0xff00;
const SHT_PROGBITS: u32 = 1;
const SHT_STRTAB: u32 = 3;
const SHT_DYNSYM: u32 = 11;
/// The only names that are made up, and where each begins.
const NAMES: &[u8] = b"\0.dynsym\0.dynstr\0.eh_frame\0.eh_frame_hdr\0.shstrtab\0.text\0.data\0";

const TEXT: u32 = 51;
const DATA: u32 = 57;

/// The bytes of the file behind these mappings, as far as they lie in memory; `None` when they are no ELF file.
pub(super) fn file(mappings: &[&Mapping], memory: &dyn Memory) -> Option<Vec<u8>> {
    let first = mappings.first().filter(|first| first.offset == 0)?;
    let mut head = [0; 64];
    memory.read_exact(first.span.start, &mut head).ok()?;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let end = mappings.iter().filter_map(|mapping| mapping.offset.checked_add(mapping.span.len())).max()?;
    let mut bytes = vec![0; usize::try_from(end).ok().filter(|_| end <= LARGEST)?];
    // A page at the border of two segments is mapped twice; what nobody can write to is as in the file.
    let (changed, kept): (Vec<&Mapping>, Vec<&Mapping>) = mappings.iter().partition(|m| m.perms.write);
    for mapping in changed.into_iter().chain(kept).filter(|mapping| mapping.perms.read) {
        let at = usize::try_from(mapping.offset).ok()?;
        let len = usize::try_from(mapping.span.len()).ok()?;
        memory.read(mapping.span.start, bytes.get_mut(at..at.checked_add(len)?)?);
    }
    let sections = Found { bytes: &bytes, start: first.span.start }.sections();
    sort_symbols(&mut bytes, &sections);
    Some(with(bytes, &sections))
}

/// Gives every symbol the section that is here now around its address; it had a number in a table that is lost.
fn sort_symbols(bytes: &mut [u8], sections: &[Section]) {
    let Some((.., offset, size)) = sections.iter().find(|(_, kind, ..)| *kind == SHT_DYNSYM) else { return };
    let table = usize::try_from(*offset).ok().and_then(|from| bytes.get_mut(from..)).unwrap_or_default();
    let count = usize::try_from(size / 24).unwrap_or(0);
    for symbol in table.chunks_exact_mut(24).take(count) {
        let section = u16::from_le_bytes([symbol[6], symbol[7]]);
        if section == 0 || section >= SHN_LORESERVE {
            continue;
        }
        let at = symbol[8..16].iter().rev().fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
        let around = |(name, _, address, _, size): &Section| {
            [TEXT, DATA].contains(name) && at.wrapping_sub(*address) < *size
        };
        let found = sections.iter().position(around).map_or(0, |index| index as u16 + 1);
        symbol[6..8].copy_from_slice(&found.to_le_bytes());
    }
}

/// A section that is made up: its name's place in [`NAMES`], type, address, offset, size.
type Section = (u32, u32, u64, u64, u64);

/// What was read.
struct Found<'a> {
    bytes: &'a [u8],
    start: Addr,
}

impl Found<'_> {
    fn u32(&self, at: u64) -> Option<u32> {
        let at = usize::try_from(at).ok()?;
        self.bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&self, at: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        self.bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// Type, offset, address and size in the file of each program header.
    fn headers(&self) -> Vec<(u32, u64, u64, u64)> {
        let (Some(table), Some(count)) = (self.u64(32), self.u32(56)) else { return Vec::new() };
        let header = |index: u64| {
            let at = table.checked_add(index * 56)?;
            at.checked_add(56)?;
            Some((self.u32(at)?, self.u64(at + 8)?, self.u64(at + 16)?, self.u64(at + 32)?))
        };
        (0..u64::from(count & 0xffff).min(256)).map_while(header).collect()
    }

    fn sections(&self) -> Vec<Section> {
        let headers = self.headers();
        let loads = || headers.iter().filter(|(kind, ..)| *kind == PT_LOAD);
        // What the loader added; it also adds it to the addresses in the dynamic section.
        let linked = loads().find(|(_, offset, ..)| *offset < 4096).map_or(0, |(_, _, address, _)| *address);
        let bias = self.start.0.wrapping_sub(linked & !4095);
        // Where an address is in the file, and how many bytes of its segment follow.
        let placed = |address: u64| {
            let inside = |load: &&(u32, u64, u64, u64)| address.wrapping_sub(load.2) < load.3;
            let (_, offset, start, size) = loads().find(inside)?;
            let within = address - start;
            Some((offset.checked_add(within)?, size - within))
        };
        let mut all: Vec<Section> = Vec::new();
        if let Some((_, offset, _, size)) = headers.iter().find(|(kind, ..)| *kind == PT_DYNAMIC) {
            let tag = |wanted: u64| {
                let entries = (0..(size / 16).min(1024)).map_while(|n| {
                    let at = offset.checked_add(n * 16)?;
                    Some((self.u64(at)?, self.u64(at.checked_add(8)?)?))
                });
                entries
                    .take_while(|(tag, _)| *tag != 0)
                    .find(|(tag, _)| *tag == wanted)
                    .map(|(_, value)| value)
            };
            let address = |wanted| {
                let value: u64 = tag(wanted)?;
                let address = placed(value).map_or(value.wrapping_sub(bias), |_| value);
                placed(address).map(|(offset, rest)| (address, offset, rest))
            };
            let count = address(DT_GNU_HASH).and_then(|(_, at, _)| self.hashed(at));
            if let (Some(symbols), Some(names), Some(size), Some(count)) =
                (address(DT_SYMTAB), address(DT_STRTAB), tag(DT_STRSZ), count)
            {
                all.push((1, SHT_DYNSYM, symbols.0, symbols.1, count.saturating_mul(24).min(symbols.2)));
                all.push((9, SHT_STRTAB, names.0, names.1, size.min(names.2)));
            }
        }
        if let Some((_, offset, address, size)) = headers.iter().find(|(kind, ..)| *kind == PT_GNU_EH_FRAME) {
            // Version 1, and how the address behind it is written: as linkers do, four bytes from where they stand.
            let distance = self.u32(*offset).filter(|start| start & 0xffff == 0x1b01);
            let distance = distance.and_then(|_| self.u32(offset.checked_add(4)?));
            let frames = distance
                .map(|distance| address.wrapping_add(4).wrapping_add_signed(i64::from(distance as i32)));
            if let Some((frames, (at, rest))) = frames.and_then(|frames| Some((frames, placed(frames)?))) {
                all.push((17, SHT_PROGBITS, frames, at, rest));
                all.push((27, SHT_PROGBITS, *address, *offset, *size));
            }
        }
        for (index, (kind, offset, address, size)) in headers.iter().enumerate() {
            if *kind == PT_LOAD {
                let flags =
                    self.u64(32).and_then(|table| self.u32(table.checked_add(index as u64 * 56 + 4)?));
                let name = if flags.unwrap_or(0) & PF_X != 0 { TEXT } else { DATA };
                all.push((name, SHT_PROGBITS, *address, *offset, *size));
            }
        }
        all
    }

    /// How many symbols there are, by the hash table at this offset (gABI's supplement, DT_GNU_HASH).
    fn hashed(&self, at: u64) -> Option<u64> {
        at.checked_add(16)?;
        let (buckets, first, filter) = (self.u32(at)?, self.u32(at + 4)?, self.u32(at + 8)?);
        let table = at.checked_add(16)?.checked_add(u64::from(filter) * 8)?;
        let bucket = |index| self.u32(table.checked_add(u64::from(index) * 4)?);
        let last = (0..buckets).map_while(bucket).max().filter(|last| *last >= first)?;
        let chains = table.checked_add(u64::from(buckets) * 4)?;
        let ends = |index: &u64| {
            chains
                .checked_add((index - u64::from(first)) * 4)
                .and_then(|at| self.u32(at))
                .is_none_or(|hash| hash & 1 == 1)
        };
        (u64::from(last)..).find(ends).map(|end| end + 1)
    }
}

/// The file with a table of these sections behind it.
fn with(mut bytes: Vec<u8>, sections: &[Section]) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let names = bytes.len() as u64;
    bytes.extend_from_slice(NAMES);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let table = bytes.len() as u64;
    let strings = (41, SHT_STRTAB, 0, names, NAMES.len() as u64);
    let none = (0, 0, 0, 0, 0);
    for (name, kind, address, offset, size) in [none].iter().chain(sections).chain([&strings]) {
        // The dynamic symbols come first, and their names behind them.
        let (link, info, entry) = if *kind == SHT_DYNSYM { (2u32, 1u32, 24u64) } else { (0, 0, 0) };
        let flags = u64::from(*address != 0) * 2;
        bytes.extend([name.to_le_bytes(), kind.to_le_bytes()].concat());
        bytes.extend([flags, *address, *offset, *size].map(u64::to_le_bytes).concat());
        bytes.extend([link, info].map(u32::to_le_bytes).concat());
        bytes.extend([u64::from(*kind != 0), entry].map(u64::to_le_bytes).concat());
    }
    let count = sections.len() as u16 + 2;
    bytes[40..48].copy_from_slice(&table.to_le_bytes());
    bytes[58..64].copy_from_slice(&[64, count, count - 1].map(u16::to_le_bytes).concat());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::addr::Span;
    use crate::maps::Perms;

    struct Bytes(Vec<u8>);

    impl Memory for Bytes {
        fn read(&self, at: Addr, buf: &mut [u8]) -> usize {
            let from = self.0.get(at.0 as usize..).unwrap_or_default();
            let len = from.len().min(buf.len());
            buf[..len].copy_from_slice(&from[..len]);
            len
        }
    }

    #[test]
    fn the_names_are_where_the_sections_look_for_them() {
        let name = |at: usize| NAMES[at..].split(|byte| *byte == 0).next().map(<[u8]>::to_vec).unwrap();
        let all = [1, 9, 17, 27, 41, TEXT as usize, DATA as usize].map(name);
        assert_eq!(
            all.map(|name| String::from_utf8(name).unwrap()),
            [".dynsym", ".dynstr", ".eh_frame", ".eh_frame_hdr", ".shstrtab", ".text", ".data"]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(noise in prop::collection::vec(any::<u8>(), 64..2000), words in prop::collection::vec((0..240usize, any::<u64>()), 0..20)) {
            let mut bytes = noise;
            bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            // A table of headers behind the header, of kinds that are looked at.
            bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
            for (index, word) in words {
                if let Some(place) = bytes.get_mut(64 + index * 8..72 + index * 8) {
                    place.copy_from_slice(&word.to_le_bytes());
                }
            }
            for (at, kind) in [(64, PT_LOAD), (120, PT_DYNAMIC), (176, PT_GNU_EH_FRAME)] {
                if let Some(place) = bytes.get_mut(at..at + 4) {
                    place.copy_from_slice(&kind.to_le_bytes());
                }
            }
            let span = Span::sized(Addr(0), bytes.len() as u64);
            let perms = Perms { read: true, ..Perms::default() };
            let mapping = Mapping { span, perms, inode: 1, ..Mapping::default() };
            let made = file(&[&mapping], &Bytes(bytes)).unwrap();
            let _ = super::super::Image::from_bytes("it", Box::leak(made.into_boxed_slice()));
        }
    }
}

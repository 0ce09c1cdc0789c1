//! `.gnu_debugdata` ("MiniDebugInfo" in gdb's manual): the names of functions, as an ELF file within the file, packed
//! with xz.
//!
//! The container is walked here, because every piece of LZMA2 says how large it becomes: what would be too large is
//! known before any of it is unpacked. lzma-rs unpacks a whole block before it can be told to stop.

use object::{Object, ObjectSection};

use super::debugfile::Elf;

/// Nothing larger is unpacked.
const LIMIT: usize = 256 << 20;
/// How an xz file begins (The .xz File Format, section 2.1.1).
const MAGIC: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
/// The number of the only filter that is used here.
const LZMA2: u8 = 0x21;

/// The file within, kept as long as the debugger.
pub(super) fn open(elf: &Elf) -> Option<Elf> {
    let packed = elf.section_by_name(".gnu_debugdata")?.data().ok()?;
    object::File::parse(&*Box::leak(unpacked(packed)?.into_boxed_slice())).ok()
}

fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    // How long the check behind each block is (section 2.1.1.2).
    let check = match *rest.get(1)? & 0xf {
        0 => 0,
        kind => 4_usize << ((kind - 1) / 3),
    };
    rest = rest.get(6..)?;
    let mut whole = Vec::new();
    // Behind the blocks stands the index, which begins with zero.
    while let Some(&size) = rest.first().filter(|size| **size != 0) {
        let (header, data) = rest.split_at_checked((usize::from(size) + 1) * 4)?;
        only_lzma2(header)?;
        let (packed, grows) = measured(data)?;
        if grows > LIMIT - whole.len() {
            return None;
        }
        lzma_rs::lzma2_decompress(&mut data.get(..packed)?, &mut whole).ok()?;
        rest = data.get(packed.next_multiple_of(4).checked_add(check)?..)?;
    }
    Some(whole)
}

/// Whether a block's header names one filter, LZMA2: the flags count the filters, and tell of sizes in front of them.
fn only_lzma2(header: &[u8]) -> Option<()> {
    let flags = *header.get(1)?;
    let mut rest = header.get(2..)?;
    for _ in 0..(flags >> 6 & 1) + (flags >> 7) {
        let length = rest.iter().position(|byte| byte & 0x80 == 0)? + 1;
        rest = &rest[length..];
    }
    (flags & 3 == 0 && *rest.first()? == LZMA2).then_some(())
}

/// How long the LZMA2 data at the beginning is, and how much becomes of it.
fn measured(data: &[u8]) -> Option<(usize, usize)> {
    let (mut at, mut grows) = (0, 0);
    let word = |at: usize| Some(usize::from(u16::from_be_bytes(data.get(at..at + 2)?.try_into().ok()?)));
    loop {
        match *data.get(at)? {
            0 => return Some((at + 1, grows)),
            // As it is.
            1 | 2 => {
                let size = word(at + 1)? + 1;
                grows += size;
                at += 3 + size;
            }
            control @ 0x80.. => {
                grows += (usize::from(control & 0x1f) << 16) + word(at + 1)? + 1;
                // New properties take a byte more.
                at += 5 + usize::from(control >= 0xc0) + word(at + 3)? + 1;
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        lzma_rs::xz_compress(&mut &*text, &mut packed).unwrap();
        packed
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
        assert_eq!(unpacked(&packed(&text)), Some(text));
        assert_eq!(unpacked(b"no xz"), None);
    }

    #[test]
    fn what_says_that_it_is_huge_is_not_unpacked() {
        let mut bytes = [MAGIC, &[0, 0, 0, 0, 0, 0], &[2, 0, LZMA2, 1, 22, 0, 0, 0, 0, 0, 0, 0]].concat();
        for _ in 0..129 {
            bytes.extend([0x9f, 0xff, 0xff, 0, 0, 0]);
        }
        bytes.push(0);
        assert_eq!(unpacked(&bytes), None);
        let text = packed(b"some text that is short");
        for at in 0..text.len() {
            let mut damaged = text.clone();
            damaged[at] ^= 0x5a;
            let _ = unpacked(&damaged);
            let _ = unpacked(&text[..at]);
        }
    }
}

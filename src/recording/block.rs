//! Blocks: what a recording's file is made of, so that one that ends anywhere is good up to there.
//!
//! ```text
//! kind u8 | packed u8 | 0 u16 | stored u32 | plain u32 | crc u32 | stored bytes
//! ```
//!
//! Numbers are little-endian. `stored` bytes follow, which are `plain` bytes when unpacked (`packed` 1: a zlib stream, RFC
//! 1950; 0: as they are); `crc` is the CRC-32 of what is stored (that of gzip). A block is written whole or is the end.

use std::io::{self, Write};

/// Bytes in front of each block.
pub(super) const HEAD: usize = 16;
/// No block is longer, unpacked; a length above this is damage.
pub(super) const LIMIT: usize = 64 << 20;

/// What a block holds. A number that this version does not know is passed over.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Events, a line of JSON each.
    Events = 1,
    /// Pages of memory, with the number of the first.
    Pages = 2,
    /// A stop.
    Stop = 3,
    /// What the views said of a stop: the event's number (u64), then JSON.
    Views = 5,
    /// Nothing follows: the recording was ended in good order.
    End = 4,
}

impl Kind {
    fn of(number: u8) -> Option<Kind> {
        [Kind::Events, Kind::Pages, Kind::Stop, Kind::Views, Kind::End]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

/// A block's head.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// `None` for a kind of a later version.
    pub(super) kind: Option<Kind>,
    packed: bool,
    pub(super) stored: usize,
    plain: usize,
    crc: u32,
}

impl Head {
    /// Reads one; `None` for what can be none.
    pub(super) fn read(bytes: &[u8; HEAD]) -> Option<Head> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (stored, plain) = (word(4) as usize, word(8) as usize);
        let is_sound = bytes[1] <= 1 && stored <= LIMIT && plain <= LIMIT && bytes[0] != 0;
        let head = Head { kind: Kind::of(bytes[0]), packed: bytes[1] == 1, stored, plain, crc: word(12) };
        is_sound.then_some(head)
    }

    /// What the stored bytes are; `None` when they are damaged.
    pub(super) fn unpack(&self, stored: &[u8]) -> Option<Vec<u8>> {
        if stored.len() != self.stored || libdeflater::crc32(stored) != self.crc {
            return None;
        }
        if !self.packed {
            return Some(stored.to_vec());
        }
        let mut plain = vec![0; self.plain];
        let got = libdeflater::Decompressor::new().zlib_decompress(stored, &mut plain).ok()?;
        (got == self.plain).then_some(plain)
    }
}

/// Packs blocks; keeps what packing needs from one to the next.
pub(super) struct Packer {
    compressor: libdeflater::Compressor,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Packer {
        // The fastest that packs at all: the one who waits is the program that is recorded.
        let level = libdeflater::CompressionLvl::new(1).unwrap_or(libdeflater::CompressionLvl::fastest());
        Packer { compressor: libdeflater::Compressor::new(level), packed: Vec::new() }
    }

    /// Writes a block in one piece; how many bytes it took.
    pub(super) fn write(&mut self, out: &mut impl Write, kind: Kind, plain: &[u8]) -> io::Result<u64> {
        let too_long = || io::Error::from(io::ErrorKind::FileTooLarge);
        let length = u32::try_from(plain.len()).ok().filter(|_| plain.len() <= LIMIT).ok_or_else(too_long)?;
        self.packed.clear();
        self.packed.resize(HEAD + self.compressor.zlib_compress_bound(plain.len()), 0);
        let packed = self.compressor.zlib_compress(plain, &mut self.packed[HEAD..]).ok();
        let packed = packed.filter(|size| *size < plain.len());
        let stored = packed.unwrap_or(plain.len());
        if packed.is_none() {
            self.packed.truncate(HEAD);
            self.packed.extend_from_slice(plain);
        }
        self.packed.truncate(HEAD + stored);
        let crc = libdeflater::crc32(&self.packed[HEAD..]);
        // What is stored is never longer than what is plain.
        let stored = (stored as u32).to_le_bytes();
        let head = &mut self.packed[..HEAD];
        head[..4].copy_from_slice(&[kind as u8, u8::from(packed.is_some()), 0, 0]);
        head[4..8].copy_from_slice(&stored);
        head[8..12].copy_from_slice(&length.to_le_bytes());
        head[12..].copy_from_slice(&crc.to_le_bytes());
        out.write_all(&self.packed)?;
        Ok(self.packed.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_survive_and_damage_is_seen() {
        for plain in [Vec::new(), b"x".to_vec(), vec![7; 100_000], (0..=255).cycle().take(999).collect()] {
            let mut out = Vec::new();
            let written = Packer::new().write(&mut out, Kind::Stop, &plain).unwrap();
            assert_eq!(written as usize, out.len());
            let head = Head::read(out[..HEAD].try_into().unwrap()).unwrap();
            assert_eq!((head.kind, head.stored), (Some(Kind::Stop), out.len() - HEAD));
            assert_eq!(head.unpack(&out[HEAD..]).unwrap(), plain);
            if let Some(last) = out[HEAD..].last_mut() {
                *last ^= 1;
                assert_eq!(head.unpack(&out[HEAD..]), None, "a bit is another");
                assert_eq!(head.unpack(&out[HEAD..out.len() - 1]), None, "a byte is missing");
            }
        }
        assert_eq!(Head::read(&[0; HEAD]), None);
        assert_eq!(Head::read(&[0xff; HEAD]), None);
        assert_eq!(Head::read(&[9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap().kind, None);
    }
}

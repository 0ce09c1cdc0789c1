//! Bytes made from a seed: the same for the same seed, everywhere.

/// Marsaglia's xorshift.
pub struct Random(u64);

impl Random {
    /// Numbers that follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`; 0 when there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit.max(1) as u64) as usize
    }
}

/// Numbers that readers trip over.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_fff0,
    u64::MAX,
];

/// Bytes out of nothing: small numbers and edges among noise, so that what looks like a word or a length comes up.
#[must_use]
pub fn noise(random: &mut Random, most: usize) -> Vec<u8> {
    let length = random.below(most + 1);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        match random.below(4) {
            0 => bytes.extend(EDGES[random.below(EDGES.len())].to_le_bytes()),
            1 => bytes.extend((random.below(4096) as u64).to_le_bytes()),
            2 => bytes.extend((0x1000 + random.below(0x8000) as u64 / 8 * 8).to_le_bytes()),
            _ => bytes.push(random.number() as u8),
        }
    }
    bytes.truncate(length);
    bytes
}

/// What was whole, damaged in a few places; `places` are those that are damaged most.
pub fn damage(bytes: &mut Vec<u8>, places: &[std::ops::Range<usize>], random: &mut Random) {
    for _ in 0..=random.below(6) {
        if bytes.is_empty() {
            return;
        }
        let whole = 0..bytes.len();
        let place = match places.len() {
            0 => whole.clone(),
            many => match random.below(8) {
                0 => whole.clone(),
                _ => places[random.below(many)].clone(),
            },
        };
        let place = place.start.min(bytes.len() - 1)..place.end.min(bytes.len());
        let at = place.start + random.below(place.len());
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.number() as u8,
            2 => {
                let edge = EDGES[random.below(EDGES.len())].to_le_bytes();
                let length = (1 << random.below(4)).min(bytes.len() - at);
                bytes[at..at + length].copy_from_slice(&edge[..length]);
            }
            3 => {
                let end = (at + random.below(64)).min(bytes.len());
                bytes[at..end].fill(if random.below(2) == 0 { 0 } else { 0xff });
            }
            4 => {
                // One part in the place of another.
                let from = place.start + random.below(place.len());
                let length = random.below(32).min(bytes.len() - at.max(from));
                bytes.copy_within(from..from + length, at);
            }
            5 if places.is_empty() => {
                let length = random.below(16).min(bytes.len() - at);
                let part = bytes[at..at + length].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            6 if places.is_empty() => drop(bytes.drain(at..(at + random.below(8)).min(place.end))),
            7 if random.below(16) == 0 => bytes.truncate(at),
            _ => bytes[at] = bytes[at].wrapping_add(1),
        }
    }
}

/// Where an ELF file has sections that are not code; damage is done there, since elsewhere nobody would notice.
#[must_use]
pub fn sections(file: &[u8]) -> Vec<std::ops::Range<usize>> {
    /// `SHF_EXECINSTR` and `SHT_NOBITS` (elf(5)).
    const CODE: u64 = 4;
    const EMPTY: u64 = 8;
    let number = |at: usize, length: usize| {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(file.get(at..at.checked_add(length)?)?);
        Some(u64::from_le_bytes(bytes))
    };
    let section = |index: u64| {
        let at = usize::try_from(number(0x28, 8)?.checked_add(index * 64)?).ok()?;
        let (start, length) = (number(at + 0x18, 8)? as usize, number(at + 0x20, 8)? as usize);
        let plain = number(at + 4, 4)? != EMPTY && number(at + 8, 8)? & CODE == 0 && length > 0;
        (plain && start.checked_add(length)? <= file.len()).then_some(start..start + length)
    };
    if !file.starts_with(b"\x7fELF") {
        return Vec::new();
    }
    (0..number(0x3c, 2).unwrap_or(0)).filter_map(section).collect()
}

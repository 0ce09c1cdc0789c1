//! The bytes of sections, decompressed where they are compressed.

use gimli::Dwarf;
use object::{Object, ObjectSection};

use super::Slice;
use super::debugfile::Elf;

/// No section is believed to be larger: a header can claim anything.
const LIMIT: u64 = 8 << 30;

/// A section as `object` hands it out.
type Section<'a> = object::Section<'static, 'a, &'static [u8]>;

/// The bytes of a section; nothing for one that is damaged.
pub(super) fn bytes(section: &Section<'_>) -> Option<&'static [u8]> {
    let data = section.compressed_data().ok()?;
    if data.uncompressed_size > LIMIT {
        return None;
    }
    Some(match data.decompress().ok()? {
        std::borrow::Cow::Borrowed(bytes) => bytes,
        // Kept as long as the debugger, like the file itself.
        std::borrow::Cow::Owned(bytes) => Box::leak(bytes.into_boxed_slice()),
    })
}

/// The bytes of all sections called `name`, one behind the other: a `.dwo` has a section for each of its type units.
pub(super) fn joined(elf: &Elf, name: &str) -> Slice {
    let called = elf.sections().filter(|section| section.name() == Ok(name));
    let mut all: Vec<&'static [u8]> = called.filter_map(|section| bytes(&section)).collect();
    let joined = match (all.pop(), all.is_empty()) {
        (None, _) => &[],
        (Some(only), true) => only,
        (Some(last), false) => {
            all.push(last);
            Box::leak(all.concat().into_boxed_slice())
        }
    };
    Slice::new(joined, gimli::LittleEndian)
}

/// The sections that `name` names in the way of its kind of file.
pub(super) fn dwarf(
    elf: &Elf,
    name: impl Fn(gimli::SectionId) -> Option<&'static str>,
) -> Option<Dwarf<Slice>> {
    let load = |id| name(id).map_or(Slice::default(), |name| joined(elf, name));
    Dwarf::load(|id| Ok::<_, std::convert::Infallible>(load(id))).ok()
}

//! The DWARF sections of a file, decompressed where they are compressed, in parallel.
//!
//! `.debug_info` is one stream of several hundred megabytes in large programs, so it comes in blocks: the units
//! that are whole are searched for names while the next block is decompressed.

use std::borrow::Cow;
use std::convert::Infallible;

use gimli::{Dwarf, LittleEndian, UnitHeader};
use object::{CompressionFormat, Object, ObjectSection};
use rayon::prelude::*;

use super::Slice;
use super::debugfile::Elf;
use super::namescan::Worker;
use super::seek::{self, Needles};
use super::walk::Bytes;

/// What gives memory back that holds compressed bytes which were read ([`crate::source::Files::release`]).
pub(super) type Release<'a> = &'a (dyn Fn(&'static [u8]) + Sync);

/// The entries themselves.
const INFO: &str = ".debug_info";

/// What a scan of names reads beside `.debug_info`.
const STRINGS: [&str; 4] = [".debug_abbrev", ".debug_line_str", ".debug_str", ".debug_str_offsets"];

/// What it does not read.
const OTHERS: [&str; 8] = [
    ".debug_addr",
    ".debug_aranges",
    ".debug_line",
    ".debug_loc",
    ".debug_loclists",
    ".debug_ranges",
    ".debug_rnglists",
    ".debug_types",
];

/// No section is believed to be larger: a header can claim anything.
const LIMIT: u64 = 8 << 30;

/// How much of `.debug_info` is decompressed before the units in it are looked at.
const BLOCK: usize = 8 << 20;

type Section = (&'static str, &'static [u8]);

/// What was found on the way, in any order of the units.
pub(super) enum Found {
    /// Nothing was looked for.
    Nothing,
    /// What all units hold.
    All(Vec<Worker>),
    /// What the units hold that may have the name that was asked for.
    Some(Vec<Worker>),
}

/// The sections of a file and of its supplement; when a name is asked for, it is looked for on the way.
pub(super) fn load(
    elf: &Elf,
    supplement: Option<&Elf>,
    name: Option<&str>,
    release: Release<'_>,
) -> (Dwarf<Slice>, Found) {
    let supplement = supplement.map(|elf| {
        let all = STRINGS.par_iter().chain(&OTHERS).chain(&[INFO]);
        all.filter_map(|name| whole(elf, name, release)).collect::<Vec<Section>>()
    });
    let (mut loaded, stream) = rayon::join(
        || STRINGS.par_iter().filter_map(|name| whole(elf, name, release)).collect::<Vec<Section>>(),
        || Stream::open(elf, release),
    );
    let strings = assembled(&loaded, supplement.as_deref());
    let rest = || OTHERS.par_iter().filter_map(|name| whole(elf, name, release)).collect::<Vec<Section>>();
    let large = stream.as_ref().is_some_and(|stream| stream.size() >= seek::LARGE);
    let needles = name.filter(|_| large).and_then(|name| Needles::new(name, &strings));
    let units = name.map(|_| Units { strings: &strings, needles: needles.as_ref(), next: 0, index: 0 });
    let info = || stream.map(|stream| stream.read(units)).unwrap_or_default();
    let ((info, found), rest) = rayon::join(info, rest);
    loaded.extend(rest);
    loaded.push((INFO, info));
    let found = match (name, needles.is_some()) {
        (None, _) => Found::Nothing,
        (Some(_), false) => Found::All(found),
        (Some(_), true) => Found::Some(found),
    };
    (assembled(&loaded, supplement.as_deref()), found)
}

fn assembled(sections: &[Section], supplement: Option<&[Section]>) -> Dwarf<Slice> {
    let find = |sections: &[Section], id: gimli::SectionId| -> Result<Slice, Infallible> {
        let bytes = sections.iter().find(|(name, _)| *name == id.name()).map_or(&[][..], |(_, bytes)| bytes);
        Ok(Slice::new(bytes, LittleEndian))
    };
    let mut dwarf = match Dwarf::load(|id| find(sections, id)) {
        Ok(dwarf) => dwarf,
        Err(never) => match never {},
    };
    match supplement.map(|supplement| dwarf.load_sup(|id| find(supplement, id))) {
        None | Some(Ok(())) => dwarf,
        Some(Err(never)) => match never {},
    }
}

fn whole(elf: &Elf, name: &'static str, release: Release<'_>) -> Option<Section> {
    Some((name, bytes(&elf.section_by_name(name)?, release)?))
}

/// The bytes of a section; nothing for one that is damaged.
fn bytes(
    section: &object::Section<'static, '_, &'static [u8]>,
    release: Release<'_>,
) -> Option<&'static [u8]> {
    let data = section.compressed_data().ok()?;
    if data.uncompressed_size > LIMIT {
        return None;
    }
    if data.format == CompressionFormat::Zlib {
        return inflated(data.data, usize::try_from(data.uncompressed_size).ok()?, release);
    }
    let input = data.data;
    Some(match data.decompress().ok()? {
        Cow::Borrowed(bytes) => bytes,
        Cow::Owned(bytes) => {
            release(input);
            Box::leak(bytes.into_boxed_slice())
        }
    })
}

/// A whole zlib stream of so many bytes; one that is damaged or too short says nothing that could be relied on.
///
/// A decoder that has all of its input and output before it needs three quarters of the time of one that is asked for
/// parts (libdeflate's page says why; 0.76 s and 0.95 s for libjvm's 300 MB of entries).
fn inflated(input: &'static [u8], size: usize, release: Release<'_>) -> Option<&'static [u8]> {
    let out = room(size)?;
    let done = libdeflater::Decompressor::new().zlib_decompress(input, out);
    release(input);
    (done == Ok(size)).then_some(out)
}

/// Memory that is kept as long as the debugger, like the files themselves. A header can claim any size: what the kernel
/// does not give is no reason to end, and what is not filled costs nothing.
fn room(size: usize) -> Option<&'static mut [u8]> {
    if size == 0 {
        return Some(&mut []);
    }
    let map = memmap2::MmapMut::map_anon(size).ok()?;
    // A page at a time the kernel would take a fifth of the time of the decompression. Where it cannot, it does not.
    let _ = map.advise(memmap2::Advice::HugePage);
    let map: &'static mut memmap2::MmapMut = Box::leak(Box::new(map));
    Some(map)
}

/// `.debug_info` on its way.
#[derive(Clone, Copy)]
enum Stream<'a> {
    /// It is there already.
    Whole(&'static [u8]),
    /// It is decompressed bit by bit.
    Zlib { input: &'static [u8], size: usize, release: Release<'a> },
}

impl<'a> Stream<'a> {
    fn open(elf: &Elf, release: Release<'a>) -> Option<Stream<'a>> {
        let data = elf.section_by_name(INFO)?.compressed_data().ok()?;
        if data.uncompressed_size > LIMIT {
            return None;
        }
        let size = usize::try_from(data.uncompressed_size).ok()?;
        match data.format {
            CompressionFormat::Zlib => Some(Stream::Zlib { input: data.data, size, release }),
            _ => whole(elf, INFO, release).map(|(_, bytes)| Stream::Whole(bytes)),
        }
    }

    /// How much it will be.
    fn size(&self) -> usize {
        match self {
            Stream::Whole(bytes) => bytes.len(),
            Stream::Zlib { size, .. } => *size,
        }
    }

    /// All of it, and what its units hold if they are to be looked at.
    ///
    /// Units that are all looked at take longer than their decompression, so both are done at once, block by block. A
    /// search is over in a moment, and is made when all is there.
    fn read(self, mut units: Option<Units<'_>>) -> (&'static [u8], Vec<Worker>) {
        let all = units.as_ref().is_some_and(|units| units.needles.is_none());
        let stream = match self {
            Stream::Zlib { input, size, release } if !all => {
                inflated(input, size, release).map(Stream::Whole)
            }
            _ => None,
        };
        let mut scan = |bytes: &[u8], found| match &mut units {
            Some(units) => units.scan(bytes, found),
            None => found,
        };
        // What is damaged is read again, as far as it goes.
        match stream.unwrap_or(self) {
            Stream::Whole(bytes) => (bytes, scan(bytes, Vec::new())),
            Stream::Zlib { input, size, release } => {
                let mut inflate = Inflate::new(input, release);
                let Some(bytes) = room(size) else { return Default::default() };
                let (mut filled, mut found) = (0, Vec::new());
                loop {
                    let (done, free) = bytes.split_at_mut(filled);
                    let block = free.len().min(BLOCK);
                    let (count, workers) =
                        rayon::join(|| inflate.read(&mut free[..block]), || scan(done, found));
                    found = workers;
                    filled += count;
                    if count == 0 {
                        // What is damaged or too short is read up to there; its end was scanned just now.
                        return (&bytes[..filled], found);
                    }
                }
            }
        }
    }
}

/// The units of a section whose end may not be there yet.
struct Units<'a> {
    strings: &'a Dwarf<Slice>,
    /// What a unit must have to be looked at.
    needles: Option<&'a Needles>,
    /// Where the next unit begins, and its index.
    next: usize,
    index: usize,
}

impl Units<'_> {
    /// Looks for names in the units that are whole now and were not before.
    fn scan(&mut self, bytes: &[u8], found: Vec<Worker>) -> Vec<Worker> {
        let mut headers = Vec::new();
        let rest = bytes.get(self.next..).unwrap_or_default();
        let section = gimli::DebugInfo::from(Bytes::new(rest, LittleEndian));
        let mut units = section.units();
        while let Ok(Some(header)) = units.next() {
            self.next += header.length_including_self();
            headers.push((self.index, header));
            self.index += 1;
        }
        let workers = rayon::current_num_threads().min(headers.len()).max(1);
        let mut free = found;
        while free.len() < workers {
            free.push(Worker::new(false));
        }
        let (strings, needles) = (self.strings, self.needles);
        let bytes = |header: &UnitHeader<Bytes<'_>>| {
            let from = header.offset().0;
            rest.get(from..from + header.length_including_self()).unwrap_or_default()
        };
        let queue = std::sync::Mutex::new(headers.iter());
        let next = || queue.lock().ok()?.next();
        free.into_par_iter()
            .map(|mut worker| {
                while let Some((index, header)) = next() {
                    if needles.is_none_or(|needles| needles.are_in(bytes(header))) {
                        worker = worker.unit(strings, *index, header);
                    }
                }
                worker
            })
            .collect()
    }
}

/// A zlib stream that is read in parts.
struct Inflate<'a> {
    state: flate2::Decompress,
    input: &'static [u8],
    release: Release<'a>,
}

impl<'a> Inflate<'a> {
    fn new(input: &'static [u8], release: Release<'a>) -> Inflate<'a> {
        Inflate { state: flate2::Decompress::new(true), input, release }
    }

    /// Fills `out` as far as there is something; 0 at the end, and where the stream is damaged.
    fn read(&mut self, out: &mut [u8]) -> usize {
        let (before, mut filled) = (self.input, 0);
        while filled < out.len() {
            let (taken, given) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(self.input, &mut out[filled..], flate2::FlushDecompress::None);
            let (taken, given) = (self.state.total_in() - taken, self.state.total_out() - given);
            self.input = self.input.get(taken as usize..).unwrap_or_default();
            filled += given as usize;
            if status.is_err() || given == 0 {
                break;
            }
        }
        (self.release)(&before[..before.len() - self.input.len()]);
        filled
    }
}

/// The bytes of all sections called `name`, one behind the other: a `.dwo` has a section for each of its type units.
pub(super) fn joined(elf: &Elf, name: &str) -> Slice {
    let called = elf.sections().filter(|section| section.name() == Ok(name));
    let mut all: Vec<&'static [u8]> = called.filter_map(|section| bytes(&section, &|_| {})).collect();
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

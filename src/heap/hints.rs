//! Where the main arena may be: what code, threads and the loader say of it, before anybody looks at its shape.
//!
//! Each hint is an address and how it was come by; [`super::find`] decides whether an arena is there. None of them
//! needs a symbol but the exported `malloc_trim`, and none needs another: each is tested alone.

use super::Anchors;
use super::find::heap_info_size;
use super::glibc::{ArenaHead, Layout, word};
use super::model::Method;
use super::read::Reader;
use crate::addr::{Addr, Span};
use crate::maps::{self, Mapping};

/// How far below a thread pointer libc's own thread-locals are looked for.
const THREAD_LOCALS: u64 = 4 << 10;
/// Threads that are asked.
const THREADS: usize = 8;
/// Arenas that are followed from a thread's to the main one.
const HOPS: usize = 4096;
/// Bytes of one table of relocations: that of a static program with a lot of data.
const TABLE: u64 = 16 << 20;

/// Every hint, by the methods' order in [`Method`].
pub(super) fn all(
    reader: &mut Reader<'_>,
    maps: &[Mapping],
    anchors: &Anchors,
    only: Option<Method>,
) -> Vec<(Addr, Method)> {
    let wanted = |method| only.is_none_or(|only| only == method);
    let mut hints = Vec::new();
    let mut add = |found: Vec<Addr>, method| hints.extend(found.into_iter().map(|at| (at, method)));
    if wanted(Method::Symbol) {
        add(anchors.main_arena.into_iter().collect(), Method::Symbol);
    }
    if wanted(Method::MallocTrim) {
        add(code(reader, anchors), Method::MallocTrim);
    }
    if wanted(Method::Tls) {
        add(thread_locals(reader, anchors), Method::Tls);
    }
    if wanted(Method::Relocation) {
        add(relocations(reader, maps, anchors), Method::Relocation);
    }
    hints
}

fn is_data(anchors: &Anchors, at: Addr) -> bool {
    anchors.libc_data.iter().any(|span| span.contains(at))
}

/// Addresses in libc's data to which the code of `malloc_trim` refers; it walks all arenas, so one is the first.
fn code(reader: &Reader<'_>, anchors: &Anchors) -> Vec<Addr> {
    use iced_x86::{Decoder, DecoderOptions, Instruction};
    const MAX_CODE: u64 = 8 << 10;
    let Some(code) = anchors.malloc_trim else { return Vec::new() };
    let bytes = reader.block(code.start, code.len().min(MAX_CODE) as usize);
    let mut decoder = Decoder::with_ip(64, &bytes, code.start.0, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut targets = Vec::new();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        // Position-independent code names its data relative to rip, a static program may write an address.
        let named = [u64::from(instruction.immediate32()), instruction.memory_displacement64()];
        targets.extend(named.into_iter().map(Addr).filter(|at| is_data(anchors, *at)));
    }
    sorted(targets)
}

/// What `thread_arena` of each thread may say (arena.c): the main arena, or one whose ring leads there.
fn thread_locals(reader: &mut Reader<'_>, anchors: &Anchors) -> Vec<Addr> {
    let mut targets = Vec::new();
    for (_, pointer) in anchors.threads.iter().take(THREADS) {
        let low = Addr(pointer.0.saturating_sub(THREAD_LOCALS));
        let block = reader.block(low, (pointer.0 - low.0) as usize);
        for at in (0..block.len()).step_by(8).filter_map(|at| word(&block, at)).map(Addr) {
            if is_data(anchors, at) {
                targets.push(at);
            } else if heap_info_size(reader, at).is_some() {
                targets.extend(
                    Layout::ALL.into_iter().filter_map(|layout| main_of(reader, at, layout, anchors)),
                );
            }
        }
    }
    sorted(targets)
}

/// The arena in libc's data to which the ring of a thread's arena leads.
fn main_of(reader: &Reader<'_>, arena: Addr, layout: Layout, anchors: &Anchors) -> Option<Addr> {
    let mut at = arena;
    for _ in 0..HOPS {
        at = ArenaHead::parse(at, layout, &reader.block(at, layout.size()))?.next;
        if at == arena || at == Addr(0) {
            return None;
        }
        if is_data(anchors, at) {
            return Some(at);
        }
    }
    None
}

/// Arenas whose `next` the loader relocated to point at themselves, as the linker left it: true before malloc was
/// ever called. Programs that are not position-independent have no relocations.
fn relocations(reader: &mut Reader<'_>, maps: &[Mapping], anchors: &Anchors) -> Vec<Addr> {
    let mut targets = Vec::new();
    // A second libc is the same file, mapped once more: the first mapping of each lies right below its data.
    let base = |span: &Span| {
        let path = maps::find(maps, span.start).and_then(Mapping::file)?;
        let below = |mapping: &&Mapping| mapping.offset == 0 && mapping.span.start < span.start;
        let first = maps.iter().rev().filter(below).find(|mapping| mapping.file() == Some(path))?;
        Some(first.span.start)
    };
    let bases = sorted(anchors.libc_data.iter().filter_map(base).collect());
    for base in bases {
        let Some(tables) = Tables::read(reader, base) else { continue };
        tables.with_addends(reader, |at, target| {
            let links =
                Layout::ALL.into_iter().any(|layout| target.0.wrapping_add(layout.next() as u64) == at.0);
            if links && is_data(anchors, target) {
                targets.push(target);
            }
        });
        // Packed ones have overwritten their addends: what is there now must still be a link of arenas.
        for at in tables.packed(reader).into_iter().filter(|at| is_data(anchors, *at)) {
            let Some([value]) = reader.peek::<1>(at) else { continue };
            for arena in Layout::ALL.map(|layout| at.0.wrapping_sub(layout.next() as u64)) {
                if value == arena || heap_info_size(reader, Addr(value)).is_some() {
                    targets.push(Addr(arena));
                }
            }
        }
    }
    targets.retain(|at| is_data(anchors, *at));
    sorted(targets)
}

fn sorted(mut targets: Vec<Addr>) -> Vec<Addr> {
    targets.sort();
    targets.dedup();
    targets
}

/// The relocations of a file that is mapped: found as the loader finds them, by its headers in memory.
struct Tables {
    base: Addr,
    rela: Option<Span>,
    relr: Option<Span>,
}

impl Tables {
    fn read(reader: &mut Reader<'_>, base: Addr) -> Option<Tables> {
        const DYNAMIC: u32 = 2;
        let header = reader.block(base, 0x40);
        let shared = header.get(16..18) == Some(&[3, 0]);
        if !header.starts_with(b"\x7fELF\x02\x01") || !shared {
            return None;
        }
        let offset = word(&header, 0x20)?;
        let count = usize::from(u16::from_le_bytes(header.get(0x38..0x3a)?.try_into().ok()?));
        let segments = reader.block(Addr(base.0.checked_add(offset)?), 56 * count);
        let dynamic = segments.chunks_exact(56).find(|raw| raw.starts_with(&DYNAMIC.to_le_bytes()))?;
        let (at, len) = (word(dynamic, 16)?, word(dynamic, 40)?.min(1 << 12));
        let entries = reader.block(Addr(base.0.checked_add(at)?), len as usize);
        let value = |tag: u64| {
            let pairs = entries.chunks_exact(16).take_while(|raw| word(raw, 0) != Some(0));
            pairs.into_iter().find(|raw| word(raw, 0) == Some(tag)).and_then(|raw| word(raw, 8))
        };
        // The loader adds the base to some of these addresses in place.
        let table = |tag, size| {
            let (at, len): (u64, u64) = (value(tag)?, value(size)?);
            let at = if at < base.0 { base.0.checked_add(at)? } else { at };
            (len <= TABLE && at.checked_add(len).is_some()).then(|| Span::sized(Addr(at), len))
        };
        Some(Tables { base, rela: table(7, 8), relr: table(36, 35) })
    }

    /// Relative relocations that keep their addend: the word and what it was made to point at.
    fn with_addends(&self, reader: &Reader<'_>, mut each: impl FnMut(Addr, Addr)) {
        const RELATIVE: u64 = 8;
        let Some(table) = self.rela else { return };
        let bytes = reader.block(table.start, table.len() as usize);
        for raw in bytes.chunks_exact(24).filter(|raw| word(raw, 8) == Some(RELATIVE)) {
            let absolute = |at: usize| word(raw, at).map(|value| Addr(self.base.0.wrapping_add(value)));
            if let Some((at, target)) = absolute(0).zip(absolute(16)) {
                each(at, target);
            }
        }
    }

    /// Words that packed relative relocations (`DT_RELR`) name: an address, then bitmaps of the 63 words behind.
    fn packed(&self, reader: &Reader<'_>) -> Vec<Addr> {
        let Some(table) = self.relr else { return Vec::new() };
        let bytes = reader.block(table.start, table.len() as usize);
        let (mut words, mut next) = (Vec::new(), 0u64);
        for entry in bytes.chunks_exact(8).filter_map(|raw| word(raw, 0)) {
            if entry & 1 == 0 {
                let at = self.base.0.wrapping_add(entry);
                words.push(Addr(at));
                next = at.wrapping_add(8);
            } else {
                let set = (0..63u64).filter(|bit| entry >> (bit + 1) & 1 == 1);
                words.extend(set.map(|bit| Addr(next.wrapping_add(8 * bit))));
                next = next.wrapping_add(63 * 8);
            }
        }
        words
    }
}

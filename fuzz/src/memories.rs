//! Readers of a target's memory: its heap, the loader's list, containers.

use brkwater::addr::{Addr, PAGE, Span, Tid};
use brkwater::heap::search::{self, Needle};
use brkwater::heap::{self, Anchors};
use brkwater::maps::{Mapping, Perms};
use brkwater::memory::{Memory, Sparse};
use brkwater::scene::pretty::OwnPrinter;
use brkwater::scene::{PrintOptions, Printer, Value, linkmap};
use brkwater::symbols::types::Type;

/// Where the bytes lie.
const HERE: u64 = 0x1000;

/// The bytes over and over, as much as a few pages.
fn memory(data: &[u8]) -> Sparse {
    let mut bytes: Vec<u8> =
        data.iter().copied().cycle().take(if data.is_empty() { 0 } else { 0x8000 }).collect();
    bytes.resize(0x8000, 0);
    let mut memory = Sparse::default();
    memory.insert(Addr(HERE), bytes);
    memory
}

fn word(data: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    let part = data.get(at * 8..).unwrap_or_default();
    let length = part.len().min(8);
    bytes[..length].copy_from_slice(&part[..length]);
    u64::from_le_bytes(bytes)
}

fn mapping(start: u64, end: u64, path: &str) -> Mapping {
    Mapping {
        span: Span::new(Addr(start), Addr(end)),
        perms: Perms { read: true, write: true, ..Perms::default() },
        path: path.to_owned(),
        inode: u64::from(path.starts_with('/')),
        ..Mapping::default()
    }
}

/// malloc's arenas, bins and chunks.
pub fn heap(data: &[u8]) {
    let memory = memory(data);
    let maps = [
        mapping(HERE, HERE + 2 * PAGE, "/usr/lib/libc.so.6"),
        mapping(HERE + 2 * PAGE, HERE + 5 * PAGE, "[heap]"),
        mapping(HERE + 5 * PAGE, HERE + 8 * PAGE, ""),
    ];
    let first = word(data, 0);
    let versions = ["2.23", "2.26", "2.31", "2.36", "2.42"];
    let anchors = Anchors {
        main_arena: (first & 1 == 0).then_some(Addr(HERE + (first >> 8) % PAGE / 8 * 8)),
        mp: (first & 2 == 0).then_some(Addr(HERE + 0x800)),
        curbrk: (first & 4 == 0).then_some(Addr(HERE + 0x10)),
        libc_data: heap::libc_data(&maps),
        glibc: versions.get((first >> 3) as usize % 8).map(|version| (*version).to_owned()),
        threads: vec![(Tid(7), Addr(HERE + 0x1800))],
        regions: (first & 64 == 0).then(|| vec![maps[2].span]),
        start_brk: (first & 128 == 0).then_some(maps[1].span.start),
        ..Anchors::default()
    };
    let survey = heap::survey(&memory, &maps, &anchors);
    let _ = (survey.to_text(), serde_json::to_string(&survey.doubts.len()));
    for at in [HERE, HERE + 0x2010, word(data, 1), word(data, 2)] {
        let _ = survey.place_of(&memory, Addr(at));
        let _ = survey.detail(&memory, &maps, Addr(at));
    }
    for arena in &survey.arenas {
        let _ = survey.bins(&memory, &maps, arena, 4, &mut |_, _| {});
        for region in &arena.regions {
            let _ = survey.page(&memory, &maps, (arena, region), Some(Addr(word(data, 1))), 4);
        }
    }
    for cache in &survey.tcaches {
        let _ = survey.tcache_bins(&memory, &maps, cache, 4, &mut |_, _| {});
    }
    let (low, high) = (word(data, 2), word(data, 3));
    let needles = [
        Needle::Words { width: 1 << (first & 3), low, high },
        Needle::Bytes(data.iter().take(3).copied().collect()),
    ];
    for needle in needles {
        search::search(&memory, &maps, &needle, &|span| vec![span], &mut |_| {});
    }
}

/// The loader's list of what it loaded.
pub fn linkmap(data: &[u8]) {
    let auxv = [(3, word(data, 0)), (5, word(data, 1)), (9, word(data, 2)), (7, HERE)];
    let _ = linkmap::read(&auxv, &memory(data));
    let _ = linkmap::read(&[(3, HERE), (5, 9), (4, 56)], &memory(data));
}

/// Arguments and results of system calls.
pub fn syscalls(data: &[u8]) {
    let args = [1, 2, 3, 4, 5, 6].map(|at| word(data, at));
    let ret = word(data, 7);
    let _ = (brkwater::syscalls::unpack(ret), brkwater::syscalls::name(word(data, 0)));
    for nr in brkwater::syscalls::MEMORY_CALLS.into_iter().chain([word(data, 0)]) {
        if let Some(call) = brkwater::syscalls::decode(nr, args, ret) {
            let _ = (brkwater::syscalls::text(&call), brkwater::syscalls::json(&call));
        }
    }
}

/// Values of all basic types, pointers and arrays, as they are printed in every format.
pub fn containers(data: &[u8]) {
    let memory = memory(data);
    // Without a limit each execution prints the whole memory a few hundred times.
    let elements = [1, 16, 200][data.len() % 3];
    let options =
        PrintOptions { elements, own: std::sync::Arc::new(OwnPrinter::usual()), ..PrintOptions::default() };
    let printer = Printer { memory: &memory, names: &(), options: &options };
    const NAMES: [&str; 9] =
        ["char", "unsigned char", "short", "int", "unsigned long", "float", "double", "_Bool", "long double"];
    // One type each time: an array that claims more than there is memory is read to its end for every format.
    for name in NAMES.into_iter().skip(data.len() % NAMES.len()).take(1) {
        let Some(ty) = Type::builtin(name) else { continue };
        let count = word(data, 0) % 512;
        let shapes =
            [ty.clone(), ty.pointer(), ty.array(count), ty.array(word(data, 0)), ty.array(3).array(count)];
        for shape in shapes {
            let value = Value::at(shape.clone(), Addr(HERE + word(data, 1) % 0x9000));
            let _ = (printer.top(&value), value.number(&memory), value.index(word(data, 2) as i64, &memory));
            let _ = (value.deref(&memory), value.c_string(&memory, 200), value.cast(&ty, &memory));
            for format in ['x', 'd', 'u', 'o', 't', 'z', 'c', 'a', 'f', 's'] {
                let _ = printer.formatted(&value, format);
            }
            let short = Value::from_bytes(shape, &data[..data.len().min(12)]);
            let _ = printer.top(&short);
        }
    }
    let _ = memory.c_string(Addr(word(data, 1)), 100);
}

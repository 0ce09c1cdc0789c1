//! Readers of files: ELF, DWARF, `.eh_frame`.
//!
//! brkwater keeps the files that it reads for as long as it lives, and so does this: memory grows by what is fed in.

use std::sync::Arc;

use brkwater::addr::{Addr, FileAddr, Span};
use brkwater::memory::Sparse;
use brkwater::regs::{FrameRegs, RBP, RIP, RSP};
use brkwater::symbols::listed::{self, Listed};
use brkwater::symbols::scopes::Scopes;
use brkwater::symbols::typeload::TypeTable;
use brkwater::symbols::types::{Kind, Type};
use brkwater::symbols::{Asked, Image, Linespec, Modules, vars};
use brkwater::unwind::{Cfi, Unwinder};

/// Things of a file that are looked at, at most: a damaged one may claim millions.
const ENOUGH: usize = 400;

fn kept(data: &[u8]) -> &'static [u8] {
    Box::leak(data.to_vec().into_boxed_slice())
}

fn image(data: &[u8]) -> Option<Arc<Image>> {
    Image::from_bytes("fuzzed", kept(data)).ok()
}

/// Addresses that code may have.
fn addresses(image: &Image) -> Vec<FileAddr> {
    let code = image.segments().iter().filter(|segment| segment.executable);
    let inside = code.flat_map(|segment| {
        (0..24).map(move |step| FileAddr(segment.address.0.wrapping_add(step * (segment.size / 24).max(1))))
    });
    let ends = [0, 1, image.entry().0, u64::MAX].map(FileAddr);
    inside.take(96).chain(ends).collect()
}

/// The file itself, its symbols, and the names of debug info.
pub fn names(data: &[u8]) {
    let Some(image) = image(data) else { return };
    let _ = (image.build_id(), image.interpreter(), image.is_position_independent(), image.has_debug());
    let _ = (image.imports().take(ENOUGH).count(), image.symbols().take(ENOUGH).count());
    let mut bytes = [0; 64];
    for at in addresses(&image) {
        let _ = (image.symbol_at(at), image.section_at(at), image.read_linked(Addr(at.0), &mut bytes));
    }
    let modules = Modules::of_program(&image, "fuzzed");
    for place in ["main", "list1", "no::such", "*0x1139"] {
        if let Some(spec) = Linespec::parse(place) {
            let _ = modules.resolve(&spec, None, &Sparse::default());
        }
    }
    if let Some(debug) = image.debug_to_find("main") {
        let _ = (debug.named("main").count(), debug.named("node").count());
    }
}

/// Line tables, and the functions that are inlined at an address.
pub fn lines(data: &[u8]) {
    let Some(image) = image(data) else { return };
    let modules = Modules::of_program(&image, "fuzzed");
    for at in addresses(&image) {
        let at = Addr(at.0);
        let _ = (modules.frames_of(at), modules.row_at(at), modules.function_at(at), modules.name_of(at));
        let _ = modules.after_prologue(at, &Sparse::default());
    }
    for place in ["1", "10", "expressions.c:20", "main"] {
        if let Some(spec) = Linespec::parse(place) {
            let _ = modules.resolve(&spec, Some("expressions.c"), &Sparse::default());
        }
    }
}

fn describe(ty: &Type) {
    let _ = (ty.name(), ty.describe(), ty.size(), ty.alignment(), ty.short_name());
    let _ = ty.describe_as(Asked { offsets: true, ..Asked::default() });
    if let Kind::Record(record) = ty.strip().kind() {
        let _ = (record.variants().map(|all| all.of(0).is_some()), record.is_dynamic(8), record.class());
    }
}

/// What `ptype` and `info types` show.
pub fn types(data: &[u8]) {
    let Some(image) = image(data) else { return };
    let Some(debug) = image.debug() else { return };
    let table = TypeTable::new(Arc::clone(debug));
    for kind in [Listed::Types, Listed::Variables, Listed::Functions] {
        let found = listed::declared(&table, kind, &|_| true);
        found.iter().take(ENOUGH).for_each(|declared| describe(&declared.ty));
    }
}

/// Functions around an address, their variables, calls, and where they say that their variables are.
pub fn scopes(data: &[u8]) {
    let Some(image) = image(data) else { return };
    let Some(debug) = image.debug() else { return };
    let scopes = Scopes::new(Arc::clone(debug));
    let table = TypeTable::new(Arc::clone(debug));
    for pc in addresses(&image) {
        for function in scopes.at(pc).iter().take(16) {
            let _ = (scopes.calls(function.die).len(), vars::frame_base(debug, function.die, pc));
            let blocks = [function.die].into_iter().chain(function.blocks.iter().copied());
            for variable in vars::variables_of(&table, blocks.take(32)).iter().take(64) {
                let _ = (vars::whereabouts(debug, variable.die, pc), variable.ty.get().name());
            }
        }
    }
}

/// Registers of a frame, and a stack below and above its pointer.
fn stack() -> (FrameRegs, Sparse) {
    let mut regs = FrameRegs::default();
    (0..17).for_each(|number: u16| regs.gpr[usize::from(number)] = Some(0x7000 + u64::from(number) * 8));
    regs.gpr[usize::from(RSP)] = Some(0x7000);
    regs.gpr[usize::from(RBP)] = Some(0x7080);
    let mut memory = Sparse::default();
    let words = (0..512_u64).flat_map(|word| (0x1000 + word * 5).to_le_bytes());
    memory.insert(Addr(0x6800), words.collect());
    (regs, memory)
}

/// The callers that a file's tables give.
pub fn unwind(data: &[u8]) {
    let Some(image) = image(data) else { return };
    let Some(frames) = image.section(".eh_frame") else { return };
    let header = image.section(".eh_frame_hdr");
    let (mut regs, memory) = stack();
    for cfi in [Cfi::new(frames, header), Cfi::new(frames, None)] {
        let mut unwinder = Unwinder::new();
        unwinder.add(Span::new(Addr(0), Addr(u64::MAX)), 0, Arc::new(cfi));
        for at in addresses(&image) {
            regs.gpr[usize::from(RIP)] = Some(at.0);
            let _ = unwinder.stack(&regs, &memory, 64);
            let _ = (unwinder.cfa(&regs, true, &memory), unwinder.saved(&regs, true, &memory));
        }
    }
}

/// Tables of callers made of nothing but these bytes, whose expressions are then computed.
pub fn locations(data: &[u8]) {
    let (mut regs, memory) = stack();
    let mut unwinder = Unwinder::new();
    // An entry that is well formed up to the rules, which are the input: the rest would seldom be.
    let rules = &data[..data.len().min(200)];
    let mut entry: Vec<u8> = vec![0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0, 0x0c, 7, 8];
    pad(&mut entry);
    let described = entry.len() as u32 + 8;
    let mut frames = (entry.len() as u32).to_le_bytes().to_vec();
    frames.extend(entry);
    let mut function: Vec<u8> = described.wrapping_sub(4).to_le_bytes().to_vec();
    function.extend(0x1000_u64.to_le_bytes());
    function.extend(0x1000_u64.to_le_bytes());
    function.push(0);
    function.extend(rules);
    pad(&mut function);
    let at = frames.len() as u32 + 4;
    function[..4].copy_from_slice(&at.to_le_bytes());
    frames.extend((function.len() as u32).to_le_bytes());
    frames.extend(function);
    frames.extend([0; 4]);
    let cfi = Cfi::new((FileAddr(0x10_0000), kept(&frames)), None);
    unwinder.add(Span::new(Addr(0), Addr(u64::MAX)), 0, Arc::new(cfi));
    for pc in [0x1000, 0x1008, 0x1fff] {
        regs.gpr[usize::from(RIP)] = Some(pc);
        let _ = (unwinder.step(&regs, true, &memory), unwinder.saved(&regs, true, &memory));
        let _ = unwinder.stack(&regs, &memory, 64);
    }
}

fn pad(bytes: &mut Vec<u8>) {
    while bytes.len() % 8 != 4 {
        bytes.push(0);
    }
}

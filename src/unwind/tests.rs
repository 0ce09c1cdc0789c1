//! The tables of this very test program, and stacks made by hand.

use std::sync::Arc;

use object::{Object, ObjectSection};

use super::*;
use crate::memory::Sparse;
use crate::regs::RBP;

fn own_cfi() -> (Cfi, FileAddr, Vec<u8>) {
    let bytes: &'static [u8] = Box::leak(std::fs::read("/proc/self/exe").unwrap().into_boxed_slice());
    let file = object::File::parse(bytes).unwrap();
    let section = |name: &str| {
        let section = file.section_by_name(name).unwrap();
        let data: &'static [u8] = section.data().unwrap();
        (FileAddr(section.address()), data)
    };
    let (at, raw) = section(".eh_frame");
    (Cfi::new((at, raw), Some(section(".eh_frame_hdr"))), at, raw.to_vec())
}

#[test]
fn the_header_and_the_scan_find_the_same_rows() {
    let (with_header, at, raw) = own_cfi();
    let without = Cfi::new((at, Box::leak(raw.into_boxed_slice())), None);
    let index: Vec<_> = without.scan();
    assert!(index.len() > 1000, "only {} entries", index.len());
    for (start, _, _) in index.iter().step_by(97) {
        let [a, b] = [&with_header, &without].map(|cfi| cfi.row(FileAddr(*start)).unwrap());
        let offset = |row: &Row| match row.cfa {
            CfaRule::Register(register, offset) => (register, offset),
            CfaRule::Expression(_) => (0, 0),
        };
        assert_eq!(offset(&a), offset(&b), "{start:#x}");
        assert_eq!(offset(&a), (RSP, 8), "at a function's entry the return address is on top");
    }
}

fn frame(pc: u64, rsp: u64, rbp: u64) -> FrameRegs {
    let mut regs = FrameRegs::default();
    regs.gpr[usize::from(RIP)] = Some(pc);
    regs.gpr[usize::from(RSP)] = Some(rsp);
    regs.gpr[usize::from(RBP)] = Some(rbp);
    regs
}

fn words(memory: &mut Sparse, at: u64, words: &[u64]) {
    memory.insert(Addr(at), words.iter().flat_map(|word| word.to_le_bytes()).collect());
}

#[test]
fn a_jump_to_null_is_unwound_by_the_word_on_top() {
    let (cfi, _, _) = own_cfi();
    let mut unwinder = Unwinder::new();
    unwinder.add(Span::new(Addr(0x10_0000), Addr(0x20_0000)), 0x10_0000, Arc::new(cfi));
    let mut memory = Sparse::default();
    words(&mut memory, 0x7000, &[0x12_3456, 0, 0]);
    let step = unwinder.step(&frame(0, 0x7000, 0), true, &memory).unwrap();
    assert_eq!((step.caller.pc(), step.caller.get(RSP)), (0x12_3456, Some(0x7008)));
}

#[test]
fn a_broken_stack_ends_and_never_loops() {
    let unwinder = Unwinder::new();
    let mut memory = Sparse::default();
    words(&mut memory, 0x7000, &[0x7000, 0x1234, 0x7000]);
    assert_eq!(
        unwinder.step(&frame(0x1234, 0x7000, 0x7000), true, &memory).unwrap_err(),
        End::Lost(Addr(0x1234))
    );
    assert_eq!(unwinder.stack(&frame(0x1234, 0x7000, 0x7000), &memory, 100), [Addr(0x1234)]);
}

#[test]
fn damaged_tables_are_no_panic() {
    let (_, _, raw) = own_cfi();
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..200 {
        let mut bytes = raw[..raw.len().min(20_000)].to_vec();
        for _ in 0..50 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 33) as usize % bytes.len();
            bytes[at] = (seed >> 8) as u8;
        }
        let cfi = Cfi::new((FileAddr(0x1000), Box::leak(bytes.into_boxed_slice())), None);
        let starts: Vec<_> = cfi.scan().iter().map(|entry| entry.0).step_by(13).collect();
        for start in starts {
            if let Some(row) = cfi.row(FileAddr(start)) {
                let _ = by_table(&row, &frame(start, 0x7000, 0x7000), &Sparse::default());
            }
        }
    }
}

/// What gimli's search multiplies and subtracts without a check: a count without rows behind it, and an entry that
/// lies before the section.
#[test]
fn a_header_may_lie_about_its_rows() {
    let header = |count: u32, rows: &[i32]| -> &'static [u8] {
        let mut bytes = vec![1, 0x1b, 3, 0x3b, 0, 0, 0, 0];
        bytes.extend(count.to_le_bytes());
        bytes.extend(rows.iter().flat_map(|word| word.to_le_bytes()));
        Box::leak(bytes.into_boxed_slice())
    };
    let (_, at, raw) = own_cfi();
    let raw: &'static [u8] = Box::leak(raw.into_boxed_slice());
    let start = Cfi::new((at, raw), None).scan()[0].0;
    let row = |header| Cfi::new((at, raw), Some((FileAddr(0x10), header))).row(FileAddr(start));
    assert!(row(header(u32::MAX, &[0, 0])).is_some(), "without a table all entries are read");
    assert!(row(header(1, &[0, -0x7fff_ffff])).is_none());
    assert!(row(header(1, &[i32::MAX, 0])).is_none());
    assert!(row(header(1, &[0, i32::MAX])).is_none());
}

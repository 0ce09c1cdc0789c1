//! Which function, inlined functions and blocks are around a pc, and which calls a function makes.
//!
//! A unit's functions are listed once, when a pc in it is first asked for; a function's own tree is walked for one pc
//! and remembered. It knows addresses of the file, no process.

use std::sync::{Arc, Mutex, PoisonError};

use gimli::{
    AttributeValue, DW_AT_call_file, DW_AT_call_line, DW_AT_call_return_pc, DW_AT_entry_pc,
    DW_AT_linkage_name, DW_AT_low_pc, UnitOffset, constants as dw,
};
use rustc_hash::FxHashMap;

use super::debug::DebugInfo;
use super::dies::{Die, Unit};
use super::printed;
use super::types::DieRef;
use crate::addr::FileAddr;

/// Scopes nest no deeper than this.
const MAX_DEPTH: usize = 256;

/// A function, or an inlined copy of one, around a pc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionScope {
    /// Its entry: a `DW_TAG_subprogram` or `DW_TAG_inlined_subroutine`.
    pub die: DieRef,
    /// Its name as gdb prints it.
    pub name: Option<Box<str>>,
    /// Whether it is an inlined copy.
    pub inlined: bool,
    /// The first address of the range that holds the pc.
    pub start: FileAddr,
    /// Where it is entered: for a function in several ranges that is not always the lowest address.
    pub entry: FileAddr,
    /// The address ranges that it covers, as the debug info lists them.
    pub ranges: Vec<(u64, u64)>,
    /// The lexical blocks around the pc, outermost first. A block without addresses of its own belongs to the one
    /// around it, before which it stands.
    pub blocks: Vec<DieRef>,
    /// Blocks without addresses that belong to the function itself.
    pub loose: Vec<DieRef>,
    /// For an inlined copy: file (an index into its unit's line table) and line of the call.
    pub call: Option<(u64, u32)>,
}

/// A call that a function makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSite {
    /// Its entry: `DW_TAG_call_site` or `DW_TAG_GNU_call_site`.
    pub die: DieRef,
    /// The address behind the call instruction.
    pub returns_to: FileAddr,
    /// A jump at a function's end: the callee takes over the frame.
    pub tail: bool,
}

/// Scopes of one file's debug info, remembered.
pub struct Scopes {
    dies: Arc<DebugInfo>,
    functions: Mutex<FxHashMap<DieRef, Arc<[FunctionRange]>>>,
    at: Mutex<FxHashMap<u64, Arc<[FunctionScope]>>>,
    calls: Mutex<FxHashMap<DieRef, Arc<[CallSite]>>>,
}

/// A function's range of addresses, and its entry.
#[derive(Copy, Clone, Debug)]
struct FunctionRange {
    begin: u64,
    end: u64,
    at: UnitOffset,
}

impl Scopes {
    /// Nothing known yet.
    #[must_use]
    pub fn new(dies: Arc<DebugInfo>) -> Scopes {
        Scopes { dies, functions: Mutex::default(), at: Mutex::default(), calls: Mutex::default() }
    }

    /// The functions around `pc`: inlined ones first, innermost first; the function that they were inlined into
    /// last. Empty when debug info has no function there.
    #[must_use]
    pub fn at(&self, pc: FileAddr) -> Arc<[FunctionScope]> {
        if let Some(known) = self.at.lock().unwrap_or_else(PoisonError::into_inner).get(&pc.0) {
            return known.clone();
        }
        let found: Arc<[FunctionScope]> = self.find(pc).unwrap_or_default().into();
        self.at.lock().unwrap_or_else(PoisonError::into_inner).insert(pc.0, found.clone());
        found
    }

    fn find(&self, pc: FileAddr) -> Option<Vec<FunctionScope>> {
        let unit = self.dies.unit_at(pc)?;
        let at = DieRef { offset: unit.unit.header.debug_info_offset()?.0 };
        let pc = pc.0;
        let functions = self.functions(at, unit);
        // The innermost of nested functions begins last.
        let holds = |function: &&FunctionRange| function.begin <= pc && pc < function.end;
        let function = functions.iter().filter(holds).max_by_key(|function| function.begin)?;
        let entry = unit.unit.entry(function.at).ok()?;
        let mut die = Die { dies: &self.dies, unit, entry };
        let mut scopes = vec![self.scope(&die, pc)];
        for _ in 0..MAX_DEPTH {
            let mut loose = Vec::new();
            let inner = innermost(&die, pc, &mut loose, MAX_DEPTH);
            if let Some(scope) = scopes.last_mut() {
                match scope.blocks.len().checked_sub(1) {
                    // Behind its variables come those of the blocks that belong to it.
                    Some(block) => loose.into_iter().for_each(|at| scope.blocks.insert(block, at)),
                    None => scope.loose = loose,
                }
            }
            let Some(inner) = inner else { break };
            if inner.entry.tag() == dw::DW_TAG_lexical_block {
                if let Some(scope) = scopes.last_mut() {
                    scope.blocks.push(inner.at());
                }
            } else {
                scopes.push(self.scope(&inner, pc));
            }
            die = inner;
        }
        scopes.reverse();
        Some(scopes)
    }

    fn functions(&self, at: DieRef, unit: Unit<'_>) -> Arc<[FunctionRange]> {
        if let Some(known) = self.functions.lock().unwrap_or_else(PoisonError::into_inner).get(&at) {
            return known.clone();
        }
        let found: Arc<[FunctionRange]> = functions_of(unit).into();
        self.functions.lock().unwrap_or_else(PoisonError::into_inner).insert(at, found.clone());
        found
    }

    fn scope(&self, die: &Die<'_>, pc: u64) -> FunctionScope {
        let ranges = ranges(die);
        let here = ranges.iter().find(|range| range.0 <= pc && pc < range.1);
        let entry = address(die, DW_AT_entry_pc).or_else(|| address(die, DW_AT_low_pc));
        let entry = entry.or_else(|| ranges.first().map(|range| range.0)).unwrap_or(pc);
        let inlined = die.entry.tag() == dw::DW_TAG_inlined_subroutine;
        let line = die.unsigned(DW_AT_call_line).and_then(|line| u32::try_from(line).ok());
        FunctionScope {
            die: die.at(),
            name: function_name(&self.dies, die),
            inlined,
            start: FileAddr(here.map_or(pc, |range| range.0)),
            entry: FileAddr(entry),
            ranges,
            blocks: Vec::new(),
            loose: Vec::new(),
            call: line.filter(|_| inlined).map(|line| (file_index(die), line)),
        }
    }

    /// The file with this index in the line table of the unit that covers `pc`, and the directory that its name is
    /// relative to.
    #[must_use]
    pub fn file(&self, pc: FileAddr, index: u64) -> Option<(Arc<str>, Arc<str>)> {
        let table = self.dies.lines(self.dies.unit_index_at(pc)?)?;
        let directory = table.row(0).map(|row| row.directory).unwrap_or_default();
        Some((table.file(u32::try_from(index).ok()?), directory))
    }

    /// The calls that the function at `function` makes, inlined code included.
    #[must_use]
    pub fn calls(&self, function: DieRef) -> Arc<[CallSite]> {
        if let Some(known) = self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(&function) {
            return known.clone();
        }
        let found: Arc<[CallSite]> = self.find_calls(function).into();
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(function, found.clone());
        found
    }

    fn find_calls(&self, function: DieRef) -> Vec<CallSite> {
        let mut found = Vec::new();
        let Some(root) = Die::open(&self.dies, function) else { return found };
        let mut open = vec![(root, 0)];
        while let Some((die, depth)) = open.pop() {
            for child in die.children() {
                match child.entry.tag() {
                    dw::DW_TAG_call_site | dw::DW_TAG_GNU_call_site => found.extend(call_site(&child)),
                    _ if is_scope(&child) && depth < MAX_DEPTH => open.push((child, depth + 1)),
                    _ => {}
                }
            }
        }
        found
    }
}

fn call_site(die: &Die<'_>) -> Option<CallSite> {
    // gcc before DWARF 5 put the return address into DW_AT_low_pc.
    let returns_to = address(die, DW_AT_call_return_pc).or_else(|| address(die, DW_AT_low_pc))?;
    let tail = die.flag(dw::DW_AT_call_tail_call) || die.flag(dw::DW_AT_GNU_tail_call);
    Some(CallSite { die: die.at(), returns_to: FileAddr(returns_to), tail })
}

fn is_scope(die: &Die<'_>) -> bool {
    matches!(die.entry.tag(), dw::DW_TAG_lexical_block | dw::DW_TAG_inlined_subroutine)
}

/// The scope right below `die` that covers `pc`. Blocks without addresses are looked through as if they were not
/// there, as in gdb (dwarf2/read.c, `read_lexical_block_scope`); their entries are added to `loose`.
fn innermost<'u>(die: &Die<'u>, pc: u64, loose: &mut Vec<DieRef>, depth: usize) -> Option<Die<'u>> {
    let mut found = None;
    for child in die.children() {
        if !is_scope(&child) {
            continue;
        }
        if covers(&child, pc) {
            found = found.or(Some(child));
        } else if child.entry.tag() == dw::DW_TAG_lexical_block && depth > 0 && ranges(&child).is_empty() {
            loose.push(child.at());
            let deeper = innermost(&child, pc, loose, depth - 1);
            found = found.or(deeper);
        }
    }
    found
}

fn covers(die: &Die<'_>, pc: u64) -> bool {
    ranges(die).iter().any(|range| range.0 <= pc && pc < range.1)
}

fn ranges(die: &Die<'_>) -> Vec<(u64, u64)> {
    super::ranges::of(die.unit, &die.entry)
}

/// An attribute that is an address. `DW_AT_entry_pc` may also be an offset from the beginning.
fn address(die: &Die<'_>, name: gimli::DwAt) -> Option<u64> {
    let value = die.attr(name)?;
    if let Ok(Some(address)) = die.unit.attr_address(value) {
        return Some(address);
    }
    let offset = value.udata_value()?;
    let base = match die.attr(DW_AT_low_pc) {
        Some(low) => die.unit.attr_address(low).ok().flatten(),
        None => ranges(die).first().map(|range| range.0),
    };
    base.map(|base| base.wrapping_add(offset))
}

fn file_index(die: &Die<'_>) -> u64 {
    match die.attr(DW_AT_call_file) {
        Some(AttributeValue::FileIndex(index)) => index,
        Some(value) => value.udata_value().unwrap_or(0),
        None => 0,
    }
}

/// The ranges of all functions of a unit, wherever they are nested.
fn functions_of(unit: Unit<'_>) -> Vec<FunctionRange> {
    let mut found = Vec::new();
    let Ok(mut entries) = unit.unit.entries_raw(None) else { return found };
    loop {
        if entries.is_empty() {
            return found;
        }
        let at = entries.next_offset();
        let Ok(abbreviation) = entries.read_abbreviation() else { return found };
        let Some(abbreviation) = abbreviation else { continue };
        let interesting = abbreviation.tag() == dw::DW_TAG_subprogram;
        if entries.skip_attributes(abbreviation.attributes()).is_err() {
            return found;
        }
        if !interesting {
            continue;
        }
        let Ok(entry) = unit.unit.entry(at) else { return found };
        let ranges = super::ranges::of(unit, &entry).into_iter();
        found.extend(ranges.map(|(begin, end)| FunctionRange { begin, end, at }));
    }
}

/// The function's name as gdb prints it: in C the linker's name where it differs (an `asm` label such as
/// `__GI___mmap64`), in C++ and Rust with what it is qualified by.
fn function_name(dies: &DebugInfo, die: &Die<'_>) -> Option<Box<str>> {
    let plain = die.inherited(dies, &mut |die| die.name());
    let linkage = die.inherited(dies, &mut |die| die.text(DW_AT_linkage_name));
    if !die.is_cplus() {
        return linkage.or(plain);
    }
    linkage.and_then(|name| Some(printed::demangled(&name, false)?.into())).or(plain)
}

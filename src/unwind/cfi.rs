//! One file's `.eh_frame` (LSB 5.0, section 10.6), asked one address at a time.
//!
//! `.eh_frame_hdr` has a table sorted by address, so a lookup is a binary search and one FDE; without it the
//! section is indexed once. What comes out is a [`Row`] of our own: small, without lifetimes, cacheable.

use std::sync::OnceLock;

use gimli::{
    BaseAddresses, CieOrFde, EhFrame, Encoding, EndianSlice, EvaluationResult, Expression,
    FrameDescriptionEntry, LittleEndian, Location, RegisterRule, UnwindContext, UnwindExpression,
    UnwindSection, Value,
};

use super::header::Header;
use crate::addr::{Addr, FileAddr};
use crate::memory::Memory;
use crate::regs::FrameRegs;

type Slice = EndianSlice<'static, LittleEndian>;
type Fde = FrameDescriptionEntry<Slice>;

/// A DWARF expression inside `.eh_frame`.
pub(super) type Code = Expression<Slice>;

/// How the canonical frame address is computed.
pub(super) enum CfaRule {
    Register(u16, i64),
    Expression(Code),
}

/// How one register of the caller is recovered.
#[derive(Clone)]
pub(super) enum Rule {
    Unspecified,
    Undefined,
    Same,
    Saved(i64),
    Value(i64),
    InRegister(u16),
    SavedBy(Code),
    ValueOf(Code),
}

/// Everything that the tables say at one address.
pub(super) struct Row {
    pub(super) cfa: CfaRule,
    pub(super) rules: [Rule; 17],
    pub(super) signal_frame: bool,
}

/// The call frame information of one file.
pub struct Cfi {
    frame: EhFrame<Slice>,
    header: Option<Header>,
    /// Where `.eh_frame` is linked to be.
    at: u64,
    bases: BaseAddresses,
    /// Offsets of FDEs by the address they begin at, for files without a usable header.
    index: OnceLock<Vec<(u64, u64, usize)>>,
}

impl Cfi {
    /// The tables of one file: `.eh_frame` and, if it has one, `.eh_frame_hdr`, each with its linked address.
    #[must_use]
    pub fn new(eh_frame: (FileAddr, &'static [u8]), eh_frame_hdr: Option<(FileAddr, &'static [u8])>) -> Cfi {
        let mut bases = BaseAddresses::default().set_eh_frame(eh_frame.0.0);
        if let Some((at, _)) = eh_frame_hdr {
            bases = bases.set_eh_frame_hdr(at.0);
        }
        let header = eh_frame_hdr.and_then(|(at, bytes)| Header::read(at, bytes));
        Cfi {
            frame: EhFrame::new(eh_frame.1, LittleEndian),
            header,
            at: eh_frame.0.0,
            bases,
            index: OnceLock::new(),
        }
    }

    /// What the tables say about the instruction at `at`; `None` when no entry covers it or it is damaged.
    pub(super) fn row(&self, at: FileAddr) -> Option<Row> {
        let fde = self.entry(at.0)?;
        let mut context = UnwindContext::new();
        let found = fde.unwind_info_for_address(&self.frame, &self.bases, &mut context, at.0).ok()?;
        let code = |expression: &UnwindExpression<usize>| expression.get(&self.frame).ok();
        let cfa = match found.cfa() {
            gimli::CfaRule::RegisterAndOffset { register, offset } => CfaRule::Register(register.0, *offset),
            gimli::CfaRule::Expression(expression) => CfaRule::Expression(code(expression)?),
        };
        let rules = std::array::from_fn(|number| match found.register(gimli::Register(number as u16)) {
            None => Rule::Unspecified,
            Some(RegisterRule::SameValue) => Rule::Same,
            Some(RegisterRule::Offset(offset)) => Rule::Saved(offset),
            Some(RegisterRule::ValOffset(offset)) => Rule::Value(offset),
            Some(RegisterRule::Register(other)) => Rule::InRegister(other.0),
            Some(RegisterRule::Expression(e)) => code(&e).map_or(Rule::Undefined, Rule::SavedBy),
            Some(RegisterRule::ValExpression(e)) => code(&e).map_or(Rule::Undefined, Rule::ValueOf),
            Some(RegisterRule::Constant(_) | RegisterRule::Undefined | RegisterRule::Architectural) => {
                Rule::Undefined
            }
        });
        Some(Row { cfa, rules, signal_frame: fde.is_signal_trampoline() })
    }

    fn entry(&self, at: u64) -> Option<Fde> {
        if let Some(header) = &self.header {
            let offset = usize::try_from(header.entry(at)?.checked_sub(self.at)?).ok()?;
            let fde =
                self.frame.fde_from_offset(&self.bases, offset.into(), EhFrame::cie_from_offset).ok()?;
            return fde.contains(at).then_some(fde);
        }
        let index = self.index.get_or_init(|| self.scan());
        let after = index.partition_point(|(start, _, _)| *start <= at);
        let (_, end, offset) = *index.get(after.checked_sub(1)?)?;
        if at >= end {
            return None;
        }
        self.frame.fde_from_offset(&self.bases, offset.into(), EhFrame::cie_from_offset).ok()
    }

    pub(super) fn scan(&self) -> Vec<(u64, u64, usize)> {
        let mut index = Vec::new();
        let mut entries = self.frame.entries(&self.bases);
        // A damaged entry ends the list; what came before it is still good.
        while let Ok(Some(entry)) = entries.next() {
            if let CieOrFde::Fde(partial) = entry
                && let Ok(fde) = partial.parse(EhFrame::cie_from_offset)
            {
                index.push((fde.initial_address(), fde.end_address(), fde.offset()));
            }
        }
        index.sort_unstable();
        index
    }
}

/// Evaluates an expression of the tables over a frame; `initial` is pushed first (the CFA, for register
/// rules). `None` when it needs what is not there, or does not end in an address.
pub(super) fn evaluate(
    code: Code,
    regs: &FrameRegs,
    memory: &dyn Memory,
    initial: Option<u64>,
) -> Option<u64> {
    let encoding = Encoding { address_size: 8, format: gimli::Format::Dwarf32, version: 4 };
    let mut evaluation = code.evaluation(encoding);
    // A loop in a hostile expression must end.
    evaluation.set_max_iterations(10_000);
    if let Some(value) = initial {
        evaluation.set_initial_value(value);
    }
    let mut state = evaluation.evaluate().ok()?;
    loop {
        state = match state {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresMemory { address, size, .. } => {
                let mut word = [0; 8];
                let size = usize::from(size).min(8);
                memory.read_exact(Addr(address), &mut word[..size]).ok()?;
                evaluation.resume_with_memory(Value::Generic(u64::from_le_bytes(word))).ok()?
            }
            EvaluationResult::RequiresRegister { register, .. } => {
                evaluation.resume_with_register(Value::Generic(regs.get(register.0)?)).ok()?
            }
            _ => return None,
        };
    }
    match evaluation.result().first()?.location {
        Location::Address { address } => Some(address),
        Location::Value { value } => value.to_u64(!0).ok(),
        _ => None,
    }
}

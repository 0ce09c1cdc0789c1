//! Instructions in AT&T syntax, as gdb's disassembler (binutils 2.40) writes them.
//!
//! iced-x86 decodes and formats; what binutils writes differently is mended here.

use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter, Mnemonic, Register};

use crate::addr::{Addr, FileAddr, PAGE, Span};
use crate::memory::{Fault, Memory};

use super::Scene;
use super::print::Names;

/// No instruction of x86 is longer.
const LONGEST: usize = 15;

/// Reads instructions of one address space.
pub(crate) struct Disassembler<'a> {
    memory: &'a dyn Memory,
    scene: &'a Scene<'a>,
    formatter: GasFormatter,
}

impl<'a> Disassembler<'a> {
    pub(crate) fn new(memory: &'a dyn Memory, scene: &'a Scene<'a>) -> Disassembler<'a> {
        let mut formatter = GasFormatter::new();
        let options = formatter.options_mut();
        options.set_gas_show_mnemonic_size_suffix(false);
        options.set_space_after_operand_separator(false);
        options.set_uppercase_hex(false);
        options.set_small_hex_numbers_in_decimal(false);
        options.set_branch_leading_zeros(false);
        options.set_first_operand_char_index(7);
        options.set_rip_relative_addresses(true);
        options.set_show_useless_prefixes(true);
        options.set_show_zero_displacements(true);
        Disassembler { memory, scene, formatter }
    }

    fn decode(&self, at: Addr) -> Option<iced_x86::Instruction> {
        let mut bytes = [0; LONGEST];
        let got = self.memory.read(at, &mut bytes);
        if got == 0 {
            return None;
        }
        Some(Decoder::with_ip(64, &bytes[..got], at.0, DecoderOptions::NONE).decode())
    }

    /// The instruction at an address, and its length; `None` when nothing can be read there.
    pub(crate) fn at(&mut self, at: Addr) -> Option<(String, u64)> {
        let instruction = self.decode(at)?;
        if instruction.is_invalid() {
            // binutils gives a byte up and tries the next one.
            return Some(("(bad)".to_owned(), 1));
        }
        let mut text = String::new();
        self.formatter.format(&instruction, &mut text);
        let mut text = with_scale(text.trim_end());
        if instruction.is_string_instruction() && !text.contains(':') {
            text = text.replace("(%rdi)", "%es:(%rdi)").replace("(%rsi)", "%ds:(%rsi)");
        }
        // The formatter writes a product with itself once.
        if instruction.mnemonic() == Mnemonic::Imul
            && instruction.op_count() == 3
            && instruction.op0_register() == instruction.op1_register()
            && text.matches(',').count() == 1
            && let Some((_, register)) = text.rsplit_once(',')
        {
            text = format!("{text},{register}");
        }
        if instruction.mnemonic() == Mnemonic::Nop && instruction.segment_prefix() == Register::CS {
            text = self.padding(&text, at, instruction.len());
        }
        let target = instruction.near_branch_target();
        if target != 0 || is_branch(&instruction) {
            text.push_str(&self.symbol(Addr(target)));
        }
        if instruction.is_ip_rel_memory_operand() {
            let to = Addr(instruction.ip_rel_memory_address());
            text.push_str(&format!("        # {to}{}", self.symbol(to)));
        }
        Some((text, instruction.len() as u64))
    }

    /// The assembler's padding: a prefix without a meaning is written as a word of its own, and so is each repeated one.
    fn padding(&self, text: &str, at: Addr, length: usize) -> String {
        let mut bytes = [0; LONGEST];
        self.memory.read(at, &mut bytes[..length.min(LONGEST)]);
        let wide = bytes.iter().take_while(|byte| matches!(byte, 0x66 | 0x2e)).filter(|byte| **byte == 0x66);
        let repeated = "data16 ".repeat(wide.count().saturating_sub(1));
        let words: Vec<&str> = text.split_whitespace().collect();
        format!("{repeated}cs {}", words.join(" ").replace("%cs:", ""))
    }

    fn symbol(&self, at: Addr) -> String {
        match self.scene.linker_name_of(at) {
            Some((name, 0)) => format!(" <{name}>"),
            Some((name, offset)) => format!(" <{name}+{offset}>"),
            None => String::new(),
        }
    }

    /// Where the `count` instructions before `at` begin, as far as their function goes.
    pub(crate) fn before(&mut self, at: Addr, count: usize) -> Option<Addr> {
        let start = self.scene.modules.function_at(at.sub(1))?.start;
        let mut starts = Vec::new();
        let mut here = start;
        while here < at && here.0 - start.0 < 256 * PAGE {
            starts.push(here);
            here = here.add((self.decode(here)?.len() as u64).max(1));
        }
        starts.get(starts.len().saturating_sub(count)).copied()
    }
}

/// An instruction of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Where it is.
    pub at: Addr,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// It in AT&T syntax.
    pub text: String,
}

impl Scene<'_> {
    /// The instructions that begin from `start` up to `end`.
    ///
    /// # Errors
    /// Where nothing can be read any more; what comes before is lost.
    pub fn instructions(&self, start: Addr, end: Addr) -> Result<Vec<Instruction>, Fault> {
        let mut disassembler = Disassembler::new(self.memory(), self);
        let mut all = Vec::new();
        let mut at = start;
        while at < end {
            let (text, length) = disassembler.at(at).ok_or(Fault(at))?;
            all.push(Instruction { at, bytes: self.memory().bytes(at, length as usize)?, text });
            at = at.add(length);
        }
        Ok(all)
    }

    /// The line of the first row of the line table at an address, which need not be the one that counts there.
    #[must_use]
    pub fn first_line_at(&self, at: Addr) -> Option<u32> {
        let module = self.modules.at(at)?;
        self.caches.debug(module)?.dies().first_line_at(module.linked(at))
    }

    /// The ranges of the code of the function around an address, and the linker's name of it.
    #[must_use]
    pub fn function_ranges(&self, at: Addr) -> Option<(String, Vec<Span>)> {
        let module = self.modules.at(at)?;
        let scopes = self.caches.debug(module).map(|debug| debug.scopes.at(module.linked(at)));
        let (name, offset) = self.linker_name_of(at)?;
        if let Some(function) = scopes.as_ref().and_then(|scopes| scopes.last()) {
            let start = function.entry.at(module.bias);
            let name = self.linker_name_of(start).map_or(name, |(name, _)| name);
            let span = |range: &(u64, u64)| {
                Span::new(FileAddr(range.0).at(module.bias), FileAddr(range.1).at(module.bias))
            };
            return Some((name, function.ranges.iter().map(span).collect()));
        }
        let start = at.sub(offset);
        let end = self.modules.function_at(at).map_or(at.add(1), |span| span.end);
        Some((name, vec![Span::new(start, end)]))
    }
}

/// binutils writes the scale of an index always, the formatter of some instructions only where it is not 1.
fn with_scale(text: &str) -> String {
    let inner = text.rfind('(').and_then(|from| Some((from + 1, from + text[from..].find(')')?)));
    let Some((from, to)) = inner else { return text.to_owned() };
    let parts: Vec<&str> = text[from..to].split(',').collect();
    match parts.as_slice() {
        [_, index] if index.starts_with('%') => format!("{},1{}", &text[..to], &text[to..]),
        _ => text.to_owned(),
    }
}

fn is_branch(instruction: &iced_x86::Instruction) -> bool {
    instruction.is_jcc_short_or_near()
        || instruction.is_jmp_short_or_near()
        || instruction.is_call_near()
        || instruction.is_loop()
        || instruction.is_loopcc()
        || instruction.is_jcx_short()
}

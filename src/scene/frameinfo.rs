//! What `info frame` tells of a frame: where it lies, whom it was called by, where it keeps registers.
//!
//! It follows gdb 13.1's stack.c. An inlined frame has no stack of its own; gdb then tells of the machine's frame
//! that is next inside, and so does this.

use std::fmt::Write;

use super::Scene;
use super::backtrace::argument_text;
use super::frame::{Frame, Physical};
use super::print::PrintOptions;
use crate::addr::Addr;
use crate::regs::{RBP, RIP, RSP, TABLE};
use crate::unwind::{End, Saved};

impl Scene<'_> {
    /// gdb's text about a frame of the thread; `chosen` for the selected one, which is told with its number.
    #[must_use]
    pub fn frame_info(&self, frame: &Frame, options: &PrintOptions, chosen: bool) -> String {
        let level = frame.level as usize;
        // Its caller, and the frame that it called.
        let around = self.frames(frame.tid, level + 2);
        let outer = around.frames.get(level + 1);
        let inner = level.checked_sub(1).and_then(|level| around.frames.get(level));
        let mut out =
            if chosen { format!("Stack level {level}, frame at ") } else { "Stack frame at ".into() };
        _ = writeln!(out, "{}:", self.base_of(frame));
        // A caller that has jumped here left no return address of its own; gdb makes its frame up.
        let jumped = outer.filter(|outer| outer.physical.tail_call && !frame.inlined());
        self.tell_code(&mut out, frame, jumped, options);
        self.tell_neighbours(&mut out, frame, inner, outer);
        if let Some(language) = self.language_of(frame) {
            _ = writeln!(out, " source language {language}.");
        }
        let list = self.argument_base(frame);
        match list {
            Some(at) => {
                let arguments: Vec<String> =
                    self.frame_view(frame, options).args.iter().map(argument_text).collect();
                _ = writeln!(out, " Arglist at {at}, args: {}", arguments.join(", "));
                _ = write!(out, " Locals at {at},");
            }
            None => out.push_str(" Arglist at unknown address.\n Locals at unknown address,"),
        }
        let inside = &around.frames[..level.min(around.frames.len())];
        self.tell_registers(&mut out, frame, inside, jumped.is_some());
        out
    }

    /// The address that names a frame: its canonical frame address; none for one that nobody called.
    #[must_use]
    pub fn base_of(&self, frame: &Frame) -> Addr {
        let saved = self.saved_by(&frame.physical);
        if saved.is_some_and(|saved| saved[usize::from(RIP)] == Saved::Lost) {
            return Addr(0);
        }
        self.cfa(&frame.physical).unwrap_or_default()
    }

    /// gdb's name of the language that a frame's code was written in.
    #[must_use]
    pub fn language_of(&self, frame: &Frame) -> Option<&'static str> {
        let debug = frame.physical.debug.as_ref().filter(|_| !frame.signal_handler)?;
        let at = frame.physical.file_lookup();
        debug.dies().line_at(at)?;
        debug.dies().language(debug.dies().unit_index_at(at)?)
    }

    /// Where a frame's general register lies in memory, when a callee saved it there.
    #[must_use]
    pub fn saved_place(&self, frame: &Frame, name: &str) -> Option<Addr> {
        let number = TABLE.iter().find(|reg| reg.name == name)?.dwarf?;
        let inside = self.frames(frame.tid, frame.level as usize).frames;
        for inner in inside.iter().rev().filter(|inner| !inner.inlined()) {
            match self.saved_by(&inner.physical)?.get(usize::from(number))? {
                Saved::At(at) => return Some(*at),
                Saved::Kept => {}
                Saved::Computed | Saved::Lost => return None,
            }
        }
        None
    }

    fn saved_by(&self, frame: &Physical) -> Option<[Saved; 17]> {
        self.unwinder.saved(&frame.regs, frame.exact, self.memory())
    }

    fn tell_code(&self, out: &mut String, frame: &Frame, jumped: Option<&Frame>, options: &PrintOptions) {
        let view = self.frame_view(frame, options);
        _ = write!(out, " rip = {}", frame.pc());
        let name = match view.function.filter(|_| !frame.signal_handler) {
            Some(name) => Some(name),
            None => self.modules.name_of(frame.pc()).map(|(name, _)| name),
        };
        if let Some(name) = name {
            _ = write!(out, " in {name}");
        }
        if let (Some(file), Some(line)) = (view.file, view.line) {
            _ = write!(out, " ({file}:{line})");
        }
        // Beyond main as well: what is not shown was called by somebody all the same.
        // A frame that has jumped away has no return address but that of the function it shares its caller with.
        let mut real = frame.physical.clone();
        while real.tail_call
            && let Ok(outer) = self.caller(&real)
        {
            real = outer;
        }
        let back = match self.unwinder.step(&real.regs, real.exact, self.memory()) {
            Ok(step) => jumped.map_or(Addr(step.caller.pc()), Frame::pc).to_string(),
            Err(_) => "<not saved>".to_owned(),
        };
        _ = writeln!(out, "; saved rip = {back}");
    }

    fn tell_neighbours(&self, out: &mut String, frame: &Frame, inner: Option<&Frame>, outer: Option<&Frame>) {
        match outer {
            None => {
                if let Err(end) =
                    self.unwinder.step(&frame.physical.regs, frame.physical.exact, self.memory())
                    && let Some(words) = end_words(&end)
                {
                    _ = writeln!(out, " Outermost frame: {words}");
                }
            }
            Some(_) if frame.physical.tail_call => out.push_str(" tail call frame"),
            Some(outer) if frame.inlined() => _ = write!(out, " inlined into frame {}", outer.level),
            Some(outer) => _ = write!(out, " called by frame at {}", self.base_of(outer)),
        }
        if inner.is_some() && outer.is_some() {
            out.push(',');
        }
        if let Some(inner) = inner {
            _ = write!(out, " caller of frame at {}", self.base_of(inner));
        }
        if inner.is_some() || outer.is_some() {
            out.push('\n');
        }
    }

    /// Where gdb takes arguments and locals to begin: the frame pointer where the function sets one up, else the
    /// stack pointer (amd64-tdep.c, `amd64_frame_base_address`). Neither inlined frames nor signal frames have it.
    fn argument_base(&self, frame: &Frame) -> Option<Addr> {
        if frame.signal_handler || frame.inlined() {
            return None;
        }
        let physical = &frame.physical;
        let entry = match physical.function() {
            Some(function) => Some(function.entry.at(physical.bias)),
            None => self.modules.function_at(physical.lookup()).map(|span| span.start),
        };
        let mut code = [0; 16];
        let pushed = entry.and_then(|entry| {
            let got = self.memory().read(entry, &mut code);
            let skip = if code[..got].starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]) { 4 } else { 0 };
            code[..got]
                .get(skip..)
                .filter(|code| code.first() == Some(&0x55))
                .map(|rest| (entry.add(skip as u64), rest))
        });
        let rsp = physical.regs.get(RSP)?;
        match pushed {
            // push %rbp is still to come.
            Some((at, _)) if frame.pc() <= at => Some(Addr(rsp.wrapping_sub(8))),
            Some((at, rest)) => {
                let moves =
                    rest[1..].starts_with(&[0x48, 0x89, 0xe5]) || rest[1..].starts_with(&[0x48, 0x8b, 0xec]);
                if moves && frame.pc() > at.add(1) {
                    return physical.regs.get(RBP).map(Addr);
                }
                Some(Addr(rsp))
            }
            None => Some(Addr(rsp.wrapping_sub(8))),
        }
    }

    fn tell_registers(&self, out: &mut String, frame: &Frame, inside: &[Frame], jumped: bool) {
        // What an inlined frame's caller gets back is what the next real frame inside saved.
        let saver = if frame.inlined() {
            inside.iter().rev().find(|inner| !std::rc::Rc::ptr_eq(&inner.physical, &frame.physical))
        } else {
            Some(frame)
        };
        let Some(saver) = saver else {
            out.push_str(" Previous frame's sp in rsp\n");
            return;
        };
        let Some(saved) = self.saved_by(&saver.physical) else {
            out.push('\n');
            return;
        };
        match saved[usize::from(RSP)] {
            Saved::Computed => {
                _ = writeln!(
                    out,
                    " Previous frame's sp is {}",
                    self.cfa(&saver.physical).unwrap_or_default()
                );
            }
            Saved::At(at) => _ = writeln!(out, " Previous frame's sp at {at}"),
            Saved::Kept => out.push_str(" Previous frame's sp in rsp\n"),
            Saved::Lost => {}
        }
        let place = |reg: &crate::regs::RegInfo| match saved.get(usize::from(reg.dwarf?)) {
            Some(Saved::At(_)) if jumped && reg.dwarf == Some(RIP) => None,
            Some(Saved::At(at)) if reg.dwarf != Some(RSP) => Some(format!("{} at {at}", reg.name)),
            _ => None,
        };
        let places: Vec<String> = TABLE.iter().filter_map(place).collect();
        if !places.is_empty() {
            _ = writeln!(out, " Saved registers:\n  {}", places.join(", "));
        }
    }
}

/// gdb's words for the end of a stack.
fn end_words(end: &End) -> Option<String> {
    match end {
        End::Outermost => Some("outermost".to_owned()),
        End::Lost(_) => None,
        other => Some(other.to_string()),
    }
}

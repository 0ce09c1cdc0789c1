//! `look PID`: a process that another debugger has stopped, as far as it can be looked at without ptrace.
//!
//! ```text
//! $ brkwater -batch --look 1234 --look-facts facts -ex 'info heap'
//! ```
//!
//! The scripts for gdb and lldb (`gdb-scripts/`) ask in this way; what they tell comes as lines of a file:
//! `1234 rip=0x401136 rsp=0x7ffe0010 fs_base=0x7ffff7d8a740` for a thread, `byte 0x401136 0x55` for a breakpoint.

use super::args::{first_word, words};
use super::error::{CommandError, Done};
use super::export::expand;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::{Addr, Pid, Tid};
use crate::regs::{Regs, TABLE};
use crate::session::Facts;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["look"],
    run: look,
    help: "Look at a process that another debugger has stopped; nothing of it is changed.\n\n\
           Usage: look PID [-memory DESCRIPTOR] [-facts FILE]\n\
           -memory takes an open descriptor of /proc/PID/mem, where only the other debugger may open it.\n\
           -facts takes a file with what the other debugger tells, a line for each of its threads, the selected one first, and\n\
           for each byte that its breakpoints replaced: TID NAME=VALUE..., byte ADDRESS VALUE.\n\
           All that looks works, as on a core file; what resumes or writes is refused.",
    takes: Takes::Nothing,
}];

/// The word of `orig_rax`.
const ORIG_RAX: usize = 15;

fn look(shell: &mut Shell, args: &str) -> Done {
    let (mut memory, mut facts) = (None, Facts::default());
    let (number, rest) = first_word(args);
    let mut options = words(rest).into_iter();
    while let Some(option) = options.next() {
        let value = options.next();
        let value = value.ok_or_else(|| CommandError::say(format!("Argument required for {option}.")))?;
        match option.as_str() {
            "-memory" => memory = Some(value.parse().map_err(|_| invalid(&value))?),
            "-facts" => facts = read(&value)?,
            _ => return Err(CommandError::say(format!("Invalid argument \"{option}\"."))),
        }
    }
    if number.is_empty() {
        return Err(CommandError::say("Argument required (a process that another debugger has stopped)."));
    }
    let pid = number.parse().ok().filter(|pid| *pid > 0).map(Pid);
    let pid = pid.ok_or_else(|| CommandError::say(format!("Illegal process-id: {number}.")))?;
    shell.session.look_at(pid, memory, facts)?;
    for missing in shell.session.missing_files() {
        shell.complain(&missing);
    }
    Ok(())
}

fn invalid(word: &str) -> CommandError {
    CommandError::say(format!("Invalid number \"{word}\"."))
}

fn read(file: &str) -> Done<Facts> {
    let text = std::fs::read(expand(file)).map_err(|error| CommandError::say(format!("{file}: {error}.")))?;
    let mut facts = Facts::default();
    for (at, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        match line.split_whitespace().next() {
            None => {}
            Some("byte") => facts.bytes.push(byte(line).ok_or_else(|| strange(file, at))?),
            Some(_) => facts.threads.push(thread(line).ok_or_else(|| strange(file, at))?),
        }
    }
    Ok(facts)
}

fn strange(file: &str, at: usize) -> CommandError {
    CommandError::say(format!(
        "{file}:{}: neither a thread (TID NAME=VALUE...) nor a byte (byte ADDRESS VALUE).",
        at + 1
    ))
}

/// `byte 0x401136 0x55`.
fn byte(line: &str) -> Option<(Addr, u8)> {
    let mut words = line.split_whitespace().skip(1);
    let (at, value) = (word(words.next()?)?, word(words.next()?)?);
    words.next().is_none().then_some(())?;
    Some((Addr(at), u8::try_from(value).ok()?))
}

/// A number, hexadecimal behind 0x.
fn word(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `1234 rip=0x401136 rsp=…`; registers that are not named are 0.
fn thread(line: &str) -> Option<(Tid, Regs)> {
    let mut words = line.split_whitespace();
    let tid = words.next()?.parse().ok().filter(|tid| *tid > 0)?;
    // What nobody tells is 0; in no system call is -1.
    let mut regs = Regs::default();
    regs.0[ORIG_RAX] = u64::MAX;
    for pair in words {
        let (name, value) = pair.split_once('=')?;
        let register = TABLE.iter().find(|register| register.name == name)?;
        regs.0[register.kernel] = word(value)?;
    }
    Some((Tid(tid), regs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_what_a_breakpoint_hides() {
        assert_eq!(byte("byte 0x401136 0x55"), Some((Addr(0x40_1136), 0x55)));
        assert_eq!((byte("byte 1"), byte("byte 1 256"), byte("byte 1 2 3")), (None, None, None));
    }

    #[test]
    fn a_line_is_a_thread_and_its_registers() {
        let (tid, regs) = thread("12 rip=0x401136 fs_base=0xffffffffffffffff eflags=582").unwrap();
        assert_eq!((tid, regs.rip(), regs.fs_base()), (Tid(12), 0x40_1136, u64::MAX));
        assert_eq!(regs.by_name("eflags"), Some(582));
        for bad in
            ["", "rip=1", "0 rip=1", "-3", "12 rip", "12 rip=", "12 rip=0x1ffffffffffffffff", "12 r99=1"]
        {
            assert_eq!(thread(bad), None, "{bad:?}");
        }
    }
}

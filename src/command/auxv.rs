//! `info auxv`: what the kernel told the program at its start (getauxval(3)), as gdb 13 prints it.

use super::error::{CommandError, Done};
use super::shell::Shell;
use crate::addr::Addr;
use crate::memory::Memory;

/// How a value is shown.
#[derive(Copy, Clone)]
enum As {
    Decimal,
    Hex,
    Text,
}

/// Type, name, description and kind, as in gdb's auxv.c.
const KINDS: &[(u64, &str, &str, As)] = &[
    (0, "AT_NULL", "End of vector", As::Hex),
    (1, "AT_IGNORE", "Entry should be ignored", As::Hex),
    (2, "AT_EXECFD", "File descriptor of program", As::Decimal),
    (3, "AT_PHDR", "Program headers for program", As::Hex),
    (4, "AT_PHENT", "Size of program header entry", As::Decimal),
    (5, "AT_PHNUM", "Number of program headers", As::Decimal),
    (6, "AT_PAGESZ", "System page size", As::Decimal),
    (7, "AT_BASE", "Base address of interpreter", As::Hex),
    (8, "AT_FLAGS", "Flags", As::Hex),
    (9, "AT_ENTRY", "Entry point of program", As::Hex),
    (10, "AT_NOTELF", "Program is not ELF", As::Decimal),
    (11, "AT_UID", "Real user ID", As::Decimal),
    (12, "AT_EUID", "Effective user ID", As::Decimal),
    (13, "AT_GID", "Real group ID", As::Decimal),
    (14, "AT_EGID", "Effective group ID", As::Decimal),
    (15, "AT_PLATFORM", "String identifying platform", As::Text),
    (16, "AT_HWCAP", "Machine-dependent CPU capability hints", As::Hex),
    (17, "AT_CLKTCK", "Frequency of times()", As::Decimal),
    (18, "AT_FPUCW", "Used FPU control word", As::Hex),
    (19, "AT_DCACHEBSIZE", "Data cache block size", As::Decimal),
    (20, "AT_ICACHEBSIZE", "Instruction cache block size", As::Decimal),
    (21, "AT_UCACHEBSIZE", "Unified cache block size", As::Decimal),
    (23, "AT_SECURE", "Boolean, was exec setuid-like?", As::Decimal),
    (24, "AT_BASE_PLATFORM", "String identifying base platform", As::Text),
    (25, "AT_RANDOM", "Address of 16 random bytes", As::Hex),
    (26, "AT_HWCAP2", "Extension of AT_HWCAP", As::Hex),
    (31, "AT_EXECFN", "File name of executable", As::Text),
    (32, "AT_SYSINFO", "Special system info/entry points", As::Hex),
    (33, "AT_SYSINFO_EHDR", "System-supplied DSO's ELF header", As::Hex),
    (51, "AT_MINSIGSTKSZ", "Minimum stack size for signal delivery", As::Hex),
];

/// Runs `info auxv`.
pub(super) fn info_auxv(shell: &mut Shell, _: &str) -> Done {
    shell.selected("The program has no auxiliary information now.")?;
    let text = shell.session.with_scene(|scene, _| {
        let end = [(0, 0)];
        let entries = scene.source.auxv().iter().chain(&end);
        entries.map(|(kind, value)| line(*kind, *value, scene.memory())).collect::<String>()
    });
    if text.is_empty() {
        return Err(CommandError::say("The program has no auxiliary information now."));
    }
    shell.say(text);
    Ok(())
}

fn line(kind: u64, value: u64, memory: &dyn Memory) -> String {
    let known = KINDS.iter().find(|(number, ..)| *number == kind);
    let (name, description, shown) =
        known.map_or(("???", "", As::Hex), |(_, name, description, shown)| (*name, *description, *shown));
    let value = match shown {
        As::Decimal => value.to_string(),
        As::Hex => format!("{value:#x}"),
        As::Text => {
            let text = memory.c_string(Addr(value), 200).map(|(text, _)| text).unwrap_or_default();
            format!("{value:#x} \"{}\"", String::from_utf8_lossy(&text))
        }
    };
    format!("{kind:<4} {name:<20} {description:<30} {value}\n")
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::addr::Addr;
    use crate::memory::Sparse;

    /// Lines that gdb 13.1 printed.
    #[test]
    fn entries_read_as_in_gdb() {
        let mut memory = Sparse::default();
        memory.insert(Addr(0x7fff_ffff_eab9), b"x86_64\0".to_vec());
        assert_eq!(
            line(16, 0x178b_fbff, &memory),
            "16   AT_HWCAP             Machine-dependent CPU capability hints 0x178bfbff\n"
        );
        assert_eq!(
            line(15, 0x7fff_ffff_eab9, &memory),
            "15   AT_PLATFORM          String identifying platform    0x7fffffffeab9 \"x86_64\"\n"
        );
        assert_eq!(
            line(27, 0x1c, &memory),
            "27   ???                                                 0x1c\n"
        );
    }
}

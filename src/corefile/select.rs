//! Which mappings a core file keeps: `/proc/PID/smaps` and `/proc/PID/coredump_filter` (core(5), proc(5)), judged as gdb
//! 13.1 judges them (gdb/linux-tdep.c, `dump_mapping_p`).

use super::write::Kept;
use crate::addr::Addr;
use crate::maps::{self, Mapping};

/// Bits of `coredump_filter`.
const ANON_PRIVATE: u64 = 1;
const ANON_SHARED: u64 = 1 << 1;
const FILE_PRIVATE: u64 = 1 << 2;
const FILE_SHARED: u64 = 1 << 3;
const ELF_HEADERS: u64 = 1 << 4;
const HUGE_PRIVATE: u64 = 1 << 5;
const HUGE_SHARED: u64 = 1 << 6;

/// What is kept where nobody says more: the kernel's own default.
pub const USUAL: u64 = ANON_PRIVATE | ANON_SHARED | ELF_HEADERS | HUGE_PRIVATE;

/// What smaps tells of a mapping beyond its line in maps.
#[derive(Default)]
struct More {
    /// Pages of it belong to no file; `None` where the kernel does not tell.
    anonymous: Option<bool>,
    /// The two-letter flags (`VmFlags`).
    flags: Option<String>,
}

impl More {
    fn has(&self, flag: &str) -> bool {
        self.flags.as_deref().is_some_and(|flags| flags.split(' ').any(|word| word == flag))
    }
}

/// The mappings of a text of smaps, each with whether it is kept. `excluded`: also those that the program wants left out
/// (`MADV_DONTDUMP`). `is_elf` says whether an ELF file begins at an address.
#[must_use]
pub fn kept(smaps: &str, filter: u64, excluded: bool, is_elf: &dyn Fn(Addr) -> bool) -> Vec<Kept> {
    let mut all: Vec<(Mapping, More)> = Vec::new();
    for line in smaps.lines() {
        if let Some(mapping) = maps::parse(line).pop() {
            all.push((mapping, More::default()));
            continue;
        }
        let (Some((_, more)), Some((key, value))) = (all.last_mut(), line.split_once(':')) else { continue };
        match key {
            "Anonymous" | "AnonHugePages" => {
                let some = !value.trim().starts_with("0 ");
                more.anonymous = Some(more.anonymous.unwrap_or(false) || some);
            }
            "VmFlags" => more.flags = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let judged = all.into_iter().map(|(mapping, more)| {
        let whole = is_kept(&mapping, &more, filter, excluded, is_elf);
        Kept { mapping, whole }
    });
    judged.collect()
}

fn is_kept(
    mapping: &Mapping,
    more: &More,
    filter: u64,
    excluded: bool,
    is_elf: &dyn Fn(Addr) -> bool,
) -> bool {
    // No file will ever have these.
    if matches!(mapping.path.as_str(), "[vdso]" | "[vsyscall]") {
        return true;
    }
    // Reading a device may do something.
    if more.has("io") || (more.has("dd") && !excluded) {
        return false;
    }
    // The letter in maps says who may share, the flag who does.
    let private = match more.flags {
        Some(_) => !more.has("sh"),
        None => !mapping.perms.shared,
    };
    let wants = |private_bit, shared_bit| filter & if private { private_bit } else { shared_bit } != 0;
    if more.has("ht") {
        return wants(HUGE_PRIVATE, HUGE_SHARED);
    }
    let path = mapping.path.as_str();
    let nameless = path.is_empty()
        || path.ends_with("(deleted)")
        || path == "/dev/zero"
        || path.trim_start_matches('/').strip_prefix("SYSV").is_some_and(|key| key.len() == 8);
    let anonymous = nameless || more.anonymous.unwrap_or(true);
    let whole =
        (anonymous && wants(ANON_PRIVATE, ANON_SHARED)) || (!nameless && wants(FILE_PRIVATE, FILE_SHARED));
    whole || (private && mapping.offset == 0 && filter & ELF_HEADERS != 0 && is_elf(mapping.span.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
00400000-00401000 r--p 00000000 fe:01 12 /bin/program
Anonymous:             0 kB
VmFlags: rd mr mw me
00401000-00402000 r-xp 00001000 fe:01 12 /bin/program
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00403000-00404000 rw-p 00002000 fe:01 12 /bin/program
Anonymous:             4 kB
VmFlags: rd wr mr mw me ac
00500000-00521000 rw-p 00000000 00:00 0 [heap]
Anonymous:            12 kB
VmFlags: rd wr mr mw me ac
00600000-00601000 rw-p 00000000 00:00 0 
Anonymous:             4 kB
VmFlags: rd wr mr mw me dd ac
00700000-00701000 rw-s 00000000 00:05 9 /dev/shm/page
Anonymous:             0 kB
VmFlags: rd wr sh mr mw me ms
00800000-00801000 r--p 00000000 00:00 0 [vvar]
Anonymous:             0 kB
VmFlags: rd mr io dd
00801000-00802000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
VmFlags: rd ex mr mw me de
";

    fn which(filter: u64, excluded: bool) -> String {
        let kept = kept(TEXT, filter, excluded, &|at| at.0 == 0x40_0000);
        kept.iter().map(|kept| if kept.whole { 'x' } else { '.' }).collect()
    }

    #[test]
    fn the_filter_chooses() {
        assert_eq!(which(USUAL, false), "x.xx...x");
        assert_eq!(which(USUAL, true), "x.xxx..x", "MADV_DONTDUMP");
        assert_eq!(which(0, false), ".......x");
        assert_eq!(which(FILE_PRIVATE, false), "xxxx...x", "gdb takes [heap] for a file");
        assert_eq!(which(FILE_SHARED, false), ".....x.x");
        assert_eq!(which(ELF_HEADERS, false), "x......x");
    }
}

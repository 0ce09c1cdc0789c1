//! gdb's settings that are taken here without an effect: files are full of them.
//!
//! Most change how gdb looks, or what it is by itself already here. A few would change what is seen or done: who sets
//! one of these is told in a sentence that it did not, once per line, and the file goes on.

/// By their beginnings.
const TAKEN: &[&str] = &[
    "ada",
    "agent",
    "annotate",
    "architecture",
    "auto-connect-native-target",
    "auto-load",
    "auto-solib-add",
    "backtrace limit",
    "backtrace past-entry",
    "basenames-may-differ",
    "breakpoint always-inserted",
    "breakpoint auto-hw",
    "breakpoint condition-evaluation",
    "can-use-hw-watchpoints",
    "case-sensitive",
    "charset",
    "check",
    "complaints",
    "cp-abi",
    "data-directory",
    "demangle-style",
    "disassemble-next-line",
    "disassembly-flavor",
    "editing",
    "endian",
    "environment-none",
    "exec-wrapper",
    "extended-prompt",
    "extension-language",
    "filename-display",
    "gnutarget",
    "height",
    "history",
    "host-charset",
    "input-radix",
    "logging",
    "max-completions",
    "max-user-call-depth",
    "max-value-size",
    "multiple-symbols",
    "non-stop",
    "observer",
    "opaque-type-resolution",
    "osabi",
    "output-radix",
    "overload-resolution",
    "pagination",
    "print asm-demangle",
    "print demangle",
    "print finish",
    "print frame-info",
    "print inferior-events",
    "print max-depth",
    "print max-symbolic-offset",
    "print nibbles",
    "print sevenbit-strings",
    "print symbol-filename",
    "print symbol-loading",
    "print thread-events",
    "print type",
    "print vtbl",
    "prompt",
    "python",
    "radix",
    "remote",
    "remotetimeout",
    "serial",
    "solib-absolute-prefix",
    "solib-search-path",
    "startup-with-shell",
    "step-mode",
    "stop-on-solib-events",
    "style",
    "suppress-cli-notifications",
    "sysroot",
    "target-async",
    "target-charset",
    "target-wide-charset",
    "tcp",
    "trace-commands",
    "tui",
    "unwind-on-terminating-exception",
    "unwindonsignal",
    "verbose",
    "watchdog",
    "width",
    "write",
];

/// Those that would change what is seen or done: the values that are brkwater's own way, and what it does instead.
const TOLD: &[(&str, &[&str], &str)] = &[
    ("architecture", &["auto", "i386:x86-64"], "brkwater debugs x86-64 programs"),
    ("backtrace limit", &["0", "unlimited"], "\"backtrace N\" shows N frames"),
    ("can-use-hw-watchpoints", &["1", "2", "4"], "watchpoints are always the processor's"),
    ("disassemble-next-line", &["off", "0"], "\"display/i $pc\" shows the instruction at each stop"),
    ("disassembly-flavor", &["att"], "\"disassemble\" writes AT&T's syntax"),
    ("endian", &["auto", "little"], "x86-64 is little-endian"),
    (
        "exec-wrapper",
        &[],
        "the program is started without a wrapper; \"set environment\" changes its environment",
    ),
    ("input-radix", &["10", "0xa", "0x0a", "0x0A"], "numbers are decimal; 0x is for others"),
    ("logging", &["off", "0", ""], "no log is written; at the shell \"| tee FILE\" writes one"),
    ("non-stop", &["off", "0"], "all threads stop together; \"set scheduler-locking on\" lets one go alone"),
    ("observer", &["off", "0"], "commands that change the program still do"),
    ("output-radix", &["10", "0xa"], "numbers are printed as decimals; \"print/x\" prints others"),
    ("print max-depth", &["20", "unlimited", "-1"], "all of a structure is printed"),
    ("print symbol-filename", &["off", "0"], "\"info symbol\" and \"info line\" say where a symbol is"),
    ("radix", &["10"], "numbers are decimal; \"print/x\" prints others"),
    ("solib-absolute-prefix", &["", "/", "target:"], "libraries are read where the process has them"),
    ("solib-search-path", &[""], "libraries are read where the process has them"),
    ("startup-with-shell", &["on", "1"], "a shell starts the program, and expands its arguments"),
    ("step-mode", &["off", "0"], "\"step\" goes over functions without lines; \"stepi\" goes into them"),
    ("stop-on-solib-events", &["0"], "\"catch load\" stops when libraries come"),
    ("sysroot", &["", "/", "target:"], "libraries are read where the process has them"),
    ("trace-commands", &["off", "0"], "\"source -v\" shows what it runs"),
    ("write", &["off", "0"], "files of programs are never written"),
];

/// The name and value of a setting of gdb's that has no effect here.
pub(super) fn taken(text: &str) -> Option<(String, String)> {
    let (known, rest) = split(text)?;
    // `set history size 5`: the last word is the value.
    let (name, value) = rest.rsplit_once(char::is_whitespace).unwrap_or(("", &rest));
    let name = format!("{known} {}", name.trim());
    Some((name.trim().to_owned(), value.to_owned()))
}

/// What has to be said of a setting that is taken: nothing where it asks for what is so anyway.
pub(super) fn told(text: &str) -> Option<String> {
    let (known, rest) = split(text)?;
    let (_, own, instead) = TOLD.iter().find(|(name, ..)| *name == known)?;
    // `logging enabled off`, `logging file x`: only what switches it on counts.
    let value = rest.strip_prefix("enabled").map_or(rest.as_str(), str::trim);
    let other = known == "logging" && first_is(value, &["file", "overwrite", "redirect", "debugredirect"]);
    (!other && !own.contains(&value)).then(|| format!("set {} has no effect here: {instead}.", text.trim()))
}

fn first_is(text: &str, words: &[&str]) -> bool {
    text.split_whitespace().next().is_some_and(|word| words.contains(&word))
}

/// The setting that a text begins with, and the rest.
fn split(text: &str) -> Option<(&'static str, String)> {
    let text = text.trim();
    let text = text.strip_prefix("p ").map_or_else(|| text.to_owned(), |rest| format!("print {rest}"));
    let fits = |known: &&&str| {
        let rest = text.strip_prefix(**known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    };
    let known = TAKEN.iter().find(fits)?;
    Some((known, text[known.len()..].trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_gdb_s_are_taken() {
        assert_eq!(taken("history size 500"), Some(("history size".into(), "500".into())));
        assert_eq!(taken("width 0"), Some(("width".into(), "0".into())));
        assert_eq!((taken("widthx 0"), told("widthx 0")), (None, None));
        assert_eq!(taken("p vtbl on"), Some(("print vtbl".into(), "on".into())));
    }

    #[test]
    fn what_would_matter_is_told() {
        for (text, is_told) in [
            ("logging on", true),
            ("logging enabled on", true),
            ("logging enabled off", false),
            ("logging off", false),
            ("logging file /tmp/x", false),
            ("disassembly-flavor intel", true),
            ("disassembly-flavor att", false),
            ("non-stop off", false),
            ("output-radix 16", true),
            ("input-radix 0x0A", false),
            ("exec-wrapper env A=1", true),
            ("startup-with-shell off", true),
            ("height 0", false),
            ("sysroot /", false),
        ] {
            assert_eq!(told(text).is_some(), is_told, "{text}");
        }
        assert!(TOLD.iter().all(|(name, ..)| TAKEN.contains(name)), "what is told is taken");
        assert!(TAKEN.is_sorted());
    }
}

//! Making the text of two debuggers comparable, and saying where it differs.

use super::Debugger;

/// Lines that gdb prints about itself, and that say nothing about the target.
const CHATTER: &[&str] = &[
    "[Thread debugging using libthread_db",
    "Using host libthread_db library",
    "warning: Error disabling address space randomization",
    "[New Thread ",
    "[Thread 0x",
    "[Switching to Thread",
    "Reading symbols from",
    // Rust's programs name a script of Python that plain gdb does not find.
    "warning: Missing auto-load script",
    "of file /",
    "Use `info auto-load",
];

/// Process numbers replaced, chatter and empty lines gone, ends trimmed.
pub(crate) fn normal(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| without_mask(without_numbers(line.trim_end())))
        .filter(|line| !line.is_empty() && !CHATTER.iter().any(|chatter| line.starts_with(chatter)))
        .collect()
}

/// The value of a mask register (`k0` to `k7`) is what the C library's string functions happened to leave there.
fn without_mask(line: String) -> String {
    let bytes = line.as_bytes();
    let is_mask =
        bytes.len() > 3 && bytes[0] == b'k' && (b'0'..=b'7').contains(&bytes[1]) && bytes[2] == b' ';
    if is_mask { line[..2].to_owned() } else { line }
}

/// What gdb 13.1 says where it meets an XSAVE area that is larger than it knows: it cannot do what it was asked to on
/// such a processor, and there is nothing to compare with.
const BEATEN: &str = "Couldn't write extended state status";

/// `process 123` becomes `process N`, `LWP 123` becomes `LWP N`.
fn without_numbers(line: &str) -> String {
    let mut line = line.to_owned();
    for key in ["process ", "LWP ", "/proc/"] {
        let mut from = 0;
        while let Some(found) = line[from..].find(key) {
            let start = from + found + key.len();
            let digits = line[start..].chars().take_while(char::is_ascii_digit).count();
            if digits > 0 {
                line.replace_range(start..start + digits, "N");
            }
            from = start;
        }
    }
    line
}

/// The lines by which `ours` differs from `theirs`. What brkwater adds stands on indented lines of its own, and
/// those are no difference: every line of gdb's has to be there, in its order, and nothing else at the margin.
pub(crate) fn differences(ours: &str, theirs: &str) -> Vec<String> {
    let (ours, theirs) = (normal(ours), normal(theirs));
    let mut said = Vec::new();
    let mut at = 0;
    for wanted in &theirs {
        match ours[at..].iter().position(|line| line == wanted) {
            Some(skipped) => {
                said.extend(
                    ours[at..at + skipped]
                        .iter()
                        .filter(|line| !is_ours(line))
                        .map(|line| format!("+ {line}")),
                );
                at += skipped + 1;
            }
            None => said.push(format!("- {wanted}")),
        }
    }
    said.extend(ours[at..].iter().filter(|line| !is_ours(line)).map(|line| format!("+ {line}")));
    said
}

/// Whether a line is brkwater's own addition: gdb indents with a tab or by the width of a column.
fn is_ours(line: &str) -> bool {
    line.starts_with("  ") || line.starts_with('\t')
}

/// Gives the same script to both debuggers and compares what each command printed; answers the differences,
/// each under its command, and none when all is equal.
pub(crate) fn against_gdb(program: &[&str], script: &[&str]) -> String {
    against_gdb_with(Debugger::brkwater(), program, script)
}

/// Fails, showing all of them, where these scripts differ from gdb's.
pub(crate) fn must_equal(program: &[&str], scripts: &[&[&str]]) {
    let mut report = String::new();
    for script in scripts {
        let differences = against_gdb(program, script);
        if !differences.is_empty() {
            report += &format!("{script:?}\n{differences}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// [`against_gdb`] with a debugger that was prepared.
pub(crate) fn against_gdb_with(brkwater: Debugger, program: &[&str], script: &[&str]) -> String {
    let ours = brkwater.blocks(script).args(program);
    let theirs = Debugger::gdb().blocks(script).args(program);
    let mut report = String::new();
    for (index, command) in script.iter().enumerate() {
        if theirs.block(index).contains(BEATEN) {
            continue;
        }
        let found = differences(ours.block(index), theirs.block(index));
        if !found.is_empty() {
            report += &format!("({command})   - is gdb's, + is ours\n    {}\n", found.join("\n    "));
        }
    }
    if ours.text.contains("panicked at") {
        report += &format!("a panic:\n{}\n", ours.text);
    }
    if ours.code != theirs.code {
        report += &format!("exit code {:?}, gdb's {:?}\n", ours.code, theirs.code);
    }
    report
}

#[test]
fn additions_are_told_from_differences() {
    let gdb = "Num     Type\n1       breakpoint     keep y\n\tstop only if x\n";
    let ours = "Num     Type\n1       breakpoint     keep y\n\tstop only if x\n        tested 5 times\n";
    assert_eq!(differences(ours, gdb), Vec::<String>::new());
    assert_eq!(differences("at the margin\n", ""), ["+ at the margin"]);
    assert_eq!(differences("", "missing\n"), ["- missing"]);
    assert_eq!(differences("b\na\n", "a\nb\n"), ["+ b", "- b"]);
    assert_eq!(
        differences("[Inferior 1 (process 7) killed]", "[Inferior 1 (process 99) killed]"),
        Vec::<String>::new()
    );
}

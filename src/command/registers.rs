//! `info registers`: a name, the bits, and what they mean.
//!
//! ```text
//! rip            0x401165            0x401165 <leaf+15>
//! eflags         0x206               [ PF IF ]
//! ```

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::scene::registers::Group;
use crate::scene::{Frame, PrintOptions, Printer, Scene, Value};
use crate::session::SessionError;

pub(super) const INFO: &[Entry] = &[
    Entry {
        names: &["registers", "r"],
        run: |shell, args| info_registers(shell, args, Group::General),
        help: "List of integer registers and their contents, for selected stack frame.\n\nUsage: info registers [NAME | GROUP]...\nGroups: general, float, vector, system, all.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["all-registers"],
        run: |shell, args| info_registers(shell, args, Group::All),
        help: "List of all registers and their contents, for selected stack frame.\n\nUsage: info all-registers [NAME]...",
        takes: Takes::Nothing,
    },
];

/// Where gdb begins the bits, and their meaning.
const BITS: usize = 15;
const MEANING: usize = 35;

fn info_registers(shell: &mut Shell, args: &str, otherwise: Group) -> Done {
    let words: Vec<&str> = args.split_whitespace().collect();
    let (text, error) = listing(shell, &words, otherwise)?;
    if !text.is_empty() {
        shell.say(text);
    }
    error.map_or(Ok(()), |error| Err(error.into()))
}

/// The registers of the selected frame as `info registers` prints them: for the screen.
///
/// # Errors
/// gdb's words when nothing runs.
#[allow(dead_code)] // for views.rs
pub(super) fn general_registers(shell: &mut Shell) -> Done<String> {
    listing(shell, &[], Group::General).map(|(text, _)| text)
}

/// The lines of these registers or groups, up to the first that is none.
fn listing(shell: &mut Shell, words: &[&str], otherwise: Group) -> Done<(String, Option<SessionError>)> {
    if shell.session.selection().is_none() {
        return Err(CommandError::say("The program has no registers now."));
    }
    let options = shell.print.clone();
    shell.with_frame("The program has no registers now.", |scene, frame, _| {
        let mut names = Vec::new();
        for word in words {
            let word = word.strip_prefix('$').unwrap_or(word);
            match Group::named(word) {
                Some(group) => names.extend(scene.registers_of(frame.tid, group)),
                None => names.push(word.to_owned()),
            }
        }
        if words.is_empty() {
            names = scene.registers_of(frame.tid, otherwise);
        }
        let mut text = String::new();
        for name in names {
            match scene.register(frame, &name) {
                Some(value) => text += &line(scene, frame, &name, &value, &options),
                None => return (text, Some(SessionError::NoRegister(name))),
            }
        }
        (text, None)
    })
}

fn line(scene: &Scene<'_>, _: &Frame, name: &str, value: &Value, options: &PrintOptions) -> String {
    let mut line = padded(name.to_owned(), BITS);
    if value.is_optimized_out() {
        return line + "<not saved>\n";
    }
    let printer = |format| PrintOptions { format, pretty: false, ..options.clone() };
    let shown = |options: &PrintOptions| {
        let printer = Printer { memory: scene.memory(), names: scene, options };
        printer.value_or_error(value)
    };
    let natural = shown(&printer(None));
    if value.ty().is_float() {
        let bytes = value.bytes(scene.memory()).unwrap_or_default();
        let raw: String = bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
        return format!("{}(raw 0x{raw})\n", padded(line + &natural, MEANING));
    }
    line += &shown(&printer(Some('x')));
    if !value.ty().is_record() {
        line = padded(line, MEANING) + &natural;
    }
    line + "\n"
}

/// The text filled up to a column; at least one blank follows it.
fn padded(text: String, column: usize) -> String {
    let blanks = column.saturating_sub(text.chars().count()).max(1);
    text + &" ".repeat(blanks)
}

//! `set language` and `show language`: whose grammar and words count.
//!
//! ```text
//! (brkwater) show language
//! The current source language is "auto; currently rust".
//! ```

use super::error::{CommandError, Done};
use super::shell::Shell;

/// What gdb 13.1 takes, in its order. Of those that are neither C++ nor Rust C's rules count here.
pub(super) const ALL: &[&str] = &[
    "auto",
    "local",
    "unknown",
    "ada",
    "asm",
    "c",
    "c++",
    "d",
    "fortran",
    "go",
    "minimal",
    "modula-2",
    "objective-c",
    "opencl",
    "pascal",
    "rust",
];

/// gdb's words for a language that is not the frame's.
const MISMATCH: &str = "Warning: the current language does not match this frame.";

pub(super) fn set_language(shell: &mut Shell, value: &str) -> Done {
    if value.is_empty() {
        let all = ALL.join(", ");
        return Err(CommandError::say(format!("Requires an argument. Valid arguments are {all}.")));
    }
    let chosen = match ALL.iter().find(|known| **known == value) {
        None => return Err(CommandError::say(format!("Undefined item: \"{value}\"."))),
        Some(&"auto" | &"local" | &"unknown") => None,
        Some(language) => Some(*language),
    };
    let differs = shell.with_context(|context| {
        let caches = context.scene.caches;
        caches.language.set(chosen);
        differs(context, chosen) && !caches.language_told.replace(true)
    });
    if differs {
        shell.say(MISMATCH);
    }
    Ok(())
}

/// Whether the frame is of another language than the one that was chosen.
fn differs(context: &crate::scene::expr::Context<'_>, chosen: Option<&str>) -> bool {
    let own = context.frame.and_then(|frame| context.scene.language_of(frame));
    chosen.is_some() && own.is_some() && own != chosen
}

pub(super) fn show_language(shell: &mut Shell, _: &str) -> String {
    shell.with_context(|context| {
        let chosen = context.scene.caches.language.get();
        let said = match chosen {
            Some(language) => format!("The current source language is \"{language}\"."),
            None => format!("The current source language is \"auto; currently {}\".", context.language()),
        };
        if differs(context, chosen) { format!("{said}\n{MISMATCH}") } else { said }
    })
}

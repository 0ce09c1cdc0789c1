//! What a place that was typed means here and now: the current file and line filled in, `*EXPR` computed.
//!
//! `break`, `until`, `advance`, `list` and `info line` share it. How a name leads to addresses is
//! [`crate::symbols`]'s; this module knows the dialogue, and so what "here" is.

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::source;
use super::sourcetext::SourceFile;
use crate::addr::Addr;
use crate::scene::expr::evaluate;
use crate::symbols::{Linespec, ResolveError, Site};

/// What a text means to somebody who looks at the current frame: empty is where the program stands, `N`, `+N` and
/// `-N` are lines of the current file, `*EXPR` is an address. The file is filled in, so the answer stays true
/// when the frame does not.
///
/// # Errors
/// gdb's words for a text that is no place, or when nothing is current.
pub(super) fn linespec(shell: &mut Shell, text: &str) -> Done<Linespec> {
    let text = text.trim();
    if text.is_empty() {
        let shown = shell.source.displayed(shell.session.selection());
        let address = shown.map(|shown| shown.pc);
        return address
            .map(Linespec::Address)
            .ok_or_else(|| CommandError::say("No default breakpoint address now."));
    }
    if let Some(expression) = text.strip_prefix('*') {
        return address(shell, expression).map(Linespec::Address);
    }
    let spec = Linespec::parse(text).ok_or_else(|| malformed(text))?;
    match spec {
        Linespec::Line { file: None, line } => in_file(shell, None, i64::from(line)),
        Linespec::Offset(by) => in_file(shell, Some(by), 0),
        other => Ok(other),
    }
}

/// The places that a text means, at least one.
///
/// # Errors
/// As [`linespec`], and when there are none.
pub(super) fn resolve_place(shell: &mut Shell, text: &str) -> Done<Vec<Site>> {
    let spec = linespec(shell, text)?;
    let found = shell.session.with_scene(|scene, _| scene.modules.resolve(&spec, None, scene.memory()));
    match found {
        Ok(sites) => Ok(sites),
        Err(error) => Err(as_typed(text, error).into()),
    }
}

/// The address that an expression behind `*` means.
///
/// # Errors
/// Of the expression.
pub(super) fn address(shell: &mut Shell, expression: &str) -> Done<Addr> {
    shell.with_context(|context| {
        let expr = context.read(expression.trim())?;
        let value = evaluate(&expr, context)?;
        let memory = context.scene.memory();
        // A function and an array stand for where they are.
        if let (Some(at), true) = (value.address(), value.ty().is_function() || value.ty().size() == 0) {
            return Ok(at);
        }
        Ok(Addr(value.as_u64(memory)?))
    })
}

/// Who typed no file is told of none.
pub(super) fn as_typed(text: &str, error: ResolveError) -> ResolveError {
    match (error, Linespec::parse(text)) {
        (
            ResolveError::NoLine { line, .. } | ResolveError::NoLineHere(line),
            Some(Linespec::Line { file: None, .. } | Linespec::Offset(_)),
        ) => ResolveError::NoLineHere(line),
        (error, _) => error,
    }
}

/// A line of the current file; `by` counts from the current line.
fn in_file(shell: &mut Shell, by: Option<i64>, line: i64) -> Done<Linespec> {
    let (file, here) = match by {
        // What was displayed last counts for `+N`, not what was listed.
        Some(_) => displayed_line(shell),
        None => None,
    }
    .or_else(|| source::current(shell))
    .ok_or(ResolveError::NoSymbols)?;
    let line = match by {
        Some(by) => i64::from(here) + by,
        None => line,
    };
    let line = u32::try_from(line.max(0)).unwrap_or(u32::MAX);
    Ok(Linespec::Line { file: Some(file.key().to_owned()), line })
}

fn displayed_line(shell: &Shell) -> Option<(SourceFile, u32)> {
    shell.source.displayed(shell.session.selection())?.line.clone()
}

/// gdb's words for text that is no place.
fn malformed(text: &str) -> CommandError {
    let quoted = text.trim_matches('"');
    if quoted.len() < text.len() {
        return CommandError::say(format!("No source file named {quoted}."));
    }
    CommandError::Resolve(ResolveError::NoFunction(text.to_owned()))
}

/// What is said of a name that is no function with lines.
pub(super) fn unknown_function(text: &str) -> CommandError {
    CommandError::say(format!("Function \"{text}\" has no line number information."))
}

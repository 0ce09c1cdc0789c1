//! `print` and `output`: a format letter, an expression, and the line that gdb would write.

use super::ast::Expr;
use super::eval::{Context, evaluate_with_effect};
use super::{Effect, ExprError, parse};
use crate::scene::print::{PrintOptions, Printer};
use crate::scene::value::Value;
use crate::symbols::types::Kind;

/// What `print` gives: the line, and what the session has to change in the target.
#[derive(Debug)]
pub struct Printed {
    /// `$1 = 5`.
    pub text: String,
    /// For `print x = 5`.
    pub effect: Option<Effect>,
}

/// Splits `/x expr` into the letter and the expression. `/s` and the like stay with the letter.
#[must_use]
pub fn split_format(text: &str) -> (Option<char>, &str) {
    let text = text.trim_start();
    let Some(rest) = text.strip_prefix('/') else { return (None, text) };
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    (rest[..end].chars().next_back(), rest[end..].trim_start())
}

/// The line that `print TEXT` writes, `TEXT` being what follows the word, format included. The value goes into
/// the history.
///
/// # Errors
/// gdb's words.
pub fn print_line(
    text: &str,
    context: &mut Context<'_>,
    options: &PrintOptions,
) -> Result<Printed, ExprError> {
    let (format, text) = split_format(text);
    let (value, effect) = value_of(text, context)?;
    let shown = shown(&value, format, context, options, true)?;
    // gdb records nothing for void, and says so without a number.
    if matches!(value.ty().kind(), Kind::Void) {
        return Ok(Printed { text: format!("$1 = {shown}").replacen("$1", &next(context), 1), effect });
    }
    let loaded = value.load(context.memory()).unwrap_or(value);
    let number = context.vars.record(loaded);
    Ok(Printed { text: format!("${number} = {shown}"), effect })
}

fn next(context: &Context<'_>) -> String {
    format!("${}", context.vars.count() + 1)
}

/// The text that `output TEXT` writes: the value alone.
///
/// # Errors
/// gdb's words.
pub fn output_line(
    text: &str,
    context: &mut Context<'_>,
    options: &PrintOptions,
) -> Result<String, ExprError> {
    let (format, text) = split_format(text);
    let (value, _) = value_of(text, context)?;
    shown(&value, format, context, options, true)
}

/// `print` alone shows the last value again.
fn value_of(text: &str, context: &mut Context<'_>) -> Result<(Value, Option<Effect>), ExprError> {
    let expr = if text.trim().is_empty() { Expr::Dollar(String::new()) } else { parse(text)? };
    evaluate_with_effect(&expr, context)
}

/// A value as `print` shows it.
pub(super) fn shown(
    value: &Value,
    format: Option<char>,
    context: &Context<'_>,
    options: &PrintOptions,
    top: bool,
) -> Result<String, ExprError> {
    if matches!(value.ty().kind(), Kind::Void) {
        return Ok("void".to_owned());
    }
    let options = PrintOptions { format: format.filter(|letter| *letter != 's'), ..options.clone() };
    let printer = Printer { memory: context.memory(), names: context.scene.modules, options: &options };
    let text = if top { printer.top(value)? } else { printer.value(value)? };
    Ok(text)
}

//! `print` and `output`: a format letter, an expression, and the line that gdb would write.

use super::ast::Expr;
use super::eval::{Context, evaluate_with_effect};
use super::{Effect, ExprError};
use crate::scene::format::Format;
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

/// Which command prints: gdb's words name it, and `call` says nothing of void.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Printing {
    Print,
    Call,
    Output,
}

impl Printing {
    fn name(self) -> &'static str {
        match self {
            Printing::Print => "print",
            Printing::Call => "call",
            Printing::Output => "output",
        }
    }
}

/// Splits `/x expr` into the letter and the expression; `last` is the letter that was used last.
///
/// # Errors
/// gdb's words for letters that mean something for `x` only.
fn format<'a>(
    text: &'a str,
    command: Printing,
    last: &mut Option<char>,
) -> Result<(Option<char>, &'a str), ExprError> {
    let Some((format, rest)) = Format::split(text, (*last, None))? else { return Ok((None, text)) };
    let name = command.name();
    if format.size.is_some() {
        return Err(ExprError::SizeLetters(name));
    }
    if format.count != 1 {
        return Err(ExprError::ItemCount(name));
    }
    if format.letter == Some('i') {
        return Err(ExprError::FormatLetter('i', name));
    }
    *last = format.letter;
    Ok((format.letter, rest))
}

/// The line that `print TEXT` writes, `TEXT` being what follows the word, format included. The value goes into
/// the history. `last` is the format letter that was used last.
///
/// # Errors
/// gdb's words.
pub fn print_line(
    text: &str,
    command: Printing,
    context: &mut Context<'_>,
    options: &PrintOptions,
    last: &mut Option<char>,
) -> Result<Printed, ExprError> {
    let (letter, text) = format(text, command, last)?;
    print_expr(&read(text, context)?, letter, command, context, options)
}

/// What is printed, taken apart: the format letter and the expression. `last` is the letter that was used last.
///
/// # Errors
/// gdb's words.
pub fn read_print(
    text: &str,
    command: Printing,
    context: &Context<'_>,
    last: &mut Option<char>,
) -> Result<(Option<char>, Expr), ExprError> {
    let (letter, text) = format(text, command, last)?;
    Ok((letter, read(text, context)?))
}

/// [`print_line`] for an expression that has been read.
///
/// # Errors
/// gdb's words.
pub fn print_expr(
    expr: &Expr,
    letter: Option<char>,
    command: Printing,
    context: &mut Context<'_>,
    options: &PrintOptions,
) -> Result<Printed, ExprError> {
    let (value, effect) = evaluate_with_effect(expr, context)?;
    if command == Printing::Call && matches!(value.ty().kind(), Kind::Void) {
        return Ok(Printed { text: String::new(), effect });
    }
    let value = value.load(context.memory())?;
    let number = context.vars.record(value.clone());
    match shown(&value, letter, context, options) {
        Ok(shown) => Ok(Printed { text: format!("${number} = {shown}"), effect }),
        Err(error) => Err(ExprError::Half(format!("${number} = {error}"))),
    }
}

/// The text that `output TEXT` writes: the value alone.
///
/// # Errors
/// gdb's words.
pub fn output_line(
    text: &str,
    context: &mut Context<'_>,
    options: &PrintOptions,
    last: &mut Option<char>,
) -> Result<Printed, ExprError> {
    let (letter, text) = format(text, Printing::Output, last)?;
    let (value, effect) = evaluate_with_effect(&read(text, context)?, context)?;
    Ok(Printed { text: shown(&value, letter, context, options)?, effect })
}

/// `print` alone shows the last value again.
fn read(text: &str, context: &Context<'_>) -> Result<Expr, ExprError> {
    if text.trim().is_empty() { Ok(Expr::Dollar(String::new())) } else { context.read(text) }
}

/// A value as `print` shows it.
///
/// # Errors
/// gdb's words.
pub fn shown(
    value: &Value,
    letter: Option<char>,
    context: &Context<'_>,
    options: &PrintOptions,
) -> Result<String, ExprError> {
    if matches!(value.ty().kind(), Kind::Void) {
        return Ok(if context.is_rust() { "()" } else { "void" }.to_owned());
    }
    if let Some(letter) = letter.filter(|letter| !"xduotacfzs".contains(*letter)) {
        return Err(ExprError::UndefinedFormat(letter));
    }
    let rust = context.language() == "rust";
    let options = PrintOptions { format: letter.filter(|letter| *letter != 's'), rust, ..options.clone() };
    let printer = Printer { memory: context.memory(), names: context.scene, options: &options };
    Ok(printer.top(value)?)
}

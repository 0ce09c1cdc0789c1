//! Values: `print`, `output`, `x`, `ptype`, `whatis`, `set variable`.
//!
//! ```text
//! (gdb) print *p
//! $1 = {x = 1, y = 2, label = 0x402027 "first"}
//! (gdb) x/2xw &counter
//! 0x404040 <counter>:     0x00000028      0x00000000
//! ```
//!
//! What an expression means and how a value reads is the scene's; a change of the target that it asks for goes to
//! the session from here.

use super::args::first_word;
use super::display::Display;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::scene::PrintOptions;
use crate::scene::Value;
use crate::scene::examine::{self, ExamineState};
use crate::scene::expr::{
    Expr, ExprError, Printing, describe_type, evaluate, evaluate_with_effect, output_line, print_expr,
    read_print, real_type,
};
use crate::symbols::Asked;
use crate::symbols::types::Type;

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["print", "p", "inspect"],
        run: |shell, args| print(shell, args, Printing::Print),
        help: "Print value of expression EXP.\n\nUsage: print [-OPTION VALUE...] [--] [/FMT] [EXP]\nThe value goes into the history: $ is the last, $$ the one before, $N number N.",
        takes: Takes::Expression,
    },
    Entry {
        names: &["call"],
        run: |shell, args| print(shell, args, Printing::Call),
        help: "Print value of expression EXP, unless it is void.\n\nUsage: call EXP\nFunctions of the program are called, in the selected thread; strcmp, strlen and their kin are computed.",
        takes: Takes::Expression,
    },
    Entry {
        names: &["output"],
        run: output,
        help: "Like \"print\" but don't put in value history and don't print newline.\n\nUsage: output [/FMT] EXP",
        takes: Takes::Expression,
    },
    Entry {
        names: &["x"],
        run: x,
        help: "Examine memory: x/FMT ADDRESS.\n\nUsage: x[/COUNT][FORMAT][SIZE] [ADDRESS]\nFormats: o(octal) x(hex) d(decimal) u(unsigned) t(binary) f(float) a(address) i(instruction) c(char) s(string) z(hex, zero padded).\nSizes: b(byte) h(halfword) w(word) g(giant, 8 bytes).",
        takes: Takes::Expression,
    },
    Entry {
        names: &["ptype"],
        run: |shell, args| tell_type(shell, args, true),
        help: "Print definition of type TYPE.\n\nUsage: ptype[/FLAGS] TYPE | EXPRESSION\n/r: raw, without the template's parameters\n/m: no methods  /M: methods\n/t: no types of the class  /T: types of the class\n/o: offsets, sizes and holes of members  /x: these in hex  /d: in decimal",
        takes: Takes::Expression,
    },
    Entry {
        names: &["whatis"],
        run: |shell, args| tell_type(shell, args, false),
        help: "Print data type of expression EXP.\n\nUsage: whatis EXP",
        takes: Takes::Expression,
    },
];

pub(super) const INFO: &[Entry] = &[];

/// What `x`, `print/` and `display` remember.
#[derive(Default)]
pub(super) struct DataState {
    pub(super) examine: ExamineState,
    pub(super) displays: Vec<Display>,
    pub(super) last_display: u32,
}

fn print(shell: &mut Shell, args: &str, command: Printing) -> Done {
    let (mut options, text) = options(args, &shell.print)?;
    let (raw, text) = without_raw(text);
    options.raw |= raw;
    let mut letter = shell.data.examine.letter;
    let read = shell.with_context(|context| read_print(&text, command, context, &mut letter));
    shell.data.examine.letter = letter;
    let (letter, mut expr) = read?;
    if shell.options.may_call.unwrap_or(command == Printing::Call) {
        super::calling::carry_out(shell, &mut expr)?;
    }
    let printed = shell.with_context(|context| print_expr(&expr, letter, command, context, &options));
    let printed = printed.map_err(|error| without_process(shell, error))?;
    shell.carry_out(printed.effect)?;
    if !printed.text.is_empty() {
        shell.say(printed.text);
    }
    Ok(())
}

/// gdb's first words for a call where nothing runs.
fn without_process(shell: &Shell, error: ExprError) -> CommandError {
    match error {
        ExprError::Call(_) if !shell.session.is_live() => {
            CommandError::say("You can't do that without a process to debug.")
        }
        error => error.into(),
    }
}

fn output(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        return Err(CommandError::say("Argument required (expression to compute)."));
    }
    let (raw, text) = without_raw(args);
    let options = PrintOptions { raw: raw || shell.print.raw, ..shell.print.clone() };
    let mut letter = shell.data.examine.letter;
    let printed = shell.with_context(|context| output_line(&text, context, &options, &mut letter));
    shell.data.examine.letter = letter;
    let printed = printed?;
    shell.carry_out(printed.effect)?;
    shell.put(super::shell::harmless(&printed.text));
    Ok(())
}

/// Takes the letter `r` out of a format: values as they are built.
fn without_raw(text: &str) -> (bool, String) {
    let (format, rest) = match text.strip_prefix('/') {
        Some(behind) => behind.split_at(behind.find(char::is_whitespace).unwrap_or(behind.len())),
        None => return (false, text.to_owned()),
    };
    if !format.contains('r') {
        return (false, text.to_owned());
    }
    // As in gdb, a slash without another letter means the letter that was used last.
    (true, format!("/{}{rest}", format.replace('r', "")))
}

/// The options in front of what is printed: `-elements 3 -pretty on -- x`.
fn options<'a>(args: &'a str, now: &PrintOptions) -> Done<(PrintOptions, &'a str)> {
    let mut options = now.clone();
    let mut rest = args.trim_start();
    while let Some(word) = rest.strip_prefix('-') {
        let (name, behind) = first_word(word);
        if name == "-" {
            return Ok((options, behind));
        }
        let known = |full: &str| !name.is_empty() && full.starts_with(name);
        let taken = if known("elements") || known("repeats") {
            limit(behind).map(|(value, rest)| {
                let place = if known("elements") { &mut options.elements } else { &mut options.repeats };
                *place = value;
                rest
            })
        } else {
            switch(name, &mut options).map(|place| {
                let (word, rest) = first_word(behind);
                match word {
                    "on" | "off" => {
                        *place = word == "on";
                        rest
                    }
                    _ => {
                        *place = true;
                        behind
                    }
                }
            })
        };
        match taken {
            Some(behind) => rest = behind,
            // It is an expression that begins with a minus, unless `--` says that these are options.
            None if args.contains(" -- ") => {
                return Err(CommandError::say(format!("Unrecognized option at: {rest}")));
            }
            None => break,
        }
    }
    Ok((options, rest))
}

/// A number, or `unlimited`, which is 0; and what follows it.
fn limit(text: &str) -> Option<(usize, &str)> {
    let (word, rest) = first_word(text);
    let number = if word == "unlimited" { Some(0) } else { word.parse().ok() };
    number.map(|number| (number, rest))
}

/// A yes-or-no option of `print`, by its name or an abbreviation that fits no other.
fn switch<'a>(name: &str, options: &'a mut PrintOptions) -> Option<&'a mut bool> {
    let names = [
        "address",
        "array",
        "array-indexes",
        "null-stop",
        "object",
        "pretty",
        "raw-values",
        "static-members",
        "symbol",
        "union",
    ];
    let fitting: Vec<&str> = names.into_iter().filter(|known| known.starts_with(name)).collect();
    let exact = fitting.iter().find(|known| **known == name);
    match exact.map_or(fitting.as_slice(), std::slice::from_ref) {
        ["address"] => Some(&mut options.address),
        ["array"] => Some(&mut options.arrays),
        ["array-indexes"] => Some(&mut options.array_indexes),
        ["null-stop"] => Some(&mut options.null_stop),
        ["object"] => Some(&mut options.object),
        ["pretty"] => Some(&mut options.pretty),
        ["raw-values"] => Some(&mut options.raw),
        ["static-members"] => Some(&mut options.static_members),
        ["symbol"] => Some(&mut options.symbol),
        ["union"] => Some(&mut options.unions),
        _ => None,
    }
}

fn x(shell: &mut Shell, args: &str) -> Done {
    let options = shell.print.clone();
    let mut state = std::mem::take(&mut shell.data.examine);
    state.last = None;
    let examined = shell.with_context(|context| {
        let examined = examine::examine(args, context, &options, &mut state)?;
        if let Some(last) = &state.last {
            let at = last.address().unwrap_or_default();
            context.vars.set("_", Value::pointer(last.ty(), at));
            // What was not read as a number is not kept.
            let number = !matches!(state.letter, Some('s' | 'i'));
            let kept = last.load(context.scene.memory()).ok().filter(|_| number);
            context.vars.set("__", kept.unwrap_or_else(|| Value::from_bytes(Type::void(), Vec::new())));
        }
        Ok::<_, ExprError>(examined)
    });
    shell.data.examine = state;
    let examined = examined?;
    shell.put(super::shell::harmless(&examined.text));
    examined.error.map_or(Ok(()), |error| Err(error.into()))
}

fn tell_type(shell: &mut Shell, args: &str, whole: bool) -> Done {
    let (flags, text) = match args.strip_prefix('/') {
        Some(rest) => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        None => ("", args),
    };
    let text = text.trim();
    if let Some(unknown) = flags.chars().find(|flag| !"rmMtTodx".contains(*flag)) {
        return Err(CommandError::say(format!("unrecognized flag '{unknown}'")));
    }
    let text = if text.is_empty() { "$" } else { text };
    let mut asked = Asked::default();
    for flag in flags.chars() {
        match flag {
            'r' => asked.raw = true,
            'm' => asked.methods = false,
            'M' => asked.methods = true,
            't' => asked.typedefs = false,
            'T' => asked.typedefs = true,
            'x' => asked.hex = true,
            'd' => asked.hex = false,
            _ => asked = Asked { offsets: true, methods: false, typedefs: false, ..asked },
        }
    }
    let object = shell.print.object;
    let told = shell.with_context(|context| {
        let told = describe_type(text, context, whole, asked)?;
        let real = if object { real_type(text, context) } else { None };
        Ok::<_, CommandError>(match (real, told.split_once("type = ")) {
            (Some(real), Some((head, ty))) => format!("{head}type = /* real type = {real} */\n{ty}"),
            _ => told,
        })
    })?;
    shell.say(told);
    Ok(())
}

/// Evaluates an assignment, or anything else, for what it changes: `set variable`, `set x = 1`.
///
/// # Errors
/// gdb's words.
pub(super) fn assign(shell: &mut Shell, text: &str) -> Done {
    if text.is_empty() {
        return Err(CommandError::say("Argument required (expression to compute)."));
    }
    let expr = shell.with_context(|context| context.read(text))?;
    if !matches!(expr, Expr::Assign(..) | Expr::Step(..)) {
        shell.complain("warning: Expression is not an assignment (and might have no effect)");
    }
    let (_, effect) = shell.with_context(|context| evaluate_with_effect(&expr, context))?;
    shell.carry_out(effect)
}

/// A whole number that an argument means: a count, a level.
///
/// # Errors
/// Of the expression.
pub(super) fn integer(shell: &mut Shell, text: &str) -> Done<i64> {
    shell.with_context(|context| {
        let expr = context.read(text)?;
        let value = evaluate(&expr, context)?;
        Ok(value.as_i128(context.scene.memory())? as i64)
    })
}

pub(super) use super::display::{show_displays, switch_displays, undisplay};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_in_front_of_what_is_printed() {
        let read = |text: &'static str| options(text, &PrintOptions::default());
        let (read_options, rest) = read("-elements 3 -pretty -- -x").unwrap();
        assert_eq!((read_options.elements, read_options.pretty, rest), (3, true, "-x"));
        assert_eq!(read("-x + 1").unwrap().1, "-x + 1");
        assert_eq!(read("-symbol off x").unwrap().1, "x");
        assert!(read("-nosuch -- x").is_err());
    }
}

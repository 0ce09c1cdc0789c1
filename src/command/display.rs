//! `display`: expressions that are shown at every stop.
//!
//! ```text
//! (gdb) display/i $pc
//! 1: x/i $pc
//! => 0x401165 <leaf+15>:  mov    -0x14(%rbp),%eax
//! ```
//!
//! One that uses a local variable is shown only where that variable lives.

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::scene::examine::{examine_at, target};
use crate::scene::expr::{Context, Expr, ExprError, evaluate, shown};
use crate::scene::format::Format;
use crate::scene::variables::Block;
use crate::scene::{PrintOptions, ValueError};

pub(super) const COMMANDS: &[Entry] = &[
    Entry {
        names: &["display"],
        run: display,
        help: "Print value of expression EXP each time the program stops.\n\nUsage: display[/FMT] [EXP]\nWithout EXP all display expressions are shown now.",
        takes: Takes::Expression,
    },
    Entry {
        names: &["undisplay"],
        run: undisplay,
        help: "Cancel some expressions to be displayed when program stops.\n\nUsage: undisplay [NUM]...",
        takes: Takes::Nothing,
    },
];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["display"],
    run: info_display,
    help: "Expressions to display when program stops, with code numbers.\n\nUsage: info display",
    takes: Takes::Nothing,
}];

/// An expression to be shown at every stop.
pub(super) struct Display {
    number: u32,
    enabled: bool,
    format: Option<Format>,
    text: String,
    expr: Expr,
    /// Where its local variables are declared; `None` when it has none.
    block: Option<Block>,
}

impl Display {
    /// Whether it looks at memory, as `x` does.
    fn examines(&self) -> Option<Format> {
        self.format.filter(|format| format.size.is_some() || matches!(format.letter, Some('i' | 's')))
    }

    fn is_in_scope(&self, context: &Context<'_>) -> bool {
        match &self.block {
            None => true,
            Some(block) => context.frame.is_some_and(|frame| frame.is_inside(block)),
        }
    }

    /// Its lines, number and all.
    fn text(&self, context: &mut Context<'_>, options: &PrintOptions) -> String {
        let Display { number, text, .. } = self;
        let value = evaluate(&self.expr, context);
        let Some(format) = self.examines() else {
            let letter = self.format.and_then(|format| format.letter);
            let shown = value.and_then(|value| shown(&value, letter, context, options));
            let shown = shown.unwrap_or_else(|error| format!("<error: {error}>"));
            let slash = letter.map(|letter| format!("/{letter} ")).unwrap_or_default();
            return format!("{number}: {slash}{text} = {shown}\n");
        };
        let letter = format.letter.unwrap_or('x');
        let count = if format.count == 1 { String::new() } else { format.count.to_string() };
        let size = format.size.filter(|_| !matches!(letter, 'i' | 's')).map(|size| size.letter());
        let size = size.map(String::from).unwrap_or_default();
        let end = if format.count != 1 || letter == 'i' { "\n" } else { "  " };
        let head = format!("{number}: x/{count}{letter}{size} {text}{end}");
        match value.and_then(|value| target(&value, context)) {
            Ok(at) => {
                let examined = examine_at(format, at, context, options);
                let error = examined.error.map(|error| format!("<error: {error}>\n")).unwrap_or_default();
                head + &examined.text + &error
            }
            Err(error) => format!("{head}<error: {error}>\n"),
        }
    }
}

fn display(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        show_displays(shell);
        return Ok(());
    }
    let (format, text) = match Format::split(args, (None, None))? {
        Some((mut format, text)) => {
            // A size alone means hexadecimal numbers of that size.
            if format.size.is_some() && format.letter.is_none() {
                format.letter = Some('x');
            }
            (Some(format), text)
        }
        None => (None, args),
    };
    let (expr, block) = shell.with_context(|context| {
        let expr = context.read(text)?;
        let block = block_of(&expr, context)?;
        Ok::<_, ExprError>((expr, block))
    })?;
    shell.data.last_display += 1;
    let number = shell.data.last_display;
    let display = Display { number, enabled: true, format, text: text.to_owned(), expr, block };
    let options = shell.print.clone();
    let shown = shell.with_context(|context| display.text(context, &options));
    shell.data.displays.push(display);
    if shell.options.interactive {
        shell.say(shown);
    }
    Ok(())
}

/// The innermost block that declares a name of the expression; every name must mean something.
fn block_of(expr: &Expr, context: &Context<'_>) -> Result<Option<Block>, ExprError> {
    let mut innermost: Option<Block> = None;
    for name in expr.names() {
        let found = context.frame.and_then(|frame| context.scene.block_of(frame, &name));
        match (found, &innermost) {
            (Some(block), Some(known)) if !block.is_inside(known) => {}
            (Some(block), _) => innermost = Some(block),
            (None, _) => match context.value_of_name(&name) {
                Err(error @ (ExprError::NoSymbol(_) | ExprError::NoSymbols)) => {
                    return Err(context.in_rust(error));
                }
                Err(ExprError::Value(ValueError::NoSymbol(name))) => {
                    return Err(context.in_rust(ExprError::NoSymbol(name)));
                }
                _ => {}
            },
        }
    }
    Ok(innermost)
}

/// Shows every display that can be shown: at each stop, and when asked for.
pub(super) fn show_displays(shell: &mut Shell) {
    let options = shell.print.clone();
    let displays = std::mem::take(&mut shell.data.displays);
    let text = shell.with_context(|context| {
        let mut text = String::new();
        for display in displays.iter().filter(|display| display.enabled) {
            if display.is_in_scope(context) {
                text += &display.text(context, &options);
            }
        }
        text
    });
    shell.data.displays = displays;
    if !text.is_empty() {
        shell.say(text);
    }
}

/// `undisplay [N…]`.
///
/// # Errors
/// gdb's words for a number that no display has.
pub(super) fn undisplay(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        if shell.confirm("Delete all auto-display expressions? ") {
            shell.data.displays.clear();
        }
        return Ok(());
    }
    for number in numbers(args)? {
        let before = shell.data.displays.len();
        shell.data.displays.retain(|display| display.number != number);
        if shell.data.displays.len() == before {
            shell.say(format!("No display number {number}."));
        }
    }
    Ok(())
}

/// `enable display` and `disable display`.
///
/// # Errors
/// As [`undisplay`].
pub(super) fn switch_displays(shell: &mut Shell, args: &str, on: bool) -> Done {
    if args.is_empty() {
        shell.data.displays.iter_mut().for_each(|display| display.enabled = on);
        return Ok(());
    }
    for number in numbers(args)? {
        match shell.data.displays.iter_mut().find(|display| display.number == number) {
            Some(display) => display.enabled = on,
            None => shell.say(format!("No display number {number}.")),
        }
    }
    Ok(())
}

/// `1 3-5` as numbers.
fn numbers(text: &str) -> Done<Vec<u32>> {
    let mut all = Vec::new();
    for word in text.split_whitespace() {
        let bad = || CommandError::say(format!("bad display number at or near '{word}'"));
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last): (u32, u32) = match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) => (first, last),
            _ => return Err(bad()),
        };
        all.extend(first..=last.min(first.saturating_add(10_000)));
    }
    Ok(all)
}

fn info_display(shell: &mut Shell, _: &str) -> Done {
    if shell.data.displays.is_empty() {
        shell.say("There are no auto-display expressions now.");
        return Ok(());
    }
    let displays = std::mem::take(&mut shell.data.displays);
    let text = shell.with_context(|context| {
        let mut text = "Auto-display expressions now in effect:\nNum Enb Expression\n".to_owned();
        for display in &displays {
            let enabled = if display.enabled { 'y' } else { 'n' };
            text += &format!("{}:   {enabled}  ", display.number);
            if let Some(format) = display.examines() {
                let size = format.size.map_or('b', |size| size.letter());
                text += &format!("/{}{size}{} ", format.count, format.letter.unwrap_or('x'));
            } else if let Some(letter) = display.format.and_then(|format| format.letter) {
                text += &format!("/{letter} ");
            }
            text += &display.text;
            if !display.is_in_scope(context) {
                text += " (cannot be evaluated in the current context)";
            }
            text += "\n";
        }
        text
    });
    shell.data.displays = displays;
    shell.say(text);
    Ok(())
}

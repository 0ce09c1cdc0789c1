//! `printer`: the user's own lines in the table of printers, for types whose insides say little.

use std::sync::Arc;

use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::scene::pretty::OwnPrinter;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["printer"],
    run: printer,
    help: "Show values of a type as the text, the elements or the member that they hold.\n\nUsage: printer TYPE text DATA LENGTH\n       printer TYPE array DATA LENGTH\n       printer TYPE member NAME\n       printer delete TYPE\nDATA, LENGTH and NAME are members, or members of members (a.b). Without an argument the table is listed.\n\"print/r\" and \"set print raw-values on\" show values as they are built.",
    takes: Takes::Nothing,
}];

fn printer(shell: &mut Shell, args: &str) -> Done {
    let args = args.trim();
    if args.is_empty() {
        let lines: Vec<String> = shell.print.own.iter().map(OwnPrinter::line).collect();
        shell.say(if lines.is_empty() { "No printers.".to_owned() } else { lines.join("\n") });
        return Ok(());
    }
    let own = Arc::make_mut(&mut shell.print.own);
    if let Some(name) = args.strip_prefix("delete ").map(str::trim) {
        let before = own.len();
        own.retain(|known| known.name != name);
        return match own.len() < before {
            true => Ok(()),
            false => {
                Err(CommandError::say(format!("No printer for \"{name}\".\n  hint: \"printer\" lists them.")))
            }
        };
    }
    let new = OwnPrinter::parse(args).map_err(CommandError::Say)?;
    own.retain(|known| known.name != new.name);
    own.push(new);
    Ok(())
}

//! Commands of gdb's that files have and that brkwater does otherwise, or not: windows, macros, files of symbols, what
//! is loaded by itself.
//!
//! ```text
//! (gdb) layout src
//! Cannot enable the TUI when output is not a terminal
//!   hint: ...
//! ```
//!
//! Where gdb fails on a native target the words are gdb's. What gdb would do and brkwater does not is an error at the
//! prompt and a warning in a file, which goes on. Nothing that would matter is taken in silence.

use super::args::first_word;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::pattern::Pattern;

const MACROS: &str = "brkwater evaluates no preprocessor macros; write what the macro stands for.";
const SCREEN: &str = "brkwater's screen is chosen when it starts, and has panes of its own: brkwater --tui.";
const SYMBOLS: &str = "brkwater reads the symbols of the files that are mapped, and of \"file\".";

macro_rules! entry {
    ($names:expr, $takes:ident, $help:literal, $run:expr) => {
        Entry { names: $names, run: $run, help: $help, takes: Takes::$takes }
    };
}

pub(super) const COMMANDS: &[Entry] = &[
    entry!(
        &["macro"],
        Nothing,
        "Prefix for commands dealing with C preprocessor macros; brkwater has none.",
        macros
    ),
    entry!(
        &["sharedlibrary"],
        Nothing,
        "Load shared object library symbols for files matching REGEXP.\n\nUsage: sharedlibrary [REGEXP]\nThe symbols of every library that is mapped are there already.",
        shared_library
    ),
    entry!(
        &["nosharedlibrary"],
        Nothing,
        "Unload all shared object library symbols; brkwater keeps them.",
        |shell, _| match shell.session.is_live() {
            // Nothing is loaded then, as in gdb.
            false => Ok(()),
            true => not_done(shell, "The symbols of libraries are kept.", SYMBOLS),
        }
    ),
    entry!(
        &["add-symbol-file"],
        File,
        "Load symbols from FILE, assuming FILE has been dynamically loaded; brkwater does not.\n\nUsage: add-symbol-file FILE [-o OFF] [ADDR]",
        add_symbols
    ),
    entry!(
        &["remove-symbol-file"],
        File,
        "Remove a symbol file added via the add-symbol-file command; brkwater adds none.",
        |_, args| fails(if args.is_empty() {
            "remove-symbol-file: no symbol file provided"
        } else {
            "No symbol file found"
        })
    ),
    entry!(&["tui"], Nothing, "Text user interface commands; brkwater's screen is chosen at start.", tui),
    entry!(
        &["layout"],
        Nothing,
        "Change the layout of windows; brkwater's screen is chosen at start.",
        layout
    ),
    entry!(&["focus", "fs"], Nothing, "Set focus to a window; brkwater's screen has keys for it.", window),
    entry!(&["winheight", "wh"], Nothing, "Set or modify the height of a window.", window),
    entry!(&["winwidth"], Nothing, "Set or modify the width of a window.", window),
    entry!(&["refresh"], Nothing, "Refresh the terminal display.", window),
    entry!(
        &["maintenance", "mt"],
        Nothing,
        "Commands for use by GDB maintainers; brkwater has none of them.",
        |shell, _| not_done(shell, "These commands look into gdb itself.", "\"info\" tells of the program.")
    ),
    entry!(
        &["add-auto-load-safe-path"],
        File,
        "Add entries to the list of directories from which it is safe to auto-load files.\n\nbrkwater loads no files by itself, from anywhere.",
        |_, args| match args.is_empty() {
            true => fails(
                "Directory argument required.\nUse 'set auto-load safe-path /' for disabling the auto-load safe-path security."
            ),
            false => Ok(()),
        }
    ),
    entry!(
        &["add-auto-load-scripts-directory"],
        File,
        "Add entries to the list of directories from which to load auto-loaded scripts; brkwater loads none.",
        |_, args| if args.is_empty() { fails("Directory argument required.") } else { Ok(()) }
    ),
    entry!(
        &["define-prefix"],
        Nothing,
        "Define or mark a command as a user-defined prefix command; brkwater has none.",
        |shell, _| not_done(
            shell,
            "brkwater has no user-defined prefixes.",
            "\"define a-b\" may have a dash in its name."
        )
    ),
    entry!(
        &["dont-repeat"],
        Nothing,
        "Don't repeat this command; user-defined commands are not repeated.",
        |_, _| Ok(())
    ),
    entry!(
        &["new-ui"],
        Nothing,
        "Create a new UI; brkwater has none.",
        |shell, args| match args.is_empty() {
            true => fails("Usage: new-ui INTERPRETER TTY"),
            false => not_done(shell, "brkwater speaks to one terminal.", SCREEN),
        }
    ),
];

pub(super) const INFO: &[Entry] = &[
    entry!(&["macro"], Nothing, "Show the definition of a macro; brkwater reads none.", |shell, _| {
        not_done(shell, "Macros are not read.", MACROS)
    }),
    entry!(&["macros"], Nothing, "Show the definitions of all macros; brkwater reads none.", |shell, _| {
        not_done(shell, "Macros are not read.", MACROS)
    }),
    entry!(&["win"], Nothing, "List of all displayed windows.", |shell, _| {
        shell.say("The TUI is not active.");
        Ok(())
    }),
    entry!(
        &["auto-load"],
        Nothing,
        "Print current status of auto-loaded files; brkwater loads none.",
        auto_load
    ),
];

fn fails(words: &str) -> Done {
    Err(CommandError::say(words))
}

/// What is not done: an error at the prompt, a warning in a file.
fn not_done(shell: &mut Shell, words: &str, hint: &str) -> Done {
    if shell.definitions.in_file() {
        shell.warn(&format!("{words} {hint}"));
        return Ok(());
    }
    Err(CommandError::Say(format!("{words}\n  hint: {hint}")))
}

fn macros(shell: &mut Shell, args: &str) -> Done {
    match first_word(args) {
        ("define", "") => fails("usage: macro define NAME[(ARGUMENT-LIST)] [REPLACEMENT-LIST]"),
        ("undef", "") => fails("usage: macro undef <macro>"),
        // None was defined, so there is none.
        ("list", _) | ("undef", _) => Ok(()),
        ("expand-once" | "exp1", _) => fails("Expand-once not implemented yet."),
        _ => not_done(shell, "Macros are not defined and not expanded.", MACROS),
    }
}

/// All symbols are there; only a pattern that fits no library is worth a word.
fn shared_library(shell: &mut Shell, args: &str) -> Done {
    let args = args.trim();
    if args.is_empty() {
        return Ok(());
    }
    let wanted = Pattern::parse(args).map_err(|why| CommandError::say(format!("Invalid regexp: {why}")))?;
    if !shell.session.is_live() {
        return Ok(());
    }
    let any = shell.session.with_scene(|scene, _| {
        let program = scene.modules.program().map(|program| program.span);
        scene.modules.iter().any(|module| Some(module.span) != program && wanted.fits(&module.path))
    });
    if !any && shell.options.interactive {
        shell.say(format!("No loaded shared libraries match the pattern `{args}'."));
    }
    Ok(())
}

fn add_symbols(shell: &mut Shell, args: &str) -> Done {
    let (name, _) = first_word(args);
    if name.is_empty() {
        return fails("add-symbol-file takes a file name and an address");
    }
    let path = super::options::expand(name);
    if let Err(error) = std::fs::metadata(&path) {
        return Err(super::script::unreadable(name, &error));
    }
    not_done(shell, "The symbols of this file are not added.", SYMBOLS)
}

fn tui(shell: &mut Shell, args: &str) -> Done {
    match first_word(args) {
        ("disable", _) => Ok(()),
        ("layout", rest) => layout(shell, rest),
        _ => window(shell, args),
    }
}

fn layout(shell: &mut Shell, args: &str) -> Done {
    let (name, _) = first_word(args);
    let known = ["src", "asm", "split", "regs", "next", "prev"].iter().any(|known| known.starts_with(name));
    // A file may have made one of its own with `tui new-layout`.
    if !known && !shell.definitions.in_file() {
        return fails(&format!("Undefined tui layout command: \"{name}\".  Try \"help tui layout\"."));
    }
    window(shell, args)
}

fn window(shell: &mut Shell, _: &str) -> Done {
    not_done(shell, "Cannot enable the TUI when output is not a terminal", SCREEN)
}

fn auto_load(shell: &mut Shell, args: &str) -> Done {
    let (word, _) = first_word(args);
    if !word.is_empty() {
        return fails(&format!(
            "Undefined info auto-load command: \"{word}\".  Try \"help info auto-load\"."
        ));
    }
    shell.say(
        "gdb-scripts:  No auto-load scripts.\nlibthread-db:  No auto-loaded libthread-db.\nlocal-gdbinit:  Local .gdbinit \
         file was not found.\npython-scripts:  No auto-load scripts.",
    );
    Ok(())
}

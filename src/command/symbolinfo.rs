//! `info functions`, `info variables` and `info types`: what the program and its libraries define, by file.
//!
//! The order and the words are gdb's (13.1, symtab.c, `symtab_symbol_info`).

use std::fmt::Write;

use super::args::first_word;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::FileAddr;
use crate::pattern::Pattern;
use crate::scene::Scene;
use crate::symbols::listed::{Declared, Listed};
use crate::symbols::types::Kind;
use crate::symbols::{DebugInfo, SymbolKind};

pub(super) const INFO: &[Entry] = &[
    Entry {
        names: &["functions", "fu"],
        run: |shell, args| list(shell, args, Listed::Functions),
        help: "All function names or those matching REGEXPs.\n\nUsage: info functions [-q] [-n] [REGEXP]\n-q: no words when nothing matches; -n: no symbols without debug info.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["variables"],
        run: |shell, args| list(shell, args, Listed::Variables),
        help: "All global and static variable names or those matching REGEXPs.\n\nUsage: info variables [-q] [-n] [REGEXP]\n-q: no words when nothing matches; -n: no symbols without debug info.",
        takes: Takes::Nothing,
    },
    Entry {
        names: &["types", "ty"],
        run: |shell, args| list(shell, args, Listed::Types),
        help: "All type names, or those matching REGEXP.\n\nUsage: info types [-q] [REGEXP]\n-q: no words when nothing matches.",
        takes: Takes::Nothing,
    },
];

fn list(shell: &mut Shell, args: &str, kind: Listed) -> Done {
    let (mut quiet, mut described) = (false, false);
    let mut text = args.trim();
    while text.starts_with('-') {
        let (word, rest) = first_word(text);
        match word {
            "-q" => quiet = true,
            "-n" => described = true,
            "--" => {}
            // As in gdb, what is no option is looked for.
            _ => break,
        }
        text = rest.trim();
    }
    let pattern = Pattern::parse(text).map_err(|why| CommandError::say(why.to_string()))?;
    let what = match kind {
        Listed::Functions => "function",
        Listed::Variables => "variable",
        Listed::Types => "type",
    };
    let mut out = match text {
        "" => format!("All defined {what}s:\n"),
        text => format!("All {what}s matching regular expression \"{text}\":\n"),
    };
    let header = out.len();
    shell.session.with_scene(|scene, _| {
        told(scene, kind, &pattern, &mut out);
        if !described && kind != Listed::Types {
            bare(scene, kind, &pattern, &mut out);
        }
    });
    if out.len() > header || !quiet {
        shell.say(out);
    }
    Ok(())
}

/// What debug info describes, by file, what other files see before what they do not, and by name.
fn told(scene: &Scene<'_>, kind: Listed, pattern: &Pattern, out: &mut String) {
    let mut all: Vec<(Declared, String)> = scene
        .declared(kind, &|name| pattern.fits(name))
        .into_iter()
        .map(|found| {
            // The name of a function of C++ has its parameters.
            let words = match (found.ty.kind(), found.name.contains('(')) {
                _ if kind == Listed::Types => defined(&found),
                // What an assembler made has no type; gdb takes it for a function without anything.
                (Kind::Unspecified(_), _) if kind == Listed::Functions => {
                    format!("void {}(void);", found.name)
                }
                (Kind::Function(_), _) if found.rust => format!("{};", found.ty.declare_rust(&found.name)),
                (Kind::Function(function), true) => {
                    format!("{};", function.returns.get().declare(&found.name))
                }
                _ => format!("{};", found.ty.declare_spelled(&found.name)),
            };
            (found, words)
        })
        .collect();
    let key = |(found, _): &(Declared, String)| (found.file.clone(), found.private, found.name.clone());
    all.sort_by_cached_key(key);
    // Of several with one name in one file gdb shows the first (symtab.c, sort_search_symbols_remove_dups).
    all.dedup_by_key(|found| key(found));
    let mut file = None;
    for (found, words) in &all {
        if file != Some(&found.file) {
            _ = writeln!(out, "\nFile {}:", found.file);
            file = Some(&found.file);
        }
        let private = if found.private && kind != Listed::Types { "static " } else { "" };
        _ = match found.line {
            0 => writeln!(out, "\t{private}{words}"),
            line => writeln!(out, "{line}:\t{private}{words}"),
        };
    }
}

/// A type as it is listed: `struct node;`, `typedef int number;`, and numbers by their name alone.
fn defined(found: &Declared) -> String {
    match found.ty.kind() {
        Kind::Typedef { of, .. } => format!("typedef {} {};", of.get().behind_names().name(), found.name),
        Kind::Record(_) | Kind::Enum(_) => format!("{};", found.ty.name()),
        Kind::Unspecified(name) if **name == *found.name && name.contains('(') => "void".to_owned(),
        _ => found.name.clone(),
    }
}

/// What only the linker knows.
fn bare(scene: &Scene<'_>, kind: Listed, pattern: &Pattern, out: &mut String) {
    let mut first = true;
    for module in scene.modules.iter() {
        let Some(image) = &module.image else { continue };
        let debug = image.debug();
        for symbol in image.symbols().filter(|symbol| symbol.address != FileAddr(0)) {
            let unknown = |debug: Option<&std::sync::Arc<DebugInfo>>| match kind {
                Listed::Functions => {
                    symbol.kind != SymbolKind::Data
                        && debug.is_none_or(|debug| debug.unit_index_at(symbol.address).is_none())
                }
                Listed::Types => false,
                Listed::Variables => {
                    symbol.kind == SymbolKind::Data
                        && debug.is_none_or(|debug| {
                            // Debug info may describe it under the name that the linker's stands for.
                            let full = crate::symbols::demangled(symbol.name);
                            debug.named(full.as_deref().unwrap_or(symbol.name)).next().is_none()
                        })
                }
            };
            let shown = symbol.shown();
            if !pattern.fits(&shown) || !unknown(debug) {
                continue;
            }
            if std::mem::take(&mut first) {
                out.push_str("\nNon-debugging symbols:\n");
            }
            let at = symbol.address.at(module.bias);
            _ = writeln!(out, "{:#018x}  {shown}", at.0);
        }
    }
}

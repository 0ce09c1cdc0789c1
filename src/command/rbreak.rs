//! `rbreak`: a breakpoint at every function whose name fits a regular expression.

use super::breakpoints;
use super::error::{CommandError, Done};
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::FileAddr;
use crate::pattern::Pattern;
use crate::scene::Scene;
use crate::symbols::SymbolKind;
use crate::symbols::types::Kind;

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["rbreak"],
    run: rbreak,
    help: "Set a breakpoint for all functions matching REGEXP.\n\n\
           Usage: rbreak [FILE:]REGEXP\n\
           REGEXP is what grep takes; it fits anywhere in a name: \"rbreak ^heap_\" takes those that begin so.",
    takes: Takes::Nothing,
}];

/// More breakpoints than anybody means; gdb sets them all and takes minutes.
const MOST: usize = 10_000;

/// A function that fits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    /// Functions without debug info come last.
    bare: bool,
    /// Its source file.
    file: String,
    /// Other files cannot call it; those that they can come first.
    private: bool,
    name: String,
    /// Its file's path, and the linker's name of it.
    linkage: (String, &'static str),
    /// How it is declared.
    declaration: String,
}

fn rbreak(shell: &mut Shell, args: &str) -> Done {
    let (file, text) = match args.split_once(':').filter(|(_, rest)| !rest.starts_with(':')) {
        Some((file, text)) if !file.is_empty() => (Some(file.trim()), text.trim()),
        _ => (None, args.trim()),
    };
    let pattern = Pattern::parse(text).map_err(|why| CommandError::say(why.to_string()))?;
    let found = shell.session.with_scene(|scene, _| matching(scene, file, &pattern));
    if found.len() > MOST {
        return Err(CommandError::say(format!(
            "{} functions match `{text}': more than {MOST} breakpoints.\n  hint: name more of them, as in \"rbreak ^{text}\".",
            found.len()
        )));
    }
    for Found { bare, file, name, declaration, linkage, .. } in found {
        // As in gdb the linker's name counts, and with it all that are written in the same way.
        let place = match (bare, name.contains('(')) {
            (true, _) => name,
            (false, true) => format!("{}:{}", linkage.0, linkage.1),
            (false, false) => format!("{file}:{name}"),
        };
        breakpoints::set(shell, &place, false, false)?;
        shell.say(declaration);
    }
    Ok(())
}

/// By file and name, as gdb sorts them.
fn matching(scene: &Scene<'_>, file: Option<&str>, pattern: &Pattern) -> Vec<Found> {
    let mut all = Vec::new();
    for module in scene.modules.iter() {
        let Some(image) = &module.image else { continue };
        let fits = |name: &str| pattern.fits(name);
        for symbol in image.symbols().filter(|s| s.kind == SymbolKind::Function && s.address != FileAddr(0)) {
            // A name with parameters and scopes is longer than what is in the file, and slower to have.
            let mangled = symbol.name.starts_with("_Z") || symbol.name.starts_with("_R");
            if !mangled && !fits(symbol.name) {
                continue;
            }
            let at = symbol.address.at(module.bias);
            let Some(frame) = scene.modules.frames_of(at).pop() else { continue };
            let Some(name) = frame.function.filter(|name| fits(name)) else { continue };
            let place = scene.source_at(at);
            let path = place.as_ref().and_then(|place| place.full_path.clone());
            let source = place.map(|place| place.file).or(frame.file).unwrap_or_default();
            let wanted = file.is_none_or(|file| source == file || source.ends_with(&format!("/{file}")));
            if !wanted || (!mangled && name != symbol.name) {
                continue;
            }
            // The name of a function of C++ has its parameters.
            let declared = match name.contains('(') {
                true => scene.function_with_linkage(at),
                false => scene.function_in_file(module, &source, &name),
            };
            let declaration = match &declared {
                Some((ty, external)) => {
                    let words = match ty.kind() {
                        Kind::Function(function) if name.contains('(') => {
                            function.returns.get().declare(&name)
                        }
                        _ => ty.declare(&name),
                    };
                    format!("{}{words};", if *external { "" } else { "static " })
                }
                None => format!("<function, no debug info> {name};"),
            };
            let private = declared.as_ref().is_some_and(|(_, external)| !external);
            let linkage = (path.unwrap_or_else(|| source.clone()), symbol.name);
            all.push(Found { bare: declared.is_none(), file: source, private, name, declaration, linkage });
        }
    }
    all.sort();
    // A constructor has several symbols.
    all.dedup_by(|a, b| (&a.file, &a.name, &a.declaration) == (&b.file, &b.name, &b.declaration));
    all
}

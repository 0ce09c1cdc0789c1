//! `info scope` and `info sources`: what a place in the code can name, and the files that a program was made of.
//!
//! ```text
//! (gdb) info scope fact
//! Scope for fact:
//! Symbol n is a variable at frame base reg $rbp offset 16+-20, length 4.
//! ```

use super::args::first_word;
use super::error::{CommandError, Done};
use super::place;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::pattern::Pattern;
use crate::scene::Scoped;
use crate::symbols::described::Described;

pub(super) const INFO: &[Entry] = &[
    Entry {
        names: &["scope"],
        run: info_scope,
        help: "List the variables local to a scope.\n\nUsage: info scope PLACE",
        takes: Takes::Place,
    },
    Entry {
        names: &["sources"],
        run: info_sources,
        help: "All source files in the program, or those matching REGEXP.\n\nUsage: info sources [-dirname | -basename] [--] [REGEXP]",
        takes: Takes::Nothing,
    },
];

fn info_scope(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        let words = "requires an argument (function, line or *addr) to define a scope";
        return Err(CommandError::say(words));
    }
    let sites = place::resolve_place(shell, args)?;
    let Some(at) = sites.first().map(|site| site.address) else { return Ok(()) };
    let all = shell.session.with_scene(|scene, _| scene.scope_at(at));
    let lines: String = all.iter().map(line).collect();
    shell.say(match all.is_empty() {
        true => format!("Scope for {args} contains no locals or arguments."),
        false => format!("Scope for {args}:\n{lines}"),
    });
    Ok(())
}

/// `Symbol n is …, length 4.`
fn line(of: &Scoped) -> String {
    let (name, size) = (&of.name, of.size);
    match &of.place {
        Described::OptimizedOut => format!("Symbol {name} is optimized out.\n"),
        Described::Static(at) => {
            format!("Symbol {name} is in static storage at address {}, length {size}.\n", at.at(of.bias))
        }
        Described::Constant(value) => {
            format!("Symbol {name} is a constant with value {value} ({:#x}), length {size}.\n", *value as u64)
        }
        Described::Bytes(bytes) => {
            let bytes: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
            format!("Symbol {name} is constant bytes: {bytes}, length {size}.\n")
        }
        Described::Words(words) => format!("Symbol {name} is {words}, length {size}.\n"),
    }
}

fn info_sources(shell: &mut Shell, args: &str) -> Done {
    let (mut base, mut dir, mut rest) = (false, false, args.trim());
    while rest.starts_with('-') {
        let (word, behind) = first_word(rest);
        match word {
            "-basename" => base = true,
            "-dirname" => dir = true,
            "--" => {}
            _ => break,
        }
        rest = behind;
    }
    if base && dir {
        return Err(CommandError::say("You cannot give both -basename and -dirname to 'info sources'."));
    }
    let pattern = Pattern::parse(rest).map_err(|why| CommandError::say(why.to_string()))?;
    let fits = |path: &str| {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        pattern.fits(match (base, dir) {
            (true, _) => file,
            (_, true) => folder,
            _ => path,
        })
    };
    let out = shell.session.with_scene(|scene, _| {
        let mut out = String::new();
        for module in scene.modules.iter() {
            let Some(debug) = module.image.as_ref().and_then(|image| image.debug()) else { continue };
            let files: Vec<String> =
                crate::symbols::listed::sources(debug).into_iter().filter(|path| fits(path)).collect();
            out.push_str(&format!("{}:\n\n", module.path));
            if !files.is_empty() {
                out.push_str(&format!("{}\n\n", files.join(", ")));
            }
        }
        out
    });
    shell.say(out);
    Ok(())
}

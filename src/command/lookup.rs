//! From names to addresses and back: `info line`, `info symbol`, `info address`, `info source`.

use super::error::{CommandError, Done};
use super::place;
use super::shell::Shell;
use super::source::current;
use super::table::{Entry, Takes};
use crate::addr::{Addr, FileAddr};
use crate::scene::Scene;
use crate::scene::value::Place;
use crate::symbols::described::Described;
use crate::symbols::{Linespec, Site};

pub(super) const INFO: &[Entry] = &[
    Entry {
        names: &["line"],
        run: info_line,
        help: "Core addresses of the code for a source line.\n\nUsage: info line [PLACE]",
        takes: Takes::Place,
    },
    Entry {
        names: &["symbol"],
        run: info_symbol,
        help: "Describe what symbol is at location ADDR.\n\nUsage: info symbol ADDR",
        takes: Takes::Expression,
    },
    Entry {
        names: &["address"],
        run: info_address,
        help: "Describe where symbol SYM is stored.\n\nUsage: info address SYM",
        takes: Takes::Expression,
    },
    Entry {
        names: &["source"],
        run: info_source,
        help: "Information about the current source file.\n\nUsage: info source",
        takes: Takes::Nothing,
    },
];

/// `0x401156 <leaf>`.
fn address_text(scene: &Scene<'_>, at: Addr) -> String {
    scene.symbol_text(at).map_or_else(|| at.to_string(), |symbol| format!("{at} {symbol}"))
}

fn info_line(shell: &mut Shell, args: &str) -> Done {
    let spec = if args.is_empty() {
        let (file, line) =
            current(shell).ok_or_else(|| CommandError::say("No line number information available."))?;
        // What was listed last counts, not what comes next.
        let line = if shell.source.fresh { line } else { line.saturating_sub(1).max(1) };
        Linespec::Line { file: Some(file.key().to_owned()), line }
    } else {
        place::linespec(shell, args)?
    };
    let wanted = match &spec {
        Linespec::Line { line, .. } => Some(*line),
        _ => None,
    };
    // The line that is shown has one place, in the unit that is looked at.
    let shown = shell.source.displayed(shell.session.selection()).filter(|_| args.is_empty());
    let unit = shown.map(|shown| shown.pc);
    let found = shell.session.with_scene(|scene, _| match &spec {
        Linespec::Address(at) => Ok(vec![line_text(scene, *at, None)]),
        _ => {
            let sites = scene.modules.resolve(&spec, None, scene.memory());
            sites.map(|mut sites| {
                let same = |site: &Site| unit.is_some_and(|at| scene.same_unit(site.address, at));
                if let Some(first) = sites.iter().position(same) {
                    sites = vec![sites.swap_remove(first)];
                }
                sites.iter().map(|site| site_line(scene, site.address, wanted)).collect::<Vec<_>>()
            })
        }
    });
    match found {
        Ok(lines) => shell.say(lines.join("\n")),
        Err(error) => match (wanted, current(shell)) {
            (Some(line), Some((file, _))) if matches!(error, crate::symbols::ResolveError::NoLine { .. }) => {
                shell.say(format!("Line number {line} is out of range for \"{}\".", file.name));
            }
            _ => return Err(place::as_typed(args, error).into()),
        },
    }
    Ok(())
}

/// The text for a breakpoint's place: a function is told by its first line, a line by where it begins.
fn site_line(scene: &Scene<'_>, at: Addr, wanted: Option<u32>) -> String {
    let start = scene.modules.function_at(at).map_or(at, |span| span.start);
    match wanted {
        None => line_text(scene, start, None),
        // Behind the prologue of a function whose line was asked for.
        Some(line) if scene.source_at(start).is_some_and(|place| place.line == line) => {
            line_text(scene, start, None)
        }
        Some(line) if scene.source_at(at).is_some_and(|place| place.line != line) => {
            let first = scene.source_at(start).filter(|place| place.line >= line).map_or(at, |_| start);
            line_text(scene, first, Some(line))
        }
        Some(_) => line_text(scene, at, None),
    }
}

fn line_text(scene: &Scene<'_>, at: Addr, empty: Option<u32>) -> String {
    let Some(place) = scene.source_at(at) else {
        return format!("No line number information available for address {}", address_text(scene, at));
    };
    if let Some(line) = empty {
        return format!(
            "Line {line} of \"{}\" is at address {} but contains no code.",
            place.file,
            address_text(scene, at)
        );
    }
    let (start, end) = (place.span.start, place.span.end);
    format!(
        "Line {} of \"{}\" starts at address {} and ends at {}.",
        place.line,
        place.file,
        address_text(scene, start),
        address_text(scene, end)
    )
}

fn info_symbol(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        return Err(CommandError::say("Argument required (address)."));
    }
    let at = place::address(shell, args)?;
    let text = shell.session.with_scene(|scene, _| {
        let module = scene.modules.at(at)?;
        let image = module.image.as_ref()?;
        // As in gdb the linker's symbol counts, whatever debug info says.
        let (name, offset) = scene.modules.symbol_of(at)?;
        let section = image.section_at(FileAddr(at.0.wrapping_sub(module.bias)))?;
        let offset = if offset == 0 { String::new() } else { format!(" + {offset}") };
        // One file alone needs no name.
        let file = if scene.modules.iter().nth(1).is_some() {
            let name = scene.library_name(module).unwrap_or_else(|| module.path.clone());
            format!(" of {name}")
        } else {
            String::new()
        };
        Some(format!("{name}{offset} in section {section}{file}"))
    });
    shell.say(text.unwrap_or_else(|| format!("No symbol matches {args}.")));
    Ok(())
}

fn info_address(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        return Err(CommandError::say("Argument required."));
    }
    let name = args.trim().to_owned();
    let text = shell.with_context(|context| {
        let scene = context.scene;
        if let Some(local) = context.frame.and_then(|frame| scene.place_of_local(frame, &name)) {
            let what = match local.place {
                Described::Static(at) => format!("static storage at address {}", at.at(local.bias)),
                Described::Constant(_) => "constant".to_owned(),
                Described::Bytes(_) => "constant bytes".to_owned(),
                Described::OptimizedOut => "optimized out".to_owned(),
                Described::Words(words) => words,
            };
            return Some(format!("Symbol \"{name}\" is {what}."));
        }
        if let Ok(value) = scene.variable(context.frame, &name) {
            let what = match value.place() {
                Place::Memory(at) if value.ty().is_function() => format!("a function at address {at}"),
                Place::Memory(at) if scene.modules.at(at).is_some() => {
                    format!("static storage at address {at}")
                }
                Place::Memory(at) => format!("a variable in memory, at address {at} in this frame"),
                Place::Register(_) => "a variable in a register".to_owned(),
                _ if value.is_optimized_out() => "optimized out".to_owned(),
                _ => "a variable in pieces".to_owned(),
            };
            // A function of C++ is told with its parameters.
            let full = value.address().filter(|_| value.ty().is_function()).and_then(|at| {
                crate::scene::print::Names::name_of(scene, at)
                    .filter(|(full, _)| full.contains('('))
                    .map(|(full, _)| full)
            });
            return Some(format!("Symbol \"{}\" is {what}.", full.as_deref().unwrap_or(&name)));
        }
        let symbol = scene.modules.iter().find_map(|module| {
            let symbol = module.image.as_ref()?.symbols_named(&name).next()?;
            Some(symbol.address.at(module.bias))
        })?;
        Some(format!("Symbol \"{name}\" is at {symbol} in a file compiled without debugging."))
    });
    shell.say(text.ok_or_else(|| CommandError::say(format!("No symbol \"{name}\" in current context.")))?);
    Ok(())
}

fn info_source(shell: &mut Shell, _: &str) -> Done {
    let Some((file, _)) = shell.source.current.clone() else {
        shell.say("No current source file.");
        return Ok(());
    };
    let text = shell.source.texts.of(&file).ok();
    let mut out = format!("Current source file is {}\n", file.name);
    let key = file.key().to_owned();
    // A header belongs to many units; the one that is looked at counts.
    let displayed = shell.source.displayed(shell.session.selection());
    let shown = displayed.filter(|shown| shown.line.as_ref().is_some_and(|(of, _)| of.key() == key));
    let pc = shown.map(|shown| shown.pc);
    let facts = shell.session.with_scene(|scene, _| {
        scene.modules.iter().find_map(|module| {
            let debug = module.image.as_ref()?.debug()?;
            let here = pc.filter(|pc| module.span.contains(*pc));
            let here = here.and_then(|pc| debug.unit_index_at(module.linked(pc)));
            let unit = here.or_else(|| debug.units_called(&key).first().copied())?;
            Some((debug.origin(unit)?, debug.language(unit)))
        })
    });
    let (origin, language) = facts.unwrap_or_default();
    if let Some(directory) = &origin.directory {
        out.push_str(&format!("Compilation directory is {directory}\n"));
    }
    if let Some(text) = &text {
        out.push_str(&format!("Located in {}\nContains {} lines.\n", text.path.display(), text.count()));
    }
    out.push_str(&format!("Source language is {}.\n", language.unwrap_or("unknown")));
    if let Some(producer) = &origin.producer {
        out.push_str(&format!("Producer is {producer}.\n"));
    }
    out.push_str(&format!("Compiled with DWARF {} debugging format.\n", origin.version));
    let macros = if origin.macros { "Includes" } else { "Does not include" };
    out.push_str(&format!("{macros} preprocessor macro info."));
    shell.say(out);
    Ok(())
}

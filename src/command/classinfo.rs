//! What the linker's names and the tables of C++ mean: `demangle`, `info vtbl`.
//!
//! ```text
//! (gdb) info vtbl shape
//! vtable for 'Shape' @ 0x555555557d68 (subobject @ 0x7fffffffe3d0):
//! [0]: 0x5555555551c4 <Shape::area() const>
//! ```

use std::fmt::Write;

use super::args::first_word;
use super::error::{CommandError, Done};
use super::language;
use super::shell::Shell;
use super::table::{Entry, Takes};
use crate::addr::Addr;
use crate::scene::expr::evaluate;
use crate::scene::print::Names;
use crate::scene::{Scene, Value};
use crate::symbols::types::{Kind, Type};

pub(super) const COMMANDS: &[Entry] = &[Entry {
    names: &["demangle"],
    run: demangle,
    help: "Demangle a mangled name.\n\nUsage: demangle [-l LANGUAGE] [--] NAME",
    takes: Takes::Nothing,
}];

pub(super) const INFO: &[Entry] = &[Entry {
    names: &["vtbl"],
    run: info_vtbl,
    help: "Show the virtual function table for a C++ object.\n\nUsage: info vtbl EXPRESSION",
    takes: Takes::Expression,
}];

/// A class has no more base classes that we would look at.
const MAX_TABLES: usize = 256;

fn demangle(shell: &mut Shell, args: &str) -> Done {
    let usage = || CommandError::say("Usage: demangle [-l LANGUAGE] [--] NAME");
    let mut rest = args.trim();
    while rest.starts_with('-') {
        let (word, behind) = first_word(rest);
        rest = behind;
        match word {
            "--" => break,
            "-l" => {
                let (language, behind) = first_word(rest);
                if language.is_empty() {
                    return Err(usage());
                }
                if !language::ALL.contains(&language) {
                    return Err(CommandError::say(format!("Unknown language \"{language}\"")));
                }
                rest = behind;
            }
            other => {
                return Err(CommandError::say(format!("Unrecognized option '{other}' to demangle command")));
            }
        }
    }
    if rest.is_empty() {
        return Err(usage());
    }
    let text = crate::symbols::demangled(rest);
    shell.say(text.ok_or_else(|| CommandError::say(format!("Can't demangle \"{rest}\"")))?);
    Ok(())
}

/// A part of an object that has a virtual table: its class, where it is, and the last entry that is known.
struct Table {
    class: Type,
    at: Addr,
    last: Option<u64>,
}

fn info_vtbl(shell: &mut Shell, args: &str) -> Done {
    if args.is_empty() {
        return Err(CommandError::say("Argument required (expression to compute)."));
    }
    let text = shell.with_context(|context| {
        let value = evaluate(&context.read(args)?, context)?;
        let memory = context.scene.memory();
        let refers = value.ty().is_pointer() || matches!(value.ty().strip().kind(), Kind::Reference { .. });
        let object = if refers { value.deref(memory)? } else { value };
        let mut tables = Vec::new();
        collect(context.scene, &object, &mut tables);
        if tables.is_empty() {
            return Ok::<_, CommandError>("This object does not have a virtual function table".to_owned());
        }
        let shown: Vec<String> = tables
            .iter()
            .filter(|table| table.last.is_some())
            .map(|table| written(context.scene, table))
            .collect();
        Ok(shown.join("\n"))
    })?;
    shell.say(text);
    Ok(())
}

/// The object and its base classes, those at one place as one (gdb 13.1, gnu-v3-abi.c, `compute_vtable_size`).
fn collect(scene: &Scene<'_>, object: &Value, found: &mut Vec<Table>) {
    let class = object.ty().strip();
    let Kind::Record(record) = class.kind() else { return };
    let (true, Some(at)) = (record.is_dynamic(16) && found.len() < MAX_TABLES, object.address()) else {
        return;
    };
    let own = record.last_table_entry();
    match found.iter_mut().find(|known| known.at == at) {
        Some(known) => known.last = known.last.max(own),
        None => found.push(Table { class: class.clone(), at, last: own }),
    }
    for base in record.bases() {
        if let Ok(base) = object.component(base, scene.memory()) {
            collect(scene, &base, found);
        }
    }
}

fn written(scene: &Scene<'_>, table: &Table) -> String {
    let word = |at: Addr| scene.memory().u64(at);
    let mut out = String::new();
    let start = match word(table.at) {
        Ok(start) => Addr(start),
        Err(fault) => return fault.to_string(),
    };
    _ = writeln!(out, "vtable for '{}' @ {start} (subobject @ {}):", table.class.name(), table.at);
    for entry in 0..=table.last.unwrap_or(0).min(10_000) {
        _ = match word(start.add(8 * entry)) {
            Ok(function) => {
                let function = Addr(function);
                let shown = match Names::name_of(scene, function) {
                    Some((name, 0)) => format!("{function} <{name}>"),
                    Some((name, offset)) => format!("{function} <{name}+{offset}>"),
                    None => function.to_string(),
                };
                writeln!(out, "[{entry}]: {shown}")
            }
            Err(fault) => writeln!(out, "[{entry}]: <error: {fault}>"),
        };
    }
    out
}

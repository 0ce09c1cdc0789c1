//! Frames as gdb prints them: `#1  0x00007ffff7e5b2c0 in f (a=a@entry=1) at t.c:9`.
//!
//! What is printed is decided here, following gdb's stack.c: which line a frame stands at, whether its address is
//! worth saying, how arguments and their values at entry are told. The text is made of the plain
//! [`FrameView`], so that a screen and an export print the same line.

use std::fmt::Write;
use std::rc::Rc;

use crate::addr::{Addr, Span, Tid};
use crate::heap::story::names::is_loader;
use crate::symbols::Module;

use super::Scene;
use super::debug::full_path;
use super::frame::Frame;
use super::linkmap::{self, Loaded};
use super::print::{FrameArguments, PrintOptions, Printer};
use super::value::Value;
use super::variables::Argument;
use super::view::{ArgView, Backtrace, FrameView};

/// gdb's line for a frame: `#0  leaf (p=0x4052a0) at t.c:9`.
#[must_use]
pub fn frame_line(view: &FrameView) -> String {
    format!("#{:<2} {}", view.level, frame_text(view))
}

/// The same without the number: what stands behind `Breakpoint 1, ` and the like.
#[must_use]
pub fn frame_text(view: &FrameView) -> String {
    if view.signal_handler {
        return "<signal handler called>".to_owned();
    }
    let mut out = String::new();
    if view.show_address {
        _ = write!(out, "0x{:016x} in ", view.address.0);
    }
    out.push_str(view.function.as_deref().unwrap_or("??"));
    out.push_str(" (");
    for (at, argument) in view.args.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        out.push_str(&argument_text(argument));
    }
    out.push(')');
    match (&view.file, view.line) {
        (Some(file), Some(line)) => _ = write!(out, " at {file}:{line}"),
        _ => {
            if let Some(from) = &view.from {
                _ = write!(out, " from {from}");
            }
        }
    }
    out
}

/// `p=5`, `p=p@entry=5`, `p=6, p@entry=5`.
pub(super) fn argument_text(argument: &ArgView) -> String {
    let ArgView { name, value, entry_value } = argument;
    match (value, entry_value) {
        _ if name.is_empty() => "...".to_owned(),
        (Some(now), Some(entry)) if now == entry => format!("{name}={name}@entry={now}"),
        (Some(now), Some(entry)) => format!("{name}={now}, {name}@entry={entry}"),
        (Some(now), None) => format!("{name}={now}"),
        (None, Some(entry)) => format!("{name}@entry={entry}"),
        (None, None) => format!("{name}=..."),
    }
}

/// A line of source, and the code that it became around one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// The file as debug info names it.
    pub file: String,
    /// The file as a path, when debug info says enough for one.
    pub full_path: Option<String>,
    /// The line.
    pub line: u32,
    /// Its code.
    pub span: Span,
}

impl Scene<'_> {
    /// The backtrace of a thread, at most `limit` frames.
    #[must_use]
    pub fn backtrace(&self, tid: Tid, limit: usize, options: &PrintOptions) -> Backtrace {
        let frames = self.frames(tid, limit);
        Backtrace {
            schema: Backtrace::SCHEMA.to_owned(),
            pid: self.source.pid(),
            tid,
            frames: frames.frames.iter().map(|frame| self.frame_view(frame, options)).collect(),
            stopped: frames.stopped,
        }
    }

    /// One frame as it is shown.
    #[must_use]
    pub fn frame_view(&self, frame: &Frame, options: &PrintOptions) -> FrameView {
        let module = self.modules.at(frame.physical.lookup());
        let mut view = FrameView {
            level: frame.level,
            address: frame.pc(),
            show_address: true,
            module: module.map(|module| module.path.clone()),
            build_id: module.and_then(|module| module.image.as_ref()?.build_id()).map(str::to_owned),
            inlined: frame.inlined(),
            signal_handler: frame.signal_handler,
            ..FrameView::default()
        };
        if frame.signal_handler || self.recorded_view(frame, &mut view) {
            return view;
        }
        let scope = frame.function();
        view.has_debug_info = scope.is_some();
        view.function = match scope.and_then(|scope| scope.name.as_deref()) {
            Some(name) => Some(name.to_owned()),
            None => self.modules.name_of(frame.physical.lookup()).map(|(name, _)| name),
        };
        self.place(frame, &mut view);
        if view.file.is_none() {
            view.from = module.and_then(|module| self.library_name(module));
        }
        view.args = self.argument_views(frame, options);
        view.show_address &= options.address;
        view
    }

    /// File, line and whether the address says more than they do.
    fn place(&self, frame: &Frame, view: &mut FrameView) {
        let Some(debug) = &frame.physical.debug else { return };
        let at = frame.physical.file_lookup();
        // A frame into which another was inlined stands at the call, a line without an address of its own.
        if let Some(callee) = frame.scope.checked_sub(1).and_then(|inner| frame.physical.scopes.get(inner)) {
            view.show_address = false;
            if let Some((file, line)) = callee.call
                && let Some((name, full)) = debug.file(at, file)
            {
                (view.file, view.full_path, view.line) = (Some(name), full, Some(line));
            }
            return;
        }
        let Some(row) = debug.dies().line_at(at) else { return };
        // Rows that begin no statement do not say where one stands (gdb 13.1 stack.c, frame_show_address).
        view.show_address = !row.is_stmt || row.start.at(frame.physical.bias) != frame.pc();
        view.full_path = full_path(&row.file, &row.directory);
        (view.file, view.line) = (Some(row.file.to_string()), Some(row.line));
    }

    /// The source file that a frame stands in: of one that stands at the call of an inlined function, the call's.
    #[must_use]
    pub fn file_of(&self, frame: &Frame) -> Option<String> {
        let mut view = FrameView::default();
        self.place(frame, &mut view);
        view.file
    }

    /// The line of source at an address.
    #[must_use]
    pub fn source_at(&self, at: Addr) -> Option<SourceLine> {
        let (bias, row) = self.modules.row_at(at)?;
        Some(SourceLine {
            full_path: full_path(&row.file, &row.directory),
            file: row.file.to_string(),
            line: row.line,
            span: Span::new(row.start.at(bias), row.end.at(bias)),
        })
    }

    /// The options as they are for the language of a frame's code.
    fn spoken(&self, frame: &Frame, options: &PrintOptions) -> PrintOptions {
        PrintOptions { rust: self.spoken_in(frame) == Some("rust"), ..options.clone() }
    }

    fn argument_views(&self, frame: &Frame, options: &PrintOptions) -> Vec<ArgView> {
        let options = &self.spoken(frame, options);
        let printer = Printer { memory: self.memory(), names: self, options };
        if options.frame_arguments == FrameArguments::Presence {
            let any = !self.arguments(frame).is_empty();
            return if any { vec![ArgView::default()] } else { Vec::new() };
        }
        self.arguments(frame).into_iter().map(|argument| self.argument_view(argument, &printer)).collect()
    }

    fn argument_view(&self, argument: Argument, printer: &Printer<'_>) -> ArgView {
        let entry = argument.at_entry.filter(|_| printer.options.entry_values);
        let value = printer.argument(&argument.value);
        let entry_value = entry.map(|entry| {
            let same = match (argument.value.bytes(self.memory()), entry.bytes(self.memory())) {
                (Ok(now), Ok(then)) => now == then,
                _ => false,
            };
            if same { value.clone() } else { printer.argument(&entry) }
        });
        ArgView { name: argument.name, value: Some(value), entry_value }
    }

    /// gdb's `info locals`: a line for each, `name = value`, each behind `indent`.
    #[must_use]
    pub fn locals_text(&self, frame: &Frame, options: &PrintOptions, indent: &str) -> String {
        if frame.signal_handler {
            return "No locals.\n".to_owned();
        }
        if frame.function().is_none() {
            // Code of a unit with debug info, but of no function that it knows.
            let at = frame.physical.file_lookup();
            let unit = frame.physical.debug.as_ref().and_then(|debug| debug.dies().unit_index_at(at));
            let words = if unit.is_some() { "No locals." } else { "No symbol table info available." };
            return format!("{words}\n");
        }
        self.listing(self.locals(frame), &self.spoken(frame, options), indent, "No locals.")
    }

    /// gdb's `info args`.
    #[must_use]
    pub fn arguments_text(&self, frame: &Frame, options: &PrintOptions) -> String {
        if frame.function().is_none() {
            return "No symbol table info available.\n".to_owned();
        }
        let arguments = self.arguments(frame).into_iter().map(|argument| (argument.name, argument.value));
        self.listing(arguments.collect(), &self.spoken(frame, options), "", "No arguments.")
    }

    fn listing(
        &self,
        values: Vec<(String, Value)>,
        options: &PrintOptions,
        indent: &str,
        none: &str,
    ) -> String {
        if values.is_empty() {
            return format!("{none}\n");
        }
        let printer = Printer { memory: self.memory(), names: self, options };
        let mut out = String::new();
        for (name, value) in values {
            let text = printer
                .value(&value)
                .unwrap_or_else(|error| format!("<error reading variable {name} ({error})>"));
            _ = writeln!(out, "{indent}{name} = {text}");
        }
        out
    }

    /// The name under which the program loaded a library; nothing for the program itself and for what the
    /// kernel put there.
    #[must_use]
    pub fn library_name(&self, module: &Module) -> Option<String> {
        let main = self.modules.program()?;
        if main.span == module.span || !module.path.starts_with('/') {
            return None;
        }
        let libraries = self.libraries();
        let named = |library: &&Loaded| library.bias == module.bias && library.name.starts_with('/');
        if let Some(library) = libraries.iter().find(named) {
            return Some(library.name.clone());
        }
        // Before the linker has made its list, the linker itself is known by the name that the program has for it.
        let linker = main.image.as_ref().and_then(|image| image.interpreter());
        let is_linker = libraries.is_empty() && is_loader(&module.path);
        Some(linker.filter(|_| is_linker).map_or_else(|| module.path.clone(), str::to_owned))
    }

    /// The linker's list, read again when the number of modules has changed, and until it has been made.
    #[must_use]
    pub fn libraries(&self) -> Rc<Vec<Loaded>> {
        let count = self.modules.iter().count();
        let mut kept = self.caches.libraries.borrow_mut();
        match &*kept {
            Some((known, list)) if *known == count && !list.is_empty() => list.clone(),
            _ => {
                let list = Rc::new(linkmap::read(self.source.auxv(), self.memory()));
                *kept = Some((count, list.clone()));
                list
            }
        }
    }

    /// The symbol at an address as gdb writes it: `<main+4>`.
    #[must_use]
    pub fn symbol_text(&self, at: Addr) -> Option<String> {
        let options = PrintOptions::default();
        Printer { memory: self.memory(), names: self, options: &options }.linker_symbol(at)
    }
}

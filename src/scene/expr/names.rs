//! What names mean: variables, functions, registers, types.

use super::ExprError;
use super::ast::{Expr, TypeName};
use super::eval::Context;
use super::lex::{Tok, lex};
use super::parse::parse;
use super::rustparse;
use super::written::is_keyword;
use crate::addr::{Addr, Tid};
use crate::regs::Regs;
use crate::scene::registers;
use crate::scene::siginfo;
use crate::scene::value::{Value, ValueError};
use crate::symbols::types::{DieRef, Kind, Tag, Type};
use crate::symbols::{NameKind, SymbolKind};

impl Context<'_> {
    /// Reads an expression. A name that means nothing is told before what is wrong behind it, as gdb's parser does,
    /// which looks names up while it reads.
    ///
    /// # Errors
    /// gdb's words.
    pub fn read(&self, text: &str) -> Result<Expr, ExprError> {
        if self.is_rust() {
            return self.read_rust(text);
        }
        let error = match parse(text) {
            Err(ExprError::Syntax(rest)) => ExprError::Syntax(rest),
            other => return other,
        };
        let ExprError::Syntax(rest) = &error else { return Err(error) };
        let read = text.len().saturating_sub(rest.len());
        Err(self.unknown_before(text, read).map_or(error, ExprError::NoSymbol))
    }

    /// What is no Rust may be C, as it is typed in any other frame.
    fn read_rust(&self, text: &str) -> Result<Expr, ExprError> {
        let (error, read) = match rustparse::parse(text) {
            Err(ExprError::RustSyntax(words, read)) => (ExprError::RustSyntax(words, read), read),
            other => return other,
        };
        parse(text).map_err(|_| match self.unknown_before(text, read) {
            Some(name) => self.in_rust(ExprError::NoSymbol(name)),
            None => error,
        })
    }

    /// The first name in the first `read` bytes of a text that means nothing.
    fn unknown_before(&self, text: &str, read: usize) -> Option<String> {
        names_before(text, read).into_iter().find(|name| {
            let written = TypeName { base: name.clone(), pointers: 0, arrays: Vec::new(), inner: 0 };
            self.name(name).is_err() && self.type_named(&written).is_err()
        })
    }

    /// `name@entry`: what a parameter held when its function was entered.
    pub(super) fn at_entry(&self, name: &str) -> Result<Value, ExprError> {
        let arguments = self.frame.map(|frame| self.scene.arguments(frame)).unwrap_or_default();
        let known = arguments.into_iter().find(|argument| argument.name == name);
        let known = known.ok_or_else(|| ExprError::NoParameter(name.to_owned()))?;
        known.at_entry.ok_or_else(|| {
            let outermost = self.frame.filter(|frame| self.scene.caller(&frame.physical).is_err());
            let function = outermost.and_then(|frame| {
                let function = frame.physical.function()?;
                Some((function.entry.at(frame.physical.bias), function.name.as_deref()?.to_owned()))
            });
            match function {
                Some((at, function)) => ExprError::NoEntryCaller(at, function),
                None => ExprError::NoEntryValue(name.to_owned()),
            }
        })
    }

    /// `function::variable`, `'file.c'::variable`, or a name with its scopes.
    pub(super) fn scoped(&self, scope: &str, name: &str) -> Result<Value, ExprError> {
        if self.scene.modules.program().is_none() {
            return Err(ExprError::NoSymbols);
        }
        if self.is_rust() && !scope.is_empty() {
            return self.rust_scoped(scope, name);
        }
        // C++ scopes are part of the name.
        if scope.is_empty() {
            return Ok(self.scene.variable(None, name)?);
        }
        if self.is_virtual_method(scope, name) {
            return Err(ExprError::VirtualMember(name.to_owned()));
        }
        if let Ok(value) = self.scene.variable(self.frame, &format!("{scope}::{name}")) {
            return Ok(value);
        }
        if let Some(value) = self.of_type(scope, name) {
            return Ok(value);
        }
        if let Some(found) = self.in_scope(scope, name) {
            return found;
        }
        let nothing = || ExprError::NotThere(name.to_owned());
        if let Some(found) = self.scene.variable_in_file(scope, name) {
            return found.ok_or_else(nothing);
        }
        if self.name(scope).is_err() {
            return Err(ExprError::NoSymbol(scope.to_owned()));
        }
        match self.scene.variable_in_function(self.frame, scope, name) {
            Some(Some(value)) => Ok(value),
            Some(None) if self.frame.is_none() => Err(ExprError::NoFrame),
            Some(None) => Err(ExprError::NotExecuting(scope.to_owned())),
            None => Err(nothing()),
        }
    }

    /// A name of the program's: a variable or function, with debug info or without.
    pub(super) fn name(&self, name: &str) -> Result<Value, ExprError> {
        match self.scene.variable(self.frame, name) {
            Ok(value) => return Ok(value),
            Err(ValueError::NoSymbol(_)) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(value) = self.word(name) {
            return Ok(value);
        }
        if let Some(value) = self.symbol(name) {
            return Ok(value);
        }
        if self.scene.modules.program().is_none() {
            return Err(ExprError::NoSymbols);
        }
        Err(ExprError::NoSymbol(name.to_owned()))
    }

    /// A symbol of the linker's. Debug info may describe what lies there under another name (`printf` is
    /// `__printf`); else gdb gives it a type that says so.
    fn symbol(&self, name: &str) -> Option<Value> {
        self.scene.modules.iter().find_map(|module| {
            let symbol = module.image.as_ref()?.symbols_named(name).next()?;
            let at = symbol.address.at(module.bias);
            let described = match symbol.kind {
                SymbolKind::Function => self.scene.function_type(at),
                SymbolKind::Indirect => None,
                SymbolKind::Data => self.scene.declared_type(name),
            };
            let words = match symbol.kind {
                SymbolKind::Function => "<text variable, no debug info>",
                SymbolKind::Indirect => "<text gnu-indirect-function variable, no debug info>",
                SymbolKind::Data => "<data variable, no debug info>",
            };
            let ty = described.unwrap_or_else(|| Type::new(Kind::Unspecified(words.into())));
            Some(Value::at(ty, at))
        })
    }

    /// `$name`.
    pub(super) fn dollar(&self, name: &str) -> Result<Value, ExprError> {
        if let Some(past) = self.vars.past(name) {
            return past;
        }
        if let Some(value) = self.register(name)? {
            return Ok(value);
        }
        if let Some(n) = name.strip_prefix("arg").and_then(|n| n.parse::<usize>().ok())
            && let Some(regs) = self.thread_regs()
            && let Some(value) = regs.argument(n)
        {
            return Ok(Value::integer(Type::integer("long", 8, true), i128::from(value as i64)));
        }
        if name == "_siginfo" {
            let Some(tid) = self.thread() else { return Ok(Value::from_bytes(Type::void(), Vec::new())) };
            let info = self.scene.source.siginfo(tid).ok_or(ExprError::NoSiginfo)?;
            return Ok(siginfo::value(&info));
        }
        if let Some(value) = self.vars.get(name) {
            return Ok(value.clone());
        }
        if let Some(value) = (self.specials)(name) {
            let ty = if i32::try_from(value).is_ok() {
                super::ops::int()
            } else {
                Type::integer("unsigned long", 8, false)
            };
            return Ok(Value::integer(ty, value));
        }
        Ok(Value::from_bytes(Type::void(), Vec::new()))
    }

    fn thread_regs(&self) -> Option<Regs> {
        self.scene.source.regs(self.thread()?)
    }

    fn thread(&self) -> Option<Tid> {
        self.frame.map(|frame| frame.tid).or_else(|| self.scene.source.threads().first().copied())
    }

    /// A register of the frame; `None` when no register has this name.
    fn register(&self, name: &str) -> Result<Option<Value>, ExprError> {
        match self.frame {
            Some(frame) => Ok(self.scene.register(frame, name).map(|value| self.in_language(value))),
            None if registers::is_register(name) => Err(ExprError::NoRegisters),
            None => Ok(None),
        }
    }

    /// The type that a written name means.
    ///
    /// # Errors
    /// gdb's words for a name that means no type.
    pub fn type_named(&self, written: &TypeName) -> Result<Type, ExprError> {
        let mut ty = self.type_called(&written.base)?;
        for _ in 0..written.pointers {
            ty = ty.pointer();
        }
        for count in written.arrays.iter().rev() {
            ty = ty.array(*count);
        }
        for _ in 0..written.inner {
            ty = ty.pointer();
        }
        Ok(ty)
    }

    /// The type that words without stars and brackets name.
    pub(super) fn type_called(&self, words: &str) -> Result<Type, ExprError> {
        let primitive = Type::rust_primitive(words).filter(|_| self.is_rust());
        if let Some(ty) = primitive.or_else(|| Type::builtin(words)) {
            return Ok(ty);
        }
        let path = if self.is_rust() { self.rust_path(words)? } else { String::new() };
        let words = if path.is_empty() { words } else { &path };
        let (tag, name) = match words.split_once(' ') {
            Some((tag @ ("struct" | "union" | "enum" | "class"), name)) => (tag, name),
            _ => ("", words),
        };
        let other =
            || self.find_type(name, |ty| matches!(ty.kind(), Kind::Record(_) | Kind::Enum(_))).is_some();
        let missing = || match tag {
            "union" if self.is_cplus() && other() => ExprError::NoUnionHere(name.to_owned()),
            "struct" | "class" => ExprError::NoStruct(name.to_owned()),
            "union" => ExprError::NoUnion(name.to_owned()),
            "enum" => ExprError::NoEnum(name.to_owned()),
            _ => ExprError::NoSymbol(name.to_owned()),
        };
        let fits = |ty: &Type| match (tag, ty.kind()) {
            ("struct" | "class", Kind::Record(record)) => record.tag != Tag::Union,
            ("union", Kind::Record(record)) => record.tag == Tag::Union,
            ("enum", Kind::Enum(_)) => true,
            ("", _) => true,
            _ => false,
        };
        self.find_type(name, fits).ok_or_else(missing)
    }

    /// The first type called `name` that fits.
    pub(super) fn find_type(&self, name: &str, fits: impl Fn(&Type) -> bool) -> Option<Type> {
        if let Some(ty) = self.unit_type(name).filter(&fits) {
            return Some(ty);
        }
        let names = self.frame.map_or_else(|| vec![name.to_owned()], |frame| frame.scopes_of(name));
        let find = |name: &String| {
            self.scene.modules.iter().find_map(|module| {
                let debug = self.scene.caches.debug(module)?;
                let info = module.image.as_ref()?.debug_to_find(name)?;
                let types = info.named_in(name, true, |_| true);
                let types = types.filter(|e| matches!(e.kind, NameKind::Type | NameKind::Alias));
                types.map(|e| debug.table.get(DieRef { offset: e.offset })).find(&fits)
            })
        };
        let brought = || self.scene.brought(self.frame?, name).iter().find_map(find);
        names.iter().find_map(find).or_else(brought)
    }

    /// What a name of the program's means.
    ///
    /// # Errors
    /// When it means nothing.
    pub fn value_of_name(&self, name: &str) -> Result<Value, ExprError> {
        self.name(name)
    }

    /// The address of a function or variable by name, for places such as `*main`.
    pub fn address_of_name(&self, name: &str) -> Option<Addr> {
        self.name(name).ok()?.address()
    }

    /// The names of the functions on the stack, innermost first: for `$_caller_is` and its like.
    pub(super) fn callers(&self, most: usize) -> Vec<String> {
        let Some(frame) = self.frame else { return Vec::new() };
        let frames = self.scene.frames(frame.tid, most.saturating_add(1).min(1024));
        let name = |at: Addr| self.scene.modules.name_of(at).map(|(name, _)| name);
        frames
            .frames
            .iter()
            .map(|frame| match frame.function() {
                Some(scope) => scope.name.as_deref().unwrap_or_default().to_owned(),
                None => name(frame.physical.lookup()).unwrap_or_default(),
            })
            .collect()
    }
}

/// The names that stand for values in the first `end` bytes of a text.
fn names_before(text: &str, end: usize) -> Vec<String> {
    let tokens = lex(text.get(..end).unwrap_or(text)).unwrap_or_default();
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Tok::Name(name) = &token.kind else { continue };
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).map(|token| &token.kind);
        let part = match before {
            Some(Tok::Sign(sign)) => matches!(*sign, "." | "->" | "::"),
            Some(Tok::Name(word)) => matches!(word.as_str(), "struct" | "union" | "enum" | "class"),
            _ => false,
        };
        if !part && !is_keyword(name) && name != "sizeof" {
            names.push(name.clone());
        }
    }
    names
}

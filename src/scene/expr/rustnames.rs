//! Types and paths of Rust as people write them: `*mut [i32; 3]`, `&[u8]`, `crate::module::Name<T>`.

use super::ExprError;
use super::ast::TypeName;
use super::rustlex::{Tok, Token};
use super::rustparse::{Parser, named, refused};

impl Parser<'_> {
    /// A type: `*mut i32`, `&[u8]`, `[i32; 3]`, `(i32, u8)`, a path.
    pub(super) fn type_name(&mut self) -> Result<TypeName, ExprError> {
        let start = self.at;
        let pointer = self.eat("*") || self.eat("&");
        if pointer {
            let reference = self.tokens.get(start).is_some_and(|token| token.kind == Tok::Sign("&"));
            if !self.eat_word("mut") {
                self.eat_word("const");
            }
            if reference && self.eat_word("str") {
                return Ok(named("&str"));
            }
            if reference && self.sign() == Some("[") && !self.is_array() {
                return self.verbatim(start);
            }
            let of = self.type_name()?;
            return Ok(match of.arrays.is_empty() {
                true => TypeName { pointers: of.pointers + 1, ..of },
                false => TypeName { inner: of.inner + 1, ..of },
            });
        }
        match self.sign() {
            Some("[") if self.is_array() => {
                self.at += 1;
                let of = self.type_name()?;
                self.close(";")?;
                let Some(Token { kind: Tok::Int(count, ..), .. }) = self.tokens.get(self.at) else {
                    return refused("integer expected");
                };
                let count = u64::try_from(*count).unwrap_or(0);
                self.at += 1;
                self.close("]")?;
                if of.inner > 0 {
                    return refused("type expected");
                }
                Ok(TypeName { arrays: [vec![count], of.arrays].concat(), ..of })
            }
            Some("(" | "[") => self.verbatim(start),
            Some("::") => Ok(named(&self.path(false)?)),
            _ if self.word().is_some() => Ok(named(&self.path(false)?)),
            _ => refused("type expected"),
        }
    }

    /// Whether the brackets here hold a type and a number.
    pub(super) fn is_array(&self) -> bool {
        let mut depth = 0;
        for token in &self.tokens[self.at..] {
            match token.kind {
                Tok::Sign("[" | "(") => depth += 1,
                Tok::Sign("]" | ")") => depth -= 1,
                Tok::Sign(";") if depth == 1 => return true,
                _ => {}
            }
            if depth == 0 {
                return false;
            }
        }
        false
    }

    /// A type that is called as it is written, from the token `start` to where its brackets close.
    fn verbatim(&mut self, start: usize) -> Result<TypeName, ExprError> {
        let mut depth = 0;
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token.kind {
                Tok::Sign("[" | "(") => depth += 1,
                Tok::Sign("]" | ")") => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let from = self.tokens.get(start).map_or(0, |first| first.at);
                return Ok(named(&self.text[from..token.end]));
            }
        }
        refused("type expected")
    }

    /// A path: `self::x` and `super::x` begin at the module of the frame, `crate::x` and gdb's `::x` at its crate, `extern
    /// x` is whole. Type arguments are `x::<T>` in an expression and `x<T>` in a type.
    pub(super) fn path(&mut self, in_expression: bool) -> Result<String, ExprError> {
        let mut path = String::new();
        if self.eat("::") {
            path.push_str("crate::");
        } else if !self.eat_word("extern") && self.word() == Some("self") {
            self.at += 1;
            if self.sign() != Some("::") {
                return Ok("self".to_owned());
            }
            path.push_str("self");
        }
        if path != "self" {
            let Some(word) = self.word() else { return refused("identifier expected") };
            path.push_str(word);
            self.at += 1;
        }
        loop {
            let colons = self.eat("::");
            if self.sign() == Some("<") && (colons || !in_expression) {
                let Some(end) = self.arguments_end() else { return refused("'>' expected") };
                let (first, last) = (self.tokens[self.at].at, self.tokens[end].end);
                path.push_str(&self.text[first..last]);
                self.at = end + 1;
                return Ok(path);
            }
            match (colons, self.word()) {
                (true, Some(word)) => {
                    path.push_str("::");
                    path.push_str(word);
                    self.at += 1;
                }
                (true, None) => return refused("identifier expected"),
                (false, _) => return Ok(path),
            }
        }
    }

    /// The token that closes type arguments which begin here.
    fn arguments_end(&self) -> Option<usize> {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(self.at) {
            match token.kind {
                Tok::Sign("<") => depth += 1,
                Tok::Sign(">") => depth = depth.checked_sub(1)?,
                Tok::Sign(">>") => depth = depth.checked_sub(2)?,
                _ => {}
            }
            if depth == 0 {
                return Some(index);
            }
        }
        None
    }
}

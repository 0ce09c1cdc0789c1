//! Types and names with scopes as people write them: `struct node **`, `ns::Buf<int, 4>::get`, `static_cast<int>(x)`.

use super::ExprError;
use super::ast::{Expr, TypeName};
use super::lex::{Tok, Token};
use super::parse::Parser;

impl Parser<'_> {
    /// A name and what it is qualified by, from the token at `at` on; and the token behind it.
    pub(super) fn qualified(&self, at: usize) -> Option<(String, usize)> {
        let mut at = at;
        let mut parts = Vec::new();
        loop {
            let Some(Token { kind: Tok::Name(name), at: start }) = self.tokens.get(at) else { return None };
            at += 1;
            match self.template_end(at) {
                Some((next, end)) => {
                    parts.push(self.text.get(*start..end)?.to_owned());
                    at = next;
                }
                None => parts.push(name.clone()),
            }
            let more = self.is_sign(at, "::") && matches!(self.tokens.get(at + 1)?.kind, Tok::Name(_));
            if !more {
                return Some((parts.join("::"), at));
            }
            at += 1;
        }
    }

    fn is_sign(&self, at: usize, wanted: &str) -> bool {
        matches!(self.tokens.get(at), Some(Token { kind: Tok::Sign(sign), .. }) if *sign == wanted)
    }

    /// The token behind template arguments that begin at `at`, and where their text ends. What could be a comparison is
    /// none: the arguments hold names, numbers and types only, and nothing that is compared can follow.
    fn template_end(&self, at: usize) -> Option<(usize, usize)> {
        if !self.is_sign(at, "<") {
            return None;
        }
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(at) {
            match &token.kind {
                Tok::Sign("<") => depth += 1,
                Tok::Sign(">") => depth = depth.checked_sub(1)?,
                Tok::Sign(">>") => depth = depth.checked_sub(2)?,
                Tok::Name(_)
                | Tok::Int(..)
                | Tok::Sign("," | "*" | "&" | "&&" | "::" | "(" | ")" | "[" | "]") => {}
                _ => return None,
            }
            if depth == 0 {
                let follows = match self.tokens.get(index + 1).map(|token| &token.kind) {
                    None => true,
                    Some(Tok::Sign(sign)) => {
                        matches!(*sign, "::" | "(" | ")" | "*" | "&" | "," | "}" | ">" | ">>" | "[")
                    }
                    Some(_) => false,
                };
                let length = if matches!(token.kind, Tok::Sign(">>")) { 2 } else { 1 };
                return follows.then_some((index + 1, token.at + length));
            }
        }
        None
    }

    /// A name of the program's, with its scopes if it has some.
    pub(super) fn scoped(&mut self) -> Result<Expr, ExprError> {
        // `::name` is global.
        let global = self.eat("::");
        let Some((name, next)) = self.qualified(self.at) else { return Err(self.unexpected()) };
        self.at = next;
        // `'file.c'::name` comes as a name and a sign as well.
        let parts = crate::symbols::qualified::parts(&name);
        Ok(match parts.split_last() {
            Some((last, scopes)) if !scopes.is_empty() => Expr::Scoped(scopes.join("::"), (*last).to_owned()),
            _ if global => Expr::Scoped(String::new(), name),
            _ => Expr::Name(name),
        })
    }

    /// `static_cast<TYPE>(x)` and its kin; nothing is taken when it is something else.
    pub(super) fn cast_by_word(&mut self) -> Option<Result<Expr, ExprError>> {
        let Some(Token { kind: Tok::Name(word), .. }) = self.tokens.get(self.at) else { return None };
        if !matches!(word.as_str(), "static_cast" | "reinterpret_cast" | "const_cast" | "dynamic_cast") {
            return None;
        }
        let start = self.at;
        self.at += 1;
        let ty = if self.eat("<") { self.type_name() } else { None };
        let Some(ty) = ty.filter(|_| self.is_sign(self.at, ">") && self.is_sign(self.at + 1, "(")) else {
            self.at = start;
            return None;
        };
        self.at += 2;
        Some(self.binary(0).and_then(|operand| {
            self.expect(")")?;
            Ok(Expr::Cast(ty, Box::new(operand)))
        }))
    }

    /// The stars of `(*)` before an array's brackets; nothing is taken where it is something else.
    fn stars_in_parentheses(&mut self) -> usize {
        let start = self.at;
        let mut stars = 0;
        if self.eat("(") {
            while self.eat("*") {
                stars += 1;
            }
            if stars > 0 && self.eat(")") && self.sign() == Some("[") {
                return stars;
            }
        }
        self.at = start;
        0
    }

    /// A type, if one begins here; else nothing is taken.
    pub(super) fn type_name(&mut self) -> Option<TypeName> {
        let start = self.at;
        let mut words: Vec<String> = Vec::new();
        while let Some(Token { kind: Tok::Name(word), .. }) = self.tokens.get(self.at) {
            let tagged = words.last().is_some_and(|last| is_tag(last));
            let more =
                words.is_empty() || tagged || (is_keyword(word) && words.iter().all(|w| is_keyword(w)));
            if matches!(word.as_str(), "const" | "volatile") {
                self.at += 1;
                continue;
            }
            if !more {
                break;
            }
            match self.qualified(self.at) {
                Some((name, next)) if !is_keyword(word) => {
                    words.push(name);
                    self.at = next;
                }
                _ => {
                    words.push(word.clone());
                    self.at += 1;
                }
            }
        }
        let mut pointers = 0;
        while self.eat("*") {
            pointers += 1;
            while matches!(self.tokens.get(self.at), Some(Token { kind: Tok::Name(w), .. }) if w == "const" || w == "volatile")
            {
                self.at += 1;
            }
        }
        let inner = self.stars_in_parentheses();
        let mut arrays = Vec::new();
        while self.sign() == Some("[") {
            let Some(Token { kind: Tok::Int(count, _), .. }) = self.tokens.get(self.at + 1) else { break };
            arrays.push(u64::try_from(*count).unwrap_or(0));
            self.at += 2;
            if !self.eat("]") {
                self.at = start;
                return None;
            }
        }
        if words.is_empty() {
            self.at = start;
            return None;
        }
        Some(TypeName { base: words.join(" "), pointers, arrays, inner })
    }
}

fn is_tag(word: &str) -> bool {
    matches!(word, "struct" | "union" | "enum" | "class")
}

/// Words that can only begin a type.
pub(super) fn is_keyword(word: &str) -> bool {
    let first = word.split(' ').next().unwrap_or(word);
    is_tag(first)
        || matches!(
            first,
            "unsigned"
                | "signed"
                | "int"
                | "char"
                | "short"
                | "long"
                | "float"
                | "double"
                | "void"
                | "_Bool"
                | "bool"
                | "__int128"
        )
}

//! Tokens of Rust to an expression: `x as u8`, `pair.0`, `&array[1..]`, `crate::module::NAME`.
//!
//! It follows gdb 13.1's rust-parse.c in what binds how and what is said of a text that is none. Depth is bounded.

use super::ExprError;
use super::ast::{Expr, Op, TypeName};
use super::rustlex::{Tok, Token, lex};

/// How deep operators and parentheses may nest.
const DEPTH: usize = 200;

/// `[x; n]` is made for so many elements at most.
const MAX_COPIES: i128 = 4096;

/// Reads an expression of Rust.
///
/// # Errors
/// gdb's words. [`ExprError::RustSyntax`] is for what may be an expression of C.
pub(super) fn parse(text: &str) -> Result<Expr, ExprError> {
    let mut parser = Parser { text, tokens: lex(text)?, at: 0, depth: 0 };
    let expr = parser.range()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some(token) => {
            let near = format!("Syntax error near '{}'", &text[token.at..]);
            Err(ExprError::RustSyntax(near, token.at))
        }
    }
}

/// Reads a text that is nothing but a type of Rust.
pub(super) fn parse_type(text: &str) -> Option<TypeName> {
    let mut parser = Parser { text, tokens: lex(text).ok()?, at: 0, depth: 0 };
    let ty = parser.type_name().ok()?;
    (parser.at == parser.tokens.len()).then_some(ty)
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    depth: usize,
}

/// Binary operators with their strength; stronger ones bind first.
fn binary(sign: &str) -> Option<(Op, u8)> {
    Some(match sign {
        "||" => (Op::Either, 1),
        "&&" => (Op::Both, 2),
        "==" => (Op::Eq, 3),
        "!=" => (Op::Ne, 3),
        "<" => (Op::Lt, 3),
        "<=" => (Op::Le, 3),
        ">" => (Op::Gt, 3),
        ">=" => (Op::Ge, 3),
        "|" => (Op::Or, 4),
        "^" => (Op::Xor, 5),
        "&" => (Op::And, 6),
        "<<" => (Op::Shl, 7),
        ">>" => (Op::Shr, 7),
        "+" => (Op::Add, 8),
        "-" => (Op::Sub, 8),
        "@" => (Op::Repeat, 9),
        "*" => (Op::Mul, 10),
        "/" => (Op::Div, 10),
        "%" => (Op::Rem, 10),
        _ => return None,
    })
}

fn assignment(sign: &str) -> Option<Option<Op>> {
    if sign == "=" {
        return Some(None);
    }
    let op = sign.strip_suffix('=')?;
    matches!(op, "+" | "-" | "*" | "/" | "%" | "&" | "|" | "^" | "<<" | ">>")
        .then(|| binary(op).map(|(op, _)| op))
}

pub(super) fn named(base: &str) -> TypeName {
    TypeName { base: base.to_owned(), pointers: 0, arrays: Vec::new(), inner: 0 }
}

pub(super) fn refused<T>(words: &str) -> Result<T, ExprError> {
    Err(ExprError::Rust(words.to_owned()))
}

impl Parser<'_> {
    pub(super) fn sign(&self) -> Option<&'static str> {
        match self.tokens.get(self.at)?.kind {
            Tok::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let found = self.sign() == Some(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn word(&self) -> Option<&str> {
        match &self.tokens.get(self.at)?.kind {
            Tok::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn eat_word(&mut self, wanted: &str) -> bool {
        let found = self.word() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn unexpected<T>(&self) -> Result<T, ExprError> {
        let at = self.tokens.get(self.at).map_or(self.text.len(), |token| token.at);
        Err(ExprError::RustSyntax("unexpected token".to_owned(), at))
    }

    fn range(&mut self) -> Result<Expr, ExprError> {
        let dots = |p: &Self| matches!(p.sign(), Some(".." | "..="));
        let low = if dots(self) { None } else { Some(Box::new(self.binary(0)?)) };
        if !dots(self) {
            return low.map(|low| *low).map_or_else(|| self.unexpected(), Ok);
        }
        let inclusive = self.sign() == Some("..=");
        self.at += 1;
        let ends = matches!(self.sign(), Some("]" | ")" | ",")) || self.at >= self.tokens.len();
        let high = if ends && !inclusive { None } else { Some(Box::new(self.binary(0)?)) };
        Ok(Expr::Range(low, high, inclusive))
    }

    fn binary(&mut self, least: u8) -> Result<Expr, ExprError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(ExprError::TooDeep);
        }
        let mut left = self.atom()?;
        loop {
            if self.eat_word("as") {
                left = Expr::Cast(self.type_name()?, Box::new(left));
                continue;
            }
            let Some(sign) = self.sign() else { break };
            if let Some(op) = assignment(sign).filter(|_| least == 0) {
                self.at += 1;
                left = Expr::Assign(op, Box::new(left), Box::new(self.binary(0)?));
            } else if let Some((op, strength)) = binary(sign).filter(|(_, strength)| *strength >= least) {
                self.at += 1;
                left = Expr::Binary(op, Box::new(left), Box::new(self.binary(strength + 1)?));
            } else {
                break;
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    /// A thing with what stands in front of it and behind it.
    fn atom(&mut self) -> Result<Expr, ExprError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(ExprError::TooDeep);
        }
        let Some(token) = self.tokens.get(self.at).cloned() else { return self.unexpected() };
        self.at += 1;
        let prefixed = |p: &mut Self| p.atom().map(Box::new);
        let expr = match token.kind {
            Tok::Int(value, ty, _) => Expr::Int(value, ty),
            Tok::Float(value, ty) => Expr::Cast(named(ty), Box::new(Expr::Float(value, "double"))),
            Tok::Char(code) => Expr::Cast(named("char"), Box::new(Expr::Int(code.into(), "u32"))),
            Tok::Text(bytes) => Expr::Text(bytes),
            Tok::Bytes(bytes) => {
                Expr::Array(bytes.into_iter().map(|byte| Expr::Int(byte.into(), "u8")).collect())
            }
            Tok::Dollar(name) => Expr::Dollar(name),
            Tok::Sign("*") => Expr::Deref(prefixed(self)?),
            Tok::Sign("-") => Expr::Unary('-', prefixed(self)?),
            Tok::Sign("+") => Expr::Unary('+', prefixed(self)?),
            Tok::Sign("!") => Expr::Unary('!', prefixed(self)?),
            Tok::Sign("&") => {
                self.eat_word("mut");
                Expr::AddressOf(prefixed(self)?)
            }
            Tok::Sign("(") => self.group()?,
            Tok::Sign("[") => self.array()?,
            Tok::Word(word) if word == "sizeof" => self.size_of()?,
            Tok::Word(word) if word == "true" || word == "false" => Expr::Name(word),
            Tok::Word(_) | Tok::Sign("::") => {
                self.at -= 1;
                let path = self.path(true)?;
                match crate::symbols::qualified::split(&path) {
                    _ if self.eat("{") => Expr::Structure(path, self.fields()?),
                    ("", name) => Expr::Name(name.to_owned()),
                    (scope, name) => Expr::Scoped(scope.to_owned(), name.to_owned()),
                }
            }
            Tok::Sign(_) => {
                self.at -= 1;
                return self.unexpected();
            }
        };
        let expr = self.suffixes(expr)?;
        self.depth -= 1;
        Ok(expr)
    }

    fn suffixes(&mut self, expr: Expr) -> Result<Expr, ExprError> {
        let mut expr = expr;
        loop {
            if self.eat(".") {
                let Some(token) = self.tokens.get(self.at).cloned() else {
                    return refused("field name expected");
                };
                let name = match token.kind {
                    Tok::Word(name) => name,
                    Tok::Int(number, _, true) => format!("__{number}"),
                    Tok::Int(..) => {
                        return refused("'_' not allowed in integers in anonymous field references");
                    }
                    _ => return refused("field name expected"),
                };
                self.at += 1;
                expr = Expr::Member(Box::new(expr), name, false);
            } else if self.eat("[") {
                let index = self.range()?;
                self.close("]")?;
                expr = Expr::Index(Box::new(expr), Box::new(index));
            } else if self.eat("(") {
                let mut arguments = Vec::new();
                while !self.eat(")") {
                    if !arguments.is_empty() && !self.eat(",") {
                        return refused("',' or ')' expected");
                    }
                    arguments.push(self.range()?);
                }
                expr = Expr::Call(Box::new(expr), arguments);
            } else {
                return Ok(expr);
            }
        }
    }

    /// Behind `{`: the fields of a structure; a name alone is that of a variable as well.
    fn fields(&mut self) -> Result<Vec<(String, Expr)>, ExprError> {
        let mut fields = Vec::new();
        while !self.eat("}") {
            let Some(name) = self.word().map(str::to_owned) else {
                return refused("'}', '..', or identifier expected");
            };
            self.at += 1;
            let value = match self.eat(":") {
                true => self.range()?,
                false if matches!(self.sign(), Some("," | "}")) => Expr::Name(name.clone()),
                false => return refused("':' expected"),
            };
            fields.push((name, value));
            if !self.eat(",") && self.sign() != Some("}") {
                return refused("'}', '..', or identifier expected");
            }
        }
        Ok(fields)
    }

    pub(super) fn close(&mut self, sign: &str) -> Result<(), ExprError> {
        if self.eat(sign) { Ok(()) } else { refused(&format!("'{sign}' expected")) }
    }

    /// Behind `(`: an expression in parentheses, or nothing, which is a value.
    fn group(&mut self) -> Result<Expr, ExprError> {
        if self.eat(")") {
            return Ok(Expr::Cast(named("()"), Box::new(Expr::Int(0, "i32"))));
        }
        let inner = self.range()?;
        if self.eat(")") {
            return Ok(inner);
        }
        if !self.eat(",") {
            return refused("',' or ')' expected");
        }
        refused("Tuple expressions not supported yet")
    }

    /// Behind `[`: elements, or one and how often.
    fn array(&mut self) -> Result<Expr, ExprError> {
        self.eat_word("mut");
        let mut all = vec![self.range()?];
        if self.eat(";") {
            let Some(Token { kind: Tok::Int(count, ..), .. }) = self.tokens.get(self.at) else {
                return refused("integer expected");
            };
            let (count, first) = (*count, all.remove(0));
            if count > MAX_COPIES {
                return refused("Integer literal is too large");
            }
            self.at += 1;
            all = (0..count).map(|_| first.clone()).collect();
        }
        while self.eat(",") {
            if self.sign() != Some("]") {
                all.push(self.range()?);
            }
        }
        if !self.eat("]") {
            return refused("',', ';', or ']' expected");
        }
        Ok(Expr::Array(all))
    }

    fn size_of(&mut self) -> Result<Expr, ExprError> {
        if !self.eat("(") {
            return refused("'(' expected");
        }
        let start = self.at;
        // `[i32; 3]` would be an array of copies as well.
        let is_type = self.sign() == Some("[") && self.is_array();
        let expr = if is_type { self.unexpected() } else { self.range() };
        if let (Ok(expr), true) = (expr, self.eat(")")) {
            return Ok(Expr::SizeOf(Box::new(expr)));
        }
        self.at = start;
        let ty = self.type_name()?;
        self.close(")")?;
        Ok(Expr::SizeOfType(ty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_gdb_s() {
        for (text, said) in [
            ("1 +", "unexpected token"),
            ("(1", "',' or ')' expected"),
            ("(1, 2)", "Tuple expressions not supported yet"),
            ("a[", "unexpected token"),
            ("1, 2", "Syntax error near ', 2'"),
            ("p->x", "Syntax error near '->x'"),
            ("a.", "field name expected"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), said, "{text}");
        }
        assert_eq!(parse(&"(".repeat(100_000)).unwrap_err(), ExprError::TooDeep);
        assert_eq!(parse(&"-".repeat(100_000)).unwrap_err(), ExprError::TooDeep);
    }

    #[test]
    fn types_are_read_as_they_are_written() {
        let read = |text: &str| parse_type(text).unwrap();
        let plain = |base: &str| named(base);
        assert_eq!(read("*mut *const i32"), TypeName { pointers: 2, ..plain("i32") });
        assert_eq!(read("[[u8; 2]; 3]"), TypeName { arrays: vec![3, 2], ..plain("u8") });
        assert_eq!(read("&[i32; 3]"), TypeName { arrays: vec![3], inner: 1, ..plain("i32") });
        assert_eq!(read("&[(i32, u8)]"), plain("&[(i32, u8)]"));
        assert_eq!(read("&mut str"), plain("&str"));
        assert_eq!(read("core::option::Option<Vec<u8>>"), plain("core::option::Option<Vec<u8>>"));
        assert_eq!(read("super::super::Deep"), plain("super::super::Deep"));
        assert_eq!(parse_type("i32 +"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[-+*/()\\[\\]a-z$\"'0-9.x@&|!=:;<> ]{0,60}|\\PC{0,40}") {
            let _ = parse(&text);
            let _ = parse_type(&text);
        }
    }
}
